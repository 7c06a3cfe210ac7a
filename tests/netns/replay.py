#!/usr/bin/env python3
"""Sends a frame of a capture once more: the last Registration Request in it. What an intruder on the link can do.

    replay.py CAPTURE INTERFACE
"""
import socket
import struct
import sys

REGISTRATION_PORT = 434
REQUEST = 1


def frames(path):
    """The frames of a capture in the classic format, by either byte order."""
    with open(path, "rb") as file:
        octets = file.read()
    order = "<" if octets[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    position = 24
    while position + 16 <= len(octets):
        length = struct.unpack_from(order + "8xI4x", octets, position)[0]
        if position + 16 + length > len(octets):
            return  # still being written
        yield octets[position + 16:position + 16 + length]
        position += 16 + length


def is_request(frame):
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
        return False
    udp = 14 + 4 * (frame[14] & 15)
    return struct.unpack_from("!H", frame, udp + 2)[0] == REGISTRATION_PORT and frame[udp + 8:udp + 9] == bytes([REQUEST])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    requests = [frame for frame in frames(sys.argv[1]) if is_request(frame)]
    if not requests:
        sys.exit("there is no Registration Request in " + sys.argv[1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((sys.argv[2], 0))
        link.send(requests[-1])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Who is at the other end? Both ends of a connection say their world's name all the time, and fail when they hear another one.

  namesake.py serve --name NAME --bind ADDRESS:PORT                  says and hears it with whoever connects, until SIGTERM
  namesake.py talk --name NAME --bind ADDRESS:PORT --peer ADDRESS:PORT --bytes N
                                                                     connects, and N octets go each way at the same time
  namesake.py echo --name NAME --bind ADDRESS:PORT                   answers datagrams with the name, until SIGTERM
  namesake.py ask --name NAME --bind ADDRESS:PORT --peer ADDRESS:PORT --size N
                                                                     sends one of N octets, and wants the same number back
  namesake.py arp --bind ADDRESS:0 --peer ADDRESS:0 --interface NAME  asks the peer by ARP in the address's name, and wants an
                                                                     answer to the interface's link address
"""

import argparse
import socket
import struct
import sys
import threading

CHUNK = 1 << 16
PATIENCE = 20
ETHERTYPE_ARP = 0x0806


def endpoint(text):
    address, _, port = text.rpartition(":")
    return (address, int(port))


def open_socket(kind, arguments):
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(endpoint(arguments.bind))
    return sock


def block_of(name):
    word = (name + "\n").encode()
    return word * (CHUNK // len(word))


def say(sock, block, octets):
    """The peer may hang up when it has heard what it did not want to hear."""
    said = 0
    try:
        while said < octets:
            place = said % len(block)
            said += sock.send((block + block)[place:place + min(CHUNK, octets - said)])
        sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        print("cannot say:", error, file=sys.stderr)


def hear(sock, block, octets):
    """Everything until the other one has said all; false if any of it is another's."""
    heard = 0
    while True:
        data = sock.recv(CHUNK)
        if not data:
            break
        place = heard % len(block)
        if data != (block + block)[place:place + len(data)]:
            print("another's:", data[:60], file=sys.stderr)
            return False
        heard += len(data)
    if heard != octets:
        print(f"heard {heard} octets and not {octets}", file=sys.stderr)
    return heard == octets


def converse(sock, name, octets):
    block = block_of(name)
    sock.settimeout(PATIENCE)
    speaker = threading.Thread(target=say, args=(sock, block, octets))
    speaker.start()
    good = hear(sock, block, octets)
    speaker.join()
    sock.close()
    return good


def serve(arguments):
    listener = open_socket(socket.SOCK_STREAM, arguments)
    listener.listen()
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=converse, args=(sock, arguments.name, arguments.bytes), daemon=True).start()


def talk(arguments):
    sock = open_socket(socket.SOCK_STREAM, arguments)
    sock.settimeout(PATIENCE)
    sock.connect(endpoint(arguments.peer))
    return converse(sock, arguments.name, arguments.bytes)


def echo(arguments):
    sock = open_socket(socket.SOCK_DGRAM, arguments)
    while True:
        data, peer = sock.recvfrom(CHUNK)
        sock.sendto(block_of(arguments.name)[:len(data)], peer)


def ask(arguments):
    sock = open_socket(socket.SOCK_DGRAM, arguments)
    sock.settimeout(PATIENCE / 4)
    sock.sendto(block_of(arguments.name)[:arguments.size], endpoint(arguments.peer))
    data, _ = sock.recvfrom(CHUNK)
    if data != block_of(arguments.name)[:arguments.size]:
        print("another's:", data[:60], file=sys.stderr)
        return False
    return True


def arp(arguments):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP))
    sock.bind((arguments.interface, ETHERTYPE_ARP))
    sock.settimeout(PATIENCE / 4)
    own = sock.getsockname()[4]
    us, them = (socket.inet_aton(endpoint(each)[0]) for each in (arguments.bind, arguments.peer))
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    sock.send(b"\xff" * 6 + own + struct.pack("!H", ETHERTYPE_ARP) + head + own + us + bytes(6) + them)
    while True:
        frame = sock.recv(CHUNK)
        if frame[:6] == own and frame[20:22] == b"\0\2" and frame[28:32] == them and frame[32:42] == own + us:
            return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("serve", "talk", "echo", "ask", "arp"))
    parser.add_argument("--name", required=True)
    parser.add_argument("--bind", required=True)
    parser.add_argument("--peer")
    parser.add_argument("--interface")
    parser.add_argument("--bytes", type=int, default=2000000)
    parser.add_argument("--size", type=int, default=100)
    arguments = parser.parse_args()
    good = {"serve": serve, "talk": talk, "echo": echo, "ask": ask, "arp": arp}[arguments.what](arguments)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Throws what no honest peer would send at a daemon: truncated, oversized, looping and random input to its UDP port, its
tunnel, its router discovery and its ARP; and floods of what is well-formed but nobody's: requests of nodes and advertisements
of agents that do not exist. Bounded in count; paced; the same packets for the same seed.

  junk.py --interface IFACE --source ADDRESS --target ADDRESS --port PORT --mac OF-TARGET --home HOME-ADDRESS
          --agent HOME-AGENT --foreign CARE-OF-ADDRESS --count N --rate N [--seed N]
"""

import argparse
import fcntl
import os
import random
import socket
import struct
import time


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(source, destination, protocol, payload, ttl=64, length=None, version=0x45, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", version, 0, 20 + len(payload) if length is None else length, random.randrange(65536),
                       fragment, ttl, protocol, 0, socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source_port, destination_port, payload, length=None):
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(payload) if length is None else length, 0) + payload


def icmp(kind, code, rest, right=True):
    message = struct.pack("!BBH", kind, code, 0) + rest
    return message[:2] + struct.pack("!H", checksum(message) if right else random.randrange(65536)) + message[4:]


class Junk:
    def __init__(self, arguments):
        self.random = random.Random(arguments.seed)
        random.seed(arguments.seed)
        self.target, self.home, self.agent, self.foreign = arguments.target, arguments.home, arguments.agent, arguments.foreign
        self.port = arguments.port
        self.kinds = [self.noise, self.message, self.truncated, self.extensions, self.tunnel, self.looping, self.discovery,
                      self.broken_ip, self.arp, self.oversized, self.reply, self.icmp_error, self.nobody, self.no_agent]

    def octets(self, least, most):
        return self.random.randbytes(self.random.randint(least, most))

    def somebody(self):
        return self.random.choice([self.home, self.agent, self.foreign, self.target, "0.0.0.0", "255.255.255.255", "127.0.0.1",
                                   "224.0.0.11", self.anybody()])

    def anybody(self):
        return ".".join(str(self.random.randrange(256)) for _ in range(4))

    def to_port(self, payload, **changed):
        source_port = self.random.choice([434, self.random.randrange(65536)])
        source = self.somebody()
        if self.random.random() < 0.5:
            source = self.source
        return self.frame(ip(source, self.random.choice([self.target, self.target, "255.255.255.255", "224.0.0.11"]), 17,
                             udp(source_port, self.port, payload, **changed)))

    def frame(self, packet, kind=0x0800, own=None):
        where = self.random.choice([self.mac, self.mac, b"\xff" * 6, bytes.fromhex("01005e00000b")])
        return where + (own or self.own) + struct.pack("!H", kind) + packet

    def noise(self):
        return self.to_port(self.octets(0, 1400))

    def message(self):
        return self.to_port(bytes([self.random.choice([0, 1, 2, 3, 5, 7, 15, 16, 255])]) + self.octets(0, 200))

    def request(self):
        return struct.pack("!BBH", 1, self.random.randrange(256), self.random.choice([0, 1, 600, 65535])) + b"".join(
            socket.inet_aton(self.somebody()) for _ in range(3)) + self.octets(8, 8)

    def authentication(self, kind):
        return struct.pack("!BBI", kind, 20, self.random.choice([0, 255, 1000, 1001, 0xFFFFFFFF])) + self.octets(16, 16)

    def truncated(self):
        whole = self.request() + self.authentication(32)
        return self.to_port(whole[:self.random.randrange(len(whole) + 1)])

    def extensions(self):
        chain = b""
        for _ in range(self.random.randint(0, 12)):
            kind = self.random.choice([0, 32, 33, 34, 36, 38, 44, 45, 130, 131, 132, 134, 137, 139, 144, self.random.randrange(256)])
            chain += bytes([kind, self.random.randrange(256)]) + self.octets(0, 30)
        return self.to_port(self.request() + chain + self.random.choice([b"", self.authentication(32), b"\0" * 900, b"\x80\x00" * 300]))

    def reply(self):
        text = struct.pack("!BBH", 3, self.random.choice([0, 1, 66, 78, 131, 133, 255]), 600) + socket.inet_aton(
            self.home) + socket.inet_aton(self.agent) + self.octets(8, 8)
        packet = text + self.random.choice([b"", self.authentication(32), self.authentication(34), self.octets(1, 60)])
        return self.frame(ip(self.random.choice([self.agent, self.somebody()]), self.random.choice([self.home, self.target]), 17,
                             udp(434, self.random.choice([434, self.port]), packet)))

    def inner(self):
        return ip(self.random.choice([self.home, self.somebody()]), self.random.choice([self.home, self.target, self.somebody()]),
                  self.random.choice([1, 4, 6, 17, 47, 55]), self.octets(0, 200), ttl=self.random.choice([0, 1, 2, 64]),
                  length=self.random.choice([None, None, 0, 19, 65535]))

    def tunnel(self):
        if self.random.random() < 0.5:
            return self.frame(ip(self.source, self.target, self.random.choice([4, 47, 55]), self.inner()[:self.random.randint(0, 260)]))
        head = bytes([4, self.random.choice([0, 4, 47, 55]), 0, 0])[:self.random.choice([4, 4, 4, 3, 1])]
        return self.to_port(head + self.inner()[:self.random.randint(0, 260)])

    def looping(self):
        packet = ip(self.home, self.target, 1, icmp(8, 0, self.octets(4, 40)))
        for _ in range(self.random.randint(1, 30)):
            ends = self.random.choice([(self.target, self.target), (self.agent, self.target), (self.target, self.agent),
                                       (self.home, self.home), (self.home, self.target)])
            packet = ip(ends[0], ends[1], 4, packet, ttl=255)
        if self.random.random() < 0.5:
            return self.to_port(b"\x04\x04\x00\x00" + packet)
        return self.frame(ip(self.source, self.target, 4, packet))

    def discovery(self):
        kind = self.random.choice([9, 10])
        # By chance some of these are in order. That the node's own agents may be spoken for by anybody is the protocol's
        # (RFC 5944 5.1), so with their addresses the checksum is wrong.
        source, right = self.somebody(), self.random.random() < 0.7
        right = right and source not in (self.agent, self.foreign)
        rest = self.random.choice([
            self.octets(0, 64),
            struct.pack("!BBH", self.random.randrange(4), self.random.randrange(4), self.random.randrange(65536)) + self.octets(0, 40)
            + bytes([16, self.random.randrange(64)]) + self.octets(0, 80)])
        return self.frame(ip(source, self.random.choice([self.target, "224.0.0.1", "224.0.0.2", "255.255.255.255"]), 1,
                             icmp(kind, self.random.choice([0, 16, 200]), rest, right), ttl=self.random.choice([1, 64])))

    def nobody(self):
        """A request in order, of a node that does not exist, by a link address of its own."""
        request = struct.pack("!BBH", 1, self.random.choice([0x02, 0x20, 0x22]), 600) + socket.inet_aton(self.anybody()) + socket.inet_aton(
            self.random.choice([self.agent, "10.9.9.9"])) + socket.inet_aton(self.foreign) + self.octets(8, 8)
        packet = ip(self.source, self.target, 17, udp(434, self.port, request + self.authentication(32)), ttl=255)
        return self.frame(packet, own=b"\x02\x66\0\0" + struct.pack("!H", self.random.randrange(1000)))

    def no_agent(self):
        """An advertisement in order, of a foreign agent that does not exist."""
        source = f"10.2.{self.random.randrange(1, 255)}.{self.random.randrange(1, 255)}"
        rest = struct.pack("!BBH", 1, 2, self.random.randrange(1, 9000)) + socket.inet_aton(source) + b"\0\0\0\0"
        rest += struct.pack("!BBHHH", 16, 10, self.random.randrange(65536), 600, 0x1100) + socket.inet_aton(source)
        return self.frame(ip(source, "255.255.255.255", 1, icmp(9, 0, rest), ttl=1))

    def icmp_error(self):
        inside = ip(self.target, self.agent, 17, udp(434, 434, self.request()))
        return self.frame(ip(self.somebody(), self.target, 1, icmp(3, self.random.randrange(16), self.octets(4, 4) + inside[:28 + self.random.randrange(30)])))

    def broken_ip(self):
        packet = ip(self.somebody(), self.target, self.random.choice([1, 4, 17]), self.octets(0, 60), version=self.random.randrange(256),
                    length=self.random.randrange(65536), fragment=self.random.choice([0, 0x2000, 0x1FFF, 185]))
        return self.frame(packet[:self.random.randint(0, len(packet))])

    def arp(self):
        return self.frame(struct.pack("!HHBBH", self.random.choice([1, 6]), 0x0800, self.random.choice([6, 255]), self.random.choice([4, 255]),
                                      self.random.choice([1, 2, 3])) + self.octets(0, 40), 0x0806)

    def oversized(self):
        # Larger than any message of the protocol, as large as the link takes.
        return self.to_port(self.request() + self.octets(1300, 1440))

    def one(self):
        return self.random.choice(self.kinds)()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("interface", "target", "home", "agent", "foreign"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--port", type=int, default=434)
    parser.add_argument("--mac", required=True)
    parser.add_argument("--source", required=True, help="an address that passes for a neighbour's")
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--rate", type=float, default=15000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    arguments = parser.parse_args()
    print("seed", arguments.seed, flush=True)

    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((arguments.interface, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    junk = Junk(arguments)
    junk.mac = bytes.fromhex(arguments.mac.replace(":", ""))
    junk.own = fcntl.ioctl(sock, 0x8927, struct.pack("16s240x", arguments.interface.encode()))[18:24]
    junk.source = arguments.source

    begin, sent, refused, large = time.monotonic(), 0, 0, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while sent < arguments.count and refused < arguments.count:
        ahead = sent / arguments.rate - (time.monotonic() - begin)
        if ahead > 0.005:
            time.sleep(ahead)
        try:
            if sent % 500 == 0:
                # Larger than any link takes: the kernel cuts it into fragments and joins them again.
                large.sendto(junk.request() + junk.octets(20000, 60000), (arguments.target, arguments.port))
            else:
                sock.send(junk.one())
        except OSError:
            # The link is full, or the packet too much for it: another one.
            refused += 1
            continue
        sent += 1
    print("sent", sent, "in", round(time.monotonic() - begin, 1), "s,", refused, "refused by the link", flush=True)


if __name__ == "__main__":
    main()

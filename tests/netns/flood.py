#!/usr/bin/env python3
"""Valid requests of two nodes in the middle of a flood, and how long each waits for its answer.

  flood.py --agent HOME-AGENT --seconds S --rate N --key HEX --spi SPI --stay HOME-ADDRESS --move HOME-ADDRESS --sources ADDRESS…

The one node stays where it is and renews; the other registers from another of the sources, and another port, each time,
as who has just come. The kernel says when the answer came, so that this program's own pace is not counted. Prints one JSON
object: requests, answers, codes, and the percentiles of the waits in milliseconds for each node; `captured` is the
first request, in hex, for others to replay.
"""
import argparse
import json
import select
import socket
import struct
import time

import peer

SO_TIMESTAMPNS = 35
LATE = 2.0  # seconds after which no answer is waited for any more


class Node:
    """A mobile node by its own address (D), which signs as the home agent knows it."""

    def __init__(self, home, agent, security):
        self.home, self.agent, self.security = home, agent, security
        self.asked, self.waits, self.codes = {}, [], {}
        self.last = 0

    def request(self, care_of):
        self.last = max(self.last + 1, peer.timestamp())
        octets = peer.request(home=self.home, agent=self.agent, care_of=care_of, flags="D", identification=self.last)
        return peer.authenticated(octets, peer.MOBILE_HOME, self.security)

    def ask(self, sock, source):
        octets = self.request(source)
        self.asked[self.last] = time.time()
        sock.sendto(octets, (self.agent, peer.PORT))
        return octets

    def answered(self, octets, when):
        reply = peer.Registration(octets)
        if reply.kind != peer.REPLY or reply.identification not in self.asked or not reply.holds(peer.MOBILE_HOME, self.security):
            return
        self.waits.append(1000 * (when - self.asked.pop(reply.identification)))
        self.codes[reply.code] = self.codes.get(reply.code, 0) + 1

    def report(self):
        waits = sorted(self.waits)

        def percentile(part):
            return round(waits[min(len(waits) - 1, int(part * len(waits)))], 3) if waits else None

        return {"requests": len(waits) + len(self.asked), "answers": len(waits), "codes": self.codes, "median": percentile(0.5),
                "p90": percentile(0.9), "p99": percentile(0.99), "most": percentile(1)}


def open_socket(address, port=0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((address, port))
    return sock


def take(sock, node):
    octets, control, _, _ = sock.recvmsg(2048, 256)
    when = time.time()
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            when = seconds + nanoseconds / 1e9
    node.answered(octets, when)


def main():
    parser = argparse.ArgumentParser()
    for name in ("agent", "key", "stay", "move"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--sources", required=True, nargs="+")
    parser.add_argument("--spi", required=True, type=int)
    parser.add_argument("--seconds", required=True, type=float)
    parser.add_argument("--rate", required=True, type=float)
    arguments = parser.parse_args()
    security = peer.Security(arguments.spi, "hmac-md5", bytes.fromhex(arguments.key))
    stay, move = (Node(home, arguments.agent, security) for home in (arguments.stay, arguments.move))
    sockets = {open_socket(arguments.sources[0]): stay}
    fixed = next(iter(sockets))
    captured = stay.ask(fixed, arguments.sources[0])
    begin = time.monotonic()
    due, turn = begin, 0
    while time.monotonic() < begin + arguments.seconds + (LATE if stay.asked or move.asked else 0):
        if due < begin + arguments.seconds and time.monotonic() >= due:
            due += 1 / arguments.rate
            turn += 1
            if turn % 2:
                stay.ask(fixed, arguments.sources[0])
            else:
                source = arguments.sources[turn // 2 % len(arguments.sources)]
                sock = open_socket(source)
                sockets[sock] = move
                move.ask(sock, source)
                if len(sockets) > 400:  # whose answers are long due
                    old = list(sockets)[1]
                    sockets.pop(old)
                    old.close()
        ready, _, _ = select.select(list(sockets), [], [], max(0, min(due - time.monotonic(), 0.05)))
        for sock in ready:
            take(sock, sockets[sock])
    print(json.dumps({"stay": stay.report(), "move": move.report(), "captured": captured.hex()}))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The programs at the two ends of a lab: a voice-like UDP stream each way and a TCP transfer.

Each writes what it saw as JSON when it is told to stop (SIGTERM) or is done. Times are CLOCK_MONOTONIC in seconds,
the same for all namespaces of one machine.

  traffic.py voice --bind ADDRESS:PORT --peer ADDRESS:PORT --log FILE     sends 50 packets a second, takes the peer's
  traffic.py serve --bind ADDRESS:PORT --bytes N --rate N --log FILE      sends N bytes to who connects, at N bytes/s;
                                                          [--until FILE]  goes on until that file is there
  traffic.py fetch --bind ADDRESS --peer ADDRESS:PORT --log FILE          takes them
  traffic.py report --voice-sent FILE --voice-received FILE [--from T --to T] [WHAT…]  longest gap and loss in a stretch of time
"""

import argparse
import hashlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time

VOICE_INTERVAL = 0.020
VOICE_PAYLOAD = 160
CHUNK = 65536


def endpoint(text):
    address, _, port = text.rpartition(":")
    return (address, int(port))


class Stop(Exception):
    """SIGTERM came."""


def stop(_number, _frame):
    raise Stop


def write_log(path, record):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file)


def voice(arguments):
    """One socket for both directions: what a telephone does."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(endpoint(arguments.bind))
    sock.setblocking(False)
    peer = endpoint(arguments.peer)
    sent, received, refused = [], [], 0
    try:
        begin = time.monotonic()
        number = 0
        while True:
            due = begin + number * arguments.interval
            wait = due - time.monotonic()
            if wait > 0:
                if select.select([sock], [], [], wait)[0]:
                    try:
                        packet = sock.recv(2048)
                        arrived = time.monotonic()
                        theirs, left = struct.unpack_from("!Id", packet)
                        received.append((theirs, left, arrived))
                    except OSError:
                        pass
                continue
            now = time.monotonic()
            packet = struct.pack("!Id", number, now).ljust(VOICE_PAYLOAD, b"\0")
            try:
                sock.sendto(packet, peer)
            except OSError:
                refused += 1
            sent.append((number, now))
            number += 1
    except Stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        write_log(arguments.log, {"sent": sent, "received": received, "refused": refused})


def pattern(offset, length):
    """Bytes that differ everywhere, so that a lost, repeated or moved block shows in the digest."""
    first = offset // 8
    block = b"".join(struct.pack("!Q", (first + index) * 0x9E3779B97F4A7C15 & (2**64 - 1))
                     for index in range(length // 8))
    return block


def serve(arguments):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(endpoint(arguments.bind))
    listener.listen(1)
    digest = hashlib.sha256()
    sent = 0
    try:
        connection, _ = listener.accept()
        begin = time.monotonic()
        block = pattern(0, CHUNK)
        while sent < arguments.bytes or (arguments.until and not os.path.exists(arguments.until)):
            ahead = sent / arguments.rate - (time.monotonic() - begin)
            if ahead > 0:
                time.sleep(min(ahead, 0.01))
                continue
            left = CHUNK if arguments.until else min(CHUNK, arguments.bytes - sent)
            piece = (struct.pack("!Q", sent) + block[8:])[:left]
            connection.sendall(piece)
            digest.update(piece)
            sent += len(piece)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(60)
        connection.recv(1)
        connection.close()
        write_log(arguments.log, {"bytes": sent, "sha256": digest.hexdigest(), "done": True})
    except (Stop, OSError) as error:
        write_log(arguments.log, {"bytes": sent, "sha256": digest.hexdigest(), "done": False, "error": repr(error)})
        sys.exit(1)


def fetch(arguments):
    digest = hashlib.sha256()
    arrivals, taken = [], 0
    try:
        sock = socket.create_connection(endpoint(arguments.peer), timeout=120, source_address=(arguments.bind, 0))
        while True:
            piece = sock.recv(CHUNK)
            if not piece:
                break
            digest.update(piece)
            taken += len(piece)
            arrivals.append((time.monotonic(), len(piece)))
        sock.close()
        write_log(arguments.log, {"bytes": taken, "sha256": digest.hexdigest(), "arrivals": arrivals, "done": True})
    except (Stop, OSError) as error:
        write_log(arguments.log, {"bytes": taken, "sha256": digest.hexdigest(), "arrivals": arrivals,
                                  "done": False, "error": repr(error)})
        sys.exit(1)


def longest_gap(times, begin, end):
    """The longest silence between two arrivals that touches [begin, end]."""
    longest = 0.0
    previous = begin
    for moment in times:
        if moment > end:
            break
        if moment >= begin:
            longest = max(longest, moment - previous)
        previous = moment
    return max(longest, end - previous)


def stretch(sent, received, begin, end):
    """What became of the packets sent in [begin, end), and the longest silence meanwhile."""
    numbers = {number for number, when in sent if begin <= when < end}
    arrived = [number for number, _, _ in received if number in numbers]
    return {
        "sent": len(numbers),
        "lost": len(numbers - set(arrived)),
        "repeated": len(arrived) - len(set(arrived)),
        "gap_ms": round(1000 * longest_gap([when for _, _, when in received], begin, end), 1),
    }


def report(arguments):
    with open(arguments.voice_sent, encoding="utf-8") as file:
        sent = json.load(file)["sent"]
    with open(arguments.voice_received, encoding="utf-8") as file:
        received = json.load(file)["received"]
    begin = arguments.begin if arguments.begin is not None else sent[0][1]
    end = arguments.end if arguments.end is not None else sent[-1][1]
    found = stretch(sent, received, begin, end)
    print(*(found[name] for name in arguments.what) if arguments.what else [json.dumps(found)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("voice")
    command.add_argument("--bind", required=True)
    command.add_argument("--peer", required=True)
    command.add_argument("--log", required=True)
    command.add_argument("--interval", type=float, default=VOICE_INTERVAL, help="seconds between packets")
    command.set_defaults(run=voice)
    command = commands.add_parser("serve")
    command.add_argument("--bind", required=True)
    command.add_argument("--bytes", type=int, required=True)
    command.add_argument("--rate", type=float, required=True)
    command.add_argument("--until", metavar="FILE", help="goes on, beyond those bytes, until the file is there")
    command.add_argument("--log", required=True)
    command.set_defaults(run=serve)
    command = commands.add_parser("fetch")
    command.add_argument("--bind", required=True)
    command.add_argument("--peer", required=True)
    command.add_argument("--log", required=True)
    command.set_defaults(run=fetch)
    command = commands.add_parser("report")
    command.add_argument("--voice-sent", required=True)
    command.add_argument("--voice-received", required=True)
    command.add_argument("--from", dest="begin", type=float)
    command.add_argument("--to", dest="end", type=float)
    command.add_argument("what", nargs="*", help="this alone, without names")
    command.set_defaults(run=report)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    arguments.run(arguments)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Judges captures of Mobile IP: each registration, revocation and agent discovery packet decodes in tshark without a
malformed field, no other packet is malformed either, and each authenticator verifies with Python's hmac and hashlib.

A key is ADDRESS SPI ALGORITHM HEX; ADDRESS is the home address, an agent's address for associations between agents, or
`any`. The last line is `N passed, N failed`; the exit status is 1 if something failed or if nothing was there to judge.
"""
import argparse
import hashlib
import hmac
import shutil
import socket
import struct
import subprocess
import sys

FIELDS = ("frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.message", "_ws.expert.severity", "icmp.type",
          "mip.type", "udp.payload")
SEVERITY_ERROR = 8388608
AUTHENTICATIONS = {32: "Mobile-Home", 33: "Mobile-Foreign", 34: "Foreign-Home", 36: "Mobile-AAA"}
FIXED = {1: 24, 3: 20, 7: 20, 15: 12}  # octets before the extensions, by the message's type
LONG = (36, 38)  # extensions whose length has 16 bits (RFC 5944 1.10)


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def judge(self, holds, what):
        self.passed += bool(holds)
        self.failed += not holds
        if not holds:
            print("FAILED " + what)


def packets(capture, display_filter):
    command = ["tshark", "-n", "-r", capture, "-Y", display_filter, "-T", "fields", "-E", "separator=/t", "-E",
               "occurrence=a", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit("tshark cannot read %s: %s" % (capture, result.stderr.strip()))
    for line in result.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("\t")))


def extensions(message):
    """Type, offset of the data, end; raises ValueError when one runs past the end."""
    position = FIXED[message[0]]
    while position < len(message):
        kind = message[position]
        if kind == 0:
            position += 1
            continue
        data = position + (4 if kind in LONG else 2)
        if data > len(message):
            raise ValueError("an extension is cut short")
        end = data + struct.unpack_from("!xxH" if kind in LONG else "!xB", message, position)[0]
        if end > len(message):
            raise ValueError("an extension runs past the end")
        yield kind, data, end
        position = end


def authenticator(algorithm, key, data, challenge=b"\0"):
    if algorithm == "keyed-md5":
        return hashlib.md5(key + data + key).digest()
    if algorithm == "chap-md5":  # RFC 4721 8
        return hashlib.md5(challenge[:1] + key + hashlib.md5(data).digest() + challenge[-237:]).digest()
    return hmac.new(key, data, {"hmac-md5": "md5", "hmac-sha1": "sha1", "hmac-sha256": "sha256"}[algorithm]).digest()


def addresses(message):
    """The addresses that a key may be filed under: home address, home agent, care-of address."""
    count = {1: 3, 3: 2, 7: 3, 15: 1}[message[0]]
    return {socket.inet_ntoa(message[4 + 4 * i:8 + 4 * i]) for i in range(count)} | {"any"}


def judge_authenticators(tally, message, keys, where):
    found = []
    challenge = b"\0"  # RFC 4721 3.5: a node without one
    try:
        for kind, data, end in extensions(message):
            if kind == 132:
                challenge = message[data:end]
            if kind in AUTHENTICATIONS and end - data >= 4:
                found.append((kind, data, end))
    except ValueError as wrong:
        tally.judge(False, "%s: %s" % (where, wrong))
    for kind, data, end in found:
        spi = struct.unpack_from("!I", message, data)[0]
        named = "%s: %s authenticator, SPI %d" % (where, AUTHENTICATIONS[kind], spi)
        # A node that asks for a home address is known by its NAI alone: any key of that SPI may be its own.
        nameless = message[4:8] == bytes(4)
        candidates = [key for key in keys if key[1] == spi and (nameless or key[0] in addresses(message))]
        if not candidates:
            tally.judge(False, named + ": no key was given for it")
            continue
        tally.judge(any(hmac.compare_digest(authenticator(algorithm, key, message[:data + 4], challenge), message[data + 4:end])
                        for _address, _spi, algorithm, key in candidates), named + ": does not verify")
    # RFC 5944 3.4: only what a foreign agent says itself may come without one.
    if not found and not (message[0] == 3 and 64 <= message[1] <= 127):
        tally.judge(False, where + ": no authenticator")
    return len(found)


def judge_capture(tally, capture, keys):
    messages = discoveries = authenticators = 0
    for packet in packets(capture, "(mip && mip.type != 4) || icmp.type == 9 || icmp.type == 10"):
        where = "%s, packet %s" % (capture, packet["frame.number"])
        errors = [one for one in packet["_ws.expert.severity"].split(",") if one and int(one) >= SEVERITY_ERROR]
        tally.judge(not packet["_ws.malformed"] and not errors, "%s: tshark: %s" % (
            where, packet["_ws.expert.message"] or "malformed"))
        discoveries += "mip" not in packet["frame.protocols"].split(":")
        for payload in filter(None, packet["udp.payload"].split(",")):
            message = bytes.fromhex(payload.replace(":", ""))
            if message and message[0] in FIXED and len(message) >= FIXED[message[0]]:
                messages += 1
                authenticators += judge_authenticators(tally, message, keys, where)
    for packet in packets(capture, "_ws.malformed && !(mip && mip.type != 4) && !(icmp.type == 9 || icmp.type == 10)"):
        tally.judge(False, "%s, packet %s (%s): malformed: %s" % (
            capture, packet["frame.number"], packet["frame.protocols"], packet["_ws.expert.message"]))
    print("%s: %d registration and revocation messages, %d of agent discovery, %d authenticators" % (
        capture, messages, discoveries, authenticators))


def key_of(values):
    address, spi, algorithm, key = values
    return address, int(spi, 0), algorithm, bytes.fromhex(key.removeprefix("hex:"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", nargs=4, action="append", default=[], metavar=("ADDRESS", "SPI", "ALGORITHM", "HEX"))
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    arguments = parser.parse_args()
    if not shutil.which("tshark"):
        sys.exit("tshark is not installed")
    try:
        keys = [key_of(values) for values in arguments.key]
        for key in keys:
            authenticator(key[2], key[3], b"")
    except (ValueError, KeyError) as wrong:
        parser.error("bad key: %s" % wrong)
    tally = Tally()
    for capture in arguments.captures:
        judge_capture(tally, capture, keys)
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())

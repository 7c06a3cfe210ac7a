#!/usr/bin/python3 -B
"""Judges that no one here wrote: what the library writes goes through tshark and scapy, field by field.

usage: others.py GOLDEN JUDGED FOLDER

GOLDEN and JUDGED are the files of golden.py: the fields that a message stands for, and the octets that the library wrote from
them. They become a capture in FOLDER; what tshark and scapy read there must be those fields. What neither of them decodes
(scapy has no extensions, tshark 4.0 no Foreign Agent Error) is left to golden.py, which says what it should be as well.
The last line is `N passed, N failed`.
"""
import json
import os
import struct
import subprocess
import sys

import peer

from scapy.layers.mobileip import MobileIP, MobileIPRRP, MobileIPRRQ, MobileIPTunnelData

LINK = bytes(6) + bytes(6) + b"\x08\x00"
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
REGISTRATION = ("registration-request", "registration-reply", "revocation", "revocation-acknowledgment", "tunnel-data")
REQUEST_FLAGS, AGENT_FLAGS = "SBDMGrTx", "RBHFMGrTUXI"


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def judge(self, what, found, wanted):
        self.failed += found != wanted
        self.passed += found == wanted
        if found != wanted:
            print("FAILED %s: is %s, not %s" % (what, found, wanted))


def bits(letters, names, highest):
    return sum(highest >> names.index(letter) for letter in letters)


def packet_of(message, octets):
    """In an Ethernet frame, as it stands on a link."""
    if message in REGISTRATION:
        payload = peer.udp_datagram("10.2.0.1", "10.1.0.1", (434, 434), octets)
        return LINK + peer.ip_packet("10.2.0.1", "10.1.0.1", peer.UDP, payload)
    return LINK + peer.ip_packet("10.2.0.1", "224.0.0.1", peer.ICMP, octets, ttl=1)


def messages(golden, judged):
    """Name, fields and octets of what the library wrote."""
    with open(golden) as file:
        wanted = {line.split("\t")[0]: line.rstrip("\n").split("\t") for line in file}
    with open(judged) as file:
        for line in file:
            name, octets, *_ = line.rstrip("\n").split("\t")
            fields = json.loads(wanted[name][3]) if wanted[name][3] else {}
            if wanted[name][1] == "both" and fields.get("message") in (*REGISTRATION, "agent-advertisement", "solicitation"):
                yield name, fields, bytes.fromhex(octets)


def write_capture(name, packets):
    with open(name, "wb") as file:
        file.write(PCAP_HEADER)
        for number, packet in enumerate(packets):
            file.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


# --- tshark ----------------------------------------------------------------------------------------------------------

FIELDS = ("_ws.malformed", "mip.type", "mip.flags", "mip.code", "mip.life", "mip.homeaddr", "mip.haaddr", "mip.coa", "mip.ext.type",
          "mip.auth.spi", "mip.auth.auth", "mip.nai", "mip.ext.utrq.f", "mip.ext.utrq.r", "mip.ext.utrq.encaptype",
          "mip.ext.utrp.code", "mip.ext.utrp.f", "mip.ext.utrp.keepalive", "mip.ext.rev.i", "mip.ext.rev.tstamp",
          "mip.rev.a", "mip.rev.i", "mip.rev.hda", "mip.rev.fda", "mip.revid", "mip.ack.i", "mip.nattt.nexthdr", "icmp.type",
          "icmp.mip.seq", "icmp.mip.life", "icmp.mip.flags", "icmp.mip.coa", "icmp.checksum.status")
# It does not know the one; the others it reads as if their length had 8 bits, where RFC 4433 3.4 draws 16.
MISSING_IN_TSHARK = {"foreign-agent-error", "requested-home-agent", "redirected-home-agent"}


def tshark(capture):
    command = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit("tshark cannot read %s: %s" % (capture, done.stderr.strip()))
    return [dict(zip(FIELDS, line.split("\t"))) for line in done.stdout.splitlines()]


def number(text):
    """tshark writes numbers in base ten or sixteen, truth as 1 or True."""
    return int({"True": "1", "False": "0"}.get(text, text) or "-1", 0)


def numbers(text):
    return [number(word) for word in text.split(",")] if text else []


def judge_extensions(tally, name, seen, fields):
    extensions = fields.get("extensions", [])
    tally.judge(name + ": extensions, tshark", numbers(seen["mip.ext.type"]), [one["type"] for one in extensions])
    signed = [one for one in extensions if "authenticator" in one]
    tally.judge(name + ": SPIs, tshark", numbers(seen["mip.auth.spi"]), [one["spi"] for one in signed])
    tally.judge(name + ": authenticators, tshark", seen["mip.auth.auth"].replace(":", ""),
                ",".join(one["authenticator"] for one in signed))
    for one in extensions:
        for field, value in {
                "mobile-node-nai": lambda: {"mip.nai": one["nai"]} if one["nai"].isascii() else {},
                "udp-tunnel-request": lambda: {"mip.ext.utrq.f": one["force"], "mip.ext.utrq.r": one["through_foreign_agent"],
                                               "mip.ext.utrq.encaptype": one["encapsulation"]},
                "udp-tunnel-reply": lambda: {"mip.ext.utrp.code": one["code"], "mip.ext.utrp.f": one["forced"],
                                             "mip.ext.utrp.keepalive": one["keepalive_interval"]},
                "revocation-support": lambda: {"mip.ext.rev.i": one["inform"], "mip.ext.rev.tstamp": one["timestamp"]},
        }.get(one["extension"], dict)().items():
            found = seen[field] if isinstance(value, str) else number(seen[field])
            tally.judge("%s: %s, tshark" % (name, field), found, value)


def wanted_by_tshark(fields):
    """What stands in the fixed part."""
    kind = fields["message"]
    if kind == "registration-request":
        return {"mip.type": 1, "mip.flags": bits(fields["flags"], REQUEST_FLAGS, 0x80), "mip.life": fields["lifetime"],
                "mip.homeaddr": fields["home_address"], "mip.haaddr": fields["home_agent"], "mip.coa": fields["care_of_address"]}
    if kind == "registration-reply":
        return {"mip.type": 3, "mip.code": fields["code"], "mip.life": fields["lifetime"],
                "mip.homeaddr": fields["home_address"], "mip.haaddr": fields["home_agent"]}
    if kind == "revocation":
        return {"mip.type": 7, "mip.rev.a": fields["from_home_agent"], "mip.rev.i": fields["inform"],
                "mip.homeaddr": fields["home_address"], "mip.rev.hda": fields["home_domain"],
                "mip.rev.fda": fields["foreign_domain"], "mip.revid": fields["identifier"]}
    if kind == "revocation-acknowledgment":
        return {"mip.type": 15, "mip.ack.i": fields["inform"], "mip.homeaddr": fields["home_address"],
                "mip.revid": fields["identifier"]}
    if kind == "tunnel-data":
        return {"mip.type": 4, "mip.nattt.nexthdr": fields["next_header"]}
    if kind == "solicitation":
        return {"icmp.type": 10, "icmp.checksum.status": 1}
    return {"icmp.type": 9, "icmp.checksum.status": 1, "icmp.mip.seq": fields["sequence"],
            "icmp.mip.life": fields["registration_lifetime"], "icmp.mip.flags": bits(fields["flags"], AGENT_FLAGS, 0x8000),
            "icmp.mip.coa": ",".join(fields["care_of_addresses"])}


def judge_by_tshark(tally, name, seen, fields):
    names = {one["extension"] for one in fields.get("extensions", [])}
    # An inner packet that is none is malformed in its own way.
    if not names & MISSING_IN_TSHARK and fields["message"] != "tunnel-data":
        tally.judge(name + ": malformed, tshark", seen["_ws.malformed"], "")
    for field, value in wanted_by_tshark(fields).items():
        found = seen[field] if isinstance(value, str) else number(seen[field].split(",")[0])
        tally.judge("%s: %s, tshark" % (name, field), found, value)
    if "extensions" in fields and not names & MISSING_IN_TSHARK:
        judge_extensions(tally, name, seen, fields)


# --- scapy -----------------------------------------------------------------------------------------------------------

def judge_by_scapy(tally, name, octets, fields):
    message = MobileIP(octets)
    kind = fields["message"]
    wanted = {}
    if kind == "registration-request":
        layer = message[MobileIPRRQ]
        found = (message.type, int(layer.flags), layer.lifetime, layer.homeaddr, layer.haaddr, layer.coaddr,
                 layer.id if isinstance(layer.id, str) else "%016x" % layer.id)
        wanted = (1, bits(fields["flags"], REQUEST_FLAGS, 0x80), fields["lifetime"], fields["home_address"], fields["home_agent"],
                  fields["care_of_address"], fields["identification"])
    elif kind == "registration-reply":
        layer = message[MobileIPRRP]
        found = (message.type, layer.code, layer.lifetime, layer.homeaddr, layer.haaddr,
                 layer.id if isinstance(layer.id, str) else "%016x" % layer.id)
        wanted = (3, fields["code"], fields["lifetime"], fields["home_address"], fields["home_agent"], fields["identification"])
    elif kind == "tunnel-data":
        layer = message[MobileIPTunnelData]
        found, wanted = (message.type, layer.nexthdr, layer.res), (4, fields["next_header"], 0)
    if wanted:
        tally.judge(name + ": scapy", found, wanted)


def main():
    if len(sys.argv) != 4:
        print("usage: others.py GOLDEN JUDGED FOLDER\n\n" + __doc__)
        sys.exit(0 if sys.argv[1:] == ["-h"] else 2)
    golden, judged, folder = sys.argv[1:]
    tally = Tally()
    written = list(messages(golden, judged))
    capture = os.path.join(folder, "messages.pcap")
    write_capture(capture, [packet_of(fields["message"], octets) for _, fields, octets in written])
    seen = tshark(capture)
    tally.judge("packets in the capture", len(seen), len(written))
    for (name, fields, octets), one in zip(written, seen):
        judge_by_tshark(tally, name, one, fields)
        judge_by_scapy(tally, name, octets, fields)
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Golden messages of Mobile IP, written from the RFCs with the standard library alone.

  golden.py write            one line for each message: NAME, MODE, OCTETS, FIELDS, KEYS, separated by tabs
  golden.py seeds FOLDER     the octets of each as a file below FOLDER/messages, discovery, packets
  golden.py compare GOLDEN JUDGED   what the C side made of the lines of GOLDEN

MODE is both (to be read and to be written), read (to be read: with reserved bits, padding, another format) or
refuse (malformed: to be recognised as such). FIELDS is JSON in the form of libmip/wire/print.h, KEYS says with
which key each authentication extension was made. The C side answers with NAME, the octets that it wrote from
FIELDS (or -), the JSON of what it read, and whether the authenticators hold (yes, none, or what went wrong).
"""
import argparse
import hashlib
import hmac
import json
import os
import struct
import sys

ADDRESS_HOME, ADDRESS_AGENT, ADDRESS_CARE_OF = "10.1.0.50", "10.1.0.1", "10.2.0.1"
IDENTIFICATION = 0xEA1F2C3D4B5A6978


def address(text):
    return bytes(int(part) for part in text.split("."))


def authenticator(algorithm, key, data):
    """RFC 5944 3.5.1 and 5.1; RFC 2002 3.5.1 for keyed-md5."""
    if algorithm == "keyed-md5":
        return hashlib.md5(key + data + key).digest()
    return hmac.new(key, data, {"hmac-md5": "md5", "hmac-sha1": "sha1", "hmac-sha256": "sha256"}[algorithm]).digest()


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Message:
    """Octets and the fields they stand for, grown side by side."""

    def __init__(self, octets, **fields):
        self.octets = octets
        self.fields = fields
        self.keys = {}

    def plain(self, kind, name, data, /, **fields):
        """RFC 5944 1.9: type, length, data."""
        self.octets += struct.pack("!BB", kind, len(data)) + data
        return self._field(name, kind, fields)

    def short(self, kind, subtype, name, data, /, **fields):
        """RFC 5944 1.11: type, length of sub-type and data, sub-type, data."""
        self.octets += struct.pack("!BBB", kind, len(data) + 1, subtype) + data
        return self._field(name, kind, fields)

    def long(self, kind, subtype, name, data, /, **fields):
        """RFC 5944 1.10: type, sub-type, length of 16 bits, data."""
        self.octets += struct.pack("!BBH", kind, subtype, len(data)) + data
        return self._field(name, kind, fields)

    def _field(self, name, kind, fields):
        self.fields["extensions"].append({"extension": name, "type": kind, **fields})
        return self

    def padding(self, count=1):
        self.octets += b"\0" * count
        return self

    def authentication(self, kind, algorithm, spi=1000, key=bytes.fromhex("00112233445566778899aabbccddeeff")):
        name = {32: "mobile-home", 33: "mobile-foreign", 34: "foreign-home", 36: "mobile-aaa"}[kind] + "-authentication"
        size = len(authenticator(algorithm, key, b""))
        head = struct.pack("!BBH", 36, 1, 4 + size) if kind == 36 else struct.pack("!BB", kind, 4 + size)
        self.octets += head + struct.pack("!I", spi)
        value = authenticator(algorithm, key, self.octets)
        self.octets += value
        self.keys[name] = {"algorithm": algorithm, "key": key.hex()}
        return self._field(name, kind, {"spi": spi, "authenticator": value.hex()})


def request(flags="", lifetime=600, home=ADDRESS_HOME, agent=ADDRESS_AGENT, care_of=ADDRESS_CARE_OF,
            identification=IDENTIFICATION, reserved=0):
    """RFC 5944 3.3."""
    bits = sum(0x80 >> "SBDMGrTx".index(flag) for flag in flags) | reserved
    octets = struct.pack("!BBH", 1, bits, lifetime) + address(home) + address(agent) + address(care_of)
    return Message(octets + struct.pack("!Q", identification), message="registration-request", flags=flags,
                   lifetime=lifetime, home_address=home, home_agent=agent, care_of_address=care_of,
                   identification="%016x" % identification, extensions=[], malformed=None)


def reply(code=0, lifetime=600, home=ADDRESS_HOME, agent=ADDRESS_AGENT, identification=IDENTIFICATION):
    """RFC 5944 3.4."""
    octets = struct.pack("!BBH", 3, code, lifetime) + address(home) + address(agent)
    return Message(octets + struct.pack("!Q", identification), message="registration-reply", code=code,
                   lifetime=lifetime, home_address=home, home_agent=agent, identification="%016x" % identification,
                   extensions=[], malformed=None)


def udp_tunnel_request(message, force=False, through=False, encapsulation=0, reserved=(0, 0, 0)):
    """RFC 3519 3.1."""
    bits = (0x80 if force else 0) | (0x40 if through else 0) | reserved[1]
    data = struct.pack("!BBBH", reserved[0], bits, encapsulation, reserved[2])
    if reserved[2]:
        return message.short(144, 0, "udp-tunnel-request", data, data=data.hex())
    return message.short(144, 0, "udp-tunnel-request", data, force=force, through_foreign_agent=through,
                         encapsulation=encapsulation)


def udp_tunnel_reply(message, code=0, forced=False, keepalive=110, reserved=0):
    """RFC 3519 3.2."""
    data = struct.pack("!BHH", code, (0x8000 if forced else 0) | reserved, keepalive)
    return message.short(44, 0, "udp-tunnel-reply", data, code=code, forced=forced, keepalive_interval=keepalive)


def revocation(from_home_agent=True, inform=False, identifier=0x12345678):
    """RFC 3543 3.3."""
    bits = (0x8000 if from_home_agent else 0) | (0x4000 if inform else 0)
    octets = struct.pack("!BBH", 7, 0, bits) + address(ADDRESS_HOME) + address(ADDRESS_AGENT)
    octets += address(ADDRESS_CARE_OF) + struct.pack("!I", identifier)
    return Message(octets, message="revocation", from_home_agent=from_home_agent, inform=inform,
                   home_address=ADDRESS_HOME, home_domain=ADDRESS_AGENT, foreign_domain=ADDRESS_CARE_OF,
                   identifier=identifier, extensions=[], malformed=None)


def revocation_acknowledgment(inform=False, identifier=0x12345678):
    """RFC 3543 3.4."""
    octets = struct.pack("!BBH", 15, 0, 0x8000 if inform else 0) + address(ADDRESS_HOME)
    return Message(octets + struct.pack("!I", identifier), message="revocation-acknowledgment", inform=inform,
                   home_address=ADDRESS_HOME, identifier=identifier, extensions=[], malformed=None)


def tunnel_data(next_header, length, reserved=0):
    """RFC 3519 3.3."""
    return Message(struct.pack("!BBH", 4, next_header, reserved) + bytes(length), message="tunnel-data",
                   next_header=next_header, length=length, malformed=None)


def advertisement(flags, care_of=(), routers=(), prefix_lengths=None, challenge=b"", code=0, lifetime=3, sequence=258,
                  registration_lifetime=1800, entry_words=2, reserved=0, extra=b"", pad=True):
    """RFC 1256 3, RFC 5944 2.1, RFC 4721 2."""
    fields = {"message": "agent-advertisement", "code": code, "lifetime": lifetime, "routers": []}
    octets = struct.pack("!BBHBBH", 9, code, 0, len(routers), entry_words, lifetime)
    for index, (router, preference) in enumerate(routers):
        octets += address(router) + struct.pack("!i", preference) + b"\xee" * (4 * (entry_words - 2))
        fields["routers"].append({"address": router, "preference": preference})
        if prefix_lengths:
            fields["routers"][index]["prefix_length"] = prefix_lengths[index]
    bits = sum(0x8000 >> "RBHFMGrTUXI".index(flag) for flag in flags) | reserved
    octets += struct.pack("!BBHHH", 16, 6 + 4 * len(care_of), sequence, registration_lifetime, bits)
    octets += b"".join(address(one) for one in care_of)
    if prefix_lengths:
        octets += struct.pack("!BB", 19, len(prefix_lengths)) + bytes(prefix_lengths)
    if challenge:
        octets += struct.pack("!BB", 24, len(challenge)) + challenge
    octets += extra
    if pad and len(octets) % 2:
        octets += b"\0"
    fields.update(flags=flags, sequence=sequence, registration_lifetime=registration_lifetime,
                  care_of_addresses=list(care_of))
    if challenge:
        fields["challenge"] = challenge.hex()
    fields["malformed"] = None
    return Message(octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:], **fields)


def solicitation(reserved=0, extra=b""):
    """RFC 1256 3."""
    octets = struct.pack("!BBHI", 10, 0, 0, reserved) + extra
    octets = octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]
    return Message(octets, message="solicitation", malformed=None)


def udp_packet(payload, source="10.2.0.99", destination="10.2.0.1", ports=(40000, 434), ttl=64, tos=0, identification=7,
               dont_fragment=True, options=b"", sum_udp=True, trailer=b""):
    """RFC 791 3.1, RFC 768."""
    length = 8 + len(payload)
    datagram = struct.pack("!HHHH", *ports, length, 0) + payload
    if sum_udp:
        pseudo = address(source) + address(destination) + struct.pack("!BBH", 0, 17, length)
        datagram = datagram[:6] + struct.pack("!H", checksum(pseudo + datagram) or 0xFFFF) + datagram[8:]
    head = struct.pack("!BBHHHBBH", 0x40 | (20 + len(options)) // 4, tos, 20 + len(options) + length, identification,
                       0x4000 if dont_fragment else 0, ttl, 17, 0) + address(source) + address(destination) + options
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return Message(head + datagram + trailer, message="udp-packet", source=source, destination=destination,
                   source_port=ports[0], destination_port=ports[1], ttl=ttl, tos=tos, identification=identification,
                   dont_fragment=dont_fragment, payload=payload.hex(), malformed=None)


def arp(operation, sender_link, sender, target_link, target, trailer=b""):
    """RFC 826."""
    octets = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + bytes.fromhex(sender_link) + address(sender)
    octets += bytes.fromhex(target_link) + address(target) + trailer
    return Message(octets, message="arp", operation=operation, sender_link=sender_link, sender=sender,
                   target_link=target_link, target=target, malformed=None)


def echo(kind, identifier, sequence, payload):
    """RFC 792."""
    octets = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence) + payload
    octets = octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]
    return Message(octets, message="echo", type=kind, identifier=identifier, sequence=sequence,
                   payload=payload.hex(), malformed=None)


ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha256", "keyed-md5")


def registrations():
    for algorithm in ALGORITHMS:
        yield "request-" + algorithm, "both", request("DT").authentication(32, algorithm)
        yield "reply-" + algorithm, "both", reply().authentication(32, algorithm)
        yield "aaa-" + algorithm, "both", request().plain(132, "challenge", b"\1\2\3\4", challenge="01020304") \
            .authentication(32, algorithm).authentication(36, algorithm, spi=65536)
    for flag in "SBDMGT":
        yield "request-" + flag, "both", request(flag).authentication(32, "hmac-md5")
    for key in (b"\0", b"k" * 64, b"long" * 40):
        yield "request-key-%d" % len(key), "both", request().authentication(32, "hmac-md5", key=key)
        yield "request-sha256-key-%d" % len(key), "both", request().authentication(32, "hmac-sha256", key=key)
        yield "request-keyed-md5-key-%d" % len(key), "both", request().authentication(32, "keyed-md5", key=key)
    yield "request-spi-least", "both", request().authentication(32, "hmac-md5", spi=256)
    yield "request-spi-most", "both", request().authentication(32, "hmac-md5", spi=0xFFFFFFFF)
    yield "request-deregister", "both", request(lifetime=0, care_of=ADDRESS_HOME).authentication(32, "hmac-md5")
    yield "request-infinite", "both", request(lifetime=0xFFFF).authentication(32, "hmac-md5")
    yield "request-all-agents", "both", request(agent="10.1.0.255", identification=0).authentication(32, "hmac-md5")
    yield "request-last-identification", "both", request(identification=2 ** 64 - 1).authentication(32, "hmac-md5")
    yield "request-bare", "both", request()
    for code in (0, 1, 64, 69, 72, 74, 80, 104, 128, 131, 133, 136, 139, 142, 194, 255):
        yield "reply-code-%d" % code, "both", reply(code, 300).authentication(32, "hmac-md5")
    yield "reply-foreign", "both", reply().authentication(32, "hmac-md5").authentication(33, "hmac-sha1", spi=300)
    yield "request-relayed", "both", request("T").authentication(32, "hmac-md5") \
        .authentication(33, "hmac-sha256", spi=300).authentication(34, "hmac-sha1", spi=500, key=b"between agents")


def extensions():
    nai = "alice@example.org"
    yield "nai", "both", request(home="0.0.0.0").plain(131, "mobile-node-nai", nai.encode(), nai=nai) \
        .authentication(32, "hmac-md5")
    yield "nai-utf8", "both", request().plain(131, "mobile-node-nai", "ä\"\\\n@é".encode(), nai="ä\"\\\n@é") \
        .authentication(32, "hmac-md5")
    yield "nai-no-utf8", "read", request().plain(131, "mobile-node-nai", b"a\xff\xc3(", nai="a\ufffd\ufffd(")
    yield "nai-longest", "both", request().plain(131, "mobile-node-nai", b"n" * 255, nai="n" * 255) \
        .authentication(32, "hmac-md5")
    yield "delivery", "both", request("T").authentication(32, "hmac-md5").plain(130, "encapsulating-delivery", b"")
    yield "udp-request", "both", udp_tunnel_request(request("DT")).authentication(32, "hmac-md5")
    yield "udp-request-force", "both", udp_tunnel_request(request("D"), True, True, 47).authentication(32, "hmac-md5")
    yield "udp-request-reserved-1-2", "read", udp_tunnel_request(request("D"), reserved=(255, 0x3F, 0))
    yield "udp-request-reserved-3", "read", udp_tunnel_request(request("D"), reserved=(0, 0, 1))
    yield "udp-reply", "both", udp_tunnel_reply(reply()).authentication(32, "hmac-md5")
    yield "udp-reply-declined", "both", udp_tunnel_reply(reply(), 64, True, 65535).authentication(32, "hmac-md5")
    yield "udp-reply-reserved", "read", udp_tunnel_reply(reply(), reserved=0x7FFF)
    yield "challenge-longest", "both", request().plain(132, "challenge", bytes(range(255)), challenge=bytes(range(255)).hex())
    yield "agent-error", "both", reply().authentication(32, "hmac-md5").short(45, 0, "foreign-agent-error", b"\x45", status=69)
    for subtype, name in ((1, "requested-home-agent"), (2, "redirected-home-agent")):
        yield name, "both", request(agent="0.0.0.0").long(139, subtype, name, address("10.9.0.1"), address="10.9.0.1")
        yield name + "-short", "read", request().short(139, subtype, name, address("10.9.0.1"), address="10.9.0.1")
    yield "revocation-support", "both", request().plain(137, "revocation-support", struct.pack("!HI", 0x8000, 99),
                                                        inform=True, timestamp=99).authentication(34, "hmac-md5")
    yield "revocation-support-longer", "read", request().plain(
        137, "revocation-support", struct.pack("!HIH", 0x7FFF, 99, 1), inform=False, timestamp=99)
    vendor = struct.pack("!IH", 9, 513)
    yield "critical-vendor", "both", request().long(38, 0, "critical-vendor", vendor + b"v" * 300, vendor=9,
                                                    vendor_type=513, data=(b"v" * 300).hex())
    yield "critical-vendor-reserved", "read", request().long(38, 77, "critical-vendor", vendor, vendor=9,
                                                             vendor_type=513, data="")
    yield "vendor", "both", reply().plain(134, "vendor", b"\0\0" + vendor + b"x", vendor=9, vendor_type=513, data="78")
    yield "vendor-reserved", "read", reply().plain(134, "vendor", b"\1\2" + vendor, vendor=9, vendor_type=513, data="")
    yield "unknown-skipped", "both", request().plain(255, "unknown", b"abc", data="616263").authentication(32, "hmac-md5")
    yield "unknown-empty", "both", request().plain(128, "unknown", b"", data="").authentication(32, "hmac-md5")
    yield "padding", "read", request().padding().authentication(32, "hmac-md5").padding(3)
    yield "reserved-flags", "read", request("T", reserved=0x05).authentication(32, "hmac-md5")


def others():
    yield "revocation", "both", revocation().authentication(34, "hmac-md5")
    yield "revocation-inform", "both", revocation(False, True).authentication(34, "hmac-sha256")
    yield "revocation-ack", "both", revocation_acknowledgment(True).authentication(34, "hmac-md5")
    yield "revocation-ack-plain", "both", revocation_acknowledgment().authentication(32, "keyed-md5")
    for next_header in (4, 47, 55):
        yield "tunnel-data-%d" % next_header, "both", tunnel_data(next_header, 20)
    yield "tunnel-data-reserved", "read", tunnel_data(4, 1, 0xFFFF)
    yield "tunnel-data-empty", "both", tunnel_data(4, 0)


def discovery():
    routers = (("10.2.0.1", 0), ("10.2.0.2", -2 ** 31), ("10.2.0.3", 2 ** 31 - 1))
    yield "advertisement-foreign", "both", advertisement("FT", ["10.2.0.1"], routers[:1], [24])
    yield "advertisement-home", "both", advertisement("H", [], routers[:1], [24])
    yield "advertisement-all-flags", "both", advertisement("RBHFMGTUXI", ["10.2.0.1", "10.2.0.9"], routers, [24, 0, 32])
    yield "advertisement-no-routers", "both", advertisement("F", ["10.2.0.1"], code=16)
    yield "advertisement-odd", "both", advertisement("HF", ["10.2.0.1"], routers[:1], [24], b"12345")
    yield "advertisement-even", "both", advertisement("HF", ["10.2.0.1"], routers[:2], [24, 8], b"1234")
    yield "advertisement-most-care-of", "both", advertisement("F", ["10.2.1.%d" % i for i in range(62)], routers[:1])
    yield "advertisement-most-routers", "both", advertisement(
        "F", ["10.2.0.1"], [("10.3.0.%d" % i, i) for i in range(255)], [24] * 255, bytes(255))
    yield "advertisement-sequence", "both", advertisement("F", ["10.2.0.1"], sequence=0xFFFF, lifetime=0xFFFF,
                                                          registration_lifetime=0xFFFF)
    yield "advertisement-wide-entries", "read", advertisement("F", ["10.2.0.1"], routers, entry_words=5)
    yield "advertisement-reserved", "read", advertisement("F", ["10.2.0.1"], routers[:1], reserved=0x021F)
    yield "advertisement-unknown", "read", advertisement("F", ["10.2.0.1"], routers[:1], extra=b"\xc8\x02zz")
    yield "advertisement-unpadded", "read", advertisement("F", ["10.2.0.1"], routers[:1], [24], pad=False)
    yield "solicitation", "both", solicitation()
    yield "solicitation-reserved", "read", solicitation(0xDEADBEEF, b"more")


def packets():
    small = request("DT").authentication(32, "hmac-md5").octets
    yield "packet-request", "both", udp_packet(small)
    yield "packet-odd", "both", udp_packet(small + b"\xc8\x01z", ttl=255, tos=0xC0, dont_fragment=False)
    yield "packet-empty", "both", udp_packet(b"")
    yield "packet-zero-sum", "both", udp_packet(b"\0\0", "0.0.0.0", "0.0.0.0", (0xFFDA, 0))  # sums to all ones
    yield "packet-no-checksum", "read", udp_packet(small, sum_udp=False)
    yield "packet-options", "read", udp_packet(small, options=b"\x94\4\0\0\1\1\1\0")
    yield "packet-link-padding", "read", udp_packet(b"abc", trailer=b"\0" * 15)
    yield "arp-request", "both", arp(1, "020000000001", "10.1.0.1", "000000000000", "10.1.0.50")
    yield "arp-gratuitous", "both", arp(2, "020000000001", "10.1.0.50", "020000000001", "10.1.0.50")
    yield "arp-padded", "read", arp(2, "020000000001", "10.1.0.50", "020000000002", "10.1.0.1", bytes(18))
    yield "echo", "both", echo(8, 0x4D49, 1, b"keep me alive")
    yield "echo-reply", "both", echo(0, 0xFFFF, 0xFFFF, b"")


def damaged(message, position, value=None):
    octets = bytearray(message.octets)
    octets[position] = octets[position] ^ 0x55 if value is None else value
    return cut(message, bytes(octets))


def cut(message, octets):
    return Message(octets, message=message.fields["message"], malformed=True)


def refused():
    whole = request().authentication(32, "hmac-md5")
    for length in (1, 23, 25, 45):
        yield "request-cut-%d" % length, cut(whole, whole.octets[:length])
    yield "reply-cut", cut(reply(), reply().octets[:19])
    yield "revocation-cut", cut(revocation(), revocation().octets[:19])
    yield "tunnel-data-cut", cut(tunnel_data(4, 0), b"\4\4\0")
    yield "unknown-not-skippable", cut(request(), request().plain(127, "unknown", b"x").octets)
    yield "other-subtype", cut(request(), request().long(36, 2, "unknown", bytes(20)).octets)
    yield "authenticator-none", cut(request(), request().plain(32, "", b"\0\0\1").octets)
    yield "aaa-short", cut(request(), request().long(36, 1, "", bytes(19)).octets)
    yield "udp-reply-short", cut(reply(), reply().short(44, 0, "", bytes(4)).octets)
    yield "udp-reply-zero", cut(reply(), reply().plain(44, "", b"").octets)
    yield "delivery-long", cut(request(), request().plain(130, "", b"x").octets)
    yield "vendor-short", cut(request(), request().plain(134, "", bytes(7)).octets)
    good = advertisement("F", ["10.2.0.1"], [("10.2.0.1", 0)], [24])
    for name, position, value in (("checksum", 3, None), ("code", 1, 1), ("entry-size", 5, 1)):
        bad = bytearray(damaged(good, position, value).octets)
        if name != "checksum":
            bad[2:4] = struct.pack("!H", checksum(bytes(bad[:2]) + b"\0\0" + bytes(bad[4:])))
        yield "advertisement-" + name, Message(bytes(bad), message="advertisement", malformed=True)
    for name, extra in (("unknown", b"\x7f\0"), ("runs-past", b"\xc8\7z"), ("prefix-lengths", b"\x13\2\x18\x18"),
                        ("prefix-33", b"\x13\1\x21"), ("agent-length", b"")):
        bad = advertisement("F", ["10.2.0.1"], [("10.2.0.1", 0)], extra=extra)
        if name == "agent-length":
            octets = bad.octets[:17] + b"\7" + bad.octets[18:]
            octets = octets[:2] + b"\0\0" + octets[4:]
            bad.octets = octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]
        yield "advertisement-" + name, Message(bad.octets, message="advertisement", malformed=True)
    yield "solicitation-checksum", damaged(solicitation(), 2)
    yield "solicitation-short", cut(solicitation(), b"\x0a\0\xf5\xff")
    packet = udp_packet(b"registration")
    for name, position, value in (("version", 0, 0x65), ("header-length", 0, 0x44), ("total-length", 3, None),
                                  ("ip-checksum", 10, None), ("protocol", 9, None), ("udp-checksum", 26, None),
                                  ("udp-length", 25, None), ("payload", 30, None), ("fragment", 6, 0x20)):
        yield "packet-" + name, damaged(packet, position, value)
    yield "packet-cut", cut(packet, packet.octets[:-1])
    for position in (1, 3, 4, 5):
        yield "arp-%d" % position, damaged(arp(1, "020000000001", "10.1.0.1", "000000000000", "10.1.0.50"), position)
    yield "echo-checksum", damaged(echo(8, 1, 2, b"abc"), 9)


def all_messages():
    for part in (registrations, extensions, others, discovery, packets):
        yield from part()
    for name, message in refused():
        yield "refuse-" + name, "refuse", message


def write(_arguments):
    for name, mode, message in all_messages():
        print(name, mode, message.octets.hex(), json.dumps(message.fields), json.dumps(message.keys), sep="\t")
    return 0


def seeds(arguments):
    folder_of = {"udp-packet": "packets", "arp": "packets", "echo": "packets", "solicitation": "discovery",
                 "advertisement": "discovery", "agent-advertisement": "discovery"}
    for name, _mode, message in all_messages():
        folder = os.path.join(arguments.folder, folder_of.get(message.fields["message"], "messages"))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as seed:
            seed.write(message.octets)
    return 0


def judge(mode, octets, fields, keys, judged):
    """What is wrong with the C side's answer, or None."""
    written, read, verified = judged
    read = json.loads(read)
    if mode == "refuse":
        return None if read.get("malformed") else "read as if it were right: %s" % read
    if read != fields:
        return "read as %s, expected %s" % (read, fields)
    if mode == "both" and written != octets:
        return "written as %s, expected %s" % (written, octets)
    if verified != ("yes" if keys else "none"):
        return "authenticators: %s" % verified
    return None


def compare(arguments):
    with open(arguments.judged, encoding="utf-8") as file:
        judged = {line.split("\t")[0]: line.rstrip("\n").split("\t")[1:] for line in file}
    passed = failed = 0
    with open(arguments.golden, encoding="utf-8") as file:
        for line in file:
            name, mode, octets, fields, keys = line.rstrip("\n").split("\t")
            wrong = "no answer" if name not in judged else judge(
                mode, octets, json.loads(fields), json.loads(keys), judged[name])
            passed += wrong is None
            failed += wrong is not None
            if wrong:
                print("FAILED %s: %s" % (name, wrong))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write").set_defaults(run=write)
    command = commands.add_parser("seeds")
    command.add_argument("folder")
    command.set_defaults(run=seeds)
    command = commands.add_parser("compare")
    command.add_argument("golden")
    command.add_argument("judged")
    command.set_defaults(run=compare)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())

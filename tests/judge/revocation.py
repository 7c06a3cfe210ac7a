#!/usr/bin/env -S python3 -B
"""Registration revocation (RFC 3543) a second time: its messages, written from the RFC with Python's standard library.

As a module it encodes and decodes them. As a program it judges a capture of what two agents said to each other:

    revocation.py judge CAPTURE SPI ALGORITHM HEX-KEY     each message decodes, encodes to the same octets, is authentic,
                                                          and comes in the order and at the times that the RFC allows
    revocation.py captured CAPTURE SOURCE DESTINATION     the last revocation in it, in hexadecimal
    revocation.py make A I HOME HOME-DOMAIN FOREIGN-DOMAIN IDENTIFIER SPI ALGORITHM HEX-KEY    one of our own
    revocation.py send SOURCE DESTINATION [PORT] < HEX    sends what it reads, as somebody who has captured it would

The judge says a line for each thing that does not hold, and what it has seen; its status is 1 if something did not.
"""
import socket
import struct
import sys

import peer

REVOCATION, ACKNOWLEDGMENT, SUPPORT = 7, 15, 137  # RFC 3543 7.1, 7.2
A_BIT, I_BIT, ACK_I_BIT, SUPPORT_I_BIT = 0x8000, 0x4000, 0x8000, 0x8000


# --- the messages ----------------------------------------------------------------------------------------------------


def support(inform, moment):
    """RFC 3543 3.2."""
    return peer.extension(SUPPORT, struct.pack("!HI", SUPPORT_I_BIT if inform else 0, moment))


def revocation(by_home_agent, inform, home, home_domain, foreign_domain, identifier):
    """RFC 3543 3.3."""
    bits = (A_BIT if by_home_agent else 0) | (I_BIT if inform else 0)
    return struct.pack("!BBH4s4s4sI", REVOCATION, 0, bits, peer.pack_address(home), peer.pack_address(home_domain),
                       peer.pack_address(foreign_domain), identifier)


def acknowledgment(inform, home, identifier):
    """RFC 3543 3.4."""
    return struct.pack("!BBH4sI", ACKNOWLEDGMENT, 0, ACK_I_BIT if inform else 0, peer.pack_address(home), identifier)


class Message(peer.Registration):
    """A message of RFC 3543 that was received. Raises ValueError for what cannot be one."""

    def __init__(self, octets):  # pylint: disable=super-init-not-called
        self.octets = octets
        self.kind = octets[0] if octets else None
        if self.kind == REVOCATION and len(octets) >= 20:
            _, reserved, bits, home, home_domain, foreign_domain, self.identifier = struct.unpack("!BBH4s4s4sI", octets[:20])
            self.by_home_agent, self.inform = bool(bits & A_BIT), bool(bits & I_BIT)
            self.home, self.home_domain, self.foreign_domain = map(peer.text_address, (home, home_domain, foreign_domain))
            self.fixed, rest = 20, bits & ~(A_BIT | I_BIT)
        elif self.kind == ACKNOWLEDGMENT and len(octets) >= 12:
            _, reserved, bits, home, self.identifier = struct.unpack("!BBH4sI", octets[:12])
            self.inform, self.home = bool(bits & ACK_I_BIT), peer.text_address(home)
            self.fixed, rest = 12, bits & ~ACK_I_BIT
        else:
            raise ValueError("no message of RFC 3543")
        self.reserved_is_zero = reserved == 0 and rest == 0
        self.extensions = self._read_extensions(self.fixed)

    def encoded(self):
        if self.kind == REVOCATION:
            return revocation(self.by_home_agent, self.inform, self.home, self.home_domain, self.foreign_domain, self.identifier)
        return acknowledgment(self.inform, self.home, self.identifier)

    def __repr__(self):
        what = "revocation" if self.kind == REVOCATION else "acknowledgment"
        return "<%s of %s identifier %u I %d>" % (what, self.home, self.identifier, self.inform)


def support_of(message):
    """(I, timestamp) of a registration message's support extension; None: it has none."""
    found = message.find(SUPPORT)
    if found is None:
        return None
    bits, moment = struct.unpack("!HI", found.data[:6])
    return bool(bits & SUPPORT_I_BIT), moment


# --- a capture -------------------------------------------------------------------------------------------------------


def datagrams(capture):
    """(time, source, destination, ports, payload) of each UDP datagram in a capture of an Ethernet."""
    with open(capture, "rb") as file:
        octets = file.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}[octets[:4]]
    if struct.unpack(order + "I", octets[20:24])[0] != 1:
        raise ValueError("no capture of an Ethernet")
    position = 24
    while position + 16 <= len(octets):
        seconds, micros, length = struct.unpack(order + "III", octets[position:position + 12])
        frame = octets[position + 16:position + 16 + length]
        position += 16 + length
        if frame[12:14] != b"\x08\x00" or frame[23] != peer.UDP:
            continue
        header = 14 + 4 * (frame[14] & 15)
        ports = struct.unpack("!HH", frame[header:header + 4])
        size = struct.unpack("!H", frame[header + 4:header + 6])[0]
        yield (seconds + micros / 1e6, peer.text_address(frame[26:30]), peer.text_address(frame[30:34]), ports,
               frame[header + 8:header + size])


def later(one, other):
    """RFC 3543 has timestamps of 32 bits, which run over."""
    return 0 < (one - other) & 0xFFFFFFFF < 1 << 31


class Judge:
    """What two agents have said so far."""

    def __init__(self, security):
        self.security = security
        self.wrong = 0
        self.seen = dict.fromkeys(("offers", "answers", "revocations", "acknowledgments"), 0)
        self.offered = {}  # (home, agent, other agent): (I, timestamp) of the latest registration message
        self.said = {}  # (home, revoking agent, other agent): the revocations
        self.sent_at = {}  # (home, agent, other agent): when it last spoke about the binding

    def judge(self, holds, what, about):
        if not holds:
            self.wrong += 1
            print("WRONG   %s: %s" % (what, about))

    def registration(self, moment, source, destination, payload):
        message = peer.Registration(payload)
        key = (message.home, source, destination)
        self.sent_at[key] = moment
        offer = support_of(message)
        if offer is None:
            self.offered.pop(key, None)
            return
        self.seen["offers" if message.kind == peer.REQUEST else "answers"] += 1
        kinds = message.kinds()
        self.judge(kinds.index(peer.MOBILE_HOME) < kinds.index(SUPPORT) < kinds.index(peer.FOREIGN_HOME),
                   "the extension stands between the authenticators", message)
        self.judge(message.holds(peer.FOREIGN_HOME, self.security), "the Foreign-Home authenticator is right", message)
        self.judge(message.find(SUPPORT).data == support(*offer)[2:], "the extension encodes to the same", message)
        if message.kind == peer.REPLY:
            self.judge(not offer[0] or self.offered.get((message.home, destination, source), (False,))[0],
                       "I is answered only where it was offered", message)
        self.offered[key] = offer

    def revoked(self, moment, source, destination, payload):
        message = Message(payload)
        key = (message.home, source, destination)
        self.seen["revocations"] += 1
        self.message(message)
        mine, theirs = self.offered.get(key), self.offered.get((message.home, destination, source))
        self.judge(mine and theirs, "revocation was agreed on", message)
        if mine and theirs:
            self.judge(later(message.identifier, mine[1]), "it is later than the registration", message)
            self.judge(not message.inform or (mine[0] and theirs[0]), "I is set only if it was agreed on", message)
        own = message.home_domain if message.by_home_agent else message.foreign_domain
        other = message.foreign_domain if message.by_home_agent else message.home_domain
        self.judge((own, other) == (source, destination), "A says whose it is", message)
        earlier = self.said.setdefault(key, [])
        self.judge(all(later(message.identifier, one.identifier) for one in earlier), "each has a later identifier", message)
        self.judge(moment - self.sent_at.get(key, 0) > 0.99, "it is a second after the message before", message)
        self.sent_at[key] = moment
        earlier.append(message)

    def acknowledged(self, source, destination, payload):
        message = Message(payload)
        self.seen["acknowledgments"] += 1
        self.message(message)
        of = [one for one in self.said.get((message.home, destination, source), []) if one.identifier == message.identifier]
        self.judge(of, "it acknowledges what was said", message)
        self.judge(not message.inform or (of and of[0].inform), "I is set only if it was set", message)

    def message(self, message):
        self.judge(message.reserved_is_zero, "what is reserved is zero", message)
        self.judge(message.encoded() == message.octets[:message.fixed], "it encodes to the same", message)
        self.judge(message.kinds() == [peer.FOREIGN_HOME] and message.holds(peer.FOREIGN_HOME, self.security),
                   "the Foreign-Home authenticator is right", message)


def judge(capture, spi, algorithm, key):
    court = Judge(peer.Security(int(spi), algorithm, bytes.fromhex(key)))
    for moment, source, destination, _, payload in datagrams(capture):
        kind = payload[0] if payload else None
        if kind in (peer.REQUEST, peer.REPLY):
            court.registration(moment, source, destination, payload)
        elif kind == REVOCATION:
            court.revoked(moment, source, destination, payload)
        elif kind == ACKNOWLEDGMENT:
            court.acknowledged(source, destination, payload)
    print(", ".join("%d %s" % (count, what) for what, count in court.seen.items()))
    return court.wrong == 0 and all(court.seen.values())


def captured(capture, source, destination):
    """The last revocation that the one has sent to the other, in hexadecimal."""
    found = None
    for _, one, other, _, payload in datagrams(capture):
        if (one, other) == (source, destination) and payload[:1] == bytes([REVOCATION]):
            found = payload
    return found.hex()


def send(source, destination, port="434"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((source, 0))
        out.sendto(bytes.fromhex(sys.stdin.read().strip()), (destination, int(port)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["judge"]:
        sys.exit(not judge(*sys.argv[2:]))
    if sys.argv[1:2] == ["captured"]:
        print(captured(*sys.argv[2:]))
    elif sys.argv[1:2] == ["send"]:
        send(*sys.argv[2:])
    elif sys.argv[1:2] == ["make"]:
        by, tell = (word == "1" for word in sys.argv[2:4])
        made = revocation(by, tell, *sys.argv[4:7], int(sys.argv[7]))
        print(peer.authenticated(made, peer.FOREIGN_HOME,
                                 peer.Security(int(sys.argv[8]), sys.argv[9], bytes.fromhex(sys.argv[10]))).hex())
    else:
        sys.exit(__doc__)

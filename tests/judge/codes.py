#!/usr/bin/env -S python3 -B
"""Every reply code that a role can send, each in an exchange of its own, octet by octet.

In the order of RFC 5944 3.4's list, with those of RFC 2794, 3024, 3519 and 4721 at their places. At the end the codes that were seen
are compared with those that stand in the role's sources: a code without an exchange is a failure, and so is one that no role
sends any more. The last line is `N passed, N failed`.
"""
import glob
import os
import re
import struct
import sys

import misbehave
import peer
from misbehave import (AGENT, AGENTS, ALICE, FOREIGN, FOREIGN_HOME, FRESH, HOME, KEYED_HOME, KEYED_NODE, MOBILE_FOREIGN, MOBILE_HOME,
                       NODE, OTHER_FOREIGN, ForeignAgent, HomeAgent, Said, asks, tally)
from peer import Security, authenticated, nai, reply, request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LATER = FRESH + (1 << 32)
AAA = Security(3000, "hmac-md5", b"\x77" * 16)    # Mobile-AAA of 10.1.0.51 with the foreign agent
# A code of the home agent that a foreign agent knows to pass on, and "accepted", are not its own.
NOT_SENT = {"fa": {0, 1, 128, 131, 136, 144}, "ha": {0, 128}}


def numbers():
    """Codes by their names in the sources."""
    with open(os.path.join(ROOT, "libmip/wire/registration.h"), encoding="utf-8") as file:
        return {name: int(value) for name, value in re.findall(r"(MIP_CODE_\w+) = (\d+)", file.read())}


def used_by(role):
    names = set()
    for path in glob.glob(os.path.join(ROOT, role, "core", "*.c")):
        with open(path, encoding="utf-8") as file:
            names |= set(re.findall(r"MIP_CODE_\w+", file.read()))
    known = numbers()
    return {known[name] for name in names if name in known} - NOT_SENT[role]


class Codes:
    """Notes which codes have been seen."""
    role = ""

    def __init__(self):
        self.seen = set()

    def note(self, code, octets):
        if len(octets) > 1 and octets[0] == peer.REPLY and octets[1] == code:
            self.seen.add(code)

    def finish(self):
        used = used_by(self.role)
        tally.judge("%s: codes in the sources without an exchange" % self.role, sorted(used - self.seen))
        tally.judge("%s: codes that its sources do not have" % self.role, sorted(self.seen - used - NOT_SENT[self.role]))


class HomeAgentCodes(Codes, HomeAgent):
    role = "ha"

    def __init__(self, program):
        Codes.__init__(self)
        HomeAgent.__init__(self, program)

    def exchange(self, what, code, octets, settings="", first=(), **more):
        """A machine with these settings hears `first`, then the request, and answers it with the code."""
        way = {name: more.pop(name) for name in ("source", "port", "destination") if name in more}
        self.machine.ask("new " + settings)
        for message in first:
            self.machine.datagram(message)
        said = Said(self.machine.datagram(octets, **way))
        self.judge_reply("home agent: " + what, said, code, octets, way.get("source", OTHER_FOREIGN), way.get("port", 434), **more)
        self.note(code, said.datagrams[0][4] if said.datagrams else b"")

    def play(self):
        accepted = self.accepted()
        self.exchange("%d, a registration is accepted" % accepted, accepted, asks())
        self.exchange("%d, a deregistration" % accepted, accepted, asks(lifetime=0, care_of=HOME, identification=LATER), first=[asks()])
        self.exchange("%d, a long lifetime is cut" % accepted, accepted, asks(lifetime=65535))
        octets = asks(ALICE, home="0.0.0.0", more=nai("alice@example.org"))
        self.exchange("%d, an address from the pool" % accepted, accepted, octets, security=ALICE, before=nai("alice@example.org"),
                      home="10.1.0.100")
        self.exchange("129, a tunnel that would end at the home agent itself", 129, asks(care_of=AGENT))
        self.exchange("130, as many bindings as there may be", 130, asks(KEYED_NODE, home=KEYED_HOME), "max_bindings=1",
                      first=[asks()], security=KEYED_NODE)
        self.exchange("131, the node's authenticator is wrong", 131, authenticated(request(identification=FRESH), MOBILE_HOME, NODE,
                                                                                   wrong=True))
        self.exchange_with_agent(132, authenticated(asks(), FOREIGN_HOME, AGENTS, wrong=True))
        self.exchange("133, an old timestamp", 133, asks(identification=FRESH - (60 << 32)))
        self.exchange("134, a UDP Tunnel Request of a node without D", 134, asks(flags="T", more=peer.udp_tunnel_request()))
        one, two = (asks(flags="S", care_of="10.3.0.%d" % (place + 7), identification=FRESH + (place << 32)) for place in (0, 1))
        three = asks(flags="S", care_of="10.3.0.9", identification=FRESH + (2 << 32))
        self.exchange("0, a second binding beside the first", 0, two, "simultaneous=2", first=[one])
        self.exchange("135, one more binding of the node than there may be", 135, three, "simultaneous=2", first=[one, two])
        self.exchange("136, another home agent", 136, asks(agent="192.0.2.1"))
        self.exchange("137, a reverse tunnel, where there are none", 137, asks(flags="T"), "reverse_tunnel=0")
        self.exchange("138, none, where it is mandatory", 138, asks(), "reverse_tunnel=2")
        self.exchange("139, GRE, where there is none", 139, asks(flags="G"), "gre=0")
        vendor = struct.pack("!BBHIH", 38, 0, 6, 9, 513)      # RFC 3115 2.1: critical, of a vendor that is not known here
        self.exchange("140, a critical extension of a vendor, from the node", 140, asks(more=vendor))
        self.exchange("141, and from the foreign agent", 141, asks(after=vendor))
        octets = asks(flags="DT", care_of="192.168.7.33", more=peer.udp_tunnel_request(encapsulation=47))
        self.exchange("142, GRE in UDP", 142, octets, source="10.0.5.2", port=31000)
        redirected = struct.pack("!BBH4s", 139, 2, 4, peer.pack_address("10.1.0.2"))
        self.exchange("143, another home agent in this one's place", 143, asks(agent="0.0.0.0"), "redirect=1", before=redirected)
        self.dynamic()
        self.aaa()
        self.finish()

    def accepted(self):
        """0, or 1 without simultaneous bindings (RFC 5944 3.4)."""
        self.machine.ask("new")
        return Said(self.machine.datagram(asks())).datagrams[0][4][1]

    def exchange_with_agent(self, code, octets):
        """Its reply is authenticated to the foreign agent as well."""
        self.machine.ask("new")
        said = Said(self.machine.datagram(octets, source=FOREIGN))
        came = said.datagrams[0][4]
        wanted = authenticated(misbehave.answer(code, octets, came), FOREIGN_HOME, AGENTS)
        tally.judge("home agent: %d, the foreign agent's authenticator is wrong" % code, misbehave.same(came, wanted))
        self.note(code, came)

    def dynamic(self):
        """RFC 4433 5.3: ALL-ZERO-ONE-ADDR, or a Requested HA extension, which must be for the home agent that is asked."""
        for agent in ("0.0.0.0", "255.255.255.255"):
            self.exchange("%d, the choice is left open by %s" % (self.accepted(), agent), self.accepted(), asks(agent=agent),
                          agent=AGENT)
        self.exchange("136, another home agent is requested", 136, asks(agent="0.0.0.0", more=peer.dynamic_home_agent(1, "10.1.0.2")))

    def aaa(self):
        """RFC 4721 5 and 10: 144, the Mobile-AAA authenticator is wrong."""
        octets = authenticated(request(home="0.0.0.0", identification=FRESH) + nai("alice@example.org"), MOBILE_HOME, ALICE)
        octets += struct.pack("!BBHI", 36, 1, 20, 3000) + bytes(16)
        self.exchange("144, the Mobile-AAA authenticator is wrong", 144, octets, security=ALICE, before=nai("alice@example.org"),
                      home="0.0.0.0")


class ForeignAgentCodes(Codes, ForeignAgent):
    role = "fa"

    def __init__(self, program):
        Codes.__init__(self)
        ForeignAgent.__init__(self, program)

    def denial(self, what, code, octets, settings="", first=(), **more):
        way = {name: more.pop(name) for name in ("source", "destination", "ttl") if name in more}
        self.machine.ask("new " + settings)
        for packet in first:
            packet()
        self.check(what, code, octets, self.machine.frame(self.packet(octets, **way)), **more)

    def check(self, what, code, octets, lines, **more):
        said = Said(lines)
        self.judge_denial("foreign agent: " + what, said, code, octets, **more)
        for message in said.messages():
            self.note(code, message[3])

    def visitor(self, home=KEYED_HOME, security=KEYED_NODE, node=misbehave.VISITOR):
        """One that is registered already."""
        octets = authenticated(asks(security, flags="T", home=home), MOBILE_FOREIGN, node)
        self.machine.frame(self.packet(octets, source=home))
        answer = authenticated(reply(0, 600, home, AGENT, FRESH), MOBILE_HOME, security)
        self.machine.datagram(authenticated(answer, FOREIGN_HOME, AGENTS), source=AGENT, destination="10.0.2.2")

    def play(self):
        good = asks(flags="T")
        self.denial("65, home agents that are not named", 65, asks(flags="T", agent="10.9.0.1"), "home_agents_only=1")
        self.denial("66, as many visitors as there may be", 66, good, "visitors=1", first=[self.visitor])
        self.denial("67, the node's authenticator is missing", 67, asks(KEYED_NODE, flags="T", home=KEYED_HOME), source=KEYED_HOME,
                    reply_to=KEYED_HOME, security=misbehave.VISITOR)
        self.replied("68, the home agent's authenticator is wrong", 68,
                     lambda plain: authenticated(plain, FOREIGN_HOME, AGENTS, wrong=True))
        self.denial("69, a lifetime that is too long", 69, asks(flags="T", lifetime=1801), lifetime=1800)
        self.denial("70, a poorly formed request", 70, good[:1] + bytes([good[1] | 1]) + good[2:])
        self.replied("71, a poorly formed reply", 71, lambda plain: authenticated(plain[:20], FOREIGN_HOME, AGENTS))
        self.denial("72, GRE, where there is none", 72, asks(flags="TG"), "gre=0")
        self.denial("74, a reverse tunnel, where there are none", 74, good, "reverse_tunnel=0")
        self.denial("75, none, where it is mandatory", 75, asks(), "reverse_tunnel=2")
        self.denial("76, a reverse tunnel from too far away", 76, good, ttl=254)
        self.denial("77, another care-of address", 77, asks(flags="T", care_of="10.2.0.2"))
        self.late("78, no reply in time", good)
        self.denial("79, the encapsulating delivery style", 79, asks(flags="T", after=peer.extension(130)))
        for code, icmp, what in ((80, (3, 0), "home network"), (81, (3, 1), "home agent host"), (82, (3, 3), "home agent port"),
                                 (88, (11, 0), "home agent")):
            self.unreachable("%d, %s unreachable" % (code, what), code, good, icmp)
        self.denial("90, no home agent, where there is none to be had", 90, asks(flags="T", agent="0.0.0.0"))
        self.denial("96, no home address and no name", 96, asks(flags="T", home="0.0.0.0"), source="0.0.0.0",
                    reply_to="255.255.255.255")
        self.named()
        vendor = struct.pack("!BBHIH", 38, 0, 6, 9, 513)
        self.denial("100, a critical extension of a vendor, from the node", 100, asks(flags="T", after=vendor))
        self.replied("101, and from the home agent", 101,
                     lambda plain: authenticated(plain + vendor, FOREIGN_HOME, AGENTS))
        self.challenges()
        self.denial("194, a home agent that is this host", 194, asks(flags="T", agent=FOREIGN))
        self.finish()

    def offered(self):
        """A machine that challenges, and what it advertises."""
        for packet in Said(self.machine.ask("new challenge=1")).frames:
            if packet[9] == peer.ICMP and packet[20] == 9:
                return packet[packet.index(bytes([24, 16])) + 2:][:16]
        sys.exit("there is no challenge in its advertisement")

    @staticmethod
    def answered(challenge, wrong=False, **fields):
        """RFC 4721 6: the challenge and Mobile-AAA authentication behind the node's own."""
        octets = asks(misbehave.NONCE_NODE, home=misbehave.NONCE_HOME, **fields) + peer.extension(132, challenge)
        octets += struct.pack("!BBHI", 36, 1, 20, AAA.spi)
        value = AAA.authenticator(octets)
        return octets + value[:-1] + bytes([value[-1] ^ wrong])

    def challenged(self, what, code, octets, given=None):
        """The denial brings `given`, or else some challenge that nobody has seen."""
        source = misbehave.NONCE_HOME
        said = Said(self.machine.frame(self.packet(octets, source=source)))
        came = said.messages()[0][3][-16:] if said.messages() else b""
        tally.judge("foreign agent: %s: a new challenge" % what, given is None and came in octets and "it is the one of the request")
        self.judge_denial("foreign agent: " + what, said, code, octets, more=peer.extension(132, given or came), reply_to=source)
        for message in said.messages():
            self.note(code, message[3])

    def challenges(self):
        """RFC 4721 3.2, 3.3 and 10."""
        challenge = self.offered()
        self.challenged("104, a challenge that was not offered", 104, self.answered(b"\xff" * 16, flags="T"), challenge)
        challenge = self.offered()
        self.challenged("105, no challenge", 105, asks(misbehave.NONCE_NODE, home=misbehave.NONCE_HOME, flags="T"), challenge)
        challenge = self.offered()
        self.machine.frame(self.packet(self.answered(challenge, flags="T"), source=misbehave.NONCE_HOME))
        self.challenged("106, a challenge that was used", 106, self.answered(challenge), None)
        challenge = self.offered()
        self.challenged("108, the Mobile-AAA authenticator is wrong", 108, self.answered(challenge, wrong=True, flags="T"), challenge)
        challenge = self.offered()
        self.machine.frame(self.packet(self.answered(challenge, flags="T"), source=misbehave.NONCE_HOME))
        own = authenticated(reply(0, 600, misbehave.NONCE_HOME, AGENT, FRESH), MOBILE_HOME, misbehave.NONCE_NODE)
        octets = authenticated(own + peer.extension(132, b"\xff" * 16), FOREIGN_HOME, AGENTS)
        said = Said(self.machine.datagram(octets, source=AGENT, destination="10.0.2.2"))
        came = said.messages()[0][3] if said.messages() else b""
        wanted = own + peer.extension(45, bytes([0, 109])) + peer.extension(132, came[-16:])
        tally.judge("foreign agent: 109 beside the home agent's 0, another challenge in its reply", misbehave.same(came, wanted))
        self.seen.add(wanted[len(own) + 3] if came == wanted else 0)

    def replied(self, what, code, make, plain=None, asked=None, **more):
        asked = asked or asks(flags="T")
        plain = plain or authenticated(reply(0, 600, HOME, AGENT, FRESH), MOBILE_HOME, NODE)
        self.relayed(asked, **{name: more.pop(name) for name in ("source",) if name in more})
        self.check(what, code, asked, self.machine.datagram(make(plain), source=AGENT, destination="10.0.2.2"), **more)

    def late(self, what, octets):
        self.relayed(octets)
        self.check(what, 78, octets, self.machine.ask("pass 7000"))

    def unreachable(self, what, code, octets, icmp):
        self.relayed(octets)
        self.check(what, code, octets, self.machine.ask("icmp %s 434 %d %d %s" % (AGENT, *icmp, octets.hex())))

    def named(self):
        """RFC 2794 3: what a reply to a node with a name must have."""
        alice = nai("alice@example.org")
        asked = authenticated(request(flags="T", home="0.0.0.0", identification=FRESH) + alice, MOBILE_HOME, ALICE)
        way = {"asked": asked, "source": "0.0.0.0", "reply_to": "255.255.255.255", "more": alice}

        def answered(home, agent, name):
            plain = authenticated(reply(0, 600, home, agent, FRESH) + name, MOBILE_HOME, ALICE)
            return lambda _: authenticated(plain, FOREIGN_HOME, AGENTS)
        self.replied("97, a reply without the name", 97, answered("0.0.0.0", AGENT, b""), **way)
        self.replied("98, a reply without the home agent", 98, answered("10.1.0.100", "0.0.0.0", alice), **way)
        self.replied("99, a reply without the home address", 99, answered("0.0.0.0", AGENT, alice), **way)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: codes.py EXCHANGE\n\n" + __doc__)
        sys.exit(0 if sys.argv[1:] == ["-h"] else 2)
    for role in (HomeAgentCodes, ForeignAgentCodes):
        role(sys.argv[1]).play()
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()

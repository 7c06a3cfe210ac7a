#!/usr/bin/env -S python3 -B
"""Revocations between the agents (RFC 3543), octet by octet: what each of them says, and who is not heard.

In the order of the RFC: the extension of a registration and of its reply (3.2), a revocation and its acknowledgment (3.3, 3.4,
4.2), and then messages that are malformed, forged, replayed, reflected or about something else, each to a machine that has just
agreed on revocation, of which nothing must come but a count (3.3, 3.5). The expected octets are made here, with Python's hmac.
The last line is `N passed, N failed`.
"""
import struct
import sys

import misbehave
from misbehave import (AGENT, AGENTS, CLOCK, FOREIGN, FOREIGN_HOME, FRESH, HOME, MOBILE_HOME, NODE, OTHER_FOREIGN, Machine, Said, asks,
                       same, silence, tally)
from peer import Security, authenticated, extension, reply
from revocation import acknowledgment, revocation, support

NOW = CLOCK >> 32
THEIRS = 5000           # the other agent's clock is its own
LATER = THEIRS + 100
PORT = 4343             # that a revocation comes from: 3.3 has it variable
WRONG = Security(AGENTS.spi, "hmac-md5", b"\x56" * 16)


def signed(octets, **more):
    return authenticated(octets, FOREIGN_HOME, AGENTS, **more)


class Agent:
    """What is alike for both. `home`: the machine is the home agent."""
    name, own, other, home = "", "", "", False

    def __init__(self, program):
        self.machine = Machine(program, "ha" if self.home else "fa")

    def agree(self):
        """A fresh machine with a registration that may be revoked. What it said last."""
        raise NotImplementedError

    def hear(self, octets):
        return Said(self.machine.datagram(octets, source=self.other, port=PORT, destination=self.own))

    def message(self, inform=True, home=HOME, agent=AGENT, care_of=FOREIGN, identifier=LATER):
        """A revocation of the other agent's."""
        return revocation(not self.home, inform, home, agent, care_of, identifier)

    def answered(self, what, octets, inform=True, identifier=LATER):
        """By the acknowledgment, whole, to where it came from (3.4)."""
        said = self.hear(octets)
        wanted = [self.own, "434", self.other, str(PORT), signed(acknowledgment(inform, HOME, identifier))]
        tally.judge("%s: %s" % (self.name, what), None if said.datagrams == [wanted] else "\n    is  %s\n    not %s" % (said.datagrams, wanted))

    def unheard(self, what, octets, counter):
        self.agree()
        tally.judge("%s: %s" % (self.name, what), silence(self.hear(octets), counter))

    def play(self):
        self.negotiation()
        self.revocations()
        self.forms()
        self.authenticators()
        self.replays()
        self.own_revocation()
        self.without()

    def negotiation(self):
        raise NotImplementedError

    def revocations(self):
        self.agree()
        self.answered("a revocation is acknowledged", signed(self.message()))
        tally.judge("%s: the same once more" % self.name, silence(self.hear(signed(self.message())), "drop_revocation_replay"))
        self.answered("a later one: the acknowledgment was lost", signed(self.message(identifier=LATER + 1)), identifier=LATER + 1)
        self.agree()
        self.answered("one that does not ask", signed(self.message(inform=False)), inform=False)
        for place, bits in ((1, 0xFF), (2, 0x3F), (3, 0xFF)):
            self.agree()
            octets = bytearray(self.message())
            octets[place] |= bits
            self.answered("the reserved bits of octet %d are ignored" % place, signed(bytes(octets)))
        for kind in (128, 200, 255):
            self.agree()
            self.answered("unknown extension %d is skipped" % kind, signed(self.message() + extension(kind, b"?")))

    def forms(self):
        good = signed(self.message())
        for length in range(1, 20):
            self.unheard("cut to %d octets" % length, good[:length], "drop_malformed")
        for length in range(21, len(good)):
            self.unheard("its authentication cut after %d octets" % length, good[:length], "drop_malformed")
        for kind in (1, 31, 37, 46, 127):
            self.unheard("unknown extension %d" % kind, signed(self.message() + extension(kind, b"?")), "drop_unknown_extension")
        for what, octets in (("home address", self.message(home="10.1.0.51")), ("care-of address", self.message(care_of=self.stranger))):
            self.unheard("about another %s" % what, signed(octets), "drop_revocation_unknown")

    def authenticators(self):
        plain = self.message()
        good = signed(plain)
        counter = "drop_revocation_authentication"
        for what, octets in (("no authenticator", plain), ("a wrong one", signed(plain, wrong=True)),
                             ("one by another key", authenticated(plain, FOREIGN_HOME, WRONG)),
                             ("one of another SPI", authenticated(plain, FOREIGN_HOME, Security(2001, "hmac-md5", AGENTS.key))),
                             ("the node's", authenticated(plain, MOBILE_HOME, NODE)),
                             ("the agents' as if it were the node's", authenticated(plain, MOBILE_HOME, AGENTS)),
                             ("two", signed(good))):
            self.unheard(what, octets, counter)
        for place in (1, 2, 3, *range(8, 12), *range(16, 20)):
            octets = good[:place] + bytes([good[place] ^ 1]) + good[place + 1:]
            self.unheard("octet %d changed on its way" % place, octets, counter)
        for place in range(22, len(good)):
            octets = good[:place] + bytes([good[place] ^ 0x80]) + good[place + 1:]
            self.unheard("octet %d of the authentication changed" % place, octets, counter)

    def replays(self):
        """3.5: the timestamp of the registration precedes it, and what an agent has sent does not come back to it."""
        for identifier in (THEIRS, THEIRS - 1, 0, THEIRS + (1 << 31)):
            self.unheard("identifier %u" % identifier, signed(self.message(identifier=identifier)), "drop_revocation_replay")
        reflected = revocation(self.home, True, HOME, AGENT, FOREIGN, LATER)
        self.unheard("a reflection", signed(reflected), "drop_revocation_replay")

    def own_revocation(self):
        """3.3, and 3.5 for what comes back."""
        inform, identifier = True, NOW + 10
        self.agree()
        self.machine.ask("pass 10000")
        said = Said(self.machine.ask("revoke " + HOME))
        sent = signed(revocation(self.home, inform, HOME, AGENT, FOREIGN, identifier))
        tally.judge("%s: its own revocation" % self.name,
                    None if [way[:1] + way[2:] for way in said.datagrams] == [[self.own, self.other, "434", sent]] else said.datagrams)
        for what, octets, counter in (
                ("that does not match", signed(acknowledgment(True, HOME, identifier - 1)), "drop_revocation_unknown"),
                ("of another node", signed(acknowledgment(True, "10.1.0.51", identifier)), "drop_revocation_unknown"),
                ("with a wrong authenticator", signed(acknowledgment(True, HOME, identifier), wrong=True),
                 "drop_revocation_authentication"),
                ("without an authenticator", acknowledgment(True, HOME, identifier), "drop_revocation_authentication"),
                ("that is cut", signed(acknowledgment(True, HOME, identifier))[:11], "drop_malformed")):
            tally.judge("%s: an acknowledgment %s" % (self.name, what), silence(self.hear(octets), counter))
        again = Said(self.machine.ask("pass 1000")).datagrams
        tally.judge("%s: it is repeated with another identifier" % self.name,
                    same(again[0][4] if len(again) == 1 else b"",
                         signed(revocation(self.home, inform, HOME, AGENT, FOREIGN, identifier + 1))))
        self.hear(signed(acknowledgment(True, HOME, identifier)))
        tally.judge("%s: the acknowledgment of either ends it" % self.name, Said(self.machine.ask("pass 60000")).datagrams)

    def without(self):
        """Who takes no part in it."""
        self.agree_with("new")
        tally.judge("%s: without revocation" % self.name, silence(self.hear(signed(self.message())), self.no_part))

    def agree_with(self, setting):
        raise NotImplementedError


class HomeAgent(Agent):
    name, own, other, home, stranger = "home agent", AGENT, FOREIGN, True, OTHER_FOREIGN
    no_part = "drop_not_a_request"

    def agree_with(self, setting):
        self.machine.ask(setting)
        return Said(self.machine.datagram(signed(asks(care_of=FOREIGN) + support(True, THEIRS)), source=FOREIGN))

    def agree(self):
        return self.agree_with("new revocation=1")

    def negotiation(self):
        plain = authenticated(reply(1, 600, HOME, AGENT, FRESH), MOBILE_HOME, NODE)
        for offered in (True, False):
            self.machine.ask("new revocation=1")
            octets = signed(asks(care_of=FOREIGN) + support(offered, THEIRS))
            said = Said(self.machine.datagram(octets, source=FOREIGN))
            tally.judge("home agent: an offer with I %d is answered in the reply" % offered,
                        same(said.datagrams[0][4], signed(plain + support(offered, NOW))))
        self.machine.ask("new revocation=1")
        said = Said(self.machine.datagram(signed(asks(care_of=FOREIGN)), source=FOREIGN))
        tally.judge("home agent: no offer, no answer", same(said.datagrams[0][4], signed(plain)))


class ForeignAgent(Agent):
    name, own, other, home, stranger = "foreign agent", FOREIGN, AGENT, False, "10.2.0.2"
    no_part = "drop_other_type"

    def ask_for(self, setting):
        self.machine.ask(setting)
        return Said(self.machine.frame(misbehave.ForeignAgent.packet(asks(flags="T"))))

    def agree_with(self, setting):
        self.ask_for(setting)
        plain = authenticated(reply(0, 600, HOME, AGENT, FRESH), MOBILE_HOME, NODE)
        return Said(self.machine.datagram(signed(plain + support(True, THEIRS)), source=AGENT, destination=FOREIGN))

    def agree(self):
        return self.agree_with("new revocation=1")

    def negotiation(self):
        said = self.ask_for("new revocation=1")
        tally.judge("foreign agent: its offer behind the node's request",
                    same(said.datagrams[0][4], signed(asks(flags="T") + support(True, NOW))))
        self.ask_for("new revocation=1")
        plain = authenticated(reply(0, 600, HOME, AGENT, FRESH), MOBILE_HOME, NODE)
        said = Said(self.machine.datagram(signed(plain) + support(True, THEIRS), source=AGENT, destination=FOREIGN))
        code = said.messages()[0][3][1] if said.messages() else None
        tally.judge("foreign agent: an answer that nothing protects is code 68", None if code == 68 else code)
        said = Said(self.machine.frame(misbehave.ForeignAgent.packet(asks(flags="T", more=support(True, THEIRS), identification=FRESH + 1))))
        tally.judge("foreign agent: a node's own offer without D", silence(said, "drop_revocation_support"))

    def revocations(self):
        Agent.revocations(self)
        for inform in (True, False):
            self.agree()
            said = self.hear(signed(self.message(inform=inform)))
            reset = [packet for packet in said.frames if packet[9] == 1 and packet[16:20] == bytes((10, 1, 0, 50))]
            numbers = [struct.unpack("!H", packet[packet.index(bytes((16, 10))) + 2:][:2])[0] for packet in reset]
            tally.judge("foreign agent: with I %d the node hears%s of it, by sequence number 0" % (inform, "" if inform else " nothing"),
                        None if numbers == ([0] if inform else []) else numbers)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: revoked.py EXCHANGE\n\n" + __doc__)
        sys.exit(0 if sys.argv[1:] == ["-h"] else 2)
    for role in (HomeAgent, ForeignAgent):
        role(sys.argv[1]).play()
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env -S python3 -B
"""Peers that misbehave, and what each role answers them, octet by octet (RFC 5944 1.8, 3.6 to 3.8, 5; RFC 2794, 3024, 3519).

Each case is a malformed or forbidden message to a machine that stands as exchange.c says, and what the RFC says of it: silence
and the name of what counts it, or the whole reply. The expected octets are made here, with peer.py and Python's hmac; where
the RFC leaves a field to the sender (the lifetime of a denial, an IP identification) it is taken over from what came.

The last line is `N passed, N failed`.
"""
import struct
import subprocess
import sys

import peer
from peer import Security, authenticated, extension, ip_packet, nai, reply, request, udp_datagram

MOBILE_HOME, MOBILE_FOREIGN, FOREIGN_HOME, GENERALIZED = 32, 33, 34, 36
REQUEST_LENGTH, REPLY_LENGTH = 24, 20
HOME, NONCE_HOME, KEYED_HOME, AGENT = "10.1.0.50", "10.1.0.51", "10.1.0.52", "10.1.0.1"
FOREIGN, OTHER_FOREIGN = "10.2.0.1", "10.3.0.1"        # with the first one the home agent shares an association
NODE = Security(1000, "hmac-md5", b"\x11" * 16)
NONCE_NODE = Security(1001, "hmac-md5", b"\x22" * 16)
KEYED_NODE = Security(1002, "keyed-md5", b"\x33" * 16)
ALICE = Security(1003, "hmac-md5", b"\x44" * 16)
AGENTS = Security(2000, "hmac-md5", b"\x55" * 16)
VISITOR = Security(4000, "hmac-md5", b"\x66" * 16)
CLOCK = (1700000000 + peer.NTP_EPOCH) << 32
FRESH = CLOCK | 0x12345678
# Extensions that a request or a reply may have; the others below 128 are unknown to all (RFC 5944 1.8).
KNOWN = {0, 32, 33, 34, 36, 38, 44, 45}


class Machine:
    def __init__(self, program, role):
        self.process = subprocess.Popen([program, role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        """What it says to a line: lists of words."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        said = []
        for answer in iter(self.process.stdout.readline, ""):
            if answer == ".\n":
                return said
            said.append(answer.split())
        sys.exit("the machine ended at: " + line[:200])

    def datagram(self, octets, link=3, source=OTHER_FOREIGN, port=434, destination=AGENT):
        return self.ask("datagram %d %s %d %s 434 %s" % (link, source, port, destination, octets.hex()))

    def frame(self, packet, link=2):
        return self.ask("frame %d %s" % (link, packet.hex()))


class Said:
    """Sorted by what it is."""

    def __init__(self, lines):
        self.datagrams = [line[1:5] + [bytes.fromhex(line[5])] for line in lines if line[0] == "datagram"]
        self.frames = [bytes.fromhex(line[2]) for line in lines if line[0] == "frame"]
        self.counts = {line[1]: int(line[2]) for line in lines if line[0] == "count"}
        self.state = next((line[1] for line in lines if line[0] == "state"), None)

    def messages(self):
        """Registration messages in frames: source, destination, ports, octets. Advertisements and solicitations are none."""
        found = []
        for packet in self.frames:
            if packet[9] == peer.UDP:
                ports = struct.unpack("!HH", packet[20:24])
                found.append((peer.text_address(packet[12:16]), peer.text_address(packet[16:20]), ports, packet[28:]))
        return found


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def judge(self, what, problem):
        self.failed += bool(problem)
        self.passed += not problem
        if problem:
            print("FAILED %s: %s" % (what, problem))


tally = Tally()


def silence(said, counter):
    """What is wrong, where nothing was to be said and `counter` to count it."""
    if said.datagrams or said.messages():
        return "was answered with %s" % (said.datagrams or said.messages())
    if said.counts.get(counter) != 1:
        return "%s is not counted once: %s" % (counter, said.counts)
    return None


def same(found, wanted):
    return None if found == wanted else "\n    is  %s\n    not %s" % (found.hex(), wanted.hex())


# --- the home agent --------------------------------------------------------------------------------------------------


def asks(security=NODE, more=b"", after=b"", **fields):
    """A good request, but for what is said. `more` stands before the Mobile-Home authentication, `after` behind it."""
    fields.setdefault("identification", FRESH)
    return authenticated(request(**fields) + more, MOBILE_HOME, security) + after


def answer(code, octets, came, security=NODE, before=b"", after=b"", **fields):
    """The home agent's whole reply to that request (RFC 5944 3.8.3)."""
    kind, _, lifetime, home, agent, _, identification = struct.unpack("!BBH4s4s4sQ", octets[:REQUEST_LENGTH])
    if code >= 2:
        lifetime = struct.unpack("!H", came[2:4])[0]     # "unspecified and MUST be ignored" (3.4)
    if code == 133:
        # 5.7.1: the low-order half is the request's, the high-order one the home agent's time of day.
        identification = CLOCK | identification & 0xFFFFFFFF
    values = {"lifetime": min(lifetime, 1800), "home": peer.text_address(home), "agent": AGENT, "identification": identification}
    values.update(fields)
    return authenticated(reply(code, **values) + before, MOBILE_HOME, security) + after


class HomeAgent:
    def __init__(self, program):
        self.machine = Machine(program, "ha")

    def fresh(self, octets, **way):
        self.machine.ask("new")
        return Said(self.machine.datagram(octets, **way))

    def silent(self, what, octets, counter, **way):
        tally.judge("home agent, " + what, silence(self.fresh(octets, **way), counter))

    def judge_reply(self, what, said, code, octets, source, port, **more):
        if len(said.datagrams) != 1:
            tally.judge(what, "is answered with %s, counted as %s" % (said.datagrams, said.counts))
            return
        where, came = said.datagrams[0][:4], said.datagrams[0][4]
        end = [AGENT, "434", source, str(port)]
        tally.judge(what, same(came, answer(code, octets, came, **more)) if where == end else "goes to %s" % where)

    def denied(self, what, code, octets, source=OTHER_FOREIGN, port=434, destination=AGENT, **more):
        said = self.fresh(octets, source=source, port=port, destination=destination)
        self.judge_reply("home agent, " + what, said, code, octets, source, port, **more)

    def play(self):
        self.forms()
        self.unknown_extensions()
        self.authentications()
        self.identifications()
        self.fields()
        self.foreign_home()
        self.tunnels()

    def forms(self):
        good = asks()
        for length in range(REQUEST_LENGTH):
            self.silent("cut to %d octets" % length, good[:length], "drop_malformed")
        for kind in (0, 2, 3, 5, 6, *range(8, 15), *range(16, 24), 128, 255):
            self.silent("type %d" % kind, bytes([kind]) + good[1:], "drop_not_a_request")
        for length in range(REQUEST_LENGTH + 1, len(good)):
            self.silent("its extension cut after %d octets" % length, good[:length], "drop_malformed")
        for kind in (32, 33, 34, 131, 132, 144, 200):
            self.silent("extension %d that runs past the end" % kind, good + bytes([kind, 9]) + bytes(8), "drop_malformed")
        for kind in (32, 33, 34):
            for length in range(4):
                self.silent("extension %d of %d octets" % (kind, length), good + extension(kind, bytes(length)),
                            "drop_malformed")
        for length in (0, 1, 5, 7):
            self.silent("a UDP Tunnel Request of %d octets" % length, asks(more=extension(144, bytes(length))), "drop_malformed")

    def unknown_extensions(self):
        """RFC 5944 1.8: 0 to 127 discard, 128 to 255 are skipped."""
        for kind in sorted(set(range(1, 128)) - KNOWN):
            self.silent("unknown extension %d" % kind, asks(more=extension(kind, b"?")), "drop_unknown_extension")
        for kind, length in ((44, 6), (45, 2)):
            self.silent("extension %d, which belongs into replies" % kind, asks(more=extension(kind, bytes(length))),
                        "drop_unknown_extension")
        for kind in (128, 129, 133, 135, 136, 138, *range(140, 144), *range(145, 256, 10)):
            self.denied("unknown extension %d is skipped" % kind, 1, asks(more=extension(kind, b"?")))

    def authentications(self):
        self.silent("without any authentication", request(identification=FRESH), "drop_no_authentication")
        self.silent("only Mobile-Foreign authentication", authenticated(request(identification=FRESH), MOBILE_FOREIGN, NODE),
                    "drop_no_authentication")
        self.silent("a node that nobody knows", asks(home="10.1.0.99"), "drop_unknown_node")
        self.silent("a name that nobody knows", asks(home="0.0.0.0", more=nai("eve@example.org")), "drop_unknown_node")
        self.silent("neither home address nor name", asks(home="0.0.0.0"), "drop_unknown_node")
        good = asks()
        for place in (1, 2, 3, *range(8, REQUEST_LENGTH)):
            octets = good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1:]
            self.denied("octet %d changed on its way" % place, 131, octets)
        for place in range(REQUEST_LENGTH + 2, len(good)):
            octets = good[:place] + bytes([good[place] ^ 1]) + good[place + 1:]
            self.denied("octet %d of the authentication changed" % place, 131, octets)
        for spi in (0, 1, 255, 999, 1001, 0xFFFFFFFF):
            self.denied("SPI %d" % spi, 131, asks(Security(spi, "hmac-md5", NODE.key)))
        for algorithm in ("hmac-sha1", "hmac-sha256", "keyed-md5"):
            self.denied("by %s in place of hmac-md5" % algorithm, 131, asks(Security(1000, algorithm, NODE.key)))
        for length in (1, 15, 17, 20, 32):
            octets = request(identification=FRESH) + struct.pack("!BBI", MOBILE_HOME, 4 + length, 1000) + bytes(length)
            self.denied("an authenticator of %d octets" % length, 131, octets)
        self.denied("with the key of another node", 131, asks(Security(1000, "hmac-md5", NONCE_NODE.key)))
        twice = authenticated(asks(), MOBILE_HOME, NODE)
        self.denied("two Mobile-Home authentications", 134, twice)
        self.denied("keyed-md5 with a wrong key", 131, asks(Security(1002, "keyed-md5", NODE.key), home=KEYED_HOME),
                    security=KEYED_NODE)

    def identifications(self):
        """RFC 5944 5.7.1: tolerance of 7 seconds, greater than all before."""
        for seconds in (-2**31, -86400, -3600, -8, 8, 3600, 86400, 2**30):
            octets = asks(identification=(FRESH + (seconds << 32)) & (2**64 - 1))
            self.denied("a timestamp %d seconds off" % seconds, 133, octets)
        self.denied("a timestamp of zero", 133, asks(identification=0))
        self.denied("a timestamp of all ones", 133, asks(identification=2**64 - 1))
        for later, what in ((FRESH, "again"), (FRESH - 1, "one that is older by a fraction"), (FRESH - (1 << 32), "by a second")):
            self.fresh(asks())
            octets = asks(identification=later)
            said = Said(self.machine.datagram(octets))
            self.judge_reply("home agent, a replay: " + what, said, 133, octets, OTHER_FOREIGN, 434)

    def fields(self):
        for address in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", HOME):
            self.denied("care-of address " + address, 134, asks(care_of=address))
        for address in (AGENT, "10.0.1.2"):
            self.denied("care-of address %s, the home agent's own" % address, 129, asks(care_of=address))
        for address in ("10.1.0.2", "192.0.2.1", "224.0.0.11", "127.0.0.1"):
            self.denied("home agent " + address, 136, asks(agent=address))
        # RFC 4433 5.3: whatever the field says, the one that is requested must be the one that is asked.
        for address in ("0.0.0.0", "10.0.1.2", "10.1.0.2", "10.1.0.255", "224.0.0.11", "255.255.255.255", "127.0.0.1"):
            for agent in (AGENT, "0.0.0.0", "255.255.255.255"):
                self.denied("%s is requested, with %s in the field" % (address, agent), 136,
                            asks(agent=agent, more=peer.dynamic_home_agent(1, address)))
        self.denied("by the broadcast of the home network", 136, asks(agent="10.1.0.255"), destination="10.1.0.255")
        for address in ("10.1.0.2", "10.0.1.3", "192.0.2.1"):
            self.silent("to %s, which is not ours" % address, asks(), "drop_not_for_us", destination=address)
        for address in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1"):
            self.silent("from %s" % address, asks(), "drop_bad_source", source=address)
        octets = asks(ALICE, home=HOME, more=nai("alice@example.org"))
        self.denied("a name that asks for another's address", 129, octets, security=ALICE, before=nai("alice@example.org"))
        octets = asks(ALICE, home="10.1.0.200", more=nai("alice@example.org"))
        self.denied("a name that asks for an address out of the pool", 129, octets, security=ALICE,
                    before=nai("alice@example.org"))

    def foreign_home(self):
        """RFC 5944 3.8.2.1 c, d."""
        good = asks()
        through = {"source": FOREIGN}

        def judged(code, octets):
            came_with = authenticated      # the reply's authentication covers all that stands before it
            said = self.fresh(octets, **through)
            what = "home agent, %s" % self.what
            if len(said.datagrams) != 1:
                tally.judge(what, "is answered with %s, counted as %s" % (said.datagrams, said.counts))
                return
            came = said.datagrams[0][4]
            tally.judge(what, same(came, came_with(answer(code, octets, came), FOREIGN_HOME, AGENTS)))

        for self.what, octets in (
                ("without Foreign-Home authentication", good),
                ("with a wrong Foreign-Home authentication", authenticated(good, FOREIGN_HOME, AGENTS, wrong=True)),
                ("with a Foreign-Home authentication of another SPI",
                 authenticated(good, FOREIGN_HOME, Security(2001, "hmac-md5", AGENTS.key))),
                ("with two of them", authenticated(authenticated(good, FOREIGN_HOME, AGENTS), FOREIGN_HOME, AGENTS)),
                ("with one that stands before the node's",
                 authenticated(authenticated(request(identification=FRESH), FOREIGN_HOME, AGENTS), MOBILE_HOME, NODE))):
            judged(132, octets)
        wrong = authenticated(request(identification=FRESH), MOBILE_HOME, NODE, wrong=True)
        self.what = "a wrong node through a right agent"
        judged(131, authenticated(wrong, FOREIGN_HOME, AGENTS))
        self.silent("both wrong", authenticated(wrong, FOREIGN_HOME, AGENTS, wrong=True), "drop_authentication_failed", **through)
        self.silent("a wrong node, and the agent says nothing", wrong, "drop_authentication_failed", **through)
        for octets, what in ((authenticated(good, FOREIGN_HOME, AGENTS), "right"),
                             (authenticated(good, FOREIGN_HOME, AGENTS, wrong=True), "wrong"),
                             (authenticated(wrong, FOREIGN_HOME, AGENTS), "for a wrong node")):
            self.silent("Foreign-Home authentication, %s, of an agent without an association" % what, octets,
                        "drop_unexpected_foreign_home")

    def tunnels(self):
        self.denied("minimal encapsulation, which is not had", 139, asks(flags="M"))
        self.denied("minimal encapsulation or GRE", 139, asks(flags="MG"))
        for encapsulation in (1, 47, 55, 255):
            octets = asks(flags="DT", care_of="192.168.7.33", more=peer.udp_tunnel_request(encapsulation=encapsulation))
            self.denied("protocol %d in UDP" % encapsulation, 142, octets, source="10.0.5.2", port=31000)
        self.denied("a UDP Tunnel Request of a node without D", 134, asks(flags="T", more=peer.udp_tunnel_request()))
        self.denied("a UDP Tunnel Request of an agent, with D", 134, asks(flags="DT", after=peer.udp_tunnel_request()))
        two = peer.udp_tunnel_request() * 2
        self.denied("two UDP Tunnel Requests", 134, asks(flags="DT", more=two))


# --- the foreign agent -----------------------------------------------------------------------------------------------


class ForeignAgent:
    def __init__(self, program):
        self.machine = Machine(program, "fa")

    @staticmethod
    def packet(octets, source=HOME, destination=FOREIGN, port=1434, ttl=255):
        return ip_packet(source, destination, peer.UDP, udp_datagram(source, destination, (port, 434), octets), ttl=ttl)

    def fresh(self, octets, **way):
        self.machine.ask("new")
        return Said(self.machine.frame(self.packet(octets, **way)))

    def silent(self, what, octets, counter, **way):
        tally.judge("foreign agent, " + what, silence(self.fresh(octets, **way), counter))

    def judge_denial(self, what, said, code, octets, security=None, more=b"", lifetime=None, **way):
        """RFC 5944 3.7.2.3: to where the request came from, with its home address, home agent and identification."""
        messages = said.messages()
        if len(messages) != 1:
            tally.judge(what, "is answered with %s, counted as %s, relayed as %s" % (messages, said.counts, said.datagrams))
            return
        source, destination, ports, came = messages[0]
        _, _, asked, home, agent, _, identification = struct.unpack("!BBH4s4s4sQ", octets[:REQUEST_LENGTH])
        wanted = reply(code, struct.unpack("!H", came[2:4])[0] if lifetime is None else lifetime, peer.text_address(home),
                       peer.text_address(agent), identification) + more
        if security:
            wanted = authenticated(wanted, MOBILE_FOREIGN, security)
        end = (way.get("reply_from", FOREIGN), way.get("reply_to", HOME), (434, 1434))
        tally.judge(what, same(came, wanted) if (source, destination, ports) == end else "goes %s" % str(messages[0][:3]))

    def denied(self, what, code, octets, **more):
        way = {name: more.pop(name) for name in ("source", "destination", "ttl") if name in more}
        self.judge_denial("foreign agent, " + what, self.fresh(octets, **way), code, octets, **more)

    def play(self):
        self.forms()
        self.requests()
        self.replies()

    def forms(self):
        good = asks(flags="T")
        for length in range(1, REQUEST_LENGTH):
            self.silent("cut to %d octets" % length, good[:length], "drop_malformed")
        for kind in (0, 2, 5, 6, *range(8, 15), *range(16, 24), 128, 255):
            self.silent("type %d" % kind, bytes([kind]) + good[1:], "drop_other_type")
        for kind in sorted(set(range(1, 128)) - KNOWN):
            self.silent("unknown extension %d" % kind, asks(flags="T", more=extension(kind, b"?")), "drop_unknown_extension")
        for length in range(REQUEST_LENGTH + 1, len(good)):
            self.denied("its extension cut after %d octets" % length, 70, good[:length])
        for kind in (32, 33, 34, 131, 144, 200):
            self.denied("extension %d that runs past the end" % kind, 70, good + bytes([kind, 9]) + bytes(8))
        self.silent("without any authentication", request(flags="T", identification=FRESH), "drop_not_authorized")
        packet = bytearray(self.packet(good))
        packet[26] ^= 1
        self.machine.ask("new")
        tally.judge("foreign agent, a wrong UDP checksum", silence(Said(self.machine.frame(bytes(packet))), "drop_malformed"))
        self.machine.ask("new")
        tally.judge("foreign agent, a request by no visited link",
                    silence(Said(self.machine.datagram(good, destination="10.0.2.2")), "drop_off_link"))

    def requests(self):
        good = asks(flags="T")
        self.denied("the reserved bit x", 70, good[:1] + bytes([good[1] | 0x01]) + good[2:])
        for address in ("224.0.0.1", "127.0.0.1", "255.255.255.255", "240.0.0.1", FOREIGN, "10.0.2.2"):
            # No host has it: to everyone in the frame's place, which goes to the node's link address all the same.
            self.denied("home address " + address, 70, asks(flags="T", home=address), source=HOME, reply_to="255.255.255.255")
        self.denied("no home address and no name", 96, asks(flags="T", home="0.0.0.0"), source="0.0.0.0",
                    reply_to="255.255.255.255")
        for address in ("10.2.0.2", "10.3.0.1", HOME, "0.0.0.0", "255.255.255.255"):
            self.denied("care-of address " + address, 77, asks(flags="T", care_of=address))
        for lifetime in (1801, 3600, 65534, 65535):
            self.denied("%d seconds" % lifetime, 69, asks(flags="T", lifetime=lifetime), lifetime=1800)
        self.denied("minimal encapsulation, which is not had", 72, asks(flags="TM"))
        self.denied("minimal encapsulation or GRE", 72, asks(flags="TMG"))
        self.denied("delivery style without T", 70, asks(after=extension(130)))
        for ttl in (1, 2, 64, 254):
            self.denied("a reverse tunnel from %d hops away" % (255 - ttl), 76, asks(flags="T"), ttl=ttl)
        for address in (FOREIGN, "10.0.2.2", "224.0.0.11", "127.0.0.1"):
            self.denied("home agent " + address, 194, asks(flags="T", agent=address))
        # RFC 4433 5.2: no home agent to be had, or one that is no routable unicast address.
        for agent in ("0.0.0.0", "255.255.255.255"):
            self.denied("home agent " + agent, 90, asks(flags="T", agent=agent))
            for address in ("0.0.0.0", "127.0.0.1", "169.254.0.1", "224.0.0.11", "10.2.0.255", "255.255.255.255"):
                self.denied("%s is requested, with %s in the field" % (address, agent), 90,
                            asks(flags="T", agent=agent, more=peer.dynamic_home_agent(1, address)))
        self.denied("this host is requested", 194, asks(flags="T", agent="0.0.0.0", more=peer.dynamic_home_agent(1, FOREIGN)))
        self.denied("a home agent that is the node itself", 65, asks(flags="T", agent=HOME))
        # RFC 5944 3.7.2.1: an association is shared with this node; the denial has the extension too (3.5.3).
        keyed = asks(KEYED_NODE, flags="T", home=KEYED_HOME)
        by_node = {"source": KEYED_HOME, "reply_to": KEYED_HOME, "security": VISITOR}
        for octets, what in ((keyed, "without Mobile-Foreign authentication"),
                             (authenticated(keyed, MOBILE_FOREIGN, VISITOR, wrong=True), "with a wrong one"),
                             (authenticated(keyed, MOBILE_FOREIGN, NODE), "with one of another association"),
                             (authenticated(authenticated(keyed, MOBILE_FOREIGN, VISITOR), MOBILE_FOREIGN, VISITOR), "with two"),
                             (authenticated(authenticated(request(flags="T", home=KEYED_HOME, identification=FRESH), MOBILE_FOREIGN,
                                                          VISITOR), MOBILE_HOME, KEYED_NODE), "with one before the node's own")):
            self.denied(what, 67, octets, **by_node)

    def relayed(self, octets=None, **way):
        """A good request goes on to the home agent."""
        octets = octets or asks(flags="T")
        said = self.fresh(octets, **way)
        if len(said.datagrams) != 1:
            sys.exit("a good request is not relayed: %s %s" % (said.messages(), said.counts))
        return octets

    def after(self, octets, source=AGENT, request_octets=None, **way):
        self.relayed(request_octets, **way)
        return Said(self.machine.datagram(octets, source=source, destination="10.0.2.2"))

    def replies(self):
        asked = asks(flags="T")
        plain = authenticated(reply(0, 600, HOME, AGENT, FRESH), MOBILE_HOME, NODE)
        good = authenticated(plain, FOREIGN_HOME, AGENTS)

        def dropped(what, octets, counter, **way):
            tally.judge("foreign agent, a reply " + what, silence(self.after(octets, **way), counter))

        def denied(what, code, octets, **more):
            self.judge_denial("foreign agent, a reply " + what, self.after(octets), code, asked, **more)

        for length in range(1, REPLY_LENGTH):
            dropped("cut to %d octets" % length, good[:length], "drop_malformed")
        for kind in sorted(set(range(1, 128)) - KNOWN):
            spoiled = authenticated(authenticated(reply(0, 600, HOME, AGENT, FRESH) + extension(kind, b"?"), MOBILE_HOME, NODE),
                                    FOREIGN_HOME, AGENTS)
            dropped("with unknown extension %d" % kind, spoiled, "drop_unknown_extension")
        dropped("to another home address", good[:4] + peer.pack_address("10.1.0.77") + good[8:], "drop_unexpected_reply")
        dropped("to another identification", good[:19] + bytes([good[19] ^ 1]) + good[20:], "drop_unexpected_reply")
        for source in ("10.1.0.2", "10.9.9.9", FOREIGN):
            dropped("from " + source, good, "drop_reply_source", source=source)
        denied("without Foreign-Home authentication", 68, plain)
        denied("with a wrong one", 68, authenticated(plain, FOREIGN_HOME, AGENTS, wrong=True))
        denied("with two of them", 68, authenticated(good, FOREIGN_HOME, AGENTS))
        denied("with that of another SPI", 68, authenticated(plain, FOREIGN_HOME, Security(2001, "hmac-md5", AGENTS.key)))
        for place in (1, 2, 3, *range(8, 16), *range(REPLY_LENGTH + 2, len(good))):
            changed = good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1:]
            if place not in (len(plain), len(plain) + 1, REPLY_LENGTH + 1):
                denied("with octet %d changed on its way" % place, 68, changed)
        denied("without the node's own authentication", 71,
               authenticated(reply(0, 600, HOME, AGENT, FRESH), FOREIGN_HOME, AGENTS))
        def answered(agent):
            own = authenticated(reply(0, 600, HOME, agent, FRESH), MOBILE_HOME, NODE)
            return own, authenticated(own, FOREIGN_HOME, AGENTS)
        denied("of home agent 0.0.0.0", 98, answered("0.0.0.0")[1])
        for agent in ("224.0.0.1", "255.255.255.255"):
            self.refused("of home agent %s" % agent, 71, *answered(agent))

    def refused(self, what, status, own, octets, **way):
        """RFC 4636 3, 4: the home agent's reply up to the node's authentication, and the error behind it."""
        messages = self.after(octets, **way).messages()
        tally.judge("foreign agent, a reply " + what, same(messages[0][3] if len(messages) == 1 else b"",
                                                           own + extension(45, bytes([0, status]))))


# --- the mobile node -------------------------------------------------------------------------------------------------


class MobileNode:
    def __init__(self, program):
        self.machine = Machine(program, "mn")

    @staticmethod
    def advertised(message=None, source=FOREIGN, destination="224.0.0.1", ttl=1):
        if message is None:
            message = peer.advertisement("FT", [FOREIGN], [FOREIGN])
        return ip_packet(source, destination, peer.ICMP, message, ttl=ttl)

    def play(self):
        self.advertisements()
        self.replies()

    def heard(self, packet):
        self.machine.ask("new")
        return Said(self.machine.frame(packet))

    def unheard(self, what, packet):
        """It has nothing to register with: no request goes out."""
        said = self.heard(packet)
        problem = "registers: %s" % said.messages() if said.messages() else None
        tally.judge("mobile node, an advertisement " + what, problem or (said.state != "searching" and "is " + said.state))

    @staticmethod
    def summed(message):
        message = message[:2] + b"\0\0" + message[4:]
        return message[:2] + struct.pack("!H", peer.checksum(message)) + message[4:]

    def advertisements(self):
        good = peer.advertisement("FT", [FOREIGN], [FOREIGN])
        if len(self.heard(self.advertised()).messages()) != 1:
            sys.exit("the node does not register with a good agent")
        for length in range(len(good)):
            self.unheard("cut to %d octets" % length, self.advertised(self.summed(good[:length]) if length > 3 else good[:length]))
        self.unheard("with a wrong checksum", self.advertised(good[:2] + bytes([good[2] ^ 1]) + good[3:]))
        for kind in (0, 3, 5, 8, 10, 255):
            self.unheard("of ICMP type %d" % kind, self.advertised(self.summed(bytes([kind]) + good[1:])))
        for code in (1, 2, 15, 17, 255):
            self.unheard("of code %d" % code, self.advertised(self.summed(good[:1] + bytes([code]) + good[2:])))
        for length in (0, 1, 5, 7, 8, 9, 255):
            self.unheard("whose mobility extension says %d octets" % length,
                         self.advertised(self.summed(good[:17] + bytes([length]) + good[18:])))
        self.unheard("without a care-of address", self.advertised(peer.advertisement("FT", [], [FOREIGN])))
        self.unheard("of a busy agent", self.advertised(peer.advertisement("FBT", [FOREIGN], [FOREIGN])))
        self.unheard("of no foreign agent", self.advertised(peer.advertisement("T", [FOREIGN], [FOREIGN])))
        for address in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1"):
            self.unheard("with care-of address " + address, self.advertised(peer.advertisement("FT", [address], [FOREIGN])))
        for source in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1"):
            self.unheard("from " + source, self.advertised(source=source))

    def request(self):
        """The request that goes out, and where its answer goes."""
        said = self.heard(self.advertised())
        _, _, ports, octets = said.messages()[0]
        return octets, ports[0]

    def answered(self, make, source=FOREIGN, ports=None):
        asked, port = self.request()
        identification = struct.unpack("!Q", asked[16:24])[0]
        octets = make(identification)
        packet = ip_packet(source, HOME, peer.UDP, udp_datagram(source, HOME, ports or (434, port), octets), ttl=255)
        return Said(self.machine.frame(packet))

    def replies(self):
        def good(identification, code=0, security=NODE, more=b"", home=HOME, agent=AGENT):
            return authenticated(reply(code, 600, home, agent, identification) + more, MOBILE_HOME, security)

        def ignored(what, make, counter=None, **way):
            said = self.answered(make, **way)
            problem = None
            if said.state != "registering":
                problem = "makes the node be " + said.state
            elif counter and said.counts.get(counter) != 1:
                problem = "%s is not counted once: %s" % (counter, said.counts)
            tally.judge("mobile node, a reply " + what, problem)

        if self.answered(good).state != "registered":
            sys.exit("the node does not take a good reply")
        whole = len(good(0))
        for length in range(1, whole):
            ignored("cut to %d octets" % length, lambda number, end=length: good(number)[:end])
        for place in range(1, whole):
            if place in (REPLY_LENGTH, REPLY_LENGTH + 1):
                continue
            ignored("with octet %d changed on its way" % place,
                    lambda number, at=place: good(number)[:at] + bytes([good(number)[at] ^ 0x10]) + good(number)[at + 1:])
        for kind in sorted(set(range(1, 128)) - KNOWN):
            ignored("with unknown extension %d" % kind, lambda number, one=kind: good(number, more=extension(one, b"?")))
        ignored("without authentication", lambda number: reply(0, 600, HOME, AGENT, number))
        ignored("that is a denial of the home agent without authentication", lambda number: reply(129, 600, HOME, AGENT, number))
        ignored("with the key of another", lambda number: good(number, security=Security(1000, "hmac-md5", b"\x22" * 16)))
        ignored("with two authentications", lambda number: authenticated(good(number), MOBILE_HOME, NODE))
        for spi in (0, 255, 999, 1001):
            ignored("of SPI %d" % spi, lambda number, one=spi: good(number, security=Security(one, "hmac-md5", NODE.key)))
        for change in (1, 0x80, 1 << 31):
            ignored("to another identification (%x)" % change, lambda number, bits=change: good(number ^ bits))
        ignored("to another home address", lambda number: good(number, home="10.1.0.51"))
        ignored("that is a request", lambda number: asks(identification=number))


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: misbehave.py EXCHANGE\n\n" + __doc__)
        sys.exit(0 if sys.argv[1:] == ["-h"] else 2)
    for role in (HomeAgent, ForeignAgent, MobileNode):
        role(sys.argv[1]).play()
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(1 if tally.failed or tally.passed < 300 else 0)


if __name__ == "__main__":
    main()

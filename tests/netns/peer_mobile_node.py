"""The foreign agents and the home agent around mip-mn; see peer-mobile-node."""
import time

import peer
from peer import ICMP, MOBILE_HOME, REQUEST, Security, ip_packet
from peer_link import ask_daemon, found, play, run, same, until
from peer_node import CORRESPONDENT, HOME_AGENT, NODE, net, next_request, reaches, requests, status, wire

KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
SECURITY = Security(1000, "hmac-md5", KEY)

kept = {}


class Agent:
    """Advertises while it is on, and answers solicitations."""

    def __init__(self, address, link_address, flags, care_of=(), registration_lifetime=1800):
        self.address = address
        self.link_address = link_address
        self.flags = flags
        self.care_of = care_of
        self.registration_lifetime = registration_lifetime
        self.sequence = 0
        self.on = False
        self.next = 0
        self.sent = None
        wire.chores.append(self.chore)
        wire.reacts.append(self.react)

    def advertise(self):
        icmp = peer.advertisement(self.flags, self.care_of, sequence=self.sequence,
                                  registration_lifetime=self.registration_lifetime)
        net.send_ip("01:00:5e:00:00:01", ip_packet(self.address, "224.0.0.1", ICMP, icmp, ttl=1), self.link_address)
        self.sent = time.time()
        self.sequence = 256 if self.sequence == 65535 else self.sequence + 1
        self.next = time.monotonic() + 0.8

    def chore(self):
        if self.on and time.monotonic() >= self.next:
            self.advertise()

    def react(self, frame):
        if self.on and frame.solicits():
            self.advertise()

    def send(self, request, octets, source=None):
        net.send_udp(request.source_link, source or self.address, request.ip.source, (434, request.udp[0]), octets,
                     source_link=self.link_address)

    def answer(self, request, code=0, security=SECURITY, wrong=False, spoil=0, identification=None, authenticate=True, **fields):
        sent = request.registration
        fields.setdefault("lifetime", sent.lifetime)
        if identification is None:
            identification = sent.identification ^ spoil
        octets = peer.reply(code, home=sent.home, agent=sent.agent, identification=identification, **fields)
        if authenticate:
            octets = peer.authenticated(octets, MOBILE_HOME, security, wrong=wrong)
        self.send(request, octets)


foreign = Agent("10.2.0.1", "02:00:00:00:00:fa", "FT", ("10.2.0.1",))
other = Agent("10.3.0.1", "02:00:00:00:00:fb", "FT", ("10.3.0.1",))
home = Agent(HOME_AGENT, "02:00:00:00:00:aa", "H")


def solicited(mark):
    return wire.since(mark, lambda frame: frame.solicits())


# --- finding an agent ------------------------------------------------------------------------------------------------


def solicitations():
    mark = wire.mark()
    kept["begin"] = mark
    run(wire, "run_daemon")
    until(wire, 5, lambda: len(solicited(mark)) >= 4)
    wire.pump(0.4)
    frames = solicited(mark)
    first = frames[0]
    found("a node that hears nobody solicits", first.ip.destination in ("224.0.0.11", "224.0.0.2", "255.255.255.255") and
          first.ip.source in (NODE, "0.0.0.0"), first)
    same("with TTL 1, and right checksums", (first.ip.ttl, peer.checksum(first.ip.payload), first.ip.checksum_right), (1, 0, True))
    gaps = [later.time - earlier.time for earlier, later in zip(frames, frames[1:])]
    found("no more than three at one a second, then more and more seldom", len(gaps) >= 2 and all(gap > 0.6 for gap in gaps) and
          all(gap > 1.3 for gap in gaps[2:]), gaps)
    same("it searches", status("state", "mode", "agent", "care_of_address", "lifetime", "remaining"),
         ("searching", None, None, None, None, None))


def a_request():
    mark = wire.mark()
    foreign.on = True
    foreign.advertise()
    frame = next_request(mark)
    found("on the first advertisement the node registers at once", frame.time - foreign.sent < 0.25, frame.time - foreign.sent)
    same("from its home address to the agent's, at the link address that advertised",
         (frame.source_link != foreign.link_address, frame.destination_link, frame.ip.source, frame.ip.destination, frame.udp[1]),
         (True, foreign.link_address, NODE, "10.2.0.1", 434))
    found("with TTL 255, a port of its own, and right checksums", frame.ip.ttl == 255 and frame.udp[0] > 0 and
          frame.ip.checksum_right and frame.udp_sound(), frame)
    sent = frame.registration
    same("it asks for what is configured and offered", (sent.flags, sent.lifetime, sent.home, sent.agent, sent.care_of),
         ("T", 600, NODE, HOME_AGENT, "10.2.0.1"))
    found("the identification is the time of day", abs(peer.timestamp_seconds(sent.identification) - time.time()) < 2)
    found("its authenticator is right, and nothing else is there", sent.holds(MOBILE_HOME, SECURITY) and sent.kinds() == [MOBILE_HOME],
          sent)
    same("mipctl: it is registering", status("state", "agent"), ("registering", "10.2.0.1"))
    kept["first"] = frame
    kept["first mark"] = mark


def bad_replies_and_repetition():
    frame, mark = kept["first"], kept["first mark"]
    foreign.answer(frame, wrong=True)
    foreign.answer(frame, spoil=1)
    foreign.answer(frame, authenticate=False)
    foreign.answer(frame, security=Security(1001, "hmac-md5", KEY))
    wire.pump(0.3)
    same("replies with a wrong authenticator, SPI or identification, or without one, are not believed", status("state"), ("registering",))
    third = next_request(mark, 5, 3)
    sent = requests(mark)
    gaps = [later.time - earlier.time for earlier, later in zip(sent, sent[1:])]
    found("the request is repeated after a second or more, then after twice that", 0.98 <= gaps[0] < 1.6 and gaps[1] >= 1.8 * gaps[0]
          and gaps[1] < 3.5, gaps)
    numbers = [one.registration.identification for one in sent]
    found("each time with a later identification", sorted(set(numbers)) == numbers, numbers)
    foreign.answer(sent[0])
    wire.pump(0.1)
    same("a reply to an earlier one is not taken", status("state"), ("registering",))
    foreign.answer(third, lifetime=500)
    same("a right reply is", reaches(1, ("registered", "foreign-agent", "10.2.0.1", "10.2.0.1", "wlan0", 500, "ipip"), "state", "mode",
                                     "care_of_address", "agent", "interface", "lifetime", "encapsulation"), True)
    found("and its time runs", 497 <= status("remaining")[0] <= 500, status("remaining"))
    found("the code is remembered", status("last_code") == (0,), status("last_code"))
    says = ask_daemon("mn", "agents")["agents"]
    same("mipctl knows the agent as it advertised", [(one["address"], one["interface"], one["care_of_addresses"], set(one["flags"]),
                                                     one["home"], one["sequence"], one["registration_lifetime"]) for one in says],
         [("10.2.0.1", "wlan0", ["10.2.0.1"], {"F", "T"}, False, foreign.sequence - 1, 1800)])


def data():
    mark = wire.mark()
    net.send_ip(kept["first"].source_link, ip_packet(CORRESPONDENT, NODE, ICMP, peer.echo(identifier=7)), foreign.link_address)
    frame = wire.wait(lambda frame: frame.ip and frame.ip.protocol == ICMP and frame.ip.destination == CORRESPONDENT, 0.5, mark)
    same("the node answers a correspondent from its home address, by way of the agent",
         frame and (frame.ip.source, frame.destination_link, frame.ip.payload[:1]), (NODE, foreign.link_address, b"\0"))


def arp_for_home(target_link):
    mark = wire.mark()
    net.send_arp(target_link, 1, foreign.link_address, foreign.address, "00:00:00:00:00:00", NODE, source_link=foreign.link_address)
    return wire.wait(lambda frame: frame.arp and frame.arp.operation == 2 and frame.arp.sender == NODE, 0.3, mark)


def arp_away():
    # rfc5944-4.6-12, rfc5944-4.6-13
    same("away from home it does not answer a broadcast ARP request for its home address", arp_for_home(peer.BROADCAST), None)
    found("… and has never broadcast an ARP packet", not wire.since(kept["begin"], lambda frame: frame.arp and
          frame.destination_link == peer.BROADCAST), wire.since(kept["begin"], lambda frame: frame.arp))


# --- what changes ----------------------------------------------------------------------------------------------------


def sequence_numbers():
    mark = wire.mark()
    foreign.sequence = 65534
    for _ in range(4):
        foreign.advertise()
        wire.pump(0.05)
    wire.pump(1.2)
    same("a sequence number that rolls over (65535, 256) is no restart", (requests(mark), foreign.sequence > 256), ([], True))
    foreign.sequence = 0
    foreign.advertise()
    frame = next_request(mark)
    found("one that goes back to 0 is: the node registers again at once", frame.time - foreign.sent < 1, frame.time - foreign.sent)
    foreign.answer(frame)
    same("… and stays registered", reaches(1, ("registered",), "state"), True)


def another_agent():
    mark = wire.mark()
    other.on = True
    wire.pump(1.2)
    same("while its agent is heard the node does not run after another", [one.ip.destination for one in requests(mark)], [])
    same("mipctl knows both", sorted(one["address"] for one in ask_daemon("mn", "agents")["agents"]), ["10.2.0.1", "10.3.0.1"])
    foreign.on = False
    frame = next_request(mark, 4.5)
    lost = frame.time - foreign.sent
    found("when its lifetime is over without another advertisement, the node takes the other", frame.ip.destination == "10.3.0.1" and
          2.5 < lost < 3.6, lost)
    kept["moving"] = frame


def resynchronisation():
    mark = wire.mark()
    frame = kept["moving"]
    ahead = peer.timestamp(3600) & ~0xFFFFFFFF | frame.registration.identification & 0xFFFFFFFF
    other.answer(frame, code=133, lifetime=0, identification=ahead)
    again = next_request(mark, 3)
    found("133 sets the clock: the next identification is of the home agent's time",
          abs(peer.timestamp_seconds(again.registration.identification) - time.time() - 3600) < 2.5, again.registration)
    found("… sent after a second", 0.95 < again.time - frame.time < 2.5, again.time - frame.time)
    other.answer(again, lifetime=4)
    same("a short lifetime is granted", reaches(1, ("registered", "10.3.0.1", 4), "state", "care_of_address", "lifetime"), True)
    renewal = next_request(mark, 5, 2)
    found("… and renewed before it is over", renewal.time - again.time < 3.8, renewal.time - again.time)
    other.answer(renewal, lifetime=600 * 100)
    same("a longer lifetime than asked for is not believed", reaches(1, (600,), "lifetime"), True)


def shorter_at_agent():
    mark = wire.mark()
    run(wire, "carrier", "down")
    same("a link that goes down is left at once", reaches(1, ("searching", None), "state", "agent"), True)
    other.on = False
    foreign.on = True
    foreign.registration_lifetime = 400
    mark = wire.mark()
    run(wire, "carrier", "up")
    begin = time.time()
    frame = next_request(mark, 3)
    asked = solicited(mark)
    found("a link that comes up is solicited at once", asked and asked[0].time - begin < 0.3, asked and asked[0].time - begin)
    same("the lifetime asked for is the least of what is configured and advertised", frame.registration.lifetime, 400)
    foreign.answer(frame, code=69, lifetime=100, authenticate=False)
    again = next_request(mark, 3, 2)
    found("69 tells a shorter one, and the node takes it", again.registration.lifetime <= 100, again.registration)
    foreign.answer(again)
    same("… and is registered", reaches(1, ("registered", 100), "state", "lifetime"), True)


# --- home ------------------------------------------------------------------------------------------------------------


def coming_home():
    run(wire, "carrier", "down")
    foreign.on = False
    home.on = True
    mark = wire.mark()
    run(wire, "carrier", "up")
    frame = next_request(mark, 3)
    node_link = frame.source_link
    sent = frame.registration
    same("at home the node deregisters: lifetime 0, its care-of address is its home address, no D",
         (sent.lifetime, sent.care_of, sent.home, sent.agent, "D" in sent.flags, sent.holds(MOBILE_HOME, SECURITY)),
         (0, NODE, NODE, HOME_AGENT, False, True))
    same("directly with its home agent, from its home address", (frame.ip.source, frame.ip.destination, frame.destination_link),
         (NODE, HOME_AGENT, home.link_address))

    def gratuitous(one):
        return one.arp and one.arp.gratuitous() and one.arp.sender == NODE and one.arp.sender_link == node_link and \
            one.destination_link == peer.BROADCAST

    arps = wire.since(mark, gratuitous)
    found("a gratuitous ARP with its own link address went before", arps and arps[0].time < frame.time, arps)
    home.answer(frame)
    same("the home agent's reply: it is at home", reaches(1, ("home", None), "state", "mode"), True)
    answer = arp_for_home(peer.BROADCAST)
    same("it answers ARP for its address again", answer and answer.arp.sender_link, node_link)
    until(wire, 3, lambda: len(wire.since(mark, gratuitous)) > 1)
    found("the gratuitous ARP is repeated", len(wire.since(mark, gratuitous)) > 1)
    mark = wire.mark()
    net.send_ip(node_link, ip_packet(HOME_AGENT, NODE, ICMP, peer.echo()), home.link_address)
    found("it works like any host", wire.wait(lambda one: (one.arp and one.arp.target == HOME_AGENT) or
                                              (one.ip and one.ip.destination == HOME_AGENT), 0.5, mark))
    same("it is not registered any more than that", requests(mark), [])


def leaving_again():
    # For so short a time that the kernel tells of it with one notice, up to a second late, of a link that is up.
    home.advertise()
    run(wire, "carrier", "down")
    home.on = False
    foreign.on = True
    mark = wire.mark()
    run(wire, "carrier", "up")
    begin = time.time()
    frame = next_request(mark, 3)
    found("a carrier that was lost for a moment: the node does not go on believing that it is at home", frame.time - begin < 1.8,
          frame.time - begin)
    asked = solicited(mark)
    found("… it solicits, and takes who answers", asked and frame.time - asked[0].time < 0.25, asked and frame.time - asked[0].time)
    away = len(wire.frames)
    same("away again it registers", (frame.registration.care_of, frame.registration.lifetime), ("10.2.0.1", 400))
    for count in (1, 2, 3):
        foreign.answer(next_request(mark, 6, count), code=130, lifetime=0)
    last = next_request(mark, 6, 4)
    gaps = [later.time - earlier.time for earlier, later in zip(requests(mark), requests(mark)[1:])]
    found("a denied node tries again with exponential back-off", 0.95 <= gaps[0] < 1.6 and 1.8 < gaps[1] < 2.8 and 3.5 < gaps[2] < 5.5,
          gaps)
    same("mipctl tells the code", status("last_code"), (130,))
    foreign.answer(last)
    same("accepted at last, it is registered", reaches(1, ("registered",), "state"), True)
    same("… answers no ARP for its home address", arp_for_home(peer.BROADCAST), None)
    found("… and broadcasts none", not wire.since(away, lambda one: one.arp and one.destination_link == peer.BROADCAST),
          wire.since(away, lambda one: one.arp))


def farewell():
    mark = wire.mark()

    def confirm(frame):
        if frame.registration and frame.registration.kind == REQUEST and frame.registration.lifetime == 0:
            foreign.answer(frame)

    wire.reacts.append(confirm)
    run(wire, "stop_daemon")
    frame = next_request(mark, 1)
    same("a node that is stopped deregisters", frame.registration.lifetime, 0)


play([solicitations, a_request, bad_replies_and_repetition, data, arp_away, sequence_numbers, another_agent, resynchronisation,
      shorter_at_agent, coming_home, leaving_again, farewell])

"""The mobile nodes and home agents around mip-fa; see peer-foreign-agent."""
import time

import peer
from peer import FOREIGN_HOME, ICMP, IPIP, MOBILE_FOREIGN, MOBILE_HOME, Security, UDP, ip_packet
from peer_link import Wire, ask_daemon, found, play, run, same, until

HOME = Security(1000, "hmac-md5", bytes.fromhex("00112233445566778899aabbccddeeff"))
AGENTS = Security(500, "hmac-sha1", b"between the agents")
VISITED = Security(600, "hmac-sha256", bytes.fromhex("ffeeddccbbaa99887766554433221100"))
AGENT, CARE_OF, UP, ROUTER, CORRESPONDENT = "10.1.0.1", "10.2.0.1", "10.0.2.2", "10.0.2.1", "198.51.100.10"
NODE, NODE_LINK = "10.1.0.50", "02:00:00:00:00:50"

wire = Wire()
wan, air = wire.link("wan"), wire.link("air")
wan.owns = lambda address: address == ROUTER
kept = {}


def up_link():
    return wan.resolve(UP, ROUTER)


def down_link():
    """The agent's link address, as a node learns it: from the advertisement's frame."""
    return kept["advertisement"].source_link


def visitors(home_address=NODE):
    return [one for one in ask_daemon("fa", "visitors")["visitors"] if one["home_address"] == home_address]


def described(*names, home_address=NODE):
    return [tuple(one[name] for name in names) for one in visitors(home_address)]


def build(before=b"", after=b"", foreign=None, foreign_wrong=False, **fields):
    octets = peer.authenticated(peer.request(**fields) + before, MOBILE_HOME, HOME)
    kept["covered"] = octets
    octets += after
    return peer.authenticated(octets, MOBILE_FOREIGN, foreign, wrong=foreign_wrong) if foreign else octets


def send(octets, source=NODE, link=NODE_LINK, port=43210, ttl=255, destination=CARE_OF):
    """A request from a node on the visited link; the frame that the agent relays or answers, or None."""
    mark = wire.mark()
    air.send_udp(down_link(), source, destination, (port, 434), octets, ttl=ttl, source_link=link)
    return wire.wait(lambda frame: frame.registration and (frame.link is wan or frame.destination_link == link), 0.5, mark)


def ask(source=NODE, link=NODE_LINK, port=43210, ttl=255, destination=CARE_OF, **fields):
    fields.setdefault("home", source)
    fields.setdefault("flags", "T")
    return send(build(**fields), source, link, port, ttl, destination)


def answer(relayed, code=0, after=b"", before=b"", foreign=None, spoil=0, source=AGENT, seconds=0.5, link=NODE_LINK, **fields):
    """The home agent's reply to a relayed request; the frame that the node gets, or None."""
    request = relayed.registration
    fields.setdefault("home", request.home)
    fields.setdefault("lifetime", request.lifetime)
    octets = peer.reply(code, agent=fields.pop("agent", request.agent), identification=request.identification ^ spoil, **fields)
    octets = peer.authenticated(octets + before, MOBILE_HOME, HOME)
    kept["reply"] = octets
    octets += after
    if foreign:
        octets = peer.authenticated(octets, FOREIGN_HOME, foreign)
    mark = wire.mark()
    wan.send_udp(up_link(), source, relayed.ip.source, (434, relayed.udp[0]), octets)
    return wire.wait(lambda frame: frame.link is air and frame.registration and frame.destination_link == link, seconds, mark)


def code(frame):
    return frame.registration.code if frame and frame.registration.kind == peer.REPLY else None


# --- agent discovery -------------------------------------------------------------------------------------------------


def advertised(mark):
    return wire.since(mark, lambda frame: frame.link is air and frame.advertisement)


def discovery():
    mark = wire.mark()
    run(wire, "run_daemon")
    until(wire, 6, lambda: len(advertised(mark)) >= 4)
    frames = advertised(mark)
    first, says = frames[0], frames[0].advertisement
    kept["advertisement"] = first
    same("the foreign agent advertises to all systems, TTL 1",
         (first.destination_link, first.ip.source, first.ip.destination, first.ip.ttl),
         ("01:00:5e:00:00:01", CARE_OF, "224.0.0.1", 1))
    found("the ICMP and the IP checksums are right", says.checksum_right and first.ip.checksum_right)
    found("F, M, G and T are set; H, R, B, U and the reserved bits are not", set("FMGT") <= set(says.flags) and
          not set("HRBU") & set(says.flags) and says.reserved == 0, says.flags)
    same("with its care-of address, its lifetimes", (says.care_of, says.lifetime, says.registration_lifetime),
         ([CARE_OF], 3, 1800))
    same("the sequence numbers count from 0", [frame.advertisement.sequence for frame in frames], list(range(len(frames))))
    gaps = [later.time - earlier.time for earlier, later in zip(frames, frames[1:])]
    found("advertisements come once a second", all(gap < 1.15 for gap in gaps) and sum(gaps) / len(gaps) > 0.3, gaps)
    for source, destination, group in (("0.0.0.0", "224.0.0.11", "01:00:5e:00:00:0b"), (NODE, "224.0.0.2", "01:00:5e:00:00:02"),
                                       (NODE, "255.255.255.255", peer.BROADCAST)):
        mark, before = wire.mark(), time.time()
        air.send_ip(group, ip_packet(source, destination, ICMP, peer.solicitation(), ttl=1), NODE_LINK)
        frame = wire.wait(lambda frame: frame.link is air and frame.advertisement, 0.6, mark)
        found("a solicitation from %s to %s is answered at once" % (source, destination), frame and frame.time - before < 0.3,
              frame and frame.time - before)
        if frame and frame.ip.destination == source:
            same("… at the link address that it came from", frame.destination_link, NODE_LINK)
        wire.pump(0.3)


# --- a visitor -------------------------------------------------------------------------------------------------------


def relaying():
    identification = peer.timestamp()
    relayed = ask(before=peer.nai("bob@example.org") + peer.extension(200, b"skip me"), after=peer.extension(201, b"for the agent"),
                  lifetime=600, identification=identification)
    found("a request is relayed to the home agent", relayed and relayed.link is wan, relayed)
    same("from the care-of address, to the home agent, port 434", (relayed.ip.source, relayed.ip.destination, relayed.udp[1]),
         (CARE_OF, AGENT, 434))
    found("with a TTL that gets there, and right checksums", relayed.ip.ttl >= 32 and relayed.ip.checksum_right and relayed.udp_sound())
    same("octet for octet up to the node's authenticator, and nothing of what follows it", relayed.udp[2].hex(), kept["covered"].hex())
    same("a reply with another identification is not taken", answer(relayed, spoil=1, seconds=0.3), None)
    same("nor one for another home address", answer(relayed, home="10.1.0.99", seconds=0.3), None)
    same("nor one of another home agent", answer(relayed, source="10.1.0.99", agent="10.1.0.99", seconds=0.3), None)
    found("until the reply nobody is a visitor who is not pending", all(one[0] for one in described("pending")))
    kept["time"] = time.monotonic()
    frame = answer(relayed, lifetime=300, before=peer.nai("bob@example.org"), after=peer.extension(202, b"for the agent"))
    found("the reply is relayed to the node's link address", frame)
    same("to its home address and the port that it asked from", (frame.ip.source, frame.ip.destination, frame.udp[:2]),
         (CARE_OF, NODE, (434, 43210)))
    same("octet for octet up to the home agent's authenticator", frame.udp[2].hex(), kept["reply"].hex())
    found("with right checksums", frame.ip.checksum_right and frame.udp_sound())
    same("mipctl shows the visitor", described("home_agent", "interface", "link_address", "lifetime", "pending"),
         [(AGENT, "visit0", NODE_LINK, 300, False)])
    remaining = visitors()[0]["remaining"]
    found("… and its time", 297 <= remaining <= 300, remaining)
    same("a reply that nobody waits for is not relayed", answer(relayed, seconds=0.3), None)


def like_sent(inner, packet, less):
    sent = peer.Packet(packet)
    return inner.ttl == sent.ttl - less and inner.checksum_right and inner.octets[:8] == packet[:8] and \
        inner.octets[9:10] == packet[9:10] and inner.octets[12:] == packet[12:]


def deliver(inner, destination, seconds=0.5):
    mark = wire.mark()
    wan.send_ip(up_link(), ip_packet(AGENT, CARE_OF, IPIP, inner))
    frame = wire.wait(lambda frame: frame.link is air and frame.ip and frame.ip.destination == destination, seconds, mark)
    kept["complaints"] = wire.since(mark, lambda frame: frame.link is wan and frame.ip and frame.ip.protocol == ICMP)
    return frame


def to_the_node():
    mark = wire.mark()
    inner = ip_packet(CORRESPONDENT, NODE, UDP, peer.udp_datagram(CORRESPONDENT, NODE, (7, 7), b"for you"), tos=0x2C)
    frame = deliver(inner, NODE)
    found("what the home agent tunnels reaches the node's link address", frame and frame.destination_link == NODE_LINK, frame)
    found("… whole", like_sent(frame.ip, inner, frame.ip.ttl == 63), frame.ip)
    same("what is for nobody here is dropped", deliver(ip_packet(CORRESPONDENT, "10.1.0.99", ICMP, peer.echo()), "10.1.0.99", 0.3), None)
    same("… in silence: no ICMP", kept["complaints"], [])
    found("nobody is asked for by ARP", not wire.since(mark, lambda frame: frame.link is air and frame.arp), wire.frames[mark:])


def speak(packet, link=NODE_LINK, seconds=0.5):
    mark = wire.mark()
    air.send_ip(down_link(), packet, link)
    wanted = peer.Packet(packet)
    frame = wire.wait(lambda frame: frame.link is wan and frame.ip and
                      ((frame.inner and frame.inner.source == wanted.source) or frame.ip.source == wanted.source), seconds, mark)
    return frame


def from_the_node():
    packet = ip_packet(NODE, CORRESPONDENT, ICMP, peer.echo(), ttl=50, tos=0x48, dont_fragment=True)
    frame = speak(packet)
    found("the node's packets go into the reverse tunnel", frame and frame.inner, frame)
    same("from the care-of address to the home agent, with the TOS and DF of the inside, a TTL of its own",
         (frame.ip.source, frame.ip.destination, frame.ip.tos, frame.ip.dont_fragment, frame.ip.ttl >= 49, frame.ip.head_length),
         (CARE_OF, AGENT, 0x48, True, True, 20))
    found("whole, the TTL one less", like_sent(frame.inner, packet, 1), frame.inner)
    frame = speak(ip_packet("10.1.0.99", CORRESPONDENT, ICMP, peer.echo()), "02:00:00:00:00:99", 0.3)
    found("a stranger's packets do not", not frame or not frame.inner, frame)


def renewal():
    relayed = ask(lifetime=900)
    same("while a renewal is on its way the visitor stays, pending", described("lifetime", "pending"), [(300, True)])
    found("… and gets its packets", deliver(ip_packet(CORRESPONDENT, NODE, ICMP, peer.echo()), NODE))
    frame = answer(relayed, code=131)
    same("a denial is relayed", code(frame), 131)
    same("… and changes nothing for the visitor", described("lifetime", "pending"), [(300, False)])
    frame = answer(ask(lifetime=900), lifetime=900, code=1)
    same("a renewal: code 1 is as good as 0", (code(frame), described("lifetime", "pending")), (1, [(900, False)]))
    relayed = ask(lifetime=700)
    frame = answer(relayed, lifetime=1801 * 10)
    same("the agent's own most is kept to when a home agent grants more", described("lifetime")[0][0] <= 1800, True)


def deregistration():
    relayed = ask(lifetime=0, care_of=NODE)
    found("a deregistration of all is relayed", relayed and relayed.link is wan and relayed.ip.source == CARE_OF, relayed)
    same("until it is confirmed the visitor stays", len(visitors()), 1)
    same("the confirmation is relayed", code(answer(relayed, lifetime=0)), 0)
    same("the visitor is gone", visitors(), [])
    same("nothing is delivered any more", deliver(ip_packet(CORRESPONDENT, NODE, ICMP, peer.echo()), NODE, 0.3), None)


def expiry():
    mark = wire.mark()
    same("a visitor for two seconds", code(answer(ask(lifetime=2))), 0)
    begin = time.monotonic()
    until(wire, 4, lambda: not visitors())
    took = time.monotonic() - begin
    found("it ends by itself after two seconds", 1.5 < took < 3, took)
    found("nobody is told", len(wire.since(mark, lambda frame: frame.registration)) == 2)


# --- denials ---------------------------------------------------------------------------------------------------------


def somebody(number):
    """A node of its own for each denial: the agent need not send one node more than one in a second."""
    return {"source": "10.1.0.%d" % number, "link": "02:00:00:00:00:%02x" % number}


def denied(sentence, number, wanted, **fields):
    who = somebody(number)
    mark = wire.mark()
    frame = ask(**who, **fields)
    if not same(sentence, code(frame), wanted):
        return frame
    same("… to its link address and its home address, from where it asked, its port copied",
         (frame.ip.source, frame.ip.destination, frame.udp[:2]), (CARE_OF, fields.get("home", who["source"]), (434, 43210)))
    sent = peer.Registration(kept["covered"])
    same("… with the request's fields", (frame.registration.home, frame.registration.agent, frame.registration.identification,
                                         frame.registration.lifetime),
         (sent.home, sent.agent, sent.identification, sent.lifetime))
    found("… and nothing is relayed", not wire.since(mark, lambda one: one.link is wan and one.registration))
    return frame


def denials():
    who = somebody(61)
    frame = ask(**who, lifetime=5000)
    same("a lifetime too long: 69, with the longest that is good", (code(frame), frame and frame.registration.lifetime), (69, 1800))
    denied("a care-of address that is not the agent's: 77", 62, 77, care_of="10.2.0.99")
    for number, flag, name in ((63, "M", "minimal"), (64, "G", "gre")):
        who = somebody(number)
        relayed = ask(**who, flags=flag + "T")
        same("%s encapsulation, advertised, is relayed with its bit" % name, relayed and relayed.link is wan and relayed.registration.flags,
             flag + "T")
        same("… accepted, it is the visitor's", (code(answer(relayed, link=who["link"])), described("encapsulation", home_address=who["source"])),
             (0, [(name,)]))
    denied("a reverse tunnel asked for from more than one hop away: 76", 65, 76, ttl=64)
    denied("the agent itself as home agent: 194", 66, 194, agent=CARE_OF)
    denied("… also by its other address", 67, 194, agent=UP)
    frame = ask(**somebody(68), flags="Tx")
    found("the last bit: ignored, or poorly formed (70)", (frame and frame.link is wan) or code(frame) == 70, frame)
    frame = ask(**somebody(69), flags="Tr")
    found("the bit r is ignored", frame and frame.link is wan, frame)
    who = somebody(70)
    frame = send(build(home=who["source"], flags="T")[:-7], **who)
    found("a truncated extension: 70, and nothing relayed", code(frame) == 70, frame)
    who = somebody(71)
    frame = send(build(home=who["source"], flags="T", before=peer.extension(99, b"?")), **who)
    found("an extension that must be understood and is not: nothing relayed", frame is None or code(frame) == 70, frame)
    frame = ask(**somebody(72), flags="DT", care_of="10.2.0.72")
    found("a co-located care-of address is relayed too, from the agent's address", frame and frame.link is wan and
          (frame.ip.source, frame.ip.destination) == (CARE_OF, AGENT), frame)


def all_agents():
    frame = ask(**somebody(73), destination="224.0.0.11", ttl=1, flags="")
    found("a request to all agents is relayed", frame and frame.link is wan, frame)
    same("… and its reply comes from the agent's own address", (lambda back: back and back.ip.source)(
        answer(frame, link=somebody(73)["link"])), CARE_OF)


def unreachable():
    for number, (icmp, wanted) in enumerate(((0, 80), (1, 81), (3, 82), (13, 88))):
        who = somebody(80 + number)
        relayed = ask(**who, agent="10.9.0.%d" % (1 + number))
        mark = wire.mark()
        wan.send_ip(up_link(), ip_packet(ROUTER, CARE_OF, ICMP, peer.unreachable(icmp, relayed.ip.octets)))
        frame = wire.wait(lambda frame: frame.link is air and frame.registration and frame.destination_link == who["link"], 0.5, mark)
        same("ICMP unreachable %d from the way to the home agent: %d" % (icmp, wanted), code(frame), wanted)
    who = somebody(84)
    relayed = ask(**who, agent="10.9.0.1")
    mark = wire.mark()
    wan.send_ip(up_link(), ip_packet(ROUTER, CARE_OF, ICMP, peer.unreachable(3, relayed.ip.octets, 28)))
    frame = wire.wait(lambda frame: frame.link is air and frame.registration and frame.destination_link == who["link"], 0.5, mark)
    found("one that anybody could have made up, with 8 octets of the datagram, is not believed", not frame, frame)


def bad_replies():
    who = somebody(90)
    relayed = ask(**who)
    octets = peer.reply(0, home=who["source"], identification=relayed.registration.identification) + b"\x20\x14\0\0"
    mark = wire.mark()
    wan.send_udp(up_link(), AGENT, relayed.ip.source, (434, relayed.udp[0]), octets)
    frame = wire.wait(lambda frame: frame.link is air and frame.registration and frame.destination_link == who["link"], 0.5, mark)
    same("a reply that is cut off: 71 for the node", code(frame), 71)
    same("… which is no visitor", visitors(who["source"]), [])
    who = somebody(91)
    relayed = ask(**who, before=peer.nai("bob@example.org"))
    frame = answer(relayed, link=who["link"])
    same("a reply without the name that the request had: 97", code(frame), 97)
    who = somebody(92)
    relayed = ask(**who)
    mark = wire.mark()
    octets = bytearray(peer.udp_datagram(AGENT, relayed.ip.source, (434, relayed.udp[0]), peer.authenticated(peer.reply(
        0, home=who["source"], identification=relayed.registration.identification), MOBILE_HOME, HOME)))
    octets[6] ^= 0x55
    wan.send_ip(up_link(), ip_packet(AGENT, relayed.ip.source, UDP, bytes(octets)))
    found("a reply with a wrong UDP checksum is not relayed", not wire.wait(lambda frame: frame.link is air and
          frame.registration and frame.destination_link == who["link"], 0.3, mark))


def no_home_address():
    link = "02:00:00:00:00:0a"
    relayed = ask(source="0.0.0.0", link=link, before=peer.nai("alice@example.org"))
    found("a node with a name and no address: relayed", relayed and relayed.link is wan and relayed.udp[2] == kept["covered"], relayed)
    frame = answer(relayed, home="10.1.0.100", before=peer.nai("alice@example.org"), link=link)
    same("the reply goes to the address that it got", (code(frame), frame and frame.ip.destination, frame and frame.destination_link),
         (0, "10.1.0.100", link))
    same("… by which it is a visitor", described("link_address", "home_agent", home_address="10.1.0.100"), [(link, AGENT)])
    found("… and gets its packets", deliver(ip_packet(CORRESPONDENT, "10.1.0.100", ICMP, peer.echo()), "10.1.0.100"))


# --- with associations, without reverse tunnels ----------------------------------------------------------------------


def other_configuration():
    mark = wire.mark()
    run(wire, "stop_daemon")
    run(wire, "configure_other")
    run(wire, "run_daemon")
    until(wire, 2, lambda: advertised(mark))
    says = wire.since(mark, lambda frame: frame.link is air and frame.advertisement and frame.advertisement.sequence == 0)[-1].advertisement
    same("without reverse tunnels T is not advertised, nor M and G without theirs; a lifetime without an end is",
         (set("MGT") & set(says.flags), says.registration_lifetime), (set(), 65535))
    denied("a reverse tunnel that is asked for: 74", 101, 74)
    denied("minimal encapsulation, not advertised: 72", 105, 72, flags="M")
    denied("GRE, not advertised: 72", 106, 72, flags="G")
    denied("… with a reverse tunnel 72 too, which is checked first", 107, 72, flags="GT")
    who = somebody(102)
    relayed = ask(**who, flags="")
    found("the request for the home agent with the association has the agent's authenticator, and no more",
          relayed and relayed.link is wan and relayed.registration.kinds() == [MOBILE_HOME, FOREIGN_HOME] and
          relayed.registration.holds(FOREIGN_HOME, AGENTS) and relayed.udp[2].startswith(kept["covered"]), relayed)
    frame = answer(relayed, link=who["link"])
    same("a reply without the home agent's authenticator: 68", (code(frame), visitors(who["source"])), (68, []))
    who = somebody(103)
    relayed = ask(**who, flags="")
    frame = answer(relayed, foreign=Security(500, "hmac-sha1", b"another key"), link=who["link"])
    same("… with a wrong one: 68", code(frame), 68)
    who = somebody(104)
    relayed = ask(**who, flags="", lifetime=65535)
    frame = answer(relayed, foreign=AGENTS, link=who["link"])
    same("with the right one it is relayed, without it", (code(frame), frame and frame.registration.kinds()), (0, [MOBILE_HOME]))
    same("a lifetime without an end", described("lifetime", "remaining", home_address=who["source"]), [(65535, None)])
    packet = ip_packet(who["source"], CORRESPONDENT, ICMP, peer.echo())
    frame = speak(packet, who["link"])
    found("its packets are forwarded as they are", frame and not frame.inner and like_sent(frame.ip, packet, 1), frame)
    relayed = ask(**who, flags="", lifetime=0, care_of=who["source"])
    same("a deregistration has no authenticator between the agents", relayed and relayed.registration.kinds(), [MOBILE_HOME])
    same("… and is confirmed without one", (code(answer(relayed, lifetime=0, link=who["link"])), visitors(who["source"])), (0, []))


def visited_association():
    who = {"source": "10.1.0.51", "link": "02:00:00:00:00:51"}
    same("a node that shares an association must use it: 67", code(ask(**who, flags="")), 67)
    wire.pump(1.05)
    same("… and rightly: 67", code(ask(**who, flags="", foreign=VISITED, foreign_wrong=True)), 67)
    relayed = ask(**who, flags="", foreign=VISITED)
    same("with it: relayed, without it", relayed and relayed.registration.kinds(), [MOBILE_HOME, FOREIGN_HOME])
    frame = answer(relayed, foreign=AGENTS, link=who["link"])
    found("the reply has the agent's authenticator for the node", code(frame) == 0 and
          frame.registration.kinds() == [MOBILE_HOME, MOBILE_FOREIGN] and frame.registration.holds(MOBILE_FOREIGN, VISITED), frame)


def silent_home_agent():
    who = somebody(110)
    mark = wire.mark()
    relayed = ask(**who, flags="")
    frame = wire.wait(lambda frame: frame.link is air and frame.registration and frame.destination_link == who["link"], 2.5, mark)
    same("a home agent that does not answer: 78", code(frame), 78)
    found("… after the time that is configured", frame and 0.8 < frame.time - relayed.time < 2, frame and frame.time - relayed.time)
    same("… and its late reply is not relayed", answer(relayed, foreign=AGENTS, link=who["link"], seconds=0.3), None)


def no_arp_ever():
    found("in all that time no node was asked for by ARP", not wire.since(0, lambda frame: frame.link is air and frame.arp and
          frame.arp.target.startswith("10.1.0.")))
    counters = ask_daemon("fa", "counters")
    found("the counters know of it", counters.get("reply_78") == 1 and counters.get("reply_67") == 2, counters)


play([discovery, relaying, to_the_node, from_the_node, renewal, deregistration, expiry, denials, all_agents, unreachable,
      bad_replies, no_home_address, other_configuration, visited_association, silent_home_agent, no_arp_ever])

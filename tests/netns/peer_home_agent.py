"""The mobile nodes, foreign agents and hosts around mip-ha; see peer-home-agent."""
import time

import peer
from peer import FOREIGN_HOME, ICMP, IPIP, MOBILE_HOME, Registration, Security, UDP, UDP_TUNNEL_REPLY, ip_packet
from peer_link import Wire, ask_daemon, found, play, run, same, until

KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
AGENT, UP, ROUTER = "10.1.0.1", "10.0.1.2", "10.0.1.1"
NEIGHBOUR, CORRESPONDENT = "10.1.0.9", "198.51.100.10"
CARE_OF = "10.4.0.20"
NODES = {"10.1.0.50": Security(1000, "hmac-md5", KEY), "10.1.0.51": Security(1001, "hmac-sha1", KEY),
         "10.1.0.52": Security(1002, "hmac-sha256", KEY), "10.1.0.53": Security(1003, "keyed-md5", KEY),
         "10.1.0.54": Security(1004, "hmac-md5", KEY), "172.20.0.50": Security(1005, "hmac-md5", KEY),
         "0.0.0.0": Security(1006, "hmac-md5", KEY)}
AGENTS = Security(500, "hmac-sha1", b"between the agents")

wire = Wire()
up, home = wire.link("wan"), wire.link("home")
up.owns = lambda address: address == ROUTER
home.owns = lambda address: address == NEIGHBOUR
kept = {}  # what one step leaves for another


def build(before=b"", after=b"", wrong=False, security=None, authenticate=True, foreign=None, foreign_wrong=False,
          home_address="10.1.0.50", **fields):
    """A request's octets: its extensions before, the authenticator, the extensions after."""
    fields.setdefault("care_of", CARE_OF)
    octets = peer.request(home=home_address, **fields) + before
    if authenticate:
        octets = peer.authenticated(octets, MOBILE_HOME, security or NODES[home_address], wrong=wrong)
    octets += after
    if foreign:
        octets = peer.authenticated(octets, FOREIGN_HOME, foreign, wrong=foreign_wrong)
    return octets


def answers(frame, source, port):
    return frame.registration and frame.registration.kind == peer.REPLY and frame.ip.destination == source and \
        frame.udp[1] == port


def send(octets, source=CARE_OF, port=40000, seconds=1.0, destination=AGENT, **more):
    """From the Internet; the frame that answers, or None."""
    mark = wire.mark()
    up.send_udp(up.resolve(UP, ROUTER), source, destination, (port, 434), octets, **more)
    return wire.wait(lambda frame: answers(frame, source, port), seconds, mark)


def ask(source=CARE_OF, port=40000, seconds=1.0, **fields):
    return send(build(**fields), source, port, seconds)


def code(frame):
    """What is answered, where both kinds of acceptance count as 0."""
    return frame and (0 if frame.registration.code == 1 else frame.registration.code)


def bindings(home_address="10.1.0.50"):
    return [one for one in ask_daemon("ha", "bindings")["bindings"] if one["home_address"] == home_address]


def described(*names, home_address="10.1.0.50"):
    return [tuple(one[name] for name in names) for one in bindings(home_address)]


def deregister(home_address="10.1.0.50", **fields):
    frame = ask(home_address=home_address, care_of=home_address, lifetime=0, **fields)
    assert code(frame) == 0, "deregistration is answered with %s" % code(frame)
    return frame


# --- agent discovery -------------------------------------------------------------------------------------------------


def advertised(mark):
    return wire.since(mark, lambda frame: frame.link is home and frame.advertisement)


def discovery():
    mark = wire.mark()
    run(wire, "run_daemon")
    until(wire, 6, lambda: len(advertised(mark)) >= 4)
    frames = advertised(mark)
    first, says = frames[0], frames[0].advertisement
    same("the home agent advertises on the home link to all systems, TTL 1",
         (first.destination_link, first.ip.source, first.ip.destination, first.ip.ttl),
         ("01:00:5e:00:00:01", AGENT, "224.0.0.1", 1))
    found("the ICMP and the IP checksums are right", says.checksum_right and first.ip.checksum_right)
    found("H, M and G are set; F, R, B and the reserved bits are not", set("HMG") <= set(says.flags) and
          not set("FRB") & set(says.flags) and says.reserved == 0, says.flags)
    same("it lives as configured", (says.lifetime, says.care_of, says.code in (0, 16)), (3, [], True))
    same("the sequence numbers count from 0", [frame.advertisement.sequence for frame in frames],
         list(range(len(frames))))
    gaps = [later.time - earlier.time for earlier, later in zip(frames, frames[1:])]
    found("advertisements come once a second, and not all at the same distance", all(gap < 1.15 for gap in gaps) and
          sum(gaps) / len(gaps) > 0.3, gaps)
    found("none are sent where no home network is", not wire.since(mark, lambda frame: frame.link is up and
                                                                  frame.advertisement))


def solicitations():
    for source, destination, group in (("0.0.0.0", "224.0.0.11", "01:00:5e:00:00:0b"), ("10.77.0.9", "255.255.255.255",
                                       peer.BROADCAST), (NEIGHBOUR, "224.0.0.2", "01:00:5e:00:00:02")):
        mark = wire.mark()
        before = time.time()
        home.send_ip(group, ip_packet(source, destination, ICMP, peer.solicitation(), ttl=1))
        frame = wire.wait(lambda frame: frame.link is home and frame.advertisement, 0.6, mark)
        found("a solicitation from %s to %s is answered at once" % (source, destination),
              frame and frame.time - before < 0.3, frame and frame.time - before)
        if frame and frame.ip.destination == source:
            same("… at the link address that it came from", frame.destination_link, home.address)
        elif frame:
            same("… to all systems", frame.ip.destination, "224.0.0.1")
        wire.pump(0.3)


# --- a co-located care-of address ------------------------------------------------------------------------------------


def gratuitous(frame, address, link):
    return frame.link is home and frame.arp and frame.arp.gratuitous() and frame.arp.sender == address and \
        frame.arp.sender_link == link and frame.destination_link == peer.BROADCAST and \
        (frame.arp.operation == 1 or frame.arp.target_link == link)


def registration():
    kept["mac"] = home.resolve(AGENT, NEIGHBOUR)
    mark = wire.mark()
    identification = peer.timestamp()
    frame = ask(flags="DT", lifetime=600, identification=identification)
    same("a co-located node registers", code(frame), 0)
    same("the reply comes from where the request went to, to where it came from",
         (frame.ip.source, frame.ip.destination, frame.udp[:2]), (AGENT, CARE_OF, (434, 40000)))
    reply = frame.registration
    same("its fields are those of the request", (reply.lifetime, reply.home, reply.agent, reply.identification),
         (600, "10.1.0.50", AGENT, identification))
    found("its authenticator is right, and it is last", reply.holds(MOBILE_HOME, NODES["10.1.0.50"]) and
          reply.kinds()[-1] == MOBILE_HOME, reply)
    found("its checksums are right", frame.ip.checksum_right and frame.udp_sound())
    same("mipctl tells the same", described("care_of_address", "lifetime", "encapsulation", "reverse_tunnel", "source", "nai"),
         [(CARE_OF, 600, "ipip", True, CARE_OF + ":40000", None)])
    arps = wire.since(mark, lambda one: gratuitous(one, "10.1.0.50", kept["mac"]))
    found("a gratuitous ARP says on the home link that the home agent has the address", arps, home.neighbours)
    found("… before the reply", arps and arps[0].time < frame.time)
    until(wire, 4, lambda: len(wire.since(mark, lambda one: gratuitous(one, "10.1.0.50", kept["mac"]))) > 1)
    found("… and it is repeated", len(wire.since(mark, lambda one: gratuitous(one, "10.1.0.50", kept["mac"]))) > 1)


def whois(address):
    mark = wire.mark()
    begin = time.time()
    home.send_arp(peer.BROADCAST, 1, home.address, NEIGHBOUR, "00:00:00:00:00:00", address)
    frame = wire.wait(lambda frame: frame.link is home and frame.arp and frame.arp.operation == 2 and
                      frame.arp.sender == address and frame.destination_link == home.address, 0.4, mark)
    return frame and (frame.arp.sender_link, frame.destination_link, frame.time - begin < 0.3)


def proxy_arp():
    # rfc5944-4.6-3, rfc5944-4.6-4
    same("the home agent answers ARP for the node, with its own link address and at once", whois("10.1.0.50"),
         (kept["mac"], home.address, True))
    same("… and for nobody else", whois("10.1.0.51"), None)


def intercepted(packet, link, link_address, care_of=CARE_OF):
    mark = wire.mark()
    link.send_ip(link_address, packet)
    return wire.wait(lambda frame: frame.link is up and frame.ip and frame.ip.protocol == IPIP and
                     frame.ip.destination == care_of, 0.6, mark)


def like_sent(inner, packet, less=1):
    """Whether the inner packet is the packet that was sent, but for the TTL and its checksum."""
    sent = peer.Packet(packet)
    return inner.ttl == sent.ttl - less and inner.checksum_right and inner.octets[:8] == packet[:8] and \
        inner.octets[9:10] == packet[9:10] and inner.octets[12:] == packet[12:]


def to_the_node():
    before = bindings()[0]
    packet = ip_packet(NEIGHBOUR, "10.1.0.50", ICMP, peer.echo(), ttl=44, tos=0x2C, dont_fragment=True)
    frame = intercepted(packet, home, kept["mac"])
    found("a neighbour's packet is tunnelled to the care-of address", frame)
    same("the tunnel begins at the home agent's address", frame.ip.source, AGENT)
    found("the packet inside is whole, its TTL one less", like_sent(frame.inner, packet), frame.inner)
    same("the outer header has its TOS and DF, a TTL of its own, no options",
         (frame.ip.tos, frame.ip.dont_fragment, frame.ip.ttl >= 63, frame.ip.head_length, frame.ip.checksum_right),
         (0x2C, True, True, 20, True))
    packet = ip_packet(CORRESPONDENT, "10.1.0.50", UDP, peer.udp_datagram(CORRESPONDENT, "10.1.0.50", (7, 7), b"far"))
    frame = intercepted(packet, up, up.resolve(UP, ROUTER))
    found("a correspondent's packet is tunnelled too", frame and like_sent(frame.inner, packet), frame)
    after = bindings()[0]
    same("mipctl counts them, inner bytes", (after["packets_to"] - before["packets_to"], after["bytes_to"] - before["bytes_to"]),
         (2, 20 + 8 + 24 + 20 + 8 + 3))
    mark = wire.mark()
    up.send_ip(up.resolve(UP, ROUTER), ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo(), ttl=1))
    found("a packet whose TTL is used up is answered, and not tunnelled",
          wire.wait(lambda one: one.ip and one.ip.destination == CORRESPONDENT and one.ip.protocol == ICMP and
                    one.ip.payload[0] == 11, 0.5, mark) and not wire.since(mark, lambda one: one.inner))


def loops():
    inner = ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo())
    looping = ip_packet(CARE_OF, "10.1.0.50", IPIP, inner)
    found("a tunnel from the care-of address to the home address is a loop: dropped", not intercepted(looping, up, up.resolve(UP, ROUTER)))
    nested = ip_packet(CORRESPONDENT, "10.1.0.50", IPIP, ip_packet(CORRESPONDENT, "10.1.0.99", ICMP, peer.echo()))
    frame = intercepted(nested, up, up.resolve(UP, ROUTER))
    found("another tunnel to the home address is tunnelled like any packet", frame and like_sent(frame.inner, nested), frame)


def reversed_packet(inner, source=CARE_OF, seconds=0.6, link=None, **more):
    mark = wire.mark()
    up.send_ip(up.resolve(UP, ROUTER), ip_packet(source, AGENT, IPIP, inner, **more))
    wanted = peer.Packet(inner)
    frame = wire.wait(lambda frame: frame.ip and frame.ip.source == wanted.source and frame.ip.protocol == wanted.protocol and
                      frame.ip.destination == wanted.destination and (link is None or frame.link is link), seconds, mark)
    kept["complaints"] = wire.since(mark, lambda frame: frame.link is up and frame.ip and frame.ip.protocol == ICMP and
                                    frame.ip.source in (AGENT, UP))
    return frame


def from_the_node():
    before = bindings()[0]
    inner = ip_packet("10.1.0.50", CORRESPONDENT, ICMP, peer.echo(), ttl=50, tos=0x48)
    frame = reversed_packet(inner, link=up)
    found("a reverse-tunnelled packet goes on to the correspondent", frame and like_sent(frame.ip, inner), frame)
    inner = ip_packet("10.1.0.50", NEIGHBOUR, ICMP, peer.echo())
    frame = reversed_packet(inner, link=home)
    found("… and one to a neighbour on the home link", frame and like_sent(frame.ip, inner), frame)
    after = bindings()[0]
    same("mipctl counts them", (after["packets_from"] - before["packets_from"], after["bytes_from"] - before["bytes_from"]),
         (2, 2 * (20 + 8 + 24)))
    inner = ip_packet("10.1.0.50", CORRESPONDENT, ICMP, peer.echo(identifier=9))
    found("one from another outer source is dropped in silence", not reversed_packet(inner, source="10.4.0.21", seconds=0.3) and
          not kept["complaints"], kept["complaints"])
    inner = ip_packet("10.1.0.51", CORRESPONDENT, ICMP, peer.echo(identifier=10))
    found("… and one from another inner source", not reversed_packet(inner, seconds=0.3) and not kept["complaints"])


# --- replay protection -----------------------------------------------------------------------------------------------


def renewal_and_replay():
    again = build(flags="DT", lifetime=300)
    same("a renewal is accepted", code(send(again)), 0)
    same("… and changes the one binding", described("lifetime", "care_of_address"), [(300, CARE_OF)])
    frame = send(again)
    same("the same request again is denied with 133", code(frame), 133)
    reply, sent = frame.registration, Registration(again)
    same("… the reply has the low half of the identification", reply.identification & 0xFFFFFFFF,
         sent.identification & 0xFFFFFFFF)
    found("… the time of day in its high half, and a right authenticator",
          abs(peer.timestamp_seconds(reply.identification) - time.time()) < 3 and reply.holds(MOBILE_HOME, NODES["10.1.0.50"]),
          reply)
    same("… and the binding stays as it is", described("lifetime"), [(300,)])
    same("an older time within the tolerance is denied with 133", code(ask(flags="DT", identification=peer.timestamp(-4))), 133)
    frame = ask(flags="DT", lifetime=200, identification=peer.timestamp(-3600))
    same("a clock that is an hour late is denied with 133", code(frame), 133)
    same("… nothing changed", described("lifetime"), [(300,)])
    # The reply's half of an identification counts seconds: a clock that is set by it may be a second late still.
    offset = peer.timestamp_seconds(frame.registration.identification) - peer.timestamp_seconds(peer.timestamp(-3600))
    wire.pump(1.1)
    same("the same clock, set by the reply, is accepted",
         code(ask(flags="DT", lifetime=200, identification=peer.timestamp(offset - 3600))), 0)
    same("a clock that is early is denied with 133", code(ask(flags="DT", identification=peer.timestamp(60))), 133)


def nonces():
    frame = ask(home_address="10.1.0.54", flags="D", identification=0x1111111100000001)
    if code(frame) == 133:
        frame = ask(home_address="10.1.0.54", flags="D", identification=frame.registration.identification + 1)
    same("with nonces, a node that uses the one it was given is accepted", code(frame), 0)
    first = frame.registration.identification
    second = ask(home_address="10.1.0.54", flags="D", identification=(first & ~0xFFFFFFFF) | 77)
    same("… and once more with the next", code(second), 0)
    found("… each reply brings a new nonce, and the node's own half", second.registration.identification >> 32 != first >> 32
          and second.registration.identification & 0xFFFFFFFF == 77, second.registration)
    frame = ask(home_address="10.1.0.54", flags="D", identification=(first & ~0xFFFFFFFF) | 78)
    same("an old nonce is denied with 133", code(frame), 133)
    frame = ask(home_address="10.1.0.54", flags="D", identification=(frame.registration.identification & ~0xFFFFFFFF) | 79)
    same("… and the new one in that reply is good", code(frame), 0)
    deregister("10.1.0.54", identification=(frame.registration.identification & ~0xFFFFFFFF) | 80)


# --- who may, and who not --------------------------------------------------------------------------------------------


def authentication():
    before = described("lifetime")
    frame = ask(flags="DT", wrong=True)
    same("a wrong authenticator is denied with 131", code(frame), 131)
    found("… with a reply that is authenticated", frame.registration.holds(MOBILE_HOME, NODES["10.1.0.50"]))
    frame = ask(flags="DT", security=Security(4711, "hmac-md5", KEY))
    found("an unknown SPI is not accepted", code(frame) in (None, 131), frame)
    found("the association of one node speaks for no other", code(ask(flags="DT", security=NODES["10.1.0.51"])) in (None, 131))
    same("a node without an association hears nothing", ask(home_address="10.1.0.77", security=NODES["10.1.0.50"], seconds=0.3), None)
    same("a request without an authentication extension hears nothing", ask(flags="DT", authenticate=False, seconds=0.3), None)
    same("nothing of that changed the binding", described("lifetime"), before)
    counters = ask_daemon("ha", "counters")
    found("it is counted", counters.get("reply_131", 0) >= 1 and sum(value for name, value in counters.items()
                                                                  if name.startswith("drop_")) >= 2, counters)


def algorithms():
    for address in ("10.1.0.51", "10.1.0.52", "10.1.0.53", "172.20.0.50"):
        security = NODES[address]
        mark = wire.mark()
        frame = ask(home_address=address, flags="D", care_of="10.4.0.30", source="10.4.0.30")
        found("%s: %s is accepted, and the reply's authenticator is right" % (address, security.algorithm),
              code(frame) == 0 and frame.registration.holds(MOBILE_HOME, security), frame)
        wire.pump(0.05)
        arps = wire.since(mark, lambda one: one.link is home and one.arp and one.arp.sender == address)
        if address.startswith("172"):
            found("a virtual home network has no ARP", not arps, arps)
            packet = ip_packet(CORRESPONDENT, address, ICMP, peer.echo())
            found("… but its nodes' packets are tunnelled", intercepted(packet, up, up.resolve(UP, ROUTER), "10.4.0.30"))
        deregister(address, source="10.4.0.30")


def extensions():
    same("an unknown extension that must be understood: silence",
         ask(flags="DT", before=peer.extension(100, b"what"), seconds=0.3), None)
    same("… also behind the authenticator", ask(flags="DT", after=peer.extension(100, b"what"), seconds=0.3), None)
    same("one that may be skipped is skipped", code(ask(flags="DT", before=peer.extension(200, b"what") + b"\0")), 0)
    truncated = build(flags="DT", before=b"")[:-5]
    same("a truncated extension: not accepted", code(send(truncated, seconds=0.3)) in (None, 134), True)
    same("a request to an agent's UDP port with a wrong checksum: silence",
         send_spoiled(build(flags="DT")), None)
    same("a request without a UDP checksum is taken", code(send(build(flags="DT"), sum_udp=False)), 0)


def send_spoiled(octets):
    mark = wire.mark()
    datagram = peer.udp_datagram(CARE_OF, AGENT, (40000, 434), octets)
    datagram = datagram[:6] + bytes([datagram[6] ^ 0x55]) + datagram[7:]
    up.send_ip(up.resolve(UP, ROUTER), ip_packet(CARE_OF, AGENT, UDP, datagram))
    return wire.wait(lambda frame: answers(frame, CARE_OF, 40000), 0.3, mark)


def flags_and_lifetimes():
    same("the bit r is ignored", code(ask(flags="DTr")), 0)
    found("the last bit is ignored, or the request is poorly formed (134)", code(ask(flags="DTx")) in (0, 134))
    same("the bit B does not hinder", code(ask(flags="DBT")), 0)
    for flag, name in (("M", "minimal"), ("G", "gre")):
        same("%s encapsulation is granted, and mipctl says so" % name, (code(ask(flags="DT" + flag)), described("encapsulation")),
             (0, [(name,)]))
    same("a lifetime too long is shortened", [(code(frame), frame.registration.lifetime) for frame in (ask(flags="DT", lifetime=9000),)],
         [(0, 1800)])
    same("… and so is one without an end", [(code(frame), frame.registration.lifetime) for frame in (ask(flags="DT", lifetime=65535),)],
         [(0, 1800)])
    same("without T there is no reverse tunnel", (code(ask(flags="D")), described("reverse_tunnel")), (0, [(False,)]))
    frame = ask(flags="DTS", care_of="10.4.0.22", source="10.4.0.22")
    if frame.registration.code == 1:
        same("simultaneous bindings are not there: code 1, and one binding", described("care_of_address"), [("10.4.0.22",)])
    else:
        same("simultaneous bindings: code 0, and two bindings", (code(frame), len(bindings())), (0, 2))


def wrong_home_agent():
    frame = ask(flags="DT", agent="10.1.0.2")
    same("another agent's address in the request: 136, and the right one", (code(frame), frame and frame.registration.agent),
         (136, AGENT))
    octets = build(flags="D", agent="10.1.0.255")
    frame = send(octets, destination="10.1.0.255")
    same("to the home network's broadcast address from afar: 136 from the home agent's own address",
         (code(frame), frame and frame.registration.agent, frame and frame.ip.source), (136, AGENT, AGENT))
    found("… authenticated", frame and frame.registration.holds(MOBILE_HOME, NODES["10.1.0.50"]))
    for destination in ("10.1.0.255", "255.255.255.255"):
        octets = build(flags="", agent="10.1.0.255", care_of="10.1.0.51", home_address="10.1.0.51", lifetime=0)
        mark = wire.mark()
        home.send_udp(peer.BROADCAST, "10.1.0.51", destination, (40009, 434), octets)
        frame = wire.wait(lambda one: one.link is home and answers(one, "10.1.0.51", 40009), 1.0, mark)
        same("a node at home that asks %s: 136" % destination, (code(frame), frame and frame.registration.agent,
                                                                frame and frame.ip.source), (136, AGENT, AGENT))
        same("… to the link address that asked, without ARP", (frame and frame.destination_link, wire.since(
            mark, lambda one: one.link is home and one.arp and one.arp.target == "10.1.0.51")), (home.address, []))


def network_access_identifier():
    name = peer.nai("alice@example.org")
    frame = ask(home_address="0.0.0.0", flags="D", before=name)
    same("a node with a name and no address is accepted", code(frame), 0)
    address = frame.registration.home
    found("… and gets an address of the pool", address.startswith("10.1.0.1") and 100 <= int(address.split(".")[3]) <= 199, address)
    one = frame.registration.find(peer.NAI)
    same("… with its name in the reply, which is authenticated", (one and one.data, frame.registration.holds(
        MOBILE_HOME, NODES["0.0.0.0"])), (b"alice@example.org", True))
    same("mipctl shows the name", described("nai", "care_of_address", home_address=address), [("alice@example.org", CARE_OF)])
    frame = ask(home_address="0.0.0.0", flags="D", before=name)
    same("the next time it gets the same", (code(frame), frame.registration.home), (0, address))
    same("with the address and the name it is the same node",
         code(send(build(home_address=address, security=NODES["0.0.0.0"], flags="D", before=name))), 0)
    same("an unknown name: silence", ask(home_address="0.0.0.0", flags="D", before=peer.nai("eve@example.org"), seconds=0.3), None)
    same("no name at all: silence", ask(home_address="0.0.0.0", flags="D", seconds=0.3), None)
    frame = ask(home_address=address, care_of=address, security=NODES["0.0.0.0"], lifetime=0, before=name)
    same("it deregisters", (code(frame), bindings(address)), (0, []))


# --- behind a NAT ----------------------------------------------------------------------------------------------------

NAT, INSIDE = "10.0.5.2", "192.168.7.33"


def nat_ask(port=31000, **fields):
    fields.setdefault("flags", "DT")
    fields.setdefault("before", peer.udp_tunnel_request())
    return ask(source=fields.pop("source", NAT), port=port, care_of=fields.pop("care_of", INSIDE), **fields)


def tunnel_answer(frame):
    one = frame and frame.registration.find(UDP_TUNNEL_REPLY)
    return one and (one.data[0], one.data[1], one.data[2] >> 7)


def nat_registration():
    frame = nat_ask()
    same("behind a NAT: accepted, the tunnel in UDP granted and not forced", (code(frame), tunnel_answer(frame)), (0, (0, 0, 0)))
    found("… within what is authenticated", frame.registration.kinds().index(UDP_TUNNEL_REPLY) <
          frame.registration.kinds().index(MOBILE_HOME))
    same("mipctl shows both addresses", described("care_of_address", "source", "encapsulation", "reverse_tunnel"),
         [(INSIDE, NAT + ":31000", "udp", True)])


def nat_data():
    packet = ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo(), tos=0x10)
    mark = wire.mark()
    up.send_ip(up.resolve(UP, ROUTER), packet)
    frame = wire.wait(lambda one: one.udp and one.udp[2][:1] == b"\x04", 0.6, mark)
    same("packets for the node go in UDP to the NAT", frame and (frame.ip.source, frame.ip.destination, frame.udp[:2],
                                                                   frame.udp[2][:4].hex()), (AGENT, NAT, (434, 31000), "04040000"))
    found("… whole", like_sent(peer.Packet(frame.udp[2][4:]), packet), frame)
    found("… the UDP checksum is right", frame.udp_sound())
    inner = ip_packet("10.1.0.50", CORRESPONDENT, ICMP, peer.echo(identifier=21))
    found("the node's packets in UDP go on", nat_reverse(inner))
    found("… also with something in the reserved field", nat_reverse(inner, reserved=9))
    found("from another port they do not", not nat_reverse(inner, port=31001, seconds=0.3))
    found("nor from another address", not nat_reverse(inner, source="10.0.5.3", seconds=0.3))
    found("nor with another next header", not nat_reverse(inner, next_header=47, seconds=0.3))
    found("nor in plain IP-in-IP", not reversed_packet(inner, source=NAT, seconds=0.3))
    found("nor from another home address", not nat_reverse(ip_packet("10.1.0.51", CORRESPONDENT, ICMP, peer.echo()), seconds=0.3))


def nat_reverse(inner, source=NAT, port=31000, seconds=0.6, **more):
    mark = wire.mark()
    up.send_udp(up.resolve(UP, ROUTER), source, AGENT, (port, 434), peer.tunnel_data(inner, **more))
    wanted = peer.Packet(inner)
    return wire.wait(lambda one: one.link is up and one.ip and one.ip.source == wanted.source and
                     one.ip.destination == wanted.destination, seconds, mark)


def nat_keepalive():
    mark = wire.mark()
    inner = ip_packet("10.1.0.50", AGENT, ICMP, peer.echo(identifier=99, sequence=5))
    up.send_udp(up.resolve(UP, ROUTER), NAT, AGENT, (31000, 434), peer.tunnel_data(inner))
    frame = wire.wait(lambda one: one.udp and one.udp[2][:2] == b"\x04\x04" and one.ip.destination == NAT, 0.6, mark)
    found("a keep-alive is answered", frame)
    back = peer.Packet(frame.udp[2][4:])
    same("… in the tunnel, from the home agent to the home address, with the same numbers",
         (frame.udp[:2], back.source, back.destination, back.payload[0], back.payload[4:8], back.payload[8:]),
         ((434, 31000), AGENT, "10.1.0.50", 0, inner[24:28], inner[28:]))


def nat_variants():
    frame = nat_ask(port=32000)
    same("a new port of the NAT is the tunnel's new end", (code(frame), described("source")), (0, [(NAT + ":32000",)]))
    frame = nat_ask(source=CARE_OF, care_of=CARE_OF)
    same("without a NAT the tunnel in UDP is declined", (code(frame), (tunnel_answer(frame) or [0, 0])[1] >= 64,
                                                         described("encapsulation")), (0, True, [("ipip",)]))
    frame = nat_ask(source=CARE_OF, care_of=CARE_OF, before=peer.udp_tunnel_request(force=True))
    same("F forces it", (code(frame), tunnel_answer(frame), described("encapsulation")), (0, (0, 0, 1), [("udp",)]))
    same("without D it is poorly formed", code(nat_ask(flags="T")), 134)
    frame = nat_ask(before=peer.udp_tunnel_request(reserved=7))
    found("something in Reserved 3: poorly formed, or as if the extension were not there",
          code(frame) == 134 or frame is None or not frame.registration.find(UDP_TUNNEL_REPLY), frame)
    frame = nat_ask(before=peer.udp_tunnel_request(encapsulation=55))
    found("an encapsulation in UDP that is not there: 142", code(frame) in (142, 0), frame)
    frame = nat_ask(before=peer.udp_tunnel_request(encapsulation=4))
    same("IP in UDP by its number: granted", (code(frame), tunnel_answer(frame)), (0, (0, 0, 0)))
    frame = nat_ask(before=b"")
    kept["nat without"] = code(frame)
    found("a care-of address that is not the source, and no extension: plain tunnel to the care-of address, or denied",
          (code(frame) == 0 and described("encapsulation", "care_of_address") == [("ipip", INSIDE)]) or
          (code(frame) or 0) >= 128, frame)
    frame = nat_ask(care_of="10.1.0.50", lifetime=0)
    same("deregistration through the NAT", (code(frame), bindings()), (0, []))


def foreign_agent_behind_nat():
    def relayed(**fields):
        return ask(source=NAT, port=434, care_of="192.168.9.1", after=peer.udp_tunnel_request(), **fields)

    frame = relayed(flags="T")
    same("a foreign agent behind a NAT asks for the tunnel in UDP, behind the node's authenticator: granted",
         (code(frame), tunnel_answer(frame), described("encapsulation", "source")), (0, (0, 0, 0), [("udp", NAT + ":434")]))
    same("… with D: poorly formed", code(relayed(flags="DT")), 134)


def half_bound():
    frame = nat_ask(port=33000, before=peer.udp_tunnel_request(through=True))
    if code(frame) == 129:  # RFC 3519 4.6: "if it is capable of, and permits"
        found("a care-of address of the node's own through an agent behind a NAT (R): not permitted, and nothing promised",
              not frame.registration.find(UDP_TUNNEL_REPLY), frame)
        deregister(source=CARE_OF)
        return
    same("a care-of address of the node's own through an agent behind a NAT (R): granted", (code(frame), tunnel_answer(frame)),
         (0, (0, 0, 0)))
    packet = ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo())

    def goes_to():
        mark = wire.mark()
        up.send_ip(up.resolve(UP, ROUTER), packet)
        got = wire.wait(lambda one: one.ip and one.ip.source == AGENT and ((one.udp and one.udp[2][:1] == b"\x04") or one.inner), 0.3, mark)
        return got and (got.ip.destination, got.udp and got.udp[1])

    same("nothing is tunnelled before the first keep-alive", goes_to(), None)
    keepalive = ip_packet("10.1.0.50", AGENT, ICMP, peer.echo(identifier=4))
    up.send_udp(up.resolve(UP, ROUTER), "10.0.5.3", AGENT, (34000, 434), peer.tunnel_data(keepalive))
    same("… nor after one from another address", goes_to(), None)
    up.send_udp(up.resolve(UP, ROUTER), NAT, AGENT, (34001, 434), peer.tunnel_data(keepalive))
    wire.pump(0.1)
    same("after it the tunnel ends where it came from", goes_to(), (NAT, 34001))
    deregister(source=CARE_OF)


# --- through a foreign agent -----------------------------------------------------------------------------------------


def foreign_agent():
    frame = send(build(care_of="10.2.0.1", flags="T"), source="10.2.0.1", port=434, ttl=255)
    same("relayed by a foreign agent, with TTL 255 as old routers do: accepted, the reply goes there",
         (code(frame), frame.ip.source, frame.ip.destination, frame.udp[:2]), (0, AGENT, "10.2.0.1", (434, 434)))
    same("mipctl tells the same", described("care_of_address", "source", "encapsulation"), [("10.2.0.1", "10.2.0.1:434", "ipip")])
    packet = ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo())
    found("packets are tunnelled there", intercepted(packet, up, up.resolve(UP, ROUTER), "10.2.0.1"))
    inner = ip_packet("10.1.0.50", CORRESPONDENT, ICMP, peer.echo())
    found("and taken from there", reversed_packet(inner, source="10.2.0.1"))
    found("with an association that is not there: silence", ask(source="10.2.0.1", port=434, care_of="10.2.0.1", flags="T",
          foreign=AGENTS, seconds=0.3) is None)


def foreign_agent_with_association():
    def relayed(**fields):
        fields.setdefault("care_of", "10.3.0.1")
        return ask(source="10.3.0.1", port=5434, flags="T", **fields)

    same("an agent that shares an association must use it: 132", code(relayed()), 132)
    same("… and rightly", code(relayed(foreign=AGENTS, foreign_wrong=True)), 132)
    same("a node's wrong authenticator under the agent's right one: 131", code(relayed(wrong=True, foreign=AGENTS)), 131)
    frame = relayed(foreign=AGENTS)
    same("with it: accepted", code(frame), 0)
    found("the reply is authenticated for both, in this order", frame.registration.kinds() == [MOBILE_HOME, FOREIGN_HOME] and
          frame.registration.holds(MOBILE_HOME, NODES["10.1.0.50"]) and frame.registration.holds(FOREIGN_HOME, AGENTS),
          frame.registration)
    same("a deregistration needs none", code(relayed(lifetime=0)), 0)
    same("… and the binding is gone", bindings(), [])


# --- deregistration --------------------------------------------------------------------------------------------------


def deregistration_from_away():
    mark = wire.mark()
    same("a binding again", code(ask(flags="DT")), 0)
    same("deregistering another care-of address changes nothing",
         (code(ask(care_of="10.4.0.99", lifetime=0, flags="D")), len(bindings())), (0, 1))
    frame = ask(lifetime=0, flags="D")
    same("deregistering its care-of address from there", (code(frame), frame.registration.lifetime, bindings()), (0, 0, []))
    same("the home agent answers ARP for it no more", whois("10.1.0.50"), None)
    found("its packets are not tunnelled any more", not intercepted(ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo()),
                                                                   up, up.resolve(UP, ROUTER)))
    same("deregistering without a binding is accepted", code(ask(care_of="10.1.0.50", lifetime=0)), 0)
    found("no reply was sent unasked", len(wire.since(mark, lambda one: one.registration)) == 4)


def home_again():
    same("a binding again", code(ask(flags="DT")), 0)
    node_link = "02:00:00:00:00:50"

    def at_home(wrong=False):
        mark = wire.mark()
        octets = build(care_of="10.1.0.50", lifetime=0, wrong=wrong)
        home.send_udp(kept["mac"], "10.1.0.50", AGENT, (40050, 434), octets, source_link=node_link)
        return mark, wire.wait(lambda one: answers(one, "10.1.0.50", 40050), 1.0, mark)

    mark, frame = at_home(wrong=True)
    same("at home, denied: the reply goes onto the home link, to the node's link address",
         (code(frame), frame and frame.link.name, frame and frame.destination_link), (131, "home", node_link))
    same("… and nothing changes for ARP", (whois("10.1.0.50") or [None])[0], kept["mac"])
    mark, frame = at_home()
    same("at home: deregistered, the reply goes to the node's link address",
         (code(frame), frame and frame.link.name, frame and frame.destination_link, frame and frame.registration.lifetime),
         (0, "home", node_link, 0))
    arps = wire.since(mark, lambda one: gratuitous(one, "10.1.0.50", node_link))
    found("a gratuitous ARP gives the address back to the node, before the reply", arps and arps[0].time < frame.time, arps)
    same("no binding is left", bindings(), [])
    same("the home agent answers ARP for it no more", whois("10.1.0.50"), None)
    mark2 = wire.mark()
    up.send_ip(up.resolve(UP, ROUTER), ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo()))
    frame = wire.wait(lambda one: one.link is home and one.ip and one.ip.destination == "10.1.0.50", 0.6, mark2)
    same("a correspondent's packet is delivered at home, without asking by ARP", frame and frame.destination_link, node_link)
    wire.pump(1.2)
    found("the gratuitous ARP is repeated", len(wire.since(mark, lambda one: gratuitous(one, "10.1.0.50", node_link))) > 1)
    found("and the home agent does not claim the address any more",
          not wire.since(mark, lambda one: one.link is home and one.arp and one.arp.sender == "10.1.0.50" and
                         one.arp.sender_link == kept["mac"] and one.time > arps[0].time), mark)


# --- lifetimes and restarts ------------------------------------------------------------------------------------------


def expiry():
    mark = wire.mark()
    same("a binding for two seconds", code(ask(flags="DT", lifetime=2)), 0)
    begin = time.monotonic()
    until(wire, 4, lambda: not bindings())
    took = time.monotonic() - begin
    found("it ends by itself after two seconds", 1.5 < took < 3, took)
    same("with it ends the proxy ARP", whois("10.1.0.50"), None)
    found("nobody is told by a reply", len(wire.since(mark, lambda one: one.registration)) == 1)


def restart():
    octets = build(flags="DT", lifetime=700)
    same("a binding before the restart", code(send(octets)), 0)
    run(wire, "stop_daemon")
    same("without the daemon nobody answers ARP for the node", whois("10.1.0.50"), None)
    run(wire, "configure", 65535, "false")
    mark = wire.mark()
    run(wire, "run_daemon")
    same("after a restart the binding is there", described("care_of_address", "lifetime", "encapsulation", "source"),
         [(CARE_OF, 700, "ipip", CARE_OF + ":40000")])
    remaining = bindings()[0]["remaining"]
    found("… its time ran on", 680 <= remaining <= 700, remaining)
    found("… its packets are tunnelled", intercepted(ip_packet(CORRESPONDENT, "10.1.0.50", ICMP, peer.echo()), up, up.resolve(UP, ROUTER)))
    same("… ARP is answered", (whois("10.1.0.50") or [None])[0], kept["mac"])
    same("… a request of before the restart is a replay: 133", code(send(octets)), 133)
    until(wire, 2, lambda: advertised(mark))
    same("the advertisements count from 0 again", advertised(mark)[0].advertisement.sequence, 0)
    same("without GRE and minimal encapsulation neither is advertised", set("MG") & set(advertised(mark)[0].advertisement.flags), set())
    same("… and requests for them are denied with 139", [code(ask(flags="D" + flags)) for flags in ("TM", "TG", "G", "MG")], [139] * 4)
    same("… the binding stays as it is", described("encapsulation", "lifetime"), [("ipip", 700)])
    frame = ask(flags="DT", lifetime=65535)
    same("with a highest lifetime without an end, one without an end is granted", (code(frame), frame.registration.lifetime),
         (0, 65535))
    same("… and shown", described("lifetime", "remaining"), [(65535, None)])


play([discovery, solicitations, registration, proxy_arp, to_the_node, loops, from_the_node, renewal_and_replay, nonces, authentication,
      algorithms, extensions, flags_and_lifetimes, wrong_home_agent, network_access_identifier, nat_registration, nat_data,
      nat_keepalive, nat_variants, foreign_agent_behind_nat, half_bound, foreign_agent, foreign_agent_with_association, deregistration_from_away, home_again,
      expiry, restart])

"""Packets through mip-ha, and what RFC 2003, 2004, 2784, 3519 and 6040 say that comes out; see same-packet.

A Case is a packet that goes in, and the list of what is to come out, each in the form that canonical() gives to what was
captured: the octets, with what the RFCs leave to the sender put to zero (outer identification, TTL and, where the inner packet may
be fragmented, DF). A packet that was fragmented on its way is put together first, for where it is cut is free as well.
"""
import os
import struct

import peer
from peer import ICMP, IPIP, MOBILE_HOME, Packet, Security, UDP, checksum, pack_address
from peer_link import Wire, ask_daemon, found, play, run, same

TCP, MINIMAL, GRE, EXPERIMENT = 6, 55, 47, 253
AGENT, UP, ROUTER, CORRESPONDENT = "10.1.0.1", "10.0.1.2", "10.0.1.1", "198.51.100.10"
WITHIN = "10.0.9.9"  # a router on the way to the care-of addresses
NAT, NAT_PORT = "10.0.5.2", 31000
LINK_MTU = 1500
TUNNEL_MTU = 1468    # what the daemons let into a tunnel, whatever its encapsulation
DONT_FRAGMENT, MORE_FRAGMENTS = 0x4000, 0x2000
NODE_KEY = Security(1000, "hmac-md5", b"of all these nodes")

wire = Wire()
up, home = wire.link("wan"), wire.link("home")
up.owns = lambda address: address == ROUTER


class Tunnel:
    """A binding, as Python registered it."""

    def __init__(self, kind, home_address, care_of, flags="DT"):
        self.kind = kind
        self.home = home_address
        self.care_of = care_of
        self.flags = flags
        self.udp = kind == "udp"
        self.exit = NAT if self.udp else care_of
        self.port = NAT_PORT + int(home_address.split(".")[3])
        self.header = {"ipip": 20, "udp": 32, "gre": 24, "minimal": 12}[kind]
        # What the tunnel leaves of a link's MTU: fragments cannot go by minimal encapsulation, but by IP-in-IP (RFC 2004 1).
        self.overhead = max(self.header, 20)

    def register(self):
        octets = peer.request(home=self.home, agent=AGENT, care_of=self.care_of, flags=self.flags)
        if self.udp:
            octets += peer.udp_tunnel_request()
        octets = peer.authenticated(octets, MOBILE_HOME, NODE_KEY)
        mark = wire.mark()
        up.send_udp(up.resolve(UP, ROUTER), self.exit, AGENT, (self.port, 434), octets)
        answer = wire.wait(lambda frame: frame.registration and frame.registration.kind == peer.REPLY and
                           frame.udp[1] == self.port, 3.0, mark)
        return answer and answer.registration.code

    def granted(self):
        return [one["encapsulation"] for one in ask_daemon("ha", "bindings")["bindings"] if one["home_address"] == self.home]

    def by(self, kind):
        """The same tunnel by another encapsulation, which the binding does not have."""
        other = Tunnel(kind, self.home, self.care_of)
        other.exit = self.exit
        return other

    def wrap(self, inner, source=None, tos=0, ttl=60, destination=AGENT, sum_udp=True):
        """What the node, or its foreign agent, sends in the reverse tunnel."""
        source = source or self.exit
        if self.udp:
            payload = peer.udp_datagram(source, destination, (self.port, 434), peer.tunnel_data(inner), sum_udp)
            return build(source, destination, UDP, payload, tos=tos, ttl=ttl)
        if self.kind == "gre":
            return build(source, destination, GRE, struct.pack("!HH", 0, 0x0800) + inner, tos=tos, ttl=ttl)
        if self.kind == "minimal" and not Packet(inner).fragment:
            return minimal(inner, source, destination, tos)
        return build(source, destination, IPIP, inner, tos=tos, ttl=ttl)

    def unwrap(self, packet):
        """The inner packet of one that is in this tunnel; None for another."""
        if (packet.source, packet.destination) != (AGENT, self.exit):
            return None
        if self.udp:
            datagram = packet.udp()
            # RFC 3519 asks for no checksum, and RFC 768 allows to leave it out; one that is there is right.
            if not datagram or not packet.udp_checksum_right():
                return None
            return datagram[:2] == (434, self.port) and datagram[2][:4] == b"\x04\x04\0\0" and datagram[2][4:] or None
        if packet.protocol == IPIP and self.kind in ("ipip", "minimal"):
            return packet.payload
        if packet.protocol == GRE and self.kind == "gre" and packet.payload[:4] == b"\0\0\x08\0":
            return packet.payload[4:]
        if packet.protocol == MINIMAL and self.kind == "minimal":
            return unwrap_minimal(packet)
        return None


# --- packets ---------------------------------------------------------------------------------------------------------


def finished(head):
    return head[:10] + struct.pack("!H", checksum(head[:10] + b"\0\0" + head[12:])) + head[12:]


_number = 0


def build(source, destination, protocol, payload, tos=0, ttl=64, flags=0, options=b"", number=None):
    """RFC 791; each has an identification of its own, by which it is known again."""
    global _number
    if number is None:
        _number = number = _number % 0xFFFF + 1
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, tos, 4 * words + len(payload), number, flags, ttl, protocol, 0,
                       pack_address(source), pack_address(destination)) + options
    return finished(head) + payload


def filling(size):
    return bytes((7 * index + size) & 0xFF for index in range(size))


def tcp_segment(source, destination, ports, payload):
    octets = struct.pack("!HHIIBBHHH", *ports, 0x01020304, 0x05060708, 0x50, 0x10, 0x2000, 0, 0) + payload
    pseudo = pack_address(source) + pack_address(destination) + struct.pack("!BBH", 0, TCP, len(octets))
    return octets[:16] + struct.pack("!H", checksum(pseudo + octets)) + octets[18:]


def packet_of_size(source, destination, size, **more):
    """TCP and UDP with right checksums in turn, where they fit; each of another flow, for a flow's packets may be joined."""
    room = size - 20 - len(more.get("options", b""))
    ports = (2048 + _number % 60000, 5004)
    if room >= 20 and size % 2:
        return build(source, destination, TCP, tcp_segment(source, destination, ports, filling(room - 20)), **more)
    if room >= 8:
        return build(source, destination, UDP, peer.udp_datagram(source, destination, ports, filling(room - 8)), **more)
    return build(source, destination, EXPERIMENT, filling(room), **more)


def changed(octets, ttl=None, tos=None):
    octets = bytearray(octets)
    octets[8] = octets[8] if ttl is None else ttl
    octets[1] = octets[1] if tos is None else tos
    length = 4 * (octets[0] & 15)
    return finished(bytes(octets[:length])) + bytes(octets[length:])


def minimal(inner, source, destination, tos):
    """RFC 2004 3.1: the inner header's own protocol and addresses go into a header of 12 octets, with the S bit."""
    packet = Packet(inner)
    head = struct.pack("!BBH4s4s", packet.protocol, 0x80, 0, inner[16:20], inner[12:16])
    head = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
    outer = inner[:1] + bytes([tos]) + struct.pack("!H", len(inner) + 12) + inner[4:9] + bytes([MINIMAL]) + b"\0\0" + \
        pack_address(source) + pack_address(destination) + inner[20:packet.head_length]
    return finished(outer) + head + packet.payload


def minimal_length(payload):
    """RFC 2004 3.1: without the S bit there is no "Original Source Address field"."""
    return 12 if payload[1] & 0x80 else 8


def unwrap_minimal(packet):
    length = minimal_length(packet.payload)
    head, rest = packet.payload[:length], packet.payload[length:]
    if len(head) < length or checksum(head) != 0:
        return None
    octets = packet.octets
    source = head[8:12] or octets[12:16]
    # "If the encapsulator is … the original source": then the field is left out.
    if length == 12 and source == octets[12:16]:
        return None
    inner = octets[:2] + struct.pack("!H", len(octets) - length) + octets[4:9] + head[:1] + b"\0\0" + source + head[4:8] + \
        octets[20:packet.head_length]
    return finished(inner) + rest


def joined(fragments):
    """RFC 791: one packet of its fragments; None while some are missing."""
    fragments = sorted(fragments, key=lambda one: one.fragment & 0x1FFF)
    payload = b""
    for one in fragments:
        if 8 * (one.fragment & 0x1FFF) != len(payload):
            return None
        payload += one.payload
    if not fragments or fragments[-1].fragment & MORE_FRAGMENTS:
        return None
    head = fragments[0].octets[:fragments[0].head_length]
    flags = struct.unpack("!H", head[6:8])[0] & DONT_FRAGMENT
    return finished(head[:2] + struct.pack("!H", len(head) + len(payload)) + head[4:6] + struct.pack("!H", flags) + head[8:]) + payload


# --- what comes out --------------------------------------------------------------------------------------------------


def outer_form(outer, tos, may_fragment):
    """What the RFCs fix of the outer header (RFC 2003 3.1), beside its addresses and protocol."""
    return ("outer", outer.octets[0], outer.tos == tos, outer.checksum_right, outer.ttl > 0,
            None if may_fragment else outer.dont_fragment)


def error_form(packet):
    """An ICMP error; how much it quotes beyond 8 octets of data, and which of its addresses a router uses, is free."""
    kind, code, _, _, mtu = struct.unpack("!BBHHH", packet.payload[:8])
    return ("error", kind, code, mtu if (kind, code) == (3, 4) else None, packet.destination, checksum(packet.payload) == 0)


class Case:
    def __init__(self, name, packet, number, expected, fragments=False, also=()):
        self.name = name
        self.packet = packet  # that goes in at the link `up`
        self.number = number  # the identification of the packet that is to come out
        self.expected = expected
        self.fragments = fragments  # it went in as a fragment, and is not put together
        self.also = also  # what may come or not
        self.outer, self.inner, self.forms = {}, [], []

    def tunnelled(self, tunnel, outer):
        """A packet on its way to the care-of address. Fragments of the outer packet wait for one another."""
        pieces = self.outer.setdefault(outer.identification, [])
        pieces.append(outer)
        whole = joined(pieces) if outer.fragment & 0x3FFF or len(pieces) > 1 else outer.octets
        inner = whole and tunnel.unwrap(Packet(whole))
        if not inner or len(inner) < 20:
            return
        cut = len(pieces) > 1
        inner = Packet(inner)
        if inner.protocol == ICMP and inner.payload[:1] in (b"\x0b", b"\x03") and inner.destination == tunnel.home:
            self.forms.append(("tunnelled",) + error_form(inner))
            return
        self.inner.append(inner)
        part = inner.fragment & 0x3FFF and not self.fragments
        octets = joined(self.inner) if part else inner.octets
        if octets:
            self.forms.append(("tunnelled", octets.hex()) + outer_form(pieces[0], inner.tos, cut or part or not inner.dont_fragment))

    def verdict(self):
        """What came out beside the optional, and whether it is right."""
        got = sorted(map(repr, (form for form in self.forms if form not in self.also)))
        return got, got == sorted(map(repr, self.expected))


def tunnelled_form(tunnel, inner):
    head = 0x40 | (5 if tunnel.kind != "minimal" else inner[0] & 15)
    return ("tunnelled", inner.hex(), "outer", head, True, True, True, True if Packet(inner).dont_fragment else None)


def quoted_number(payload):
    """The identification of the packet that an error quotes, in whatever it is wrapped."""
    return struct.unpack("!H", payload[12:14])[0] if len(payload) >= 14 else None


def take(cases, tunnel, frames):
    by_number = {case.number: case for case in cases}
    parts = {}
    for frame in frames:
        packet = frame.ip
        if frame.registration or frame.advertisement or not packet:
            continue
        if packet.source == AGENT and packet.destination == tunnel.exit:
            number = parts.get(packet.identification)
            if not packet.fragment & 0x1FFF:
                number = inner_number(tunnel, packet)
                parts[packet.identification] = number
            if number in by_number:
                by_number[number].tunnelled(tunnel, packet)
        elif packet.protocol == ICMP and packet.payload[:1] in (b"\x03", b"\x0b", b"\x04", b"\x05"):
            number = quoted_number(packet.payload)
            if number in by_number:
                by_number[number].forms.append(error_form(packet))
        elif packet.identification in by_number:
            by_number[packet.identification].forms.append(("plain", packet.octets.hex()))


def inner_number(tunnel, outer):
    """The identification of the inner packet, of a first fragment as well; of an error in the tunnel, that of what it quotes."""
    skip = {"udp": 12, "gre": 4}.get(tunnel.kind, 0)
    if outer.protocol == MINIMAL:
        number = outer.identification
        protocol, data = outer.payload[0], outer.payload[minimal_length(outer.payload):]
    else:
        inner = outer.payload[skip:]
        if len(inner) < 20:
            return None
        number, protocol, data = struct.unpack("!H", inner[4:6])[0], inner[9], inner[4 * (inner[0] & 15):]
    if protocol == ICMP and data[:1] in (b"\x0b", b"\x03"):
        return quoted_number(data)
    return number


# --- the table, by the RFCs ----------------------------------------------------------------------------------------------


def forwarded(packet, ttl=None):
    """RFC 1812 5.3.1, RFC 2003 3.1: what a router takes from the TTL."""
    return changed(packet, ttl=packet[8] - 1 if ttl is None else ttl)


def in_case(tunnel, name, packet, **more):
    """A correspondent's packet for the home address."""
    read = Packet(packet)
    most = TUNNEL_MTU
    if read.ttl <= 1:
        # "If the resulting TTL in the inner IP header is 0, the datagram is discarded and an ICMP Time Exceeded message SHOULD be
        # returned to the sender"; of a packet that came with 0 nothing is said but that it is not encapsulated.
        error = ("error", 11, 0, None, CORRESPONDENT, True)
        return Case(name, packet, read.identification, [error] if read.ttl else [], also=() if read.ttl else (error,), **more)
    if len(packet) > most and read.dont_fragment:
        return Case(name, packet, read.identification, [("error", 3, 4, most, CORRESPONDENT, True)])
    return Case(name, packet, read.identification, [tunnelled_form(tunnel, forwarded(packet))], **more)


def decapsulated_ecn(inner, outer):
    """RFC 6040 figure 4; None: drop. 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE."""
    if inner == 0:
        return None if outer == 3 else 0
    if inner == 3 or outer == 3:
        return 3
    return 1 if outer == 1 else inner


def out_case(tunnel, name, inner, outer_tos=None, sum_udp=True, **more):
    """A packet out of the reverse tunnel, for a correspondent."""
    read = Packet(inner)
    tos = read.tos if outer_tos is None else outer_tos
    packet = tunnel.wrap(inner, tos=tos, sum_udp=sum_udp)
    # RFC 2004 3.1: there is one TOS octet, the packet's own, which the tunnel has as its outer one.
    one_tos = tunnel.kind == "minimal" and not read.fragment
    ecn = tos & 3 if one_tos else decapsulated_ecn(read.tos & 3, tos & 3)
    if read.ttl == 0 or ecn is None:
        # rfc2003-3.1-4; that a router says Time Exceeded on its way is not forbidden.
        return Case(name, packet, read.identification, [], also=(("tunnelled", "error", 11, 0, None, tunnel.home, True),), **more)
    if read.ttl == 1:
        return Case(name, packet, read.identification, [("tunnelled", "error", 11, 0, None, tunnel.home, True)], **more)
    octets = changed(inner, ttl=read.ttl - 1, tos=read.tos & 0xFC | ecn)
    return Case(name, packet, read.identification, [("plain", octets.hex())], **more)


def in_fragments(packet, size):
    """As fragments of `size` octets of payload: (name, octets)."""
    read = Packet(packet)
    for at in range(0, len(read.payload), size):
        piece = read.payload[at:at + size]
        more = MORE_FRAGMENTS if at + size < len(read.payload) else 0
        yield build(read.source, read.destination, read.protocol, piece, tos=read.tos, ttl=read.ttl, flags=more | at // 8,
                    number=None)


def towards(tunnel, size, **more):
    return packet_of_size(CORRESPONDENT, tunnel.home, size, **more)


def back(tunnel, size, **more):
    return packet_of_size(tunnel.home, CORRESPONDENT, size, **more)


def sizes(most):
    """From 20 on; where it takes too long only some of those in the middle."""
    step = int(os.environ.get("SAME_PACKET_STEP", "1"))
    return [size for size in range(20, most + 1) if size < 80 or size > most - 60 or size % step == 0]


def sizes_in(tunnel, flags):
    return [in_case(tunnel, "%d octets" % size, towards(tunnel, size, flags=flags)) for size in sizes(LINK_MTU)]


def sizes_out(tunnel, flags):
    return [out_case(tunnel, "%d octets" % size, back(tunnel, size, flags=flags))
            for size in sizes(LINK_MTU - tunnel.overhead)]


def unsummed_out(tunnel):
    """By UDP without a checksum, as RFC 768 allows it and the bpf programs take it."""
    return [out_case(tunnel, "%d octets" % size, back(tunnel, size), sum_udp=False)
            for size in sizes(LINK_MTU - tunnel.overhead)[::7]]


def wrong_sum(tunnel):
    """RFC 1122 4.1.3.4: "If a UDP datagram is received with a checksum that is non-zero and invalid, UDP MUST silently discard"."""
    inner = back(tunnel, 100)
    packet = bytearray(tunnel.wrap(inner))
    packet[26] ^= 0x55
    return [nothing("a wrong UDP checksum", bytes(packet), Packet(inner).identification)]


OPTIONS = {"no operation": b"\x01\x01\x01\x00", "forty octets": b"\x01" * 39 + b"\0", "router alert": b"\x94\x04\0\0"}


def options_in(tunnel):
    return [in_case(tunnel, name, towards(tunnel, 300, options=options)) for name, options in OPTIONS.items()]


def options_out(tunnel):
    return [out_case(tunnel, name, back(tunnel, 300, options=options)) for name, options in OPTIONS.items()]


def fragments_in(tunnel):
    packet = build(CORRESPONDENT, tunnel.home, UDP, peer.udp_datagram(CORRESPONDENT, tunnel.home, (7, 9), filling(2500)))
    return [in_case(tunnel, "fragment %d" % index, octets, fragments=True)
            for index, octets in enumerate(in_fragments(packet, 1000))]


def fragments_out(tunnel):
    packet = build(tunnel.home, CORRESPONDENT, UDP, peer.udp_datagram(tunnel.home, CORRESPONDENT, (7, 9), filling(2500)))
    return [out_case(tunnel, "fragment %d" % index, octets, fragments=True)
            for index, octets in enumerate(in_fragments(packet, 1000))]


def ttls_in(tunnel):
    return [in_case(tunnel, "TTL %d" % ttl, towards(tunnel, 101, ttl=ttl)) for ttl in (0, 1, 2, 3, 255)]


def ttls_out(tunnel):
    return [out_case(tunnel, "TTL %d" % ttl, back(tunnel, 101, ttl=ttl)) for ttl in (0, 1, 2, 3, 255)]


def tos_in(tunnel):
    """RFC 2003 3.1 copies the TOS; RFC 6040 4.1 (normal mode) its ECN field as well, CE too."""
    return [in_case(tunnel, "TOS %02x" % tos, towards(tunnel, 120, tos=tos)) for tos in range(256)]


def ecn_out(tunnel):
    return [out_case(tunnel, "ECN inner %d outer %d, DSCP %02x" % (inner, outer, dscp), back(tunnel, 120, tos=dscp | inner),
                     outer_tos=dscp | outer) for inner in range(4) for outer in range(4) for dscp in (0, 0xB8)]


def nothing(name, packet, number=None, **more):
    return Case(name, packet, Packet(packet).identification if number is None else number, [], **more)


def inner_nothing(tunnel, name, inner, **more):
    return nothing(name, tunnel.wrap(inner, **more), Packet(inner).identification)


def loops(tunnel):
    """RFC 2003 3.2, RFC 5944 4.2.3. Behind a NAT the address is that of others too: only a tunnel is refused from there."""
    cases = [nothing("from the tunnel's exit", build(tunnel.exit, tunnel.home, IPIP if tunnel.udp else EXPERIMENT,
                                                    build(CORRESPONDENT, tunnel.home, EXPERIMENT, b"")))]
    cases += [nothing("from the home agent's own address %s" % address, packet_of_size(address, tunnel.home, 100))
              for address in (AGENT, UP)]
    innermost = back(tunnel, 100)
    cases += [nothing("a tunnel within the tunnel to its own end", tunnel.wrap(build(tunnel.home, AGENT, IPIP, innermost)),
                      Packet(innermost).identification)]
    packet = packet_of_size(CORRESPONDENT, tunnel.exit, 100)
    cases += [Case("for the tunnel's exit itself", packet, Packet(packet).identification, [("plain", forwarded(packet).hex())])]
    return cases


def loops_out(tunnel):
    """RFC 2784 3.1: what is for the encapsulator of the packet itself "MUST be discarded". Behind a NAT the address is that of others
    too. And what is for the decapsulator (RFC 2003 3.2 again) is its own, and goes nowhere: it answers as any host."""
    inner = packet_of_size(tunnel.home, tunnel.exit, 100)
    cases = [out_case(tunnel, "for the tunnel's far end", inner) if tunnel.udp else
             inner_nothing(tunnel, "for the tunnel's far end", inner)]
    for address in (AGENT, UP):
        inner = build(tunnel.home, address, UDP, peer.udp_datagram(tunnel.home, address, (7, 9), filling(20)))
        cases.append(Case("for the home agent itself, %s" % address, tunnel.wrap(inner), Packet(inner).identification,
                          [("tunnelled", "error", 3, 3, None, tunnel.home, True)]))
    return cases


def other_kinds(tunnel):
    """rfc3024-4.3.2-3: an encapsulation that was not negotiated is discarded. By IP-in-IP a node with minimal encapsulation sends
    its fragments (RFC 2004 1), and so whatever it likes."""
    cases = []
    for kind in ("ipip", "udp", "gre", "minimal"):
        inner = back(tunnel, 100)
        other = tunnel.by(kind)
        if (tunnel.kind, kind) == ("minimal", "ipip"):
            cases.append(Case("by IP-in-IP", other.wrap(inner), Packet(inner).identification, [("plain", forwarded(inner).hex())]))
        elif kind != tunnel.kind:
            cases.append(inner_nothing(other, "by %s" % kind, inner))
    return cases


def strangers(tunnel):
    """RFC 3024 4.3.2: only the binding's own outer source, with its own inner one."""
    inner = [back(tunnel, 100 + number) for number in range(3)]
    stranger = packet_of_size("10.1.0.99", CORRESPONDENT, 100)
    broken = bytearray(back(tunnel, 100))
    broken[10] ^= 1
    return [inner_nothing(tunnel, "another outer source", inner[0], source="10.0.66.6"),
            inner_nothing(tunnel, "the home address as outer source", inner[1], source=tunnel.home),
            inner_nothing(tunnel, "a home address without a binding", stranger),
            inner_nothing(tunnel, "the care-of address as inner source", packet_of_size(tunnel.care_of, CORRESPONDENT, 100)),
            Case("a wrong inner checksum", tunnel.wrap(bytes(broken)) if tunnel.kind != "minimal" else bytes(broken),
                 Packet(bytes(broken)).identification, []),
            nothing("cut off in the inner header", build(tunnel.exit, AGENT, IPIP, inner[2][:16]), Packet(inner[2]).identification)]


# --- playing it ----------------------------------------------------------------------------------------------------------

results = {}  # of each plane: what came out, by tunnel, table and case
CHUNK = 100  # sent at once: no queue on the way is longer


def judge(plane, tunnel, sentence, cases, destination_link=None):
    wrong = []
    for start in range(0, len(cases), CHUNK):
        chunk = cases[start:start + CHUNK]
        mark = wire.mark()
        for case in chunk:
            up.send_ip(destination_link or up.resolve(UP, ROUTER), case.packet)
        wait_for(chunk, tunnel, mark)
    for case in cases:
        got, right = case.verdict()
        results.setdefault(plane, {})[tunnel.kind, sentence, case.name] = got
        if not right:
            wrong.append("%s: %s came out, expected %s" % (case.name, [one[:180] for one in got], [repr(one)[:180] for one in case.expected]))
    found("%s, %s: %s (%d)" % (plane, tunnel.kind, sentence, len(cases)), not wrong,
          "%d of %d are wrong: %s" % (len(wrong), len(cases), "; ".join(wrong[:3])))


def wait_for(cases, tunnel, mark, most=3.0):
    """Until all that is expected is there and nothing comes any more; what is to stay away gets longer to come."""
    quiet = 0.05 if all(case.expected for case in cases) else 0.2
    waited, seen = 0.0, -1
    while waited < most:
        wire.pump(quiet)
        waited += quiet
        for case in cases:
            case.outer, case.inner, case.forms = {}, [], []
        frames = wire.frames[mark:]
        take(cases, tunnel, frames)
        if len(frames) == seen and all(len(case.forms) >= len(case.expected) for case in cases):
            return
        seen = len(frames)


def tables(plane, tunnel):
    judge(plane, tunnel, "each size from 20 to 1500 goes in, or as fragments", sizes_in(tunnel, 0))
    judge(plane, tunnel, "each size with DF goes in, or is answered with the tunnel's MTU", sizes_in(tunnel, DONT_FRAGMENT))
    judge(plane, tunnel, "options stay in the inner header", options_in(tunnel))
    judge(plane, tunnel, "fragments go in one by one", fragments_in(tunnel))
    judge(plane, tunnel, "the TTL goes down by one, and what it leaves at 0 is answered", ttls_in(tunnel))
    judge(plane, tunnel, "the outer TOS is the inner one, with its ECN field", tos_in(tunnel))
    judge(plane, tunnel, "what would loop does not, and what is for the exit goes there plain", loops(tunnel))
    judge(plane, tunnel, "each size comes out", sizes_out(tunnel, 0))
    judge(plane, tunnel, "each size with DF comes out", sizes_out(tunnel, DONT_FRAGMENT))
    judge(plane, tunnel, "options come out", options_out(tunnel))
    judge(plane, tunnel, "fragments come out", fragments_out(tunnel))
    judge(plane, tunnel, "TTL 0 does not come out, 1 is answered", ttls_out(tunnel))
    judge(plane, tunnel, "each pair of ECN fields comes out as the RFCs say (RFC 6040 figure 4)", ecn_out(tunnel))
    judge(plane, tunnel, "what is not the node's does not come out", strangers(tunnel))
    judge(plane, tunnel, "what would loop does not come out, and the home agent's own is answered", loops_out(tunnel))
    judge(plane, tunnel, "what comes by another encapsulation than the tunnel's is refused", other_kinds(tunnel))
    if tunnel.udp:
        judge(plane, tunnel, "each size comes out that has no UDP checksum", unsummed_out(tunnel))
        judge(plane, tunnel, "and none that has a wrong one", wrong_sum(tunnel))


def outer_of(tunnel, size, **more):
    """A packet as it is on its way to the care-of address, and the correspondent's packet in it."""
    mark = wire.mark()
    packet = towards(tunnel, size, **more)
    up.send_ip(up.resolve(UP, ROUTER), packet)
    frame = wire.wait(lambda one: one.ip and one.ip.source == AGENT and one.ip.destination == tunnel.exit and
                      inner_number(tunnel, one.ip) == Packet(packet).identification, 3.0, mark)
    if not frame:
        raise AssertionError("a packet of %d octets does not go into the tunnel" % size)
    return frame.ip.octets, Packet(packet)


def error_about(octets, kind, code, mtu=0):
    message = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + octets[:548]
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return build(WITHIN, AGENT, ICMP, message)


# RFC 2003 4: what a correspondent hears of an error within the tunnel; None: nothing.
RELAYED = {(3, 0): (0, 1), (3, 1): (1,), (3, 2): (0, 1), (3, 3): None, (3, 5): None, (4, 0): None, (11, 0): (1,)}


def relayed_errors(plane, tunnel):
    for (kind, code), codes in RELAYED.items():
        if tunnel.udp and (kind, code) == (3, 3):
            continue  # there is a port, and nothing is said of it
        octets, packet = outer_of(tunnel, 200)
        mark = wire.mark()
        up.send_ip(up.resolve(UP, ROUTER), error_about(octets, kind, code))
        heard = wire.wait(lambda one: is_error(one, packet), 2.0 if codes else 0.3, mark)
        said = heard and tuple(heard.ip.payload[:2])
        results.setdefault(plane, {})[tunnel.kind, "relayed", (kind, code)] = bool(said)  # the code may be a matter of choice
        found("%s, %s: an error %d/%d from within is %s" % (plane, tunnel.kind, kind, code,
              "unreachable with code %s for the correspondent" % " or ".join(map(str, codes)) if codes else "not relayed"),
              said in [(3, one) for one in codes] if codes else not said, said)


def is_error(frame, packet):
    return frame.ip and frame.ip.protocol == ICMP and frame.ip.destination == CORRESPONDENT and not frame.registration and \
        quoted_number(frame.ip.payload) == packet.identification and frame.ip.payload[12 - 4 + 16:12 - 4 + 20] == \
        pack_address(packet.destination)


def narrow_path(plane, tunnel, mtu=1200):
    """RFC 2003 4.1, 5.1: Datagram Too Big is relayed, with the tunnel's MTU then; afterwards the entry knows it by itself."""
    octets, packet = outer_of(tunnel, 1400, flags=DONT_FRAGMENT)
    mark = wire.mark()
    up.send_ip(up.resolve(UP, ROUTER), error_about(octets, 3, 4, mtu))
    heard = wire.wait(lambda one: is_error(one, packet), 2.0, mark)
    most = mtu - tunnel.header
    # rfc2003-4.1-5: a MUST for the tunnels of that RFC. By UDP the kernel may keep the message to itself, and the sender hears of it
    # with its next packet: the table below.
    if heard or not tunnel.udp:
        same("%s, %s: Datagram Too Big is relayed with what the tunnel leaves" % (plane, tunnel.kind),
             heard and error_form(heard.ip)[1:4], (3, 4, most))
    cases = []
    for size in (most - 1, most, most + 1, most + 100):
        for flags in (0, DONT_FRAGMENT):
            octets = towards(tunnel, size, flags=flags)
            if flags and size > most:
                cases.append(Case("%d octets with DF" % size, octets, Packet(octets).identification,
                                  [("error", 3, 4, most, CORRESPONDENT, True)]))
            else:
                cases.append(in_case(tunnel, "%d octets%s" % (size, " with DF" if flags else ""), octets))
    judge(plane, tunnel, "… and what is larger is fragmented, or answered at once", cases)
    largest = max((len(frame.ip.octets) for frame in wire.frames[mark:] if frame.ip and frame.ip.destination == tunnel.exit),
                  default=0)
    found("%s, %s: … nothing larger than that path takes leaves any more" % (plane, tunnel.kind), 0 < largest <= mtu, largest)


def tunnels():
    return [(Tunnel("ipip", "10.1.0.50", "10.4.0.20"), Tunnel("ipip", "10.1.0.54", "10.4.0.24")),
            (Tunnel("udp", "10.1.0.51", "192.168.9.1"), None),
            (Tunnel("gre", "10.1.0.52", "10.4.0.22", "DTG"), Tunnel("gre", "10.1.0.56", "10.4.0.26", "DTG")),
            (Tunnel("minimal", "10.1.0.53", "10.4.0.23", "DTM"), Tunnel("minimal", "10.1.0.57", "10.4.0.27", "DTM"))]


REFUSED = (139,)  # RFC 5944 3.4: requested encapsulation unavailable


def play_plane(plane):
    global _number
    _number = 0  # the very same packets for each
    run(wire, "run_daemon", plane)
    up.resolve(UP, ROUTER)
    for tunnel, narrow in tunnels():
        code = tunnel.register()
        if tunnel.kind in ("gre", "minimal") and code in REFUSED:
            found("%s: %s is refused with code %d" % (plane, tunnel.kind, code), not tunnel.granted())
            continue
        same("%s: a tunnel by %s is granted" % (plane, tunnel.kind), (code in (0, 1), tunnel.granted()), (True, [tunnel.kind]))
        tables(plane, tunnel)
        relayed_errors(plane, tunnel)
        narrow = narrow or tunnel
        if narrow is not tunnel:
            narrow.register()
        narrow_path(plane, narrow)
    run(wire, "stop_daemon")


def compare(plane, reference):
    different = [(key, got, results[reference].get(key)) for key, got in results.get(plane, {}).items()
                 if got != results[reference].get(key)]
    found("%s: each of %d packets comes out as on plane %s" % (plane, len(results.get(plane, {})), reference),
          results.get(plane) and not different, "%d differ: %s" % (len(different), [str(one)[:300] for one in different[:3]]))


def main():
    plane = os.environ["SAME_PACKET_PLANE"]
    steps = [lambda: play_plane("user")]
    if plane != "user":
        steps += [lambda: play_plane(plane), lambda: compare(plane, "user")]
    play(steps)


main()

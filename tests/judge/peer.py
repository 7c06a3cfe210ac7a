"""Mobile IPv4 a second time: messages and packets, written from the RFCs with Python's standard library alone.

Nothing here knows the suite's C code. What is built here goes to our daemons with any field, extension, algorithm
and authenticator, right or wrong; what they answer is read here. peer_link.py puts it on a wire.

    octets = request(home="10.1.0.50", agent="10.1.0.1", care_of="10.4.0.20", flags="DT")
    octets = authenticated(octets, MOBILE_HOME, Security(1000, "hmac-md5", key))
    reply = Registration(answer)            # reply.code, reply.lifetime, reply.holds(MOBILE_HOME, security)
"""
import hashlib
import hmac
import socket
import struct
import time

PORT = 434
REQUEST, REPLY, TUNNEL_DATA = 1, 3, 4  # RFC 5944 6.1, RFC 3519 3.3
MOBILE_HOME, MOBILE_FOREIGN, FOREIGN_HOME = 32, 33, 34  # RFC 5944 6.3
UDP_TUNNEL_REPLY, UDP_TUNNEL_REQUEST = 44, 144  # RFC 3519 3.1, 3.2
NAI, DELIVERY_STYLE = 131, 130  # RFC 2794 2, RFC 3024 3.3
ICMP, IPIP, UDP = 1, 4, 17
NTP_EPOCH = 2208988800  # seconds from 1900 to 1970
BROADCAST = "ff:ff:ff:ff:ff:ff"


def pack_address(text):
    return socket.inet_aton(text)


def text_address(octets):
    return socket.inet_ntoa(octets)


def pack_link(text):
    return bytes.fromhex(text.replace(":", ""))


def text_link(octets):
    return ":".join("%02x" % octet for octet in octets)


def checksum(octets):
    """RFC 1071. Of octets that hold their own right checksum it is 0."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# --- registration messages -------------------------------------------------------------------------------------------


class Security:
    """One context of a mobility security association (RFC 5944 1.6)."""

    def __init__(self, spi, algorithm, key):
        self.spi = spi
        self.algorithm = algorithm
        self.key = key

    def authenticator(self, data):
        """RFC 5944 3.5.1, 5.1; keyed-md5 is the prefix+suffix mode of RFC 2002 3.5.1."""
        if self.algorithm == "keyed-md5":
            return hashlib.md5(self.key + data + self.key).digest()
        digest = {"hmac-md5": "md5", "hmac-sha1": "sha1", "hmac-sha256": "sha256"}[self.algorithm]
        return hmac.new(self.key, data, digest).digest()


def timestamp(offset=0.0):
    """RFC 5944 5.7.1: the time of day in the format of NTP, as a number of 64 bits."""
    return int((time.time() + NTP_EPOCH + offset) * 2**32) & (2**64 - 1)


def timestamp_seconds(identification):
    return (identification >> 32) - NTP_EPOCH


FLAGS = "SBDMGrTx"


def request(home="10.1.0.50", agent="10.1.0.1", care_of="10.2.0.1", lifetime=600, flags="", identification=None):
    """RFC 5944 3.3; flags are letters of its figure, of which r and x are to be sent as zero."""
    bits = sum(0x80 >> FLAGS.index(flag) for flag in flags)
    if identification is None:
        identification = timestamp()
    return struct.pack("!BBH4s4s4sQ", REQUEST, bits, lifetime, pack_address(home), pack_address(agent),
                       pack_address(care_of), identification)


def reply(code=0, lifetime=600, home="10.1.0.50", agent="10.1.0.1", identification=0):
    """RFC 5944 3.4."""
    return struct.pack("!BBH4s4sQ", REPLY, code, lifetime, pack_address(home), pack_address(agent), identification)


def extension(kind, data=b""):
    """RFC 5944 1.9."""
    return struct.pack("!BB", kind, len(data)) + data


def nai(name):
    """RFC 2794 2."""
    return extension(NAI, name.encode())


def dynamic_home_agent(subtype, home_agent):
    """RFC 4433 3.4: 1 requested, 2 redirected; the length is of 16 bits."""
    return struct.pack("!BBH", 139, subtype, 4) + pack_address(home_agent)


def udp_tunnel_request(force=False, through=False, encapsulation=0, reserved=0):
    """RFC 3519 3.1; reserved is Reserved 3."""
    bits = (0x80 if force else 0) | (0x40 if through else 0)
    return extension(UDP_TUNNEL_REQUEST, struct.pack("!BBBBH", 0, 0, bits, encapsulation, reserved))


def udp_tunnel_reply(code=0, forced=False, keepalive=110):
    """RFC 3519 3.2."""
    return extension(UDP_TUNNEL_REPLY, struct.pack("!BBHH", 0, code, 0x8000 if forced else 0, keepalive))


def tunnel_data(packet, next_header=IPIP, reserved=0):
    """RFC 3519 3.3."""
    return struct.pack("!BBH", TUNNEL_DATA, next_header, reserved) + packet


def authenticated(octets, kind, security, wrong=False):
    """The message with an authentication extension (RFC 5944 3.5.2 to 3.5.4); wrong spoils its last octet."""
    size = len(security.authenticator(b""))
    octets += struct.pack("!BBI", kind, 4 + size, security.spi)
    value = security.authenticator(octets)
    if wrong:
        value = value[:-1] + bytes([value[-1] ^ 1])
    return octets + value


class Extension:
    def __init__(self, kind, start, data):
        self.kind = kind
        self.start = start
        self.data = data


class Registration:
    """A registration request or reply that was received. Raises ValueError for what cannot be one."""

    def __init__(self, octets):
        self.octets = octets
        self.kind = octets[0] if octets else None
        if self.kind == REQUEST and len(octets) >= 24:
            self._read_request()
        elif self.kind == REPLY and len(octets) >= 20:
            self._read_reply()
        else:
            raise ValueError("no registration message")

    def _read_request(self):
        _, bits, self.lifetime, home, agent, care_of, self.identification = struct.unpack("!BBH4s4s4sQ", self.octets[:24])
        self.flags = "".join(flag for index, flag in enumerate(FLAGS) if bits & (0x80 >> index))
        self.home, self.agent, self.care_of = map(text_address, (home, agent, care_of))
        self.extensions = self._read_extensions(24)

    def _read_reply(self):
        _, self.code, self.lifetime, home, agent, self.identification = struct.unpack("!BBH4s4sQ", self.octets[:20])
        self.home, self.agent = text_address(home), text_address(agent)
        self.extensions = self._read_extensions(20)

    def _read_extensions(self, position):
        found = []
        while position < len(self.octets):
            kind = self.octets[position]
            if kind == 0:  # RFC 5944 1.8: one octet of padding
                position += 1
                continue
            if position + 2 > len(self.octets) or position + 2 + self.octets[position + 1] > len(self.octets):
                raise ValueError("an extension goes past the end")
            end = position + 2 + self.octets[position + 1]
            found.append(Extension(kind, position, self.octets[position + 2:end]))
            position = end
        return found

    def kinds(self):
        return [one.kind for one in self.extensions]

    def find(self, kind):
        return next((one for one in self.extensions if one.kind == kind), None)

    def holds(self, kind, security):
        """Whether exactly one such authentication extension is there, and is right."""
        one = self.find(kind)
        if not one or self.kinds().count(kind) != 1 or len(one.data) < 4:
            return False
        spi = struct.unpack("!I", one.data[:4])[0]
        return spi == security.spi and security.authenticator(self.octets[:one.start + 6]) == one.data[4:]

    def __repr__(self):
        what = "request %s care-of %s" % (self.flags, self.care_of) if self.kind == REQUEST else "reply %d" % self.code
        return "<%s lifetime %d home %s agent %s identification %016x extensions %s>" % (
            what, self.lifetime, self.home, self.agent, self.identification, self.kinds())


# --- agent discovery -------------------------------------------------------------------------------------------------

ADVERTISED = "RBHFMGrTUXI"


def advertisement(flags, care_of=(), routers=(), prefix_lengths=None, lifetime=3, sequence=0, registration_lifetime=1800,
                  code=0, reserved=0):
    """RFC 1256 3, RFC 5944 2.1: an ICMP message."""
    octets = struct.pack("!BBHBBH", 9, code, 0, len(routers), 2, lifetime)
    octets += b"".join(pack_address(router) + struct.pack("!i", 0) for router in routers)
    bits = sum(0x8000 >> ADVERTISED.index(flag) for flag in flags) | reserved
    octets += struct.pack("!BBHHH", 16, 6 + 4 * len(care_of), sequence, registration_lifetime, bits)
    octets += b"".join(map(pack_address, care_of))
    if prefix_lengths is not None:
        octets += extension(19, bytes(prefix_lengths))
    return octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]


def solicitation():
    """RFC 1256 3."""
    octets = struct.pack("!BBHI", 10, 0, 0, 0)
    return octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]


class Advertisement:
    """An agent advertisement that was received; ValueError for another ICMP message."""

    def __init__(self, octets):
        if len(octets) < 8 or octets[0] != 9:
            raise ValueError("no router advertisement")
        self.checksum_right = checksum(octets) == 0
        self.code = octets[1]
        count, words, self.lifetime = struct.unpack("!BBH", octets[4:8])
        end = 8 + 4 * words * count
        self.routers = [text_address(octets[at:at + 4]) for at in range(8, end, 4 * words)]
        self.mobility = None
        self.prefix_lengths = None
        self._read_extensions(octets, end)
        if not self.mobility:
            raise ValueError("no agent advertisement")

    def _read_extensions(self, octets, position):
        while position < len(octets):
            if octets[position] == 0:
                position += 1
                continue
            kind, length = octets[position:position + 2]
            data = octets[position + 2:position + 2 + length]
            if kind == 16:
                self.mobility = data
                self.sequence, self.registration_lifetime, bits = struct.unpack("!HHH", data[:6])
                self.flags = "".join(flag for index, flag in enumerate(ADVERTISED) if bits & (0x8000 >> index))
                self.reserved = bits & 0x1F
                self.care_of = [text_address(data[at:at + 4]) for at in range(6, length, 4)]
            elif kind == 19:
                self.prefix_lengths = list(data)
            position += 2 + length


# --- packets ---------------------------------------------------------------------------------------------------------

_identification = 0


def ip_packet(source, destination, protocol, payload, ttl=64, tos=0, dont_fragment=False):
    """RFC 791 3.1."""
    global _identification
    _identification = _identification + 1 & 0xFFFF
    head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), _identification, 0x4000 if dont_fragment else 0,
                       ttl, protocol, 0, pack_address(source), pack_address(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp_datagram(source, destination, ports, payload, sum_udp=True):
    """RFC 768."""
    octets = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    if not sum_udp:
        return octets
    pseudo = pack_address(source) + pack_address(destination) + struct.pack("!BBH", 0, UDP, len(octets))
    return octets[:6] + struct.pack("!H", checksum(pseudo + octets) or 0xFFFF) + octets[8:]


def echo(kind=8, identifier=1, sequence=1, payload=b"the other implementation"):
    """RFC 792: 8 asks, 0 answers."""
    octets = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence) + payload
    return octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]


def unreachable(code, packet, quoted=548):
    """RFC 792; of the packet that did not get there as much as RFC 1812 4.3.2.3 wants: the whole has 576 octets at most."""
    octets = struct.pack("!BBHI", 3, code, 0, 0) + packet[:quoted]
    return octets[:2] + struct.pack("!H", checksum(octets)) + octets[4:]


class Packet:
    """An IP packet that was received."""

    def __init__(self, octets):
        if len(octets) < 20 or octets[0] >> 4 != 4:
            raise ValueError("no IP packet")
        self.head_length = 4 * (octets[0] & 15)
        self.tos = octets[1]
        length, self.identification, fragment, self.ttl, self.protocol = struct.unpack("!HHHBB", octets[2:10])
        if not self.head_length <= length <= len(octets):
            raise ValueError("no whole IP packet")
        self.octets = octets[:length]  # the rest is a link's padding
        self.dont_fragment = bool(fragment & 0x4000)
        self.fragment = fragment & 0x3FFF
        self.checksum_right = checksum(octets[:self.head_length]) == 0
        self.source, self.destination = text_address(octets[12:16]), text_address(octets[16:20])
        self.payload = self.octets[self.head_length:]

    def udp(self):
        """(source port, destination port, payload), or None."""
        if self.protocol != UDP or self.fragment or len(self.payload) < 8:
            return None
        source, destination, length = struct.unpack("!HHH", self.payload[:6])
        return source, destination, self.payload[8:length]

    def udp_checksum_right(self):
        if self.payload[6:8] == b"\0\0":
            return True
        return checksum(self.octets[12:20] + struct.pack("!BBH", 0, UDP, len(self.payload)) + self.payload) == 0

    def __repr__(self):
        return "<%s > %s protocol %d ttl %d %s>" % (self.source, self.destination, self.protocol, self.ttl,
                                                    self.payload[:32].hex())


class Arp:
    """RFC 826, of IPv4 on Ethernet."""

    def __init__(self, octets):
        if len(octets) < 28 or octets[:6] != bytes.fromhex("000108000604"):
            raise ValueError("no ARP packet")
        self.operation = struct.unpack("!H", octets[6:8])[0]
        self.sender_link, self.sender = text_link(octets[8:14]), text_address(octets[14:18])
        self.target_link, self.target = text_link(octets[18:24]), text_address(octets[24:28])

    def gratuitous(self):
        return self.sender == self.target

    def __repr__(self):
        return "<arp %d %s is at %s, target %s>" % (self.operation, self.sender, self.sender_link, self.target)


def arp(operation, sender_link, sender, target_link, target):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + pack_link(sender_link) + pack_address(sender) + \
        pack_link(target_link) + pack_address(target)

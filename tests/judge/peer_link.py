"""The wire for peer.py: links of which every frame is written and read by hand, and what is found there.

The namespace in which this runs has interfaces and no addresses: its kernel says nothing. Whoever lives beyond these
links (routers, correspondents, nodes, agents) is played with frames; a Link answers ARP for the addresses that it is
told to.

    wire = Wire(); up = wire.link("up"); up.owns = lambda address: address == "10.0.1.1"
    mark = wire.mark()
    up.send_udp(up.resolve("10.0.1.2", "10.0.1.1"), "10.4.0.20", "10.1.0.1", (40000, 434), octets)
    answer = wire.wait(lambda frame: frame.registration and frame.link is up, 1.0, mark)

A scenario is a list of steps, told to tests/netns/peer.bash line by line: found() a fact with its sentence, or
run() a function of the wrapper and wait until it is done.
"""
import errno
import json
import select
import socket
import struct
import subprocess
import sys
import time
import traceback

from peer import (Advertisement, Arp, BROADCAST, ICMP, IPIP, Packet, Registration, UDP, arp, ip_packet, pack_link,
                  text_link, udp_datagram)

ETH_P_ALL, ETH_P_IP, ETH_P_ARP = 3, 0x0800, 0x0806
ARP_ATTEMPTS = 8
SO_TIMESTAMPNS, PACKET_AUXDATA, SOL_PACKET = 35, 8, 263
SO_RCVBUFFORCE, PACKET_IGNORE_OUTGOING = 33, 23
RECEIVE_BUFFER = 16 * 1024 * 1024  # octets, for what comes while a scenario sends
CHECKSUM_NOT_READY = 8  # TP_STATUS_CSUMNOTREADY: the sender left the sum to a network card that is not there


def attempt(reader, *arguments):
    try:
        return reader(*arguments)
    except (ValueError, IndexError, struct.error):
        return None


class Frame:
    """One frame that came in, read as far as it can be."""

    def __init__(self, link, moment, octets, filled):
        self.link = link
        self.time = moment
        self.octets = octets
        self.filled = filled
        self.destination_link, self.source_link = text_link(octets[:6]), text_link(octets[6:12])
        self.type = struct.unpack("!H", octets[12:14])[0]
        self.arp = attempt(Arp, octets[14:]) if self.type == ETH_P_ARP else None
        self.ip = attempt(Packet, octets[14:]) if self.type == ETH_P_IP else None
        self.udp = self.ip.udp() if self.ip else None
        self.registration = None
        self.advertisement = None
        if self.udp and 434 in self.udp[:2]:
            self.registration = attempt(Registration, self.udp[2])
        if self.ip and self.ip.protocol == ICMP:
            self.advertisement = attempt(Advertisement, self.ip.payload)
        self.inner = attempt(Packet, self.ip.payload) if self.ip and self.ip.protocol == IPIP else None

    def udp_sound(self):
        return not self.filled or self.ip.udp_checksum_right()

    def solicits(self):
        return bool(self.ip and self.ip.protocol == ICMP and self.ip.payload[:1] == b"\x0a")

    def __repr__(self):
        return "%s %s > %s %r" % (self.link.name, self.source_link, self.destination_link,
                                  self.arp or self.registration or self.ip or self.octets[14:].hex())


class Link:
    def __init__(self, wire, name):
        self.wire = wire
        self.name = name
        self.owns = lambda address: False
        self.neighbours = {}
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((name, ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self.address = text_link(self.socket.getsockname()[4])

    def send(self, destination_link, kind, octets, source_link=None):
        head = pack_link(destination_link) + pack_link(source_link or self.address) + struct.pack("!H", kind)
        try:
            self.socket.send(head + octets)
        except OSError as error:
            if error.errno != errno.ENETDOWN:  # into a cable that is pulled
                raise

    def send_ip(self, destination_link, packet, source_link=None):
        self.send(destination_link, ETH_P_IP, packet, source_link)

    def send_udp(self, destination_link, source, destination, ports, payload, ttl=64, source_link=None, **more):
        packet = ip_packet(source, destination, UDP, udp_datagram(source, destination, ports, payload, **more), ttl=ttl)
        self.send_ip(destination_link, packet, source_link)
        return packet

    def send_arp(self, destination_link, *fields, source_link=None):
        self.send(destination_link, ETH_P_ARP, arp(*fields), source_link)

    def resolve(self, address, source):
        """The link address of a neighbour, asked for by ARP: again while a link that has just come up loses what it is given."""
        for _ in range(ARP_ATTEMPTS):
            if address in self.neighbours:
                break
            mark = self.wire.mark()
            self.send_arp(BROADCAST, 1, self.address, source, "00:00:00:00:00:00", address)
            self.wire.wait(lambda frame: frame.link is self and frame.arp and frame.arp.operation == 2 and
                           frame.arp.sender == address, 2.0 / ARP_ATTEMPTS, mark)
        if address not in self.neighbours:
            raise AssertionError("%s does not answer ARP on %s" % (address, self.name))
        return self.neighbours[address]

    def receive(self):
        """All that waits: ARP is answered, the frames are kept."""
        while True:
            try:
                octets, ancillary, _, sender = self.socket.recvmsg(65535, 256, socket.MSG_DONTWAIT)
            except (BlockingIOError, OSError):
                return
            if sender[2] == socket.PACKET_OUTGOING or len(octets) < 14:
                continue
            moment, filled = time.time(), True
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", data[:16])
                    moment = seconds + nanoseconds / 1e9
                elif level == SOL_PACKET and kind == PACKET_AUXDATA:
                    filled = not struct.unpack("I", data[:4])[0] & CHECKSUM_NOT_READY
            frame = Frame(self, moment, octets, filled)
            if frame.arp:
                self._take_arp(frame.arp)
            self.wire.keep(frame)

    def _take_arp(self, packet):
        if packet.sender != "0.0.0.0":
            self.neighbours[packet.sender] = packet.sender_link
        if packet.operation == 1 and self.owns(packet.target):
            self.send_arp(packet.sender_link, 2, self.address, packet.target, packet.sender_link, packet.sender)


class Wire:
    def __init__(self):
        self.links = []
        self.frames = []
        self.reacts = []  # each is called with every frame that comes in: the roles that Python plays
        self.chores = []  # each is called often: what happens by the clock

    def link(self, name):
        self.links.append(Link(self, name))
        return self.links[-1]

    def keep(self, frame):
        self.frames.append(frame)
        for react in self.reacts:
            react(frame)

    def mark(self):
        self.pump(0)
        return len(self.frames)

    def pump(self, seconds):
        until = time.monotonic() + seconds
        while True:
            for chore in self.chores:
                chore()
            left = max(0, until - time.monotonic())
            for ready in select.select([link.socket for link in self.links], [], [], min(left, 0.02))[0]:
                next(link for link in self.links if link.socket is ready).receive()
            if left <= 0:
                return

    def since(self, mark, matches):
        found = [frame for frame in self.frames[mark:] if matches(frame)]
        return sorted(found, key=lambda frame: frame.time)

    def wait(self, matches, seconds, mark):
        """The first frame after the mark that matches, or None when the time is over."""
        until = time.monotonic() + seconds
        seen = mark
        while True:
            for index in range(seen, len(self.frames)):
                if matches(self.frames[index]):
                    return self.frames[index]
            seen = len(self.frames)
            if time.monotonic() >= until:
                return None
            self.pump(0.005)


# --- what the wrapper hears ------------------------------------------------------------------------------------------


def tell(*fields):
    print("\t".join(str(field).replace("\t", " ").replace("\n", " ; ") for field in fields), flush=True)


def found(sentence, held, detail=""):
    """A fact; detail says what was there in its place."""
    tell("found", sentence, "" if held else "no: %s" % (detail,))
    return held


def same(sentence, one, other):
    return found(sentence, one == other, "%r is not %r" % (one, other))


def run(wire, *command):
    """A function of the wrapper; what goes over the wire meanwhile is taken as usual."""
    tell("run", *command)
    while not select.select([sys.stdin], [], [], 0)[0]:
        wire.pump(0.02)
    return sys.stdin.readline().strip()


def ask_daemon(role, what):
    """What mipctl -j says."""
    mipctl, sock = sys.argv[1], sys.argv[2]
    answer = subprocess.run([mipctl, "-j", "-s", sock, role, what], capture_output=True, text=True, timeout=10, check=False)
    if answer.returncode != 0:
        raise AssertionError("mipctl %s %s: %s" % (role, what, answer.stderr.strip()))
    return json.loads(answer.stdout)


def until(wire, seconds, test):
    """The last thing that test() gave, true or not, when it became true or the time was over."""
    end = time.monotonic() + seconds
    while True:
        result = test()
        if result or time.monotonic() >= end:
            return result
        wire.pump(0.05)


def play(steps):
    """Each step in turn; one that falls over is a broken check, and the next ones still run."""
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: a scenario goes on, and says what happened
            where = traceback.extract_tb(error.__traceback__)[-1]
            found("the step '%s' runs to its end" % step.__name__.replace("_", " "), False,
                  "%s: %s (%s:%d)" % (type(error).__name__, error, where.name, where.lineno))

#!/usr/bin/env python3
"""A home agent that is killed at random instants while nodes register: what it has acknowledged it still knows, and what it has
accepted once it does not accept again.

    killed.py ROUNDS SEED HOME-AGENT SOCKET HOST COMMAND…

HOST is the namespace of the home agent, COMMAND starts it. The nodes are played here, co-located, each with several care-of addresses
that it changes between; now and then one deregisters.
"""
import json
import random
import select
import signal
import socket
import subprocess
import sys
import time

from peer import MOBILE_HOME, PORT, REPLY, Registration, Security, authenticated, request

NODES = 40
KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
CARE_OF = ["198.51.100.%d" % last for last in (10, 11, 12)]
LIFETIME = 600
LOAD_MOST = 0.5  # seconds between a start and the kill
ANSWER = 2.0     # seconds for an answer that is waited for
START = 10.0
STOP = 30.0
REPLAYED = 200   # requests that were accepted, sent again after each kill
ACCEPTED, IDENTIFICATION_MISMATCH = (0, 1), 133


def fail(sentence):
    sys.exit(sentence)


class Node:
    def __init__(self, number):
        self.home = "172.20.0.%d" % (10 + number)
        self.security = Security(2000 + number, "hmac-md5", KEY)
        self.known = {None}  # what it may be bound to: the last that was acknowledged, and all asked for since
        self.asked = {}      # identification: (care-of address or None, octets)

    def ask(self, dice):
        care_of = dice.choice(CARE_OF)
        leaves = dice.random() < 0.1
        octets = request(self.home, agent, care_of if not leaves else self.home, 0 if leaves else LIFETIME, "D" if not leaves else "")
        identification = Registration(octets).identification
        octets = authenticated(octets, MOBILE_HOME, self.security)
        bound = None if leaves else care_of
        self.asked[identification] = (bound, octets)
        self.known.add(bound)
        return octets

    def hear(self, reply, accepted):
        asked = self.asked.get(reply.identification)
        if reply.code not in ACCEPTED or asked is None or not reply.holds(MOBILE_HOME, self.security):
            return
        accepted.append(asked[1])
        later = {identification: what for identification, what in self.asked.items() if identification > reply.identification}
        self.asked = later
        self.known = {asked[0]} | {what[0] for what in later.values()}


class Agent:
    """The daemon, as its users see it."""

    def __init__(self, host, path, command):
        self.host, self.path, self.command = host, path, command
        self.process = None
        self.slowest = 0.0

    def start(self):
        begin = time.monotonic()
        self.process = subprocess.Popen(["ip", "netns", "exec", self.host, *self.command], stdin=subprocess.DEVNULL)
        while not self.bindings_or_none():
            if self.process.poll() is not None:
                fail("the home agent ends at its start with status %d" % self.process.returncode)
            if time.monotonic() > begin + START:
                fail("the home agent does not answer after its start")
            time.sleep(0.005)
        self.slowest = max(self.slowest, time.monotonic() - begin)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if self.process.wait(STOP) != 0:
            fail("the home agent ends with status %d" % self.process.returncode)

    def bindings_or_none(self):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.connect(self.path)
                link.sendall(b'{"command":"bindings"}\n')
                link.shutdown(socket.SHUT_WR)
                return json.loads(link.makefile().read())
        except (OSError, ValueError):
            return None

    def bindings(self):
        return {one["home_address"]: one["care_of_address"] for one in self.bindings_or_none()["result"]["bindings"]}

    def routes(self):
        """The home addresses that lead into the tunnel."""
        shown = subprocess.run(["ip", "-n", self.host, "-j", "route", "show", "table", "all", "proto", "78"], check=True,
                               capture_output=True, text=True).stdout
        return [one["dst"] for one in json.loads(shown or "[]")]


def read_replies(link, nodes, accepted, seconds):
    """What has come, at least until nothing comes for that time."""
    heard = []
    while select.select([link], [], [], seconds)[0]:
        octets = link.recv(2048)
        if octets[:1] != bytes([REPLY]):
            continue
        reply = Registration(octets)
        heard.append(reply)
        nodes[reply.home].hear(reply, accepted)
    return heard


def load(link, nodes, accepted, dice, seconds):
    end = time.monotonic() + seconds
    everyone = list(nodes.values())
    while time.monotonic() < end:
        for node in dice.sample(everyone, 4):
            link.sendto(node.ask(dice), (agent, PORT))
        read_replies(link, nodes, accepted, 0.0)
        time.sleep(0.001)


def check_bindings(daemon, nodes, when):
    bindings = daemon.bindings()
    for node in nodes.values():
        if bindings.get(node.home) not in node.known:
            fail("%s: %s is bound to %s, and should be to one of %s" % (when, node.home, bindings.get(node.home), node.known))
    routes = daemon.routes()
    for home in bindings:
        if routes.count(home) != 1:
            fail("%s: %d routes lead to %s" % (when, routes.count(home), home))
    if set(routes) & {node.home for node in nodes.values()} - set(bindings):
        fail("%s: routes are left over: %s" % (when, set(routes) - set(bindings)))


def check_replays(daemon, link, nodes, accepted, dice):
    before = daemon.bindings()
    octets = accepted[-REPLAYED // 2:] + dice.sample(accepted, min(len(accepted), REPLAYED // 2))
    for one in octets:
        link.sendto(one, (agent, PORT))
        for reply in read_replies(link, nodes, [], 0.0):
            if reply.code in ACCEPTED:
                fail("a replay is accepted: %s" % reply)
    for reply in read_replies(link, nodes, [], 0.05):
        if reply.code in ACCEPTED:
            fail("a replay is accepted: %s" % reply)
    if daemon.bindings() != before:
        fail("replays have changed the bindings")
    return len(octets)


def drain(link):
    """What was on its way from the one that was killed; None of it counts as an answer to what comes now."""
    while select.select([link], [], [], 0.02)[0]:
        link.recv(2048)


def main():
    rounds, seed, daemon = int(sys.argv[1]), int(sys.argv[2]), Agent(sys.argv[5], sys.argv[4], sys.argv[6:])
    dice = random.Random(seed)
    nodes = {node.home: node for node in map(Node, range(NODES))}
    accepted, replayed = [], 0
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((CARE_OF[0], 0))
    daemon.start()
    for number in range(rounds):
        when = "seed %d, round %d" % (seed, number + 1)
        load(link, nodes, accepted, dice, dice.uniform(0.0, LOAD_MOST))
        daemon.kill()
        # What was acknowledged before the kill was acknowledged.
        read_replies(link, nodes, accepted, 0.02)
        daemon.start()
        check_bindings(daemon, nodes, when)
        if accepted:
            replayed += check_replays(daemon, link, nodes, accepted, dice)
            drain(link)
            check_bindings(daemon, nodes, when + ", after the replays")
    if len(accepted) < rounds:
        fail("only %d requests were accepted" % len(accepted))
    daemon.stop()
    print("%d kills, %d requests acknowledged, %d replays; the slowest start took %.2f s" % (
        rounds, len(accepted), replayed, daemon.slowest))


agent = sys.argv[3]
if __name__ == "__main__":
    main()

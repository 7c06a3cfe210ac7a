#!/usr/bin/env python3
"""Ten thousand nodes that are played, and what flows to some of them while their home agent restarts.

    restart_large.py register HOME-AGENT CARE-OF COUNT     registers them, co-located, from here
    restart_large.py send COUNT LOG                        a packet each 2 ms to one of 50 of them, until SIGINT
    restart_large.py receive LOG                           what comes here in tunnels, until SIGINT
    restart_large.py gap SENT RECEIVED FROM TO             packets lost, and the longest silence in ms, of those sent in that time
"""
import json
import select
import signal
import socket
import struct
import sys
import time

from peer import MOBILE_HOME, PORT, Registration, Security, authenticated, request

KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
FLOWS = 50
INTERVAL = 0.002
TARGET_PORT = 5005
AT_ONCE = 64       # requests that wait for their answers
AGAIN = 1.0        # seconds until a request without an answer is repeated
PATIENCE = 120.0


def home_of(number):
    return "172.20.%d.%d" % (number // 250 + 1, number % 250 + 1)


def register(agent, care_of, count):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((care_of, 0))
    waiting, todo, done = {}, list(range(count)), 0
    end = time.monotonic() + PATIENCE
    while done < count:
        now = time.monotonic()
        if now > end:
            sys.exit("only %d of %d are registered" % (done, count))
        for number in [number for number, sent in waiting.items() if now - sent > AGAIN]:
            del waiting[number]
            todo.append(number)
        while todo and len(waiting) < AT_ONCE:
            number = todo.pop()
            security = Security(10000 + number, "hmac-md5", KEY)
            link.sendto(authenticated(request(home_of(number), agent, care_of, 1800, "D"), MOBILE_HOME, security), (agent, PORT))
            waiting[number] = now
        if not select.select([link], [], [], AGAIN)[0]:
            continue
        reply = Registration(link.recv(2048))
        octets = list(map(int, reply.home.split(".")))
        number = (octets[2] - 1) * 250 + octets[3] - 1
        if reply.code == 0 and waiting.pop(number, None) is not None:
            done += 1


def until_interrupted():
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    return stopped


def send(count, log):
    stopped = until_interrupted()
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    moments, begin = [], time.monotonic()
    while not stopped:
        number = len(moments)
        time.sleep(max(0.0, begin + number * INTERVAL - time.monotonic()))
        target = home_of(number % FLOWS * (count // FLOWS))
        try:
            link.sendto(struct.pack("!I", number), (target, TARGET_PORT))
        except OSError:
            pass  # a route is missing for the moment: it counts as sent, and is lost
        moments.append(time.monotonic())
    with open(log, "w") as file:
        json.dump(moments, file)


def receive(log):
    stopped = until_interrupted()
    link = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)
    moments = {}
    while not stopped:
        if not select.select([link], [], [], 0.1)[0]:
            continue
        octets = link.recv(2048)
        inner = octets[4 * (octets[0] & 15):]
        udp = inner[4 * (inner[0] & 15):]
        if inner[9] == socket.IPPROTO_UDP and struct.unpack_from("!H", udp, 2)[0] == TARGET_PORT:
            moments[struct.unpack_from("!I", udp, 8)[0]] = time.monotonic()
    with open(log, "w") as file:
        json.dump(moments, file)


def gap(sent, received, begin, end):
    with open(sent) as file:
        sent = json.load(file)
    with open(received) as file:
        received = json.load(file)
    wanted = [number for number, moment in enumerate(sent) if begin <= moment <= end]
    heard = sorted(received[str(number)] for number in wanted if str(number) in received)
    edges = [begin, *heard, end]
    print(len(wanted) - len(heard), round(1000 * max(b - a for a, b in zip(edges, edges[1:]))))


if __name__ == "__main__":
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "register":
        register(arguments[0], arguments[1], int(arguments[2]))
    elif what == "send":
        send(int(arguments[0]), arguments[1])
    elif what == "receive":
        receive(arguments[0])
    elif what == "gap":
        gap(arguments[0], arguments[1], float(arguments[2]), float(arguments[3]))

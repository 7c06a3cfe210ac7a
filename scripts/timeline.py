#!/usr/bin/env python3
"""Turns what the programs of the demo logged into a timeline for a person, and judges it.

Exit status 0 only if every check held: voice silences of hard moves within the bound, nothing lost in soft moves, the
download whole.
"""

import argparse
import importlib.util
import json
import os
import sys

HARD_SILENCE_MS = 250
STRIP_SECONDS = 0.25


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def load_lines(path):
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                lines.append(json.loads(line))
            except ValueError:
                pass
    return lines


def traffic_module():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "netns", "traffic.py")
    spec = importlib.util.spec_from_file_location("traffic", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Paint:
    """Colours, for a terminal only and if the person did not say no."""

    def __init__(self):
        self.on = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def __call__(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.on else text


def how(status):
    """How the node registered, in a person's words."""
    if status["state"] == "home":
        return "at home, no tunnel"
    if status["mode"] == "foreign-agent":
        return f"via foreign agent {status['agent']}, {status['encapsulation']}"
    if status["mode"] == "co-located":
        return f"co-located {status['care_of_address']}, {status['encapsulation']}"
    return f"NOT REGISTERED ({status['state']})"


def strip(arrivals, begin, end, expected):
    """A character for each stretch of time: how much of what was expected arrived. Arrivals: a time and an amount each."""
    marks = " ▁▂▃▄▅▆▇█"
    count = int((end - begin) / STRIP_SECONDS) + 1
    sums = [0] * count
    for moment, amount in arrivals:
        place = int((moment - begin) / STRIP_SECONDS)
        if 0 <= place < count:
            sums[place] += amount
    return "".join(marks[min(8, round(8 * min(1.0, number / expected)))] for number in sums)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("stages", "voice-node", "voice-correspondent", "fetched", "served", "events"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--ended", type=float, required=True)
    parser.add_argument("--least-bytes", type=int, required=True)
    arguments = parser.parse_args()

    traffic = traffic_module()
    paint = Paint()
    stages = load_lines(arguments.stages)
    node, correspondent = load(arguments.voice_node), load(arguments.voice_correspondent)
    fetched, served = load(arguments.fetched), load(arguments.served)
    arrivals = [moment for moment, _ in fetched["arrivals"]]
    begin, end = stages[0]["began"], arguments.ended
    broken = []

    def check(held, sentence):
        if not held:
            broken.append(sentence)
        return held

    print()
    print(paint("1", "  time   place         move   registered                                "
                     "voice to node     voice from node   download"))
    print(paint("2", "                                                                        "
                     "silence    lost   silence    lost   silence"))
    for index, stage in enumerate(stages):
        first = stage["began"]
        last = stages[index + 1]["began"] if index + 1 < len(stages) else end
        to_node = traffic.stretch(correspondent["sent"], node["received"], first, last)
        from_node = traffic.stretch(node["sent"], correspondent["received"], first, last)
        tcp_end = min(last, arrivals[-1]) if arrivals else last
        tcp_gap = 1000 * traffic.longest_gap(arrivals, first, tcp_end) if tcp_end > first else 0
        place, move = stage["place"], stage["move"]
        good = check(stage["status"]["state"] in ("home", "registered"), f"{place}: the node is registered")
        if move == "hard":
            good &= check(to_node["gap_ms"] <= HARD_SILENCE_MS,
                          f"{place}: voice to the node is silent {to_node['gap_ms']} ms, at most {HARD_SILENCE_MS}")
            good &= check(from_node["gap_ms"] <= HARD_SILENCE_MS,
                          f"{place}: voice from the node is silent {from_node['gap_ms']} ms, at most {HARD_SILENCE_MS}")
        else:
            good &= check(to_node["lost"] == 0, f"{place}: {to_node['lost']} packets to the node are lost")
            good &= check(from_node["lost"] == 0, f"{place}: {from_node['lost']} packets from the node are lost")
        mark = paint("32", "✓") if good else paint("31", "✗")
        print(f"{first - begin:6.1f} s {mark} {place:12}  {'–' if move == 'start' else move:5}  {how(stage['status']):40}  "
              f"{to_node['gap_ms']:6.0f} ms {to_node['lost']:5}  {from_node['gap_ms']:6.0f} ms {from_node['lost']:5}  "
              f"{tcp_gap:6.0f} ms")

    total_to = traffic.stretch(correspondent["sent"], node["received"], begin, end)
    total_from = traffic.stretch(node["sent"], correspondent["received"], begin, end)
    moves = [" "] * (int((end - begin) / STRIP_SECONDS) + 1)
    for stage in stages:
        moves[int((stage["began"] - begin) / STRIP_SECONDS)] = "|"
    packets = STRIP_SECONDS / traffic.VOICE_INTERVAL
    download = fetched["bytes"] / max(1.0, arrivals[-1] - arrivals[0]) * STRIP_SECONDS if arrivals else 1
    print()
    print("  moves            " + "".join(moves))
    print("  voice to node    " + strip([(at, 1) for _, _, at in node["received"]], begin, end, packets))
    print("  voice from node  " + strip([(at, 1) for _, _, at in correspondent["received"]], begin, end, packets))
    print("  download         " + strip(fetched["arrivals"], begin, end, download))
    print(f"                   one character is {STRIP_SECONDS:g} s; its height is how much arrived")
    print()
    whole = (fetched["done"] and served["done"] and fetched["bytes"] == served["bytes"]
             and fetched["sha256"] == served["sha256"])
    check(whole, f"the download is whole ({fetched['bytes']} of {served['bytes']} bytes)")
    check(fetched["bytes"] >= arguments.least_bytes, f"at least {arguments.least_bytes} bytes are downloaded")
    check(bool(arrivals) and arrivals[-1] >= stages[-1]["began"], "the download went on through all stages")
    print(f"  voice: {total_to['sent']} packets to the node, {total_to['lost']} lost; "
          f"{total_from['sent']} from it, {total_from['lost']} lost")
    print(f"  download: {fetched['bytes'] / 1e6:.0f} MB in one TCP connection, "
          + ("whole (SHA-256 equal)" if whole else paint("31", "NOT WHOLE")))
    print()
    for sentence in broken:
        print(paint("31", "  broken: ") + sentence)
    print(paint("32;1", "  every check held") if not broken else paint("31;1", f"  {len(broken)} checks are broken"))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

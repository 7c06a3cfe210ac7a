#!/usr/bin/env python3
"""Reads what gcovr found (its JSON), for scripts/cover: the table of rooms with their bars, or what never ran."""
import json
import os
import re
import sys

USAGE = """usage: scripts/cover.py bars COVERAGE.json          prints the rooms, exits 1 when a bar is missed
       scripts/cover.py missing COVERAGE.json ROOM  prints the lines with a branch that never ran"""

# Room: the least share of lines, of branches, in percent.
BARS = {
    "libmip/wire": (0, 100), "libmip/auth": (0, 100),
    "ha/core": (95, 90), "fa/core": (95, 90), "mn/core": (95, 90),
    "libmip/sys": (80, 0),
}


# The branches of uthash's macros, up to 64 in a line, are not this project's.
MACROS = re.compile(r"\b(HASH|DL)_[A-Z0-9_]+ ?\(")


# What no input can reach is marked in the source, in a comment above the statement: "Unreachable branch: why", and
# "Unreachable: why" where the statement itself never runs.
UNREACHABLE_BRANCH = re.compile(r"/\* Unreachable branch: \w")
UNREACHABLE_LINE = re.compile(r"/\* Unreachable: \w")


def marked(pattern, text, number):
    """Whether the comment stands in the line above this one, or as its own end."""
    return any(pattern.search(text[place]) for place in (number - 2, number - 1) if place >= 0)


def lines_of(entry, text):
    """The lines that count."""
    return [line for line in entry["lines"]
            if not line.get("gcovr/noncode") and not marked(UNREACHABLE_LINE, text, line["line_number"])]


def branches_of(line, text):
    if MACROS.search(text[line["line_number"] - 1]) or marked(UNREACHABLE_BRANCH, text, line["line_number"]):
        return []
    return line["branches"]


def text_of(entry):
    with open(entry["file"], encoding="utf-8") as source:
        return source.read().splitlines()


def tally(files):
    rooms = {}
    for entry in files:
        room = rooms.setdefault(os.path.dirname(entry["file"]), [0, 0, 0, 0])
        text = text_of(entry)
        for line in lines_of(entry, text):
            room[0] += line["count"] > 0
            room[1] += 1
            room[2] += sum(branch["count"] > 0 for branch in branches_of(line, text))
            room[3] += len(branches_of(line, text))
    return rooms


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


def judge(files):
    rooms = tally(files)
    missed = [room for room in BARS if room not in rooms]
    print(f"{'room':16} {'lines':>8} {'bar':>5} {'branches':>9} {'bar':>5}")
    for room, (lines, of_lines, branches, of_branches) in sorted(rooms.items()):
        least = BARS.get(room, (0, 0))
        found = share(lines, of_lines), share(branches, of_branches)
        low = any(value < bar for value, bar in zip(found, least))
        # Rounded down: 99.99 is not 100.
        print(f"{room:16} {int(found[0] * 10) / 10:8.1f} {least[0] or '':>5} {int(found[1] * 10) / 10:9.1f} {least[1] or '':>5}"
              f"  {'below the bar' if low else ''}".rstrip())
        if low:
            missed.append(room)
    for room in missed:
        if room not in rooms:
            print(f"{room}: nothing of it was built")
    return 1 if missed else 0


def name_missing(files, room):
    for entry in sorted(files, key=lambda one: one["file"]):
        if os.path.dirname(entry["file"]) != room:
            continue
        text = text_of(entry)
        for line in lines_of(entry, text):
            never = sum(branch["count"] == 0 for branch in branches_of(line, text))
            if never or line["count"] == 0:
                what = "line" if line["count"] == 0 else f"{never} of {len(line['branches'])}"
                number = line["line_number"]
                print(f"{entry['file']}:{number}: [{what}] {text[number - 1].strip()}")
    return 0


def main(arguments):
    if arguments[:1] == ["-h"]:
        print(USAGE)
        return 0
    if len(arguments) < 2:
        print(USAGE, file=sys.stderr)
        return 2
    with open(arguments[1], encoding="utf-8") as source:
        files = json.load(source)["files"]
    if arguments[0] == "bars" and len(arguments) == 2:
        return judge(files)
    if arguments[0] == "missing" and len(arguments) == 3:
        return name_missing(files, arguments[2])
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

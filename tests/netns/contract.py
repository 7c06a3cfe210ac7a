#!/usr/bin/env python3
"""What mipctl -j must look like: each key of the contract's table, with its type, null where unknown, never left out.

  contract.py WHAT      reads the answer from standard input; says what is wrong with it, and exits 1
"""
import json
import re
import sys

ADDRESS = r"\d+\.\d+\.\d+\.\d+"


def text(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def number(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def boolean(value):
    return isinstance(value, bool)


def maybe(check):
    return lambda value: value is None or check(value)


def addresses(value):
    return isinstance(value, list) and all(text(ADDRESS)(element) for element in value)


ENCAPSULATION = text("ipip|gre|minimal|udp")
BINDING = {
    "home_address": text(ADDRESS), "care_of_address": text(ADDRESS), "nai": maybe(text(".+")), "lifetime": number,
    "remaining": maybe(number), "encapsulation": ENCAPSULATION, "reverse_tunnel": boolean, "source": text(ADDRESS + r":\d+"),
    "packets_to": number, "bytes_to": number, "packets_from": number, "bytes_from": number,
}
VISITOR = {
    "home_address": maybe(text(ADDRESS)), "home_agent": text(ADDRESS), "interface": text(".+"),
    "link_address": text("[0-9a-f]{2}(:[0-9a-f]{2}){5}"), "lifetime": maybe(number), "remaining": maybe(number), "pending": boolean,
}
AGENT = {
    "address": text(ADDRESS), "interface": text(".+"), "care_of_addresses": addresses, "flags": text("R?B?H?F?M?G?T?U?"),
    "home": boolean, "sequence": number, "age": number, "lifetime": number, "registration_lifetime": number,
}
DAEMON = {"version": text(r"\d+\.\d+\.\d+.*"), "uptime": number, "data_plane": text("kernel|bpf|user"), "data_plane_reason": text(".+")}
NODE = {
    **DAEMON, "state": text("searching|home|registering|registered|unreachable"), "home_address": maybe(text(ADDRESS)),
    "home_agent": maybe(text(ADDRESS)), "care_of_address": maybe(text(ADDRESS)), "mode": maybe(text("foreign-agent|co-located")),
    "interface": maybe(text(".+")), "agent": maybe(text(ADDRESS)), "lifetime": maybe(number), "remaining": maybe(number),
    "encapsulation": maybe(ENCAPSULATION), "last_code": maybe(number),
}
SHAPES = {
    "bindings": {"bindings": [BINDING]}, "visitors": {"visitors": [VISITOR]}, "agents": {"agents": [AGENT]},
    "ha-status": {**DAEMON, "bindings": number, "pending": number}, "fa-status": {**DAEMON, "visitors": number, "pending": number},
    "mn-status": NODE,
}


def compare(value, shape, name):
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return [f"{name} is no list with something in it: {value!r}"]
        return [wrong for element in value for wrong in compare(element, shape[0], name)]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{name} is no object: {value!r}"]
        missing = [f"{name} lacks {key}" for key in shape if key not in value]
        return missing + [wrong for key in shape if key in value for wrong in compare(value[key], shape[key], key)]
    return [] if shape(value) else [f"{name} is {value!r}"]


def counters(document):
    wrong = [f"{name} is {value!r}" for name, value in document.items() if not number(value)]
    return wrong + [f"there is no {name}" for name in ("reply_131", "drop_malformed") if name not in document]


def events(lines):
    wrong = [] if lines else ["no events"]
    for line in lines:
        event = json.loads(line)
        if not isinstance(event.get("time"), (int, float)) or not isinstance(event.get("event"), str):
            wrong.append(line)
    return wrong


def metrics(lines):
    """OpenMetrics text: families announced once, their samples after them, nothing twice, # EOF at the end."""
    wrong, family, families, samples = [], None, set(), set()
    if not lines or lines[-1] != "# EOF":
        wrong.append("it does not end with # EOF")
    for line in lines[:-1]:
        announced = re.fullmatch(r"# (TYPE|HELP|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        sample = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (-?[0-9.]+)", line)
        if announced:
            if announced[1] == "TYPE":
                family = announced[2]
                if family in families:
                    wrong.append(f"twice: {line}")
                families.add(family)
            elif announced[2] != family:
                wrong.append(f"out of place: {line}")
        elif not sample or family is None or sample[1] not in (family, family + "_total"):
            wrong.append(line)
        elif (sample[1], sample[2]) in samples:
            wrong.append(f"twice: {line}")
        else:
            samples.add((sample[1], sample[2]))
    return wrong


def main():
    what, given = sys.argv[1], sys.stdin.read()
    if what == "events":
        wrong = events(given.splitlines())
    elif what == "metrics":
        wrong = metrics(given.splitlines())
    elif what == "counters":
        wrong = counters(json.loads(given))
    else:
        wrong = compare(json.loads(given), SHAPES[what], what)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

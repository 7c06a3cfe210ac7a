"""What the data planes must show, and whether they do: the bars of doc/benchmarks.md.

A result is a file of tests/bench/plane. The first one is of a real machine; the bars of the plane `kernel` are
for the guest, so for whichever has that plane, the last one first.
"""
TCP = {"tcp-1": "TCP, one stream", "tcp-4": "TCP, four streams", "tcp-1-cut": "TCP, one stream, 1500-byte packets",
       "tcp-4-cut": "TCP, four streams, 1500-byte packets"}
PACKETS = {"packets": "64-byte packets", "packets-spread": "64-byte packets to random nodes"}
CASES = {**TCP, **PACKETS, "latency": "round trip, median", "latency-99": "round trip, 99th percentile",
         "cpu-1": "processor time a gigabyte, one stream", "cpu-4": "processor time a gigabyte, four streams",
         "cpu-1-cut": "processor time a gigabyte, 1500-byte packets",
         "cpu-4-cut": "processor time a gigabyte, four streams, 1500-byte packets"}
MILLION = 1_000_000
FEW = 100_000               # of which the guest has room and time; a million take ten times as long
SAME = 0.02                 # what two measurements of the same may differ by


class Bar:
    """What is asked for, what was measured (a text), and whether it holds (None: not measured)."""

    def __init__(self, asked, measured):
        self.asked = asked
        self.text = ", ".join(f"{name} {value:.2f}" for name, value, _ in measured) or "not measured"
        self.holds = all(good for _, _, good in measured) if measured else None


def ratios(result, plane, case, bindings=1, kind="ratio"):
    """By encapsulation."""
    return {row["encapsulation"]: row[kind] for row in result["rows"]
            if (row["plane"], row["case"], row["bindings"]) == (plane, case, bindings) and kind in row}


def at_least(result, plane, case, bar, encapsulation=None, kind="ratio"):
    chosen = {name: ratio for name, ratio in ratios(result, plane, case, kind=kind).items()
              if encapsulation in (None, name)}
    named = f" {encapsulation}" if encapsulation else ""
    sized = " with the tunnel's segment size" if kind == "same_size" else ""
    return Bar(f"{plane}{named}: {CASES[case]} at least {bar:.2f} of plain forwarding{sized}",
               [(name, ratio, ratio >= bar) for name, ratio in chosen.items()])


def same_with_a_million(result, case):
    few = ratios(result, "bpf", "packets" if case == "packets-spread" else case)
    many = ratios(result, "bpf", case, MILLION)
    return Bar(f"bpf: {CASES[case]} with 1,000,000 bindings within 10 % of one",
               [(name, many[name] / few[name], many[name] / few[name] >= 0.9) for name in many if name in few])


def ahead(result, plane, other, case, slack=0.0):
    mine, theirs = ratios(result, plane, case), ratios(result, other, case)
    pairs = [(name, ratio / theirs.get(name, next(iter(theirs.values())))) for name, ratio in mine.items()
             if name in theirs or other == "vxlan"] if theirs else []
    words = "not behind" if slack else "ahead of"
    return Bar(f"{plane}: {CASES[case]} {words} {'an `ip link` of type ipip or gre' if slack else 'VXLAN'} (as its multiple)",
               [(name, value, value >= 1 - slack) for name, value in pairs])


def install(result, plane, what, asked, bar, least=MILLION):
    """Of fewer bindings (`least`), as many times that as it takes to a million: the text says of how many."""
    rows = [row for row in result["installs"] if row["plane"] == plane and row["bindings"] >= least]
    most = max((row["bindings"] for row in rows), default=MILLION)
    measured = [(row["encapsulation"] + (f" (from {most:,})" if most < MILLION else ""), what(row) * MILLION / most)
                for row in rows if row["bindings"] == most]
    return Bar(f"{plane}: 1,000,000 bindings {asked}", [(name, value, value <= bar) for name, value in measured])


def bars(results):
    first = results[0]
    guest = next((result for result in reversed(results) if ratios(result, "kernel", "tcp-1")), results[-1])
    installed = next((result for result in reversed(results) if any(row["plane"] == "kernel"
                      and row["bindings"] >= FEW for row in result["installs"])), guest)
    return [
        *(at_least(first, "bpf", case, 0.95, kind=kind) for case in TCP for kind in ("ratio", "same_size")),
        at_least(first, "bpf", "packets", 0.85),
        *(same_with_a_million(first, case) for case in ("tcp-1", "tcp-1-cut", "packets", "packets-spread")),
        *(ahead(first, "bpf", "vxlan", case) for case in (*TCP, "packets")),
        install(first, "bpf", lambda row: row["seconds"], "installed in under 5 s (the plane's own part)", 5),
        install(first, "bpf", lambda row: max(row["kernel_bytes"], row["map_bytes"]),
                "with at most 200 octets of kernel memory each", 200),
        at_least(guest, "kernel", "tcp-1", 0.9),
        *(ahead(guest, "kernel", "by-hand", case, SAME) for case in ("tcp-1", "tcp-1-cut", "packets")),
        install(installed, "kernel", lambda row: row["seconds"] + row["route_seconds"],
                "installed in under 15 s, with their routes", 15, FEW),
        at_least(first, "user", "tcp-1", 0.45, "udp"),
        at_least(first, "user", "tcp-1", 0.2, "ipip"),
    ]

"""What is measured on a path (path.py). A case is a function of a path and seconds; it gives values by their names."""
import json
import os

from path import HOME

TICKS = os.sysconf("SC_CLK_TCK")
BUSY = (0, 1, 2, 5, 6)      # of /proc/stat: user, nice, system, irq, softirq; not idle, iowait, steal
ROUND_TRIPS, ROUND_TRIPS_A_SECOND = 100, 400      # at least; in a longer measurement
FLOOD = 0.1                 # seconds at least


def busy_seconds():
    """Processor time that the whole machine has spent."""
    with open("/proc/stat") as file:
        values = file.readline().split()[1:]
    return sum(int(values[i]) for i in BUSY) / TICKS


def stream(path, seconds, streams):
    """TCP from the correspondent to the first node: Gbit/s received, and processor seconds for each gigabyte.

    iperf3 knows whole seconds only: for a fraction of one it sends that fraction of a gigabyte."""
    before = busy_seconds()
    length = ["-t", str(int(seconds))] if seconds >= 1 else ["-n", str(int(seconds * 1e9))]
    command = ["iperf3", "-c", HOME, *length, "-P", str(streams), "-J", "--connect-timeout", "3000"]
    answer = json.loads(path.on("cn", *command))
    spent = busy_seconds() - before
    if "error" in answer:
        raise RuntimeError(f"iperf3: {answer['error']}")
    received = answer["end"]["sum_received"]
    if not received["bytes"]:
        raise RuntimeError("iperf3: nothing was received")
    return received["bits_per_second"] / 1e9, spent / (received["bytes"] / 1e9)


def tcp(streams, offload):
    name = f"tcp-{streams}" + ("" if offload else "-cut")

    def measure(path, seconds):
        path.offload(offload)
        rate, cost = stream(path, seconds, streams)
        return {name: rate, "cpu" + name[3:]: cost}
    return measure


def packets(name, spread):
    def measure(path, seconds):
        before = path.arrived()
        path.flood.ask(f"{max(FLOOD, seconds / 2)} {path.bindings if spread else 1}")
        answer = path.flood.hear().split()
        if len(answer) != 2:
            raise RuntimeError("flood ended")
        arrived = path.arrived() - before
        if arrived <= 0:
            raise RuntimeError("no packet of the flood arrived")
        return {name: arrived / float(answer[1]) / 1e6}
    return measure


def latency(path, seconds):
    count = max(ROUND_TRIPS, int(seconds * ROUND_TRIPS_A_SECOND))
    median, high, lost = path.on("cn", f"{path.programs}/ping", HOME, str(count)).split()
    if int(lost):
        raise RuntimeError(f"{lost} of {count} pings were not answered")
    return {"latency": float(median), "latency-99": float(high)}


CASES = {
    "tcp-1": tcp(1, True),
    "tcp-4": tcp(4, True),
    "tcp-1-cut": tcp(1, False),
    "tcp-4-cut": tcp(4, False),
    "packets": packets("packets", False),
    "packets-spread": packets("packets-spread", True),
    "latency": latency,
}

UNITS = {"tcp": "Gbit/s", "packets": "M packets/s", "latency": "µs", "cpu": "s/GB"}


def unit(case):
    return UNITS[case.split("-")[0]]

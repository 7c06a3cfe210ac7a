"""The path that is measured, once for each way of carrying packets over it.

    correspondent ────── home agent ────── router ────── foreign agent ────── node
      10.5.0.2     10.5.0.1   10.9.1.1  .254   .254  10.9.2.2   10.2.0.1    10.2.0.50
                        │                              10.128.0.0/16          10.16.0.0/12
                      flood                           care-of addresses      home addresses

Five namespaces joined by veth; each link is named after the namespace at its other end. `flood` is where small
packets come in (flood.c). The node has all home addresses, the foreign agent all care-of addresses.

A path stands from its making to its close(), beside those of the other ways, and costs nothing while it waits.
"""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess

SPACES = ("cn", "ha", "rt", "fa", "mn")
HOME = "10.16.0.0"          # the first home address
HOMES = "10.16.0.0/12"
CORRESPONDENT = "10.5.0.2"
DISCARD = 9                 # UDP
SO_MEMINFO, SK_MEMINFO_DROPS, SK_MEMINFO_VALUES = 55, 8, 9
PATIENCE = 60               # seconds that any command may take
CLONE_NEWNET = 0x40000000
LINK_MTU = 1500
TUNNEL_MTU = LINK_MTU - 32   # as the daemons have it, whatever the encapsulation
libc = ctypes.CDLL(None, use_errno=True)

LINKS = (("cn", "10.5.0.2/24", "ha", "10.5.0.1/24"), ("ha", "10.9.1.1/24", "rt", "10.9.1.254/24"),
         ("rt", "10.9.2.254/24", "fa", "10.9.2.2/24"), ("fa", "10.2.0.1/24", "mn", "10.2.0.50/24"))

ROUTES = {
    "cn": ["route add default via 10.5.0.1"],
    "ha": ["route add default via 10.9.1.254"],
    "rt": [f"route add {HOMES} via 10.9.2.2", "route add 10.128.0.0/16 via 10.9.2.2",
           "route add 10.5.0.0/16 via 10.9.1.1"],
    "fa": ["route add default via 10.9.2.254", f"route add {HOMES} via 10.2.0.50",
           "route add local 10.128.0.0/16 dev lo"],
    "mn": [f"route add local {HOMES} dev lo", f"route add default via 10.2.0.1 src {HOME}"],
}


class Refused(Exception):
    """This way cannot be had here; the reason is its text."""


def said(command, text=""):
    """What a command writes. Its complaint is an exception's text."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"{' '.join(command)}: no end after {PATIENCE} s") from late
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


@contextlib.contextmanager
def within(name):
    """This process, and what it starts and opens, is in the network namespace meanwhile."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
        yield
    finally:
        libc.setns(before, CLONE_NEWNET)
        os.close(before)
        os.close(there)


class Talker:
    """A program that answers lines with lines."""

    def __init__(self, name, command):
        with within(name):
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self):
        return self.process.stdout.readline().strip()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self):
        # What it leaves in the kernel goes with its namespace.
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def fields(file, unit):
    """Lines such as "Slab:  1234 kB" as numbers of octets."""
    with open(file) as lines:
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        return {name: int(rest.split()[0]) * unit for name, rest in pairs if rest.split()[:1] and rest.split()[0].isdigit()}


def memory(process):
    """Octets: of the kernel's own that it cannot give back, of the process, and of the process's BPF maps. The first
    is the whole machine's, so its growth says something only for many bindings."""
    kernel = fields("/proc/meminfo", 1024)
    maps = {}
    for descriptor in os.listdir(f"/proc/{process}/fdinfo"):
        with contextlib.suppress(FileNotFoundError):
            values = fields(f"/proc/{process}/fdinfo/{descriptor}", 1)
            if "map_id" in values:
                maps[values["map_id"]] = values["memlock"]
    return {"kernel": kernel["SUnreclaim"] + kernel["VmallocUsed"] + kernel.get("Percpu", 0),
            "maps": sum(maps.values()), "resident": fields(f"/proc/{process}/status", 1024)["VmRSS"]}


class Path:
    """The five namespaces, with plain forwarding. Others build on it: tunnel() says what they add."""
    plane, encapsulation = "plain", "none"
    cases = ("tcp", "packets", "latency")      # the kinds that are measured
    number = 0

    def __init__(self, bindings, programs):
        Path.number += 1
        self.prefix = f"mipplane{os.getpid()}-{Path.number}-"
        self.bindings, self.programs = bindings, programs
        self.talkers, self.server, self.offloaded = [], None, True
        self.reason, self.install = "", None
        try:
            self.make()
            self.tunnel()
            self.flood = self.talk("ha", "flood", "flood", CORRESPONDENT, HOME)
            if self.flood.hear() != "ready":
                raise RuntimeError("flood did not start")
            self.serve()
        except BaseException:
            self.close()
            raise

    def name(self, space):
        return self.prefix + space

    def ip(self, space, *lines):
        said(["ip", "-n", self.name(space), "-batch", "-"], "\n".join(lines) + "\n")

    def on(self, space, *command):
        with within(self.name(space)):
            return said(list(command))

    def talk(self, space, program, *arguments):
        self.talkers.append(Talker(self.name(space), [f"{self.programs}/{program}", *arguments]))
        return self.talkers[-1]

    def make(self):
        for space in SPACES:
            said(["ip", "netns", "add", self.name(space)])
            with within(self.name(space)):
                for setting, value in (("ip_forward", 1), ("conf/all/rp_filter", 0), ("conf/default/rp_filter", 0)):
                    with open(f"/proc/sys/net/ipv4/{setting}", "w") as file:
                        file.write(str(value))
            self.ip(space, "link set lo up")
        for left, left_address, right, right_address in LINKS:
            self.ip(left, f"link add {right} type veth peer name {left} netns {self.name(right)}",
                    f"address add {left_address} dev {right}", f"link set {right} up")
            self.ip(right, f"address add {right_address} dev {left}", f"link set {left} up")
        for space, lines in ROUTES.items():
            self.ip(space, *lines)
        with within(self.name("mn")):
            # It is never read: a full buffer drops, and counts, at the least cost.
            self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            self.sink.bind(("", DISCARD))

    def tunnel(self):
        pass

    def serve(self):
        """Starts the node's iperf3 server, anew if there was one."""
        if self.server:
            self.server.close()
            self.talkers.remove(self.server)
        self.server = None
        server = Talker(self.name("mn"), ["iperf3", "-s", "--forceflush"])
        self.talkers.append(server)
        for line in iter(server.hear, None):
            if "listening" in line:
                break
            if server.process.poll() is not None:
                raise RuntimeError("iperf3 -s did not start")
        self.server = server

    def arrived(self):
        """Packets that have come to the node's sink."""
        memory = self.sink.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * SK_MEMINFO_VALUES)
        return int.from_bytes(memory[4 * SK_MEMINFO_DROPS:], "little")

    def offload(self, wanted):
        """Segmentation offload at the two ends: packets of up to 64 KB on the links, or of up to 1500 octets."""
        if wanted != self.offloaded:
            state = "on" if wanted else "off"
            for space, link in (("cn", "ha"), ("mn", "fa")):
                self.on(space, "ethtool", "-K", link, "tso", state, "gso", state)
        self.offloaded = wanted

    def close(self):
        for talker in self.talkers:
            talker.close()
        if hasattr(self, "sink"):
            self.sink.close()
        for space in SPACES:
            if os.path.exists(f"/run/netns/{self.name(space)}"):
                said(["ip", "netns", "delete", self.name(space)])


class Sized(Path):
    """Plain forwarding for ends that know the path's MTU to be what a tunnel leaves of it, so that TCP's segments have the
    size that they have with that tunnel: the rates of TCP depend on it by themselves (how its copies are aligned)."""
    cases = ("tcp",)

    def __init__(self, encapsulation, bindings, programs):
        self.encapsulation = encapsulation
        super().__init__(bindings, programs)

    def tunnel(self):
        for space in ("cn", "mn"):
            line = next(line for line in ROUTES[space] if "default" in line)
            self.ip(space, f"{line.replace('add', 'change', 1)} mtu {TUNNEL_MTU}")


class Vxlan(Path):
    """The kernel's VXLAN between the agents, with one covering route: the best case for it."""
    plane, encapsulation = "vxlan", "vxlan"
    make_device = "type vxlan id 7 dstport 4789 nolearning"
    ends = (("ha", "10.9.1.1", "10.9.2.2", "rt", 1, HOMES, "main"),
            ("fa", "10.9.2.2", "10.9.1.1", "rt", 2, "default", "434"))

    def tunnel(self):
        try:
            for space, local, remote, link, host, destination, table in self.ends:
                self.ip(space, f"link add tun {self.make_device} local {local} remote {remote} dev {link}",
                        f"address add 10.99.0.{host}/24 dev tun", "link set tun up",
                        f"route add {destination} {self.next_hop(3 - host)} dev tun table {table}")
        except RuntimeError as error:
            reason = str(error).splitlines()
            raise Refused(next((line for line in reason if "Error" in line), reason[-1])) from error
        self.ip("fa", f"rule add from {HOMES} iif mn lookup 434 priority 434")

    def next_hop(self, host):
        return f"via 10.99.0.{host}"


class ByHand(Vxlan):
    """`ip link add type ipip` and `gre`, as an administrator would: for comparison with the plane `kernel`."""
    plane = "by-hand"

    def __init__(self, encapsulation, bindings, programs):
        self.encapsulation, self.make_device = encapsulation, f"type {encapsulation}"
        super().__init__(bindings, programs)

    def next_hop(self, host):
        return ""


class Plane(Path):
    """One of the suite's planes at both agents, by plane_driver.c."""

    def __init__(self, plane, encapsulation, bindings, programs, both_ends=True):
        self.plane, self.encapsulation, self.both_ends = plane, encapsulation, both_ends
        super().__init__(bindings, programs)

    def tunnel(self):
        if self.both_ends:
            self.start("fa", "-i", "mn", "visited")
        self.reason, self.install = self.start("ha", "home")

    def start(self, space, *end):
        """Runs an end's driver. The plane's reason, and what its bindings took in time and memory."""
        driver = self.talk(space, "plane_driver", "-d", self.plane, "-e", self.encapsulation,
                           "-n", str(self.bindings), *end)
        answers, memories = [], []
        for step in ("made", "installed", "routed"):
            word, _, rest = driver.hear().partition(" ")
            if word != step:
                raise Refused(rest or f"plane_driver ended before it had {step}")
            answers.append(rest)
            memories.append(memory(driver.process.pid))
            driver.ask("")
        before, installed, routed = memories
        return answers[0], {
            "plane": self.plane, "encapsulation": self.encapsulation, "bindings": self.bindings,
            "seconds": float(answers[1]), "route_seconds": float(answers[2]),
            "kernel_bytes": (installed["kernel"] - before["kernel"]) / self.bindings,
            "map_bytes": (installed["maps"] - before["maps"]) / self.bindings,
            "route_kernel_bytes": (routed["kernel"] - installed["kernel"]) / self.bindings,
            "daemon_bytes": (routed["resident"] - before["resident"]) / self.bindings,
        }

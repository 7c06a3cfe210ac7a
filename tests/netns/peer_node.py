"""What both scenarios around mip-mn share: the wire to its only link, its requests, and what it says of itself."""
from peer import REQUEST
from peer_link import Wire, ask_daemon, until

NODE, HOME_AGENT, CORRESPONDENT = "10.1.0.50", "10.1.0.1", "198.51.100.10"

wire = Wire()
net = wire.link("net")


def requests(mark):
    return wire.since(mark, lambda frame: frame.registration and frame.registration.kind == REQUEST)


def next_request(mark, seconds=2.0, count=1):
    """The count-th request after the mark."""
    until(wire, seconds, lambda: len(requests(mark)) >= count)
    got = requests(mark)
    assert len(got) >= count, "no request came"
    return got[count - 1]


def status(*names):
    says = ask_daemon("mn", "status")
    return tuple(says[name] for name in names)


def reaches(seconds, wanted, *names):
    return until(wire, seconds, lambda: status(*names) == wanted) or status(*names)

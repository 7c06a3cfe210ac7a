"""The router and the home agent around a co-located mip-mn; see peer-mobile-node-co-located."""
import time

import peer
from peer import ICMP, IPIP, MOBILE_HOME, REQUEST, Security, UDP_TUNNEL_REQUEST, ip_packet
from peer_link import found, play, run, same
from peer_node import CORRESPONDENT, HOME_AGENT, NODE, net, next_request, reaches, status, wire

SECURITY = Security(1000, "hmac-sha256", bytes.fromhex("00112233445566778899aabbccddeeff"))
CARE_OF, ROUTER = "10.4.0.20", "10.4.0.1"

net.owns = lambda address: address == ROUTER
kept = {"nonce": 0x5A5A0000}


def answer(request, code=0, before=b"", nonce=None, source=HOME_AGENT, agent=None, **fields):
    """The home agent's reply, with a new nonce in the identification's high half (RFC 5944 5.7.2)."""
    sent = request.registration
    fields.setdefault("lifetime", sent.lifetime)
    if nonce is None:
        kept["nonce"] += 1
        nonce = kept["nonce"]
    octets = peer.reply(code, home=NODE, agent=agent or HOME_AGENT, identification=nonce << 32 | sent.identification & 0xFFFFFFFF,
                        **fields) + before
    net.send_udp(request.source_link, source, request.ip.source, (434, request.udp[0]),
                 peer.authenticated(octets, MOBILE_HOME, SECURITY))


# --- registering with one's own address ------------------------------------------------------------------------------


def a_request():
    run(wire, "run_daemon")
    wire.pump(0.3)
    mark = wire.mark()
    run(wire, "lease")
    begin = time.time()
    frame = next_request(mark)
    found("when an address and a default route appear, the node registers at once", frame.time - begin < 0.3, frame.time - begin)
    same("from its care-of address to the home agent's, by way of the router",
         (frame.ip.source, frame.ip.destination, frame.udp[1], frame.destination_link), (CARE_OF, HOME_AGENT, 434, net.address))
    found("with right checksums", frame.ip.checksum_right and frame.udp_sound())
    sent = frame.registration
    same("D and T are set, its own address is the care-of address", (sent.flags, sent.lifetime, sent.home, sent.agent, sent.care_of),
         ("DT", 600, NODE, HOME_AGENT, CARE_OF))
    one = sent.find(UDP_TUNNEL_REQUEST)
    same("it can tunnel in UDP, and does not force it", one and (one.data[0], one.data[2] & 0xC0, one.data[4:]), (0, 0, b"\0\0"))
    found("its authenticator is right, and last", sent.holds(MOBILE_HOME, SECURITY) and sent.kinds()[-1] == MOBILE_HOME, sent)
    kept["request"] = frame
    kept["mark"] = mark


def nonces():
    first, mark = kept["request"], kept["mark"]
    again = next_request(mark, 3, 2)
    same("with nonces an unanswered request is repeated unchanged", again.udp[2].hex(), first.udp[2].hex())
    answer(again, code=133, lifetime=0, nonce=0x77777777)
    third = next_request(mark, 4, 3)
    same("133 brings a nonce, and the node uses it", third.registration.identification >> 32, 0x77777777)
    found("with a new half of its own", third.registration.identification & 0xFFFFFFFF != first.registration.identification & 0xFFFFFFFF)
    answer(third, before=peer.udp_tunnel_reply(64))
    same("the reply declines the tunnel in UDP: registered, IP in IP",
         reaches(1, ("registered", "co-located", CARE_OF, "wlan0", 600, "ipip"), "state", "mode", "care_of_address", "interface",
                 "lifetime", "encapsulation"), True)
    kept["request"] = third


def echo_through(packet_sender, link):
    mark = wire.mark()
    packet_sender(ip_packet(CORRESPONDENT, NODE, ICMP, peer.echo(identifier=3), tos=0x08))
    return wire.wait(lambda frame: frame.ip and frame.source_link == link and
                     (frame.inner or (frame.udp and frame.udp[2][:1] == b"\x04") or frame.ip.protocol == ICMP), 0.6, mark)


def tunnel_in_ip():
    link = kept["request"].source_link
    frame = echo_through(lambda inner: net.send_ip(link, ip_packet(HOME_AGENT, CARE_OF, IPIP, inner)), link)
    same("what comes by the tunnel is answered by the tunnel",
         frame and frame.inner and (frame.ip.source, frame.ip.destination, frame.inner.source, frame.inner.destination, frame.inner.payload[0]),
         (CARE_OF, HOME_AGENT, NODE, CORRESPONDENT, 0))
    frame = echo_through(lambda inner: net.send_ip(link, ip_packet("203.0.113.9", CARE_OF, IPIP, inner)), link)
    found("a tunnel from elsewhere is not taken", not frame, frame)


def through_a_nat():
    mark = wire.mark()
    run(wire, "renew")
    frame = next_request(mark)
    same("a renewal comes from the same port, with the nonce of the last reply",
         (frame.udp[0], frame.registration.identification >> 32), (kept["request"].udp[0], kept["nonce"]))
    answer(frame, before=peer.udp_tunnel_reply(0, keepalive=10))
    kept["accepted"] = time.time()
    same("the reply grants the tunnel in UDP", reaches(1, ("registered", "udp"), "state", "encapsulation"), True)
    link, port = frame.source_link, frame.udp[0]

    def in_udp(inner, source=HOME_AGENT, ports=(434, port), **more):
        net.send_udp(link, source, CARE_OF, ports, peer.tunnel_data(inner, **more))

    got = echo_through(in_udp, link)
    found("what comes in UDP is answered in UDP", got and got.udp, got)
    inner = peer.Packet(got.udp[2][4:])
    same("from the port of the request to port 434, IP in UDP", (got.ip.source, got.ip.destination, got.udp[:2], got.udp[2][:4].hex(),
                                                                inner.source, inner.destination),
         (CARE_OF, HOME_AGENT, (port, 434), "04040000", NODE, CORRESPONDENT))
    found("its checksums are right", got.udp_sound() and inner.checksum_right)
    kept["last data"] = time.time()
    for sentence, sender in (("from another address", lambda inner: in_udp(inner, source="203.0.113.9")),
                             ("from another port", lambda inner: in_udp(inner, ports=(435, port))),
                             ("with another next header", lambda inner: in_udp(inner, next_header=47))):
        found("what comes %s is not taken" % sentence, not echo_through(sender, link))
    kept["port"], kept["link"] = port, link


def keepalives():
    mark = wire.mark()

    def is_keepalive(frame):
        if not (frame.udp and frame.udp[2][:2] == b"\x04\x04"):
            return False
        inner = peer.Packet(frame.udp[2][4:])
        return inner.protocol == ICMP and inner.payload[0] == 8 and inner.destination == HOME_AGENT

    frame = wire.wait(is_keepalive, 11.5, mark)
    found("after the interval that the home agent named, a keep-alive comes", frame and frame.time - kept["last data"] < 11,
          frame and frame.time - kept["last data"])
    found("… not sooner", frame.time - kept["last data"] > 9)
    inner = peer.Packet(frame.udp[2][4:])
    same("an echo request from the home address to the home agent, in the tunnel", (frame.udp[:2], inner.source, inner.destination),
         ((kept["port"], 434), NODE, HOME_AGENT))
    back = ip_packet(HOME_AGENT, NODE, ICMP, peer.echo(0, *[int.from_bytes(inner.payload[at:at + 2], "big") for at in (4, 6)],
                                                       inner.payload[8:]))
    net.send_udp(kept["link"], HOME_AGENT, CARE_OF, (434, kept["port"]), peer.tunnel_data(back))
    wire.pump(0.5)
    same("it is answered, and all is well", status("state"), ("registered",))
    found("by now plain IP-in-IP is not taken any more", not echo_through(
        lambda inner: net.send_ip(kept["link"], ip_packet(HOME_AGENT, CARE_OF, IPIP, inner)), kept["link"]))


def no_tunnel_extension():
    mark = wire.mark()
    run(wire, "renew")
    answer(next_request(mark))
    same("a reply that does not speak of UDP: no tunnel in UDP", reaches(1, ("registered", "ipip"), "state", "encapsulation"), True)
    mark = wire.mark()
    run(wire, "renew")
    answer(next_request(mark), before=peer.extension(99, b"?"), lifetime=100)
    wire.pump(0.3)
    same("a reply with an extension that must be understood, and is not, is not believed", status("lifetime"), (600,))


def home_agent_to_be_found():
    def confirm(frame):
        if frame.registration and frame.registration.kind == REQUEST and frame.registration.lifetime == 0:
            answer(frame)

    wire.reacts.append(confirm)
    mark = wire.mark()
    run(wire, "stop_daemon")
    sent = next_request(mark).registration
    same("a node that is stopped deregisters its care-of address, or all", (sent.lifetime, sent.care_of in (CARE_OF, NODE)), (0, True))
    run(wire, "configure_without_home_agent")
    mark = wire.mark()
    run(wire, "run_daemon")
    frame = next_request(mark)
    same("a node that does not know its home agent asks its home network", (frame.ip.destination, frame.registration.agent, frame.ip.source),
         ("10.1.0.255", "10.1.0.255", CARE_OF))
    answer(frame, code=136, lifetime=0, agent=HOME_AGENT)
    again = next_request(mark, 3, 2)
    same("136 tells it, and it registers there", (again.ip.destination, again.registration.agent), (HOME_AGENT, HOME_AGENT))
    answer(again)
    same("… with success", reaches(1, ("registered", HOME_AGENT), "state", "home_agent"), True)


play([a_request, nonces, tunnel_in_ip, through_a_nat, keepalives, no_tunnel_extension, home_agent_to_be_found])

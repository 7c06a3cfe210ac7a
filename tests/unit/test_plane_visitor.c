/*
 * Visitors with one home address on real packets (RFC 3024 A.2, A.3). The visited end's host is a foreign agent:
 *
 *   home agents 10.9.0.1, 10.9.0.3 on v0 ──── v1 10.9.0.2 [ plane ] visit0 192.0.2.1 ──── node0: two nodes at link addresses
 *                                                                                         of their own, both 10.10.1.2
 *
 * The nodes are frames that the test writes and reads.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "link_path.h"
#include "namespace.h"
#include "packet.h"
#include "plane_world.h"
#include "registration.h"

#define SHARED	      "10.10.1.2"
#define SECOND_AGENT  "10.9.0.3"
#define VISITED_AGENT "192.0.2.1"

enum {
	PACKET = 2000,
	LARGE = 70000,
	TTL = 40,
	TCP_HEADER = 20,
	IP_SOURCE_PLACE = 12,
};

/* What the test has beside the two hosts. */
static struct {
	int node;      /* hears and sends at node0 */
	int home;      /* hears what comes in to v0 */
	mip_link link; /* visit0 */
	uint8_t own[ETH_ALEN];
} lab;

static struct mip_address at(const char *text)
{
	return plane_address(text);
}

static struct mip_link_address link_address_of(unsigned number)
{
	return (struct mip_link_address){.length = ETH_ALEN, .octets = {2, 0, 0, 0, 0, (uint8_t)number}};
}

static const char *agent_of(unsigned number)
{
	return number == 1 ? AGENT : SECOND_AGENT;
}

/* --- the lab ---------------------------------------------------------------------------------- */

static int open_tap(const char *link)
{
	struct sockaddr_ll name = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(link)};
	int tap = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(tap >= 0);
	plane_set_option(tap, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	assert_int_equal(bind(tap, (struct sockaddr *)&name, sizeof(name)), 0);
	return tap;
}

static void read_own_address(void)
{
	struct sockaddr_ll name;
	socklen_t length = sizeof(name);
	int tap = open_tap("visit0");

	assert_int_equal(getsockname(tap, (struct sockaddr *)&name, &length), 0);
	memcpy(lab.own, name.sll_addr, ETH_ALEN);
	close(tap);
}

static void tell_own(struct world *world, const char *address, mip_link link)
{
	struct mip_input_address own = {
		.link = link, .address = at(address), .prefix_length = 24, .present = true};

	mip_plane_follow_address(world->hosts[AWAY].plane, &own);
}

static int setup(void **state)
{
	struct world *world;
	int probes[2];

	assert_int_equal(plane_setup(state), 0);
	world = *state;
	plane_enter(world, AT_HOME);
	namespace_must("ip address add " SECOND_AGENT "/24 dev v0");
	lab.home = open_tap("v0");
	plane_enter(world, AWAY);
	namespace_must("ip link add visit0 type veth peer name node0 && ip address add " VISITED_AGENT
		       "/24 dev visit0 && ip link set visit0 up && ip link set node0 up");
	probes[0] = link_probe("visit0");
	probes[1] = link_probe("node0");
	link_await_path(probes[0], probes[1]);
	link_await_path(probes[1], probes[0]);
	close(probes[0]);
	close(probes[1]);
	lab.node = open_tap("node0");
	lab.link = (int)if_nametoindex("visit0");
	read_own_address();
	tell_own(world, CARE_OF, (int)if_nametoindex("v1"));
	tell_own(world, VISITED_AGENT, lab.link);
	return 0;
}

static int teardown(void **state)
{
	close(lab.node);
	close(lab.home);
	return plane_teardown(state);
}

static struct mip_want visitor(unsigned number, enum mip_encapsulation encapsulation)
{
	return (struct mip_want){
		.kind = MIP_WANT_VISITOR,
		.visitor = {.tunnel = {.home_address = at(SHARED),
				    .end = MIP_TUNNEL_VISITED,
				    .local = at(CARE_OF),
				    .remote = at(agent_of(number)),
				    .encapsulation = encapsulation},
			.link = lab.link,
			.link_address = link_address_of(number),
			.delivery = encapsulation},
	};
}

static void want(struct world *world, const struct mip_want *item)
{
	plane_enter(world, AWAY);
	assert_int_equal(mip_plane_want(world->hosts[AWAY].plane, item), 0);
	mip_plane_commit(world->hosts[AWAY].plane);
}

static void unwant(struct world *world, const struct mip_want *item)
{
	plane_enter(world, AWAY);
	assert_int_equal(mip_plane_unwant(world->hosts[AWAY].plane, item), 0);
	mip_plane_commit(world->hosts[AWAY].plane);
}

static void want_both(struct world *world, enum mip_encapsulation encapsulation)
{
	for (unsigned number = 1; number <= 2; number++) {
		struct mip_want item = visitor(number, encapsulation);

		want(world, &item);
	}
}

/* --- packets ---------------------------------------------------------------------------------- */

struct made {
	uint8_t octets[PACKET];
	size_t length;
};

static struct made datagram_of(
	const char *source, const char *destination, uint8_t ttl, const char *text, size_t length)
{
	struct made made;
	uint8_t payload[PACKET] = {0};
	struct mip_writer writer = mip_writer_of(made.octets, sizeof(made.octets));
	struct mip_ip ip = {.ttl = ttl, .source = at(source), .destination = at(destination)};

	strcpy((char *)payload, text);
	mip_udp_packet_write(&writer, &ip,
		&(struct mip_udp){.source_port = 5000, .destination_port = PLANE_PORT}, payload, length);
	assert_false(mip_writer_failed(&writer));
	made.length = writer.length;
	return made;
}

static struct made around(
	const char *source, const char *destination, uint8_t protocol, const struct made *inner)
{
	struct made made;
	uint8_t gre[4 + PACKET] = {0, 0, 8, 0};
	size_t head = protocol == 47 ? 4 : 0;
	struct mip_writer writer = mip_writer_of(made.octets, sizeof(made.octets));
	struct mip_ip ip = {
		.ttl = 64, .protocol = protocol, .source = at(source), .destination = at(destination)};

	memcpy(gre + head, inner->octets, inner->length);
	mip_ip_packet_write(&writer, &ip, gre, head + inner->length);
	assert_false(mip_writer_failed(&writer));
	made.length = writer.length;
	return made;
}

/* From a home agent in its tunnel. */
static void tunnel_in(struct world *world, unsigned number, const struct made *inner)
{
	struct made outer = around(agent_of(number), CARE_OF, 4, inner);

	plane_inject(world, AT_HOME, outer.octets, outer.length);
}

/* From a node's link address to the agent's. */
static void send_frame_from(unsigned number, uint16_t type, const struct made *packet)
{
	struct mip_link_address from = link_address_of(number);
	uint8_t frame[ETH_HLEN + PACKET];

	memcpy(frame, lab.own, ETH_ALEN);
	memcpy(frame + ETH_ALEN, from.octets, ETH_ALEN);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	memcpy(frame + ETH_HLEN, packet->octets, packet->length);
	assert_int_equal(send(lab.node, frame, ETH_HLEN + packet->length, 0), ETH_HLEN + packet->length);
}

static void send_from(unsigned number, const struct made *packet)
{
	send_frame_from(number, ETHERTYPE_IP, packet);
}

/* An IPv4 packet that a tap has heard, other than what the kernels say by themselves. */
struct heard {
	int tap;
	uint8_t octets[LARGE];
	ssize_t length;
};

static bool has_heard(void *context)
{
	struct heard *heard = context;

	do {
		heard->length = recv(heard->tap, heard->octets, sizeof(heard->octets), 0);
	} while (heard->length >= 0 && (heard->octets[12] != 8 || heard->octets[13] != 0 ||
					       heard->octets[ETH_HLEN + 9] == 2 /* IGMP */));
	return heard->length >= 0;
}

/* The next one that a node hears; whose it is by the frame's destination. */
static unsigned heard_by(struct world *world, struct heard *heard)
{
	heard->tap = lab.node;
	assert_true(plane_run(world, has_heard, heard));
	assert_memory_equal(heard->octets + ETH_ALEN, lab.own, ETH_ALEN);
	assert_int_equal(heard->octets[0], 2);
	return heard->octets[5];
}

static void nobody_hears_anything(struct world *world)
{
	static struct heard heard;

	plane_settle(world);
	heard.tap = lab.node;
	assert_false(has_heard(&heard));
	heard.tap = lab.home;
	assert_false(has_heard(&heard));
}

static struct mip_ip ip_of(const struct heard *heard)
{
	return plane_ip(heard->octets + ETH_HLEN, (size_t)heard->length - ETH_HLEN);
}

/* The inner packet of the next one at home, and from which tunnel it is by its destination. */
static unsigned tunnelled(
	struct world *world, struct heard *heard, uint8_t protocol, const uint8_t **ret_inner)
{
	struct mip_ip ip;

	heard->tap = lab.home;
	assert_true(plane_run(world, has_heard, heard));
	ip = ip_of(heard);
	assert_string_equal(MIP_TEXT(ip.source), CARE_OF);
	assert_int_equal(ip.protocol, protocol);
	*ret_inner = heard->octets + ETH_HLEN + MIP_IP_HEADER + (protocol == 47 ? 4 : 0);
	return mip_address_equal(ip.destination, at(AGENT)) ? 1 : 2;
}

/* The same packet one hop further. */
static void assert_forwarded(const uint8_t *octets, const struct made *packet)
{
	struct mip_ip ip = plane_ip(octets, packet->length);

	assert_int_equal(ip.ttl, TTL - 1);
	assert_memory_equal(
		octets + IP_SOURCE_PLACE, packet->octets + IP_SOURCE_PLACE, packet->length - IP_SOURCE_PLACE);
}

/* --- to them ---------------------------------------------------------------------------------- */

/* RFC 3024 A.2, rfc3024-A.4-7 */
static void what_comes_out_of_each_tunnel_goes_to_its_own_visitor(void **state)
{
	static const uint8_t protocols[] = {4, 47};
	struct made packet = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	static struct heard heard;
	struct world *world = *state;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(protocols); i++) {
		for (unsigned turn = 0; turn < 4; turn++) {
			unsigned number = 1 + turn % 2;
			struct made outer = around(agent_of(number), CARE_OF, protocols[i], &packet);

			plane_inject(world, AT_HOME, outer.octets, outer.length);
			assert_int_equal(heard_by(world, &heard), number);
			assert_forwarded(heard.octets + ETH_HLEN, &packet);
		}
	}
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_visitors_out"), 8);
}

/* RFC 3519, of an agent behind a NAT. */
static void tunnels_in_udp_are_told_apart_as_well(void **state)
{
	struct made to = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	struct made from = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50);
	static struct heard heard;
	struct world *world = *state;

	for (unsigned number = 1; number <= 2; number++) {
		struct mip_want item = visitor(number, MIP_ENCAPSULATION_UDP);

		item.visitor.tunnel.local_port = item.visitor.tunnel.remote_port = MIP_REGISTRATION_PORT;
		want(world, &item);
	}
	for (unsigned number = 1; number <= 2; number++) {
		uint8_t message[PACKET] = {MIP_MESSAGE_TUNNEL_DATA, 4}, packet[PACKET];
		struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
		struct mip_ip ip;

		memcpy(message + 4, to.octets, to.length);
		mip_udp_packet_write(&writer,
			&(struct mip_ip){
				.ttl = 64, .source = at(agent_of(number)), .destination = at(CARE_OF)},
			&(struct mip_udp){.source_port = MIP_REGISTRATION_PORT,
				.destination_port = MIP_REGISTRATION_PORT},
			message, 4 + to.length);
		plane_inject(world, AT_HOME, packet, writer.length);
		assert_int_equal(heard_by(world, &heard), number);
		assert_forwarded(heard.octets + ETH_HLEN, &to);
		send_from(number, &from);
		heard.tap = lab.home;
		assert_true(plane_run(world, has_heard, &heard));
		ip = ip_of(&heard);
		assert_int_equal(ip.protocol, MIP_PROTOCOL_UDP);
		assert_string_equal(MIP_TEXT(ip.destination), agent_of(number));
		assert_forwarded(heard.octets + ETH_HLEN + MIP_IP_HEADER + 8 + 4, &from);
	}
}

static void what_comes_by_another_tunnel_goes_to_nobody(void **state)
{
	struct made packet = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	struct made stranger = around("10.9.0.77", CARE_OF, 4, &packet);
	struct made elsewhere = around(AGENT, VISITED_AGENT, 4, &packet);
	struct world *world = *state;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	plane_inject(world, AT_HOME, stranger.octets, stranger.length);
	plane_inject(world, AT_HOME, elsewhere.octets, elsewhere.length);
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "drop_no_peer"), 1);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_visitors_out"), 0);
}

/* One segment of a connection that both nodes have, with the same addresses, ports and numbers. */
static struct made segment(uint32_t sequence, uint8_t mark, size_t length)
{
	struct made made = {.length = MIP_IP_HEADER + TCP_HEADER + length};
	uint8_t tcp[PACKET] = {0};
	struct mip_writer writer = mip_writer_of(tcp, sizeof(tcp)), whole;
	struct mip_ip ip = {.ttl = TTL,
		.protocol = 6,
		.dont_fragment = true,
		.source = at(CORRESPONDENT),
		.destination = at(SHARED)};
	uint64_t sum;

	mip_write16(&writer, 6000);
	mip_write16(&writer, 7000);
	mip_write32(&writer, sequence);
	mip_write32(&writer, 1);
	mip_write16(&writer, 0x5010);
	mip_write16(&writer, 1000);
	mip_write32(&writer, 0); /* the checksum comes later */
	memset(tcp + TCP_HEADER, mark, length);
	sum = mip_checksum_add(0, (const uint8_t *)&ip.source.value, 4);
	sum = mip_checksum_add(sum, (const uint8_t *)&ip.destination.value, 4);
	sum += 6 + TCP_HEADER + length;
	sum = mip_checksum_add(sum, tcp, TCP_HEADER + length);
	mip_write16_at(&writer, 16, mip_checksum_finish(sum));
	assert_false(mip_writer_failed(&writer));
	whole = mip_writer_of(made.octets, sizeof(made.octets));
	mip_ip_packet_write(&whole, &ip, tcp, TCP_HEADER + length);
	assert_false(mip_writer_failed(&whole));
	return made;
}

static void segments_of_two_visitors_are_not_joined(void **state)
{
	enum {
		SEGMENTS = 6,
		OCTETS = 1000,
	};
	size_t got[3] = {0}, packets = 0;
	static struct heard heard;
	struct world *world = *state;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	/* Two by two, so that there is something to join, and all taken in one turn. */
	for (unsigned i = 0; i < SEGMENTS; i++) {
		unsigned number = 1 + i / 2 % 2;
		struct made made = segment(1 + i * OCTETS, (uint8_t)number, OCTETS);

		tunnel_in(world, number, &made);
	}
	while (got[1] + got[2] < SEGMENTS * OCTETS) {
		unsigned number = heard_by(world, &heard);
		size_t length = ip_of(&heard).total_length - MIP_IP_HEADER - TCP_HEADER;

		for (size_t i = 0; i < length; i++)
			assert_int_equal(heard.octets[ETH_HLEN + MIP_IP_HEADER + TCP_HEADER + i], number);
		got[number] += length;
		packets++;
	}
	assert_true(packets < SEGMENTS); /* those of one are */
	assert_int_equal(got[1], 4 * OCTETS);
	assert_int_equal(got[2], 2 * OCTETS);
}

static void what_is_too_large_for_the_link_is_cut(void **state)
{
	struct made packet = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 1200);
	static struct heard heard;
	struct world *world = *state;
	size_t got = 0;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AWAY);
	namespace_must("ip link set visit0 mtu 600");
	tunnel_in(world, 2, &packet);
	while (got < packet.length - MIP_IP_HEADER) {
		struct mip_ip ip;

		assert_int_equal(heard_by(world, &heard), 2);
		ip = ip_of(&heard);
		assert_true(ip.total_length <= 600);
		assert_int_equal(ip.fragment_offset * 8, got);
		assert_memory_equal(heard.octets + ETH_HLEN + MIP_IP_HEADER,
			packet.octets + MIP_IP_HEADER + got, ip.total_length - MIP_IP_HEADER);
		got += ip.total_length - MIP_IP_HEADER;
		assert_int_equal(ip.more_fragments, got < packet.length - MIP_IP_HEADER);
	}
	assert_int_equal(plane_counter(world, AWAY, "tunnel_fragmented"), 1);
}

/* --- from them -------------------------------------------------------------------------------- */

/* RFC 3024 A.3, rfc3024-A.4-7 */
static void what_comes_from_each_visitor_goes_into_its_own_tunnel(void **state)
{
	struct made packet = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50);
	struct mip_want second;
	static struct heard heard;
	struct world *world = *state;
	const uint8_t *inner;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	second = visitor(2, MIP_ENCAPSULATION_GRE);
	want(world, &second);
	for (unsigned turn = 0; turn < 4; turn++) {
		unsigned number = 1 + turn % 2;

		send_from(number, &packet);
		assert_int_equal(tunnelled(world, &heard, number == 1 ? 4 : 47, &inner), number);
		assert_forwarded(inner, &packet);
	}
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_visitors_in"), 4);
}

static void who_has_the_address_at_another_link_address_is_not_served(void **state)
{
	struct made packet = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50);
	struct world *world = *state;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	send_from(3, &packet);
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "drop_spoofed"), 1);
}

/* A frame of a VLAN is another link's. */
static void what_comes_with_a_tag_is_of_another_link(void **state)
{
	struct made packet = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50), tagged;
	struct world *world = *state;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	/* Behind the type of a tagged frame: the tag, and the packet's own type. */
	memcpy(tagged.octets, (const uint8_t[]){0, 7, 8, 0}, 4);
	memcpy(tagged.octets + 4, packet.octets, packet.length);
	tagged.length = 4 + packet.length;
	send_frame_from(1, ETHERTYPE_VLAN, &tagged);
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_visitors_in"), 0);
	send_from(1, &packet);
	plane_settle(world);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_visitors_in"), 1);
}

static void what_is_for_the_agent_itself_is_not_tunnelled(void **state)
{
	struct made registration = datagram_of(SHARED, VISITED_AGENT, 255, "hello", 50);
	struct made group = datagram_of(SHARED, "224.0.0.11", 1, "hello", 50);
	struct world *world = *state;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	send_from(1, &registration);
	send_from(1, &group);
	send_from(3, &registration); /* somebody new */
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_visitors_in"), 0);
	assert_int_equal(plane_counter(world, AWAY, "drop_spoofed"), 0);
}

/* rfc3024-5.2.2-1, rfc3024-5.4-2, and rfc3024-5.2.1-1 of what comes in no tunnel */
static void in_the_encapsulating_style_only_their_own_tunnels_are_taken(void **state)
{
	struct made inner = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50);
	struct made other = datagram_of("10.10.1.3", CORRESPONDENT, TTL, "hello", 50);
	struct made packet = around(SHARED, VISITED_AGENT, 4, &inner);
	struct made foreign = around(SHARED, VISITED_AGENT, 4, &other);
	static struct heard heard;
	struct world *world = *state;
	const uint8_t *found;

	for (unsigned number = 1; number <= 2; number++) {
		struct mip_want item = visitor(number, MIP_ENCAPSULATION_IPIP);

		item.visitor.encapsulating = true;
		want(world, &item);
	}
	for (unsigned number = 1; number <= 2; number++) {
		send_from(number, &packet);
		assert_int_equal(tunnelled(world, &heard, 4, &found), number);
		/* "decapsulates … re-encapsulates": no hop of the inner packet's. */
		assert_memory_equal(found, inner.octets, inner.length);
	}
	send_from(1, &inner);
	send_from(1, &foreign);
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 2);
	assert_int_equal(plane_counter(world, AWAY, "drop_spoofed"), 1);
	/* The stack's copies are not taken for a stranger's. */
	assert_int_equal(plane_counter(world, AWAY, "drop_no_peer"), 1 /* of what is not theirs */);
}

/* RFC 1812 5.3.1: a router that finds no hop left says so; to the one visitor that it was from. */
static void a_ttl_that_ends_here_is_told_to_its_own_visitor(void **state)
{
	struct made packet = datagram_of(SHARED, CORRESPONDENT, 1, "hello", 50);
	static struct heard heard;
	struct world *world = *state;
	struct mip_ip ip;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	send_from(2, &packet);
	assert_int_equal(heard_by(world, &heard), 2);
	ip = ip_of(&heard);
	assert_int_equal(ip.protocol, MIP_PROTOCOL_ICMP);
	assert_string_equal(MIP_TEXT(ip.destination), SHARED);
	assert_string_equal(MIP_TEXT(ip.source), CARE_OF);
	assert_int_equal(heard.octets[ETH_HLEN + MIP_IP_HEADER], MIP_ICMP_TIME_EXCEEDED);
	nobody_hears_anything(world);
	assert_int_equal(plane_counter(world, AWAY, "drop_ttl"), 1);
}

/* rfc2003-4.1-6: to the visitor whose packet it was. */
static void what_is_too_large_for_the_tunnel_is_told_to_its_own_visitor(void **state)
{
	struct made packet = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 1400);
	struct mip_writer writer = mip_writer_of(packet.octets, packet.length);
	static struct heard heard;
	struct world *world = *state;
	struct mip_ip ip = plane_ip(packet.octets, packet.length);

	ip.dont_fragment = true;
	mip_ip_write(&writer, &ip);
	want_both(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AWAY);
	namespace_must("ip link set v1 mtu 1000");
	send_from(1, &packet);
	assert_int_equal(heard_by(world, &heard), 1);
	assert_int_equal(heard.octets[ETH_HLEN + MIP_IP_HEADER], MIP_ICMP_UNREACHABLE);
	assert_int_equal(heard.octets[ETH_HLEN + MIP_IP_HEADER + 1], 4);
	assert_int_equal(
		heard.octets[ETH_HLEN + MIP_IP_HEADER + 6] << 8 | heard.octets[ETH_HLEN + MIP_IP_HEADER + 7],
		1000 - MIP_IP_HEADER);
}

/* --- they come and go ------------------------------------------------------------------------- */

static void when_one_goes_the_other_stays(void **state)
{
	struct made to = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	struct made from = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50);
	struct mip_want first = visitor(1, MIP_ENCAPSULATION_IPIP);
	static struct heard heard;
	struct world *world = *state;
	const uint8_t *inner;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	unwant(world, &first);
	tunnel_in(world, 1, &to);
	send_from(1, &from);
	nobody_hears_anything(world);
	tunnel_in(world, 2, &to);
	assert_int_equal(heard_by(world, &heard), 2);
	send_from(2, &from);
	assert_int_equal(tunnelled(world, &heard, 4, &inner), 2);
	nobody_hears_anything(world);
}

static void one_that_moves_is_found_at_its_new_place_alone(void **state)
{
	struct made to = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	struct made from = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 50);
	struct mip_want second = visitor(2, MIP_ENCAPSULATION_IPIP);
	static struct heard heard;
	struct world *world = *state;
	const uint8_t *inner;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	second.visitor.link_address = link_address_of(9);
	want(world, &second);
	tunnel_in(world, 2, &to);
	assert_int_equal(heard_by(world, &heard), 9);
	send_from(2, &from);
	nobody_hears_anything(world);
	send_from(9, &from);
	assert_int_equal(tunnelled(world, &heard, 4, &inner), 2);
}

static void a_link_that_is_not_there_is_said(void **state)
{
	struct mip_want item = visitor(1, MIP_ENCAPSULATION_IPIP);
	struct world *world = *state;

	item.visitor.link = 9999;
	plane_enter(world, AWAY);
	assert_int_equal(mip_plane_want(world->hosts[AWAY].plane, &item), -ENODEV);
	item.visitor.link = (int)if_nametoindex("lo");
	assert_int_equal(mip_plane_want(world->hosts[AWAY].plane, &item), -ENOTSUP);
}

static struct mip_plane_traffic traffic_of(const struct world *world, unsigned number)
{
	struct mip_plane_traffic traffic;

	assert_int_equal(mip_plane_visitor_traffic(
				 world->hosts[AWAY].plane, at(SHARED), at(agent_of(number)), &traffic),
		0);
	return traffic;
}

static void each_ones_traffic_is_counted(void **state)
{
	struct made to = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	struct made from = datagram_of(SHARED, CORRESPONDENT, TTL, "hello", 60);
	static struct heard heard;
	struct world *world = *state;
	const uint8_t *inner;

	want_both(world, MIP_ENCAPSULATION_IPIP);
	for (unsigned i = 0; i < 3; i++) {
		tunnel_in(world, 1, &to);
		assert_int_equal(heard_by(world, &heard), 1);
	}
	send_from(2, &from);
	assert_int_equal(tunnelled(world, &heard, 4, &inner), 2);
	assert_int_equal(traffic_of(world, 1).packets_to, 3);
	assert_int_equal(traffic_of(world, 1).bytes_to, 3 * to.length);
	assert_int_equal(traffic_of(world, 1).packets_from, 0);
	assert_int_equal(traffic_of(world, 2).packets_to, 0);
	assert_int_equal(traffic_of(world, 2).packets_from, 1);
	assert_int_equal(traffic_of(world, 2).bytes_from, from.length);
}

/* What was counted while the address was one node's goes on, and back. */
static void counts_are_kept_when_the_address_is_shared_and_when_it_is_no_longer(void **state)
{
	struct made to = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	struct mip_want item = visitor(1, MIP_ENCAPSULATION_IPIP);
	struct mip_want tunnel = {.kind = MIP_WANT_TUNNEL, .tunnel = item.visitor.tunnel};
	struct mip_want peer = {.kind = MIP_WANT_PEER,
		.peer = {.home_address = at(SHARED),
			.end = MIP_TUNNEL_VISITED,
			.remote = at(AGENT),
			.local = at(CARE_OF)}};
	struct mip_plane_traffic traffic;
	static struct heard heard;
	struct world *world = *state;

	want(world, &peer);
	want(world, &tunnel);
	tunnel_in(world, 1, &to);
	plane_settle(world);
	want(world, &item);
	unwant(world, &tunnel);
	unwant(world, &peer);
	assert_int_equal(traffic_of(world, 1).packets_to, 1);
	tunnel_in(world, 1, &to);
	assert_int_equal(heard_by(world, &heard), 1);
	assert_int_equal(traffic_of(world, 1).packets_to, 2);
	want(world, &peer);
	want(world, &tunnel);
	unwant(world, &item);
	assert_int_equal(
		mip_plane_traffic(world->hosts[AWAY].plane, at(SHARED), MIP_TUNNEL_VISITED, &traffic), 0);
	assert_int_equal(traffic.packets_to, 2);
}

static void the_kernels_own_devices_cannot_tell_them_apart(void **state)
{
	struct world *world = *state;
	struct made packet = datagram_of(CORRESPONDENT, SHARED, TTL, "hello", 50);
	static struct heard heard;
	char reason[MIP_PLANE_REASON] = "";

	want_both(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AWAY);
	assert_int_equal(mip_plane_switch(world->hosts[AWAY].plane, MIP_PLANE_KERNEL, reason), -EOPNOTSUPP);
	assert_non_null(strstr(reason, "cannot tell apart"));
	tunnel_in(world, 2, &packet);
	assert_int_equal(heard_by(world, &heard), 2);
	assert_true(mip_plane_tells_apart(MIP_PLANE_USER));
	assert_true(mip_plane_tells_apart(MIP_PLANE_BPF));
	assert_false(mip_plane_tells_apart(MIP_PLANE_KERNEL));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_LAB(what_comes_out_of_each_tunnel_goes_to_its_own_visitor),
		IN_LAB(tunnels_in_udp_are_told_apart_as_well),
		IN_LAB(what_comes_by_another_tunnel_goes_to_nobody),
		IN_LAB(segments_of_two_visitors_are_not_joined),
		IN_LAB(what_is_too_large_for_the_link_is_cut),
		IN_LAB(what_comes_from_each_visitor_goes_into_its_own_tunnel),
		IN_LAB(who_has_the_address_at_another_link_address_is_not_served),
		IN_LAB(what_comes_with_a_tag_is_of_another_link),
		IN_LAB(what_is_for_the_agent_itself_is_not_tunnelled),
		IN_LAB(in_the_encapsulating_style_only_their_own_tunnels_are_taken),
		IN_LAB(a_ttl_that_ends_here_is_told_to_its_own_visitor),
		IN_LAB(what_is_too_large_for_the_tunnel_is_told_to_its_own_visitor),
		IN_LAB(when_one_goes_the_other_stays),
		IN_LAB(one_that_moves_is_found_at_its_new_place_alone),
		IN_LAB(a_link_that_is_not_there_is_said),
		IN_LAB(each_ones_traffic_is_counted),
		IN_LAB(counts_are_kept_when_the_address_is_shared_and_when_it_is_no_longer),
		IN_LAB(the_kernels_own_devices_cannot_tell_them_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

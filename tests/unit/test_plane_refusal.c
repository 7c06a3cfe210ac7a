/*
 * What the user plane does not let through, and what it says about it: two hosts in namespaces with a tunnel
 * between them, one of which sends what it should not.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "namespace.h"
#include "octets.h"
#include "packet.h"
#include "outer.h"
#include "plane_world.h"
#include "registration.h"

/* --- what must not come in -------------------------------------------------------------------- */

/* A datagram of the mobile node inside of an outer packet of this protocol, `between` the two, ready to be
 * spoiled. Of the inner header the first `skip` octets are left out. */
static size_t forged_by(uint8_t octets[static 200], const char *outer_source, const char *destination,
	uint8_t protocol, const uint8_t *between, size_t between_length, size_t skip)
{
	uint8_t inner[100], payload[150];
	struct mip_writer inside = mip_writer_of(inner, sizeof(inner)), outside = mip_writer_of(octets, 200);
	struct mip_ip ip = {.ttl = 64, .protocol = protocol};
	struct mip_udp udp = {PLANE_PORT, PLANE_CORRESPONDENT_PORT};

	ip.source = plane_address(HOME_ADDRESS);
	ip.destination = plane_address(destination);
	mip_udp_packet_write(&inside, &ip, &udp, "hello", 5);
	ip.source = plane_address(outer_source);
	ip.destination = plane_address(AGENT);
	memcpy(payload, between, between_length);
	memcpy(payload + between_length, inner + skip, inside.length - skip);
	mip_ip_packet_write(&outside, &ip, payload, between_length + inside.length - skip);
	assert_false(mip_writer_failed(&outside));
	return outside.length;
}

static size_t forged(uint8_t octets[static 200], const char *outer_source)
{
	return forged_by(octets, outer_source, CORRESPONDENT, MIP_PROTOCOL_IPIP, (const uint8_t *)"", 0, 0);
}

static void fix_inner(uint8_t *octets)
{
	mip_octets_put16(octets + 30, 0);
	mip_octets_put16(octets + 30, mip_checksum_finish(mip_checksum_add(0, octets + 20, 20)));
}

/* rfc2003-6.2-1 */
static void a_good_packet_comes_in(void **state)
{
	struct world *world = *state;
	uint8_t octets[200];
	int near;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	near = plane_correspondent(world);
	plane_inject(world, AWAY, octets, forged(octets, CARE_OF));
	assert_int_equal(plane_received(world, near, octets), 5);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_in"), 1);
	close(near);
}

/* rfc3024-4.3.2-3: "… registration the home agent MUST silently discard the packet and SHOULD log …" */
/* rfc3024-4.3.2-2: "Accordingly, the home agent MUST implement, and, by default, SHOULD enable the …" */
/* rfc2003-3.1-4, rfc2003-6.2-1 */
static void spoiled_packets_do_not_come_in(void **state)
{
	/* Octets of the inner header to change; a place of 0 leaves it as it is. */
	static const struct {
		const char *outer_source;
		size_t place;
		uint8_t value;
		bool fix;
		const char *counted;
	} cases[] = {
		{"10.9.0.77", 0, 0, false, "drop_spoofed"},
		{CARE_OF, 35, 51, true, "drop_no_peer"},	   /* from 10.1.0.51 */
		{CARE_OF, 20, 0x65, true, "drop_inner_malformed"}, /* version */
		{CARE_OF, 20, 0x44, true, "drop_inner_malformed"}, /* header length */
		{CARE_OF, 23, 200, true, "drop_inner_malformed"},  /* total length */
		{CARE_OF, 28, 63, false, "drop_inner_malformed"},  /* header checksum */
		{CARE_OF, 28, 0, true, "drop_ttl"},
		{CARE_OF, 36, 224, true, "drop_broadcast"},
	};
	struct world *world = *state;
	int near;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	near = plane_correspondent(world);
	world->refuse_groups = true;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t octets[200];
		size_t length = forged(octets, cases[i].outer_source);
		uint64_t before = plane_counter(world, AT_HOME, cases[i].counted);

		if (cases[i].place)
			octets[cases[i].place] = cases[i].value;
		if (cases[i].fix)
			fix_inner(octets);
		plane_inject(world, AWAY, octets, length);
		assert_true(plane_nothing_arrives(world, near));
		/* Broken headers are the kernel's to drop and to count, where it takes them out itself. */
		if (plane_tested() == MIP_PLANE_USER || strcmp(cases[i].counted, "drop_inner_malformed") != 0)
			assert_int_equal(plane_counter(world, AT_HOME, cases[i].counted), before + 1);
	}
	if (plane_tested() == MIP_PLANE_USER) {
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_in"), 0);
		assert_int_equal(world->warnings, 2); /* RFC 3024 4.3.2: of the two strangers */
	}
	close(near);
}

/* What stands between the outer and the inner header, and whether that comes in. */
struct arrival_case {
	uint8_t protocol;
	uint8_t between[16];
	size_t length;
	bool good;
};

static size_t forge_case(uint8_t octets[static 200], const struct arrival_case *arrival, const char *source)
{
	size_t skip = arrival->protocol == MIP_PROTOCOL_MINIMAL ? 20 : 0;

	return forged_by(
		octets, source, CORRESPONDENT, arrival->protocol, arrival->between, arrival->length, skip);
}

/* The tunnel is now of the kind that the case is about. */
static void negotiate(struct world *world, uint8_t protocol)
{
	struct mip_want want;
	enum mip_encapsulation encapsulation;

	assert_true(mip_outer_encapsulation(protocol, &encapsulation));
	want = plane_tunnel(AT_HOME, encapsulation);
	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &want), 0);
}

/* rfc2003-6.2-1 */
static void a_peer_sends_by_the_encapsulation_that_was_negotiated(void **state)
{
	/* 1180 + 0a01 + 0032 + 0a05 + 0001 = 25b9 and 1180 + 0a05 + 0001 + 0a01 + 0032 likewise */
	static const struct arrival_case cases[] = {
		{MIP_PROTOCOL_IPIP, {0}, 0, true}, {MIP_PROTOCOL_GRE, {0, 0, 8, 0}, 4, true},
		{MIP_PROTOCOL_GRE, {0x20, 0, 8, 0, 1, 2, 3, 4}, 8, true},	       /* key */
		{MIP_PROTOCOL_GRE, {0x30, 0, 8, 0, 1, 2, 3, 4, 0, 0, 0, 0}, 12, true}, /* and sequence */
		{MIP_PROTOCOL_GRE, {0x80, 0, 8, 0, 1, 2, 0, 0}, 8, false},	       /* wrong checksum */
		{MIP_PROTOCOL_GRE, {0x40, 0, 8, 0}, 4, false},			       /* routing */
		{MIP_PROTOCOL_GRE, {0, 1, 8, 0}, 4, false},			       /* version 1 */
		{MIP_PROTOCOL_GRE, {0, 0, 0x86, 0xdd}, 4, false},		       /* IPv6 */
		{MIP_PROTOCOL_MINIMAL, {17, 0x80, 0xda, 0x46, 10, 5, 0, 1, 10, 1, 0, 50}, 12, true},
		{MIP_PROTOCOL_MINIMAL, {17, 0x80, 0xda, 0x47, 10, 5, 0, 1, 10, 1, 0, 50}, 12, false},
		{MIP_PROTOCOL_MINIMAL, {17, 0x00, 0xe4, 0xf9, 10, 5, 0, 1}, 8, false}, /* of nobody's */
	};
	struct world *world = *state;
	int near;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	near = plane_correspondent(world);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint64_t before = plane_counter(world, AT_HOME, "tunnel_packets_in");
		uint8_t octets[200];
		size_t length = forge_case(octets, &cases[i], CARE_OF);

		negotiate(world, cases[i].protocol);
		plane_inject(world, AWAY, octets, length);
		if (cases[i].good)
			assert_int_equal(plane_received(world, near, octets), 5);
		else
			assert_true(plane_nothing_arrives(world, near));
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_in"), before + cases[i].good);
		/* Not from somebody else. */
		length = forge_case(octets, &cases[i], "10.9.0.77");
		plane_inject(world, AWAY, octets, length);
		assert_true(plane_nothing_arrives(world, near));
	}
	assert_int_equal(plane_counter(world, AT_HOME, "drop_inner_malformed"), 2 * 5);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_no_peer"), 2);
	close(near);
}

/* RFC 2784 3.1: it would go into the tunnel that it came out of. */
static void a_packet_for_the_far_end_of_its_own_tunnel_is_dropped(void **state)
{
	static const uint8_t gre[] = {0, 0, 8, 0};
	struct world *world = *state;
	uint8_t octets[200];

	plane_join(world, MIP_ENCAPSULATION_GRE);
	plane_inject(world, AWAY, octets, forged_by(octets, CARE_OF, CARE_OF, MIP_PROTOCOL_GRE, gre, 4, 0));
	plane_settle(world);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_loop"), 1);
	if (plane_tested() != MIP_PLANE_KERNEL) /* which counts before it drops */
		assert_int_equal(plane_traffic(world, AT_HOME).packets_from, 0);
	plane_inject(
		world, AWAY, octets, forged_by(octets, CARE_OF, CORRESPONDENT, MIP_PROTOCOL_GRE, gre, 4, 0));
	plane_settle(world);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_in"), 1);
	plane_inject(world, AWAY, octets, forged(octets, CARE_OF)); /* by IP in IP */
	plane_settle(world);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_in"), 1);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_spoofed"), 1);
}

static struct mip_input_datagram data_message(const uint8_t *octets, size_t length)
{
	return (struct mip_input_datagram){
		.source = plane_address(CARE_OF),
		.source_port = MIP_REGISTRATION_PORT,
		.destination = plane_address(AGENT),
		.octets = octets,
		.length = length,
	};
}

/* rfc3519-3.3-1, rfc3519-3.3-2, rfc3519-3.3-3, rfc3519-3.3-4, rfc3519-4.3-1 */
static void only_ip_in_udp_is_taken_from_a_udp_tunnel(void **state)
{
	struct world *world = *state;
	struct mip_plane *plane = world->hosts[AT_HOME].plane;
	uint8_t octets[200];
	size_t length = forged(octets, CARE_OF);
	struct mip_input_datagram datagram = data_message(octets + 16, length - 16);
	uint8_t received_octets[10];
	int near;

	plane_join(world, MIP_ENCAPSULATION_UDP);
	near = plane_correspondent(world);
	memcpy(octets + 16, (uint8_t[]){4, 47, 0, 0}, 4);
	mip_plane_udp_input(plane, &datagram);
	octets[17] = 55;
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_next_header"), 2);
	datagram.length = 3;
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_inner_malformed"), 1);
	datagram.length = length - 16;
	octets[17] = 4;
	datagram.source_port = 435;
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_spoofed"), 1);
	/* Each of the outer addresses is the tunnel's, too. */
	datagram.source_port = MIP_REGISTRATION_PORT;
	datagram.source = plane_address("10.9.0.77");
	mip_plane_udp_input(plane, &datagram);
	datagram.source = plane_address(CARE_OF);
	datagram.destination = plane_address("10.9.0.78");
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_spoofed"), 3);
	datagram.destination = plane_address(AGENT);
	/* The reserved octets are ignored (RFC 3519 3.3). */
	octets[18] = 0xff;
	mip_plane_udp_input(plane, &datagram);
	mip_plane_batch_end(plane);
	assert_int_equal(plane_received(world, near, received_octets), 5);
	/* The other encapsulation is not that of the binding (RFC 3024 4.3.2). */
	plane_inject(world, AWAY, octets, forged(octets, CARE_OF));
	assert_true(plane_nothing_arrives(world, near));
	assert_int_equal(plane_counter(world, AT_HOME, "drop_spoofed"), 4);
	close(near);
}

static void congestion_met_in_the_tunnel_is_told_inside(void **state)
{
	struct world *world = *state;
	uint8_t octets[200], control[100];
	struct iovec part = {octets, sizeof(octets)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	size_t length = forged(octets, CARE_OF);
	int near;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	near = plane_correspondent(world);
	plane_set_option(near, IPPROTO_IP, IP_RECVTOS, 1);
	octets[1] = 3; /* CE outside, not capable inside: dropped */
	plane_inject(world, AWAY, octets, length);
	assert_true(plane_nothing_arrives(world, near));
	/* What is dropped is no traffic. */
	if (plane_tested() != MIP_PLANE_KERNEL) {
		assert_int_equal(plane_counter(world, AT_HOME, "drop_congestion_mark"), 1);
		assert_int_equal(plane_traffic(world, AT_HOME).packets_from, 0);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_in"), 0);
	}
	octets[21] = 2; /* capable inside */
	fix_inner(octets);
	plane_inject(world, AWAY, octets, length);
	plane_settle(world);
	assert_int_equal(recvmsg(near, &message, 0), 5);
	assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&message)), 3);
	close(near);
}

/* RFC 6040 4.2 for GRE; with minimal encapsulation the mark is in the inner packet's own header. */
static void congestion_met_in_other_tunnels_is_told_too(void **state)
{
	static const struct {
		struct arrival_case arrival;
		int told; /* -1: dropped */
	} cases[] = {
		{{MIP_PROTOCOL_GRE, {0, 0, 8, 0}, 4, true}, -1},
		{{MIP_PROTOCOL_MINIMAL, {17, 0x80, 0xda, 0x46, 10, 5, 0, 1, 10, 1, 0, 50}, 12, true}, 3},
	};
	struct world *world = *state;
	int near;

	plane_join(world, MIP_ENCAPSULATION_GRE);
	near = plane_correspondent(world);
	plane_set_option(near, IPPROTO_IP, IP_RECVTOS, 1);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t octets[200], control[100];
		struct iovec part = {octets, sizeof(octets)};
		struct msghdr message = {.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		size_t length = forge_case(octets, &cases[i].arrival, CARE_OF);

		octets[1] = 3;
		negotiate(world, cases[i].arrival.protocol);
		plane_inject(world, AWAY, octets, length);
		plane_settle(world);
		assert_int_equal(recvmsg(near, &message, 0), cases[i].told < 0 ? -1 : 5);
		if (cases[i].told >= 0)
			assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&message)), cases[i].told);
	}
	assert_int_equal(plane_counter(world, AT_HOME, "drop_congestion_mark"), 1);
	close(near);
}

/* --- sizes and errors ------------------------------------------------------------------------- */

/* rfc2003-5.1-2 */
static void a_packet_too_large_for_the_path_is_answered(void **state)
{
	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		struct world *world;
		uint8_t octets[1400] = {0};
		struct icmp_error error;
		int near;

		world = plane_next_world(state, i);
		plane_join(world, plane_encapsulations[i].encapsulation);
		plane_enter(world, AT_HOME);
		namespace_must("ip link set v0 mtu 1300");
		near = plane_correspondent(world);
		plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
		plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
		assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
		error = plane_error(world, near);
		assert_int_equal(error.type, MIP_ICMP_UNREACHABLE);
		assert_int_equal(error.code, 4);
		assert_int_equal(error.mtu, 1300 - plane_encapsulations[i].overhead);
		if (plane_tested() == MIP_PLANE_USER)
			assert_int_equal(plane_counter(world, AT_HOME, "drop_too_big"), 1);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 1);
		close(near);
	}
}

/* rfc3519-4.8-1, rfc3519-4.8-2 */
static void a_packet_that_may_be_fragmented_is_so_before_it_is_encapsulated(void **state)
{
	if (plane_tested() == MIP_PLANE_KERNEL) /* which fragments the outer packet, as RFC 2003 5.1 allows */
		skip();
	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		/* Fragments cannot go by minimal encapsulation (RFC 2004 3). */
		bool minimal = plane_encapsulations[i].encapsulation == MIP_ENCAPSULATION_MINIMAL;
		size_t overhead = minimal ? 20 : plane_encapsulations[i].overhead;
		uint8_t protocol = minimal ? MIP_PROTOCOL_IPIP : plane_encapsulations[i].protocol;
		struct world *world;
		uint8_t octets[2000];
		int near, far;

		world = plane_next_world(state, i);
		plane_join(world, plane_encapsulations[i].encapsulation);
		plane_enter(world, AT_HOME);
		/* One packet on the wire is one packet. */
		namespace_must("ip link set v0 mtu 1300 gso_max_segs 1");
		near = plane_correspondent(world);
		far = plane_mobile_node(world);
		plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
		for (size_t place = 0; place < 1400; place++)
			octets[place] = plane_octet(place);
		assert_int_equal(send(near, octets, 1400, 0), 1400);
		for (int part = 0; part < 2; part++) {
			size_t length = plane_captured(world, protocol, octets, sizeof(octets));
			struct mip_ip inner = plane_ip(octets + overhead, length - overhead);

			assert_in_range(length, 1, 1300);
			assert_int_equal(mip_octets_get16(octets + 6), 0); /* the outer one is whole */
			assert_int_equal(inner.more_fragments, part == 0);
			assert_int_equal(inner.fragment_offset > 0, part == 1);
		}
		assert_int_equal(plane_received(world, far, octets), 1400);
		for (size_t place = 0; place < 1400; place++)
			assert_int_equal(octets[place], plane_octet(place));
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_fragmented"), 1);
		close(near);
		close(far);
	}
}

/* rfc2003-5.1-1 */
static void a_stream_finds_its_way_through_a_narrow_path(void **state)
{
	struct world *world = *state;
	int near, far;

	plane_join(world, MIP_ENCAPSULATION_UDP);
	plane_connect_stream(world, &near, &far);
	plane_enter(world, AT_HOME);
	namespace_must("ip link set v0 mtu 1300");
	assert_true(
		plane_run(world, plane_stream_is_through, &(struct plane_stream){.from = near, .to = far}));
	assert_true(plane_counter(world, AT_HOME, "tunnel_icmp_sent") > 0);
	close(near);
	close(far);
}

/* An ICMP error that a router in the tunnel would send about this outer packet. */
static void inject_error(
	struct world *world, uint8_t type, uint8_t code, uint16_t mtu, const uint8_t *outer, size_t length)
{
	uint8_t icmp[600], packet[700];
	struct mip_writer inside = mip_writer_of(icmp, sizeof(icmp));
	struct mip_writer outside = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 64, .protocol = MIP_PROTOCOL_ICMP};

	ip.source = plane_address(CARE_OF);
	ip.destination = plane_address(AGENT);
	mip_write8(&inside, type);
	mip_write8(&inside, code);
	mip_write32(&inside, 0);
	mip_write16(&inside, mtu);
	mip_write_octets(&inside, outer, length);
	mip_write16_at(&inside, 2, mip_checksum_finish(mip_checksum_add(0, icmp, inside.length)));
	mip_ip_packet_write(&outside, &ip, icmp, inside.length);
	assert_false(mip_writer_failed(&outside));
	plane_inject(world, AWAY, packet, outside.length);
}

/* rfc5944-4.2.3-5: "Nodes implementing tunneling SHOULD also implement the "tunnel soft state" …" */
/* rfc2003-4.1-1, rfc2003-4.1-2, rfc2003-4.1-3, rfc2003-4.1-4, rfc2003-4.1-5, rfc2003-4.1-8, rfc2003-4.2-1, rfc2003-4.3-1, rfc2003-4.4-1, rfc2003-4.5-1, rfc2003-5.2-2 */
static void errors_from_within_the_tunnel_reach_the_sender(void **state)
{
	/* RFC 2003 4.1, 4.4: what comes from the tunnel, and what the sender is told; 0xff: nothing. */
	static const struct {
		uint8_t type, code, told;
	} cases[] = {{11, 0, 1}, {3, 0, 0}, {3, 1, 1}, {3, 2, 1}, {3, 3, 0xff}, {3, 5, 0xff}, {4, 0, 0xff},
		{5, 1, 0xff}, {12, 0, 0xff}, {3, 6, 1}, {3, 13, 1}};

	for (size_t k = 0; k < MIP_ENCAPSULATION_UDP; k++) {
		struct world *world = plane_next_world(state, k);
		uint8_t outer[2000];
		size_t length = plane_outer_packet(
			world, plane_encapsulations[k].encapsulation, 0, IP_PMTUDISC_DONT, outer);
		int near = plane_correspondent(world);

		plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
		for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
			uint64_t before = plane_counter(world, AT_HOME, "tunnel_icmp_sent");
			uint64_t withheld = plane_counter(world, AT_HOME, "tunnel_icmp_withheld");

			inject_error(world, cases[i].type, cases[i].code, 0, outer, length);
			if (cases[i].told != 0xff) {
				struct icmp_error error = plane_error(world, near);

				assert_int_equal(error.type, MIP_ICMP_UNREACHABLE);
				assert_int_equal(error.code, cases[i].told);
			} else {
				plane_settle(world);
				assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), before);
				/* rfc2003-4.1-7; of the other types the kernel hands over what it likes. */
				if (cases[i].type == MIP_ICMP_UNREACHABLE)
					assert_int_equal(
						plane_counter(world, AT_HOME, "tunnel_icmp_withheld"),
						withheld + 1);
			}
		}
		close(near);
	}
}

/* RFC 1122 3.2.2 lets a router quote no more than eight octets behind the IP header. */
static void an_error_that_quotes_too_little_is_not_relayed(void **state)
{
	for (size_t k = 0; k < MIP_ENCAPSULATION_UDP; k++) {
		struct world *world = plane_next_world(state, k);
		size_t around = plane_encapsulations[k].overhead;
		uint8_t outer[2000];

		plane_outer_packet(world, plane_encapsulations[k].encapsulation, 0, IP_PMTUDISC_DONT, outer);
		for (size_t length = 20; length < 20 + around + 8; length++)
			inject_error(world, MIP_ICMP_UNREACHABLE, 1, 0, outer, length);
		plane_settle(world);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 0);
		inject_error(world, MIP_ICMP_UNREACHABLE, 1, 0, outer, 20 + around + 8);
		plane_settle(world);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 1);
	}
}

/* rfc2003-4.1-6, rfc2003-5.1-1, rfc2003-5.1-2 */
static void too_big_from_within_the_tunnel_is_relayed_and_remembered(void **state)
{
	for (size_t k = 0; k < MIP_ENCAPSULATION_UDP; k++) {
		struct world *world = plane_next_world(state, k);
		uint32_t mtu = 1200 - (uint32_t)plane_encapsulations[k].overhead;
		uint8_t outer[2000], octets[1400] = {0};
		size_t length = plane_outer_packet(
			world, plane_encapsulations[k].encapsulation, 0, IP_PMTUDISC_DO, outer);
		int near = plane_correspondent(world);
		struct icmp_error error;

		plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
		inject_error(world, 3, 4, 1200, outer, length);
		error = plane_error(world, near);
		assert_int_equal(error.code, 4);
		assert_int_equal(error.mtu, mtu);
		/* Another correspondent's packet: the kernel knows by now. PROBE: it does not take the MTU from
		 * what the first one learned. */
		plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
		assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
		error = plane_error(world, near);
		assert_int_equal(error.mtu, mtu);
		if (plane_tested() == MIP_PLANE_USER)
			assert_int_equal(plane_counter(world, AT_HOME, "drop_too_big"), 1);
		/* Told once: the kernel's own error about the outer packet is not one from the tunnel. */
		plane_settle(world);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 2);
		close(near);
	}
}

static void an_error_about_a_udp_tunnel_is_relayed(void **state)
{
	struct world *world = *state;
	uint8_t outer[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_UDP, 0, IP_PMTUDISC_DONT, outer);
	int near = plane_correspondent(world);
	struct mip_input_icmp_error error = {
		.destination = plane_address(CARE_OF),
		.destination_port = MIP_REGISTRATION_PORT,
		.type = MIP_ICMP_TIME_EXCEEDED,
		.octets = outer + 28,
		.length = length - 28,
	};
	struct icmp_error told;

	plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
	plane_enter(world, AT_HOME);
	mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	told = plane_error(world, near);
	assert_int_equal(told.type, MIP_ICMP_UNREACHABLE);
	assert_int_equal(told.code, 1);
	/* Not about this tunnel: somebody made it up. */
	error.destination = plane_address("10.9.0.77");
	mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	outer[28] = 1; /* no tunnel data: a registration request */
	mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 1);
	close(near);
}

static void errors_are_not_sent_without_end(void **state)
{
	struct world *world = *state;
	uint8_t outer[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_UDP, 0, IP_PMTUDISC_DONT, outer);
	struct mip_input_icmp_error error = {
		.destination = plane_address(CARE_OF),
		.type = MIP_ICMP_TIME_EXCEEDED,
		.octets = outer + 28,
		.length = length - 28,
	};

	for (int i = 0; i < 1000; i++)
		mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	assert_in_range(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 100, 500);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent") +
				 plane_counter(world, AT_HOME, "drop_icmp_limit"),
		1000);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, plane_setup, plane_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_good_packet_comes_in),
		IN_WORLD(spoiled_packets_do_not_come_in),
		IN_WORLD(a_peer_sends_by_the_encapsulation_that_was_negotiated),
		IN_WORLD(a_packet_for_the_far_end_of_its_own_tunnel_is_dropped),
		IN_WORLD(only_ip_in_udp_is_taken_from_a_udp_tunnel),
		IN_WORLD(congestion_met_in_the_tunnel_is_told_inside),
		IN_WORLD(congestion_met_in_other_tunnels_is_told_too),
		IN_WORLD(a_packet_too_large_for_the_path_is_answered),
		IN_WORLD(a_packet_that_may_be_fragmented_is_so_before_it_is_encapsulated),
		IN_WORLD(a_stream_finds_its_way_through_a_narrow_path),
		IN_WORLD(errors_from_within_the_tunnel_reach_the_sender),
		IN_WORLD(an_error_that_quotes_too_little_is_not_relayed),
		IN_WORLD(too_big_from_within_the_tunnel_is_relayed_and_remembered),
		IN_WORLD(an_error_about_a_udp_tunnel_is_relayed),
		IN_WORLD(errors_are_not_sent_without_end),
	};

	if (!namespace_allowed()) {
		print_message("needs root for network namespaces: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "plane_world.h"
#include "registration.h"

static const enum mip_encapsulation both[] = {MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_UDP};

/* --- what must not come in -------------------------------------------------------------------- */

/* A datagram of the mobile node to the correspondent inside of an IP-in-IP packet, ready to be spoiled.
 */
static size_t forged(uint8_t octets[static 200], const char *outer_source)
{
	uint8_t inner[100];
	struct mip_writer inside = mip_writer_of(inner, sizeof(inner)), outside = mip_writer_of(octets, 200);
	struct mip_ip ip = {.ttl = 64, .protocol = MIP_PROTOCOL_IPIP};
	struct mip_udp udp = {PLANE_PORT, PLANE_CORRESPONDENT_PORT};

	ip.source = plane_address(HOME_ADDRESS);
	ip.destination = plane_address(CORRESPONDENT);
	mip_udp_packet_write(&inside, &ip, &udp, "hello", 5);
	ip.source = plane_address(outer_source);
	ip.destination = plane_address(AGENT);
	mip_ip_packet_write(&outside, &ip, inner, inside.length);
	assert_false(mip_writer_failed(&outside));
	return outside.length;
}

static void fix_inner(uint8_t *octets)
{
	mip_octets_put16(octets + 30, 0);
	mip_octets_put16(octets + 30, mip_checksum_finish(mip_checksum_add(0, octets + 20, 20)));
}

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
	/* The reserved octets are ignored (RFC 3519 3.3). */
	octets[18] = 0xff;
	datagram.source_port = MIP_REGISTRATION_PORT;
	mip_plane_udp_input(plane, &datagram);
	mip_plane_batch_end(plane);
	assert_int_equal(plane_received(world, near, received_octets), 5);
	/* The other encapsulation is not that of the binding (RFC 3024 4.3.2). */
	plane_inject(world, AWAY, octets, forged(octets, CARE_OF));
	assert_true(plane_nothing_arrives(world, near));
	assert_int_equal(plane_counter(world, AT_HOME, "drop_spoofed"), 2);
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
	if (plane_tested() == MIP_PLANE_USER)
		assert_int_equal(plane_counter(world, AT_HOME, "drop_congestion_mark"), 1);
	octets[21] = 2; /* capable inside */
	fix_inner(octets);
	plane_inject(world, AWAY, octets, length);
	plane_settle(world);
	assert_int_equal(recvmsg(near, &message, 0), 5);
	assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&message)), 3);
	close(near);
}

/* --- sizes and errors ------------------------------------------------------------------------- */

static void a_packet_too_large_for_the_path_is_answered(void **state)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(both); i++) {
		struct world *world;
		uint8_t octets[1400] = {0};
		struct icmp_error error;
		int near;

		if (i > 0) {
			plane_teardown(state);
			plane_setup(state);
		}
		world = *state;
		plane_join(world, both[i]);
		plane_enter(world, AT_HOME);
		namespace_must("ip link set v0 mtu 1300");
		near = plane_correspondent(world);
		plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
		plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
		assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
		error = plane_error(world, near);
		assert_int_equal(error.type, MIP_ICMP_UNREACHABLE);
		assert_int_equal(error.code, 4);
		assert_int_equal(error.mtu, both[i] == MIP_ENCAPSULATION_UDP ? 1268 : 1280);
		if (plane_tested() == MIP_PLANE_USER)
			assert_int_equal(plane_counter(world, AT_HOME, "drop_too_big"), 1);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 1);
		close(near);
	}
}

static void a_packet_that_may_be_fragmented_is_so_before_it_is_encapsulated(void **state)
{
	if (plane_tested() == MIP_PLANE_KERNEL) /* which fragments the outer packet, as RFC 2003 5.1 allows */
		skip();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(both); i++) {
		size_t overhead = both[i] == MIP_ENCAPSULATION_UDP ? 32 : 20;
		uint8_t protocol = both[i] == MIP_ENCAPSULATION_UDP ? MIP_PROTOCOL_UDP : MIP_PROTOCOL_IPIP;
		struct world *world;
		uint8_t octets[2000];
		int near, far;

		if (i > 0) {
			plane_teardown(state);
			plane_setup(state);
		}
		world = *state;
		plane_join(world, both[i]);
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

static void errors_from_within_the_tunnel_reach_the_sender(void **state)
{
	/* RFC 2003 4.1, 4.4: what comes from the tunnel, and what the sender is told; 0xff: nothing. */
	static const struct {
		uint8_t type, code, told;
	} cases[] = {{11, 0, 1}, {3, 0, 0}, {3, 1, 1}, {3, 2, 1}, {3, 3, 0xff}, {3, 5, 0xff}, {4, 0, 0xff}};
	struct world *world = *state;
	uint8_t outer[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_IPIP, 0, IP_PMTUDISC_DONT, outer);
	int near = plane_correspondent(world);

	plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint64_t before = plane_counter(world, AT_HOME, "tunnel_icmp_sent");

		inject_error(world, cases[i].type, cases[i].code, 0, outer, length);
		if (cases[i].told != 0xff) {
			struct icmp_error error = plane_error(world, near);

			assert_int_equal(error.type, MIP_ICMP_UNREACHABLE);
			assert_int_equal(error.code, cases[i].told);
		} else {
			plane_settle(world);
			assert_int_equal(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), before);
		}
	}
	close(near);
}

static void too_big_from_within_the_tunnel_is_relayed_and_remembered(void **state)
{
	struct world *world = *state;
	uint8_t outer[2000], octets[1400] = {0};
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_IPIP, 0, IP_PMTUDISC_DO, outer);
	int near = plane_correspondent(world);
	struct icmp_error error;

	plane_set_option(near, IPPROTO_IP, IP_RECVERR, 1);
	inject_error(world, 3, 4, 1200, outer, length);
	error = plane_error(world, near);
	assert_int_equal(error.code, 4);
	assert_int_equal(error.mtu, 1180);
	/* Another correspondent's packet: the kernel knows by now. PROBE: it does not take the MTU from
	 * what the first one learned. */
	plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
	error = plane_error(world, near);
	assert_int_equal(error.mtu, 1180);
	if (plane_tested() == MIP_PLANE_USER)
		assert_int_equal(plane_counter(world, AT_HOME, "drop_too_big"), 1);
	close(near);
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
	assert_in_range(plane_counter(world, AT_HOME, "tunnel_icmp_sent"), 50, 500);
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
		IN_WORLD(only_ip_in_udp_is_taken_from_a_udp_tunnel),
		IN_WORLD(congestion_met_in_the_tunnel_is_told_inside),
		IN_WORLD(a_packet_too_large_for_the_path_is_answered),
		IN_WORLD(a_packet_that_may_be_fragmented_is_so_before_it_is_encapsulated),
		IN_WORLD(a_stream_finds_its_way_through_a_narrow_path),
		IN_WORLD(errors_from_within_the_tunnel_reach_the_sender),
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

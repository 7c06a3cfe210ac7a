/*
 * What the planes do to the packets of each encapsulation on the way: the maximum segment size when asked for,
 * fragments, options, and raw sockets that leave receiving to others. Two hosts in namespaces.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "namespace.h"
#include "octets.h"
#include "packet.h"
#include "plane_world.h"
#include "user.h"

enum {
	NARROW = 1300, /* MTU of the outer path */
	TCP_HEADERS = 20 + 20,
	TIMESTAMPS = 12, /* octets of TCP options in every segment */
};

static uint32_t sent_segments(int socket)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	assert_int_equal(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	return info.tcpi_snd_mss;
}

static void check_segments(struct world *world, enum mip_encapsulation encapsulation, uint32_t expected)
{
	int near, far;

	plane_join(world, encapsulation);
	plane_enter(world, AT_HOME);
	namespace_must("ip link set v0 mtu %d", NARROW);
	plane_connect_stream(world, &near, &far);
	/* The SYN went out by this plane and the answer to it came in. */
	assert_int_equal(sent_segments(far), expected);
	assert_int_equal(sent_segments(near), expected);
	close(near);
	close(far);
}

static void segment_sizes_are_lowered_to_the_tunnels_both_ways(void **state)
{
	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		struct world *world = plane_next_world(state, i);
		size_t around = plane_encapsulations[i].overhead + TCP_HEADERS + TIMESTAMPS;

		mip_plane_set_clamp(world->hosts[AT_HOME].plane, true);
		check_segments(world, plane_encapsulations[i].encapsulation, (uint32_t)(NARROW - around));
	}
}

static void segment_sizes_are_left_alone_unless_asked_for(void **state)
{
	struct world *world = *state;

	mip_plane_set_clamp(world->hosts[AT_HOME].plane, true);
	mip_plane_set_clamp(world->hosts[AT_HOME].plane, false);
	check_segments(world, MIP_ENCAPSULATION_GRE, MIP_OUTER_MTU - MIP_OVERHEAD_GRE - TCP_HEADERS - TIMESTAMPS);
}

/* A size that is small enough is not raised. */
static void a_small_segment_size_stays(void **state)
{
	struct world *world = *state;
	int near, far;

	mip_plane_set_clamp(world->hosts[AT_HOME].plane, true);
	plane_join(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AWAY);
	namespace_must("ip route change " CORRESPONDENT "/32 dev mip0 src " HOME_ADDRESS " advmss 700");
	plane_connect_stream(world, &near, &far);
	assert_int_equal(sent_segments(near), 700 - TIMESTAMPS);
	close(near);
	close(far);
}

/* --- fragments and options -------------------------------------------------------------------- */

static void fragments_of_the_sender_go_through(void **state)
{
	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		struct world *world = plane_next_world(state, i);
		bool minimal = plane_encapsulations[i].encapsulation == MIP_ENCAPSULATION_MINIMAL;
		uint8_t octets[3000];
		int near, far;

		plane_join(world, plane_encapsulations[i].encapsulation);
		near = plane_correspondent(world);
		far = plane_mobile_node(world);
		plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
		for (size_t place = 0; place < sizeof(octets); place++)
			octets[place] = plane_octet(place);
		assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
		memset(octets, 0, sizeof(octets));
		assert_int_equal(plane_received(world, far, octets), sizeof(octets));
		for (size_t place = 0; place < sizeof(octets); place++)
			assert_int_equal(octets[place], plane_octet(place));
		/* rfc2004-3-1: not by minimal encapsulation. */
		plane_captured(world, minimal ? MIP_PROTOCOL_IPIP : plane_encapsulations[i].protocol, octets,
			sizeof(octets));
		/* They were small enough as they were. */
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_fragmented"), 0);
		assert_int_equal(plane_traffic(world, AWAY).packets_to, 3);
		close(near);
		close(far);
	}
}

/* RFC 2003 3.1: "Any options present in the inner IP header are in general NOT copied to the outer IP header";
 * with minimal encapsulation that header is the inner one. */
static void options_stay_with_the_inner_header(void **state)
{
	static const uint8_t options[] = {1, 1, 1, 0};

	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		struct world *world = plane_next_world(state, i);
		bool minimal = plane_encapsulations[i].encapsulation == MIP_ENCAPSULATION_MINIMAL;
		size_t around = plane_encapsulations[i].overhead;
		uint8_t octets[200], received[100];
		size_t length;
		int near, far;

		plane_join(world, plane_encapsulations[i].encapsulation);
		near = plane_correspondent(world);
		far = plane_mobile_node(world);
		assert_int_equal(setsockopt(near, IPPROTO_IP, IP_OPTIONS, options, sizeof(options)), 0);
		assert_int_equal(send(near, "hello", 5, 0), 5);
		length = plane_captured(world, plane_encapsulations[i].protocol, octets, sizeof(octets));
		assert_int_equal(length, around + 24 + 8 + 5);
		assert_int_equal(octets[0], minimal ? 0x46 : 0x45);
		assert_memory_equal(octets + (minimal ? 20 : around + 20), options, sizeof(options));
		assert_int_equal(plane_received(world, far, received), 5);
		close(near);
		close(far);
	}
}

/* --- receiving -------------------------------------------------------------------------------- */

/* Whether the raw socket of each encapsulation has something to read. */
static bool have_all_received(const struct mip_user *user, bool any)
{
	bool all = !any;

	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		struct pollfd ready = {.fd = user->raw_descriptors[i], .events = POLLIN};

		(void)poll(&ready, 1, 0);
		all = any ? all || ready.revents & POLLIN : all && ready.revents & POLLIN;
	}
	return all;
}

static void inject_each(struct world *world)
{
	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		uint8_t octets[40];
		struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
		struct mip_ip ip = {.ttl = 64, .protocol = plane_encapsulations[i].protocol};

		ip.source = plane_address(CARE_OF);
		ip.destination = plane_address(AGENT);
		mip_ip_packet_write(&writer, &ip, "0123456789", 10);
		plane_inject(world, AWAY, octets, writer.length);
	}
	plane_settle(world);
}

static void set_receiving(struct mip_user *user, bool receiving)
{
	for (int raw = 0; raw < (int)MIP_USER_RAWS; raw++)
		assert_int_equal(mip_user_set_receiving(user, (enum mip_encapsulation)raw, receiving), 0);
}

static void receiving_can_be_left_to_others(void **state)
{
	struct world *world = *state;
	struct mip_plane_options options = {.kind = MIP_PLANE_USER, .device = "mip1", .udp_descriptor = -1};
	const char *why = "";
	struct mip_user *user;

	plane_enter(world, AT_HOME);
	assert_int_equal(mip_user_new(&options, &user, &why), 0);
	set_receiving(user, true); /* it does already */
	set_receiving(user, false);
	inject_each(world);
	assert_false(have_all_received(user, true));
	set_receiving(user, true);
	inject_each(world);
	assert_true(have_all_received(user, false));
	mip_user_free(user);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, plane_setup, plane_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(segment_sizes_are_lowered_to_the_tunnels_both_ways),
		IN_WORLD(segment_sizes_are_left_alone_unless_asked_for),
		IN_WORLD(a_small_segment_size_stays),
		IN_WORLD(fragments_of_the_sender_go_through),
		IN_WORLD(options_stay_with_the_inner_header),
		IN_WORLD(receiving_can_be_left_to_others),
	};

	if (!namespace_allowed()) {
		print_message("needs root for network namespaces: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

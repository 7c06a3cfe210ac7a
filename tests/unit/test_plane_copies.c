/*
 * Copies of packets for simultaneous bindings: a home address with a tunnel to 10.9.0.2 and a copy to
 * 10.9.0.3, both at the other host. RFC 5944 4.2.3: "it tunnels a copy to each care-of address in the mobile
 * node's mobility binding list".
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "counter_value.h"
#include "namespace.h"
#include "packet.h"
#include "plane_table.h"
#include "plane_world.h"

#define SECOND_CARE_OF "10.9.0.3"

static struct mip_want copy_of(enum mip_encapsulation encapsulation)
{
	struct mip_want want = plane_tunnel(AT_HOME, encapsulation);

	want.kind = MIP_WANT_COPY;
	want.tunnel.remote = plane_address(SECOND_CARE_OF);
	return want;
}

static struct mip_want second_peer(enum mip_encapsulation encapsulation)
{
	struct mip_want want = plane_peer(AT_HOME, encapsulation);

	want.peer.remote = plane_address(SECOND_CARE_OF);
	return want;
}

static void tell(struct world *world, enum side side, const struct mip_want *want, bool wanted)
{
	struct mip_plane *plane = world->hosts[side].plane;

	plane_enter(world, side);
	assert_int_equal(wanted ? mip_plane_want(plane, want) : mip_plane_unwant(plane, want), 0);
	mip_plane_commit(plane);
}

/* A tunnel of the one encapsulation to the first, a copy of the other to the second. The node takes both. */
static void join_twice(struct world *world, enum mip_encapsulation first, enum mip_encapsulation second)
{
	struct mip_want copy = copy_of(second), peer = second_peer(second), at_node;

	plane_join(world, first);
	plane_enter(world, AWAY);
	namespace_must("ip address add " SECOND_CARE_OF "/24 dev v1");
	at_node = plane_peer(AWAY, first);
	at_node.peer.local = (struct mip_address){0};
	tell(world, AWAY, &at_node, true);
	at_node = plane_peer(AWAY, second);
	at_node.peer.local = (struct mip_address){0};
	tell(world, AWAY, &at_node, true);
	tell(world, AT_HOME, &copy, true);
	tell(world, AT_HOME, &peer, true);
}

static size_t count_arrivals(struct world *world, int socket)
{
	uint8_t octets[100];
	size_t count = 0;

	plane_settle(world);
	while (recv(socket, octets, sizeof(octets), 0) > 0)
		count++;
	return count;
}

static void say(int socket)
{
	assert_int_equal(send(socket, "hello", 5, 0), 5);
}

static void each_packet_goes_to_each_care_of_address(void **state)
{
	static const enum mip_encapsulation seconds[] = {MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_GRE,
		MIP_ENCAPSULATION_MINIMAL, MIP_ENCAPSULATION_UDP};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(seconds); i++) {
		struct world *world = plane_next_world(state, i);
		struct mip_plane_traffic traffic;
		int near, far;

		join_twice(world, MIP_ENCAPSULATION_IPIP, seconds[i]);
		near = plane_correspondent(world);
		far = plane_mobile_node(world);
		for (int packets = 1; packets <= 3; packets++) {
			say(near);
			assert_int_equal(count_arrivals(world, far), 2);
		}
		/* A packet is one, whatever becomes of it. */
		traffic = plane_traffic(world, AT_HOME);
		assert_int_equal(traffic.packets_to, 3);
		assert_int_equal(traffic.bytes_to, 3 * (20 + 8 + 5));
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 6);
		close(near);
		close(far);
	}
}

static void outer_headers_are_each_tunnel_s_own(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	struct mip_ip first, second;
	size_t length;
	int near, far;

	world->hold_away = true;
	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_UDP);
	near = plane_correspondent(world);
	far = plane_mobile_node(world); /* to whom a device of the kernel's may bring it */
	say(near);
	length = plane_captured(world, MIP_PROTOCOL_IPIP, octets, sizeof(octets));
	first = plane_ip(octets, length);
	assert_int_equal(first.destination.value, plane_address(CARE_OF).value);
	say(near);
	length = plane_captured(world, MIP_PROTOCOL_UDP, octets, sizeof(octets));
	second = plane_ip(octets, length);
	assert_int_equal(second.destination.value, plane_address(SECOND_CARE_OF).value);
	assert_int_equal(second.source.value, plane_address(AGENT).value);
	close(near);
	close(far);
}

static void when_the_copy_ends_there_is_one_again(void **state)
{
	struct world *world = *state;
	struct mip_want copy = copy_of(MIP_ENCAPSULATION_GRE);
	int near, far;

	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_GRE);
	near = plane_correspondent(world);
	far = plane_mobile_node(world);
	say(near);
	assert_int_equal(count_arrivals(world, far), 2);
	tell(world, AT_HOME, &copy, false);
	say(near);
	assert_int_equal(count_arrivals(world, far), 1);
	/* What is not there is no error. */
	tell(world, AT_HOME, &copy, false);
	close(near);
	close(far);
}

/* As the home agent does it when the first binding ends: the copy's way becomes the tunnel, then the copy
 * goes. */
static void the_second_takes_the_first_one_s_place(void **state)
{
	struct world *world = *state;
	struct mip_want copy = copy_of(MIP_ENCAPSULATION_IPIP), tunnel = copy;
	int near, far;

	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_IPIP);
	near = plane_correspondent(world);
	far = plane_mobile_node(world);
	tunnel.kind = MIP_WANT_TUNNEL;
	tell(world, AT_HOME, &tunnel, true);
	tell(world, AT_HOME, &copy, false);
	plane_enter(world, AWAY);
	namespace_must("ip address delete " CARE_OF "/24 dev v1");
	namespace_must("ip address add " SECOND_CARE_OF "/24 dev v1 2>/dev/null || true");
	say(near);
	assert_int_equal(count_arrivals(world, far), 1);
	close(near);
	close(far);
}

/* What is too large for one of them is told to the sender, and reaches the node by the other. */
static void a_packet_too_large_for_one_of_them_goes_by_the_other(void **state)
{
	struct world *world = *state;
	uint8_t octets[(MIP_OUTER_MTU - MIP_OVERHEAD_IPIP) - 28] = {0};
	struct icmp_error error;
	int near, far, on = 1;

	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_UDP);
	near = plane_correspondent(world);
	far = plane_mobile_node(world);
	plane_set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	plane_set_option(near, IPPROTO_IP, IP_RECVERR, on);
	assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
	error = plane_error(world, near);
	assert_int_equal(error.type, 3);
	assert_int_equal(error.code, 4);
	assert_int_equal(error.mtu, MIP_OUTER_MTU - MIP_OVERHEAD_UDP);
	assert_int_equal(count_arrivals(world, far), 1);
	close(near);
	close(far);
}

/* Large segments, cut for each of the tunnels; the node's TCP takes what comes twice. */
static void a_stream_goes_through_whole(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct world *world = plane_next_world(state, i);
		struct plane_stream stream = {0};

		join_twice(world, i == 0 ? MIP_ENCAPSULATION_IPIP : MIP_ENCAPSULATION_UDP,
			i == 0 ? MIP_ENCAPSULATION_GRE : MIP_ENCAPSULATION_IPIP);
		/* As the home agent's route has it: the narrowest. */
		plane_enter(world, AT_HOME);
		namespace_must("ip route replace " HOME_ADDRESS "/32 dev mip0 src " CORRESPONDENT " mtu %d",
			i == 0 ? MIP_OUTER_MTU - MIP_OVERHEAD_GRE : MIP_OUTER_MTU - MIP_OVERHEAD_UDP);
		plane_connect_stream(world, &stream.from, &stream.to);
		assert_true(plane_run(world, plane_stream_is_through, &stream));
		close(stream.from);
		close(stream.to);
	}
}

/* rfc3024-4.3.2-2, rfc3024-4.3.2-3: from each care-of address, by the encapsulation that each has. */
static void from_the_second_only_what_was_negotiated_there_is_taken(void **state)
{
	struct mip_plane_table table = {0};
	struct mip_want tunnel = plane_tunnel(AT_HOME, MIP_ENCAPSULATION_IPIP);
	struct mip_want copy = copy_of(MIP_ENCAPSULATION_GRE), peer = second_peer(MIP_ENCAPSULATION_GRE);
	struct mip_plane_arrival arrival = {
		.inner_source = plane_address(HOME_ADDRESS),
		.inner_destination = plane_address(CORRESPONDENT),
		.remote = plane_address(SECOND_CARE_OF),
		.local = plane_address(AGENT),
		.encapsulation = MIP_ENCAPSULATION_GRE,
	};
	struct mip_plane_home *home;

	(void)state;
	assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel.tunnel), 0);
	assert_int_equal(mip_plane_table_set_copy(&table, &copy.tunnel), 0);
	assert_int_equal(mip_plane_table_set_peer(&table, &peer.peer), 0);
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &home), 0);
	arrival.encapsulation = MIP_ENCAPSULATION_IPIP;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &home), -EACCES);
	/* Another value under the same key replaces it. */
	copy.tunnel.encapsulation = MIP_ENCAPSULATION_IPIP;
	assert_int_equal(mip_plane_table_set_copy(&table, &copy.tunnel), 0);
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &home), 0);
	assert_null(home->copies->copies);
	/* The entry lives as long as there is anything of it. */
	mip_plane_table_remove_tunnel(&table, &tunnel.tunnel);
	mip_plane_table_remove_peer(&table, &peer.peer);
	assert_non_null(mip_plane_table_home(&table, plane_address(HOME_ADDRESS), MIP_TUNNEL_HOME));
	assert_null(
		mip_plane_table_tunnel(&table, plane_address(CORRESPONDENT), plane_address(HOME_ADDRESS)));
	mip_plane_table_remove_copy(&table, &copy.tunnel);
	assert_null(mip_plane_table_home(&table, plane_address(HOME_ADDRESS), MIP_TUNNEL_HOME));
	assert_int_equal(mip_plane_table_set_copy(&table, &copy.tunnel), 0);
	mip_plane_table_clear(&table);
}

/* rfc5944-4.2.3-11: from a care-of address of the node's, whichever of them, nothing is sent back into the
 * tunnels. */
static void a_packet_from_one_of_the_care_of_addresses_goes_to_none(void **state)
{
	struct world *world = *state;
	struct sockaddr_in node = {.sin_family = AF_INET, .sin_port = htons(PLANE_PORT)};
	int socket_of_its;

	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_GRE);
	plane_enter(world, AT_HOME);
	namespace_must("ip address add " SECOND_CARE_OF "/32 dev lo");
	socket_of_its = plane_socket(world, AT_HOME, SOCK_DGRAM, SECOND_CARE_OF, 0, "", 0);
	node.sin_addr.s_addr = plane_address(HOME_ADDRESS).value;
	assert_int_equal(sendto(socket_of_its, "hello", 5, 0, (struct sockaddr *)&node, sizeof(node)), 5);
	plane_settle(world);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_loop"), 1);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 0);
	close(socket_of_its);
}

/* An accelerator's own counter may have the same name. */
static uint64_t by_daemon(const struct world *world)
{
	return counter_value(mip_plane_counters(world->hosts[AT_HOME].plane), "tunnel_packets_out");
}

/* An accelerator leaves the whole of it to the user plane while there are copies, and takes it again
 * afterwards. */
static void an_accelerator_steps_aside_while_there_are_copies(void **state)
{
	struct world *world = *state;
	struct mip_want copy = copy_of(MIP_ENCAPSULATION_GRE);
	char reason[MIP_PLANE_REASON] = "";
	uint64_t before;
	int near, far;

	plane_enter(world, AT_HOME);
	namespace_must("sysctl -qw net.ipv4.ip_forward=1"); /* as where an agent runs */
	if (mip_plane_switch(world->hosts[AT_HOME].plane,
		    plane_tested() == MIP_PLANE_KERNEL ? MIP_PLANE_KERNEL : MIP_PLANE_BPF, reason) != 0)
		skip();
	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_GRE);
	near = plane_correspondent(world);
	far = plane_mobile_node(world);
	say(near);
	assert_int_equal(count_arrivals(world, far), 2);
	say(far);
	assert_int_equal(count_arrivals(world, near), 1);
	assert_int_equal(by_daemon(world), 2);
	assert_int_equal(plane_traffic(world, AT_HOME).packets_to, 1);
	assert_int_equal(plane_traffic(world, AT_HOME).packets_from, 1);
	tell(world, AT_HOME, &copy, false);
	before = by_daemon(world);
	for (int i = 0; i < 3; i++) {
		say(near);
		assert_int_equal(count_arrivals(world, far), 1);
	}
	/* The first may go by the daemon, for its way has to be found. */
	assert_in_range(by_daemon(world) - before, 0, 1);
	assert_int_equal(plane_traffic(world, AT_HOME).packets_to, 4);
	/* And one that is made while there are copies. (The kernel plane's nexthops, where the test's route leads, go
	 * with it.) */
	if (plane_tested() == MIP_PLANE_KERNEL)
		goto end;
	tell(world, AT_HOME, &copy, true);
	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_switch(world->hosts[AT_HOME].plane, MIP_PLANE_USER, reason), 0);
	assert_int_equal(
		mip_plane_switch(world->hosts[AT_HOME].plane,
			plane_tested() == MIP_PLANE_KERNEL ? MIP_PLANE_KERNEL : MIP_PLANE_BPF, reason),
		0);
	say(near);
	assert_int_equal(count_arrivals(world, far), 2);

end:
	close(near);
	close(far);
}

/* RFC 5944 4.3: each binding's broadcasts and multicasts are encapsulated in its own way, so they go by its own tunnel. */
static void what_is_for_one_of_the_tunnels_goes_by_that_one(void **state)
{
	struct world *world = *state;
	struct mip_output_copy copy = {.home_address = plane_address(HOME_ADDRESS)};
	struct mip_want second = copy_of(MIP_ENCAPSULATION_UDP);
	uint8_t packet[64], octets[2000];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_plane *plane;

	world->hold_away = true;
	join_twice(world, MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_UDP);
	plane = world->hosts[AT_HOME].plane;
	mip_udp_packet_write(&writer,
		&(struct mip_ip){.ttl = 1,
			.source = plane_address("10.1.0.20"),
			.destination = plane_address("239.1.2.3")},
		&(struct mip_udp){5000, 5000}, "hello", 5);
	plane_enter(world, AT_HOME);
	copy.remote = plane_address(CARE_OF);
	assert_int_equal(mip_plane_copy(plane, &copy, packet, writer.length), 0);
	(void)plane_captured(world, MIP_PROTOCOL_IPIP, octets, sizeof(octets));
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 1);
	copy.remote = second.tunnel.remote;
	copy.remote_port = second.tunnel.remote_port;
	assert_int_equal(mip_plane_copy(plane, &copy, packet, writer.length), 0);
	(void)plane_captured(world, MIP_PROTOCOL_UDP, octets, sizeof(octets));
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 2);
	/* Another port of the same NAT is another tunnel, and there is none. */
	copy.remote_port++;
	assert_int_equal(mip_plane_copy(plane, &copy, packet, writer.length), -ENOENT);
	/* Without a name it is each of them. */
	copy = (struct mip_output_copy){.home_address = copy.home_address};
	assert_int_equal(mip_plane_copy(plane, &copy, packet, writer.length), 0);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 4);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_copies_out"), 3);
}

#define PLANE_TEST(test) cmocka_unit_test_setup_teardown(test, plane_setup, plane_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLANE_TEST(each_packet_goes_to_each_care_of_address),
		PLANE_TEST(outer_headers_are_each_tunnel_s_own),
		PLANE_TEST(when_the_copy_ends_there_is_one_again),
		PLANE_TEST(the_second_takes_the_first_one_s_place),
		PLANE_TEST(a_packet_too_large_for_one_of_them_goes_by_the_other),
		PLANE_TEST(a_stream_goes_through_whole),
		PLANE_TEST(a_packet_from_one_of_the_care_of_addresses_goes_to_none),
		PLANE_TEST(an_accelerator_steps_aside_while_there_are_copies),
		PLANE_TEST(what_is_for_one_of_the_tunnels_goes_by_that_one),
		cmocka_unit_test(from_the_second_only_what_was_negotiated_there_is_taken),
	};

	if (!namespace_allowed()) {
		print_message("needs root for network namespaces: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The user plane on real packets: two hosts in namespaces with a tunnel between them.
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
#include "counter_value.h"
#include "inner.h"
#include "namespace.h"
#include "octets.h"
#include "packet.h"
#include "plane_world.h"
#include "registration.h"

/* --- the front -------------------------------------------------------------------------------- */

static void the_device_is_up_with_its_mtu_and_without_an_address(void **state)
{
	struct world *world = *state;
	struct mip_plane_options options = {
		.kind = MIP_PLANE_USER, .device = "mip1", .mtu = 1300, .udp_descriptor = -1};
	struct mip_plane *plane, *other;
	char reason[MIP_PLANE_REASON] = "";
	char *shown;

	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_new(&options, &plane, reason), 0);
	assert_int_equal(mip_plane_link(plane), if_nametoindex("mip1"));
	shown = namespace_output("ip address show dev mip1");
	assert_non_null(strstr(shown, "mtu 1300"));
	assert_non_null(strstr(shown, ",UP"));
	assert_null(strstr(shown, "inet"));
	free(shown);
	assert_int_equal(mip_plane_new(&options, &other, reason), -EBUSY);
	assert_non_null(strstr(reason, "already"));
	mip_plane_free(plane);
	assert_int_equal(if_nametoindex("mip1"), 0);
	shown = namespace_output("ip link show dev mip0");
	assert_non_null(strstr(shown, "mtu 1468"));
	free(shown);
}

static void what_this_plane_has_not_is_refused(void **state)
{
	struct world *world = *state;
	struct mip_want want = plane_tunnel(AT_HOME, MIP_ENCAPSULATION_UDP);
	struct mip_plane_options options = {.kind = MIP_PLANE_USER, .device = "mip1", .udp_descriptor = -1};
	struct mip_plane_traffic found;
	struct mip_plane *plane;
	char reason[MIP_PLANE_REASON] = "";

	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_new(&options, &plane, reason), 0);
	assert_int_equal(mip_plane_want(plane, &want), -EOPNOTSUPP); /* without a UDP socket */
	want.kind = MIP_WANT_RULE;
	assert_int_equal(mip_plane_want(plane, &want), -EINVAL);
	mip_plane_free(plane);
	assert_int_equal(mip_plane_traffic(world->hosts[AT_HOME].plane, plane_address(HOME_ADDRESS),
				 MIP_TUNNEL_HOME, &found),
		-ENOENT);
}

/* --- outer headers ---------------------------------------------------------------------------- */

/* The kernel leaves a checksum to the card, which is none here; the daemon finishes it. */
static void assert_checksum(const uint8_t *octets, size_t length)
{
	struct mip_inner inner;
	enum mip_inner_checksum found;

	assert_int_equal(mip_inner_read(octets, length, &inner), 0);
	found = mip_inner_check(&inner);
	assert_true(found == MIP_CHECKSUM_VALID ||
		    (found == MIP_CHECKSUM_PARTIAL && plane_tested() != MIP_PLANE_USER));
}

static void assert_is_hello(const uint8_t *octets, size_t length)
{
	struct mip_ip ip;
	struct mip_udp udp;
	struct mip_reader payload;

	assert_checksum(octets, length);
	assert_int_equal(mip_udp_packet_read(octets, length, true, &ip, &udp, &payload), 0);
	assert_int_equal(ip.source.value, plane_address(CORRESPONDENT).value);
	assert_int_equal(ip.destination.value, plane_address(HOME_ADDRESS).value);
	assert_int_equal(udp.destination_port, PLANE_PORT);
	assert_int_equal(mip_reader_left(&payload), 5);
	assert_memory_equal(payload.octets + payload.position, "hello", 5);
}

/* rfc2003-3.1-1, rfc2003-5.1-3, rfc5944-4.1-1 */
static void an_ip_in_ip_packet_has_the_header_of_rfc_2003(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_IPIP, 0xba, IP_PMTUDISC_DO, octets);
	struct mip_ip outer = plane_ip(octets, length);

	assert_int_equal(length, 20 + 20 + 8 + 5);
	assert_int_equal(outer.header_length, 20);
	assert_int_equal(outer.total_length, length);
	assert_int_equal(outer.protocol, 4);
	assert_int_equal(outer.tos, 0xba);
	assert_int_equal(outer.ttl, 64);
	assert_true(outer.dont_fragment);
	assert_int_equal(outer.source.value, plane_address(AGENT).value);
	assert_int_equal(outer.destination.value, plane_address(CARE_OF).value);
	assert_is_hello(octets + 20, length - 20);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 1);
}

/* rfc2003-5.1-3 */
static void a_packet_that_may_be_fragmented_has_no_df_outside(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_IPIP, 0, IP_PMTUDISC_DONT, octets);
	struct mip_ip outer = plane_ip(octets, length);

	assert_false(outer.dont_fragment);
	assert_int_equal(outer.tos, 0);
}

/* rfc3519-4.1-1 */
static void a_udp_packet_has_the_header_of_rfc_3519(void **state)
{
	static const uint8_t tunnel_data[] = {4, 4, 0, 0};
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_UDP, 0x28, IP_PMTUDISC_DO, octets);
	struct mip_ip outer = plane_ip(octets, length);
	int discovery = -1;
	socklen_t size = sizeof(discovery);

	assert_int_equal(length, 20 + 8 + 4 + 20 + 8 + 5);
	assert_int_equal(outer.protocol, MIP_PROTOCOL_UDP);
	assert_true(outer.dont_fragment);
	assert_int_equal(outer.tos, 0x28);
	assert_int_equal(outer.ttl, 64);
	assert_int_equal(outer.source.value, plane_address(AGENT).value);
	assert_int_equal(mip_octets_get16(octets + 20), MIP_REGISTRATION_PORT);
	assert_int_equal(mip_octets_get16(octets + 22), MIP_REGISTRATION_PORT);
	/* RFC 3519 asks for no checksum; RFC 768 allows zero, and the inner packet has its own. */
	if (plane_tested() == MIP_PLANE_BPF)
		assert_int_equal(mip_octets_get16(octets + 26), 0);
	else
		assert_int_not_equal(mip_octets_get16(octets + 26), 0);
	assert_memory_equal(octets + 28, tunnel_data, 4);
	assert_is_hello(octets + 32, length - 32);
	/* The caller's socket is as it was. */
	assert_int_equal(
		getsockopt(world->hosts[AT_HOME].udp, IPPROTO_IP, IP_MTU_DISCOVER, &discovery, &size), 0);
	assert_int_equal(discovery, IP_PMTUDISC_DONT);
}

static void a_gre_packet_has_the_plain_header_of_rfc_2784(void **state)
{
	static const uint8_t gre[] = {0, 0, 8, 0};
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_GRE, 0xba, IP_PMTUDISC_DO, octets);
	struct mip_ip outer = plane_ip(octets, length);

	assert_int_equal(length, 20 + 4 + 20 + 8 + 5);
	assert_int_equal(outer.protocol, 47);
	assert_int_equal(outer.tos, 0xba);
	assert_int_equal(outer.ttl, 64);
	assert_true(outer.dont_fragment);
	assert_int_equal(outer.source.value, plane_address(AGENT).value);
	assert_int_equal(outer.destination.value, plane_address(CARE_OF).value);
	assert_memory_equal(octets + 20, gre, 4);
	assert_is_hello(octets + 24, length - 24);
}

static void a_minimal_packet_is_the_inner_one_with_another_header(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000], inner[2000];
	size_t length = plane_outer_packet(world, MIP_ENCAPSULATION_MINIMAL, 0xba, IP_PMTUDISC_DONT, octets);
	struct mip_ip outer = plane_ip(octets, length);
	struct mip_address source = plane_address(CORRESPONDENT), destination = plane_address(HOME_ADDRESS);

	assert_int_equal(length, 20 + 12 + 8 + 5);
	assert_int_equal(outer.total_length, length);
	assert_int_equal(outer.protocol, 55);
	assert_int_equal(outer.tos, 0xba);
	assert_int_equal(outer.ttl, 64); /* the correspondent's own */
	assert_false(outer.dont_fragment);
	assert_int_not_equal(outer.identification, 0);
	assert_int_equal(outer.source.value, plane_address(AGENT).value);
	assert_int_equal(outer.destination.value, plane_address(CARE_OF).value);
	assert_int_equal(octets[20], MIP_PROTOCOL_UDP);
	assert_int_equal(octets[21], 0x80);
	assert_int_equal(mip_checksum_finish(mip_checksum_add(0, octets + 20, 12)), 0);
	assert_memory_equal(octets + 24, &destination, 4);
	assert_memory_equal(octets + 28, &source, 4);
	/* By RFC 2004 3 it becomes the original again. */
	memcpy(inner, octets, 20);
	memcpy(inner + 20, octets + 32, length - 32);
	inner[9] = octets[20];
	memcpy(inner + 12, octets + 28, 4);
	memcpy(inner + 16, octets + 24, 4);
	mip_octets_put16(inner + 2, (uint16_t)(length - 12));
	mip_inner_finish_ip(inner, 20);
	assert_is_hello(inner, length - 12);
}

/* RFC 2004 3: the S bit is clear where the outer source is the original one. */
static void a_minimal_packet_of_the_tunnels_own_end_names_no_source(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length;
	int near, far;

	plane_join(world, MIP_ENCAPSULATION_MINIMAL);
	near = plane_socket(
		world, AT_HOME, SOCK_DGRAM, AGENT, PLANE_CORRESPONDENT_PORT, HOME_ADDRESS, PLANE_PORT);
	far = plane_socket(world, AWAY, SOCK_DGRAM, HOME_ADDRESS, PLANE_PORT, "", 0);
	assert_int_equal(send(near, "hello", 5, 0), 5);
	length = plane_captured(world, MIP_PROTOCOL_MINIMAL, octets, sizeof(octets));
	assert_int_equal(length, 20 + 8 + 8 + 5);
	assert_int_equal(octets[21], 0);
	assert_int_equal(plane_received(world, far, octets), 5);
	assert_memory_equal(octets, "hello", 5);
	close(near);
	close(far);
}

/* The correspondent to the mobile node. */
static void say_hello(struct world *world)
{
	int socket = plane_correspondent(world);

	/* A plane in the kernel may say at once that it drops it. */
	assert_true(send(socket, "hello", 5, 0) == 5 || errno == EPERM);
	plane_settle(world);
	close(socket);
}

static void packets_without_a_tunnel_are_dropped(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = plane_tunnel(AT_HOME, MIP_ENCAPSULATION_IPIP);

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	assert_int_equal(mip_plane_unwant(world->hosts[AT_HOME].plane, &tunnel), 0);
	mip_plane_commit(world->hosts[AT_HOME].plane);
	say_hello(world);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_no_tunnel"), 1);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 0);
}

/* rfc2003-3.2-2 */
static void packets_from_the_tunnels_exit_are_not_sent_back(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = plane_tunnel(AT_HOME, MIP_ENCAPSULATION_IPIP);

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	tunnel.tunnel.remote = plane_address(CORRESPONDENT);
	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &tunnel), 0);
	mip_plane_commit(world->hosts[AT_HOME].plane);
	say_hello(world);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_loop"), 1);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 0);
}

/* All that are behind a NAT have its address: two of them may well talk, one by its home address. */
static void packets_from_the_nat_that_a_node_is_behind_go_to_it(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = plane_tunnel(AT_HOME, MIP_ENCAPSULATION_UDP);

	plane_join(world, MIP_ENCAPSULATION_UDP);
	tunnel.tunnel.remote = plane_address(CORRESPONDENT);
	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &tunnel), 0);
	say_hello(world);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_loop"), 0);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_packets_out"), 1);
}

static void what_another_address_says_to_groups_is_not_tunnelled(void **state)
{
	struct world *world = *state;
	struct in_addr from;
	int socket;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	namespace_must("ip route add 224.0.0.9/32 dev mip0");
	from.s_addr = plane_address(HOME_ADDRESS).value;
	socket = plane_socket(world, AWAY, SOCK_DGRAM, CARE_OF, PLANE_PORT, "224.0.0.9", PLANE_PORT);
	assert_int_equal(setsockopt(socket, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)), 0);
	assert_int_equal(send(socket, "hello", 5, 0), 5);
	plane_settle(world);
	assert_int_equal(plane_counter(world, AWAY, "drop_broadcast"), 1);
	close(socket);
}

/* --- through and back ------------------------------------------------------------------------- */

/* That the daemon has not carried what was to be tested of the programs. */
static void assert_programs_carried(const struct world *world)
{
	if (plane_tested() != MIP_PLANE_BPF)
		return;
	for (int side = 0; side < SIDES; side++) {
		struct mip_counter_table table = mip_plane_accelerator_counters(world->hosts[side].plane);

		assert_true(counter_value(table, "bpf_packets_out") > 0);
		assert_true(counter_value(table, "bpf_packets_in") > 0);
	}
}

/* rfc3024-4.3.2-4: "… is in effect, a home agent MUST process each valid reverse tunneled packet …" */
/* rfc5944-4.2.3-6: "Home agents MUST decapsulate packets addressed to themselves, sent by a mobile …" */
static void a_datagram_goes_through_and_back(void **state)
{
	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		struct world *world;
		int near, far;
		uint8_t octets[100];
		struct mip_plane_traffic here, there;

		world = plane_next_world(state, i);
		plane_join(world, plane_encapsulations[i].encapsulation);
		near = plane_correspondent(world);
		far = plane_mobile_node(world);
		assert_int_equal(send(near, "hello", 5, 0), 5);
		assert_int_equal(plane_received(world, far, octets), 5);
		assert_memory_equal(octets, "hello", 5);
		assert_int_equal(send(far, "hello yourself", 14, 0), 14);
		assert_int_equal(plane_received(world, near, octets), 14);
		assert_memory_equal(octets, "hello yourself", 14);
		here = plane_traffic(world, AT_HOME);
		there = plane_traffic(world, AWAY);
		assert_int_equal(here.packets_to, 1);
		assert_int_equal(here.bytes_to, 33);
		assert_int_equal(here.packets_from, 1);
		assert_int_equal(here.bytes_from, 42);
		assert_memory_equal(&here, &there, offsetof(struct mip_plane_traffic, last_sent));
		if (plane_tested() == MIP_PLANE_USER)
			assert_true(here.last_sent > 0 && there.last_sent > 0);
		assert_programs_carried(world);
		close(near);
		close(far);
	}
}

static void a_stream_arrives_whole(struct world *world, enum mip_encapsulation encapsulation)
{
	int near, far;
	struct mip_plane_traffic here;

	plane_join(world, encapsulation);
	plane_connect_stream(world, &near, &far);
	assert_true(
		plane_run(world, plane_stream_is_through, &(struct plane_stream){.from = near, .to = far}));
	assert_true(
		plane_run(world, plane_stream_is_through, &(struct plane_stream){.from = far, .to = near}));
	here = plane_traffic(world, AT_HOME);
	assert_in_range(here.bytes_to, PLANE_STREAM, 2 * PLANE_STREAM);
	/* Cut to the tunnel's MTU; what the kernel carries it counts as it finds it, uncut. */
	if (plane_tested() == MIP_PLANE_USER)
		assert_in_range(here.packets_to, PLANE_STREAM / 1448, PLANE_STREAM);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_too_big"), 0);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_device"), 0);
	close(near);
	close(far);
}

/* rfc5944-4.1-2 */
static void a_stream_arrives_whole_by_ip_in_ip(void **state)
{
	a_stream_arrives_whole(*state, MIP_ENCAPSULATION_IPIP);
}

static void a_stream_arrives_whole_by_gre(void **state)
{
	a_stream_arrives_whole(*state, MIP_ENCAPSULATION_GRE);
}

static void a_stream_arrives_whole_by_minimal_encapsulation(void **state)
{
	a_stream_arrives_whole(*state, MIP_ENCAPSULATION_MINIMAL);
}

static void a_stream_arrives_whole_by_udp(void **state)
{
	a_stream_arrives_whole(*state, MIP_ENCAPSULATION_UDP);
}

static void set_offload(
	const struct world *world, enum side side, const char *name, uint32_t command, bool on)
{
	struct ethtool_value value = {.cmd = command, .data = on};
	struct ifreq request = {0};
	int descriptor;

	plane_enter(world, side);
	strcpy(request.ifr_name, name);
	request.ifr_data = (char *)&value;
	descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioctl(descriptor, SIOCETHTOOL, &request), 0);
	close(descriptor);
}

/* Lets the card of the mobile node join what it receives, as real ones do. This one does so only if the other
 * end cannot cut, and gets one packet at a time, so it has to be told to wait for more. */
static void switch_gro_on(const struct world *world)
{
	set_offload(world, AT_HOME, "v0", ETHTOOL_STSO, false);
	set_offload(world, AWAY, "v1", ETHTOOL_SGRO, true);
	namespace_must("unshare -m sh -c 'mount -t sysfs sysfs /sys && cd /sys/class/net/v1 && "
		       "echo 1000000 >gro_flush_timeout && echo 100 >napi_defer_hard_irqs'");
}

/* A network card joins the segments inside of IP-in-IP before the raw socket sees them. */
static void a_stream_that_the_card_joins_arrives_whole(void **state)
{
	struct world *world = *state;

	switch_gro_on(world);
	a_stream_arrives_whole(world, MIP_ENCAPSULATION_IPIP);
	if (plane_tested() == MIP_PLANE_USER)
		assert_in_range(plane_counter(world, AWAY, "tunnel_packets_in"), 1,
			plane_counter(world, AT_HOME, "tunnel_packets_out") * 3 / 4);
}

static void datagrams_sent_as_one_stay_datagrams(void **state)
{
	for (size_t i = 0; i < PLANE_ENCAPSULATIONS; i++) {
		struct world *world;
		int near, far;
		uint8_t octets[12000];

		world = plane_next_world(state, i);
		plane_join(world, plane_encapsulations[i].encapsulation);
		near = plane_correspondent(world);
		far = plane_mobile_node(world);
		plane_set_option(near, IPPROTO_UDP, UDP_SEGMENT, 1200);
		for (size_t place = 0; place < 10500; place++)
			octets[place] = plane_octet(place);
		assert_int_equal(send(near, octets, 10500, 0), 10500);
		for (size_t place = 0; place < 10500; place += 1200) {
			size_t length = place + 1200 < 10500 ? 1200 : 10500 - place;

			assert_int_equal(plane_received(world, far, octets), length);
			for (size_t k = 0; k < length; k++)
				assert_int_equal(octets[k], plane_octet(place + k));
		}
		if (plane_tested() == MIP_PLANE_USER ||
			plane_encapsulations[i].encapsulation == MIP_ENCAPSULATION_UDP)
			assert_int_equal(plane_traffic(world, AWAY).packets_to, 9);
		close(near);
		close(far);
	}
}

static void pings_are_shown_to_the_machine_and_nothing_else_is(void **state)
{
	struct world *world = *state;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr = {.s_addr = plane_address(CORRESPONDENT).value}};
	uint8_t ping[12], octets[100];
	struct mip_writer writer = mip_writer_of(ping, sizeof(ping));
	struct mip_icmp_echo echo = {MIP_ICMP_ECHO_REQUEST, 77, 1};
	int near, far, raw;

	plane_join(world, MIP_ENCAPSULATION_UDP);
	near = plane_correspondent(world);
	far = plane_mobile_node(world);
	raw = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
	assert_true(raw >= 0);
	mip_icmp_echo_write(&writer, &echo, "ping", 4);
	assert_int_equal(send(far, "hello", 5, 0), 5);
	assert_int_equal(
		sendto(raw, ping, sizeof(ping), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(ping));
	assert_int_equal(plane_received(world, raw, octets), 32);
	assert_int_equal(octets[20], MIP_ICMP_ECHO_REPLY);
	assert_int_equal(plane_received(world, near, octets), 5);
	assert_int_equal(world->inspected, 1);
	world->take_inspected = true;
	assert_int_equal(
		sendto(raw, ping, sizeof(ping), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(ping));
	assert_true(plane_nothing_arrives(world, raw));
	assert_int_equal(world->inspected, 2);
	assert_int_equal(plane_traffic(world, AT_HOME).packets_from, 3);
	close(near);
	close(far);
	close(raw);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, plane_setup, plane_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(the_device_is_up_with_its_mtu_and_without_an_address),
		IN_WORLD(what_this_plane_has_not_is_refused),
		IN_WORLD(an_ip_in_ip_packet_has_the_header_of_rfc_2003),
		IN_WORLD(a_packet_that_may_be_fragmented_has_no_df_outside),
		IN_WORLD(a_udp_packet_has_the_header_of_rfc_3519),
		IN_WORLD(a_gre_packet_has_the_plain_header_of_rfc_2784),
		IN_WORLD(a_minimal_packet_is_the_inner_one_with_another_header),
		IN_WORLD(a_minimal_packet_of_the_tunnels_own_end_names_no_source),
		IN_WORLD(packets_without_a_tunnel_are_dropped),
		IN_WORLD(packets_from_the_tunnels_exit_are_not_sent_back),
		IN_WORLD(packets_from_the_nat_that_a_node_is_behind_go_to_it),
		IN_WORLD(what_another_address_says_to_groups_is_not_tunnelled),
		IN_WORLD(a_datagram_goes_through_and_back),
		IN_WORLD(a_stream_arrives_whole_by_ip_in_ip),
		IN_WORLD(a_stream_arrives_whole_by_gre),
		IN_WORLD(a_stream_arrives_whole_by_minimal_encapsulation),
		IN_WORLD(a_stream_arrives_whole_by_udp),
		IN_WORLD(a_stream_that_the_card_joins_arrives_whole),
		IN_WORLD(datagrams_sent_as_one_stay_datagrams),
		IN_WORLD(pings_are_shown_to_the_machine_and_nothing_else_is),
	};

	if (!namespace_allowed()) {
		print_message("needs root for network namespaces: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "namespace.h"
#include "octets.h"
#include "packet.h"
#include "plane_world.h"
#include "registration.h"

enum {
	PORT = 7000,
	CORRESPONDENT_PORT = 6000,
	STREAM = 6 * 1024 * 1024,
};

static const enum mip_encapsulation both[] = {MIP_ENCAPSULATION_IPIP, MIP_ENCAPSULATION_UDP};

/* A correspondent's socket towards the mobile node. */
static int correspondent(const struct world *world)
{
	return open_socket(world, AT_HOME, SOCK_DGRAM, CORRESPONDENT, CORRESPONDENT_PORT, HOME_ADDRESS, PORT);
}
static int mobile_node(const struct world *world)
{
	return open_socket(world, AWAY, SOCK_DGRAM, HOME_ADDRESS, PORT, CORRESPONDENT, CORRESPONDENT_PORT);
}

struct arrival {
	int descriptor;
	uint8_t octets[65536];
	ssize_t length;
};

static bool has_arrived(void *context)
{
	struct arrival *arrival = context;

	arrival->length = recv(arrival->descriptor, arrival->octets, sizeof(arrival->octets), 0);
	return arrival->length >= 0;
}

/* The next datagram that a socket gets; its length. */
static size_t received(struct world *world, int descriptor, uint8_t *octets)
{
	static struct arrival arrival;

	arrival.descriptor = descriptor;
	assert_true(world_run(world, has_arrived, &arrival));
	memcpy(octets, arrival.octets, (size_t)arrival.length);
	return (size_t)arrival.length;
}

static bool nothing_arrives(struct world *world, int descriptor)
{
	uint8_t octet;

	world_settle(world);
	return recv(descriptor, &octet, 1, 0) < 0 && errno == EAGAIN;
}

/* --- the front
 * ---------------------------------------------------------------------------------------------- */

static void planes_that_are_not_there_are_refused_with_a_reason(void **state)
{
	static const enum mip_plane_kind kinds[] = {MIP_PLANE_KERNEL, MIP_PLANE_BPF};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct mip_plane_options options = {.kind = kinds[i], .device = "mip1", .udp_descriptor = -1};
		struct mip_plane *plane = NULL;
		const char *reason = NULL;

		assert_int_equal(mip_plane_new(&options, &plane, &reason), -EOPNOTSUPP);
		assert_null(plane);
		assert_non_null(strstr(reason, mip_name_of(mip_plane_names, (int)kinds[i], "?")));
		assert_int_equal(if_nametoindex("mip1"), 0);
	}
}

static void auto_gives_the_user_plane_and_says_why(void **state)
{
	struct world *world = *state;
	const struct mip_plane *plane = world->hosts[AT_HOME].plane;

	assert_int_equal(mip_plane_kind(plane), MIP_PLANE_USER);
	assert_non_null(strstr(mip_plane_reason(plane), "user: "));
	assert_non_null(strstr(mip_plane_reason(plane), "not in this build"));
}

static void the_device_is_up_with_its_mtu_and_without_an_address(void **state)
{
	struct world *world = *state;
	struct mip_plane_options options = {
		.kind = MIP_PLANE_USER, .device = "mip1", .mtu = 1300, .udp_descriptor = -1};
	struct mip_plane *plane, *other;
	const char *reason = NULL;
	char *shown;

	world_enter(world, AT_HOME);
	assert_int_equal(mip_plane_new(&options, &plane, &reason), 0);
	assert_int_equal(mip_plane_link(plane), if_nametoindex("mip1"));
	shown = namespace_output("ip address show dev mip1");
	assert_non_null(strstr(shown, "mtu 1300"));
	assert_non_null(strstr(shown, ",UP"));
	assert_null(strstr(shown, "inet"));
	free(shown);
	assert_int_equal(mip_plane_new(&options, &other, &reason), -EBUSY);
	assert_non_null(strstr(reason, "already"));
	mip_plane_free(plane);
	assert_int_equal(if_nametoindex("mip1"), 0);
	shown = namespace_output("ip link show dev mip0");
	assert_non_null(strstr(shown, "mtu 1480"));
	free(shown);
}

static void what_this_plane_has_not_is_refused(void **state)
{
	struct world *world = *state;
	struct mip_want want = tunnel_of(AT_HOME, MIP_ENCAPSULATION_GRE);
	struct mip_plane_traffic found;

	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &want), -EOPNOTSUPP);
	want.tunnel.encapsulation = MIP_ENCAPSULATION_MINIMAL;
	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &want), -EOPNOTSUPP);
	want.kind = MIP_WANT_ROUTE;
	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &want), -EINVAL);
	assert_int_equal(mip_plane_traffic(world->hosts[AT_HOME].plane, address_of(HOME_ADDRESS),
				 MIP_TUNNEL_HOME, &found),
		-ENOENT);
}

/* --- outer headers
 * ---------------------------------------------------------------------------------------------- */

/* Sends one datagram with TOS and DF as given, and gives what goes over the wire. */
static size_t outer_packet(struct world *world, enum mip_encapsulation encapsulation, int tos, int discovery,
	uint8_t octets[static 2000])
{
	int socket;
	size_t length;

	world->hold_away = true;
	world_tunnel(world, encapsulation);
	socket = correspondent(world);
	set_option(socket, IPPROTO_IP, IP_TOS, tos);
	set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, discovery);
	assert_int_equal(send(socket, "hello", 5, 0), 5);
	length = captured(world,
		encapsulation == MIP_ENCAPSULATION_UDP ? MIP_PROTOCOL_UDP : MIP_PROTOCOL_IPIP, octets, 2000);
	close(socket);
	return length;
}

static struct mip_ip ip_of(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length), payload;
	struct mip_ip ip;

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	return ip;
}

static void assert_is_hello(const uint8_t *octets, size_t length)
{
	struct mip_ip ip;
	struct mip_udp udp;
	struct mip_reader payload;

	assert_int_equal(mip_udp_packet_read(octets, length, false, &ip, &udp, &payload), 0);
	assert_int_equal(ip.source.value, address_of(CORRESPONDENT).value);
	assert_int_equal(ip.destination.value, address_of(HOME_ADDRESS).value);
	assert_int_equal(udp.destination_port, PORT);
	assert_int_equal(mip_reader_left(&payload), 5);
}

static void an_ip_in_ip_packet_has_the_header_of_rfc_2003(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = outer_packet(world, MIP_ENCAPSULATION_IPIP, 0xba, IP_PMTUDISC_DO, octets);
	struct mip_ip outer = ip_of(octets, length);

	assert_int_equal(length, 20 + 20 + 8 + 5);
	assert_int_equal(outer.header_length, 20);
	assert_int_equal(outer.total_length, length);
	assert_int_equal(outer.protocol, 4);
	assert_int_equal(outer.tos, 0xba);
	assert_int_equal(outer.ttl, 64);
	assert_true(outer.dont_fragment);
	assert_int_equal(outer.source.value, address_of(AGENT).value);
	assert_int_equal(outer.destination.value, address_of(CARE_OF).value);
	assert_is_hello(octets + 20, length - 20);
	assert_int_equal(counter(world, AT_HOME, "tunnel_packets_out"), 1);
}

static void a_packet_that_may_be_fragmented_has_no_df_outside(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = outer_packet(world, MIP_ENCAPSULATION_IPIP, 0, IP_PMTUDISC_DONT, octets);
	struct mip_ip outer = ip_of(octets, length);

	assert_false(outer.dont_fragment);
	assert_int_equal(outer.tos, 0);
}

static void a_udp_packet_has_the_header_of_rfc_3519(void **state)
{
	static const uint8_t tunnel_data[] = {4, 4, 0, 0};
	struct world *world = *state;
	uint8_t octets[2000];
	size_t length = outer_packet(world, MIP_ENCAPSULATION_UDP, 0x28, IP_PMTUDISC_DO, octets);
	struct mip_ip outer = ip_of(octets, length);
	int discovery = -1;
	socklen_t size = sizeof(discovery);

	assert_int_equal(length, 20 + 8 + 4 + 20 + 8 + 5);
	assert_int_equal(outer.protocol, MIP_PROTOCOL_UDP);
	assert_true(outer.dont_fragment);
	assert_int_equal(outer.tos, 0x28);
	assert_int_equal(outer.ttl, 64);
	assert_int_equal(outer.source.value, address_of(AGENT).value);
	assert_int_equal(mip_octets_get16(octets + 20), MIP_REGISTRATION_PORT);
	assert_int_equal(mip_octets_get16(octets + 22), MIP_REGISTRATION_PORT);
	assert_int_not_equal(mip_octets_get16(octets + 26), 0); /* there is a checksum */
	assert_memory_equal(octets + 28, tunnel_data, 4);
	assert_is_hello(octets + 32, length - 32);
	/* The caller's socket is as it was. */
	assert_int_equal(
		getsockopt(world->hosts[AT_HOME].udp, IPPROTO_IP, IP_MTU_DISCOVER, &discovery, &size), 0);
	assert_int_equal(discovery, IP_PMTUDISC_DONT);
}

static void packets_without_a_tunnel_are_dropped(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = tunnel_of(AT_HOME, MIP_ENCAPSULATION_IPIP);
	int socket;

	world_tunnel(world, MIP_ENCAPSULATION_IPIP);
	assert_int_equal(mip_plane_unwant(world->hosts[AT_HOME].plane, &tunnel), 0);
	socket = correspondent(world);
	assert_int_equal(send(socket, "hello", 5, 0), 5);
	world_settle(world);
	assert_int_equal(counter(world, AT_HOME, "drop_no_tunnel"), 1);
	assert_int_equal(counter(world, AT_HOME, "tunnel_packets_out"), 0);
	close(socket);
}

static void packets_from_the_tunnels_exit_are_not_sent_back(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = tunnel_of(AT_HOME, MIP_ENCAPSULATION_IPIP);
	int socket;

	world_tunnel(world, MIP_ENCAPSULATION_IPIP);
	tunnel.tunnel.remote = address_of(CORRESPONDENT);
	assert_int_equal(mip_plane_want(world->hosts[AT_HOME].plane, &tunnel), 0);
	socket = correspondent(world);
	assert_int_equal(send(socket, "hello", 5, 0), 5);
	world_settle(world);
	assert_int_equal(counter(world, AT_HOME, "drop_loop"), 1);
	assert_int_equal(counter(world, AT_HOME, "tunnel_packets_out"), 0);
	close(socket);
}

static void groups_and_everyone_are_not_tunnelled(void **state)
{
	struct world *world = *state;
	struct in_addr from;
	int socket;

	world_tunnel(world, MIP_ENCAPSULATION_IPIP);
	namespace_must("ip route add 224.0.0.9/32 dev mip0");
	from.s_addr = address_of(HOME_ADDRESS).value;
	socket = open_socket(world, AWAY, SOCK_DGRAM, HOME_ADDRESS, PORT, "224.0.0.9", PORT);
	assert_int_equal(setsockopt(socket, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)), 0);
	assert_int_equal(send(socket, "hello", 5, 0), 5);
	world_settle(world);
	assert_int_equal(counter(world, AWAY, "drop_broadcast"), 1);
	close(socket);
}

/* --- through and back
 * --------------------------------------------------------------------------------------------- */

static void a_datagram_goes_through_and_back(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(both); i++) {
		int near, far;
		uint8_t octets[100];
		struct mip_plane_traffic here, there;

		if (i > 0) {
			world_teardown(state);
			world_setup(state);
			world = *state;
		}
		world_tunnel(world, both[i]);
		near = correspondent(world);
		far = mobile_node(world);
		assert_int_equal(send(near, "hello", 5, 0), 5);
		assert_int_equal(received(world, far, octets), 5);
		assert_memory_equal(octets, "hello", 5);
		assert_int_equal(send(far, "hello yourself", 14, 0), 14);
		assert_int_equal(received(world, near, octets), 14);
		assert_memory_equal(octets, "hello yourself", 14);
		here = traffic(world, AT_HOME);
		there = traffic(world, AWAY);
		assert_int_equal(here.packets_to, 1);
		assert_int_equal(here.bytes_to, 33);
		assert_int_equal(here.packets_from, 1);
		assert_int_equal(here.bytes_from, 42);
		assert_memory_equal(&here, &there, offsetof(struct mip_plane_traffic, last_sent));
		assert_true(here.last_sent > 0 && there.last_sent > 0);
		close(near);
		close(far);
	}
}

static uint8_t octet_at(size_t place)
{
	return (uint8_t)((place * 2654435761u) >> 13);
}

struct stream {
	int from, to;
	size_t sent, got;
};

static void stream_send(struct stream *stream)
{
	static uint8_t octets[65536];
	size_t length = STREAM - stream->sent < sizeof(octets) ? STREAM - stream->sent : sizeof(octets);
	ssize_t sent;

	for (size_t i = 0; i < length; i++)
		octets[i] = octet_at(stream->sent + i);
	sent = send(stream->from, octets, length, 0);
	if (sent > 0)
		stream->sent += (size_t)sent;
}

static bool stream_is_through(void *context)
{
	static uint8_t octets[65536];
	struct stream *stream = context;
	ssize_t length;

	stream_send(stream);
	while ((length = recv(stream->to, octets, sizeof(octets), 0)) > 0) {
		for (ssize_t i = 0; i < length; i++)
			assert_int_equal(octets[i], octet_at(stream->got + (size_t)i));
		stream->got += (size_t)length;
	}
	return stream->got == STREAM;
}

struct accepting {
	int listener, accepted;
};

static bool has_connected(void *context)
{
	struct accepting *accepting = context;

	accepting->accepted = accept4(accepting->listener, NULL, NULL, SOCK_NONBLOCK);
	return accepting->accepted >= 0;
}

/* A TCP connection from the correspondent to the node. */
static void connect_stream(struct world *world, int *ret_near, int *ret_far)
{
	struct accepting accepting = {.accepted = -1};

	accepting.listener = open_socket(world, AWAY, SOCK_STREAM, HOME_ADDRESS, PORT, "", 0);
	assert_int_equal(listen(accepting.listener, 1), 0);
	*ret_near = open_socket(
		world, AT_HOME, SOCK_STREAM, CORRESPONDENT, CORRESPONDENT_PORT, HOME_ADDRESS, PORT);
	assert_true(world_run(world, has_connected, &accepting));
	*ret_far = accepting.accepted;
	close(accepting.listener);
}

static void a_stream_arrives_whole(struct world *world, enum mip_encapsulation encapsulation)
{
	int near, far;
	struct mip_plane_traffic here;

	world_tunnel(world, encapsulation);
	connect_stream(world, &near, &far);
	assert_true(world_run(world, stream_is_through, &(struct stream){.from = near, .to = far}));
	assert_true(world_run(world, stream_is_through, &(struct stream){.from = far, .to = near}));
	here = traffic(world, AT_HOME);
	assert_in_range(here.bytes_to, STREAM, 2 * STREAM);
	/* Cut to the tunnel's MTU. */
	assert_in_range(here.packets_to, STREAM / 1448, STREAM);
	assert_int_equal(counter(world, AT_HOME, "drop_too_big"), 0);
	assert_int_equal(counter(world, AT_HOME, "drop_device"), 0);
	close(near);
	close(far);
}

static void a_stream_arrives_whole_by_ip_in_ip(void **state)
{
	a_stream_arrives_whole(*state, MIP_ENCAPSULATION_IPIP);
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

	world_enter(world, side);
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
	assert_in_range(counter(world, AWAY, "tunnel_packets_in"), 1,
		counter(world, AT_HOME, "tunnel_packets_out") * 3 / 4);
}

static void datagrams_sent_as_one_stay_datagrams(void **state)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(both); i++) {
		struct world *world;
		int near, far;
		uint8_t octets[12000];

		if (i > 0) {
			world_teardown(state);
			world_setup(state);
		}
		world = *state;
		world_tunnel(world, both[i]);
		near = correspondent(world);
		far = mobile_node(world);
		set_option(near, IPPROTO_UDP, UDP_SEGMENT, 1200);
		for (size_t place = 0; place < 10500; place++)
			octets[place] = octet_at(place);
		assert_int_equal(send(near, octets, 10500, 0), 10500);
		for (size_t place = 0; place < 10500; place += 1200) {
			size_t length = place + 1200 < 10500 ? 1200 : 10500 - place;

			assert_int_equal(received(world, far, octets), length);
			for (size_t k = 0; k < length; k++)
				assert_int_equal(octets[k], octet_at(place + k));
		}
		assert_int_equal(traffic(world, AWAY).packets_to, 9);
		close(near);
		close(far);
	}
}

static void pings_are_shown_to_the_machine_and_nothing_else_is(void **state)
{
	struct world *world = *state;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr = {.s_addr = address_of(CORRESPONDENT).value}};
	uint8_t ping[12], octets[100];
	struct mip_writer writer = mip_writer_of(ping, sizeof(ping));
	struct mip_icmp_echo echo = {MIP_ICMP_ECHO_REQUEST, 77, 1};
	int near, far, raw;

	world_tunnel(world, MIP_ENCAPSULATION_UDP);
	near = correspondent(world);
	far = mobile_node(world);
	raw = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
	assert_true(raw >= 0);
	mip_icmp_echo_write(&writer, &echo, "ping", 4);
	assert_int_equal(send(far, "hello", 5, 0), 5);
	assert_int_equal(
		sendto(raw, ping, sizeof(ping), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(ping));
	assert_int_equal(received(world, raw, octets), 32);
	assert_int_equal(octets[20], MIP_ICMP_ECHO_REPLY);
	assert_int_equal(received(world, near, octets), 5);
	assert_int_equal(world->inspected, 1);
	world->take_inspected = true;
	assert_int_equal(
		sendto(raw, ping, sizeof(ping), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(ping));
	assert_true(nothing_arrives(world, raw));
	assert_int_equal(world->inspected, 2);
	assert_int_equal(traffic(world, AT_HOME).packets_from, 3);
	close(near);
	close(far);
	close(raw);
}

/* --- what must not come in
 * --------------------------------------------------------------------------------------- */

/* A datagram of the mobile node to the correspondent inside of an IP-in-IP packet, ready to be spoiled. */
static size_t forged(uint8_t octets[static 200], const char *outer_source)
{
	uint8_t inner[100];
	struct mip_writer inside = mip_writer_of(inner, sizeof(inner)), outside = mip_writer_of(octets, 200);
	struct mip_ip ip = {.ttl = 64, .protocol = MIP_PROTOCOL_IPIP};
	struct mip_udp udp = {PORT, CORRESPONDENT_PORT};

	ip.source = address_of(HOME_ADDRESS);
	ip.destination = address_of(CORRESPONDENT);
	mip_udp_packet_write(&inside, &ip, &udp, "hello", 5);
	ip.source = address_of(outer_source);
	ip.destination = address_of(AGENT);
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

	world_tunnel(world, MIP_ENCAPSULATION_IPIP);
	near = correspondent(world);
	inject(world, AWAY, octets, forged(octets, CARE_OF));
	assert_int_equal(received(world, near, octets), 5);
	assert_int_equal(counter(world, AT_HOME, "tunnel_packets_in"), 1);
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

	world_tunnel(world, MIP_ENCAPSULATION_IPIP);
	near = correspondent(world);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t octets[200];
		size_t length = forged(octets, cases[i].outer_source);
		uint64_t before = counter(world, AT_HOME, cases[i].counted);

		if (cases[i].place)
			octets[cases[i].place] = cases[i].value;
		if (cases[i].fix)
			fix_inner(octets);
		inject(world, AWAY, octets, length);
		assert_true(nothing_arrives(world, near));
		assert_int_equal(counter(world, AT_HOME, cases[i].counted), before + 1);
	}
	assert_int_equal(counter(world, AT_HOME, "tunnel_packets_in"), 0);
	close(near);
}

static struct mip_input_datagram data_message(const uint8_t *octets, size_t length)
{
	return (struct mip_input_datagram){
		.source = address_of(CARE_OF),
		.source_port = MIP_REGISTRATION_PORT,
		.destination = address_of(AGENT),
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

	world_tunnel(world, MIP_ENCAPSULATION_UDP);
	near = correspondent(world);
	memcpy(octets + 16, (uint8_t[]){4, 47, 0, 0}, 4);
	mip_plane_udp_input(plane, &datagram);
	octets[17] = 55;
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(counter(world, AT_HOME, "drop_next_header"), 2);
	datagram.length = 3;
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(counter(world, AT_HOME, "drop_inner_malformed"), 1);
	datagram.length = length - 16;
	octets[17] = 4;
	datagram.source_port = 435;
	mip_plane_udp_input(plane, &datagram);
	assert_int_equal(counter(world, AT_HOME, "drop_spoofed"), 1);
	/* The reserved octets are ignored (RFC 3519 3.3). */
	octets[18] = 0xff;
	datagram.source_port = MIP_REGISTRATION_PORT;
	mip_plane_udp_input(plane, &datagram);
	mip_plane_batch_end(plane);
	assert_int_equal(received(world, near, received_octets), 5);
	/* The other encapsulation is not that of the binding (RFC 3024 4.3.2). */
	inject(world, AWAY, octets, forged(octets, CARE_OF));
	assert_true(nothing_arrives(world, near));
	assert_int_equal(counter(world, AT_HOME, "drop_spoofed"), 2);
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

	world_tunnel(world, MIP_ENCAPSULATION_IPIP);
	near = correspondent(world);
	set_option(near, IPPROTO_IP, IP_RECVTOS, 1);
	octets[1] = 3; /* CE outside, not capable inside: dropped */
	inject(world, AWAY, octets, length);
	assert_true(nothing_arrives(world, near));
	assert_int_equal(counter(world, AT_HOME, "drop_congestion_mark"), 1);
	octets[21] = 2; /* capable inside */
	fix_inner(octets);
	inject(world, AWAY, octets, length);
	world_settle(world);
	assert_int_equal(recvmsg(near, &message, 0), 5);
	assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&message)), 3);
	close(near);
}

/* --- sizes and errors
 * --------------------------------------------------------------------------------------------- */

static void a_packet_too_large_for_the_path_is_answered(void **state)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(both); i++) {
		struct world *world;
		uint8_t octets[1400] = {0};
		struct icmp_error error;
		int near;

		if (i > 0) {
			world_teardown(state);
			world_setup(state);
		}
		world = *state;
		world_tunnel(world, both[i]);
		world_enter(world, AT_HOME);
		namespace_must("ip link set v0 mtu 1300");
		near = correspondent(world);
		set_option(near, IPPROTO_IP, IP_RECVERR, 1);
		set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
		assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
		error = error_of(world, near);
		assert_int_equal(error.type, MIP_ICMP_UNREACHABLE);
		assert_int_equal(error.code, 4);
		assert_int_equal(error.mtu, both[i] == MIP_ENCAPSULATION_UDP ? 1268 : 1280);
		assert_int_equal(counter(world, AT_HOME, "drop_too_big"), 1);
		assert_int_equal(counter(world, AT_HOME, "tunnel_icmp_sent"), 1);
		close(near);
	}
}

static void a_packet_that_may_be_fragmented_is_so_before_it_is_encapsulated(void **state)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(both); i++) {
		size_t overhead = both[i] == MIP_ENCAPSULATION_UDP ? 32 : 20;
		uint8_t protocol = both[i] == MIP_ENCAPSULATION_UDP ? MIP_PROTOCOL_UDP : MIP_PROTOCOL_IPIP;
		struct world *world;
		uint8_t octets[2000];
		int near, far;

		if (i > 0) {
			world_teardown(state);
			world_setup(state);
		}
		world = *state;
		world_tunnel(world, both[i]);
		world_enter(world, AT_HOME);
		/* One packet on the wire is one packet. */
		namespace_must("ip link set v0 mtu 1300 gso_max_segs 1");
		near = correspondent(world);
		far = mobile_node(world);
		set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
		for (size_t place = 0; place < 1400; place++)
			octets[place] = octet_at(place);
		assert_int_equal(send(near, octets, 1400, 0), 1400);
		for (int part = 0; part < 2; part++) {
			size_t length = captured(world, protocol, octets, sizeof(octets));
			struct mip_ip inner = ip_of(octets + overhead, length - overhead);

			assert_in_range(length, 1, 1300);
			assert_int_equal(mip_octets_get16(octets + 6), 0); /* the outer one is whole */
			assert_int_equal(inner.more_fragments, part == 0);
			assert_int_equal(inner.fragment_offset > 0, part == 1);
		}
		assert_int_equal(received(world, far, octets), 1400);
		for (size_t place = 0; place < 1400; place++)
			assert_int_equal(octets[place], octet_at(place));
		assert_int_equal(counter(world, AT_HOME, "tunnel_fragmented"), 1);
		close(near);
		close(far);
	}
}

static void a_stream_finds_its_way_through_a_narrow_path(void **state)
{
	struct world *world = *state;
	int near, far;

	world_tunnel(world, MIP_ENCAPSULATION_UDP);
	connect_stream(world, &near, &far);
	world_enter(world, AT_HOME);
	namespace_must("ip link set v0 mtu 1300");
	assert_true(world_run(world, stream_is_through, &(struct stream){.from = near, .to = far}));
	assert_true(counter(world, AT_HOME, "tunnel_icmp_sent") > 0);
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

	ip.source = address_of(CARE_OF);
	ip.destination = address_of(AGENT);
	mip_write8(&inside, type);
	mip_write8(&inside, code);
	mip_write32(&inside, 0);
	mip_write16(&inside, mtu);
	mip_write_octets(&inside, outer, length);
	mip_write16_at(&inside, 2, mip_checksum_finish(mip_checksum_add(0, icmp, inside.length)));
	mip_ip_packet_write(&outside, &ip, icmp, inside.length);
	assert_false(mip_writer_failed(&outside));
	inject(world, AWAY, packet, outside.length);
}

static void errors_from_within_the_tunnel_reach_the_sender(void **state)
{
	/* RFC 2003 4.1, 4.4: what comes from the tunnel, and what the sender is told; 0xff: nothing. */
	static const struct {
		uint8_t type, code, told;
	} cases[] = {{11, 0, 1}, {3, 0, 0}, {3, 1, 1}, {3, 2, 1}, {3, 3, 0xff}, {3, 5, 0xff}, {4, 0, 0xff}};
	struct world *world = *state;
	uint8_t outer[2000];
	size_t length = outer_packet(world, MIP_ENCAPSULATION_IPIP, 0, IP_PMTUDISC_DONT, outer);
	int near = correspondent(world);

	set_option(near, IPPROTO_IP, IP_RECVERR, 1);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint64_t before = counter(world, AT_HOME, "tunnel_icmp_sent");

		inject_error(world, cases[i].type, cases[i].code, 0, outer, length);
		if (cases[i].told != 0xff) {
			struct icmp_error error = error_of(world, near);

			assert_int_equal(error.type, MIP_ICMP_UNREACHABLE);
			assert_int_equal(error.code, cases[i].told);
		} else {
			world_settle(world);
			assert_int_equal(counter(world, AT_HOME, "tunnel_icmp_sent"), before);
		}
	}
	close(near);
}

static void too_big_from_within_the_tunnel_is_relayed_and_remembered(void **state)
{
	struct world *world = *state;
	uint8_t outer[2000], octets[1400] = {0};
	size_t length = outer_packet(world, MIP_ENCAPSULATION_IPIP, 0, IP_PMTUDISC_DO, outer);
	int near = correspondent(world);
	struct icmp_error error;

	set_option(near, IPPROTO_IP, IP_RECVERR, 1);
	inject_error(world, 3, 4, 1200, outer, length);
	error = error_of(world, near);
	assert_int_equal(error.code, 4);
	assert_int_equal(error.mtu, 1180);
	/* Another correspondent's packet: the kernel knows by now. PROBE: it does not take the MTU from what
	 * the first one learned. */
	set_option(near, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	assert_int_equal(send(near, octets, sizeof(octets), 0), sizeof(octets));
	error = error_of(world, near);
	assert_int_equal(error.mtu, 1180);
	assert_int_equal(counter(world, AT_HOME, "drop_too_big"), 1);
	close(near);
}

static void an_error_about_a_udp_tunnel_is_relayed(void **state)
{
	struct world *world = *state;
	uint8_t outer[2000];
	size_t length = outer_packet(world, MIP_ENCAPSULATION_UDP, 0, IP_PMTUDISC_DONT, outer);
	int near = correspondent(world);
	struct mip_input_icmp_error error = {
		.destination = address_of(CARE_OF),
		.destination_port = MIP_REGISTRATION_PORT,
		.type = MIP_ICMP_TIME_EXCEEDED,
		.octets = outer + 28,
		.length = length - 28,
	};
	struct icmp_error told;

	set_option(near, IPPROTO_IP, IP_RECVERR, 1);
	world_enter(world, AT_HOME);
	mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	told = error_of(world, near);
	assert_int_equal(told.type, MIP_ICMP_UNREACHABLE);
	assert_int_equal(told.code, 1);
	/* Not about this tunnel: somebody made it up. */
	error.destination = address_of("10.9.0.77");
	mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	outer[28] = 1; /* no tunnel data: a registration request */
	mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	assert_int_equal(counter(world, AT_HOME, "tunnel_icmp_sent"), 1);
	close(near);
}

static void errors_are_not_sent_without_end(void **state)
{
	struct world *world = *state;
	uint8_t outer[2000];
	size_t length = outer_packet(world, MIP_ENCAPSULATION_UDP, 0, IP_PMTUDISC_DONT, outer);
	struct mip_input_icmp_error error = {
		.destination = address_of(CARE_OF),
		.type = MIP_ICMP_TIME_EXCEEDED,
		.octets = outer + 28,
		.length = length - 28,
	};

	for (int i = 0; i < 1000; i++)
		mip_plane_udp_error(world->hosts[AT_HOME].plane, &error);
	assert_in_range(counter(world, AT_HOME, "tunnel_icmp_sent"), 50, 500);
	assert_int_equal(
		counter(world, AT_HOME, "tunnel_icmp_sent") + counter(world, AT_HOME, "drop_icmp_limit"),
		1000);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planes_that_are_not_there_are_refused_with_a_reason),
		IN_WORLD(auto_gives_the_user_plane_and_says_why),
		IN_WORLD(the_device_is_up_with_its_mtu_and_without_an_address),
		IN_WORLD(what_this_plane_has_not_is_refused),
		IN_WORLD(an_ip_in_ip_packet_has_the_header_of_rfc_2003),
		IN_WORLD(a_packet_that_may_be_fragmented_has_no_df_outside),
		IN_WORLD(a_udp_packet_has_the_header_of_rfc_3519),
		IN_WORLD(packets_without_a_tunnel_are_dropped),
		IN_WORLD(packets_from_the_tunnels_exit_are_not_sent_back),
		IN_WORLD(groups_and_everyone_are_not_tunnelled),
		IN_WORLD(a_datagram_goes_through_and_back),
		IN_WORLD(a_stream_arrives_whole_by_ip_in_ip),
		IN_WORLD(a_stream_arrives_whole_by_udp),
		IN_WORLD(a_stream_that_the_card_joins_arrives_whole),
		IN_WORLD(datagrams_sent_as_one_stay_datagrams),
		IN_WORLD(pings_are_shown_to_the_machine_and_nothing_else_is),
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

/*
 * Groups, everyone and visitors' own tunnels on real packets (RFC 5944 4.3, 4.4; RFC 3024 5.2): two hosts in namespaces.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "namespace.h"
#include "packet.h"
#include "plane_world.h"

#define GROUP	  "239.1.2.3"
#define EVERYONE  "255.255.255.255"
#define NEIGHBOUR "10.1.0.20"
#define STRANGER  "10.9.0.77"

static struct mip_address at(const char *text)
{
	return plane_address(text);
}

static size_t datagram(uint8_t *octets, size_t size, const char *source, const char *destination)
{
	struct mip_writer writer = mip_writer_of(octets, size);

	mip_udp_packet_write(&writer,
		&(struct mip_ip){.ttl = 1, .tos = 0x20, .source = at(source), .destination = at(destination)},
		&(struct mip_udp){.source_port = 5000, .destination_port = PLANE_PORT}, "hello", 5);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

static size_t around(uint8_t *octets, size_t size, const char *source, const char *destination,
	const uint8_t *inner, size_t length)
{
	struct mip_writer writer = mip_writer_of(octets, size);

	mip_ip_packet_write(&writer,
		&(struct mip_ip){
			.ttl = 64, .protocol = 4, .source = at(source), .destination = at(destination)},
		inner, length);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

static void want(struct world *world, enum side side, const struct mip_want *item)
{
	plane_enter(world, side);
	assert_int_equal(mip_plane_want(world->hosts[side].plane, item), 0);
	mip_plane_commit(world->hosts[side].plane);
}

/* What is from nobody's tunnel: for a group, or by a wrong way, or by none that an accelerator knows. */
static uint64_t refused(const struct world *world, enum side side)
{
	return plane_counter(world, side, "drop_broadcast") + plane_counter(world, side, "drop_spoofed") +
	       plane_counter(world, side, "drop_no_peer");
}

static void want_groups(struct world *world, enum mip_tunnel_end end, const char *remote, const char *local)
{
	struct mip_want item = {.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = at(HOME_ADDRESS), .end = end, .remote = at(remote)}};

	if (local)
		item.groups.local = at(local);
	want(world, end == MIP_TUNNEL_HOME ? AT_HOME : AWAY, &item);
}

/* --- copies ----------------------------------------------------------------------------------- */

static struct mip_reader open_ip(struct mip_reader reader, struct mip_ip *ret_ip)
{
	struct mip_reader payload;

	assert_int_equal(mip_ip_read(&reader, ret_ip, &payload), 0);
	return mip_reader_of(payload.octets + payload.position, mip_reader_left(&payload));
}

/* rfc5944-4.4-4: first a unicast datagram to the home address, then the tunnel; co-located: the tunnel alone. */
static void a_copy_is_encapsulated_once_or_twice(void **state)
{
	for (size_t turn = 0; turn < 4; turn++) {
		struct world *world = plane_next_world(state, turn);
		struct mip_output_copy copy = {
			.home_address = at(HOME_ADDRESS), .nested = turn & 1, .source = at(AGENT)};
		const char *destination = turn & 2 ? EVERYONE : GROUP;
		uint8_t packet[128], octets[2000];
		size_t length = datagram(packet, sizeof(packet), NEIGHBOUR, destination), got;
		struct mip_reader reader;
		struct mip_ip ip;

		plane_join(world, MIP_ENCAPSULATION_IPIP);
		plane_enter(world, AT_HOME);
		assert_int_equal(mip_plane_copy(world->hosts[AT_HOME].plane, &copy, packet, length), 0);
		got = plane_captured(world, 4, octets, sizeof(octets));
		reader = open_ip(mip_reader_of(octets, got), &ip);
		assert_string_equal(MIP_TEXT(ip.source), AGENT);
		assert_string_equal(MIP_TEXT(ip.destination), CARE_OF);
		assert_int_equal(ip.tos, 0x20); /* RFC 2003 3.1: copied */
		if (copy.nested) {
			reader = open_ip(reader, &ip);
			assert_string_equal(MIP_TEXT(ip.source), AGENT);
			assert_string_equal(MIP_TEXT(ip.destination), HOME_ADDRESS);
			assert_int_equal(ip.protocol, 4);
		}
		/* The packet itself is as it was, its TTL too: nobody has forwarded it. */
		assert_int_equal(mip_reader_left(&reader), length);
		assert_memory_equal(reader.octets, packet, length);
		assert_int_equal(plane_counter(world, AT_HOME, "tunnel_copies_out"), 1);
	}
}

static void a_checksum_that_was_left_to_a_card_is_completed(void **state)
{
	struct world *world = *state;
	struct mip_output_copy copy = {.home_address = at(HOME_ADDRESS), .checksum_unfilled = true};
	uint8_t packet[128], whole[128], octets[2000];
	size_t length = datagram(packet, sizeof(packet), NEIGHBOUR, GROUP);
	uint16_t pseudo = (uint16_t)~mip_checksum_finish(
		mip_checksum_pseudo_header(at(NEIGHBOUR), at(GROUP), 17, (uint16_t)(length - 20)));

	memcpy(whole, packet, length);
	packet[26] = (uint8_t)(pseudo >> 8);
	packet[27] = (uint8_t)pseudo;
	plane_join(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_copy(world->hosts[AT_HOME].plane, &copy, packet, length), 0);
	assert_int_equal(plane_captured(world, 4, octets, sizeof(octets)), length + 20);
	assert_memory_equal(octets + 20, whole, length);
}

static void a_copy_for_nobody_and_one_that_is_no_packet_are_refused(void **state)
{
	struct world *world = *state;
	struct mip_output_copy copy = {.home_address = at(HOME_ADDRESS)};
	uint8_t packet[128];
	size_t length = datagram(packet, sizeof(packet), NEIGHBOUR, GROUP);

	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_copy(world->hosts[AT_HOME].plane, &copy, packet, length), -ENOENT);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_no_tunnel"), 1);
	plane_join(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_copy(world->hosts[AT_HOME].plane, &copy, packet, 19), -EBADMSG);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_inner_malformed"), 1);
}

/* --- away: out of the tunnel ------------------------------------------------------------------ */

static int member(const struct world *world)
{
	int descriptor = plane_socket(world, AWAY, SOCK_DGRAM, "", PLANE_PORT, "", 0);
	struct ip_mreqn request = {
		.imr_multiaddr.s_addr = at(GROUP).value, .imr_ifindex = (int)if_nametoindex("mip0")};

	assert_int_equal(setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)), 0);
	return descriptor;
}

static void inject_group(
	struct world *world, const char *outer_source, const char *outer_destination, const char *destination)
{
	uint8_t packet[128], outer[256];
	size_t length = datagram(packet, sizeof(packet), CORRESPONDENT, destination);

	length = around(outer, sizeof(outer), outer_source, outer_destination, packet, length);
	plane_inject(world, AT_HOME, outer, length);
	plane_settle(world);
}

/* rfc5944-4.4-5, 4.3: "In either case, the mobile node must decapsulate the datagram it receives". */
static void a_member_away_hears_what_comes_out_of_its_home_agents_tunnel(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	int listener;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	want_groups(world, MIP_TUNNEL_VISITED, AGENT, NULL);
	listener = member(world);
	inject_group(world, AGENT, CARE_OF, GROUP);
	assert_int_equal(plane_received(world, listener, octets), 5);
	inject_group(world, AGENT, CARE_OF, EVERYONE);
	assert_int_equal(plane_received(world, listener, octets), 5);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_groups_in"), 2);
	/* Nobody else's. */
	inject_group(world, STRANGER, CARE_OF, GROUP);
	assert_true(plane_nothing_arrives(world, listener));
	assert_int_equal(refused(world, AWAY), 1);
	close(listener);
}

/* Through a foreign agent it must be a packet to the home address, in the home agent's name. */
static void nested_copies_are_for_the_home_address_only(void **state)
{
	struct world *world = *state;
	uint8_t octets[2000];
	int listener;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	want_groups(world, MIP_TUNNEL_VISITED, AGENT, HOME_ADDRESS);
	listener = member(world);
	plane_enter(world, AT_HOME);
	namespace_must("ip route replace " HOME_ADDRESS "/32 via " CARE_OF);
	inject_group(world, AGENT, HOME_ADDRESS, GROUP);
	assert_int_equal(plane_received(world, listener, octets), 5);
	inject_group(world, AGENT, CARE_OF, GROUP);
	assert_true(plane_nothing_arrives(world, listener));
	assert_int_equal(refused(world, AWAY), 1);
	close(listener);
}

static void a_nodes_own_packet_that_comes_back_is_dropped(void **state)
{
	struct world *world = *state;
	uint8_t packet[128], outer[256];
	size_t length = datagram(packet, sizeof(packet), HOME_ADDRESS, GROUP);

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	want_groups(world, MIP_TUNNEL_VISITED, AGENT, NULL);
	length = around(outer, sizeof(outer), AGENT, CARE_OF, packet, length);
	plane_inject(world, AT_HOME, outer, length);
	plane_settle(world);
	assert_int_equal(plane_counter(world, AWAY, "drop_loop"), 1);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_groups_in"), 0);
}

/* --- away: into the tunnel -------------------------------------------------------------------- */

static void say(struct world *world, const char *destination)
{
	int descriptor = plane_socket(world, AWAY, SOCK_DGRAM, HOME_ADDRESS, 0, "", 0);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(PLANE_PORT),
		.sin_addr.s_addr = at(destination).value};
	struct ip_mreqn out = {
		.imr_ifindex = (int)if_nametoindex("mip0"), .imr_address.s_addr = at(HOME_ADDRESS).value};

	plane_set_option(descriptor, SOL_SOCKET, SO_BROADCAST, 1);
	assert_int_equal(setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)), 0);
	assert_int_equal(sendto(descriptor, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	close(descriptor);
	plane_settle(world);
}

/* RFC 3024 5.3, RFC 5944 4.4: to the machine of the home agent, and from the node whose tunnel it is only. */
static void what_a_node_sends_to_a_group_is_the_machines_at_home(void **state)
{
	struct world *world = *state;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	say(world, GROUP);
	assert_int_equal(world->groups, 1);
	assert_string_equal(MIP_TEXT(world->group_home), HOME_ADDRESS);
	assert_string_equal(MIP_TEXT(world->group_destination), GROUP);
	say(world, EVERYONE);
	assert_int_equal(world->groups, 2);
	assert_string_equal(MIP_TEXT(world->group_destination), EVERYONE);
	assert_int_equal(plane_counter(world, AT_HOME, "tunnel_groups_in"), 2);
	world->refuse_groups = true;
	say(world, GROUP);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_broadcast"), 1);
}

static void an_address_that_is_everyones_on_a_link_is_a_group_too(void **state)
{
	struct world *world = *state;
	struct mip_want everyone = {.kind = MIP_WANT_BROADCAST, .broadcast = {at("10.5.0.255")}};
	int node;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	want(world, AT_HOME, &everyone);
	plane_enter(world, AWAY);
	namespace_must("ip route add 10.5.0.255/32 dev mip0 src " HOME_ADDRESS);
	node = plane_socket(world, AWAY, SOCK_DGRAM, HOME_ADDRESS, 0, "10.5.0.255", PLANE_PORT);
	assert_int_equal(send(node, "hello", 5, 0), 5);
	plane_settle(world);
	assert_int_equal(world->groups, 1);
	assert_string_equal(MIP_TEXT(world->group_destination), "10.5.0.255");
	plane_enter(world, AT_HOME);
	assert_int_equal(mip_plane_unwant(world->hosts[AT_HOME].plane, &everyone), 0);
	assert_int_equal(send(node, "hello", 5, 0), 5);
	plane_settle(world);
	assert_int_equal(world->groups, 1);
	close(node);
}

/* rfc5944-4.4-7: the home address is the source of both headers. */
static void groups_may_go_by_a_tunnel_of_their_own_from_the_home_address(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = plane_tunnel(AWAY, MIP_ENCAPSULATION_IPIP);

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	tunnel.tunnel.end = MIP_TUNNEL_VISITED_GROUPS;
	tunnel.tunnel.local = at(HOME_ADDRESS);
	plane_enter(world, AWAY);
	tunnel.tunnel.link = (mip_link)if_nametoindex("v1");
	want(world, AWAY, &tunnel);
	plane_enter(world, AT_HOME);
	namespace_must("ip route replace " HOME_ADDRESS "/32 dev v0");
	say(world, GROUP);
	assert_int_equal(world->groups, 0); /* the home agent has not said that it may */
	assert_int_equal(refused(world, AT_HOME), 1);
	want_groups(world, MIP_TUNNEL_HOME, HOME_ADDRESS, AGENT);
	say(world, GROUP);
	assert_int_equal(world->groups, 1);
}

/* rfc3024-5.2-1: without the encapsulating style, or a co-located care-of address, there is no tunnel for them. */
static void groups_without_a_tunnel_are_counted_as_dropped(void **state)
{
	struct world *world = *state;

	plane_enter(world, AWAY);
	namespace_must("ip address add " HOME_ADDRESS "/32 dev mip0");
	say(world, GROUP);
	assert_true(plane_counter(world, AWAY, "drop_broadcast") >= 1);
	assert_int_equal(world->groups, 0);
}

/* --- RFC 3024 5.2: the Encapsulating Delivery Style ------------------------------------------- */

/* The visited end is the foreign agent here, and the home end's host plays the node on its link. */
static void begin_relay(struct world *world)
{
	struct mip_want tunnel = plane_tunnel(AWAY, MIP_ENCAPSULATION_IPIP), relay = {.kind = MIP_WANT_RELAY};

	want(world, AWAY, &tunnel);
	relay.relay = (struct mip_want_relay){.home_address = at(HOME_ADDRESS), .local = at(CARE_OF)};
	plane_enter(world, AWAY);
	relay.relay.link = (mip_link)if_nametoindex("v1");
	want(world, AWAY, &relay);
}

static void deliver(struct world *world, const char *outer_source, const char *outer_destination,
	const char *inner_source, const char *inner_destination)
{
	uint8_t packet[128], outer[256];
	size_t length = datagram(packet, sizeof(packet), inner_source, inner_destination);

	length = around(outer, sizeof(outer), outer_source, outer_destination, packet, length);
	plane_inject(world, AT_HOME, outer, length);
	plane_settle(world);
}

/* rfc3024-5.4-2: "The foreign agent MUST process these packets as specified in section 5.2: they …" */
/* rfc3024-4.2.2-3: "… effect, the foreign agent MUST process incoming traffic according to the …" */
/* rfc3024-5.2.2-2: from the care-of address to the home agent; the original header as it was. */
static void what_a_visitor_sends_in_a_tunnel_goes_on_in_the_reverse_tunnel(void **state)
{
	static const char *const destinations[] = {CORRESPONDENT, GROUP, EVERYONE};
	struct world *world = *state;

	begin_relay(world);
	plane_enter(world, AT_HOME);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 0);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(destinations); i++) {
		deliver(world, HOME_ADDRESS, CARE_OF, HOME_ADDRESS, destinations[i]);
		assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), i + 1);
		assert_int_equal(plane_counter(world, AWAY, "tunnel_packets_out"), i + 1);
	}
	assert_int_equal(plane_traffic(world, AWAY).packets_from, 3);
}

/* RFC 3024 5.2.1: "after verifying that it was sent by the mobile node". */
static void what_is_not_the_visitors_own_goes_nowhere(void **state)
{
	struct world *world = *state;
	struct mip_want relay = {.kind = MIP_WANT_RELAY};

	begin_relay(world);
	deliver(world, STRANGER, CARE_OF, HOME_ADDRESS, CORRESPONDENT);	   /* outer source */
	deliver(world, HOME_ADDRESS, CARE_OF, "10.1.0.51", CORRESPONDENT); /* inner source */
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 0);
	assert_int_equal(refused(world, AWAY), 2);
	/* By another link than the visited one. */
	relay.relay = (struct mip_want_relay){.home_address = at(HOME_ADDRESS), .link = 9999};
	want(world, AWAY, &relay);
	deliver(world, HOME_ADDRESS, CARE_OF, HOME_ADDRESS, CORRESPONDENT);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 0);
	plane_enter(world, AWAY);
	assert_int_equal(mip_plane_unwant(world->hosts[AWAY].plane, &relay), 0);
	deliver(world, HOME_ADDRESS, CARE_OF, HOME_ADDRESS, CORRESPONDENT);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 0);
}

/* rfc3024-3.3: "encapsulation is done according to what was negotiated for the forward tunnel". */
static void a_visitors_tunnel_is_in_the_encapsulation_that_was_negotiated(void **state)
{
	struct world *world = *state;
	struct mip_want relay = {.kind = MIP_WANT_RELAY};

	begin_relay(world);
	relay.relay = (struct mip_want_relay){
		.home_address = at(HOME_ADDRESS), .encapsulation = MIP_ENCAPSULATION_GRE};
	plane_enter(world, AWAY);
	relay.relay.link = (mip_link)if_nametoindex("v1");
	want(world, AWAY, &relay);
	deliver(world, HOME_ADDRESS, CARE_OF, HOME_ADDRESS, CORRESPONDENT);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 0);
	assert_int_equal(plane_counter(world, AWAY, "drop_spoofed"), 1);
	relay.relay.encapsulation = MIP_ENCAPSULATION_MINIMAL; /* whose fragments come by IP-in-IP */
	want(world, AWAY, &relay);
	deliver(world, HOME_ADDRESS, CARE_OF, HOME_ADDRESS, CORRESPONDENT);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_relayed"), 1);
}

/* rfc3024-5.2.2-1: the node's own end: from its home address to the agent, though its routing leads that to mip0. */
static void a_nodes_tunnel_to_its_agent_does_not_go_round(void **state)
{
	struct world *world = *state;
	struct mip_want tunnel = plane_tunnel(AWAY, MIP_ENCAPSULATION_IPIP);
	uint8_t packet[128];
	int node;

	(void)packet;
	plane_join(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AWAY);
	namespace_must(
		"ip route add " AGENT "/32 dev v1 table 77 && ip route add default dev mip0 table 77 && "
		"ip rule add from " HOME_ADDRESS " lookup 77");
	tunnel.tunnel.local = at(HOME_ADDRESS);
	tunnel.tunnel.link = (mip_link)if_nametoindex("v1");
	tunnel.tunnel.delivery = true;
	want(world, AWAY, &tunnel);
	node = plane_socket(
		world, AWAY, SOCK_DGRAM, HOME_ADDRESS, PLANE_PORT, CORRESPONDENT, PLANE_CORRESPONDENT_PORT);
	assert_int_equal(send(node, "hello", 5, 0), 5);
	plane_settle(world);
	assert_int_equal(plane_counter(world, AWAY, "drop_loop"), 0);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_packets_out"), 1);
	/* At the other end nobody has granted it. */
	assert_int_equal(refused(world, AT_HOME), 1);
	close(node);
}

/* --- RFC 5944 4.2: what is in a tunnel already, and what is for no visitor --------------------- */

/* As a router that has got it: by the host's routing. */
static void route(const struct world *world, const uint8_t *packet, size_t length)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int descriptor;

	memcpy(&to.sin_addr, packet + 16, sizeof(to.sin_addr));
	plane_enter(world, AT_HOME);
	descriptor = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	assert_true(descriptor >= 0);
	assert_int_equal(sendto(descriptor, packet, length, 0, (struct sockaddr *)&to, sizeof(to)), length);
	close(descriptor);
}

/* rfc5944-4.2.3-11: "… care-of address, the home agent MUST silently discard that datagram in …" */
/* rfc5944-4.2.3-10: "… node), then the home agent MUST also examine the outer Source Address of …" */
/* rfc5944-4.2.3-9, -12, -13: a datagram that is encapsulated already, by anyone but the care-of address, is tunnelled as any
 * other: nested encapsulation. -10, -11: from the care-of address it would go round, and is discarded in silence. */
static void what_is_encapsulated_already_is_encapsulated_again_but_not_back(void **state)
{
	struct world *world = *state;
	uint8_t packet[128], outer[256], octets[2000];
	size_t length = datagram(packet, sizeof(packet), CORRESPONDENT, HOME_ADDRESS), got;
	struct mip_reader reader;
	struct mip_ip ip;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	length = around(outer, sizeof(outer), CORRESPONDENT, HOME_ADDRESS, packet, length);
	route(world, outer, length);
	got = plane_captured(world, 4, octets, sizeof(octets));
	reader = open_ip(mip_reader_of(octets, got), &ip);
	assert_string_equal(MIP_TEXT(ip.destination), CARE_OF);
	reader = open_ip(reader, &ip);
	assert_string_equal(MIP_TEXT(ip.source), CORRESPONDENT);
	assert_string_equal(MIP_TEXT(ip.destination), HOME_ADDRESS);
	assert_int_equal(ip.protocol, 4);
	(void)open_ip(reader, &ip);
	assert_int_equal(ip.protocol, 17);
	plane_settle(world);
	length = datagram(packet, sizeof(packet), CORRESPONDENT, HOME_ADDRESS);
	length = around(outer, sizeof(outer), CARE_OF, HOME_ADDRESS, packet, length);
	route(world, outer, length);
	plane_settle(world);
	assert_int_equal(plane_counter(world, AT_HOME, "drop_loop"), 1);
}

/* rfc5944-4.2.2-1 to -4: compared with the visitor list; not forwarded, silently discarded, and no ICMP Destination
 * Unreachable. */
static void what_is_for_no_visitor_is_dropped_without_a_word(void **state)
{
	struct world *world = *state;
	uint8_t packet[128], outer[256];
	size_t length = datagram(packet, sizeof(packet), CORRESPONDENT, "10.1.0.99");
	int errors;

	plane_join(world, MIP_ENCAPSULATION_IPIP);
	plane_enter(world, AWAY);
	namespace_must("sysctl -qw net.ipv4.ip_forward=1");
	plane_enter(world, AT_HOME);
	errors = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	assert_true(errors >= 0);
	length = around(outer, sizeof(outer), AGENT, CARE_OF, packet, length);
	plane_inject(world, AT_HOME, outer, length);
	assert_true(plane_nothing_arrives(world, errors));
	assert_int_equal(plane_counter(world, AWAY, "drop_no_peer"), 1);
	assert_int_equal(plane_counter(world, AWAY, "tunnel_packets_in"), 0);
	close(errors);
}

#define PLANE_TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLANE_TEST(a_copy_is_encapsulated_once_or_twice),
		PLANE_TEST(a_checksum_that_was_left_to_a_card_is_completed),
		PLANE_TEST(a_copy_for_nobody_and_one_that_is_no_packet_are_refused),
		PLANE_TEST(a_member_away_hears_what_comes_out_of_its_home_agents_tunnel),
		PLANE_TEST(nested_copies_are_for_the_home_address_only),
		PLANE_TEST(a_nodes_own_packet_that_comes_back_is_dropped),
		PLANE_TEST(what_a_node_sends_to_a_group_is_the_machines_at_home),
		PLANE_TEST(an_address_that_is_everyones_on_a_link_is_a_group_too),
		PLANE_TEST(groups_may_go_by_a_tunnel_of_their_own_from_the_home_address),
		PLANE_TEST(groups_without_a_tunnel_are_counted_as_dropped),
		PLANE_TEST(what_a_visitor_sends_in_a_tunnel_goes_on_in_the_reverse_tunnel),
		PLANE_TEST(what_is_not_the_visitors_own_goes_nowhere),
		PLANE_TEST(a_visitors_tunnel_is_in_the_encapsulation_that_was_negotiated),
		PLANE_TEST(a_nodes_tunnel_to_its_agent_does_not_go_round),
		PLANE_TEST(what_is_encapsulated_already_is_encapsulated_again_but_not_back),
		PLANE_TEST(what_is_for_no_visitor_is_dropped_without_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

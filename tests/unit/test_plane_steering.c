/*
 * What the kernel accelerator leaves to the user plane, and how that gets it: the table and the user plane's sockets on real
 * packets, without tunnel devices.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "kernel_table.h"
#include "namespace.h"
#include "packet.h"

/* --- errors, while the devices have the packets --------------------------------------------- */

/* Host Unreachable about an outer packet of 10.9.0.1 to 10.9.0.2, as a router on its way sends it. */
static void send_unreachable(uint8_t protocol, bool damaged)
{
	int descriptor = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	uint8_t octets[8 + 24 + 28] = {3, 1};
	struct mip_writer writer = mip_writer_of(octets + 8, sizeof(octets) - 8);
	struct sockaddr_in router = {.sin_family = AF_INET, .sin_addr.s_addr = table_ip_of("10.9.0.9").value};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = table_ip_of("10.9.0.1").value};
	size_t gre = protocol == IPPROTO_GRE ? 4 : 0, length = sizeof(octets) - 4 + gre;
	uint16_t sum;

	mip_ip_write(&writer, &(struct mip_ip){.total_length = (uint16_t)(48 + gre),
				      .ttl = 60,
				      .protocol = protocol,
				      .source = table_ip_of("10.9.0.1"),
				      .destination = table_ip_of("10.9.0.2")});
	if (gre)
		mip_write32(&writer, 0x0800);
	mip_ip_write(&writer, &(struct mip_ip){.total_length = 28,
				      .ttl = 60,
				      .protocol = IPPROTO_UDP,
				      .source = table_ip_of("10.5.0.1"),
				      .destination = table_ip_of("10.1.0.50")});
	sum = mip_checksum_finish(mip_checksum_add(0, octets, length));
	octets[2] = (uint8_t)(sum >> 8);
	octets[3] = (uint8_t)(sum ^ damaged);
	assert_true(descriptor >= 0);
	assert_int_equal(bind(descriptor, (struct sockaddr *)&router, sizeof(router)), 0);
	assert_int_equal(sendto(descriptor, octets, length, 0, (struct sockaddr *)&to, sizeof(to)), length);
	close(descriptor);
}

static void a_silent_socket_takes_no_packet_and_its_errors_are_heard_once(void **state)
{
	struct mip_plane_options options = {.device = "mip0", .udp_descriptor = -1};
	struct mip_want want = {
		.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = table_ip_of("10.1.0.50"),
			.local = table_ip_of("10.9.0.1"),
			.remote = table_ip_of("10.9.0.2")},
	};
	struct mip_user *user;
	const uint64_t *sent;
	const char *reason;

	(void)state;
	NEEDS_ROOT();
	namespace_must("for i in 9.0.1 9.0.2 9.0.9 5.0.1; do ip address add 10.$i/32 dev lo; done");
	assert_int_equal(mip_user_new(&options, &user, &reason), 0);
	assert_int_equal(mip_user_want(user, &want), 0);
	sent = &user->counters[MIP_USER_ICMP_SENT];
	send_unreachable(IPPROTO_IPIP, false);
	table_expect_count(user, sent, 1); /* by the raw socket */
	assert_int_equal(mip_user_set_receiving(user, MIP_ENCAPSULATION_IPIP, false), 0);
	send_unreachable(IPPROTO_IPIP, true); /* damaged: nobody */
	table_send_ipip("10.9.0.2", "10.9.0.1", "10.1.0.51", "10.5.0.1", 0, false);
	send_unreachable(IPPROTO_IPIP, false);
	table_expect_count(user, sent, 2);    /* by that for ICMP */
	send_unreachable(IPPROTO_GRE, false); /* whose raw socket hears: not twice */
	table_expect_count(user, sent, 3);
	assert_int_equal(mip_user_set_receiving(user, MIP_ENCAPSULATION_IPIP, true), 0);
	send_unreachable(IPPROTO_IPIP, false);
	table_expect_count(user, sent, 4);
	assert_int_equal(user->counters[MIP_USER_DROP_MALFORMED], 0);
	table_send_ipip("10.9.0.2", "10.9.0.1", "10.1.0.51", "10.5.0.1", 0, false);
	table_expect_count(user, &user->counters[MIP_USER_DROP_MALFORMED], 1);
	assert_int_equal(*sent, 4);
	mip_user_free(user);
}

/* --- what the devices cannot do --------------------------------------------------------------- */

/* The table and the user plane, with 10.1.0.99 away at 10.9.0.2 and a home network whose 10.1.0.255 is everyone's. */
static struct mip_kernel *open_steered(struct mip_user **ret_user)
{
	static const struct mip_plane_options options = {.device = "mip0", .udp_descriptor = -1};
	const struct mip_want everyone = {
		.kind = MIP_WANT_BROADCAST, .broadcast = {table_ip_of("10.1.0.255")}};
	const struct mip_kernel_element peer = {
		.set = MIP_KERNEL_HOME_PEERS,
		.addresses = {table_ip_of("10.9.0.2"), table_ip_of("10.9.0.1"), table_ip_of("10.1.0.99")},
	};
	struct mip_kernel *kernel = table_open_filter();
	const char *reason;

	assert_int_equal(mip_user_new(&options, ret_user, &reason), 0);
	assert_int_equal(mip_user_want(*ret_user, &everyone), 0);
	assert_int_equal(mip_user_set_receiving(*ret_user, MIP_ENCAPSULATION_IPIP, false), 0);
	free(kernel->user);
	kernel->user = *ret_user;
	kernel->everyones_changed = true;
	table_add(kernel, &peer);
	namespace_must("nft flush chain netdev mip-mip0 ingress"); /* lo is no tunnel device */
	return kernel;
}

static void close_steered(struct mip_kernel *kernel)
{
	mip_user_free(kernel->user);
	kernel->user = NULL;
	mip_kernel_steerings_forget(kernel);
	table_close_filter(kernel);
}

static void wants(struct mip_kernel *kernel, const struct mip_want *want, bool wanted)
{
	struct mip_kernel_elements elements = mip_kernel_elements_begin(kernel);

	assert_int_equal(wanted ? mip_user_want(kernel->user, want) : mip_user_unwant(kernel->user, want), 0);
	mip_kernel_steer(kernel, want);
	mip_kernel_steer_commit(kernel, &elements);
	assert_int_equal(mip_kernel_elements_send(&elements), 0);
}

struct sent {
	const char *outer_source, *inner_source, *inner_destination;
	bool heard; /* by the user plane; the others are the device's */
};

/* The inner packets have a broken header, for which they are counted. After all comes one that is heard in any case. */
static void expect_heard(struct mip_user *user, const struct sent *sent, size_t count)
{
	const uint64_t *taken = &user->counters[MIP_USER_DROP_MALFORMED];
	uint64_t heard = *taken;

	for (size_t i = 0; i < count; i++) {
		table_send_ipip(sent[i].outer_source, "10.9.0.1", sent[i].inner_source,
			sent[i].inner_destination, 0, false);
		heard += sent[i].heard;
	}
	table_send_ipip("10.9.0.2", "10.9.0.1", "10.1.0.99", "239.1.2.3", 0, false);
	table_expect_count(user, taken, heard + 1);
}

/* RFC 3024 5.3, RFC 5944 4.4: what a node sends to groups and to everyone; all else is the device's. */
static void groups_of_a_peer_are_heard_and_nothing_else(void **state)
{
	static const struct sent sent[] = {
		{"10.9.0.2", "10.1.0.50", "10.5.0.1", false},
		{"10.9.0.3", "10.1.0.50", "239.1.2.3", false}, /* no peer: perhaps another tunnel's */
		{"10.9.0.2", "10.1.0.50", "239.1.2.3", true},
		{"10.9.0.2", "10.1.0.50", "10.1.0.254", false},
		{"10.9.0.2", "10.1.0.50", "255.255.255.255", true},
		{"10.9.0.3", "10.1.0.50", "10.1.0.255", false},
		{"10.9.0.2", "10.1.0.50", "10.1.0.255", true},
	};
	const struct mip_kernel_element peer = {
		.set = MIP_KERNEL_HOME_PEERS,
		.addresses = {table_ip_of("10.9.0.2"), table_ip_of("10.9.0.1"), table_ip_of("10.1.0.50")},
	};
	struct mip_kernel *kernel;
	struct mip_user *user;

	(void)state;
	NEEDS_ROOT();
	namespace_must("for i in 1 2 3; do ip address add 10.9.0.$i/32 dev lo; done");
	kernel = open_steered(&user);
	table_add(kernel, &peer);
	expect_heard(user, sent, MIP_ARRAY_SIZE(sent));
	close_steered(kernel);
}

/* RFC 5944 4.3, 4.4: what a home agent sends to groups and to everyone is heard as long as somebody wants it. */
static void groups_of_a_home_agent_are_heard_while_they_are_wanted(void **state)
{
	static const struct sent before[] = {
		{"10.9.0.2", "10.5.0.1", "239.1.2.3", false},
		{"10.9.0.2", "10.5.0.1", "10.1.0.255", false},
	};
	static const struct sent then[] = {
		{"10.9.0.2", "10.5.0.1", "10.1.0.50", false},
		{"10.9.0.3", "10.5.0.1", "239.1.2.3", false},
		{"10.9.0.2", "10.5.0.1", "239.1.2.3", true},
		{"10.9.0.2", "10.5.0.1", "10.1.0.255", true},
	};
	struct mip_want groups = {
		.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = table_ip_of("10.1.0.50"),
			.end = MIP_TUNNEL_VISITED,
			.remote = table_ip_of("10.9.0.2")},
	};
	struct mip_want others = groups;
	struct mip_kernel *kernel;
	struct mip_user *user;

	(void)state;
	NEEDS_ROOT();
	namespace_must("for i in 1 2 3; do ip address add 10.9.0.$i/32 dev lo; done");
	others.groups.home_address = table_ip_of("10.1.0.51");
	kernel = open_steered(&user);
	expect_heard(user, before, MIP_ARRAY_SIZE(before));
	wants(kernel, &groups, true);
	wants(kernel, &others, true);
	wants(kernel, &others, true); /* again, as when something of it changes */
	expect_heard(user, then, MIP_ARRAY_SIZE(then));
	wants(kernel, &others, false);
	expect_heard(user, then, MIP_ARRAY_SIZE(then));
	wants(kernel, &groups, false);
	expect_heard(user, before, MIP_ARRAY_SIZE(before));
	close_steered(kernel);
}

/* RFC 3024 5.2 at a foreign agent, rfc5944-4.4-7 at a home agent. */
static void what_comes_from_a_home_address_is_heard_while_it_is_wanted(void **state)
{
	static const struct sent before[] = {{"10.1.0.50", "10.1.0.50", "10.5.0.1", false}};
	static const struct sent then[] = {
		{"10.1.0.50", "10.1.0.51", "10.5.0.1", false},
		{"10.9.0.2", "10.1.0.50", "10.5.0.1", false},
		{"10.1.0.50", "10.1.0.50", "10.5.0.1", true},
		{"10.1.0.50", "10.1.0.50", "239.1.2.3", true},
	};
	const struct mip_want relay = {
		.kind = MIP_WANT_RELAY, .relay = {.home_address = table_ip_of("10.1.0.50"), .link = 1}};
	const struct mip_want groups = {
		.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = table_ip_of("10.1.0.50"),
			.end = MIP_TUNNEL_HOME,
			.remote = table_ip_of("10.1.0.50")},
	};
	struct mip_kernel *kernel;
	struct mip_user *user;

	(void)state;
	NEEDS_ROOT();
	namespace_must("for i in 9.0.1 9.0.2 1.0.50; do ip address add 10.$i/32 dev lo; done");
	kernel = open_steered(&user);
	expect_heard(user, before, MIP_ARRAY_SIZE(before));
	wants(kernel, &relay, true);
	wants(kernel, &groups, true);
	expect_heard(user, then, MIP_ARRAY_SIZE(then));
	wants(kernel, &relay, false);
	expect_heard(user, then, MIP_ARRAY_SIZE(then));
	wants(kernel, &groups, false);
	expect_heard(user, before, MIP_ARRAY_SIZE(before));
	close_steered(kernel);
}

/* Only what the table has steered is: nobody gets past a rule about tunnels by the other protocol. */
static void the_protocol_of_what_is_steered_is_nobodys_from_outside(void **state)
{
	static const struct sent marked[] = {{"10.9.0.2", "10.5.0.1", "239.1.2.3", true}};
	const struct mip_want groups = {
		.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = table_ip_of("10.1.0.50"),
			.end = MIP_TUNNEL_VISITED,
			.remote = table_ip_of("10.9.0.2")},
	};
	struct mip_kernel *kernel;
	struct mip_user *user;

	(void)state;
	NEEDS_ROOT();
	namespace_must("for i in 1 2; do ip address add 10.9.0.$i/32 dev lo; done");
	kernel = open_steered(&user);
	wants(kernel, &groups, true);
	table_send_protocol(
		MIP_USER_STEERED_PROTOCOL, "10.9.0.2", "10.9.0.1", "10.5.0.1", "239.1.2.3", 0, false);
	expect_heard(user, marked, MIP_ARRAY_SIZE(marked));
	close_steered(kernel);
}

/* It counts that itself. Nobody else sees the mark by which it is known. */
static void what_the_user_plane_sends_is_not_counted_with_the_devices(void **state)
{
	const struct mip_kernel_element home = {
		.set = MIP_KERNEL_HOMES, .addresses = {table_ip_of("10.1.0.50")}};
	const struct mip_plane_options options = {.device = "mip0", .udp_descriptor = -1};
	const struct mip_want tunnel = {
		.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = table_ip_of("10.1.0.50"),
			.local = table_ip_of("10.9.0.1"),
			.remote = table_ip_of("10.9.0.2")},
	};
	const struct mip_output_copy copy = {.home_address = table_ip_of("10.1.0.50")};
	struct mip_kernel *kernel;
	struct mip_kernel_count count;
	struct mip_user *user;
	uint8_t packet[20];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	const char *reason;

	(void)state;
	NEEDS_ROOT();
	namespace_must("ip address add 10.9.0.1/32 dev lo && ip address add 10.9.0.2/32 dev lo && "
		       "nft add table ip look && nft add chain ip look out "
		       "'{ type filter hook output priority 300; }' && "
		       "nft add rule ip look out ip protocol 4 meta mark 0 counter");
	kernel = table_open_filter();
	table_add(kernel, &home);
	assert_int_equal(mip_user_new(&options, &user, &reason), 0);
	assert_int_equal(mip_user_set_receiving(user, MIP_ENCAPSULATION_IPIP, false), 0);
	assert_int_equal(mip_user_want(user, &tunnel), 0);
	mip_ip_write(&writer, &(struct mip_ip){.total_length = sizeof(packet),
				      .ttl = 60,
				      .protocol = IPPROTO_UDP,
				      .source = table_ip_of("10.5.0.1"),
				      .destination = table_ip_of("10.1.0.50")});
	assert_int_equal(mip_user_copy(user, &copy, packet, sizeof(packet)), 0);
	assert_true(table_shows("nft list table ip look", "counter packets 1 "));
	assert_int_equal(mip_kernel_element_count(kernel, &home, &count), 0);
	assert_int_equal(count.packets, 0);
	mip_user_free(user);
	table_close_filter(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NAMESPACE(what_the_user_plane_sends_is_not_counted_with_the_devices),
		IN_NAMESPACE(a_silent_socket_takes_no_packet_and_its_errors_are_heard_once),
		IN_NAMESPACE(groups_of_a_peer_are_heard_and_nothing_else),
		IN_NAMESPACE(groups_of_a_home_agent_are_heard_while_they_are_wanted),
		IN_NAMESPACE(what_comes_from_a_home_address_is_heard_while_it_is_wanted),
		IN_NAMESPACE(the_protocol_of_what_is_steered_is_nobodys_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The kernel accelerator's parts, on real kernel objects in a namespace: what can be had without ipip devices
 * everywhere, and the accelerator itself where the kernel has them (in the guest of the tests).
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "address.h"
#include "counter_value.h"
#include "kernel_table.h"
#include "namespace.h"

enum { PROTOCOL = 78 };

static bool kernel_has_ipip(void)
{
	bool has = namespace_run("ip link add probe type ipip external") == 0;

	(void)namespace_run("ip link del probe");
	return has;
}

/* --- messages --------------------------------------------------------------------------------- */

static struct mip_kernel_socket *open_socket(int protocol)
{
	struct mip_kernel_socket *socket = NULL;

	assert_int_equal(mip_kernel_socket_new(protocol, &socket), 0);
	return socket;
}

static void attributes_stand_behind_the_header_and_in_each_other(void **state)
{
	static const char expected[] = "\x30\0\0\0\x12\x34\1\0\1\0\0\0\0\0\0\0" /* header, 48 octets */
				       "\xaa\xbb\xcc\xdd"			/* the fixed one */
				       "\5\0\3\0\7\0\0\0"			/* one octet, filled up */
				       "\x10\0\4\x80"				/* with others inside */
				       "\6\0\5\0\x22\x11\0\0"
				       "\5\0\6\0\0\0\0\0";
	static const uint8_t header[] = {0xaa, 0xbb, 0xcc, 0xdd};
	struct mip_kernel_socket *socket = open_socket(NETLINK_ROUTE);
	const uint8_t *octets;
	size_t nest;

	(void)state;
	mip_kernel_begin(socket, 0x3412, 0, header, sizeof(header));
	mip_kernel_put_u8(socket, 3, 7);
	nest = mip_kernel_nest(socket, 4);
	mip_kernel_put_u16(socket, 5, 0x1122);
	mip_kernel_put_text(socket, 6, "");
	mip_kernel_unnest(socket, nest);
	octets = mip_kernel_octets(socket);
	assert_int_equal(mip_kernel_waiting(socket), 48);
	assert_int_equal(octets[0], 48);
	assert_memory_equal(octets + 4, expected + 4, 4);
	assert_memory_equal(octets + 16, expected + 16, 12);
	assert_int_equal(octets[28], 20); /* 4 + 8 + 8 */
	assert_memory_equal(octets + 30, expected + 30, 18);
	mip_kernel_socket_free(socket);
}

static void an_error_is_told_with_the_kernels_words_and_only_once(void **state)
{
	struct mip_kernel_socket *socket = open_socket(NETLINK_ROUTE);
	struct mip_user user = {0};
	struct mip_kernel kernel = {.user = &user, .route = socket, .protocol = PROTOCOL};
	const char *words = NULL;

	(void)state;
	NEEDS_ROOT();
	/* A link which is not there. */
	mip_kernel_nexthop_put(&kernel, 7, &(struct mip_kernel_nexthop_key){.link = 4711});
	mip_kernel_nexthop_remove(&kernel, 8);
	assert_int_equal(mip_kernel_send(socket, &words), -EINVAL);
	assert_true(words[0] != 0);
	assert_int_equal(mip_kernel_send(socket, &words), 0);
	mip_kernel_socket_free(socket);
}

static void the_hosts_filter_of_reverse_paths_is_read(void **state)
{
	struct mip_kernel kernel = {.route = open_socket(NETLINK_ROUTE)};

	(void)state;
	NEEDS_ROOT();
	for (unsigned value = 0; value < 3; value++) {
		namespace_must("sysctl -qw net.ipv4.conf.all.rp_filter=%u", value);
		assert_int_equal(mip_kernel_host_filters(&kernel), value);
	}
	mip_kernel_socket_free(kernel.route);
}

/* --- nexthops --------------------------------------------------------------------------------- */

static void what_a_predecessor_left_is_swept_away_and_nothing_else(void **state)
{
	struct mip_kernel_socket *socket = open_socket(NETLINK_ROUTE);

	(void)state;
	NEEDS_ROOT();
	namespace_must("ip nexthop add id 7 dev lo proto 78 && ip nexthop add id 8 dev lo && "
		       "ip route add 10.1.0.50/32 nhid 7 proto 78 && ip route add 10.1.0.51/32 nhid 8 && "
		       "ip route add default nhid 7 table 4711 metric 3 proto 78");
	assert_int_equal(mip_kernel_nexthop_sweep(socket, PROTOCOL), 0);
	mip_kernel_socket_free(socket);
	assert_int_not_equal(namespace_run("ip nexthop get id 7"), 0);
	assert_int_equal(namespace_run("ip nexthop get id 8"), 0);
	assert_int_not_equal(namespace_run("ip route show table all | grep -q 10.1.0.50"), 0);
	assert_int_not_equal(namespace_run("ip route show table all | grep -q 4711"), 0);
	assert_true(table_shows("ip route show", "10.1.0.51"));
}

/* --- the nftables table ----------------------------------------------------------------------- */

static void the_table_comes_and_goes(void **state)
{
	struct mip_kernel *kernel;
	char reason[MIP_PLANE_REASON] = "";

	(void)state;
	NEEDS_ROOT();
	kernel = table_open_filter();
	assert_true(table_shows("nft list table ip mip-mip0",
		"Mobile IP: what goes into and comes out of the tunnels of mip0"));
	assert_int_equal(mip_kernel_filter_check(kernel, reason), 0);
	table_close_filter(kernel);
	assert_int_not_equal(namespace_run("nft list table ip mip-mip0"), 0);
}

static void segments_are_clamped_only_when_that_is_asked_for(void **state)
{
	struct mip_kernel *kernel;
	char reason[MIP_PLANE_REASON] = "";

	(void)state;
	NEEDS_ROOT();
	kernel = table_open_filter();
	assert_int_not_equal(namespace_run("nft list table ip mip-mip0 | grep -q maxseg"), 0);
	kernel->user->options.clamp_mss = true;
	assert_int_equal(mip_kernel_filter_clamp(kernel, true), 0);
	assert_true(table_shows("nft list table ip mip-mip0", "tcp option maxseg size set rt mtu"));
	assert_true(table_shows("nft list table ip mip-mip0", "tcp option maxseg size set 1428"));
	assert_int_equal(mip_kernel_filter_check(kernel, reason), 0);
	kernel->user->options.clamp_mss = false;
	assert_int_equal(mip_kernel_filter_clamp(kernel, false), 0);
	assert_int_not_equal(namespace_run("nft list table ip mip-mip0 | grep -q maxseg"), 0);
	table_close_filter(kernel);
}

static void what_somebody_else_does_to_the_table_is_noticed(void **state)
{
	static const char *const commands[] = {"nft delete table ip mip-mip0", "nft flush table ip mip-mip0",
		"nft flush chain ip mip-mip0 input", "nft delete table netdev mip-mip0", "nft flush ruleset"};

	(void)state;
	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(commands); i++) {
		struct mip_kernel *kernel = table_open_filter();
		char reason[MIP_PLANE_REASON] = "";

		namespace_must("nft add table ip others");
		assert_int_equal(mip_kernel_filter_check(kernel, reason), 0);
		namespace_must("%s", commands[i]);
		assert_true(mip_kernel_filter_check(kernel, reason) < 0);
		assert_non_null(strstr(reason, "mip-mip0"));
		table_close_filter(kernel);
	}
}

static struct mip_kernel_element peer_of(const char *remote, uint32_t home)
{
	return (struct mip_kernel_element){
		.set = MIP_KERNEL_HOME_PEERS,
		.addresses = {table_ip_of(remote), table_ip_of("10.9.0.1"), {htonl(home)}},
	};
}

static void count_element(
	void *context, const struct mip_kernel_element *element, const struct mip_kernel_count *count)
{
	(void)element;
	(void)count;
	++*(size_t *)context;
}

static void elements_come_and_go_by_the_thousand(void **state)
{
	enum { MANY = 25000, FIRST = 0x0a010000 };
	struct mip_kernel *kernel;
	struct mip_kernel_elements elements;
	struct mip_kernel_element one = peer_of("10.9.0.2", FIRST);
	struct mip_kernel_count count;
	size_t found = 0;

	(void)state;
	NEEDS_ROOT();
	kernel = table_open_filter();
	elements = mip_kernel_elements_begin(kernel);
	for (uint32_t i = 0; i < MANY; i++) {
		struct mip_kernel_element element = peer_of("10.9.0.2", FIRST + i);

		mip_kernel_elements_add(&elements, &element, false);
	}
	assert_int_equal(mip_kernel_elements_send(&elements), 0);
	assert_int_equal(mip_kernel_elements_list(kernel, MIP_KERNEL_HOME_PEERS, count_element, &found), 0);
	assert_int_equal(found, MANY);
	assert_int_equal(mip_kernel_element_count(kernel, &one, &count), 0);
	assert_int_equal(count.packets, 0);
	elements = mip_kernel_elements_begin(kernel);
	mip_kernel_elements_add(&elements, &one, true);
	assert_int_equal(mip_kernel_elements_send(&elements), 0);
	assert_int_equal(mip_kernel_element_count(kernel, &one, &count), -ENOENT);
	/* All or nothing: one that is not there cannot go, and its batch with it. */
	elements = mip_kernel_elements_begin(kernel);
	mip_kernel_elements_add(&elements, &one, true);
	assert_true(mip_kernel_elements_send(&elements) < 0);
	table_close_filter(kernel);
}

static uint64_t counted(struct mip_kernel *kernel, const char *name)
{
	assert_int_equal(mip_kernel_filter_count(kernel), 0);
	return counter_value(mip_kernel_filter_counters(kernel), name);
}

static void what_goes_into_a_tunnel_is_counted_and_what_would_go_round_is_not_sent(void **state)
{
	struct mip_kernel *kernel;
	struct mip_kernel_element home = {.set = MIP_KERNEL_HOMES, .addresses = {table_ip_of("10.1.0.50")}};
	struct mip_kernel_element loop = {
		.set = MIP_KERNEL_LOOPS, .addresses = {table_ip_of("10.9.0.2"), table_ip_of("10.9.0.2")}};
	struct mip_kernel_count count;

	(void)state;
	NEEDS_ROOT();
	namespace_must("ip address add 10.9.0.1/32 dev lo && ip address add 10.9.0.2/32 dev lo");
	kernel = table_open_filter();
	table_add(kernel, &home);
	table_add(kernel, &loop);
	table_send_ipip("10.9.0.1", "10.9.0.2", "10.5.0.1", "10.1.0.50", 0, false);
	assert_int_equal(mip_kernel_element_count(kernel, &home, &count), 0);
	assert_int_equal(count.packets, 1);
	assert_int_equal(count.bytes, 40);
	table_send_ipip("10.9.0.1", "10.9.0.2", "10.9.0.2", "10.1.0.50", 0, false);
	assert_int_equal(counted(kernel, "drop_loop"), 1);
	table_close_filter(kernel);
}

static void a_peer_is_let_in_by_the_encapsulation_of_its_set_only(void **state)
{
	static const enum mip_kernel_set sets[] = {MIP_KERNEL_HOME_PEERS_GRE, MIP_KERNEL_HOME_PEERS};

	(void)state;
	NEEDS_ROOT();
	namespace_must("ip address add 10.9.0.1/32 dev lo && ip address add 10.9.0.2/32 dev lo");
	for (uint64_t i = 0; i < MIP_ARRAY_SIZE(sets); i++) {
		struct mip_kernel *kernel = table_open_filter();
		struct mip_kernel_element peer = {
			.set = sets[i],
			.addresses = {table_ip_of("10.9.0.2"), table_ip_of("10.9.0.1"),
				table_ip_of("10.1.0.50")},
		};

		namespace_must("nft flush chain netdev mip-mip0 ingress"); /* lo is no tunnel device */
		table_add(kernel, &peer);
		namespace_must("nft add table ip look && nft flush table ip look && nft add chain ip look in "
			       "'{ type filter hook input priority 300; }' && "
			       "nft add rule ip look in meta mark 0x40000000 counter");
		table_send_ipip("10.9.0.2", "10.9.0.1", "10.1.0.50", "10.5.0.1", 0, false);
		assert_true(
			table_shows("nft list table ip look", i ? "counter packets 1" : "counter packets 0"));
		table_close_filter(kernel);
	}
}

static void the_outer_header_gets_what_the_inner_one_has(void **state)
{
	static const struct {
		uint8_t tos;
		bool dont_fragment;
		const char *rule; /* of a table that looks on behind ours */
	} cases[] = {
		{0, true, "ip ecn not-ect ip frag-off 0x4000"},
		{0, false, "ip ecn not-ect ip frag-off 0"},
		{3, true, "ip ecn ce ip frag-off 0x4000"},
		{3, false, "ip ecn ce ip frag-off 0"},
	};
	struct mip_kernel_element home = {.set = MIP_KERNEL_HOMES, .addresses = {table_ip_of("10.1.0.50")}};
	struct mip_kernel *kernel;

	(void)state;
	NEEDS_ROOT();
	namespace_must("ip address add 10.9.0.1/32 dev lo && ip address add 10.9.0.2/32 dev lo");
	kernel = table_open_filter();
	table_add(kernel, &home);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		namespace_must(
			"nft add table ip look && nft add chain ip look out "
			"'{ type filter hook postrouting priority 0; }' && nft flush chain ip look out && "
			"nft add rule ip look out ip protocol 4 %s counter",
			cases[i].rule);
		table_send_ipip("10.9.0.1", "10.9.0.2", "10.5.0.1", "10.1.0.50", cases[i].tos,
			cases[i].dont_fragment);
		assert_true(table_shows("nft list table ip look", "counter packets 1"));
	}
	table_close_filter(kernel);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void without_ipip_it_is_refused_at_once_and_leaves_nothing(void **state)
{
	struct mip_plane_options options = {.kind = MIP_PLANE_KERNEL, .device = "mip0", .udp_descriptor = -1};
	struct mip_plane *plane = NULL;
	char reason[MIP_PLANE_REASON] = "";

	(void)state;
	NEEDS_ROOT();
	if (kernel_has_ipip())
		skip();
	assert_int_equal(mip_plane_new(&options, &plane, reason), -EOPNOTSUPP);
	assert_non_null(
		strstr(reason, "kernel: the kernel has no ipip devices (module ipip, CONFIG_NET_IPIP)"));
	assert_int_equal(if_nametoindex("mip0-ipip"), 0);
	assert_int_equal(if_nametoindex("mip0"), 0);
	assert_int_not_equal(namespace_run("nft list table ip mip-mip0"), 0);
	assert_int_not_equal(namespace_run("ip nexthop | grep -q ."), 0);
}

/* What the plane says of routes that are to be led elsewhere. */
struct told {
	struct mip_address home_address;
	unsigned times;
};

static void on_route_changed(void *context, struct mip_address home_address)
{
	struct told *told = context;

	told->home_address = home_address;
	told->times++;
}

static struct mip_plane *open_plane_telling(struct told *told)
{
	struct mip_plane_options options = {.kind = MIP_PLANE_KERNEL,
		.device = "mip0",
		.udp_descriptor = -1,
		.protocol = PROTOCOL,
		.route_changed = told ? on_route_changed : NULL,
		.context = told};
	struct mip_plane *plane = NULL;
	char reason[MIP_PLANE_REASON] = "";

	namespace_must("ip link add v0 type veth peer name v1 && ip address add 10.9.0.1/24 dev v0 && "
		       "ip link set v0 up && ip link set v1 up");
	if (mip_plane_new(&options, &plane, reason) != 0)
		fail_msg("%s", reason);
	return plane;
}

static struct mip_plane *open_plane(void)
{
	return open_plane_telling(NULL);
}

static void want_tunnel_of(struct mip_plane *plane, const char *home_address, const char *remote)
{
	struct mip_want want = {
		.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = table_ip_of(home_address),
			.local = table_ip_of("10.9.0.1"),
			.remote = table_ip_of(remote)},
	};

	assert_int_equal(mip_plane_want(plane, &want), 0);
	mip_plane_commit(plane);
}

static void want_tunnel(struct mip_plane *plane, const char *remote)
{
	want_tunnel_of(plane, "10.1.0.50", remote);
}

static uint32_t nexthop_of(struct mip_plane *plane, const char *home_address)
{
	struct mip_want route = {
		.kind = MIP_WANT_ROUTE,
		.route = {.destination = {table_ip_of(home_address), 32}, .link = MIP_LINK_TUNNEL},
	};

	assert_true(mip_plane_translate(plane, &route));
	return route.route.nexthop;
}

static void a_handover_leads_the_route_to_another_nexthop(void **state)
{
	struct told told = {0};
	struct mip_plane *plane;
	uint32_t first;

	(void)state;
	NEEDS_ROOT();
	if (!kernel_has_ipip())
		skip();
	plane = open_plane_telling(&told);
	want_tunnel(plane, "10.9.0.2");
	first = nexthop_of(plane, "10.1.0.50");
	assert_true(table_shows("ip nexthop", "dst 10.9.0.2"));
	assert_int_equal(told.times, 0);
	want_tunnel(plane, "10.9.0.3");
	assert_int_equal(told.times, 1);
	assert_true(mip_address_equal(told.home_address, table_ip_of("10.1.0.50")));
	assert_int_not_equal(nexthop_of(plane, "10.1.0.50"), first);
	/* The route leads there until the caller has led it elsewhere. */
	assert_true(table_shows("ip nexthop", "dst 10.9.0.2"));
	assert_true(table_shows("ip nexthop", "dst 10.9.0.3"));
	mip_plane_commit(plane);
	assert_false(table_shows("ip nexthop", "dst 10.9.0.2"));
	assert_true(table_shows("ip nexthop", "dst 10.9.0.3"));
	mip_plane_free(plane);
	assert_int_not_equal(namespace_run("ip nexthop | grep -q ."), 0);
	assert_int_equal(if_nametoindex("mip0-ipip"), 0);
}

static void nodes_at_the_same_care_of_address_share_a_nexthop(void **state)
{
	struct mip_plane *plane;

	(void)state;
	NEEDS_ROOT();
	if (!kernel_has_ipip())
		skip();
	plane = open_plane();
	want_tunnel_of(plane, "10.1.0.50", "10.9.0.2");
	want_tunnel_of(plane, "10.1.0.51", "10.9.0.2");
	assert_int_equal(nexthop_of(plane, "10.1.0.50"), nexthop_of(plane, "10.1.0.51"));
	/* One leaves: the other has it still. */
	want_tunnel_of(plane, "10.1.0.50", "10.9.0.3");
	mip_plane_commit(plane);
	assert_int_not_equal(nexthop_of(plane, "10.1.0.50"), nexthop_of(plane, "10.1.0.51"));
	assert_true(table_shows("ip nexthop", "dst 10.9.0.2"));
	mip_plane_free(plane);
}

static void a_nexthop_that_somebody_removes_is_missed_with_the_next_check(void **state)
{
	enum { MANY = 300 };
	struct mip_plane *plane;
	char home[32], remote[32], command[64];

	(void)state;
	NEEDS_ROOT();
	if (!kernel_has_ipip())
		skip();
	plane = open_plane();
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(home, sizeof(home), "10.1.%u.%u", i / 100, i % 100 + 1);
		(void)snprintf(remote, sizeof(remote), "10.2.%u.%u", i / 100, i % 100 + 1);
		want_tunnel_of(plane, home, remote);
	}
	mip_plane_advance(plane, MIP_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(
			command, sizeof(command), "ip nexthop del id %u", nexthop_of(plane, "10.1.1.77"));
		namespace_must("%s", command);
		assert_int_not_equal(namespace_run("ip nexthop | grep -q 'dst 10.2.1.77 '"), 0);
		mip_plane_advance(plane, MIP_SECOND * (mip_time)(i + 2));
		namespace_must("ip nexthop | grep -q 'dst 10.2.1.77 '");
	}
	mip_plane_free(plane);
}

/* Each is noticed with the next look at it, and all is there again. */
static void what_somebody_takes_away_is_made_again(void **state)
{
	static const char *const commands[] = {"ip link del mip0-ipip", "ip link set mip0-ipip down",
		"tc qdisc del dev mip0-ipip clsact", "tc filter del dev mip0-ipip ingress",
		"nft delete table ip mip-mip0", "ip nexthop flush", "nft delete table netdev mip-mip0",
		"nft flush set ip mip-mip0 homes", "nft flush set ip mip-mip0 loops",
		"nft flush set ip mip-mip0 home-peers", "nft flush set ip mip-mip0 from-home"};
	struct mip_plane *plane;
	struct mip_want groups = {
		.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = table_ip_of("10.1.0.50"), .remote = table_ip_of("10.1.0.50")},
	};
	struct mip_want peer = {
		.kind = MIP_WANT_PEER,
		.peer = {.home_address = table_ip_of("10.1.0.50"),
			.remote = table_ip_of("10.9.0.2"),
			.local = table_ip_of("10.9.0.1")},
	};

	(void)state;
	NEEDS_ROOT();
	if (!kernel_has_ipip())
		skip();
	plane = open_plane();
	want_tunnel(plane, "10.9.0.2");
	assert_int_equal(mip_plane_want(plane, &peer), 0);
	assert_int_equal(mip_plane_want(plane, &groups), 0);
	mip_plane_commit(plane);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(commands); i++) {
		namespace_must("%s", commands[i]);
		mip_plane_advance(plane, MIP_SECOND * (mip_time)(i + 1));
		assert_int_equal(mip_plane_kind(plane), MIP_PLANE_KERNEL);
		assert_true(table_shows("ip link show mip0-ipip", "UP"));
		assert_true(table_shows("tc filter show dev mip0-ipip ingress", "Redirect to device mip0"));
		assert_true(table_shows("nft list set ip mip-mip0 homes", "0xa010032"));
		assert_true(table_shows("nft list set ip mip-mip0 loops", "10.9.0.2 . 0xa090002"));
		assert_true(table_shows(
			"nft list set ip mip-mip0 home-peers", "10.9.0.2 . 10.9.0.1 . 0xa010032"));
		assert_true(table_shows("nft list set ip mip-mip0 from-home", "10.1.0.50 . 0xa010032"));
		assert_true(table_shows("ip nexthop", "dst 10.9.0.2"));
	}
	mip_plane_free(plane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_stand_behind_the_header_and_in_each_other),
		IN_NAMESPACE(an_error_is_told_with_the_kernels_words_and_only_once),
		IN_NAMESPACE(the_hosts_filter_of_reverse_paths_is_read),
		IN_NAMESPACE(what_a_predecessor_left_is_swept_away_and_nothing_else),
		IN_NAMESPACE(the_table_comes_and_goes),
		IN_NAMESPACE(segments_are_clamped_only_when_that_is_asked_for),
		IN_NAMESPACE(what_somebody_else_does_to_the_table_is_noticed),
		IN_NAMESPACE(elements_come_and_go_by_the_thousand),
		IN_NAMESPACE(what_goes_into_a_tunnel_is_counted_and_what_would_go_round_is_not_sent),
		IN_NAMESPACE(a_peer_is_let_in_by_the_encapsulation_of_its_set_only),
		IN_NAMESPACE(the_outer_header_gets_what_the_inner_one_has),
		IN_NAMESPACE(without_ipip_it_is_refused_at_once_and_leaves_nothing),
		IN_NAMESPACE(a_handover_leads_the_route_to_another_nexthop),
		IN_NAMESPACE(nodes_at_the_same_care_of_address_share_a_nexthop),
		IN_NAMESPACE(a_nexthop_that_somebody_removes_is_missed_with_the_next_check),
		IN_NAMESPACE(what_somebody_takes_away_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

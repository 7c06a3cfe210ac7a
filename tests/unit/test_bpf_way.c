/*
 * The bpf programs and the host's routing: where packets go, and what is remembered of it.
 */
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf_program.h"
#include "namespace.h"

enum {
	GATEWAY = 0x0a090002, /* 10.9.0.2 */
};

/*
 *   in ── (nobody)      mip0 stands for the tunnel device      out ── 10.9.0.2, and 10.9.0.3 after a change
 */
static int setup_router(void **state)
{
	struct bench *bench = *state;

	if (!namespace_allowed())
		return 0;
	namespace_must("ip link add in type veth peer name in2; ip link add out type veth peer name out2;"
		       "ip link set in address 02:00:00:00:00:01; ip link set out address 02:00:00:00:00:01;"
		       "ip link add mip0 type veth peer name mip1; for l in in in2 out out2 mip0 mip1; do ip "
		       "link set $l up; done;"
		       "sysctl -qw net.ipv4.ip_forward=1; ip address add 10.9.0.1/24 dev out; ip address add "
		       "10.1.0.1/24 dev in;"
		       "ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev out;"
		       "ip neighbour add 10.9.0.3 lladdr 02:00:00:00:00:03 dev out; ip route add default via "
		       "10.9.0.2");
	bench->programs.shared->settings.tunnel = if_nametoindex("mip0");
	bench->programs.shared->settings.trial = 0;
	return program_setup(state);
}

static int teardown_router(void **state)
{
	struct bench *bench = *state;

	if (!namespace_allowed())
		return 0;
	bench->programs.shared->settings.tunnel = 0;
	bench->programs.shared->settings.trial = 1;
	namespace_must("ip link del in; ip link del out; ip link del mip0; ip rule del priority 50 "
		       "2>/dev/null || true");
	return program_teardown(state);
}

/* The link address that the frame goes to, and one hop less. */
static void assert_sent_to(struct frame *frame, uint8_t last, const struct frame *before)
{
	const uint8_t neighbour[ETH_ALEN] = {2, 0, 0, 0, 0, last};

	/* One packet in 64 has its link header from the kernel's neighbour table, later. */
	if (memcmp(frame->octets, this_host, ETH_ALEN) != 0)
		assert_memory_equal(frame->octets, neighbour, ETH_ALEN);
	assert_int_equal(frame->length, before->length);
	assert_int_equal(program_ip(frame)[TTL_PLACE], before->octets[ETH_HLEN + TTL_PLACE] - 1);
	(void)program_read_ip(program_ip(frame), frame->length - ETH_HLEN);
}

static void out_of_a_tunnel_a_packet_goes_straight_on(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_taken(bench, &frame);
	assert_sent_to(&frame, 2, &inner);
}

static void what_the_stack_has_to_see_comes_in_by_the_tunnel_device(void **state)
{
	struct bench *bench = *state;
	struct frame dying = program_from_node(), own = program_packet(HOME, AGENT, PAYLOAD),
		     inner = program_from_node(), frame;

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_set(&dying, TTL_PLACE, 1);
	frame = program_tunnelled(&dying, MIP_BPF_IPIP, CARE_OF, 0);
	program_taken(bench, &frame);
	assert_int_equal(program_ip(&frame)[TTL_PLACE], 1);
	frame = program_tunnelled(&own, MIP_BPF_IPIP, CARE_OF, 0); /* for the home agent itself */
	program_taken(bench, &frame);
	assert_int_equal(program_ip(&frame)[TTL_PLACE], TTL);
	frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0); /* netfilter's rules */
	assert_int_equal(program_run(bench, "exit_ethernet", &frame), TC_ACT_REDIRECT);
	assert_int_equal(program_ip(&frame)[TTL_PLACE], TTL);
}

static void another_route_is_obeyed_when_the_daemon_says_so(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_taken(bench, &frame);
	assert_sent_to(&frame, 2, &inner);
	namespace_must("ip route replace default via 10.9.0.3");
	bench->programs.shared->settings.generation++;
	frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	program_taken(bench, &frame);
	assert_sent_to(&frame, 3, &inner);
}

static void another_route_is_obeyed_a_moment_later_in_any_case(void **state)
{
	struct bench *bench = *state;
	struct frame inner = program_from_node(), frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	program_taken(bench, &frame);
	/* To run a program takes longer than a tick of the slowest clock. */
	namespace_must("ip route replace default via 10.9.0.3; ip -V; ip -V; ip -V");
	frame = program_tunnelled(&inner, MIP_BPF_IPIP, CARE_OF, 0);
	program_taken(bench, &frame);
	assert_sent_to(&frame, 3, &inner);
}

static void a_larger_packet_asks_for_itself(void **state)
{
	struct bench *bench = *state;
	struct frame frame, large = program_packet(CORRESPONDENT, HOME, 1400);

	NEEDS_ROOT();
	program_register_whole(bench, MIP_BPF_IPIP);
	namespace_must("ip link set out mtu 1000");
	frame = program_to_node();
	program_taken(bench, &frame);
	program_left(bench, &large);
	frame = program_to_node();
	program_taken(bench, &frame);
}

static void a_visitors_packet_goes_into_the_tunnel_where_the_rules_lead_it_there(void **state)
{
	struct bench *bench = *state;
	struct mip_bpf_slot slot = {
		.home = htonl(HOME),
		.remote = htonl(GATEWAY),
		.local = htonl(CARE_OF),
		.kind_and_flags = MIP_BPF_HAS_TUNNEL | MIP_BPF_VISITED,
	};
	static const uint8_t router[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
	struct frame frame = program_from_node(), other;

	NEEDS_ROOT();
	memcpy(frame.octets, router, ETH_ALEN);
	other = frame;
	assert_int_equal(mip_bpf_table_put(&bench->table, &slot), 0);
	assert_int_equal(program_run_at(bench, "in", "link_ethernet", &frame), TC_ACT_UNSPEC);
	namespace_must("ip rule add from 10.1.0.50 iif in lookup 100 priority 50; ip route add default dev "
		       "mip0 table 100");
	bench->programs.shared->settings.generation++;
	assert_int_equal(program_run_at(bench, "in", "link_ethernet", &frame), TC_ACT_REDIRECT);
	assert_int_equal(frame.length, other.length + MIP_IP_HEADER);
	assert_int_equal(
		program_read_ip(program_ip(&frame), frame.length - ETH_HLEN).source.value, htonl(CARE_OF));
	/* By another link it is somebody else's. */
	assert_int_equal(program_run_at(bench, "out", "link_ethernet", &other), TC_ACT_UNSPEC);
	assert_int_equal(other.length, program_from_node().length);
}

#define ROUTER_TEST(test) cmocka_unit_test_setup_teardown(test, setup_router, teardown_router)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTER_TEST(out_of_a_tunnel_a_packet_goes_straight_on),
		ROUTER_TEST(what_the_stack_has_to_see_comes_in_by_the_tunnel_device),
		ROUTER_TEST(another_route_is_obeyed_when_the_daemon_says_so),
		ROUTER_TEST(another_route_is_obeyed_a_moment_later_in_any_case),
		ROUTER_TEST(a_larger_packet_asks_for_itself),
		ROUTER_TEST(a_visitors_packet_goes_into_the_tunnel_where_the_rules_lead_it_there),
	};

	return cmocka_run_group_tests(tests, program_setup_all, program_teardown_all);
}

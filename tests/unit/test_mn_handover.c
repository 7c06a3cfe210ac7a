/*
 * The mobile node moves: which place it chooses, hard and soft handovers, leaving and coming home, what the
 * kernel is told and in which order (RFC 5944 4.2.1, 4.6).
 */
#include "mn_bench.h"

#include <string.h>
#include "extension.h"
#include "packet.h"

static struct bench *const bench = &bench_of_test;

static struct mip_want way_out(void)
{
	return (struct mip_want){.kind = MIP_WANT_ROUTE, .route = {.table = 434}};
}

static struct mip_want home_on(mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_ADDRESS,
		.address = {.link = link,
			.address = mip_address_of(BENCH_HOME),
			.prefix_length = link == MIP_LINK_TUNNEL ? 32 : 24}};
}

static struct mip_want tunnel_of_home(void)
{
	return (struct mip_want){.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = mip_address_of(BENCH_HOME), .end = MIP_TUNNEL_VISITED}};
}

static struct mip_want peer_of_home(uint16_t port)
{
	return (struct mip_want){.kind = MIP_WANT_PEER,
		.peer = {.home_address = mip_address_of(BENCH_HOME),
			.end = MIP_TUNNEL_VISITED,
			.remote = mip_address_of(BENCH_HOME_AGENT),
			.remote_port = port}};
}

static struct mip_want arp_ignore_of(mip_link link)
{
	return (struct mip_want){
		.kind = MIP_WANT_SETTING, .setting = {.link = link, .setting = MIP_SETTING_ARP_IGNORE}};
}

/* --- what each place means to the kernel ------------------------------------------------------ */

/* rfc5944-4.2.1-4: "… networks, the mobile node MUST ignore redirects to other routers on foreign …" */
static void test_from_the_beginning_the_home_address_is_on_the_tunnel_device(void **state)
{
	(void)state;
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	assert_int_equal(bench_setting(bench, BENCH_WLAN, MIP_SETTING_ARP_IGNORE), 1);
	assert_int_equal(bench_setting(bench, BENCH_WLAN, MIP_SETTING_ARP_ANNOUNCE), 2);
	assert_int_equal(bench_setting(bench, BENCH_WLAN, MIP_SETTING_RP_FILTER), 0);
	assert_int_equal(bench_setting(bench, BENCH_WLAN, MIP_SETTING_ACCEPT_REDIRECTS), 0);
}

static void test_through_a_foreign_agent_the_way_out_is_the_agent_without_arp(void **state)
{
	/* rfc5944-1.7-3, rfc5944-3.6.2.2-1, rfc5944-4.6-12 */
	struct mip_want neighbour = {.kind = MIP_WANT_NEIGHBOUR,
		.neighbour = {.link = BENCH_WWAN, .address = mip_address_of(BENCH_FA1)}};

	(void)state;
	bench_registered_at_fa1(bench);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
	assert_int_equal(mip_address_number(bench_way_out(bench)->gateway), BENCH_FA1);
	assert_int_equal(mip_address_number(bench_way_out(bench)->source), BENCH_HOME);
	assert_true(bench_way_out(bench)->onlink);
	assert_non_null(bench_kernel(bench, &neighbour));
	assert_true(mip_link_address_equal(
		bench_kernel(bench, &neighbour)->neighbour.link_address, bench_link_address(BENCH_FA1)));
	assert_null(bench_tunnel(bench));
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_IPIP);
}

static void test_co_located_the_node_is_the_end_of_the_tunnel(void **state)
{
	/* rfc5944-3.6.2.2-1 */
	struct mip_want rule = {.kind = MIP_WANT_RULE,
		.rule = {.priority = 1001,
			.from = {mip_address_of(BENCH_SPOT), 32},
			.table = 435,
			.suppress_prefix_length = -1}};
	struct mip_want peer = peer_of_home(0);

	(void)state;
	bench_registered_at_spot(bench);
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->local), BENCH_SPOT);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), BENCH_HOME_AGENT);
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_IPIP);
	assert_int_equal(bench_tunnel(bench)->link, BENCH_WLAN);
	assert_non_null(bench_kernel(bench, &peer));
	assert_non_null(bench_kernel(bench, &rule));
}

static void test_the_home_agents_packets_are_welcome_before_the_reply_of_a_co_located_registration(
	void **state)
{
	struct mip_want plain = peer_of_home(0), udp = peer_of_home(MIP_REGISTRATION_PORT);

	(void)state;
	bench_registered_at_fa1(bench);
	assert_null(bench_kernel(bench, &plain));
	bench_lease(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_pass(bench, MIP_SECOND / 4);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.care_of_address), BENCH_SPOT);
	assert_non_null(bench_kernel(bench, &plain));
	assert_non_null(bench_kernel(bench, &udp));
	bench_accept(bench);
	assert_non_null(bench_kernel(bench, &plain));
	assert_null(bench_kernel(bench, &udp));
}

static void without_reverse_tunnel(struct mn_settings *settings)
{
	settings->reverse_tunnel = false;
}

static void test_co_located_without_a_reverse_tunnel_packets_go_out_directly(void **state)
{
	struct mip_want peer = peer_of_home(0);

	(void)state;
	bench_again_with(without_reverse_tunnel);
	bench_registered_at_spot(bench);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WLAN);
	assert_int_equal(mip_address_number(bench_way_out(bench)->gateway), BENCH_SPOT_GW);
	assert_non_null(bench_kernel(bench, &peer));
}

static void test_the_path_of_the_request_is_there_before_the_request(void **state)
{
	struct mip_want table = {.kind = MIP_WANT_ROUTE, .route = {.table = 435}};

	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_true(bench_place_of_want(bench, &table) < bench_last_request(bench).place);
}

/* --- choosing --------------------------------------------------------------------------------- */

static void test_an_agent_gets_50_ms_to_answer_before_the_co_located_address_is_registered(void **state)
{
	/* rfc5944-2.4-14 */
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 49 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_an_agent_that_answers_is_registered_with_at_once(void **state)
{
	/* rfc5944-2.4-14 */
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 10 * MIP_MILLISECOND);
	bench_advertise(bench, &bench_fa2);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
}

static void only_co_located(struct mn_settings *settings)
{
	settings->care_of = MN_CARE_OF_CO_LOCATED;
}

static void test_only_co_located_does_not_wait_and_ignores_agents(void **state)
{
	(void)state;
	bench_again_with(only_co_located);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_int_equal(bench_requests(bench), 0);
	bench_lease(bench);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_HOME_AGENT);
}

static void only_foreign_agents(struct mn_settings *settings)
{
	settings->care_of = MN_CARE_OF_FOREIGN_AGENT;
}

static void test_only_foreign_agents_does_not_use_addresses(void **state)
{
	(void)state;
	bench_again_with(only_foreign_agents);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 5 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
}

static void test_an_address_without_a_default_route_is_no_care_of_address(void **state)
{
	/* rfc5944-1.7-4 */
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, true);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, true);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_link_local_addresses_and_those_of_the_home_network_are_no_care_of_addresses(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, true);
	bench_address(bench, BENCH_WLAN, 0xa9fe0102, 16, true);
	bench_address(bench, BENCH_WLAN, BENCH_HOME, 24, true);
	bench_address(bench, BENCH_WLAN, BENCH_HOME + 20, 24, true);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_the_interface_with_the_lower_priority_number_is_preferred(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench); /* wwan0, 20 */
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2); /* wlan0, 10 */
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
	bench_accept(bench);
	bench_forget(bench);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 0);
	assert_string_equal(bench_status(bench).interface, "wlan0");
}

static void test_a_person_can_choose_the_interface(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_registered_at_fa1(bench);
	bench_registered_at_spot(bench);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	bench_accept(bench);
	assert_string_equal(bench_status(bench).interface, "wwan0");
	assert_true(mn_core_handover(bench->core, "eth0", bench->now, &reason) < 0); /* down */
	assert_true(mn_core_handover(bench->core, "nonsense", bench->now, &reason) < 0);
	/* The wish ends with the link. */
	bench_link(bench, BENCH_WWAN, false);
	bench_accept(bench);
	assert_string_equal(bench_status(bench).interface, "wlan0");
}

/* --- handovers -------------------------------------------------------------------------------- */

static void test_a_soft_handover_keeps_the_old_way_until_the_new_one_is_confirmed(void **state)
{
	struct mip_want route = way_out(), tunnel = tunnel_of_home(), peer = peer_of_home(0);

	(void)state;
	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	/* Nothing has changed yet for the packets. */
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
	assert_null(bench_tunnel(bench));
	assert_string_equal(bench_status(bench).interface, "wwan0");
	bench_accept(bench);
	/* The tunnel first, then what leads to it, in one step each. */
	assert_true(bench_place_of_want(bench, &peer) < bench_place_of_want(bench, &route));
	assert_true(bench_place_of_want(bench, &tunnel) < bench_place_of_want(bench, &route));
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	assert_string_equal(bench_status(bench).interface, "wlan0");
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_after_a_soft_handover_the_old_tunnel_is_still_taken_from_for_a_while(void **state)
{
	struct bench_agent agent = {
		.link = BENCH_ETH, .address = 0x0a060001, .flags = MIP_AGENT_F, .lifetime = 9};
	struct mip_want peer = peer_of_home(0);

	(void)state;
	bench_registered_at_spot(bench);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &agent);
	bench_accept(bench);
	assert_string_equal(bench_status(bench).interface, "eth0");
	assert_non_null(bench_kernel(bench, &peer));
	bench_pass(bench, 2900 * MIP_MILLISECOND);
	assert_non_null(bench_kernel(bench, &peer));
	bench_pass(bench, 200 * MIP_MILLISECOND);
	assert_null(bench_kernel(bench, &peer));
	assert_null(bench_tunnel(bench));
}

static void test_who_asks_for_a_tunnel_takes_from_it_before_the_reply(void **state)
{
	struct mip_want plain = peer_of_home(0), in_udp = peer_of_home(434);
	struct bench_request request;

	(void)state;
	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	assert_true(bench_place_of_want(bench, &plain) < request.place);
	assert_true(bench_place_of_want(bench, &in_udp) < request.place);
	bench_accept(bench);
	assert_non_null(bench_kernel(bench, &plain));
	assert_null(bench_kernel(bench, &in_udp));
}

static void test_a_hard_handover_leaves_at_once_and_registers_at_once(void **state)
{
	/* rfc5944-2.4.2-1, rfc5944-3.6-3 */
	struct bench_request request;

	(void)state;
	bench_registered_at_spot(bench);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1); /* heard, but the spot is better */
	assert_int_equal(bench_requests(bench), 0);
	bench_link(bench, BENCH_WLAN, false);
	assert_int_equal(bench_requests(bench), 1);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_null(bench_tunnel(bench));
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL); /* a pause, no error */
	bench_accept(bench);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
}

static void test_a_hard_handover_between_co_located_addresses_on_one_interface(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	bench_link(bench, BENCH_WLAN, false);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, false);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, false);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	bench_pass(bench, 10 * MIP_MILLISECOND);
	bench_link(bench, BENCH_WLAN, true);
	assert_int_equal(bench_solicitations(bench, BENCH_WLAN), 1);
	bench_address(bench, BENCH_WLAN, 0xc0a80721, 24, true);
	bench_route(bench, BENCH_WLAN, 0xc0a80701, true);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_last_request(bench).source), 0xc0a80721);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->local), 0xc0a80721);
}

static void test_when_the_care_of_address_goes_the_node_searches_at_once(void **state)
{
	/* rfc5944-1.7-4, rfc5944-3.6-3 */
	(void)state;
	bench_registered_at_spot(bench);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, false);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, true);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_another_gateway_is_another_network(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, false);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW + 1, true);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_the_events_tell_the_timeline(void **state)
{
	const struct mip_event *event;

	(void)state;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, 20 * MIP_MILLISECOND);
	bench_accept(bench);
	event = bench_event(bench, "handover", 0);
	assert_string_equal(bench_field(event, "interface")->string, "wwan0");
	assert_string_equal(bench_field(event, "mode")->string, "foreign-agent");
	assert_int_equal(mip_address_number(bench_field(event, "care_of_address")->address), BENCH_FA1);
	assert_int_equal(mip_address_number(bench_field(event, "agent")->address), BENCH_FA1);
	event = bench_event(bench, "registered", 0);
	assert_int_equal(bench_field(event, "milliseconds")->number, 20);
	assert_int_equal(bench_field(event, "lifetime")->number, 600);
	assert_string_equal(bench_field(event, "encapsulation")->string, "ipip");
	event = bench_event(bench, "state", 0);
	assert_string_equal(bench_field(event, "from")->string, "searching");
	assert_string_equal(bench_field(event, "to")->string, "registering");
	event = bench_event(bench, "state", 1);
	assert_string_equal(bench_field(event, "to")->string, "registered");
}

/* --- home ------------------------------------------------------------------------------------- */

static void test_coming_home_has_the_order_of_rfc_5944_4_6(void **state)
{
	/* rfc5944-2.4.3-1, rfc5944-2.4.3-2, rfc5944-2.4.3-3, rfc5944-3.1-4, rfc5944-3.6.1.1-3,
	 * rfc5944-3.6.1.1-8, rfc5944-3.6.1.2-2, rfc5944-3.6.1.2-15, rfc5944-3.6.2.2-2, rfc5944-4.6-1,
	 * rfc5944-4.6-8, rfc5944-4.6-9, rfc5944-4.6-17 */
	struct mip_want on_eth = home_on(BENCH_ETH), route = way_out();
	struct bench_request request;

	(void)state;
	bench_registered_at_fa1(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	request = bench_last_request(bench);
	/* Its ARP and its routes, then the gratuitous ARP, then the request. */
	assert_true(bench_place_of_want(bench, &on_eth) < bench_place_of_gratuitous_arp(bench));
	assert_true(bench_place_of_want(bench, &route) < bench_place_of_gratuitous_arp(bench));
	assert_true(bench_place_of_gratuitous_arp(bench) < request.place);
	assert_true(request.frame);
	assert_true(mip_link_address_equal(request.link_destination, bench_link_address(BENCH_HOME_AGENT)));
	assert_int_equal(mip_address_number(request.source), BENCH_HOME);
	assert_int_equal(request.fixed.flags, 0);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_HOME);
	assert_int_equal(mip_address_number(bench_way_out(bench)->gateway), BENCH_HOME_AGENT);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED); /* until it is confirmed */
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	assert_false(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	assert_true(bench_has_home_on(bench, BENCH_ETH));
	assert_int_equal(mip_address_number(bench_status(bench).care_of_address), 0);
	bench_pass(bench, 5 * MIP_SECOND);
	assert_int_equal(bench_gratuitous_arps(bench), 3);
}

/* rfc5944-3.1-4: the mobile node MUST register directly with its home agent, and with no other that may be heard first. */
static void test_at_home_another_agent_is_passed_by(void **state)
{
	struct bench_agent other = bench_home_agent;
	struct bench_request request;

	(void)state;
	other.address = BENCH_HOME_AGENT + 1;
	other.flags |= MIP_AGENT_F;
	bench_registered_at_fa1(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &other);
	request = bench_last_request(bench);
	assert_false(request.frame); /* its home agent's link address is found as any host's */
	assert_int_equal(request.link, BENCH_ETH);
	assert_int_equal(mip_address_number(request.source), BENCH_HOME);
	assert_int_equal(mip_address_number(request.destination), BENCH_HOME_AGENT);
	assert_int_equal(mip_address_number(request.fixed.home_agent), BENCH_HOME_AGENT);
	assert_int_equal(request.fixed.lifetime, 0);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
}

static void test_coming_home_from_a_tunnel_its_packets_are_still_taken(void **state)
{
	struct mip_want peer = peer_of_home(0);

	(void)state;
	bench_registered_at_spot(bench);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	assert_non_null(bench_kernel(bench, &peer));
	assert_non_null(bench_tunnel(bench));
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	assert_non_null(bench_kernel(bench, &peer));
	bench_pass(bench, 2 * MIP_SECOND);
	bench_advertise(bench, &bench_home_agent);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_null(bench_kernel(bench, &peer));
}

static void test_leaving_home_stops_answering_arp_before_the_request(void **state)
{
	/* rfc5944-4.6-16 */
	struct mip_want arp = arp_ignore_of(BENCH_ETH), on_eth = home_on(BENCH_ETH),
			on_tunnel = home_on(MIP_LINK_TUNNEL);
	const char *reason = NULL;

	(void)state;
	bench_home(bench);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	assert_true(bench_place_of_want(bench, &arp) < bench_last_request(bench).place);
	assert_int_equal(bench_setting(bench, BENCH_ETH, MIP_SETTING_ARP_IGNORE), 8);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	assert_true(bench_has_home_on(bench, BENCH_ETH));
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	/* On the tunnel device first, then off the home link: on some interface at every instant. */
	assert_true(bench_place_of_want(bench, &on_tunnel) < bench_place_of_unwant(bench, &on_eth));
	assert_int_equal(bench_setting(bench, BENCH_ETH, MIP_SETTING_ARP_IGNORE), 1);
}

/* rfc5944-4.2.1-3: "… home network, mobile nodes MUST NOT broadcast ARP packets to find the MAC …" */
static void test_away_there_is_no_broadcast_arp(void **state)
{
	/* rfc5944-4.6-12 */
	(void)state;
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	bench_accept(bench);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_forget(bench);
	bench_link(bench, BENCH_ETH, false);
	bench_accept(bench);
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(bench_gratuitous_arps(bench), 0);
}

static void test_a_pulled_home_link_moves_the_home_address_to_the_tunnel_device(void **state)
{
	(void)state;
	bench_home(bench);
	bench_link(bench, BENCH_ETH, false);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	assert_false(bench_has_home_on(bench, BENCH_ETH));
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
}

static void test_a_home_address_that_someone_else_has_put_there_is_left_alone(void **state)
{
	struct mip_want on_eth = home_on(BENCH_ETH);

	(void)state;
	bench->home_watched = false; /* the other one's does not count on this bench */
	bench_address(bench, BENCH_ETH, BENCH_HOME, 24, true);
	bench_home(bench);
	assert_null(bench_kernel(bench, &on_eth));
	assert_int_equal(bench_setting(bench, BENCH_ETH, MIP_SETTING_ARP_IGNORE), 1);
	/* They take it away: now it is for us. */
	bench_address(bench, BENCH_ETH, BENCH_HOME, 24, false);
	assert_non_null(bench_kernel(bench, &on_eth));
}

static void test_away_the_home_address_of_someone_else_is_not_answered_for(void **state)
{
	/* rfc5944-4.6-13, rfc5944-4.6-15 */
	const char *reason = NULL;

	(void)state;
	bench->home_watched = false;
	bench_address(bench, BENCH_ETH, BENCH_HOME, 24, true);
	bench_home(bench);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	bench_accept(bench);
	assert_int_equal(bench_setting(bench, BENCH_ETH, MIP_SETTING_ARP_IGNORE), 8);
}

static void test_co_located_the_care_of_address_is_answered_for(void **state)
{
	/* rfc5944-4.6-15 */
	(void)state;
	bench_home(bench);
	/* Also where the home address stands beside it, as while leaving home by the same interface. */
	bench_link(bench, BENCH_WLAN, true);
	bench_address(bench, BENCH_WLAN, BENCH_HOME, 24, true);
	bench_link(bench, BENCH_ETH, false);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	bench_accept(bench);
	assert_int_equal(bench_status(bench).mode, MN_MODE_CO_LOCATED);
	assert_int_equal(bench_setting(bench, BENCH_WLAN, MIP_SETTING_ARP_IGNORE), 1);
}

static void test_a_lost_home_agent_does_not_take_the_home_link_down(void **state)
{
	(void)state;
	bench_home(bench);
	bench_pass(bench, 60 * MIP_SECOND);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	assert_true(bench_has_home_on(bench, BENCH_ETH));
	assert_true(bench_solicitations(bench, BENCH_ETH) >= 1);
}

static void with_nai(struct mn_settings *settings)
{
	static char nai[] = "alice@example.org";

	settings->home_address = (struct mip_address){0};
	settings->nai = nai;
}

/* RFC 5944 3.6.1.1: from 0.0.0.0; RFC 2794: the reply gives it. */
static void test_without_a_home_address_it_asks_for_one_at_home(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(with_nai);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	assert_int_equal(bench_requests(bench), 1);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.source), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), 0);
	assert_int_equal(bench_gratuitous_arps(bench), 0);
	bench_reply(bench, &request, &(struct bench_reply){.home_address = mip_address_of(BENCH_HOME)});
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	assert_true(bench_has_home_on(bench, BENCH_ETH));
	assert_int_equal(bench_gratuitous_arps(bench), 1);
}

/* --- ARP for a foreign agent ------------------------------------------------------------------ */

static void ask_by_arp(uint32_t asker, bool unicast)
{
	uint8_t packet[MIP_ARP_PACKET];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {.link = BENCH_WWAN,
		.source = bench_link_address(asker),
		.unicast = unicast,
		.ethertype = MIP_ETHERTYPE_ARP,
		.octets = packet,
		.length = sizeof(packet)};

	mip_arp_write(&writer, &(struct mip_arp){.operation = MIP_ARP_REQUEST,
				       .sender_link = bench_link_address(asker),
				       .sender = mip_address_of(asker),
				       .target = mip_address_of(BENCH_HOME)});
	mn_core_frame(bench->core, &frame, bench->now);
	bench_collect(bench);
}

static void test_away_only_its_foreign_agent_gets_an_arp_answer_and_that_unicast(void **state)
{
	/* rfc5944-4.6-13, rfc5944-4.6-14 */
	const struct mip_output *answer;
	struct mip_arp arp;

	(void)state;
	bench_registered_at_fa1(bench);
	ask_by_arp(BENCH_FA1, false);
	ask_by_arp(BENCH_FA2, true);
	assert_int_equal(bench->count, 0);
	ask_by_arp(BENCH_FA1, true);
	assert_int_equal(bench->count, 1);
	answer = &bench->outputs[0];
	assert_int_equal(answer->frame.ethertype, MIP_ETHERTYPE_ARP);
	assert_true(mip_link_address_equal(answer->frame.destination, bench_link_address(BENCH_FA1)));
	assert_int_equal(mip_arp_read(answer->octets, answer->length, &arp), 0);
	assert_int_equal(arp.operation, MIP_ARP_REPLY);
	assert_int_equal(mip_address_number(arp.sender), BENCH_HOME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_from_the_beginning_the_home_address_is_on_the_tunnel_device),
		TEST(test_through_a_foreign_agent_the_way_out_is_the_agent_without_arp),
		TEST(test_co_located_the_node_is_the_end_of_the_tunnel),
		TEST(test_the_home_agents_packets_are_welcome_before_the_reply_of_a_co_located_registration),
		TEST(test_co_located_without_a_reverse_tunnel_packets_go_out_directly),
		TEST(test_the_path_of_the_request_is_there_before_the_request),
		TEST(test_an_agent_gets_50_ms_to_answer_before_the_co_located_address_is_registered),
		TEST(test_an_agent_that_answers_is_registered_with_at_once),
		TEST(test_only_co_located_does_not_wait_and_ignores_agents),
		TEST(test_only_foreign_agents_does_not_use_addresses),
		TEST(test_an_address_without_a_default_route_is_no_care_of_address),
		TEST(test_link_local_addresses_and_those_of_the_home_network_are_no_care_of_addresses),
		TEST(test_the_interface_with_the_lower_priority_number_is_preferred),
		TEST(test_a_person_can_choose_the_interface),
		TEST(test_a_soft_handover_keeps_the_old_way_until_the_new_one_is_confirmed),
		TEST(test_after_a_soft_handover_the_old_tunnel_is_still_taken_from_for_a_while),
		TEST(test_who_asks_for_a_tunnel_takes_from_it_before_the_reply),
		TEST(test_a_hard_handover_leaves_at_once_and_registers_at_once),
		TEST(test_a_hard_handover_between_co_located_addresses_on_one_interface),
		TEST(test_when_the_care_of_address_goes_the_node_searches_at_once),
		TEST(test_another_gateway_is_another_network),
		TEST(test_the_events_tell_the_timeline),
		TEST(test_coming_home_has_the_order_of_rfc_5944_4_6),
		TEST(test_at_home_another_agent_is_passed_by),
		TEST(test_coming_home_from_a_tunnel_its_packets_are_still_taken),
		TEST(test_leaving_home_stops_answering_arp_before_the_request),
		TEST(test_away_there_is_no_broadcast_arp),
		TEST(test_a_pulled_home_link_moves_the_home_address_to_the_tunnel_device),
		TEST(test_a_home_address_that_someone_else_has_put_there_is_left_alone),
		TEST(test_away_the_home_address_of_someone_else_is_not_answered_for),
		TEST(test_co_located_the_care_of_address_is_answered_for),
		TEST(test_a_lost_home_agent_does_not_take_the_home_link_down),
		TEST(test_without_a_home_address_it_asks_for_one_at_home),
		TEST(test_away_only_its_foreign_agent_gets_an_arp_answer_and_that_unicast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Bindings over their life, the kernel state that they want, and gratuitous ARP, in the order of RFC
 * 5944 4.6.
 */
#include "ha_test.h"

#include <errno.h>

static const struct mip_want *wanted(const struct world *world, enum mip_want_kind kind)
{
	return ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, kind, 0));
}

static const struct mip_want *unwanted(const struct world *world, enum mip_want_kind kind)
{
	return ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, kind, 0));
}

/* rfc5944-4.2.3-1: "The home agent MUST be able to intercept any datagrams on the home network …" */
static void a_node_that_leaves_home_gets_its_route_tunnel_and_proxy_before_the_reply(void **state)
{
	/* rfc5944-1.7-2, rfc5944-3.8.2.2-9, rfc5944-4.6-3, rfc5944-4.6-16 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	int reply, arp;

	ha_ask_send(world, &ask);
	reply = (int)ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->place;
	arp = ha_find_gratuitous(world, NODE_ADDRESS, ha_link_address, 0);
	assert_in_range(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER, 0), 0, arp);
	assert_in_range(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), 0, arp);
	assert_in_range(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE, 0), 0, arp);
	assert_in_range(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0), 0, arp);
	assert_in_range(arp, 0, reply);
	assert_in_range(ha_find_record(world, MIP_OUTPUT_KEEP, "binding/10.1.0.50"), 0, reply);
	assert_in_range(ha_find_record(world, MIP_OUTPUT_KEEP, "replay/10.1.0.50"), 0, reply);
	assert_true(ha_find_event(world, "binding_added") >= 0);
}

static void the_kernel_state_of_a_binding_is_that_of_the_care_of_address(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const struct mip_want *want;

	ha_ask_send(world, &ask);
	want = wanted(world, MIP_WANT_TUNNEL);
	assert_address_equal(want->tunnel.home_address, NODE_ADDRESS);
	assert_int_equal(want->tunnel.end, MIP_TUNNEL_HOME);
	assert_address_equal(want->tunnel.local, HA_ADDRESS);
	assert_address_equal(want->tunnel.remote, CARE_OF);
	assert_int_equal(want->tunnel.encapsulation, MIP_ENCAPSULATION_IPIP);
	want = wanted(world, MIP_WANT_PEER);
	assert_address_equal(want->peer.remote, CARE_OF);
	assert_int_equal(want->peer.remote_port, 0);
	want = wanted(world, MIP_WANT_ROUTE);
	assert_address_equal(want->route.destination.address, NODE_ADDRESS);
	assert_int_equal(want->route.destination.length, 32);
	assert_int_equal(want->route.link, MIP_LINK_TUNNEL);
	assert_int_equal(want->route.mtu, 0); /* the tunnel device knows */
	want = wanted(world, MIP_WANT_PROXY);
	assert_int_equal(want->proxy.link, HOME_LINK);
	assert_address_equal(want->proxy.address, NODE_ADDRESS);
}

static void gratuitous_arp_is_repeated_a_few_times_and_then_ends(void **state)
{
	/* rfc5944-3.8.2.2-9, rfc5944-4.6-1, rfc5944-4.6-5, rfc5944-4.6-6, rfc5944-4.6-7 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 1);
	ha_world_pass(world, 60 * MIP_SECOND);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 4);
	assert_true(ha_find_gratuitous(world, NODE_ADDRESS, ha_link_address, 3) >= 0);
	assert_int_equal(ha_counter_value(world, "gratuitous_arps_sent"), 4);
}

static void a_node_of_a_virtual_network_has_neither_proxy_nor_arp(void **state)
{
	/* rfc5944-1.7-2, rfc5944-4.6-6 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.home_address = VIRTUAL_NODE;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0), -1);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_FRAME, 0), -1);
}

static void a_renewal_touches_neither_the_kernel_nor_the_link(void **state)
{
	/* rfc5944-3.8.2.2-10 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 300 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_WANT, 0), -1);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_UNWANT, 0), -1);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
	assert_true(ha_find_event(world, "binding_renewed") >= 0);
	assert_int_equal((ha_only_binding(world).expires - world->now.boot) / MIP_SECOND, 600);
}

/* rfc5944-4.2.3-8: "… lifetime expires, the home agent MUST delete the binding, but it MUST retain …" */
/* rfc5944-4.2.3-7: "The home agent MUST NOT send any Registration Reply message simply because the …" */
static void a_binding_ends_with_its_lifetime_and_without_a_reply(void **state)
{
	/* rfc5944-3.8-1, rfc5944-3.8-2, rfc5944-3.8.2.2-7 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 599 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 2 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0) >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	assert_int_equal(ha_find_record(world, MIP_OUTPUT_FORGET, "replay/10.1.0.50"), -1);
	assert_true(ha_find_event(world, "binding_removed") >= 0);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "bindings_expired"), 1);
}

static void a_node_that_moves_is_tunnelled_to_the_new_place_and_heard_from_both_for_a_while(void **state)
{
	struct world *world = *state;
	struct ask before = ha_ask_by_agent(), after = ha_ask_co_located();
	int peer, tunnel;

	ha_ask_expect(world, &before, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &after);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	peer = ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER, 0);
	tunnel = ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0);
	assert_address_equal(ha_want_at(world, peer)->peer.remote, CARE_OF);
	assert_address_equal(ha_want_at(world, tunnel)->tunnel.remote, CARE_OF);
	assert_true(peer < tunnel);
	/* In one step, without a moment without a tunnel; and the home link hears nothing of it. */
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_UNWANT, 0), -1);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
	ha_world_pass(world, 2900 * MIP_MILLISECOND);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_UNWANT, 0), -1);
	ha_world_pass(world, 200 * MIP_MILLISECOND);
	assert_address_equal(unwanted(world, MIP_WANT_PEER)->peer.remote, OTHER_AGENT);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_UNWANT, 1), -1);
	assert_int_equal(ha_counter_value(world, "bindings_moved"), 1);
	assert_address_equal(ha_only_binding(world).care_of_address, CARE_OF);
}

static void a_node_that_moves_to_and_fro_keeps_the_peer_that_it_came_back_to(void **state)
{
	struct world *world = *state;
	struct ask one = ha_ask_by_agent(), other = ha_ask_co_located();

	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &other, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, MIP_SECOND);
	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 30 * MIP_SECOND);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 1), -1);
	assert_address_equal(unwanted(world, MIP_WANT_PEER)->peer.remote, CARE_OF);
}

/* rfc5944-4.2.3-3: "In this case, the home agent MUST assume the mobile node is at home and simply …" */
/* rfc5944-4.2.3-2: "… bindings, the home agent MUST NOT attempt to intercept datagrams destined …" */
static void a_node_that_comes_home_is_given_back_to_its_link_in_the_rfc_s_order(void **state)
{
	/* rfc5944-4.6-10, rfc5944-4.6-11, rfc5944-4.6-17 */
	struct world *world = *state;
	struct ask away = ha_ask_by_agent(), home = ha_ask_from_home();
	const struct answer *answer;
	int proxy, neighbour, arp;

	ha_ask_expect(world, &away, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &home);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(answer->fields.lifetime, 0);
	proxy = ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0);
	neighbour = ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_NEIGHBOUR, 0);
	arp = ha_find_gratuitous(world, NODE_ADDRESS, ha_node_link_address, 0);
	assert_in_range(proxy, 0, neighbour);
	assert_in_range(neighbour, proxy, arp);
	assert_in_range(arp, neighbour, answer->place);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_want_at(world, neighbour)->neighbour.seed);
	assert_true(mip_link_address_equal(
		ha_want_at(world, neighbour)->neighbour.link_address, ha_node_link_address));
	/* What the node's way in was stays open for a while, and so does the way out: packets that were led
	 * to mip0 before the route went are still to be carried. */
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0), -1);
	ha_world_pass(world, 4 * MIP_SECOND);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0) >= 0);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 4);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void the_reply_to_a_node_at_home_is_a_frame_to_its_link_address(void **state)
{
	/* rfc5944-3.8.3.1-2 */
	struct world *world = *state;
	struct ask home = ha_ask_from_home();
	const struct answer *answer;

	ha_ask_send(world, &home);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(answer->framed);
	assert_int_equal(answer->frame.link, HOME_LINK);
	assert_true(mip_link_address_equal(answer->frame.destination, ha_node_link_address));
	assert_address_equal(answer->ip.source, HA_ADDRESS);
	assert_address_equal(answer->ip.destination, NODE_ADDRESS);
	assert_int_equal(answer->udp.source_port, 434);
	assert_int_equal(answer->udp.destination_port, NODE_PORT);
}

static void a_denied_return_is_answered_at_home_and_changes_nothing(void **state)
{
	/* rfc5944-3.8.3.1-3, rfc5944-4.6-18 */
	struct world *world = *state;
	struct ask away = ha_ask_by_agent(), home = ha_ask_from_home();

	ha_ask_expect(world, &away, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	home.security = world->wrong;
	ha_ask_send(world, &home);
	/* 3.8.3.1: the binding that there still is MUST be ignored for the reply. */
	assert_true(ha_answer_expect(world, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION)->framed);
	home.security = NULL;
	home.identification = 1;
	ha_world_clear_outputs(world);
	ha_ask_send(world, &home);
	assert_true(ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH)->framed);
	/* 4.6: MUST NOT make any change to the way it performs ARP processing. */
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_UNWANT, 0), -1);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
	assert_int_equal(ha_core_binding_count(world->core), 1);
}

static void a_node_that_leaves_again_takes_its_address_off_the_link_again(void **state)
{
	struct world *world = *state;
	struct ask away = ha_ask_by_agent(), home = ha_ask_from_home();

	ha_ask_expect(world, &away, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &home, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_send(world, &away);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0) >= 0);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	/* The announcements of the return, which were not over yet, do not undo that. */
	assert_int_equal(ha_find_gratuitous(world, NODE_ADDRESS, ha_node_link_address, 0), -1);
	assert_true(ha_find_gratuitous(world, NODE_ADDRESS, ha_link_address, 2) >= 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0), -1);
}

static void a_deregistration_through_a_router_of_the_home_link_is_answered_by_routing(void **state)
{
	struct world *world = *state;
	struct ask away = ha_ask_by_agent();

	/* The foreign agent is reached over the home link: its frames come from a router. */
	away.framed = true;
	away.link_source = (struct mip_link_address){6, {2, 0, 0, 0, 0, 0xfe}};
	ha_ask_send(world, &away);
	assert_false(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->framed);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	away.lifetime = -1;
	ha_ask_send(world, &away);
	assert_false(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->framed);
	/* Nobody knows the node's link address, so nobody announces it. */
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_NEIGHBOUR, 0), -1);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	/* The repetitions of what was said when it left are over, too. */
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
}

static void a_deregistration_of_one_care_of_address_leaves_another_alone(void **state)
{
	/* rfc5944-3.8.2.2-2, rfc5944-3.8.2.2-3 */
	struct world *world = *state;
	struct ask bound = ha_ask_by_agent(), other = ha_ask_co_located();

	ha_ask_expect(world, &bound, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	other.lifetime = -1;
	ha_ask_send(world, &other);
	assert_int_equal(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.lifetime, 0);
	assert_int_equal(ha_find_kind(world, MIP_OUTPUT_UNWANT, 0), -1);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	bound.lifetime = -1;
	ha_ask_expect(world, &bound, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* rfc3519-4.2-1 */
static void a_reply_to_a_bound_home_address_does_not_go_into_its_own_tunnel(void **state)
{
	struct world *world = *state;
	struct ask away = ha_ask_by_agent(), odd = ha_ask_by_agent();

	ha_ask_expect(world, &away, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	odd.source = NODE_ADDRESS;
	ha_ask_send(world, &odd);
	assert_int_equal(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->datagram.link, UPLINK);
}

/* RFC 5944 4.5: a mobile router that is away, and a foreign agent itself. */
static void a_reply_to_a_foreign_agent_that_is_a_node_away_goes_through_that_node_s_tunnel(void **state)
{
	struct world *world = *state;
	struct ask router = ha_ask_by_agent(), visitor = ha_ask_by_agent();

	router.home_address = VIRTUAL_NODE;
	ha_ask_expect(world, &router, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	visitor.care_of = VIRTUAL_NODE;
	ha_ask_send(world, &visitor);
	assert_int_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->datagram.link, MIP_LINK_NONE);
}

static int count_seeds(const struct world *world, enum mip_output_kind kind)
{
	int count = 0;

	while (ha_find_want(world, kind, MIP_WANT_NEIGHBOUR, count) >= 0)
		count++;
	return count;
}

static void what_the_kernel_was_told_of_a_node_at_home_is_withdrawn_when_its_place_is_another(void **state)
{
	struct world *world = *state;
	struct ask home = ha_ask_from_home();

	ha_ask_expect(world, &home, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	world->settings.node_count = 0;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
	assert_int_equal(count_seeds(world, MIP_OUTPUT_UNWANT), 1);
	assert_address_equal(ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR, 0))
				     ->neighbour.address,
		NODE_ADDRESS);
}

static void a_revoked_binding_is_gone_at_once(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_core_revoke(world->core, VIRTUAL_NODE, world->now), -ENOENT);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	ha_world_collect(world);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0) >= 0);
	assert_true(ha_find_event(world, "binding_removed") >= 0);
	ha_answer_expect_none(world);
}

static void when_the_home_link_comes_back_its_bindings_are_announced_again(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_link(world, false);
	ha_world_clear_outputs(world);
	ha_world_link(world, true);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 4);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0) >= 0);
}

static void a_home_link_that_goes_and_comes_with_another_index_gets_its_proxies_there(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	struct mip_input_link link = {.link = HOME_LINK, .name = "home0"};

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_core_link(world->core, &link, world->now);
	ha_world_collect(world);
	assert_int_equal(unwanted(world, MIP_WANT_PROXY)->proxy.link, HOME_LINK);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 1) >= 0);
	ha_world_clear_outputs(world);
	link = (struct mip_input_link){
		.link = 7, .name = "home0", .present = true, .link_address = ha_link_address};
	ha_core_link(world->core, &link, world->now);
	link.up = true;
	ha_core_link(world->core, &link, world->now);
	ha_core_advance(world->core, world->now);
	ha_world_collect(world);
	assert_int_equal(wanted(world, MIP_WANT_PROXY)->proxy.link, 7);
	assert_int_equal(wanted(world, MIP_WANT_GROUP)->group.link, 7);
}

static void the_home_agent_prepares_the_host_and_its_links(void **state)
{
	/* rfc5944-2.3-3 */
	struct world *world = *state;
	bool forwarding = false, proxy_delay = false, loose = false, groups[2] = {false, false};

	ha_core_free(world->core);
	ha_world_make(world);
	ha_world_begin(world);
	for (size_t i = 0; i < world->count; i++) {
		const struct mip_want *want = &world->outputs[i].want;

		assert_int_equal(world->outputs[i].kind, MIP_OUTPUT_WANT);
		if (want->kind == MIP_WANT_SETTING) {
			forwarding = forwarding ||
				     (want->setting.setting == MIP_SETTING_FORWARDING &&
					     want->setting.link == MIP_LINK_NONE && want->setting.value == 1);
			proxy_delay = proxy_delay ||
				      (want->setting.setting == MIP_SETTING_PROXY_DELAY &&
					      want->setting.link == HOME_LINK && want->setting.value == 0);
			loose = loose ||
				(want->setting.setting == MIP_SETTING_RP_FILTER &&
					want->setting.link == MIP_LINK_TUNNEL && want->setting.value == 2);
		} else if (want->kind == MIP_WANT_GROUP) {
			groups[0] = groups[0] || mip_address_number(want->group.address) == 0xe0000002;
			groups[1] = groups[1] || mip_address_number(want->group.address) == 0xe000000b;
		}
	}
	assert_true(forwarding && proxy_delay && loose && groups[0] && groups[1]);
}

static void without_a_grace_time_the_old_way_closes_at_once(void **state)
{
	struct world *world = *state;
	struct ask before = ha_ask_by_agent(), after = ha_ask_co_located();

	world->settings.grace = 0;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_ask_expect(world, &before, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_send(world, &after);
	assert_address_equal(unwanted(world, MIP_WANT_PEER)->peer.remote, OTHER_AGENT);
}

static void bindings_that_end_together_are_served_some_at_a_time(void **state)
{
	enum { MANY = 3000 };
	static struct ha_node_settings nodes[MANY];
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	for (int i = 0; i < MANY; i++)
		nodes[i] = (struct ha_node_settings){
			mip_address_of(0xac141000 + (uint32_t)i), NULL, world->node, NULL};
	world->settings.nodes = nodes;
	world->settings.node_count = MANY;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.security = world->node;
	for (int i = 0; i < MANY; i++) {
		ask.home_address = nodes[i].home_address;
		ha_ask_send(world, &ask);
		ha_world_clear_outputs(world);
	}
	world->now.boot += 601 * MIP_SECOND;
	ha_core_advance(world->core, world->now);
	assert_in_range(ha_core_binding_count(world->core), 1, MANY - 1);
	assert_true(ha_core_deadline(world->core) <= world->now.boot);
	while (ha_core_deadline(world->core) <= world->now.boot) {
		struct mip_output output;

		while (mip_outbox_take(ha_core_outbox(world->core), &output))
			mip_output_clear(&output);
		ha_core_advance(world->core, world->now);
	}
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_node_that_leaves_home_gets_its_route_tunnel_and_proxy_before_the_reply),
		TEST(the_kernel_state_of_a_binding_is_that_of_the_care_of_address),
		TEST(gratuitous_arp_is_repeated_a_few_times_and_then_ends),
		TEST(a_node_of_a_virtual_network_has_neither_proxy_nor_arp),
		TEST(a_renewal_touches_neither_the_kernel_nor_the_link),
		TEST(a_binding_ends_with_its_lifetime_and_without_a_reply),
		TEST(a_node_that_moves_is_tunnelled_to_the_new_place_and_heard_from_both_for_a_while),
		TEST(a_node_that_moves_to_and_fro_keeps_the_peer_that_it_came_back_to),
		TEST(a_node_that_comes_home_is_given_back_to_its_link_in_the_rfc_s_order),
		TEST(the_reply_to_a_node_at_home_is_a_frame_to_its_link_address),
		TEST(a_denied_return_is_answered_at_home_and_changes_nothing),
		TEST(a_node_that_leaves_again_takes_its_address_off_the_link_again),
		TEST(a_deregistration_through_a_router_of_the_home_link_is_answered_by_routing),
		TEST(a_deregistration_of_one_care_of_address_leaves_another_alone),
		TEST(a_reply_to_a_bound_home_address_does_not_go_into_its_own_tunnel),
		TEST(a_reply_to_a_foreign_agent_that_is_a_node_away_goes_through_that_node_s_tunnel),
		TEST(what_the_kernel_was_told_of_a_node_at_home_is_withdrawn_when_its_place_is_another),
		TEST(a_revoked_binding_is_gone_at_once),
		TEST(when_the_home_link_comes_back_its_bindings_are_announced_again),
		TEST(a_home_link_that_goes_and_comes_with_another_index_gets_its_proxies_there),
		TEST(the_home_agent_prepares_the_host_and_its_links),
		TEST(without_a_grace_time_the_old_way_closes_at_once),
		TEST(bindings_that_end_together_are_served_some_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Visitors of a foreign agent: what the kernel and the data plane must be like for them, and when no longer.
 */
#include "fa_world.h"

#include <string.h>

#include "address.h"

static struct fa_visitor_view visitor(struct fa_world *world)
{
	struct fa_visitor_view view;

	assert_true(fa_world_view(world, address("10.1.0.50"), &view));
	return view;
}

static const struct mip_want *wanted(const struct fa_world *world, enum mip_want_kind kind)
{
	const struct mip_want *want = fa_world_want(world, MIP_OUTPUT_WANT, kind);

	assert_non_null(want);
	return want;
}

/* rfc3024-5.1.2-1: "These fields of the encapsulating header MUST be chosen as follows:" */
/* rfc5944-4.2.2-8: "… mobile node's IP address MUST NOT be allowed to expire before the mobile …" */
/* rfc5944-4.2.2-7: "A foreign agent MUST NOT use broadcast ARP for a mobile node's MAC address on …" */
static void an_accepted_visitor_is_delivered_to_and_tunnelled_for(void **state)
{
	/* rfc5944-1.7-3 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	const struct mip_want *want;
	size_t place;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	want = wanted(&world, MIP_WANT_NEIGHBOUR);
	assert_int_equal(want->neighbour.link, WORLD_VISITED);
	assert_true(mip_address_equal(want->neighbour.address, address("10.1.0.50")));
	assert_true(mip_link_address_equal(want->neighbour.link_address, request.link_address));
	assert_false(want->neighbour.seed);
	want = wanted(&world, MIP_WANT_ROUTE);
	assert_int_equal(want->route.table, 80);
	assert_int_equal(want->route.link, WORLD_VISITED);
	assert_int_equal(want->route.destination.length, 32);
	assert_true(mip_address_equal(want->route.destination.address, address("10.1.0.50")));
	/* A second one in the main table gives way to that of a home agent on this host. */
	place = fa_world_want_place(&world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE) + 1;
	assert_int_equal(world.outputs[place].want.route.table, MIP_TABLE_MAIN);
	assert_true(world.outputs[place].want.route.metric > 0);
	want = wanted(&world, MIP_WANT_PEER);
	assert_int_equal(want->peer.end, MIP_TUNNEL_VISITED);
	assert_true(mip_address_equal(want->peer.remote, address("10.1.0.1")));
	assert_true(mip_address_equal(want->peer.local, address("10.2.0.1")));
	want = wanted(&world, MIP_WANT_TUNNEL);
	assert_int_equal(want->tunnel.end, MIP_TUNNEL_VISITED);
	assert_int_equal(want->tunnel.encapsulation, MIP_ENCAPSULATION_IPIP);
	assert_true(mip_address_equal(want->tunnel.local, address("10.2.0.1")));
	assert_true(mip_address_equal(want->tunnel.remote, address("10.1.0.1")));
	want = wanted(&world, MIP_WANT_RULE);
	assert_int_equal(want->rule.incoming, WORLD_VISITED);
	assert_int_equal(want->rule.table, 79);
	assert_int_equal(want->rule.suppress_prefix_length, -1);
	/* All of it before the reply that promises it. */
	assert_true(fa_world_want_place(&world, MIP_OUTPUT_WANT, MIP_WANT_RULE) <
		    fa_world_place(&world, MIP_OUTPUT_FRAME));
	fa_world_end(&world);
}

static void without_t_nothing_is_tunnelled_back(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.fields.flags = 0;
	fa_world_begin_with_visitor(&world, &request);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 4);
	assert_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL));
	assert_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RULE));
	assert_false(visitor(&world).reverse_tunnel);
	fa_world_end(&world);
}

static void a_co_located_node_is_on_the_list_and_nothing_is_wanted_for_it(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.fields.flags = MIP_REQUEST_D | MIP_REQUEST_T;
	request.fields.care_of_address = address("10.2.0.77");
	fa_world_begin_with_visitor(&world, &request);
	assert_int_equal(fa_world_code(&world), 0);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_true(visitor(&world).co_located);
	fa_world_end(&world);
}

static void the_list_shows_what_a_visitor_is_and_what_is_on_its_way(void **state)
{
	/* rfc5944-3.7.1-2, rfc5944-3.7.2-4, rfc5944-3.7.2-5 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	struct fa_visitor_view view;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	assert_false(fa_world_view(&world, address("10.1.0.50"), &view));
	fa_world_send(&world, &request, message);
	request.fields.identification++;
	fa_world_send(&world, &request, message);
	view = visitor(&world);
	assert_true(view.pending);
	assert_false(view.registered);
	reply = fa_world_reply_to(&request);
	fa_world_reply(&world, &reply);
	view = visitor(&world);
	assert_false(view.pending); /* the older request is of no use any more */
	assert_true(view.registered);
	assert_int_equal(view.lifetime, 600);
	assert_true(view.remaining == 600 * MIP_SECOND);
	assert_string_equal(view.interface, "visit0");
	assert_true(mip_link_address_equal(view.link_address, request.link_address));
	fa_world_wait(&world, 400 * MIP_SECOND);
	request.fields.identification++;
	fa_world_send(&world, &request, message);
	view = visitor(&world);
	assert_true(view.pending);
	assert_true(view.registered);
	assert_true(view.remaining == 200 * MIP_SECOND);
	fa_world_end(&world);
}

static uint16_t granted(uint16_t most, uint16_t requested, uint16_t replied)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	uint16_t lifetime;

	request.fields.lifetime = requested;
	reply = fa_world_reply_to(&request);
	reply.lifetime = replied;
	fa_world_init(&world);
	world.settings.registration_lifetime = most;
	fa_world_start(&world);
	fa_world_send(&world, &request, message);
	fa_world_reply(&world, &reply);
	lifetime = visitor(&world).lifetime;
	fa_world_end(&world);
	return lifetime;
}

static void the_lifetime_is_the_least_of_the_three(void **state)
{
	/* rfc5944-3.4-1, rfc5944-3.4-3, rfc5944-3.4-4, rfc5944-3.7.3.2-2 */
	(void)state;
	assert_int_equal(granted(1800, 600, 300), 300);
	assert_int_equal(granted(1800, 600, 900), 600);
	assert_int_equal(granted(65535, 65535, 65535), 65535);
}

static void a_visitor_whose_lifetime_ends_is_forgotten_without_a_word(void **state)
{
	/* rfc5944-3.7-2, rfc5944-3.7-3, rfc5944-3.7-4, rfc5944-3.7-5 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct fa_visitor_view view;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	fa_world_clear(&world);
	fa_world_wait(&world, 600 * MIP_SECOND - 1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 0);
	fa_world_wait(&world, 1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 6);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_FRAME), 0);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	assert_false(fa_world_view(&world, address("10.1.0.50"), &view));
	fa_world_end(&world);
}

static void an_infinite_lifetime_does_not_end(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.fields.lifetime = MIP_LIFETIME_INFINITE;
	fa_world_init(&world);
	world.settings.registration_lifetime = MIP_LIFETIME_INFINITE;
	world.settings.advertise_solicited_only = true;
	fa_world_start(&world);
	fa_world_register(&world, &request);
	fa_world_wait(&world, 100000 * MIP_SECOND);
	assert_true(visitor(&world).remaining == MIP_NEVER);
	fa_world_end(&world);
}

static void a_renewal_changes_nothing_but_the_lifetime(void **state)
{
	/* rfc5944-3.7.3.2-8 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	fa_world_wait(&world, 500 * MIP_SECOND);
	request.fields.identification++;
	fa_world_clear(&world);
	fa_world_register(&world, &request);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 0);
	assert_true(visitor(&world).remaining == 600 * MIP_SECOND);
	assert_int_equal(fa_world_counter(&world, "visitors_added"), 1);
	assert_int_equal(fa_world_counter(&world, "visitors_renewed"), 1);
	fa_world_end(&world);
}

static void a_denied_renewal_leaves_the_visitor_as_it_is(void **state)
{
	/* rfc5944-3.4-5, rfc5944-3.7.2-4, rfc5944-3.7.2-7, rfc5944-3.7.3.2-4 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	fa_world_wait(&world, 100 * MIP_SECOND);
	request.fields.identification++;
	request.fields.lifetime = 0;
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	reply = fa_world_reply_to(&request);
	reply.code = MIP_CODE_HA_NODE_FAILED_AUTHENTICATION;
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_code(&world), 131);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 0);
	assert_true(visitor(&world).remaining == 500 * MIP_SECOND);
	fa_world_end(&world);
}

static void a_deregistration_removes_the_visitor_when_the_home_agent_has_accepted_it(void **state)
{
	/* rfc5944-3.7.2-6, rfc5944-3.7.3.2-1, rfc5944-3.7.3.2-3, rfc5944-3.7-5 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request.fields.identification++;
	request.fields.lifetime = 0;
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	reply = fa_world_reply_to(&request);
	fa_world_clear(&world);
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 6);
	assert_int_equal(fa_world_code(&world), 0);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	fa_world_end(&world);
}

static void a_visitor_that_moves_to_another_link_is_delivered_to_there(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	const struct mip_want *want;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request.fields.identification++;
	request.link = WORLD_OTHER_VISITED;
	request.link_address = link_address(0x51);
	request.destination = address("10.3.0.1");
	fa_world_clear(&world);
	fa_world_register(&world, &request);
	assert_int_equal(wanted(&world, MIP_WANT_ROUTE)->route.link, WORLD_OTHER_VISITED);
	want = wanted(&world, MIP_WANT_NEIGHBOUR);
	assert_true(mip_link_address_equal(want->neighbour.link_address, request.link_address));
	/* The route is replaced in one step; neighbour and rule of the old link go after the new ones came.
	 */
	assert_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE));
	want = fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR);
	assert_non_null(want);
	assert_int_equal(want->neighbour.link, WORLD_VISITED);
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_RULE));
	assert_true(fa_world_want_place(&world, MIP_OUTPUT_WANT, MIP_WANT_RULE) <
		    fa_world_want_place(&world, MIP_OUTPUT_UNWANT, MIP_WANT_RULE));
	assert_string_equal(visitor(&world).interface, "visit1");
	fa_world_end(&world);
}

/* The home agent has answered both in their order; the network has not kept it. */
static void a_reply_that_was_overtaken_does_not_bring_a_visitor_back_to_where_it_was(void **state)
{
	struct fa_world world;
	struct fa_world_request first = fa_world_request(), second;
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_send(&world, &first, message);
	second = first;
	second.fields.identification++;
	second.link = WORLD_OTHER_VISITED;
	second.destination = address("10.3.0.1");
	fa_world_register(&world, &second);
	assert_string_equal(visitor(&world).interface, "visit1");
	fa_world_clear(&world);
	reply = fa_world_reply_to(&first);
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_code(&world), 0);
	assert_string_equal(visitor(&world).interface, "visit1");
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

/* rfc3024-A.4-3: "… available, the mobile nodes MUST use unique address." */
static void who_claims_a_visitors_address_gets_it_only_from_its_home_agent(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	fa_world_clear(&world);
	/* A home agent of the claimant's own. */
	request.fields.identification++;
	request.link_address = link_address(0x66);
	request.fields.home_agent = address("198.51.100.66");
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 65);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	/* The visitor's home agent is asked; until it answers nothing changes. */
	fa_world_wait(&world, MIP_SECOND);
	fa_world_clear(&world);
	request.fields.home_agent = address("10.1.0.1");
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_true(mip_link_address_equal(visitor(&world).link_address, link_address(0x50)));
	reply = fa_world_reply_to(&request);
	fa_world_reply(&world, &reply);
	assert_true(mip_link_address_equal(visitor(&world).link_address, link_address(0x66)));
	fa_world_end(&world);
}

static void a_full_agent_serves_its_visitors_only(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.visitors_most = 1;
	fa_world_start(&world);
	fa_world_register(&world, &request);
	fa_world_clear(&world);
	request.fields.identification++;
	fa_world_register(&world, &request);
	assert_int_equal(fa_world_code(&world), 0);
	fa_world_clear(&world);
	request.fields.home_address = address("10.1.0.51");
	request.link_address = link_address(0x51);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 66);
	fa_world_end(&world);
}

static void tell_link(struct fa_world *world, mip_link link, bool present, bool up)
{
	struct mip_input_link input = {.link = link, .present = present, .up = up};

	strcpy(input.name, "visit0");
	fa_core_link(world->core, &input, world->now);
	fa_world_wait(world, 0);
}

static void visitors_follow_a_link_that_comes_back_under_another_index(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	const struct mip_want *want;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	tell_link(&world, WORLD_VISITED, false, false);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_clear(&world);
	tell_link(&world, 17, true, true);
	assert_int_equal(wanted(&world, MIP_WANT_ROUTE)->route.link, 17);
	want = fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR);
	assert_non_null(want);
	assert_int_equal(want->neighbour.link, WORLD_VISITED);
	fa_world_end(&world);
}

static void a_reload_keeps_visitors_but_those_of_a_link_that_is_no_longer_served(void **state)
{
	static const struct fa_link_settings only_visit0[] = {{"visit0"}};
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	request.link = WORLD_OTHER_VISITED;
	request.link_address = link_address(0x51);
	request.fields.home_address = address("10.1.0.51");
	fa_world_register(&world, &request);
	assert_int_equal(fa_core_visitor_count(world.core), 2);
	fa_world_clear(&world);
	world.settings.links = only_visit0;
	world.settings.link_count = 1;
	world.settings.table = 80;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	fa_world_wait(&world, 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	assert_int_equal(wanted(&world, MIP_WANT_RULE)->rule.table, 81);
	assert_int_equal(wanted(&world, MIP_WANT_ROUTE)->route.table, 80);
	assert_int_equal(
		fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP)->group.link, WORLD_OTHER_VISITED);
	world.settings.care_of_address = (struct mip_address){0};
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), -22);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_end(&world);
}

static void the_kernel_is_prepared_on_the_visited_links(void **state)
{
	/* rfc5944-2.1-5, rfc5944-2.3.1-2, rfc5944-2.3-3 */
	struct fa_world world;
	unsigned settings = 0, groups = 0;

	(void)state;
	fa_world_begin(&world);
	for (size_t i = 0; i < world.count; i++) {
		const struct mip_want *want = &world.outputs[i].want;

		if (world.outputs[i].kind != MIP_OUTPUT_WANT)
			continue;
		if (want->kind == MIP_WANT_GROUP && want->group.link == WORLD_VISITED)
			groups++;
		if (want->kind == MIP_WANT_SETTING && want->setting.link == WORLD_VISITED &&
			want->setting.setting == MIP_SETTING_RP_FILTER)
			settings += want->setting.value == 2;
		if (want->kind == MIP_WANT_SETTING && want->setting.link == MIP_LINK_NONE &&
			want->setting.setting == MIP_SETTING_FORWARDING)
			settings += want->setting.value == 1;
		assert_true(want->kind != MIP_WANT_SETTING || want->setting.link != WORLD_UPLINK);
	}
	assert_int_equal(groups, 2);
	assert_int_equal(settings, 2);
	assert_int_equal(wanted(&world, MIP_WANT_ROUTE)->route.link, MIP_LINK_TUNNEL);
	assert_int_equal(wanted(&world, MIP_WANT_ROUTE)->route.table, 79);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_visitor_is_delivered_to_and_tunnelled_for),
		cmocka_unit_test(without_t_nothing_is_tunnelled_back),
		cmocka_unit_test(a_co_located_node_is_on_the_list_and_nothing_is_wanted_for_it),
		cmocka_unit_test(the_list_shows_what_a_visitor_is_and_what_is_on_its_way),
		cmocka_unit_test(the_lifetime_is_the_least_of_the_three),
		cmocka_unit_test(a_visitor_whose_lifetime_ends_is_forgotten_without_a_word),
		cmocka_unit_test(an_infinite_lifetime_does_not_end),
		cmocka_unit_test(a_renewal_changes_nothing_but_the_lifetime),
		cmocka_unit_test(a_denied_renewal_leaves_the_visitor_as_it_is),
		cmocka_unit_test(a_deregistration_removes_the_visitor_when_the_home_agent_has_accepted_it),
		cmocka_unit_test(a_visitor_that_moves_to_another_link_is_delivered_to_there),
		cmocka_unit_test(a_reply_that_was_overtaken_does_not_bring_a_visitor_back_to_where_it_was),
		cmocka_unit_test(who_claims_a_visitors_address_gets_it_only_from_its_home_agent),
		cmocka_unit_test(a_full_agent_serves_its_visitors_only),
		cmocka_unit_test(visitors_follow_a_link_that_comes_back_under_another_index),
		cmocka_unit_test(a_reload_keeps_visitors_but_those_of_a_link_that_is_no_longer_served),
		cmocka_unit_test(the_kernel_is_prepared_on_the_visited_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

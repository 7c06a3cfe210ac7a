/*
 * Broadcasts and multicasts for a node with several bindings (RFC 5944 3.6.1.2, 4.2.3, 4.3, 4.4): one copy for each, in its
 * own style, and what the node asked for stays as long as one of them does.
 */
#include "ha_group_world.h"

static int several_setup(void **state)
{
	struct world *world;

	group_setup(state);
	world = *state;
	world->settings.max_simultaneous_bindings = 2;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	return 0;
}

#define SEVERAL_TEST(name) cmocka_unit_test_setup_teardown(name, several_setup, group_teardown)

static void bound(struct world *world, struct ask ask, uint8_t flags)
{
	ask.flags |= flags;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
}

static void unbound(struct world *world, struct ask ask)
{
	ask.lifetime = -1;
	bound(world, ask, 0);
}

/* The only copy, its tunnel and its style. */
static void expect_copy(const struct world *world, struct mip_address remote, bool nested)
{
	assert_int_equal(group_copies(world), 1);
	assert_address_equal(group_copy_at(world, 0)->copy.remote, remote);
	assert_int_equal(group_copy_at(world, 0)->copy.nested, nested);
}

/* The copies by both of the node's bindings: the foreign agent's first. */
static void expect_both(const struct world *world)
{
	assert_int_equal(group_copies(world), 2);
	assert_address_equal(group_copy_at(world, 0)->copy.remote, OTHER_AGENT);
	assert_true(group_copy_at(world, 0)->copy.nested);
	assert_address_equal(group_copy_at(world, 1)->copy.remote, CARE_OF);
	assert_false(group_copy_at(world, 1)->copy.nested);
}

/* rfc5944-3.6.1.2-3, rfc5944-3.6.1.2-4: 'D' and 'B' are each binding's own, and so is the copy. */
static void each_of_a_nodes_bindings_gets_one_copy_encapsulated_as_it_asked(void **state)
{
	struct world *world = *state;

	bound(world, ha_ask_by_agent(), MIP_REQUEST_B);
	bound(world, ha_ask_co_located(), MIP_REQUEST_S | MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	expect_both(world);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	expect_both(world);
	/* And so it is asked by each for its groups. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 100 * MIP_SECOND);
	expect_both(world);
}

/* rfc5944-4.3-1: MUST NOT forward it to any mobile nodes other than those that have requested forwarding. */
static void a_binding_that_did_not_ask_for_broadcasts_gets_none_beside_one_that_did(void **state)
{
	struct world *world = *state;

	bound(world, ha_ask_by_agent(), MIP_REQUEST_B);
	bound(world, ha_ask_co_located(), MIP_REQUEST_S);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	expect_copy(world, OTHER_AGENT, true);
	bound(world, ha_ask_by_agent(), MIP_REQUEST_S);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
	bound(world, ha_ask_co_located(), MIP_REQUEST_S | MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	expect_copy(world, CARE_OF, false);
}

/* rfc5944-4.2.3-8: what remains of the bindings remains with all that the node has asked for. */
static void groups_and_broadcasts_outlive_the_binding_that_they_came_by(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	bound(world, ha_ask_by_agent(), MIP_REQUEST_B);
	ha_world_pass(world, 30 * MIP_SECOND); /* the queries of a new binding are over */
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	bound(world, ha_ask_co_located(), MIP_REQUEST_S | MIP_REQUEST_B);
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED);
	assert_int_equal(ha_find_event(world, "group_left"), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0), -1);
	ha_world_pass(world, MIP_SECOND);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	expect_copy(world, CARE_OF, false);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	expect_copy(world, CARE_OF, false);
	assert_int_equal(ha_only_binding(world).groups, 1);
	/* It is still asked whether it is a member, and for as long. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 100 * MIP_SECOND);
	assert_true(group_copies(world) > 0);
	ha_world_pass(world, 120 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "groups_expired"), 1);
	unbound(world, ha_ask_co_located());
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
}

/* A handover without S for the new place, while two are there: all others go, the node's groups stay. */
static void groups_stay_when_one_binding_takes_the_place_of_all(void **state)
{
	struct world *world = *state;

	bound(world, ha_ask_by_agent(), MIP_REQUEST_B);
	group_report(world, NODE_ADDRESS, MIP_IGMP_REPORT_V2, GROUP);
	bound(world, ha_ask_co_located(), MIP_REQUEST_S | MIP_REQUEST_B);
	bound(world, ha_ask_co_located(), MIP_REQUEST_B);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	expect_copy(world, CARE_OF, false);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	expect_copy(world, CARE_OF, false);
}

/* rfc5944-4.4-7: what one of them may do, it may do as long as it is there. */
static void a_node_may_tunnel_from_home_while_one_of_its_bindings_has_no_reverse_tunnel(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.flags = MIP_REQUEST_D;
	bound(world, ha_ask_by_agent(), 0);
	ask.flags |= MIP_REQUEST_S;
	ha_ask_send(world, &ask);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_GROUPS, 0) >= 0);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	bound(world, ha_ask_by_agent(), MIP_REQUEST_S);
	ask = ha_ask_by_agent();
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUPS, 0), -1);
	ha_world_pass(world, MIP_SECOND);
	ask = ha_ask_co_located();
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUPS, 0) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEVERAL_TEST(each_of_a_nodes_bindings_gets_one_copy_encapsulated_as_it_asked),
		SEVERAL_TEST(a_binding_that_did_not_ask_for_broadcasts_gets_none_beside_one_that_did),
		SEVERAL_TEST(groups_and_broadcasts_outlive_the_binding_that_they_came_by),
		SEVERAL_TEST(groups_stay_when_one_binding_takes_the_place_of_all),
		SEVERAL_TEST(a_node_may_tunnel_from_home_while_one_of_its_bindings_has_no_reverse_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

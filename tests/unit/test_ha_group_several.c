/*
 * Broadcasts and multicasts (RFC 5944 4.3, 4.4) of nodes with several bindings at a time (3.8.2.2, the S bit), and when the
 * settings for them change.
 *
 *   10.1.0.50 ── first ──> by the foreign agent 10.3.0.1: encapsulated twice
 *             ── with S ─> co-located 10.4.0.7: once
 */
#include "ha_group_world.h"

#include "igmp.h"
#include "packet.h"

enum {
	REPORT_VERSION_2 = 0x16,
};

static int setup_several(void **state)
{
	int status = group_setup(state);
	struct world *world = *state;

	world->settings.max_simultaneous_bindings = 2;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	return status;
}

#define SEVERAL(name) cmocka_unit_test_setup_teardown(name, setup_several, group_teardown)

static void register_it(struct world *world, struct ask ask, uint8_t flags)
{
	ask.flags |= flags;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_MILLISECOND);
}

static void away_twice(struct world *world, uint8_t first, uint8_t second)
{
	register_it(world, ha_ask_by_agent(), first);
	register_it(world, ha_ask_co_located(), MIP_REQUEST_S | second);
	assert_int_equal(ha_core_binding_count(world->core), 2);
}

static void end(struct world *world, struct ask ask)
{
	ask.lifetime = -1;
	register_it(world, ask, 0);
	assert_int_equal(ha_core_binding_count(world->core), 1);
}

/* The copy into this tunnel; the only one. NULL: there is none. */
static const struct mip_output_copy *copy_toward(const struct world *world, struct mip_address remote)
{
	const struct mip_output_copy *found = NULL;

	for (size_t i = 0; i < group_copies(world); i++) {
		const struct mip_output_copy *copy = &group_copy_at(world, (int)i)->copy;

		if (!mip_address_equal(copy->remote, remote))
			continue;
		assert_null(found);
		found = copy;
	}
	return found;
}

static void change_settings(struct world *world)
{
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
}

/* --- 4.3 Broadcast Datagrams ------------------------------------------------------------------- */

/* RFC 5944 3.6.1.2, 4.3: one to each care-of address, encapsulated as that one's D bit says. */
static void each_binding_that_asked_gets_one_copy_in_its_own_way(void **state)
{
	struct world *world = *state;

	away_twice(world, MIP_REQUEST_B, MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 2);
	assert_true(copy_toward(world, OTHER_AGENT)->nested);
	assert_false(copy_toward(world, CARE_OF)->nested);
}

/* rfc5944-4.3-1: "MUST NOT forward the datagram to any mobile nodes […] other than those that have requested" it */
static void a_binding_that_did_not_ask_gets_none_of_the_other_one_s(void **state)
{
	struct world *world = *state;

	away_twice(world, 0, MIP_REQUEST_B);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_non_null(copy_toward(world, CARE_OF));
}

static void when_one_ends_the_other_goes_on_getting_them(void **state)
{
	struct world *world = *state;

	away_twice(world, MIP_REQUEST_B, MIP_REQUEST_B);
	end(world, ha_ask_by_agent());
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_non_null(copy_toward(world, CARE_OF));
	register_it(world, ha_ask_by_agent(), MIP_REQUEST_S);
	end(world, ha_ask_co_located());
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
}

/* What a person switches off is off, and what is switched on again is on for those that have asked before. */
static void a_reload_holds_for_the_bindings_that_there_are(void **state)
{
	struct world *world = *state;

	away_twice(world, MIP_REQUEST_B, MIP_REQUEST_B);
	world->settings.broadcasts = false;
	change_settings(world);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0) >= 0);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 0);
	world->settings.broadcasts = true;
	change_settings(world);
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 2);
}

/* --- 4.4 Multicast Datagram Routing ------------------------------------------------------------ */

/* The node is the member: each of its care-of addresses gets what is sent to the group. */
static void a_member_gets_multicasts_by_each_of_its_bindings(void **state)
{
	struct world *world = *state;

	away_twice(world, 0, 0);
	group_report(world, NODE_ADDRESS, REPORT_VERSION_2, GROUP);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 2);
	assert_true(copy_toward(world, OTHER_AGENT)->nested);
	assert_false(copy_toward(world, CARE_OF)->nested);
	assert_int_equal(ha_counter_value(world, "groups_joined"), 1);
}

static void a_membership_lasts_as_long_as_there_is_a_binding(void **state)
{
	struct world *world = *state;

	away_twice(world, 0, 0);
	group_report(world, NODE_ADDRESS, REPORT_VERSION_2, GROUP);
	end(world, ha_ask_by_agent());
	assert_int_equal(ha_find_event(world, "group_left"), -1);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_non_null(copy_toward(world, CARE_OF));
	/* It is asked on, by the way that is left, and falls silent. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 150 * MIP_SECOND);
	assert_true(group_copies(world) > 0);
	for (size_t i = 0; i < group_copies(world); i++)
		assert_address_equal(group_copy_at(world, (int)i)->copy.remote, CARE_OF);
	ha_world_pass(world, 250 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "groups_expired"), 1);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 0);
}

/* A registration without S takes the place of all: the node is where it was, and a member of what it was. */
static void a_membership_stays_when_one_binding_takes_the_place_of_both(void **state)
{
	struct world *world = *state;

	away_twice(world, MIP_REQUEST_B, MIP_REQUEST_B);
	group_report(world, NODE_ADDRESS, REPORT_VERSION_2, GROUP);
	register_it(world, ha_ask_co_located(), MIP_REQUEST_B);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_non_null(copy_toward(world, CARE_OF));
	group_say(world, NEIGHBOUR, EVERYONE, PORT);
	assert_int_equal(group_copies(world), 1);
	assert_non_null(copy_toward(world, CARE_OF));
}

static void with_its_last_binding_a_node_is_no_member_any_more(void **state)
{
	struct world *world = *state;
	struct ask home = ha_ask_from_home();

	away_twice(world, 0, 0);
	group_report(world, NODE_ADDRESS, REPORT_VERSION_2, GROUP);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &home);
	assert_true(ha_find_event(world, "group_left") >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_LISTEN, 0) >= 0);
}

/* RFC 3376 8.7: what it is a member of since before, it says when it is asked: by each new way. */
static void each_new_binding_is_asked_by_its_own_tunnel(void **state)
{
	struct world *world = *state;

	register_it(world, ha_ask_by_agent(), 0);
	ha_world_pass(world, MIP_SECOND);
	assert_non_null(copy_toward(world, OTHER_AGENT));
	ha_world_clear_outputs(world);
	register_it(world, ha_ask_co_located(), MIP_REQUEST_S);
	ha_world_pass(world, MIP_SECOND);
	assert_int_equal(group_copies(world), 1);
	assert_non_null(copy_toward(world, CARE_OF));
}

static void multicasts_that_are_switched_off_end_the_memberships(void **state)
{
	struct world *world = *state;

	away_twice(world, 0, 0);
	group_report(world, NODE_ADDRESS, REPORT_VERSION_2, GROUP);
	world->settings.multicast = false;
	ha_world_clear_outputs(world);
	change_settings(world);
	assert_true(ha_find_event(world, "group_left") >= 0);
	group_say(world, NEIGHBOUR, GROUP, PORT);
	assert_int_equal(group_copies(world), 0);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(group_copies(world), 0); /* nor is it asked */
}

/* rfc5944-4.4-7: from its home address, where there is no reverse tunnel: one way for all of the node's bindings. */
static void the_way_from_the_home_address_stays_with_the_last_binding_that_needs_it(void **state)
{
	struct world *world = *state;
	struct ask by_agent = ha_ask_by_agent(), co_located = ha_ask_co_located();

	by_agent.flags = 0;
	co_located.flags = MIP_REQUEST_D;
	register_it(world, by_agent, 0);
	register_it(world, co_located, MIP_REQUEST_S);
	by_agent.lifetime = -1;
	ha_ask_send(world, &by_agent);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUPS, 0), -1);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_MILLISECOND);
	co_located.lifetime = -1;
	ha_ask_send(world, &co_located);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUPS, 0) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEVERAL(each_binding_that_asked_gets_one_copy_in_its_own_way),
		SEVERAL(a_binding_that_did_not_ask_gets_none_of_the_other_one_s),
		SEVERAL(when_one_ends_the_other_goes_on_getting_them),
		SEVERAL(a_reload_holds_for_the_bindings_that_there_are),
		SEVERAL(a_member_gets_multicasts_by_each_of_its_bindings),
		SEVERAL(a_membership_lasts_as_long_as_there_is_a_binding),
		SEVERAL(a_membership_stays_when_one_binding_takes_the_place_of_both),
		SEVERAL(with_its_last_binding_a_node_is_no_member_any_more),
		SEVERAL(each_new_binding_is_asked_by_its_own_tunnel),
		SEVERAL(multicasts_that_are_switched_off_end_the_memberships),
		SEVERAL(the_way_from_the_home_address_stays_with_the_last_binding_that_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

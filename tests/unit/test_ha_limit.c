/*
 * What strangers can make the home agent say, and what they cannot keep it from (ha_limit.c).
 */
#include "ha_test.h"

#include "counter_value.h"
#include "replay.h"

enum {
	PER_SOURCE = 3,
	IN_ALL = 10,
	PER_NODE = 4,
	LINES = 2,
};

static int setup_limits(void **state)
{
	static struct world world;

	ha_world_prepare(&world);
	world.settings.limits = (struct ha_limit_settings){
		.failed_per_source = PER_SOURCE,
		.failed = IN_ALL,
		.replayed_per_node = PER_NODE,
		.log_lines = LINES,
	};
	ha_world_start(&world);
	*state = &world;
	return 0;
}

#define LIMITED(name) cmocka_unit_test_setup_teardown(name, setup_limits, teardown)

/* Replies among the outputs, which are forgotten. */
static unsigned replies(struct world *world)
{
	unsigned count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += world->outputs[i].kind == MIP_OUTPUT_DATAGRAM;
	ha_world_clear_outputs(world);
	return count;
}

static struct ask forged(const struct world *world, uint32_t source)
{
	struct ask ask = ha_ask_co_located();

	ask.security = world->wrong;
	ask.source = mip_address_of(source);
	return ask;
}

static void one_source_gets_so_many_answers_to_what_it_forges(void **state)
{
	struct world *world = *state;
	struct ask ask = forged(world, 0xcb000001);

	for (int i = 0; i < 1000; i++)
		ha_ask_send(world, &ask);
	assert_int_equal(replies(world), PER_SOURCE);
	assert_int_equal(ha_counter_value(world, "drop_source_limit"), 1000 - PER_SOURCE);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	for (int i = 0; i < 1000; i++)
		ha_ask_send(world, &ask);
	assert_int_equal(replies(world), PER_SOURCE);
}

static void many_sources_get_no_more_than_the_limit_in_all(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < 1000; i++) {
		struct ask ask = forged(world, 0xcb000000 + i);

		ha_ask_send(world, &ask);
	}
	assert_int_equal(replies(world), IN_ALL);
	assert_int_equal(
		ha_counter_value(world, "drop_failed_limit") + ha_counter_value(world, "drop_source_limit"),
		1000 - IN_ALL);
	assert_int_equal(ha_counter_value(world, "requests_received"), 1000);
}

static void a_node_with_the_key_is_served_when_strangers_have_used_up_everything(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	for (uint32_t i = 0; i < 1000; i++) {
		struct ask stranger = forged(world, 0xcb000000 + i % 100);

		ha_ask_send(world, &stranger);
	}
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void who_forges_in_its_name_does_not_keep_a_node_away(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located(), stranger = forged(world, 0);

	stranger.source = ask.source = ask.care_of;
	for (int i = 0; i < 1000; i++)
		ha_ask_send(world, &stranger);
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void replays_are_answered_so_often_for_a_node_and_others_do_not_go_short(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located(), other = ha_ask_co_located();
	uint8_t captured[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(world, &ask, captured, sizeof(captured));

	ha_ask_deliver(world, &ask, captured, length);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_clear_outputs(world);
	for (uint32_t i = 0; i < 1000; i++) {
		ask.source = mip_address_of(0xcb000000 + i);
		ha_ask_deliver(world, &ask, captured, length);
	}
	assert_int_equal(replies(world), PER_NODE);
	assert_int_equal(ha_counter_value(world, "drop_replay_limit"), 1000 - PER_NODE);
	/* A node whose clock is wrong hears so all the same. */
	other.home_address = VIRTUAL_NODE;
	other.identification = mip_ntp_of(world->now.wall - 3600 * MIP_SECOND);
	ha_ask_expect(world, &other, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void a_node_that_is_replayed_registers_as_ever(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located(), replay = ask;
	uint8_t captured[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(world, &replay, captured, sizeof(captured));

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 100; i++)
			ha_ask_deliver(world, &replay, captured, length);
		ha_world_clear_outputs(world);
		ha_world_pass(world, 100 * MIP_MILLISECOND);
		ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	}
}

static void an_agent_that_authenticates_always_hears_code_131(void **state)
{
	/* rfc5944-3.8.2.1-8: MUST. */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.care_of = AGENT_ADDRESS;
	ask.security = world->wrong;
	ask.foreign_home = world->agent;
	for (int i = 0; i < 100; i++)
		ha_ask_send(world, &ask);
	assert_int_equal(replies(world), 100);
}

static void who_pretends_to_be_the_agent_is_limited_too(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	/* A request of the node's own, by an agent that does not have the key. */
	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = world->wrong;
	for (int i = 0; i < 100; i++)
		ha_ask_send(world, &ask);
	assert_int_equal(replies(world), PER_SOURCE);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void the_log_gets_so_many_lines_and_the_rest_is_counted(void **state)
{
	struct world *world = *state;
	struct ask ask = forged(world, 0xcb000001);

	for (int i = 0; i < 1000; i++)
		ha_ask_send(world, &ask);
	assert_int_equal(world->warnings, LINES);
	assert_int_equal(ha_counter_value(world, "log_lines_withheld"), 1000 - LINES);
}

static void without_limits_each_is_answered(void **state)
{
	struct world *world = *state;
	struct ask ask = forged(world, 0xcb000001);

	world->settings.limits = (struct ha_limit_settings){0};
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
	ha_world_clear_outputs(world);
	for (int i = 0; i < 100; i++)
		ha_ask_send(world, &ask);
	assert_int_equal(replies(world), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIMITED(one_source_gets_so_many_answers_to_what_it_forges),
		LIMITED(many_sources_get_no_more_than_the_limit_in_all),
		LIMITED(a_node_with_the_key_is_served_when_strangers_have_used_up_everything),
		LIMITED(who_forges_in_its_name_does_not_keep_a_node_away),
		LIMITED(replays_are_answered_so_often_for_a_node_and_others_do_not_go_short),
		LIMITED(a_node_that_is_replayed_registers_as_ever),
		LIMITED(an_agent_that_authenticates_always_hears_code_131),
		LIMITED(who_pretends_to_be_the_agent_is_limited_too),
		LIMITED(the_log_gets_so_many_lines_and_the_rest_is_counted),
		LIMITED(without_limits_each_is_answered),
	};

	(void)setup;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

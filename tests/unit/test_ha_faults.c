/*
 * The home agent when its host misbehaves: the clock jumps, the machine sleeps for hours, the home interface flaps a
 * thousand times, the agent's address vanishes.
 */
#include "ha_test.h"

#include <string.h>

#include "replay.h"

static const mip_time hour = 3600 * MIP_SECOND;
static const mip_time year = 365 * (mip_time)86400 * MIP_SECOND;
static const mip_time roll_over = 2085978496 * MIP_SECOND; /* 2036-02-07 06:28:16 UTC */

/* As the node registers whose clock follows the home agent's. */
static void assert_registers(struct world *world)
{
	struct ask ask = ha_ask_co_located();

	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	ha_world_clear_outputs(world);
	assert_true(ha_has_binding(world, NODE_ADDRESS));
}

static void a_binding_lives_as_long_as_it_was_granted_whatever_the_wall_clock_says(void **state)
{
	const mip_time jumps[] = {hour, -hour, 10 * year, -10 * year};
	struct world *world = *state;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(jumps); i++) {
		struct ask ask = ha_ask_co_located();

		ask.identification = mip_ntp_of(1700000000 * MIP_SECOND + (mip_time)i * 1000 * MIP_SECOND);
		world->now.wall = 1700000000 * MIP_SECOND + (mip_time)i * 1000 * MIP_SECOND;
		ha_ask_send(world, &ask);
		assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
		ha_world_clear_outputs(world);
		world->now.wall += jumps[i];
		ha_world_pass(world, 599 * MIP_SECOND);
		assert_true(ha_has_binding(world, NODE_ADDRESS));
		ha_world_pass(world, 2 * MIP_SECOND);
		assert_false(ha_has_binding(world, NODE_ADDRESS));
		ha_world_clear_outputs(world);
	}
}

/* What was accepted once stays greater: a clock that went back does not open the past. */
static void a_clock_that_goes_back_lets_no_old_request_in(void **state)
{
	struct world *world = *state;
	uint8_t old[MIP_REGISTRATION_MAX];
	struct ask ask = ha_ask_co_located();
	size_t length = ha_ask_build(world, &ask, old, sizeof(old));

	ha_ask_deliver(world, &ask, old, length);
	assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	ha_world_clear_outputs(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_registers(world);
	world->now.wall -= 11 * MIP_SECOND;
	ha_world_clear_outputs(world);
	ha_ask_deliver(world, &ask, old, length);
	assert_int_equal(ha_answer_take(world)->fields.code, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void registrations_go_on_over_the_roll_over_of_2036(void **state)
{
	struct world *world = *state;

	world->now.wall = roll_over - 5 * MIP_SECOND;
	for (int i = 0; i < 10; i++)
		assert_registers(world);
	assert_true(world->now.wall > roll_over);
}

static void a_binding_that_ran_out_in_a_sleep_is_gone_on_waking(void **state)
{
	struct world *world = *state;

	assert_registers(world);
	world->now.boot += 8 * hour;
	world->now.wall += 8 * hour;
	ha_core_advance(world->core, world->now);
	ha_world_collect(world);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_core_deadline(world->core) > world->now.boot);
	assert_registers(world);
}

static int count_wants(const struct world *world, enum mip_output_kind kind, enum mip_want_kind want)
{
	int count = 0;

	while (ha_find_want(world, kind, want, count) >= 0)
		count++;
	return count;
}

static void a_thousand_flaps_of_the_home_interface_cost_no_binding(void **state)
{
	struct world *world = *state;

	assert_registers(world);
	for (int i = 0; i < 1000; i++) {
		ha_world_link(world, false);
		ha_world_address(world, HA_ADDRESS, 24, false);
		ha_world_pass(world, 20 * MIP_MILLISECOND);
		ha_world_clear_outputs(world);
		ha_world_address(world, HA_ADDRESS, 24, true);
		ha_world_link(world, true);
		ha_world_pass(world, 20 * MIP_MILLISECOND);
		assert_true(ha_has_binding(world, NODE_ADDRESS));
		/* The node's packets are still drawn to the home agent. */
		assert_int_equal(count_wants(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY), 1);
		ha_world_clear_outputs(world);
	}
	assert_int_equal(ha_core_pending_count(world->core), 0);
	assert_registers(world);
}

static void without_its_address_it_keeps_the_bindings_and_goes_on_when_it_is_back(void **state)
{
	struct world *world = *state;

	assert_registers(world);
	ha_world_address(world, HA_ADDRESS, 24, false);
	ha_world_pass(world, 5 * MIP_SECOND);
	assert_true(ha_has_binding(world, NODE_ADDRESS));
	ha_world_address(world, HA_ADDRESS, 24, true);
	assert_registers(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_binding_lives_as_long_as_it_was_granted_whatever_the_wall_clock_says),
		TEST(a_clock_that_goes_back_lets_no_old_request_in),
		TEST(registrations_go_on_over_the_roll_over_of_2036),
		TEST(a_binding_that_ran_out_in_a_sleep_is_gone_on_waking),
		TEST(a_thousand_flaps_of_the_home_interface_cost_no_binding),
		TEST(without_its_address_it_keeps_the_bindings_and_goes_on_when_it_is_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The mobile node when its host misbehaves: the clock jumps, the machine sleeps for hours, an interface flaps a
 * thousand times, an address vanishes in the middle of a registration, what is sent gets lost.
 */
#include "mn_bench.h"

#include <string.h>

#include "replay.h"

static struct bench *const bench = &bench_of_test;

static const mip_time hour = 3600 * MIP_SECOND;
static const mip_time year = 365 * (mip_time)86400 * MIP_SECOND;
static const mip_time roll_over = 2085978496 * MIP_SECOND; /* 2036-02-07 06:28:16 UTC */

/* A home agent with a clock of its own: it denies with code 133 what is not of its time, and says what time it is. */
static bool answer_by_the_clock(mip_time home_agents_wall)
{
	struct bench_request request = bench_last_request(bench);
	mip_time difference = mip_ntp_difference(request.fixed.identification, mip_ntp_of(home_agents_wall));
	struct bench_reply reply = {.lifetime = request.fixed.lifetime};
	uint64_t high = mip_ntp_of(home_agents_wall) & 0xffffffff00000000;

	if (difference > 7 * MIP_SECOND || difference < -7 * MIP_SECOND) {
		reply.code = MIP_CODE_HA_IDENTIFICATION_MISMATCH;
		reply.identification_xor = (request.fixed.identification ^ high) & 0xffffffff00000000;
	}
	bench_forget(bench);
	bench_reply(bench, &request, &reply);
	return reply.code == 0;
}

/* Its wall clock is set by so much; a registration comes about nevertheless, with two requests at most. */
static void assert_registers_after_a_jump(mip_time jump)
{
	const char *reason = NULL;
	mip_time home_agents = bench->now.wall;
	mip_time since = bench->now.boot;
	bool accepted = false;

	bench->now.wall += jump;
	bench_forget(bench);
	assert_int_equal(mn_core_register(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	for (int i = 0; i < 4 && !accepted; i++) {
		if (bench_requests(bench) == 0)
			bench_pass(bench, 2 * MIP_SECOND);
		assert_true(bench_requests(bench) > 0);
		accepted = answer_by_the_clock(home_agents + (bench->now.boot - since));
	}
	assert_true(accepted);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_true(bench_status(bench).bound);
}

static void test_a_clock_that_jumps_costs_no_registration(void **state)
{
	const mip_time jumps[] = {hour, -hour, 10 * year, -10 * year};

	(void)state;
	bench_registered_at_spot(bench);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(jumps); i++) {
		assert_registers_after_a_jump(jumps[i]);
		bench_pass(bench, 5 * MIP_SECOND);
	}
}

static void test_a_clock_that_begins_in_1970_is_led_by_the_home_agents(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	assert_registers_after_a_jump(-bench->now.wall);
	bench_pass(bench, 5 * MIP_SECOND);
	/* … and is set right then. */
	assert_registers_after_a_jump(1700000000 * MIP_SECOND);
}

static void test_registrations_go_on_over_the_roll_over_of_2036(void **state)
{
	(void)state;
	bench->now.wall = roll_over - 20 * MIP_SECOND;
	bench_registered_at_spot(bench);
	for (int i = 0; i < 10; i++) {
		assert_registers_after_a_jump(0);
		bench_pass(bench, 5 * MIP_SECOND);
	}
	assert_true(bench->now.wall > roll_over);
}

/* CLOCK_BOOTTIME goes on in a sleep: what ran out meanwhile has run out. */
static void test_after_eight_hours_of_sleep_it_registers_anew_at_once(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	bench->now.boot += 8 * hour;
	bench->now.wall += 8 * hour;
	mn_core_advance(bench->core, bench->now);
	bench_collect(bench);
	assert_false(bench_status(bench).bound);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_true(bench_requests(bench) > 0);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_a_thousand_flaps_of_an_interface_leave_it_as_after_one(void **state)
{
	size_t before;

	(void)state;
	bench_registered_at_spot(bench);
	before = bench->kernel_count;
	for (int i = 0; i < 1000; i++) {
		bench_link(bench, BENCH_WLAN, false);
		bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, false);
		bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, false);
		bench_pass(bench, 20 * MIP_MILLISECOND);
		bench_link(bench, BENCH_WLAN, true);
		bench_lease(bench);
		bench_pass(bench, i % 3 * 40 * MIP_MILLISECOND);
		if (i % 7 == 0 && bench_requests(bench) > 0)
			bench_accept(bench);
		bench_forget(bench);
		assert_true(bench->kernel_count < 2 * before);
	}
	bench_pass(bench, 90 * MIP_SECOND);
	if (!bench_status(bench).bound)
		bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(bench->kernel_count, before);
}

static void test_an_address_that_vanishes_under_a_request_takes_the_request_with_it(void **state)
{
	struct bench_request request;

	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, false);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, false);
	/* The answer comes when nobody asks any more. */
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600});
	assert_false(bench_status(bench).bound);
	assert_null(bench_tunnel(bench));
	/* The address comes back: it asks anew. */
	bench_forget(bench);
	bench_lease(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_true(bench_requests(bench) > 0);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_clock_that_jumps_costs_no_registration),
		TEST(test_a_clock_that_begins_in_1970_is_led_by_the_home_agents),
		TEST(test_registrations_go_on_over_the_roll_over_of_2036),
		TEST(test_after_eight_hours_of_sleep_it_registers_anew_at_once),
		TEST(test_a_thousand_flaps_of_an_interface_leave_it_as_after_one),
		TEST(test_an_address_that_vanishes_under_a_request_takes_the_request_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

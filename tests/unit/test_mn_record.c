/*
 * What a mobile node knows again after it was killed: the home agent that was assigned to it, and the home address that
 * that gave, for as long as their session lasts (RFC 4433 5.1).
 */
#include "mn_home_agents.h"

#include <string.h>

static struct bench *const bench = &bench_of_test;

/* Through FA1, by a home agent that the network has chosen, for 600 s. */
static void assigned(void)
{
	struct bench_request request;

	bench_again_with(bench_by_assignment);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	assert_true(bench->record.length > 0);
}

static void assert_asks(uint32_t home_agent, uint32_t home_address)
{
	struct bench_request request = bench_first_at_fa1();

	assert_int_equal(mip_address_number(request.fixed.home_agent), home_agent);
	assert_int_equal(mip_address_number(request.fixed.home_address), home_address);
	assert_int_equal(bench_requested_of(&request), 0);
}

/* rfc4433-5.1-4, rfc4433-5.1.2-2, rfc4433-5.1.2-3: "MUST cache the Assigned HA address for the length of the Mobile IP
 * session" */
static void test_a_session_goes_on_after_the_node_was_killed(void **state)
{
	(void)state;
	assigned();
	bench_restart_with(bench_by_assignment, 10 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), GIVEN);
	assert_asks(HA2, GIVEN);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	/* And once more. */
	bench_restart_with(bench_by_assignment, 500 * MIP_SECOND);
	assert_asks(HA2, GIVEN);
}

/* A node on its own address could ask nobody else. */
static void test_co_located_it_goes_on_too(void **state)
{
	struct bench_request request;

	(void)state;
	assigned();
	bench_restart_with(bench_by_assignment, 10 * MIP_SECOND);
	request = bench_first_at_spot();
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
}

static void test_a_session_that_has_ended_meanwhile_is_over(void **state)
{
	(void)state;
	assigned();
	bench_restart_with(bench_by_assignment, 601 * MIP_SECOND);
	assert_asks(0, 0);
	assert_int_equal(bench->record.length, 0);
}

/* What is left of it: not a whole new lifetime. */
static void test_what_is_left_of_it_is_left(void **state)
{
	(void)state;
	assigned();
	bench_restart_with(bench_by_assignment, 595 * MIP_SECOND);
	assert_asks(HA2, GIVEN);
	/* The home agent is gone, and the session with it. */
	bench_pass(bench, 5 * MIP_SECOND);
	bench_hear_fa1();
	bench_deny(bench, MIP_CODE_FA_HOME_AGENT_HOST_UNREACHABLE);
	bench_forget(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.home_agent), 0);
	assert_int_equal(bench->record.length, 0);
}

/* A wall clock that was set back must not lengthen it without end. */
static void test_a_clock_that_was_set_back_makes_no_endless_session(void **state)
{
	(void)state;
	assigned();
	bench->now.wall -= MIP_SECOND * 365 * 86400;
	bench_restart_with(bench_by_assignment, 10 * MIP_SECOND);
	assert_asks(0, 0);
}

static void test_a_node_that_deregisters_keeps_nothing(void **state)
{
	const char *reason;

	(void)state;
	assigned();
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	bench_accept(bench);
	assert_int_equal(bench->record.length, 0);
	/* Nor one whose daemon is stopped, and says good-bye. */
	assigned();
	mn_core_farewell(bench->core, bench->now);
	bench_collect(bench);
	assert_int_equal(bench->record.length, 0);
}

static void by_assignment_without_good_bye(struct mn_settings *settings)
{
	bench_by_assignment(settings);
	settings->deregister_on_exit = false;
}

static void test_a_daemon_that_stops_without_good_bye_keeps_its_session(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_without_good_bye);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	mn_core_farewell(bench->core, bench->now);
	bench_collect(bench);
	bench_restart_with(by_assignment_without_good_bye, MIP_SECOND);
	assert_asks(HA2, GIVEN);
}

static void test_what_no_longer_fits_the_settings_is_forgotten(void **state)
{
	(void)state;
	assigned();
	bench_restart_with(NULL, MIP_SECOND);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), BENCH_HOME_AGENT);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), BENCH_HOME);
	assert_int_equal(bench->record.length, 0);
	/* A node whose home agent is configured keeps nothing in the first place. */
	bench_registered_at_fa1(bench);
	assert_int_equal(bench->record.length, 0);
}

static void test_what_is_not_understood_is_forgotten(void **state)
{
	size_t whole;

	(void)state;
	assigned();
	whole = bench->record.length;
	for (size_t length = 1; length < whole; length++) {
		assigned();
		bench->record.length = length;
		bench_restart_with(bench_by_assignment, MIP_SECOND);
		assert_int_equal(bench->record.length, 0);
		assert_true(mip_address_is_none(bench_status(bench).home_agent));
	}
	assigned();
	bench->record.octets[0]++; /* of another version */
	bench_restart_with(bench_by_assignment, MIP_SECOND);
	assert_asks(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_session_goes_on_after_the_node_was_killed),
		TEST(test_co_located_it_goes_on_too),
		TEST(test_a_session_that_has_ended_meanwhile_is_over),
		TEST(test_what_is_left_of_it_is_left),
		TEST(test_a_clock_that_was_set_back_makes_no_endless_session),
		TEST(test_a_node_that_deregisters_keeps_nothing),
		TEST(test_a_daemon_that_stops_without_good_bye_keeps_its_session),
		TEST(test_what_no_longer_fits_the_settings_is_forgotten),
		TEST(test_what_is_not_understood_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

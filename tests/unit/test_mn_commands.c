/*
 * What a person asks of the mobile node: to register now, to deregister, to take over other settings, to end (RFC 5944 3.6).
 */
#include "mn_bench.h"

#include <errno.h>
#include <string.h>

static struct bench *const bench = &bench_of_test;

static void test_asked_to_deregister_it_ends_the_binding_and_rests(void **state)
{
	const char *reason = NULL;
	struct bench_request request;

	(void)state;
	bench_registered_at_spot(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_SPOT);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	assert_null(bench_tunnel(bench));
	bench_forget(bench);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), -EALREADY);
	assert_int_equal(mn_core_register(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_asked_to_register_it_does_so_now(void **state)
{
	const char *reason = NULL;

	(void)state;
	assert_int_equal(mn_core_register(bench->core, bench->now, &reason), -ENETUNREACH);
	assert_non_null(reason);
	bench_registered_at_spot(bench);
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(mn_core_register(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_at_its_end_it_says_good_bye_once(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	mn_core_farewell(bench->core, bench->now);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 0);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA1);
}

static void test_at_home_there_is_no_good_bye(void **state)
{
	(void)state;
	bench_home(bench);
	mn_core_farewell(bench->core, bench->now);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_reload_keeps_the_binding_and_registers_as_is_asked_now(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_registered_at_fa1(bench);
	bench->settings.lifetime = 333;
	assert_int_equal(mn_core_reconfigure(bench->core, &bench->settings, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 333);
	bench->settings.home_address = mip_address_of(BENCH_HOME + 1);
	assert_int_equal(mn_core_reconfigure(bench->core, &bench->settings, bench->now, &reason), -EBUSY);
	bench->settings.home_address = mip_address_of(BENCH_HOME);
	bench->settings.interface_count = 1; /* wlan0 alone */
	assert_int_equal(mn_core_reconfigure(bench->core, &bench->settings, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_asked_to_deregister_it_ends_the_binding_and_rests),
		TEST(test_asked_to_register_it_does_so_now),
		TEST(test_at_its_end_it_says_good_bye_once),
		TEST(test_at_home_there_is_no_good_bye),
		TEST(test_a_reload_keeps_the_binding_and_registers_as_is_asked_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

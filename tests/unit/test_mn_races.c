/*
 * The mobile node when things happen at the wrong moment: a better place that turns out worse during a
 * renewal, a gateway or an address that changes while a request is on its way, a person's wishes that cross.
 */
#include "mn_bench.h"

#include <string.h>

static struct bench *const bench = &bench_of_test;

/* An agent that need not be heard again soon. */
static struct bench_agent patient(const struct bench_agent *agent)
{
	struct bench_agent copy = *agent;

	copy.lifetime = 9000;
	return copy;
}

static size_t requests_to(uint32_t destination)
{
	struct bench_request last = bench_last_request(bench);

	return bench_requests(bench) > 0 && mip_address_number(last.destination) == destination;
}

/* --- renewals --------------------------------------------------------------------------------- */

static void test_a_renewal_that_a_failed_move_has_interrupted_is_taken_up_again(void **state)
{
	struct bench_agent fa1 = patient(&bench_fa1), fa2 = patient(&bench_fa2);
	bool renewed = false;

	(void)state;
	bench_registered_at_fa1(bench);
	bench_advertise(bench, &fa1);
	bench_pass(bench, 541 * MIP_SECOND);
	assert_true(requests_to(BENCH_FA1)); /* the renewal; its answer is lost */
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &fa2);
	assert_true(requests_to(BENCH_FA2));
	bench_deny(bench, 66);
	/* The other agent is tried again and denies again, but there is time between. */
	for (int i = 0; i < 40 && !renewed; i++) {
		bench_forget(bench);
		bench_pass(bench, MIP_SECOND);
		if (bench_requests(bench) == 0)
			continue;
		renewed = requests_to(BENCH_FA1);
		if (renewed)
			bench_accept(bench);
		else
			bench_deny(bench, 66);
	}
	assert_true(renewed);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_in_range(bench_status(bench).remaining, 598 * MIP_SECOND, 600 * MIP_SECOND);
}

/* Whoever says something new; FA2 never answers, FA1 always does, with this lifetime. */
static void answer_at_fa1(uint16_t lifetime)
{
	struct bench_request request;

	if (bench_requests(bench) > 0) {
		request = bench_last_request(bench);
		if (mip_address_number(request.destination) == BENCH_FA1)
			bench_reply(bench, &request, &(struct bench_reply){.lifetime = lifetime});
	}
	bench_forget(bench);
}

static void try_a_silent_agent(uint16_t lifetime, mip_time after)
{
	const mip_time step = 50 * MIP_MILLISECOND;
	struct bench_agent fa1 = patient(&bench_fa1), fa2 = patient(&bench_fa2);

	bench_again_with(NULL);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &fa1);
	answer_at_fa1(lifetime);
	for (mip_time passed = 0; passed < 30 * MIP_SECOND; passed += step) {
		if (passed == after) {
			bench_link(bench, BENCH_WLAN, true);
			bench_advertise(bench, &fa2);
		}
		answer_at_fa1(lifetime);
		bench_pass(bench, step);
		assert_true(bench_status(bench).bound);
	}
}

static void test_a_short_binding_outlives_the_attempts_to_register_where_nobody_answers(void **state)
{
	static const uint16_t lifetimes[] = {5, 10, 20};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(lifetimes); i++)
		for (mip_time after = 0; after < 6 * MIP_SECOND; after += 250 * MIP_MILLISECOND)
			try_a_silent_agent(lifetimes[i], after);
}

/*
 * What it has sent from there may have been accepted, and its answer is not heard any more: then the home agent has bound it
 * there. Back where it was, the node must say so, and not wait for its renewal.
 */
static void test_a_move_that_is_given_up_after_its_request_is_followed_by_a_registration_here(void **state)
{
	struct bench_agent fa1 = patient(&bench_fa1), fa2 = patient(&bench_fa2);

	(void)state;
	bench_registered_at_fa1(bench);
	bench_advertise(bench, &fa1);
	bench_pass(bench, 5 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &fa2);
	assert_true(requests_to(BENCH_FA2));
	bench_forget(bench);
	bench_link(bench, BENCH_WLAN, false);
	bench_pass(bench, MIP_SECOND / 2);
	assert_int_equal(bench_requests(bench), 1);
	assert_true(requests_to(BENCH_FA1));
	bench_accept(bench);
	bench_forget(bench);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_move_that_was_denied_is_not(void **state)
{
	struct bench_agent fa1 = patient(&bench_fa1), fa2 = patient(&bench_fa2);

	(void)state;
	bench_registered_at_fa1(bench);
	bench_advertise(bench, &fa1);
	bench_pass(bench, 5 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &fa2);
	bench_deny(bench, 66);
	bench_forget(bench);
	bench_link(bench, BENCH_WLAN, false);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_lifetime_that_is_over_is_not_less_than_nothing(void **state)
{
	struct mip_now late;

	(void)state;
	bench_registered_at_fa1(bench);
	late = bench->now;
	late.boot += 5000 * MIP_SECOND; /* the machine slept, and this is asked first */
	assert_int_equal(mn_core_status(bench->core, late).remaining, 0);
}

/* --- a machine that slept --------------------------------------------------------------------- */

static void sleep_for(mip_time duration)
{
	bench->now.boot += duration;
	bench->now.wall += duration;
	mn_core_advance(bench->core, bench->now);
	bench_collect(bench);
}

static void test_after_a_sleep_the_agent_is_asked_for_and_registered_with_anew(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	sleep_for(5000 * MIP_SECOND);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 1);
	assert_false(bench_status(bench).bound);
	bench_forget(bench);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 1);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_after_a_sleep_a_care_of_address_that_is_still_there_is_registered_at_once(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	sleep_for(5000 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_false(bench_status(bench).bound);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_a_clock_that_is_set_back_does_not_repeat_an_identification(void **state)
{
	uint64_t before;

	(void)state;
	bench_registered_at_spot(bench);
	bench_pass(bench, 540 * MIP_SECOND);
	bench_pass(bench, MIP_SECOND);
	before = bench_last_request(bench).fixed.identification;
	bench_forget(bench);
	bench->now.wall -= 3600 * MIP_SECOND;
	bench_pass(bench, 2 * MIP_SECOND);
	assert_true(bench_last_request(bench).fixed.identification > before);
}

/* --- what was learnt from a denial ------------------------------------------------------------ */

static void without_reverse_tunnel(struct mn_settings *settings)
{
	settings->reverse_tunnel = false;
}

static void register_with_fa1(void)
{
	struct bench_agent fa1 = patient(&bench_fa1);

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &fa1);
	assert_int_equal(bench_requests(bench), 1);
}

/* rfc5944-3.6.2.3-2: in the Registration Request, not in the next one only. */
static void test_the_lifetime_of_code_69_holds_for_renewals_too(void **state)
{
	/* rfc5944-3.6.2.3-2 */
	struct bench_request request;

	(void)state;
	register_with_fa1();
	request = bench_last_request(bench);
	bench_reply(
		bench, &request, &(struct bench_reply){.code = 69, .lifetime = 77, .unsigned_reply = true});
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_forget(bench);
	bench_pass(bench, 52 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 77);
}

static void test_the_reverse_tunnel_that_a_foreign_agent_demands_is_asked_for_by_renewals_too(void **state)
{
	(void)state;
	bench_again_with(without_reverse_tunnel);
	register_with_fa1();
	bench_deny(bench, 75);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_forget(bench);
	bench_pass(bench, 541 * MIP_SECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
}

/* Otherwise each move would cost a denial and the second that must lie between two requests. */
static void test_the_reverse_tunnel_that_the_home_agent_demands_is_asked_for_everywhere(void **state)
{
	(void)state;
	bench_again_with(without_reverse_tunnel);
	register_with_fa1();
	bench_deny(bench, 138);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_forget(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_true(requests_to(BENCH_FA2));
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
}

/* --- addresses and gateways ------------------------------------------------------------------- */

static void test_a_new_address_on_the_link_does_not_wait_for_what_the_old_one_was_denied(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	for (int i = 0; i < 6; i++) {
		bench_deny(bench, 129);
		bench_pass(bench, 33 * MIP_SECOND);
	}
	bench_deny(bench, 129);
	bench_forget(bench);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, false);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT + 1, 24, true);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_a_second_address_on_the_link_does_not_make_it_move(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT + 1, 24, true);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT + 2, 24, true);
	bench_address(bench, BENCH_WLAN, BENCH_SPOT + 1, 24, false);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_gateway_that_is_gone_is_not_what_the_request_leaves_by(void **state)
{
	struct mip_want way = {.kind = MIP_WANT_ROUTE, .route = {.table = 435}};

	(void)state;
	bench_registered_at_spot(bench);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW + 1, true);
	bench_forget(bench);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, false);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_kernel(bench, &way)->route.gateway), BENCH_SPOT_GW + 1);
	assert_true(bench_place_of_want(bench, &way) < bench_last_request(bench).place);
	/* The binding is as good as before: its tunnel stays. */
	assert_non_null(bench_tunnel(bench));
}

/* --- the home agent --------------------------------------------------------------------------- */

static void without_home_agent(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
}

static void test_a_found_home_agent_that_is_silent_keeps_its_tunnel_as_long_as_the_binding(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(without_home_agent);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_reply(bench, &request,
		&(struct bench_reply){.code = 136,
			.home_agent = mip_address_of(BENCH_HOME_AGENT),
			.source = mip_address_of(BENCH_HOME_AGENT)});
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_pass(bench, 560 * MIP_SECOND); /* renewals that nobody answers */
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), BENCH_HOME_AGENT);
	/* When the binding is over, any home agent of the network will do. */
	bench_pass(bench, 80 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.home_agent), 0x0a0100ff);
}

/* --- what a person asks for ------------------------------------------------------------------- */

static void test_a_deregistration_that_is_denied_ends_with_the_lifetime(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_registered_at_spot(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	for (int i = 0; i < 640; i++) {
		bench_forget(bench);
		bench_pass(bench, MIP_SECOND);
		if (bench_requests(bench) > 0)
			bench_deny(bench, 129);
	}
	bench_forget(bench);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_handover_takes_back_a_deregistration_that_is_on_its_way(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_registered_at_spot(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	bench_forget(bench);
	bench_pass(bench, 10 * MIP_MILLISECOND);
	assert_int_equal(mn_core_handover(bench->core, "wlan0", bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 600);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

/* --- agents ----------------------------------------------------------------------------------- */

/* rfc5944-2.4-2: solicitations SHOULD only be sent in the absence of Agent Advertisements. */
static void test_an_agent_that_is_not_in_use_may_fall_silent_without_being_asked_for(void **state)
{
	/* rfc5944-2.4-2 */
	struct bench_agent own = patient(&bench_fa1), other = bench_fa2;

	(void)state;
	bench_registered_at_fa1(bench);
	bench_advertise(bench, &own);
	other.link = BENCH_WWAN;
	bench_pass(bench, 2 * MIP_SECOND);
	bench_advertise(bench, &other);
	bench_forget(bench);
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(mn_core_agent_count(bench->core), 1);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_renewal_that_a_failed_move_has_interrupted_is_taken_up_again),
		TEST(test_a_short_binding_outlives_the_attempts_to_register_where_nobody_answers),
		TEST(test_a_move_that_is_given_up_after_its_request_is_followed_by_a_registration_here),
		TEST(test_a_move_that_was_denied_is_not),
		TEST(test_a_lifetime_that_is_over_is_not_less_than_nothing),
		TEST(test_after_a_sleep_the_agent_is_asked_for_and_registered_with_anew),
		TEST(test_after_a_sleep_a_care_of_address_that_is_still_there_is_registered_at_once),
		TEST(test_a_clock_that_is_set_back_does_not_repeat_an_identification),
		TEST(test_the_lifetime_of_code_69_holds_for_renewals_too),
		TEST(test_the_reverse_tunnel_that_a_foreign_agent_demands_is_asked_for_by_renewals_too),
		TEST(test_the_reverse_tunnel_that_the_home_agent_demands_is_asked_for_everywhere),
		TEST(test_a_new_address_on_the_link_does_not_wait_for_what_the_old_one_was_denied),
		TEST(test_a_second_address_on_the_link_does_not_make_it_move),
		TEST(test_a_gateway_that_is_gone_is_not_what_the_request_leaves_by),
		TEST(test_a_found_home_agent_that_is_silent_keeps_its_tunnel_as_long_as_the_binding),
		TEST(test_a_deregistration_that_is_denied_ends_with_the_lifetime),
		TEST(test_a_handover_takes_back_a_deregistration_that_is_on_its_way),
		TEST(test_an_agent_that_is_not_in_use_may_fall_silent_without_being_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

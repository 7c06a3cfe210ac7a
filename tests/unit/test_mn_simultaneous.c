/*
 * The mobile node keeps its binding beside the new one over a handover: the S bit, RFC 5944 3.6.1.2. And the
 * eager choice of places.
 */
#include "mn_bench.h"
#include "mn_home_agents.h"

#include <string.h>
#include "packet.h"

static struct bench *const bench = &bench_of_test;

enum {
	GRACE = 3, /* s, of the bench */
};

static void with_s(struct mn_settings *settings)
{
	settings->simultaneous = true;
	settings->grace = GRACE * MIP_SECOND;
}

static void eager(struct mn_settings *settings)
{
	settings->newest_first = true;
}

static int setup(void **state)
{
	bench_begin(&bench_of_test, with_s);
	*state = &bench_of_test;
	return 0;
}

#define SIMULTANEOUS(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

static bool has_s(void)
{
	return bench_last_request(bench).fixed.flags & MIP_REQUEST_S;
}

static uint32_t care_of_address(void)
{
	return mip_address_number(bench_last_request(bench).fixed.care_of_address);
}

static void answer(uint8_t code)
{
	struct bench_request request = bench_last_request(bench);

	bench_reply(bench, &request, &(struct bench_reply){.code = code, .lifetime = request.fixed.lifetime});
	bench_forget(bench);
}

/* Agents go on advertising while time goes by. */
static void pass(mip_time duration)
{
	for (mip_time step = 0; step < duration; step += MIP_SECOND / 2) {
		if (bench_status(bench).interface)
			bench_advertise(bench, &bench_fa1);
		bench_advertise(bench, &bench_fa2);
		bench_pass(bench, MIP_SECOND / 2);
	}
}

/* From wwan0 with FA1 to wlan0 with FA2; not answered yet. */
static void begin_handover(void)
{
	bench_registered_at_fa1(bench);
	pass(2 * MIP_SECOND);
	bench_forget(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(care_of_address(), BENCH_FA2);
}

static void hand_over(void)
{
	begin_handover();
	answer(MIP_CODE_ACCEPTED);
	assert_int_equal(mip_address_number(bench_status(bench).care_of_address), BENCH_FA2);
}

/* "A mobile node MAY set the 'S' bit": only where the settings say so. */
static void test_without_the_setting_no_request_has_s(void **state)
{
	(void)state;
	begin_handover();
	assert_false(has_s());
	bench_accept(bench);
	assert_false(bench_status(bench).simultaneous);
	assert_int_equal(bench_counter(bench, "requests_simultaneous"), 0);
}

/* "in order to request that the home agent maintain prior mobility binding(s)": where there are none, it is
 * not set. */
static void test_a_handover_has_s_and_a_first_registration_has_not(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_false(has_s());
	answer(MIP_CODE_ACCEPTED);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_true(has_s());
	assert_int_equal(care_of_address(), BENCH_FA2);
	answer(MIP_CODE_ACCEPTED);
	assert_true(bench_status(bench).simultaneous);
	assert_int_equal(bench_counter(bench, "requests_simultaneous"), 1);
}

static void test_after_the_overlap_the_new_binding_is_registered_as_the_only_one(void **state)
{
	(void)state;
	hand_over();
	pass((GRACE - 1) * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	pass(3 * MIP_SECOND / 2);
	assert_int_equal(bench_requests(bench), 1);
	assert_false(has_s());
	assert_int_equal(care_of_address(), BENCH_FA2);
	assert_true(bench_last_request(bench).fixed.lifetime > 0);
	assert_true(bench_status(bench).simultaneous);
	answer(MIP_CODE_ACCEPTED);
	assert_false(bench_status(bench).simultaneous);
	pass(20 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_renewal_within_the_overlap_does_not_end_it(void **state)
{
	const char *reason;

	(void)state;
	hand_over();
	pass(3 * MIP_SECOND / 2);
	assert_int_equal(mn_core_register(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_true(has_s());
	answer(MIP_CODE_ACCEPTED);
	assert_true(bench_status(bench).simultaneous);
	pass(2 * MIP_SECOND);
	assert_false(has_s());
}

/* rfc5944-3.8.3.2-1: code 1 is that of a home agent without simultaneous registrations: it has replaced the
 * old one. */
static void test_with_code_1_there_is_nothing_to_let_go(void **state)
{
	(void)state;
	begin_handover();
	assert_true(has_s());
	answer(MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_false(bench_status(bench).simultaneous);
	pass(20 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

/* RFC 5944 3.8.2.3: code 135, "its limit to be exceeded". */
static void test_with_code_135_the_next_request_replaces_them(void **state)
{
	(void)state;
	begin_handover();
	answer(MIP_CODE_HA_TOO_MANY_BINDINGS);
	pass(2 * MIP_SECOND);
	assert_true(bench_requests(bench) >= 1);
	assert_int_equal(care_of_address(), BENCH_FA2);
	assert_false(has_s());
	answer(MIP_CODE_ACCEPTED);
	/* The handover after that is as any. */
	pass(2 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, false);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(care_of_address(), BENCH_FA1);
	answer(MIP_CODE_ACCEPTED);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_true(has_s());
}

/* rfc5944-3.6.1.2-15: deregistering all care-of addresses, it names the home address. */
static void test_deregistering_in_the_overlap_ends_all_of_them(void **state)
{
	const char *reason;

	(void)state;
	hand_over();
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 0);
	assert_int_equal(care_of_address(), BENCH_HOME);
	assert_false(has_s());
	answer(MIP_CODE_ACCEPTED);
	assert_false(bench_status(bench).simultaneous);
	/* Otherwise there is the one, and that is named. */
	bench_again_with(with_s);
	bench_registered_at_fa1(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(care_of_address(), BENCH_FA1);
}

static void assigned_with_s(struct mn_settings *settings)
{
	bench_by_assignment(settings);
	with_s(settings);
}

/* RFC 4433: the session, its home agent and its home address end with the binding; what is left of an older one was theirs. */
static void test_when_the_session_is_over_there_is_no_binding_to_go_back_to(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(assigned_with_s);
	request = bench_first_at_fa1();
	bench_reply(bench, &request,
		&(struct bench_reply){.lifetime = 600,
			.home_agent = mip_address_of(HA1),
			.home_address = mip_address_of(GIVEN)});
	bench_pass(bench, 2 * MIP_SECOND);
	bench_forget(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	request = bench_last_request(bench);
	assert_true(has_s());
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 30});
	assert_int_equal(mip_address_number(bench_status(bench).care_of_address), BENCH_FA2);
	/* Nobody answers the renewals. */
	for (int i = 0; i < 200; i++) {
		bench_advertise(bench, &bench_fa1);
		bench_advertise(bench, &bench_fa2);
		bench_pass(bench, MIP_SECOND / 2);
		assert_true(
			!bench_status(bench).bound || !mip_address_is_none(bench_status(bench).home_address));
	}
}

static void test_when_the_old_link_dies_in_the_overlap_the_way_stays_and_the_home_agent_is_told(void **state)
{
	(void)state;
	hand_over();
	bench_link(bench, BENCH_WWAN, false);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WLAN);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, MIP_SECOND);
	for (int i = 0; i < 2 * GRACE - 1; i++) {
		bench_advertise(bench, &bench_fa2);
		bench_pass(bench, MIP_SECOND / 2);
	}
	assert_int_equal(bench_requests(bench), 1);
	assert_false(has_s());
	assert_int_equal(care_of_address(), BENCH_FA2);
}

static void test_when_the_new_link_dies_in_the_overlap_the_old_binding_is_in_use_again_at_once(void **state)
{
	(void)state;
	hand_over();
	assert_int_equal(bench_way_out(bench)->link, BENCH_WLAN);
	bench_link(bench, BENCH_WLAN, false);
	/* Without a word with anybody: */
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).care_of_address), BENCH_FA1);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
	assert_int_equal(mip_address_number(bench_way_out(bench)->gateway), BENCH_FA1);
	assert_non_null(bench_event(bench, "resumed", 0));
	assert_int_equal(bench_counter(bench, "bindings_resumed"), 1);
	/* And then the home agent is told to send nothing more to the dead one. */
	bench_pass(bench, MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_false(has_s());
	assert_int_equal(care_of_address(), BENCH_FA1);
	answer(MIP_CODE_ACCEPTED);
	assert_false(bench_status(bench).simultaneous);
	/* What has been let go is not gone back to. */
	bench_link(bench, BENCH_WWAN, false);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
}

/* Once the home agent has but the new one, there is nothing to go back to. */
static void test_after_the_overlap_a_dead_link_is_a_handover_as_any(void **state)
{
	(void)state;
	hand_over();
	pass((GRACE + 1) * MIP_SECOND);
	answer(MIP_CODE_ACCEPTED);
	bench_link(bench, BENCH_WLAN, false);
	assert_null(bench_event(bench, "resumed", 0));
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(care_of_address(), BENCH_FA1);
	assert_false(has_s());
}

/* An old binding whose lifetime is over is none. */
static void test_an_old_binding_that_has_expired_is_not_gone_back_to(void **state)
{
	struct bench_request request;

	(void)state;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.code = MIP_CODE_ACCEPTED, .lifetime = 3});
	bench_pass(bench, 3 * MIP_SECOND / 2);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	answer(MIP_CODE_ACCEPTED);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WLAN, false);
	assert_null(bench_event(bench, "resumed", 0));
}

/* A second handover before the first has settled: S again, and the overlap begins anew. */
static void test_a_handover_in_the_overlap_has_s_too(void **state)
{
	const char *reason;

	(void)state;
	hand_over();
	pass(2 * MIP_SECOND);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	assert_true(has_s());
	assert_int_equal(care_of_address(), BENCH_FA1);
	answer(MIP_CODE_ACCEPTED);
	pass((GRACE - 1) * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	pass(3 * MIP_SECOND / 2);
	assert_int_equal(bench_requests(bench), 1);
	assert_false(has_s());
	assert_int_equal(care_of_address(), BENCH_FA1);
}

/* The registration that is to let the old one go is denied: it is repeated until it is accepted. */
static void test_letting_go_is_tried_until_it_is_done(void **state)
{
	(void)state;
	hand_over();
	pass(GRACE * MIP_SECOND + MIP_SECOND / 2);
	assert_int_equal(bench_requests(bench), 1);
	answer(MIP_CODE_HA_INSUFFICIENT_RESOURCES);
	pass(5 * MIP_SECOND);
	assert_true(bench_requests(bench) >= 1);
	assert_false(has_s());
	answer(MIP_CODE_ACCEPTED);
	assert_false(bench_status(bench).simultaneous);
}

/* Co-located: the tunnel is the new place's, and packets by the old one are taken until the home agent has
 * let it go, and for the grace after that. */
static void test_co_located_the_old_address_is_a_tunnel_s_end_until_it_is_let_go(void **state)
{
	struct mip_want peer = {.kind = MIP_WANT_PEER,
		.peer = {.home_address = mip_address_of(BENCH_HOME),
			.end = MIP_TUNNEL_VISITED,
			.remote = mip_address_of(BENCH_HOME_AGENT)}};

	const char *reason;

	(void)state;
	bench_registered_at_spot(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
	assert_true(has_s());
	answer(MIP_CODE_ACCEPTED);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
	assert_non_null(bench_kernel(bench, &peer));
	for (int i = 0; i < 2 * GRACE + 1; i++) {
		bench_advertise(bench, &bench_fa1);
		bench_pass(bench, MIP_SECOND / 2);
	}
	assert_non_null(bench_kernel(bench, &peer));
	assert_false(has_s());
	answer(MIP_CODE_ACCEPTED);
	assert_non_null(bench_kernel(bench, &peer));
	for (int i = 0; i < 2 * GRACE + 2; i++) {
		bench_advertise(bench, &bench_fa1);
		bench_pass(bench, MIP_SECOND / 2);
	}
	assert_null(bench_kernel(bench, &peer));
}

/* RFC 5944 3.6.1.2 and Appendix C.3: back home all are deregistered; and who leaves home has no binding to be
 * retained. */
static void test_neither_leaving_home_nor_coming_home_has_s(void **state)
{
	(void)state;
	bench_home(bench);
	bench_link(bench, BENCH_WWAN, true);
	bench_link(bench, BENCH_ETH, false);
	bench_advertise(bench, &bench_fa1);
	assert_false(has_s());
	answer(MIP_CODE_ACCEPTED);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	assert_int_equal(care_of_address(), BENCH_HOME);
	assert_false(has_s());
}

/* --- eager ---------------------------------------------------------------------------------------- */

static void test_with_newest_first_the_agent_found_last_goes_before_the_priorities(void **state)
{
	(void)state;
	bench_again_with(eager);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	bench_accept(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(care_of_address(), BENCH_FA1);
	bench_accept(bench);
	/* It stays where it is: the old agent is heard on, but not found again. */
	bench_forget(bench);
	pass(5 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	/* Gone and found again, it is the newest. */
	bench_link(bench, BENCH_WLAN, false);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	assert_int_equal(care_of_address(), BENCH_FA2);
}

static void test_without_it_the_priorities_decide(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa2);
	bench_accept(bench);
	bench_forget(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 0);
}

/* RFC 5944 3.6: a second agent on the same link is no reason to move. */
static void test_with_newest_first_a_second_agent_on_the_link_changes_nothing(void **state)
{
	struct bench_agent second = bench_fa1;

	(void)state;
	bench_again_with(eager);
	bench_registered_at_fa1(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	second.address = BENCH_FA2;
	bench_advertise(bench, &second);
	assert_int_equal(bench_requests(bench), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIMULTANEOUS(test_when_the_session_is_over_there_is_no_binding_to_go_back_to),
		TEST(test_without_the_setting_no_request_has_s),
		SIMULTANEOUS(test_a_handover_has_s_and_a_first_registration_has_not),
		SIMULTANEOUS(test_after_the_overlap_the_new_binding_is_registered_as_the_only_one),
		SIMULTANEOUS(test_a_renewal_within_the_overlap_does_not_end_it),
		SIMULTANEOUS(test_with_code_1_there_is_nothing_to_let_go),
		SIMULTANEOUS(test_with_code_135_the_next_request_replaces_them),
		SIMULTANEOUS(test_deregistering_in_the_overlap_ends_all_of_them),
		SIMULTANEOUS(
			test_when_the_old_link_dies_in_the_overlap_the_way_stays_and_the_home_agent_is_told),
		SIMULTANEOUS(
			test_when_the_new_link_dies_in_the_overlap_the_old_binding_is_in_use_again_at_once),
		SIMULTANEOUS(test_after_the_overlap_a_dead_link_is_a_handover_as_any),
		SIMULTANEOUS(test_an_old_binding_that_has_expired_is_not_gone_back_to),
		SIMULTANEOUS(test_a_handover_in_the_overlap_has_s_too),
		SIMULTANEOUS(test_letting_go_is_tried_until_it_is_done),
		SIMULTANEOUS(test_co_located_the_old_address_is_a_tunnel_s_end_until_it_is_let_go),
		SIMULTANEOUS(test_neither_leaving_home_nor_coming_home_has_s),
		TEST(test_with_newest_first_the_agent_found_last_goes_before_the_priorities),
		TEST(test_without_it_the_priorities_decide),
		TEST(test_with_newest_first_a_second_agent_on_the_link_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

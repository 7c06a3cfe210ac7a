/*
 * The end of a session with a home agent that was assigned (RFC 4433) or found (RFC 5944 3.6.1.2): one that is gone,
 * or that refuses, is not insisted on; and what is asked of another one is a request of its own.
 */
#include "mn_home_agents.h"

static struct bench *const bench = &bench_of_test;

#define HA4	  0x0a060001U /* 10.6.0.1, of another network */
#define BROADCAST 0x0a0100ffU

static void for_ever(struct mn_settings *settings)
{
	bench_by_assignment_with_a_hint(settings);
	settings->lifetime = MIP_LIFETIME_INFINITE;
}

static void by_assignment_with_nonces_for_ten_seconds(struct mn_settings *settings)
{
	bench_by_assignment_with_nonces(settings);
	settings->lifetime = 10;
}

/* The home network is known, its home agent is to be assigned. */
static void by_assignment_with_a_home_prefix(struct mn_settings *settings)
{
	bench_by_assignment(settings);
	settings->home_prefix = mip_prefix_of(mip_address_of(HA1), 24);
}

/* Time goes by while the agent is heard. */
static void pass_with_fa1(mip_time duration)
{
	static uint16_t sequence = 10;

	for (; duration > 0; duration -= MIP_SECOND) {
		struct bench_agent agent = bench_fa1;

		agent.sequence = sequence++;
		bench_advertise(bench, &agent);
		bench_pass(bench, MIP_SECOND);
	}
}

static uint32_t home_agent(void)
{
	return mip_address_number(bench_status(bench).home_agent);
}

/* Every request gets this answer. */
static void deny_for(mip_time duration, struct bench_reply reply)
{
	for (mip_time end = bench->now.boot + duration; bench->now.boot < end;) {
		bench_forget(bench);
		pass_with_fa1(MIP_SECOND);
		if (bench_requests(bench) > 0) {
			struct bench_request request = bench_last_request(bench);

			bench_reply(bench, &request, &reply);
		}
	}
}

/* --- refused, not silent ------------------------------------------------------------------------ */

/* RFC 4433 5.1.3: when the session is over, a new home agent is requested: also when the foreign agent says that the
 * old one is not there, or that one says that it will not. rfc4433-5.1-4: until then it is maintained with it. */
static void test_an_assigned_home_agent_that_refuses_is_left_when_its_session_is_over(void **state)
{
	static const uint8_t codes[] = {78, 80, 81, 82, 88, 128, 129, 130, 136};
	struct bench_request request;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		bench_again_with(bench_by_assignment_with_a_hint);
		request = bench_first_at_fa1();
		bench_accept_by(&request, HA2);
		pass_with_fa1(500 * MIP_SECOND);
		deny_for(95 * MIP_SECOND,
			(struct bench_reply){.code = codes[i], .unsigned_reply = codes[i] < 128});
		assert_int_equal(home_agent(), HA2);
		deny_for(8 * MIP_SECOND,
			(struct bench_reply){.code = codes[i], .unsigned_reply = codes[i] < 128});
		assert_int_equal(home_agent(), 0);
		assert_int_equal(mip_address_number(bench_status(bench).home_address), 0);
	}
}

/* The binding went with its link, so there is none to expire: the denial that comes after the end finds it over. */
static void test_a_session_that_ended_without_a_binding_is_over_at_the_next_denial(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	bench_link(bench, BENCH_WWAN, false);
	bench_pass(bench, 300 * MIP_SECOND);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	bench_answer(&request, (struct bench_reply){.code = 81, .unsigned_reply = true});
	assert_int_equal(home_agent(), HA2);
	bench_link(bench, BENCH_WWAN, false);
	bench_pass(bench, 300 * MIP_SECOND);
	request = bench_first_at_fa1();
	bench_answer(&request, (struct bench_reply){.code = 81, .unsigned_reply = true});
	assert_int_equal(home_agent(), 0);
	request = bench_next_request(MIP_SECOND + 100 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
}

/* … or the silence. */
static void test_a_session_that_ends_while_nobody_answers_is_over(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	bench_link(bench, BENCH_WWAN, false);
	bench_pass(bench, 500 * MIP_SECOND);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	pass_with_fa1(50 * MIP_SECOND);
	assert_int_equal(home_agent(), HA2);
	pass_with_fa1(100 * MIP_SECOND);
	assert_int_equal(home_agent(), 0);
}

/* RFC 5944 3.6.1.2: the foreign agent says that what was found is not there. */
static void test_a_home_agent_that_was_found_and_is_gone_is_looked_for_again(void **state)
{
	static const uint8_t codes[] = {78, 80, 81, 82, 88};
	struct bench_request request;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		bench_again_with(bench_by_resolution);
		request = bench_first_at_fa1();
		bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
		request = bench_next_request(MIP_SECOND);
		assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
		bench_answer(&request, (struct bench_reply){.code = codes[i], .unsigned_reply = true});
		assert_int_equal(home_agent(), 0);
		request = bench_next_request(1100 * MIP_MILLISECOND);
		assert_int_equal(mip_address_number(request.fixed.home_agent), BROADCAST);
	}
}

/* RFC 5944 3.6.2.3: the one that answers with code 136 MAY be tried; but it has no binding yet, and the tunnel leads to
 * the one that has, for as long as it is there. */
static void test_another_home_agent_does_not_take_the_tunnel_of_a_live_binding(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_resolution);
	request = bench_first_at_spot();
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	request = bench_next_request(MIP_SECOND);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), HA2);
	bench_forget(bench);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	request = bench_next_request(MIP_SECOND);
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA1)});
	assert_int_equal(home_agent(), HA2);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), HA2);
	bench_forget(bench);
	request = bench_next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA2);
}

/* --- when it ends ------------------------------------------------------------------------------- */

/* At home there is no binding, so nothing lasts: away again, the first that refuses is left. */
static void test_a_session_does_not_outlast_coming_home(void **state)
{
	struct bench_request request;
	struct bench_agent at_home = bench_home_agent;

	(void)state;
	at_home.address = HA2;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	bench_link(bench, BENCH_ETH, true);
	bench_forget(bench);
	bench_advertise(bench, &at_home);
	request = bench_next_request(MIP_SECOND);
	bench_accept_by(&request, HA2);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	bench_link(bench, BENCH_ETH, false);
	bench_link(bench, BENCH_WWAN, false);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	bench_answer(&request, (struct bench_reply){.code = 130});
	assert_int_equal(home_agent(), 0);
}

static void test_an_infinite_session_ends_with_its_binding(void **state)
{
	struct bench_agent agent = bench_fa1;
	struct bench_request request;

	(void)state;
	agent.registration_lifetime = MIP_LIFETIME_INFINITE;
	bench_again_with(for_ever);
	bench_link(bench, BENCH_WWAN, true);
	bench_forget(bench);
	bench_advertise(bench, &agent);
	request = bench_next_request(0);
	assert_int_equal(request.fixed.lifetime, MIP_LIFETIME_INFINITE);
	bench_accept_by(&request, HA2);
	bench_link(bench, BENCH_WWAN, false);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	bench_answer(&request, (struct bench_reply){.code = 130});
	assert_int_equal(home_agent(), 0);
}

/* RFC 4433 5.1.3: a person ends the session; that there is no binding just now does not keep it. */
static void test_deregistered_without_a_binding_the_session_is_over(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	bench_link(bench, BENCH_WWAN, false);
	assert_int_equal(home_agent(), HA2);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &(const char *){NULL}), 0);
	assert_int_equal(home_agent(), 0);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), 0);
}

/* It rests because of a circle (RFC 4433 4.2 step 5); then a person says that it shall rest: other settings do not wake
 * it. */
static void test_deregistered_after_a_circle_it_rests_until_it_is_asked(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	bench_answer(&request,
		(struct bench_reply){
			.code = 143, .home_agent = mip_address_of(HA1), .redirected = mip_address_of(HA1)});
	assert_int_equal(bench_counter(bench, "redirection_loops"), 1);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_forget(bench);
	assert_int_equal(
		mn_core_reconfigure(bench->core, &bench->settings, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
}

/* --- the other request -------------------------------------------------------------------------- */

/* rfc4433-5.1.2-8: the Requested HA MUST match the destination: what was for the old home agent is not repeated
 * unchanged to another (RFC 5944 3.6.3). */
static void test_with_nonces_a_new_session_begins_with_a_request_of_its_own(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_nonces_for_ten_seconds);
	request = bench_first_at_spot();
	bench_accept_by(&request, HA1);
	bench_pass(bench, 9 * MIP_SECOND + 500 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
	for (int i = 0; i < 1000 && home_agent() != 0; i++)
		bench_pass(bench, 10 * MIP_MILLISECOND);
	assert_int_equal(home_agent(), 0);
	/* Neither the old request nor, at once, the one for legacy agents. */
	bench_forget(bench);
	request = bench_next_request(33 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(bench_requested_of(&request), HA1);
}

/* The hint is only one (RFC 4433 4.1): as long as nobody answers, with it and without it in turn; and each time more
 * slowly (RFC 5944 3.6.3). */
static void test_unanswered_the_hint_is_left_out_every_other_time(void **state)
{
	unsigned with = 0, without = 0, turns = 0;
	uint32_t last = HA1;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	(void)bench_first_at_fa1();
	for (int i = 0; i < 120; i++) {
		bench_forget(bench);
		pass_with_fa1(MIP_SECOND);
		if (bench_requests(bench) > 0) {
			struct bench_request request = bench_last_request(bench);
			uint32_t requested = bench_requested_of(&request);

			turns += requested != last;
			last = requested;
			with += requested == HA1;
			without += requested == 0;
		}
	}
	assert_true(with >= 3);
	assert_true(without >= 3);
	assert_true(turns >= 3);
	assert_true(with + without <= 18);
}

/* Another hint in the settings begins anew. */
static void test_another_hint_is_asked_first(void **state)
{
	struct mn_settings changed;
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_answer(&request,
		(struct bench_reply){
			.code = 143, .home_agent = mip_address_of(HA1), .redirected = mip_address_of(HA2)});
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA2);
	changed = bench->settings;
	changed.home_agent = mip_address_of(HA4);
	bench_forget(bench);
	assert_int_equal(mn_core_reconfigure(bench->core, &changed, bench->now, &(const char *){NULL}), 0);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA4);
}

/* --- where home is ------------------------------------------------------------------------------ */

/* RFC 5944 2.4.3: the home network is that of the home address. What was assigned elsewhere makes home what is there,
 * and nothing else. */
static void test_a_home_address_elsewhere_makes_the_prefix_no_home(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_home_prefix);
	request = bench_first_at_fa1();
	bench_answer(&request, (struct bench_reply){.lifetime = request.fixed.lifetime,
				       .home_address = mip_address_of(HA4 + 49),
				       .home_agent = mip_address_of(HA4)});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_an_assigned_home_agent_elsewhere_is_home_on_its_own_link(void **state)
{
	struct bench_agent elsewhere = bench_home_agent;
	struct bench_request request;

	(void)state;
	elsewhere.address = HA4;
	bench_again_with(by_assignment_with_a_home_prefix);
	request = bench_first_at_fa1();
	bench_answer(&request, (struct bench_reply){.lifetime = request.fixed.lifetime,
				       .home_address = mip_address_of(HA4 + 49),
				       .home_agent = mip_address_of(HA4)});
	bench_forget(bench);
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &elsewhere);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), HA4 + 49);
	bench_accept(bench);
	/* Its prefix is not that of the settings. */
	assert_non_null(bench_kernel(bench, &(struct mip_want){.kind = MIP_WANT_ADDRESS,
						    .address = {.link = BENCH_ETH,
							    .address = mip_address_of(HA4 + 49),
							    .prefix_length = 32}}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_assigned_home_agent_that_refuses_is_left_when_its_session_is_over),
		TEST(test_a_session_that_ended_without_a_binding_is_over_at_the_next_denial),
		TEST(test_a_session_that_ends_while_nobody_answers_is_over),
		TEST(test_a_home_agent_that_was_found_and_is_gone_is_looked_for_again),
		TEST(test_another_home_agent_does_not_take_the_tunnel_of_a_live_binding),
		TEST(test_a_session_does_not_outlast_coming_home),
		TEST(test_an_infinite_session_ends_with_its_binding),
		TEST(test_deregistered_without_a_binding_the_session_is_over),
		TEST(test_deregistered_after_a_circle_it_rests_until_it_is_asked),
		TEST(test_with_nonces_a_new_session_begins_with_a_request_of_its_own),
		TEST(test_unanswered_the_hint_is_left_out_every_other_time),
		TEST(test_another_hint_is_asked_first),
		TEST(test_a_home_address_elsewhere_makes_the_prefix_no_home),
		TEST(test_an_assigned_home_agent_elsewhere_is_home_on_its_own_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

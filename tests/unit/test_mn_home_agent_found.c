/*
 * A home agent that is found by the broadcast address of the home network (RFC 5944 3.6.1.2, 3.6.2.3), the
 * identifications of several, and the home address that a node with a name gets (RFC 2794).
 */
#include "mn_home_agents.h"

static struct bench *const bench = &bench_of_test;

static void by_resolution_with_nonces(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
	bench_use_nonces(settings);
}

/* --- resolution -------------------------------------------------------------------------------- */

/* Several answer: the first is taken, the others are to no request any more. */
static void test_of_several_home_agents_the_first_to_answer_is_taken(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_resolution);
	request = bench_first_at_spot();
	bench_answer(&request,
		(struct bench_reply){
			.code = 136, .home_agent = mip_address_of(HA2), .source = mip_address_of(HA2)});
	bench_reply(bench, &request,
		&(struct bench_reply){
			.code = 136, .home_agent = mip_address_of(HA1), .source = mip_address_of(HA1)});
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 1);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA2);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
}

static void test_a_broadcast_address_in_the_answer_is_no_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_resolution);
	request = bench_first_at_spot();
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(0x0a0100ff)});
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), 0);
}

/* One that does not answer any more is looked for anew, unless there is a binding. */
static void test_a_home_agent_that_was_found_and_is_silent_is_looked_for_again(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_resolution);
	request = bench_first_at_spot();
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	bench_pass(bench, 10 * MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), 0x0a0100ff);
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA1)});
	bench_forget(bench);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA1);
}

/* One that has no room is not insisted on. */
static void test_a_home_agent_that_was_found_and_is_full_is_looked_for_again(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_resolution);
	request = bench_first_at_spot();
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	request = bench_next_request(MIP_SECOND);
	bench_answer(&request, (struct bench_reply){.code = 130});
	request = bench_next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), 0x0a0100ff);
}

/* --- the identification, with several home agents ----------------------------------------------- */

/* rfc5944-3.6.2.3-4: after code 136 "the mobile node SHOULD adjust the parameters it uses to compute the
 * Identification field". With nonces each home agent has its own: the one whose nonce is taken is the one
 * that is asked next. */
static void test_with_nonces_the_first_answer_gives_nonce_and_home_agent(void **state)
{
	struct bench_request request, next;

	(void)state;
	bench_again_with(by_resolution_with_nonces);
	request = bench_first_at_spot();
	bench_answer(&request, (struct bench_reply){.code = 133,
				       .home_agent = mip_address_of(HA2),
				       .identification_xor = 0x5555555500000000});
	next = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(next.destination), HA2);
	/* rfc5944-5.7.2-1: its nonce in the high half, and another low half. */
	assert_int_equal(
		next.fixed.identification >> 32, (request.fixed.identification ^ 0x5555555500000000) >> 32);
	assert_int_not_equal((uint32_t)next.fixed.identification, (uint32_t)request.fixed.identification);
}

/* RFC 5944 3.6.3: the unanswered request is repeated unchanged; the other request of RFC 4433 10 is another.
 */
static void test_with_nonces_the_request_for_legacy_agents_is_a_new_one(void **state)
{
	struct bench_request first, again, other;

	(void)state;
	bench_again_with(bench_by_assignment_with_nonces);
	first = bench_first_at_fa1();
	bench_forget(bench);
	again = bench_next_request(1001 * MIP_MILLISECOND);
	assert_int_equal(again.fixed.identification, first.fixed.identification);
	bench_hear_fa1();
	bench_forget(bench);
	other = bench_next_request(2001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(other.fixed.home_agent), HA1);
	assert_int_not_equal((uint32_t)other.fixed.identification, (uint32_t)first.fixed.identification);
}

/* --- the home address of a node with a name ------------------------------------------------------ */

static void by_name(struct mn_settings *settings)
{
	settings->home_address = (struct mip_address){0};
	settings->nai = bench_nai;
}

/* RFC 5944 3.6.1.2: "The Home Address field MUST be set to the mobile node's home address, if this
 * information is known." The NAI goes along (RFC 2794). */
static void test_renewals_and_the_end_have_the_home_address_that_was_given(void **state)
{
	struct bench_request request;
	struct mip_extensions extensions;

	(void)state;
	bench_again_with(by_name);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA1);
	bench_forget(bench);
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	assert_int_equal(mip_address_number(request.source), GIVEN);
	bench_extensions_of(&request, &extensions);
	assert_true(extensions.present[MIP_SLOT_NODE_NAI]);
	bench_accept(bench);
	bench_forget(bench);
	mn_core_farewell(bench->core, bench->now);
	bench_collect(bench);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
}

/* rfc5944-3.8.3.2-6: code 129 for a home address that another node has been given by now. */
static void test_a_home_address_that_was_lost_is_asked_for_anew(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_name);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA1);
	bench_link(bench, BENCH_WWAN, false);
	request = bench_first_at_spot();
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	bench_answer(&request, (struct bench_reply){.code = 129});
	request = bench_next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	bench_answer(
		&request, (struct bench_reply){.lifetime = 600, .home_address = mip_address_of(GIVEN + 1)});
	assert_int_equal(mip_address_number(bench_status(bench).home_address), GIVEN + 1);
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_of_several_home_agents_the_first_to_answer_is_taken),
		TEST(test_a_broadcast_address_in_the_answer_is_no_home_agent),
		TEST(test_a_home_agent_that_was_found_and_is_silent_is_looked_for_again),
		TEST(test_a_home_agent_that_was_found_and_is_full_is_looked_for_again),
		TEST(test_with_nonces_the_first_answer_gives_nonce_and_home_agent),
		TEST(test_with_nonces_the_request_for_legacy_agents_is_a_new_one),
		TEST(test_renewals_and_the_end_have_the_home_address_that_was_given),
		TEST(test_a_home_address_that_was_lost_is_asked_for_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

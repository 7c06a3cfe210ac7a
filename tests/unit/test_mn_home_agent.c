/*
 * A home agent that the network assigns (RFC 4433): the request, redirections, agents that know nothing of it.
 */
#include "mn_home_agents.h"

#include <string.h>

#include "authenticator.h"

static struct bench *const bench = &bench_of_test;

#define ALL_ONES 0xffffffffU

static void by_assignment_at_home(struct mn_settings *settings)
{
	bench_by_assignment(settings);
	settings->assignment = MN_ASSIGNMENT_HOME;
}

static void redirect(const struct bench_request *request, uint32_t from, uint32_t to)
{
	bench_answer(request,
		(struct bench_reply){
			.code = 143, .home_agent = mip_address_of(from), .redirected = mip_address_of(to)});
}

/* --- assignment -------------------------------------------------------------------------------- */

/* rfc4433-1-1, rfc4433-3.3-1, rfc4433-5.1-1: the NAI, and no home address; rfc4433-5.1-2, rfc4433-5.1.1-1:
 * ALL-ZERO-ONE-ADDR; rfc4433-5.1-3, rfc4433-5.1.1-2: authenticated. Without a hint no Requested HA extension.
 */
static void test_through_a_foreign_agent_the_choice_is_left_to_the_network(void **state)
{
	struct bench_request request;
	struct mip_extensions extensions;

	(void)state;
	bench_again_with(bench_by_assignment);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(bench_requested_of(&request), 0);
	bench_extensions_of(&request, &extensions);
	assert_memory_equal(extensions.slot[MIP_SLOT_NODE_NAI].data, bench_nai, strlen(bench_nai));
	assert_int_equal(mip_authenticator_check(bench->home, request.octets,
				 &extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION]),
		0);
	bench_accept_by(&request, HA2);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), GIVEN);
	assert_non_null(bench_event(bench, "home_agent_assigned", 0));
}

static void test_with_all_ones_the_home_domain_is_preferred(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_at_home);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.fixed.home_agent), ALL_ONES);
}

/* rfc4433-5.1.1-5: the hint SHOULD be put into the Requested HA extension. */
static void test_a_hint_is_requested_of_the_foreign_agent(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(bench_requested_of(&request), HA1);
}

/* rfc4433-5.1.2-1, -6, -7, -8: ALL-ZERO-ONE-ADDR, and the Requested HA extension, which MUST be there and
 * match the destination. */
static void test_co_located_the_requested_home_agent_is_the_destination(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	assert_int_equal(mip_address_number(request.destination), HA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(bench_requested_of(&request), HA1);
	bench_accept_by(&request, HA1);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA1);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), HA1);
}

static void by_assignment_co_located(struct mn_settings *settings)
{
	bench_by_assignment(settings);
	settings->care_of = MN_CARE_OF_CO_LOCATED;
}

/* RFC 4433 5.2: "When the MN is using a co-located CoA, it may register through an FA […], unless the R bit is set": the agent
 * finds the home agent then, as for its visitors. */
static void test_co_located_an_insisting_agent_is_left_the_choice(void **state)
{
	struct bench_agent agent = {.link = BENCH_WLAN,
		.address = BENCH_SPOT_GW,
		.flags = MIP_AGENT_R | MIP_AGENT_F | MIP_AGENT_T,
		.sequence = 300};
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_co_located);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &agent);
	bench_lease(bench);
	request = bench_next_request(50 * MIP_MILLISECOND);
	assert_true(request.frame);
	assert_int_equal(mip_address_number(request.destination), BENCH_SPOT_GW);
	assert_true(request.fixed.flags & MIP_REQUEST_D);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_SPOT);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(bench_requested_of(&request), 0);
	bench_accept_by(&request, HA2);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
}

/* rfc4433-6-1: there is no unicast address to send to. */
static void test_co_located_without_a_hint_there_is_nobody_to_ask(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 5 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	/* Once a foreign agent has helped, the home agent is known. */
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	bench_forget(bench);
	bench_pass(bench, MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.source), BENCH_SPOT);
}

/* rfc4433-5.1-4, rfc4433-5.1.2-2, rfc4433-5.1.2-3: the assigned home agent is cached for the session, and
 * used in its renewals, its handovers and its end. */
static void test_the_session_stays_with_the_assigned_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	bench_forget(bench);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	assert_int_equal(bench_requested_of(&request), 0);
	bench_accept(bench);
	/* All links are lost: the session is not. */
	bench_link(bench, BENCH_WWAN, false);
	bench_pass(bench, 2 * MIP_SECOND);
	request = bench_first_at_spot();
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	/* Nor is it by a home agent that does not answer for a while. */
	bench_pass(bench, 20 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.home_agent), HA2);
	bench_accept(bench);
	bench_forget(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
}

/* RFC 4433 5.1.3: when the session terminates, the home agent MAY be forgotten, and a new one requested. */
static void test_a_new_session_leaves_the_choice_open_again(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment);
	request = bench_first_at_fa1();
	bench_accept_by(&request, HA2);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), 0);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), 0);
	assert_false(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	bench_forget(bench);
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	bench_advertise(bench,
		&(struct bench_agent){
			.link = BENCH_WWAN, .address = BENCH_FA1, .flags = bench_fa1.flags, .sequence = 5});
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(bench_requested_of(&request), 0);
}

/* … as it does with its last lifetime, if nobody answers. */
static void test_a_session_that_ran_out_unanswered_is_over(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	bench_accept_by(&request, HA1);
	bench_pass(bench, 700 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), 0);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(bench_requested_of(&request), HA1);
}

/* --- redirection ------------------------------------------------------------------------------- */

/* rfc4433-5.1.1-3, -4: "MUST authenticate the Reply […] and attempt Registration with the HA address
 * specified in the Redirected HA Extension"; "MUST put the Redirected HA address as the Requested HA
 * Extension". */
static void test_through_a_foreign_agent_a_redirection_is_followed(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment);
	request = bench_first_at_fa1();
	redirect(&request, HA1, HA2);
	assert_non_null(bench_event(bench, "redirected", 0));
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(bench_requested_of(&request), HA2);
	redirect(&request, HA2, HA3);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA3);
	bench_accept_by(&request, HA3);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA3);
	assert_int_equal(bench_counter(bench, "redirections"), 2);
	assert_int_equal(bench_counter(bench, "reply_143"), 2);
}

/* rfc4433-5.1.2-4, -5. */
static void test_co_located_a_redirection_is_followed(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	redirect(&request, HA1, HA2);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(bench_requested_of(&request), HA2);
	bench_accept_by(&request, HA2);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), HA2);
}

/* rfc4433-5.1.1-3, rfc4433-5.1.2-4; rfc4433-3.4.1-1: only a valid unicast address is requested of anybody. */
static void test_a_redirection_that_is_not_authentic_or_names_nobody_is_not_followed(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	bench_answer(&request, (struct bench_reply){.code = 143,
				       .home_agent = mip_address_of(HA1),
				       .redirected = mip_address_of(HA2),
				       .forged = true});
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 1);
	bench_answer(&request, (struct bench_reply){.code = 143,
				       .home_agent = mip_address_of(HA1),
				       .redirected = mip_address_of(HA2),
				       .unsigned_reply = true});
	assert_int_equal(bench_counter(bench, "drop_unauthenticated"), 1);
	bench_answer(&request, (struct bench_reply){.code = 143,
				       .home_agent = mip_address_of(HA1),
				       .redirected = mip_address_of(HA2),
				       .redirected_uncovered = true});
	request = bench_next_request(2 * MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA1);
	redirect(&request, HA1, 0xe0000001);
	request = bench_next_request(3 * MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA1);
	assert_int_equal(bench_counter(bench, "redirections"), 0);
}

static struct mn_home_agent_settings own_keys;

static void by_assignment_with_other_keys(struct mn_settings *settings)
{
	bench_by_assignment_with_a_hint(settings);
	settings->home_agents = &own_keys;
	settings->home_agent_count = 1;
}

static bool is_authentic(const struct bench_request *request, const struct mip_association *association)
{
	struct mip_extensions extensions;

	bench_extensions_of(request, &extensions);
	return mip_authenticator_check(association, request->octets,
		       &extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION]) == 0;
}

/* rfc4433-5.1.1-3: "MUST authenticate the Reply based on HA address in HA field of Reply". */
static void test_each_home_agent_is_authenticated_by_its_own_association(void **state)
{
	struct bench_request request;
	struct bench_reply accepted = {
		.lifetime = 600, .home_address = mip_address_of(GIVEN), .home_agent = mip_address_of(HA2)};

	(void)state;
	own_keys = (struct mn_home_agent_settings){mip_address_of(HA2), bench_other_association()};
	bench_again_with(by_assignment_with_other_keys);
	request = bench_first_at_spot();
	assert_true(is_authentic(&request, bench->home));
	redirect(&request, HA1, HA2);
	request = bench_next_request(MIP_SECOND);
	assert_true(is_authentic(&request, own_keys.association));
	bench_answer(&request, accepted);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 1);
	accepted.security = own_keys.association;
	/* Nor does an association speak for another home agent. */
	accepted.home_agent = mip_address_of(HA1);
	bench_answer(&request, accepted);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 2);
	accepted.home_agent = mip_address_of(HA2);
	bench_answer(&request, accepted);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	request = bench_next_request(MIP_SECOND);
	assert_true(is_authentic(&request, own_keys.association));
	/* From now on it is the only one to answer. */
	accepted.security = NULL;
	accepted.home_agent = mip_address_of(HA1);
	bench_answer(&request, accepted);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 3);
	mip_association_unref(own_keys.association);
}

/* RFC 4433 4.2 step 5: "If a registration loop occurs […] then the MN stops sending any further Registration
 * Request and provides an indication that the loop event was detected." */
static void test_a_circle_of_redirections_ends_it(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	redirect(&request, HA1, HA2);
	request = bench_next_request(MIP_SECOND);
	redirect(&request, HA2, HA1);
	assert_non_null(bench_event(bench, "redirection_loop", 0));
	assert_int_equal(bench_counter(bench, "redirection_loops"), 1);
	bench_pass(bench, 300 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	/* Until a person asks. */
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA1);
	redirect(&request, HA1, HA1);
	assert_int_equal(bench_counter(bench, "redirection_loops"), 2);
	/* Or the settings may be other ones. */
	assert_int_equal(
		mn_core_reconfigure(bench->core, &bench->settings, bench->now, &(const char *){NULL}), 0);
	request = bench_next_request(2 * MIP_SECOND);
	bench_accept_by(&request, HA1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_no_more_redirections_are_followed_than_can_be_remembered(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	for (uint32_t i = 0; i < 8; i++) {
		redirect(&request, HA1 + i, HA1 + i + 1);
		request = bench_next_request(MIP_SECOND);
	}
	redirect(&request, HA1 + 8, HA1 + 9);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_counter(bench, "redirection_loops"), 1);
}

/* The foreign agent says that it is not there (codes 78, 80 to 88), or nobody says anything. */
static void test_a_home_agent_that_is_not_there_is_not_insisted_on(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	redirect(&request, HA1, HA2);
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA2);
	/* The one that was named: from the start again, and no circle. */
	bench_answer(&request, (struct bench_reply){.code = 81, .unsigned_reply = true});
	request = bench_next_request(2 * MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), HA1);
	/* The hint: the foreign agent may know better. */
	bench_answer(&request, (struct bench_reply){.code = 78, .unsigned_reply = true});
	bench_hear_fa1();
	request = bench_next_request(3 * MIP_SECOND);
	assert_int_equal(bench_requested_of(&request), 0);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	bench_accept_by(&request, HA3);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA3);
}

static void test_co_located_a_redirection_to_nobody_is_given_up(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_spot();
	redirect(&request, HA1, HA2);
	bench_pass(bench, 20 * MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), HA1);
	assert_int_equal(bench_requested_of(&request), HA1);
}

/* A node that has its home agent in its settings does not ask to be sent elsewhere. */
static void test_code_143_does_not_move_a_configured_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	request = bench_first_at_spot();
	redirect(&request, HA1, HA2);
	request = bench_next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
	assert_int_equal(mip_address_number(request.destination), HA1);
}

/* --- legacy agents, RFC 4433 10 ---------------------------------------------------------------- */

/* "If the MN does not receive a Registration Reply […] after sending a few Registration Requests […] the MN
 * should quickly send a new Registration Request as mentioned in Section 4.1 step 2": the address in the
 * field as well. */
static void test_unanswered_the_home_agent_is_named_in_the_field(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment_with_a_hint);
	request = bench_first_at_fa1();
	bench_forget(bench);
	request = bench_next_request(1001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	bench_hear_fa1();
	bench_forget(bench);
	request = bench_next_request(2001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
	assert_int_equal(bench_requested_of(&request), HA1);
	bench_accept_by(&request, HA1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

/* "if the registration is denied with error code 70 (poorly formed Request), the MN can assume that the
 * legacy FA cannot process this message"; one of RFC 5944 has code 194. */
static void test_a_legacy_foreign_agent_is_asked_in_the_old_way(void **state)
{
	static const uint8_t codes[] = {70, 194};
	struct bench_request request;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		bench_again_with(bench_by_assignment_with_a_hint);
		request = bench_first_at_fa1();
		bench_answer(&request, (struct bench_reply){.code = codes[i], .unsigned_reply = true});
		request = bench_next_request(MIP_SECOND);
		assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
		assert_int_equal(bench_requested_of(&request), HA1);
		/* The same again is a denial like others. */
		bench_answer(&request, (struct bench_reply){.code = codes[i], .unsigned_reply = true});
		bench_pass(bench, 900 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 0);
	}
}

/* "Legacy home agents may reject the Registration Request with error code 136". */
static void test_a_legacy_home_agent_is_asked_in_the_old_way(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(bench_by_assignment);
	request = bench_first_at_fa1();
	bench_answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	request = bench_next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(bench_requested_of(&request), HA2);
	bench_accept_by(&request, HA2);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_through_a_foreign_agent_the_choice_is_left_to_the_network),
		TEST(test_with_all_ones_the_home_domain_is_preferred),
		TEST(test_a_hint_is_requested_of_the_foreign_agent),
		TEST(test_co_located_the_requested_home_agent_is_the_destination),
		TEST(test_co_located_an_insisting_agent_is_left_the_choice),
		TEST(test_co_located_without_a_hint_there_is_nobody_to_ask),
		TEST(test_the_session_stays_with_the_assigned_home_agent),
		TEST(test_a_new_session_leaves_the_choice_open_again),
		TEST(test_a_session_that_ran_out_unanswered_is_over),
		TEST(test_through_a_foreign_agent_a_redirection_is_followed),
		TEST(test_co_located_a_redirection_is_followed),
		TEST(test_a_redirection_that_is_not_authentic_or_names_nobody_is_not_followed),
		TEST(test_each_home_agent_is_authenticated_by_its_own_association),
		TEST(test_a_circle_of_redirections_ends_it),
		TEST(test_no_more_redirections_are_followed_than_can_be_remembered),
		TEST(test_a_home_agent_that_is_not_there_is_not_insisted_on),
		TEST(test_co_located_a_redirection_to_nobody_is_given_up),
		TEST(test_code_143_does_not_move_a_configured_home_agent),
		TEST(test_unanswered_the_home_agent_is_named_in_the_field),
		TEST(test_a_legacy_foreign_agent_is_asked_in_the_old_way),
		TEST(test_a_legacy_home_agent_is_asked_in_the_old_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

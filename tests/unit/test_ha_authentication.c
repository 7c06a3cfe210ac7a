/*
 * How the home agent authenticates requests and what it answers (RFC 5944 3.8.2.1, 3.8.3): the node's
 * association, the foreign agent's, and that of an AAA server (RFC 4721).
 */
#include "ha_test.h"

/* rfc3024-4-2: "… Authentication Extension) MUST always be present to authenticate registration …" */
static void a_request_without_authentication_is_dropped_in_silence(void **state)
{
	/* rfc5944-3.2-2, rfc5944-3.5.2-1, rfc5944-3.8.2.1-3, rfc5944-3.8.2.1-4, rfc5944-3.8.2.1-6 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.no_security = true;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_no_authentication"), 1);
}

static void a_request_of_a_node_without_an_association_is_dropped_in_silence(void **state)
{
	/* rfc5944-3.8.1-2, rfc5944-3.8.2.1-5 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.home_address = mip_address_of(0x0a010033);
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unknown_node"), 1);
}

static void a_wrong_authenticator_is_answered_with_code_131_and_nothing_is_bound(void **state)
{
	/* rfc5944-3.8.2.1-2, rfc5944-3.8.2.1-4, rfc5944-3.8.2.1-7, rfc5944-3.8.2.1-11 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.security = world->wrong;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
	/* rfc5944-3.8.2.1-9: it MUST contain a valid Mobile-Home Authentication Extension. */
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0), -1);
	assert_int_equal(ha_count_gratuitous(world, NODE_ADDRESS), 0);
	assert_true(ha_find_event(world, "registration_denied") >= 0);
}

static void an_association_does_not_speak_for_another_node(void **state)
{
	/* rfc5944-3.2-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.security = world->virtual_node;
	ha_ask_expect(world, &ask, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
}

static void a_wrong_authenticator_through_an_agent_that_authenticates_is_code_131(void **state)
{
	/* rfc5944-3.8.2.1-8 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.care_of = AGENT_ADDRESS;
	ask.security = world->wrong;
	ask.foreign_home = world->agent;
	ha_ask_expect(world, &ask, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
}

static void when_node_and_agent_both_fail_there_is_silence(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.care_of = AGENT_ADDRESS;
	ask.security = world->wrong;
	ask.foreign_home = world->wrong;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_authentication_failed"), 1);
}

static void the_agent_s_association_is_checked_and_used_in_the_reply(void **state)
{
	/* rfc5944-3.2-1, rfc5944-3.5.4-2, rfc5944-3.8.1-6, rfc5944-3.8.3.3-3 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = world->agent;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	assert_true(answer->extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset >
		    answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
}

static void an_agent_with_an_association_that_does_not_authenticate_is_code_132(void **state)
{
	/* rfc5944-3.8.1-5, rfc5944-3.8.2.1-15, rfc5944-3.8.2.1-16, rfc5944-3.8.2.1-17,
	 * rfc5944-3.8.2.1-18, rfc5944-3.8.2.1-19 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.care_of = AGENT_ADDRESS;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	ask.foreign_home = world->wrong;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	ask.foreign_home = world->agent;
	ask.foreign_home_times = 2;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* rfc5944-3.5.4-3: then the foreign agent MUST NOT append a Foreign-Home authentication extension. */
static void a_co_located_address_through_an_agent_with_an_association_needs_none_of_its_own(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const struct answer *answer;

	ask.source = AGENT_ADDRESS;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_MILLISECOND);
	/* One that is there is checked all the same. */
	ask.foreign_home = world->wrong;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
}

static void a_deregistration_needs_no_authentication_of_the_agent(void **state)
{
	/* rfc5944-3.5.4-5, rfc5944-3.8.1-5 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.care_of = AGENT_ADDRESS;
	ask.lifetime = -1;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void the_reply_to_a_deregistration_has_no_foreign_home_authentication(void **state)
{
	/* rfc5944-3.5.4-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.care_of = AGENT_ADDRESS;
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_false(answer->extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]);
	/* An agent that knows RFC 3344 only puts one on every request, and waits for one in the reply. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_MILLISECOND);
	ask.foreign_home = world->agent;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
}

static void a_foreign_home_authentication_without_an_association_is_dropped(void **state)
{
	/* rfc5944-3.8.2.1-20 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.foreign_home = world->agent;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unexpected_foreign_home"), 1);
}

static void what_is_dropped_for_its_authentication_stands_in_the_log(void **state)
{
	/* rfc5944-3.8.2.1-11, rfc5944-3.8.2.1-20 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.foreign_home = world->agent;
	ha_ask_send(world, &ask);
	assert_int_equal(world->warnings, 1);
	ask = ha_ask_by_agent();
	ask.care_of = AGENT_ADDRESS;
	ask.security = world->wrong;
	ha_ask_send(world, &ask);
	assert_int_equal(world->warnings, 2);
	for (int i = 0; i < 1000; i++)
		ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_in_range(world->warnings, 2, 20);
}

static void a_security_exception_that_is_answered_stands_in_the_log(void **state)
{
	/* rfc5944-3.8.2.1-14, rfc5944-3.8.2.1-19 */
	struct world *world = *state;
	struct ask node = ha_ask_by_agent(), agent = ha_ask_by_agent(), replay = ha_ask_by_agent();

	node.security = world->wrong;
	ha_ask_expect(world, &node, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
	assert_int_equal(world->warnings, 1);
	agent.care_of = AGENT_ADDRESS;
	ha_ask_expect(world, &agent, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(world->warnings, 2);
	replay.identification = 1;
	ha_ask_expect(world, &replay, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	assert_int_equal(world->warnings, 3);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void a_wrong_authenticator_with_an_unexpected_foreign_home_one_is_dropped(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.security = world->wrong;
	ask.foreign_home = world->agent;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unexpected_foreign_home"), 1);
}

static void a_mobile_aaa_authentication_authorizes_where_there_is_an_association_for_it(void **state)
{
	/* rfc5944-3.8.2.1-3 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.aaa = world->aaa;
	ask.no_security = true;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_no_authentication"), 1);
	world->nodes[0].aaa = world->aaa;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.aaa = world->wrong;
	ha_ask_expect(world, &ask, MIP_CODE_HA_BAD_AAA_AUTHENTICATION);
	ask.no_security = false;
	ha_ask_expect(world, &ask, MIP_CODE_HA_BAD_AAA_AUTHENTICATION);
}

/* RFC 4721 8: with CHAP_SPI the challenge of the request is part of what is computed; from a co-located
 * node it is 0. */
static void a_chap_authenticator_covers_the_challenge_of_the_request(void **state)
{
	static uint8_t key[] = "0123456789abcdef";
	struct world *world = *state;
	struct mip_association_settings settings = {.spi = MIP_CHAP_SPI,
		.algorithm = MIP_ALGORITHM_CHAP_MD5,
		.key = {.octets = key, .length = 16}};
	struct mip_association *chap;
	struct ask ask = ha_ask_by_agent();

	assert_int_equal(mip_association_new(&settings, &chap), 0);
	world->nodes[0].aaa = chap;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.aaa = chap;
	ask.challenge = true;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.aaa_other_challenge = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_BAD_AAA_AUTHENTICATION);
	ask = ha_ask_co_located();
	ask.aaa = chap;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	mip_association_unref(chap);
}

/* rfc4721-6-3, rfc4721-3.2-12: Mobile-Home, challenge, Mobile-AAA, Foreign-Home. */
static void authentications_in_another_order_are_code_134(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	world->nodes[0].aaa = world->aaa;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.aaa = world->aaa;
	ask.aaa_first = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	ask.aaa_first = false;
	ask.challenge = true;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.challenge_twice = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
}

/* rfc4721-3.2-12: the challenge and the Mobile-AAA authentication MUST precede the Foreign-Home one, which vouches for them. */
static void what_stands_behind_the_foreign_home_authentication_is_code_134(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = world->agent;
	ask.aaa = world->aaa;
	ask.challenge = true;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.foreign_home_first = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	ask.aaa = NULL;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	ask.aaa = world->aaa;
	ask.challenge = false;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
}

/* rfc4721-6-4: the reply has the Mobile-Home authentication, and no Mobile-AAA one. */
static void the_reply_to_mobile_aaa_authentication_has_mobile_home_authentication(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	world->nodes[0].aaa = world->aaa;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.aaa = world->aaa;
	ask.no_security = true;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	assert_false(answer->extensions.present[MIP_SLOT_MOBILE_AAA_AUTHENTICATION]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_without_authentication_is_dropped_in_silence),
		TEST(a_request_of_a_node_without_an_association_is_dropped_in_silence),
		TEST(a_wrong_authenticator_is_answered_with_code_131_and_nothing_is_bound),
		TEST(an_association_does_not_speak_for_another_node),
		TEST(a_wrong_authenticator_through_an_agent_that_authenticates_is_code_131),
		TEST(when_node_and_agent_both_fail_there_is_silence),
		TEST(the_agent_s_association_is_checked_and_used_in_the_reply),
		TEST(an_agent_with_an_association_that_does_not_authenticate_is_code_132),
		TEST(a_co_located_address_through_an_agent_with_an_association_needs_none_of_its_own),
		TEST(a_deregistration_needs_no_authentication_of_the_agent),
		TEST(the_reply_to_a_deregistration_has_no_foreign_home_authentication),
		TEST(a_foreign_home_authentication_without_an_association_is_dropped),
		TEST(a_security_exception_that_is_answered_stands_in_the_log),
		TEST(a_wrong_authenticator_with_an_unexpected_foreign_home_one_is_dropped),
		TEST(what_is_dropped_for_its_authentication_stands_in_the_log),
		TEST(a_chap_authenticator_covers_the_challenge_of_the_request),
		TEST(authentications_in_another_order_are_code_134),
		TEST(what_stands_behind_the_foreign_home_authentication_is_code_134),
		TEST(the_reply_to_mobile_aaa_authentication_has_mobile_home_authentication),
		TEST(a_mobile_aaa_authentication_authorizes_where_there_is_an_association_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

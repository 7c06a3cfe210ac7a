/*
 * The mobile node and the challenges of foreign agents (RFC 4721 3.1, 3.3, 3.5, 4, 6), and what a foreign
 * agent does not honour (RFC 4636).
 */
#include "mn_bench.h"

#include <string.h>
#include "authenticator.h"
#include "extension.h"

static struct bench *const bench = &bench_of_test;
static struct mip_association *foreign, *aaa, *chap, *nonces;
static struct mn_foreign_agent_settings agents[1];

static struct mip_association *association_of(uint32_t spi, enum mip_algorithm algorithm)
{
	uint8_t octets[] = "0123456789abcdef";
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = algorithm, .key = {.octets = octets, .length = 16}};
	struct mip_association *result;

	assert_int_equal(mip_association_new(&settings, &result), 0);
	return result;
}

static struct mip_association *association_with_nonces(void)
{
	uint8_t octets[] = "0123456789abcdef";
	struct mip_association_settings settings = {
		.spi = 1000, .replay = MIP_REPLAY_NONCE, .key = {.octets = octets, .length = 16}};
	struct mip_association *result;

	assert_int_equal(mip_association_new(&settings, &result), 0);
	return result;
}

static int make(void **state)
{
	nonces = association_with_nonces();
	foreign = association_of(2000, MIP_ALGORITHM_HMAC_MD5);
	aaa = association_of(3000, MIP_ALGORITHM_HMAC_MD5);
	chap = association_of(MIP_CHAP_SPI, MIP_ALGORITHM_CHAP_MD5);
	agents[0] = (struct mn_foreign_agent_settings){mip_address_of(BENCH_FA1), foreign};
	return bench_setup(state);
}

static int unmake(void **state)
{
	int result = bench_teardown(state);

	mip_association_unref(foreign);
	mip_association_unref(aaa);
	mip_association_unref(chap);
	mip_association_unref(nonces);
	return result;
}
#define TEST_HERE(name) cmocka_unit_test_setup_teardown(name, make, unmake)

static void with_aaa(struct mn_settings *settings)
{
	static char nai[] = "alice@example.org";

	settings->aaa = aaa;
	settings->nai = nai;
}

static void with_aaa_and_nonces(struct mn_settings *settings)
{
	with_aaa(settings);
	settings->home = nonces;
}

static void with_chap(struct mn_settings *settings)
{
	settings->aaa = chap;
}

static void with_foreign(struct mn_settings *settings)
{
	settings->foreign_agents = agents;
	settings->foreign_agent_count = 1;
}

static void with_both(struct mn_settings *settings)
{
	with_foreign(settings);
	settings->aaa = aaa;
}

static void advertise(const char *challenge)
{
	static uint16_t sequence = 300;
	struct bench_agent agent = bench_fa1;

	agent.sequence = sequence++;
	agent.lifetime = 60;
	agent.challenge = challenge;
	bench_advertise(bench, &agent);
}

/* The settings, the link, and an advertisement with this challenge. */
static void begin(void (*change)(struct mn_settings *settings), const char *challenge)
{
	bench_again_with(change);
	bench_link(bench, BENCH_WWAN, true);
	advertise(challenge);
}

static struct mip_extensions asked(void)
{
	struct bench_request request = bench_last_request(bench);
	struct mip_extensions extensions;

	bench_extensions_of(&request, &extensions);
	return extensions;
}

static void assert_challenge(const char *expected)
{
	struct mip_extensions extensions = asked();
	const struct mip_extension *challenge = mip_extension_of(&extensions, MIP_SLOT_CHALLENGE);

	assert_non_null(challenge);
	assert_int_equal(challenge->data_length, strlen(expected));
	assert_memory_equal(challenge->data, expected, strlen(expected));
}

static void assert_order(const enum mip_slot *order, size_t count)
{
	struct mip_extensions extensions = asked();
	size_t last = 0;

	for (size_t i = 0; i < count; i++) {
		assert_true(extensions.present[order[i]]);
		assert_int_equal(extensions.occurrences[order[i]], 1);
		assert_true(extensions.slot[order[i]].offset > last);
		last = extensions.slot[order[i]].offset;
	}
}

static void answer(struct bench_reply reply)
{
	struct bench_request request = bench_last_request(bench);

	bench_reply(bench, &request, &reply);
}

/* The same; what the node says to it is all that counts then. */
static void answer_alone(struct bench_reply reply)
{
	struct bench_request request = bench_last_request(bench);

	bench_forget(bench);
	bench_reply(bench, &request, &reply);
}

static void deny(uint8_t code, const char *challenge)
{
	answer((struct bench_reply){
		.code = code, .lifetime = 600, .unsigned_reply = code < 128, .challenge = challenge});
}

static void accept_with(const char *challenge)
{
	answer((struct bench_reply){
		.lifetime = bench_last_request(bench).fixed.lifetime, .challenge = challenge});
}

/* --- 3.1: requests ------------------------------------------------------------------------------ */

/* rfc4721-3.1-1, -6, -7, -8, rfc4721-6-1, -3, -5: without an association with the agent: the NAI,
 * Mobile-Home, the challenge, Mobile-AAA by HMAC-MD5. */
static void without_an_association_the_challenge_is_answered_with_mobile_aaa(void **state)
{
	static const enum mip_slot order[] = {MIP_SLOT_NODE_NAI, MIP_SLOT_MOBILE_HOME_AUTHENTICATION,
		MIP_SLOT_CHALLENGE, MIP_SLOT_MOBILE_AAA_AUTHENTICATION};
	struct mip_extensions extensions;

	(void)state;
	begin(with_aaa, "first");
	assert_order(order, 4);
	assert_challenge("first");
	extensions = asked();
	assert_false(extensions.present[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]);
	assert_int_equal(mip_authenticator_check(aaa, bench_last_request(bench).octets,
				 &extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION]),
		0);
}

/* rfc4721-3.1-2, -3, -4: with one the challenge is there too, and Mobile-Foreign authentication follows
 * it. */
static void with_an_association_mobile_foreign_authentication_follows_the_challenge(void **state)
{
	static const enum mip_slot order[] = {MIP_SLOT_MOBILE_HOME_AUTHENTICATION, MIP_SLOT_CHALLENGE,
		MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION};
	struct mip_extensions extensions;

	(void)state;
	begin(with_foreign, "first");
	assert_order(order, 3);
	extensions = asked();
	assert_false(extensions.present[MIP_SLOT_MOBILE_AAA_AUTHENTICATION]);
	assert_int_equal(mip_authenticator_check(foreign, bench_last_request(bench).octets,
				 &extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]),
		0);
}

/* rfc4721-3.1-5, rfc4721-6-2: challenge, Mobile-AAA, Mobile-Foreign. */
static void with_both_mobile_aaa_stands_between_the_challenge_and_mobile_foreign(void **state)
{
	static const enum mip_slot order[] = {MIP_SLOT_MOBILE_HOME_AUTHENTICATION, MIP_SLOT_CHALLENGE,
		MIP_SLOT_MOBILE_AAA_AUTHENTICATION, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION};

	(void)state;
	begin(with_both, "first");
	assert_order(order, 4);
}

/* RFC 4721 8: with CHAP_SPI the challenge is part of what is computed. */
static void with_chap_spi_the_authenticator_covers_the_challenge(void **state)
{
	struct mip_challenge challenge = {(const uint8_t *)"first", 5};
	struct mip_extensions extensions;

	(void)state;
	begin(with_chap, "first");
	extensions = asked();
	assert_int_equal(mip_authenticator_check_challenge(chap, bench_last_request(bench).octets,
				 &extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION], &challenge),
		0);
}

/* rfc4721-3.1-9: directly to the home agent Mobile-AAA has CHAP_SPI and the value 0, and there is no
 * challenge. */
static void a_co_located_node_uses_chap_spi_or_no_mobile_aaa_at_all(void **state)
{
	struct mip_extensions extensions;

	(void)state;
	bench_again_with(with_chap);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	extensions = asked();
	assert_false(extensions.present[MIP_SLOT_CHALLENGE]);
	assert_true(extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION].offset >
		    extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check_challenge(chap, bench_last_request(bench).octets,
				 &extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION], NULL),
		0);
	bench_again_with(with_aaa);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_false(asked().present[MIP_SLOT_MOBILE_AAA_AUTHENTICATION]);
}

/* rfc4721-3.1-1: what cannot be answered is not asked for: the challenge MUST be in the request. */
static void an_agent_whose_challenge_cannot_be_answered_is_not_registered_with(void **state)
{
	(void)state;
	begin(NULL, "first");
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
}

/* --- 3.3, 3.5, 4: the next challenge ------------------------------------------------------------ */

/* rfc4721-3.3-9: the one of the reply, or the one of an advertisement that came after it. */
static void the_next_challenge_comes_from_the_reply_or_from_a_later_advertisement(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	accept_with("second");
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	assert_challenge("second");
	accept_with("third");
	advertise("fourth");
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	assert_challenge("fourth");
}

/* rfc4721-3.5-1: after each of the errors the next registration has a new challenge. */
static void after_an_error_the_next_request_has_the_challenge_of_the_reply(void **state)
{
	static const uint8_t codes[] = {MIP_CODE_FA_UNKNOWN_CHALLENGE, MIP_CODE_FA_MISSING_CHALLENGE,
		MIP_CODE_FA_STALE_CHALLENGE, MIP_CODE_FA_NODE_FAILED_AUTHENTICATION,
		MIP_CODE_FA_BAD_AAA_AUTHENTICATION, MIP_CODE_HA_BAD_AAA_AUTHENTICATION};

	(void)state;
	for (size_t i = 0; i < sizeof(codes); i++) {
		begin(with_aaa, "first");
		assert_challenge("first");
		answer_alone((struct bench_reply){.code = codes[i],
			.lifetime = 600,
			.unsigned_reply = codes[i] < 128,
			.challenge = "second"});
		assert_int_equal(bench_status(bench).last_code, codes[i]);
		bench_pass(bench, 990 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 0);
		bench_pass(bench, 20 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 1);
		assert_challenge("second");
	}
}

static void errors_without_end_are_answered_with_back_off(void **state)
{
	static char text[] = "challenge a";

	(void)state;
	begin(with_aaa, "first");
	for (int i = 0; i < 600; i++) {
		if (i % 40 == 0) {
			text[10]++;
			advertise(text);
		}
		bench_pass(bench, 100 * MIP_MILLISECOND);
		deny(MIP_CODE_FA_STALE_CHALLENGE, NULL);
	}
	/* At once, and after 1, 2, 4, 8, 16, 32 s, or when a challenge comes after that. */
	assert_in_range(bench_requests(bench), 4, 7);
}

/* rfc4721-3.3-9, rfc4721-3.5-1, rfc4721-4-1: without a new one the node solicits, and takes none that was
 * before. */
static void without_a_new_challenge_the_node_solicits_and_waits(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	bench_pass(bench, 100 * MIP_MILLISECOND);
	deny(MIP_CODE_FA_STALE_CHALLENGE, NULL);
	bench_forget(bench);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 1);
	assert_int_equal(bench_counter(bench, "challenges_awaited"), 1);
	advertise("first"); /* the newest, once more: somebody else has solicited */
	bench_pass(bench, 100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 0);
	advertise("second");
	bench_pass(bench, MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_challenge("second");
}

/* rfc4721-4-1: also after a success. */
static void a_used_challenge_that_comes_once_more_does_not_replace_a_new_one(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	accept_with("second");
	advertise("first");
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	assert_challenge("second");
}

static void an_agent_that_never_gives_a_new_challenge_is_left_for_another_place(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	deny(MIP_CODE_FA_STALE_CHALLENGE, NULL);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 10 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.care_of_address), BENCH_SPOT);
}

/* "Whenever the Agent Advertisement contains the Challenge extension" (3.1): else there is none to wait
 * for. */
static void an_agent_that_advertises_no_challenges_any_more_is_registered_with_without(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	deny(MIP_CODE_FA_STALE_CHALLENGE, NULL);
	advertise(NULL);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_false(asked().present[MIP_SLOT_CHALLENGE]);
	begin(NULL, "first");
	assert_int_equal(bench_requests(bench), 0);
	advertise(NULL);
	bench_pass(bench, MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
}

/* RFC 4721 3.1: "A retransmitted Registration Request MAY use the same Challenge value". */
static void a_retransmission_may_have_the_same_challenge(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	bench_forget(bench);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_challenge("first");
}

/* With nonces the unanswered request is repeated unchanged, as far as the home agent goes; but an agent takes its last few
 * challenges only, and the next repetition would come too late with the old one. */
static void a_repetition_with_nonces_has_the_newest_challenge_and_the_same_identification(void **state)
{
	struct bench_request first, second;
	struct mip_extensions extensions;
	size_t own;

	(void)state;
	begin(with_aaa_and_nonces, "first");
	first = bench_last_request(bench);
	assert_challenge("first");
	advertise("second");
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	second = bench_last_request(bench);
	assert_int_equal(bench_requests(bench), 2);
	assert_challenge("second");
	/* All of it that the home agent's authenticator covers, and that. */
	extensions = asked();
	own = extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset +
	      extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].length;
	assert_memory_equal(second.octets, first.octets, own);
	bench_pass(bench, 2100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 3);
	assert_challenge("second");
	assert_int_equal(bench_last_request(bench).length, second.length);
	assert_memory_equal(bench_last_request(bench).octets, second.octets, second.length);
}

/* --- RFC 4636 ----------------------------------------------------------------------------------- */

/* rfc4636-4-1, rfc4636-5-1: accepted by the home agent, not honoured by the foreign agent: the care-of
 * address is not used, and the home agent is told. */
static void what_the_foreign_agent_does_not_honour_is_deregistered(void **state)
{
	static const uint8_t statuses[] = {64, 65, 66, 68, 71, 77, 78, 109, 200};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses); i++) {
		struct bench_request request;

		begin(with_aaa, "first");
		answer_alone(
			(struct bench_reply){.lifetime = 600, .error = statuses[i], .challenge = "second"});
		assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
		assert_null(bench_tunnel(bench));
		assert_int_equal(bench_status(bench).last_code, statuses[i]);
		assert_int_equal(bench_counter(bench, "foreign_agent_errors"), 1);
		assert_non_null(bench_event(bench, "refused", 0));
		assert_int_equal(bench_requests(bench), 1);
		request = bench_last_request(bench);
		assert_int_equal(request.fixed.lifetime, 0);
		assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_FA1);
		assert_challenge("second");
		/* Its answer changes nothing; the place is tried again after its back-off. */
		bench_forget(bench);
		bench_reply(bench, &request, &(struct bench_reply){.challenge = "third"});
		assert_int_equal(bench_requests(bench), 0);
		assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
		bench_pass(bench, 1100 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 1);
		assert_int_equal(bench_last_request(bench).fixed.lifetime, 600);
		assert_challenge("third");
		accept_with(NULL);
		assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	}
}

static void the_deregistration_may_stay_unanswered(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	answer_alone((struct bench_reply){.lifetime = 600, .error = 66, .challenge = "second"});
	assert_int_equal(bench_requests(bench), 1);
	advertise("third");
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 2);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 600);
	assert_challenge("third");
}

static void a_renewal_that_is_not_honoured_ends_the_binding(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	accept_with("second");
	assert_non_null(bench_tunnel(bench) || bench_way_out(bench) ? bench : NULL);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	answer((struct bench_reply){.lifetime = 600, .error = 65, .challenge = "third"});
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 0);
}

static void another_place_is_taken_when_the_foreign_agent_does_not_honour(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	bench_pass(bench, 100 * MIP_MILLISECOND);
	answer((struct bench_reply){.lifetime = 600, .error = 65, .challenge = "second"});
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.care_of_address), BENCH_SPOT);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 600);
}

/* rfc4636-4-1: "that cannot correctly interpret the contents": a sub-type that nobody knows. */
static void an_error_that_cannot_be_read_makes_nothing_of_the_reply_be_used(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	answer_alone((struct bench_reply){.lifetime = 600, .error = 65, .error_subtype = 9});
	assert_int_equal(bench_counter(bench, "drop_unknown_extension"), 1);
	assert_int_not_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1); /* it asks once more */
}

static void an_error_from_somebody_else_is_not_believed(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	answer((struct bench_reply){.lifetime = 600, .error = 65, .source = mip_address_of(BENCH_FA2)});
	assert_int_equal(bench_counter(bench, "drop_wrong_sender"), 1);
	assert_int_equal(bench_counter(bench, "foreign_agent_errors"), 0);
	answer((struct bench_reply){.lifetime = 600, .error = 65, .forged = true});
	assert_int_equal(bench_counter(bench, "foreign_agent_errors"), 0);
	accept_with(NULL);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void a_denial_with_an_error_is_a_denial(void **state)
{
	(void)state;
	begin(with_aaa, "first");
	answer_alone((struct bench_reply){.code = 130, .lifetime = 600, .error = 109, .challenge = "second"});
	assert_int_equal(bench_status(bench).last_code, 130);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_HERE(without_an_association_the_challenge_is_answered_with_mobile_aaa),
		TEST_HERE(with_an_association_mobile_foreign_authentication_follows_the_challenge),
		TEST_HERE(with_both_mobile_aaa_stands_between_the_challenge_and_mobile_foreign),
		TEST_HERE(with_chap_spi_the_authenticator_covers_the_challenge),
		TEST_HERE(a_co_located_node_uses_chap_spi_or_no_mobile_aaa_at_all),
		TEST_HERE(an_agent_whose_challenge_cannot_be_answered_is_not_registered_with),
		TEST_HERE(the_next_challenge_comes_from_the_reply_or_from_a_later_advertisement),
		TEST_HERE(after_an_error_the_next_request_has_the_challenge_of_the_reply),
		TEST_HERE(errors_without_end_are_answered_with_back_off),
		TEST_HERE(without_a_new_challenge_the_node_solicits_and_waits),
		TEST_HERE(a_used_challenge_that_comes_once_more_does_not_replace_a_new_one),
		TEST_HERE(an_agent_that_never_gives_a_new_challenge_is_left_for_another_place),
		TEST_HERE(an_agent_that_advertises_no_challenges_any_more_is_registered_with_without),
		TEST_HERE(a_retransmission_may_have_the_same_challenge),
		TEST_HERE(a_repetition_with_nonces_has_the_newest_challenge_and_the_same_identification),
		TEST_HERE(what_the_foreign_agent_does_not_honour_is_deregistered),
		TEST_HERE(the_deregistration_may_stay_unanswered),
		TEST_HERE(a_renewal_that_is_not_honoured_ends_the_binding),
		TEST_HERE(another_place_is_taken_when_the_foreign_agent_does_not_honour),
		TEST_HERE(an_error_that_cannot_be_read_makes_nothing_of_the_reply_be_used),
		TEST_HERE(an_error_from_somebody_else_is_not_believed),
		TEST_HERE(a_denial_with_an_error_is_a_denial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Challenges at a foreign agent (RFC 4721 2, 3.2), in the order of the RFC: what is advertised, which requests
 * are taken, what is relayed.
 */
#include "fa_challenge_world.h"

#include <string.h>

#include "address.h"

/* --- 2: the challenge in advertisements -------------------------------------------------------- */

/* rfc4721-2-1, rfc4721-2-2, rfc4721-12-1: it is random and has 4 octets or more, so that records need no
 * identification. */
static void each_advertisement_has_a_new_challenge_of_sixteen_octets(void **state)
{
	struct fa_world world;
	struct challenge_value first, second, other;

	(void)state;
	challenge_begin(&world);
	first = challenge_advertised(&world);
	assert_int_equal(first.length, 16);
	assert_true(challenge_advertisement_of(&world, WORLD_OTHER_VISITED, &other));
	assert_false(challenge_is_same(&first, &other));
	second = challenge_next_advertised(&world);
	assert_int_equal(second.length, 16);
	assert_false(challenge_is_same(&first, &second));
	assert_int_equal(fa_world_counter(&world, "challenges_made"), 4);
	fa_world_end(&world);
}

static void without_the_setting_there_are_no_challenges(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value value;

	(void)state;
	challenge_init(&world);
	world.settings.challenge = false;
	fa_world_start(&world);
	assert_true(challenge_advertisement_of(&world, WORLD_VISITED, &value));
	assert_int_equal(value.length, 0);
	request = challenge_request_of(UNKNOWN_NODE);
	assert_int_equal(challenge_code_of(&world, &request, NULL), -1);
	assert_int_equal(challenge_reply_with(&world, &request, 0, NULL).challenge.length, 0);
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	fa_world_end(&world);
}

/* --- 2.1: solicited advertisements -------------------------------------------------------------- */

/* rfc4721-2.1-1: MUST NOT generate a new Challenge value and update its window. */
static void a_solicited_multicast_repeats_the_newest_challenge(void **state)
{
	struct fa_world world;
	struct challenge_value before, newest, again;

	(void)state;
	challenge_begin(&world);
	before = challenge_next_advertised(&world);
	newest = challenge_next_advertised(&world);
	for (int i = 0; i < 3; i++) {
		fa_world_wait(&world, 150 * MIP_MILLISECOND);
		challenge_solicit(&world, "0.0.0.0", 9);
		fa_world_wait(&world, 50 * MIP_MILLISECOND);
		again = challenge_advertised(&world);
		assert_true(challenge_is_same(&again, &newest));
	}
	/* The window is what it was. */
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &before), -1);
	fa_world_end(&world);
}

static void solicitations_without_end_do_not_keep_the_next_challenge_away(void **state)
{
	struct fa_world world;
	struct challenge_value first, last = {0};

	(void)state;
	challenge_begin(&world);
	first = challenge_next_advertised(&world);
	for (int i = 0; i < 15; i++) {
		challenge_solicit(&world, "0.0.0.0", 9);
		fa_world_wait(&world, 150 * MIP_MILLISECOND);
		last = challenge_advertised(&world);
	}
	assert_false(challenge_is_same(&first, &last));
	fa_world_end(&world);
}

/* rfc4721-2.1-2, -3, -4, rfc4721-3.3-4: what was unicast is repeated until it is used; then there is a new
 * one, which is remembered. */
static void a_unicast_advertisement_repeats_its_challenge_until_that_is_used(void **state)
{
	struct fa_world world;
	struct challenge_value newest, first, second, third;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	first = challenge_solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(challenge_is_same(&first, &newest)); /* a stranger gets what everybody has */
	first = challenge_register_with(&world, WITH_AAA, &newest);
	second = challenge_solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(challenge_is_same(&first, &second)); /* what the reply brought is not used yet */
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &second), -1);
	third = challenge_solicited(&world, "10.1.0.51", WITH_AAA);
	assert_false(challenge_is_same(&third, &second));
	assert_false(challenge_is_same(&third, &newest));
	second = challenge_solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(challenge_is_same(&third, &second));
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &third), -1);
	fa_world_end(&world);
}

/* --- 3.2: requests ------------------------------------------------------------------------------ */

/* rfc4721-3.2-1, rfc4721-3.2-2: without an association the challenge must be there: missing_challenge. */
static void a_request_without_a_challenge_is_denied_with_105(void **state)
{
	struct fa_world world;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, NULL), 105);
	assert_int_equal(fa_world_counter(&world, "reply_105"), 1);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, NULL), 105);
	/* One with a security association has its Mobile-Foreign authentication. */
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, NULL), -1);
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &newest), -1);
	fa_world_end(&world);
}

/* rfc4721-3.2-3, rfc4721-3.2-4: the same request with another identification and less lifetime is
 * forwarded again. */
static void a_retransmission_with_the_same_challenge_is_forwarded_again(void **state)
{
	static const uint8_t kinds[] = {WITH_FOREIGN, WITH_AAA, UNKNOWN_NODE};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct fa_world world;
		struct fa_world_request request;
		struct challenge_value newest;

		challenge_begin(&world);
		newest = challenge_advertised(&world);
		request = challenge_request_of(kinds[i]);
		assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
		/* Even when the challenge is out of the window by then. */
		fa_world_wait(&world, 3 * MIP_SECOND);
		request.fields.identification++;
		request.fields.lifetime -= 3;
		assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
		assert_int_equal(fa_world_counter(&world, "requests_repeated"), 1);
		fa_world_end(&world);
	}
}

/* rfc4721-3.2-5: in all other circumstances a previously used challenge is stale_challenge. */
static void another_request_with_a_used_challenge_is_denied_with_106(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_AAA);
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	/* It is on its way, but this is not the same. */
	request.fields.flags ^= MIP_REQUEST_T;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 106);
	request.fields.flags ^= MIP_REQUEST_T;
	request.fields.lifetime = 0;
	world.now.boot += 2 * MIP_SECOND;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 106);
	assert_int_equal(fa_world_counter(&world, "reply_106"), 2);
	/* From another card it is a replay. */
	request = challenge_request_of(WITH_AAA);
	request.link_address = link_address(99);
	assert_int_equal(challenge_code_of(&world, &request, &newest), 106);
	fa_world_end(&world);
}

/* rfc4721-3.2-5, rfc4721-3.2-8, rfc4721-AppA-1: also of a node that only its home agent could verify. */
static void a_challenge_that_was_registered_with_is_used(void **state)
{
	static const uint8_t kinds[] = {WITH_FOREIGN, WITH_AAA, WITH_CHAP, UNKNOWN_NODE};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct fa_world world;
		struct challenge_value newest, issued;

		challenge_begin(&world);
		newest = challenge_advertised(&world);
		issued = challenge_register_with(&world, kinds[i], &newest);
		assert_int_equal(challenge_code_for(&world, kinds[i], &newest), 106);
		/* Another node may have the same one (RFC 4721 12). */
		assert_int_equal(challenge_code_for(&world, kinds[(i + 1) % sizeof(kinds)], &newest), -1);
		assert_int_equal(challenge_code_for(&world, kinds[i], &issued), -1);
		world.now.boot += 2 * MIP_SECOND;
		fa_world_end(&world);
	}
}

/* rfc4721-3.2-6, rfc4721-3.2-7: neither advertised among the last CHALLENGE_WINDOW ones nor offered:
 * unknown_challenge. */
static void a_challenge_that_was_not_offered_lately_is_denied_with_104(void **state)
{
	struct fa_world world;
	struct challenge_value first, second, third, no_such = challenge_made_up(), half;

	(void)state;
	challenge_begin(&world);
	first = challenge_advertised(&world);
	second = challenge_next_advertised(&world);
	third = challenge_next_advertised(&world);
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &first), 104);
	assert_int_equal(fa_world_counter(&world, "reply_104"), 1);
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &second), -1);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &third), -1);
	assert_int_equal(challenge_code_for(&world, WITH_CHAP, &no_such), 104);
	half = third;
	half.length = 8;
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &half), 104);
	fa_world_end(&world);
}

static void the_window_is_as_long_as_the_setting_says(void **state)
{
	struct fa_world world;
	struct challenge_value first;

	(void)state;
	challenge_init(&world);
	world.settings.challenge_window = 4;
	fa_world_start(&world);
	first = challenge_advertised(&world);
	for (int i = 0; i < 3; i++)
		challenge_next_advertised(&world);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &first), -1);
	challenge_next_advertised(&world);
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &first), 104);
	fa_world_end(&world);
}

static void fill_zeros(void *context, void *octets, size_t length)
{
	(void)context;
	memset(octets, 0, length);
}

/* rfc4721-9-2: CHALLENGE_WINDOW SHOULD be at least 2; and what solicited multicasts repeat has to be new
 * some time. */
static void settings_that_cannot_be_are_refused(void **state)
{
	struct fa_world world;
	struct mip_random random = {.fill = fill_zeros};
	struct fa_core_environment environment = {.outbox = &world.outbox, .random = &random};
	struct fa_core *core = NULL;

	(void)state;
	challenge_init(&world);
	world.settings.challenge_window = 1;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -22);
	world.settings.challenge_window = FA_CHALLENGE_WINDOW_MOST + 1;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -22);
	world.settings.challenge_window = 2;
	world.settings.advertise_solicited_only = true;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -22);
	assert_null(core);
	mip_outbox_clear(&world.outbox);
}

/* rfc4721-3.2.1-1: what was advertised before the last one that the node used is used too. */
static void an_older_challenge_than_the_one_used_last_is_stale(void **state)
{
	struct fa_world world;
	struct challenge_value older, newer;

	(void)state;
	challenge_begin(&world);
	older = challenge_next_advertised(&world);
	newer = challenge_next_advertised(&world);
	challenge_register_with(&world, WITH_AAA, &newer);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &older), 106);
	fa_world_end(&world);
}

static void a_late_reply_to_an_older_request_does_not_make_the_newer_challenge_unused(void **state)
{
	struct fa_world world;
	struct fa_world_request first, second;
	struct challenge_value older, newer;

	(void)state;
	challenge_begin(&world);
	older = challenge_next_advertised(&world);
	newer = challenge_next_advertised(&world);
	first = challenge_request_of(UNKNOWN_NODE);
	assert_int_equal(challenge_code_of(&world, &first, &older), -1);
	second = challenge_request_of(UNKNOWN_NODE);
	second.fields.flags = 0;
	second.link_address = link_address(70);
	assert_int_equal(challenge_code_of(&world, &second, &newer), -1);
	challenge_reply_with(&world, &second, 0, NULL);
	challenge_reply_with(&world, &first, 0, NULL);
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &newer), 106);
	fa_world_end(&world);
}

/* rfc4721-3.2-9, rfc4721-3.2-10: without either authentication after it: silently discarded. */
static void a_challenge_without_authentication_after_it_is_dropped_in_silence(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(UNKNOWN_NODE);
	challenge_keys.with_aaa = NULL;
	assert_int_equal(challenge_code_of(&world, &request, &newest), -2);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_challenge_alone"), 1);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

static void write_foreign_first(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0,
				 challenge_keys.foreign),
		0);
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge_keys.answered.octets,
		challenge_keys.answered.length);
}

/* rfc4721-3.2-9: after, not before. */
static void an_authentication_before_the_challenge_does_not_count(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_FOREIGN);
	request.trailer = write_foreign_first;
	assert_int_equal(challenge_code_of(&world, &request, &newest), -2);
	assert_int_equal(fa_world_counter(&world, "drop_challenge_alone"), 1);
	fa_world_end(&world);
}

static void write_aaa_first(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append_challenge(writer, challenge_keys.aaa, NULL), 0);
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge_keys.answered.octets,
		challenge_keys.answered.length);
	assert_int_equal(mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0,
				 challenge_keys.foreign),
		0);
}

static void write_two_challenges(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge_keys.answered.octets,
		challenge_keys.answered.length);
	challenge_write_answer(writer);
}

static void write_home(struct mip_writer *writer)
{
	mip_authentication_write(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
}

static void write_home_behind_the_challenge(struct mip_writer *writer)
{
	struct mip_challenge challenge = {challenge_keys.answered.octets, challenge_keys.answered.length};

	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge.octets, challenge.length);
	write_home(writer);
	assert_int_equal(mip_authenticator_append_challenge(writer, challenge_keys.aaa, &challenge), 0);
}

static void write_home_behind_aaa(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append_challenge(writer, challenge_keys.aaa, NULL), 0);
	write_home(writer);
}

/* rfc4721-3.2-11: Mobile-AAA authentication before the challenge, or two of a kind, cannot be relayed as
 * they are due; rfc4721-3.1-8, rfc4721-6-3: nor what stands before the Mobile-Home authentication. */
static void extensions_in_another_order_are_poorly_formed(void **state)
{
	static const struct {
		void (*trailer)(struct mip_writer *writer);
		bool has_home; /* the Mobile-Home authentication is where the trailer puts it */
	} cases[] = {{write_aaa_first, false}, {write_two_challenges, false},
		{write_home_behind_the_challenge, true}, {write_home_behind_aaa, true}};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct fa_world world;
		struct fa_world_request request;
		struct challenge_value newest;

		challenge_begin(&world);
		newest = challenge_advertised(&world);
		request = challenge_request_of(UNKNOWN_NODE);
		request.trailer = cases[i].trailer;
		request.without_authorization = cases[i].has_home;
		assert_int_equal(challenge_code_of(&world, &request, &newest), 70);
		fa_world_end(&world);
	}
}

/* RFC 4721 3.2: an incorrect authenticator: "mobile node failed authentication", fa_bad_aaa_auth. */
static void wrong_authenticators_are_denied_with_67_and_108(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_FOREIGN);
	challenge_keys.with_foreign = challenge_keys.wrong;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 67);
	request = challenge_request_of(WITH_AAA);
	challenge_keys.with_aaa = challenge_keys.chap;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 108);
	assert_int_equal(fa_world_counter(&world, "reply_108"), 1);
	request = challenge_request_of(WITH_CHAP);
	challenge_keys.with_aaa = challenge_keys.aaa;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 108);
	assert_int_equal(fa_world_counter(&world, "security_exceptions"), 3);
	/* None of them has used the challenge. */
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	world.now.boot += 2 * MIP_SECOND;
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &newest), -1);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &newest), -1);
	assert_int_equal(challenge_code_for(&world, WITH_CHAP, &newest), -1);
	fa_world_end(&world);
}

static void a_node_with_an_aaa_key_here_must_use_it(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_AAA);
	challenge_keys.with_aaa = NULL;
	challenge_keys.with_foreign = challenge_keys.wrong; /* which nobody here can check */
	assert_int_equal(challenge_code_of(&world, &request, &newest), 67);
	fa_world_end(&world);
}

/* rfc4721-3.2-11, rfc4721-3.2-12: the challenge and the Mobile-AAA authentication stay, before the
 * Foreign-Home one. */
static void with_aaa_the_challenge_is_relayed_before_the_foreign_home_authentication(void **state)
{
	struct fa_world world;
	struct fa_home_agent_settings home_agent = {.address = address("10.1.0.1"),
		.association = challenge_association_of(4000, MIP_ALGORITHM_HMAC_MD5, '0')};
	struct fa_world_request request;
	const struct mip_output *relayed;
	struct mip_extensions extensions;
	struct mip_reader reader;
	struct challenge_value newest;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	challenge_init(&world);
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_AAA);
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	length = fa_world_write_request(&request, message);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_int_equal(relayed->length, length + 22);
	assert_memory_equal(relayed->octets, message, length);
	reader = mip_reader_of(relayed->octets, relayed->length);
	mip_read_skip(&reader, MIP_REQUEST_LENGTH);
	assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
	assert_true(extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION].offset <
		    extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check(home_agent.association, relayed->octets,
				 &extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]),
		0);
	fa_world_end(&world);
	mip_association_unref(home_agent.association);
}

/* rfc4721-3.2-13: with Mobile-Foreign authentication alone both are removed, and the identification is
 * kept: only its own reply counts. */
static void without_aaa_the_challenge_is_removed_and_the_identification_kept(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	const struct mip_output *relayed;
	struct mip_registration_reply reply;
	struct challenge_value newest;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_FOREIGN);
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	request.trailer = NULL;
	assert_int_equal(relayed->length, fa_world_write_request(&request, message));
	assert_memory_equal(relayed->octets, message, relayed->length);
	reply = fa_world_reply_to(&request);
	reply.identification++;
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_counter(&world, "drop_unexpected_reply"), 1);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_advertisement_has_a_new_challenge_of_sixteen_octets),
		TEST(without_the_setting_there_are_no_challenges),
		TEST(a_solicited_multicast_repeats_the_newest_challenge),
		TEST(solicitations_without_end_do_not_keep_the_next_challenge_away),
		TEST(a_unicast_advertisement_repeats_its_challenge_until_that_is_used),
		TEST(a_request_without_a_challenge_is_denied_with_105),
		TEST(a_retransmission_with_the_same_challenge_is_forwarded_again),
		TEST(another_request_with_a_used_challenge_is_denied_with_106),
		TEST(a_challenge_that_was_registered_with_is_used),
		TEST(a_challenge_that_was_not_offered_lately_is_denied_with_104),
		TEST(the_window_is_as_long_as_the_setting_says),
		TEST(settings_that_cannot_be_are_refused),
		TEST(an_older_challenge_than_the_one_used_last_is_stale),
		TEST(a_late_reply_to_an_older_request_does_not_make_the_newer_challenge_unused),
		TEST(a_challenge_without_authentication_after_it_is_dropped_in_silence),
		TEST(an_authentication_before_the_challenge_does_not_count),
		TEST(extensions_in_another_order_are_poorly_formed),
		TEST(wrong_authenticators_are_denied_with_67_and_108),
		TEST(a_node_with_an_aaa_key_here_must_use_it),
		TEST(with_aaa_the_challenge_is_relayed_before_the_foreign_home_authentication),
		TEST(without_aaa_the_challenge_is_removed_and_the_identification_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

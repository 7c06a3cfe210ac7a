/*
 * Challenges at a foreign agent (RFC 4721 3.3, 12): what replies bring, and what is kept of them when many ask.
 */
#include "fa_challenge_world.h"

#include <string.h>

#include "address.h"

/* --- 3.3: replies ------------------------------------------------------------------------------- */

/* rfc4721-3.3-1, -2, -3, -5: a new challenge, before the Mobile-Foreign authentication; the home agent's
 * is gone. */
static void a_reply_brings_a_new_challenge_before_the_mobile_foreign_authentication(void **state)
{
	struct fa_world world;
	struct challenge_value newest, issued, again;
	struct fa_world_request request;
	struct challenge_seen seen;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	challenge_keys.nodes[0].aaa =
		challenge_keys.aaa; /* so that the challenge is relayed, and comes back */
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	request = challenge_request_of(WITH_FOREIGN);
	challenge_keys.with_aaa = challenge_keys.aaa;
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	seen = challenge_reply_with(&world, &request, 0, &newest);
	assert_int_equal(seen.extensions.occurrences[MIP_SLOT_CHALLENGE], 1);
	assert_false(seen.extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]);
	assert_false(challenge_is_same(&seen.challenge, &newest));
	assert_true(seen.extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset <
		    seen.extensions.slot[MIP_SLOT_CHALLENGE].offset);
	assert_true(seen.extensions.slot[MIP_SLOT_CHALLENGE].offset <
		    seen.extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check(challenge_keys.foreign, seen.message,
				 &seen.extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]),
		0);
	/* It serves for the next registration, whatever has been advertised meanwhile; and once only. */
	issued = seen.challenge;
	fa_world_wait(&world, 20 * MIP_SECOND);
	again = challenge_register_with(&world, WITH_FOREIGN, &issued);
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &issued), 104);
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &again), -1);
	fa_world_end(&world);
}

/* rfc4721-3.3-1, -5: successful or not. */
static void denials_bring_an_unused_challenge(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest, given, no_such = challenge_made_up();
	struct challenge_seen seen;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	/* The foreign agent's own. */
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &no_such), 104);
	given = challenge_seen_in(&world).challenge;
	assert_true(challenge_is_same(&given, &newest));
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &given), -1);
	/* The home agent's, to one that is not known here. */
	request = challenge_request_of(UNKNOWN_NODE);
	request.fields.flags = 0;
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	seen = challenge_reply_with(&world, &request, MIP_CODE_HA_IDENTIFICATION_MISMATCH, NULL);
	assert_int_equal(seen.fields.code, 133);
	assert_false(challenge_is_same(&seen.challenge, &newest));
	assert_int_equal(seen.challenge.length, 16);
	assert_int_equal(challenge_code_for(&world, UNKNOWN_NODE, &seen.challenge), -1);
	/* Too long a lifetime from one that was verified: not used, but not offered again. */
	request = challenge_request_of(WITH_AAA);
	request.fields.lifetime = WORLD_LIFETIME_MOST + 1;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 69);
	given = challenge_seen_in(&world).challenge;
	assert_false(challenge_is_same(&given, &newest));
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &given), -1);
	fa_world_end(&world);
}

/* rfc4721-3.3-6, -7, -8, -12: the home agent's challenge must be the one of the request, if there is one;
 * else ha_wrong_challenge beside the home agent's code. */
static void another_challenge_in_the_home_agents_reply_is_error_109(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest, no_such = challenge_made_up();
	struct challenge_seen seen;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(WITH_AAA);
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	seen = challenge_reply_with(&world, &request, 0, &no_such);
	assert_int_equal(seen.fields.code, 0);
	assert_int_equal(seen.error, 109);
	assert_true(seen.extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset <
		    seen.extensions.slot[MIP_SLOT_FOREIGN_AGENT_ERROR].offset);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_world_counter(&world, "replies_refused"), 1);
	/* The same one, and none. */
	request = challenge_request_of(WITH_AAA);
	assert_int_equal(challenge_code_of(&world, &request, &seen.challenge), -1);
	newest = seen.challenge;
	seen = challenge_reply_with(&world, &request, 0, &newest);
	assert_int_equal(seen.error, 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	request = challenge_request_of(WITH_AAA);
	assert_int_equal(challenge_code_of(&world, &request, &seen.challenge), -1);
	assert_int_equal(challenge_reply_with(&world, &request, 0, NULL).error, 0);
	fa_world_end(&world);
}

/* rfc4721-3.3-10: ha_bad_aaa_auth MUST be relayed to the mobile node. */
static void code_144_is_relayed(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(UNKNOWN_NODE);
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	assert_int_equal(
		challenge_reply_with(&world, &request, MIP_CODE_HA_BAD_AAA_AUTHENTICATION, NULL).fields.code,
		144);
	assert_int_equal(fa_world_counter(&world, "reply_144"), 1);
	fa_world_end(&world);
}

static void a_node_known_by_its_nai_keeps_its_challenge_when_it_gets_a_home_address(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct mip_registration_reply reply;
	struct challenge_value newest, issued;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	request = challenge_request_of(UNKNOWN_NODE);
	request.nai = "alice@example.org";
	request.fields.home_address = (struct mip_address){0};
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	reply = fa_world_reply_to(&request);
	reply.home_address = address("10.1.0.60");
	length = fa_world_write_reply(&reply, "alice@example.org", NULL, message);
	fa_world_clear(&world);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	issued = challenge_seen_in(&world).challenge;
	request = challenge_request_of(UNKNOWN_NODE);
	request.nai = "alice@example.org";
	request.fields.home_address = address("10.1.0.60");
	assert_int_equal(challenge_code_of(&world, &request, &issued), -1);
	fa_world_end(&world);
}

/* --- 12: floods --------------------------------------------------------------------------------- */

/* rfc4721-12-4: MUST NOT allocate new storage when responding to unauthenticated requests and
 * solicitations. */
static void strangers_make_nothing_be_stored(void **state)
{
	struct fa_world world;
	struct challenge_value newest, no_such = challenge_made_up();

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	for (uint8_t i = 60; i < 200; i++) {
		assert_int_equal(challenge_code_for(&world, i, &no_such), 104);
		challenge_solicit(&world, "10.1.0.77", i);
		assert_int_equal(
			challenge_code_for(&world, i, NULL), -2); /* no second denial in the same second */
	}
	for (uint8_t i = 60; i < 100; i++)
		assert_int_equal(challenge_code_for(&world, i, &newest), -1);
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	fa_world_end(&world);
}

/* rfc4721-12-4: nor when it is the home agent that finds them out. */
static void whom_its_home_agent_does_not_know_makes_nothing_be_stored(void **state)
{
	static const uint8_t codes[] = {
		MIP_CODE_HA_NODE_FAILED_AUTHENTICATION, MIP_CODE_HA_BAD_AAA_AUTHENTICATION};
	struct fa_world world;
	struct challenge_value newest, given;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	for (uint8_t i = 60; i < 100; i++) {
		struct fa_world_request request = challenge_request_of(i);

		assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
		given = challenge_reply_with(&world, &request, codes[i % 2], NULL).challenge;
		assert_true(challenge_is_same(&given, &newest));
	}
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	fa_world_end(&world);
}

/* rfc4721-12-3, rfc4721-3.2.1-2, rfc4721-3.2.1-3: bogus requests and solicitations in a node's name do not
 * invalidate the challenge that it is about to use. */
static void strangers_do_not_invalidate_a_nodes_challenge(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest, issued, given, no_such = challenge_made_up();

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	issued = challenge_register_with(&world, WITH_AAA, &newest);
	for (uint8_t i = 100; i < 130; i++) {
		request = challenge_request_of(WITH_AAA);
		request.link_address = link_address(i);
		assert_int_equal(
			challenge_code_of(&world, &request, i & 1 ? &no_such : &newest), i & 1 ? 104 : 106);
		given = challenge_seen_in(&world).challenge;
		assert_true(challenge_is_same(&given, &issued));
		given = challenge_solicited(&world, "10.1.0.51", i);
		assert_true(challenge_is_same(&given, &issued));
		/* In its name, with its challenge, but not with its key. */
		request = challenge_request_of(WITH_AAA);
		request.link_address = link_address((uint8_t)(i + 100));
		challenge_keys.with_aaa = challenge_keys.chap;
		assert_int_equal(challenge_code_of(&world, &request, &issued), 108);
	}
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &issued), -1);
	/* Now it is used, and with it all that there was: a new one takes its place. */
	world.now.boot += 2 * MIP_SECOND;
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &no_such), 104);
	request = challenge_request_of(WITH_AAA);
	request.link_address = link_address(99);
	assert_int_equal(challenge_code_of(&world, &request, &issued), 106);
	given = challenge_seen_in(&world).challenge;
	assert_false(challenge_is_same(&given, &issued));
	assert_false(challenge_is_same(&given, &newest));
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &given), -1);
	fa_world_end(&world);
}

/* rfc4721-3.2-8: what must be remembered is not forgotten for want of room; what need not is. */
static void the_records_stay_within_their_bound(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest;
	struct challenge_seen seen;

	(void)state;
	challenge_init(&world);
	world.settings.challenges_most = 1;
	fa_world_start(&world);
	newest = challenge_advertised(&world);
	challenge_register_with(&world, WITH_AAA, &newest);
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &newest), 66);
	request = challenge_request_of(UNKNOWN_NODE);
	assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
	seen = challenge_reply_with(&world, &request, 0, NULL);
	assert_int_equal(seen.fields.code, 0);
	assert_int_equal(seen.error, 66);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &newest), 106);
	/* Once the challenge is out of the window the node that used it may be forgotten. */
	challenge_next_advertised(&world);
	newest = challenge_next_advertised(&world);
	challenge_register_with(&world, WITH_FOREIGN, &newest);
	assert_int_equal(fa_core_challenge_count(world.core), 1);
	/* Also when the bound is a lower one after a reload. */
	world.settings.challenges_most = 3;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	challenge_register_with(&world, WITH_AAA, &newest);
	challenge_register_with(&world, WITH_CHAP, &newest);
	assert_int_equal(fa_core_challenge_count(world.core), 3);
	world.settings.challenges_most = 1;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	challenge_next_advertised(&world);
	newest = challenge_next_advertised(&world);
	challenge_register_with(&world, UNKNOWN_NODE, &newest);
	assert_int_equal(fa_core_challenge_count(world.core), 1);
	fa_world_end(&world);
}

/* --- 3.2.1: which of them have been used ------------------------------------------------------ */

/* Denials a second apart. */
static void let_a_second_pass(struct fa_world *world)
{
	world->now.boot += MIP_SECOND;
}

/* rfc4721-3.2-8, rfc4721-3.2.1-1: MUST maintain the last challenge used: not the first one. */
static void the_last_challenge_used_moves_on_with_each_registration(void **state)
{
	static const uint8_t nodes[] = {WITH_FOREIGN, WITH_AAA, UNKNOWN_NODE};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(nodes); i++) {
		struct fa_world world;
		struct challenge_value first, second;

		challenge_init(&world);
		world.settings.challenge_window = 4;
		fa_world_start(&world);
		first = challenge_advertised(&world);
		challenge_register_with(&world, nodes[i], &first);
		second = challenge_next_advertised(&world);
		challenge_register_with(&world, nodes[i], &second);
		assert_int_equal(challenge_code_for(&world, nodes[i], &second), 106);
		let_a_second_pass(&world);
		assert_int_equal(challenge_code_for(&world, nodes[i], &first), 106);
		fa_world_end(&world);
	}
}

/* rfc4721-3.2-6: what was offered in the last reply is as good as what was advertised, whichever is used first. */
static void an_advertised_challenge_that_is_used_leaves_that_of_the_last_reply(void **state)
{
	struct fa_world world;
	struct challenge_value newest, issued;

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	issued = challenge_register_with(&world, WITH_AAA, &newest);
	newest = challenge_next_advertised(&world);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &newest), -1);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &issued), -1);
	fa_world_end(&world);
}

/* rfc4721-3.2.1-2, -3: a stored one that is unused, if there is one that was not in this very request; else a new one. */
static void a_denial_brings_an_advertised_challenge_that_the_node_has_not_used(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct challenge_value newest, issued, given, no_such = challenge_made_up();

	(void)state;
	challenge_begin(&world);
	newest = challenge_advertised(&world);
	issued = challenge_register_with(&world, WITH_AAA, &newest);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &issued), -1);
	newest = challenge_next_advertised(&world);
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &no_such), 104);
	given = challenge_seen_in(&world).challenge;
	assert_true(challenge_is_same(&given, &newest));
	let_a_second_pass(&world);
	request = challenge_request_of(WITH_AAA);
	request.fields.lifetime = UINT16_MAX;
	assert_int_equal(challenge_code_of(&world, &request, &newest), 69);
	given = challenge_seen_in(&world).challenge;
	assert_false(challenge_is_same(&given, &newest));
	assert_false(challenge_is_same(&given, &issued));
	assert_int_equal(challenge_code_for(&world, WITH_AAA, &given), -1);
	fa_world_end(&world);
}

/* rfc4721-3.1-2: a node with an association may leave the challenge out; it gets one all the same (rfc4721-3.3-1). */
static void a_node_that_leaves_the_challenge_out_gets_one_with_its_reply(void **state)
{
	struct fa_world world;
	struct challenge_value issued, none = {0};

	(void)state;
	challenge_begin(&world);
	issued = challenge_register_with(&world, WITH_FOREIGN, &none);
	assert_int_equal(issued.length, 16);
	assert_int_equal(challenge_code_for(&world, WITH_FOREIGN, &issued), -1);
	fa_world_end(&world);
}

/* One after the other, as many as there is room for. */
static void gather_advertised(struct fa_world *world, struct challenge_value *values, size_t count)
{
	for (size_t found = 0; found < count;) {
		fa_world_clear(world);
		fa_world_wait(world, 10 * MIP_MILLISECOND);
		found += challenge_advertisement_of(world, WORLD_VISITED, &values[found]);
	}
}

static void of_the_longest_window_nothing_older_is_remembered(void **state)
{
	enum { COUNT = 2 * FA_CHALLENGE_WINDOW_MOST };
	struct challenge_value values[COUNT];
	struct fa_world world;

	(void)state;
	challenge_init(&world);
	world.settings.challenge_window = FA_CHALLENGE_WINDOW_MOST;
	fa_world_start(&world);
	gather_advertised(&world, values, COUNT);
	assert_int_equal(
		challenge_code_for(&world, WITH_AAA, &values[COUNT - 1 - FA_CHALLENGE_WINDOW_MOST]), 104);
	assert_int_equal(
		challenge_code_for(&world, WITH_CHAP, &values[COUNT - FA_CHALLENGE_WINDOW_MOST]), -1);
	fa_world_end(&world);
}

/* Its home agent accepts; the challenge that the node gets. */
static struct challenge_value accept_named(struct fa_world *world, const struct fa_world_request *request)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, request->nai, NULL, message);

	fa_world_clear(world);
	fa_world_deliver(world, address("10.1.0.1"), message, length);
	return challenge_seen_in(world).challenge;
}

/* A solicitation has an address only: it must not lead to what has been forgotten, or belongs to the node's next one. */
static void a_solicitation_finds_the_record_of_who_has_the_address_now(void **state)
{
	struct fa_world world;
	struct challenge_value newest, given, issued;
	struct fa_world_request request;

	(void)state;
	challenge_init(&world);
	world.settings.challenges_most = 1;
	fa_world_start(&world);
	newest = challenge_advertised(&world);
	issued = challenge_register_with(&world, WITH_AAA, &newest);
	given = challenge_solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(challenge_is_same(&given, &issued));
	challenge_next_advertised(&world);
	newest = challenge_next_advertised(&world);
	challenge_register_with(&world, WITH_FOREIGN, &newest); /* in the place of the other one */
	given = challenge_solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(challenge_is_same(&given, &newest));
	fa_world_end(&world);

	challenge_begin(&world);
	for (uint8_t node = 60; node < 62; node++) {
		newest = challenge_next_advertised(&world);
		request = challenge_request_of(node);
		request.nai = "someone@example.org";
		assert_int_equal(challenge_code_of(&world, &request, &newest), -1);
		issued = accept_named(&world, &request);
	}
	given = challenge_solicited(&world, "10.1.0.60", 60);
	assert_true(challenge_is_same(&given, &newest));
	given = challenge_solicited(&world, "10.1.0.61", 61);
	assert_true(challenge_is_same(&given, &issued));
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reply_brings_a_new_challenge_before_the_mobile_foreign_authentication),
		TEST(denials_bring_an_unused_challenge),
		TEST(another_challenge_in_the_home_agents_reply_is_error_109),
		TEST(code_144_is_relayed),
		TEST(a_node_known_by_its_nai_keeps_its_challenge_when_it_gets_a_home_address),
		TEST(strangers_make_nothing_be_stored),
		TEST(whom_its_home_agent_does_not_know_makes_nothing_be_stored),
		TEST(strangers_do_not_invalidate_a_nodes_challenge),
		TEST(the_records_stay_within_their_bound),
		TEST(the_last_challenge_used_moves_on_with_each_registration),
		TEST(an_advertised_challenge_that_is_used_leaves_that_of_the_last_reply),
		TEST(a_denial_brings_an_advertised_challenge_that_the_node_has_not_used),
		TEST(a_node_that_leaves_the_challenge_out_gets_one_with_its_reply),
		TEST(of_the_longest_window_nothing_older_is_remembered),
		TEST(a_solicitation_finds_the_record_of_who_has_the_address_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Nodes that are known by their NAI (RFC 2794) and get their home address from the pool.
 */
#include "ha_test.h"

#include <string.h>

static struct ask by_name(const char *nai)
{
	struct ask ask = ha_ask_by_agent();

	ask.no_home_address = true;
	ask.nai = nai;
	return ask;
}

/* rfc3024-A.4-11: "Also, the home agent SHOULD be able to assign private addresses out of its …" */
/* rfc2794-3-3, rfc2794-3-5 */
static void a_node_without_an_address_gets_one_from_the_pool_and_its_name_back(void **state)
{
	/* rfc5944-3.8.1-4, rfc5944-3.8.3.2-7 */
	struct world *world = *state;
	struct ask ask = by_name("alice@example.org");
	const struct mip_extension *nai;
	const struct answer *answer;

	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(answer->fields.home_address, POOL_FIRST);
	nai = mip_extension_of(&answer->extensions, MIP_SLOT_NODE_NAI);
	assert_non_null(nai);
	assert_int_equal(nai->data_length, strlen("alice@example.org"));
	assert_memory_equal(nai->data, "alice@example.org", nai->data_length);
	assert_true(nai->offset < answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_true(ha_find_record(world, MIP_OUTPUT_KEEP, "pool/alice@example.org") >= 0);
	assert_string_equal(ha_only_binding(world).nai, "alice@example.org");
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0) >= 0);
}

static void a_name_is_compared_without_the_case_of_its_realm_only(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name("alice@EXAMPLE.org");

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask = by_name("Alice@example.org");
	ask.security = world->alice;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
}

static void a_node_keeps_its_address_from_one_registration_to_the_next(void **state)
{
	struct world *world = *state;
	struct ask alice = by_name("alice@example.org"), bob = by_name("bob@example.org");

	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	alice.lifetime = -1;
	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_send(world, &bob);
	assert_address_equal(ha_answer_take(world)->fields.home_address, POOL_LAST);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	alice.lifetime = 0;
	ha_ask_send(world, &alice);
	assert_address_equal(ha_answer_take(world)->fields.home_address, POOL_FIRST);
}

static void a_node_renews_by_the_address_that_it_was_given(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name("alice@example.org");

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.no_home_address = false;
	ask.home_address = POOL_FIRST;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* Even without its name. */
	ask.nai = NULL;
	ask.security = world->alice;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_core_binding_count(world->core), 1);
}

static void a_node_may_name_a_free_address_of_the_pool_and_no_other(void **state)
{
	/* rfc5944-3.8.3.2-6, rfc5944-AppF-4 */
	struct world *world = *state;
	struct ask alice = by_name("alice@example.org"), bob = by_name("bob@example.org");

	alice.no_home_address = bob.no_home_address = false;
	alice.home_address = mip_address_of(0x0a010030);
	ha_ask_expect(world, &alice, MIP_CODE_HA_PROHIBITED);
	alice.home_address = POOL_LAST;
	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	bob.home_address = POOL_LAST;
	ha_ask_expect(world, &bob, MIP_CODE_HA_PROHIBITED);
	/* What is configured for another node is not bob's either. */
	bob.home_address = NODE_ADDRESS;
	ha_ask_expect(world, &bob, MIP_CODE_HA_PROHIBITED);
	assert_address_equal(ha_only_binding(world).home_address, POOL_LAST);
	/* Nor does alice get another one, once she has this: a free one as little as somebody's. */
	ha_world_pass(world, MIP_SECOND);
	alice.home_address = POOL_FIRST;
	ha_ask_expect(world, &alice, MIP_CODE_HA_PROHIBITED);
	alice.home_address = NODE_ADDRESS;
	ha_ask_expect(world, &alice, MIP_CODE_HA_PROHIBITED);
	assert_address_equal(ha_only_binding(world).home_address, POOL_LAST);
}

static void an_exhausted_pool_takes_from_who_has_been_away_longest_and_is_code_130_when_all_are_bound(
	void **state)
{
	struct world *world = *state;
	struct ask alice = by_name("alice@example.org"), bob = by_name("bob@example.org");

	world->settings.pool_last = POOL_FIRST;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &bob, MIP_CODE_HA_INSUFFICIENT_RESOURCES);
	alice.lifetime = -1;
	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_send(world, &bob);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_address, POOL_FIRST);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "pool/alice@example.org") >= 0);
}

/* Deregistered on the home link: the address is in use there, though there is no binding. */
static void come_home(struct world *world, const char *nai)
{
	struct ask ask = ha_ask_from_home();

	ask.no_home_address = true;
	ask.nai = nai;
	ask.from_nowhere = true;
	ask.care_of = (struct mip_address){0};
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_node_at_home_is_the_last_to_lose_its_address_and_is_forgotten_on_the_link_then(void **state)
{
	struct world *world = *state;
	struct ask bob = by_name("bob@example.org"), carol = by_name("carol@example.org");
	const struct mip_want *neighbour;

	world->nodes[world->settings.node_count++] =
		(struct ha_node_settings){.nai = "carol@example.org", .association = world->bob};
	carol.security = world->bob;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	come_home(world, "alice@example.org"); /* has the first, and the longest */
	ha_ask_expect(world, &bob, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	bob.lifetime = -1;
	ha_world_pass(world, MIP_SECOND);
	ha_ask_expect(world, &bob, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_send(world, &carol);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_address, POOL_LAST);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	bob.lifetime = 0;
	ha_ask_send(world, &bob);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_address, POOL_FIRST);
	neighbour = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR, 0));
	assert_address_equal(neighbour->neighbour.address, POOL_FIRST);
}

/* rfc2794-2-1: "MUST appear in the Registration Request before […] the Mobile-Home Authentication extension":
 * behind it, anybody could have put it there. */
static void a_name_behind_the_authenticator_is_not_the_node_s(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.unknown_after = MIP_EXTENSION_NODE_NAI;
	ha_ask_send(world, &ask);
	assert_false(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)
			     ->extensions.present[MIP_SLOT_NODE_NAI]);
	ha_world_clear_outputs(world);
	ask.no_home_address = true;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
}

static void a_request_with_neither_address_nor_name_is_dropped(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name(NULL);

	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unknown_node"), 1);
}

static void a_name_does_not_speak_for_another_node_s_address(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.nai = "alice@example.org";
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void a_wrong_name_for_a_configured_address_is_code_129(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	world->nodes[0].nai = "carol@example.org";
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.nai = "mallory@example.org";
	ask.security = world->node;
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
	ask.nai = "carol@example.org";
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.no_home_address = true;
	ha_ask_send(world, &ask);
	assert_address_equal(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_address,
		NODE_ADDRESS);
}

static void a_mismatch_tells_the_home_address_too(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name("alice@example.org");

	/* rfc2794-3-5: the reply MUST include a nonzero home address. */
	ask.identification = 1;
	ha_ask_send(world, &ask);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH)->fields.home_address,
		POOL_FIRST);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* Only who is accepted takes an address from the pool: the reply to another names what it would have been given. */
static void who_is_denied_takes_no_address_from_the_pool(void **state)
{
	struct world *world = *state;
	struct ask alice = by_name("alice@example.org"), bob = by_name("bob@example.org");

	alice.identification = 1;
	ha_ask_expect(world, &alice, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	alice.identification = 0;
	alice.twice = true;
	ha_ask_expect(world, &alice, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	assert_int_equal(ha_find_record(world, MIP_OUTPUT_KEEP, "pool/alice@example.org"), -1);
	ha_ask_send(world, &bob);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_address, POOL_FIRST);
}

/* rfc2794-3-5: or a foreign agent makes another code of it. */
static void a_failed_authentication_tells_the_home_address_if_there_is_one(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name("alice@example.org");

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.security = world->wrong;
	ha_ask_send(world, &ask);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION)->fields.home_address,
		POOL_FIRST);
}

/* Its home network is no link: nobody on this one is to hear of its address. */
static void a_node_of_a_virtual_network_is_not_at_home_on_a_link(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name("alice@example.org");

	world->settings.pool_first = mip_address_of(0xac140064);
	world->settings.pool_last = mip_address_of(0xac140065);
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.framed = true;
	ask.from_nowhere = true;
	ask.lifetime = -1;
	ask.care_of = (struct mip_address){0};
	ask.link_source = ha_node_link_address;
	ha_ask_send(world, &ask);
	assert_true(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->framed);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_NEIGHBOUR, 0), -1);
	assert_int_equal(ha_count_gratuitous(world, mip_address_of(0xac140064)), 0);
}

static void a_node_without_an_address_at_home_is_answered_by_a_frame(void **state)
{
	struct world *world = *state;
	struct ask ask = by_name("alice@example.org");
	const struct answer *answer;

	ask.from_nowhere = ask.framed = true;
	ask.link_source = ha_node_link_address;
	ask.lifetime = -1;
	ask.care_of = (struct mip_address){0};
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(answer->framed);
	assert_true(mip_link_address_equal(answer->frame.destination, ha_node_link_address));
	assert_address_equal(answer->ip.destination, POOL_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_node_without_an_address_gets_one_from_the_pool_and_its_name_back),
		TEST(a_name_is_compared_without_the_case_of_its_realm_only),
		TEST(a_node_keeps_its_address_from_one_registration_to_the_next),
		TEST(a_node_renews_by_the_address_that_it_was_given),
		TEST(a_node_may_name_a_free_address_of_the_pool_and_no_other),
		TEST(an_exhausted_pool_takes_from_who_has_been_away_longest_and_is_code_130_when_all_are_bound),
		TEST(a_node_at_home_is_the_last_to_lose_its_address_and_is_forgotten_on_the_link_then),
		TEST(a_name_behind_the_authenticator_is_not_the_node_s),
		TEST(a_request_with_neither_address_nor_name_is_dropped),
		TEST(a_name_does_not_speak_for_another_node_s_address),
		TEST(a_wrong_name_for_a_configured_address_is_code_129),
		TEST(a_mismatch_tells_the_home_address_too),
		TEST(who_is_denied_takes_no_address_from_the_pool),
		TEST(a_failed_authentication_tells_the_home_address_if_there_is_one),
		TEST(a_node_of_a_virtual_network_is_not_at_home_on_a_link),
		TEST(a_node_without_an_address_at_home_is_answered_by_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

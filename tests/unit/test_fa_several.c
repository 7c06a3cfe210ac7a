/*
 * A foreign agent whose visitor has another binding elsewhere (the S bit, RFC 5944 3.6.1.2): what it relays of that wish
 * beside challenges (RFC 4721) and revocation (RFC 3543), and that its registration is one of its own.
 *
 *   home agent 10.1.0.1 ──┬── this foreign agent 10.2.0.1 ── node
 *                         └── another one, 10.3.0.1 ──────── the same node
 */
#include "fa_challenge_world.h"
#undef TEST
#include "fa_revocation_world.h"

#include "address.h"

#define ELSEWHERE address("10.3.0.1")

static int setup_with_challenges(void **state)
{
	int status = challenge_setup(state);

	if (status == 0)
		status = foreign_setup(state);
	challenge_keys.nodes[0] = (struct fa_mobile_node_settings){
		.home_address = address("10.1.0.51"), .aaa = challenge_keys.aaa};
	foreign_world.settings.challenge = true;
	foreign_world.settings.challenge_window = 2;
	foreign_world.settings.challenges_most = 100;
	foreign_world.settings.mobile_nodes = challenge_keys.nodes;
	foreign_world.settings.mobile_node_count = 1;
	assert_int_equal(
		fa_core_configure(foreign_world.core, &foreign_world.settings, foreign_world.now), 0);
	return status;
}

static int teardown_with_challenges(void **state)
{
	int status = foreign_teardown(state);

	return status < 0 ? status : challenge_teardown(state);
}

#define CHALLENGED(name)                                                                                     \
	cmocka_unit_test_setup_teardown(name, setup_with_challenges, teardown_with_challenges)

static size_t place_of(const struct sent *sent, enum mip_slot slot)
{
	const struct mip_extension *extension = mip_extension_of(&sent->extensions, slot);

	assert_non_null(extension);
	assert_int_equal(sent->extensions.occurrences[slot], 1);
	return extension->offset;
}

/* rfc4721-3.2-12, rfc3543-3.2-6, rfc5944-3.7.2.2-2: the node's part as it was, the agent's own after it, and one authenticator
 * over all of it. */
static void s_a_challenge_and_the_offer_of_revocation_go_to_the_home_agent_together(void **state)
{
	struct challenge_value challenge = challenge_next_advertised(&foreign_world);
	struct fa_world_request request = challenge_request_of(WITH_AAA);
	struct sent sent;

	(void)state;
	request.fields.flags |= MIP_REQUEST_S | MIP_REQUEST_T;
	assert_int_equal(challenge_code_of(&foreign_world, &request, &challenge), -1);
	sent = foreign_only_sent(MIP_MESSAGE_REGISTRATION_REQUEST);
	assert_int_equal(sent.octets[1] & (MIP_REQUEST_S | MIP_REQUEST_T), MIP_REQUEST_S | MIP_REQUEST_T);
	assert_true(
		place_of(&sent, MIP_SLOT_MOBILE_HOME_AUTHENTICATION) < place_of(&sent, MIP_SLOT_CHALLENGE));
	assert_true(
		place_of(&sent, MIP_SLOT_CHALLENGE) < place_of(&sent, MIP_SLOT_MOBILE_AAA_AUTHENTICATION));
	assert_true(place_of(&sent, MIP_SLOT_MOBILE_AAA_AUTHENTICATION) <
		    place_of(&sent, MIP_SLOT_REVOCATION_SUPPORT));
	assert_true(place_of(&sent, MIP_SLOT_REVOCATION_SUPPORT) <
		    place_of(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION));
	assert_true(foreign_is_authentic(&sent));
}

static void register_with_s(uint8_t code)
{
	struct fa_world_request request = foreign_next_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	request.fields.flags |= MIP_REQUEST_S;
	fa_world_send(&foreign_world, &request, message);
	reply = fa_world_reply_to(&request);
	reply.code = code;
	length = fa_world_write_reply(&reply, NULL, foreign_write_answer, message);
	fa_world_clear(&foreign_world);
	fa_world_deliver(&foreign_world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_world_code(&foreign_world), code);
	fa_world_wait(&foreign_world, 10 * MIP_SECOND);
	fa_world_clear(&foreign_world);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
}

/* rfc3543-4.2.2.2-2: "the addresses identified by the mobile node address, the foreign domain address, the home domain
 * address": whatever the home agent has elsewhere, and whether it has (codes 0 and 1). */
static void the_end_of_the_other_binding_is_not_the_end_of_this_one(void **state)
{
	static const uint8_t codes[] = {MIP_CODE_ACCEPTED, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		struct mip_revocation revocation = foreign_home_agents_revocation();

		register_with_s(codes[i]);
		revocation.foreign_domain = ELSEWHERE;
		foreign_check_dropped(&revocation, foreign_association, "drop_revocation_unknown");
		revocation = foreign_home_agents_revocation();
		foreign_deliver_revocation(&revocation, foreign_association);
		assert_int_equal(
			foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
		assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
		fa_world_wait(&foreign_world, 2 * MIP_SECOND);
		fa_world_clear(&foreign_world);
	}
}

/* Our own revocation names our care-of address, so that the home agent ends no other binding. */
static void what_this_agent_revokes_is_its_own_binding(void **state)
{
	struct sent sent;

	(void)state;
	register_with_s(MIP_CODE_ACCEPTED);
	foreign_revoke();
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	assert_true(mip_address_equal(sent.revocation.foreign_domain, address("10.2.0.1")));
	assert_false(sent.revocation.from_home_agent);
}

/* rfc5944-3.7.3.2-3: "the foreign agent MUST delete its visitor list entry for the mobile node", also when it was another
 * care-of address that was deregistered through it (3.6.1.2): what is left is between the node and its home agent. */
static void a_deregistration_of_the_other_care_of_address_ends_this_visit_too(void **state)
{
	struct fa_world_request request = foreign_next_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	register_with_s(MIP_CODE_ACCEPTED);
	request.fields.lifetime = 0;
	request.fields.care_of_address = ELSEWHERE;
	fa_world_send(&foreign_world, &request, message);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REGISTRATION_REQUEST), 1);
	reply = fa_world_reply_to(&request);
	length = fa_world_write_reply(&reply, NULL, NULL, message);
	fa_world_deliver(&foreign_world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHALLENGED(s_a_challenge_and_the_offer_of_revocation_go_to_the_home_agent_together),
		TEST(the_end_of_the_other_binding_is_not_the_end_of_this_one),
		TEST(what_this_agent_revokes_is_its_own_binding),
		TEST(a_deregistration_of_the_other_care_of_address_ends_this_visit_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Registration revocation (RFC 3543) at the home agent, in the order of the RFC's sections: what is agreed on
 * in a registration (3.2, 4.2.1), and the revocations that the home agent sends (3.3, 4.2.2.1).
 */
#include "ha_revocation_world.h"

#include <errno.h>

#include "address.h"
#include "authenticator.h"
#include "replay.h"
#include "revocation.h"

/* --- 3.2 and 4.2.1: negotiation ---------------------------------------------------------------- */

static const struct mip_extension *support_in(const struct answer *answer)
{
	return mip_extension_of(&answer->extensions, MIP_SLOT_REVOCATION_SUPPORT);
}

/* rfc3543-3.2-1, rfc3543-4.2.1-4, rfc3543-3.2-5, rfc3543-3.2-6 */
static void an_offer_is_answered_between_the_two_authenticators(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);
	const struct mip_extension *support;
	const struct answer *answer;

	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	support = support_in(answer);
	assert_non_null(support);
	assert_true(support->offset > answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_true(support->offset < answer->extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	/* I, and all that is reserved zero; our own clock, in seconds. */
	assert_int_equal(support->length, 8);
	assert_int_equal(support->data[0], 0x80);
	assert_int_equal(support->data[1], 0);
	assert_int_equal((uint32_t)support->data[2] << 24 | (uint32_t)support->data[3] << 16 |
				 (uint32_t)support->data[4] << 8 | support->data[5],
		(uint32_t)(mip_ntp_of(world->now.wall) >> 32));
	assert_true(ha_only_binding(world).revocation);
}

/* rfc3543-3.2-5: what is reserved "MUST be ignored on receiving" */
static void reserved_bits_of_an_offer_are_ignored(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);
	uint8_t message[MIP_REGISTRATION_MAX], copy[MIP_REGISTRATION_MAX];
	struct mip_writer writer = mip_writer_of(copy, sizeof(copy));
	size_t length;

	ask.foreign_home = NULL;
	length = ha_ask_build(world, &ask, message, sizeof(message));
	message[length - 6] |= 0x7f;
	message[length - 5] = 0xff;
	mip_write_octets(&writer, message, length);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, world->agent),
		0);
	ha_ask_deliver(world, &ask, copy, writer.length);
	assert_non_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
}

/* rfc3543-3.2-4, rfc3543-4.2.1-5 */
static void without_an_offer_there_is_no_answer_and_nothing_is_said_later(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, NULL);

	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	assert_false(ha_only_binding(world).revocation);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_revoke(world);
	ha_world_pass(world, 100 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

static bool answers_i(struct world *world, const struct mip_revocation_support *support)
{
	struct ask ask = home_by_agent(world, support);
	struct mip_revocation_support answered;

	ha_ask_send(world, &ask);
	assert_int_equal(
		mip_revocation_support_read(
			support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)), &answered),
		0);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	return answered.inform;
}

/* rfc3543-3.2-8, rfc3543-3.2-9 */
static void the_i_bit_is_answered_only_where_it_is_offered_and_supported(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings without = home_usual;

	assert_true(answers_i(world, &home_offer));
	assert_false(answers_i(world, &home_offer_without_i));
	without.inform_bit = false;
	home_use(world, without);
	assert_false(answers_i(world, &home_offer));
}

/* rfc3543-3.2-7: as RFC 5944 3.8.2.1 says */
static void an_offer_that_nothing_protects_is_denied_with_132(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);

	ask.support_last = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	/* An agent with which there is no association. */
	ask = ha_ask_by_agent();
	ask.support = &home_offer;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	/* For a co-located node an agent need not authenticate what it relays (rfc5944-3.5.4-3), but what it adds. */
	ask = home_by_agent(world, &home_offer);
	ask.flags |= MIP_REQUEST_D;
	ask.source = ask.care_of;
	ask.care_of = CARE_OF;
	ask.foreign_home = NULL;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	ask.support = NULL;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

/* rfc3543-3.2-10, rfc3543-7.2-1 */
static void who_takes_no_part_skips_the_extension(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);

	home_use(world, (struct mip_revocation_settings){0});
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	assert_in_range(MIP_EXTENSION_REVOCATION_SUPPORT, 128, 255);
}

/* rfc3543-4.2.1-7 */
static void a_direct_co_located_node_is_answered_under_its_own_authenticator(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);
	const struct answer *answer;

	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_non_null(support_in(answer));
	assert_true(support_in(answer)->offset <
		    answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	assert_true(ha_only_binding(world).revocation);
}

/* RFC 3543 4.3.2; rfc3543-3.2-2 */
static void with_the_d_bit_through_an_agent_or_without_it_by_the_node_nothing_is_agreed_on(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);

	ask.source = AGENT_ADDRESS;
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask = home_by_agent(world, &home_offer);
	ask.flags |= MIP_REQUEST_D;
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask = home_by_agent(world, &home_offer);
	ask.support_by_node = true;
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	assert_false(ha_only_binding(world).revocation);
}

/* --- 3.3 and 4.2.2.1: the home agent revokes ---------------------------------------------------- */

/* rfc3543-4.2.2.1-1, -2, -3, -5, rfc3543-3.3-1, rfc3543-3.3-5, rfc3543-3.3-6, rfc3543-3.3-7, rfc3543-6.2-2 */
static void the_agent_is_told_who_is_revoked_under_its_authenticator(void **state)
{
	struct world *world = *state;
	struct sent sent;

	home_registered(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	assert_address_equal(sent.datagram.source, HA_ADDRESS);
	assert_address_equal(sent.datagram.destination, AGENT_ADDRESS);
	assert_int_equal(sent.datagram.destination_port, 434);
	assert_int_equal(sent.octets[0], 7);
	assert_int_equal(sent.octets[1], 0);
	assert_int_equal(sent.octets[2], 0xc0); /* A and I */
	assert_int_equal(sent.octets[3], 0);
	assert_address_equal(sent.revocation.home_address, NODE_ADDRESS);
	assert_address_equal(sent.revocation.home_domain, HA_ADDRESS);
	assert_address_equal(sent.revocation.foreign_domain, AGENT_ADDRESS);
	assert_int_equal(sent.revocation.identifier, (uint32_t)(mip_ntp_of(world->now.wall) >> 32));
	assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	assert_false(ha_has_binding(world, NODE_ADDRESS));
	/* The kernel's state is gone too. */
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0) >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_KEEP, "revocation/10.1.0.50/10.2.0.1/10.2.0.1") >= 0);
}

/* rfc3543-3.3-2, rfc3543-3.3-3, rfc3543-4.2.2.1-3, rfc3543-4.2.2.1-4 */
static void i_is_set_only_if_it_was_agreed_on_and_the_node_is_to_know(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings silent = home_usual;

	assert_true(home_asks_to_inform(world, &home_offer));
	assert_false(home_asks_to_inform(world, &home_offer_without_i));
	silent.inform = false;
	home_use(world, silent);
	assert_false(home_asks_to_inform(world, &home_offer));
}

/* rfc3543-3.3-10, rfc3543-3.3-11: no two messages for a binding within a second */
static void a_revocation_waits_until_the_reply_is_a_second_old(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);
	uint32_t registered_at = (uint32_t)(mip_ntp_of(world->now.wall) >> 32);

	home_accept(world, &ask); /* a millisecond passes */
	home_revoke(world);
	ha_world_pass(world, 998 * MIP_MILLISECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_false(ha_has_binding(world, NODE_ADDRESS));
	ha_world_pass(world, MIP_MILLISECOND);
	assert_true(home_revocation_sent(world).revocation.identifier > registered_at);
}

/* rfc3543-3.3-6: even if the wall clock is set back, what is revoked later looks later. */
static void a_wall_clock_that_is_set_back_does_not_make_old_identifiers(void **state)
{
	struct world *world = *state;
	uint32_t registered_at = (uint32_t)(mip_ntp_of(world->now.wall) >> 32);
	uint32_t first;

	home_registered(world);
	world->now.wall -= 3600 * MIP_SECOND;
	home_revoke(world);
	first = home_revocation_sent(world).revocation.identifier;
	assert_true(first > registered_at);
	ha_world_pass(world, MIP_SECOND);
	assert_true(home_sent_of(world, MIP_MESSAGE_REVOCATION, 1).revocation.identifier > first);
}

/* rfc3543-4.2.2.1-6, -7, -8, -9 */
static void an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier(void **state)
{
	static const mip_time seconds[] = {0, 1, 3, 7, 15, 31, 63, 127};
	struct world *world = *state;
	uint32_t last = 0;
	mip_time began;

	home_registered(world);
	began = world->now.boot;
	home_revoke(world);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(seconds); i++) {
		struct sent sent;

		ha_world_pass(world, began + seconds[i] * MIP_SECOND - 1 - world->now.boot);
		assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), i + (i == 0 ? 1 : 0));
		ha_world_pass(world, 1);
		assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), i + 1);
		sent = home_sent_of(world, MIP_MESSAGE_REVOCATION, i);
		assert_true(sent.revocation.identifier > last);
		assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
		last = sent.revocation.identifier;
	}
	ha_world_pass(world, 400 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 8);
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 8);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 1);
	assert_true(ha_find_event(world, "revocation_unanswered") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1/10.2.0.1") >= 0);
}

/* rfc3543-4.2.2.1-10 */
static void nothing_is_sent_beyond_the_life_of_the_binding(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);

	ask.lifetime = 20;
	home_accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_revoke(world); /* at 10, 11, 13, 17; not at 25 */
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 4);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 1);
}

/* rfc3543-3.3-9 */
static void an_expired_registration_is_not_revoked(void **state)
{
	struct world *world = *state;
	struct ask ask = home_by_agent(world, &home_offer);

	ask.lifetime = 5;
	home_accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), -ENOENT);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	/* Nor one that will have, when the rate lets the message go. */
	ha_world_clear_outputs(world);
	ask.lifetime = 1;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	home_revoke(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

/* rfc3543-3.3-4, rfc3543-3.3-7: to the node itself */
static void a_direct_node_is_told_under_its_own_authenticator(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);
	struct sent sent;
	struct mip_revocation_ack ack;

	home_accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	assert_address_equal(sent.datagram.destination, CARE_OF);
	assert_int_equal(sent.datagram.destination_port, 434);
	assert_address_equal(sent.revocation.foreign_domain, CARE_OF);
	assert_true(sent.revocation.from_home_agent && sent.revocation.inform);
	assert_true(home_is_authentic(&sent, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	ack = home_ack_of(&sent);
	home_deliver_ack(world, CARE_OF, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 1);
}

/* The NAT lets nothing in but to the port of the request (RFC 3519). */
static void a_direct_node_behind_a_nat_is_told_by_the_nats_mapping(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);
	struct sent sent;

	ask.care_of = PRIVATE;
	ask.source = NAT_ADDRESS;
	ask.source_port = 61000;
	ask.tunnel_request = true;
	home_accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	assert_address_equal(sent.datagram.destination, NAT_ADDRESS);
	assert_int_equal(sent.datagram.destination_port, 61000);
	assert_address_equal(sent.revocation.foreign_domain, PRIVATE);
}

/* RFC 3543 1, 4.2.2.1: "the mobile node has registered with a different foreign agent": I is 0 */
static void the_agent_that_a_node_has_left_is_told_and_a_node_itself_is_not(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);
	struct sent sent;

	home_registered(world);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	sent = home_revocation_sent(world);
	assert_address_equal(sent.datagram.destination, AGENT_ADDRESS);
	assert_address_equal(sent.revocation.foreign_domain, AGENT_ADDRESS);
	assert_false(sent.revocation.inform);
	assert_address_equal(ha_only_binding(world).care_of_address, CARE_OF);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	/* Back at the agent: the retransmissions end, or they would end the new binding. */
	ask = home_by_agent(world, &home_offer);
	ha_ask_send(world, &ask);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1/10.2.0.1") >= 0);
}

static void a_node_that_comes_home_is_said_to_its_agent_unless_that_relays_it(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_from_home();

	home_registered(world);
	ha_ask_send(world, &ask);
	assert_false(home_revocation_sent(world).revocation.inform);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_registered(world);
	ask = home_by_agent(world, NULL);
	ask.foreign_home = NULL;
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

static void a_node_that_is_no_longer_configured_is_revoked(void **state)
{
	struct world *world = *state;

	home_registered(world);
	world->settings.nodes++;
	world->settings.node_count--;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
	assert_true(home_revocation_sent(world).revocation.inform);
}

/* What peers can make us remember is bounded. */
static void beyond_the_most_nobody_is_told_and_the_binding_ends_all_the_same(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings few = home_usual;

	few.most = 1;
	home_use(world, few);
	home_registered(world);
	home_revoke(world);
	struct ask ask = home_by_agent(world, &home_offer);
	ask.home_address = VIRTUAL_NODE;
	ha_ask_send(world, &ask);
	ha_world_pass(world, 2 * MIP_SECOND);
	ha_world_clear_outputs(world);
	assert_int_equal(ha_core_revoke(world->core, VIRTUAL_NODE, world->now), 0);
	ha_world_collect(world);
	assert_false(ha_has_binding(world, VIRTUAL_NODE));
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_true(world->warnings > 0);
}

/* rfc3543-3.4-2, rfc3543-4.2.3.2-5, -6: whoever revokes first, the home agent says whether the node is informed, and only if it
 * is asked. */
static void a_revocation_that_crosses_ours_is_answered_with_our_wish(void **state)
{
	struct world *world = *state;

	for (int inform = 0; inform < 2; inform++) {
		struct mip_revocation_settings settings = home_usual;
		struct mip_revocation revocation = home_agents_revocation();

		settings.inform = inform;
		home_use(world, settings);
		home_registered(world);
		home_revoke(world);
		assert_int_equal(home_revocation_sent(world).revocation.inform, inform);
		ha_world_clear_outputs(world);
		revocation.inform = true;
		home_deliver_revocation(world, &revocation, world->agent);
		assert_int_equal(home_ack_sent(world).ack.inform, inform);
		ha_world_clear_outputs(world);
		revocation.inform = false;
		revocation.identifier++;
		home_deliver_revocation(world, &revocation, world->agent);
		assert_false(home_ack_sent(world).ack.inform);
		ha_world_clear_outputs(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_offer_is_answered_between_the_two_authenticators),
		TEST(reserved_bits_of_an_offer_are_ignored),
		TEST(without_an_offer_there_is_no_answer_and_nothing_is_said_later),
		TEST(the_i_bit_is_answered_only_where_it_is_offered_and_supported),
		TEST(an_offer_that_nothing_protects_is_denied_with_132),
		TEST(who_takes_no_part_skips_the_extension),
		TEST(a_direct_co_located_node_is_answered_under_its_own_authenticator),
		TEST(with_the_d_bit_through_an_agent_or_without_it_by_the_node_nothing_is_agreed_on),
		TEST(the_agent_is_told_who_is_revoked_under_its_authenticator),
		TEST(i_is_set_only_if_it_was_agreed_on_and_the_node_is_to_know),
		TEST(a_revocation_waits_until_the_reply_is_a_second_old),
		TEST(a_wall_clock_that_is_set_back_does_not_make_old_identifiers),
		TEST(an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier),
		TEST(nothing_is_sent_beyond_the_life_of_the_binding),
		TEST(an_expired_registration_is_not_revoked),
		TEST(a_direct_node_is_told_under_its_own_authenticator),
		TEST(a_direct_node_behind_a_nat_is_told_by_the_nats_mapping),
		TEST(the_agent_that_a_node_has_left_is_told_and_a_node_itself_is_not),
		TEST(a_node_that_comes_home_is_said_to_its_agent_unless_that_relays_it),
		TEST(a_node_that_is_no_longer_configured_is_revoked),
		TEST(beyond_the_most_nobody_is_told_and_the_binding_ends_all_the_same),
		TEST(a_revocation_that_crosses_ours_is_answered_with_our_wish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Registration revocation (RFC 3543) at the home agent, in the order of the RFC's sections: what is agreed on
 * in a registration (3.2, 4.2.1), the revocations that the home agent sends (3.3, 4.2.2.1) and those that it
 * gets (4.2.3.2), acknowledgments (3.4), replay protection (3.5).
 */
#include "ha_world.h"

#include <errno.h>
#include <string.h>

#include "authenticator.h"
#include "replay.h"

#define AGENT_CLOCK 5000 /* the foreign agent's timestamps: its clock is far from ours */

static const struct mip_revocation_settings usual = {
	.enabled = true, .inform_bit = true, .inform = true, .attempts = 8, .most = 100};
static const struct mip_revocation_support offer = {.inform = true, .timestamp = AGENT_CLOCK};
static const struct mip_revocation_support offer_without_i = {.timestamp = AGENT_CLOCK};

static int setup_with(void **state, const struct mip_revocation_settings *settings)
{
	static struct world world;

	ha_world_prepare(&world);
	world.settings.revocation = *settings;
	ha_world_start(&world);
	*state = &world;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, &usual);
}

static int teardown(void **state)
{
	ha_world_end(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void use(struct world *world, struct mip_revocation_settings settings)
{
	world->settings.revocation = settings;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
}

/* By the foreign agent with which there is an association. */
static struct ask by_agent(const struct world *world, const struct mip_revocation_support *support)
{
	return (struct ask){.care_of = AGENT_ADDRESS,
		.flags = MIP_REQUEST_T,
		.source_port = 434,
		.foreign_home = world->agent,
		.support = support};
}

static struct ask direct(const struct mip_revocation_support *support)
{
	struct ask ask = ha_ask_co_located();

	ask.support = support;
	ask.support_by_node = true;
	return ask;
}

static void accept(struct world *world, const struct ask *ask)
{
	ha_ask_expect(world, ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

/* A binding by the agent that is agreed to be revocable, a while ago. */
static void registered(struct world *world)
{
	struct ask ask = by_agent(world, &offer);

	accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
}

/* --- messages among the outputs ---------------------------------------------------------------- */

struct sent {
	struct mip_output_datagram datagram;
	const uint8_t *octets;
	size_t length;
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;
};

static size_t count_of(const struct world *world, int type)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += world->outputs[i].kind == MIP_OUTPUT_DATAGRAM &&
			 mip_message_type(world->outputs[i].octets, world->outputs[i].length) == type;
	return count;
}

/* The n-th of its type. */
static struct sent sent_of(const struct world *world, int type, size_t n)
{
	struct sent sent = {0};
	struct mip_reader reader;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];

		if (output->kind != MIP_OUTPUT_DATAGRAM ||
			mip_message_type(output->octets, output->length) != type || n-- > 0)
			continue;
		sent.datagram = output->datagram;
		sent.octets = output->octets;
		sent.length = output->length;
		reader = mip_reader_of(sent.octets, sent.length);
		if (type == MIP_MESSAGE_REVOCATION)
			assert_int_equal(mip_revocation_read(&reader, &sent.revocation), 0);
		else
			assert_int_equal(mip_revocation_ack_read(&reader, &sent.ack), 0);
		assert_int_equal(mip_extensions_read(&reader, &sent.extensions), 0);
		return sent;
	}
	fail_msg("there is no such message");
	return sent;
}

static struct sent revocation_sent(const struct world *world)
{
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 1);
	return sent_of(world, MIP_MESSAGE_REVOCATION, 0);
}

static struct sent ack_sent(const struct world *world)
{
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION_ACK), 1);
	return sent_of(world, MIP_MESSAGE_REVOCATION_ACK, 0);
}

static bool is_authentic(
	const struct sent *sent, enum mip_slot slot, const struct mip_association *association)
{
	const struct mip_extension *extension = mip_extension_of(&sent->extensions, slot);

	return extension && extension->offset + extension->length == sent->length &&
	       mip_authenticator_check(association, sent->octets, extension) == 0;
}

/* --- messages of the foreign agent ------------------------------------------------------------- */

static void deliver_from(
	struct world *world, struct mip_address source, const struct mip_writer *message, uint16_t port)
{
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = source,
		.source_port = port,
		.destination = HA_ADDRESS,
		.destination_port = MIP_REGISTRATION_PORT,
		.octets = message->octets,
		.length = message->length,
	};

	assert_false(mip_writer_failed(message));
	ha_core_datagram(world->core, &datagram, world->now);
	ha_world_collect(world);
}

/* What the foreign agent sends to revoke the usual binding. */
static struct mip_revocation agents_revocation(void)
{
	return (struct mip_revocation){
		.inform = true,
		.home_address = NODE_ADDRESS,
		.home_domain = HA_ADDRESS,
		.foreign_domain = AGENT_ADDRESS,
		.identifier = AGENT_CLOCK + 10,
	};
}

static void deliver_revocation(struct world *world, const struct mip_revocation *revocation,
	const struct mip_association *association)
{
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	mip_revocation_write(&writer, revocation);
	if (association)
		assert_int_equal(mip_authenticator_append(
					 &writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, association),
			0);
	deliver_from(world, revocation->foreign_domain, &writer, 5434);
}

static void deliver_ack(struct world *world, struct mip_address source, const struct mip_revocation_ack *ack,
	uint8_t type, const struct mip_association *association)
{
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	mip_revocation_ack_write(&writer, ack);
	assert_int_equal(mip_authenticator_append(&writer, type, 0, association), 0);
	deliver_from(world, source, &writer, MIP_REGISTRATION_PORT);
}

static struct mip_revocation_ack ack_of(const struct sent *sent)
{
	return (struct mip_revocation_ack){.inform = sent->revocation.inform,
		.home_address = sent->revocation.home_address,
		.identifier = sent->revocation.identifier};
}

static void deliver_agents_ack(struct world *world, const struct mip_revocation_ack *ack)
{
	deliver_ack(world, AGENT_ADDRESS, ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, world->agent);
}

static void revoke(struct world *world)
{
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	ha_world_collect(world);
}

/* --- 3.2 and 4.2.1: negotiation ---------------------------------------------------------------- */

static const struct mip_extension *support_in(const struct answer *answer)
{
	return mip_extension_of(&answer->extensions, MIP_SLOT_REVOCATION_SUPPORT);
}

/* rfc3543-3.2-1, rfc3543-4.2.1-4, rfc3543-3.2-5, rfc3543-3.2-6 */
static void an_offer_is_answered_between_the_two_authenticators(void **state)
{
	struct world *world = *state;
	struct ask ask = by_agent(world, &offer);
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
	struct ask ask = by_agent(world, &offer);
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
	struct ask ask = by_agent(world, NULL);

	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	assert_false(ha_only_binding(world).revocation);
	ha_world_pass(world, 10 * MIP_SECOND);
	revoke(world);
	ha_world_pass(world, 100 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

static bool answers_i(struct world *world, const struct mip_revocation_support *support)
{
	struct ask ask = by_agent(world, support);
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
	struct mip_revocation_settings without = usual;

	assert_true(answers_i(world, &offer));
	assert_false(answers_i(world, &offer_without_i));
	without.inform_bit = false;
	use(world, without);
	assert_false(answers_i(world, &offer));
}

/* rfc3543-3.2-7: as RFC 5944 3.8.2.1 says */
static void an_offer_that_nothing_protects_is_denied_with_132(void **state)
{
	struct world *world = *state;
	struct ask ask = by_agent(world, &offer);

	ask.support_last = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	/* An agent with which there is no association. */
	ask = ha_ask_by_agent();
	ask.support = &offer;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* rfc3543-3.2-10, rfc3543-7.2-1 */
static void who_takes_no_part_skips_the_extension(void **state)
{
	struct world *world = *state;
	struct ask ask = by_agent(world, &offer);

	use(world, (struct mip_revocation_settings){0});
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	assert_in_range(MIP_EXTENSION_REVOCATION_SUPPORT, 128, 255);
}

/* rfc3543-4.2.1-7 */
static void a_direct_co_located_node_is_answered_under_its_own_authenticator(void **state)
{
	struct world *world = *state;
	struct ask ask = direct(&offer);
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
	struct ask ask = direct(&offer);

	ask.source = AGENT_ADDRESS;
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask = by_agent(world, &offer);
	ask.flags |= MIP_REQUEST_D;
	ha_ask_send(world, &ask);
	assert_null(support_in(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)));
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask = by_agent(world, &offer);
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

	registered(world);
	revoke(world);
	sent = revocation_sent(world);
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
	assert_true(is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	assert_false(ha_has_binding(world, NODE_ADDRESS));
	/* The kernel's state is gone too. */
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0) >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_KEEP, "revocation/10.1.0.50/10.2.0.1") >= 0);
}

static bool asks_to_inform(struct world *world, const struct mip_revocation_support *support)
{
	struct ask ask = by_agent(world, support);
	bool inform;

	accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	revoke(world);
	inform = revocation_sent(world).revocation.inform;
	ha_world_clear_outputs(world);
	return inform;
}

/* rfc3543-3.3-2, rfc3543-3.3-3, rfc3543-4.2.2.1-3, rfc3543-4.2.2.1-4 */
static void i_is_set_only_if_it_was_agreed_on_and_the_node_is_to_know(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings silent = usual;

	assert_true(asks_to_inform(world, &offer));
	assert_false(asks_to_inform(world, &offer_without_i));
	silent.inform = false;
	use(world, silent);
	assert_false(asks_to_inform(world, &offer));
}

/* rfc3543-3.3-10, rfc3543-3.3-11: no two messages for a binding within a second */
static void a_revocation_waits_until_the_reply_is_a_second_old(void **state)
{
	struct world *world = *state;
	struct ask ask = by_agent(world, &offer);
	uint32_t registered_at = (uint32_t)(mip_ntp_of(world->now.wall) >> 32);

	accept(world, &ask); /* a millisecond passes */
	revoke(world);
	ha_world_pass(world, 998 * MIP_MILLISECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_false(ha_has_binding(world, NODE_ADDRESS));
	ha_world_pass(world, MIP_MILLISECOND);
	assert_true(revocation_sent(world).revocation.identifier > registered_at);
}

/* rfc3543-3.3-6: even if the wall clock is set back, what is revoked later looks later. */
static void a_wall_clock_that_is_set_back_does_not_make_old_identifiers(void **state)
{
	struct world *world = *state;
	uint32_t registered_at = (uint32_t)(mip_ntp_of(world->now.wall) >> 32);
	uint32_t first;

	registered(world);
	world->now.wall -= 3600 * MIP_SECOND;
	revoke(world);
	first = revocation_sent(world).revocation.identifier;
	assert_true(first > registered_at);
	ha_world_pass(world, MIP_SECOND);
	assert_true(sent_of(world, MIP_MESSAGE_REVOCATION, 1).revocation.identifier > first);
}

/* rfc3543-4.2.2.1-6, -7, -8, -9 */
static void an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier(void **state)
{
	static const mip_time seconds[] = {0, 1, 3, 7, 15, 31, 63, 127};
	struct world *world = *state;
	uint32_t last = 0;
	mip_time began;

	registered(world);
	began = world->now.boot;
	revoke(world);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(seconds); i++) {
		struct sent sent;

		ha_world_pass(world, began + seconds[i] * MIP_SECOND - 1 - world->now.boot);
		assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), i + (i == 0 ? 1 : 0));
		ha_world_pass(world, 1);
		assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), i + 1);
		sent = sent_of(world, MIP_MESSAGE_REVOCATION, i);
		assert_true(sent.revocation.identifier > last);
		assert_true(is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
		last = sent.revocation.identifier;
	}
	ha_world_pass(world, 400 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 8);
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 8);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 1);
	assert_true(ha_find_event(world, "revocation_unanswered") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1") >= 0);
}

/* rfc3543-4.2.2.1-10 */
static void nothing_is_sent_beyond_the_life_of_the_binding(void **state)
{
	struct world *world = *state;
	struct ask ask = by_agent(world, &offer);

	ask.lifetime = 20;
	accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	revoke(world); /* at 10, 11, 13, 17; not at 25 */
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 4);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 1);
}

/* rfc3543-3.3-9 */
static void an_expired_registration_is_not_revoked(void **state)
{
	struct world *world = *state;
	struct ask ask = by_agent(world, &offer);

	ask.lifetime = 5;
	accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), -ENOENT);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
	/* Nor one that will have, when the rate lets the message go. */
	ha_world_clear_outputs(world);
	ask.lifetime = 1;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	revoke(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

/* rfc3543-3.3-4, rfc3543-3.3-7: to the node itself */
static void a_direct_node_is_told_under_its_own_authenticator(void **state)
{
	struct world *world = *state;
	struct ask ask = direct(&offer);
	struct sent sent;
	struct mip_revocation_ack ack;

	accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	revoke(world);
	sent = revocation_sent(world);
	assert_address_equal(sent.datagram.destination, CARE_OF);
	assert_int_equal(sent.datagram.destination_port, 434);
	assert_address_equal(sent.revocation.foreign_domain, CARE_OF);
	assert_true(sent.revocation.from_home_agent && sent.revocation.inform);
	assert_true(is_authentic(&sent, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	ack = ack_of(&sent);
	deliver_ack(world, CARE_OF, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 1);
}

/* The NAT lets nothing in but to the port of the request (RFC 3519). */
static void a_direct_node_behind_a_nat_is_told_by_the_nats_mapping(void **state)
{
	struct world *world = *state;
	struct ask ask = direct(&offer);
	struct sent sent;

	ask.care_of = PRIVATE;
	ask.source = NAT_ADDRESS;
	ask.source_port = 61000;
	ask.tunnel_request = true;
	accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	revoke(world);
	sent = revocation_sent(world);
	assert_address_equal(sent.datagram.destination, NAT_ADDRESS);
	assert_int_equal(sent.datagram.destination_port, 61000);
	assert_address_equal(sent.revocation.foreign_domain, PRIVATE);
}

/* RFC 3543 1, 4.2.2.1: "the mobile node has registered with a different foreign agent": I is 0 */
static void the_agent_that_a_node_has_left_is_told_and_a_node_itself_is_not(void **state)
{
	struct world *world = *state;
	struct ask ask = direct(&offer);
	struct sent sent;

	registered(world);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	sent = revocation_sent(world);
	assert_address_equal(sent.datagram.destination, AGENT_ADDRESS);
	assert_address_equal(sent.revocation.foreign_domain, AGENT_ADDRESS);
	assert_false(sent.revocation.inform);
	assert_address_equal(ha_only_binding(world).care_of_address, CARE_OF);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	/* Back at the agent: the retransmissions end, or they would end the new binding. */
	ask = by_agent(world, &offer);
	ha_ask_send(world, &ask);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1") >= 0);
}

static void a_node_that_comes_home_is_said_to_its_agent_unless_that_relays_it(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_from_home();

	registered(world);
	ha_ask_send(world, &ask);
	assert_false(revocation_sent(world).revocation.inform);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 10 * MIP_SECOND);
	registered(world);
	ask = by_agent(world, NULL);
	ask.foreign_home = NULL;
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

static void a_node_that_is_no_longer_configured_is_revoked(void **state)
{
	struct world *world = *state;

	registered(world);
	world->settings.nodes++;
	world->settings.node_count--;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_world_collect(world);
	assert_true(revocation_sent(world).revocation.inform);
}

/* What peers can make us remember is bounded. */
static void beyond_the_most_nobody_is_told_and_the_binding_ends_all_the_same(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings few = usual;

	few.most = 1;
	use(world, few);
	registered(world);
	revoke(world);
	struct ask ask = by_agent(world, &offer);
	ask.home_address = VIRTUAL_NODE;
	ha_ask_send(world, &ask);
	ha_world_pass(world, 2 * MIP_SECOND);
	ha_world_clear_outputs(world);
	assert_int_equal(ha_core_revoke(world->core, VIRTUAL_NODE, world->now), 0);
	ha_world_collect(world);
	assert_false(ha_has_binding(world, VIRTUAL_NODE));
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_true(world->warnings > 0);
}

/* --- 3.4, 3.5: acknowledgments ----------------------------------------------------------------- */

/* rfc3543-3.5-5, rfc3543-3.4-3 */
static void an_acknowledgment_of_any_transmission_ends_them(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	registered(world);
	revoke(world);
	sent = revocation_sent(world);
	ack = ack_of(&sent);
	ha_world_pass(world, 5 * MIP_SECOND); /* two more have left */
	deliver_agents_ack(world, &ack);
	assert_true(ha_find_event(world, "revocation_acknowledged") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1") >= 0);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 0);
}

static void still_under_way(struct world *world)
{
	size_t before = count_of(world, MIP_MESSAGE_REVOCATION);

	ha_world_pass(world, 300 * MIP_SECOND);
	assert_true(count_of(world, MIP_MESSAGE_REVOCATION) > before);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 0);
}

/* rfc3543-3.5-6: "this revocation acknowledgment message MUST be silently discarded" */
static void an_acknowledgment_of_something_else_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	registered(world);
	revoke(world);
	sent = revocation_sent(world);
	ack = ack_of(&sent);
	ack.identifier++;
	deliver_agents_ack(world, &ack);
	ack = ack_of(&sent);
	ack.home_address = NONCE_ADDRESS;
	deliver_agents_ack(world, &ack);
	ack = ack_of(&sent);
	deliver_ack(world, OTHER_AGENT, &ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, world->agent);
	assert_int_equal(ha_counter_value(world, "drop_revocation_unknown"), 3);
	still_under_way(world);
}

/* rfc3543-3.4-6, rfc3543-3.5-1 */
static void a_forged_acknowledgment_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	registered(world);
	revoke(world);
	sent = revocation_sent(world);
	ack = ack_of(&sent);
	deliver_ack(world, AGENT_ADDRESS, &ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, world->wrong);
	deliver_ack(world, AGENT_ADDRESS, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
	assert_int_equal(ha_counter_value(world, "drop_revocation_authentication"), 2);
	still_under_way(world);
}

static bool event_says_informed(const struct world *world)
{
	const struct mip_event *event;

	assert_true(ha_find_event(world, "revocation_acknowledged") >= 0);
	event = &world->outputs[ha_find_event(world, "revocation_acknowledged")].event;
	for (size_t i = 0; i < event->count; i++) {
		if (strcmp(event->fields[i].name, "informed") == 0)
			return event->fields[i].boolean;
	}
	fail_msg("the event does not say it");
	return false;
}

/* rfc3543-3.4-3: I that was not asked for "MUST be ignored" */
static void an_i_that_was_not_asked_for_is_ignored(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	registered(world);
	revoke(world);
	sent = revocation_sent(world);
	ack = ack_of(&sent);
	deliver_agents_ack(world, &ack);
	assert_true(event_says_informed(world));
	ha_world_clear_outputs(world);
	assert_false(asks_to_inform(world, &offer_without_i));
	ha_world_pass(world, MIP_SECOND);
	sent = revocation_sent(world);
	ack = ack_of(&sent);
	ack.inform = true;
	deliver_agents_ack(world, &ack);
	assert_false(event_says_informed(world));
}

/* --- 4.2.3.2: the foreign agent revokes --------------------------------------------------------- */

/* rfc3543-4.2.3.2-1, -2, -4, -5, -7, rfc3543-3.4-1, rfc3543-3.4-4, rfc3543-3.4-5, rfc3543-3.4-6 */
static void a_revocation_ends_the_binding_and_is_acknowledged(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();
	struct sent ack;

	registered(world);
	deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0) >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	ack = ack_sent(world);
	assert_address_equal(ack.datagram.source, HA_ADDRESS);
	assert_int_equal(ack.datagram.source_port, 434);
	assert_address_equal(ack.datagram.destination, AGENT_ADDRESS);
	assert_int_equal(ack.datagram.destination_port, 5434);
	assert_int_equal(ack.octets[0], 15);
	assert_int_equal(ack.octets[1], 0);
	assert_int_equal(ack.octets[2], 0x80);
	assert_int_equal(ack.octets[3], 0);
	assert_address_equal(ack.ack.home_address, NODE_ADDRESS);
	assert_int_equal(ack.ack.identifier, AGENT_CLOCK + 10);
	assert_true(is_authentic(&ack, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	assert_int_equal(ha_counter_value(world, "bindings_revoked"), 1);
}

/* rfc3543-3.3-1, rfc3543-3.3-5: reserved bits are "ignored when received" */
static void reserved_bits_of_a_revocation_are_ignored(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	registered(world);
	mip_revocation_write(&writer, &revocation);
	octets[1] = 0xff;
	octets[2] |= 0x3f;
	octets[3] = 0xff;
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, world->agent),
		0);
	deliver_from(world, AGENT_ADDRESS, &writer, 434);
	assert_int_equal(ack_sent(world).ack.identifier, revocation.identifier);
}

static bool lets_inform(struct world *world, const struct mip_revocation_support *support, bool asked)
{
	struct ask ask = by_agent(world, support);
	struct mip_revocation revocation = agents_revocation();
	bool inform;

	accept(world, &ask);
	revocation.inform = asked;
	deliver_revocation(world, &revocation, world->agent);
	inform = ack_sent(world).ack.inform;
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	return inform;
}

/* rfc3543-4.2.3.2-5, -6, rfc3543-3.4-2 */
static void i_is_acknowledged_only_if_it_was_asked_agreed_on_and_wanted(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings silent = usual;

	assert_true(lets_inform(world, &offer, true));
	assert_false(lets_inform(world, &offer, false));
	assert_false(lets_inform(world, &offer_without_i, true));
	silent.inform = false;
	use(world, silent);
	assert_false(lets_inform(world, &offer, true));
}

static void check_dropped(struct world *world, const struct mip_revocation *revocation,
	const struct mip_association *association, const char *counter)
{
	uint64_t before = ha_counter_value(world, counter);

	ha_world_clear_outputs(world);
	deliver_revocation(world, revocation, association);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION_ACK), 0);
	assert_true(ha_has_binding(world, NODE_ADDRESS));
	assert_int_equal(ha_counter_value(world, counter), before + 1);
}

/* rfc3543-3.3-8, rfc3543-3.5-1, rfc3543-4.2.3.2-1, rfc3543-6.2-1 */
static void a_revocation_without_the_agents_authenticator_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();

	registered(world);
	check_dropped(world, &revocation, NULL, "drop_revocation_authentication");
	check_dropped(world, &revocation, world->wrong, "drop_revocation_authentication");
	revocation.foreign_domain = OTHER_AGENT; /* with whom there is no association */
	check_dropped(world, &revocation, world->agent, "drop_revocation_authentication");
	assert_int_equal(world->warnings, 3);
}

/* rfc3543-3.5-3, rfc3543-3.5-4, rfc3543-4.2.3.2-1 */
static void a_reflected_revocation_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();

	registered(world);
	revocation.from_home_agent = true;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
}

/* rfc3543-4.2.3.2-3, rfc3543-3.5-2, rfc3543-3.5-4 */
static void a_revocation_that_is_not_later_than_the_registration_is_a_replay(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();

	registered(world);
	revocation.identifier = AGENT_CLOCK;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
	revocation.identifier = AGENT_CLOCK - 1;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
}

/* rfc3543-4.2.3.2-2 */
static void a_revocation_of_another_binding_touches_none(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();

	registered(world);
	revocation.home_address = VIRTUAL_NODE;
	check_dropped(world, &revocation, world->agent, "drop_revocation_unknown");
	revocation = agents_revocation();
	revocation.home_domain = OTHER_AGENT;
	check_dropped(world, &revocation, world->agent, "drop_revocation_unknown");
	/* The agent may not speak for a node that is elsewhere by now, nor for one that did not agree. */
	struct ask ask = direct(&offer);
	accept(world, &ask);
	revocation = agents_revocation();
	revocation.foreign_domain = CARE_OF;
	check_dropped(world, &revocation, world->agent, "drop_revocation_authentication");
	ha_world_pass(world, MIP_SECOND);
	ask = by_agent(world, NULL);
	accept(world, &ask);
	revocation = agents_revocation();
	check_dropped(world, &revocation, world->agent, "drop_revocation_unknown");
}

/* rfc3543-3.4-5, rfc3543-3.5-4: our acknowledgment may be lost */
static void a_repeated_revocation_is_acknowledged_again_and_a_copy_is_not(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();

	registered(world);
	deliver_revocation(world, &revocation, world->agent);
	ha_world_clear_outputs(world);
	deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION_ACK), 0);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 1);
	revocation.identifier++;
	deliver_revocation(world, &revocation, world->agent);
	assert_true(ack_sent(world).ack.inform);
	assert_int_equal(ack_sent(world).ack.identifier, revocation.identifier);
	/* A new registration is not ended by what was sent before it. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 5 * MIP_SECOND);
	struct mip_revocation_support later = {.inform = true, .timestamp = revocation.identifier + 5};
	struct ask ask = by_agent(world, &later);
	accept(world, &ask);
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
}

/* Both revoke at once: each gets its acknowledgment. */
static void revocations_that_cross_are_both_acknowledged(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();
	struct mip_revocation_ack ack;
	struct sent sent;

	registered(world);
	revoke(world);
	sent = revocation_sent(world);
	deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(ack_sent(world).ack.identifier, revocation.identifier);
	ack = ack_of(&sent);
	deliver_agents_ack(world, &ack);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 1);
}

/* rfc3543-3.5-7: equal identifiers of different agents "MUST NOT result in any of these revocation messages
 * being ignored" */
static void equal_identifiers_of_two_agents_are_two_revocations(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();
	struct ask ask;

	world->agents[1] = (struct ha_foreign_agent_settings){OTHER_AGENT, world->wrong};
	world->settings.foreign_agent_count = 2;
	use(world, usual);
	registered(world);
	ask = (struct ask){.care_of = OTHER_AGENT,
		.home_address = VIRTUAL_NODE,
		.source_port = 434,
		.foreign_home = world->wrong,
		.support = &offer};
	accept(world, &ask);
	deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(ack_sent(world).ack.identifier, revocation.identifier);
	ha_world_clear_outputs(world);
	revocation.foreign_domain = OTHER_AGENT;
	revocation.home_address = VIRTUAL_NODE;
	deliver_revocation(world, &revocation, world->wrong);
	assert_int_equal(ack_sent(world).ack.identifier, revocation.identifier);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* --- a restart --------------------------------------------------------------------------------- */

struct kept {
	char key[MIP_RECORD_KEY];
	uint8_t octets[512];
	size_t length;
};

static struct kept kept_record(const struct world *world, const char *key)
{
	int place = ha_find_record(world, MIP_OUTPUT_KEEP, key);
	struct kept kept;

	assert_true(place >= 0);
	strcpy(kept.key, key);
	kept.length = world->outputs[place].length;
	memcpy(kept.octets, world->outputs[place].octets, kept.length);
	return kept;
}

static void restart(struct world *world, const struct kept *kept)
{
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	ha_world_make(world);
	ha_core_record(world->core, kept->key, kept->octets, kept->length, world->now);
	ha_world_begin(world);
	ha_world_clear_outputs(world);
}

static void what_was_agreed_on_survives_a_restart_and_so_does_replay_protection(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();
	struct ask ask = by_agent(world, &offer);
	struct kept kept;

	ha_ask_send(world, &ask);
	kept = kept_record(world, "binding/10.1.0.50");
	restart(world, &kept);
	assert_true(ha_only_binding(world).revocation);
	revocation.identifier = AGENT_CLOCK;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
	revocation.identifier = AGENT_CLOCK + 1;
	deliver_revocation(world, &revocation, world->agent);
	assert_true(ack_sent(world).ack.inform);
}

/* rfc3543-4.2.2.1-6: it "MUST retransmit", also after it was started again */
static void a_revocation_under_way_goes_on_after_a_restart(void **state)
{
	struct world *world = *state;
	struct kept kept;
	uint32_t before;
	struct sent sent;

	registered(world);
	revoke(world);
	before = revocation_sent(world).revocation.identifier;
	kept = kept_record(world, "revocation/10.1.0.50/10.2.0.1");
	restart(world, &kept);
	ha_world_pass(world, MIP_SECOND);
	sent = revocation_sent(world);
	assert_true(sent.revocation.identifier > before);
	assert_true(sent.revocation.inform);
	assert_address_equal(sent.revocation.foreign_domain, AGENT_ADDRESS);
	assert_true(is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	/* Not beyond the life of the binding, which is 590 s by now. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 600 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 7);
}

static void a_record_whose_agent_is_no_longer_configured_is_forgotten(void **state)
{
	struct world *world = *state;
	struct kept kept;

	registered(world);
	revoke(world);
	kept = kept_record(world, "revocation/10.1.0.50/10.2.0.1");
	world->settings.foreign_agent_count = 0;
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	ha_world_make(world);
	ha_core_record(world->core, kept.key, kept.octets, kept.length, world->now);
	ha_world_begin(world);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, kept.key) >= 0);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

static void who_takes_no_part_drops_revocations(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = agents_revocation();

	registered(world);
	use(world, (struct mip_revocation_settings){0});
	check_dropped(world, &revocation, world->agent, "drop_not_a_request");
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
		TEST(an_acknowledgment_of_any_transmission_ends_them),
		TEST(an_acknowledgment_of_something_else_is_dropped),
		TEST(a_forged_acknowledgment_is_dropped),
		TEST(an_i_that_was_not_asked_for_is_ignored),
		TEST(a_revocation_ends_the_binding_and_is_acknowledged),
		TEST(reserved_bits_of_a_revocation_are_ignored),
		TEST(i_is_acknowledged_only_if_it_was_asked_agreed_on_and_wanted),
		TEST(a_revocation_without_the_agents_authenticator_is_dropped),
		TEST(a_reflected_revocation_is_dropped),
		TEST(a_revocation_that_is_not_later_than_the_registration_is_a_replay),
		TEST(a_revocation_of_another_binding_touches_none),
		TEST(a_repeated_revocation_is_acknowledged_again_and_a_copy_is_not),
		TEST(revocations_that_cross_are_both_acknowledged),
		TEST(equal_identifiers_of_two_agents_are_two_revocations),
		TEST(what_was_agreed_on_survives_a_restart_and_so_does_replay_protection),
		TEST(a_revocation_under_way_goes_on_after_a_restart),
		TEST(a_record_whose_agent_is_no_longer_configured_is_forgotten),
		TEST(who_takes_no_part_drops_revocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Registration revocation (RFC 3543) at the home agent: what comes from the other side. Acknowledgments (3.4),
 * the foreign agent's revocations (4.2.3.2), replay protection (3.5), and what a restart must not lose.
 */
#include "ha_revocation_world.h"

#include <string.h>

#include "address.h"
#include "authenticator.h"
#include "replay.h"
#include "revocation.h"

/* --- 3.4, 3.5: acknowledgments ----------------------------------------------------------------- */

/* rfc3543-3.5-5, rfc3543-3.4-3 */
static void an_acknowledgment_of_any_transmission_ends_them(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	home_registered(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	ack = home_ack_of(&sent);
	ha_world_pass(world, 5 * MIP_SECOND); /* two more have left */
	home_deliver_agents_ack(world, &ack);
	assert_true(ha_find_event(world, "revocation_acknowledged") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1/10.2.0.1") >= 0);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 0);
}

static void still_under_way(struct world *world)
{
	size_t before = home_count_of(world, MIP_MESSAGE_REVOCATION);

	ha_world_pass(world, 300 * MIP_SECOND);
	assert_true(home_count_of(world, MIP_MESSAGE_REVOCATION) > before);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 0);
}

/* rfc3543-3.5-6: "this revocation acknowledgment message MUST be silently discarded" */
static void an_acknowledgment_of_something_else_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	home_registered(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	ack = home_ack_of(&sent);
	ack.identifier++;
	home_deliver_agents_ack(world, &ack);
	ack = home_ack_of(&sent);
	ack.home_address = NONCE_ADDRESS;
	home_deliver_agents_ack(world, &ack);
	ack = home_ack_of(&sent);
	home_deliver_ack(world, OTHER_AGENT, &ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, world->agent);
	assert_int_equal(ha_counter_value(world, "drop_revocation_unknown"), 3);
	still_under_way(world);
}

/* rfc3543-3.4-6, rfc3543-3.5-1 */
static void a_forged_acknowledgment_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	home_registered(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	ack = home_ack_of(&sent);
	home_deliver_ack(world, AGENT_ADDRESS, &ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, world->wrong);
	home_deliver_ack(world, AGENT_ADDRESS, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
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

	home_registered(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	ack = home_ack_of(&sent);
	home_deliver_agents_ack(world, &ack);
	assert_true(event_says_informed(world));
	ha_world_clear_outputs(world);
	assert_false(home_asks_to_inform(world, &home_offer_without_i));
	ha_world_pass(world, MIP_SECOND);
	sent = home_revocation_sent(world);
	ack = home_ack_of(&sent);
	ack.inform = true;
	home_deliver_agents_ack(world, &ack);
	assert_false(event_says_informed(world));
}

/* --- 4.2.3.2: the foreign agent revokes --------------------------------------------------------- */

/* rfc3543-4.2.3.2-1, -2, -4, -5, -7, rfc3543-3.4-1, rfc3543-3.4-4, rfc3543-3.4-5, rfc3543-3.4-6 */
static void a_revocation_ends_the_binding_and_is_acknowledged(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct sent ack;

	home_registered(world);
	home_deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0) >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	ack = home_ack_sent(world);
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
	assert_true(home_is_authentic(&ack, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	assert_int_equal(ha_counter_value(world, "bindings_revoked"), 1);
}

/* rfc3543-3.3-1, rfc3543-3.3-5: reserved bits are "ignored when received" */
static void reserved_bits_of_a_revocation_are_ignored(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	home_registered(world);
	mip_revocation_write(&writer, &revocation);
	octets[1] = 0xff;
	octets[2] |= 0x3f;
	octets[3] = 0xff;
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, world->agent),
		0);
	home_deliver_from(world, AGENT_ADDRESS, &writer, 434);
	assert_int_equal(home_ack_sent(world).ack.identifier, revocation.identifier);
}

static bool lets_inform(struct world *world, const struct mip_revocation_support *support, bool asked)
{
	struct ask ask = home_by_agent(world, support);
	struct mip_revocation revocation = home_agents_revocation();
	bool inform;

	home_accept(world, &ask);
	revocation.inform = asked;
	home_deliver_revocation(world, &revocation, world->agent);
	inform = home_ack_sent(world).ack.inform;
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	return inform;
}

/* rfc3543-4.2.3.2-5, -6, rfc3543-3.4-2 */
static void i_is_acknowledged_only_if_it_was_asked_agreed_on_and_wanted(void **state)
{
	struct world *world = *state;
	struct mip_revocation_settings silent = home_usual;

	assert_true(lets_inform(world, &home_offer, true));
	assert_false(lets_inform(world, &home_offer, false));
	assert_false(lets_inform(world, &home_offer_without_i, true));
	silent.inform = false;
	home_use(world, silent);
	assert_false(lets_inform(world, &home_offer, true));
}

static void check_dropped(struct world *world, const struct mip_revocation *revocation,
	const struct mip_association *association, const char *counter)
{
	uint64_t before = ha_counter_value(world, counter);

	ha_world_clear_outputs(world);
	home_deliver_revocation(world, revocation, association);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION_ACK), 0);
	assert_true(ha_has_binding(world, NODE_ADDRESS));
	assert_int_equal(ha_counter_value(world, counter), before + 1);
}

/* rfc3543-3.3-8, rfc3543-3.5-1, rfc3543-4.2.3.2-1, rfc3543-6.2-1 */
static void a_revocation_without_the_agents_authenticator_is_dropped(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();

	home_registered(world);
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
	struct mip_revocation revocation = home_agents_revocation();

	home_registered(world);
	revocation.from_home_agent = true;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
}

/* rfc3543-4.2.3.2-3, rfc3543-3.5-2, rfc3543-3.5-4 */
static void a_revocation_that_is_not_later_than_the_registration_is_a_replay(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();

	home_registered(world);
	revocation.identifier = AGENT_CLOCK;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
	revocation.identifier = AGENT_CLOCK - 1;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
}

/* rfc3543-4.2.3.2-2 */
static void a_revocation_of_another_binding_touches_none(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();

	home_registered(world);
	revocation.home_address = VIRTUAL_NODE;
	check_dropped(world, &revocation, world->agent, "drop_revocation_unknown");
	revocation = home_agents_revocation();
	revocation.home_domain = OTHER_AGENT;
	check_dropped(world, &revocation, world->agent, "drop_revocation_unknown");
	/* The agent may not speak for a node that is elsewhere by now, nor for one that did not agree. */
	struct ask ask = home_direct(&home_offer);
	home_accept(world, &ask);
	revocation = home_agents_revocation();
	revocation.foreign_domain = CARE_OF;
	check_dropped(world, &revocation, world->agent, "drop_revocation_authentication");
	ha_world_pass(world, MIP_SECOND);
	ask = home_by_agent(world, NULL);
	home_accept(world, &ask);
	revocation = home_agents_revocation();
	check_dropped(world, &revocation, world->agent, "drop_revocation_unknown");
}

/* rfc3543-3.4-5, rfc3543-3.5-4: our acknowledgment may be lost */
static void a_repeated_revocation_is_acknowledged_again_and_a_copy_is_not(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();

	home_registered(world);
	home_deliver_revocation(world, &revocation, world->agent);
	ha_world_clear_outputs(world);
	home_deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION_ACK), 0);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 1);
	revocation.identifier++;
	home_deliver_revocation(world, &revocation, world->agent);
	assert_true(home_ack_sent(world).ack.inform);
	assert_int_equal(home_ack_sent(world).ack.identifier, revocation.identifier);
	/* A new registration is not ended by what was sent before it. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 5 * MIP_SECOND);
	struct mip_revocation_support later = {.inform = true, .timestamp = revocation.identifier + 5};
	struct ask ask = home_by_agent(world, &later);
	home_accept(world, &ask);
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
}

static void an_agent_is_acknowledged_so_often_in_a_second(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();

	home_use(world, (struct mip_revocation_settings){.enabled = true,
				.inform_bit = true,
				.attempts = 3,
				.most = 10,
				.acknowledgments = 3});
	home_registered(world);
	ha_world_clear_outputs(world);
	for (int i = 0; i < 100; i++) {
		revocation.identifier++;
		home_deliver_revocation(world, &revocation, world->agent);
	}
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION_ACK), 3);
	assert_int_equal(ha_counter_value(world, "drop_revocation_limit"), 97);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	revocation.identifier++;
	home_deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION_ACK), 1);
}

/* Both revoke at once: each gets its acknowledgment. */
static void revocations_that_cross_are_both_acknowledged(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct mip_revocation_ack ack;
	struct sent sent;

	home_registered(world);
	home_revoke(world);
	sent = home_revocation_sent(world);
	home_deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(home_ack_sent(world).ack.identifier, revocation.identifier);
	ack = home_ack_of(&sent);
	home_deliver_agents_ack(world, &ack);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 1);
}

/* rfc3543-3.5-7: equal identifiers of different agents "MUST NOT result in any of these revocation messages
 * being ignored" */
static void equal_identifiers_of_two_agents_are_two_revocations(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct ask ask;

	world->agents[1] = (struct ha_foreign_agent_settings){OTHER_AGENT, world->wrong};
	world->settings.foreign_agent_count = 2;
	home_use(world, home_usual);
	home_registered(world);
	ask = (struct ask){.care_of = OTHER_AGENT,
		.home_address = VIRTUAL_NODE,
		.source_port = 434,
		.foreign_home = world->wrong,
		.support = &home_offer};
	home_accept(world, &ask);
	home_deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(home_ack_sent(world).ack.identifier, revocation.identifier);
	ha_world_clear_outputs(world);
	revocation.foreign_domain = OTHER_AGENT;
	revocation.home_address = VIRTUAL_NODE;
	home_deliver_revocation(world, &revocation, world->wrong);
	assert_int_equal(home_ack_sent(world).ack.identifier, revocation.identifier);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* --- a restart --------------------------------------------------------------------------------- */

static void what_was_agreed_on_survives_a_restart_and_so_does_replay_protection(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();
	struct ask ask = home_by_agent(world, &home_offer);
	struct kept kept;

	ha_ask_send(world, &ask);
	kept = home_kept(world, "binding/10.1.0.50");
	home_restart(world, &kept);
	assert_true(ha_only_binding(world).revocation);
	revocation.identifier = AGENT_CLOCK;
	check_dropped(world, &revocation, world->agent, "drop_revocation_replay");
	revocation.identifier = AGENT_CLOCK + 1;
	home_deliver_revocation(world, &revocation, world->agent);
	assert_true(home_ack_sent(world).ack.inform);
}

/* rfc3543-4.2.2.1-6: it "MUST retransmit", also after it was started again */
static void a_revocation_under_way_goes_on_after_a_restart(void **state)
{
	struct world *world = *state;
	struct kept kept;
	uint32_t before;
	struct sent sent;

	home_registered(world);
	home_revoke(world);
	before = home_revocation_sent(world).revocation.identifier;
	kept = home_kept(world, "revocation/10.1.0.50/10.2.0.1/10.2.0.1");
	home_restart(world, &kept);
	ha_world_pass(world, MIP_SECOND);
	sent = home_revocation_sent(world);
	assert_true(sent.revocation.identifier > before);
	assert_true(sent.revocation.inform);
	assert_address_equal(sent.revocation.foreign_domain, AGENT_ADDRESS);
	assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	/* Not beyond the life of the binding, which is 590 s by now. */
	ha_world_clear_outputs(world);
	ha_world_pass(world, 600 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 7);
}

static void a_record_whose_agent_is_no_longer_configured_is_forgotten(void **state)
{
	struct world *world = *state;
	struct kept kept;

	home_registered(world);
	home_revoke(world);
	kept = home_kept(world, "revocation/10.1.0.50/10.2.0.1/10.2.0.1");
	world->settings.foreign_agent_count = 0;
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	ha_world_make(world);
	ha_core_record(world->core, kept.key, kept.octets, kept.length, world->now);
	ha_world_begin(world);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, kept.key) >= 0);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
}

static void who_takes_no_part_drops_revocations(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = home_agents_revocation();

	home_registered(world);
	home_use(world, (struct mip_revocation_settings){0});
	check_dropped(world, &revocation, world->agent, "drop_not_a_request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(an_agent_is_acknowledged_so_often_in_a_second),
		TEST(revocations_that_cross_are_both_acknowledged),
		TEST(equal_identifiers_of_two_agents_are_two_revocations),
		TEST(what_was_agreed_on_survives_a_restart_and_so_does_replay_protection),
		TEST(a_revocation_under_way_goes_on_after_a_restart),
		TEST(a_record_whose_agent_is_no_longer_configured_is_forgotten),
		TEST(who_takes_no_part_drops_revocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

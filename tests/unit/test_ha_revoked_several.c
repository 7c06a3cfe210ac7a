/*
 * Registration revocation (RFC 3543) of a node with several bindings at a time (RFC 5944 3.8.2.2, the S bit):
 * each is agreed on, revoked and acknowledged by itself.
 *
 *   10.1.0.50 ── first binding ──> 10.2.0.1, or the node itself    the copy goes where the tunnel does not,
 *             ── with S ─────────> 10.3.0.1                        and becomes the tunnel when that ends
 */
#include "ha_several_world.h"

#include <string.h>

#include "address.h"
#include "authenticator.h"
#include "revocation.h"

/* --- registrations ------------------------------------------------------------------------------ */

static struct ask ask_to_end(const struct world *world, struct mip_address by, struct mip_address care_of)
{
	struct ask ask = several_ask(world, by, 0);

	ask.care_of = care_of;
	ask.source = by;
	ask.lifetime = -1;
	ask.support = NULL;
	ask.foreign_home = NULL;
	return ask;
}

/* --- revocations --------------------------------------------------------------------------------- */

/* --- the home agent revokes ----------------------------------------------------------------------- */

/* rfc3543-4.2.2.1-1: "the home agent MUST notify the foreign domain address": that of each */
static void each_agent_is_told_with_its_own_address_and_under_its_own_authenticator(void **state)
{
	struct world *world = *state;
	struct sent sent;

	several_registered_by_both(world);
	ha_world_clear_outputs(world);
	home_revoke(world);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 2);
	sent = several_sent_to(world, AGENT_ADDRESS);
	assert_address_equal(sent.revocation.foreign_domain, AGENT_ADDRESS);
	assert_true(sent.revocation.inform);
	assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	sent = several_sent_to(world, OTHER_AGENT);
	assert_address_equal(sent.revocation.foreign_domain, OTHER_AGENT);
	assert_true(sent.revocation.inform);
	assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->wrong));
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_null(ha_kernel_has(world, MIP_WANT_TUNNEL, AGENT_ADDRESS));
	assert_null(ha_kernel_has(world, MIP_WANT_TUNNEL, OTHER_AGENT));
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 1) >= 0);
}

/* rfc3543-4.2.2.1-6: without an acknowledgment it "MUST retransmit the revocation message": its own */
static void each_is_sent_again_until_its_own_agent_acknowledges(void **state)
{
	struct world *world = *state;
	struct sent first, other;

	several_registered_by_both(world);
	ha_world_clear_outputs(world);
	home_revoke(world);
	first = several_sent_to(world, AGENT_ADDRESS);
	other = several_sent_to(world, OTHER_AGENT);
	/* The same second, so the same identifier: one agent's word is none about the other's. */
	assert_int_equal(first.revocation.identifier, other.revocation.identifier);
	several_acknowledge(world, AGENT_ADDRESS, &first);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 1);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.2.0.1/10.2.0.1") >= 0);
	assert_int_equal(
		ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.3.0.1/10.3.0.1"), -1);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 4); /* after 0, 1, 3 and 7 s */
	other = several_sent_to(world, OTHER_AGENT);
	several_acknowledge(world, OTHER_AGENT, &other);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "revocation/10.1.0.50/10.3.0.1/10.3.0.1") >= 0);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 4);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 0);
}

/* rfc3543-3.3-11: "more than one revocation message or registration message per second for the same
 * binding": what was said of another one does not count. */
static void a_message_about_one_binding_does_not_hold_back_that_of_the_other(void **state)
{
	struct world *world = *state;

	several_register_by(world, AGENT_ADDRESS, 0);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S); /* just now */
	home_revoke(world);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 0);
	ha_world_pass(world, MIP_SECOND - 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 0);
	ha_world_pass(world, 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
}

/* rfc3543-4.2.2.1-3, -4, rfc3543-3.3-2: "MUST NOT be set to '1' unless 'I' bit support was negotiated": for each
 * by itself */
static void i_is_agreed_on_for_each_binding_by_itself(void **state)
{
	struct world *world = *state;
	struct ask ask = several_ask(world, AGENT_ADDRESS, 0);

	ask.support = &home_offer_without_i;
	several_register(world, &ask);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_revoke(world);
	assert_false(several_sent_to(world, AGENT_ADDRESS).revocation.inform);
	assert_true(several_sent_to(world, OTHER_AGENT).revocation.inform);
}

/* rfc3543-4.2.1-5: it "SHOULD assume the foreign agent does not understand registration revocation" */
static void an_agent_that_takes_no_part_is_told_nothing_and_the_other_one_is(void **state)
{
	struct world *world = *state;
	struct ask ask = several_ask(world, AGENT_ADDRESS, 0);

	ask.support = NULL;
	several_register(world, &ask);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_false(several_is_agreed_at(world, AGENT_ADDRESS));
	assert_true(several_is_agreed_at(world, OTHER_AGENT));
	home_revoke(world);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 0);
	assert_in_range(several_count_to(world, OTHER_AGENT), 2, MIP_REVOKER_ATTEMPTS_MAX);
	assert_int_equal(world->warnings, 0);
}

/* rfc3543-3.3-9: "MUST NOT be sent for any registration that has expired" */
static void one_that_has_expired_is_told_to_nobody_and_the_other_one_lives_and_is(void **state)
{
	struct world *world = *state;
	struct ask brief = several_ask(world, AGENT_ADDRESS, 0);

	brief.lifetime = 30;
	several_register(world, &brief);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	ha_world_pass(world, 40 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_false(several_is_bound_at(world, AGENT_ADDRESS));
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, OTHER_AGENT));
	home_revoke(world);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 0);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
}

/* rfc3543-4.2.2.1-10: not "beyond the normal life of the binding identified by the revocation message" */
static void each_revocation_ends_with_the_life_of_its_own_binding(void **state)
{
	struct world *world = *state;
	struct ask brief = several_ask(world, AGENT_ADDRESS, 0);

	brief.lifetime = 30;
	several_register(world, &brief);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_revoke(world); /* 10 s are left of the first: at 0, 1, 3 and 7 s */
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 4);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 8);
	assert_int_equal(ha_counter_value(world, "revocations_unanswered"), 2);
}

/* --- a foreign agent revokes ----------------------------------------------------------------------- */

/* rfc3543-4.2.3.2-2: the binding "identified by the home address, the foreign domain address and the home
 * domain address" and no other */
static void the_revocation_of_the_agent_that_leads_makes_the_other_one_s_copy_the_tunnel(void **state)
{
	struct world *world = *state;

	several_registered_by_both(world);
	assert_non_null(ha_kernel_has(world, MIP_WANT_COPY, OTHER_AGENT));
	several_revoked_by(world, AGENT_ADDRESS);
	assert_address_equal(home_ack_sent(world).datagram.destination, AGENT_ADDRESS);
	assert_false(several_is_bound_at(world, AGENT_ADDRESS));
	assert_true(several_is_bound_at(world, OTHER_AGENT));
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, OTHER_AGENT));
	assert_null(ha_kernel_has(world, MIP_WANT_COPY, OTHER_AGENT));
	assert_null(ha_kernel_has(world, MIP_WANT_PEER, AGENT_ADDRESS));
	assert_non_null(ha_kernel_has(world, MIP_WANT_PEER, OTHER_AGENT));
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0), -1);
	assert_int_equal(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50"), -1);
	/* Nobody but the one that revoked is concerned. */
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(ha_counter_value(world, "bindings_revoked"), 1);
}

static void the_revocation_of_the_agent_of_the_copy_leaves_the_tunnel_alone(void **state)
{
	struct world *world = *state;

	several_registered_by_both(world);
	ha_world_clear_outputs(world);
	several_revoked_by(world, OTHER_AGENT);
	assert_address_equal(home_ack_sent(world).datagram.destination, OTHER_AGENT);
	assert_true(several_is_bound_at(world, AGENT_ADDRESS));
	assert_false(several_is_bound_at(world, OTHER_AGENT));
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0), -1);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_COPY, 0) >= 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0), -1);
}

/* rfc3543-3.5-7: "if a mobile node has simultaneous bindings with multiple foreign agents, and if revocation
 * messages are received by more than one such foreign agent "simultaneously" […] Identifier fields that
 * happen to match […] MUST NOT result in any of these revocation messages being ignored" */
static void equal_identifiers_of_both_agents_end_both_bindings(void **state)
{
	struct world *world = *state;

	several_registered_by_both(world);
	several_revoked_by(world, AGENT_ADDRESS);
	assert_int_equal(home_ack_sent(world).ack.identifier, AGENT_CLOCK + 10);
	ha_world_clear_outputs(world);
	several_revoked_by(world, OTHER_AGENT);
	assert_int_equal(home_ack_sent(world).ack.identifier, AGENT_CLOCK + 10);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 0);
}

/* rfc3543-4.2.3.2-3: "the timestamp of a registration MUST precede the revocation message (note that both of
 * those timestamps were set by the same foreign agent)": the other's clock may be elsewhere */
static void the_order_of_revocations_is_each_agent_s_own(void **state)
{
	static const struct mip_revocation_support late = {.inform = true, .timestamp = AGENT_CLOCK + 5000};
	struct world *world = *state;
	struct ask ask = several_ask(world, OTHER_AGENT, MIP_REQUEST_S);
	struct mip_revocation revocation = several_revocation_by(OTHER_AGENT);

	ask.support = &late;
	several_register_by(world, AGENT_ADDRESS, 0);
	several_register(world, &ask);
	/* Late enough for the first one's registration, too early for the other's. */
	home_deliver_revocation(world, &revocation, world->wrong);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 1);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	revocation.identifier = AGENT_CLOCK + 5001;
	home_deliver_revocation(world, &revocation, world->wrong);
	assert_false(several_is_bound_at(world, OTHER_AGENT));
	ha_world_clear_outputs(world);
	/* Earlier than that one, and yet fresh. */
	several_revoked_by(world, AGENT_ADDRESS);
	assert_int_equal(home_ack_sent(world).ack.identifier, AGENT_CLOCK + 10);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	/* Copies of either are replays. */
	home_deliver_revocation(world, &revocation, world->wrong);
	several_revoked_by(world, AGENT_ADDRESS);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 3);
}

static void an_agent_speaks_for_its_own_binding_only(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = several_revocation_by(OTHER_AGENT);

	several_registered_by_both(world);
	home_deliver_revocation(world, &revocation, world->agent);
	assert_int_equal(ha_counter_value(world, "drop_revocation_authentication"), 1);
	assert_int_equal(ha_core_binding_count(world->core), 2);
}

/* The other agent's binding goes on, and is renewed, as if nothing had been. */
static void what_goes_on_can_be_renewed_and_the_one_revoked_registered_anew(void **state)
{
	static const struct mip_revocation_support later = {.inform = true, .timestamp = AGENT_CLOCK + 20};
	struct world *world = *state;
	struct ask again = several_ask(world, AGENT_ADDRESS, MIP_REQUEST_S);

	several_registered_by_both(world);
	several_revoked_by(world, AGENT_ADDRESS);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	assert_int_equal(ha_counter_value(world, "bindings_renewed"), 1);
	again.support = &later;
	several_register(world, &again);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	/* What was sent before it does not end it. */
	several_revoked_by(world, AGENT_ADDRESS);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 1);
	assert_true(several_is_bound_at(world, AGENT_ADDRESS));
}

/* --- the node moves, or ends some of them -------------------------------------------------------- */

/* RFC 3543 1: "Notification to the previous foreign agent would allow it to reclaim resources"; 4.2.2.1: with
 * I = 0, "because it knows the mobile node has registered with a different foreign agent" */
static void without_s_the_agent_that_stays_is_not_told_and_the_other_one_is(void **state)
{
	struct world *world = *state;

	several_registered_by_both(world);
	several_register_by(world, OTHER_AGENT, 0);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 0);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_false(several_sent_to(world, AGENT_ADDRESS).revocation.inform);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	assert_true(several_is_bound_at(world, OTHER_AGENT) && several_is_agreed_at(world, OTHER_AGENT));
	/* Until it is acknowledged; the binding that stays is not touched by that. */
	struct sent sent = several_sent_to(world, AGENT_ADDRESS);
	several_acknowledge(world, AGENT_ADDRESS, &sent);
	ha_world_pass(world, 60 * MIP_SECOND);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_true(several_is_bound_at(world, OTHER_AGENT));
}

static void without_s_at_a_third_place_both_agents_are_told(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);

	several_registered_by_both(world);
	several_register(world, &ask);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
	assert_int_equal(several_count_to(world, CARE_OF), 0);
	assert_address_equal(ha_only_binding(world).care_of_address, CARE_OF);
}

static void with_s_nobody_is_told_anything(void **state)
{
	struct world *world = *state;

	several_registered_by_both(world);
	several_register_by(world, AGENT_ADDRESS, MIP_REQUEST_S);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	ha_world_pass(world, 60 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 0);
	assert_int_equal(ha_core_binding_count(world->core), 2);
}

/* RFC 5944 3.8.2.3: one more than the limit is denied, and changes nothing. */
static void a_request_that_is_denied_for_the_limit_revokes_nobody(void **state)
{
	struct world *world = *state;
	struct ask ask = home_direct(&home_offer);

	several_registered_by_both(world);
	ask.flags |= MIP_REQUEST_S;
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_HA_TOO_MANY_BINDINGS);
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 0);
	home_revoke(world);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 2);
}

/* RFC 5944 3.8.2.2: "deletes only the entry containing the specified Care-of Address" */
static void the_end_of_one_care_of_address_is_told_to_its_agent_only(void **state)
{
	struct world *world = *state;
	struct ask end = ask_to_end(world, OTHER_AGENT, AGENT_ADDRESS);

	several_registered_by_both(world);
	several_register(world, &end);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_false(several_sent_to(world, AGENT_ADDRESS).revocation.inform);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 0);
	assert_true(several_is_bound_at(world, OTHER_AGENT) && several_is_agreed_at(world, OTHER_AGENT));
	assert_non_null(ha_kernel_has(world, MIP_WANT_TUNNEL, OTHER_AGENT));
}

static void an_agent_that_relays_the_end_of_its_own_is_not_told_it(void **state)
{
	struct world *world = *state;
	struct ask end = ask_to_end(world, AGENT_ADDRESS, AGENT_ADDRESS);

	several_registered_by_both(world);
	several_register(world, &end);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_false(several_is_bound_at(world, AGENT_ADDRESS));
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 0);
}

static void the_end_of_all_is_told_to_all_but_the_one_that_relays_it(void **state)
{
	struct world *world = *state;
	struct ask home = ha_ask_from_home();
	struct ask end = ask_to_end(world, OTHER_AGENT, NODE_ADDRESS);

	several_registered_by_both(world);
	several_register(world, &home);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	several_registered_by_both(world);
	several_register(world, &end);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 0);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* A revocation that is still repeated would end what has come back meanwhile. */
static void who_comes_back_with_s_is_not_revoked_any_more(void **state)
{
	struct world *world = *state;

	several_registered_by_both(world);
	several_register_by(world, OTHER_AGENT, 0); /* 10.2.0.1 is told, and told again */
	several_register_by(world, AGENT_ADDRESS, MIP_REQUEST_S);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(ha_core_binding_count(world->core), 2);
}

/* --- by itself and through an agent --------------------------------------------------------------- */

/* rfc3543-3.3-7: the node under its own authenticator, the agent under the agents' */
static void a_direct_node_and_its_agent_are_told_each_in_its_way(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent sent;

	several_registered_directly_and_by_an_agent(world);
	ha_world_clear_outputs(world);
	home_revoke(world);
	sent = several_sent_to(world, CARE_OF);
	assert_true(home_is_authentic(&sent, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	ack = home_ack_of(&sent);
	sent = several_sent_to(world, OTHER_AGENT);
	assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->wrong));
	home_deliver_ack(world, CARE_OF, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
	several_acknowledge(world, OTHER_AGENT, &sent);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 2);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 2);
}

static void the_agent_s_revocation_leaves_the_direct_binding(void **state)
{
	struct world *world = *state;
	struct mip_revocation revocation = several_revocation_by(OTHER_AGENT);

	several_registered_directly_and_by_an_agent(world);
	/* Not even its own agent can end the direct one. */
	revocation.foreign_domain = CARE_OF;
	home_deliver_revocation(world, &revocation, world->wrong);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	several_revoked_by(world, OTHER_AGENT);
	assert_address_equal(ha_only_binding(world).care_of_address, CARE_OF);
	assert_int_equal(several_count_to(world, CARE_OF), 0);
	home_revoke(world);
	assert_int_equal(several_count_to(world, CARE_OF), 1);
}

/* Where it goes by a direct binding without S, the node knows; the agent is to. */
static void a_direct_binding_that_is_replaced_is_not_told_to_the_node(void **state)
{
	struct world *world = *state;

	several_registered_directly_and_by_an_agent(world);
	several_register_by(world, OTHER_AGENT, 0);
	ha_world_pass(world, 10 * MIP_SECOND);
	assert_int_equal(ha_counter_value(world, "revocations_sent"), 0);
	assert_address_equal(ha_only_binding(world).care_of_address, OTHER_AGENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEVERAL(each_agent_is_told_with_its_own_address_and_under_its_own_authenticator),
		SEVERAL(each_is_sent_again_until_its_own_agent_acknowledges),
		SEVERAL(a_message_about_one_binding_does_not_hold_back_that_of_the_other),
		SEVERAL(i_is_agreed_on_for_each_binding_by_itself),
		SEVERAL(an_agent_that_takes_no_part_is_told_nothing_and_the_other_one_is),
		SEVERAL(one_that_has_expired_is_told_to_nobody_and_the_other_one_lives_and_is),
		SEVERAL(each_revocation_ends_with_the_life_of_its_own_binding),
		SEVERAL(the_revocation_of_the_agent_that_leads_makes_the_other_one_s_copy_the_tunnel),
		SEVERAL(the_revocation_of_the_agent_of_the_copy_leaves_the_tunnel_alone),
		SEVERAL(equal_identifiers_of_both_agents_end_both_bindings),
		SEVERAL(the_order_of_revocations_is_each_agent_s_own),
		SEVERAL(an_agent_speaks_for_its_own_binding_only),
		SEVERAL(what_goes_on_can_be_renewed_and_the_one_revoked_registered_anew),
		SEVERAL(without_s_the_agent_that_stays_is_not_told_and_the_other_one_is),
		SEVERAL(without_s_at_a_third_place_both_agents_are_told),
		SEVERAL(with_s_nobody_is_told_anything),
		SEVERAL(a_request_that_is_denied_for_the_limit_revokes_nobody),
		SEVERAL(the_end_of_one_care_of_address_is_told_to_its_agent_only),
		SEVERAL(an_agent_that_relays_the_end_of_its_own_is_not_told_it),
		SEVERAL(the_end_of_all_is_told_to_all_but_the_one_that_relays_it),
		SEVERAL(who_comes_back_with_s_is_not_revoked_any_more),
		SEVERAL(a_direct_node_and_its_agent_are_told_each_in_its_way),
		SEVERAL(the_agent_s_revocation_leaves_the_direct_binding),
		SEVERAL(a_direct_binding_that_is_replaced_is_not_told_to_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Registration revocation (RFC 3543) of a node with several bindings: those that have their peer in common, and what
 * a restart must not lose.
 */
#include "ha_several_world.h"

#include "address.h"
#include "authenticator.h"
#include "revocation.h"

enum {
	FIRST_PORT = 61000, /* what a NAT makes of the node's ports */
	SECOND_PORT = 61001,
};

#define BESIDE mip_address_of(mip_address_number(PRIVATE) + 1) /* another interface behind the same NAT */

/* --- several bindings with one peer ---------------------------------------------------------------- */

static void register_behind_the_nat(
	struct world *world, struct mip_address care_of, uint16_t port, uint8_t flags)
{
	struct ask ask = home_direct(&home_offer);

	ask.care_of = care_of;
	ask.source = NAT_ADDRESS;
	ask.source_port = port;
	ask.tunnel_request = true;
	ask.flags |= flags;
	several_register(world, &ask);
}

static struct sent sent_to_port(const struct world *world, uint16_t port)
{
	struct sent sent;

	for (size_t n = 0; several_next_to(world, NAT_ADDRESS, &n, &sent); n++) {
		if (sent.datagram.destination_port == port)
			return sent;
	}
	fail_msg("nothing was sent to port %d", port);
	return sent;
}

/* Two interfaces of a node behind one NAT: the same address out here, and two care-of addresses. */
static void both_interfaces_behind_one_nat_are_told_and_each_acknowledges(void **state)
{
	struct world *world = *state;
	struct mip_revocation_ack ack;
	struct sent first, second;

	register_behind_the_nat(world, PRIVATE, FIRST_PORT, 0);
	register_behind_the_nat(world, BESIDE, SECOND_PORT, MIP_REQUEST_S);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	home_revoke(world);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 2);
	first = sent_to_port(world, FIRST_PORT);
	second = sent_to_port(world, SECOND_PORT);
	assert_address_equal(first.revocation.foreign_domain, PRIVATE);
	assert_address_equal(second.revocation.foreign_domain, BESIDE);
	/* An acknowledgment names the home address and the identifier only, so they must differ in that. */
	assert_int_not_equal(first.revocation.identifier, second.revocation.identifier);
	ack = home_ack_of(&second);
	home_deliver_ack(world, NAT_ADDRESS, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 2 * MIP_SECOND);
	first = home_revocation_sent(world);
	assert_int_equal(first.datagram.destination_port, FIRST_PORT);
	ack = home_ack_of(&first);
	home_deliver_ack(world, NAT_ADDRESS, &ack, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, world->node);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 300 * MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(ha_counter_value(world, "revocation_acknowledgments_received"), 2);
}

/* --- a restart ------------------------------------------------------------------------------------- */

static struct kept kept_bindings(const struct world *world)
{
	return home_kept(world, "binding/10.1.0.50");
}

/* Each with what its own agent offered: I, its clock, or no part at all. */
static void a_restart_keeps_what_was_agreed_on_for_each_binding(void **state)
{
	static const struct mip_revocation_support other = {.timestamp = AGENT_CLOCK + 500};
	struct world *world = *state;
	struct ask ask = several_ask(world, OTHER_AGENT, MIP_REQUEST_S);
	struct mip_revocation revocation = several_revocation_by(OTHER_AGENT);
	struct kept kept;

	ask.support = &other;
	several_register_by(world, AGENT_ADDRESS, 0);
	several_register(world, &ask);
	kept = kept_bindings(world);
	home_restart(world, &kept);
	assert_true(several_is_agreed_at(world, AGENT_ADDRESS) && several_is_agreed_at(world, OTHER_AGENT));
	revocation.identifier = AGENT_CLOCK + 500;
	home_deliver_revocation(world, &revocation, world->wrong);
	assert_int_equal(ha_counter_value(world, "drop_revocation_replay"), 1);
	revocation.identifier++;
	home_deliver_revocation(world, &revocation, world->wrong);
	assert_false(home_ack_sent(world).ack.inform);
	ha_world_clear_outputs(world);
	several_revoked_by(world, AGENT_ADDRESS);
	assert_true(home_ack_sent(world).ack.inform);
}

static void a_restart_does_not_make_an_agent_take_part_that_did_not(void **state)
{
	struct world *world = *state;
	struct ask ask = several_ask(world, AGENT_ADDRESS, 0);
	struct kept kept;

	ask.support = NULL;
	several_register(world, &ask);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	kept = kept_bindings(world);
	home_restart(world, &kept);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	several_revoked_by(world, AGENT_ADDRESS);
	assert_int_equal(ha_counter_value(world, "drop_revocation_unknown"), 1);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_revoke(world);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 0);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
}

/* The direct one is told by the node's authenticator also after it. */
static void a_restart_keeps_which_binding_was_direct(void **state)
{
	struct world *world = *state;
	struct kept kept;
	struct sent sent;

	several_registered_directly_and_by_an_agent(world);
	kept = kept_bindings(world);
	home_restart(world, &kept);
	ha_world_pass(world, 10 * MIP_SECOND);
	home_revoke(world);
	sent = several_sent_to(world, CARE_OF);
	assert_true(home_is_authentic(&sent, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	sent = several_sent_to(world, OTHER_AGENT);
	assert_true(home_is_authentic(&sent, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->wrong));
}

static void the_record_of_what_goes_on_is_kept_when_one_is_revoked(void **state)
{
	struct world *world = *state;
	struct kept kept;

	several_registered_by_both(world);
	ha_world_clear_outputs(world);
	several_revoked_by(world, AGENT_ADDRESS);
	kept = kept_bindings(world);
	home_restart(world, &kept);
	assert_address_equal(ha_only_binding(world).care_of_address, OTHER_AGENT);
	assert_true(ha_only_binding(world).revocation);
}

/* rfc3543-4.2.2.1-6: it "MUST retransmit", also after it was started again: those of one peer too */
static void a_restart_goes_on_with_each_revocation_under_way(void **state)
{
	struct world *world = *state;
	struct kept kept[2];

	register_behind_the_nat(world, PRIVATE, FIRST_PORT, 0);
	register_behind_the_nat(world, BESIDE, SECOND_PORT, MIP_REQUEST_S);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	home_revoke(world);
	kept[0] = home_kept(world, "revocation/10.1.0.50/198.51.100.1/192.168.1.5");
	kept[1] = home_kept(world, "revocation/10.1.0.50/198.51.100.1/192.168.1.6");
	home_restart_with(world, kept, 2);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 2);
	assert_int_not_equal(sent_to_port(world, FIRST_PORT).revocation.identifier,
		sent_to_port(world, SECOND_PORT).revocation.identifier);
}

/* rfc3543-4.2.2.1-1: what a smaller limit lets in no more is "terminating the tunnel" too */
static void a_binding_that_a_smaller_limit_leaves_out_after_a_restart_is_revoked(void **state)
{
	struct world *world = *state;
	struct kept kept;

	several_registered_by_both(world);
	kept = kept_bindings(world);
	world->settings.max_simultaneous_bindings = 1;
	home_restart_with(world, &kept, 1);
	ha_world_pass(world, MIP_SECOND);
	assert_address_equal(ha_only_binding(world).care_of_address, AGENT_ADDRESS);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 0);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
	assert_true(several_sent_to(world, OTHER_AGENT).revocation.inform);
}

static void all_agents_of_a_node_that_a_restart_no_longer_knows_are_told(void **state)
{
	struct world *world = *state;
	struct kept kept;

	several_registered_by_both(world);
	kept = kept_bindings(world);
	world->settings.nodes++;
	world->settings.node_count--;
	home_restart_with(world, &kept, 1);
	ha_world_pass(world, MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_int_equal(several_count_to(world, AGENT_ADDRESS), 1);
	assert_int_equal(several_count_to(world, OTHER_AGENT), 1);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEVERAL(both_interfaces_behind_one_nat_are_told_and_each_acknowledges),
		SEVERAL(a_restart_keeps_what_was_agreed_on_for_each_binding),
		SEVERAL(a_restart_does_not_make_an_agent_take_part_that_did_not),
		SEVERAL(a_restart_keeps_which_binding_was_direct),
		SEVERAL(the_record_of_what_goes_on_is_kept_when_one_is_revoked),
		SEVERAL(a_restart_goes_on_with_each_revocation_under_way),
		SEVERAL(a_binding_that_a_smaller_limit_leaves_out_after_a_restart_is_revoked),
		SEVERAL(all_agents_of_a_node_that_a_restart_no_longer_knows_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A home agent that is asked by nodes that leave the choice open (RFC 4433 5.3), and by those that look for
 * one by the broadcast address of their home network (RFC 5944 3.8.2.1).
 */
#include "ha_test.h"

#include <errno.h>

#define OTHER_HOME_AGENT mip_address_of(0x0a010002)
#define THIRD_HOME_AGENT mip_address_of(0x0a010003)

/* The node of the NAI, without a home address and without a home agent. */
static struct ask open_ask(const char *nai)
{
	struct ask ask = ha_ask_by_agent();

	ask.no_home_address = true;
	ask.nai = nai;
	ask.no_home_agent = true;
	return ask;
}

static const struct mip_address alternates[] = {{0}};
static struct mip_address others[2];

/* Sends on to the two others, from so many bindings on. */
static void redirect(struct world *world, size_t at)
{
	others[0] = OTHER_HOME_AGENT;
	others[1] = THIRD_HOME_AGENT;
	world->settings.alternates = others;
	world->settings.alternate_count = 2;
	world->settings.redirect_at = at;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
}

static struct mip_address redirected(const struct answer *answer)
{
	const struct mip_extension *extension =
		mip_extension_of(&answer->extensions, MIP_SLOT_REDIRECTED_HOME_AGENT);

	if (!extension)
		return (struct mip_address){0};
	/* Covered by the home agent's authenticator. */
	assert_true(extension->offset < answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	return mip_dynamic_home_agent_read(extension);
}

/* RFC 4433 5.3.1, table 1: ALL-ZERO-ONE-ADDR to a unicast address: accept, and put our own address into the
 * reply. */
static void with_all_zeroes_the_home_agent_assigns_itself(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");
	const struct answer *answer;

	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
	assert_address_equal(answer->fields.home_address, POOL_FIRST);
	assert_address_equal(answer->datagram.source, HA_ADDRESS);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->alice));
	assert_false(answer->extensions.present[MIP_SLOT_REDIRECTED_HOME_AGENT]);
	assert_int_equal(ha_core_binding_count(world->core), 1);
}

static void with_all_ones_it_does_so_too(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");

	ask.no_home_agent = false;
	ask.home_agent = mip_address_of(0xffffffff);
	ha_ask_send(world, &ask);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_agent, HA_ADDRESS);
}

/* The tunnel ends at the address that the reply named: the one that the request was sent to. */
static void the_address_that_was_asked_is_the_one_that_is_assigned(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");
	const struct answer *answer;
	int place;

	ha_world_address(world, OTHER_HOME_AGENT, 24, true);
	ha_world_collect(world);
	ha_world_clear_outputs(world);
	ask.requested = ask.destination = OTHER_HOME_AGENT;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(answer->fields.home_agent, OTHER_HOME_AGENT);
	place = ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0);
	assert_true(place >= 0);
	assert_address_equal(ha_want_at(world, place)->tunnel.local, OTHER_HOME_AGENT);
}

/* rfc4433-5.3-1: "If it does not match, the Requested HA MUST reject the Registration Request with error code
 * 136." */
static void a_requested_home_agent_that_is_not_the_destination_is_code_136(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");
	const struct answer *answer;

	ask.requested = OTHER_HOME_AGENT;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	ha_world_clear_outputs(world);
	/* … whatever the Home Agent field says. */
	ask.no_home_agent = false;
	ha_ask_expect(world, &ask, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	ask.requested = HA_ADDRESS;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

/* rfc4433-3.4.2-1: "The Redirected HA Extension MUST be included in Registration Reply when the reply code is
 * REDIRECT-HA-REQ." The Home Agent field has the address of the one that redirects (5.3). */
static void a_redirection_names_the_other_home_agents_in_turn(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");
	const struct answer *answer;

	redirect(world, 0);
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_HA_REDIRECT);
	assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
	assert_address_equal(redirected(answer), OTHER_HOME_AGENT);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->alice));
	ha_world_clear_outputs(world);
	ask = open_ask("bob@example.org");
	ha_ask_send(world, &ask);
	assert_address_equal(redirected(ha_answer_expect(world, MIP_CODE_HA_REDIRECT)), THIRD_HOME_AGENT);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	assert_address_equal(redirected(ha_answer_expect(world, MIP_CODE_HA_REDIRECT)), OTHER_HOME_AGENT);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_int_equal(ha_counter_value(world, "reply_143"), 3);
}

/* RFC 4433 4.1 step 2: for the sake of a legacy foreign agent the field has the home agent's address. */
static void a_node_behind_a_legacy_foreign_agent_is_redirected_too(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");

	redirect(world, 0);
	ask.no_home_agent = false;
	ask.requested = HA_ADDRESS;
	ha_ask_expect(world, &ask, MIP_CODE_HA_REDIRECT);
}

static void who_names_this_home_agent_is_not_redirected(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	redirect(world, 0);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

/* RFC 4433 1: "during initial registration". */
static void who_is_bound_here_stays(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	redirect(world, 0);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.lifetime = -1;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.lifetime = 0;
	ha_ask_expect(world, &ask, MIP_CODE_HA_REDIRECT);
}

static void from_so_many_bindings_on_nodes_are_sent_elsewhere(void **state)
{
	struct world *world = *state;
	struct ask alice = open_ask("alice@example.org"), bob = open_ask("bob@example.org");

	redirect(world, 1);
	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &bob, MIP_CODE_HA_REDIRECT);
}

/* In place of code 130, which is what those get that insist on this home agent. */
static void a_full_home_agent_and_a_used_up_pool_redirect(void **state)
{
	struct world *world = *state;
	struct ask alice = open_ask("alice@example.org"), bob = open_ask("bob@example.org");

	world->settings.max_bindings = 1;
	redirect(world, 100);
	ha_ask_expect(world, &alice, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &bob, MIP_CODE_HA_REDIRECT);
	bob.no_home_agent = false;
	ha_ask_expect(world, &bob, MIP_CODE_HA_INSUFFICIENT_RESOURCES);
	world->settings.max_bindings = 0;
	world->settings.pool_last = POOL_FIRST;
	redirect(world, 100);
	bob.no_home_agent = true;
	ha_ask_expect(world, &bob, MIP_CODE_HA_REDIRECT);
	bob.no_home_agent = false;
	ha_ask_expect(world, &bob, MIP_CODE_HA_INSUFFICIENT_RESOURCES);
}

/* It will get its address from the other one; rfc2794-3-5: a nonzero one is in the reply all the same. */
static void who_is_sent_elsewhere_takes_no_address_from_the_pool(void **state)
{
	struct world *world = *state;
	struct ask alice = open_ask("alice@example.org"), bob = open_ask("bob@example.org");

	redirect(world, 0);
	ha_ask_send(world, &alice);
	assert_address_equal(ha_answer_expect(world, MIP_CODE_HA_REDIRECT)->fields.home_address, POOL_FIRST);
	assert_int_equal(ha_find_record(world, MIP_OUTPUT_KEEP, "pool/alice@example.org"), -1);
	ha_world_clear_outputs(world);
	/* Nor one that it names itself. */
	alice.no_home_address = false;
	alice.home_address = POOL_FIRST;
	ha_ask_expect(world, &alice, MIP_CODE_HA_REDIRECT);
	ha_world_clear_outputs(world);
	redirect(world, 100);
	ha_ask_send(world, &bob);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.home_address, POOL_FIRST);
}

/* RFC 4433 5.3.1: "The Requested HA always performs standard validity checks on the Registration Request. If
 * there is any error, the Registration Request is rejected with error codes specified in Mobile IPv4." */
static void what_is_wrong_is_said_before_anyone_is_redirected(void **state)
{
	struct world *world = *state;
	struct ask ask = open_ask("alice@example.org");

	redirect(world, 0);
	ask.identification = 1;
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	ask.identification = 0;
	ask.security = world->wrong;
	ha_ask_expect(world, &ask, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
	ask.security = NULL;
	ask.twice = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	ask.twice = false;
	ask.no_home_address = false;
	ask.home_address = NODE_ADDRESS;
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
	ask.no_security = true;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
}

static void settings_that_lead_back_here_are_refused(void **state)
{
	struct world *world = *state;

	others[0] = HA_ADDRESS;
	world->settings.alternates = others;
	world->settings.alternate_count = 1;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), -EINVAL);
	world->settings.alternates = alternates;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), -EINVAL);
}

/* --- dynamic home agent address resolution ---------------------------------------------------- */

/* rfc5944-3.8.2.1-21: "home agents MUST deny Registration Requests that are sent to the subnet-directed
 * broadcast address of the home network"; with code 136 and its unicast address. RFC 4433 5.3.1: there is no
 * new behaviour for it. */
static void a_broadcast_is_code_136_whatever_the_field_says(void **state)
{
	struct world *world = *state;
	const struct mip_address destinations[] = {HOME_BROADCAST, mip_address_of(0xffffffff)};
	const struct mip_address fields[] = {HOME_BROADCAST, HA_ADDRESS, mip_address_of(0xffffffff)};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(destinations); i++) {
		for (size_t j = 0; j < MIP_ARRAY_SIZE(fields); j++) {
			struct ask ask = ha_ask_co_located();
			const struct answer *answer;

			ha_world_pass(world, MIP_SECOND);
			ha_world_clear_outputs(world);
			ask.destination = destinations[i];
			ask.home_agent = fields[j];
			ha_ask_send(world, &ask);
			answer = ha_answer_expect(world, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
			assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
			/* rfc5944-3.8.3.1-1: from the home agent's unicast address. */
			assert_address_equal(answer->datagram.source, HA_ADDRESS);
			assert_true(ha_answer_authentic(
				answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
		}
	}
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* Who relays to a broadcast address cannot authenticate to whoever answers; the answer is authenticated. */
static void a_foreign_agent_with_an_association_is_answered_without_its_authenticator(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.care_of = AGENT_ADDRESS;
	ask.destination = ask.home_agent = HOME_BROADCAST;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
	ha_world_clear_outputs(world);
	/* To our own address it is asked for. */
	ask.destination = ask.home_agent = HA_ADDRESS;
	ha_ask_expect(world, &ask, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_all_zeroes_the_home_agent_assigns_itself),
		TEST(with_all_ones_it_does_so_too),
		TEST(the_address_that_was_asked_is_the_one_that_is_assigned),
		TEST(a_requested_home_agent_that_is_not_the_destination_is_code_136),
		TEST(a_redirection_names_the_other_home_agents_in_turn),
		TEST(a_node_behind_a_legacy_foreign_agent_is_redirected_too),
		TEST(who_names_this_home_agent_is_not_redirected),
		TEST(who_is_bound_here_stays),
		TEST(from_so_many_bindings_on_nodes_are_sent_elsewhere),
		TEST(a_full_home_agent_and_a_used_up_pool_redirect),
		TEST(what_is_wrong_is_said_before_anyone_is_redirected),
		TEST(who_is_sent_elsewhere_takes_no_address_from_the_pool),
		TEST(settings_that_lead_back_here_are_refused),
		TEST(a_broadcast_is_code_136_whatever_the_field_says),
		TEST(a_foreign_agent_with_an_association_is_answered_without_its_authenticator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

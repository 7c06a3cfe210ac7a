/*
 * GRE and minimal encapsulation at the home agent (RFC 5944 3.3, 4.1; RFC 3024 3.4, 4.3.1; RFC 3519 3.1.4):
 * the M and G bits, what is granted and wanted for them, code 139.
 */
#include "ha_test.h"

#include <string.h>

static const struct encapsulation_case {
	uint8_t flag;
	enum mip_encapsulation encapsulation;
} cases[] = {
	{0, MIP_ENCAPSULATION_IPIP},
	{MIP_REQUEST_G, MIP_ENCAPSULATION_GRE},
	{MIP_REQUEST_M, MIP_ENCAPSULATION_MINIMAL},
};

static void configure(struct world *world, bool gre, bool minimal)
{
	world->settings.gre = gre;
	world->settings.minimal = minimal;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
}

static const struct mip_want *wanted(const struct world *world, enum mip_want_kind kind)
{
	return ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, kind, 0));
}

/* rfc3024-4.3.1-3: "… validity checks, the home agent MUST update its mobility bindings list to …" */
static void the_tunnel_is_in_the_encapsulation_that_the_bits_ask_for(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct ask by_agent = ha_ask_by_agent(), co_located = ha_ask_co_located();

		by_agent.flags |= cases[i].flag;
		ha_ask_send(world, &by_agent);
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
		assert_int_equal(
			wanted(world, MIP_WANT_TUNNEL)->tunnel.encapsulation, cases[i].encapsulation);
		assert_address_equal(wanted(world, MIP_WANT_TUNNEL)->tunnel.remote, OTHER_AGENT);
		assert_int_equal(ha_only_binding(world).encapsulation, cases[i].encapsulation);
		ha_world_pass(world, MIP_SECOND);
		ha_world_clear_outputs(world);
		co_located.flags |= cases[i].flag;
		ha_ask_send(world, &co_located);
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
		assert_int_equal(
			wanted(world, MIP_WANT_TUNNEL)->tunnel.encapsulation, cases[i].encapsulation);
		assert_address_equal(wanted(world, MIP_WANT_TUNNEL)->tunnel.remote, CARE_OF);
		ha_world_pass(world, MIP_SECOND);
		ha_world_clear_outputs(world);
	}
}

/* RFC 3024 4.1.2: acceptance is the assurance that all of them are supported. */
static void both_bits_are_gre_where_both_are_had(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.flags |= MIP_REQUEST_G | MIP_REQUEST_M;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_GRE);
	configure(world, true, false);
	ha_ask_expect(world, &ask, MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE);
	configure(world, false, true);
	ha_ask_expect(world, &ask, MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE);
}

/* rfc3024-3.4-5, rfc3024-4.3.1-1 */
static void an_encapsulation_that_is_not_had_is_code_139(void **state)
{
	struct world *world = *state;
	struct ask gre = ha_ask_by_agent(), minimal = ha_ask_by_agent();

	gre.flags |= MIP_REQUEST_G;
	minimal.flags = MIP_REQUEST_M; /* without a reverse tunnel too */
	configure(world, false, true);
	ha_ask_expect(world, &gre, MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE);
	assert_false(ha_has_binding(world, NODE_ADDRESS));
	ha_ask_expect(world, &minimal, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	configure(world, true, false);
	ha_ask_expect(world, &minimal, MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE);
	ha_ask_expect(world, &gre, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_counter_value(world, "reply_139"), 2);
}

static void a_node_that_leaves_needs_no_encapsulation(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.flags |= MIP_REQUEST_G;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	configure(world, false, false);
	ask.lifetime = -1;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_false(ha_has_binding(world, NODE_ADDRESS));
}

/* What was promised holds; the renewal is denied, and the node asks otherwise. */
static void a_reload_that_takes_gre_away_leaves_the_bindings_that_have_it(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.flags |= MIP_REQUEST_G;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	configure(world, false, false);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_GRE);
	ha_world_pass(world, MIP_SECOND);
	ha_ask_expect(world, &ask, MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_GRE);
}

static void a_renewal_in_another_encapsulation_changes_the_tunnel_in_place(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ask.flags |= MIP_REQUEST_G;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(wanted(world, MIP_WANT_TUNNEL)->tunnel.encapsulation, MIP_ENCAPSULATION_GRE);
	/* At no time is there neither. */
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0), -1);
}

/* rfc3519-3.1.4: UDP tunnelling is not needed, so the M and G flags determine the encapsulation … */
static void a_declined_udp_tunnel_leaves_the_choice_to_the_bits(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.flags |= MIP_REQUEST_G;
	ask.tunnel_request = true;
	ask.tunnel_encapsulation = MIP_PROTOCOL_IPIP;
	ha_ask_send(world, &ask);
	assert_true(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)
			    ->extensions.present[MIP_SLOT_UDP_TUNNEL_REPLY]);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_GRE);
}

/* … and behind a NAT the Encapsulation field does, whatever GRE is had. */
static void behind_a_nat_the_field_goes_before_the_bits(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	configure(world, false, false);
	ask.flags |= MIP_REQUEST_G;
	ask.care_of = PRIVATE;
	ask.source = NAT_ADDRESS;
	ask.tunnel_request = true;
	ask.tunnel_encapsulation = MIP_PROTOCOL_IPIP;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_UDP);
	configure(world, true, true);
	ask.tunnel_encapsulation = 0;
	ha_ask_expect(world, &ask, MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_tunnel_is_in_the_encapsulation_that_the_bits_ask_for),
		TEST(both_bits_are_gre_where_both_are_had),
		TEST(an_encapsulation_that_is_not_had_is_code_139),
		TEST(a_node_that_leaves_needs_no_encapsulation),
		TEST(a_reload_that_takes_gre_away_leaves_the_bindings_that_have_it),
		TEST(a_renewal_in_another_encapsulation_changes_the_tunnel_in_place),
		TEST(a_declined_udp_tunnel_leaves_the_choice_to_the_bits),
		TEST(behind_a_nat_the_field_goes_before_the_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

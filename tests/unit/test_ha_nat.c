/*
 * NAT traversal (RFC 3519) as the home agent does it: when a tunnel goes in UDP, and what is denied.
 */
#include "ha_test.h"

static struct ask behind_nat(void)
{
	return (struct ask){
		.care_of = PRIVATE,
		.flags = MIP_REQUEST_D | MIP_REQUEST_T,
		.source = NAT_ADDRESS,
		.source_port = 61000,
		.tunnel_request = true,
	};
}

static struct mip_udp_tunnel_reply tunnel_reply(const struct answer *answer)
{
	const struct mip_extension *extension =
		mip_extension_of(&answer->extensions, MIP_SLOT_UDP_TUNNEL_REPLY);
	struct mip_udp_tunnel_reply reply = {0};

	assert_non_null(extension);
	assert_int_equal(mip_udp_tunnel_reply_read(extension, &reply), 0);
	return reply;
}

static bool is_before_authentication(const struct answer *answer)
{
	return answer->extensions.slot[MIP_SLOT_UDP_TUNNEL_REPLY].offset <
	       answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset;
}

static void use(struct world *world, enum ha_udp_tunnel udp_tunnel)
{
	world->settings.udp_tunnel = udp_tunnel;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
}

static void a_node_behind_a_nat_gets_a_tunnel_in_udp_to_where_it_came_from(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();
	const struct answer *answer;
	const struct mip_want *want;

	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(answer->datagram.destination, NAT_ADDRESS);
	assert_int_equal(answer->datagram.destination_port, 61000);
	assert_int_equal(tunnel_reply(answer).code, 0);
	assert_false(tunnel_reply(answer).forced);
	assert_int_equal(tunnel_reply(answer).keepalive_interval, 110);
	assert_true(is_before_authentication(answer));
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0));
	assert_int_equal(want->tunnel.encapsulation, MIP_ENCAPSULATION_UDP);
	assert_address_equal(want->tunnel.remote, NAT_ADDRESS);
	assert_int_equal(want->tunnel.remote_port, 61000);
	assert_address_equal(want->tunnel.local, HA_ADDRESS);
	assert_int_equal(want->tunnel.local_port, 434);
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER, 0));
	assert_int_equal(want->peer.remote_port, 61000);
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE, 0));
	assert_int_equal(want->route.mtu, 1468);
	assert_address_equal(ha_only_binding(world).care_of_address, PRIVATE);
	assert_address_equal(ha_only_binding(world).source, NAT_ADDRESS);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_UDP);
}

static void without_a_nat_the_request_for_udp_is_declined_and_the_tunnel_is_ip_in_ip(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();
	const struct answer *answer;

	ask.care_of = ask.source = CARE_OF;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_in_range(tunnel_reply(answer).code, 64, 255);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_IPIP);
}

static void a_forced_tunnel_is_granted_without_a_nat_and_says_that_it_is_forced(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();
	const struct answer *answer;

	ask.care_of = ask.source = CARE_OF;
	ask.tunnel_force = true;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(tunnel_reply(answer).code, 0);
	assert_true(tunnel_reply(answer).forced);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_UDP);
}

static void a_forced_tunnel_is_code_129_where_only_nats_count(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	use(world, HA_UDP_TUNNEL_NAT_ONLY);
	ask.care_of = ask.source = CARE_OF;
	ask.tunnel_force = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
	ask = behind_nat();
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void where_udp_is_refused_a_nat_is_code_129_and_no_nat_is_a_declined_request(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	use(world, HA_UDP_TUNNEL_REFUSED);
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
	ask.care_of = ask.source = CARE_OF;
	ha_ask_send(world, &ask);
	assert_int_equal(tunnel_reply(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)).code, 64);
}

static void a_node_that_does_not_ask_for_udp_gets_none_whatever_its_source(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	/* A co-located care-of address registered through a foreign agent (its 'R' bit). */
	ask.source = OTHER_AGENT;
	ask.source_port = 434;
	ha_ask_send(world, &ask);
	assert_false(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)
			     ->extensions.present[MIP_SLOT_UDP_TUNNEL_REPLY]);
	assert_address_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0))->tunnel.remote,
		CARE_OF);
}

static void a_foreign_agent_behind_a_nat_gets_its_answer_after_the_node_s_authentication(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();
	const struct answer *answer;

	ask.flags = MIP_REQUEST_T;
	ask.tunnel_by_agent = true;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(tunnel_reply(answer).code, 0);
	assert_false(is_before_authentication(answer));
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_UDP);
}

static void a_tunnel_request_on_the_wrong_side_of_the_d_bit_is_code_134(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ask.flags = MIP_REQUEST_T;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	ask = behind_nat();
	ask.tunnel_by_agent = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
}

static void a_tunnel_request_with_reserved_bits_is_skipped(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ask.tunnel_reserved = true;
	ha_ask_send(world, &ask);
	assert_false(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)
			     ->extensions.present[MIP_SLOT_UDP_TUNNEL_REPLY]);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_IPIP);
}

static void an_encapsulation_in_udp_that_is_not_had_is_code_142(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ask.tunnel_encapsulation = MIP_PROTOCOL_GRE;
	ha_ask_expect(world, &ask, MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE);
	ask.tunnel_encapsulation = 0;
	ask.flags |= MIP_REQUEST_M;
	ha_ask_expect(world, &ask, MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE);
	/* The field goes before the bits. */
	ask.tunnel_encapsulation = MIP_PROTOCOL_IPIP;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_renewal_by_another_port_moves_the_tunnel_and_keeps_the_old_peer_for_a_while(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ask.source_port = 61001;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0))
				 ->tunnel.remote_port,
		61001);
	ha_world_pass(world, 4 * MIP_SECOND);
	assert_int_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0))->peer.remote_port,
		61000);
	assert_int_equal(ha_only_binding(world).source_port, 61001);
}

static void a_node_that_registers_another_address_from_home_is_not_behind_a_nat(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ask.care_of = CARE_OF;
	ask.source = NODE_ADDRESS;
	ask.framed = true;
	ask.link_source = ha_node_link_address;
	ha_ask_send(world, &ask);
	assert_true(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->framed);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_IPIP);
}

static void a_tunnel_whose_port_only_a_keepalive_would_tell_is_code_129(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ask.tunnel_through_agent = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
}

static void a_deregistration_from_behind_a_nat_ends_the_tunnel(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	/* What is on its way to mip0 already still gets out. */
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) < 0);
	ha_world_pass(world, world->settings.grace);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
}

static void a_tunnel_in_udp_may_have_a_shorter_lifetime(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	world->settings.udp_max_lifetime = 60;
	use(world, HA_UDP_TUNNEL_ALLOWED);
	ha_ask_send(world, &ask);
	assert_int_equal(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.lifetime, 60);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask = ha_ask_co_located();
	ha_ask_send(world, &ask);
	assert_int_equal(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.lifetime, 600);
}

/* rfc3519-4.6-5: the address that it has behind the NAT is not where the tunnel goes. */
static void behind_a_nat_a_node_may_have_an_address_that_is_ours_too(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ha_world_address(world, PRIVATE, 24, true);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.source = NAT_ADDRESS;
	ha_world_address(world, NAT_ADDRESS, 24, true);
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
}

static void a_tunnel_in_udp_never_begins_at_a_group_s_address(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ask.framed = true;
	ask.destination = mip_address_of(0xe000000b);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0))->tunnel.local,
		HA_ADDRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_node_behind_a_nat_gets_a_tunnel_in_udp_to_where_it_came_from),
		TEST(without_a_nat_the_request_for_udp_is_declined_and_the_tunnel_is_ip_in_ip),
		TEST(a_forced_tunnel_is_granted_without_a_nat_and_says_that_it_is_forced),
		TEST(a_forced_tunnel_is_code_129_where_only_nats_count),
		TEST(where_udp_is_refused_a_nat_is_code_129_and_no_nat_is_a_declined_request),
		TEST(a_node_that_does_not_ask_for_udp_gets_none_whatever_its_source),
		TEST(a_foreign_agent_behind_a_nat_gets_its_answer_after_the_node_s_authentication),
		TEST(a_tunnel_request_on_the_wrong_side_of_the_d_bit_is_code_134),
		TEST(a_tunnel_request_with_reserved_bits_is_skipped),
		TEST(an_encapsulation_in_udp_that_is_not_had_is_code_142),
		TEST(a_renewal_by_another_port_moves_the_tunnel_and_keeps_the_old_peer_for_a_while),
		TEST(a_node_that_registers_another_address_from_home_is_not_behind_a_nat),
		TEST(a_tunnel_whose_port_only_a_keepalive_would_tell_is_code_129),
		TEST(a_deregistration_from_behind_a_nat_ends_the_tunnel),
		TEST(a_tunnel_in_udp_may_have_a_shorter_lifetime),
		TEST(behind_a_nat_a_node_may_have_an_address_that_is_ours_too),
		TEST(a_tunnel_in_udp_never_begins_at_a_group_s_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

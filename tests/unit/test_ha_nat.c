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

/* rfc3519-4.6-1, rfc3519-4.6-2, rfc3519-4.6-3, rfc3519-4.6-5 */
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
	assert_address_equal(ha_only_binding(world).care_of_address, PRIVATE);
	assert_address_equal(ha_only_binding(world).source, NAT_ADDRESS);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_UDP);
}

/* rfc3519-4.6-2, rfc3519-4.6-4, rfc3519-4.6-11, rfc3519-4.6-12 */
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

/* rfc3519-3.1.1-1, rfc3519-4.6-4 */
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

/* rfc3519-3.1.1-1, rfc3519-3.1.1-2, rfc3519-4.6.1-2 */
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

/* rfc3519-4.6-11, rfc3519-4.6.1-1 */
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

/* rfc3519-4.6.1-3, rfc3519-4.6.1-4 */
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

/* rfc3519-3.1.3-1 */
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

/* rfc3519-4.1-2, rfc3519-4.1-3, rfc3519-4.1-4, rfc3519-4.6.1-6 */
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

/* rfc3519-4.10-4 */
static void a_renewal_by_another_port_moves_the_tunnel_and_keeps_the_old_peer_for_a_while(void **state)
{
	struct world *world = *state;
	struct ask ask = behind_nat();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ask.source_port = 61001;
	ha_ask_send(world, &ask);
	assert_int_equal(
		tunnel_reply(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)).keepalive_interval,
		110);
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

/* RFC 3519 4.6, 4.11: registered through a foreign agent behind the same NAT. */
static struct ask through_agent(void)
{
	struct ask ask = behind_nat();

	ask.tunnel_through_agent = true;
	return ask;
}

struct keepalive {
	struct mip_address source, destination, inner_source, inner_destination;
	uint16_t port;
	uint8_t type;
};

static struct keepalive good_keepalive(void)
{
	return (struct keepalive){
		NAT_ADDRESS, HA_ADDRESS, NODE_ADDRESS, HA_ADDRESS, 62000, MIP_ICMP_ECHO_REQUEST};
}

static bool hear(struct world *world, const struct keepalive *keepalive)
{
	struct mip_ip ip = {.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = keepalive->inner_source,
		.destination = keepalive->inner_destination};
	uint8_t message[64], echo[8] = {keepalive->type};
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = keepalive->source,
		.source_port = keepalive->port,
		.destination = keepalive->destination,
		.destination_port = MIP_REGISTRATION_PORT,
		.octets = message,
	};
	bool said;

	mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	mip_ip_packet_write(&writer, &ip, echo, sizeof(echo));
	datagram.length = writer.length;
	ha_world_clear_outputs(world);
	said = ha_core_tunnel_data(world->core, &datagram, world->now);
	ha_world_collect(world);
	return said;
}

static void expect_port(struct world *world, uint16_t port)
{
	const struct mip_want *want =
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0));

	assert_int_equal(want->tunnel.encapsulation, MIP_ENCAPSULATION_UDP);
	assert_address_equal(want->tunnel.remote, NAT_ADDRESS);
	assert_int_equal(want->tunnel.remote_port, port);
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER, 0));
	assert_address_equal(want->peer.remote, NAT_ADDRESS);
	assert_int_equal(want->peer.remote_port, port);
}

/* rfc3519-4.6-6, rfc3519-4.6-7, rfc3519-4.6-10 */
static void a_tunnel_through_an_agent_waits_for_the_keepalive_that_tells_its_port(void **state)
{
	struct world *world = *state;
	struct ask ask = through_agent();
	struct keepalive keepalive = good_keepalive();

	ha_ask_send(world, &ask);
	assert_int_equal(tunnel_reply(ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)).code, 0);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_UDP);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER, 0), -1);
	assert_true(hear(world, &keepalive));
	expect_port(world, 62000);
	assert_true(ha_find_record(world, MIP_OUTPUT_KEEP, "binding/10.1.0.50") >= 0);
	/* The next ones tell nothing new, until the NAT gives another port. */
	assert_false(hear(world, &keepalive));
	keepalive.port = 62001;
	assert_true(hear(world, &keepalive));
	expect_port(world, 62001);
	ha_world_pass(world, world->settings.grace);
	assert_int_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0))->peer.remote_port,
		62000);
}

static void a_renewal_through_an_agent_keeps_the_port_and_a_move_forgets_it(void **state)
{
	struct world *world = *state;
	struct ask ask = through_agent();
	struct keepalive keepalive = good_keepalive();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(hear(world, &keepalive));
	ha_world_clear_outputs(world);
	ask.source_port++;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), -1);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0), -1);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_MILLISECOND);
	ask.care_of = mip_address_of(0xc0a80106);
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(hear(world, &keepalive));
	expect_port(world, 62000);
	/* Its peer was to go with the grace of the old way. */
	ha_world_pass(world, world->settings.grace + MIP_SECOND);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER, 0), -1);
}

/* rfc3519-4.6-8, rfc3519-4.6-9 */
static void a_keepalive_that_is_not_quite_one_tells_nothing(void **state)
{
	struct world *world = *state;
	struct ask ask = through_agent();
	struct keepalive wrong[] = {
		good_keepalive(), good_keepalive(), good_keepalive(), good_keepalive(), good_keepalive()};
	struct keepalive good = good_keepalive();

	wrong[0].source = OTHER_AGENT; /* rfc3519-6.1.2-1 */
	wrong[1].destination = OTHER_AGENT;
	wrong[2].inner_source = NONCE_ADDRESS;
	wrong[3].inner_destination = OTHER_AGENT;
	wrong[4].type = MIP_ICMP_ECHO_REPLY;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(wrong); i++) {
		assert_false(hear(world, &wrong[i]));
		assert_int_equal(world->count, 0);
	}
	/* Where the tunnel has the request's port, a keep-alive moves nothing. */
	ha_world_pass(world, MIP_MILLISECOND);
	ask = behind_nat();
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_false(hear(world, &good));
}

static void a_binding_that_waits_for_its_keepalive_ends_as_any_other(void **state)
{
	struct world *world = *state;
	struct ask ask = through_agent();
	struct keepalive keepalive = good_keepalive();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.lifetime = -1;
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_false(hear(world, &keepalive));
	assert_int_equal(ha_core_binding_count(world->core), 0);
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

/* rfc3519-6-1 */
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
	ask.source = HA_ADDRESS;
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
		TEST(a_tunnel_through_an_agent_waits_for_the_keepalive_that_tells_its_port),
		TEST(a_renewal_through_an_agent_keeps_the_port_and_a_move_forgets_it),
		TEST(a_keepalive_that_is_not_quite_one_tells_nothing),
		TEST(a_binding_that_waits_for_its_keepalive_ends_as_any_other),
		TEST(a_deregistration_from_behind_a_nat_ends_the_tunnel),
		TEST(a_tunnel_in_udp_may_have_a_shorter_lifetime),
		TEST(behind_a_nat_a_node_may_have_an_address_that_is_ours_too),
		TEST(a_tunnel_in_udp_never_begins_at_a_group_s_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

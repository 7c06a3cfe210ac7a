/*
 * Registration Requests judged by the home agent, each check of RFC 5944 3.8.2.1 and each code.
 */
#include "ha_test.h"

#include <string.h>

#include "replay.h"

/* rfc5944-5.1-1 */
static void a_request_by_a_foreign_agent_is_accepted_with_code_1(void **state)
{
	/* rfc5944-3.8.1-3, rfc5944-3.8.2-1, rfc5944-3.8.2.2-1, rfc5944-3.8.3-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(answer->fields.lifetime, 600);
	assert_address_equal(answer->fields.home_address, NODE_ADDRESS);
	assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
	assert_int_equal(answer->fields.identification, world->identification);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
	assert_false(answer->extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]);
	assert_int_equal(ha_counter_value(world, "reply_1"), 1);
	assert_int_equal(ha_counter_value(world, "requests_received"), 1);
}

/* rfc3024-4.3.2-1: "… Registration Request, a home agent MUST issue a Registration Reply to the …" */
static void a_reply_goes_back_to_the_address_and_port_that_the_request_came_from(void **state)
{
	/* rfc5944-3.5.4-2, rfc5944-3.8-1, rfc5944-3.8.2.2-2, rfc5944-3.8.3-3 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.source_port = 5555;
	ha_ask_send(world, &ask);
	answer = ha_answer_take(world);
	assert_false(answer->framed);
	assert_address_equal(answer->datagram.source, HA_ADDRESS);
	assert_int_equal(answer->datagram.source_port, 434);
	assert_address_equal(answer->datagram.destination, OTHER_AGENT);
	assert_int_equal(answer->datagram.destination_port, 5555);
	assert_int_equal(answer->datagram.link, MIP_LINK_NONE);
}

static void the_tunnel_begins_at_the_home_agent_in_the_reply_wherever_the_request_came_to(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	struct mip_address other = mip_address_of(0x0a050001);
	const struct answer *answer;

	ha_world_address(world, other, 24, true);
	ask.destination = other;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
	assert_address_equal(answer->datagram.source, other);
	assert_address_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0))->tunnel.local,
		HA_ADDRESS);
}

/* rfc5944-5.7.1-5, -7, rfc5944-5.7-3 */
static void a_replayed_request_is_code_133_and_tells_the_time(void **state)
{
	/* rfc5944-3.8.2.1-12, rfc5944-3.8.2.1-13, rfc5944-3.8.2.2-8 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(world, &ask, message, sizeof(message));
	const struct answer *answer;

	ha_ask_deliver(world, &ask, message, length);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_world_clear_outputs(world);
	ha_ask_deliver(world, &ask, message, length);
	answer = ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	assert_int_equal(answer->fields.identification >> 32, mip_ntp_of(world->now.wall) >> 32);
}

static void a_timestamp_out_of_tolerance_is_code_133(void **state)
{
	/* rfc5944-3.8.2.1-12 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.identification = mip_ntp_of(world->now.wall - 8 * MIP_SECOND);
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	ask.identification = mip_ntp_of(world->now.wall + 8 * MIP_SECOND);
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	ask.identification = mip_ntp_of(world->now.wall + 6 * MIP_SECOND);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* Fresh by the clock, but before what was accepted. */
	ask.identification = mip_ntp_of(world->now.wall);
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void a_denied_request_does_not_use_up_its_identification(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	world->settings.reverse_tunnel = HA_REVERSE_TUNNEL_REFUSED;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.identification = mip_ntp_of(world->now.wall);
	ha_ask_expect(world, &ask, MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE);
	ask.flags &= ~MIP_REQUEST_T;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_node_with_nonces_synchronizes_and_then_registers(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.home_address = NONCE_ADDRESS;
	ask.identification = 0x0102030405060708;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	ask.identification = (answer->fields.identification & 0xffffffff00000000) | 0xabcdef;
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_not_equal(answer->fields.identification >> 32, ask.identification >> 32);
}

/* Registers the node with nonces and returns the request that did it. */
static struct ask register_with_nonce(struct world *world, uint64_t *ret_identification)
{
	struct ask ask = ha_ask_by_agent();

	ask.home_address = NONCE_ADDRESS;
	ask.identification = 1;
	ha_ask_send(world, &ask);
	ask.identification = (ha_answer_take(world)->fields.identification & 0xffffffff00000000) | 2;
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	*ret_identification =
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->fields.identification;
	ha_world_clear_outputs(world);
	return ask;
}

static void a_retransmission_with_nonces_gets_the_same_answer_and_no_longer_lifetime(void **state)
{
	/* rfc5944-3.8.1-3, rfc5944-3.8.2.2-8 */
	struct world *world = *state;
	uint64_t identification;
	struct ask ask = register_with_nonce(world, &identification);
	mip_time expires = ha_only_binding(world).expires;
	const struct answer *answer;

	ha_world_pass(world, 100 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(answer->fields.identification, identification);
	assert_int_equal(answer->fields.lifetime, 500);
	assert_int_equal(ha_only_binding(world).expires, expires);
	assert_int_equal(ha_counter_value(world, "duplicates_answered"), 1);
}

static void a_retransmission_with_nonces_from_elsewhere_is_a_replay(void **state)
{
	struct world *world = *state;
	uint64_t identification;
	struct ask ask = register_with_nonce(world, &identification);

	ask.source = CARE_OF;
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void a_forged_request_does_not_make_the_home_agent_forget_the_nonce(void **state)
{
	struct world *world = *state;
	uint64_t identification;
	struct ask ask = register_with_nonce(world, &identification);
	struct ask forged = ask;

	forged.security = world->wrong;
	ha_ask_expect(world, &forged, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
	ask.identification = (identification & 0xffffffff00000000) | 7;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_request_to_the_broadcast_address_is_code_136_with_the_home_agent_s_address(void **state)
{
	/* rfc5944-3.6.1.2-13, rfc5944-3.8.2.1-21, rfc5944-3.8.2.1-22, rfc5944-3.8.3.1-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const struct answer *answer;

	ask.home_agent = HOME_BROADCAST;
	ask.destination = HOME_BROADCAST;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
	assert_address_equal(answer->datagram.source, HA_ADDRESS);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	ha_world_clear_outputs(world);
	/* Some routers change the address on the way. */
	ask.destination = mip_address_of(UINT32_MAX);
	ask.framed = true;
	ask.link_source = (struct mip_link_address){6, {2, 0, 0, 0, 0, 9}};
	ha_ask_send(world, &ask);
	ha_answer_expect(world, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
}

static void a_broadcast_request_with_the_right_home_agent_is_denied_too(void **state)
{
	/* rfc5944-3.6.1.2-13, rfc5944-3.8.2.1-21 */
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.destination = HOME_BROADCAST;
	ha_ask_expect(world, &ask, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
}

static void a_request_for_another_home_agent_is_code_136(void **state)
{
	/* rfc5944-3.8.3.2-9, rfc5944-3.8.3.2-10 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.home_agent = mip_address_of(0x0a010002);
	ha_ask_expect(world, &ask, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	/* RFC 4433 5.3.1: no host's address is so too, but for ALL-ZERO-ONE-ADDR. */
	ask.home_agent = mip_address_of(0xe0010203);
	ha_ask_expect(world, &ask, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	ask.home_agent = HOME_BROADCAST;
	ha_ask_expect(world, &ask, MIP_CODE_HA_UNKNOWN_HOME_AGENT);
}

static void a_request_to_all_mobility_agents_is_answered_from_the_home_agent_s_address(void **state)
{
	/* rfc5944-2.3-3, rfc5944-3.8.3.1-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	ask.destination = mip_address_of(0xe000000b);
	ha_ask_send(world, &ask);
	assert_address_equal(
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS)->datagram.source, HA_ADDRESS);
	ha_world_clear_outputs(world);
	/* What is meant for another agent of the link is not for us to deny. */
	ask.home_agent = mip_address_of(0x0a010002);
	ha_world_pass(world, MIP_SECOND);
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
}

static void a_message_to_somebody_else_s_address_is_not_for_us(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.destination = mip_address_of(0x0a090909);
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_not_for_us"), 1);
	ask.framed = true;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "requests_received"), 0);
}

static void any_of_the_host_s_addresses_may_be_the_home_agent_s(void **state)
{
	/* rfc5944-3.8.3.2-8 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	struct mip_address other = mip_address_of(0x0a050001);
	const struct answer *answer;

	ha_world_address(world, other, 24, true);
	ask.home_agent = ask.destination = other;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_address_equal(answer->fields.home_agent, other);
	assert_address_equal(answer->datagram.source, other);
	/* rfc5944-4.2.3-4: the tunnel begins at the address in the reply. */
	assert_address_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0))->tunnel.local,
		other);
}

static void an_unknown_extension_below_128_silences_and_one_above_is_skipped(void **state)
{
	/* rfc5944-1.8-1, rfc5944-1.8-2 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.unknown_extension = 127;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	ask.unknown_extension = 0;
	ask.unknown_after = 99;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unknown_extension"), 2);
	ask.unknown_after = 200;
	ask.unknown_extension = 201;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void extensions_that_belong_into_replies_are_unknown_in_requests(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.unknown_extension = MIP_EXTENSION_FOREIGN_AGENT_ERROR;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unknown_extension"), 1);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void an_unknown_critical_vendor_extension_is_code_140_or_141(void **state)
{
	struct world *world = *state;
	struct ask by_node = ha_ask_by_agent(), by_agent = ha_ask_by_agent();

	/* RFC 3115 2.3: a registration reject MUST be sent with the error code; 2.4: which is another for
	 * what the node sent and what the foreign agent did. */
	by_node.critical_vendor = true;
	ha_ask_expect(world, &by_node, MIP_CODE_HA_UNKNOWN_VENDOR_EXTENSION);
	by_agent.critical_vendor_after = true;
	ha_ask_expect(world, &by_agent, MIP_CODE_HA_UNKNOWN_FOREIGN_AGENT_VENDOR_EXTENSION);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	/* Who is not authentic gets its own code, or none. */
	by_node.security = world->wrong;
	ha_ask_expect(world, &by_node, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
}

static void a_vendor_extension_is_skipped(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	/* RFC 3115 2.3: with an unknown vendor, the entire extension is skipped. */
	ask.vendor = true;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_truncated_request_is_malformed(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t whole = ha_ask_build(world, &ask, message, sizeof(message));

	for (size_t length = 1; length < whole; length++) {
		ha_ask_deliver(world, &ask, message, length);
		ha_answer_expect_none(world);
	}
	assert_int_equal(ha_core_binding_count(world->core), 0);
	/* With the fixed part whole and no extension, it is one without authentication. */
	assert_int_equal(ha_counter_value(world, "drop_no_authentication"), 1);
	assert_int_equal(ha_counter_value(world, "drop_malformed"), whole - 2);
}

static void a_frame_with_a_wrong_udp_checksum_is_dropped(void **state)
{
	/* rfc5944-3.1-5, rfc5944-3.8.2.1-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_from_home();
	uint8_t message[MIP_REGISTRATION_MAX], packet[2048];
	size_t length = ha_ask_build(world, &ask, message, sizeof(message));
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 64, .source = NODE_ADDRESS, .destination = HA_ADDRESS};
	struct mip_udp udp = {NODE_PORT, 434};
	struct mip_input_frame frame = {.link = HOME_LINK,
		.source = ha_node_link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet};

	mip_udp_packet_write(&writer, &ip, &udp, message, length);
	frame.length = writer.length;
	packet[MIP_IP_HEADER + 6] ^= 1;
	ha_core_frame(world->core, &frame, world->now);
	ha_world_collect(world);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_malformed"), 1);
	assert_int_equal(ha_counter_value(world, "requests_received"), 0);
	/* Unless the sender's card had yet to fill it in. */
	frame.checksum_unfilled = true;
	ha_core_frame(world->core, &frame, world->now);
	ha_world_collect(world);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_frame_without_a_udp_checksum_is_taken(void **state)
{
	/* rfc5944-3.1-5, rfc5944-3.1-6 */
	struct world *world = *state;
	struct ask ask = ha_ask_from_home();
	uint8_t message[MIP_REGISTRATION_MAX], packet[2048];
	size_t length = ha_ask_build(world, &ask, message, sizeof(message));
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 64, .source = NODE_ADDRESS, .destination = HA_ADDRESS};
	struct mip_udp udp = {NODE_PORT, 434};
	struct mip_input_frame frame = {.link = HOME_LINK,
		.source = ha_node_link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet};
	const struct answer *answer;

	mip_udp_packet_write(&writer, &ip, &udp, message, length);
	frame.length = writer.length;
	packet[MIP_IP_HEADER + 6] = packet[MIP_IP_HEADER + 7] = 0;
	ha_core_frame(world->core, &frame, world->now);
	ha_world_collect(world);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* Ours has one. */
	assert_true(answer->framed);
	packet[0] = world->outputs[answer->place].octets[MIP_IP_HEADER + 6];
	packet[1] = world->outputs[answer->place].octets[MIP_IP_HEADER + 7];
	assert_true(packet[0] || packet[1]);
}

/* 3.8.3.3: a. the fixed part, b. for the node, c. Mobile-Home, d. for the foreign agent, e. Foreign-Home. */
static void the_extensions_of_a_reply_stand_in_the_order_of_the_rfc(void **state)
{
	/* rfc5944-3.4-6, rfc5944-3.8.3.3-1, rfc5944-3.8.3.3-2, rfc5944-3.8.3.3-3 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;
	const struct mip_extension *slot;

	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = world->agent;
	ask.challenge = true;
	ask.nai = "alice@example.org";
	ask.no_home_address = true;
	ask.security = world->alice;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	slot = answer->extensions.slot;
	assert_int_equal(slot[MIP_SLOT_NODE_NAI].offset, MIP_REPLY_LENGTH);
	assert_int_equal(answer->extensions.occurrences[MIP_SLOT_MOBILE_HOME_AUTHENTICATION], 1);
	assert_int_equal(answer->extensions.occurrences[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION], 1);
	assert_true(slot[MIP_SLOT_NODE_NAI].offset < slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_true(slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset < slot[MIP_SLOT_CHALLENGE].offset);
	assert_true(slot[MIP_SLOT_CHALLENGE].offset < slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset);
	assert_int_equal(slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset +
				 slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].length,
		answer->length);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->alice));
	assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, world->agent));
}

/* Whatever the code, (a) and (c) are there, and what is not granted says 3.8.3.2 of its fields. */
static void every_denial_is_authenticated_and_has_the_fields_of_the_request(void **state)
{
	/* rfc5944-3.2-2, rfc5944-3.4-6, rfc5944-3.5.2-1, rfc5944-3.8.2.1-9, rfc5944-3.8.2.1-10,
	 * rfc5944-3.8.2-2, rfc5944-3.8.2.3-1, rfc5944-3.8.3-2, rfc5944-3.8.3.2-5, rfc5944-3.8.3.2-9,
	 * rfc5944-3.8.3-3, rfc5944-3.8.3.3-2 */
	struct world *world = *state;
	struct ask asks[6] = {ha_ask_by_agent(), ha_ask_by_agent(), ha_ask_by_agent(), ha_ask_by_agent(),
		ha_ask_by_agent(), ha_ask_by_agent()};
	static const int codes[] = {131, 132, 133, 134, 136, 129};
	const struct answer *answer;

	asks[0].security = world->wrong;
	asks[1].care_of = asks[1].source = AGENT_ADDRESS;
	asks[2].identification = 1;
	asks[3].raw_flags = MIP_REQUEST_X;
	asks[4].home_agent = CARE_OF;
	asks[5].care_of = HA_ADDRESS;
	asks[5].source = OTHER_AGENT;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(asks); i++) {
		ha_world_clear_outputs(world);
		ha_world_pass(world, MIP_MILLISECOND);
		ha_ask_send(world, &asks[i]);
		answer = ha_answer_expect(world, codes[i]);
		assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, world->node));
		assert_address_equal(answer->fields.home_address, NODE_ADDRESS);
		assert_address_equal(answer->fields.home_agent, HA_ADDRESS);
		assert_int_equal(answer->fields.lifetime, 600);
		assert_address_equal(answer->datagram.destination, i == 1 ? AGENT_ADDRESS : OTHER_AGENT);
		assert_int_equal(answer->datagram.destination_port, 434);
	}
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void other_messages_are_counted_and_dropped(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	uint8_t message[64] = {MIP_MESSAGE_REGISTRATION_REPLY};

	ha_ask_deliver(world, &ask, message, sizeof(message));
	message[0] = MIP_MESSAGE_TUNNEL_DATA;
	ha_ask_deliver(world, &ask, message, sizeof(message));
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_not_a_request"), 1);
}

static void a_request_from_an_impossible_source_is_dropped(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.source = mip_address_of(UINT32_MAX);
	ha_ask_send(world, &ask);
	ask.from_nowhere = true;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_bad_source"), 2);
}

static void a_node_with_a_home_address_that_sends_from_none_is_answered_on_its_link(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_from_home();
	const struct answer *answer;

	ask.from_nowhere = true;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(answer->framed);
	assert_address_equal(answer->ip.destination, NODE_ADDRESS);
	assert_true(mip_link_address_equal(answer->frame.destination, ha_node_link_address));
}

static void care_of_addresses_that_no_host_can_have_are_code_134(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const uint32_t bad[] = {0, 0xffffffff, 0xe0000001, 0x7f000001, 0x0a010032};

	ask.source = CARE_OF;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(bad); i++) {
		ask.care_of = mip_address_of(bad[i]);
		ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	}
}

static void a_care_of_address_that_leads_back_here_is_code_129(void **state)
{
	struct world *world = *state;
	struct ask one = ha_ask_co_located(), other = ha_ask_co_located();

	one.care_of = HA_ADDRESS;
	one.source = CARE_OF;
	ha_ask_expect(world, &one, MIP_CODE_HA_PROHIBITED);
	/* The one visits at the other's home address, and the other at the one's. */
	one.care_of = one.source = VIRTUAL_NODE;
	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	other.home_address = VIRTUAL_NODE;
	other.care_of = other.source = NODE_ADDRESS;
	ha_ask_expect(world, &other, MIP_CODE_HA_PROHIBITED);
}

static void a_foreign_agent_on_the_home_agent_s_own_host_is_no_loop(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_world_address(world, OTHER_AGENT, 24, true);
	ask.care_of = ask.source = OTHER_AGENT;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* Only this host itself can send from there. */
	ask.source = CARE_OF;
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
	ask.care_of = ask.source = HA_ADDRESS;
	ha_ask_expect(world, &ask, MIP_CODE_HA_PROHIBITED);
}

static void two_mobile_home_authentications_are_code_134(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.twice = true;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
}

static void a_reserved_bit_is_code_134(void **state)
{
	/* rfc5944-3.8.2.3-2 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.raw_flags = MIP_REQUEST_X;
	ha_ask_expect(world, &ask, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void the_bit_of_rfc_2002_and_broadcasts_are_ignored(void **state)
{
	/* rfc5944-3.3-1 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	/* RFC 5944 3.3: r is ignored on reception; 3.8.2: MUST ignore the 'B' bit. */
	ask.raw_flags = MIP_REQUEST_R | MIP_REQUEST_B | MIP_REQUEST_S;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

/* rfc3024-A.4-10: "… mobile node, the home agent MUST recognize and accept registration request …" */
/* rfc3024-4.3.1-2: "If it cannot, it MUST send back a registration denial with code 137 (requested …" */
/* rfc3024-3.2-1: "Home agents SHOULD NOT object to providing reverse tunnel support, because they …" */
static void a_reverse_tunnel_is_granted_refused_or_required_as_configured(void **state)
{
	struct world *world = *state;
	struct ask with = ha_ask_by_agent(), without = ha_ask_by_agent();

	without.flags = 0;
	ha_ask_expect(world, &with, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_only_binding(world).reverse_tunnel);
	ha_ask_expect(world, &without, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_false(ha_only_binding(world).reverse_tunnel);
	world->settings.reverse_tunnel = HA_REVERSE_TUNNEL_REFUSED;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_ask_expect(world, &with, MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE);
	ha_ask_expect(world, &without, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	world->settings.reverse_tunnel = HA_REVERSE_TUNNEL_REQUIRED;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ha_ask_expect(world, &without, MIP_CODE_HA_REVERSE_TUNNEL_MANDATORY);
	ha_ask_expect(world, &with, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* A node that only leaves needs no tunnel at all. */
	without.lifetime = -1;
	ha_ask_expect(world, &without, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void more_bindings_than_allowed_are_code_130(void **state)
{
	struct world *world = *state;
	struct ask one = ha_ask_by_agent(), other = ha_ask_by_agent();

	world->settings.max_bindings = 1;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	other.home_address = VIRTUAL_NODE;
	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &other, MIP_CODE_HA_INSUFFICIENT_RESOURCES);
	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_lifetime_is_reduced_to_the_most_and_never_increased(void **state)
{
	/* rfc5944-3.4-2, rfc5944-3.8.2.2-5, rfc5944-3.8.3.2-2, rfc5944-3.8.3.2-3, rfc5944-3.8.3.2-4 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.lifetime = 30;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_answer_take(world)->fields.lifetime, 30);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask.lifetime = 3600;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_answer_take(world)->fields.lifetime, 1800);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ask.lifetime = MIP_LIFETIME_INFINITE;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_answer_take(world)->fields.lifetime, 1800);
	assert_int_equal(ha_only_binding(world).lifetime, 1800);
}

static void an_infinite_lifetime_is_granted_where_it_is_allowed(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	world->settings.max_lifetime = MIP_LIFETIME_INFINITE;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.lifetime = MIP_LIFETIME_INFINITE;
	ha_ask_send(world, &ask);
	assert_int_equal(ha_answer_take(world)->fields.lifetime, MIP_LIFETIME_INFINITE);
	assert_true(ha_only_binding(world).expires == MIP_NEVER);
	ha_world_clear_outputs(world);
	ha_world_pass(world, 100000 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 1);
}

/* rfc4721-3.4-1, -2, -3: MUST include it, after the Mobile-Home authentication and before the Foreign-Home
 * one. */
static void a_challenge_comes_back_after_the_mobile_home_authentication(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = world->agent;
	ask.challenge = true;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(answer->extensions.present[MIP_SLOT_CHALLENGE]);
	assert_int_equal(answer->extensions.slot[MIP_SLOT_CHALLENGE].data_length, 9);
	assert_true(answer->extensions.slot[MIP_SLOT_CHALLENGE].offset >
		    answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_true(answer->extensions.slot[MIP_SLOT_CHALLENGE].offset <
		    answer->extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_by_a_foreign_agent_is_accepted_with_code_1),
		TEST(a_reply_goes_back_to_the_address_and_port_that_the_request_came_from),
		TEST(the_tunnel_begins_at_the_home_agent_in_the_reply_wherever_the_request_came_to),
		TEST(a_replayed_request_is_code_133_and_tells_the_time),
		TEST(a_timestamp_out_of_tolerance_is_code_133),
		TEST(a_denied_request_does_not_use_up_its_identification),
		TEST(a_node_with_nonces_synchronizes_and_then_registers),
		TEST(a_retransmission_with_nonces_gets_the_same_answer_and_no_longer_lifetime),
		TEST(a_retransmission_with_nonces_from_elsewhere_is_a_replay),
		TEST(a_forged_request_does_not_make_the_home_agent_forget_the_nonce),
		TEST(a_request_to_the_broadcast_address_is_code_136_with_the_home_agent_s_address),
		TEST(a_broadcast_request_with_the_right_home_agent_is_denied_too),
		TEST(a_request_for_another_home_agent_is_code_136),
		TEST(a_request_to_all_mobility_agents_is_answered_from_the_home_agent_s_address),
		TEST(a_message_to_somebody_else_s_address_is_not_for_us),
		TEST(any_of_the_host_s_addresses_may_be_the_home_agent_s),
		TEST(an_unknown_extension_below_128_silences_and_one_above_is_skipped),
		TEST(extensions_that_belong_into_replies_are_unknown_in_requests),
		TEST(an_unknown_critical_vendor_extension_is_code_140_or_141),
		TEST(a_vendor_extension_is_skipped),
		TEST(a_truncated_request_is_malformed),
		TEST(a_frame_with_a_wrong_udp_checksum_is_dropped),
		TEST(a_frame_without_a_udp_checksum_is_taken),
		TEST(the_extensions_of_a_reply_stand_in_the_order_of_the_rfc),
		TEST(every_denial_is_authenticated_and_has_the_fields_of_the_request),
		TEST(other_messages_are_counted_and_dropped),
		TEST(a_request_from_an_impossible_source_is_dropped),
		TEST(a_node_with_a_home_address_that_sends_from_none_is_answered_on_its_link),
		TEST(care_of_addresses_that_no_host_can_have_are_code_134),
		TEST(a_care_of_address_that_leads_back_here_is_code_129),
		TEST(a_foreign_agent_on_the_home_agent_s_own_host_is_no_loop),
		TEST(two_mobile_home_authentications_are_code_134),
		TEST(a_reserved_bit_is_code_134),
		TEST(the_bit_of_rfc_2002_and_broadcasts_are_ignored),
		TEST(a_reverse_tunnel_is_granted_refused_or_required_as_configured),
		TEST(more_bindings_than_allowed_are_code_130),
		TEST(a_lifetime_is_reduced_to_the_most_and_never_increased),
		TEST(an_infinite_lifetime_is_granted_where_it_is_allowed),
		TEST(a_challenge_comes_back_after_the_mobile_home_authentication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

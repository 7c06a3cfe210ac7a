/*
 * Registration revocation (RFC 3543) at the foreign agent, in the order of the RFC's sections: what it
 * advertises and offers (3.1, 3.2, 4.2.1, 4.3.1), and what it does when the home agent revokes (4.2.2.2, 4.1).
 */
#include "fa_revocation_world.h"

#include "address.h"
#include "authenticator.h"
#include "replay.h"
#include "revocation.h"

/* --- 3.1, 4.3.1: what is advertised -------------------------------------------------------------- */

static uint16_t advertised_flags(void)
{
	struct mip_agent_advertisement advertisement = {0};

	fa_world_clear(&foreign_world);
	fa_world_wait(&foreign_world, 2 * MIP_SECOND);
	for (size_t i = 0; i < foreign_world.count; i++) {
		struct mip_reader reader =
			mip_reader_of(foreign_world.outputs[i].octets, foreign_world.outputs[i].length);
		struct mip_reader payload;
		struct mip_ip ip;

		if (foreign_world.outputs[i].kind == MIP_OUTPUT_FRAME &&
			mip_ip_read(&reader, &ip, &payload) == 0 && ip.protocol == MIP_PROTOCOL_ICMP)
			assert_int_equal(mip_advertisement_read(&payload, &advertisement), 0);
	}
	return advertisement.flags;
}

/* rfc3543-4.2-1, rfc3543-4.3.1-1, rfc3543-3.1-1 */
static void x_and_r_are_advertised_by_who_takes_part(void **state)
{
	(void)state;
	assert_int_equal(advertised_flags() & (MIP_AGENT_X | MIP_AGENT_R), MIP_AGENT_X | MIP_AGENT_R);
	foreign_use(foreign_without_any);
	assert_int_equal(advertised_flags() & (MIP_AGENT_X | MIP_AGENT_R), 0);
}

/* rfc3543-4.3.1-2 */
static void a_co_located_node_is_denied_as_prohibited(void **state)
{
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	request.fields.flags |= MIP_REQUEST_D;
	request.fields.care_of_address = address("10.2.0.77");
	request.source = address("10.2.0.77");
	fa_world_send(&foreign_world, &request, message);
	assert_int_equal(fa_world_code(&foreign_world), MIP_CODE_FA_PROHIBITED);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REGISTRATION_REQUEST), 0);
	foreign_use(foreign_without_any);
	fa_world_clear(&foreign_world);
	fa_world_wait(&foreign_world, 2 * MIP_SECOND);
	fa_world_send(&foreign_world, &request, message);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REGISTRATION_REQUEST), 1);
}

/* --- 3.2, 4.2.1: negotiation ---------------------------------------------------------------------- */

/* rfc3543-3.2-1, rfc3543-3.2-3, rfc3543-3.2-5, rfc3543-3.2-6, rfc3543-4.2.1-1, rfc3543-4.2.1-3, rfc3543-3.1-1 */
static void an_offer_is_attached_between_the_two_authenticators(void **state)
{
	struct fa_world_request request = fa_world_request();
	const struct mip_extension *support;
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_send(&foreign_world, &request, message);
	struct sent sent = foreign_only_sent(MIP_MESSAGE_REGISTRATION_REQUEST);

	(void)state;
	support = mip_extension_of(&sent.extensions, MIP_SLOT_REVOCATION_SUPPORT);
	assert_non_null(support);
	assert_int_equal(support->offset, length); /* right after the node's own */
	assert_memory_equal(sent.octets, message, length);
	assert_true(foreign_is_authentic(&sent));
	assert_int_equal(support->length, 8);
	assert_int_equal(support->data[0], 0x80);
	assert_int_equal(support->data[1], 0);
	assert_int_equal((uint32_t)support->data[2] << 24 | (uint32_t)support->data[3] << 16 |
				 (uint32_t)support->data[4] << 8 | support->data[5],
		foreign_our_clock());
}

/* rfc3543-3.2-8 */
static void without_support_of_i_it_is_zero(void **state)
{
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	foreign_use(foreign_without_i);
	fa_world_clear(&foreign_world);
	fa_world_send(&foreign_world, &request, message);
	assert_int_equal(foreign_only_sent(MIP_MESSAGE_REGISTRATION_REQUEST)
				 .extensions.slot[MIP_SLOT_REVOCATION_SUPPORT]
				 .data[0],
		0);
}

static bool offers(const struct fa_world_request *request)
{
	uint8_t message[WORLD_MESSAGE];
	bool offered;

	fa_world_clear(&foreign_world);
	fa_world_send(&foreign_world, request, message);
	offered = foreign_only_sent(MIP_MESSAGE_REGISTRATION_REQUEST)
			  .extensions.present[MIP_SLOT_REVOCATION_SUPPORT];
	fa_world_clear(&foreign_world);
	fa_world_wait(&foreign_world, 8 * MIP_SECOND);
	return offered;
}

/* rfc3543-3.2-3, rfc3543-4.2.1-1: only with "an existing security association with the home agent" */
static void without_an_association_or_a_binding_to_revoke_nothing_is_offered(void **state)
{
	struct fa_world_request request = foreign_next_request();

	(void)state;
	assert_true(offers(&request));
	request = foreign_next_request();
	request.fields.home_agent = address("10.9.0.1");
	assert_false(offers(&request));
	request = foreign_next_request();
	request.fields.lifetime = 0;
	assert_false(offers(&request));
	foreign_use(foreign_without_any);
	request = foreign_next_request();
	assert_false(offers(&request));
}

static bool is_agreed(void)
{
	struct fa_visitor_view view;

	assert_true(fa_world_view(&foreign_world, address("10.1.0.50"), &view));
	return view.revocation;
}

/* rfc3543-4.2.1-2 */
static void it_is_agreed_on_only_if_the_reply_says_so_too(void **state)
{
	(void)state;
	foreign_visited();
	assert_true(is_agreed());
	foreign_answers = false;
	foreign_visited();
	assert_false(is_agreed());
	/* And then neither side speaks of it, nor is it heard. */
	foreign_revoke();
	fa_world_wait(&foreign_world, 100 * MIP_SECOND);
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(foreign_informed(), 1);
}

/* rfc3543-3.2-6, rfc3543-3.2-7: as RFC 5944 3.7.3.1 says */
static void an_answer_that_nothing_protects_is_denied_with_68(void **state)
{
	(void)state;
	foreign_answer_unprotected = true;
	foreign_register_node();
	assert_int_equal(fa_world_code(&foreign_world), MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
}

/* rfc3543-3.2-10 */
static void who_takes_no_part_skips_the_answer(void **state)
{
	(void)state;
	foreign_use(foreign_without_any);
	foreign_answer_unprotected = true;
	foreign_register_node();
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
	assert_false(is_agreed());
}

static void write_offer(struct mip_writer *writer)
{
	mip_revocation_support_write(writer, &foreign_answer);
}

/* rfc3543-4.2.1-8, rfc3543-4.2.1-9, rfc3543-3.2-2 */
static void a_node_that_offers_it_is_dropped_in_silence(void **state)
{
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	request.trailer = write_offer;
	fa_world_send(&foreign_world, &request, message);
	assert_int_equal(foreign_world.count, 0);
	assert_int_equal(fa_world_counter(&foreign_world, "drop_revocation_support"), 1);
}

/* --- 4.2.2.2: the home agent revokes -------------------------------------------------------------- */

/* rfc3543-4.2.2.2-1, -2, -3, -4, -5, -6, rfc3543-3.4-1, rfc3543-3.4-4, rfc3543-3.4-5, rfc3543-3.4-6, rfc3543-4.1-2 */
static void a_revocation_ends_the_visit_is_acknowledged_and_told_to_the_node(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();
	struct sent ack;

	(void)state;
	foreign_visited();
	foreign_deliver_revocation(&revocation, foreign_association);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 0);
	assert_non_null(fa_world_want(&foreign_world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL));
	assert_non_null(fa_world_want(&foreign_world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER));
	assert_non_null(fa_world_want(&foreign_world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR));
	ack = foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK);
	assert_true(mip_address_equal(ack.datagram.source, address("10.2.0.1")));
	assert_int_equal(ack.datagram.source_port, 434);
	assert_true(mip_address_equal(ack.datagram.destination, address("10.1.0.1")));
	assert_int_equal(ack.datagram.destination_port, 434);
	assert_int_equal(ack.octets[0], 15);
	assert_int_equal(ack.octets[1], 0);
	assert_int_equal(ack.octets[2], 0x80);
	assert_int_equal(ack.octets[3], 0);
	assert_true(mip_address_equal(ack.ack.home_address, address("10.1.0.50")));
	assert_int_equal(ack.ack.identifier, revocation.identifier);
	assert_true(foreign_is_authentic(&ack));
	assert_int_equal(foreign_informed(), 1);
	assert_int_equal(fa_world_counter(&foreign_world, "visitors_revoked"), 1);
}

static bool told_after_revocation(bool inform, bool *ret_acknowledged)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();
	bool told;

	foreign_visited();
	revocation.inform = inform;
	foreign_deliver_revocation(&revocation, foreign_association);
	*ret_acknowledged = foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.inform;
	told = foreign_informed() == 1;
	fa_world_clear(&foreign_world);
	fa_world_wait(&foreign_world, MIP_SECOND);
	return told;
}

/* rfc3543-4.2.2.2-4, -5, rfc3543-3.3-3, rfc3543-3.4-2 */
static void with_i_agreed_on_the_home_agent_decides_who_is_told(void **state)
{
	bool acknowledged;

	(void)state;
	assert_true(told_after_revocation(true, &acknowledged));
	assert_true(acknowledged);
	assert_false(told_after_revocation(false, &acknowledged));
	assert_false(acknowledged);
	/* Whatever the own policy is. */
	foreign_use(foreign_without_informing);
	assert_true(told_after_revocation(true, &acknowledged));
	assert_true(acknowledged);
}

/* rfc3543-4.2.2.2-5, rfc3543-3.4-2 */
static void without_i_agreed_on_the_own_policy_decides_who_is_told(void **state)
{
	bool acknowledged;

	(void)state;
	foreign_use(foreign_without_i);
	assert_true(told_after_revocation(false, &acknowledged));
	assert_false(acknowledged); /* it was not set in the revocation */
	foreign_use(foreign_without_both);
	assert_false(told_after_revocation(false, &acknowledged));
	assert_false(told_after_revocation(true, &acknowledged));
	assert_false(acknowledged);
}

/* rfc3543-3.3-8, rfc3543-3.5-1, rfc3543-6.2-1, rfc3543-6.2-2, rfc3543-4.2.2.2-1 */
static void a_revocation_without_the_home_agents_authenticator_is_dropped(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	foreign_check_dropped(&revocation, NULL, "drop_revocation_authentication");
	foreign_check_dropped(&revocation, foreign_other, "drop_revocation_authentication");
}

/* rfc3543-AppB-3 */
static void a_revocation_without_a_home_domain_is_dropped(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	revocation.home_domain = (struct mip_address){0};
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_authentication");
}

/* rfc3543-3.5-3, rfc3543-3.5-4, rfc3543-4.2.2.2-1 */
static void a_reflected_revocation_is_dropped(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	revocation.from_home_agent = false;
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_replay");
}

/* rfc3543-4.2.2.2-2, rfc3543-3.5-2, rfc3543-3.5-4 */
static void a_revocation_that_is_not_later_than_the_registration_is_a_replay(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	revocation.identifier = HOME_CLOCK;
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_replay");
	revocation.identifier = HOME_CLOCK - 100;
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_replay");
}

/* rfc3543-4.2.2.2-2 */
static void a_revocation_of_another_registration_touches_none(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	revocation.home_address = address("10.1.0.51");
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_unknown");
	revocation = foreign_home_agents_revocation();
	revocation.foreign_domain = address("10.3.0.1");
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_unknown");
	/* Nor does one that was not agreed on. */
	foreign_answers = false;
	foreign_visited();
	revocation = foreign_home_agents_revocation();
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_unknown");
}

/* rfc3543-AppB-2, rfc3543-3.5-7: the same home address with another home agent is another node */
static void another_home_agent_cannot_revoke_the_same_home_address(void **state)
{
	struct fa_home_agent_settings home_agents[] = {
		{.address = address("10.1.0.1"), .association = foreign_association},
		{.address = address("10.8.0.1"), .association = foreign_other}};
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_world.settings.home_agents = home_agents;
	foreign_world.settings.home_agent_count = 2;
	assert_int_equal(
		fa_core_configure(foreign_world.core, &foreign_world.settings, foreign_world.now), 0);
	foreign_visited();
	revocation.home_domain = address("10.8.0.1");
	foreign_check_dropped(&revocation, foreign_other, "drop_revocation_unknown");
}

/* rfc3543-3.4-5, rfc3543-3.5-4: our acknowledgment may be lost */
static void a_repeated_revocation_is_acknowledged_again_and_a_copy_is_not(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_visited();
	foreign_deliver_revocation(&revocation, foreign_association);
	fa_world_clear(&foreign_world);
	foreign_deliver_revocation(&revocation, foreign_association);
	assert_int_equal(foreign_world.count, 0);
	assert_int_equal(fa_world_counter(&foreign_world, "drop_revocation_replay"), 1);
	revocation.identifier++;
	foreign_deliver_revocation(&revocation, foreign_association);
	assert_int_equal(foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
	assert_int_equal(foreign_informed(), 0); /* once is enough */
	/* What was sent before the node registered anew does not end that. */
	foreign_answer.timestamp = revocation.identifier + 1;
	foreign_visited();
	foreign_check_dropped(&revocation, foreign_association, "drop_revocation_replay");
}

static void thrice_a_second(struct mip_revocation_settings *settings)
{
	settings->acknowledgments = 3;
}

static void a_home_agent_is_acknowledged_so_often_in_a_second(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();

	(void)state;
	foreign_use(thrice_a_second);
	foreign_visited();
	fa_world_clear(&foreign_world);
	for (int i = 0; i < 100; i++) {
		revocation.identifier++;
		foreign_deliver_revocation(&revocation, foreign_association);
	}
	assert_int_equal(foreign_count_of(MIP_MESSAGE_REVOCATION_ACK), 3);
	assert_int_equal(fa_world_counter(&foreign_world, "drop_revocation_limit"), 97);
}

static void revocations_are_heard_on_a_visited_link_too(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();
	struct mip_ip ip = {.ttl = 64, .source = address("10.1.0.1"), .destination = address("10.2.0.1")};
	struct mip_udp udp = {.source_port = 434, .destination_port = 434};
	uint8_t message[WORLD_MESSAGE], packet[WORLD_MESSAGE + 64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = WORLD_VISITED,
		.source = link_address(1),
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet,
	};

	(void)state;
	foreign_visited();
	mip_revocation_write(&writer, &revocation);
	assert_int_equal(mip_authenticator_append(
				 &writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, foreign_association),
		0);
	mip_udp_packet_write(&outer, &ip, &udp, message, writer.length);
	frame.length = outer.length;
	fa_core_frame(foreign_world.core, &frame, foreign_world.now);
	fa_world_wait(&foreign_world, 0);
	assert_int_equal(foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
}

/* rfc3543-AppB-2: by the pair of home agent and home address. RFC 3024 A.4: another one's node has the address too. */
static void a_revocation_is_of_its_own_home_agents_node(void **state)
{
	struct mip_revocation revocation = foreign_home_agents_revocation();
	struct fa_world_request other = foreign_next_request();
	struct fa_visitor_view view;
	struct sent sent;

	(void)state;
	foreign_visited();
	other.fields.home_agent = address("198.51.100.2");
	other.link_address = link_address(0x66);
	fa_world_register(&foreign_world, &other);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 2);
	fa_world_wait(&foreign_world, MIP_SECOND);
	fa_world_clear(&foreign_world);
	foreign_deliver_revocation(&revocation, foreign_association);
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION_ACK);
	assert_true(foreign_is_authentic(&sent));
	assert_int_equal(foreign_informed(), 1);
	assert_true(fa_world_view(&foreign_world, address("10.1.0.50"), &view));
	assert_true(mip_address_equal(view.home_agent, other.fields.home_agent));
	assert_false(view.told_apart);
	/* Once more: it is the other one's still that stays. */
	revocation.identifier++;
	foreign_deliver_revocation(&revocation, foreign_association);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
}

/* What is on its way of the other one is no reason to wait, and is not given up. */
static void our_revocation_is_told_to_the_nodes_own_home_agent(void **state)
{
	struct fa_world_request other = foreign_next_request();
	struct sent sent;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	foreign_visited();
	other.fields.home_agent = address("198.51.100.2");
	other.link_address = link_address(0x66);
	fa_world_register(&foreign_world, &other);
	other.fields.identification++;
	fa_world_send(&foreign_world, &other, message);
	fa_world_clear(&foreign_world);
	assert_int_equal(fa_core_revoke(foreign_world.core, address("10.1.0.50"), address("10.1.0.1"),
				 foreign_world.now),
		0);
	fa_world_wait(&foreign_world, 0);
	sent = foreign_only_sent(MIP_MESSAGE_REVOCATION);
	assert_true(mip_address_equal(sent.datagram.destination, address("10.1.0.1")));
	assert_true(mip_address_equal(sent.revocation.home_domain, address("10.1.0.1")));
	assert_int_equal(fa_core_pending_count(foreign_world.core), 1);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(x_and_r_are_advertised_by_who_takes_part),
		TEST(a_co_located_node_is_denied_as_prohibited),
		TEST(an_offer_is_attached_between_the_two_authenticators),
		TEST(without_support_of_i_it_is_zero),
		TEST(without_an_association_or_a_binding_to_revoke_nothing_is_offered),
		TEST(it_is_agreed_on_only_if_the_reply_says_so_too),
		TEST(an_answer_that_nothing_protects_is_denied_with_68),
		TEST(who_takes_no_part_skips_the_answer),
		TEST(a_node_that_offers_it_is_dropped_in_silence),
		TEST(a_revocation_ends_the_visit_is_acknowledged_and_told_to_the_node),
		TEST(with_i_agreed_on_the_home_agent_decides_who_is_told),
		TEST(without_i_agreed_on_the_own_policy_decides_who_is_told),
		TEST(a_revocation_without_the_home_agents_authenticator_is_dropped),
		TEST(a_revocation_without_a_home_domain_is_dropped),
		TEST(a_reflected_revocation_is_dropped),
		TEST(a_revocation_that_is_not_later_than_the_registration_is_a_replay),
		TEST(a_revocation_of_another_registration_touches_none),
		TEST(another_home_agent_cannot_revoke_the_same_home_address),
		TEST(a_repeated_revocation_is_acknowledged_again_and_a_copy_is_not),
		TEST(a_home_agent_is_acknowledged_so_often_in_a_second),
		TEST(revocations_are_heard_on_a_visited_link_too),
		TEST(a_revocation_is_of_its_own_home_agents_node),
		TEST(our_revocation_is_told_to_the_nodes_own_home_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Registration revocation (RFC 3543) at the foreign agent, in the order of the RFC's sections: what it
 * advertises and offers (3.1, 3.2, 4.2.1), how it tells the node (4.1), what it does when the home agent
 * revokes (4.2.2.2) and when it revokes itself (4.2.3.1), and the R bit (4.3.1).
 */
#include "fa_world.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "replay.h"
#include "revocation.h"

#define HOME_CLOCK 9000 /* the home agent's timestamps: its clock is far from ours */

static struct fa_world world;
static struct mip_association *association, *other;
static struct mip_revocation_support answer; /* what the home agent's reply says … */
static bool answers, answer_unprotected;     /* … if it does */

static int setup(void **state)
{
	static struct fa_home_agent_settings home_agents[1];

	(void)state;
	fa_world_init(&world);
	association = fa_world_association(2000);
	other = fa_world_association(2001);
	answer = (struct mip_revocation_support){.inform = true, .timestamp = HOME_CLOCK};
	answers = true;
	answer_unprotected = false;
	home_agents[0] =
		(struct fa_home_agent_settings){.address = address("10.1.0.1"), .association = association};
	world.settings.home_agents = home_agents;
	world.settings.home_agent_count = 1;
	world.settings.revocation = (struct mip_revocation_settings){
		.enabled = true, .inform_bit = true, .inform = true, .attempts = 8, .most = 100};
	fa_world_start(&world);
	fa_world_clear(&world);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fa_world_end(&world);
	mip_association_unref(association);
	mip_association_unref(other);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void use(void (*change)(struct mip_revocation_settings *settings))
{
	change(&world.settings.revocation);
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
}

static void without_i(struct mip_revocation_settings *settings)
{
	settings->inform_bit = false;
}

static void without_informing(struct mip_revocation_settings *settings)
{
	settings->inform = false;
}

static void without_both(struct mip_revocation_settings *settings)
{
	settings->inform_bit = settings->inform = false;
}

static void without_any(struct mip_revocation_settings *settings)
{
	settings->enabled = false;
}

static void few(struct mip_revocation_settings *settings)
{
	settings->most = 1;
}

/* --- messages ---------------------------------------------------------------------------------- */

struct sent {
	struct mip_output_datagram datagram;
	const uint8_t *octets;
	size_t length;
	struct mip_reader reader; /* at the first extension */
	struct mip_registration_request request;
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;
};

static size_t count_of(int type)
{
	size_t count = 0;

	for (size_t i = 0; i < world.count; i++)
		count += world.outputs[i].kind == MIP_OUTPUT_DATAGRAM &&
			 mip_message_type(world.outputs[i].octets, world.outputs[i].length) == type;
	return count;
}

static struct sent sent_of(int type, size_t n)
{
	struct sent sent = {0};

	for (size_t i = 0; i < world.count; i++) {
		const struct mip_output *output = &world.outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length);

		if (output->kind != MIP_OUTPUT_DATAGRAM ||
			mip_message_type(output->octets, output->length) != type || n-- > 0)
			continue;
		sent.datagram = output->datagram;
		sent.octets = output->octets;
		sent.length = output->length;
		if (type == MIP_MESSAGE_REGISTRATION_REQUEST)
			assert_int_equal(mip_request_read(&reader, &sent.request), 0);
		else if (type == MIP_MESSAGE_REVOCATION)
			assert_int_equal(mip_revocation_read(&reader, &sent.revocation), 0);
		else
			assert_int_equal(mip_revocation_ack_read(&reader, &sent.ack), 0);
		assert_int_equal(mip_extensions_read(&reader, &sent.extensions), 0);
		return sent;
	}
	fail_msg("there is no such message");
	return sent;
}

static struct sent only_sent(int type)
{
	assert_int_equal(count_of(type), 1);
	return sent_of(type, 0);
}

static bool is_authentic(const struct sent *sent)
{
	const struct mip_extension *extension =
		mip_extension_of(&sent->extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);

	return extension && extension->offset + extension->length == sent->length &&
	       mip_authenticator_check(association, sent->octets, extension) == 0;
}

/* Unicast advertisements with sequence number 0 to the node, among the outputs. */
static size_t informed(void)
{
	struct mip_agent_advertisement advertisement;
	size_t count = 0;

	for (size_t i = 0; i < world.count; i++) {
		const struct mip_output *output = &world.outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;
		struct mip_ip ip;

		if (output->kind != MIP_OUTPUT_FRAME || mip_ip_read(&reader, &ip, &payload) < 0 ||
			ip.protocol != MIP_PROTOCOL_ICMP ||
			!mip_address_equal(ip.destination, address("10.1.0.50")))
			continue;
		/* rfc3543-4.1-2: as RFC 5944 2.1 says. */
		assert_int_equal(mip_advertisement_read(&payload, &advertisement), 0);
		assert_int_equal(ip.ttl, 1);
		assert_true(mip_address_equal(ip.source, address("10.2.0.1")));
		assert_true(mip_link_address_equal(output->frame.destination, link_address(0x50)));
		assert_int_equal(output->frame.link, WORLD_VISITED);
		assert_int_equal(advertisement.sequence, 0);
		assert_true(advertisement.flags & MIP_AGENT_X);
		count++;
	}
	return count;
}

static void write_answer(struct mip_writer *writer)
{
	/* A reply's message begins with its first octet, as the authenticator wants it. */
	if (answers && !answer_unprotected)
		mip_revocation_support_write(writer, &answer);
	assert_int_equal(
		mip_authenticator_append(writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, association),
		0);
	if (answers && answer_unprotected)
		mip_revocation_support_write(writer, &answer);
}

static void answer_request(const struct fa_world_request *request)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, NULL, write_answer, message);

	fa_world_deliver(&world, address("10.1.0.1"), message, length);
}

static struct fa_world_request next_request(void)
{
	struct fa_world_request request = fa_world_request();
	static uint64_t identification = 0x1122334455667788;

	request.fields.identification = identification++;
	return request;
}

static void register_node(void)
{
	struct fa_world_request request = next_request();
	uint8_t message[WORLD_MESSAGE];

	fa_world_send(&world, &request, message);
	answer_request(&request);
}

/* A visitor whose registration may be revoked, a while ago. */
static void visited(void)
{
	register_node();
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_wait(&world, 10 * MIP_SECOND);
	fa_world_clear(&world);
}

static struct mip_revocation home_agents_revocation(void)
{
	return (struct mip_revocation){
		.from_home_agent = true,
		.inform = true,
		.home_address = address("10.1.0.50"),
		.home_domain = address("10.1.0.1"),
		.foreign_domain = address("10.2.0.1"),
		.identifier = HOME_CLOCK + 10,
	};
}

static void deliver_revocation(const struct mip_revocation *revocation, const struct mip_association *by)
{
	uint8_t message[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	mip_revocation_write(&writer, revocation);
	if (by)
		assert_int_equal(
			mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, by),
			0);
	fa_world_deliver(&world, address("10.1.0.1"), message, writer.length);
}

static void deliver_ack(
	const struct mip_revocation_ack *ack, const char *source, const struct mip_association *by)
{
	uint8_t message[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	mip_revocation_ack_write(&writer, ack);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, by), 0);
	fa_world_deliver(&world, address(source), message, writer.length);
}

static struct mip_revocation_ack ack_of(const struct sent *sent, bool inform)
{
	return (struct mip_revocation_ack){.inform = inform,
		.home_address = sent->revocation.home_address,
		.identifier = sent->revocation.identifier};
}

static void revoke(void)
{
	assert_int_equal(fa_core_revoke(world.core, address("10.1.0.50"), world.now), 0);
	fa_world_wait(&world, 0);
}

static uint32_t our_clock(void)
{
	return (uint32_t)(mip_ntp_of(world.now.wall) >> 32);
}

/* --- 3.1, 4.3.1: what is advertised -------------------------------------------------------------- */

static uint16_t advertised_flags(void)
{
	struct mip_agent_advertisement advertisement = {0};

	fa_world_clear(&world);
	fa_world_wait(&world, 2 * MIP_SECOND);
	for (size_t i = 0; i < world.count; i++) {
		struct mip_reader reader = mip_reader_of(world.outputs[i].octets, world.outputs[i].length);
		struct mip_reader payload;
		struct mip_ip ip;

		if (world.outputs[i].kind == MIP_OUTPUT_FRAME && mip_ip_read(&reader, &ip, &payload) == 0 &&
			ip.protocol == MIP_PROTOCOL_ICMP)
			assert_int_equal(mip_advertisement_read(&payload, &advertisement), 0);
	}
	return advertisement.flags;
}

/* rfc3543-4.2-1, rfc3543-4.3.1-1, rfc3543-3.1-1 */
static void x_and_r_are_advertised_by_who_takes_part(void **state)
{
	(void)state;
	assert_int_equal(advertised_flags() & (MIP_AGENT_X | MIP_AGENT_R), MIP_AGENT_X | MIP_AGENT_R);
	use(without_any);
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
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_PROHIBITED);
	assert_int_equal(count_of(MIP_MESSAGE_REGISTRATION_REQUEST), 0);
	use(without_any);
	fa_world_clear(&world);
	fa_world_wait(&world, 2 * MIP_SECOND);
	fa_world_send(&world, &request, message);
	assert_int_equal(count_of(MIP_MESSAGE_REGISTRATION_REQUEST), 1);
}

/* --- 3.2, 4.2.1: negotiation ---------------------------------------------------------------------- */

/* rfc3543-3.2-1, rfc3543-3.2-3, rfc3543-3.2-5, rfc3543-3.2-6, rfc3543-4.2.1-1, rfc3543-4.2.1-3, rfc3543-3.1-1 */
static void an_offer_is_attached_between_the_two_authenticators(void **state)
{
	struct fa_world_request request = fa_world_request();
	const struct mip_extension *support;
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_send(&world, &request, message);
	struct sent sent = only_sent(MIP_MESSAGE_REGISTRATION_REQUEST);

	(void)state;
	support = mip_extension_of(&sent.extensions, MIP_SLOT_REVOCATION_SUPPORT);
	assert_non_null(support);
	assert_int_equal(support->offset, length); /* right after the node's own */
	assert_memory_equal(sent.octets, message, length);
	assert_true(is_authentic(&sent));
	assert_int_equal(support->length, 8);
	assert_int_equal(support->data[0], 0x80);
	assert_int_equal(support->data[1], 0);
	assert_int_equal((uint32_t)support->data[2] << 24 | (uint32_t)support->data[3] << 16 |
				 (uint32_t)support->data[4] << 8 | support->data[5],
		our_clock());
}

/* rfc3543-3.2-8 */
static void without_support_of_i_it_is_zero(void **state)
{
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	use(without_i);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(only_sent(MIP_MESSAGE_REGISTRATION_REQUEST)
				 .extensions.slot[MIP_SLOT_REVOCATION_SUPPORT]
				 .data[0],
		0);
}

static bool offers(const struct fa_world_request *request)
{
	uint8_t message[WORLD_MESSAGE];
	bool offered;

	fa_world_clear(&world);
	fa_world_send(&world, request, message);
	offered = only_sent(MIP_MESSAGE_REGISTRATION_REQUEST).extensions.present[MIP_SLOT_REVOCATION_SUPPORT];
	fa_world_clear(&world);
	fa_world_wait(&world, 8 * MIP_SECOND);
	return offered;
}

/* rfc3543-3.2-3, rfc3543-4.2.1-1: only with "an existing security association with the home agent" */
static void without_an_association_or_a_binding_to_revoke_nothing_is_offered(void **state)
{
	struct fa_world_request request = next_request();

	(void)state;
	assert_true(offers(&request));
	request = next_request();
	request.fields.home_agent = address("10.9.0.1");
	assert_false(offers(&request));
	request = next_request();
	request.fields.lifetime = 0;
	assert_false(offers(&request));
	use(without_any);
	request = next_request();
	assert_false(offers(&request));
}

static bool is_agreed(void)
{
	struct fa_visitor_view view;

	assert_true(fa_world_view(&world, address("10.1.0.50"), &view));
	return view.revocation;
}

/* rfc3543-4.2.1-2 */
static void it_is_agreed_on_only_if_the_reply_says_so_too(void **state)
{
	(void)state;
	visited();
	assert_true(is_agreed());
	answers = false;
	visited();
	assert_false(is_agreed());
	/* And then neither side speaks of it, nor is it heard. */
	revoke();
	fa_world_wait(&world, 100 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(informed(), 1);
}

/* rfc3543-3.2-6, rfc3543-3.2-7: as RFC 5944 3.7.3.1 says */
static void an_answer_that_nothing_protects_is_denied_with_68(void **state)
{
	(void)state;
	answer_unprotected = true;
	register_node();
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
}

/* rfc3543-3.2-10 */
static void who_takes_no_part_skips_the_answer(void **state)
{
	(void)state;
	use(without_any);
	answer_unprotected = true;
	register_node();
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	assert_false(is_agreed());
}

static void write_offer(struct mip_writer *writer)
{
	mip_revocation_support_write(writer, &answer);
}

/* rfc3543-4.2.1-8, rfc3543-4.2.1-9, rfc3543-3.2-2 */
static void a_node_that_offers_it_is_dropped_in_silence(void **state)
{
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	request.trailer = write_offer;
	fa_world_send(&world, &request, message);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_revocation_support"), 1);
}

/* --- 4.2.2.2: the home agent revokes -------------------------------------------------------------- */

/* rfc3543-4.2.2.2-1, -2, -3, -4, -5, -6, rfc3543-3.4-1, rfc3543-3.4-4, rfc3543-3.4-5, rfc3543-3.4-6, rfc3543-4.1-2 */
static void a_revocation_ends_the_visit_is_acknowledged_and_told_to_the_node(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();
	struct sent ack;

	(void)state;
	visited();
	deliver_revocation(&revocation, association);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL));
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_PEER));
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_NEIGHBOUR));
	ack = only_sent(MIP_MESSAGE_REVOCATION_ACK);
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
	assert_true(is_authentic(&ack));
	assert_int_equal(informed(), 1);
	assert_int_equal(fa_world_counter(&world, "visitors_revoked"), 1);
}

static bool told_after_revocation(bool inform, bool *ret_acknowledged)
{
	struct mip_revocation revocation = home_agents_revocation();
	bool told;

	visited();
	revocation.inform = inform;
	deliver_revocation(&revocation, association);
	*ret_acknowledged = only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.inform;
	told = informed() == 1;
	fa_world_clear(&world);
	fa_world_wait(&world, MIP_SECOND);
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
	use(without_informing);
	assert_true(told_after_revocation(true, &acknowledged));
	assert_true(acknowledged);
}

/* rfc3543-4.2.2.2-5, rfc3543-3.4-2 */
static void without_i_agreed_on_the_own_policy_decides_who_is_told(void **state)
{
	bool acknowledged;

	(void)state;
	use(without_i);
	assert_true(told_after_revocation(false, &acknowledged));
	assert_false(acknowledged); /* it was not set in the revocation */
	use(without_both);
	assert_false(told_after_revocation(false, &acknowledged));
	assert_false(told_after_revocation(true, &acknowledged));
	assert_false(acknowledged);
}

static void check_dropped(
	const struct mip_revocation *revocation, const struct mip_association *by, const char *counter)
{
	uint64_t before = fa_world_counter(&world, counter);

	fa_world_clear(&world);
	deliver_revocation(revocation, by);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	assert_int_equal(fa_world_counter(&world, counter), before + 1);
}

/* rfc3543-3.3-8, rfc3543-3.5-1, rfc3543-6.2-1, rfc3543-6.2-2, rfc3543-4.2.2.2-1 */
static void a_revocation_without_the_home_agents_authenticator_is_dropped(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	check_dropped(&revocation, NULL, "drop_revocation_authentication");
	check_dropped(&revocation, other, "drop_revocation_authentication");
}

/* rfc3543-AppB-3 */
static void a_revocation_without_a_home_domain_is_dropped(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	revocation.home_domain = (struct mip_address){0};
	check_dropped(&revocation, association, "drop_revocation_authentication");
}

/* rfc3543-3.5-3, rfc3543-3.5-4, rfc3543-4.2.2.2-1 */
static void a_reflected_revocation_is_dropped(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	revocation.from_home_agent = false;
	check_dropped(&revocation, association, "drop_revocation_replay");
}

/* rfc3543-4.2.2.2-2, rfc3543-3.5-2, rfc3543-3.5-4 */
static void a_revocation_that_is_not_later_than_the_registration_is_a_replay(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	revocation.identifier = HOME_CLOCK;
	check_dropped(&revocation, association, "drop_revocation_replay");
	revocation.identifier = HOME_CLOCK - 100;
	check_dropped(&revocation, association, "drop_revocation_replay");
}

/* rfc3543-4.2.2.2-2 */
static void a_revocation_of_another_registration_touches_none(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	revocation.home_address = address("10.1.0.51");
	check_dropped(&revocation, association, "drop_revocation_unknown");
	revocation = home_agents_revocation();
	revocation.foreign_domain = address("10.3.0.1");
	check_dropped(&revocation, association, "drop_revocation_unknown");
	/* Nor does one that was not agreed on. */
	answers = false;
	visited();
	revocation = home_agents_revocation();
	check_dropped(&revocation, association, "drop_revocation_unknown");
}

/* rfc3543-AppB-2, rfc3543-3.5-7: the same home address with another home agent is another node */
static void another_home_agent_cannot_revoke_the_same_home_address(void **state)
{
	struct fa_home_agent_settings home_agents[] = {
		{.address = address("10.1.0.1"), .association = association},
		{.address = address("10.8.0.1"), .association = other}};
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	world.settings.home_agents = home_agents;
	world.settings.home_agent_count = 2;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	visited();
	revocation.home_domain = address("10.8.0.1");
	check_dropped(&revocation, other, "drop_revocation_unknown");
}

/* rfc3543-3.4-5, rfc3543-3.5-4: our acknowledgment may be lost */
static void a_repeated_revocation_is_acknowledged_again_and_a_copy_is_not(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	deliver_revocation(&revocation, association);
	fa_world_clear(&world);
	deliver_revocation(&revocation, association);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_revocation_replay"), 1);
	revocation.identifier++;
	deliver_revocation(&revocation, association);
	assert_int_equal(only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
	assert_int_equal(informed(), 0); /* once is enough */
	/* What was sent before the node registered anew does not end that. */
	answer.timestamp = revocation.identifier + 1;
	visited();
	check_dropped(&revocation, association, "drop_revocation_replay");
}

static void revocations_are_heard_on_a_visited_link_too(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();
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
	visited();
	mip_revocation_write(&writer, &revocation);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, association),
		0);
	mip_udp_packet_write(&outer, &ip, &udp, message, writer.length);
	frame.length = outer.length;
	fa_core_frame(world.core, &frame, world.now);
	fa_world_wait(&world, 0);
	assert_int_equal(only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
}

/* --- 4.2.3.1: the foreign agent revokes ------------------------------------------------------------ */

/* rfc3543-4.2.3.1-1, -2, -4, -5, rfc3543-3.3-1, rfc3543-3.3-5, rfc3543-3.3-6, rfc3543-3.3-7 */
static void the_home_agent_is_told_and_asked_whether_the_node_shall_know(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	visited();
	revoke();
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL));
	sent = only_sent(MIP_MESSAGE_REVOCATION);
	assert_true(mip_address_equal(sent.datagram.source, address("10.2.0.1")));
	assert_true(mip_address_equal(sent.datagram.destination, address("10.1.0.1")));
	assert_int_equal(sent.datagram.destination_port, 434);
	assert_int_equal(sent.octets[0], 7);
	assert_int_equal(sent.octets[1], 0);
	assert_int_equal(sent.octets[2], 0x40); /* not A; I */
	assert_int_equal(sent.octets[3], 0);
	assert_true(mip_address_equal(sent.revocation.home_address, address("10.1.0.50")));
	assert_true(mip_address_equal(sent.revocation.home_domain, address("10.1.0.1")));
	assert_true(mip_address_equal(sent.revocation.foreign_domain, address("10.2.0.1")));
	assert_int_equal(sent.revocation.identifier, our_clock());
	assert_true(is_authentic(&sent));
	assert_int_equal(informed(), 0);
	ack = ack_of(&sent, true);
	deliver_ack(&ack, "10.1.0.1", association);
	assert_int_equal(informed(), 1);
	fa_world_clear(&world);
	fa_world_wait(&world, 300 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
}

static void the_home_agent_may_want_that_the_node_does_not_know(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	visited();
	revoke();
	sent = only_sent(MIP_MESSAGE_REVOCATION);
	ack = ack_of(&sent, false);
	deliver_ack(&ack, "10.1.0.1", association);
	assert_int_equal(informed(), 0);
	assert_int_equal(fa_world_counter(&world, "revocation_acknowledgments_received"), 1);
}

/* rfc3543-4.2.3.1-3, rfc3543-3.3-2, rfc3543-3.4-3 */
static void without_i_agreed_on_it_is_zero_and_the_own_policy_holds(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	use(without_i);
	visited();
	revoke();
	sent = only_sent(MIP_MESSAGE_REVOCATION);
	assert_false(sent.revocation.inform);
	assert_int_equal(informed(), 1); /* at once */
	/* An I in the acknowledgment "MUST be ignored". */
	ack = ack_of(&sent, true);
	deliver_ack(&ack, "10.1.0.1", association);
	assert_int_equal(informed(), 1);
	assert_int_equal(fa_world_counter(&world, "visitors_informed"), 1);
	fa_world_clear(&world);
	use(without_both);
	visited();
	revoke();
	assert_int_equal(informed(), 0);
	sent = only_sent(MIP_MESSAGE_REVOCATION);
	ack = ack_of(&sent, true);
	deliver_ack(&ack, "10.1.0.1", association);
	assert_int_equal(informed(), 0);
}

/* rfc3543-4.2.3.1-6, -7, -8, -9 */
static void an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier(void **state)
{
	static const mip_time seconds[] = {0, 1, 3, 7, 15, 31, 63, 127};
	uint32_t last = 0;
	mip_time began;

	(void)state;
	visited();
	began = world.now.boot;
	revoke();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(seconds); i++) {
		struct sent sent;

		if (i > 0) {
			fa_world_wait(&world, began + seconds[i] * MIP_SECOND - 1 - world.now.boot);
			assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), i);
			fa_world_wait(&world, 1);
		}
		assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), i + 1);
		sent = sent_of(MIP_MESSAGE_REVOCATION, i);
		assert_true(sent.revocation.identifier > last);
		assert_true(is_authentic(&sent));
		last = sent.revocation.identifier;
	}
	/* Whom we asked does not answer: our own policy. */
	assert_int_equal(informed(), 0);
	fa_world_wait(&world, 400 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 8);
	assert_int_equal(informed(), 1);
	assert_int_equal(fa_world_counter(&world, "revocations_unanswered"), 1);
}

/* rfc3543-3.3-10, rfc3543-3.3-11, rfc3543-4.2.3.1-8 */
static void a_revocation_waits_until_the_request_is_a_second_old(void **state)
{
	(void)state;
	register_node();
	fa_world_clear(&world);
	revoke();
	fa_world_wait(&world, MIP_SECOND - 1);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	fa_world_wait(&world, 1);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 1);
}

/* rfc3543-4.2.3.1-10, rfc3543-3.3-9 */
static void nothing_is_sent_beyond_the_life_of_the_registration(void **state)
{
	(void)state;
	visited();
	fa_world_wait(&world, 580 * MIP_SECOND); /* of 600, 10 are left */
	revoke();
	fa_world_wait(&world, 300 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 4); /* at 0, 1, 3, 7; not at 15 */
	fa_world_clear(&world);
	visited();
	fa_world_wait(&world, 600 * MIP_SECOND);
	assert_int_equal(fa_core_revoke(world.core, address("10.1.0.50"), world.now), -ENOENT);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
}

/* rfc3543-3.5-5, rfc3543-3.5-6, rfc3543-3.4-6 */
static void only_the_home_agents_acknowledgment_of_it_ends_a_revocation(void **state)
{
	struct mip_revocation_ack ack;
	struct sent sent;

	(void)state;
	visited();
	revoke();
	sent = only_sent(MIP_MESSAGE_REVOCATION);
	ack = ack_of(&sent, true);
	ack.identifier--;
	deliver_ack(&ack, "10.1.0.1", association);
	ack = ack_of(&sent, true);
	ack.home_address = address("10.1.0.51");
	deliver_ack(&ack, "10.1.0.1", association);
	ack = ack_of(&sent, true);
	deliver_ack(&ack, "10.1.0.9", association);
	assert_int_equal(fa_world_counter(&world, "drop_revocation_unknown"), 3);
	deliver_ack(&ack, "10.1.0.1", other);
	assert_int_equal(fa_world_counter(&world, "drop_revocation_authentication"), 1);
	assert_int_equal(informed(), 0);
	fa_world_wait(&world, 5 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 3);
	deliver_ack(&ack, "10.1.0.1", association); /* of the first of them */
	assert_int_equal(informed(), 1);
}

/* A repetition must not end what the node has registered anew. */
static void a_new_request_holds_the_revocation_and_its_acceptance_ends_it(void **state)
{
	struct fa_world_request request = next_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	visited();
	revoke();
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	fa_world_wait(&world, 6 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
	answer_request(&request);
	fa_world_wait(&world, 300 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
}

static void a_new_request_without_an_answer_lets_it_go_on(void **state)
{
	struct fa_world_request request = next_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	visited();
	revoke();
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	fa_world_wait(&world, 8 * MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 1);
}

/* An answer on its way when the agent revokes does not bring the visitor back. */
static void what_is_on_its_way_is_forgotten_with_the_visitor(void **state)
{
	struct fa_world_request request = next_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	visited();
	fa_world_send(&world, &request, message);
	revoke();
	answer_request(&request);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	/* rfc3543-3.3-10: and it counts for the rate. */
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
	fa_world_wait(&world, MIP_SECOND);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 1);
}

static void a_crossing_revocation_of_the_home_agent_is_acknowledged(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	revoke();
	fa_world_clear(&world);
	deliver_revocation(&revocation, association);
	assert_int_equal(only_sent(MIP_MESSAGE_REVOCATION_ACK).ack.identifier, revocation.identifier);
}

static void beyond_the_most_the_visit_ends_and_the_node_is_told(void **state)
{
	struct fa_world_request request;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	use(few);
	visited();
	request = next_request();
	request.fields.home_address = request.source = address("10.1.0.51");
	request.link_address = link_address(0x51);
	fa_world_send(&world, &request, message);
	answer_request(&request);
	assert_int_equal(fa_core_revoke(world.core, address("10.1.0.51"), world.now), 0);
	fa_world_clear(&world);
	revoke();
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 0);
	assert_int_equal(informed(), 1);
}

static void a_link_that_is_no_longer_served_is_revoked(void **state)
{
	(void)state;
	visited();
	world.settings.links++;
	world.settings.link_count--;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	fa_world_wait(&world, 0);
	assert_int_equal(count_of(MIP_MESSAGE_REVOCATION), 1);
	world.settings.links--;
	world.settings.link_count++;
}

/* rfc3543-4.2.3.1-3: "no longer able to use the 'I' bit" */
static void a_stopping_agent_says_it_once_and_asks_nothing(void **state)
{
	struct sent sent;

	(void)state;
	visited();
	fa_core_farewell(world.core, world.now);
	fa_world_wait(&world, 0);
	sent = only_sent(MIP_MESSAGE_REVOCATION);
	assert_false(sent.revocation.inform);
	assert_true(is_authentic(&sent));
}

static void who_takes_no_part_drops_revocations(void **state)
{
	struct mip_revocation revocation = home_agents_revocation();

	(void)state;
	visited();
	use(without_any);
	check_dropped(&revocation, association, "drop_other_type");
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
		TEST(revocations_are_heard_on_a_visited_link_too),
		TEST(the_home_agent_is_told_and_asked_whether_the_node_shall_know),
		TEST(the_home_agent_may_want_that_the_node_does_not_know),
		TEST(without_i_agreed_on_it_is_zero_and_the_own_policy_holds),
		TEST(an_unanswered_revocation_is_sent_again_ever_later_with_a_new_identifier),
		TEST(a_revocation_waits_until_the_request_is_a_second_old),
		TEST(nothing_is_sent_beyond_the_life_of_the_registration),
		TEST(only_the_home_agents_acknowledgment_of_it_ends_a_revocation),
		TEST(a_new_request_holds_the_revocation_and_its_acceptance_ends_it),
		TEST(a_new_request_without_an_answer_lets_it_go_on),
		TEST(what_is_on_its_way_is_forgotten_with_the_visitor),
		TEST(a_crossing_revocation_of_the_home_agent_is_acknowledged),
		TEST(beyond_the_most_the_visit_ends_and_the_node_is_told),
		TEST(a_link_that_is_no_longer_served_is_revoked),
		TEST(a_stopping_agent_says_it_once_and_asks_nothing),
		TEST(who_takes_no_part_drops_revocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

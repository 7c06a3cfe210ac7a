/*
 * What is checked before a message counts at a foreign agent: UDP checksums, and which of several requests a
 * reply belongs to (RFC 5944 3.7.2.1, 3.7.3.1).
 */
#include "fa_world.h"

#include <string.h>

#include "address.h"
#include "authenticator.h"

enum checksum {
	RIGHT,
	ABSENT,
	WRONG,
};

static void send_frame(struct fa_world *world, mip_link link, const struct mip_ip *ip,
	const struct mip_udp *udp, const uint8_t *message, size_t length, enum checksum checksum)
{
	uint8_t packet[WORLD_MESSAGE + 64];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {.link = link,
		.source = link_address(0x50),
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet};
	uint8_t *place = packet + MIP_IP_HEADER + 6;

	mip_udp_packet_write(&writer, ip, udp, message, length);
	frame.length = writer.length;
	if (checksum == ABSENT)
		memset(place, 0, 2);
	else if (checksum == WRONG)
		place[0] ^= 0x40;
	fa_core_frame(world->core, &frame, world->now);
	fa_world_wait(world, 0);
}

static void a_request_counts_without_a_checksum_but_not_with_a_wrong_one(void **state)
{
	/* rfc5944-3.1-5, rfc5944-3.1-6, rfc5944-3.7.2.1-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_ip ip = {.ttl = 255, .source = request.source, .destination = request.destination};
	struct mip_udp udp = {.source_port = 1434, .destination_port = 434};
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_request(&request, message);

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	send_frame(&world, WORLD_VISITED, &ip, &udp, message, length, WRONG);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	assert_int_equal(fa_world_code(&world), -1);
	assert_int_equal(fa_world_counter(&world, "drop_malformed"), 1);
	send_frame(&world, WORLD_VISITED, &ip, &udp, message, length, ABSENT);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	fa_world_end(&world);
}

static void a_reply_counts_without_a_checksum_but_not_with_a_wrong_one(void **state)
{
	/* rfc5944-3.1-6, rfc5944-3.7.3.1-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	struct mip_ip ip = {.ttl = 60, .source = address("10.3.0.7"), .destination = address("10.2.0.1")};
	struct mip_udp udp = {.source_port = 434, .destination_port = 434};
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	/* On a visited link, where the agent reads frames itself; elsewhere the kernel checks. */
	request.fields.home_agent = ip.source;
	reply = fa_world_reply_to(&request);
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	length = fa_world_write_reply(&reply, NULL, NULL, message);
	send_frame(&world, WORLD_OTHER_VISITED, &ip, &udp, message, length, WRONG);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_int_equal(fa_world_code(&world), -1);
	send_frame(&world, WORLD_OTHER_VISITED, &ip, &udp, message, length, ABSENT);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_end(&world);
}

/* Two nodes with the same home address, which each has from a network of its own. */
static void requests_with_the_same_home_address_are_told_apart_by_the_nai(void **state)
{
	/* rfc5944-3.7.3.1-3, rfc5944-AppF-1 */
	struct fa_world world;
	struct fa_world_request alice = fa_world_request(), bob = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&bob);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	alice.nai = "alice@example.org";
	bob.nai = "bob@example.org";
	bob.link_address = link_address(0x51);
	bob.fields.identification++;
	fa_world_begin(&world);
	fa_world_send(&world, &alice, message);
	fa_world_send(&world, &bob, message);
	assert_int_equal(fa_core_pending_count(world.core), 2);
	fa_world_clear(&world);
	/* The identification of the one, and the name of the other. */
	reply.identification = alice.fields.identification;
	length = fa_world_write_reply(&reply, "bob@example.org", NULL, message);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_core_pending_count(world.core), 2);
	assert_int_equal(fa_world_code(&world), -1);
	/* Bob's own. */
	reply.identification = bob.fields.identification;
	length = fa_world_write_reply(&reply, "bob@example.org", NULL, message);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_true(mip_link_address_equal(
		fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination, link_address(0x51)));
	fa_world_end(&world);
}

/* RFC 4282 2.4: the realm is compared without regard to case, the user name with it. rfc5944-3.7.2.1-5 */
static void a_node_is_known_by_its_name_in_whatever_case_the_realm_is(void **state)
{
	static const struct {
		const char *nai;
		int code;
	} cases[] = {{"alice@example.org", 67}, {"alice@EXAMPLE.Org", 67}, {"Alice@example.org", -1},
		{"alice@example.or", -1}};
	struct fa_mobile_node_settings node = {
		.nai = "alice@Example.org", .association = fa_world_association(2000)};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct fa_world_request request = fa_world_request();
		uint8_t message[WORLD_MESSAGE];
		struct fa_world world;

		request.nai = cases[i].nai;
		fa_world_init(&world);
		world.settings.mobile_nodes = &node;
		world.settings.mobile_node_count = 1;
		fa_world_start(&world);
		fa_world_send(&world, &request, message);
		assert_int_equal(fa_world_code(&world), cases[i].code);
		fa_world_end(&world);
	}
	mip_association_unref(node.association);
}

/* The authentication extension of this type before the Mobile-Home one, which then is not covered by it. */
static size_t write_misplaced(uint8_t type, const struct mip_association *association, const uint8_t *message,
	size_t fixed, size_t length, uint8_t *whole)
{
	struct mip_writer writer = mip_writer_of(whole, WORLD_MESSAGE);

	mip_write_octets(&writer, message, fixed);
	assert_int_equal(mip_authenticator_append(&writer, type, 0, association), 0);
	mip_write_octets(&writer, message + fixed, length - fixed);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

/* 3.6.1.3: c. the authorization-enabling extensions, … e. the Mobile-Foreign Authentication Extension. */
static void a_mobile_foreign_authentication_in_the_wrong_place_gets_code_67(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct fa_mobile_node_settings node = {
		.home_address = address("10.1.0.50"), .association = fa_world_association(4000)};
	uint8_t message[WORLD_MESSAGE], whole[WORLD_MESSAGE];
	size_t length = fa_world_write_request(&request, message);

	(void)state;
	fa_world_init(&world);
	world.settings.mobile_nodes = &node;
	world.settings.mobile_node_count = 1;
	fa_world_start(&world);
	fa_world_clear(&world);
	length = write_misplaced(MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, node.association, message,
		MIP_REQUEST_LENGTH, length, whole);
	fa_world_send_message(&world, &request, whole, length);
	assert_int_equal(fa_world_code(&world), 67);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
	mip_association_unref(node.association);
}

/* 3.8.3.3: c. the Mobile-Home Authentication Extension, … e. the Foreign-Home Authentication Extension. */
static void a_foreign_home_authentication_in_the_wrong_place_ends_with_code_68(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	struct fa_home_agent_settings home_agent = {
		.address = address("10.1.0.1"), .association = fa_world_association(3000)};
	uint8_t message[WORLD_MESSAGE], whole[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_init(&world);
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	length = fa_world_write_reply(&reply, NULL, NULL, message);
	length = write_misplaced(MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, home_agent.association, message,
		MIP_REPLY_LENGTH, length, whole);
	fa_world_deliver(&world, address("10.1.0.1"), whole, length);
	assert_int_equal(fa_world_code(&world), 68);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	fa_world_end(&world);
	mip_association_unref(home_agent.association);
}

/* A home agent whose replies have their extensions in another order, and more of them. */
static void write_before(struct mip_writer *writer)
{
	mip_extension_write(writer, 200, "x", 1);
	mip_write8(writer, 0);
	mip_extension_write(writer, MIP_EXTENSION_VENDOR, "\0\0\0\0\x10\x92\0\1", 8);
}

static void a_reply_with_its_extensions_in_another_order_is_relayed_up_to_the_authorization(void **state)
{
	/* rfc5944-3.7.3.2-5, rfc5944-3.7.3.2-7 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE], whole[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(whole, sizeof(whole));
	size_t authentication, authorized;
	struct mip_reader relayed;
	struct mip_ip ip;
	struct mip_udp udp;

	(void)state;
	fa_world_begin(&world);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	authentication = fa_world_write_reply(&reply, NULL, NULL, message) - MIP_REPLY_LENGTH;
	mip_write_octets(&writer, message, MIP_REPLY_LENGTH);
	write_before(&writer);
	mip_write_octets(&writer, message + MIP_REPLY_LENGTH, authentication);
	authorized = writer.length;
	write_before(&writer);
	fa_world_deliver(&world, address("10.1.0.1"), whole, writer.length);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	relayed = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(mip_reader_left(&relayed), authorized);
	assert_memory_equal(mip_read_octets(&relayed, authorized), whole, authorized);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_counts_without_a_checksum_but_not_with_a_wrong_one),
		cmocka_unit_test(a_reply_counts_without_a_checksum_but_not_with_a_wrong_one),
		cmocka_unit_test(requests_with_the_same_home_address_are_told_apart_by_the_nai),
		cmocka_unit_test(a_node_is_known_by_its_name_in_whatever_case_the_realm_is),
		cmocka_unit_test(a_mobile_foreign_authentication_in_the_wrong_place_gets_code_67),
		cmocka_unit_test(a_foreign_home_authentication_in_the_wrong_place_ends_with_code_68),
		cmocka_unit_test(
			a_reply_with_its_extensions_in_another_order_is_relayed_up_to_the_authorization),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

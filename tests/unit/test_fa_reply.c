/*
 * Replies at a foreign agent (RFC 5944 3.7.3): which request they belong to, what makes them be dropped, what
 * is relayed, octet for octet; and the ICMP errors that come instead.
 */
#include "fa_world.h"

#include <string.h>

#include "address.h"

/* The world starts, and the request is sent. */
static void start(struct fa_world *world, const struct fa_world_request *request)
{
	uint8_t message[WORLD_MESSAGE];

	fa_world_start(world);
	fa_world_send(world, request, message);
	fa_world_clear(world);
}

/* The same, with the usual settings. */
static void begin(struct fa_world *world, const struct fa_world_request *request)
{
	fa_world_init(world);
	start(world, request);
}

static void an_accepted_reply_is_relayed_to_the_link_address_of_the_request(void **state)
{
	/* rfc5944-1.7-3, rfc5944-3.7.1-2, rfc5944-3.7-3, rfc5944-3.7.3.1-2, rfc5944-3.7.3.2-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, NULL, NULL, message);
	const struct mip_output *frame;
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;

	(void)state;
	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	frame = fa_world_only(&world, MIP_OUTPUT_FRAME);
	assert_int_equal(frame->frame.link, WORLD_VISITED);
	assert_true(mip_link_address_equal(frame->frame.destination, request.link_address));
	reader = fa_world_open(frame, &ip, &udp);
	assert_true(mip_address_equal(ip.source, address("10.2.0.1")));
	assert_true(mip_address_equal(ip.destination, address("10.1.0.50")));
	assert_int_equal(udp.source_port, 434);
	assert_int_equal(udp.destination_port, 1434);
	assert_int_equal(reader.length, length);
	assert_memory_equal(reader.octets, message, length);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_end(&world);
}

static void write_trailer(struct mip_writer *writer)
{
	mip_extension_write(writer, 200, "xyz", 3);
}

static void extensions_after_the_authorization_are_not_relayed(void **state)
{
	/* rfc5944-3.7.3.2-5, rfc5944-3.7.3.2-6, rfc5944-3.7.3.2-7, rfc5944-AppF-5 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t authorized = fa_world_write_reply(&reply, NULL, NULL, message);
	size_t length = fa_world_write_reply(&reply, NULL, write_trailer, message);
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;

	(void)state;
	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	reader = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(reader.length, authorized);
	assert_memory_equal(reader.octets, message, authorized);
	fa_world_end(&world);
}

static void a_denial_of_the_home_agent_is_relayed_and_makes_no_visitor(void **state)
{
	/* rfc5944-3.7.3.2-4, rfc5944-3.7.3.2-8 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);

	(void)state;
	reply.code = MIP_CODE_HA_IDENTIFICATION_MISMATCH;
	reply.identification ^= (uint64_t)0xdeadbeef << 32; /* the high half is the home agent's */
	begin(&world, &request);
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_code(&world), 133);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

static void check_unexpected(
	const struct mip_registration_reply *reply, const char *source, const char *counter)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(reply, NULL, NULL, message);

	begin(&world, &request);
	fa_world_deliver(&world, address(source), message, length);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_int_equal(fa_world_counter(&world, counter), 1);
	fa_world_end(&world);
}

static void a_reply_that_no_request_matches_is_dropped_in_silence(void **state)
{
	/* rfc5944-3.7-3, rfc5944-3.7.3.1-2, rfc5944-3.7.3.1-4, rfc5944-3.7.3.1-5 */
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);

	(void)state;
	reply.identification ^= 1; /* the low half */
	check_unexpected(&reply, "10.1.0.1", "drop_unexpected_reply");
	reply = fa_world_reply_to(&request);
	reply.home_address = address("10.1.0.51");
	check_unexpected(&reply, "10.1.0.1", "drop_unexpected_reply");
}

static void a_reply_from_anyone_but_the_home_agent_is_dropped(void **state)
{
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);

	(void)state;
	check_unexpected(&reply, "10.9.9.9", "drop_reply_source");
}

static void a_reply_comes_once_only(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);

	(void)state;
	begin(&world, &request);
	fa_world_reply(&world, &reply);
	fa_world_clear(&world);
	fa_world_reply(&world, &reply);
	assert_int_equal(world.count, 0);
	fa_world_end(&world);
}

static void code_136_may_come_from_another_home_agent_of_the_network(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;

	(void)state;
	request.fields.home_agent = address("10.1.0.255");
	reply = fa_world_reply_to(&request);
	reply.home_agent = address("10.1.0.1");
	reply.code = MIP_CODE_HA_UNKNOWN_HOME_AGENT;
	begin(&world, &request);
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_code(&world), 136);
	fa_world_end(&world);
}

static void deliver_by_link(struct fa_world *world, mip_link link, const struct mip_registration_reply *reply)
{
	uint8_t message[WORLD_MESSAGE], packet[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(reply, NULL, NULL, message);
	struct mip_ip ip = {.ttl = 60, .source = reply->home_agent, .destination = address("10.2.0.1")};
	struct mip_udp udp = {.source_port = 434, .destination_port = 434};
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = link, .source = link_address(9), .unicast = true, .ethertype = MIP_ETHERTYPE_IPV4};

	mip_udp_packet_write(&writer, &ip, &udp, message, length);
	frame.octets = writer.octets;
	frame.length = writer.length;
	fa_core_frame(world->core, &frame, world->now);
}

static void a_visitor_cannot_answer_its_own_request_in_the_home_agents_name(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);

	(void)state;
	begin(&world, &request);
	deliver_by_link(&world, WORLD_VISITED, &reply);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_world_counter(&world, "drop_reply_source"), 1);
	fa_world_end(&world);
}

static void a_reply_by_a_visited_link_counts_if_the_home_agent_is_there(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;

	(void)state;
	request.fields.home_agent = address("10.3.0.7");
	reply = fa_world_reply_to(&request);
	begin(&world, &request);
	deliver_by_link(&world, WORLD_OTHER_VISITED, &reply);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_end(&world);
}

static void write_unknown_mandatory(struct mip_writer *writer)
{
	mip_extension_write(writer, 100, "xyz", 3);
}

static void a_reply_with_an_unknown_extension_below_128_is_dropped_in_silence(void **state)
{
	/* rfc5944-1.8-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, NULL, write_unknown_mandatory, message);

	(void)state;
	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_int_equal(fa_world_counter(&world, "drop_unknown_extension"), 1);
	fa_world_end(&world);
}

static void a_poorly_formed_reply_ends_with_code_71(void **state)
{
	/* rfc5944-3.5.2-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, NULL, NULL, message);

	(void)state;
	for (size_t cut = MIP_REPLY_LENGTH; cut < length; cut += 3) { /* also without any extension */
		begin(&world, &request);
		fa_world_deliver(&world, address("10.1.0.1"), message, cut);
		assert_int_equal(fa_world_code(&world), 71);
		assert_int_equal(fa_core_visitor_count(world.core), 0);
		assert_int_equal(fa_core_pending_count(world.core), 0);
		fa_world_end(&world);
	}
}

static void write_critical_vendor(struct mip_writer *writer)
{
	mip_extension_write_long(writer, MIP_EXTENSION_CRITICAL_VENDOR, 0, "\0\0\x10\x92\0\1v", 7);
}

static void a_reply_with_a_critical_vendor_extension_ends_with_code_101(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, NULL, write_critical_vendor, message);

	(void)state;
	/* RFC 3115 2.3: a transit node for the reply: a registration reject MUST be sent. */
	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_world_code(&world), 101);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

/* --- RFC 4636: what is refused of a reply ------------------------------------------------------ */

/* rfc4721-3.3-11, rfc4721-3.3-12, RFC 4636 4: the home agent's reply stays as it is, its code too, and the
 * extension comes after it: four octets more in the UDP length. */
static void a_reply_that_is_refused_is_passed_on_with_an_error(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;
	size_t length;

	(void)state;
	reply.home_agent = address("224.0.0.1");
	length = fa_world_write_reply(&reply, NULL, NULL, message);
	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	reader = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(reader.length, length + 4);
	assert_memory_equal(reader.octets, message, length);
	assert_memory_equal(reader.octets + length, "\x2d\x02\x00\x47", 4); /* 45, length 2, sub-type 0, 71 */
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	assert_int_equal(fa_world_counter(&world, "replies_refused"), 1);
	assert_int_equal(fa_world_counter(&world, "reply_0"), 1);
	fa_world_end(&world);
}

/* rfc4721-3.3-11: without a reply of the home agent's that could be preserved, the code stands in the code
 * field. */
static void a_reply_without_an_authenticator_to_preserve_is_answered_for(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_write_reply(&reply, NULL, NULL, message);
	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, MIP_REPLY_LENGTH);
	assert_int_equal(fa_world_code(&world), 71);
	assert_int_equal(fa_world_counter(&world, "replies_refused"), 0);
	fa_world_end(&world);
}

/* --- Foreign-Home authentication -------------------------------------------------------------- */

static void write_foreign_home(struct mip_writer *writer)
{
	struct mip_association *key = fa_world_association(3000);

	assert_int_equal(
		mip_authenticator_append(writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, key), 0);
	mip_association_unref(key);
}

static void write_wrong_foreign_home(struct mip_writer *writer)
{
	write_foreign_home(writer);
	writer->octets[writer->length - 1] ^= 1;
}

static void write_foreign_home_twice(struct mip_writer *writer)
{
	write_foreign_home(writer);
	write_foreign_home(writer);
}

static int code_with_association(uint16_t lifetime, void (*trailer)(struct mip_writer *writer))
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct fa_home_agent_settings home_agent = {
		.address = address("10.1.0.1"), .association = fa_world_association(3000)};
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	size_t length;
	int code;

	request.fields.lifetime = lifetime;
	reply = fa_world_reply_to(&request);
	length = fa_world_write_reply(&reply, NULL, trailer, message);
	fa_world_init(&world);
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	start(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	code = fa_world_code(&world);
	assert_int_equal(fa_core_visitor_count(world.core), code == 0 && lifetime ? 1 : 0);
	fa_world_end(&world);
	mip_association_unref(home_agent.association);
	return code;
}

static void foreign_home_authentication_is_required_of_registrations_only(void **state)
{
	/* rfc5944-3.7.1-8, rfc5944-3.7.3.1-6, rfc5944-3.7.3.1-7, rfc5944-3.7.3.1-8, rfc5944-3.7.3.1-9,
	 * rfc5944-5.1-2 */
	(void)state;
	assert_int_equal(code_with_association(600, write_foreign_home), 0);
	assert_int_equal(code_with_association(600, NULL), 68);
	assert_int_equal(code_with_association(600, write_wrong_foreign_home), 68);
	assert_int_equal(code_with_association(600, write_foreign_home_twice), 68);
	assert_int_equal(code_with_association(0, NULL), 0);
	assert_int_equal(code_with_association(0, write_wrong_foreign_home), 68);
}

/* RFC 5944 3.5.4: the association "is selected by the foreign agent based on the value of the home agent
 * Address field of the Registration Reply": here the request went to everyone on the home network. */
static void the_association_is_that_of_the_home_agent_in_the_reply(void **state)
{
	static void (*const trailers[])(struct mip_writer * writer) = {
		write_foreign_home, write_wrong_foreign_home};
	static const int codes[] = {136, 68};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fa_world world;
		struct fa_world_request request = fa_world_request();
		struct fa_home_agent_settings home_agent = {
			.address = address("10.1.0.1"), .association = fa_world_association(3000)};
		struct mip_registration_reply reply;
		uint8_t message[WORLD_MESSAGE];
		size_t length;

		request.fields.home_agent = address("10.1.0.255");
		reply = fa_world_reply_to(&request);
		reply.home_agent = address("10.1.0.1");
		reply.code = MIP_CODE_HA_UNKNOWN_HOME_AGENT;
		length = fa_world_write_reply(&reply, NULL, trailers[i], message);
		fa_world_init(&world);
		world.settings.home_agents = &home_agent;
		world.settings.home_agent_count = 1;
		start(&world, &request);
		fa_world_deliver(&world, address("10.1.0.1"), message, length);
		assert_int_equal(fa_world_code(&world), codes[i]);
		fa_world_end(&world);
		mip_association_unref(home_agent.association);
	}
}

static void a_relayed_reply_is_authenticated_to_a_node_that_has_an_association(void **state)
{
	/* rfc5944-3.7.1-9, rfc5944-3.7.3.2-6, rfc5944-3.7.3.2-7 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct fa_mobile_node_settings node = {
		.nai = "alice@example.org", .association = fa_world_association(2000)};
	struct mip_registration_reply reply = fa_world_reply_to(&request), relayed;
	struct mip_extensions extensions;
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, "alice@example.org", NULL, message);
	struct mip_writer request_writer;
	uint8_t request_message[WORLD_MESSAGE];

	(void)state;
	request.nai = "alice@example.org";
	fa_world_init(&world);
	world.settings.mobile_nodes = &node;
	world.settings.mobile_node_count = 1;
	fa_world_start(&world);
	request_writer = mip_writer_of(request_message, sizeof(request_message));
	request_writer.length = fa_world_write_request(&request, request_message);
	assert_int_equal(mip_authenticator_append(&request_writer,
				 MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, node.association),
		0);
	fa_world_send_message(&world, &request, request_message, request_writer.length);
	fa_world_clear(&world);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	reader = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(reader.length, length + 6 + 16);
	assert_memory_equal(reader.octets, message, length);
	assert_int_equal(mip_reply_read(&reader, &relayed), 0);
	assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
	assert_int_equal(mip_authenticator_check(node.association, reader.octets,
				 &extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]),
		0);
	fa_world_end(&world);
	mip_association_unref(node.association);
}

/* --- RFC 2794 --------------------------------------------------------------------------------- */

static struct fa_world_request nameless_request(void)
{
	struct fa_world_request request = fa_world_request();

	request.fields.home_address = (struct mip_address){0};
	request.source = (struct mip_address){0};
	request.nai = "alice@example.org";
	return request;
}

static int code_of_nameless(struct mip_registration_reply *reply, const char *nai, struct mip_ip *ret_ip)
{
	struct fa_world world;
	struct fa_world_request request = nameless_request();
	struct mip_udp udp;
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(reply, nai, NULL, message);
	int code;

	begin(&world, &request);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	code = fa_world_code(&world);
	if (code >= 0)
		fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), ret_ip, &udp);
	assert_int_equal(fa_core_visitor_count(world.core), code == 0 ? 1 : 0);
	fa_world_end(&world);
	return code;
}

static void a_node_without_a_home_address_is_found_by_its_nai(void **state)
{
	/* rfc5944-3.7.1-3, rfc5944-3.7.3.1-4 */
	struct fa_world_request request = nameless_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	struct mip_ip ip;

	(void)state;
	reply.home_address = address("10.1.0.101");
	assert_int_equal(code_of_nameless(&reply, "alice@example.org", &ip), 0);
	assert_true(mip_address_equal(ip.destination, address("10.1.0.101")));
	assert_int_equal(code_of_nameless(&reply, "bob@example.org", &ip), -1);
}

/* rfc2794-3-4, -6 */
static void what_the_nai_needs_and_a_reply_lacks_gets_codes_97_to_99(void **state)
{
	/* rfc5944-3.7.1-3 */
	struct fa_world_request request = nameless_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	struct mip_ip ip;

	(void)state;
	assert_int_equal(code_of_nameless(&reply, "alice@example.org", &ip), 99);
	assert_true(mip_address_equal(ip.destination, address("255.255.255.255")));
	reply.home_address = address("10.1.0.101");
	assert_int_equal(code_of_nameless(&reply, NULL, &ip), 97);
	reply.home_agent = (struct mip_address){0};
	assert_int_equal(code_of_nameless(&reply, "alice@example.org", &ip), 98);
}

static void a_denial_without_a_home_address_goes_to_the_broadcast_address(void **state)
{
	struct fa_world_request request = nameless_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	struct mip_ip ip;

	(void)state;
	reply.code = MIP_CODE_HA_PROHIBITED;
	assert_int_equal(code_of_nameless(&reply, "alice@example.org", &ip), 129);
	assert_true(mip_address_equal(ip.destination, address("255.255.255.255")));
}

/* --- ICMP errors ------------------------------------------------------------------------------ */

static int code_of_icmp(uint8_t type, uint8_t code, const char *destination, bool alter)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	struct mip_input_icmp_error error = {
		.destination = address(destination),
		.destination_port = 434,
		.type = type,
		.code = code,
		.octets = message,
		.length = fa_world_write_request(&request, message),
	};
	int result;

	message[23] ^= alter;
	begin(&world, &request);
	fa_core_icmp_error(world.core, &error, world.now);
	fa_world_wait(&world, 0);
	result = fa_world_code(&world);
	assert_int_equal(fa_core_pending_count(world.core), result == -1 ? 1 : 0);
	fa_world_end(&world);
	return result;
}

static void icmp_errors_get_codes_80_to_88(void **state)
{
	/* rfc5944-3.7.3-1 */
	(void)state;
	assert_int_equal(code_of_icmp(3, 0, "10.1.0.1", false), 80);
	assert_int_equal(code_of_icmp(3, 1, "10.1.0.1", false), 81);
	assert_int_equal(code_of_icmp(3, 3, "10.1.0.1", false), 82);
	assert_int_equal(code_of_icmp(3, 13, "10.1.0.1", false), 88);
	assert_int_equal(code_of_icmp(11, 0, "10.1.0.1", false), 88);
}

static void icmp_errors_about_something_else_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(code_of_icmp(3, 3, "10.1.0.2", false), -1);
	assert_int_equal(code_of_icmp(3, 3, "10.1.0.1", true), -1); /* another identification */
	assert_int_equal(code_of_icmp(3, 4, "10.1.0.1", false), -1);
	assert_int_equal(code_of_icmp(5, 0, "10.1.0.1", false), -1);
}

static void an_icmp_error_that_quotes_too_little_could_be_anybodys(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	struct mip_input_icmp_error error = {
		.destination = address("10.1.0.1"),
		.destination_port = 434,
		.type = 3,
		.code = 3,
		.octets = message,
	};

	(void)state;
	(void)fa_world_write_request(&request, message);
	begin(&world, &request);
	for (error.length = 0; error.length < 24; error.length++)
		fa_core_icmp_error(world.core, &error, world.now);
	fa_world_wait(&world, 0);
	assert_int_equal(fa_world_code(&world), -1);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	assert_int_equal(fa_world_counter(&world, "drop_unexpected_icmp"), 24);
	error.length = 24;
	fa_core_icmp_error(world.core, &error, world.now);
	fa_world_wait(&world, 0);
	assert_int_equal(fa_world_code(&world), 82);
	fa_world_end(&world);
}

static void so_many_icmp_errors_are_looked_at_in_a_second(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	struct mip_input_icmp_error error = {
		.destination = address("10.1.0.1"),
		.destination_port = 434,
		.type = 3,
		.code = 3,
		.octets = message,
		.length = fa_world_write_request(&request, message),
	};

	(void)state;
	message[23] ^= 1;
	fa_world_init(&world);
	world.settings.limits.icmp_errors = 10;
	fa_world_start(&world);
	for (int i = 0; i < 1000; i++)
		fa_core_icmp_error(world.core, &error, world.now);
	assert_int_equal(fa_world_counter(&world, "drop_unexpected_icmp"), 10);
	assert_int_equal(fa_world_counter(&world, "drop_icmp_error_limit"), 990);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_reply_is_relayed_to_the_link_address_of_the_request),
		cmocka_unit_test(extensions_after_the_authorization_are_not_relayed),
		cmocka_unit_test(a_denial_of_the_home_agent_is_relayed_and_makes_no_visitor),
		cmocka_unit_test(a_reply_that_no_request_matches_is_dropped_in_silence),
		cmocka_unit_test(a_reply_from_anyone_but_the_home_agent_is_dropped),
		cmocka_unit_test(a_reply_comes_once_only),
		cmocka_unit_test(code_136_may_come_from_another_home_agent_of_the_network),
		cmocka_unit_test(a_visitor_cannot_answer_its_own_request_in_the_home_agents_name),
		cmocka_unit_test(a_reply_by_a_visited_link_counts_if_the_home_agent_is_there),
		cmocka_unit_test(a_reply_with_an_unknown_extension_below_128_is_dropped_in_silence),
		cmocka_unit_test(a_poorly_formed_reply_ends_with_code_71),
		cmocka_unit_test(a_reply_with_a_critical_vendor_extension_ends_with_code_101),
		cmocka_unit_test(a_reply_that_is_refused_is_passed_on_with_an_error),
		cmocka_unit_test(a_reply_without_an_authenticator_to_preserve_is_answered_for),
		cmocka_unit_test(foreign_home_authentication_is_required_of_registrations_only),
		cmocka_unit_test(the_association_is_that_of_the_home_agent_in_the_reply),
		cmocka_unit_test(a_relayed_reply_is_authenticated_to_a_node_that_has_an_association),
		cmocka_unit_test(a_node_without_a_home_address_is_found_by_its_nai),
		cmocka_unit_test(what_the_nai_needs_and_a_reply_lacks_gets_codes_97_to_99),
		cmocka_unit_test(a_denial_without_a_home_address_goes_to_the_broadcast_address),
		cmocka_unit_test(icmp_errors_get_codes_80_to_88),
		cmocka_unit_test(icmp_errors_about_something_else_change_nothing),
		cmocka_unit_test(an_icmp_error_that_quotes_too_little_could_be_anybodys),
		cmocka_unit_test(so_many_icmp_errors_are_looked_at_in_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

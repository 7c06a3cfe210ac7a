/*
 * Requests of nodes that leave the choice of their home agent open (RFC 4433 5.2) or look for one by the
 * broadcast address of their home network (RFC 5944 3.6.1.2), and of nodes that have a name only (RFC 2794
 * 3).
 */
#include <string.h>

#include "fa_world.h"

#define NAI "alice@example.org"

static struct mip_address requested;

/* Before what the home agent can check. */
static size_t write_request(
	const struct fa_world_request *request, bool after, uint8_t message[WORLD_MESSAGE])
{
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);
	uint8_t *room;

	mip_request_write(&writer, &request->fields);
	if (request->nai)
		mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, request->nai, strlen(request->nai));
	if (!after)
		mip_dynamic_home_agent_write(&writer, MIP_REQUESTED_HOME_AGENT, requested);
	room = mip_authentication_write(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
	assert_non_null(room);
	if (after)
		mip_dynamic_home_agent_write(&writer, MIP_REQUESTED_HOME_AGENT, requested);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

/* A node without a home address that leaves the choice open. */
static struct fa_world_request open_request(const char *nai)
{
	struct fa_world_request request = fa_world_request();

	request.fields.home_address = (struct mip_address){0};
	request.fields.home_agent = (struct mip_address){0};
	request.source = (struct mip_address){0};
	request.nai = nai;
	return request;
}

static void send_requesting(
	struct fa_world *world, const struct fa_world_request *request, const char *home_agent)
{
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	requested = address(home_agent);
	length = write_request(request, false, message);
	fa_world_send_message(world, request, message, length);
}

static struct mip_address relayed_to(const struct fa_world *world)
{
	return fa_world_only(world, MIP_OUTPUT_DATAGRAM)->datagram.destination;
}

#define assert_relayed_to(world, text) assert_int_equal(relayed_to(world).value, address(text).value)

/* rfc4433-5.2-2, rfc4433-3.4.1-2: "the FA MUST forward the Registration Request to the address in this
 * extension", which it copies. */
static void a_request_goes_to_the_home_agent_that_it_requests(void **state)
{
	struct fa_world world;
	struct fa_world_request request = open_request(NAI);
	const struct mip_output *output;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	send_requesting(&world, &request, "10.9.0.1");
	assert_relayed_to(&world, "10.9.0.1");
	output = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_int_equal(output->length, write_request(&request, false, message));
	assert_memory_equal(output->octets, message, output->length);
	/* … whatever the Home Agent field has. */
	fa_world_clear(&world);
	request.fields.home_agent = address("10.1.0.1");
	request.fields.identification++;
	send_requesting(&world, &request, "10.9.0.1");
	assert_relayed_to(&world, "10.9.0.1");
	fa_world_end(&world);
}

/* rfc4433-5.2-3: "If the HA address in this extension is not a routable unicast address, the FA MUST reject
 * the request with error code NONZERO-HA-REQD." rfc4433-6-1. */
static void a_requested_home_agent_that_cannot_be_one_is_code_90(void **state)
{
	static const char *const bad[] = {"0.0.0.0", "255.255.255.255", "224.0.0.11", "127.0.0.1",
		"240.0.0.1", "169.254.1.1", "10.2.0.255", "192.0.2.255"};
	struct fa_world world;
	struct fa_world_request request = open_request(NAI);

	(void)state;
	fa_world_init(&world);
	world.settings.default_home_agent = address("10.1.0.1");
	fa_world_start(&world);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(bad); i++) {
		fa_world_wait(&world, 2 * MIP_SECOND);
		fa_world_clear(&world);
		send_requesting(&world, &request, bad[i]);
		assert_int_equal(fa_world_code(&world), MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED);
		assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	}
	/* An address of this host is one that it must not relay to (rfc5944-3.7.2-3). */
	fa_world_wait(&world, 2 * MIP_SECOND);
	fa_world_clear(&world);
	send_requesting(&world, &request, "10.2.0.1");
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS);
	assert_int_equal(fa_world_counter(&world, "reply_90"), MIP_ARRAY_SIZE(bad));
	fa_world_end(&world);
}

/* rfc4433-5.2-1: "If the FA cannot obtain the Requested HA to which to forward a Registration Request from
 * the MN, it MUST reject request with error code NONZERO-HA-REQD." */
static void without_a_home_agent_to_be_had_it_is_code_90(void **state)
{
	struct fa_world world;
	struct fa_world_request request = open_request(NAI);
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED);
	fa_world_wait(&world, 2 * MIP_SECOND);
	fa_world_clear(&world);
	request.fields.home_agent = address("255.255.255.255");
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED);
	/* Where only named home agents are served, it is the same. */
	fa_world_end(&world);
	fa_world_init(&world);
	world.settings.home_agents_only = true;
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED);
	fa_world_end(&world);
}

/* One that the home agent could not check is removed, and does not count. */
static void a_requested_home_agent_behind_the_authenticator_does_not_count(void **state)
{
	struct fa_world world;
	struct fa_world_request request = open_request(NAI);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_init(&world);
	world.settings.default_home_agent = address("10.1.0.1");
	fa_world_start(&world);
	fa_world_clear(&world);
	requested = address("10.9.0.1");
	length = write_request(&request, true, message);
	fa_world_send_message(&world, &request, message, length);
	assert_relayed_to(&world, "10.1.0.1");
	assert_int_equal(fa_world_only(&world, MIP_OUTPUT_DATAGRAM)->length, length - 8);
	fa_world_end(&world);
}

/* RFC 4433 5.2, 6: what it knows itself: a home agent for the realm of the name, or the default. */
static void the_choice_is_by_realm_or_the_default(void **state)
{
	static const struct {
		const char *nai, *home_agent;
	} cases[] = {{"alice@example.org", "10.1.0.7"}, {"bob@EXAMPLE.ORG", "10.1.0.7"},
		{"eve@org", "10.1.0.1"}, {"eve@badexample.org", "10.1.0.1"}, {"example.org", "10.1.0.1"}};
	const struct fa_home_agent_settings agents[] = {
		{.address = address("10.1.0.6")}, {.address = address("10.1.0.7"), .realm = "example.org"}};
	struct fa_world world;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_init(&world);
	world.settings.default_home_agent = address("10.1.0.1");
	world.settings.home_agents = agents;
	world.settings.home_agent_count = 2;
	fa_world_start(&world);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct fa_world_request request = open_request(cases[i].nai);

		request.fields.identification += i;
		request.link_address = link_address((uint8_t)(0x60 + i));
		fa_world_clear(&world);
		fa_world_send(&world, &request, message);
		assert_relayed_to(&world, cases[i].home_agent);
	}
	fa_world_end(&world);
}

/* RFC 4433 4.1.1: the reply comes from the home agent that was asked, and names itself; the visitor's tunnel
 * ends there. */
static void the_assigned_home_agent_is_the_visitor_s(void **state)
{
	struct fa_world world;
	struct fa_world_request request = open_request(NAI);
	struct mip_registration_reply reply;
	struct fa_visitor_view view;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_init(&world);
	world.settings.default_home_agent = address("10.1.0.1");
	fa_world_start(&world);
	fa_world_send(&world, &request, message);
	reply = fa_world_reply_to(&request);
	reply.home_address = address("10.1.0.100");
	reply.home_agent = address("10.1.0.1");
	length = fa_world_write_reply(&reply, NAI, NULL, message);
	fa_world_clear(&world);
	fa_world_deliver(&world, address("10.1.0.3"), message, length);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_FRAME), 0); /* not who was asked */
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_world_code(&world), MIP_CODE_ACCEPTED);
	assert_true(fa_world_view(&world, address("10.1.0.100"), &view));
	assert_true(view.registered);
	assert_int_equal(view.home_agent.value, address("10.1.0.1").value);
	assert_int_equal(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL)->tunnel.remote.value,
		address("10.1.0.1").value);
	fa_world_end(&world);
}

static void write_redirected(
	struct mip_registration_reply *reply, uint8_t message[WORLD_MESSAGE], size_t *ret_length)
{
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);

	mip_reply_write(&writer, reply);
	mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, NAI, strlen(NAI));
	mip_dynamic_home_agent_write(&writer, MIP_REDIRECTED_HOME_AGENT, address("10.1.0.2"));
	assert_non_null(
		mip_authentication_write(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16));
	*ret_length = writer.length;
}

/* RFC 4433 4.2.1 step 4: the FA relays the reply with the Redirected HA extension to the node. */
static void a_redirection_is_relayed_as_it_is(void **state)
{
	struct fa_world world;
	struct fa_world_request request = open_request(NAI);
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	struct mip_reader relayed;
	struct mip_udp udp;
	struct mip_ip ip;
	size_t length;

	(void)state;
	fa_world_begin(&world);
	send_requesting(&world, &request, "10.1.0.1");
	fa_world_clear(&world);
	reply.code = MIP_CODE_HA_REDIRECT;
	reply.home_agent = address("10.1.0.1");
	write_redirected(&reply, message, &length);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	relayed = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(mip_reader_left(&relayed), length);
	assert_memory_equal(relayed.octets + relayed.position, message, length);
	assert_int_equal(fa_world_counter(&world, "reply_143"), 1);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	fa_world_end(&world);
}

/* --- dynamic home agent address resolution ---------------------------------------------------- */

/* RFC 5944 3.7.2.2: the destination is copied from the Home Agent field, which may be a broadcast address.
 * Who answers does so from its own address, in denial. */
static void a_broadcast_is_relayed_and_its_denials_come_back(void **state)
{
	static const uint8_t codes[] = {MIP_CODE_HA_UNKNOWN_HOME_AGENT, MIP_CODE_HA_IDENTIFICATION_MISMATCH};
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_begin(&world);
	request.fields.home_agent = address("10.1.0.255");
	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		request.fields.identification++;
		fa_world_clear(&world);
		fa_world_send(&world, &request, message);
		assert_relayed_to(&world, "10.1.0.255");
		fa_world_clear(&world);
		reply = fa_world_reply_to(&request);
		reply.code = codes[i];
		reply.home_agent = address("10.1.0.2");
		length = fa_world_write_reply(&reply, NULL, NULL, message);
		/* In nobody else's name … */
		fa_world_deliver(&world, address("10.1.0.3"), message, length);
		assert_int_equal(fa_world_count(&world, MIP_OUTPUT_FRAME), 0);
		fa_world_deliver(&world, address("10.1.0.2"), message, length);
		assert_int_equal(fa_world_code(&world), codes[i]);
	}
	/* … and nobody accepts what was sent to all. */
	request.fields.identification++;
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	fa_world_clear(&world);
	reply = fa_world_reply_to(&request);
	reply.home_agent = address("10.1.0.2");
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_FRAME), 0);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	fa_world_end(&world);
}

static struct mip_association *shared;

static void authenticated(struct mip_writer *writer)
{
	assert_int_equal(
		mip_authenticator_append(writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, shared), 0);
}

/* rfc5944-3.7.3.1-7 to -9: an association that is shared with the one that answers counts. */
static void a_denial_of_a_known_home_agent_must_be_authentic(void **state)
{
	struct fa_home_agent_settings agent = {.address = address("10.1.0.2")};
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	agent.association = shared = fa_world_association(2000);
	fa_world_init(&world);
	world.settings.home_agents = &agent;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	request.fields.home_agent = address("10.1.0.255");
	for (int i = 0; i < 2; i++) {
		fa_world_wait(&world, 2 * MIP_SECOND);
		request.fields.identification++;
		fa_world_send(&world, &request, message);
		fa_world_clear(&world);
		reply = fa_world_reply_to(&request);
		reply.code = MIP_CODE_HA_UNKNOWN_HOME_AGENT;
		reply.home_agent = address("10.1.0.2");
		length = fa_world_write_reply(&reply, NULL, i == 0 ? NULL : authenticated, message);
		fa_world_deliver(&world, address("10.1.0.2"), message, length);
		assert_int_equal(fa_world_code(&world), i == 0 ? MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION
							       : MIP_CODE_HA_UNKNOWN_HOME_AGENT);
	}
	fa_world_end(&world);
	mip_association_unref(shared);
}

/* --- names instead of addresses ---------------------------------------------------------------- */

static void give_home_address(
	struct fa_world *world, const struct fa_world_request *request, const char *home_address)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	reply.home_address = address(home_address);
	length = fa_world_write_reply(&reply, request->nai, NULL, message);
	fa_world_deliver(world, address("10.1.0.1"), message, length);
}

/* rfc2794-3-1: "If Home Address is zero in the Registration Request, the foreign agent MUST use the NAI
 * instead in its pending registration request records, along with the Identification field as usual." */
static void two_nodes_with_one_identification_are_told_apart_by_their_names(void **state)
{
	struct fa_world world;
	struct fa_world_request alice = fa_world_request(), bob;
	struct fa_visitor_view view;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	alice.fields.home_address = alice.source = (struct mip_address){0};
	bob = alice;
	alice.nai = NAI;
	bob.nai = "bob@example.org";
	bob.link_address = link_address(0x51);
	fa_world_send(&world, &alice, message);
	fa_world_send(&world, &bob, message);
	assert_int_equal(fa_core_pending_count(world.core), 2);
	fa_world_clear(&world);
	give_home_address(&world, &bob, "10.1.0.101");
	assert_true(mip_link_address_equal(
		fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination, link_address(0x51)));
	fa_world_clear(&world);
	give_home_address(&world, &alice, "10.1.0.100");
	assert_true(mip_link_address_equal(
		fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination, link_address(0x50)));
	assert_true(fa_world_view(&world, address("10.1.0.100"), &view));
	assert_string_equal(view.nai, NAI);
	assert_true(mip_link_address_equal(view.link_address, link_address(0x50)));
	assert_true(fa_world_view(&world, address("10.1.0.101"), &view));
	assert_string_equal(view.nai, "bob@example.org");
	assert_int_equal(fa_core_visitor_count(world.core), 2);
	/* From now on each is known by its address too. */
	alice.fields.home_address = alice.source = address("10.1.0.100");
	alice.fields.lifetime = 0;
	alice.fields.identification++;
	fa_world_send(&world, &alice, message);
	give_home_address(&world, &alice, "10.1.0.100");
	assert_false(fa_world_view(&world, address("10.1.0.100"), &view));
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	fa_world_end(&world);
}

/* rfc2794-3-2: "If the foreign agent cannot manage pending registration request records in this way, it MUST
 * return a Registration Reply with Code indicating NONZERO_HOMEADDR_REQD": without a name nobody can. */
static void a_request_with_neither_an_address_nor_a_name_gets_code_96(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	request.fields.home_address = request.source = (struct mip_address){0};
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), MIP_CODE_FA_NONZERO_HOMEADDR_REQUIRED);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

/* … and another node's request with the home address that the reply gives, and by chance the same
 * identification, is not the one that is meant (rfc5944-3.7.3.1-3). */
static void the_name_tells_apart_requests_with_the_home_address_of_the_reply(void **state)
{
	struct fa_world world;
	struct fa_world_request other = fa_world_request(), alice;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	other.nai = "bob@example.net";
	other.fields.home_address = other.source = address("10.1.0.100");
	alice = other;
	alice.fields.home_address = alice.source = (struct mip_address){0};
	alice.nai = NAI;
	alice.link_address = link_address(0x51);
	fa_world_send(&world, &other, message);
	fa_world_send(&world, &alice, message);
	fa_world_clear(&world);
	give_home_address(&world, &alice, "10.1.0.100");
	assert_int_equal(fa_world_code(&world), MIP_CODE_ACCEPTED);
	assert_true(mip_link_address_equal(
		fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination, link_address(0x51)));
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_to_the_home_agent_that_it_requests),
		cmocka_unit_test(a_requested_home_agent_that_cannot_be_one_is_code_90),
		cmocka_unit_test(without_a_home_agent_to_be_had_it_is_code_90),
		cmocka_unit_test(a_requested_home_agent_behind_the_authenticator_does_not_count),
		cmocka_unit_test(the_choice_is_by_realm_or_the_default),
		cmocka_unit_test(the_assigned_home_agent_is_the_visitor_s),
		cmocka_unit_test(a_redirection_is_relayed_as_it_is),
		cmocka_unit_test(a_broadcast_is_relayed_and_its_denials_come_back),
		cmocka_unit_test(a_denial_of_a_known_home_agent_must_be_authentic),
		cmocka_unit_test(two_nodes_with_one_identification_are_told_apart_by_their_names),
		cmocka_unit_test(a_request_with_neither_an_address_nor_a_name_gets_code_96),
		cmocka_unit_test(the_name_tells_apart_requests_with_the_home_address_of_the_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

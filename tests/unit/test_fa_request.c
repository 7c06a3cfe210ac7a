/*
 * Requests at a foreign agent (RFC 5944 3.7.2, RFC 3024 4.2.1, RFC 2794 3): each code, the order of the
 * checks, and the relayed request octet for octet.
 */
#include "fa_world.h"

#include <string.h>

#include "address.h"

/* The code that this request gets from a machine with these settings, -1 for silence. */
static int code_of(struct fa_world *world, const struct fa_world_request *request)
{
	uint8_t message[WORLD_MESSAGE];
	int code;

	fa_world_start(world);
	fa_world_clear(world);
	fa_world_send(world, request, message);
	code = fa_world_code(world);
	if (code != -1) {
		/* A denial leaves nothing behind. */
		assert_int_equal(fa_world_count(world, MIP_OUTPUT_DATAGRAM), 0);
		assert_int_equal(fa_core_pending_count(world->core), 0);
	}
	assert_int_equal(fa_core_visitor_count(world->core), 0);
	return code;
}

static int code_with_defaults(const struct fa_world_request *request)
{
	struct fa_world world;
	int code;

	fa_world_init(&world);
	code = code_of(&world, request);
	fa_world_end(&world);
	return code;
}

/* rfc3024-4.2.2-1: "Otherwise, the foreign agent MUST relay the Registration Request to the home …" */
static void a_good_request_is_relayed_whole(void **state)
{
	/* rfc5944-3.4-1, rfc5944-3.7-2, rfc5944-3.7.2-1, rfc5944-3.7.2.2-1, rfc5944-3.7.2.2-2,
	 * rfc5944-3.7.2.2-4 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	const struct mip_output *relayed;
	size_t length;

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	length = fa_world_send(&world, &request, message);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_true(mip_address_equal(relayed->datagram.source, address("10.2.0.1")));
	assert_true(mip_address_equal(relayed->datagram.destination, address("10.1.0.1")));
	assert_int_equal(relayed->datagram.destination_port, 434);
	assert_int_equal(relayed->length, length);
	assert_memory_equal(relayed->octets, message, length);
	assert_int_equal(fa_world_code(&world), -1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 0);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	fa_world_end(&world);
}

/* RFC 5944 3.4: the S bit is between the node and its home agent: relayed as it is. */
static void the_s_bit_is_relayed_as_it_is(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	const struct mip_output *relayed;
	size_t length;

	(void)state;
	request.fields.flags |= MIP_REQUEST_S;
	fa_world_begin(&world);
	fa_world_clear(&world);
	length = fa_world_send(&world, &request, message);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_memory_equal(relayed->octets, message, length);
	assert_int_equal(relayed->octets[1] & MIP_REQUEST_S, MIP_REQUEST_S);
	fa_world_end(&world);
}

static void write_trailer(struct mip_writer *writer)
{
	static const uint8_t vendor[10] = {0};

	mip_extension_write(writer, MIP_EXTENSION_VENDOR, vendor, sizeof(vendor));
	mip_extension_write(writer, 200, "xyz", 3);
}

static void extensions_after_the_authorization_are_not_relayed(void **state)
{
	/* rfc5944-1.8-2, rfc5944-3.7.2.2-2, rfc5944-3.7.2.2-3 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	const struct mip_output *relayed;
	size_t authorized = fa_world_write_request(&request, message);

	(void)state;
	request.trailer = write_trailer;
	fa_world_begin(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_int_equal(relayed->length, authorized);
	assert_memory_equal(relayed->octets, message, authorized);
	fa_world_end(&world);
}

static void a_denial_is_addressed_as_the_rfc_says(void **state)
{
	/* rfc5944-3.7.1-2, rfc5944-3.7.2.3-1, rfc5944-3.7.2.3-3, rfc5944-3.7.2.3-4 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;
	const struct mip_output *frame;

	(void)state;
	request.fields.care_of_address = address("10.9.9.9");
	fa_world_init(&world);
	assert_int_equal(code_of(&world, &request), 77);
	frame = fa_world_only(&world, MIP_OUTPUT_FRAME);
	assert_int_equal(frame->frame.link, WORLD_VISITED);
	assert_true(mip_link_address_equal(frame->frame.destination, request.link_address));
	reader = fa_world_open(frame, &ip, &udp);
	assert_true(mip_address_equal(ip.source, address("10.2.0.1")));
	assert_true(mip_address_equal(ip.destination, address("10.1.0.50")));
	assert_int_equal(udp.source_port, 434);
	assert_int_equal(udp.destination_port, 1434);
	assert_int_equal(mip_reply_read(&reader, &reply), 0);
	assert_int_equal(mip_reader_left(&reader), 0);
	assert_int_equal(reply.lifetime, 600);
	assert_true(mip_address_equal(reply.home_address, address("10.1.0.50")));
	assert_true(mip_address_equal(reply.home_agent, address("10.1.0.1")));
	assert_true(reply.identification == request.fields.identification);
	assert_int_equal(fa_world_counter(&world, "reply_77"), 1);
	fa_world_end(&world);
}

static void a_denial_of_a_request_to_all_agents_comes_from_the_address_of_the_link(void **state)
{
	/* rfc5944-3.7.2.3-5 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_ip ip;
	struct mip_udp udp;

	(void)state;
	request.destination = address("224.0.0.11");
	request.link = WORLD_OTHER_VISITED;
	request.ttl = 1;
	request.fields.care_of_address = address("10.9.9.9");
	fa_world_init(&world);
	assert_int_equal(code_of(&world, &request), 77);
	fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_true(mip_address_equal(ip.source, address("10.3.0.1")));
	fa_world_end(&world);
}

static void a_denial_without_a_home_address_goes_to_the_broadcast_address(void **state)
{
	/* rfc5944-3.7.1-4, rfc5944-3.7.2.3-4 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_ip ip;
	struct mip_udp udp;

	(void)state;
	request.fields.home_address = (struct mip_address){0};
	request.source = (struct mip_address){0};
	fa_world_init(&world);
	assert_int_equal(code_of(&world, &request), 96);
	fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_true(mip_address_equal(ip.destination, address("255.255.255.255")));
	fa_world_end(&world);
}

static void a_reserved_bit_gets_code_70(void **state)
{
	/* rfc5944-3.3-1, rfc5944-3.7.2.1-2, rfc5944-3.7.2.3-2 */
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.raw_flags = MIP_REQUEST_X;
	assert_int_equal(code_with_defaults(&request), 70);
	request.raw_flags = MIP_REQUEST_R;
	assert_int_equal(code_with_defaults(&request), -1);
}

static void write_overrun(struct mip_writer *writer)
{
	mip_write8(writer, 200);
	mip_write8(writer, 9);
	mip_write8(writer, 0);
}

static void extensions_that_run_past_the_end_get_code_70(void **state)
{
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.trailer = write_overrun;
	assert_int_equal(code_with_defaults(&request), 70);
}

static void a_home_address_that_no_host_can_have_gets_code_70(void **state)
{
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.fields.home_address = address("224.1.1.1");
	assert_int_equal(code_with_defaults(&request), 70);
	request.fields.home_address = address("127.0.0.1");
	assert_int_equal(code_with_defaults(&request), 70);
	request.fields.home_address = address("192.0.2.2"); /* the agent's own */
	assert_int_equal(code_with_defaults(&request), 70);
}

static void write_critical_vendor(struct mip_writer *writer)
{
	mip_extension_write_long(writer, MIP_EXTENSION_CRITICAL_VENDOR, 0, "\0\0\x10\x92\0\1v", 7);
}

static void a_critical_vendor_extension_gets_code_100(void **state)
{
	struct fa_world_request request = fa_world_request();

	(void)state;
	/* RFC 3115 2.3: with an unknown vendor a registration reject MUST be sent; 2.4: the code. */
	request.trailer = write_critical_vendor;
	assert_int_equal(code_with_defaults(&request), 100);
}

static void write_unknown_mandatory(struct mip_writer *writer)
{
	mip_extension_write(writer, 100, "xyz", 3);
}

static void an_unknown_extension_below_128_is_dropped_in_silence(void **state)
{
	/* rfc5944-1.8-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.trailer = write_unknown_mandatory;
	request.fields.lifetime = WORLD_LIFETIME_MOST + 1;
	fa_world_init(&world);
	assert_int_equal(code_of(&world, &request), -1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	assert_int_equal(fa_world_counter(&world, "drop_unknown_extension"), 1);
	fa_world_end(&world);
}

static void a_request_without_authorization_is_dropped_in_silence(void **state)
{
	/* rfc5944-3.5.2-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.without_authorization = true;
	fa_world_init(&world);
	assert_int_equal(code_of(&world, &request), -1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	assert_int_equal(fa_world_counter(&world, "drop_not_authorized"), 1);
	fa_world_end(&world);
}

static void another_care_of_address_gets_code_77_unless_co_located_or_leaving(void **state)
{
	/* rfc5944-3.7.2.1-3 */
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.fields.care_of_address = address("10.2.0.77");
	assert_int_equal(code_with_defaults(&request), 77);
	request.fields.flags |= MIP_REQUEST_D;
	assert_int_equal(code_with_defaults(&request), -1);
	request.fields.flags = 0;
	request.fields.lifetime = 0;
	assert_int_equal(code_with_defaults(&request), -1);
}

static void write_mobile_foreign(struct mip_writer *writer)
{
	struct mip_association *key = fa_world_association(2000);

	assert_int_equal(
		mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, key), 0);
	mip_association_unref(key);
}

static void write_mobile_foreign_twice(struct mip_writer *writer)
{
	write_mobile_foreign(writer);
	write_mobile_foreign(writer);
}

static void write_wrong_mobile_foreign(struct mip_writer *writer)
{
	write_mobile_foreign(writer);
	writer->octets[writer->length - 1] ^= 1;
}

static int code_with_association(const struct fa_world_request *request, bool *ret_authenticated)
{
	struct fa_world world;
	struct fa_mobile_node_settings node = {
		.home_address = address("10.1.0.50"), .association = fa_world_association(2000)};
	struct mip_extensions extensions;
	struct mip_registration_reply reply;
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;
	int code;

	fa_world_init(&world);
	world.settings.mobile_nodes = &node;
	world.settings.mobile_node_count = 1;
	code = code_of(&world, request);
	*ret_authenticated = false;
	if (code != -1) {
		reader = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
		assert_int_equal(mip_reply_read(&reader, &reply), 0);
		assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
		*ret_authenticated = mip_authenticator_check(node.association, reader.octets,
					     &extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]) == 0;
	}
	fa_world_end(&world);
	mip_association_unref(node.association);
	return code;
}

/* rfc5944-5.1-2 */
static void mobile_foreign_authentication_is_checked_and_answered_in_kind(void **state)
{
	/* rfc5944-3.2-1, rfc5944-3.7.1-9, rfc5944-3.7.2.1-4, rfc5944-3.7.2.1-5, rfc5944-3.7.2.1-6,
	 * rfc5944-3.7.2.1-7, rfc5944-5.1-2 */
	struct fa_world_request request = fa_world_request();
	bool authenticated;

	(void)state;
	assert_int_equal(code_with_association(&request, &authenticated), 67);
	assert_true(authenticated);
	request.trailer = write_wrong_mobile_foreign;
	assert_int_equal(code_with_association(&request, &authenticated), 67);
	request.trailer = write_mobile_foreign_twice;
	assert_int_equal(code_with_association(&request, &authenticated), 67);
	request.trailer = write_mobile_foreign;
	assert_int_equal(code_with_association(&request, &authenticated), -1);
	request.fields.home_address = address("10.1.0.51"); /* no association with this one */
	request.trailer = NULL;
	assert_int_equal(code_with_association(&request, &authenticated), -1);
}

static void a_lifetime_that_is_too_long_gets_code_69_and_the_longest(void **state)
{
	/* rfc5944-3.7.2.3-3 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	struct mip_reader reader;
	struct mip_ip ip;
	struct mip_udp udp;

	(void)state;
	request.fields.lifetime = WORLD_LIFETIME_MOST + 1;
	fa_world_init(&world);
	assert_int_equal(code_of(&world, &request), 69);
	reader = fa_world_open(fa_world_only(&world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(mip_reply_read(&reader, &reply), 0);
	assert_int_equal(reply.lifetime, WORLD_LIFETIME_MOST);
	fa_world_end(&world);
	request.fields.lifetime = WORLD_LIFETIME_MOST;
	assert_int_equal(code_with_defaults(&request), -1);
	request.fields.lifetime = MIP_LIFETIME_INFINITE;
	assert_int_equal(code_with_defaults(&request), 69);
}

static void write_delivery_style(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_ENCAPSULATING_DELIVERY, NULL, 0);
}

static void the_encapsulating_delivery_style_gets_code_79(void **state)
{
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.trailer = write_delivery_style;
	assert_int_equal(code_with_defaults(&request), 79);
	request.fields.flags = 0; /* MUST NOT be there without T */
	assert_int_equal(code_with_defaults(&request), 70);
}

/* rfc3024-4.2.1-6: "If it cannot, it MUST return a Registration Reply denying the request with …" */
/* rfc3024-3.4-3: "… support reverse tunneling MUST use codes 74 and 137, respectively." */
/* rfc3024-3.4-1: "Foreign and home agent registration replies MUST convey if the reverse tunnel …" */
static void reverse_tunnels_are_refused_or_required_as_configured(void **state)
{
	struct fa_world_request request = fa_world_request();
	struct fa_world world;

	(void)state;
	fa_world_init(&world);
	world.settings.reverse_tunnel = false;
	assert_int_equal(code_of(&world, &request), 74);
	fa_world_end(&world);
	request.fields.flags = 0;
	fa_world_init(&world);
	world.settings.reverse_tunnel_required = true;
	assert_int_equal(code_of(&world, &request), 75);
	fa_world_end(&world);
}

/* rfc3024-4.2.1-4: "Otherwise, it MUST reject the registration with code 76 (mobile node too …" */
/* rfc3024-4.2.1-3: "The foreign agent MUST verify that the TTL field of the IP header is set to 255." */
static void a_reverse_tunnel_from_far_away_gets_code_76(void **state)
{
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.ttl = 254;
	assert_int_equal(code_with_defaults(&request), 76);
	request.ttl = 1;
	request.destination = address("224.0.0.11");
	assert_int_equal(code_with_defaults(&request), -1);
	request.destination = address("10.2.0.1");
	request.ttl = 64;
	request.fields.flags = 0;
	assert_int_equal(code_with_defaults(&request), -1);
}

static void a_home_agent_that_is_this_host_gets_code_194(void **state)
{
	/* rfc5944-3.7.2-3 */
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.fields.home_agent = address("192.0.2.2");
	assert_int_equal(code_with_defaults(&request), 194);
	request.fields.home_agent = address("10.3.0.1");
	assert_int_equal(code_with_defaults(&request), 194);
	/* Nor is there anything to relay to if it is no host's, but for ALL-ZERO-ONE-ADDR (RFC 4433). */
	request.fields.home_agent = address("224.0.0.11");
	assert_int_equal(code_with_defaults(&request), 194);
}

static void a_home_agent_on_this_host_is_relayed_to_if_it_is_named(void **state)
{
	struct fa_home_agent_settings home_agents[] = {
		{.address = address("10.3.0.1")}, {.address = address("10.2.0.1")}};
	struct fa_world_request request = fa_world_request();
	struct fa_world world;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(home_agents); i++) {
		fa_world_init(&world);
		world.settings.home_agents = home_agents;
		world.settings.home_agent_count = MIP_ARRAY_SIZE(home_agents);
		request.fields.home_agent = home_agents[i].address;
		/* But never to the address that replies would come to. */
		assert_int_equal(code_of(&world, &request), i == 0 ? -1 : 194);
		fa_world_end(&world);
	}
}

static void peers_that_are_not_named_get_code_65_if_only_named_ones_are_served(void **state)
{
	struct fa_world_request request = fa_world_request();
	struct fa_home_agent_settings home_agent = {.address = address("10.1.0.1")};
	struct fa_mobile_node_settings node = {.home_address = address("10.1.0.50")};
	struct fa_world world;

	(void)state;
	for (int named = 0; named < 2; named++) {
		fa_world_init(&world);
		world.settings.home_agents_only = true;
		world.settings.home_agents = &home_agent;
		world.settings.home_agent_count = (size_t)named;
		assert_int_equal(code_of(&world, &request), named ? -1 : 65);
		fa_world_end(&world);
		fa_world_init(&world);
		world.settings.mobile_nodes_only = true;
		world.settings.mobile_nodes = &node;
		world.settings.mobile_node_count = (size_t)named;
		assert_int_equal(code_of(&world, &request), named ? -1 : 65);
		fa_world_end(&world);
	}
}

static int code_without_gre(const struct fa_world_request *request)
{
	struct fa_world world;
	int code;

	fa_world_init(&world);
	world.settings.gre = false;
	code = code_of(&world, request);
	fa_world_end(&world);
	return code;
}

/* Each fault in turn is removed, and the next one is found: so the checks stand in this order. */
static void the_checks_stand_in_the_order_of_the_rfcs(void **state)
{
	/* rfc5944-3.7.2-2, rfc5944-3.7.2.3-1 */
	struct fa_world_request request = fa_world_request();

	(void)state;
	request.raw_flags = MIP_REQUEST_X;
	request.fields.care_of_address = address("10.9.9.9");
	request.fields.lifetime = WORLD_LIFETIME_MOST + 1;
	request.fields.flags = MIP_REQUEST_T | MIP_REQUEST_G;
	request.trailer = write_delivery_style;
	request.ttl = 9;
	request.fields.home_agent = address("192.0.2.2");
	assert_int_equal(code_without_gre(&request), 70);
	request.raw_flags = 0;
	assert_int_equal(code_without_gre(&request), 77);
	request.fields.care_of_address = address("10.2.0.1");
	assert_int_equal(code_without_gre(&request), 69);
	request.fields.lifetime = 60;
	assert_int_equal(code_without_gre(&request), 72);
	request.fields.flags = MIP_REQUEST_T;
	assert_int_equal(code_without_gre(&request), 79);
	request.trailer = NULL;
	assert_int_equal(code_without_gre(&request), 76);
	request.ttl = 255;
	assert_int_equal(code_without_gre(&request), 194);
	request.fields.home_agent = address("10.1.0.1");
	assert_int_equal(code_without_gre(&request), -1);
}

static void check_foreign_home(
	const struct mip_output *relayed, struct mip_association *key, size_t authorized)
{
	struct mip_registration_request fields;
	struct mip_extensions extensions;
	struct mip_reader reader = mip_reader_of(relayed->octets, relayed->length);

	assert_int_equal(relayed->length, authorized + 6 + 16);
	assert_int_equal(mip_request_read(&reader, &fields), 0);
	assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
	assert_int_equal(mip_authenticator_check(key, relayed->octets,
				 &extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]),
		0);
}

static void foreign_home_authentication_is_added_but_not_to_deregistrations(void **state)
{
	/* rfc5944-3.5.4-1, rfc5944-3.5.4-3, rfc5944-3.5.4-4, rfc5944-3.7.1-7, rfc5944-3.7.2.2-3,
	 * rfc5944-3.8.2.2-4, rfc5944-AppF-2, rfc5944-AppF-3 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct fa_home_agent_settings home_agent = {
		.address = address("10.1.0.1"), .association = fa_world_association(3000)};
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	fa_world_init(&world);
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	fa_world_clear(&world);
	length = fa_world_send(&world, &request, message);
	check_foreign_home(fa_world_only(&world, MIP_OUTPUT_DATAGRAM), home_agent.association, length);
	request.fields.lifetime = 0;
	request.fields.identification++;
	fa_world_clear(&world);
	length = fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_only(&world, MIP_OUTPUT_DATAGRAM)->length, length);
	request.fields.lifetime = 60;
	request.fields.identification++;
	request.fields.flags = MIP_REQUEST_D;
	request.fields.care_of_address = address("10.2.0.77"); /* not in the advertisement */
	fa_world_clear(&world);
	length = fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_only(&world, MIP_OUTPUT_DATAGRAM)->length, length);
	fa_world_end(&world);
	mip_association_unref(home_agent.association);
}

static void what_is_not_a_request_to_this_agent_is_left_alone(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_request(&request, message);

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	request.destination = address("10.1.0.1"); /* on its way through this router */
	fa_world_send_message(&world, &request, message, length);
	request.destination = address("10.2.0.1");
	request.link = WORLD_UPLINK; /* not a visited link */
	fa_world_send_message(&world, &request, message, length);
	assert_int_equal(world.count, 0);
	fa_world_deliver(&world, address("10.1.0.50"), message, length);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_off_link"), 1);
	request.link = WORLD_VISITED;
	request.link_address.octets[0] = 3; /* a group address */
	fa_world_send_message(&world, &request, message, length);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_link_address"), 1);
	request.link_address.octets[0] = 2;
	fa_world_send_message(&world, &request, message, 20);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_malformed"), 1);
	fa_world_end(&world);
}

static void a_request_with_a_wrong_checksum_is_dropped_in_silence(void **state)
{
	/* rfc5944-3.7.2.1-1 */
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_ip ip = {.ttl = 255, .source = request.source, .destination = request.destination};
	struct mip_udp udp = {.source_port = 1434, .destination_port = 434};
	uint8_t message[WORLD_MESSAGE], packet[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = WORLD_VISITED, .source = request.link_address, .ethertype = MIP_ETHERTYPE_IPV4};

	(void)state;
	request.ttl = 3;
	mip_udp_packet_write(&writer, &ip, &udp, message, fa_world_write_request(&request, message));
	packet[writer.length - 1] ^= 1;
	frame.octets = packet;
	frame.length = writer.length;
	fa_world_begin(&world);
	fa_world_clear(&world);
	fa_core_frame(world.core, &frame, world.now);
	assert_int_equal(fa_world_counter(&world, "drop_malformed"), 1);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	frame.checksum_unfilled = true; /* a sender on this machine */
	fa_core_frame(world.core, &frame, world.now);
	assert_int_equal(fa_core_pending_count(world.core), 1);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_request_is_relayed_whole),
		cmocka_unit_test(the_s_bit_is_relayed_as_it_is),
		cmocka_unit_test(extensions_after_the_authorization_are_not_relayed),
		cmocka_unit_test(a_denial_is_addressed_as_the_rfc_says),
		cmocka_unit_test(a_denial_of_a_request_to_all_agents_comes_from_the_address_of_the_link),
		cmocka_unit_test(a_denial_without_a_home_address_goes_to_the_broadcast_address),
		cmocka_unit_test(a_reserved_bit_gets_code_70),
		cmocka_unit_test(extensions_that_run_past_the_end_get_code_70),
		cmocka_unit_test(a_critical_vendor_extension_gets_code_100),
		cmocka_unit_test(a_home_address_that_no_host_can_have_gets_code_70),
		cmocka_unit_test(an_unknown_extension_below_128_is_dropped_in_silence),
		cmocka_unit_test(a_request_without_authorization_is_dropped_in_silence),
		cmocka_unit_test(another_care_of_address_gets_code_77_unless_co_located_or_leaving),
		cmocka_unit_test(mobile_foreign_authentication_is_checked_and_answered_in_kind),
		cmocka_unit_test(a_lifetime_that_is_too_long_gets_code_69_and_the_longest),
		cmocka_unit_test(the_encapsulating_delivery_style_gets_code_79),
		cmocka_unit_test(reverse_tunnels_are_refused_or_required_as_configured),
		cmocka_unit_test(a_reverse_tunnel_from_far_away_gets_code_76),
		cmocka_unit_test(a_home_agent_that_is_this_host_gets_code_194),
		cmocka_unit_test(a_home_agent_on_this_host_is_relayed_to_if_it_is_named),
		cmocka_unit_test(peers_that_are_not_named_get_code_65_if_only_named_ones_are_served),
		cmocka_unit_test(the_checks_stand_in_the_order_of_the_rfcs),
		cmocka_unit_test(foreign_home_authentication_is_added_but_not_to_deregistrations),
		cmocka_unit_test(what_is_not_a_request_to_this_agent_is_left_alone),
		cmocka_unit_test(a_request_with_a_wrong_checksum_is_dropped_in_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

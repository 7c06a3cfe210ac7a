/*
 * A foreign agent behind a NAT (RFC 3519 3.4, 4.5, 4.7, 4.9): what it advertises, asks and grants, and its keep-alives.
 */
#include "fa_world.h"

#include <errno.h>
#include <string.h>

#include "address.h"

enum {
	KEEPALIVE = 110, /* seconds, this agent's own */
};

static void init(struct fa_world *world)
{
	fa_world_init(world);
	world->settings.behind_nat = true;
	world->settings.keepalive_interval = KEEPALIVE * MIP_SECOND;
}

/* What was relayed last, taken apart; `ret_authorized` is where the octets end that are the node's own. */
static struct mip_extensions relayed(const struct fa_world *world)
{
	const struct mip_output *datagram = fa_world_only(world, MIP_OUTPUT_DATAGRAM);
	struct mip_reader reader = mip_reader_of(datagram->octets, datagram->length);
	struct mip_registration_request fields;
	struct mip_extensions extensions;

	assert_int_equal(mip_request_read(&reader, &fields), 0);
	assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
	/* rfc3519-4.5-4: REQUIRED that it comes from the care-of address that it names. */
	assert_true(mip_address_equal(datagram->datagram.source, fields.care_of_address) ||
		    !extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	return extensions;
}

static struct mip_extensions relayed_with(bool behind_nat, uint8_t flags, uint16_t lifetime)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_extensions extensions;
	uint8_t message[WORLD_MESSAGE];

	init(&world);
	world.settings.behind_nat = behind_nat;
	request.fields.flags = flags;
	request.fields.lifetime = lifetime;
	if (flags & MIP_REQUEST_D)
		request.fields.care_of_address = address("10.2.0.77");
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	extensions = relayed(&world);
	fa_world_end(&world);
	return extensions;
}

/* rfc3519-4.5-1, rfc3519-4.5-2 */
/* rfc3519-4.5-2, rfc3519-4.5-4 */
static void the_request_for_udp_stands_behind_the_nodes_part_for_our_care_of_address_only(void **state)
{
	struct mip_extensions extensions = relayed_with(true, MIP_REQUEST_T, 600);

	(void)state;
	assert_true(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	assert_true(extensions.slot[MIP_SLOT_UDP_TUNNEL_REQUEST].offset >
		    extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	extensions = relayed_with(true, MIP_REQUEST_D | MIP_REQUEST_T, 600);
	assert_false(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	extensions = relayed_with(true, MIP_REQUEST_T, 0);
	assert_false(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	extensions = relayed_with(false, MIP_REQUEST_T, 600);
	assert_false(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
}

/* What the only relayed request asks for. */
static struct mip_udp_tunnel_request asked(uint8_t flags)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_udp_tunnel_request tunnel;
	struct mip_extensions extensions;
	uint8_t message[WORLD_MESSAGE];

	init(&world);
	request.fields.flags = flags;
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	extensions = relayed(&world);
	assert_int_equal(
		mip_udp_tunnel_request_read(&extensions.slot[MIP_SLOT_UDP_TUNNEL_REQUEST], &tunnel), 0);
	fa_world_end(&world);
	return tunnel;
}

/* RFC 3519 3.1.2, 3.1.4: F forces and R is the node's; the encapsulation is IP within UDP whatever M and G say. */
static void nothing_is_forced_and_ip_goes_into_udp(void **state)
{
	struct mip_udp_tunnel_request tunnel = asked(MIP_REQUEST_T);

	(void)state;
	assert_false(tunnel.force);
	assert_false(tunnel.through_foreign_agent);
	assert_int_equal(tunnel.encapsulation, 0);
	assert_int_equal(asked(MIP_REQUEST_T | MIP_REQUEST_G).encapsulation, MIP_PROTOCOL_IPIP);
	assert_int_equal(asked(MIP_REQUEST_T | MIP_REQUEST_M).encapsulation, MIP_PROTOCOL_IPIP);
}

/* rfc3519-4.5-3 */
static void the_request_for_udp_stands_before_the_foreign_home_authentication(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct fa_home_agent_settings home_agent = {
		.address = address("10.1.0.1"), .association = fa_world_association(3000)};
	struct mip_extensions extensions;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	init(&world);
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	extensions = relayed(&world);
	assert_true(extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]);
	assert_true(extensions.slot[MIP_SLOT_UDP_TUNNEL_REQUEST].offset <
		    extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check(home_agent.association,
				 fa_world_only(&world, MIP_OUTPUT_DATAGRAM)->octets,
				 &extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]),
		0);
	fa_world_end(&world);
	mip_association_unref(home_agent.association);
}

static int code_without_reverse_tunnel(bool behind_nat, bool nat_keeps_sources)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	int code;

	init(&world);
	world.settings.behind_nat = behind_nat;
	world.settings.nat_keeps_sources = nat_keeps_sources;
	request.fields.flags = 0;
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	code = fa_world_code(&world);
	fa_world_end(&world);
	return code;
}

/* rfc3519-4.5-5, rfc3519-4.5-6 */
/* rfc3519-4.5-6 */
static void behind_a_nat_of_which_nothing_is_known_a_reverse_tunnel_is_mandatory(void **state)
{
	(void)state;
	assert_int_equal(code_without_reverse_tunnel(true, false), 75);
	assert_int_equal(code_without_reverse_tunnel(true, true), -1);
	assert_int_equal(code_without_reverse_tunnel(false, false), -1);
}

static uint16_t advertised_flags(bool behind_nat)
{
	struct fa_world world;
	const struct mip_output *frame = NULL;
	struct mip_agent_advertisement advertisement;
	struct mip_reader reader, payload;
	struct mip_ip ip;

	init(&world);
	world.settings.behind_nat = behind_nat;
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_wait(&world, 2 * MIP_SECOND);
	for (size_t i = 0; i < world.count; i++) {
		if (world.outputs[i].kind == MIP_OUTPUT_FRAME)
			frame = &world.outputs[i];
	}
	assert_non_null(frame);
	reader = mip_reader_of(frame->octets, frame->length);
	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	assert_int_equal(mip_advertisement_read(&payload, &advertisement), 0);
	fa_world_end(&world);
	return advertisement.flags;
}

/* rfc3519-3.4-1, rfc3519-3.4-2 */
/* rfc3519-3.4-2 */
static void u_is_advertised_behind_a_nat_and_never_elsewhere(void **state)
{
	(void)state;
	assert_true(advertised_flags(true) & MIP_AGENT_U);
	assert_false(advertised_flags(false) & MIP_AGENT_U);
}

/* --- what is granted -------------------------------------------------------------------------- */

static struct mip_udp_tunnel_reply granted;

static void write_grant(struct mip_writer *writer)
{
	mip_udp_tunnel_reply_write(writer, &granted);
}

/* Registers a visitor whose home agent answers with `granted` (NULL: without that extension). */
static void begin_with(struct fa_world *world, const struct mip_udp_tunnel_reply *grant, bool asks)
{
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply = fa_world_reply_to(&request);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	init(world);
	world->settings.behind_nat = asks;
	fa_world_start(world);
	fa_world_send(world, &request, message);
	fa_world_clear(world);
	if (grant)
		granted = *grant;
	length = fa_world_write_reply(&reply, NULL, grant ? write_grant : NULL, message);
	fa_world_deliver(world, address("10.1.0.1"), message, length);
}

static void check_encapsulation(struct fa_world *world, enum mip_encapsulation encapsulation, uint16_t port)
{
	const struct mip_want *tunnel = fa_world_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL);
	const struct mip_want *peer = fa_world_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER);
	struct fa_visitor_view view;

	assert_int_equal(tunnel->tunnel.encapsulation, encapsulation);
	assert_int_equal(tunnel->tunnel.local_port, port);
	assert_int_equal(tunnel->tunnel.remote_port, port);
	assert_int_equal(peer->peer.remote_port, port);
	assert_true(fa_world_view(world, address("10.1.0.50"), &view));
	assert_int_equal(view.encapsulation, encapsulation);
}

/* rfc3519-4.7-1, rfc3519-4.7-2 */
/* rfc3519-4.7-2 */
static void an_assent_makes_the_tunnel_udp_both_ways(void **state)
{
	struct fa_world world;

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0}, true);
	check_encapsulation(&world, MIP_ENCAPSULATION_UDP, 434);
	fa_world_end(&world);
}

/* RFC 3519 3.2: codes from 64 on decline. */
/* rfc3519-4.7-1 */
static void a_declined_or_missing_or_unasked_reply_leaves_it_ip_in_ip(void **state)
{
	struct fa_world world;

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 64}, true);
	check_encapsulation(&world, MIP_ENCAPSULATION_IPIP, 0);
	fa_world_end(&world);
	begin_with(&world, NULL, true);
	check_encapsulation(&world, MIP_ENCAPSULATION_IPIP, 0);
	fa_world_end(&world);
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0}, false);
	check_encapsulation(&world, MIP_ENCAPSULATION_IPIP, 0);
	fa_world_end(&world);
}

/* --- keep-alives ------------------------------------------------------------------------------ */

/* The inner packet of the only keep-alive. */
static size_t keepalive(const struct fa_world *world, uint8_t packet[WORLD_MESSAGE])
{
	const struct mip_output *datagram = fa_world_only(world, MIP_OUTPUT_DATAGRAM);
	size_t length = datagram->length - MIP_TUNNEL_DATA_HEADER;

	assert_int_equal(datagram->octets[0], MIP_MESSAGE_TUNNEL_DATA);
	assert_int_equal(datagram->octets[1], MIP_PROTOCOL_IPIP);
	/* rfc3519-4.9-3: by the port that requests are relayed from. */
	assert_int_equal(datagram->datagram.source_port, 0);
	assert_true(mip_address_equal(datagram->datagram.source, address("10.2.0.1")));
	assert_true(mip_address_equal(datagram->datagram.destination, address("10.1.0.1")));
	assert_int_equal(datagram->datagram.destination_port, 434);
	memcpy(packet, datagram->octets + MIP_TUNNEL_DATA_HEADER, length);
	return length;
}

/* What the home agent makes of it. */
static size_t answer_to(const uint8_t *request, size_t length, uint8_t answer[WORLD_MESSAGE])
{
	struct mip_reader reader = mip_reader_of(request, length), payload;
	struct mip_icmp_echo echo;
	struct mip_ip ip, back;
	uint8_t message[8];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	assert_true(mip_address_equal(ip.source, address("10.1.0.50")));
	assert_true(mip_address_equal(ip.destination, address("10.1.0.1")));
	assert_int_equal(mip_icmp_echo_read(&payload, &echo), 0);
	assert_int_equal(echo.type, MIP_ICMP_ECHO_REQUEST);
	echo.type = MIP_ICMP_ECHO_REPLY;
	mip_icmp_echo_write(&writer, &echo, NULL, 0);
	back = (struct mip_ip){
		.ttl = 64, .protocol = MIP_PROTOCOL_ICMP, .source = ip.destination, .destination = ip.source};
	writer = mip_writer_of(answer, WORLD_MESSAGE);
	mip_ip_packet_write(&writer, &back, message, sizeof(message));
	return writer.length;
}

static size_t keepalives_in(struct fa_world *world, mip_time duration)
{
	fa_world_clear(world);
	fa_world_wait(world, duration);
	return fa_world_count(world, MIP_OUTPUT_DATAGRAM);
}

/* rfc3519-4.9-1, rfc3519-4.9-2, rfc3519-4.9-4: an echo request after K seconds, whose answer is not the node's business. */
/* rfc3519-3.2-2, rfc3519-3.2-3, rfc3519-4.9-2, rfc3519-4.9-3, rfc3519-4.9-4 */
static void keep_alives_go_out_at_the_interval_and_their_answers_are_taken(void **state)
{
	struct fa_world world;
	uint8_t packet[WORLD_MESSAGE], answer[WORLD_MESSAGE];
	size_t length;

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0}, true);
	assert_int_equal(keepalives_in(&world, 109 * MIP_SECOND), 0);
	assert_int_equal(keepalives_in(&world, 1500 * MIP_MILLISECOND), 1);
	length = answer_to(packet, keepalive(&world, packet), answer);
	assert_true(fa_core_tunnelled(world.core, answer, length, world.now));
	/* A second one is the node's. */
	assert_false(fa_core_tunnelled(world.core, answer, length, world.now));
	assert_int_equal(keepalives_in(&world, 109 * MIP_SECOND), 0);
	assert_int_equal(fa_world_counter(&world, "keepalives_answered"), 1);
	fa_world_end(&world);
}

/* RFC 3024 A.4: two visitors with one home address have each a tunnel, and a mapping of the NAT's to be kept. */
static void each_of_two_with_one_address_keeps_its_own_mapping(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	struct mip_registration_reply reply;
	const struct mip_want *item;
	uint8_t packet[WORLD_MESSAGE], answer[WORLD_MESSAGE];
	size_t length;

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0}, true);
	fa_world_wait(&world, 50 * MIP_SECOND);
	request.fields.home_agent = address("198.51.100.2");
	request.link_address = link_address(0x66);
	fa_world_send(&world, &request, packet);
	fa_world_clear(&world);
	reply = fa_world_reply_to(&request);
	length = fa_world_write_reply(&reply, NULL, write_grant, packet);
	fa_world_deliver(&world, reply.home_agent, packet, length);
	assert_int_equal(fa_core_visitor_count(world.core), 2);
	item = fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_VISITOR);
	assert_int_equal(item->visitor.tunnel.encapsulation, MIP_ENCAPSULATION_UDP);
	assert_int_equal(item->visitor.tunnel.remote_port, 434);
	/* The first one's is due first; what its home agent answers is of no use to the other. */
	assert_int_equal(keepalives_in(&world, 60 * MIP_SECOND + 500 * MIP_MILLISECOND), 1);
	length = answer_to(packet, keepalive(&world, packet), answer);
	assert_true(fa_core_tunnelled(world.core, answer, length, world.now));
	assert_int_equal(keepalives_in(&world, 48 * MIP_SECOND), 0);
	assert_int_equal(keepalives_in(&world, 1500 * MIP_MILLISECOND), 1);
	assert_true(mip_address_equal(
		fa_world_only(&world, MIP_OUTPUT_DATAGRAM)->datagram.destination, address("198.51.100.2")));
	assert_false(fa_core_tunnelled(world.core, answer, length, world.now));
	fa_world_end(&world);
}

/* rfc3519-3.2-1, rfc3519-3.2-3, rfc3519-4.10-2 */
static void the_home_agent_names_the_interval_but_never_less_than_10_seconds(void **state)
{
	struct fa_world world;

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0, .keepalive_interval = 20}, true);
	assert_int_equal(keepalives_in(&world, 19 * MIP_SECOND), 0);
	assert_int_equal(keepalives_in(&world, 1500 * MIP_MILLISECOND), 1);
	fa_world_end(&world);
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0, .keepalive_interval = 2}, true);
	assert_int_equal(keepalives_in(&world, 9 * MIP_SECOND), 0);
	assert_int_equal(keepalives_in(&world, 1500 * MIP_MILLISECOND), 1);
	fa_world_end(&world);
	/* Nor more than suits the NAT here, of which only this agent knows (RFC 3519 4.10). */
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0, .keepalive_interval = KEEPALIVE + 50},
		true);
	assert_int_equal(keepalives_in(&world, (KEEPALIVE - 1) * MIP_SECOND), 0);
	assert_int_equal(keepalives_in(&world, 1500 * MIP_MILLISECOND), 1);
	fa_world_end(&world);
}

static void unanswered_keep_alives_are_repeated_and_then_count_as_a_lost_mapping(void **state)
{
	struct fa_world world;

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0}, true);
	assert_int_equal(keepalives_in(&world, (KEEPALIVE + 7) * MIP_SECOND + 500 * MIP_MILLISECOND), 4);
	assert_int_equal(fa_world_counter(&world, "nat_mappings_lost"), 0);
	assert_int_equal(keepalives_in(&world, 8 * MIP_SECOND), 0);
	assert_int_equal(fa_world_counter(&world, "nat_mappings_lost"), 1);
	assert_int_equal(keepalives_in(&world, KEEPALIVE * MIP_SECOND), 1);
	fa_world_end(&world);
}

static void a_visitor_that_leaves_takes_its_keep_alives_along(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	begin_with(&world, &(struct mip_udp_tunnel_reply){.code = 0}, true);
	request.fields.lifetime = 0;
	request.fields.identification++;
	fa_world_register(&world, &request);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(keepalives_in(&world, 1000 * MIP_SECOND), 0);
	fa_world_end(&world);
}

static void without_udp_there_are_no_keep_alives(void **state)
{
	struct fa_world world;

	(void)state;
	begin_with(&world, NULL, true);
	assert_int_equal(keepalives_in(&world, 500 * MIP_SECOND), 0);
	fa_world_end(&world);
}

static void fill(void *context, void *octets, size_t length)
{
	(void)context;
	memset(octets, 1, length);
}

static void settings_that_cannot_be_are_refused(void **state)
{
	const struct mip_random random = {.fill = fill};
	struct fa_world world;
	struct mip_outbox outbox = {0};
	struct fa_core_environment environment = {.outbox = &outbox, .random = &random};
	struct fa_core *core = NULL;

	(void)state;
	init(&world);
	world.settings.reverse_tunnel = false;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -EINVAL);
	assert_null(core);
	world.settings.nat_keeps_sources = true;
	world.settings.keepalive_interval = 0;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -EINVAL);
	mip_outbox_clear(&outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_request_for_udp_stands_behind_the_nodes_part_for_our_care_of_address_only),
		cmocka_unit_test(nothing_is_forced_and_ip_goes_into_udp),
		cmocka_unit_test(the_request_for_udp_stands_before_the_foreign_home_authentication),
		cmocka_unit_test(behind_a_nat_of_which_nothing_is_known_a_reverse_tunnel_is_mandatory),
		cmocka_unit_test(u_is_advertised_behind_a_nat_and_never_elsewhere),
		cmocka_unit_test(an_assent_makes_the_tunnel_udp_both_ways),
		cmocka_unit_test(a_declined_or_missing_or_unasked_reply_leaves_it_ip_in_ip),
		cmocka_unit_test(keep_alives_go_out_at_the_interval_and_their_answers_are_taken),
		cmocka_unit_test(each_of_two_with_one_address_keeps_its_own_mapping),
		cmocka_unit_test(the_home_agent_names_the_interval_but_never_less_than_10_seconds),
		cmocka_unit_test(unanswered_keep_alives_are_repeated_and_then_count_as_a_lost_mapping),
		cmocka_unit_test(a_visitor_that_leaves_takes_its_keep_alives_along),
		cmocka_unit_test(without_udp_there_are_no_keep_alives),
		cmocka_unit_test(settings_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

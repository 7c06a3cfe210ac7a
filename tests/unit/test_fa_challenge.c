/*
 * Challenges at a foreign agent (RFC 4721 2, 3.2, 3.3, 12), in the order of the RFC: what is advertised,
 * which requests are taken, what is relayed, what the replies bring.
 */
#include "fa_world.h"

#include <string.h>

#include "address.h"

/* A challenge as it is on the wire. */
struct value {
	size_t length;
	uint8_t octets[MIP_CHALLENGE_MAX];
};

/* The node's associations and what its requests have behind the Mobile-Home authentication. */
static struct mip_association *foreign, *aaa, *chap;
static struct mip_association *wrong; /* of the SPI of `foreign`, with another key */
static struct value answered;
static struct mip_association *with_aaa, *with_foreign;

static void write_answer(struct mip_writer *writer)
{
	struct mip_challenge challenge = {answered.octets, answered.length};

	if (answered.length > 0)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, answered.octets, answered.length);
	if (with_aaa)
		assert_int_equal(mip_authenticator_append_challenge(
					 writer, with_aaa, answered.length ? &challenge : NULL),
			0);
	if (with_foreign)
		assert_int_equal(mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION,
					 0, with_foreign),
			0);
}

static struct mip_association *association_of(uint32_t spi, enum mip_algorithm algorithm, char first)
{
	uint8_t octets[] = "0123456789abcdef";
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = algorithm, .key = {.octets = octets, .length = 16}};
	struct mip_association *result;

	octets[0] = (uint8_t)first;
	assert_int_equal(mip_association_new(&settings, &result), 0);
	return result;
}

static int setup(void **state)
{
	(void)state;
	foreign = association_of(2000, MIP_ALGORITHM_HMAC_MD5, '0');
	wrong = association_of(2000, MIP_ALGORITHM_HMAC_MD5, 'x');
	aaa = association_of(3000, MIP_ALGORITHM_HMAC_MD5, '0');
	chap = association_of(MIP_CHAP_SPI, MIP_ALGORITHM_CHAP_MD5, '0');
	answered = (struct value){0};
	with_aaa = NULL;
	with_foreign = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mip_association_unref(foreign);
	mip_association_unref(wrong);
	mip_association_unref(aaa);
	mip_association_unref(chap);
	return 0;
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* 10.1.0.50 has a Mobile-Foreign association, 10.1.0.51 a Mobile-AAA one, 10.1.0.52 one of chap-md5; of
 * 10.1.0.53 nothing is known here. */
static struct fa_mobile_node_settings nodes[3];
enum {
	WITH_FOREIGN = 50,
	WITH_AAA = 51,
	WITH_CHAP = 52,
	UNKNOWN_NODE = 53,
};

static void init(struct fa_world *world)
{
	nodes[0] = (struct fa_mobile_node_settings){
		.home_address = address("10.1.0.50"), .association = foreign};
	nodes[1] = (struct fa_mobile_node_settings){.home_address = address("10.1.0.51"), .aaa = aaa};
	nodes[2] = (struct fa_mobile_node_settings){.home_address = address("10.1.0.52"), .aaa = chap};
	fa_world_init(world);
	world->settings.challenge = true;
	world->settings.challenge_window = 2;
	world->settings.challenges_most = 100;
	world->settings.mobile_nodes = nodes;
	world->settings.mobile_node_count = 3;
}

static void begin(struct fa_world *world)
{
	init(world);
	fa_world_start(world);
}

/* The challenge of the last advertisement on a link since fa_world_clear(), and whether there is one. */
static bool advertisement_of(const struct fa_world *world, mip_link link, struct value *ret_value)
{
	bool found = false;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;
		struct mip_agent_advertisement advertisement;
		struct mip_ip ip;

		if (output->kind != MIP_OUTPUT_FRAME || output->frame.link != link ||
			mip_ip_read(&reader, &ip, &payload) < 0 || ip.protocol != MIP_PROTOCOL_ICMP ||
			mip_advertisement_read(&payload, &advertisement) < 0)
			continue;
		ret_value->length = advertisement.challenge_length;
		memcpy(ret_value->octets, advertisement.challenge, sizeof(ret_value->octets));
		found = true;
	}
	return found;
}

static struct value advertised(const struct fa_world *world)
{
	struct value value;

	assert_true(advertisement_of(world, WORLD_VISITED, &value));
	assert_in_range(value.length, 4, MIP_CHALLENGE_MAX);
	return value;
}

/* Waits for the next unsolicited advertisement. */
static struct value next_advertised(struct fa_world *world)
{
	fa_world_clear(world);
	fa_world_wait(world, MIP_SECOND);
	return advertised(world);
}

static bool is_same(const struct value *a, const struct value *b)
{
	return a->length == b->length && memcmp(a->octets, b->octets, a->length) == 0;
}

/* Octets that nobody has offered. */
static struct value made_up(void)
{
	struct value value = {.length = 16};

	memset(value.octets, 0xee, 16);
	return value;
}

static struct fa_world_request request_of(uint8_t node)
{
	static uint64_t identification = 1000;
	struct fa_world_request request = fa_world_request();

	request.fields.home_address = mip_address_of(0x0a010000U + node);
	request.fields.identification = ++identification;
	request.source = request.fields.home_address;
	request.link_address = link_address(node);
	request.trailer = write_answer;
	with_foreign = node == WITH_FOREIGN ? foreign : NULL;
	with_aaa = node == WITH_CHAP ? chap : node == WITH_FOREIGN ? NULL : aaa;
	return request;
}

/* The code of the reply to this request with this challenge; -1: it is relayed; -2: silence. */
static int code_of(struct fa_world *world, struct fa_world_request *request, const struct value *challenge)
{
	uint8_t message[WORLD_MESSAGE];
	int code;

	answered = challenge ? *challenge : (struct value){0};
	fa_world_clear(world);
	fa_world_send(world, request, message);
	code = fa_world_code(world);
	return code == -1 && fa_world_count(world, MIP_OUTPUT_DATAGRAM) == 0 ? -2 : code;
}

static int code_for(struct fa_world *world, uint8_t node, const struct value *challenge)
{
	struct fa_world_request request = request_of(node);

	/* Past the second in which a node is not denied again; the next advertisement is not due. */
	world->now.boot += MIP_MILLISECOND;
	return code_of(world, &request, challenge);
}

/* What the only reply to a node has. */
struct seen {
	struct mip_registration_reply fields;
	struct mip_extensions extensions;
	struct value challenge;
	uint8_t error;
	uint8_t message[WORLD_MESSAGE];
	size_t length;
};

static struct seen seen_in(const struct fa_world *world)
{
	struct seen seen = {0};
	const struct mip_extension *extension;
	struct mip_ip ip;
	struct mip_udp udp;
	struct mip_reader reader = fa_world_open(fa_world_only(world, MIP_OUTPUT_FRAME), &ip, &udp);

	seen.length = reader.length;
	memcpy(seen.message, reader.octets, reader.length);
	reader = mip_reader_of(seen.message, seen.length);
	assert_int_equal(mip_reply_read(&reader, &seen.fields), 0);
	assert_int_equal(mip_extensions_read(&reader, &seen.extensions), 0);
	extension = mip_extension_of(&seen.extensions, MIP_SLOT_CHALLENGE);
	if (extension) {
		seen.challenge.length = extension->data_length;
		memcpy(seen.challenge.octets, extension->data, extension->data_length);
	}
	extension = mip_extension_of(&seen.extensions, MIP_SLOT_FOREIGN_AGENT_ERROR);
	seen.error = extension ? extension->data[0] : 0;
	return seen;
}

static void write_back(struct mip_writer *writer)
{
	if (answered.length > 0)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, answered.octets, answered.length);
}

/* The home agent's reply, with `echo` as its challenge; what the node gets. */
static struct seen reply_with(struct fa_world *world, const struct fa_world_request *request, uint8_t code,
	const struct value *echo)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	reply.code = code;
	answered = echo ? *echo : (struct value){0};
	length = fa_world_write_reply(&reply, NULL, write_back, message);
	fa_world_clear(world);
	fa_world_deliver(world, address("10.1.0.1"), message, length);
	return seen_in(world);
}

/* Registers with this challenge; the challenge of the reply. */
static struct value register_with(struct fa_world *world, uint8_t node, const struct value *challenge)
{
	struct fa_world_request request = request_of(node);
	struct seen seen;

	assert_int_equal(code_of(world, &request, challenge), -1);
	seen = reply_with(world, &request, MIP_CODE_ACCEPTED, NULL);
	assert_int_equal(seen.fields.code, 0);
	assert_int_equal(seen.error, 0);
	return seen.challenge;
}

static void solicit(struct fa_world *world, const char *source, uint8_t card)
{
	struct mip_ip ip = {.ttl = 1,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = address(source),
		.destination = address("224.0.0.11")};
	uint8_t message[8], packet[64];
	struct mip_writer inner = mip_writer_of(message, sizeof(message));
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = WORLD_VISITED, .source = link_address(card), .ethertype = MIP_ETHERTYPE_IPV4};

	mip_solicitation_write(&inner);
	mip_ip_packet_write(&writer, &ip, message, sizeof(message));
	frame.octets = packet;
	frame.length = writer.length;
	fa_world_clear(world);
	fa_core_frame(world->core, &frame, world->now);
	fa_world_wait(world, 0);
}

static struct value solicited(struct fa_world *world, const char *source, uint8_t card)
{
	solicit(world, source, card);
	return advertised(world);
}

/* --- 2: the challenge in advertisements -------------------------------------------------------- */

/* rfc4721-2-1, rfc4721-2-2, rfc4721-12-1: it is random and has 4 octets or more, so that records need no
 * identification. */
static void each_advertisement_has_a_new_challenge_of_sixteen_octets(void **state)
{
	struct fa_world world;
	struct value first, second, other;

	(void)state;
	begin(&world);
	first = advertised(&world);
	assert_int_equal(first.length, 16);
	assert_true(advertisement_of(&world, WORLD_OTHER_VISITED, &other));
	assert_false(is_same(&first, &other));
	second = next_advertised(&world);
	assert_int_equal(second.length, 16);
	assert_false(is_same(&first, &second));
	assert_int_equal(fa_world_counter(&world, "challenges_made"), 4);
	fa_world_end(&world);
}

static void without_the_setting_there_are_no_challenges(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value value;

	(void)state;
	init(&world);
	world.settings.challenge = false;
	fa_world_start(&world);
	assert_true(advertisement_of(&world, WORLD_VISITED, &value));
	assert_int_equal(value.length, 0);
	request = request_of(UNKNOWN_NODE);
	assert_int_equal(code_of(&world, &request, NULL), -1);
	assert_int_equal(reply_with(&world, &request, 0, NULL).challenge.length, 0);
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	fa_world_end(&world);
}

/* --- 2.1: solicited advertisements -------------------------------------------------------------- */

/* rfc4721-2.1-1: MUST NOT generate a new Challenge value and update its window. */
static void a_solicited_multicast_repeats_the_newest_challenge(void **state)
{
	struct fa_world world;
	struct value before, newest, again;

	(void)state;
	begin(&world);
	before = next_advertised(&world);
	newest = next_advertised(&world);
	for (int i = 0; i < 3; i++) {
		fa_world_wait(&world, 150 * MIP_MILLISECOND);
		solicit(&world, "0.0.0.0", 9);
		fa_world_wait(&world, 50 * MIP_MILLISECOND);
		again = advertised(&world);
		assert_true(is_same(&again, &newest));
	}
	/* The window is what it was. */
	assert_int_equal(code_for(&world, WITH_AAA, &before), -1);
	fa_world_end(&world);
}

static void solicitations_without_end_do_not_keep_the_next_challenge_away(void **state)
{
	struct fa_world world;
	struct value first, last = {0};

	(void)state;
	begin(&world);
	first = next_advertised(&world);
	for (int i = 0; i < 15; i++) {
		solicit(&world, "0.0.0.0", 9);
		fa_world_wait(&world, 150 * MIP_MILLISECOND);
		last = advertised(&world);
	}
	assert_false(is_same(&first, &last));
	fa_world_end(&world);
}

/* rfc4721-2.1-2, -3, -4, rfc4721-3.3-4: what was unicast is repeated until it is used; then there is a new
 * one, which is remembered. */
static void a_unicast_advertisement_repeats_its_challenge_until_that_is_used(void **state)
{
	struct fa_world world;
	struct value newest, first, second, third;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	first = solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(is_same(&first, &newest)); /* a stranger gets what everybody has */
	first = register_with(&world, WITH_AAA, &newest);
	second = solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(is_same(&first, &second)); /* what the reply brought is not used yet */
	assert_int_equal(code_for(&world, WITH_AAA, &second), -1);
	third = solicited(&world, "10.1.0.51", WITH_AAA);
	assert_false(is_same(&third, &second));
	assert_false(is_same(&third, &newest));
	second = solicited(&world, "10.1.0.51", WITH_AAA);
	assert_true(is_same(&third, &second));
	assert_int_equal(code_for(&world, WITH_AAA, &third), -1);
	fa_world_end(&world);
}

/* --- 3.2: requests ------------------------------------------------------------------------------ */

/* rfc4721-3.2-1, rfc4721-3.2-2: without an association the challenge must be there: missing_challenge. */
static void a_request_without_a_challenge_is_denied_with_105(void **state)
{
	struct fa_world world;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	assert_int_equal(code_for(&world, UNKNOWN_NODE, NULL), 105);
	assert_int_equal(fa_world_counter(&world, "reply_105"), 1);
	assert_int_equal(code_for(&world, WITH_AAA, NULL), 105);
	/* One with a security association has its Mobile-Foreign authentication. */
	assert_int_equal(code_for(&world, WITH_FOREIGN, NULL), -1);
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &newest), -1);
	fa_world_end(&world);
}

/* rfc4721-3.2-3, rfc4721-3.2-4: the same request with another identification and less lifetime is
 * forwarded again. */
static void a_retransmission_with_the_same_challenge_is_forwarded_again(void **state)
{
	static const uint8_t kinds[] = {WITH_FOREIGN, WITH_AAA, UNKNOWN_NODE};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct fa_world world;
		struct fa_world_request request;
		struct value newest;

		begin(&world);
		newest = advertised(&world);
		request = request_of(kinds[i]);
		assert_int_equal(code_of(&world, &request, &newest), -1);
		/* Even when the challenge is out of the window by then. */
		fa_world_wait(&world, 3 * MIP_SECOND);
		request.fields.identification++;
		request.fields.lifetime -= 3;
		assert_int_equal(code_of(&world, &request, &newest), -1);
		assert_int_equal(fa_world_counter(&world, "requests_repeated"), 1);
		fa_world_end(&world);
	}
}

/* rfc4721-3.2-5: in all other circumstances a previously used challenge is stale_challenge. */
static void another_request_with_a_used_challenge_is_denied_with_106(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(WITH_AAA);
	assert_int_equal(code_of(&world, &request, &newest), -1);
	/* It is on its way, but this is not the same. */
	request.fields.flags ^= MIP_REQUEST_T;
	assert_int_equal(code_of(&world, &request, &newest), 106);
	request.fields.flags ^= MIP_REQUEST_T;
	request.fields.lifetime = 0;
	world.now.boot += 2 * MIP_SECOND;
	assert_int_equal(code_of(&world, &request, &newest), 106);
	assert_int_equal(fa_world_counter(&world, "reply_106"), 2);
	/* From another card it is a replay. */
	request = request_of(WITH_AAA);
	request.link_address = link_address(99);
	assert_int_equal(code_of(&world, &request, &newest), 106);
	fa_world_end(&world);
}

/* rfc4721-3.2-5, rfc4721-3.2-8, rfc4721-AppA-1: also of a node that only its home agent could verify. */
static void a_challenge_that_was_registered_with_is_used(void **state)
{
	static const uint8_t kinds[] = {WITH_FOREIGN, WITH_AAA, WITH_CHAP, UNKNOWN_NODE};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct fa_world world;
		struct value newest, issued;

		begin(&world);
		newest = advertised(&world);
		issued = register_with(&world, kinds[i], &newest);
		assert_int_equal(code_for(&world, kinds[i], &newest), 106);
		/* Another node may have the same one (RFC 4721 12). */
		assert_int_equal(code_for(&world, kinds[(i + 1) % sizeof(kinds)], &newest), -1);
		assert_int_equal(code_for(&world, kinds[i], &issued), -1);
		world.now.boot += 2 * MIP_SECOND;
		fa_world_end(&world);
	}
}

/* rfc4721-3.2-6, rfc4721-3.2-7: neither advertised among the last CHALLENGE_WINDOW ones nor offered:
 * unknown_challenge. */
static void a_challenge_that_was_not_offered_lately_is_denied_with_104(void **state)
{
	struct fa_world world;
	struct value first, second, third, no_such = made_up(), half;

	(void)state;
	begin(&world);
	first = advertised(&world);
	second = next_advertised(&world);
	third = next_advertised(&world);
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &first), 104);
	assert_int_equal(fa_world_counter(&world, "reply_104"), 1);
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &second), -1);
	assert_int_equal(code_for(&world, WITH_AAA, &third), -1);
	assert_int_equal(code_for(&world, WITH_CHAP, &no_such), 104);
	half = third;
	half.length = 8;
	assert_int_equal(code_for(&world, WITH_FOREIGN, &half), 104);
	fa_world_end(&world);
}

static void the_window_is_as_long_as_the_setting_says(void **state)
{
	struct fa_world world;
	struct value first;

	(void)state;
	init(&world);
	world.settings.challenge_window = 4;
	fa_world_start(&world);
	first = advertised(&world);
	for (int i = 0; i < 3; i++)
		next_advertised(&world);
	assert_int_equal(code_for(&world, WITH_AAA, &first), -1);
	next_advertised(&world);
	assert_int_equal(code_for(&world, WITH_FOREIGN, &first), 104);
	fa_world_end(&world);
}

static void fill_zeros(void *context, void *octets, size_t length)
{
	(void)context;
	memset(octets, 0, length);
}

/* rfc4721-9-2: CHALLENGE_WINDOW SHOULD be at least 2; and what solicited multicasts repeat has to be new
 * some time. */
static void settings_that_cannot_be_are_refused(void **state)
{
	struct fa_world world;
	struct mip_random random = {.fill = fill_zeros};
	struct fa_core_environment environment = {.outbox = &world.outbox, .random = &random};
	struct fa_core *core = NULL;

	(void)state;
	init(&world);
	world.settings.challenge_window = 1;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -22);
	world.settings.challenge_window = FA_CHALLENGE_WINDOW_MOST + 1;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -22);
	world.settings.challenge_window = 2;
	world.settings.advertise_solicited_only = true;
	assert_int_equal(fa_core_new(&environment, &world.settings, &core), -22);
	assert_null(core);
}

/* rfc4721-3.2.1-1: what was advertised before the last one that the node used is used too. */
static void an_older_challenge_than_the_one_used_last_is_stale(void **state)
{
	struct fa_world world;
	struct value older, newer;

	(void)state;
	begin(&world);
	older = next_advertised(&world);
	newer = next_advertised(&world);
	register_with(&world, WITH_AAA, &newer);
	assert_int_equal(code_for(&world, WITH_AAA, &older), 106);
	fa_world_end(&world);
}

static void a_late_reply_to_an_older_request_does_not_make_the_newer_challenge_unused(void **state)
{
	struct fa_world world;
	struct fa_world_request first, second;
	struct value older, newer;

	(void)state;
	begin(&world);
	older = next_advertised(&world);
	newer = next_advertised(&world);
	first = request_of(UNKNOWN_NODE);
	assert_int_equal(code_of(&world, &first, &older), -1);
	second = request_of(UNKNOWN_NODE);
	second.fields.flags = 0;
	second.link_address = link_address(70);
	assert_int_equal(code_of(&world, &second, &newer), -1);
	reply_with(&world, &second, 0, NULL);
	reply_with(&world, &first, 0, NULL);
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &newer), 106);
	fa_world_end(&world);
}

/* rfc4721-3.2-9, rfc4721-3.2-10: without either authentication after it: silently discarded. */
static void a_challenge_without_authentication_after_it_is_dropped_in_silence(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(UNKNOWN_NODE);
	with_aaa = NULL;
	assert_int_equal(code_of(&world, &request, &newest), -2);
	assert_int_equal(world.count, 0);
	assert_int_equal(fa_world_counter(&world, "drop_challenge_alone"), 1);
	assert_int_equal(fa_core_pending_count(world.core), 0);
	fa_world_end(&world);
}

static void write_foreign_first(struct mip_writer *writer)
{
	assert_int_equal(
		mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, foreign), 0);
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, answered.octets, answered.length);
}

/* rfc4721-3.2-9: after, not before. */
static void an_authentication_before_the_challenge_does_not_count(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(WITH_FOREIGN);
	request.trailer = write_foreign_first;
	assert_int_equal(code_of(&world, &request, &newest), -2);
	assert_int_equal(fa_world_counter(&world, "drop_challenge_alone"), 1);
	fa_world_end(&world);
}

static void write_aaa_first(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append_challenge(writer, aaa, NULL), 0);
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, answered.octets, answered.length);
	assert_int_equal(
		mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, foreign), 0);
}

static void write_two_challenges(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, answered.octets, answered.length);
	write_answer(writer);
}

/* rfc4721-3.2-11: Mobile-AAA authentication before the challenge, or two of a kind, cannot be relayed as
 * they are due. */
static void extensions_in_another_order_are_poorly_formed(void **state)
{
	static void (*const trailers[])(struct mip_writer * writer) = {write_aaa_first, write_two_challenges};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fa_world world;
		struct fa_world_request request;
		struct value newest;

		begin(&world);
		newest = advertised(&world);
		request = request_of(UNKNOWN_NODE);
		request.trailer = trailers[i];
		assert_int_equal(code_of(&world, &request, &newest), 70);
		fa_world_end(&world);
	}
}

/* RFC 4721 3.2: an incorrect authenticator: "mobile node failed authentication", fa_bad_aaa_auth. */
static void wrong_authenticators_are_denied_with_67_and_108(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(WITH_FOREIGN);
	with_foreign = wrong;
	assert_int_equal(code_of(&world, &request, &newest), 67);
	request = request_of(WITH_AAA);
	with_aaa = chap;
	assert_int_equal(code_of(&world, &request, &newest), 108);
	assert_int_equal(fa_world_counter(&world, "reply_108"), 1);
	request = request_of(WITH_CHAP);
	with_aaa = aaa;
	assert_int_equal(code_of(&world, &request, &newest), 108);
	assert_int_equal(fa_world_counter(&world, "security_exceptions"), 3);
	/* None of them has used the challenge. */
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	world.now.boot += 2 * MIP_SECOND;
	assert_int_equal(code_for(&world, WITH_FOREIGN, &newest), -1);
	assert_int_equal(code_for(&world, WITH_AAA, &newest), -1);
	assert_int_equal(code_for(&world, WITH_CHAP, &newest), -1);
	fa_world_end(&world);
}

static void a_node_with_an_aaa_key_here_must_use_it(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(WITH_AAA);
	with_aaa = NULL;
	with_foreign = wrong; /* which nobody here can check */
	assert_int_equal(code_of(&world, &request, &newest), 67);
	fa_world_end(&world);
}

/* rfc4721-3.2-11, rfc4721-3.2-12: the challenge and the Mobile-AAA authentication stay, before the
 * Foreign-Home one. */
static void with_aaa_the_challenge_is_relayed_before_the_foreign_home_authentication(void **state)
{
	struct fa_world world;
	struct fa_home_agent_settings home_agent = {.address = address("10.1.0.1"),
		.association = association_of(4000, MIP_ALGORITHM_HMAC_MD5, '0')};
	struct fa_world_request request;
	const struct mip_output *relayed;
	struct mip_extensions extensions;
	struct mip_reader reader;
	struct value newest;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	init(&world);
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	newest = advertised(&world);
	request = request_of(WITH_AAA);
	assert_int_equal(code_of(&world, &request, &newest), -1);
	length = fa_world_write_request(&request, message);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_int_equal(relayed->length, length + 22);
	assert_memory_equal(relayed->octets, message, length);
	reader = mip_reader_of(relayed->octets, relayed->length);
	mip_read_skip(&reader, MIP_REQUEST_LENGTH);
	assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
	assert_true(extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION].offset <
		    extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check(home_agent.association, relayed->octets,
				 &extensions.slot[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]),
		0);
	fa_world_end(&world);
	mip_association_unref(home_agent.association);
}

/* rfc4721-3.2-13: with Mobile-Foreign authentication alone both are removed, and the identification is
 * kept: only its own reply counts. */
static void without_aaa_the_challenge_is_removed_and_the_identification_kept(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	const struct mip_output *relayed;
	struct mip_registration_reply reply;
	struct value newest;
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(WITH_FOREIGN);
	assert_int_equal(code_of(&world, &request, &newest), -1);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	request.trailer = NULL;
	assert_int_equal(relayed->length, fa_world_write_request(&request, message));
	assert_memory_equal(relayed->octets, message, relayed->length);
	reply = fa_world_reply_to(&request);
	reply.identification++;
	fa_world_reply(&world, &reply);
	assert_int_equal(fa_world_counter(&world, "drop_unexpected_reply"), 1);
	fa_world_end(&world);
}

/* --- 3.3: replies ------------------------------------------------------------------------------- */

/* rfc4721-3.3-1, -2, -3, -5: a new challenge, before the Mobile-Foreign authentication; the home agent's
 * is gone. */
static void a_reply_brings_a_new_challenge_before_the_mobile_foreign_authentication(void **state)
{
	struct fa_world world;
	struct value newest, issued, again;
	struct fa_world_request request;
	struct seen seen;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	nodes[0].aaa = aaa; /* so that the challenge is relayed, and comes back */
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	request = request_of(WITH_FOREIGN);
	with_aaa = aaa;
	assert_int_equal(code_of(&world, &request, &newest), -1);
	seen = reply_with(&world, &request, 0, &newest);
	assert_int_equal(seen.extensions.occurrences[MIP_SLOT_CHALLENGE], 1);
	assert_false(seen.extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]);
	assert_false(is_same(&seen.challenge, &newest));
	assert_true(seen.extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset <
		    seen.extensions.slot[MIP_SLOT_CHALLENGE].offset);
	assert_true(seen.extensions.slot[MIP_SLOT_CHALLENGE].offset <
		    seen.extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check(foreign, seen.message,
				 &seen.extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]),
		0);
	/* It serves for the next registration, whatever has been advertised meanwhile; and once only. */
	issued = seen.challenge;
	fa_world_wait(&world, 20 * MIP_SECOND);
	again = register_with(&world, WITH_FOREIGN, &issued);
	assert_int_equal(code_for(&world, WITH_FOREIGN, &issued), 104);
	assert_int_equal(code_for(&world, WITH_FOREIGN, &again), -1);
	fa_world_end(&world);
}

/* rfc4721-3.3-1, -5: successful or not. */
static void denials_bring_an_unused_challenge(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest, given, no_such = made_up();
	struct seen seen;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	/* The foreign agent's own. */
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &no_such), 104);
	given = seen_in(&world).challenge;
	assert_true(is_same(&given, &newest));
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &given), -1);
	/* The home agent's, to one that is not known here. */
	request = request_of(UNKNOWN_NODE);
	request.fields.flags = 0;
	assert_int_equal(code_of(&world, &request, &newest), -1);
	seen = reply_with(&world, &request, MIP_CODE_HA_IDENTIFICATION_MISMATCH, NULL);
	assert_int_equal(seen.fields.code, 133);
	assert_false(is_same(&seen.challenge, &newest));
	assert_int_equal(seen.challenge.length, 16);
	assert_int_equal(code_for(&world, UNKNOWN_NODE, &seen.challenge), -1);
	/* Too long a lifetime from one that was verified: not used, but not offered again. */
	request = request_of(WITH_AAA);
	request.fields.lifetime = WORLD_LIFETIME_MOST + 1;
	assert_int_equal(code_of(&world, &request, &newest), 69);
	given = seen_in(&world).challenge;
	assert_false(is_same(&given, &newest));
	assert_int_equal(code_for(&world, WITH_AAA, &given), -1);
	fa_world_end(&world);
}

/* rfc4721-3.3-6, -7, -8, -12: the home agent's challenge must be the one of the request, if there is one;
 * else ha_wrong_challenge beside the home agent's code. */
static void another_challenge_in_the_home_agents_reply_is_error_109(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest, no_such = made_up();
	struct seen seen;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(WITH_AAA);
	assert_int_equal(code_of(&world, &request, &newest), -1);
	seen = reply_with(&world, &request, 0, &no_such);
	assert_int_equal(seen.fields.code, 0);
	assert_int_equal(seen.error, 109);
	assert_true(seen.extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset <
		    seen.extensions.slot[MIP_SLOT_FOREIGN_AGENT_ERROR].offset);
	assert_int_equal(fa_core_visitor_count(world.core), 0);
	assert_int_equal(fa_world_counter(&world, "replies_refused"), 1);
	/* The same one, and none. */
	request = request_of(WITH_AAA);
	assert_int_equal(code_of(&world, &request, &seen.challenge), -1);
	newest = seen.challenge;
	seen = reply_with(&world, &request, 0, &newest);
	assert_int_equal(seen.error, 0);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	request = request_of(WITH_AAA);
	assert_int_equal(code_of(&world, &request, &seen.challenge), -1);
	assert_int_equal(reply_with(&world, &request, 0, NULL).error, 0);
	fa_world_end(&world);
}

/* rfc4721-3.3-10: ha_bad_aaa_auth MUST be relayed to the mobile node. */
static void code_144_is_relayed(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(UNKNOWN_NODE);
	assert_int_equal(code_of(&world, &request, &newest), -1);
	assert_int_equal(
		reply_with(&world, &request, MIP_CODE_HA_BAD_AAA_AUTHENTICATION, NULL).fields.code, 144);
	assert_int_equal(fa_world_counter(&world, "reply_144"), 1);
	fa_world_end(&world);
}

static void a_node_known_by_its_nai_keeps_its_challenge_when_it_gets_a_home_address(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct mip_registration_reply reply;
	struct value newest, issued;
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	(void)state;
	begin(&world);
	newest = advertised(&world);
	request = request_of(UNKNOWN_NODE);
	request.nai = "alice@example.org";
	request.fields.home_address = (struct mip_address){0};
	assert_int_equal(code_of(&world, &request, &newest), -1);
	reply = fa_world_reply_to(&request);
	reply.home_address = address("10.1.0.60");
	length = fa_world_write_reply(&reply, "alice@example.org", NULL, message);
	fa_world_clear(&world);
	fa_world_deliver(&world, address("10.1.0.1"), message, length);
	issued = seen_in(&world).challenge;
	request = request_of(UNKNOWN_NODE);
	request.nai = "alice@example.org";
	request.fields.home_address = address("10.1.0.60");
	assert_int_equal(code_of(&world, &request, &issued), -1);
	fa_world_end(&world);
}

/* --- 12: floods --------------------------------------------------------------------------------- */

/* rfc4721-12-4: MUST NOT allocate new storage when responding to unauthenticated requests and
 * solicitations. */
static void strangers_make_nothing_be_stored(void **state)
{
	struct fa_world world;
	struct value newest, no_such = made_up();

	(void)state;
	begin(&world);
	newest = advertised(&world);
	for (uint8_t i = 60; i < 200; i++) {
		assert_int_equal(code_for(&world, i, &no_such), 104);
		solicit(&world, "10.1.0.77", i);
		assert_int_equal(code_for(&world, i, NULL), -2); /* no second denial in the same second */
	}
	for (uint8_t i = 60; i < 100; i++)
		assert_int_equal(code_for(&world, i, &newest), -1);
	assert_int_equal(fa_core_challenge_count(world.core), 0);
	fa_world_end(&world);
}

/* rfc4721-12-3, rfc4721-3.2.1-2, rfc4721-3.2.1-3: bogus requests and solicitations in a node's name do not
 * invalidate the challenge that it is about to use. */
static void strangers_do_not_invalidate_a_nodes_challenge(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest, issued, given, no_such = made_up();

	(void)state;
	begin(&world);
	newest = advertised(&world);
	issued = register_with(&world, WITH_AAA, &newest);
	for (uint8_t i = 100; i < 130; i++) {
		request = request_of(WITH_AAA);
		request.link_address = link_address(i);
		assert_int_equal(code_of(&world, &request, i & 1 ? &no_such : &newest), i & 1 ? 104 : 106);
		given = seen_in(&world).challenge;
		assert_true(is_same(&given, &issued));
		given = solicited(&world, "10.1.0.51", i);
		assert_true(is_same(&given, &issued));
		/* In its name, with its challenge, but not with its key. */
		request = request_of(WITH_AAA);
		request.link_address = link_address((uint8_t)(i + 100));
		with_aaa = chap;
		assert_int_equal(code_of(&world, &request, &issued), 108);
	}
	assert_int_equal(code_for(&world, WITH_AAA, &issued), -1);
	/* Now it is used, and with it all that there was: a new one takes its place. */
	world.now.boot += 2 * MIP_SECOND;
	assert_int_equal(code_for(&world, WITH_FOREIGN, &no_such), 104);
	request = request_of(WITH_AAA);
	request.link_address = link_address(99);
	assert_int_equal(code_of(&world, &request, &issued), 106);
	given = seen_in(&world).challenge;
	assert_false(is_same(&given, &issued));
	assert_false(is_same(&given, &newest));
	assert_int_equal(code_for(&world, WITH_AAA, &given), -1);
	fa_world_end(&world);
}

/* rfc4721-3.2-8: what must be remembered is not forgotten for want of room; what need not is. */
static void the_records_stay_within_their_bound(void **state)
{
	struct fa_world world;
	struct fa_world_request request;
	struct value newest;
	struct seen seen;

	(void)state;
	init(&world);
	world.settings.challenges_most = 1;
	fa_world_start(&world);
	newest = advertised(&world);
	register_with(&world, WITH_AAA, &newest);
	assert_int_equal(code_for(&world, WITH_FOREIGN, &newest), 66);
	request = request_of(UNKNOWN_NODE);
	assert_int_equal(code_of(&world, &request, &newest), -1);
	seen = reply_with(&world, &request, 0, NULL);
	assert_int_equal(seen.fields.code, 0);
	assert_int_equal(seen.error, 66);
	assert_int_equal(fa_core_visitor_count(world.core), 1);
	assert_int_equal(code_for(&world, WITH_AAA, &newest), 106);
	/* Once the challenge is out of the window the node that used it may be forgotten. */
	next_advertised(&world);
	newest = next_advertised(&world);
	register_with(&world, WITH_FOREIGN, &newest);
	assert_int_equal(fa_core_challenge_count(world.core), 1);
	/* Also when the bound is a lower one after a reload. */
	world.settings.challenges_most = 3;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	register_with(&world, WITH_AAA, &newest);
	register_with(&world, WITH_CHAP, &newest);
	assert_int_equal(fa_core_challenge_count(world.core), 3);
	world.settings.challenges_most = 1;
	assert_int_equal(fa_core_configure(world.core, &world.settings, world.now), 0);
	next_advertised(&world);
	newest = next_advertised(&world);
	register_with(&world, UNKNOWN_NODE, &newest);
	assert_int_equal(fa_core_challenge_count(world.core), 1);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_advertisement_has_a_new_challenge_of_sixteen_octets),
		TEST(without_the_setting_there_are_no_challenges),
		TEST(a_solicited_multicast_repeats_the_newest_challenge),
		TEST(solicitations_without_end_do_not_keep_the_next_challenge_away),
		TEST(a_unicast_advertisement_repeats_its_challenge_until_that_is_used),
		TEST(a_request_without_a_challenge_is_denied_with_105),
		TEST(a_retransmission_with_the_same_challenge_is_forwarded_again),
		TEST(another_request_with_a_used_challenge_is_denied_with_106),
		TEST(a_challenge_that_was_registered_with_is_used),
		TEST(a_challenge_that_was_not_offered_lately_is_denied_with_104),
		TEST(the_window_is_as_long_as_the_setting_says),
		TEST(settings_that_cannot_be_are_refused),
		TEST(an_older_challenge_than_the_one_used_last_is_stale),
		TEST(a_late_reply_to_an_older_request_does_not_make_the_newer_challenge_unused),
		TEST(a_challenge_without_authentication_after_it_is_dropped_in_silence),
		TEST(an_authentication_before_the_challenge_does_not_count),
		TEST(extensions_in_another_order_are_poorly_formed),
		TEST(wrong_authenticators_are_denied_with_67_and_108),
		TEST(a_node_with_an_aaa_key_here_must_use_it),
		TEST(with_aaa_the_challenge_is_relayed_before_the_foreign_home_authentication),
		TEST(without_aaa_the_challenge_is_removed_and_the_identification_kept),
		TEST(a_reply_brings_a_new_challenge_before_the_mobile_foreign_authentication),
		TEST(denials_bring_an_unused_challenge),
		TEST(another_challenge_in_the_home_agents_reply_is_error_109),
		TEST(code_144_is_relayed),
		TEST(a_node_known_by_its_nai_keeps_its_challenge_when_it_gets_a_home_address),
		TEST(strangers_make_nothing_be_stored),
		TEST(strangers_do_not_invalidate_a_nodes_challenge),
		TEST(the_records_stay_within_their_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Challenges at a foreign agent: keys, requests, replies and advertisements for the tests of them. */
#include "fa_challenge_world.h"

#include <string.h>

#include "address.h"

struct challenge_keys challenge_keys;

void challenge_write_answer(struct mip_writer *writer)
{
	struct mip_challenge challenge = {challenge_keys.answered.octets, challenge_keys.answered.length};

	if (challenge_keys.answered.length > 0)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge_keys.answered.octets,
			challenge_keys.answered.length);
	if (challenge_keys.with_aaa)
		assert_int_equal(mip_authenticator_append_challenge(writer, challenge_keys.with_aaa,
					 challenge_keys.answered.length ? &challenge : NULL),
			0);
	if (challenge_keys.with_foreign)
		assert_int_equal(mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION,
					 0, challenge_keys.with_foreign),
			0);
}

struct mip_association *challenge_association_of(uint32_t spi, enum mip_algorithm algorithm, char first)
{
	uint8_t octets[] = "0123456789abcdef";
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = algorithm, .key = {.octets = octets, .length = 16}};
	struct mip_association *result;

	octets[0] = (uint8_t)first;
	assert_int_equal(mip_association_new(&settings, &result), 0);
	return result;
}

int challenge_setup(void **state)
{
	(void)state;
	challenge_keys.foreign = challenge_association_of(2000, MIP_ALGORITHM_HMAC_MD5, '0');
	challenge_keys.wrong = challenge_association_of(2000, MIP_ALGORITHM_HMAC_MD5, 'x');
	challenge_keys.aaa = challenge_association_of(3000, MIP_ALGORITHM_HMAC_MD5, '0');
	challenge_keys.chap = challenge_association_of(MIP_CHAP_SPI, MIP_ALGORITHM_CHAP_MD5, '0');
	challenge_keys.answered = (struct challenge_value){0};
	challenge_keys.with_aaa = NULL;
	challenge_keys.with_foreign = NULL;
	return 0;
}

int challenge_teardown(void **state)
{
	(void)state;
	mip_association_unref(challenge_keys.foreign);
	mip_association_unref(challenge_keys.wrong);
	mip_association_unref(challenge_keys.aaa);
	mip_association_unref(challenge_keys.chap);
	return 0;
}

void challenge_init(struct fa_world *world)
{
	challenge_keys.nodes[0] = (struct fa_mobile_node_settings){
		.home_address = address("10.1.0.50"), .association = challenge_keys.foreign};
	challenge_keys.nodes[1] = (struct fa_mobile_node_settings){
		.home_address = address("10.1.0.51"), .aaa = challenge_keys.aaa};
	challenge_keys.nodes[2] = (struct fa_mobile_node_settings){
		.home_address = address("10.1.0.52"), .aaa = challenge_keys.chap};
	fa_world_init(world);
	world->settings.challenge = true;
	world->settings.challenge_window = 2;
	world->settings.challenges_most = 100;
	world->settings.mobile_nodes = challenge_keys.nodes;
	world->settings.mobile_node_count = 3;
}

void challenge_begin(struct fa_world *world)
{
	challenge_init(world);
	fa_world_start(world);
}

/* The challenge of the last advertisement on a link since fa_world_clear(), and whether there is one. */
bool challenge_advertisement_of(
	const struct fa_world *world, mip_link link, struct challenge_value *ret_value)
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

struct challenge_value challenge_advertised(const struct fa_world *world)
{
	struct challenge_value value;

	assert_true(challenge_advertisement_of(world, WORLD_VISITED, &value));
	assert_in_range(value.length, 4, MIP_CHALLENGE_MAX);
	return value;
}

/* Waits for the next unsolicited advertisement. */
struct challenge_value challenge_next_advertised(struct fa_world *world)
{
	fa_world_clear(world);
	fa_world_wait(world, MIP_SECOND);
	return challenge_advertised(world);
}

bool challenge_is_same(const struct challenge_value *a, const struct challenge_value *b)
{
	return a->length == b->length && memcmp(a->octets, b->octets, a->length) == 0;
}

/* Octets that nobody has offered. */
struct challenge_value challenge_made_up(void)
{
	struct challenge_value value = {.length = 16};

	memset(value.octets, 0xee, 16);
	return value;
}

struct fa_world_request challenge_request_of(uint8_t node)
{
	static uint64_t identification = 1000;
	struct fa_world_request request = fa_world_request();

	request.fields.home_address = mip_address_of(0x0a010000U + node);
	request.fields.identification = ++identification;
	request.source = request.fields.home_address;
	request.link_address = link_address(node);
	request.trailer = challenge_write_answer;
	challenge_keys.with_foreign = node == WITH_FOREIGN ? challenge_keys.foreign : NULL;
	challenge_keys.with_aaa = node == WITH_CHAP	 ? challenge_keys.chap
				  : node == WITH_FOREIGN ? NULL
							 : challenge_keys.aaa;
	return request;
}

/* The code of the reply to this request with this challenge; -1: it is relayed; -2: silence. */
int challenge_code_of(
	struct fa_world *world, struct fa_world_request *request, const struct challenge_value *challenge)
{
	uint8_t message[WORLD_MESSAGE];
	int code;

	challenge_keys.answered = challenge ? *challenge : (struct challenge_value){0};
	fa_world_clear(world);
	fa_world_send(world, request, message);
	code = fa_world_code(world);
	return code == -1 && fa_world_count(world, MIP_OUTPUT_DATAGRAM) == 0 ? -2 : code;
}

int challenge_code_for(struct fa_world *world, uint8_t node, const struct challenge_value *challenge)
{
	struct fa_world_request request = challenge_request_of(node);

	/* Past the second in which a node is not denied again; the next advertisement is not due. */
	world->now.boot += MIP_MILLISECOND;
	return challenge_code_of(world, &request, challenge);
}

struct challenge_seen challenge_seen_in(const struct fa_world *world)
{
	struct challenge_seen seen = {0};
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
	if (challenge_keys.answered.length > 0)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge_keys.answered.octets,
			challenge_keys.answered.length);
}

/* The home agent's reply, with `echo` as its challenge; what the node gets. */
struct challenge_seen challenge_reply_with(struct fa_world *world, const struct fa_world_request *request,
	uint8_t code, const struct challenge_value *echo)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	reply.code = code;
	challenge_keys.answered = echo ? *echo : (struct challenge_value){0};
	length = fa_world_write_reply(&reply, NULL, write_back, message);
	fa_world_clear(world);
	fa_world_deliver(world, address("10.1.0.1"), message, length);
	return challenge_seen_in(world);
}

/* Registers with this challenge; the challenge of the reply. */
struct challenge_value challenge_register_with(
	struct fa_world *world, uint8_t node, const struct challenge_value *challenge)
{
	struct fa_world_request request = challenge_request_of(node);
	struct challenge_seen seen;

	assert_int_equal(challenge_code_of(world, &request, challenge), -1);
	seen = challenge_reply_with(world, &request, MIP_CODE_ACCEPTED, NULL);
	assert_int_equal(seen.fields.code, 0);
	assert_int_equal(seen.error, 0);
	return seen.challenge;
}

void challenge_solicit(struct fa_world *world, const char *source, uint8_t card)
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

struct challenge_value challenge_solicited(struct fa_world *world, const char *source, uint8_t card)
{
	challenge_solicit(world, source, card);
	return challenge_advertised(world);
}

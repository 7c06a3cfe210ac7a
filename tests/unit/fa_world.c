/*
 * The world around a foreign agent's machine under test.
 */
#include "fa_world.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "counter_value.h"

static const struct fa_link_settings links[] = {{"visit0"}, {"visit1"}};

static void fill(void *context, void *octets, size_t length)
{
	static uint64_t next = 1;

	(void)context;
	for (size_t i = 0; i < length; i++) {
		next = next * 6364136223846793005U + 1442695040888963407U;
		((uint8_t *)octets)[i] = (uint8_t)(next >> 56);
	}
}
static const struct mip_random random_source = {.fill = fill};

struct mip_address address(const char *text)
{
	struct mip_address result;

	assert_int_equal(mip_address_read(text, &result), 0);
	return result;
}

struct mip_link_address link_address(uint8_t last)
{
	return (struct mip_link_address){.length = 6, .octets = {2, 0, 0, 0, 0, last}};
}

struct mip_association *fa_world_association(uint32_t spi)
{
	static uint8_t octets[] = "0123456789abcdef";
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = MIP_ALGORITHM_HMAC_MD5, .key = {.octets = octets, .length = 16}};
	struct mip_association *result;

	assert_int_equal(mip_association_new(&settings, &result), 0);
	return result;
}

void fa_world_init(struct fa_world *world)
{
	*world = (struct fa_world){
		.settings = {.care_of_address = address("10.2.0.1"),
			.links = links,
			.link_count = 2,
			.registration_lifetime = WORLD_LIFETIME_MOST,
			.reverse_tunnel = true,
			.gre = true,
			.minimal = true,
			.advertise_interval = MIP_SECOND,
			.advertise_lifetime = 3 * MIP_SECOND,
			.request_timeout = 7 * MIP_SECOND,
			.pending_most = 100,
			.pending_per_node_most = 5,
			.table = 79,
			.rule_priority = 790},
		.now = {.boot = 1000 * MIP_SECOND, .wall = 1700000000 * MIP_SECOND},
	};
}

static void take(struct fa_world *world)
{
	struct mip_output output;

	while (mip_outbox_take(&world->outbox, &output)) {
		world->outputs = realloc(world->outputs, (world->count + 1) * sizeof(output));
		assert_non_null(world->outputs);
		world->outputs[world->count++] = output;
	}
	assert_true(world->may_lose || world->outbox.lost == 0);
}

void fa_world_clear(struct fa_world *world)
{
	take(world);
	for (size_t i = 0; i < world->count; i++)
		mip_output_clear(&world->outputs[i]);
	free(world->outputs);
	world->outputs = NULL;
	world->count = 0;
}

static void tell_link(struct fa_world *world, mip_link link, const char *name, const char *own)
{
	struct mip_input_link input = {
		.link = link,
		.present = true,
		.up = true,
		.link_address = link_address((uint8_t)link),
		.mtu = 1500,
	};
	struct mip_input_address input_address = {
		.link = link,
		.address = address(own),
		.prefix_length = 24,
		.present = true,
	};

	strcpy(input.name, name);
	fa_core_link(world->core, &input, world->now);
	fa_core_address(world->core, &input_address, world->now);
}

int fa_world_try(struct fa_world *world)
{
	struct fa_core_environment environment = {.outbox = &world->outbox, .random = &random_source};
	struct mip_input_default_route route = {
		.link = WORLD_UPLINK,
		.gateway = address("192.0.2.1"),
		.present = true,
	};
	int r = fa_core_new(&environment, &world->settings, &world->core);

	if (r < 0)
		return r;
	tell_link(world, WORLD_UPLINK, "uplink", "192.0.2.2");
	tell_link(world, WORLD_VISITED, "visit0", "10.2.0.1");
	tell_link(world, WORLD_OTHER_VISITED, "visit1", "10.3.0.1");
	fa_core_default_route(world->core, &route, world->now);
	fa_core_begin(world->core, world->now);
	take(world);
	return 0;
}

void fa_world_start(struct fa_world *world)
{
	assert_int_equal(fa_world_try(world), 0);
}

void fa_world_begin(struct fa_world *world)
{
	fa_world_init(world);
	fa_world_start(world);
}

void fa_world_end(struct fa_world *world)
{
	fa_world_clear(world);
	fa_core_free(world->core);
	fa_world_clear(world);
	mip_outbox_clear(&world->outbox);
}

struct fa_world_request fa_world_request(void)
{
	return (struct fa_world_request){
		.fields = {.flags = MIP_REQUEST_T,
			.lifetime = 600,
			.home_address = address("10.1.0.50"),
			.home_agent = address("10.1.0.1"),
			.care_of_address = address("10.2.0.1"),
			.identification = 0x1122334455667788},
		.source = address("10.1.0.50"),
		.destination = address("10.2.0.1"),
		.source_port = 1434,
		.ttl = 255,
		.link = WORLD_VISITED,
		.link_address = link_address(0x50),
	};
}

static void write_authentication(struct mip_writer *writer)
{
	uint8_t *room =
		mip_authentication_write(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);

	assert_non_null(room);
	memset(room, 0xa5, 16);
}

size_t fa_world_write_request(const struct fa_world_request *request, uint8_t message[WORLD_MESSAGE])
{
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);

	mip_request_write(&writer, &request->fields);
	message[1] |= request->raw_flags;
	if (request->nai)
		mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, request->nai, strlen(request->nai));
	if (!request->without_authorization)
		write_authentication(&writer);
	if (request->trailer)
		request->trailer(&writer);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

void fa_world_send_message(
	struct fa_world *world, const struct fa_world_request *request, const uint8_t *message, size_t length)
{
	struct mip_ip ip = {
		.ttl = request->ttl, .source = request->source, .destination = request->destination};
	struct mip_udp udp = {.source_port = request->source_port, .destination_port = MIP_REGISTRATION_PORT};
	uint8_t packet[WORLD_MESSAGE + 64];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = request->link,
		.source = request->link_address,
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
	};

	mip_udp_packet_write(&writer, &ip, &udp, message, length);
	assert_false(mip_writer_failed(&writer));
	frame.octets = writer.octets;
	frame.length = writer.length;
	fa_core_frame(world->core, &frame, world->now);
	take(world);
}

size_t fa_world_send(
	struct fa_world *world, const struct fa_world_request *request, uint8_t message[WORLD_MESSAGE])
{
	size_t length = fa_world_write_request(request, message);

	fa_world_send_message(world, request, message, length);
	return length;
}

struct mip_registration_reply fa_world_reply_to(const struct fa_world_request *request)
{
	return (struct mip_registration_reply){
		.code = MIP_CODE_ACCEPTED,
		.lifetime = request->fields.lifetime,
		.home_address = request->fields.home_address,
		.home_agent = request->fields.home_agent,
		.identification = request->fields.identification,
	};
}

size_t fa_world_write_reply(const struct mip_registration_reply *reply, const char *nai,
	void (*trailer)(struct mip_writer *writer), uint8_t message[WORLD_MESSAGE])
{
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);

	mip_reply_write(&writer, reply);
	if (nai)
		mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, nai, strlen(nai));
	write_authentication(&writer);
	if (trailer)
		trailer(&writer);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

void fa_world_deliver(
	struct fa_world *world, struct mip_address source, const uint8_t *message, size_t length)
{
	struct mip_input_datagram datagram = {
		.link = WORLD_UPLINK,
		.source = source,
		.source_port = MIP_REGISTRATION_PORT,
		.destination = world->settings.care_of_address,
		.destination_port = MIP_REGISTRATION_PORT,
		.ttl = 60,
		.octets = message,
		.length = length,
	};

	fa_core_datagram(world->core, &datagram, world->now);
	take(world);
}

void fa_world_reply(struct fa_world *world, const struct mip_registration_reply *reply)
{
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(reply, NULL, NULL, message);

	fa_world_deliver(world, reply->home_agent, message, length);
}

void fa_world_register(struct fa_world *world, const struct fa_world_request *request)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];

	fa_world_send(world, request, message);
	fa_world_clear(world);
	fa_world_reply(world, &reply);
}

void fa_world_begin_with_visitor(struct fa_world *world, const struct fa_world_request *request)
{
	fa_world_begin(world);
	fa_world_register(world, request);
}

void fa_world_wait(struct fa_world *world, mip_time duration)
{
	mip_time end = world->now.boot + duration;

	while (fa_core_deadline(world->core) <= end) {
		mip_time next = fa_core_deadline(world->core);

		if (next > world->now.boot) {
			world->now.wall += next - world->now.boot;
			world->now.boot = next;
		}
		fa_core_advance(world->core, world->now);
	}
	world->now.wall += end - world->now.boot;
	world->now.boot = end;
	take(world);
}

static bool is_advertisement(const struct mip_output *output)
{
	return output->kind == MIP_OUTPUT_FRAME && output->length > 9 &&
	       output->octets[9] == MIP_PROTOCOL_ICMP;
}

size_t fa_world_count(const struct fa_world *world, enum mip_output_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == kind && !is_advertisement(&world->outputs[i]))
			count++;
	}
	return count;
}

size_t fa_world_place(const struct fa_world *world, enum mip_output_kind kind)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == kind && !is_advertisement(&world->outputs[i]))
			return i;
	}
	return SIZE_MAX;
}

const struct mip_output *fa_world_only(const struct fa_world *world, enum mip_output_kind kind)
{
	assert_int_equal(fa_world_count(world, kind), 1);
	return &world->outputs[fa_world_place(world, kind)];
}

size_t fa_world_want_place(
	const struct fa_world *world, enum mip_output_kind kind, enum mip_want_kind want_kind)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == kind && world->outputs[i].want.kind == want_kind)
			return i;
	}
	return SIZE_MAX;
}

const struct mip_want *fa_world_want(
	const struct fa_world *world, enum mip_output_kind kind, enum mip_want_kind want_kind)
{
	size_t place = fa_world_want_place(world, kind, want_kind);

	return place == SIZE_MAX ? NULL : &world->outputs[place].want;
}

struct mip_reader fa_world_open(
	const struct mip_output *frame, struct mip_ip *ret_ip, struct mip_udp *ret_udp)
{
	struct mip_reader payload;

	assert_int_equal(frame->frame.ethertype, MIP_ETHERTYPE_IPV4);
	assert_int_equal(
		mip_udp_packet_read(frame->octets, frame->length, false, ret_ip, ret_udp, &payload), 0);
	return payload;
}

int fa_world_code(const struct fa_world *world)
{
	struct mip_registration_reply reply;
	struct mip_ip ip;
	struct mip_udp udp;
	struct mip_reader reader;

	if (fa_world_count(world, MIP_OUTPUT_FRAME) == 0)
		return -1;
	reader = fa_world_open(fa_world_only(world, MIP_OUTPUT_FRAME), &ip, &udp);
	assert_int_equal(mip_reply_read(&reader, &reply), 0);
	return reply.code;
}

uint64_t fa_world_counter(const struct fa_world *world, const char *name)
{
	return counter_value(fa_core_counters(world->core), name);
}

struct search {
	struct mip_address home_address;
	struct fa_visitor_view view;
	bool found;
};

static void look(void *context, const struct fa_visitor_view *view)
{
	struct search *search = context;

	if (!mip_address_equal(view->home_address, search->home_address))
		return;
	assert_false(search->found);
	search->view = *view;
	search->found = true;
}

bool fa_world_view(struct fa_world *world, struct mip_address home_address, struct fa_visitor_view *ret_view)
{
	struct search search = {.home_address = home_address};

	fa_core_visitors(world->core, world->now, look, &search);
	if (search.found)
		*ret_view = search.view;
	return search.found;
}

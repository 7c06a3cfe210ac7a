#include "ha_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator.h"
#include "counter_value.h"
#include "replay.h"

const struct mip_link_address ha_link_address = {6, {2, 0, 0, 0, 0, 1}};
const struct mip_link_address ha_node_link_address = {6, {2, 0, 0, 0, 0, 0x32}};

/* Not random, but never the same twice. */
static void fill(void *context, void *octets, size_t length)
{
	static uint32_t state = 12345;
	uint8_t *out = octets;

	(void)context;
	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		out[i] = (uint8_t)(state >> 24);
	}
}

static const struct mip_random made_up_random = {.fill = fill};

static struct mip_association *associate(uint32_t spi, uint8_t secret, enum mip_replay_style replay)
{
	uint8_t key[16];
	struct mip_association_settings settings = {
		.spi = spi,
		.replay = replay,
		.replay_tolerance = 7 * MIP_SECOND,
		.key = {key, sizeof(key)},
	};
	struct mip_association *association;

	memset(key, secret, sizeof(key));
	assert_int_equal(mip_association_new(&settings, &association), 0);
	return association;
}

static void count_warning(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	struct world *world = context;

	(void)format;
	(void)arguments;
	world->warnings += level == MIP_LOG_WARNING;
}

static void prepare_settings(struct world *world)
{
	world->networks[0] = (struct ha_network_settings){{mip_address_of(0x0a010000), 24}, "home0"};
	world->networks[1] = (struct ha_network_settings){{mip_address_of(0xac140000), 16}, NULL};
	world->nodes[0] = (struct ha_node_settings){NODE_ADDRESS, NULL, world->node, NULL};
	world->nodes[1] = (struct ha_node_settings){NONCE_ADDRESS, NULL, world->nonce, NULL};
	world->nodes[2] = (struct ha_node_settings){VIRTUAL_NODE, NULL, world->virtual_node, NULL};
	world->nodes[3] = (struct ha_node_settings){{0}, "alice@Example.ORG", world->alice, NULL};
	world->nodes[4] = (struct ha_node_settings){{0}, "bob@example.org", world->bob, NULL};
	world->agents[0] = (struct ha_foreign_agent_settings){AGENT_ADDRESS, world->agent};
	world->settings = (struct ha_settings){
		.address = HA_ADDRESS,
		.networks = world->networks,
		.network_count = 2,
		.nodes = world->nodes,
		.node_count = 5,
		.foreign_agents = world->agents,
		.foreign_agent_count = 1,
		.pool_first = POOL_FIRST,
		.pool_last = POOL_LAST,
		.max_lifetime = 1800,
		.gre = true,
		.minimal = true,
		.keepalive_interval = 110,
		.grace = 3 * MIP_SECOND,
		.advertise = {.interval = 1 * MIP_SECOND, .lifetime = 3 * MIP_SECOND, .prefix_lengths = true},
	};
}

void ha_world_prepare(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->now = (struct mip_now){1000 * MIP_SECOND, 1700000000 * MIP_SECOND};
	world->node = associate(1000, 0x11, MIP_REPLAY_TIMESTAMP);
	world->nonce = associate(1001, 0x22, MIP_REPLAY_NONCE);
	world->virtual_node = associate(1002, 0x33, MIP_REPLAY_TIMESTAMP);
	world->alice = associate(1003, 0x44, MIP_REPLAY_TIMESTAMP);
	world->bob = associate(1004, 0x45, MIP_REPLAY_TIMESTAMP);
	world->agent = associate(2000, 0x55, MIP_REPLAY_TIMESTAMP);
	world->wrong = associate(1000, 0x66, MIP_REPLAY_TIMESTAMP);
	world->aaa = associate(3000, 0x77, MIP_REPLAY_TIMESTAMP);
	world->log = (struct mip_log){.write = count_warning, .context = world};
	prepare_settings(world);
}

int ha_world_try(struct world *world)
{
	return ha_core_new(&world->settings, &made_up_random, &world->log, &world->core);
}

void ha_world_make(struct world *world)
{
	assert_int_equal(ha_world_try(world), 0);
}

void ha_world_link(struct world *world, bool up)
{
	struct mip_input_link link = {
		.link = HOME_LINK,
		.name = "home0",
		.present = true,
		.up = up,
		.link_address = ha_link_address,
		.mtu = 1500,
	};

	ha_core_link(world->core, &link, world->now);
}

void ha_world_address(struct world *world, struct mip_address address, uint8_t prefix_length, bool present)
{
	struct mip_input_address input = {HOME_LINK, address, prefix_length, present};

	ha_core_address(world->core, &input, world->now);
}

void ha_world_begin(struct world *world)
{
	ha_world_link(world, true);
	ha_world_address(world, HA_ADDRESS, 24, true);
	ha_core_begin(world->core, world->now);
	ha_world_collect(world);
}

void ha_world_start(struct world *world)
{
	ha_world_make(world);
	ha_world_begin(world);
	ha_world_clear_outputs(world);
}

void ha_world_end(struct world *world)
{
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	world->core = NULL;
	mip_association_unref(world->node);
	mip_association_unref(world->nonce);
	mip_association_unref(world->virtual_node);
	mip_association_unref(world->alice);
	mip_association_unref(world->bob);
	mip_association_unref(world->agent);
	mip_association_unref(world->wrong);
	mip_association_unref(world->aaa);
}

void ha_world_clear_outputs(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		mip_output_clear(&world->outputs[i]);
	world->count = 0;
}

void ha_world_collect(struct world *world)
{
	struct mip_output output;

	while (mip_outbox_take(ha_core_outbox(world->core), &output)) {
		assert_true(world->count < WORLD_OUTPUTS);
		world->outputs[world->count++] = output;
	}
}

void ha_world_pass(struct world *world, mip_time time)
{
	mip_time end = world->now.boot + time;

	while (ha_core_deadline(world->core) <= end) {
		mip_time step = ha_core_deadline(world->core) - world->now.boot;

		if (step > 0) {
			world->now.boot += step;
			world->now.wall += step;
		}
		ha_core_advance(world->core, world->now);
		ha_world_collect(world);
	}
	world->now.wall += end - world->now.boot;
	world->now.boot = end;
}

/* --- requests --------------------------------------------------------------------------------- */

static const struct mip_association *security_of(const struct world *world, const struct ask *ask)
{
	if (ask->security)
		return ask->security;
	if (ask->nai)
		return ask->nai[0] == 'b' ? world->bob : world->alice;
	if (mip_address_equal(ask->home_address, NONCE_ADDRESS))
		return world->nonce;
	if (mip_address_equal(ask->home_address, VIRTUAL_NODE))
		return world->virtual_node;
	return world->node;
}

static struct mip_address home_of(const struct ask *ask)
{
	if (ask->no_home_address)
		return (struct mip_address){0};
	return mip_address_is_none(ask->home_address) ? NODE_ADDRESS : ask->home_address;
}

static struct mip_address home_agent_of(const struct ask *ask)
{
	if (ask->no_home_agent)
		return (struct mip_address){0};
	return mip_address_is_none(ask->home_agent) ? HA_ADDRESS : ask->home_agent;
}

static void write_tunnel_request(struct mip_writer *writer, const struct ask *ask)
{
	struct mip_udp_tunnel_request request = {
		.force = ask->tunnel_force,
		.through_foreign_agent = ask->tunnel_through_agent,
		.encapsulation = ask->tunnel_encapsulation,
	};

	mip_udp_tunnel_request_write(writer, &request);
	if (ask->tunnel_reserved)
		writer->octets[writer->length - 1] = 1;
}

static void write_aaa(struct mip_writer *writer, const struct ask *ask)
{
	struct mip_challenge challenge = {
		(const uint8_t *)(ask->aaa_other_challenge ? "CHALLENGE" : "challenge"), 9};

	assert_int_equal(
		mip_authenticator_append_challenge(writer, ask->aaa, ask->challenge ? &challenge : NULL), 0);
}

static void write_before(const struct world *world, struct mip_writer *writer, const struct ask *ask)
{
	if (ask->nai)
		mip_extension_write(writer, MIP_EXTENSION_NODE_NAI, ask->nai, strlen(ask->nai));
	if (!mip_address_is_none(ask->requested))
		mip_dynamic_home_agent_write(writer, MIP_REQUESTED_HOME_AGENT, ask->requested);
	if (ask->tunnel_request && !ask->tunnel_by_agent)
		write_tunnel_request(writer, ask);
	if (ask->support && ask->support_by_node)
		mip_revocation_support_write(writer, ask->support);
	if (ask->unknown_extension == MIP_EXTENSION_FOREIGN_AGENT_ERROR)
		mip_extension_write_short(writer, MIP_EXTENSION_FOREIGN_AGENT_ERROR, 0, "w", 1);
	else if (ask->unknown_extension)
		mip_extension_write(writer, (uint8_t)ask->unknown_extension, "what", 4);
	if (ask->vendor)
		mip_extension_write(writer, MIP_EXTENSION_VENDOR, "\0\0\0\0\x10\x92\0\1", 8);
	if (ask->critical_vendor)
		mip_extension_write_long(writer, MIP_EXTENSION_CRITICAL_VENDOR, 0, "\0\0\x10\x92\0\1v", 7);
	if (ask->aaa && ask->aaa_first)
		write_aaa(writer, ask);
	for (int i = 0; !ask->no_security && i < (ask->twice ? 2 : 1); i++)
		assert_int_equal(mip_authenticator_append(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0,
					 security_of(world, ask)),
			0);
}

static void write_foreign_home(struct mip_writer *writer, const struct ask *ask)
{
	unsigned times = ask->foreign_home_times ? ask->foreign_home_times : 1;

	for (unsigned i = 0; ask->foreign_home && i < times; i++)
		assert_int_equal(mip_authenticator_append(writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
					 0, ask->foreign_home),
			0);
}

static void write_after(struct mip_writer *writer, const struct ask *ask)
{
	if (ask->foreign_home_first)
		write_foreign_home(writer, ask);
	if (ask->tunnel_request && ask->tunnel_by_agent)
		write_tunnel_request(writer, ask);
	for (int i = 0; i < (ask->challenge_twice ? 2 : ask->challenge); i++)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, "challenge", 9);
	if (ask->aaa && !ask->aaa_first)
		write_aaa(writer, ask);
	if (ask->unknown_after)
		mip_extension_write(writer, (uint8_t)ask->unknown_after, "what", 4);
	if (ask->vendor)
		mip_extension_write(writer, MIP_EXTENSION_VENDOR, "\0\0\0\0\x10\x92\0\1", 8);
	if (ask->critical_vendor_after)
		mip_extension_write_long(writer, MIP_EXTENSION_CRITICAL_VENDOR, 0, "\0\0\x10\x92\0\1v", 7);
	if (ask->support && !ask->support_by_node && !ask->support_last)
		mip_revocation_support_write(writer, ask->support);
	if (!ask->foreign_home_first)
		write_foreign_home(writer, ask);
	if (ask->support && ask->support_last)
		mip_revocation_support_write(writer, ask->support);
}

size_t ha_ask_build(struct world *world, const struct ask *ask, uint8_t *message, size_t size)
{
	struct mip_registration_request request = {
		.flags = ask->flags,
		.lifetime = ask->lifetime == 0	? 600
			    : ask->lifetime < 0 ? 0
						: (uint16_t)ask->lifetime,
		.home_address = home_of(ask),
		.home_agent = home_agent_of(ask),
		.care_of_address = ask->care_of,
		.identification = ask->identification ? ask->identification : mip_ntp_of(world->now.wall),
	};
	struct mip_writer writer = mip_writer_of(message, size);

	world->identification = request.identification;
	mip_request_write(&writer, &request);
	message[1] |= ask->raw_flags;
	write_before(world, &writer, ask);
	write_after(&writer, ask);
	assert_false(mip_writer_failed(&writer));
	return writer.length - ask->cut;
}

static void deliver_frame(
	struct world *world, const struct mip_input_datagram *datagram, struct mip_link_address link_source)
{
	struct mip_ip ip = {.ttl = 64, .source = datagram->source, .destination = datagram->destination};
	struct mip_udp udp = {datagram->source_port, datagram->destination_port};
	uint8_t packet[2048];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = HOME_LINK,
		.source = link_source,
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet,
	};

	mip_udp_packet_write(&writer, &ip, &udp, datagram->octets, datagram->length);
	frame.length = writer.length;
	ha_core_frame(world->core, &frame, world->now);
}

void ha_ask_deliver(struct world *world, const struct ask *ask, const uint8_t *message, size_t length)
{
	struct mip_input_datagram datagram = {
		.link = ask->framed ? HOME_LINK : UPLINK,
		.source = mip_address_is_none(ask->source) ? ask->care_of : ask->source,
		.source_port = ask->source_port ? ask->source_port : NODE_PORT,
		.destination = mip_address_is_none(ask->destination) ? HA_ADDRESS : ask->destination,
		.destination_port = MIP_REGISTRATION_PORT,
		.ttl = 64,
		.octets = message,
		.length = length,
	};

	if (ask->from_nowhere)
		datagram.source = (struct mip_address){0};
	if (ask->framed)
		deliver_frame(world, &datagram, ask->link_source);
	else
		ha_core_datagram(world->core, &datagram, world->now);
	ha_world_collect(world);
}

void ha_ask_send(struct world *world, const struct ask *ask)
{
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(world, ask, message, sizeof(message));

	ha_ask_deliver(world, ask, message, length);
}

struct ask ha_ask_by_agent(void)
{
	return (struct ask){.care_of = OTHER_AGENT, .flags = MIP_REQUEST_T, .source_port = 434};
}

struct ask ha_ask_co_located(void)
{
	return (struct ask){.care_of = CARE_OF, .flags = MIP_REQUEST_D | MIP_REQUEST_T};
}

struct ask ha_ask_from_home(void)
{
	return (struct ask){
		.care_of = NODE_ADDRESS,
		.lifetime = -1,
		.framed = true,
		.link_source = ha_node_link_address,
	};
}

/* --- replies ---------------------------------------------------------------------------------- */

static bool read_datagram(const struct mip_output *output, struct answer *answer)
{
	if (output->kind != MIP_OUTPUT_DATAGRAM ||
		mip_message_type(output->octets, output->length) != MIP_MESSAGE_REGISTRATION_REPLY)
		return false;
	answer->datagram = output->datagram;
	answer->length = output->length;
	memcpy(answer->message, output->octets, output->length);
	return true;
}

static bool read_frame(const struct mip_output *output, struct answer *answer)
{
	struct mip_reader payload;

	if (output->kind != MIP_OUTPUT_FRAME || output->frame.ethertype != MIP_ETHERTYPE_IPV4)
		return false;
	if (mip_udp_packet_read(output->octets, output->length, false, &answer->ip, &answer->udp, &payload) <
		0)
		return false;
	answer->framed = true;
	answer->frame = output->frame;
	answer->length = mip_reader_left(&payload);
	memcpy(answer->message, mip_read_octets(&payload, answer->length), answer->length);
	return true;
}

static bool find_answer(struct world *world, struct answer *answer)
{
	struct mip_reader reader;
	int found = 0;

	for (size_t i = 0; i < world->count; i++) {
		if (!read_datagram(&world->outputs[i], answer) && !read_frame(&world->outputs[i], answer))
			continue;
		answer->place = i;
		found++;
	}
	assert_true(found <= 1);
	if (!found)
		return false;
	reader = mip_reader_of(answer->message, answer->length);
	assert_int_equal(mip_reply_read(&reader, &answer->fields), 0);
	assert_int_equal(mip_extensions_read(&reader, &answer->extensions), 0);
	return true;
}

const struct answer *ha_answer_take(struct world *world)
{
	world->answer = (struct answer){0};
	if (!find_answer(world, &world->answer))
		fail_msg("there is no reply");
	return &world->answer;
}

const struct answer *ha_answer_expect(struct world *world, int code)
{
	const struct answer *answer = ha_answer_take(world);

	assert_int_equal(answer->fields.code, code);
	assert_int_equal((uint32_t)answer->fields.identification, (uint32_t)world->identification);
	return answer;
}

void ha_answer_expect_none(struct world *world)
{
	struct answer answer = {0};

	if (find_answer(world, &answer))
		fail_msg("there is a reply, with code %d", answer.fields.code);
}

bool ha_answer_authentic(
	const struct answer *answer, enum mip_slot slot, const struct mip_association *association)
{
	const struct mip_extension *extension = mip_extension_of(&answer->extensions, slot);

	return extension && mip_authenticator_check(association, answer->message, extension) == 0;
}

void ha_ask_expect(struct world *world, const struct ask *ask, int code)
{
	ha_ask_send(world, ask);
	ha_answer_expect(world, code);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_MILLISECOND);
}

/* --- outputs ---------------------------------------------------------------------------------- */

int ha_find_want(const struct world *world, enum mip_output_kind kind, enum mip_want_kind want, int n)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == kind && world->outputs[i].want.kind == want && n-- == 0)
			return (int)i;
	}
	return -1;
}

int ha_find_kind(const struct world *world, enum mip_output_kind kind, int n)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == kind && n-- == 0)
			return (int)i;
	}
	return -1;
}

int ha_find_event(const struct world *world, const char *name)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == MIP_OUTPUT_EVENT &&
			strcmp(world->outputs[i].event.name, name) == 0)
			return (int)i;
	}
	return -1;
}

int ha_find_record(const struct world *world, enum mip_output_kind kind, const char *key)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == kind && strcmp(world->outputs[i].key, key) == 0)
			return (int)i;
	}
	return -1;
}

static bool is_gratuitous(
	const struct mip_output *output, struct mip_address address, struct mip_arp *ret_arp)
{
	if (output->kind != MIP_OUTPUT_FRAME || output->frame.ethertype != MIP_ETHERTYPE_ARP)
		return false;
	assert_int_equal(mip_arp_read(output->octets, output->length, ret_arp), 0);
	/* RFC 5944 4.6: sender and target are both the address; a broadcast. */
	assert_true(mip_address_equal(ret_arp->sender, ret_arp->target));
	assert_int_equal(output->frame.destination.length, 0);
	assert_int_equal(output->frame.link, HOME_LINK);
	return mip_address_equal(ret_arp->sender, address);
}

int ha_find_gratuitous(
	const struct world *world, struct mip_address address, struct mip_link_address link, int n)
{
	struct mip_arp arp;

	for (size_t i = 0; i < world->count; i++) {
		if (is_gratuitous(&world->outputs[i], address, &arp) &&
			mip_link_address_equal(arp.sender_link, link) && n-- == 0)
			return (int)i;
	}
	return -1;
}

int ha_count_gratuitous(const struct world *world, struct mip_address address)
{
	struct mip_arp arp;
	int count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += is_gratuitous(&world->outputs[i], address, &arp);
	return count;
}

const struct mip_want *ha_want_at(const struct world *world, int place)
{
	assert_in_range(place, 0, world->count - 1);
	return &world->outputs[place].want;
}

const struct mip_want *ha_kernel_has(
	const struct world *world, enum mip_want_kind kind, struct mip_address remote)
{
	const struct mip_want *found = NULL;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];
		struct mip_address address;

		if ((output->kind != MIP_OUTPUT_WANT && output->kind != MIP_OUTPUT_UNWANT) ||
			output->want.kind != kind)
			continue;
		address = kind == MIP_WANT_PEER ? output->want.peer.remote : output->want.tunnel.remote;
		/* There is one TUNNEL: whatever it was before, it is that now. */
		if (kind == MIP_WANT_TUNNEL)
			found = NULL;
		if (mip_address_equal(address, remote))
			found = output->kind == MIP_OUTPUT_WANT ? &output->want : NULL;
	}
	return found;
}

uint64_t ha_counter_value(const struct world *world, const char *name)
{
	return counter_value(ha_core_counters(world->core), name);
}

struct search {
	struct mip_address wanted;
	struct ha_binding_view view;
	bool found;
};

static void look(void *context, const struct ha_binding_view *binding)
{
	struct search *search = context;

	if (!mip_address_is_none(search->wanted) && !mip_address_equal(search->wanted, binding->home_address))
		return;
	search->view = *binding;
	search->found = true;
}

struct ha_binding_view ha_only_binding(const struct world *world)
{
	struct search search = {0};

	assert_int_equal(ha_core_binding_count(world->core), 1);
	ha_core_bindings(world->core, look, &search);
	return search.view;
}

bool ha_has_binding(const struct world *world, struct mip_address home_address)
{
	struct search search = {.wanted = home_address};

	ha_core_bindings(world->core, look, &search);
	return search.found;
}

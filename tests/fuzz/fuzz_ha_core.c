/*
 * The home agent's machine under random events (stream.h): frames and datagrams, requests that are signed rightly,
 * wrongly or damaged after signing, whole messages that the mutator has changed and signed again, links and
 * addresses that come and go, time, reloads, restarts with damaged records. After each, what must always hold:
 *
 *   - a binding exists only for a node that sent an authenticated request with a lifetime since it had none
 *   - exactly the bindings have a route and a tunnel (once those in the queue have been told)
 *   - proxy entries exist only for bindings of the real home network
 *   - nothing is accepted that was not signed rightly; a request gets one reply at most, and nothing else
 * does
 *   - what is said about revocations (RFC 3543) is well-formed and signed, in the home agent's direction
 *   - a binding is never longer than was asked for, nor than the most; the deadline is in the future
 */
#include "stream.h"

#include "address.h"
#include "authenticator.h"
#include "extension.h"
#include "ha_core.h"
#include "packet.h"
#include "registration.h"
#include "replay.h"
#include "revocation.h"

enum {
	NODES = 4, /* by address: with timestamps, with nonces, virtual; by NAI */
	HOME_LINK = 2,
	HA_ADDRESS = 0x0a010001,
	POOL = 0x0a010064,
	POOL_SIZE = 2,
	RECORDS = 32,
	AGENT = 0x0a020002, /* a foreign agent that shares an association */
	MAX_LIFETIME = 1800,
	SIMULTANEOUS = 3, /* bindings of a node */
	STEPS_MOST = 100,
};

/* Kinds of events. */
enum kind {
	KIND_JUNK,
	KIND_RAW_FRAME,
	KIND_LINK,
	KIND_TIME,
	KIND_REVOKE,
	KIND_RESTART,
	KIND_RELOAD,
	KIND_TUNNEL_DATA,
	KIND_REVOCATION,
	KIND_GROUP,
	KIND_REQUEST,
	KIND_MESSAGE,
	KIND_COUNT,
};

static const uint32_t home_addresses[NODES] = {0x0a010032, 0x0a01003c, 0xac140032, 0};
static const char nai[] = "alice@example.org";

#define GRACE (3 * MIP_SECOND)

struct record {
	char key[MIP_RECORD_KEY];
	uint8_t octets[600 * SIMULTANEOUS];
	size_t length;
};

/* What the outside of the machine has seen. */
struct model {
	struct ha_core *core;
	struct mip_now now;
	struct mip_reader input;
	struct ha_network_settings networks[2];
	struct ha_node_settings nodes[NODES];
	struct ha_foreign_agent_settings agent;
	struct ha_settings settings;
	struct record records[RECORDS];
	size_t record_count;
	/* By home address: those of the nodes, then those of the pool. */
	bool authorized[NODES + POOL_SIZE];
	bool route[NODES + POOL_SIZE], tunnel[NODES + POOL_SIZE], proxy[NODES + POOL_SIZE];
	struct mip_want copies[NODES + POOL_SIZE][SIMULTANEOUS];
	size_t copy_count[NODES + POOL_SIZE];
	mip_time bound_last[NODES + POOL_SIZE]; /* when it was seen bound */
	unsigned replies, accepted;
	uint32_t nonce; /* of the last reply */
};

static struct mip_association *associations[NODES + 1]; /* the last is nobody's */
static struct mip_association *agents;			/* with the foreign agent */

static void fill(void *context, void *octets, size_t length)
{
	static uint8_t next;

	(void)context;
	for (size_t i = 0; i < length; i++)
		((uint8_t *)octets)[i] = next++;
}

static const struct mip_random made_up_random = {.fill = fill};

static void associate_once(void)
{
	uint8_t key[16];

	if (associations[0])
		return;
	for (unsigned i = 0; i <= NODES; i++) {
		struct mip_association_settings settings = {
			.spi = 1000 + i % NODES,
			.replay = i == 1 ? MIP_REPLAY_NONCE : MIP_REPLAY_TIMESTAMP,
			.key = {key, sizeof(key)},
		};

		memset(key, (int)(i + 1), sizeof(key));
		FUZZ_CHECK(mip_association_new(&settings, &associations[i]) == 0);
	}
	memset(key, 0x77, sizeof(key));
	FUZZ_CHECK(mip_association_new(
			   &(struct mip_association_settings){.spi = 2000, .key = {key, sizeof(key)}},
			   &agents) == 0);
}

static int slot_of(struct mip_address home_address)
{
	uint32_t number = mip_address_number(home_address);

	for (int i = 0; i < NODES - 1; i++) {
		if (number == home_addresses[i])
			return i;
	}
	FUZZ_CHECK(number >= POOL && number < POOL + POOL_SIZE);
	return NODES + (int)(number - POOL);
}

/* --- what comes out --------------------------------------------------------------------------- */

static void see_copy(struct model *model, const struct mip_want *want, bool wanted)
{
	int slot = slot_of(want->tunnel.home_address);
	struct mip_want *copies = model->copies[slot];
	size_t *count = &model->copy_count[slot], place = 0;

	FUZZ_CHECK(want->tunnel.end == MIP_TUNNEL_HOME);
	while (place < *count && !mip_want_same_key(&copies[place], want))
		place++;
	if (wanted) {
		FUZZ_CHECK(place < SIMULTANEOUS);
		*count += place == *count;
		copies[place] = *want;
	} else if (place < *count) {
		copies[place] = copies[--*count];
	}
}

static void see_want(struct model *model, const struct mip_want *want, bool wanted)
{
	switch (want->kind) {
	case MIP_WANT_ROUTE:
		FUZZ_CHECK(want->route.destination.length == 32 && want->route.link == MIP_LINK_TUNNEL);
		model->route[slot_of(want->route.destination.address)] = wanted;
		break;
	case MIP_WANT_TUNNEL:
		FUZZ_CHECK(want->tunnel.end == MIP_TUNNEL_HOME);
		model->tunnel[slot_of(want->tunnel.home_address)] = wanted;
		break;
	case MIP_WANT_COPY:
		see_copy(model, want, wanted);
		break;
	case MIP_WANT_PROXY:
		model->proxy[slot_of(want->proxy.address)] = wanted;
		break;
	default:
		break;
	}
}

static struct record *find_record(struct model *model, const char *key)
{
	for (size_t i = 0; i < model->record_count; i++) {
		if (strcmp(model->records[i].key, key) == 0)
			return &model->records[i];
	}
	return NULL;
}

static void see_record(struct model *model, const struct mip_output *output)
{
	struct record *record = find_record(model, output->key);

	if (output->kind == MIP_OUTPUT_FORGET) {
		if (record)
			*record = model->records[--model->record_count];
		return;
	}
	FUZZ_CHECK(output->length <= sizeof(record->octets));
	if (!record && model->record_count < RECORDS)
		record = &model->records[model->record_count++];
	if (!record)
		return;
	memcpy(record->key, output->key, sizeof(record->key));
	memcpy(record->octets, output->octets, output->length);
	record->length = output->length;
}

static void see_reply(struct model *model, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_reply reply;
	struct mip_extensions extensions;

	FUZZ_CHECK(mip_reply_read(&reader, &reply) == 0);
	FUZZ_CHECK(mip_extensions_read(&reader, &extensions) == 0);
	/* rfc5944-3.8.3.3-2. */
	FUZZ_CHECK(extensions.present[MIP_SLOT_MOBILE_HOME_AUTHENTICATION]);
	/* rfc4433-3.4.2-1. */
	FUZZ_CHECK(
		extensions.present[MIP_SLOT_REDIRECTED_HOME_AGENT] == (reply.code == MIP_CODE_HA_REDIRECT));
	model->nonce = (uint32_t)(reply.identification >> 32);
	model->replies++;
	model->accepted += mip_code_is_accepted(reply.code);
}

static void see_revocation(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;

	if (mip_message_type(octets, length) == MIP_MESSAGE_REVOCATION)
		FUZZ_CHECK(mip_revocation_read(&reader, &revocation) == 0 && revocation.from_home_agent);
	else
		FUZZ_CHECK(mip_revocation_ack_read(&reader, &ack) == 0);
	FUZZ_CHECK(mip_extensions_read(&reader, &extensions) == 0);
	FUZZ_CHECK(extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION] !=
		   extensions.present[MIP_SLOT_MOBILE_HOME_AUTHENTICATION]);
}

static void see_datagram(struct model *model, const struct mip_output *output)
{
	int type = mip_message_type(output->octets, output->length);

	if (type == MIP_MESSAGE_REVOCATION || type == MIP_MESSAGE_REVOCATION_ACK)
		see_revocation(output->octets, output->length);
	else
		see_reply(model, output->octets, output->length);
}

static void see_frame(struct model *model, const struct mip_output *output)
{
	struct mip_reader payload;
	struct mip_arp arp;
	struct mip_udp udp;
	struct mip_ip ip;

	FUZZ_CHECK(output->frame.link == HOME_LINK);
	if (output->frame.ethertype == MIP_ETHERTYPE_ARP) {
		FUZZ_CHECK(mip_arp_read(output->octets, output->length, &arp) == 0);
		FUZZ_CHECK(mip_address_equal(arp.sender, arp.target));
		return;
	}
	/* What a node sends to a group comes out as it is, and never from this port. */
	if (mip_udp_packet_read(output->octets, output->length, false, &ip, &udp, &payload) == 0 &&
		udp.source_port == MIP_REGISTRATION_PORT)
		see_reply(model, mip_read_octets(&payload, mip_reader_left(&payload)), output->length - 28);
}

/* rfc5944-4.3-1, rfc5944-4.4-4: to a node that is away only; nested in the name of the home agent of its reply. */
static void see_group_copy(struct model *model, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;
	struct mip_ip ip;

	FUZZ_CHECK(model->tunnel[slot_of(output->copy.home_address)] ||
		   model->route[slot_of(output->copy.home_address)]);
	FUZZ_CHECK(!output->copy.nested || mip_address_is_unicast(output->copy.source));
	FUZZ_CHECK(mip_ip_read(&reader, &ip, &payload) == 0 && ip.total_length == output->length);
	FUZZ_CHECK(!mip_address_equal(ip.source, output->copy.home_address));
}

static void look(struct model *model)
{
	struct mip_output output;

	while (mip_outbox_take(ha_core_outbox(model->core), &output)) {
		if (output.kind == MIP_OUTPUT_WANT || output.kind == MIP_OUTPUT_UNWANT)
			see_want(model, &output.want, output.kind == MIP_OUTPUT_WANT);
		else if (output.kind == MIP_OUTPUT_KEEP || output.kind == MIP_OUTPUT_FORGET)
			see_record(model, &output);
		else if (output.kind == MIP_OUTPUT_DATAGRAM)
			see_datagram(model, &output);
		else if (output.kind == MIP_OUTPUT_COPY)
			see_group_copy(model, &output);
		else if (output.kind == MIP_OUTPUT_FRAME)
			see_frame(model, &output);
		mip_output_clear(&output);
	}
}

/* --- what must hold --------------------------------------------------------------------------- */

struct check {
	struct model *model;
	bool bound[NODES + POOL_SIZE];
	size_t bindings[NODES + POOL_SIZE];
	bool in_udp[NODES + POOL_SIZE];
};

static void check_binding(void *context, const struct ha_binding_view *binding)
{
	struct check *check = context;
	int slot = slot_of(binding->home_address);

	check->bound[slot] = true;
	check->in_udp[slot] = check->in_udp[slot] || binding->encapsulation == MIP_ENCAPSULATION_UDP;
	FUZZ_CHECK(++check->bindings[slot] <= SIMULTANEOUS);
	check->model->bound_last[slot] = check->model->now.boot;
	FUZZ_CHECK(check->model->authorized[slot]);
	FUZZ_CHECK(binding->lifetime > 0 && binding->lifetime <= MAX_LIFETIME);
	FUZZ_CHECK(binding->expires > check->model->now.boot);
	FUZZ_CHECK(binding->expires <= check->model->now.boot + binding->lifetime * MIP_SECOND);
	FUZZ_CHECK(mip_address_is_unicast(binding->care_of_address));
	FUZZ_CHECK(!mip_address_equal(binding->care_of_address, binding->home_address));
}

static void check(struct model *model)
{
	struct check check = {.model = model};

	ha_core_bindings(model->core, check_binding, &check);
	FUZZ_CHECK(ha_core_outbox(model->core)->lost == 0);
	for (int i = 0; i < NODES + POOL_SIZE; i++) {
		model->authorized[i] = check.bound[i];
		FUZZ_CHECK(!model->route[i] || check.bound[i]);
		FUZZ_CHECK(!model->tunnel[i] || model->now.boot <= model->bound_last[i] + GRACE);
		FUZZ_CHECK(model->copy_count[i] <= (check.bound[i] ? check.bindings[i] - 1 : 0));
		FUZZ_CHECK(!model->proxy[i] || (check.bound[i] && i != 2));
		if (ha_core_pending_count(model->core) > 0)
			continue;
		FUZZ_CHECK(model->route[i] == check.bound[i]);
		/* One in UDP may wait for a keep-alive that tells its port. */
		FUZZ_CHECK(!check.bound[i] || check.in_udp[i] || model->tunnel[i]);
		FUZZ_CHECK(
			!check.bound[i] || check.in_udp[i] || model->copy_count[i] == check.bindings[i] - 1);
	}
}

/* --- what goes in ----------------------------------------------------------------------------- */

static void settle(struct model *model, mip_time step)
{
	model->now.boot += step;
	model->now.wall += step;
	for (int i = 0; i < 100 && ha_core_deadline(model->core) <= model->now.boot; i++) {
		ha_core_advance(model->core, model->now);
		look(model);
	}
	FUZZ_CHECK(ha_core_deadline(model->core) > model->now.boot);
}

static void take_link(struct model *model, uint8_t bits)
{
	struct mip_input_link link = {
		.link = HOME_LINK,
		.name = "home0",
		.present = bits & 1,
		.up = bits & 2,
		.link_address = {6, {2, 0, 0, 0, 0, (uint8_t)(bits & 4)}},
	};
	struct mip_input_address address = {
		HOME_LINK, mip_address_of(HA_ADDRESS + (bits >> 6)), 24, bits & 8};

	ha_core_link(model->core, &link, model->now);
	ha_core_address(model->core, &address, model->now);
}

/* A source that may be a router, a node at home, or nobody. */
static struct mip_address choose_address(struct mip_reader *input)
{
	uint8_t choice = mip_read8(input);

	switch (choice % 6) {
	case 0:
		return mip_address_of(home_addresses[choice / 6 % (NODES - 1)]);
	case 1:
		return mip_address_of(0x0a020001 + choice);
	case 2:
		return mip_address_of(HA_ADDRESS);
	case 3:
		return mip_address_of(POOL + choice / 6 % 3);
	case 4:
		return mip_address_of(mip_read32(input));
	default:
		return (struct mip_address){0};
	}
}

static struct mip_address choose_destination(struct mip_reader *input)
{
	const uint32_t destinations[] = {
		HA_ADDRESS, HA_ADDRESS, 0x0a0100ff, 0xffffffff, 0xe000000b, 0x0a090909};

	return mip_address_of(destinations[mip_read8(input) % MIP_ARRAY_SIZE(destinations)]);
}

static void deliver(struct model *model, const uint8_t *octets, size_t length)
{
	struct mip_reader *input = &model->input;
	uint8_t bits = mip_read8(input);
	struct mip_ip ip = {
		.ttl = 64, .source = choose_address(input), .destination = choose_destination(input)};
	struct mip_udp udp = {mip_read16(input), MIP_REGISTRATION_PORT};
	uint8_t packet[2048];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = HOME_LINK,
		.source = {6, {2, 0, 0, 0, 0, 9}},
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet,
	};
	struct mip_input_datagram datagram = {
		.link = bits & 2 ? HOME_LINK : 3,
		.source = ip.source,
		.source_port = udp.source_port,
		.destination = ip.destination,
		.destination_port = udp.destination_port,
		.octets = octets,
		.length = length,
	};

	if (bits & 1) {
		ha_core_datagram(model->core, &datagram, model->now);
		return;
	}
	mip_udp_packet_write(&writer, &ip, &udp, octets, length);
	frame.length = writer.length;
	if (!mip_writer_failed(&writer))
		ha_core_frame(model->core, &frame, model->now);
}

/* The rest of the input, at most so much of it, in a copy that ends at the heap's guard. */
static uint8_t *take_octets(struct model *model, size_t *ret_length)
{
	size_t length = mip_read8(&model->input);

	if (length > mip_reader_left(&model->input))
		length = mip_reader_left(&model->input);
	*ret_length = length;
	return fuzz_copy(mip_read_octets(&model->input, length), length);
}

static void take_junk(struct model *model)
{
	size_t length;
	uint8_t *octets = take_octets(model, &length);

	if (length > 0 && octets[0] % 2)
		octets[0] = octets[0] & 2   ? MIP_MESSAGE_REGISTRATION_REQUEST
			    : octets[0] & 4 ? MIP_MESSAGE_REVOCATION
					    : MIP_MESSAGE_REVOCATION_ACK;
	deliver(model, octets, length);
	look(model);
	FUZZ_CHECK(model->accepted == 0);
	free(octets);
}

/* A keep-alive, or something like it, in a MIP Tunnel Data message. */
static void take_tunnel_data(struct model *model)
{
	struct mip_reader *input = &model->input;
	struct mip_ip ip = {.ttl = 64, .protocol = MIP_PROTOCOL_ICMP, .source = choose_address(input)};
	uint8_t echo[8] = {mip_read8(input) % 2 ? MIP_ICMP_ECHO_REQUEST : MIP_ICMP_ECHO_REPLY};
	uint8_t message[64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_input_datagram datagram = {
		.source = choose_address(input),
		.source_port = mip_read16(input),
		.destination = choose_destination(input),
		.octets = message,
	};

	ip.destination = choose_destination(input);
	mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	mip_ip_packet_write(&writer, &ip, echo, sizeof(echo));
	datagram.length = mip_read8(input) % (writer.length + 1);
	(void)ha_core_tunnel_data(model->core, &datagram, model->now);
}

static void take_raw_frame(struct model *model)
{
	size_t length;
	uint8_t *octets = take_octets(model, &length);
	struct mip_input_frame frame = {
		.link = HOME_LINK,
		.source = {6, {2, 0, 0, 0, 0, 9}},
		.checksum_unfilled = length % 2,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = octets,
		.length = length,
	};

	ha_core_frame(model->core, &frame, model->now);
	look(model);
	FUZZ_CHECK(model->accepted == 0);
	free(octets);
}

/* What is written between the fixed part and the authentication: extensions from the input, well formed or
 * not. */
static void write_extensions(struct model *model, struct mip_writer *writer, unsigned node)
{
	uint8_t flags = mip_read8(&model->input);
	struct mip_udp_tunnel_request request = {
		.force = flags % 4 == 0, .through_foreign_agent = flags % 3 == 0};
	uint8_t bits = mip_read8(&model->input);

	if (node == 3 || bits & 1)
		mip_extension_write(writer, MIP_EXTENSION_NODE_NAI, nai, sizeof(nai) - 1);
	if (bits & 2)
		mip_udp_tunnel_request_write(writer, &request);
	if (bits & 4)
		mip_extension_write(writer, mip_read8(&model->input), &bits, 1);
	if (bits & 8)
		mip_dynamic_home_agent_write(
			writer, MIP_REQUESTED_HOME_AGENT, choose_destination(&model->input));
	if (bits & 8)
		mip_revocation_support_write(
			writer, &(struct mip_revocation_support){bits & 16, mip_read8(&model->input)});
}

/* What a foreign agent adds. */
static void write_agents(struct model *model, struct mip_writer *writer)
{
	uint8_t bits = mip_read8(&model->input);

	if (bits & 1)
		mip_revocation_support_write(
			writer, &(struct mip_revocation_support){bits & 2, mip_read8(&model->input)});
	if (bits & 4)
		FUZZ_CHECK(mip_authenticator_append(
				   writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, agents) == 0);
}

/* A revocation or an acknowledgment, mostly signed; identifiers are small, or what was sent: the time. */
static void take_revocation(struct model *model)
{
	struct mip_reader *input = &model->input;
	uint8_t bits = mip_read8(input);
	uint32_t identifier = bits & 8 ? (uint32_t)(mip_ntp_of(model->now.wall) >> 32) - mip_read8(input) % 8
				       : mip_read8(input);
	struct mip_address home_address = mip_address_of(home_addresses[mip_read8(input) % (NODES - 1)]);
	struct mip_revocation revocation = {bits & 1, bits & 2, home_address, mip_address_of(HA_ADDRESS),
		choose_address(input), identifier};
	struct mip_revocation_ack ack = {bits & 2, home_address, identifier};
	uint8_t message[256];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	uint8_t *copy;

	if (bits & 4)
		mip_revocation_write(&writer, &revocation);
	else
		mip_revocation_ack_write(&writer, &ack);
	FUZZ_CHECK(mip_authenticator_append(&writer,
			   bits & 16 ? MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION
				     : MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
			   0, bits & 16 ? associations[bits >> 5 & 1] : agents) == 0);
	copy = fuzz_copy(message, writer.length);
	deliver(model, copy, writer.length);
	look(model);
	FUZZ_CHECK(model->replies == 0);
	free(copy);
}

static void take_request(struct model *model)
{
	struct mip_reader *input = &model->input;
	uint8_t bits = mip_read8(input);
	unsigned node = bits % NODES;
	bool right = (bits & 0x0c) != 0x0c, damaged = (bits & 0x30) == 0x30;
	struct mip_registration_request request = {
		.flags = mip_read8(input),
		.lifetime = mip_read16(input) % 2400,
		.home_address = bits & 0x40 ? choose_address(input) : mip_address_of(home_addresses[node]),
		.home_agent = choose_destination(input),
		.care_of_address = choose_address(input),
		.identification = mip_ntp_of(model->now.wall + (mip_read8(input) - 96) * MIP_SECOND / 8),
	};
	uint8_t message[512];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	uint8_t *copy;

	if (node == 1)
		request.identification = (uint64_t)model->nonce << 32 | mip_read8(input);
	mip_request_write(&writer, &request);
	write_extensions(model, &writer, node);
	FUZZ_CHECK(mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0,
			   associations[right ? node : NODES]) == 0);
	write_agents(model, &writer);
	if (damaged)
		message[mip_read16(input) % writer.length] ^= (uint8_t)(1 + mip_read8(input) % 255);
	/* A node that is authenticated may get its own address; one from the pool only by its name. */
	if (right && !damaged && request.lifetime > 0) {
		if (node < 3)
			model->authorized[node] = true;
		else
			model->authorized[NODES] = model->authorized[NODES + 1] = true;
	}
	copy = fuzz_copy(message, writer.length);
	deliver(model, copy, writer.length);
	look(model);
	FUZZ_CHECK(model->replies <= 1);
	FUZZ_CHECK(model->accepted == 0 || (right && !damaged));
	free(copy);
}

/* The same daemon after a stop: its kernel state is gone, its records come back, one of them damaged perhaps.
 */
static void restart(struct model *model)
{
	uint8_t damage = mip_read8(&model->input);
	size_t count = model->record_count;
	struct record *records = calloc(RECORDS, sizeof(*records));

	FUZZ_CHECK(records);
	memcpy(records, model->records, count * sizeof(*records));
	ha_core_free(model->core);
	FUZZ_CHECK(ha_core_new(&model->settings, &made_up_random, NULL, &model->core) == 0);
	memset(model->route, 0, sizeof(model->route));
	memset(model->tunnel, 0, sizeof(model->tunnel));
	memset(model->proxy, 0, sizeof(model->proxy));
	memset(model->copy_count, 0, sizeof(model->copy_count));
	for (size_t i = 0; i < count; i++) {
		/* What a record says beyond what it takes to read it is trusted: only lengths are damaged. */
		size_t length = damage % 8 == i ? records[i].length / 2 : records[i].length;

		ha_core_record(model->core, records[i].key, records[i].octets, length, model->now);
	}
	take_link(model, 0x0b);
	ha_core_begin(model->core, model->now);
	look(model);
	free(records);
}

static void reload(struct model *model)
{
	uint8_t bits = mip_read8(&model->input);

	model->networks[0].interface = bits & 1 ? "home0" : NULL;
	model->settings.node_count = bits & 2 ? NODES : NODES - 2;
	model->settings.grace = bits & 4 ? GRACE : 0;
	model->settings.reverse_tunnel = (enum ha_reverse_tunnel)((bits >> 3) % 3);
	model->settings.udp_tunnel = (enum ha_udp_tunnel)((bits >> 5) % 3);
	model->settings.alternate_count = bits >> 7;
	model->settings.redirect_at = bits & 3;
	model->settings.revocation.enabled = bits & 0x80;
	model->settings.broadcasts = !(bits & 4);
	model->settings.multicast = !(bits & 8);
	model->settings.gre = bits & 1;
	model->settings.max_simultaneous_bindings = (bits >> 2) % (SIMULTANEOUS + 1);
	model->settings.minimal = bits & 2;
	FUZZ_CHECK(ha_core_configure(model->core, &model->settings, model->now) == 0);
	/* As the shell does it: every link is told again. */
	take_link(model, 0x0b);
	look(model);
}

/* To a group or to everyone: off the home link, or out of a node's tunnel. */
static void take_group(struct model *model)
{
	static const uint32_t destinations[] = {
		0xffffffff, 0x0a0100ff, 0xef000001, 0xef000002, 0xe0000001, 0xe0000016};
	static const uint8_t protocols[] = {2, 17, 1, 6};
	struct mip_reader *input = &model->input;
	uint8_t bits = mip_read8(input);
	struct mip_address node = mip_address_of(home_addresses[bits % (NODES - 1)]);
	struct mip_ip ip = {
		.ttl = 1,
		.protocol = protocols[bits >> 3 & 3],
		.source = bits & 0x80 ? choose_address(input) : node,
		.destination = mip_address_of(destinations[mip_read8(input) % MIP_ARRAY_SIZE(destinations)]),
	};
	uint8_t payload[64] = {0}, packet[128];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	size_t length = mip_read8(input) % sizeof(payload);
	const uint8_t *octets = mip_read_octets(input, length);
	uint16_t sum;

	if (octets)
		memcpy(payload, octets, length);
	if (ip.protocol == 2 && length >= 8) {
		payload[2] = payload[3] = 0;
		sum = mip_checksum_finish(mip_checksum_add(0, payload, length));
		payload[2] = (uint8_t)(sum >> 8);
		payload[3] = (uint8_t)sum;
	}
	mip_ip_packet_write(&writer, &ip, payload, length);
	if (bits & 0x40)
		ha_core_group(model->core, node, packet, writer.length, model->now);
	else
		ha_core_frame(model->core,
			&(struct mip_input_frame){.link = HOME_LINK,
				.source = {6, {2, 0, 0, 0, 0, 9}},
				.ethertype = MIP_ETHERTYPE_IPV4,
				.octets = packet,
				.length = writer.length},
			model->now);
}

/* --- whole messages ---------------------------------------------------------------------------- */

/* Of the node that the message names: by its home address, else by its NAI. */
static unsigned node_of(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_address home_address;

	mip_read_skip(&reader, 4);
	home_address = mip_read_address(&reader);
	for (unsigned i = 0; i < NODES - 1; i++) {
		if (mip_address_number(home_address) == home_addresses[i])
			return i;
	}
	return NODES - 1;
}

struct signer {
	unsigned node;
};

static const struct mip_association *association_for(void *context, uint8_t type)
{
	const struct signer *signer = context;

	switch (type) {
	case MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION:
		return associations[signer->node];
	case MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION:
		return agents;
	default:
		return NULL;
	}
}

/* As its sender would have written it now. */
static void mend(struct model *model, uint8_t *octets, size_t length, uint8_t choice)
{
	struct signer signer = {node_of(octets, length)};
	struct mip_writer writer = mip_writer_of(octets, length);
	mip_time wall = model->now.wall + (choice % 4) * MIP_SECOND / 4;
	size_t fixed = fuzz_message_fixed(octets, length);

	if (fixed == 0)
		return;
	writer.length = fixed - 8;
	if (octets[0] == MIP_MESSAGE_REGISTRATION_REQUEST)
		mip_write64(
			&writer, signer.node == 1 ? (uint64_t)model->nonce << 32 | choice : mip_ntp_of(wall));
	writer.length = fixed - 4;
	if (octets[0] == MIP_MESSAGE_REVOCATION)
		mip_write32(&writer, (uint32_t)(mip_ntp_of(wall) >> 32));
	fuzz_message_sign(octets, length, association_for, &signer);
}

/* Which nodes' keys have made an authenticator of it: they may be bound by it, and no other. */
static bool find_signers(const uint8_t *octets, size_t length, bool ret_signed[static NODES])
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extension extension;
	bool any = false;

	mip_read_skip(&reader, fuzz_message_fixed(octets, length));
	while (mip_extension_next(&reader, &extension) > 0) {
		for (unsigned i = 0; i < NODES; i++) {
			ret_signed[i] =
				ret_signed[i] ||
				(extension.type == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION &&
					mip_authenticator_check(associations[i], octets, &extension) == 0);
			any = any || ret_signed[i];
		}
	}
	return any;
}

static void take_message(struct model *model)
{
	struct fuzz_message message = fuzz_message_of(&model->input);
	/* How it comes, and from where: by the foreign agent's address, or by any other's; to the home agent. */
	bool by_agent = message.choice % 16 > 0;
	uint8_t delivery[] = {message.bits >> 1, by_agent ? 4 : message.choice, AGENT >> 24,
		AGENT >> 16 & 0xff, AGENT >> 8 & 0xff, AGENT & 0xff, 0, 0x10, 0xf4};
	bool is_signed[NODES] = {0}, any;
	uint64_t refusals = fuzz_refusals(ha_core_counters(model->core));
	uint8_t *writable = fuzz_to_mend(&message), *copy;

	if (writable)
		mend(model, writable, message.length, message.choice);
	copy = fuzz_copy(message.octets, message.length);
	any = find_signers(copy, message.length, is_signed);
	for (unsigned i = 0; i < NODES; i++)
		model->authorized[i] = model->authorized[i] || is_signed[i];
	for (unsigned i = NODES; i < NODES + POOL_SIZE; i++)
		model->authorized[i] = model->authorized[i] || is_signed[NODES - 1];
	model->input = mip_reader_of(delivery, sizeof(delivery));
	deliver(model, copy, message.length);
	look(model);
	FUZZ_CHECK(model->replies <= 1);
	FUZZ_CHECK(model->accepted == 0 || any);
	fuzz_count_message(refusals, fuzz_refusals(ha_core_counters(model->core)));
	free(copy);
}

/* What a node or a foreign agent says, with room for its authenticators. */
static size_t make_message(struct fuzz_dice *dice, uint8_t octets[static FUZZ_MESSAGE_MOST])
{
	struct mip_writer writer = mip_writer_of(octets, FUZZ_MESSAGE_MOST);
	unsigned node = fuzz_dice_below(dice, NODES);
	struct mip_registration_request request = {
		.flags = (uint8_t)fuzz_dice_below(dice, 256),
		.lifetime = (uint16_t)(fuzz_dice_one_in(dice, 4) ? 0 : fuzz_dice_below(dice, 2400)),
		.home_address = mip_address_of(home_addresses[node]),
		.home_agent = mip_address_of(HA_ADDRESS),
		.care_of_address = mip_address_of(
			fuzz_dice_one_in(dice, 2) ? AGENT : 0x0a020001 + fuzz_dice_below(dice, 4)),
	};
	struct mip_revocation revocation = {fuzz_dice_one_in(dice, 2), false, request.home_address,
		request.home_agent, mip_address_of(AGENT), 0};

	if (fuzz_dice_one_in(dice, 8)) {
		mip_revocation_write(&writer, &revocation);
		mip_authentication_write(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, 2000, 16);
		return writer.length;
	}
	mip_request_write(&writer, &request);
	if (node == 3)
		mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, nai, sizeof(nai) - 1);
	mip_authentication_write(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
	if (fuzz_dice_one_in(dice, 2)) {
		mip_revocation_support_write(
			&writer, &(struct mip_revocation_support){true, fuzz_dice_below(dice, 256)});
		mip_authentication_write(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, 2000, 16);
	}
	return writer.length;
}

static const uint32_t known_addresses[] = {0, 0xffffffff, HA_ADDRESS, 0x0a010032, 0x0a01003c, 0xac140032,
	POOL, POOL + 1, AGENT, 0x0a020001, 0x0a0100ff, 0xe000000b};

const struct fuzz_stream fuzz_stream = {
	.kinds = KIND_COUNT,
	.message = KIND_MESSAGE,
	.denies = true,
	.addresses = {known_addresses, MIP_ARRAY_SIZE(known_addresses)},
	.make = make_message,
};

static void step(struct model *model, enum kind kind)
{
	model->replies = model->accepted = 0;
	switch (kind) {
	case KIND_JUNK:
		take_junk(model);
		break;
	case KIND_RAW_FRAME:
		take_raw_frame(model);
		break;
	case KIND_LINK:
		take_link(model, mip_read8(&model->input));
		break;
	case KIND_TIME:
		settle(model, mip_read16(&model->input) * 50 * MIP_MILLISECOND);
		break;
	case KIND_REVOKE:
		(void)ha_core_revoke(model->core, choose_address(&model->input), model->now);
		break;
	case KIND_RESTART:
		restart(model);
		break;
	case KIND_RELOAD:
		reload(model);
		break;
	case KIND_TUNNEL_DATA:
		take_tunnel_data(model);
		break;
	case KIND_REVOCATION:
		take_revocation(model);
		break;
	case KIND_GROUP:
		take_group(model);
		break;
	case KIND_MESSAGE:
		take_message(model);
		break;
	default:
		take_request(model);
		break;
	}
	look(model);
	settle(model, MIP_MILLISECOND);
	check(model);
}

static void begin(struct model *model)
{
	static const struct mip_address alternate = {.value = 0x0200010a}; /* 10.1.0.2 */

	associate_once();
	model->now = (struct mip_now){1000 * MIP_SECOND, 1700000000 * MIP_SECOND};
	model->networks[0] = (struct ha_network_settings){{mip_address_of(0x0a010000), 24}, "home0"};
	model->networks[1] = (struct ha_network_settings){{mip_address_of(0xac140000), 16}, NULL};
	for (unsigned i = 0; i < NODES; i++)
		model->nodes[i] = (struct ha_node_settings){
			mip_address_of(home_addresses[i]), i == 3 ? nai : NULL, associations[i], NULL};
	model->agent = (struct ha_foreign_agent_settings){mip_address_of(AGENT), agents};
	model->settings = (struct ha_settings){
		.foreign_agents = &model->agent,
		.foreign_agent_count = 1,
		.revocation = {true, true, true, 8, 2, 0},
		.address = mip_address_of(HA_ADDRESS),
		.networks = model->networks,
		.network_count = 2,
		.nodes = model->nodes,
		.node_count = NODES,
		.pool_first = mip_address_of(POOL),
		.pool_last = mip_address_of(POOL + POOL_SIZE - 1),
		.alternates = &alternate,
		.max_lifetime = MAX_LIFETIME,
		.max_simultaneous_bindings = SIMULTANEOUS,
		.broadcasts = true,
		.multicast = true,
		.groups_per_node = 2,
		.groups = 3,
		.query_interval = 10 * MIP_SECOND,
		.copy_rate = 20,
		.grace = GRACE,
		.advertise = {.enabled = true, .interval = 60 * MIP_SECOND, .lifetime = 180 * MIP_SECOND},
	};
	FUZZ_CHECK(ha_core_new(&model->settings, &made_up_random, NULL, &model->core) == 0);
	take_link(model, 0x0b);
	ha_core_begin(model->core, model->now);
	look(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct model model;
	struct mip_reader stream = mip_reader_of(octets, length);
	uint8_t kind;

	memset(&model, 0, sizeof(model));
	begin(&model);
	for (int i = 0; i < STEPS_MOST && fuzz_event_next(&stream, &kind, &model.input); i++)
		step(&model, (enum kind)kind);
	ha_core_free(model.core);
	return 0;
}

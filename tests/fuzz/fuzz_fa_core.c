/*
 * The foreign agent's machine under random events (stream.h): frames, datagrams, ICMP errors, links that come and go,
 * time, other settings, restarts, commands. Some are well-formed messages with random fields, or whole ones that the
 * mutator has changed and signed again, so that the fuzzer gets past the parsers and the authenticators. After each
 * the invariants must hold:
 *
 *   - a visitor is on the list only if its home agent's accepted reply was given to the machine
 *   - the tables stay within their bounds, no deadline lies in the past after it was served
 *   - what is wanted and what is unwanted balances when all visitors are gone
 *   - no two visitors with one home address have the same home agent, nor the same link address
 *   - with challenges: every reply to a node has one, no more nodes are remembered than may be, and a node whose key
 *     is known is never relayed with a challenge that was not offered
 */
#include "stream.h"

#include <errno.h>

#include "address.h"
#include "advertisement.h"
#include "authenticator.h"
#include "extension.h"
#include "fa_core.h"
#include "packet.h"
#include "registration.h"
#include "replay.h"
#include "revocation.h"

enum {
	UPLINK = 3,
	VISITED = 5,
	NODES = 4,
	PENDING_MOST = 6,
	PENDING_PER_NODE_MOST = 3,
	VISITORS_MOST = 2 * NODES,	   /* each address may be that of a node of either home agent */
	LIVE_MOST = 6 * VISITORS_MOST + 6, /* one that moves has the old and the new for a moment */
	CARE_OF = 0x0a020001,
	CHALLENGES_MOST = 3,
	CHALLENGE = 16,
	HOME_AGENT = 0x0a010001,
	OTHER_HOME_AGENT = 0x0a010009,
	FIRST_NODE = 0x0a010032,
	STEPS_MOST = 200,
	ACCEPTED_MOST = STEPS_MOST,
};

/* Kinds of events. */
enum kind {
	KIND_REQUEST,
	KIND_REPLY,
	KIND_TIME,
	KIND_LINK,
	KIND_REVOCATION,
	KIND_RAW,
	KIND_RECONFIGURE,
	KIND_RESTART,
	KIND_ROUTE,
	KIND_TUNNELLED,
	KIND_MESSAGE,
	KIND_COUNT,
};

enum {
	PRELUDE_CHALLENGE = 1,
	PRELUDE_ASSOCIATION = 2,
	MESSAGE_ASKED = 0x7e, /* bits of a message: all but few are the answer to something */
};

struct run {
	struct fa_core *core;
	struct mip_outbox outbox;
	struct mip_now now;
	struct mip_reader script;
	bool challenge;			     /* the setting */
	struct mip_association *node_keys;   /* Mobile-AAA of the first node, Mobile-Foreign of the second */
	uint32_t made;			     /* numbers that were made, of which challenges consist */
	struct mip_association *association; /* with the home agent; NULL: none */
	/* Home addresses for which an accepted reply from the home agent was given. */
	struct mip_address accepted[ACCEPTED_MOST];
	size_t accepted_count;
	struct mip_want wants[LIVE_MOST]; /* of visitors: wanted, and not unwanted since */
	size_t want_count;
	struct fa_visitor_view seen[VISITORS_MOST]; /* of the list, so far */
	size_t seen_count;
	struct mip_registration_request relayed; /* the last one */
	struct fa_core_settings settings;
	struct fa_mobile_node_settings nodes[2];
	struct fa_home_agent_settings home_agent;
	struct mip_random random;
};

static const struct fa_link_settings visited = {"visit0"};

/* No two challenges are the same, and what was not made here is told from what was. */
static void number_write(uint8_t *octets, size_t length, uint32_t number)
{
	for (size_t i = 0; i < length; i++)
		octets[i] = (uint8_t)(number >> 8 * (i % 4));
}

static void fill(void *context, void *octets, size_t length)
{
	number_write(octets, length, ((struct run *)context)->made++);
}

/* Not what all visitors share: the tunnel's default route, and the rule for what comes out of it. */
static bool is_visitors(const struct mip_want *want)
{
	return want->kind == MIP_WANT_NEIGHBOUR || want->kind == MIP_WANT_PEER ||
	       want->kind == MIP_WANT_TUNNEL || want->kind == MIP_WANT_RELAY ||
	       want->kind == MIP_WANT_VISITOR ||
	       (want->kind == MIP_WANT_RULE && want->rule.incoming != MIP_LINK_TUNNEL) ||
	       (want->kind == MIP_WANT_ROUTE &&
		       (want->route.destination.length == 32 || want->route.type == MIP_ROUTE_BLACKHOLE));
}

static size_t place_of(const struct run *run, const struct mip_want *want)
{
	size_t i = 0;

	while (i < run->want_count && !mip_want_same_key(want, &run->wants[i]))
		i++;
	return i;
}

static void follow(struct run *run, const struct mip_output *output)
{
	size_t place = place_of(run, &output->want);

	if (!is_visitors(&output->want))
		return;
	if (output->kind == MIP_OUTPUT_WANT) {
		FUZZ_CHECK(place < LIVE_MOST);
		run->wants[place] = output->want;
		run->want_count += place == run->want_count;
	} else {
		/* Nothing is unwanted that was not wanted. */
		FUZZ_CHECK(place < run->want_count);
		run->wants[place] = run->wants[--run->want_count];
	}
}

static bool is_made_here(const struct run *run, const uint8_t *octets, size_t length)
{
	uint8_t expected[CHALLENGE];
	uint32_t number;

	if (length != CHALLENGE)
		return false;
	number = octets[0] | octets[1] << 8 | octets[2] << 16 | (uint32_t)octets[3] << 24;
	number_write(expected, CHALLENGE, number);
	return number < run->made && memcmp(octets, expected, CHALLENGE) == 0;
}

static void follow_reply(struct run *run, struct mip_reader *message)
{
	struct mip_registration_reply reply;
	struct mip_extensions extensions;
	const struct mip_extension *challenge;

	if (mip_reply_read(message, &reply) < 0 || mip_extensions_read(message, &extensions) < 0)
		return; /* a home agent's that nobody could read is not passed on as it is: see below */
	challenge = mip_extension_of(&extensions, MIP_SLOT_CHALLENGE);
	FUZZ_CHECK(!run->challenge || challenge);
	if (run->challenge && extensions.occurrences[MIP_SLOT_CHALLENGE] == 1)
		FUZZ_CHECK(is_made_here(run, challenge->data, challenge->data_length));
}

/* Challenges in advertisements and replies. */
static void follow_frame(struct run *run, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;
	struct mip_agent_advertisement advertisement;
	struct mip_ip ip;
	struct mip_udp udp;

	if (mip_udp_packet_read(output->octets, output->length, false, &ip, &udp, &payload) == 0) {
		follow_reply(run, &payload);
		return;
	}
	FUZZ_CHECK(mip_ip_read(&reader, &ip, &payload) == 0);
	FUZZ_CHECK(mip_advertisement_read(&payload, &advertisement) == 0);
	FUZZ_CHECK(advertisement.lifetime == 0 || (advertisement.challenge_length > 0) == run->challenge);
	if (advertisement.challenge_length > 0)
		FUZZ_CHECK(is_made_here(run, advertisement.challenge, advertisement.challenge_length));
}

/* rfc4721-3.2-6, of the node whose Mobile-AAA key is known: with that its challenge is relayed. */
static void follow_request(struct run *run, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length);
	struct mip_registration_request request;
	struct mip_extensions extensions;
	const struct mip_extension *challenge;

	FUZZ_CHECK(mip_request_read(&reader, &request) == 0);
	run->relayed = request;
	FUZZ_CHECK(mip_extensions_read(&reader, &extensions) == 0);
	challenge = mip_extension_of(&extensions, MIP_SLOT_CHALLENGE);
	if (run->challenge && mip_address_number(request.home_address) == FIRST_NODE &&
		!extensions.present[MIP_SLOT_NODE_NAI])
		FUZZ_CHECK(challenge && is_made_here(run, challenge->data, challenge->data_length));
}

static void check_datagram(struct run *run, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length);
	struct mip_revocation revocation;

	FUZZ_CHECK(mip_address_is_unicast(output->datagram.destination));
	switch (mip_message_type(output->octets, output->length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		follow_request(run, output);
		break;
	case MIP_MESSAGE_REVOCATION_ACK:
		break;
	case MIP_MESSAGE_REVOCATION:
		FUZZ_CHECK(mip_revocation_read(&reader, &revocation) == 0 && !revocation.from_home_agent);
		break;
	default:
		abort();
	}
}

/* Everything that comes out is well-formed, and replies go to unicast link addresses only. */
static void drain(struct run *run)
{
	struct mip_output output;

	while (mip_outbox_take(&run->outbox, &output)) {
		if (output.kind == MIP_OUTPUT_WANT || output.kind == MIP_OUTPUT_UNWANT)
			follow(run, &output);
		else if (output.kind == MIP_OUTPUT_DATAGRAM)
			check_datagram(run, &output);
		else if (output.kind == MIP_OUTPUT_FRAME) {
			FUZZ_CHECK(output.length >= MIP_IP_HEADER && output.frame.link == VISITED);
			follow_frame(run, &output);
		}
		mip_output_clear(&output);
	}
}

static bool is_accepted(const struct run *run, struct mip_address home_address)
{
	size_t i = 0;

	while (i < run->accepted_count && !mip_address_equal(run->accepted[i], home_address))
		i++;
	return i < run->accepted_count;
}

static void accept(struct run *run, struct mip_address home_address)
{
	if (is_accepted(run, home_address))
		return;
	FUZZ_CHECK(run->accepted_count < ACCEPTED_MOST);
	run->accepted[run->accepted_count++] = home_address;
}

static void judge(void *context, const struct fa_visitor_view *view)
{
	struct run *run = context;

	FUZZ_CHECK(view->registered || view->pending);
	if (!view->registered)
		return;
	FUZZ_CHECK(is_accepted(run, view->home_address));
	FUZZ_CHECK(run->seen_count < VISITORS_MOST);
	for (size_t i = 0; i < run->seen_count; i++) {
		const struct fa_visitor_view *other = &run->seen[i];

		if (mip_address_equal(other->home_address, view->home_address))
			FUZZ_CHECK(!mip_address_equal(other->home_agent, view->home_agent) &&
				   !mip_link_address_equal(other->link_address, view->link_address) &&
				   (other->told_apart || other->co_located || view->co_located));
	}
	run->seen[run->seen_count++] = *view;
}

static void tell_link(struct run *run, bool present, bool up)
{
	struct mip_input_link link = {.link = VISITED, .name = "visit0", .present = present, .up = up};
	struct mip_input_address own = {
		.link = VISITED, .address = mip_address_of(CARE_OF), .prefix_length = 24, .present = present};

	fa_core_link(run->core, &link, run->now);
	fa_core_address(run->core, &own, run->now);
}

static void send_frame(struct run *run, const uint8_t *octets, size_t length, uint8_t node)
{
	struct mip_input_frame frame = {
		.link = VISITED,
		.source = {.length = 6, .octets = {2, 0, 0, 0, 0, node}},
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.checksum_unfilled = true,
		.octets = octets,
		.length = length,
	};

	fa_core_frame(run->core, &frame, run->now);
}

static void send_in_udp(struct run *run, const uint8_t *octets, size_t length, uint8_t node, uint32_t source)
{
	struct mip_ip ip = {
		.ttl = 255, .source = mip_address_of(source), .destination = mip_address_of(CARE_OF)};
	struct mip_udp udp = {.source_port = 434, .destination_port = MIP_REGISTRATION_PORT};
	uint8_t packet[1024];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	mip_udp_packet_write(&writer, &ip, &udp, octets, length);
	if (!mip_writer_failed(&writer))
		send_frame(run, writer.octets, writer.length, node);
}

/* The rest of a message: random extensions, and mostly an authorization. */
static void write_extensions(struct run *run, struct mip_writer *writer)
{
	size_t length = mip_read8(&run->script) % 40;
	const uint8_t *octets = mip_read_octets(&run->script, length);

	uint8_t bits = mip_read8(&run->script);

	if (octets)
		mip_write_octets(writer, octets, length);
	/* Names that differ from node to node, or do not. */
	if (bits & 1)
		mip_extension_write(writer, MIP_EXTENSION_NODE_NAI, &bits, 1);
	if (bits & 2)
		mip_dynamic_home_agent_write(
			writer, MIP_REQUESTED_HOME_AGENT, mip_address_of(bits & 4 ? HOME_AGENT : bits));
	if (mip_read8(&run->script) & 3)
		mip_authentication_write(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
}

/* A challenge that was offered, mostly the newest, and an answer by the node's key. */
static void write_answer(struct run *run, uint8_t node, struct mip_writer *writer)
{
	uint8_t how = mip_read8(&run->script);
	uint8_t octets[CHALLENGE];

	if (how & 2)
		return;
	number_write(octets, sizeof(octets), run->made - 1 - (how & 1 ? 0 : how >> 2));
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, octets, sizeof(octets));
	(void)mip_authenticator_append(writer,
		node == 1 ? MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION
			  : MIP_EXTENSION_GENERALIZED_AUTHENTICATION,
		1, run->node_keys);
}

static void step_request(struct run *run)
{
	uint8_t node = mip_read8(&run->script) % NODES;
	struct mip_registration_request request = {
		.flags = mip_read8(&run->script),
		.lifetime = mip_read8(&run->script),
		.home_address = mip_address_of(FIRST_NODE + node),
		.home_agent = mip_address_of(HOME_AGENT),
		.care_of_address = mip_address_of(CARE_OF),
		.identification = mip_read8(&run->script) & 3,
	};
	uint8_t message[512], from = mip_read8(&run->script);
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	if (from & 2)
		request.home_agent = mip_address_of(OTHER_HOME_AGENT);
	/* RFC 2794, RFC 4433: neither a home address nor a home agent. */
	if (request.flags & MIP_REQUEST_R)
		request.home_address = request.home_agent = (struct mip_address){0};
	mip_request_write(&writer, &request);
	write_extensions(run, &writer);
	if (run->challenge)
		write_answer(run, node, &writer);
	send_in_udp(run, writer.octets, writer.length, (uint8_t)(node + (from & 1)), FIRST_NODE + node);
}

/* As the home agent does it, with a Revocation Support extension or without. */
static void sign(struct run *run, struct mip_writer *writer, bool support)
{
	if (!run->association)
		return;
	if (support)
		mip_revocation_support_write(
			writer, &(struct mip_revocation_support){true, mip_read8(&run->script)});
	(void)mip_authenticator_append(
		writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, run->association);
}

/* A reply, by the uplink from the home agent or someone else, or forged by a visited node. */
static void step_reply(struct run *run)
{
	uint8_t node = mip_read8(&run->script) % NODES;
	uint8_t how = mip_read8(&run->script);
	struct mip_registration_reply reply = {
		.code = how & 0x10 ? mip_read8(&run->script) : MIP_CODE_ACCEPTED,
		.lifetime = mip_read8(&run->script),
		.home_address = mip_address_of(FIRST_NODE + node),
		.home_agent = mip_address_of(HOME_AGENT),
		.identification = mip_read8(&run->script) & 3,
	};
	uint8_t message[512], challenge[CHALLENGE];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = mip_address_of(HOME_AGENT + (how & 1)),
		.source_port = 434,
		.destination = mip_address_of(CARE_OF),
		.destination_port = 434,
		.octets = message,
	};

	if (how & 8) {
		reply.home_agent = mip_address_of(OTHER_HOME_AGENT);
		datagram.source = mip_address_of(OTHER_HOME_AGENT + (how & 1));
	}
	mip_reply_write(&writer, &reply);
	write_extensions(run, &writer);
	if (how & 0x20) {
		number_write(challenge, sizeof(challenge), run->made - 1 - (how >> 6));
		mip_extension_write(&writer, MIP_EXTENSION_CHALLENGE, challenge, sizeof(challenge));
	}
	/* A visited node has not got the agents' key. */
	if ((how & 3) != 3)
		sign(run, &writer, how & 4);
	datagram.length = writer.length;
	if ((how & 3) == 3) {
		send_in_udp(run, writer.octets, writer.length, node, HOME_AGENT);
		return;
	}
	if (!(how & 1) && mip_code_is_accepted(reply.code) && reply.lifetime > 0)
		accept(run, reply.home_address);
	fa_core_datagram(run->core, &datagram, run->now);
}

/* A revocation by the home agent, its acknowledgment of ours, or one that a person asks for. */
static void step_revocation(struct run *run)
{
	uint8_t how = mip_read8(&run->script);
	struct mip_address home_address = mip_address_of(FIRST_NODE + how % NODES);
	uint32_t identifier =
		how & 0x40 ? 2208988800u + (uint32_t)(run->now.wall / MIP_SECOND) : mip_read8(&run->script);
	struct mip_revocation revocation = {!(how & 8), how & 4, home_address, mip_address_of(HOME_AGENT),
		mip_address_of(CARE_OF), identifier};
	struct mip_revocation_ack ack = {how & 4, home_address, identifier};
	uint8_t message[256];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = mip_address_of(HOME_AGENT),
		.source_port = 434,
		.destination = mip_address_of(CARE_OF),
		.destination_port = 434,
		.octets = message,
	};

	if ((how & 0x30) == 0x30) {
		(void)fa_core_revoke(
			run->core, home_address, mip_address_of(how & 8 ? OTHER_HOME_AGENT : 0), run->now);
		return;
	}
	if (how & 0x10)
		mip_revocation_ack_write(&writer, &ack);
	else
		mip_revocation_write(&writer, &revocation);
	sign(run, &writer, false);
	datagram.length = writer.length;
	fa_core_datagram(run->core, &datagram, run->now);
}

static void step_raw(struct run *run, uint8_t kind)
{
	size_t length = mip_read8(&run->script);
	const uint8_t *octets = mip_read_octets(&run->script, length);
	struct mip_input_datagram datagram = {
		.link = UPLINK, .source = mip_address_of(HOME_AGENT + 7), .octets = octets, .length = length};
	struct mip_input_icmp_error error = {.destination = mip_address_of(HOME_AGENT),
		.destination_port = 434,
		.type = 3,
		.code = 3,
		.octets = octets,
		.length = length};

	if (!octets)
		return;
	if (kind == 0)
		send_frame(run, octets, length, 1);
	else if (kind == 1)
		send_in_udp(run, octets, length, 1, FIRST_NODE + 77);
	else if (kind == 2)
		fa_core_datagram(run->core, &datagram, run->now);
	else
		fa_core_icmp_error(run->core, &error, run->now);
}

static void step_time(struct run *run)
{
	mip_time duration = mip_read16(&run->script) * 20 * MIP_MILLISECOND;

	run->now.boot += duration;
	run->now.wall += duration;
	fa_core_advance(run->core, run->now);
	FUZZ_CHECK(fa_core_deadline(run->core) > run->now.boot);
}

/* --- the daemon's life -------------------------------------------------------------------------- */

static void make_machine(struct run *run)
{
	struct fa_core_environment environment = {.outbox = &run->outbox, .random = &run->random};

	FUZZ_CHECK(fa_core_new(&environment, &run->settings, &run->core) == 0);
	tell_link(run, true, true);
	fa_core_begin(run->core, run->now);
}

/* Nothing of a visitor lasts: its home agent knows it, and what the kernel held is put back by the shell. */
static void step_restart(struct run *run)
{
	if (mip_read8(&run->script) & 1)
		fa_core_farewell(run->core, run->now);
	drain(run);
	fa_core_free(run->core);
	drain(run);
	run->want_count = 0;
	run->accepted_count = 0;
	make_machine(run);
}

static void step_reconfigure(struct run *run)
{
	uint8_t bits = mip_read8(&run->script), more = mip_read8(&run->script);
	struct fa_core_settings *settings = &run->settings, old = run->settings;
	int r;

	settings->link_count = bits & 1;
	settings->registration_lifetime = bits & 2 ? 200 : MIP_LIFETIME_INFINITE;
	settings->reverse_tunnel = bits & 4;
	settings->reverse_tunnel_required = (bits & 12) == 12;
	settings->encapsulating_delivery = bits & 16;
	settings->behind_nat = bits & 32;
	settings->gre = bits & 64;
	settings->minimal = bits & 128;
	settings->home_agents_only = more & 1;
	settings->mobile_nodes_only = more & 2;
	settings->revocation.enabled = more & 4;
	settings->registration_required = more & 8;
	settings->advertise_solicited_only = !run->challenge && more & 16;
	settings->private_needs_reverse_tunnel = more & 32;
	r = fa_core_configure(run->core, settings, run->now);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	if (r < 0)
		run->settings = old;
	tell_link(run, true, true);
}

static void step_route(struct run *run)
{
	uint8_t bits = mip_read8(&run->script);
	struct mip_input_default_route route = {.link = bits & 1 ? UPLINK : VISITED,
		.gateway = mip_address_of(0x0a0200fe),
		.metric = bits >> 6,
		.present = bits & 2};

	fa_core_default_route(run->core, &route, run->now);
}

/* The answer to a keep-alive, or something like it. */
static void step_tunnelled(struct run *run)
{
	uint8_t echo[8] = {mip_read8(&run->script) & 1 ? MIP_ICMP_ECHO_REPLY : MIP_ICMP_ECHO_REQUEST};
	struct mip_ip ip = {.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(HOME_AGENT + (mip_read8(&run->script) & 1)),
		.destination = mip_address_of(CARE_OF)};
	uint8_t packet[64];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	for (size_t i = 1; i < sizeof(echo); i++)
		echo[i] = mip_read8(&run->script);
	mip_ip_packet_write(&writer, &ip, echo, sizeof(echo));
	(void)fa_core_tunnelled(run->core, packet, writer.length, run->now);
}

/* --- whole messages ----------------------------------------------------------------------------- */

static const struct mip_association *association_for(void *context, uint8_t type)
{
	const struct run *run = context;

	switch (type) {
	case MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION:
		return run->association;
	case MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION:
	case MIP_EXTENSION_GENERALIZED_AUTHENTICATION:
		return run->node_keys;
	default:
		return NULL;
	}
}

/* The newest challenge goes into each Challenge extension that has room for it. */
static void mend_challenges(const struct run *run, uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extension extension;

	mip_read_skip(&reader, fuzz_message_fixed(octets, length));
	while (mip_extension_next(&reader, &extension) > 0) {
		if (extension.type == MIP_EXTENSION_CHALLENGE && extension.data_length == CHALLENGE)
			number_write(octets + extension.offset + extension.length - CHALLENGE, CHALLENGE,
				run->made - 1);
	}
}

/* As its sender would have written it now: a reply to what was relayed last. */
static void mend(struct run *run, uint8_t *octets, size_t length)
{
	struct mip_writer writer = mip_writer_of(octets, length);
	size_t fixed = fuzz_message_fixed(octets, length);

	if (fixed == 0)
		return;
	if (octets[0] == MIP_MESSAGE_REGISTRATION_REPLY) {
		writer.length = 4;
		mip_write_address(&writer, run->relayed.home_address);
		mip_write_address(&writer, run->relayed.home_agent);
		mip_write64(&writer, run->relayed.identification);
	} else if (octets[0] == MIP_MESSAGE_REVOCATION) {
		writer.length = fixed - 4;
		mip_write32(&writer, (uint32_t)(mip_ntp_of(run->now.wall) >> 32));
	}
	mend_challenges(run, octets, length);
	fuzz_message_sign(octets, length, association_for, run);
}

/* Whether the home agent accepts with it: signed, where an association is shared. */
static void note_accepted(struct run *run, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_reply reply;
	struct mip_extensions extensions;
	const struct mip_extension *authenticator;

	if (mip_reply_read(&reader, &reply) < 0 || mip_extensions_read(&reader, &extensions) < 0)
		return;
	authenticator = mip_extension_of(&extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);
	if (run->association &&
		(!authenticator || mip_authenticator_check(run->association, octets, authenticator) < 0))
		return;
	if (mip_code_is_accepted(reply.code) && reply.lifetime > 0)
		accept(run, reply.home_address);
}

static size_t make_request(struct fuzz_dice *dice, struct mip_writer *writer)
{
	/* Mostly one of those that have a key. */
	uint32_t node = fuzz_dice_below(dice, fuzz_dice_one_in(dice, 4) ? NODES : 2);
	uint8_t challenge[CHALLENGE] = {0};
	struct mip_registration_request request = {
		.flags = (uint8_t)fuzz_dice_below(dice, 256) & (MIP_REQUEST_T | MIP_REQUEST_B),
		.lifetime = (uint16_t)fuzz_dice_below(dice, 200),
		.home_address = mip_address_of(FIRST_NODE + node),
		.home_agent = mip_address_of(HOME_AGENT),
		.care_of_address = mip_address_of(CARE_OF),
		.identification = fuzz_dice_below(dice, 4),
	};

	mip_request_write(writer, &request);
	mip_authentication_write(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
	if (node <= 1)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge, sizeof(challenge));
	if (node == 1)
		mip_authentication_write(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, 2000, 16);
	else if (node == 0)
		mip_authentication_write(writer, MIP_EXTENSION_GENERALIZED_AUTHENTICATION, 1, 2000, 16);
	return writer->length;
}

/* A request that asks for the reply that comes next. */
static void ask(struct run *run, uint8_t choice)
{
	struct fuzz_dice dice = {choice};
	uint8_t octets[FUZZ_MESSAGE_MOST];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	size_t length = make_request(&dice, &writer);

	mend(run, octets, length);
	send_in_udp(run, octets, length, choice % NODES, FIRST_NODE + choice % NODES);
	drain(run);
}

static void step_message(struct run *run)
{
	struct fuzz_message message = fuzz_message_of(&run->script);
	uint8_t *writable = fuzz_to_mend(&message), *copy;
	uint64_t refusals = fuzz_refusals(fa_core_counters(run->core));
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = mip_address_of(HOME_AGENT),
		.source_port = MIP_REGISTRATION_PORT,
		.destination = mip_address_of(CARE_OF),
		.destination_port = MIP_REGISTRATION_PORT,
		.length = message.length,
	};

	if (message.bits & MESSAGE_ASKED && message.length > 0 &&
		message.octets[0] == MIP_MESSAGE_REGISTRATION_REPLY)
		ask(run, message.choice);
	if (writable)
		mend(run, writable, message.length);
	copy = fuzz_copy(message.octets, message.length);
	datagram.octets = copy;
	if (message.length > 0 && copy[0] == MIP_MESSAGE_REGISTRATION_REQUEST) {
		send_in_udp(run, copy, message.length, message.choice % NODES,
			FIRST_NODE + message.choice % NODES);
	} else {
		note_accepted(run, copy, message.length);
		fa_core_datagram(run->core, &datagram, run->now);
	}
	fuzz_count_message(refusals, fuzz_refusals(fa_core_counters(run->core)));
	free(copy);
}

static size_t make_message(struct fuzz_dice *dice, uint8_t octets[static FUZZ_MESSAGE_MOST])
{
	struct mip_writer writer = mip_writer_of(octets, FUZZ_MESSAGE_MOST);
	struct mip_address home_address = mip_address_of(FIRST_NODE + fuzz_dice_below(dice, NODES));
	struct mip_registration_reply reply = {
		.code = (uint8_t)(fuzz_dice_one_in(dice, 3) ? fuzz_dice_below(dice, 200) : 0),
		.lifetime = (uint16_t)fuzz_dice_below(dice, 300)};
	struct mip_revocation revocation = {true, fuzz_dice_one_in(dice, 2), home_address,
		mip_address_of(HOME_AGENT), mip_address_of(CARE_OF), 0};

	if (fuzz_dice_one_in(dice, 2))
		return make_request(dice, &writer);
	if (fuzz_dice_one_in(dice, 4)) {
		mip_revocation_write(&writer, &revocation);
	} else {
		mip_reply_write(&writer, &reply);
		mip_authentication_write(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
		mip_revocation_support_write(
			&writer, &(struct mip_revocation_support){true, fuzz_dice_below(dice, 9)});
	}
	mip_authentication_write(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, 2000, 16);
	return writer.length;
}

static const uint32_t known_addresses[] = {0, 0xffffffff, HOME_AGENT, HOME_AGENT + 1, CARE_OF, FIRST_NODE,
	FIRST_NODE + 1, FIRST_NODE + 2, FIRST_NODE + 3, 0xe000000b};

const struct fuzz_stream fuzz_stream = {
	.prelude = 1,
	.kinds = KIND_COUNT,
	.message = KIND_MESSAGE,
	.addresses = {known_addresses, MIP_ARRAY_SIZE(known_addresses)},
	.make = make_message,
};

/* --- all of it ---------------------------------------------------------------------------------- */

static void act(struct run *run, enum kind kind)
{
	uint8_t what;

	switch (kind) {
	case KIND_REQUEST:
		step_request(run);
		break;
	case KIND_REPLY:
		step_reply(run);
		break;
	case KIND_TIME:
		step_time(run);
		break;
	case KIND_LINK:
		what = mip_read8(&run->script);
		tell_link(run, what & 1, what & 2);
		break;
	case KIND_REVOCATION:
		step_revocation(run);
		break;
	case KIND_RECONFIGURE:
		step_reconfigure(run);
		break;
	case KIND_RESTART:
		step_restart(run);
		break;
	case KIND_ROUTE:
		step_route(run);
		break;
	case KIND_TUNNELLED:
		step_tunnelled(run);
		break;
	case KIND_MESSAGE:
		step_message(run);
		break;
	default:
		step_raw(run, mip_read8(&run->script) & 3);
		break;
	}
}

static void step(struct run *run, enum kind kind)
{
	act(run, kind);
	drain(run);
	run->seen_count = 0;
	FUZZ_CHECK(run->outbox.lost == 0);
	fa_core_visitors(run->core, run->now, judge, run);
	/* Strangers fill the list, but do not shut visitors out. */
	FUZZ_CHECK(fa_core_pending_count(run->core) <= PENDING_MOST + PENDING_PER_NODE_MOST * NODES);
	FUZZ_CHECK(fa_core_visitor_count(run->core) <= VISITORS_MOST);
	FUZZ_CHECK(fa_core_challenge_count(run->core) <= CHALLENGES_MOST);
	FUZZ_CHECK(run->challenge || fa_core_challenge_count(run->core) == 0);
}

static void finish(struct run *run)
{
	run->now.boot += 100000 * MIP_SECOND;
	fa_core_advance(run->core, run->now);
	drain(run);
	FUZZ_CHECK(fa_core_visitor_count(run->core) == 0);
	FUZZ_CHECK(fa_core_pending_count(run->core) == 0);
	FUZZ_CHECK(run->want_count == 0);
	fa_core_free(run->core);
	drain(run);
	mip_association_unref(run->node_keys);
	mip_association_unref(run->association);
	mip_outbox_clear(&run->outbox);
}

static void begin(struct run *run, uint8_t prelude)
{
	static uint8_t key[16] = {1, 2, 3};
	struct mip_association_settings association = {.spi = 2000, .key = {key, sizeof(key)}};

	run->settings = (struct fa_core_settings){
		.care_of_address = mip_address_of(CARE_OF),
		.links = &visited,
		.link_count = 1,
		.registration_lifetime = 200,
		.reverse_tunnel = true,
		.encapsulating_delivery = true,
		.gre = true,
		.advertise_interval = 1000 * MIP_SECOND,
		.advertise_lifetime = 3000 * MIP_SECOND,
		.keepalive_interval = 110 * MIP_SECOND,
		.request_timeout = 7 * MIP_SECOND,
		.pending_most = PENDING_MOST,
		.pending_per_node_most = PENDING_PER_NODE_MOST,
		.visitors_most = VISITORS_MOST,
		.default_home_agent = mip_address_of(HOME_AGENT),
		.table = 79,
		.rule_priority = 790,
		.revocation = {true, true, true, 8, 2, 5},
		.challenge = prelude & PRELUDE_CHALLENGE,
		.challenge_window = 2,
		.challenges_most = CHALLENGES_MOST,
		.mobile_nodes = run->nodes,
		.mobile_node_count = prelude & PRELUDE_CHALLENGE ? 2 : 0,
		.limits = {.requests_per_node = 30, .denials = 30, .icmp_errors = 30, .solicited = 10},
	};
	run->challenge = run->settings.challenge;
	run->random = (struct mip_random){.fill = fill, .context = run};
	FUZZ_CHECK(mip_association_new(&association, &run->node_keys) == 0);
	for (uint32_t i = 0; i < MIP_ARRAY_SIZE(run->nodes); i++)
		run->nodes[i].home_address = mip_address_of(FIRST_NODE + i);
	run->nodes[0].aaa = run->node_keys;
	run->nodes[1].association = run->node_keys;
	/* With an association nothing is taken without its authenticator: both are to be seen. */
	if (prelude & PRELUDE_ASSOCIATION) {
		FUZZ_CHECK(mip_association_new(&association, &run->association) == 0);
		run->home_agent = (struct fa_home_agent_settings){
			.address = mip_address_of(HOME_AGENT), .association = run->association};
		run->settings.home_agents = &run->home_agent;
		run->settings.home_agent_count = 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct run run;
	struct mip_reader stream = mip_reader_of(octets, length);
	uint8_t kind;

	memset(&run, 0, sizeof(run));
	run.now = (struct mip_now){.boot = MIP_SECOND};
	begin(&run, mip_read8(&stream));
	make_machine(&run);
	drain(&run);
	for (int i = 0; i < STEPS_MOST && fuzz_event_next(&stream, &kind, &run.script); i++)
		step(&run, (enum kind)kind);
	finish(&run);
	return 0;
}

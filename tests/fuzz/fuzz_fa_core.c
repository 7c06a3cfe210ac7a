/*
 * The foreign agent's machine under random events: frames, datagrams, ICMP errors, links that come and go,
 * and time. The input is a script of steps; some steps are well-formed messages with random fields, so that
 * the fuzzer gets past the parsers. After each step the invariants must hold:
 *
 *   - a visitor is on the list only if its home agent's accepted reply was given to the machine
 *   - the tables stay within their bounds, no deadline lies in the past after it was served
 *   - what is wanted and what is unwanted balances when all visitors are gone
 *   - no two visitors with one home address have the same home agent, nor the same link address
 *   - with challenges: every reply to a node has one, no more nodes are remembered than may be, and a node whose key
 *     is known is never relayed with a challenge that was not offered
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "advertisement.h"
#include "authenticator.h"
#include "extension.h"
#include "fa_core.h"
#include "packet.h"
#include "registration.h"
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
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct fa_core *core;
	struct mip_outbox outbox;
	struct mip_now now;
	struct mip_reader script;
	bool challenge;			     /* the setting */
	struct mip_association *node_keys;   /* Mobile-AAA of the first node, Mobile-Foreign of the second */
	uint32_t made;			     /* numbers that were made, of which challenges consist */
	struct mip_association *association; /* with the home agent; NULL: none */
	bool accepted[NODES];		     /* an accepted reply from the home agent was given */
	struct mip_want wants[LIVE_MOST];    /* of visitors: wanted, and not unwanted since */
	size_t want_count;
	struct fa_visitor_view seen[VISITORS_MOST]; /* of the list, so far */
	size_t seen_count;
};

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

static void check(bool holds)
{
	if (!holds)
		abort();
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
		check(place < LIVE_MOST);
		run->wants[place] = output->want;
		run->want_count += place == run->want_count;
	} else {
		/* Nothing is unwanted that was not wanted. */
		check(place < run->want_count);
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
	check(!run->challenge || challenge);
	if (run->challenge && extensions.occurrences[MIP_SLOT_CHALLENGE] == 1)
		check(is_made_here(run, challenge->data, challenge->data_length));
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
	check(mip_ip_read(&reader, &ip, &payload) == 0);
	check(mip_advertisement_read(&payload, &advertisement) == 0);
	check(advertisement.lifetime == 0 || (advertisement.challenge_length > 0) == run->challenge);
	if (advertisement.challenge_length > 0)
		check(is_made_here(run, advertisement.challenge, advertisement.challenge_length));
}

/* rfc4721-3.2-6, of the node whose Mobile-AAA key is known: with that its challenge is relayed. */
static void follow_request(const struct run *run, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length);
	struct mip_registration_request request;
	struct mip_extensions extensions;
	const struct mip_extension *challenge;

	check(mip_request_read(&reader, &request) == 0);
	check(mip_extensions_read(&reader, &extensions) == 0);
	challenge = mip_extension_of(&extensions, MIP_SLOT_CHALLENGE);
	if (run->challenge && mip_address_number(request.home_address) == FIRST_NODE &&
		!extensions.present[MIP_SLOT_NODE_NAI])
		check(challenge && is_made_here(run, challenge->data, challenge->data_length));
}

static void check_datagram(const struct run *run, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length);
	struct mip_revocation revocation;

	check(mip_address_is_unicast(output->datagram.destination));
	switch (mip_message_type(output->octets, output->length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		follow_request(run, output);
		break;
	case MIP_MESSAGE_REVOCATION_ACK:
		break;
	case MIP_MESSAGE_REVOCATION:
		check(mip_revocation_read(&reader, &revocation) == 0 && !revocation.from_home_agent);
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
			check(output.length >= MIP_IP_HEADER && output.frame.link == VISITED);
			follow_frame(run, &output);
		}
		mip_output_clear(&output);
	}
}

static void judge(void *context, const struct fa_visitor_view *view)
{
	struct run *run = context;
	uint32_t node = mip_address_number(view->home_address) - FIRST_NODE;

	check(view->registered || view->pending);
	if (!view->registered)
		return;
	check(node < NODES && run->accepted[node]);
	check(run->seen_count < VISITORS_MOST);
	for (size_t i = 0; i < run->seen_count; i++) {
		const struct fa_visitor_view *other = &run->seen[i];

		if (mip_address_equal(other->home_address, view->home_address))
			check(!mip_address_equal(other->home_agent, view->home_agent) &&
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
		run->accepted[node] = true;
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
	check(fa_core_deadline(run->core) > run->now.boot);
}

static void step(struct run *run)
{
	uint8_t what = mip_read8(&run->script);

	switch (what & 7) {
	case 0:
	case 1:
		step_request(run);
		break;
	case 2:
	case 3:
		step_reply(run);
		break;
	case 4:
		step_time(run);
		break;
	case 5:
		tell_link(run, what & 0x10, what & 0x20);
		break;
	case 6:
		step_revocation(run);
		break;
	default:
		step_raw(run, (what >> 4) & 3);
	}
	drain(run);
	run->seen_count = 0;
	fa_core_visitors(run->core, run->now, judge, run);
	/* Strangers fill the list, but do not shut visitors out. */
	check(fa_core_pending_count(run->core) <= PENDING_MOST + PENDING_PER_NODE_MOST * NODES);
	check(fa_core_visitor_count(run->core) <= VISITORS_MOST);
	check(fa_core_challenge_count(run->core) <= CHALLENGES_MOST);
	check(run->challenge || fa_core_challenge_count(run->core) == 0);
}

static void finish(struct run *run)
{
	run->now.boot += 100000 * MIP_SECOND;
	fa_core_advance(run->core, run->now);
	drain(run);
	check(fa_core_visitor_count(run->core) == 0);
	check(fa_core_pending_count(run->core) == 0);
	check(run->want_count == 0);
	fa_core_free(run->core);
	drain(run);
	mip_association_unref(run->node_keys);
	mip_outbox_clear(&run->outbox);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fa_link_settings link = {"visit0"};
	static uint8_t key[16] = {1, 2, 3};
	struct mip_association_settings association = {.spi = 2000, .key = {key, sizeof(key)}};
	struct fa_mobile_node_settings nodes[2] = {{.home_address = mip_address_of(FIRST_NODE)},
		{.home_address = mip_address_of(FIRST_NODE + 1)}};
	struct fa_core_settings settings = {
		.care_of_address = mip_address_of(CARE_OF),
		.links = &link,
		.link_count = 1,
		.registration_lifetime = 200,
		.reverse_tunnel = true,
		.encapsulating_delivery = true,
		.gre = true,
		.advertise_interval = 1000 * MIP_SECOND,
		.advertise_lifetime = 3000 * MIP_SECOND,
		.request_timeout = 7 * MIP_SECOND,
		.pending_most = PENDING_MOST,
		.pending_per_node_most = PENDING_PER_NODE_MOST,
		.visitors_most = VISITORS_MOST,
		.default_home_agent = mip_address_of(HOME_AGENT),
		.table = 79,
		.rule_priority = 790,
		.revocation = {true, true, true, 8, 2, 5},
		.limits = {.requests_per_node = 30, .denials = 30, .icmp_errors = 30, .solicited = 10},
	};
	struct fa_home_agent_settings home_agent = {.address = mip_address_of(HOME_AGENT)};
	struct run run = {.now.boot = MIP_SECOND, .script = mip_reader_of(data, size)};
	struct mip_random random = {.fill = fill, .context = &run};
	struct fa_core_environment environment = {.outbox = &run.outbox, .random = &random};

	run.challenge = mip_read8(&run.script) & 1;
	settings.challenge = run.challenge;
	settings.challenge_window = 2;
	settings.challenges_most = CHALLENGES_MOST;
	check(mip_association_new(&association, &run.node_keys) == 0);
	nodes[0].aaa = run.node_keys;
	nodes[1].association = run.node_keys;
	settings.mobile_nodes = nodes;
	settings.mobile_node_count = run.challenge ? 2 : 0;
	/* With an association nothing is taken without its authenticator: both are to be seen. */
	if (size & 1) {
		check(mip_association_new(&association, &run.association) == 0);
		home_agent.association = run.association;
		settings.home_agents = &home_agent;
		settings.home_agent_count = 1;
	}
	check(fa_core_new(&environment, &settings, &run.core) == 0);
	tell_link(&run, true, true);
	fa_core_begin(run.core, run.now);
	drain(&run);
	while (mip_reader_left(&run.script) > 0 && !mip_reader_failed(&run.script))
		step(&run);
	finish(&run);
	mip_association_unref(run.association);
	return 0;
}

/*
 * The mobile node's machine under random events (stream.h): frames, datagrams, links, addresses and routes that come
 * and go, commands, time, other settings, restarts. Some are well-formed messages with random fields, or whole ones
 * that the mutator has changed and signed again, so that the fuzzer gets past the parsers and the authenticator. After
 * each output and event the invariants must hold:
 *
 *   - the home address is wanted on some interface at every instant (unless someone else has set it up)
 *   - a `registered` event comes only with an authenticated, accepting reply to the last request
 *   - without a binding no packet is led past the tunnel device
 *   - no deadline lies in the past after it was served, and what is wanted stays within bounds
 */
#include "stream.h"

#include <errno.h>

#include "address.h"
#include "advertisement.h"
#include "authenticator.h"
#include "extension.h"
#include "mn_core.h"
#include "packet.h"
#include "registration.h"
#include "revocation.h"

enum {
	LINKS = 3,
	FIRST_LINK = 11,
	PORT = 40434,
	WANTS = 128,
	HOME = 0x0a010032,
	HOME_AGENT = 0x0a010001,
	TABLE = 434,
	STEPS_MOST = 200,
	MESSAGE_ASKED = 0x7e, /* bits of a message: all but few are the answer to something */
};

/* Kinds of events. */
enum kind {
	KIND_LINK,
	KIND_ADDRESS,
	KIND_ROUTE,
	KIND_RAW,
	KIND_DATAGRAM,
	KIND_COMMAND,
	KIND_SHORT_TIME,
	KIND_LONG_TIME,
	KIND_ADVERTISEMENT,
	KIND_REVOCATION,
	KIND_ANSWER,
	KIND_RECONFIGURE,
	KIND_RESTART,
	KIND_ICMP_ERROR,
	KIND_MESSAGE,
	KIND_COUNT,
};

struct run {
	struct mn_core *core;
	struct mip_now now;
	struct mip_reader script;
	struct mip_association *association;
	struct mip_want wants[WANTS];
	size_t want_count;
	bool others_home; /* someone else has put the home address somewhere */
	bool accepting;	  /* this step gave a reply that must be believed, if it is to the last request */
	uint8_t request[1024]; /* the last one that was sent */
	size_t request_length;
	mip_link request_link;
	struct mip_address request_to;
	struct mn_settings settings;
};

static void fill(void *context, void *octets, size_t length)
{
	(void)context;
	memset(octets, 0x5a, length);
}

static const struct mip_random random_source = {.fill = fill};

/* --- what comes out --------------------------------------------------------------------------- */

static void forget(struct run *run, const struct mip_want *want)
{
	for (size_t i = 0; i < run->want_count; i++)
		if (mip_want_same_key(&run->wants[i], want)) {
			run->wants[i] = run->wants[--run->want_count];
			return;
		}
}

static bool home_is_somewhere(const struct run *run)
{
	for (size_t i = 0; i < run->want_count; i++)
		if (run->wants[i].kind == MIP_WANT_ADDRESS &&
			mip_address_number(run->wants[i].address.address) == HOME)
			return true;
	return false;
}

/* rfc4433-5.1.2-8: without a foreign agent the Requested HA is the destination. */
static void check_requested(const uint8_t *octets, size_t length, struct mip_address destination)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_request request;
	struct mip_extensions extensions;
	const struct mip_extension *requested;

	FUZZ_CHECK(
		mip_request_read(&reader, &request) == 0 && mip_extensions_read(&reader, &extensions) == 0);
	requested = mip_extension_of(&extensions, MIP_SLOT_REQUESTED_HOME_AGENT);
	FUZZ_CHECK(!requested || mip_address_equal(mip_dynamic_home_agent_read(requested), destination));
	FUZZ_CHECK(!mip_address_is_all_zero_one(destination));
}

static void keep_request(struct run *run, const struct mip_output *output)
{
	const uint8_t *octets = output->octets;
	size_t length = output->length;
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;

	if (output->kind == MIP_OUTPUT_FRAME) {
		if (output->frame.ethertype != MIP_ETHERTYPE_IPV4 ||
			mip_udp_packet_read(octets, length, false, &ip, &udp, &payload) < 0)
			return;
		FUZZ_CHECK(udp.source_port == PORT && udp.destination_port == MIP_REGISTRATION_PORT);
		octets = payload.octets + payload.position;
		length = mip_reader_left(&payload);
	}
	if (mip_message_type(octets, length) != MIP_MESSAGE_REGISTRATION_REQUEST)
		return;
	FUZZ_CHECK(length <= sizeof(run->request));
	if (output->kind == MIP_OUTPUT_DATAGRAM)
		check_requested(octets, length, output->datagram.destination);
	memcpy(run->request, octets, length);
	run->request_length = length;
	run->request_to = output->kind == MIP_OUTPUT_FRAME ? ip.destination : output->datagram.destination;
	run->request_link = output->kind == MIP_OUTPUT_FRAME ? output->frame.link : output->datagram.link;
}

static void follow(struct run *run, const struct mip_output *output, bool begun)
{
	if (output->kind == MIP_OUTPUT_WANT || output->kind == MIP_OUTPUT_UNWANT)
		forget(run, &output->want);
	if (output->kind == MIP_OUTPUT_WANT) {
		FUZZ_CHECK(run->want_count < WANTS);
		run->wants[run->want_count++] = output->want;
	}
	if (output->kind == MIP_OUTPUT_EVENT && strcmp(output->event.name, "registered") == 0)
		FUZZ_CHECK(run->accepting);
	if (output->kind == MIP_OUTPUT_FRAME || output->kind == MIP_OUTPUT_DATAGRAM)
		keep_request(run, output);
	FUZZ_CHECK(!begun || run->others_home || home_is_somewhere(run));
}

static void check_way_out(const struct run *run)
{
	struct mn_status status = mn_core_status(run->core, run->now);
	bool coming_home = status.mode == MN_MODE_HOME;

	for (size_t i = 0; i < run->want_count; i++)
		if (run->wants[i].kind == MIP_WANT_ROUTE && run->wants[i].route.table == TABLE &&
			run->wants[i].route.destination.length == 0)
			FUZZ_CHECK(
				run->wants[i].route.link == MIP_LINK_TUNNEL || status.bound || coming_home);
}

static void drain(struct run *run, bool begun)
{
	struct mip_output output;

	while (mip_outbox_take(mn_core_outbox(run->core), &output)) {
		follow(run, &output, begun);
		mip_output_clear(&output);
	}
}

/* --- what goes in ----------------------------------------------------------------------------- */

static mip_link link_of(uint8_t choice)
{
	return FIRST_LINK + choice % LINKS;
}

static struct mip_link_address link_address_of(uint8_t choice)
{
	return (struct mip_link_address){.length = 6, .octets = {2, 0, 0, 0, 0, choice}};
}

static void give_link(struct run *run)
{
	static const char *const names[LINKS] = {"wlan0", "wwan0", "eth0"};
	uint8_t choice = mip_read8(&run->script), how = mip_read8(&run->script);
	struct mip_input_link link = {.link = link_of(choice) + (how & 0x80 ? LINKS : 0),
		.present = !(how & 2),
		.up = how & 1,
		.link_address = link_address_of(choice),
		.mtu = how & 4 ? 1500 : how};

	memcpy(link.name, names[choice % LINKS], strlen(names[choice % LINKS]) + 1);
	mn_core_link(run->core, &link, run->now);
}

static struct mip_address some_address(struct run *run)
{
	static const uint32_t usual[] = {HOME, HOME_AGENT, 0x0a020001, 0x0a030001, 0x0a040014, 0x0a040001,
		0xc0a80721, 0xa9fe0001, 0, 0xffffffff};
	uint8_t choice = mip_read8(&run->script);

	if (choice < MIP_ARRAY_SIZE(usual))
		return mip_address_of(usual[choice]);
	return mip_read_address(&run->script);
}

static void give_address(struct run *run)
{
	struct mip_input_address address = {.link = link_of(mip_read8(&run->script)),
		.address = some_address(run),
		.prefix_length = mip_read8(&run->script) % 33,
		.present = mip_read8(&run->script) & 1};

	if (mip_address_number(address.address) == HOME)
		run->others_home = true;
	mn_core_address(run->core, &address, run->now);
}

static void give_route(struct run *run)
{
	struct mip_input_default_route route = {.link = link_of(mip_read8(&run->script)),
		.gateway = some_address(run),
		.metric = mip_read8(&run->script) & 3,
		.present = mip_read8(&run->script) & 1};

	mn_core_default_route(run->core, &route, run->now);
}

/* In a copy that ends where the heap's guard begins. */
static void give_packet(
	struct run *run, mip_link link, uint16_t ethertype, const uint8_t *packet, size_t length)
{
	uint8_t *copy = fuzz_copy(packet, length);
	struct mip_input_frame frame = {.link = link,
		.source = link_address_of(packet && length > 0 ? packet[length - 1] & 3 : 0),
		.unicast = true,
		.ethertype = ethertype,
		.octets = copy,
		.length = length};

	mn_core_frame(run->core, &frame, run->now);
	free(copy);
}

static void give_raw(struct run *run)
{
	uint8_t where = mip_read8(&run->script);
	size_t length = mip_read8(&run->script);
	const uint8_t *octets;

	if (length > mip_reader_left(&run->script))
		length = mip_reader_left(&run->script);
	octets = mip_read_octets(&run->script, length);
	if (!octets)
		return;
	give_packet(
		run, link_of(where), where & 0x80 ? MIP_ETHERTYPE_ARP : MIP_ETHERTYPE_IPV4, octets, length);
}

static void give_advertisement(struct run *run)
{
	static struct mip_agent_advertisement advertisement;
	uint8_t message[128], packet[160];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_ip ip = {
		.ttl = 1, .protocol = MIP_PROTOCOL_ICMP, .destination = mip_address_of(0xe0000001)};
	uint8_t where = mip_read8(&run->script);
	size_t length;

	ip.source = some_address(run);
	memset(&advertisement, 0, sizeof(advertisement));
	advertisement.is_agent = true;
	advertisement.router_count = where >> 4 & 1;
	advertisement.routers[0].address = ip.source;
	advertisement.prefix_length_count = where >> 6 & 1;
	advertisement.prefix_lengths[0] = 24 - (where >> 3 & 1);
	advertisement.flags = mip_read16(&run->script);
	advertisement.sequence = mip_read16(&run->script);
	advertisement.lifetime = mip_read8(&run->script);
	advertisement.registration_lifetime = mip_read16(&run->script);
	advertisement.care_of_address_count = advertisement.flags & MIP_AGENT_F ? 1 + (where >> 5 & 1) : 0;
	advertisement.care_of_addresses[0] = ip.source;
	advertisement.care_of_addresses[1] = mip_address_of(0x0a0200fe);
	advertisement.challenge_length = where & 0x40 ? 4 : 0;
	advertisement.challenge[0] = where & 0x40 ? mip_read8(&run->script) & 7 : 0;
	mip_advertisement_write(&writer, &advertisement);
	length = writer.length;
	if (mip_writer_failed(&writer))
		return;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, message, length);
	give_packet(run, link_of(where), MIP_ETHERTYPE_IPV4, packet, writer.length);
}

struct answer {
	uint8_t octets[512];
	size_t length;
	bool honest;
	struct mip_address to;
};

/* What a foreign agent adds: an error, a challenge. */
static void answer_by_agent(struct run *run, struct mip_writer *writer)
{
	uint8_t how = mip_read8(&run->script), octets[4] = {how & 7};

	if (how & 8)
		mip_extension_write_short(writer, MIP_EXTENSION_FOREIGN_AGENT_ERROR, how >> 7, &how, 1);
	if (how & 16)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, octets, sizeof(octets));
}

static bool answer_make(struct run *run, struct answer *answer)
{
	struct mip_reader reader = mip_reader_of(run->request, run->request_length);
	struct mip_writer writer = mip_writer_of(answer->octets, sizeof(answer->octets));
	struct mip_registration_request request;
	struct mip_registration_reply reply;
	uint8_t how = mip_read8(&run->script);

	if (mip_request_read(&reader, &request) < 0)
		return false;
	reply = (struct mip_registration_reply){
		.code = how & 1 ? 0 : mip_read8(&run->script),
		.lifetime = how & 2 ? request.lifetime : mip_read16(&run->script),
		.home_address = request.home_address,
		.home_agent = how & 4 ? request.home_agent : some_address(run),
		.identification = request.identification,
	};
	answer->honest = how & 8;
	answer->to =
		how & 16 || !(request.flags & MIP_REQUEST_D) ? request.home_address : request.care_of_address;
	mip_reply_write(&writer, &reply);
	if (reply.code == MIP_CODE_HA_REDIRECT)
		mip_dynamic_home_agent_write(&writer, MIP_REDIRECTED_HOME_AGENT, some_address(run));
	if (how & 32)
		mip_udp_tunnel_reply_write(&writer, &(struct mip_udp_tunnel_reply){.code = how >> 7 << 6});
	if (mip_read8(&run->script) & 1)
		mip_revocation_support_write(
			&writer, &(struct mip_revocation_support){true, mip_read8(&run->script)});
	if (mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, run->association) <
		0)
		return false;
	answer_by_agent(run, &writer);
	if (mip_writer_failed(&writer))
		return false;
	if (!answer->honest)
		answer->octets[mip_read8(&run->script) % writer.length] ^= 1 + (how >> 6);
	answer->length = writer.length;
	return true;
}

static bool is_signed(const struct run *run, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extension extension;

	mip_read_skip(&reader, fuzz_message_fixed(octets, length));
	while (mip_extension_next(&reader, &extension) > 0) {
		if (extension.type == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION)
			return mip_authenticator_check(run->association, octets, &extension) == 0;
	}
	return false;
}

static void give_answer(struct run *run)
{
	struct mip_udp udp = {.source_port = MIP_REGISTRATION_PORT, .destination_port = PORT};
	struct mip_ip ip = {.ttl = 1};
	struct answer answer;
	uint8_t packet[600];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	if (run->request_length == 0 || !answer_make(run, &answer))
		return;
	/* Damage may have hit what a foreign agent adds, which the home agent's authenticator does not cover. */
	run->accepting = answer.honest || is_signed(run, answer.octets, answer.length);
	ip.source = some_address(run);
	ip.destination = answer.to;
	mip_udp_packet_write(&writer, &ip, &udp, answer.octets, answer.length);
	if (mip_writer_failed(&writer))
		return;
	give_packet(run, run->request_link, MIP_ETHERTYPE_IPV4, packet, writer.length);
}

/* By the home agent to a co-located care-of address, mostly signed. */
static void give_revocation(struct run *run)
{
	uint8_t how = mip_read8(&run->script);
	struct mip_revocation revocation = {!(how & 1), how & 2, mip_address_of(HOME), some_address(run),
		some_address(run), mip_read8(&run->script)};
	struct mip_udp udp = {.source_port = MIP_REGISTRATION_PORT, .destination_port = PORT};
	struct mip_ip ip = {
		.ttl = 60, .source = mip_address_of(HOME_AGENT), .destination = revocation.foreign_domain};
	uint8_t message[128], packet[256];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));

	mip_revocation_write(&writer, &revocation);
	if (!(how & 4))
		FUZZ_CHECK(mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0,
				   run->association) == 0);
	mip_udp_packet_write(&outer, &ip, &udp, message, writer.length);
	give_packet(run, link_of(how >> 4), MIP_ETHERTYPE_IPV4, packet, outer.length);
}

static void give_datagram(struct run *run)
{
	size_t length = mip_read8(&run->script);
	uint8_t *copy;
	struct mip_input_datagram datagram = {.link = FIRST_LINK + 20,
		.source = some_address(run),
		.source_port = MIP_REGISTRATION_PORT,
		.destination = some_address(run),
		.destination_port = PORT};

	if (length > mip_reader_left(&run->script))
		length = mip_reader_left(&run->script);
	copy = fuzz_copy(mip_read_octets(&run->script, length), length);
	datagram.octets = copy;
	datagram.length = length;
	mn_core_datagram(run->core, &datagram, run->now);
	(void)mn_core_tunnelled(run->core, copy, length, run->now);
	free(copy);
}

static void command(struct run *run)
{
	static const char *const names[] = {"wlan0", "wwan0", "eth0", "none"};
	const char *reason = NULL;
	uint8_t choice = mip_read8(&run->script);

	if (choice & 4)
		(void)mn_core_register(run->core, run->now, &reason);
	else if (choice & 8)
		(void)mn_core_deregister(run->core, run->now, &reason);
	else
		(void)mn_core_handover(run->core, names[choice & 3], run->now, &reason);
}

static void advance(struct run *run, mip_time duration)
{
	run->now.boot += duration;
	run->now.wall += duration;
	mn_core_advance(run->core, run->now);
	FUZZ_CHECK(mn_core_deadline(run->core) > run->now.boot);
}

static void give_icmp_error(struct run *run)
{
	uint8_t bits = mip_read8(&run->script);
	size_t length = bits & 4 ? run->request_length : run->request_length / 2;
	struct mip_input_icmp_error error = {.destination = some_address(run),
		.destination_port = MIP_REGISTRATION_PORT,
		.type = 3,
		.code = bits & 3,
		.octets = run->request,
		.length = length};

	mn_core_icmp_error(run->core, &error, run->now);
}

/* --- the daemon's life ------------------------------------------------------------------------ */

static void reconfigure(struct run *run)
{
	uint8_t bits = mip_read8(&run->script), more = mip_read8(&run->script);
	struct mn_settings *settings = &run->settings;
	const char *reason = NULL;
	int r;

	settings->interface_count = 1 + bits % LINKS;
	settings->reverse_tunnel = bits & 4;
	settings->nat_traversal = bits & 8;
	settings->force_udp = bits & 16;
	settings->simultaneous = bits & 32;
	settings->newest_first = bits & 64;
	settings->deregister_on_exit = bits & 128;
	settings->care_of = (enum mn_care_of)(more % 3);
	settings->revocation = more & 4;
	settings->broadcast = more & 8;
	settings->lifetime = more & 16 ? 30 : 65535;
	settings->encapsulation = (enum mip_encapsulation)((more >> 5) % 3);
	r = mn_core_reconfigure(run->core, settings, run->now, &reason);
	FUZZ_CHECK(r == 0 || (r == -EBUSY && reason));
}

/* What a daemon before this one may have left, or what has become of it. */
static void give_record(struct run *run)
{
	uint8_t octets[20];
	size_t length = mip_read8(&run->script) % (sizeof(octets) + 1);

	for (size_t i = 0; i < length; i++)
		octets[i] = mip_read8(&run->script);
	mn_core_record(run->core, "session", octets, length, run->now);
}

static void make_machine(struct run *run)
{
	FUZZ_CHECK(mn_core_new(&run->settings, &random_source, NULL, &run->core) == 0);
	mn_core_udp_port(run->core, PORT);
	if (run->settings.aaa)
		give_record(run);
	mn_core_begin(run->core, run->now);
	drain(run, false);
	FUZZ_CHECK(run->others_home || home_is_somewhere(run));
}

/* The node keeps nothing over a restart, and the kernel is put back. */
static void restart(struct run *run)
{
	if (mip_read8(&run->script) & 1)
		mn_core_farewell(run->core, run->now);
	drain(run, true);
	mn_core_free(run->core);
	run->want_count = 0;
	run->request_length = 0;
	make_machine(run);
}

/* --- whole messages --------------------------------------------------------------------------- */

static const struct mip_association *association_for(void *context, uint8_t type)
{
	const struct run *run = context;

	return type == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION ? run->association : NULL;
}

/* As the home agent would have written it now: a reply to the last request. */
static void mend(struct run *run, uint8_t *octets, size_t length)
{
	struct mip_writer writer = mip_writer_of(octets, length);
	struct mip_reader reader = mip_reader_of(run->request, run->request_length);
	struct mip_registration_request request;

	if (fuzz_message_fixed(octets, length) == 0)
		return;
	if (octets[0] == MIP_MESSAGE_REGISTRATION_REPLY && mip_request_read(&reader, &request) == 0) {
		writer.length = 4;
		mip_write_address(&writer, request.home_address);
		writer.length += sizeof(struct mip_address);
		mip_write64(&writer, request.identification);
	}
	fuzz_message_sign(octets, length, association_for, run);
}

/* An address to hear the reply at: the one that the request named as its own. */
static struct mip_address reply_destination(const struct run *run)
{
	struct mip_reader reader = mip_reader_of(run->request, run->request_length);
	struct mip_registration_request request;

	if (mip_request_read(&reader, &request) < 0)
		return (struct mip_address){0};
	return request.flags & MIP_REQUEST_D ? request.care_of_address : request.home_address;
}

/* A network where it gets a care-of address of its own, and a person who asks: the node sends a request. */
static void be_asked(struct run *run)
{
	struct mip_input_link link = {.link = FIRST_LINK,
		.name = "wlan0",
		.present = true,
		.up = true,
		.link_address = link_address_of(0),
		.mtu = MIP_OUTER_MTU};
	struct mip_input_address address = {.link = FIRST_LINK,
		.address = mip_address_of(0x0a040014),
		.prefix_length = 24,
		.present = true};
	struct mip_input_default_route route = {
		.link = FIRST_LINK, .gateway = mip_address_of(0x0a040001), .present = true};
	const char *reason = NULL;

	mn_core_link(run->core, &link, run->now);
	mn_core_address(run->core, &address, run->now);
	mn_core_default_route(run->core, &route, run->now);
	(void)mn_core_register(run->core, run->now, &reason);
	drain(run, true);
	advance(run, MIP_SECOND);
	drain(run, true);
}

static void give_message(struct run *run)
{
	struct fuzz_message message = fuzz_message_of(&run->script);
	struct mip_udp udp = {.source_port = MIP_REGISTRATION_PORT, .destination_port = PORT};
	struct mip_ip ip = {.ttl = 1};
	uint64_t refusals = fuzz_refusals(mn_core_counters(run->core));
	uint8_t *writable, packet[2048];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	if (run->request_length == 0 || message.bits & MESSAGE_ASKED)
		be_asked(run);
	writable = fuzz_to_mend(&message);
	if (writable)
		mend(run, writable, message.length);
	run->accepting = is_signed(run, message.octets, message.length);
	/* By whom was asked, or by someone else. */
	ip.source =
		message.choice % 16 > 0 ? run->request_to : mip_address_of(HOME_AGENT + message.choice / 16);
	ip.destination = reply_destination(run);
	mip_udp_packet_write(&writer, &ip, &udp, message.octets, message.length);
	if (mip_writer_failed(&writer) || run->request_length == 0)
		return;
	give_packet(run, run->request_link, MIP_ETHERTYPE_IPV4, packet, writer.length);
	fuzz_count_message(refusals, fuzz_refusals(mn_core_counters(run->core)));
}

static size_t make_message(struct fuzz_dice *dice, uint8_t octets[static FUZZ_MESSAGE_MOST])
{
	static const uint8_t codes[] = {0, 0, 0, 1, 64, 66, 69, 77, 78, 128, 131, 133, 135, 136, 142, 143};
	struct mip_writer writer = mip_writer_of(octets, FUZZ_MESSAGE_MOST);
	struct mip_registration_reply reply = {
		.code = codes[fuzz_dice_below(dice, MIP_ARRAY_SIZE(codes))],
		.lifetime = (uint16_t)(fuzz_dice_one_in(dice, 4) ? fuzz_dice_below(dice, 65536) : 20),
		.home_address = mip_address_of(HOME),
		.home_agent = mip_address_of(HOME_AGENT),
	};

	mip_reply_write(&writer, &reply);
	if (fuzz_dice_one_in(dice, 3))
		mip_udp_tunnel_reply_write(&writer, &(struct mip_udp_tunnel_reply){.keepalive_interval = 20});
	if (reply.code == MIP_CODE_HA_REDIRECT)
		mip_dynamic_home_agent_write(&writer, MIP_REDIRECTED_HOME_AGENT,
			mip_address_of(HOME_AGENT + fuzz_dice_below(dice, 3)));
	mip_authentication_write(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, 1000, 16);
	return writer.length;
}

static const uint32_t known_addresses[] = {
	HOME, HOME_AGENT, 0x0a020001, 0x0a030001, 0x0a040014, 0x0a040001, 0, 0xffffffff, 0xe000000b};

const struct fuzz_stream fuzz_stream = {
	.prelude = 1,
	.kinds = KIND_COUNT,
	.message = KIND_MESSAGE,
	.addresses = {known_addresses, MIP_ARRAY_SIZE(known_addresses)},
	.make = make_message,
};

/* --- all of it -------------------------------------------------------------------------------- */

static void (*const actions[KIND_COUNT])(struct run *run) = {
	[KIND_LINK] = give_link,
	[KIND_ADDRESS] = give_address,
	[KIND_ROUTE] = give_route,
	[KIND_RAW] = give_raw,
	[KIND_DATAGRAM] = give_datagram,
	[KIND_COMMAND] = command,
	[KIND_ADVERTISEMENT] = give_advertisement,
	[KIND_REVOCATION] = give_revocation,
	[KIND_ANSWER] = give_answer,
	[KIND_RECONFIGURE] = reconfigure,
	[KIND_RESTART] = restart,
	[KIND_ICMP_ERROR] = give_icmp_error,
	[KIND_MESSAGE] = give_message,
};

static void step(struct run *run, enum kind kind)
{
	run->accepting = false;
	if (kind == KIND_SHORT_TIME)
		advance(run, mip_read8(&run->script) * (mip_time)100 * MIP_MILLISECOND);
	else if (kind == KIND_LONG_TIME)
		advance(run, mip_read16(&run->script) * MIP_SECOND);
	else
		actions[kind](run);
	drain(run, true);
	check_way_out(run);
	FUZZ_CHECK(mn_core_outbox(run->core)->lost == 0);
	FUZZ_CHECK(mn_core_agent_count(run->core) <= 64 * LINKS);
}

static void begin(struct run *run, uint8_t how)
{
	static uint8_t key[16] = {1, 2, 3};
	struct mip_association_settings association = {.spi = 1000,
		.replay = how & 1 ? MIP_REPLAY_NONCE : MIP_REPLAY_TIMESTAMP,
		.replay_tolerance = 7 * MIP_SECOND,
		.key = {.octets = key, .length = sizeof(key)}};
	static struct mn_interface_settings interfaces[LINKS] = {{"wlan0", 10}, {"wwan0", 20}, {"eth0", 5}};
	static char nai[] = "alice@example.org";
	struct mn_settings *settings = &run->settings;

	*settings = (struct mn_settings){
		.home_address = mip_address_of(HOME),
		.home_prefix = mip_prefix_of(mip_address_of(HOME), 24),
		.home_agent = mip_address_of(how & 2 ? 0 : HOME_AGENT),
		.interfaces = interfaces,
		.interface_count = LINKS,
		.care_of = (enum mn_care_of)(how >> 2 & 3) % 3,
		.move_detection = (enum mn_move_detection)(how % 3),
		.reverse_tunnel = how & 16,
		.delivery = how & 32 ? MN_DELIVERY_ENCAPSULATING : MN_DELIVERY_DIRECT,
		.broadcast = how & 1,
		.encapsulation = (enum mip_encapsulation)((how >> 5 & 3) % 3),
		.nat_traversal = how & 32,
		.revocation = how & 128,
		.simultaneous = how & 4,
		.lifetime = how & 64 ? 30 : 65535,
		.agent_wait = 50 * MIP_MILLISECOND,
		.keepalive_interval = 110 * MIP_SECOND,
		.grace = 3 * MIP_SECOND,
		.rule_priority = 1000,
		.routing_table = TABLE,
	};

	/* Without a home address, and with a home agent for each session. */
	if (how & 128) {
		settings->nai = nai;
		settings->assignment = how & 64 ? MN_ASSIGNMENT_ANY : MN_ASSIGNMENT_HOME;
		settings->home_address = (struct mip_address){0};
		run->others_home = true;
	}
	FUZZ_CHECK(mip_association_new(&association, &run->association) == 0);
	settings->home = run->association;
	settings->aaa = how & 128 ? run->association : NULL;
	make_machine(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct run run;
	struct mip_reader stream = mip_reader_of(octets, length);
	uint8_t kind;

	memset(&run, 0, sizeof(run));
	run.now = (struct mip_now){.boot = 1000 * MIP_SECOND, .wall = 1700000000 * MIP_SECOND};
	begin(&run, mip_read8(&stream));
	for (int i = 0; i < STEPS_MOST && fuzz_event_next(&stream, &kind, &run.script); i++)
		step(&run, (enum kind)kind);
	mn_core_farewell(run.core, run.now);
	drain(&run, true);
	mn_core_free(run.core);
	mip_association_unref(run.association);
	return 0;
}

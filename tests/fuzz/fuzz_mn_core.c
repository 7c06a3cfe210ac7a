/*
 * The mobile node's machine under random events: frames, datagrams, links, addresses and routes that come and
 * go, commands and time. The input is a script of steps; some steps are well-formed messages with random
 * fields, so that the fuzzer gets past the parsers. After each output and step the invariants must hold:
 *
 *   - the home address is wanted on some interface at every instant (unless someone else has set it up)
 *   - a `registered` event comes only with an authenticated, accepting reply to the last request
 *   - without a binding no packet is led past the tunnel device
 *   - no deadline lies in the past after it was served, and what is wanted stays within bounds
 */
#include "fuzz.h"

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

static void give_answer(struct run *run)
{
	struct mip_udp udp = {.source_port = MIP_REGISTRATION_PORT, .destination_port = PORT};
	struct mip_ip ip = {.ttl = 1};
	struct answer answer;
	uint8_t packet[600];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	if (run->request_length == 0 || !answer_make(run, &answer))
		return;
	run->accepting = answer.honest;
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

static void step(struct run *run)
{
	run->accepting = false;
	switch (mip_read8(&run->script) % 11) {
	case 0:
		give_link(run);
		break;
	case 1:
		give_address(run);
		break;
	case 2:
		give_route(run);
		break;
	case 3:
		give_raw(run);
		break;
	case 4:
		give_datagram(run);
		break;
	case 5:
		command(run);
		break;
	case 6:
		advance(run, mip_read8(&run->script) * (mip_time)100 * MIP_MILLISECOND);
		break;
	case 7:
		advance(run, mip_read16(&run->script) * MIP_SECOND);
		break;
	case 8:
		give_advertisement(run);
		break;
	case 9:
		give_revocation(run);
		break;
	default:
		give_answer(run);
		break;
	}
	drain(run, true);
	check_way_out(run);
	FUZZ_CHECK(mn_core_agent_count(run->core) <= 64 * LINKS);
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

static void begin(struct run *run, uint8_t how)
{
	static uint8_t key[16] = {1, 2, 3};
	struct mip_association_settings association = {.spi = 1000,
		.replay = how & 1 ? MIP_REPLAY_NONCE : MIP_REPLAY_TIMESTAMP,
		.replay_tolerance = 7 * MIP_SECOND,
		.key = {.octets = key, .length = sizeof(key)}};
	struct mn_interface_settings interfaces[LINKS] = {{"wlan0", 10}, {"wwan0", 20}, {"eth0", 5}};
	struct mn_settings settings = {
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

	static char nai[] = "alice@example.org";

	/* Without a home address, and with a home agent for each session. */
	if (how & 128) {
		settings.nai = nai;
		settings.assignment = how & 64 ? MN_ASSIGNMENT_ANY : MN_ASSIGNMENT_HOME;
		settings.home_address = (struct mip_address){0};
		run->others_home = true;
	}
	FUZZ_CHECK(mip_association_new(&association, &run->association) == 0);
	settings.home = run->association;
	settings.aaa = how & 128 ? run->association : NULL;
	FUZZ_CHECK(mn_core_new(&settings, &random_source, NULL, &run->core) == 0);
	mn_core_udp_port(run->core, PORT);
	if (how & 128)
		give_record(run);
	mn_core_begin(run->core, run->now);
	drain(run, false);
	FUZZ_CHECK(run->others_home || home_is_somewhere(run));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct run run;

	memset(&run, 0, sizeof(run));
	run.now = (struct mip_now){.boot = 1000 * MIP_SECOND, .wall = 1700000000 * MIP_SECOND};
	run.script = mip_reader_of(octets, length);
	begin(&run, mip_read8(&run.script));
	while (mip_reader_left(&run.script) > 0)
		step(&run);
	mn_core_farewell(run.core, run.now);
	drain(&run, true);
	mn_core_free(run.core);
	mip_association_unref(run.association);
	return 0;
}

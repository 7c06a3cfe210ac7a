/*
 * See mn_bench.h.
 */
#include "mn_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "authenticator.h"
#include "revocation.h"
#include "counter_value.h"
#include "extension.h"
#include "packet.h"

const struct bench_agent bench_fa1 = {
	.link = BENCH_WWAN, .address = BENCH_FA1, .flags = MIP_AGENT_F | MIP_AGENT_T, .sequence = 300};
const struct bench_agent bench_fa2 = {
	.link = BENCH_WLAN, .address = BENCH_FA2, .flags = MIP_AGENT_F | MIP_AGENT_T, .sequence = 300};
const struct bench_agent bench_home_agent = {
	.link = BENCH_ETH, .address = BENCH_HOME_AGENT, .flags = MIP_AGENT_H | MIP_AGENT_T, .sequence = 300};

static void fill(void *context, void *octets, size_t length)
{
	struct bench *bench = context;

	for (size_t i = 0; i < length; i++) {
		bench->random_state = bench->random_state * 6364136223846793005ULL + 1442695040888963407ULL;
		((uint8_t *)octets)[i] = (uint8_t)(bench->random_state >> 33);
	}
}

static void count_line(void *context, enum mip_log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void count_line(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	struct bench *bench = context;
	char line[512];

	vsnprintf(line, sizeof(line), format, arguments);
	bench->warnings += level == MIP_LOG_WARNING;
	bench->security_exceptions += strstr(line, "security exception") != NULL;
}

static const char *name_of(mip_link link)
{
	switch (link) {
	case BENCH_ETH:
		return "eth0";
	case BENCH_WLAN:
		return "wlan0";
	default:
		return "wwan0";
	}
}

static void settings_make(struct bench *bench)
{
	static uint8_t key[16] = {0, 0x11, 0x22, 0x33};
	struct mip_association_settings association = {.spi = 1000,
		.algorithm = MIP_ALGORITHM_HMAC_MD5,
		.replay = MIP_REPLAY_TIMESTAMP,
		.replay_tolerance = 7 * MIP_SECOND,
		.key = {.octets = key, .length = sizeof(key)}};

	assert_int_equal(mip_association_new(&association, &bench->home), 0);
	strcpy(bench->interfaces[0].name, "wlan0");
	bench->interfaces[0].priority = 10;
	strcpy(bench->interfaces[1].name, "wwan0");
	bench->interfaces[1].priority = 20;
	strcpy(bench->interfaces[2].name, "eth0");
	bench->interfaces[2].priority = 5;
	bench->settings = (struct mn_settings){
		.home_address = mip_address_of(BENCH_HOME),
		.home_prefix = mip_prefix_of(mip_address_of(BENCH_HOME), 24),
		.home_agent = mip_address_of(BENCH_HOME_AGENT),
		.interfaces = bench->interfaces,
		.interface_count = 3,
		.reverse_tunnel = true,
		.nat_traversal = true,
		.lifetime = 600,
		.deregister_on_exit = true,
		.agent_wait = 50 * MIP_MILLISECOND,
		.keepalive_interval = 110 * MIP_SECOND,
		.grace = 3 * MIP_SECOND,
		.rule_priority = 1000,
		.routing_table = 434,
		.home = bench->home,
	};
}

void bench_prepare(struct bench *bench, void (*change)(struct mn_settings *settings))
{
	memset(bench, 0, sizeof(*bench));
	bench->now = (struct mip_now){.boot = 1000 * MIP_SECOND, .wall = 1700000000 * MIP_SECOND};
	bench->random = (struct mip_random){.fill = fill, .context = bench};
	bench->log = (struct mip_log){.write = count_line, .context = bench};
	settings_make(bench);
	if (change)
		change(&bench->settings);
}

static int make(struct bench *bench)
{
	int r = mn_core_new(&bench->settings, &bench->random, &bench->log, &bench->core);

	if (r < 0)
		return r;
	mn_core_udp_port(bench->core, BENCH_PORT);
	return 0;
}

static void begin(struct bench *bench)
{
	for (mip_link link = BENCH_ETH; link <= BENCH_WWAN; link++)
		bench_link(bench, link, false);
	mn_core_begin(bench->core, bench->now);
	bench_collect(bench);
}

/* One that was given goes with who gave it. */
static void watch_home(struct bench *bench)
{
	bench->home_watched = !mip_address_is_none(bench->settings.home_address) &&
			      bench_has_home_on(bench, MIP_LINK_TUNNEL);
}

int bench_try(struct bench *bench)
{
	int r = make(bench);

	if (r == 0)
		begin(bench);
	return r;
}

void bench_begin(struct bench *bench, void (*change)(struct mn_settings *settings))
{
	bench_prepare(bench, change);
	assert_int_equal(bench_try(bench), 0);
	watch_home(bench);
}

void bench_forget(struct bench *bench)
{
	for (size_t i = 0; i < bench->count; i++)
		mip_output_clear(&bench->outputs[i]);
	bench->count = 0;
}

void bench_end(struct bench *bench)
{
	bench_collect(bench);
	assert_false(bench->home_was_gone);
	bench_forget(bench);
	mn_core_free(bench->core);
	mip_association_unref(bench->home);
}

struct bench bench_of_test;

int bench_setup(void **state)
{
	bench_begin(&bench_of_test, NULL);
	*state = &bench_of_test;
	return 0;
}

int bench_teardown(void **state)
{
	bench_end(*state);
	return 0;
}

void bench_again_with(void (*change)(struct mn_settings *settings))
{
	bench_end(&bench_of_test);
	bench_begin(&bench_of_test, change);
}

void bench_restart_with(void (*change)(struct mn_settings *settings), mip_time pause)
{
	struct bench *bench = &bench_of_test;
	struct bench_record record = bench->record;
	struct mip_now now = {bench->now.boot + pause, bench->now.wall + pause};

	bench_end(bench);
	bench_prepare(bench, change);
	assert_int_equal(make(bench), 0);
	bench->now = now;
	bench->record = record;
	if (record.length > 0)
		mn_core_record(bench->core, record.key, record.octets, record.length, bench->now);
	begin(bench);
	watch_home(bench);
}

/* --- what comes out --------------------------------------------------------------------------- */

static void kernel_remove(struct bench *bench, const struct mip_want *key)
{
	for (size_t i = 0; i < bench->kernel_count; i++)
		if (mip_want_same_key(&bench->kernel[i], key)) {
			memmove(&bench->kernel[i], &bench->kernel[i + 1],
				(bench->kernel_count - i - 1) * sizeof(bench->kernel[0]));
			bench->kernel_count--;
			return;
		}
}

static bool has_home(const struct bench *bench)
{
	for (size_t i = 0; i < bench->kernel_count; i++)
		if (bench->kernel[i].kind == MIP_WANT_ADDRESS)
			return true;
	return false;
}

static void keep(struct bench *bench, const struct mip_output *output)
{
	struct bench_record *record = &bench->record;

	assert_in_range(output->length, 1, sizeof(record->octets));
	memcpy(record->key, output->key, sizeof(record->key));
	memcpy(record->octets, output->octets, output->length);
	record->length = output->length;
}

static void follow(struct bench *bench, const struct mip_output *output)
{
	if (output->kind == MIP_OUTPUT_KEEP)
		keep(bench, output);
	else if (output->kind == MIP_OUTPUT_FORGET && strcmp(output->key, bench->record.key) == 0)
		bench->record.length = 0;
	if (output->kind == MIP_OUTPUT_WANT) {
		kernel_remove(bench, &output->want);
		assert_true(bench->kernel_count < BENCH_WANTS);
		bench->kernel[bench->kernel_count++] = output->want;
	} else if (output->kind == MIP_OUTPUT_UNWANT) {
		kernel_remove(bench, &output->want);
	}
	if (bench->home_watched && !has_home(bench))
		bench->home_was_gone = true;
}

void bench_collect(struct bench *bench)
{
	struct mip_output output;

	while (mip_outbox_take(mn_core_outbox(bench->core), &output)) {
		assert_true(bench->count < BENCH_OUTPUTS);
		bench->outputs[bench->count++] = output;
		follow(bench, &output);
	}
}

/* --- what goes in ----------------------------------------------------------------------------- */

static void set_clock(struct bench *bench, mip_time boot)
{
	bench->now.wall += boot - bench->now.boot;
	bench->now.boot = boot;
}

void bench_pass(struct bench *bench, mip_time duration)
{
	mip_time until = bench->now.boot + duration;

	for (mip_time next; (next = mn_core_deadline(bench->core)) <= until;) {
		set_clock(bench, next > bench->now.boot ? next : bench->now.boot);
		mn_core_advance(bench->core, bench->now);
		bench_collect(bench);
	}
	set_clock(bench, until);
}

static struct mip_link_address own_link_address(mip_link link)
{
	return (struct mip_link_address){.length = 6, .octets = {2, 0, 0, 0, 1, (uint8_t)link}};
}

void bench_link(struct bench *bench, mip_link link, bool up)
{
	struct mip_input_link input = {
		.link = link, .present = true, .up = up, .link_address = own_link_address(link), .mtu = 1500};

	strcpy(input.name, name_of(link));
	mn_core_link(bench->core, &input, bench->now);
	bench_collect(bench);
}

void bench_address(struct bench *bench, mip_link link, uint32_t address, uint8_t length, bool present)
{
	struct mip_input_address input = {.link = link,
		.address = mip_address_of(address),
		.prefix_length = length,
		.present = present};

	mn_core_address(bench->core, &input, bench->now);
	bench_collect(bench);
}

void bench_route(struct bench *bench, mip_link link, uint32_t gateway, bool present)
{
	struct mip_input_default_route input = {
		.link = link, .gateway = mip_address_of(gateway), .metric = 600, .present = present};

	mn_core_default_route(bench->core, &input, bench->now);
	bench_collect(bench);
}

void bench_lease(struct bench *bench)
{
	bench_address(bench, BENCH_WLAN, BENCH_SPOT, 24, true);
	bench_route(bench, BENCH_WLAN, BENCH_SPOT_GW, true);
}

struct mip_link_address bench_link_address(uint32_t address)
{
	return (struct mip_link_address){.length = 6,
		.octets = {2, 1, (uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
			(uint8_t)address}};
}

static void give_frame(
	struct bench *bench, mip_link link, struct mip_link_address source, const void *packet, size_t length)
{
	struct mip_input_frame frame = {.link = link,
		.source = source,
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet,
		.length = length};

	mn_core_frame(bench->core, &frame, bench->now);
	bench_collect(bench);
}

void bench_frame(struct bench *bench, mip_link link, const void *packet, size_t length)
{
	give_frame(bench, link, bench_link_address(BENCH_FA1), packet, length);
}

void bench_advertise(struct bench *bench, const struct bench_agent *agent)
{
	static struct mip_agent_advertisement advertisement; /* large, and always written whole */
	uint8_t message[600], packet[700];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_ip ip = {.ttl = agent->ttl ? agent->ttl : 1,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(agent->address),
		.destination = mip_address_of(agent->to_node ? BENCH_HOME : 0xe0000001)};

	memset(&advertisement, 0, sizeof(advertisement));
	advertisement.lifetime = agent->lifetime ? agent->lifetime : 3;
	advertisement.router_count = 1;
	advertisement.routers[0].address = ip.source;
	advertisement.prefix_length_count = agent->prefix_length ? 1 : 0;
	advertisement.prefix_lengths[0] = agent->prefix_length;
	advertisement.is_agent = true;
	advertisement.sequence = agent->sequence;
	advertisement.registration_lifetime =
		agent->registration_lifetime ? agent->registration_lifetime : 1800;
	advertisement.flags = agent->flags;
	if (agent->flags & MIP_AGENT_F) {
		advertisement.care_of_address_count = 1;
		advertisement.care_of_addresses[0] =
			mip_address_of(agent->care_of_address ? agent->care_of_address : agent->address);
		advertisement.care_of_address_count += agent->second_care_of_address != 0;
		advertisement.care_of_addresses[1] = mip_address_of(agent->second_care_of_address);
	}
	if (agent->challenge) {
		advertisement.challenge_length = strlen(agent->challenge);
		memcpy(advertisement.challenge, agent->challenge, advertisement.challenge_length);
	}
	mip_advertisement_write(&writer, &advertisement);
	assert_false(mip_writer_failed(&writer));
	size_t length = writer.length;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, message, length);
	give_frame(bench, agent->link, bench_link_address(agent->card ? agent->card : agent->address), packet,
		writer.length);
}

/* --- requests and replies --------------------------------------------------------------------- */

static bool request_of(const struct bench *bench, size_t place, struct bench_request *request)
{
	const struct mip_output *output = &bench->outputs[place];
	struct mip_reader reader;
	struct mip_udp udp;
	struct mip_ip ip;

	memset(request, 0, sizeof(*request));
	request->place = place;
	if (output->kind == MIP_OUTPUT_DATAGRAM) {
		request->link = output->datagram.link;
		request->source = output->datagram.source;
		request->destination = output->datagram.destination;
		request->destination_port = output->datagram.destination_port;
		request->source_port =
			output->datagram.source_port ? output->datagram.source_port : BENCH_PORT;
		request->ttl = output->datagram.ttl;
		reader = mip_reader_of(output->octets, output->length);
	} else if (output->kind == MIP_OUTPUT_FRAME && output->frame.ethertype == MIP_ETHERTYPE_IPV4 &&
		   mip_udp_packet_read(output->octets, output->length, false, &ip, &udp, &reader) == 0) {
		request->frame = true;
		request->link = output->frame.link;
		request->link_destination = output->frame.destination;
		request->source = ip.source;
		request->destination = ip.destination;
		request->source_port = udp.source_port;
		request->destination_port = udp.destination_port;
		request->ttl = ip.ttl;
	} else {
		return false;
	}
	request->octets = reader.octets + reader.position;
	request->length = mip_reader_left(&reader);
	return mip_message_type(request->octets, request->length) == MIP_MESSAGE_REGISTRATION_REQUEST &&
	       mip_request_read(&reader, &request->fixed) == 0;
}

size_t bench_requests(const struct bench *bench)
{
	struct bench_request request;
	size_t count = 0;

	for (size_t i = 0; i < bench->count; i++)
		count += request_of(bench, i, &request);
	return count;
}

struct bench_request bench_last_request(const struct bench *bench)
{
	struct bench_request request, last;
	bool found = false;

	for (size_t i = 0; i < bench->count; i++)
		if (request_of(bench, i, &request)) {
			last = request;
			found = true;
		}
	if (!found)
		fail_msg("no Registration Request was sent");
	return last;
}

void bench_extensions_of(const struct bench_request *request, struct mip_extensions *extensions)
{
	struct mip_reader reader = mip_reader_of(request->octets, request->length);
	struct mip_registration_request fixed;

	assert_int_equal(mip_request_read(&reader, &fixed), 0);
	assert_int_equal(mip_extensions_read(&reader, extensions), 0);
}

struct mip_association *bench_other_association(void)
{
	static uint8_t key[16] = {9, 8, 7};
	struct mip_association_settings settings = {.spi = 2000,
		.algorithm = MIP_ALGORITHM_HMAC_SHA256,
		.replay_tolerance = 7 * MIP_SECOND,
		.key = {.octets = key, .length = sizeof(key)}};
	struct mip_association *association;

	assert_int_equal(mip_association_new(&settings, &association), 0);
	return association;
}

static size_t write_reply(struct bench *bench, const struct bench_request *request,
	const struct bench_reply *reply, uint8_t *octets, size_t size)
{
	struct mip_writer writer = mip_writer_of(octets, size);
	struct mip_registration_reply fixed = {
		.code = reply->code,
		.lifetime = reply->lifetime,
		.home_address = request->fixed.home_address,
		.home_agent = request->fixed.home_agent,
		.identification = request->fixed.identification ^ reply->identification_xor,
	};

	if (!mip_address_is_none(reply->home_address))
		fixed.home_address = reply->home_address;
	if (!mip_address_is_none(reply->home_agent))
		fixed.home_agent = reply->home_agent;
	mip_reply_write(&writer, &fixed);
	if (reply->udp)
		mip_udp_tunnel_reply_write(&writer, &(struct mip_udp_tunnel_reply){.code = reply->udp_code,
							    .keepalive_interval = reply->keepalive});
	if (!mip_address_is_none(reply->redirected) && !reply->redirected_uncovered)
		mip_dynamic_home_agent_write(&writer, MIP_REDIRECTED_HOME_AGENT, reply->redirected);
	if (reply->revocation && !reply->revocation_late)
		mip_revocation_support_write(
			&writer, &(struct mip_revocation_support){true, reply->revocation_timestamp});
	if (!reply->unsigned_reply)
		assert_int_equal(mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION,
					 0, reply->security ? reply->security : bench->home),
			0);
	if (!mip_address_is_none(reply->redirected) && reply->redirected_uncovered)
		mip_dynamic_home_agent_write(&writer, MIP_REDIRECTED_HOME_AGENT, reply->redirected);
	if (reply->forged)
		octets[writer.length - 1] ^= 1;
	if (reply->error)
		mip_extension_write_short(
			&writer, MIP_EXTENSION_FOREIGN_AGENT_ERROR, reply->error_subtype, &reply->error, 1);
	if (reply->challenge)
		mip_extension_write(
			&writer, MIP_EXTENSION_CHALLENGE, reply->challenge, strlen(reply->challenge));
	if (reply->revocation && reply->revocation_late)
		mip_revocation_support_write(
			&writer, &(struct mip_revocation_support){true, reply->revocation_timestamp});
	if (reply->foreign)
		assert_int_equal(mip_authenticator_append(&writer,
					 MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, reply->foreign),
			0);
	assert_false(mip_writer_failed(&writer));
	if (reply->flip > 0)
		octets[(reply->flip - 1) / 8] ^= (uint8_t)(1U << (reply->flip - 1) % 8);
	return writer.length;
}

size_t bench_reply_length(
	struct bench *bench, const struct bench_request *request, const struct bench_reply *reply)
{
	uint8_t octets[512];

	return write_reply(bench, request, reply, octets, sizeof(octets));
}

void bench_reply(struct bench *bench, const struct bench_request *request, const struct bench_reply *reply)
{
	uint8_t octets[512], packet[600];
	size_t length = write_reply(bench, request, reply, octets, sizeof(octets));
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_udp udp = {
		.source_port = request->destination_port, .destination_port = request->source_port};
	struct mip_ip ip = {.ttl = 64,
		.source = mip_address_is_none(reply->source) ? request->destination : reply->source,
		.destination = request->source};

	/* RFC 5944 3.7.2.3, 3.7.3.2: to the home address in the reply, or to everyone when there is none. */
	if (mip_address_is_none(ip.destination))
		ip.destination = mip_address_is_none(reply->home_address) ? mip_address_of(0xffffffff)
									  : reply->home_address;
	mip_udp_packet_write(&writer, &ip, &udp, octets, length);
	give_frame(bench, request->link, bench_link_address(mip_address_number(request->destination)), packet,
		writer.length);
}

void bench_accept(struct bench *bench)
{
	struct bench_request request = bench_last_request(bench);

	bench_reply(bench, &request, &(struct bench_reply){.lifetime = request.fixed.lifetime});
}

void bench_deny(struct bench *bench, uint8_t code)
{
	struct bench_request request = bench_last_request(bench);

	bench_reply(bench, &request,
		&(struct bench_reply){.code = code, .unsigned_reply = code >= 64 && code < 128});
}

/* --- what can be asked ------------------------------------------------------------------------ */

size_t bench_solicitations(const struct bench *bench, mip_link link)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->count; i++) {
		const struct mip_output *output = &bench->outputs[i];
		struct mip_reader reader, payload;
		struct mip_ip ip;

		if (output->kind != MIP_OUTPUT_FRAME || output->frame.link != link)
			continue;
		reader = mip_reader_of(output->octets, output->length);
		count += output->frame.ethertype == MIP_ETHERTYPE_IPV4 &&
			 mip_ip_read(&reader, &ip, &payload) == 0 && ip.ttl == 1 &&
			 ip.protocol == MIP_PROTOCOL_ICMP && mip_solicitation_read(&payload) == 0;
	}
	return count;
}

static bool is_gratuitous_arp(const struct mip_output *output)
{
	struct mip_arp arp;

	return output->kind == MIP_OUTPUT_FRAME && output->frame.ethertype == MIP_ETHERTYPE_ARP &&
	       output->frame.destination.length == 0 &&
	       mip_arp_read(output->octets, output->length, &arp) == 0 &&
	       mip_address_equal(arp.sender, mip_address_of(BENCH_HOME)) &&
	       mip_address_equal(arp.target, arp.sender) &&
	       mip_link_address_equal(arp.sender_link, own_link_address(output->frame.link));
}

size_t bench_gratuitous_arps(const struct bench *bench)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->count; i++)
		count += is_gratuitous_arp(&bench->outputs[i]);
	return count;
}

size_t bench_place_of_gratuitous_arp(const struct bench *bench)
{
	for (size_t i = 0; i < bench->count; i++)
		if (is_gratuitous_arp(&bench->outputs[i]))
			return i;
	fail_msg("no gratuitous ARP");
	return 0;
}

static size_t place_of(const struct bench *bench, enum mip_output_kind kind, const struct mip_want *key)
{
	char text[MIP_WANT_TEXT];

	for (size_t i = 0; i < bench->count; i++)
		if (bench->outputs[i].kind == kind && mip_want_same_key(&bench->outputs[i].want, key))
			return i;
	fail_msg("not %s: %s", kind == MIP_OUTPUT_WANT ? "wanted" : "unwanted", mip_want_text(key, text));
	return 0;
}

size_t bench_place_of_want(const struct bench *bench, const struct mip_want *key)
{
	return place_of(bench, MIP_OUTPUT_WANT, key);
}

size_t bench_place_of_unwant(const struct bench *bench, const struct mip_want *key)
{
	return place_of(bench, MIP_OUTPUT_UNWANT, key);
}

const struct mip_event *bench_event(const struct bench *bench, const char *name, size_t n)
{
	for (size_t i = 0; i < bench->count; i++)
		if (bench->outputs[i].kind == MIP_OUTPUT_EVENT &&
			strcmp(bench->outputs[i].event.name, name) == 0 && n-- == 0)
			return &bench->outputs[i].event;
	return NULL;
}

const struct mip_field *bench_field(const struct mip_event *event, const char *name)
{
	for (size_t i = 0; event && i < event->count; i++)
		if (strcmp(event->fields[i].name, name) == 0)
			return &event->fields[i];
	fail_msg("no field %s", name);
	return NULL;
}

const struct mip_want *bench_kernel(const struct bench *bench, const struct mip_want *key)
{
	for (size_t i = 0; i < bench->kernel_count; i++)
		if (mip_want_same_key(&bench->kernel[i], key))
			return &bench->kernel[i];
	return NULL;
}

bool bench_has_home_on(const struct bench *bench, mip_link link)
{
	for (size_t i = 0; i < bench->kernel_count; i++)
		if (bench->kernel[i].kind == MIP_WANT_ADDRESS && bench->kernel[i].address.link == link)
			return true;
	return false;
}

const struct mip_want_route *bench_way_out(const struct bench *bench)
{
	const struct mip_want *want =
		bench_kernel(bench, &(struct mip_want){.kind = MIP_WANT_ROUTE, .route = {.table = 434}});

	return want ? &want->route : NULL;
}

const struct mip_want_tunnel *bench_tunnel(const struct bench *bench)
{
	for (size_t i = 0; i < bench->kernel_count; i++)
		if (bench->kernel[i].kind == MIP_WANT_TUNNEL)
			return &bench->kernel[i].tunnel;
	return NULL;
}

int bench_setting(const struct bench *bench, mip_link link, enum mip_kernel_setting setting)
{
	const struct mip_want *want = bench_kernel(bench,
		&(struct mip_want){.kind = MIP_WANT_SETTING, .setting = {.link = link, .setting = setting}});

	return want ? want->setting.value : -1;
}

struct mn_status bench_status(const struct bench *bench)
{
	return mn_core_status(bench->core, bench->now);
}

enum mn_state bench_state(const struct bench *bench)
{
	return bench_status(bench).state;
}

uint64_t bench_counter(const struct bench *bench, const char *name)
{
	return counter_value(mn_core_counters(bench->core), name);
}

/* --- usual beginnings ------------------------------------------------------------------------- */

void bench_registered_at_fa1(struct bench *bench)
{
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
}

void bench_registered_at_spot(struct bench *bench)
{
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
}

void bench_home(struct bench *bench)
{
	bench_link(bench, BENCH_ETH, true);
	bench_advertise(bench, &bench_home_agent);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_HOME);
	bench_forget(bench);
}

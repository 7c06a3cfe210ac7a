/*
 * One machine without a shell, spoken to by lines: what it hears, and what it says. tests/judge/misbehave.py is at the
 * other end.
 *
 *   exchange ha|fa|mn
 *
 *   in   new [SETTING=NUMBER…]                                a fresh machine, as below but for that (see settings_known)
 *        frame LINK OCTETS                                    an IPv4 packet off a link, from 02:00:00:00:00:32
 *        datagram LINK SOURCE PORT DESTINATION PORT OCTETS    what came to its UDP socket
 *        icmp DESTINATION PORT TYPE CODE OCTETS               an error about what it sent there
 *        revoke ADDRESS                                       as `mipctl ha revoke` and `fa revoke` do
 *        pass MILLISECONDS                                    time goes by
 *   out  frame LINK OCTETS | datagram SOURCE PORT DESTINATION PORT OCTETS | count NAME NUMBER | state NAME, and then "."
 *
 * The clock says 2023-11-14 22:13:20 UTC at "new". Keys are sixteen octets of one value.
 *
 *   ha  10.1.0.1 on home0 (link 2), and 10.0.1.2 on the uplink (3)
 *         nodes 10.1.0.50 (SPI 1000, 11), 10.1.0.51 (1001, 22, nonces), 10.1.0.52 (1002, 33, keyed-md5),
 *         alice@example.org (1003, 44, from the pool 10.1.0.100 to .101; Mobile-AAA 3000, 77)
 *         foreign agent 10.2.0.1 (2000, 55)
 *   fa  care-of address 10.2.0.1 on visit0 (2), uplink 10.0.2.2 (3); home agent 10.1.0.1 (2000, 55), node 10.1.0.52 (4000, 66)
 *   mn  10.1.0.50 (SPI 1000, 11), home agent 10.1.0.1; wlan0 (2)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "fa_core.h"
#include "ha_core.h"
#include "mn_core.h"

enum {
	OCTETS_MOST = 65536,
	LINE_MOST = 2 * OCTETS_MOST + 256,
	COUNTERS_MOST = 512,
	LINK_NEAR = 2,
	LINK_UP = 3,
	NODE_PORT = 40434,
	KEY = 16,
};

struct exchange;

/* What "new" may change. */
enum setting {
	MAX_BINDINGS,
	SIMULTANEOUS,	/* bindings of a node; 1: code 1 */
	REVERSE_TUNNEL, /* 0 refused, 1 on request, 2 required */
	UDP_TUNNEL,	/* enum ha_udp_tunnel */
	VISITORS,
	PENDING,
	HOME_AGENTS_ONLY,
	GRE,
	REDIRECT,   /* to 10.1.0.2 */
	CHALLENGE,  /* RFC 4721: the foreign agent's */
	REVOCATION, /* RFC 3543: with I, and nodes are to be informed */
	SETTING_COUNT,
};
static const struct {
	const char *name;
	long otherwise;
} settings_known[SETTING_COUNT] = {
	[MAX_BINDINGS] = {"max_bindings", 0},
	[SIMULTANEOUS] = {"simultaneous", 1},
	[REVERSE_TUNNEL] = {"reverse_tunnel", 1},
	[UDP_TUNNEL] = {"udp_tunnel", HA_UDP_TUNNEL_ALLOWED},
	[VISITORS] = {"visitors", 0},
	[PENDING] = {"pending", 100},
	[HOME_AGENTS_ONLY] = {"home_agents_only", 0},
	[GRE] = {"gre", 1},
	[REDIRECT] = {"redirect", 0},
	[CHALLENGE] = {"challenge", 0},
	[REVOCATION] = {"revocation", 0},
};

/* A role's machine behind one face. */
struct role {
	const char *name;
	void (*begin)(struct exchange *exchange);
	void (*end)(struct exchange *exchange);
	void (*frame)(struct exchange *exchange, const struct mip_input_frame *frame);
	void (*datagram)(struct exchange *exchange, const struct mip_input_datagram *datagram);
	void (*icmp)(struct exchange *exchange,
		const struct mip_input_icmp_error *error); /* NULL: has no use for it */
	int (*revoke)(struct exchange *exchange, struct mip_address home_address); /* NULL: does not */
	void (*advance)(struct exchange *exchange);
	mip_time (*deadline)(const struct exchange *exchange);
	struct mip_counter_table (*counters)(const struct exchange *exchange);
	struct mip_outbox *(*outbox)(struct exchange *exchange);
};

struct exchange {
	const struct role *role;
	struct mip_now now;
	long settings[SETTING_COUNT];
	struct ha_core *ha;
	struct fa_core *fa;
	struct mn_core *mn;
	struct mip_outbox fa_outbox;
	struct mip_association *associations[8];
	size_t association_count;
	uint64_t counted[COUNTERS_MOST];
};

static const struct mip_link_address peer_link_address = {6, {2, 0, 0, 0, 0, 0x32}};
static const struct mip_link_address own_link_address = {6, {2, 0, 0, 0, 0, 1}};

static void fill(void *context, void *octets, size_t length)
{
	(void)context;
	memset(octets, 0x5a, length);
}
static const struct mip_random random_source = {.fill = fill};

/* For challenges, of which no two may be the same. */
static void fill_anew(void *context, void *octets, size_t length)
{
	static uint8_t next;

	(void)context;
	memset(octets, ++next, length);
}
static const struct mip_random anew_source = {.fill = fill_anew};

static struct mip_address ip(const char *text)
{
	struct mip_address address = {0};

	if (mip_address_read(text, &address) < 0)
		abort();
	return address;
}

static struct mip_association *associate(struct exchange *exchange, uint32_t spi, uint8_t value,
	enum mip_algorithm algorithm, enum mip_replay_style replay)
{
	uint8_t key[KEY];
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = algorithm, .replay = replay, .key = {key, sizeof(key)}};
	struct mip_association **place = &exchange->associations[exchange->association_count++];

	memset(key, value, sizeof(key));
	if (mip_association_new(&settings, place) < 0)
		abort();
	return *place;
}

static struct mip_association *usual(struct exchange *exchange, uint32_t spi, uint8_t value)
{
	return associate(exchange, spi, value, MIP_ALGORITHM_HMAC_MD5, MIP_REPLAY_TIMESTAMP);
}

static struct mip_input_link link_of(mip_link link, const char *name)
{
	struct mip_input_link input = {
		.link = link, .present = true, .up = true, .link_address = own_link_address, .mtu = 1500};

	snprintf(input.name, sizeof(input.name), "%s", name);
	return input;
}

static struct mip_input_address address_of(mip_link link, const char *text)
{
	return (struct mip_input_address){
		.link = link, .address = ip(text), .prefix_length = 24, .present = true};
}

static struct mip_revocation_settings revocation_of(const struct exchange *exchange)
{
	bool on = exchange->settings[REVOCATION];

	return (struct mip_revocation_settings){
		.enabled = on, .inform_bit = on, .inform = on, .attempts = 5, .most = 100};
}

/* --- the home agent --------------------------------------------------------------------------- */

static void ha_begin(struct exchange *exchange)
{
	static const enum ha_reverse_tunnel reverse_tunnels[] = {
		HA_REVERSE_TUNNEL_REFUSED, HA_REVERSE_TUNNEL_ALLOWED, HA_REVERSE_TUNNEL_REQUIRED};
	const struct ha_network_settings network = {{ip("10.1.0.0"), 24}, "home0"};
	const struct ha_node_settings nodes[] = {
		{.home_address = ip("10.1.0.50"), .association = usual(exchange, 1000, 0x11)},
		{.home_address = ip("10.1.0.51"),
			.association =
				associate(exchange, 1001, 0x22, MIP_ALGORITHM_HMAC_MD5, MIP_REPLAY_NONCE)},
		{.home_address = ip("10.1.0.52"),
			.association = associate(
				exchange, 1002, 0x33, MIP_ALGORITHM_KEYED_MD5, MIP_REPLAY_TIMESTAMP)},
		{.nai = "alice@example.org",
			.association = usual(exchange, 1003, 0x44),
			.aaa = usual(exchange, 3000, 0x77)},
	};
	const struct ha_foreign_agent_settings agent = {ip("10.2.0.1"), usual(exchange, 2000, 0x55)};
	const struct mip_address alternate = ip("10.1.0.2");
	const struct ha_settings settings = {
		.address = ip("10.1.0.1"),
		.networks = &network,
		.network_count = 1,
		.nodes = nodes,
		.node_count = MIP_ARRAY_SIZE(nodes),
		.foreign_agents = &agent,
		.foreign_agent_count = 1,
		.pool_first = ip("10.1.0.100"),
		.pool_last = ip("10.1.0.101"),
		.max_lifetime = 1800,
		.alternates = &alternate,
		.alternate_count = exchange->settings[REDIRECT] ? 1 : 0,
		.max_bindings = (size_t)exchange->settings[MAX_BINDINGS],
		.max_simultaneous_bindings = (size_t)exchange->settings[SIMULTANEOUS],
		.reverse_tunnel = reverse_tunnels[exchange->settings[REVERSE_TUNNEL]],
		.udp_tunnel = (enum ha_udp_tunnel)exchange->settings[UDP_TUNNEL],
		.gre = exchange->settings[GRE],
		.keepalive_interval = 110,
		.revocation = revocation_of(exchange),
		.advertise = {.interval = MIP_SECOND, .lifetime = 3 * MIP_SECOND},
	};
	const struct mip_input_link links[] = {link_of(LINK_NEAR, "home0"), link_of(LINK_UP, "up0")};
	const struct mip_input_address addresses[] = {
		address_of(LINK_NEAR, "10.1.0.1"), address_of(LINK_UP, "10.0.1.2")};

	if (ha_core_new(&settings, &random_source, NULL, &exchange->ha) < 0)
		abort();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(links); i++) {
		ha_core_link(exchange->ha, &links[i], exchange->now);
		ha_core_address(exchange->ha, &addresses[i], exchange->now);
	}
	ha_core_begin(exchange->ha, exchange->now);
}

static void ha_end(struct exchange *exchange)
{
	ha_core_free(exchange->ha);
	exchange->ha = NULL;
}

static void ha_frame(struct exchange *exchange, const struct mip_input_frame *frame)
{
	ha_core_frame(exchange->ha, frame, exchange->now);
}

static void ha_datagram(struct exchange *exchange, const struct mip_input_datagram *datagram)
{
	ha_core_datagram(exchange->ha, datagram, exchange->now);
}

static int ha_revoke(struct exchange *exchange, struct mip_address home_address)
{
	return ha_core_revoke(exchange->ha, home_address, exchange->now);
}

static void ha_advance(struct exchange *exchange)
{
	ha_core_advance(exchange->ha, exchange->now);
}

static mip_time ha_deadline(const struct exchange *exchange)
{
	return ha_core_deadline(exchange->ha);
}

static struct mip_counter_table ha_counters(const struct exchange *exchange)
{
	return ha_core_counters(exchange->ha);
}

static struct mip_outbox *ha_outbox(struct exchange *exchange)
{
	return ha_core_outbox(exchange->ha);
}

/* --- the foreign agent ------------------------------------------------------------------------ */

static void fa_begin(struct exchange *exchange)
{
	const struct fa_core_environment environment = {.outbox = &exchange->fa_outbox,
		.random = exchange->settings[CHALLENGE] ? &anew_source : &random_source};
	const struct fa_link_settings link = {"visit0"};
	const struct fa_home_agent_settings home_agent = {
		.address = ip("10.1.0.1"), .association = usual(exchange, 2000, 0x55)};
	const struct fa_mobile_node_settings nodes[] = {
		{.home_address = ip("10.1.0.52"), .association = usual(exchange, 4000, 0x66)},
		{.home_address = ip("10.1.0.51"), .aaa = usual(exchange, 3000, 0x77)},
	};
	const struct fa_core_settings settings = {
		.care_of_address = ip("10.2.0.1"),
		.links = &link,
		.link_count = 1,
		.registration_lifetime = 1800,
		.reverse_tunnel = exchange->settings[REVERSE_TUNNEL] > 0,
		.reverse_tunnel_required = exchange->settings[REVERSE_TUNNEL] > 1,
		.gre = exchange->settings[GRE],
		.home_agents_only = exchange->settings[HOME_AGENTS_ONLY],
		.visitors_most = (size_t)exchange->settings[VISITORS],
		.advertise_interval = MIP_SECOND,
		.advertise_lifetime = 3 * MIP_SECOND,
		.request_timeout = 7 * MIP_SECOND,
		.pending_most = (size_t)exchange->settings[PENDING],
		.pending_per_node_most = 5,
		.table = 79,
		.rule_priority = 790,
		.home_agents = &home_agent,
		.home_agent_count = 1,
		.mobile_nodes = nodes,
		.mobile_node_count = MIP_ARRAY_SIZE(nodes),
		.challenge = exchange->settings[CHALLENGE],
		.challenge_window = 2,
		.challenges_most = 100,
		.revocation = revocation_of(exchange),
	};
	const struct mip_input_link links[] = {link_of(LINK_NEAR, "visit0"), link_of(LINK_UP, "up0")};
	const struct mip_input_address addresses[] = {
		address_of(LINK_NEAR, "10.2.0.1"), address_of(LINK_UP, "10.0.2.2")};
	const struct mip_input_default_route route = {
		.link = LINK_UP, .gateway = ip("10.0.2.1"), .present = true};

	if (fa_core_new(&environment, &settings, &exchange->fa) < 0)
		abort();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(links); i++) {
		fa_core_link(exchange->fa, &links[i], exchange->now);
		fa_core_address(exchange->fa, &addresses[i], exchange->now);
	}
	fa_core_default_route(exchange->fa, &route, exchange->now);
	fa_core_begin(exchange->fa, exchange->now);
}

static void fa_end(struct exchange *exchange)
{
	fa_core_free(exchange->fa);
	mip_outbox_clear(&exchange->fa_outbox);
	exchange->fa = NULL;
}

static void fa_frame(struct exchange *exchange, const struct mip_input_frame *frame)
{
	fa_core_frame(exchange->fa, frame, exchange->now);
}

static void fa_datagram(struct exchange *exchange, const struct mip_input_datagram *datagram)
{
	fa_core_datagram(exchange->fa, datagram, exchange->now);
}

static int fa_revoke(struct exchange *exchange, struct mip_address home_address)
{
	return fa_core_revoke(exchange->fa, home_address, exchange->now);
}

static void fa_icmp(struct exchange *exchange, const struct mip_input_icmp_error *error)
{
	fa_core_icmp_error(exchange->fa, error, exchange->now);
}

static void fa_advance(struct exchange *exchange)
{
	fa_core_advance(exchange->fa, exchange->now);
}

static mip_time fa_deadline(const struct exchange *exchange)
{
	return fa_core_deadline(exchange->fa);
}

static struct mip_counter_table fa_counters(const struct exchange *exchange)
{
	return fa_core_counters(exchange->fa);
}

static struct mip_outbox *fa_outbox(struct exchange *exchange)
{
	return &exchange->fa_outbox;
}

/* --- the mobile node -------------------------------------------------------------------------- */

static void mn_begin(struct exchange *exchange)
{
	struct mn_interface_settings interface = {.name = "wlan0", .priority = 10};
	const struct mn_settings settings = {
		.home_address = ip("10.1.0.50"),
		.home_prefix = mip_prefix_of(ip("10.1.0.0"), 24),
		.home_agent = ip("10.1.0.1"),
		.interfaces = &interface,
		.interface_count = 1,
		.reverse_tunnel = true,
		.nat_traversal = true,
		.lifetime = 600,
		.agent_wait = 50 * MIP_MILLISECOND,
		.keepalive_interval = 110 * MIP_SECOND,
		.grace = 3 * MIP_SECOND,
		.rule_priority = 1000,
		.routing_table = 434,
		.home = usual(exchange, 1000, 0x11),
	};
	const struct mip_input_link link = link_of(LINK_NEAR, "wlan0");

	if (mn_core_new(&settings, &random_source, NULL, &exchange->mn) < 0)
		abort();
	mn_core_udp_port(exchange->mn, NODE_PORT);
	mn_core_link(exchange->mn, &link, exchange->now);
	mn_core_begin(exchange->mn, exchange->now);
}

static void mn_end(struct exchange *exchange)
{
	mn_core_free(exchange->mn);
	exchange->mn = NULL;
}

static void mn_frame(struct exchange *exchange, const struct mip_input_frame *frame)
{
	mn_core_frame(exchange->mn, frame, exchange->now);
}

static void mn_datagram(struct exchange *exchange, const struct mip_input_datagram *datagram)
{
	mn_core_datagram(exchange->mn, datagram, exchange->now);
}

static void mn_advance(struct exchange *exchange)
{
	mn_core_advance(exchange->mn, exchange->now);
}

static mip_time mn_deadline(const struct exchange *exchange)
{
	return mn_core_deadline(exchange->mn);
}

static struct mip_counter_table mn_counters(const struct exchange *exchange)
{
	return mn_core_counters(exchange->mn);
}

static struct mip_outbox *mn_outbox(struct exchange *exchange)
{
	return mn_core_outbox(exchange->mn);
}

static const struct role roles[] = {
	{"ha", ha_begin, ha_end, ha_frame, ha_datagram, NULL, ha_revoke, ha_advance, ha_deadline, ha_counters,
		ha_outbox},
	{"fa", fa_begin, fa_end, fa_frame, fa_datagram, fa_icmp, fa_revoke, fa_advance, fa_deadline,
		fa_counters, fa_outbox},
	{"mn", mn_begin, mn_end, mn_frame, mn_datagram, NULL, NULL, mn_advance, mn_deadline, mn_counters,
		mn_outbox},
};

/* --- what it says ----------------------------------------------------------------------------- */

static void print_octets(const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		printf("%02x", octets[i]);
	printf("\n");
}

static void print_output(const struct mip_output *output)
{
	char source[MIP_ADDRESS_TEXT], destination[MIP_ADDRESS_TEXT];

	if (output->kind == MIP_OUTPUT_FRAME && output->frame.ethertype == MIP_ETHERTYPE_IPV4) {
		printf("frame %d ", output->frame.link);
		print_octets(output->octets, output->length);
	} else if (output->kind == MIP_OUTPUT_DATAGRAM) {
		printf("datagram %s %u %s %u ", mip_address_text(output->datagram.source, source),
			output->datagram.source_port,
			mip_address_text(output->datagram.destination, destination),
			output->datagram.destination_port);
		print_octets(output->octets, output->length);
	}
}

static void print_counters(struct exchange *exchange)
{
	struct mip_counter_table table = exchange->role->counters(exchange);

	for (size_t i = 0; i < table.count && i < COUNTERS_MOST; i++) {
		if (table.values[i] != exchange->counted[i])
			printf("count %s %" PRIu64 "\n", table.names[i].name,
				table.values[i] - exchange->counted[i]);
		exchange->counted[i] = table.values[i];
	}
}

static void say(struct exchange *exchange)
{
	struct mip_output output;

	while (mip_outbox_take(exchange->role->outbox(exchange), &output)) {
		print_output(&output);
		mip_output_clear(&output);
	}
	print_counters(exchange);
	if (exchange->mn)
		printf("state %s\n", mip_name_of(mn_state_names,
					     (int)mn_core_status(exchange->mn, exchange->now).state, "?"));
	printf(".\n");
	fflush(stdout);
}

/* --- what it hears ---------------------------------------------------------------------------- */

static void end(struct exchange *exchange)
{
	if (exchange->ha || exchange->fa || exchange->mn)
		exchange->role->end(exchange);
	while (exchange->association_count > 0)
		mip_association_unref(exchange->associations[--exchange->association_count]);
}

static void read_settings(struct exchange *exchange, const char *line)
{
	char name[32];
	long value;
	int length;

	for (size_t i = 0; i < SETTING_COUNT; i++)
		exchange->settings[i] = settings_known[i].otherwise;
	for (; sscanf(line, " %31[a-z_]=%ld%n", name, &value, &length) == 2; line += length)
		for (size_t i = 0; i < SETTING_COUNT; i++)
			if (strcmp(name, settings_known[i].name) == 0)
				exchange->settings[i] = value;
}

static void begin(struct exchange *exchange, const char *line)
{
	end(exchange);
	read_settings(exchange, line);
	memset(exchange->counted, 0, sizeof(exchange->counted));
	exchange->now = (struct mip_now){.boot = 1000 * MIP_SECOND, .wall = 1700000000 * MIP_SECOND};
	exchange->role->begin(exchange);
}

static void pass(struct exchange *exchange, mip_time duration)
{
	mip_time until = exchange->now.boot + duration, next;

	while ((next = exchange->role->deadline(exchange)) <= until) {
		next = next > exchange->now.boot ? next : exchange->now.boot;
		exchange->now.wall += next - exchange->now.boot;
		exchange->now.boot = next;
		exchange->role->advance(exchange);
	}
	exchange->now.wall += until - exchange->now.boot;
	exchange->now.boot = until;
}

static size_t octets_of(const char *hex, uint8_t *octets)
{
	size_t length = 0;
	unsigned octet;

	for (; length < OCTETS_MOST && sscanf(hex, "%2x", &octet) == 1; hex += 2)
		octets[length++] = (uint8_t)octet;
	return length;
}

static void hear_frame(struct exchange *exchange, const char *line)
{
	static uint8_t octets[OCTETS_MOST];
	struct mip_input_frame frame = {.source = peer_link_address,
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = octets};
	int place = 0;

	if (sscanf(line, "%d %n", &frame.link, &place) != 1)
		abort();
	frame.length = octets_of(line + place, octets);
	exchange->role->frame(exchange, &frame);
}

static void hear_datagram(struct exchange *exchange, const char *line)
{
	static uint8_t octets[OCTETS_MOST];
	char source[MIP_ADDRESS_TEXT], destination[MIP_ADDRESS_TEXT];
	struct mip_input_datagram datagram = {.octets = octets, .ttl = 64};
	int place = 0;

	if (sscanf(line, "%d %15s %hu %15s %hu %n", &datagram.link, source, &datagram.source_port,
		    destination, &datagram.destination_port, &place) != 5)
		abort();
	datagram.source = ip(source);
	datagram.destination = ip(destination);
	datagram.length = octets_of(line + place, octets);
	exchange->role->datagram(exchange, &datagram);
}

static void hear_icmp(struct exchange *exchange, const char *line)
{
	static uint8_t octets[OCTETS_MOST];
	char destination[MIP_ADDRESS_TEXT];
	struct mip_input_icmp_error error = {.octets = octets};
	int place = 0;

	if (!exchange->role->icmp || sscanf(line, "%15s %hu %hhu %hhu %n", destination,
					     &error.destination_port, &error.type, &error.code, &place) != 4)
		abort();
	error.destination = ip(destination);
	error.length = octets_of(line + place, octets);
	exchange->role->icmp(exchange, &error);
}

static void revoke(struct exchange *exchange, const char *line)
{
	char home_address[MIP_ADDRESS_TEXT];

	if (!exchange->role->revoke || sscanf(line, "%15s", home_address) != 1 ||
		exchange->role->revoke(exchange, ip(home_address)) < 0)
		abort();
}

static void hear(struct exchange *exchange, const char *line)
{
	long milliseconds;

	if (strncmp(line, "new", 3) == 0)
		begin(exchange, line + 3);
	else if (strncmp(line, "frame ", 6) == 0)
		hear_frame(exchange, line + 6);
	else if (strncmp(line, "datagram ", 9) == 0)
		hear_datagram(exchange, line + 9);
	else if (strncmp(line, "icmp ", 5) == 0)
		hear_icmp(exchange, line + 5);
	else if (strncmp(line, "revoke ", 7) == 0)
		revoke(exchange, line + 7);
	else if (sscanf(line, "pass %ld", &milliseconds) == 1)
		pass(exchange, milliseconds * MIP_MILLISECOND);
	else
		abort();
	say(exchange);
}

int main(int argc, char **argv)
{
	static char line[LINE_MOST];
	struct exchange exchange = {0};

	for (size_t i = 0; argc == 2 && i < MIP_ARRAY_SIZE(roles); i++)
		if (strcmp(argv[1], roles[i].name) == 0)
			exchange.role = &roles[i];
	if (!exchange.role) {
		fprintf(stderr, "usage: exchange ha|fa|mn\n");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin))
		hear(&exchange, line);
	end(&exchange);
	return 0;
}

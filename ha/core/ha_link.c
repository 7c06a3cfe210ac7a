/*
 * The home links: found by name as the host's links come and go, made fit for proxy ARP, advertised on. And
 * the host's own addresses, which tell whether a message is for this home agent at all.
 *
 *              the link appears                   it is up and has an address
 *     absent ───────────────────────> attached ──────────────────────────────> advertising
 *        ^   settings and groups are      │  ^                                     │
 *        │   wanted                       │  └─────────────────────────────────────┘ it is down
 *        └────────────────────────────────┘ it is gone
 *
 * When a link comes up, what was said on it before may be lost: all bindings of its networks are announced
 * again.
 */
#include "ha_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALL_ROUTERS = 0xe0000002,	  /* 224.0.0.2, RFC 1256 4.3 */
	ALL_MOBILITY_AGENTS = 0xe000000b, /* 224.0.0.11, RFC 5944 2.3 */
};

/* --- the host's addresses --------------------------------------------------------------------- */

static struct ha_address *find_address(const struct ha_core *core, mip_link link, struct mip_address address)
{
	for (size_t i = 0; i < core->address_count; i++) {
		if (core->addresses[i].link == link && mip_address_equal(core->addresses[i].address, address))
			return &core->addresses[i];
	}
	return NULL;
}

static struct ha_address *add_address(struct ha_core *core)
{
	size_t size = core->address_size ? 2 * core->address_size : 8;
	struct ha_address *addresses;

	if (core->address_count == core->address_size) {
		addresses = reallocarray(core->addresses, size, sizeof(*addresses));
		if (!addresses)
			return NULL;
		core->addresses = addresses;
		core->address_size = size;
	}
	return &core->addresses[core->address_count++];
}

bool ha_is_own_address(const struct ha_core *core, struct mip_address address)
{
	/* The configured one may be on the loopback interface, whose addresses are not told. */
	if (mip_address_equal(address, core->settings.address))
		return true;
	for (size_t i = 0; i < core->address_count; i++) {
		if (mip_address_equal(core->addresses[i].address, address))
			return true;
	}
	return false;
}

bool ha_is_home_broadcast(const struct ha_core *core, struct mip_address address)
{
	/* 3.8.2.1: be prepared for both the subnet-directed broadcast address and 255.255.255.255. */
	if (mip_address_is_broadcast(address))
		return true;
	for (size_t i = 0; i < core->tables.network_count; i++) {
		struct mip_prefix prefix = core->tables.networks[i].prefix;

		if (prefix.length < 31 && mip_address_equal(address, mip_prefix_broadcast(prefix)))
			return true;
	}
	return false;
}

/* --- advertisements --------------------------------------------------------------------------- */

/* How well an address speaks for the home agent on its own link: in a home network, and the configured one.
 */
static int rank(const struct ha_core *core, const struct ha_home_link *home_link, struct mip_address address)
{
	const struct ha_network *network = ha_network_of(&core->tables, address);
	int in_network = network && network->home_link == home_link ? 2 : 0;

	return in_network + (mip_address_equal(address, core->settings.address) ? 1 : 0);
}

/* The address that the advertisements on this link come from. */
static struct ha_address own_address_on(const struct ha_core *core, const struct ha_home_link *home_link)
{
	struct ha_address best = {.address = core->settings.address};
	int best_rank = -1;

	for (size_t i = 0; i < core->address_count; i++) {
		const struct ha_address *candidate = &core->addresses[i];

		if (candidate->link != home_link->link ||
			rank(core, home_link, candidate->address) <= best_rank)
			continue;
		best = *candidate;
		best_rank = rank(core, home_link, candidate->address);
	}
	return best;
}

static struct mip_advertiser_settings describe(
	const struct ha_core *core, const struct ha_home_link *home_link)
{
	const struct ha_advertise_settings *advertise = &core->settings.advertise;
	struct ha_address own = own_address_on(core, home_link);
	const struct ha_network *network = ha_network_of(&core->tables, own.address);
	struct mip_advertiser_settings settings = {
		.address = own.address,
		.registration_lifetime = core->settings.max_lifetime,
		/* rfc5944-2.3-6: advertisements sent by the home agent on this link MUST have the 'H' bit
		 * set. U is for foreign agents behind a NAT (rfc3519-3.4-2). rfc5944-2.1.1-3: a home agent
		 * MUST always be prepared to serve its mobile nodes: it has no 'B'. */
		.flags = MIP_AGENT_H,
		.interval = advertise->interval,
		.lifetime = advertise->lifetime,
		.unicasts = advertise->solicited,
		.solicited_only = advertise->solicited_only,
		.broadcast = advertise->broadcast,
	};

	/* RFC 3024 3.1: the agent offers reverse tunnelling service. */
	if (core->settings.reverse_tunnel != HA_REVERSE_TUNNEL_REFUSED)
		settings.flags |= MIP_AGENT_T;
	/* RFC 5944 2.1.1: the agent implements receiving tunnelled datagrams that use these. */
	if (core->settings.gre)
		settings.flags |= MIP_AGENT_G;
	if (core->settings.minimal)
		settings.flags |= MIP_AGENT_M;
	/* RFC 3543 3.1: the agent supports Registration Revocation. */
	if (core->settings.revocation.enabled)
		settings.flags |= MIP_AGENT_X;
	if (network && network->home_link == home_link) {
		settings.advertise_router = true;
		/* rfc5944-2.3-8: on a subnet either all mobility agents MUST include the Prefix-Lengths
		 * Extension or all of them MUST NOT. */
		settings.prefix_length = advertise->prefix_lengths ? network->prefix.length : 0;
	}
	return settings;
}

static bool same_settings(const struct mip_advertiser_settings *a, const struct mip_advertiser_settings *b)
{
	return mip_address_equal(a->address, b->address) && a->prefix_length == b->prefix_length &&
	       a->advertise_router == b->advertise_router && a->flags == b->flags &&
	       a->registration_lifetime == b->registration_lifetime && a->interval == b->interval &&
	       a->lifetime == b->lifetime && a->solicited_only == b->solicited_only &&
	       a->broadcast == b->broadcast && a->unicasts == b->unicasts;
}

/* rfc5944-2.3-7: advertisements on another link MUST NOT have the 'H' bit set: there are none there,
 * only home links have an advertiser. */
static void update_advertiser(struct ha_core *core, struct ha_home_link *home_link, struct mip_now now)
{
	struct mip_advertiser *advertiser = &home_link->advertiser;
	struct mip_advertiser_settings settings = describe(core, home_link);
	bool same = same_settings(&advertiser->settings, &settings);

	if (!core->begun)
		return;
	if (!core->settings.advertise.enabled || !home_link->up) {
		mip_advertiser_stop(advertiser, false, now);
		return;
	}
	if (advertiser->running && same && advertiser->link == home_link->link)
		return;
	if (mip_advertiser_configure(advertiser, &settings) == 0)
		mip_advertiser_start(advertiser, home_link->link, now);
}

/* --- kernel state of a home link -------------------------------------------------------------- */

static void tell(struct ha_core *core, bool wanted, const struct mip_want *want)
{
	if (wanted)
		mip_outbox_want(&core->outbox, want);
	else
		mip_outbox_unwant(&core->outbox, want);
}

static void tell_setting(
	struct ha_core *core, bool wanted, mip_link link, enum mip_kernel_setting setting, int value)
{
	struct mip_want want = {.kind = MIP_WANT_SETTING, .setting = {link, setting, value}};

	tell(core, wanted, &want);
}

static void tell_group(struct ha_core *core, bool wanted, mip_link link, uint32_t group)
{
	struct mip_want want = {.kind = MIP_WANT_GROUP, .group = {link, mip_address_of(group)}};

	tell(core, wanted, &want);
}

/* What makes the link fit: packets for away nodes are attracted without delay, packets of theirs come out of
 * the tunnel with sources that the routing expects elsewhere. */
static void tell_link(struct ha_core *core, bool wanted, mip_link link)
{
	tell_setting(core, wanted, link, MIP_SETTING_FORWARDING, 1);
	tell_setting(core, wanted, link, MIP_SETTING_RP_FILTER, 2);
	tell_setting(core, wanted, link, MIP_SETTING_SEND_REDIRECTS, 0);
	tell_setting(core, wanted, link, MIP_SETTING_PROXY_DELAY, 0);
	tell_group(core, wanted, link, ALL_ROUTERS);
	/* rfc5944-2.3-3: MUST process packets addressed to the Mobile-Agents multicast group. */
	tell_group(core, wanted, link, ALL_MOBILITY_AGENTS);
}

static void detach(struct ha_core *core, struct ha_home_link *home_link, struct mip_now now)
{
	if (home_link->link == MIP_LINK_NONE)
		return;
	mip_advertiser_stop(&home_link->advertiser, false, now);
	ha_announce_stop_link(core, home_link);
	ha_group_detach(core, home_link);
	if (core->begun) {
		ha_binding_forget_proxies(core, home_link->link);
		tell_link(core, false, home_link->link);
	}
	home_link->link = MIP_LINK_NONE;
	home_link->up = false;
}

static void attach(struct ha_core *core, struct ha_home_link *home_link, const struct mip_input_link *link)
{
	home_link->link = link->link;
	if (core->begun)
		tell_link(core, true, home_link->link);
}

/* --- inputs ----------------------------------------------------------------------------------- */

struct ha_home_link *ha_home_link_at(const struct ha_core *core, mip_link link)
{
	struct ha_home_link *home_link;

	for (home_link = core->home_links; home_link; home_link = home_link->next) {
		if (link != MIP_LINK_NONE && home_link->link == link)
			return home_link;
	}
	return NULL;
}

static struct ha_home_link *find_by_name(const struct ha_core *core, const char *name)
{
	struct ha_home_link *home_link;

	for (home_link = core->home_links; home_link; home_link = home_link->next) {
		if (strncmp(home_link->name, name, MIP_LINK_NAME) == 0)
			return home_link;
	}
	return NULL;
}

void ha_core_link(struct ha_core *core, const struct mip_input_link *link, struct mip_now now)
{
	struct ha_home_link *home_link = find_by_name(core, link->name);
	struct ha_home_link *attached = ha_home_link_at(core, link->link);
	bool was_up;

	/* Gone, renamed, or another link under the name. */
	if (attached && (attached != home_link || !link->present))
		detach(core, attached, now);
	if (!home_link || !link->present)
		return;
	if (home_link->link != link->link) {
		detach(core, home_link, now);
		attach(core, home_link, link);
	}
	was_up = home_link->up && mip_link_address_equal(home_link->link_address, link->link_address);
	home_link->up = link->up;
	home_link->link_address = link->link_address;
	update_advertiser(core, home_link, now);
	if (core->begun && home_link->up && !was_up)
		ha_binding_refresh_network(core, home_link, now);
}

void ha_core_address(struct ha_core *core, const struct mip_input_address *address, struct mip_now now)
{
	struct ha_address *known = find_address(core, address->link, address->address);
	struct ha_home_link *home_link = ha_home_link_at(core, address->link);

	if (!address->present) {
		if (known)
			*known = core->addresses[--core->address_count];
	} else {
		if (!known)
			known = add_address(core);
		if (!known)
			return;
		*known = (struct ha_address){address->link, address->address, address->prefix_length};
	}
	if (home_link)
		update_advertiser(core, home_link, now);
}

void ha_links_begin(struct ha_core *core, struct mip_now now)
{
	struct ha_home_link *home_link;

	tell_setting(core, true, MIP_LINK_NONE, MIP_SETTING_FORWARDING, 1);
	tell_setting(core, true, MIP_LINK_TUNNEL, MIP_SETTING_FORWARDING, 1);
	tell_setting(core, true, MIP_LINK_TUNNEL, MIP_SETTING_RP_FILTER, 2);
	tell_setting(core, true, MIP_LINK_TUNNEL, MIP_SETTING_SEND_REDIRECTS, 0);
	for (home_link = core->home_links; home_link; home_link = home_link->next) {
		if (home_link->link == MIP_LINK_NONE)
			continue;
		tell_link(core, true, home_link->link);
		update_advertiser(core, home_link, now);
	}
}

/* --- configuration ---------------------------------------------------------------------------- */

static struct ha_home_link *new_home_link(struct ha_core *core, const char *name)
{
	struct ha_home_link *home_link = calloc(1, sizeof(*home_link));
	struct mip_advertiser_environment environment = {
		.outbox = &core->outbox,
		.deadlines = &core->deadlines,
		.deadline_kind = HA_DEADLINE_ADVERTISER,
		.random = &core->random,
		.advertisements_sent = &core->counters[HA_COUNTER_ADVERTISEMENTS_SENT],
		.solicitations_received = &core->counters[HA_COUNTER_SOLICITATIONS_RECEIVED],
		.solicitations_limited = &core->counters[HA_COUNTER_SOLICITATIONS_LIMITED],
	};

	if (!home_link)
		return NULL;
	memcpy(home_link->name, name, MIP_LINK_NAME);
	mip_advertiser_init(&home_link->advertiser, &environment);
	home_link->next = core->home_links;
	core->home_links = home_link;
	return home_link;
}

static bool is_used(const struct ha_tables *tables, const struct ha_home_link *home_link)
{
	for (size_t i = 0; i < tables->network_count; i++) {
		if (tables->networks[i].home_link == home_link)
			return true;
	}
	return false;
}

static void free_home_link(struct ha_core *core, struct ha_home_link *home_link)
{
	/* Until they are swapped, the old tables are asked for the links of bindings. */
	for (size_t i = 0; i < core->tables.network_count; i++) {
		if (core->tables.networks[i].home_link == home_link)
			core->tables.networks[i].home_link = NULL;
	}
	mip_advertiser_clear(&home_link->advertiser);
	free(home_link);
}

static void drop_unused(struct ha_core *core, const struct ha_tables *tables, struct mip_now now)
{
	struct ha_home_link **place = &core->home_links;

	while (*place) {
		struct ha_home_link *home_link = *place;

		if (is_used(tables, home_link)) {
			place = &home_link->next;
			continue;
		}
		detach(core, home_link, now);
		*place = home_link->next;
		free_home_link(core, home_link);
	}
}

int ha_links_configure(struct ha_core *core, struct ha_tables *tables, struct mip_now now)
{
	int status = 0;

	for (size_t i = 0; i < tables->network_count && status == 0; i++) {
		struct ha_network *network = &tables->networks[i];

		if (network->interface[0] == '\0')
			continue;
		network->home_link = find_by_name(core, network->interface);
		if (!network->home_link)
			network->home_link = new_home_link(core, network->interface);
		if (!network->home_link)
			status = -ENOMEM;
	}
	/* Without memory the old networks stay, and with them the links that they use. */
	drop_unused(core, status == 0 ? tables : &core->tables, now);
	return status;
}

void ha_links_reconfigured(struct ha_core *core, struct mip_now now)
{
	struct ha_home_link *home_link;

	for (home_link = core->home_links; home_link; home_link = home_link->next) {
		if (home_link->link != MIP_LINK_NONE)
			update_advertiser(core, home_link, now);
	}
}

void ha_links_clear(struct ha_core *core)
{
	while (core->home_links) {
		struct ha_home_link *home_link = core->home_links;

		core->home_links = home_link->next;
		mip_advertiser_clear(&home_link->advertiser);
		free(home_link);
	}
	free(core->addresses);
	core->addresses = NULL;
	core->address_count = core->address_size = 0;
}

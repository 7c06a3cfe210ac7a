/*
 * The visited links: what the kernel must be like on them, and what is advertised there.
 *
 * A link is known by its name; the index that it has now comes and goes with the interface. While it is there
 * its settings and multicast groups are wanted; while it is up it is advertised on. The advertiser lives as
 * long as the link is named in the settings, so that its sequence numbers go on (RFC 5944 2.3.2).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fa_private.h"

enum {
	ALL_ROUTERS = 0xe0000002,	  /* 224.0.0.2 */
	ALL_MOBILITY_AGENTS = 0xe000000b, /* 224.0.0.11 */
	RP_FILTER_LOOSE = 2,
	RP_FILTER_OFF = 0,
};

static void want(struct fa_core *core, const struct mip_want *item, bool wanted)
{
	if (wanted)
		mip_outbox_want(core->environment.outbox, item);
	else
		mip_outbox_unwant(core->environment.outbox, item);
}

static void want_setting(
	struct fa_core *core, mip_link link, enum mip_kernel_setting setting, int value, bool wanted)
{
	struct mip_want item = {
		.kind = MIP_WANT_SETTING,
		.setting = {.link = link, .setting = setting, .value = value},
	};

	want(core, &item, wanted);
}

static void want_group(struct fa_core *core, mip_link link, uint32_t group, bool wanted)
{
	struct mip_want item = {
		.kind = MIP_WANT_GROUP,
		.group = {.link = link, .address = mip_address_of(group)},
	};

	want(core, &item, wanted);
}

static void want_link(struct fa_core *core, mip_link link, bool wanted)
{
	/* A visitor's packets have a source that the routing would look for elsewhere. */
	want_setting(core, link, MIP_SETTING_RP_FILTER, RP_FILTER_LOOSE, wanted);
	want_setting(core, link, MIP_SETTING_FORWARDING, 1, wanted);
	/* A visitor must not be told to send to another router: it has no address to reach it with. */
	want_setting(core, link, MIP_SETTING_SEND_REDIRECTS, 0, wanted);
	/* RFC 1256 4.3: the router joins 224.0.0.2; rfc5944-2.3-3: agents MUST process packets to 224.0.0.11.
	 */
	want_group(core, link, ALL_ROUTERS, wanted);
	want_group(core, link, ALL_MOBILITY_AGENTS, wanted);
}

static void prepare(struct fa_core *core, struct fa_link *link, mip_link index)
{
	if (link->prepared_index == index)
		return;
	if (link->prepared_index != MIP_LINK_NONE)
		want_link(core, link->prepared_index, false);
	link->prepared_index = index;
	if (index != MIP_LINK_NONE)
		want_link(core, index, true);
}

struct fa_link *fa_link_find(struct fa_core *core, mip_link index)
{
	struct fa_link *link;

	HASH_FIND(hh_index, core->links_by_index, &index, sizeof(index), link);
	return link;
}

static struct fa_link *link_by_name(struct fa_core *core, const char *name)
{
	struct fa_link *link;

	HASH_FIND_STR(core->links, name, link);
	return link;
}

bool fa_address_is_assigned(const struct fa_core *core, struct mip_address address)
{
	struct fa_own_address *own, *next;

	HASH_ITER (hh, core->own_addresses, own, next) {
		if (mip_address_equal(own->key.address, address))
			return true;
	}
	return false;
}

bool fa_address_is_own(const struct fa_core *core, struct mip_address address)
{
	return mip_address_equal(address, core->settings.values.care_of_address) ||
	       fa_address_is_assigned(core, address);
}

bool fa_address_is_needed(const struct fa_core *core, struct mip_address address)
{
	struct fa_default_route *route, *next;

	HASH_ITER (hh, core->default_routes, route, next) {
		if (mip_address_equal(route->key.gateway, address))
			return true;
	}
	return fa_home_agent_is_named(&core->settings, address);
}

static const struct fa_own_address *first_address(const struct fa_core *core, mip_link index)
{
	struct fa_own_address *own, *next;

	HASH_ITER (hh, core->own_addresses, own, next) {
		if (own->key.link == index)
			return own;
	}
	return NULL;
}

struct mip_address fa_link_address(const struct fa_core *core, const struct fa_link *link)
{
	const struct fa_own_address *own = first_address(core, link->index);

	return own ? own->key.address : core->settings.values.care_of_address;
}

bool fa_link_leads_to(const struct fa_core *core, const struct fa_link *link, struct mip_address address)
{
	struct fa_own_address *own, *next;
	struct fa_default_route *route, *next_route;
	bool elsewhere = false;

	HASH_ITER (hh, core->own_addresses, own, next) {
		if (!mip_prefix_contains(mip_prefix_of(own->key.address, own->prefix_length), address))
			continue;
		if (own->key.link == link->index)
			return true;
		elsewhere = true;
	}
	if (elsewhere)
		return false;
	HASH_ITER (hh, core->default_routes, route, next_route) {
		if (route->key.link == link->index)
			return true;
	}
	return false;
}

static uint16_t flags(const struct fa_core *core)
{
	const struct fa_core_settings *settings = &core->settings.values;
	uint16_t value = MIP_AGENT_F;

	/* RFC 5944 2.1.1: 'R' registration required; 'B' will not accept additional nodes; 'T' reverse
	 * tunnelling; 'M' and 'G' receives tunnelled datagrams in minimal encapsulation and GRE.
	 * rfc3519-3.4-1, -2: U SHOULD be set by an agent behind a NAT, and MUST NOT be by others. */
	if (settings->behind_nat)
		value |= MIP_AGENT_U;
	/* rfc3543-4.3.1-1: "If the foreign agent wishes to be able to revoke a mobile node's registration, it
	 * MUST set the 'R' bit in its agent advertisements." */
	if (settings->registration_required || settings->revocation.enabled)
		value |= MIP_AGENT_R;
	/* rfc3543-4.2-1: "currently supporting registration revocation on a link MUST set the 'X' bit". */
	/* rfc3543-3.1-1: who sets it "MUST support registration revocation messages on that link": fa_revocation.c. */
	if (settings->revocation.enabled)
		value |= MIP_AGENT_X;
	if (fa_visitors_are_full(core))
		value |= MIP_AGENT_B;
	/* rfc3024-3.1-1: "A foreign agent that sets the 'T' bit MUST support the Direct Delivery …" */
	if (settings->reverse_tunnel)
		value |= MIP_AGENT_T;
	if (settings->minimal)
		value |= MIP_AGENT_M;
	if (settings->gre)
		value |= MIP_AGENT_G;
	return value;
}

static void configure_advertiser(struct fa_core *core, struct fa_link *link)
{
	const struct fa_core_settings *settings = &core->settings.values;
	const struct fa_own_address *own = first_address(core, link->index);
	struct mip_advertiser_settings values = {
		.address = fa_link_address(core, link),
		/* rfc5944-2.3-8: either all agents of a subnet MUST include the Prefix-Lengths Extension,
		 * or all MUST NOT. rfc5944-AppD-1: SHOULD NOT be included where the same prefix is no
		 * promise of the same coverage. */
		.prefix_length = settings->advertise_prefix && own ? own->prefix_length : 0,
		/* A router address only if it is on this link. */
		.advertise_router = own != NULL,
		.flags = flags(core),
		.registration_lifetime = settings->registration_lifetime,
		.care_of_address_count = 1,
		.care_of_addresses = {settings->care_of_address},
		.interval = settings->advertise_interval,
		.lifetime = settings->advertise_lifetime,
		.unicasts = settings->limits.solicited,
		.solicited_only = settings->advertise_solicited_only,
		.broadcast = settings->advertise_broadcast,
	};

	(void)mip_advertiser_configure(&link->advertiser, &values);
}

/* Advertises if the link lets us, from the address that it has now. rfc5944-3.7-1: SHOULD also send
 * periodic Agent Advertisement messages. */
static void update(struct fa_core *core, struct fa_link *link, struct mip_now now)
{
	struct mip_address before = link->advertiser.settings.address;

	configure_advertiser(core, link);
	if (!core->begun || !link->up || link->index == MIP_LINK_NONE) {
		mip_advertiser_stop(&link->advertiser, false, now);
		return;
	}
	if (!link->advertiser.running || link->advertiser.link != link->index ||
		!mip_address_equal(before, link->advertiser.settings.address))
		mip_advertiser_start(&link->advertiser, link->index, now);
}

void fa_links_advertise(struct fa_core *core)
{
	struct fa_link *link, *next;

	HASH_ITER (hh, core->links, link, next)
		configure_advertiser(core, link);
}

static void unhash_index(struct fa_core *core, struct fa_link *link)
{
	/* There is no table if it has no index, or if there was no memory for the entry. */
	if (link->hh_index.tbl)
		HASH_DELETE(hh_index, core->links_by_index, link);
	memset(&link->hh_index, 0, sizeof(link->hh_index));
}

static void set_index(struct fa_core *core, struct fa_link *link, mip_link index)
{
	/* One that found no memory for its entry is entered when it is told again. */
	if (link->index == index && (index == MIP_LINK_NONE || link->hh_index.tbl))
		return;
	unhash_index(core, link);
	link->index = index;
	if (index != MIP_LINK_NONE)
		HASH_ADD(hh_index, core->links_by_index, index, sizeof(link->index), link);
	prepare(core, link, index);
	if (index != MIP_LINK_NONE)
		fa_visitor_refresh_link(core, link);
}

static struct fa_link *link_new(struct fa_core *core, const char *name)
{
	struct mip_advertiser_environment environment = {
		.outbox = core->environment.outbox,
		.deadlines = &core->deadlines,
		.deadline_kind = FA_DEADLINE_ADVERTISER,
		.random = core->environment.random,
		.advertisements_sent = &core->counters[FA_COUNT_ADVERTISEMENTS_SENT],
		.solicitations_received = &core->counters[FA_COUNT_SOLICITATIONS_RECEIVED],
		.solicitations_limited = &core->counters[FA_COUNT_SOLICITATIONS_LIMITED],
		.challenge = fa_challenge_for_advertisement,
	};
	struct fa_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->core = core;
	environment.challenge_context = link;
	memcpy(link->name, name, strnlen(name, sizeof(link->name) - 1));
	mip_advertiser_init(&link->advertiser, &environment);
	HASH_ADD_STR(core->links, name, link);
	if (!link->hh.tbl) {
		free(link);
		return NULL;
	}
	return link;
}

static void link_free(struct fa_core *core, struct fa_link *link)
{
	unhash_index(core, link);
	HASH_DEL(core->links, link);
	mip_advertiser_clear(&link->advertiser);
	free(link);
}

/* The link is not served any more: everything of it goes. */
static void link_dismiss(struct fa_core *core, struct fa_link *link, struct mip_now now)
{
	mip_advertiser_stop(&link->advertiser, true, now);
	fa_pending_remove_link(core, link);
	fa_denials_remove_link(core, link);
	fa_revocation_remove_link(core, link, now);
	prepare(core, link, MIP_LINK_NONE);
	link_free(core, link);
}

int fa_links_configure(struct fa_core *core, const struct fa_core_settings *settings, struct mip_now now)
{
	struct fa_link *link, *next;

	/* What can fail comes first: a new link without an index does nothing yet. */
	HASH_ITER (hh, core->links, link, next)
		link->named = false;
	for (size_t i = 0; i < settings->link_count; i++) {
		link = link_by_name(core, settings->links[i].name);
		if (!link)
			link = link_new(core, settings->links[i].name);
		if (!link)
			return -ENOMEM;
		link->named = true;
	}
	HASH_ITER (hh, core->links, link, next) {
		if (!link->named)
			link_dismiss(core, link, now);
		else
			update(core, link, now);
	}
	return 0;
}

void fa_links_clear(struct fa_core *core)
{
	struct fa_link *link, *next;
	struct fa_own_address *own, *next_own;
	struct fa_default_route *route, *next_route;

	HASH_ITER (hh, core->links, link, next)
		link_free(core, link);
	HASH_ITER (hh, core->own_addresses, own, next_own) {
		HASH_DEL(core->own_addresses, own);
		free(own);
	}
	HASH_ITER (hh, core->default_routes, route, next_route) {
		HASH_DEL(core->default_routes, route);
		free(route);
	}
}

void fa_links_begin(struct fa_core *core, struct mip_now now)
{
	struct fa_link *link, *next;

	/* rfc5944-4.2.2-6: MUST route datagrams it receives from registered mobile nodes. rfc5944-2.1-5:
	 * all foreign agents MUST forward to a default router any datagrams received from a registered
	 * mobile node; rfc5944-2.3.1-2: whether or not their own address is advertised. */
	want_setting(core, MIP_LINK_NONE, MIP_SETTING_FORWARDING, 1, true);
	/* The kernel sends redirects if either the link or the host says so. */
	want_setting(core, MIP_LINK_NONE, MIP_SETTING_SEND_REDIRECTS, 0, true);
	/*
	 * What comes out of a tunnel is from anywhere, and the device has no address, so that even the loose kind finds no
	 * way back by it but for visitors whose packets are led there. Who may come is checked before. The kernel takes
	 * the larger of the link's setting and the host's.
	 */
	want_setting(core, MIP_LINK_NONE, MIP_SETTING_RP_FILTER, RP_FILTER_OFF, true);
	want_setting(core, MIP_LINK_TUNNEL, MIP_SETTING_RP_FILTER, RP_FILTER_OFF, true);
	want_setting(core, MIP_LINK_TUNNEL, MIP_SETTING_FORWARDING, 1, true);
	HASH_ITER (hh, core->links, link, next)
		update(core, link, now);
}

void fa_links_stop(struct fa_core *core, struct mip_now now)
{
	struct fa_link *link, *next;

	HASH_ITER (hh, core->links, link, next)
		mip_advertiser_stop(&link->advertiser, true, now);
}

static void link_gone(struct fa_core *core, mip_link index, struct mip_now now)
{
	struct fa_link *link = fa_link_find(core, index);

	if (!link)
		return;
	link->up = false;
	update(core, link, now);
	set_index(core, link, MIP_LINK_NONE);
}

void fa_core_link(struct fa_core *core, const struct mip_input_link *input, struct mip_now now)
{
	struct fa_link *link = fa_link_find(core, input->link);

	/* Gone, or another name: what was served under this index is no longer there. */
	if (link && (!input->present || strcmp(link->name, input->name) != 0))
		link_gone(core, input->link, now);
	link = input->present ? link_by_name(core, input->name) : NULL;
	if (!link)
		return;
	if (link->index != input->link)
		link_gone(core, link->index, now);
	set_index(core, link, input->link);
	link->up = input->up;
	update(core, link, now);
}

static void own_address_add(struct fa_core *core, const struct mip_input_address *input)
{
	struct fa_own_address *own = calloc(1, sizeof(*own));

	if (!own)
		return;
	own->key.link = input->link;
	own->key.address = input->address;
	own->prefix_length = input->prefix_length;
	HASH_ADD(hh, core->own_addresses, key, sizeof(own->key), own);
	if (!own->hh.tbl)
		free(own);
}

void fa_core_address(struct fa_core *core, const struct mip_input_address *input, struct mip_now now)
{
	struct fa_own_address *own, probe = {.key = {input->link, input->address}};
	struct fa_link *link = fa_link_find(core, input->link);

	HASH_FIND(hh, core->own_addresses, &probe.key, sizeof(probe.key), own);
	if (own && input->present) {
		own->prefix_length = input->prefix_length;
	} else if (own) {
		HASH_DEL(core->own_addresses, own);
		free(own);
	} else if (input->present) {
		own_address_add(core, input);
	}
	if (link)
		update(core, link, now);
}

void fa_core_default_route(
	struct fa_core *core, const struct mip_input_default_route *input, struct mip_now now)
{
	struct fa_default_route *route, probe = {.key = {input->link, input->gateway, input->metric}};

	(void)now;
	HASH_FIND(hh, core->default_routes, &probe.key, sizeof(probe.key), route);
	if (route && !input->present) {
		HASH_DEL(core->default_routes, route);
		free(route);
	} else if (!route && input->present) {
		route = calloc(1, sizeof(*route));
		if (!route)
			return;
		route->key = probe.key;
		HASH_ADD(hh, core->default_routes, key, sizeof(route->key), route);
		if (!route->hh.tbl)
			free(route);
	}
}

/*
 * The home agent's machine.
 *
 * A mobile node has its home address here, and tells by Registration Requests where it is (its care-of
 * address). While it is away, the home agent attracts the packets for it (on a real home link by proxy and
 * gratuitous ARP, RFC 5944 4.6) and tunnels them there; what the node tunnels back is taken out and forwarded
 * (RFC 3024). Behind a NAT both go in UDP, to where the request came from (RFC 3519).
 *
 * Of each node the machine knows one of two states (away there may be several bindings, see
 * ha_simultaneous.c):
 *
 *              a request with a lifetime is accepted
 *     at home ───────────────────────────────────────> away: there is a binding ──┐ accepted again: renewed
 *        ^                                                     │         ^        │ or moved
 *        └─────────────────────────────────────────────────────┘         └────────┘
 *          deregistered · the lifetime is over · revoked · no longer configured
 *
 * Requests come as frames on home links, where the link address of the sender matters, and as datagrams
 * elsewhere. The files: see ha_internal.h.
 */
#include "ha_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

/* --- life ------------------------------------------------------------------------------------- */

static int check(const struct ha_settings *settings)
{
	if (!mip_address_is_unicast(settings->address) || settings->max_lifetime == 0 ||
		settings->max_simultaneous_bindings > HA_SIMULTANEOUS_MOST)
		return -EINVAL;
	if (!mip_address_is_none(settings->pool_first) &&
		mip_address_number(settings->pool_last) < mip_address_number(settings->pool_first))
		return -EINVAL;
	if (settings->revocation.enabled && (settings->revocation.attempts == 0 ||
						    settings->revocation.attempts > MIP_REVOKER_ATTEMPTS_MAX))
		return -EINVAL;
	return 0;
}

/* Pointers in the caller's settings do not outlive the call. */
static void copy_settings(struct ha_core *core, const struct ha_settings *settings)
{
	core->settings = *settings;
	core->limit.burst = settings->limits.log_lines;
	core->settings.networks = NULL;
	core->settings.nodes = NULL;
	core->settings.foreign_agents = NULL;
	core->settings.alternates = NULL;
}

int ha_core_new(const struct ha_settings *settings, const struct mip_random *random,
	const struct mip_log *log, struct ha_core **ret_core)
{
	struct ha_core *core;
	int status = check(settings);

	if (status < 0)
		return status;
	core = calloc(1, sizeof(*core));
	if (!core)
		return -ENOMEM;
	core->random = *random;
	mip_rate_table_init(&core->failed_by_source, random);
	core->limit.withheld = &core->counters[HA_COUNTER_LOG_LINES_WITHHELD];
	core->log = log;
	copy_settings(core, settings);
	status = mip_outbox_reserve(&core->outbox, MIP_OUTBOX_USUAL);
	if (status == 0)
		status = ha_revocation_configure(core);
	if (status == 0)
		status = ha_tables_build(&core->tables, settings);
	if (status == 0)
		status = ha_links_configure(core, &core->tables, (struct mip_now){0});
	if (status < 0) {
		ha_core_free(core);
		return status;
	}
	*ret_core = core;
	return 0;
}

void ha_core_free(struct ha_core *core)
{
	if (!core)
		return;
	ha_announce_clear(core);
	ha_bindings_clear(core);
	mip_revoker_clear(&core->revoker);
	ha_links_clear(core);
	mip_deadline_cancel(&core->deadlines, &core->refresh_deadline);
	ha_tables_clear(&core->tables);
	mip_outbox_clear(&core->outbox);
	mip_deadlines_clear(&core->deadlines);
	free(core);
}

/* --- a reload --------------------------------------------------------------------------------- */

/* What the machine knows of a node goes over to the node as it is configured now. */
static void carry_over_node(struct ha_core *core, struct ha_tables *tables,
	const struct ha_settings *settings, struct ha_node *old)
{
	char identity[MIP_RECORD_KEY];
	struct ha_node *node = ha_node_by_identity(tables, ha_node_identity(old, identity));

	if (!node) {
		ha_node_unseed(core, old);
		ha_record_forget_node(core, old);
		return;
	}
	node->replay = old->replay;
	node->idle_since = old->idle_since;
	node->seeded = old->seeded;
	node->seeded_link = old->seeded_link;
	node->seeded_address = old->seeded_address;
	if (mip_address_is_none(old->assigned))
		return;
	if (!ha_pool_contains(settings, old->assigned) || !ha_network_of(tables, old->assigned) ||
		ha_node_by_address(tables, old->assigned) || ha_pool_put(tables, node, old->assigned) < 0)
		ha_record_forget_pool(core, old);
}

static struct ha_home_link *link_in(const struct ha_tables *tables, struct mip_address home_address)
{
	const struct ha_network *network = ha_network_of(tables, home_address);

	return network ? network->home_link : NULL;
}

static void carry_over_binding(
	struct ha_core *core, const struct ha_tables *tables, struct ha_binding *binding, struct mip_now now)
{
	struct ha_home_link *old_link = link_in(&core->tables, binding->home_address);
	char identity[MIP_RECORD_KEY];
	struct ha_node *node = ha_node_by_identity(tables, ha_node_identity(binding->node, identity));

	if (!node || !mip_address_equal(ha_node_address(node), binding->home_address)) {
		ha_revocation_begin(core, binding, true, now);
		ha_binding_remove(core, binding, false, "configuration", now);
		return;
	}
	ha_binding_leave(binding);
	ha_binding_join(node, binding);
	if (old_link == link_in(tables, binding->home_address))
		return;
	if (old_link && old_link->link != MIP_LINK_NONE && binding->told)
		ha_binding_unwant_proxy(core, binding, old_link->link);
	ha_announce_stop(core, binding->home_address);
	ha_group_forget(core, binding, "network");
	ha_binding_refresh_later(core, binding, now);
}

/* What is switched on or off holds at once, not from each binding's next registration on. */
static void follow_groups(struct ha_core *core, struct mip_now now)
{
	for (struct ha_binding *binding = core->bindings; binding; binding = binding->hh.next)
		if (binding->told)
			ha_group_follow(core, binding, now);
}

int ha_core_configure(struct ha_core *core, const struct ha_settings *settings, struct mip_now now)
{
	struct ha_binding *binding, *next;
	bool other_groups = settings->broadcasts != core->settings.broadcasts ||
			    settings->multicast != core->settings.multicast;
	struct ha_tables tables;
	int status = check(settings);

	if (status == 0)
		status = ha_tables_build(&tables, settings);
	if (status < 0)
		return status;
	status = ha_links_configure(core, &tables, now);
	if (status < 0) {
		ha_tables_clear(&tables);
		return status;
	}
	for (size_t i = 0; i < core->tables.node_count; i++)
		carry_over_node(core, &tables, settings, &core->tables.nodes[i]);
	HASH_ITER (hh, core->bindings, binding, next) {
		carry_over_binding(core, &tables, binding, now);
	}
	if (core->begun)
		ha_group_networks(core, &core->tables, &tables);
	ha_tables_clear(&core->tables);
	core->tables = tables;
	copy_settings(core, settings);
	(void)ha_revocation_configure(core); /* check() has seen to it */
	ha_links_reconfigured(core, now);
	if (other_groups)
		follow_groups(core, now);
	return 0;
}

/* --- inputs ----------------------------------------------------------------------------------- */

void ha_core_begin(struct ha_core *core, struct mip_now now)
{
	core->begun = true;
	ha_links_begin(core, now);
	ha_group_networks(core, NULL, &core->tables);
	for (struct ha_binding *binding = core->bindings; binding; binding = binding->hh.next)
		ha_binding_refresh_later(core, binding, now);
	if (core->refresh_count > 0)
		ha_binding_refresh_due(core, now);
}

void ha_core_datagram(struct ha_core *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	struct ha_request request = {
		.now = now,
		.link = datagram->link,
		.source = datagram->source,
		.source_port = datagram->source_port,
		.destination = datagram->destination,
		.destination_port = datagram->destination_port,
		.octets = datagram->octets,
		.length = datagram->length,
	};

	ha_request_take(core, &request);
}

static void take_udp_frame(struct ha_core *core, struct ha_home_link *home_link,
	const struct mip_input_frame *frame, struct mip_now now)
{
	struct ha_request request = {
		.now = now,
		.link = frame->link,
		.framed = true,
		.home_link = home_link,
		.link_source = frame->source,
	};
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;
	/* rfc5944-3.8.2.1-1: requests with an invalid, non-zero UDP checksum MUST be silently discarded. */
	int status = mip_udp_packet_read(
		frame->octets, frame->length, frame->checksum_unfilled, &ip, &udp, &payload);

	if (status == -EBADMSG)
		ha_count(core, HA_COUNTER_DROP_MALFORMED);
	if (status < 0 || udp.destination_port != MIP_REGISTRATION_PORT)
		return;
	request.source = ip.source;
	request.source_port = udp.source_port;
	request.destination = ip.destination;
	request.destination_port = udp.destination_port;
	request.length = mip_reader_left(&payload);
	request.octets = mip_read_octets(&payload, request.length);
	ha_request_take(core, &request);
}

void ha_core_frame(struct ha_core *core, const struct mip_input_frame *frame, struct mip_now now)
{
	struct ha_home_link *home_link = ha_home_link_at(core, frame->link);
	int status;

	if (!home_link || frame->ethertype != MIP_ETHERTYPE_IPV4 ||
		ha_group_frame(core, home_link, frame, now))
		return;
	status = mip_advertiser_frame(&home_link->advertiser, frame, now);
	if (status == 0)
		take_udp_frame(core, home_link, frame, now);
	else if (status < 0)
		ha_count(core, HA_COUNTER_DROP_MALFORMED);
}

/* --- time ------------------------------------------------------------------------------------- */

static void due(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now)
{
	/* Unreachable branch: the enumeration has no other value. */
	switch ((enum ha_deadline_kind)deadline->kind) {
	case HA_DEADLINE_BINDING:
		ha_binding_expire(core, deadline, now);
		break;
	case HA_DEADLINE_GRACE:
		ha_grace_due(core, deadline);
		break;
	case HA_DEADLINE_ANNOUNCEMENT:
		ha_announce_due(core, deadline, now);
		break;
	case HA_DEADLINE_ADVERTISER:
		mip_advertiser_advance(mip_advertiser_of(deadline), now);
		break;
	case HA_DEADLINE_REFRESH:
		ha_binding_refresh_due(core, now);
		break;
	case HA_DEADLINE_REVOCATION:
		ha_revocation_due(core, mip_revoked_of(deadline), now);
		break;
	case HA_DEADLINE_QUERY:
		ha_group_query_due(core, deadline, now);
		break;
	case HA_DEADLINE_MEMBER:
		ha_group_member_due(core, deadline);
		break;
	}
}

/* Some at a time: a million bindings that end together (a host that slept) must not fill the outbox at once.
 * What is left is due at once again. */
void ha_core_advance(struct ha_core *core, struct mip_now now)
{
	struct mip_deadline *deadline;

	for (int i = 0; i < HA_DUE_BATCH; i++) {
		deadline = mip_deadlines_pop(&core->deadlines, now.boot);
		if (!deadline)
			break;
		due(core, deadline, now);
	}
}

mip_time ha_core_deadline(const struct ha_core *core)
{
	return mip_deadlines_next(&core->deadlines);
}

/* --- outputs and views ------------------------------------------------------------------------ */

bool ha_core_is_restoring(const struct ha_core *core)
{
	return core->refresh_first != NULL;
}

struct mip_outbox *ha_core_outbox(struct ha_core *core)
{
	return &core->outbox;
}

int ha_core_revoke(struct ha_core *core, struct mip_address home_address, struct mip_now now)
{
	struct ha_binding *binding = ha_binding_find(core, home_address);

	if (!binding)
		return -ENOENT;
	for (const struct ha_binding *each = binding; each; each = each->sibling)
		ha_revocation_begin(core, each, true, now);
	ha_binding_remove_all(core, binding->node, false, "revoked", now);
	return 0;
}

void ha_core_bindings(const struct ha_core *core, ha_binding_function *function, void *context)
{
	for (const struct ha_binding *binding = core->bindings; binding; binding = binding->hh.next) {
		struct ha_binding_view view = {
			.home_address = binding->home_address,
			.care_of_address = binding->care_of_address,
			.nai = binding->node->nai,
			.lifetime = binding->lifetime,
			.expires = binding->expires,
			.encapsulation = binding->encapsulation,
			.reverse_tunnel = binding->reverse_tunnel,
			.revocation = binding->revocation.negotiated,
			.broadcast = binding->broadcast && core->settings.broadcasts,
			.groups = binding->member_count,
			.source = binding->source,
			.source_port = binding->source_port,
		};

		function(context, &view);
	}
}

size_t ha_core_binding_count(const struct ha_core *core)
{
	return HASH_COUNT(core->bindings);
}

size_t ha_core_pending_count(const struct ha_core *core)
{
	return core->refresh_count;
}

struct mip_counter_table ha_core_counters(const struct ha_core *core)
{
	return (struct mip_counter_table){ha_counter_names, core->counters, HA_COUNTER_COUNT};
}

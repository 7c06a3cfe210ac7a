/*
 * The mobility bindings and the kernel state that each stands for. A binding wants
 *
 *   PEER     packets of the node by this way are taken out of the tunnel
 *   TUNNEL   packets for it are put in; COPY, of which a copy goes in (ha_simultaneous.c)
 *   ROUTE    its home address leads to the tunnel device
 *   PROXY    the home link's ARP requests for it are answered (on a real home link only)
 *
 *             request accepted                 accepted: renewed, or moved (the old PEER stays for the grace)
 *   no binding ──────────────────────> binding ──┐
 *       ^                                 │  ^   │
 *       │ deregistered (PEER stays for    │  └───┘
 *       │ the grace), expired, revoked    │
 *       └─────────────────────────────────┘
 *
 * ROUTE and PROXY are the home address's: they come with its first binding, and go with its last.
 *
 * After a restart, or when a home link comes, many bindings have to be told to the kernel and announced at
 * once: they queue, and go out in batches, so that a million of them neither fill the memory nor the link.
 */
#include "ha_internal.h"

#include <errno.h>
#include <stdlib.h>

#define REFRESH_GAP (10 * MIP_MILLISECOND)

/* --- the kernel state of one binding ---------------------------------------------------------- */

static struct mip_want tunnel_of(const struct ha_binding *binding)
{
	struct mip_want want = {
		.kind = binding->leads ? MIP_WANT_TUNNEL : MIP_WANT_COPY,
		.tunnel =
			{
				.home_address = binding->home_address,
				.end = MIP_TUNNEL_HOME,
				/* rfc5944-4.2.3-4: the outer source MUST be the address sent in the Home
				 * Agent field of the Registration Reply. */
				.local = binding->home_agent,
				.remote = binding->care_of_address,
				.encapsulation = binding->encapsulation,
			},
	};

	if (binding->encapsulation == MIP_ENCAPSULATION_UDP) {
		/* rfc3519-4.6-5: MUST use the source address of the request as the effective care-of address;
		 * and the NAT knows only the address and port that the request went to. */
		want.tunnel.local = binding->local;
		want.tunnel.local_port = binding->local_port;
		want.tunnel.remote = binding->source;
		want.tunnel.remote_port = binding->half_bound ? binding->tunnel_port : binding->source_port;
	}
	return want;
}

/* rfc3519-4.6-7: with the 'R' flag it MUST wait for the first keep-alive, before it can send. */
static bool has_tunnel(const struct ha_binding *binding)
{
	return !binding->half_bound || binding->tunnel_port != 0;
}

bool ha_binding_way(
	const struct ha_binding *binding, struct mip_address *ret_remote, uint16_t *ret_remote_port)
{
	struct mip_want want = tunnel_of(binding);

	if (!has_tunnel(binding))
		return false;
	*ret_remote = want.tunnel.remote;
	*ret_remote_port = want.tunnel.remote_port;
	return true;
}

/* rfc3024-4.3.2-2: the outer source must be the care-of address, the inner one the home address. Wanted
 * without the T bit too: rfc5944-4.2.3-6, a home agent MUST decapsulate what a mobile node sends it. */
static struct mip_want peer_of(const struct ha_binding *binding)
{
	struct mip_want tunnel = tunnel_of(binding);

	return (struct mip_want){
		.kind = MIP_WANT_PEER,
		.peer =
			{
				.home_address = binding->home_address,
				.end = MIP_TUNNEL_HOME,
				.remote = tunnel.tunnel.remote,
				.remote_port = tunnel.tunnel.remote_port,
				.local = tunnel.tunnel.local,
			},
	};
}

/* rfc5944-1.7-2: MUST be able to attract and intercept datagrams that are destined to the home address
 * of any of its registered mobile nodes: by this route, and on a real home link by the proxy. */
static struct mip_want route_of(const struct ha_binding *binding)
{
	return (struct mip_want){
		.kind = MIP_WANT_ROUTE,
		.route =
			{
				.destination = {binding->home_address, 32},
				.link = MIP_LINK_TUNNEL,
			},
	};
}

static struct ha_home_link *home_link_of(const struct ha_core *core, const struct ha_binding *binding)
{
	const struct ha_network *network = ha_network_of(&core->tables, binding->home_address);
	struct ha_home_link *home_link = network ? network->home_link : NULL;

	return home_link && home_link->link != MIP_LINK_NONE ? home_link : NULL;
}

/* rfc5944-4.6-3: the home agent MUST transmit an ARP Reply on behalf of the mobile node; rfc5944-4.6-4:
 * with the link-layer address of its own interface: as the kernel does for such an entry. */
static struct mip_want proxy_of(const struct ha_binding *binding, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_PROXY, .proxy = {link, binding->home_address}};
}

void ha_binding_unwant_proxy(struct ha_core *core, const struct ha_binding *binding, mip_link link)
{
	struct mip_want proxy = proxy_of(binding, link);

	mip_outbox_unwant(&core->outbox, &proxy);
}

/* --- tunnels and peers that stay for a while -------------------------------------------------- */

static struct ha_grace *find_grace(const struct ha_core *core, const struct mip_want *item)
{
	uint8_t key[MIP_WANT_KEY] = {0};
	size_t length = mip_want_key(item, key);
	struct ha_grace *grace = NULL;

	HASH_FIND(hh, core->graces, key, length, grace);
	return grace;
}

static void end_grace(struct ha_core *core, struct ha_grace *grace)
{
	mip_deadline_cancel(&core->deadlines, &grace->deadline);
	HASH_DELETE(hh, core->graces, grace);
	free(grace);
}

static void want(struct ha_core *core, const struct mip_want *item)
{
	struct ha_grace *grace = find_grace(core, item);

	if (grace)
		end_grace(core, grace);
	mip_outbox_want(&core->outbox, item);
}

/*
 * So that a handover loses nothing, packets in flight by the old way are still taken for a while (PEER), and
 * those that the host had led to the tunnel before the binding ended still leave by it (TUNNEL).
 */
static void retire(struct ha_core *core, const struct mip_want *item, struct mip_now now)
{
	struct ha_grace *grace = core->settings.grace > 0 ? calloc(1, sizeof(*grace)) : NULL;

	if (!grace)
		goto at_once;
	grace->want = *item;
	grace->key_length = mip_want_key(item, grace->key);
	grace->deadline.kind = HA_DEADLINE_GRACE;
	HASH_ADD(hh, core->graces, key, grace->key_length, grace);
	if (!grace->hh.tbl)
		goto at_once;
	if (mip_deadline_set(&core->deadlines, &grace->deadline, now.boot + core->settings.grace) == 0)
		return;
	HASH_DELETE(hh, core->graces, grace);

at_once:
	free(grace);
	mip_outbox_unwant(&core->outbox, item);
}

void ha_grace_due(struct ha_core *core, struct mip_deadline *deadline)
{
	struct ha_grace *grace = MIP_CONTAINER(deadline, struct ha_grace, deadline);

	mip_outbox_unwant(&core->outbox, &grace->want);
	end_grace(core, grace);
}

/* --- several bindings of a home address ------------------------------------------------------- */

/* One of the node's bindings that wants this too: two behind a NAT may be one peer, or one copy's way. */
static const struct ha_binding *claimant(const struct ha_node *node, const struct mip_want *item,
	struct mip_want (*of)(const struct ha_binding *))
{
	const struct ha_binding *binding;

	for (binding = node->binding; binding; binding = binding->sibling) {
		struct mip_want own = of(binding);

		if (binding->told && has_tunnel(binding) && mip_want_same_key(&own, item))
			break;
	}
	return binding;
}

static void retire_peer(struct ha_core *core, const struct ha_node *node, const struct mip_want *peer,
	bool grace, struct mip_now now)
{
	if (claimant(node, peer, peer_of))
		return;
	if (grace)
		retire(core, peer, now);
	else
		mip_outbox_unwant(&core->outbox, peer);
}

static void unwant_copy(struct ha_core *core, const struct ha_node *node, const struct mip_want *copy)
{
	const struct ha_binding *other = claimant(node, copy, tunnel_of);
	struct mip_want own;

	if (!other) {
		mip_outbox_unwant(&core->outbox, copy);
		return;
	}
	own = tunnel_of(other);
	mip_outbox_want(&core->outbox, &own);
}

static bool has_leader(const struct ha_node *node)
{
	const struct ha_binding *binding = node->binding;

	while (binding && !binding->leads)
		binding = binding->sibling;
	return binding != NULL;
}

/* The one that led does so no longer: another one's copy becomes the tunnel, in one step. False: there is
 * none. */
static bool lead_on(struct ha_core *core, struct ha_node *node)
{
	struct ha_binding *binding = node->binding;
	struct mip_want copy, tunnel;

	while (binding && !(binding->told && has_tunnel(binding)))
		binding = binding->sibling;
	if (!binding)
		return false;
	copy = tunnel_of(binding);
	binding->leads = true;
	tunnel = tunnel_of(binding);
	want(core, &tunnel);
	unwant_copy(core, node, &copy);
	return true;
}

/* The tunnel of a binding that has no more, or another one. */
static void end_tunnel(struct ha_core *core, struct ha_node *node, const struct mip_want *old)
{
	if (old->kind == MIP_WANT_COPY)
		unwant_copy(core, node, old);
	else if (!lead_on(core, node))
		mip_outbox_unwant(&core->outbox, old);
}

/* --- telling the kernel ----------------------------------------------------------------------- */

/* rfc5944-4.2.3-1: "The home agent MUST be able to intercept any datagrams on the home network …" */
static void tell(struct ha_core *core, struct ha_binding *binding)
{
	struct mip_want peer = peer_of(binding);
	struct mip_want tunnel;
	struct mip_want route = route_of(binding);
	struct ha_home_link *home_link = home_link_of(core, binding);

	if (has_tunnel(binding)) {
		binding->leads = binding->leads || !has_leader(binding->node);
		tunnel = tunnel_of(binding);
		want(core, &peer);
		want(core, &tunnel);
	}
	mip_outbox_want(&core->outbox, &route);
	if (home_link) {
		struct mip_want proxy = proxy_of(binding, home_link->link);

		mip_outbox_want(&core->outbox, &proxy);
	}
	binding->told = true;
}

/* What changed only: a renewal touches nothing. rfc5944-3.8.2.2-10: already bound: MUST continue to follow
 * the rules for proxy ARP. */
static void tell_change(
	struct ha_core *core, const struct ha_binding *old, struct ha_binding *binding, struct mip_now now)
{
	struct mip_want old_peer = peer_of(old), peer = peer_of(binding);
	struct mip_want old_tunnel = tunnel_of(old), tunnel;
	bool had = has_tunnel(old), has = has_tunnel(binding);

	binding->leads = has && (binding->leads || !has_leader(binding->node));
	tunnel = tunnel_of(binding);

	if (has && (!had || !mip_want_equal(&old_peer, &peer)))
		want(core, &peer);
	if (has && (!had || !mip_want_equal(&old_tunnel, &tunnel)))
		want(core, &tunnel);
	if (had && (!has || !mip_want_same_key(&old_tunnel, &tunnel)))
		end_tunnel(core, binding->node, &old_tunnel);
	if (had && !mip_want_same_key(&old_peer, &peer))
		retire_peer(core, binding->node, &old_peer, true, now);
}

/* Others of its node's stay. rfc5944-4.2.3-8: "it MUST retain any other (non-expired) simultaneous mobility
 * bindings". */
static void tell_left(struct ha_core *core, const struct ha_binding *binding, bool grace, struct mip_now now)
{
	struct ha_node *node = binding->node;
	struct mip_want peer = peer_of(binding), tunnel = tunnel_of(binding);

	if (!has_tunnel(binding))
		return;
	end_tunnel(core, node, &tunnel);
	retire_peer(core, node, &peer, grace, now);
}

/* rfc5944-4.2.3-3: "In this case, the home agent MUST assume the mobile node is at home and simply …" */
/* rfc5944-4.2.3-2: "… bindings, the home agent MUST NOT attempt to intercept datagrams destined …" */
static void tell_gone(struct ha_core *core, const struct ha_binding *binding, bool grace, struct mip_now now)
{
	struct mip_want peer = peer_of(binding);
	struct mip_want tunnel = tunnel_of(binding);
	struct mip_want route = route_of(binding);
	struct ha_home_link *home_link = home_link_of(core, binding);

	/* rfc5944-4.6-17: it stops using proxy ARP, and then performs a gratuitous ARP. */
	if (home_link)
		ha_binding_unwant_proxy(core, binding, home_link->link);
	mip_outbox_unwant(&core->outbox, &route);
	if (!has_tunnel(binding))
		return;
	if (grace) {
		retire(core, &tunnel, now);
		retire(core, &peer, now);
	} else {
		mip_outbox_unwant(&core->outbox, &tunnel);
		mip_outbox_unwant(&core->outbox, &peer);
	}
}

static void announce_to_self(struct ha_core *core, const struct ha_binding *binding, struct mip_now now)
{
	struct ha_home_link *home_link = home_link_of(core, binding);

	if (home_link)
		ha_announce(core, home_link, binding->home_address, home_link->link_address, now);
}

/* --- the queue of those to be told (again) ---------------------------------------------------- */

static void refresh_remove(struct ha_core *core, struct ha_binding *binding)
{
	if (!binding->refresh_queued)
		return;
	if (binding->refresh_previous)
		binding->refresh_previous->refresh_next = binding->refresh_next;
	else
		core->refresh_first = binding->refresh_next;
	if (binding->refresh_next)
		binding->refresh_next->refresh_previous = binding->refresh_previous;
	else
		core->refresh_last = binding->refresh_previous;
	binding->refresh_previous = binding->refresh_next = NULL;
	binding->refresh_queued = false;
	core->refresh_count--;
}

static void refresh_schedule(struct ha_core *core, mip_time at)
{
	if (mip_deadline_is_set(&core->refresh_deadline) || core->refresh_count == 0)
		return;
	core->refresh_deadline.kind = HA_DEADLINE_REFRESH;
	if (mip_deadline_set(&core->deadlines, &core->refresh_deadline, at) < 0)
		mip_log(core->log, MIP_LOG_ERROR, "no memory to bring the kernel up to date");
}

void ha_binding_refresh_later(struct ha_core *core, struct ha_binding *binding, struct mip_now now)
{
	if (!binding->refresh_queued) {
		binding->refresh_previous = core->refresh_last;
		if (core->refresh_last)
			core->refresh_last->refresh_next = binding;
		else
			core->refresh_first = binding;
		core->refresh_last = binding;
		binding->refresh_queued = true;
		core->refresh_count++;
	}
	refresh_schedule(core, now.boot);
}

void ha_binding_refresh_network(
	struct ha_core *core, const struct ha_home_link *home_link, struct mip_now now)
{
	for (struct ha_binding *binding = core->bindings; binding; binding = binding->hh.next) {
		if (home_link_of(core, binding) == home_link)
			ha_binding_refresh_later(core, binding, now);
	}
}

void ha_binding_refresh_due(struct ha_core *core, struct mip_now now)
{
	for (int i = 0; i < HA_REFRESH_BATCH && core->refresh_first; i++) {
		struct ha_binding *binding = core->refresh_first;

		refresh_remove(core, binding);
		tell(core, binding);
		ha_group_follow(core, binding, now);
		announce_to_self(core, binding, now);
	}
	refresh_schedule(core, now.boot + REFRESH_GAP);
}

void ha_binding_forget_proxies(struct ha_core *core, mip_link link)
{
	for (struct ha_binding *binding = core->bindings; binding; binding = binding->hh.next) {
		const struct ha_home_link *home_link = home_link_of(core, binding);

		if (home_link && home_link->link == link && binding->told)
			ha_binding_unwant_proxy(core, binding, link);
	}
}

/* --- bindings --------------------------------------------------------------------------------- */

struct ha_binding *ha_binding_find(const struct ha_core *core, struct mip_address home_address)
{
	struct ha_binding *binding = NULL;

	HASH_FIND(hh, core->bindings, &home_address, sizeof(home_address), binding);
	return binding ? binding->node->binding : NULL;
}

struct ha_binding *ha_binding_new(
	struct ha_core *core, struct ha_node *node, struct mip_address home_address, mip_time expires)
{
	struct ha_binding *binding = calloc(1, sizeof(*binding));

	if (!binding)
		return NULL;
	binding->home_address = home_address;
	binding->expires = expires;
	binding->deadline.kind = HA_DEADLINE_BINDING;
	HASH_ADD(hh, core->bindings, home_address, sizeof(binding->home_address), binding);
	if (!binding->hh.tbl)
		goto failed;
	if (mip_deadline_set(&core->deadlines, &binding->deadline, expires) < 0) {
		HASH_DELETE(hh, core->bindings, binding);
		goto failed;
	}
	ha_binding_join(node, binding);
	return binding;

failed:
	free(binding);
	return NULL;
}

void ha_binding_set_half_bound(struct ha_core *core, struct ha_binding *binding, bool half_bound)
{
	core->half_bound_count += (size_t)half_bound - (size_t)binding->half_bound;
	binding->half_bound = half_bound;
}

static void free_binding(struct ha_core *core, struct ha_binding *binding)
{
	refresh_remove(core, binding);
	ha_group_forget(core, binding, "binding");
	ha_binding_set_half_bound(core, binding, false);
	mip_deadline_cancel(&core->deadlines, &binding->deadline);
	HASH_DELETE(hh, core->bindings, binding);
	ha_binding_leave(binding);
	free(binding);
}

static void emit(struct ha_core *core, const char *name, const struct ha_binding *binding, const char *reason)
{
	struct mip_event event = mip_event_of(name);
	char source[MIP_ENDPOINT_TEXT];

	mip_event_address(&event, "home_address", binding->home_address);
	mip_event_string(&event, "nai", binding->node->nai);
	mip_event_address(&event, "care_of_address", binding->care_of_address);
	mip_event_string(&event, "source", mip_endpoint_text(binding->source, binding->source_port, source));
	mip_event_number(&event, "lifetime", binding->lifetime);
	mip_event_string(&event, "encapsulation", mip_encapsulation_name(binding->encapsulation));
	mip_event_boolean(&event, "reverse_tunnel", binding->reverse_tunnel);
	mip_event_number(
		&event, "bindings", (int64_t)ha_binding_count_of(binding->node)); /* that it has now */
	if (reason)
		mip_event_string(&event, "reason", reason);
	mip_outbox_event(&core->outbox, &event);
}

/* rfc3024-4.3.1-3: "… validity checks, the home agent MUST update its mobility bindings list to …" */
static void fill(
	struct ha_core *core, struct ha_binding *binding, const struct ha_request *request, mip_time expires)
{
	/* A renewal: the tunnel stays where the last keep-alive said. */
	bool same_place = request->half_bound && binding->half_bound &&
			  mip_address_equal(binding->source, request->source) &&
			  mip_address_equal(binding->care_of_address, request->fields.care_of_address);

	ha_binding_set_half_bound(core, binding, request->half_bound);
	if (!same_place)
		binding->tunnel_port = 0;
	binding->care_of_address = request->fields.care_of_address;
	binding->home_agent = request->home_agent;
	binding->source = request->source;
	binding->source_port = request->source_port;
	binding->local = ha_reply_source(core, request);
	binding->local_port = request->destination_port;
	binding->lifetime = request->lifetime;
	binding->expires = expires;
	binding->identification = request->fields.identification;
	binding->encapsulation = request->encapsulation;
	binding->reverse_tunnel = request->fields.flags & MIP_REQUEST_T;
	/* RFC 5944 4.3: "a mobile node MAY request forwarding of broadcast datagrams by setting the 'B' bit". */
	binding->broadcast = request->fields.flags & MIP_REQUEST_B;
	binding->co_located = request->fields.flags & MIP_REQUEST_D;
}

void ha_node_unseed(struct ha_core *core, struct ha_node *node)
{
	struct mip_want neighbour = {
		.kind = MIP_WANT_NEIGHBOUR,
		.neighbour = {.link = node->seeded_link, .address = node->seeded_address},
	};

	if (node->seeded)
		mip_outbox_unwant(&core->outbox, &neighbour);
	node->seeded = false;
}

/* The node has been at home until now, as far as we knew. */
static void left_home(struct ha_core *core, struct ha_binding *binding, struct mip_now now)
{
	ha_node_unseed(core, binding->node);
	tell(core, binding);
	ha_group_follow(core, binding, now);
	/* rfc5944-3.8.2.2-9, rfc5944-4.6-16: by the procedures of Section 4.6: proxy ARP, then a gratuitous
	 * ARP. rfc5944-4.6-5: when registering a binding for a node for which the home agent previously had
	 * none, it MUST transmit a gratuitous ARP on behalf of the mobile node. */
	announce_to_self(core, binding, now);
	ha_count(core, HA_COUNTER_BINDINGS_ADDED);
	emit(core, "binding_added", binding, NULL);
}

/* One more, with S. rfc5944-3.8.2.2-10: "If the mobile node already had a previous mobility binding, the home
 * agent MUST continue to follow the rules for proxy ARP": nothing is new to the home link. */
static void joined(struct ha_core *core, struct ha_binding *binding, struct mip_now now)
{
	tell(core, binding);
	ha_group_follow(core, binding, now);
	ha_count(core, HA_COUNTER_BINDINGS_ADDED_SIMULTANEOUS);
	emit(core, "binding_added", binding, NULL);
}

static bool has_moved(const struct ha_binding *old, const struct ha_binding *binding)
{
	return !mip_address_equal(old->care_of_address, binding->care_of_address) ||
	       !mip_address_equal(old->source, binding->source) || old->source_port != binding->source_port ||
	       old->encapsulation != binding->encapsulation;
}

static void changed(
	struct ha_core *core, const struct ha_binding *old, struct ha_binding *binding, struct mip_now now)
{
	bool moved = has_moved(old, binding);

	/* RFC 3543 4.2.2.1: the foreign agent that it has left; the node itself knows. */
	if (!old->direct && !mip_address_equal(old->care_of_address, binding->care_of_address))
		ha_revocation_begin(core, old, false, now);
	if (old->told) {
		tell_change(core, old, binding, now);
	} else {
		refresh_remove(core, binding);
		tell(core, binding);
		announce_to_self(core, binding, now);
	}
	ha_group_follow(core, binding, now);
	ha_count(core, moved ? HA_COUNTER_BINDINGS_MOVED : HA_COUNTER_BINDINGS_RENEWED);
	emit(core, moved ? "binding_moved" : "binding_renewed", binding, NULL);
}

static int add(struct ha_core *core, const struct ha_request *request, mip_time expires)
{
	bool first = !request->node->binding;
	struct ha_binding *binding = ha_binding_new(core, request->node, request->home_address, expires);

	if (!binding)
		return -ENOMEM;
	fill(core, binding, request, expires);
	if (first)
		left_home(core, binding, request->now);
	else
		joined(core, binding, request->now);
	return 0;
}

int ha_binding_grant(struct ha_core *core, const struct ha_request *request)
{
	struct ha_binding *binding = ha_binding_to_change(core, request);
	mip_time expires = MIP_NEVER;
	struct ha_binding old;

	if (request->lifetime != MIP_LIFETIME_INFINITE)
		expires = request->now.boot + request->lifetime * MIP_SECOND;
	if (!binding)
		return add(core, request, expires);
	if (mip_deadline_set(&core->deadlines, &binding->deadline, expires) < 0)
		return -ENOMEM;
	old = *binding;
	fill(core, binding, request, expires);
	changed(core, &old, binding, request->now);
	/* RFC 5944 3.8.2.2: "Otherwise, the home agent removes all previous entries in the mobility binding
	 * list". */
	if (!ha_request_adds(core, request))
		ha_binding_remove_others(core, binding, "replaced", request->now);
	return 0;
}

void ha_binding_set_port(struct ha_core *core, struct ha_binding *binding, uint16_t port, struct mip_now now)
{
	struct ha_binding old = *binding;

	binding->tunnel_port = port;
	if (binding->told)
		tell_change(core, &old, binding, now);
	ha_record_keep_binding(core, binding, now);
}

void ha_binding_remove(
	struct ha_core *core, struct ha_binding *binding, bool grace, const char *reason, struct mip_now now)
{
	struct ha_node *node = binding->node;

	ha_binding_leave(binding);
	if (node->binding) {
		if (binding->told)
			tell_left(core, binding, grace, now);
		ha_group_bequeath(core, binding, node->binding, now);
		emit(core, "binding_removed", binding, reason);
		ha_record_keep_binding(core, node->binding, now);
	} else {
		ha_announce_stop(core, binding->home_address);
		if (binding->told)
			tell_gone(core, binding, grace, now);
		emit(core, "binding_removed", binding, reason);
		ha_record_forget_binding(core, binding->home_address);
		node->idle_since = now.boot;
	}
	free_binding(core, binding);
}

/* rfc5944-4.2.3-8: "… lifetime expires, the home agent MUST delete the binding, but it MUST retain …" */
void ha_binding_expire(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now)
{
	/* rfc5944-3.8.2.2-7: after the expiration the home agent MUST delete its entry; rfc5944-3.8-2,
	 * rfc5944-4.2.3-7: and MUST NOT send any Registration Reply because of it. */
	ha_count(core, HA_COUNTER_BINDINGS_EXPIRED);
	ha_binding_remove(core, MIP_CONTAINER(deadline, struct ha_binding, deadline), false, "expired", now);
}

void ha_node_came_home(struct ha_core *core, const struct ha_request *request)
{
	struct ha_node *node = request->node;
	struct mip_want neighbour = {
		.kind = MIP_WANT_NEIGHBOUR,
		.neighbour =
			{
				.link = request->link,
				.address = request->home_address,
				.link_address = request->link_source,
				.seed = true,
			},
	};

	if (node->seeded_link != request->link ||
		!mip_address_equal(node->seeded_address, request->home_address))
		ha_node_unseed(core, node);
	mip_outbox_want(&core->outbox, &neighbour);
	node->seeded = true;
	node->seeded_link = request->link;
	node->seeded_address = request->home_address;
	/* rfc5944-4.6-10: when it accepts this (de)registration it MUST also transmit a gratuitous ARP, to
	 * associate the home address with the mobile node's own link-layer address. */
	ha_announce(core, request->home_link, request->home_address, request->link_source, request->now);
}

uint16_t ha_binding_remaining(const struct ha_binding *binding, struct mip_now now)
{
	if (binding->expires == MIP_NEVER)
		return MIP_LIFETIME_INFINITE;
	if (binding->expires <= now.boot)
		return 0;
	return (uint16_t)((binding->expires - now.boot) / MIP_SECOND);
}

void ha_bindings_clear(struct ha_core *core)
{
	struct ha_binding *binding, *next_binding;
	struct ha_grace *grace, *next_grace;

	HASH_ITER (hh, core->bindings, binding, next_binding) {
		free_binding(core, binding);
	}
	HASH_ITER (hh, core->graces, grace, next_grace) {
		end_grace(core, grace);
	}
}

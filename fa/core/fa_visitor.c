/*
 * The visitor list: registrations that a home agent accepted, and what the kernel and the data plane must be
 * like for each (RFC 5944 4.2.2, RFC 3024 5.1):
 *
 *   neighbour  home address at the link address of its request, permanent: no ARP for it, ever
 *   routes     home address/32 on the visited link: in the table for what comes out of the tunnel, and in the
 * main table, where a home agent on this host may have a route to the same address into its own tunnel peer
 * packets for the home address come out of the tunnel from its home agent tunnel     with a reverse tunnel:
 * packets from the home address go into the tunnel to its home agent … rule       … which is where those that
 * come in by the visited link are led
 *
 * They are a value that is computed anew whenever the visitor changes; what is new is wanted first, what is
 * no longer in it is unwanted then. In the Encapsulating Delivery Style (RFC 3024 5.2) there is a RELAY in place of the
 * rule: what comes to us in the visitor's own tunnel goes into the reverse tunnel, and nothing else does.
 *
 * A co-located node takes its packets out of the tunnel itself: nothing is wanted for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fa_private.h"

struct fa_visitor *fa_visitor_find(struct fa_core *core, struct mip_address home_address)
{
	struct fa_visitor *visitor;

	HASH_FIND(hh, core->visitors, &home_address, sizeof(home_address), visitor);
	return visitor;
}

bool fa_visitors_are_full(const struct fa_core *core)
{
	size_t most = core->settings.values.visitors_most;

	return most > 0 && HASH_COUNT(core->visitors) >= most;
}

bool fa_visitor_may_replace(const struct fa_visitor *visitor, const struct fa_registration *registration)
{
	/* Else anyone with a home agent of their own could take a visitor's address from it (RFC 3024 6.1).
	 */
	return mip_link_address_equal(visitor->registration.link_address, registration->link_address) ||
	       mip_address_equal(visitor->home_agent, registration->relayed_to);
}

static struct mip_prefix host_prefix(struct mip_address address)
{
	return (struct mip_prefix){.address = address, .length = 32};
}

/* Where a home agent on this host has bound the node its route counts: the node may have left us unheard. */
enum {
	MAIN_METRIC = 79,
};

static struct mip_want route_to(const struct fa_visitor *visitor, uint32_t table, uint32_t metric)
{
	return (struct mip_want){
		.kind = MIP_WANT_ROUTE,
		.route = {.table = table,
			.destination = host_prefix(visitor->home_address),
			.metric = metric,
			.link = visitor->registration.link->index},
	};
}

/* rfc3519-4.9-3: both ends have the port of registration messages. 0 for other tunnels. */
static uint16_t udp_port(const struct fa_visitor *visitor)
{
	return visitor->encapsulation == MIP_ENCAPSULATION_UDP ? MIP_REGISTRATION_PORT : 0;
}

/* rfc5944-4.2.2-5: "The foreign agent MUST NOT advertise to other routers in its routing domain, …" */
/* rfc5944-1.7-3: a mobile node and a foreign agent MUST be able to exchange datagrams without relying on
 * standard IP routing. */
/* rfc5944-3.6.1.2-5: "MUST NOT decapsulate the encapsulated broadcast datagram": what comes out of the tunnel is a unicast packet to the home address, and goes to it. */
static void add_delivery(
	const struct fa_visitor *visitor, const struct fa_core *core, struct mip_want *wants, size_t *count)
{
	mip_link link = visitor->registration.link->index;

	wants[(*count)++] = (struct mip_want){
		/* rfc5944-4.2.2-8: the ARP cache MUST NOT expire before the visitor list entry does. */
		.kind = MIP_WANT_NEIGHBOUR,
		.neighbour = {.link = link,
			.address = visitor->home_address,
			.link_address = visitor->registration.link_address},
	};
	wants[(*count)++] = route_to(visitor, core->settings.values.table + 1, 0);
	wants[(*count)++] = route_to(visitor, MIP_TABLE_MAIN, MAIN_METRIC);
	wants[(*count)++] = (struct mip_want){
		.kind = MIP_WANT_PEER,
		.peer = {.home_address = visitor->home_address,
			.end = MIP_TUNNEL_VISITED,
			.remote = visitor->home_agent,
			/* rfc3519-4.3-1: "MUST verify that the outer IP addresses and UDP port numbers exactly match". */
			.remote_port = udp_port(visitor),
			.local = visitor->registration.request.care_of_address},
	};
}

/* rfc3024-A.4-5: "Foreign agents MUST support reverse tunneling in order to support private …" */
/* rfc3024-4.2.2-3: "… effect, the foreign agent MUST process incoming traffic according to the …" */
/* rfc5944-4.2.2-9: "Each foreign agent SHOULD support the mandatory features for reverse tunneling …" */
/* rfc3024-5.1.2-1: from the care-of address to the Home Agent of the most recent successful reply. */
static void add_reverse_tunnel(
	const struct fa_visitor *visitor, const struct fa_core *core, struct mip_want *wants, size_t *count)
{
	wants[(*count)++] = (struct mip_want){
		.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = visitor->home_address,
			.end = MIP_TUNNEL_VISITED,
			.local = visitor->registration.request.care_of_address,
			.remote = visitor->home_agent,
			/* RFC 3024 3.4: forward and reverse tunnels are symmetric; rfc3519-4.7-2: and in UDP if the home agent
			 * has assented. */
			.encapsulation = visitor->encapsulation,
			.local_port = udp_port(visitor),
			.remote_port = udp_port(visitor)},
	};
	/* rfc3024-5.2.1-1, rfc3024-5.4-1: what comes un-encapsulated then MUST NOT be reverse tunnelled, and is forwarded
	 * by standard routing; rfc3024-5.4-2: what comes encapsulated MUST be. */
	if (visitor->registration.encapsulating) {
		wants[(*count)++] = (struct mip_want){
			.kind = MIP_WANT_RELAY,
			.relay = {.home_address = visitor->home_address,
				.link = visitor->registration.link->index,
				/* RFC 3024 3.3: as was negotiated for the forward tunnel; which our NAT, if there is one, has
				 * put into UDP, and the node knows nothing of. */
				.encapsulation =
					mip_request_encapsulation(visitor->registration.request.flags)},
		};
		return;
	}
	/* rfc3024-5.1.1-2: "detect packets sent by the mobile node, and modify its forwarding function to encapsulate them
	 * before forwarding". */
	wants[(*count)++] = (struct mip_want){
		.kind = MIP_WANT_RULE,
		.rule = {.priority = core->settings.values.rule_priority,
			.from = host_prefix(visitor->home_address),
			.incoming = visitor->registration.link->index,
			.table = core->settings.values.table,
			.suppress_prefix_length = -1},
	};
}

static bool is_among(const struct mip_want *want, const struct mip_want *wants, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (mip_want_same_key(want, &wants[i]))
			return true;
	}
	return false;
}

static bool is_equal_among(const struct mip_want *want, const struct mip_want *wants, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (mip_want_equal(want, &wants[i]))
			return true;
	}
	return false;
}

static void replace_wants(
	struct fa_core *core, struct fa_visitor *visitor, const struct mip_want *wants, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_equal_among(&wants[i], visitor->wants, visitor->want_count))
			mip_outbox_want(core->environment.outbox, &wants[i]);
	}
	/* In reverse: the rule goes before the tunnel that it leads to. */
	for (size_t i = visitor->want_count; i > 0; i--) {
		if (!is_among(&visitor->wants[i - 1], wants, count))
			mip_outbox_unwant(core->environment.outbox, &visitor->wants[i - 1]);
	}
	if (count > 0)
		memcpy(visitor->wants, wants, count * sizeof(wants[0]));
	visitor->want_count = count;
}

static void refresh(struct fa_core *core, struct fa_visitor *visitor)
{
	struct mip_want wants[FA_VISITOR_WANTS];
	size_t count = 0;

	memset(wants, 0, sizeof(wants));
	/* While there is no such link, the old items wait for what comes. */
	if (visitor->registration.link->index == MIP_LINK_NONE)
		return;
	if (!(visitor->registration.request.flags & MIP_REQUEST_D)) {
		add_delivery(visitor, core, wants, &count);
		if (visitor->reverse_tunnel)
			add_reverse_tunnel(visitor, core, wants, &count);
	}
	replace_wants(core, visitor, wants, count);
}

void fa_visitor_refresh_link(struct fa_core *core, const struct fa_link *link)
{
	struct fa_visitor *visitor, *next;

	HASH_ITER (hh, core->visitors, visitor, next) {
		if (!link || visitor->registration.link == link)
			refresh(core, visitor);
	}
}

/* Wants `item` in place of what is in `place`. */
static void want_instead(struct fa_core *core, struct mip_want *place, const struct mip_want *item)
{
	bool wanted = place->kind != MIP_WANT_NONE;

	if (wanted && mip_want_equal(item, place))
		return;
	mip_outbox_want(core->environment.outbox, item);
	if (wanted && !mip_want_same_key(item, place))
		mip_outbox_unwant(core->environment.outbox, place);
	*place = *item;
}

void fa_visitor_table(struct fa_core *core)
{
	uint32_t table = core->settings.values.table;
	struct mip_want rule = {
		.kind = MIP_WANT_RULE,
		.rule = {.priority = core->settings.values.rule_priority,
			.incoming = MIP_LINK_TUNNEL,
			.table = table + 1,
			.suppress_prefix_length = -1},
	};
	struct mip_want route = {
		.kind = MIP_WANT_ROUTE,
		.route = {.table = table, .link = MIP_LINK_TUNNEL},
	};

	if (!core->begun)
		return;
	want_instead(core, &core->delivery_rule, &rule);
	if (core->settings.values.reverse_tunnel || core->table_default.kind != MIP_WANT_NONE)
		want_instead(core, &core->table_default, &route);
}

static void tell(struct fa_core *core, const char *name, const struct fa_visitor *visitor, const char *reason)
{
	struct mip_event event = mip_event_of(name);
	char link_address[MIP_LINK_ADDRESS_TEXT];

	mip_event_address(&event, "home_address", visitor->home_address);
	mip_event_address(&event, "home_agent", visitor->home_agent);
	mip_event_address(&event, "care_of_address", visitor->registration.request.care_of_address);
	mip_event_string(&event, "interface", visitor->registration.link->name);
	mip_event_string(&event, "link_address",
		mip_link_address_text(visitor->registration.link_address, link_address));
	mip_event_number(&event, "lifetime", visitor->lifetime);
	if (visitor->registration.request.flags & MIP_REQUEST_D)
		mip_event_null(&event, "encapsulation");
	else
		mip_event_string(&event, "encapsulation", mip_encapsulation_name(visitor->encapsulation));
	mip_event_boolean(&event, "reverse_tunnel", visitor->reverse_tunnel);
	if (visitor->reverse_tunnel)
		mip_event_string(
			&event, "delivery", visitor->registration.encapsulating ? "encapsulating" : "direct");
	else
		mip_event_null(&event, "delivery");
	if (reason)
		mip_event_string(&event, "reason", reason);
	mip_outbox_event(core->environment.outbox, &event);
}

static struct fa_visitor *visitor_new(
	struct fa_core *core, struct mip_address home_address, struct mip_now now)
{
	struct fa_visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return NULL;
	visitor->home_address = home_address;
	visitor->since = now.boot;
	visitor->deadline.kind = FA_DEADLINE_VISITOR;
	HASH_ADD(hh, core->visitors, home_address, sizeof(home_address), visitor);
	if (!visitor->hh.tbl) {
		free(visitor);
		return NULL;
	}
	return visitor;
}

static void visitor_free(struct fa_core *core, struct fa_visitor *visitor)
{
	mip_deadline_cancel(&core->deadlines, &visitor->deadline);
	fa_nat_end(core, visitor);
	HASH_DEL(core->visitors, visitor);
	fa_registration_clear(&visitor->registration);
	free(visitor);
}

static uint16_t least(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

/* RFC 5944 3.7.3.2: the minimum of the reply's lifetime and our own maximum; 3.4: if the reply's is greater
 * than the request's, the request's MUST be used. Infinity is the greatest number. */
static uint16_t granted(const struct fa_core *core, const struct fa_registration *registration,
	const struct mip_registration_reply *reply)
{
	return least(least(reply->lifetime, registration->request.lifetime),
		core->settings.values.registration_lifetime);
}

/* rfc3024-4.2.2-2: "… checks, the foreign agent MUST update its visitor list, including indication …" */
/* Everything that can fail has been done when this begins to change the visitor. */
static int visitor_update(struct fa_core *core, struct fa_visitor *visitor,
	struct fa_registration *registration, const struct mip_registration_reply *reply,
	const struct fa_grant *grant, struct mip_now now)
{
	uint16_t lifetime = granted(core, registration, reply);
	mip_time end = lifetime == MIP_LIFETIME_INFINITE ? MIP_NEVER : now.boot + lifetime * MIP_SECOND;
	int r = mip_deadline_set(&core->deadlines, &visitor->deadline, end);

	if (r < 0)
		return r;
	fa_registration_clear(&visitor->registration);
	visitor->registration = *registration;
	/* A node without a home address has been given one. */
	visitor->registration.request.home_address = visitor->home_address;
	visitor->home_agent = reply->home_agent;
	visitor->lifetime = lifetime;
	visitor->reverse_tunnel = (registration->request.flags & MIP_REQUEST_T) &&
				  !(registration->request.flags & MIP_REQUEST_D);
	visitor->encapsulation = grant->encapsulation;
	if (grant->encapsulation == MIP_ENCAPSULATION_UDP)
		fa_nat_begin(core, visitor, grant->keepalive_interval, now);
	else
		fa_nat_end(core, visitor);
	refresh(core, visitor);
	return 0;
}

/* rfc5944-3.4-1: MUST NOT increase the Lifetime; rfc5944-3.4-3, rfc5944-3.4-4, rfc5944-3.7.3.2-2: the
 * least of what was requested, granted, and is allowed here; rfc5944-3.7.3.2-8: it begins when the Reply
 * is forwarded. */
int fa_visitor_accept(struct fa_core *core, const struct fa_registration *registration,
	const struct mip_registration_reply *reply, const struct fa_grant *grant, struct mip_now now)
{
	struct fa_visitor *visitor = fa_visitor_find(core, reply->home_address);
	bool is_new = !visitor;
	bool was_full = fa_visitors_are_full(core);
	bool moved = visitor && visitor->registration.link != registration->link;
	struct fa_registration copy;
	int r = fa_registration_copy(registration, &copy);

	if (r < 0)
		return r;
	if (is_new)
		visitor = visitor_new(core, reply->home_address, now);
	r = visitor ? visitor_update(core, visitor, &copy, reply, grant, now) : -ENOMEM;
	if (r < 0) {
		fa_registration_clear(&copy);
		if (is_new && visitor)
			visitor_free(core, visitor);
		return r;
	}
	fa_count(core, is_new ? FA_COUNT_VISITORS_ADDED : FA_COUNT_VISITORS_RENEWED);
	if (moved)
		fa_count(core, FA_COUNT_VISITORS_MOVED);
	tell(core, is_new ? "visitor_added" : "visitor_renewed", visitor, NULL);
	if (was_full != fa_visitors_are_full(core))
		fa_links_advertise(core);
	return 0;
}

void fa_visitor_remove(
	struct fa_core *core, struct fa_visitor *visitor, const char *reason, enum fa_counter counter)
{
	bool was_full = fa_visitors_are_full(core);

	replace_wants(core, visitor, NULL, 0);
	tell(core, "visitor_removed", visitor, reason);
	fa_count(core, counter);
	visitor_free(core, visitor);
	if (was_full != fa_visitors_are_full(core))
		fa_links_advertise(core);
}

void fa_visitor_remove_link(struct fa_core *core, const struct fa_link *link)
{
	struct fa_visitor *visitor, *next;

	HASH_ITER (hh, core->visitors, visitor, next) {
		if (!link)
			visitor_free(core, visitor);
		else if (visitor->registration.link == link)
			fa_visitor_remove(core, visitor, "link no longer served", FA_COUNT_VISITORS_EXPIRED);
	}
}

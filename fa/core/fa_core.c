/*
 * The foreign agent's machine.
 *
 *             frame from a visited link                     datagram from anywhere else
 *        solicitation │        │ request                        │ reply        │ ICMP error
 *                     v        v                                v              v
 *   links ──> advertiser    fa_request: checks ──> pending ──> fa_reply: matches a pending request
 *                              │      │ relayed      │ 7 s        │          │ denied, or not valid
 *                              │      v              v            v          v
 *                              │  home agent      code 78     visitor     reply to the node,
 *                              └──> denial                    accepted,   visitor list untouched
 *                                                             renewed,
 *                                                             removed ──> wants, then the reply
 *
 * A node is one of: unknown; pending (a first request is on its way); registered (its home agent accepted and
 * the lifetime runs); registered and pending (it renews, or deregisters). What is on its way never touches
 * what is registered (rfc5944-3.7.2-4, rfc5944-3.7.2-5).
 *
 * Files: fa_core.c (this: life, dispatch, the list for people), fa_link.c (visited links, advertisements),
 * fa_request.c and fa_reply.c (RFC 5944 3.7.2 and 3.7.3), fa_pending.c and fa_visitor.c (the two tables),
 * fa_namesake.c (visitors with one home address, RFC 3024 A.4),
 * fa_nat.c (tunnels in UDP), fa_challenge.c (RFC 4721), fa_revocation.c (RFC 3543),
 * fa_send.c (what leaves), fa_settings.c, fa_registration.c, fa_counter.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "fa_private.h"

enum {
	ALL_MOBILITY_AGENTS = 0xe000000b, /* 224.0.0.11 */
};

static void configure_logs(struct fa_core *core)
{
	struct mip_log_limit *limits[] = {&core->security_log, &core->denial_log};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(limits); i++) {
		limits[i]->burst = core->settings.values.limits.log_lines;
		limits[i]->withheld = &core->counters[FA_COUNT_LOG_LINES_WITHHELD];
	}
}

int fa_core_new(const struct fa_core_environment *environment, const struct fa_core_settings *settings,
	struct fa_core **ret_core)
{
	struct fa_core *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return -ENOMEM;
	core->environment = *environment;
	core->tells_apart = true;
	core->environment.random->fill(core->environment.random->context, &core->keepalive_identifier,
		sizeof(core->keepalive_identifier));
	mip_rate_table_init(&core->requests_by_source, core->environment.random);
	r = mip_outbox_reserve(environment->outbox, MIP_OUTBOX_USUAL);
	if (r == 0)
		r = fa_settings_copy(settings, &core->settings);
	configure_logs(core);
	if (r == 0)
		r = fa_revocation_configure(core);
	if (r == 0)
		r = fa_links_configure(core, settings, (struct mip_now){0});
	if (r < 0) {
		fa_core_free(core);
		return r;
	}
	*ret_core = core;
	return 0;
}

void fa_core_free(struct fa_core *core)
{
	if (!core)
		return;
	fa_pending_remove_link(core, NULL);
	fa_denials_clear(core);
	fa_visitor_remove_link(core, NULL);
	fa_challenges_clear(core);
	mip_revoker_clear(&core->revoker);
	fa_links_clear(core);
	fa_settings_clear(&core->settings);
	mip_deadlines_clear(&core->deadlines);
	free(core);
}

int fa_core_configure(struct fa_core *core, const struct fa_core_settings *settings, struct mip_now now)
{
	struct fa_settings new_settings, old_settings = core->settings;
	int r = fa_settings_copy(settings, &new_settings);

	if (r < 0)
		return r;
	core->settings = new_settings;
	r = fa_revocation_configure(core);
	if (r == 0)
		r = fa_links_configure(core, settings, now);
	if (r < 0) {
		core->settings = old_settings;
		(void)fa_revocation_configure(core);
		fa_settings_clear(&new_settings);
		return r;
	}
	fa_settings_clear(&old_settings);
	configure_logs(core);
	fa_visitor_table(core);
	fa_visitor_refresh_link(core, NULL);
	return 0;
}

void fa_core_begin(struct fa_core *core, struct mip_now now)
{
	core->begun = true;
	if (core->own_addresses && !fa_address_is_assigned(core, core->settings.values.care_of_address))
		mip_log(core->environment.log, MIP_LOG_WARNING,
			"the care-of address %s is on no interface of this host: tunnels will not arrive",
			MIP_TEXT(core->settings.values.care_of_address));
	fa_links_begin(core, now);
	fa_visitor_table(core);
}

void fa_core_plane(struct fa_core *core, bool tells_apart)
{
	core->tells_apart = tells_apart;
}

void fa_core_farewell(struct fa_core *core, struct mip_now now)
{
	fa_revocation_farewell(core, now);
	fa_links_stop(core, now);
}

/* Whose frame it is must be an address that one card can have. */
static bool is_node_link_address(struct mip_link_address address)
{
	struct mip_link_address zero = {.length = address.length};

	return address.length > 0 && !(address.octets[0] & 1) && !mip_link_address_equal(address, zero);
}

static void request_frame(struct fa_core *core, struct fa_link *link, const struct mip_input_frame *frame,
	const struct mip_ip *ip, uint16_t source_port, const struct mip_reader *payload, struct mip_now now)
{
	struct fa_registration registration = {
		.link = link,
		.link_address = frame->source,
		.source = ip->source,
		.destination = ip->destination,
		.source_port = source_port,
		.ttl = ip->ttl,
	};

	if (!is_node_link_address(frame->source)) {
		fa_count(core, FA_COUNT_DROP_LINK_ADDRESS);
		return;
	}
	fa_request_input(core, &registration, payload->octets, payload->length, now);
}

static void revocation_frame(struct fa_core *core, const struct mip_input_frame *frame,
	const struct mip_ip *ip, uint16_t source_port, const struct mip_reader *payload, struct mip_now now)
{
	struct mip_input_datagram datagram = {
		.link = frame->link,
		.source = ip->source,
		.source_port = source_port,
		.destination = ip->destination,
		.destination_port = MIP_REGISTRATION_PORT,
		.ttl = ip->ttl,
		.octets = payload->octets,
		.length = payload->length,
	};

	fa_revocation_input(core, &datagram, now);
}

/* A message to the registration port of an address of ours, by a visited link. */
static void message_frame(struct fa_core *core, struct fa_link *link, const struct mip_input_frame *frame,
	const struct mip_ip *ip, uint16_t source_port, const struct mip_reader *payload, struct mip_now now)
{
	switch (mip_message_type(payload->octets, payload->length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		request_frame(core, link, frame, ip, source_port, payload, now);
		break;
	case MIP_MESSAGE_REGISTRATION_REPLY:
		fa_reply_input(core, link, ip->source, payload->octets, payload->length, now);
		break;
	case MIP_MESSAGE_REVOCATION:
	case MIP_MESSAGE_REVOCATION_ACK:
		revocation_frame(core, frame, ip, source_port, payload, now);
		break;
	case MIP_MESSAGE_TUNNEL_DATA:
		break; /* the data plane's */
	default:
		fa_count(core, FA_COUNT_DROP_OTHER_TYPE);
	}
}

void fa_core_frame(struct fa_core *core, const struct mip_input_frame *frame, struct mip_now now)
{
	struct fa_link *link = fa_link_find(core, frame->link);
	struct mip_reader payload;
	struct mip_ip ip;
	struct mip_udp udp;
	int r;

	if (!link || frame->ethertype != MIP_ETHERTYPE_IPV4)
		return;
	r = mip_advertiser_frame(&link->advertiser, frame, now);
	if (r == 0)
		r = mip_udp_packet_read(
			frame->octets, frame->length, frame->checksum_unfilled, &ip, &udp, &payload);
	if (r == -EBADMSG) {
		/* rfc5944-3.7.2.1-1, rfc5944-3.7.3.1-1: an invalid, non-zero UDP checksum: MUST be silently
		 * discarded. */
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		return;
	}
	/* A solicitation that was answered; other packets; those that this router only passes on. */
	if (r != 0 || udp.destination_port != MIP_REGISTRATION_PORT)
		return;
	if (!fa_address_is_own(core, ip.destination) &&
		mip_address_number(ip.destination) != ALL_MOBILITY_AGENTS)
		return;
	message_frame(core, link, frame, &ip, udp.source_port, &payload, now);
}

void fa_core_datagram(struct fa_core *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	switch (mip_message_type(datagram->octets, datagram->length)) {
	case MIP_MESSAGE_REGISTRATION_REPLY:
		/* One that came in fragments by a visited link is a datagram too. */
		fa_reply_input(core, fa_link_find(core, datagram->link), datagram->source, datagram->octets,
			datagram->length, now);
		break;
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		fa_count(core, FA_COUNT_DROP_OFF_LINK);
		break;
	case MIP_MESSAGE_REVOCATION:
	case MIP_MESSAGE_REVOCATION_ACK:
		fa_revocation_input(core, datagram, now);
		break;
	case -EBADMSG:
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		break;
	default:
		fa_count(core, FA_COUNT_DROP_OTHER_TYPE);
	}
}

void fa_core_icmp_error(struct fa_core *core, const struct mip_input_icmp_error *error, struct mip_now now)
{
	fa_icmp_input(core, error, now);
}

void fa_core_advance(struct fa_core *core, struct mip_now now)
{
	struct mip_deadline *deadline;

	while ((deadline = mip_deadlines_pop(&core->deadlines, now.boot))) {
		switch ((enum fa_deadline_kind)deadline->kind) {
		case FA_DEADLINE_ADVERTISER:
			mip_advertiser_advance(mip_advertiser_of(deadline), now);
			break;
		case FA_DEADLINE_PENDING:
			fa_pending_expire(core, MIP_CONTAINER(deadline, struct fa_pending, deadline), now);
			break;
		case FA_DEADLINE_VISITOR:
			/* rfc5944-3.7-4: no message is sent because a lifetime has expired. */
			fa_visitor_remove(core, MIP_CONTAINER(deadline, struct fa_visitor, deadline),
				"expired", FA_COUNT_VISITORS_EXPIRED);
			break;
		case FA_DEADLINE_DENIAL:
			fa_denial_expire(core, MIP_CONTAINER(deadline, struct fa_denial, deadline));
			break;
		case FA_DEADLINE_KEEPALIVE:
			fa_nat_due(core, MIP_CONTAINER(deadline, struct fa_visitor, keepalive.deadline), now);
			break;
		case FA_DEADLINE_REVOCATION:
			fa_revocation_due(core, mip_revoked_of(deadline), now);
			break;
		}
	}
}

mip_time fa_core_deadline(const struct fa_core *core)
{
	return mip_deadlines_next(&core->deadlines);
}

/* --- the list for people ---------------------------------------------------------------------- */

static struct fa_visitor_view view_of(const struct fa_registration *registration)
{
	return (struct fa_visitor_view){
		.home_address = registration->request.home_address,
		.home_agent = registration->relayed_to,
		.care_of_address = registration->request.care_of_address,
		.interface = registration->link->name,
		.link_address = registration->link_address,
		.nai = registration->nai ? registration->nai->text : NULL,
		.co_located = registration->request.flags & MIP_REQUEST_D,
		.encapsulation = mip_request_encapsulation(registration->request.flags),
	};
}

static void show_visitor(
	const struct fa_visitor *visitor, struct mip_now now, fa_visitor_function *function, void *context)
{
	struct fa_visitor_view view = view_of(&visitor->registration);

	view.home_agent = visitor->home_agent;
	view.registered = true;
	view.told_apart = visitor->namesakes->told_apart && !view.co_located;
	view.pending = visitor->pending;
	view.reverse_tunnel = visitor->reverse_tunnel;
	view.encapsulating = visitor->reverse_tunnel && visitor->registration.encapsulating;
	view.encapsulation = visitor->encapsulation;
	view.revocation = visitor->registration.revocation.negotiated;
	view.lifetime = visitor->lifetime;
	view.remaining = MIP_NEVER;
	if (mip_deadline_is_set(&visitor->deadline))
		view.remaining = visitor->deadline.at > now.boot ? visitor->deadline.at - now.boot : 0;
	view.registered_for = now.boot - visitor->since;
	function(context, &view);
}

static struct fa_visitor *visitor_of(const struct fa_core *core, const struct fa_pending *pending)
{
	const struct fa_registration *registration = &pending->registration;

	return fa_visitor_of(
		core, registration->request.home_address, registration->relayed_to, registration);
}

void fa_core_visitors(struct fa_core *core, struct mip_now now, fa_visitor_function *function, void *context)
{
	struct fa_visitor *visitor;
	struct fa_pending *pending, *next_pending;

	for (visitor = core->visitors; visitor; visitor = visitor->next)
		visitor->pending = false;
	HASH_ITER (hh, core->pendings, pending, next_pending) {
		visitor = visitor_of(core, pending);
		if (visitor)
			visitor->pending = true;
	}
	for (visitor = core->visitors; visitor; visitor = visitor->next)
		show_visitor(visitor, now, function, context);
	HASH_ITER (hh, core->pendings, pending, next_pending) {
		struct fa_visitor_view view = view_of(&pending->registration);

		/* A node that has sent several requests is shown once. */
		if (visitor_of(core, pending) || !fa_pending_is_first(pending))
			continue;
		view.pending = true;
		function(context, &view);
	}
}

size_t fa_core_visitor_count(const struct fa_core *core)
{
	return core->visitor_count;
}

size_t fa_core_challenge_count(const struct fa_core *core)
{
	return HASH_COUNT(core->challenges);
}

size_t fa_core_pending_count(const struct fa_core *core)
{
	return HASH_COUNT(core->pendings);
}

struct mip_counter_table fa_core_counters(const struct fa_core *core)
{
	return (struct mip_counter_table){
		.names = fa_counter_names,
		.values = core->counters,
		.count = FA_COUNTER_COUNT,
	};
}

/*
 * Registration revocation at the foreign agent (RFC 3543): it offers its part in each request that it relays
 * to a home agent with which it shares an association, and takes what the reply says for agreed. After that
 * either of the two may end the registration:
 *
 *   home agent ── Revocation, A=1 ──> the visitor is removed, informed if that is wanted ── Acknowledgment ──>
 *   `fa revoke`, a link that is no longer served, the agent's stop ── Revocation, A=0 ──> the home agent
 *
 * "Informed": a unicast advertisement with sequence number 0 (4.1). Who decides about that is agreed on too:
 * with I in both support extensions the home agent, else this agent's own policy.
 */
#include "fa_private.h"

#include <errno.h>
#include <stdlib.h>

int fa_revocation_configure(struct fa_core *core)
{
	struct mip_revoker_environment environment = {
		.outbox = core->environment.outbox,
		.deadlines = &core->deadlines,
		.deadline_kind = FA_DEADLINE_REVOCATION,
		.random = core->environment.random,
		.revocations_sent = &core->counters[FA_COUNT_REVOCATIONS_SENT],
		.acknowledgments_sent = &core->counters[FA_COUNT_REVOCATION_ACKS_SENT],
		.acknowledgments_withheld = &core->counters[FA_COUNT_DROP_REVOCATION_LIMIT],
	};

	if (!core->revoker.environment.outbox)
		mip_revoker_init(&core->revoker, &environment);
	return mip_revoker_configure(&core->revoker, &core->settings.values.revocation);
}

/* --- negotiation, 4.2.1 ----------------------------------------------------------------------- */

void fa_revocation_offer(struct fa_core *core, struct fa_pending *pending, bool authenticated,
	struct mip_writer *message, struct mip_now now)
{
	const struct mip_revocation_settings *settings = &core->settings.values.revocation;
	struct fa_registration *registration = &pending->registration;
	struct mip_revocation_terms *terms = &registration->revocation;
	struct mip_revoked *revoked = mip_revoker_find(&core->revoker, registration->request.home_address,
		registration->relayed_to, registration->request.care_of_address);
	struct mip_revocation_support support;

	*terms = (struct mip_revocation_terms){.sent = now.boot};
	/* What we have revoked may be registered anew by this request: a repetition would end it. */
	if (revoked)
		mip_revoker_hold(revoked, now.boot + core->settings.values.request_timeout);
	if (!settings->enabled || !authenticated || (registration->request.flags & MIP_REQUEST_D))
		return;
	/* rfc3543-3.2-1: it "MUST be attached […] by any entity that wants to receive revocation messages"; only
	 * with "an existing security association with the home agent" (rfc3543-4.2.1-1), whose authenticator
	 * follows (rfc3543-4.2.1-3). */
	/* rfc3543-3.2-3: "advertising the 'X' bit on the link […], and that has a security relationship with
	 * the home agent identified in the same registration request, MUST attach a revocation support
	 * extension". rfc3543-3.2-8: without support of I it is zero. */
	support.inform = settings->inform_bit;
	support.timestamp = mip_revoker_timestamp(&core->revoker, now);
	mip_revocation_support_write(message, &support);
	terms->own = support.timestamp;
	terms->inform = support.inform;
	terms->negotiated = true; /* as far as it is ours to say */
}

static const struct mip_extension *support_for_us(const struct mip_extensions *extensions, size_t authorized)
{
	const struct mip_extension *extension = mip_extension_of(extensions, MIP_SLOT_REVOCATION_SUPPORT);

	/* Before the Mobile-Home authentication it is the node's. */
	return extension && extension->offset >= authorized ? extension : NULL;
}

/* rfc3543-3.2-6: "MUST be protected either by a foreign-home authentication extension […]". */
bool fa_revocation_is_unprotected(
	const struct fa_core *core, const struct mip_extensions *extensions, size_t authorized)
{
	const struct mip_extension *support = support_for_us(extensions, authorized);
	const struct mip_extension *authentication =
		mip_extension_of(extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);

	/* rfc3543-3.2-10: who takes no part in it skips it. */
	return core->settings.values.revocation.enabled && support &&
	       (!authentication || support->offset > authentication->offset);
}

void fa_revocation_agree(struct fa_core *core, struct fa_pending *pending,
	const struct mip_registration_reply *reply, const struct mip_extensions *extensions,
	size_t authorized)
{
	struct mip_revocation_terms *terms = &pending->registration.revocation;
	const struct mip_extension *extension = support_for_us(extensions, authorized);
	struct mip_revoked *revoked = mip_revoker_find(&core->revoker, reply->home_address, reply->home_agent,
		pending->registration.request.care_of_address);
	struct mip_revocation_support support = {0};

	/* Registered anew: what was revoked is history for both of us. */
	if (revoked)
		mip_revoker_forget(&core->revoker, revoked);
	/* rfc3543-4.2.1-2: without the extension it "SHOULD assume the home agent does not understand
	 * registration revocation, or is unwilling to participate". */
	terms->negotiated = terms->negotiated && pending->authenticated && extension &&
			    mip_revocation_support_read(extension, &support) == 0;
	/* 3.2: "'I' bit support has been negotiated when both agents have set the 'I' bit". */
	terms->inform = terms->negotiated && terms->inform && support.inform;
	terms->theirs = support.timestamp;
}

/* --- the end of a registration ---------------------------------------------------------------- */

static struct mip_revoked describe(const struct fa_core *core, const struct fa_visitor *visitor)
{
	const struct fa_registration *registration = &visitor->registration;
	mip_time expires = mip_deadline_is_set(&visitor->deadline) ? visitor->deadline.at : MIP_NEVER;

	return (struct mip_revoked){
		.key = {visitor->home_address, visitor->home_agent},
		.message =
			{
				/* rfc3543-4.2.3.1-4: "the 'A' bit MUST be set to '0'". */
				.from_home_agent = false,
				/* rfc3543-4.2.3.1-2, rfc3543-3.3-2: I asks the home agent, if that is agreed. */
				.inform = registration->revocation.inform,
				.home_address = visitor->home_address,
				.home_domain = visitor->home_agent,
				.foreign_domain = registration->request.care_of_address,
			},
		/* 3.3: from "the address registered with the home agent as the care-of address" to "the
		 * address registered as that of the home agent". */
		.way =
			{
				.source = registration->request.care_of_address,
				.destination = visitor->home_agent,
				.destination_port = MIP_REGISTRATION_PORT,
			},
		.authentication = MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
		.association = fa_home_agent_association(&core->settings, visitor->home_agent),
		.terms = registration->revocation,
		.expires = expires,
		.node_link = registration->link->index,
		.node_link_address = registration->link_address,
	};
}

/* 4.1: "To indicate to any registered mobile node that its binding no longer exists, the foreign agent […]
 * may unicast an agent advertisement with the sequence number set to 0 to the mobile node". */
static void inform(struct fa_core *core, const struct mip_revoked *revoked)
{
	struct fa_link *link = fa_link_find(core, revoked->node_link);

	if (!link || !link->advertiser.running)
		return;
	mip_advertiser_reset_node(
		&link->advertiser, revoked->message.home_address, revoked->node_link_address);
	fa_count(core, FA_COUNT_VISITORS_INFORMED);
}

static void tell(struct fa_core *core, const char *name, const struct mip_revoked *revoked, bool informed)
{
	struct mip_event event = mip_event_of(name);

	mip_event_address(&event, "home_address", revoked->message.home_address);
	mip_event_address(&event, "home_agent", revoked->message.home_domain);
	mip_event_boolean(&event, "informed", informed);
	mip_outbox_event(core->environment.outbox, &event);
}

/* A request of the node that is on its way counts too: our message must be a second away from it, and later. */
static void count_pending(
	const struct fa_core *core, const struct fa_visitor *visitor, struct mip_revoked *revoked)
{
	struct mip_revocation_terms *terms = &revoked->terms;
	const struct fa_pending *pending;

	for (pending = core->pendings; pending; pending = pending->hh.next) {
		const struct fa_registration *registration = &pending->registration;

		if (!fa_pending_is_of(pending, visitor))
			continue;
		if (registration->revocation.sent > terms->sent)
			terms->sent = registration->revocation.sent;
		if (registration->revocation.negotiated &&
			mip_revocation_is_later(registration->revocation.own, terms->own))
			terms->own = registration->revocation.own;
	}
}

/* Tells the home agent, and the node if that is ours to decide. */
static void revoke(struct fa_core *core, struct fa_visitor *visitor, const char *reason, struct mip_now now)
{
	struct mip_revoked revoked = describe(core, visitor);
	bool agreed = revoked.terms.negotiated && revoked.association;
	int r = 0;

	count_pending(core, visitor, &revoked);
	if (agreed)
		r = mip_revoker_begin(&core->revoker, &revoked, now);
	if (r < 0)
		mip_log(core->environment.log, MIP_LOG_WARNING,
			"the home agent %s is not told that %s is revoked", MIP_TEXT(visitor->home_agent),
			MIP_TEXT(visitor->home_address));
	/* rfc3543-4.2.3.1-1: if I was negotiated "the foreign agent MUST NOT inform any mobile node of its
	 * revocation at this time". rfc3543-4.2.3.1-3: else it is to "follow the policies of the foreign
	 * domain". */
	if (core->settings.values.revocation.inform && (!agreed || r < 0 || !revoked.terms.inform))
		inform(core, &revoked);
	/* An answer that is still on its way must not bring it back. */
	fa_pending_remove_visitor(core, visitor);
	fa_visitor_remove(core, visitor, reason, FA_COUNT_VISITORS_REVOKED);
}

void fa_revocation_refused(struct fa_core *core, struct fa_pending *pending,
	const struct mip_registration_reply *reply, const struct mip_extensions *extensions,
	size_t authorized, struct mip_now now)
{
	struct fa_visitor never = {.home_address = reply->home_address, .home_agent = reply->home_agent};
	struct mip_revoked revoked;

	/* A visitor of that home agent stays, and what is bound there is its registration too. */
	if (!mip_code_is_accepted(reply->code) || reply->lifetime == 0 ||
		pending->registration.request.lifetime == 0 || !mip_address_is_unicast(reply->home_address) ||
		!mip_address_is_unicast(reply->home_agent) ||
		fa_visitor_find(core, reply->home_address, reply->home_agent))
		return;
	fa_revocation_agree(core, pending, reply, extensions, authorized);
	never.registration = pending->registration;
	revoked = describe(core, &never);
	revoked.message.inform = false; /* the node knows it by the reply */
	if (reply->lifetime != MIP_LIFETIME_INFINITE)
		revoked.expires = now.boot + reply->lifetime * MIP_SECOND;
	if (revoked.terms.negotiated && revoked.association &&
		mip_revoker_begin(&core->revoker, &revoked, now) < 0)
		mip_log(core->environment.log, MIP_LOG_WARNING,
			"the home agent %s is not told that %s is refused", MIP_TEXT(reply->home_agent),
			MIP_TEXT(reply->home_address));
}

int fa_core_revoke(struct fa_core *core, struct mip_address home_address, struct mip_address home_agent,
	struct mip_now now)
{
	struct fa_visitor *visitor = mip_address_is_none(home_agent)
					     ? fa_visitor_only(core, home_address)
					     : fa_visitor_find(core, home_address, home_agent);

	if (!visitor)
		return mip_address_is_none(home_agent) && fa_namesakes_count(core, home_address) > 0
			       ? -ENOTUNIQ
			       : -ENOENT;
	revoke(core, visitor, "revoked", now);
	return 0;
}

void fa_revocation_remove_link(struct fa_core *core, const struct fa_link *link, struct mip_now now)
{
	struct fa_visitor *visitor, *next;

	for (visitor = core->visitors; visitor; visitor = next) {
		next = visitor->next;
		if (visitor->registration.link == link)
			revoke(core, visitor, "link no longer served", now);
	}
}

/* One message each, for nobody is there to repeat it. The nodes hear the last advertisement. */
void fa_revocation_farewell(struct fa_core *core, struct mip_now now)
{
	for (const struct fa_visitor *visitor = core->visitors; visitor; visitor = visitor->next) {
		struct mip_revoked revoked = describe(core, visitor);

		/* rfc3543-4.2.3.1-3: "no longer able to use the 'I' bit, […] MUST set the 'I' bit to '0'": the
		 * answer would find no one. */
		revoked.message.inform = false;
		if (revoked.terms.negotiated && revoked.association)
			(void)mip_revoker_send_once(&core->revoker, &revoked, now);
	}
}

void fa_revocation_due(struct fa_core *core, struct mip_revoked *revoked, struct mip_now now)
{
	bool asked = revoked->under_way && revoked->message.inform;
	bool told;

	if (!mip_revoker_due(&core->revoker, revoked, now))
		return;
	if (revoked->under_way) {
		/* Whom we asked does not answer: our own policy decides. */
		told = asked && core->settings.values.revocation.inform;
		fa_count(core, FA_COUNT_REVOCATIONS_UNANSWERED);
		tell(core, "revocation_unanswered", revoked, told);
		if (told)
			inform(core, revoked);
	}
	mip_revoker_forget(&core->revoker, revoked);
}

/* --- messages, 4.2.2.2 and 4.2.3.1 ------------------------------------------------------------- */

static void drop(struct fa_core *core, enum fa_counter counter, const struct mip_input_datagram *datagram,
	const char *why, struct mip_now now)
{
	fa_count(core, counter);
	if (mip_log_allowed(&core->security_log, now.boot, NULL))
		mip_log(core->environment.log, MIP_LOG_WARNING, "a revocation message from %s is dropped: %s",
			MIP_TEXT(datagram->source), why);
}

/* 0, or it is dropped and counted. */
static int read_extensions(
	struct fa_core *core, struct mip_reader *reader, struct mip_extensions *ret_extensions)
{
	if (mip_extensions_read(reader, ret_extensions) < 0) {
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		return -EBADMSG;
	}
	if (ret_extensions->unknown_not_skippable) {
		fa_count(core, FA_COUNT_DROP_UNKNOWN_EXTENSION);
		return -EBADMSG;
	}
	return 0;
}

static bool is_authentic(const struct mip_association *association, const struct mip_input_datagram *datagram,
	const struct mip_extensions *extensions)
{
	return association &&
	       mip_revocation_authenticate(association, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
		       datagram->octets, extensions) == 0;
}

static void acknowledge(struct fa_core *core, const struct mip_input_datagram *datagram,
	const struct mip_revocation *revocation, bool informed, struct mip_now now)
{
	/* rfc3543-4.2.2.2-6: "generate a revocation acknowledgment, setting the Home Address and Identifier
	 * field […] and protect it". rfc3543-3.4-2: I "MUST NOT be set to '1' […] unless it was set to '1' in
	 * the revocation message". */
	struct mip_revocation_ack ack = {
		.inform = informed && revocation->inform,
		.home_address = revocation->home_address,
		.identifier = revocation->identifier,
	};

	mip_revoker_acknowledge(&core->revoker,
		fa_home_agent_association(&core->settings, revocation->home_domain),
		MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, datagram, &ack, now);
}

/* rfc3543-4.2.2.2-2: "identify the binding […], namely the addresses identified by the mobile node address,
 * the foreign domain address, the home domain address". rfc3543-AppB-2: by the pair of home agent and home
 * address. */
static bool is_about(const struct fa_visitor *visitor, const struct mip_revocation *revocation)
{
	return visitor && visitor->registration.revocation.negotiated &&
	       mip_address_equal(visitor->home_agent, revocation->home_domain) &&
	       mip_address_equal(visitor->registration.request.care_of_address, revocation->foreign_domain);
}

/* rfc3543-4.2.2.2-4, -5, rfc3543-3.3-3: with I agreed on, the home agent's I says whether the node is informed. */
static bool shall_inform(
	const struct fa_core *core, const struct fa_visitor *visitor, const struct mip_revocation *revocation)
{
	if (visitor->registration.revocation.inform)
		return revocation->inform;
	return core->settings.values.revocation.inform;
}

static void end_visitor(struct fa_core *core, struct fa_visitor *visitor,
	const struct mip_input_datagram *datagram, const struct mip_revocation *revocation,
	struct mip_now now)
{
	struct mip_revoked revoked = describe(core, visitor);

	revoked.informed = shall_inform(core, visitor, revocation);
	revoked.identifier = revocation->identifier;
	if (mip_revoker_remember(&core->revoker, &revoked, now) < 0)
		fa_count(core, FA_COUNT_DROP_NO_MEMORY);
	/* rfc3543-4.2.2.2-3: "Upon locating the binding, the foreign agent MUST revoke it, and MUST respond
	 * with a revocation acknowledgment". */
	fa_visitor_remove(core, visitor, "revoked by the home agent", FA_COUNT_VISITORS_REVOKED);
	acknowledge(core, datagram, revocation, revoked.informed, now);
	if (revoked.informed)
		inform(core, &revoked);
}

/* It is not on the list any more: the answer to this revocation, or to ours, was lost. */
static void repeat(struct fa_core *core, struct mip_revoked *revoked,
	const struct mip_input_datagram *datagram, const struct mip_revocation *revocation,
	struct mip_now now)
{
	uint32_t before = revoked->received ? revoked->identifier : revoked->terms.theirs;

	if (!mip_revocation_is_later(revocation->identifier, before)) {
		drop(core, FA_COUNT_DROP_REVOCATION_REPLAY, datagram, "it is a replay", now);
		return;
	}
	revoked->received = true;
	revoked->identifier = revocation->identifier;
	acknowledge(core, datagram, revocation, revoked->informed, now);
}

static void act(struct fa_core *core, const struct mip_input_datagram *datagram,
	const struct mip_revocation *revocation, struct mip_now now)
{
	struct fa_visitor *visitor = fa_visitor_find(core, revocation->home_address, revocation->home_domain);
	struct mip_revoked *revoked = mip_revoker_find(&core->revoker, revocation->home_address,
		revocation->home_domain, revocation->foreign_domain);

	if (is_about(visitor, revocation)) {
		/* "the timestamp of a registration MUST precede the revocation message". */
		if (mip_revocation_is_later(revocation->identifier, visitor->registration.revocation.theirs))
			end_visitor(core, visitor, datagram, revocation, now);
		else
			drop(core, FA_COUNT_DROP_REVOCATION_REPLAY, datagram, "it is a replay", now);
	} else if (revoked) {
		repeat(core, revoked, datagram, revocation, now);
	} else {
		fa_count(core, FA_COUNT_DROP_REVOCATION_UNKNOWN);
	}
}

static void revocation_input(struct fa_core *core, const struct mip_input_datagram *datagram,
	struct mip_reader *reader, struct mip_now now)
{
	struct mip_revocation revocation;
	struct mip_extensions extensions;

	if (mip_revocation_read(reader, &revocation) < 0) {
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		return;
	}
	if (read_extensions(core, reader, &extensions) < 0)
		return;
	/* rfc3543-4.2.2.2-1: "MUST check that the validity of the authenticator, the 'A' bit, and the identifier
	 * field against replay": here and in act(). rfc3543-3.5-1: all "MUST be authenticated as well be
	 * replay-protected". */
	/* rfc3543-AppB-3: "with the home domain field set to the zero address it MUST be silently discarded":
	 * nobody shares an association by that name. rfc3543-3.3-8: without a valid authenticator it "MUST be
	 * ignored, and silently discarded". */
	if (!is_authentic(fa_home_agent_association(&core->settings, revocation.home_domain), datagram,
		    &extensions)) {
		fa_count(core, FA_COUNT_SECURITY_EXCEPTIONS);
		drop(core, FA_COUNT_DROP_REVOCATION_AUTHENTICATION, datagram,
			"its home agent's authenticator is not there or not valid", now);
		return;
	}
	/* rfc3543-3.5-3: "not a reflection of a revocation message it sent": ours have A = 0. */
	if (!revocation.from_home_agent) {
		drop(core, FA_COUNT_DROP_REVOCATION_REPLAY, datagram, "it is a reflection", now);
		return;
	}
	fa_count(core, FA_COUNT_REVOCATIONS_RECEIVED);
	act(core, datagram, &revocation, now);
}

static void acknowledged(struct fa_core *core, struct mip_revoked *revoked,
	const struct mip_revocation_ack *ack, struct mip_now now)
{
	/* rfc3543-3.4-3: an I that was not asked for "MUST be ignored". */
	bool wanted = revoked->message.inform && ack->inform;

	fa_count(core, FA_COUNT_REVOCATION_ACKS_RECEIVED);
	if (wanted)
		inform(core, revoked);
	tell(core, "revocation_acknowledged", revoked, wanted);
	mip_revoker_settle(&core->revoker, revoked, now);
}

static void ack_input(struct fa_core *core, const struct mip_input_datagram *datagram,
	struct mip_reader *reader, struct mip_now now)
{
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;
	struct mip_revoked *revoked;

	if (mip_revocation_ack_read(reader, &ack) < 0) {
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		return;
	}
	if (read_extensions(core, reader, &extensions) < 0)
		return;
	revoked = mip_revoker_find_acknowledged(&core->revoker, datagram->source, &ack);
	/* rfc3543-3.5-6: "If not, this revocation acknowledgment message MUST be silently discarded." */
	if (!revoked) {
		fa_count(core, FA_COUNT_DROP_REVOCATION_UNKNOWN);
		return;
	}
	if (!is_authentic(revoked->association, datagram, &extensions)) {
		fa_count(core, FA_COUNT_SECURITY_EXCEPTIONS);
		drop(core, FA_COUNT_DROP_REVOCATION_AUTHENTICATION, datagram,
			"the acknowledgment has no valid authenticator", now);
		return;
	}
	acknowledged(core, revoked, &ack, now);
}

void fa_revocation_input(struct fa_core *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(datagram->octets, datagram->length);

	if (!core->settings.values.revocation.enabled || !fa_address_is_own(core, datagram->destination))
		fa_count(core, FA_COUNT_DROP_OTHER_TYPE);
	else if (mip_message_type(datagram->octets, datagram->length) == MIP_MESSAGE_REVOCATION)
		revocation_input(core, datagram, &reader, now);
	else
		ack_input(core, datagram, &reader, now);
}

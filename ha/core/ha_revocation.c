/*
 * Registration revocation at the home agent (RFC 3543): a foreign agent that shares an association, or a node
 * that registers its co-located care-of address directly, offers its part in the request; the reply accepts.
 * After that either side may end the binding:
 *
 *   `ha revoke`, the node is no longer configured, it has moved on ── Revocation, A=1 ──> foreign agent, or node
 *   foreign agent ── Revocation, A=0 ──> the binding is removed ── Acknowledgment ──> foreign agent
 *
 * "Direct" is a node that registers with the D bit, from its care-of address or from behind a NAT. With the D
 * bit through a foreign agent nothing is agreed on (4.3.2): nobody can tell who that agent is.
 */
#include "ha_internal.h"

#include <errno.h>

#include "packet.h"

enum {
	CONTINUE = 0,
};

int ha_revocation_configure(struct ha_core *core)
{
	struct mip_revoker_environment environment = {
		.outbox = &core->outbox,
		.deadlines = &core->deadlines,
		.deadline_kind = HA_DEADLINE_REVOCATION,
		.random = &core->random,
		.revocations_sent = &core->counters[HA_COUNTER_REVOCATIONS_SENT],
		.acknowledgments_sent = &core->counters[HA_COUNTER_REVOCATION_ACKS_SENT],
		.acknowledgments_withheld = &core->counters[HA_COUNTER_DROP_REVOCATION_LIMIT],
	};

	if (!core->revoker.environment.outbox)
		mip_revoker_init(&core->revoker, &environment);
	return mip_revoker_configure(&core->revoker, &core->settings.revocation);
}

/* --- negotiation, 4.2.1 ----------------------------------------------------------------------- */

static const struct mip_extension *extension_of(const struct ha_request *request, enum mip_slot slot)
{
	return mip_extension_of(&request->extensions, slot);
}

static bool is_co_located(const struct ha_request *request)
{
	return request->fields.flags & MIP_REQUEST_D;
}

int ha_revocation_judge(const struct ha_core *core, struct ha_request *request)
{
	const struct mip_extension *support = extension_of(request, MIP_SLOT_REVOCATION_SUPPORT);
	const struct mip_extension *agent = extension_of(request, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);

	/* rfc3543-3.2-10: who does not take part "MUST skip it, and continue processing". */
	if (!support || !core->settings.revocation.enabled)
		return CONTINUE;
	if (support->offset < request->node_authentication->offset) {
		/* The node's own: rfc3543-3.2-2, "a mobile node which is not co-located MUST NOT include" it,
		 * so there it says nothing. */
		request->revocation_direct = is_co_located(request);
		request->revocation_offered = is_co_located(request);
	} else if (!request->agent || !agent || support->offset > agent->offset) {
		/* rfc3543-3.2-6, -7: "MUST be protected"; if not, "the appropriate action as described by [1]
		 * (Sections 3.8.2.1. …) MUST be taken": the foreign agent has failed authentication. */
		return MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION;
	} else {
		/* 4.3.2: "support for a co-located mobile node […] registering via a foreign agent is not
		 * supported". */
		request->revocation_offered = !is_co_located(request);
	}
	if (mip_revocation_support_read(support, &request->revocation_offer) < 0)
		request->revocation_offered = false;
	return CONTINUE;
}

/* Whether the node that offers it is where the request came from. */
static bool is_direct(const struct ha_request *request)
{
	return mip_address_equal(request->source, request->fields.care_of_address) ||
	       (request->encapsulation == MIP_ENCAPSULATION_UDP && !request->half_bound);
}

static void forget_revoked(struct ha_core *core, struct mip_revoked *revoked)
{
	if (revoked->under_way)
		ha_record_forget_revocation(core, revoked);
	mip_revoker_forget(&core->revoker, revoked);
}

void ha_revocation_agree(struct ha_core *core, struct ha_request *request)
{
	const struct mip_revocation_settings *settings = &core->settings.revocation;
	struct ha_binding *binding = ha_binding_at(request->node, request->fields.care_of_address);
	struct mip_revoked *revoked;

	if (request->fields.lifetime == 0 || !binding)
		return;
	revoked = mip_revoker_find(
		&core->revoker, binding->home_address, request->source, binding->care_of_address);
	binding->revocation = (struct mip_revocation_terms){.sent = request->now.boot};
	binding->direct = request->revocation_direct || (is_co_located(request) && is_direct(request));
	/* Registered anew by the same way: a repetition of the revocation would end it. */
	if (revoked)
		forget_revoked(core, revoked);
	/* rfc3543-4.2.1-5: without one it "SHOULD assume the foreign agent does not understand registration
	 * revocation, or is unwilling to participate": nothing is negotiated. */
	/* rfc3543-3.2-4: without an extension in the request it "SHOULD NOT include a revocation support
	 * extension in the associated registration reply". */
	if (!settings->enabled || !request->revocation_offered ||
		(request->revocation_direct && !is_direct(request)))
		return;
	request->revocation_agreed = true;
	request->revocation_answer = (struct mip_revocation_support){
		/* rfc3543-3.2-9: I in answer to no I "is undefined, and SHOULD NOT be done". */
		.inform = settings->inform_bit && request->revocation_offer.inform,
		.timestamp = mip_revoker_timestamp(&core->revoker, request->now),
	};
	binding->revocation.negotiated = true;
	binding->revocation.inform = request->revocation_answer.inform;
	binding->revocation.own = request->revocation_answer.timestamp;
	binding->revocation.theirs = request->revocation_offer.timestamp;
}

void ha_revocation_write(
	const struct ha_request *request, bool for_agent, uint8_t code, struct mip_writer *writer)
{
	/* rfc3543-3.2-1: "MUST be attached to a […] registration reply by any entity that wants to receive
	 * revocation messages". */
	/* rfc3543-4.2.1-4, -7: "it MUST append a revocation support extension to the registration reply". */
	if (request->revocation_agreed && request->revocation_direct != for_agent &&
		mip_code_is_accepted(code))
		mip_revocation_support_write(writer, &request->revocation_answer);
}

/* --- our own revocations, 4.2.2.1 -------------------------------------------------------------- */

static struct mip_association *association_of(const struct ha_core *core, const struct ha_binding *binding)
{
	const struct ha_foreign_agent *agent;

	if (binding->direct)
		return binding->node->association;
	agent = ha_foreign_agent_by_address(&core->tables, binding->source);
	return agent ? agent->association : NULL;
}

static struct mip_revoked describe(const struct ha_core *core, const struct ha_binding *binding)
{
	bool behind_nat = binding->direct && binding->encapsulation == MIP_ENCAPSULATION_UDP;

	return (struct mip_revoked){
		.key = {binding->home_address, binding->source},
		.message =
			{
				/* rfc3543-4.2.2.1-2: "it MUST set the 'A' bit to '1'". */
				.from_home_agent = true,
				.home_address = binding->home_address,
				.home_domain = binding->home_agent,
				.foreign_domain = binding->care_of_address,
			},
		/* 3.3: from the address "of the home agent" that was registered, to "the source address of the
		 * last approved registration request for this binding", port 434. A NAT lets nothing in but to
		 * the port that the request came from. */
		.way =
			{
				.source = binding->home_agent,
				.destination = binding->source,
				.destination_port = behind_nat ? binding->source_port : MIP_REGISTRATION_PORT,
			},
		.authentication = binding->direct ? MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION
						  : MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
		.association = association_of(core, binding),
		.terms = binding->revocation,
		.expires = binding->expires,
	};
}

static void tell(struct ha_core *core, const char *name, const struct mip_revoked *revoked, bool informed)
{
	struct mip_event event = mip_event_of(name);

	mip_event_address(&event, "home_address", revoked->message.home_address);
	mip_event_address(&event, "care_of_address", revoked->message.foreign_domain);
	mip_event_address(&event, "peer", revoked->key.peer);
	mip_event_boolean(&event, "informed", informed);
	mip_outbox_event(&core->outbox, &event);
}

void ha_revocation_begin(
	struct ha_core *core, const struct ha_binding *binding, bool inform, struct mip_now now)
{
	struct mip_revoked revoked = describe(core, binding);
	int status;

	/* rfc3543-4.2.2.1-1: if "revocation support has been negotiated, the home agent MUST notify the
	 * foreign domain address". */
	if (!binding->revocation.negotiated || !core->settings.revocation.enabled)
		return;
	/* rfc3543-4.2.2.1-3, -4, rfc3543-3.3-2: I only if negotiated, and if the node is to be informed. To a direct
	 * node "this bit is essentially irrelevant, but SHOULD be set to '1'" (rfc3543-3.3-4). */
	revoked.message.inform = binding->revocation.inform &&
				 (binding->direct || (inform && core->settings.revocation.inform));
	status = revoked.association ? mip_revoker_begin(&core->revoker, &revoked, now) : -ENOKEY;
	if (status < 0)
		mip_log(core->log, MIP_LOG_WARNING, "%s is not told that the binding of %s is over: %s",
			MIP_TEXT(binding->source), MIP_TEXT(binding->home_address),
			status == -ENOSPC   ? "too many revocations are under way"
			: status == -ESTALE ? "its lifetime ends by itself"
					    : "no association or no memory");
	else
		ha_record_keep_revocation(core,
			mip_revoker_find(&core->revoker, revoked.key.home_address, revoked.key.peer,
				revoked.message.foreign_domain),
			now);
}

int ha_revocation_restore(struct ha_core *core, const struct mip_revoked *what, struct mip_now now)
{
	struct mip_revoked revoked = *what;
	const struct ha_foreign_agent *agent = ha_foreign_agent_by_address(&core->tables, what->key.peer);
	const struct ha_node *node = ha_node_by_address(&core->tables, what->key.home_address);
	int status;

	if (what->authentication == MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION)
		revoked.association = agent ? agent->association : NULL;
	else
		revoked.association = node ? node->association : NULL;
	if (!revoked.association || !core->settings.revocation.enabled)
		return -ESTALE;
	status = mip_revoker_begin(&core->revoker, &revoked, now);
	return status == -ENOSPC ? -ESTALE : status;
}

void ha_revocation_due(struct ha_core *core, struct mip_revoked *revoked, struct mip_now now)
{
	if (!mip_revoker_due(&core->revoker, revoked, now)) {
		ha_record_keep_revocation(core, revoked, now);
		return;
	}
	if (revoked->under_way) {
		ha_count(core, HA_COUNTER_REVOCATIONS_UNANSWERED);
		tell(core, "revocation_unanswered", revoked, false);
	}
	forget_revoked(core, revoked);
}

/* --- messages, 4.2.3.2 ------------------------------------------------------------------------- */

/* A message on its way through here. */
struct received {
	const struct ha_request *by; /* the addresses, the octets, the time */
	struct mip_input_datagram datagram;
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;
};

static void drop(
	struct ha_core *core, const struct received *received, enum ha_counter reason, const char *why)
{
	uint64_t missed = 0;

	ha_count(core, reason);
	if (mip_log_allowed(&core->limit, received->by->now.boot, &missed))
		mip_log(core->log, MIP_LOG_WARNING,
			"a revocation message from %s is dropped: %s (%llu more not shown)",
			MIP_TEXT(received->by->source), why, (unsigned long long)missed);
}

static int parse(struct ha_core *core, struct received *received, bool is_ack)
{
	struct mip_reader reader = mip_reader_of(received->by->octets, received->by->length);
	int status = is_ack ? mip_revocation_ack_read(&reader, &received->ack)
			    : mip_revocation_read(&reader, &received->revocation);

	if (status < 0 || mip_extensions_read(&reader, &received->extensions) < 0) {
		ha_count(core, HA_COUNTER_DROP_MALFORMED);
		return -EBADMSG;
	}
	if (received->extensions.unknown_not_skippable) {
		ha_count(core, HA_COUNTER_DROP_UNKNOWN_EXTENSION);
		return -EBADMSG;
	}
	return 0;
}

/* Appendix A.2: "uses the address identified as the foreign domain address to identify the security
 * association". An agent whose care-of address is another than its own is known by that, as in requests. */
static const struct ha_foreign_agent *agent_of(const struct ha_core *core, const struct received *received)
{
	const struct ha_foreign_agent *agent =
		ha_foreign_agent_by_address(&core->tables, received->revocation.foreign_domain);

	return agent ? agent : ha_foreign_agent_by_address(&core->tables, received->by->source);
}

static bool is_authentic(
	const struct received *received, const struct mip_association *association, uint8_t type)
{
	return association && mip_revocation_authenticate(
				      association, type, received->by->octets, &received->extensions) == 0;
}

static void acknowledge(struct ha_core *core, const struct received *received,
	const struct ha_foreign_agent *agent, bool inform)
{
	/* rfc3543-4.2.3.2-7: "MUST set the Home Address, and Revocation Identifier fields as described". */
	struct mip_revocation_ack ack = {
		.inform = inform,
		.home_address = received->revocation.home_address,
		.identifier = received->revocation.identifier,
	};

	/* rfc3543-4.2.3.2-4: "MUST send a revocation acknowledgment to the IP source address of the
	 * registration revocation message". */
	mip_revoker_acknowledge(&core->revoker, agent->association, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
		&received->datagram, &ack, received->by->now);
}

/* rfc3543-4.2.3.2-2: "locate the binding […] using […] the addresses identified by the home address, the
 * foreign domain address and the home domain address fields". An agent speaks for its own bindings only. */
static bool is_about(const struct ha_binding *binding, const struct mip_revocation *revocation,
	const struct ha_foreign_agent *agent)
{
	return binding->revocation.negotiated && !binding->direct &&
	       mip_address_equal(binding->care_of_address, revocation->foreign_domain) &&
	       mip_address_equal(binding->home_agent, revocation->home_domain) &&
	       mip_address_equal(binding->source, agent->address);
}

static void end_binding(struct ha_core *core, const struct received *received, struct ha_binding *binding,
	const struct ha_foreign_agent *agent)
{
	struct mip_revoked revoked = describe(core, binding);

	/* rfc3543-4.2.3.2-5, -6, rfc3543-3.4-2: if I was negotiated, and is set in the revocation. */
	revoked.informed =
		binding->revocation.inform && received->revocation.inform && core->settings.revocation.inform;
	revoked.identifier = received->revocation.identifier;
	if (mip_revoker_remember(&core->revoker, &revoked, received->by->now) < 0)
		ha_count(core, HA_COUNTER_DROP_FAILED);
	ha_count(core, HA_COUNTER_BINDINGS_REVOKED);
	ha_binding_remove(core, binding, false, "revoked by the foreign agent", received->by->now);
	acknowledge(core, received, agent, revoked.informed);
}

/* The binding is gone already: our acknowledgment was lost, or we have revoked it ourselves meanwhile. */
static void repeat(struct ha_core *core, const struct received *received, struct mip_revoked *revoked,
	const struct ha_foreign_agent *agent)
{
	uint32_t before = revoked->received ? revoked->identifier : revoked->terms.theirs;

	if (!mip_revocation_is_later(received->revocation.identifier, before)) {
		drop(core, received, HA_COUNTER_DROP_REVOCATION_REPLAY, "it is a replay");
		return;
	}
	if (!revoked->received)
		revoked->informed = revoked->message.inform && received->revocation.inform;
	revoked->received = true;
	revoked->identifier = received->revocation.identifier;
	acknowledge(core, received, agent, revoked->informed && received->revocation.inform);
}

static void act(struct ha_core *core, const struct received *received, const struct ha_foreign_agent *agent)
{
	const struct mip_revocation *revocation = &received->revocation;
	struct ha_binding *binding = ha_binding_find(core, revocation->home_address);
	struct mip_revoked *revoked = mip_revoker_find(
		&core->revoker, revocation->home_address, agent->address, revocation->foreign_domain);

	while (binding && !is_about(binding, revocation, agent))
		binding = binding->sibling;
	if (binding) {
		/* rfc3543-4.2.3.2-3: "the timestamp of a registration MUST precede the revocation message
		 * (note that both of those timestamps were set by the same foreign agent)". */
		if (mip_revocation_is_later(revocation->identifier, binding->revocation.theirs))
			end_binding(core, received, binding, agent);
		else
			drop(core, received, HA_COUNTER_DROP_REVOCATION_REPLAY, "it is a replay");
	} else if (revoked && mip_address_equal(revoked->message.home_domain, revocation->home_domain)) {
		repeat(core, received, revoked, agent);
	} else {
		ha_count(core, HA_COUNTER_DROP_REVOCATION_UNKNOWN);
	}
}

static void revocation_input(struct ha_core *core, struct received *received)
{
	const struct ha_foreign_agent *agent;

	if (parse(core, received, false) < 0)
		return;
	agent = agent_of(core, received);
	/* rfc3543-4.2.3.2-1: "MUST check the 'A' bit, and identifier field, as well as the authenticator": here
	 * and in act(). rfc3543-6.2-1: the authenticators of RFC 5944. rfc3543-3.5-1: "MUST be authenticated as
	 * well be replay-protected". rfc3543-3.3-8: otherwise "MUST be ignored, and silently discarded". */
	if (!agent ||
		!is_authentic(received, agent->association, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION)) {
		drop(core, received, HA_COUNTER_DROP_REVOCATION_AUTHENTICATION,
			"its foreign agent's authenticator is not there or not valid");
		return;
	}
	/* rfc3543-3.5-3: "not a reflection of a revocation message it sent": ours have A = 1. */
	if (received->revocation.from_home_agent) {
		drop(core, received, HA_COUNTER_DROP_REVOCATION_REPLAY, "it is a reflection");
		return;
	}
	ha_count(core, HA_COUNTER_REVOCATIONS_RECEIVED);
	act(core, received, agent);
}

static void ack_input(struct ha_core *core, struct received *received)
{
	struct mip_revoked *revoked;

	if (parse(core, received, true) < 0)
		return;
	revoked = mip_revoker_find_acknowledged(&core->revoker, received->by->source, &received->ack);
	/* rfc3543-3.5-6: "this revocation acknowledgment message MUST be silently discarded". */
	if (!revoked) {
		ha_count(core, HA_COUNTER_DROP_REVOCATION_UNKNOWN);
		return;
	}
	if (!is_authentic(received, revoked->association, revoked->authentication)) {
		drop(core, received, HA_COUNTER_DROP_REVOCATION_AUTHENTICATION,
			"the acknowledgment has no valid authenticator");
		return;
	}
	ha_count(core, HA_COUNTER_REVOCATION_ACKS_RECEIVED);
	/* rfc3543-3.4-3: an I that we did not set "MUST be ignored". */
	tell(core, "revocation_acknowledged", revoked, revoked->message.inform && received->ack.inform);
	ha_record_forget_revocation(core, revoked);
	mip_revoker_settle(&core->revoker, revoked, received->by->now);
}

void ha_revocation_input(struct ha_core *core, const struct ha_request *request)
{
	struct received received = {
		.by = request,
		.datagram =
			{
				.link = request->link,
				.source = request->source,
				.source_port = request->source_port,
				.destination = request->destination,
				.destination_port = request->destination_port,
			},
	};

	/* The answer comes from where the message went to. */
	if (!ha_is_own_address(core, request->destination))
		ha_count(core, HA_COUNTER_DROP_NOT_FOR_US);
	else if (mip_message_type(request->octets, request->length) == MIP_MESSAGE_REVOCATION)
		revocation_input(core, &received);
	else
		ack_input(core, &received);
}

/*
 * Registration Replies (RFC 5944 3.6.2): parsed whole, then authenticated, then acted on. What is not
 * believed is counted and changes nothing.
 */
#include "mn_machine.h"

#include <errno.h>
#include "authenticator.h"
#include "extension.h"
#include "revocation.h"

struct reply {
	const struct mn_received *received;
	struct mip_registration_reply fixed;
	struct mip_extensions extensions;
};

/* RFC 5944 3.4: codes 64 to 127 are the foreign agent's; of those defined later, 193 and 194 too. */
static bool is_from_foreign_agent(uint8_t code)
{
	return (code >= 64 && code < 128) || code == MIP_CODE_FA_NO_HOME_REGISTRATION ||
	       code == MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS;
}

static int drop(struct mn_core *core, enum mn_counter counter)
{
	mn_count(core, counter);
	return -EBADMSG;
}

static int security_exception(
	struct mn_core *core, enum mn_counter counter, const struct reply *reply, struct mip_now now)
{
	/* rfc5944-3.6.2.1-7, rfc5944-3.6.2.1-9: MUST silently discard and SHOULD log the event as a security
	 * exception. */
	mn_warn(core, now, "security exception: a Registration Reply without the right authenticator",
		reply->received->source);
	return drop(core, counter);
}

/* rfc5944-3.6.2.1-6, rfc5944-3.6.2.1-8: exactly one, and its authenticator is right. */
static int check_authenticator(struct mn_core *core, const struct mip_association *association,
	enum mip_slot slot, const struct reply *reply, struct mip_now now)
{
	const struct mip_extension *extension = mip_extension_of(&reply->extensions, slot);

	if (!extension || reply->extensions.occurrences[slot] != 1)
		return security_exception(core, MN_COUNT_DROP_UNAUTHENTICATED, reply, now);
	if (mip_authenticator_check(association, reply->received->octets, extension) < 0)
		return security_exception(core, MN_COUNT_DROP_AUTHENTICATOR, reply, now);
	return 0;
}

static bool is_relayed(const struct mn_place *place)
{
	return place->mode != MN_MODE_HOME && !mip_address_is_none(place->agent);
}

/* Only the agent that was asked can deny, and without an association nothing else vouches for it. */
static int check_agent(struct mn_core *core, const struct reply *reply)
{
	const struct mn_place *place = &core->attempt.place;

	if (!is_relayed(place) || place->link != reply->received->link ||
		!mip_address_equal(place->agent, reply->received->source))
		return drop(core, MN_COUNT_DROP_WRONG_SENDER);
	return 0;
}

/* rfc5944-3.6.2.1-4, rfc5944-3.6.2.1-5: MUST check for the presence of an authorization-enabling
 * extension, in accordance with the Code. */
static int authenticate(struct mn_core *core, const struct reply *reply, struct mip_now now)
{
	const struct mn_place *place = &core->attempt.place;
	const struct mip_association *shared =
		is_relayed(place) ? mn_settings_foreign_agent(&core->settings, place->agent) : NULL;
	int result = 0;

	if (shared)
		result =
			check_authenticator(core, shared, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION, reply, now);
	if (result == 0 && !is_from_foreign_agent(reply->fixed.code))
		result = check_authenticator(core, mn_home_agent_answering(core, reply->fixed.home_agent),
			MIP_SLOT_MOBILE_HOME_AUTHENTICATION, reply, now);
	if (result == 0 && (is_from_foreign_agent(reply->fixed.code) ||
				   reply->extensions.present[MIP_SLOT_FOREIGN_AGENT_ERROR]))
		result = check_agent(core, reply);
	return result;
}

/* Is it an answer to what was asked? */
static int match(struct mn_core *core, const struct reply *reply)
{
	const struct mn_attempt *attempt = &core->attempt;

	/* rfc5944-5.7-4, rfc5944-5.7.1-8, rfc5944-3.6.2.1-2, rfc5944-3.6.2.1-3: the low-order 32 bits of the
	 * most recent request's identification. */
	if (!attempt->active || !attempt->awaiting ||
		!mip_replay_matches(attempt->identification, reply->fixed.identification))
		return drop(core, MN_COUNT_DROP_UNMATCHED);
	if (!mip_address_is_none(attempt->home_address) &&
		!mip_address_equal(attempt->home_address, reply->fixed.home_address))
		return drop(core, MN_COUNT_DROP_UNMATCHED);
	return 0;
}

static int parse(struct mn_core *core, const struct mn_received *received, struct reply *ret_reply)
{
	struct mip_reader reader = mip_reader_of(received->octets, received->length);
	struct reply reply = {.received = received};

	if (mip_reply_read(&reader, &reply.fixed) < 0 || mip_extensions_read(&reader, &reply.extensions) < 0)
		return drop(core, MN_COUNT_DROP_MALFORMED);
	if (reply.extensions.unknown_not_skippable)
		return drop(core, MN_COUNT_DROP_UNKNOWN_EXTENSION);
	*ret_reply = reply;
	return 0;
}

/* An extension of the home agent's: it stands before the authenticator that covers it. */
static const struct mip_extension *covered(const struct reply *reply, enum mip_slot slot)
{
	const struct mip_extension *extension = mip_extension_of(&reply->extensions, slot);
	const struct mip_extension *authentication =
		mip_extension_of(&reply->extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);

	return extension && authentication && extension->offset < authentication->offset ? extension : NULL;
}

/* What the foreign agent has added stands after the home agent's authenticator. If the home agent's own
 * copy of the request's challenge is still there, it is the first. */
static bool last_challenge(const struct reply *reply, struct mip_extension *ret_challenge)
{
	struct mip_reader reader = mip_reader_of(reply->received->octets, reply->received->length);
	struct mip_extension extension;
	bool found = false;

	mip_read_skip(&reader, MIP_REPLY_LENGTH);
	while (mip_extension_next(&reader, &extension) > 0) {
		if (extension.type != MIP_EXTENSION_CHALLENGE)
			continue;
		*ret_challenge = extension;
		found = true;
	}
	return found;
}

/* The challenge of the request has been used; RFC 4721 3.3: an agent gives the one for the next along with
 * its reply. */
static void learn_challenge(struct mn_core *core, const struct reply *reply)
{
	const struct mn_place *place = &core->attempt.place;
	struct mn_agent *agent = is_relayed(place) ? mn_agent_find(core, place->link, place->agent) : NULL;
	struct mip_extension challenge;

	if (!agent)
		return;
	mn_agent_challenge_spend(agent);
	if (last_challenge(reply, &challenge))
		(void)mn_agent_challenge(agent, challenge.data, challenge.data_length);
}

/* --- accepted --------------------------------------------------------------------------------- */

static void agree_on_revocation(
	const struct mn_attempt *attempt, const struct reply *reply, struct mn_grant *grant)
{
	/* Before the home agent's authenticator, rfc3543-3.2-6: else it is not protected. */
	const struct mip_extension *extension = covered(reply, MIP_SLOT_REVOCATION_SUPPORT);
	struct mip_revocation_support support;

	if (!attempt->revocation_offered || !extension ||
		mip_revocation_support_read(extension, &support) < 0)
		return;
	grant->revocable = true;
	grant->home_agent_timestamp = support.timestamp;
}

/* rfc3519-4.4-3: without a UDP Tunnel Reply the home agent does not understand it: no UDP tunnelling. */
static struct mn_grant grant_of(const struct mn_attempt *attempt, const struct reply *reply)
{
	const struct mip_extension *extension = covered(reply, MIP_SLOT_UDP_TUNNEL_REPLY);
	struct mip_udp_tunnel_reply udp;
	struct mn_grant grant = {
		.source = reply->received->source,
		/* rfc5944-3.4-3: greater than in the Request: the Lifetime in the Request MUST be used;
		 * rfc5944-3.4-4: less: that in the Reply. */
		.lifetime =
			reply->fixed.lifetime < attempt->lifetime ? reply->fixed.lifetime : attempt->lifetime,
		/* RFC 5944 3.8.2.2: code 0 "if the home agent supports simultaneous mobility bindings, or 1
		 * if it does not". */
		.retained = (attempt->flags & MIP_REQUEST_S) && reply->fixed.code == MIP_CODE_ACCEPTED,
		/* RFC 3024 4.1.2: acceptance is the assurance that the agents support what was requested. */
		.encapsulation = mip_request_encapsulation(attempt->flags),
	};

	/* rfc3519-3.1.1-3: "In this case, the mobile node MUST NOT use MIP UDP tunnelling." */
	/* rfc3519-4.6-13: a home agent may change its mind: what counts is this reply. */
	/* rfc3519-4.7-1: "UDP tunnelling SHALL be used only for data packets, and only when the mobility
	 * binding used for …" */
	if (attempt->udp_offered && extension && mip_udp_tunnel_reply_read(extension, &udp) == 0 &&
		udp.code < 64) {
		grant.encapsulation = MIP_ENCAPSULATION_UDP;
		grant.keepalive_interval = udp.keepalive_interval;
	}
	agree_on_revocation(attempt, reply, &grant);
	return grant;
}

/* RFC 2794, rfc5944-3.6-2: a node without a home address takes the one in the reply. */
static bool learn_addresses(struct mn_core *core, const struct reply *reply, struct mip_now now)
{
	bool needs_address = mip_address_is_none(core->home_address);

	if ((needs_address && !mip_address_is_unicast(reply->fixed.home_address)) ||
		!mn_home_agent_accepted(core, reply->fixed.home_agent))
		return false;
	if (!needs_address)
		return true;
	core->home_address = reply->fixed.home_address;
	mn_agents_judge_home(core);
	mip_log(core->log, MIP_LOG_NOTICE, "the home agent has given the home address %s",
		MIP_TEXT(core->home_address));
	if (core->attempt.place.mode == MN_MODE_HOME)
		mn_arp_announce(core, now);
	return true;
}

/* rfc5944-3.4-5: the Lifetime field of a denial MUST be ignored, but for code 69. */
static void denied(struct mn_core *core, const struct reply *reply, struct mip_now now);

static void accepted(struct mn_core *core, const struct reply *reply, struct mip_now now)
{
	struct mn_grant grant = grant_of(&core->attempt, reply);

	/* A lifetime of zero to one who asked for more is no binding. RFC 3115 2.3: with a critical extension
	 * of an unknown vendor the reply is treated as a reject. */
	if (mip_extension_of(&reply->extensions, MIP_SLOT_CRITICAL_VENDOR) ||
		(core->attempt.lifetime > 0 && grant.lifetime == 0) || !learn_addresses(core, reply, now)) {
		denied(core, reply, now);
		return;
	}
	mn_binding_accept(core, &grant, now);
}

/* --- denied ----------------------------------------------------------------------------------- */

/* rfc3024-3.4-2: "… mobile nodes may receive (and MUST accept) code 70 (poorly formed request) …" */
/* RFC 5944 3.6.2.3: what the node can repair by asking otherwise, from now on: a renewal, or a handover with
 * its one request a second, must not be denied for the same again. True: it is this place's own fault. */
static bool repair(struct mn_core *core, const struct reply *reply)
{
	struct mn_agent *agent = mn_agent_find(core, core->attempt.place.link, core->attempt.place.agent);
	uint8_t encapsulations = core->attempt.flags & MIP_REQUEST_ENCAPSULATIONS;

	switch (reply->fixed.code) {
	case MIP_CODE_FA_LIFETIME_TOO_LONG:
		if (agent)
			agent->lifetime_most = reply->fixed.lifetime;
		return false;
	case MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY:
		if (agent)
			agent->reverse_mandatory = true;
		return false;
	case MIP_CODE_HA_REVERSE_TUNNEL_MANDATORY:
		core->reverse_mandatory = true;
		return false;
	case MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE:
		core->reverse_refused = true;
		return false;
	case MIP_CODE_FA_DELIVERY_STYLE_UNSUPPORTED:
		/* RFC 3024 4.1.2 a: "MAY try modifying the registration request (for example, by eliminating the request for
		 * alternate forms of encapsulation or delivery style)". */
		if (agent)
			agent->delivery_refused = true;
		return !core->attempt.encapsulating;
	case MIP_CODE_FA_ENCAPSULATION_UNAVAILABLE:
		if (agent)
			agent->refused |= encapsulations;
		return encapsulations == 0;
	case MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE:
	case MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE:
		core->refused |= encapsulations;
		return false;
	case MIP_CODE_HA_TOO_MANY_BINDINGS:
		mn_simultaneous_refused(core);
		return false;
	case MIP_CODE_HA_PROHIBITED:
		/* rfc5944-3.8.3.2-6: the home agent cannot support this home address: another node may have
		 * been given it while this one was away. Then any other will do. */
		if (mip_address_is_none(core->settings.home_address) && !mn_binding_is_live(core)) {
			mn_binding_grace_over(core);
			core->home_address = (struct mip_address){0};
			mn_agents_judge_home(core);
		}
		return false;
	case MIP_CODE_FA_UNKNOWN_CHALLENGE:
	case MIP_CODE_FA_MISSING_CHALLENGE:
	case MIP_CODE_FA_STALE_CHALLENGE:
		/* RFC 4721 3.5: the reply, or the next advertisement, has a new one. */
		return !agent || !mn_agent_answerable(core, agent);
	default:
		return is_from_foreign_agent(reply->fixed.code);
	}
}

/* rfc5944-3.6.2.1-10: SHOULD log such errors as security exceptions. */
static bool is_security_exception(uint8_t code)
{
	return code == MIP_CODE_FA_NODE_FAILED_AUTHENTICATION ||
	       code == MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION ||
	       code == MIP_CODE_HA_NODE_FAILED_AUTHENTICATION ||
	       code == MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION;
}

/* rfc4433-5.1.1-3, rfc4433-5.1.2-4: the Redirected HA, of a reply that has been authenticated, if the home
 * agent's authenticator covers it. */
static struct mip_address redirected_of(const struct reply *reply)
{
	const struct mip_extension *extension = covered(reply, MIP_SLOT_REDIRECTED_HOME_AGENT);

	return extension ? mip_dynamic_home_agent_read(extension) : (struct mip_address){0};
}

static void try_again(struct mn_core *core, const struct reply *reply, struct mip_now now)
{
	switch (mn_home_agent_denied(
		core, reply->fixed.code, reply->fixed.home_agent, redirected_of(reply), now)) {
	case MN_NEXT_AGAIN:
		mn_attempt_again(core, now);
		break;
	case MN_NEXT_STOP:
		mn_attempt_end(core);
		break;
	case MN_NEXT_REPAIR:
		mn_attempt_denied(core, repair(core, reply), now);
		break;
	}
	mn_decide(core, now);
}

static void denied(struct mn_core *core, const struct reply *reply, struct mip_now now)
{
	struct mip_event event = mn_place_event(core, "denied", &core->attempt.place);
	uint8_t code = reply->fixed.code;

	mip_event_number(&event, "code", code);
	mip_event_string(&event, "reason", mip_code_text(code));
	mn_report(core, &event);
	/* rfc5944-3.6.2.3-1: SHOULD log the error. */
	mip_log(core->log, MIP_LOG_WARNING, "%sregistration denied with code %u: %s",
		is_security_exception(code) ? "security exception: " : "", code, mip_code_text(code));
	try_again(core, reply, now);
}

/* --- not honoured ----------------------------------------------------------------------------- */

/* RFC 4636 3: why the foreign agent does not honour what the home agent says; 0: it does. */
static uint8_t foreign_agent_error(const struct reply *reply)
{
	const struct mip_extension *error =
		mip_extension_of(&reply->extensions, MIP_SLOT_FOREIGN_AGENT_ERROR);

	if (!error)
		return 0;
	/* rfc4636-4-1: who cannot interpret it MUST NOT use the care-of address either. */
	return error->data[0] ? error->data[0] : MIP_CODE_FA_UNSPECIFIED;
}

/*
 * rfc4636-5-1: the home agent has bound what the foreign agent does not serve: the care-of address is not
 * used, and that binding is ended. It has taken the place of the one before, but with the 'S' bit.
 */
static void refused(struct mn_core *core, const struct reply *reply, uint8_t error, struct mip_now now)
{
	struct mip_event event = mn_place_event(core, "refused", &core->attempt.place);

	mn_count(core, MN_COUNT_FOREIGN_AGENT_ERRORS);
	core->last_code = error;
	mip_event_number(&event, "code", reply->fixed.code);
	mip_event_number(&event, "error", error);
	mip_event_string(&event, "reason", mip_code_text(error));
	mn_report(core, &event);
	mip_log(core->log, MIP_LOG_WARNING,
		"the home agent has accepted, but the foreign agent has not: %u: %s", error,
		mip_code_text(error));
	(void)learn_addresses(core, reply, now);
	if (!(core->attempt.flags & MIP_REQUEST_S))
		mn_binding_drop(core);
	mn_attempt_withdraw(core, now);
	mn_decide(core, now);
}

/* Whatever the answer: what there was to say has been said. */
static void withdrawn(struct mn_core *core, struct mip_now now)
{
	mn_attempt_end(core);
	mn_decide(core, now);
}

static void act(struct mn_core *core, const struct reply *reply, struct mip_now now)
{
	uint8_t error = foreign_agent_error(reply);

	if (core->attempt.withdrawing)
		withdrawn(core, now);
	else if (!mip_code_is_accepted(reply->fixed.code))
		denied(core, reply, now);
	else if (error && core->attempt.lifetime > 0)
		refused(core, reply, error, now);
	else /* also when the foreign agent does not honour the end of it: the home agent does */
		accepted(core, reply, now);
}

void mn_reply_input(struct mn_core *core, const struct mn_received *received, struct mip_now now)
{
	struct reply reply;

	if (parse(core, received, &reply) < 0 || match(core, &reply) < 0 ||
		authenticate(core, &reply, now) < 0)
		return;
	mn_count(core, MN_COUNT_REPLIES_RECEIVED);
	mn_count_reply(core, reply.fixed.code);
	core->last_code = reply.fixed.code;
	core->silent = false;
	learn_challenge(core, &reply);
	if (!is_from_foreign_agent(reply.fixed.code))
		mip_replay_learn(&core->replay, mn_home_agent_answering(core, reply.fixed.home_agent),
			reply.fixed.code, reply.fixed.identification, now.wall);
	act(core, &reply, now);
}

/*
 * Registration Replies from home agents (RFC 5944 3.7.3), and the ICMP errors that come in their place.
 *
 * A reply counts only if it belongs to a request that was relayed (home address or NAI, and the low-order
 * half of the identification) and comes from that request's home agent. Only here the visitor list changes,
 * and only by an accepted reply. The wants of the visitor go into the outbox before the reply that promises
 * them.
 *
 * What we must refuse though a reply has come, is told by the Foreign Agent Error extension behind the home
 * agent's reply (RFC 4636), whose code and authenticator stay what they are (rfc4721-3.3-12). Where there is
 * no authenticator to preserve, and for the codes of RFC 2794, the node gets a reply of our own. So it does
 * when the home agent fails authentication. RFC 4636 4 would have that reply passed on with status 68, in a "should"
 * that updates RFC 3344; RFC 5944 took that one's place four years later, does not know RFC 4636, and says again
 * "MUST silently discard the Reply" (rfc5944-3.7.3.1-8) and "SHOULD send […] Code 68" (-9). Nor does
 * rfc4721-3.3-12 ask for more: it is about a reply that "has already been received from the home agent", and of this
 * one nobody knows whom it is from. A mobile node loses nothing by it: either way it has no binding here, and its
 * home agent's words are not passed on under a foreign agent's doubt.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator.h"
#include "fa_private.h"

/* A reply with all that its handling looks at. */
struct reply {
	struct fa_core *core;
	struct mip_registration_reply fields;
	const uint8_t *octets;
	size_t length;
	struct mip_address source; /* of the IP header */
	struct mip_extensions extensions;
	size_t authorized;  /* octets up to and with the last authorization-enabling extension */
	struct fa_nai *nai; /* NULL: none */
};

static void log_security(struct fa_core *core, const struct fa_registration *registration, const char *what,
	struct mip_now now)
{
	fa_count(core, FA_COUNT_SECURITY_EXCEPTIONS);
	if (mip_log_allowed(&core->security_log, now.boot, NULL))
		mip_log(core->environment.log, MIP_LOG_WARNING, "home agent %s, node %s: %s",
			MIP_TEXT(registration->relayed_to), MIP_TEXT(registration->request.home_address),
			what);
}

/* The request went to the broadcast address of a home network, where nobody but its home agents knows them. */
static bool is_from_another(const struct reply *reply, const struct fa_pending *pending)
{
	return !mip_address_equal(reply->source, pending->registration.relayed_to);
}

/*
 * RFC 5944 3.8.3.1: a reply comes from the address that the request went to, unless that was the broadcast
 * address of the home network: then every home agent there denies it from its own, with code 136, or with what it
 * finds before that.
 */
static bool source_fits(const struct reply *reply, const struct fa_pending *pending)
{
	return !is_from_another(reply, pending) ||
	       (reply->fields.code >= MIP_CODE_HA_UNSPECIFIED &&
		       mip_address_equal(reply->source, reply->fields.home_agent));
}

/*
 * A visitor could send its own request and then the reply to it, in the home agent's name. So what comes in
 * by a visited link is believed only if the home agent is reached by that link, or if it is authenticated.
 */
static bool link_fits(const struct reply *reply, const struct fa_pending *pending, const struct fa_link *link)
{
	return !link || pending->authenticated || fa_link_leads_to(reply->core, link, reply->source);
}

/*
 * rfc5944-3.7.1-8, rfc5944-3.7.3.1-6, rfc5944-3.7.3.1-7: exactly one Foreign-Home Authentication Extension
 * MUST be present and valid if we share an association with the home agent. A deregistration has none in
 * either direction (3.5.4).
 */
static bool is_authentic(const struct reply *reply, const struct fa_pending *pending)
{
	const struct fa_settings *settings = &reply->core->settings;
	/* RFC 5944 3.5.4: "selected by the foreign agent based on the value of the home agent Address
	 * field of the Registration Reply"; what names another must not get round the one that it is from. */
	struct mip_association *association = fa_home_agent_association(settings, reply->fields.home_agent);
	const struct mip_extension *extension =
		mip_extension_of(&reply->extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);
	/* Who that is, and what is shared, was not known when a request to a broadcast address was relayed. */
	bool expected = pending->authenticated ||
			(is_from_another(reply, pending) && pending->registration.request.lifetime > 0);

	if (!association)
		association = fa_home_agent_association(settings, reply->source);
	if (!association || (!expected && !extension))
		return true;
	return extension && reply->extensions.occurrences[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION] == 1 &&
	       extension->offset >= reply->authorized &&
	       mip_authenticator_check(association, reply->octets, extension) == 0;
}

/*
 * The code with which we must deny what the home agent accepted; 0: none.
 * rfc2794-3-3 to -6: the NAI of the request must be in the reply, and so must nonzero addresses.
 */
static uint8_t code_against(const struct reply *reply, const struct fa_pending *pending)
{
	enum fa_claim claim;

	/* rfc5944-3.5.2-1: an authorization-enabling extension MUST be present in all replies. */
	if (reply->authorized == 0)
		return MIP_CODE_FA_POORLY_FORMED_REPLY;
	/* RFC 3115 2.3: a transit node for the reply: a registration reject MUST be sent. */
	if (mip_extension_of(&reply->extensions, MIP_SLOT_CRITICAL_VENDOR))
		return MIP_CODE_FA_UNKNOWN_HOME_AGENT_VENDOR_EXTENSION;
	if (!mip_code_is_accepted(reply->fields.code))
		return 0;
	if (pending->registration.nai && !reply->nai)
		return MIP_CODE_FA_MISSING_NAI;
	if (mip_address_is_none(reply->fields.home_agent))
		return MIP_CODE_FA_MISSING_HOME_AGENT;
	if (mip_address_is_none(reply->fields.home_address))
		return MIP_CODE_FA_MISSING_HOME_ADDRESS;
	if (!mip_address_is_unicast(reply->fields.home_address) ||
		fa_address_is_own(reply->core, reply->fields.home_address) ||
		fa_address_is_needed(reply->core, reply->fields.home_address) ||
		!mip_address_is_unicast(reply->fields.home_agent))
		return MIP_CODE_FA_POORLY_FORMED_REPLY;
	claim = fa_visitor_claim(
		reply->core, reply->fields.home_address, reply->fields.home_agent, &pending->registration);
	if (claim == FA_CLAIM_TAKEN || (claim == FA_CLAIM_NEEDS_TUNNEL && reply->fields.lifetime > 0))
		return MIP_CODE_FA_PROHIBITED;
	return 0;
}

/* rfc4721-3.3-8: if there is a Challenge in the reply, it MUST be the one that was in the request. */
static bool is_challenge_wrong(const struct reply *reply, const struct fa_registration *registration)
{
	const struct mip_extension *extension = mip_extension_of(&reply->extensions, MIP_SLOT_CHALLENGE);
	const struct fa_nai *sent = registration->challenge_relayed ? registration->challenge : NULL;

	/* rfc4721-3.3-7: without it the registration SHOULD NOT be rejected. */
	if (!extension)
		return false;
	return !sent || extension->data_length != sent->length ||
	       memcmp(extension->data, sent->text, sent->length) != 0;
}

static bool is_error_status(uint8_t code)
{
	/* RFC 4636 4: "The currently specified codes", but for 68 (see above), and RFC 4721's. */
	switch (code) {
	case MIP_CODE_FA_PROHIBITED:
	case MIP_CODE_FA_INSUFFICIENT_RESOURCES:
	case MIP_CODE_FA_POORLY_FORMED_REPLY:
	case MIP_CODE_FA_WRONG_HOME_AGENT_CHALLENGE:
		return true;
	default:
		return false;
	}
}

static void tell_relayed(const struct reply *reply, const struct fa_registration *registration, uint8_t error)
{
	struct mip_event event = mip_event_of("reply_relayed");

	mip_event_address(&event, "home_address", reply->fields.home_address);
	mip_event_address(&event, "home_agent", reply->fields.home_agent);
	mip_event_string(&event, "interface", registration->link->name);
	mip_event_number(&event, "code", reply->fields.code);
	mip_event_number(&event, "lifetime", reply->fields.lifetime);
	if (error)
		mip_event_number(&event, "error", error);
	else
		mip_event_null(&event, "error");
	mip_outbox_event(reply->core->environment.outbox, &event);
}

static struct fa_grant grant_of(const struct reply *reply, const struct fa_pending *pending)
{
	struct mip_udp_tunnel_reply udp;

	if (pending->udp_asked && fa_nat_is_granted(&reply->extensions, reply->authorized, &udp))
		return (struct fa_grant){MIP_ENCAPSULATION_UDP, udp.keepalive_interval};
	return (struct fa_grant){
		.encapsulation = mip_request_encapsulation(pending->registration.request.flags)};
}

/* rfc4721-3.3-10: whatever the home agent's code is, ha_bad_aaa_auth too. rfc5944-3.7.3.2-5: MUST NOT modify
 * anything up through the Mobile-Home Authentication Extension; rfc5944-3.7.3.2-6, rfc5944-3.7.3.2-7: MUST
 * process and remove any Extensions after it. rfc5944-AppF-5: SHOULD NOT modify any of the fields that are
 * covered. rfc4721-3.3-3: so the home agent's Challenge and its Foreign-Home authentication go. */
static void pass_on(const struct reply *reply, const struct fa_registration *registration, uint8_t error)
{
	struct fa_relayed relayed = {
		.registration = registration,
		.home_address = reply->fields.home_address,
		.code = reply->fields.code,
		.error = error,
		.octets = reply->octets,
		.length = reply->authorized,
	};

	tell_relayed(reply, registration, error);
	fa_relay_reply(reply->core, &relayed);
}

/* rfc4721-3.3-11: the code goes into the usual field of a reply, unless the home agent's has been
 * received. */
static void refuse(const struct reply *reply, const struct fa_registration *registration, uint8_t code,
	struct mip_now now)
{
	if (reply->authorized == 0 || !is_error_status(code)) {
		fa_deny(reply->core, registration, code, now);
		return;
	}
	fa_count(reply->core, FA_COUNT_REPLIES_REFUSED);
	pass_on(reply, registration, code);
}

/* rfc5944-3.7.3.2-1: MUST also update its visitor list entry to reflect the results. 0 or -ENOMEM. */
static int apply(const struct reply *reply, const struct fa_pending *pending, struct mip_now now)
{
	struct fa_core *core = reply->core;
	struct fa_visitor *visitor = fa_visitor_of(
		core, reply->fields.home_address, reply->fields.home_agent, &pending->registration);
	struct fa_grant grant = grant_of(reply, pending);

	/* rfc5944-3.7.2-7: denied: the visitor list entry MUST NOT be modified; rfc5944-3.7.3.2-4: only the
	 * pending one goes. rfc5944-3.4-5: nor is the lifetime looked at. */
	if (!mip_code_is_accepted(reply->fields.code))
		return 0;
	/* The reply to a newer request has overtaken it: the node is on another link by now. */
	if (visitor && pending->registration.order < visitor->registration.order)
		return 0;
	if (reply->fields.lifetime != 0 && pending->registration.request.lifetime != 0)
		return fa_visitor_accept(core, &pending->registration, &reply->fields, &grant, now);
	/* rfc5944-3.7.3.2-3: the Lifetime is zero: MUST delete its visitor list entry; rfc5944-3.7.2-6: and
	 * not before. */
	if (visitor)
		fa_visitor_remove(core, visitor, "deregistered", FA_COUNT_VISITORS_DEREGISTERED);
	return 0;
}

/* rfc4721-3.2-8: a node that has registered with a challenge has used it. */
static int accept(const struct reply *reply, const struct fa_pending *pending, struct mip_now now)
{
	int r = 0;

	if (reply->core->settings.values.challenge && !pending->registration.verified &&
		mip_code_is_accepted(reply->fields.code))
		r = fa_challenge_use(reply->core, &pending->registration);
	return r < 0 ? r : apply(reply, pending, now);
}

/* The pending request is done with in every case that gets here. */
static void conclude(const struct reply *reply, struct fa_pending *pending, struct mip_now now)
{
	struct fa_core *core = reply->core;
	struct fa_registration *registration = &pending->registration;
	uint8_t code = code_against(reply, pending);

	if (!is_authentic(reply, pending)) {
		/* rfc5944-3.7.3.1-8: MUST silently discard the Reply and SHOULD log the event;
		 * rfc5944-3.7.3.1-9: MUST reject the registration and SHOULD send Code 68. */
		log_security(core, registration, "no valid Foreign-Home authenticator in the reply", now);
		code = MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION;
	} else if (code == 0 && is_challenge_wrong(reply, registration)) {
		log_security(core, registration, "another challenge in the reply than in the request", now);
		code = MIP_CODE_FA_WRONG_HOME_AGENT_CHALLENGE;
	}
	/* rfc3543-3.2-7: a support extension that is not protected: "the appropriate action as described by
	 * [1] (Sections 3.8.2.1. and Sections 3.7.3.1.) MUST be taken". */
	if (code == 0 && fa_revocation_is_unprotected(core, &reply->extensions, reply->authorized)) {
		log_security(core, registration, "nothing protects the Revocation Support extension", now);
		code = MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION;
	}
	if (code == 0 && mip_code_is_accepted(reply->fields.code))
		fa_revocation_agree(core, pending, &reply->fields, &reply->extensions, reply->authorized);
	if (code == 0 && accept(reply, pending, now) < 0)
		code = MIP_CODE_FA_INSUFFICIENT_RESOURCES;
	if (code != 0) {
		/* rfc4636-6-1: "SHOULD send a Registration Revocation message to the Home Agent"; if the reply is its. */
		if (code != MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION)
			fa_revocation_refused(
				core, pending, &reply->fields, &reply->extensions, reply->authorized, now);
		refuse(reply, registration, code, now);
		fa_pending_remove(core, pending);
		return;
	}
	pass_on(reply, registration, 0);
	/* Older requests of this node that are still on their way are of no use to it any more. */
	if (mip_code_is_accepted(reply->fields.code))
		fa_pending_remove_older(core, pending);
	fa_pending_remove(core, pending);
}

/* 0; -EBADMSG; -ENOMEM. */
static int parse(struct reply *reply)
{
	struct mip_reader reader = mip_reader_of(reply->octets, reply->length);
	const struct mip_extension *nai;

	if (mip_reply_read(&reader, &reply->fields) < 0)
		return -EBADMSG;
	reply->authorized = fa_authorized_length(reader);
	if (mip_extensions_read(&reader, &reply->extensions) < 0) {
		/* To be answered with code 71 if it belongs to a request. */
		reply->authorized = 0;
		return 0;
	}
	nai = mip_extension_of(&reply->extensions, MIP_SLOT_NODE_NAI);
	if (nai)
		reply->nai = fa_nai_new(nai->data, nai->data_length);
	return nai && !reply->nai ? -ENOMEM : 0;
}

static void dispatch(struct reply *reply, const struct fa_link *link, struct mip_now now)
{
	struct fa_core *core = reply->core;
	struct fa_pending *pending;

	/* rfc5944-1.8-1: an unknown extension of 0 to 127: MUST be silently discarded. */
	if (reply->extensions.unknown_not_skippable) {
		fa_count(core, FA_COUNT_DROP_UNKNOWN_EXTENSION);
		return;
	}
	/* rfc5944-3.7.3.1-4: no matching pending Request: MUST silently discard the Reply. */
	pending = fa_pending_find(core, &reply->fields, reply->nai, reply->source);
	if (!pending) {
		fa_count(core, FA_COUNT_DROP_UNEXPECTED_REPLY);
		return;
	}
	if (!source_fits(reply, pending) || !link_fits(reply, pending, link)) {
		fa_count(core, FA_COUNT_DROP_REPLY_SOURCE);
		return;
	}
	conclude(reply, pending, now);
}

void fa_reply_input(struct fa_core *core, const struct fa_link *link, struct mip_address source,
	const uint8_t *octets, size_t length, struct mip_now now)
{
	struct reply reply = {.core = core, .octets = octets, .length = length, .source = source};
	int r = parse(&reply);

	if (r < 0) {
		fa_count(core, r == -ENOMEM ? FA_COUNT_DROP_NO_MEMORY : FA_COUNT_DROP_MALFORMED);
		return;
	}
	fa_count(core, FA_COUNT_REPLIES_RECEIVED);
	dispatch(&reply, link, now);
	free(reply.nai);
}

/* --- ICMP errors ------------------------------------------------------------------------------ */

/* RFC 5944 3.4: 80 network, 81 host, 82 port unreachable; 88 any other. 0: says nothing about the home agent.
 */
static uint8_t code_of_icmp(uint8_t type, uint8_t code)
{
	if (type == MIP_ICMP_TIME_EXCEEDED)
		return MIP_CODE_FA_HOME_AGENT_UNREACHABLE;
	if (type != MIP_ICMP_UNREACHABLE)
		return 0;
	switch (code) {
	case 0:	 /* net unreachable */
	case 6:	 /* destination network unknown */
	case 9:	 /* network administratively prohibited */
	case 11: /* network unreachable for type of service */
		return MIP_CODE_FA_HOME_NETWORK_UNREACHABLE;
	case 1:	 /* host unreachable */
	case 7:	 /* destination host unknown */
	case 10: /* host administratively prohibited */
	case 12: /* host unreachable for type of service */
		return MIP_CODE_FA_HOME_AGENT_HOST_UNREACHABLE;
	case 3:
		return MIP_CODE_FA_HOME_AGENT_PORT_UNREACHABLE;
	case 4: /* fragmentation needed: the sender of the packet adapts */
		return 0;
	default:
		return MIP_CODE_FA_HOME_AGENT_UNREACHABLE;
	}
}

/*
 * Whether the error is about this request: it quotes it up to the identification. Routers that quote 8 octets only
 * (RFC 792; RFC 1812 4.3.2.3 has them quote more) could be anybody: their errors are left to the time-out.
 */
static bool icmp_is_about(const struct mip_input_icmp_error *error, const struct fa_pending *pending)
{
	uint8_t fixed[MIP_REQUEST_LENGTH];
	struct mip_writer writer = mip_writer_of(fixed, sizeof(fixed));

	if (error->length < sizeof(fixed) ||
		!mip_address_equal(error->destination, pending->registration.relayed_to))
		return false;
	mip_request_write(&writer, &pending->registration.request);
	/* The flag octet is passed over: bits that are ignored are not kept. */
	return memcmp(fixed + 2, error->octets + 2, sizeof(fixed) - 2) == 0;
}

void fa_icmp_input(struct fa_core *core, const struct mip_input_icmp_error *error, struct mip_now now)
{
	uint8_t code = code_of_icmp(error->type, error->code);
	struct fa_pending *pending, *next;
	bool matched = false;

	if (code == 0 || error->destination_port != MIP_REGISTRATION_PORT)
		return;
	fa_count(core, FA_COUNT_ICMP_ERRORS_RECEIVED);
	/* Each is looked for among all that wait. */
	if (!mip_rate_take(&core->icmp_errors, core->settings.values.limits.icmp_errors, now.boot)) {
		fa_count(core, FA_COUNT_DROP_ICMP_ERROR_LIMIT);
		return;
	}
	HASH_ITER (hh, core->pendings, pending, next) {
		if (!icmp_is_about(error, pending))
			continue;
		/* rfc5944-3.7.3-1: SHOULD send a Registration Reply with an appropriate code of 80 to 95. */
		matched = true;
		fa_deny(core, &pending->registration, code, now);
		fa_pending_remove(core, pending);
	}
	if (!matched)
		fa_count(core, FA_COUNT_DROP_UNEXPECTED_ICMP);
}

/*
 * Registration Requests from nodes (RFC 5944 3.7.2): first what makes the request be dropped in silence, then
 * the checks in the order of the RFCs, one function each that gives the code of its denial, then the
 * relaying.
 *
 *   RFC 5944 3.7.2.1   70 poorly formed · 77 care-of address
 *   RFC 4721 3.2       105 no challenge · 106 used · 104 unknown
 *   RFC 5944 3.7.2.1   67 Mobile-Foreign authentication
 *   RFC 4721 3.2       108 Mobile-AAA authentication
 *   here               65 prohibited · 69 lifetime · 66 no room for another visitor
 *   RFC 3024 4.2.1     72 encapsulation · 79 delivery style · 75 T missing · 76 too distant · 74 no T here
 *   RFC 4433 5.2       90 no home agent to be had
 *   RFC 5944 3.7.2     194 the home agent is this host
 *
 * Nothing about a visitor changes here: that is the home agent's word (rfc5944-3.7.2-4, fa_reply.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "authenticator.h"
#include "fa_private.h"

enum {
	ACCEPT = 0,
	FLAGS_OFFSET = 1, /* of the flag octet in the message */
	REVERSE_TUNNEL_TTL = 255,
	MULTICAST_TTL = 1,
};

/* A request with all that the checks look at. */
struct request {
	struct fa_core *core;
	struct fa_registration *registration;
	const uint8_t *octets;
	size_t length;
	struct mip_extensions extensions;
	bool well_formed;  /* the extensions could be read */
	bool repeated;	   /* its challenge is that of the same request, which is on its way */
	size_t authorized; /* octets up to and with the last authorization-enabling extension */
};

static bool has_flag(const struct request *request, uint8_t flag)
{
	return request->registration->request.flags & flag;
}

static bool is_co_located(const struct request *request)
{
	return has_flag(request, MIP_REQUEST_D);
}

/*
 * rfc3024-3.3-2: the Encapsulating Delivery Style Extension stands after the Mobile-Home authentication and before the
 * Mobile-Foreign one. Before the former it could not be consumed (rfc3024-3.3-1) without touching what that vouches for,
 * and behind the latter anyone could have put it.
 */
static bool is_delivery_style_in_place(const struct request *request)
{
	const struct mip_extension *style =
		mip_extension_of(&request->extensions, MIP_SLOT_ENCAPSULATING_DELIVERY);
	const struct mip_extension *foreign =
		mip_extension_of(&request->extensions, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION);

	return !style ||
	       (style->offset >= request->authorized && (!foreign || style->offset < foreign->offset));
}

static uint8_t check_form(const struct request *request)
{
	struct mip_address home_address = request->registration->request.home_address;

	if (!request->well_formed)
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	/* rfc5944-3.7.2.1-2: "Requests with non-zero bits in reserved fields MUST be rejected with Code 70";
	 * rfc5944-3.7.2.3-2: "If the Reserved field is nonzero, the foreign agent MUST deny the Request". That is 'x',
	 * though 3.3 has both 'r' and 'x' "ignored on reception": no other bit of a request could be meant. 'r', which
	 * nodes of RFC 2002 may set and which "SHOULD NOT be allocated for any other uses", is ignored
	 * (ha_grant.c has the same). */
	if (request->octets[FLAGS_OFFSET] & MIP_REQUEST_X)
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	if (!mip_address_is_none(home_address) &&
		(!mip_address_is_unicast(home_address) || fa_address_is_own(request->core, home_address)))
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	/* rfc3024-3.3-3: the extension MUST NOT be included if the 'T' bit is not set. */
	if (mip_extension_of(&request->extensions, MIP_SLOT_ENCAPSULATING_DELIVERY) &&
		!has_flag(request, MIP_REQUEST_T))
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	if (!is_delivery_style_in_place(request))
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	if (request->length > MIP_REGISTRATION_MAX)
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	/* RFC 3115 2.3: with an unknown vendor a registration reject MUST be sent, and none is known here. */
	if (mip_extension_of(&request->extensions, MIP_SLOT_CRITICAL_VENDOR))
		return MIP_CODE_FA_UNKNOWN_VENDOR_EXTENSION;
	return ACCEPT;
}

static const struct mip_extension *extension_of(const struct request *request, enum mip_slot slot)
{
	return mip_extension_of(&request->extensions, slot);
}

static bool is_before(const struct mip_extension *first, const struct mip_extension *second)
{
	return !first || !second || first->offset < second->offset;
}

/*
 * rfc4721-3.1-5, -8, rfc4721-6-3: Mobile-Home authentication, then the challenge, then Mobile-AAA
 * authentication; in another order the home agent's could not be told from what is ours to remove.
 */
static uint8_t check_order(const struct request *request)
{
	const struct mip_extension *home = extension_of(request, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
	const struct mip_extension *challenge = extension_of(request, MIP_SLOT_CHALLENGE);
	const struct mip_extension *aaa = extension_of(request, MIP_SLOT_MOBILE_AAA_AUTHENTICATION);

	if (!is_before(home, challenge) || !is_before(home, aaa) || !is_before(challenge, aaa) ||
		request->extensions.occurrences[MIP_SLOT_CHALLENGE] > 1 ||
		request->extensions.occurrences[MIP_SLOT_MOBILE_AAA_AUTHENTICATION] > 1)
		return MIP_CODE_FA_POORLY_FORMED_REQUEST;
	return ACCEPT;
}

/* rfc5944-3.7.1-4, rfc2794-3-2: if it cannot manage a pending request without a home address by the NAI, MUST
 * return NONZERO_HOMEADDR_REQD. Without a NAI nobody can. */
static uint8_t check_name(const struct request *request)
{
	if (mip_address_is_none(request->registration->request.home_address) && !request->registration->nai)
		return MIP_CODE_FA_NONZERO_HOMEADDR_REQUIRED;
	return ACCEPT;
}

static uint8_t check_care_of_address(const struct request *request)
{
	const struct mip_registration_request *fields = &request->registration->request;

	/* rfc5944-3.7.2.1-3: 'D' bit 0, nonzero Lifetime, and a care-of address not offered here: 77. */
	if (!is_co_located(request) && fields->lifetime != 0 &&
		!mip_address_equal(fields->care_of_address, request->core->settings.values.care_of_address))
		return MIP_CODE_FA_INVALID_CARE_OF_ADDRESS;
	return ACCEPT;
}

static const struct fa_mobile_node *node_of(const struct request *request)
{
	const struct fa_registration *registration = request->registration;

	return fa_mobile_node_find(&request->core->settings, registration->request.home_address,
		registration->relayed_to, registration->nai);
}

/* rfc4721-3.2-1, -2: from a node without a security association the challenge SHOULD be there, or the
 * reply MUST have the code missing_challenge. One with an association MAY leave it out (rfc4721-3.1-2). */
static uint8_t check_challenge(const struct request *request)
{
	const struct fa_mobile_node *node = node_of(request);

	if (!request->core->settings.values.challenge)
		return ACCEPT;
	if (!request->registration->challenge)
		return node && node->association ? ACCEPT : MIP_CODE_FA_MISSING_CHALLENGE;
	if (request->repeated)
		return ACCEPT;
	switch (fa_challenge_judge(request->core, request->registration)) {
	case FA_CHALLENGE_UNUSED:
		return ACCEPT;
	case FA_CHALLENGE_USED:
		/* rfc4721-3.2-5: in all other circumstances … previously used: stale_challenge. */
		return MIP_CODE_FA_STALE_CHALLENGE;
	case FA_CHALLENGE_UNKNOWN:
		break;
	}
	/* rfc4721-3.2-7: not one of the recently advertised values: unknown_challenge. */
	return MIP_CODE_FA_UNKNOWN_CHALLENGE;
}

/* rfc5944-3.7.2.1-4: the authentication in the Registration Request MUST be checked. */
static uint8_t check_authentication(const struct request *request)
{
	const struct fa_mobile_node *node = node_of(request);
	const struct mip_extension *extension =
		mip_extension_of(&request->extensions, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION);

	if (!node || !node->association)
		return ACCEPT;
	/* rfc5944-3.7.2.1-5, rfc5944-3.7.2.1-6: exactly one Mobile-Foreign Authentication Extension MUST be
	 * present, and its authenticator is checked. It stands after the authorization-enabling ones (3.6.1.3
	 * e). */
	if (extension && request->extensions.occurrences[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION] == 1 &&
		extension->offset >= request->authorized &&
		mip_authenticator_check(node->association, request->octets, extension) == 0)
		return ACCEPT;
	fa_count(request->core, FA_COUNT_SECURITY_EXCEPTIONS);
	/* rfc5944-3.7.2.1-7: SHOULD send a Reply with Code 67. */
	return MIP_CODE_FA_NODE_FAILED_AUTHENTICATION;
}

/* What the node's Mobile-AAA authenticator was computed with; without one it is "the Challenge value 0". */
static const struct mip_challenge *challenge_of(const struct request *request, struct mip_challenge *buffer)
{
	const struct mip_extension *extension = extension_of(request, MIP_SLOT_CHALLENGE);

	if (!extension)
		return NULL;
	*buffer = (struct mip_challenge){extension->data, extension->data_length};
	return buffer;
}

/* Where the key is known here. What we cannot check, the home agent or those behind it may (RFC 4721 3.2). */
static uint8_t check_aaa_authentication(const struct request *request)
{
	const struct fa_mobile_node *node = node_of(request);
	const struct mip_extension *aaa = extension_of(request, MIP_SLOT_MOBILE_AAA_AUTHENTICATION);
	struct mip_challenge challenge;

	if (!node || !node->aaa)
		return ACCEPT;
	if (aaa && mip_authenticator_check_challenge(
			   node->aaa, request->octets, aaa, challenge_of(request, &challenge)) == 0)
		return ACCEPT;
	/* It has answered the challenge by its Mobile-Foreign authenticator, or there was none to answer. */
	if (!aaa && (node->association || !request->core->settings.values.challenge))
		return ACCEPT;
	fa_count(request->core, FA_COUNT_SECURITY_EXCEPTIONS);
	/* RFC 4721 3.2: "an incorrect authenticator that fails verification, … MAY send …
	 * fa_bad_aaa_auth". */
	return aaa ? MIP_CODE_FA_BAD_AAA_AUTHENTICATION : MIP_CODE_FA_NODE_FAILED_AUTHENTICATION;
}

/* All that concerns its identity has been checked: by us, if we have a key of it. */
static uint8_t check_verified(const struct request *request)
{
	const struct fa_mobile_node *node = node_of(request);
	struct fa_registration *registration = request->registration;

	registration->verified = request->core->settings.values.challenge && registration->challenge &&
				 !request->repeated && node && (node->association || node->aaa);
	return ACCEPT;
}

/* What the request is to the visitors that have its home address already. */
static enum fa_claim claim_of(const struct request *request)
{
	const struct fa_registration *registration = request->registration;

	return fa_visitor_claim(
		request->core, registration->request.home_address, registration->relayed_to, registration);
}

/* rfc3024-A.4-3: "… available, the mobile nodes MUST use unique address." */
static uint8_t check_permission(const struct request *request)
{
	struct fa_core *core = request->core;
	const struct fa_registration *registration = request->registration;

	/* A route to the visitor must not take packets from where this host itself sends them. A home agent
	 * of the claimant's own would not mind. */
	if (fa_address_is_needed(core, registration->request.home_address) ||
		(!mip_address_is_none(registration->request.home_address) &&
			mip_address_equal(registration->request.home_address, registration->relayed_to)))
		return MIP_CODE_FA_PROHIBITED;
	/* rfc3543-4.3.1-2: with the 'R' bit set, in order to be able to revoke, "SHOULD deny a registration
	 * request as 'Administratively Prohibited' from a mobile node that is registering in a co-located
	 * fashion". */
	if (core->settings.values.revocation.enabled && is_co_located(request) &&
		registration->request.lifetime > 0)
		return MIP_CODE_FA_PROHIBITED;
	/* Without any there is a code of its own, below. */
	if (core->settings.values.home_agents_only && !mip_address_is_none(registration->relayed_to) &&
		!fa_home_agent_is_named(&core->settings, registration->relayed_to))
		return MIP_CODE_FA_PROHIBITED;
	if (core->settings.values.mobile_nodes_only && !node_of(request))
		return MIP_CODE_FA_PROHIBITED;
	if (claim_of(request) == FA_CLAIM_TAKEN)
		return MIP_CODE_FA_PROHIBITED;
	return ACCEPT;
}

static uint8_t check_lifetime(const struct request *request)
{
	if (request->registration->request.lifetime > request->core->settings.values.registration_lifetime)
		return MIP_CODE_FA_LIFETIME_TOO_LONG;
	return ACCEPT;
}

static uint8_t check_room(const struct request *request)
{
	const struct fa_registration *registration = request->registration;
	struct mip_address home_address = registration->request.home_address;

	if (registration->request.lifetime == 0 ||
		fa_visitor_of(request->core, home_address, registration->relayed_to, registration))
		return ACCEPT;
	/* RFC 5944 2.1.1: a busy agent does not accept *additional* nodes. */
	if (fa_visitors_are_full(request->core) ||
		fa_namesakes_count(request->core, home_address) >= FA_NAMESAKES_MOST)
		return MIP_CODE_FA_INSUFFICIENT_RESOURCES;
	return ACCEPT;
}

static uint8_t check_encapsulation(const struct request *request)
{
	const struct fa_core_settings *settings = &request->core->settings.values;

	/* A co-located node takes its packets out of the tunnel itself, and who deregisters asks for none
	 * (rfc5944-3.7-5: MUST relay well-formed deregistrations). */
	if (is_co_located(request) || request->registration->request.lifetime == 0)
		return ACCEPT;
	/* rfc3024-4.2.1-1: unable to support the requested form of encapsulation: MUST return code 72. Where
	 * both are requested the home agent may use either. */
	if ((has_flag(request, MIP_REQUEST_G) && !settings->gre) ||
		(has_flag(request, MIP_REQUEST_M) && !settings->minimal))
		return MIP_CODE_FA_ENCAPSULATION_UNAVAILABLE;
	return ACCEPT;
}

/* rfc3024-3.3-4: "Foreign agents SHOULD support the Encapsulating Delivery Style Extension." */
/* rfc3024-3.1-2: "Encapsulating Delivery Style SHOULD be supported as well (section 5)." */
static uint8_t check_delivery_style(const struct request *request)
{
	/* rfc3024-3.4-4, rfc3024-4.2.1-2: cannot support the requested form of delivery style: MUST respond with code 79. */
	if (mip_extension_of(&request->extensions, MIP_SLOT_ENCAPSULATING_DELIVERY) &&
		!request->core->settings.values.encapsulating_delivery)
		return MIP_CODE_FA_DELIVERY_STYLE_UNSUPPORTED;
	return ACCEPT;
}

static uint8_t check_private_address(const struct request *request)
{
	if (is_co_located(request) || request->registration->request.lifetime == 0 ||
		has_flag(request, MIP_REQUEST_T))
		return ACCEPT;
	/* rfc3024-A.4-6: from a mobile node with a private address that has not set the 'T' bit: SHOULD reject it. Always
	 * if another visitor has the address too: without a tunnel nobody could answer it. */
	if ((request->core->settings.values.private_needs_reverse_tunnel &&
		    fa_address_is_private(request->registration->request.home_address)) ||
		claim_of(request) == FA_CLAIM_NEEDS_TUNNEL)
		return MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY;
	return ACCEPT;
}

static uint8_t check_reverse_tunnel_requested(const struct request *request)
{
	/* rfc3519-4.5-5, -6: behind a NAT that translates all addresses, or of which nothing is known, SHOULD reply with
	 * code 75 too. */
	if (fa_nat_requires_reverse_tunnel(&request->core->settings.values) && !is_co_located(request) &&
		request->registration->request.lifetime > 0 && !has_flag(request, MIP_REQUEST_T))
		return MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY;
	return ACCEPT;
}

static uint8_t check_distance(const struct request *request)
{
	const struct fa_registration *registration = request->registration;

	if (!has_flag(request, MIP_REQUEST_T))
		return ACCEPT;
	/* RFC 5944 3.6.1.1: to 224.0.0.11 the TTL MUST be 1; such a packet is never forwarded either. */
	if (mip_address_is_multicast(registration->destination) && registration->ttl == MULTICAST_TTL)
		return ACCEPT;
	/* rfc3024-4.2.1-3, -4: MUST verify that the TTL is 255, otherwise reject with code 76. */
	if (registration->ttl != REVERSE_TUNNEL_TTL)
		return MIP_CODE_FA_TTL_TOO_LOW;
	return ACCEPT;
}

/* rfc3024-3.4-3: "… support reverse tunneling MUST use codes 74 and 137, respectively." */
static uint8_t check_reverse_tunnel(const struct request *request)
{
	/* rfc3024-4.2.1-6: as a last check, whether it can support a reverse tunnel; else code 74. */
	if (has_flag(request, MIP_REQUEST_T) && !is_co_located(request) &&
		request->registration->request.lifetime > 0 && !request->core->settings.values.reverse_tunnel)
		return MIP_CODE_FA_REVERSE_TUNNEL_UNAVAILABLE;
	return ACCEPT;
}

/* rfc5944-3.7.2-3: one of our own addresses: MUST NOT forward; Code 194, unless this host serves the node as
 * a home agent. That is a process of its own then, which the configuration names by its address. */
static bool is_invalid_here(const struct fa_core *core, struct mip_address home_agent)
{
	if (mip_address_equal(home_agent, core->settings.values.care_of_address))
		return true;
	return fa_address_is_own(core, home_agent) && !fa_home_agent_is_named(&core->settings, home_agent);
}

static uint8_t check_requested_home_agent(const struct request *request)
{
	return fa_assignment_check(
		request->core, request->registration, &request->extensions, request->authorized);
}

static uint8_t check_home_agent(const struct request *request)
{
	struct mip_address home_agent = request->registration->relayed_to;

	/* Nor is there anything to forward to if it is no address of a host. */
	if (!mip_address_is_unicast(home_agent) || is_invalid_here(request->core, home_agent))
		return MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS;
	return ACCEPT;
}

static uint8_t judge(const struct request *request)
{
	static uint8_t (*const checks[])(const struct request *request) = {
		check_form,
		check_order,
		check_name,
		check_care_of_address,
		check_challenge,
		check_authentication,
		check_aaa_authentication,
		check_verified,
		check_permission,
		check_lifetime,
		check_room,
		check_encapsulation,
		check_delivery_style,
		check_reverse_tunnel_requested,
		check_private_address,
		check_distance,
		check_reverse_tunnel,
		check_requested_home_agent,
		check_home_agent,
	};
	uint8_t code = ACCEPT;

	for (size_t i = 0; code == ACCEPT && i < MIP_ARRAY_SIZE(checks); i++)
		code = checks[i](request);
	return code;
}

static void tell_relayed(struct fa_core *core, const struct fa_registration *registration)
{
	struct mip_event event = mip_event_of("request_relayed");

	mip_event_address(&event, "home_address", registration->request.home_address);
	mip_event_address(&event, "home_agent", registration->relayed_to);
	mip_event_string(&event, "interface", registration->link->name);
	mip_event_number(&event, "lifetime", registration->request.lifetime);
	mip_outbox_event(core->environment.outbox, &event);
}

/*
 * What one link address has relayed is not to be so much that others go short. A visitor has a rate of its own, which no
 * stranger can use up but in its name and from its card; a node whose authenticator is right has none.
 */
static bool is_within_rate(const struct request *request, struct mip_now now)
{
	struct fa_core *core = request->core;
	const struct fa_registration *registration = request->registration;
	const struct mip_link_address *from = &registration->link_address;
	uint32_t most = core->settings.values.limits.requests_per_node;
	struct fa_visitor *visitor = fa_visitor_of(
		core, registration->request.home_address, registration->relayed_to, registration);

	if (visitor && fa_registration_same_node(&visitor->registration, registration))
		return mip_rate_take(&visitor->requests, most, now.boot);
	return fa_pending_is_known(core, registration) ||
	       mip_rate_table_take(&core->requests_by_source, from->octets, from->length, most, now.boot);
}

/* rfc3024-4.2.2-1: "Otherwise, the foreign agent MUST relay the Registration Request to the home …" */
/* rfc5944-3.7-2: MUST NOT transmit a Registration Request, unless it is being relayed; rfc5944-3.7.2-1:
 * MUST relay the Request to the indicated home agent. */
static void relay(const struct request *request, struct mip_now now)
{
	struct fa_core *core = request->core;
	struct fa_pending *pending = NULL;
	int r;

	if (request->repeated)
		fa_count(core, FA_COUNT_REQUESTS_REPEATED);
	/* Recorded first, so that a request that finds no place is not relayed. rfc4721-AppA-1: so is the
	 * challenge, of a node that we could verify; of others when the home agent has accepted them. */
	r = request->registration->verified ? fa_challenge_use(core, request->registration) : 0;
	if (r == 0)
		r = fa_pending_add(core, request->registration, now, &pending);
	if (r == 0) {
		/* rfc5944-3.7.2.2-2, rfc5944-3.7.2.2-3: MUST NOT modify anything up through the
		 * authorization-enabling extension; MUST remove the extensions after it. */
		r = fa_relay_request(core, pending, request->octets, request->authorized, now);
		if (r < 0)
			fa_pending_remove(core, pending);
	}
	if (r < 0) {
		/* rfc5944-3.7.1-5: additional registrations SHOULD be rejected with Code 66. */
		fa_deny(core, request->registration, MIP_CODE_FA_INSUFFICIENT_RESOURCES, now);
		return;
	}
	tell_relayed(core, request->registration);
}

/* rfc4721-3.2-9: MUST check that there is either a Mobile-Foreign or a Mobile-AAA Authentication extension
 * after the Challenge extension. */
static bool has_challenge_alone(const struct request *request)
{
	const struct mip_extension *challenge = extension_of(request, MIP_SLOT_CHALLENGE);
	const struct mip_extension *aaa = extension_of(request, MIP_SLOT_MOBILE_AAA_AUTHENTICATION);
	const struct mip_extension *foreign = extension_of(request, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION);

	return challenge && (!aaa || aaa->offset < challenge->offset) &&
	       (!foreign || foreign->offset < challenge->offset);
}

/* Another data plane would have served it. */
static bool is_for_the_plane(const struct request *request, uint8_t code)
{
	return code == MIP_CODE_FA_PROHIBITED && !request->core->tells_apart &&
	       has_flag(request, MIP_REQUEST_T) && claim_of(request) == FA_CLAIM_TAKEN &&
	       fa_address_is_private(request->registration->request.home_address);
}

static void log_denial(const struct request *request, uint8_t code, struct mip_now now)
{
	struct fa_core *core = request->core;
	bool foreign = code == MIP_CODE_FA_NODE_FAILED_AUTHENTICATION;

	if (is_for_the_plane(request, code) && mip_log_allowed(&core->denial_log, now.boot, NULL))
		mip_log(core->environment.log, MIP_LOG_WARNING,
			"%s: a second node with the home address %s is refused: this data plane cannot tell "
			"two "
			"apart; user and bpf can",
			request->registration->link->name,
			MIP_TEXT(request->registration->request.home_address));
	if ((foreign || code == MIP_CODE_FA_BAD_AAA_AUTHENTICATION) &&
		mip_log_allowed(&core->security_log, now.boot, NULL))
		mip_log(core->environment.log, MIP_LOG_WARNING,
			"%s: the request of %s has no valid %s authenticator",
			request->registration->link->name,
			MIP_TEXT(request->registration->request.home_address),
			foreign ? "Mobile-Foreign" : "Mobile-AAA");
}

static void decide(struct request *request, struct mip_now now)
{
	struct fa_core *core = request->core;
	uint8_t code;

	/* rfc5944-1.8-1: an unknown extension of 0 to 127: MUST be silently discarded. */
	if (request->well_formed && request->extensions.unknown_not_skippable) {
		fa_count(core, FA_COUNT_DROP_UNKNOWN_EXTENSION);
		return;
	}
	/* rfc5944-3.5.2-1: at least one authorization-enabling extension MUST be present. */
	if (request->well_formed && request->authorized == 0) {
		fa_count(core, FA_COUNT_DROP_NOT_AUTHORIZED);
		return;
	}
	/* rfc4721-3.2-10: without either of these authentication extensions: MUST be silently discarded. */
	if (request->well_formed && has_challenge_alone(request)) {
		fa_count(core, FA_COUNT_DROP_CHALLENGE_ALONE);
		return;
	}
	/* rfc3543-4.2.1-8, -9: "a non-colocated mobile node MUST NOT insert a revocation support extension
	 * […] If a foreign agent receives such a registration request, it MUST silently discard it". */
	if (request->well_formed && request->extensions.present[MIP_SLOT_REVOCATION_SUPPORT] &&
		!is_co_located(request)) {
		fa_count(core, FA_COUNT_DROP_REVOCATION_SUPPORT);
		if (mip_log_allowed(&core->security_log, now.boot, NULL))
			mip_log(core->environment.log, MIP_LOG_NOTICE,
				"%s: protocol error: %s offers to take part in revocation",
				request->registration->link->name,
				MIP_TEXT(request->registration->request.home_address));
		return;
	}
	request->repeated =
		request->registration->challenge && fa_pending_is_repeated(core, request->registration);
	code = judge(request);
	log_denial(request, code, now);
	if (code == ACCEPT && !is_within_rate(request, now))
		fa_count(core, FA_COUNT_DROP_REQUEST_LIMIT);
	else if (code == ACCEPT)
		relay(request, now);
	else
		/* rfc5944-3.7.2.3-1: SHOULD send the mobile node a Registration Reply with a suitable
		 * denial code. */
		fa_deny(core, request->registration, code, now);
}

static int keep_octets(const struct mip_extension *extension, struct fa_nai **place)
{
	if (!extension)
		return 0;
	*place = fa_nai_new(extension->data, extension->data_length);
	return *place ? 0 : -ENOMEM;
}

/* What is kept of the extensions, with the registration. */
static int keep(const struct request *request)
{
	struct fa_registration *registration = request->registration;
	const struct mip_extension *challenge = extension_of(request, MIP_SLOT_CHALLENGE);
	int r = 0;

	if (!request->well_formed)
		return 0;
	r = keep_octets(extension_of(request, MIP_SLOT_NODE_NAI), &registration->nai);
	if (r == 0)
		r = keep_octets(challenge, &registration->challenge);
	/* rfc4721-3.2-11: with a Mobile-AAA Authentication extension behind it, it is not removed. */
	registration->challenge_relayed = challenge && challenge->offset < request->authorized;
	return r;
}

void fa_request_input(struct fa_core *core, struct fa_registration *registration, const uint8_t *octets,
	size_t length, struct mip_now now)
{
	struct request request = {
		.core = core,
		.registration = registration,
		.octets = octets,
		.length = length,
	};
	struct mip_reader reader = mip_reader_of(octets, length);

	if (mip_request_read(&reader, &registration->request) < 0) {
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		return;
	}
	fa_count(core, FA_COUNT_REQUESTS_RECEIVED);
	request.authorized = fa_authorized_length(reader);
	request.well_formed = mip_extensions_read(&reader, &request.extensions) == 0;
	if (keep(&request) == 0) {
		registration->encapsulating = request.well_formed && mip_extension_of(&request.extensions,
									     MIP_SLOT_ENCAPSULATING_DELIVERY);
		registration->relayed_to =
			fa_assignment_choose(core, registration, &request.extensions, request.authorized);
		decide(&request, now);
	} else {
		fa_count(core, FA_COUNT_DROP_NO_MEMORY);
	}
	fa_registration_clear(registration);
}

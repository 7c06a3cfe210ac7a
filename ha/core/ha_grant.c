/*
 * Whether the home agent is able to accommodate a request that is valid (RFC 5944 3.8.2.2, 3.8.2.3), and how:
 * the home address, the care-of address, the kind of tunnel (RFC 3519 4.6), the reverse tunnel (RFC
 * 3024 4.3.1), the lifetime. All that can be denied is looked at before anything is changed.
 */
#include "ha_internal.h"

#include <errno.h>

#include "packet.h"

enum {
	GRANTED = 0,
	FLAGS_OFFSET = 1, /* of the flag octet in the message */
	/* Bindings that are looked at in chains of nodes of ours, each visiting at the home address of the
	 * next. */
	NESTING_MAX = 32,
};

/* --- the home address ------------------------------------------------------------------------- */

static int choose_home_address(const struct ha_core *core, struct ha_request *request)
{
	struct mip_address wanted = request->fields.home_address;
	struct mip_address own = ha_node_address(request->node);
	int status;

	if (mip_address_is_none(own)) {
		status = ha_pool_choose(core, wanted, &own);
		if (status == -ENOSPC)
			return MIP_CODE_HA_INSUFFICIENT_RESOURCES;
		if (status < 0)
			return MIP_CODE_HA_PROHIBITED;
	}
	/* rfc5944-3.8.3.2-6: if the home agent cannot support the specified nonzero unicast address, it
	 * MUST reject the request with code 129. An association speaks for its own node only.
	 * rfc5944-AppF-4: the same in the list of changes. */
	if (!mip_address_is_none(wanted) && !mip_address_equal(wanted, own))
		return MIP_CODE_HA_PROHIBITED;
	/* rfc5944-3.8.1-4, rfc5944-3.8.3.2-5, rfc5944-3.8.3.2-7: a non-zero one is copied into the reply,
	 * otherwise the selected one. */
	request->home_address = own;
	return GRANTED;
}

/* A node that is configured with an NAI and says another one is not that node. */
static bool nai_contradicts(const struct ha_core *core, const struct ha_request *request)
{
	return request->nai && request->node->nai &&
	       ha_node_by_nai(&core->tables, request->nai, request->nai_length) != request->node;
}

void ha_grant_home_address(struct ha_core *core, struct ha_request *request)
{
	request->home_address_denial =
		nai_contradicts(core, request) ? MIP_CODE_HA_PROHIBITED : choose_home_address(core, request);
}

/* Nobody takes an address from the pool but who is accepted. */
static int take_home_address(struct ha_core *core, struct ha_request *request)
{
	if (!mip_address_is_none(ha_node_address(request->node)))
		return GRANTED;
	return ha_pool_assign(core, request->node, request->home_address) == 0
		       ? GRANTED
		       : MIP_CODE_HA_INSUFFICIENT_RESOURCES;
}

/* --- the form --------------------------------------------------------------------------------- */

static bool deregisters_all(const struct ha_request *request)
{
	return mip_address_equal(request->fields.care_of_address, request->home_address) ||
	       (mip_address_is_none(request->fields.home_address) &&
		       mip_address_is_none(request->fields.care_of_address));
}

/* RFC 3115 2.3: with an unknown vendor a registration reject MUST be sent, since no vendor is known here;
 * 2.4: with the code that says who had put it in. */
static int check_vendor(const struct ha_request *request)
{
	const struct mip_extension *vendor = mip_extension_of(&request->extensions, MIP_SLOT_CRITICAL_VENDOR);

	if (!vendor)
		return GRANTED;
	return vendor->offset < request->node_authentication->offset
		       ? MIP_CODE_HA_UNKNOWN_VENDOR_EXTENSION
		       : MIP_CODE_HA_UNKNOWN_FOREIGN_AGENT_VENDOR_EXTENSION;
}

/* rfc4721-6-3: the Mobile-Home Authentication extension MUST appear prior to the Mobile-AAA one;
 * rfc4721-3.1-5, -8: the challenge stands between them. */
static bool is_out_of_order(const struct mip_extensions *extensions)
{
	const struct mip_extension *home = mip_extension_of(extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
	const struct mip_extension *aaa = mip_extension_of(extensions, MIP_SLOT_MOBILE_AAA_AUTHENTICATION);
	const struct mip_extension *challenge = mip_extension_of(extensions, MIP_SLOT_CHALLENGE);
	const struct mip_extension *agent =
		mip_extension_of(extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);

	/* rfc4721-3.2-12: both MUST precede the Foreign-Home Authentication extension. */
	if (agent &&
		((aaa && agent->offset < aaa->offset) || (challenge && agent->offset < challenge->offset)))
		return true;
	return (aaa && home && aaa->offset < home->offset) ||
	       (aaa && challenge && aaa->offset < challenge->offset) ||
	       (challenge && home && challenge->offset < home->offset);
}

static int check_form(const struct ha_request *request)
{
	const struct mip_extensions *extensions = &request->extensions;
	bool co_located = request->fields.flags & MIP_REQUEST_D;

	/* rfc5944-3.8.2.3-2: "Requests with non-zero bits in reserved fields MUST be rejected with Code 134". A
	 * request has no field of that name. Two bits of 3.3 mean nothing, 'r' and 'x', both "Sent as zero; ignored on
	 * reception". 'r' was a service of RFC 2002 that its nodes may still ask for, so 3.3 has it left alone for
	 * good: it is ignored. 'x' is what may be given out next, and the only bit that the MUST can be about: a node
	 * that sets it wants something that it does not get here, and is told so. Who obeys 3.3 never sets it. */
	if (request->octets[FLAGS_OFFSET] & MIP_REQUEST_X)
		return MIP_CODE_HA_POORLY_FORMED_REQUEST;

	if (extensions->occurrences[MIP_SLOT_MOBILE_HOME_AUTHENTICATION] > 1 ||
		extensions->occurrences[MIP_SLOT_MOBILE_AAA_AUTHENTICATION] > 1 ||
		extensions->occurrences[MIP_SLOT_UDP_TUNNEL_REQUEST] > 1 ||
		extensions->occurrences[MIP_SLOT_NODE_NAI] > 1 ||
		extensions->occurrences[MIP_SLOT_CHALLENGE] > 1 || is_out_of_order(extensions))
		return MIP_CODE_HA_POORLY_FORMED_REQUEST;
	/* rfc3519-4.6.1-3, -4: sent by the mobile node without the 'D' bit, or by the foreign agent with it:
	 * SHOULD send code 134. */
	if (request->has_tunnel_request && request->tunnel_request_by_agent == co_located)
		return MIP_CODE_HA_POORLY_FORMED_REQUEST;
	if (request->fields.lifetime == 0)
		return deregisters_all(request) || mip_address_is_unicast(request->fields.care_of_address)
			       ? GRANTED
			       : MIP_CODE_HA_POORLY_FORMED_REQUEST;
	/* A tunnel to the home address would end where it begins. */
	if (!mip_address_is_unicast(request->fields.care_of_address) ||
		mip_address_equal(request->fields.care_of_address, request->home_address))
		return MIP_CODE_HA_POORLY_FORMED_REQUEST;
	return GRANTED;
}

/* --- the tunnel ------------------------------------------------------------------------------- */

/* rfc3519-4.6-5: with UDP tunnelling, MUST use the source address of the request as the effective care-of
 * address. What the node calls its own behind a NAT may be anybody's out here, ours too. */
static struct mip_address effective_care_of(
	enum mip_encapsulation encapsulation, struct mip_address care_of_address, struct mip_address source)
{
	return encapsulation == MIP_ENCAPSULATION_UDP ? source : care_of_address;
}

/* A foreign agent on this host has an address of ours, another than the home agent's. No host but this one
 * can send from it: the kernel drops what comes in with a source of its own. */
static bool is_foreign_agent_here(
	const struct ha_core *core, const struct ha_request *request, struct mip_address end)
{
	return mip_address_equal(request->source, end) && !request->framed &&
	       !mip_address_equal(end, core->settings.address) &&
	       !mip_address_equal(end, request->destination);
}

/* A tunnel that leads back into this home agent's own tunnels without end. */
static bool would_loop(const struct ha_core *core, const struct ha_request *request)
{
	struct mip_address end =
		effective_care_of(request->encapsulation, request->fields.care_of_address, request->source);
	unsigned budget = NESTING_MAX;

	if (ha_is_own_address(core, end))
		return !is_foreign_agent_here(core, request, end);
	return ha_leads_back(core, end, request->home_address, &budget);
}

/* rfc3519-4.6-2: MUST use a mismatch between source and care-of address as the indication of a NAT. 4.6.1: a
 * node may also send from its home address, or from none. */
static bool is_behind_nat(const struct ha_request *request)
{
	return !mip_address_equal(request->source, request->fields.care_of_address) &&
	       !mip_address_equal(request->source, request->home_address) &&
	       !mip_address_is_none(request->source);
}

static int choose_udp_encapsulation(struct ha_request *request)
{
	uint8_t wanted = request->tunnel_request.encapsulation;

	/* rfc3519-3.1.4: if the field is zero, it defaults to the value of the 'M' and 'G' fields. Only IP in
	 * UDP is had here; rfc3519-4.1-4: accepted as requested, or rejected with this code. */
	/* rfc3519-4.1-2: "… also requested and accepted, GRE-in-UDP encapsulation SHALL be used in the same cases as GRE …" */
	/* rfc3519-4.1-3: "… also used, minimal encapsulation in UDP SHALL be used in the same cases as minimal …" */
	if (wanted == 0 && (request->fields.flags & MIP_REQUEST_ENCAPSULATIONS))
		return MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE;
	/* rfc3519-4.6.1-6: "The home agent SHOULD send a Registration Reply with the Code field set to …" */
	if (wanted != 0 && wanted != MIP_PROTOCOL_IPIP)
		return MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE;
	request->encapsulation = MIP_ENCAPSULATION_UDP;
	request->udp_forced = request->tunnel_request.force;
	return GRANTED;
}

static int choose_plain_encapsulation(const struct ha_core *core, struct ha_request *request)
{
	uint8_t flags = request->fields.flags;

	/* rfc3024-4.3.1-1, rfc3024-3.4-5: unable to support the requested form of encapsulation, it MUST
	 * return code 139. RFC 3024 4.1.2: acceptance is the assurance that whatever forms were requested are
	 * supported, so all of them. */
	if (((flags & MIP_REQUEST_G) && !core->settings.gre) ||
		((flags & MIP_REQUEST_M) && !core->settings.minimal))
		return MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE;
	request->encapsulation = mip_request_encapsulation(flags);
	return GRANTED;
}

/* RFC 3519 4.6: UDP when there is a NAT, or when the node forces it; otherwise the request is declined, and
 * rfc3519-3.1.4: the encapsulation is determined by the 'M' and 'G' flags. */
static int choose_encapsulation(const struct ha_core *core, struct ha_request *request)
{
	bool nat = is_behind_nat(request);
	bool force = request->has_tunnel_request && request->tunnel_request.force;

	/* rfc3519-3.1.1-1: "SHOULD either accept the traversal and reply […] or reject". */
	if (request->has_tunnel_request && (nat || force)) {
		/* rfc3519-4.6.1-1, -2: detected but not allowed, or forced but not allowed: code 129. */
		/* rfc3519-3.1.1-2: "… the registration failing, the Home Agent SHOULD send a Registration Reply with Code field set …" */
		if (core->settings.udp_tunnel == HA_UDP_TUNNEL_REFUSED ||
			(core->settings.udp_tunnel == HA_UDP_TUNNEL_NAT_ONLY && !nat))
			return MIP_CODE_HA_PROHIBITED;
		/* rfc3519-4.6-6: the 'R' flag, which is the node's to set. */
		request->half_bound =
			request->tunnel_request.through_foreign_agent && !request->tunnel_request_by_agent;
		return choose_udp_encapsulation(request);
	}
	return choose_plain_encapsulation(core, request);
}

/* rfc3024-A.4-10: "… mobile node, the home agent MUST recognize and accept registration request …" */
/* rfc3024-3.4-1: "Foreign and home agent registration replies MUST convey if the reverse tunnel …" */
/* rfc3024-3.2-1: "Home agents SHOULD NOT object to providing reverse tunnel support, because they …" */
static int check_reverse_tunnel(const struct ha_core *core, const struct ha_request *request)
{
	bool asked = request->fields.flags & MIP_REQUEST_T;

	/* RFC 3024 4.3.1: MAY reject requests without the 'T' bit with code 138. */
	if (!asked && core->settings.reverse_tunnel == HA_REVERSE_TUNNEL_REQUIRED)
		return MIP_CODE_HA_REVERSE_TUNNEL_MANDATORY;
	/* rfc3024-4.3.1-2: as a last check, MUST deny with code 137. */
	if (asked && core->settings.reverse_tunnel == HA_REVERSE_TUNNEL_REFUSED)
		return MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE;
	return GRANTED;
}

static uint16_t choose_lifetime(const struct ha_core *core, const struct ha_request *request)
{
	uint16_t most = core->settings.max_lifetime;

	/* RFC 3519 5.2: with UDP tunnels a short lifetime is beneficial. */
	/* rfc3519-6-1: "… of such redirection attacks, it is RECOMMENDED to use a conservative (that is, short) mobility …" */
	if (request->encapsulation == MIP_ENCAPSULATION_UDP && core->settings.udp_max_lifetime > 0 &&
		core->settings.udp_max_lifetime < most)
		most = core->settings.udp_max_lifetime;
	/* rfc5944-3.4-2, rfc5944-3.8.2.2-5: MUST NOT increase the lifetime; rfc5944-3.8.3.2-2: MUST be
	 * copied, rfc5944-3.8.3.2-3, rfc5944-3.8.3.2-4: or reduced to the maximum allowed. */
	return request->fields.lifetime < most ? request->fields.lifetime : most;
}

/* --- the two kinds ---------------------------------------------------------------------------- */

static int register_node(struct ha_core *core, struct ha_request *request)
{
	int code = choose_encapsulation(core, request);

	/* rfc5944-4.6-18: rejected: MUST NOT make any change to the way it performs ARP processing:
	 * nothing is changed before all is granted. */
	if (code == GRANTED && would_loop(core, request))
		code = MIP_CODE_HA_PROHIBITED;
	if (code == GRANTED)
		code = check_reverse_tunnel(core, request);
	if (code != GRANTED)
		return code;
	/* RFC 4433 5.3.1: the standard validity checks come first. */
	if (ha_assignment_redirects(core, request))
		return ha_assignment_redirect(core, request);
	if (ha_binding_exceeds(core, request))
		return MIP_CODE_HA_TOO_MANY_BINDINGS;
	if (!ha_binding_to_change(core, request) && core->settings.max_bindings > 0 &&
		ha_core_binding_count(core) >= core->settings.max_bindings)
		return MIP_CODE_HA_INSUFFICIENT_RESOURCES;
	code = take_home_address(core, request);
	if (code != GRANTED)
		return code;
	request->lifetime = choose_lifetime(core, request);
	return ha_binding_grant(core, request) == 0 ? GRANTED : MIP_CODE_HA_INSUFFICIENT_RESOURCES;
}

/* RFC 3543 1: the foreign agent that the node has left, and that does not relay this. */
static void tell_left_agent(
	struct ha_core *core, const struct ha_request *request, const struct ha_binding *binding)
{
	if (!binding->direct && !mip_address_equal(request->source, binding->source))
		ha_revocation_begin(core, binding, false, request->now);
}

/* 3.8.2.2: the home address as care-of address deletes all entries, another one only the entry that contains
 * it. */
static void deregister_node(struct ha_core *core, struct ha_request *request)
{
	struct ha_binding *binding = ha_binding_at(request->node, request->fields.care_of_address);

	request->lifetime = 0;
	if (deregisters_all(request)) {
		for (const struct ha_binding *each = request->node->binding; each; each = each->sibling)
			tell_left_agent(core, request, each);
		ha_binding_remove_all(core, request->node, true, "deregistered", request->now);
	} else if (binding) {
		tell_left_agent(core, request, binding);
		ha_binding_remove(core, binding, true, "deregistered", request->now);
	}
	if (!request->node->binding && ha_request_is_from_home(core, request))
		ha_node_came_home(core, request);
}

/* rfc5944-3.8.2-1, rfc5944-3.8.3-1: accepted: MUST update its record of the mobility bindings;
 * rfc5944-3.8.2.2-1: and MUST return a Registration Reply. */
uint8_t ha_grant(struct ha_core *core, struct ha_request *request)
{
	int code = GRANTED;

	/* The same request again: nothing changes, and the new lifetime MUST NOT extend beyond the one
	 * originally granted (rfc5944-3.8.2.2-8). */
	if (request->duplicate) {
		const struct ha_binding *binding =
			ha_binding_at(request->node, request->fields.care_of_address);

		request->lifetime = ha_binding_remaining(binding, request->now);
		request->encapsulation = binding->encapsulation;
		request->udp_forced = request->has_tunnel_request && request->tunnel_request.force;
		ha_count(core, HA_COUNTER_DUPLICATES_ANSWERED);
		return ha_accepting_code(core);
	}
	/* Without a home address here there may be one elsewhere. */
	if (request->home_address_denial != GRANTED &&
		!(request->home_address_denial == MIP_CODE_HA_INSUFFICIENT_RESOURCES &&
			ha_assignment_redirects(core, request)))
		return (uint8_t)request->home_address_denial;
	code = check_form(request);
	if (code == GRANTED)
		code = check_vendor(request);
	if (code != GRANTED)
		return (uint8_t)code;
	if (request->fields.lifetime > 0)
		code = register_node(core, request);
	else
		code = take_home_address(core, request);
	if (code == GRANTED && request->fields.lifetime == 0)
		deregister_node(core, request);
	return code == GRANTED ? ha_accepting_code(core) : (uint8_t)code;
}

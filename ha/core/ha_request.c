/*
 * A Registration Request on its way in (RFC 5944 3.8.2.1): taken apart, its node found, its authentications
 * checked, its identification judged, in the order that the RFC gives. What fails before the node is known is
 * dropped in silence; what fails after that is answered with the code for it. Only what passes all of it gets
 * to ha_grant.c.
 *
 *   parse ──> Mobile-Home ──> identification ──> Foreign-Home ──> home agent address ──> grant
 *     │       authentication        │           authentication           │
 *     │         │        │          │              │        │            │
 *   silence  silence    131        133          silence    132          136
 */
#include "ha_internal.h"

#include <string.h>

#include "authenticator.h"

enum {
	CONTINUE = 0,
	ALL_MOBILITY_AGENTS = 0xe000000b, /* 224.0.0.11 */
};

static int drop(struct ha_core *core, enum ha_counter reason)
{
	ha_count(core, reason);
	return HA_SILENT;
}

/* What RFC 5944 3.8.2.1 calls a security exception and wants no reply to: SHOULD be logged. At a limited
 * rate, since anybody can cause it. */
static int drop_exception(
	struct ha_core *core, const struct ha_request *request, enum ha_counter reason, const char *why)
{
	char home_address[MIP_ADDRESS_TEXT], source[MIP_ENDPOINT_TEXT];
	uint64_t missed = 0;

	if (mip_log_allowed(&core->limit, request->now.boot, &missed))
		mip_log(core->log, MIP_LOG_WARNING,
			"registration of %s from %s dropped: %s (%llu more not shown)",
			mip_address_text(request->fields.home_address, home_address),
			mip_endpoint_text(request->source, request->source_port, source), why,
			(unsigned long long)missed);
	return drop(core, reason);
}

/* --- taken apart ------------------------------------------------------------------------------ */

/* What the node itself said stands before its authenticator; what stands after it, an agent may have added.
 */
static bool is_by_node(const struct ha_request *request, const struct mip_extension *extension)
{
	return extension && extension->offset < request->node_authentication->offset;
}

static void read_tunnel_request(struct ha_request *request)
{
	const struct mip_extension *extension =
		mip_extension_of(&request->extensions, MIP_SLOT_UDP_TUNNEL_REQUEST);

	/* rfc3519-3.1.3-1: with Reserved 3 not 0 it MUST be handled as not understood and silently skipped
	 * (4.6.1 says SHOULD send code 134; the MUST is obeyed). */
	if (!extension || mip_udp_tunnel_request_read(extension, &request->tunnel_request) < 0)
		return;
	request->has_tunnel_request = true;
	request->tunnel_request_by_agent = !is_by_node(request, extension);
}

static void read_nai(struct ha_request *request)
{
	const struct mip_extension *extension = mip_extension_of(&request->extensions, MIP_SLOT_NODE_NAI);

	/* rfc2794-2-1: it MUST appear before the Mobile-Home authentication extension. */
	if (!is_by_node(request, extension))
		return;
	request->nai = extension->data;
	request->nai_length = extension->data_length;
}

static int parse(struct ha_core *core, struct ha_request *request)
{
	struct mip_reader reader = mip_reader_of(request->octets, request->length);

	if (mip_request_read(&reader, &request->fields) < 0 ||
		mip_extensions_read(&reader, &request->extensions) < 0)
		return drop(core, HA_COUNTER_DROP_MALFORMED);
	/* rfc5944-1.8-1: the message containing it MUST be silently discarded. Extensions that belong into
	 * replies are not known in a request either. */
	if (request->extensions.unknown_not_skippable ||
		request->extensions.present[MIP_SLOT_UDP_TUNNEL_REPLY] ||
		request->extensions.present[MIP_SLOT_FOREIGN_AGENT_ERROR])
		return drop(core, HA_COUNTER_DROP_UNKNOWN_EXTENSION);
	/* rfc5944-3.8.2.1-6: without any authorization-enabling extension it MUST be silently discarded. */
	request->node_authentication =
		mip_extension_of(&request->extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
	if (!request->node_authentication)
		request->node_authentication =
			mip_extension_of(&request->extensions, MIP_SLOT_MOBILE_AAA_AUTHENTICATION);
	if (!request->node_authentication)
		return drop(core, HA_COUNTER_DROP_NO_AUTHENTICATION);
	read_nai(request);
	read_tunnel_request(request);
	return CONTINUE;
}

/* --- authentications -------------------------------------------------------------------------- */

static int find_node(struct ha_core *core, struct ha_request *request)
{
	if (request->nai)
		request->node = ha_node_by_nai(&core->tables, request->nai, request->nai_length);
	if (!request->node && !mip_address_is_none(request->fields.home_address))
		request->node = ha_node_by_address(&core->tables, request->fields.home_address);
	/* rfc5944-3.8.2.1-5: from a node with which it does not have any security association, the home agent
	 * MUST silently discard the request. */
	if (!request->node)
		return drop(core, HA_COUNTER_DROP_UNKNOWN_NODE);
	return CONTINUE;
}

static bool foreign_home_is_valid(const struct ha_request *request)
{
	const struct mip_extension *extension =
		mip_extension_of(&request->extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);

	/* rfc5944-3.8.2.1-16: exactly one MUST be present, rfc5944-3.8.2.1-17: and its authenticator MUST be
	 * checked. It covers the node's only if it stands after it.
	 */
	if (!request->agent || !extension ||
		request->extensions.occurrences[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION] != 1 ||
		is_by_node(request, extension))
		return false;
	return mip_authenticator_check(request->agent->association, request->octets, extension) == 0;
}

static bool has_foreign_home(const struct ha_request *request)
{
	return request->extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION];
}

/* rfc5944-3.8.2.1-20: without an association with the foreign agent, a request that contains the extension
 * MUST be discarded. */
static int drop_unexpected_agent(struct ha_core *core, const struct ha_request *request)
{
	return drop_exception(core, request, HA_COUNTER_DROP_UNEXPECTED_FOREIGN_HOME,
		"there is no association with its foreign agent");
}

/* RFC 4721 8: computed with the challenge in the request, which stands before it; without one, "the
 * Challenge value 0" (3.5). */
static int check_aaa(const struct ha_request *request, const struct mip_extension *aaa)
{
	const struct mip_extension *extension = mip_extension_of(&request->extensions, MIP_SLOT_CHALLENGE);
	struct mip_challenge challenge = {0};

	if (extension)
		challenge = (struct mip_challenge){extension->data, extension->data_length};
	return mip_authenticator_check_challenge(
		request->node->aaa, request->octets, aaa, extension ? &challenge : NULL);
}

/* rfc5944-3.8.2.1-2, rfc5944-3.8.2.1-4: MUST check the authenticator; rfc5944-3.8.2.1-3: ensure that all
 * indicated authentications are carried out. Returns the code for the one that fails. */
static int check_node_authenticators(const struct ha_request *request)
{
	const struct mip_extension *home =
		mip_extension_of(&request->extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
	const struct mip_extension *aaa =
		mip_extension_of(&request->extensions, MIP_SLOT_MOBILE_AAA_AUTHENTICATION);

	if (home && mip_authenticator_check(request->node->association, request->octets, home) < 0)
		return MIP_CODE_HA_NODE_FAILED_AUTHENTICATION;
	/* RFC 4721 3.4: used by the home agent as an authorization-enabling extension. Without an association
	 * for it, it is somebody else's to check. */
	if (aaa && request->node->aaa && check_aaa(request, aaa) < 0)
		return MIP_CODE_HA_BAD_AAA_AUTHENTICATION;
	return CONTINUE;
}

/* 3.8.2.1 a. */
static int authenticate_node(struct ha_core *core, struct ha_request *request)
{
	int code;

	if (!request->extensions.present[MIP_SLOT_MOBILE_HOME_AUTHENTICATION] && !request->node->aaa)
		return drop(core, HA_COUNTER_DROP_NO_AUTHENTICATION);
	code = check_node_authenticators(request);
	if (code == CONTINUE)
		return CONTINUE;
	/* 3.8.2.1 d holds for it too. */
	if (has_foreign_home(request) && !request->agent)
		return drop_unexpected_agent(core, request);
	/* rfc5944-3.8.2.1-7: the authenticator is invalid: MUST reject. With a valid Foreign-Home
	 * authentication extension, MUST reply with code 131 (rfc5944-3.8.2.1-8); if there is no Foreign-Home
	 * association, MAY; otherwise neither. */
	if (request->agent && !foreign_home_is_valid(request))
		return drop_exception(core, request, HA_COUNTER_DROP_AUTHENTICATION_FAILED,
			"neither the node nor the foreign agent is authentic");
	return code;
}

/*
 * 3.6.3: with nonces the unanswered request is retransmitted unchanged. If it was the reply that got lost,
 * this is a duplicate of the accepted current one (3.8.2.2). Only from the same place: from another it is a
 * replay.
 */
static bool is_duplicate(const struct ha_request *request)
{
	const struct ha_binding *binding = ha_binding_at(request->node, request->fields.care_of_address);

	return binding && mip_association_replay(request->node->association) == MIP_REPLAY_NONCE &&
	       request->fields.lifetime != 0 && request->fields.identification == binding->identification &&
	       mip_address_equal(request->home_address, binding->home_address) &&
	       mip_address_equal(request->source, binding->source) &&
	       request->source_port == binding->source_port;
}

/* 3.8.2.1 b. rfc5944-3.8.2.1-12, rfc5944-5.7.1-5: MUST check that the Identification is correct using the
 * context selected by the SPI; rfc5944-3.8.2.1-13, rfc5944-5.7.1-7: otherwise MUST reject, with Code 133. */
static int judge_identification(struct ha_request *request)
{
	request->duplicate = is_duplicate(request);
	if (request->duplicate)
		return CONTINUE;
	request->verdict = mip_replay_judge(request->node->association, &request->node->replay,
		request->fields.identification, request->now.wall);
	return request->verdict == MIP_REPLAY_FRESH ? CONTINUE : MIP_CODE_HA_IDENTIFICATION_MISMATCH;
}

/*
 * rfc5944-3.5.4-3, rfc5944-3.5.4-4: when the care-of address is not the foreign agent's own, and for a
 * deregistration, it MUST NOT append the extension, so it cannot be asked for (rfc5944-3.5.4-5; 3.8.1: MAY
 * skip checking for it).
 */
static bool may_lack_foreign_home(const struct ha_core *core, const struct ha_request *request)
{
	bool co_located = (request->fields.flags & MIP_REQUEST_D) &&
			  !mip_address_equal(request->fields.care_of_address, request->source);

	/* Nor can who relays to a broadcast address know which home agent will answer; all it gets is code
	 * 136. */
	return co_located || request->fields.lifetime == 0 ||
	       ha_is_home_broadcast(core, request->destination);
}

/* 3.8.2.1 c and d. rfc5944-3.8.1-5, rfc5944-3.8.2.1-15: with an association it MUST check for a valid
 * Foreign-Home Authentication Extension, unless the Lifetime is zero; rfc5944-3.8.2.1-18: otherwise MUST
 * reject, with Code 132. */
static int authenticate_agent(struct ha_core *core, struct ha_request *request)
{
	if (!request->agent && has_foreign_home(request))
		return drop_unexpected_agent(core, request);
	if (!request->agent || (may_lack_foreign_home(core, request) && !has_foreign_home(request)))
		return CONTINUE;
	return foreign_home_is_valid(request) ? CONTINUE : MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION;
}

/* --- for this home agent? --------------------------------------------------------------------- */

static int check_home_agent(struct ha_core *core, struct ha_request *request)
{
	struct mip_address wanted = request->fields.home_agent;
	bool ours = mip_address_is_unicast(wanted) && ha_is_own_address(core, wanted);

	/* rfc5944-3.8.2.1-21: MUST deny requests that are sent to the subnet-directed broadcast address of
	 * the home network; rfc5944-3.8.2.1-22: the reply, with code 136, contains the home agent's
	 * unicast address. rfc5944-3.6.1.2-13: each home agent receiving it MUST reject, and SHOULD
	 * indicate its unicast address. */
	if (ha_is_home_broadcast(core, request->destination))
		return MIP_CODE_HA_UNKNOWN_HOME_AGENT;
	/* To all mobility agents of the link, but for another home agent: it is not for us to deny. */
	if (mip_address_is_multicast(request->destination) && !ours && mip_address_is_unicast(wanted) &&
		!ha_is_home_broadcast(core, wanted))
		return drop(core, HA_COUNTER_DROP_NOT_FOR_US);
	if (!ha_assignment_fits(request))
		return MIP_CODE_HA_UNKNOWN_HOME_AGENT;
	/* RFC 4433 5.3.1: sent to a unicast address, with ALL-ZERO-ONE-ADDR in the field: not rejected with
	 * code 136; the reply has our own address. */
	if (mip_address_is_all_zero_one(wanted) && ha_is_own_address(core, request->destination)) {
		request->home_agent = request->destination;
		return CONTINUE;
	}
	if (ours) {
		/* rfc5944-3.8.3.2-8: a unicast address of this home agent MUST be copied into the reply. */
		request->home_agent = wanted;
		return CONTINUE;
	}
	/* rfc5944-3.8.3.2-9: the reply has our unicast address; rfc5944-3.8.3.2-10: MUST reject the
	 * registration, with Code 136. */
	return MIP_CODE_HA_UNKNOWN_HOME_AGENT;
}

bool ha_request_is_from_home(const struct ha_core *core, const struct ha_request *request)
{
	const struct ha_network *network = ha_network_of(&core->tables, request->home_address);

	return request->framed && network && network->home_link == request->home_link &&
	       (mip_address_is_none(request->source) ||
		       mip_address_equal(request->source, request->home_address));
}

/* --- the whole -------------------------------------------------------------------------------- */

static int judge(struct ha_core *core, struct ha_request *request)
{
	int code = parse(core, request);

	if (code == CONTINUE)
		code = find_node(core, request);
	if (code != CONTINUE)
		return code;
	request->home_agent = core->settings.address;
	/* rfc2794-3-5: the reply MUST include a nonzero home address, where there is one to tell. */
	request->home_address = mip_address_is_none(request->fields.home_address)
					? ha_node_address(request->node)
					: request->fields.home_address;
	request->agent = ha_foreign_agent_by_address(&core->tables, request->source);
	code = authenticate_node(core, request);
	if (code != CONTINUE)
		return code;
	ha_grant_home_address(core, request);
	code = judge_identification(request);
	if (code == CONTINUE)
		code = authenticate_agent(core, request);
	if (code == CONTINUE)
		code = ha_revocation_judge(core, request);
	if (code == CONTINUE)
		code = check_home_agent(core, request);
	return code == CONTINUE ? ha_grant(core, request) : code;
}

/* rfc5944-3.8.2.1-11, rfc5944-3.8.2.1-14, rfc5944-3.8.2.1-19: SHOULD log the error as a security exception.
 * At a limited rate, since anybody can cause it. */
static void tell_denial(struct ha_core *core, const struct ha_request *request, int code)
{
	bool security =
		code >= MIP_CODE_HA_NODE_FAILED_AUTHENTICATION && code <= MIP_CODE_HA_IDENTIFICATION_MISMATCH;
	char home_address[MIP_ADDRESS_TEXT], source[MIP_ENDPOINT_TEXT];
	struct mip_event event = mip_event_of("registration_denied");
	uint64_t missed = 0;

	if (!mip_log_allowed(&core->limit, request->now.boot, &missed))
		return;
	mip_address_text(request->fields.home_address, home_address);
	mip_endpoint_text(request->source, request->source_port, source);
	if (security)
		mip_log(core->log, MIP_LOG_WARNING,
			"registration of %s from %s denied with code %d: %s (%llu more not shown)",
			home_address, source, code, mip_code_text((uint8_t)code), (unsigned long long)missed);
	mip_event_address(&event, "home_address", request->fields.home_address);
	mip_event_string(&event, "nai", request->node->nai);
	mip_event_address(&event, "care_of_address", request->fields.care_of_address);
	mip_event_string(&event, "source", source);
	mip_event_number(&event, "code", code);
	mip_event_string(&event, "reason", mip_code_text((uint8_t)code));
	mip_outbox_event(&core->outbox, &event);
}

static bool source_can_be_answered(const struct ha_request *request)
{
	return mip_address_is_unicast(request->source) ||
	       (mip_address_is_none(request->source) && request->framed);
}

/* Ours is what was sent to one of our addresses, to everyone on a home link, or to all mobility agents. */
static bool is_for_us(const struct ha_core *core, const struct ha_request *request)
{
	return ha_is_own_address(core, request->destination) ||
	       ha_is_home_broadcast(core, request->destination) ||
	       mip_address_equal(request->destination, mip_address_of(ALL_MOBILITY_AGENTS));
}

void ha_request_take(struct ha_core *core, struct ha_request *request)
{
	int type = mip_message_type(request->octets, request->length);
	int code;

	if (!is_for_us(core, request)) {
		/* A home link's socket sees what merely passes through this router. */
		if (!request->framed)
			ha_count(core, HA_COUNTER_DROP_NOT_FOR_US);
		return;
	}
	if (type == MIP_MESSAGE_TUNNEL_DATA) /* the data plane's */
		return;
	if (core->settings.revocation.enabled &&
		(type == MIP_MESSAGE_REVOCATION || type == MIP_MESSAGE_REVOCATION_ACK)) {
		ha_revocation_input(core, request);
		return;
	}
	if (type != MIP_MESSAGE_REGISTRATION_REQUEST) {
		ha_count(core, type < 0 ? HA_COUNTER_DROP_MALFORMED : HA_COUNTER_DROP_NOT_A_REQUEST);
		return;
	}
	ha_count(core, HA_COUNTER_REQUESTS_RECEIVED);
	if (!source_can_be_answered(request)) {
		ha_count(core, HA_COUNTER_DROP_BAD_SOURCE);
		return;
	}
	code = judge(core, request);
	if (request->fields.lifetime == 0 && code != HA_SILENT)
		ha_count(core, HA_COUNTER_DEREGISTRATIONS_RECEIVED);
	if (code == HA_SILENT)
		return;
	/* rfc5944-3.8.2-2, rfc5944-3.8.2.3-1, rfc5944-3.8.3-2: denied: SHOULD send a Registration Reply
	 * with an appropriate code. */
	if (!mip_code_is_accepted((uint8_t)code)) {
		tell_denial(core, request, code);
		if (!ha_limit_allows(core, request, code))
			return;
	}
	ha_reply(core, request, (uint8_t)code);
}

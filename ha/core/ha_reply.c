/*
 * The Registration Reply (RFC 5944 3.8.3): its fields, its extensions in the order of 3.8.3.3, its
 * identification (5.7), and the way it takes: back to where the request came from, by the host's routing; or,
 * to a node that is at home, straight onto the home link, past any binding that there may still be (3.8.3.1).
 */
#include "ha_internal.h"

#include <string.h>

#include "authenticator.h"
#include "packet.h"

enum {
	REPLY_TTL = 64,
	TUNNEL_ACCEPTED = 0,
	TUNNEL_DECLINED = 64, /* RFC 3519 3.2.1: reason unspecified */
	FRAME_MAX = MIP_REGISTRATION_MAX + MIP_IP_HEADER + MIP_UDP_HEADER,
};

/* --- the identification ----------------------------------------------------------------------- */

static bool failed_authentication(uint8_t code)
{
	return code == MIP_CODE_HA_NODE_FAILED_AUTHENTICATION || code == MIP_CODE_HA_BAD_AAA_AUTHENTICATION;
}

static uint64_t choose_identification(struct ha_core *core, struct ha_request *request, uint8_t code)
{
	struct ha_node *node = request->node;
	uint64_t received = request->fields.identification;

	if (request->duplicate)
		return ha_binding_at(node, request->fields.care_of_address)->reply_identification;
	/* Who failed authentication must not be able to make us forget the nonce that the node knows. */
	if (failed_authentication(code) && mip_association_replay(node->association) == MIP_REPLAY_NONCE &&
		node->replay.has_nonce)
		return (uint64_t)node->replay.nonce << 32 | (uint32_t)received;
	if (mip_code_is_accepted(code))
		mip_replay_accept(&node->replay, node->association, received);
	return mip_replay_reply_identification(&node->replay, node->association, request->verdict, received,
		request->now.wall, &core->random);
}

/* What a restart must not lose stands in the outbox before the reply that promises it. */
static void remember(
	struct ha_core *core, const struct ha_request *request, uint8_t code, uint64_t identification)
{
	struct ha_binding *binding = ha_binding_at(request->node, request->fields.care_of_address);
	bool accepted = mip_code_is_accepted(code) && !request->duplicate;
	/* Every other reply to an authenticated request carries a new nonce. */
	bool new_nonce = mip_association_replay(request->node->association) == MIP_REPLAY_NONCE &&
			 !failed_authentication(code) && !request->duplicate;

	if (accepted || new_nonce)
		ha_record_keep_replay(core, request->node);
	if (!accepted || request->lifetime == 0 || !binding)
		return;
	/* rfc5944-3.8.1-3: the entry contains the Identification field from the Registration Reply. */
	binding->reply_identification = identification;
	ha_record_keep_binding(core, binding, request->now);
}

/* --- the message ------------------------------------------------------------------------------ */

static void write_tunnel_reply(const struct ha_core *core, const struct ha_request *request, uint8_t code,
	bool for_agent, struct mip_writer *writer)
{
	bool granted = request->encapsulation == MIP_ENCAPSULATION_UDP;
	struct mip_udp_tunnel_reply reply = {
		.code = granted ? TUNNEL_ACCEPTED : TUNNEL_DECLINED,
		.forced = granted && request->udp_forced,
		/* rfc3519-4.10-4: MUST NOT be changed dynamically. */
		.keepalive_interval = granted ? core->settings.keepalive_interval : 0,
	};

	/* rfc3519-4.6-12: if use of UDP tunnelling is not indicated for a session, SHOULD also respond, with
	 * a declining code. A denied registration says it with its own code. */
	/* rfc3519-4.6-1: "… MUST be used in a Mobile IP Registration Reply […] when it has received and accepted …" */
	/* rfc3519-4.6-3: "… MIP UDP tunnelling, the home agent SHALL respond with a registration reply containing an …" */
	/* rfc3519-4.6-4: "… Tunnel Request Extension, the home agent SHOULD respond with a Registration Reply containing a …" */
	/* rfc3519-4.6-11: "The home agent SHOULD be consistent in acknowledging support for UDP tunnelling or not." */
	if (request->has_tunnel_request && request->tunnel_request_by_agent == for_agent &&
		mip_code_is_accepted(code))
		mip_udp_tunnel_reply_write(writer, &reply);
}

/* rfc5944-3.8.1-6, rfc5944-3.8.3.3-3: (e) MUST be included when the home agent and the foreign agent share an
 * association; rfc5944-3.5.4-1: but MUST NOT be applied to deregistration messages; except to an agent that
 * has done so itself, as RFC 3344 had it, and waits for one. */
static bool is_authenticated_to_agent(const struct ha_request *request)
{
	return request->agent && (request->fields.lifetime != 0 ||
					 request->extensions.present[MIP_SLOT_FOREIGN_HOME_AUTHENTICATION]);
}

static int write_reply(const struct ha_core *core, const struct ha_request *request,
	const struct mip_registration_reply *reply, struct mip_writer *writer)
{
	const struct mip_extension *challenge = mip_extension_of(&request->extensions, MIP_SLOT_CHALLENGE);
	int status;

	/* rfc5944-3.2-2: authenticated with an authorization-enabling extension. rfc5944-3.8.3.3-1: this
	 * ordering MUST be followed. */
	mip_reply_write(writer, reply);
	write_tunnel_reply(core, request, reply->code, false, writer);
	/* rfc2794-3-3: if the request includes the NAI extension, the reply MUST include it. */
	if (request->nai)
		mip_extension_write(writer, MIP_EXTENSION_NODE_NAI, request->nai, request->nai_length);
	ha_revocation_write(request, false, reply->code, writer);
	ha_assignment_write(request, reply->code, writer);
	/* rfc5944-3.4-6, rfc5944-3.8.2.1-9, rfc5944-3.8.3.3-2: (a) and (c) MUST appear in every reply sent
	 * by the home agent. rfc5944-3.8.2.1-10: SHOULD choose a security association that is likely to
	 * exist in the mobile node: the one that it has. */
	status = mip_authenticator_append(
		writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, request->node->association);
	if (status < 0)
		return status;
	write_tunnel_reply(core, request, reply->code, true, writer);
	ha_revocation_write(request, true, reply->code, writer);
	/* rfc4721-3.4-1, -2: a home agent that recognizes the challenge MUST include it in the reply,
	 * after the Mobile-Home authentication extension; the Foreign-Home one SHOULD cover it.
	 * rfc4721-6-4: no Mobile-AAA authentication. */
	if (challenge)
		mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge->data, challenge->data_length);
	if (is_authenticated_to_agent(request))
		status = mip_authenticator_append(
			writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, request->agent->association);
	return status;
}

/* --- its way ---------------------------------------------------------------------------------- */

/* rfc5944-3.8.3.1-1: the destination of the request; if that was a broadcast or multicast address, the home
 * agent's. */
struct mip_address ha_reply_source(const struct ha_core *core, const struct ha_request *request)
{
	return ha_is_own_address(core, request->destination) ? request->destination : core->settings.address;
}

static int send_frame(struct ha_core *core, const struct ha_request *request,
	const struct mip_registration_reply *reply, const uint8_t *message, size_t length)
{
	struct mip_output_frame frame = {
		.link = request->link,
		.destination = request->link_source,
		.ethertype = MIP_ETHERTYPE_IPV4,
	};
	struct mip_ip ip = {
		.ttl = REPLY_TTL,
		.protocol = MIP_PROTOCOL_UDP,
		.source = ha_reply_source(core, request),
		.destination = request->source,
	};
	struct mip_udp udp = {request->destination_port, request->source_port};
	uint8_t packet[FRAME_MAX];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	if (mip_address_is_none(ip.destination))
		ip.destination = reply->home_address;
	if (mip_address_is_none(ip.destination))
		ip.destination = mip_address_of(UINT32_MAX);
	core->random.fill(core->random.context, &ip.identification, sizeof(ip.identification));
	mip_udp_packet_write(&writer, &ip, &udp, message, length);
	if (mip_writer_failed(&writer))
		return -1;
	return mip_outbox_frame(&core->outbox, &frame, packet, writer.length);
}

/* rfc5944-3.5.4-2: the foreign agent address MUST be used as the Destination IP Address;
 * rfc5944-3.8.2.2-2: MUST send to the source of the Request, which might be a different foreign agent;
 * rfc5944-3.8.2.2-3: and MUST NOT to another without an association: to none. */
static int send_datagram(
	struct ha_core *core, const struct ha_request *request, const uint8_t *message, size_t length)
{
	struct mip_output_datagram datagram = {
		.source = ha_reply_source(core, request),
		.source_port = request->destination_port,
		.destination = request->source,
		.destination_port = request->source_port,
	};

	/* rfc3519-4.2-1: signalling SHALL NOT be tunnelled: by the link that the request came by, past the
	 * route into the node's own tunnel. (A foreign agent that is a node away itself is reached by its.)
	 */
	if (mip_address_equal(request->source, request->home_address) &&
		ha_binding_find(core, request->source))
		datagram.link = request->link;
	return mip_outbox_datagram(&core->outbox, &datagram, message, length);
}

/* rfc5944-3.8.3.1-2: MUST transmit the Reply directly onto the home network as if the mobile node were at
 * home; rfc5944-3.8.3.1-3: an existing binding MUST be ignored. And there is no routing to 0.0.0.0. */
static bool must_be_framed(const struct ha_core *core, const struct ha_request *request)
{
	return request->framed &&
	       (mip_address_is_none(request->source) || ha_request_is_from_home(core, request));
}

/* rfc3024-4.3.2-1: "… Registration Request, a home agent MUST issue a Registration Reply to the …" */
/* rfc5944-3.8-1: MUST NOT transmit a Registration Reply except when replying to a Request: there is no
 * other caller. rfc5944-3.8.3-3: the values that it MUST supply in the fields. */
void ha_reply(struct ha_core *core, struct ha_request *request, uint8_t code)
{
	uint16_t most = core->settings.max_lifetime;
	struct mip_registration_reply reply = {
		.code = code,
		.lifetime = request->fields.lifetime < most ? request->fields.lifetime : most,
		.home_address = request->home_address,
		.home_agent = request->home_agent,
	};
	uint8_t message[MIP_REGISTRATION_MAX];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	int status;

	if (mip_code_is_accepted(code))
		reply.lifetime = request->lifetime;
	if (mip_code_is_accepted(code))
		ha_revocation_agree(core, request);
	reply.identification = choose_identification(core, request, code);
	remember(core, request, code, reply.identification);
	status = write_reply(core, request, &reply, &writer);
	if (status == 0 && mip_writer_failed(&writer))
		status = -1;
	if (status == 0)
		status = must_be_framed(core, request)
				 ? send_frame(core, request, &reply, message, writer.length)
				 : send_datagram(core, request, message, writer.length);
	if (status < 0) {
		ha_count(core, HA_COUNTER_DROP_FAILED);
		return;
	}
	ha_count(core, HA_COUNTER_REPLIES_SENT);
	if (ha_counter_of_code(code) != HA_COUNTER_COUNT)
		ha_count(core, ha_counter_of_code(code));
}

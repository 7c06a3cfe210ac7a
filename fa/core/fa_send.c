/*
 * What leaves the foreign agent: requests to home agents as datagrams, replies to nodes as frames to the link
 * address that the request came from (RFC 5944 3.7.2.2, 3.7.2.3, 3.7.3.2). A node's home address does not
 * belong to the link, and must not be looked for by ARP (rfc5944-4.2.2-7), so replies pass the host by.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authenticator.h"
#include "fa_private.h"

enum {
	LIMITED_BROADCAST = 0xffffffff,
	NODE_TTL = 64,
	/* Type, length, SPI and the longest authenticator. */
	AUTHENTICATION_MAX = 6 + MIP_AUTHENTICATOR_MAX,
	REVOCATION_SUPPORT = 8,
	/* What we add to a message: an error of four octets, a challenge, support of revocation, an authentication. */
	ADDED_MAX = 4 + 2 + FA_CHALLENGE_LENGTH + REVOCATION_SUPPORT + AUTHENTICATION_MAX,
	MESSAGE_MAX = MIP_REGISTRATION_MAX + ADDED_MAX,
	PACKET_MAX = MIP_IP_HEADER + MIP_UDP_HEADER + MESSAGE_MAX,
};
#define DENIAL_INTERVAL MIP_SECOND

/* rfc5944-3.7.2.3-4: copied from the request's destination, unless "All Agents Multicast" was used:
 * rfc5944-3.7.2.3-5: then our address on the interface. */
static struct mip_address reply_source(const struct fa_core *core, const struct fa_registration *registration)
{
	if (mip_address_is_unicast(registration->destination))
		return registration->destination;
	return fa_link_address(core, registration->link);
}

/* rfc5944-3.7.2.3-4: the home address unless it is 0.0.0.0 (or none that a node can have). */
static struct mip_address reply_destination(const struct fa_core *core, struct mip_address home_address)
{
	if (mip_address_is_unicast(home_address) && !fa_address_is_own(core, home_address))
		return home_address;
	return mip_address_of(LIMITED_BROADCAST);
}

/* rfc5944-3.7-3: MUST NOT transmit a Registration Reply except when relaying one, or when denying
 * service: by these two ways only. */
static void send_to_node(struct fa_core *core, const struct fa_registration *registration,
	struct mip_address home_address, uint8_t code, const struct mip_writer *message)
{
	struct mip_output_frame frame = {
		.link = registration->link->index,
		.destination = registration->link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
	};
	struct mip_ip ip = {
		.ttl = NODE_TTL,
		.source = reply_source(core, registration),
		.destination = reply_destination(core, home_address),
	};
	struct mip_udp udp = {
		.source_port = MIP_REGISTRATION_PORT,
		.destination_port = registration->source_port,
	};
	uint8_t packet[PACKET_MAX];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	if (frame.link == MIP_LINK_NONE)
		return;
	mip_udp_packet_write(&writer, &ip, &udp, message->octets, message->length);
	if (mip_writer_failed(message) || mip_writer_failed(&writer))
		return;
	if (mip_outbox_frame(core->environment.outbox, &frame, writer.octets, writer.length) < 0) {
		fa_count(core, FA_COUNT_DROP_NO_MEMORY);
		return;
	}
	fa_count(core, FA_COUNT_REPLIES_SENT);
	fa_count(core, fa_counter_of_code(code));
}

/* rfc5944-3.7.1-9: MUST add a Mobile-Foreign Authentication Extension to the Registration Reply to the mobile
 * node, if they share a Mobility Security Association. */
static void authenticate_to_node(struct fa_core *core, const struct fa_registration *registration,
	struct mip_address home_address, struct mip_writer *message)
{
	const struct fa_mobile_node *node = fa_mobile_node_find(
		&core->settings, home_address, registration->relayed_to, registration->nai);

	if (node && node->association &&
		mip_authenticator_append(
			message, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, node->association) < 0)
		message->failed = true;
}

/* rfc4721-3.3-1, -5: a previously unused challenge in any reply, successful or not; rfc4721-3.3-2: before
 * the Mobile-Foreign authentication. */
static void add_challenge(struct fa_core *core, const struct fa_registration *registration,
	enum fa_challenge_grounds grounds, struct mip_writer *message)
{
	const struct fa_challenge *challenge = fa_challenge_for_reply(core, registration, grounds);

	if (challenge)
		mip_extension_write(
			message, MIP_EXTENSION_CHALLENGE, challenge->octets, sizeof(challenge->octets));
}

static struct fa_denial *denial_new(struct fa_core *core, const struct fa_denial_key *key, struct mip_now now)
{
	struct fa_denial *denial = calloc(1, sizeof(*denial));

	if (!denial)
		return NULL;
	memcpy(&denial->key, key, sizeof(*key));
	denial->deadline.kind = FA_DEADLINE_DENIAL;
	if (mip_deadline_set(&core->deadlines, &denial->deadline, now.boot + DENIAL_INTERVAL) < 0) {
		free(denial);
		return NULL;
	}
	HASH_ADD(hh, core->denials, key, sizeof(*key), denial);
	if (!denial->hh.tbl) {
		mip_deadline_cancel(&core->deadlines, &denial->deadline);
		free(denial);
		return NULL;
	}
	return denial;
}

/* rfc5944-3.7.2-2: except where it would have to send more than one such denial per second to the same mobile
 * node; rfc3024-4.2.1-5 says the same of code 76. */
static bool denial_allowed(
	struct fa_core *core, const struct fa_registration *registration, struct mip_now now)
{
	struct fa_denial_key key;
	struct fa_denial *denial;
	uint32_t most = core->settings.values.limits.denials;

	memset(&key, 0, sizeof(key));
	key.link = registration->link;
	key.link_address = registration->link_address;
	key.home_address = registration->request.home_address;
	HASH_FIND(hh, core->denials, &key, sizeof(key), denial);
	if (denial && denial->deadline.at <= now.boot) {
		fa_denial_expire(core, denial);
		denial = NULL;
	}
	return !denial && mip_rate_take(&core->denied, most > 0 ? most : FA_DENIALS, now.boot) &&
	       denial_new(core, &key, now);
}

void fa_denial_expire(struct fa_core *core, struct fa_denial *denial)
{
	mip_deadline_cancel(&core->deadlines, &denial->deadline);
	HASH_DEL(core->denials, denial);
	free(denial);
}

void fa_denials_remove_link(struct fa_core *core, const struct fa_link *link)
{
	struct fa_denial *denial, *next;

	HASH_ITER (hh, core->denials, denial, next) {
		if (!link || denial->key.link == link)
			fa_denial_expire(core, denial);
	}
}

void fa_denials_clear(struct fa_core *core)
{
	fa_denials_remove_link(core, NULL);
}

static void tell_denial(struct fa_core *core, const struct fa_registration *registration, uint8_t code)
{
	struct mip_event event = mip_event_of("request_denied");
	char link_address[MIP_LINK_ADDRESS_TEXT];

	mip_event_address(&event, "home_address", registration->request.home_address);
	mip_event_address(&event, "home_agent", registration->relayed_to);
	mip_event_string(&event, "interface", registration->link->name);
	mip_event_string(
		&event, "link_address", mip_link_address_text(registration->link_address, link_address));
	mip_event_number(&event, "code", code);
	mip_event_string(&event, "reason", mip_code_text(code));
	mip_outbox_event(core->environment.outbox, &event);
}

/* RFC 5944 3.7.2.3: home address, home agent and identification are copied; rfc5944-3.7.2.3-3: the lifetime
 * SHOULD be too, unless it was too long: then it is the longest that we accept. */
static void write_denial(const struct fa_core *core, const struct fa_registration *registration, uint8_t code,
	struct mip_writer *message)
{
	const struct mip_registration_request *request = &registration->request;
	struct mip_registration_reply reply = {
		.code = code,
		.lifetime = code == MIP_CODE_FA_LIFETIME_TOO_LONG
				    ? core->settings.values.registration_lifetime
				    : request->lifetime,
		.home_address = request->home_address,
		.home_agent = request->home_agent,
		.identification = request->identification,
	};

	mip_reply_write(message, &reply);
	/* Whose home address is zero knows itself by its NAI only. */
	if (registration->nai)
		mip_extension_write(
			message, MIP_EXTENSION_NODE_NAI, registration->nai->text, registration->nai->length);
}

void fa_deny(
	struct fa_core *core, const struct fa_registration *registration, uint8_t code, struct mip_now now)
{
	uint8_t octets[MESSAGE_MAX];
	struct mip_writer message = mip_writer_of(octets, sizeof(octets));

	fa_count(core, FA_COUNT_REQUESTS_DENIED);
	if (!denial_allowed(core, registration, now)) {
		fa_count(core, FA_COUNT_DROP_DENIAL_LIMIT);
		return;
	}
	write_denial(core, registration, code, &message);
	add_challenge(core, registration,
		registration->verified ? FA_CHALLENGE_DENIED : FA_CHALLENGE_UNAUTHENTICATED, &message);
	authenticate_to_node(core, registration, registration->request.home_address, &message);
	send_to_node(core, registration, registration->request.home_address, code, &message);
	tell_denial(core, registration, code);
	if (mip_log_allowed(&core->denial_log, now.boot, NULL))
		mip_log(core->environment.log, MIP_LOG_NOTICE, "%s: denied the request of %s: %u, %s",
			registration->link->name, MIP_TEXT(registration->request.home_address), code,
			mip_code_text(code));
}

/* rfc4721-12-4: who is not what it says, by its home agent's word, makes nothing be stored either. */
static bool is_found_out(uint8_t code)
{
	return code == MIP_CODE_HA_NODE_FAILED_AUTHENTICATION || code == MIP_CODE_HA_BAD_AAA_AUTHENTICATION;
}

static enum fa_challenge_grounds grounds_of(const struct fa_relayed *relayed)
{
	if (relayed->registration->verified || (mip_code_is_accepted(relayed->code) && !relayed->error))
		return FA_CHALLENGE_AUTHENTICATED;
	return is_found_out(relayed->code) ? FA_CHALLENGE_UNAUTHENTICATED : FA_CHALLENGE_DENIED;
}

void fa_relay_reply(struct fa_core *core, const struct fa_relayed *relayed)
{
	const struct fa_registration *registration = relayed->registration;
	struct mip_address home_address = relayed->home_address;
	uint8_t copy[MESSAGE_MAX];
	struct mip_writer message = mip_writer_of(copy, sizeof(copy));

	mip_write_octets(&message, relayed->octets, relayed->length);
	/* RFC 4636 3: the sub-type is 0, the status says why. */
	if (relayed->error)
		mip_extension_write_short(&message, MIP_EXTENSION_FOREIGN_AGENT_ERROR, 0, &relayed->error, 1);
	add_challenge(core, registration, grounds_of(relayed), &message);
	authenticate_to_node(core, registration,
		mip_address_is_none(home_address) ? registration->request.home_address : home_address,
		&message);
	if (mip_writer_failed(&message)) {
		fa_count(core, FA_COUNT_DROP_MALFORMED);
		return;
	}
	fa_count(core, FA_COUNT_REPLIES_RELAYED);
	send_to_node(core, registration, home_address, relayed->code, &message);
}

/* rfc5944-3.7.1-7: appended if we share an association with the home agent; rfc5944-3.5.4-4,
 * rfc5944-3.8.2.2-4: but MUST NOT be for a deregistration, rfc5944-3.5.4-3: nor if the care-of address is
 * not in the Agent Advertisement. rfc5944-3.5.4-1: MUST NOT be applied to deregistration messages.
 * rfc5944-AppF-2, rfc5944-AppF-3: the same in the list of changes. */
static struct mip_association *association_for(
	const struct fa_core *core, const struct fa_registration *registration)
{
	const struct mip_registration_request *request = &registration->request;

	if (request->lifetime == 0 ||
		!mip_address_equal(request->care_of_address, core->settings.values.care_of_address))
		return NULL;
	return fa_home_agent_association(&core->settings, registration->relayed_to);
}

int fa_relay_request(struct fa_core *core, struct fa_pending *pending, const uint8_t *octets, size_t length,
	struct mip_now now)
{
	const struct fa_registration *registration = &pending->registration;
	struct mip_association *association = association_for(core, registration);
	bool udp_asked = fa_nat_asks(core, &registration->request);
	/* rfc5944-3.7.2.2-1: relayed to the home agent as specified in the Home Agent field (RFC 4433 5.2: or
	 * the one that it requests in another way); rfc5944-3.7.2.2-4, rfc3519-4.5-4: from the care-of
	 * address, to port 434. */
	struct mip_output_datagram datagram = {
		.source = core->settings.values.care_of_address,
		.destination = registration->relayed_to,
		.destination_port = MIP_REGISTRATION_PORT,
	};
	uint8_t copy[MESSAGE_MAX];
	struct mip_writer message = mip_writer_of(copy, sizeof(copy));
	int r = 0;

	mip_write_octets(&message, octets, length);
	/* rfc3519-4.5-2, -3: after the Mobile-Home and before the Foreign-Home Authentication Extension. */
	if (udp_asked)
		fa_nat_write_request(&registration->request, &message);
	fa_revocation_offer(core, pending, association != NULL, &message, now);
	if (association)
		r = mip_authenticator_append(
			&message, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, association);
	if (r < 0)
		return r;
	if (mip_writer_failed(&message))
		return -EMSGSIZE;
	r = mip_outbox_datagram(core->environment.outbox, &datagram, message.octets, message.length);
	if (r < 0)
		return r;
	fa_count(core, FA_COUNT_REQUESTS_RELAYED);
	pending->authenticated = association != NULL;
	pending->udp_asked = udp_asked;
	return 0;
}

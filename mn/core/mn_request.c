/*
 * The Registration Request: its fields, its extensions in the order of RFC 5944 3.6.1.3, its IP header, and
 * the way it leaves.
 *
 *                     source           destination        leaves as
 *   foreign agent     home address     the agent          a frame to the agent's link address
 *   co-located        care-of address  the home agent     a datagram by that link
 *   … agent insists   care-of address  the agent          a frame to the agent's link address
 *   at home           home address     the home agent     a frame to the home agent's link address
 */
#include "mn_machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "authenticator.h"
#include "extension.h"

enum {
	/* rfc3024-3.2-2: in Registration Requests sent by a mobile node, TTL MUST be set to 255; and where
	 * nothing is asked of it, 255 is as suitable as any other. */
	/* rfc3024-4.1.1-1: "The mobile node MUST set the TTL field of the IP header to 255." */
	/* rfc3024-6.1-1: "The mobile node MUST set to 255 the TTL value in the IP headers of …" */
	TTL = 255,
};

static bool is_away(const struct mn_place *place)
{
	return place->mode == MN_MODE_FOREIGN_AGENT || place->mode == MN_MODE_CO_LOCATED;
}

static bool has_agent(const struct mn_place *place)
{
	return !mip_address_is_none(place->agent);
}

static const struct mn_agent *agent_of(const struct mn_core *core, const struct mn_place *place)
{
	return has_agent(place) ? mn_agent_find(core, place->link, place->agent) : NULL;
}

static uint16_t least(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

static uint16_t lifetime_of(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_agent *agent = agent_of(core, &attempt->place);
	uint16_t lifetime = core->settings.lifetime;

	if (attempt->ending || !is_away(&attempt->place))
		return 0; /* RFC 5944 3.6.1.2: zero deregisters */
	/* rfc5944-3.6.1.2-8: SHOULD NOT exceed the agent's Registration Lifetime. */
	if (has_agent(&attempt->place) && attempt->place.registration_lifetime > 0)
		lifetime = least(lifetime, attempt->place.registration_lifetime);
	/* rfc5944-3.6.2.3-2: MUST be less than or equal to the value in the Reply with code 69. */
	return agent && agent->lifetime_most > 0 ? least(lifetime, agent->lifetime_most) : lifetime;
}

/* Packets from the home address do not survive a NAT. rfc3519-3.1.5-2: SHOULD set the 'T' bit when requesting
 * UDP tunnelling; that there is a NAT is known from the second request on. */
static bool is_behind_nat(const struct mn_core *core, const struct mn_place *place)
{
	return core->binding.encapsulation == MIP_ENCAPSULATION_UDP &&
	       mn_place_same(place, &core->binding.place);
}

/* rfc3024-A.4-1: "… addresses with Mobile IP MUST set the 'T' bit and employ reverse tunneling." */
static bool wants_reverse_tunnel(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_agent *agent = agent_of(core, &attempt->place);

	if (core->reverse_mandatory || (agent && agent->reverse_mandatory))
		return true;
	if (is_behind_nat(core, &attempt->place) && !core->reverse_refused)
		return true;
	/* An agent that does not advertise T would refuse it (RFC 3024 3.1). */
	return core->settings.reverse_tunnel &&
	       (!has_agent(&attempt->place) || (attempt->place.flags & MIP_AGENT_T));
}

/* With this bit an agent advertises an encapsulation. */
static uint16_t advertised_flag_of(enum mip_encapsulation encapsulation)
{
	return encapsulation == MIP_ENCAPSULATION_GRE ? MIP_AGENT_G : MIP_AGENT_M;
}

/*
 * rfc5944-3.6.1.2-7: the node MAY request alternative forms of encapsulation, "but only if the mobile node is
 * decapsulating its own datagrams or if its foreign agent has indicated support [...] Otherwise, the mobile
 * node MUST NOT set these bits." Such an agent is used with IP in IP, which all have (rfc5944-4.1-1). So is
 * one that has refused.
 */
static uint8_t encapsulation_flag_of(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_agent *agent = agent_of(core, &attempt->place);
	enum mip_encapsulation wanted = core->settings.encapsulation;
	uint8_t flag = mip_request_encapsulation_flag(wanted);

	if (attempt->ending)
		return 0; /* there is no tunnel to ask for */
	if (attempt->place.mode == MN_MODE_FOREIGN_AGENT &&
		!(attempt->place.flags & advertised_flag_of(wanted)))
		return 0;
	return (uint8_t)(flag & ~(core->refused | (agent ? agent->refused : 0)));
}

static uint8_t flags_of(const struct mn_core *core, const struct mn_attempt *attempt)
{
	uint8_t flags = 0;

	if (!is_away(&attempt->place))
		return 0;
	/* rfc5944-3.6.1.2-1, rfc5944-3.6.1.2-2: D with a co-located care-of address, otherwise not. */
	if (attempt->place.mode == MN_MODE_CO_LOCATED)
		flags |= MIP_REQUEST_D;
	if (wants_reverse_tunnel(core, attempt))
		flags |= MIP_REQUEST_T;
	/* RFC 5944 4.3: "a mobile node MAY request forwarding of broadcast datagrams by setting the 'B' bit". */
	/* rfc5944-3.6.1.2-6: "The mobile node thus MUST decapsulate the encapsulated broadcast datagram itself, and thus MUST …" */
	if (core->settings.broadcast && !attempt->ending)
		flags |= MIP_REQUEST_B;
	return flags | encapsulation_flag_of(core, attempt) | mn_simultaneous_flag(core, attempt);
}

/*
 * rfc3519-4.4-1: only with a co-located care-of address. rfc3519-4.4-6, -8: through a foreign agent only when
 * that has the U bit set, and then with R.
 */
/* rfc3519-3.1.2-1: "This flag MUST be set by the mobile node when it is using a co- located address, but registering …" */
/* rfc3519-4.11-1: "… use a co-located care-of address, it MUST set the 'R' flag in the UDP Tunnel Request …" */
static bool offers_udp(const struct mn_core *core, const struct mn_place *place)
{
	/* rfc3519-3.1.5-1: "… bit (Decapsulation by the mobile node) MUST be set, otherwise UDP tunnelling would not be …" */
	return place->mode == MN_MODE_CO_LOCATED &&
	       (core->settings.nat_traversal || core->settings.force_udp) &&
	       (!has_agent(place) || (place->flags & MIP_AGENT_U));
}

/* rfc3519-3.1.4: zero defaults to the 'M' and 'G' fields. Those are for a tunnel without UDP; within UDP it
 * shall be IP in any case, which every home agent has (rfc3519-4.1-1). */
static uint8_t udp_encapsulation_of(const struct mn_attempt *attempt)
{
	return attempt->flags & MIP_REQUEST_ENCAPSULATIONS ? MIP_PROTOCOL_IPIP : 0;
}

/*
 * rfc3024-5.3-1: nodes with a foreign agent that have their broadcasts and multicasts reverse-tunnelled MUST use the
 * encapsulating delivery style. rfc3024-3.3-3: not without the 'T' bit.
 */
static bool wants_encapsulating(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_agent *agent = agent_of(core, &attempt->place);

	return core->settings.delivery == MN_DELIVERY_ENCAPSULATING &&
	       attempt->place.mode == MN_MODE_FOREIGN_AGENT && (attempt->flags & MIP_REQUEST_T) &&
	       !attempt->ending && !(agent && agent->delivery_refused);
}

/* rfc5944-3.6.1-1: the values that the mobile node MUST supply. rfc5944-3.6.1.2-9, rfc5944-3.6.1.2-10:
 * its home address if it is known, otherwise zeroes; rfc5944-3.6.1.2-14: the care-of address that it
 * wishes to (de)register. */
static void write_fixed(struct mn_core *core, struct mn_attempt *attempt, struct mip_writer *writer)
{
	const struct mn_place *place = &attempt->place;

	mip_request_write(
		writer, &(struct mip_registration_request){
				.flags = attempt->flags,
				.lifetime = attempt->lifetime,
				.home_address = core->home_address,
				.home_agent = mn_home_agent_field(core, attempt),
				/* rfc5944-3.6.1.2-15: all care-of addresses: the home address */
				.care_of_address =
					place->mode == MN_MODE_HOME || mn_simultaneous_ends_all(core, attempt)
						? core->home_address
						: place->care_of_address,
				.identification = attempt->identification,
			});
}

/* rfc4721-3.1-9: directly to the home agent a node MAY use Mobile-AAA authentication with CHAP_SPI, and
 * then "the Challenge value 0" (3.5); it MUST NOT include the challenge. */
static int write_aaa_for_home(struct mn_core *core, struct mip_writer *writer)
{
	if (!core->settings.aaa || mip_association_algorithm(core->settings.aaa) != MIP_ALGORITHM_CHAP_MD5)
		return 0;
	return mip_authenticator_append_challenge(writer, core->settings.aaa, NULL);
}

/* rfc4721-3.1-1, -2, -5, -6, -8, rfc4721-6-1: the challenge after the Mobile-Home authentication, then the
 * Mobile-AAA authentication, which MUST be there if there is no Mobile-Foreign one. (An agent that we
 * could not answer is not registered with.) */
static int write_challenge(
	struct mn_core *core, const struct mn_place *place, bool shared, struct mip_writer *writer)
{
	struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);
	struct mip_challenge challenge;
	int result;

	if (!agent || !agent->challenge || (!shared && !core->settings.aaa))
		return 0;
	challenge = (struct mip_challenge){agent->challenge->octets, agent->challenge->length};
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, challenge.octets, challenge.length);
	result = mn_agent_challenge_send(agent);
	if (result < 0 || !core->settings.aaa)
		return result;
	return mip_authenticator_append_challenge(writer, core->settings.aaa, &challenge);
}

/* rfc3024-4-2: "… Authentication Extension) MUST always be present to authenticate registration …" */
/* rfc3024-4-1: "… security association, they MUST use the appropriate Authentication Extension …" */
/* rfc5944-3.3-3, rfc5944-3.6.1.3-1: this ordering is REQUIRED. */
static int write_for_home_agent(
	struct mn_core *core, struct mn_attempt *attempt, struct mip_writer *writer, struct mip_now now)
{
	const struct mn_place *place = &attempt->place;

	write_fixed(core, attempt, writer);
	/* b. for the home agent; rfc2794-2-1: the NAI MUST appear before the authentication; rfc4721-3.1-7:
	 * SHOULD be there for those who verify the Mobile-AAA one. */
	if (core->settings.nai)
		mip_extension_write(
			writer, MIP_EXTENSION_NODE_NAI, core->settings.nai, strlen(core->settings.nai));
	mn_home_agent_write(core, attempt, writer);
	/* rfc3519-4.4-2: "… of RFC 3344, the mobile node MUST place this Extension before the Mobile-Home
	 * Authentication …" */
	if (attempt->udp_offered)
		mip_udp_tunnel_request_write(
			writer, &(struct mip_udp_tunnel_request){.force = core->settings.force_udp,
					.through_foreign_agent = has_agent(place),
					.encapsulation = udp_encapsulation_of(attempt)});
	if (attempt->revocation_offered)
		mn_revocation_offer(writer, now);
	/* c. rfc5944-3.2-2, rfc5944-3.3-2, rfc5944-3.5.2-1, rfc5944-3.6.1.3-2: MUST appear in every
	 * Registration Request; rfc5944-3.2-3: the first authentication extension. rfc4433-5.1-3,
	 * rfc4433-5.1.1-2: MUST be protected by a valid authenticator. */
	return mip_authenticator_append(
		writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, mn_home_agent_asking(core, attempt));
}

static int write_for_foreign_agent(
	struct mn_core *core, struct mn_attempt *attempt, struct mip_writer *writer)
{
	const struct mn_place *place = &attempt->place;
	struct mip_association *shared =
		is_away(place) ? mn_settings_foreign_agent(&core->settings, place->agent) : NULL;
	int result = 0;

	/* d. for the foreign agent */
	if (is_away(place) && has_agent(place))
		result = write_challenge(core, place, shared != NULL, writer);
	else if (is_away(place))
		result = write_aaa_for_home(core, writer);
	/* rfc3024-3.3-2: after the Mobile-Home authentication, and before the Mobile-Foreign one. */
	if (result == 0 && attempt->encapsulating)
		mip_extension_write(writer, MIP_EXTENSION_ENCAPSULATING_DELIVERY, NULL, 0);
	/* e. rfc5944-3.6.1.3-3, rfc4721-3.1-3, -4, rfc4721-6-2: MUST be included when they share an
	 * association; after the challenge, and after the Mobile-AAA authentication. */
	if (result == 0 && shared)
		result = mip_authenticator_append(
			writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, shared);
	return result;
}

/* What is asked of the home agent, with a new identification. */
static int compose(
	struct mn_core *core, struct mn_attempt *attempt, struct mip_writer *writer, struct mip_now now)
{
	attempt->flags = flags_of(core, attempt);
	attempt->lifetime = lifetime_of(core, attempt);
	attempt->encapsulating = wants_encapsulating(core, attempt);
	attempt->udp_offered = offers_udp(core, &attempt->place);
	attempt->revocation_offered = mn_revocation_is_for(core, attempt);
	attempt->home_address = core->home_address;
	attempt->identification =
		mip_replay_next(&core->replay, mn_home_agent_asking(core, attempt), now.wall, core->random);
	attempt->sent_at = now.boot;
	return write_for_home_agent(core, attempt, writer, now);
}

/* `again`: the one before, and only what is the foreign agent's is new. */
static int build(struct mn_core *core, struct mn_attempt *attempt, bool again, struct mip_now now)
{
	uint8_t message[MIP_REGISTRATION_MAX];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	size_t home_length;
	uint8_t *copy;
	int result = 0;

	if (again)
		mip_write_octets(&writer, attempt->message, attempt->home_length);
	else
		result = compose(core, attempt, &writer, now);
	home_length = writer.length;
	if (result == 0)
		result = write_for_foreign_agent(core, attempt, &writer);
	if (result < 0)
		return result;
	if (mip_writer_failed(&writer))
		return -ENOBUFS;
	copy = malloc(writer.length);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, message, writer.length);
	free(attempt->message);
	attempt->message = copy;
	attempt->message_length = writer.length;
	attempt->home_length = home_length;
	return 0;
}

static int send_frame(struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_place *place = &attempt->place;
	struct mip_ip ip = {
		.identification = core->ip_identification++,
		.ttl = TTL,
		/* rfc5944-3.6.1.1-1, rfc5944-3.6.1.1-2, rfc5944-3.6.1.1-3: the care-of address; 0.0.0.0; or
		 * the home address */
		.source = place->mode == MN_MODE_CO_LOCATED ? place->care_of_address : core->home_address,
		/* rfc5944-3.6.1.1-6, rfc5944-3.6.1.1-8 */
		.destination = place->agent,
	};
	/* rfc5944-3.6.1.1-7: the link-layer source address of the advertisement. */
	struct mip_output_frame frame = {
		.link = place->link,
		.destination = place->agent_link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
	};
	struct mip_udp udp = {.source_port = core->port, .destination_port = MIP_REGISTRATION_PORT};
	uint8_t packet[MIP_IP_HEADER + MIP_UDP_HEADER + MIP_REGISTRATION_MAX];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	mip_udp_packet_write(&writer, &ip, &udp, attempt->message, attempt->message_length);
	if (mip_writer_failed(&writer))
		return -ENOBUFS;
	return mip_outbox_frame(&core->outbox, &frame, packet, writer.length);
}

static int send_datagram(struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_place *place = &attempt->place;
	/* rfc3519-4.2-1: "SHALL NOT be tunnelled": by the link, past the rules that lead into the tunnel. */
	struct mip_output_datagram datagram = {
		.link = place->link,
		.source = place->mode == MN_MODE_CO_LOCATED ? place->care_of_address : core->home_address,
		/* rfc5944-3.6.1.1-9: the broadcast address MUST NOT be used via a foreign agent: only
		 * here. */
		.destination = mn_home_agent_destination(core, attempt),
		.destination_port = MIP_REGISTRATION_PORT,
		.ttl = TTL,
	};

	return mip_outbox_datagram(&core->outbox, &datagram, attempt->message, attempt->message_length);
}

/* At home another agent than ours may be the one that is heard: then ours is found by ARP, as any host.
 * rfc5944-3.1-1: a foreign agent care-of address MUST be registered via that foreign agent; rfc5944-3.1-3,
 * rfc5944-3.1-4: otherwise, and at home, directly with the home agent. */
static bool goes_to_agent(const struct mn_core *core, const struct mn_place *place)
{
	if (!has_agent(place))
		return false;
	return place->mode != MN_MODE_HOME || mip_address_is_none(core->home_agent) ||
	       mip_address_equal(core->home_agent, place->agent);
}

/* RFC 4721 3.1: a repetition MAY have the same challenge; but an agent takes only the last few that it has given, so it
 * has the newest. */
static bool has_stale_challenge(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_agent *agent = agent_of(core, &attempt->place);

	return agent && is_away(&attempt->place) && mn_agent_challenge_is_newer(agent);
}

/*
 * RFC 5944 3.6.3: with timestamps a repetition has a new identification and counts as a new registration;
 * with nonces the unanswered request is repeated unchanged, but for what is the foreign agent's.
 */
int mn_request_send(struct mn_core *core, struct mn_attempt *attempt, bool again, struct mip_now now)
{
	bool unchanged = again && attempt->awaiting && attempt->message &&
			 mip_association_replay(mn_home_agent_asking(core, attempt)) == MIP_REPLAY_NONCE;
	int result = 0;

	if (!unchanged || has_stale_challenge(core, attempt))
		result = build(core, attempt, unchanged, now);
	if (result == 0)
		result = goes_to_agent(core, &attempt->place) ? send_frame(core, attempt)
							      : send_datagram(core, attempt);
	if (result < 0)
		return result;
	attempt->awaiting = true;
	/* What is withdrawn is no registration: the next one need not wait for its sake. */
	if (!attempt->withdrawing) {
		core->moved = false;
		core->requested = true;
		core->requested_at = now.boot;
	}
	mn_count(core, MN_COUNT_REQUESTS_SENT);
	if (attempt->flags & MIP_REQUEST_S)
		mn_count(core, MN_COUNT_REQUESTS_SIMULTANEOUS);
	if (again)
		mn_count(core, MN_COUNT_REQUESTS_REPEATED);
	return 0;
}

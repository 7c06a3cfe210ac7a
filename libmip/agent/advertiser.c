/*
 * One deadline drives it all: the time of the next multicast advertisement. The cadence sets it, a
 * solicitation that cannot be answered by unicast brings it nearer, and the least gap keeps it away from the
 * one before. So many solicitations at once end in one advertisement (RFC 1256 4.3), and whoever floods the
 * link with them gets as many small packets a second as the settings say to the flooder's own address, and ten to
 * everyone.
 */
#include "advertiser.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "packet.h"

enum {
	ALL_SYSTEMS = 0xe0000001,	  /* 224.0.0.1 */
	ALL_ROUTERS = 0xe0000002,	  /* 224.0.0.2 */
	ALL_MOBILITY_AGENTS = 0xe000000b, /* 224.0.0.11 */
	LIMITED_BROADCAST = 0xffffffff,
	/* ICMP 16, a router 8, the agent extension 8 and 4 an address, prefix lengths 3, a challenge 2 and
	 * its length, padding 1. */
	PACKET_MAX = MIP_IP_HEADER + 64 + 4 * MIP_CARE_OF_ADDRESSES_MAX + MIP_CHALLENGE_MAX,
};

/* RFC 1112 6.4: where frames for 224.0.0.1 go on Ethernet. */
static const struct mip_link_address all_systems_link = {
	.length = MIP_ETHERNET_ADDRESS,
	.octets = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01},
};

void mip_advertiser_init(
	struct mip_advertiser *advertiser, const struct mip_advertiser_environment *environment)
{
	*advertiser = (struct mip_advertiser){
		.environment = *environment,
		.deadline.kind = environment->deadline_kind,
	};
}

void mip_advertiser_clear(struct mip_advertiser *advertiser)
{
	if (advertiser->environment.deadlines)
		mip_deadline_cancel(advertiser->environment.deadlines, &advertiser->deadline);
	advertiser->running = false;
}

int mip_advertiser_configure(
	struct mip_advertiser *advertiser, const struct mip_advertiser_settings *settings)
{
	/* rfc5944-2.1.1-5: at least one of the 'F' bit and the 'H' bit MUST be set. */
	if (!(settings->flags & (MIP_AGENT_F | MIP_AGENT_H)))
		return -EINVAL;
	/* rfc5944-2.1.1-4, rfc5944-2.1.1-6: MUST NOT have 'B' or 'R' set if 'F' is not also set. */
	if ((settings->flags & (MIP_AGENT_B | MIP_AGENT_R)) && !(settings->flags & MIP_AGENT_F))
		return -EINVAL;
	/* rfc5944-2.1.1-2: MUST include at least one care-of address if the 'F' bit is set. */
	if ((settings->flags & MIP_AGENT_F) && settings->care_of_address_count == 0)
		return -EINVAL;
	if (settings->care_of_address_count > MIP_CARE_OF_ADDRESSES_MAX || settings->prefix_length > 32)
		return -EINVAL;
	if (settings->interval <= 0 || settings->lifetime <= 0)
		return -EINVAL;
	advertiser->settings = *settings;
	return 0;
}

/* A number from 0 to `most` - 1. */
static mip_time random_below(const struct mip_advertiser *advertiser, mip_time most)
{
	const struct mip_random *random = advertiser->environment.random;
	uint64_t number = 0;

	if (!random || most <= 0)
		return 0;
	random->fill(random->context, &number, sizeof(number));
	return (mip_time)(number % (uint64_t)most);
}

static uint16_t whole_seconds(mip_time duration)
{
	mip_time seconds = (duration + MIP_SECOND - 1) / MIP_SECOND;

	return seconds > UINT16_MAX ? UINT16_MAX : (uint16_t)seconds;
}

static uint16_t take_sequence(struct mip_advertiser *advertiser)
{
	uint16_t sequence = advertiser->sequence;

	/* rfc5944-2.3.2-1, rfc5944-2.3.2-2: 0 for the first advertisement, each subsequent one is one
	 * greater, with the exception that 0xffff MUST be followed by 256. */
	advertiser->sequence = sequence == UINT16_MAX ? 256 : (uint16_t)(sequence + 1);
	return sequence;
}

static struct mip_agent_advertisement describe(
	const struct mip_advertiser *advertiser, uint16_t lifetime, uint16_t sequence)
{
	const struct mip_advertiser_settings *settings = &advertiser->settings;
	struct mip_agent_advertisement advertisement = {
		.code = settings->only_mobile_traffic ? 16 : 0,
		.lifetime = lifetime,
		.is_agent = true,
		.sequence = sequence,
		.registration_lifetime = settings->registration_lifetime,
		.flags = settings->flags,
		.care_of_address_count = settings->care_of_address_count,
	};

	memcpy(advertisement.care_of_addresses, settings->care_of_addresses,
		settings->care_of_address_count * sizeof(settings->care_of_addresses[0]));
	/* rfc5944-2.3.1-1: an agent SHOULD only put its own addresses, if any, in the advertisement. */
	if (settings->advertise_router) {
		advertisement.router_count = 1;
		advertisement.routers[0].address = settings->address;
		advertisement.routers[0].preference = settings->preference;
		/* 2.1.2: its length is the number of router addresses. */
		advertisement.prefix_length_count = settings->prefix_length ? 1 : 0;
		advertisement.prefix_lengths[0] = settings->prefix_length;
	}
	return advertisement;
}

/* RFC 4721 2: "is inserted in the Agent Advertisements by the foreign agent". Who stops has no use for the
 * answer. */
static void add_challenge(const struct mip_advertiser *advertiser, enum mip_advertiser_occasion occasion,
	struct mip_address destination, struct mip_agent_advertisement *advertisement)
{
	const struct mip_advertiser_environment *environment = &advertiser->environment;

	if (!environment->challenge || advertisement->lifetime == 0)
		return;
	advertisement->challenge_length = environment->challenge(
		environment->challenge_context, occasion, destination, advertisement->challenge);
}

static void send_numbered(struct mip_advertiser *advertiser, enum mip_advertiser_occasion occasion,
	struct mip_address destination, struct mip_link_address link_address, uint16_t lifetime,
	uint16_t sequence)
{
	struct mip_agent_advertisement advertisement = describe(advertiser, lifetime, sequence);
	struct mip_output_frame frame = {
		.link = advertiser->link,
		.destination = link_address,
		.ethertype = MIP_ETHERTYPE_IPV4,
	};
	struct mip_ip ip = {
		.ttl = 1, /* rfc5944-2.1-2: the TTL for all Agent Advertisements MUST be set to 1. */
		.protocol = MIP_PROTOCOL_ICMP,
		.source = advertiser->settings.address,
		.destination = destination,
	};
	uint8_t message[PACKET_MAX], packet[PACKET_MAX + MIP_IP_HEADER];
	struct mip_writer inner = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));

	add_challenge(advertiser, occasion, destination, &advertisement);
	mip_advertisement_write(&inner, &advertisement);
	mip_ip_packet_write(&outer, &ip, inner.octets, inner.length);
	if (mip_writer_failed(&inner) || mip_writer_failed(&outer))
		return;
	if (mip_outbox_frame(advertiser->environment.outbox, &frame, outer.octets, outer.length) == 0 &&
		advertiser->environment.advertisements_sent)
		(*advertiser->environment.advertisements_sent)++;
}

static void send(struct mip_advertiser *advertiser, enum mip_advertiser_occasion occasion,
	struct mip_address destination, struct mip_link_address link_address, uint16_t lifetime)
{
	send_numbered(advertiser, occasion, destination, link_address, lifetime, take_sequence(advertiser));
}

static void send_multicast(struct mip_advertiser *advertiser, uint16_t lifetime, struct mip_now now)
{
	bool solicited = advertiser->answer_pending && now.boot < advertiser->due;
	enum mip_advertiser_occasion occasion =
		solicited ? MIP_ADVERTISER_SOLICITED_MULTICAST : MIP_ADVERTISER_UNSOLICITED;

	/* rfc5944-2.1-3: either 224.0.0.1 or 255.255.255.255. */
	if (advertiser->settings.broadcast)
		send(advertiser, occasion, mip_address_of(LIMITED_BROADCAST), (struct mip_link_address){0},
			lifetime);
	else
		send(advertiser, occasion, mip_address_of(ALL_SYSTEMS), all_systems_link, lifetime);
	advertiser->last_multicast = now.boot;
	advertiser->multicast_any = true;
	advertiser->answer_pending = false;
}

/* Brings the next multicast to `at`, but not within the least gap after the one before. */
static void schedule(struct mip_advertiser *advertiser, mip_time at)
{
	mip_time earliest = advertiser->last_multicast + MIP_ADVERTISER_LEAST_GAP;

	/* rfc5944-2.3-5: MUST limit the rate at which it sends broadcast or multicast Agent Advertisements.
	 */
	if (advertiser->multicast_any && at < earliest)
		at = earliest;
	if (mip_deadline_is_set(&advertiser->deadline) && advertiser->deadline.at <= at)
		return;
	(void)mip_deadline_set(advertiser->environment.deadlines, &advertiser->deadline, at);
}

/* RFC 1256 4.3: the timer is reset to a random value between the least and the greatest interval. */
static void schedule_next(struct mip_advertiser *advertiser, struct mip_now now)
{
	mip_time interval = advertiser->settings.interval;

	mip_deadline_cancel(advertiser->environment.deadlines, &advertiser->deadline);
	/* rfc5944-2.3-2: who can be discovered otherwise SHOULD also implement them: when solicited. */
	if (advertiser->settings.solicited_only)
		return;
	/* rfc5944-2.1-7: slightly randomized. Downwards only, so that the interval stays within a third of
	 * the lifetime (rfc5944-2.1-6). */
	interval -= random_below(advertiser, interval / 10);
	if (advertiser->initial_left > 0) {
		advertiser->initial_left--;
		if (interval > MIP_ADVERTISER_INITIAL_INTERVAL)
			interval = MIP_ADVERTISER_INITIAL_INTERVAL;
	}
	schedule(advertiser, now.boot + interval);
	/* What solicitations bring forward does not put off the next challenge: it is new when it would have
	 * been without them. */
	if (now.boot >= advertiser->due || advertiser->due == MIP_NEVER)
		advertiser->due = now.boot + interval;
}

/* rfc5944-2.3-1: any mobility agent that cannot be discovered by a link-layer protocol MUST send Agent
 * Advertisements. */
void mip_advertiser_start(struct mip_advertiser *advertiser, mip_link link, struct mip_now now)
{
	if (mip_address_is_none(advertiser->settings.address) || advertiser->settings.interval <= 0)
		return;
	advertiser->link = link;
	advertiser->initial_left = MIP_ADVERTISER_INITIAL;
	advertiser->running = true;
	advertiser->due = advertiser->settings.solicited_only ? MIP_NEVER : now.boot;
	if (advertiser->settings.solicited_only)
		return;
	schedule(advertiser, now.boot);
	if (advertiser->deadline.at <= now.boot)
		mip_advertiser_advance(advertiser, now);
}

void mip_advertiser_stop(struct mip_advertiser *advertiser, bool farewell, struct mip_now now)
{
	if (!advertiser->running)
		return;
	if (farewell && !advertiser->settings.solicited_only)
		send_multicast(advertiser, 0, now);
	mip_deadline_cancel(advertiser->environment.deadlines, &advertiser->deadline);
	advertiser->running = false;
	advertiser->answer_pending = false;
}

static bool unicast_allowed(struct mip_advertiser *advertiser, struct mip_now now)
{
	if (mip_rate_take(&advertiser->unicasts, advertiser->settings.unicasts, now.boot))
		return true;
	if (advertiser->environment.solicitations_limited)
		(*advertiser->environment.solicitations_limited)++;
	return false;
}

/* What goes to a group's link address is a multicast, and limited as such. */
static bool is_of_one_card(struct mip_link_address address)
{
	return address.length > 0 && !(address.octets[0] & 1);
}

/* rfc5944-2.3-4: all mobility agents SHOULD respond to Agent Solicitations. */
void mip_advertiser_solicited(struct mip_advertiser *advertiser, struct mip_address source,
	struct mip_link_address link_address, struct mip_now now)
{
	if (!advertiser->running)
		return;
	if (advertiser->environment.solicitations_received)
		(*advertiser->environment.solicitations_received)++;
	/* rfc5944-2.3-5: MUST NOT require that the IP Source Address is the address of a neighbor. */
	if (mip_address_is_unicast(source) && is_of_one_card(link_address) &&
		unicast_allowed(advertiser, now)) {
		/* rfc5944-2.1-1: the link-layer destination MUST be the solicitation's link-layer source.
		 * rfc5944-2.1-4: the IP home address of the node SHOULD be the destination; it is its
		 * source. */
		send(advertiser, MIP_ADVERTISER_UNICAST, source, link_address,
			whole_seconds(advertiser->settings.lifetime));
		return;
	}
	if (advertiser->answer_pending)
		return;
	advertiser->answer_pending = true;
	schedule(advertiser, now.boot + random_below(advertiser, MIP_ADVERTISER_RESPONSE_DELAY));
}

void mip_advertiser_reset_node(
	struct mip_advertiser *advertiser, struct mip_address node, struct mip_link_address link_address)
{
	/* rfc3543-4.1-2: "Agent Advertisements unicast to a mobile node MUST be sent as described in [1]":
	 * with TTL 1, from the agent's address, to the link address that the node has registered from. */
	if (advertiser->running && is_of_one_card(link_address))
		send_numbered(advertiser, MIP_ADVERTISER_UNICAST, node, link_address,
			whole_seconds(advertiser->settings.lifetime), 0);
}

/* RFC 1256 4.2, and 224.0.0.11 (rfc5944-2.3-3). */
static bool is_for_agent(const struct mip_advertiser *advertiser, struct mip_address destination)
{
	uint32_t number = mip_address_number(destination);

	return number == ALL_ROUTERS || number == ALL_MOBILITY_AGENTS || number == LIMITED_BROADCAST ||
	       mip_address_equal(destination, advertiser->settings.address);
}

int mip_advertiser_frame(
	struct mip_advertiser *advertiser, const struct mip_input_frame *frame, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(frame->octets, frame->length);
	struct mip_reader payload;
	struct mip_ip ip;
	int status;

	if (!advertiser->running || frame->link != advertiser->link || frame->ethertype != MIP_ETHERTYPE_IPV4)
		return 0;
	if (mip_ip_read(&reader, &ip, &payload) < 0)
		return -EBADMSG;
	if (ip.protocol != MIP_PROTOCOL_ICMP || ip.fragment_offset || ip.more_fragments ||
		!is_for_agent(advertiser, ip.destination))
		return 0;
	status = mip_solicitation_read(&payload);
	if (status < 0)
		return status == -EBADMSG ? -EBADMSG : 0;
	mip_advertiser_solicited(advertiser, ip.source, frame->source, now);
	return 1;
}

struct mip_advertiser *mip_advertiser_of(struct mip_deadline *deadline)
{
	return MIP_CONTAINER(deadline, struct mip_advertiser, deadline);
}

void mip_advertiser_advance(struct mip_advertiser *advertiser, struct mip_now now)
{
	if (!advertiser->running)
		return;
	send_multicast(advertiser, whole_seconds(advertiser->settings.lifetime), now);
	schedule_next(advertiser, now);
}

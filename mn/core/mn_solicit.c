/*
 * Agent Solicitations (RFC 5944 2.4). A search on a link begins with one solicitation at once; two more
 * follow a second apart; after that, and only while there is nowhere to be, the interval doubles up to a
 * minute.
 */
#include "mn_machine.h"

enum {
	INITIAL = 3,	/* solicitations at the maximum rate */
	INTERVAL = 1,	/* seconds */
	MOST_SHIFT = 6, /* 64 s: "at least one minute" */
};

/* 01:00:5e and the low 23 bits of the group, RFC 1112 6.4. */
static struct mip_link_address group_link_address(struct mip_address group)
{
	uint32_t number = mip_address_number(group);

	return (struct mip_link_address){
		.length = MIP_ETHERNET_ADDRESS,
		.octets = {0x01, 0x00, 0x5e, (uint8_t)(number >> 16 & 0x7f), (uint8_t)(number >> 8),
			(uint8_t)number},
	};
}

/* All mobility agents must take what is sent to 224.0.0.11 (RFC 5944 2.3); RFC 1256 has 224.0.0.2 and the
 * broadcast for routers that know no better. In turn, so that every kind of agent hears one. */
static struct mip_address destination_of(unsigned number)
{
	static const uint32_t groups[] = {0xe000000b, 0xe0000002, 0xffffffff};

	return mip_address_of(groups[number % MIP_ARRAY_SIZE(groups)]);
}

/* rfc5944-2.4-1: every mobile node MUST implement Agent Solicitation. */
static void send(struct mn_core *core, struct mn_interface *interface, struct mip_now now)
{
	struct mip_ip ip = {
		.identification = core->ip_identification++,
		/* rfc5944-2-1: its IP Time to Live MUST be set to 1. */
		.ttl = 1, /* rfc5944-2.2-1: the IP TTL field MUST be set to 1 */
		.protocol = MIP_PROTOCOL_ICMP,
		/* An agent answers to the home address, which RFC 5944 2.3 tells it to accept here. */
		.source = core->home_address,
		.destination = destination_of(interface->solicited),
	};
	struct mip_output_frame frame = {.link = interface->link, .ethertype = MIP_ETHERTYPE_IPV4};
	uint8_t message[8], packet[MIP_IP_HEADER + sizeof(message)];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	if (mip_address_is_multicast(ip.destination))
		frame.destination = group_link_address(ip.destination);
	mip_solicitation_write(&writer);
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, message, sizeof(message));
	if (mip_writer_failed(&writer))
		return;
	(void)mip_outbox_frame(&core->outbox, &frame, packet, writer.length);
	interface->solicited++;
	interface->solicited_at = now.boot;
	mn_count(core, MN_COUNT_SOLICITATIONS_SENT);
}

/* rfc5944-2.4-5: binary exponential back-off after the first ones; rfc5944-2.4-11: randomised. The random
 * part is added, so that the maximum rate stays one a second. rfc5944-2.4-3: the rate MUST be limited;
 * rfc5944-2.4-4: and reduced after the first ones; rfc5944-2.4-6, rfc5944-2.4-7: up to a maximum interval
 * of at least one minute. */
static void schedule(struct mn_core *core, struct mn_interface *interface)
{
	unsigned shift = interface->solicited < INITIAL ? 0 : interface->solicited - INITIAL + 1;
	mip_time interval = (INTERVAL * MIP_SECOND) << (shift > MOST_SHIFT ? MOST_SHIFT : shift);

	interface->solicit.kind = MN_DEADLINE_SOLICIT;
	(void)mip_deadline_set(&core->deadlines, &interface->solicit,
		interface->solicited_at + interval + mn_jitter(core, interval / 4));
}

static bool may_send(const struct mn_interface *interface, struct mip_now now)
{
	return interface->solicited_at == MIP_NEVER ||
	       now.boot - interface->solicited_at >= INTERVAL * MIP_SECOND;
}

void mn_solicit_begin(struct mn_core *core, struct mn_interface *interface, struct mip_now now)
{
	/* rfc5944-2.4-9: after successfully registering the mobile node SHOULD also increase the rate of the
	 * next search; rfc5944-2.4-10: which MUST be limited in the same manner. */
	if (interface->registered)
		interface->solicited = 0;
	interface->registered = false;
	/* rfc5944-2.4-8: while still searching it MUST NOT increase the rate: an agent that came and went
	 * without a registration has ended nothing. (A link that comes up has stopped the search before.) */
	if (interface->solicited == 0 && may_send(interface, now))
		send(core, interface, now);
	schedule(core, interface);
}

void mn_solicit_registered(struct mn_core *core)
{
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		interface->registered = true;
}

void mn_solicit_stop(struct mn_core *core, struct mn_interface *interface)
{
	interface->solicited = 0;
	mip_deadline_cancel(&core->deadlines, &interface->solicit);
}

void mn_solicit_due(struct mn_core *core, struct mn_interface *interface, struct mip_now now)
{
	if (!interface->up || core->resting)
		return;
	/* rfc5944-2.4-2: only in the absence of advertisements, and while no care-of address is known. */
	if (core->state != MN_STATE_SEARCHING &&
		(interface->solicited >= INITIAL || mn_agents_on(core, interface->link)))
		return;
	send(core, interface, now);
	schedule(core, interface);
}

void mn_solicit_once(struct mn_core *core, struct mn_interface *interface, struct mip_now now)
{
	if (interface->up && may_send(interface, now))
		send(core, interface, now);
}

/*
 * Packets: what they are, and whether they are for this node. A managed link's registration traffic comes as
 * frames, what came by other links as datagrams.
 */
#include "mn_machine.h"

#include <errno.h>

static bool is_care_of(const struct mn_place *place, struct mip_address address)
{
	return place->mode == MN_MODE_CO_LOCATED && mip_address_equal(place->care_of_address, address);
}

/* A reply is for the home address, for a co-located care-of address, or for whoever is on the link. */
static bool is_ours(const struct mn_core *core, struct mip_address address)
{
	if (mip_address_is_none(address))
		return false;
	return mip_address_equal(address, core->home_address) || is_care_of(&core->binding.place, address) ||
	       (core->attempt.active && is_care_of(&core->attempt.place, address)) ||
	       is_care_of(&core->old.place, address) || mn_revocation_remembers(core, address) ||
	       mip_address_is_broadcast(address);
}

/*
 * RFC 5944 3.7.2.3 and 3.7.3.2: the agent sends the reply that gives a node its first home address to that
 * very address, on the link straight to the node.
 */
static bool gives_home_address(
	const struct mn_core *core, const struct mip_input_frame *frame, struct mip_address destination)
{
	return mip_address_is_none(core->home_address) && frame->unicast && core->attempt.active &&
	       core->attempt.place.link == frame->link && mip_address_is_unicast(destination);
}

static void message(struct mn_core *core, const struct mn_received *received, struct mip_now now)
{
	switch (mip_message_type(received->octets, received->length)) {
	case MIP_MESSAGE_REGISTRATION_REPLY:
		mn_reply_input(core, received, now);
		break;
	case MIP_MESSAGE_REVOCATION:
		mn_revocation_input(core, received, now);
		break;
	case -EBADMSG:
		mn_count(core, MN_COUNT_DROP_MALFORMED);
		break;
	default:
		mn_count(core, MN_COUNT_DROP_TYPE);
		break;
	}
}

static void udp_frame(struct mn_core *core, const struct mip_input_frame *frame, struct mip_now now)
{
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;
	/* rfc5944-3.6.2.1-1: an invalid, non-zero UDP checksum: silently discarded. */
	int result = mip_udp_packet_read(
		frame->octets, frame->length, frame->checksum_unfilled, &ip, &udp, &payload);

	if (result < 0) {
		mn_count(core, MN_COUNT_DROP_MALFORMED);
		return;
	}
	if (udp.destination_port != core->port ||
		!(is_ours(core, ip.destination) || gives_home_address(core, frame, ip.destination))) {
		mn_count(core, MN_COUNT_DROP_NOT_FOR_US);
		return;
	}
	/* Tunnel data (RFC 3519) shares the port, and is the data plane's. */
	if (mip_message_type(payload.octets + payload.position, mip_reader_left(&payload)) ==
		MIP_MESSAGE_TUNNEL_DATA)
		return;
	message(core,
		&(struct mn_received){.link = frame->link,
			.source = ip.source,
			.destination = ip.destination,
			.source_port = udp.source_port,
			.octets = payload.octets + payload.position,
			.length = mip_reader_left(&payload)},
		now);
}

static void ip_frame(struct mn_core *core, struct mn_interface *interface,
	const struct mip_input_frame *frame, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(frame->octets, frame->length), payload;
	struct mip_ip ip;

	if (mip_ip_read(&reader, &ip, &payload) < 0) {
		mn_count(core, MN_COUNT_DROP_MALFORMED);
		return;
	}
	if (ip.protocol == MIP_PROTOCOL_UDP)
		udp_frame(core, frame, now);
	else if (ip.protocol == MIP_PROTOCOL_ICMP && ip.fragment_offset == 0 && !ip.more_fragments)
		mn_agent_input(core, interface, frame, &ip, &payload, now);
}

void mn_core_frame(struct mn_core *core, const struct mip_input_frame *frame, struct mip_now now)
{
	struct mn_interface *interface = mn_interface_at(core, frame->link);

	if (!interface || !interface->up) {
		mn_count(core, MN_COUNT_DROP_UNKNOWN_LINK);
		return;
	}
	if (frame->ethertype == MIP_ETHERTYPE_ARP)
		mn_arp_input(core, frame);
	else if (frame->ethertype == MIP_ETHERTYPE_IPV4)
		ip_frame(core, interface, frame, now);
}

void mn_core_datagram(struct mn_core *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	if (!is_ours(core, datagram->destination)) {
		mn_count(core, MN_COUNT_DROP_NOT_FOR_US);
		return;
	}
	message(core,
		&(struct mn_received){.link = datagram->link,
			.source = datagram->source,
			.destination = datagram->destination,
			.source_port = datagram->source_port,
			.octets = datagram->octets,
			.length = datagram->length},
		now);
}

/* Nothing vouches for it, so it changes nothing: the time-out does. */
void mn_core_icmp_error(struct mn_core *core, const struct mip_input_icmp_error *error, struct mip_now now)
{
	(void)now;
	mn_count(core, MN_COUNT_ICMP_ERRORS);
	mip_log(core->log, MIP_LOG_DEBUG, "ICMP error %u/%u about a datagram to %s", error->type, error->code,
		MIP_TEXT(error->destination));
}

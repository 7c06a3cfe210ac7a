/*
 * ARP of the mobile node, RFC 5944 4.6. The kernel's own part (whether it answers for the home address) is
 * set in mn_routing.c; here is what it would not do by itself.
 */
#include "mn_machine.h"

/* rfc5944-4.6-1: a gratuitous ARP MUST be transmitted as a local broadcast packet on the local link. */
static void send(struct mn_core *core, const struct mn_interface *interface)
{
	struct mip_output_frame frame = {.link = interface->link, .ethertype = MIP_ETHERTYPE_ARP};
	uint8_t packet[MIP_ARP_PACKET];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));

	mip_arp_write_gratuitous(&writer, MIP_ARP_REQUEST, core->home_address, interface->link_address);
	/* Unreachable branch: there is room for an ARP packet. */
	if (mip_writer_failed(&writer))
		/* Unreachable: see above. */
		return;
	(void)mip_outbox_frame(&core->outbox, &frame, packet, writer.length);
	mn_count(core, MN_COUNT_GRATUITOUS_ARPS_SENT);
}

/* The link on which the node is at home, or coming home. While it is leaving, it is silent. */
static struct mn_interface *home_interface(const struct mn_core *core)
{
	const struct mn_place *place = core->attempt.active ? &core->attempt.place : &core->binding.place;

	return place->mode == MN_MODE_HOME ? mn_interface_at(core, place->link) : NULL;
}

void mn_arp_announce(struct mn_core *core, struct mip_now now)
{
	core->gratuitous_arps_left = MN_GRATUITOUS_ARPS;
	mn_arp_due(core, now);
}

/* rfc5944-4.6-9: retransmitted a small number of times, in parallel with the registration. */
void mn_arp_due(struct mn_core *core, struct mip_now now)
{
	const struct mn_interface *interface = home_interface(core);

	/* rfc5944-4.6-12: away from home it MUST NOT transmit any broadcast ARP message. */
	/* A node that has no home address yet announces none. */
	if (!interface || !interface->up || mip_address_is_none(core->home_address) ||
		interface->link_address.length != MIP_ETHERNET_ADDRESS || core->gratuitous_arps_left == 0)
		return;
	send(core, interface);
	core->gratuitous_arp.kind = MN_DEADLINE_GRATUITOUS_ARP;
	if (--core->gratuitous_arps_left > 0)
		(void)mip_deadline_set(&core->deadlines, &core->gratuitous_arp, now.boot + MIP_SECOND);
}

static bool is_our_agent(const struct mn_place *place, const struct mip_input_frame *frame)
{
	return place->mode == MN_MODE_FOREIGN_AGENT && place->link == frame->link &&
	       mip_link_address_equal(place->agent_link_address, frame->source);
}

/*
 * rfc5944-4.6-13, rfc5944-4.6-14: away from home, no answer to ARP Requests for the home address, unless it
 * is unicast by a foreign agent that the node registers or is registered with; to which the answer is
 * unicast. The kernel does not answer for an address of mip0, so this is the only answer.
 */
void mn_arp_input(struct mn_core *core, const struct mip_input_frame *frame)
{
	const struct mn_interface *interface = mn_interface_at(core, frame->link);
	struct mip_output_frame answer = {
		.link = frame->link, .destination = frame->source, .ethertype = MIP_ETHERTYPE_ARP};
	uint8_t packet[MIP_ARP_PACKET];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_arp arp;

	if (mip_arp_read(frame->octets, frame->length, &arp) < 0) {
		mn_count(core, MN_COUNT_DROP_MALFORMED);
		return;
	}
	if (!interface || !frame->unicast || arp.operation != MIP_ARP_REQUEST ||
		mip_address_is_none(core->home_address) || !mip_address_equal(arp.target, core->home_address))
		return;
	if (!is_our_agent(&core->binding.place, frame) &&
		!(core->attempt.active && is_our_agent(&core->attempt.place, frame)))
		return;
	mip_arp_write(&writer, &(struct mip_arp){
				       .operation = MIP_ARP_REPLY,
				       .sender_link = interface->link_address,
				       .sender = core->home_address,
				       .target_link = arp.sender_link,
				       .target = arp.sender,
			       });
	/* Unreachable branch: there is room for an ARP packet. */
	if (mip_writer_failed(&writer))
		/* Unreachable: see above. */
		return;
	(void)mip_outbox_frame(&core->outbox, &answer, packet, writer.length);
	mn_count(core, MN_COUNT_ARP_REPLIES_SENT);
}

/*
 * Gratuitous ARP (RFC 5944 4.6): the home agent tells the home link where packets for a home address go from
 * now on, to itself when the node leaves, to the node when it comes home. Broadcasts get lost, so each is
 * repeated a few times, in parallel with everything else; a newer announcement for the same address ends the
 * older.
 */
#include "ha_internal.h"

#include <stdlib.h>

#include "packet.h"

/* After the first, the second … */
static const mip_time gaps[HA_ANNOUNCEMENTS - 1] = {
	200 * MIP_MILLISECOND,
	1 * MIP_SECOND,
	2 * MIP_SECOND,
};

static struct ha_announcement *find(const struct ha_core *core, struct mip_address home_address)
{
	struct ha_announcement *announcement = NULL;

	HASH_FIND(hh, core->announcements, &home_address, sizeof(home_address), announcement);
	return announcement;
}

static void end(struct ha_core *core, struct ha_announcement *announcement)
{
	mip_deadline_cancel(&core->deadlines, &announcement->deadline);
	HASH_DELETE(hh, core->announcements, announcement);
	free(announcement);
}

static void send(struct ha_core *core, mip_link link, uint16_t operation, struct mip_address home_address,
	struct mip_link_address link_address)
{
	uint8_t packet[MIP_ARP_PACKET];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	/* rfc5944-4.6-1: MUST be transmitted as a local broadcast packet on the local link; rfc5944-4.6-6,
	 * rfc5944-4.6-11: on which the home address is located. */
	struct mip_output_frame frame = {.link = link, .ethertype = MIP_ETHERTYPE_ARP};

	mip_arp_write_gratuitous(&writer, operation, home_address, link_address);
	/* Unreachable branch: there is room for an ARP packet. */
	if (mip_writer_failed(&writer))
		/* Unreachable: see above. */
		return;
	if (mip_outbox_frame(&core->outbox, &frame, packet, writer.length) == 0)
		ha_count(core, HA_COUNTER_GRATUITOUS_ARPS_SENT);
}

/* 4.6: MAY use either an ARP Request or an ARP Reply packet. Some hosts heed only the one, some the other,
 * so they take turns. rfc5944-4.6-7: SHOULD be retransmitted a small number of times. */
static void send_next(struct ha_core *core, struct ha_announcement *announcement, struct mip_now now)
{
	uint16_t operation = announcement->sent % 2 == 0 ? MIP_ARP_REQUEST : MIP_ARP_REPLY;

	send(core, announcement->home_link->link, operation, announcement->home_address,
		announcement->link_address);
	announcement->sent++;
	if (announcement->sent >= HA_ANNOUNCEMENTS ||
		mip_deadline_set(&core->deadlines, &announcement->deadline,
			now.boot + gaps[announcement->sent - 1]) < 0)
		end(core, announcement);
}

void ha_announce(struct ha_core *core, struct ha_home_link *home_link, struct mip_address home_address,
	struct mip_link_address link_address, struct mip_now now)
{
	struct ha_announcement *announcement;

	ha_announce_stop(core, home_address);
	/* A link that is down is told when it comes up (ha_link.c). */
	if (!home_link || !home_link->up || link_address.length != MIP_ETHERNET_ADDRESS)
		return;
	announcement = calloc(1, sizeof(*announcement));
	if (!announcement)
		goto once;
	announcement->home_address = home_address;
	announcement->home_link = home_link;
	announcement->link_address = link_address;
	announcement->deadline.kind = HA_DEADLINE_ANNOUNCEMENT;
	HASH_ADD(hh, core->announcements, home_address, sizeof(announcement->home_address), announcement);
	if (!announcement->hh.tbl)
		goto once;
	send_next(core, announcement, now);
	return;

once: /* without memory for repeating it */
	free(announcement);
	send(core, home_link->link, MIP_ARP_REQUEST, home_address, link_address);
}

void ha_announce_stop(struct ha_core *core, struct mip_address home_address)
{
	struct ha_announcement *announcement = find(core, home_address);

	if (announcement)
		end(core, announcement);
}

void ha_announce_stop_link(struct ha_core *core, const struct ha_home_link *home_link)
{
	struct ha_announcement *announcement, *next;

	HASH_ITER (hh, core->announcements, announcement, next) {
		if (announcement->home_link == home_link)
			end(core, announcement);
	}
}

void ha_announce_due(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now)
{
	send_next(core, MIP_CONTAINER(deadline, struct ha_announcement, deadline), now);
}

void ha_announce_clear(struct ha_core *core)
{
	struct ha_announcement *announcement, *next;

	HASH_ITER (hh, core->announcements, announcement, next) {
		end(core, announcement);
	}
}

/*
 * From mip0 into the tunnels.
 *
 * What the host's routing leads to mip0 is read packet by packet, large ones whole; each is looked up,
 * checked against the loops of RFC 2003 3.2 and cut into the pieces that become inner packets. The kernel has
 * done what a router does before: decremented the TTL, sent Time Exceeded, refused or fragmented what is
 * larger than the route's MTU. Fragmenting here is for outer paths that are narrower than the route says.
 */
#include <errno.h>
#include <string.h>

#include "address.h"
#include "user.h"

enum {
	READS = 512,		       /* packets in one turn, so that registrations are not kept waiting */
	READ_OCTETS = 4 * 1024 * 1024, /* likewise */
	SURELY_FITS = 576,	       /* octets of an outer packet that every path takes: RFC 791 */
};

static struct mip_user_sender *sender_of(const struct mip_user *user, const struct mip_want_tunnel *tunnel)
{
	return tunnel->encapsulation == MIP_ENCAPSULATION_UDP ? user->udp_sender : user->raw_sender;
}

/* rfc5944-4.2.3-10: "… node), then the home agent MUST also examine the outer Source Address of …" */
/* rfc5944-4.2.3-9: "… from home, the home agent MUST examine the datagram to check if it is …" */
/* The address of a NAT is that of everybody behind it, and only what is a tunnel itself can be from the node.
 */
static bool is_from_exit(const struct mip_want_tunnel *tunnel, const struct mip_ip *ip)
{
	enum mip_encapsulation ignored;

	return mip_address_equal(ip->source, tunnel->remote) &&
	       (tunnel->encapsulation != MIP_ENCAPSULATION_UDP ||
		       mip_outer_encapsulation(ip->protocol, &ignored));
}

/*
 * rfc2003-3.2-2, rfc5944-4.2.3-11: a packet from the tunnel's exit is not sent back into it. And none for a
 * home address that is one of the ends: what comes out at the other side would be the same again.
 * (rfc2003-3.2-1, a source that is the router's own, is for packets to be forwarded: the kernel has dropped
 * those as martian. Our own must pass: the answers to keep-alives go that way.)
 */
static bool loops(const struct mip_plane_home *home, const struct mip_ip *ip)
{
	/* From one of several care-of addresses it goes to none of them. */
	for (; home; home = home->copies) {
		const struct mip_want_tunnel *tunnel = &home->tunnel;

		/* rfc3024-5.2.2-1: to the foreign agent on the link the node's packets are from its home address outside
		 * too. */
		if (is_from_exit(tunnel, ip) || mip_address_equal(tunnel->home_address, tunnel->remote) ||
			(!tunnel->delivery && tunnel->end != MIP_TUNNEL_VISITED_GROUPS &&
				mip_address_equal(tunnel->home_address, tunnel->local)))
			return true;
	}
	return false;
}

/*
 * rfc3519-4.8-1, rfc3519-4.8-2: by UDP "the fragmentation MUST be done prior to the encapsulation", for a NAT may not
 * understand fragments; RFC 2003 5.1 says that it is much better for IP-in-IP too. `ret_mtu`: the most that a
 * fragment may have.
 */
static bool must_fragment(struct mip_user *user, struct mip_plane_home *home, const struct mip_ip *ip,
	size_t length, size_t *ret_mtu)
{
	enum mip_encapsulation encapsulation = mip_outer_choose(home->tunnel.encapsulation, ip);
	struct mip_ip fragment = {.more_fragments = true};

	if (ip->dont_fragment || length + mip_outer_overhead(encapsulation) <= SURELY_FITS ||
		length <= mip_user_inner_mtu(user, home, encapsulation))
		return false;
	/* A fragment may need another encapsulation than the whole, with more around it. */
	*ret_mtu = mip_user_inner_mtu(user, home, mip_outer_choose(home->tunnel.encapsulation, &fragment));
	return true;
}

static void send_piece(struct mip_user *user, struct mip_plane_home *home, const struct mip_ip *ip,
	const struct mip_piece *piece)
{
	mip_user_sender_add(sender_of(user, &home->tunnel), home,
		mip_outer_choose(home->tunnel.encapsulation, ip), ip, piece);
}

static void send_fragments(
	struct mip_user *user, struct mip_plane_home *home, const struct mip_inner *inner, size_t mtu)
{
	struct mip_user_sender *sender = sender_of(user, &home->tunnel);
	struct mip_fragmenter fragmenter;
	struct mip_ip ip = inner->ip;
	struct mip_piece piece;

	user->counters[MIP_USER_FRAGMENTED]++;
	mip_fragmenter_begin(&fragmenter, inner, mtu);
	ip.more_fragments = true; /* of some of them it is true, of the last its offset says the same */
	while (mip_fragmenter_next(&fragmenter, mip_user_sender_header(sender), &piece))
		send_piece(user, home, &ip, &piece);
}

/* A segment that has to be fragmented is put together first; the scratch is free again after the flush. */
static void send_segment_fragmented(
	struct mip_user *user, struct mip_plane_home *home, const struct mip_piece *piece, size_t mtu)
{
	struct mip_inner segment;

	memcpy(user->scratch, piece->header, piece->header_length);
	memcpy(user->scratch + piece->header_length, piece->payload, piece->payload_length);
	if (mip_inner_read(user->scratch, piece->header_length + piece->payload_length, &segment) != 0)
		return;
	send_fragments(user, home, &segment, mtu);
	mip_user_sender_flush(sender_of(user, &home->tunnel));
}

static void send_segments(struct mip_user *user, struct mip_plane_home *home, const struct mip_inner *inner,
	const struct mip_offload *offload)
{
	struct mip_user_sender *sender = sender_of(user, &home->tunnel);
	struct mip_segmenter segmenter;
	struct mip_piece piece;
	size_t mtu = 0;
	bool fragment;

	if (mip_segmenter_begin(&segmenter, inner, offload) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	fragment = must_fragment(user, home, &inner->ip, segmenter.headers + segmenter.segment_size, &mtu);
	while (mip_segmenter_next(&segmenter, mip_user_sender_header(sender), &piece)) {
		if (fragment)
			send_segment_fragmented(user, home, &piece, mtu);
		else
			send_piece(user, home, &inner->ip, &piece);
	}
}

static void send_whole(struct mip_user *user, struct mip_plane_home *home, const struct mip_inner *inner)
{
	struct mip_piece piece = {.payload = inner->octets, .payload_length = inner->length};
	size_t mtu = 0;

	if (must_fragment(user, home, &inner->ip, inner->length, &mtu))
		send_fragments(user, home, inner, mtu);
	else
		send_piece(user, home, &inner->ip, &piece);
}

/* rfc5944-4.2.3-13: "… Address), the home agent SHOULD encapsulate the datagram again (nested …" */
/* rfc5944-4.2.3-12: "… address, then the home agent SHOULD forward the datagram to the mobile node." */
static bool may_enter(
	const struct mip_plane_home *home, const struct mip_ip *ip, enum mip_user_counter *ret_reason)
{
	*ret_reason = MIP_USER_DROP_LOOP;
	if (loops(home, ip))
		return false;
	/* rfc2003-3.1-2: by the kernel's forwarding, which has decremented it: what comes here has one left. */
	/* rfc2003-3.1-3: "An encapsulator MUST NOT encapsulate a datagram with TTL = 0". */
	*ret_reason = MIP_USER_DROP_TTL;
	return ip->ttl > 0;
}

/* The tunnel that an inner packet may take, NULL and the reason's counter if there is none. */
static struct mip_plane_home *admit(
	struct mip_user *user, const struct mip_ip *ip, enum mip_user_counter *ret_reason)
{
	struct mip_plane_home *home;

	if (mip_user_is_group(user, ip->destination)) {
		/* RFC 5944 4.4, RFC 3024 5.3: the node's own go through its tunnel. Those for nodes are copied (user_group.c). */
		*ret_reason = MIP_USER_DROP_BROADCAST;
		home = mip_user_group_tunnel(user, ip->source);
	} else {
		*ret_reason = MIP_USER_DROP_NO_TUNNEL;
		home = mip_plane_table_tunnel(&user->table, ip->source, ip->destination);
	}
	return home && may_enter(home, ip, ret_reason) ? home : NULL;
}

static void send_to(struct mip_user *user, struct mip_plane_home *home, const struct mip_inner *inner,
	const struct mip_offload *offload)
{
	if (offload->kind != MIP_OFFLOAD_NONE)
		send_segments(user, home, inner, offload);
	else
		send_whole(user, home, inner);
}

/* rfc5944-3.6.1.2: "it will tunnel a separate copy of each arriving datagram to each care-of address". */
static void send_to_each(struct mip_user *user, struct mip_plane_home *home, const struct mip_inner *inner,
	const struct mip_offload *offload)
{
	for (; home; home = home->copies)
		send_to(user, home, inner, offload);
}

/* Into the tunnel that was found for it; leaves with the next flush. */
static void send_inner(struct mip_user *user, struct mip_plane_home *home, uint8_t *octets,
	const struct mip_inner *inner, const struct mip_offload *offload)
{
	uint16_t most;
	size_t place;

	if (mip_user_mss(user, home, &most) && mip_inner_exceeds_mss(inner, most, &place))
		mip_inner_set_mss(octets, inner, place, most, offload->needs_checksum);
	if (offload->kind == MIP_OFFLOAD_NONE && offload->needs_checksum &&
		mip_complete_checksum(octets, inner->length, offload) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	send_to_each(user, home, inner, offload);
}

static void encapsulate(
	struct mip_user *user, uint8_t *octets, size_t length, const struct mip_offload *offload)
{
	enum mip_user_counter reason = MIP_USER_DROP_MALFORMED;
	struct mip_plane_home *home = NULL;
	struct mip_inner inner;

	/* What the kernel itself says in IPv6 on a new device is nobody's. */
	if (length > 0 && octets[0] >> 4 == 6)
		return;
	if (mip_inner_read(octets, length, &inner) == 0)
		home = admit(user, &inner.ip, &reason);
	if (home)
		send_inner(user, home, octets, &inner, offload);
	else
		user->counters[reason]++;
}

static void flush(struct mip_user *user)
{
	mip_user_sender_flush(user->raw_sender);
	if (user->udp_sender)
		mip_user_sender_flush(user->udp_sender);
}

void mip_user_send_into(struct mip_user *user, struct mip_plane_home *home, uint8_t *octets, size_t length,
	const struct mip_offload *offload)
{
	enum mip_user_counter reason = MIP_USER_DROP_MALFORMED;
	struct mip_inner inner;

	if (mip_inner_read(octets, length, &inner) == 0 && may_enter(home, &inner.ip, &reason)) {
		send_inner(user, home, octets, &inner, offload);
		flush(user);
	} else {
		user->counters[reason]++;
	}
}

void mip_user_send_by(struct mip_user *user, struct mip_plane_home *way, const uint8_t *octets, size_t length)
{
	enum mip_user_counter reason = MIP_USER_DROP_MALFORMED;
	struct mip_offload nothing = {0};
	struct mip_inner inner;

	if (mip_inner_read(octets, length, &inner) == 0 && may_enter(way, &inner.ip, &reason)) {
		send_to(user, way, &inner, &nothing);
		flush(user);
	} else {
		user->counters[reason]++;
	}
}

void mip_user_encapsulate(struct mip_user *user)
{
	size_t used = 0, total = 0;

	for (unsigned reads = 0; reads < READS && total < READ_OCTETS; reads++) {
		struct mip_offload offload;
		int length =
			mip_user_tun_read(&user->tun, user->arena + used, MIP_USER_ARENA - used, &offload);

		if (length == -EBADMSG)
			continue;
		if (length == -EBADFD)
			user->lost = true;
		if (length < 0)
			break;
		encapsulate(user, user->arena + used, (size_t)length, &offload);
		used += (size_t)length;
		total += (size_t)length;
		if (MIP_USER_ARENA - used < MIP_INNER_MAX) {
			flush(user);
			used = 0;
		}
	}
	flush(user);
}

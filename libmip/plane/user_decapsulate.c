/*
 * Out of the tunnels into mip0.
 *
 * A packet comes from the raw socket of its protocol, with its outer header, or from the caller's UDP socket. It
 * is admitted when its inner addresses and its outer ones are those of a peer: at the home end it is from the
 * mobile node, at the visited end for it (RFC 3024 4.3.2, RFC 5944 4.2.2); everything else is dropped without
 * a word, for an ICMP error would help nobody but a forger. What is left of the outer header is its ECN field
 * (RFC 6040). Then it goes to the coalescer, and with its neighbours into mip0.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "address.h"
#include "user.h"

enum {
	BATCH = 32,
	BATCHES = 2, /* in one turn: a registration that arrived meanwhile is heard before the packets after
			it */
	BUFFER = 65536 + 2112, /* buffers do not begin at the same places of the cache */
	WAIT_MILLISECONDS = 1, /* for a device that is full */
	FEW = 4,	       /* packets in a turn, after which it does not pay to wait for more */
};

#define RECENTLY  (1 * MIP_MILLISECOND)
#define MORE_COME 100000 /* ns */

struct mip_user_receiver {
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	uint8_t buffers[BATCH][BUFFER];
	struct {
		_Alignas(struct cmsghdr) uint8_t octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} controls[BATCH];
};

int mip_user_receiver_new(struct mip_user_receiver **ret_receiver)
{
	struct mip_user_receiver *receiver = calloc(1, sizeof(*receiver));

	if (!receiver)
		return -ENOMEM;
	for (size_t i = 0; i < BATCH; i++) {
		receiver->parts[i] = (struct iovec){receiver->buffers[i], BUFFER};
		receiver->headers[i].msg_hdr.msg_iov = &receiver->parts[i];
		receiver->headers[i].msg_hdr.msg_iovlen = 1;
	}
	*ret_receiver = receiver;
	return 0;
}

void mip_user_receiver_free(struct mip_user_receiver *receiver)
{
	free(receiver);
}

void mip_user_deliver(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct mip_user *user = context;
	struct pollfd wait = {.fd = user->tun.descriptor, .events = POLLOUT};
	int error = mip_user_tun_write(&user->tun, packet, length, offload);

	if (error == -EAGAIN || error == -ENOBUFS) {
		(void)poll(&wait, 1, WAIT_MILLISECONDS);
		error = mip_user_tun_write(&user->tun, packet, length, offload);
	}
	if (error)
		user->counters[MIP_USER_DROP_DEVICE]++;
}

static void count_received(struct mip_user *user, struct mip_plane_home *home, size_t octets)
{
	struct mip_plane_traffic *traffic = &home->traffic;

	user->counters[MIP_USER_PACKETS_IN]++;
	if (home->key.end == MIP_TUNNEL_HOME) {
		traffic->packets_from++;
		traffic->bytes_from += octets;
	} else {
		traffic->packets_to++;
		traffic->bytes_to += octets;
	}
}

/* The packet in octets that may be changed, which is rarely needed. */
static uint8_t *changeable(struct mip_user *user, struct mip_inner *inner)
{
	if (inner->octets != user->scratch) {
		memcpy(user->scratch, inner->octets, inner->length);
		inner->octets = user->scratch;
	}
	return user->scratch;
}

/* Gives the packet the TOS that it leaves the tunnel with. 0, or -EBADMSG when it must be dropped. */
static int mark_congestion(struct mip_user *user, struct mip_inner *inner, uint8_t outer_tos)
{
	uint8_t tos;

	if (mip_inner_decapsulated_tos(inner->ip.tos, outer_tos, &tos) != 0)
		return -EBADMSG;
	if (tos == inner->ip.tos)
		return 0;
	mip_inner_set_tos(changeable(user, inner), tos);
	inner->ip.tos = tos;
	return 0;
}

/* options.clamp_mss: what goes back to the packet's sender will go into the tunnel that it came out of. */
static void clamp_mss(struct mip_user *user, struct mip_plane_home *home, struct mip_inner *inner)
{
	uint16_t most;
	size_t place;
	bool partial;

	if (!mip_user_mss(user, home, &most) || !mip_inner_exceeds_mss(inner, most, &place))
		return;
	partial = mip_inner_check(inner) == MIP_CHECKSUM_PARTIAL;
	mip_inner_set_mss(changeable(user, inner), inner, place, most, partial);
}

static int refuse(struct mip_user *user, enum mip_user_counter counter)
{
	user->counters[counter]++;
	return -EBADMSG;
}

/* rfc3024-4.3.2-3: "the home agent MUST silently discard the packet and SHOULD log the event as a security
 * exception": no binding has this outer source with this inner one. At a limited rate. */
static void log_stranger(struct mip_user *user, const struct mip_plane_arrival *arrival, bool spoofed)
{
	char remote[MIP_ENDPOINT_TEXT];
	uint64_t missed = 0;

	mip_user_clock(user);
	if (mip_log_allowed(&user->refusal_limit, user->now, &missed))
		mip_log(user->options.log, MIP_LOG_WARNING,
			"a packet from %s to %s in a tunnel from %s is refused: %s (%llu more not shown)",
			MIP_TEXT(arrival->inner_source), MIP_TEXT(arrival->inner_destination),
			mip_endpoint_text(arrival->remote, arrival->remote_port, remote),
			spoofed ? "not the tunnel of that home address" : "no such home address here",
			(unsigned long long)missed);
}

static int refuse_stranger(struct mip_user *user, const struct mip_plane_arrival *arrival, bool spoofed)
{
	log_stranger(user, arrival, spoofed);
	return refuse(user, spoofed ? MIP_USER_DROP_SPOOFED : MIP_USER_DROP_NO_PEER);
}

/* What must not come out, whoever it is for; counts why. */
static int check_inner(
	struct mip_user *user, const struct mip_plane_arrival *arrival, const struct mip_inner *inner)
{
	/* RFC 2784 3.1: "if the destination address of the payload packet is the encapsulator of the packet …
	 * looping can occur. In this case, the packet MUST be discarded." True of every encapsulation, but for a NAT,
	 * whose address is that of many. */
	if (!arrival->remote_port && mip_address_equal(inner->ip.destination, arrival->remote))
		return refuse(user, MIP_USER_DROP_LOOP);
	/* rfc2003-3.1-4: "If, after decapsulation, the inner datagram has TTL = 0, the decapsulator MUST
	 * discard the datagram". */
	if (inner->ip.ttl == 0)
		return refuse(user, MIP_USER_DROP_TTL);
	return 0;
}

/* rfc3024-4.3.2-4: "… is in effect, a home agent MUST process each valid reverse tunneled packet …" */
/* Whether the packet may come in at all; counts why not. */
static int admit(struct mip_user *user, struct mip_plane_arrival *arrival, const struct mip_inner *inner,
	struct mip_plane_home **ret_home)
{
	struct mip_plane_home *home;
	int error;

	/* rfc5944-4.2.2-1: "… address, a foreign agent MUST compare the inner Destination Address …" */
	/* rfc5944-4.2.2-2: "… visitor list, the foreign agent MUST NOT forward the datagram …" */
	error = mip_plane_table_admit(&user->table, arrival, &home);
	if (error)
		/* rfc5944-4.2.2-3: "The datagram SHOULD be silently discarded." */
		/* rfc5944-4.2.2-4: "ICMP Destination Unreachable MUST NOT be sent when a foreign agent is …" */
		return refuse_stranger(user, arrival, error == -EACCES);
	*ret_home = home;
	return check_inner(user, arrival, inner);
}

static bool is_for_machine(const struct mip_user *user, const struct mip_inner *inner)
{
	return user->options.inspect && inner->ip.protocol == MIP_PROTOCOL_ICMP &&
	       !inner->ip.more_fragments && inner->ip.fragment_offset == 0 &&
	       user->options.inspect(user->options.context, inner->octets, inner->length);
}

/* RFC 3024 A.2: "it needs to identify the proper binding via a tuple guaranteed to be unique": both outer addresses and
 * the inner destination. True: it was such a packet. */
static bool take_visitors(
	struct mip_user *user, struct mip_plane_arrival *arrival, uint8_t outer_tos, struct mip_inner *inner)
{
	struct mip_user_visitor *visitor = mip_user_visitor_find(
		user, arrival->inner_destination, arrival->remote, arrival->remote_port);

	if (mip_user_is_visitors_own(user, arrival, inner->ip.source))
		return true;
	if (!visitor)
		return false;
	if (!mip_address_equal(visitor->want.tunnel.local, arrival->local)) {
		(void)refuse_stranger(user, arrival, true);
		return true;
	}
	if (check_inner(user, arrival, inner) != 0)
		return true;
	if (mark_congestion(user, inner, outer_tos) != 0) {
		user->counters[MIP_USER_DROP_CONGESTION_MARK]++;
		return true;
	}
	count_received(user, &visitor->home, inner->length);
	clamp_mss(user, &visitor->home, inner);
	if (!is_for_machine(user, inner))
		mip_user_visitor_deliver(user, visitor, inner);
	return true;
}

static bool give_group(struct mip_user *user, struct mip_inner *inner)
{
	if (!user->options.group)
		return false;
	/* From a sender on this machine, through a program at its links. */
	if (mip_inner_check(inner) == MIP_CHECKSUM_PARTIAL)
		mip_user_complete_checksum(changeable(user, inner), inner);
	return user->options.group(user->options.context, inner->ip.source, inner->octets, inner->length);
}

/* What was steered here because it is from a peer of the home end, the accelerator has counted as the peer's. */
static bool is_counted(const struct mip_plane_arrival *arrival, enum mip_tunnel_end end)
{
	return arrival->steered && end == MIP_TUNNEL_HOME &&
	       !mip_address_equal(arrival->remote, arrival->inner_source);
}

/*
 * RFC 5944 4.3, 4.4: what is for a group or for everyone. At home the machine says where it goes; away it is for this host,
 * whichever of its addresses the tunnel was for (a foreign agent's visitor gets it encapsulated twice, and the first
 * time was another's).
 */
static void take_group(
	struct mip_user *user, struct mip_plane_arrival *arrival, uint8_t outer_tos, struct mip_inner *inner)
{
	struct mip_plane_home *home = NULL;
	enum mip_tunnel_end end = MIP_TUNNEL_HOME;
	int error = mip_user_admit_group(user, arrival, inner->ip.source, &home, &end);

	if (error == -ELOOP) {
		user->counters[MIP_USER_DROP_LOOP]++;
		return;
	}
	if (error) {
		log_stranger(user, arrival, error == -EACCES);
		user->counters[MIP_USER_DROP_BROADCAST]++;
		return;
	}
	/* rfc2003-3.1-4, as of any other packet. */
	if (inner->ip.ttl == 0) {
		user->counters[MIP_USER_DROP_TTL]++;
		return;
	}
	if (mark_congestion(user, inner, outer_tos) != 0) {
		user->counters[MIP_USER_DROP_CONGESTION_MARK]++;
		return;
	}
	if (end == MIP_TUNNEL_HOME && !give_group(user, inner)) {
		user->counters[MIP_USER_DROP_BROADCAST]++;
		return;
	}
	user->counters[MIP_USER_GROUPS_IN]++;
	if (home && !is_counted(arrival, end))
		count_received(user, home, inner->length);
	if (end == MIP_TUNNEL_VISITED)
		mip_coalescer_add(&user->coalescer, inner);
}

/* rfc3024-5.2.1: the foreign agent "decapsulates to recover the inner packet, re-encapsulates, and sends it to the home
 * agent". Its forwarding has no part in that, so the TTL stays. True: it was such a packet. */
static bool take_relayed(
	struct mip_user *user, struct mip_plane_arrival *arrival, uint8_t outer_tos, struct mip_inner *inner)
{
	struct mip_plane_home *home;
	int error = mip_user_admit_relay(user, arrival, inner->ip.source, &home);

	if (error == -ENOENT)
		return false;
	if (error)
		(void)refuse_stranger(user, arrival, true);
	else if (mark_congestion(user, inner, outer_tos) != 0)
		user->counters[MIP_USER_DROP_CONGESTION_MARK]++;
	else
		mip_coalescer_add(&user->relay_coalescer, inner);
	return true;
}

void mip_user_decapsulate(struct mip_user *user, struct mip_plane_arrival *arrival, uint8_t outer_tos,
	const uint8_t *octets, size_t length)
{
	struct mip_plane_home *home = NULL;
	struct mip_inner inner;

	if (mip_inner_read(octets, length, &inner) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	arrival->inner_source = inner.ip.source;
	arrival->inner_destination = inner.ip.destination;
	if (user->relays && take_relayed(user, arrival, outer_tos, &inner))
		return;
	if (user->visitors && take_visitors(user, arrival, outer_tos, &inner))
		return;
	if (mip_user_is_group(user, inner.ip.destination)) {
		take_group(user, arrival, outer_tos, &inner);
		return;
	}
	if (admit(user, arrival, &inner, &home) != 0)
		return;
	if (mark_congestion(user, &inner, outer_tos) != 0) {
		user->counters[MIP_USER_DROP_CONGESTION_MARK]++;
		return;
	}
	count_received(user, home, inner.length);
	clamp_mss(user, home, &inner);
	if (!is_for_machine(user, &inner))
		mip_coalescer_add(&user->coalescer, &inner);
}

/* A packet of a raw socket. The kernel has checked its outer header and put its fragments together. */
static void receive_raw(struct mip_user *user, uint8_t *octets, size_t length, mip_link link, uint8_t steered)
{
	struct mip_plane_arrival arrival = {.link = link, .steered = steered != 0};
	struct mip_outer outer;

	if (steered != 0)
		octets[MIP_IP_PROTOCOL] = steered;
	if (mip_outer_open(octets, length, &outer) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	arrival.remote = outer.source;
	arrival.local = outer.destination;
	arrival.encapsulation = outer.encapsulation;
	mip_user_decapsulate(user, &arrival, outer.tos, outer.inner, outer.length);
}

/*
 * What a network card does with its interrupts: while packets come fast, but not faster than they are taken,
 * those of the next moment are taken together. Each system call, each wake-up and each large packet into mip0
 * is then for ten or twenty of them instead of two or three, and TCP acknowledges that much less often. (That
 * costs a third less processor time for a gigabyte by IP-in-IP, and a packet under load a tenth of a
 * millisecond.)
 */
static void moderate(const struct mip_user *user)
{
	const struct mip_user_pace *pace = &user->pace;
	struct timespec wait = {.tv_nsec = MORE_COME};

	if (pace->packets >= FEW && pace->packets < BATCH * BATCHES && user->now - pace->turn < RECENTLY)
		(void)nanosleep(&wait, NULL);
}

/* The link is asked for while there are relays only, for whose packets it counts. */
static void prepare_controls(const struct mip_user *user)
{
	struct mip_user_receiver *receiver = user->receiver;

	for (size_t i = 0; i < BATCH; i++) {
		receiver->headers[i].msg_hdr.msg_control = user->relays ? receiver->controls[i].octets : NULL;
		receiver->headers[i].msg_hdr.msg_controllen =
			user->relays ? sizeof(receiver->controls[i].octets) : 0;
	}
}

static mip_link link_of(struct msghdr *header)
{
	struct in_pktinfo information;

	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
		control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level != IPPROTO_IP || control->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&information, CMSG_DATA(control), sizeof(information));
		return information.ipi_ifindex;
	}
	return MIP_LINK_NONE;
}

void mip_user_receive(struct mip_user *user, int descriptor, uint8_t steered)
{
	struct mip_user_receiver *receiver = user->receiver;
	unsigned packets = 0;

	moderate(user);
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		int count;

		prepare_controls(user);
		count = recvmmsg(descriptor, receiver->headers, BATCH, MSG_DONTWAIT, NULL);

		if (count < 0)
			break;
		for (int i = 0; i < count; i++)
			receive_raw(user, receiver->buffers[i], receiver->headers[i].msg_len,
				link_of(&receiver->headers[i].msg_hdr), steered);
		packets += (unsigned)count;
		if (count < BATCH)
			break;
	}
	user->pace = (struct mip_user_pace){.turn = user->now, .packets = packets};
	mip_user_batch_end(user);
}

/*
 * Into a tunnel: the outer headers, and where the outer packet goes.
 */
#ifndef MIP_PLANE_BPF_INTO_H
#define MIP_PLANE_BPF_INTO_H

#include "way.h"

_Static_assert((int)MIP_BPF_OVERHEAD_IPIP == IP_HEADER &&
		       (int)MIP_BPF_OVERHEAD_GRE == IP_HEADER + GRE_HEADER &&
		       (int)MIP_BPF_OVERHEAD_MINIMAL == MINIMAL_HEADER &&
		       (int)MIP_BPF_OVERHEAD_UDP == IP_HEADER + UDP_HEADER + TUNNEL_DATA_HEADER,
	"an overhead is what its headers take");

static ALWAYS_INLINE __u32 overhead(__u8 kind)
{
	switch (kind) {
	case MIP_BPF_GRE:
		return MIP_BPF_OVERHEAD_GRE;
	case MIP_BPF_UDP:
		return MIP_BPF_OVERHEAD_UDP;
	case MIP_BPF_MINIMAL:
		return MIP_BPF_OVERHEAD_MINIMAL;
	default:
		return MIP_BPF_OVERHEAD_IPIP;
	}
}

static ALWAYS_INLINE __u8 protocol_of(__u8 kind)
{
	switch (kind) {
	case MIP_BPF_GRE:
		return IPPROTO_GRE;
	case MIP_BPF_UDP:
		return IPPROTO_UDP;
	case MIP_BPF_MINIMAL:
		return PROTOCOL_MINIMAL;
	default:
		return PROTOCOL_IPIP;
	}
}

/* What is read of the inner header before the packet changes. */
struct inner {
	__u32 source;
	__u32 destination;
	__u16 length;
	__u16 flags;
	__u16 identification;
	__u8 tos;
	__u8 ttl;
	__u8 protocol;
	__u8 words;
};

static ALWAYS_INLINE struct inner inner_of(const struct iphdr *ip)
{
	return (struct inner){
		.source = ip->saddr,
		.destination = ip->daddr,
		.length = bpf_ntohs(ip->tot_len),
		.flags = ip->frag_off,
		.identification = ip->id,
		.tos = ip->tos,
		.ttl = ip->ttl,
		.protocol = ip->protocol,
		.words = ip->ihl,
	};
}

/*
 * Where the outer packet goes. False: the stack knows no way, the neighbour's link address is not known, or
 * the path is too narrow: the daemon sends it then, or says what is wrong.
 */
static ALWAYS_INLINE bool find_way(struct __sk_buff *skb, const struct tunnel *tunnel,
	const struct inner *inner, __u32 size, struct bpf_fib_lookup *way, bool *by_neighbour)
{
	__u32 flags = 0;
	long result;

	way->family = INET;
	way->l4_protocol = protocol_of(tunnel->kind);
	way->sport = tunnel->local_port;
	way->dport = tunnel->remote_port;
	way->tot_len = size;
	way->tos = inner->tos & ~ECN;
	way->ipv4_src = tunnel->local;
	way->ipv4_dst = tunnel->remote;
	way->ifindex = shared.settings.tunnel;
	if (tunnel->link) {
		way->ifindex = tunnel->link;
		flags = BPF_FIB_LOOKUP_OUTPUT;
	}
	result = ask_routing(skb, way, flags);
	*by_neighbour = is_neighbours_turn();
	if (result == BPF_FIB_LKUP_RET_SUCCESS)
		return true;
	*by_neighbour = true;
	if (result == BPF_FIB_LKUP_RET_NO_NEIGH)
		return true;
	/* A host that is no router: the link is known, and its routing finds the neighbour. */
	if (tunnel->link && result == BPF_FIB_LKUP_RET_FWD_DISABLED) {
		__u32 mtu = 0;

		way->ifindex = tunnel->link;
		bpf_check_mtu(skb, tunnel->link, &mtu, 0, 0);
		return mtu >= size;
	}
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		count(MIP_BPF_LEFT_SIZE);
	else
		count(MIP_BPF_LEFT_ROUTE);
	return shared.settings.trial;
}

static ALWAYS_INLINE __u64 room_flags(__u8 kind)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;

	if (kind == MIP_BPF_UDP)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	else if (kind == MIP_BPF_GRE)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	else if (kind == MIP_BPF_MINIMAL)
		flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	return flags;
}

/* Whether what this address sends comes here by IP-in-IP: out.h has let nothing else out of its tunnel. */
static ALWAYS_INLINE bool comes_by_ipip(__u32 source)
{
	struct tunnel from;

	return find(source, 0, &from) && from.flags & MIP_BPF_HAS_TUNNEL && from.flags & MIP_BPF_HAS_PEER &&
	       from.kind == MIP_BPF_IPIP;
}

/*
 * A packet that has come out of a tunnel bears the mark of it still, and the kernel takes no second one
 * (EALREADY). Without large segments nothing depends on the mark. With them the mark must be that of the
 * tunnel that the packet goes into, or the kernel cannot cut it and drops it: that is so from IP-in-IP to
 * IP-in-IP (GRE and UDP have places in it, too, which have moved).
 */
static ALWAYS_INLINE long make_room(struct __sk_buff *skb, __u8 kind, __u32 room, __u32 source)
{
	long error = bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, room_flags(kind));

	if (error && (skb->gso_size == 0 || (kind == MIP_BPF_IPIP && comes_by_ipip(source))))
		error = bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
	return error;
}

/* RFC 2003 3.1: the outer header. */
static ALWAYS_INLINE void write_outer(
	struct iphdr *outer, const struct tunnel *tunnel, const struct inner *inner, __u32 length)
{
	outer->version = 4;
	outer->ihl = IP_WORDS;
	/* "The Type of Service (TOS) is copied from the inner IP header"; its ECN bits too, RFC 6040 4.1. */
	outer->tos = inner->tos;
	outer->tot_len = bpf_htons(length);
	/* rfc2003-3.1-1: "if the "Don't Fragment" bit is set in the inner IP header, it MUST be set in the outer" */
	outer->frag_off = inner->flags & bpf_htons(DONT_FRAGMENT);
	/* RFC 6864 4.1: what can be fragmented needs a number of its own. */
	outer->id = outer->frag_off ? 0 : (__u16)bpf_get_prandom_u32();
	outer->ttl = OUTER_TTL;
	outer->protocol = protocol_of(tunnel->kind);
	outer->saddr = tunnel->local;
	outer->daddr = tunnel->remote;
	write_checksum(outer);
}

/* RFC 2784 2: no checksum, no key, version 0, and an IPv4 packet. */
static ALWAYS_INLINE void write_gre(__u8 *gre)
{
	*(__u16 *)gre = 0;
	*(__u16 *)(gre + 2) = bpf_htons(ETH_P_IP);
}

/* RFC 3519 3.3. The checksum of UDP is left out, as RFC 768 allows: the inner packet has its own. */
static ALWAYS_INLINE void write_udp(__u8 *octets, const struct tunnel *tunnel, __u32 length)
{
	struct udphdr *udp = (struct udphdr *)octets;

	udp->source = tunnel->local_port;
	udp->dest = tunnel->remote_port;
	udp->len = bpf_htons(length - IP_HEADER);
	udp->check = 0;
	octets += UDP_HEADER;
	octets[0] = TUNNEL_DATA_TYPE;
	octets[1] = PROTOCOL_IPIP;
	*(__u16 *)(octets + 2) = 0;
}

/*
 * RFC 2004 3.1: the IP header stays, with the ends of the tunnel in it; what they displace stands behind it.
 * The header's TTL, TOS and "don't fragment" are those of the original packet.
 */
static ALWAYS_INLINE void write_minimal(
	struct iphdr *ip, const struct tunnel *tunnel, const struct inner *inner, __u32 length)
{
	__u8 *minimal = (__u8 *)(ip + 1);
	__u64 sum = 0;

	ip->version = 4;
	ip->ihl = IP_WORDS;
	ip->tos = inner->tos;
	ip->tot_len = bpf_htons(length);
	ip->id = inner->identification;
	ip->frag_off = inner->flags;
	ip->ttl = inner->ttl;
	ip->protocol = PROTOCOL_MINIMAL;
	ip->saddr = tunnel->local;
	ip->daddr = tunnel->remote;
	write_checksum(ip);
	minimal[0] = inner->protocol;
	minimal[1] = MINIMAL_SOURCE;
	*(__u16 *)(minimal + 2) = 0;
	*(__u32 *)(minimal + 4) = inner->destination;
	*(__u32 *)(minimal + 8) = inner->source;
	sum += *(__u32 *)minimal;
	sum += *(__u32 *)(minimal + 4);
	sum += *(__u32 *)(minimal + 8);
	*(__u16 *)(minimal + 2) = finish(sum);
}

static ALWAYS_INLINE void count_out(const struct tunnel *tunnel, const struct measure *size)
{
	struct mip_bpf_slot *slot = tunnel->slot;

	__sync_fetch_and_add(
		tunnel->flags & MIP_BPF_VISITED ? &slot->packets_from : &slot->packets_to, size->packets);
	__sync_fetch_and_add(
		tunnel->flags & MIP_BPF_VISITED ? &slot->bytes_from : &slot->bytes_to, size->octets);
}

/* Some ten times a second is enough, and a clock of nanoseconds too dear for each packet. */
static ALWAYS_INLINE void note_sent(struct mip_bpf_slot *slot)
{
	__u16 moment = (__u16)(bpf_jiffies64() >> MOMENT_SHIFT);

	if (slot->moment == moment && slot->last_sent != 0)
		return;
	slot->moment = moment;
	slot->last_sent = (__u32)(bpf_ktime_get_boot_ns() / NANOSECONDS);
}

/* Into the room that there is now. False: it cannot be written to. */
static ALWAYS_INLINE bool write_headers(
	struct __sk_buff *skb, __u32 offset, const struct tunnel *tunnel, const struct inner *inner)
{
	__u32 length = inner->length + overhead(tunnel->kind);
	struct iphdr *ip = header_at(skb, offset, IP_HEADER + MINIMAL_HEADER);

	if (!ip)
		return false;
	if (tunnel->kind == MIP_BPF_MINIMAL) {
		write_minimal(ip, tunnel, inner, length);
		return true;
	}
	write_outer(ip, tunnel, inner, length);
	if (tunnel->kind == MIP_BPF_GRE)
		write_gre((__u8 *)(ip + 1));
	else if (tunnel->kind == MIP_BPF_UDP)
		write_udp((__u8 *)(ip + 1), tunnel, length);
	return true;
}

/* What the programs do not do for a packet that has a tunnel. */
static ALWAYS_INLINE bool can_encapsulate(struct __sk_buff *skb, __u32 offset, const struct iphdr *ip,
	const struct tunnel *tunnel, const struct measure *size)
{
	if (!(tunnel->flags & MIP_BPF_HAS_TUNNEL) || tunnel->kind >= MIP_BPF_KINDS)
		return false;
	/* rfc2003-3.1-3: "An encapsulator MUST NOT encapsulate a datagram with TTL = 0". */
	if (ip->ttl == 0 || !is_unicast(ip->daddr))
		return false;
	/* RFC 2003 3.2: not back into the tunnel that it may have come from. */
	if (ip->saddr == tunnel->remote)
		return false;
	if (size->largest > shared.settings.mtu)
		return false;
	/* A large packet with its outer header may be more than a length can say. */
	if (bpf_ntohs(ip->tot_len) + overhead(tunnel->kind) > LONGEST)
		return false;
	/* RFC 2004 1: "Minimal encapsulation MUST NOT be used when an original datagram is already fragmented". And
	 * nobody can cut a large packet behind such a header. */
	if (tunnel->kind == MIP_BPF_MINIMAL &&
		(skb->gso_size || ip->ihl != IP_WORDS || ip->frag_off & bpf_htons(FRAGMENT)))
		return false;
	/* RFC 2004 3.1: where the tunnel's own end is the source there is no "Original Source Address
	 * field": rare, and the daemon's. */
	if (tunnel->kind == MIP_BPF_MINIMAL && ip->saddr == tunnel->local)
		return false;
	return !shared.settings.clamp_mss || !is_syn(skb, offset, ip);
}

static ALWAYS_INLINE int encapsulate(struct __sk_buff *skb, __u32 offset, const struct iphdr *ip,
	const struct tunnel *tunnel, bool forward)
{
	struct bpf_fib_lookup way = {};
	struct measure size;
	struct inner inner;
	bool by_neighbour;

	if (!measure(skb, offset, ip, &size) || !can_encapsulate(skb, offset, ip, tunnel, &size))
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	inner = inner_of(ip);
	if (!find_way(skb, tunnel, &inner, size.largest + overhead(tunnel->kind), &way, &by_neighbour))
		return TC_ACT_UNSPEC;
	if (forward)
		inner.ttl--;
	if (make_room(skb, tunnel->kind, overhead(tunnel->kind), inner.source) != 0)
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	if (!write_headers(skb, offset, tunnel, &inner))
		return drop();
	if (forward && tunnel->kind != MIP_BPF_MINIMAL)
		lower_ttl(skb, offset + overhead(tunnel->kind));
	count(MIP_BPF_ENCAPSULATED);
	count_out(tunnel, &size);
	note_sent(tunnel->slot);
	return send(skb, offset, &way, by_neighbour);
}

#endif

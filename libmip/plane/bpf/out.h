/*
 * Out of a tunnel: whether a packet is from where it should be, and what becomes of it.
 */
#ifndef MIP_PLANE_BPF_OUT_H
#define MIP_PLANE_BPF_OUT_H

#include "into.h"

/* Of a packet in a tunnel. */
struct outer {
	__u32 source;
	__u32 destination;
	__u16 source_port; /* 0: no UDP */
	__u8 kind;
	__u8 tos;
	__u32 header; /* octets before the inner packet */
};

/* Whether a packet is of a kind that may be in a tunnel of ours, and where the inner one begins. Minimal
 * encapsulation has no inner header to point to: see decapsulate_minimal(). */
static ALWAYS_INLINE bool read_outer(const struct iphdr *ip, struct outer *outer)
{
	const __u8 *next = (const __u8 *)(ip + 1);
	const struct udphdr *udp = (const struct udphdr *)next;

	outer->source = ip->saddr;
	outer->destination = ip->daddr;
	outer->tos = ip->tos;
	outer->source_port = 0;
	switch (ip->protocol) {
	case PROTOCOL_IPIP:
		outer->kind = MIP_BPF_IPIP;
		break;
	case IPPROTO_GRE:
		/* Neither a checksum nor a key nor a number: those the daemon reads. */
		if (*(const __u32 *)next != bpf_htonl(ETH_P_IP))
			return false;
		outer->kind = MIP_BPF_GRE;
		break;
	case IPPROTO_UDP:
		/* A checksum is for the daemon's socket to verify. */
		if (udp->dest != shared.settings.udp_port || udp->check != 0 ||
			bpf_ntohs(udp->len) != bpf_ntohs(ip->tot_len) - IP_HEADER)
			return false;
		next += UDP_HEADER;
		if (next[0] != TUNNEL_DATA_TYPE || next[1] != PROTOCOL_IPIP)
			return false;
		outer->kind = MIP_BPF_UDP;
		outer->source_port = udp->source;
		break;
	default:
		return false;
	}
	outer->header = overhead(outer->kind);
	return true;
}

/* rfc3024-4.3.2-3: "if the packet uses an encapsulation mechanism that was not negotiated at registration
 * the home agent MUST silently discard the packet". Fragments, which cannot have minimal encapsulation,
 * come by IP-in-IP. */
static ALWAYS_INLINE bool is_negotiated(const struct tunnel *tunnel, const struct outer *outer)
{
	return tunnel->flags & MIP_BPF_VISITED || !(tunnel->flags & MIP_BPF_HAS_TUNNEL) ||
	       tunnel->kind == outer->kind ||
	       (tunnel->kind == MIP_BPF_MINIMAL && outer->kind == MIP_BPF_IPIP);
}

static ALWAYS_INLINE bool fits(const struct tunnel *tunnel, const struct outer *outer)
{
	if (!(tunnel->flags & MIP_BPF_HAS_PEER) || tunnel->remote != outer->source ||
		tunnel->remote_port != outer->source_port || !is_negotiated(tunnel, outer))
		return false;
	if (tunnel->flags & MIP_BPF_PEER_ANY_LOCAL) /* any of ours: others' are on their way to them */
		return bpf_map_lookup_elem(&own, &outer->destination) != NULL;
	return tunnel->local == outer->destination;
}

/* rfc3024-4.3.2-2, rfc5944-4.2.2: at home the inner source must be the node whose tunnel it is, and away
 * the inner destination. */
static ALWAYS_INLINE bool find_peer(
	__u32 source, __u32 destination, const struct outer *outer, struct tunnel *tunnel)
{
	if (find(source, 0, tunnel) && fits(tunnel, outer))
		return true;
	return find(destination, MIP_BPF_VISITED, tunnel) && fits(tunnel, outer);
}

/* RFC 6040 4.2, Figure 4. False: to be dropped, which the daemon does. */
static ALWAYS_INLINE bool inner_tos(__u8 inner, __u8 outer, __u8 *tos)
{
	__u8 ecn = inner & ECN, mark = outer & ECN;

	*tos = inner;
	if (mark == ECN_CE) {
		*tos = inner | ECN_CE;
		return ecn != 0;
	}
	if (mark == 1 && ecn == 2)
		*tos = (inner & ~ECN) | 1;
	return true;
}

static ALWAYS_INLINE void count_in(const struct tunnel *tunnel, const struct measure *size)
{
	struct mip_bpf_slot *slot = tunnel->slot;

	__sync_fetch_and_add(
		tunnel->flags & MIP_BPF_VISITED ? &slot->packets_to : &slot->packets_from, size->packets);
	__sync_fetch_and_add(
		tunnel->flags & MIP_BPF_VISITED ? &slot->bytes_to : &slot->bytes_from, size->octets);
}

/* 10.1.0.255: to the stack it would be an address of the host, and nobody else would hear of it. */
static ALWAYS_INLINE bool is_everyones(__u32 address)
{
	const __u8 *whose = bpf_map_lookup_elem(&own, &address);

	return whose && *whose == MIP_BPF_EVERYONES;
}

/*
 * The way of a packet out of a tunnel to where it is going, as the host's routing has it for what comes in
 * by mip0. False: it is for the host itself, or into another tunnel, or the stack has something to do or to
 * say: then it comes in by mip0.
 */
static ALWAYS_INLINE bool find_way_on(
	struct __sk_buff *skb, const struct iphdr *ip, const struct measure *size, struct bpf_fib_lookup *way)
{
	__u32 source = ip->saddr;

	if (shared.settings.trial || ip->ihl != IP_WORDS || ip->ttl <= 1 || !is_unicast(source) ||
		!is_intact(ip) || bpf_map_lookup_elem(&own, &source) != NULL)
		return false;
	way->family = INET;
	way->l4_protocol = ip->protocol;
	way->tot_len = size->largest;
	way->tos = ip->tos & ~ECN;
	way->ipv4_src = source;
	way->ipv4_dst = ip->daddr;
	way->ifindex = shared.settings.tunnel;
	return ask_routing(skb, way, 0) == BPF_FIB_LKUP_RET_SUCCESS && way->ifindex != shared.settings.tunnel;
}

/* Onto its way, or in by mip0. The outer header is off. */
static ALWAYS_INLINE int deliver(struct __sk_buff *skb, __u32 offset, const struct tunnel *tunnel,
	const struct measure *size, const struct bpf_fib_lookup *way)
{
	count(MIP_BPF_DECAPSULATED);
	count_in(tunnel, size);
	if (!way)
		return bpf_redirect(shared.settings.tunnel, BPF_F_INGRESS);
	lower_ttl(skb, offset);
	return send(skb, offset, way, is_neighbours_turn());
}

/* What the programs do not take out of a tunnel, though it is from the right peer. */
static ALWAYS_INLINE bool can_decapsulate(
	struct __sk_buff *skb, __u32 offset, const struct iphdr *ip, const struct outer *outer)
{
	if (ip->ttl == 0 || !is_unicast(ip->daddr))
		return false;
	/* RFC 2784 3.1: it would go back into the tunnel. Behind a NAT the address is everybody's. */
	if (outer->source_port == 0 && ip->daddr == outer->source)
		return false;
	/* Keep-alives (RFC 3519 4.9), which are the machine's. */
	if (outer->kind == MIP_BPF_UDP && ip->protocol == IPPROTO_ICMP)
		return false;
	return !shared.settings.clamp_mss || !is_syn(skb, offset, ip);
}

static ALWAYS_INLINE int decapsulate(
	struct __sk_buff *skb, __u32 offset, const struct outer *outer, bool forward)
{
	struct bpf_fib_lookup way = {};
	__u32 place = offset + outer->header;
	struct tunnel tunnel;
	struct measure size;
	struct iphdr *ip;
	__u32 destination;
	__u16 before, after;
	__u8 tos;

	ip = header_at(skb, place, IP_HEADER);
	if (!ip || ip->version != 4 || ip->ihl < IP_WORDS || place + bpf_ntohs(ip->tot_len) != skb->len)
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	if (!find_peer(ip->saddr, ip->daddr, outer, &tunnel))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	if (!can_decapsulate(skb, place, ip, outer) || !measure(skb, place, ip, &size) ||
		!inner_tos(ip->tos, outer->tos, &tos))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	before = *(__u16 *)ip;
	destination = ip->daddr;
	forward = forward && find_way_on(skb, ip, &size, &way);
	if (!forward && is_everyones(destination))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	if (bpf_skb_adjust_room(skb, -(__s32)outer->header, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) != 0)
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	ip = header_at(skb, offset, IP_HEADER);
	if (ip && tos != ip->tos) {
		ip->tos = tos;
		after = *(__u16 *)ip;
		bpf_l3_csum_replace(
			skb, offset + offsetof(struct iphdr, check), before, after, sizeof(after));
	}
	return deliver(skb, offset, &tunnel, &size, forward ? &way : NULL);
}

/* RFC 2004 3.1 backwards: what the minimal header kept goes back to where it was. */
static ALWAYS_INLINE int decapsulate_minimal(
	struct __sk_buff *skb, __u32 offset, struct iphdr *ip, bool forward)
{
	struct bpf_fib_lookup way = {};
	const __u8 *minimal = (const __u8 *)(ip + 1);
	struct outer outer = {.source = ip->saddr, .destination = ip->daddr, .kind = MIP_BPF_MINIMAL};
	struct iphdr inner = *ip;
	struct measure size;
	struct tunnel tunnel;
	__u64 sum = *(const __u32 *)minimal;

	/* The short form leaves out a source that is the tunnel's own: rare, and the daemon's. */
	if (skb->gso_size || !(minimal[1] & MINIMAL_SOURCE))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	inner.protocol = minimal[0];
	inner.daddr = *(const __u32 *)(minimal + 4);
	inner.saddr = *(const __u32 *)(minimal + 8);
	inner.tot_len = bpf_htons(bpf_ntohs(ip->tot_len) - MINIMAL_HEADER);
	sum += inner.daddr;
	sum += inner.saddr;
	if (finish(sum) != 0 || !find_peer(inner.saddr, inner.daddr, &outer, &tunnel) || inner.ttl == 0 ||
		!is_unicast(inner.daddr) || inner.daddr == outer.source ||
		(shared.settings.clamp_mss && is_syn(skb, offset + MINIMAL_HEADER, &inner)))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	size = (struct measure){1, 0, bpf_ntohs(inner.tot_len)};
	write_checksum(&inner);
	size.largest = size.octets;
	forward = forward && find_way_on(skb, &inner, &size, &way);
	if (!forward && is_everyones(inner.daddr))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	if (bpf_skb_adjust_room(skb, -MINIMAL_HEADER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) != 0)
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	if (bpf_skb_store_bytes(skb, offset, &inner, sizeof(inner), BPF_F_RECOMPUTE_CSUM) != 0)
		return drop();
	return deliver(skb, offset, &tunnel, &size, forward ? &way : NULL);
}

#endif

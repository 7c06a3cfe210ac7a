/*
 * Where a packet goes when it leaves here: the host's routing, asked for each packet or remembered for a
 * moment, and the sending.
 *
 * What the routing said is good until the kernel's clock ticks next (1 to 10 ms), for the same addresses,
 * protocol, TOS and link, and for packets no larger. So a flow asks a few hundred times a second in place
 * of a few hundred thousand, and a route that changes is obeyed as soon as anybody could tell; and the
 * daemon says when it has changed something itself (`generation`).
 */
#ifndef MIP_PLANE_BPF_WAY_H
#define MIP_PLANE_BPF_WAY_H

#include "base.h"

enum {
	WAYS = 256, /* remembered by each processor; a power of two */
	INET = 2,   /* AF_INET */
};

struct way {
	/* What was asked. */
	__u32 source;
	__u32 destination;
	__u32 link;
	__u32 ports;
	__u32 flags;
	__u32 tick;
	__u32 generation;
	__u16 size;
	__u8 tos;
	__u8 protocol;
	/* What the answer was, if it was a good one. */
	__u8 result;
	__u32 to;
	__u8 source_address[ETH_ALEN];
	__u8 destination_address[ETH_ALEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WAYS);
	__type(key, __u32);
	__type(value, struct way);
} ways SEC(".maps");

static ALWAYS_INLINE struct way *remembered(const struct bpf_fib_lookup *asked)
{
	__u32 place = mip_bpf_hash(asked->ipv4_dst ^ asked->ipv4_src * 3) % WAYS;

	return bpf_map_lookup_elem(&ways, &place);
}

/* There may be rules of policy routing about them. */
static ALWAYS_INLINE __u32 ports_of(const struct bpf_fib_lookup *asked)
{
	return (__u32)asked->sport << 16 | asked->dport;
}

static ALWAYS_INLINE bool is_of(
	const struct way *way, const struct bpf_fib_lookup *asked, __u32 flags, __u32 tick)
{
	return way->destination == asked->ipv4_dst && way->source == asked->ipv4_src && way->tick == tick &&
	       way->link == asked->ifindex && way->ports == ports_of(asked) &&
	       way->protocol == asked->l4_protocol && way->flags == flags && way->tos == asked->tos &&
	       way->size >= asked->tot_len && way->generation == shared.settings.generation;
}

static ALWAYS_INLINE void remember(
	struct way *way, const struct way *asked, const struct bpf_fib_lookup *answer, long result)
{
	*way = *asked;
	way->result = (__u8)result;
	way->to = answer->ifindex;
	__builtin_memcpy(way->source_address, answer->smac, ETH_ALEN);
	__builtin_memcpy(way->destination_address, answer->dmac, ETH_ALEN);
}

/* bpf_fib_lookup(), with a memory. */
static ALWAYS_INLINE long ask_routing(struct __sk_buff *skb, struct bpf_fib_lookup *way, __u32 flags)
{
	struct way *memory = remembered(way);
	__u32 tick = (__u32)bpf_jiffies64();
	struct way asked = {
		.source = way->ipv4_src,
		.destination = way->ipv4_dst,
		.link = way->ifindex,
		.ports = ports_of(way),
		.protocol = way->l4_protocol,
		.flags = flags,
		.tick = tick,
		.generation = shared.settings.generation,
		.size = way->tot_len,
		.tos = way->tos,
	};
	long result;

	if (memory && is_of(memory, way, flags, tick)) {
		way->ifindex = memory->to;
		__builtin_memcpy(way->smac, memory->source_address, ETH_ALEN);
		__builtin_memcpy(way->dmac, memory->destination_address, ETH_ALEN);
		return memory->result;
	}
	result = bpf_fib_lookup(skb, way, sizeof(*way), flags);
	if (memory && (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH))
		remember(memory, &asked, way, result);
	return result;
}

static ALWAYS_INLINE bool is_neighbours_turn(void)
{
	return (bpf_get_prandom_u32() & NEIGHBOUR_MASK) == 0;
}

/* At a link the stack would have lowered the TTL on the way to mip0. */
static ALWAYS_INLINE void lower_ttl(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip = header_at(skb, offset, IP_HEADER);
	__u32 sum;

	if (!ip)
		return;
	/* As the stack does: of the two zeros it is never the one with all bits set. */
	sum = ip->check + bpf_htons(0x0100);
	ip->check = (__u16)(sum + (sum >= 0xffff));
	ip->ttl--;
}

/* Onto the link. The skb has a link header if the program runs where there are some. */
static ALWAYS_INLINE int send(
	struct __sk_buff *skb, __u32 offset, const struct bpf_fib_lookup *way, bool by_neighbour)
{
	struct ethhdr *ethernet;

	if (offset == 0 && bpf_skb_change_head(skb, ETH_HLEN, 0) != 0)
		return drop();
	/* This takes a link header off before it writes its own. */
	if (by_neighbour)
		return bpf_redirect_neigh(way->ifindex, NULL, 0, 0);
	ethernet = (struct ethhdr *)header_at(skb, 0, ETH_HLEN);
	if (!ethernet)
		return drop();
	__builtin_memcpy(ethernet->h_dest, way->dmac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, way->smac, ETH_ALEN);
	ethernet->h_proto = bpf_htons(ETH_P_IP);
	return bpf_redirect(way->ifindex, 0);
}

#endif

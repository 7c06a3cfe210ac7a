/*
 * The bpf programs: tunnels at the price of a look-up.
 *
 *   a link ──> ingress ──┬─ out of a tunnel, from its peer ──> header off ──> straight on, or mip0, coming in
 *                        ├─ for a node that is away ──> header on ──> straight out of the outer link
 *                        └─ everything else, untouched ──> the host's stack
 *
 * Where netfilter has rules for what is forwarded, a link's program only takes packets out of tunnels and lets them come in by
 * mip0, and those for a node come to mip0 by the stack; so that both meet the rules.
 *
 *   the host's stack ──> mip0, going out ──> egress ──┬─ has a tunnel ──> header on ──> out of the outer link
 *                                                     └─ everything else ──> the daemon
 *
 * What they take they finish; everything else they leave as it was, to the stack and the daemon behind mip0, which
 * do the whole of RFC 2003, 2004, 2784 and 3519: packets that are too large, that have run out of hops or have
 * options, fragments in a tunnel, broadcasts, ICMP to be made, and whatever looks wrong, so that it is counted and
 * logged in one place. Nothing is dropped here.
 *
 * Where the outer packet goes is asked for (bpf_fib_lookup) before anything is changed.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf_shared.h"

char program_license[] SEC("license") = "Dual MIT/GPL";

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum {
	IP_HEADER = sizeof(struct iphdr),
	UDP_HEADER = sizeof(struct udphdr),
	TCP_HEADER = sizeof(struct tcphdr),
	IP_WORDS = IP_HEADER / 4,
	GRE_HEADER = 4,
	TUNNEL_DATA_HEADER = 4,
	TUNNEL_DATA_TYPE = 4,  /* RFC 3519 3.3 */
	MINIMAL_HEADER = 12,   /* RFC 2004 3.1, with the original source */
	MINIMAL_SHORT = 8,     /* and without */
	MINIMAL_SOURCE = 0x80, /* the S bit */
	PROTOCOL_IPIP = IPPROTO_IPIP,
	PROTOCOL_MINIMAL = 55,
	DONT_FRAGMENT = 0x4000,
	FRAGMENT = 0x3fff, /* offset and "more" */
	OUTER_TTL = 64,
	ECN = 3,
	ECN_CE = 3,
	/* One packet in so many is sent by way of the neighbour table, which looks then whether the neighbour still
	 * has the link address that the others are sent to. */
	NEIGHBOUR_MASK = 63,
};

/* The daemon has this mapped; the programs read the settings anew for each packet. */
volatile struct mip_bpf_shared shared = {};

struct slots {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, MIP_BPF_FIRST_SLOTS);
	__type(key, __u32);
	__type(value, struct mip_bpf_slot);
} slots SEC(".maps");
/* One entry: the table that is in force. A larger one takes its place in one step. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct slots);
} table SEC(".maps") = {.values = {&slots}};

/* The host's own addresses, in network byte order. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MIP_BPF_OWN_ADDRESSES);
	__type(key, __u32);
	__type(value, __u8);
} own SEC(".maps");

/* What a packet needs to know of its slot, read as of one moment. */
struct tunnel {
	__u32 remote;
	__u32 local;
	__u16 remote_port;
	__u16 local_port;
	__u32 link;
	__u8 kind;
	__u8 flags;
	struct mip_bpf_slot *slot; /* for the counts */
};

static ALWAYS_INLINE void count(enum mip_bpf_counter counter)
{
	if (counter < MIP_BPF_COUNTERS)
		__sync_fetch_and_add(
			(__u64 *)&shared.counters[bpf_get_smp_processor_id() % MIP_BPF_COUNTER_SETS]
				.values[counter],
			1);
}

/* --- the table ------------------------------------------------------------------------------------- */

/* False: the daemon is writing it. */
static ALWAYS_INLINE bool read_slot(struct mip_bpf_slot *slot, struct tunnel *tunnel)
{
	struct mip_bpf_slot fields;

	/* Volatile: each field is read once, so that what is checked is what is used. */
	fields.home = *(volatile __u32 *)&slot->home;
	fields.remote = *(volatile __u32 *)&slot->remote;
	fields.local = *(volatile __u32 *)&slot->local;
	fields.remote_port = *(volatile __u16 *)&slot->remote_port;
	fields.local_port = *(volatile __u16 *)&slot->local_port;
	fields.link = *(volatile __u32 *)&slot->link;
	fields.state = *(volatile __u8 *)&slot->state;
	fields.kind_and_flags = *(volatile __u8 *)&slot->kind_and_flags;
	if (fields.state != MIP_BPF_SLOT_USED || mip_bpf_sum(&fields) != *(volatile __u32 *)&slot->sum)
		return false;
	tunnel->remote = fields.remote;
	tunnel->local = fields.local;
	tunnel->remote_port = fields.remote_port;
	tunnel->local_port = fields.local_port;
	tunnel->link = fields.link;
	tunnel->kind = fields.kind_and_flags >> MIP_BPF_KIND_SHIFT;
	tunnel->flags = fields.kind_and_flags & MIP_BPF_FLAGS;
	tunnel->slot = slot;
	return true;
}

enum {
	NOWHERE = -1,
};

/* The place of a slot in the table that is in force, or NOWHERE. A function by itself, so that the kernel's verifier goes
 * through its loop once, and not once more for each packet that it can think of. */
__attribute__((noinline)) int find_place(__u32 home, __u32 end)
{
	__u32 host_order = bpf_ntohl(home), hash, mask, zero = 0;
	void *in_force;

	if (host_order < shared.settings.first || host_order > shared.settings.last)
		return NOWHERE;
	in_force = bpf_map_lookup_elem(&table, &zero);
	if (!in_force)
		return NOWHERE;
	hash = mip_bpf_hash(home);
	mask = shared.settings.mask;
	for (__u32 attempt = 0; attempt < MIP_BPF_PROBES; attempt++) {
		__u32 place = mip_bpf_probe(hash, attempt) & mask;
		struct mip_bpf_slot *slot = bpf_map_lookup_elem(in_force, &place);

		if (!slot || slot->state == MIP_BPF_SLOT_EMPTY)
			return NOWHERE;
		if (slot->home == home && (slot->kind_and_flags & MIP_BPF_VISITED) == end &&
			slot->state == MIP_BPF_SLOT_USED)
			return place;
	}
	return NOWHERE;
}

static ALWAYS_INLINE bool find(__u32 home, __u8 end, struct tunnel *tunnel)
{
	__u32 zero = 0;
	int place = find_place(home, end);
	struct mip_bpf_slot *slot;
	void *in_force;

	if (place < 0)
		return false;
	in_force = bpf_map_lookup_elem(&table, &zero);
	slot = in_force ? bpf_map_lookup_elem(in_force, &place) : NULL;
	/* Another table may have come meanwhile. */
	return slot && slot->home == home && read_slot(slot, tunnel) &&
	       (tunnel->flags & MIP_BPF_VISITED) == end;
}

/* --- packets --------------------------------------------------------------------------------------- */

static ALWAYS_INLINE struct iphdr *header_at(struct __sk_buff *skb, __u32 offset, __u32 length)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	return data + offset + length > end ? NULL : data + offset;
}

/* The sum of a header of 20 octets, all ones when its checksum is right (RFC 1071). */
static ALWAYS_INLINE bool is_intact(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < IP_HEADER / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static ALWAYS_INLINE __u16 finish(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static ALWAYS_INLINE void write_checksum(struct iphdr *ip)
{
	const __u32 *words = (const __u32 *)ip;
	__u64 sum = 0;

	ip->check = 0;
#pragma unroll
	for (int i = 0; i < IP_WORDS; i++)
		sum += words[i];
	ip->check = finish(sum);
}

/* Neither a group, nor everyone, nor this host's loopback, nor nobody. */
static ALWAYS_INLINE bool is_unicast(__u32 address)
{
	__u8 first = bpf_ntohl(address) >> 24;

	return first != 0 && first != 127 && first < 224;
}

/* What one inner packet measures, and how many there are: the kernel joins TCP segments into large packets, and
 * cuts them again when they leave. */
struct measure {
	__u32 packets;
	__u32 largest; /* octets of the largest */
	__u64 octets;  /* of all */
};

/* False: it is no packet that could be counted (not TCP, or its header is not at hand). */
static ALWAYS_INLINE bool measure(
	struct __sk_buff *skb, __u32 offset, const struct iphdr *ip, struct measure *result)
{
	__u32 length = bpf_ntohs(ip->tot_len), header = ip->ihl * 4;
	struct tcphdr *tcp;

	*result = (struct measure){1, length, length};
	if (skb->gso_size == 0)
		return true;
	/* A large packet of UDP is of many datagrams, and in a tunnel of UDP those may be many tunnelled packets. */
	if (ip->protocol != IPPROTO_TCP || ip->ihl != IP_WORDS)
		return false;
	tcp = (struct tcphdr *)header_at(skb, offset + IP_HEADER, TCP_HEADER);
	if (!tcp)
		return false;
	header += tcp->doff * 4;
	result->packets = skb->gso_segs ? skb->gso_segs : 1;
	result->largest = header + skb->gso_size;
	result->octets = length + (__u64)(result->packets - 1) * header;
	return true;
}

static ALWAYS_INLINE bool is_syn(struct __sk_buff *skb, __u32 offset, const struct iphdr *ip)
{
	struct tcphdr *tcp;

	if (ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(FRAGMENT))
		return false;
	tcp = (struct tcphdr *)header_at(skb, offset + ip->ihl * 4, TCP_HEADER);
	return !tcp || tcp->syn;
}

/* --- into a tunnel --------------------------------------------------------------------------------- */

static ALWAYS_INLINE __u32 overhead(__u8 kind)
{
	switch (kind) {
	case MIP_BPF_GRE:
		return IP_HEADER + GRE_HEADER;
	case MIP_BPF_UDP:
		return IP_HEADER + UDP_HEADER + TUNNEL_DATA_HEADER;
	case MIP_BPF_MINIMAL:
		return MINIMAL_HEADER;
	default:
		return IP_HEADER;
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

static ALWAYS_INLINE bool is_neighbours_turn(void)
{
	return (bpf_get_prandom_u32() & NEIGHBOUR_MASK) == 0;
}

/*
 * Where the outer packet goes. False: the stack knows no way, the neighbour's link address is not known, or the path
 * is too narrow: the daemon sends it then, or says what is wrong.
 */
static ALWAYS_INLINE bool find_way(struct __sk_buff *skb, const struct tunnel *tunnel,
	const struct inner *inner, __u32 size, struct bpf_fib_lookup *way, bool *by_neighbour)
{
	__u32 flags = 0;
	long result;

	way->family = 2; /* AF_INET */
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
	result = bpf_fib_lookup(skb, way, sizeof(*way), flags);
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

/* A packet that has come out of a tunnel bears the mark of it still, and the kernel takes no second one (EALREADY).
 * Without large segments nothing depends on the mark; with them, IP-in-IP only. */
static ALWAYS_INLINE long make_room(struct __sk_buff *skb, __u8 kind, __u32 room)
{
	long error = bpf_skb_adjust_room(skb, room, BPF_ADJ_ROOM_MAC, room_flags(kind));

	if (error && (skb->gso_size == 0 || kind == MIP_BPF_IPIP))
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

static ALWAYS_INLINE void note_sent(struct mip_bpf_slot *slot)
{
	__u32 now = (__u32)(bpf_ktime_get_boot_ns() / 1000000000);

	if (slot->last_sent != now)
		slot->last_sent = now;
}

/* Puts the header on. 0, or negative: nothing is changed. */
static ALWAYS_INLINE long write_headers(
	struct __sk_buff *skb, __u32 offset, const struct tunnel *tunnel, const struct inner *inner)
{
	__u32 room = overhead(tunnel->kind), length = inner->length + room;
	struct iphdr *ip;
	long error = make_room(skb, tunnel->kind, room);

	if (error)
		return error;
	ip = header_at(skb, offset, IP_HEADER + MINIMAL_HEADER);
	if (!ip)
		return -1;
	if (tunnel->kind == MIP_BPF_MINIMAL) {
		write_minimal(ip, tunnel, inner, length);
		return 0;
	}
	write_outer(ip, tunnel, inner, length);
	if (tunnel->kind == MIP_BPF_GRE)
		write_gre((__u8 *)(ip + 1));
	else if (tunnel->kind == MIP_BPF_UDP)
		write_udp((__u8 *)(ip + 1), tunnel, length);
	return 0;
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
		return TC_ACT_SHOT;
	/* This takes a link header off before it writes its own. */
	if (by_neighbour)
		return bpf_redirect_neigh(way->ifindex, NULL, 0, 0);
	ethernet = (struct ethhdr *)header_at(skb, 0, ETH_HLEN);
	if (!ethernet)
		return TC_ACT_SHOT;
	__builtin_memcpy(ethernet->h_dest, way->dmac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, way->smac, ETH_ALEN);
	ethernet->h_proto = bpf_htons(ETH_P_IP);
	return bpf_redirect(way->ifindex, 0);
}

static ALWAYS_INLINE int leave(enum mip_bpf_counter counter)
{
	count(counter);
	return TC_ACT_UNSPEC;
}

/* The mask is for the verifier, and the empty line of assembly for the compiler, which would see that nothing needs it. */
static ALWAYS_INLINE __u32 mtu_of(__u32 kind)
{
	__asm__ volatile("" : "+r"(kind));
	return shared.settings.mtu[kind & (MIP_BPF_KINDS - 1)];
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
	if (size->largest > mtu_of(tunnel->kind))
		return false;
	/* RFC 2004 1: "Minimal encapsulation MUST NOT be used when an original datagram is already fragmented". And
	 * nobody can cut a large packet behind such a header. */
	if (tunnel->kind == MIP_BPF_MINIMAL &&
		(skb->gso_size || ip->ihl != IP_WORDS || ip->frag_off & bpf_htons(FRAGMENT)))
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
	if (write_headers(skb, offset, tunnel, &inner) != 0)
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	if (forward && tunnel->kind != MIP_BPF_MINIMAL)
		lower_ttl(skb, offset + overhead(tunnel->kind));
	count(MIP_BPF_ENCAPSULATED);
	count_out(tunnel, &size);
	note_sent(tunnel->slot);
	return send(skb, offset, &way, by_neighbour);
}

/* --- out of a tunnel ------------------------------------------------------------------------------- */

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

/* rfc3024-4.3.2-3: "if the packet uses an encapsulation mechanism that was not negotiated at registration the home agent
 * MUST silently discard the packet". Fragments, which cannot have minimal encapsulation, come by IP-in-IP. */
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
	return tunnel->flags & MIP_BPF_PEER_ANY_LOCAL || tunnel->local == outer->destination;
}

/* rfc3024-4.3.2-2, rfc5944-4.2.2: at home the inner source must be the node whose tunnel it is, and away the inner
 * destination. */
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

/*
 * The way of a packet out of a tunnel to where it is going, as the host's routing has it for what comes in by mip0. False: it
 * is for the host itself, or into another tunnel, or the stack has something to do or to say: then it comes in by mip0.
 */
static ALWAYS_INLINE bool find_way_on(
	struct __sk_buff *skb, const struct iphdr *ip, const struct measure *size, struct bpf_fib_lookup *way)
{
	__u32 source = ip->saddr;

	if (shared.settings.trial || ip->ihl != IP_WORDS || ip->ttl <= 1 || !is_unicast(source) ||
		!is_intact(ip) || bpf_map_lookup_elem(&own, &source) != NULL)
		return false;
	way->family = 2; /* AF_INET */
	way->l4_protocol = ip->protocol;
	way->tot_len = size->largest;
	way->tos = ip->tos & ~ECN;
	way->ipv4_src = source;
	way->ipv4_dst = ip->daddr;
	way->ifindex = shared.settings.tunnel;
	return bpf_fib_lookup(skb, way, sizeof(*way), 0) == BPF_FIB_LKUP_RET_SUCCESS &&
	       way->ifindex != shared.settings.tunnel;
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
	forward = forward && find_way_on(skb, ip, &size, &way);
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
		!is_unicast(inner.daddr) || (shared.settings.clamp_mss && inner.protocol == IPPROTO_TCP))
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	size = (struct measure){1, 0, bpf_ntohs(inner.tot_len)};
	write_checksum(&inner);
	size.largest = size.octets;
	forward = forward && find_way_on(skb, &inner, &size, &way);
	if (bpf_skb_adjust_room(skb, -MINIMAL_HEADER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) != 0)
		return leave(MIP_BPF_LEFT_DECAPSULATION);
	if (bpf_skb_store_bytes(skb, offset, &inner, sizeof(inner), 0) != 0)
		return TC_ACT_SHOT;
	return deliver(skb, offset, &tunnel, &size, forward ? &way : NULL);
}

/* --- the hooks ------------------------------------------------------------------------------------- */

/* The IP header, and `more` octets after it if the packet has them, at hand. NULL: nothing for us. */
static ALWAYS_INLINE struct iphdr *begin(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip;

	/* A frame of a VLAN comes by again, without its tag, on the VLAN's own link. */
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present)
		return NULL;
	ip = header_at(skb, offset, IP_HEADER);
	if (!ip && bpf_skb_pull_data(skb, offset + IP_HEADER) == 0)
		ip = header_at(skb, offset, IP_HEADER);
	if (!ip || ip->version != 4 || ip->ihl < IP_WORDS)
		return NULL;
	return ip;
}

/* The same with what follows, once it is clear that it may matter. */
static ALWAYS_INLINE struct iphdr *pull(struct __sk_buff *skb, __u32 offset, __u32 more)
{
	struct iphdr *ip = header_at(skb, offset, IP_HEADER + more);

	if (ip || skb->len < offset + IP_HEADER + more)
		return ip ? ip : header_at(skb, offset, IP_HEADER);
	if (bpf_skb_pull_data(skb, offset + IP_HEADER + more) != 0)
		return NULL;
	return header_at(skb, offset, IP_HEADER);
}

static ALWAYS_INLINE bool may_be_tunnelled(__u8 protocol)
{
	return protocol == PROTOCOL_IPIP || protocol == IPPROTO_GRE || protocol == IPPROTO_UDP ||
	       protocol == PROTOCOL_MINIMAL;
}

/* A packet that looks like a tunnel's. TC_ACT_UNSPEC: it is not, or not for us. */
static ALWAYS_INLINE int try_decapsulate(struct __sk_buff *skb, __u32 offset, bool forward)
{
	struct outer outer;
	struct iphdr *ip = header_at(skb, offset, IP_HEADER + MINIMAL_HEADER + IP_HEADER);

	if (!ip && bpf_skb_pull_data(skb, offset + IP_HEADER + MINIMAL_HEADER + IP_HEADER) == 0)
		ip = header_at(skb, offset, IP_HEADER + MINIMAL_HEADER + IP_HEADER);
	if (!ip || ip->frag_off & bpf_htons(FRAGMENT) || offset + bpf_ntohs(ip->tot_len) != skb->len)
		return TC_ACT_UNSPEC;
	if (ip->protocol == PROTOCOL_MINIMAL)
		return is_intact(ip) ? decapsulate_minimal(skb, offset, ip, forward) : TC_ACT_UNSPEC;
	if (!read_outer(ip, &outer) || !is_intact(ip))
		return TC_ACT_UNSPEC;
	return decapsulate(skb, offset, &outer, forward);
}

/* A packet that a router would forward: not broken, not for the router's own attention. */
static ALWAYS_INLINE bool can_forward(struct __sk_buff *skb, __u32 offset, const struct iphdr *ip)
{
	__u32 source = ip->saddr;

	if (ip->ihl != IP_WORDS || ip->ttl <= 1 || offset + bpf_ntohs(ip->tot_len) != skb->len ||
		!is_unicast(source) || !is_intact(ip))
		return false;
	/* rfc2003-3.2-1: "If the IP Source Address of the datagram matches the router's own IP address on any of its
	 * network interfaces, the router MUST NOT tunnel the datagram". The stack calls it martian. */
	return bpf_map_lookup_elem(&own, &source) == NULL;
}

/*
 * At the visited end: whether the host's routing leads what comes from this node, in by this link, to mip0. The rules that say
 * so are the machine's (RFC 3024 5.2), and what is for the host itself or its neighbours they may lead elsewhere.
 */
static ALWAYS_INLINE bool is_led(struct __sk_buff *skb, const struct iphdr *ip)
{
	struct bpf_fib_lookup way = {
		.family = 2, /* AF_INET */
		.l4_protocol = ip->protocol,
		.tos = ip->tos & ~ECN,
		.ipv4_src = ip->saddr,
		.ipv4_dst = ip->daddr,
		.ifindex = skb->ifindex,
	};
	long result = bpf_fib_lookup(skb, &way, sizeof(way), 0);

	/* A TUN device has no neighbours to be known. */
	return (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH) &&
	       way.ifindex == shared.settings.tunnel;
}

/* The tunnel that a packet goes into from here. At home it is by the destination, and the machine has said that it is led;
 * away by the source. */
static ALWAYS_INLINE bool find_tunnel(const struct iphdr *ip, struct tunnel *tunnel)
{
	__u32 source = ip->saddr;

	if (find(ip->daddr, 0, tunnel))
		return tunnel->flags & MIP_BPF_LED;
	return find(source, MIP_BPF_VISITED, tunnel) && tunnel->flags & MIP_BPF_HAS_TUNNEL;
}

static ALWAYS_INLINE int ingress(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip = begin(skb, offset);
	struct tunnel tunnel;
	int action;

	/* On a link that others share, and on the ports of a bridge, not everything is for this host. */
	if (!ip || skb->pkt_type != 0 /* PACKET_HOST */)
		return TC_ACT_UNSPEC;
	if (ip->ihl == IP_WORDS && may_be_tunnelled(ip->protocol)) {
		action = try_decapsulate(skb, offset, true);
		if (action != TC_ACT_UNSPEC)
			return action;
		ip = header_at(skb, offset, IP_HEADER);
	}
	if (!ip || !find_tunnel(ip, &tunnel))
		return TC_ACT_UNSPEC;
	ip = pull(skb, offset, TCP_HEADER);
	if (!ip || ip->saddr == tunnel.local || !can_forward(skb, offset, ip))
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	if (tunnel.flags & MIP_BPF_VISITED && !is_led(skb, ip))
		return TC_ACT_UNSPEC;
	return encapsulate(skb, offset, ip, &tunnel, true);
}

/* The other half alone: the host's rules for what it forwards are asked before mip0. */
static ALWAYS_INLINE int only_decapsulate(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip = begin(skb, offset);

	if (!ip || skb->pkt_type != 0 /* PACKET_HOST */ || ip->ihl != IP_WORDS ||
		!may_be_tunnelled(ip->protocol))
		return TC_ACT_UNSPEC;
	return try_decapsulate(skb, offset, false);
}

SEC("tc")
int link_ethernet(struct __sk_buff *skb)
{
	return ingress(skb, ETH_HLEN);
}

/* A link without link headers: PPP, another tunnel. */
SEC("tc")
int link_bare(struct __sk_buff *skb)
{
	return ingress(skb, 0);
}

SEC("tc")
int exit_ethernet(struct __sk_buff *skb)
{
	return only_decapsulate(skb, ETH_HLEN);
}

SEC("tc")
int exit_bare(struct __sk_buff *skb)
{
	return only_decapsulate(skb, 0);
}

SEC("tc")
int egress_tunnel(struct __sk_buff *skb)
{
	struct iphdr *ip = begin(skb, 0);
	struct tunnel tunnel;

	if (!ip)
		return TC_ACT_UNSPEC;
	ip = pull(skb, 0, TCP_HEADER);
	if (!ip || bpf_ntohs(ip->tot_len) != skb->len)
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	if (!find(ip->daddr, 0, &tunnel) || !(tunnel.flags & MIP_BPF_HAS_TUNNEL)) {
		if (!find(ip->saddr, MIP_BPF_VISITED, &tunnel))
			return TC_ACT_UNSPEC;
	}
	return encapsulate(skb, 0, ip, &tunnel, false);
}

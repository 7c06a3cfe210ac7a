/*
 * What all parts of the bpf programs use: the maps, a look into the table of tunnels, packets and their
 * checksums. For bpf/tunnel.c alone, which says what it is all about.
 */
#ifndef MIP_PLANE_BPF_BASE_H
#define MIP_PLANE_BPF_BASE_H

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
	MINIMAL_SOURCE = 0x80, /* the S bit */
	PROTOCOL_IPIP = IPPROTO_IPIP,
	PROTOCOL_MINIMAL = 55,
	DONT_FRAGMENT = 0x4000,
	FRAGMENT = 0x3fff, /* offset and "more" */
	LONGEST = 65535,   /* octets of an IPv4 packet */
	OUTER_TTL = 64,
	MOMENT_SHIFT = 5, /* a moment is 32 ticks of the kernel's clock: 32 to 320 ms */
	NANOSECONDS = 1000000000,
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

/* A packet that is half changed, and the kernel has no memory to go on. */
static ALWAYS_INLINE int drop(void)
{
	count(MIP_BPF_DROPPED);
	return TC_ACT_SHOT;
}

static ALWAYS_INLINE int leave(enum mip_bpf_counter counter)
{
	count(counter);
	return TC_ACT_UNSPEC;
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

/* The place of a slot in the table that is in force, or NOWHERE. A function by itself, so that the kernel's
 * verifier goes through its loop once, and not once more for each packet that it can think of. */
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
	void *data, *end;

	/* The compiler would keep the places of these two fields in registers, which the verifier does not allow. */
	__asm__ volatile("" : "+r"(skb));
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
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

/* What one inner packet measures, and how many there are: the kernel joins TCP segments into large packets,
 * and cuts them again when they leave. */
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

#endif

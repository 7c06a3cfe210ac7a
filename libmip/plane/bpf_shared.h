/*
 * What the bpf programs and the daemon share: the table of tunnels, which both have mapped, and a page of
 * settings. Plain C that clang compiles for either; all fields have one size everywhere.
 *
 * The table is a hash table in an array map of 2^n slots of one cache line each, with triangular probing:
 * slot h, h + 1, h + 3, h + 6 … of a hash h of the home address. The daemon writes, programs read and
 * count. A slot has a sum of its fields: one that is read while it is written does not add up, in whatever
 * order the processors see the stores, and the packet is left to the daemon, as with everything that a
 * program does not know.
 */
#ifndef MIP_PLANE_BPF_SHARED_H
#define MIP_PLANE_BPF_SHARED_H

#include <linux/types.h>

/* enum mip_encapsulation's values; the daemon asserts that they are the same. */
enum mip_bpf_kind {
	MIP_BPF_IPIP,
	MIP_BPF_GRE,
	MIP_BPF_MINIMAL,
	MIP_BPF_UDP,
	MIP_BPF_KINDS,
};

/* Octets that each puts before an inner packet; both sides assert that they are those of their headers. */
enum mip_bpf_overhead {
	MIP_BPF_OVERHEAD_IPIP = 20,
	MIP_BPF_OVERHEAD_GRE = 24,
	MIP_BPF_OVERHEAD_MINIMAL = 12,
	MIP_BPF_OVERHEAD_UDP = 32,
};

enum mip_bpf_slot_state {
	MIP_BPF_SLOT_EMPTY, /* never used: no search goes further */
	MIP_BPF_SLOT_USED,
	MIP_BPF_SLOT_GONE, /* used once; searches go on */
};

enum {
	MIP_BPF_HAS_TUNNEL = 1,	    /* encapsulates */
	MIP_BPF_HAS_PEER = 2,	    /* decapsulates what comes from `remote`, by the same port */
	MIP_BPF_PEER_ANY_LOCAL = 4, /* … to whichever of our addresses */
	MIP_BPF_VISITED = 8,	    /* the end: the home address is the inner source on the way in */
	MIP_BPF_LED = 16, /* the host's routing leads packets for it to the tunnel, so a link's program may */
	MIP_BPF_FLAGS = 31,
	MIP_BPF_KIND_SHIFT = 5,
};

enum {
	MIP_BPF_PROBES = 32,
	MIP_BPF_FIRST_SLOTS = 1024,
	/* What stands in the map of addresses: whose they are. */
	MIP_BPF_OURS = 1,
	MIP_BPF_EVERYONES = 2, /* on a link of ours: the daemon knows who that is */
	MIP_BPF_OWN_ADDRESSES = 65536,
	MIP_BPF_COUNTER_SETS = 16,
	MIP_BPF_COUNTER_ROOM = 16,
};
#define MIP_BPF_HASH 0x9e3779b1 /* 2^32 divided by the golden ratio, odd */

/* Addresses and ports in network byte order, as they stand in packets. */
struct mip_bpf_slot {
	__u32 home;
	__u32 remote;
	__u32 local;
	__u16 remote_port;
	__u16 local_port;
	__u32 link;   /* 0: the routing decides */
	__u16 moment; /* when last_sent was looked at */
	__u8 state;
	__u8 kind_and_flags; /* enum mip_bpf_kind above MIP_BPF_KIND_SHIFT */
	__u32 last_sent;     /* CLOCK_BOOTTIME in seconds */
	__u32 sum;	     /* mip_bpf_sum() */
	__u64 packets_to, bytes_to;
	__u64 packets_from, bytes_from;
};

enum mip_bpf_counter {
	MIP_BPF_ENCAPSULATED,
	MIP_BPF_DECAPSULATED,
	MIP_BPF_LEFT_SIZE,
	MIP_BPF_LEFT_ROUTE,
	MIP_BPF_LEFT_ENCAPSULATION,
	MIP_BPF_LEFT_DECAPSULATION,
	MIP_BPF_DROPPED,
	MIP_BPF_COUNTERS,
};

/* The programs' settings. */
struct mip_bpf_settings {
	__u32 tunnel; /* index of mip0 */
	__u32 mask;   /* slots less one */
	/* Home addresses lie between these, in host byte order: most packets are not for a node. first > last:
	 * there are none. */
	__u32 first, last;
	__u16 udp_port; /* of the daemon's socket, network byte order; 0: none */
	__u16 clamp_mss;
	__u32 mtu;	  /* of inner packets */
	__u32 generation; /* another number whenever the daemon has changed something */
	__u32 trial;	  /* the daemon tries the programs: see bpf_trial.c */
};

/* Two cache lines, which processors do not take from each other all the time. (By its size: clang 14 and
 * libbpf do not agree on the section of a variable that is aligned.) */
struct mip_bpf_counters {
	__u64 values[MIP_BPF_COUNTER_ROOM];
};

/* At the beginning of a page. */
struct mip_bpf_shared {
	struct mip_bpf_counters counters[MIP_BPF_COUNTER_SETS]; /* by processor */
	struct mip_bpf_settings settings;
};

/* Of an address in network byte order. Home networks are dense at one end and empty at the other, or an
 * address in each of many: every bit counts everywhere. */
static inline __u32 mip_bpf_hash(__u32 home)
{
	home ^= home >> 16;
	home *= (__u32)MIP_BPF_HASH;
	home ^= home >> 15;
	home *= (__u32)MIP_BPF_HASH;
	return home ^ home >> 16;
}

/* Of all fields but the counts. */
static inline __u32 mip_bpf_sum(const struct mip_bpf_slot *slot)
{
	__u32 sum = slot->home;

	sum = sum * (__u32)MIP_BPF_HASH ^ slot->remote;
	sum = sum * (__u32)MIP_BPF_HASH ^ slot->local;
	sum = sum * (__u32)MIP_BPF_HASH ^ ((__u32)slot->remote_port << 16 | slot->local_port);
	sum = sum * (__u32)MIP_BPF_HASH ^ slot->link;
	return sum * (__u32)MIP_BPF_HASH ^ ((__u32)slot->state << 8 | slot->kind_and_flags);
}

/* The slot of the nth attempt, before the mask. */
static inline __u32 mip_bpf_probe(__u32 hash, __u32 attempt)
{
	return hash + attempt * (attempt + 1) / 2;
}

#endif

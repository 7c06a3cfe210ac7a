/*
 * The kernel accelerator from the inside: what its files share.
 *
 *   plane_kernel.c    what the front asks for: tunnels, peers, translation; made, looked after, freed
 *   kernel_socket.c   netlink requests, by themselves and in batches
 *   kernel_device.c   the devices mip0-ipip and mip0-gre and what is at their ingress
 *   kernel_nexthop.c  nexthop objects, and routes to them
 *   kernel_way.c      which nexthop a tunnel has: one for all tunnels with the same ends
 *   kernel_watch.c    hears of nexthops that somebody removes
 *   kernel_filter.c   the nftables table: its chains and rules, and what it counted
 *   kernel_elements.c what of the tunnels and peers is in its sets, and what was counted there
 *   kernel_steer.c    likewise of what the devices cannot do, which is steered to the user plane
 *   kernel_set.c      elements as messages
 *
 * A packet into a tunnel and one out of it:
 *
 *   route ──nhid N──> nexthop N: encap ip src LOCAL dst REMOTE, dev mip0-ipip
 *                        └─> mip0-ipip ──> outer packet ──> nft output (counts, loops, DF and ECN) ──> network
 *
 *   network ──> nft input: does the inner packet belong to the outer one? then the mark, and it is counted
 *                 └─> mip0-ipip ──> tc ingress: with the mark: mark off, and in to the host as from mip0
 *                                   without: nft drops it at the device
 *
 *   network ──> nft input: of a peer, but to a group or to everyone; or a visitor's own tunnel: then the mark and
 *                 └─> a protocol of the user plane's, whose socket has it (user.h): never to mip0-ipip
 *
 * So all that the machines and an administrator set up for mip0 is good for what comes out of the tunnels by
 * mip0-ipip too. The check stands where the outer packet is whole again and its addresses are to be seen; it
 * only marks, so that other tunnel devices of this host get what is theirs.
 */
#ifndef MIP_PLANE_KERNEL_H
#define MIP_PLANE_KERNEL_H

#include <uthash.h>

#include "accelerator.h"
#include "kernel_socket.h"

/* The two devices. */
enum mip_kernel_device_kind {
	MIP_KERNEL_IPIP,
	MIP_KERNEL_GRE,
	MIP_KERNEL_DEVICES,
};

struct mip_kernel_device {
	mip_link link; /* 0: there is none */
	char name[MIP_LINK_NAME];
};

enum {
	/* The bit of a packet's mark by which a packet that passed the check is known at the ingress of the
	 * device; it is set and taken off in between. */
	MIP_KERNEL_MARK = MIP_USER_STEERED_MARK,
	MIP_KERNEL_TABLE_NAME = MIP_LINK_NAME + 8,
};

/* The sets of the nftables table. "Any" are those of peers that may come to each of our addresses. At the home
 * end a peer is in those of the encapsulations that were negotiated (rfc3024-4.3.2-3). */
enum mip_kernel_set {
	MIP_KERNEL_HOME_PEERS,	   /* outer source, outer destination, home address */
	MIP_KERNEL_HOME_PEERS_GRE, /* likewise */
	MIP_KERNEL_VISITED_PEERS,
	MIP_KERNEL_HOME_PEERS_ANY, /* outer source, home address */
	MIP_KERNEL_HOME_PEERS_GRE_ANY,
	MIP_KERNEL_VISITED_PEERS_ANY,
	MIP_KERNEL_HOMES,     /* home address, at its home agent: where packets of the devices go */
	MIP_KERNEL_VISITORS,  /* home address, away: where packets of the devices come from */
	MIP_KERNEL_LOOPS,     /* tunnel exit, twice: outer destination and inner source that must not meet */
	MIP_KERNEL_FROM_HOME, /* home address, twice: of nodes that send by tunnels from it */
	MIP_KERNEL_GROUP_AGENTS, /* outer source: home agents that send packets to groups */
	MIP_KERNEL_SETS,
	MIP_KERNEL_NO_SET = MIP_KERNEL_SETS,
};

/* An element: as many addresses as the set's kind has, the others 0. */
struct mip_kernel_element {
	enum mip_kernel_set set;
	struct mip_address addresses[3];
};

/* What the devices count, and named counters of the tables; kernel_filter.c has their names. */
enum mip_kernel_counter {
	MIP_KERNEL_PACKETS_OUT,
	MIP_KERNEL_PACKETS_IN,
	MIP_KERNEL_DROP_NO_PEER,
	MIP_KERNEL_DROP_LOOP,
	MIP_KERNEL_DROP_TTL,
	MIP_KERNEL_COUNTERS,
};

/* What makes two tunnels' packets go the same way. With the link of mip0 the rest is 0. */
struct mip_kernel_nexthop_key {
	struct mip_address local, remote;
	mip_link link;
};

/* A nexthop object, of all tunnels that have the same ends. A visitor's tunnel has a routing table of the same number that
 * leads there. */
struct mip_kernel_nexthop {
	struct mip_kernel_nexthop_key key;
	uint32_t id;
	unsigned tunnels;
	bool has_table;
	UT_hash_handle hh;
	UT_hash_handle hh_id;
};

/* A tunnel as it was told, and what of it is in the kernel. */
struct mip_kernel_tunnel {
	struct mip_plane_home_key key;
	struct mip_want_tunnel tunnel;
	bool copied; /* it has copies, which the user plane makes (simultaneous bindings): it leads to mip0 */
	struct mip_kernel_nexthop *nexthop; /* NULL: not yet */
	bool present;
	bool has_count;		 /* the element that counts what goes in … */
	size_t count_overhead;	 /* … and the octets of outer headers that it counts with each */
	bool by_source;		 /* a route is led here by its source: it may stay when the tunnel goes */
	struct mip_address exit; /* that is counted in `exits` for it; none: none is */
	struct mip_kernel_tunnel *next, *prev; /* in the queue */
	bool queued;
	UT_hash_handle hh;
};

struct mip_kernel_peer_key {
	struct mip_address home_address;
	struct mip_address remote;
	struct mip_address local;
	uint32_t end;
};

struct mip_kernel_peer {
	struct mip_kernel_peer_key key;
	bool present;
	bool made[MIP_KERNEL_DEVICES]; /* by encapsulation; at the visited end the first stands for both */
	bool queued;
	struct mip_kernel_peer *next, *prev;
	UT_hash_handle hh;
};

/* Where tunnels of the home end lead to, each once however many nodes are there: an element of
 * MIP_KERNEL_LOOPS. */
struct mip_kernel_exit {
	struct mip_address address;
	unsigned tunnels;
	UT_hash_handle hh;
};

/* An element of MIP_KERNEL_FROM_HOME or MIP_KERNEL_GROUP_AGENTS, that is there or is looked at with the next commit. */
struct mip_kernel_steering_key {
	uint32_t set;
	struct mip_address address;
};

struct mip_kernel_steering {
	struct mip_kernel_steering_key key;
	bool made;
	bool queued;
	struct mip_kernel_steering *next, *prev;
	UT_hash_handle hh;
};

/* A nexthop that nothing leads to any more, and its table. */
struct mip_kernel_retired {
	uint32_t id;
	bool has_table;
};

struct mip_kernel_identifiers {
	uint32_t base; /* the daemon's own range begins after it */
	uint32_t next;
	uint32_t *free;
	size_t free_count, free_size;
	struct mip_kernel_retired *retired;
	size_t retired_count, retired_size;
};

struct mip_kernel_elements;

struct mip_kernel {
	struct mip_accelerator accelerator; /* first */
	struct mip_user *user;
	uint8_t protocol;
	struct mip_kernel_socket *route;  /* NETLINK_ROUTE */
	struct mip_kernel_socket *filter; /* NETLINK_NETFILTER */
	int watch_descriptor;		  /* kernel_watch.c */
	struct mip_kernel_device devices[MIP_KERNEL_DEVICES];
	char table[MIP_KERNEL_TABLE_NAME];
	bool has_table;
	uint32_t host_filters;		     /* net.ipv4.conf.all.rp_filter */
	bool has_silenced;		     /* the user plane's raw sockets take no packets */
	bool everyones_changed;		     /* the rules name other addresses than the user plane */
	uint32_t generation;		     /* of all nftables rules, when they were last looked at */
	unsigned rules;			     /* in our table; 0: not counted yet */
	uint32_t used_sets;		     /* a bit for each set into which rules look */
	struct mip_plane_home_key looked_at; /* the tunnel that was looked at last */
	struct mip_kernel_peer_key looked_at_peer;
	struct mip_kernel_steering_key looked_at_steering;
	struct mip_kernel_identifiers identifiers;
	struct mip_kernel_nexthop *nexthops, *nexthops_by_id;
	struct mip_address *moved; /* home addresses whose route is to lead to another nexthop */
	size_t moved_count, moved_size;
	struct mip_kernel_tunnel *tunnels, *tunnel_queue;
	struct mip_kernel_peer *peers, *peer_queue;
	struct mip_kernel_exit *exits;
	struct mip_kernel_steering *steerings, *steering_queue;
	struct mip_address *missed; /* sources of routes for which there was no tunnel */
	size_t missed_count, missed_size;
	bool translation_changed; /* for a route that is led by its source */
	int error;		  /* while told of things: no memory */
	uint64_t counters[MIP_KERNEL_COUNTERS];
};

/* --- plane_kernel.c: what was told; NULL: it was not --- */

struct mip_kernel_tunnel *mip_kernel_find_tunnel(
	const struct mip_kernel *kernel, struct mip_address home_address, enum mip_tunnel_end end);
struct mip_kernel_peer *mip_kernel_find_peer(
	const struct mip_kernel *kernel, const struct mip_kernel_peer_key *key);
struct mip_kernel_peer_key mip_kernel_peer_key_of(const struct mip_plane_peer *peer);

/* --- kernel_device.c: 0, or negative errno with the reason in words --- */

/* Makes the ipip device, and the gre device if there can be one, with what is at their ingress, and raises
 * them. */
int mip_kernel_devices_make(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON]);
void mip_kernel_devices_remove(struct mip_kernel *kernel);
/* Those of a killed predecessor, known by their names and aliases. */
bool mip_kernel_devices_are_left(struct mip_kernel *kernel);
void mip_kernel_devices_sweep(struct mip_kernel *kernel);
int mip_kernel_devices_check(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON]);
/* Reads into kernel->counters what went in and came out of the devices. After mip_kernel_filter_count(), for what
 * belonged to no tunnel came out too. */
void mip_kernel_devices_count(struct mip_kernel *kernel);
/* net.ipv4.conf.all.rp_filter as it is now; 0 if that is not known. */
uint32_t mip_kernel_host_filters(struct mip_kernel *kernel);
/* The device whose tunnels are of this encapsulation, NULL: there is none. */
const struct mip_kernel_device *mip_kernel_device_of(
	const struct mip_kernel *kernel, enum mip_encapsulation encapsulation);

/* --- kernel_nexthop.c: 0 or negative errno --- */

/* Whether the kernel has nexthop objects and takes tunnels in them. */
int mip_kernel_nexthop_try(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON]);
/* Puts a nexthop in place, into the batch. */
void mip_kernel_nexthop_put(struct mip_kernel *kernel, uint32_t id, const struct mip_kernel_nexthop_key *key);
void mip_kernel_nexthop_remove(struct mip_kernel *kernel, uint32_t id);
/* A default route to the nexthop in the table with its number. */
void mip_kernel_table_put(struct mip_kernel *kernel, uint32_t id);
void mip_kernel_table_remove(struct mip_kernel *kernel, uint32_t id);
/* 0: it is there. */
int mip_kernel_nexthop_look(struct mip_kernel *kernel, uint32_t id);
/* Removes what carries our mark: routes to nexthops first, for a nexthop that takes routes along costs a walk
 * through all of them. */
int mip_kernel_nexthop_sweep(struct mip_kernel_socket *route, uint8_t protocol);

/* --- kernel_way.c --- */

/* The nexthop that the tunnel is to have, made if there is none yet, into the batch; what it had is retired when no other
 * tunnel has it. 0, or negative errno. */
int mip_kernel_way_take(struct mip_kernel *kernel, struct mip_kernel_tunnel *tunnel);
/* The tunnel goes. */
int mip_kernel_way_leave(struct mip_kernel *kernel, struct mip_kernel_tunnel *tunnel);
/* Removes the nexthops that were retired before: the routes to them have gone meanwhile, and one that had to take routes
 * along would cost a walk through all of them. What somebody else has removed is no loss. */
void mip_kernel_ways_bury(struct mip_kernel *kernel);
/* At the end: all. */
void mip_kernel_ways_forget(struct mip_kernel *kernel);

/* --- kernel_watch.c: 0 or negative errno --- */

int mip_kernel_watch_begin(struct mip_kernel *kernel);
void mip_kernel_watch_end(struct mip_kernel *kernel);
/* -ENOENT: a nexthop was removed since the last check, by somebody else. */
int mip_kernel_watch_check(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON]);

/* --- kernel_filter.c --- */

/* The names of sets in the table, by enum mip_kernel_set. */
const char *mip_kernel_set_name(enum mip_kernel_set set);
unsigned mip_kernel_set_width(enum mip_kernel_set set); /* addresses in an element */
int mip_kernel_filter_make(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON]);
void mip_kernel_filter_remove(struct mip_kernel *kernel);
/* Has the rules look into these sets too (a bit for each), when there are elements in them, and for addresses that are
 * everyone's. 0 or negative errno. */
int mip_kernel_filter_use(struct mip_kernel *kernel, uint32_t used);
int mip_kernel_filter_clamp(struct mip_kernel *kernel, bool clamp_mss);
int mip_kernel_filter_check(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON]);
/* Reads the named counters into kernel->counters. */
int mip_kernel_filter_count(struct mip_kernel *kernel);
struct mip_counter_table mip_kernel_filter_counters(const struct mip_kernel *kernel);

/* --- kernel_elements.c --- */

/* Whether one of the devices makes this tunnel. */
bool mip_kernel_is_taken(const struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel);
/* Makes the sets as the queued tunnels and peers want them. 0 or negative errno. */
int mip_kernel_elements_commit(struct mip_kernel *kernel);
/* Whether somebody has removed it. */
bool mip_kernel_element_is_gone(struct mip_kernel *kernel, const struct mip_kernel_element *element);
/* Looks whether elements of this tunnel (NULL: of none) and of the next peer are still there. The set of one that
 * somebody has removed, or MIP_KERNEL_NO_SET. */
enum mip_kernel_set mip_kernel_elements_look(
	struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel);
/* Adds what the elements of a home address counted. */
void mip_kernel_traffic_add(
	struct mip_kernel *kernel, const struct mip_plane_home *home, struct mip_plane_traffic *traffic);
/* At the end: what all counted goes to the user plane's table. */
void mip_kernel_traffic_keep(struct mip_kernel *kernel);
void mip_kernel_exits_forget(struct mip_kernel *kernel);

/* --- kernel_steer.c --- */

/* What a GROUPS or RELAY item says has changed in the user plane's tables. */
void mip_kernel_steer(struct mip_kernel *kernel, const struct mip_want *want);
/* What is to change of it, for a commit. */
void mip_kernel_steer_commit(struct mip_kernel *kernel, struct mip_kernel_elements *elements);
/* As mip_kernel_elements_look(), at the next of these. */
enum mip_kernel_set mip_kernel_steer_look(struct mip_kernel *kernel);
void mip_kernel_steerings_forget(struct mip_kernel *kernel);

/* --- kernel_set.c --- */

/* Elements gathered, sent by mip_kernel_elements_send() in their order. 0 or negative errno. */
struct mip_kernel_elements {
	struct mip_kernel *kernel;
	enum mip_kernel_set set; /* of the message that is under way */
	bool removal;
	uint32_t used;	      /* a bit for each set that gets elements */
	size_t message, list; /* where they begin */
	unsigned count;
	int error;
};
struct mip_kernel_elements mip_kernel_elements_begin(struct mip_kernel *kernel);
void mip_kernel_elements_add(
	struct mip_kernel_elements *elements, const struct mip_kernel_element *element, bool removal);
int mip_kernel_elements_send(struct mip_kernel_elements *elements);

struct mip_kernel_count {
	uint64_t packets, bytes;
};
/* What an element counted, 0 where it does not count. 0, -ENOENT. */
int mip_kernel_element_count(struct mip_kernel *kernel, const struct mip_kernel_element *element,
	struct mip_kernel_count *ret_count);
typedef void mip_kernel_element_function(
	void *context, const struct mip_kernel_element *element, const struct mip_kernel_count *count);
/* All elements of a set. 0 or negative errno. */
int mip_kernel_elements_list(struct mip_kernel *kernel, enum mip_kernel_set set,
	mip_kernel_element_function *function, void *context);

#endif

/*
 * The user plane from the inside: what its files share.
 *
 *   plane_user.c        made, told, serviced, freed
 *   user_tun.c          the device
 *   user_encapsulate.c  mip0 → look-up → pieces ─┐
 *   user_send.c         pieces → batches → sockets
 *   user_decapsulate.c  sockets → checks → user_coalesce.c → mip0
 *   user_group.c        what goes to groups and to everyone; what visitors send in tunnels of their own
 *   user_visitor.c      visitors with one home address: their links' sockets in place of mip0
 *   user_icmp.c         errors to the senders of inner packets; the MTU of outer paths
 *   user_segment.c, user_coalesce.c, inner.c, outer.c   pure functions on packets
 */
#ifndef MIP_PLANE_USER_H
#define MIP_PLANE_USER_H

#include "plane.h"
#include "plane_table.h"
#include "rate.h"
#include "user_coalesce.h"
#include "user_segment.h"
#include "user_send.h"
#include "user_tun.h"

enum mip_user_counter {
	MIP_USER_PACKETS_OUT,
	MIP_USER_PACKETS_IN,
	MIP_USER_COPIES_OUT,
	MIP_USER_GROUPS_IN,
	MIP_USER_RELAYED,
	MIP_USER_VISITORS_OUT,
	MIP_USER_VISITORS_IN,
	MIP_USER_FRAGMENTED,
	MIP_USER_ICMP_SENT,
	MIP_USER_ICMP_WITHHELD,
	MIP_USER_DROP_NO_TUNNEL,
	MIP_USER_DROP_NO_PEER,
	MIP_USER_DROP_SPOOFED,
	MIP_USER_DROP_MALFORMED,
	MIP_USER_DROP_NEXT_HEADER,
	MIP_USER_DROP_BROADCAST,
	MIP_USER_DROP_LOOP,
	MIP_USER_DROP_TTL,
	MIP_USER_DROP_CONGESTION_MARK,
	MIP_USER_DROP_TOO_BIG,
	MIP_USER_DROP_SEND,
	MIP_USER_DROP_BUSY,
	MIP_USER_DROP_DEVICE,
	MIP_USER_DROP_ICMP_LIMIT,
	MIP_USER_COUNTERS,
};

/* How fast packets came by the raw sockets when they were last looked at. */
struct mip_user_pace {
	mip_time turn;
	unsigned packets;
};

/* Entries of the tables in user_group.c. */
struct mip_user_groups_key {
	struct mip_address home_address;
	uint32_t end; /* enum mip_tunnel_end */
	struct mip_address remote;
	uint32_t remote_port;
};

struct mip_user_groups {
	struct mip_user_groups_key key;
	struct mip_address local;
	struct mip_user_groups *next, *previous; /* of the VISITED end, which are few */
	UT_hash_handle hh;
};

struct mip_user_relay {
	struct mip_address home_address;
	struct mip_address local;
	mip_link link;
	enum mip_encapsulation encapsulation;
	UT_hash_handle hh;
};

struct mip_user_broadcast {
	struct mip_address address;
	UT_hash_handle hh;
};

/*
 * A visitor that is told apart (user_visitor.c): by its tunnel's other end when packets come for it (RFC 3024 A.2), by its
 * place when they come from it (A.3).
 */
struct mip_user_visitor_key {
	struct mip_address home_address;
	struct mip_address remote;
	uint32_t remote_port;
};

struct mip_user_visitor_place {
	struct mip_address home_address;
	mip_link link;
	uint8_t link_address[MIP_ETHERNET_ADDRESS];
	uint8_t nothing[2]; /* zero, so that no octet of the key is padding */
};

struct mip_user_visitor {
	struct mip_user_visitor_key key;
	struct mip_user_visitor_place place;
	struct mip_want_visitor want;
	struct mip_plane_home home; /* its tunnel, and what it carries */
	struct mip_user_visited *visited;
	UT_hash_handle hh;
	UT_hash_handle hh_place;
};

/* The encapsulations that are protocols of IP are the first ones. */
enum {
	MIP_USER_RAWS = MIP_ENCAPSULATION_MINIMAL + 1,
	/* Those that a device of the kernel's may carry. */
	MIP_USER_STEERED = MIP_ENCAPSULATION_GRE + 1,
};

/*
 * What such a device cannot do, packets to groups and visitors' own tunnels, is steered past it to the user plane: within
 * this host, before the sockets, an outer packet gets another protocol (of RFC 3692, for the use of whoever has agreed
 * on it), in the order of the encapsulations, and this bit of its mark. Without the mark such a packet is from somebody else.
 * What the user plane sends meanwhile has the bit too, and is neither counted nor changed by the accelerator, which takes it
 * off.
 */
enum {
	MIP_USER_STEERED_PROTOCOL = 253,
	MIP_USER_STEERED_MARK = 0x40000000,
};

struct mip_user {
	struct mip_plane_options options; /* `device` is its own copy */
	char device[MIP_LINK_NAME];
	struct mip_plane_table table;
	struct mip_user_tun tun;
	bool adopting; /* a predecessor's device carries packets by what hangs there, until all is known */
	bool leaves;   /* what is in the kernel stays for a successor */
	/* Whether an address is this host's own; the plane's front knows. May be NULL: none is. */
	bool (*is_own)(const void *context, struct mip_address address);
	const void *own_context;
	/* By encapsulation. Each hears its protocol and the errors about it, or is silent. */
	int raw_descriptors[MIP_USER_RAWS];
	bool is_silent[MIP_USER_RAWS]; /* a device of the kernel's carries it */
	int steered_descriptors[MIP_USER_STEERED];
	int sending_descriptor; /* outer packets */
	int icmp_descriptor;	/* sends errors, and hears those about what the silent ones hear else */
	struct mip_user_sender *raw_sender;
	struct mip_user_sender *udp_sender; /* NULL without a UDP socket */
	struct mip_coalescer coalescer;
	struct mip_coalescer relay_coalescer; /* what goes on into a tunnel */
	struct mip_user_groups *groups;
	struct mip_user_groups *visited_groups; /* of these, those of the VISITED end */
	struct mip_user_relay *relays;
	struct mip_user_broadcast *broadcasts;
	struct mip_user_visitor *visitors;
	struct mip_user_visitor *visitors_by_place;
	struct mip_user_visited *visited; /* the links where they are */
	struct mip_user_visits *visits; /* what it takes to carry their packets; NULL: there were none yet */
	int visit_descriptor;		/* ready when a socket of theirs is */
	struct mip_user_receiver *receiver;
	struct mip_user_pace pace;
	uint8_t *arena;		    /* packets read from mip0, until they are sent */
	uint8_t *scratch;	    /* one packet that has to be changed */
	struct mip_rate icmp_limit; /* what leaves by itself, errors to senders, is limited … */
	uint32_t icmp_rate;	    /* … to so many a second; 0: 100 */
	struct mip_log_limit refusal_limit;
	mip_time now; /* CLOCK_BOOTTIME at the beginning of this turn */
	bool lost;    /* the device has been taken away */
	uint64_t counters[MIP_USER_COUNTERS];
};

enum {
	/* The arena takes packets until less than one of the largest fits. */
	MIP_USER_ARENA = 4 * 65536 + MIP_INNER_MAX,
};

enum {
	/* Codes of ICMP type 3. */
	MIP_ICMP_NETWORK_UNREACHABLE = 0,
	MIP_ICMP_HOST_UNREACHABLE = 1,
	MIP_ICMP_PORT_UNREACHABLE = 3,
	MIP_ICMP_FRAGMENTATION_NEEDED = 4,
	MIP_ICMP_SOURCE_ROUTE_FAILED = 5,
};

/* Makes and raises the device; as mip_plane_new(). */
int mip_user_new(
	const struct mip_plane_options *options, struct mip_user **ret_user, const char **ret_reason);
void mip_user_free(struct mip_user *user);
/* Makes the device again after somebody has deleted it. 0 or negative errno. */
int mip_user_renew_device(struct mip_user *user, const char **ret_reason);

/* Each does what the function of plane.h with its name says. */
int mip_user_want(struct mip_user *user, const struct mip_want *want);
int mip_user_unwant(struct mip_user *user, const struct mip_want *want);
size_t mip_user_descriptors(const struct mip_user *user, int *descriptors, size_t size);
void mip_user_service(struct mip_user *user, int descriptor);
void mip_user_udp_input(struct mip_user *user, const struct mip_input_datagram *datagram);
void mip_user_udp_error(struct mip_user *user, const struct mip_input_icmp_error *error);
void mip_user_batch_end(struct mip_user *user);
struct mip_counter_table mip_user_counters(const struct mip_user *user);

/* Whether the raw socket of an encapsulation takes packets out of tunnels, or leaves that to a device of the kernel's and
 * to who steers past it what that cannot do. The errors about its packets are heard in any case. */
int mip_user_set_receiving(struct mip_user *user, enum mip_encapsulation encapsulation, bool receiving);

void mip_user_clock(struct mip_user *user);
/* The MTU of the outer path, believed for a second, less what this encapsulation puts around an inner packet;
 * SIZE_MAX when there is no path: the attempt to send will tell. */
size_t mip_user_inner_mtu(
	struct mip_user *user, struct mip_plane_home *home, enum mip_encapsulation encapsulation);
/* options.clamp_mss: the maximum segment size that a packet may announce, the tunnel being the one of `home`.
 * False: any. */
bool mip_user_mss(struct mip_user *user, struct mip_plane_home *home, uint16_t *ret_most);

/* user_encapsulate.c: takes what mip0 has, up to a bound. */
void mip_user_encapsulate(struct mip_user *user);
/* One packet that is to go into the tunnel of this home, whole or large, and leaves at once. It may be changed, and
 * must not be in the scratch. */
void mip_user_send_into(struct mip_user *user, struct mip_plane_home *home, uint8_t *octets, size_t length,
	const struct mip_offload *offload);
/* The same, a whole packet into this one of the tunnels of a home, and into no copy. */
void mip_user_send_by(
	struct mip_user *user, struct mip_plane_home *way, const uint8_t *octets, size_t length);

/* user_decapsulate.c */
int mip_user_receiver_new(struct mip_user_receiver **ret_receiver);
void mip_user_receiver_free(struct mip_user_receiver *receiver);
/* Takes what a raw socket has, up to a bound. `steered`: the protocol that its packets had; 0: they were not steered. */
void mip_user_receive(struct mip_user *user, int descriptor, uint8_t steered);
/* One packet out of a tunnel. `arrival` without its inner addresses. */
void mip_user_decapsulate(struct mip_user *user, struct mip_plane_arrival *arrival, uint8_t outer_tos,
	const uint8_t *octets, size_t length);
mip_coalesce_emit mip_user_deliver;

/* user_group.c */
int mip_user_group_want(struct mip_user *user, const struct mip_want *want);
void mip_user_group_unwant(struct mip_user *user, const struct mip_want *want);
void mip_user_group_clear(struct mip_user *user);
/* Whether a node may send by tunnels from its home address, outside too: a RELAY, or GROUPS of the HOME end. */
bool mip_user_sends_from_home(const struct mip_user *user, struct mip_address home_address);
/* Whether there are GROUPS of the VISITED end, of IP's own protocols, from there. */
bool mip_user_hears_groups(const struct mip_user *user, struct mip_address remote);
/* A multicast group, everyone, or an address that is everyone's on a link. */
bool mip_user_is_group(const struct mip_user *user, struct mip_address address);
/* The tunnel for what a node sends to groups and to everyone; NULL: there is none. */
struct mip_plane_home *mip_user_group_tunnel(const struct mip_user *user, struct mip_address source);
/* A packet to a group that came out of a tunnel: whether it is from where it may be. 0 with the home whose it is (NULL: not
 * known by a tunnel), and its end; -ENOENT, -EACCES: it is not (as mip_plane_table_admit()); -ELOOP: it is this host's own. */
int mip_user_admit_group(struct mip_user *user, const struct mip_plane_arrival *arrival,
	struct mip_address source, struct mip_plane_home **ret_home, enum mip_tunnel_end *ret_end);
/* Whether the packet is a visitor's own in the Encapsulating Delivery Style, by a way that it may come. 0 with the tunnel
 * that it goes into; -ENOENT: it is something else; -EACCES: it says so, and is not. */
int mip_user_admit_relay(struct mip_user *user, const struct mip_plane_arrival *arrival,
	struct mip_address source, struct mip_plane_home **ret_home);
mip_coalesce_emit mip_user_relay;
/* Finishes the transport checksum of a packet that has left it to a card. */
void mip_user_complete_checksum(uint8_t *packet, const struct mip_inner *inner);
int mip_user_copy(
	struct mip_user *user, const struct mip_output_copy *copy, const uint8_t *packet, size_t length);

/* Of the tunnel device: what an inner packet may have. */
uint32_t mip_user_mtu(const struct mip_user *user);

/* user_visitor.c */
int mip_user_visitor_want(struct mip_user *user, const struct mip_want_visitor *want);
void mip_user_visitor_unwant(struct mip_user *user, const struct mip_want_visitor *want);
void mip_user_visitor_clear(struct mip_user *user);
/* NULL: it is none that is told apart. */
struct mip_user_visitor *mip_user_visitor_find(const struct mip_user *user, struct mip_address home_address,
	struct mip_address remote, uint16_t remote_port);
/* Whether a packet in a tunnel is such a visitor's own (RFC 3024 5.2), which is taken off its link and not here. */
bool mip_user_is_visitors_own(
	const struct mip_user *user, const struct mip_plane_arrival *arrival, struct mip_address source);
/* A packet out of its tunnel, which is to go to it; leaves at the latest with the flush. */
void mip_user_visitor_deliver(
	struct mip_user *user, struct mip_user_visitor *visitor, const struct mip_inner *inner);
void mip_user_visitor_flush(struct mip_user *user);
/* A packet of this host's own to it: an IP packet that is whole. 0 or negative errno. */
int mip_user_visitor_tell(
	struct mip_user *user, struct mip_user_visitor *visitor, const uint8_t *packet, size_t length);
/* Takes what the links have. */
void mip_user_visitor_receive(struct mip_user *user);

/* user_icmp.c */
/* The MTU of the outer path, from the kernel; 0 when there is no path. */
uint32_t mip_user_path_mtu(const struct mip_want_tunnel *tunnel);
/* The inner packet (or as much of it as there is) could not go on: tells its sender, if one may (RFC 1122
 * 3.2.2) and not too often. `mtu` for fragmentation needed, otherwise 0. */
void mip_user_send_error(struct mip_user *user, const struct mip_plane_home *home, uint8_t code, uint32_t mtu,
	const uint8_t *inner, size_t length);
/* Likewise that its TTL has come to an end here. */
void mip_user_send_time_exceeded(
	struct mip_user *user, const struct mip_plane_home *home, const uint8_t *inner, size_t length);
/* An ICMP error from within a tunnel: `octets` is what it quotes of the inner packet. */
struct mip_user_error {
	struct mip_address remote; /* where the outer packet went */
	uint8_t type;
	uint8_t code;
	uint32_t mtu; /* 0: not known */
	enum mip_encapsulation encapsulation;
	const uint8_t *octets;
	size_t length;
};
void mip_user_relay_error(struct mip_user *user, const struct mip_user_error *error);
/* Takes the errors that a raw socket has. */
void mip_user_receive_errors(struct mip_user *user, int descriptor);
/* Takes those that the ICMP socket has about packets whose raw socket is silent. */
void mip_user_receive_icmp(struct mip_user *user);

#endif

/*
 * The data plane: what carries packets between the tunnel device mip0 and the networks. One header, several
 * planes behind it; a machine never knows which one runs.
 *
 *      routes lead here                                          IP-in-IP, GRE, minimal: raw sockets
 *   host stack ──> mip0 ──> look-up by home address ──> outer header ──> network
 *   host stack <── mip0 <── check inner against outer  <── outer header off <── network
 *                                                                 UDP: the registration socket, RFC 3519
 *
 * The user plane does all of that, and is always there. The others are accelerators in front of it, which
 * take what they can and leave the rest to it:
 *
 *   user     the daemon itself, by mip0 (a TUN device) and sockets
 *   bpf      programs at the links that do the same in the kernel; what they do not take goes on to mip0
 *   kernel   the kernel's own ipip and gre devices, which the routes lead to instead of mip0; a UDP tunnel
 *            goes by mip0
 *
 * So an accelerator can come and go while the plane lives, and nothing is lost: mip_plane_switch(). One that
 * fails is noticed within half a second, said, and made again or replaced: mip_plane_advance().
 *
 * Rules that hold in every plane: a packet from mip0 without a tunnel, or from the network without a peer
 * that fits, is counted and dropped; RFC 2003 3.1 outer header; no packet whose inner source is the tunnel's
 * exit (RFC 2003 3.2), and none for a home address that is one of the tunnel's own ends.
 */
#ifndef MIP_PLANE_PLANE_H
#define MIP_PLANE_PLANE_H

#include "counter.h"
#include "input.h"
#include "log.h"
#include "name.h"
#include "output.h"
#include "want.h"

struct mip_plane;

enum mip_plane_kind {
	MIP_PLANE_AUTO,
	MIP_PLANE_KERNEL,
	MIP_PLANE_BPF,
	MIP_PLANE_USER,
};
extern const struct mip_name mip_plane_names[]; /* "auto", "kernel", "bpf", "user" */

struct mip_plane_options {
	enum mip_plane_kind kind;
	const char *device;	   /* "mip0" */
	uint32_t mtu;		   /* of the tunnel device, thus of inner packets; 0: MIP_TUNNEL_MTU */
	uint8_t protocol;	   /* the mark of what it puts into the routing, as the reconciler's */
	const struct mip_log *log; /* for what happens while it runs */
	/* The UDP socket through which MIP_ENCAPSULATION_UDP packets leave; it stays the caller's, outside of
	 * calls with its options as they were. -1: none. */
	int udp_descriptor;
	/* The maximum segment size in TCP's SYN packets is lowered to what the tunnel takes. */
	bool clamp_mss;
	/* The device, and with the bpf plane all that carries packets by it, stays when the process is killed, and
	 * the next one takes it over. */
	bool stays;
	/* Sees each decapsulated packet of the ICMP protocol (keep-alive answers); true: it was for the
	 * machine, not for mip0. May be NULL. */
	bool (*inspect)(void *context, const uint8_t *packet, size_t length);
	/* A packet to a group or to everyone that a mobile node has sent through its tunnel to here, its HOME end, from the
	 * IP header on. False: nobody wants it, and it is counted as dropped. May be NULL. */
	bool (*group)(void *context, struct mip_address home_address, const uint8_t *packet, size_t length);
	/* mip0 has been made anew (somebody had deleted it): mip_plane_link() and the descriptors are others. May
	 * be NULL. */
	void (*device_changed)(void *context);
	/* What mip_plane_translate() answers is different from before. May be NULL. */
	void (*translation_changed)(void *context);
	/* Likewise, but only for the route to this home address (a MIP_WANT_ROUTE of the main table without a metric), during
	 * mip_plane_commit(). NULL: translation_changed() is called. */
	void (*route_changed)(void *context, struct mip_address home_address);
	void *context;
};

/* Whether there is a predecessor's device, which goes on carrying packets as it was told until
 * mip_plane_end_adoption(): the routes to it may stay, and what it carries is to be told first. */
bool mip_plane_is_adopting(const struct mip_plane *plane);
void mip_plane_end_adoption(struct mip_plane *plane);
/* mip_plane_free() that leaves the kernel as it is, for a successor; what does not stay goes. */
void mip_plane_leave(struct mip_plane *plane);

enum {
	MIP_PLANE_REASON = 512, /* octets that hold any reason */
};

/* Makes and raises the device. A plane that is asked for by name and cannot be had here is refused with
 * -EOPNOTSUPP (or another negative errno) and the reason; "auto" takes the best that works: bpf, kernel,
 * user. */
int mip_plane_new(const struct mip_plane_options *options, struct mip_plane **ret_plane,
	char ret_reason[static MIP_PLANE_REASON]);
/* The device goes with it. */
void mip_plane_free(struct mip_plane *plane);

/* Goes over to another plane while packets flow; all tunnels and peers stay. On failure the plane is the one
 * before. */
int mip_plane_switch(
	struct mip_plane *plane, enum mip_plane_kind kind, char ret_reason[static MIP_PLANE_REASON]);

/* Another `clamp_mss` from now on. */
void mip_plane_set_clamp(struct mip_plane *plane, bool clamp_mss);
/* ICMP errors to senders a second from now on; 0: 100. (The kernel plane's are the kernel's.) */
void mip_plane_set_icmp_rate(struct mip_plane *plane, uint32_t icmp_rate);

/* Whether a plane knows visitors with one home address by their link addresses: VISITOR items. */
bool mip_plane_tells_apart(enum mip_plane_kind kind);
enum mip_plane_kind mip_plane_kind(const struct mip_plane *plane); /* the one that runs, never AUTO */
/* "bpf: as configured", "user: bpf: …; kernel: …" – for `status`. */
const char *mip_plane_reason(const struct mip_plane *plane);
mip_link mip_plane_link(const struct mip_plane *plane); /* the device's index */

/* Links of the host as they come, change and go: a plane may have programs on them. */
void mip_plane_follow(struct mip_plane *plane, const struct mip_input_link *link);

/* The host's own addresses likewise. */
void mip_plane_follow_address(struct mip_plane *plane, const struct mip_input_address *address);

/* When mip_plane_advance() is to be called next. */
mip_time mip_plane_deadline(const struct mip_plane *plane);
/* Looks after the device and what carries the packets, and mends what somebody else broke. */
void mip_plane_advance(struct mip_plane *plane, mip_time now);

/* TUNNEL, COPY, PEER, GROUPS, RELAY, VISITOR and BROADCAST items, and ROUTE items as well as the reconciler: a plane that takes
 * packets before the host's routing has them must know whether that would lead them to the tunnel. What they change is
 * so after mip_plane_commit(). 0; -ENOMEM; -EOPNOTSUPP (UDP without a UDP socket, a VISITOR in a plane that cannot tell
 * it from others); of a VISITOR also what its link's socket says (-ENODEV, -ENOTSUP: no Ethernet). */
int mip_plane_want(struct mip_plane *plane, const struct mip_want *want);
int mip_plane_unwant(struct mip_plane *plane, const struct mip_want *want);
void mip_plane_commit(struct mip_plane *plane);

/* What a ROUTE, RULE or SETTING item of a machine is in this plane: a route into the tunnel device may lead to a device
 * of the kernel's instead. Changes `want` in place; false: it stays as it is. */
bool mip_plane_translate(struct mip_plane *plane, struct mip_want *want);

/* The descriptors to wait on for reading; call mip_plane_service() when one is ready. Returns how many there
 * are; fills at most `size`. They change only with `device_changed`. */
size_t mip_plane_descriptors(const struct mip_plane *plane, int *descriptors, size_t size);
void mip_plane_service(struct mip_plane *plane, int descriptor);

/* A MIP Tunnel Data message (type 4) that the UDP socket received: `octets` from its type octet on, `tos`
 * with the outer header's ECN bits. What is gathered goes to mip0 at the latest with mip_plane_batch_end().
 */
void mip_plane_udp_input(struct mip_plane *plane, const struct mip_input_datagram *datagram);
void mip_plane_batch_end(struct mip_plane *plane);
/* An ICMP error about a MIP Tunnel Data message (type 4) of ours, that the UDP socket got. It is relayed to
 * the inner packet's sender as RFC 2003 4 says; messages of other types are not looked at. */
void mip_plane_udp_error(struct mip_plane *plane, const struct mip_input_icmp_error *error);

/* Sends a copy of a packet to a group or to everyone into the tunnel of a home address (RFC 5944 4.3). 0; -ENOENT: it
 * has none; -EBADMSG: it is no packet; what the network does not take is counted as any other. */
int mip_plane_copy(
	struct mip_plane *plane, const struct mip_output_copy *copy, const uint8_t *packet, size_t length);

/* Inner packets and octets of one home address. "to" is towards the mobile node, "from" is from it, at either
 * end. */
struct mip_plane_traffic {
	uint64_t packets_to, bytes_to;
	uint64_t packets_from, bytes_from;
	mip_time last_sent; /* CLOCK_BOOTTIME; 0: never. For keep-alives (RFC 3519 4.9) */
};
/* 0, or -ENOENT. Counts live as long as the home address has a tunnel, a peer or a route to the tunnel. */
int mip_plane_traffic(struct mip_plane *plane, struct mip_address home_address, enum mip_tunnel_end end,
	struct mip_plane_traffic *ret_traffic);

/* The same of a VISITOR. */
int mip_plane_visitor_traffic(struct mip_plane *plane, struct mip_address home_address,
	struct mip_address home_agent, struct mip_plane_traffic *ret_traffic);

/* "tunnel_packets_in", "drop_no_tunnel", "drop_spoofed" and the like. */
struct mip_counter_table mip_plane_counters(const struct mip_plane *plane);
/* Those of the accelerator, if there is one. */
struct mip_counter_table mip_plane_accelerator_counters(const struct mip_plane *plane);

#endif

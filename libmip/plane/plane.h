/*
 * The data plane: what carries packets between the tunnel device mip0 and the networks. One header, several
 * planes behind it; a machine never knows which one runs. Here is `user`; `kernel` and `bpf` have their
 * places.
 *
 *      routes lead here                                          IP-in-IP: raw sockets of protocol 4
 *   host stack ──> mip0 ──> look-up by home address ──> outer header ──> network
 *   host stack <── mip0 <── check inner against outer  <── outer header off <── network
 *                                                                 UDP: the registration socket, RFC 3519
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
#include "want.h"

struct mip_plane;

enum mip_plane_kind {
	MIP_PLANE_AUTO,
	MIP_PLANE_KERNEL,
	MIP_PLANE_BPF,
	MIP_PLANE_USER,
};
extern const struct mip_name mip_plane_names[]; /* "auto", "kernel", "bpf", "user" */

enum {
	MIP_PLANE_MTU_IPIP = 1480,
	MIP_PLANE_MTU_UDP = 1468, /* 20 + 8 + 4 octets around the inner packet */
};

struct mip_plane_options {
	enum mip_plane_kind kind;
	const char *device;	   /* "mip0" */
	uint32_t mtu;		   /* of the device; 0: MIP_PLANE_MTU_IPIP */
	const struct mip_log *log; /* for what happens while it runs */
	/* The UDP socket through which MIP_ENCAPSULATION_UDP packets leave; it stays the caller's, outside of
	 * calls with its options as they were. -1: none. */
	int udp_descriptor;
	/* Sees each decapsulated packet of the ICMP protocol (keep-alive answers); true: it was for the
	 * machine, not for mip0. May be NULL. */
	bool (*inspect)(void *context, const uint8_t *packet, size_t length);
	void *context;
};

/* Makes and raises the device. -EOPNOTSUPP and `ret_reason` when the plane cannot be had here; other negative
 * errno. */
int mip_plane_new(
	const struct mip_plane_options *options, struct mip_plane **ret_plane, const char **ret_reason);
/* The device goes with it. */
void mip_plane_free(struct mip_plane *plane);

enum mip_plane_kind mip_plane_kind(const struct mip_plane *plane);
const char *mip_plane_reason(
	const struct mip_plane *plane); /* "user: the other planes are not built yet" – for `status` */
mip_link mip_plane_link(const struct mip_plane *plane); /* the device's index */

/* TUNNEL and PEER items. 0, -ENOMEM, -EOPNOTSUPP (an encapsulation that this plane has not; IP-in-IP and UDP
 * are always there). */
int mip_plane_want(struct mip_plane *plane, const struct mip_want *want);
int mip_plane_unwant(struct mip_plane *plane, const struct mip_want *want);

/* The descriptors to wait on for reading; call mip_plane_service() when one is ready. Returns how many there
 * are; fills at most `size`. They do not change while the plane lives. */
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

/* Inner packets and octets of one home address. "to" is towards the mobile node, "from" is from it, at either
 * end. */
struct mip_plane_traffic {
	uint64_t packets_to, bytes_to;
	uint64_t packets_from, bytes_from;
	mip_time last_sent; /* CLOCK_BOOTTIME; 0: never. For keep-alives (RFC 3519 4.9) */
};
/* 0, or -ENOENT. Counts live as long as the home address has a tunnel or a peer. */
int mip_plane_traffic(struct mip_plane *plane, struct mip_address home_address, enum mip_tunnel_end end,
	struct mip_plane_traffic *ret_traffic);

/* "tunnel_packets_in", "drop_no_tunnel", "drop_spoofed" and the like. */
struct mip_counter_table mip_plane_counters(const struct mip_plane *plane);

#endif

/*
 * The host of a machine: what the three shells share. It owns the sockets, the reconciler, the data plane,
 * the store and the monitor, gives the machine what they hear and carries out what the machine puts in its
 * outbox, in its order:
 *
 *   monitor, link sockets, UDP socket ──> machine ──> outbox ──┬─> WANT, UNWANT  ──> reconciler or data plane
 *             ▲                              │                 ├─> KEEP, FORGET  ──> store
 *             └── mip_loop settle ── deadline ┘                ├─> EVENT         ──> control socket, log
 *                                                              └─> DATAGRAM, FRAME, COPY  ──> sockets, when all of
 *                                                                      the above has taken effect
 *
 * A link named in the options gets a link socket whenever it is there and is Ethernet. What comes in to the
 * registration port by such a link is given to the machine as a frame only; what the UDP socket hears on
 * other links as a datagram. So nothing comes twice. MIP Tunnel Data messages (type 4) go from the UDP socket
 * to the data plane, whichever link they came by.
 */
#ifndef MIP_HOST_HOST_H
#define MIP_HOST_HOST_H

#include "daemon.h"
#include "input.h"
#include "output.h"
#include "plane.h"

/* The machine as its host sees it. `core` is handed to each function; a NULL function is not called. */
struct mip_machine {
	void *core;
	struct mip_outbox *outbox;
	void (*datagram)(void *core, const struct mip_input_datagram *datagram, struct mip_now now);
	/* A MIP Tunnel Data message, before the data plane gets it; true: what the machine has put into its
	 * outbox is to be carried out before that. */
	bool (*tunnel_data)(void *core, const struct mip_input_datagram *datagram, struct mip_now now);
	void (*frame)(void *core, const struct mip_input_frame *frame, struct mip_now now);
	void (*link)(void *core, const struct mip_input_link *link, struct mip_now now);
	void (*address)(void *core, const struct mip_input_address *address, struct mip_now now);
	void (*default_route)(void *core, const struct mip_input_default_route *route, struct mip_now now);
	void (*icmp_error)(void *core, const struct mip_input_icmp_error *error, struct mip_now now);
	/* A decapsulated ICMP packet; true: it was for the machine (a keep-alive's answer). */
	bool (*tunnelled)(void *core, const uint8_t *packet, size_t length, struct mip_now now);
	/* A packet to a group or to everyone that came by the tunnel of this home address (its HOME end). */
	void (*group)(void *core, struct mip_address home_address, const uint8_t *packet, size_t length,
		struct mip_now now);
	/* A record that a predecessor kept; before any other input. */
	void (*record)(void *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now);
	/* The port that the UDP socket got, in host byte order; before any other input. A node that speaks in
	 * frames must write it itself. */
	void (*udp_port)(void *core, uint16_t port);
	/* All records are read and all links told: begin. */
	void (*begin)(void *core, struct mip_now now);
	/* The deadline has come. */
	void (*advance)(void *core, struct mip_now now);
	mip_time (*deadline)(const void *core);
	/* Its counters; of those whose names begin with "drop_" the host says what was discarded. */
	struct mip_counter_table (*counters)(const void *core);
};

struct mip_host;

struct mip_host_options {
	struct mip_daemon *daemon; /* loop, log, control */
	struct mip_machine machine;
	uint8_t protocol; /* the reconciler's mark */
	enum mip_plane_kind plane;
	bool clamp_mss;
	const char *tunnel_device; /* "mip0" */
	uint32_t tunnel_mtu;	   /* 0: MIP_TUNNEL_MTU */
	struct mip_address udp_address;
	uint16_t udp_port;	  /* 434, or 0 for a node's own */
	const char *state_folder; /* "" or NULL: nothing is kept */
	unsigned link_flags;	  /* MIP_LINK_SOCKET_ARP */
	const char *const *links; /* names of the links that get a link socket; copied */
	size_t link_count;
};

/* Starts everything and tells the machine what there is. Negative errno: said in the log, everything put
 * back. */
int mip_host_new(const struct mip_host_options *options, struct mip_host **ret_host);
/* Delivers what is left in the outbox (a machine's farewell), then puts the kernel back. NULL is fine. */
void mip_host_free(struct mip_host *host);

/* After a call into the machine from outside (a control command, a reload): carries out the outbox now. */
void mip_host_deliver(struct mip_host *host);
/* Other links from now on (a reload); the machine is told of those that are new to it by its own
 * configuration's change. */
int mip_host_set_links(struct mip_host *host, const char *const *links, size_t link_count);
/* The machine is told again of every link, address and default route that there is (after a reload that names
 * new links). */
void mip_host_tell(struct mip_host *host);

/* Another data plane from now on (a reload), though the one of the command line stays. On failure the plane
 * is as before, and the reason is good until the next call. */
int mip_host_set_plane(
	struct mip_host *host, enum mip_plane_kind kind, bool clamp_mss, const char **ret_reason);

struct mip_plane *mip_host_plane(struct mip_host *host);
uint16_t mip_host_udp_port(const struct mip_host *host);

/* {"version","uptime","data_plane","data_plane_reason"}: a new reference, for the role to add to. */
json_t *mip_host_status(const struct mip_host *host);
/* The answer to `counters` and `metrics`: the machine's table, then the host's own (plane, kernel, sockets).
 */
json_t *mip_host_counters(const struct mip_host *host, const struct mip_counter_table *machine);
json_t *mip_host_metrics(
	const struct mip_host *host, const char *role, const struct mip_counter_table *machine);

#endif

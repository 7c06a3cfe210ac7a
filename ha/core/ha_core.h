/*
 * The home agent's machine (RFC 5944 2.3, 3.8, 4.2.3, 4.6; RFC 3024 4.3; RFC 3519 4.6; RFC 2794).
 *
 * Events and the time go in by the functions here; packets, the kernel state that is wanted, events and
 * records to keep come out of the outbox, in the order in which they must take effect; ha_core_deadline()
 * says when ha_core_advance() is due. The machine keeps the pointers that it is given to associations (with a
 * reference), randomness and log; everything else is copied.
 */
#ifndef HA_CORE_H
#define HA_CORE_H

#include "association.h"
#include "counter.h"
#include "input.h"
#include "log.h"
#include "output.h"
#include "revoker.h"

struct ha_core;

/* A home network: its addresses, and the link that it is; "" for a virtual one, which is no link at all. */
struct ha_network_settings {
	struct mip_prefix prefix;
	const char *interface;
};

/* A mobile node: by its home address, by its NAI (then 0.0.0.0: an address from the pool), or both. */
struct ha_node_settings {
	struct mip_address home_address;
	const char *nai;		     /* NULL: none */
	struct mip_association *association; /* Mobile-Home */
	struct mip_association *aaa; /* Mobile-AAA (RFC 4721), checked by this home agent; NULL: none */
};

struct ha_foreign_agent_settings {
	struct mip_address address;
	struct mip_association *association;
};

/* RFC 3024 4.3.1: what becomes of the T bit. */
enum ha_reverse_tunnel {
	HA_REVERSE_TUNNEL_ALLOWED,
	HA_REVERSE_TUNNEL_REQUIRED, /* without T: code 138 */
	HA_REVERSE_TUNNEL_REFUSED,  /* with T: code 137 */
};

/* RFC 3519 4.6: when tunnels go in UDP. */
enum ha_udp_tunnel {
	HA_UDP_TUNNEL_ALLOWED,	/* behind a NAT, and where the node forces it */
	HA_UDP_TUNNEL_NAT_ONLY, /* behind a NAT; a forced one without a NAT is code 129 */
	HA_UDP_TUNNEL_REFUSED,	/* code 129 for both */
};

struct ha_advertise_settings {
	bool enabled;
	mip_time interval;  /* ns; at most this between two advertisements */
	mip_time lifetime;  /* ns; of one advertisement */
	unsigned solicited; /* unicast answers to solicitations a second, on a link; 0: no limit */
	bool solicited_only;
	bool broadcast;	     /* to 255.255.255.255 in place of 224.0.0.1 */
	bool prefix_lengths; /* with the Prefix-Lengths extension */
};

enum {
	HA_SIMULTANEOUS_MOST = 16,
};

/* What strangers can cause (ha_limit.c). 0: without a limit. */
struct ha_limit_settings {
	uint32_t
		failed_per_source; /* answers a second to requests that fail authentication, to one address … */
	uint32_t failed;	   /* … and in all … */
	uint32_t replayed_per_node; /* … and of one node to requests that are not fresh */
	uint32_t log_lines;	    /* in 10 s; 0: 10 */
};

struct ha_settings {
	struct mip_address address; /* the home agent's own */
	const struct ha_network_settings *networks;
	size_t network_count;
	const struct ha_node_settings *nodes;
	size_t node_count;
	const struct ha_foreign_agent_settings *foreign_agents;
	size_t foreign_agent_count;
	/* RFC 4433: home agents that nodes that leave the choice are redirected to, in turn … */
	const struct mip_address *alternates;
	size_t alternate_count;
	size_t redirect_at;	       /* … while there are so many bindings here; 0: always */
	struct mip_address pool_first; /* 0.0.0.0: no pool */
	struct mip_address pool_last;
	uint16_t max_lifetime;	   /* s; 0xffff lets infinite ones pass */
	uint16_t udp_max_lifetime; /* s; for UDP tunnels, RFC 3519 5.2; 0: as max_lifetime */
	size_t max_bindings;	   /* 0: no limit */
	/* Of one node at a time (S), at most HA_SIMULTANEOUS_MOST; 0 or 1: not supported, code 1. */
	size_t max_simultaneous_bindings;
	enum ha_reverse_tunnel reverse_tunnel;
	enum ha_udp_tunnel udp_tunnel;
	bool gre;		     /* granted to nodes that ask for it, and advertised: G … */
	bool minimal;		     /* … M; otherwise code 139 */
	uint16_t keepalive_interval; /* s, told in UDP Tunnel Replies; 0: the node's own */
	bool broadcasts;	     /* B: nodes that ask get the broadcasts of the home link … */
	bool broadcast_dhcp;	     /* … those of DHCP too */
	bool multicast;		     /* nodes may join groups by IGMP through their reverse tunnels … */
	size_t groups_per_node;	     /* … at most so many each … */
	size_t groups;		     /* … and in all */
	mip_time query_interval;     /* ns between General Queries to a node with members */
	uint32_t copy_rate;	     /* copies a second, in all; 0: no limit */
	mip_time grace;		     /* ns that packets by an abandoned way are still taken */
	struct ha_advertise_settings advertise;
	struct ha_limit_settings limits;
	struct mip_revocation_settings revocation; /* RFC 3543; enabled: X is advertised */
};

/* `log` may be NULL. Returns 0, -ENOMEM, -EINVAL (settings that contradict themselves), -EEXIST (two nodes or
 * two foreign agents with one name). */
int ha_core_new(const struct ha_settings *settings, const struct mip_random *random,
	const struct mip_log *log, struct ha_core **ret_core);
/* Sends nothing and withdraws nothing: the shell puts the kernel back. NULL is fine. */
void ha_core_free(struct ha_core *core);
/*
 * Other settings from now on. Bindings of nodes that are still there stay; the others are removed with an
 * event. On failure (as in ha_core_new()) everything is as it was.
 */
int ha_core_configure(struct ha_core *core, const struct ha_settings *settings, struct mip_now now);

/* What the machine has to say, to be taken out after each call of the functions below. */
struct mip_outbox *ha_core_outbox(struct ha_core *core);

/*
 * The inputs. At the start, in this order: ha_core_record() with each record that a predecessor kept, links
 * and addresses, ha_core_begin(). Nothing is sent and no kernel state is wanted for bindings before that.
 */
void ha_core_record(
	struct ha_core *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now);
void ha_core_link(struct ha_core *core, const struct mip_input_link *link, struct mip_now now);
void ha_core_address(struct ha_core *core, const struct mip_input_address *address, struct mip_now now);
void ha_core_begin(struct ha_core *core, struct mip_now now);
void ha_core_datagram(struct ha_core *core, const struct mip_input_datagram *datagram, struct mip_now now);
/* A MIP Tunnel Data message that the data plane is about to get. True: the outbox is to be carried out first,
 * for the tunnel that it came by has become known from it (RFC 3519 4.6, 'R' flag). */
bool ha_core_tunnel_data(struct ha_core *core, const struct mip_input_datagram *datagram, struct mip_now now);
void ha_core_frame(struct ha_core *core, const struct mip_input_frame *frame, struct mip_now now);
/* A packet to a group or to everyone that came by the tunnel of this home address. */
void ha_core_group(struct ha_core *core, struct mip_address home_address, const uint8_t *octets,
	size_t length, struct mip_now now);
/* Serves what is due, or part of it: then the deadline is still in the past, and it is to be called again. */
void ha_core_advance(struct ha_core *core, struct mip_now now);
mip_time ha_core_deadline(const struct ha_core *core); /* MIP_NEVER: none */
/* Whether kernel state of bindings is to be wanted still: after a start they come in portions. */
bool ha_core_is_restoring(const struct ha_core *core);

/* Drops the bindings of the home address now, and tells the foreign agents or the direct co-located node, if that was
 * agreed (RFC 3543 4.2.2). Returns 0, or -ENOENT when there is none. */
int ha_core_revoke(struct ha_core *core, struct mip_address home_address, struct mip_now now);

/* A binding as it is shown. The NAI is a view, valid until the next call into the machine. */
struct ha_binding_view {
	struct mip_address home_address;
	struct mip_address care_of_address; /* the one in the request */
	const char *nai;		    /* NULL: none */
	uint16_t lifetime;		    /* s, granted; 0xffff infinite */
	mip_time expires;		    /* CLOCK_BOOTTIME; MIP_NEVER */
	enum mip_encapsulation encapsulation;
	bool reverse_tunnel;
	bool revocation;	   /* agreed on (RFC 3543) */
	bool broadcast;		   /* it gets the home link's broadcasts */
	size_t groups;		   /* that it is a member of */
	struct mip_address source; /* where the request came from */
	uint16_t source_port;
};
typedef void ha_binding_function(void *context, const struct ha_binding_view *binding);
void ha_core_bindings(const struct ha_core *core, ha_binding_function *function, void *context);
size_t ha_core_binding_count(const struct ha_core *core);
/* Restored bindings whose kernel state has not been asked for yet. */
size_t ha_core_pending_count(const struct ha_core *core);

struct mip_counter_table ha_core_counters(const struct ha_core *core);

#endif

/*
 * The foreign agent's machine (RFC 5944 2.3, 3.7, 4.2.2; RFC 3024 4.2; RFC 2794 3; RFC 4721): events and the
 * time go in, packets to send, the kernel state that is wanted and the next deadline come out. It knows no
 * socket and no clock; the shell, the unit tests and the fuzzer drive it alike.
 *
 * Who may call what when: fa_core_new(), then links, addresses and default routes as they are, then
 * fa_core_begin(), then anything. All outputs are in the outbox that was given, in the order in which they
 * must take effect.
 */
#ifndef FA_CORE_H
#define FA_CORE_H

#include "address.h"
#include "association.h"
#include "counter.h"
#include "input.h"
#include "log.h"
#include "output.h"
#include "revoker.h"

struct fa_core;

/* A link on which visitors are served. */
struct fa_link_settings {
	char name[MIP_LINK_NAME];
};

/* A security association with a home agent, by its address; with a mobile node, by home address or NAI. */
struct fa_home_agent_settings {
	struct mip_address address;
	struct mip_association
		*association; /* the core takes references of its own; NULL: known, none shared */
	const char *realm;    /* RFC 4433: for nodes of this realm that leave the choice open; NULL: none */
};
struct fa_mobile_node_settings {
	struct mip_address home_address;     /* 0.0.0.0: by `nai` */
	struct mip_address home_agent;	     /* with a home address: this one's node only; 0.0.0.0: any's */
	const char *nai;		     /* NULL: by home address */
	struct mip_association *association; /* Mobile-Foreign; NULL: none */
	struct mip_association *aaa; /* RFC 4721: to check its Mobile-AAA authentication here; NULL: none */
};

enum {
	FA_CHALLENGE_WINDOW_LEAST = 2, /* RFC 4721 9: SHOULD be at least that */
	FA_CHALLENGE_WINDOW_MOST = 32,
};

/* What strangers on the visited links can cause. 0: without a limit. */
struct fa_limit_settings {
	uint32_t requests_per_node; /* a second, relayed of one link address */
	uint32_t denials;	    /* a second, in all; 0: 4096, for each is remembered so long */
	uint32_t icmp_errors;	    /* a second that are looked at, about relayed requests */
	uint32_t solicited;	    /* unicast answers to solicitations a second, on a link */
	uint32_t log_lines;	    /* in 10 s, of each kind; 0: 10 */
};

/* Copied by the core, lists too. */
struct fa_core_settings {
	struct mip_address care_of_address;
	const struct fa_link_settings *links;
	size_t link_count;
	uint16_t registration_lifetime; /* seconds; the longest that is accepted, and advertised. 0xffff: any
					 */
	bool registration_required;	/* R: co-located nodes too must register here */
	bool reverse_tunnel;		/* T: reverse tunnels on request (else code 74) … */
	bool reverse_tunnel_required;	/* … and none without (else code 75) */
	bool encapsulating_delivery;	/* RFC 3024 5.2, on request (else code 79) */
	bool private_needs_reverse_tunnel; /* a private home address without one gets code 75 (RFC 3024 A.4) */
	/* U (RFC 3519): tunnels in UDP are asked for; requests without a reverse tunnel get code 75 … */
	bool behind_nat;
	bool nat_keeps_sources;	     /* … but where the NAT leaves the nodes' own source addresses alone */
	mip_time keepalive_interval; /* where the home agent names none that is shorter */
	bool gre;		     /* G: GRE tunnels on request (else code 72) … */
	bool minimal;		     /* M: … and minimal encapsulation */
	bool home_agents_only;	     /* relay to the home agents named here only (else code 65) */
	bool mobile_nodes_only;	     /* serve the mobile nodes named here only (else code 65) */

	mip_time advertise_interval;
	mip_time advertise_lifetime;
	bool advertise_prefix;	       /* with the Prefix-Lengths extension */
	bool advertise_solicited_only; /* no periodic ones */
	bool advertise_broadcast;      /* to 255.255.255.255 */
	/* RFC 4721: challenges in advertisements and replies, which requests must answer. Not with
	 * advertise_solicited_only: solicited multicasts must not bring new ones (2.1). */
	bool challenge;
	size_t challenge_window; /* CHALLENGE_WINDOW: how many of a link's last ones are accepted */
	size_t challenges_most;	 /* nodes whose challenges are remembered; beyond, others get code 66 */

	mip_time request_timeout;     /* a request without a reply is given up after this, with code 78 */
	size_t pending_most;	      /* requests that wait for replies, in all (else code 66) … */
	size_t pending_per_node_most; /* … and from one link address */
	size_t visitors_most; /* 0: as many as come; else B is advertised and code 66 sent when full */

	struct fa_limit_settings limits;

	/* The routing table whose default route leads into the tunnel; the next one has the visitors' own
	 * routes, the one after that a black hole for packets of visitors that are told apart. */
	uint32_t table;
	uint32_t rule_priority; /* of the rules that lead the visitors' packets there */

	/* RFC 3543. Enabled: X and R are advertised, and co-located nodes are denied with code 65. */
	struct mip_revocation_settings revocation;

	const struct fa_home_agent_settings *home_agents;
	size_t home_agent_count;
	const struct fa_mobile_node_settings *mobile_nodes;
	size_t mobile_node_count;

	/* RFC 4433: for nodes that leave the choice of their home agent open, if no realm is theirs; 0.0.0.0:
	 * none, and code 90. */
	struct mip_address default_home_agent;
};

/* Where a core lives; the pointers must outlive it. */
struct fa_core_environment {
	struct mip_outbox *outbox;
	const struct mip_random *random;
	const struct mip_log *log; /* may be NULL */
};

/* 0; -EINVAL: the settings cannot be (no care-of address, no time-out …); -ENOMEM. */
int fa_core_new(const struct fa_core_environment *environment, const struct fa_core_settings *settings,
	struct fa_core **ret_core);
/* Nothing is said to anyone any more; NULL is fine. */
void fa_core_free(struct fa_core *core);

/* Other settings from now on; visitors stay, but those of a link that is no longer served. The links and
 * addresses must be told again afterwards. 0, or as above and the old ones stay. */
int fa_core_configure(struct fa_core *core, const struct fa_core_settings *settings, struct mip_now now);

/* The events; see base/input.h. */
void fa_core_datagram(struct fa_core *core, const struct mip_input_datagram *datagram, struct mip_now now);
void fa_core_frame(struct fa_core *core, const struct mip_input_frame *frame, struct mip_now now);
void fa_core_link(struct fa_core *core, const struct mip_input_link *link, struct mip_now now);
void fa_core_address(struct fa_core *core, const struct mip_input_address *address, struct mip_now now);
void fa_core_default_route(
	struct fa_core *core, const struct mip_input_default_route *route, struct mip_now now);
void fa_core_icmp_error(struct fa_core *core, const struct mip_input_icmp_error *error, struct mip_now now);
/* A packet that came out of a tunnel: true if it was for the machine (the answer to a keep-alive), and goes
 * no further. */
bool fa_core_tunnelled(struct fa_core *core, const uint8_t *packet, size_t length, struct mip_now now);
/* Whether the data plane can tell visitors with one home address apart (VISITOR items), as it is now; at first it can. */
void fa_core_plane(struct fa_core *core, bool tells_apart);
void fa_core_begin(struct fa_core *core, struct mip_now now);
/* The deadline has come (earlier does no harm). */
void fa_core_advance(struct fa_core *core, struct mip_now now);
mip_time fa_core_deadline(const struct fa_core *core);
/* Ends the visitor's registration now, and tells its home agent and it, as far as that was agreed (RFC 3543
 * 4.2.3). `home_agent` 0.0.0.0: whichever it has. 0; -ENOENT: there is no such visitor; -ENOTUNIQ: there are several, of
 * different home agents. */
int fa_core_revoke(struct fa_core *core, struct mip_address home_address, struct mip_address home_agent,
	struct mip_now now);
/* The agent stops: says so on its links, and once to the home agents that agreed on revocation. Visitors are
 * not touched: the kernel is put back by the shell. */
void fa_core_farewell(struct fa_core *core, struct mip_now now);

/* A line of the visitor list as people see it. */
struct fa_visitor_view {
	struct mip_address home_address; /* 0.0.0.0: not assigned yet */
	struct mip_address home_agent;
	struct mip_address care_of_address;
	const char *interface;
	struct mip_link_address link_address;
	const char *nai; /* NULL: none; valid during the call */
	bool registered; /* false: only a first request is on its way */
	bool pending;	 /* a request is on its way */
	bool revocation; /* agreed on with the home agent (RFC 3543) */
	bool reverse_tunnel;
	bool encapsulating; /* in the Encapsulating Delivery Style; with a reverse tunnel */
	bool co_located;
	bool told_apart; /* by its link layer: another visitor has its home address too (RFC 3024 A.4) */
	enum mip_encapsulation encapsulation; /* of the tunnel; not co-located */
	uint16_t lifetime;		      /* granted, seconds; 0xffff infinite. If registered */
	mip_time remaining;		      /* ns; MIP_NEVER: infinite */
	mip_time registered_for;	      /* ns since it came */
};
typedef void fa_visitor_function(void *context, const struct fa_visitor_view *view);
/* Each visitor, then each node whose first request is on its way. */
void fa_core_visitors(struct fa_core *core, struct mip_now now, fa_visitor_function *function, void *context);
size_t fa_core_visitor_count(const struct fa_core *core);
size_t fa_core_pending_count(const struct fa_core *core);
/* Nodes whose challenges are remembered. */
size_t fa_core_challenge_count(const struct fa_core *core);
struct mip_counter_table fa_core_counters(const struct fa_core *core);

#endif

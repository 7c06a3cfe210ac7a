/*
 * What a mobile node is told by its configuration. The machine keeps a copy of its own, so that a reload can
 * hand in another.
 */
#ifndef MN_SETTINGS_H
#define MN_SETTINGS_H

#include "association.h"
#include "input.h"
#include "types.h"
#include "want.h"

enum mn_care_of {
	MN_CARE_OF_ANY,
	MN_CARE_OF_FOREIGN_AGENT,
	MN_CARE_OF_CO_LOCATED,
};

/* RFC 3024 5: how packets for the reverse tunnel go to the foreign agent. */
enum mn_delivery {
	MN_DELIVERY_DIRECT,
	MN_DELIVERY_ENCAPSULATING, /* in a tunnel of their own, which broadcasts and multicasts need */
};

/* How the node notices, without a word from the link, that it is somewhere else: RFC 5944 2.4.2. */
enum mn_move_detection {
	MN_MOVE_DETECTION_LIFETIME, /* algorithm 1: its agent's advertisements have ceased for their lifetime */
	MN_MOVE_DETECTION_PREFIX,   /* algorithm 2 as well: a new agent on the link is of another network */
	MN_MOVE_DETECTION_EAGER,    /* … or any new agent on the link */
};

/* RFC 4433: whether the network is to assign the home agent. */
enum mn_assignment {
	MN_ASSIGNMENT_OFF,
	MN_ASSIGNMENT_ANY,  /* with no preference for the home or the visited domain: 0.0.0.0 */
	MN_ASSIGNMENT_HOME, /* preferably one in the home domain: 255.255.255.255 */
};

struct mn_interface_settings {
	char name[MIP_LINK_NAME];
	int64_t priority; /* the lowest is preferred */
};

/* A foreign agent that this node shares an association with (RFC 5944 3.6.1.3 e). */
struct mn_foreign_agent_settings {
	struct mip_address address;
	struct mip_association *association;
};

/* A home agent that shares an association of its own with this node; all others share mn_settings.home. */
struct mn_home_agent_settings {
	struct mip_address address;
	struct mip_association *association;
};

struct mn_settings {
	struct mip_address home_address; /* 0.0.0.0: the home agent gives one, to the node of this NAI */
	struct mip_prefix home_prefix;	 /* length 0: not known */
	/* 0.0.0.0: found by dynamic home agent address resolution. With an assignment: the one to request. */
	struct mip_address home_agent;
	enum mn_assignment assignment; /* if not off there is a NAI, and no home address here */
	char *nai;		       /* RFC 2794; NULL: none */
	struct mn_interface_settings *interfaces;
	size_t interface_count;
	enum mn_care_of care_of;
	enum mn_move_detection move_detection;
	bool reverse_tunnel;
	uint32_t tunnel_mtu; /* of the tunnel device; 0: MIP_TUNNEL_MTU */
	enum mn_delivery delivery;
	bool broadcast;			      /* asks for the home link's broadcasts: B */
	enum mip_encapsulation encapsulation; /* asked for where it may be: IPIP, GRE or MINIMAL */
	bool nat_traversal;		      /* offer UDP tunnelling (RFC 3519) */
	bool force_udp;			      /* … and insist on it: the F flag */
	bool revocation;   /* be told when the home agent ends a direct co-located binding (RFC 3543) */
	uint16_t lifetime; /* seconds asked for; 0xffff is infinite */
	bool simultaneous; /* handovers with S: the old binding stays for a while */
	bool newest_first; /* the interface where something was found last goes before the priorities */
	bool deregister_on_exit;
	uint32_t agents_per_link;     /* known at one time; beyond, one makes room. 0: 64 */
	uint32_t log_lines;	      /* in 10 s, about what anybody can cause; 0: 10 */
	mip_time agent_wait;	      /* how long a new link's agent may take to answer, before a co-located
					 care-of address is registered */
	mip_time keepalive_interval;  /* RFC 3519 4.9 */
	mip_time grace;		      /* how long packets by the old way are still taken */
	uint32_t rule_priority;	      /* of the first of four rules */
	uint32_t routing_table;	      /* the first; one more for each interface follows */
	struct mip_association *home; /* with the home agent; never NULL */
	struct mip_association *aaa;  /* RFC 4721; NULL: none */
	struct mn_foreign_agent_settings *foreign_agents;
	size_t foreign_agent_count;
	struct mn_home_agent_settings *home_agents;
	size_t home_agent_count;
};

/* A deep copy; associations are shared by reference. 0 or -ENOMEM (then nothing is left behind). */
int mn_settings_copy(const struct mn_settings *settings, struct mn_settings *ret_settings);
/* Frees what a copy owns. All zero is fine. */
void mn_settings_clear(struct mn_settings *settings);
/* The association with that home agent; never NULL. */
struct mip_association *mn_settings_home_agent(
	const struct mn_settings *settings, struct mip_address home_agent);
/* The association with that foreign agent, or NULL. */
struct mip_association *mn_settings_foreign_agent(
	const struct mn_settings *settings, struct mip_address agent);

#endif

/*
 * What the files of the home agent's machine share. Nobody else includes this.
 *
 * - ha_core.c: life, inputs, deadlines, views
 * - ha_table.c: who and what is configured
 * - ha_request.c: a request, taken apart and judged
 * - ha_assignment.c: whether another home agent is to be the node's
 * - ha_grant.c: whether and how it is granted
 * - ha_limit.c: whether it is worth a reply, if a stranger may have sent it
 * - ha_reply.c: the reply
 * - ha_binding.c: bindings, and the kernel state for them
 * - ha_simultaneous.c: several bindings of one node (S)
 * - ha_keepalive.c: tunnels whose port a keep-alive tells
 * - ha_revocation.c: bindings that one side ends (RFC 3543)
 * - ha_announce.c: gratuitous ARP
 * - ha_group.c: broadcasts and multicasts to and from nodes that are away
 * - ha_link.c: home links, addresses, advertisements
 * - ha_pool.c: addresses for nodes without one
 * - ha_record.c: what survives a restart
 */
#ifndef HA_INTERNAL_H
#define HA_INTERNAL_H

/* A table that finds no memory for an element leaves it out: its hh.tbl is NULL then. */
#include <uthash.h>

#include "address.h"
#include "advertiser.h"
#include "deadline.h"
#include "extension.h"
#include "ha_core.h"
#include "ha_counter.h"
#include "rate.h"
#include "registration.h"
#include "replay.h"

enum {
	HA_NAI_MAX = 253, /* RFC 4282 2.2 */
	/* Bindings whose kernel state is asked for in one go, after a restart or when a link comes. */
	HA_REFRESH_BATCH = 256,
	HA_DUE_BATCH = 1024,  /* deadlines that are served in one go */
	HA_ANNOUNCEMENTS = 4, /* RFC 5944 4.6: "retransmitted a small number of times" */
};

enum ha_deadline_kind {
	HA_DEADLINE_BINDING = 1,
	HA_DEADLINE_GRACE,
	HA_DEADLINE_ANNOUNCEMENT,
	HA_DEADLINE_ADVERTISER,
	HA_DEADLINE_REFRESH,
	HA_DEADLINE_REVOCATION,
	HA_DEADLINE_QUERY,
	HA_DEADLINE_MEMBER,
};

/* A link on which home networks are. There for as long as a configured network names it. */
struct ha_home_link {
	char name[MIP_LINK_NAME];
	mip_link link; /* MIP_LINK_NONE: it is not there */
	bool up;
	struct mip_link_address link_address;
	struct mip_advertiser advertiser;
	size_t listeners; /* bindings for whose sake its broadcasts and multicasts are taken */
	struct ha_home_link *next;
};

struct ha_network {
	struct mip_prefix prefix;
	char interface[MIP_LINK_NAME];
	struct ha_home_link *home_link; /* NULL: virtual */
};

struct ha_binding;

struct ha_node {
	struct mip_address home_address; /* configured; 0.0.0.0: from the pool */
	char *nai;			 /* realm in lower case; NULL */
	struct mip_association *association;
	struct mip_association *aaa; /* NULL: none */
	struct mip_replay_state replay;
	struct mip_rate stale;	     /* answers to requests that were not fresh */
	struct mip_address assigned; /* from the pool, for as long as nobody needs it more */
	mip_time idle_since;	     /* CLOCK_BOOTTIME; of an assigned address without a binding */
	struct ha_binding
		*binding; /* the first of them, and by their `sibling` the others; NULL: it is at home */
	/* The neighbour entry told to the kernel when the node came home; withdrawn when it leaves. */
	bool seeded;
	mip_link seeded_link;
	struct mip_address seeded_address;
	UT_hash_handle by_address;
	UT_hash_handle by_nai;
	UT_hash_handle by_assigned;
};

struct ha_foreign_agent {
	struct mip_address address;
	struct mip_association *association;
	UT_hash_handle hh;
};

/* What the configuration says, indexed. */
struct ha_tables {
	struct ha_network *networks;
	size_t network_count;
	struct ha_node *nodes; /* all of them, in one array */
	size_t node_count;
	struct ha_node *by_address;
	struct ha_node *by_nai;
	struct ha_node *by_assigned;
	struct ha_foreign_agent *foreign_agents; /* an array */
	size_t foreign_agent_count;
	struct ha_foreign_agent *agents; /* its index */
	struct mip_address *alternates;	 /* home agents to redirect to */
	size_t alternate_count;
};

/* An entry of a node's mobility binding list: with S a node may have several, up to
 * settings.max_simultaneous_bindings. The table has each of them under the home address. */
struct ha_binding {
	struct mip_address home_address;
	struct ha_node *node;
	struct ha_binding *sibling; /* the node's next */
	struct mip_address care_of_address;
	struct mip_address home_agent; /* as the reply named it: the tunnel's end here */
	struct mip_address source;     /* of the request, with its port */
	uint16_t source_port;
	struct mip_address local; /* where the request came to, with its port */
	uint16_t local_port;
	uint16_t lifetime; /* s, granted */
	mip_time expires;
	uint64_t identification;       /* of the request */
	uint64_t reply_identification; /* 3.8.1: of the reply */
	enum mip_encapsulation encapsulation;
	/* RFC 3519 4.6, 'R' flag: registered through a foreign agent, so that the port of the tunnel in UDP
	 * is that of the node's latest keep-alive (ha_keepalive.c); 0: there was none. */
	bool half_bound;
	uint16_t tunnel_port;
	bool reverse_tunnel;
	struct mip_revocation_terms revocation;
	bool direct;	 /* if negotiated: with the node itself, co-located, and with no foreign agent */
	bool told;	 /* the kernel state for it has been wanted */
	bool leads;	 /* its tunnel is the home address's TUNNEL; those of its siblings are COPYs */
	bool broadcast;	 /* 'B', asked for: it gets the home link's broadcasts, if the settings let it */
	bool co_located; /* 'D': it takes its packets out of the tunnel itself */
	/* ha_group.c */
	bool from_home_told; /* what it tunnels from its home address is taken */
	bool listed;	     /* among those that get broadcasts */
	struct ha_binding *broadcast_previous, *broadcast_next;
	struct ha_home_link
		*heard; /* its broadcasts and multicasts are taken for this binding's sake; NULL: none */
	struct ha_member *members; /* of groups */
	size_t member_count;
	unsigned queries; /* of those that a new binding gets */
	struct mip_deadline query;
	struct mip_deadline deadline;
	struct ha_binding *refresh_previous, *refresh_next; /* in the queue of those to be told (again) */
	bool refresh_queued;
	UT_hash_handle hh;
};

/* A peer whose packets are still taken for a while. */
struct ha_grace {
	struct mip_want want;
	uint8_t key[MIP_WANT_KEY];
	size_t key_length;
	struct mip_deadline deadline;
	UT_hash_handle hh;
};

struct ha_announcement {
	struct mip_address home_address;
	struct ha_home_link *home_link;
	struct mip_link_address link_address;
	unsigned sent;
	struct mip_deadline deadline;
	UT_hash_handle hh;
};

/* An address of this host. */
struct ha_address {
	mip_link link;
	struct mip_address address;
	uint8_t prefix_length;
};

struct ha_core {
	struct ha_settings settings; /* its pointers are not kept */
	struct ha_tables tables;
	struct mip_random random;
	const struct mip_log *log;
	struct mip_log_limit limit;
	struct mip_rate_table failed_by_source;
	struct mip_rate failed;
	struct mip_outbox outbox;
	struct mip_deadlines deadlines;
	struct ha_home_link *home_links;
	struct ha_address *addresses;
	size_t address_count, address_size;
	struct ha_binding *bindings;
	struct ha_binding *refresh_first, *refresh_last;
	size_t refresh_count;
	size_t half_bound_count;
	struct mip_deadline refresh_deadline;
	struct ha_grace *graces;
	struct ha_announcement *announcements;
	struct mip_revoker revoker;
	struct ha_group *groups;
	struct ha_binding *broadcast_first; /* those that get broadcasts */
	uint64_t copies_left;		    /* until the bucket is filled again */
	mip_time copies_filled;
	uint16_t query_identification;
	size_t redirect_next; /* whose turn it is to be redirected to */
	uint64_t pool_next;   /* where the search for a free address begins, from the pool's first */
	bool begun;
	uint64_t counters[HA_COUNTER_COUNT];
};

/* --- a request on its way through the machine ------------------------------------------------- */

struct ha_request {
	struct mip_now now;
	mip_link link;
	bool framed; /* taken off a home link itself … */
	struct ha_home_link *home_link;
	struct mip_link_address link_source; /* … with this link address */
	struct mip_address source;
	uint16_t source_port;
	struct mip_address destination;
	uint16_t destination_port;
	const uint8_t *octets;
	size_t length;

	struct mip_registration_request fields;
	struct mip_extensions extensions;
	/* What ends the node's own part of the request: the Mobile-Home authentication extension or, without
	 * one, the Mobile-AAA. */
	const struct mip_extension *node_authentication;
	const uint8_t *nai; /* NULL: the node did not send one */
	size_t nai_length;
	bool has_tunnel_request; /* RFC 3519 */
	bool tunnel_request_by_agent;
	struct mip_udp_tunnel_request tunnel_request;

	struct ha_node *node;
	struct ha_foreign_agent *agent; /* that it came through, if we share an association */
	enum mip_replay_verdict verdict;

	bool duplicate; /* a retransmission of the one that made the current binding */

	/* What is granted. */
	int home_address_denial; /* 0: home_address is what the node gets, once it is accepted */
	struct mip_address home_address;
	struct mip_address home_agent;
	uint16_t lifetime;
	enum mip_encapsulation encapsulation;
	bool udp_forced;
	bool half_bound;
	struct mip_address redirected; /* with code 143: the home agent to ask instead */

	/* RFC 3543: what the request offers, and what the reply answers. */
	bool revocation_offered, revocation_direct;
	struct mip_revocation_support revocation_offer, revocation_answer;
	bool revocation_agreed;
};

/* What becomes of a request: a code to reply with, or no reply. */
enum {
	HA_SILENT = -1,
};

/* --- ha_core.c -------------------------------------------------------------------------------- */

static inline void ha_count(struct ha_core *core, enum ha_counter counter)
{
	core->counters[counter]++;
}

/* --- ha_table.c ------------------------------------------------------------------------------- */

int ha_tables_build(struct ha_tables *tables, const struct ha_settings *settings);
void ha_tables_clear(struct ha_tables *tables);
struct ha_network *ha_network_of(const struct ha_tables *tables, struct mip_address home_address);
struct ha_node *ha_node_by_address(const struct ha_tables *tables, struct mip_address home_address);
struct ha_node *ha_node_by_nai(const struct ha_tables *tables, const uint8_t *nai, size_t length);
struct ha_foreign_agent *ha_foreign_agent_by_address(
	const struct ha_tables *tables, struct mip_address address);
/* The name that its records go by: the home address, or "nai/" and the NAI. */
const char *ha_node_identity(const struct ha_node *node, char text[static MIP_RECORD_KEY]);
struct ha_node *ha_node_by_identity(const struct ha_tables *tables, const char *identity);
struct mip_address ha_node_address(const struct ha_node *node);

/* --- ha_pool.c -------------------------------------------------------------------------------- */

bool ha_pool_contains(const struct ha_settings *settings, struct mip_address address);
/* The address that a node gets that wants this one, or any (0.0.0.0): free, or of the node that has been without a
 * binding for longest. 0; -EADDRINUSE, -EADDRNOTAVAIL; -ENOSPC: the pool is used up.
 */
int ha_pool_choose(const struct ha_core *core, struct mip_address wanted, struct mip_address *ret_address);
/* Gives the node an address that was chosen just before. 0 or -ENOMEM. */
int ha_pool_assign(struct ha_core *core, struct ha_node *node, struct mip_address address);
int ha_pool_put(struct ha_tables *tables, struct ha_node *node, struct mip_address address);
void ha_pool_release(struct ha_tables *tables, struct ha_node *node);

/* --- ha_assignment.c (RFC 4433) --------------------------------------------------------------- */

/* The tables' alternates. 0, -ENOMEM, -EINVAL (an address that no node can be sent to, or our own). */
int ha_assignment_build(struct ha_tables *tables, const struct ha_settings *settings);
/* The node leaves the choice of its home agent open. */
bool ha_assignment_is_asked(const struct ha_request *request);
/* The home agent that it requests, if it does, is the one that the request was sent to. */
bool ha_assignment_fits(const struct ha_request *request);
/* Whether the request, otherwise in order, is another home agent's to grant … */
bool ha_assignment_redirects(const struct ha_core *core, const struct ha_request *request);
/* … which this chooses. Returns the code. */
int ha_assignment_redirect(struct ha_core *core, struct ha_request *request);
void ha_assignment_write(const struct ha_request *request, uint8_t code, struct mip_writer *writer);

/* --- ha_link.c -------------------------------------------------------------------------------- */

int ha_links_configure(struct ha_core *core, struct ha_tables *tables, struct mip_now now);
void ha_links_clear(struct ha_core *core);
struct ha_home_link *ha_home_link_at(const struct ha_core *core, mip_link link);
bool ha_is_own_address(const struct ha_core *core, struct mip_address address);
/* 255.255.255.255, or all ones on a home network. */
bool ha_is_home_broadcast(const struct ha_core *core, struct mip_address address);
void ha_links_begin(struct ha_core *core, struct mip_now now);
/* The tables and settings have been swapped: the advertisements follow. */
void ha_links_reconfigured(struct ha_core *core, struct mip_now now);

/* --- ha_announce.c ---------------------------------------------------------------------------- */

/* RFC 5944 4.6: gratuitous ARP now and a few more times; replaces one for the same home address. */
void ha_announce(struct ha_core *core, struct ha_home_link *home_link, struct mip_address home_address,
	struct mip_link_address link_address, struct mip_now now);
void ha_announce_stop(struct ha_core *core, struct mip_address home_address);
void ha_announce_stop_link(struct ha_core *core, const struct ha_home_link *home_link);
void ha_announce_due(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now);
void ha_announce_clear(struct ha_core *core);

/* --- ha_binding.c ----------------------------------------------------------------------------- */

/* The first of the home address's bindings, the others are its siblings. NULL: there is none. */
struct ha_binding *ha_binding_find(const struct ha_core *core, struct mip_address home_address);
/* Adds or changes the node's binding as the request was granted, and without S removes the others. 0 or
 * -ENOMEM (nothing is changed). */
int ha_binding_grant(struct ha_core *core, const struct ha_request *request);
/* The other end of its tunnel; false: it has none yet. */
bool ha_binding_way(
	const struct ha_binding *binding, struct mip_address *ret_remote, uint16_t *ret_remote_port);
/* A new one without kernel state, to be filled in. NULL: no memory. */
struct ha_binding *ha_binding_new(
	struct ha_core *core, struct ha_node *node, struct mip_address home_address, mip_time expires);
/* With grace, packets by the old way are taken for a while. `reason` goes into the event. Frees it. */
void ha_binding_remove(
	struct ha_core *core, struct ha_binding *binding, bool grace, const char *reason, struct mip_now now);
/* A half-bound one's tunnel has this port now. */
void ha_binding_set_port(struct ha_core *core, struct ha_binding *binding, uint16_t port, struct mip_now now);
void ha_binding_set_half_bound(struct ha_core *core, struct ha_binding *binding, bool half_bound);
void ha_binding_expire(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now);
void ha_binding_refresh_later(struct ha_core *core, struct ha_binding *binding, struct mip_now now);
void ha_binding_refresh_network(
	struct ha_core *core, const struct ha_home_link *home_link, struct mip_now now);
void ha_binding_refresh_due(struct ha_core *core, struct mip_now now);
/* The proxy entry on a link that is about to be another's, or nobody's. */
void ha_binding_forget_proxies(struct ha_core *core, mip_link link);
void ha_binding_unwant_proxy(struct ha_core *core, const struct ha_binding *binding, mip_link link);
void ha_node_came_home(struct ha_core *core, const struct ha_request *request);
/* Withdraws what the kernel was told of the node when it came home. */
void ha_node_unseed(struct ha_core *core, struct ha_node *node);
void ha_grace_due(struct ha_core *core, struct mip_deadline *deadline);
void ha_bindings_clear(struct ha_core *core);
uint16_t ha_binding_remaining(const struct ha_binding *binding, struct mip_now now);

/* --- ha_simultaneous.c ------------------------------------------------------------------------ */

void ha_binding_join(struct ha_node *node, struct ha_binding *binding);
void ha_binding_leave(struct ha_binding *binding);
size_t ha_binding_count_of(const struct ha_node *node);
/* The node's binding with this care-of address, NULL: none. */
struct ha_binding *ha_binding_at(const struct ha_node *node, struct mip_address care_of_address);
size_t ha_binding_limit(const struct ha_core *core);
/* 0 or 1. */
uint8_t ha_accepting_code(const struct ha_core *core);
/* Whether it asks for the bindings before it to be retained, and that can be had. */
bool ha_request_adds(const struct ha_core *core, const struct ha_request *request);
/* The binding that the request, once granted, renews or moves; NULL: there will be a new one. */
struct ha_binding *ha_binding_to_change(const struct ha_core *core, const struct ha_request *request);
/* It would be one too many for the node. */
bool ha_binding_exceeds(const struct ha_core *core, const struct ha_request *request);
/* All but this one of its node's, with grace. */
void ha_binding_remove_others(
	struct ha_core *core, const struct ha_binding *binding, const char *reason, struct mip_now now);
void ha_binding_remove_all(
	struct ha_core *core, struct ha_node *node, bool grace, const char *reason, struct mip_now now);
bool ha_leads_back(const struct ha_core *core, struct mip_address end, struct mip_address home_address,
	unsigned *budget);

/* --- ha_group.c ------------------------------------------------------------------------------- */

/* A frame of a home link to everyone or to a group. False: it is signalling of mobility agents, or nobody asked. */
bool ha_group_frame(struct ha_core *core, struct ha_home_link *home_link, const struct mip_input_frame *frame,
	struct mip_now now);
/* The binding is new or has changed, or its home link has come. */
void ha_group_follow(struct ha_core *core, struct ha_binding *binding, struct mip_now now);
/* It gets nothing any more. */
void ha_group_forget(struct ha_core *core, struct ha_binding *binding, const char *reason);
/* The binding ends, and the node has another one: what the node is a member of goes over to that. */
void ha_group_bequeath(
	struct ha_core *core, struct ha_binding *binding, struct ha_binding *heir, struct mip_now now);
/* The link is about to be another's, or nobody's. */
void ha_group_detach(struct ha_core *core, struct ha_home_link *home_link);
void ha_group_query_due(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now);
void ha_group_member_due(struct ha_core *core, struct mip_deadline *deadline);
/* Directed broadcasts of the home networks, which are these now; `old` may be NULL. */
void ha_group_networks(struct ha_core *core, const struct ha_tables *old, const struct ha_tables *tables);

/* --- ha_limit.c ------------------------------------------------------------------------------- */

/* Whether the request is answered with this denial. Counts, also when it is not. */
bool ha_limit_allows(struct ha_core *core, const struct ha_request *request, int code);

/* --- ha_request.c, ha_grant.c, ha_reply.c ----------------------------------------------------- */

void ha_request_take(struct ha_core *core, struct ha_request *request);
/* Fills in the home address that the node would get, or why it gets none. */
void ha_grant_home_address(struct ha_core *core, struct ha_request *request);
/* The code for a request that is authenticated, fresh and for us: accepted, having updated the bindings, or
 * denied, having changed nothing. */
uint8_t ha_grant(struct ha_core *core, struct ha_request *request);
void ha_reply(struct ha_core *core, struct ha_request *request, uint8_t code);
/* Our address that the reply comes from. */
struct mip_address ha_reply_source(const struct ha_core *core, const struct ha_request *request);
/* The request came straight from the node's home link, from its home address or from 0.0.0.0 (3.6.1.1: it has
 * none yet). */
bool ha_request_is_from_home(const struct ha_core *core, const struct ha_request *request);

/* --- ha_revocation.c -------------------------------------------------------------------------- */

int ha_revocation_configure(struct ha_core *core);
/* Reads the request's offer. 0; or the code for one that nothing protects. */
int ha_revocation_judge(const struct ha_core *core, struct ha_request *request);
/* The request was accepted: if it has made a binding, what is agreed on, to be told in the reply. */
void ha_revocation_agree(struct ha_core *core, struct ha_request *request);
/* Writes the Revocation Support extension, if it is for the foreign agent or for the node. */
void ha_revocation_write(
	const struct ha_request *request, bool for_agent, uint8_t code, struct mip_writer *writer);
/* The binding, as it was until now, is over: tells who has agreed to be told. `inform`: the node is not to be
 * left without knowing. */
void ha_revocation_begin(
	struct ha_core *core, const struct ha_binding *binding, bool inform, struct mip_now now);
/* A message of type 7 or 15. */
void ha_revocation_input(struct ha_core *core, const struct ha_request *received);
void ha_revocation_due(struct ha_core *core, struct mip_revoked *revoked, struct mip_now now);
/* What a predecessor had begun. */
int ha_revocation_restore(struct ha_core *core, const struct mip_revoked *what, struct mip_now now);

/* --- ha_record.c ------------------------------------------------------------------------------ */

/* The record of the home address, with all of the node's bindings. */
void ha_record_keep_binding(struct ha_core *core, const struct ha_binding *binding, struct mip_now now);
void ha_record_forget_binding(struct ha_core *core, struct mip_address home_address);
void ha_record_keep_revocation(struct ha_core *core, const struct mip_revoked *revoked, struct mip_now now);
void ha_record_forget_revocation(struct ha_core *core, const struct mip_revoked *revoked);
void ha_record_keep_replay(struct ha_core *core, const struct ha_node *node);
void ha_record_keep_pool(struct ha_core *core, const struct ha_node *node);
void ha_record_forget_pool(struct ha_core *core, const struct ha_node *node);
void ha_record_forget_node(struct ha_core *core, const struct ha_node *node);

#endif

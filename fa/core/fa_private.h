/*
 * The inside of the foreign agent's machine: what its files share. See fa_core.c for the picture.
 */
#ifndef FA_PRIVATE_H
#define FA_PRIVATE_H

#include <uthash.h>

#include "advertiser.h"
#include "deadline.h"
#include "extension.h"
#include "fa_core.h"
#include "fa_counter.h"
#include "packet.h"
#include "rate.h"
#include "registration.h"

/* What a deadline is for. */
enum fa_deadline_kind {
	FA_DEADLINE_ADVERTISER,
	FA_DEADLINE_PENDING,
	FA_DEADLINE_VISITOR,
	FA_DEADLINE_DENIAL,
	FA_DEADLINE_KEEPALIVE,
	FA_DEADLINE_REVOCATION,
};

enum {
	FA_CHALLENGE_LENGTH = 16, /* octets; rfc4721-12-1: with fewer than 4 more would have to be kept */
};

struct fa_challenge {
	uint8_t octets[FA_CHALLENGE_LENGTH];
};

/* The challenges that a link's advertisements had, as many of the last ones as there can be in a window. */
struct fa_challenge_window {
	struct fa_challenge values[FA_CHALLENGE_WINDOW_MOST]; /* from the newest to the oldest */
	size_t count;
};

/* A link on which visitors are served: by its name, with the index that it has now. */
struct fa_link {
	char name[MIP_LINK_NAME];
	mip_link index;		 /* MIP_LINK_NONE: there is no such link now */
	mip_link prepared_index; /* the kernel settings and groups are wanted for this index */
	bool up;
	bool named; /* in the settings that are being taken over */
	struct mip_advertiser advertiser;
	struct fa_challenge_window challenges;
	struct fa_core *core;
	UT_hash_handle hh;
	UT_hash_handle hh_index;
};

/* One of the host's own addresses, on any link. */
struct fa_own_address {
	struct {
		mip_link link;
		struct mip_address address;
	} key;
	uint8_t prefix_length;
	UT_hash_handle hh;
};

/* A link by which a default route leads; there may be several by one link. */
struct fa_default_route {
	struct {
		mip_link link;
		struct mip_address gateway;
		uint32_t metric;
	} key;
	UT_hash_handle hh;
};

struct fa_home_agent {
	struct mip_address address;
	struct mip_association *association;
	char *realm; /* NULL: of none in particular */
	UT_hash_handle hh;
};

struct fa_mobile_node {
	struct fa_mobile_node_key {
		struct mip_address home_address;
		struct mip_address home_agent; /* 0.0.0.0: any */
	} key;				       /* in one table … */
	char *nai;			       /* … or in the other */
	struct mip_association *association;
	struct mip_association *aaa;
	UT_hash_handle hh;
};

/* The settings with all that they point to. */
struct fa_settings {
	struct fa_core_settings values; /* its pointers are NULL; the lists are below */
	struct fa_home_agent *home_agents;
	struct fa_mobile_node *nodes_by_address;
	struct fa_mobile_node *nodes_by_nai;
};

struct fa_nai {
	size_t length;
	char text[]; /* ends with a NUL that is not counted */
};

/*
 * rfc5944-3.7.1-2: what the foreign agent MUST keep of each pending or current registration. A copy owns its
 * NAI.
 */
struct fa_registration {
	struct mip_registration_request request; /* addresses, identification, requested lifetime */
	struct mip_address relayed_to; /* the home agent that the request goes to (fa_assignment.c) */
	struct fa_link *link;
	struct mip_link_address link_address;
	struct mip_address source;	/* of the IP header */
	struct mip_address destination; /* of the IP header */
	uint16_t source_port;
	uint8_t ttl;
	bool encapsulating; /* RFC 3024 3.3: the Encapsulating Delivery Style was asked for */
	uint64_t order;	    /* of relaying: which of two is the newer */
	struct fa_nai *nai; /* NULL: none */
	/* rfc4721-3.2-13: its Identification SHOULD be stored, which is in `request`.
	 * rfc4721-3.3-6: the Challenge value SHOULD be stored with the pending request. Octets, kept as those
	 * of an NAI are; NULL: none. */
	struct fa_nai *challenge;
	bool challenge_relayed; /* it was not removed from the request */
	bool verified;		/* it was new, and an authenticator that we can check covers it */
	/* RFC 3543: what was offered when it was relayed, then what was agreed on. */
	struct mip_revocation_terms revocation;
};

/* What is known of the challenges of one node (RFC 4721 3.2.1). A node is known by its NAI, if it has one. */
struct fa_challenge_record {
	struct fa_challenge_key {
		/* As a number, so that no octet of the key is padding, and of a private one the home agent above it;
		 * 0 with an NAI. */
		uint64_t home_address;
		uint64_t nai; /* a digest of it; 0: none */
	} key;
	struct fa_nai *nai;		 /* NULL: none */
	struct mip_address home_address; /* with an NAI too; 0.0.0.0: not known */
	struct fa_challenge used;	 /* of those advertised: the one that it used last … */
	bool used_any;			 /* … if it did */
	struct fa_challenge issued; /* to this node alone: in a reply or in a unicast advertisement … */
	bool issued_any;
	bool issued_used;			     /* … and come back */
	struct fa_challenge_record *earlier, *later; /* in the order of their last use */
	UT_hash_handle hh;
	UT_hash_handle hh_address;
};

/* On what grounds a node gets a reply, and with it a challenge (rfc4721-12-3, -4). */
enum fa_challenge_grounds {
	FA_CHALLENGE_UNAUTHENTICATED, /* anybody's request: nothing is stored, nothing unused is given up */
	FA_CHALLENGE_DENIED,	      /* it is verified, or its home agent knows it; but it is not accepted */
	FA_CHALLENGE_AUTHENTICATED,
};

/* A relayed request that waits for its reply. */
struct fa_pending {
	struct fa_pending_key {
		struct fa_pending_number {
			struct mip_address home_address;
			uint32_t identification; /* its low-order 32 bits */
		} number;
		uint64_t nai; /* a digest of the NAI when the home address is zero */
		/* Where it was relayed to, as a number, so that no octet of the key is padding: nodes of two home agents
		 * may have the same home address (RFC 3024 A.4). */
		uint64_t relayed_to;
	} key;
	struct fa_registration registration;
	bool authenticated;	 /* relayed with a Foreign-Home Authentication Extension */
	bool udp_asked;		 /* relayed with a UDP Tunnel Request Extension of ours */
	bool ends_with_lifetime; /* the requested lifetime is over before the time-out */
	struct fa_source *source;
	struct fa_pending *next; /* of the same source, in the order of relaying */
	struct mip_deadline deadline;
	UT_hash_handle hh;
	UT_hash_handle hh_number;
};

/* How many requests wait for one link address, against floods. */
struct fa_source {
	struct fa_source_key {
		struct fa_link *link;
		struct mip_link_address link_address;
	} key;
	struct fa_pending *pendings;
	size_t pending; /* their number */
	UT_hash_handle hh;
};

/* A node that was denied within the last second. */
struct fa_denial {
	struct fa_denial_key {
		struct fa_link *link;
		struct mip_link_address link_address;
		struct mip_address home_address;
	} key;
	struct mip_deadline deadline;
	UT_hash_handle hh;
};

enum {
	FA_VISITOR_WANTS = 6,	 /* neighbour, two routes, peer, tunnel, rule or relay */
	FA_NAMESAKES_MOST = 256, /* visitors with one home address */
	FA_DENIALS = 4096,	 /* a second, where the settings say nothing */
};

/* RFC 3519 4.9: what keeps the NAT's mapping for a visitor's tunnel in UDP. */
struct fa_keepalive {
	mip_time interval;
	uint16_t sequence;
	unsigned unanswered;
	struct mip_deadline deadline;
};

/* Visitors with the same home address, each of another home agent: mostly it is one. */
struct fa_namesakes {
	struct mip_address home_address;
	struct fa_visitor *visitors; /* the next one is the visitor's own `namesake` */
	size_t count;
	bool told_apart; /* by what they want */
	UT_hash_handle hh;
};

/* A node on the visitor list: a registration that its home agent accepted. */
struct fa_visitor {
	struct mip_address home_address;
	struct fa_registration registration; /* the one that was accepted last */
	struct mip_address home_agent;
	uint16_t lifetime; /* granted, seconds */
	mip_time since;
	bool reverse_tunnel;
	enum mip_encapsulation encapsulation;
	struct fa_keepalive keepalive; /* if that is UDP */
	bool pending;		       /* for the list that people see */
	struct mip_rate requests;      /* that are relayed for it */
	struct mip_want wants[FA_VISITOR_WANTS];
	size_t want_count;
	struct mip_deadline deadline;
	struct fa_namesakes *namesakes;
	struct fa_visitor *namesake;	    /* the next one with this home address */
	struct fa_visitor *previous, *next; /* of all */
};

struct fa_core {
	struct fa_core_environment environment;
	struct fa_settings settings;
	struct mip_deadlines deadlines;
	bool begun;
	struct mip_want table_default; /* the default route into the tunnel; MIP_WANT_NONE: not wanted */
	struct mip_want delivery_rule; /* what comes out of the tunnel is led to the table of deliveries */
	struct mip_want blackhole; /* where the kernel finds the packets of visitors that are told apart */
	size_t shared_addresses;   /* home addresses whose visitors are told apart */
	bool tells_apart;	   /* the data plane can do that */
	struct fa_link *links;
	struct fa_link *links_by_index;
	struct fa_own_address *own_addresses;
	struct fa_default_route *default_routes;
	struct fa_pending *pendings;
	uint64_t order;		    /* of the request that was taken in last */
	struct fa_pending *numbers; /* the same, by home address and identification alone */
	struct fa_source *sources;
	struct fa_denial *denials;
	struct fa_visitor *visitors, *last_visitor; /* in the order in which they came */
	size_t visitor_count;
	struct fa_namesakes *namesakes;
	uint16_t keepalive_identifier; /* of the ICMP echo requests */
	struct fa_challenge_record *challenges;
	struct fa_challenge_record *challenges_by_address;
	struct fa_challenge_record *challenge_first, *challenge_last; /* in that order */
	struct mip_revoker revoker;
	struct mip_rate_table requests_by_source;
	struct mip_rate denied;
	struct mip_rate icmp_errors;
	struct mip_log_limit security_log;
	struct mip_log_limit denial_log;
	uint64_t counters[FA_COUNTER_COUNT];
};

static inline void fa_count(struct fa_core *core, enum fa_counter counter)
{
	core->counters[counter]++;
}

/* fa_settings.c */
int fa_settings_copy(const struct fa_core_settings *settings, struct fa_settings *ret_settings);
void fa_settings_clear(struct fa_settings *settings);
struct mip_association *fa_home_agent_association(
	const struct fa_settings *settings, struct mip_address home_agent);
bool fa_home_agent_is_named(const struct fa_settings *settings, struct mip_address home_agent);
/* By home address (that of this home agent's node, or of any), or by NAI; NULL when it is not named. */
const struct fa_mobile_node *fa_mobile_node_find(const struct fa_settings *settings,
	struct mip_address home_address, struct mip_address home_agent, const struct fa_nai *nai);

/* fa_registration.c */
/* NULL when there is no memory. */
struct fa_nai *fa_nai_new(const uint8_t *octets, size_t length);
bool fa_nai_equal(const struct fa_nai *a, const struct fa_nai *b);
/* Of its octets; different NAIs may have the same. */
uint64_t fa_nai_digest(const struct fa_nai *nai);
/* 0 or -ENOMEM. */
int fa_registration_copy(const struct fa_registration *registration, struct fa_registration *ret_copy);
void fa_registration_clear(struct fa_registration *registration);
bool fa_registration_same_node(const struct fa_registration *a, const struct fa_registration *b);
/* The octets up to and with the last authorization-enabling extension (Mobile-Home, Mobile-AAA), 0 when the
 * message has none. `reader` stands at the first extension. */
size_t fa_authorized_length(struct mip_reader reader);

/* fa_assignment.c: the home agent of a request (RFC 4433) */
/* 0.0.0.0: there is no telling. `authorized` as in fa_authorized_length(). */
struct mip_address fa_assignment_choose(const struct fa_core *core,
	const struct fa_registration *registration, const struct mip_extensions *extensions,
	size_t authorized);
/* The code of the denial if what was chosen is good for nothing; 0: none. */
uint8_t fa_assignment_check(struct fa_core *core, const struct fa_registration *registration,
	const struct mip_extensions *extensions, size_t authorized);

/* fa_link.c: links, addresses, what is advertised */
int fa_links_configure(struct fa_core *core, const struct fa_core_settings *settings, struct mip_now now);
void fa_links_clear(struct fa_core *core);
struct fa_link *fa_link_find(struct fa_core *core, mip_link index);
bool fa_address_is_assigned(const struct fa_core *core, struct mip_address address);
/* The same, or the care-of address whoever has it. */
bool fa_address_is_own(const struct fa_core *core, struct mip_address address);
/* Packets for it must leave as they do: a gateway, or a home agent that is named in the settings. */
bool fa_address_is_needed(const struct fa_core *core, struct mip_address address);
/* The address of the agent on this link: what it advertises from. */
struct mip_address fa_link_address(const struct fa_core *core, const struct fa_link *link);
/* Whether packets from `address` can come in by this link: it is on it, or a default route leads there. */
bool fa_link_leads_to(const struct fa_core *core, const struct fa_link *link, struct mip_address address);
/* Advertisements that say what is so now (busy or not). */
void fa_links_advertise(struct fa_core *core);
void fa_links_begin(struct fa_core *core, struct mip_now now);
void fa_links_stop(struct fa_core *core, struct mip_now now);

/* What a reply says of the tunnel that was asked for. */
struct fa_grant {
	enum mip_encapsulation encapsulation;
	uint16_t keepalive_interval; /* seconds; 0: our own. Of UDP */
};

/* fa_nat.c: tunnels in UDP (RFC 3519 4.5, 4.9) */
bool fa_nat_requires_reverse_tunnel(const struct fa_core_settings *settings);
/* Whether a UDP Tunnel Request Extension is added to the request, and the extension. */
bool fa_nat_asks(const struct fa_core *core, const struct mip_registration_request *request);
void fa_nat_write_request(const struct mip_registration_request *request, struct mip_writer *writer);
/* Whether a reply's extensions grant it; `authorized` as fa_authorized_length(). */
bool fa_nat_is_granted(
	const struct mip_extensions *extensions, size_t authorized, struct mip_udp_tunnel_reply *ret_reply);
/* The keep-alives of a visitor; `assigned` is the reply's interval, 0 for none. */
void fa_nat_begin(struct fa_core *core, struct fa_visitor *visitor, uint16_t assigned, struct mip_now now);
void fa_nat_end(struct fa_core *core, struct fa_visitor *visitor);
void fa_nat_due(struct fa_core *core, struct fa_visitor *visitor, struct mip_now now);

/* fa_pending.c */
/* 0; -EAGAIN: too many; -EBUSY: another node has a request with this key; -ENOMEM. A repeated request takes
 * the place of the first. */
int fa_pending_add(struct fa_core *core, const struct fa_registration *registration, struct mip_now now,
	struct fa_pending **ret_pending);
/* It is a visitor's, or one whose authenticator has been checked here: strangers must not be in its way. */
bool fa_pending_is_known(struct fa_core *core, const struct fa_registration *registration);
/* Whether the same request, with the same challenge, is on its way: rfc4721-3.2-3, -4. */
bool fa_pending_is_repeated(struct fa_core *core, const struct fa_registration *registration);
/* RFC 5944 3.7.3.1: the request that a reply from `source` belongs to; NULL if none. `nai` is the reply's, may be NULL.
 * Where none was relayed to `source`, one that was relayed elsewhere. */
struct fa_pending *fa_pending_find(struct fa_core *core, const struct mip_registration_reply *reply,
	const struct fa_nai *nai, struct mip_address source);
void fa_pending_remove(struct fa_core *core, struct fa_pending *pending);
/* The first of those of the same node. */
bool fa_pending_is_first(const struct fa_pending *pending);
/* Those of the same node that were relayed before this one. */
void fa_pending_remove_older(struct fa_core *core, const struct fa_pending *pending);
/* NULL: of every link. */
void fa_pending_remove_link(struct fa_core *core, const struct fa_link *link);
/* Whether it is a visitor's: of its home address, and to its home agent or from its place on the link. */
bool fa_pending_is_of(const struct fa_pending *pending, const struct fa_visitor *visitor);
void fa_pending_remove_visitor(struct fa_core *core, const struct fa_visitor *visitor);
void fa_pending_expire(struct fa_core *core, struct fa_pending *pending, struct mip_now now);

/* fa_namesake.c: visitors that have one home address (RFC 3024 A.4) */
bool fa_address_is_private(struct mip_address address);
/* The visitor of this home address and home agent; NULL: there is none. */
struct fa_visitor *fa_visitor_find(
	const struct fa_core *core, struct mip_address home_address, struct mip_address home_agent);
/* The one whose place a registration of that home address with that home agent takes: it renews, moves, or changes its
 * home agent. NULL: of none. */
struct fa_visitor *fa_visitor_of(const struct fa_core *core, struct mip_address home_address,
	struct mip_address home_agent, const struct fa_registration *registration);
/* Another one in whose place this one is, too: it is the same node, with a home agent that it has left. NULL: none. */
struct fa_visitor *fa_visitor_replaced(const struct fa_core *core, const struct fa_visitor *by);
/* What a registration is to the visitors that have its home address already. */
enum fa_claim {
	FA_CLAIM_FREE,	       /* there are none but itself */
	FA_CLAIM_SHARED,       /* they and it can be told apart … */
	FA_CLAIM_NEEDS_TUNNEL, /* … if it asks for a reverse tunnel */
	FA_CLAIM_TAKEN,	       /* they cannot */
};
enum fa_claim fa_visitor_claim(const struct fa_core *core, struct mip_address home_address,
	struct mip_address home_agent, const struct fa_registration *registration);
/* The visitor of this home address, if it is the only one. */
struct fa_visitor *fa_visitor_only(const struct fa_core *core, struct mip_address home_address);
/* How many visitors have this home address. */
size_t fa_namesakes_count(const struct fa_core *core, struct mip_address home_address);
/* The visitor is one of them from now on: 0 or -ENOMEM; no longer: those that are left, NULL if there are none. */
int fa_namesakes_join(struct fa_core *core, struct fa_visitor *visitor);
struct fa_namesakes *fa_namesakes_leave(struct fa_core *core, struct fa_visitor *visitor);
/* Whether they must be told apart. */
bool fa_namesakes_are_many(const struct fa_namesakes *namesakes);

/* fa_visitor.c */
bool fa_visitors_are_full(const struct fa_core *core);
/* The home agent accepted: makes or changes the visitor. 0 or -ENOMEM. */
int fa_visitor_accept(struct fa_core *core, const struct fa_registration *registration,
	const struct mip_registration_reply *reply, const struct fa_grant *grant, struct mip_now now);
void fa_visitor_remove(
	struct fa_core *core, struct fa_visitor *visitor, const char *reason, enum fa_counter counter);
void fa_visitor_remove_link(struct fa_core *core, const struct fa_link *link);
/* The link's index has changed: its visitors' routes go there. */
void fa_visitor_refresh_link(struct fa_core *core, const struct fa_link *link);
/* Wants what all visitors share: the default route into the tunnel, the rule for what comes out of it. */
void fa_visitor_table(struct fa_core *core);

/* fa_challenge.c: RFC 4721 3.2.1 */
enum fa_challenge_verdict {
	FA_CHALLENGE_UNUSED,  /* offered to this node, and not used yet */
	FA_CHALLENGE_USED,    /* … or used, or older than one that it used */
	FA_CHALLENGE_UNKNOWN, /* not offered */
};
/* The challenge of this request. Changes nothing. */
enum fa_challenge_verdict fa_challenge_judge(
	struct fa_core *core, const struct fa_registration *registration);
/* It has been used: the request passed all checks. 0; -EAGAIN: there is no room to remember it; -ENOMEM. */
int fa_challenge_use(struct fa_core *core, const struct fa_registration *registration);
/* The challenge for a reply to this request; NULL: none are wanted. Valid until the next call. */
const struct fa_challenge *fa_challenge_for_reply(
	struct fa_core *core, const struct fa_registration *registration, enum fa_challenge_grounds grounds);
/* As the advertiser wants it; the context is the link. */
size_t fa_challenge_for_advertisement(void *link, enum mip_advertiser_occasion occasion,
	struct mip_address to, uint8_t challenge[static MIP_CHALLENGE_MAX]);
void fa_challenges_clear(struct fa_core *core);

/* fa_send.c */
/* RFC 5944 3.7.2.3: a reply of our own, at most one a second to a node. */
void fa_deny(
	struct fa_core *core, const struct fa_registration *registration, uint8_t code, struct mip_now now);
/* RFC 5944 3.7.3.2: passes on the octets of a reply. */
struct fa_relayed {
	const struct fa_registration *registration;
	struct mip_address home_address; /* 0.0.0.0: not known */
	uint8_t code;			 /* the home agent's */
	uint8_t error;			 /* RFC 4636: the one with which we refuse it; 0: none */
	const uint8_t *octets;
	size_t length;
};
void fa_relay_reply(struct fa_core *core, const struct fa_relayed *relayed);
/* RFC 5944 3.7.2.2: passes on the octets of a request, with the extensions that are ours to add; the pending
 * request remembers which. 0, or negative errno when it cannot be built. */
int fa_relay_request(struct fa_core *core, struct fa_pending *pending, const uint8_t *octets, size_t length,
	struct mip_now now);
void fa_denial_expire(struct fa_core *core, struct fa_denial *denial);
void fa_denials_clear(struct fa_core *core);
void fa_denials_remove_link(struct fa_core *core, const struct fa_link *link);

/* fa_request.c, fa_reply.c */
/* A request by a visited link; `octets` is the UDP payload. */
void fa_request_input(struct fa_core *core, struct fa_registration *registration, const uint8_t *octets,
	size_t length, struct mip_now now);
/* A reply from `source`, by a visited link or (NULL) by any other way. */
void fa_reply_input(struct fa_core *core, const struct fa_link *link, struct mip_address source,
	const uint8_t *octets, size_t length, struct mip_now now);
void fa_icmp_input(struct fa_core *core, const struct mip_input_icmp_error *error, struct mip_now now);

/* fa_revocation.c */
int fa_revocation_configure(struct fa_core *core);
/* Writes the Revocation Support extension, if it is to be in this request, which `authenticated` says will be
 * authenticated to its home agent; the pending request remembers what was offered, and when. */
void fa_revocation_offer(struct fa_core *core, struct fa_pending *pending, bool authenticated,
	struct mip_writer *message, struct mip_now now);
/* The home agent has accepted what this pending request asked for: what is agreed on, from its extensions. */
void fa_revocation_agree(struct fa_core *core, struct fa_pending *pending,
	const struct mip_registration_reply *reply, const struct mip_extensions *extensions,
	size_t authorized);
/* What the home agent has accepted is not honoured here: it is told, if revocation is agreed on. */
void fa_revocation_refused(struct fa_core *core, struct fa_pending *pending,
	const struct mip_registration_reply *reply, const struct mip_extensions *extensions,
	size_t authorized, struct mip_now now);
/* A support extension for us that no authenticator covers. */
bool fa_revocation_is_unprotected(
	const struct fa_core *core, const struct mip_extensions *extensions, size_t authorized);
/* A Revocation or an Acknowledgment, in a datagram or as taken out of a frame. */
void fa_revocation_input(struct fa_core *core, const struct mip_input_datagram *datagram, struct mip_now now);
void fa_revocation_due(struct fa_core *core, struct mip_revoked *revoked, struct mip_now now);
/* Revokes and removes the visitors of a link. */
void fa_revocation_remove_link(struct fa_core *core, const struct fa_link *link, struct mip_now now);
void fa_revocation_farewell(struct fa_core *core, struct mip_now now);

#endif

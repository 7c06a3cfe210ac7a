/*
 * The inside of the mobile node's machine, shared by its files and by nobody else.
 *
 *   mn_core.c       the machine as a whole: begin, time, commands, status
 *   mn_interface.c  links, addresses and default routes as they come and go
 *   mn_agent.c      agents heard: taken in, silent, lost
 *   mn_solicit.c    solicitations
 *   mn_decide.c     which place is the best, and the move there
 *   mn_attempt.c    a registration under way: sent, repeated, given up
 *   mn_home_agent.c which home agent: configured, found, or assigned
 *   mn_request.c    its message
 *   mn_reply.c      what came back: is it believed, and what does it say
 *   mn_binding.c    what was accepted: renewed, expired, kept alive through a NAT
 *   mn_revocation.c the home agent ends a direct co-located binding (RFC 3543)
 *   mn_simultaneous.c  the old binding kept beside the new one for a while (S)
 *   mn_record.c     what outlives the daemon
 *   mn_routing.c    the kernel state that all this amounts to
 *   mn_arp.c        ARP by RFC 5944 4.6
 *   mn_input.c      packets: what they are and whose
 *   mn_report.c     states, events, counters
 */
#ifndef MN_MACHINE_H
#define MN_MACHINE_H

#include <uthash.h>
#include "address.h"
#include "advertisement.h"
#include "deadline.h"
#include "mn_core.h"
#include "packet.h"
#include "registration.h"
#include "replay.h"

enum {
	MN_AGENTS_PER_LINK = 64,   /* known at one time, where the settings say nothing */
	MN_MEMORIES = 8,	   /* agents remembered for a while after they were lost */
	MN_BACKOFF_MOST = 32,	   /* seconds between attempts */
	MN_UNANSWERED_MOST = 3,	   /* time-outs until the home agent counts as unreachable */
	MN_GRATUITOUS_ARPS = 3,	   /* in all, a second apart */
	MN_KEEPALIVE_LEAST = 10,   /* seconds, RFC 3519 4.10 */
	MN_KEEPALIVE_ATTEMPTS = 4, /* unanswered, until the NAT's mapping counts as lost */
	MN_RENEWAL_MARGIN = 60,	   /* seconds before the end, at most */
	MN_SHUN_LEAST = 1,	   /* seconds that an agent which has disappointed is left alone … */
	MN_SHUN_DOUBLINGS = 8,	   /* … which double with each time, so often */
	MN_REVOKED = 2,		   /* bindings that were revoked, remembered: there are two at once (S) */
	MN_REDIRECTORS = 8,	   /* home agents that have redirected us, remembered to see circles */
};

/* What a deadline is for. */
enum mn_deadline {
	MN_DEADLINE_AGENT_SILENT,
	MN_DEADLINE_AGENT_LOST,
	MN_DEADLINE_SOLICIT,
	MN_DEADLINE_DECIDE,
	MN_DEADLINE_ATTEMPT,
	MN_DEADLINE_RENEW,
	MN_DEADLINE_EXPIRE,
	MN_DEADLINE_GRACE,
	MN_DEADLINE_GRATUITOUS_ARP,
	MN_DEADLINE_KEEPALIVE,
	MN_DEADLINE_SETTLE,
};

enum mn_counter {
	MN_COUNT_SOLICITATIONS_SENT,
	MN_COUNT_ADVERTISEMENTS_RECEIVED,
	MN_COUNT_REQUESTS_SENT,
	MN_COUNT_REQUESTS_REPEATED,
	MN_COUNT_REQUESTS_SIMULTANEOUS,
	MN_COUNT_REPLIES_RECEIVED,
	MN_COUNT_REVOCATIONS_RECEIVED,
	MN_COUNT_REVOCATION_ACKS_SENT,
	MN_COUNT_KEEPALIVES_SENT,
	MN_COUNT_KEEPALIVES_ANSWERED,
	MN_COUNT_KEEPALIVES_LOST,
	MN_COUNT_GRATUITOUS_ARPS_SENT,
	MN_COUNT_ARP_REPLIES_SENT,
	MN_COUNT_HANDOVERS,
	MN_COUNT_RESUMED,
	MN_COUNT_AGENTS_FOUND,
	MN_COUNT_AGENTS_LOST,
	MN_COUNT_AGENTS_DISPLACED,
	MN_COUNT_AGENTS_RESTARTED,
	MN_COUNT_ICMP_ERRORS,
	MN_COUNT_REDIRECTIONS,
	MN_COUNT_REDIRECTION_LOOPS,
	MN_COUNT_CHALLENGES_AWAITED,
	MN_COUNT_FOREIGN_AGENT_ERRORS,
	MN_COUNT_DROP_MALFORMED,
	MN_COUNT_DROP_NOT_FOR_US,
	MN_COUNT_DROP_NOT_AN_AGENT,
	MN_COUNT_DROP_UNKNOWN_LINK,
	MN_COUNT_DROP_TYPE,
	MN_COUNT_DROP_UNKNOWN_EXTENSION,
	MN_COUNT_DROP_UNMATCHED,
	MN_COUNT_DROP_WRONG_SENDER,
	MN_COUNT_DROP_UNAUTHENTICATED,
	MN_COUNT_DROP_AUTHENTICATOR,
	MN_COUNT_DROP_KEEPALIVE,
	MN_COUNT_DROP_ADVERTISEMENT,
	MN_COUNT_DROP_REVOCATION_REPLAY,
	MN_COUNT_DROP_REVOCATION_UNKNOWN,
	MN_COUNT_LOG_LINES_WITHHELD,
	MN_COUNT_REPLY_OTHER,
	MN_COUNT_REPLY_FIRST, /* and the others that have names, see mn_report.c */
	MN_REPLY_CODES = 62,
	MN_COUNT_COUNT = MN_COUNT_REPLY_FIRST + MN_REPLY_CODES,
};

/* RFC 5944 3.6.3 and the contract: a place that failed is tried again after 1, 2, 4 … 32 s. */
struct mn_backoff {
	unsigned failures;
	mip_time until;
	bool avoid; /* the fault is the place's own: any other place comes first */
};

/*
 * What an agent has promised and not kept while another one serves the node. Neither what it advertises nor a restart
 * makes that good: only a registration does, or the link's coming up anew.
 */
struct mn_shun {
	unsigned failures;
	mip_time until;
};

/* A way of being attached. */
struct mn_place {
	enum mn_mode mode;
	mip_link link;
	struct mip_address care_of_address; /* at home: the home address */
	struct mip_address agent; /* the foreign agent; at home the home agent; co-located: the agent that
				     insists on relaying (R), or none */
	struct mip_link_address agent_link_address;
	struct mip_address gateway; /* co-located: of the default route there */
	uint16_t flags;		    /* the agent's */
	uint16_t registration_lifetime;
};

struct mn_address {
	struct mip_address address;
	uint8_t prefix_length;
	bool ours; /* there because this machine wanted it */
};

struct mn_default_route {
	struct mip_address gateway;
	uint32_t metric;
};

struct mn_interface {
	struct mn_interface *next;
	struct mn_interface_settings settings;
	uint32_t table; /* for packets from its co-located care-of address */
	mip_link link;	/* MIP_LINK_NONE: not there */
	bool up;
	mip_time up_since;
	struct mip_link_address link_address;
	uint32_t mtu;
	struct mn_address *addresses;
	size_t address_count;
	struct mn_default_route *routes;
	size_t route_count;
	struct mn_backoff backoff; /* of the co-located care-of address here */
	struct mn_shun home_shun;  /* of who says that this is the home network */
	struct mip_deadline solicit;
	unsigned solicited;    /* since the search here began */
	bool registered;       /* … and something has come of it, here or elsewhere */
	mip_time solicited_at; /* MIP_NEVER: not since the link came up */
};

struct mn_challenge {
	size_t length;
	uint8_t octets[];
};

struct mn_agent_key {
	mip_link link;
	struct mip_address address;
};

struct mn_agent {
	UT_hash_handle hh;
	struct mn_agent_key key;
	struct mip_link_address link_address;
	struct mip_deadline silence; /* MN_DEADLINE_AGENT_SILENT, then _LOST */
	mip_time heard;
	mip_time found; /* heard for the first time */
	struct mn_backoff backoff;
	struct mn_shun shun;
	bool served; /* it has let this node register */
	bool home;   /* it is ours, and this is the home network */
	uint16_t sequence;
	uint16_t lifetime;
	uint16_t registration_lifetime;
	uint16_t flags;
	uint16_t lifetime_most;	   /* it has said that it takes no more (code 69); 0: it has not */
	bool reverse_mandatory;	   /* it has said so (code 75) */
	bool delivery_refused;	   /* it has said that it has no Encapsulating Delivery Style (code 79) */
	uint8_t refused;	   /* MIP_REQUEST_M, _G: it has said that it has them not (code 72) */
	struct mip_address router; /* the first that it advertises, or itself */
	struct mip_prefix prefix;  /* of its network; length 0: no Prefix-Lengths extension */
	uint64_t order;		   /* of being found: the larger, the newer */
	struct mip_address *care_of_addresses;
	size_t care_of_address_count;
	/* RFC 4721: the newest that it has given, the one of the request that is not answered yet, and the
	 * one of the last that was. NULL: none. */
	struct mn_challenge *challenge, *challenge_sent, *challenge_used;
};

/*
 * How an agent that is not heard any more wants to be asked. Where three advertisements in a row are easily lost, it is
 * heard and lost again in less time than it takes to find that out.
 */
struct mn_memory {
	struct mn_agent_key key;
	mip_time until;
	uint16_t lifetime_most;
	bool reverse_mandatory;
	bool delivery_refused;
	uint8_t refused;
};

/* A registration under way. rfc5944-3.6.2.2-4: for each pending registration, its remaining lifetime and the
 * original Lifetime from the request. */
struct mn_attempt {
	bool active;
	bool ending; /* to end the binding without being at home: `deregister` */
	/* … or (then `ending` too) to end what the foreign agent does not honour: RFC 4636 5. One message; an
	 * answer is good to have. */
	bool withdrawing;
	bool wants_challenge; /* waits for a new one before it sends */
	struct mn_place place;
	struct mip_deadline timer; /* the next transmission */
	bool awaiting;		   /* an answer to `identification` */
	unsigned unanswered;	   /* transmissions without an answer, since the last denial */
	unsigned turns;		   /* that they began anew, with another home agent, unanswered too */
	mip_time began;
	mip_time sent_at; /* of the request that an answer will be to */
	uint64_t identification;
	uint16_t lifetime; /* asked for */
	uint8_t flags;	   /* of the request */
	bool udp_offered;
	bool encapsulating; /* asks for the Encapsulating Delivery Style */
	bool legacy; /* RFC 4433 4.1 step 2: the home agent that is requested stands in the field too */
	bool revocation_offered;
	struct mip_address home_address; /* as asked: 0.0.0.0 when none was known */
	uint8_t *message;		 /* as sent, for nonces */
	size_t message_length;
	size_t home_length; /* of its part for the home agent, that comes first */
};

/* What was accepted. mode MN_MODE_NONE: nothing. */
struct mn_binding {
	struct mn_place place;
	bool lost; /* its agent is not heard any more, though the link is up */
	uint16_t lifetime;
	mip_time expires; /* MIP_NEVER: infinite, or at home */
	bool reverse_tunnel;
	/* RFC 3024 5.2: packets go to `delivery_agent` in a tunnel of their own; none: the direct style. */
	struct mip_address delivery_agent;
	enum mip_encapsulation encapsulation;
	struct mip_deadline renew;
	struct mip_deadline expire;
	/* RFC 3519 4.9 */
	struct mip_deadline keepalive;
	mip_time keepalive_interval;
	unsigned keepalive_unanswered;
	uint16_t keepalive_sequence;
	bool revocable;		       /* the home agent has agreed to say when it ends it … */
	uint32_t home_agent_timestamp; /* … and this was its time when it accepted it */
};

/* RFC 3543: a binding that was revoked; its home agent may not have heard our acknowledgment. */
struct mn_revoked {
	bool any;
	struct mip_address home_agent, care_of_address;
	uint32_t identifier;
};

/* A home agent that the network assigns (RFC 4433); it is in mn_core.home_agent once it has. */
struct mn_assignment_state {
	struct mip_address next; /* to be asked: named by a redirection, or by an old home agent */
	struct mip_address last; /* that was assigned last */
	struct mip_address redirectors[MN_REDIRECTORS];
	size_t redirector_count;
	bool hintless;	       /* the one in the settings does not answer: leave it out where that can be */
	bool looped;	       /* they redirect in a circle: resting until somebody asks */
	mip_time session_ends; /* MIP_NEVER: when it is ended */
};

struct mn_wants {
	struct mip_want *items;
	size_t count;
	size_t size;
};

struct mn_core {
	struct mn_settings settings;
	const struct mip_random *random;
	const struct mip_log *log;
	struct mip_log_limit log_limit;
	struct mip_outbox outbox;
	struct mip_deadlines deadlines;
	uint64_t counters[MN_COUNT_COUNT];
	uint16_t port;

	bool begun;
	bool resting;		/* deregistered by a person's wish */
	bool silent;		/* the home agent has not answered for a while */
	bool bound_once;	/* since it began: the routing of an absent node is in place */
	bool reverse_mandatory; /* the home agent has said so (code 138) */
	bool reverse_refused;	/* the home agent has said so (code 137) */
	uint8_t refused; /* MIP_REQUEST_M, _G: the home agent has said that it has them not (code 139) */
	enum mn_state state;
	int last_code;
	struct mip_address home_address; /* configured or given */
	struct mip_address home_agent;	 /* configured, found or assigned; 0.0.0.0: not known */
	struct mn_assignment_state assignment;
	struct mip_replay_sender replay;

	struct mn_interface *interfaces; /* in the order of the configuration */
	struct mn_agent *agents;
	uint64_t agent_order;			/* of the one that was found last */
	struct mn_memory memories[MN_MEMORIES]; /* of those that were lost last */
	size_t memory_next;
	mip_link preferred; /* by a person's wish */

	struct mip_deadline decide;
	bool moved;	/* a link-layer indication since the last request: it may follow at once */
	bool requested; /* a request was ever sent, at … */
	mip_time requested_at;
	struct mn_attempt attempt;
	/* A request from elsewhere has been given up before its answer: the home agent may have bound the node there. */
	bool astray;
	struct mn_binding binding;
	/* What came before, for a time of grace, or until the home agent has only this one (S). */
	struct mn_binding old;
	struct mn_revoked revoked[MN_REVOKED]; /* the newest first */
	struct mip_deadline grace;
	bool others;  /* the home agent may have other bindings of ours beside this one (S) … */
	bool crowded; /* … and has said that they are too many (code 135) */
	struct mip_deadline settle; /* when this one is to become the only one */
	struct mip_deadline gratuitous_arp;
	unsigned gratuitous_arps_left;
	uint16_t ip_identification;

	struct mn_wants wants;
};

/* mn_core.c */
mip_time mn_jitter(struct mn_core *core, mip_time most); /* 0 to `most`, at random */

/* mn_report.c */
void mn_count(struct mn_core *core, enum mn_counter counter);
void mn_count_reply(struct mn_core *core, uint8_t code);
void mn_state_set(struct mn_core *core, enum mn_state state);
/* An event with a place's interface, mode, care-of address and agent. */
struct mip_event mn_place_event(const struct mn_core *core, const char *name, const struct mn_place *place);
void mn_report(struct mn_core *core, const struct mip_event *event);
/* A warning that a peer can cause: logged at a limited rate. */
void mn_warn(struct mn_core *core, struct mip_now now, const char *text, struct mip_address about);

/* mn_interface.c */
struct mn_interface *mn_interface_at(const struct mn_core *core, mip_link link); /* NULL: not one of ours */
struct mn_interface *mn_interface_named(const struct mn_core *core, const char *name);
const char *mn_interface_name(const struct mn_core *core, mip_link link); /* NULL */
const struct mn_address *mn_interface_address(
	const struct mn_interface *interface, struct mip_address address);
/* The address that co-located registration would use there, with its default route. False: none. */
bool mn_interface_co_located(const struct mn_core *core, const struct mn_interface *interface,
	struct mip_address *ret_address, struct mip_address *ret_gateway);
/* The gateway of a place as things are: its own if that is still there, else the one that took its place. */
struct mip_address mn_interface_gateway(const struct mn_interface *interface, const struct mn_place *place);
/* Someone else has put the home address there. */
bool mn_interface_is_home_of_others(const struct mn_core *core, const struct mn_interface *interface);
int mn_interfaces_configure(struct mn_core *core, const struct mn_settings *settings, struct mip_now now);
void mn_interfaces_free(struct mn_core *core);

/* mn_agent.c */
void mn_agent_input(struct mn_core *core, struct mn_interface *interface, const struct mip_input_frame *frame,
	const struct mip_ip *ip, struct mip_reader *icmp, struct mip_now now);
struct mn_agent *mn_agent_find(const struct mn_core *core, mip_link link, struct mip_address address);
void mn_agent_due(struct mn_core *core, struct mn_agent *agent, struct mip_now now);
bool mn_agents_on(const struct mn_core *core, mip_link link); /* is any heard there */
bool mn_agent_usable(const struct mn_core *core, const struct mn_agent *agent);
/* All that were heard on a link that is gone. */
void mn_agents_forget(struct mn_core *core, mip_link link);
/* The link is another now, for all that is known: what agents did there before says nothing. */
void mn_agents_forgive(struct mn_core *core, mip_link link);
/* The home agent's address has become known: who of them is it? */
void mn_agents_judge_home(struct mn_core *core);
/* A challenge from its advertisement or reply. 0 or -ENOMEM. */
int mn_agent_challenge(struct mn_agent *agent, const uint8_t *challenge, size_t length);
/* Its newest challenge is in a request now; NULL challenge: there was none. 0 or -ENOMEM. */
int mn_agent_challenge_send(struct mn_agent *agent);
/* The request was answered: its challenge is not to be used again. */
void mn_agent_challenge_spend(struct mn_agent *agent);
/* It has given a newer one than that of the request that is not answered yet. */
bool mn_agent_challenge_is_newer(const struct mn_agent *agent);
/* It gives challenges, but the newest has been used. */
bool mn_agent_lacks_challenge(const struct mn_agent *agent);
/* It gives none, or there is an association to answer them with. */
bool mn_agent_answerable(const struct mn_core *core, const struct mn_agent *agent);

/* mn_solicit.c */
/* A search on this link: once at once, then less and less often. One that had not ended in a registration is
 * gone on with. */
void mn_solicit_begin(struct mn_core *core, struct mn_interface *interface, struct mip_now now);
/* A registration was accepted: the next search is a new one. */
void mn_solicit_registered(struct mn_core *core);
void mn_solicit_stop(struct mn_core *core, struct mn_interface *interface);
void mn_solicit_due(struct mn_core *core, struct mn_interface *interface, struct mip_now now);
/* One more, for an agent that has become silent. */
void mn_solicit_once(struct mn_core *core, struct mn_interface *interface, struct mip_now now);

/* mn_decide.c */
bool mn_place_same(const struct mn_place *a, const struct mn_place *b);
/* The best place as things are, and the way there. To be called after all that may change it. */
void mn_decide(struct mn_core *core, struct mip_now now);
/* Nothing has come of going there. */
void mn_place_disappointed(struct mn_core *core, const struct mn_place *place, struct mip_now now);
/* It has let the node register. */
void mn_place_served(struct mn_core *core, const struct mn_place *place);
struct mn_backoff *mn_place_backoff(const struct mn_core *core, const struct mn_place *place);

/* mn_attempt.c */
void mn_attempt_begin(struct mn_core *core, const struct mn_place *place, bool ending, struct mip_now now);
void mn_attempt_end(struct mn_core *core);
void mn_attempt_due(struct mn_core *core, struct mip_now now);
/* Denied: again after the back-off. `avoid`: it is the place's fault. */
void mn_attempt_denied(struct mn_core *core, bool avoid, struct mip_now now);
/* Denied, with a hint how to do it better: as soon as may be. */
void mn_attempt_again(struct mn_core *core, struct mip_now now);
/* Accepted by the home agent, but not honoured by the foreign agent: ends that, and goes elsewhere. */
void mn_attempt_withdraw(struct mn_core *core, struct mip_now now);
/* The agent has given a challenge: what waits for one goes on. */
void mn_attempt_challenged(struct mn_core *core, const struct mn_agent *agent, struct mip_now now);
/* For the back-off after a denial, or with nobody answering. */
bool mn_attempt_is_waiting(const struct mn_core *core);
/* What was denied or not answered may be tried anew: something has changed. */
void mn_attempt_hurry(struct mn_core *core, struct mip_now now);

/* mn_home_agent.c */
/* The network is to assign the home agent, and has not yet. */
bool mn_home_agent_is_open(const struct mn_core *core);
/* The home agent by the settings; 0.0.0.0: it is to be found or assigned. */
struct mip_address mn_home_agent_configured(const struct mn_settings *settings);
/* From this place somebody can be asked for a home agent, if there is none yet. */
bool mn_home_agent_can_be_asked(const struct mn_core *core, const struct mn_place *place);
/* The Home Agent field of the request; where it goes to without a foreign agent. */
struct mip_address mn_home_agent_field(const struct mn_core *core, const struct mn_attempt *attempt);
struct mip_address mn_home_agent_destination(const struct mn_core *core, const struct mn_attempt *attempt);
/* The Requested HA extension, where it has its place. */
void mn_home_agent_write(
	const struct mn_core *core, const struct mn_attempt *attempt, struct mip_writer *writer);
/* The association that the request is authenticated with, and a reply from that home agent. */
struct mip_association *mn_home_agent_asking(const struct mn_core *core, const struct mn_attempt *attempt);
struct mip_association *mn_home_agent_answering(const struct mn_core *core, struct mip_address home_agent);
/* True: the next transmission is to be another request than the one before. */
bool mn_home_agent_unanswered(struct mn_core *core, struct mn_attempt *attempt);
/* What an authentic denial says of home agents, and what follows. */
enum mn_next {
	MN_NEXT_REPAIR, /* nothing: it is about something else */
	MN_NEXT_AGAIN,	/* ask again, otherwise */
	MN_NEXT_STOP,	/* no more requests */
};
enum mn_next mn_home_agent_denied(struct mn_core *core, uint8_t code, struct mip_address home_agent,
	struct mip_address redirected_to, struct mip_now now);
/* That answer's code says that the home agent is not there, or does not want the node. Negative: none came. */
bool mn_home_agent_refuses(int code);
/* False: that cannot be one. */
bool mn_home_agent_accepted(struct mn_core *core, struct mip_address home_agent);
void mn_home_agent_session(struct mn_core *core, mip_time ends, struct mip_now now);
/* One that a daemon before this one began. 0; -ESTALE: it is not one for these settings. */
int mn_home_agent_resume(
	struct mn_core *core, struct mip_address home_agent, struct mip_address home_address, mip_time ends);
void mn_home_agent_session_over(struct mn_core *core);
/* The settings are other ones; `before`: their hint was this. */
void mn_home_agent_hinted(struct mn_core *core, struct mip_address before);
/* It does not answer, or refuses: one that was found is to be found again, one that was assigned when its session is
 * over. */
void mn_home_agent_forget(struct mn_core *core, struct mip_now now);

/* mn_request.c */
/* Builds the request of the attempt with a new identification and sends it. 0 or negative errno. */
int mn_request_send(struct mn_core *core, struct mn_attempt *attempt, bool again, struct mip_now now);

/* mn_reply.c */
struct mn_received {
	mip_link link;
	struct mip_address source, destination;
	uint16_t source_port;
	const uint8_t *octets;
	size_t length;
};
void mn_reply_input(struct mn_core *core, const struct mn_received *received, struct mip_now now);

/* mn_revocation.c */
/* Whether a request from there offers to take part. */
bool mn_revocation_is_for(const struct mn_core *core, const struct mn_attempt *attempt);
void mn_revocation_offer(struct mip_writer *writer, struct mip_now now);
void mn_revocation_input(struct mn_core *core, const struct mn_received *received, struct mip_now now);
/* Registered there: what was revoked of that care-of address is history. */
void mn_revocation_registered(struct mn_core *core, const struct mn_place *place);
/* The binding with that care-of address is over; its home agent may say so again. */
bool mn_revocation_remembers(const struct mn_core *core, struct mip_address care_of_address);

/* mn_binding.c */
struct mn_grant {
	uint16_t lifetime;
	enum mip_encapsulation encapsulation;
	struct mip_address source;   /* of the reply */
	uint16_t keepalive_interval; /* seconds; 0: our own */
	bool revocable;
	uint32_t home_agent_timestamp;
	bool retained; /* with S, and the home agent has kept the bindings before */
};
/* The attempt was accepted: its place becomes the binding's. */
void mn_binding_accept(struct mn_core *core, const struct mn_grant *grant, struct mip_now now);
/* There is none any more (its link is gone, it expired, it was ended). */
void mn_binding_drop(struct mn_core *core);
void mn_binding_renew(struct mn_core *core, struct mip_now now);
/* Its renewal is under way and cannot wait for anything else. */
bool mn_binding_is_urgent(const struct mn_core *core, struct mip_now now);
/* Nothing is under way: sees to it that the renewal is still to come. */
void mn_binding_watch(struct mn_core *core, struct mip_now now);
void mn_binding_expired(struct mn_core *core, struct mip_now now);
void mn_binding_keepalive(struct mn_core *core, struct mip_now now);
void mn_binding_grace_over(struct mn_core *core);
bool mn_binding_is_live(const struct mn_core *core);
/* The one before is the one in use again. */
void mn_binding_resume(struct mn_core *core, struct mip_now now);

/* mn_simultaneous.c */
/* MIP_REQUEST_S where the attempt's request is to have it, otherwise 0. */
uint8_t mn_simultaneous_flag(const struct mn_core *core, const struct mn_attempt *attempt);
/* A deregistration has to name all care-of addresses, for there are several. */
bool mn_simultaneous_ends_all(const struct mn_core *core, const struct mn_attempt *attempt);
void mn_simultaneous_accepted(struct mn_core *core, bool retained, bool moved, struct mip_now now);
void mn_simultaneous_refused(struct mn_core *core);
/* The overlap is over. */
void mn_simultaneous_settle(struct mn_core *core, struct mip_now now);
void mn_simultaneous_watch(struct mn_core *core, struct mip_now now);
/* Without a binding: the one before it that the home agent still has, if that is of use. */
void mn_simultaneous_resume(struct mn_core *core, struct mip_now now);
void mn_simultaneous_agent_gone(struct mn_core *core, const struct mn_agent *agent);

/* mn_record.c */
/* The session with the assigned home agent, as it is now. */
void mn_record_keep_session(struct mn_core *core, struct mip_now now);
void mn_record_forget_session(struct mn_core *core);

/* mn_routing.c */
/* Puts into the outbox what makes the wanted kernel state that of now: what is new or changed first, then
 * what is no longer wanted. */
void mn_routing_apply(struct mn_core *core);
/* The address is on the link because we want it there. */
bool mn_routing_wants_address(
	const struct mn_core *core, mip_link link, struct mip_address address, uint8_t prefix_length);

/* mn_arp.c */
/* RFC 5944 4.6: tells the home link where the home address is; now and a few times more. */
void mn_arp_announce(struct mn_core *core, struct mip_now now);
void mn_arp_due(struct mn_core *core, struct mip_now now);
void mn_arp_input(struct mn_core *core, const struct mip_input_frame *frame);

#endif

/*
 * The mobile node's machine: what it is told, what can be asked of it. It has no socket and no clock: events
 * and the time go in, the outbox fills with frames, datagrams, kernel state and events to take out.
 *
 * Every function that takes `now` may fill the outbox and move the deadline.
 */
#ifndef MN_CORE_H
#define MN_CORE_H

#include "counter.h"
#include "input.h"
#include "log.h"
#include "mn_settings.h"
#include "output.h"

enum mn_state {
	MN_STATE_SEARCHING,   /* no agent and no care-of address anywhere */
	MN_STATE_HOME,	      /* at home; the home agent has confirmed it */
	MN_STATE_REGISTERING, /* a request is under way, and no binding is in use */
	MN_STATE_REGISTERED,  /* a binding is in use, away from home */
	MN_STATE_UNREACHABLE, /* the home agent does not answer */
};

/* How the node is attached. */
enum mn_mode {
	MN_MODE_NONE,
	MN_MODE_HOME,
	MN_MODE_FOREIGN_AGENT,
	MN_MODE_CO_LOCATED,
};
extern const struct mip_name mn_state_names[];		/* "searching", "home" … as in `mn status` */
extern const struct mip_name mn_mode_names[];		/* "home", "foreign-agent", "co-located" */
extern const struct mip_name mn_care_of_names[];	/* "any", "foreign-agent", "co-located" */
extern const struct mip_name mn_move_detection_names[]; /* "lifetime", "prefix", "eager" */

struct mn_core;

/* `settings` are copied; `random` and `log` (may be NULL) must outlive the core. 0 or -ENOMEM. */
int mn_core_new(const struct mn_settings *settings, const struct mip_random *random,
	const struct mip_log *log, struct mn_core **ret_core);
void mn_core_free(struct mn_core *core);
struct mip_outbox *mn_core_outbox(struct mn_core *core);

/* The UDP port that the node sends its requests from. Before mn_core_begin(). */
void mn_core_udp_port(struct mn_core *core, uint16_t port);
/* A record that a machine before this one kept (MIP_OUTPUT_KEEP). Before mn_core_begin(). What does not fit is
 * forgotten. */
void mn_core_record(
	struct mn_core *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now);
/* What is there already has been told: begin. */
void mn_core_begin(struct mn_core *core, struct mip_now now);
void mn_core_link(struct mn_core *core, const struct mip_input_link *link, struct mip_now now);
void mn_core_address(struct mn_core *core, const struct mip_input_address *address, struct mip_now now);
void mn_core_default_route(
	struct mn_core *core, const struct mip_input_default_route *route, struct mip_now now);
void mn_core_frame(struct mn_core *core, const struct mip_input_frame *frame, struct mip_now now);
void mn_core_datagram(struct mn_core *core, const struct mip_input_datagram *datagram, struct mip_now now);
void mn_core_icmp_error(struct mn_core *core, const struct mip_input_icmp_error *error, struct mip_now now);
/* A decapsulated ICMP packet, from its IP header on; true: it was the answer to a keep-alive of ours. */
bool mn_core_tunnelled(struct mn_core *core, const uint8_t *packet, size_t length, struct mip_now now);
/* When mn_core_advance() wants to be called; MIP_NEVER: not at all. */
mip_time mn_core_deadline(const struct mn_core *core);
void mn_core_advance(struct mn_core *core, struct mip_now now);

/* What a person asks for. Each returns 0, or a negative errno and says in `ret_reason` (a constant) why not.
 */
/* Register now, whatever was denied before; ends what `deregister` began. */
int mn_core_register(struct mn_core *core, struct mip_now now, const char **ret_reason);
/* End the binding, and stay without one until mn_core_register(). */
int mn_core_deregister(struct mn_core *core, struct mip_now now, const char **ret_reason);
/* Prefer this interface, over home too, until it goes down or another one is asked for. */
int mn_core_handover(
	struct mn_core *core, const char *interface, struct mip_now now, const char **ret_reason);
/* Other settings from now on. The home address, prefix and NAI stay what they were: -EBUSY otherwise. The
 * caller then tells all links, addresses and routes again, for interfaces that are new. */
int mn_core_reconfigure(struct mn_core *core, const struct mn_settings *settings, struct mip_now now,
	const char **ret_reason);
/* The daemon ends: says good-bye to the home agent, if the settings want that. One message, no waiting. */
void mn_core_farewell(struct mn_core *core, struct mip_now now);

/* Where it is: the binding in use; or else the one that is being made. */
struct mn_status {
	enum mn_state state;
	struct mip_address home_address; /* 0.0.0.0: not known yet, as with all that follow */
	struct mip_address home_agent;
	struct mip_address care_of_address;
	enum mn_mode mode;
	const char *interface; /* NULL: none; valid until the next call */
	struct mip_address agent;
	bool bound;	    /* a binding is in use: lifetime, remaining, encapsulation are known */
	uint16_t lifetime;  /* granted, seconds; 0xffff is infinite */
	mip_time remaining; /* ns; MIP_NEVER when infinite */
	enum mip_encapsulation encapsulation;
	bool simultaneous; /* the binding before the handover is kept for a while beside this one (S) */
	int last_code;	   /* of the last Registration Reply that was believed; -1: none */
};
struct mn_status mn_core_status(const struct mn_core *core, struct mip_now now);

/* The agents heard. Views into the core, valid until the next call. */
struct mn_agent_view {
	struct mip_address address;
	const char *interface;
	const struct mip_address *care_of_addresses;
	size_t care_of_address_count;
	uint16_t flags; /* enum mip_agent_flag */
	bool home;
	uint16_t sequence;
	mip_time age; /* since its last advertisement */
	uint16_t lifetime;
	uint16_t registration_lifetime;
};
size_t mn_core_agent_count(const struct mn_core *core);
/* index below the count; in no particular order. */
struct mn_agent_view mn_core_agent(const struct mn_core *core, size_t index, struct mip_now now);

struct mip_counter_table mn_core_counters(const struct mn_core *core);

#endif

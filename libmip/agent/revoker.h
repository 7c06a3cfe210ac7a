/*
 * The revocations of an agent, home or foreign (RFC 3543): those that it has begun, sent again until the
 * other agent acknowledges them, and those of the other agent, remembered so that a repetition is
 * acknowledged again and a replay is not.
 *
 *             begin                              acknowledged
 *   binding ────────> under way ──┐ 1, 2, 4 … s ─────────────> remembered ──> forgotten, when the binding
 *      │                   │  ^   │ sent again                     ^          would have ended, or when the
 *      │                   │  └───┘                                │          node registers again
 *      │                   └──> given up, forgotten                │
 *      └───────────────────────────────────────────────────────────┘
 *                  revoked by the other agent
 *
 * The clock: identifiers and the timestamps of Revocation Support extensions are the seconds of an NTP
 * timestamp (RFC 5944 5.7.1), which here never go back. "Later" is a signed difference modulo 2^32.
 */
#ifndef MIP_AGENT_REVOKER_H
#define MIP_AGENT_REVOKER_H

#include <uthash.h>

#include "association.h"
#include "deadline.h"
#include "extension.h"
#include "input.h"
#include "output.h"
#include "rate.h"
#include "revocation.h"

enum {
	MIP_REVOKER_ATTEMPTS_MAX = 16,
};

/* What an agent is configured with. All zero: it takes no part in revocation. */
struct mip_revocation_settings {
	bool enabled;
	bool inform_bit;   /* I: the home agent decides whether the mobile node is informed */
	bool inform;	   /* this agent's own wish: the node is informed */
	unsigned attempts; /* 1 to MIP_REVOKER_ATTEMPTS_MAX transmissions without an acknowledgment */
	size_t most;	   /* revocations under way or remembered, at once */
	/* Sent in a second to one agent: what it repeats, or others replay, is not acknowledged more often. 0: no
	 * limit. */
	uint32_t acknowledgments;
};

/* What the two agents of a binding have agreed on, in its last successful registration. All zero: nothing. */
struct mip_revocation_terms {
	bool negotiated; /* both have included a Revocation Support extension (4.2.1) */
	bool inform;	 /* both have set I (3.2); before the reply is there: we have */
	uint32_t own;	 /* our timestamp in it … */
	uint32_t theirs; /* … and the other agent's */
	mip_time sent;	 /* CLOCK_BOOTTIME of our last registration message for the binding */
};

/*
 * A binding that is revoked. The first part is what mip_revoker_begin() and _remember() are told. It is one of the
 * key's, and the only one of them with its foreign domain address: of a node's bindings at a time (RFC 5944
 * 3.8.2.2) several may be by one peer, an agent with several care-of addresses, or a NAT.
 */
struct mip_revoked {
	struct mip_revoked_key {
		struct mip_address home_address;
		struct mip_address peer; /* the other agent, or the direct co-located node */
	} key;
	struct mip_revocation message;	     /* A, I and the addresses; the identifier is filled in */
	struct mip_output_datagram way;	     /* of our revocations */
	uint8_t authentication;		     /* type of the extension: Foreign-Home, or Mobile-Home */
	struct mip_association *association; /* a reference is taken */
	struct mip_revocation_terms terms;
	mip_time expires; /* CLOCK_BOOTTIME: the normal life of the binding; MIP_NEVER */
	/* Where a foreign agent finds the node, to inform it later. */
	mip_link node_link;
	struct mip_link_address node_link_address;

	bool under_way;
	unsigned attempts;
	uint32_t sent[MIP_REVOKER_ATTEMPTS_MAX]; /* identifiers of the transmissions */
	mip_time held_until, held_most;		 /* 0: not held since the last transmission */
	bool received;				 /* the other agent's revocation has come: with … */
	uint32_t identifier;			 /* … this one at last … */
	bool informed;				 /* … acknowledged with this I */
	struct mip_deadline deadline;
	struct mip_revoked *next_of_key; /* a ring of those with its key; itself, if it is alone */
	UT_hash_handle hh;
};

/* Where a revoker lives; the pointers must outlive it. */
struct mip_revoker_environment {
	struct mip_outbox *outbox;
	struct mip_deadlines *deadlines;
	int deadline_kind;
	const struct mip_random *random;
	uint64_t *revocations_sent;	    /* counts up with each transmission, … */
	uint64_t *acknowledgments_sent;	    /* … with each acknowledgment … */
	uint64_t *acknowledgments_withheld; /* … and with each that is one too many */
};

struct mip_revoker {
	struct mip_revoker_environment environment;
	struct mip_revocation_settings settings;
	struct mip_revoked *table;
	bool clock_any;
	uint32_t clock; /* the last timestamp given */
	struct mip_rate_table acknowledgments;
};

void mip_revoker_init(struct mip_revoker *revoker, const struct mip_revoker_environment *environment);
/* For what begins from now on. Returns 0, or -EINVAL (attempts out of bounds) and nothing is changed. */
int mip_revoker_configure(struct mip_revoker *revoker, const struct mip_revocation_settings *settings);
void mip_revoker_clear(struct mip_revoker *revoker);

/* RFC 3543 3.2, 3.5: the 4-byte timestamp of now. */
uint32_t mip_revoker_timestamp(struct mip_revoker *revoker, struct mip_now now);
/* Whether timestamp `a` is later than `b`. */
bool mip_revocation_is_later(uint32_t a, uint32_t b);

/*
 * Begins to tell the other agent. The first message leaves now, or as soon as the last registration message
 * is a second ago. Takes the place of another one of the same binding. Returns 0; -ESTALE: the binding is over
 * by then; -ENOSPC: too many; -ENOMEM.
 */
int mip_revoker_begin(struct mip_revoker *revoker, const struct mip_revoked *what, struct mip_now now);
/* One message and no more, without a record: the agent stops. -EAGAIN: it would be too soon. */
int mip_revoker_send_once(struct mip_revoker *revoker, const struct mip_revoked *what, struct mip_now now);
/* The other agent has revoked it, with `what->identifier` and `what->informed`. 0, -ENOSPC, -ENOMEM. */
int mip_revoker_remember(struct mip_revoker *revoker, const struct mip_revoked *what, struct mip_now now);
/* That of the binding with this foreign domain address. NULL: none. */
struct mip_revoked *mip_revoker_find(const struct mip_revoker *revoker, struct mip_address home_address,
	struct mip_address peer, struct mip_address foreign_domain);
/* The node has registered again, or the deadline says that it is over. */
void mip_revoker_forget(struct mip_revoker *revoker, struct mip_revoked *revoked);
/* A registration of the node is on its way by the same agents: nothing is sent until then; but several of them, which nobody
 * has accepted, do not hold it back without end. */
void mip_revoker_hold(struct mip_revoked *revoked, mip_time until);
/* The one under way to one of whose transmissions the peer's acknowledgment belongs. NULL: none. */
struct mip_revoked *mip_revoker_find_acknowledged(
	const struct mip_revoker *revoker, struct mip_address peer, const struct mip_revocation_ack *ack);
/* It is acknowledged: from now on it is remembered only. */
void mip_revoker_settle(struct mip_revoker *revoker, struct mip_revoked *revoked, struct mip_now now);

struct mip_revoked *mip_revoked_of(struct mip_deadline *deadline);
/* Its deadline was popped. True: it is over (given up, if it is still under way), to be forgotten. */
bool mip_revoker_due(struct mip_revoker *revoker, struct mip_revoked *revoked, struct mip_now now);

/*
 * Whether the extensions have exactly one authentication extension of this type, and a right one. 0;
 * -ENOENT: none, or several; else as mip_authenticator_check().
 */
int mip_revocation_authenticate(const struct mip_association *association, uint8_t type,
	const uint8_t *octets, const struct mip_extensions *extensions);

/* RFC 3543 3.4: the acknowledgment goes back the way that `received` came. 0 or negative errno. */
int mip_revocation_acknowledge(struct mip_outbox *outbox, const struct mip_association *association,
	uint8_t authentication, const struct mip_input_datagram *received,
	const struct mip_revocation_ack *ack);
/* The same, counted, and at a limited rate: the authenticator is right, but of a message that others can repeat. */
void mip_revoker_acknowledge(struct mip_revoker *revoker, const struct mip_association *association,
	uint8_t authentication, const struct mip_input_datagram *received,
	const struct mip_revocation_ack *ack, struct mip_now now);

#endif

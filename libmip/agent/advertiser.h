/*
 * An agent that advertises itself on one link (RFC 5944 2.1, 2.3; RFC 1256 4.3): the cadence, the sequence
 * numbers and their roll-over, and the answers to solicitations with their limits. The home agent has one for
 * each home link, the foreign agent one for each visited link.
 *
 *             start (the link is up and has an address)
 *   stopped ────────────────────────────────────────────> advertising ──┐ every interval, slightly random;
 *      ^                                                    │  ^        │ at once when it starts
 *      └────────────────────────────────────────────────────┘  └────────┘
 *         stop (a last advertisement with lifetime 0 if asked for)
 *
 * A solicitation with a source address is answered at once by a unicast to the link address of its frame; one
 * without (0.0.0.0), and what exceeds the limit of unicast answers, by a multicast that is never nearer than
 * MIP_ADVERTISER_LEAST_GAP to the one before. The advertisements go into the owner's outbox as frames of the
 * link (224.0.0.1 or 255.255.255.255, TTL 1), with the sequence number of the agent on this link. It lives as
 * long as the struct: not reset by stop and start, since a node takes a smaller number for a reboot.
 *
 * Use: mip_advertiser_init() once; mip_advertiser_configure() whenever the settings are known or change;
 * start and stop as the link comes and goes; mip_advertiser_frame() with each IPv4 frame of the link;
 * and when the owner pops the deadline (of the kind given in the environment), mip_advertiser_advance() with
 * mip_advertiser_of(deadline).
 */
#ifndef MIP_AGENT_ADVERTISER_H
#define MIP_AGENT_ADVERTISER_H

#include "advertisement.h"
#include "deadline.h"
#include "input.h"
#include "output.h"
#include "rate.h"

/* What the agent says of itself on this link. Copied by mip_advertiser_configure(). */
struct mip_advertiser_settings {
	/* The agent's address on this link: the IP source of the advertisements, and the one router address
	 * in them. It must be there before mip_advertiser_start(). */
	struct mip_address address;
	/* Of that address: told in a Prefix-Lengths extension (2.1.2). 0: the extension is left out; on one
	 * link all agents must have it, or none (2.3). */
	uint8_t prefix_length;
	/* RFC 1256: the worth of the address as a default router, INT32_MIN: not to be used as such. */
	int32_t preference;
	bool advertise_router; /* put the address into the list of routers (2.3.1) */
	/* ICMP code 16: the agent does not route traffic that has nothing to do with mobile nodes. */
	bool only_mobile_traffic;
	/* MIP_AGENT_… : at least one of F and H; B and R only with F; F only with a care-of address. */
	uint16_t flags;
	uint16_t registration_lifetime; /* seconds, 0xffff is infinite */
	size_t care_of_address_count;
	struct mip_address care_of_addresses[MIP_CARE_OF_ADDRESSES_MAX];
	mip_time interval; /* at most this long between two advertisements */
	mip_time lifetime; /* of one advertisement; on the wire rounded up to seconds */
	unsigned
		unicasts; /* a second, in answer to solicitations; beyond, a multicast answers. 0: no limit */
	bool solicited_only; /* advertise only when solicited (2.3: MAY be configured) */
	bool broadcast;	     /* to 255.255.255.255 in place of 224.0.0.1 (2.1) */
};

/* Why an advertisement leaves, for the challenge in it (RFC 4721 2.1). */
enum mip_advertiser_occasion {
	MIP_ADVERTISER_UNSOLICITED,	    /* its time had come: a new challenge */
	MIP_ADVERTISER_SOLICITED_MULTICAST, /* brought forward by a solicitation: the newest that there is */
	MIP_ADVERTISER_UNICAST,		    /* to one node */
};

/* Where an advertiser lives. The pointers must outlive it; the counters may be NULL. */
struct mip_advertiser_environment {
	struct mip_outbox *outbox;
	struct mip_deadlines *deadlines;
	int deadline_kind;
	const struct mip_random *random;
	uint64_t *advertisements_sent;	  /* counts up with each */
	uint64_t *solicitations_received; /* well-formed ones */
	uint64_t *solicitations_limited;  /* of these, not answered by a unicast, for there were too many */
	/* RFC 4721 2: gives the challenge for an advertisement (`to`: the soliciting node's address, with
	 * MIP_ADVERTISER_UNICAST), and returns its length, 0 for none. NULL: there are none. A farewell has
	 * none either. */
	size_t (*challenge)(void *context, enum mip_advertiser_occasion occasion, struct mip_address to,
		uint8_t challenge[static MIP_CHALLENGE_MAX]);
	void *challenge_context;
};

enum {
	MIP_ADVERTISER_INITIAL = 3, /* RFC 1256 5: MAX_INITIAL_ADVERTISEMENTS … */
};
#define MIP_ADVERTISER_INITIAL_INTERVAL (16 * MIP_SECOND)
/* RFC 5944 2.3: the rate of multicast advertisements is limited, whatever asks for them. */
#define MIP_ADVERTISER_LEAST_GAP (100 * MIP_MILLISECOND)
/* RFC 1256 4.3: a multicast answer is delayed by a random time up to this (there 2 s at most). */
#define MIP_ADVERTISER_RESPONSE_DELAY (20 * MIP_MILLISECOND)

/* All members are the advertiser's own; read `sequence` and `running` as you like. */
struct mip_advertiser {
	struct mip_advertiser_environment environment;
	struct mip_advertiser_settings settings;
	struct mip_deadline deadline;
	mip_link link;
	bool running;
	uint16_t sequence; /* of the next advertisement */
	unsigned initial_left;
	mip_time last_multicast; /* valid if multicast_any */
	bool multicast_any;
	bool answer_pending; /* a solicitation waits for the next multicast */
	mip_time due;	     /* of the next unsolicited one: until then a multicast is a solicited one */
	struct mip_rate unicasts;
};

void mip_advertiser_init(
	struct mip_advertiser *advertiser, const struct mip_advertiser_environment *environment);
/* Cancels its deadline. Nothing is sent. The struct may be freed or initialised again after it. */
void mip_advertiser_clear(struct mip_advertiser *advertiser);

/*
 * Takes over the settings, for the next advertisement on; the cadence goes on. Returns 0, or -EINVAL when
 * they break one of the rules named at the members (and nothing is changed).
 */
int mip_advertiser_configure(
	struct mip_advertiser *advertiser, const struct mip_advertiser_settings *settings);

/* The link (by its index now) is up: the first advertisement leaves at once. Also when it runs already: then
 * one more leaves at once (an address or the settings have changed), within the limit. */
void mip_advertiser_start(struct mip_advertiser *advertiser, mip_link link, struct mip_now now);
/* `farewell`: with a last advertisement of lifetime 0 (RFC 1256 4.3), for when the agent stops while the link
 * is up. */
void mip_advertiser_stop(struct mip_advertiser *advertiser, bool farewell, struct mip_now now);

/*
 * A frame of the link, as the shell gives it. Returns 1 when it was a solicitation for this agent and was
 * answered or will be; 0 when it is something else (no ICMP, another message, another destination, another
 * link), for the owner to look at; -EBADMSG for a malformed packet or solicitation, dropped.
 */
int mip_advertiser_frame(
	struct mip_advertiser *advertiser, const struct mip_input_frame *frame, struct mip_now now);
/* The same taken apart: who solicited. `source` may be 0.0.0.0. */
void mip_advertiser_solicited(struct mip_advertiser *advertiser, struct mip_address source,
	struct mip_link_address link_address, struct mip_now now);

/*
 * RFC 3543 4.1: tells one node, by a unicast advertisement with sequence number 0, that its binding is gone.
 * The numbers of the others go on as they were. Nothing happens while the advertiser is stopped.
 */
void mip_advertiser_reset_node(
	struct mip_advertiser *advertiser, struct mip_address node, struct mip_link_address link_address);

/* The advertiser that a popped deadline of its kind belongs to; and what to do then. */
struct mip_advertiser *mip_advertiser_of(struct mip_deadline *deadline);
void mip_advertiser_advance(struct mip_advertiser *advertiser, struct mip_now now);

#endif

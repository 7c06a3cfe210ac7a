/*
 * Replay protection (RFC 5944 5.7): timestamps and nonces, from both ends.
 *
 * An identification is 64 bits. With timestamps the node puts its time of day there in the format of NTP; the
 * home agent accepts one that is near its own time and greater than all it has accepted from this node. With
 * nonces the high 32 bits of every reply are the home agent's new nonce, which the node must use as the high
 * 32 bits of its next request (RFC 5944 5.7.2). The low 32 bits are the node's in both styles and come back
 * unchanged.
 *
 * "Greater" is a signed difference modulo 2^64, so that it holds across the roll-over of 2036, when the
 * seconds begin at 0 again. Only authenticated messages may come here.
 */
#ifndef MIP_AUTH_REPLAY_H
#define MIP_AUTH_REPLAY_H

#include "association.h"

/* Wall time as an NTP timestamp: seconds since 1900 in the high 32 bits (modulo 2^32), fraction in the low.
 */
uint64_t mip_ntp_of(mip_time wall);
/* Signed distance a - b in ns, right across the roll-over of 2036. */
mip_time mip_ntp_difference(uint64_t a, uint64_t b);

/* The home agent's (or any judge's) state for one node. All zero: nothing accepted yet. Plain data: it can be
 * kept and restored. */
struct mip_replay_state {
	uint64_t last_accepted; /* the timestamp of the last accepted request */
	bool accepted_any;
	uint32_t nonce; /* ours, that the next request must carry; valid if has_nonce */
	bool has_nonce;
};

enum mip_replay_verdict {
	MIP_REPLAY_FRESH,
	MIP_REPLAY_MISMATCH, /* code 133; the reply's identification lets the node resynchronise */
};

/* Judges a request's identification. Changes nothing. */
enum mip_replay_verdict mip_replay_judge(const struct mip_association *association,
	const struct mip_replay_state *state, uint64_t identification, mip_time wall);
/* The request was fresh and accepted: remember it, so that it is not accepted again. Before or after
 * mip_replay_reply_identification(). */
void mip_replay_accept(
	struct mip_replay_state *state, const struct mip_association *association, uint64_t identification);
/*
 * The identification of the reply to a request: RFC 5944 5.7.1 (copied; or with our time in the high half
 * when mismatched), 5.7.2 (the low half copied, the high half a new nonce, remembered in the state). Once for
 * each reply that is sent, whatever its code.
 */
uint64_t mip_replay_reply_identification(struct mip_replay_state *state,
	const struct mip_association *association, enum mip_replay_verdict verdict,
	uint64_t request_identification, mip_time wall, const struct mip_random *random);

/* The mobile node's state for its home agent. All zero is a start. */
struct mip_replay_sender {
	mip_time clock_offset; /* ns that the home agent's clock is ahead of ours, learnt from code 133 */
	uint64_t last_sent;    /* identifications with timestamps only grow */
	bool sent_any;
	uint32_t home_agent_nonce; /* what our next request must carry; valid if has_nonce */
	bool has_nonce;
};

/*
 * The identification of the next request; each call gives another. A retransmission takes a new one with
 * timestamps; with nonces "the unanswered Request is retransmitted unchanged" (RFC 5944 3.6.3).
 */
uint64_t mip_replay_next(struct mip_replay_sender *sender, const struct mip_association *association,
	mip_time wall, const struct mip_random *random);
/* Whether an authenticated reply belongs to the request `sent` (RFC 5944 3.6.2.1: the low-order 32 bits are
 * compared). */
bool mip_replay_matches(uint64_t sent, uint64_t received);
/*
 * Learn from an authenticated reply that belongs to our last request: the next nonce, or after code 133 the
 * clock offset (after code 136 too, if the reply shows that the clocks differ). Replies that a foreign agent
 * made (by their code) teach nothing.
 */
void mip_replay_learn(struct mip_replay_sender *sender, const struct mip_association *association,
	uint8_t code, uint64_t reply_identification, mip_time wall);

#endif

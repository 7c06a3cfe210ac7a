/*
 * Replay protection (RFC 5944 5.7), both styles, seen from both ends.
 *
 *                        high 32 bits                          low 32 bits
 *   timestamp  request   seconds since 1900, modulo 2^32       fraction of a second
 *              reply     the same | code 133: our seconds      the same
 *   nonce      request   the home agent's nonce                the node's nonce
 *              reply     the home agent's new nonce            the same
 *
 * A timestamp is judged twice: it must be near our clock, and after the last one that was accepted. Both are
 * signed differences modulo 2^64, right as long as the two lie less than 68 years apart, which the first
 * check sees to. So nothing happens in 2036, when the seconds run over.
 *
 * After code 133 a node knows the home agent's clock to the second only: its fraction is the request's own.
 * The node takes the end of that second. It is then ahead by less than a second, far within any tolerance,
 * and never behind what the home agent may have accepted before with its own clock as the measure.
 */
#include <errno.h>

#include "registration.h"
#include "replay.h"

/* Seconds from 1900-01-01 (the era of NTP) to 1970-01-01. */
static const uint64_t ntp_epoch = 2208988800u;
static const uint64_t low_half = 0xffffffffu;

static uint32_t high_of(uint64_t identification)
{
	return (uint32_t)(identification >> 32);
}

static uint64_t identification_of(uint32_t high, uint64_t low)
{
	return (uint64_t)high << 32 | (low & low_half);
}

uint64_t mip_ntp_of(mip_time wall)
{
	int64_t seconds = wall / MIP_SECOND, rest = wall % MIP_SECOND;

	if (rest < 0) {
		seconds--;
		rest += MIP_SECOND;
	}
	return identification_of(
		(uint32_t)((uint64_t)seconds + ntp_epoch), ((uint64_t)rest << 32) / (uint64_t)MIP_SECOND);
}

mip_time mip_ntp_difference(uint64_t a, uint64_t b)
{
	uint64_t difference = a - b;
	bool negative = difference >> 63;
	uint64_t distance = negative ? 0 - difference : difference;
	mip_time ns = (mip_time)(distance >> 32) * MIP_SECOND +
		      (mip_time)(((distance & low_half) * (uint64_t)MIP_SECOND) >> 32);

	return negative ? -ns : ns;
}

/* Whether a is later than b, modulo 2^64. */
static bool is_later(uint64_t a, uint64_t b)
{
	return a != b && (a - b) >> 63 == 0;
}

static uint32_t random32(const struct mip_random *random)
{
	uint32_t value = 0;

	random->fill(random->context, &value, sizeof(value));
	return value;
}

/* A random number that is neither of these two. */
static uint32_t random_other_than(const struct mip_random *random, uint32_t one, uint32_t two)
{
	uint32_t value = random32(random);

	while (value == one || value == two)
		value++;
	return value;
}

/* --- the home agent --------------------------------------------------------------------------- */

/* rfc5944-5.7-1, rfc5944-5.7.1-6: "the timestamp contained in the Identification field MUST be close enough
 * to the home agent's time-of-day clock, and the timestamp MUST be greater than all previously accepted
 * timestamps". */
static bool timestamp_is_fresh(const struct mip_association *association,
	const struct mip_replay_state *state, uint64_t identification, mip_time wall)
{
	mip_time ahead = mip_ntp_difference(identification, mip_ntp_of(wall));
	mip_time tolerance = mip_association_replay_tolerance(association);

	if (ahead > tolerance || ahead < -tolerance)
		return false;
	return !state->accepted_any || is_later(identification, state->last_accepted);
}

/* rfc5944-5.7.1-5: "the home agent MUST check the Identification field for validity", by the style that the
 * association names (rfc5944-5.7-2). */
enum mip_replay_verdict mip_replay_judge(const struct mip_association *association,
	const struct mip_replay_state *state, uint64_t identification, mip_time wall)
{
	bool fresh;

	if (mip_association_replay(association) == MIP_REPLAY_NONCE)
		fresh = state->has_nonce && state->nonce == high_of(identification);
	else
		fresh = timestamp_is_fresh(association, state, identification, wall);
	return fresh ? MIP_REPLAY_FRESH : MIP_REPLAY_MISMATCH;
}

void mip_replay_accept(
	struct mip_replay_state *state, const struct mip_association *association, uint64_t identification)
{
	if (mip_association_replay(association) == MIP_REPLAY_NONCE) {
		/* Used up, unless the reply has brought the next one already. */
		if (state->nonce == high_of(identification))
			state->has_nonce = false;
		return;
	}
	state->last_accepted = identification;
	state->accepted_any = true;
}

uint64_t mip_replay_reply_identification(struct mip_replay_state *state,
	const struct mip_association *association, enum mip_replay_verdict verdict,
	uint64_t request_identification, mip_time wall, const struct mip_random *random)
{
	/* rfc5944-5.7-3: "the low-order 32 bits of the Identification field MUST be copied unchanged". */
	if (mip_association_replay(association) == MIP_REPLAY_NONCE) {
		/* 5.7.2: "It inserts a new nonce as the high-order 32 bits … of every Registration Reply." */
		state->nonce = random_other_than(random, state->nonce, high_of(request_identification));
		state->has_nonce = true;
		return identification_of(state->nonce, request_identification);
	}
	/* rfc5944-5.7.1-7: "If the timestamp is valid, the home agent copies the entire Identification field
	 * into the Registration Reply … If the timestamp is not valid, the home agent copies only the
	 * low-order 32 bits …, and supplies the high-order 32 bits from its own time of day." */
	if (verdict == MIP_REPLAY_FRESH)
		return request_identification;
	return identification_of(high_of(mip_ntp_of(wall)), request_identification);
}

/* --- the mobile node -------------------------------------------------------------------------- */

enum {
	/* Of the fraction: 16 ms, which a node's clock is seldom nearer to the home agent's. */
	RANDOM_BITS = 26,
};

/* rfc5944-5.7.1-3: "those bits that are not available from a time source SHOULD be generated from a good
 * source of randomness". They are what tells one request's reply from another's (rfc5944-5.7-4), and requests
 * leave whole seconds apart: the fraction of a clock that counts well would be the same in each. */
static uint64_t timestamp_next(
	const struct mip_replay_sender *sender, mip_time wall, const struct mip_random *random)
{
	/* rfc5944-5.7.1-2: "formatted as specified by the Network Time Protocol". */
	uint64_t timestamp =
		mip_ntp_of(wall + sender->clock_offset) + (random32(random) >> (32 - RANDOM_BITS));

	/* rfc5944-5.7.1-4: "MUST be greater than that used in any previous Registration Request". */
	if (sender->sent_any && !is_later(timestamp, sender->last_sent))
		timestamp = sender->last_sent + 1;
	/* rfc5944-5.7-5: and in no case "the same as in an immediately preceding Request". */
	if (timestamp == sender->last_sent)
		timestamp++;
	return timestamp;
}

/* rfc5944-5.7.2-1: "The high-order and low-order 32 bit values … SHOULD both differ from their previous
 * values." Without a nonce of the home agent any will do: its reply brings one. */
static uint64_t nonce_next(const struct mip_replay_sender *sender, const struct mip_random *random)
{
	uint32_t last_low = (uint32_t)sender->last_sent;
	uint32_t high = sender->home_agent_nonce;

	if (!sender->has_nonce)
		high = random_other_than(random, high_of(sender->last_sent), high_of(sender->last_sent));
	return identification_of(high, random_other_than(random, last_low, last_low));
}

uint64_t mip_replay_next(struct mip_replay_sender *sender, const struct mip_association *association,
	mip_time wall, const struct mip_random *random)
{
	if (mip_association_replay(association) == MIP_REPLAY_NONCE) {
		/* The home agent's nonce stays: if this request is lost, the next one may still use it. */
		sender->last_sent = nonce_next(sender, random);
	} else {
		sender->last_sent = timestamp_next(sender, wall, random);
	}
	sender->sent_any = true;
	return sender->last_sent;
}

/* rfc5944-5.7-4, rfc5944-3.6.2.1-2: "the low-order 32 bits of the Identification field in the Registration
 * Reply MUST be compared". */
bool mip_replay_matches(uint64_t sent, uint64_t received)
{
	return ((sent ^ received) & low_half) == 0;
}

static void clock_learn(struct mip_replay_sender *sender, uint64_t reply_identification, mip_time wall)
{
	uint64_t home_agent_time = reply_identification | low_half; /* the end of that second */

	sender->clock_offset = mip_ntp_difference(home_agent_time, mip_ntp_of(wall));
	/* Its clock is behind what we have sent: that was refused, and to be heard again we must go back. */
	if (!is_later(home_agent_time, sender->last_sent))
		sender->sent_any = false;
}

/* Codes 64 to 127 and from 193 on are a foreign agent's, which copies the identification. */
static bool is_from_home_agent(uint8_t code)
{
	return code < 64 || (code >= 128 && code <= 192);
}

void mip_replay_learn(struct mip_replay_sender *sender, const struct mip_association *association,
	uint8_t code, uint64_t reply_identification, mip_time wall)
{
	if (!is_from_home_agent(code))
		return;
	if (mip_association_replay(association) == MIP_REPLAY_NONCE) {
		/* 5.7.2: "it saves the high-order 32 bits of the Identification field for use as the
		 * high-order 32 bits of its next Registration Request." */
		sender->home_agent_nonce = high_of(reply_identification);
		sender->has_nonce = true;
		return;
	}
	/* rfc5944-3.6.2.3-3 and rfc5944-3.6.2.3-4: codes 133 and 136. */
	if (code == MIP_CODE_HA_IDENTIFICATION_MISMATCH ||
		(code == MIP_CODE_HA_UNKNOWN_HOME_AGENT &&
			high_of(reply_identification) != high_of(sender->last_sent)))
		clock_learn(sender, reply_identification, wall);
}

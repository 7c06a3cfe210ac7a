/*
 * One record a binding that is revoked, with one deadline: the next transmission, the end of the waiting for
 * the last acknowledgment, or the end of remembering. The records are found by the home address and the other
 * agent, so that equal identifiers of different agents never meet (rfc3543-3.5-7). Those that have both in common
 * are all in the table, under one key, and form a ring: any that is found leads to all.
 */
#include "revoker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "authenticator.h"
#include "registration.h"
#include "replay.h"

/* rfc3543-3.3-10, rfc3543-3.3-11: "An agent MUST NOT send more than one revocation message or registration message per second
 * for the same binding": also the first time-out, RFC 5944 3.6.3. */
#define RATE MIP_SECOND
/* A binding without an end is not remembered without an end. */
#define REMEMBERED_MOST (3600 * MIP_SECOND)
/* Registrations that are on their way, one after another, hold back a message for this long and no longer: nobody knows yet
 * whose they are. */
#define HELD_MOST (30 * MIP_SECOND)

enum {
	MESSAGE_MAX = 128, /* the fixed part, and an authentication extension of at most 38 */
};

void mip_revoker_init(struct mip_revoker *revoker, const struct mip_revoker_environment *environment)
{
	memset(revoker, 0, sizeof(*revoker));
	revoker->environment = *environment;
	mip_rate_table_init(&revoker->acknowledgments, environment->random);
}

int mip_revoker_configure(struct mip_revoker *revoker, const struct mip_revocation_settings *settings)
{
	if (settings->enabled && (settings->attempts == 0 || settings->attempts > MIP_REVOKER_ATTEMPTS_MAX))
		return -EINVAL;
	revoker->settings = *settings;
	return 0;
}

static void leave_ring(struct mip_revoked *revoked)
{
	struct mip_revoked *before = revoked;

	while (before->next_of_key != revoked)
		before = before->next_of_key;
	before->next_of_key = revoked->next_of_key;
}

void mip_revoker_forget(struct mip_revoker *revoker, struct mip_revoked *revoked)
{
	leave_ring(revoked);
	mip_deadline_cancel(revoker->environment.deadlines, &revoked->deadline);
	HASH_DEL(revoker->table, revoked);
	mip_association_unref(revoked->association);
	free(revoked);
}

void mip_revoker_clear(struct mip_revoker *revoker)
{
	struct mip_revoked *revoked, *next;

	HASH_ITER (hh, revoker->table, revoked, next) {
		mip_revoker_forget(revoker, revoked);
	}
}

/* --- the clock -------------------------------------------------------------------------------- */

bool mip_revocation_is_later(uint32_t a, uint32_t b)
{
	return a != b && (a - b) >> 31 == 0;
}

static uint32_t later_of(uint32_t a, uint32_t b)
{
	return mip_revocation_is_later(a, b) ? a : b;
}

uint32_t mip_revoker_timestamp(struct mip_revoker *revoker, struct mip_now now)
{
	uint32_t seconds = (uint32_t)(mip_ntp_of(now.wall) >> 32);

	/* A wall clock that is set back must not make a new revocation look like an old one. */
	revoker->clock = revoker->clock_any ? later_of(seconds, revoker->clock) : seconds;
	revoker->clock_any = true;
	return revoker->clock;
}

/* Any of those with this key: the others are in its ring. */
static struct mip_revoked *find_any(const struct mip_revoker *revoker, const struct mip_revoked_key *key)
{
	struct mip_revoked *revoked;

	HASH_FIND(hh, revoker->table, key, sizeof(*key), revoked);
	return revoked;
}

static uint32_t last_identifier(const struct mip_revoked *revoked)
{
	return revoked->attempts > 0 ? revoked->sent[revoked->attempts - 1] : revoked->terms.own;
}

/* rfc3543-3.3-6: "MUST insert its current 4-byte timestamp running off the same clock as it is using to fill
 * in the timestamp in its revocation extensions"; and later than those, and than all sent before, for only
 * then the other agent believes it (rfc3543-4.2.2.2-2, rfc3543-4.2.3.2-3). An acknowledgment has nothing but the
 * home address and the identifier: of two revocations of a node with one peer, none may have the other's. */
static uint32_t next_identifier(
	struct mip_revoker *revoker, const struct mip_revoked *revoked, struct mip_now now)
{
	uint32_t identifier = later_of(mip_revoker_timestamp(revoker, now), last_identifier(revoked) + 1);
	const struct mip_revoked *any = find_any(revoker, &revoked->key), *each = any;

	while (each) {
		identifier = later_of(identifier, last_identifier(each) + 1);
		each = each->next_of_key == any ? NULL : each->next_of_key;
	}
	revoker->clock = later_of(identifier, revoker->clock);
	return identifier;
}

/* --- messages --------------------------------------------------------------------------------- */

static int transmit(struct mip_revoker *revoker, const struct mip_revoked *revoked, uint32_t identifier)
{
	struct mip_revocation message = revoked->message;
	uint8_t octets[MESSAGE_MAX];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	int r;

	message.identifier = identifier;
	mip_revocation_write(&writer, &message);
	/* rfc3543-4.2.2.1-5, rfc3543-4.2.3.1-5: the identifier as 3.5 says, and "MUST include a valid authenticator
	 * as specified in Section 3.3": rfc3543-3.3-7, "MUST be protected by […] a home-foreign authenticator […] or a mobile-home
	 * authenticator if the communication is being sent from a home agent to a 'direct' co-located mobile
	 * node". */
	r = mip_authenticator_append(&writer, revoked->authentication, 0, revoked->association);
	if (r == 0)
		r = mip_outbox_datagram(
			revoker->environment.outbox, &revoked->way, writer.octets, writer.length);
	if (r == 0 && revoker->environment.revocations_sent)
		(*revoker->environment.revocations_sent)++;
	return r;
}

/* rfc3543-6.2-2: "All foreign and home agents MUST support protection of revocation messages via the
 * foreign-home authenticators". */
int mip_revocation_authenticate(const struct mip_association *association, uint8_t type,
	const uint8_t *octets, const struct mip_extensions *extensions)
{
	enum mip_slot slot = type == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION
				     ? MIP_SLOT_MOBILE_HOME_AUTHENTICATION
				     : MIP_SLOT_FOREIGN_HOME_AUTHENTICATION;
	const struct mip_extension *extension = mip_extension_of(extensions, slot);

	if (!extension || extensions->occurrences[slot] != 1)
		return -ENOENT;
	return mip_authenticator_check(association, octets, extension);
}

int mip_revocation_acknowledge(struct mip_outbox *outbox, const struct mip_association *association,
	uint8_t authentication, const struct mip_input_datagram *received,
	const struct mip_revocation_ack *ack)
{
	/* rfc3543-3.4-5: it "MUST be sent in response to a valid and authenticated registration revocation message";
	 * 3.4: addresses and ports are copied, the other way round. */
	struct mip_output_datagram way = {
		.source = received->destination,
		.source_port = received->destination_port,
		.destination = received->source,
		.destination_port = received->source_port,
	};
	uint8_t octets[MESSAGE_MAX];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	int r;

	mip_revocation_ack_write(&writer, ack);
	/* rfc3543-3.4-6: "MUST be protected by […] a valid authenticator". */
	r = mip_authenticator_append(&writer, authentication, 0, association);
	return r < 0 ? r : mip_outbox_datagram(outbox, &way, writer.octets, writer.length);
}

void mip_revoker_acknowledge(struct mip_revoker *revoker, const struct mip_association *association,
	uint8_t authentication, const struct mip_input_datagram *received,
	const struct mip_revocation_ack *ack, struct mip_now now)
{
	int r;

	if (!mip_rate_table_take(&revoker->acknowledgments, &received->source, sizeof(received->source),
		    revoker->settings.acknowledgments, now.boot)) {
		if (revoker->environment.acknowledgments_withheld)
			(*revoker->environment.acknowledgments_withheld)++;
		return;
	}
	r = mip_revocation_acknowledge(
		revoker->environment.outbox, association, authentication, received, ack);
	if (r == 0 && revoker->environment.acknowledgments_sent)
		(*revoker->environment.acknowledgments_sent)++;
}

/* --- records ---------------------------------------------------------------------------------- */

static mip_time sooner_of(mip_time a, mip_time b)
{
	return a < b ? a : b;
}

static mip_time earliest(const struct mip_revoked *what, struct mip_now now)
{
	mip_time at = what->terms.sent + RATE;

	return at > now.boot ? at : now.boot;
}

struct mip_revoked *mip_revoker_find(const struct mip_revoker *revoker, struct mip_address home_address,
	struct mip_address peer, struct mip_address foreign_domain)
{
	struct mip_revoked_key key = {home_address, peer};
	struct mip_revoked *any = find_any(revoker, &key), *revoked = any;

	while (revoked && !mip_address_equal(revoked->message.foreign_domain, foreign_domain)) {
		revoked = revoked->next_of_key;
		if (revoked == any)
			return NULL;
	}
	return revoked;
}

static int add(struct mip_revoker *revoker, const struct mip_revoked *what, mip_time at,
	struct mip_revoked **ret_revoked)
{
	struct mip_revoked *revoked = mip_revoker_find(
		revoker, what->key.home_address, what->key.peer, what->message.foreign_domain);
	struct mip_revoked *any;

	if (revoked)
		mip_revoker_forget(revoker, revoked);
	if (HASH_COUNT(revoker->table) >= revoker->settings.most)
		return -ENOSPC;
	revoked = malloc(sizeof(*revoked));
	if (!revoked)
		return -ENOMEM;
	*revoked = *what;
	revoked->deadline = (struct mip_deadline){.kind = revoker->environment.deadline_kind};
	any = find_any(revoker, &what->key);
	HASH_ADD(hh, revoker->table, key, sizeof(revoked->key), revoked);
	if (!revoked->hh.tbl) {
		free(revoked);
		return -ENOMEM;
	}
	revoked->next_of_key = any ? any->next_of_key : revoked;
	if (any)
		any->next_of_key = revoked;
	mip_association_ref(revoked->association);
	if (mip_deadline_set(revoker->environment.deadlines, &revoked->deadline, at) < 0) {
		mip_revoker_forget(revoker, revoked);
		return -ENOMEM;
	}
	*ret_revoked = revoked;
	return 0;
}

int mip_revoker_begin(struct mip_revoker *revoker, const struct mip_revoked *what, struct mip_now now)
{
	struct mip_revoked *revoked = NULL;
	mip_time at = earliest(what, now);
	int r;

	/* rfc3543-3.3-9: "MUST NOT be sent for any registration that has expired". */
	if (at >= what->expires)
		return -ESTALE;
	r = add(revoker, what, at, &revoked);
	if (r < 0)
		return r;
	revoked->under_way = true;
	revoked->attempts = 0;
	revoked->received = false;
	if (at <= now.boot)
		(void)mip_revoker_due(revoker, revoked, now);
	return 0;
}

int mip_revoker_send_once(struct mip_revoker *revoker, const struct mip_revoked *what, struct mip_now now)
{
	if (now.boot >= what->expires)
		return -ESTALE;
	if (earliest(what, now) > now.boot)
		return -EAGAIN;
	return transmit(revoker, what, next_identifier(revoker, what, now));
}

static mip_time end_of(const struct mip_revoked *revoked, struct mip_now now)
{
	return revoked->expires == MIP_NEVER ? now.boot + REMEMBERED_MOST : revoked->expires;
}

int mip_revoker_remember(struct mip_revoker *revoker, const struct mip_revoked *what, struct mip_now now)
{
	struct mip_revoked *revoked = NULL;
	int r = add(revoker, what, end_of(what, now), &revoked);

	if (r < 0)
		return r;
	revoked->under_way = false;
	revoked->received = true;
	return 0;
}

void mip_revoker_hold(struct mip_revoked *revoked, mip_time until)
{
	if (revoked->held_most == 0)
		revoked->held_most = until + HELD_MOST;
	revoked->held_until = sooner_of(until, revoked->held_most);
}

static bool has_sent(const struct mip_revoked *revoked, uint32_t identifier)
{
	for (unsigned i = 0; i < revoked->attempts; i++) {
		if (revoked->sent[i] == identifier)
			return true;
	}
	return false;
}

struct mip_revoked *mip_revoker_find_acknowledged(
	const struct mip_revoker *revoker, struct mip_address peer, const struct mip_revocation_ack *ack)
{
	/* rfc3543-3.5-5: "the revoking agent MUST check the Home Address and Identifier fields to make sure
	 * they match those fields from a corresponding revocation message it sent". */
	struct mip_revoked_key key = {ack->home_address, peer};
	struct mip_revoked *any = find_any(revoker, &key), *revoked = any;

	while (revoked && !(revoked->under_way && has_sent(revoked, ack->identifier))) {
		revoked = revoked->next_of_key;
		if (revoked == any)
			return NULL;
	}
	return revoked;
}

void mip_revoker_settle(struct mip_revoker *revoker, struct mip_revoked *revoked, struct mip_now now)
{
	revoked->under_way = false;
	/* It moves what is set, so it needs no memory. */
	(void)mip_deadline_set(revoker->environment.deadlines, &revoked->deadline, end_of(revoked, now));
}

struct mip_revoked *mip_revoked_of(struct mip_deadline *deadline)
{
	return MIP_CONTAINER(deadline, struct mip_revoked, deadline);
}

static void wait_until(struct mip_revoker *revoker, struct mip_revoked *revoked, mip_time at)
{
	(void)mip_deadline_set(
		revoker->environment.deadlines, &revoked->deadline, sooner_of(at, revoked->expires));
}

bool mip_revoker_due(struct mip_revoker *revoker, struct mip_revoked *revoked, struct mip_now now)
{
	uint32_t identifier;

	/* rfc3543-4.2.2.1-10, rfc3543-4.2.3.1-10: "MUST NOT retransmit revocation messages beyond the normal life of
	 * the binding". */
	if (!revoked->under_way || revoked->attempts >= revoker->settings.attempts ||
		now.boot >= revoked->expires)
		return true;
	if (revoked->held_until > now.boot) {
		wait_until(revoker, revoked, revoked->held_until);
		return false;
	}
	/* rfc3543-4.2.2.1-6, rfc3543-4.2.3.1-6: without an acknowledgment it "MUST retransmit the revocation
	 * message". */
	/* rfc3543-4.2.2.1-7, rfc3543-4.2.3.1-7: "every time […] about to retransmit […] it MUST update the value of
	 * the timestamp", and the authenticator with it. */
	identifier = next_identifier(revoker, revoked, now);
	(void)transmit(revoker, revoked, identifier);
	revoked->held_most = 0;
	revoked->sent[revoked->attempts] = identifier;
	/* rfc3543-4.2.2.1-8, -9, rfc3543-4.2.3.1-8, -9: no more than one a second, and "exponential backoff". */
	wait_until(revoker, revoked, now.boot + (RATE << revoked->attempts));
	revoked->attempts++;
	return false;
}

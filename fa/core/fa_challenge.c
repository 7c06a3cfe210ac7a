/*
 * Challenges (RFC 4721): made for advertisements and replies, and judged when they come back.
 *
 * Each link has a window of the challenges that its advertisements had, from the newest to the oldest. Of each
 * node that has used one there is a record (3.2.1): which of the advertised ones it used last, and the one that
 * was issued to it alone, in a reply or in a unicast advertisement.
 *
 *          window    c5  c4  c3  c2           issued to the node alone
 *                     │   │   │   │                 │
 *                     │   │   └ used last           ├ not yet come back: unused
 *                 unused  │   │   └ older: used     └ come back: used
 *                      unused └ used
 *
 * A record is made only for a node that is known to be what it says: its authenticator was checked here, or its
 * home agent accepted it. Whoever else asks gets what there is already (section 12): the challenge that was
 * issued to the node before, or the newest of the link. One of these is unused, unless the node has used both;
 * then it has a record, with a place for a new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fa_private.h"

static bool is_same(const struct fa_challenge *a, const struct fa_challenge *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

static bool is_of(const struct fa_challenge *challenge, const struct fa_nai *octets)
{
	return octets && octets->length == sizeof(challenge->octets) &&
	       memcmp(challenge->octets, octets->text, sizeof(challenge->octets)) == 0;
}

/* rfc4721-2-1, -2: "SHOULD be at least 4 [octets]", "a random value that SHOULD be at least 32 bits". */
static void make(struct fa_core *core, struct fa_challenge *challenge)
{
	const struct mip_random *random = core->environment.random;

	random->fill(random->context, challenge->octets, sizeof(challenge->octets));
	fa_count(core, FA_COUNT_CHALLENGES_MADE);
}

/* --- the window of a link --------------------------------------------------------------------- */

static void advance(struct fa_core *core, struct fa_challenge_window *window)
{
	if (window->count < FA_CHALLENGE_WINDOW_MOST)
		window->count++;
	memmove(&window->values[1], &window->values[0], (window->count - 1) * sizeof(window->values[0]));
	make(core, &window->values[0]);
}

static const struct fa_challenge *newest(struct fa_core *core, struct fa_link *link)
{
	if (link->challenges.count == 0)
		advance(core, &link->challenges);
	return &link->challenges.values[0];
}

/* How many of them count. */
static size_t length_of(const struct fa_core *core, const struct fa_link *link)
{
	size_t most = core->settings.values.challenge_window;

	return link->challenges.count < most ? link->challenges.count : most;
}

/* 0 is the newest; SIZE_MAX: it is not in the window. */
static size_t place_in(
	const struct fa_core *core, const struct fa_link *link, const struct fa_challenge *challenge)
{
	for (size_t i = 0; i < length_of(core, link); i++) {
		if (is_same(&link->challenges.values[i], challenge))
			return i;
	}
	return SIZE_MAX;
}

static bool is_in_any_window(const struct fa_core *core, const struct fa_challenge *challenge)
{
	const struct fa_link *link, *next;

	HASH_ITER (hh, core->links, link, next) {
		if (place_in(core, link, challenge) != SIZE_MAX)
			return true;
	}
	return false;
}

/* --- the records of nodes --------------------------------------------------------------------- */

static struct fa_challenge_key key_of(const struct fa_registration *registration)
{
	struct mip_address home_address = registration->request.home_address;
	struct fa_challenge_key key = {.home_address = mip_address_number(home_address)};

	if (registration->nai)
		return (struct fa_challenge_key){.nai = fa_nai_digest(registration->nai)};
	/* RFC 3024 A.4: a private one may be that of several nodes, each of another home agent. */
	if (fa_address_is_private(home_address))
		key.home_address |= (uint64_t)mip_address_number(registration->relayed_to) << 32;
	return key;
}

static struct fa_challenge_record *record_find(
	struct fa_core *core, const struct fa_registration *registration)
{
	struct fa_challenge_key key = key_of(registration);
	struct fa_challenge_record *record;

	HASH_FIND(hh, core->challenges, &key, sizeof(key), record);
	return record && fa_nai_equal(record->nai, registration->nai) ? record : NULL;
}

static struct fa_challenge_record *record_by_address(struct fa_core *core, struct mip_address home_address)
{
	struct fa_challenge_record *record;

	HASH_FIND(hh_address, core->challenges_by_address, &home_address, sizeof(home_address), record);
	return record;
}

static void unhash_address(struct fa_core *core, struct fa_challenge_record *record)
{
	if (record->hh_address.tbl)
		HASH_DELETE(hh_address, core->challenges_by_address, record);
	memset(&record->hh_address, 0, sizeof(record->hh_address));
	record->home_address = (struct mip_address){0};
}

/* Solicitations have a home address only. Without memory for the entry the node is not found by it. */
static void hash_address(
	struct fa_core *core, struct fa_challenge_record *record, struct mip_address home_address)
{
	if (mip_address_is_none(home_address) || mip_address_equal(record->home_address, home_address) ||
		record_by_address(core, home_address))
		return;
	unhash_address(core, record);
	record->home_address = home_address;
	HASH_ADD(hh_address, core->challenges_by_address, home_address, sizeof(record->home_address), record);
}

static void order_append(struct fa_core *core, struct fa_challenge_record *record)
{
	record->earlier = core->challenge_last;
	record->later = NULL;
	if (core->challenge_last)
		core->challenge_last->later = record;
	else
		core->challenge_first = record;
	core->challenge_last = record;
}

static void order_remove(struct fa_core *core, struct fa_challenge_record *record)
{
	if (record->earlier)
		record->earlier->later = record->later;
	else
		core->challenge_first = record->later;
	if (record->later)
		record->later->earlier = record->earlier;
	else
		core->challenge_last = record->earlier;
}

static void record_free(struct fa_core *core, struct fa_challenge_record *record)
{
	unhash_address(core, record);
	HASH_DEL(core->challenges, record);
	order_remove(core, record);
	free(record->nai);
	free(record);
}

void fa_challenges_clear(struct fa_core *core)
{
	struct fa_challenge_record *record, *next;

	HASH_ITER (hh, core->challenges, record, next)
		record_free(core, record);
}

/* rfc4721-3.2-8: MUST maintain the last challenge used by each node that has used one of the window;
 * "whenever the stored challenge value is no longer in the CHALLENGE_WINDOW, it can be deleted" (3.2.1). */
static bool make_room(struct fa_core *core)
{
	while (HASH_COUNT(core->challenges) >= core->settings.values.challenges_most) {
		struct fa_challenge_record *oldest = core->challenge_first;

		if (oldest->used_any && is_in_any_window(core, &oldest->used))
			return false;
		record_free(core, oldest);
	}
	return true;
}

static int record_new(struct fa_core *core, const struct fa_registration *registration,
	struct fa_challenge_record **ret_record)
{
	struct fa_challenge_key key = key_of(registration);
	struct fa_challenge_record *record;

	HASH_FIND(hh, core->challenges, &key, sizeof(key), record);
	if (record) /* of another node, with an NAI of the same digest */
		return -EAGAIN;
	record = calloc(1, sizeof(*record));
	if (!record)
		return -ENOMEM;
	record->key = key;
	if (registration->nai)
		record->nai = fa_nai_new((const uint8_t *)registration->nai->text, registration->nai->length);
	if (!registration->nai || record->nai)
		HASH_ADD(hh, core->challenges, key, sizeof(record->key), record);
	if (!record->hh.tbl) {
		free(record->nai);
		free(record);
		return -ENOMEM;
	}
	order_append(core, record);
	hash_address(core, record, registration->request.home_address);
	*ret_record = record;
	return 0;
}

/* The node's record, made if need be; the one that is used now goes last. */
static int record_take(struct fa_core *core, const struct fa_registration *registration,
	struct fa_challenge_record **ret_record)
{
	struct fa_challenge_record *record = record_find(core, registration);

	if (!record)
		return make_room(core) ? record_new(core, registration, ret_record) : -EAGAIN;
	order_remove(core, record);
	order_append(core, record);
	hash_address(core, record, registration->request.home_address);
	*ret_record = record;
	return 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

/* rfc4721-3.2.1-1: "mobile nodes MUST NOT use Challenge values that were advertised before the last
 * advertised Challenge value that the mobile node attempted to use." */
static bool is_unused(const struct fa_core *core, const struct fa_link *link,
	const struct fa_challenge_record *record, size_t place)
{
	return !record || !record->used_any || place < place_in(core, link, &record->used);
}

/* rfc4721-3.2-6: MUST NOT accept any challenge unless it was offered in the last reply or unicast
 * advertisement to the node, or advertised as one of the last CHALLENGE_WINDOW ones. */
enum fa_challenge_verdict fa_challenge_judge(struct fa_core *core, const struct fa_registration *registration)
{
	const struct fa_challenge_record *record = record_find(core, registration);
	struct fa_challenge challenge;
	size_t place;

	if (registration->challenge->length != sizeof(challenge.octets))
		return FA_CHALLENGE_UNKNOWN;
	memcpy(challenge.octets, registration->challenge->text, sizeof(challenge.octets));
	if (record && record->issued_any && is_same(&record->issued, &challenge))
		return record->issued_used ? FA_CHALLENGE_USED : FA_CHALLENGE_UNUSED;
	place = place_in(core, registration->link, &challenge);
	if (place == SIZE_MAX)
		return record && record->used_any && is_same(&record->used, &challenge)
			       ? FA_CHALLENGE_USED
			       : FA_CHALLENGE_UNKNOWN;
	return is_unused(core, registration->link, record, place) ? FA_CHALLENGE_UNUSED : FA_CHALLENGE_USED;
}

int fa_challenge_use(struct fa_core *core, const struct fa_registration *registration)
{
	struct fa_challenge_record *record;
	struct fa_challenge challenge;
	int r;

	if (!registration->challenge || registration->challenge->length != sizeof(challenge.octets))
		return 0;
	r = record_take(core, registration, &record);
	if (r < 0)
		return r;
	memcpy(challenge.octets, registration->challenge->text, sizeof(challenge.octets));
	if (record->issued_any && is_same(&record->issued, &challenge))
		record->issued_used = true;
	/* Replies may come in another order than the requests went: what is newer stays the last one used. */
	if (!record->used_any || place_in(core, registration->link, &challenge) <
					 place_in(core, registration->link, &record->used)) {
		record->used = challenge;
		record->used_any = true;
	}
	return 0;
}

/* --- giving ----------------------------------------------------------------------------------- */

static const struct fa_challenge *issue(struct fa_core *core, struct fa_challenge_record *record)
{
	make(core, &record->issued);
	record->issued_any = true;
	record->issued_used = false;
	return &record->issued;
}

/*
 * `sent`: the challenge of the request that is answered, NULL: none. It is no new one to its sender, used or
 * not.
 *
 * rfc4721-3.2.1-2: SHOULD use one of the already stored, previously unused challenges when responding to an
 * unauthenticated request or solicitation; rfc4721-3.2.1-3: if none of them is unused, a new one goes into
 * the node's record. rfc4721-12-3, -4: it MUST NOT invalidate unused ones, nor allocate storage.
 */
static const struct fa_challenge *choose_stored(struct fa_core *core, struct fa_link *link,
	struct fa_challenge_record *record, const struct fa_nai *sent)
{
	const struct fa_challenge *latest = newest(core, link);

	if (!record)
		return latest;
	if (record->issued_any && !record->issued_used)
		return &record->issued;
	return is_unused(core, link, record, 0) && !is_of(latest, sent) ? latest : issue(core, record);
}

/* There is no record of the node, but it is not anybody; and the newest challenge is the one of this very
 * request: another one takes a record, if there is room to spare. */
static const struct fa_challenge *choose_other(
	struct fa_core *core, const struct fa_registration *registration, const struct fa_challenge *latest)
{
	struct fa_challenge_record *record;

	if (!is_of(latest, registration->challenge) ||
		HASH_COUNT(core->challenges) >= core->settings.values.challenges_most ||
		record_take(core, registration, &record) < 0)
		return latest;
	return issue(core, record);
}

const struct fa_challenge *fa_challenge_for_reply(
	struct fa_core *core, const struct fa_registration *registration, enum fa_challenge_grounds grounds)
{
	struct fa_challenge_record *record;

	if (!core->settings.values.challenge)
		return NULL;
	/* rfc4721-3.3-1: SHOULD include a new Challenge in any reply. */
	if (grounds == FA_CHALLENGE_AUTHENTICATED && record_take(core, registration, &record) == 0)
		return issue(core, record);
	record = record_find(core, registration);
	if (grounds == FA_CHALLENGE_DENIED && !record)
		return choose_other(core, registration, newest(core, registration->link));
	return choose_stored(core, registration->link, record, registration->challenge);
}

static const struct fa_challenge *choose_for_advertisement(
	struct fa_link *link, enum mip_advertiser_occasion occasion, struct mip_address to)
{
	switch (occasion) {
	case MIP_ADVERTISER_UNSOLICITED:
		advance(link->core, &link->challenges);
		return newest(link->core, link);
	case MIP_ADVERTISER_UNICAST:
		/* rfc4721-2.1-2, -3, -4, rfc4721-3.3-4: what was unicast to the node before is repeated if
		 * it is unused; otherwise a new one is remembered as the most recent that was issued to
		 * it. */
		return choose_stored(link->core, link, record_by_address(link->core, to), NULL);
	case MIP_ADVERTISER_SOLICITED_MULTICAST:
		break;
	}
	/* rfc4721-2.1-1: MUST NOT generate a new Challenge value and update its window. */
	return newest(link->core, link);
}

size_t fa_challenge_for_advertisement(void *context, enum mip_advertiser_occasion occasion,
	struct mip_address to, uint8_t challenge[static MIP_CHALLENGE_MAX])
{
	struct fa_link *link = context;

	if (!link->core->settings.values.challenge)
		return 0;
	memcpy(challenge, choose_for_advertisement(link, occasion, to)->octets, FA_CHALLENGE_LENGTH);
	return FA_CHALLENGE_LENGTH;
}

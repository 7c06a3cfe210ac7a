/*
 * The requests that wait for their replies (RFC 5944 3.7.1): found again by home address and the low-order 32
 * bits of the identification, given up after a time-out, and bounded, in all and for each link address, so
 * that nobody can fill the agent with requests that will never be answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fa_private.h"

/* rfc5944-3.7.1-3: MUST follow the procedures specified in RFC 2794; rfc2794-3-1: if Home Address is zero,
 * MUST use the NAI instead, along with the Identification field. rfc5944-AppF-1: MUST use the NAI to
 * distinguish mobile nodes with the same home address. */
static struct fa_pending_key key_of(struct mip_address home_address, uint64_t identification,
	const struct fa_nai *nai, struct mip_address relayed_to)
{
	return (struct fa_pending_key){
		.number = {home_address, (uint32_t)identification},
		/* Equal digests are told apart by the NAI itself. */
		.nai = mip_address_is_none(home_address) ? fa_nai_digest(nai) : 0,
		.relayed_to = mip_address_number(relayed_to),
	};
}

static struct fa_pending *find(struct fa_core *core, const struct fa_pending_key *key)
{
	struct fa_pending *pending;

	HASH_FIND(hh, core->pendings, key, sizeof(*key), pending);
	return pending;
}

static struct fa_source *source_find(
	struct fa_core *core, const struct fa_registration *registration, struct fa_source_key *ret_key)
{
	struct fa_source *source;

	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->link = registration->link;
	ret_key->link_address = registration->link_address;
	HASH_FIND(hh, core->sources, ret_key, sizeof(*ret_key), source);
	return source;
}

static struct fa_source *source_take(struct fa_core *core, const struct fa_registration *registration)
{
	struct fa_source_key key;
	struct fa_source *source = source_find(core, registration, &key);

	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	memcpy(&source->key, &key, sizeof(key));
	HASH_ADD(hh, core->sources, key, sizeof(key), source);
	if (!source->hh.tbl) {
		free(source);
		return NULL;
	}
	return source;
}

/* The list is as short as `pending_per_node_most` says. */
static void source_append(struct fa_source *source, struct fa_pending *pending)
{
	struct fa_pending **place = &source->pendings;

	while (*place)
		place = &(*place)->next;
	*place = pending;
	source->pending++;
}

static void source_unlink(struct fa_source *source, const struct fa_pending *pending)
{
	struct fa_pending **place = &source->pendings;

	while (*place != pending)
		place = &(*place)->next;
	*place = pending->next;
	source->pending--;
}

static void source_release(struct fa_core *core, struct fa_source *source)
{
	if (!source || source->pending > 0)
		return;
	HASH_DEL(core->sources, source);
	free(source);
}

/* rfc5944-3.7.2.2-5: MUST begin timing the remaining lifetime of the pending registration; rfc5944-3.7.2.2-6:
 * whose end deletes it; rfc5944-3.7.1-6: it MAY be deleted after 7 seconds. Whatever comes first. */
static mip_time end_of(struct fa_core *core, struct fa_pending *pending, struct mip_now now)
{
	uint16_t lifetime = pending->registration.request.lifetime;
	mip_time timeout = core->settings.values.request_timeout;

	pending->ends_with_lifetime = lifetime > 0 && lifetime * MIP_SECOND < timeout;
	return now.boot + (pending->ends_with_lifetime ? lifetime * MIP_SECOND : timeout);
}

static int insert(struct fa_core *core, struct fa_pending *pending, struct mip_now now)
{
	int r;

	pending->deadline.kind = FA_DEADLINE_PENDING;
	r = mip_deadline_set(&core->deadlines, &pending->deadline, end_of(core, pending, now));
	if (r < 0)
		return r;
	HASH_ADD(hh, core->pendings, key, sizeof(pending->key), pending);
	if (!pending->hh.tbl) {
		mip_deadline_cancel(&core->deadlines, &pending->deadline);
		return -ENOMEM;
	}
	/* Without memory for this entry it is only not found by find_number(). */
	HASH_ADD(hh_number, core->numbers, key.number, sizeof(pending->key.number), pending);
	source_append(pending->source, pending);
	return 0;
}

/* A visitor renews or leaves: strangers who fill the list must not keep it from that. */
static bool is_from_visitor(struct fa_core *core, const struct fa_registration *registration)
{
	const struct fa_visitor *visitor = fa_visitor_of(
		core, registration->request.home_address, registration->relayed_to, registration);

	return visitor && fa_registration_same_node(&visitor->registration, registration);
}

/* Nor those whose authenticator we have checked. */
bool fa_pending_is_known(struct fa_core *core, const struct fa_registration *registration)
{
	const struct fa_mobile_node *node = fa_mobile_node_find(&core->settings,
		registration->request.home_address, registration->relayed_to, registration->nai);

	return registration->verified || (node && node->association) || is_from_visitor(core, registration);
}

static struct fa_source *busiest_source(struct fa_core *core)
{
	struct fa_source *source, *next, *busiest = NULL;

	HASH_ITER (hh, core->sources, source, next) {
		if (!busiest || source->pending > busiest->pending)
			busiest = source;
	}
	return busiest;
}

/* The list is full. Who has more than one place more than the newcomer gives it one, that of its oldest request. */
static bool make_room(struct fa_core *core, const struct fa_source *newcomer, struct mip_now now)
{
	struct fa_source *busiest = busiest_source(core);
	struct fa_pending *oldest = busiest ? busiest->pendings : NULL;

	if (!busiest || busiest->pending <= newcomer->pending + 1)
		return false;
	while (oldest && fa_pending_is_known(core, &oldest->registration))
		oldest = oldest->next;
	if (!oldest)
		return false;
	fa_count(core, FA_COUNT_REQUESTS_DISPLACED);
	fa_deny(core, &oldest->registration, MIP_CODE_FA_INSUFFICIENT_RESOURCES, now);
	fa_pending_remove(core, oldest);
	return true;
}

/* rfc5944-3.7.1-5: additional registrations SHOULD be rejected with Code 66. */
static int check_room(struct fa_core *core, const struct fa_source *source,
	const struct fa_registration *registration, struct mip_now now)
{
	if (source->pending >= core->settings.values.pending_per_node_most)
		return -EAGAIN;
	if (HASH_COUNT(core->pendings) < core->settings.values.pending_most ||
		fa_pending_is_known(core, registration))
		return 0;
	return make_room(core, source, now) ? 0 : -EAGAIN;
}

static int insert_new(struct fa_core *core, struct fa_source *source, const struct fa_pending_key *key,
	const struct fa_registration *registration, struct mip_now now, struct fa_pending **ret_pending)
{
	struct fa_pending *pending = calloc(1, sizeof(*pending));
	int r;

	if (!pending)
		return -ENOMEM;
	pending->key = *key;
	pending->source = source;
	r = fa_registration_copy(registration, &pending->registration);
	pending->registration.order = ++core->order;
	if (r == 0)
		r = insert(core, pending, now);
	if (r < 0) {
		fa_registration_clear(&pending->registration);
		free(pending);
		return r;
	}
	*ret_pending = pending;
	return 0;
}

int fa_pending_add(struct fa_core *core, const struct fa_registration *registration, struct mip_now now,
	struct fa_pending **ret_pending)
{
	const struct mip_registration_request *request = &registration->request;
	struct fa_pending_key key = key_of(
		request->home_address, request->identification, registration->nai, registration->relayed_to);
	struct fa_pending *old = find(core, &key);
	struct fa_source *source;
	int r;

	if (old && !fa_registration_same_node(&old->registration, registration))
		return -EBUSY;
	if (old)
		fa_pending_remove(core, old);
	source = source_take(core, registration);
	if (!source)
		return -ENOMEM;
	r = check_room(core, source, registration, now);
	if (r == 0)
		r = insert_new(core, source, &key, registration, now, ret_pending);
	source_release(core, source);
	return r;
}

/* rfc4721-3.2-3: "the relevant fields of the retransmitted request … are the same as represented in the
 * visitor list entry for the pending Registration Request"; rfc4721-3.2-4: not the Identification, nor
 * what is left of the lifetime. A deregistration is another request, though. */
static bool is_repetition(const struct fa_registration *a, const struct fa_registration *b)
{
	return fa_registration_same_node(a, b) && fa_nai_equal(a->nai, b->nai) &&
	       mip_address_equal(a->source, b->source) && a->source_port == b->source_port &&
	       mip_address_equal(a->request.home_agent, b->request.home_agent) &&
	       mip_address_equal(a->request.care_of_address, b->request.care_of_address) &&
	       a->request.flags == b->request.flags &&
	       (a->request.lifetime == 0) == (b->request.lifetime == 0) &&
	       fa_nai_equal(a->challenge, b->challenge);
}

bool fa_pending_is_repeated(struct fa_core *core, const struct fa_registration *registration)
{
	struct fa_source_key key;
	const struct fa_source *source = source_find(core, registration, &key);
	const struct fa_pending *pending = source ? source->pendings : NULL;

	while (pending && !is_repetition(&pending->registration, registration))
		pending = pending->next;
	return pending != NULL;
}

/* One of those with this home address and these low bits, wherever it was relayed to. A request without a home address is
 * found so only to tell a node that its NAI is missing. */
static struct fa_pending *find_number(
	struct fa_core *core, struct mip_address home_address, uint64_t identification)
{
	struct fa_pending_number number = {home_address, (uint32_t)identification};
	struct fa_pending *pending;

	HASH_FIND(hh_number, core->numbers, &number, sizeof(number), pending);
	return pending;
}

static bool is_of_another_name(const struct fa_pending *pending, const struct fa_nai *nai)
{
	return nai && pending->registration.nai && !fa_nai_equal(nai, pending->registration.nai);
}

/* NULL also if it is another node's. */
static struct fa_pending *find_named(struct fa_core *core, const struct mip_registration_reply *reply,
	struct mip_address home_address, const struct fa_nai *nai, struct mip_address source)
{
	struct fa_pending_key key = key_of(home_address, reply->identification, nai, source);
	struct fa_pending *pending = find(core, &key);

	if (!pending)
		pending = find_number(core, home_address, reply->identification);
	/* rfc5944-3.7.3.1-3: MUST use the NAI to disambiguate requests with the same home address. */
	return pending && is_of_another_name(pending, nai) ? NULL : pending;
}

/* rfc5944-3.7.3.1-2: MUST search for a pending request with the same home address; rfc5944-3.7.3.1-5:
 * and the same low-order 32 bits of the Identification. */
struct fa_pending *fa_pending_find(struct fa_core *core, const struct mip_registration_reply *reply,
	const struct fa_nai *nai, struct mip_address source)
{
	struct fa_pending *pending = find_named(core, reply, reply->home_address, nai, source);

	if (!pending)
		pending = find_named(core, reply, (struct mip_address){0}, nai, source);
	return pending;
}

void fa_pending_remove(struct fa_core *core, struct fa_pending *pending)
{
	mip_deadline_cancel(&core->deadlines, &pending->deadline);
	HASH_DEL(core->pendings, pending);
	if (pending->hh_number.tbl)
		HASH_DELETE(hh_number, core->numbers, pending);
	source_unlink(pending->source, pending);
	source_release(core, pending->source);
	fa_registration_clear(&pending->registration);
	free(pending);
}

bool fa_pending_is_first(const struct fa_pending *pending)
{
	const struct fa_pending *other = pending->source->pendings;

	while (!fa_registration_same_node(&other->registration, &pending->registration))
		other = other->next;
	return other == pending;
}

void fa_pending_remove_older(struct fa_core *core, const struct fa_pending *pending)
{
	struct fa_pending *other = pending->source->pendings;

	while (other != pending) {
		struct fa_pending *next = other->next;

		if (fa_registration_same_node(&other->registration, &pending->registration))
			fa_pending_remove(core, other);
		other = next;
	}
}

void fa_pending_remove_link(struct fa_core *core, const struct fa_link *link)
{
	struct fa_pending *pending, *next;

	HASH_ITER (hh, core->pendings, pending, next) {
		if (!link || pending->registration.link == link)
			fa_pending_remove(core, pending);
	}
}

bool fa_pending_is_of(const struct fa_pending *pending, const struct fa_visitor *visitor)
{
	const struct fa_registration *registration = &pending->registration;

	return mip_address_equal(registration->request.home_address, visitor->home_address) &&
	       (mip_address_equal(registration->relayed_to, visitor->home_agent) ||
		       (registration->link == visitor->registration.link &&
			       mip_link_address_equal(
				       registration->link_address, visitor->registration.link_address)));
}

void fa_pending_remove_visitor(struct fa_core *core, const struct fa_visitor *visitor)
{
	struct fa_pending *pending, *next;

	HASH_ITER (hh, core->pendings, pending, next) {
		if (fa_pending_is_of(pending, visitor))
			fa_pending_remove(core, pending);
	}
}

void fa_pending_expire(struct fa_core *core, struct fa_pending *pending, struct mip_now now)
{
	fa_count(core, FA_COUNT_REQUESTS_TIMED_OUT);
	/* rfc5944-3.7.1-6: SHOULD reject the Request with Code 78. rfc5944-3.7-4: MUST NOT generate a Reply
	 * because a registration Lifetime has expired. */
	if (!pending->ends_with_lifetime)
		fa_deny(core, &pending->registration, MIP_CODE_FA_TIMEOUT, now);
	fa_pending_remove(core, pending);
}

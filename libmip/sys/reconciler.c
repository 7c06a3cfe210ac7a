/*
 * The reconciler: wanted items, and the kernel made to match.
 *
 *             want                     accepted
 *   (none) ─────────> ABSENT, queued ───────────> OURS ──────> removed by us when unwanted
 *                       │  ^   ^  │                │ ^
 *                       │  │   │  │ somebody has   │ │ applied again, replacing
 *              refused, │  │   │  │ made the same  │ │
 *              link gone│  │   │  v                v │
 *                       │  │  gone └─ FOREIGN    changed or removed by others (a notice)
 *                       v  │
 *                      waits for a time, a link or an address
 *
 * Each flush works the queue off in its order: netlink requests go out in batches of a hundred or so,
 * settings are written between them. What others do comes as notices; when some of those are lost, everything
 * is read and compared; and of proxy entries and most settings it tells nothing, so that these are looked at
 * now and then. An item is repaired at once, but not more than a few times within seconds: two
 * programs that fight over a route must not take the whole machine.
 *
 * Replacing is one request (NLM_F_REPLACE), so that no packet finds neither the old nor the new. Something
 * else's route or neighbour entry under the same key is kept in mind when it is displaced, and put back at
 * the end.
 */
#include "reconciler_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utlist.h>

#define REPAIR_WINDOW  (10 * MIP_SECOND)
#define REPAIR_BACKOFF (1 * MIP_SECOND)
#define PATROL	       (10 * MIP_SECOND)
enum {
	REPAIRS_AT_ONCE = 3,
};

static const struct mip_counter_name counter_names[MIP_KERNEL_COUNTERS] = {
	[MIP_KERNEL_CHANGES] = {"kernel_changes", "Changes made to the kernel's state."},
	[MIP_KERNEL_REPAIRS] = {"kernel_repairs", "Items that something else had changed, put right again."},
	[MIP_KERNEL_REFUSALS] = {"kernel_refusals", "Items that the kernel refused to take."},
	[MIP_KERNEL_RESYNCS] = {"kernel_resyncs",
		"Times that notices were lost and everything was read again."},
};

/* --- items --- */

void mip_item_enqueue(struct mip_reconciler *reconciler, struct mip_item *item)
{
	mip_deadline_cancel(&reconciler->deadlines, &item->deadline);
	if (item->queued)
		DL_DELETE(reconciler->queue, item);
	DL_APPEND(reconciler->queue, item);
	item->queued = true;
}

static bool is_untold(const struct mip_want *want)
{
	return want->kind == MIP_WANT_PROXY || want->kind == MIP_WANT_SETTING;
}

void mip_item_free(struct mip_reconciler *reconciler, struct mip_item *item)
{
	mip_deadline_cancel(&reconciler->deadlines, &item->deadline);
	if (item->queued)
		DL_DELETE(reconciler->queue, item);
	HASH_DEL(reconciler->items, item);
	if (item->has_made_key)
		HASH_DELETE(hh_made, reconciler->items_made, item);
	if (is_untold(&item->want))
		reconciler->untold--;
	if (item->group >= 0)
		close(item->group);
	free(item->displaced);
	free(item);
}

void mip_item_repair(struct mip_reconciler *reconciler, struct mip_item *item)
{
	mip_time now = mip_clock_now().boot;

	if (item->queued || !item->wanted)
		return;
	if (now - item->repaired > REPAIR_WINDOW)
		item->repairs = 0;
	item->repaired = now;
	item->repairs++;
	reconciler->counters[MIP_KERNEL_REPAIRS]++;
	if (item->repairs <= REPAIRS_AT_ONCE) {
		mip_item_enqueue(reconciler, item);
		return;
	}
	item->deadline.kind = MIP_ITEM_REPAIR;
	if (mip_deadline_set(&reconciler->deadlines, &item->deadline, now + REPAIR_BACKOFF) < 0)
		mip_item_enqueue(reconciler, item);
}

mip_link *mip_item_link(struct mip_want *want)
{
	switch (want->kind) {
	case MIP_WANT_ADDRESS:
		return &want->address.link;
	case MIP_WANT_ROUTE:
		return &want->route.link;
	case MIP_WANT_RULE:
		return &want->rule.incoming;
	case MIP_WANT_NEIGHBOUR:
		return &want->neighbour.link;
	case MIP_WANT_PROXY:
		return &want->proxy.link;
	case MIP_WANT_SETTING:
		return &want->setting.link;
	case MIP_WANT_GROUP:
		return &want->group.link;
	default:
		return NULL;
	}
}

static bool may_be_translated(const struct mip_want *want)
{
	return want->kind == MIP_WANT_ROUTE || want->kind == MIP_WANT_RULE || want->kind == MIP_WANT_SETTING;
}

bool mip_item_resolve(
	const struct mip_reconciler *reconciler, const struct mip_item *item, struct mip_want *ret_want)
{
	struct mip_want want = item->want;
	mip_link *link = mip_item_link(&want);

	if (reconciler->translate != NULL && may_be_translated(&want))
		(void)reconciler->translate(reconciler->translate_context, &want);
	if (link != NULL && *link == MIP_LINK_TUNNEL) {
		if (reconciler->tunnel == MIP_LINK_NONE)
			return false;
		*link = reconciler->tunnel;
	}
	*ret_want = want;
	return true;
}

mip_link mip_item_real_link(const struct mip_reconciler *reconciler, const struct mip_item *item)
{
	struct mip_want want;

	return mip_item_resolve(reconciler, item, &want) ? *mip_item_link(&want) : MIP_LINK_NONE;
}

/* Keys are compared whole; what a kind does not use of them is zero. */
static void make_key(const struct mip_want *want, uint8_t key[static MIP_WANT_KEY])
{
	memset(key, 0, MIP_WANT_KEY);
	(void)mip_want_key(want, key);
}

static struct mip_item *find_exactly(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	uint8_t key[MIP_WANT_KEY];
	struct mip_item *item;

	make_key(want, key);
	HASH_FIND(hh, reconciler->items, key, MIP_WANT_KEY, item);
	return item;
}

static struct mip_item *find_made(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	uint8_t key[MIP_WANT_KEY];
	struct mip_item *item = NULL;

	if (reconciler->items_made == NULL)
		return NULL;
	make_key(want, key);
	HASH_FIND(hh_made, reconciler->items_made, key, MIP_WANT_KEY, item);
	return item;
}

/* Only what the translation gave another key needs a place of its own: the tunnel device's index aside, for
 * which mip_item_find() looks. */
void mip_item_made(struct mip_reconciler *reconciler, struct mip_item *item, const struct mip_want *made)
{
	struct mip_want as_said = item->want;

	if (item->has_made_key)
		HASH_DELETE(hh_made, reconciler->items_made, item);
	item->has_made_key = false;
	item->made = *made;
	item->translated = made->kind == MIP_WANT_ROUTE && made->route.nexthop != 0;
	if (made->kind != MIP_WANT_RULE || made->rule.table == as_said.rule.table)
		return;
	item->translated = true;
	make_key(made, item->made_key);
	HASH_ADD(hh_made, reconciler->items_made, made_key, MIP_WANT_KEY, item);
	item->has_made_key = item->hh_made.tbl != NULL;
}

struct mip_item *mip_item_find(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	struct mip_item *item = find_exactly(reconciler, want);
	struct mip_want by_tunnel = *want;
	mip_link *link = mip_item_link(&by_tunnel);

	if (item == NULL)
		item = find_made(reconciler, want);
	if (item != NULL || link == NULL || *link == MIP_LINK_NONE || *link != reconciler->tunnel)
		return item;
	*link = MIP_LINK_TUNNEL;
	return find_exactly(reconciler, &by_tunnel);
}

static struct mip_item *new_item(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	struct mip_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	make_key(want, item->key);
	item->want = *want;
	item->group = -1;
	HASH_ADD(hh, reconciler->items, key, MIP_WANT_KEY, item);
	if (item->hh.tbl == NULL) {
		free(item);
		return NULL;
	}
	if (is_untold(want) && reconciler->untold++ == 0)
		reconciler->patrol_at = mip_clock_now().boot + PATROL;
	return item;
}

/* --- the way in --- */

/* The same thing said in one way only, so that values compare. */
static struct mip_want normal(const struct mip_want *want)
{
	struct mip_want result = *want;

	if (result.kind == MIP_WANT_ROUTE && result.route.table == 0)
		result.route.table = MIP_TABLE_MAIN;
	if (result.kind == MIP_WANT_RULE && result.rule.table == 0)
		result.rule.table = MIP_TABLE_MAIN;
	return result;
}

int mip_reconciler_want(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	struct mip_want wanted = normal(want);
	struct mip_item *item;

	if (mip_item_link(&wanted) == NULL)
		return -EOPNOTSUPP;
	item = find_exactly(reconciler, &wanted);
	if (item != NULL && item->wanted && mip_want_equal(&item->want, &wanted))
		return 0;
	if (item == NULL)
		item = new_item(reconciler, &wanted);
	if (item == NULL)
		return -ENOMEM;
	item->want = wanted;
	item->wanted = true;
	item->error = 0;
	item->refusals = 0;
	if (item->state == MIP_ITEM_FOREIGN)
		item->state = MIP_ITEM_ABSENT; /* to be compared with the new value */
	mip_item_enqueue(reconciler, item);
	return 0;
}

int mip_reconciler_unwant(struct mip_reconciler *reconciler, const struct mip_want *want)
{
	struct mip_want unwanted = normal(want);
	struct mip_item *item;

	if (mip_item_link(&unwanted) == NULL)
		return -EOPNOTSUPP;
	item = find_exactly(reconciler, &unwanted);
	if (item == NULL || !item->wanted)
		return 0;
	item->wanted = false;
	mip_item_enqueue(reconciler, item);
	return 0;
}

void mip_reconciler_set_tunnel(struct mip_reconciler *reconciler, mip_link link)
{
	struct mip_item *item, *next;
	const mip_link *named;

	if (link == reconciler->tunnel)
		return;
	reconciler->tunnel = link;
	HASH_ITER (hh, reconciler->items, item, next) {
		named = mip_item_link(&item->want);
		if (item->wanted && *named == MIP_LINK_TUNNEL)
			mip_item_enqueue(reconciler, item);
	}
}

void mip_reconciler_set_translation(struct mip_reconciler *reconciler,
	bool (*translate)(void *context, struct mip_want *want), void *context)
{
	reconciler->translate = translate;
	reconciler->translate_context = context;
}

/* Whether the item's answer is or was one of the translation's. */
static bool is_translated(const struct mip_reconciler *reconciler, const struct mip_item *item)
{
	struct mip_want now;

	if (item->translated)
		return true;
	if (!may_be_translated(&item->want))
		return false;
	return mip_item_resolve(reconciler, item, &now) &&
	       (item->state == MIP_ITEM_ABSENT || !mip_want_equal(&now, &item->made));
}

static void make_again(struct mip_reconciler *reconciler, struct mip_item *item)
{
	if (item->state == MIP_ITEM_FOREIGN)
		item->state = MIP_ITEM_ABSENT; /* to be compared with the new value */
	mip_item_enqueue(reconciler, item);
}

void mip_reconciler_translate_again(struct mip_reconciler *reconciler)
{
	struct mip_item *item, *next;

	HASH_ITER (hh, reconciler->items, item, next) {
		if (!item->wanted || !is_translated(reconciler, item))
			continue;
		make_again(reconciler, item);
	}
}

void mip_reconciler_translate_route(struct mip_reconciler *reconciler, struct mip_prefix destination)
{
	const struct mip_want want = {
		.kind = MIP_WANT_ROUTE, .route = {.destination = destination, .link = MIP_LINK_TUNNEL}};
	struct mip_item *item = find_exactly(reconciler, &want);

	if (item != NULL && item->wanted)
		make_again(reconciler, item);
}

/* Those whose time to be tried again has come; after good news all that were refused. */
static void enqueue_due(struct mip_reconciler *reconciler)
{
	mip_time now = mip_clock_now().boot;
	mip_time until = reconciler->retry_now ? MIP_NEVER : now;
	struct mip_item *patient = NULL;
	struct mip_deadline *due;
	struct mip_item *item, *next;

	reconciler->retry_now = false;
	while ((due = mip_deadlines_pop(&reconciler->deadlines, until)) != NULL) {
		item = MIP_CONTAINER(due, struct mip_item, deadline);
		if (due->kind == MIP_ITEM_RETRY || due->at <= now)
			mip_item_enqueue(reconciler, item);
		else
			DL_APPEND(patient, item);
	}
	DL_FOREACH_SAFE(patient, item, next)
	if (mip_deadline_set(&reconciler->deadlines, &item->deadline, item->deadline.at) < 0)
		mip_item_enqueue(reconciler, item);
}

void mip_reconciler_flush(struct mip_reconciler *reconciler)
{
	mip_time now = mip_clock_now().boot;

	if (reconciler->untold > 0 && reconciler->patrol_at <= now) {
		mip_reconciler_patrol(reconciler);
		reconciler->patrol_at = now + PATROL;
	}
	enqueue_due(reconciler);
	mip_reconciler_apply(reconciler);
}

mip_time mip_reconciler_deadline(const struct mip_reconciler *reconciler)
{
	mip_time next = mip_deadlines_next(&reconciler->deadlines);

	if (reconciler->queue != NULL || (reconciler->retry_now && next != MIP_NEVER))
		return 0;
	return reconciler->untold > 0 && reconciler->patrol_at < next ? reconciler->patrol_at : next;
}

struct mip_counter_table mip_reconciler_counters(const struct mip_reconciler *reconciler)
{
	return (struct mip_counter_table){counter_names, reconciler->counters, MIP_KERNEL_COUNTERS};
}

/* --- from the start to the end --- */

static void on_notices(void *context, int descriptor, unsigned events)
{
	struct mip_reconciler *reconciler = context;

	(void)descriptor;
	(void)events;
	mip_reconciler_listen(reconciler);
	mip_reconciler_flush(reconciler);
}

static bool kernel_is_at_least(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned its_major = 0, its_minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &its_major, &its_minor) != 2)
		return false;
	return its_major > major || (its_major == major && its_minor >= minor);
}

static int start(struct mip_reconciler *reconciler, struct mip_loop *loop, const char *restore_file)
{
	int result = mip_netlink_new(&reconciler->requests);

	if (result >= 0 && !reconciler->adopting)
		result = mip_reconciler_clean(reconciler);
	if (result >= 0)
		result = mip_settings_new(reconciler->log, reconciler->requests, restore_file,
			reconciler->adopting, &reconciler->settings);
	if (result >= 0)
		result = mip_reconciler_follow(reconciler);
	if (result >= 0)
		result = mip_loop_watch(loop, mip_netlink_descriptor(reconciler->notices), MIP_WATCH_READ,
			on_notices, reconciler, &reconciler->watch);
	return result;
}

static int new_reconciler(struct mip_loop *loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, bool adopting, struct mip_reconciler **ret_reconciler)
{
	struct mip_reconciler *reconciler = calloc(1, sizeof(*reconciler));
	int result;

	if (reconciler == NULL)
		return -ENOMEM;
	reconciler->log = log;
	reconciler->protocol = protocol;
	reconciler->adopting = adopting;
	reconciler->addresses_marked = kernel_is_at_least(5, 18);
	result = start(reconciler, loop, restore_file);
	if (result < 0) {
		mip_reconciler_free(reconciler);
		return result;
	}
	*ret_reconciler = reconciler;
	return 0;
}

int mip_reconciler_new(struct mip_loop *loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, struct mip_reconciler **ret_reconciler)
{
	return new_reconciler(loop, log, protocol, restore_file, false, ret_reconciler);
}

int mip_reconciler_new_adopting(struct mip_loop *loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, struct mip_reconciler **ret_reconciler)
{
	return new_reconciler(loop, log, protocol, restore_file, true, ret_reconciler);
}

void mip_reconciler_end_adoption(struct mip_reconciler *reconciler)
{
	if (!reconciler->adopting)
		return;
	mip_reconciler_flush(reconciler);
	(void)mip_reconciler_clean(reconciler);
	mip_settings_end_adoption(reconciler->settings);
	reconciler->adopting = false;
}

/* The last that was wanted is the first to go: rules before the tables that they lead to, settings at last.
 */
static void undo_all(struct mip_reconciler *reconciler)
{
	struct mip_item *item, *next;

	mip_reconciler_flush(reconciler); /* what is queued was meant to happen */
	reconciler->queue = NULL;
	HASH_ITER (hh, reconciler->items, item, next) {
		mip_deadline_cancel(&reconciler->deadlines, &item->deadline);
		item->wanted = false;
		item->queued = true;
		DL_PREPEND(reconciler->queue, item);
	}
	mip_reconciler_apply(reconciler);
}

void mip_reconciler_free(struct mip_reconciler *reconciler)
{
	struct mip_item *item, *next;
	struct mip_known_link *link, *next_link;

	if (reconciler == NULL)
		return;
	if (reconciler->watch != NULL && !reconciler->leaves) { /* it got as far as to be used */
		mip_reconciler_listen(reconciler);
		undo_all(reconciler);
	}
	mip_watch_free(reconciler->watch);
	HASH_ITER (hh, reconciler->items, item, next)
		mip_item_free(reconciler, item);
	HASH_ITER (hh, reconciler->links, link, next_link) {
		HASH_DEL(reconciler->links, link);
		free(link);
	}
	if (reconciler->leaves)
		mip_settings_leave(reconciler->settings);
	else
		mip_settings_free(reconciler->settings);
	mip_deadlines_clear(&reconciler->deadlines);
	mip_netlink_free(reconciler->notices);
	mip_netlink_free(reconciler->requests);
	free(reconciler);
}

void mip_reconciler_leave(struct mip_reconciler *reconciler)
{
	if (reconciler != NULL)
		reconciler->leaves = true;
	mip_reconciler_free(reconciler);
}

/*
 * The queue worked off: each item is made true or undone.
 *
 *   probe    neighbours that are new: is one there already? (RTM_NEWNEIGH would not say so)
 *   apply    requests into the batch, in the order of the queue; settings and groups between batches
 *   results  accepted: OURS; EEXIST: somebody else's, or (a route) to be compared; refused: later again
 *   compare  one dump of each table with such routes: equal ones are FOREIGN, others are displaced next round
 */
#include "reconciler_private.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define RETRY_LEAST (1 * MIP_SECOND)
enum {
	ROUNDS = 4,
	RETRY_DOUBLINGS = 5, /* up to 32 s */
};

/* --- what became of a request --- */

static void log_refusal(
	struct mip_reconciler *reconciler, struct mip_item *item, int result, const char *words)
{
	char text[MIP_WANT_TEXT];
	char interface[IFNAMSIZ] = "";
	mip_link link = mip_item_real_link(reconciler, item);

	if (item->error == result || !mip_log_allowed(&reconciler->log_limit, mip_clock_now().boot, NULL))
		return;
	if (link > 0)
		(void)if_indextoname((unsigned)link, interface);
	mip_log(reconciler->log, MIP_LOG_WARNING, "%s: refused by the kernel (interface %s): %s%s%s",
		mip_want_text(&item->want, text), interface[0] != 0 ? interface : "none", strerror(-result),
		words != NULL ? ": " : "", words != NULL ? words : "");
}

static void refused(struct mip_reconciler *reconciler, struct mip_item *item, int result, const char *words)
{
	unsigned doublings = item->refusals < RETRY_DOUBLINGS ? item->refusals : RETRY_DOUBLINGS;
	mip_time at = mip_clock_now().boot + (RETRY_LEAST << doublings);

	log_refusal(reconciler, item, result, words);
	reconciler->counters[MIP_KERNEL_REFUSALS]++;
	item->error = result;
	item->refusals++;
	item->deadline.kind = MIP_ITEM_RETRY;
	if (mip_deadline_set(&reconciler->deadlines, &item->deadline, at) < 0)
		mip_item_enqueue(reconciler, item);
}

static void accepted(struct mip_reconciler *reconciler, struct mip_item *item)
{
	reconciler->counters[MIP_KERNEL_CHANGES]++;
	if (item->asked.kind == MIP_WANT_ADDRESS && item->state != MIP_ITEM_OURS)
		reconciler->retry_now = true; /* as when others make one */
	mip_item_made(reconciler, item, &item->asked);
	item->state = MIP_ITEM_OURS;
	item->was_ours = true;
	item->replace = false;
	item->error = 0;
	item->refusals = 0;
}

/* A link that is not there, or down: its return will be told, and the item is queued then. */
static bool waits_for_link(int result)
{
	return result == -ENODEV || result == -ENXIO || result == -ENETDOWN;
}

static void exists_already(struct mip_reconciler *reconciler, struct mip_item *item)
{
	if (item->state == MIP_ITEM_OURS || item->replace) {
		accepted(reconciler, item); /* it stands there, if not at the first place among its like */
	} else if (item->want.kind == MIP_WANT_ROUTE) {
		item->conflict = true;
		reconciler->conflicts = true;
	} else {
		mip_item_made(reconciler, item, &item->asked);
		item->state = MIP_ITEM_FOREIGN;
	}
}

static void put_done(struct mip_reconciler *reconciler, struct mip_item *item, int result, const char *words)
{
	if (item->want.kind == MIP_WANT_NEIGHBOUR && item->want.neighbour.seed) {
		if (result == 0)
			reconciler->counters[MIP_KERNEL_CHANGES]++;
		else if (!waits_for_link(result))
			log_refusal(reconciler, item, result, words);
		mip_item_free(reconciler, item); /* the kernel's own from now on */
		return;
	}
	if (result == 0)
		accepted(reconciler, item);
	else if (result == -EEXIST)
		exists_already(reconciler, item);
	else if (!waits_for_link(result))
		refused(reconciler, item, result, words);
	else if (item->want.kind != MIP_WANT_ROUTE)
		item->state = MIP_ITEM_ABSENT;
}

static void removal_done(struct mip_reconciler *reconciler, struct mip_item *item, int result)
{
	char text[MIP_WANT_TEXT];

	if (result == 0)
		reconciler->counters[MIP_KERNEL_CHANGES]++;
	else if (result != -ESRCH && result != -ENOENT && result != -EADDRNOTAVAIL && !waits_for_link(result))
		mip_log(reconciler->log, MIP_LOG_WARNING, "%s: not removed: %s",
			mip_want_text(&item->made, text), strerror(-result));
	if (item->want.kind == MIP_WANT_ADDRESS && result == 0)
		mip_reconciler_shaken(reconciler, item->made.address.link, item->made.address.address);
	mip_item_free(reconciler, item);
}

static void on_result(void *context, void *tag, int result, const char *words, const struct nlmsghdr *object)
{
	struct mip_reconciler *reconciler = context;
	struct mip_item *item = tag;

	(void)object;
	if (item == NULL) /* one half of an exchange */
		return;
	if (item->removing)
		removal_done(reconciler, item, result);
	else
		put_done(reconciler, item, result, words);
}

/* --- is a neighbour there already? --- */

static void displace(struct mip_item *item, const struct nlmsghdr *message)
{
	if (item->displaced != NULL || item->was_ours)
		return;
	item->displaced = malloc(message->nlmsg_len);
	if (item->displaced != NULL)
		memcpy(item->displaced, message, message->nlmsg_len);
}

/* A neighbour or proxy entry is under our key. Those that the kernel learned itself it may learn again. */
static void found_neighbour(
	struct mip_reconciler *reconciler, struct mip_item *item, const struct nlmsghdr *message)
{
	struct mip_object object;

	if (!mip_object_read(message, &object) || object.want.kind != item->want.kind)
		return;
	if (object.want.kind == MIP_WANT_NEIGHBOUR && !object.permanent)
		return;
	if (object.protocol == reconciler->protocol)
		return;
	if (object.want.kind == MIP_WANT_NEIGHBOUR && item->want.neighbour.seed) {
		item->state = MIP_ITEM_FOREIGN; /* a seed does not override what an administrator set */
	} else if (mip_want_equal(&object.want, &item->asked)) {
		item->made = item->asked;
		item->state = MIP_ITEM_FOREIGN;
	} else {
		displace(item, message);
	}
}

static void on_probe(void *context, void *tag, int result, const char *words, const struct nlmsghdr *object)
{
	(void)words;
	if (result == 0 && object != NULL)
		found_neighbour(context, tag, object);
}

static void probe(struct mip_reconciler *reconciler)
{
	struct mip_item *item;

	mip_netlink_results(reconciler->requests, on_probe, reconciler);
	DL_FOREACH (reconciler->queue, item) {
		/* cppcheck-suppress uninitvar ; the macro, which it does not see, sets it */
		if (item->want.kind != MIP_WANT_NEIGHBOUR && item->want.kind != MIP_WANT_PROXY)
			continue;
		if (!item->wanted || item->state == MIP_ITEM_OURS || item->was_ours)
			continue;
		if (mip_item_resolve(reconciler, item, &item->asked))
			mip_netlink_add(reconciler->requests, mip_object_get(&item->asked), item);
	}
	mip_netlink_send(reconciler->requests);
}

/* --- removing --- */

/* Without promote_secondaries the kernel removes the secondary addresses of a subnet with their primary one:
 * those may be somebody else's. So it is set for the moment. */
static void send_address_removal(struct mip_reconciler *reconciler, const struct mip_item *item, void *tag)
{
	mip_link link = item->made.address.link;
	int before;

	mip_netlink_send(reconciler->requests);
	before = mip_settings_promote(link, 1);
	mip_netlink_add(reconciler->requests, mip_object_remove(&item->made, "", reconciler->protocol), tag);
	mip_netlink_send(reconciler->requests);
	if (before == 0)
		(void)mip_settings_promote(link, 0);
}

/* Takes what is made out of the kernel. `tag` is the item if it is to be freed then, or NULL. */
static void send_removal(struct mip_reconciler *reconciler, struct mip_item *item, void *tag)
{
	if (item->made.kind == MIP_WANT_ADDRESS)
		send_address_removal(reconciler, item, tag);
	else
		mip_netlink_add(reconciler->requests,
			mip_object_remove(&item->made, item->interface, reconciler->protocol), tag);
}

/* What was displaced takes its place again: a route in one step, and what is still marked as ours goes then;
 * a neighbour would keep our mark if it were only changed. */
static void send_restoration(struct mip_reconciler *reconciler, struct mip_item *item)
{
	bool is_route = item->made.kind == MIP_WANT_ROUTE;
	struct rtmsg *header = nlmsg_data(item->displaced);

	if (is_route)
		header->rtm_flags &= RTNH_F_ONLINK; /* the others tell a state, and may not be said */
	else
		send_removal(reconciler, item, NULL);
	mip_netlink_add(reconciler->requests,
		mip_object_echo(item->displaced, item->displaced->nlmsg_type, NLM_F_CREATE | NLM_F_REPLACE),
		is_route ? NULL : item);
	if (is_route)
		send_removal(reconciler, item, item);
}

static void leave_group(struct mip_item *item)
{
	if (item->group >= 0)
		close(item->group);
	item->group = -1;
	item->state = MIP_ITEM_ABSENT;
}

/* In its turn, after what is in the batch. */
static void unset(struct mip_reconciler *reconciler, const struct mip_item *item)
{
	mip_netlink_send(reconciler->requests);
	mip_settings_unset(reconciler->settings, item->made.setting.link, item->made.setting.setting);
	mip_netlink_results(reconciler->requests, on_result, reconciler);
}

static void undo(struct mip_reconciler *reconciler, struct mip_item *item)
{
	item->removing = true;
	if (item->state != MIP_ITEM_OURS) {
		mip_item_free(reconciler, item);
	} else if (item->want.kind == MIP_WANT_SETTING) {
		unset(reconciler, item);
		removal_done(reconciler, item, 0);
	} else if (item->want.kind == MIP_WANT_GROUP) {
		removal_done(reconciler, item, 0);
	} else if (item->displaced != NULL) {
		send_restoration(reconciler, item);
	} else {
		send_removal(reconciler, item, item);
	}
}

/* --- making --- */

static int join_group(struct mip_item *item)
{
	const struct ip_mreqn request = {
		.imr_multiaddr.s_addr = item->asked.group.address.value,
		.imr_ifindex = item->asked.group.link,
	};
	int descriptor;
	int result;

	leave_group(item);
	descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	if (setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) < 0) {
		result = -errno;
		close(descriptor);
		return result;
	}
	item->group = descriptor;
	return 0;
}

static void put_setting(struct mip_reconciler *reconciler, struct mip_item *item)
{
	const struct mip_want_setting *setting = &item->asked.setting;
	int result;

	if (item->state == MIP_ITEM_OURS && item->made.setting.link != setting->link)
		unset(reconciler, item);
	mip_netlink_send(reconciler->requests);
	result = mip_settings_set(reconciler->settings, setting->link, setting->setting, setting->value);
	mip_netlink_results(reconciler->requests, on_result, reconciler);
	put_done(reconciler, item, result, NULL);
}

/* The flags of a request. A route or address is only ever replaced knowingly; a rule that is there twice
 * would be there twice; of neighbours it has been asked before. */
static int put_flags(const struct mip_item *item)
{
	switch (item->asked.kind) {
	case MIP_WANT_NEIGHBOUR:
	case MIP_WANT_PROXY:
		return NLM_F_CREATE | NLM_F_REPLACE;
	case MIP_WANT_RULE:
		return NLM_F_CREATE | NLM_F_EXCL;
	default:
		return NLM_F_CREATE |
		       (item->state == MIP_ITEM_OURS || item->replace ? NLM_F_REPLACE : NLM_F_EXCL);
	}
}

/* What stands in the kernel and cannot be changed to what is asked: its interface is another one, a rule's
 * interface got another name, an address wants other flags. */
static bool must_go_first(const struct mip_item *item, const char *interface)
{
	if (item->state != MIP_ITEM_OURS)
		return false;
	switch (item->made.kind) {
	case MIP_WANT_ROUTE:
		return false;
	case MIP_WANT_ADDRESS:
		return !mip_want_equal(&item->made, &item->asked);
	case MIP_WANT_RULE:
		return strcmp(item->interface, interface) != 0;
	default:
		return !mip_want_same_key(&item->made, &item->asked);
	}
}

/* A rule that leads to another table now: the old one goes when the new one is there. */
static bool goes_afterwards(const struct mip_item *item)
{
	return item->state == MIP_ITEM_OURS && item->made.kind == MIP_WANT_RULE &&
	       !mip_want_same_key(&item->made, &item->asked);
}

static void put_object(struct mip_reconciler *reconciler, struct mip_item *item)
{
	char interface[IFNAMSIZ] = "";
	struct nl_msg *removal = NULL;
	bool named = true;

	if (item->asked.kind == MIP_WANT_RULE && item->asked.rule.incoming != MIP_LINK_NONE)
		named = if_indextoname((unsigned)item->asked.rule.incoming, interface) != NULL;
	if (must_go_first(item, interface)) {
		send_removal(reconciler, item, NULL);
		item->state = MIP_ITEM_ABSENT;
	} else if (goes_afterwards(item)) {
		removal = mip_object_remove(&item->made, item->interface, reconciler->protocol);
	}
	memcpy(item->interface, interface, sizeof(interface));
	if (!named) /* a rule for a link that has gone */
		return;
	mip_netlink_add(reconciler->requests,
		mip_object_put(&item->asked, item->interface, reconciler->protocol, put_flags(item)), item);
	if (removal != NULL)
		mip_netlink_add(reconciler->requests, removal, NULL);
}

/* The tunnel device has gone away: what a rule or a setting still has to do with it ends. */
static void put_without_link(struct mip_reconciler *reconciler, struct mip_item *item)
{
	if (item->state != MIP_ITEM_OURS)
		return;
	if (item->want.kind == MIP_WANT_SETTING)
		unset(reconciler, item);
	else if (item->want.kind != MIP_WANT_GROUP)
		send_removal(reconciler, item, NULL);
	leave_group(item);
}

static void put(struct mip_reconciler *reconciler, struct mip_item *item)
{
	item->removing = false;
	if (!mip_item_resolve(reconciler, item, &item->asked)) {
		put_without_link(reconciler, item);
		return;
	}
	switch (item->want.kind) {
	case MIP_WANT_SETTING:
		put_setting(reconciler, item);
		break;
	case MIP_WANT_GROUP:
		put_done(reconciler, item, join_group(item), NULL);
		break;
	default:
		put_object(reconciler, item);
		break;
	}
}

static void apply(struct mip_reconciler *reconciler, struct mip_item *item)
{
	if (!item->wanted)
		undo(reconciler, item);
	else if (item->state != MIP_ITEM_FOREIGN)
		put(reconciler, item);
	else if (item->want.kind == MIP_WANT_NEIGHBOUR && item->want.neighbour.seed)
		mip_item_free(reconciler, item);
}

/* --- routes that somebody else has made under our key --- */

static void on_conflict(void *context, const struct nlmsghdr *message)
{
	struct mip_reconciler *reconciler = context;
	struct mip_object object;
	struct mip_item *item;

	if (!mip_object_read(message, &object))
		return;
	item = mip_item_find(reconciler, &object.want);
	if (item == NULL || !item->conflict)
		return;
	if (object.exact && mip_want_equal(&object.want, &item->asked)) {
		mip_item_made(reconciler, item, &item->asked);
		item->state = object.protocol == reconciler->protocol ? MIP_ITEM_OURS : MIP_ITEM_FOREIGN;
		return;
	}
	item->replace = true;
	if (object.protocol != reconciler->protocol)
		displace(item, message);
}

static void compare_table(struct mip_reconciler *reconciler, uint32_t table)
{
	struct nl_msg *request = mip_object_dump(MIP_WANT_ROUTE, table, 0);
	struct mip_item *item, *next;

	if (request != NULL)
		(void)mip_netlink_dump(reconciler->requests, request, on_conflict, reconciler);
	nlmsg_free(request);
	HASH_ITER (hh, reconciler->items, item, next) {
		if (!item->conflict || item->want.route.table != table)
			continue;
		item->conflict = false;
		if (item->state == MIP_ITEM_ABSENT && item->replace) {
			mip_item_enqueue(reconciler, item);
		} else if (item->state == MIP_ITEM_ABSENT) {
			refused(reconciler, item, -EEXIST, NULL); /* gone meanwhile */
		} else {
			item->replace = false;
			free(item->displaced);
			item->displaced = NULL;
		}
	}
}

static void compare(struct mip_reconciler *reconciler)
{
	struct mip_item *item, *next;

	if (!reconciler->conflicts)
		return;
	reconciler->conflicts = false;
	HASH_ITER (hh, reconciler->items, item, next)
		if (item->conflict)
			compare_table(reconciler, item->want.route.table);
}

void mip_reconciler_apply(struct mip_reconciler *reconciler)
{
	for (int round = 0; round < ROUNDS && reconciler->queue != NULL; round++) {
		probe(reconciler);
		mip_netlink_results(reconciler->requests, on_result, reconciler);
		while (reconciler->queue != NULL) {
			struct mip_item *item = reconciler->queue;

			DL_DELETE(reconciler->queue, item);
			item->queued = false;
			apply(reconciler, item);
		}
		mip_netlink_send(reconciler->requests);
		compare(reconciler);
		mip_reconciler_steady(reconciler);
	}
}

/*
 * What others do to the kernel, and the kernel to what is ours.
 *
 *   an object is made or changed   ours is gone or hidden: repaired; the same as ours: theirs, FOREIGN
 *   an object is removed           ours: repaired; theirs that we relied on: made by us
 *   a setting is changed           repaired, and theirs is the original from now on
 *   a link comes up                everything about it is applied again
 *   a link goes down               the kernel has dropped its routes and proxy entries in silence
 *   a link goes                    everything about it waits; rules with its name are removed
 *   an address goes                the kernel may have dropped everything on the link (it was the last), and
 *                                  routes with it as their source, in silence: applied again
 *
 * Notices about what this process asked for are filtered out by the kernel.
 */
#include "reconciler_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "address.h"

static const enum mip_want_kind object_kinds[] = {
	MIP_WANT_RULE,
	MIP_WANT_ROUTE,
	MIP_WANT_PROXY,
	MIP_WANT_NEIGHBOUR,
	MIP_WANT_ADDRESS,
};

/* --- objects --- */

/* Somebody else's stands under the key of an item that is ours. Whether ours is still there: a neighbour or
 * an address is one; rules are told apart by their mark; a route is gone if it was replaced, and passed over
 * if another one was put in front of it. A dump shows both, and then says nothing here. */
static bool ours_is_lost(const struct mip_object *object, unsigned flags, bool equal)
{
	switch (object->want.kind) {
	case MIP_WANT_RULE:
		return false;
	case MIP_WANT_ROUTE:
		if (flags & (NLM_F_APPEND | NLM_F_MULTI))
			return false;
		return !equal || (flags & NLM_F_REPLACE);
	default:
		return true;
	}
}

/* Somebody else has made it, just as it is wanted. */
static void make_foreign(struct mip_reconciler *reconciler, struct mip_item *item, const struct mip_want *now)
{
	if (now->kind == MIP_WANT_ADDRESS && item->state == MIP_ITEM_OURS && !reconciler->addresses_marked)
		return; /* an old kernel does not say whose it is */
	mip_item_made(reconciler, item, now);
	item->state = MIP_ITEM_FOREIGN;
}

/* Something stands under the item's key. */
static void object_is(struct mip_reconciler *reconciler, struct mip_item *item,
	const struct mip_object *object, unsigned flags)
{
	bool is_marked = object->protocol == reconciler->protocol;
	struct mip_want now;
	bool equal;

	if (!item->wanted || item->queued || !mip_item_resolve(reconciler, item, &now))
		return;
	equal = object->exact && mip_want_equal(&object->want, &now) &&
		(object->want.kind != MIP_WANT_NEIGHBOUR || object->permanent);
	if (!is_marked && item->state == MIP_ITEM_OURS && !ours_is_lost(object, flags, equal))
		return;
	item->seen = true;
	if (equal && is_marked) {
		mip_item_made(reconciler, item, &now);
		item->state = MIP_ITEM_OURS;
	} else if (equal) {
		make_foreign(reconciler, item, &now);
	} else if (item->state == MIP_ITEM_OURS) {
		mip_item_repair(reconciler, item);
	} else if (item->state == MIP_ITEM_FOREIGN && object->want.kind != MIP_WANT_ADDRESS) {
		item->state = MIP_ITEM_ABSENT;
		mip_item_repair(reconciler, item);
	}
}

/* Something that stood under the item's key is there no longer. */
static void object_gone(
	struct mip_reconciler *reconciler, struct mip_item *item, const struct mip_object *object)
{
	bool was_ours = item->state == MIP_ITEM_OURS;

	if (!item->wanted || item->queued || item->state == MIP_ITEM_ABSENT)
		return;
	/* Of several routes under one key it may have been another one. */
	if (object->want.kind == MIP_WANT_ROUTE && ((object->protocol == reconciler->protocol) != was_ours ||
							   !mip_want_equal(&object->want, &item->made)))
		return;
	item->state = MIP_ITEM_ABSENT;
	mip_item_repair(reconciler, item);
}

static void take_object(struct mip_reconciler *reconciler, const struct nlmsghdr *message)
{
	bool removal = (message->nlmsg_type & 3) == (RTM_DELROUTE & 3); /* so for all kinds */
	struct mip_object object;
	struct mip_item *item;

	if (!mip_object_read(message, &object))
		return;
	if (object.want.kind == MIP_WANT_ADDRESS && removal)
		mip_reconciler_shaken(reconciler, object.want.address.link, object.want.address.address);
	else if (object.want.kind == MIP_WANT_ADDRESS)
		reconciler->retry_now = true; /* what was refused for want of an address may go now */
	item = mip_item_find(reconciler, &object.want);
	if (item != NULL && removal)
		object_gone(reconciler, item, &object);
	else if (item != NULL)
		object_is(reconciler, item, &object, message->nlmsg_flags);
}

/* --- links --- */

/* Everything about the link is applied again: what was refused, and what may have gone in silence. */
static void link_is_up(struct mip_reconciler *reconciler, mip_link link)
{
	struct mip_item *item, *next;

	HASH_ITER (hh, reconciler->items, item, next)
		if (item->wanted && !item->queued && mip_item_real_link(reconciler, item) == link)
			mip_item_enqueue(reconciler, item);
}

static void link_is_down(struct mip_reconciler *reconciler, mip_link link)
{
	struct mip_item *item, *next;

	HASH_ITER (hh, reconciler->items, item, next)
		if ((item->want.kind == MIP_WANT_ROUTE || item->want.kind == MIP_WANT_PROXY) &&
			item->wanted && mip_item_real_link(reconciler, item) == link)
			item->state = MIP_ITEM_ABSENT;
}

/* A rule stays, naming a link that is not there, or has another name now. */
static void link_lost_its_name(struct mip_reconciler *reconciler, mip_link link)
{
	struct mip_item *item, *next;

	HASH_ITER (hh, reconciler->items, item, next)
		if (item->want.kind == MIP_WANT_RULE && item->wanted &&
			mip_item_real_link(reconciler, item) == link)
			mip_item_enqueue(reconciler, item);
}

static void link_is_gone(struct mip_reconciler *reconciler, mip_link link)
{
	struct mip_item *item, *next;

	HASH_ITER (hh, reconciler->items, item, next) {
		if (item->want.kind == MIP_WANT_RULE || mip_item_real_link(reconciler, item) != link)
			continue;
		item->state = MIP_ITEM_ABSENT;
		if (item->group >= 0)
			close(item->group);
		item->group = -1;
	}
	link_lost_its_name(reconciler, link);
	mip_settings_forget(reconciler->settings, link);
}

static struct mip_known_link *learn(struct mip_reconciler *reconciler, mip_link index)
{
	struct mip_known_link *link;

	HASH_FIND_INT(reconciler->links, &index, link);
	if (link != NULL)
		return link;
	link = calloc(1, sizeof(*link));
	if (link == NULL)
		return NULL;
	link->link = index;
	HASH_ADD_INT(reconciler->links, link, link);
	if (link->hh.tbl == NULL) {
		free(link);
		return NULL;
	}
	return link;
}

static void forget(struct mip_reconciler *reconciler, struct mip_known_link *link)
{
	mip_link index = link->link;

	HASH_DEL(reconciler->links, link);
	free(link);
	link_is_gone(reconciler, index);
}

static void take_link(struct mip_reconciler *reconciler, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[IFLA_MAX + 1];
	const struct ifinfomsg *header = nlmsg_data(message);
	struct mip_known_link *link;
	char name[IFNAMSIZ] = "";
	bool up;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, IFLA_MAX) ||
		header->ifi_family != AF_UNSPEC)
		return;
	link = learn(reconciler, header->ifi_index);
	if (link == NULL)
		return;
	if (message->nlmsg_type == RTM_DELLINK) {
		forget(reconciler, link);
		return;
	}
	link->seen = true;
	up = header->ifi_flags & IFF_UP;
	if (attributes[IFLA_IFNAME] != NULL)
		nla_strlcpy(name, attributes[IFLA_IFNAME], sizeof(name));
	if (up && !link->up)
		link_is_up(reconciler, link->link);
	else if (!up && link->up)
		link_is_down(reconciler, link->link);
	else if (!up && link->name[0] == 0)
		link_is_up(reconciler, link->link); /* new: settings and addresses can be made on it */
	if (link->name[0] != 0 && strcmp(name, link->name) != 0)
		link_lost_its_name(reconciler, link->link);
	link->up = up;
	memcpy(link->name, name, sizeof(name));
}

/* --- settings --- */

static void look_at_setting(struct mip_reconciler *reconciler, mip_link link, enum mip_kernel_setting setting)
{
	const struct mip_want want = {
		.kind = MIP_WANT_SETTING, .setting = {.link = link, .setting = setting}};
	struct mip_item *item;

	if (!mip_settings_changed(reconciler->settings, link, setting))
		return;
	item = mip_item_find(reconciler, &want);
	if (item != NULL)
		mip_item_repair(reconciler, item);
}

static void take_settings(struct mip_reconciler *reconciler, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NETCONFA_MAX + 1];
	const struct netconfmsg *header = nlmsg_data(message);
	mip_link link;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, NETCONFA_MAX) ||
		header->ncm_family != AF_INET || attributes[NETCONFA_IFINDEX] == NULL)
		return;
	link = (mip_link)mip_netlink_u32(attributes[NETCONFA_IFINDEX]);
	if (link == NETCONFA_IFINDEX_ALL)
		link = MIP_LINK_NONE;
	if (attributes[NETCONFA_FORWARDING] != NULL)
		look_at_setting(reconciler, link, MIP_SETTING_FORWARDING);
	if (attributes[NETCONFA_RP_FILTER] != NULL)
		look_at_setting(reconciler, link, MIP_SETTING_RP_FILTER);
	if (attributes[NETCONFA_PROXY_NEIGH] != NULL)
		look_at_setting(reconciler, link, MIP_SETTING_PROXY_ARP);
}

/* --- silent losses by an address that went --- */

void mip_reconciler_shaken(struct mip_reconciler *reconciler, mip_link link, struct mip_address address)
{
	if (reconciler->shaken_count < MIP_ARRAY_SIZE(reconciler->shaken))
		reconciler->shaken[reconciler->shaken_count] = (struct mip_shaken){link, address};
	reconciler->shaken_count++;
}

/* Whether one of the addresses that went may have taken the item with it. When they were too many to be
 * kept, any may. */
static bool is_shaken(const struct mip_reconciler *reconciler, const struct mip_item *item)
{
	mip_link link = mip_item_real_link(reconciler, item);
	bool route = item->want.kind == MIP_WANT_ROUTE;

	if (!route && item->want.kind != MIP_WANT_PROXY && item->want.kind != MIP_WANT_NEIGHBOUR)
		return false;
	if (reconciler->shaken_count > MIP_ARRAY_SIZE(reconciler->shaken))
		return true;
	for (size_t i = 0; i < reconciler->shaken_count; i++)
		if (link == reconciler->shaken[i].link ||
			(route && mip_address_equal(item->want.route.source, reconciler->shaken[i].address)))
			return true;
	return false;
}

void mip_reconciler_steady(struct mip_reconciler *reconciler)
{
	struct mip_item *item, *next;

	if (reconciler->shaken_count == 0)
		return;
	HASH_ITER (hh, reconciler->items, item, next)
		if (item->wanted && !item->queued && item->state == MIP_ITEM_OURS &&
			is_shaken(reconciler, item))
			mip_item_enqueue(reconciler, item);
	reconciler->shaken_count = 0;
}

/* --- notices --- */

static void take(void *context, const struct nlmsghdr *message)
{
	struct mip_reconciler *reconciler = context;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		take_link(reconciler, message);
		break;
	case RTM_NEWNETCONF:
		take_settings(reconciler, message);
		break;
	default:
		take_object(reconciler, message);
		break;
	}
}

static int dump(struct mip_reconciler *reconciler, struct nl_msg *request, mip_netlink_function *function,
	void *context)
{
	int result = -ENOMEM;

	if (request != NULL)
		result = mip_netlink_dump(reconciler->requests, request, function, context);
	nlmsg_free(request);
	return result;
}

static int dump_links(struct mip_reconciler *reconciler)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct mip_known_link *link, *next;
	struct nl_msg *request = nlmsg_alloc_simple(RTM_GETLINK, 0);
	int result;

	if (request == NULL || nlmsg_append(request, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(request);
		return -ENOMEM;
	}
	HASH_ITER (hh, reconciler->links, link, next)
		link->seen = false;
	result = dump(reconciler, request, take, reconciler);
	if (result < 0)
		return result;
	HASH_ITER (hh, reconciler->links, link, next)
		if (!link->seen)
			forget(reconciler, link);
	return 0;
}

/* What a dump of its kind would have shown and did not. */
static void miss(struct mip_reconciler *reconciler, struct mip_item *item)
{
	if (!item->wanted || item->queued || item->state == MIP_ITEM_ABSENT)
		return;
	if (item->want.kind == MIP_WANT_SETTING) {
		if (mip_settings_changed(
			    reconciler->settings, item->made.setting.link, item->made.setting.setting))
			mip_item_repair(reconciler, item);
	} else if (item->want.kind != MIP_WANT_GROUP && !item->seen) {
		item->state = MIP_ITEM_ABSENT;
		mip_item_repair(reconciler, item);
	}
}

/* Reads all objects of a kind and compares them with the items. */
static int compare_kind(struct mip_reconciler *reconciler, enum mip_want_kind kind)
{
	struct mip_item *item, *next;
	int result;

	HASH_ITER (hh, reconciler->items, item, next)
		item->seen = false;
	result = dump(reconciler, mip_object_dump(kind, 0, 0), take, reconciler);
	if (result < 0)
		return result;
	HASH_ITER (hh, reconciler->items, item, next)
		if (item->want.kind == kind)
			miss(reconciler, item);
	return 0;
}

static void compare_settings(struct mip_reconciler *reconciler)
{
	struct mip_item *item, *next;

	HASH_ITER (hh, reconciler->items, item, next)
		if (item->want.kind == MIP_WANT_SETTING)
			miss(reconciler, item);
}

/* Notices were lost: all is read and compared. */
static void resync(struct mip_reconciler *reconciler)
{
	reconciler->counters[MIP_KERNEL_RESYNCS]++;
	if (dump_links(reconciler) < 0)
		return;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(object_kinds); i++)
		(void)compare_kind(reconciler, object_kinds[i]);
	compare_settings(reconciler);
}

void mip_reconciler_patrol(struct mip_reconciler *reconciler)
{
	(void)compare_kind(reconciler, MIP_WANT_PROXY);
	compare_settings(reconciler);
}

void mip_reconciler_listen(struct mip_reconciler *reconciler)
{
	if (mip_netlink_read(reconciler->notices, take, reconciler) < 0)
		resync(reconciler);
	mip_reconciler_steady(reconciler);
}

int mip_reconciler_follow(struct mip_reconciler *reconciler)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
		RTNLGRP_NEIGH, RTNLGRP_IPV4_NETCONF};
	/* Not our own doing; IPv4, or links (a bridge's tables are AF_BRIDGE). Filters load in network byte
	 * order. */
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(mip_netlink_port(reconciler->requests)), 4, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN), /* the family, in all of them */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNSPEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	int result = mip_netlink_new_notices(
		groups, MIP_ARRAY_SIZE(groups), filter, MIP_ARRAY_SIZE(filter), &reconciler->notices);

	return result < 0 ? result : dump_links(reconciler);
}

/* --- after a predecessor --- */

struct leftovers {
	struct mip_reconciler *reconciler;
	uint8_t protocol;
	struct nl_msg **removals;
	size_t count;
	size_t size;
};

/* At the end of an adoption: the predecessor's, and just as it is wanted. What was there already, and so was
 * taken for somebody else's, turns out to be ours by its mark. */
static bool is_adopted(struct mip_reconciler *reconciler, const struct mip_object *object)
{
	struct mip_item *item = reconciler->adopting ? mip_item_find(reconciler, &object->want) : NULL;

	if (item == NULL || !item->wanted || item->state == MIP_ITEM_ABSENT)
		return false;
	if (item->state == MIP_ITEM_FOREIGN) {
		item->state = MIP_ITEM_OURS;
		item->was_ours = true;
	}
	return true;
}

static void take_leftover(void *context, const struct nlmsghdr *message)
{
	struct leftovers *leftovers = context;
	struct mip_object object;
	struct nl_msg **more;

	if (!mip_object_read(message, &object) || object.protocol != leftovers->protocol ||
		is_adopted(leftovers->reconciler, &object))
		return;
	if (leftovers->count == leftovers->size) {
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
		more = reallocarray(leftovers->removals, leftovers->size * 2 + 64, sizeof(*more));
		if (more == NULL)
			return;
		leftovers->removals = more;
		leftovers->size = leftovers->size * 2 + 64;
	}
	/* What a nexthop object says of a route must not be said with its number. */
	if (object.want.kind == MIP_WANT_ROUTE && object.want.route.nexthop != 0)
		leftovers->removals[leftovers->count] =
			mip_object_remove(&object.want, "", leftovers->protocol);
	else
		leftovers->removals[leftovers->count] =
			mip_object_echo(message, mip_object_removal(message->nlmsg_type), 0);
	if (leftovers->removals[leftovers->count] != NULL)
		leftovers->count++;
}

static void ignore_result(
	void *context, void *tag, int result, const char *words, const struct nlmsghdr *object)
{
	uint64_t *changes = context;

	(void)tag;
	(void)words;
	(void)object;
	if (result == 0)
		(*changes)++;
}

/* A leftover address that is the primary one of its subnet would take the others along. */
static void send_removal(struct mip_reconciler *reconciler, struct nl_msg *removal, enum mip_want_kind kind)
{
	const struct ifaddrmsg *header = nlmsg_data(nlmsg_hdr(removal));
	mip_link link = kind == MIP_WANT_ADDRESS ? (mip_link)header->ifa_index : MIP_LINK_NONE;
	int before = link != MIP_LINK_NONE ? mip_settings_promote(link, 1) : 1;

	mip_netlink_add(reconciler->requests, removal, NULL);
	if (link != MIP_LINK_NONE)
		mip_netlink_send(reconciler->requests);
	if (before == 0)
		(void)mip_settings_promote(link, 0);
}

static int clean_kind(struct mip_reconciler *reconciler, enum mip_want_kind kind)
{
	struct leftovers leftovers = {.reconciler = reconciler, .protocol = reconciler->protocol};
	int result =
		dump(reconciler, mip_object_dump(kind, 0, reconciler->protocol), take_leftover, &leftovers);

	mip_netlink_results(reconciler->requests, ignore_result, &reconciler->counters[MIP_KERNEL_CHANGES]);
	for (size_t i = 0; i < leftovers.count; i++)
		send_removal(reconciler, leftovers.removals[i], kind);
	mip_netlink_send(reconciler->requests);
	free(leftovers.removals);
	if (leftovers.count > 0)
		mip_log(reconciler->log, MIP_LOG_NOTICE,
			"%zu things removed that a predecessor left in the kernel", leftovers.count);
	return result;
}

int mip_reconciler_clean(struct mip_reconciler *reconciler)
{
	int result = 0;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(object_kinds) && result >= 0; i++)
		result = clean_kind(reconciler, object_kinds[i]);
	return result;
}

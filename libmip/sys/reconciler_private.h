/*
 * What the files of the reconciler share: its items, and who does what with them.
 *
 *   reconciler.c          items, the queue, the way in
 *   reconciler_apply.c    a queued item made true, or undone
 *   reconciler_follow.c   what others do to the kernel; cleaning up after a predecessor
 *   reconciler_object.c   items as netlink messages
 *   reconciler_setting.c  settings and their originals
 */
#ifndef MIP_SYS_RECONCILER_PRIVATE_H
#define MIP_SYS_RECONCILER_PRIVATE_H

#include <net/if.h>
#include <uthash.h>
#include "deadline.h"
#include "reconciler.h"
#include "reconciler_object.h"
#include "reconciler_setting.h"

/* How an item stands in the kernel. */
enum mip_item_state {
	MIP_ITEM_ABSENT,
	MIP_ITEM_OURS,
	MIP_ITEM_FOREIGN, /* somebody else made it, just as it is wanted */
};

enum mip_item_deadline {
	MIP_ITEM_RETRY,	 /* the kernel refused it; other news may bring it forward */
	MIP_ITEM_REPAIR, /* somebody breaks it again and again; it waits its time */
};

struct mip_item {
	uint8_t key[MIP_WANT_KEY];
	struct mip_want want;  /* as the machine said it */
	struct mip_want made;  /* unless ABSENT: as it stands in the kernel, with real interfaces */
	struct mip_want asked; /* what the request under way asks for */
	enum mip_item_state state;
	bool wanted;
	bool queued;
	bool removing;		  /* the request under way is its removal */
	bool replace;		  /* what is there under its key is to be replaced */
	bool was_ours;		  /* once, so what stands in its place now came later */
	bool conflict;		  /* to be compared with what is there */
	bool seen;		  /* in the dump that is going on */
	char interface[IFNAMSIZ]; /* RULE: the name that the rule has in the kernel */
	int group;		  /* GROUP: the socket that is the member, or -1 */
	int error;		  /* the last refusal */
	unsigned refusals;	  /* in a row */
	unsigned repairs;	  /* within the last seconds */
	mip_time repaired;
	struct mip_deadline deadline;
	bool translated; /* `made` is not what the machine said, but what the data plane made of it */
	struct nlmsghdr *displaced;   /* what somebody else had there before, to be put back; owned */
	struct mip_item *next, *prev; /* in the queue */
	UT_hash_handle hh;
	/* Where what stands in the kernel has another key than the machine's: found by that, too. */
	uint8_t made_key[MIP_WANT_KEY];
	bool has_made_key;
	UT_hash_handle hh_made;
};

struct mip_known_link {
	mip_link link;
	bool up;
	bool seen;
	char name[IFNAMSIZ];
	UT_hash_handle hh;
};

/* An address that went, and its link. */
struct mip_shaken {
	mip_link link;
	struct mip_address address;
};

enum mip_kernel_counter {
	MIP_KERNEL_CHANGES,
	MIP_KERNEL_REPAIRS,
	MIP_KERNEL_REFUSALS,
	MIP_KERNEL_RESYNCS,
	MIP_KERNEL_COUNTERS,
};

struct mip_reconciler {
	const struct mip_log *log;
	struct mip_log_limit log_limit;
	uint8_t protocol;
	bool addresses_marked; /* the kernel keeps the mark of an address (5.18) */
	struct mip_netlink *requests;
	struct mip_netlink *notices;
	struct mip_watch *watch;
	struct mip_settings *settings;
	struct mip_item *items;
	struct mip_item *items_made; /* those with a `made_key` */
	bool (*translate)(void *context, struct mip_want *want);
	void *translate_context;
	struct mip_item *queue;
	struct mip_deadlines deadlines;
	struct mip_known_link *links;
	mip_link tunnel;
	bool adopting;	    /* what a predecessor left is there still */
	bool leaves;	    /* what is there stays, for a successor */
	bool conflicts;	    /* some item has `conflict` */
	bool retry_now;	    /* news that may help what was refused */
	size_t untold;	    /* items of kinds that the kernel tells nothing about */
	mip_time patrol_at; /* when to look at them */
	struct mip_shaken shaken[16];
	size_t shaken_count; /* more than there is room for: not all are there */
	uint64_t counters[MIP_KERNEL_COUNTERS];
};

/* --- reconciler.c --- */

/* At the end of the queue, wherever it was before. */
void mip_item_enqueue(struct mip_reconciler *reconciler, struct mip_item *item);
void mip_item_free(struct mip_reconciler *reconciler, struct mip_item *item);
/* Somebody has undone or changed it: queued now, or soon if that happens all the time. */
void mip_item_repair(struct mip_reconciler *reconciler, struct mip_item *item);
/* Where an item's value names its interface; NULL: it names none. */
mip_link *mip_item_link(struct mip_want *want);
/* The interface that an item is about, 0: none (yet). */
mip_link mip_item_real_link(const struct mip_reconciler *reconciler, const struct mip_item *item);
/* The item with its real interface; false while there is none. */
bool mip_item_resolve(
	const struct mip_reconciler *reconciler, const struct mip_item *item, struct mip_want *ret_want);
/* What is made of the item stands in the kernel now. */
void mip_item_made(struct mip_reconciler *reconciler, struct mip_item *item, const struct mip_want *made);
/* The item that a kernel object is, NULL: none of ours. */
struct mip_item *mip_item_find(struct mip_reconciler *reconciler, const struct mip_want *want);

/* --- reconciler_apply.c --- */

/* Works off the queue. */
void mip_reconciler_apply(struct mip_reconciler *reconciler);

/* --- reconciler_follow.c --- */

/* Removes what a predecessor left. */
int mip_reconciler_clean(struct mip_reconciler *reconciler);
/* Looks at the kinds of items that the kernel tells nothing about: proxy entries, most settings. */
void mip_reconciler_patrol(struct mip_reconciler *reconciler);
/* Opens the notices and learns the links. */
int mip_reconciler_follow(struct mip_reconciler *reconciler);
/* Takes the notices that wait; what they undid is queued. */
void mip_reconciler_listen(struct mip_reconciler *reconciler);
/* An address has gone from a link, and perhaps other things with it in silence. */
void mip_reconciler_shaken(struct mip_reconciler *reconciler, mip_link link, struct mip_address address);
/* Queues what addresses that have gone may have taken with them. */
void mip_reconciler_steady(struct mip_reconciler *reconciler);

#endif

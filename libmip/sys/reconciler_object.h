/*
 * Wanted items as routing netlink messages, and the kernel's messages as items. For the reconciler only.
 *
 * Items that are given here have real interface indexes (never MIP_LINK_TUNNEL) and a real table (never 0).
 * Each function that makes a message returns NULL without memory; the message is the caller's.
 */
#ifndef MIP_SYS_RECONCILER_OBJECT_H
#define MIP_SYS_RECONCILER_OBJECT_H

#include <net/if.h>
#include "netlink.h"
#include "want.h"

/* Something in the kernel, as a message told it. */
struct mip_object {
	struct mip_want want; /* ADDRESS, ROUTE, RULE, NEIGHBOUR or PROXY */
	uint8_t protocol;     /* who made it; 0: not said */
	/* `want` says all there is about it. Otherwise (several next hops, a mark to match …) it is no item's
	 * equal, whatever its key. */
	bool exact;
	bool permanent; /* NEIGHBOUR: not one that the kernel learned itself */
};

/* Reads RTM_NEW… and RTM_DEL… of IPv4 objects. False: something else. */
bool mip_object_read(const struct nlmsghdr *message, struct mip_object *ret_object);

/* Makes the item, with `protocol` as its mark; `flags` as NLM_F_CREATE | NLM_F_EXCL. `interface` is the name
 * of a rule's incoming interface, "" for none. */
struct nl_msg *mip_object_put(
	const struct mip_want *want, const char *interface, uint8_t protocol, int flags);
/* Removes it; a route or a rule only if it carries `protocol`. */
struct nl_msg *mip_object_remove(const struct mip_want *want, const char *interface, uint8_t protocol);
/* Asks for a NEIGHBOUR or PROXY. */
struct nl_msg *mip_object_get(const struct mip_want *want);
/* Asks for all of a kind; for routes of one table, or with one mark, if that is not 0. */
struct nl_msg *mip_object_dump(enum mip_want_kind kind, uint32_t table, uint8_t protocol);
/* A message that the kernel told, as a request of another type with other flags. */
struct nl_msg *mip_object_echo(const struct nlmsghdr *message, int type, int flags);
/* RTM_NEW… to its RTM_DEL…. */
int mip_object_removal(int type);

#endif

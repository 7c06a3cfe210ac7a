/*
 * The reconciler makes the kernel match what a machine wants (base/want.h), repairs it when something else
 * changes it, and puts back at the end what it found at the start.
 *
 * What it makes in the kernel carries `protocol` as its mark (routes: rtm_protocol; rules: FRA_PROTOCOL;
 * addresses: IFA_PROTO; neighbours: NDA_PROTOCOL), so that the next start can clean up after a killed
 * predecessor, and a person sees in `ip route show` whose it is. Original values of settings are kept in
 * `restore_file` while they are changed, for the same reason. Something that is there already, made by
 * somebody else, is left as it is and not removed at the end.
 *
 * TUNNEL and PEER items are the data plane's, not the reconciler's: -EOPNOTSUPP.
 */
#ifndef MIP_SYS_RECONCILER_H
#define MIP_SYS_RECONCILER_H

#include "counter.h"
#include "log.h"
#include "loop.h"
#include "want.h"

struct mip_reconciler;

/* rtm_protocol numbers of the daemons; none is taken in the kernel's or iproute2's lists. */
enum {
	MIP_ROUTE_PROTOCOL_MN = 77,
	MIP_ROUTE_PROTOCOL_HA = 78,
	MIP_ROUTE_PROTOCOL_FA = 79,
};

/* Cleans up after a predecessor first: removes all that carries `protocol`, and restores settings from
 * restore_file. restore_file may be NULL. */
int mip_reconciler_new(struct mip_loop *loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, struct mip_reconciler **ret_reconciler);
/* The same after a predecessor whose work is to go on: what it left is cleaned up by
 * mip_reconciler_end_adoption(), less what is wanted by then, which is its successor's without a moment
 * between. */
int mip_reconciler_new_adopting(struct mip_loop *loop, const struct mip_log *log, uint8_t protocol,
	const char *restore_file, struct mip_reconciler **ret_reconciler);
void mip_reconciler_end_adoption(struct mip_reconciler *reconciler);
/* Frees, and leaves everything for such a successor. */
void mip_reconciler_leave(struct mip_reconciler *reconciler);
/* Puts everything back, then frees. */
void mip_reconciler_free(struct mip_reconciler *reconciler);

/* The device that MIP_LINK_TUNNEL stands for. 0: there is none (yet); items that need it wait. */
void mip_reconciler_set_tunnel(struct mip_reconciler *reconciler, mip_link link);

/* What an item that has to do with the tunnel device is in truth is asked of `translate` each time that it is
 * made: it may change `want` and then returns true. Of a RULE the table may become another one, of a SETTING
 * the value, and of a ROUTE the link a nexthop object (want.h); the rest of the key stays. NULL: none is. */
void mip_reconciler_set_translation(struct mip_reconciler *reconciler,
	bool (*translate)(void *context, struct mip_want *want), void *context);
/* The answers are others now: queues all items of which one was translated, or would be. What was made before
 * goes when the new is there. */
void mip_reconciler_translate_again(struct mip_reconciler *reconciler);
/* Likewise for the route of the main table, without a metric, to this destination alone. */
void mip_reconciler_translate_route(struct mip_reconciler *reconciler, struct mip_prefix destination);

/* Queued; takes effect at the next flush. A link that is gone makes an item wait until it is back. 0,
 * -EOPNOTSUPP, -ENOMEM. */
int mip_reconciler_want(struct mip_reconciler *reconciler, const struct mip_want *want);
int mip_reconciler_unwant(struct mip_reconciler *reconciler, const struct mip_want *want);
/* Brings the kernel up to date with all that is queued, in the order it was queued, in one batch, and waits
 * for the acknowledgements (microseconds). An item that the kernel refuses is logged and counted, and tried
 * again. */
void mip_reconciler_flush(struct mip_reconciler *reconciler);
/* When it wants mip_reconciler_flush() again (to retry); MIP_NEVER if it does not. */
mip_time mip_reconciler_deadline(const struct mip_reconciler *reconciler);

/* "kernel_changes", "kernel_repairs", "kernel_refusals" and the like. */
struct mip_counter_table mip_reconciler_counters(const struct mip_reconciler *reconciler);

#endif

/*
 * Records that outlive the daemon (SQLite, WAL): a key and some octets each, in the state folder.
 *
 * The rule of what is on the disk before an answer goes out: everything that the answer promises. Whoever
 * changes records hands them over with mip_store_flush(), gets a ticket, and lets go of the answers that
 * promise them when mip_store_settled() has come to that ticket. Then the changes are on the disk itself
 * (the log of the file is written and fsync() has returned), and neither a kill -9 nor a loss of power at any
 * instant takes them away.
 *
 * Writing is a thread's, so that nobody waits for a disk who does not wait for an answer: the loop goes on
 * with packets meanwhile, and what comes together while one transaction is on its way makes the next.
 *
 *   keep, forget ──> gathered ── flush: ticket ──> handed over ──> the writer: one transaction, fsync()
 *                                                     ▲                │         │
 *                                                     └── again later ─┘ fails   └──> settled, and the
 *                                                                                     descriptor is readable
 *
 * A disk that is full or broken must not bring the daemon down: then a ticket is settled too, once the failure
 * is said in the log, and what could not be written stays handed over and is tried again, each second. Until
 * it succeeds answers go out as promises of memory alone. That is the one exception of the rule, and counted.
 */
#ifndef MIP_SYS_STORE_H
#define MIP_SYS_STORE_H

#include "log.h"
#include "types.h"

struct mip_store;
typedef void mip_record_function(void *context, const char *key, const uint8_t *octets, size_t length);

/* `folder` is made (mode 0700) if need be; "" gives a store that keeps nothing. A damaged or foreign file is
 * renamed to NAME.damaged-N, said in the log, and a new one begun. 0 or negative errno. */
int mip_store_new(const char *folder, const struct mip_log *log, struct mip_store **ret_store);
/* Writes what waits, as mip_store_wait() does. */
void mip_store_free(struct mip_store *store);
/* All records, in the order of their keys. Before the first change. */
int mip_store_read(struct mip_store *store, mip_record_function *function, void *context);
/* 0 or -ENOMEM. */
int mip_store_keep(struct mip_store *store, const char *key, const void *octets, size_t length);
int mip_store_forget(struct mip_store *store, const char *key);
/* Hands over what was gathered. A ticket; the last one when nothing was gathered. */
uint64_t mip_store_flush(struct mip_store *store);
/* The last ticket that is settled. */
uint64_t mip_store_settled(struct mip_store *store);
/* Becomes readable when more is settled; -1: the store keeps nothing. Then mip_store_service() takes notice of
 * it, and says what has failed. */
int mip_store_descriptor(const struct mip_store *store);
void mip_store_service(struct mip_store *store);
/* Transactions that failed so far. */
uint64_t mip_store_failures(struct mip_store *store);
/* Waits until everything handed over is settled. 0, or the negative errno of the last failure. */
int mip_store_wait(struct mip_store *store);

#endif

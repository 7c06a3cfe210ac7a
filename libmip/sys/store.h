/*
 * Records that outlive the daemon (SQLite, WAL): a key and some octets each, in the state folder. Changes are
 * gathered and written in one transaction by mip_store_flush(), which the shell calls before the replies that
 * promise them leave.
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
void mip_store_free(struct mip_store *store);
/* All records, in the order of their keys. */
int mip_store_read(struct mip_store *store, mip_record_function *function, void *context);
int mip_store_keep(struct mip_store *store, const char *key, const void *octets, size_t length);
int mip_store_forget(struct mip_store *store, const char *key);
int mip_store_flush(struct mip_store *store);

#endif

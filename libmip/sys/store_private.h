/*
 * The inside of the store, shared by its files: store.c (the file: found, judged, set aside, read) and
 * store_writer.c (changes, and the thread that writes them).
 */
#ifndef MIP_SYS_STORE_PRIVATE_H
#define MIP_SYS_STORE_PRIVATE_H

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <uthash.h>
#include "store.h"

enum {
	STORE_WORDS = 256,
};

/* A record that is to be as it says. One allocation: the key stands behind the struct, the octets behind it. */
struct store_change {
	UT_hash_handle hh;
	bool forgotten;
	size_t length;
	const uint8_t *octets;
	char key[];
};

struct store_writer {
	pthread_t thread;
	bool started;
	int descriptor; /* an eventfd; -1: none */
	/* Of both threads, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t handed_over; /* on CLOCK_MONOTONIC */
	pthread_cond_t has_settled;
	struct store_change *handed; /* a hash by key */
	uint64_t ticket;	     /* of the last that was handed over */
	uint64_t settled;
	bool ends;
	uint64_t failures;
	int error; /* of the last transaction; 0: it was written */
	char words[STORE_WORDS];
	/* Of the daemon's thread. */
	uint64_t failures_told;
};

struct mip_store {
	const struct mip_log *log;
	char path[PATH_MAX];
	sqlite3 *database; /* NULL: keeps nothing. The writer's alone once it has started */
	sqlite3_stmt *keep;
	sqlite3_stmt *forget;
	struct store_change *gathered; /* a hash by key */
	struct store_writer writer;
	struct mip_log_limit limit;
	bool was_failing;
};

int store_errno(sqlite3 *database, int code);
/* Over the key and the octets; stands beside them, for SQLite does not notice an octet that has changed. */
uint32_t store_sum(const char *key, const void *octets, size_t length);

int store_writer_begin(struct mip_store *store);
/* Waits for what waits to be written, and for the thread's end. */
void store_writer_end(struct mip_store *store);

#endif

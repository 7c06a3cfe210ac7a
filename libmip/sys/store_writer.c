/*
 * The store's changes, and the thread that writes them.
 *
 * A key that changes again before it was written is written once. A batch that failed goes back to what is
 * handed over, but never over a newer change of the same key. While the last transaction has failed nobody
 * waits for the next: tickets are settled at once, and the thread tries once a second.
 */
#include "store_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "loop.h"
#include "privilege.h"

enum {
	AGAIN_SECONDS = 1,
};

/* --- changes ------------------------------------------------------------------------------------ */

static struct store_change *change_new(const char *key, const void *octets, size_t length, bool forgotten)
{
	size_t characters = strlen(key) + 1;
	struct store_change *change = malloc(sizeof(*change) + characters + length);

	if (change == NULL)
		return NULL;
	memset(change, 0, sizeof(*change));
	change->forgotten = forgotten;
	change->length = length;
	memcpy(change->key, key, characters);
	if (length > 0)
		memcpy(change->key + characters, octets, length);
	change->octets = (const uint8_t *)change->key + characters;
	return change;
}

static void drop(struct store_change **changes, struct store_change *change)
{
	HASH_DEL(*changes, change);
	free(change);
}

/* Takes the change over. 0, or -ENOMEM and it is freed. */
static int add(struct store_change **changes, struct store_change *change)
{
	HASH_ADD_STR(*changes, key, change);
	if (change->hh.tbl != NULL)
		return 0;
	free(change);
	return -ENOMEM;
}

static void clear(struct store_change **changes)
{
	struct store_change *change, *next;

	HASH_ITER (hh, *changes, change, next)
		drop(changes, change);
}

/* Moves all of them; of two with the same key the newer one stays. 0, or -ENOMEM and some are lost. */
static int merge(struct store_change **into, struct store_change **from, bool from_is_newer)
{
	struct store_change *change, *next, *other;
	int error = 0;

	if (*into == NULL) {
		*into = *from;
		*from = NULL;
		return 0;
	}
	HASH_ITER (hh, *from, change, next) {
		HASH_DEL(*from, change);
		HASH_FIND_STR(*into, change->key, other);
		if (other != NULL && !from_is_newer) {
			free(change);
			continue;
		}
		if (other != NULL)
			drop(into, other);
		if (add(into, change) < 0)
			error = -ENOMEM;
	}
	return error;
}

static int gather(struct mip_store *store, struct store_change *change)
{
	struct store_change *other;

	if (change == NULL)
		return -ENOMEM;
	HASH_FIND_STR(store->gathered, change->key, other);
	if (other != NULL)
		drop(&store->gathered, other);
	return add(&store->gathered, change);
}

int mip_store_keep(struct mip_store *store, const char *key, const void *octets, size_t length)
{
	return store->database == NULL ? 0 : gather(store, change_new(key, octets, length, false));
}

int mip_store_forget(struct mip_store *store, const char *key)
{
	return store->database == NULL ? 0 : gather(store, change_new(key, NULL, 0, true));
}

/* --- one transaction ---------------------------------------------------------------------------- */

static int write_change(struct mip_store *store, const struct store_change *change)
{
	sqlite3_stmt *statement = change->forgotten ? store->forget : store->keep;
	int code = sqlite3_bind_text(statement, 1, change->key, -1, SQLITE_STATIC);

	if (code == SQLITE_OK && !change->forgotten)
		code = sqlite3_bind_blob64(
			statement, 2, change->octets, (sqlite3_uint64)change->length, SQLITE_STATIC);
	if (code == SQLITE_OK && !change->forgotten)
		code = sqlite3_bind_int64(
			statement, 3, store_sum(change->key, change->octets, change->length));
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* All or nothing. 0, or negative errno with words. */
static int write_batch(struct mip_store *store, struct store_change *batch, char words[static STORE_WORDS])
{
	int code = sqlite3_exec(store->database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	int error;

	for (const struct store_change *change = batch; change != NULL && code == SQLITE_OK;
		change = change->hh.next)
		code = write_change(store, change);
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return 0;
	error = store_errno(store->database, code);
	snprintf(words, STORE_WORDS, "%s", sqlite3_errmsg(store->database));
	/* After some failures (no space, no memory) SQLite itself has rolled back. */
	if (!sqlite3_get_autocommit(store->database))
		(void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
	return error;
}

/* --- the thread --------------------------------------------------------------------------------- */

/* Under the mutex: waits until there is something to write, and after a failure for its time. */
static void wait_for_work(struct store_writer *writer)
{
	struct timespec again;

	clock_gettime(CLOCK_MONOTONIC, &again);
	again.tv_sec += AGAIN_SECONDS;
	while (!writer->ends && writer->handed == NULL)
		pthread_cond_wait(&writer->handed_over, &writer->mutex);
	while (!writer->ends && writer->error != 0 &&
		pthread_cond_timedwait(&writer->handed_over, &writer->mutex, &again) == 0)
		;
}

/* Under the mutex. */
static void settle(struct store_writer *writer, uint64_t ticket)
{
	const uint64_t one = 1;

	if (ticket > writer->settled)
		writer->settled = ticket;
	pthread_cond_broadcast(&writer->has_settled);
	(void)!write(writer->descriptor, &one, sizeof(one));
}

static void write_handed(struct mip_store *store)
{
	struct store_writer *writer = &store->writer;
	struct store_change *batch = writer->handed;
	uint64_t ticket = writer->ticket;
	char words[STORE_WORDS] = "";
	int error;

	writer->handed = NULL;
	pthread_mutex_unlock(&writer->mutex);
	error = write_batch(store, batch, words);
	pthread_mutex_lock(&writer->mutex);
	writer->error = error;
	memcpy(writer->words, words, sizeof(words));
	if (error < 0) {
		writer->failures++;
		ticket = writer->ticket; /* nobody waits for a disk that does not write */
		(void)merge(&writer->handed, &batch, false);
	}
	clear(&batch);
	settle(writer, ticket);
}

static void *run(void *context)
{
	struct mip_store *store = context;
	struct store_writer *writer = &store->writer;

	mip_privilege_leave_thread();
	pthread_mutex_lock(&writer->mutex);
	for (;;) {
		wait_for_work(writer);
		if (writer->handed != NULL)
			write_handed(store);
		if (writer->ends && (writer->handed == NULL || writer->error != 0))
			break;
	}
	pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct mip_store *store)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&store->writer.thread, NULL, run, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	store->writer.started = error == 0;
	return -error;
}

int store_writer_begin(struct mip_store *store)
{
	struct store_writer *writer = &store->writer;
	pthread_condattr_t attributes;

	writer->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->descriptor < 0)
		return -errno;
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_cond_init(&writer->has_settled, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->handed_over, &attributes);
	pthread_condattr_destroy(&attributes);
	return 0;
}

void store_writer_end(struct mip_store *store)
{
	struct store_writer *writer = &store->writer;

	if (writer->descriptor < 0)
		return;
	mip_store_flush(store);
	if (writer->started) {
		pthread_mutex_lock(&writer->mutex);
		writer->ends = true;
		pthread_cond_broadcast(&writer->handed_over);
		pthread_mutex_unlock(&writer->mutex);
		pthread_join(writer->thread, NULL);
	}
	mip_store_service(store);
	if (writer->handed != NULL)
		mip_log(store->log, MIP_LOG_ERROR, "%s: %u changes are lost with this end", store->path,
			HASH_COUNT(writer->handed));
	clear(&writer->handed);
	clear(&store->gathered);
	pthread_cond_destroy(&writer->handed_over);
	pthread_cond_destroy(&writer->has_settled);
	pthread_mutex_destroy(&writer->mutex);
	close(writer->descriptor);
}

/* --- the daemon's side of it -------------------------------------------------------------------- */

uint64_t mip_store_flush(struct mip_store *store)
{
	struct store_writer *writer = &store->writer;
	uint64_t ticket;

	if (store->database == NULL)
		return 0;
	pthread_mutex_lock(&writer->mutex);
	if (store->gathered != NULL) {
		if (merge(&writer->handed, &store->gathered, true) < 0)
			writer->failures++;
		writer->ticket++;
		/* A thread that cannot be had yet is tried again with the next. */
		if (writer->error != 0 || (!writer->started && start_thread(store) < 0))
			settle(writer, writer->ticket);
		else
			pthread_cond_signal(&writer->handed_over);
	}
	ticket = writer->ticket;
	pthread_mutex_unlock(&writer->mutex);
	return ticket;
}

uint64_t mip_store_settled(struct mip_store *store)
{
	uint64_t settled;

	if (store->database == NULL)
		return 0;
	pthread_mutex_lock(&store->writer.mutex);
	settled = store->writer.settled;
	pthread_mutex_unlock(&store->writer.mutex);
	return settled;
}

int mip_store_descriptor(const struct mip_store *store)
{
	return store->writer.descriptor;
}

uint64_t mip_store_failures(struct mip_store *store)
{
	uint64_t failures;

	if (store->database == NULL)
		return 0;
	pthread_mutex_lock(&store->writer.mutex);
	failures = store->writer.failures;
	pthread_mutex_unlock(&store->writer.mutex);
	return failures;
}

void mip_store_service(struct mip_store *store)
{
	struct store_writer *writer = &store->writer;
	char words[STORE_WORDS];
	uint64_t failures, count;
	int error;

	if (store->database == NULL)
		return;
	(void)!read(writer->descriptor, &count, sizeof(count));
	pthread_mutex_lock(&writer->mutex);
	memcpy(words, writer->words, sizeof(words));
	failures = writer->failures;
	error = writer->error;
	pthread_mutex_unlock(&writer->mutex);
	if (error != 0 && failures != writer->failures_told) {
		if (mip_log_allowed(&store->limit, mip_clock_now().boot, NULL))
			mip_log(store->log, MIP_LOG_ERROR,
				"%s: cannot be written: %s; what it should hold is in memory alone",
				store->path, words);
		writer->failures_told = failures;
		store->was_failing = true;
	} else if (error == 0 && store->was_failing) {
		mip_log(store->log, MIP_LOG_NOTICE, "%s: is written again, and nothing is missing",
			store->path);
		store->was_failing = false;
	}
}

int mip_store_wait(struct mip_store *store)
{
	struct store_writer *writer = &store->writer;
	int error;

	if (store->database == NULL)
		return 0;
	pthread_mutex_lock(&writer->mutex);
	while (writer->settled < writer->ticket)
		pthread_cond_wait(&writer->has_settled, &writer->mutex);
	error = writer->error;
	pthread_mutex_unlock(&writer->mutex);
	return error;
}

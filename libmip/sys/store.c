/*
 * The store: records in one SQLite table, in WAL mode.
 *
 * A change opens a transaction if there is none; mip_store_flush() commits it. So a thousand registrations
 * that came in one batch cost one commit, and each of their replies leaves after it. With synchronous =
 * NORMAL a commit is a write into the log without waiting for the disk: what was acknowledged survives the
 * death of the daemon in any form (the pages are the kernel's); after a loss of power the file is whole, and
 * the last moments may be missing, which the mobile nodes' next registrations mend. Waiting for a disk in a
 * registration's path would cost every one of them more.
 *
 * The file is the daemon's alone while it runs (exclusive locking: a second daemon on the same folder is told
 * so). A file that is damaged or that is somebody else's is not overwritten: it goes aside with its log.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "folder.h"
#include "loop.h"

#define FILE_NAME      "records.sqlite"
#define APPLICATION_ID 0x4d495072 /* "MIPr", in the file's header: file(1) and we tell by it whose it is */
#define SCHEMA_VERSION 1

enum {
	BUSY_MILLISECONDS = 2000, /* for a predecessor that is just closing */
	DAMAGED_MOST = 10000,
	FOLDER_MODE = 0700,
};

struct mip_store {
	const struct mip_log *log;
	char path[PATH_MAX];
	sqlite3 *database; /* NULL: keeps nothing */
	sqlite3_stmt *keep;
	sqlite3_stmt *forget;
	bool pending; /* a transaction is open */
	struct mip_log_limit limit;
};

/* What a file is, as found. */
enum file_state {
	FILE_OURS,
	FILE_NEW,
	FILE_DAMAGED,
	FILE_FOREIGN,
};

static int errno_of(sqlite3 *database, int code)
{
	int system = database != NULL ? sqlite3_system_errno(database) : 0;

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	default:
		return system > 0 ? -system : -EIO;
	}
}

/* A full disk fails every registration's record: the log gets some of it. */
static int complain(struct mip_store *store, const char *what, int code)
{
	if (mip_log_allowed(&store->limit, mip_clock_now().boot, NULL))
		mip_log(store->log, MIP_LOG_ERROR, "%s: %s: %s", store->path, what,
			store->database != NULL ? sqlite3_errmsg(store->database) : sqlite3_errstr(code));
	return errno_of(store->database, code);
}

static void close_database(struct mip_store *store)
{
	sqlite3_finalize(store->keep);
	sqlite3_finalize(store->forget);
	sqlite3_close(store->database);
	store->keep = NULL;
	store->forget = NULL;
	store->database = NULL;
}

/* The first column of a statement's first row, as a number. */
static int ask_number(sqlite3 *database, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*ret_number = sqlite3_column_int64(statement, 0);
		code = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return code;
}

static int check_pages(sqlite3 *database)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const char *verdict = (const char *)sqlite3_column_text(statement, 0);

		code = verdict != NULL && strcmp(verdict, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(statement);
	return code;
}

/* Whose file it is and whether it is whole. SQLITE_OK and the state, or what kept us from finding out. */
static int judge(sqlite3 *database, enum file_state *ret_state)
{
	int64_t application = 0;
	int64_t version = 0;
	int64_t objects = 0;
	int code = ask_number(database, "PRAGMA application_id", &application);

	if (code == SQLITE_OK)
		code = ask_number(database, "PRAGMA user_version", &version);
	if (code == SQLITE_OK)
		code = ask_number(database, "SELECT count(*) FROM sqlite_schema", &objects);
	if (code == SQLITE_OK)
		code = check_pages(database);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		*ret_state = FILE_DAMAGED;
		return SQLITE_OK;
	}
	if (code != SQLITE_OK)
		return code;
	if (application == 0 && version == 0 && objects == 0)
		*ret_state = FILE_NEW;
	else if (application == APPLICATION_ID && version == SCHEMA_VERSION)
		*ret_state = FILE_OURS;
	else
		*ret_state = FILE_FOREIGN;
	return SQLITE_OK;
}

static int prepare(struct mip_store *store)
{
	static const char keep[] = "INSERT INTO record (key, octets) VALUES (?1, ?2) "
				   "ON CONFLICT (key) DO UPDATE SET octets = excluded.octets";
	static const char forget[] = "DELETE FROM record WHERE key = ?1";
	int code =
		sqlite3_prepare_v3(store->database, keep, -1, SQLITE_PREPARE_PERSISTENT, &store->keep, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(
			store->database, forget, -1, SQLITE_PREPARE_PERSISTENT, &store->forget, NULL);
	return code;
}

static int create(sqlite3 *database)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"BEGIN IMMEDIATE;"
		"CREATE TABLE record (key TEXT PRIMARY KEY, octets BLOB NOT NULL) WITHOUT ROWID;"
		"PRAGMA application_id = %d; PRAGMA user_version = %d;"
		"COMMIT",
		APPLICATION_ID, SCHEMA_VERSION);
	return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

/*
 * Opens the file and finds out what it is; nothing is written into a file that is not ours. The file is made
 * here and not by SQLite, so that only its owner reads it, whatever the folder's mode; its log inherits that.
 */
static int open_database(struct mip_store *store, enum file_state *ret_state)
{
	struct stat status;
	int descriptor = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	int code;

	if (descriptor >= 0)
		close(descriptor);
	if (stat(store->path, &status) == 0 && !S_ISREG(status.st_mode)) {
		*ret_state = FILE_FOREIGN;
		return SQLITE_OK;
	}
	code = sqlite3_open_v2(
		store->path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(store->database, BUSY_MILLISECONDS);
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->database, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = judge(store->database, ret_state);
	return code;
}

static int begin_use(struct mip_store *store, enum file_state state)
{
	int code = sqlite3_exec(
		store->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL, NULL);

	if (code == SQLITE_OK && state == FILE_NEW)
		code = create(store->database);
	if (code == SQLITE_OK)
		code = prepare(store);
	return code;
}

/* NAME.damaged-N, and its log NAME.damaged-N-wal beside it, as SQLite's own tools expect it. */
static int set_aside(struct mip_store *store, const char *why)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
	char aside[PATH_MAX + 32];
	char from[PATH_MAX + 48];
	char to[PATH_MAX + 48];
	struct stat status;
	int n = 1;

	do {
		snprintf(aside, sizeof(aside), "%s.damaged-%d", store->path, n);
	} while (lstat(aside, &status) == 0 && n++ < DAMAGED_MOST);
	if (rename(store->path, aside) < 0)
		return -errno;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(suffixes); i++) {
		snprintf(from, sizeof(from), "%s%s", store->path, suffixes[i]);
		snprintf(to, sizeof(to), "%s%s", aside, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	mip_log(store->log, MIP_LOG_WARNING, "%s %s; it is now %s, and nothing is remembered", store->path,
		why, aside);
	return 0;
}

static int open_store(struct mip_store *store)
{
	enum file_state state = FILE_NEW;
	int code = open_database(store, &state);
	int error;

	if (code == SQLITE_OK && (state == FILE_DAMAGED || state == FILE_FOREIGN)) {
		close_database(store);
		error = set_aside(store, state == FILE_DAMAGED
						 ? "is damaged"
						 : "was not written by this version of this program");
		if (error < 0) {
			mip_log(store->log, MIP_LOG_ERROR, "%s: cannot be set aside: %s", store->path,
				strerror(-error));
			return error;
		}
		code = open_database(store, &state);
	}
	if (code == SQLITE_OK)
		code = begin_use(store, state);
	return code == SQLITE_OK ? 0 : complain(store, "cannot be used", code);
}

int mip_store_new(const char *folder, const struct mip_log *log, struct mip_store **ret_store)
{
	struct mip_store *store = calloc(1, sizeof(*store));
	int error = 0;

	if (store == NULL)
		return -ENOMEM;
	store->log = log;
	if (folder != NULL && folder[0] != '\0') {
		error = mip_folder_make(folder, FOLDER_MODE);
		if (error >= 0 && snprintf(store->path, sizeof(store->path), "%s/" FILE_NAME, folder) >=
					  (int)sizeof(store->path))
			error = -ENAMETOOLONG;
		if (error < 0)
			mip_log(log, MIP_LOG_ERROR, "state folder %s: %s", folder, strerror(-error));
		else
			error = open_store(store);
	}
	if (error < 0) {
		mip_store_free(store);
		return error;
	}
	*ret_store = store;
	return 0;
}

void mip_store_free(struct mip_store *store)
{
	if (store == NULL)
		return;
	mip_store_flush(store);
	close_database(store);
	free(store);
}

int mip_store_read(struct mip_store *store, mip_record_function *function, void *context)
{
	sqlite3_stmt *statement = NULL;
	int code;

	if (store->database == NULL)
		return 0;
	code = sqlite3_prepare_v2(
		store->database, "SELECT key, octets FROM record ORDER BY key", -1, &statement, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW)
			function(context, (const char *)sqlite3_column_text(statement, 0),
				sqlite3_column_blob(statement, 1),
				(size_t)sqlite3_column_bytes(statement, 1));
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : complain(store, "cannot be read", code);
}

static int begin_transaction(struct mip_store *store)
{
	int code;

	/* After some failures (no space, no memory) SQLite itself has rolled back. */
	if (store->pending && !sqlite3_get_autocommit(store->database))
		return 0;
	code = sqlite3_exec(store->database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return complain(store, "cannot be written", code);
	store->pending = true;
	return 0;
}

static int change(struct mip_store *store, sqlite3_stmt *statement, int code)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE ? 0 : complain(store, "cannot be written", code);
}

int mip_store_keep(struct mip_store *store, const char *key, const void *octets, size_t length)
{
	int error;
	int code;

	if (store->database == NULL)
		return 0;
	error = begin_transaction(store);
	if (error < 0)
		return error;
	code = sqlite3_bind_text(store->keep, 1, key, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob64(
			store->keep, 2, length > 0 ? octets : "", (sqlite3_uint64)length, SQLITE_STATIC);
	return change(store, store->keep, code);
}

int mip_store_forget(struct mip_store *store, const char *key)
{
	int error;

	if (store->database == NULL)
		return 0;
	error = begin_transaction(store);
	if (error < 0)
		return error;
	return change(store, store->forget, sqlite3_bind_text(store->forget, 1, key, -1, SQLITE_STATIC));
}

int mip_store_flush(struct mip_store *store)
{
	int code;

	if (!store->pending)
		return 0;
	if (sqlite3_get_autocommit(store->database)) {
		store->pending = false;
		return -EIO; /* the transaction was lost; whoever changed something was told */
	}
	code = sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return complain(
			store, "cannot be written", code); /* it stays open, the next flush tries again */
	store->pending = false;
	return 0;
}

/*
 * The store's file: one SQLite table, in WAL mode with synchronous = FULL, so that a transaction that was
 * committed is on the disk.
 *
 * The file is the daemon's alone while it runs (exclusive locking: a second daemon on the same folder is told
 * so). A file that is damaged or that is somebody else's is not overwritten: it goes aside with its log. What
 * is looked at before a record of it is believed:
 *
 *   whose it is      the number in the header, and that it holds our table, word by word, and nothing else
 *   its pages        SQLite's own check
 *   its records      a sum beside each, which an octet that has changed does not fit any more
 *
 * The log (-wal) has sums of its own: one that is damaged ends where the damage is, and what the file was
 * before that is whole.
 */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "folder.h"

#define FILE_NAME      "records.sqlite"
#define APPLICATION_ID 0x4d495072 /* "MIPr", in the file's header: file(1) and we tell by it whose it is */
#define SCHEMA_VERSION 2
#define TABLE                                                                                                \
	"CREATE TABLE record (key TEXT PRIMARY KEY, octets BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT "    \
	"ROWID"

enum {
	BUSY_MILLISECONDS = 2000, /* for a predecessor that is just closing */
	DAMAGED_MOST = 10000,
	FOLDER_MODE = 0700,
};

/* What a file is, as found. */
enum file_state {
	FILE_OURS,
	FILE_NEW,
	FILE_DAMAGED,
	FILE_FOREIGN,
};

int store_errno(sqlite3 *database, int code)
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

/* CRC-32 (IEEE 802.3), a bit at a time: records are small, and the disk takes longer. */
static uint32_t add_to_sum(uint32_t sum, const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum ^= octets[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return sum;
}

uint32_t store_sum(const char *key, const void *octets, size_t length)
{
	uint32_t sum = add_to_sum(UINT32_MAX, (const uint8_t *)key, strlen(key) + 1);

	return ~add_to_sum(sum, octets, length);
}

static int complain(const struct mip_store *store, const char *what, int code)
{
	mip_log(store->log, MIP_LOG_ERROR, "%s: %s: %s", store->path, what,
		store->database != NULL ? sqlite3_errmsg(store->database) : sqlite3_errstr(code));
	return store_errno(store->database, code);
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

/* Ours in every word: no view, trigger or index that would do something else than we ask. */
static int check_schema(sqlite3 *database)
{
	static const char question[] = "SELECT sql FROM sqlite_schema";
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(database, question, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const char *sql = (const char *)sqlite3_column_text(statement, 0);

		code = sql != NULL && strcmp(sql, TABLE) == 0 ? sqlite3_step(statement) : SQLITE_ROW;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code == SQLITE_ROW ? SQLITE_CORRUPT : code;
}

static bool is_whole(sqlite3_stmt *row)
{
	const char *key = (const char *)sqlite3_column_text(row, 0);

	return key != NULL && sqlite3_column_type(row, 1) == SQLITE_BLOB &&
	       sqlite3_column_int64(row, 2) ==
		       store_sum(key, sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
}

static int check_records(sqlite3 *database)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(database, "SELECT key, octets, sum FROM record", -1, &statement, NULL);

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW && !is_whole(statement))
			code = SQLITE_CORRUPT;
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* What SQLite says of a file that it cannot make sense of. */
static bool is_damage(int code)
{
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a format, a table or a function that is unknown */
	case SQLITE_FORMAT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return true;
	default:
		return false;
	}
}

static int judge_numbers(sqlite3 *database, enum file_state *ret_state)
{
	int64_t application = 0;
	int64_t version = 0;
	int64_t objects = 0;
	int code = ask_number(database, "PRAGMA application_id", &application);

	if (code == SQLITE_OK)
		code = ask_number(database, "PRAGMA user_version", &version);
	if (code == SQLITE_OK)
		code = ask_number(database, "SELECT count(*) FROM sqlite_schema", &objects);
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

/* Whose file it is and whether it is whole. SQLITE_OK and the state, or what kept us from finding out. */
static int judge(sqlite3 *database, enum file_state *ret_state)
{
	int code = judge_numbers(database, ret_state);

	if (code == SQLITE_OK)
		code = check_pages(database);
	if (code == SQLITE_OK && *ret_state == FILE_OURS)
		code = check_schema(database);
	if (code == SQLITE_OK && *ret_state == FILE_OURS)
		code = check_records(database);
	if (!is_damage(code))
		return code;
	*ret_state = FILE_DAMAGED;
	return SQLITE_OK;
}

static int prepare(struct mip_store *store)
{
	static const char keep[] =
		"INSERT INTO record (key, octets, sum) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key) DO UPDATE SET octets = excluded.octets, sum = excluded.sum";
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
		"BEGIN IMMEDIATE;" TABLE "; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		APPLICATION_ID, SCHEMA_VERSION);
	return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

/*
 * The file is made here and not by SQLite, so that only its owner reads it, whatever the folder's mode; its
 * log inherits that. 0 and whether it is a file at all, or negative errno.
 */
static int make_file(const struct mip_store *store, bool *ret_regular)
{
	struct stat status;
	int descriptor = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	int error = descriptor < 0 ? -errno : 0;

	if (descriptor >= 0)
		close(descriptor);
	*ret_regular = stat(store->path, &status) < 0 || S_ISREG(status.st_mode);
	return *ret_regular ? error : 0;
}

/* Opens the file and finds out what it is; nothing is written into a file that is not ours. */
static int open_database(struct mip_store *store, enum file_state *ret_state)
{
	static const char manners[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF";
	int code = sqlite3_open_v2(
		store->path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(store->database, BUSY_MILLISECONDS);
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->database, manners, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = judge(store->database, ret_state);
	return code;
}

static int begin_use(struct mip_store *store, enum file_state state)
{
	int code = sqlite3_exec(
		store->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL);

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

/* A new name in a folder is on the disk when the folder is. */
static void sync_folder(const struct mip_store *store)
{
	char *path = mip_folder_of(store->path);
	int folder = path != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (folder >= 0) {
		(void)fsync(folder);
		close(folder);
	}
	free(path);
}

/* Damage that lets SQLite read, but not write. */
static bool is_marked_read_only(const struct mip_store *store, int code)
{
	return (code & 0xff) == SQLITE_READONLY && access(store->path, W_OK) == 0;
}

/* 0 and what the file is: a damaged or foreign one is closed again, another in use. */
static int try_file(struct mip_store *store, enum file_state *ret_state)
{
	bool regular = true;
	int error = make_file(store, &regular);
	int code = SQLITE_OK;

	if (error < 0) {
		mip_log(store->log, MIP_LOG_ERROR, "%s: %s", store->path, strerror(-error));
		return error;
	}
	*ret_state = FILE_FOREIGN;
	if (regular)
		code = open_database(store, ret_state);
	if (code == SQLITE_OK && (*ret_state == FILE_OURS || *ret_state == FILE_NEW))
		code = begin_use(store, *ret_state);
	if (is_damage(code) || is_marked_read_only(store, code)) {
		*ret_state = FILE_DAMAGED;
		code = SQLITE_OK;
	}
	if (code != SQLITE_OK)
		return complain(store, "cannot be used", code);
	if (*ret_state == FILE_DAMAGED || *ret_state == FILE_FOREIGN)
		close_database(store);
	return 0;
}

static int open_store(struct mip_store *store)
{
	enum file_state state = FILE_NEW;
	int error = try_file(store, &state);

	if (error == 0 && store->database == NULL) {
		error = set_aside(store, state == FILE_DAMAGED
						 ? "is damaged"
						 : "was not written by this version of this program");
		if (error < 0)
			mip_log(store->log, MIP_LOG_ERROR, "%s: cannot be set aside: %s", store->path,
				strerror(-error));
		else
			error = try_file(store, &state);
		if (error == 0 && store->database == NULL)
			error = -EBADMSG;
	}
	if (error < 0)
		return error;
	sync_folder(store);
	return store_writer_begin(store);
}

int mip_store_new(const char *folder, const struct mip_log *log, struct mip_store **ret_store)
{
	struct mip_store *store = calloc(1, sizeof(*store));
	int error = 0;

	if (store == NULL)
		return -ENOMEM;
	store->log = log;
	store->writer.descriptor = -1;
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
	store_writer_end(store);
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

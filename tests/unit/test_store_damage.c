/*
 * What can happen to the state: power that is lost at any instant, octets that change, a disk that is full or
 * read-only, a file of somebody else. What was settled is there afterwards, or the file is set aside; what
 * comes out of the store is never something else than what was put in.
 *
 * Power is lost in a file system that is made up between SQLite and the real one: a write is remembered until
 * fsync(), and a loss of power takes some of what was not synced away, in sectors, as a disk does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "remove_folder.h"
#include "store.h"

enum {
	SECTOR = 512,
	RECORDS = 40,
	FILES = 8,
	FLIPS = 200,
	POWER_LOSSES = 60,
	FULL_FOLDER = 256 << 10,
	HEADER = 100,	  /* octets of an SQLite file's */
	PATIENCE = 10000, /* times 1 ms */
};

/* --- a place, and what is in it ------------------------------------------------------------------ */

struct place {
	char root[64];
	char folder[96];
	char file[128];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	make_folder(place->root, sizeof(place->root), "damage");
	snprintf(place->folder, sizeof(place->folder), "%s/state", place->root);
	snprintf(place->file, sizeof(place->file), "%s/records.sqlite", place->folder);
	*state = place;
	return 0;
}

static int teardown(void **state);

static struct mip_store *open_store(const struct place *place)
{
	struct mip_store *store = NULL;

	assert_int_equal(mip_store_new(place->folder, NULL, &store), 0);
	return store;
}

/* The value of record `number` in a generation, which says both. */
static void value_of(int number, int generation, char value[static 64])
{
	snprintf(value, 64, "record %d of generation %d, and some octets more", number, generation);
}

static void keep(struct mip_store *store, int number, int generation)
{
	char key[32], value[64];

	snprintf(key, sizeof(key), "binding/10.1.0.%d", number);
	value_of(number, generation, value);
	assert_int_equal(mip_store_keep(store, key, value, strlen(value)), 0);
}

struct found {
	unsigned count;
	int generation[RECORDS]; /* -1: not there */
};

static void note_record(void *context, const char *key, const uint8_t *octets, size_t length)
{
	struct found *found = context;
	int number, generation;
	char text[64], value[64];

	assert_int_equal(sscanf(key, "binding/10.1.0.%d", &number), 1);
	assert_in_range(number, 0, RECORDS - 1);
	assert_true(length < sizeof(text));
	memcpy(text, octets, length);
	text[length] = '\0';
	assert_int_equal(sscanf(text, "record %*d of generation %d", &generation), 1);
	value_of(number, generation, value);
	assert_string_equal(text, value);
	found->generation[number] = generation;
	found->count++;
}

static struct found find_records(struct mip_store *store)
{
	struct found found = {0};

	for (int number = 0; number < RECORDS; number++)
		found.generation[number] = -1;
	assert_int_equal(mip_store_read(store, note_record, &found), 0);
	return found;
}

static bool is_set_aside(const struct place *place)
{
	char aside[160];

	snprintf(aside, sizeof(aside), "%s.damaged-1", place->file);
	return access(aside, F_OK) == 0;
}

static void fill(const struct place *place)
{
	struct mip_store *store = open_store(place);

	for (int number = 0; number < RECORDS; number++)
		keep(store, number, 1);
	mip_store_free(store);
}

static unsigned seed = 20020;

static unsigned number_below(unsigned most)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % most;
}

/* --- files, whole --------------------------------------------------------------------------------- */

struct copy {
	uint8_t *octets;
	size_t length;
};

static struct copy read_copy(const char *path)
{
	struct copy copy = {0};
	struct stat status;
	int descriptor = open(path, O_RDONLY);

	if (descriptor < 0)
		return copy;
	assert_int_equal(fstat(descriptor, &status), 0);
	copy.length = (size_t)status.st_size;
	copy.octets = malloc(copy.length + 1);
	assert_non_null(copy.octets);
	assert_int_equal(read(descriptor, copy.octets, copy.length), copy.length);
	close(descriptor);
	return copy;
}

static void write_copy(const char *path, const struct copy *copy)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, copy->octets, copy->length), copy->length);
	close(descriptor);
}

static void start_anew(const struct place *place, const struct copy *file)
{
	remove_folder(place->folder);
	assert_int_equal(mkdir(place->folder, 0700), 0);
	write_copy(place->file, file);
}

/* --- power ---------------------------------------------------------------------------------------- */

/* What is on the disk of a file, as against what has been written to it. */
struct disk_file {
	char path[160];
	struct copy synced;
};

static struct {
	pthread_mutex_t mutex;
	struct disk_file files[FILES];
	size_t count;
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	int (*real_sync)(sqlite3_file *, int);
	sqlite3_io_methods methods;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct made_up_file {
	sqlite3_file base;
	const char *path;
	sqlite3_file *real;
};

static struct made_up_file *file_of(sqlite3_file *file)
{
	return (struct made_up_file *)file;
}

static void note_synced(const char *path)
{
	struct disk_file *file = NULL;

	pthread_mutex_lock(&disk.mutex);
	for (size_t i = 0; i < disk.count && file == NULL; i++) {
		if (strcmp(disk.files[i].path, path) == 0)
			file = &disk.files[i];
	}
	if (file == NULL) {
		assert_true(disk.count < FILES);
		file = &disk.files[disk.count++];
		snprintf(file->path, sizeof(file->path), "%s", path);
	}
	free(file->synced.octets);
	file->synced = read_copy(path);
	pthread_mutex_unlock(&disk.mutex);
}

static int on_close(sqlite3_file *file)
{
	sqlite3_file *real = file_of(file)->real;
	int code = real->pMethods->xClose(real);

	free(real);
	return code;
}
static int on_read(sqlite3_file *file, void *octets, int length, sqlite3_int64 offset)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xRead(real, octets, length, offset);
}
static int on_write(sqlite3_file *file, const void *octets, int length, sqlite3_int64 offset)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xWrite(real, octets, length, offset);
}
static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xTruncate(real, size);
}
static int on_sync(sqlite3_file *file, int flags)
{
	sqlite3_file *real = file_of(file)->real;
	int code = real->pMethods->xSync(real, flags);

	if (file_of(file)->path != NULL)
		note_synced(file_of(file)->path);
	return code;
}
static int on_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xFileSize(real, ret_size);
}
static int on_lock(sqlite3_file *file, int level)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xLock(real, level);
}
static int on_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xUnlock(real, level);
}
static int on_check_lock(sqlite3_file *file, int *ret_reserved)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xCheckReservedLock(real, ret_reserved);
}
static int on_control(sqlite3_file *file, int what, void *argument)
{
	sqlite3_file *real = file_of(file)->real;

	return real->pMethods->xFileControl(real, what, argument);
}
static int on_sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR;
}
static int on_characteristics(sqlite3_file *file)
{
	(void)file;
	return 0; /* a disk that promises nothing */
}

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *ret_flags)
{
	struct made_up_file *file = file_of(base);
	int code;

	(void)vfs;
	*file = (struct made_up_file){.path = path, .real = calloc(1, (size_t)disk.real->szOsFile)};
	code = disk.real->xOpen(disk.real, path, file->real, flags, ret_flags);
	if (code != SQLITE_OK) {
		free(file->real);
		return code;
	}
	file->base.pMethods = &disk.methods;
	return SQLITE_OK;
}

static void put_disk_between(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "disk";
	disk.vfs.szOsFile = sizeof(struct made_up_file);
	disk.vfs.xOpen = on_open;
	disk.methods = (sqlite3_io_methods){
		.iVersion = 1, /* without shared memory: as for the daemon, which has the file for itself */
		.xClose = on_close,
		.xRead = on_read,
		.xWrite = on_write,
		.xTruncate = on_truncate,
		.xSync = on_sync,
		.xFileSize = on_size,
		.xLock = on_lock,
		.xUnlock = on_unlock,
		.xCheckReservedLock = on_check_lock,
		.xFileControl = on_control,
		.xSectorSize = on_sector_size,
		.xDeviceCharacteristics = on_characteristics,
	};
	assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

static void take_disk_away(void)
{
	if (disk.real == NULL)
		return;
	assert_int_equal(sqlite3_vfs_unregister(&disk.vfs), SQLITE_OK);
	assert_int_equal(sqlite3_vfs_register(disk.real, 1), SQLITE_OK);
	disk.real = NULL;
	for (size_t i = 0; i < disk.count; i++)
		free(disk.files[i].synced.octets);
	disk.count = 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	take_disk_away(); /* a test that failed has left it */
	(void)umount2(place->folder, MNT_DETACH);
	remove_folder(place->root);
	free(place);
	return 0;
}

/* The octets of a sector as the disk has them: what was written, what was before, or, torn, some of both. */
static void choose_sector(
	uint8_t *ret_sector, const struct copy *written, const struct copy *synced, size_t at)
{
	static const struct copy nothing;
	unsigned kind = number_below(4);

	for (size_t i = at; i < at + SECTOR; i++) {
		bool fresh = kind == 0 || (kind == 1 && i - at < SECTOR / 3);
		const struct copy *from = fresh ? written : synced;

		if (i >= from->length)
			from = i < written->length && fresh ? written : &nothing;
		ret_sector[i - at] = i < from->length ? from->octets[i] : 0;
	}
}

/* What a file is after the power came back: sectors that were the same all the time stay. */
static void lose_power_of(const char *from, const char *to, const struct copy *synced)
{
	struct copy written = read_copy(from), left = {0};
	size_t longer = written.length > synced->length ? written.length : synced->length;

	left.octets = calloc(1, longer + SECTOR);
	assert_non_null(left.octets);
	for (size_t at = 0; at < longer; at += SECTOR)
		choose_sector(left.octets + at, &written, synced, at);
	/* The length that the file system remembers is one of the two. */
	left.length = number_below(2) ? written.length : synced->length;
	write_copy(to, &left);
	free(left.octets);
	free(written.octets);
}

/* Copies the folder as a loss of power in this moment would leave it. */
static void lose_power(const struct place *place, const struct place *after)
{
	static const char *const suffixes[] = {"", "-wal", "-journal"};
	static const struct copy nothing;

	remove_folder(after->folder);
	assert_int_equal(mkdir(after->folder, 0700), 0);
	pthread_mutex_lock(&disk.mutex);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(suffixes); i++) {
		char from[160], to[160];
		const struct copy *synced = &nothing;

		snprintf(from, sizeof(from), "%s%s", place->file, suffixes[i]);
		snprintf(to, sizeof(to), "%s%s", after->file, suffixes[i]);
		for (size_t j = 0; j < disk.count; j++) {
			if (strcmp(disk.files[j].path, from) == 0)
				synced = &disk.files[j].synced;
		}
		if (access(from, F_OK) == 0)
			lose_power_of(from, to, synced);
	}
	pthread_mutex_unlock(&disk.mutex);
}

/* At some instants in the middle of writing, and at some when all is settled. */
static void what_was_settled_survives_a_loss_of_power(void **state)
{
	struct place *place = *state, after = *place;
	struct mip_store *store;
	struct found found;

	snprintf(after.folder, sizeof(after.folder), "%s/after", place->root);
	snprintf(after.file, sizeof(after.file), "%s/records.sqlite", after.folder);
	put_disk_between();
	store = open_store(place);
	for (int generation = 1; generation <= POWER_LOSSES; generation++) {
		uint64_t ticket;
		bool settled;
		struct mip_store *next;

		for (int number = 0; number < RECORDS; number++)
			keep(store, number, generation);
		ticket = mip_store_flush(store);
		if (number_below(2))
			assert_int_equal(mip_store_wait(store), 0);
		settled = mip_store_settled(store) >= ticket;
		lose_power(place, &after);
		/* The next generation begins when this one is settled, so one before it is the least. */
		assert_int_equal(mip_store_wait(store), 0);
		next = open_store(&after);
		found = find_records(next);
		assert_false(is_set_aside(&after));
		assert_int_equal(found.count, generation > 1 || settled ? RECORDS : found.count);
		for (int number = 0; number < RECORDS && found.count > 0; number++) {
			assert_in_range(found.generation[number], generation - !settled, generation);
			/* All or nothing. */
			assert_int_equal(found.generation[number], found.generation[0]);
		}
		mip_store_free(next);
	}
	mip_store_free(store);
	take_disk_away();
}

/* --- octets that change ---------------------------------------------------------------------------- */

/* Whole, or set aside and empty: nothing between, and nothing else. */
static void assert_whole_or_set_aside(const struct place *place, bool may_be_older)
{
	struct mip_store *store = open_store(place);
	struct found found = find_records(store);

	if (is_set_aside(place)) {
		assert_int_equal(found.count, 0);
	} else if (!may_be_older) {
		assert_int_equal(found.count, RECORDS);
		for (int number = 0; number < RECORDS; number++)
			assert_int_equal(found.generation[number], 1);
	}
	mip_store_free(store);
}

static void flip(const struct place *place, const struct copy *file, size_t octet, unsigned bit)
{
	file->octets[octet] ^= (uint8_t)(1U << bit);
	start_anew(place, file);
	file->octets[octet] ^= (uint8_t)(1U << bit);
	assert_whole_or_set_aside(place, false);
}

static void a_bit_that_has_changed_is_never_believed(void **state)
{
	const struct place *place = *state;
	struct copy file;

	fill(place);
	file = read_copy(place->file);
	assert_true(file.length > HEADER);
	for (size_t octet = 0; octet < HEADER; octet++)
		flip(place, &file, octet, number_below(8));
	for (int i = 0; i < FLIPS; i++)
		flip(place, &file, number_below((unsigned)file.length), number_below(8));
	free(file.octets);
}

static void a_file_that_is_cut_short_is_set_aside(void **state)
{
	const struct place *place = *state;
	struct copy file;
	size_t length;

	fill(place);
	file = read_copy(place->file);
	length = file.length;
	for (file.length = length - 1; file.length > 0;
		file.length -= file.length < 700 ? file.length : 700) {
		start_anew(place, &file);
		assert_whole_or_set_aside(place, false);
		assert_true(is_set_aside(place));
	}
	free(file.octets);
}

/* --- files of others ------------------------------------------------------------------------------- */

static void execute(const struct place *place, const char *sql)
{
	sqlite3 *database = NULL;

	assert_int_equal(sqlite3_open(place->file, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void assert_set_aside_after(const struct place *place, const char *sql)
{
	struct mip_store *store;

	remove_folder(place->folder);
	fill(place);
	execute(place, sql);
	store = open_store(place);
	assert_true(is_set_aside(place));
	assert_int_equal(find_records(store).count, 0);
	mip_store_free(store);
}

static void what_others_have_made_of_it_is_set_aside(void **state)
{
	const struct place *place = *state;

	assert_set_aside_after(place, "PRAGMA user_version = 3");
	assert_set_aside_after(place, "PRAGMA user_version = 1");
	assert_set_aside_after(place, "PRAGMA application_id = 7");
	assert_set_aside_after(place, "CREATE TABLE more (a)");
	assert_set_aside_after(place, "ALTER TABLE record ADD COLUMN more");
	assert_set_aside_after(
		place, "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END");
	assert_set_aside_after(
		place, "DROP TABLE record; CREATE VIEW record AS SELECT 1 AS key, 2 AS octets, 3 AS sum");
	assert_set_aside_after(place, "UPDATE record SET octets = x'00' WHERE key LIKE '%7'");
	assert_set_aside_after(place, "UPDATE record SET key = 'binding/10.9.9.9' WHERE key LIKE '%17'");
	assert_set_aside_after(place, "UPDATE record SET sum = sum + 4294967296");
}

static void another_programs_database_is_set_aside(void **state)
{
	const struct place *place = *state;
	struct mip_store *store;

	assert_int_equal(mkdir(place->folder, 0700), 0);
	execute(place, "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('about:blank')");
	store = open_store(place);
	assert_true(is_set_aside(place));
	mip_store_free(store);
}

/* --- disks ----------------------------------------------------------------------------------------- */

/* A small file system in the folder's place, in a mount namespace of this process. */
static void mount_folder(const struct place *place, unsigned long flags)
{
	char options[64];

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		skip();
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	(void)mkdir(place->folder, 0700);
	snprintf(options, sizeof(options), "size=%d,mode=0700", FULL_FOLDER);
	assert_int_equal(mount("none", place->folder, "tmpfs", flags, options), 0);
}

static void use_up(const struct place *place, const char *name)
{
	char path[160];
	static const char octets[4096];
	int descriptor;

	snprintf(path, sizeof(path), "%s/%s", place->folder, name);
	descriptor = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(descriptor >= 0);
	while (write(descriptor, octets, sizeof(octets)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(descriptor);
}

static void free_again(const struct place *place, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", place->folder, name);
	assert_int_equal(unlink(path), 0);
}

static void a_full_disk_holds_up_nobody_and_misses_nothing_afterwards(void **state)
{
	const struct place *place = *state;
	struct mip_store *store;
	struct found found;
	uint64_t ticket;

	mount_folder(place, 0);
	fill(place);
	store = open_store(place);
	use_up(place, "ballast");
	/* So much that what room the file's last page has is too little. */
	for (int number = 0; number < RECORDS; number++)
		keep(store, number, 2);
	mip_store_flush(store);
	assert_int_equal(mip_store_wait(store), -ENOSPC);
	assert_true(mip_store_failures(store) > 0);
	/* Later ones are not waited for. */
	keep(store, 3, 3);
	ticket = mip_store_flush(store);
	assert_true(mip_store_settled(store) >= ticket);
	free_again(place, "ballast");
	for (int i = 0; i < PATIENCE && mip_store_wait(store) != 0; i++)
		usleep(1000);
	assert_int_equal(mip_store_wait(store), 0);
	mip_store_free(store);

	store = open_store(place);
	found = find_records(store);
	assert_int_equal(found.count, RECORDS);
	for (int number = 0; number < RECORDS; number++)
		assert_int_equal(found.generation[number], number == 3 ? 3 : 2);
	mip_store_free(store);
}

static void a_daemon_starts_on_a_full_disk_with_what_it_had(void **state)
{
	const struct place *place = *state;
	struct mip_store *store;

	mount_folder(place, 0);
	fill(place);
	use_up(place, "ballast");
	store = open_store(place);
	assert_false(is_set_aside(place));
	assert_int_equal(find_records(store).count, RECORDS);
	mip_store_free(store);
}

static void a_folder_that_cannot_be_written_is_an_error_and_stays_as_it_is(void **state)
{
	const struct place *place = *state;
	struct mip_store *store = NULL;

	mount_folder(place, 0);
	fill(place);
	assert_int_equal(mount(NULL, place->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(mip_store_new(place->folder, NULL, &store), -EROFS);
	assert_null(store);
	assert_int_equal(mount(NULL, place->folder, NULL, MS_REMOUNT, NULL), 0);
	store = open_store(place);
	assert_false(is_set_aside(place));
	assert_int_equal(find_records(store).count, RECORDS);
	mip_store_free(store);
}

#define DAMAGE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAMAGE_TEST(what_was_settled_survives_a_loss_of_power),
		DAMAGE_TEST(a_bit_that_has_changed_is_never_believed),
		DAMAGE_TEST(a_file_that_is_cut_short_is_set_aside),
		DAMAGE_TEST(what_others_have_made_of_it_is_set_aside),
		DAMAGE_TEST(another_programs_database_is_set_aside),
		DAMAGE_TEST(a_full_disk_holds_up_nobody_and_misses_nothing_afterwards),
		DAMAGE_TEST(a_daemon_starts_on_a_full_disk_with_what_it_had),
		DAMAGE_TEST(a_folder_that_cannot_be_written_is_an_error_and_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

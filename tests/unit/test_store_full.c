/* The store on a disk that gets full, a small tmpfs in a mount namespace of its own. As root only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "remove_folder.h"
#include "store.h"

enum {
	SKIPPED = 77,
	RECORD = 400,
	RECORDS_MOST = 10000, /* many times what the disk holds */
	TURN = 20000,	      /* microseconds */
	PATIENCE = 500,
	RECORD_BATCH = 10,
};

struct disk {
	char root[64];
	char ballast[96];
	struct mip_store *store;
	unsigned committed; /* records that were flushed */
};

static int setup(void **state)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	uint8_t zeros[100 * 1024] = {0};
	char folder[96];
	FILE *file;

	assert_non_null(disk);
	make_folder(disk->root, sizeof(disk->root), "full");
	assert_int_equal(mount("tmpfs", disk->root, "tmpfs", 0, "size=400k"), 0);
	/* What somebody else has there, and can clear away. */
	snprintf(disk->ballast, sizeof(disk->ballast), "%s/ballast", disk->root);
	file = fopen(disk->ballast, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(zeros, 1, sizeof(zeros), file), sizeof(zeros));
	assert_int_equal(fclose(file), 0);
	snprintf(folder, sizeof(folder), "%s/state", disk->root);
	assert_int_equal(mip_store_new(folder, NULL, &disk->store), 0);
	*state = disk;
	return 0;
}

static int teardown(void **state)
{
	struct disk *disk = *state;

	mip_store_free(disk->store);
	(void)umount(disk->root);
	remove_folder(disk->root);
	free(disk);
	return 0;
}

/* A batch of records, one commit. */
static int write_batch(struct disk *disk)
{
	uint8_t octets[RECORD];
	char key[64];
	int r = 0, flushed;

	memset(octets, 'x', sizeof(octets));
	for (unsigned i = 0; i < RECORD_BATCH; i++) {
		snprintf(key, sizeof(key), "binding/%u", disk->committed + i);
		if (r == 0)
			r = mip_store_keep(disk->store, key, octets, sizeof(octets));
	}
	(void)mip_store_flush(disk->store);
	flushed = mip_store_wait(disk->store);
	if (r == 0)
		r = flushed;
	if (r == 0)
		disk->committed += RECORD_BATCH;
	return r;
}

static int fill(struct disk *disk)
{
	int r = 0;

	while (r == 0 && disk->committed < RECORDS_MOST)
		r = write_batch(disk);
	return r;
}

static void count_record(void *context, const char *key, const uint8_t *octets, size_t length)
{
	unsigned *count = context;

	assert_true(strncmp(key, "binding/", 8) == 0);
	assert_int_equal(length, RECORD);
	assert_int_equal(octets[length - 1], 'x');
	*count += 1;
}

/* What a daemon that starts now would read. */
static unsigned count_records(struct disk *disk)
{
	unsigned count = 0;
	char folder[96];

	mip_store_free(disk->store);
	disk->store = NULL;
	snprintf(folder, sizeof(folder), "%s/state", disk->root);
	assert_int_equal(mip_store_new(folder, NULL, &disk->store), 0);
	assert_int_equal(mip_store_read(disk->store, count_record, &count), 0);
	return count;
}

static void a_full_disk_is_said_and_what_was_committed_is_still_there(void **state)
{
	struct disk *disk = *state;

	assert_int_equal(fill(disk), -ENOSPC);
	assert_true(disk->committed > 0);
	assert_true(count_records(disk) >= disk->committed);
	/* Again and again, and it does not fall over. */
	for (int i = 0; i < 10; i++)
		assert_true(write_batch(disk) < 0);
	assert_true(count_records(disk) >= disk->committed);
}

/* The store tries again by itself, each second. */
static bool is_whole_again(struct disk *disk)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (mip_store_wait(disk->store) == 0)
			return true;
		usleep(TURN);
	}
	return false;
}

static void it_goes_on_when_there_is_room_again(void **state)
{
	struct disk *disk = *state;

	assert_int_equal(fill(disk), -ENOSPC);
	assert_int_equal(unlink(disk->ballast), 0);
	(void)write_batch(disk);
	assert_true(is_whole_again(disk));
	assert_true(count_records(disk) >= disk->committed + RECORD_BATCH);
	assert_int_equal(write_batch(disk), 0);
}

static void a_start_on_a_full_disk_reads_what_is_there(void **state)
{
	struct disk *disk = *state;

	assert_int_equal(fill(disk), -ENOSPC);
	assert_true(count_records(disk) >= disk->committed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_full_disk_is_said_and_what_was_committed_is_still_there, setup, teardown),
		cmocka_unit_test_setup_teardown(it_goes_on_when_there_is_room_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_start_on_a_full_disk_reads_what_is_there, setup, teardown),
	};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		puts("a mount namespace cannot be had here");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

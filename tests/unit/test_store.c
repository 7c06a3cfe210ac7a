/* The store: records survive, whatever ends the daemon; what is damaged or not ours goes aside. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "remove_folder.h"
#include "store.h"

struct place {
	char root[64];
	char folder[96];
	char file[128];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	make_folder(place->root, sizeof(place->root), "store");
	snprintf(place->folder, sizeof(place->folder), "%s/lib/mip/ha", place->root);
	snprintf(place->file, sizeof(place->file), "%s/records.sqlite", place->folder);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	remove_folder(place->root);
	free(place);
	return 0;
}

static struct mip_store *open_store(const struct place *place)
{
	struct mip_store *store;

	assert_int_equal(mip_store_new(place->folder, NULL, &store), 0);
	return store;
}

/* Until it is on the disk. */
static int write_down(struct mip_store *store)
{
	mip_store_flush(store);
	return mip_store_wait(store);
}

/* "key=octets;…" */
static void gather(void *context, const char *key, const uint8_t *octets, size_t length)
{
	char *all = context;
	size_t used = strlen(all);

	snprintf(all + used, 512 - used, "%s=%.*s;", key, (int)length, (const char *)octets);
}

static void assert_records(struct mip_store *store, const char *expected)
{
	char all[512] = "";

	assert_int_equal(mip_store_read(store, gather, all), 0);
	assert_string_equal(all, expected);
}

static void assert_reopened_records(const struct place *place, const char *expected)
{
	struct mip_store *store = open_store(place);

	assert_records(store, expected);
	mip_store_free(store);
}

static void records_survive_a_restart_in_the_order_of_their_keys(void **state)
{
	struct mip_store *store = open_store(*state);

	assert_int_equal(mip_store_keep(store, "b", "two", 3), 0);
	assert_int_equal(mip_store_keep(store, "a", "one", 3), 0);
	assert_int_equal(mip_store_keep(store, "c", NULL, 0), 0);
	assert_int_equal(mip_store_keep(store, "d", "four", 4), 0);
	assert_int_equal(write_down(store), 0);
	assert_int_equal(mip_store_keep(store, "b", "second", 6), 0);
	assert_int_equal(mip_store_forget(store, "d"), 0);
	assert_int_equal(mip_store_forget(store, "never there"), 0);
	assert_int_equal(write_down(store), 0);
	assert_int_equal(write_down(store), 0);
	mip_store_free(store);
	assert_reopened_records(*state, "a=one;b=second;c=;");
}

static void the_folder_and_the_file_are_for_the_owner_only(void **state)
{
	const struct place *place = *state;
	struct mip_store *store = open_store(place);
	struct stat status;

	assert_int_equal(stat(place->folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(place->file, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	mip_store_free(store);
}

static void a_flushed_record_survives_kill_9(void **state)
{
	const struct place *place = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct mip_store *store;

		if (mip_store_new(place->folder, NULL, &store) < 0 ||
			mip_store_keep(store, "kept", "yes", 3) < 0 || write_down(store) < 0 ||
			mip_store_keep(store, "not promised", "x", 1) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_reopened_records(place, "kept=yes;");
}

static void an_empty_folder_name_keeps_nothing(void **state)
{
	struct mip_store *store;

	(void)state;
	assert_int_equal(mip_store_new("", NULL, &store), 0);
	assert_int_equal(mip_store_keep(store, "a", "one", 3), 0);
	assert_int_equal(mip_store_forget(store, "b"), 0);
	assert_int_equal(write_down(store), 0);
	assert_records(store, "");
	mip_store_free(store);
	mip_store_free(NULL);
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void make_folders(const struct place *place)
{
	struct mip_store *store = open_store(place);

	mip_store_free(store);
	assert_int_equal(remove(place->file), 0);
}

static void assert_set_aside(const struct place *place, int number, const char *beginning)
{
	char path[200];
	char text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s.damaged-%d", place->file, number);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_memory_equal(text, beginning, strlen(beginning));
}

static void what_is_no_database_is_set_aside_each_time_under_a_new_name(void **state)
{
	const struct place *place = *state;
	struct mip_store *store;
	char text[5000];

	make_folders(place);
	memset(text, 'j', sizeof(text));
	write_file(place->file, text, sizeof(text));
	store = open_store(place);
	assert_set_aside(place, 1, "jjj");
	assert_int_equal(mip_store_keep(store, "a", "one", 3), 0);
	assert_int_equal(write_down(store), 0);
	mip_store_free(store);
	assert_reopened_records(place, "a=one;");
	memset(text, 'k', sizeof(text));
	write_file(place->file, text, sizeof(text));
	mip_store_free(open_store(place));
	assert_set_aside(place, 1, "jjj");
	assert_set_aside(place, 2, "kkk");
}

static void a_database_with_a_broken_page_is_set_aside(void **state)
{
	const struct place *place = *state;
	struct mip_store *store = open_store(place);
	char key[32];
	int descriptor;

	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "binding/%d", i);
		assert_int_equal(mip_store_keep(store, key, "some octets of a record", 23), 0);
	}
	mip_store_free(store);
	descriptor = open(place->file, O_WRONLY);
	assert_true(descriptor >= 0);
	for (int page = 2; page < 8; page++) /* the header page stays whole */
		assert_int_equal(pwrite(descriptor, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, page * 4096L), 8);
	close(descriptor);
	assert_reopened_records(place, "");
	assert_set_aside(place, 1, "SQLite format 3");
}

static void somebody_elses_database_is_set_aside_whole(void **state)
{
	const struct place *place = *state;
	struct mip_store *store = open_store(place);
	int descriptor;

	mip_store_free(store);
	descriptor = open(place->file, O_WRONLY);
	assert_true(descriptor >= 0);
	assert_int_equal(pwrite(descriptor, "ELSE", 4, 68), 4); /* application_id in the header */
	close(descriptor);
	assert_reopened_records(place, "");
	assert_set_aside(place, 1, "SQLite format 3");
}

static void a_folder_in_the_files_place_is_set_aside(void **state)
{
	const struct place *place = *state;
	struct stat status;
	char aside[200];

	make_folders(place);
	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_reopened_records(place, "");
	snprintf(aside, sizeof(aside), "%s.damaged-1", place->file);
	assert_int_equal(stat(aside, &status), 0);
	assert_true(S_ISDIR(status.st_mode));
}

static void a_second_daemon_on_the_folder_is_refused(void **state)
{
	const struct place *place = *state;
	struct mip_store *store = open_store(place);
	struct mip_store *second = NULL;

	assert_int_equal(mip_store_new(place->folder, NULL, &second), -EBUSY);
	assert_null(second);
	mip_store_free(store);
}

static void a_folder_that_cannot_be_is_an_error(void **state)
{
	const struct place *place = *state;
	struct mip_store *store = NULL;
	char below[200];

	write_file(strcat(strcpy(below, place->root), "/file"), "x", 1);
	strcat(below, "/folder");
	assert_int_equal(mip_store_new(below, NULL, &store), -ENOTDIR);
	assert_null(store);
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(records_survive_a_restart_in_the_order_of_their_keys),
		STORE_TEST(the_folder_and_the_file_are_for_the_owner_only),
		STORE_TEST(a_flushed_record_survives_kill_9),
		STORE_TEST(an_empty_folder_name_keeps_nothing),
		STORE_TEST(what_is_no_database_is_set_aside_each_time_under_a_new_name),
		STORE_TEST(a_database_with_a_broken_page_is_set_aside),
		STORE_TEST(somebody_elses_database_is_set_aside_whole),
		STORE_TEST(a_folder_in_the_files_place_is_set_aside),
		STORE_TEST(a_second_daemon_on_the_folder_is_refused),
		STORE_TEST(a_folder_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

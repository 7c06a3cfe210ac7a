/*
 * Least privilege: who a daemon becomes, what it keeps, and what of root's is given to it. What a process has
 * dropped is dropped for good, so each of those tests drops in a child and looks from there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "privilege.h"
#include "remove_folder.h"

enum {
	USER = 64001, /* numbers that no account has */
	GROUP = 64002,
	LOW_PORT = 87, /* of nobody's */
};

static const struct mip_log no_log;

static void needs_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* Runs it in a child, which says with its exit status whether all was as it should be. */
static void assert_in_child(bool (*function)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(function() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* In the child: says which of the checks it was that did not hold. */
#define HOLDS(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);              \
			return false;                                                                        \
		}                                                                                            \
	} while (0)

/* --- who ---------------------------------------------------------------------------------------- */

static void assert_found(const char *name, uid_t user, gid_t group)
{
	struct mip_privilege_user found = {0};

	assert_int_equal(mip_privilege_find(name, &found), 0);
	assert_int_equal(found.user, user);
	assert_int_equal(found.group, group);
}

static void a_user_is_found_by_name_or_number(void **state)
{
	(void)state;
	assert_found("root", 0, 0);
	assert_found("0", 0, 0);
	assert_found("64001", USER, USER);
	assert_found("64001:64002", USER, GROUP);
	assert_found("64001:root", USER, 0);
	assert_found("root:64002", 0, GROUP);
}

static void who_is_not_there_is_not_found(void **state)
{
	static const char *const names[] = {"", ":", ":0", "no-such-user", "root:no-such-group",
		"root:", "-1", "4294967295", "4294967296", "0x10", "12 ", "root:4294967295",
		"a-name-that-is-longer-than-any-account-of-this-host-could-ever-have-been"};
	(void)state;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(names); i++) {
		struct mip_privilege_user found = {7, 7};

		assert_int_equal(mip_privilege_find(names[i], &found), -ENOENT);
		assert_int_equal(found.user, 7);
	}
}

static void the_configured_user_is_chosen(void **state)
{
	struct mip_privilege_user chosen = {7, 7};
	(void)state;

	assert_int_equal(mip_privilege_choose("64001:64002", &no_log, &chosen), 0);
	assert_int_equal(chosen.user, USER);
	assert_int_equal(mip_privilege_choose("root", &no_log, &chosen), 0);
	assert_int_equal(chosen.user, 0);
	assert_int_equal(mip_privilege_choose("no-such-user", &no_log, &chosen), -ENOENT);
}

/* --- what is kept ------------------------------------------------------------------------------- */

static bool has(unsigned capability)
{
	return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, capability);
}

static bool can_bind_low_port(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(LOW_PORT)};
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	bool bound = bind(descriptor, (const struct sockaddr *)&name, sizeof(name)) == 0;

	close(descriptor);
	return bound;
}

static bool is_only(uid_t user, gid_t group)
{
	uid_t real, effective, saved;
	gid_t groups[3];

	HOLDS(getresuid(&real, &effective, &saved) == 0);
	HOLDS(real == user && effective == user && saved == user);
	HOLDS(getresgid(&groups[0], &groups[1], &groups[2]) == 0);
	HOLDS(groups[0] == group && groups[1] == group && groups[2] == group);
	HOLDS(getgroups(0, NULL) == 0);
	return true;
}

static bool keeps_little(void)
{
	for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++) {
		bool kept = capability == CAP_NET_ADMIN || capability == CAP_NET_RAW ||
			    capability == CAP_BPF || capability == CAP_PERFMON ||
			    capability == CAP_NET_BIND_SERVICE;

		HOLDS(has(capability) == kept);
		HOLDS(prctl(PR_CAPBSET_READ, capability) != 1);
		HOLDS(!capng_have_capability(CAPNG_INHERITABLE, capability));
	}
	return true;
}

static bool cannot_go_back(void)
{
	HOLDS(setuid(0) < 0);
	HOLDS(setgid(0) < 0);
	HOLDS(setgroups(0, NULL) < 0);
	HOLDS(access("/etc/shadow", R_OK) < 0);
	HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return true;
}

static bool drop_to_a_user(void)
{
	const struct mip_privilege_user user = {USER, GROUP};
	const gid_t before[] = {1, 2, 3};

	HOLDS(setgroups(MIP_ARRAY_SIZE(before), before) == 0);
	HOLDS(mip_privilege_drop(&user) == 0);
	return is_only(USER, GROUP) && keeps_little() && cannot_go_back();
}

static void root_becomes_the_user_for_good(void **state)
{
	(void)state;
	needs_root();
	assert_in_child(drop_to_a_user);
}

static bool finish_start(void)
{
	const struct mip_privilege_user user = {USER, GROUP};

	HOLDS(mip_privilege_drop(&user) == 0);
	HOLDS(can_bind_low_port());
	mip_privilege_finish_start();
	HOLDS(!has(CAP_NET_BIND_SERVICE));
	HOLDS(has(CAP_NET_ADMIN) && has(CAP_NET_RAW));
	HOLDS(!can_bind_low_port());
	return true;
}

static void a_low_port_can_be_bound_until_the_start_is_over(void **state)
{
	(void)state;
	needs_root();
	assert_in_child(finish_start);
}

static bool stay_root(void)
{
	const struct mip_privilege_user root = {0, 0};

	HOLDS(mip_privilege_drop(&root) == 0);
	HOLDS(is_only(0, 0));
	HOLDS(has(CAP_NET_ADMIN) && has(CAP_DAC_OVERRIDE));
	HOLDS(!has(CAP_SYS_ADMIN) && !has(CAP_SYS_MODULE) && !has(CAP_SYS_PTRACE) && !has(CAP_SETUID));
	HOLDS(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 0);
	HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return true;
}

static void root_that_stays_root_keeps_little_too(void **state)
{
	(void)state;
	needs_root();
	assert_in_child(stay_root);
}

/* As a service manager starts it: the user already, with what it needs. */
static bool drop_in_place(void)
{
	const struct mip_privilege_user user = {USER, GROUP};
	const struct mip_privilege_user other = {USER + 1, GROUP};

	HOLDS(mip_privilege_drop(&user) == 0);
	HOLDS(mip_privilege_drop(&other) == -EPERM);
	HOLDS(mip_privilege_drop(&user) == 0);
	HOLDS(is_only(USER, GROUP));
	return keeps_little();
}

static void a_user_stays_who_it_is_and_becomes_no_other(void **state)
{
	(void)state;
	needs_root();
	assert_in_child(drop_in_place);
}

/* --- memory ------------------------------------------------------------------------------------- */

static bool is_hidden(void)
{
	struct rlimit core;

	HOLDS(prctl(PR_GET_DUMPABLE) == 0);
	HOLDS(getrlimit(RLIMIT_CORE, &core) == 0);
	HOLDS(core.rlim_cur == 0 && core.rlim_max == 0);
	return true;
}

static bool hide(void)
{
	mip_privilege_hide_memory();
	return is_hidden();
}

static bool hide_and_drop(void)
{
	const struct mip_privilege_user user = {USER, GROUP};

	mip_privilege_hide_memory();
	HOLDS(mip_privilege_drop(&user) == 0);
	return is_hidden();
}

static void memory_is_not_for_dumps(void **state)
{
	(void)state;
	assert_in_child(hide);
}

static void it_stays_hidden_as_another_user(void **state)
{
	(void)state;
	needs_root();
	assert_in_child(hide_and_drop);
}

/* --- folders ------------------------------------------------------------------------------------ */

struct place {
	char root[64];
	char folder[96];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	make_folder(place->root, sizeof(place->root), "privilege");
	snprintf(place->folder, sizeof(place->folder), "%s/folder", place->root);
	assert_int_equal(mkdir(place->folder, 0700), 0);
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

static const char *path_in(const char *folder, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make_file(const char *path)
{
	int descriptor = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(descriptor >= 0);
	close(descriptor);
}

static uid_t owner_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status.st_uid;
}

static const struct mip_privilege_user somebody = {USER, GROUP};

static void a_folder_of_roots_is_given_with_its_files(void **state)
{
	struct place *place = *state;

	needs_root();
	make_file(path_in(place->folder, "records"));
	assert_int_equal(mip_privilege_give_folder(place->folder, &somebody), 0);
	assert_int_equal(owner_of(place->folder), USER);
	assert_int_equal(owner_of(path_in(place->folder, "records")), USER);
}

static void what_only_points_elsewhere_is_not_given(void **state)
{
	struct place *place = *state;
	char outside[128], link_name[128];

	needs_root();
	snprintf(outside, sizeof(outside), "%s/outside", place->root);
	make_file(outside);
	snprintf(link_name, sizeof(link_name), "%s/symbolic", place->folder);
	assert_int_equal(symlink(outside, link_name), 0);
	assert_int_equal(mip_privilege_give_folder(place->folder, &somebody), 0);
	assert_int_equal(owner_of(outside), 0);

	assert_int_equal(chown(place->folder, 0, 0), 0);
	snprintf(link_name, sizeof(link_name), "%s/second-name", place->folder);
	assert_int_equal(link(outside, link_name), 0);
	assert_int_equal(mip_privilege_give_folder(place->folder, &somebody), 0);
	assert_int_equal(owner_of(outside), 0);
}

static void a_folder_of_others_or_of_all_is_left(void **state)
{
	struct place *place = *state;
	char name[128];

	needs_root();
	make_file(path_in(place->folder, "records"));
	assert_int_equal(chmod(place->folder, 01777), 0);
	assert_int_equal(mip_privilege_give_folder(place->folder, &somebody), 0);
	assert_int_equal(owner_of(place->folder), 0);
	assert_int_equal(chmod(place->folder, 0700), 0);
	assert_int_equal(chown(place->folder, USER + 1, GROUP), 0);
	assert_int_equal(mip_privilege_give_folder(place->folder, &somebody), 0);
	assert_int_equal(owner_of(place->folder), USER + 1);
	assert_int_equal(owner_of(path_in(place->folder, "records")), 0);

	snprintf(name, sizeof(name), "%s/name", place->root);
	assert_int_equal(symlink(place->folder, name), 0);
	assert_int_equal(mip_privilege_give_folder(name, &somebody), -ENOTDIR);
	assert_int_equal(mip_privilege_give_folder(path_in(place->root, "nothing"), &somebody), -ENOENT);
}

#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_found_by_name_or_number),
		cmocka_unit_test(who_is_not_there_is_not_found),
		cmocka_unit_test(the_configured_user_is_chosen),
		cmocka_unit_test(root_becomes_the_user_for_good),
		cmocka_unit_test(a_low_port_can_be_bound_until_the_start_is_over),
		cmocka_unit_test(root_that_stays_root_keeps_little_too),
		cmocka_unit_test(a_user_stays_who_it_is_and_becomes_no_other),
		cmocka_unit_test(memory_is_not_for_dumps),
		cmocka_unit_test(it_stays_hidden_as_another_user),
		FOLDER_TEST(a_folder_of_roots_is_given_with_its_files),
		FOLDER_TEST(what_only_points_elsewhere_is_not_given),
		FOLDER_TEST(a_folder_of_others_or_of_all_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Least privilege, by libcap-ng: it knows in which order capabilities, groups and user go, and checks that
 * they have gone.
 */
#include "privilege.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_SIZE = 64,
};

static const unsigned kept[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, CAP_NET_BIND_SERVICE};

/* --- who ---------------------------------------------------------------------------------------- */

/* Digits alone; the number that means "none" to the kernel is no one. */
static bool number_of(const char *name, unsigned *ret_number)
{
	unsigned long number;
	char *end;

	if (name[0] < '0' || name[0] > '9')
		return false;
	errno = 0;
	number = strtoul(name, &end, 10);
	if (*end != '\0' || errno != 0 || number >= UINT_MAX)
		return false;
	*ret_number = (unsigned)number;
	return true;
}

static int find_user(const char *name, struct mip_privilege_user *user)
{
	const struct passwd *account;
	unsigned number;

	if (number_of(name, &number)) {
		account = getpwuid(number);
		user->user = number;
		user->group = account != NULL ? account->pw_gid : number;
		return 0;
	}
	account = getpwnam(name);
	if (account == NULL)
		return -ENOENT;
	user->user = account->pw_uid;
	user->group = account->pw_gid;
	return 0;
}

static int find_group(const char *name, gid_t *ret_group)
{
	const struct group *group;
	unsigned number;

	if (number_of(name, &number)) {
		*ret_group = number;
		return 0;
	}
	group = getgrnam(name);
	if (group == NULL)
		return -ENOENT;
	*ret_group = group->gr_gid;
	return 0;
}

int mip_privilege_find(const char *name, struct mip_privilege_user *ret_user)
{
	const char *colon = strchr(name, ':');
	size_t length = colon != NULL ? (size_t)(colon - name) : strlen(name);
	struct mip_privilege_user user;
	char first[NAME_SIZE];
	int error;

	if (length >= sizeof(first))
		return -ENOENT;
	memcpy(first, name, length);
	first[length] = '\0';
	error = find_user(first, &user);
	if (error == 0 && colon != NULL)
		error = find_group(colon + 1, &user.group);
	if (error == 0)
		*ret_user = user;
	return error;
}

static struct mip_privilege_user present(void)
{
	return (struct mip_privilege_user){.user = geteuid(), .group = getegid()};
}

int mip_privilege_check(struct mip_config *config, const char *name)
{
	struct mip_privilege_user user;

	if (name == NULL)
		return 0;
	if (mip_privilege_find(name, &user) < 0)
		return mip_config_error(config, mip_config_top(config), "user",
			"there is no user '%s' here; make it, or say user = \"root\" to stay root", name);
	return 0;
}

int mip_privilege_choose(const char *name, const struct mip_log *log, struct mip_privilege_user *ret_user)
{
	struct mip_privilege_user user = present();

	if (name != NULL && mip_privilege_find(name, &user) < 0)
		return -ENOENT;
	if (name == NULL && user.user == 0 && mip_privilege_find(MIP_PRIVILEGE_USER, &user) < 0)
		mip_log(log, MIP_LOG_WARNING,
			"there is no user '" MIP_PRIVILEGE_USER
			"': stays root, with few capabilities (user = \"root\" says that this is meant)");
	*ret_user = user;
	return 0;
}

/* --- memory ------------------------------------------------------------------------------------- */

void mip_privilege_hide_memory(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

/* --- folders ------------------------------------------------------------------------------------ */

/* A plain file of root's with one name: what else there is in a folder is not ours to give away. */
static int give_entry(int folder, const char *name, const struct mip_privilege_user *user)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode) ||
		status.st_nlink != 1 || status.st_uid != 0)
		return 0;
	return fchownat(folder, name, user->user, user->group, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int give_entries(int folder, const struct mip_privilege_user *user)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	int error = 0;

	if (stream == NULL) {
		error = -errno;
		if (copy >= 0)
			close(copy);
		return error;
	}
	while (error == 0 && (entry = readdir(stream)) != NULL)
		error = give_entry(folder, entry->d_name, user);
	closedir(stream);
	return error;
}

int mip_privilege_give_folder(const char *path, const struct mip_privilege_user *user)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	int error = 0;

	if (folder < 0)
		return -errno;
	if (fstat(folder, &status) < 0)
		error = -errno;
	/* One that anyone may write in, /tmp say, is nobody's. */
	else if (status.st_uid == 0 && user->user != 0 && !(status.st_mode & (S_IWGRP | S_IWOTH))) {
		error = give_entries(folder, user);
		if (error == 0 && fchown(folder, user->user, user->group) < 0)
			error = -errno;
	}
	close(folder);
	return error;
}

/* --- capabilities ------------------------------------------------------------------------------- */

static void want_capability(unsigned capability, const bool permitted[])
{
	if (permitted[capability])
		capng_update(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED), capability);
}

/* What is kept, of what there is. */
static void choose_capabilities(bool stays_root)
{
	bool permitted[CAP_LAST_CAP + 1] = {false};

	for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++)
		permitted[capability] = capng_have_capability(CAPNG_PERMITTED, capability) != 0;
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(kept); i++)
		want_capability(kept[i], permitted);
	if (stays_root)
		want_capability(CAP_DAC_OVERRIDE, permitted);
}

/* Without CAP_SETPCAP the bounding set stays as a service manager or a container has made it. */
static int flags_of(bool changes)
{
	int flags = CAPNG_CLEAR_AMBIENT;

	if (capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP))
		flags |= CAPNG_CLEAR_BOUNDING;
	return changes ? flags | CAPNG_DROP_SUPP_GRP : flags;
}

int mip_privilege_drop(const struct mip_privilege_user *user)
{
	const struct mip_privilege_user now = present();
	bool changes = now.user == 0; /* root that stays root leaves its groups, too */
	int flags;

	if (now.user != user->user && !changes)
		return -EPERM;
	if (capng_get_caps_process() < 0)
		return -EIO;
	flags = flags_of(changes);
	choose_capabilities(user->user == 0);
	if (capng_change_id(changes ? (int)user->user : -1, changes ? (int)user->group : -1,
		    (capng_flags_t)flags) < 0)
		return -EPERM;
	mip_privilege_hide_memory();
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

void mip_privilege_finish_start(void)
{
	if (capng_get_caps_process() < 0 || !capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE))
		return;
	capng_update(CAPNG_DROP, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED), CAP_NET_BIND_SERVICE);
	(void)capng_apply(CAPNG_SELECT_CAPS);
}

void mip_privilege_leave_thread(void)
{
	/* libcap-ng's own state is of each thread. */
	if (capng_get_caps_process() < 0)
		return;
	capng_clear(CAPNG_SELECT_CAPS);
	(void)capng_apply(CAPNG_SELECT_CAPS);
}

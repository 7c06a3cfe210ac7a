/*
 * Keys in a configuration. A key is a secret between two hosts (RFC 5944 5.1, 5.2): one that other users of
 * this host can read is none, so such a file is refused, as ssh does it; only the group of the user that the
 * daemon becomes may read it, for a reload reads as that user. No complaint ever shows a key.
 */
#include "config_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "privilege.h"

enum {
	MOST_KEY_FILE = 4096, /* more is another file, named by mistake */
};

/* Whether others may pass through every folder above an absolute path. */
static bool folders_open(char *path)
{
	struct stat status;
	char *slash;

	while ((slash = strrchr(path, '/'))) {
		slash[slash == path ? 1 : 0] = '\0';
		if (stat(path, &status) == 0 && !(status.st_mode & S_IXOTH))
			return false;
		if (slash == path)
			break;
	}
	return true;
}

struct config_exposure config_exposure_of(int descriptor, const char *path)
{
	char resolved[PATH_MAX];
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return (struct config_exposure){.others = true};
	if (!S_ISREG(status.st_mode) || (realpath(path, resolved) && !folders_open(resolved)))
		return (struct config_exposure){0};
	return (struct config_exposure){
		.others = status.st_mode & S_IROTH,
		.by_group = status.st_mode & S_IRGRP,
		.group = status.st_gid,
	};
}

/* The group of the user that the daemon becomes is there so that the user can read what root owns. */
static bool is_own_group(struct mip_config *config, gid_t group)
{
	struct mip_privilege_user user = {.user = geteuid(), .group = getegid()};
	const char *name = MIP_PRIVILEGE_USER;

	if (!config->is_group_known) {
		(void)config_lookup_string(&config->parsed, "user", &name);
		if (user.user == 0)
			(void)mip_privilege_find(name, &user);
		config->own_group = user.group;
		config->is_group_known = true;
	}
	return config->own_group != 0 && config->own_group == group;
}

static bool is_exposed(struct mip_config *config, const struct config_exposure *exposure)
{
	return exposure->others || (exposure->by_group && !is_own_group(config, exposure->group));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int key_of(const char *octets, size_t length, struct mip_key *ret_key)
{
	uint8_t *copy = malloc(length);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, octets, length);
	*ret_key = (struct mip_key){.octets = copy, .length = length};
	return 0;
}

static int key_read_hex(const char *digits, struct mip_key *ret_key, char *reason)
{
	size_t count = strlen(digits);
	uint8_t *octets;

	for (const char *c = digits; *c; c++) {
		if (hex_digit(*c) < 0) {
			snprintf(reason, CONFIG_REASON,
				"has something else than hexadecimal digits after hex:");
			return -EINVAL;
		}
	}
	if (count % 2) {
		snprintf(reason, CONFIG_REASON, "has an odd number of hexadecimal digits (%zu)", count);
		return -EINVAL;
	}
	octets = malloc(count / 2 + 1);
	if (!octets)
		return -ENOMEM;
	for (size_t i = 0; i < count / 2; i++)
		octets[i] = (uint8_t)(16 * hex_digit(digits[2 * i]) + hex_digit(digits[2 * i + 1]));
	*ret_key = (struct mip_key){.octets = octets, .length = count / 2};
	return 0;
}

/* What is wrong with a file that shall hold a key; NULL when nothing is. */
static const char *key_file_fault(struct mip_config *config, int descriptor, struct stat *ret_status)
{
	if (fstat(descriptor, ret_status) < 0)
		return strerror(errno);
	if (!S_ISREG(ret_status->st_mode))
		return "it is not a regular file";
	if (is_exposed(config, &(struct config_exposure){.others = ret_status->st_mode & S_IROTH,
				       .by_group = ret_status->st_mode & S_IRGRP,
				       .group = ret_status->st_gid}))
		return "others can read it; its mode should be 0600";
	if (ret_status->st_mode & (S_IWGRP | S_IWOTH))
		return "others can write it; its mode should be 0600";
	if (ret_status->st_size > MOST_KEY_FILE)
		return "it is too large for a key";
	return NULL;
}

static int key_read_descriptor(
	struct mip_config *config, int descriptor, struct mip_key *ret_key, const char **ret_fault)
{
	char octets[MOST_KEY_FILE];
	struct stat status;
	ssize_t length;
	int r = -EINVAL;

	*ret_fault = key_file_fault(config, descriptor, &status);
	if (*ret_fault)
		return r;
	length = read(descriptor, octets, sizeof(octets));
	if (length > 0 && octets[length - 1] == '\n')
		length--;
	if (length < 0)
		*ret_fault = strerror(errno);
	else if (length == 0)
		*ret_fault = "it is empty";
	else
		r = key_of(octets, (size_t)length, ret_key);
	explicit_bzero(octets, sizeof(octets));
	return r;
}

static int key_read_file(struct mip_config *config, const char *path, struct mip_key *ret_key, char *reason)
{
	char *name = config_path(config, path);
	const char *fault = NULL;
	int descriptor, r;

	if (!name)
		return -ENOMEM;
	descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (descriptor < 0) {
		fault = strerror(errno);
		r = -EINVAL;
	} else {
		r = key_read_descriptor(config, descriptor, ret_key, &fault);
		close(descriptor);
	}
	if (fault)
		snprintf(reason, CONFIG_REASON, "names the key file '%s': %s", name, fault);
	free(name);
	return r;
}

int config_key_read(struct mip_config *config, const char *string, const struct config_exposure *exposure,
	struct mip_key *ret_key, char reason[static CONFIG_REASON])
{
	bool hex = strncmp(string, "hex:", 4) == 0;
	bool text = strncmp(string, "text:", 5) == 0;
	const char *rest = string + (hex ? 4 : 5);
	const char *fault;

	if (strncmp(string, "file:", 5) == 0)
		return key_read_file(config, string + 5, ret_key, reason);
	if (!hex && !text)
		fault = "must begin with \"hex:\", \"text:\" or \"file:\"";
	else if (is_exposed(config, exposure))
		fault = "stands in a file that others can read; the file's mode should be 0600";
	else if (rest[0] == '\0')
		fault = "is empty";
	else
		return hex ? key_read_hex(rest, ret_key, reason) : key_of(rest, strlen(rest), ret_key);
	snprintf(reason, CONFIG_REASON, "%s", fault);
	return -EINVAL;
}

/*
 * Keys in a configuration. A key is a secret between two hosts (RFC 5944 5.1, 5.2): one that other users of
 * this host can read is none, so such a file is refused, as ssh does it. No complaint ever shows a key.
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

bool config_exposed(int descriptor, const char *path)
{
	char resolved[PATH_MAX];
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return true;
	if (!S_ISREG(status.st_mode) || !(status.st_mode & (S_IRGRP | S_IROTH)))
		return false;
	return !realpath(path, resolved) || folders_open(resolved);
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
static const char *key_file_fault(int descriptor, struct stat *ret_status)
{
	if (fstat(descriptor, ret_status) < 0)
		return strerror(errno);
	if (!S_ISREG(ret_status->st_mode))
		return "it is not a regular file";
	if (ret_status->st_mode & (S_IRGRP | S_IROTH))
		return "others can read it; its mode should be 0600";
	if (ret_status->st_mode & (S_IWGRP | S_IWOTH))
		return "others can write it; its mode should be 0600";
	if (ret_status->st_size > MOST_KEY_FILE)
		return "it is too large for a key";
	return NULL;
}

static int key_read_descriptor(int descriptor, struct mip_key *ret_key, const char **ret_fault)
{
	char octets[MOST_KEY_FILE];
	struct stat status;
	ssize_t length;
	int r = -EINVAL;

	*ret_fault = key_file_fault(descriptor, &status);
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

static int key_read_file(
	const struct mip_config *config, const char *path, struct mip_key *ret_key, char *reason)
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
		r = key_read_descriptor(descriptor, ret_key, &fault);
		close(descriptor);
	}
	if (fault)
		snprintf(reason, CONFIG_REASON, "names the key file '%s': %s", name, fault);
	free(name);
	return r;
}

int config_key_read(struct mip_config *config, const char *string, bool exposed, struct mip_key *ret_key,
	char reason[static CONFIG_REASON])
{
	bool hex = strncmp(string, "hex:", 4) == 0;
	bool text = strncmp(string, "text:", 5) == 0;
	const char *rest = string + (hex ? 4 : 5);
	const char *fault;

	if (strncmp(string, "file:", 5) == 0)
		return key_read_file(config, string + 5, ret_key, reason);
	if (!hex && !text)
		fault = "must begin with \"hex:\", \"text:\" or \"file:\"";
	else if (exposed)
		fault = "stands in a file that others can read; the file's mode should be 0600";
	else if (rest[0] == '\0')
		fault = "is empty";
	else
		return hex ? key_read_hex(rest, ret_key, reason) : key_of(rest, strlen(rest), ret_key);
	snprintf(reason, CONFIG_REASON, "%s", fault);
	return -EINVAL;
}

/*
 * The files that the tests of the configuration reader read.
 */
#include "config_sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct mip_name planes[] = {{0, "auto"}, {1, "kernel"}, {2, "user"}, {0, NULL}};

static const struct mip_setting network_settings[] = {
	{.name = "prefix",
		.type = MIP_SETTING_TYPE_PREFIX,
		.offset = offsetof(struct network, prefix),
		.required = true},
	{.name = "interface",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct network, interface),
		.present_offset = offsetof(struct network, has_interface)},
};

static int network_check(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct network *network = object;

	if (network->prefix.length < 8)
		return mip_config_error(config, group, "prefix", "the prefix is too wide");
	return network->has_interface
		       ? mip_config_check_interface(config, group, "interface", network->interface)
		       : 0;
}

static const struct mip_schema network_schema = {
	.size = sizeof(struct network),
	.settings = network_settings,
	.count = MIP_ARRAY_SIZE(network_settings),
	.check = network_check,
};

static const struct mip_setting advertise_settings[] = {
	{.name = "burst",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct sample, advertise.burst) - offsetof(struct sample, advertise),
		.otherwise = "3"},
	{.name = "hold",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct sample, advertise.hold) - offsetof(struct sample, advertise),
		.otherwise = "0.25"},
};

static const struct mip_schema advertise_schema = {
	.size = sizeof(((struct sample *)0)->advertise),
	.settings = advertise_settings,
	.count = MIP_ARRAY_SIZE(advertise_settings),
};

static const struct mip_setting sample_settings[] = {
	{.name = "control",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct sample, control),
		.otherwise = "/run/mip/ha.sock",
		.help = "The control socket."},
	{.name = "user",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct sample, user),
		.help = "The user that it becomes."},
	{.name = "data_plane",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct sample, plane),
		.otherwise = "auto",
		.choices = planes},
	{.name = "reverse_tunnel",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct sample, reverse),
		.otherwise = "true"},
	{.name = "max_lifetime",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct sample, lifetime),
		.present_offset = offsetof(struct sample, has_lifetime),
		.otherwise = "1800",
		.least = 1,
		.most = 65535,
		.unit = "s"},
	{.name = "interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct sample, interval),
		.otherwise = "1.0",
		.least = 100 * MIP_MILLISECOND,
		.most = 1800 * MIP_SECOND},
	{.name = "address", .type = MIP_SETTING_TYPE_ADDRESS, .offset = offsetof(struct sample, address)},
	{.name = "address_pool", .type = MIP_SETTING_TYPE_RANGE, .offset = offsetof(struct sample, pool)},
	{.name = "advertise",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct sample, advertise),
		.schema = &advertise_schema},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct sample, security),
		.present_offset =
			offsetof(struct sample, security) + offsetof(struct mip_security_config, present),
		.schema = &mip_security_schema},
	{.name = "networks",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = offsetof(struct sample, networks),
		.count_offset = offsetof(struct sample, network_count),
		.schema = &network_schema},
};

const struct mip_schema sample_schema = {
	.size = sizeof(struct sample),
	.settings = sample_settings,
	.count = MIP_ARRAY_SIZE(sample_settings),
};

void sample_path(const struct sample_folder *folder, const char *name, char path[static 256])
{
	snprintf(path, 256, "%s/%s", folder->path, name);
}

void sample_write(const struct sample_folder *folder, const char *name, mode_t mode, const char *text)
{
	char path[256];
	FILE *file;

	sample_path(folder, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

int sample_set_up(void **state)
{
	struct sample_folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/test_config.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	*state = folder;
	return 0;
}

int sample_tear_down(void **state)
{
	static const char *const names[] = {"c.conf", "part.conf", "more.conf", "key", "folder"};
	struct sample_folder *folder = *state;
	char path[256];

	for (size_t i = 0; i < MIP_ARRAY_SIZE(names); i++) {
		sample_path(folder, names[i], path);
		remove(path);
	}
	rmdir(folder->path);
	mip_config_free(&sample_schema, folder->sample);
	free(folder);
	return 0;
}

int sample_error_to(int descriptor)
{
	int kept;

	fflush(stderr);
	kept = dup(STDERR_FILENO);
	dup2(descriptor, STDERR_FILENO);
	close(descriptor);
	return kept;
}

int sample_read_path(struct sample_folder *folder, const char *path)
{
	int catcher = memfd_create("stderr", 0), again = dup(catcher);
	int kept = sample_error_to(again);
	void *object = NULL;
	ssize_t length;
	int r;

	mip_config_free(&sample_schema, folder->sample);
	folder->sample = NULL;
	r = mip_config_read(path, &sample_schema, NULL, &object);
	sample_error_to(kept);
	folder->sample = object;
	length = pread(catcher, folder->said, sizeof(folder->said) - 1, 0);
	folder->said[length < 0 ? 0 : length] = '\0';
	close(catcher);
	return r;
}

int sample_read(struct sample_folder *folder, const char *text)
{
	char path[256];

	sample_write(folder, "c.conf", 0600, text);
	sample_path(folder, "c.conf", path);
	return sample_read_path(folder, path);
}

void assert_sample_said(
	const struct sample_folder *folder, const char *file, const char *const *lines, size_t count)
{
	char expected[4096] = "";

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(expected);

		snprintf(expected + length, sizeof(expected) - length, "%s/%s:%s\n", folder->path, file,
			lines[i]);
	}
	assert_string_equal(folder->said, expected);
}

void assert_sample_refused(struct sample_folder *folder, const char *text, const char *line)
{
	assert_int_equal(sample_read(folder, text), -EINVAL);
	assert_sample_said(folder, "c.conf", &line, 1);
	assert_null(folder->sample);
}

const struct sample *sample_accepted(struct sample_folder *folder, const char *text)
{
	assert_int_equal(sample_read(folder, text), 0);
	assert_string_equal(folder->said, "");
	assert_non_null(folder->sample);
	return folder->sample;
}

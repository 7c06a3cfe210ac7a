/*
 * Any octets as a configuration: they are refused with a line, or give a struct that can be freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "security_schema.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the string that it was reading when the syntax turns out to be wrong. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

struct element {
	struct mip_prefix prefix;
	struct mip_security_config security;
};

struct sample {
	char *string;
	bool boolean;
	int64_t integer;
	mip_time duration;
	struct mip_address address;
	struct mip_address_range range;
	int choice;
	struct element group;
	struct element *list;
	size_t list_count;
};

static const struct mip_name choices[] = {{0, "auto"}, {1, "user"}, {0, NULL}};

#define SETTING(structure, member, kind, ...)                                                                \
	{                                                                                                    \
		.name = #member, .type = MIP_SETTING_TYPE_##kind,                                            \
		.offset = offsetof(struct structure, member), ##__VA_ARGS__                                  \
	}

static const struct mip_setting element_settings[] = {
	SETTING(element, prefix, PREFIX),
	SETTING(element, security, GROUP, .schema = &mip_security_schema,
		.present_offset =
			offsetof(struct element, security) + offsetof(struct mip_security_config, present)),
};

static const struct mip_schema element_schema = {
	.size = sizeof(struct element),
	.settings = element_settings,
	.count = MIP_ARRAY_SIZE(element_settings),
};

static const struct mip_setting sample_settings[] = {
	SETTING(sample, string, STRING, .otherwise = "default"),
	SETTING(sample, boolean, BOOLEAN),
	SETTING(sample, integer, INTEGER, .least = -5, .most = 65535),
	SETTING(sample, duration, DURATION),
	SETTING(sample, address, ADDRESS),
	SETTING(sample, range, RANGE),
	SETTING(sample, choice, CHOICE, .choices = choices),
	SETTING(sample, group, GROUP, .schema = &element_schema),
	SETTING(sample, list, LIST, .schema = &element_schema,
		.count_offset = offsetof(struct sample, list_count)),
};

static const struct mip_schema sample_schema = {
	.size = sizeof(struct sample),
	.settings = sample_settings,
	.count = MIP_ARRAY_SIZE(sample_settings),
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* The fuzzer writes to the descriptor; the complaints go to the stream. */
	stderr = fopen("/dev/null", "w");
	return stderr ? 0 : -1;
}

static void check(const struct sample *sample)
{
	if (sample->integer < -5 || sample->integer > 65535 || sample->duration < 0)
		abort();
	if (sample->list_count > 0 && !sample->list)
		abort();
	for (size_t i = 0; i < sample->list_count; i++) {
		const struct mip_security_config *security = &sample->list[i].security;

		if (security->present &&
			(security->key.length < MIP_KEY_LEAST || security->spi < MIP_SPI_LEAST))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	int descriptor = memfd_create("configuration", MFD_CLOEXEC);
	void *object = NULL;
	char path[64];

	if (descriptor < 0 || fchmod(descriptor, 0600) < 0 ||
		pwrite(descriptor, octets, length, 0) != (ssize_t)length)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	if (mip_config_read(path, &sample_schema, NULL, &object) == 0)
		check(object);
	mip_config_free(&sample_schema, object);
	close(descriptor);
	return 0;
}

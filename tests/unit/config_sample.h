/*
 * A schema with a setting of each type, and a folder with files of it: what the tests of the configuration
 * reader share. Each test has a folder of its own, which is its state.
 */
#ifndef CONFIG_SAMPLE_H
#define CONFIG_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/types.h>
#include "config.h"
#include "security_schema.h"

struct network {
	struct mip_prefix prefix;
	char *interface;
	bool has_interface;
};

struct sample {
	char *control;
	char *user;
	int plane;
	bool reverse;
	int64_t lifetime;
	bool has_lifetime;
	mip_time interval;
	struct mip_address address;
	struct mip_address_range pool;
	struct {
		int64_t burst;
		mip_time hold;
	} advertise;
	struct mip_security_config security;
	struct network *networks;
	size_t network_count;
};

extern const struct mip_schema sample_schema;

struct sample_folder {
	char path[64];
	char said[4096]; /* on standard error, by the last reading */
	struct sample *sample;
};

#define KEY16	 "hex:00112233445566778899aabbccddeeff"
#define SECURITY "security: { spi = 1000; key = \"" KEY16 "\"; };\n"

#define SAMPLE_TEST(name) cmocka_unit_test_setup_teardown(name, sample_set_up, sample_tear_down)
int sample_set_up(void **state);
int sample_tear_down(void **state);

void sample_path(const struct sample_folder *folder, const char *name, char path[static 256]);
void sample_write(const struct sample_folder *folder, const char *name, mode_t mode, const char *text);
/* Standard error goes to `descriptor`, which it takes over, from now on; returns one for where it went
 * before. */
int sample_error_to(int descriptor);
/* The result of mip_config_read(); what was said and read is in the folder. */
int sample_read_path(struct sample_folder *folder, const char *path);
int sample_read(struct sample_folder *folder, const char *text); /* as c.conf */
/* Exactly these lines were said, each after the file's name, in this order. */
void assert_sample_said(
	const struct sample_folder *folder, const char *file, const char *const *lines, size_t count);
/* c.conf with this text is refused with this line alone. */
void assert_sample_refused(struct sample_folder *folder, const char *text, const char *line);
/* It is read, and nothing is said. */
const struct sample *sample_accepted(struct sample_folder *folder, const char *text);

#endif

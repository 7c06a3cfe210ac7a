/*
 * Keys in the configuration: which are refused, how they are read from files of their own, and that nobody
 * else can read or write where they stand.
 */
#include "config_sample.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_key_refused(struct sample_folder *folder, const char *key, const char *line)
{
	char text[1024];

	snprintf(text, sizeof(text), "security: { spi = 1000;\n key = \"%s\"; };\n", key);
	assert_sample_refused(folder, text, line);
}

static void keys_of_a_wrong_length_are_refused(void **state)
{
	/* rfc5944-5.1-2 */
	char letters[300] = "text:", *end = letters + 5;

	assert_key_refused(*state, "hex:00112233445566778899aabbccddee",
		"2: 'key' has 15 octets; it must have from 16 to 256");
	assert_key_refused(*state, "hex:00", "2: 'key' has 1 octet; it must have from 16 to 256");
	assert_key_refused(*state, "text:secret", "2: 'key' has 6 octets; it must have from 16 to 256");
	memset(end, 'k', 257);
	assert_key_refused(*state, letters, "2: 'key' has 257 octets; it must have from 16 to 256");
}

static void keys_that_are_none_are_refused(void **state)
{
	assert_key_refused(*state, "hex:00112233445566778899aabbccddeef",
		"2: 'key' has an odd number of hexadecimal digits (31)");
	assert_key_refused(*state, "hex:00112233445566778899aabbccddeegg",
		"2: 'key' has something else than hexadecimal digits after hex:");
	assert_key_refused(*state, "hex:", "2: 'key' is empty");
	assert_key_refused(*state, "text:", "2: 'key' is empty");
	assert_key_refused(*state, "00112233445566778899aabbccddeeff",
		"2: 'key' must begin with \"hex:\", \"text:\" or \"file:\"");
}

static void reserved_spis_are_refused(void **state)
{
	/* rfc5944-1.6-2 */
	assert_sample_refused(*state, "security: { spi = 255;\nkey = \"" KEY16 "\"; };",
		"1: 'spi' is 255; it must be from 256 to 4294967295");
	assert_sample_refused(*state, "security: { spi = 4294967296;\nkey = \"" KEY16 "\"; };",
		"1: 'spi' is 4294967296; it must be from 256 to 4294967295");
}

static void a_key_file_is_read_beside_the_configuration(void **state)
{
	const struct sample *sample;

	sample_write(*state, "key", 0600, "0123456789abcdef\n\n");
	sample = sample_accepted(*state, "security: { spi = 1000; key = \"file:key\"; };");
	assert_int_equal(sample->security.key.length, 17);
	assert_memory_equal(sample->security.key.octets, "0123456789abcdef\n", 17);
}

static void assert_key_file_refused(
	struct sample_folder *folder, mode_t mode, const char *text, const char *why)
{
	char line[256];

	sample_write(folder, "key", mode, text);
	snprintf(line, sizeof(line), "2: 'key' names the key file '%s/key': %s", folder->path, why);
	assert_key_refused(folder, "file:key", line);
}

static void a_key_file_that_others_can_read_is_refused(void **state)
{
	const char *key = "0123456789abcdef";

	assert_key_file_refused(*state, 0604, key, "others can read it; its mode should be 0600");
	assert_key_file_refused(*state, 0640, key, "others can read it; its mode should be 0600");
	assert_key_file_refused(*state, 0602, key, "others can write it; its mode should be 0600");
	assert_key_file_refused(*state, 0620, key, "others can write it; its mode should be 0600");
	assert_key_file_refused(*state, 0600, "\n", "it is empty");
	assert_key_file_refused(*state, 0600, "", "it is empty");
}

static void a_key_file_that_is_no_file_is_refused(void **state)
{
	struct sample_folder *folder = *state;
	char path[256], line[256];

	snprintf(line, sizeof(line), "2: 'key' names the key file '%s/key': No such file or directory",
		folder->path);
	assert_key_refused(folder, "file:key", line);
	assert_key_refused(folder, "file:/", "2: 'key' names the key file '/': it is not a regular file");
	sample_path(folder, "key", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(line, sizeof(line), "2: 'key' names the key file '%s/key': it is not a regular file",
		folder->path);
	assert_key_refused(folder, "file:key", line);
}

static int read_with_modes(struct sample_folder *folder, mode_t file_mode, mode_t folder_mode)
{
	char path[256];

	sample_write(folder, "c.conf", file_mode, SECURITY);
	assert_int_equal(chmod(folder->path, folder_mode), 0);
	sample_path(folder, "c.conf", path);
	return sample_read_path(folder, path);
}

static void a_key_in_a_file_that_others_can_reach_is_refused(void **state)
{
	static const char *const lines[] = {
		"1: 'key' stands in a file that others can read; the file's mode should be 0600"};
	struct sample_folder *folder = *state;

	assert_int_equal(read_with_modes(folder, 0644, 0755), -EINVAL);
	assert_sample_said(folder, "c.conf", lines, 1);
	assert_int_equal(read_with_modes(folder, 0640, 0711), -EINVAL);
	assert_sample_said(folder, "c.conf", lines, 1);
	/* A folder that lets nobody through keeps the file as well as its own mode would. */
	assert_int_equal(read_with_modes(folder, 0644, 0700), 0);
	assert_int_equal(read_with_modes(folder, 0600, 0755), 0);
}

/* A reload reads as the user that the daemon has become. */
static void the_daemons_own_group_may_read_keys(void **state)
{
	static const char *const lines[] = {
		"2: 'key' stands in a file that others can read; the file's mode should be 0600"};
	struct sample_folder *folder = *state;
	char path[256];

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(folder->path, 0755), 0);
	sample_write(folder, "c.conf", 0640, "user = \"64001:64002\";\n" SECURITY);
	sample_path(folder, "c.conf", path);
	assert_int_equal(chown(path, 0, 64001), 0);
	assert_int_equal(sample_read_path(folder, path), -EINVAL);
	assert_sample_said(folder, "c.conf", lines, 1);
	assert_int_equal(chown(path, 0, 64002), 0);
	assert_int_equal(sample_read_path(folder, path), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(sample_read_path(folder, path), -EINVAL);

	sample_write(folder, "key", 0640, "0123456789abcdef");
	sample_write(folder, "c.conf", 0644,
		"user = \"64001:64002\"; security: { spi = 1000; key = \"file:key\"; };");
	assert_int_equal(sample_read_path(folder, path), -EINVAL);
	sample_path(folder, "key", path);
	assert_int_equal(chown(path, 0, 64002), 0);
	sample_path(folder, "c.conf", path);
	assert_int_equal(sample_read_path(folder, path), 0);
}

static void an_included_files_own_mode_counts(void **state)
{
	static const char *const lines[] = {
		"2: 'key' stands in a file that others can read; the file's mode should be 0600"};
	struct sample_folder *folder = *state;

	assert_int_equal(chmod(folder->path, 0755), 0);
	sample_write(folder, "part.conf", 0644, "security: { spi = 1000;\n key = \"" KEY16 "\"; };\n");
	assert_int_equal(sample_read(folder, "@include \"part.conf\"\n"), -EINVAL);
	assert_sample_said(folder, "part.conf", lines, 1);
	sample_write(folder, "part.conf", 0644, "interval = 2;\n");
	sample_accepted(folder, "@include \"part.conf\"\n" SECURITY);
}

static void a_file_without_keys_may_be_read_by_all(void **state)
{
	struct sample_folder *folder = *state;
	char path[256];

	assert_int_equal(chmod(folder->path, 0755), 0);
	sample_write(folder, "key", 0600, "0123456789abcdef");
	sample_write(folder, "c.conf", 0644, "security: { spi = 1000; key = \"file:key\"; };");
	sample_path(folder, "c.conf", path);
	assert_int_equal(sample_read_path(folder, path), 0);
	assert_string_equal(folder->said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAMPLE_TEST(keys_of_a_wrong_length_are_refused),
		SAMPLE_TEST(keys_that_are_none_are_refused),
		SAMPLE_TEST(reserved_spis_are_refused),
		SAMPLE_TEST(a_key_file_is_read_beside_the_configuration),
		SAMPLE_TEST(a_key_file_that_others_can_read_is_refused),
		SAMPLE_TEST(a_key_file_that_is_no_file_is_refused),
		SAMPLE_TEST(a_key_in_a_file_that_others_can_reach_is_refused),
		SAMPLE_TEST(the_daemons_own_group_may_read_keys),
		SAMPLE_TEST(an_included_files_own_mode_counts),
		SAMPLE_TEST(a_file_without_keys_may_be_read_by_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The configuration reader: what a good file gives, and the one line that each kind of bad one is answered
 * with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "security_schema.h"

struct network {
	struct mip_prefix prefix;
	char *interface;
	bool has_interface;
};

struct sample {
	char *control;
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

	if (network->prefix.length >= 8)
		return 0;
	return mip_config_error(config, group, "prefix", "the prefix is too wide");
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

static const struct mip_schema sample_schema = {
	.size = sizeof(struct sample),
	.settings = sample_settings,
	.count = MIP_ARRAY_SIZE(sample_settings),
};

/* --- a folder of its own for each test, and what was said on standard error
 * ------------------------------------ */

struct folder {
	char path[64];
	char said[4096];
	struct sample *sample;
};

static void in_folder(const struct folder *folder, const char *name, char path[static 256])
{
	snprintf(path, 256, "%s/%s", folder->path, name);
}

static void write_file(const struct folder *folder, const char *name, mode_t mode, const char *text)
{
	char path[256];
	FILE *file;

	in_folder(folder, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/test_config.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	*state = folder;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"c.conf", "part.conf", "more.conf", "key", "folder"};
	struct folder *folder = *state;
	char path[256];

	for (size_t i = 0; i < MIP_ARRAY_SIZE(names); i++) {
		in_folder(folder, names[i], path);
		remove(path);
	}
	rmdir(folder->path);
	mip_config_free(&sample_schema, folder->sample);
	free(folder);
	return 0;
}

static int standard_error_to(int descriptor)
{
	int kept;

	fflush(stderr);
	kept = dup(STDERR_FILENO);
	dup2(descriptor, STDERR_FILENO);
	close(descriptor);
	return kept;
}

static int read_path(struct folder *folder, const char *path)
{
	int catcher = memfd_create("stderr", 0), again = dup(catcher);
	int kept = standard_error_to(again);
	void *object = NULL;
	ssize_t length;
	int r;

	mip_config_free(&sample_schema, folder->sample);
	folder->sample = NULL;
	r = mip_config_read(path, &sample_schema, NULL, &object);
	standard_error_to(kept);
	folder->sample = object;
	length = pread(catcher, folder->said, sizeof(folder->said) - 1, 0);
	folder->said[length < 0 ? 0 : length] = '\0';
	close(catcher);
	return r;
}

static int read_text(struct folder *folder, const char *text)
{
	char path[256];

	write_file(folder, "c.conf", 0600, text);
	in_folder(folder, "c.conf", path);
	return read_path(folder, path);
}

/* `text` is refused with exactly these lines after the file's name (NULL ends them), in this order. */
static void assert_said(const struct folder *folder, const char *file, const char *const *lines, size_t count)
{
	char expected[4096] = "";

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(expected);

		snprintf(expected + length, sizeof(expected) - length, "%s/%s:%s\n", folder->path, file,
			lines[i]);
	}
	assert_string_equal(folder->said, expected);
}

static void assert_refused(struct folder *folder, const char *text, const char *line)
{
	assert_int_equal(read_text(folder, text), -EINVAL);
	assert_said(folder, "c.conf", &line, 1);
	assert_null(folder->sample);
}

static const struct sample *accepted(struct folder *folder, const char *text)
{
	assert_int_equal(read_text(folder, text), 0);
	assert_string_equal(folder->said, "");
	assert_non_null(folder->sample);
	return folder->sample;
}

#define KEY16	 "hex:00112233445566778899aabbccddeeff"
#define SECURITY "security: { spi = 1000; key = \"" KEY16 "\"; };\n"

/* --- good files
 * ------------------------------------------------------------------------------------------------ */

static void an_empty_file_gives_the_defaults(void **state)
{
	const struct sample *sample = accepted(*state, "");

	assert_string_equal(sample->control, "/run/mip/ha.sock");
	assert_int_equal(sample->plane, 0);
	assert_true(sample->reverse);
	assert_int_equal(sample->lifetime, 1800);
	assert_false(sample->has_lifetime);
	assert_int_equal(sample->interval, MIP_SECOND);
	assert_true(mip_address_is_none(sample->address));
	assert_int_equal(sample->advertise.burst, 3);
	assert_int_equal(sample->advertise.hold, 250 * MIP_MILLISECOND);
	assert_false(sample->security.present);
	assert_int_equal(sample->network_count, 0);
	assert_null(sample->networks);
}

static void a_full_file_fills_the_struct(void **state)
{
	const struct sample *sample =
		accepted(*state, "control = \"\"; # a comment with a \" and 99999999999999999999\n"
				 "data_plane = \"user\"; /* @include \"nothing\" */\n"
				 "reverse_tunnel = false;\nmax_lifetime = 65535;\ninterval = 0.1;\n"
				 "address = \"10.1.0.1\";\naddress_pool = \"10.1.0.100-10.1.0.199\";\n"
				 "advertise: { hold = 2; };\n" SECURITY
				 "networks = ( { prefix = \"10.1.0.0/24\"; interface = \"home0\"; },\n"
				 "             { prefix = \"172.20.0.0/16\"; } );\n");
	uint8_t key[] = {
		0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

	assert_string_equal(sample->control, "");
	assert_int_equal(sample->plane, 2);
	assert_false(sample->reverse);
	assert_int_equal(sample->lifetime, 65535);
	assert_true(sample->has_lifetime);
	assert_int_equal(sample->interval, 100 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(sample->address), 0x0a010001);
	assert_int_equal(mip_address_number(sample->pool.first), 0x0a010064);
	assert_int_equal(mip_address_number(sample->pool.last), 0x0a0100c7);
	assert_int_equal(sample->advertise.burst, 3);
	assert_int_equal(sample->advertise.hold, 2 * MIP_SECOND);
	assert_true(sample->security.present);
	assert_int_equal(sample->security.spi, 1000);
	assert_int_equal(sample->security.algorithm, MIP_ALGORITHM_HMAC_MD5);
	assert_int_equal(sample->security.replay, MIP_REPLAY_TIMESTAMP);
	assert_int_equal(sample->security.replay_tolerance, 7 * MIP_SECOND);
	assert_int_equal(sample->security.key.length, sizeof(key));
	assert_memory_equal(sample->security.key.octets, key, sizeof(key));
	assert_int_equal(sample->network_count, 2);
	assert_string_equal(sample->networks[0].interface, "home0");
	assert_true(sample->networks[0].has_interface);
	assert_int_equal(sample->networks[1].prefix.length, 16);
	assert_null(sample->networks[1].interface);
}

static void an_empty_list_is_a_list(void **state)
{
	const struct sample *sample = accepted(*state, "networks = ();\n");

	assert_int_equal(sample->network_count, 0);
}

static void an_spi_of_all_ones_is_not_cut(void **state)
{
	const struct sample *sample =
		accepted(*state, "security: { spi = 4294967295; key = \"text:sixteen letters!\"; };\n");

	assert_int_equal(sample->security.spi, UINT32_MAX);
	assert_memory_equal(sample->security.key.octets, "sixteen letters!", 16);
	sample = accepted(*state, "security: { spi = 0xffffffff; key = \"" KEY16 "\"; };\n");
	assert_int_equal(sample->security.spi, UINT32_MAX);
}

static void association_settings_come_from_the_group(void **state)
{
	const struct sample *sample = accepted(*state, "security: { spi = 256; algorithm = \"hmac-sha256\"; "
						       "replay = \"nonce\"; replay_tolerance = 0.5; key = "
						       "\"" KEY16 "\"; };\n");
	struct mip_association_settings settings = mip_security_settings(&sample->security);

	assert_int_equal(settings.spi, 256);
	assert_int_equal(settings.algorithm, MIP_ALGORITHM_HMAC_SHA256);
	assert_int_equal(settings.replay, MIP_REPLAY_NONCE);
	assert_int_equal(settings.replay_tolerance, 500 * MIP_MILLISECOND);
	assert_ptr_equal(settings.key.octets, sample->security.key.octets);
}

static void an_included_file_is_part_of_it(void **state)
{
	const struct sample *sample;

	write_file(*state, "part.conf", 0600, "max_lifetime = 7;");
	sample = accepted(*state, "  @include \"part.conf\"\ninterval = 3;\n");
	assert_int_equal(sample->lifetime, 7);
	assert_int_equal(sample->interval, 3 * MIP_SECOND);
}

/* --- bad files: one line each
 * ---------------------------------------------------------------------------------- */

static void an_unknown_setting_is_told_with_its_line(void **state)
{
	assert_refused(*state, "interval = 2;\n\nfoo = 1;\n", "3: unknown setting 'foo'");
	assert_refused(*state, "advertise: {\n  zzz = 1;\n};\n", "2: unknown setting 'zzz'");
}

static void a_misspelt_setting_is_told_with_the_right_name(void **state)
{
	assert_refused(*state, "max_lifetme = 2;\n",
		"1: unknown setting 'max_lifetme'; did you mean 'max_lifetime'?");
	assert_refused(
		*state, "\nintervla = 2;\n", "2: unknown setting 'intervla'; did you mean 'interval'?");
	assert_refused(*state, "networks = (\n { prefix = \"10.0.0.0/8\";\n interfaces = \"a\"; });\n",
		"3: unknown setting 'interfaces'; did you mean 'interface'?");
}

static void a_misspelt_setting_that_is_required_has_one_complaint(void **state)
{
	assert_refused(*state, "networks = (\n { prefx = \"10.0.0.0/8\"; });\n",
		"2: unknown setting 'prefx'; did you mean 'prefix'?");
}

static void a_wrong_type_is_told_with_both(void **state)
{
	assert_refused(*state, "max_lifetime = \"7\";", "1: 'max_lifetime' must be an integer, not a string");
	assert_refused(
		*state, "max_lifetime = 7.5;", "1: 'max_lifetime' must be an integer, not a decimal number");
	assert_refused(
		*state, "reverse_tunnel = 1;", "1: 'reverse_tunnel' must be true or false, not an integer");
	assert_refused(
		*state, "address = 10;", "1: 'address' must be an IPv4 address in quotes, not an integer");
	assert_refused(
		*state, "interval = true;", "1: 'interval' must be a number of seconds, not true or false");
	assert_refused(*state, "advertise = 3;", "1: 'advertise' must be a group { … }, not an integer");
	assert_refused(*state, "networks = { prefix = \"10.0.0.0/8\"; };",
		"1: 'networks' must be a list of groups ( { … }, … ), not a group { … }");
	assert_refused(*state, "networks = [ \"a\" ];",
		"1: 'networks' must be a list of groups ( { … }, … ), not an array [ … ]");
	assert_refused(*state, "networks = (\n \"a\" );",
		"2: 'networks' must be a list of groups ( { … }, … ): element 1 is no group");
}

static void bounds_hold(void **state)
{
	assert_refused(*state, "max_lifetime = 0;", "1: 'max_lifetime' is 0; it must be from 1 to 65535 s");
	assert_refused(
		*state, "max_lifetime = 65536;", "1: 'max_lifetime' is 65536; it must be from 1 to 65535 s");
	assert_refused(*state, "interval = 0.05;", "1: 'interval' is 0.05; it must be from 0.1 to 1800 s");
	assert_refused(*state, "interval = 1e30;", "1: 'interval' is 1e+30; it must be from 0.1 to 1800 s");
	assert_refused(*state, "advertise: { burst = -1; };", "1: 'burst' is -1; it must be at least 0");
	assert_refused(*state, "advertise: { hold = 0; };", "1: 'hold' is 0; it must be more than 0");
	assert_refused(*state, "advertise: { hold = 1e300; };", "1: 'hold' is too long a time");
}

static void integers_beyond_their_type_do_not_wrap(void **state)
{
	assert_refused(*state, "max_lifetime = 4294967297;",
		"1: 'max_lifetime' is 4294967297; it must be from 1 to 65535 s");
	assert_refused(
		*state, "\nmax_lifetime = 18446744073709551617;", "2: the number has more than 64 bits");
	assert_refused(*state, "max_lifetime = 0xffffffffffffffff0;", "1: the number has more than 64 bits");
}

static void a_missing_setting_is_told_where_its_group_stands(void **state)
{
	assert_refused(*state, "networks = (\n  { prefix = \"10.0.0.0/8\"; },\n  { interface = \"a\"; } );\n",
		"3: 'prefix' is missing");
	assert_refused(*state, "\nsecurity: {\n key = \"" KEY16 "\"; };\n", "2: 'spi' is missing");
	assert_refused(*state, "security: { spi = 1000; };\n", "1: 'key' is missing");
}

static void a_duplicate_is_refused(void **state)
{
	assert_refused(*state, "interval = 1;\ninterval = 2;\n", "2: duplicate setting name");
}

static void a_syntax_error_has_its_line(void **state)
{
	assert_refused(*state, "interval = 1;\nadvertise: {\n  hold = ;\n};\n", "3: syntax error");
	assert_refused(*state, "advertise: {\n hold = 1;\n", "3: syntax error");
}

static void addresses_are_those_of_hosts(void **state)
{
	assert_refused(*state, "address = \"10.1.0.256\";",
		"1: 'address' is \"10.1.0.256\", which is not an IPv4 address");
	assert_refused(*state, "address = \"224.0.0.11\";",
		"1: 'address' is \"224.0.0.11\", which is not the address of a host");
	assert_refused(*state, "address = \"0.0.0.0\";",
		"1: 'address' is \"0.0.0.0\", which is not the address of a host");
	assert_refused(
		*state, "address = \"a\nb\";", "1: 'address' is \"a?b\", which is not an IPv4 address");
}

static void a_prefix_with_host_bits_names_the_one_that_was_meant(void **state)
{
	assert_refused(*state, "networks = ( { prefix = \"10.1.0.7/24\"; } );",
		"1: 'prefix' is \"10.1.0.7/24\", which has bits set beyond its length; did you mean "
		"\"10.1.0.0/24\"?");
	assert_refused(*state, "networks = ( { prefix = \"10.1.0.0\"; } );",
		"1: 'prefix' is \"10.1.0.0\", which is not an IPv4 prefix (ADDRESS/LENGTH)");
	assert_refused(*state, "networks = ( { prefix = \"10.1.0.0/33\"; } );",
		"1: 'prefix' is \"10.1.0.0/33\", which is not an IPv4 prefix (ADDRESS/LENGTH)");
}

static void a_range_has_a_beginning_and_an_end(void **state)
{
	assert_refused(*state, "address_pool = \"10.1.0.9-10.1.0.8\";",
		"1: 'address_pool' is \"10.1.0.9-10.1.0.8\", which is a range that ends before it begins");
	assert_refused(*state, "address_pool = \"10.1.0.9\";",
		"1: 'address_pool' is \"10.1.0.9\", which is not a range of IPv4 addresses (FIRST-LAST)");
	assert_refused(*state, "address_pool = \"10.1.0.9-\";",
		"1: 'address_pool' is \"10.1.0.9-\", which is not a range of IPv4 addresses (FIRST-LAST)");
}

static void a_choice_is_one_of_the_known(void **state)
{
	assert_refused(*state, "data_plane = \"usr\";",
		"1: 'data_plane' cannot be \"usr\"; it is one of auto, kernel, user; did you mean \"user\"?");
	assert_refused(*state, "data_plane = \"\";",
		"1: 'data_plane' cannot be \"\"; it is one of auto, kernel, user");
}

static void the_schemas_own_check_has_the_settings_line(void **state)
{
	assert_refused(*state, "networks = (\n { interface = \"a\";\n prefix = \"8.0.0.0/7\"; } );",
		"3: the prefix is too wide");
}

static void several_problems_have_a_line_each(void **state)
{
	static const char *const lines[] = {
		"2: unknown setting 'foo'", "1: 'interval' must be a number of seconds, not a string"};
	struct folder *folder = *state;

	assert_int_equal(read_text(folder, "interval = \"1\";\nfoo = 2;\n"), -EINVAL);
	assert_said(folder, "c.conf", lines, MIP_ARRAY_SIZE(lines));
}

static void a_file_that_cannot_be_read_is_line_0(void **state)
{
	static const char *const missing[] = {"0: cannot read the configuration: No such file or directory"};
	static const char *const is_folder[] = {"0: cannot read the configuration: Is a directory"};
	struct folder *folder = *state;
	char path[256];

	in_folder(folder, "c.conf", path);
	assert_int_equal(read_path(folder, path), -ENOENT);
	assert_said(folder, "c.conf", missing, 1);
	in_folder(folder, "folder", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_path(folder, path), -EISDIR);
	assert_said(folder, "folder", is_folder, 1);
}

static void octets_of_value_0_are_refused(void **state)
{
	static const char *const lines[] = {"2: an octet of value 0 is no text"};
	struct folder *folder = *state;
	char path[256];
	FILE *file;

	in_folder(folder, "c.conf", path);
	file = fopen(path, "w");
	fwrite("\n\0foo = 1;", 1, 10, file);
	fclose(file);
	assert_int_equal(read_path(folder, path), -EINVAL);
	assert_said(folder, "c.conf", lines, 1);
}

/* --- includes
 * -------------------------------------------------------------------------------------------------- */

static void a_complaint_names_the_included_file(void **state)
{
	static const char *const lines[] = {"2: unknown setting 'foo'"};
	struct folder *folder = *state;

	write_file(folder, "part.conf", 0600, "max_lifetime = 7;\nfoo = 1;\n");
	assert_int_equal(read_text(folder, "\n@include \"part.conf\"\ninterval = 3;\n"), -EINVAL);
	assert_said(folder, "part.conf", lines, 1);
}

static void lines_after_an_include_are_right(void **state)
{
	write_file(*state, "part.conf", 0600, "max_lifetime = 7;\n\n\n\n\n");
	write_file(*state, "more.conf", 0600, "@include \"part.conf\"\n\n\n");
	assert_refused(*state, "\n@include \"more.conf\"\nfoo = 3;\n", "3: unknown setting 'foo'");
	assert_refused(*state, "@include \"more.conf\" foo = 3;\n", "1: unknown setting 'foo'");
}

static void a_missing_include_is_told_where_it_stands(void **state)
{
	char line[256];

	snprintf(line, sizeof(line),
		"2: cannot read the included file '%s/none.conf': No such file or directory",
		((struct folder *)*state)->path);
	assert_refused(*state, "\n@include \"none.conf\"\n", line);
	assert_refused(*state, "@include \"/\"\n", "1: cannot read the included file '/': Is a directory");
	assert_refused(*state, "@include \"/dev/zero\"\n",
		"1: cannot read the included file '/dev/zero': No such device or address");
	assert_refused(*state, "@include \"part\n.conf\"\n", "1: the name of the included file does not end");
}

static void files_that_include_each_other_are_refused(void **state)
{
	assert_refused(*state, "\n@include \"c.conf\"\n", "2: files include each other too deeply");
}

/* --- keys
 * ------------------------------------------------------------------------------------------------------ */

static void assert_key_refused(struct folder *folder, const char *key, const char *line)
{
	char text[1024];

	snprintf(text, sizeof(text), "security: { spi = 1000;\n key = \"%s\"; };\n", key);
	assert_refused(folder, text, line);
}

static void keys_of_a_wrong_length_are_refused(void **state)
{
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
	assert_refused(*state, "security: { spi = 255;\nkey = \"" KEY16 "\"; };",
		"1: 'spi' is 255; it must be from 256 to 4294967295");
	assert_refused(*state, "security: { spi = 4294967296;\nkey = \"" KEY16 "\"; };",
		"1: 'spi' is 4294967296; it must be from 256 to 4294967295");
}

static void a_key_file_is_read_beside_the_configuration(void **state)
{
	const struct sample *sample;

	write_file(*state, "key", 0600, "0123456789abcdef\n\n");
	sample = accepted(*state, "security: { spi = 1000; key = \"file:key\"; };");
	assert_int_equal(sample->security.key.length, 17);
	assert_memory_equal(sample->security.key.octets, "0123456789abcdef\n", 17);
}

static void assert_key_file_refused(struct folder *folder, mode_t mode, const char *text, const char *why)
{
	char line[256];

	write_file(folder, "key", mode, text);
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
	struct folder *folder = *state;
	char path[256], line[256];

	snprintf(line, sizeof(line), "2: 'key' names the key file '%s/key': No such file or directory",
		folder->path);
	assert_key_refused(folder, "file:key", line);
	assert_key_refused(folder, "file:/", "2: 'key' names the key file '/': it is not a regular file");
	in_folder(folder, "key", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(line, sizeof(line), "2: 'key' names the key file '%s/key': it is not a regular file",
		folder->path);
	assert_key_refused(folder, "file:key", line);
}

static int read_with_modes(struct folder *folder, mode_t file_mode, mode_t folder_mode)
{
	char path[256];

	write_file(folder, "c.conf", file_mode, SECURITY);
	assert_int_equal(chmod(folder->path, folder_mode), 0);
	in_folder(folder, "c.conf", path);
	return read_path(folder, path);
}

static void a_key_in_a_file_that_others_can_reach_is_refused(void **state)
{
	static const char *const lines[] = {
		"1: 'key' stands in a file that others can read; the file's mode should be 0600"};
	struct folder *folder = *state;

	assert_int_equal(read_with_modes(folder, 0644, 0755), -EINVAL);
	assert_said(folder, "c.conf", lines, 1);
	assert_int_equal(read_with_modes(folder, 0640, 0711), -EINVAL);
	assert_said(folder, "c.conf", lines, 1);
	/* A folder that lets nobody through keeps the file as well as its own mode would. */
	assert_int_equal(read_with_modes(folder, 0644, 0700), 0);
	assert_int_equal(read_with_modes(folder, 0600, 0755), 0);
}

static void an_included_files_own_mode_counts(void **state)
{
	static const char *const lines[] = {
		"2: 'key' stands in a file that others can read; the file's mode should be 0600"};
	struct folder *folder = *state;

	assert_int_equal(chmod(folder->path, 0755), 0);
	write_file(folder, "part.conf", 0644, "security: { spi = 1000;\n key = \"" KEY16 "\"; };\n");
	assert_int_equal(read_text(folder, "@include \"part.conf\"\n"), -EINVAL);
	assert_said(folder, "part.conf", lines, 1);
	write_file(folder, "part.conf", 0644, "interval = 2;\n");
	accepted(folder, "@include \"part.conf\"\n" SECURITY);
}

static void a_file_without_keys_may_be_read_by_all(void **state)
{
	struct folder *folder = *state;
	char path[256];

	assert_int_equal(chmod(folder->path, 0755), 0);
	write_file(folder, "key", 0600, "0123456789abcdef");
	write_file(folder, "c.conf", 0644, "security: { spi = 1000; key = \"file:key\"; };");
	in_folder(folder, "c.conf", path);
	assert_int_equal(read_path(folder, path), 0);
	assert_string_equal(folder->said, "");
}

/* --- complaints of a role
 * -------------------------------------------------------------------------------------- */

static int check_networks(struct mip_config *config, void *object)
{
	const struct sample *sample = object;
	const struct mip_config_group *top = mip_config_top(config);

	assert_null(mip_config_group_at(config, top, "nothing", 0));
	assert_null(mip_config_group_at(config, top, "networks", sample->network_count));
	assert_non_null(mip_config_group_at(config, top, "advertise", 0));
	return mip_config_error(config, mip_config_group_at(config, top, "networks", 1), "interface",
		"there is no interface '%s'", sample->networks[1].interface);
}

static void a_role_complains_about_an_element_of_a_list(void **state)
{
	struct folder *folder = *state;
	int catcher = memfd_create("stderr", 0), kept;
	char path[256], expected[512], said[512] = "";
	void *object = NULL;
	int r;

	write_file(folder, "c.conf", 0600,
		"advertise: {};\nnetworks = ( { prefix = \"10.0.0.0/8\"; },\n{ prefix = "
		"\"11.0.0.0/8\";\ninterface = "
		"\"x0\"; });");
	in_folder(folder, "c.conf", path);
	kept = standard_error_to(dup(catcher));
	r = mip_config_read(path, &sample_schema, check_networks, &object);
	standard_error_to(kept);
	assert_int_equal(r, -EINVAL);
	assert_null(object);
	assert_true(pread(catcher, said, sizeof(said) - 1, 0) > 0);
	close(catcher);
	snprintf(expected, sizeof(expected), "%s:4: there is no interface 'x0'\n", path);
	assert_string_equal(said, expected);
}

static void the_help_has_every_setting(void **state)
{
	int catcher = memfd_create("stdout", 0), kept;
	char said[8192] = "";

	(void)state;
	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	dup2(catcher, STDOUT_FILENO);
	mip_config_help(&sample_schema);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	assert_true(pread(catcher, said, sizeof(said) - 1, 0) > 0);
	close(catcher);
	assert_non_null(
		strstr(said, "control: a string, default \"/run/mip/ha.sock\"\n    The control socket.\n"));
	assert_non_null(strstr(said, "interval: a number of seconds, 0.1 to 1800, default 1.0\n"));
	assert_non_null(strstr(said, "max_lifetime: an integer, 1 to 65535 s, default 1800\n"));
	assert_non_null(strstr(said, "data_plane: \"auto\" | \"kernel\" | \"user\", default \"auto\"\n"));
	assert_non_null(strstr(said, "    prefix: an IPv4 prefix in quotes, required\n"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_empty_file_gives_the_defaults),
		test(a_full_file_fills_the_struct),
		test(an_empty_list_is_a_list),
		test(an_spi_of_all_ones_is_not_cut),
		test(association_settings_come_from_the_group),
		test(an_included_file_is_part_of_it),
		test(an_unknown_setting_is_told_with_its_line),
		test(a_misspelt_setting_is_told_with_the_right_name),
		test(a_misspelt_setting_that_is_required_has_one_complaint),
		test(a_wrong_type_is_told_with_both),
		test(bounds_hold),
		test(integers_beyond_their_type_do_not_wrap),
		test(a_missing_setting_is_told_where_its_group_stands),
		test(a_duplicate_is_refused),
		test(a_syntax_error_has_its_line),
		test(addresses_are_those_of_hosts),
		test(a_prefix_with_host_bits_names_the_one_that_was_meant),
		test(a_range_has_a_beginning_and_an_end),
		test(a_choice_is_one_of_the_known),
		test(the_schemas_own_check_has_the_settings_line),
		test(several_problems_have_a_line_each),
		test(a_file_that_cannot_be_read_is_line_0),
		test(octets_of_value_0_are_refused),
		test(a_complaint_names_the_included_file),
		test(lines_after_an_include_are_right),
		test(a_missing_include_is_told_where_it_stands),
		test(files_that_include_each_other_are_refused),
		test(keys_of_a_wrong_length_are_refused),
		test(keys_that_are_none_are_refused),
		test(reserved_spis_are_refused),
		test(a_key_file_is_read_beside_the_configuration),
		test(a_key_file_that_others_can_read_is_refused),
		test(a_key_file_that_is_no_file_is_refused),
		test(a_key_in_a_file_that_others_can_reach_is_refused),
		test(an_included_files_own_mode_counts),
		test(a_file_without_keys_may_be_read_by_all),
		test(a_role_complains_about_an_element_of_a_list),
		test(the_help_has_every_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

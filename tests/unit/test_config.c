/*
 * The configuration reader: what a good file gives, and the one line that each kind of bad one is answered
 * with.
 */
#include "config_sample.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- good files ------------------------------------------------------------------------------- */

static void an_empty_file_gives_the_defaults(void **state)
{
	const struct sample *sample = sample_accepted(*state, "");

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
		sample_accepted(*state, "control = \"\"; # a comment with a \" and 99999999999999999999\n"
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
	const struct sample *sample = sample_accepted(*state, "networks = ();\n");

	assert_int_equal(sample->network_count, 0);
}

static void an_spi_of_all_ones_is_not_cut(void **state)
{
	const struct sample *sample = sample_accepted(
		*state, "security: { spi = 4294967295; key = \"text:sixteen letters!\"; };\n");

	assert_int_equal(sample->security.spi, UINT32_MAX);
	assert_memory_equal(sample->security.key.octets, "sixteen letters!", 16);
	sample = sample_accepted(*state, "security: { spi = 0xffffffff; key = \"" KEY16 "\"; };\n");
	assert_int_equal(sample->security.spi, UINT32_MAX);
}

static void association_settings_come_from_the_group(void **state)
{
	const struct sample *sample =
		sample_accepted(*state, "security: { spi = 256; algorithm = \"hmac-sha256\"; "
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

	sample_write(*state, "part.conf", 0600, "max_lifetime = 7;");
	sample = sample_accepted(*state, "  @include \"part.conf\"\ninterval = 3;\n");
	assert_int_equal(sample->lifetime, 7);
	assert_int_equal(sample->interval, 3 * MIP_SECOND);
}

/* --- bad files: one line each ----------------------------------------------------------------- */

static void an_unknown_setting_is_told_with_its_line(void **state)
{
	assert_sample_refused(*state, "interval = 2;\n\nfoo = 1;\n", "3: unknown setting 'foo'");
	assert_sample_refused(*state, "advertise: {\n  zzz = 1;\n};\n", "2: unknown setting 'zzz'");
}

static void a_misspelt_setting_is_told_with_the_right_name(void **state)
{
	assert_sample_refused(*state, "max_lifetme = 2;\n",
		"1: unknown setting 'max_lifetme'; did you mean 'max_lifetime'?");
	assert_sample_refused(
		*state, "\nintervla = 2;\n", "2: unknown setting 'intervla'; did you mean 'interval'?");
	assert_sample_refused(*state, "networks = (\n { prefix = \"10.0.0.0/8\";\n interfaces = \"a\"; });\n",
		"3: unknown setting 'interfaces'; did you mean 'interface'?");
}

static void a_misspelt_setting_that_is_required_has_one_complaint(void **state)
{
	assert_sample_refused(*state, "networks = (\n { prefx = \"10.0.0.0/8\"; });\n",
		"2: unknown setting 'prefx'; did you mean 'prefix'?");
}

static void a_wrong_type_is_told_with_both(void **state)
{
	assert_sample_refused(
		*state, "max_lifetime = \"7\";", "1: 'max_lifetime' must be an integer, not a string");
	assert_sample_refused(
		*state, "max_lifetime = 7.5;", "1: 'max_lifetime' must be an integer, not a decimal number");
	assert_sample_refused(
		*state, "reverse_tunnel = 1;", "1: 'reverse_tunnel' must be true or false, not an integer");
	assert_sample_refused(
		*state, "address = 10;", "1: 'address' must be an IPv4 address in quotes, not an integer");
	assert_sample_refused(
		*state, "interval = true;", "1: 'interval' must be a number of seconds, not true or false");
	assert_sample_refused(
		*state, "advertise = 3;", "1: 'advertise' must be a group { … }, not an integer");
	assert_sample_refused(*state, "networks = { prefix = \"10.0.0.0/8\"; };",
		"1: 'networks' must be a list of groups ( { … }, … ), not a group { … }");
	assert_sample_refused(*state, "networks = [ \"a\" ];",
		"1: 'networks' must be a list of groups ( { … }, … ), not an array [ … ]");
	assert_sample_refused(*state, "networks = (\n \"a\" );",
		"2: 'networks' must be a list of groups ( { … }, … ): element 1 is no group");
}

static void bounds_hold(void **state)
{
	assert_sample_refused(
		*state, "max_lifetime = 0;", "1: 'max_lifetime' is 0; it must be from 1 to 65535 s");
	assert_sample_refused(
		*state, "max_lifetime = 65536;", "1: 'max_lifetime' is 65536; it must be from 1 to 65535 s");
	assert_sample_refused(
		*state, "interval = 0.05;", "1: 'interval' is 0.05; it must be from 0.1 to 1800 s");
	assert_sample_refused(
		*state, "interval = 1e30;", "1: 'interval' is 1e+30; it must be from 0.1 to 1800 s");
	assert_sample_refused(
		*state, "advertise: { burst = -1; };", "1: 'burst' is -1; it must be at least 0");
	assert_sample_refused(*state, "advertise: { hold = 0; };", "1: 'hold' is 0; it must be more than 0");
	assert_sample_refused(*state, "advertise: { hold = 1e300; };", "1: 'hold' is too long a time");
}

static void integers_beyond_their_type_do_not_wrap(void **state)
{
	assert_sample_refused(*state, "max_lifetime = 4294967297;",
		"1: 'max_lifetime' is 4294967297; it must be from 1 to 65535 s");
	assert_sample_refused(
		*state, "\nmax_lifetime = 18446744073709551617;", "2: the number has more than 64 bits");
	assert_sample_refused(
		*state, "max_lifetime = 0xffffffffffffffff0;", "1: the number has more than 64 bits");
}

static void a_missing_setting_is_told_where_its_group_stands(void **state)
{
	assert_sample_refused(*state,
		"networks = (\n  { prefix = \"10.0.0.0/8\"; },\n  { interface = \"a\"; } );\n",
		"3: 'prefix' is missing");
	assert_sample_refused(*state, "\nsecurity: {\n key = \"" KEY16 "\"; };\n", "2: 'spi' is missing");
	assert_sample_refused(*state, "security: { spi = 1000; };\n", "1: 'key' is missing");
}

static void a_duplicate_is_refused(void **state)
{
	assert_sample_refused(*state, "interval = 1;\ninterval = 2;\n", "2: duplicate setting name");
}

static void a_syntax_error_has_its_line(void **state)
{
	assert_sample_refused(*state, "interval = 1;\nadvertise: {\n  hold = ;\n};\n", "3: syntax error");
	assert_sample_refused(*state, "advertise: {\n hold = 1;\n", "3: syntax error");
}

static void addresses_are_those_of_hosts(void **state)
{
	assert_sample_refused(*state, "address = \"10.1.0.256\";",
		"1: 'address' is \"10.1.0.256\", which is not an IPv4 address");
	assert_sample_refused(*state, "address = \"224.0.0.11\";",
		"1: 'address' is \"224.0.0.11\", which is not the address of a host");
	assert_sample_refused(*state, "address = \"0.0.0.0\";",
		"1: 'address' is \"0.0.0.0\", which is not the address of a host");
	assert_sample_refused(
		*state, "address = \"a\nb\";", "1: 'address' is \"a?b\", which is not an IPv4 address");
}

static void a_prefix_with_host_bits_names_the_one_that_was_meant(void **state)
{
	assert_sample_refused(*state, "networks = ( { prefix = \"10.1.0.7/24\"; } );",
		"1: 'prefix' is \"10.1.0.7/24\", which has bits set beyond its length; did you mean "
		"\"10.1.0.0/24\"?");
	assert_sample_refused(*state, "networks = ( { prefix = \"10.1.0.0\"; } );",
		"1: 'prefix' is \"10.1.0.0\", which is not an IPv4 prefix (ADDRESS/LENGTH)");
	assert_sample_refused(*state, "networks = ( { prefix = \"10.1.0.0/33\"; } );",
		"1: 'prefix' is \"10.1.0.0/33\", which is not an IPv4 prefix (ADDRESS/LENGTH)");
}

static void a_range_has_a_beginning_and_an_end(void **state)
{
	assert_sample_refused(*state, "address_pool = \"10.1.0.9-10.1.0.8\";",
		"1: 'address_pool' is \"10.1.0.9-10.1.0.8\", which is a range that ends before it begins");
	assert_sample_refused(*state, "address_pool = \"10.1.0.9\";",
		"1: 'address_pool' is \"10.1.0.9\", which is not a range of IPv4 addresses (FIRST-LAST)");
	assert_sample_refused(*state, "address_pool = \"10.1.0.9-\";",
		"1: 'address_pool' is \"10.1.0.9-\", which is not a range of IPv4 addresses (FIRST-LAST)");
}

static void a_choice_is_one_of_the_known(void **state)
{
	assert_sample_refused(*state, "data_plane = \"usr\";",
		"1: 'data_plane' cannot be \"usr\"; it is one of auto, kernel, user; did you mean \"user\"?");
	assert_sample_refused(*state, "data_plane = \"\";",
		"1: 'data_plane' cannot be \"\"; it is one of auto, kernel, user");
}

static void the_schemas_own_check_has_the_settings_line(void **state)
{
	assert_sample_refused(*state, "networks = (\n { interface = \"a\";\n prefix = \"8.0.0.0/7\"; } );",
		"3: the prefix is too wide");
}

static void a_name_that_no_interface_can_have_is_refused(void **state)
{
	static const char *const names[] = {"", "sixteen letters!", "v/0"};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(names); i++) {
		char text[128], line[128];

		snprintf(text, sizeof(text),
			"networks = ( { prefix = \"10.0.0.0/8\";\ninterface = \"%s\"; } );", names[i]);
		snprintf(line, sizeof(line), "2: 'interface' = \"%s\" cannot be the name of an interface",
			names[i]);
		assert_sample_refused(*state, text, line);
	}
	sample_accepted(
		*state, "networks = ( { prefix = \"10.0.0.0/8\"; interface = \"fifteen letters\"; } );");
}

static void several_problems_have_a_line_each(void **state)
{
	static const char *const lines[] = {
		"2: unknown setting 'foo'", "1: 'interval' must be a number of seconds, not a string"};
	struct sample_folder *folder = *state;

	assert_int_equal(sample_read(folder, "interval = \"1\";\nfoo = 2;\n"), -EINVAL);
	assert_sample_said(folder, "c.conf", lines, MIP_ARRAY_SIZE(lines));
}

static void a_file_that_cannot_be_read_is_line_0(void **state)
{
	static const char *const missing[] = {"0: cannot read the configuration: No such file or directory"};
	static const char *const is_folder[] = {"0: cannot read the configuration: Is a directory"};
	struct sample_folder *folder = *state;
	char path[256];

	sample_path(folder, "c.conf", path);
	assert_int_equal(sample_read_path(folder, path), -ENOENT);
	assert_sample_said(folder, "c.conf", missing, 1);
	sample_path(folder, "folder", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(sample_read_path(folder, path), -EISDIR);
	assert_sample_said(folder, "folder", is_folder, 1);
}

static void octets_of_value_0_are_refused(void **state)
{
	static const char *const lines[] = {"2: an octet of value 0 is no text"};
	struct sample_folder *folder = *state;
	char path[256];
	FILE *file;

	sample_path(folder, "c.conf", path);
	file = fopen(path, "w");
	fwrite("\n\0foo = 1;", 1, 10, file);
	fclose(file);
	assert_int_equal(sample_read_path(folder, path), -EINVAL);
	assert_sample_said(folder, "c.conf", lines, 1);
}

/* --- includes --------------------------------------------------------------------------------- */

static void a_complaint_names_the_included_file(void **state)
{
	static const char *const lines[] = {"2: unknown setting 'foo'"};
	struct sample_folder *folder = *state;

	sample_write(folder, "part.conf", 0600, "max_lifetime = 7;\nfoo = 1;\n");
	assert_int_equal(sample_read(folder, "\n@include \"part.conf\"\ninterval = 3;\n"), -EINVAL);
	assert_sample_said(folder, "part.conf", lines, 1);
}

static void lines_after_an_include_are_right(void **state)
{
	sample_write(*state, "part.conf", 0600, "max_lifetime = 7;\n\n\n\n\n");
	sample_write(*state, "more.conf", 0600, "@include \"part.conf\"\n\n\n");
	assert_sample_refused(*state, "\n@include \"more.conf\"\nfoo = 3;\n", "3: unknown setting 'foo'");
	assert_sample_refused(*state, "@include \"more.conf\" foo = 3;\n", "1: unknown setting 'foo'");
}

static void a_missing_include_is_told_where_it_stands(void **state)
{
	char line[256];

	snprintf(line, sizeof(line),
		"2: cannot read the included file '%s/none.conf': No such file or directory",
		((struct sample_folder *)*state)->path);
	assert_sample_refused(*state, "\n@include \"none.conf\"\n", line);
	assert_sample_refused(
		*state, "@include \"/\"\n", "1: cannot read the included file '/': Is a directory");
	assert_sample_refused(*state, "@include \"/dev/zero\"\n",
		"1: cannot read the included file '/dev/zero': No such device or address");
	assert_sample_refused(
		*state, "@include \"part\n.conf\"\n", "1: the name of the included file does not end");
}

static void files_that_include_each_other_are_refused(void **state)
{
	assert_sample_refused(*state, "\n@include \"c.conf\"\n", "2: files include each other too deeply");
}

/* --- complaints of a role --------------------------------------------------------------------- */

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
	struct sample_folder *folder = *state;
	int catcher = memfd_create("stderr", 0), kept;
	char path[256], expected[512], said[512] = "";
	void *object = NULL;
	int r;

	sample_write(folder, "c.conf", 0600,
		"advertise: {};\nnetworks = ( { prefix = \"10.0.0.0/8\"; },\n{ prefix = "
		"\"11.0.0.0/8\";\ninterface = "
		"\"x0\"; });");
	sample_path(folder, "c.conf", path);
	kept = sample_error_to(dup(catcher));
	r = mip_config_read(path, &sample_schema, check_networks, &object);
	sample_error_to(kept);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAMPLE_TEST(an_empty_file_gives_the_defaults),
		SAMPLE_TEST(a_full_file_fills_the_struct),
		SAMPLE_TEST(an_empty_list_is_a_list),
		SAMPLE_TEST(an_spi_of_all_ones_is_not_cut),
		SAMPLE_TEST(association_settings_come_from_the_group),
		SAMPLE_TEST(an_included_file_is_part_of_it),
		SAMPLE_TEST(an_unknown_setting_is_told_with_its_line),
		SAMPLE_TEST(a_misspelt_setting_is_told_with_the_right_name),
		SAMPLE_TEST(a_misspelt_setting_that_is_required_has_one_complaint),
		SAMPLE_TEST(a_wrong_type_is_told_with_both),
		SAMPLE_TEST(bounds_hold),
		SAMPLE_TEST(integers_beyond_their_type_do_not_wrap),
		SAMPLE_TEST(a_missing_setting_is_told_where_its_group_stands),
		SAMPLE_TEST(a_duplicate_is_refused),
		SAMPLE_TEST(a_syntax_error_has_its_line),
		SAMPLE_TEST(addresses_are_those_of_hosts),
		SAMPLE_TEST(a_prefix_with_host_bits_names_the_one_that_was_meant),
		SAMPLE_TEST(a_range_has_a_beginning_and_an_end),
		SAMPLE_TEST(a_choice_is_one_of_the_known),
		SAMPLE_TEST(the_schemas_own_check_has_the_settings_line),
		SAMPLE_TEST(a_name_that_no_interface_can_have_is_refused),
		SAMPLE_TEST(several_problems_have_a_line_each),
		SAMPLE_TEST(a_file_that_cannot_be_read_is_line_0),
		SAMPLE_TEST(octets_of_value_0_are_refused),
		SAMPLE_TEST(a_complaint_names_the_included_file),
		SAMPLE_TEST(lines_after_an_include_are_right),
		SAMPLE_TEST(a_missing_include_is_told_where_it_stands),
		SAMPLE_TEST(files_that_include_each_other_are_refused),
		SAMPLE_TEST(a_role_complains_about_an_element_of_a_list),
		SAMPLE_TEST(the_help_has_every_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

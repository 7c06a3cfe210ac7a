/*
 * ha.conf: what the contract's file gives the machine, and each complaint with its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "ha_shell.h"

/* The contract's file, on the one interface that every host has. */
static const char good[] =
	"control = \"/run/mip/ha.sock\";\n"
	"state = \"\";\n"
	"data_plane = \"user\";\n"
	"home_agent: {\n"
	"  address = \"10.1.0.1\";\n"
	"  networks = ( { prefix = \"10.1.0.0/24\"; interface = \"lo\"; },\n"
	"               { prefix = \"172.20.0.0/16\"; } );\n"
	"  max_lifetime = 1800;\n"
	"  advertise: { interval = 1.0; lifetime = 3.0; };\n"
	"};\n"
	"mobile_nodes = (\n"
	"  { home_address = \"10.1.0.50\";\n"
	"    security: { spi = 1000; algorithm = \"hmac-md5\"; key = "
	"\"hex:00112233445566778899aabbccddeeff\"; }; },\n"
	"  { nai = \"alice@example.org\";\n"
	"    security: { spi = 1001; key = \"hex:00112233445566778899aabbccddeeff\"; replay = \"nonce\"; }; "
	"}\n"
	");\n"
	"address_pool = \"10.1.0.100-10.1.0.199\";\n"
	"foreign_agents = ( { address = \"10.2.0.1\";\n"
	"    security: { spi = 2000; key = \"hex:00112233445566778899aabbccddeeff\"; }; } );\n";

static char file_name[64];

static int setup(void **state)
{
	int descriptor;

	(void)state;
	strcpy(file_name, "/tmp/ha-config-XXXXXX");
	descriptor = mkstemp(file_name);
	assert_true(descriptor >= 0);
	close(descriptor);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file_name);
	return 0;
}

/* The good file with `from` replaced by `to`, once. */
static void write_file(const char *from, const char *to)
{
	const char *place = from ? strstr(good, from) : good;
	FILE *file = fopen(file_name, "w");

	assert_non_null(file);
	assert_non_null(place);
	fwrite(good, 1, (size_t)(place - good), file);
	fputs(to, file);
	fputs(place + (from ? strlen(from) : 0), file);
	fclose(file);
}

/* Reads it, with what is said on standard error caught in `said`. */
static int read_file(struct ha_config **ret_config, char *said, size_t size)
{
	int catcher = memfd_create("stderr", 0), kept = dup(STDERR_FILENO), status;
	void *object = NULL;
	ssize_t length;

	fflush(stderr);
	dup2(catcher, STDERR_FILENO);
	status = mip_config_read(file_name, &ha_schema, ha_config_check, &object);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	length = pread(catcher, said, size - 1, 0);
	said[length > 0 ? length : 0] = '\0';
	close(catcher);
	close(kept);
	*ret_config = object;
	return status;
}

/* With this change there is one complaint, at this line, with these words. */
static void refused(const char *from, const char *to, unsigned line, const char *words)
{
	struct ha_config *config;
	char said[4096], start[128];

	write_file(from, to);
	assert_int_equal(read_file(&config, said, sizeof(said)), -EINVAL);
	snprintf(start, sizeof(start), "%s:%u: ", file_name, line);
	if (strncmp(said, start, strlen(start)) != 0 || !strstr(said, words) ||
		strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("wanted line %u and \"%s\", got: %s", line, words, said);
}

/* rfc5944-5.7-2: timestamps or nonces, for each node. */
static void the_contract_s_file_gives_the_machine_its_settings(void **state)
{
	struct ha_made_settings made;
	struct ha_config *config;
	char said[4096];

	(void)state;
	write_file(NULL, "");
	assert_int_equal(read_file(&config, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_int_equal(ha_settings_make(config, &made), 0);
	assert_string_equal(MIP_TEXT(made.settings.address), "10.1.0.1");
	assert_int_equal(made.settings.network_count, 2);
	assert_string_equal(made.settings.networks[0].interface, "lo");
	assert_null(made.settings.networks[1].interface);
	assert_int_equal(made.settings.max_lifetime, 1800);
	assert_int_equal(made.settings.advertise.interval, MIP_SECOND);
	assert_int_equal(made.settings.advertise.lifetime, 3 * MIP_SECOND);
	assert_true(made.settings.advertise.enabled);
	assert_int_equal(made.settings.node_count, 2);
	assert_string_equal(MIP_TEXT(made.settings.nodes[0].home_address), "10.1.0.50");
	assert_int_equal(mip_association_spi(made.settings.nodes[0].association), 1000);
	assert_null(made.settings.nodes[0].aaa);
	assert_string_equal(made.settings.nodes[1].nai, "alice@example.org");
	assert_int_equal(mip_association_replay(made.settings.nodes[1].association), MIP_REPLAY_NONCE);
	assert_string_equal(MIP_TEXT(made.settings.pool_first), "10.1.0.100");
	assert_string_equal(MIP_TEXT(made.settings.pool_last), "10.1.0.199");
	assert_int_equal(made.settings.foreign_agent_count, 1);
	assert_int_equal(made.settings.grace, 3 * MIP_SECOND);
	assert_int_equal(made.settings.keepalive_interval, 110);
	ha_settings_clear(&made);
	mip_config_free(&ha_schema, config);
}

static void what_is_left_out_has_its_default(void **state)
{
	struct ha_config *config;
	char said[4096];

	(void)state;
	write_file("control = \"/run/mip/ha.sock\";\nstate = \"\";\ndata_plane = \"user\";\n", "");
	assert_int_equal(read_file(&config, said, sizeof(said)), 0);
	assert_string_equal(config->control, "/run/mip/ha.sock");
	assert_string_equal(config->state, "/var/lib/mip/ha");
	assert_int_equal(config->data_plane, MIP_PLANE_AUTO);
	assert_string_equal(config->tunnel_interface, "mip0");
	mip_config_free(&ha_schema, config);
}

static void unknown_and_misspelt_settings_are_refused(void **state)
{
	(void)state;
	refused("max_lifetime", "max_lifetme", 8, "max_lifetme");
	refused("state = \"\"", "nonsense = 3", 2, "nonsense");
	refused("interval = 1.0", "intervall = 1.0", 9, "intervall");
}

static void a_home_address_outside_of_every_home_network_is_refused(void **state)
{
	(void)state;
	refused("10.1.0.50", "10.9.0.50", 12, "10.9.0.50");
	refused("10.1.0.50", "10.1.0.255", 12, "broadcast");
	refused("10.1.0.50", "10.1.0.1", 12, "home agent");
}

static void a_missing_interface_is_refused(void **state)
{
	(void)state;
	refused("\"lo\"", "\"home9\"", 6, "home9");
	refused("\"lo\"", "\"\"", 6, "interface");
}

static void networks_that_overlap_are_refused(void **state)
{
	(void)state;
	refused("172.20.0.0/16", "10.0.0.0/8", 7, "10.0.0.0/8");
}

/* rfc3024-A.4-2: "Mobile node's private addresses within a given address space MUST be unique." */
static void the_same_node_twice_is_refused_at_the_second(void **state)
{
	(void)state;
	refused("nai = \"alice@example.org\"", "home_address = \"10.1.0.50\"", 14, "10.1.0.50");
	refused("home_address = \"10.1.0.50\"", "nai = \"alice@example.org\"", 14, "alice@example.org");
}

static void a_node_without_a_name_or_without_a_pool_is_refused(void **state)
{
	(void)state;
	refused("home_address = \"10.1.0.50\";", "", 12, "home_address");
	refused("address_pool = \"10.1.0.100-10.1.0.199\";", "", 14, "address_pool");
	refused("10.1.0.100-10.1.0.199", "10.1.0.100-10.1.1.3", 17, "home networks");
	refused("10.1.0.100-10.1.0.199", "10.9.0.1-10.9.0.9", 17, "home networks");
	refused("10.1.0.100-10.1.0.199", "10.1.0.9-10.1.0.1", 17, "address_pool");
}

static void lifetimes_may_be_decimals_as_all_times(void **state)
{
	struct ha_made_settings made;
	struct ha_config *config;
	char said[4096];

	(void)state;
	write_file("max_lifetime = 1800", "max_lifetime = 1799.5");
	assert_int_equal(read_file(&config, said, sizeof(said)), 0);
	assert_int_equal(ha_settings_make(config, &made), 0);
	assert_int_equal(made.settings.max_lifetime, 1799);
	ha_settings_clear(&made);
	mip_config_free(&ha_schema, config);
}

/* RFC 4433: whom nodes are redirected to. */
static void the_home_agents_to_redirect_to_are_others(void **state)
{
	struct ha_made_settings made;
	struct ha_config *config;
	char said[4096];

	(void)state;
	write_file("max_lifetime = 1800;",
		"redirect: { home_agents = ( { address = \"10.1.0.2\"; }, { address = \"10.1.0.3\"; } ); "
		"bindings = 7; };");
	assert_int_equal(read_file(&config, said, sizeof(said)), 0);
	assert_int_equal(ha_settings_make(config, &made), 0);
	assert_int_equal(made.settings.alternate_count, 2);
	assert_string_equal(MIP_TEXT(made.settings.alternates[1]), "10.1.0.3");
	assert_int_equal(made.settings.redirect_at, 7);
	ha_settings_clear(&made);
	mip_config_free(&ha_schema, config);
	refused("max_lifetime = 1800;", "redirect: { home_agents = ( { address = \"10.1.0.1\"; } ); };", 8,
		"no other home agent");
	refused("max_lifetime = 1800;", "redirect: { bindings = -1; };", 8, "bindings");
}

static void keys_and_numbers_out_of_their_bounds_are_refused(void **state)
{
	(void)state;
	refused("hex:00112233445566778899aabbccddeeff", "hex:0011", 13, "key");
	refused("spi = 1000", "spi = 255", 13, "spi");
	refused("max_lifetime = 1800", "max_lifetime = 0", 8, "max_lifetime");
	refused("max_lifetime = 1800", "max_lifetime = 65536", 8, "max_lifetime");
	refused("lifetime = 3.0", "lifetime = 0.5", 9, "lifetime");
	refused("\"10.2.0.1\"", "\"224.0.0.1\"", 18, "224.0.0.1");
}

static void a_file_with_keys_that_others_can_read_is_refused(void **state)
{
	struct ha_config *config;
	char said[4096];

	(void)state;
	write_file(NULL, "");
	assert_int_equal(chmod(file_name, 0644), 0);
	assert_int_equal(read_file(&config, said, sizeof(said)), -EINVAL);
	assert_non_null(strstr(said, ":13: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_contract_s_file_gives_the_machine_its_settings),
		TEST(what_is_left_out_has_its_default),
		TEST(unknown_and_misspelt_settings_are_refused),
		TEST(a_home_address_outside_of_every_home_network_is_refused),
		TEST(a_missing_interface_is_refused),
		TEST(networks_that_overlap_are_refused),
		TEST(the_same_node_twice_is_refused_at_the_second),
		TEST(a_node_without_a_name_or_without_a_pool_is_refused),
		TEST(lifetimes_may_be_decimals_as_all_times),
		TEST(the_home_agents_to_redirect_to_are_others),
		TEST(keys_and_numbers_out_of_their_bounds_are_refused),
		TEST(a_file_with_keys_that_others_can_read_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

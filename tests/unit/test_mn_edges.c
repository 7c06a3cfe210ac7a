/*
 * The edges of the mobile node's machine: what cannot be reconfigured, lists read beyond their end, answers to keep-alives
 * that nobody sent.
 */
#include "mn_bench.h"

#include <errno.h>
#include <string.h>

#include "packet.h"

static struct bench *const bench = &bench_of_test;

static void assert_busy(const struct mn_settings *settings)
{
	const char *reason = NULL;

	assert_int_equal(mn_core_reconfigure(bench->core, settings, bench->now, &reason), -EBUSY);
	assert_non_null(reason);
}

static void test_who_the_node_is_stays_as_it_was(void **state)
{
	static char nai[] = "alice@example.org";
	struct mn_settings settings = bench->settings;

	(void)state;
	settings.home_address = mip_address_of(BENCH_HOME + 1);
	assert_busy(&settings);
	settings = bench->settings;
	settings.home_prefix = mip_prefix_of(mip_address_of(BENCH_HOME), 25);
	assert_busy(&settings);
	settings = bench->settings;
	settings.nai = nai;
	assert_busy(&settings);
	settings = bench->settings;
	settings.assignment = MN_ASSIGNMENT_ANY;
	assert_busy(&settings);
}

static void test_another_home_agent_is_taken_from_the_settings(void **state)
{
	struct mn_settings settings = bench->settings;
	const char *reason = NULL;

	(void)state;
	settings.home_agent = mip_address_of(BENCH_HOME_AGENT + 1);
	assert_int_equal(mn_core_reconfigure(bench->core, &settings, bench->now, &reason), 0);
	bench_collect(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_string_equal(MIP_TEXT(bench_last_request(bench).destination), "10.1.0.2");
}

static void test_the_list_of_agents_has_an_end(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WWAN, true);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_advertise(bench, &bench_fa2);
	assert_int_equal(mn_core_agent_count(bench->core), 2);
	assert_true(mip_address_is_unicast(mn_core_agent(bench->core, 1, bench->now).address));
	assert_true(mip_address_is_none(mn_core_agent(bench->core, 2, bench->now).address));
	assert_true(mip_address_is_none(mn_core_agent(bench->core, 9, bench->now).address));
}

static bool hear_echo(uint8_t type, uint32_t source, uint32_t destination, uint16_t identifier)
{
	struct mip_icmp_echo echo = {.type = type, .identifier = identifier, .sequence = 77};
	struct mip_ip ip = {.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(source),
		.destination = mip_address_of(destination)};
	uint8_t message[32], packet[64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));

	mip_icmp_echo_write(&writer, &echo, "", 0);
	mip_ip_packet_write(&outer, &ip, message, writer.length);
	return mn_core_tunnelled(bench->core, packet, outer.length, bench->now);
}

static void test_an_answer_to_no_keepalive_is_dropped_and_others_pings_pass(void **state)
{
	struct bench_request request;

	(void)state;
	assert_false(hear_echo(MIP_ICMP_ECHO_REPLY, BENCH_HOME_AGENT, BENCH_HOME, BENCH_PORT));
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true, .keepalive = 60});
	assert_false(hear_echo(MIP_ICMP_ECHO_REPLY, BENCH_HOME_AGENT + 1, BENCH_HOME, BENCH_PORT));
	assert_false(hear_echo(MIP_ICMP_ECHO_REPLY, BENCH_HOME_AGENT, BENCH_HOME + 1, BENCH_PORT));
	assert_false(hear_echo(MIP_ICMP_ECHO_REQUEST, BENCH_HOME_AGENT, BENCH_HOME, BENCH_PORT));
	assert_false(hear_echo(MIP_ICMP_ECHO_REPLY, BENCH_HOME_AGENT, BENCH_HOME, 1));
	assert_true(hear_echo(MIP_ICMP_ECHO_REPLY, BENCH_HOME_AGENT, BENCH_HOME, BENCH_PORT));
	assert_int_equal(bench_counter(bench, "drop_keepalive"), 1);
}

static void test_a_reverse_tunnel_that_the_settings_want_is_asked_for_again_after_code_137(void **state)
{
	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_true(bench_last_request(bench).fixed.flags & MIP_REQUEST_T);
	bench_deny(bench, MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE);
	bench_forget(bench);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_true(bench_requests(bench) > 0);
	assert_true(bench_last_request(bench).fixed.flags & MIP_REQUEST_T);
}

/* What a peer can cause is logged at a limited rate, and the rest is counted. */
static void test_a_flood_of_forged_replies_does_not_fill_the_log(void **state)
{
	struct bench_request request;
	unsigned before;

	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	before = bench->warnings;
	for (int i = 0; i < 200; i++)
		bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .forged = true});
	assert_in_range(bench->warnings - before, 1, 50);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 200);
	assert_false(bench_status(bench).bound);
	before = bench->warnings;
	bench_pass(bench, 100 * MIP_SECOND);
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .forged = true});
	assert_true(bench->warnings > before); /* with how many were left out */
}

static void test_no_machine_is_freed_like_one(void **state)
{
	(void)state;
	mn_core_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_the_node_is_stays_as_it_was),
		TEST(test_another_home_agent_is_taken_from_the_settings),
		TEST(test_the_list_of_agents_has_an_end),
		TEST(test_an_answer_to_no_keepalive_is_dropped_and_others_pings_pass),
		TEST(test_a_flood_of_forged_replies_does_not_fill_the_log),
		cmocka_unit_test(test_no_machine_is_freed_like_one),
		TEST(test_a_reverse_tunnel_that_the_settings_want_is_asked_for_again_after_code_137),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

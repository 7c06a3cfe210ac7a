/*
 * The mobile node finds agents: solicitations, advertisements, lost and restarted agents (RFC 5944 2.4).
 */
#include "mn_bench.h"

#include "packet.h"

static void test_a_link_that_comes_up_is_solicited_at_once(void **state)
{
	/* rfc5944-2-1, rfc5944-2.2-1, rfc5944-2.4-1 */
	struct bench *bench = *state;

	bench_link(bench, BENCH_WLAN, true);
	assert_int_equal(bench_solicitations(bench, BENCH_WLAN), 1);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
}

static void test_solicitations_back_off_to_a_minute(void **state)
{
	/* rfc5944-2.4-3, rfc5944-2.4-4, rfc5944-2.4-5, rfc5944-2.4-6, rfc5944-2.4-7, rfc5944-2.4-11 */
	struct bench *bench = *state;
	mip_time last, interval = 0, longest = 0;

	bench_link(bench, BENCH_WLAN, true);
	last = bench->now.boot;
	for (unsigned n = 1; n < 24; n++) {
		size_t before = bench_solicitations(bench, BENCH_WLAN);
		mip_time nominal = n < 3 ? 1 : n - 2 > 6 ? 64 : 1 << (n - 2);

		while (bench_solicitations(bench, BENCH_WLAN) == before)
			bench_pass(bench, mn_core_deadline(bench->core) - bench->now.boot);
		interval = bench->now.boot - last;
		last = bench->now.boot;
		assert_true(interval >= nominal * MIP_SECOND);
		assert_true(interval <= nominal * MIP_SECOND * 5 / 4);
		longest = interval > longest ? interval : longest;
	}
	assert_true(interval >= 60 * MIP_SECOND);
	/* rfc5944-2.4-11: a minute is randomised as much as a second. */
	assert_true(longest > 72 * MIP_SECOND);
}

/* How long it takes until the next solicitation on wwan0. */
static mip_time until_next_solicitation(struct bench *bench)
{
	size_t before = bench_solicitations(bench, BENCH_WWAN);
	mip_time begin = bench->now.boot;

	while (bench_solicitations(bench, BENCH_WWAN) == before)
		bench_pass(bench, mn_core_deadline(bench->core) - bench->now.boot);
	return bench->now.boot - begin;
}

static void test_an_agent_that_comes_and_goes_unregistered_does_not_quicken_the_search(void **state)
{
	/* rfc5944-2.4-8 */
	struct bench *bench = *state;

	bench_link(bench, BENCH_WWAN, true);
	for (int i = 0; i < 6; i++)
		until_next_solicitation(bench); /* the last of them after 16 s */
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 1);
	bench_pass(bench, 3 * MIP_SECOND);
	assert_int_equal(mn_core_agent_count(bench->core), 0);
	bench_forget(bench);
	assert_true(until_next_solicitation(bench) > 20 * MIP_SECOND);
	assert_true(until_next_solicitation(bench) >= 64 * MIP_SECOND);
	/* A link that comes up anew is an indication of having moved. */
	bench_link(bench, BENCH_WWAN, false);
	bench_forget(bench);
	bench_link(bench, BENCH_WWAN, true);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 1);
	assert_true(until_next_solicitation(bench) <= 2 * MIP_SECOND);
}

static void test_after_a_registration_the_next_search_is_quick_again_and_backs_off(void **state)
{
	/* rfc5944-2.4.2.1-3, rfc5944-2.4-9, rfc5944-2.4-10 */
	struct bench *bench = *state;

	bench_link(bench, BENCH_WWAN, true);
	for (int i = 0; i < 6; i++)
		until_next_solicitation(bench);
	bench_advertise(bench, &bench_fa1);
	bench_accept(bench);
	bench_pass(bench, 3 * MIP_SECOND);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	assert_int_equal(mn_core_agent_count(bench->core), 0);
	bench_forget(bench);
	for (unsigned n = 1; n < 6; n++) {
		mip_time interval = until_next_solicitation(bench);
		mip_time nominal = (n < 3 ? 1 : 1 << (n - 2)) * MIP_SECOND;

		assert_true(interval >= nominal && interval <= nominal * 5 / 4);
	}
}

static void test_a_flapping_link_is_solicited_each_time_it_comes_up(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 5; i++) {
		bench_link(bench, BENCH_WLAN, true);
		bench_link(bench, BENCH_WLAN, false);
	}
	assert_int_equal(bench_solicitations(bench, BENCH_WLAN), 5);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_solicitations(bench, BENCH_WLAN), 5);
}

static void test_a_flood_of_forged_agents_is_bounded_and_moves_nothing(void **state)
{
	struct bench *bench = *state;
	struct bench_agent fake = {.flags = MIP_AGENT_F | MIP_AGENT_T, .lifetime = 9000};

	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	fake.link = BENCH_WLAN;
	fake.address = 0x0a630001U;
	fake.flags = MIP_AGENT_B | MIP_AGENT_F;
	bench_advertise(bench, &fake);
	bench_forget(bench);
	fake.link = BENCH_WWAN;
	fake.flags = MIP_AGENT_F | MIP_AGENT_T;
	for (uint32_t i = 0; i < 2000; i++) {
		fake.address = 0x0a650001U + i;
		bench_advertise(bench, &fake);
		bench_forget(bench);
	}
	/* 64 on that link, the one in use among them, and the one on the other. */
	assert_int_equal(mn_core_agent_count(bench->core), 64 + 1);
	assert_int_equal(bench_counter(bench, "agents_found"), 2000 + 2);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).agent), BENCH_FA1);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_counter(bench, "agents_found"), 2000 + 2);
}

static void test_soliciting_ends_when_an_agent_is_heard(void **state)
{
	/* rfc5944-2.4-2 */
	struct bench *bench = *state;

	bench_registered_at_fa1(bench);
	for (int i = 0; i < 30; i++) {
		struct bench_agent agent = bench_fa1;

		agent.sequence += (uint16_t)i;
		bench_pass(bench, MIP_SECOND);
		bench_advertise(bench, &agent);
	}
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 0);
}

static void test_an_agent_nobody_can_use_does_not_cause_a_storm(void **state)
{
	/* rfc5944-2.4-3 */
	struct bench *bench = *state;
	struct bench_agent busy = bench_fa1;

	busy.flags |= MIP_AGENT_B;
	bench_link(bench, BENCH_WWAN, true);
	for (int i = 0; i < 100; i++) {
		bench_advertise(bench, &busy);
		bench_pass(bench, 10 * MIP_MILLISECOND);
	}
	assert_true(bench_solicitations(bench, BENCH_WWAN) <= 2);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
}

static void test_a_plain_routers_advertisement_is_no_agent(void **state)
{
	/* rfc5944-2.4-12 */
	struct bench *bench = *state;
	struct mip_agent_advertisement advertisement = {.lifetime = 3, .router_count = 1};
	uint8_t message[64], packet[128];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_ip ip = {.ttl = 1,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(BENCH_FA1),
		.destination = mip_address_of(0xe0000001)};

	bench_link(bench, BENCH_WWAN, true);
	advertisement.routers[0].address = ip.source;
	mip_advertisement_write(&writer, &advertisement);
	size_t length = writer.length;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, message, length);
	bench_frame(bench, BENCH_WWAN, packet, writer.length);
	assert_int_equal(mn_core_agent_count(bench->core), 0);
	assert_int_equal(bench_counter(bench, "drop_not_an_agent"), 1);
}

static void test_an_agent_is_shown_as_it_advertises(void **state)
{
	/* rfc5944-2.4.2.1-1, rfc5944-2.4-12 */
	struct bench *bench = *state;
	struct mn_agent_view view;

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	assert_int_equal(mn_core_agent_count(bench->core), 1);
	view = mn_core_agent(bench->core, 0, bench->now);
	assert_int_equal(mip_address_number(view.address), BENCH_FA1);
	assert_string_equal(view.interface, "wwan0");
	assert_int_equal(view.care_of_address_count, 1);
	assert_int_equal(view.flags, bench_fa1.flags);
	assert_false(view.home);
	assert_int_equal(view.sequence, 300);
	assert_int_equal(view.age, 1500 * MIP_MILLISECOND);
	assert_int_equal(view.lifetime, 3);
	assert_int_equal(view.registration_lifetime, 1800);
}

static void test_a_silent_agent_is_asked_and_then_lost_after_its_lifetime(void **state)
{
	/* rfc5944-2.4.2.1-1, rfc5944-2.4.2.1-2 */
	struct bench *bench = *state;

	bench_registered_at_fa1(bench);
	bench_pass(bench, 1900 * MIP_MILLISECOND);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 0);
	bench_pass(bench, 200 * MIP_MILLISECOND);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 1);
	bench_pass(bench, 800 * MIP_MILLISECOND);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_pass(bench, 200 * MIP_MILLISECOND);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	assert_int_equal(mn_core_agent_count(bench->core), 0);
	assert_int_equal(bench_counter(bench, "agents_lost"), 1);
	/* The old way stays, for what it is worth. */
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
}

static void test_an_agent_that_comes_back_is_registered_with_again(void **state)
{
	/* rfc5944-2.4.2-1 */
	struct bench *bench = *state;

	bench_registered_at_fa1(bench);
	bench_pass(bench, 4 * MIP_SECOND);
	bench_forget(bench);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 1);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_an_agent_that_says_good_bye_is_left_at_once(void **state)
{
	/* rfc5944-2.4.2.1-3 */
	struct bench *bench = *state;
	uint8_t message[64], packet[128];
	struct mip_agent_advertisement advertisement = {.lifetime = 0,
		.router_count = 0,
		.is_agent = true,
		.flags = MIP_AGENT_F,
		.care_of_address_count = 1};
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_ip ip = {.ttl = 1,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(BENCH_FA1),
		.destination = mip_address_of(0xe0000001)};

	bench_registered_at_fa1(bench);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	advertisement.care_of_addresses[0] = ip.source;
	mip_advertisement_write(&writer, &advertisement);
	size_t length = writer.length;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, message, length);
	bench_frame(bench, BENCH_WWAN, packet, writer.length);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	assert_int_equal(bench_solicitations(bench, BENCH_WWAN), 1);
}

static void advertise_with_sequence(struct bench *bench, uint16_t sequence)
{
	struct bench_agent agent = bench_fa1;

	agent.sequence = sequence;
	bench_pass(bench, 1100 * MIP_MILLISECOND);
	bench_advertise(bench, &agent);
}

static void test_an_agent_that_restarted_is_registered_with_again(void **state)
{
	/* rfc5944-2.4.4-1, rfc5944-3.6-4 */
	struct bench *bench = *state;

	bench_registered_at_fa1(bench);
	advertise_with_sequence(bench, 301);
	assert_int_equal(bench_requests(bench), 0);
	advertise_with_sequence(bench, 0);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_counter(bench, "agents_restarted"), 1);
}

static void test_a_rolled_over_sequence_is_no_restart(void **state)
{
	/* rfc5944-2.4.4-2 */
	struct bench *bench = *state;

	bench_registered_at_fa1(bench);
	advertise_with_sequence(bench, 65535);
	advertise_with_sequence(bench, 256);
	advertise_with_sequence(bench, 257);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_a_restart_within_a_second_of_the_last_request_waits_out_the_second(void **state)
{
	/* rfc5944-3.6-6 */
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;

	bench_registered_at_fa1(bench);
	agent.sequence = 0;
	bench_pass(bench, 400 * MIP_MILLISECOND);
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, 599 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 0);
	bench_pass(bench, 2 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_another_agent_on_the_link_does_not_make_it_move(void **state)
{
	/* rfc5944-3.6-5 */
	struct bench *bench = *state;
	struct bench_agent second = bench_fa2;

	bench_registered_at_fa1(bench);
	second.link = BENCH_WWAN;
	for (int i = 0; i < 10; i++) {
		bench_advertise(bench, &second);
		bench_advertise(bench, &bench_fa1);
		bench_pass(bench, MIP_SECOND);
	}
	assert_int_equal(bench_requests(bench), 0);
	/* … until its own is silent: then the other one is there already. */
	for (int i = 0; i < 5; i++) {
		bench_advertise(bench, &second);
		bench_pass(bench, 500 * MIP_MILLISECOND);
	}
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
}

static void test_the_home_agent_is_no_home_on_a_link_that_is_not_the_home_network(void **state)
{
	struct bench *bench = *state;
	/* It serves another link too, with another address of its own, and has its first address in it. */
	struct bench_agent elsewhere = {.link = BENCH_WWAN, .address = 0x0a050001, .flags = MIP_AGENT_H};

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &elsewhere);
	assert_int_equal(mn_core_agent_count(bench->core), 1);
	assert_false(mn_core_agent(bench->core, 0, bench->now).home);
	assert_int_equal(bench_requests(bench), 0);
}

static void test_the_first_care_of_address_comes_first_and_the_next_after_a_failure(void **state)
{
	/* rfc5944-2.4-13 */
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;

	agent.care_of_address = 0x0a020007;
	agent.second_care_of_address = 0x0a020008;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.care_of_address), 0x0a020007);
	bench_deny(bench, MIP_CODE_FA_INVALID_CARE_OF_ADDRESS);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 2);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.care_of_address), 0x0a020008);
}

static void test_an_icmp_redirect_of_its_agent_is_no_reason_to_register(void **state)
{
	/* rfc5944-3.6-7 */
	struct bench *bench = *state;
	uint8_t message[36] = {5, 1, 0, 0, 10, 2, 0, 9, 0x45}, packet[128];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(BENCH_FA1),
		.destination = mip_address_of(BENCH_HOME)};
	uint16_t checksum = mip_checksum_finish(mip_checksum_add(0, message, sizeof(message)));

	bench_registered_at_fa1(bench);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	message[2] = (uint8_t)(checksum >> 8);
	message[3] = (uint8_t)checksum;
	mip_ip_packet_write(&writer, &ip, message, sizeof(message));
	bench_frame(bench, BENCH_WWAN, packet, writer.length);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_way_out(bench)->gateway), BENCH_FA1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_link_that_comes_up_is_solicited_at_once),
		TEST(test_solicitations_back_off_to_a_minute),
		TEST(test_an_agent_that_comes_and_goes_unregistered_does_not_quicken_the_search),
		TEST(test_after_a_registration_the_next_search_is_quick_again_and_backs_off),
		TEST(test_a_flapping_link_is_solicited_each_time_it_comes_up),
		TEST(test_a_flood_of_forged_agents_is_bounded_and_moves_nothing),
		TEST(test_soliciting_ends_when_an_agent_is_heard),
		TEST(test_an_agent_nobody_can_use_does_not_cause_a_storm),
		TEST(test_a_plain_routers_advertisement_is_no_agent),
		TEST(test_an_agent_is_shown_as_it_advertises),
		TEST(test_a_silent_agent_is_asked_and_then_lost_after_its_lifetime),
		TEST(test_an_agent_that_comes_back_is_registered_with_again),
		TEST(test_an_agent_that_says_good_bye_is_left_at_once),
		TEST(test_an_agent_that_restarted_is_registered_with_again),
		TEST(test_a_rolled_over_sequence_is_no_restart),
		TEST(test_a_restart_within_a_second_of_the_last_request_waits_out_the_second),
		TEST(test_another_agent_on_the_link_does_not_make_it_move),
		TEST(test_the_home_agent_is_no_home_on_a_link_that_is_not_the_home_network),
		TEST(test_an_icmp_redirect_of_its_agent_is_no_reason_to_register),
		TEST(test_the_first_care_of_address_comes_first_and_the_next_after_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

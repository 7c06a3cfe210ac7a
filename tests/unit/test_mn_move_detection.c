/*
 * How the node notices that it has moved without a word from the link (RFC 5944 2.4.2): by the lifetime of
 * its agent, by prefixes, or eagerly. Both agents speak on wwan0.
 */
#include "mn_bench.h"

/* On the same link as FA1, in another network. */
static struct bench_agent second_agent(uint8_t prefix_length)
{
	struct bench_agent agent = bench_fa2;

	agent.link = BENCH_WWAN;
	agent.prefix_length = prefix_length;
	return agent;
}

static struct bench_agent first_agent(uint8_t prefix_length)
{
	struct bench_agent agent = bench_fa1;

	agent.prefix_length = prefix_length;
	return agent;
}

static void by_prefix(struct mn_settings *settings)
{
	settings->move_detection = MN_MOVE_DETECTION_PREFIX;
}

static void eagerly(struct mn_settings *settings)
{
	settings->move_detection = MN_MOVE_DETECTION_EAGER;
}

/* Registered at FA1, which advertises this prefix length. */
static void registered(struct bench *bench, uint8_t prefix_length)
{
	struct bench_agent first = first_agent(prefix_length);

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &first);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	bench_advertise(bench, &first);
}

static uint32_t agent_in_use(const struct bench *bench)
{
	return mip_address_number(bench_status(bench).agent);
}

static void test_by_lifetime_the_agent_stays_as_long_as_it_is_heard(void **state)
{
	/* rfc5944-3.6-5 */
	struct bench *bench = *state;
	struct bench_agent first = first_agent(24), second = second_agent(24);

	registered(bench, 24);
	for (int i = 0; i < 10; i++) {
		bench_advertise(bench, &second);
		bench_advertise(bench, &first);
		bench_pass(bench, MIP_SECOND);
	}
	assert_int_equal(bench_requests(bench), 0);
}

static void test_by_prefix_an_agent_of_another_network_is_a_move(void **state)
{
	/* rfc5944-2.4.2.2-1 */
	struct bench *bench = *state;
	struct bench_agent second = second_agent(24);

	bench_again_with(by_prefix);
	registered(bench, 24);
	bench_advertise(bench, &second);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
	bench_accept(bench);
	assert_int_equal(agent_in_use(bench), BENCH_FA2);
}

static void test_by_prefix_an_agent_of_the_same_network_is_no_move(void **state)
{
	struct bench *bench = *state;
	struct bench_agent second = second_agent(24);

	bench_again_with(by_prefix);
	registered(bench, 24);
	second.address = BENCH_FA1 + 1;
	bench_advertise(bench, &second);
	/* The prefix is the router's, whatever care-of address is advertised. */
	second.address = BENCH_FA1 + 2;
	second.care_of_address = BENCH_FA2;
	bench_advertise(bench, &second);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(agent_in_use(bench), BENCH_FA1);
}

static void test_without_the_prefix_of_either_agent_prefixes_say_nothing(void **state)
{
	/* rfc5944-2.4.2.2-1 */
	struct bench *bench = *state;
	static const uint8_t lengths[][2] = {{0, 24}, {24, 0}, {0, 0}};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(lengths); i++) {
		struct bench_agent second = second_agent(lengths[i][1]);

		bench_again_with(by_prefix);
		registered(bench, lengths[i][0]);
		bench_advertise(bench, &second);
		bench_pass(bench, MIP_SECOND);
		assert_int_equal(bench_requests(bench), 0);
		assert_int_equal(agent_in_use(bench), BENCH_FA1);
	}
}

static void by_prefix_co_located(struct mn_settings *settings)
{
	settings->move_detection = MN_MOVE_DETECTION_PREFIX;
	settings->care_of = MN_CARE_OF_CO_LOCATED;
}

static void test_with_a_co_located_address_prefixes_say_nothing(void **state)
{
	/* rfc5944-2.4.2.2-2 */
	struct bench *bench = *state;
	struct bench_agent insists = bench_fa2, second = bench_fa1;

	bench_again_with(by_prefix_co_located);
	insists.flags |= MIP_AGENT_R;
	insists.prefix_length = 24;
	second.flags |= MIP_AGENT_R;
	second.prefix_length = 24;
	second.link = BENCH_WLAN;
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &insists);
	bench_lease(bench);
	bench_accept(bench);
	assert_int_equal(agent_in_use(bench), BENCH_FA2);
	bench_pass(bench, MIP_SECOND);
	bench_forget(bench);
	bench_advertise(bench, &second);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(agent_in_use(bench), BENCH_FA2);
}

static void test_by_prefix_two_agents_that_are_both_heard_do_not_make_it_flap(void **state)
{
	struct bench *bench = *state;
	struct bench_agent first = first_agent(24), second = second_agent(24);

	bench_again_with(by_prefix);
	registered(bench, 24);
	bench_advertise(bench, &second);
	bench_accept(bench);
	bench_forget(bench);
	for (int i = 0; i < 10; i++) {
		bench_advertise(bench, &first);
		bench_advertise(bench, &second);
		bench_pass(bench, MIP_SECOND);
	}
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(agent_in_use(bench), BENCH_FA2);
}

static void test_an_agent_whose_lifetime_is_over_is_not_moved_to(void **state)
{
	/* rfc5944-2.4.2.2-3 */
	struct bench *bench = *state;
	struct bench_agent first = first_agent(24), second = second_agent(24);

	bench_again_with(by_prefix);
	bench_link(bench, BENCH_WWAN, true);
	second.lifetime = 1;
	bench_advertise(bench, &first);
	bench_forget(bench);
	/* The second is heard while the first request is still not answered, and no more. */
	bench_advertise(bench, &second);
	bench_pass(bench, 500 * MIP_MILLISECOND);
	bench_advertise(bench, &first);
	bench_pass(bench, 700 * MIP_MILLISECOND);
	bench_accept(bench);
	assert_int_equal(agent_in_use(bench), BENCH_FA1);
	bench_forget(bench);
	bench_pass(bench, 500 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(mn_core_agent_count(bench->core), 1);
}

static void test_eagerly_a_new_agent_is_moved_to_and_the_old_one_is_not_gone_back_to(void **state)
{
	struct bench *bench = *state;
	struct bench_agent first = first_agent(0), second = second_agent(0);

	bench_again_with(eagerly);
	registered(bench, 0);
	bench_advertise(bench, &second);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
	bench_accept(bench);
	bench_forget(bench);
	for (int i = 0; i < 10; i++) {
		bench_advertise(bench, &first);
		bench_advertise(bench, &second);
		bench_pass(bench, MIP_SECOND);
	}
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(agent_in_use(bench), BENCH_FA2);
	/* One that had gone and is back is new. */
	for (int i = 0; i < 8; i++) {
		bench_advertise(bench, &second);
		bench_pass(bench, 500 * MIP_MILLISECOND);
	}
	bench_advertise(bench, &first);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA1);
}

static void test_eagerly_it_registers_no_more_than_once_a_second(void **state)
{
	/* rfc5944-2.4.2-2 */
	struct bench *bench = *state;
	struct bench_agent agent = second_agent(0);

	bench_again_with(eagerly);
	registered(bench, 0);
	for (uint32_t i = 0; i < 100; i++) {
		agent.address = BENCH_FA2 + i;
		bench_advertise(bench, &agent);
		bench_pass(bench, 100 * MIP_MILLISECOND);
	}
	/* One at once, and ten seconds. */
	assert_in_range(bench_requests(bench), 5, 11);
}

static void eagerly_for_half_a_minute(struct mn_settings *settings)
{
	eagerly(settings);
	settings->lifetime = 30;
}

static bool was_asked(const struct bench *bench, uint32_t agent)
{
	return bench_requests(bench) > 0 &&
	       mip_address_number(bench_last_request(bench).destination) == agent;
}

/* rfc5944-3.6.2.2-3: the renewal comes before the end also when there is always somewhere else to go to; and that has
 * its turn all the same. */
static void test_eagerly_new_agents_do_not_starve_the_renewal(void **state)
{
	struct bench *bench = *state;
	struct bench_agent second = second_agent(0), first = first_agent(0);
	bool others = false;

	bench_again_with(eagerly_for_half_a_minute);
	registered(bench, 0);
	for (uint32_t i = 0; i < 27; i++) {
		second.address = BENCH_FA2 + i;
		bench_forget(bench);
		first.sequence++;
		bench_advertise(bench, &first);
		bench_advertise(bench, &second);
		bench_pass(bench, 990 * MIP_MILLISECOND);
		others = others || (bench_requests(bench) > 0 && !was_asked(bench, BENCH_FA1));
		if (was_asked(bench, BENCH_FA1)) {
			struct bench_request request = bench_last_request(bench);

			/* It takes its time, while more are heard. */
			second.address = BENCH_FA2 + 100;
			bench_advertise(bench, &second);
			bench_reply(bench, &request, &(struct bench_reply){.lifetime = 30});
			break;
		}
	}
	assert_true(others);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 0);
	/* The old one would have expired. */
	first.sequence++;
	bench_advertise(bench, &first);
	bench_pass(bench, 2500 * MIP_MILLISECOND);
	first.sequence++;
	bench_advertise(bench, &first);
	bench_pass(bench, 2500 * MIP_MILLISECOND);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(agent_in_use(bench), BENCH_FA1);
}

static void test_a_busy_agent_or_a_worse_interface_is_no_move(void **state)
{
	struct bench *bench = *state;
	struct bench_agent busy = second_agent(24), elsewhere = bench_fa2;

	bench_again_with(eagerly);
	/* wlan0 has the lower number. */
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &elsewhere);
	bench_accept(bench);
	bench_forget(bench);
	busy.link = BENCH_WLAN;
	busy.address = BENCH_FA1 + 1;
	busy.flags |= MIP_AGENT_B;
	bench_advertise(bench, &busy);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(agent_in_use(bench), BENCH_FA2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_lifetime_the_agent_stays_as_long_as_it_is_heard),
		TEST(test_by_prefix_an_agent_of_another_network_is_a_move),
		TEST(test_by_prefix_an_agent_of_the_same_network_is_no_move),
		TEST(test_without_the_prefix_of_either_agent_prefixes_say_nothing),
		TEST(test_with_a_co_located_address_prefixes_say_nothing),
		TEST(test_by_prefix_two_agents_that_are_both_heard_do_not_make_it_flap),
		TEST(test_an_agent_whose_lifetime_is_over_is_not_moved_to),
		TEST(test_eagerly_a_new_agent_is_moved_to_and_the_old_one_is_not_gone_back_to),
		TEST(test_eagerly_it_registers_no_more_than_once_a_second),
		TEST(test_eagerly_new_agents_do_not_starve_the_renewal),
		TEST(test_a_busy_agent_or_a_worse_interface_is_no_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Deployed home and foreign agents at the mobile node, by configuration alone: keyed-md5 (prefix+suffix), SPI
 * 256, lifetime 65534, an agent that does not answer solicitations, one that copies no more than the low 32
 * bits of the identification.
 */
#include "mn_bench.h"

static void old_home_agent(struct mn_settings *settings)
{
	static uint8_t key[16] = "0123456789abcdef";
	struct mip_association_settings association = {.spi = 256,
		.algorithm = MIP_ALGORITHM_KEYED_MD5,
		.key = {.octets = key, .length = sizeof(key)}};

	mip_association_unref(bench_of_test.home);
	assert_int_equal(mip_association_new(&association, &bench_of_test.home), 0);
	settings->home = bench_of_test.home;
	settings->lifetime = 65534;
}

static void test_with_keyed_md5_spi_256_and_lifetime_65534_it_registers(void **state)
{
	/* rfc5944-5.1-4 */
	struct bench *bench = *state;
	struct bench_agent agent = bench_fa1;
	struct mip_authentication authentication;
	struct mip_extensions extensions;
	struct bench_request request;

	bench_again_with(old_home_agent);
	agent.registration_lifetime = 65535;
	agent.lifetime = 9000;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 65534);
	bench_extensions_of(&request, &extensions);
	assert_int_equal(
		mip_authentication_read(
			mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION), &authentication),
		0);
	assert_int_equal(authentication.spi, 256);
	assert_int_equal(authentication.authenticator_length, 16);
	bench_accept(bench);
	assert_int_equal(bench_status(bench).lifetime, 65534);
	assert_true(bench_status(bench).remaining == 65534 * MIP_SECOND);
}

static void test_an_agent_that_does_not_answer_solicitations_is_found_by_its_own_rhythm(void **state)
{
	struct bench *bench = *state;

	bench_link(bench, BENCH_WWAN, true);
	bench_pass(bench, 20 * MIP_SECOND);
	assert_true(bench_solicitations(bench, BENCH_WWAN) >= 5);
	bench_advertise(bench, &bench_fa1);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	/* It is asked before its lifetime ends and is silent, and advertises in time all the same. */
	for (int i = 0; i < 10; i++) {
		struct bench_agent agent = bench_fa1;

		agent.sequence = (uint16_t)(agent.sequence + i);
		bench_pass(bench, 2900 * MIP_MILLISECOND);
		bench_advertise(bench, &agent);
		assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	}
	assert_int_equal(bench_requests(bench), 1);
}

static void test_of_the_identification_only_the_low_half_counts(void **state)
{
	struct bench *bench = *state;
	struct bench_request request;

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	request = bench_last_request(bench);
	bench_reply(bench, &request,
		&(struct bench_reply){.lifetime = 600, .identification_xor = 0xffffffffULL << 32});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_with_keyed_md5_spi_256_and_lifetime_65534_it_registers),
		TEST(test_an_agent_that_does_not_answer_solicitations_is_found_by_its_own_rhythm),
		TEST(test_of_the_identification_only_the_low_half_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

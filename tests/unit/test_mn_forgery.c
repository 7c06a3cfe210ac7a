/*
 * Replies that nobody with the key has sent, or that were sent before: the node believes none of them.
 */
#include "mn_bench.h"

#include "forgery.h"

enum {
	OCTET = 8,
	CODE = 1, /* the octet, RFC 5944 3.4 */
	CAPTURED = 5,
};

static struct bench *const bench = &bench_of_test;

static struct mip_association *home, *foreign;
static struct mn_foreign_agent_settings shared;

static void with_home(struct mn_settings *settings)
{
	settings->home = home;
}

static void with_both(struct mn_settings *settings)
{
	settings->home = home;
	shared = (struct mn_foreign_agent_settings){mip_address_of(BENCH_FA1), foreign};
	settings->foreign_agents = &shared;
	settings->foreign_agent_count = 1;
}

static void begin(enum mip_algorithm algorithm, void (*change)(struct mn_settings *settings))
{
	home = forgery_association(1000, algorithm);
	foreign = forgery_association(1001, algorithm);
	bench_again_with(change);
}

static void end(void)
{
	mip_association_unref(home);
	mip_association_unref(foreign);
}

static struct bench_request start_at_spot(void)
{
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	return bench_last_request(bench);
}

static struct bench_request start_at_fa1(void)
{
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	return bench_last_request(bench);
}

/* All bits but those of one octet; -1: really all. Nothing changes, and the reply as it was is believed after all that. */
static void flip_each_bit(const struct bench_request *request, struct bench_reply reply, int but)
{
	size_t length = bench_reply_length(bench, request, &reply);

	for (reply.flip = 1; reply.flip <= OCTET * length; reply.flip++) {
		if (but >= 0 && (reply.flip - 1) / OCTET == (size_t)but)
			continue;
		bench_reply(bench, request, &reply);
		if (bench_state(bench) != MN_STATE_REGISTERING || bench_status(bench).last_code != -1)
			fail_msg("bit %zu of a reply was believed", reply.flip - 1);
	}
	assert_int_equal(bench_counter(bench, "replies_received"), 0);
	reply.flip = 0;
	bench_reply(bench, request, &reply);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void no_bit_of_a_reply_can_be_flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORGERY_ALGORITHMS; i++) {
		struct bench_request request;

		begin(forgery_algorithms[i], with_home);
		request = start_at_spot();
		flip_each_bit(&request,
			(struct bench_reply){.lifetime = 600, .security = home, .udp = true, .keepalive = 20},
			-1);
		end();
	}
}

static void with_an_association_no_bit_of_the_foreign_agents_part_can_be_flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORGERY_ALGORITHMS; i++) {
		struct bench_request request;

		begin(forgery_algorithms[i], with_both);
		request = start_at_fa1();
		flip_each_bit(&request,
			(struct bench_reply){.lifetime = 600,
				.security = home,
				.foreign = foreign,
				.challenge = "challenge"},
			-1);
		end();
	}
}

/* What a foreign agent says of itself (codes 64 to 127) nobody vouches for without one; but it can only deny. */
static void without_one_the_code_can_be_made_a_foreign_agents_and_no_more(void **state)
{
	struct bench_request request;

	(void)state;
	begin(MIP_ALGORITHM_HMAC_MD5, with_home);
	request = start_at_fa1();
	flip_each_bit(&request, (struct bench_reply){.lifetime = 600, .security = home}, CODE);
	end();
	begin(MIP_ALGORITHM_HMAC_MD5, with_home);
	request = start_at_fa1();
	for (size_t bit = 1; bit <= OCTET; bit++)
		bench_reply(bench, &request,
			&(struct bench_reply){.lifetime = 600, .security = home, .flip = OCTET * CODE + bit});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	end();
}

/* Each reply of the past, in every order of two, at every moment of a new registration. */
static void no_reply_of_the_past_is_believed(void **state)
{
	struct bench_request past[CAPTURED], request;
	struct bench_reply accept = {.lifetime = 600}, deny = {.code = 129, .lifetime = 600};

	(void)state;
	request = start_at_spot();
	for (size_t i = 0; i < CAPTURED; i++) {
		past[i] = request = bench_last_request(bench);
		bench_reply(bench, &request, &accept);
		/* Not whole seconds: the low half of an identification is the fraction. */
		bench_pass(bench, 2 * MIP_SECOND + 17 * MIP_MILLISECOND);
		assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
		bench_collect(bench);
	}
	request = bench_last_request(bench);
	bench_pass(bench, 10 * MIP_MILLISECOND);
	for (size_t i = 0; i < CAPTURED; i++) {
		for (size_t j = 0; j < CAPTURED; j++) {
			bench_reply(bench, &past[i], &accept);
			bench_reply(bench, &past[j], &deny);
		}
	}
	assert_int_equal(bench_counter(bench, "replies_received"), CAPTURED);
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 2 * CAPTURED * CAPTURED);
	bench_reply(bench, &request, &accept);
	assert_int_equal(bench_counter(bench, "replies_received"), CAPTURED + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_bit_of_a_reply_can_be_flipped),
		TEST(with_an_association_no_bit_of_the_foreign_agents_part_can_be_flipped),
		TEST(without_one_the_code_can_be_made_a_foreign_agents_and_no_more),
		TEST(no_reply_of_the_past_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

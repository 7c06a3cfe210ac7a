/* Replay protection, RFC 5944 5.7: timestamps and nonces, both ends, and the roll-over of 2036. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "registration.h"
#include "replay.h"

/* 2026-11-23 12:00:00 UTC, and the second in which the NTP seconds run over: 2036-02-07 06:28:16 UTC. */
static const mip_time noon = 1795435200 * MIP_SECOND;
static const mip_time roll_over = 2085978496 * MIP_SECOND;

static struct mip_association *timestamps, *nonces;

static void counting_fill(void *context, void *octets, size_t length)
{
	uint32_t *counter = context;
	uint8_t *out = octets;

	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)(*counter >> 8 * (i % 4));
	(*counter)++;
}
static uint32_t counter;
static const struct mip_random counting = {counting_fill, &counter};

static int associations_make(void **state)
{
	uint8_t key[] = "secret";
	struct mip_association_settings settings = {.spi = 1000, .key = {key, 6}};
	int r;

	(void)state;
	r = mip_association_new(&settings, &timestamps);
	if (r < 0)
		return r;
	settings.replay = MIP_REPLAY_NONCE;
	return mip_association_new(&settings, &nonces);
}

static int associations_free(void **state)
{
	(void)state;
	mip_association_unref(timestamps);
	mip_association_unref(nonces);
	return 0;
}

static enum mip_replay_verdict judge(
	const struct mip_replay_state *state, uint64_t identification, mip_time wall)
{
	return mip_replay_judge(timestamps, state, identification, wall);
}

static void ntp_time_counts_from_1900(void **state)
{
	(void)state;
	assert_true(mip_ntp_of(0) == (uint64_t)2208988800 << 32);
	assert_true(mip_ntp_of(MIP_SECOND / 2) == ((uint64_t)2208988800 << 32 | 0x80000000));
	assert_true(mip_ntp_of(-1) >> 32 == 2208988799);
	assert_true(mip_ntp_of(roll_over) == 0);
	assert_true(mip_ntp_of(roll_over - 1) >> 32 == 0xffffffff);
}

static void differences_hold_across_2036(void **state)
{
	(void)state;
	assert_true(
		mip_ntp_difference(mip_ntp_of(noon + 5 * MIP_SECOND), mip_ntp_of(noon)) == 5 * MIP_SECOND);
	assert_true(
		mip_ntp_difference(mip_ntp_of(noon), mip_ntp_of(noon + 5 * MIP_SECOND)) == -5 * MIP_SECOND);
	assert_true(mip_ntp_difference(mip_ntp_of(roll_over + MIP_SECOND),
			    mip_ntp_of(roll_over - MIP_SECOND)) == 2 * MIP_SECOND);
	/* A node without a clock says 1970. */
	assert_true(mip_ntp_difference(mip_ntp_of(noon), mip_ntp_of(0)) == noon);
}

/* rfc5944-5.7-1, rfc5944-5.7.1-1, -5, -6 */
static void a_timestamp_near_ours_is_fresh(void **state)
{
	struct mip_replay_state replay = {0};

	(void)state;
	assert_int_equal(judge(&replay, mip_ntp_of(noon), noon), MIP_REPLAY_FRESH);
	assert_int_equal(judge(&replay, mip_ntp_of(noon - 7 * MIP_SECOND), noon), MIP_REPLAY_FRESH);
	assert_int_equal(judge(&replay, mip_ntp_of(noon + 7 * MIP_SECOND), noon), MIP_REPLAY_FRESH);
	assert_int_equal(judge(&replay, mip_ntp_of(noon - 8 * MIP_SECOND), noon), MIP_REPLAY_MISMATCH);
	assert_int_equal(judge(&replay, mip_ntp_of(noon + 8 * MIP_SECOND), noon), MIP_REPLAY_MISMATCH);
	assert_int_equal(judge(&replay, 0, noon), MIP_REPLAY_MISMATCH);
	assert_int_equal(judge(&replay, UINT64_MAX, noon), MIP_REPLAY_MISMATCH);
}

/* rfc5944-5.7.1-6 */
static void a_timestamp_must_be_later_than_the_last_accepted(void **state)
{
	struct mip_replay_state replay = {0};
	uint64_t first = mip_ntp_of(noon);

	(void)state;
	mip_replay_accept(&replay, timestamps, first);
	assert_int_equal(judge(&replay, first, noon), MIP_REPLAY_MISMATCH);
	assert_int_equal(judge(&replay, first - 1, noon), MIP_REPLAY_MISMATCH);
	assert_int_equal(judge(&replay, first + 1, noon), MIP_REPLAY_FRESH);
}

static void judging_alone_accepts_nothing(void **state)
{
	struct mip_replay_state replay = {0};

	(void)state;
	assert_int_equal(judge(&replay, mip_ntp_of(noon), noon), MIP_REPLAY_FRESH);
	assert_int_equal(judge(&replay, mip_ntp_of(noon), noon), MIP_REPLAY_FRESH);
	assert_false(replay.accepted_any);
}

static void registrations_go_on_through_the_roll_over_of_2036(void **state)
{
	struct mip_replay_state replay = {0};
	struct mip_replay_sender sender = {0};
	uint64_t last = 0;

	(void)state;
	for (int second = -3; second <= 3; second++) {
		mip_time wall = roll_over + second * MIP_SECOND;
		uint64_t identification = mip_replay_next(&sender, timestamps, wall, &counting);

		assert_int_equal(judge(&replay, identification, wall), MIP_REPLAY_FRESH);
		mip_replay_accept(&replay, timestamps, identification);
		if (second > -3)
			assert_int_equal(judge(&replay, last, wall), MIP_REPLAY_MISMATCH);
		last = identification;
	}
	assert_true(last >> 32 == 3);
}

static void the_reply_to_a_fresh_timestamp_copies_it_whole(void **state)
{
	struct mip_replay_state replay = {0};
	uint64_t identification = mip_ntp_of(noon - MIP_SECOND) | 0x12345;

	(void)state;
	assert_true(mip_replay_reply_identification(&replay, timestamps, MIP_REPLAY_FRESH, identification,
			    noon, &counting) == identification);
}

/* rfc5944-5.7-3, rfc5944-5.7.1-7 */
static void the_reply_to_a_mismatch_has_our_seconds_and_the_requests_low_half(void **state)
{
	struct mip_replay_state replay = {0};
	uint64_t reply = mip_replay_reply_identification(
		&replay, timestamps, MIP_REPLAY_MISMATCH, 0x0000000112345678, noon, &counting);

	(void)state;
	assert_true(reply >> 32 == mip_ntp_of(noon) >> 32);
	assert_true((uint32_t)reply == 0x12345678);
}

/* rfc5944-5.7-1, -5, rfc5944-5.7.1-2, -4 */
static void identifications_of_a_node_only_grow(void **state)
{
	struct mip_replay_sender sender = {0};
	uint64_t first, second, third;

	(void)state;
	first = mip_replay_next(&sender, timestamps, noon, &counting);
	assert_true(first >> 32 == mip_ntp_of(noon) >> 32);
	second = mip_replay_next(&sender, timestamps, noon, &counting);
	third = mip_replay_next(
		&sender, timestamps, noon - 3600 * MIP_SECOND, &counting); /* the clock was set back */
	assert_true(second > first);
	assert_true(third > second);
}

static void mixing_fill(void *context, void *octets, size_t length)
{
	uint64_t *value = context;
	uint8_t *out = octets;

	for (size_t i = 0; i < length; i++) {
		*value = *value * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(*value >> 56);
	}
}

/* rfc5944-5.7.1-3: the fraction of a second is the clock's as far as that reaches; the bits beyond it are
 * random. */
static void the_bits_that_no_clock_has_are_random(void **state)
{
	uint64_t value = 1, now = mip_ntp_of(noon), seen = 0;
	const struct mip_random mixing = {mixing_fill, &value};

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct mip_replay_sender sender = {0};
		uint64_t sent = mip_replay_next(&sender, timestamps, noon, &mixing);

		assert_in_range(sent - now, 0, (1u << 26) - 1);
		seen |= sent - now;
	}
	assert_int_equal(seen, (1u << 26) - 1);
}

/* Repetitions leave whole seconds apart. With the same low-order half an old acceptance would be taken for one of the next
 * request. */
static void requests_whole_seconds_apart_have_other_low_halves(void **state)
{
	enum { REQUESTS = 500 };
	static uint32_t low[REQUESTS];
	uint64_t value = 1;
	const struct mip_random mixing = {mixing_fill, &value};
	struct mip_replay_sender sender = {0};

	(void)state;
	for (int i = 0; i < REQUESTS; i++) {
		low[i] = (uint32_t)mip_replay_next(&sender, timestamps, noon + i * MIP_SECOND, &mixing);
		for (int before = 0; before < i; before++)
			assert_false(mip_replay_matches(low[i], low[before]));
	}
}

static void a_node_with_a_wrong_clock_learns_from_code_133(void **state)
{
	/* rfc5944-3.6.2.3-3 */
	static const mip_time clocks[] = {0, 3600 * MIP_SECOND, 1795435200 * MIP_SECOND - 1,
		1795435200 * MIP_SECOND + 3600 * MIP_SECOND, 4000000000 * MIP_SECOND};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(clocks); i++) {
		struct mip_replay_state replay = {0};
		struct mip_replay_sender sender = {0};
		uint64_t sent = mip_replay_next(&sender, timestamps, clocks[i], &counting), reply;
		enum mip_replay_verdict verdict = judge(&replay, sent, noon);

		reply = mip_replay_reply_identification(&replay, timestamps, verdict, sent, noon, &counting);
		assert_true(mip_replay_matches(sent, reply));
		mip_replay_learn(&sender, timestamps, MIP_CODE_HA_IDENTIFICATION_MISMATCH, reply,
			clocks[i] + 10 * MIP_MILLISECOND);
		sent = mip_replay_next(&sender, timestamps, clocks[i] + MIP_SECOND, &counting);
		assert_int_equal(judge(&replay, sent, noon + MIP_SECOND), MIP_REPLAY_FRESH);
	}
}

static void a_node_that_restarts_within_the_second_gets_through_at_the_second_try(void **state)
{
	struct mip_replay_state replay = {0};
	struct mip_replay_sender sender = {.clock_offset = 900 * MIP_MILLISECOND};
	uint64_t sent = mip_replay_next(&sender, timestamps, noon, &counting), reply;

	(void)state;
	mip_replay_accept(&replay, timestamps, sent);
	sender = (struct mip_replay_sender){0};
	sent = mip_replay_next(&sender, timestamps, noon + 100 * MIP_MILLISECOND, &counting);
	assert_int_equal(judge(&replay, sent, noon + 100 * MIP_MILLISECOND), MIP_REPLAY_MISMATCH);
	reply = mip_replay_reply_identification(
		&replay, timestamps, MIP_REPLAY_MISMATCH, sent, noon + 100 * MIP_MILLISECOND, &counting);
	mip_replay_learn(&sender, timestamps, MIP_CODE_HA_IDENTIFICATION_MISMATCH, reply,
		noon + 110 * MIP_MILLISECOND);
	sent = mip_replay_next(&sender, timestamps, noon + 120 * MIP_MILLISECOND, &counting);
	assert_int_equal(judge(&replay, sent, noon + 120 * MIP_MILLISECOND), MIP_REPLAY_FRESH);
}

static void only_a_reply_of_the_home_agent_sets_the_clock(void **state)
{
	/* rfc5944-3.6.2.3-4 */
	struct mip_replay_sender sender = {0};
	uint64_t sent = mip_replay_next(&sender, timestamps, noon, &counting);
	uint64_t far = mip_ntp_of(noon + 100 * MIP_SECOND);

	(void)state;
	mip_replay_learn(&sender, timestamps, MIP_CODE_ACCEPTED, far, noon);
	mip_replay_learn(&sender, timestamps, MIP_CODE_FA_UNSPECIFIED, far, noon);
	mip_replay_learn(&sender, timestamps, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION, far, noon);
	mip_replay_learn(&sender, timestamps, MIP_CODE_HA_UNKNOWN_HOME_AGENT, sent, noon);
	assert_true(sender.clock_offset == 0);
	mip_replay_learn(&sender, timestamps, MIP_CODE_HA_UNKNOWN_HOME_AGENT, far, noon);
	assert_true(sender.clock_offset >= 100 * MIP_SECOND && sender.clock_offset < 101 * MIP_SECOND);
}

/* rfc5944-5.7-4 */
static void low_halves_are_compared(void **state)
{
	(void)state;
	assert_true(mip_replay_matches(0x1111111122222222, 0x3333333322222222));
	for (unsigned bit = 0; bit < 64; bit++)
		assert_int_equal(
			mip_replay_matches(0x1111111122222222, 0x1111111122222222 ^ UINT64_C(1) << bit),
			bit >= 32);
}

/* One exchange with nonces; the code of the reply, and the identification that was sent. */
static enum mip_replay_verdict exchange(
	struct mip_replay_sender *sender, struct mip_replay_state *replay, uint64_t *ret_sent)
{
	uint64_t sent = mip_replay_next(sender, nonces, noon, &counting), reply;
	enum mip_replay_verdict verdict = mip_replay_judge(nonces, replay, sent, noon);

	if (verdict == MIP_REPLAY_FRESH)
		mip_replay_accept(replay, nonces, sent);
	reply = mip_replay_reply_identification(replay, nonces, verdict, sent, noon, &counting);
	assert_true(mip_replay_matches(sent, reply));
	assert_true(reply >> 32 != sent >> 32);
	mip_replay_learn(sender, nonces,
		verdict == MIP_REPLAY_FRESH ? MIP_CODE_ACCEPTED : MIP_CODE_HA_IDENTIFICATION_MISMATCH, reply,
		noon);
	*ret_sent = sent;
	return verdict;
}

/* rfc5944-5.7-2, -3, -5, rfc5944-5.7.2-1 */
static void nonces_synchronise_themselves(void **state)
{
	struct mip_replay_sender sender = {0};
	struct mip_replay_state replay = {0};
	uint64_t first, second, third;

	(void)state;
	assert_int_equal(exchange(&sender, &replay, &first), MIP_REPLAY_MISMATCH);
	assert_int_equal(exchange(&sender, &replay, &second), MIP_REPLAY_FRESH);
	assert_int_equal(exchange(&sender, &replay, &third), MIP_REPLAY_FRESH);
	assert_true(second >> 32 != third >> 32);
	assert_true((uint32_t)second != (uint32_t)third);
	/* The home agent lost its state. */
	replay = (struct mip_replay_state){0};
	assert_int_equal(exchange(&sender, &replay, &first), MIP_REPLAY_MISMATCH);
	assert_int_equal(exchange(&sender, &replay, &first), MIP_REPLAY_FRESH);
}

static void a_nonce_is_good_once(void **state)
{
	struct mip_replay_sender sender = {0};
	struct mip_replay_state replay = {0};
	uint64_t sent;

	(void)state;
	exchange(&sender, &replay, &sent);
	assert_int_equal(exchange(&sender, &replay, &sent), MIP_REPLAY_FRESH);
	assert_int_equal(mip_replay_judge(nonces, &replay, sent, noon), MIP_REPLAY_MISMATCH);
}

static void a_nonce_is_used_up_even_before_the_reply(void **state)
{
	struct mip_replay_state replay = {.nonce = 5, .has_nonce = true};
	uint64_t sent = (uint64_t)5 << 32 | 9;

	(void)state;
	assert_int_equal(mip_replay_judge(nonces, &replay, sent, noon), MIP_REPLAY_FRESH);
	mip_replay_accept(&replay, nonces, sent);
	assert_int_equal(mip_replay_judge(nonces, &replay, sent, noon), MIP_REPLAY_MISMATCH);
	/* and the new one stands, in whichever order the two are called */
	replay = (struct mip_replay_state){.nonce = 5, .has_nonce = true};
	mip_replay_reply_identification(&replay, nonces, MIP_REPLAY_FRESH, sent, noon, &counting);
	mip_replay_accept(&replay, nonces, sent);
	assert_true(replay.has_nonce);
	assert_int_not_equal(replay.nonce, 5);
}

static void a_request_that_was_lost_leaves_the_nonce_usable(void **state)
{
	struct mip_replay_sender sender = {0};
	struct mip_replay_state replay = {0};
	uint64_t sent;

	(void)state;
	exchange(&sender, &replay, &sent);
	mip_replay_next(&sender, nonces, noon, &counting); /* lost */
	assert_int_equal(exchange(&sender, &replay, &sent), MIP_REPLAY_FRESH);
}

static void a_foreign_agents_denial_brings_no_nonce(void **state)
{
	struct mip_replay_sender sender = {.home_agent_nonce = 5, .has_nonce = true};

	(void)state;
	mip_replay_learn(&sender, nonces, MIP_CODE_FA_TIMEOUT, (uint64_t)9 << 32, noon);
	mip_replay_learn(&sender, nonces, MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS, (uint64_t)9 << 32, noon);
	assert_int_equal(sender.home_agent_nonce, 5);
	mip_replay_learn(&sender, nonces, MIP_CODE_HA_PROHIBITED, (uint64_t)9 << 32, noon);
	assert_int_equal(sender.home_agent_nonce, 9);
}

static void fill_zeros(void *context, void *octets, size_t length)
{
	(void)context;
	memset(octets, 0, length);
}

static const struct mip_random zeros = {fill_zeros, NULL};

static void a_nonce_is_another_one_whatever_the_random_source_says(void **state)
{
	struct mip_replay_state state_of_node = {0};
	uint32_t first, second;

	(void)state;
	first = (uint32_t)(mip_replay_reply_identification(&state_of_node, nonces, MIP_REPLAY_MISMATCH, 7,
				   1700000000 * MIP_SECOND, &zeros) >>
			   32);
	second = (uint32_t)(mip_replay_reply_identification(&state_of_node, nonces, MIP_REPLAY_MISMATCH, 8,
				    1700000000 * MIP_SECOND, &zeros) >>
			    32);
	assert_int_not_equal(first, second);
}

/* There the timestamp is 0, which a sender that has sent nothing takes for its last. */
static void the_first_identification_at_the_roll_over_is_not_zero(void **state)
{
	struct mip_replay_sender sender = {0};

	(void)state;
	assert_true(mip_replay_next(&sender, timestamps, roll_over, &zeros) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ntp_time_counts_from_1900),
		cmocka_unit_test(differences_hold_across_2036),
		cmocka_unit_test(a_timestamp_near_ours_is_fresh),
		cmocka_unit_test(a_timestamp_must_be_later_than_the_last_accepted),
		cmocka_unit_test(judging_alone_accepts_nothing),
		cmocka_unit_test(registrations_go_on_through_the_roll_over_of_2036),
		cmocka_unit_test(the_reply_to_a_fresh_timestamp_copies_it_whole),
		cmocka_unit_test(the_reply_to_a_mismatch_has_our_seconds_and_the_requests_low_half),
		cmocka_unit_test(identifications_of_a_node_only_grow),
		cmocka_unit_test(the_bits_that_no_clock_has_are_random),
		cmocka_unit_test(requests_whole_seconds_apart_have_other_low_halves),
		cmocka_unit_test(a_node_with_a_wrong_clock_learns_from_code_133),
		cmocka_unit_test(a_node_that_restarts_within_the_second_gets_through_at_the_second_try),
		cmocka_unit_test(only_a_reply_of_the_home_agent_sets_the_clock),
		cmocka_unit_test(low_halves_are_compared),
		cmocka_unit_test(nonces_synchronise_themselves),
		cmocka_unit_test(a_nonce_is_good_once),
		cmocka_unit_test(a_nonce_is_used_up_even_before_the_reply),
		cmocka_unit_test(a_request_that_was_lost_leaves_the_nonce_usable),
		cmocka_unit_test(a_foreign_agents_denial_brings_no_nonce),
		cmocka_unit_test(a_nonce_is_another_one_whatever_the_random_source_says),
		cmocka_unit_test(the_first_identification_at_the_roll_over_is_not_zero),
	};

	return cmocka_run_group_tests(tests, associations_make, associations_free);
}

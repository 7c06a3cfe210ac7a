/* Rates of what strangers can cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "rate.h"

enum {
	MOST = 4,
	STRANGERS = 1000000,
};

static const mip_time begin = 1000 * MIP_SECOND;

static void so_many_at_once_and_then_one_after_the_other(void **state)
{
	struct mip_rate rate = {0};

	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_true(mip_rate_take(&rate, MOST, begin));
	assert_false(mip_rate_take(&rate, MOST, begin));
	assert_false(mip_rate_take(&rate, MOST, begin + MIP_SECOND / MOST - 1));
	assert_true(mip_rate_take(&rate, MOST, begin + MIP_SECOND / MOST));
	assert_false(mip_rate_take(&rate, MOST, begin + MIP_SECOND / MOST));
}

static void what_is_refused_costs_nothing(void **state)
{
	struct mip_rate rate = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)mip_rate_take(&rate, MOST, begin);
	assert_true(mip_rate_take(&rate, MOST, begin + MIP_SECOND / MOST));
}

static void a_rest_is_worth_a_second_and_no_more(void **state)
{
	struct mip_rate rate = {0};
	int taken = 0;

	(void)state;
	assert_true(mip_rate_take(&rate, MOST, begin));
	while (mip_rate_take(&rate, MOST, begin + 100 * MIP_SECOND))
		taken++;
	assert_int_equal(taken, MOST);
}

static void without_a_limit_all_may(void **state)
{
	struct mip_rate rate = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(mip_rate_take(&rate, 0, begin));
}

static void fill(void *context, void *octets, size_t length)
{
	memset(octets, *(const int *)context, length);
}

static void each_source_has_its_own_and_a_million_take_no_more_room(void **state)
{
	static struct mip_rate_table table;
	int seed = 7, refused = 0;
	const struct mip_random random = {fill, &seed};

	(void)state;
	mip_rate_table_init(&table, &random);
	for (uint32_t source = 0; source < STRANGERS; source++)
		(void)mip_rate_table_take(&table, &source, sizeof(source), MOST, begin);
	/* They use up all that there is, and a second later nobody is worse off for it. */
	for (uint32_t source = 0; source < 100; source++)
		refused += !mip_rate_table_take(&table, &source, sizeof(source), MOST, begin + MIP_SECOND);
	assert_true(refused < 5);
}

static void who_shares_a_place_is_a_secret(void **state)
{
	static struct mip_rate_table one, other;
	int seed = 1, differing = 0;
	const struct mip_random random = {fill, &seed};

	(void)state;
	mip_rate_table_init(&one, &random);
	seed = 2;
	mip_rate_table_init(&other, &random);
	for (uint32_t source = 0; source < 100; source++) {
		(void)mip_rate_table_take(&one, &source, sizeof(source), 1, begin);
		(void)mip_rate_table_take(&other, &source, sizeof(source), 1, begin);
	}
	for (size_t i = 0; i < MIP_RATE_PLACES; i++)
		differing += (one.places[i].until != 0) != (other.places[i].until != 0);
	assert_true(differing > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_and_then_one_after_the_other),
		cmocka_unit_test(what_is_refused_costs_nothing),
		cmocka_unit_test(a_rest_is_worth_a_second_and_no_more),
		cmocka_unit_test(without_a_limit_all_may),
		cmocka_unit_test(each_source_has_its_own_and_a_million_take_no_more_room),
		cmocka_unit_test(who_shares_a_place_is_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

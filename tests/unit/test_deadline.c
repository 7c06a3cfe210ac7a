/* The heap of deadlines, against a model that searches. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "deadline.h"

static void deadlines_come_out_in_order_of_their_times(void **state)
{
	struct mip_deadlines heap = {0};
	struct mip_deadline d[5] = {{0}};
	static const mip_time times[5] = {50, 10, 40, 10, 30};
	mip_time last = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(mip_deadline_set(&heap, &d[i], times[i]), 0);
	assert_int_equal(mip_deadlines_next(&heap), 10);
	for (size_t i = 0; i < 5; i++) {
		struct mip_deadline *first = mip_deadlines_pop(&heap, 50);

		assert_non_null(first);
		assert_true(first->at >= last);
		assert_false(mip_deadline_is_set(first));
		last = first->at;
	}
	assert_int_equal(mip_deadlines_next(&heap), MIP_NEVER);
	assert_null(mip_deadlines_pop(&heap, MIP_NEVER));
	mip_deadlines_clear(&heap);
}

static void a_deadline_is_due_at_its_time_and_not_before(void **state)
{
	struct mip_deadlines heap = {0};
	struct mip_deadline d = {.kind = 7};

	(void)state;
	mip_deadline_set(&heap, &d, 100);
	assert_null(mip_deadlines_pop(&heap, 99));
	assert_true(mip_deadline_is_set(&d));
	assert_ptr_equal(mip_deadlines_pop(&heap, 100), &d);
	assert_int_equal(d.kind, 7);
	mip_deadlines_clear(&heap);
}

static void never_cancels(void **state)
{
	struct mip_deadlines heap = {0};
	struct mip_deadline a = {0}, b = {0};

	(void)state;
	mip_deadline_set(&heap, &a, 1);
	mip_deadline_set(&heap, &b, 2);
	assert_int_equal(mip_deadline_set(&heap, &a, MIP_NEVER), 0);
	assert_false(mip_deadline_is_set(&a));
	assert_int_equal(mip_deadlines_next(&heap), 2);
	mip_deadline_cancel(&heap, &a); /* twice is fine */
	assert_int_equal(mip_deadline_set(&heap, &a, MIP_NEVER), 0);
	assert_int_equal(heap.count, 1);
	mip_deadlines_clear(&heap);
	mip_deadlines_clear(NULL);
}

enum {
	MANY = 300,
	STEPS = 60000,
};

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static mip_time earliest(const struct mip_deadline *deadlines, const bool *set)
{
	mip_time first = MIP_NEVER;

	for (size_t i = 0; i < MANY; i++) {
		if (set[i] && deadlines[i].at < first)
			first = deadlines[i].at;
	}
	return first;
}

static void random_operations_agree_with_a_naive_model(void **state)
{
	static struct mip_deadline deadlines[MANY];
	static bool set[MANY];
	struct mip_deadlines heap = {0};
	uint32_t seed = 2463534242;
	size_t count = 0;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		size_t i = next_random(&seed) % MANY;
		uint32_t action = next_random(&seed) % 8;

		if (action < 5) {
			mip_time at = next_random(&seed) % 1000;

			assert_int_equal(mip_deadline_set(&heap, &deadlines[i], at), 0);
			assert_int_equal(deadlines[i].at, at);
			count += !set[i];
			set[i] = true;
		} else if (action == 5) {
			mip_deadline_cancel(&heap, &deadlines[i]);
			count -= set[i];
			set[i] = false;
		} else {
			mip_time now = next_random(&seed) % 1000;
			mip_time first = earliest(deadlines, set);
			struct mip_deadline *popped = mip_deadlines_pop(&heap, now);

			assert_int_equal(popped != NULL, first <= now);
			if (popped != NULL) {
				assert_int_equal(popped->at, first);
				set[popped - deadlines] = false;
				count--;
			}
		}
		assert_int_equal(mip_deadlines_next(&heap), earliest(deadlines, set));
		assert_int_equal(heap.count, count);
		assert_int_equal(mip_deadline_is_set(&deadlines[i]), set[i]);
	}
	mip_deadlines_clear(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_come_out_in_order_of_their_times),
		cmocka_unit_test(a_deadline_is_due_at_its_time_and_not_before),
		cmocka_unit_test(never_cancels),
		cmocka_unit_test(random_operations_agree_with_a_naive_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

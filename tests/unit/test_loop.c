/* The event loop: settle and its timer, descriptors, signals. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "loop.h"

static int setup(void **state)
{
	struct mip_loop *loop;

	assert_int_equal(mip_loop_new(&loop), 0);
	*state = loop;
	alarm(20); /* a loop that never wakes ends the test */
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	mip_loop_free(*state);
	return 0;
}

struct timing {
	struct mip_loop *loop;
	mip_time wake;
	mip_time woken;
	int calls;
};

static mip_time settle_once(void *context)
{
	struct timing *timing = context;
	mip_time now = mip_clock_now().boot;

	timing->calls++;
	if (now < timing->wake)
		return timing->wake;
	timing->woken = now;
	mip_loop_stop(timing->loop);
	return MIP_NEVER;
}

static void settle_is_called_again_when_its_time_has_come(void **state)
{
	struct timing timing = {.loop = *state, .wake = mip_clock_now().boot + 30 * MIP_MILLISECOND};

	mip_loop_settle(*state, settle_once, &timing);
	mip_loop_run(*state);
	assert_true(timing.woken >= timing.wake);
	assert_true(timing.woken < timing.wake + 5 * MIP_SECOND);
	/* once before it blocked, once when it was due: it does not spin in between */
	assert_in_range(timing.calls, 2, 4);
}

static void a_time_in_the_past_wakes_at_once(void **state)
{
	struct timing timing = {.loop = *state, .wake = -5};

	mip_loop_settle(*state, settle_once, &timing);
	mip_loop_run(*state);
	assert_int_equal(timing.calls, 1);
}

static mip_time settle_twice(void *context)
{
	struct timing *timing = context;

	if (++timing->calls == 3)
		mip_loop_stop(timing->loop);
	return 1; /* the same past time again and again */
}

static void the_same_past_time_wakes_again(void **state)
{
	struct timing timing = {.loop = *state};

	mip_loop_settle(*state, settle_twice, &timing);
	mip_loop_run(*state);
	assert_int_equal(timing.calls, 3);
}

static mip_time settle_earlier(void *context)
{
	struct timing *timing = context;
	mip_time now = mip_clock_now().boot;

	if (timing->calls++ == 0)
		return now + 3600 * MIP_SECOND;
	if (timing->wake == 0)
		timing->wake = now + 20 * MIP_MILLISECOND;
	if (now < timing->wake)
		return timing->wake;
	mip_loop_stop(timing->loop);
	return MIP_NEVER;
}

static void read_and_forget(void *context, int descriptor, unsigned events)
{
	char c;

	(void)context;
	(void)events;
	assert_int_equal(read(descriptor, &c, 1), 1);
}

static void a_deadline_can_be_moved_forward(void **state)
{
	struct timing timing = {.loop = *state};
	struct mip_watch *watch;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(mip_loop_watch(*state, pipes[0], MIP_WATCH_READ, read_and_forget, NULL, &watch), 0);
	mip_loop_settle(*state, settle_earlier, &timing);
	mip_loop_run(*state); /* an hour, unless the input moves it */
	assert_in_range(timing.calls, 3, 6);
	mip_watch_free(watch);
	close(pipes[0]);
	close(pipes[1]);
}

struct heard {
	struct mip_loop *loop;
	struct mip_watch *watch;
	unsigned events;
	int calls;
};

static void hear_and_free(void *context, int descriptor, unsigned events)
{
	struct heard *heard = context;

	(void)descriptor;
	heard->calls++;
	heard->events |= events;
	mip_watch_free(heard->watch);
	heard->watch = NULL;
	mip_loop_stop(heard->loop);
}

static void a_watch_may_be_freed_from_its_own_function(void **state)
{
	struct heard heard = {.loop = *state};
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(
		mip_loop_watch(*state, pipes[0], MIP_WATCH_READ, hear_and_free, &heard, &heard.watch), 0);
	mip_loop_run(*state);
	assert_int_equal(heard.calls, 1);
	assert_int_equal(heard.events, MIP_WATCH_READ);
	close(pipes[0]);
	close(pipes[1]);
}

static mip_time settle_resume(void *context)
{
	struct heard *heard = context;
	mip_time now = mip_clock_now().boot;

	if (heard->events == 0) { /* first time: nothing may come while it is paused */
		heard->events = 0x100;
		return now + 20 * MIP_MILLISECOND;
	}
	assert_int_equal(heard->calls, 0);
	mip_watch_change(heard->watch, MIP_WATCH_WRITE);
	return MIP_NEVER;
}

static void a_paused_watch_hears_nothing_until_it_is_changed(void **state)
{
	struct heard heard = {.loop = *state};
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(
		mip_loop_watch(*state, pipes[1], MIP_WATCH_WRITE, hear_and_free, &heard, &heard.watch), 0);
	mip_watch_change(heard.watch, 0);
	mip_loop_settle(*state, settle_resume, &heard);
	mip_loop_run(*state);
	assert_int_equal(heard.calls, 1);
	assert_int_equal(heard.events, 0x100 | MIP_WATCH_WRITE);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_descriptor_that_is_none_is_refused(void **state)
{
	struct mip_watch *watch;

	assert_int_equal(mip_loop_watch(*state, -1, MIP_WATCH_READ, hear_and_free, NULL, &watch), -EBADF);
	mip_watch_free(NULL);
	mip_loop_free(NULL);
}

static void stop_on_signal(void *context)
{
	struct timing *timing = context;

	timing->calls++;
	mip_loop_stop(timing->loop);
}

static void a_signal_is_delivered_in_the_loop(void **state)
{
	struct timing timing = {.loop = *state};

	assert_int_equal(mip_loop_signal(*state, SIGUSR1, stop_on_signal, &timing), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(timing.calls, 0);
	mip_loop_run(*state);
	assert_int_equal(timing.calls, 1);
}

static void a_stop_before_the_run_is_not_forgotten(void **state)
{
	struct timing timing = {.loop = *state, .wake = mip_clock_now().boot + 10 * MIP_MILLISECOND};

	mip_loop_stop(*state);
	mip_loop_run(*state); /* returns at once */
	mip_loop_settle(*state, settle_once, &timing);
	mip_loop_run(*state); /* runs: the stop was for one run */
	assert_true(timing.woken >= timing.wake);
}

static void random_octets_are_filled_to_the_end(void **state)
{
	uint8_t a[4096] = {0};
	uint8_t b[4096] = {0};
	size_t zeros = 0;

	(void)state;
	mip_system_random.fill(mip_system_random.context, a, sizeof(a) - 1);
	mip_system_random.fill(mip_system_random.context, b, sizeof(b) - 1);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(a[sizeof(a) - 1], 0);
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	assert_in_range(zeros, 0, 100); /* 16 expected */
}

#define LOOP_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(settle_is_called_again_when_its_time_has_come),
		LOOP_TEST(a_time_in_the_past_wakes_at_once),
		LOOP_TEST(the_same_past_time_wakes_again),
		LOOP_TEST(a_deadline_can_be_moved_forward),
		LOOP_TEST(a_watch_may_be_freed_from_its_own_function),
		LOOP_TEST(a_paused_watch_hears_nothing_until_it_is_changed),
		LOOP_TEST(a_descriptor_that_is_none_is_refused),
		LOOP_TEST(a_signal_is_delivered_in_the_loop),
		LOOP_TEST(a_stop_before_the_run_is_not_forgotten),
		cmocka_unit_test(random_octets_are_filled_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

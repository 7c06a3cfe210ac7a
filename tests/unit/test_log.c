/* The log sink's door and its limit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "log.h"

struct heard {
	char line[64];
	enum mip_log_level level;
	int lines;
};

static void hear(void *context, enum mip_log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void hear(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	struct heard *heard = context;

	vsnprintf(heard->line, sizeof(heard->line), format, arguments);
	heard->level = level;
	heard->lines++;
}

static void a_line_reaches_the_sink_with_its_level(void **state)
{
	struct heard heard = {0};
	const struct mip_log log = {.write = hear, .context = &heard};

	(void)state;
	mip_log(&log, MIP_LOG_WARNING, "code %d for %s", 131, "10.1.0.50");
	assert_string_equal(heard.line, "code 131 for 10.1.0.50");
	assert_int_equal(heard.level, MIP_LOG_WARNING);
}

static void no_sink_is_a_silent_one(void **state)
{
	const struct mip_log silent = {0};

	(void)state;
	mip_log(NULL, MIP_LOG_ERROR, "nobody hears");
	mip_log(&silent, MIP_LOG_ERROR, "nobody hears");
}

static void a_limit_lets_its_burst_through_and_counts_the_rest(void **state)
{
	struct mip_log_limit limit = {.interval = 5 * MIP_SECOND, .burst = 2};
	uint64_t missed = 99;

	(void)state;
	assert_true(mip_log_allowed(&limit, 100 * MIP_SECOND, &missed));
	assert_int_equal(missed, 0);
	assert_true(mip_log_allowed(&limit, 101 * MIP_SECOND, NULL));
	assert_false(mip_log_allowed(&limit, 102 * MIP_SECOND, &missed));
	assert_false(mip_log_allowed(&limit, 105 * MIP_SECOND - 1, &missed));
	assert_true(mip_log_allowed(&limit, 105 * MIP_SECOND, &missed));
	assert_int_equal(missed, 2);
	assert_true(mip_log_allowed(&limit, 106 * MIP_SECOND, &missed));
	assert_int_equal(missed, 0);
}

static void a_zeroed_limit_is_ten_lines_in_ten_seconds(void **state)
{
	struct mip_log_limit limit = {0};
	/* early, when a window that began at 0 would be nearly over */
	mip_time now = 9 * MIP_SECOND;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(mip_log_allowed(&limit, now, NULL));
	assert_false(mip_log_allowed(&limit, now + 10 * MIP_SECOND - 1, NULL));
	assert_true(mip_log_allowed(&limit, now + 10 * MIP_SECOND, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_reaches_the_sink_with_its_level),
		cmocka_unit_test(no_sink_is_a_silent_one),
		cmocka_unit_test(a_limit_lets_its_burst_through_and_counts_the_rest),
		cmocka_unit_test(a_zeroed_limit_is_ten_lines_in_ten_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

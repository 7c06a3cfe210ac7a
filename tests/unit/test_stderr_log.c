/* The daemons' log: which lines are written, and how they look. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stderr_log.h"

/* Standard error goes to a file in the meantime. */
struct capture {
	FILE *file;
	int saved;
	char text[8192];
};

static void begin(struct capture *capture)
{
	capture->file = tmpfile();
	assert_non_null(capture->file);
	capture->saved = dup(STDERR_FILENO);
	assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

static const char *end(struct capture *capture)
{
	size_t length;

	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	close(capture->saved);
	rewind(capture->file);
	length = fread(capture->text, 1, sizeof(capture->text) - 1, capture->file);
	capture->text[length] = '\0';
	fclose(capture->file);
	return capture->text;
}

static void lines_above_the_chosen_level_are_written_with_the_time(void **state)
{
	struct capture capture;
	const struct mip_log *log;
	int year, month, day;
	const char *text;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	begin(&capture);
	log = mip_stderr_log("mip-ha", MIP_LOG_NOTICE);
	mip_log(log, MIP_LOG_INFO, "too little");
	mip_log(log, MIP_LOG_NOTICE, "binding %d", 7);
	text = end(&capture);
	assert_int_equal(sscanf(text, "%4d-%2d-%2dT", &year, &month, &day), 3);
	assert_non_null(strstr(text, " mip-ha: binding 7\n"));
	assert_null(strstr(text, "too little"));
}

static void the_journal_gets_priorities(void **state)
{
	struct capture capture;
	struct stat status;
	char stream[64];

	(void)state;
	begin(&capture);
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	mip_log(mip_stderr_log("mip-ha", MIP_LOG_DEBUG), MIP_LOG_WARNING, "a");
	assert_string_equal(end(&capture), "<4>mip-ha: a\n");
	unsetenv("JOURNAL_STREAM");
}

static void a_journal_that_is_somebody_elses_is_not_ours(void **state)
{
	struct capture capture;

	(void)state;
	begin(&capture);
	setenv("JOURNAL_STREAM", "1:1", 1);
	mip_log(mip_stderr_log("mip-ha", MIP_LOG_DEBUG), MIP_LOG_WARNING, "a");
	assert_int_not_equal(end(&capture)[0], '<');
	unsetenv("JOURNAL_STREAM");
}

static void what_a_peer_sent_cannot_break_a_line(void **state)
{
	struct capture capture;
	char longest[5000];
	const char *text;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	begin(&capture);
	mip_log(mip_stderr_log("mip-ha", MIP_LOG_DEBUG), MIP_LOG_WARNING, "nai a\nb\x1b[31m %s", longest);
	text = end(&capture);
	assert_non_null(strstr(text, "nai a?b?[31m xxx"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_above_the_chosen_level_are_written_with_the_time),
		cmocka_unit_test(the_journal_gets_priorities),
		cmocka_unit_test(a_journal_that_is_somebody_elses_is_not_ours),
		cmocka_unit_test(what_a_peer_sent_cannot_break_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

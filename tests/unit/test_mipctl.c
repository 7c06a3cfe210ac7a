/*
 * mipctl: how answers look, and what the program returns, with a daemon made up of a thread and a socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "control.h"
#include "show.h"
#include "run.h"

/* --- what it looks like ----------------------------------------------------------------------- */

static void assert_printed(enum mipctl_form form, const char *json, bool colour, const char *expected)
{
	json_t *result = json_loads(json, 0, NULL);
	size_t length = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, &length);

	assert_non_null(result);
	mipctl_print(stream, form, result, colour);
	fclose(stream);
	assert_string_equal(text, expected);
	free(text);
	json_decref(result);
}

static void a_list_is_a_table_with_headings(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_TABLE,
		"{\"bindings\":["
		"{\"home_address\":\"10.1.0.50\",\"care_of_address\":\"10.2.0.1\",\"lifetime\":600,"
		"\"remaining\":8.25,"
		"\"reverse_tunnel\":true,\"nai\":null},"
		"{\"home_address\":\"10.1.0.100\",\"care_of_address\":null,\"lifetime\":65535,\"remaining\":"
		"null,"
		"\"reverse_tunnel\":false,\"nai\":\"alice@example.org\"}]}",
		false,
		"HOME ADDRESS  CARE-OF ADDRESS  LIFETIME  REMAINING  REVERSE  NAI\n"
		"10.1.0.50     10.2.0.1              600        8.2  yes      -\n"
		"10.1.0.100    -                infinite          -  no       alice@example.org\n");
}

static void an_empty_list_says_so(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_TABLE, "{\"visitors\":[]}", false, "no visitors\n");
}

static void lists_within_a_row_are_joined(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_TABLE,
		"{\"agents\":[{\"address\":\"10.2.0.1\",\"care_of_addresses\":[\"10.2.0.1\",\"10.2.0.2\"],"
		"\"flags\":\"RF\","
		"\"registration_lifetime\":65535}]}",
		false,
		"ADDRESS   CARE-OF ADDRESSES  FLAGS  REG. LIFETIME\n"
		"10.2.0.1  10.2.0.1,10.2.0.2  RF          infinite\n");
}

static void headings_are_bold_on_a_terminal(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_TABLE, "{\"agents\":[{\"address\":\"10.2.0.1\",\"age\":3}]}", true,
		"\033[1mADDRESS   AGE\033[0m\n10.2.0.1    3\n");
}

static void facts_stand_below_one_another(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_FACTS,
		"{\"state\":\"registered\",\"home_address\":\"10.1.0.50\",\"agent\":null,\"lifetime\":600,"
		"\"remaining\":412,"
		"\"uptime\":93784,\"last_code\":0}",
		false,
		"state:        registered\n"
		"home address: 10.1.0.50\n"
		"agent:        -\n"
		"lifetime:     600 s\n"
		"remaining:    412 s\n"
		"uptime:       1 d 2 h 3 min 4 s\n"
		"last code:    0\n");
	assert_printed(MIPCTL_FORM_FACTS, "{\"lifetime\":65535,\"uptime\":0}", false,
		"lifetime: infinite\nuptime:   0 s\n");
	assert_printed(MIPCTL_FORM_FACTS, "{}", false, "");
}

static void the_state_has_a_colour(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_FACTS, "{\"state\":\"registered\"}", true,
		"\033[1mstate: \033[0m\033[32mregistered\033[0m\n");
	assert_printed(MIPCTL_FORM_FACTS, "{\"state\":\"searching\"}", true,
		"\033[1mstate: \033[0m\033[33msearching\033[0m\n");
	assert_printed(MIPCTL_FORM_FACTS, "{\"state\":\"unreachable\"}", true,
		"\033[1mstate: \033[0m\033[31munreachable\033[0m\n");
}

static void counters_are_sorted_and_aligned(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_COUNTERS,
		"{\"requests_received\":12345,\"drop_malformed\":0,\"reply_131\":7}", false,
		"drop_malformed         0\n"
		"reply_131              7\n"
		"requests_received  12345\n");
}

static void metrics_are_printed_as_they_are(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_TEXT, "{\"text\":\"# TYPE a counter\\n# EOF\\n\"}", true,
		"# TYPE a counter\n# EOF\n");
	assert_printed(MIPCTL_FORM_TEXT, "{}", true, "");
}

static void events_are_lines_with_the_time(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_EVENTS,
		"{\"time\":1700000000.123,\"event\":\"handover\",\"from\":null,\"to\":\"wlan0\",\"lost\":0,"
		"\"soft\":true}",
		false, "2023-11-14 22:13:20.123  handover  from=-  to=wlan0  lost=0  soft=yes\n");
	assert_printed(MIPCTL_FORM_EVENTS, "{\"time\":1699999999.9996,\"event\":\"x\"}", false,
		"2023-11-14 22:13:20.000  x\n");
}

static void what_a_peer_chose_cannot_drive_the_terminal(void **state)
{
	(void)state;
	assert_printed(MIPCTL_FORM_TABLE,
		"{\"b\":[{\"nai\":\"a\\u001b[2J\\n\\u009bz\\u007f\",\"x\\u001b\":1}]}", false,
		"NAI        X?\n"
		"a?[2J??z?   1\n");
}

static void long_values_are_cut_between_characters(void **state)
{
	char text[MIPCTL_CELL], string[1024] = "";
	json_t *value;

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(string, "\xc3\xa9");
	value = json_string(string);
	mipctl_cell("nai", value, text);
	assert_int_equal(strlen(text), MIPCTL_CELL - 2);
	assert_int_equal(mipctl_width(text), MIPCTL_CELL / 2 - 1);
	json_decref(value);
}

/* --- what it returns -------------------------------------------------------------------------- */

struct daemon {
	char folder[64];
	char path[128];
	struct mip_loop *loop;
	struct mip_control *control;
	pthread_t thread;
	char out[4096];
	char error[4096];
};

static int answer(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct daemon *daemon = context;

	if (strcmp(command, "deregister") == 0) {
		mip_loop_stop(daemon->loop);
	} else if (strcmp(command, "revoke") == 0) {
		*ret_error = "there is no binding for this address";
		return argument && (strcmp(argument, "10.1.0.50") == 0 ||
					   strcmp(argument, "10.10.1.2 198.51.100.1") == 0)
			       ? 0
			       : -ENOENT;
	} else {
		*ret_result = json_pack("{s:s, s:i}", "state", command, "lifetime", 600);
	}
	return 0;
}

static void *run(void *context)
{
	mip_loop_run(((struct daemon *)context)->loop);
	return NULL;
}

static int set_up(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	strcpy(daemon->folder, "/tmp/test_mipctl.XXXXXX");
	assert_non_null(mkdtemp(daemon->folder));
	snprintf(daemon->path, sizeof(daemon->path), "%s/sock", daemon->folder);
	assert_int_equal(mip_loop_new(&daemon->loop), 0);
	assert_int_equal(mip_control_new(daemon->loop, daemon->path, answer, daemon, &daemon->control), 0);
	assert_int_equal(pthread_create(&daemon->thread, NULL, run, daemon), 0);
	*state = daemon;
	return 0;
}

static void catch_begin(int descriptor, int *ret_catcher, int *ret_kept)
{
	*ret_catcher = memfd_create("output", 0);
	*ret_kept = dup(descriptor);
	dup2(*ret_catcher, descriptor);
}

static void catch_end(int descriptor, int catcher, int kept, char *text, size_t size)
{
	ssize_t length = pread(catcher, text, size - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	dup2(kept, descriptor);
	close(kept);
	close(catcher);
}

/* Runs mipctl with these words behind `-s SOCKET`. */
static int mipctl(struct daemon *daemon, const char *socket, const char *words)
{
	int catcher[2], kept[2], status, argc = 0;
	char copy[256], *argv[16];

	snprintf(copy, sizeof(copy), "mipctl %s -s %s", words, socket);
	for (char *word = strtok(copy, " "); word && argc < 15; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	fflush(stdout);
	catch_begin(STDOUT_FILENO, &catcher[0], &kept[0]);
	catch_begin(STDERR_FILENO, &catcher[1], &kept[1]);
	optind = 0;
	status = mipctl_run(argc, argv);
	fflush(stdout);
	catch_end(STDOUT_FILENO, catcher[0], kept[0], daemon->out, sizeof(daemon->out));
	catch_end(STDERR_FILENO, catcher[1], kept[1], daemon->error, sizeof(daemon->error));
	return status;
}

static int tear_down(void **state)
{
	struct daemon *daemon = *state;

	assert_int_equal(mipctl(daemon, daemon->path, "mn deregister"), 0);
	pthread_join(daemon->thread, NULL);
	mip_control_free(daemon->control);
	mip_loop_free(daemon->loop);
	assert_int_equal(rmdir(daemon->folder), 0);
	free(daemon);
	return 0;
}

static void an_answer_is_text_or_json(void **state)
{
	struct daemon *daemon = *state;

	assert_int_equal(mipctl(daemon, daemon->path, "mn status"), 0);
	assert_string_equal(daemon->out, "state:    status\nlifetime: 600 s\n");
	assert_string_equal(daemon->error, "");
	assert_int_equal(mipctl(daemon, daemon->path, "-j mn status"), 0);
	assert_string_equal(daemon->out, "{\"state\": \"status\", \"lifetime\": 600}\n");
	assert_int_equal(mipctl(daemon, daemon->path, "mn status --json"), 0);
	assert_string_equal(daemon->out, "{\"state\": \"status\", \"lifetime\": 600}\n");
}

static void a_refusal_is_status_1_with_the_reason(void **state)
{
	struct daemon *daemon = *state;

	assert_int_equal(mipctl(daemon, daemon->path, "ha revoke 10.1.0.50"), 0);
	assert_string_equal(daemon->out, "");
	assert_int_equal(mipctl(daemon, daemon->path, "ha revoke 10.1.0.51"), 1);
	assert_string_equal(daemon->out, "");
	assert_string_equal(daemon->error, "mipctl: mip-ha refused: there is no binding for this address\n");
}

/* Of several visitors with one home address, the one of this home agent. */
static void a_foreign_agents_revocation_may_name_the_home_agent(void **state)
{
	struct daemon *daemon = *state;

	assert_int_equal(mipctl(daemon, daemon->path, "fa revoke 10.1.0.50"), 0);
	assert_int_equal(mipctl(daemon, daemon->path, "fa revoke 10.10.1.2 198.51.100.1"), 0);
	assert_int_equal(mipctl(daemon, daemon->path, "fa revoke 10.10.1.2 198.51.100.2"), 1);
}

static void bad_usage_is_status_2(void **state)
{
	static const char *const usages[] = {"", "xx", "xx status", "ha", "ha visitors", "fa bindings",
		"mn revoke 10.1.0.5", "ha revoke", "ha status now", "mn handover", "-q ha status",
		"ha revoke 10.1.0.50 now", "fa revoke", "fa revoke 10.10.1.2 198.51.100.1 now"};
	struct daemon *daemon = *state;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(usages); i++) {
		assert_int_equal(mipctl(daemon, daemon->path, usages[i]), 2);
		assert_string_equal(daemon->out, "");
		assert_true(strlen(daemon->error) > 0);
	}
}

static void no_daemon_is_status_3(void **state)
{
	struct daemon *daemon = *state;

	assert_int_equal(mipctl(daemon, "/nonexistent/sock", "ha status"), 3);
	assert_string_equal(
		daemon->error, "mipctl: no mip-ha answers at /nonexistent/sock: No such file or directory\n");
}

static void help_and_version_need_no_daemon(void **state)
{
	struct daemon *daemon = *state;

	assert_int_equal(mipctl(daemon, "/nonexistent/sock", "-h"), 0);
	assert_non_null(strstr(daemon->out, "handover INTERFACE"));
	assert_int_equal(mipctl(daemon, "/nonexistent/sock", "-V"), 0);
	assert_string_equal(daemon->out, "mipctl " MIP_VERSION "\n");
}

#define with_daemon(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_a_table_with_headings),
		cmocka_unit_test(an_empty_list_says_so),
		cmocka_unit_test(lists_within_a_row_are_joined),
		cmocka_unit_test(headings_are_bold_on_a_terminal),
		cmocka_unit_test(facts_stand_below_one_another),
		cmocka_unit_test(the_state_has_a_colour),
		cmocka_unit_test(counters_are_sorted_and_aligned),
		cmocka_unit_test(metrics_are_printed_as_they_are),
		cmocka_unit_test(events_are_lines_with_the_time),
		cmocka_unit_test(what_a_peer_chose_cannot_drive_the_terminal),
		cmocka_unit_test(long_values_are_cut_between_characters),
		with_daemon(an_answer_is_text_or_json),
		with_daemon(a_refusal_is_status_1_with_the_reason),
		with_daemon(a_foreign_agents_revocation_may_name_the_home_agent),
		with_daemon(bad_usage_is_status_2),
		with_daemon(no_daemon_is_status_3),
		with_daemon(help_and_version_need_no_daemon),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The control socket, by a real socket in a folder of its own: the daemon's end runs in a loop in a thread,
 * the test is the client. The commands of the made-up role: "echo", "big" (a large answer), "emit" (events),
 * "refuse", "stop".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "address.h"
#include "control.h"

enum {
	PATIENCE_SECONDS = 30, /* a client that waits longer has failed */
	BIG = 300000,
};

struct daemon {
	char folder[64];
	char path[128];
	struct mip_loop *loop;
	struct mip_control *control;
	pthread_t thread;
	unsigned asked;
};

static void emit(struct daemon *daemon, int count)
{
	for (int i = 0; i < count; i++) {
		struct mip_event event = mip_event_of("binding_added");

		mip_event_address(&event, "home_address", mip_address_of(0x0a010032));
		mip_event_number(&event, "number", i);
		mip_event_boolean(&event, "good", true);
		mip_event_string(&event, "nai", "\xff@example.org");
		mip_event_null(&event, "agent");
		mip_control_event(daemon->control, &event, 1700000000 * MIP_SECOND + 250 * MIP_MILLISECOND);
	}
}

static json_t *big(void)
{
	json_t *array = json_array();

	for (int i = 0; i < BIG; i++)
		json_array_append_new(array, json_integer(1000000 + i));
	return json_pack("{s:o}", "numbers", array);
}

static int answer(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct daemon *daemon = context;

	daemon->asked++;
	if (strcmp(command, "stop") == 0) {
		mip_loop_stop(daemon->loop);
	} else if (strcmp(command, "echo") == 0) {
		*ret_result = json_pack("{s:s?}", "argument", argument);
	} else if (strcmp(command, "big") == 0) {
		*ret_result = big();
	} else if (strcmp(command, "emit") == 0) {
		emit(daemon, argument ? atoi(argument) : 1);
	} else if (strcmp(command, "refuse") == 0) {
		*ret_error = "there is no such binding";
		return -ENOENT;
	} else {
		return -ENOENT;
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

	strcpy(daemon->folder, "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(daemon->folder));
	snprintf(daemon->path, sizeof(daemon->path), "%s/run/mip/d.sock", daemon->folder);
	assert_int_equal(mip_loop_new(&daemon->loop), 0);
	assert_int_equal(mip_control_new(daemon->loop, daemon->path, answer, daemon, &daemon->control), 0);
	assert_int_equal(pthread_create(&daemon->thread, NULL, run, daemon), 0);
	*state = daemon;
	return 0;
}

static int client(const struct daemon *daemon)
{
	struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	int descriptor;

	assert_int_equal(mip_control_connect(daemon->path, &descriptor), 0);
	setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return descriptor;
}

static int tear_down(void **state)
{
	struct daemon *daemon = *state;
	int descriptor = client(daemon);

	assert_int_equal(mip_control_ask(descriptor, "stop", NULL), 0);
	pthread_join(daemon->thread, NULL);
	mip_control_free(daemon->control);
	mip_loop_free(daemon->loop);
	close(descriptor);
	/* The socket has been removed, so that the folders are empty. */
	snprintf(daemon->path, sizeof(daemon->path), "%s/run/mip", daemon->folder);
	assert_int_equal(rmdir(daemon->path), 0);
	*strrchr(daemon->path, '/') = '\0';
	assert_int_equal(rmdir(daemon->path), 0);
	assert_int_equal(rmdir(daemon->folder), 0);
	free(daemon);
	return 0;
}

static json_t *next_line(struct mip_control_lines *lines)
{
	json_t *line = NULL;

	assert_int_equal(mip_control_lines_next(lines, &line), 0);
	return line;
}

static void assert_next(struct mip_control_lines *lines, const char *expected)
{
	json_t *line = next_line(lines);
	char *text = json_dumps(line, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(line);
}

static void say(int descriptor, const char *text)
{
	assert_int_equal(send(descriptor, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What `text` is answered with, as the first line. */
static void assert_answered(const struct daemon *daemon, const char *text, const char *expected)
{
	struct mip_control_lines *lines;
	int descriptor = client(daemon);

	assert_int_equal(mip_control_lines_new(descriptor, &lines), 0);
	say(descriptor, text);
	assert_next(lines, expected);
	mip_control_lines_free(lines);
	close(descriptor);
}

static void ask_and_close(const struct daemon *daemon, const char *command, const char *argument)
{
	struct mip_control_lines *lines;
	int descriptor = client(daemon);

	assert_int_equal(mip_control_lines_new(descriptor, &lines), 0);
	assert_int_equal(mip_control_ask(descriptor, command, argument), 0);
	json_decref(next_line(lines));
	mip_control_lines_free(lines);
	close(descriptor);
}

static void a_command_is_answered(void **state)
{
	assert_answered(*state, "{\"command\":\"echo\",\"argument\":\"10.1.0.50\"}\n",
		"{\"result\":{\"argument\":\"10.1.0.50\"}}");
	assert_answered(
		*state, "{\"command\":\"echo\",\"argument\":null}\n", "{\"result\":{\"argument\":null}}");
	assert_answered(*state, "{\"command\":\"emit\"}\n", "{\"result\":{}}");
}

static void the_socket_is_for_its_owner_only(void **state)
{
	const struct daemon *daemon = *state;
	struct stat status;

	assert_int_equal(lstat(daemon->path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void errors_say_why(void **state)
{
	assert_answered(*state, "{\"command\":\"refuse\"}\n", "{\"error\":\"there is no such binding\"}");
	assert_answered(*state, "{\"command\":\"zzz\"}\n", "{\"error\":\"unknown command\"}");
}

static void garbage_is_answered_with_an_error(void **state)
{
	assert_answered(*state, "\n", "{\"error\":\"not a JSON object\"}");
	assert_answered(*state, "[1]\n", "{\"error\":\"not a JSON object\"}");
	assert_answered(*state, "\xff\xfe{{{\n", "{\"error\":\"not a JSON object\"}");
	assert_answered(*state, "{}\n", "{\"error\":\"no command\"}");
	assert_answered(*state, "{\"command\":7}\n", "{\"error\":\"no command\"}");
	assert_answered(*state, "{\"command\":\"echo\",\"argument\":7}\n",
		"{\"error\":\"the argument is no string\"}");
}

static void commands_may_come_in_pieces_and_together(void **state)
{
	const struct daemon *daemon = *state;
	struct mip_control_lines *lines;
	int descriptor = client(daemon);
	char many[4096] = "";

	assert_int_equal(mip_control_lines_new(descriptor, &lines), 0);
	say(descriptor, "{\"comm");
	ask_and_close(daemon, "echo", NULL); /* by now the first piece has been read */
	say(descriptor, "and\":\"echo\"}\n{\"command\":\"zz");
	assert_next(lines, "{\"result\":{\"argument\":null}}");
	say(descriptor, "z\"}\n");
	assert_next(lines, "{\"error\":\"unknown command\"}");
	for (int i = 0; i < 100; i++)
		strcat(many, "{\"command\":\"echo\"}\n");
	say(descriptor, many);
	for (int i = 0; i < 100; i++)
		assert_next(lines, "{\"result\":{\"argument\":null}}");
	mip_control_lines_free(lines);
	close(descriptor);
}

static void a_client_that_has_said_all_still_gets_its_answers(void **state)
{
	const struct daemon *daemon = *state;
	struct mip_control_lines *lines;
	int descriptor = client(daemon);
	json_t *line = NULL;

	assert_int_equal(mip_control_lines_new(descriptor, &lines), 0);
	say(descriptor, "{\"command\":\"echo\"}\n{\"command\":\"zzz\"}");
	shutdown(descriptor, SHUT_WR);
	assert_next(lines, "{\"result\":{\"argument\":null}}");
	assert_next(lines, "{\"error\":\"unknown command\"}");
	assert_int_equal(mip_control_lines_next(lines, &line), -ENODATA);
	mip_control_lines_free(lines);
	close(descriptor);
}

static void a_line_without_end_ends_the_connection(void **state)
{
	const struct daemon *daemon = *state;
	static char flood[70000];
	int descriptor = client(daemon);
	ssize_t n = 0;

	memset(flood, 'x', sizeof(flood));
	for (int i = 0; i < 100 && n >= 0; i++)
		n = send(descriptor, flood, sizeof(flood), MSG_NOSIGNAL);
	assert_int_equal(n, -1);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	close(descriptor);
	ask_and_close(daemon, "echo", NULL);
	assert_int_equal(daemon->asked, 1);
}

static void a_large_answer_waits_for_its_reader_alone(void **state)
{
	const struct daemon *daemon = *state;
	struct mip_control_lines *lines;
	int descriptor = client(daemon);
	json_t *line, *numbers;

	assert_int_equal(mip_control_lines_new(descriptor, &lines), 0);
	say(descriptor, "{\"command\":\"big\"}\n{\"command\":\"big\"}\n");
	for (int i = 0; i < 20; i++)
		ask_and_close(daemon, "echo", NULL); /* nobody else waits */
	for (int i = 0; i < 2; i++) {
		line = next_line(lines);
		numbers = json_object_get(json_object_get(line, "result"), "numbers");
		assert_int_equal(json_array_size(numbers), BIG);
		assert_int_equal(json_integer_value(json_array_get(numbers, BIG - 1)), 1000000 + BIG - 1);
		json_decref(line);
	}
	mip_control_lines_free(lines);
	close(descriptor);
}

static void a_client_that_does_not_read_is_not_read_from(void **state)
{
	const struct daemon *daemon = *state;
	int descriptor = client(daemon);

	say(descriptor, "{\"command\":\"big\"}\n{\"command\":\"big\"}\n{\"command\":\"big\"}\n");
	ask_and_close(daemon, "echo", NULL);
	ask_and_close(daemon, "echo", NULL);
	assert_int_equal(daemon->asked, 3); /* one of the three, and the two others' */
	close(descriptor);
	ask_and_close(daemon, "echo", NULL);
}

static int watcher(const struct daemon *daemon, struct mip_control_lines **ret_lines)
{
	int descriptor = client(daemon);

	assert_int_equal(mip_control_lines_new(descriptor, ret_lines), 0);
	assert_int_equal(mip_control_ask(descriptor, "watch", NULL), 0);
	assert_next(*ret_lines, "{\"result\":{}}");
	return descriptor;
}

static void a_watcher_hears_every_event(void **state)
{
	struct mip_control_lines *lines[2];
	int descriptors[2] = {watcher(*state, &lines[0]), watcher(*state, &lines[1])};

	say(descriptors[1], "what a watcher says is not heard\n");
	ask_and_close(*state, "emit", "2");
	for (int i = 0; i < 2; i++) {
		assert_next(lines[i],
			"{\"time\":1700000000.25,\"event\":\"binding_added\",\"home_address\":\"10.1.0.50\","
			"\"number\":0,\"good\":true,\"nai\":\"\xef\xbf\xbd@example.org\",\"agent\":null}");
		json_decref(next_line(lines[i]));
		mip_control_lines_free(lines[i]);
		close(descriptors[i]);
	}
	ask_and_close(*state, "emit", "2");
}

static void a_watcher_that_reads_late_gets_all_that_fits(void **state)
{
	struct mip_control_lines *lines;
	int descriptor = watcher(*state, &lines);

	ask_and_close(*state, "emit", "5000");
	for (int i = 0; i < 5000; i++) {
		json_t *line = next_line(lines);

		assert_int_equal(json_integer_value(json_object_get(line, "number")), i);
		json_decref(line);
	}
	mip_control_lines_free(lines);
	close(descriptor);
}

static void a_watcher_that_does_not_read_is_dropped(void **state)
{
	struct mip_control_lines *lines;
	int descriptor = watcher(*state, &lines);
	json_t *line = NULL;
	int r, heard = 0;

	ask_and_close(*state, "emit", "60000");
	ask_and_close(*state, "echo", NULL);
	while ((r = mip_control_lines_next(lines, &line)) == 0) {
		heard++;
		json_decref(line);
	}
	assert_int_equal(r, -ENODATA);
	assert_true(heard < 60000);
	mip_control_lines_free(lines);
	close(descriptor);
}

static void more_clients_than_there_are_places_are_all_served(void **state)
{
	int descriptors[160];

	for (size_t i = 0; i < MIP_ARRAY_SIZE(descriptors); i++)
		descriptors[i] = client(*state);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(descriptors); i++) {
		struct mip_control_lines *lines;

		assert_int_equal(mip_control_lines_new(descriptors[i], &lines), 0);
		assert_int_equal(mip_control_ask(descriptors[i], "echo", NULL), 0);
		assert_next(lines, "{\"result\":{\"argument\":null}}");
		mip_control_lines_free(lines);
		close(descriptors[i]);
	}
}

static void a_live_socket_is_left_alone(void **state)
{
	struct daemon *daemon = *state;
	struct mip_control *other = NULL;
	struct mip_loop *loop;

	assert_int_equal(mip_loop_new(&loop), 0);
	assert_int_equal(mip_control_new(loop, daemon->path, answer, daemon, &other), -EADDRINUSE);
	assert_null(other);
	mip_loop_free(loop);
	ask_and_close(daemon, "echo", NULL);
}

static void a_stale_socket_is_replaced_and_a_file_is_not(void **state)
{
	struct daemon *daemon = *state;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct mip_control *other = NULL;
	struct mip_loop *loop;
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *file;

	assert_int_equal(mip_loop_new(&loop), 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/stale", daemon->folder);
	assert_int_equal(bind(descriptor, (struct sockaddr *)&name, sizeof(name)), 0);
	close(descriptor);
	assert_int_equal(mip_control_new(loop, name.sun_path, answer, daemon, &other), 0);
	mip_control_free(other);
	assert_int_equal(access(name.sun_path, F_OK), -1);

	file = fopen(name.sun_path, "w");
	fclose(file);
	assert_int_equal(mip_control_new(loop, name.sun_path, answer, daemon, &other), -EEXIST);
	assert_int_equal(unlink(name.sun_path), 0);
	mip_loop_free(loop);
}

static void without_a_daemon_there_is_no_connection(void **state)
{
	int descriptor = -1;
	char path[200];

	(void)state;
	assert_int_equal(mip_control_connect("/nonexistent/mip.sock", &descriptor), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(mip_control_connect(path, &descriptor), -ENAMETOOLONG);
	assert_int_equal(descriptor, -1);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void assert_json(json_t *json, const char *expected)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void what_is_not_known_is_null(void **state)
{
	(void)state;
	assert_json(mip_json_address((struct mip_address){0}), "null");
	assert_json(mip_json_address(mip_address_of(0x0a010001)), "\"10.1.0.1\"");
	assert_json(mip_json_endpoint((struct mip_address){0}, 434), "null");
	assert_json(mip_json_endpoint(mip_address_of(0x0a010001), 434), "\"10.1.0.1:434\"");
	assert_json(mip_json_link_address((struct mip_link_address){0}), "null");
	assert_json(mip_json_link_address((struct mip_link_address){.length = 6, .octets = {2, 0, 0xAB}}),
		"\"02:00:ab:00:00:00\"");
	assert_json(mip_json_string(NULL), "null");
	assert_json(mip_json_string(""), "null");
	assert_json(mip_json_string("a\"\xc0z"), "\"a\\\"\xef\xbf\xbdz\"");
}

static const struct mip_counter_name names[] = {
	{"requests_received", "Requests that came in."}, {"reply_131", "A \"code\"\nof \\ kinds."}};
static const uint64_t values[] = {3, UINT32_MAX + 1ULL};

static void counters_are_one_flat_object(void **state)
{
	struct mip_counter_table tables[2] = {{names, values, 1}, {names + 1, values + 1, 1}};

	(void)state;
	assert_json(mip_json_counters(tables, 2), "{\"requests_received\":3,\"reply_131\":4294967296}");
	assert_json(mip_json_counters(NULL, 0), "{}");
}

/* A metric may be told once only. */
static void what_two_tables_count_by_one_name_is_told_once_as_their_sum(void **state)
{
	static const uint64_t more[] = {4};
	struct mip_counter_table tables[2] = {{names, values, 1}, {names, more, 1}};
	json_t *metrics = mip_json_metrics("ha", tables, 2);

	(void)state;
	assert_json(mip_json_counters(tables, 2), "{\"requests_received\":7}");
	assert_string_equal(json_string_value(json_object_get(metrics, "text")),
		"# TYPE mip_ha_requests_received counter\n"
		"# HELP mip_ha_requests_received Requests that came in.\n"
		"mip_ha_requests_received_total 7\n"
		"# EOF\n");
	json_decref(metrics);
}

static void metrics_are_openmetrics(void **state)
{
	struct mip_counter_table table = {names, values, 2};
	json_t *metrics = mip_json_metrics("ha", &table, 1);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(metrics, "text")),
		"# TYPE mip_ha_requests_received counter\n"
		"# HELP mip_ha_requests_received Requests that came in.\n"
		"mip_ha_requests_received_total 3\n"
		"# TYPE mip_ha_reply_131 counter\n"
		"# HELP mip_ha_reply_131 A \\\"code\\\"\\nof \\\\ kinds.\n"
		"mip_ha_reply_131_total 4294967296\n"
		"# EOF\n");
	json_decref(metrics);
}

#define with_daemon(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_daemon(a_command_is_answered),
		with_daemon(the_socket_is_for_its_owner_only),
		with_daemon(errors_say_why),
		with_daemon(garbage_is_answered_with_an_error),
		with_daemon(commands_may_come_in_pieces_and_together),
		with_daemon(a_client_that_has_said_all_still_gets_its_answers),
		with_daemon(a_line_without_end_ends_the_connection),
		with_daemon(a_large_answer_waits_for_its_reader_alone),
		with_daemon(a_client_that_does_not_read_is_not_read_from),
		with_daemon(a_watcher_hears_every_event),
		with_daemon(a_watcher_that_reads_late_gets_all_that_fits),
		with_daemon(a_watcher_that_does_not_read_is_dropped),
		with_daemon(more_clients_than_there_are_places_are_all_served),
		with_daemon(a_live_socket_is_left_alone),
		with_daemon(a_stale_socket_is_replaced_and_a_file_is_not),
		cmocka_unit_test(without_a_daemon_there_is_no_connection),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(counters_are_one_flat_object),
		cmocka_unit_test(what_two_tables_count_by_one_name_is_told_once_as_their_sum),
		cmocka_unit_test(metrics_are_openmetrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

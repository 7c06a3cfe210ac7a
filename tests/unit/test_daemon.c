/*
 * The frame around the daemons: a made-up role runs in a child of its own, and what a person would see is
 * looked at from outside: exit status, standard error, the control socket, what systemd is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon.h"
#include "remove_folder.h"

enum {
	PATIENCE = 20, /* s: a child that takes longer is broken */
};

/* --- the made-up role ------------------------------------------------------------------------- */

struct test_configuration {
	char *control;
	char *user;
	char *state;
	int64_t number;
};

static const struct mip_setting test_settings[] = {
	{.name = "control",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct test_configuration, control),
		.help = "Control socket."},
	{.name = "user",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct test_configuration, user),
		.help = "Who it becomes."},
	{.name = "state",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct test_configuration, state),
		.help = "Where it keeps things."},
	{.name = "number",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct test_configuration, number),
		.help = "1 cannot start, 2 cannot be taken over."},
};

static const struct mip_schema test_schema = {
	.size = sizeof(struct test_configuration),
	.settings = test_settings,
	.count = MIP_ARRAY_SIZE(test_settings),
};

static int64_t number_of(const struct mip_daemon *daemon)
{
	return ((const struct test_configuration *)daemon->configuration)->number;
}

static int test_start(struct mip_daemon *daemon)
{
	fprintf(stderr, "start %s\n", daemon->data_plane != NULL ? daemon->data_plane : "-");
	return number_of(daemon) == 1 ? -EPERM : 0;
}

static int test_reload(struct mip_daemon *daemon, void *configuration, const char **ret_reason)
{
	const struct test_configuration *next = configuration;

	fprintf(stderr, "reload %d to %d\n", (int)number_of(daemon), (int)next->number);
	if (next->number != 2)
		return 0;
	*ret_reason = "2 is refused";
	return -EINVAL;
}

static void test_stop(struct mip_daemon *daemon)
{
	fprintf(stderr, "stop %d\n", (int)number_of(daemon));
}

static int test_control(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	const struct mip_daemon *daemon = context;

	(void)argument;
	(void)ret_error;
	if (strcmp(command, "number") != 0)
		return -ENOENT;
	*ret_result = json_integer(number_of(daemon));
	return 0;
}

static const struct mip_daemon_role test_role = {
	.name = "test",
	.program = "mip-test",
	.summary = "nothing in particular",
	.schema = &test_schema,
	.control_path_offset = offsetof(struct test_configuration, control),
	.user_offset = offsetof(struct test_configuration, user),
	.state_folder_offset = offsetof(struct test_configuration, state),
	.start = test_start,
	.reload = test_reload,
	.stop = test_stop,
	.control = test_control,
};

/* --- the child -------------------------------------------------------------------------------- */

struct place {
	char root[64];
	char file[96];	 /* configuration */
	char socket[96]; /* control */
	char said[96];	 /* standard output and error */
	char notify[96]; /* what systemd would listen on */
	int systemd;
	bool systemd_listens; /* else nobody would read what is told, which would make the child wait */
	pid_t child;
};

static void configure(const struct place *place, const char *text)
{
	FILE *file = fopen(place->file, "w");

	assert_non_null(file);
	fprintf(file, "%s\n", text);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	assert_non_null(place);
	make_folder(place->root, sizeof(place->root), "daemon");
	snprintf(place->file, sizeof(place->file), "%s/test.conf", place->root);
	snprintf(place->socket, sizeof(place->socket), "%s/run/test.sock", place->root);
	snprintf(place->said, sizeof(place->said), "%s/said", place->root);
	snprintf(place->notify, sizeof(place->notify), "%s/notify", place->root);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", place->notify);
	place->systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(place->systemd, (const struct sockaddr *)&name, sizeof(name)), 0);
	configure(place, "number = 7;");
	*state = place;
	alarm(PATIENCE);
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	alarm(0);
	if (place->child > 0) {
		kill(place->child, SIGKILL);
		waitpid(place->child, NULL, 0);
	}
	close(place->systemd);
	remove_folder(place->root);
	free(place);
	return 0;
}

/* Runs the daemon in a child; the list ends with NULL. */
static void run(struct place *place, const char *const *arguments)
{
	char *argv[12] = {NULL};
	int argc = 0;

	argv[argc++] = strdup("mip-test");
	for (; *arguments != NULL; arguments++)
		argv[argc++] = strdup(*arguments);
	place->child = fork();
	assert_true(place->child >= 0);
	if (place->child == 0) {
		int said = open(place->said, O_WRONLY | O_CREAT | O_APPEND, 0600);

		alarm(PATIENCE);
		dup2(said, STDOUT_FILENO);
		dup2(said, STDERR_FILENO);
		if (place->systemd_listens)
			setenv("NOTIFY_SOCKET", place->notify, 1);
		else
			unsetenv("NOTIFY_SOCKET");
		unsetenv("JOURNAL_STREAM");
		optind = 1;
		exit(mip_daemon_main(&test_role, argc, argv));
	}
	while (argc > 0)
		free(argv[--argc]);
}

static int exit_status(struct place *place)
{
	int status;

	assert_int_equal(waitpid(place->child, &status, 0), place->child);
	place->child = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool was_said(const struct place *place, const char *what)
{
	char text[8192];
	FILE *file = fopen(place->said, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return strstr(text, what) != NULL;
}

#define RUN(place, ...) run(place, (const char *const[]){__VA_ARGS__, NULL})

#ifdef HAVE_SYSTEMD
static void assert_systemd_is_told(struct place *place, const char *beginning)
{
	char text[256];
	ssize_t length = recv(place->systemd, text, sizeof(text) - 1, 0);

	assert_true(length > 0);
	text[length] = '\0';
	if (strncmp(text, beginning, strlen(beginning)) != 0)
		fail_msg("systemd was told '%s' instead of '%s'", text, beginning);
}
#endif

/* Asks over the control socket, trying until the daemon is there. */
static json_t *ask(const struct place *place, const char *command)
{
	struct mip_control_lines *lines;
	json_t *answer = NULL;
	int descriptor = -1;

	while (mip_control_connect(place->socket, &descriptor) < 0)
		poll(NULL, 0, 5);
	assert_int_equal(mip_control_ask(descriptor, command, NULL), 0);
	assert_int_equal(mip_control_lines_new(descriptor, &lines), 0);
	assert_int_equal(mip_control_lines_next(lines, &answer), 0);
	mip_control_lines_free(lines);
	close(descriptor);
	return answer;
}

static int64_t ask_number(const struct place *place)
{
	json_t *answer = ask(place, "number");
	int64_t number = json_integer_value(json_object_get(answer, "result"));

	json_decref(answer);
	return number;
}

static const char *path_of(const struct place *place, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", place->root, name);
	return path;
}

static bool exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void help_and_version_need_no_configuration(void **state)
{
	struct place *place = *state;

	RUN(place, "-h");
	assert_int_equal(exit_status(place), 0);
	assert_true(was_said(place, "usage: mip-test"));
	RUN(place, "-V");
	assert_int_equal(exit_status(place), 0);
	assert_true(was_said(place, "mip-test " MIP_VERSION "\n"));
}

static void bad_usage_is_exit_status_2(void **state)
{
	struct place *place = *state;

	RUN(place, "-x");
	assert_int_equal(exit_status(place), 2);
	RUN(place, "-c", place->file, "too", "much");
	assert_int_equal(exit_status(place), 2);
	assert_true(was_said(place, "'too'"));
	RUN(place, "-c", place->file, "-d", "magic");
	assert_int_equal(exit_status(place), 2);
	assert_true(was_said(place, "'magic'"));
	assert_false(was_said(place, "start"));
}

static void a_bad_configuration_is_exit_status_2_and_touches_nothing(void **state)
{
	struct place *place = *state;
	char expected[128];

	configure(place, "\nnumbr = 7;");
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(exit_status(place), 2);
	snprintf(expected, sizeof(expected), "%s:2: ", place->file);
	assert_true(was_said(place, expected));
	assert_false(was_said(place, "start"));
	assert_false(exists(place->socket));
	RUN(place, "-c", "/nowhere/at/all.conf");
	assert_int_equal(exit_status(place), 2);
}

static void a_test_of_the_configuration_touches_nothing(void **state)
{
	struct place *place = *state;

	RUN(place, "-t", "-c", place->file, "-s", place->socket);
	assert_int_equal(exit_status(place), 0);
	assert_false(was_said(place, "start"));
	assert_false(exists(place->socket));
	configure(place, "number = \"seven\";");
	RUN(place, "-t", "-c", place->file);
	assert_int_equal(exit_status(place), 2);
}

static void a_role_that_cannot_start_is_exit_status_1(void **state)
{
	struct place *place = *state;

	configure(place, "number = 1;");
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(exit_status(place), 1);
	assert_false(was_said(place, "stop"));
	assert_false(exists(place->socket));
}

static void it_runs_until_it_is_told_to_stop(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT};
	struct place *place = *state;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(signals); i++) {
		RUN(place, "-c", place->file, "-s", place->socket, "-d", "user");
		assert_int_equal(ask_number(place), 7);
		assert_true(was_said(place, "start user"));
		kill(place->child, signals[i]);
		assert_int_equal(exit_status(place), 0);
		assert_true(was_said(place, "stop 7"));
		assert_false(exists(place->socket));
		assert_int_equal(remove(place->said), 0);
	}
}

static void the_configuration_may_name_the_control_socket(void **state)
{
	struct place *place = *state;
	char text[160];

	snprintf(text, sizeof(text), "number = 3; control = \"%s\";", place->socket);
	configure(place, text);
	RUN(place, "-c", place->file);
	assert_int_equal(ask_number(place), 3);
	kill(place->child, SIGTERM);
	assert_int_equal(exit_status(place), 0);
}

static void a_second_daemon_is_refused_before_it_starts(void **state)
{
	struct place *place = *state;
	pid_t first;

	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(ask_number(place), 7);
	assert_int_equal(remove(place->said), 0);
	first = place->child;
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(exit_status(place), 1);
	assert_true(was_said(place, "another daemon"));
	assert_false(was_said(place, "start"));
	place->child = first;
	assert_int_equal(ask_number(place), 7); /* the first is none the worse */
	kill(place->child, SIGTERM);
	assert_int_equal(exit_status(place), 0);
}

static void assert_reload(const struct place *place, const char *error)
{
	json_t *answer = ask(place, "reload");
	const char *said = json_string_value(json_object_get(answer, "error"));

	if (error == NULL) {
		assert_null(said);
		assert_non_null(json_object_get(answer, "result"));
	} else {
		assert_non_null(said);
		assert_non_null(strstr(said, error));
	}
	json_decref(answer);
}

static void a_reload_takes_over_what_is_good_and_nothing_else(void **state)
{
	struct place *place = *state;

	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(ask_number(place), 7);
	configure(place, "number = 8;");
	assert_reload(place, NULL);
	assert_int_equal(ask_number(place), 8);
	configure(place, "number = 2;");
	assert_reload(place, "2 is refused");
	assert_int_equal(ask_number(place), 8);
	configure(place, "number = ;");
	assert_reload(place, "test.conf:1: ");
	assert_int_equal(ask_number(place), 8);
	assert_int_equal(remove(place->file), 0);
	assert_reload(place, "No such file");
	configure(place, "number = 9;");
	kill(place->child, SIGHUP);
	while (ask_number(place) != 9)
		poll(NULL, 0, 5);
	kill(place->child, SIGTERM);
	assert_int_equal(exit_status(place), 0);
	assert_true(was_said(place, "stop 9"));
}

/* A configuration with numbers that no account has. */
static void configure_user(const struct place *place, const char *user)
{
	char text[256];

	snprintf(text, sizeof(text), "number = 7; user = \"%s\"; state = \"%s/run/state\";", user,
		place->root);
	configure(place, text);
}

static uid_t owner_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_uid;
}

/* The value of a line of /proc/PID/status. */
static void status_of(pid_t process, const char *name, char value[static 64])
{
	char path[64], line[256];
	size_t length = strlen(name);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	file = fopen(path, "r");
	assert_non_null(file);
	value[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			snprintf(value, 64, "%.60s", line + length + 1);
	}
	fclose(file);
}

static void it_becomes_its_user_before_it_starts(void **state)
{
	struct place *place = *state;
	char value[64], folder[128];

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(place->root, 0755), 0);
	configure_user(place, "64001:64002");
	assert_int_equal(chmod(place->file, 0600), 0);
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(ask_number(place), 7);
	status_of(place->child, "Uid", value);
	assert_string_equal(value, "\t64001\t64001\t64001\t64001\n");
	status_of(place->child, "Gid", value);
	assert_string_equal(value, "\t64002\t64002\t64002\t64002\n");
	status_of(place->child, "NoNewPrivs", value);
	assert_string_equal(value, "\t1\n");
	assert_int_equal(owner_of(place->socket), 64001);
	snprintf(folder, sizeof(folder), "%s/run/state", place->root);
	assert_int_equal(owner_of(folder), 64001);
	assert_true(was_said(place, "a reload will be refused"));
	kill(place->child, SIGTERM);
	assert_int_equal(exit_status(place), 0);
	assert_false(exists(place->socket));
}

static void a_folder_that_the_user_cannot_write_in_is_exit_status_1(void **state)
{
	struct place *place = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(place->root, 0755), 0);
	assert_int_equal(mkdir(path_of(place, "run"), 0755), 0);
	configure_user(place, "64001");
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(exit_status(place), 1);
	assert_true(was_said(place, "user 64001 cannot write in the folder of"));
	assert_false(was_said(place, "start"));
}

static void a_user_that_is_not_there_is_exit_status_1(void **state)
{
	struct place *place = *state;

	configure_user(place, "no-such-user");
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_int_equal(exit_status(place), 1);
	assert_true(was_said(place, "no-such-user"));
	assert_false(was_said(place, "start"));
}

#ifdef HAVE_SYSTEMD
static void systemd_is_told_of_each_step(void **state)
{
	struct place *place = *state;

	place->systemd_listens = true;
	RUN(place, "-c", place->file, "-s", place->socket);
	assert_systemd_is_told(place, "READY=1");
	assert_true(was_said(place, "start"));
	kill(place->child, SIGHUP);
	assert_systemd_is_told(place, "RELOADING=1\nMONOTONIC_USEC=");
	assert_systemd_is_told(place, "READY=1");
	kill(place->child, SIGTERM);
	assert_systemd_is_told(place, "STOPPING=1");
	assert_int_equal(exit_status(place), 0);
}
#endif

#define DAEMON_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(help_and_version_need_no_configuration),
		DAEMON_TEST(bad_usage_is_exit_status_2),
		DAEMON_TEST(a_bad_configuration_is_exit_status_2_and_touches_nothing),
		DAEMON_TEST(a_test_of_the_configuration_touches_nothing),
		DAEMON_TEST(a_role_that_cannot_start_is_exit_status_1),
		DAEMON_TEST(it_runs_until_it_is_told_to_stop),
		DAEMON_TEST(the_configuration_may_name_the_control_socket),
		DAEMON_TEST(a_second_daemon_is_refused_before_it_starts),
		DAEMON_TEST(a_reload_takes_over_what_is_good_and_nothing_else),
		DAEMON_TEST(it_becomes_its_user_before_it_starts),
		DAEMON_TEST(a_folder_that_the_user_cannot_write_in_is_exit_status_1),
		DAEMON_TEST(a_user_that_is_not_there_is_exit_status_1),
#ifdef HAVE_SYSTEMD
		DAEMON_TEST(systemd_is_told_of_each_step),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

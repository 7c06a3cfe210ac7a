/*
 * mipctl: asks one of the three daemons over its control socket, and shows the answer to a person or, with
 * -j, to a program.
 *
 *   options and operands ──> a row of the table of commands ──> the socket ──> text or JSON, exit status
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "control.h"
#include "show.h"
#include "run.h"

struct request {
	const char *role_name;
	enum mipctl_role role;
	const struct mipctl_command *command;
	const char *argument;
	char both[128]; /* an argument and the optional one behind it */
	const char *socket;
	char default_socket[64];
	bool json;
	bool colour;
};

static void print_commands(FILE *stream, enum mipctl_role role)
{
	for (size_t i = 0; i < mipctl_command_count; i++) {
		const struct mipctl_command *command = &mipctl_commands[i];
		char text[64];

		if (!(command->roles & role))
			continue;
		snprintf(text, sizeof(text), "%s %s%s%s%s", command->name,
			command->argument ? command->argument : "", command->optional ? " [" : "",
			command->optional ? command->optional : "", command->optional ? "]" : "");
		fprintf(stream, "    %-22s %s\n", text, command->help);
	}
}

static void print_help(FILE *stream)
{
	fputs("usage: mipctl [-j] [-s SOCKET] ha|fa|mn COMMAND [ARGUMENT]\n"
	      "\n"
	      "  -j, --json           one JSON document (one a line for watch)\n"
	      "  -s, --socket SOCKET  the daemon's control socket (/run/mip/{ha,fa,mn}.sock)\n"
	      "  -h, --help           this help\n"
	      "  -V, --version        the version\n"
	      "\n"
	      "  ha, the home agent:\n",
		stream);
	print_commands(stream, MIPCTL_ROLE_HA);
	fputs("  fa, the foreign agent:\n", stream);
	print_commands(stream, MIPCTL_ROLE_FA);
	fputs("  mn, the mobile node:\n", stream);
	print_commands(stream, MIPCTL_ROLE_MN);
	fputs("\nExit status: 0 done, 1 the daemon refused, 2 usage, 3 no daemon.\n", stream);
}

static int usage_error(const char *what, const char *which)
{
	fprintf(stderr, "mipctl: %s%s%s%s\n", what, which ? " '" : "", which ? which : "", which ? "'" : "");
	fputs("usage: mipctl [-j] [-s SOCKET] ha|fa|mn COMMAND [ARGUMENT]; mipctl -h lists the commands\n",
		stderr);
	return MIPCTL_STATUS_USAGE;
}

/* Reads the options. -1: go on; else the exit status. */
static int read_options(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "js:hV", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			request->json = true;
			break;
		case 's':
			request->socket = optarg;
			break;
		case 'h':
			print_help(stdout);
			return MIPCTL_STATUS_DONE;
		case 'V':
			puts("mipctl " MIP_VERSION);
			return MIPCTL_STATUS_DONE;
		default:
			/* getopt has said what is wrong. */
			fputs("mipctl -h lists the options\n", stderr);
			return MIPCTL_STATUS_USAGE;
		}
	}
	return -1;
}

/* They go as one, with a blank between. 0 or the exit status. */
static int join_operands(struct request *request, const char *first, const char *second)
{
	int length = snprintf(request->both, sizeof(request->both), "%s %s", first, second);

	if (length < 0 || (size_t)length >= sizeof(request->both))
		return usage_error("this argument is too long:", second);
	request->argument = request->both;
	return 0;
}

/* Reads what stands behind the options. 0 or the exit status. */
static int read_operands(struct request *request, int count, char **operands)
{
	int most;

	if (count == 0)
		return usage_error("a role is missing: ha, fa or mn", NULL);
	request->role_name = operands[0];
	request->role = mipctl_role_of(operands[0]);
	if (!request->role)
		return usage_error("the role must be ha, fa or mn, not", operands[0]);
	if (count == 1)
		return usage_error("a command is missing", NULL);
	request->command = mipctl_command_of(request->role, operands[1]);
	if (!request->command)
		return usage_error("this role has no command", operands[1]);
	if (request->command->argument && count == 2)
		return usage_error("the command needs its argument", request->command->argument);
	most = 2 + (request->command->argument != NULL) + (request->command->optional != NULL);
	if (count > most)
		return usage_error("too many arguments, from", operands[most]);
	request->argument = request->command->argument ? operands[2] : NULL;
	return count > 3 ? join_operands(request, operands[2], operands[3]) : 0;
}

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static void show(const struct request *request, json_t *result)
{
	if (request->json) {
		json_dumpf(result, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
		putchar('\n');
	} else {
		mipctl_print(stdout, request->command->form, result, request->colour);
	}
}

static int gone(const struct request *request, int error)
{
	fprintf(stderr, "mipctl: mip-%s went away without an answer%s%s\n", request->role_name,
		error == -ENODATA ? "" : ": ", error == -ENODATA ? "" : strerror(-error));
	return MIPCTL_STATUS_NO_DAEMON;
}

/* A line may come at any time: each is shown at once. */
static int show_events(const struct request *request, struct mip_control_lines *lines)
{
	json_t *event;

	while (mip_control_lines_next(lines, &event) == 0) {
		show(request, event);
		json_decref(event);
		if (fflush(stdout) != 0)
			return MIPCTL_STATUS_DONE;
	}
	fprintf(stderr, "mipctl: mip-%s went away\n", request->role_name);
	return MIPCTL_STATUS_NO_DAEMON;
}

static int show_answer(const struct request *request, struct mip_control_lines *lines)
{
	json_t *answer, *result, *error;
	int r = mip_control_lines_next(lines, &answer);
	int status = MIPCTL_STATUS_DONE;

	if (r < 0)
		return gone(request, r);
	result = json_object_get(answer, "result");
	error = json_object_get(answer, "error");
	if (!result) {
		char text[MIPCTL_CELL];

		fprintf(stderr, "mipctl: mip-%s refused: %s\n", request->role_name,
			mipctl_cell("", error, text));
		status = MIPCTL_STATUS_REFUSED;
	} else if (request->command->form == MIPCTL_FORM_EVENTS) {
		status = show_events(request, lines);
	} else {
		show(request, result);
	}
	json_decref(answer);
	return status;
}

static int converse(const struct request *request, int descriptor)
{
	struct mip_control_lines *lines = NULL;
	int r = mip_control_ask(descriptor, request->command->name, request->argument);
	int status;

	if (r == -EINVAL)
		return usage_error("the argument is no text", NULL);
	if (r == 0)
		r = mip_control_lines_new(descriptor, &lines);
	status = r < 0 ? gone(request, r) : show_answer(request, lines);
	mip_control_lines_free(lines);
	return status;
}

int mipctl_run(int argc, char **argv)
{
	struct request request = {0};
	int descriptor, status, r;

	status = read_options(&request, argc, argv);
	if (status >= 0)
		return status;
	status = read_operands(&request, argc - optind, argv + optind);
	if (status != 0)
		return status;
	request.colour = wants_colour();
	if (!request.socket) {
		snprintf(request.default_socket, sizeof(request.default_socket), "/run/mip/%s.sock",
			request.role_name);
		request.socket = request.default_socket;
	}
	r = mip_control_connect(request.socket, &descriptor);
	if (r < 0) {
		fprintf(stderr, "mipctl: no mip-%s answers at %s: %s\n", request.role_name, request.socket,
			strerror(-r));
		return MIPCTL_STATUS_NO_DAEMON;
	}
	status = converse(&request, descriptor);
	close(descriptor);
	if (fflush(stdout) != 0 && status == MIPCTL_STATUS_DONE) {
		fprintf(stderr, "mipctl: cannot write: %s\n", strerror(errno));
		status = MIPCTL_STATUS_REFUSED;
	}
	return status;
}

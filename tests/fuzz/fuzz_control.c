/*
 * Any octets from a client of the control socket: each line is answered with a JSON object, and the daemon's
 * end closes when the client has said all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "control.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

static struct {
	struct mip_loop *loop;
	struct mip_control *control;
	char folder[64];
	char path[128];
	int client;
	const char *octets; /* what is still to be sent */
	size_t length;
	char answers[1 << 20];
	size_t answered;
} fuzz;

static int answer(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_event event = mip_event_of("asked");

	(void)context;
	mip_event_string(&event, "command", command);
	mip_control_event(fuzz.control, &event, MIP_SECOND);
	if (strcmp(command, "refuse") == 0) {
		*ret_error = argument;
		return -EINVAL;
	}
	if (command[0] == 'x')
		return -ENOENT;
	*ret_result = json_pack("{s:s, s:o}", "command", command, "argument", mip_json_string(argument));
	return 0;
}

static void finish(void)
{
	mip_control_free(fuzz.control);
	mip_loop_free(fuzz.loop);
	rmdir(fuzz.folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	strcpy(fuzz.folder, "/tmp/fuzz_control.XXXXXX");
	if (!mkdtemp(fuzz.folder))
		abort();
	snprintf(fuzz.path, sizeof(fuzz.path), "%s/sock", fuzz.folder);
	if (mip_loop_new(&fuzz.loop) < 0 ||
		mip_control_new(fuzz.loop, fuzz.path, answer, NULL, &fuzz.control) < 0)
		abort();
	atexit(finish);
	return 0;
}

static void send_some(void)
{
	ssize_t n =
		fuzz.length ? send(fuzz.client, fuzz.octets, fuzz.length, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n > 0) {
		fuzz.octets += n;
		fuzz.length -= (size_t)n;
	}
	if (fuzz.length == 0)
		shutdown(fuzz.client, SHUT_WR);
}

/* The client's part, whenever the daemon has nothing to do. */
static mip_time settle(void *context)
{
	ssize_t n;

	(void)context;
	send_some();
	do {
		if (fuzz.answered == sizeof(fuzz.answers))
			fuzz.answered = 0;
		n = recv(fuzz.client, fuzz.answers + fuzz.answered, sizeof(fuzz.answers) - fuzz.answered,
			MSG_DONTWAIT);
		if (n > 0)
			fuzz.answered += (size_t)n;
	} while (n > 0);
	if (n == 0 || errno != EAGAIN)
		mip_loop_stop(fuzz.loop);
	return MIP_NEVER;
}

static void check_line(const char *line, size_t length)
{
	json_t *json = json_loadb(line, length, 0, NULL);

	if (!json_object_get(json, "result") && !json_object_get(json, "error") &&
		!json_object_get(json, "event"))
		abort();
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	char *line = fuzz.answers, *end;

	if (mip_control_connect(fuzz.path, &fuzz.client) < 0)
		abort();
	fuzz.octets = (const char *)octets;
	fuzz.length = length;
	fuzz.answered = 0;
	mip_loop_settle(fuzz.loop, settle, NULL);
	mip_loop_run(fuzz.loop);
	close(fuzz.client);
	while ((end = memchr(line, '\n', fuzz.answered - (size_t)(line - fuzz.answers)))) {
		check_line(line, (size_t)(end - line));
		line = end + 1;
	}
	return 0;
}

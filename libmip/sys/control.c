/*
 * The control socket, the daemon's end. Everything is non-blocking: a client that does not read its answer
 * holds up nobody but itself, because its next command is only read when the answer before has gone.
 *
 *              line                      answer                      written out
 *   reading ─────────> the role's table ─────────> writing ────────────────────────> reading
 *      │                                              ^
 *      └── "watch" ──> watching ──────── events ──────┘   dropped when it does not read
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "folder.h"

enum {
	MOST_LINE = 64 << 10,	 /* a command */
	MOST_BACKLOG = 1 << 20,	 /* events that a watcher has not read */
	MOST_CLIENTS = 128,	 /* at once; further ones wait in the kernel's queue */
	MOST_LINES_AT_ONCE = 16, /* commands of one client before others have their turn */
	KEPT_OUTPUT = 64 << 10,	 /* a larger buffer is given back once it is empty */
	FOLDER_MODE = 0755,
};

struct client {
	struct mip_control *control;
	struct client *previous;
	struct client *next;
	struct mip_watch *watch;
	int descriptor;
	bool watching;
	bool ended; /* it has sent all that it will send */
	char *output;
	size_t output_begin;
	size_t output_end;
	size_t output_size;
	size_t input_length;
	char input[MOST_LINE];
};

struct mip_control {
	struct mip_loop *loop;
	struct mip_watch *watch;
	mip_control_function *function;
	void *context;
	struct client *clients;
	size_t client_count;
	int descriptor;
	int reserve; /* closed to make room for turning a client away when descriptors run out */
	struct sockaddr_un name;
	bool made_folder;
	dev_t device;
	ino_t inode; /* of the socket that we made; 0: not yet */
};

/* --- one client ------------------------------------------------------------------------------- */

static void client_free(struct client *client)
{
	struct mip_control *control = client->control;

	if (client->previous)
		client->previous->next = client->next;
	else
		control->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	/* There is room for one more again. */
	if (control->client_count-- == MOST_CLIENTS && control->watch)
		mip_watch_change(control->watch, MIP_WATCH_READ);
	mip_watch_free(client->watch);
	close(client->descriptor);
	free(client->output);
	free(client);
}

static bool client_has_output(const struct client *client)
{
	return client->output_end > client->output_begin;
}

static int output_reserve(struct client *client, size_t length)
{
	size_t waiting = client->output_end - client->output_begin;
	size_t size = client->output_size ? client->output_size : 4096;
	char *output;

	if (client->output_size - client->output_end >= length)
		return 0;
	if (client->output_begin > 0) {
		memmove(client->output, client->output + client->output_begin, waiting);
		client->output_begin = 0;
		client->output_end = waiting;
	}
	while (size - waiting < length)
		size *= 2;
	output = realloc(client->output, size);
	if (!output)
		return -ENOMEM;
	client->output = output;
	client->output_size = size;
	return 0;
}

static int output_append(const char *octets, size_t length, void *context)
{
	struct client *client = context;
	int r = output_reserve(client, length);

	if (r < 0)
		return r;
	memcpy(client->output + client->output_end, octets, length);
	client->output_end += length;
	return 0;
}

static int output_append_json(struct client *client, const json_t *json)
{
	if (!json || json_dump_callback(json, output_append, client, JSON_COMPACT) < 0)
		return -ENOMEM;
	return output_append("\n", 1, client);
}

/* Writes what the socket takes. 0, or negative errno when the client has gone. */
static int client_flush(struct client *client)
{
	while (client_has_output(client)) {
		ssize_t n = send(client->descriptor, client->output + client->output_begin,
			client->output_end - client->output_begin, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		client->output_begin += (size_t)n;
	}
	client->output_begin = client->output_end = 0;
	if (client->output_size > KEPT_OUTPUT) {
		free(client->output);
		client->output = NULL;
		client->output_size = 0;
	}
	return 0;
}

static int client_receive(struct client *client)
{
	size_t room = sizeof(client->input) - client->input_length;
	ssize_t n = recv(client->descriptor, client->input + client->input_length, room, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		client->ended = true;
	else if (!client->watching)
		client->input_length += (size_t)n;
	return 0;
}

/* --- commands --------------------------------------------------------------------------------- */

static int answer_error(struct client *client, const char *why)
{
	json_t *message = mip_json_string(why);
	json_t *answer = message ? json_pack("{s:o}", "error", message) : NULL;
	int r = output_append_json(client, answer);

	json_decref(answer);
	return r;
}

/* Takes over the reference; NULL is an empty result. */
static int answer_result(struct client *client, json_t *result)
{
	json_t *answer = json_pack("{s:o}", "result", result ? result : json_object());
	int r = output_append_json(client, answer);

	json_decref(answer);
	return r;
}

static int answer_command(struct client *client, const char *command, const char *argument)
{
	const char *why = NULL;
	json_t *result = NULL;
	int r;

	if (strcmp(command, "watch") == 0) {
		client->watching = true;
		client->input_length = 0;
		return answer_result(client, NULL);
	}
	r = client->control->function(client->control->context, command, argument, &result, &why);
	if (r == 0)
		return answer_result(client, result);
	json_decref(result);
	if (!why)
		why = r == -ENOENT ? "unknown command" : strerror(-r);
	return answer_error(client, why);
}

static int answer_line(struct client *client, const char *line, size_t length)
{
	json_t *question = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *command = json_object_get(question, "command"),
	       *argument = json_object_get(question, "argument");
	int r;

	if (!json_is_object(question))
		r = answer_error(client, "not a JSON object");
	else if (!json_is_string(command))
		r = answer_error(client, "no command");
	else if (argument && !json_is_string(argument) && !json_is_null(argument))
		r = answer_error(client, "the argument is no string");
	else
		r = answer_command(client, json_string_value(command), json_string_value(argument));
	json_decref(question);
	return r;
}

/* The next line that has come in whole; what a client sent before it ended is one too. */
static bool client_line(const struct client *client, size_t *ret_length)
{
	const char *end = memchr(client->input, '\n', client->input_length);

	if (client->watching || client->input_length == 0 || (!end && !client->ended))
		return false;
	*ret_length = end ? (size_t)(end - client->input) : client->input_length;
	return true;
}

static int client_answer(struct client *client)
{
	size_t length;

	for (int i = 0; i < MOST_LINES_AT_ONCE && !client_has_output(client); i++) {
		size_t used;
		int r;

		if (!client_line(client, &length))
			return client->input_length == sizeof(client->input) ? -EMSGSIZE : 0;
		used = length < client->input_length ? length + 1 : length;
		r = answer_line(client, client->input, length);
		if (r == 0)
			r = client_flush(client);
		if (r < 0)
			return r;
		if (!client->watching) {
			client->input_length -= used;
			memmove(client->input, client->input + used, client->input_length);
		}
	}
	return 0;
}

/* What the client shall be watched for; 0: nothing more can come of it. */
static unsigned client_events(const struct client *client)
{
	unsigned events = 0;
	size_t length;

	if (client->watching && client->ended)
		return 0;
	/* A line that waits for its turn has it when the loop comes round again. */
	if (client_has_output(client) || client_line(client, &length))
		events |= MIP_WATCH_WRITE;
	if (!client->ended && (client->watching || events == 0))
		events |= MIP_WATCH_READ;
	return events;
}

static void on_client(void *context, int descriptor, unsigned events)
{
	struct client *client = context;
	unsigned wanted;
	int r = 0;

	(void)descriptor;
	if (events & MIP_WATCH_WRITE)
		r = client_flush(client);
	if (r == 0 && (events & MIP_WATCH_READ))
		r = client_receive(client);
	if (r == 0)
		r = client_answer(client);
	wanted = r == 0 ? client_events(client) : 0;
	if (wanted)
		mip_watch_change(client->watch, wanted);
	else
		client_free(client);
}

static int client_new(struct mip_control *control, int descriptor)
{
	struct client *client = malloc(sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	/* The input is left as it is: 64 KiB that are rarely used. */
	memset(client, 0, offsetof(struct client, input));
	client->control = control;
	client->descriptor = descriptor;
	r = mip_loop_watch(control->loop, descriptor, MIP_WATCH_READ, on_client, client, &client->watch);
	if (r < 0) {
		free(client);
		return r;
	}
	client->next = control->clients;
	if (client->next)
		client->next->previous = client;
	control->clients = client;
	control->client_count++;
	return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

static json_t *field_json(const struct mip_field *field)
{
	switch (field->type) {
	case MIP_FIELD_NULL:
		break;
	case MIP_FIELD_BOOLEAN:
		return json_boolean(field->boolean);
	case MIP_FIELD_NUMBER:
		return json_integer(field->number);
	case MIP_FIELD_STRING:
		return mip_json_string(field->string);
	case MIP_FIELD_ADDRESS:
		return mip_json_address(field->address);
	}
	return json_null();
}

static char *event_line(const struct mip_event *event, mip_time wall)
{
	/* Microseconds: as much as a double holds of a time of day. */
	mip_time microseconds = wall / MIP_MICROSECOND;
	double time = (double)microseconds / 1e6;
	json_t *json = json_pack("{s:f, s:s}", "time", time, "event", event->name);
	char *line;

	for (size_t i = 0; i < event->count && json; i++)
		json_object_set_new(json, event->fields[i].name, field_json(&event->fields[i]));
	line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(16)) : NULL;
	json_decref(json);
	return line;
}

static size_t backlog(const struct client *client)
{
	return client->output_end - client->output_begin;
}

/* 0, or negative errno: the watcher has gone, or does not read. */
static int client_tell(struct client *client, const char *line, size_t length)
{
	int r = 0;

	/* Many events in one turn of the loop are not the watcher's fault. */
	if (backlog(client) + length >= MOST_BACKLOG)
		r = client_flush(client);
	if (r == 0 && backlog(client) + length >= MOST_BACKLOG)
		r = -ENOBUFS;
	if (r == 0)
		r = output_append(line, length, client);
	if (r == 0)
		r = output_append("\n", 1, client);
	if (r == 0)
		mip_watch_change(client->watch, MIP_WATCH_READ | MIP_WATCH_WRITE);
	return r;
}

void mip_control_event(struct mip_control *control, const struct mip_event *event, mip_time wall)
{
	struct client *client, *next;
	char *line = NULL;

	for (client = control->clients; client; client = next) {
		next = client->next;
		if (!client->watching)
			continue;
		if (!line)
			line = event_line(event, wall);
		if (line && client_tell(client, line, strlen(line)) < 0)
			client_free(client);
	}
	free(line);
}

/* --- the listening socket --------------------------------------------------------------------- */

/* Out of descriptors: a client that stayed in the queue would wake the loop for ever, so it is turned away.
 */
static void turn_away(struct mip_control *control)
{
	int descriptor;

	if (control->reserve >= 0)
		close(control->reserve);
	descriptor = accept4(control->descriptor, NULL, NULL, SOCK_CLOEXEC);
	if (descriptor >= 0)
		close(descriptor);
	control->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(void *context, int listening, unsigned events)
{
	struct mip_control *control = context;
	int descriptor = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (descriptor < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(control);
		return;
	}
	if (client_new(control, descriptor) < 0)
		close(descriptor);
	else if (control->client_count == MOST_CLIENTS)
		mip_watch_change(control->watch, 0);
}

/* The folder of the socket, and those above it. */
static int make_folder(struct mip_control *control)
{
	char *folder = mip_folder_of(control->name.sun_path);
	int r = folder ? mip_folder_make(folder, FOLDER_MODE) : -ENOMEM;

	control->made_folder = r > 0;
	free(folder);
	return r < 0 ? r : 0;
}

/* What lies at the path: a socket that nobody listens to is removed, all else stays. */
static int remove_stale(const struct sockaddr_un *name)
{
	struct stat status;
	int descriptor, r;

	if (lstat(name->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	r = connect(descriptor, (const struct sockaddr *)name, sizeof(*name)) < 0 ? -errno : 0;
	close(descriptor);
	if (r == 0 || r == -EAGAIN)
		return -EADDRINUSE;
	if (r != -ECONNREFUSED)
		return r;
	return unlink(name->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int control_bind(struct mip_control *control)
{
	struct stat status;

	/* The mode of an unbound socket is what its name gets: there is no moment at which others can come
	 * in. */
	if (fchmod(control->descriptor, 0600) < 0 ||
		bind(control->descriptor, (struct sockaddr *)&control->name, sizeof(control->name)) < 0)
		return -errno;
	if (lstat(control->name.sun_path, &status) < 0)
		return -errno;
	control->device = status.st_dev;
	control->inode = status.st_ino;
	return listen(control->descriptor, 64) < 0 ? -errno : 0;
}

static int control_open(struct mip_control *control, const char *path)
{
	int r;

	if (strlen(path) >= sizeof(control->name.sun_path))
		return -ENAMETOOLONG;
	if (!*path)
		return -EINVAL;
	control->name.sun_family = AF_UNIX;
	memcpy(control->name.sun_path, path, strlen(path) + 1);
	control->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->descriptor < 0)
		return -errno;
	r = make_folder(control);
	if (r == 0)
		r = remove_stale(&control->name);
	if (r == 0)
		r = control_bind(control);
	return r;
}

int mip_control_new(struct mip_loop *loop, const char *path, mip_control_function *function, void *context,
	struct mip_control **ret_control)
{
	struct mip_control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->function = function;
	control->context = context;
	control->descriptor = -1;
	control->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r = control_open(control, path);
	if (r == 0)
		r = mip_loop_watch(
			loop, control->descriptor, MIP_WATCH_READ, on_connection, control, &control->watch);
	if (r < 0)
		mip_control_free(control);
	else
		*ret_control = control;
	return r;
}

int mip_control_give(struct mip_control *control, uid_t user, gid_t group)
{
	char *folder = mip_folder_of(control->name.sun_path);
	int r = folder ? 0 : -ENOMEM;

	if (r == 0 && control->made_folder && lchown(folder, user, group) < 0)
		r = -errno;
	if (r == 0 && lchown(control->name.sun_path, user, group) < 0)
		r = -errno;
	free(folder);
	return r;
}

/* Ours only: another daemon may have taken the place of a name that somebody removed. */
static void remove_name(const struct mip_control *control)
{
	struct stat status;

	if (control->inode && lstat(control->name.sun_path, &status) == 0 &&
		status.st_dev == control->device && status.st_ino == control->inode)
		unlink(control->name.sun_path);
}

void mip_control_free(struct mip_control *control)
{
	if (!control)
		return;
	remove_name(control);
	while (control->clients) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): client_free() has put the next one there */
		client_flush(control->clients);
		client_free(control->clients);
	}
	mip_watch_free(control->watch);
	if (control->descriptor >= 0)
		close(control->descriptor);
	if (control->reserve >= 0)
		close(control->reserve);
	free(control);
}

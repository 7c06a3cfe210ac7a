/*
 * The control socket, mipctl's end: asks one question, gives the lines that come back. It blocks.
 */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct mip_control_lines {
	int descriptor;
	char *octets;
	size_t begin;	 /* of the next line */
	size_t searched; /* up to here there is no newline */
	size_t end;
	size_t size;
};

int mip_control_connect(const char *path, int *ret_descriptor)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int descriptor;

	if (strlen(path) >= sizeof(name.sun_path))
		return -ENAMETOOLONG;
	memcpy(name.sun_path, path, strlen(path) + 1);
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	if (connect(descriptor, (struct sockaddr *)&name, sizeof(name)) < 0) {
		int error = errno;

		close(descriptor);
		return -error;
	}
	*ret_descriptor = descriptor;
	return 0;
}

static int send_all(int descriptor, const char *octets, size_t length)
{
	while (length > 0) {
		ssize_t n = send(descriptor, octets, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		octets += n;
		length -= (size_t)n;
	}
	return 0;
}

int mip_control_ask(int descriptor, const char *command, const char *argument)
{
	json_t *question = json_pack("{s:s, s:s*}", "command", command, "argument", argument);
	char *line = question ? json_dumps(question, JSON_COMPACT) : NULL;
	int r = line ? send_all(descriptor, line, strlen(line)) : -EINVAL;

	if (r == 0)
		r = send_all(descriptor, "\n", 1);
	free(line);
	json_decref(question);
	return r;
}

int mip_control_lines_new(int descriptor, struct mip_control_lines **ret_lines)
{
	struct mip_control_lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	lines->descriptor = descriptor;
	*ret_lines = lines;
	return 0;
}

void mip_control_lines_free(struct mip_control_lines *lines)
{
	if (!lines)
		return;
	free(lines->octets);
	free(lines);
}

static int lines_make_room(struct mip_control_lines *lines)
{
	size_t size = lines->size ? 2 * lines->size : 65536;
	char *octets;

	if (lines->begin > 0) {
		lines->end -= lines->begin;
		lines->searched -= lines->begin;
		memmove(lines->octets, lines->octets + lines->begin, lines->end);
		lines->begin = 0;
	}
	if (lines->end < lines->size)
		return 0;
	octets = realloc(lines->octets, size);
	if (!octets)
		return -ENOMEM;
	lines->octets = octets;
	lines->size = size;
	return 0;
}

static int lines_receive(struct mip_control_lines *lines)
{
	ssize_t n;
	int r = lines->end < lines->size ? 0 : lines_make_room(lines);

	if (r < 0)
		return r;
	do
		n = recv(lines->descriptor, lines->octets + lines->end, lines->size - lines->end, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -ENODATA : -errno;
	if (n == 0)
		return -ENODATA;
	lines->end += (size_t)n;
	return 0;
}

int mip_control_lines_next(struct mip_control_lines *lines, json_t **ret_line)
{
	char *newline = NULL;
	json_t *json;

	while (!newline) {
		if (lines->searched < lines->end)
			newline = memchr(lines->octets + lines->searched, '\n', lines->end - lines->searched);
		if (!newline) {
			int r;

			lines->searched = lines->end;
			r = lines_receive(lines);
			if (r < 0)
				return r;
		}
	}
	json = json_loadb(
		lines->octets + lines->begin, (size_t)(newline - lines->octets) - lines->begin, 0, NULL);
	lines->begin = lines->searched = (size_t)(newline - lines->octets) + 1;
	if (!json)
		return -EBADMSG;
	*ret_line = json;
	return 0;
}

/*
 * The log of a daemon: one line a message on standard error, in a single write, so that lines of several
 * writers do not mix.
 *
 * Standard error is the journal's when JOURNAL_STREAM names its device and inode (systemd.exec(5)); a shell
 * in a desktop session has the variable too, but not the descriptor. The journal gets a priority prefix and
 * puts the time to it itself; a person gets the time. Control characters never reach the terminal: part of a
 * line may come from a peer.
 */
#include "stderr_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_SIZE = 2048,
};

struct stderr_log {
	struct mip_log log;
	const char *program;
	enum mip_log_level most;
	bool journal;
};

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device;
	uintmax_t inode;
	struct stat status;

	if (stream == NULL || sscanf(stream, "%ju:%ju", &device, &inode) != 2)
		return false;
	if (fstat(STDERR_FILENO, &status) < 0)
		return false;
	return status.st_dev == device && status.st_ino == inode;
}

/* "2026-11-23T12:00:00.123 " */
static size_t put_time(char *line, size_t size)
{
	struct timespec now;
	struct tm local;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	if (localtime_r(&now.tv_sec, &local) == NULL)
		return 0;
	length = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &local);
	length += (size_t)snprintf(line + length, size - length, ".%03ld ", now.tv_nsec / 1000000);
	return length;
}

/* What snprintf() wrote, as opposed to what it would have. */
static size_t written(int wanted, size_t room)
{
	if (wanted < 0)
		return 0;
	return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void write_line(void *context, enum mip_log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void write_line(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	const struct stderr_log *log = context;
	char line[LINE_SIZE];
	size_t size = sizeof(line) - 1; /* the newline */
	size_t length;
	size_t start;

	if (level > log->most)
		return;
	if (log->journal)
		length = written(snprintf(line, size, "<%d>", (int)level), size);
	else
		length = put_time(line, size);
	length += written(snprintf(line + length, size - length, "%s: ", log->program), size - length);
	start = length;
	length += written(vsnprintf(line + length, size - length, format, arguments), size - length);
	for (size_t i = start; i < length; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[length++] = '\n';
	/* A log that cannot be written has nobody to be told. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

const struct mip_log *mip_stderr_log(const char *program, enum mip_log_level most)
{
	static struct stderr_log log;

	log.log.write = write_line;
	log.log.context = &log;
	log.program = program;
	log.most = most;
	log.journal = stderr_is_journal();
	return &log.log;
}

/* A network namespace of a test's own. */
#include "namespace.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

bool namespace_allowed(void)
{
	return geteuid() == 0;
}

int namespace_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	return namespace_run("ip link set lo up") == 0 ? 0 : -EIO;
}

/* Both of its ends: everything that `command` prints, and its exit status. */
static char *run(const char *command, int *ret_status)
{
	FILE *stream = popen(command, "re");
	char *output = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&output, &length);
	int character;

	assert_non_null(stream);
	assert_non_null(memory);
	while ((character = fgetc(stream)) != EOF)
		fputc(character, memory);
	fclose(memory);
	*ret_status = pclose(stream);
	return output;
}

static char *run_list(const char *format, va_list arguments, int *ret_status)
	__attribute__((format(printf, 1, 0)));
static char *run_list(const char *format, va_list arguments, int *ret_status)
{
	char *command;
	char *output;

	assert_true(vasprintf(&command, format, arguments) > 0);
	output = run(command, ret_status);
	free(command);
	return output;
}

int namespace_run(const char *format, ...)
{
	va_list arguments;
	char *command;
	char *quiet;
	int status;

	va_start(arguments, format);
	assert_true(vasprintf(&command, format, arguments) > 0);
	va_end(arguments);
	assert_true(asprintf(&quiet, "{ %s\n} >/dev/null 2>&1", command) > 0);
	free(run(quiet, &status));
	free(quiet);
	free(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void namespace_must(const char *format, ...)
{
	va_list arguments;
	char *output;
	int status;

	va_start(arguments, format);
	output = run_list(format, arguments, &status);
	va_end(arguments);
	if (status != 0)
		print_error("%s: exit status %d: %s\n", format, status, output);
	free(output);
	assert_int_equal(status, 0);
}

char *namespace_output(const char *format, ...)
{
	va_list arguments;
	char *output;
	int status;

	va_start(arguments, format);
	output = run_list(format, arguments, &status);
	va_end(arguments);
	return output;
}

char *namespace_snapshot(void)
{
	int status;

	/* That a link has no carrier is not a route's matter, and a veth gets its own some time after it is up. */
	return run("ip -d -4 route show table all | sed 's/ linkdown//'; ip -d -4 rule; ip -4 -o address | "
		   "sed 's/valid_lft.*//';"
		   "ip -4 neighbour show nud permanent; ip -4 neighbour show proxy;"
		   "ip -4 maddress; cd /proc/sys/net/ipv4; grep . ip_forward conf/*/* neigh/*/proxy_delay "
		   "2>/dev/null",
		&status);
}

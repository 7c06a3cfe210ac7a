/*
 * A network namespace of a test's own, and the `ip` command in it. Tests that need it call namespace_enter()
 * as their setup; it leaves the test's process in a new, empty namespace, and fails when that is not allowed
 * (namespace_allowed() says so beforehand).
 */
#ifndef TESTS_UNIT_NAMESPACE_H
#define TESTS_UNIT_NAMESPACE_H

#include <stdbool.h>

bool namespace_allowed(void);
/* At the beginning of a test: skips it where there may be no namespace. Needs <cmocka.h>. */
#define NEEDS_ROOT()                                                                                         \
	do {                                                                                                 \
		if (!namespace_allowed())                                                                    \
			skip();                                                                              \
	} while (0)
/* A fresh namespace with lo up. Returns 0, or negative errno. */
int namespace_enter(void);
/* Runs commands by the shell, `format` as printf's; their exit status, output to nowhere. */
int namespace_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, fails the test if they do not succeed. */
void namespace_must(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What they print; to be freed. */
char *namespace_output(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* All that a daemon might change: routes, rules, addresses, neighbours, groups, IPv4 settings; to be freed.
 */
char *namespace_snapshot(void);

#endif

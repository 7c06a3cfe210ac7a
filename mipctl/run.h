/*
 * mipctl as a function: what main() calls, and the tests.
 */
#ifndef MIPCTL_RUN_H
#define MIPCTL_RUN_H

/* The exit status, as mipctl(1) promises it. */
enum {
	MIPCTL_STATUS_DONE = 0,
	MIPCTL_STATUS_REFUSED = 1,
	MIPCTL_STATUS_USAGE = 2,
	MIPCTL_STATUS_NO_DAEMON = 3,
};

int mipctl_run(int argc, char **argv);

#endif

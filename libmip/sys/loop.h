/*
 * The event loop: libev behind a small face, with one timerfd on CLOCK_BOOTTIME that is set to the daemon's
 * next deadline. Single-threaded.
 */
#ifndef MIP_SYS_LOOP_H
#define MIP_SYS_LOOP_H

#include "types.h"

struct mip_loop;
struct mip_watch;

enum {
	MIP_WATCH_READ = 1,
	MIP_WATCH_WRITE = 2,
	/* With the others, when the watch is made: bulk traffic, served after everything else that is ready.
	 */
	MIP_WATCH_BULK = 4,
};

typedef void mip_watch_function(void *context, int descriptor, unsigned events);
typedef void mip_loop_function(void *context);

/* 0 or negative errno. */
int mip_loop_new(struct mip_loop **ret_loop);
void mip_loop_free(struct mip_loop *loop);
/* Runs until mip_loop_stop(). */
void mip_loop_run(struct mip_loop *loop);
void mip_loop_stop(struct mip_loop *loop);

/* Watches a descriptor, which stays the caller's. 0 or negative errno. */
int mip_loop_watch(struct mip_loop *loop, int descriptor, unsigned events, mip_watch_function *function,
	void *context, struct mip_watch **ret_watch);
void mip_watch_change(struct mip_watch *watch, unsigned events); /* 0 pauses */
void mip_watch_free(struct mip_watch *watch); /* NULL is fine; may be called from its own function */

/* A signal, delivered in the loop. */
int mip_loop_signal(struct mip_loop *loop, int number, mip_loop_function *function, void *context);

/*
 * `settle` runs before each time the loop blocks: this is where a daemon takes its machine's outputs and says
 * its next deadline. It returns the time to be woken at (MIP_NEVER: not at all); when that time has come,
 * `settle` is called again.
 */
typedef mip_time mip_settle_function(void *context);
void mip_loop_settle(struct mip_loop *loop, mip_settle_function *settle, void *context);

/* Both clocks now. */
struct mip_now mip_clock_now(void);
/* The kernel's randomness (getrandom), for machines. */
extern const struct mip_random mip_system_random;

#endif

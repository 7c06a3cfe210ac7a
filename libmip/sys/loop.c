/*
 * The event loop: libev, with one timer.
 *
 *        ┌──────────> settle ──> deadline ──> timerfd (CLOCK_BOOTTIME) ──┐
 *        │                                                               │
 *   descriptors, signals <────────────── epoll <─────────────────────────┘
 *
 * libev's own timers run on CLOCK_MONOTONIC, which stands still while a laptop sleeps; a binding's lifetime
 * does not. So there is a timerfd on CLOCK_BOOTTIME, set to the deadline that `settle` returns before each
 * wait. It is only touched when the deadline differs from the one it is set to: a busy data plane goes round
 * this loop some hundred thousand times between two deadlines.
 */
#include "loop.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct signal_watch {
	struct ev_signal signal;
	mip_loop_function *function;
	void *context;
	struct signal_watch *next;
};

struct mip_loop {
	struct ev_loop *ev;
	struct ev_prepare prepare;
	struct ev_io timer;
	int timer_descriptor;
	mip_time armed; /* what the timer is set to; MIP_NEVER: not at all */
	mip_settle_function *settle;
	void *settle_context;
	struct signal_watch *signals;
	bool stopped;
};

struct mip_watch {
	struct ev_io io;
	struct mip_loop *loop;
	mip_watch_function *function;
	void *context;
};

static void arm(struct mip_loop *loop, mip_time at)
{
	struct itimerspec when = {0};
	mip_time due = at > 0 ? at : 1; /* 0 would disarm it */

	if (at == loop->armed)
		return;
	if (at != MIP_NEVER) {
		when.it_value.tv_sec = due / MIP_SECOND;
		when.it_value.tv_nsec = due % MIP_SECOND;
	}
	if (timerfd_settime(loop->timer_descriptor, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		loop->armed = at;
}

static void on_prepare(struct ev_loop *ev, struct ev_prepare *prepare, int events)
{
	struct mip_loop *loop = prepare->data;

	(void)ev;
	(void)events;
	arm(loop, loop->settle != NULL ? loop->settle(loop->settle_context) : MIP_NEVER);
}

/* Only wakes the loop: settle, which comes before the next wait, looks what is due. */
static void on_timer(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct mip_loop *loop = io->data;
	uint64_t expirations;

	(void)ev;
	(void)events;
	if (read(loop->timer_descriptor, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
		loop->armed = MIP_NEVER;
}

int mip_loop_new(struct mip_loop **ret_loop)
{
	struct mip_loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (loop == NULL)
		return -ENOMEM;
	loop->armed = MIP_NEVER;
	loop->timer_descriptor = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_descriptor < 0) {
		error = -errno;
		goto fail;
	}
	loop->ev = ev_loop_new(EVFLAG_AUTO);
	if (loop->ev == NULL) {
		error = -ENOMEM;
		goto fail;
	}
	ev_io_init(&loop->timer, on_timer, loop->timer_descriptor, EV_READ);
	loop->timer.data = loop;
	ev_io_start(loop->ev, &loop->timer);
	ev_prepare_init(&loop->prepare, on_prepare);
	loop->prepare.data = loop;
	ev_prepare_start(loop->ev, &loop->prepare);
	*ret_loop = loop;
	return 0;

fail:
	mip_loop_free(loop);
	return error;
}

void mip_loop_free(struct mip_loop *loop)
{
	struct signal_watch *watch;

	if (loop == NULL)
		return;
	while ((watch = loop->signals) != NULL) {
		loop->signals = watch->next;
		ev_signal_stop(loop->ev, &watch->signal);
		free(watch);
	}
	if (loop->ev != NULL) {
		ev_prepare_stop(loop->ev, &loop->prepare);
		ev_io_stop(loop->ev, &loop->timer);
		ev_loop_destroy(loop->ev);
	}
	if (loop->timer_descriptor >= 0)
		close(loop->timer_descriptor);
	free(loop);
}

void mip_loop_run(struct mip_loop *loop)
{
	/* libev forgets a break that came before the run. */
	if (!loop->stopped)
		ev_run(loop->ev, 0);
	loop->stopped = false;
}

void mip_loop_stop(struct mip_loop *loop)
{
	loop->stopped = true;
	ev_break(loop->ev, EVBREAK_ALL);
}

static int to_ev(unsigned events)
{
	return (events & MIP_WATCH_READ ? EV_READ : 0) | (events & MIP_WATCH_WRITE ? EV_WRITE : 0);
}

/* The function may free the watch: nothing of it is used after the call. */
static void on_io(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct mip_watch *watch = io->data;
	unsigned seen = (events & EV_READ ? MIP_WATCH_READ : 0U) | (events & EV_WRITE ? MIP_WATCH_WRITE : 0U);

	(void)ev;
	watch->function(watch->context, io->fd, seen);
}

int mip_loop_watch(struct mip_loop *loop, int descriptor, unsigned events, mip_watch_function *function,
	void *context, struct mip_watch **ret_watch)
{
	struct mip_watch *watch;

	if (descriptor < 0)
		return -EBADF;
	watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return -ENOMEM;
	watch->loop = loop;
	watch->function = function;
	watch->context = context;
	ev_io_init(&watch->io, on_io, descriptor, to_ev(events));
	watch->io.data = watch;
	if (events & MIP_WATCH_BULK)
		ev_set_priority(&watch->io, EV_MINPRI);
	if (events != 0)
		ev_io_start(loop->ev, &watch->io);
	*ret_watch = watch;
	return 0;
}

void mip_watch_change(struct mip_watch *watch, unsigned events)
{
	struct ev_loop *ev = watch->loop->ev;

	if (ev_is_active(&watch->io) ? (watch->io.events & (EV_READ | EV_WRITE)) == to_ev(events)
				     : events == 0)
		return;
	ev_io_stop(ev, &watch->io);
	ev_io_set(&watch->io, watch->io.fd, to_ev(events));
	if (events != 0)
		ev_io_start(ev, &watch->io);
}

void mip_watch_free(struct mip_watch *watch)
{
	if (watch == NULL)
		return;
	ev_io_stop(watch->loop->ev, &watch->io);
	free(watch);
}

static void on_signal(struct ev_loop *ev, struct ev_signal *signal, int events)
{
	struct signal_watch *watch = signal->data;

	(void)ev;
	(void)events;
	watch->function(watch->context);
}

int mip_loop_signal(struct mip_loop *loop, int number, mip_loop_function *function, void *context)
{
	struct signal_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return -ENOMEM;
	watch->function = function;
	watch->context = context;
	ev_signal_init(&watch->signal, on_signal, number);
	watch->signal.data = watch;
	ev_signal_start(loop->ev, &watch->signal);
	watch->next = loop->signals;
	loop->signals = watch;
	return 0;
}

void mip_loop_settle(struct mip_loop *loop, mip_settle_function *settle, void *context)
{
	loop->settle = settle;
	loop->settle_context = context;
}

static mip_time clock_of(clockid_t clock)
{
	struct timespec time = {0};

	clock_gettime(clock, &time);
	return time.tv_sec * MIP_SECOND + time.tv_nsec;
}

struct mip_now mip_clock_now(void)
{
	return (struct mip_now){.boot = clock_of(CLOCK_BOOTTIME), .wall = clock_of(CLOCK_REALTIME)};
}

/* A nonce that can be guessed is worse than a daemon that is not there: without randomness it stops. */
static void fill_random(void *context, void *octets, size_t length)
{
	uint8_t *at = octets;

	(void)context;
	while (length > 0) {
		ssize_t got = getrandom(at, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		length -= (size_t)got;
	}
}

const struct mip_random mip_system_random = {.fill = fill_random};

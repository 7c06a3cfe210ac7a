/*
 * The log sink. The pure layers say what happened; who writes it, where and how it is formatted is the
 * shell's. What a peer can cause is logged through a limit, and always counted.
 */
#ifndef MIP_BASE_LOG_H
#define MIP_BASE_LOG_H

#include <stdarg.h>
#include "types.h"

/* The numbers of syslog(3), as journald's priority prefixes want them. */
enum mip_log_level {
	MIP_LOG_ERROR = 3,
	MIP_LOG_WARNING = 4,
	MIP_LOG_NOTICE = 5,
	MIP_LOG_INFO = 6,
	MIP_LOG_DEBUG = 7,
};

struct mip_log {
	/* `format` is printf's; the sink ends the line. NULL is a silent sink. */
	void (*write)(void *context, enum mip_log_level level, const char *format, va_list arguments);
	void *context;
};

/* `log` may be NULL. */
void mip_log(const struct mip_log *log, enum mip_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* At most `burst` lines in `interval`; zero-initialised is 10 lines in 10 s. */
struct mip_log_limit {
	mip_time interval;
	unsigned burst;
	uint64_t *withheld; /* counts up with each line that is held back; NULL: it is not counted */
	mip_time began;
	unsigned written;
	uint64_t suppressed;
};

/* True when a line may be written now. Counts what it holds back, and `*ret_missed` (may be NULL) gets the
 * number held back since the last line that was let through. */
bool mip_log_allowed(struct mip_log_limit *limit, mip_time now, uint64_t *ret_missed);

#endif

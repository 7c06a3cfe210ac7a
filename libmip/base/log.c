/*
 * The log sink's door, and the limit for what a peer can cause: a window of time with a number of lines in
 * it. When the next window opens, the first line through tells how many were held back meanwhile.
 */
#include "log.h"

enum {
	DEFAULT_BURST = 10,
};
#define DEFAULT_INTERVAL (10 * MIP_SECOND)

void mip_log(const struct mip_log *log, enum mip_log_level level, const char *format, ...)
{
	va_list arguments;

	if (log == NULL || log->write == NULL)
		return;
	va_start(arguments, format);
	log->write(log->context, level, format, arguments);
	va_end(arguments);
}

bool mip_log_allowed(struct mip_log_limit *limit, mip_time now, uint64_t *ret_missed)
{
	mip_time interval = limit->interval > 0 ? limit->interval : DEFAULT_INTERVAL;
	unsigned burst = limit->burst > 0 ? limit->burst : DEFAULT_BURST;

	if (limit->written == 0 || now - limit->began >= interval) {
		limit->began = now;
		limit->written = 0;
	}
	if (limit->written >= burst) {
		limit->suppressed++;
		if (limit->withheld != NULL)
			(*limit->withheld)++;
		return false;
	}
	limit->written++;
	if (ret_missed != NULL)
		*ret_missed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}

/*
 * Counters: one table a machine feeds mipctl, JSON and metrics. A machine declares an enum of its counters
 * and a table of names in the same order; counting is an array access.
 */
#ifndef MIP_BASE_COUNTER_H
#define MIP_BASE_COUNTER_H

#include "types.h"

struct mip_counter_name {
	const char *name; /* as in `mipctl counters`: requests_received, reply_131, drop_malformed */
	const char *help; /* one line, for the metrics */
};

/* A view for printing: `count` names and values side by side. */
struct mip_counter_table {
	const struct mip_counter_name *names;
	const uint64_t *values;
	size_t count;
};

#endif

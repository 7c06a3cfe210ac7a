/*
 * Rates: how often something that strangers can cause may happen, in all and for each of them.
 *
 * A rate lets so many a second through, and as many at once after a rest. A table of rates has a fixed number of
 * places, whatever number of strangers come: which place is whose, a secret decides, and those who meet in one share
 * its rate. So nobody can fill it, and nobody is pushed out of it.
 */
#ifndef MIP_BASE_RATE_H
#define MIP_BASE_RATE_H

#include "types.h"

/* All zero: nothing has happened yet. */
struct mip_rate {
	mip_time until; /* when it will have rested */
};

/* True when it may happen now, and counts it; `most` a second, 0: without a limit. */
bool mip_rate_take(struct mip_rate *rate, uint32_t most, mip_time now);

enum {
	MIP_RATE_PLACES = 256,
};

struct mip_rate_table {
	uint64_t secret;
	struct mip_rate places[MIP_RATE_PLACES];
};

void mip_rate_table_init(struct mip_rate_table *table, const struct mip_random *random);
/* The same for the one that these octets name. */
bool mip_rate_table_take(
	struct mip_rate_table *table, const void *octets, size_t length, uint32_t most, mip_time now);

#endif

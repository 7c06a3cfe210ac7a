/* A counter by its name. */
#ifndef COUNTER_VALUE_H
#define COUNTER_VALUE_H

#include "counter.h"

/* Fails the test if the table has no counter of this name. */
uint64_t counter_value(struct mip_counter_table table, const char *name);

#endif

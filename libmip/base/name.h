/*
 * Names of enums: one table a type, both ways.
 */
#ifndef MIP_BASE_NAME_H
#define MIP_BASE_NAME_H

#include "types.h"

struct mip_name {
	int value;
	const char *name;
};

/* A table ends with a row whose name is NULL. */
const char *mip_name_of(const struct mip_name *table, int value, const char *otherwise);
/* Returns 0, or -ENOENT and leaves the output untouched. */
int mip_name_find(const struct mip_name *table, const char *name, int *ret_value);

#endif

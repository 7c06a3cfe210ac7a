/*
 * Names of enums. Tables are short and looked up for people only, so that a walk is enough.
 */
#include "name.h"

#include <errno.h>
#include <string.h>

const char *mip_name_of(const struct mip_name *table, int value, const char *otherwise)
{
	for (; table->name != NULL; table++) {
		if (table->value == value)
			return table->name;
	}
	return otherwise;
}

int mip_name_find(const struct mip_name *table, const char *name, int *ret_value)
{
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0) {
			*ret_value = table->value;
			return 0;
		}
	}
	return -ENOENT;
}

/* A counter by its name. */
#include "counter_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

uint64_t counter_value(struct mip_counter_table table, const char *name)
{
	for (size_t i = 0; i < table.count; i++) {
		if (strcmp(table.names[i].name, name) == 0)
			return table.values[i];
	}
	fail_msg("there is no counter %s", name);
	return 0;
}

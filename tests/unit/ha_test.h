/* What every test of the home agent's machine begins and ends with. */
#ifndef HA_TEST_H
#define HA_TEST_H

#include "ha_world.h"

static int setup(void **state)
{
	static struct world world;

	ha_world_prepare(&world);
	ha_world_start(&world);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	ha_world_end(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

/*
 * Home addresses that nobody may claim at a foreign agent: a visitor's route is a host route of the main
 * table, and a home agent of the claimant's own would say yes to anything.
 */
#include "fa_world.h"

#include "address.h"

static int code_of_claim(struct fa_world *world, const char *home_address, const char *home_agent)
{
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];

	request.link_address = link_address(0x66);
	request.fields.home_address = request.source = address(home_address);
	request.fields.home_agent = address(home_agent);
	fa_world_wait(world, MIP_SECOND);
	fa_world_clear(world);
	fa_world_send(world, &request, message);
	return fa_world_code(world);
}

/* A route to the claimant would cut the agent off from its gateway or from the home agents that it knows. */
static void nobody_is_at_home_where_the_agent_needs_to_send_to(void **state)
{
	struct fa_world world;
	struct fa_home_agent_settings named = {.address = address("198.51.100.7")};
	struct mip_input_default_route route = {
		.link = WORLD_UPLINK, .gateway = address("192.0.2.1"), .present = true};

	(void)state;
	fa_world_init(&world);
	world.settings.home_agents = &named;
	world.settings.home_agent_count = 1;
	fa_world_start(&world);
	fa_core_default_route(world.core, &route, world.now);
	assert_int_equal(code_of_claim(&world, "192.0.2.1", "198.51.100.66"), 65);
	assert_int_equal(code_of_claim(&world, "198.51.100.7", "198.51.100.66"), 65);
	assert_int_equal(code_of_claim(&world, "198.51.100.66", "198.51.100.66"), 65);
	assert_int_equal(code_of_claim(&world, "203.0.113.5", "198.51.100.66"), -1);
	fa_world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_at_home_where_the_agent_needs_to_send_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

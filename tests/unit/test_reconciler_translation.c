/*
 * Items that the data plane makes into something else: a route into the tunnel device that leads to a nexthop
 * object, a rule that leads to a table of the plane's own, a setting with another value.
 *
 * The nexthop objects 7 and 8 stand for those of the plane; both lead to t0.
 */
#include "reconciler_bench.h"

#include <string.h>
#include "address.h"

enum { TABLE = 77001, TABLE_OF_PLANE = 99001 };

/* The plane of these tests: on or off, and which nexthop it says. */
struct plane {
	uint32_t nexthop; /* 0: nothing is translated */
};

static bool translate(void *context, struct mip_want *want)
{
	const struct plane *plane = context;

	if (plane->nexthop == 0)
		return false;
	if (want->kind == MIP_WANT_ROUTE && want->route.link == MIP_LINK_TUNNEL) {
		want->route.nexthop = plane->nexthop;
		want->route.link = MIP_LINK_NONE;
		return true;
	}
	if (want->kind == MIP_WANT_RULE && want->rule.from.length == 32) {
		want->rule.table = TABLE_OF_PLANE;
		return true;
	}
	if (want->kind == MIP_WANT_SETTING && want->setting.link == MIP_LINK_TUNNEL) {
		want->setting.value = 0;
		return true;
	}
	return false;
}

static void begin(struct reconciler_bench *bench, struct plane *plane)
{
	namespace_must("ip nexthop add id 7 dev t0 && ip nexthop add id 8 dev t0");
	mip_reconciler_set_tunnel(bench->reconciler, bench->t0);
	mip_reconciler_set_translation(bench->reconciler, translate, plane);
}

static void change(struct reconciler_bench *bench, struct plane *plane, uint32_t nexthop)
{
	plane->nexthop = nexthop;
	mip_reconciler_translate_again(bench->reconciler);
	reconciler_flush(bench);
}

static void one_route_alone_is_led_elsewhere(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 7};
	struct mip_want routes[] = {
		{.kind = MIP_WANT_ROUTE,
			.route = {.destination = {mip_address_of(0x0a4d0001), 32}, .link = MIP_LINK_TUNNEL}},
		{.kind = MIP_WANT_ROUTE,
			.route = {.destination = {mip_address_of(0x0a4d0002), 32}, .link = MIP_LINK_TUNNEL}},
	};

	NEEDS_ROOT();
	begin(bench, &plane);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(routes); i++)
		assert_int_equal(mip_reconciler_want(bench->reconciler, &routes[i]), 0);
	reconciler_flush(bench);
	plane.nexthop = 8;
	mip_reconciler_translate_route(bench->reconciler, routes[1].route.destination);
	reconciler_flush(bench);
	namespace_must("ip route show 10.77.0.1 | grep -q 'nhid 7 '");
	namespace_must("ip route show 10.77.0.2 | grep -q 'nhid 8 '");
}

static void a_route_into_the_tunnel_leads_where_the_plane_says(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 7};

	NEEDS_ROOT();
	begin(bench, &plane);
	reconciler_want(bench, route_item("10.1.0.50/32", MIP_LINK_TUNNEL));
	reconciler_want(bench, route_item("10.1.0.51/32", bench->v0));
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route show 10.1.0.50", "nhid 7 dev t0 proto 78"));
	assert_false(kernel_shows("ip route show 10.1.0.51", "nhid"));
	change(bench, &plane, 8);
	assert_true(kernel_shows("ip route show 10.1.0.50", "nhid 8 dev t0 proto 78"));
	change(bench, &plane, 0);
	assert_true(kernel_shows("ip route show 10.1.0.50", "10.1.0.50 dev t0 proto 78"));
	change(bench, &plane, 7);
	assert_true(kernel_shows("ip route show 10.1.0.50", "nhid 7 dev t0 proto 78"));
	assert_int_equal(reconciler_counter(bench, "kernel_refusals"), 0);
	reconciler_unwant(bench, route_item("10.1.0.50/32", MIP_LINK_TUNNEL));
	reconciler_flush(bench);
	assert_false(kernel_shows("ip route show", "10.1.0.50"));
}

static bool leads_to_nexthop_7(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip route show 10.1.0.50", "nhid 7 ");
}

static void a_translated_route_is_repaired(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 7};

	NEEDS_ROOT();
	begin(bench, &plane);
	reconciler_want(bench, route_item("10.1.0.50/32", MIP_LINK_TUNNEL));
	reconciler_flush(bench);
	namespace_must("ip route del 10.1.0.50/32");
	reconciler_run_until(bench, leads_to_nexthop_7);
	namespace_must("ip route replace 10.1.0.50/32 dev v0");
	reconciler_run_until(bench, leads_to_nexthop_7);
	assert_int_equal(reconciler_counter(bench, "kernel_repairs"), 2);
}

/* The same route, made by somebody else as the plane would have it, is left alone, and stays at the end. */
static void a_translated_route_that_is_there_already_is_found_equal(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 7};

	NEEDS_ROOT();
	begin(bench, &plane);
	namespace_must("ip route add 10.1.0.50/32 nhid 7");
	reconciler_want(bench, route_item("10.1.0.50/32", MIP_LINK_TUNNEL));
	reconciler_flush(bench);
	reconciler_unwant(bench, route_item("10.1.0.50/32", MIP_LINK_TUNNEL));
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route show 10.1.0.50", "nhid 7"));
	namespace_must("ip route del 10.1.0.50/32");
}

static void a_rule_that_leads_to_another_table_takes_the_place_of_the_first(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 0};

	NEEDS_ROOT();
	begin(bench, &plane);
	reconciler_want(bench, rule_item(1001, "10.1.0.50/32", TABLE, bench->v0));
	reconciler_flush(bench);
	assert_true(kernel_shows("ip rule", "iif v0 lookup 77001 proto 78"));
	change(bench, &plane, 7);
	assert_true(kernel_shows("ip rule", "iif v0 lookup 99001 proto 78"));
	assert_false(kernel_shows("ip rule", "lookup 77001"));
	change(bench, &plane, 0);
	assert_true(kernel_shows("ip rule", "iif v0 lookup 77001 proto 78"));
	assert_false(kernel_shows("ip rule", "lookup 99001"));
	change(bench, &plane, 7);
	reconciler_unwant(bench, rule_item(1001, "10.1.0.50/32", TABLE, bench->v0));
	reconciler_flush(bench);
	assert_false(kernel_shows("ip rule", "10.1.0.50"));
}

static bool leads_to_the_planes_table(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip rule", "iif v0 lookup 99001 proto 78");
}

static void a_translated_rule_is_repaired(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 7};

	NEEDS_ROOT();
	begin(bench, &plane);
	reconciler_want(bench, rule_item(1001, "10.1.0.50/32", TABLE, bench->v0));
	reconciler_flush(bench);
	namespace_must("ip rule del priority 1001");
	reconciler_run_until(bench, leads_to_the_planes_table);
	assert_int_equal(reconciler_counter(bench, "kernel_repairs"), 1);
}

static void a_setting_of_the_tunnel_has_the_planes_value_as_long_as_it_runs(void **state)
{
	struct reconciler_bench *bench = *state;
	struct plane plane = {.nexthop = 0};

	NEEDS_ROOT();
	begin(bench, &plane);
	reconciler_want(bench, setting_item(MIP_SETTING_RP_FILTER, MIP_LINK_TUNNEL, 2));
	reconciler_flush(bench);
	assert_int_equal(kernel_setting("conf/t0/rp_filter"), 2);
	change(bench, &plane, 7);
	assert_int_equal(kernel_setting("conf/t0/rp_filter"), 0);
	change(bench, &plane, 0);
	assert_int_equal(kernel_setting("conf/t0/rp_filter"), 2);
}

/* Its routes name nexthops; they can be removed all the same. */
static void translated_items_of_a_predecessor_are_cleaned_up(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_stop(bench);
	namespace_must("ip nexthop add id 7 dev t0 && ip route add 10.1.0.50/32 nhid 7 proto 78 mtu 1480 && "
		       "ip route add 10.1.0.51/32 nhid 7");
	reconciler_start(bench);
	assert_false(kernel_shows("ip route show", "10.1.0.50"));
	assert_true(kernel_shows("ip route show", "10.1.0.51")); /* somebody else's */
	namespace_must("ip nexthop del id 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_route_into_the_tunnel_leads_where_the_plane_says),
		TEST(one_route_alone_is_led_elsewhere),
		TEST(a_translated_route_is_repaired),
		TEST(a_translated_route_that_is_there_already_is_found_equal),
		TEST(a_rule_that_leads_to_another_table_takes_the_place_of_the_first),
		TEST(a_translated_rule_is_repaired),
		TEST(a_setting_of_the_tunnel_has_the_planes_value_as_long_as_it_runs),
		TEST(translated_items_of_a_predecessor_are_cleaned_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

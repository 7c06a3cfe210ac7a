/*
 * The reconciler beside others who change the kernel's objects: what they make is left alone, what they
 * remove or replace of its own is made again, and at no full speed.
 */
#include "reconciler_bench.h"

#include <stdlib.h>
#include <unistd.h>

static void what_somebody_else_made_is_left_alone(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	namespace_must(
		"ip route add 10.1.0.50/32 dev t0; ip addr add 10.1.0.60/32 dev t0;"
		"ip rule add priority 900 from 10.1.0.50 lookup 5;"
		"ip neighbour add 10.9.7.2 lladdr 02:00:00:00:00:09 nud permanent dev v0;"
		"ip neighbour add proxy 10.9.0.51 dev v0; echo 1 > /proc/sys/net/ipv4/conf/v0/proxy_arp");
	free(bench->before);
	bench->before = namespace_snapshot();
	reconciler_want(bench, route_item("10.1.0.50/32", bench->t0));
	reconciler_want(bench, address_item("10.1.0.60", 32, bench->t0));
	reconciler_want(bench, rule_item(900, "10.1.0.50/32", 5, MIP_LINK_NONE));
	reconciler_want(bench, neighbour_item("10.9.7.2", 9, bench->v0));
	reconciler_want(bench, proxy_item("10.9.0.51", bench->v0));
	reconciler_want(bench, setting_item(MIP_SETTING_PROXY_ARP, bench->v0, 1));
	reconciler_flush(bench);
	assert_false(kernel_shows(
		"ip -4 route show table all; ip neighbour; ip neighbour show proxy", "proto 78"));
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static bool none_of_ours(struct reconciler_bench *bench)
{
	(void)bench;
	return !kernel_shows(
		"ip -4 route show table all; ip neighbour; ip neighbour show proxy; ip rule", "proto 78");
}

static bool ours_again(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip route", "10.1.0.50 dev t0 proto 78") &&
	       kernel_shows("ip neighbour", "10.9.7.2") && kernel_shows("ip neighbour", "proto 78");
}

static void what_somebody_else_made_and_removed_is_made_by_us(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, route_item("10.1.0.50/32", bench->t0));
	reconciler_want(bench, neighbour_item("10.9.7.2", 9, bench->v0));
	reconciler_want(bench, address_item("10.1.0.60", 32, bench->t0));
	reconciler_flush(bench);
	namespace_must("ip route replace 10.1.0.50/32 dev t0; ip addr replace 10.1.0.60/32 dev t0;"
		       "ip neighbour del 10.9.7.2 dev v0;"
		       "ip neighbour add 10.9.7.2 lladdr 02:00:00:00:00:09 nud permanent dev v0");
	reconciler_run_until(bench, none_of_ours);
	mip_reconciler_flush(bench->reconciler);
	namespace_must("ip neighbour del 10.9.7.2 dev v0; ip route del 10.1.0.50/32");
	reconciler_run_until(bench, ours_again);
	reconciler_stop(bench);
	assert_true(none_of_ours(bench));
	assert_true(kernel_shows("ip addr show t0", "10.1.0.60/32")); /* theirs since they replaced it */
}

static void what_was_displaced_is_put_back(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip route add 10.1.0.50/32 via 10.9.0.77 mtu 1300 proto 16;"
		       "ip neighbour add 10.9.7.2 lladdr 02:00:00:00:00:09 nud permanent dev v0");
	free(bench->before);
	bench->before = namespace_snapshot();
	reconciler_want(bench, route_item("10.1.0.50/32", bench->t0));
	reconciler_want(bench, neighbour_item("10.9.7.2", 10, bench->v0));
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route show 10.1.0.50", "dev t0"));
	assert_false(kernel_shows("ip route show 10.1.0.50", "10.9.0.77"));
	assert_true(kernel_shows("ip neighbour show dev v0 nud permanent", "02:00:00:00:00:0a"));
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static bool complete(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip route show table all proto 78 | wc -l", "3") &&
	       kernel_shows("ip route", "10.1.0.50 dev t0") &&
	       kernel_shows("ip rule | grep -c 'proto 78'", "4") &&
	       kernel_shows("ip neighbour show nud permanent", "10.9.7.1 dev v0 lladdr 02:00:00:00:00:07") &&
	       kernel_shows("ip neighbour show proxy", "10.9.0.50") &&
	       kernel_shows("ip addr show t0", "10.1.0.50/32") && kernel_setting("ip_forward") == 1 &&
	       kernel_setting("conf/v0/rp_filter") == 2;
}

static void what_others_remove_is_made_again(void **state)
{
	struct reconciler_bench *bench = *state;
	const char *damages[] = {"ip route del 10.1.0.50/32", "ip addr del 10.1.0.50/32 dev t0",
		"ip rule del priority 1001", "ip neighbour del 10.9.7.1 dev v0", "ip route flush table 77001",
		"echo 0 > /proc/sys/net/ipv4/conf/v0/rp_filter", "echo 0 > /proc/sys/net/ipv4/ip_forward",
		"ip route replace 10.1.0.50/32 via 10.9.0.3", "ip route replace unreachable 10.1.0.50/32",
		"ip neighbour replace 10.9.7.1 lladdr 02:00:00:00:00:99 nud permanent dev v0",
		"ip neighbour replace 10.9.7.1 lladdr 02:00:00:00:00:99 nud stale dev v0"};

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(damages); i++) {
		namespace_must("%s", damages[i]);
		assert_true(reconciler_run_until(bench, complete) < 3000);
	}
	assert_true(reconciler_counter(bench, "kernel_repairs") >= MIP_ARRAY_SIZE(damages));
	assert_true(kernel_shows("ip route show 10.1.0.50", "dev t0 proto 78 scope link mtu 1468"));
	assert_true(kernel_shows("ip neighbour show dev v0 nud permanent", "02:00:00:00:00:07"));
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static void a_link_that_goes_down_and_up_has_everything_again(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	namespace_must("ip link set v0 down; ip link set t0 down");
	assert_false(complete(bench));
	namespace_must("ip link set v0 up; ip link set t0 up");
	reconciler_run_until(bench, complete);
	assert_int_equal(reconciler_counter(bench, "kernel_refusals"), 0);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static void the_last_address_of_a_link_takes_nothing_of_ours_along(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	namespace_must("ip addr del 10.9.0.1/24 dev v0");
	reconciler_run_until(bench, complete);
}

static bool patrolled(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip neighbour show proxy", "10.9.0.51") &&
	       kernel_setting("conf/v0/arp_ignore") == 1;
}

static void what_the_kernel_does_not_tell_is_looked_at_now_and_then(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, proxy_item("10.9.0.51", bench->v0));
	reconciler_want(bench, setting_item(MIP_SETTING_ARP_IGNORE, bench->v0, 1));
	reconciler_flush(bench);
	assert_true(mip_reconciler_deadline(bench->reconciler) < MIP_NEVER);
	namespace_must(
		"ip neighbour del proxy 10.9.0.51 dev v0; echo 0 > /proc/sys/net/ipv4/conf/v0/arp_ignore");
	reconciler_run_until(bench, patrolled);
	reconciler_unwant(bench, proxy_item("10.9.0.51", bench->v0));
	reconciler_unwant(bench, setting_item(MIP_SETTING_ARP_IGNORE, bench->v0, 1));
	reconciler_flush(bench);
	assert_true(mip_reconciler_deadline(bench->reconciler) == MIP_NEVER);
}

static bool seconds_over(struct reconciler_bench *bench)
{
	return mip_clock_now().boot > bench->end - 12 * MIP_SECOND;
}

static void a_fight_over_a_route_is_not_fought_at_full_speed(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, route_item("10.1.0.50/32", bench->t0));
	reconciler_flush(bench);
	namespace_must(
		"(while sleep 0.01; do ip route del 10.1.0.50/32 || :; done) >/dev/null 2>&1 & echo $! >"
		"/tmp/test-fight.%d",
		getpid());
	reconciler_run_until(bench, seconds_over);
	namespace_must("kill $(cat /tmp/test-fight.%d); rm /tmp/test-fight.%d", getpid(), getpid());
	assert_in_range(reconciler_counter(bench, "kernel_repairs"), 4, 9);
}

static void someone_elses_secondary_address_stays_when_ours_goes(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, address_item("10.50.0.1", 24, bench->v1));
	reconciler_flush(bench);
	namespace_must(
		"echo 0 > /proc/sys/net/ipv4/conf/v1/promote_secondaries; ip addr add 10.50.0.2/24 dev v1");
	reconciler_unwant(bench, address_item("10.50.0.1", 24, bench->v1));
	reconciler_flush(bench);
	assert_false(kernel_shows("ip addr show v1", "10.50.0.1/24"));
	assert_true(kernel_shows("ip addr show v1", "10.50.0.2/24"));
	assert_int_equal(kernel_setting("conf/v1/promote_secondaries"), 0);
}

static void a_seeded_neighbour_becomes_the_kernels_own(void **state)
{
	struct reconciler_bench *bench = *state;
	struct mip_want item = neighbour_item("10.9.0.50", 5, bench->v0);

	NEEDS_ROOT();
	reconciler_want(bench, item);
	reconciler_flush(bench);
	assert_true(kernel_shows("ip neighbour show 10.9.0.50 nud permanent", "02:00:00:00:00:05"));
	item.neighbour.seed = true;
	item.neighbour.link_address.octets[5] = 6;
	reconciler_want(bench, item);
	reconciler_flush(bench);
	assert_true(kernel_shows("ip neighbour show 10.9.0.50 nud reachable", "02:00:00:00:00:06"));
	reconciler_stop(bench);
	assert_true(kernel_shows("ip neighbour show 10.9.0.50", "02:00:00:00:00:06"));
}

static void a_setting_that_others_change_is_theirs_in_the_end(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	namespace_must("echo 1 > /proc/sys/net/ipv4/conf/v0/rp_filter");
	reconciler_run_until(bench, complete);
	reconciler_stop(bench);
	assert_int_equal(kernel_setting("conf/v0/rp_filter"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_somebody_else_made_is_left_alone),
		TEST(what_somebody_else_made_and_removed_is_made_by_us),
		TEST(what_was_displaced_is_put_back),
		TEST(what_others_remove_is_made_again),
		TEST(a_link_that_goes_down_and_up_has_everything_again),
		TEST(the_last_address_of_a_link_takes_nothing_of_ours_along),
		TEST(what_the_kernel_does_not_tell_is_looked_at_now_and_then),
		TEST(a_fight_over_a_route_is_not_fought_at_full_speed),
		TEST(someone_elses_secondary_address_stays_when_ours_goes),
		TEST(a_seeded_neighbour_becomes_the_kernels_own),
		TEST(a_setting_that_others_change_is_theirs_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

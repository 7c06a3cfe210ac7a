/*
 * The reconciler makes what is wanted and puts back what was there, also after it was killed, and when links
 * come, go and change.
 */
#include "reconciler_bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "address.h"
#include "monitor.h"

static void each_kind_of_item_is_made_with_its_mark(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	assert_true(kernel_shows("ip -d route show 10.1.0.50", "dev t0 proto 78 scope link mtu 1468"));
	assert_true(kernel_shows("ip route show table 77001",
		"default via 10.9.7.1 dev v0 proto 78 src 10.1.0.50 metric 5 onlink"));
	assert_true(kernel_shows("ip route show", "unreachable 10.66.0.0/16 proto 78"));
	assert_true(kernel_shows("ip rule", "1000:\tfrom 10.1.0.50 lookup 77001 proto 78"));
	assert_true(kernel_shows("ip rule", "1001:\tfrom 10.1.0.50 iif v0 lookup 77001 proto 78"));
	assert_true(kernel_shows("ip rule", "1002:\tfrom all lookup main suppress_prefixlength 0 proto 78"));
	assert_true(kernel_shows("ip rule", "1003:\tfrom all iif lo lookup 77001 proto 78"));
	assert_true(kernel_shows("ip neighbour show dev v0 nud permanent",
		"10.9.7.1 lladdr 02:00:00:00:00:07 PERMANENT proto 78"));
	assert_true(kernel_shows("ip neighbour show proxy", "10.9.0.50 dev v0 proxy proto 78"));
	assert_true(kernel_shows("ip addr show t0", "inet 10.1.0.50/32"));
	assert_true(kernel_shows("ip maddress show dev v0", "224.0.0.11"));
	assert_int_equal(kernel_setting("ip_forward"), 1);
	assert_int_equal(kernel_setting("conf/v0/rp_filter"), 2);
	assert_int_equal(kernel_setting("conf/t0/proxy_arp"), 1);
	assert_int_equal(kernel_setting("neigh/v0/proxy_delay"), 0);
	assert_int_equal(reconciler_counter(bench, "kernel_refusals"), 0);
}

static void everything_is_put_back_at_the_end(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
	assert_int_equal(access(bench->restore_file, F_OK), -1);
}

static void each_item_is_put_back_when_it_is_unwanted(void **state)
{
	struct reconciler_bench *bench = *state;
	struct mip_want items[] = {route_item("10.1.0.50/32", bench->t0),
		address_item("10.1.0.50", 32, bench->t0), rule_item(1000, "10.1.0.50/32", 77001, bench->v0),
		neighbour_item("10.9.7.1", 7, bench->v0), proxy_item("10.9.0.50", bench->v0),
		setting_item(MIP_SETTING_RP_FILTER, bench->v0, 2),
		setting_item(MIP_SETTING_FORWARDING, bench->v0, 1),
		setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1),
		{.kind = MIP_WANT_GROUP, .group = {bench->v0, ip_of("224.0.0.2")}}};

	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(items); i++) {
		char *now;

		reconciler_want(bench, items[i]);
		reconciler_flush(bench);
		now = namespace_snapshot();
		assert_string_not_equal(now, bench->before);
		free(now);
		reconciler_unwant(bench, items[i]);
		reconciler_flush(bench);
		assert_kernel_as_before(bench);
	}
}

/* A child that makes everything and is killed while it has it. */
static void killed_in_the_middle(struct reconciler_bench *bench)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (mip_loop_new(&bench->loop) == 0) {
			reconciler_start(bench);
			reconciler_want_everything(bench);
		}
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_a_killed_predecessor_left_is_cleaned_up(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_stop(bench);
	for (int i = 0; i < 2; i++) {
		killed_in_the_middle(bench);
		assert_true(kernel_shows("ip route", "10.1.0.50"));
		assert_int_equal(kernel_setting("ip_forward"), 1);
	}
	reconciler_start(bench);
	assert_kernel_as_before(bench);
	reconciler_want_everything(bench);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static void what_others_changed_after_a_kill_is_theirs(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_stop(bench);
	killed_in_the_middle(bench);
	namespace_must("echo 1 > /proc/sys/net/ipv4/conf/v0/rp_filter");
	reconciler_start(bench);
	assert_int_equal(kernel_setting("conf/v0/rp_filter"), 1);
	assert_int_equal(kernel_setting("ip_forward"), 0);
	assert_int_equal(kernel_setting("conf/v0/arp_ignore"), 0);
}

static void originals_of_another_namespace_are_not_believed(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_stop(bench);
	killed_in_the_middle(bench);
	namespace_must("sed -i '1s/ .*/ 1/' %s", bench->restore_file);
	reconciler_start(bench);
	assert_int_equal(kernel_setting("ip_forward"), 1);
}

static void settings_of_single_interfaces_survive_ip_forward(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("cd /proc/sys/net/ipv4/conf; echo 1 > v1/forwarding; echo 1 > default/forwarding;"
		       "echo 1 > all/accept_redirects; echo 0 > v0/forwarding");
	free(bench->before);
	bench->before = namespace_snapshot();
	reconciler_want(bench, setting_item(MIP_SETTING_FORWARDING, bench->v0, 0));
	reconciler_want(bench, setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
	reconciler_flush(bench);
	assert_int_equal(kernel_setting("ip_forward"), 1);
	assert_int_equal(kernel_setting("conf/t0/forwarding"), 1);
	assert_int_equal(kernel_setting("conf/v0/forwarding"), 0);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static void a_value_is_replaced_in_one_step(void **state)
{
	struct reconciler_bench *bench = *state;
	struct mip_want item = route_item("10.1.0.50/32", bench->t0);
	char *events;

	NEEDS_ROOT();
	reconciler_want(bench, item);
	reconciler_flush(bench);
	namespace_must(
		"ip monitor route > /tmp/test-monitor.%d & echo $! > /tmp/test-monitor.%d.pid; sleep 0.3",
		getpid(), getpid());
	item.route.link = bench->v0;
	item.route.mtu = 1400;
	reconciler_want(bench, item);
	reconciler_flush(bench);
	namespace_must("sleep 0.2; kill $(cat /tmp/test-monitor.%d.pid)", getpid());
	events = namespace_output("cat /tmp/test-monitor.%d; rm /tmp/test-monitor.%d*", getpid(), getpid());
	assert_non_null(strstr(events, "dev v0"));
	assert_null(strstr(events, "Deleted"));
	free(events);
	assert_true(kernel_shows("ip route show 10.1.0.50", "dev v0 proto 78 scope link mtu 1400"));
	assert_false(kernel_shows("ip route show 10.1.0.50", "dev t0"));
}

static bool on_new_link(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip route show 10.2.0.1", "dev t0") &&
	       kernel_shows("ip addr show t0", "10.1.0.50/32") &&
	       kernel_shows("ip rule", "from 10.1.0.50 iif t0 lookup 99");
}

static void items_of_the_tunnel_wait_for_it_and_follow_it(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	mip_reconciler_set_tunnel(bench->reconciler, MIP_LINK_NONE);
	reconciler_want(bench, route_item("10.2.0.1/32", MIP_LINK_TUNNEL));
	reconciler_want(bench, address_item("10.1.0.50", 32, MIP_LINK_TUNNEL));
	reconciler_want(bench, rule_item(1000, "10.1.0.50/32", 99, MIP_LINK_TUNNEL));
	reconciler_want(bench, setting_item(MIP_SETTING_RP_FILTER, MIP_LINK_TUNNEL, 2));
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route; ip rule; ip addr", "10.9.0.1"));
	assert_false(kernel_shows("ip route; ip rule; ip addr", "10.1.0.50"));
	mip_reconciler_set_tunnel(bench->reconciler, bench->t0);
	reconciler_flush(bench);
	assert_true(on_new_link(bench));
	assert_int_equal(kernel_setting("conf/t0/rp_filter"), 2);
	/* to another device */
	mip_reconciler_set_tunnel(bench->reconciler, bench->v0);
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route show 10.2.0.1", "dev v0"));
	assert_false(kernel_shows("ip addr show t0", "10.1.0.50"));
	assert_true(kernel_shows("ip addr show v0", "10.1.0.50/32"));
	assert_true(kernel_shows("ip rule", "iif v0"));
	assert_false(kernel_shows("ip rule", "iif t0"));
	assert_int_equal(kernel_setting("conf/t0/rp_filter"), 0);
	assert_int_equal(kernel_setting("conf/v0/rp_filter"), 2);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static bool rule_gone(struct reconciler_bench *bench)
{
	(void)bench;
	return !kernel_shows("ip rule", "iif");
}

static void a_link_that_vanishes_leaves_nothing_behind(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, rule_item(1000, "10.1.0.50/32", 99, MIP_LINK_TUNNEL));
	reconciler_want(bench, setting_item(MIP_SETTING_RP_FILTER, MIP_LINK_TUNNEL, 2));
	reconciler_want(bench, route_item("10.2.0.1/32", MIP_LINK_TUNNEL));
	reconciler_want(bench, address_item("10.1.0.50", 32, MIP_LINK_TUNNEL));
	reconciler_flush(bench);
	namespace_must("ip link del t0");
	reconciler_run_until(bench, rule_gone);
	/* It returns under the same name, as another device. */
	namespace_must("ip link add t0 type veth peer name t1; ip link set t0 up; ip link set t1 up");
	mip_reconciler_set_tunnel(bench->reconciler, mip_link_index("t0"));
	reconciler_flush(bench);
	assert_true(on_new_link(bench));
	assert_int_equal(kernel_setting("conf/t0/rp_filter"), 2);
}

static bool route_there(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_shows("ip route show table 50", "default via 10.77.0.1");
}

static void what_the_kernel_refuses_is_tried_again_when_it_can_be(void **state)
{
	struct reconciler_bench *bench = *state;
	struct mip_want item = route_item("0.0.0.0/0", bench->v1);

	NEEDS_ROOT();
	item.route.table = 50;
	item.route.gateway = ip_of("10.77.0.1");
	reconciler_want(bench, item);
	reconciler_flush(bench);
	assert_int_equal(reconciler_counter(bench, "kernel_refusals"), 1);
	assert_true(mip_reconciler_deadline(bench->reconciler) < MIP_NEVER);
	namespace_must("ip addr add 10.77.0.2/24 dev v1");
	assert_true(reconciler_run_until(bench, route_there) < 500); /* by the news, not by the time */
}

static void what_waits_for_an_address_of_ours_comes_with_it(void **state)
{
	struct reconciler_bench *bench = *state;
	struct mip_want item = route_item("10.3.0.0/16", bench->v0);

	NEEDS_ROOT();
	item.route.source = ip_of("10.1.0.50");
	reconciler_want(bench, item);
	reconciler_want(bench, address_item("10.1.0.50", 32, bench->t0)); /* too late for the route */
	reconciler_flush(bench);
	assert_int_equal(mip_reconciler_deadline(bench->reconciler), 0);
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route show 10.3.0.0/16", "src 10.1.0.50"));
}

static bool forwards(struct reconciler_bench *bench)
{
	(void)bench;
	return kernel_setting("ip_forward") == 1 && kernel_setting("conf/v0/forwarding") == 1;
}

/* A home agent and a foreign agent on one host. */
static void two_that_want_forwarding_leave_it_as_the_first_found_it(void **state)
{
	struct reconciler_bench *bench = *state;
	const struct mip_want item = setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1);
	struct mip_reconciler *first;

	NEEDS_ROOT();
	assert_int_equal(
		mip_reconciler_new(bench->loop, &reconciler_log, MIP_ROUTE_PROTOCOL_FA, NULL, &first), 0);
	assert_int_equal(mip_reconciler_want(first, &item), 0);
	mip_reconciler_flush(first);
	reconciler_want(bench, item);
	reconciler_flush(bench);
	mip_reconciler_free(first);
	assert_false(forwards(bench));
	assert_true(reconciler_run_until(bench, forwards) < 1000);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static void tunnels_are_not_the_reconcilers(void **state)
{
	struct reconciler_bench *bench = *state;
	const struct mip_want item = {.kind = MIP_WANT_TUNNEL};

	NEEDS_ROOT();
	assert_int_equal(mip_reconciler_want(bench->reconciler, &item), -EOPNOTSUPP);
	assert_int_equal(mip_reconciler_unwant(bench->reconciler, &item), -EOPNOTSUPP);
}

/* --- many --- */

enum {
	MANY = 100000,
};

static struct mip_want numbered(struct reconciler_bench *bench, uint32_t number)
{
	struct mip_want item = route_item("0.0.0.0/32", bench->t0);

	item.route.destination.address = mip_address_of(0x0b000000 + number);
	return item;
}

static bool all_there(struct reconciler_bench *bench)
{
	return kernel_shows("ip route show proto 78 | wc -l", bench->command);
}

static void a_hundred_thousand_routes_take_seconds(void **state)
{
	struct reconciler_bench *bench = *state;
	mip_time began = mip_clock_now().boot;
	mip_time made;

	NEEDS_ROOT();
	for (uint32_t i = 0; i < MANY; i++)
		reconciler_want(bench, numbered(bench, i));
	reconciler_flush(bench);
	made = mip_clock_now().boot - began;
	bench->command = "100000";
	assert_true(all_there(bench));
	/* Notices are lost, and everything is found out all the same. */
	namespace_must("ip route flush proto 78");
	reconciler_run_until(bench, all_there);
	began = mip_clock_now().boot;
	reconciler_stop(bench);
	print_message("    made in %lld ms, removed in %lld ms\n", (long long)(made / MIP_MILLISECOND),
		(long long)((mip_clock_now().boot - began) / MIP_MILLISECOND));
	assert_true(made < 10 * MIP_SECOND);
	assert_kernel_as_before(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_item_is_made_with_its_mark),
		TEST(everything_is_put_back_at_the_end),
		TEST(each_item_is_put_back_when_it_is_unwanted),
		TEST(what_a_killed_predecessor_left_is_cleaned_up),
		TEST(what_others_changed_after_a_kill_is_theirs),
		TEST(originals_of_another_namespace_are_not_believed),
		TEST(settings_of_single_interfaces_survive_ip_forward),
		TEST(a_value_is_replaced_in_one_step),
		TEST(items_of_the_tunnel_wait_for_it_and_follow_it),
		TEST(a_link_that_vanishes_leaves_nothing_behind),
		TEST(what_the_kernel_refuses_is_tried_again_when_it_can_be),
		TEST(what_waits_for_an_address_of_ours_comes_with_it),
		TEST(two_that_want_forwarding_leave_it_as_the_first_found_it),
		TEST(tunnels_are_not_the_reconcilers),
		TEST(a_hundred_thousand_routes_take_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

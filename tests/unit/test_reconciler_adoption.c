/*
 * A reconciler that takes over from one that was killed or left: what both want is there all the time, what
 * only the first wanted goes at the end of the adoption, and in the end all is as it was before the first.
 */
#include "reconciler_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "namespace.h"

static void adopt(struct reconciler_bench *bench)
{
	assert_int_equal(mip_reconciler_new_adopting(bench->loop, &reconciler_log, MIP_ROUTE_PROTOCOL_HA,
				 bench->restore_file, &bench->reconciler),
		0);
	mip_reconciler_set_tunnel(bench->reconciler, bench->t0);
}

static void leave(struct reconciler_bench *bench)
{
	mip_reconciler_leave(bench->reconciler);
	bench->reconciler = NULL;
}

/* What happens to routes and rules from here on, until it is asked. */
static void watch_kernel(void)
{
	namespace_must(
		"ip monitor route rule >/tmp/test-adoption.$PPID 2>/dev/null & echo $! "
		">/tmp/test-adoption.$PPID.pid;"
		"until ss -f netlink -p 2>/dev/null | grep -q \"$!\" || ! kill -0 $!; do :; done; sleep 0.2");
}

static char *seen_in_kernel(void)
{
	char *seen;

	namespace_must("sleep 0.2; kill $(cat /tmp/test-adoption.$PPID.pid)");
	seen = namespace_output("grep Deleted /tmp/test-adoption.$PPID; rm -f /tmp/test-adoption.$PPID*");
	return seen;
}

static void what_both_want_is_there_all_the_time(void **state)
{
	struct reconciler_bench *bench = *state;
	char *before, *after, *deleted;

	NEEDS_ROOT();
	reconciler_want_everything(bench);
	reconciler_flush(bench);
	before = namespace_snapshot();
	watch_kernel();
	leave(bench);
	adopt(bench);
	reconciler_want_everything(bench);
	reconciler_flush(bench);
	mip_reconciler_end_adoption(bench->reconciler);
	after = namespace_snapshot();
	deleted = seen_in_kernel();
	if (strcmp(after, before) != 0)
		print_error("before:\n%s\nnow:\n%s\n", before, after);
	assert_string_equal(after, before);
	assert_string_equal(deleted, "");
	free(before);
	free(after);
	free(deleted);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

static void what_is_no_longer_wanted_goes_at_the_end(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, route_item("10.77.0.1/32", bench->t0));
	reconciler_want(bench, route_item("10.77.0.2/32", bench->t0));
	reconciler_want(bench, rule_item(7, "10.77.0.1/32", 77, MIP_LINK_NONE));
	reconciler_want(bench, setting_item(MIP_SETTING_PROXY_ARP, bench->v0, 1));
	reconciler_want(bench, setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
	reconciler_flush(bench);
	leave(bench);
	adopt(bench);
	reconciler_want(bench, route_item("10.77.0.1/32", bench->t0));
	reconciler_flush(bench);
	assert_true(kernel_shows("ip route show", "10.77.0.2"));
	assert_true(kernel_shows("ip rule show", "10.77.0.1"));
	assert_int_equal(kernel_setting("conf/v0/proxy_arp"), 1);
	assert_int_equal(kernel_setting("ip_forward"), 1);
	mip_reconciler_end_adoption(bench->reconciler);
	assert_true(kernel_shows("ip route show", "10.77.0.1"));
	assert_false(kernel_shows("ip route show", "10.77.0.2"));
	assert_false(kernel_shows("ip rule show", "10.77.0.1"));
	assert_int_equal(kernel_setting("conf/v0/proxy_arp"), 0);
	assert_int_equal(kernel_setting("ip_forward"), 0);
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

/* Originals are those of before the first, though the second found other values. */
static void settings_keep_their_originals(void **state)
{
	struct reconciler_bench *bench = *state;

	NEEDS_ROOT();
	reconciler_want(bench, setting_item(MIP_SETTING_PROXY_ARP, bench->v0, 1));
	reconciler_want(bench, setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
	reconciler_flush(bench);
	for (int i = 0; i < 3; i++) {
		leave(bench);
		adopt(bench);
		reconciler_want(bench, setting_item(MIP_SETTING_PROXY_ARP, bench->v0, 1));
		reconciler_want(bench, setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
		reconciler_flush(bench);
		mip_reconciler_end_adoption(bench->reconciler);
		assert_int_equal(kernel_setting("conf/v0/proxy_arp"), 1);
		assert_int_equal(kernel_setting("conf/v1/forwarding"), 1);
	}
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

/* Another gateway, in the route's place. */
static void what_is_wanted_otherwise_is_replaced(void **state)
{
	struct reconciler_bench *bench = *state;
	struct mip_want item = route_item("10.77.0.1/32", bench->v0);

	NEEDS_ROOT();
	item.route.gateway = ip_of("10.9.0.2");
	reconciler_want(bench, item);
	reconciler_flush(bench);
	leave(bench);
	adopt(bench);
	item.route.gateway = ip_of("10.9.0.3");
	reconciler_want(bench, item);
	reconciler_flush(bench);
	mip_reconciler_end_adoption(bench->reconciler);
	assert_true(kernel_shows("ip route show 10.77.0.1", "via 10.9.0.3"));
	assert_false(kernel_shows("ip route show 10.77.0.1", "via 10.9.0.2"));
	reconciler_stop(bench);
	assert_kernel_as_before(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_both_want_is_there_all_the_time),
		TEST(what_is_no_longer_wanted_goes_at_the_end),
		TEST(settings_keep_their_originals),
		TEST(what_is_wanted_otherwise_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The reconciler on real kernel objects, in a network namespace for each test. As root only.
 *
 *   v0 ═══ v1 (a veth pair, both in the namespace)      t0 ═══ t1 (stands for the tunnel device)
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "address.h"
#include "monitor.h"
#include "namespace.h"
#include "reconciler.h"

struct bench {
	struct mip_loop *loop;
	struct mip_reconciler *reconciler;
	mip_link v0, v1, t0;
	char restore_file[64];
	char *before;
	mip_time end;
	bool (*until)(struct bench *bench);
	const char *command; /* what `until` looks at */
};

static void write_log(void *context, enum mip_log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
static void write_log(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	char line[512];

	(void)context;
	(void)level;
	(void)vsnprintf(line, sizeof(line), format, arguments);
	if (getenv("TEST_LOG") != NULL)
		print_message("    %s\n", line);
}

static const struct mip_log test_log = {.write = write_log};

static void start(struct bench *bench)
{
	assert_int_equal(mip_reconciler_new(bench->loop, &test_log, MIP_ROUTE_PROTOCOL_HA,
				 bench->restore_file, &bench->reconciler),
		0);
	mip_reconciler_set_tunnel(bench->reconciler, bench->t0);
}

static void stop(struct bench *bench)
{
	mip_reconciler_free(bench->reconciler);
	bench->reconciler = NULL;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	if (!namespace_allowed())
		return 0;
	assert_int_equal(namespace_enter(), 0);
	namespace_must("ip link add v0 type veth peer name v1 && ip link add t0 type veth peer name t1 &&"
		       "ip addr add 10.9.0.1/24 dev v0 && for i in v0 v1 t0 t1; do ip link set $i up; done");
	bench->v0 = mip_link_index("v0");
	bench->v1 = mip_link_index("v1");
	bench->t0 = mip_link_index("t0");
	(void)snprintf(bench->restore_file, sizeof(bench->restore_file), "/tmp/test-restore.%d", getpid());
	bench->before = namespace_snapshot();
	assert_int_equal(mip_loop_new(&bench->loop), 0);
	alarm(120);
	start(bench);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	alarm(0);
	mip_reconciler_free(bench->reconciler);
	mip_loop_free(bench->loop);
	(void)unlink(bench->restore_file);
	free(bench->before);
	free(bench);
	return 0;
}

/* --- asking the kernel --- */

static bool shows(const char *command, const char *text)
{
	char *output = namespace_output("%s 2>/dev/null", command);
	bool found = strstr(output, text) != NULL;

	free(output);
	return found;
}

static int setting(const char *path)
{
	char *output = namespace_output("cat /proc/sys/net/ipv4/%s", path);
	int value = atoi(output);

	free(output);
	return value;
}

static void assert_as_before(struct bench *bench)
{
	char *now = namespace_snapshot();

	if (strcmp(now, bench->before) != 0)
		print_error("before:\n%s\nnow:\n%s\n", bench->before, now);
	assert_string_equal(now, bench->before);
	free(now);
}

static uint64_t counter(struct bench *bench, const char *name)
{
	struct mip_counter_table table = mip_reconciler_counters(bench->reconciler);

	for (size_t i = 0; i < table.count; i++)
		if (strcmp(table.names[i].name, name) == 0)
			return table.values[i];
	fail();
	return 0;
}

/* --- wants --- */

static struct mip_address ip(const char *text)
{
	struct mip_address address = {0};

	assert_int_equal(mip_address_read(text, &address), 0);
	return address;
}

static struct mip_prefix net(const char *text)
{
	struct mip_prefix prefix = {0};

	assert_int_equal(mip_prefix_read(text, &prefix), 0);
	return prefix;
}

static struct mip_want route(const char *destination, mip_link link)
{
	return (struct mip_want){
		.kind = MIP_WANT_ROUTE, .route = {.destination = net(destination), .link = link}};
}

static struct mip_want address(const char *text, uint8_t length, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_ADDRESS,
		.address = {.link = link, .address = ip(text), .prefix_length = length}};
}

static struct mip_want rule(uint32_t priority, const char *from, uint32_t table, mip_link incoming)
{
	return (struct mip_want){.kind = MIP_WANT_RULE,
		.rule = {.priority = priority,
			.from = net(from),
			.table = table,
			.incoming = incoming,
			.suppress_prefix_length = -1}};
}

static struct mip_want neighbour(const char *text, uint8_t last, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_NEIGHBOUR,
		.neighbour = {.link = link, .address = ip(text), .link_address = {6, {2, 0, 0, 0, 0, last}}}};
}

static struct mip_want proxy(const char *text, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_PROXY, .proxy = {.link = link, .address = ip(text)}};
}

static struct mip_want set(enum mip_kernel_setting which, mip_link link, int value)
{
	return (struct mip_want){
		.kind = MIP_WANT_SETTING, .setting = {.link = link, .setting = which, .value = value}};
}

static void want(struct bench *bench, struct mip_want item)
{
	assert_int_equal(mip_reconciler_want(bench->reconciler, &item), 0);
}

static void unwant(struct bench *bench, struct mip_want item)
{
	assert_int_equal(mip_reconciler_unwant(bench->reconciler, &item), 0);
}

static void flush(struct bench *bench)
{
	mip_reconciler_flush(bench->reconciler);
}

/* --- in the loop --- */

static mip_time settle(void *context)
{
	struct bench *bench = context;
	mip_time now = mip_clock_now().boot;
	mip_time due = mip_reconciler_deadline(bench->reconciler);

	if (due <= now)
		mip_reconciler_flush(bench->reconciler);
	if (bench->end <= now || bench->until(bench))
		mip_loop_stop(bench->loop);
	due = mip_reconciler_deadline(bench->reconciler);
	return due < bench->end ? due : bench->end;
}

/* Runs the loop until something holds. Milliseconds that it took; fails after some seconds. */
static int64_t run_until(struct bench *bench, bool (*until)(struct bench *bench))
{
	mip_time began = mip_clock_now().boot;

	bench->until = until;
	bench->end = began + 15 * MIP_SECOND;
	mip_loop_settle(bench->loop, settle, bench);
	mip_loop_run(bench->loop);
	assert_true(until(bench));
	return (mip_clock_now().boot - began) / MIP_MILLISECOND;
}

/* --- one after another --- */

/* One of each kind. */
static void want_everything(struct bench *bench)
{
	struct mip_want item = route("10.1.0.50/32", MIP_LINK_TUNNEL);

	want(bench, set(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
	want(bench, set(MIP_SETTING_RP_FILTER, bench->v0, 2));
	want(bench, set(MIP_SETTING_SEND_REDIRECTS, bench->v0, 0));
	want(bench, set(MIP_SETTING_ARP_IGNORE, bench->v0, 1));
	want(bench, set(MIP_SETTING_ARP_ANNOUNCE, bench->v0, 2));
	want(bench, set(MIP_SETTING_PROXY_DELAY, bench->v0, 0));
	want(bench, set(MIP_SETTING_PROXY_ARP, MIP_LINK_TUNNEL, 1));
	want(bench, (struct mip_want){.kind = MIP_WANT_GROUP, .group = {bench->v0, ip("224.0.0.11")}});
	want(bench, address("10.1.0.50", 32, MIP_LINK_TUNNEL));
	item.route.mtu = 1468;
	want(bench, item);
	item = route("0.0.0.0/0", bench->v0);
	item.route.table = 77001;
	item.route.gateway = ip("10.9.7.1");
	item.route.onlink = true;
	item.route.source = ip("10.1.0.50");
	item.route.metric = 5;
	want(bench, item);
	item = route("10.66.0.0/16", MIP_LINK_NONE);
	item.route.type = MIP_ROUTE_UNREACHABLE;
	want(bench, item);
	want(bench, rule(1000, "10.1.0.50/32", 77001, MIP_LINK_NONE));
	want(bench, rule(1001, "10.1.0.50/32", 77001, bench->v0));
	item = rule(1002, "0.0.0.0/0", 0, MIP_LINK_NONE);
	item.rule.suppress_prefix_length = 0;
	want(bench, item);
	item = rule(1003, "0.0.0.0/0", 77001, MIP_LINK_NONE);
	item.rule.local_only = true;
	want(bench, item);
	want(bench, neighbour("10.9.7.1", 7, bench->v0));
	want(bench, proxy("10.9.0.50", bench->v0));
	flush(bench);
}

static void each_kind_of_item_is_made_with_its_mark(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want_everything(bench);
	assert_true(shows("ip -d route show 10.1.0.50", "dev t0 proto 78 scope link mtu 1468"));
	assert_true(shows("ip route show table 77001",
		"default via 10.9.7.1 dev v0 proto 78 src 10.1.0.50 metric 5 onlink"));
	assert_true(shows("ip route show", "unreachable 10.66.0.0/16 proto 78"));
	assert_true(shows("ip rule", "1000:\tfrom 10.1.0.50 lookup 77001 proto 78"));
	assert_true(shows("ip rule", "1001:\tfrom 10.1.0.50 iif v0 lookup 77001 proto 78"));
	assert_true(shows("ip rule", "1002:\tfrom all lookup main suppress_prefixlength 0 proto 78"));
	assert_true(shows("ip rule", "1003:\tfrom all iif lo lookup 77001 proto 78"));
	assert_true(shows("ip neighbour show dev v0 nud permanent",
		"10.9.7.1 lladdr 02:00:00:00:00:07 PERMANENT proto 78"));
	assert_true(shows("ip neighbour show proxy", "10.9.0.50 dev v0 proxy proto 78"));
	assert_true(shows("ip addr show t0", "inet 10.1.0.50/32"));
	assert_true(shows("ip maddress show dev v0", "224.0.0.11"));
	assert_int_equal(setting("ip_forward"), 1);
	assert_int_equal(setting("conf/v0/rp_filter"), 2);
	assert_int_equal(setting("conf/t0/proxy_arp"), 1);
	assert_int_equal(setting("neigh/v0/proxy_delay"), 0);
	assert_int_equal(counter(bench, "kernel_refusals"), 0);
}

static void everything_is_put_back_at_the_end(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want_everything(bench);
	stop(bench);
	assert_as_before(bench);
	assert_int_equal(access(bench->restore_file, F_OK), -1);
}

static void each_item_is_put_back_when_it_is_unwanted(void **state)
{
	struct bench *bench = *state;
	struct mip_want items[] = {route("10.1.0.50/32", bench->t0), address("10.1.0.50", 32, bench->t0),
		rule(1000, "10.1.0.50/32", 77001, bench->v0), neighbour("10.9.7.1", 7, bench->v0),
		proxy("10.9.0.50", bench->v0), set(MIP_SETTING_RP_FILTER, bench->v0, 2),
		set(MIP_SETTING_FORWARDING, bench->v0, 1), set(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1),
		{.kind = MIP_WANT_GROUP, .group = {bench->v0, ip("224.0.0.2")}}};

	NEEDS_ROOT();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(items); i++) {
		char *now;

		want(bench, items[i]);
		flush(bench);
		now = namespace_snapshot();
		assert_string_not_equal(now, bench->before);
		free(now);
		unwant(bench, items[i]);
		flush(bench);
		assert_as_before(bench);
	}
}

/* A child that makes everything and is killed while it has it. */
static void killed_in_the_middle(struct bench *bench)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (mip_loop_new(&bench->loop) == 0) {
			start(bench);
			want_everything(bench);
		}
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_a_killed_predecessor_left_is_cleaned_up(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	stop(bench);
	for (int i = 0; i < 2; i++) {
		killed_in_the_middle(bench);
		assert_true(shows("ip route", "10.1.0.50"));
		assert_int_equal(setting("ip_forward"), 1);
	}
	start(bench);
	assert_as_before(bench);
	want_everything(bench);
	stop(bench);
	assert_as_before(bench);
}

static void what_others_changed_after_a_kill_is_theirs(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	stop(bench);
	killed_in_the_middle(bench);
	namespace_must("echo 1 > /proc/sys/net/ipv4/conf/v0/rp_filter");
	start(bench);
	assert_int_equal(setting("conf/v0/rp_filter"), 1);
	assert_int_equal(setting("ip_forward"), 0);
	assert_int_equal(setting("conf/v0/arp_ignore"), 0);
}

static void originals_of_another_namespace_are_not_believed(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	stop(bench);
	killed_in_the_middle(bench);
	namespace_must("sed -i '1s/ .*/ 1/' %s", bench->restore_file);
	start(bench);
	assert_int_equal(setting("ip_forward"), 1);
}

static void settings_of_single_interfaces_survive_ip_forward(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("cd /proc/sys/net/ipv4/conf; echo 1 > v1/forwarding; echo 1 > default/forwarding;"
		       "echo 1 > all/accept_redirects; echo 0 > v0/forwarding");
	free(bench->before);
	bench->before = namespace_snapshot();
	want(bench, set(MIP_SETTING_FORWARDING, bench->v0, 0));
	want(bench, set(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
	flush(bench);
	assert_int_equal(setting("ip_forward"), 1);
	assert_int_equal(setting("conf/t0/forwarding"), 1);
	assert_int_equal(setting("conf/v0/forwarding"), 0);
	stop(bench);
	assert_as_before(bench);
}

static void what_somebody_else_made_is_left_alone(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must(
		"ip route add 10.1.0.50/32 dev t0; ip addr add 10.1.0.60/32 dev t0;"
		"ip rule add priority 900 from 10.1.0.50 lookup 5;"
		"ip neighbour add 10.9.7.2 lladdr 02:00:00:00:00:09 nud permanent dev v0;"
		"ip neighbour add proxy 10.9.0.51 dev v0; echo 1 > /proc/sys/net/ipv4/conf/v0/proxy_arp");
	free(bench->before);
	bench->before = namespace_snapshot();
	want(bench, route("10.1.0.50/32", bench->t0));
	want(bench, address("10.1.0.60", 32, bench->t0));
	want(bench, rule(900, "10.1.0.50/32", 5, MIP_LINK_NONE));
	want(bench, neighbour("10.9.7.2", 9, bench->v0));
	want(bench, proxy("10.9.0.51", bench->v0));
	want(bench, set(MIP_SETTING_PROXY_ARP, bench->v0, 1));
	flush(bench);
	assert_false(shows("ip -4 route show table all; ip neighbour; ip neighbour show proxy", "proto 78"));
	stop(bench);
	assert_as_before(bench);
}

static bool none_of_ours(struct bench *bench)
{
	(void)bench;
	return !shows(
		"ip -4 route show table all; ip neighbour; ip neighbour show proxy; ip rule", "proto 78");
}

static bool ours_again(struct bench *bench)
{
	(void)bench;
	return shows("ip route", "10.1.0.50 dev t0 proto 78") && shows("ip neighbour", "10.9.7.2") &&
	       shows("ip neighbour", "proto 78");
}

static void what_somebody_else_made_and_removed_is_made_by_us(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want(bench, route("10.1.0.50/32", bench->t0));
	want(bench, neighbour("10.9.7.2", 9, bench->v0));
	want(bench, address("10.1.0.60", 32, bench->t0));
	flush(bench);
	namespace_must("ip route replace 10.1.0.50/32 dev t0; ip addr replace 10.1.0.60/32 dev t0;"
		       "ip neighbour del 10.9.7.2 dev v0;"
		       "ip neighbour add 10.9.7.2 lladdr 02:00:00:00:00:09 nud permanent dev v0");
	run_until(bench, none_of_ours);
	mip_reconciler_flush(bench->reconciler);
	namespace_must("ip neighbour del 10.9.7.2 dev v0; ip route del 10.1.0.50/32");
	run_until(bench, ours_again);
	stop(bench);
	assert_true(none_of_ours(bench));
	assert_true(shows("ip addr show t0", "10.1.0.60/32")); /* theirs since they replaced it */
}

static void what_was_displaced_is_put_back(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip route add 10.1.0.50/32 via 10.9.0.77 mtu 1300 proto 16;"
		       "ip neighbour add 10.9.7.2 lladdr 02:00:00:00:00:09 nud permanent dev v0");
	free(bench->before);
	bench->before = namespace_snapshot();
	want(bench, route("10.1.0.50/32", bench->t0));
	want(bench, neighbour("10.9.7.2", 10, bench->v0));
	flush(bench);
	assert_true(shows("ip route show 10.1.0.50", "dev t0"));
	assert_false(shows("ip route show 10.1.0.50", "10.9.0.77"));
	assert_true(shows("ip neighbour show dev v0 nud permanent", "02:00:00:00:00:0a"));
	stop(bench);
	assert_as_before(bench);
}

static void a_value_is_replaced_in_one_step(void **state)
{
	struct bench *bench = *state;
	struct mip_want item = route("10.1.0.50/32", bench->t0);
	char *events;

	NEEDS_ROOT();
	want(bench, item);
	flush(bench);
	namespace_must(
		"ip monitor route > /tmp/test-monitor.%d & echo $! > /tmp/test-monitor.%d.pid; sleep 0.3",
		getpid(), getpid());
	item.route.link = bench->v0;
	item.route.mtu = 1400;
	want(bench, item);
	flush(bench);
	namespace_must("sleep 0.2; kill $(cat /tmp/test-monitor.%d.pid)", getpid());
	events = namespace_output("cat /tmp/test-monitor.%d; rm /tmp/test-monitor.%d*", getpid(), getpid());
	assert_non_null(strstr(events, "dev v0"));
	assert_null(strstr(events, "Deleted"));
	free(events);
	assert_true(shows("ip route show 10.1.0.50", "dev v0 proto 78 scope link mtu 1400"));
	assert_false(shows("ip route show 10.1.0.50", "dev t0"));
}

static bool complete(struct bench *bench)
{
	(void)bench;
	return shows("ip route show table all proto 78 | wc -l", "3") &&
	       shows("ip route", "10.1.0.50 dev t0") && shows("ip rule | grep -c 'proto 78'", "4") &&
	       shows("ip neighbour show nud permanent", "10.9.7.1 dev v0 lladdr 02:00:00:00:00:07") &&
	       shows("ip neighbour show proxy", "10.9.0.50") && shows("ip addr show t0", "10.1.0.50/32") &&
	       setting("ip_forward") == 1 && setting("conf/v0/rp_filter") == 2;
}

static void what_others_remove_is_made_again(void **state)
{
	struct bench *bench = *state;
	const char *damages[] = {"ip route del 10.1.0.50/32", "ip addr del 10.1.0.50/32 dev t0",
		"ip rule del priority 1001", "ip neighbour del 10.9.7.1 dev v0", "ip route flush table 77001",
		"echo 0 > /proc/sys/net/ipv4/conf/v0/rp_filter", "echo 0 > /proc/sys/net/ipv4/ip_forward",
		"ip route replace 10.1.0.50/32 via 10.9.0.3", "ip route replace unreachable 10.1.0.50/32",
		"ip neighbour replace 10.9.7.1 lladdr 02:00:00:00:00:99 nud permanent dev v0",
		"ip neighbour replace 10.9.7.1 lladdr 02:00:00:00:00:99 nud stale dev v0"};

	NEEDS_ROOT();
	want_everything(bench);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(damages); i++) {
		namespace_must("%s", damages[i]);
		assert_true(run_until(bench, complete) < 3000);
	}
	assert_true(counter(bench, "kernel_repairs") >= MIP_ARRAY_SIZE(damages));
	assert_true(shows("ip route show 10.1.0.50", "dev t0 proto 78 scope link mtu 1468"));
	assert_true(shows("ip neighbour show dev v0 nud permanent", "02:00:00:00:00:07"));
	stop(bench);
	assert_as_before(bench);
}

static void a_link_that_goes_down_and_up_has_everything_again(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want_everything(bench);
	namespace_must("ip link set v0 down; ip link set t0 down");
	assert_false(complete(bench));
	namespace_must("ip link set v0 up; ip link set t0 up");
	run_until(bench, complete);
	assert_int_equal(counter(bench, "kernel_refusals"), 0);
	stop(bench);
	assert_as_before(bench);
}

static void the_last_address_of_a_link_takes_nothing_of_ours_along(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want_everything(bench);
	namespace_must("ip addr del 10.9.0.1/24 dev v0");
	run_until(bench, complete);
}

static bool on_new_link(struct bench *bench)
{
	(void)bench;
	return shows("ip route show 10.2.0.1", "dev t0") && shows("ip addr show t0", "10.1.0.50/32") &&
	       shows("ip rule", "from 10.1.0.50 iif t0 lookup 99");
}

static void items_of_the_tunnel_wait_for_it_and_follow_it(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	mip_reconciler_set_tunnel(bench->reconciler, MIP_LINK_NONE);
	want(bench, route("10.2.0.1/32", MIP_LINK_TUNNEL));
	want(bench, address("10.1.0.50", 32, MIP_LINK_TUNNEL));
	want(bench, rule(1000, "10.1.0.50/32", 99, MIP_LINK_TUNNEL));
	want(bench, set(MIP_SETTING_RP_FILTER, MIP_LINK_TUNNEL, 2));
	flush(bench);
	assert_true(shows("ip route; ip rule; ip addr", "10.9.0.1"));
	assert_false(shows("ip route; ip rule; ip addr", "10.1.0.50"));
	mip_reconciler_set_tunnel(bench->reconciler, bench->t0);
	flush(bench);
	assert_true(on_new_link(bench));
	assert_int_equal(setting("conf/t0/rp_filter"), 2);
	/* to another device */
	mip_reconciler_set_tunnel(bench->reconciler, bench->v0);
	flush(bench);
	assert_true(shows("ip route show 10.2.0.1", "dev v0"));
	assert_false(shows("ip addr show t0", "10.1.0.50"));
	assert_true(shows("ip addr show v0", "10.1.0.50/32"));
	assert_true(shows("ip rule", "iif v0"));
	assert_false(shows("ip rule", "iif t0"));
	assert_int_equal(setting("conf/t0/rp_filter"), 0);
	assert_int_equal(setting("conf/v0/rp_filter"), 2);
	stop(bench);
	assert_as_before(bench);
}

static bool rule_gone(struct bench *bench)
{
	(void)bench;
	return !shows("ip rule", "iif");
}

static void a_link_that_vanishes_leaves_nothing_behind(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want(bench, rule(1000, "10.1.0.50/32", 99, MIP_LINK_TUNNEL));
	want(bench, set(MIP_SETTING_RP_FILTER, MIP_LINK_TUNNEL, 2));
	want(bench, route("10.2.0.1/32", MIP_LINK_TUNNEL));
	want(bench, address("10.1.0.50", 32, MIP_LINK_TUNNEL));
	flush(bench);
	namespace_must("ip link del t0");
	run_until(bench, rule_gone);
	/* It returns under the same name, as another device. */
	namespace_must("ip link add t0 type veth peer name t1; ip link set t0 up; ip link set t1 up");
	mip_reconciler_set_tunnel(bench->reconciler, mip_link_index("t0"));
	flush(bench);
	assert_true(on_new_link(bench));
	assert_int_equal(setting("conf/t0/rp_filter"), 2);
}

static bool route_there(struct bench *bench)
{
	(void)bench;
	return shows("ip route show table 50", "default via 10.77.0.1");
}

static void what_the_kernel_refuses_is_tried_again_when_it_can_be(void **state)
{
	struct bench *bench = *state;
	struct mip_want item = route("0.0.0.0/0", bench->v1);

	NEEDS_ROOT();
	item.route.table = 50;
	item.route.gateway = ip("10.77.0.1");
	want(bench, item);
	flush(bench);
	assert_int_equal(counter(bench, "kernel_refusals"), 1);
	assert_true(mip_reconciler_deadline(bench->reconciler) < MIP_NEVER);
	namespace_must("ip addr add 10.77.0.2/24 dev v1");
	assert_true(run_until(bench, route_there) < 500); /* by the news, not by the time */
}

static bool patrolled(struct bench *bench)
{
	(void)bench;
	return shows("ip neighbour show proxy", "10.9.0.51") && setting("conf/v0/arp_ignore") == 1;
}

static void what_the_kernel_does_not_tell_is_looked_at_now_and_then(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want(bench, proxy("10.9.0.51", bench->v0));
	want(bench, set(MIP_SETTING_ARP_IGNORE, bench->v0, 1));
	flush(bench);
	assert_true(mip_reconciler_deadline(bench->reconciler) < MIP_NEVER);
	namespace_must(
		"ip neighbour del proxy 10.9.0.51 dev v0; echo 0 > /proc/sys/net/ipv4/conf/v0/arp_ignore");
	run_until(bench, patrolled);
	unwant(bench, proxy("10.9.0.51", bench->v0));
	unwant(bench, set(MIP_SETTING_ARP_IGNORE, bench->v0, 1));
	flush(bench);
	assert_true(mip_reconciler_deadline(bench->reconciler) == MIP_NEVER);
}

static bool seconds_over(struct bench *bench)
{
	return mip_clock_now().boot > bench->end - 12 * MIP_SECOND;
}

static void a_fight_over_a_route_is_not_fought_at_full_speed(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want(bench, route("10.1.0.50/32", bench->t0));
	flush(bench);
	namespace_must(
		"(while sleep 0.01; do ip route del 10.1.0.50/32 || :; done) >/dev/null 2>&1 & echo $! >"
		"/tmp/test-fight.%d",
		getpid());
	run_until(bench, seconds_over);
	namespace_must("kill $(cat /tmp/test-fight.%d); rm /tmp/test-fight.%d", getpid(), getpid());
	assert_in_range(counter(bench, "kernel_repairs"), 4, 9);
}

static void someone_elses_secondary_address_stays_when_ours_goes(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want(bench, address("10.50.0.1", 24, bench->v1));
	flush(bench);
	namespace_must(
		"echo 0 > /proc/sys/net/ipv4/conf/v1/promote_secondaries; ip addr add 10.50.0.2/24 dev v1");
	unwant(bench, address("10.50.0.1", 24, bench->v1));
	flush(bench);
	assert_false(shows("ip addr show v1", "10.50.0.1/24"));
	assert_true(shows("ip addr show v1", "10.50.0.2/24"));
	assert_int_equal(setting("conf/v1/promote_secondaries"), 0);
}

static void a_seeded_neighbour_becomes_the_kernels_own(void **state)
{
	struct bench *bench = *state;
	struct mip_want item = neighbour("10.9.0.50", 5, bench->v0);

	NEEDS_ROOT();
	want(bench, item);
	flush(bench);
	assert_true(shows("ip neighbour show 10.9.0.50 nud permanent", "02:00:00:00:00:05"));
	item.neighbour.seed = true;
	item.neighbour.link_address.octets[5] = 6;
	want(bench, item);
	flush(bench);
	assert_true(shows("ip neighbour show 10.9.0.50 nud reachable", "02:00:00:00:00:06"));
	stop(bench);
	assert_true(shows("ip neighbour show 10.9.0.50", "02:00:00:00:00:06"));
}

static void a_setting_that_others_change_is_theirs_in_the_end(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	want_everything(bench);
	namespace_must("echo 1 > /proc/sys/net/ipv4/conf/v0/rp_filter");
	run_until(bench, complete);
	stop(bench);
	assert_int_equal(setting("conf/v0/rp_filter"), 1);
}

static void what_waits_for_an_address_of_ours_comes_with_it(void **state)
{
	struct bench *bench = *state;
	struct mip_want item = route("10.3.0.0/16", bench->v0);

	NEEDS_ROOT();
	item.route.source = ip("10.1.0.50");
	want(bench, item);
	want(bench, address("10.1.0.50", 32, bench->t0)); /* too late for the route */
	flush(bench);
	assert_int_equal(mip_reconciler_deadline(bench->reconciler), 0);
	flush(bench);
	assert_true(shows("ip route show 10.3.0.0/16", "src 10.1.0.50"));
}

static bool forwards(struct bench *bench)
{
	(void)bench;
	return setting("ip_forward") == 1 && setting("conf/v0/forwarding") == 1;
}

/* A home agent and a foreign agent on one host. */
static void two_that_want_forwarding_leave_it_as_the_first_found_it(void **state)
{
	struct bench *bench = *state;
	const struct mip_want item = set(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1);
	struct mip_reconciler *first;

	NEEDS_ROOT();
	assert_int_equal(mip_reconciler_new(bench->loop, &test_log, MIP_ROUTE_PROTOCOL_FA, NULL, &first), 0);
	assert_int_equal(mip_reconciler_want(first, &item), 0);
	mip_reconciler_flush(first);
	want(bench, item);
	flush(bench);
	mip_reconciler_free(first);
	assert_false(forwards(bench));
	assert_true(run_until(bench, forwards) < 1000);
	stop(bench);
	assert_as_before(bench);
}

static void tunnels_are_not_the_reconcilers(void **state)
{
	struct bench *bench = *state;
	const struct mip_want item = {.kind = MIP_WANT_TUNNEL};

	NEEDS_ROOT();
	assert_int_equal(mip_reconciler_want(bench->reconciler, &item), -EOPNOTSUPP);
	assert_int_equal(mip_reconciler_unwant(bench->reconciler, &item), -EOPNOTSUPP);
}

/* --- many --- */

enum {
	MANY = 100000,
};

static struct mip_want numbered(struct bench *bench, uint32_t number)
{
	struct mip_want item = route("0.0.0.0/32", bench->t0);

	item.route.destination.address = mip_address_of(0x0b000000 + number);
	return item;
}

static bool all_there(struct bench *bench)
{
	return shows("ip route show proto 78 | wc -l", bench->command);
}

static void a_hundred_thousand_routes_take_seconds(void **state)
{
	struct bench *bench = *state;
	mip_time began = mip_clock_now().boot;
	mip_time made;

	NEEDS_ROOT();
	for (uint32_t i = 0; i < MANY; i++)
		want(bench, numbered(bench, i));
	flush(bench);
	made = mip_clock_now().boot - began;
	bench->command = "100000";
	assert_true(all_there(bench));
	/* Notices are lost, and everything is found out all the same. */
	namespace_must("ip route flush proto 78");
	run_until(bench, all_there);
	began = mip_clock_now().boot;
	stop(bench);
	print_message("    made in %lld ms, removed in %lld ms\n", (long long)(made / MIP_MILLISECOND),
		(long long)((mip_clock_now().boot - began) / MIP_MILLISECOND));
	assert_true(made < 10 * MIP_SECOND);
	assert_as_before(bench);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_item_is_made_with_its_mark),
		TEST(everything_is_put_back_at_the_end),
		TEST(each_item_is_put_back_when_it_is_unwanted),
		TEST(what_a_killed_predecessor_left_is_cleaned_up),
		TEST(what_others_changed_after_a_kill_is_theirs),
		TEST(originals_of_another_namespace_are_not_believed),
		TEST(settings_of_single_interfaces_survive_ip_forward),
		TEST(what_somebody_else_made_is_left_alone),
		TEST(what_somebody_else_made_and_removed_is_made_by_us),
		TEST(what_was_displaced_is_put_back),
		TEST(a_value_is_replaced_in_one_step),
		TEST(what_others_remove_is_made_again),
		TEST(a_link_that_goes_down_and_up_has_everything_again),
		TEST(the_last_address_of_a_link_takes_nothing_of_ours_along),
		TEST(items_of_the_tunnel_wait_for_it_and_follow_it),
		TEST(a_link_that_vanishes_leaves_nothing_behind),
		TEST(what_the_kernel_refuses_is_tried_again_when_it_can_be),
		TEST(what_the_kernel_does_not_tell_is_looked_at_now_and_then),
		TEST(a_fight_over_a_route_is_not_fought_at_full_speed),
		TEST(someone_elses_secondary_address_stays_when_ours_goes),
		TEST(a_seeded_neighbour_becomes_the_kernels_own),
		TEST(a_setting_that_others_change_is_theirs_in_the_end),
		TEST(what_waits_for_an_address_of_ours_comes_with_it),
		TEST(two_that_want_forwarding_leave_it_as_the_first_found_it),
		TEST(tunnels_are_not_the_reconcilers),
		TEST(a_hundred_thousand_routes_take_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

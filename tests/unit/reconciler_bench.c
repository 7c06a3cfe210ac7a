/*
 * The bench of the reconciler's tests.
 */
#include "reconciler_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "address.h"
#include "counter_value.h"
#include "monitor.h"

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

const struct mip_log reconciler_log = {.write = write_log};

void reconciler_start(struct reconciler_bench *bench)
{
	assert_int_equal(mip_reconciler_new(bench->loop, &reconciler_log, MIP_ROUTE_PROTOCOL_HA,
				 bench->restore_file, &bench->reconciler),
		0);
	mip_reconciler_set_tunnel(bench->reconciler, bench->t0);
}

void reconciler_stop(struct reconciler_bench *bench)
{
	mip_reconciler_free(bench->reconciler);
	bench->reconciler = NULL;
}

int reconciler_setup(void **state)
{
	struct reconciler_bench *bench = calloc(1, sizeof(*bench));

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
	reconciler_start(bench);
	return 0;
}

int reconciler_teardown(void **state)
{
	struct reconciler_bench *bench = *state;

	alarm(0);
	mip_reconciler_free(bench->reconciler);
	mip_loop_free(bench->loop);
	(void)unlink(bench->restore_file);
	free(bench->before);
	free(bench);
	return 0;
}

/* --- asking the kernel --- */

bool kernel_shows(const char *command, const char *text)
{
	char *output = namespace_output("%s 2>/dev/null", command);
	bool found = strstr(output, text) != NULL;

	free(output);
	return found;
}

int kernel_setting(const char *path)
{
	char *output = namespace_output("cat /proc/sys/net/ipv4/%s", path);
	int value = atoi(output);

	free(output);
	return value;
}

void assert_kernel_as_before(struct reconciler_bench *bench)
{
	char *now = namespace_snapshot();

	if (strcmp(now, bench->before) != 0)
		print_error("before:\n%s\nnow:\n%s\n", bench->before, now);
	assert_string_equal(now, bench->before);
	free(now);
}

uint64_t reconciler_counter(struct reconciler_bench *bench, const char *name)
{
	return counter_value(mip_reconciler_counters(bench->reconciler), name);
}

/* --- wants --- */

struct mip_address ip_of(const char *text)
{
	struct mip_address address = {0};

	assert_int_equal(mip_address_read(text, &address), 0);
	return address;
}

struct mip_prefix net_of(const char *text)
{
	struct mip_prefix prefix = {0};

	assert_int_equal(mip_prefix_read(text, &prefix), 0);
	return prefix;
}

struct mip_want route_item(const char *destination, mip_link link)
{
	return (struct mip_want){
		.kind = MIP_WANT_ROUTE, .route = {.destination = net_of(destination), .link = link}};
}

struct mip_want address_item(const char *text, uint8_t length, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_ADDRESS,
		.address = {.link = link, .address = ip_of(text), .prefix_length = length}};
}

struct mip_want rule_item(uint32_t priority, const char *from, uint32_t table, mip_link incoming)
{
	return (struct mip_want){.kind = MIP_WANT_RULE,
		.rule = {.priority = priority,
			.from = net_of(from),
			.table = table,
			.incoming = incoming,
			.suppress_prefix_length = -1}};
}

struct mip_want neighbour_item(const char *text, uint8_t last, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_NEIGHBOUR,
		.neighbour = {
			.link = link, .address = ip_of(text), .link_address = {6, {2, 0, 0, 0, 0, last}}}};
}

struct mip_want proxy_item(const char *text, mip_link link)
{
	return (struct mip_want){.kind = MIP_WANT_PROXY, .proxy = {.link = link, .address = ip_of(text)}};
}

struct mip_want setting_item(enum mip_kernel_setting which, mip_link link, int value)
{
	return (struct mip_want){
		.kind = MIP_WANT_SETTING, .setting = {.link = link, .setting = which, .value = value}};
}

void reconciler_want(struct reconciler_bench *bench, struct mip_want item)
{
	assert_int_equal(mip_reconciler_want(bench->reconciler, &item), 0);
}

void reconciler_unwant(struct reconciler_bench *bench, struct mip_want item)
{
	assert_int_equal(mip_reconciler_unwant(bench->reconciler, &item), 0);
}

void reconciler_flush(struct reconciler_bench *bench)
{
	mip_reconciler_flush(bench->reconciler);
}

/* --- in the loop --- */

static mip_time settle(void *context)
{
	struct reconciler_bench *bench = context;
	mip_time now = mip_clock_now().boot;
	mip_time due = mip_reconciler_deadline(bench->reconciler);

	if (due <= now)
		mip_reconciler_flush(bench->reconciler);
	if (bench->end <= now || bench->until(bench))
		mip_loop_stop(bench->loop);
	due = mip_reconciler_deadline(bench->reconciler);
	return due < bench->end ? due : bench->end;
}

int64_t reconciler_run_until(struct reconciler_bench *bench, bool (*until)(struct reconciler_bench *bench))
{
	mip_time began = mip_clock_now().boot;

	bench->until = until;
	bench->end = began + 15 * MIP_SECOND;
	mip_loop_settle(bench->loop, settle, bench);
	mip_loop_run(bench->loop);
	assert_true(until(bench));
	return (mip_clock_now().boot - began) / MIP_MILLISECOND;
}

void reconciler_want_everything(struct reconciler_bench *bench)
{
	struct mip_want item = route_item("10.1.0.50/32", MIP_LINK_TUNNEL);

	reconciler_want(bench, setting_item(MIP_SETTING_FORWARDING, MIP_LINK_NONE, 1));
	reconciler_want(bench, setting_item(MIP_SETTING_RP_FILTER, bench->v0, 2));
	reconciler_want(bench, setting_item(MIP_SETTING_SEND_REDIRECTS, bench->v0, 0));
	reconciler_want(bench, setting_item(MIP_SETTING_ARP_IGNORE, bench->v0, 1));
	reconciler_want(bench, setting_item(MIP_SETTING_ARP_ANNOUNCE, bench->v0, 2));
	reconciler_want(bench, setting_item(MIP_SETTING_PROXY_DELAY, bench->v0, 0));
	reconciler_want(bench, setting_item(MIP_SETTING_PROXY_ARP, MIP_LINK_TUNNEL, 1));
	reconciler_want(
		bench, (struct mip_want){.kind = MIP_WANT_GROUP, .group = {bench->v0, ip_of("224.0.0.11")}});
	reconciler_want(bench, address_item("10.1.0.50", 32, MIP_LINK_TUNNEL));
	item.route.mtu = 1468;
	reconciler_want(bench, item);
	item = route_item("0.0.0.0/0", bench->v0);
	item.route.table = 77001;
	item.route.gateway = ip_of("10.9.7.1");
	item.route.onlink = true;
	item.route.source = ip_of("10.1.0.50");
	item.route.metric = 5;
	reconciler_want(bench, item);
	item = route_item("10.66.0.0/16", MIP_LINK_NONE);
	item.route.type = MIP_ROUTE_UNREACHABLE;
	reconciler_want(bench, item);
	reconciler_want(bench, rule_item(1000, "10.1.0.50/32", 77001, MIP_LINK_NONE));
	reconciler_want(bench, rule_item(1001, "10.1.0.50/32", 77001, bench->v0));
	item = rule_item(1002, "0.0.0.0/0", 0, MIP_LINK_NONE);
	item.rule.suppress_prefix_length = 0;
	reconciler_want(bench, item);
	item = rule_item(1003, "0.0.0.0/0", 77001, MIP_LINK_NONE);
	item.rule.local_only = true;
	reconciler_want(bench, item);
	reconciler_want(bench, neighbour_item("10.9.7.1", 7, bench->v0));
	reconciler_want(bench, proxy_item("10.9.0.50", bench->v0));
	reconciler_flush(bench);
}

/* The monitor of links, addresses and default routes, in a network namespace for each test. As root only. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "address.h"
#include "monitor.h"
#include "namespace.h"

enum {
	IGNORED = 77,
	LINES = 30000,
};

/* What was told, a line each: "link v0 up", "address 10.0.0.1/24 on v0", "no default 10.0.0.2 by v0 metric
 * 5". */
struct bench {
	struct mip_loop *loop;
	struct mip_monitor *monitor;
	char names[64][MIP_LINK_NAME]; /* of links told, by index */
	char lines[LINES][80];
	size_t count;
	const char *awaited;
	mip_time end;
};

static const char *name_of(struct bench *bench, mip_link link)
{
	assert_in_range(link, 1, 63);
	assert_true(bench->names[link][0] != 0); /* told before what is on it */
	return bench->names[link];
}

static void say(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct bench *bench, const char *format, ...)
{
	char line[80];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	assert_true(bench->count < LINES);
	memcpy(bench->lines[bench->count++], line, sizeof(line));
}

static void on_link(void *context, const struct mip_input_link *link)
{
	struct bench *bench = context;

	assert_in_range(link->link, 1, 63);
	memcpy(bench->names[link->link], link->name, sizeof(link->name));
	say(bench, "link %s %s", link->name, !link->present ? "gone" : link->up ? "up" : "down");
	if (link->present && strcmp(link->name, "lo") != 0)
		assert_int_equal(link->link_address.length, 6);
	if (link->present)
		assert_int_equal(link->mtu, strcmp(link->name, "lo") == 0 ? 65536 : 1500);
}

static void on_address(void *context, const struct mip_input_address *address)
{
	struct bench *bench = context;

	say(bench, "%saddress %s/%u on %s", address->present ? "" : "no ", MIP_TEXT(address->address),
		address->prefix_length, name_of(bench, address->link));
}

static void on_route(void *context, const struct mip_input_default_route *route)
{
	struct bench *bench = context;

	say(bench, "%sdefault %s by %s metric %u", route->present ? "" : "no ", MIP_TEXT(route->gateway),
		name_of(bench, route->link), route->metric);
}

static void start(struct bench *bench)
{
	const struct mip_monitor_functions functions = {
		.link = on_link, .address = on_address, .default_route = on_route, .context = bench};

	assert_int_equal(mip_monitor_new(bench->loop, IGNORED, &functions, &bench->monitor), 0);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	if (!namespace_allowed())
		return 0;
	assert_int_equal(namespace_enter(), 0);
	namespace_must("ip link add v0 type veth peer name v1");
	assert_int_equal(mip_loop_new(&bench->loop), 0);
	alarm(60);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	alarm(0);
	mip_monitor_free(bench->monitor);
	mip_loop_free(bench->loop);
	free(bench);
	return 0;
}

static int place_of(struct bench *bench, const char *line)
{
	for (size_t i = 0; i < bench->count; i++)
		if (strcmp(bench->lines[i], line) == 0)
			return (int)i;
	return -1;
}

static mip_time settle(void *context)
{
	struct bench *bench = context;

	if (mip_clock_now().boot >= bench->end ||
		(bench->awaited != NULL && place_of(bench, bench->awaited) >= 0))
		mip_loop_stop(bench->loop);
	return bench->end;
}

static void run_for(struct bench *bench, const char *line, mip_time patience)
{
	bench->awaited = line;
	bench->end = mip_clock_now().boot + patience;
	mip_loop_settle(bench->loop, settle, bench);
	mip_loop_run(bench->loop);
}

/* Until it has been told; forgets what was told so far. Milliseconds that it took. */
static int64_t await(struct bench *bench, const char *line)
{
	mip_time began = mip_clock_now().boot;

	run_for(bench, line, 5 * MIP_SECOND);
	if (place_of(bench, line) < 0)
		for (size_t i = 0; i < bench->count; i++)
			print_error("told: %s\n", bench->lines[i]);
	assert_true(place_of(bench, line) >= 0);
	return (mip_clock_now().boot - began) / MIP_MILLISECOND;
}

static void forget(struct bench *bench)
{
	bench->count = 0;
}

static void all_that_there_is_is_told_at_the_start(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0;"
		       "ip route add default via 10.0.0.2 metric 5;"
		       "ip route add default dev v1 metric 6; ip route add default via 10.0.0.9 table 9;"
		       "ip route add default via 10.0.0.3 metric 7 proto 77");
	start(bench);
	assert_true(place_of(bench, "link v0 up") >= 0);
	assert_true(place_of(bench, "link v1 up") >= 0);
	assert_true(place_of(bench, "link v0 up") < place_of(bench, "address 10.0.0.1/24 on v0"));
	assert_true(place_of(bench, "address 10.0.0.1/24 on v0") <
		    place_of(bench, "default 10.0.0.2 by v0 metric 5"));
	assert_true(place_of(bench, "default 0.0.0.0 by v1 metric 6") >= 0);
	assert_int_equal(
		bench->count, 6); /* lo too, but not its address; no other table, nothing of our own */
}

static void a_link_that_comes_up_is_told_at_once(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	start(bench);
	assert_true(place_of(bench, "link v0 down") >= 0);
	namespace_must("ip link set v0 up");
	run_for(bench, "link v0 up", 300 * MIP_MILLISECOND); /* its peer is down still: no carrier */
	assert_int_equal(place_of(bench, "link v0 up"), -1);
	namespace_must("ip link set v1 up");
	assert_true(await(bench, "link v0 up") < 100);
	forget(bench);
	for (int i = 0; i < 5;
		i++) { /* quickly: the kernel's own second between link events does not matter */
		namespace_must("ip link set v0 down");
		assert_true(await(bench, "link v0 down") < 100);
		forget(bench);
		namespace_must("ip link set v0 up");
		assert_true(await(bench, "link v0 up") < 100);
		forget(bench);
	}
}

static void a_carrier_that_was_lost_for_a_moment_is_told_as_lost_and_found(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up");
	start(bench);
	for (int i = 0; i < 3; i++) { /* within the kernel's second, in which it may tell of the end alone */
		forget(bench);
		namespace_must("ip link set v1 down; ip link set v1 up");
		await(bench, "link v0 down");
		await(bench, "link v0 up");
		assert_true(place_of(bench, "link v0 down") < place_of(bench, "link v0 up"));
	}
}

/* A network card whose cable the test holds. (The kernel tells a veth's carrier at once, a card's not.) */
static int make_card(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	memcpy(request.ifr_name, name, strlen(name) + 1);
	assert_true(descriptor >= 0);
	assert_int_equal(ioctl(descriptor, TUNSETIFF, &request), 0);
	namespace_must("ip link set %s up", name);
	return descriptor;
}

static void set_carrier(int card, int carrier)
{
	assert_int_equal(ioctl(card, TUNSETCARRIER, &carrier), 0);
}

/* The kernel holds back the loss of a carrier for up to a second after any other link's event. */
static void a_carrier_that_is_lost_right_after_another_links_event_is_told_at_once(void **state)
{
	struct bench *bench = *state;
	int cards[2];

	NEEDS_ROOT();
	cards[0] = make_card("card0");
	cards[1] = make_card("card1");
	start(bench);
	run_for(bench, NULL, 1500 * MIP_MILLISECOND);
	forget(bench);
	set_carrier(cards[1], 0);
	run_for(bench, "link card1 down", MIP_SECOND);
	assert_true(place_of(bench, "link card1 down") >= 0);
	set_carrier(cards[0], 0);
	run_for(bench, "link card0 down", 600 * MIP_MILLISECOND);
	assert_true(place_of(bench, "link card0 down") >= 0);
	(void)close(cards[0]);
	(void)close(cards[1]);
}

static void addresses_and_routes_are_followed(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up");
	start(bench);
	namespace_must("ip addr add 10.0.0.1/24 dev v0");
	await(bench, "address 10.0.0.1/24 on v0");
	namespace_must("ip route add default via 10.0.0.2");
	await(bench, "default 10.0.0.2 by v0 metric 0");
	namespace_must("ip route replace default via 10.0.0.3");
	await(bench, "default 10.0.0.3 by v0 metric 0");
	await(bench, "no default 10.0.0.2 by v0 metric 0"); /* of which the kernel says nothing */
	namespace_must("ip route del default");
	await(bench, "no default 10.0.0.3 by v0 metric 0");
	namespace_must("ip addr del 10.0.0.1/24 dev v0");
	await(bench, "no address 10.0.0.1/24 on v0");
}

static void a_route_with_several_next_hops_is_told_by_each(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0");
	start(bench);
	namespace_must("ip route add default nexthop via 10.0.0.2 nexthop via 10.0.0.3");
	await(bench, "default 10.0.0.2 by v0 metric 0");
	await(bench, "default 10.0.0.3 by v0 metric 0");
}

static void routes_that_go_with_their_link_or_address_are_told(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0;"
		       "ip route add default via 10.0.0.2");
	start(bench);
	namespace_must("ip link set v0 down");
	await(bench, "no default 10.0.0.2 by v0 metric 0");
	await(bench, "link v0 down");
	assert_int_equal(place_of(bench, "no address 10.0.0.1/24 on v0"), -1); /* it stays */
	forget(bench);
	namespace_must("ip link set v0 up; ip route add default via 10.0.0.2");
	await(bench, "default 10.0.0.2 by v0 metric 0");
	forget(bench);
	namespace_must("ip addr del 10.0.0.1/24 dev v0");
	await(bench, "no default 10.0.0.2 by v0 metric 0");
}

static void a_link_that_goes_takes_its_addresses_along(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0;"
		       "ip route add default via 10.0.0.2");
	start(bench);
	forget(bench);
	namespace_must("ip link del v0");
	await(bench, "link v0 gone");
	assert_true(place_of(bench, "no address 10.0.0.1/24 on v0") >= 0);
	assert_true(place_of(bench, "no address 10.0.0.1/24 on v0") < place_of(bench, "link v0 gone"));
	assert_true(place_of(bench, "no default 10.0.0.2 by v0 metric 0") >= 0);
	forget(bench);
	namespace_must("ip link add v0 type veth peer name v1; ip addr add 10.0.0.1/24 dev v0");
	await(bench, "address 10.0.0.1/24 on v0");
	assert_true(place_of(bench, "link v0 down") < place_of(bench, "address 10.0.0.1/24 on v0"));
}

static void our_own_routes_are_not_told(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0");
	start(bench);
	forget(bench);
	namespace_must(
		"ip route add default via 10.0.0.2 proto 77; ip route add default via 10.0.0.3 metric 9");
	await(bench, "default 10.0.0.3 by v0 metric 9");
	assert_int_equal(bench->count, 1);
}

static void when_notices_are_lost_it_is_right_in_the_end(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("ip link set v0 up; ip link set v1 up");
	start(bench);
	forget(bench);
	/* More than the socket holds, before the loop has had a turn. */
	namespace_must(
		"for r in 1 2 3 4 5 6; do for i in $(seq 1 250); do for j in $(seq 1 8); do "
		"echo addr add 10.$j.$i.1/32 dev v0; echo addr del 10.$j.$i.1/32 dev v0; done; done; done |"
		"ip -batch -; ip addr add 10.0.0.1/24 dev v0; ip route add default via 10.0.0.2");
	await(bench, "default 10.0.0.2 by v0 metric 0");
	assert_true(place_of(bench, "address 10.0.0.1/24 on v0") >= 0);
	assert_in_range(bench->count, 2, 23999); /* of 24,000: some were lost indeed */
}

static void an_interface_is_found_by_its_name(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mip_link_index("lo"), 1);
	assert_int_equal(mip_link_index("nothing0"), MIP_LINK_NONE);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_that_there_is_is_told_at_the_start),
		TEST(a_link_that_comes_up_is_told_at_once),
		TEST(a_carrier_that_was_lost_for_a_moment_is_told_as_lost_and_found),
		TEST(a_carrier_that_is_lost_right_after_another_links_event_is_told_at_once),
		TEST(addresses_and_routes_are_followed),
		TEST(a_route_with_several_next_hops_is_told_by_each),
		TEST(routes_that_go_with_their_link_or_address_are_told),
		TEST(a_link_that_goes_takes_its_addresses_along),
		TEST(our_own_routes_are_not_told),
		TEST(when_notices_are_lost_it_is_right_in_the_end),
		TEST(an_interface_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

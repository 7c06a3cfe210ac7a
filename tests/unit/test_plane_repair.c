/*
 * The tunnel device while somebody else deletes it: it is noticed by itself and in time, and there is another one afterwards.
 */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "namespace.h"
#include "plane.h"
#include "plane_world.h"

#define DEVICE "mip7"

struct bench {
	struct world *world;
	struct mip_plane *plane;
	struct mip_log log;
	unsigned notices, warnings, errors;
	unsigned changes; /* how often the device was said to be another one */
};

static void count_lines(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	struct bench *bench = context;

	(void)format, (void)arguments;
	bench->notices += level == MIP_LOG_NOTICE;
	bench->warnings += level == MIP_LOG_WARNING;
	bench->errors += level == MIP_LOG_ERROR;
}

static void count_change(void *context)
{
	struct bench *bench = context;

	bench->changes++;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct mip_plane_options options = {
		.kind = MIP_PLANE_USER,
		.device = DEVICE,
		.udp_descriptor = -1,
		.device_changed = count_change,
	};
	char reason[MIP_PLANE_REASON];
	void *world;

	assert_non_null(bench);
	assert_int_equal(plane_setup(&world), 0);
	bench->world = world;
	plane_enter(bench->world, AT_HOME);
	bench->log = (struct mip_log){.write = count_lines, .context = bench};
	options.log = &bench->log;
	options.context = bench;
	assert_int_equal(mip_plane_new(&options, &bench->plane, reason), 0);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	void *world = bench->world;

	plane_enter(bench->world, AT_HOME);
	mip_plane_free(bench->plane);
	free(bench);
	return plane_teardown(&world);
}

/* As the host does: not before its time, and with that time as now. Returns when it was. */
static mip_time advance(struct bench *bench)
{
	mip_time now = mip_plane_deadline(bench->plane);

	mip_plane_advance(bench->plane, now);
	return now;
}

static void device_is_there(const struct bench *bench)
{
	assert_int_equal(if_nametoindex(DEVICE), mip_plane_link(bench->plane));
}

static void a_device_that_is_there_is_left_alone(void **state)
{
	struct bench *bench = *state;
	mip_link link = mip_plane_link(bench->plane);
	mip_time first = advance(bench);

	assert_in_range(mip_plane_deadline(bench->plane) - first, 1, MIP_SECOND / 2);
	assert_int_equal(mip_plane_link(bench->plane), link);
	assert_int_equal(bench->changes, 0);
	assert_int_equal(bench->warnings + bench->errors, 0);
}

static void a_device_that_was_deleted_is_made_again_at_the_next_look(void **state)
{
	struct bench *bench = *state;
	mip_link link = mip_plane_link(bench->plane);

	namespace_must("ip link delete " DEVICE);
	advance(bench);
	device_is_there(bench);
	assert_int_not_equal(mip_plane_link(bench->plane), link);
	assert_int_equal(bench->changes, 1);
	assert_int_equal(bench->warnings, 1);
	advance(bench);
	assert_int_equal(bench->changes, 1);
}

static void one_that_is_found_deleted_when_it_is_read_is_due_at_once(void **state)
{
	struct bench *bench = *state;
	int descriptors[8];

	assert_in_range(mip_plane_descriptors(bench->plane, descriptors, 8), 1, 8);
	namespace_must("ip link delete " DEVICE);
	mip_plane_service(bench->plane, descriptors[0]);
	assert_int_equal(mip_plane_deadline(bench->plane), 0);
	mip_plane_advance(bench->plane, MIP_SECOND);
	device_is_there(bench);
	assert_int_equal(bench->changes, 1);
}

/* Somebody's own device of that name is not taken away; as soon as it has gone, the daemon's is there again. */
static void one_that_cannot_be_made_again_is_tried_until_it_can(void **state)
{
	struct bench *bench = *state;
	mip_time refused;

	namespace_must("ip link delete " DEVICE " && ip link add " DEVICE " type veth peer name other7");
	refused = advance(bench);
	assert_int_equal(bench->errors, 1);
	assert_in_range(mip_plane_deadline(bench->plane) - refused, 1, MIP_SECOND);
	/* What goes on is said once. */
	for (int i = 0; i < 10; i++)
		advance(bench);
	assert_int_equal(bench->warnings, 1);
	assert_int_equal(bench->errors, 1);
	assert_int_equal(bench->notices, 0);
	namespace_must("ip link show other7 >/dev/null && ip link delete " DEVICE);
	advance(bench);
	device_is_there(bench);
	assert_int_equal(bench->notices, 1);
	namespace_must("ip link delete " DEVICE);
	advance(bench);
	assert_int_equal(bench->warnings, 2);
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BENCH(a_device_that_is_there_is_left_alone),
		ON_BENCH(a_device_that_was_deleted_is_made_again_at_the_next_look),
		ON_BENCH(one_that_is_found_deleted_when_it_is_read_is_due_at_once),
		ON_BENCH(one_that_cannot_be_made_again_is_tried_until_it_can),
	};

	if (!namespace_allowed()) {
		print_message("needs root for network namespaces: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

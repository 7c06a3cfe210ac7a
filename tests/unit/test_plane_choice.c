/*
 * What "auto" takes, loses and takes up again: the planes' front with accelerators that are made up here, in place of the
 * library's, and refuse, work and fail as a test has them do.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "accelerator.h"
#include "namespace.h"
#include "plane.h"

#define CLIMB (10 * MIP_SECOND)

/* An accelerator of a kind: there is room for one at a time, as for the real ones. */
struct made_up {
	struct mip_accelerator accelerator;
	bool refuses; /* to be made */
	bool fails;   /* its check */
	unsigned made, attempts, there, tunnels;
};

static struct made_up fast, middle;

struct bench {
	struct mip_plane *plane;
	unsigned translated;
	mip_time now;
};

/* --- the accelerators --- */

static struct made_up *made_up_of(struct mip_accelerator *accelerator)
{
	return accelerator == &fast.accelerator ? &fast : &middle;
}

static void end(struct mip_accelerator *accelerator)
{
	assert_int_equal(made_up_of(accelerator)->there--, 1);
}

static int take_tunnel(struct mip_accelerator *accelerator, const struct mip_plane_home *home, bool present)
{
	(void)home;
	made_up_of(accelerator)->tunnels += present;
	return 0;
}

static int take_peer(struct mip_accelerator *accelerator, const struct mip_plane_peer *peer, bool present)
{
	(void)accelerator, (void)peer, (void)present;
	return 0;
}

static int commit(struct mip_accelerator *accelerator)
{
	(void)accelerator;
	return 0;
}

static int clamp(struct mip_accelerator *accelerator, bool clamp_mss)
{
	(void)accelerator, (void)clamp_mss;
	return 0;
}

static int check(struct mip_accelerator *accelerator, char ret_reason[static MIP_PLANE_REASON])
{
	if (!made_up_of(accelerator)->fails)
		return 0;
	strcpy(ret_reason, "it is worn out");
	return -EIO;
}

static void add_traffic(struct mip_accelerator *accelerator, const struct mip_plane_home *home,
	struct mip_plane_traffic *traffic)
{
	(void)accelerator, (void)home, (void)traffic;
}

static const struct mip_accelerator_operations operations = {
	.free = end,
	.tunnel = take_tunnel,
	.peer = take_peer,
	.commit = commit,
	.clamp = clamp,
	.check = check,
	.traffic = add_traffic,
};

static int make(struct made_up *one, struct mip_accelerator **ret_accelerator, char *ret_reason)
{
	one->attempts++;
	if (one->refuses) {
		strcpy(ret_reason, "not today");
		return -EOPNOTSUPP;
	}
	assert_int_equal(one->there++, 0);
	one->made++;
	one->fails = false;
	one->accelerator.operations = &operations;
	*ret_accelerator = &one->accelerator;
	return 0;
}

int mip_bpf_new(struct mip_user *user, struct mip_accelerator **ret_accelerator,
	char ret_reason[static MIP_PLANE_REASON])
{
	(void)user;
	return make(&fast, ret_accelerator, ret_reason);
}

int mip_kernel_new(struct mip_user *user, struct mip_accelerator **ret_accelerator,
	char ret_reason[static MIP_PLANE_REASON])
{
	(void)user;
	return make(&middle, ret_accelerator, ret_reason);
}

void mip_kernel_sweep(struct mip_user *user)
{
	(void)user;
}

void mip_bpf_sweep(struct mip_user *user)
{
	(void)user;
}

/* --- the bench --- */

static void on_translation(void *context)
{
	((struct bench *)context)->translated++;
}

static void begin(struct bench *bench, enum mip_plane_kind kind)
{
	struct mip_plane_options options = {
		.kind = kind,
		.device = "mip0",
		.udp_descriptor = -1,
		.translation_changed = on_translation,
		.context = bench,
	};
	struct mip_want tunnel = {
		.kind = MIP_WANT_TUNNEL, .tunnel = {.home_address = {1}, .local = {2}, .remote = {3}}};
	char reason[MIP_PLANE_REASON] = "";

	assert_int_equal(mip_plane_new(&options, &bench->plane, reason), 0);
	assert_int_equal(mip_plane_want(bench->plane, &tunnel), 0);
	mip_plane_commit(bench->plane);
	bench->translated = 0;
}

static int setup(void **state)
{
	fast = middle = (struct made_up){.made = 0};
	*state = calloc(1, sizeof(struct bench));
	return namespace_allowed() ? namespace_enter() : 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	mip_plane_free(bench->plane);
	assert_int_equal(fast.there + middle.there, 0);
	free(bench);
	return 0;
}

/* As the host does, again and again until that much time has gone. */
static void pass(struct bench *bench, mip_time time)
{
	mip_time end_time = bench->now + time;

	while (mip_plane_deadline(bench->plane) <= end_time) {
		if (mip_plane_deadline(bench->plane) > bench->now)
			bench->now = mip_plane_deadline(bench->plane);
		mip_plane_advance(bench->plane, bench->now);
	}
	bench->now = end_time;
}

static void look(struct bench *bench)
{
	bench->now = mip_plane_deadline(bench->plane);
	mip_plane_advance(bench->plane, bench->now);
}

static void runs(const struct bench *bench, enum mip_plane_kind kind)
{
	assert_int_equal(mip_plane_kind(bench->plane), kind);
	assert_int_equal(fast.there, kind == MIP_PLANE_BPF);
	assert_int_equal(middle.there, kind == MIP_PLANE_KERNEL);
}

/* --- tests --- */

static void what_failed_and_works_again_is_taken_up_again_by_auto(void **state)
{
	struct bench *bench = *state;
	unsigned tunnels, translated;

	NEEDS_ROOT();
	begin(bench, MIP_PLANE_AUTO);
	look(bench);
	runs(bench, MIP_PLANE_BPF);
	fast.fails = fast.refuses = true;
	look(bench);
	runs(bench, MIP_PLANE_KERNEL);
	assert_non_null(strstr(mip_plane_reason(bench->plane), "bpf is not to be had (not today)"));
	pass(bench, 3 * CLIMB);
	runs(bench, MIP_PLANE_KERNEL);
	assert_int_equal(middle.made, 1); /* it was left alone meanwhile */
	fast.refuses = false;
	tunnels = fast.tunnels;
	translated = bench->translated;
	pass(bench, CLIMB + MIP_SECOND);
	runs(bench, MIP_PLANE_BPF);
	assert_string_equal(mip_plane_reason(bench->plane), "bpf: the fastest, and works here");
	assert_int_equal(fast.tunnels, tunnels + 1);
	assert_int_equal(bench->translated, translated + 1);
}

static void it_is_tried_every_ten_seconds_and_not_with_every_look(void **state)
{
	struct bench *bench = *state;
	unsigned attempts;

	NEEDS_ROOT();
	begin(bench, MIP_PLANE_AUTO);
	fast.fails = fast.refuses = true;
	look(bench);
	attempts = fast.attempts;
	pass(bench, 10 * CLIMB);
	assert_in_range(fast.attempts - attempts, 9, 11);
}

/* A million routes are looked at when the plane's answers are said to be others. */
static void what_is_tried_in_vain_changes_nothing(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	begin(bench, MIP_PLANE_AUTO);
	fast.fails = fast.refuses = middle.refuses = true;
	look(bench);
	runs(bench, MIP_PLANE_USER);
	bench->translated = 0;
	pass(bench, 3 * CLIMB);
	runs(bench, MIP_PLANE_USER);
	assert_int_equal(bench->translated, 0);
	/* The second best is better than none, and the best better than that. */
	middle.refuses = false;
	pass(bench, CLIMB + MIP_SECOND);
	runs(bench, MIP_PLANE_KERNEL);
	fast.refuses = false;
	pass(bench, CLIMB + MIP_SECOND);
	runs(bench, MIP_PLANE_BPF);
}

/* What it never had is not looked for as long as it runs: a module does not come by itself. */
static void what_auto_never_had_it_does_not_climb_to(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	fast.refuses = true;
	begin(bench, MIP_PLANE_AUTO);
	runs(bench, MIP_PLANE_KERNEL);
	fast.refuses = false;
	pass(bench, 3 * CLIMB);
	runs(bench, MIP_PLANE_KERNEL);
	assert_int_equal(fast.attempts, 1);
}

static void a_plane_asked_for_by_name_is_tried_every_second_and_no_other_takes_its_place(void **state)
{
	struct bench *bench = *state;
	unsigned attempts;

	NEEDS_ROOT();
	begin(bench, MIP_PLANE_BPF);
	fast.fails = fast.refuses = true;
	look(bench);
	runs(bench, MIP_PLANE_USER);
	assert_int_equal(middle.attempts, 0);
	attempts = fast.attempts;
	pass(bench, 5 * MIP_SECOND);
	assert_in_range(fast.attempts - attempts, 4, 6);
	fast.refuses = false;
	pass(bench, MIP_SECOND);
	runs(bench, MIP_PLANE_BPF);
	assert_string_equal(mip_plane_reason(bench->plane), "bpf: as configured");
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BENCH(what_failed_and_works_again_is_taken_up_again_by_auto),
		ON_BENCH(it_is_tried_every_ten_seconds_and_not_with_every_look),
		ON_BENCH(what_is_tried_in_vain_changes_nothing),
		ON_BENCH(what_auto_never_had_it_does_not_climb_to),
		ON_BENCH(a_plane_asked_for_by_name_is_tried_every_second_and_no_other_takes_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

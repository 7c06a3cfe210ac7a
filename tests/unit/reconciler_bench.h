/*
 * A bench for the reconciler on real kernel objects, in a network namespace for each test. As root only.
 *
 *   v0 ═══ v1 (a veth pair, both in the namespace)      t0 ═══ t1 (stands for the tunnel device)
 */
#ifndef RECONCILER_BENCH_H
#define RECONCILER_BENCH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "loop.h"
#include "namespace.h"
#include "reconciler.h"

struct reconciler_bench {
	struct mip_loop *loop;
	struct mip_reconciler *reconciler;
	mip_link v0, v1, t0;
	char restore_file[64];
	char *before;
	mip_time end;
	bool (*until)(struct reconciler_bench *bench);
	const char *command; /* what `until` looks at */
};

#define TEST(name) cmocka_unit_test_setup_teardown(name, reconciler_setup, reconciler_teardown)
int reconciler_setup(void **state);
int reconciler_teardown(void **state);

extern const struct mip_log reconciler_log; /* prints if TEST_LOG is in the environment */
/* A reconciler begins and ends; setup and teardown do it too. */
void reconciler_start(struct reconciler_bench *bench);
void reconciler_stop(struct reconciler_bench *bench);

void reconciler_want(struct reconciler_bench *bench, struct mip_want item);
void reconciler_unwant(struct reconciler_bench *bench, struct mip_want item);
/* One item of each kind. */
void reconciler_want_everything(struct reconciler_bench *bench);
void reconciler_flush(struct reconciler_bench *bench);
/* Runs the loop until something holds. Milliseconds that it took; fails after some seconds. */
int64_t reconciler_run_until(struct reconciler_bench *bench, bool (*until)(struct reconciler_bench *bench));
uint64_t reconciler_counter(struct reconciler_bench *bench, const char *name);

/* Whether the text is in what the command prints. */
bool kernel_shows(const char *command, const char *text);
/* The value of this path below /proc/sys/net/ipv4. */
int kernel_setting(const char *path);
/* Nothing is left of what was wanted. */
void assert_kernel_as_before(struct reconciler_bench *bench);

struct mip_address ip_of(const char *text);
struct mip_prefix net_of(const char *text);
struct mip_want route_item(const char *destination, mip_link link);
struct mip_want address_item(const char *text, uint8_t length, mip_link link);
struct mip_want rule_item(uint32_t priority, const char *from, uint32_t table, mip_link incoming);
struct mip_want neighbour_item(const char *text, uint8_t last, mip_link link);
struct mip_want proxy_item(const char *text, mip_link link);
struct mip_want setting_item(enum mip_kernel_setting which, mip_link link, int value);

#endif

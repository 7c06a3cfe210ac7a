/*
 * The table that the bpf programs look into, from the daemon's side.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_programs.h"
#include "bpf_table.h"
#include "namespace.h"

enum {
	NET = 0x0a000000, /* 10.0.0.0 */
	MILLION = 1000000,
	BYTES_EACH = 200, /* the most kernel memory that an entry may cost, where there are a million */
};

struct bench {
	struct mip_bpf_programs programs;
	struct mip_bpf_table table;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	*state = bench;
	if (!namespace_allowed())
		return 0;
	assert_non_null(bench);
	assert_int_equal(mip_bpf_programs_load(&bench->programs), 0);
	return mip_bpf_table_open(&bench->table, mip_bpf_map(&bench->programs, "table"),
		mip_bpf_map(&bench->programs, "slots"), MIP_BPF_FIRST_SLOTS,
		&bench->programs.shared->settings);
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	if (namespace_allowed()) {
		mip_bpf_table_close(&bench->table);
		mip_bpf_programs_unload(&bench->programs);
	}
	free(bench);
	return 0;
}

static struct mip_bpf_slot entry(uint32_t address, uint8_t flags)
{
	return (struct mip_bpf_slot){
		.home = htonl(address), .remote = htonl(address ^ 0xff), .local = 7, .kind_and_flags = flags};
}

static void put(struct bench *bench, uint32_t address)
{
	struct mip_bpf_slot wanted = entry(address, MIP_BPF_HAS_TUNNEL);

	assert_int_equal(mip_bpf_table_put(&bench->table, &wanted), 0);
}

static void assert_found(const struct bench *bench, uint32_t address)
{
	const struct mip_bpf_slot *slot = mip_bpf_table_find(&bench->table, htonl(address), 0);

	assert_non_null(slot);
	assert_int_equal(slot->home, htonl(address));
	assert_int_equal(slot->remote, htonl(address ^ 0xff));
	assert_int_equal(slot->sum, mip_bpf_sum(slot));
}

static void an_entry_is_found_by_its_home_address_and_end(void **state)
{
	struct bench *bench = *state;
	struct mip_bpf_slot away = entry(NET + 1, MIP_BPF_VISITED);

	NEEDS_ROOT();
	away.remote = 99;
	put(bench, NET + 1);
	assert_null(mip_bpf_table_find(&bench->table, htonl(NET + 1), MIP_BPF_VISITED));
	assert_null(mip_bpf_table_find(&bench->table, htonl(NET + 2), 0));
	assert_int_equal(mip_bpf_table_put(&bench->table, &away), 0);
	assert_found(bench, NET + 1);
	assert_int_equal(mip_bpf_table_find(&bench->table, htonl(NET + 1), MIP_BPF_VISITED)->remote, 99);
}

static void an_entry_put_again_has_its_new_value_and_goes_on_counting(void **state)
{
	struct bench *bench = *state;
	struct mip_bpf_slot moved = entry(NET + 1, MIP_BPF_HAS_TUNNEL);
	struct mip_bpf_slot *slot;

	NEEDS_ROOT();
	put(bench, NET + 1);
	slot = mip_bpf_table_find(&bench->table, htonl(NET + 1), 0);
	slot->packets_to = 5;
	slot->last_sent = 6;
	moved.remote = 1234;
	assert_int_equal(mip_bpf_table_put(&bench->table, &moved), 0);
	assert_ptr_equal(mip_bpf_table_find(&bench->table, htonl(NET + 1), 0), slot);
	assert_int_equal(slot->remote, 1234);
	assert_int_equal(slot->packets_to, 5);
	assert_int_equal(slot->last_sent, 6);
	assert_int_equal(bench->table.used, 1);
}

static void a_removed_entry_is_not_found_and_a_new_one_begins_to_count_at_nothing(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	put(bench, NET + 1);
	mip_bpf_table_find(&bench->table, htonl(NET + 1), 0)->bytes_from = 100;
	mip_bpf_table_remove(&bench->table, htonl(NET + 1), MIP_BPF_VISITED);
	assert_found(bench, NET + 1);
	mip_bpf_table_remove(&bench->table, htonl(NET + 1), 0);
	assert_null(mip_bpf_table_find(&bench->table, htonl(NET + 1), 0));
	put(bench, NET + 1);
	assert_found(bench, NET + 1);
	assert_int_equal(mip_bpf_table_find(&bench->table, htonl(NET + 1), 0)->bytes_from, 0);
	assert_int_equal(bench->table.used, 1);
	assert_int_equal(bench->table.gone, 0);
}

static void those_behind_a_removed_entry_are_still_found(void **state)
{
	struct bench *bench = *state;
	enum { SOME = MIP_BPF_FIRST_SLOTS / 2 };

	NEEDS_ROOT();
	for (uint32_t i = 0; i < SOME; i++)
		put(bench, NET + i);
	for (uint32_t i = 0; i < SOME; i += 2)
		mip_bpf_table_remove(&bench->table, htonl(NET + i), 0);
	for (uint32_t i = 1; i < SOME; i += 2)
		assert_found(bench, NET + i);
}

static void entries_that_come_and_go_do_not_make_the_table_grow(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (uint32_t i = 0; i < 100 * MIP_BPF_FIRST_SLOTS; i++) {
		put(bench, NET + i);
		mip_bpf_table_remove(&bench->table, htonl(NET + i), 0);
	}
	assert_int_equal(bench->table.size, MIP_BPF_FIRST_SLOTS);
	assert_int_equal(bench->table.used, 0);
}

static void the_table_grows_and_what_was_counted_stays(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	put(bench, NET);
	mip_bpf_table_find(&bench->table, htonl(NET), 0)->packets_from = 77;
	mip_bpf_table_find(&bench->table, htonl(NET), 0)->last_sent = 78;
	for (uint32_t i = 1; i < 10 * MIP_BPF_FIRST_SLOTS; i++)
		put(bench, NET + i);
	for (uint32_t i = 0; i < 10 * MIP_BPF_FIRST_SLOTS; i++)
		assert_found(bench, NET + i);
	assert_int_equal(mip_bpf_table_find(&bench->table, htonl(NET), 0)->packets_from, 77);
	assert_int_equal(mip_bpf_table_find(&bench->table, htonl(NET), 0)->last_sent, 78);
	assert_int_equal(bench->table.used, 10 * MIP_BPF_FIRST_SLOTS);
	assert_int_equal(bench->programs.shared->settings.mask, bench->table.size - 1);
}

static void a_million_entries_cost_at_most_200_octets_each(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (uint32_t i = 0; i < MILLION; i++)
		put(bench, NET + i);
	assert_int_equal(bench->table.used, MILLION);
	assert_true((uint64_t)bench->table.size * sizeof(struct mip_bpf_slot) / MILLION <= BYTES_EACH);
}

static void addresses_at_any_distance_from_each_other_find_their_places(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (unsigned shift = 0; shift <= 20; shift += 4) {
		for (uint32_t i = 0; i < 1 << 11; i++)
			put(bench, NET + (i << shift));
	}
	/* 2^11 of each, the first sixteenth of which (and more, where it wraps) is that of the distance before too. */
	assert_true(bench->table.size <= 32 * MIP_BPF_FIRST_SLOTS);
}

static void the_programs_look_only_between_the_first_and_the_last(void **state)
{
	struct bench *bench = *state;
	volatile struct mip_bpf_settings *settings;

	NEEDS_ROOT();
	settings = &bench->programs.shared->settings;
	assert_true(settings->first > settings->last);
	put(bench, NET + 300);
	put(bench, NET + 9);
	put(bench, NET + 40);
	assert_int_equal(settings->first, NET + 9);
	assert_int_equal(settings->last, NET + 300);
}

static void a_slot_of_which_any_field_is_still_the_old_one_does_not_add_up(void **state)
{
	struct mip_bpf_slot slot = entry(NET + 1, MIP_BPF_HAS_TUNNEL | MIP_BPF_HAS_PEER), torn;
	uint32_t sum;

	(void)state;
	slot.remote_port = 434;
	slot.local_port = 434;
	slot.state = MIP_BPF_SLOT_USED;
	sum = mip_bpf_sum(&slot);
#define TORN(field, value)                                                                                   \
	do {                                                                                                 \
		torn = slot;                                                                                 \
		torn.field = (value);                                                                        \
		assert_int_not_equal(mip_bpf_sum(&torn), sum);                                               \
	} while (0)
	TORN(home, slot.home + 1);
	TORN(remote, 0);
	TORN(local, 8);
	TORN(remote_port, 435);
	TORN(local_port, 0);
	TORN(link, 3);
	TORN(state, MIP_BPF_SLOT_GONE);
	TORN(kind_and_flags, MIP_BPF_HAS_TUNNEL);
#undef TORN
	/* Two that changed places. */
	torn = slot;
	torn.remote = slot.local;
	torn.local = slot.remote;
	assert_int_not_equal(mip_bpf_sum(&torn), sum);
}

#define TABLE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TEST(an_entry_is_found_by_its_home_address_and_end),
		TABLE_TEST(an_entry_put_again_has_its_new_value_and_goes_on_counting),
		TABLE_TEST(a_removed_entry_is_not_found_and_a_new_one_begins_to_count_at_nothing),
		TABLE_TEST(those_behind_a_removed_entry_are_still_found),
		TABLE_TEST(entries_that_come_and_go_do_not_make_the_table_grow),
		TABLE_TEST(the_table_grows_and_what_was_counted_stays),
		TABLE_TEST(a_million_entries_cost_at_most_200_octets_each),
		TABLE_TEST(addresses_at_any_distance_from_each_other_find_their_places),
		TABLE_TEST(the_programs_look_only_between_the_first_and_the_last),
		cmocka_unit_test(a_slot_of_which_any_field_is_still_the_old_one_does_not_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

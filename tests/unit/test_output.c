/* The outbox: order, ownership, growth. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"
#include "output.h"

static void outputs_come_out_as_they_went_in(void **state)
{
	struct mip_outbox outbox = {0};
	const struct mip_want want = {.kind = MIP_WANT_GROUP, .group = {.link = 5}};
	const struct mip_event event = mip_event_of("state");
	const struct mip_output_datagram datagram = {.destination_port = 434};
	const struct mip_output_frame frame = {.link = 3, .ethertype = MIP_ETHERTYPE_ARP};
	static const enum mip_output_kind kinds[] = {MIP_OUTPUT_WANT, MIP_OUTPUT_UNWANT, MIP_OUTPUT_KEEP,
		MIP_OUTPUT_FORGET, MIP_OUTPUT_EVENT, MIP_OUTPUT_FRAME, MIP_OUTPUT_DATAGRAM};
	struct mip_output output;

	(void)state;
	assert_int_equal(mip_outbox_want(&outbox, &want), 0);
	assert_int_equal(mip_outbox_unwant(&outbox, &want), 0);
	assert_int_equal(mip_outbox_keep(&outbox, "binding/10.1.0.50", "record", 6), 0);
	assert_int_equal(mip_outbox_forget(&outbox, "binding/10.1.0.51"), 0);
	assert_int_equal(mip_outbox_event(&outbox, &event), 0);
	assert_int_equal(mip_outbox_frame(&outbox, &frame, "arp", 3), 0);
	assert_int_equal(mip_outbox_datagram(&outbox, &datagram, "reply", 5), 0);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(kinds); i++) {
		assert_true(mip_outbox_take(&outbox, &output));
		assert_int_equal(output.kind, kinds[i]);
		if (output.kind == MIP_OUTPUT_UNWANT)
			assert_int_equal(output.want.group.link, 5);
		if (output.kind == MIP_OUTPUT_KEEP)
			assert_string_equal(output.key, "binding/10.1.0.50");
		if (output.kind == MIP_OUTPUT_FORGET)
			assert_string_equal(output.key, "binding/10.1.0.51");
		if (output.kind == MIP_OUTPUT_EVENT)
			assert_string_equal(output.event.name, "state");
		if (output.kind == MIP_OUTPUT_FRAME)
			assert_int_equal(output.frame.link, 3);
		if (output.kind == MIP_OUTPUT_DATAGRAM) {
			assert_int_equal(output.datagram.destination_port, 434);
			assert_int_equal(output.length, 5);
			assert_memory_equal(output.octets, "reply", 5);
		}
		mip_output_clear(&output);
		assert_null(output.octets);
	}
	assert_false(mip_outbox_take(&outbox, &output));
	mip_outbox_clear(&outbox);
}

static void octets_are_copied(void **state)
{
	struct mip_outbox outbox = {0};
	struct mip_output_datagram datagram = {0};
	struct mip_output output;
	char octets[] = "before";

	(void)state;
	mip_outbox_datagram(&outbox, &datagram, octets, 6);
	memcpy(octets, "after!", 6);
	assert_true(mip_outbox_take(&outbox, &output));
	assert_memory_equal(output.octets, "before", 6);
	mip_output_clear(&output);
	mip_outbox_clear(&outbox);
}

static void order_survives_growth_in_the_middle_of_the_ring(void **state)
{
	struct mip_outbox outbox = {0};
	struct mip_output output;
	int64_t put = 0;
	int64_t taken = 0;

	(void)state;
	for (int round = 0; round < 200; round++) {
		/* more in than out, so that it grows with its first output anywhere */
		for (int i = 0; i < 7; i++) {
			struct mip_output_datagram datagram = {.destination_port = (uint16_t)put++};

			assert_int_equal(mip_outbox_datagram(&outbox, &datagram, "x", 1), 0);
		}
		for (int i = 0; i < 5; i++) {
			assert_true(mip_outbox_take(&outbox, &output));
			assert_int_equal(output.datagram.destination_port, taken++);
			mip_output_clear(&output);
		}
	}
	assert_int_equal(outbox.count, put - taken);
	mip_outbox_clear(&outbox); /* frees the rest: the sanitizer would tell */
	assert_int_equal(outbox.count, 0);
	mip_outbox_clear(NULL);
	mip_output_clear(NULL);
}

static void reserved_room_is_kept_and_holds_what_was_there(void **state)
{
	struct mip_outbox outbox = {0};
	struct mip_output output;
	struct mip_output *items;

	(void)state;
	assert_int_equal(mip_outbox_forget(&outbox, "first"), 0);
	assert_int_equal(mip_outbox_reserve(&outbox, 100), 0);
	assert_true(outbox.size >= 100);
	items = outbox.items;
	for (int i = 1; i < 100; i++)
		assert_int_equal(mip_outbox_forget(&outbox, "next"), 0);
	assert_ptr_equal(outbox.items, items); /* in the same room */
	assert_int_equal(mip_outbox_reserve(&outbox, 10), 0);
	assert_ptr_equal(outbox.items, items);
	assert_true(mip_outbox_take(&outbox, &output));
	assert_string_equal(output.key, "first");
	mip_output_clear(&output);
	mip_outbox_clear(&outbox);
}

static void a_key_that_is_too_long_is_refused(void **state)
{
	struct mip_outbox outbox = {0};
	char key[MIP_RECORD_KEY + 1];

	(void)state;
	memset(key, 'k', MIP_RECORD_KEY);
	key[MIP_RECORD_KEY] = '\0';
	assert_int_equal(mip_outbox_keep(&outbox, key, "x", 1), -ENAMETOOLONG);
	assert_int_equal(mip_outbox_forget(&outbox, key), -ENAMETOOLONG);
	assert_int_equal(outbox.count, 0);
	key[MIP_RECORD_KEY - 1] = '\0';
	assert_int_equal(mip_outbox_forget(&outbox, key), 0);
	mip_outbox_clear(&outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_come_out_as_they_went_in),
		cmocka_unit_test(octets_are_copied),
		cmocka_unit_test(order_survives_growth_in_the_middle_of_the_ring),
		cmocka_unit_test(reserved_room_is_kept_and_holds_what_was_there),
		cmocka_unit_test(a_key_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

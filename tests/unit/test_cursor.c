/* The bounded cursor: values, bounds, errors that stick. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "address.h"
#include "cursor.h"

static void numbers_are_read_in_network_byte_order(void **state)
{
	static const uint8_t octets[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 10, 1, 0, 50, 0x11, 0x12,
		0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	assert_int_equal(mip_read8(&reader), 0x01);
	assert_int_equal(mip_read16(&reader), 0x0203);
	assert_int_equal(mip_read32(&reader), 0x04050607);
	assert_int_equal(mip_address_number(mip_read_address(&reader)), 0x0a010032);
	assert_int_equal(mip_read64(&reader), 0x1112131415161718);
	assert_int_equal(mip_reader_left(&reader), 0);
	assert_false(mip_reader_failed(&reader));
}

static void every_read_past_the_end_fails_and_gives_zero(void **state)
{
	static const uint8_t octets[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	(void)state;
	for (size_t length = 0; length < 8; length++) {
		struct mip_reader r = mip_reader_of(octets, length);

		assert_int_equal(mip_read64(&r), 0);
		assert_true(mip_reader_failed(&r));
		r = mip_reader_of(octets, length);
		assert_int_equal(mip_read32(&r), length < 4 ? 0 : 0xffffffff);
		assert_int_equal(mip_reader_failed(&r), length < 4);
		r = mip_reader_of(octets, length);
		assert_int_equal(mip_read16(&r), length < 2 ? 0 : 0xffff);
		assert_int_equal(mip_reader_failed(&r), length < 2);
		r = mip_reader_of(octets, length);
		assert_int_equal(mip_read_address(&r).value, length < 4 ? 0 : 0xffffffff);
		r = mip_reader_of(octets, length);
		assert_true((mip_read_octets(&r, length + 1)) == NULL);
		assert_true(mip_reader_failed(&r));
	}
}

static void an_error_sticks(void **state)
{
	static const uint8_t octets[] = {1, 2, 3};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	mip_read32(&reader);
	assert_true(mip_reader_failed(&reader));
	assert_int_equal(mip_read8(&reader), 0);
	assert_int_equal(mip_reader_left(&reader), 0);
	assert_null(mip_read_octets(&reader, 0));
	assert_true(mip_reader_failed(&reader));
}

static void a_length_that_would_wrap_is_refused(void **state)
{
	static const uint8_t octets[] = {1, 2, 3};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	mip_read8(&reader);
	mip_read_skip(&reader, SIZE_MAX);
	assert_true(mip_reader_failed(&reader));
}

static void a_sub_reader_cannot_read_past_itself(void **state)
{
	static const uint8_t octets[] = {1, 2, 3, 4, 5};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));
	struct mip_reader sub = mip_read_sub(&reader, 3);

	(void)state;
	assert_int_equal(mip_reader_left(&sub), 3);
	assert_int_equal(mip_read16(&sub), 0x0102);
	assert_int_equal(mip_read16(&sub), 0);
	assert_true(mip_reader_failed(&sub));
	assert_false(mip_reader_failed(&reader));
	assert_int_equal(mip_read16(&reader), 0x0405);
	sub = mip_read_sub(&reader, 1);
	assert_true(mip_reader_failed(&sub));
	assert_true(mip_reader_failed(&reader));
}

static void views_point_into_the_packet(void **state)
{
	static const uint8_t octets[] = {1, 2, 3, 4};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	mip_read_skip(&reader, 1);
	assert_ptr_equal(mip_read_octets(&reader, 2), octets + 1);
	assert_non_null(mip_read_octets(&reader, 0));
	assert_int_equal(mip_reader_left(&reader), 1);
}

static void nothing_is_an_empty_packet(void **state)
{
	struct mip_reader reader = mip_reader_of(NULL, 0);

	(void)state;
	assert_non_null(mip_read_octets(&reader, 0));
	assert_false(mip_reader_failed(&reader));
	mip_read8(&reader);
	assert_true(mip_reader_failed(&reader));
}

static void numbers_are_written_in_network_byte_order(void **state)
{
	static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 10, 1, 0, 50, 0x11, 0x12,
		0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0, 0, 'a', 'b', 0};
	uint8_t octets[sizeof(expected)];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	uint8_t *room;

	(void)state;
	memset(octets, 0xee, sizeof(octets));
	mip_write8(&writer, 0x01);
	mip_write16(&writer, 0x0203);
	mip_write32(&writer, 0x04050607);
	mip_write_address(&writer, mip_address_of(0x0a010032));
	mip_write64(&writer, 0x1112131415161718);
	mip_write_zeros(&writer, 2);
	mip_write_octets(&writer, "ab", 2);
	room = mip_write_room(&writer, 1);
	assert_ptr_equal(room, octets + sizeof(octets) - 1);
	assert_false(mip_writer_failed(&writer));
	assert_int_equal(writer.length, sizeof(expected));
	assert_memory_equal(octets, expected, sizeof(expected));
}

static void nothing_is_written_past_the_end(void **state)
{
	uint8_t octets[8];

	(void)state;
	for (size_t size = 0; size < 4; size++) {
		struct mip_writer writer = mip_writer_of(octets, size);

		memset(octets, 0xee, sizeof(octets));
		mip_write32(&writer, 0x01020304);
		assert_true(mip_writer_failed(&writer));
		assert_int_equal(writer.length, 0);
		mip_write8(&writer, 1); /* would fit, but the error sticks */
		assert_null(mip_write_room(&writer, 0));
		for (size_t i = 0; i < sizeof(octets); i++)
			assert_int_equal(octets[i], 0xee);
	}
}

static void only_what_was_written_is_overwritten(void **state)
{
	uint8_t octets[4] = {0};
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_write16(&writer, 0);
	mip_write8(&writer, 7);
	mip_write16_at(&writer, 1, 0x0a0b);
	mip_write8_at(&writer, 0, 0x0c);
	assert_false(mip_writer_failed(&writer));
	assert_memory_equal(octets, ((uint8_t[]){0x0c, 0x0a, 0x0b, 0}), 4);
	mip_write16_at(&writer, 2, 0xffff); /* half of it is not written yet */
	assert_true(mip_writer_failed(&writer));
	assert_int_equal(octets[2], 0x0b);
	writer = mip_writer_of(octets, sizeof(octets));
	mip_write8_at(&writer, 0, 1);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, sizeof(octets));
	mip_write8_at(&writer, SIZE_MAX, 1);
	assert_true(mip_writer_failed(&writer));
}

static void writing_nothing_is_no_error(void **state)
{
	uint8_t octets[1];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_write_octets(&writer, NULL, 0);
	mip_write_zeros(&writer, 0);
	assert_false(mip_writer_failed(&writer));
	assert_int_equal(writer.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_network_byte_order),
		cmocka_unit_test(every_read_past_the_end_fails_and_gives_zero),
		cmocka_unit_test(an_error_sticks),
		cmocka_unit_test(a_length_that_would_wrap_is_refused),
		cmocka_unit_test(a_sub_reader_cannot_read_past_itself),
		cmocka_unit_test(views_point_into_the_packet),
		cmocka_unit_test(nothing_is_an_empty_packet),
		cmocka_unit_test(numbers_are_written_in_network_byte_order),
		cmocka_unit_test(nothing_is_written_past_the_end),
		cmocka_unit_test(only_what_was_written_is_overwritten),
		cmocka_unit_test(writing_nothing_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

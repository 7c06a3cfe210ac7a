/*
 * The headers of GRE and of minimal encapsulation, octet by octet.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"
#include "packet.h"
#include "tunnel.h"

/* --- GRE -------------------------------------------------------------------------------------- */

static void the_gre_header_that_is_sent_is_the_plain_one(void **state)
{
	static const uint8_t expected[] = {0, 0, 8, 0};
	uint8_t octets[10];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_gre_write(&writer, MIP_GRE_IPV4);
	assert_int_equal(writer.length, MIP_GRE_HEADER);
	assert_memory_equal(octets, expected, sizeof(expected));
}

static void gre_is_read_with_whatever_options_it_has(void **state)
{
	/* The first octet, and how long the header is with it. */
	static const struct {
		uint8_t flags;
		size_t length;
	} cases[] = {{0x00, 4}, {0x20, 8}, {0x10, 8}, {0x30, 12}, {0x80, 8}, {0xa0, 12}, {0xb0, 16}};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t octets[30] = {cases[i].flags, 0, 8, 0};
		size_t length = cases[i].length + 5;
		struct mip_reader reader = mip_reader_of(octets, length);
		uint16_t checksum, type = 0;

		memcpy(octets + cases[i].length, "inner", 5);
		if (cases[i].flags & 0x80) {
			checksum = mip_checksum_finish(mip_checksum_add(0, octets, length));
			octets[4] = (uint8_t)(checksum >> 8);
			octets[5] = (uint8_t)checksum;
		}
		assert_int_equal(mip_gre_read(&reader, &type), 0);
		assert_int_equal(type, MIP_GRE_IPV4);
		assert_int_equal(mip_reader_left(&reader), 5);
		assert_memory_equal(mip_read_octets(&reader, 5), "inner", 5);
		/* No octet of the header may be missing. */
		reader = mip_reader_of(octets, cases[i].length - 1);
		assert_int_equal(mip_gre_read(&reader, &type), -EBADMSG);
		assert_int_equal(reader.position, 0);
	}
}

/* RFC 2784 2.3: bits 1 to 5 but for those of RFC 2890; bits 6 to 12; the version. */
static void gre_bits_that_must_be_clear_are_so_and_reserved_ones_are_ignored(void **state)
{
	static const struct {
		uint8_t flags, version;
		int error;
	} cases[] = {{0x40, 0, -EBADMSG}, {0x08, 0, -EBADMSG}, {0x04, 0, -EBADMSG}, {0x00, 1, -EBADMSG},
		{0x00, 4, -EBADMSG}, {0x02, 0, 0}, {0x01, 0, 0}, {0x00, 0xf8, 0}};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t octets[30] = {cases[i].flags, cases[i].version, 8, 0};
		struct mip_reader reader = mip_reader_of(octets, sizeof(octets));
		uint16_t type = 1;

		assert_int_equal(mip_gre_read(&reader, &type), cases[i].error);
		assert_int_equal(type, cases[i].error ? 1 : MIP_GRE_IPV4);
	}
}

static void a_gre_checksum_covers_header_and_payload(void **state)
{
	uint8_t octets[] = {0x80, 0, 8, 0, 0, 0, 0, 0, 'a', 'b', 'c'};
	uint16_t checksum = mip_checksum_finish(mip_checksum_add(0, octets, sizeof(octets))), type;
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	octets[4] = (uint8_t)(checksum >> 8);
	octets[5] = (uint8_t)checksum;
	assert_int_equal(mip_gre_read(&reader, &type), 0);
	for (size_t place = 0; place < sizeof(octets); place++) {
		octets[place] ^= 0x01;
		reader = mip_reader_of(octets, sizeof(octets));
		assert_int_equal(mip_gre_read(&reader, &type), -EBADMSG);
		octets[place] ^= 0x01;
	}
}

/* --- minimal ---------------------------------------------------------------------------------- */

static struct mip_minimal minimal_example(bool has_source)
{
	struct mip_minimal minimal = {
		.protocol = MIP_PROTOCOL_TCP,
		.has_source = has_source,
		.destination = mip_address_of(0x0a010032),
	};

	if (has_source)
		minimal.source = mip_address_of(0x0a050002);
	return minimal;
}

static void the_minimal_header_is_that_of_rfc_2004(void **state)
{
	/* 0680 + 0a01 + 0032 + 0a05 + 0002 = 1aba; 0600 + 0a01 + 0032 = 1033 */
	static const uint8_t with[] = {6, 0x80, 0xe5, 0x45, 10, 1, 0, 50, 10, 5, 0, 2};
	static const uint8_t without[] = {6, 0, 0xef, 0xcc, 10, 1, 0, 50};
	uint8_t octets[20];
	struct mip_minimal minimal = minimal_example(true);
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_minimal_write(&writer, &minimal);
	assert_int_equal(writer.length, sizeof(with));
	assert_memory_equal(octets, with, sizeof(with));
	minimal = minimal_example(false);
	writer = mip_writer_of(octets, sizeof(octets));
	mip_minimal_write(&writer, &minimal);
	assert_int_equal(writer.length, sizeof(without));
	assert_memory_equal(octets, without, sizeof(without));
}

static void a_minimal_header_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (int has_source = 0; has_source < 2; has_source++) {
		struct mip_minimal minimal = minimal_example(has_source), found;
		uint8_t octets[20];
		struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
		struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

		mip_minimal_write(&writer, &minimal);
		assert_int_equal(mip_minimal_read(&reader, &found), 0);
		assert_int_equal(reader.position, writer.length);
		assert_int_equal(found.protocol, minimal.protocol);
		assert_int_equal(found.has_source, minimal.has_source);
		assert_true(mip_address_equal(found.destination, minimal.destination));
		assert_true(mip_address_equal(found.source, minimal.source));
		reader = mip_reader_of(octets, writer.length - 1);
		assert_int_equal(mip_minimal_read(&reader, &found), -EBADMSG);
	}
}

static void a_minimal_header_with_a_wrong_checksum_is_refused(void **state)
{
	struct mip_minimal minimal = minimal_example(true);
	uint8_t octets[20];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_minimal_write(&writer, &minimal);
	for (size_t place = 0; place < writer.length; place++) {
		struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

		octets[place] ^= 0x04;
		assert_int_equal(mip_minimal_read(&reader, &minimal), -EBADMSG);
		assert_int_equal(reader.position, 0);
		octets[place] ^= 0x04;
	}
}

static void reserved_bits_of_a_minimal_header_are_ignored(void **state)
{
	/* 067f + 0a01 + 0032 = 10b2 */
	uint8_t octets[] = {6, 0x7f, 0xef, 0x4d, 10, 1, 0, 50};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));
	struct mip_minimal minimal;

	(void)state;
	assert_int_equal(mip_minimal_read(&reader, &minimal), 0);
	assert_false(minimal.has_source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gre_header_that_is_sent_is_the_plain_one),
		cmocka_unit_test(gre_is_read_with_whatever_options_it_has),
		cmocka_unit_test(gre_bits_that_must_be_clear_are_so_and_reserved_ones_are_ignored),
		cmocka_unit_test(a_gre_checksum_covers_header_and_payload),
		cmocka_unit_test(the_minimal_header_is_that_of_rfc_2004),
		cmocka_unit_test(a_minimal_header_is_read_as_it_was_written),
		cmocka_unit_test(a_minimal_header_with_a_wrong_checksum_is_refused),
		cmocka_unit_test(reserved_bits_of_a_minimal_header_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * IGMP as the home agent hears it from nodes, and asks them (RFC 2236, RFC 3376; RFC 5944 4.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "address.h"
#include "igmp.h"

#define GROUP mip_address_of(0xef010203) /* 239.1.2.3 */

static struct mip_writer begin(uint8_t *octets, size_t size, uint8_t type)
{
	struct mip_writer writer = mip_writer_of(octets, size);

	mip_write8(&writer, type);
	mip_write_zeros(&writer, 3);
	return writer;
}

static struct mip_reader finish(struct mip_writer *writer)
{
	mip_write16_at(writer, 2, mip_checksum_finish(mip_checksum_add(0, writer->octets, writer->length)));
	return mip_reader_of(writer->octets, writer->length);
}

static void record(struct mip_writer *writer, uint8_t type, struct mip_address group, uint16_t sources)
{
	mip_write8(writer, type);
	mip_write8(writer, 0);
	mip_write16(writer, sources);
	mip_write_address(writer, group);
	mip_write_zeros(writer, sources * 4U);
}

static void reports_and_leaves_of_versions_1_and_2_are_one_record(void **state)
{
	static const struct {
		uint8_t type;
		bool joins;
	} cases[] = {{MIP_IGMP_REPORT_V1, true}, {MIP_IGMP_REPORT_V2, true}, {MIP_IGMP_LEAVE, false}};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t octets[16];
		struct mip_writer writer = begin(octets, sizeof(octets), cases[i].type);
		struct mip_igmp_report report;
		struct mip_igmp_record found;

		mip_write_address(&writer, GROUP);
		assert_int_equal(mip_igmp_report_read(finish(&writer), &report), 0);
		assert_int_equal(mip_igmp_record_next(&report, &found), 1);
		assert_int_equal(found.group.value, GROUP.value);
		assert_int_equal(found.joins, cases[i].joins);
		assert_int_equal(mip_igmp_record_next(&report, &found), 0);
	}
}

/* RFC 3376 4.2.12: of six kinds of records those that say whether there is a membership. */
static void records_of_version_3_join_or_leave_or_say_nothing(void **state)
{
	static const struct {
		uint8_t type;
		uint16_t sources;
		int joins; /* -1: says nothing */
	} cases[] = {{1, 0, 0}, {1, 2, 1}, {2, 0, 1}, {2, 1, 1}, {3, 0, 0}, {3, 1, 1}, {4, 0, 1}, {5, 1, 1},
		{5, 0, -1}, {6, 1, -1}, {7, 0, -1}};
	uint8_t octets[256];
	struct mip_writer writer = begin(octets, sizeof(octets), MIP_IGMP_REPORT_V3);
	struct mip_igmp_report report;
	struct mip_igmp_record found;

	(void)state;
	mip_write16(&writer, 0);
	mip_write16(&writer, MIP_ARRAY_SIZE(cases));
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++)
		record(&writer, cases[i].type, mip_address_of(0xef000000 + (uint32_t)i), cases[i].sources);
	assert_int_equal(mip_igmp_report_read(finish(&writer), &report), 0);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		if (cases[i].joins < 0)
			continue;
		assert_int_equal(mip_igmp_record_next(&report, &found), 1);
		assert_int_equal(mip_address_number(found.group), 0xef000000 + i);
		assert_int_equal(found.joins, cases[i].joins);
	}
	assert_int_equal(mip_igmp_record_next(&report, &found), 0);
}

static void what_is_broken_or_no_report_is_said_to_be_so(void **state)
{
	uint8_t octets[64];
	struct mip_writer writer = begin(octets, sizeof(octets), MIP_IGMP_REPORT_V2);
	struct mip_igmp_report report;
	struct mip_igmp_record found;
	struct mip_reader reader;

	(void)state;
	mip_write_address(&writer, mip_address_of(0x0a010032)); /* no group */
	assert_int_equal(mip_igmp_report_read(finish(&writer), &report), 0);
	assert_int_equal(mip_igmp_record_next(&report, &found), -EBADMSG);
	octets[7] ^= 1; /* the checksum is another's now */
	assert_int_equal(mip_igmp_report_read(mip_reader_of(octets, 8), &report), -EBADMSG);
	assert_int_equal(mip_igmp_report_read(mip_reader_of(octets, 7), &report), -EBADMSG);
	writer = begin(octets, sizeof(octets), MIP_IGMP_QUERY);
	mip_write_zeros(&writer, 8);
	assert_int_equal(mip_igmp_report_read(finish(&writer), &report), -ENOMSG);
	/* More records, or more sources, than there are octets for. */
	writer = begin(octets, sizeof(octets), MIP_IGMP_REPORT_V3);
	mip_write16(&writer, 0);
	mip_write16(&writer, 2);
	record(&writer, 4, GROUP, 0);
	assert_int_equal(mip_igmp_report_read(finish(&writer), &report), 0);
	assert_int_equal(mip_igmp_record_next(&report, &found), 1);
	assert_int_equal(mip_igmp_record_next(&report, &found), -EBADMSG);
	writer = begin(octets, sizeof(octets), MIP_IGMP_REPORT_V3);
	mip_write16(&writer, 0);
	mip_write16(&writer, 1);
	mip_write8(&writer, 4);
	mip_write8(&writer, 255);
	mip_write16(&writer, 65535);
	mip_write_address(&writer, GROUP);
	reader = finish(&writer);
	assert_int_equal(mip_igmp_report_read(reader, &report), 0);
	assert_int_equal(mip_igmp_record_next(&report, &found), -EBADMSG);
}

static void a_query_is_a_general_one_of_version_3(void **state)
{
	uint8_t octets[MIP_IGMP_QUERY_PACKET];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets)), payload;
	struct mip_ip ip;

	(void)state;
	mip_igmp_query_write(&writer, mip_address_of(0x0a010001), 7, 100, 255, 2);
	assert_false(mip_writer_failed(&writer));
	assert_int_equal(writer.length, sizeof(octets));
	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	assert_int_equal(ip.ttl, 1);
	assert_int_equal(ip.protocol, 2);
	assert_string_equal(MIP_TEXT(ip.source), "10.1.0.1");
	assert_string_equal(MIP_TEXT(ip.destination), "224.0.0.1");
	assert_int_equal(octets[20], 148); /* Router Alert, RFC 2113 */
	assert_int_equal(mip_reader_left(&payload), 12);
	assert_int_equal(mip_checksum_finish(mip_checksum_add(0, octets + 24, 12)), 0);
	assert_int_equal(octets[24], 0x11);
	assert_int_equal(octets[25], 100);
	assert_int_equal(octets[32], 2);   /* robustness */
	assert_int_equal(octets[33], 127); /* what can be said without an exponent */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_and_leaves_of_versions_1_and_2_are_one_record),
		cmocka_unit_test(records_of_version_3_join_or_leave_or_say_nothing),
		cmocka_unit_test(what_is_broken_or_no_report_is_said_to_be_so),
		cmocka_unit_test(a_query_is_a_general_one_of_version_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

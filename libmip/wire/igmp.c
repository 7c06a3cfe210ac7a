/*
 * IGMP messages (RFC 1112 appendix I, RFC 2236 2, RFC 3376 4).
 */
#include "igmp.h"

#include <errno.h>
#include "address.h"

enum {
	MESSAGE = 8, /* octets of versions 1 and 2, and before the records of version 3 */
	WORD = 4,
	ALL_SYSTEMS = 0xe0000001, /* 224.0.0.1 */
	HEADER_WORDS = 6,	  /* of an IP header with Router Alert */
	TOS = 0xc0,		  /* RFC 3376 4: Internetwork Control */
	MOST = 127,
	/* RFC 2113: copied, option number 20, four octets, "router shall examine packet". */
	ROUTER_ALERT = 0x94040000,
};

/* RFC 3376 4.2.12. */
enum record_type {
	IS_INCLUDE = 1,
	IS_EXCLUDE = 2,
	TO_INCLUDE = 3,
	TO_EXCLUDE = 4,
	ALLOW = 5,
	BLOCK = 6,
};

int mip_igmp_report_read(struct mip_reader reader, struct mip_igmp_report *ret_report)
{
	struct mip_igmp_report report = {.reader = reader, .records = 1};
	size_t length = mip_reader_left(&reader);
	struct mip_reader all = reader;
	const uint8_t *octets = mip_read_octets(&all, length);

	/* RFC 3376 4.2.2, RFC 2236 2.3: the checksum over the whole message. */
	/* Unreachable branch: so many octets can be had. */
	if (length < MESSAGE || !octets || mip_checksum_finish(mip_checksum_add(0, octets, length)) != 0)
		return -EBADMSG;
	report.type = mip_read8(&report.reader);
	(void)mip_read8(&report.reader);
	(void)mip_read16(&report.reader);
	switch (report.type) {
	case MIP_IGMP_REPORT_V1:
	case MIP_IGMP_REPORT_V2:
	case MIP_IGMP_LEAVE:
		break;
	case MIP_IGMP_REPORT_V3:
		(void)mip_read16(&report.reader);
		report.records = mip_read16(&report.reader);
		break;
	default:
		return -ENOMSG;
	}
	*ret_report = report;
	return 0;
}

/* RFC 3376 5.1: what a record of version 3 says about being a member at all. False: nothing. */
static bool says_membership(uint8_t type, uint16_t sources, bool *ret_joins)
{
	switch (type) {
	case IS_INCLUDE:
	case TO_INCLUDE:
		*ret_joins = sources > 0; /* "include nothing" is how a host leaves */
		return true;
	case IS_EXCLUDE:
	case TO_EXCLUDE:
		*ret_joins = true;
		return true;
	case ALLOW:
		*ret_joins = true;
		return sources > 0;
	default: /* BLOCK: fewer sources, or a type that nobody has defined */
		return false;
	}
}

static int next_of_version_3(struct mip_igmp_report *report, struct mip_igmp_record *ret_record)
{
	while (report->records > 0) {
		struct mip_igmp_record record = {0};
		uint8_t type = mip_read8(&report->reader), auxiliary = mip_read8(&report->reader);
		uint16_t sources = mip_read16(&report->reader);

		report->records--;
		record.group = mip_read_address(&report->reader);
		(void)mip_read_octets(&report->reader, ((size_t)sources + auxiliary) * WORD);
		if (mip_reader_failed(&report->reader))
			return -EBADMSG;
		if (!mip_address_is_multicast(record.group) || !says_membership(type, sources, &record.joins))
			continue;
		*ret_record = record;
		return 1;
	}
	return 0;
}

int mip_igmp_record_next(struct mip_igmp_report *report, struct mip_igmp_record *ret_record)
{
	struct mip_igmp_record record = {.joins = report->type != MIP_IGMP_LEAVE};

	if (report->type == MIP_IGMP_REPORT_V3)
		return next_of_version_3(report, ret_record);
	if (report->records == 0)
		return 0;
	report->records = 0;
	record.group = mip_read_address(&report->reader);
	/* Unreachable branch: the message has the length of one group at least, or it was no report. */
	if (mip_reader_failed(&report->reader) || !mip_address_is_multicast(record.group))
		return -EBADMSG;
	*ret_record = record;
	return 1;
}

/* mip_ip_write() knows no options. */
static void write_header(struct mip_writer *writer, struct mip_address source, uint16_t identification)
{
	uint8_t octets[HEADER_WORDS * WORD];
	struct mip_writer header = mip_writer_of(octets, sizeof(octets));

	mip_write8(&header, 0x40 | HEADER_WORDS);
	mip_write8(&header, TOS);
	mip_write16(&header, MIP_IGMP_QUERY_PACKET);
	mip_write16(&header, identification);
	mip_write16(&header, 0);
	mip_write8(&header, 1); /* RFC 3376 4: TTL of 1 */
	mip_write8(&header, MIP_PROTOCOL_IGMP);
	mip_write16(&header, 0);
	mip_write_address(&header, source);
	mip_write_address(&header, mip_address_of(ALL_SYSTEMS));
	mip_write32(&header, ROUTER_ALERT);
	mip_write16_at(&header, 10, mip_checksum_finish(mip_checksum_add(0, octets, sizeof(octets))));
	mip_write_octets(writer, octets, sizeof(octets));
}

void mip_igmp_query_write(struct mip_writer *writer, struct mip_address source, uint16_t identification,
	uint8_t most_response, uint8_t interval, uint8_t robustness)
{
	uint8_t octets[MIP_IGMP_QUERY_PACKET - HEADER_WORDS * WORD];
	struct mip_writer message = mip_writer_of(octets, sizeof(octets));

	write_header(writer, source, identification);
	mip_write8(&message, MIP_IGMP_QUERY);
	mip_write8(&message, most_response < MOST ? most_response : MOST);
	mip_write16(&message, 0);
	mip_write32(&message, 0); /* RFC 3376 4.1.3: zero in a General Query */
	mip_write8(&message, robustness & 7);
	mip_write8(&message, interval < MOST ? interval : MOST);
	mip_write16(&message, 0);
	mip_write16_at(&message, 2, mip_checksum_finish(mip_checksum_add(0, octets, sizeof(octets))));
	mip_write_octets(writer, octets, sizeof(octets));
}

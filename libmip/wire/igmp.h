/*
 * The Internet Group Management Protocol as a multicast router needs it: reports of versions 1 to 3 read, queries of
 * version 3 written, which hosts of versions 1 and 2 understand as theirs (RFC 3376 7.2). Functions on packets, no state.
 */
#ifndef MIP_WIRE_IGMP_H
#define MIP_WIRE_IGMP_H

#include "cursor.h"
#include "packet.h"

enum {
	MIP_PROTOCOL_IGMP = 2,
	MIP_IGMP_QUERY = 0x11,
	MIP_IGMP_REPORT_V1 = 0x12,
	MIP_IGMP_REPORT_V2 = 0x16,
	MIP_IGMP_LEAVE = 0x17,
	MIP_IGMP_REPORT_V3 = 0x22,
};

/* What a report says of one group. Sources are not told apart: a host that wants some of a group's wants the group. */
struct mip_igmp_record {
	struct mip_address group;
	bool joins; /* otherwise it leaves */
};

/*
 * A report on its way through: from the IGMP message on, `reader` covering exactly that. mip_igmp_report_read() checks the
 * checksum and what kind it is; then each call of mip_igmp_record_next() gives one group.
 */
struct mip_igmp_report {
	struct mip_reader reader;
	uint8_t type;
	unsigned records; /* left */
};

/* 0; -EBADMSG: malformed or a wrong checksum; -ENOMSG: no report and no leave (a query, another protocol's). */
int mip_igmp_report_read(struct mip_reader reader, struct mip_igmp_report *ret_report);
/* 1 with the next; 0: there is none; -EBADMSG: the rest is broken. What says nothing about a membership is passed over. */
int mip_igmp_record_next(struct mip_igmp_report *report, struct mip_igmp_record *ret_record);

enum {
	MIP_IGMP_QUERY_PACKET = 24 + 12,
};

/* RFC 3376 4.1: a General Query to 224.0.0.1 with its IP header, TTL 1 and Router Alert. `most_response` and `interval`
 * in tenths of a second and in seconds, as far as they can be said without an exponent (127). */
void mip_igmp_query_write(struct mip_writer *writer, struct mip_address source, uint16_t identification,
	uint8_t most_response, uint8_t interval, uint8_t robustness);

#endif

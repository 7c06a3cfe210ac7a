/*
 * The headers between an outer IPv4 header and what it carries: Generic Routing Encapsulation (RFC 2784, with
 * the key and sequence number of RFC 2890) and minimal encapsulation (RFC 2004). IP in IP (RFC 2003) has none.
 *
 *                  0                   1                   2                   3
 *                  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   GRE           |C| |K|S| Reserved0       | Ver |         Protocol Type         |
 *                 |      Checksum (if C)          |       Reserved1 (if C)        |
 *                 |                         Key (if K)                            |
 *                 |                    Sequence Number (if S)                     |
 *
 *   minimal       |   Protocol    |S|  reserved   |        Header Checksum        |
 *                 |                 Original Destination Address                  |
 *                 |            Original Source Address (if S)                     |
 */
#ifndef MIP_WIRE_TUNNEL_H
#define MIP_WIRE_TUNNEL_H

#include "cursor.h"
#include "types.h"

enum {
	MIP_GRE_HEADER = 4, /* octets, as we send it: without options */
	MIP_GRE_HEADER_MAX = 16,
	MIP_GRE_IPV4 = 0x0800, /* the protocol type of an IPv4 packet (RFC 2784 3) */
};

/*
 * Reads a GRE header, and leaves the reader at the payload, which is all that is left in it: a checksum, if
 * there is one, is that of header and payload and is checked. A key or a sequence number is skipped: nothing in
 * mobile IP gives a key a meaning, and packets are taken in the order in which they come. 0, or -EBADMSG: too
 * short, another version, a bit set that must not be, or a checksum that does not hold.
 */
int mip_gre_read(struct mip_reader *reader, uint16_t *ret_protocol_type);
/* The header of four octets. */
void mip_gre_write(struct mip_writer *writer, uint16_t protocol_type);

enum {
	MIP_MINIMAL_HEADER = 8,	     /* octets, without the original source */
	MIP_MINIMAL_HEADER_MAX = 12, /* with it */
};

/* The minimal forwarding header. */
struct mip_minimal {
	uint8_t protocol; /* of the original datagram */
	bool has_source;  /* S; otherwise the outer header's source is the original one */
	struct mip_address destination;
	struct mip_address source;
};

static inline size_t mip_minimal_length(const struct mip_minimal *minimal)
{
	return minimal->has_source ? MIP_MINIMAL_HEADER_MAX : MIP_MINIMAL_HEADER;
}
/* Reads it with its checksum checked, and leaves the reader behind it. 0, or -EBADMSG. */
int mip_minimal_read(struct mip_reader *reader, struct mip_minimal *ret_minimal);
/* Writes it with its checksum: 8 or 12 octets. */
void mip_minimal_write(struct mip_writer *writer, const struct mip_minimal *minimal);

#endif

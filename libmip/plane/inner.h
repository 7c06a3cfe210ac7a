/*
 * The inner packet: where its parts are, its checksums, and what the tunnel's header does to its TOS. Pure
 * functions, shared by the two directions of the user plane.
 */
#ifndef MIP_PLANE_INNER_H
#define MIP_PLANE_INNER_H

#include "packet.h"

/* Places in the IPv4, TCP and UDP headers, in octets. */
enum {
	MIP_IP_TOS = 1,
	MIP_IP_LENGTH = 2,
	MIP_IP_IDENTIFICATION = 4,
	MIP_IP_FLAGS = 6,
	MIP_IP_PROTOCOL = 9,
	MIP_IP_CHECKSUM = 10,
	MIP_IP_SOURCE = 12,
	MIP_IP_DESTINATION = 16,
	MIP_TCP_SEQUENCE = 4,
	MIP_TCP_ACKNOWLEDGMENT = 8,
	MIP_TCP_OFFSET = 12,
	MIP_TCP_FLAGS = 13,
	MIP_TCP_WINDOW = 14,
	MIP_TCP_CHECKSUM = 16,
	MIP_TCP_HEADER = 20, /* without options */
	MIP_UDP_LENGTH = 4,
	MIP_UDP_CHECKSUM = 6,
};

enum {
	MIP_IP_FLAG_DONT_FRAGMENT = 0x4000,
	MIP_IP_FLAG_MORE_FRAGMENTS = 0x2000,
	MIP_TCP_FLAG_FIN = 0x01,
	MIP_TCP_FLAG_SYN = 0x02,
	MIP_TCP_FLAG_PSH = 0x08,
	MIP_TCP_FLAG_ACK = 0x10,
	MIP_TCP_FLAG_CWR = 0x80,
};

/* Octets of IP, TCP and UDP headers with all options, the most that a segment's own header can be. */
enum {
	MIP_INNER_HEADER_MAX = MIP_IP_HEADER_MAX + 60,
	MIP_INNER_MAX = 65535,
};

/* A packet of `length` octets, its IP header read. */
struct mip_inner {
	const uint8_t *octets;
	size_t length; /* what total_length says, not more */
	struct mip_ip ip;
	size_t transport_header; /* octets of the TCP or UDP header; 0: a fragment, or something else */
};

/*
 * Checks version, header length, total length and header checksum, and finds the transport header. A TCP or
 * UDP header that does not fit into its packet, or a UDP length that is not the packet's, leaves
 * transport_header at 0: such a packet is carried as it is. 0 or -EBADMSG.
 */
int mip_inner_read(const uint8_t *octets, size_t length, struct mip_inner *ret_inner);

/* Writes the IP header's checksum anew. */
void mip_inner_finish_ip(uint8_t *header, size_t header_length);
/* Octets from the start of the transport header to its checksum. */
size_t mip_inner_checksum_place(const struct mip_inner *inner);

enum mip_inner_checksum {
	MIP_CHECKSUM_UNKNOWN, /* no transport header, or UDP without a checksum */
	MIP_CHECKSUM_VALID,
	/* The field holds the sum of the pseudo header alone: the sender is on this machine, or the kernel
	 * joined packets, and the rest was left to a card that the packet never saw. */
	MIP_CHECKSUM_PARTIAL,
	MIP_CHECKSUM_WRONG,
};
enum mip_inner_checksum mip_inner_check(const struct mip_inner *inner);

/* The TOS with which a packet leaves the tunnel, RFC 6040 4.2. 0, or -EBADMSG: it must be dropped. */
int mip_inner_decapsulated_tos(uint8_t inner, uint8_t outer, uint8_t *ret_tos);
/* Puts a TOS into an IP header and corrects its checksum by the difference (RFC 1624). */
void mip_inner_set_tos(uint8_t *header, uint8_t tos);

/*
 * Whether the packet is TCP's SYN with a maximum segment size (RFC 9293 3.7.1) of more than `most`. Then the
 * place of the two octets, from the packet's first.
 */
bool mip_inner_exceeds_mss(const struct mip_inner *inner, uint16_t most, size_t *ret_place);
/*
 * Puts another maximum segment size at that place of the same packet. Its checksum is corrected by the
 * difference (RFC 1624), so that one that was wrong stays wrong; not when it is `partial`, for then the
 * options are still to be added.
 */
void mip_inner_set_mss(
	uint8_t *packet, const struct mip_inner *inner, size_t place, uint16_t size, bool partial);

#endif

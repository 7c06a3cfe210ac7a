/*
 * What a large or unfinished packet needs before it can go on a wire: the same that the kernel's
 * struct virtio_net_hdr says, in host terms.
 */
#ifndef MIP_PLANE_OFFLOAD_H
#define MIP_PLANE_OFFLOAD_H

#include "types.h"

enum mip_offload_kind {
	MIP_OFFLOAD_NONE,
	MIP_OFFLOAD_TCP, /* one header, the payload of many TCP segments */
	MIP_OFFLOAD_UDP, /* one header, the payloads of many UDP datagrams */
};

struct mip_offload {
	enum mip_offload_kind kind;
	uint16_t segment_size;	/* payload octets of each segment but the last, which may have fewer */
	uint16_t header_length; /* IP and transport header */
	/* The transport checksum holds the pseudo header's sum; the rest from checksum_start on is to be
	 * added and the complement written checksum_offset octets further. */
	bool needs_checksum;
	uint16_t checksum_start;
	uint16_t checksum_offset;
};

#endif

/*
 * One packet into several: a large packet of the kernel's into segments (what a network card would do), a
 * packet into fragments (RFC 791). Both give each piece as a header that they write and a view of the payload
 * where it lies, so that no payload is copied.
 */
#ifndef MIP_PLANE_USER_SEGMENT_H
#define MIP_PLANE_USER_SEGMENT_H

#include "inner.h"
#include "offload.h"

/* One piece. `header` points to where the caller let it be written. */
struct mip_piece {
	const uint8_t *header;
	size_t header_length;
	const uint8_t *payload;
	size_t payload_length;
};

struct mip_segmenter {
	const struct mip_inner *inner;
	size_t headers;	     /* octets of IP and transport header */
	size_t segment_size; /* payload octets */
	size_t position;     /* payload octets given so far */
	uint16_t index;
};

/*
 * `inner` must outlive the segmenter. 0, or -EBADMSG when the packet is not what `offload` says: no whole TCP
 * or UDP header, no payload, no segment size.
 */
int mip_segmenter_begin(
	struct mip_segmenter *segmenter, const struct mip_inner *inner, const struct mip_offload *offload);
/* The next segment with all its checksums; its header goes to `header`. False at the end. */
bool mip_segmenter_next(struct mip_segmenter *segmenter, uint8_t header[static MIP_INNER_HEADER_MAX],
	struct mip_piece *ret_piece);
/* How many segments there will be. */
size_t mip_segmenter_count(const struct mip_segmenter *segmenter);

/* Writes the transport checksum that was left unfinished. -EBADMSG when its place is not in the packet. */
int mip_complete_checksum(uint8_t *packet, size_t length, const struct mip_offload *offload);

struct mip_fragmenter {
	const struct mip_inner *inner;
	size_t mtu;
	size_t position; /* payload octets given so far */
};

enum {
	MIP_FRAGMENT_MTU_MIN = 68, /* RFC 791: every module must forward 68 octets without fragmenting */
};

/* For a packet that is larger than `mtu`, which is taken as at least 68. */
void mip_fragmenter_begin(struct mip_fragmenter *fragmenter, const struct mip_inner *inner, size_t mtu);
bool mip_fragmenter_next(struct mip_fragmenter *fragmenter, uint8_t header[static MIP_IP_HEADER_MAX],
	struct mip_piece *ret_piece);

#endif

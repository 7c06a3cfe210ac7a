/*
 * Several packets of one flow into one large packet, for the kernel takes a large packet from mip0 at the
 * price of a small one. The reverse of segmenting: only packets that segmenting would give again are joined.
 *
 * Packets of a flow come out in the order in which they went in. Between flows the order may change within a
 * batch, as it may on any path.
 */
#ifndef MIP_PLANE_USER_COALESCE_H
#define MIP_PLANE_USER_COALESCE_H

#include "inner.h"
#include "offload.h"

enum {
	MIP_COALESCE_FLOWS = 16,
	MIP_COALESCE_SIZES = 64,
	/* A segment of this size with its headers every path takes (RFC 791). */
	MIP_COALESCE_SAFE_MTU = 576,
};

/* Takes a packet; it lies there during the call only. */
typedef void mip_coalesce_emit(
	void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload);

struct mip_coalesce_flow {
	uint8_t *buffer;
	bool used;
	bool closed; /* a shorter segment or one with PSH was the last; the next begins a packet of its own */
	bool partial; /* the checksum was unfinished when it came */
	uint8_t protocol;
	uint8_t psh;
	size_t headers;
	size_t transport_header;
	size_t ip_header;
	size_t length; /* so far, headers included */
	size_t segment_size;
	uint32_t next_sequence;
	uint16_t count;
};

/* The payload of segments that a TCP sender makes, as last seen. */
struct mip_coalesce_size {
	uint8_t flow[12]; /* addresses and ports */
	uint16_t payload;
};

struct mip_coalescer {
	mip_coalesce_emit *emit;
	void *context;
	bool join_udp; /* whether mip0 takes large packets of UDP */
	struct mip_coalesce_size sizes[MIP_COALESCE_SIZES];
	struct mip_coalesce_flow flows[MIP_COALESCE_FLOWS];
	unsigned order[MIP_COALESCE_FLOWS]; /* flows in use, the oldest first */
	unsigned count;
};

/* 0 or -ENOMEM. */
int mip_coalescer_init(
	struct mip_coalescer *coalescer, mip_coalesce_emit *emit, void *context, bool join_udp);
void mip_coalescer_clear(struct mip_coalescer *coalescer);

/* Takes a packet in; may emit others. It is copied. */
void mip_coalescer_add(struct mip_coalescer *coalescer, const struct mip_inner *inner);
/* Emits all that is held back. */
void mip_coalescer_flush(struct mip_coalescer *coalescer);

#endif

/*
 * Packets made and taken apart by the tests of the plane's pure functions.
 */
#ifndef TESTS_UNIT_PLANE_PACKET_H
#define TESTS_UNIT_PLANE_PACKET_H

#include "inner.h"
#include "user_segment.h"

enum {
	SOURCE = 0x0a010032,	  /* 10.1.0.50 */
	DESTINATION = 0x0a050002, /* 10.5.0.2 */
	TIMESTAMPS = 12,	  /* octets of the TCP options in these tests */
};

/* A packet to be made. */
struct plan {
	uint8_t protocol;
	uint8_t tcp_flags;
	uint8_t tos;
	bool dont_fragment;
	uint16_t identification;
	uint16_t port;
	uint32_t sequence;
	size_t payload;
	uint32_t timestamp;
};

/* Pieces put together, as they would be on the wire. */
struct pieces {
	uint8_t *octets[64];
	size_t lengths[64];
	size_t count;
};

uint32_t plane_random(uint32_t *state);
/* What the transport checksum must be, worked out octet by octet. */
uint16_t plane_slow_checksum(const uint8_t *packet, size_t length, size_t header);
/* Makes a packet with right checksums; its length. */
size_t plane_make_packet(const struct plan *plan, uint8_t *packet);
struct plan plane_random_plan(uint32_t *seed);
struct mip_inner plane_read_packet(const uint8_t *packet, size_t length);

/* Copies go in at the end; plane_clear() frees them. */
void plane_keep(struct pieces *pieces, const uint8_t *packet, size_t length);
void plane_keep_piece(struct pieces *pieces, const struct mip_piece *piece);
void plane_add_packet(struct pieces *pieces, const struct plan *plan);
void plane_clear(struct pieces *pieces);
/* All segments of a packet. */
void plane_segment(const uint8_t *packet, size_t length, enum mip_offload_kind kind, uint16_t size,
	struct pieces *ret_pieces);

#endif

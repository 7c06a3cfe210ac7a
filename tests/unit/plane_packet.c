/* Packets for the tests of the plane's pure functions. */
#include "plane_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"

uint32_t plane_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

uint16_t plane_slow_checksum(const uint8_t *packet, size_t length, size_t header)
{
	uint32_t sum = packet[9] + (uint32_t)(length - header);

	for (size_t i = 12; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	for (size_t i = header; i < length; i++)
		sum += (i - header) % 2 ? packet[i] : (uint32_t)packet[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

size_t plane_make_packet(const struct plan *plan, uint8_t *packet)
{
	bool tcp = plan->protocol == MIP_PROTOCOL_TCP;
	size_t transport = tcp ? MIP_TCP_HEADER + TIMESTAMPS : MIP_UDP_HEADER;
	struct mip_ip ip = {
		.tos = plan->tos,
		.total_length = (uint16_t)(MIP_IP_HEADER + transport + plan->payload),
		.identification = plan->identification,
		.dont_fragment = plan->dont_fragment,
		.ttl = 63,
		.protocol = plan->protocol,
		.source = mip_address_of(SOURCE),
		.destination = mip_address_of(DESTINATION),
	};
	struct mip_writer writer = mip_writer_of(packet, MIP_INNER_MAX);
	size_t place = MIP_IP_HEADER + (tcp ? MIP_TCP_CHECKSUM : MIP_UDP_CHECKSUM);

	mip_ip_write(&writer, &ip);
	mip_write16(&writer, plan->port);
	mip_write16(&writer, 5201);
	if (tcp) {
		mip_write32(&writer, plan->sequence);
		mip_write32(&writer, 777);
		mip_write8(&writer, (uint8_t)(transport / 4 << 4));
		mip_write8(&writer, plan->tcp_flags);
		mip_write16(&writer, 501);
		mip_write32(&writer, 0);
		mip_write32(&writer, 0x0101080a);
		mip_write32(&writer, plan->timestamp);
		mip_write32(&writer, 99);
	} else {
		mip_write16(&writer, (uint16_t)(transport + plan->payload));
		mip_write16(&writer, 0);
	}
	for (size_t i = 0; i < plan->payload; i++)
		mip_write8(&writer, (uint8_t)((plan->sequence + i) * 31 >> 3));
	assert_false(mip_writer_failed(&writer));
	mip_write16_at(&writer, place, plane_slow_checksum(packet, writer.length, MIP_IP_HEADER));
	return writer.length;
}

struct mip_inner plane_read_packet(const uint8_t *packet, size_t length)
{
	struct mip_inner inner;

	assert_int_equal(mip_inner_read(packet, length, &inner), 0);
	return inner;
}

void plane_keep(struct pieces *pieces, const uint8_t *packet, size_t length)
{
	assert_in_range(pieces->count, 0, 63);
	pieces->octets[pieces->count] = malloc(length);
	assert_non_null(pieces->octets[pieces->count]);
	memcpy(pieces->octets[pieces->count], packet, length);
	pieces->lengths[pieces->count++] = length;
}

void plane_keep_piece(struct pieces *pieces, const struct mip_piece *piece)
{
	static uint8_t whole[MIP_INNER_MAX];

	memcpy(whole, piece->header, piece->header_length);
	memcpy(whole + piece->header_length, piece->payload, piece->payload_length);
	plane_keep(pieces, whole, piece->header_length + piece->payload_length);
}

void plane_clear(struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		free(pieces->octets[i]);
	pieces->count = 0;
}

void plane_segment(const uint8_t *packet, size_t length, enum mip_offload_kind kind, uint16_t size,
	struct pieces *ret_pieces)
{
	struct mip_inner inner = plane_read_packet(packet, length);
	struct mip_offload offload = {.kind = kind, .segment_size = size};
	uint8_t header[MIP_INNER_HEADER_MAX];
	struct mip_segmenter segmenter;
	struct mip_piece piece;
	size_t count;

	ret_pieces->count = 0;
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &offload), 0);
	count = mip_segmenter_count(&segmenter);
	while (mip_segmenter_next(&segmenter, header, &piece))
		plane_keep_piece(ret_pieces, &piece);
	assert_int_equal(ret_pieces->count, count);
}

void plane_add_packet(struct pieces *pieces, const struct plan *plan)
{
	static uint8_t packet[MIP_INNER_MAX];

	plane_keep(pieces, packet, plane_make_packet(plan, packet));
}

struct plan plane_random_plan(uint32_t *seed)
{
	bool tcp = plane_random(seed) % 2;

	return (struct plan){
		.protocol = tcp ? MIP_PROTOCOL_TCP : MIP_PROTOCOL_UDP,
		.tcp_flags = plane_random(seed) % 2 ? 0x18 : 0x10,
		.tos = (uint8_t)plane_random(seed),
		.dont_fragment = plane_random(seed) % 2,
		.identification = (uint16_t)plane_random(seed),
		.port = (uint16_t)plane_random(seed),
		.sequence = plane_random(seed) << 8,
		.payload = 1 + plane_random(seed) % 40000,
		.timestamp = plane_random(seed),
	};
}

/*
 * Packets out of a tunnel, one after the other, into the coalescer: whatever they are, what comes out of it
 * can be read and, cut again, is as many packets and octets as went in. Then each is segmented and fragmented
 * as if it had come from the device, put into each kind of outer packet and taken out of it, and its segment size
 * is lowered. Each is also taken as an outer packet itself. The input is a list of lengths (two octets, the upper bit asks for right
 * checksums) and packets.
 */
#include "fuzz.h"
#include "inner.h"
#include "octets.h"
#include "outer.h"
#include "user_coalesce.h"
#include "user_segment.h"

struct totals {
	size_t packets;
	size_t octets;
};

/* Everything that segmenting gives of one packet. */
static void cut(const struct mip_inner *inner, const struct mip_offload *offload, struct totals *totals)
{
	uint8_t header[MIP_INNER_HEADER_MAX];
	struct mip_segmenter segmenter;
	struct mip_piece piece;

	if (mip_segmenter_begin(&segmenter, inner, offload) != 0)
		return;
	while (mip_segmenter_next(&segmenter, header, &piece)) {
		FUZZ_CHECK(piece.payload >= inner->octets &&
			   piece.payload + piece.payload_length <= inner->octets + inner->length);
		totals->packets++;
		totals->octets += piece.header_length + piece.payload_length;
	}
}

static void fragment(const struct mip_inner *inner, size_t mtu)
{
	uint8_t header[MIP_IP_HEADER_MAX];
	struct mip_fragmenter fragmenter;
	struct mip_piece piece;
	size_t payload = 0;

	mip_fragmenter_begin(&fragmenter, inner, mtu);
	while (mip_fragmenter_next(&fragmenter, header, &piece)) {
		FUZZ_CHECK(piece.payload == inner->octets + inner->ip.header_length + payload);
		payload += piece.payload_length;
	}
	FUZZ_CHECK(payload == inner->length - inner->ip.header_length);
}

static void put_and_open(const struct mip_inner *inner)
{
	struct mip_want_tunnel tunnel = {.local = inner->ip.destination, .remote = {.value = 0x01020304}};
	struct mip_piece piece = {.payload = inner->octets, .payload_length = inner->length}, parts;
	uint8_t room[MIP_OUTER_ROOM + MIP_INNER_HEADER_MAX];
	uint8_t *whole = malloc(sizeof(room) + inner->length);

	FUZZ_CHECK(whole);
	for (int i = 0; i < MIP_ENCAPSULATION_UDP; i++) {
		enum mip_encapsulation encapsulation = (enum mip_encapsulation)i;
		struct mip_outer outer;

		if (inner->length + MIP_OUTER_ROOM > MIP_INNER_MAX ||
			mip_outer_choose(encapsulation, &inner->ip) != encapsulation)
			continue;
		mip_outer_put(&tunnel, encapsulation, &inner->ip, room + MIP_OUTER_ROOM, &piece, &parts);
		FUZZ_CHECK(parts.header >= room && parts.header + parts.header_length <= room + sizeof(room));
		memcpy(whole, parts.header, parts.header_length);
		memcpy(whole + parts.header_length, parts.payload, parts.payload_length);
		FUZZ_CHECK(mip_outer_open(whole, parts.header_length + parts.payload_length, &outer) == 0);
		FUZZ_CHECK(outer.length == inner->length);
		FUZZ_CHECK(memcmp(outer.inner, inner->octets, inner->length) == 0 ||
			   encapsulation == MIP_ENCAPSULATION_MINIMAL); /* writes the checksum's other zero */
	}
	free(whole);
}

static void lower_segment_size(uint8_t *packet, const struct mip_inner *inner, uint16_t most)
{
	enum mip_inner_checksum before = mip_inner_check(inner);
	size_t place;

	if (!mip_inner_exceeds_mss(inner, most, &place))
		return;
	FUZZ_CHECK(place + 2 <= inner->ip.header_length + inner->transport_header);
	mip_inner_set_mss(packet, inner, place, most, before == MIP_CHECKSUM_PARTIAL);
	FUZZ_CHECK(mip_octets_get16(packet + place) == most);
	FUZZ_CHECK(before != MIP_CHECKSUM_VALID || mip_inner_check(inner) != MIP_CHECKSUM_WRONG);
}

static void open_outer(const uint8_t *octets, size_t length)
{
	uint8_t *copy = fuzz_copy(octets, length);
	struct mip_outer outer;

	if (mip_outer_open(copy, length, &outer) == 0)
		FUZZ_CHECK(outer.inner >= copy && outer.inner + outer.length <= copy + length);
	free(copy);
}

static void on_emit(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct totals *totals = context;
	struct mip_inner inner;

	FUZZ_CHECK(mip_inner_read(packet, length, &inner) == 0 && inner.length == length);
	if (offload->kind == MIP_OFFLOAD_NONE) {
		totals->packets++;
		totals->octets += length;
		return;
	}
	FUZZ_CHECK(offload->needs_checksum && offload->segment_size > 0);
	FUZZ_CHECK(offload->header_length == inner.ip.header_length + inner.transport_header);
	cut(&inner, offload, totals);
}

/* Random input would hardly ever have right checksums, and then nothing is joined. */
static void put_checksums_right(uint8_t *packet, size_t length)
{
	struct mip_inner inner;
	size_t header = length > 0 ? (packet[0] & 0x0f) * 4u : 0;
	uint64_t sum;

	if (header < MIP_IP_HEADER || header > length)
		return;
	packet[0] = (uint8_t)(0x40 | header / 4);
	mip_octets_put16(packet + MIP_IP_LENGTH, (uint16_t)length);
	mip_inner_finish_ip(packet, header);
	if (mip_inner_read(packet, length, &inner) != 0 || !inner.transport_header)
		return;
	header += mip_inner_checksum_place(&inner);
	mip_octets_put16(packet + header, 0);
	sum = mip_checksum_pseudo_header(inner.ip.source, inner.ip.destination, inner.ip.protocol,
		(uint16_t)(length - inner.ip.header_length));
	sum = mip_checksum_add(sum, packet + inner.ip.header_length, length - inner.ip.header_length);
	mip_octets_put16(packet + header, mip_checksum_finish(sum));
}

static void take(
	struct mip_coalescer *coalescer, uint8_t *packet, size_t length, bool right, struct totals *put)
{
	struct mip_offload tcp = {.kind = MIP_OFFLOAD_TCP, .segment_size = 100};
	struct mip_offload udp = {.kind = MIP_OFFLOAD_UDP, .segment_size = 100};
	struct totals ignored = {0, 0};
	struct mip_inner inner;

	open_outer(packet, length);
	if (right)
		put_checksums_right(packet, length);
	/* What the kernel joined is cut where we like, not where it was joined. */
	if (mip_inner_read(packet, length, &inner) != 0 || mip_inner_check(&inner) == MIP_CHECKSUM_PARTIAL)
		return;
	put->packets++;
	put->octets += inner.length;
	mip_coalescer_add(coalescer, &inner);
	cut(&inner, &tcp, &ignored);
	cut(&inner, &udp, &ignored);
	fragment(&inner, 68 + length % 1500);
	put_and_open(&inner);
	lower_segment_size(packet, &inner, (uint16_t)(length * 7));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct totals put = {0, 0}, got = {0, 0};
	struct mip_coalescer coalescer;

	FUZZ_CHECK(mip_coalescer_init(&coalescer, on_emit, &got, true) == 0);
	while (length > 2) {
		uint16_t head = mip_octets_get16(octets);
		size_t size = head & 0x7fff;
		uint8_t *packet;

		octets += 2;
		length -= 2;
		if (size > length)
			size = length;
		packet = fuzz_copy(octets, size);
		take(&coalescer, packet, size, head & 0x8000, &put);
		free(packet);
		octets += size;
		length -= size;
	}
	mip_coalescer_flush(&coalescer);
	mip_coalescer_clear(&coalescer);
	FUZZ_CHECK(got.packets == put.packets);
	FUZZ_CHECK(got.octets == put.octets);
	return 0;
}

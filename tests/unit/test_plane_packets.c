/*
 * The user plane's pure functions on packets: segmenting, fragmenting, coalescing, checksums, congestion
 * marks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"
#include "inner.h"
#include "octets.h"
#include "user_coalesce.h"
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

static uint32_t pseudo_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* What the transport checksum must be, worked out octet by octet. */
static uint16_t slow_checksum(const uint8_t *packet, size_t length, size_t header)
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

static size_t make_packet(const struct plan *plan, uint8_t *packet)
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
	mip_write16_at(&writer, place, slow_checksum(packet, writer.length, MIP_IP_HEADER));
	return writer.length;
}

static struct mip_inner read_packet(const uint8_t *packet, size_t length)
{
	struct mip_inner inner;

	assert_int_equal(mip_inner_read(packet, length, &inner), 0);
	return inner;
}

/* Pieces put together, as they would be on the wire. */
struct pieces {
	uint8_t *octets[64];
	size_t lengths[64];
	size_t count;
};

static void keep(struct pieces *pieces, const uint8_t *packet, size_t length)
{
	assert_in_range(pieces->count, 0, 63);
	pieces->octets[pieces->count] = malloc(length);
	assert_non_null(pieces->octets[pieces->count]);
	memcpy(pieces->octets[pieces->count], packet, length);
	pieces->lengths[pieces->count++] = length;
}

static void keep_piece(struct pieces *pieces, const struct mip_piece *piece)
{
	static uint8_t whole[MIP_INNER_MAX];

	memcpy(whole, piece->header, piece->header_length);
	memcpy(whole + piece->header_length, piece->payload, piece->payload_length);
	keep(pieces, whole, piece->header_length + piece->payload_length);
}

static void clear(struct pieces *pieces)
{
	for (size_t i = 0; i < pieces->count; i++)
		free(pieces->octets[i]);
	pieces->count = 0;
}

static void segment(const uint8_t *packet, size_t length, enum mip_offload_kind kind, uint16_t size,
	struct pieces *ret_pieces)
{
	struct mip_inner inner = read_packet(packet, length);
	struct mip_offload offload = {.kind = kind, .segment_size = size};
	uint8_t header[MIP_INNER_HEADER_MAX];
	struct mip_segmenter segmenter;
	struct mip_piece piece;
	size_t count;

	ret_pieces->count = 0;
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &offload), 0);
	count = mip_segmenter_count(&segmenter);
	while (mip_segmenter_next(&segmenter, header, &piece))
		keep_piece(ret_pieces, &piece);
	assert_int_equal(ret_pieces->count, count);
}

static uint8_t large[MIP_INNER_MAX];

static void segments_of_tcp_are_what_a_sender_would_have_sent(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_TCP,
		.tcp_flags = 0x99,
		.dont_fragment = true,
		.identification = 0xfffe,
		.port = 40000,
		.sequence = 0xffffff00,
		.payload = 2500,
		.timestamp = 5};
	static const uint8_t flags[] = {0x90, 0x10, 0x19};
	struct pieces pieces;
	uint8_t expected[2000];

	(void)state;
	segment(large, make_packet(&plan, large), MIP_OFFLOAD_TCP, 1000, &pieces);
	assert_int_equal(pieces.count, 3);
	for (size_t i = 0; i < 3; i++) {
		struct plan part = plan;

		part.payload = i < 2 ? 1000 : 500;
		part.sequence = plan.sequence + (uint32_t)i * 1000;
		part.identification = (uint16_t)(plan.identification + i);
		part.tcp_flags = flags[i]; /* CWR with the first only, PSH and FIN with the last only */
		assert_int_equal(pieces.lengths[i], make_packet(&part, expected));
		assert_memory_equal(pieces.octets[i], expected, pieces.lengths[i]);
	}
	clear(&pieces);
}

static void segments_of_udp_are_datagrams_with_a_checksum_each(void **state)
{
	struct plan plan = {
		.protocol = MIP_PROTOCOL_UDP, .identification = 7, .port = 40000, .payload = 2501};
	struct pieces pieces;

	(void)state;
	segment(large, make_packet(&plan, large), MIP_OFFLOAD_UDP, 1250, &pieces);
	assert_int_equal(pieces.count, 3);
	for (size_t i = 0; i < 3; i++) {
		struct mip_inner inner = read_packet(pieces.octets[i], pieces.lengths[i]);

		assert_int_equal(mip_octets_get16(pieces.octets[i] + 24), i < 2 ? 1258 : 9);
		assert_int_equal(mip_octets_get16(pieces.octets[i] + 4), 7 + i);
		assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_VALID);
	}
	clear(&pieces);
}

static void a_udp_segment_whose_checksum_comes_to_zero_says_ffff(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .port = 0, .payload = 4};
	struct pieces pieces;
	size_t length = make_packet(&plan, large);
	uint16_t checksum;

	(void)state;
	/* The checksum as payload makes the sum all ones. */
	memset(large + 28, 0, 4);
	mip_octets_put16(large + 26, 0);
	checksum = slow_checksum(large, length, MIP_IP_HEADER);
	mip_octets_put16(large + 28, checksum);
	segment(large, length, MIP_OFFLOAD_UDP, 4, &pieces);
	assert_int_equal(mip_octets_get16(pieces.octets[0] + 26), 0xffff);
	clear(&pieces);
}

static void what_is_not_as_its_offload_says_is_not_segmented(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 100};
	struct mip_inner inner = read_packet(large, make_packet(&plan, large));
	struct mip_segmenter segmenter;
	struct mip_offload tcp = {.kind = MIP_OFFLOAD_TCP, .segment_size = 10};
	struct mip_offload none = {.kind = MIP_OFFLOAD_UDP};

	(void)state;
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &tcp), -EBADMSG);
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &none), -EBADMSG);
	plan.payload = 0;
	inner = read_packet(large, make_packet(&plan, large));
	none.segment_size = 10;
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &none), -EBADMSG);
}

static void an_unfinished_checksum_is_completed(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_TCP, .tcp_flags = 0x18, .payload = 333};
	size_t length = make_packet(&plan, large);
	struct mip_offload offload = {
		.needs_checksum = true, .checksum_start = MIP_IP_HEADER, .checksum_offset = MIP_TCP_CHECKSUM};
	uint16_t right = mip_octets_get16(large + 36);
	struct mip_inner inner;
	uint64_t pseudo;

	(void)state;
	pseudo = mip_checksum_pseudo_header(
		mip_address_of(SOURCE), mip_address_of(DESTINATION), 6, (uint16_t)(length - MIP_IP_HEADER));
	mip_octets_put16(large + 36, (uint16_t)~mip_checksum_finish(pseudo));
	inner = read_packet(large, length);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_PARTIAL);
	assert_int_equal(mip_complete_checksum(large, length, &offload), 0);
	assert_int_equal(mip_octets_get16(large + 36), right);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_VALID);
	large[50] ^= 1;
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_WRONG);
	offload.checksum_start = (uint16_t)(length - MIP_TCP_CHECKSUM - 1);
	assert_int_equal(mip_complete_checksum(large, length, &offload), -EBADMSG);
}

/* Puts fragments together again. */
static size_t reassemble(const struct pieces *pieces, size_t mtu, uint8_t *payload)
{
	size_t end = 0;

	for (size_t i = 0; i < pieces->count; i++) {
		struct mip_inner inner = read_packet(pieces->octets[i], pieces->lengths[i]);
		size_t length = inner.length - inner.ip.header_length;

		assert_in_range(inner.length, 1, mtu);
		assert_int_equal(inner.ip.fragment_offset * 8, end);
		assert_int_equal(inner.ip.more_fragments, i + 1 < pieces->count);
		memcpy(payload + end, inner.octets + inner.ip.header_length, length);
		end += length;
	}
	return end;
}

static void fragment(const uint8_t *packet, size_t length, size_t mtu, struct pieces *ret_pieces)
{
	struct mip_inner inner = read_packet(packet, length);
	uint8_t header[MIP_IP_HEADER_MAX];
	struct mip_fragmenter fragmenter;
	struct mip_piece piece;

	ret_pieces->count = 0;
	mip_fragmenter_begin(&fragmenter, &inner, mtu);
	while (mip_fragmenter_next(&fragmenter, header, &piece))
		keep_piece(ret_pieces, &piece);
}

static void fragments_put_together_are_the_packet(void **state)
{
	static const size_t mtus[] = {68, 100, 576, 1000, 1367, 1368, 1369, 1428};
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .identification = 77, .payload = 1441};
	size_t length = make_packet(&plan, large);
	uint8_t payload[2000];
	struct pieces pieces;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(mtus); i++) {
		fragment(large, length, mtus[i], &pieces);
		assert_int_equal(reassemble(&pieces, mtus[i], payload), length - MIP_IP_HEADER);
		assert_memory_equal(payload, large + MIP_IP_HEADER, length - MIP_IP_HEADER);
		clear(&pieces);
	}
}

static void a_fragment_is_fragmented_further(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 992};
	size_t length = make_packet(&plan, large);
	struct mip_inner inner;
	struct pieces pieces;

	(void)state;
	mip_octets_put16(large + 6, 0x2000 | 185);
	mip_inner_finish_ip(large, MIP_IP_HEADER);
	fragment(large, length, 556, &pieces);
	assert_int_equal(pieces.count, 2);
	inner = read_packet(pieces.octets[1], pieces.lengths[1]);
	assert_int_equal(inner.ip.fragment_offset, 185 + 536 / 8);
	assert_true(inner.ip.more_fragments);
	assert_int_equal(inner.transport_header, 0);
	clear(&pieces);
}

static void only_copied_options_stand_in_later_fragments(void **state)
{
	/* No operation, record route (not copied), router alert (copied), end. */
	static const uint8_t options[] = {1, 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0, 0, 0, 0};
	uint8_t packet[20 + sizeof(options) + 100] = {0x45 + sizeof(options) / 4};
	struct pieces pieces;
	struct mip_inner inner;

	(void)state;
	mip_octets_put16(packet + 2, sizeof(packet));
	packet[8] = 64;
	packet[9] = MIP_PROTOCOL_UDP;
	memcpy(packet + 20, options, sizeof(options));
	mip_inner_finish_ip(packet, 20 + sizeof(options));
	fragment(packet, sizeof(packet), 100, &pieces);
	assert_int_equal(pieces.count, 2);
	inner = read_packet(pieces.octets[0], pieces.lengths[0]);
	assert_int_equal(inner.ip.header_length, 36);
	assert_memory_equal(inner.octets + 20, options, sizeof(options));
	inner = read_packet(pieces.octets[1], pieces.lengths[1]);
	assert_int_equal(inner.ip.header_length, 24);
	assert_memory_equal(inner.octets + 20, options + 8, 4);
	clear(&pieces);
}

/* --- coalescing --- */

struct emitted {
	struct pieces packets;
	struct mip_offload offloads[64];
};

static void on_emit(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct emitted *emitted = context;

	emitted->offloads[emitted->packets.count] = *offload;
	keep(&emitted->packets, packet, length);
}

static struct emitted coalesce(const struct pieces *pieces, bool join_udp)
{
	struct mip_coalescer coalescer;
	struct emitted emitted = {.packets = {.count = 0}};

	assert_int_equal(mip_coalescer_init(&coalescer, on_emit, &emitted, join_udp), 0);
	for (size_t i = 0; i < pieces->count; i++) {
		struct mip_inner inner = read_packet(pieces->octets[i], pieces->lengths[i]);

		mip_coalescer_add(&coalescer, &inner);
	}
	mip_coalescer_flush(&coalescer);
	mip_coalescer_clear(&coalescer);
	return emitted;
}

static void add_packet(struct pieces *pieces, const struct plan *plan)
{
	static uint8_t packet[MIP_INNER_MAX];

	keep(pieces, packet, make_packet(plan, packet));
}

static void segments_of_a_stream_become_one_packet(void **state)
{
	struct plan plan = {
		.protocol = MIP_PROTOCOL_TCP, .tcp_flags = 0x10, .payload = 1000, .dont_fragment = true};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;
	struct mip_inner inner;

	(void)state;
	for (unsigned i = 0; i < 3; i++, plan.sequence += 1000)
		add_packet(&pieces, &plan);
	plan.tcp_flags = 0x18;
	plan.payload = 7;
	add_packet(&pieces, &plan);
	emitted = coalesce(&pieces, true);
	assert_int_equal(emitted.packets.count, 1);
	assert_int_equal(emitted.packets.lengths[0], 52 + 3007);
	assert_int_equal(emitted.offloads[0].kind, MIP_OFFLOAD_TCP);
	assert_int_equal(emitted.offloads[0].segment_size, 1000);
	assert_int_equal(emitted.offloads[0].header_length, 52);
	assert_int_equal(emitted.offloads[0].checksum_start, 20);
	assert_int_equal(emitted.offloads[0].checksum_offset, 16);
	assert_true(emitted.offloads[0].needs_checksum);
	inner = read_packet(emitted.packets.octets[0], emitted.packets.lengths[0]);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_PARTIAL);
	assert_int_equal(inner.octets[33], 0x18);
	clear(&pieces);
	clear(&emitted.packets);
}

/* Two packets, the second changed by `change`; how many come out. */
static size_t count_of_two(void (*change)(uint8_t *packet, struct plan *plan), uint8_t protocol)
{
	struct plan plan = {.protocol = protocol, .tcp_flags = 0x10, .payload = 1000, .dont_fragment = true};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;
	size_t count, length;

	add_packet(&pieces, &plan);
	plan.sequence += 1000;
	change(NULL, &plan);
	length = make_packet(&plan, large);
	change(large, &plan);
	keep(&pieces, large, length);
	emitted = coalesce(&pieces, true);
	count = emitted.packets.count;
	/* Whatever comes of it, order is kept. */
	if (count == 2) {
		assert_memory_equal(emitted.packets.octets[0], pieces.octets[0], pieces.lengths[0]);
		assert_memory_equal(emitted.packets.octets[1], pieces.octets[1], pieces.lengths[1]);
		assert_int_equal(emitted.offloads[1].kind, MIP_OFFLOAD_NONE);
	}
	clear(&pieces);
	clear(&emitted.packets);
	return count;
}

static void change_nothing(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	(void)plan;
}
static void change_port(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->port = 1;
}
static void change_tos(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->tos = 3;
}
static void change_sequence(uint8_t *packet, struct plan *plan)
{
	if (!packet)
		plan->sequence += 1;
}
static void change_timestamp(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->timestamp = 1;
}
static void change_to_larger(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->payload = 1001;
}
static void change_to_fin(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->tcp_flags = 0x11;
}
static void change_to_empty(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->payload = 0;
}
static void change_payload_on_the_way(uint8_t *packet, struct plan *plan)
{
	(void)plan;
	if (packet)
		packet[100] ^= 0x40;
}
static void change_dont_fragment(uint8_t *packet, struct plan *plan)
{
	(void)packet;
	plan->dont_fragment = false;
}
static void change_window(uint8_t *packet, struct plan *plan)
{
	(void)plan;
	if (packet) {
		packet[35]++;
		mip_octets_put16(packet + 36, 0);
		mip_octets_put16(packet + 36, slow_checksum(packet, 1052, 20));
	}
}

static void only_what_segmenting_would_give_again_is_joined(void **state)
{
	(void)state;
	assert_int_equal(count_of_two(change_nothing, MIP_PROTOCOL_TCP), 1);
	assert_int_equal(count_of_two(change_port, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_tos, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_sequence, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_timestamp, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_to_larger, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_to_fin, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_to_empty, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_payload_on_the_way, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_dont_fragment, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_window, MIP_PROTOCOL_TCP), 2);
	assert_int_equal(count_of_two(change_nothing, MIP_PROTOCOL_UDP), 1);
	assert_int_equal(count_of_two(change_port, MIP_PROTOCOL_UDP), 2);
	assert_int_equal(count_of_two(change_payload_on_the_way, MIP_PROTOCOL_UDP), 2);
	assert_int_equal(count_of_two(change_to_larger, MIP_PROTOCOL_UDP), 2);
}

static void udp_stays_as_it_is_where_the_device_takes_no_large_datagrams(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 1000, .dont_fragment = true};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;

	(void)state;
	add_packet(&pieces, &plan);
	add_packet(&pieces, &plan);
	emitted = coalesce(&pieces, false);
	assert_int_equal(emitted.packets.count, 2);
	assert_false(emitted.offloads[0].needs_checksum);
	clear(&pieces);
	clear(&emitted.packets);
}

static void a_fragment_does_not_overtake_its_flow(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 1000};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;

	(void)state;
	add_packet(&pieces, &plan);
	add_packet(&pieces, &plan);
	mip_octets_put16(pieces.octets[1] + 6, 0x2000);
	mip_inner_finish_ip(pieces.octets[1], MIP_IP_HEADER);
	emitted = coalesce(&pieces, true);
	assert_int_equal(emitted.packets.count, 2);
	assert_memory_equal(emitted.packets.octets[1], pieces.octets[1], pieces.lengths[1]);
	clear(&pieces);
	clear(&emitted.packets);
}

static void more_flows_than_places_all_come_out(void **state)
{
	struct plan plan = {
		.protocol = MIP_PROTOCOL_TCP, .tcp_flags = 0x10, .payload = 10, .dont_fragment = true};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;

	(void)state;
	for (unsigned round = 0; round < 2; round++, plan.sequence += 10) {
		for (plan.port = 0; plan.port < MIP_COALESCE_FLOWS + 4; plan.port++)
			add_packet(&pieces, &plan);
	}
	emitted = coalesce(&pieces, true);
	assert_in_range(emitted.packets.count, MIP_COALESCE_FLOWS + 4, 2 * (MIP_COALESCE_FLOWS + 4));
	clear(&pieces);
	clear(&emitted.packets);
}

/* As if the rest of the checksum had been left to a card. */
static void unfinish(uint8_t *packet, size_t length)
{
	uint64_t pseudo = mip_checksum_pseudo_header(mip_address_of(SOURCE), mip_address_of(DESTINATION),
		MIP_PROTOCOL_TCP, (uint16_t)(length - MIP_IP_HEADER));

	mip_octets_put16(packet + 36, (uint16_t)~mip_checksum_finish(pseudo));
}

/* What the kernel's own GRO made of an IP-in-IP stream: one large packet with an unfinished checksum. */
static void a_packet_that_the_kernel_joined_is_cut_as_its_sender_would(void **state)
{
	/* Payload, flags, unfinished; the segment size that must come out of it, 0 for none. */
	static const struct {
		size_t payload;
		uint8_t flags;
		bool unfinished;
		uint16_t size;
	} cases[] = {
		{30000, 0x18, true, 576 - 52}, /* nothing is known */
		{1000, 0x11, true, 576 - 52},
		{500, 0x11, true, 0},
		{100, 0x19, false, 0}, /* PSH: it was the last, and smaller than others */
		{30000, 0x18, true, 576 - 52},
		{1300, 0x11, false, 0},
		{30000, 0x18, true, 1300},
		{100, 0x19, false, 0},
		{1300, 0x11, true, 0},
		{30000, 0x18, true, 1300},
		{1100, 0x11, false, 0}, /* the path has become narrower */
		{30000, 0x18, true, 1100},
	};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct plan plan = {.protocol = MIP_PROTOCOL_TCP, .dont_fragment = true};

		plan.tcp_flags = cases[i].flags;
		plan.payload = cases[i].payload;
		add_packet(&pieces, &plan);
		if (cases[i].unfinished)
			unfinish(pieces.octets[i], pieces.lengths[i]);
	}
	emitted = coalesce(&pieces, true);
	assert_int_equal(emitted.packets.count, MIP_ARRAY_SIZE(cases));
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		assert_int_equal(emitted.offloads[i].segment_size, cases[i].size);
		assert_int_equal(
			emitted.offloads[i].kind, cases[i].size ? MIP_OFFLOAD_TCP : MIP_OFFLOAD_NONE);
		assert_int_equal(emitted.offloads[i].needs_checksum, cases[i].unfinished);
		assert_memory_equal(emitted.packets.octets[i], pieces.octets[i], pieces.lengths[i]);
	}
	clear(&pieces);
	clear(&emitted.packets);
}

static struct plan random_plan(uint32_t *seed)
{
	bool tcp = pseudo_random(seed) % 2;

	return (struct plan){
		.protocol = tcp ? MIP_PROTOCOL_TCP : MIP_PROTOCOL_UDP,
		.tcp_flags = pseudo_random(seed) % 2 ? 0x18 : 0x10,
		.tos = (uint8_t)pseudo_random(seed),
		.dont_fragment = pseudo_random(seed) % 2,
		.identification = (uint16_t)pseudo_random(seed),
		.port = (uint16_t)pseudo_random(seed),
		.sequence = pseudo_random(seed) << 8,
		.payload = 1 + pseudo_random(seed) % 40000,
		.timestamp = pseudo_random(seed),
	};
}

static void what_is_segmented_and_coalesced_is_the_same_again(void **state)
{
	uint32_t seed = 5944;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct plan plan = random_plan(&seed);
		bool tcp = plan.protocol == MIP_PROTOCOL_TCP;
		uint16_t size = (uint16_t)(plan.payload / 60 + 1 + pseudo_random(&seed) % 1400);
		size_t length = make_packet(&plan, large);
		struct pieces pieces, again;
		struct emitted emitted;

		segment(large, length, tcp ? MIP_OFFLOAD_TCP : MIP_OFFLOAD_UDP, size, &pieces);
		emitted = coalesce(&pieces, true);
		assert_int_equal(emitted.packets.count, 1);
		if (pieces.count > 1) {
			assert_int_equal(emitted.offloads[0].segment_size, size);
			assert_int_equal(mip_complete_checksum(
						 emitted.packets.octets[0], length, &emitted.offloads[0]),
				0);
			segment(emitted.packets.octets[0], length, emitted.offloads[0].kind, size, &again);
			assert_int_equal(again.count, pieces.count);
			for (size_t i = 0; i < pieces.count; i++)
				assert_memory_equal(again.octets[i], pieces.octets[i], pieces.lengths[i]);
			clear(&again);
		}
		assert_int_equal(emitted.packets.lengths[0], length);
		assert_memory_equal(emitted.packets.octets[0], large, length);
		clear(&pieces);
		clear(&emitted.packets);
	}
}

/* --- the rest --- */

static void congestion_marks_leave_the_tunnel_as_rfc_6040_says(void **state)
{
	enum { NOT = 0, ECT1 = 1, ECT0 = 2, CE = 3, DROP = 4 };
	/* Inner, outer, outgoing: RFC 6040, Figure 4, row by row. */
	static const uint8_t table[][3] = {
		{NOT, NOT, NOT},
		{NOT, ECT0, NOT},
		{NOT, ECT1, NOT},
		{NOT, CE, DROP},
		{ECT0, NOT, ECT0},
		{ECT0, ECT0, ECT0},
		{ECT0, ECT1, ECT1},
		{ECT0, CE, CE},
		{ECT1, NOT, ECT1},
		{ECT1, ECT0, ECT1},
		{ECT1, ECT1, ECT1},
		{ECT1, CE, CE},
		{CE, NOT, CE},
		{CE, ECT0, CE},
		{CE, ECT1, CE},
		{CE, CE, CE},
	};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(table); i++) {
		uint8_t tos = 0x55;
		int result = mip_inner_decapsulated_tos(table[i][0] | 0xb8, table[i][1] | 0x20, &tos);

		assert_int_equal(result, table[i][2] == DROP ? -EBADMSG : 0);
		assert_int_equal(tos, table[i][2] == DROP ? 0x55 : (table[i][2] | 0xb8));
	}
}

static void a_changed_tos_keeps_the_header_checksum_right(void **state)
{
	uint32_t seed = 3168;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct plan plan = random_plan(&seed);
		struct mip_inner inner;
		uint8_t tos = (uint8_t)pseudo_random(&seed);
		size_t length = make_packet(&plan, large);

		mip_inner_set_tos(large, tos);
		assert_int_equal(mip_inner_read(large, length, &inner), 0);
		assert_int_equal(inner.ip.tos, tos);
	}
}

static void broken_inner_packets_are_refused_or_left_alone(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 100};
	size_t length = make_packet(&plan, large);
	struct mip_inner inner;

	(void)state;
	assert_int_equal(mip_inner_read(large, 0, &inner), -EBADMSG);
	assert_int_equal(mip_inner_read(large, 19, &inner), -EBADMSG);
	assert_int_equal(mip_inner_read(large, length - 1, &inner), -EBADMSG);
	large[8]++;
	assert_int_equal(mip_inner_read(large, length, &inner), -EBADMSG);
	large[8]--;
	large[0] = 0x65;
	assert_int_equal(mip_inner_read(large, length, &inner), -EBADMSG);
	large[0] = 0x45;
	large[25]++; /* the UDP length */
	inner = read_packet(large, length);
	assert_int_equal(inner.transport_header, 0);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_UNKNOWN);
	plan.protocol = MIP_PROTOCOL_TCP;
	length = make_packet(&plan, large);
	large[32] = 0xf0; /* a TCP header of 60 octets would fit, one of 16 is none */
	inner = read_packet(large, length);
	assert_int_equal(inner.transport_header, 60);
	large[32] = 0x40;
	inner = read_packet(large, length);
	assert_int_equal(inner.transport_header, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_tcp_are_what_a_sender_would_have_sent),
		cmocka_unit_test(segments_of_udp_are_datagrams_with_a_checksum_each),
		cmocka_unit_test(a_udp_segment_whose_checksum_comes_to_zero_says_ffff),
		cmocka_unit_test(what_is_not_as_its_offload_says_is_not_segmented),
		cmocka_unit_test(an_unfinished_checksum_is_completed),
		cmocka_unit_test(fragments_put_together_are_the_packet),
		cmocka_unit_test(a_fragment_is_fragmented_further),
		cmocka_unit_test(only_copied_options_stand_in_later_fragments),
		cmocka_unit_test(segments_of_a_stream_become_one_packet),
		cmocka_unit_test(only_what_segmenting_would_give_again_is_joined),
		cmocka_unit_test(udp_stays_as_it_is_where_the_device_takes_no_large_datagrams),
		cmocka_unit_test(a_fragment_does_not_overtake_its_flow),
		cmocka_unit_test(more_flows_than_places_all_come_out),
		cmocka_unit_test(a_packet_that_the_kernel_joined_is_cut_as_its_sender_would),
		cmocka_unit_test(what_is_segmented_and_coalesced_is_the_same_again),
		cmocka_unit_test(congestion_marks_leave_the_tunnel_as_rfc_6040_says),
		cmocka_unit_test(a_changed_tos_keeps_the_header_checksum_right),
		cmocka_unit_test(broken_inner_packets_are_refused_or_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

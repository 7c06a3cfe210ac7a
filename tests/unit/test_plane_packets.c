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
#include "plane_packet.h"
#include "user_segment.h"

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
	plane_segment(large, plane_make_packet(&plan, large), MIP_OFFLOAD_TCP, 1000, &pieces);
	assert_int_equal(pieces.count, 3);
	for (size_t i = 0; i < 3; i++) {
		struct plan part = plan;

		part.payload = i < 2 ? 1000 : 500;
		part.sequence = plan.sequence + (uint32_t)i * 1000;
		part.identification = (uint16_t)(plan.identification + i);
		part.tcp_flags = flags[i]; /* CWR with the first only, PSH and FIN with the last only */
		assert_int_equal(pieces.lengths[i], plane_make_packet(&part, expected));
		assert_memory_equal(pieces.octets[i], expected, pieces.lengths[i]);
	}
	plane_clear(&pieces);
}

static void segments_of_udp_are_datagrams_with_a_checksum_each(void **state)
{
	struct plan plan = {
		.protocol = MIP_PROTOCOL_UDP, .identification = 7, .port = 40000, .payload = 2501};
	struct pieces pieces;

	(void)state;
	plane_segment(large, plane_make_packet(&plan, large), MIP_OFFLOAD_UDP, 1250, &pieces);
	assert_int_equal(pieces.count, 3);
	for (size_t i = 0; i < 3; i++) {
		struct mip_inner inner = plane_read_packet(pieces.octets[i], pieces.lengths[i]);

		assert_int_equal(mip_octets_get16(pieces.octets[i] + 24), i < 2 ? 1258 : 9);
		assert_int_equal(mip_octets_get16(pieces.octets[i] + 4), 7 + i);
		assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_VALID);
	}
	plane_clear(&pieces);
}

static void a_udp_segment_whose_checksum_comes_to_zero_says_ffff(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .port = 0, .payload = 4};
	struct pieces pieces;
	size_t length = plane_make_packet(&plan, large);
	uint16_t checksum;

	(void)state;
	/* The checksum as payload makes the sum all ones. */
	memset(large + 28, 0, 4);
	mip_octets_put16(large + 26, 0);
	checksum = plane_slow_checksum(large, length, MIP_IP_HEADER);
	mip_octets_put16(large + 28, checksum);
	plane_segment(large, length, MIP_OFFLOAD_UDP, 4, &pieces);
	assert_int_equal(mip_octets_get16(pieces.octets[0] + 26), 0xffff);
	plane_clear(&pieces);
}

static void what_is_not_as_its_offload_says_is_not_segmented(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 100};
	struct mip_inner inner = plane_read_packet(large, plane_make_packet(&plan, large));
	struct mip_segmenter segmenter;
	struct mip_offload tcp = {.kind = MIP_OFFLOAD_TCP, .segment_size = 10};
	struct mip_offload none = {.kind = MIP_OFFLOAD_UDP};

	(void)state;
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &tcp), -EBADMSG);
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &none), -EBADMSG);
	plan.payload = 0;
	inner = plane_read_packet(large, plane_make_packet(&plan, large));
	none.segment_size = 10;
	assert_int_equal(mip_segmenter_begin(&segmenter, &inner, &none), -EBADMSG);
}

static void an_unfinished_checksum_is_completed(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_TCP, .tcp_flags = 0x18, .payload = 333};
	size_t length = plane_make_packet(&plan, large);
	struct mip_offload offload = {
		.needs_checksum = true, .checksum_start = MIP_IP_HEADER, .checksum_offset = MIP_TCP_CHECKSUM};
	uint16_t right = mip_octets_get16(large + 36);
	struct mip_inner inner;
	uint64_t pseudo;

	(void)state;
	pseudo = mip_checksum_pseudo_header(
		mip_address_of(SOURCE), mip_address_of(DESTINATION), 6, (uint16_t)(length - MIP_IP_HEADER));
	mip_octets_put16(large + 36, (uint16_t)~mip_checksum_finish(pseudo));
	inner = plane_read_packet(large, length);
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
		struct mip_inner inner = plane_read_packet(pieces->octets[i], pieces->lengths[i]);
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
	struct mip_inner inner = plane_read_packet(packet, length);
	uint8_t header[MIP_IP_HEADER_MAX];
	struct mip_fragmenter fragmenter;
	struct mip_piece piece;

	ret_pieces->count = 0;
	mip_fragmenter_begin(&fragmenter, &inner, mtu);
	while (mip_fragmenter_next(&fragmenter, header, &piece))
		plane_keep_piece(ret_pieces, &piece);
}

static void fragments_put_together_are_the_packet(void **state)
{
	static const size_t mtus[] = {68, 100, 576, 1000, 1367, 1368, 1369, 1428};
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .identification = 77, .payload = 1441};
	size_t length = plane_make_packet(&plan, large);
	uint8_t payload[2000];
	struct pieces pieces;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(mtus); i++) {
		fragment(large, length, mtus[i], &pieces);
		assert_int_equal(reassemble(&pieces, mtus[i], payload), length - MIP_IP_HEADER);
		assert_memory_equal(payload, large + MIP_IP_HEADER, length - MIP_IP_HEADER);
		plane_clear(&pieces);
	}
}

static void a_fragment_is_fragmented_further(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 992};
	size_t length = plane_make_packet(&plan, large);
	struct mip_inner inner;
	struct pieces pieces;

	(void)state;
	mip_octets_put16(large + 6, 0x2000 | 185);
	mip_inner_finish_ip(large, MIP_IP_HEADER);
	fragment(large, length, 556, &pieces);
	assert_int_equal(pieces.count, 2);
	inner = plane_read_packet(pieces.octets[1], pieces.lengths[1]);
	assert_int_equal(inner.ip.fragment_offset, 185 + 536 / 8);
	assert_true(inner.ip.more_fragments);
	assert_int_equal(inner.transport_header, 0);
	plane_clear(&pieces);
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
	inner = plane_read_packet(pieces.octets[0], pieces.lengths[0]);
	assert_int_equal(inner.ip.header_length, 36);
	assert_memory_equal(inner.octets + 20, options, sizeof(options));
	inner = plane_read_packet(pieces.octets[1], pieces.lengths[1]);
	assert_int_equal(inner.ip.header_length, 24);
	assert_memory_equal(inner.octets + 20, options + 8, 4);
	plane_clear(&pieces);
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
		struct plan plan = plane_random_plan(&seed);
		struct mip_inner inner;
		uint8_t tos = (uint8_t)plane_random(&seed);
		size_t length = plane_make_packet(&plan, large);

		mip_inner_set_tos(large, tos);
		assert_int_equal(mip_inner_read(large, length, &inner), 0);
		assert_int_equal(inner.ip.tos, tos);
	}
}

static void broken_inner_packets_are_refused_or_left_alone(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 100};
	size_t length = plane_make_packet(&plan, large);
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
	inner = plane_read_packet(large, length);
	assert_int_equal(inner.transport_header, 0);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_UNKNOWN);
	plan.protocol = MIP_PROTOCOL_TCP;
	length = plane_make_packet(&plan, large);
	large[32] = 0xf0; /* a TCP header of 60 octets would fit, one of 16 is none */
	inner = plane_read_packet(large, length);
	assert_int_equal(inner.transport_header, 60);
	large[32] = 0x40;
	inner = plane_read_packet(large, length);
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
		cmocka_unit_test(congestion_marks_leave_the_tunnel_as_rfc_6040_says),
		cmocka_unit_test(a_changed_tos_keeps_the_header_checksum_right),
		cmocka_unit_test(broken_inner_packets_are_refused_or_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "plane_packet.h"
#include "user_segment.h"

static uint8_t large[MIP_INNER_MAX];

struct emitted {
	struct pieces packets;
	struct mip_offload offloads[64];
};

static void on_emit(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct emitted *emitted = context;

	emitted->offloads[emitted->packets.count] = *offload;
	plane_keep(&emitted->packets, packet, length);
}

static struct emitted coalesce(const struct pieces *pieces, bool join_udp)
{
	struct mip_coalescer coalescer;
	struct emitted emitted = {.packets = {.count = 0}};

	assert_int_equal(mip_coalescer_init(&coalescer, on_emit, &emitted, join_udp), 0);
	for (size_t i = 0; i < pieces->count; i++) {
		struct mip_inner inner = plane_read_packet(pieces->octets[i], pieces->lengths[i]);

		mip_coalescer_add(&coalescer, &inner);
	}
	mip_coalescer_flush(&coalescer);
	mip_coalescer_clear(&coalescer);
	return emitted;
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
		plane_add_packet(&pieces, &plan);
	plan.tcp_flags = 0x18;
	plan.payload = 7;
	plane_add_packet(&pieces, &plan);
	emitted = coalesce(&pieces, true);
	assert_int_equal(emitted.packets.count, 1);
	assert_int_equal(emitted.packets.lengths[0], 52 + 3007);
	assert_int_equal(emitted.offloads[0].kind, MIP_OFFLOAD_TCP);
	assert_int_equal(emitted.offloads[0].segment_size, 1000);
	assert_int_equal(emitted.offloads[0].header_length, 52);
	assert_int_equal(emitted.offloads[0].checksum_start, 20);
	assert_int_equal(emitted.offloads[0].checksum_offset, 16);
	assert_true(emitted.offloads[0].needs_checksum);
	inner = plane_read_packet(emitted.packets.octets[0], emitted.packets.lengths[0]);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_PARTIAL);
	assert_int_equal(inner.octets[33], 0x18);
	plane_clear(&pieces);
	plane_clear(&emitted.packets);
}

/* Two packets, the second changed by `change`; how many come out. */
static size_t count_of_two(void (*change)(uint8_t *packet, struct plan *plan), uint8_t protocol)
{
	struct plan plan = {.protocol = protocol, .tcp_flags = 0x10, .payload = 1000, .dont_fragment = true};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;
	size_t count, length;

	plane_add_packet(&pieces, &plan);
	plan.sequence += 1000;
	change(NULL, &plan);
	length = plane_make_packet(&plan, large);
	change(large, &plan);
	plane_keep(&pieces, large, length);
	emitted = coalesce(&pieces, true);
	count = emitted.packets.count;
	/* Whatever comes of it, order is kept. */
	if (count == 2) {
		assert_memory_equal(emitted.packets.octets[0], pieces.octets[0], pieces.lengths[0]);
		assert_memory_equal(emitted.packets.octets[1], pieces.octets[1], pieces.lengths[1]);
		assert_int_equal(emitted.offloads[1].kind, MIP_OFFLOAD_NONE);
	}
	plane_clear(&pieces);
	plane_clear(&emitted.packets);
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
		mip_octets_put16(packet + 36, plane_slow_checksum(packet, 1052, 20));
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
	plane_add_packet(&pieces, &plan);
	plane_add_packet(&pieces, &plan);
	emitted = coalesce(&pieces, false);
	assert_int_equal(emitted.packets.count, 2);
	assert_false(emitted.offloads[0].needs_checksum);
	plane_clear(&pieces);
	plane_clear(&emitted.packets);
}

static void a_fragment_does_not_overtake_its_flow(void **state)
{
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 1000};
	struct pieces pieces = {.count = 0};
	struct emitted emitted;

	(void)state;
	plane_add_packet(&pieces, &plan);
	plane_add_packet(&pieces, &plan);
	mip_octets_put16(pieces.octets[1] + 6, 0x2000);
	mip_inner_finish_ip(pieces.octets[1], MIP_IP_HEADER);
	emitted = coalesce(&pieces, true);
	assert_int_equal(emitted.packets.count, 2);
	assert_memory_equal(emitted.packets.octets[1], pieces.octets[1], pieces.lengths[1]);
	plane_clear(&pieces);
	plane_clear(&emitted.packets);
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
			plane_add_packet(&pieces, &plan);
	}
	emitted = coalesce(&pieces, true);
	assert_in_range(emitted.packets.count, MIP_COALESCE_FLOWS + 4, 2 * (MIP_COALESCE_FLOWS + 4));
	plane_clear(&pieces);
	plane_clear(&emitted.packets);
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
		plane_add_packet(&pieces, &plan);
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
	plane_clear(&pieces);
	plane_clear(&emitted.packets);
}

static void what_is_segmented_and_coalesced_is_the_same_again(void **state)
{
	uint32_t seed = 5944;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct plan plan = plane_random_plan(&seed);
		bool tcp = plan.protocol == MIP_PROTOCOL_TCP;
		uint16_t size = (uint16_t)(plan.payload / 60 + 1 + plane_random(&seed) % 1400);
		size_t length = plane_make_packet(&plan, large);
		struct pieces pieces, again;
		struct emitted emitted;

		plane_segment(large, length, tcp ? MIP_OFFLOAD_TCP : MIP_OFFLOAD_UDP, size, &pieces);
		emitted = coalesce(&pieces, true);
		assert_int_equal(emitted.packets.count, 1);
		if (pieces.count > 1) {
			assert_int_equal(emitted.offloads[0].segment_size, size);
			assert_int_equal(mip_complete_checksum(
						 emitted.packets.octets[0], length, &emitted.offloads[0]),
				0);
			plane_segment(
				emitted.packets.octets[0], length, emitted.offloads[0].kind, size, &again);
			assert_int_equal(again.count, pieces.count);
			for (size_t i = 0; i < pieces.count; i++)
				assert_memory_equal(again.octets[i], pieces.octets[i], pieces.lengths[i]);
			plane_clear(&again);
		}
		assert_int_equal(emitted.packets.lengths[0], length);
		assert_memory_equal(emitted.packets.octets[0], large, length);
		plane_clear(&pieces);
		plane_clear(&emitted.packets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_a_stream_become_one_packet),
		cmocka_unit_test(only_what_segmenting_would_give_again_is_joined),
		cmocka_unit_test(udp_stays_as_it_is_where_the_device_takes_no_large_datagrams),
		cmocka_unit_test(a_fragment_does_not_overtake_its_flow),
		cmocka_unit_test(more_flows_than_places_all_come_out),
		cmocka_unit_test(a_packet_that_the_kernel_joined_is_cut_as_its_sender_would),
		cmocka_unit_test(what_is_segmented_and_coalesced_is_the_same_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

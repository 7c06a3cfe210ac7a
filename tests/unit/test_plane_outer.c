/*
 * Outer headers put on and taken off, and the maximum segment size, on made-up packets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"
#include "octets.h"
#include "outer.h"
#include "plane_packet.h"

static struct mip_want_tunnel tunnel_from(uint32_t local)
{
	return (struct mip_want_tunnel){
		.local = mip_address_of(local),
		.remote = mip_address_of(0x0a090002),
	};
}

/* A piece with its outer header, as it goes on the wire; its length. */
static size_t put(const struct mip_want_tunnel *tunnel, enum mip_encapsulation encapsulation,
	const struct mip_inner *inner, size_t own_header, uint8_t *ret_octets)
{
	static uint8_t room[MIP_OUTER_ROOM + MIP_INNER_HEADER_MAX];
	uint8_t *header = room + MIP_OUTER_ROOM;
	struct mip_piece piece = {header, own_header, inner->octets + own_header, inner->length - own_header};
	struct mip_piece parts;

	memcpy(header, inner->octets, own_header);
	mip_outer_put(tunnel, encapsulation, &inner->ip, header, &piece, &parts);
	assert_true(parts.header >= room && parts.header + parts.header_length <= room + sizeof(room));
	memcpy(ret_octets, parts.header, parts.header_length);
	memcpy(ret_octets + parts.header_length, parts.payload, parts.payload_length);
	return parts.header_length + parts.payload_length;
}

static void what_is_put_on_comes_off(void **state)
{
	static uint8_t packet[MIP_INNER_MAX], outer[MIP_INNER_MAX + 100];
	uint32_t seed = 4;

	(void)state;
	for (int round = 0; round < 600; round++) {
		enum mip_encapsulation encapsulation = (enum mip_encapsulation)(round % 3);
		struct mip_want_tunnel tunnel = tunnel_from(round % 7 ? 0x0a090001 : SOURCE);
		struct plan plan = plane_random_plan(&seed);
		struct mip_inner inner = plane_read_packet(packet, plane_make_packet(&plan, packet));
		size_t own = round % 2 ? inner.ip.header_length + inner.transport_header : 0;
		size_t length = put(&tunnel, encapsulation, &inner, own, outer);
		size_t around = mip_outer_overhead(encapsulation);
		struct mip_outer found;

		if (encapsulation == MIP_ENCAPSULATION_MINIMAL && round % 7 == 0)
			around -= 4;
		assert_int_equal(length, inner.length + around);
		assert_int_equal(outer[MIP_IP_PROTOCOL], mip_outer_protocol(encapsulation));
		assert_int_equal(outer[MIP_IP_TOS], plan.tos);
		assert_int_equal(mip_octets_get16(outer + MIP_IP_LENGTH), length);
		assert_int_equal(
			mip_octets_get16(outer + MIP_IP_FLAGS), plan.dont_fragment ? 0x4000 : 0x0000);
		assert_int_equal(mip_outer_open(outer, length, &found), 0);
		assert_int_equal(found.encapsulation, encapsulation);
		assert_true(mip_address_equal(found.source, tunnel.local));
		assert_true(mip_address_equal(found.destination, tunnel.remote));
		assert_int_equal(found.tos, plan.tos);
		assert_int_equal(found.length, inner.length);
		assert_memory_equal(found.inner, packet, inner.length);
	}
}

/* RFC 2004 3: identification, TTL and options stay in the header. */
static void minimal_encapsulation_keeps_the_rest_of_the_header(void **state)
{
	static const uint8_t options[] = {1, 0x94, 4, 0, 0, 1, 1, 0}; /* router alert among them */
	uint8_t packet[60] = {0}, outer[100];
	struct mip_want_tunnel tunnel = tunnel_from(0x0a090001);
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.total_length = 40,
		.identification = 0x1234,
		.ttl = 7,
		.protocol = 99,
		.source = mip_address_of(SOURCE),
		.destination = mip_address_of(DESTINATION)};
	struct mip_inner inner;
	struct mip_outer found;
	size_t length;

	(void)state;
	mip_ip_write(&writer, &ip);
	memcpy(packet + 20, options, sizeof(options));
	packet[0] = 0x47;
	mip_inner_finish_ip(packet, 28);
	inner = plane_read_packet(packet, 40);
	length = put(&tunnel, MIP_ENCAPSULATION_MINIMAL, &inner, 0, outer);
	assert_int_equal(length, 52);
	assert_int_equal(outer[0], 0x47);
	assert_int_equal(mip_octets_get16(outer + 4), 0x1234);
	assert_int_equal(outer[8], 7);
	assert_memory_equal(outer + 20, options, sizeof(options));
	assert_int_equal(outer[28], 99);
	assert_int_equal(mip_outer_open(outer, length, &found), 0);
	assert_int_equal(found.length, 40);
	assert_memory_equal(found.inner, packet, 40);
}

/* rfc2004-3-1 */
static void a_fragment_of_a_minimal_tunnel_goes_by_ip_in_ip(void **state)
{
	struct mip_ip whole = {0}, first = {.more_fragments = true}, last = {.fragment_offset = 1};

	(void)state;
	assert_int_equal(mip_outer_choose(MIP_ENCAPSULATION_MINIMAL, &whole), MIP_ENCAPSULATION_MINIMAL);
	assert_int_equal(mip_outer_choose(MIP_ENCAPSULATION_MINIMAL, &first), MIP_ENCAPSULATION_IPIP);
	assert_int_equal(mip_outer_choose(MIP_ENCAPSULATION_MINIMAL, &last), MIP_ENCAPSULATION_IPIP);
	assert_int_equal(mip_outer_choose(MIP_ENCAPSULATION_GRE, &first), MIP_ENCAPSULATION_GRE);
	assert_int_equal(mip_outer_choose(MIP_ENCAPSULATION_UDP, &first), MIP_ENCAPSULATION_UDP);
}

static void what_is_not_all_there_is_not_opened(void **state)
{
	(void)state;
	for (int encapsulation = 0; encapsulation < 3; encapsulation++) {
		static uint8_t packet[MIP_INNER_MAX], outer[200], copy[200];
		struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 5};
		struct mip_want_tunnel tunnel = tunnel_from(0x0a090001);
		struct mip_inner inner = plane_read_packet(packet, plane_make_packet(&plan, packet));
		size_t length = put(&tunnel, (enum mip_encapsulation)encapsulation, &inner, 0, outer);
		size_t headers = length - inner.length;
		struct mip_outer found;

		if (encapsulation == MIP_ENCAPSULATION_MINIMAL)
			headers += MIP_IP_HEADER;
		for (size_t cut = 0; cut <= length; cut++) {
			/* So that a sanitizer sees what is read behind the end. */
			uint8_t *end = malloc(cut ? cut : 1);

			assert_non_null(end);
			memcpy(end, outer, cut);
			assert_int_equal(mip_outer_open(end, cut, &found), cut < headers ? -EBADMSG : 0);
			free(end);
		}
		memcpy(copy, outer, length);
		copy[0] = 0x44;
		assert_int_equal(mip_outer_open(copy, length, &found), -EBADMSG);
		memcpy(copy, outer, length);
		copy[MIP_IP_PROTOCOL] = MIP_PROTOCOL_UDP;
		assert_int_equal(mip_outer_open(copy, length, &found), -EBADMSG);
	}
}

/* The total length of a quoted header can be anything. */
static void a_minimal_packet_shorter_than_its_headers_is_not_opened(void **state)
{
	static uint8_t packet[MIP_INNER_MAX], outer[200];
	struct plan plan = {.protocol = MIP_PROTOCOL_UDP, .payload = 5};
	struct mip_want_tunnel tunnel = tunnel_from(0x0a090001);
	struct mip_inner inner = plane_read_packet(packet, plane_make_packet(&plan, packet));
	size_t length = put(&tunnel, MIP_ENCAPSULATION_MINIMAL, &inner, 0, outer);
	struct mip_outer found;

	(void)state;
	mip_octets_put16(outer + MIP_IP_LENGTH, 31);
	assert_int_equal(mip_outer_open(outer, length, &found), -EBADMSG);
	mip_octets_put16(outer + MIP_IP_LENGTH, 32);
	assert_int_equal(mip_outer_open(outer, length, &found), 0);
}

/* --- the maximum segment size ----------------------------------------------------------------- */

/* A TCP packet with these options and right checksums; its length. */
static size_t make_tcp(uint8_t *packet, uint8_t flags, const uint8_t *options, size_t length)
{
	struct mip_ip ip = {.total_length = (uint16_t)(40 + length),
		.ttl = 63,
		.protocol = MIP_PROTOCOL_TCP,
		.source = mip_address_of(SOURCE),
		.destination = mip_address_of(DESTINATION)};
	struct mip_writer writer = mip_writer_of(packet, 100);

	mip_ip_write(&writer, &ip);
	mip_write16(&writer, 1234);
	mip_write16(&writer, 80);
	mip_write32(&writer, 0x01020304);
	mip_write32(&writer, 0);
	mip_write8(&writer, (uint8_t)((20 + length) / 4 << 4));
	mip_write8(&writer, flags);
	mip_write16(&writer, 501);
	mip_write32(&writer, 0);
	mip_write_octets(&writer, options, length);
	assert_false(mip_writer_failed(&writer));
	mip_write16_at(&writer, 36, plane_slow_checksum(packet, writer.length, 20));
	return writer.length;
}

static void a_larger_segment_size_is_lowered_and_the_checksum_holds(void **state)
{
	/* At an even and at an odd place. */
	static const uint8_t even[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
	static const uint8_t odd[] = {1, 2, 4, 5, 180, 1, 1, 1};

	(void)state;
	for (uint16_t most = 8; most < 1460; most++) {
		uint8_t packet[100];
		size_t length = most % 2 ? make_tcp(packet, 0x12, odd, sizeof(odd))
					 : make_tcp(packet, 0x02, even, sizeof(even));
		struct mip_inner inner = plane_read_packet(packet, length);
		size_t place = 0;

		assert_true(mip_inner_exceeds_mss(&inner, most, &place));
		mip_inner_set_mss(packet, &inner, place, most, false);
		assert_int_equal(mip_octets_get16(packet + (most % 2 ? 43 : 42)), most);
		assert_int_equal(plane_slow_checksum(packet, length, 20), 0);
		assert_false(mip_inner_exceeds_mss(&inner, most, &place));
	}
}

static void a_wrong_checksum_stays_wrong_and_a_partial_one_partial(void **state)
{
	static const uint8_t options[] = {2, 4, 5, 180};
	uint8_t packet[100];
	size_t length = make_tcp(packet, 0x02, options, sizeof(options)), place = 0;
	struct mip_inner inner = plane_read_packet(packet, length);
	uint64_t sum = mip_checksum_pseudo_header(
		inner.ip.source, inner.ip.destination, MIP_PROTOCOL_TCP, (uint16_t)(length - 20));

	(void)state;
	packet[36] ^= 1;
	assert_true(mip_inner_exceeds_mss(&inner, 1400, &place));
	mip_inner_set_mss(packet, &inner, place, 1400, false);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_WRONG);
	mip_octets_put16(packet + 36, (uint16_t)~mip_checksum_finish(sum));
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_PARTIAL);
	mip_inner_set_mss(packet, &inner, place, 1300, true);
	assert_int_equal(mip_inner_check(&inner), MIP_CHECKSUM_PARTIAL);
	assert_int_equal(mip_octets_get16(packet + 42), 1300);
}

static void other_packets_have_no_segment_size_to_lower(void **state)
{
	static const struct {
		uint8_t flags;
		uint8_t options[8];
	} cases[] = {
		{0x02, {2, 4, 5, 120, 0, 0, 0, 0}}, /* not larger: 1400 */
		{0x02, {2, 4, 2, 24, 0, 0, 0, 0}},  /* smaller */
		{0x10, {2, 4, 5, 180, 0, 0, 0, 0}}, /* no SYN */
		{0x02, {1, 1, 1, 1, 4, 2, 1, 1}},   /* none */
		{0x02, {0, 2, 4, 5, 180, 0, 0, 0}}, /* behind the end */
		{0x02, {2, 3, 5, 180, 1, 1, 1, 1}}, /* of another length */
		{0x02, {8, 0, 2, 4, 5, 180, 0, 0}}, /* behind a broken one */
		{0x02, {8, 9, 2, 4, 5, 180, 0, 0}}, /* that is too long */
		{0x02, {1, 1, 1, 1, 1, 1, 2, 4}},   /* its value is behind the header */
		{0x02, {1, 1, 1, 1, 1, 1, 1, 2}},   /* its length too */
	};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		uint8_t packet[100];
		size_t length = make_tcp(packet, cases[i].flags, cases[i].options, 8), place;
		struct mip_inner inner = plane_read_packet(packet, length);

		assert_false(mip_inner_exceeds_mss(&inner, 1400, &place));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_on_comes_off),
		cmocka_unit_test(minimal_encapsulation_keeps_the_rest_of_the_header),
		cmocka_unit_test(a_fragment_of_a_minimal_tunnel_goes_by_ip_in_ip),
		cmocka_unit_test(what_is_not_all_there_is_not_opened),
		cmocka_unit_test(a_minimal_packet_shorter_than_its_headers_is_not_opened),
		cmocka_unit_test(a_larger_segment_size_is_lowered_and_the_checksum_holds),
		cmocka_unit_test(a_wrong_checksum_stays_wrong_and_a_partial_one_partial),
		cmocka_unit_test(other_packets_have_no_segment_size_to_lower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

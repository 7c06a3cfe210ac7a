/* IPv4, UDP, ARP and ICMP echo: what is written is read the same, and what is wrong is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"
#include "packet.h"

static const struct mip_ip header = {
	.tos = 0xc0,
	.identification = 0x1234,
	.dont_fragment = true,
	.ttl = 1,
	.source = {0x0100000a},	     /* 10.0.0.1 on a little-endian machine; opaque here */
	.destination = {0x0200000a}, /* 10.0.0.2 */
};

static size_t registration_packet(uint8_t *octets, size_t size, const void *payload, size_t length)
{
	struct mip_udp udp = {.source_port = 40000, .destination_port = MIP_REGISTRATION_PORT};
	struct mip_writer writer = mip_writer_of(octets, size);

	mip_udp_packet_write(&writer, &header, &udp, payload, length);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

static int packet_read(const uint8_t *octets, size_t length)
{
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;

	return mip_udp_packet_read(octets, length, false, &ip, &udp, &payload);
}

static void the_checksum_is_that_of_rfc_1071(void **state)
{
	/* RFC 1071 3: the sum of these is ddf2. */
	static const uint8_t octets[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(mip_checksum_finish(mip_checksum_add(0, octets, 8)), (uint16_t)~0xddf2);
	/* An odd octet is the high one of a word; parts of even length add up. */
	assert_int_equal(mip_checksum_finish(mip_checksum_add(0, octets, 3)), (uint16_t) ~(0x0001 + 0xf200));
	assert_int_equal(mip_checksum_finish(mip_checksum_add(mip_checksum_add(0, octets, 2), octets + 2, 6)),
		(uint16_t)~0xddf2);
	assert_int_equal(mip_checksum_finish(mip_checksum_add(0, octets, 6)),
		(uint16_t) ~(0x0001 + 0xf203 + 0xf4f5 - 0x10000 + 1));
}

static void a_datagram_is_read_as_it_was_written(void **state)
{
	/* rfc5944-3.1-5 */
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;
	uint8_t octets[128];
	size_t length = registration_packet(octets, sizeof(octets), "payload", 7);

	(void)state;
	assert_int_equal(mip_udp_packet_read(octets, length, false, &ip, &udp, &payload), 0);
	assert_int_equal(ip.total_length, 20 + 8 + 7);
	assert_int_equal(ip.tos, 0xc0);
	assert_int_equal(ip.identification, 0x1234);
	assert_true(ip.dont_fragment);
	assert_int_equal(ip.ttl, 1);
	assert_int_equal(ip.protocol, MIP_PROTOCOL_UDP);
	assert_true(mip_address_equal(ip.source, header.source));
	assert_true(mip_address_equal(ip.destination, header.destination));
	assert_int_equal(udp.source_port, 40000);
	assert_int_equal(udp.destination_port, 434);
	assert_int_equal(mip_reader_left(&payload), 7);
	assert_memory_equal(mip_read_octets(&payload, 7), "payload", 7);
}

static void padding_of_the_link_is_cut_off(void **state)
{
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;
	uint8_t octets[128] = {0};
	size_t length = registration_packet(octets, sizeof(octets), "ab", 2);

	(void)state;
	assert_int_equal(mip_udp_packet_read(octets, length + 16, false, &ip, &udp, &payload), 0);
	assert_int_equal(mip_reader_left(&payload), 2);
}

static void every_changed_bit_is_noticed(void **state)
{
	/* rfc5944-3.1-5 */
	uint8_t octets[128];
	size_t length = registration_packet(octets, sizeof(octets), "payload", 7);

	(void)state;
	for (size_t bit = 0; bit < 8 * length; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(packet_read(octets, length), 0);
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(packet_read(octets, length), 0);
}

static void every_cut_packet_is_refused(void **state)
{
	uint8_t octets[128];
	size_t length = registration_packet(octets, sizeof(octets), "payload", 7);

	(void)state;
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(packet_read(octets, cut), -EBADMSG);
}

static void a_checksum_left_to_a_card_is_not_checked(void **state)
{
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;
	uint8_t octets[128];
	size_t length = registration_packet(octets, sizeof(octets), "payload", 7);

	(void)state;
	octets[26] ^= 0xff;
	assert_int_equal(mip_udp_packet_read(octets, length, false, &ip, &udp, &payload), -EBADMSG);
	assert_int_equal(mip_udp_packet_read(octets, length, true, &ip, &udp, &payload), 0);
	/* and none at all is no wrong one */
	octets[26] = octets[27] = 0;
	assert_int_equal(mip_udp_packet_read(octets, length, false, &ip, &udp, &payload), 0);
}

static size_t with_protocol(uint8_t *octets, size_t size, uint8_t protocol, bool more, uint16_t offset)
{
	struct mip_ip ip = header;
	struct mip_writer writer = mip_writer_of(octets, size);

	ip.protocol = protocol;
	ip.more_fragments = more;
	ip.fragment_offset = offset;
	ip.total_length = MIP_IP_HEADER + 8;
	mip_ip_write(&writer, &ip);
	mip_write_zeros(&writer, 8);
	return writer.length;
}

static void fragments_and_other_protocols_are_told_apart(void **state)
{
	uint8_t octets[64];

	(void)state;
	assert_int_equal(
		packet_read(octets, with_protocol(octets, 64, MIP_PROTOCOL_TCP, false, 0)), -EPROTONOSUPPORT);
	assert_int_equal(packet_read(octets, with_protocol(octets, 64, MIP_PROTOCOL_UDP, true, 0)), -EAGAIN);
	assert_int_equal(packet_read(octets, with_protocol(octets, 64, MIP_PROTOCOL_UDP, false, 9)), -EAGAIN);
}

static void outputs_stay_untouched_on_failure(void **state)
{
	struct mip_reader payload = {.length = 77};
	struct mip_udp udp = {.source_port = 77};
	struct mip_ip ip = {.ttl = 77};
	uint8_t octets[128];
	size_t length = registration_packet(octets, sizeof(octets), "payload", 7);

	(void)state;
	octets[30] ^= 1;
	assert_int_equal(mip_udp_packet_read(octets, length, false, &ip, &udp, &payload), -EBADMSG);
	assert_int_equal(ip.ttl, 77);
	assert_int_equal(udp.source_port, 77);
	assert_int_equal(payload.length, 77);
}

static void a_packet_without_room_fails_the_writer(void **state)
{
	struct mip_udp udp = {0};
	uint8_t octets[40], big[1];
	struct mip_writer writer = mip_writer_of(octets, 34);

	(void)state;
	mip_udp_packet_write(&writer, &header, &udp, "payload", 7);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, sizeof(octets));
	mip_ip_packet_write(&writer, &header, big, 65536 - 20);
	assert_true(mip_writer_failed(&writer));
}

static const struct mip_link_address link_address = {6, {2, 0, 0, 0, 0, 1}};

static void arp_is_read_as_it_was_written(void **state)
{
	struct mip_arp arp = {.operation = MIP_ARP_REQUEST,
		.sender_link = link_address,
		.sender = header.source,
		.target = header.destination};
	struct mip_arp read;
	uint8_t octets[64];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_arp_write(&writer, &arp);
	assert_int_equal(writer.length, MIP_ARP_PACKET);
	assert_int_equal(mip_arp_read(octets, writer.length, &read), 0);
	assert_int_equal(read.operation, MIP_ARP_REQUEST);
	assert_true(mip_link_address_equal(read.sender_link, link_address));
	assert_true(mip_address_equal(read.sender, arp.sender));
	assert_true(mip_address_equal(read.target, arp.target));
	for (size_t cut = 0; cut < MIP_ARP_PACKET; cut++)
		assert_int_equal(mip_arp_read(octets, cut, &read), -EBADMSG);
	octets[4] = 8; /* hardware addresses of another length */
	assert_int_equal(mip_arp_read(octets, writer.length, &read), -EBADMSG);
}

static void a_gratuitous_arp_names_one_address_twice(void **state)
{
	struct mip_arp read;
	uint8_t octets[64];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_arp_write_gratuitous(&writer, MIP_ARP_REPLY, header.source, link_address);
	assert_int_equal(mip_arp_read(octets, writer.length, &read), 0);
	assert_true(mip_address_equal(read.sender, header.source));
	assert_true(mip_address_equal(read.target, header.source));
	assert_true(mip_link_address_equal(read.sender_link, link_address));
	assert_true(mip_link_address_equal(read.target_link, link_address));
	writer = mip_writer_of(octets, sizeof(octets));
	mip_arp_write_gratuitous(&writer, MIP_ARP_REQUEST, header.source, link_address);
	assert_int_equal(mip_arp_read(octets, writer.length, &read), 0);
	assert_true(mip_address_equal(read.target, header.source));
	assert_false(mip_link_address_equal(read.target_link, link_address));
}

static void an_echo_is_read_as_it_was_written(void **state)
{
	struct mip_icmp_echo read,
		echo = {.type = MIP_ICMP_ECHO_REQUEST, .identifier = 0x4d49, .sequence = 3};
	uint8_t octets[64];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_reader reader;

	(void)state;
	mip_icmp_echo_write(&writer, &echo, "abc", 3);
	reader = mip_reader_of(octets, writer.length);
	assert_int_equal(mip_icmp_echo_read(&reader, &read), 0);
	assert_int_equal(read.identifier, 0x4d49);
	assert_int_equal(read.sequence, 3);
	assert_int_equal(mip_reader_left(&reader), 3);
	octets[9] ^= 1;
	reader = mip_reader_of(octets, writer.length);
	assert_int_equal(mip_icmp_echo_read(&reader, &read), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_that_of_rfc_1071),
		cmocka_unit_test(a_datagram_is_read_as_it_was_written),
		cmocka_unit_test(padding_of_the_link_is_cut_off),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(every_cut_packet_is_refused),
		cmocka_unit_test(a_checksum_left_to_a_card_is_not_checked),
		cmocka_unit_test(fragments_and_other_protocols_are_told_apart),
		cmocka_unit_test(outputs_stay_untouched_on_failure),
		cmocka_unit_test(a_packet_without_room_fails_the_writer),
		cmocka_unit_test(arp_is_read_as_it_was_written),
		cmocka_unit_test(a_gratuitous_arp_names_one_address_twice),
		cmocka_unit_test(an_echo_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

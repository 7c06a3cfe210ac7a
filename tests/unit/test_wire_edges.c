/*
 * The edges of the wire room that no whole message shows: readers of one extension that are given another or a piece,
 * readers that have failed before, writers without room, what stands twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "address.h"
#include "advertisement.h"
#include "extension.h"
#include "igmp.h"
#include "packet.h"
#include "print.h"
#include "registration.h"
#include "revocation.h"
#include "tunnel.h"

static const uint8_t some_octets[16] = {0, 0, 0, 0, 0, 0, 0, 0};

static struct mip_extension extension_of(uint8_t type, size_t length)
{
	return (struct mip_extension){.type = type, .data = some_octets, .data_length = length};
}

/* One that was read beyond its end before. */
static struct mip_reader failed_reader(const void *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);

	reader.failed = true;
	return reader;
}

static void readers_of_an_extension_refuse_another_kind_and_a_piece(void **state)
{
	struct mip_udp_tunnel_request request;
	struct mip_udp_tunnel_reply reply;
	struct mip_revocation_support support;
	struct mip_extension other = extension_of(MIP_EXTENSION_NODE_NAI, 4), cut, more;

	(void)state;
	cut = extension_of(MIP_EXTENSION_DYNAMIC_HOME_AGENT, 3);
	assert_true(mip_address_is_none(mip_dynamic_home_agent_read(&other)));
	assert_true(mip_address_is_none(mip_dynamic_home_agent_read(&cut)));
	other.data_length = 5;
	cut = extension_of(MIP_EXTENSION_UDP_TUNNEL_REQUEST, 4);
	more = extension_of(MIP_EXTENSION_UDP_TUNNEL_REQUEST, 6);
	assert_int_equal(mip_udp_tunnel_request_read(&other, &request), -EBADMSG);
	assert_int_equal(mip_udp_tunnel_request_read(&cut, &request), -EBADMSG);
	assert_int_equal(mip_udp_tunnel_request_read(&more, &request), -EBADMSG);
	cut = extension_of(MIP_EXTENSION_UDP_TUNNEL_REPLY, 4);
	more = extension_of(MIP_EXTENSION_UDP_TUNNEL_REPLY, 6);
	assert_int_equal(mip_udp_tunnel_reply_read(&other, &reply), -EBADMSG);
	assert_int_equal(mip_udp_tunnel_reply_read(&cut, &reply), -EBADMSG);
	assert_int_equal(mip_udp_tunnel_reply_read(&more, &reply), -EBADMSG);
	other.data_length = 6;
	cut = extension_of(MIP_EXTENSION_REVOCATION_SUPPORT, 5);
	assert_int_equal(mip_revocation_support_read(&other, &support), -EBADMSG);
	assert_int_equal(mip_revocation_support_read(&cut, &support), -EBADMSG);
}

static void a_reader_that_has_failed_gives_no_message(void **state)
{
	static const uint8_t zeros[64];
	struct mip_reader reader = failed_reader(zeros, sizeof(zeros)), payload;
	struct mip_agent_advertisement advertisement;
	struct mip_igmp_report report;
	struct mip_icmp_echo echo;
	struct mip_minimal minimal;
	struct mip_ip ip;
	uint16_t protocol;

	(void)state;
	assert_true(mip_advertisement_read(&reader, &advertisement) < 0);
	assert_true(mip_solicitation_read(&reader) < 0);
	assert_int_equal(mip_igmp_report_read(reader, &report), -EBADMSG);
	assert_int_equal(mip_icmp_echo_read(&reader, &echo), -EBADMSG);
	assert_int_equal(mip_gre_read(&reader, &protocol), -EBADMSG);
	assert_int_equal(mip_minimal_read(&reader, &minimal), -EBADMSG);
	assert_true(mip_ip_read(&reader, &ip, &payload) < 0);
}

static void nothing_is_no_message(void **state)
{
	static const uint8_t with_code[8] = {MIP_ICMP_ROUTER_SOLICITATION, 1, 0xf5, 0xfe};
	struct mip_reader reader = mip_reader_of(some_octets, 0);
	char text[64];
	struct mip_text printed = mip_text_of(text, sizeof(text));

	(void)state;
	assert_int_equal(mip_solicitation_read(&reader), -EBADMSG);
	/* RFC 1256 4.2: nor is one with a code, or cut. */
	reader = mip_reader_of(with_code, sizeof(with_code));
	assert_int_equal(mip_solicitation_read(&reader), -EBADMSG);
	reader = mip_reader_of(with_code, 5);
	assert_int_equal(mip_solicitation_read(&reader), -EBADMSG);
	mip_print_discovery(&printed, some_octets, 0);
	assert_non_null(strstr(text, "malformed"));
}

static void a_writer_without_room_for_a_header_has_failed(void **state)
{
	uint8_t octets[64];
	struct mip_writer writer = mip_writer_of(octets, 10);
	struct mip_ip ip = {.ttl = 64};
	struct mip_minimal minimal = {.protocol = MIP_PROTOCOL_UDP};
	struct mip_icmp_echo echo = {.type = MIP_ICMP_ECHO_REQUEST};

	(void)state;
	mip_ip_packet_write(&writer, &ip, some_octets, 0);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, 6);
	mip_minimal_write(&writer, &minimal);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, 6);
	mip_icmp_echo_write(&writer, &echo, some_octets, 0);
	assert_true(mip_writer_failed(&writer));
}

static void more_routers_or_a_longer_challenge_than_there_may_be_are_not_written(void **state)
{
	static struct mip_agent_advertisement advertisement;
	uint8_t octets[4096];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	advertisement = (struct mip_agent_advertisement){.router_count = MIP_ROUTERS_MAX + 1};
	mip_advertisement_write(&writer, &advertisement);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, sizeof(octets));
	advertisement = (struct mip_agent_advertisement){.challenge_length = MIP_CHALLENGE_MAX + 1};
	mip_advertisement_write(&writer, &advertisement);
	assert_true(mip_writer_failed(&writer));
}

/* An advertisement with these octets after the 8 of RFC 1256, and one router. */
static size_t advertisement_with(uint8_t *octets, const uint8_t *more, size_t count)
{
	static const uint8_t fixed[] = {9, 0, 0, 0, 1, 2, 0, 60, 10, 1, 0, 1, 0, 0, 0, 0};
	size_t length = sizeof(fixed) + count;
	uint16_t sum;

	memcpy(octets, fixed, sizeof(fixed));
	memcpy(octets + sizeof(fixed), more, count);
	sum = mip_checksum_finish(mip_checksum_add(0, octets, length));
	octets[2] = (uint8_t)(sum >> 8);
	octets[3] = (uint8_t)sum;
	return length;
}

static void of_two_agent_extensions_the_first_stands(void **state)
{
	static const uint8_t two[] = {16, 6, 0, 7, 0, 100, 0x20, 0, 16, 6, 0, 8, 0, 101, 0x80, 0};
	static struct mip_agent_advertisement advertisement;
	uint8_t octets[64];
	struct mip_reader reader = mip_reader_of(octets, advertisement_with(octets, two, sizeof(two)));

	(void)state;
	assert_int_equal(mip_advertisement_read(&reader, &advertisement), 0);
	assert_int_equal(advertisement.sequence, 7);
	assert_int_equal(advertisement.registration_lifetime, 100);
}

static void an_agent_extension_shorter_than_its_fields_is_malformed(void **state)
{
	static const uint8_t cut[] = {16, 4, 0, 7, 0, 100};
	static struct mip_agent_advertisement advertisement;
	uint8_t octets[64];
	struct mip_reader reader = mip_reader_of(octets, advertisement_with(octets, cut, sizeof(cut)));

	(void)state;
	assert_int_equal(mip_advertisement_read(&reader, &advertisement), -EBADMSG);
}

static void a_routers_advertisement_is_no_agents(void **state)
{
	uint8_t octets[64];
	size_t length = advertisement_with(octets, some_octets, 0);
	char text[512];
	struct mip_text printed = mip_text_of(text, sizeof(text));

	(void)state;
	mip_print_discovery(&printed, octets, length);
	assert_non_null(strstr(text, "router-advertisement"));
	printed = mip_text_of(text, sizeof(text));
	octets[0] = MIP_ICMP_ECHO_REQUEST;
	mip_print_discovery(&printed, octets, length);
	assert_null(strstr(text, "advertisement"));
}

static void a_cut_acknowledgment_is_said_to_be_so(void **state)
{
	static const uint8_t octets[] = {MIP_MESSAGE_REVOCATION_ACK, 0, 0};
	char text[512];
	struct mip_text printed = mip_text_of(text, sizeof(text));

	(void)state;
	mip_print_message(&printed, octets, sizeof(octets));
	assert_non_null(strstr(text, "cut short"));
}

/* A checksummed IGMP message. */
static struct mip_reader igmp_of(uint8_t *octets, size_t length)
{
	uint16_t sum = mip_checksum_finish(mip_checksum_add(0, octets, length));

	octets[2] = (uint8_t)(sum >> 8);
	octets[3] = (uint8_t)sum;
	return mip_reader_of(octets, length);
}

static void a_report_about_no_group_joins_nothing(void **state)
{
	/* Version 2, of 10.1.0.50; version 3, one record of it. */
	uint8_t two[8] = {MIP_IGMP_REPORT_V2, 0, 0, 0, 10, 1, 0, 50};
	uint8_t three[16] = {MIP_IGMP_REPORT_V3, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 10, 1, 0, 50};
	struct mip_igmp_report report;
	struct mip_igmp_record record;

	(void)state;
	assert_int_equal(mip_igmp_report_read(igmp_of(two, sizeof(two)), &report), 0);
	assert_int_equal(mip_igmp_record_next(&report, &record), -EBADMSG);
	assert_int_equal(mip_igmp_report_read(igmp_of(three, sizeof(three)), &report), 0);
	assert_int_equal(mip_igmp_record_next(&report, &record), 0);
}

static void a_datagram_shorter_than_its_header_is_refused(void **state)
{
	uint8_t packet[MIP_IP_HEADER + 4];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_ip ip = {.ttl = 64, .protocol = MIP_PROTOCOL_UDP};
	struct mip_udp udp;
	struct mip_reader payload;

	(void)state;
	mip_ip_packet_write(&writer, &ip, some_octets, 4);
	assert_false(mip_writer_failed(&writer));
	assert_int_equal(mip_udp_packet_read(packet, writer.length, false, &ip, &udp, &payload), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_of_an_extension_refuse_another_kind_and_a_piece),
		cmocka_unit_test(a_reader_that_has_failed_gives_no_message),
		cmocka_unit_test(nothing_is_no_message),
		cmocka_unit_test(a_writer_without_room_for_a_header_has_failed),
		cmocka_unit_test(more_routers_or_a_longer_challenge_than_there_may_be_are_not_written),
		cmocka_unit_test(of_two_agent_extensions_the_first_stands),
		cmocka_unit_test(an_agent_extension_shorter_than_its_fields_is_malformed),
		cmocka_unit_test(a_routers_advertisement_is_no_agents),
		cmocka_unit_test(a_cut_acknowledgment_is_said_to_be_so),
		cmocka_unit_test(a_report_about_no_group_joins_nothing),
		cmocka_unit_test(a_datagram_shorter_than_its_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

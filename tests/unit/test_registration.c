/* The fixed parts of requests, replies, tunnel data and revocation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"
#include "registration.h"
#include "revocation.h"

/* RFC 5944 3.3, by hand: DT, 600 s, 10.1.0.50, 10.1.0.1, 10.2.0.1. */
static const uint8_t request_octets[] = {
	1, 0x22, 0x02, 0x58, 10, 1, 0, 50, 10, 1, 0, 1, 10, 2, 0, 1, 0xe0, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t reply_octets[] = {3, 133, 0, 0, 10, 1, 0, 50, 10, 1, 0, 1, 0xe0, 1, 2, 3, 4, 5, 6, 7};

static void a_request_is_what_rfc_5944_draws(void **state)
{
	struct mip_reader reader = mip_reader_of(request_octets, sizeof(request_octets));
	struct mip_registration_request request;
	uint8_t octets[MIP_REQUEST_LENGTH] = {0};
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	assert_int_equal(mip_message_type(request_octets, 1), MIP_MESSAGE_REGISTRATION_REQUEST);
	assert_int_equal(mip_request_read(&reader, &request), 0);
	assert_int_equal(mip_reader_left(&reader), 0);
	assert_int_equal(request.flags, MIP_REQUEST_D | MIP_REQUEST_T);
	assert_int_equal(request.lifetime, 600);
	assert_int_equal(mip_address_number(request.home_address), 0x0a010032);
	assert_int_equal(mip_address_number(request.home_agent), 0x0a010001);
	assert_int_equal(mip_address_number(request.care_of_address), 0x0a020001);
	assert_true(request.identification == 0xe001020304050607);
	mip_request_write(&writer, &request);
	assert_int_equal(writer.length, sizeof(request_octets));
	assert_memory_equal(octets, request_octets, sizeof(request_octets));
}

static void reserved_flags_are_ignored_and_sent_as_zero(void **state)
{
	/* rfc5944-3.3-1 */
	uint8_t octets[MIP_REQUEST_LENGTH] = {0};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_registration_request request;

	(void)state;
	memcpy(octets, request_octets, sizeof(octets));
	octets[1] = 0xff;
	assert_int_equal(mip_request_read(&reader, &request), 0);
	assert_int_equal(request.flags, 0xfa);
	request.flags = 0xff;
	mip_request_write(&writer, &request);
	assert_int_equal(octets[1], 0xfa);
}

static void a_reply_is_what_rfc_5944_draws(void **state)
{
	struct mip_reader reader = mip_reader_of(reply_octets, sizeof(reply_octets));
	struct mip_registration_reply reply;
	uint8_t octets[MIP_REPLY_LENGTH];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	assert_int_equal(mip_reply_read(&reader, &reply), 0);
	assert_int_equal(reply.code, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
	assert_int_equal(mip_address_number(reply.home_address), 0x0a010032);
	assert_int_equal(mip_address_number(reply.home_agent), 0x0a010001);
	mip_reply_write(&writer, &reply);
	assert_memory_equal(octets, reply_octets, sizeof(reply_octets));
}

static void messages_cut_short_are_refused_and_touch_nothing(void **state)
{
	struct mip_registration_request request = {.lifetime = 77};
	struct mip_registration_reply reply = {.lifetime = 77};

	(void)state;
	assert_int_equal(mip_message_type(request_octets, 0), -EBADMSG);
	for (size_t cut = 0; cut < sizeof(request_octets); cut++) {
		struct mip_reader reader = mip_reader_of(request_octets, cut);

		assert_int_equal(mip_request_read(&reader, &request), -EBADMSG);
		assert_int_equal(reader.position, 0);
	}
	for (size_t cut = 0; cut < sizeof(reply_octets); cut++) {
		struct mip_reader reader = mip_reader_of(reply_octets, cut);

		assert_int_equal(mip_reply_read(&reader, &reply), -EBADMSG);
	}
	assert_int_equal(request.lifetime, 77);
	assert_int_equal(reply.lifetime, 77);
}

static void one_message_is_not_read_as_another(void **state)
{
	struct mip_reader reader = mip_reader_of(request_octets, sizeof(request_octets));
	struct mip_registration_request request;
	struct mip_registration_reply reply;
	uint8_t next_header;

	(void)state;
	assert_int_equal(mip_reply_read(&reader, &reply), -EBADMSG);
	assert_int_equal(mip_tunnel_data_read(&reader, &next_header), -EBADMSG);
	reader = mip_reader_of(reply_octets, sizeof(reply_octets));
	assert_int_equal(mip_request_read(&reader, &request), -EBADMSG);
}

/* rfc3519-3.3-1 */
static void tunnel_data_leaves_the_reader_at_the_packet(void **state)
{
	static const uint8_t octets[] = {4, 4, 0xff, 0xff, 0x45};
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));
	uint8_t next_header, written[MIP_TUNNEL_DATA_HEADER];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));

	(void)state;
	assert_int_equal(mip_tunnel_data_read(&reader, &next_header), 0);
	assert_int_equal(next_header, 4);
	assert_int_equal(mip_read8(&reader), 0x45);
	mip_tunnel_data_write(&writer, 47);
	assert_memory_equal(written, "\x04\x2f\x00\x00", 4);
	reader = mip_reader_of(octets, 3);
	assert_int_equal(mip_tunnel_data_read(&reader, &next_header), -EBADMSG);
}

static void a_revocation_is_what_rfc_3543_draws(void **state)
{
	static const uint8_t expected[] = {7, 0, 0x80, 0, 10, 1, 0, 50, 10, 1, 0, 1, 10, 2, 0, 1, 1, 2, 3, 4};
	struct mip_revocation read, revocation = {.from_home_agent = true,
					    .home_address = mip_address_of(0x0a010032),
					    .home_domain = mip_address_of(0x0a010001),
					    .foreign_domain = mip_address_of(0x0a020001),
					    .identifier = 0x01020304};
	uint8_t octets[MIP_REVOCATION_LENGTH] = {0};
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	mip_revocation_write(&writer, &revocation);
	assert_memory_equal(octets, expected, sizeof(expected));
	assert_int_equal(mip_revocation_read(&reader, &read), 0);
	assert_true(read.from_home_agent);
	assert_false(read.inform);
	assert_true(mip_address_equal(read.foreign_domain, revocation.foreign_domain));
	assert_int_equal(read.identifier, 0x01020304);
}

static void a_revocation_acknowledgment_is_what_rfc_3543_draws(void **state)
{
	static const uint8_t expected[] = {15, 0, 0x80, 0, 10, 1, 0, 50, 1, 2, 3, 4};
	struct mip_revocation_ack read,
		ack = {.inform = true, .home_address = mip_address_of(0x0a010032), .identifier = 0x01020304};
	uint8_t octets[MIP_REVOCATION_ACK_LENGTH] = {0};
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_reader reader = mip_reader_of(octets, sizeof(octets));

	(void)state;
	mip_revocation_ack_write(&writer, &ack);
	assert_memory_equal(octets, expected, sizeof(expected));
	assert_int_equal(mip_revocation_ack_read(&reader, &read), 0);
	assert_true(read.inform);
	assert_int_equal(read.identifier, 0x01020304);
	reader = mip_reader_of(octets, sizeof(octets) - 1);
	assert_int_equal(mip_revocation_ack_read(&reader, &read), -EBADMSG);
}

static void m_and_g_ask_for_an_encapsulation(void **state)
{
	(void)state;
	assert_int_equal(mip_request_encapsulation(MIP_REQUEST_D | MIP_REQUEST_T), MIP_ENCAPSULATION_IPIP);
	assert_int_equal(mip_request_encapsulation(MIP_REQUEST_D | MIP_REQUEST_M), MIP_ENCAPSULATION_MINIMAL);
	assert_int_equal(mip_request_encapsulation(MIP_REQUEST_G), MIP_ENCAPSULATION_GRE);
	assert_int_equal(mip_request_encapsulation(MIP_REQUEST_ENCAPSULATIONS), MIP_ENCAPSULATION_GRE);
	assert_int_equal(mip_request_encapsulation_flag(MIP_ENCAPSULATION_GRE), 0x08);
	assert_int_equal(mip_request_encapsulation_flag(MIP_ENCAPSULATION_MINIMAL), 0x10);
	assert_int_equal(mip_request_encapsulation_flag(MIP_ENCAPSULATION_IPIP), 0);
	assert_int_equal(mip_request_encapsulation_flag(MIP_ENCAPSULATION_UDP), 0);
}

static void codes_have_words(void **state)
{
	(void)state;
	assert_string_equal(mip_code_text(0), "registration accepted");
	assert_string_equal(mip_code_text(131), "home agent: mobile node failed authentication");
	assert_string_equal(mip_code_text(73), "unknown code");
	assert_true(mip_code_is_accepted(1));
	assert_false(mip_code_is_accepted(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_what_rfc_5944_draws),
		cmocka_unit_test(reserved_flags_are_ignored_and_sent_as_zero),
		cmocka_unit_test(a_reply_is_what_rfc_5944_draws),
		cmocka_unit_test(messages_cut_short_are_refused_and_touch_nothing),
		cmocka_unit_test(one_message_is_not_read_as_another),
		cmocka_unit_test(tunnel_data_leaves_the_reader_at_the_packet),
		cmocka_unit_test(a_revocation_is_what_rfc_3543_draws),
		cmocka_unit_test(a_revocation_acknowledgment_is_what_rfc_3543_draws),
		cmocka_unit_test(m_and_g_ask_for_an_encapsulation),
		cmocka_unit_test(codes_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

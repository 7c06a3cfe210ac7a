/* Extensions: bounds, formats, what is unknown, what stands twice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"
#include "extension.h"

static int read_all(const void *octets, size_t length, struct mip_extensions *extensions)
{
	struct mip_reader reader = mip_reader_of(octets, length);

	return mip_extensions_read(&reader, extensions);
}
#define READ(octets, extensions) read_all((octets), sizeof(octets) - 1, (extensions))

static void offsets_count_from_the_message(void **state)
{
	struct mip_reader reader = mip_reader_of("MESSAGE\x83\x02@x\x20\x06\0\0\3\xe8zz", 7 + 4 + 8);
	struct mip_authentication authentication;
	struct mip_extensions extensions;
	const struct mip_extension *nai, *auth;

	(void)state;
	mip_read_skip(&reader, 7);
	assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
	nai = mip_extension_of(&extensions, MIP_SLOT_NODE_NAI);
	auth = mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
	assert_non_null(nai);
	assert_non_null(auth);
	assert_null(mip_extension_of(&extensions, MIP_SLOT_CHALLENGE));
	assert_int_equal(nai->offset, 7);
	assert_int_equal(nai->length, 4);
	assert_memory_equal(nai->data, "@x", 2);
	assert_int_equal(auth->offset, 11);
	assert_int_equal(mip_authentication_read(auth, &authentication), 0);
	assert_int_equal(authentication.spi, 1000);
	assert_int_equal(authentication.covered, 11 + 6); /* type, length and SPI too */
	assert_int_equal(authentication.authenticator_length, 2);
	assert_memory_equal(authentication.authenticator, "zz", 2);
}

static void padding_is_passed_over(void **state)
{
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\0\0\x82\0\0", &extensions), 0);
	assert_true(extensions.present[MIP_SLOT_ENCAPSULATING_DELIVERY]);
	assert_int_equal(extensions.slot[MIP_SLOT_ENCAPSULATING_DELIVERY].offset, 2);
	assert_int_equal(READ("\0", &extensions), 0);
	assert_int_equal(read_all("", 0, &extensions), 0);
}

static void an_extension_past_the_end_is_malformed(void **state)
{
	struct mip_extensions extensions = {.skipped = 77};

	(void)state;
	assert_int_equal(READ("\x83", &extensions), -EBADMSG);
	assert_int_equal(READ("\x83\x03@x", &extensions), -EBADMSG);
	assert_int_equal(READ("\x24\x01\0", &extensions), -EBADMSG);
	assert_int_equal(READ("\x24\x01\xff\xff", &extensions), -EBADMSG);
	assert_int_equal(READ("\x2c\0\0", &extensions), -EBADMSG);
	assert_int_equal(extensions.skipped, 77);
}

static void an_unknown_one_is_skipped_from_128_on(void **state)
{
	/* rfc5944-1.8-2 */
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\xff\x02zz\x80\0\x83\x01x", &extensions), 0);
	assert_int_equal(extensions.skipped, 2);
	assert_false(extensions.unknown_not_skippable);
	assert_true(extensions.present[MIP_SLOT_NODE_NAI]);
}

static void an_unknown_one_below_128_spoils_the_message(void **state)
{
	/* rfc5944-1.8-1 */
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\x7f\0", &extensions), 0);
	assert_true(extensions.unknown_not_skippable);
	assert_int_equal(extensions.unknown_type, 127);
	/* A sub-type that we do not know is an extension that we do not know. */
	assert_int_equal(READ("\x2c\x06\x01\0\0\0\0\0", &extensions), 0);
	assert_true(extensions.unknown_not_skippable);
	assert_int_equal(extensions.unknown_type, 44);
	/* What follows may be anything: it is not read. */
	assert_int_equal(READ("\x28\x01\0\x04zzzz\xff", &extensions), 0);
	assert_int_equal(extensions.unknown_type, 40);
}

static void the_first_of_a_kind_stands_and_all_are_counted(void **state)
{
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\x83\x01"
			      "a\x83\x01"
			      "b\x83\x01"
			      "c",
				 &extensions),
		0);
	assert_int_equal(extensions.occurrences[MIP_SLOT_NODE_NAI], 3);
	assert_memory_equal(extensions.slot[MIP_SLOT_NODE_NAI].data, "a", 1);
}

static void the_three_formats_are_told_apart(void **state)
{
	/* rfc5944-1.11-1 */
	struct mip_extensions extensions;
	const struct mip_extension *vendor, *error;

	(void)state;
	assert_int_equal(READ("\x26\x63\0\x07\0\0\0\x09\0\x02z\x2d\x02\0\x45\x86\x08\0\0\0\0\0\x09\0\x02",
				 &extensions),
		0);
	vendor = mip_extension_of(&extensions, MIP_SLOT_CRITICAL_VENDOR);
	error = mip_extension_of(&extensions, MIP_SLOT_FOREIGN_AGENT_ERROR);
	assert_non_null(vendor);
	assert_int_equal(vendor->data_length, 7);
	assert_int_equal(vendor->length, 11);
	assert_non_null(error);
	assert_int_equal(error->data_length, 1);
	assert_int_equal(error->data[0], 69);
	assert_non_null(mip_extension_of(&extensions, MIP_SLOT_VENDOR));
}

static void wrong_lengths_of_known_ones_are_malformed(void **state)
{
	/* rfc5944-1.6-1 */
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\x20\x03\0\0\0", &extensions), -EBADMSG);
	assert_int_equal(READ("\x82\x01z", &extensions), -EBADMSG);
	assert_int_equal(READ("\x2d\x03\0\x45\x45", &extensions), -EBADMSG);
	assert_int_equal(READ("\x2c\x05\0\0\0\0\0", &extensions), -EBADMSG);
	assert_int_equal(READ("\x2c\x07\0\0\0\0\0\0\0", &extensions), -EBADMSG);
	assert_int_equal(READ("\x89\x05\0\0\0\0\0", &extensions), -EBADMSG);
	assert_int_equal(READ("\x24\x01\0\x13"
			      "0123456789abcdefghi",
				 &extensions),
		-EBADMSG);
	assert_int_equal(READ("\x24\x01\0\x14"
			      "0123456789abcdefghij",
				 &extensions),
		0);
}

static void a_dynamic_home_agent_comes_in_either_format(void **state)
{
	struct mip_extensions extensions;
	const struct mip_extension *extension;

	(void)state;
	assert_int_equal(READ("\x8b\x02\0\x04\x0a\x09\0\x01", &extensions), 0);
	extension = mip_extension_of(&extensions, MIP_SLOT_REDIRECTED_HOME_AGENT);
	assert_non_null(extension);
	assert_int_equal(extension->subtype, 2);
	assert_memory_equal(extension->data, "\x0a\x09\0\x01", 4);
	assert_int_equal(READ("\x8b\x05\x01\x0a\x09\0\x01", &extensions), 0);
	extension = mip_extension_of(&extensions, MIP_SLOT_REQUESTED_HOME_AGENT);
	assert_non_null(extension);
	assert_int_equal(extension->subtype, 1);
	assert_memory_equal(extension->data, "\x0a\x09\0\x01", 4);
}

/* RFC 4433 3.4, figure 1: type, sub-type, a length of 16 bits that is always 4, the address. */
static void a_dynamic_home_agent_is_written_as_the_figure_has_it(void **state)
{
	uint8_t octets[16];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_extensions extensions;

	(void)state;
	mip_dynamic_home_agent_write(&writer, MIP_REQUESTED_HOME_AGENT, mip_address_of(0x0a010001));
	mip_dynamic_home_agent_write(&writer, MIP_REDIRECTED_HOME_AGENT, mip_address_of(0x0a010002));
	assert_false(mip_writer_failed(&writer));
	assert_int_equal(writer.length, 16);
	assert_memory_equal(octets, "\x8b\x01\0\x04\x0a\x01\0\x01\x8b\x02\0\x04\x0a\x01\0\x02", 16);
	assert_int_equal(READ("\x8b\x01\0\x04\x0a\x01\0\x01\x8b\x02\0\x04\x0a\x01\0\x02", &extensions), 0);
	assert_int_equal(mip_address_number(mip_dynamic_home_agent_read(
				 mip_extension_of(&extensions, MIP_SLOT_REQUESTED_HOME_AGENT))),
		0x0a010001);
	assert_int_equal(mip_address_number(mip_dynamic_home_agent_read(
				 mip_extension_of(&extensions, MIP_SLOT_REDIRECTED_HOME_AGENT))),
		0x0a010002);
	/* Another sub-type is none that we know: the extension is skippable. */
	assert_int_equal(READ("\x8b\x03\0\x04\x0a\x01\0\x01", &extensions), 0);
	assert_int_equal(extensions.skipped, 1);
	assert_int_equal(READ("\x8b\x01\0\x03\x0a\x01\0", &extensions), -EBADMSG);
}

/* rfc3519-3.1-1, rfc3519-3.1-2, rfc3519-3.1-3, rfc3519-3.1.3-1 */
static void a_udp_tunnel_request_with_reserved_3_counts_as_unknown(void **state)
{
	struct mip_udp_tunnel_request request;
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\x90\x06\0\xff\xff\x2f\0\0", &extensions), 0);
	assert_true(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	assert_int_equal(
		mip_udp_tunnel_request_read(&extensions.slot[MIP_SLOT_UDP_TUNNEL_REQUEST], &request), 0);
	assert_true(request.force);
	assert_true(request.through_foreign_agent);
	assert_int_equal(request.encapsulation, 47);
	assert_int_equal(READ("\x90\x06\0\0\0\0\0\x01", &extensions), 0);
	assert_false(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	assert_int_equal(extensions.skipped, 1);
}

/* rfc3519-3.1-1, rfc3519-3.1-2, rfc3519-3.1-3, rfc3519-3.2-4 */
static void udp_tunnel_extensions_are_written_as_rfc_3519_draws(void **state)
{
	/* rfc5944-1.11-1 */
	struct mip_udp_tunnel_request request = {.force = true, .encapsulation = 4};
	struct mip_udp_tunnel_reply read, reply = {.code = 64, .forced = true, .keepalive_interval = 110};
	struct mip_extensions extensions;
	uint8_t octets[16];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_udp_tunnel_request_write(&writer, &request);
	mip_udp_tunnel_reply_write(&writer, &reply);
	assert_int_equal(writer.length, 16);
	assert_memory_equal(octets, "\x90\x06\0\0\x80\x04\0\0\x2c\x06\0\x40\x80\0\0\x6e", 16);
	assert_int_equal(read_all(octets, 16, &extensions), 0);
	assert_int_equal(mip_udp_tunnel_reply_read(&extensions.slot[MIP_SLOT_UDP_TUNNEL_REPLY], &read), 0);
	assert_int_equal(read.code, 64);
	assert_true(read.forced);
	assert_int_equal(read.keepalive_interval, 110);
	assert_int_equal(
		mip_udp_tunnel_reply_read(&extensions.slot[MIP_SLOT_UDP_TUNNEL_REQUEST], &read), -EBADMSG);
	/* The reserved bits of a reply are ignored. */
	assert_int_equal(READ("\x2c\x06\0\0\x3f\xff\0\x0a", &extensions), 0);
	assert_int_equal(mip_udp_tunnel_reply_read(&extensions.slot[MIP_SLOT_UDP_TUNNEL_REPLY], &read), 0);
	assert_int_equal(read.code, 0);
	assert_false(read.forced);
	assert_int_equal(read.keepalive_interval, 10);
}

static void data_that_no_format_holds_fails_the_writer(void **state)
{
	static const uint8_t data[256];
	uint8_t octets[600];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, data, 255);
	mip_extension_write_short(&writer, 200, 1, data, 254);
	mip_extension_write_long(&writer, 36, 1, data, 0);
	assert_false(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, sizeof(octets));
	mip_extension_write(&writer, MIP_EXTENSION_NODE_NAI, data, 256);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, sizeof(octets));
	mip_extension_write_short(&writer, 200, 1, data, 255);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, sizeof(octets));
	assert_null(mip_authentication_write(&writer, 32, 0, 256, 252));
}

static void only_authentication_extensions_are_read_as_such(void **state)
{
	/* rfc5944-1.6-1 */
	struct mip_authentication authentication;
	struct mip_extensions extensions;

	(void)state;
	assert_int_equal(READ("\x84\x08"
			      "abcdefgh",
				 &extensions),
		0);
	assert_int_equal(
		mip_authentication_read(&extensions.slot[MIP_SLOT_CHALLENGE], &authentication), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_count_from_the_message),
		cmocka_unit_test(padding_is_passed_over),
		cmocka_unit_test(an_extension_past_the_end_is_malformed),
		cmocka_unit_test(an_unknown_one_is_skipped_from_128_on),
		cmocka_unit_test(an_unknown_one_below_128_spoils_the_message),
		cmocka_unit_test(the_first_of_a_kind_stands_and_all_are_counted),
		cmocka_unit_test(the_three_formats_are_told_apart),
		cmocka_unit_test(wrong_lengths_of_known_ones_are_malformed),
		cmocka_unit_test(a_dynamic_home_agent_comes_in_either_format),
		cmocka_unit_test(a_dynamic_home_agent_is_written_as_the_figure_has_it),
		cmocka_unit_test(a_udp_tunnel_request_with_reserved_3_counts_as_unknown),
		cmocka_unit_test(udp_tunnel_extensions_are_written_as_rfc_3519_draws),
		cmocka_unit_test(data_that_no_format_holds_fails_the_writer),
		cmocka_unit_test(only_authentication_extensions_are_read_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

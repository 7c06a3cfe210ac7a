/* Messages as text and as JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "advertisement.h"
#include "extension.h"
#include "print.h"

static const uint8_t request[] = {1, 0x22, 0x02, 0x58, 10, 1, 0, 50, 10, 1, 0, 1, 10, 2, 0, 1, 0xe0, 1, 2, 3,
	4, 5, 6, 7, 131, 3, 'a', '"', 0xff, 32, 6, 0, 0, 3, 0xe8, 0xab, 0xcd};

static char characters[65536];

static const char *message_text(const void *octets, size_t length)
{
	struct mip_text text = mip_text_of(characters, sizeof(characters));

	mip_print_message(&text, octets, length);
	return characters;
}

static const char *message_json(const void *octets, size_t length)
{
	struct mip_text text = mip_text_of(characters, sizeof(characters));

	mip_print_message_json(&text, octets, length);
	return characters;
}

static void a_request_is_one_line(void **state)
{
	(void)state;
	assert_string_equal(message_text(request, sizeof(request)),
		"registration-request flags=DT lifetime=600 home_address=10.1.0.50 home_agent=10.1.0.1"
		" care_of_address=10.2.0.1 identification=e001020304050607"
		"; mobile-node-nai type=131 nai=\"a\\\"\xef\xbf\xbd\""
		"; mobile-home-authentication type=32 spi=1000 authenticator=abcd");
}

static void a_request_is_a_json_object(void **state)
{
	(void)state;
	assert_string_equal(message_json(request, sizeof(request)),
		"{\"message\":\"registration-request\",\"flags\":\"DT\",\"lifetime\":600,"
		"\"home_address\":\"10.1.0.50\",\"home_agent\":\"10.1.0.1\",\"care_of_address\":\"10.2.0.1\","
		"\"identification\":\"e001020304050607\",\"extensions\":["
		"{\"extension\":\"mobile-node-nai\",\"type\":131,\"nai\":\"a\\\"\xef\xbf\xbd\"},"
		"{\"extension\":\"mobile-home-authentication\",\"type\":32,\"spi\":1000,"
		"\"authenticator\":\"abcd\"}],\"malformed\":null}");
}

static void what_is_malformed_is_said(void **state)
{
	(void)state;
	assert_string_equal(message_text(request, 23), "registration-request; malformed: cut short");
	assert_non_null(strstr(
		message_text(request, sizeof(request) - 1), "; malformed: an extension runs past the end"));
	assert_non_null(strstr(message_json(request, sizeof(request) - 1),
		"\"malformed\":\"an extension runs past the end\"}"));
	assert_string_equal(
		message_json("", 0), "{\"message\":\"unknown\",\"length\":0,\"malformed\":\"empty\"}");
}

static void an_unknown_extension_is_shown_as_octets(void **state)
{
	uint8_t octets[28];

	(void)state;
	memcpy(octets, request, 24);
	memcpy(octets + 24, "\xfe\x02\x01\x02", 4);
	assert_non_null(strstr(message_text(octets, 28), "; unknown type=254 data=0102"));
	octets[24] = 126;
	assert_non_null(strstr(message_text(octets, 28), "an unknown extension that may not be skipped"));
}

static void other_messages_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(message_text("\x04\x04\0\0zz", 6), "tunnel-data next_header=4 length=2");
	assert_string_equal(message_text("\x63z", 2), "unknown type=99 length=2");
	assert_string_equal(message_text("\x0f\0\x80\0\x0a\x01\0\x32\0\0\0\x07", 12),
		"revocation-acknowledgment inform=true home_address=10.1.0.50 identifier=7");
}

static void an_advertisement_is_printed_in_both_forms(void **state)
{
	struct mip_agent_advertisement advertisement = {.lifetime = 3,
		.router_count = 1,
		.is_agent = true,
		.sequence = 7,
		.registration_lifetime = 1800,
		.flags = MIP_AGENT_F,
		.care_of_address_count = 1,
		.prefix_length_count = 1,
		.prefix_lengths = {24}};
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_text text = mip_text_of(characters, sizeof(characters));

	(void)state;
	mip_advertisement_write(&writer, &advertisement);
	mip_print_discovery(&text, octets, writer.length);
	assert_string_equal(characters,
		"agent-advertisement code=0 lifetime=3 router=0.0.0.0 preference=0 prefix_length=24 flags=F"
		" sequence=7 registration_lifetime=1800 care_of_addresses=0.0.0.0");
	text = mip_text_of(characters, sizeof(characters));
	mip_print_discovery_json(&text, octets, writer.length);
	assert_string_equal(characters,
		"{\"message\":\"agent-advertisement\",\"code\":0,\"lifetime\":3,\"routers\":[{\"address\":"
		"\"0.0.0.0\",\"preference\":0,\"prefix_length\":24}],\"flags\":\"F\",\"sequence\":7,"
		"\"registration_lifetime\":1800,\"care_of_addresses\":[\"0.0.0.0\"],\"malformed\":null}");
	octets[9] ^= 1;
	text = mip_text_of(characters, sizeof(characters));
	mip_print_discovery(&text, octets, writer.length);
	assert_string_equal(characters, "advertisement; malformed: to be discarded");
}

static void a_small_buffer_cuts_and_says_so(void **state)
{
	char small[16];
	struct mip_text text = mip_text_of(small, sizeof(small));

	(void)state;
	mip_print_message(&text, request, sizeof(request));
	assert_true(text.cut);
	assert_string_equal(small, "registration-re");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_one_line),
		cmocka_unit_test(a_request_is_a_json_object),
		cmocka_unit_test(what_is_malformed_is_said),
		cmocka_unit_test(an_unknown_extension_is_shown_as_octets),
		cmocka_unit_test(other_messages_have_their_names),
		cmocka_unit_test(an_advertisement_is_printed_in_both_forms),
		cmocka_unit_test(a_small_buffer_cuts_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

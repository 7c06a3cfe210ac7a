/* Text without stdio. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "address.h"
#include "text.h"

static void pieces_are_put_together(void **state)
{
	char characters[128];
	struct mip_text text = mip_text_of(characters, sizeof(characters));

	(void)state;
	mip_text_add(&text, "a");
	mip_text_add_character(&text, ' ');
	mip_text_add_number(&text, 0);
	mip_text_add_character(&text, ' ');
	mip_text_add_number(&text, UINT64_MAX);
	mip_text_add_character(&text, ' ');
	mip_text_add_signed(&text, INT64_MIN);
	mip_text_add_character(&text, ' ');
	mip_text_add_hex(&text, 0xbeef, 6);
	mip_text_add_character(&text, ' ');
	mip_text_add_address(&text, mip_address_of(0x0a010032));
	mip_text_add_character(&text, ' ');
	mip_text_add_hex_octets(&text, (const uint8_t[]){0x00, 0xff, 0x1a}, 3);
	assert_string_equal(
		characters, "a 0 18446744073709551615 -9223372036854775808 00beef 10.1.0.50 00ff1a");
	assert_int_equal(text.length, strlen(characters));
	assert_false(text.cut);
}

static void what_does_not_fit_is_cut_and_said(void **state)
{
	char characters[8] = "xxxxxxx";
	struct mip_text text = mip_text_of(characters, 5);

	(void)state;
	assert_string_equal(characters, "");
	mip_text_add(&text, "abcd");
	assert_false(text.cut);
	mip_text_add(&text, "");
	assert_false(text.cut);
	mip_text_add(&text, "efg");
	assert_true(text.cut);
	assert_string_equal(characters, "abcd");
	assert_int_equal(characters[5], 'x');
}

static void nothing_follows_a_cut(void **state)
{
	char characters[4];
	struct mip_text text = mip_text_of(characters, sizeof(characters));

	(void)state;
	mip_text_add(&text, "ab");
	mip_text_add_number(&text, 12345);
	mip_text_add(&text, "z");
	assert_string_equal(characters, "ab1");
	text = mip_text_of(characters, 1);
	mip_text_add(&text, "a");
	assert_true(text.cut);
	assert_string_equal(characters, "");
}

static void assert_json(const char *characters, size_t length, const char *expected)
{
	char json[128];
	struct mip_text text = mip_text_of(json, sizeof(json));

	mip_text_add_json(&text, characters, length);
	assert_string_equal(json, expected);
}

static void a_json_string_is_escaped(void **state)
{
	(void)state;
	assert_json("", 0, "\"\"");
	assert_json("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	assert_json("\n\r\t\x01\x1f\0", 6, "\"\\n\\r\\t\\u0001\\u001f\\u0000\"");
	assert_json("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\x9e", 15,
		"\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\x9e\"");
}

static void octets_that_are_no_utf8_are_replaced_one_by_one(void **state)
{
	static const char bad[] = "\xef\xbf\xbd";
	static const struct {
		const char *octets;
		size_t length;
		int replaced;
	} rows[] = {
		{"\x80", 1, 1},		    /* a continuation alone */
		{"\xff", 1, 1},		    /* never in UTF-8 */
		{"\xc3", 1, 1},		    /* cut short */
		{"\xe2\x82", 2, 2},	    /* cut short */
		{"\xc0\xaf", 2, 2},	    /* overlong / */
		{"\xe0\x9f\xbf", 3, 3},	    /* overlong */
		{"\xed\xa0\x80", 3, 3},	    /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 4}, /* beyond U+10FFFF */
		{"\xf0\x8f\xbf\xbf", 4, 4}, /* overlong */
	};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(rows); i++) {
		char expected[32] = "\"";

		for (int n = 0; n < rows[i].replaced; n++)
			strcat(expected, bad);
		strcat(expected, "\"");
		assert_json(rows[i].octets, rows[i].length, expected);
	}
	assert_json("\xc3(", 2, "\"\xef\xbf\xbd(\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_put_together),
		cmocka_unit_test(what_does_not_fit_is_cut_and_said),
		cmocka_unit_test(nothing_follows_a_cut),
		cmocka_unit_test(a_json_string_is_escaped),
		cmocka_unit_test(octets_that_are_no_utf8_are_replaced_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

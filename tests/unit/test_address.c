/* Addresses, prefixes and keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"

static struct mip_address address(const char *text)
{
	struct mip_address result;

	assert_int_equal(mip_address_read(text, &result), 0);
	return result;
}

static struct mip_prefix prefix(const char *text)
{
	struct mip_prefix result;

	assert_int_equal(mip_prefix_read(text, &result), 0);
	return result;
}

static void numbers_turn_between_the_two_orders(void **state)
{
	uint8_t octets[4] = {10, 1, 0, 50};
	struct mip_address a;
	uint16_t two;

	(void)state;
	memcpy(&a.value, octets, 4);
	assert_int_equal(mip_address_number(a), 0x0a010032);
	assert_int_equal(mip_address_of(0x0a010032).value, a.value);
	memcpy(&two, (const uint8_t[]){0x12, 0x34}, 2);
	assert_int_equal(mip_swap16(0x1234), two);
	assert_int_equal(mip_swap32(mip_swap32(0x12345678)), 0x12345678);
}

static void an_address_is_read_in_full_and_as_decimal_only(void **state)
{
	static const char *const wrong[] = {"", "10", "10.1.0", "10.1.0.", "10.1.0.1.", "10.1.0.1 ",
		" 10.1.0.1", "10.1.0.256", "10.1.0.-1", "10.1.0.+1", "010.1.0.1", "10.01.0.1", "0x0a.1.0.1",
		"10..0.1", "a.b.c.d", "10.1.0.1/24", "4294967306.1.0.1", "10.1.0.00"};
	struct mip_address untouched = {.value = 7};

	(void)state;
	assert_int_equal(mip_address_number(address("10.1.0.1")), 0x0a010001);
	assert_int_equal(mip_address_number(address("0.0.0.0")), 0);
	assert_int_equal(mip_address_number(address("255.255.255.255")), 0xffffffff);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(wrong); i++)
		assert_int_equal(mip_address_read(wrong[i], &untouched), -EINVAL);
	assert_int_equal(mip_address_read(NULL, &untouched), -EINVAL);
	assert_int_equal(untouched.value, 7);
}

static void a_prefix_is_read_with_its_host_bits_clear(void **state)
{
	static const char *const wrong[] = {"10.1.0.0", "10.1.0.0/", "10.1.0.0/33", "10.1.0.1/24",
		"10.1.0.0/-1", "10.1.0.0/024", "10.1.0.0/24 ", "/24", "1.2.3.4/0"};
	struct mip_prefix untouched = {.length = 9};

	(void)state;
	assert_true(mip_prefix_equal(prefix("10.1.0.0/24"), mip_prefix_of(address("10.1.0.77"), 24)));
	assert_int_equal(prefix("0.0.0.0/0").length, 0);
	assert_int_equal(prefix("10.1.0.50/32").address.value, address("10.1.0.50").value);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(wrong); i++)
		assert_int_equal(mip_prefix_read(wrong[i], &untouched), -EINVAL);
	assert_int_equal(mip_prefix_read(NULL, &untouched), -EINVAL);
	assert_int_equal(untouched.length, 9);
}

static void a_prefix_holds_its_addresses_and_no_others(void **state)
{
	(void)state;
	assert_true(mip_prefix_contains(prefix("10.1.0.0/24"), address("10.1.0.255")));
	assert_false(mip_prefix_contains(prefix("10.1.0.0/24"), address("10.1.1.0")));
	assert_true(mip_prefix_contains(prefix("0.0.0.0/0"), address("192.0.2.1")));
	assert_true(mip_prefix_contains(prefix("10.1.0.50/32"), address("10.1.0.50")));
	assert_false(mip_prefix_contains(prefix("10.1.0.50/32"), address("10.1.0.51")));
	assert_false(mip_prefix_equal(prefix("10.1.0.0/24"), prefix("10.1.0.0/25")));
	assert_false(mip_prefix_equal(prefix("10.1.0.0/24"), prefix("10.1.1.0/24")));
	assert_int_equal(mip_prefix_broadcast(prefix("10.1.0.0/23")).value, address("10.1.1.255").value);
	assert_int_equal(mip_prefix_broadcast(prefix("10.1.0.1/32")).value, address("10.1.0.1").value);
	assert_int_equal(mip_prefix_of(address("10.1.2.3"), 40).length, 32);
}

static void classes_of_addresses_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		bool unicast, multicast, loopback, broadcast;
	} rows[] = {
		{"0.0.0.0", false, false, false, false},
		{"0.255.0.1", false, false, false, false},
		{"1.0.0.0", true, false, false, false},
		{"126.255.255.255", true, false, false, false},
		{"127.0.0.1", false, false, true, false},
		{"128.0.0.1", true, false, false, false},
		{"223.255.255.255", true, false, false, false},
		{"224.0.0.1", false, true, false, false},
		{"239.255.255.255", false, true, false, false},
		{"240.0.0.0", false, false, false, false},
		{"255.255.255.255", false, false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(rows); i++) {
		struct mip_address a = address(rows[i].text);

		assert_int_equal(mip_address_is_unicast(a), rows[i].unicast);
		assert_int_equal(mip_address_is_multicast(a), rows[i].multicast);
		assert_int_equal(mip_address_is_loopback(a), rows[i].loopback);
		assert_int_equal(mip_address_is_broadcast(a), rows[i].broadcast);
	}
	assert_true(mip_address_is_none(address("0.0.0.0")));
	assert_true(mip_address_equal(address("1.2.3.4"), mip_address_of(0x01020304)));
}

static void text_of_addresses_reads_as_people_write_it(void **state)
{
	char endpoint[MIP_ENDPOINT_TEXT];
	char text[MIP_PREFIX_TEXT];
	struct mip_link_address link = {.length = 6, .octets = {0x02, 0, 0xab, 0, 0xff, 1}};
	struct mip_link_address longest = {.length = 8, .octets = {1, 2, 3, 4, 5, 6, 7, 8}};

	(void)state;
	assert_string_equal(MIP_TEXT(address("255.255.255.255")), "255.255.255.255");
	assert_string_equal(MIP_TEXT(address("0.0.0.0")), "0.0.0.0");
	assert_string_equal(mip_prefix_text(prefix("255.255.255.255/32"), text), "255.255.255.255/32");
	assert_string_equal(
		mip_endpoint_text(address("255.255.255.255"), 65535, endpoint), "255.255.255.255:65535");
	assert_string_equal(MIP_LINK_TEXT(link), "02:00:ab:00:ff:01");
	assert_string_equal(MIP_LINK_TEXT(longest), "01:02:03:04:05:06:07:08");
	assert_string_equal(MIP_LINK_TEXT((struct mip_link_address){0}), "");
}

static void link_addresses_are_equal_in_length_and_octets(void **state)
{
	struct mip_link_address a = {.length = 6, .octets = {2, 0, 0, 0, 0, 1}};
	struct mip_link_address b = a;

	(void)state;
	assert_true(mip_link_address_equal(a, b));
	b.octets[5] = 2;
	assert_false(mip_link_address_equal(a, b));
	b = a;
	b.length = 5;
	assert_false(mip_link_address_equal(a, b));
	assert_true(mip_link_address_equal((struct mip_link_address){0}, (struct mip_link_address){0}));
}

static void a_key_is_copied_whole_and_cleared_empty(void **state)
{
	uint8_t octets[] = {1, 2, 3};
	struct mip_key key = {.octets = octets, .length = 3};
	struct mip_key copy;

	(void)state;
	assert_int_equal(mip_key_copy(&key, &copy), 0);
	assert_ptr_not_equal(copy.octets, octets);
	assert_int_equal(copy.length, 3);
	assert_memory_equal(copy.octets, octets, 3);
	mip_key_clear(&copy);
	assert_null(copy.octets);
	assert_int_equal(copy.length, 0);
	assert_int_equal(mip_key_copy(&copy, &key), 0);
	assert_null(key.octets);
	mip_key_clear(&key);
	mip_key_clear(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_turn_between_the_two_orders),
		cmocka_unit_test(an_address_is_read_in_full_and_as_decimal_only),
		cmocka_unit_test(a_prefix_is_read_with_its_host_bits_clear),
		cmocka_unit_test(a_prefix_holds_its_addresses_and_no_others),
		cmocka_unit_test(classes_of_addresses_are_told_apart),
		cmocka_unit_test(text_of_addresses_reads_as_people_write_it),
		cmocka_unit_test(link_addresses_are_equal_in_length_and_octets),
		cmocka_unit_test(a_key_is_copied_whole_and_cleared_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

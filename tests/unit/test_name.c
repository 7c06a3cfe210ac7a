/* Names of enums, and events, which are little else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"
#include "event.h"
#include "name.h"

static const struct mip_name table[] = {{3, "three"}, {-1, "minus one"}, {0, NULL}};

static void values_have_names(void **state)
{
	(void)state;
	assert_string_equal(mip_name_of(table, 3, "?"), "three");
	assert_string_equal(mip_name_of(table, -1, "?"), "minus one");
	assert_string_equal(mip_name_of(table, 0, "?"), "?");
	assert_null(mip_name_of(table, 4, NULL));
}

static void names_have_values(void **state)
{
	int value = 77;

	(void)state;
	assert_int_equal(mip_name_find(table, "thre", &value), -ENOENT);
	assert_int_equal(value, 77);
	assert_int_equal(mip_name_find(table, "minus one", &value), 0);
	assert_int_equal(value, -1);
}

static void an_event_carries_its_fields_in_order(void **state)
{
	struct mip_event event = mip_event_of("binding_added");
	char longer[MIP_FIELD_STRING_SIZE + 10];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	mip_event_null(&event, "nothing");
	mip_event_boolean(&event, "yes", true);
	mip_event_number(&event, "number", -5);
	mip_event_string(&event, "string", longer);
	mip_event_string(&event, "no string", NULL);
	mip_event_address(&event, "address", mip_address_of(0x0a010032));
	assert_string_equal(event.name, "binding_added");
	assert_int_equal(event.count, 6);
	assert_int_equal(event.fields[0].type, MIP_FIELD_NULL);
	assert_true(event.fields[1].boolean);
	assert_int_equal(event.fields[2].number, -5);
	assert_int_equal(strlen(event.fields[3].string), MIP_FIELD_STRING_SIZE - 1);
	assert_int_equal(event.fields[4].type, MIP_FIELD_NULL);
	assert_int_equal(mip_address_number(event.fields[5].address), 0x0a010032);
	assert_string_equal(event.fields[5].name, "address");
}

static void a_field_beyond_the_last_place_is_left_out(void **state)
{
	struct mip_event event = mip_event_of("full");

	(void)state;
	for (int i = 0; i < MIP_EVENT_FIELDS + 3; i++)
		mip_event_number(&event, "n", i);
	mip_event_null(&event, "n");
	mip_event_boolean(&event, "n", true);
	mip_event_string(&event, "n", "text");
	mip_event_address(&event, "n", mip_address_of(1));
	assert_int_equal(event.count, MIP_EVENT_FIELDS);
	assert_int_equal(event.fields[MIP_EVENT_FIELDS - 1].number, MIP_EVENT_FIELDS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_names),
		cmocka_unit_test(names_have_values),
		cmocka_unit_test(an_event_carries_its_fields_in_order),
		cmocka_unit_test(a_field_beyond_the_last_place_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

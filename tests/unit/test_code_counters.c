/*
 * The contract: "each reply code" is counted by itself, by the home agent that sends it and by the foreign agent that sends
 * or relays it (rfc5944-1.7-1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fa_counter.h"
#include "ha_counter.h"
#include "registration.h"

/* Of RFC 3957 and RFC 4857, whose requests nobody here makes or takes; they come from foreign agents, so none is relayed. */
static bool is_nobodys(uint8_t code)
{
	return code == MIP_CODE_FA_MISSING_KEY || code == MIP_CODE_FA_NO_HOME_REGISTRATION ||
	       (code >= MIP_CODE_FA_REPLAY_PROTECTION_UNAVAILABLE &&
		       code <= MIP_CODE_FA_GATEWAY_PORT_UNREACHABLE);
}

static bool is_known(unsigned code)
{
	return strcmp(mip_code_text((uint8_t)code), "unknown code") != 0;
}

static void the_home_agent_counts_each_code_that_it_sends(void **state)
{
	char name[16];
	unsigned count = 0;

	(void)state;
	for (unsigned code = 0; code <= MIP_CODE_HA_BAD_AAA_AUTHENTICATION; code++) {
		if (!is_known(code) || (code > 1 && code < MIP_CODE_HA_UNSPECIFIED))
			continue;
		(void)snprintf(name, sizeof(name), "reply_%u", code);
		assert_true(ha_counter_of_code((uint8_t)code) < HA_COUNTER_COUNT);
		assert_string_equal(ha_counter_names[ha_counter_of_code((uint8_t)code)].name, name);
		count++;
	}
	assert_int_equal(count, 2 + 17);
}

static void the_foreign_agent_counts_each_code_that_it_sends_or_relays(void **state)
{
	char name[16];
	unsigned count = 0;

	(void)state;
	for (unsigned code = 0; code <= UINT8_MAX; code++) {
		if (!is_known(code) || is_nobodys((uint8_t)code))
			continue;
		(void)snprintf(name, sizeof(name), "reply_%u", code);
		assert_string_equal(fa_counter_names[fa_counter_of_code((uint8_t)code)].name, name);
		count++;
	}
	assert_true(count > 50);
	assert_string_equal(
		fa_counter_names[fa_counter_of_code(MIP_CODE_FA_MISSING_KEY)].name, "replies_other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_home_agent_counts_each_code_that_it_sends),
		cmocka_unit_test(the_foreign_agent_counts_each_code_that_it_sends_or_relays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

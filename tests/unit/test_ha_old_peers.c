/*
 * Deployed foreign agents and mobile routers at the home agent, by configuration alone: keyed-md5
 * (prefix+suffix), SPI 256, lifetime 65534, GRE, requests relayed with TTL 255, identifications with any low
 * 32 bits, a Foreign-Home authentication on deregistrations too. And the order of the home agent's checks
 * (RFC 5944 3.8.2.1, 3.8.2.2).
 */
#include "ha_test.h"

#include <string.h>

#include "authenticator.h"
#include "replay.h"

static struct mip_association *old_association(uint32_t spi)
{
	static uint8_t key[16] = "0123456789abcdef";
	struct mip_association_settings settings = {.spi = spi,
		.algorithm = MIP_ALGORITHM_KEYED_MD5,
		.key = {.octets = key, .length = sizeof(key)}};
	struct mip_association *association;

	assert_int_equal(mip_association_new(&settings, &association), 0);
	return association;
}

static void an_old_router_registers_with_keyed_md5_spi_256_and_lifetime_65534(void **state)
{
	/* rfc5944-5.1-4 */
	struct world *world = *state;
	struct mip_association *old = old_association(256);
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;
	struct mip_authentication authentication;

	world->nodes[0].association = old;
	world->settings.max_lifetime = MIP_LIFETIME_INFINITE;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.security = old;
	ask.lifetime = 65534;
	ask.flags = MIP_REQUEST_G | MIP_REQUEST_T;
	ha_ask_send(world, &ask);
	answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(answer->fields.lifetime, 65534);
	assert_true(ha_answer_authentic(answer, MIP_SLOT_MOBILE_HOME_AUTHENTICATION, old));
	assert_int_equal(
		mip_authentication_read(
			&answer->extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION], &authentication),
		0);
	assert_int_equal(authentication.spi, 256);
	assert_int_equal(authentication.authenticator_length, 16);
	assert_int_equal(ha_only_binding(world).encapsulation, MIP_ENCAPSULATION_GRE);
	/* 65534 is a time like any other, not an infinite one. */
	assert_true(ha_only_binding(world).expires == world->now.boot + 65534 * MIP_SECOND);
	/* hmac-md5 with the same key is something else. */
	ask.security = world->wrong;
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_HA_NODE_FAILED_AUTHENTICATION);
	mip_association_unref(old);
}

static void the_low_half_of_an_identification_may_be_anything(void **state)
{
	struct world *world = *state;
	static const uint32_t low[] = {0, 1, 0x80000000, 0xffffffff, 0x12345678};
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(low); i++) {
		ha_world_pass(world, 2 * MIP_SECOND);
		ha_world_clear_outputs(world);
		ask.identification = (mip_ntp_of(world->now.wall) >> 32) << 32 | low[i];
		ha_ask_send(world, &ask);
		answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
		assert_true(answer->fields.identification == ask.identification);
	}
}

static void an_old_foreign_agent_authenticates_every_request_and_reply(void **state)
{
	struct world *world = *state;
	struct mip_association *old = old_association(256);
	struct ask ask = ha_ask_by_agent();
	const struct answer *answer;

	world->agents[0].association = old;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = old;
	for (int i = 0; i < 2; i++) {
		ask.lifetime = i == 0 ? 600 : -1;
		ha_world_pass(world, MIP_SECOND);
		ha_world_clear_outputs(world);
		ha_ask_send(world, &ask);
		answer = ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
		assert_true(ha_answer_authentic(answer, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION, old));
	}
	assert_int_equal(ha_core_binding_count(world->core), 0);
	mip_association_unref(old);
}

/* 3.6.1.3, 3.7.2.2: it is the foreign agent's, after the node's own. */
static void a_foreign_home_authentication_in_the_wrong_place_is_code_132(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	uint8_t message[MIP_REGISTRATION_MAX];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	ask.care_of = AGENT_ADDRESS;
	ask.no_security = true;
	writer.length = ha_ask_build(world, &ask, message, sizeof(message));
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, world->agent),
		0);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, world->node),
		0);
	ha_ask_deliver(world, &ask, message, writer.length);
	ha_answer_expect(world, MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* A request at which everything is wrong, and one fault after the other is taken away. */
static void the_checks_of_the_home_agent_stand_in_the_order_of_the_rfc(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	world->settings.gre = false;
	world->settings.reverse_tunnel = HA_REVERSE_TUNNEL_REFUSED;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	ask.unknown_extension = 99;
	ask.no_security = true;
	ask.home_address = mip_address_of(0x0a010077);
	ask.security = world->wrong;
	ask.identification = 1;
	ask.source = AGENT_ADDRESS;
	ask.foreign_home = world->wrong;
	ask.home_agent = mip_address_of(0x0a010002);
	ask.raw_flags = MIP_REQUEST_X;
	ask.critical_vendor = true;
	ask.flags = MIP_REQUEST_G | MIP_REQUEST_T;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unknown_extension"), 1);
	ask.unknown_extension = 0;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_no_authentication"), 1);
	ask.no_security = false;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_unknown_node"), 1);
	/* a. With an association the agent's own authenticator must be right, or there is silence. */
	ask.home_address = NODE_ADDRESS;
	ha_ask_send(world, &ask);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "drop_authentication_failed"), 1);
	ask.foreign_home = world->agent;
	ha_ask_expect(world, &ask, 131);
	ask.foreign_home = world->wrong;
	ask.security = NULL;
	ha_ask_expect(world, &ask, 133); /* b. */
	ask.identification = 0;
	ha_ask_expect(world, &ask, 132); /* c. */
	ask.foreign_home = world->agent;
	ha_ask_expect(world, &ask, 136);
	ask.home_agent = (struct mip_address){0};
	ha_ask_expect(world, &ask, 134);
	ask.raw_flags = 0;
	ha_ask_expect(world, &ask, 140);
	ask.critical_vendor = false;
	ha_ask_expect(world, &ask, 139);
	ask.flags = MIP_REQUEST_T;
	ha_ask_expect(world, &ask, 137); /* RFC 3024 4.3.1: as a last check */
	ask.flags = 0;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_old_router_registers_with_keyed_md5_spi_256_and_lifetime_65534),
		TEST(the_low_half_of_an_identification_may_be_anything),
		TEST(an_old_foreign_agent_authenticates_every_request_and_reply),
		TEST(a_foreign_home_authentication_in_the_wrong_place_is_code_132),
		TEST(the_checks_of_the_home_agent_stand_in_the_order_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The edges of the home agent's machine: settings that contradict themselves, what is seen of bindings without an end,
 * names that do not count, packets that are no keep-alive.
 */
#include "ha_test.h"

#include <errno.h>
#include <string.h>

#include "ha_counter.h"

static int configure(struct world *world, const struct ha_settings *settings)
{
	return ha_core_configure(world->core, settings, world->now);
}

static void settings_that_contradict_themselves_are_refused_and_change_nothing(void **state)
{
	struct world *world = *state;
	struct ha_settings settings = world->settings;
	struct ha_core *core = NULL;
	struct ask ask = ha_ask_co_located();

	settings.address = (struct mip_address){0};
	assert_int_equal(configure(world, &settings), -EINVAL);
	assert_int_equal(ha_core_new(&settings, &(struct mip_random){.fill = NULL}, NULL, &core), -EINVAL);
	assert_null(core);
	settings = world->settings;
	settings.max_lifetime = 0;
	assert_int_equal(configure(world, &settings), -EINVAL);
	settings = world->settings;
	settings.max_simultaneous_bindings = HA_SIMULTANEOUS_MOST + 1;
	assert_int_equal(configure(world, &settings), -EINVAL);
	settings = world->settings;
	settings.pool_first = POOL_LAST;
	settings.pool_last = POOL_FIRST;
	assert_int_equal(configure(world, &settings), -EINVAL);
	settings = world->settings;
	settings.revocation = (struct mip_revocation_settings){.enabled = true};
	assert_int_equal(configure(world, &settings), -EINVAL);
	settings.revocation.attempts = MIP_REVOKER_ATTEMPTS_MAX + 1;
	assert_int_equal(configure(world, &settings), -EINVAL);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_true(ha_has_binding(world, NODE_ADDRESS));
}

static void two_nodes_of_one_address_are_refused(void **state)
{
	struct world *world = *state;
	struct ha_settings settings = world->settings;

	world->nodes[5] = world->nodes[0];
	settings.node_count = 6;
	assert_int_equal(configure(world, &settings), -EEXIST);
}

static void a_code_that_is_not_the_home_agents_has_no_counter(void **state)
{
	(void)state;
	assert_int_equal(ha_counter_of_code(MIP_CODE_FA_UNSPECIFIED), HA_COUNTER_COUNT);
	assert_int_equal(ha_counter_of_code(MIP_CODE_HA_BAD_AAA_AUTHENTICATION + 1), HA_COUNTER_COUNT);
	assert_int_equal(ha_counter_of_code(MIP_CODE_ACCEPTED_NO_SIMULTANEOUS), HA_COUNTER_REPLY_1);
	assert_int_equal(ha_counter_of_code(MIP_CODE_HA_UNSPECIFIED), HA_COUNTER_REPLY_128);
}

/* Through the tunnel: fragments, other protocols, echo replies, cut ones, of others. */
static void what_is_no_keepalive_is_left_to_the_data_plane(void **state)
{
	struct world *world = *state;
	uint8_t echo[8] = {MIP_ICMP_ECHO_REQUEST}, message[128];
	struct mip_ip variants[] = {
		{.ttl = 64, .protocol = MIP_PROTOCOL_UDP, .source = NODE_ADDRESS, .destination = HA_ADDRESS},
		{.ttl = 64,
			.protocol = MIP_PROTOCOL_ICMP,
			.source = NODE_ADDRESS,
			.destination = HA_ADDRESS,
			.more_fragments = true},
		{.ttl = 64,
			.protocol = MIP_PROTOCOL_ICMP,
			.source = NODE_ADDRESS,
			.destination = HA_ADDRESS,
			.fragment_offset = 8},
		{.ttl = 64, .protocol = MIP_PROTOCOL_ICMP, .source = OTHER_AGENT, .destination = HA_ADDRESS},
	};
	struct mip_input_datagram datagram = {
		.source = NAT_ADDRESS, .source_port = 4000, .destination = HA_ADDRESS, .octets = message};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(variants); i++) {
		struct mip_writer writer = mip_writer_of(message, sizeof(message));

		mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
		mip_ip_packet_write(&writer, &variants[i], echo, sizeof(echo));
		datagram.length = writer.length;
		assert_false(ha_core_tunnel_data(world->core, &datagram, world->now));
		message[1] = MIP_PROTOCOL_GRE;
		assert_false(ha_core_tunnel_data(world->core, &datagram, world->now));
		datagram.length = 2;
		assert_false(ha_core_tunnel_data(world->core, &datagram, world->now));
	}
}

/* --- a lifetime without an end -------------------------------------------------------------------- */

struct kept {
	char key[MIP_RECORD_KEY];
	uint8_t octets[2048];
	size_t length;
};

static size_t keep_all(struct world *world, struct kept *kept, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];

		if (output->kind != MIP_OUTPUT_KEEP)
			continue;
		assert_true(count < most && output->length <= sizeof(kept[0].octets));
		memcpy(kept[count].key, output->key, sizeof(kept[count].key));
		memcpy(kept[count].octets, output->octets, output->length);
		kept[count++].length = output->length;
	}
	return count;
}

static void start_again(struct world *world, const struct kept *kept, size_t count)
{
	ha_core_free(world->core);
	world->core = NULL;
	ha_world_clear_outputs(world);
	ha_world_make(world);
	for (size_t i = 0; i < count; i++)
		ha_core_record(world->core, kept[i].key, kept[i].octets, kept[i].length, world->now);
	ha_world_begin(world);
	ha_world_clear_outputs(world);
}

static void a_binding_without_an_end_lasts_over_a_restart_unless_the_settings_now_bound_it(void **state)
{
	static struct kept kept[8];
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	size_t count;

	world->settings.max_lifetime = MIP_LIFETIME_INFINITE;
	assert_int_equal(configure(world, &world->settings), 0);
	ha_world_link(world, true);
	ha_world_address(world, HA_ADDRESS, 24, true);
	ha_world_clear_outputs(world);
	ask.lifetime = MIP_LIFETIME_INFINITE;
	ha_ask_send(world, &ask);
	assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	count = keep_all(world, kept, MIP_ARRAY_SIZE(kept));
	assert_true(count > 0);
	assert_int_equal(ha_only_binding(world).lifetime, MIP_LIFETIME_INFINITE);
	assert_true(ha_only_binding(world).expires == MIP_NEVER);
	start_again(world, kept, count);
	assert_true(ha_only_binding(world).expires == MIP_NEVER);
	ha_world_pass(world, 200000 * MIP_SECOND);
	assert_true(ha_has_binding(world, NODE_ADDRESS));
	/* Settings that know no such lifetime any more bound it. */
	world->settings.max_lifetime = 1800;
	start_again(world, kept, count);
	assert_true(ha_only_binding(world).expires <= world->now.boot + 1800 * MIP_SECOND);
	ha_world_pass(world, 1801 * MIP_SECOND);
	assert_false(ha_has_binding(world, NODE_ADDRESS));
}

/* --- addresses that are given out ------------------------------------------------------------------ */

static struct ask ask_of(const struct mip_association *association, const char *nai)
{
	struct ask ask = ha_ask_co_located();

	ask.no_home_address = true;
	ask.nai = nai;
	ask.security = association;
	return ask;
}

static void without_a_pool_or_with_an_empty_one_no_address_is_given(void **state)
{
	struct world *world = *state;
	struct ask alice = ask_of(world->alice, "alice@example.org"),
		   bob = ask_of(world->bob, "bob@example.org");

	/* One address, and it is alice's as long as she is bound. */
	world->settings.pool_last = world->settings.pool_first;
	assert_int_equal(configure(world, &world->settings), 0);
	ha_world_clear_outputs(world);
	ha_ask_send(world, &alice);
	assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	ha_world_clear_outputs(world);
	ha_ask_send(world, &bob);
	assert_false(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	ha_world_clear_outputs(world);
	world->settings.pool_first = world->settings.pool_last = (struct mip_address){0};
	assert_int_equal(configure(world, &world->settings), 0);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	bob.identification = 0;
	ha_ask_send(world, &bob);
	assert_false(mip_code_is_accepted(ha_answer_take(world)->fields.code));
}

/* --- broadcasts ------------------------------------------------------------------------------------ */

/* Said on the home link by a host there. Returns the copies that the node gets. */
static size_t say(struct world *world, struct mip_address destination, struct mip_ip ip, uint16_t port)
{
	uint8_t payload[16] = {
		(uint8_t)(port >> 8), (uint8_t)port, (uint8_t)(port >> 8), (uint8_t)port, 0, 16};
	uint8_t packet[64];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {.link = HOME_LINK,
		.source = {6, {2, 0, 0, 0, 0, 9}},
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet};
	size_t count = 0;

	ip.ttl = 64;
	ip.protocol = MIP_PROTOCOL_UDP;
	ip.source = mip_address_of(0x0a010009);
	ip.destination = destination;
	mip_ip_packet_write(&writer, &ip, payload, sizeof(payload));
	frame.length = writer.length;
	ha_world_clear_outputs(world);
	ha_core_frame(world->core, &frame, world->now);
	ha_world_collect(world);
	for (size_t i = 0; i < world->count; i++)
		count += world->outputs[i].kind == MIP_OUTPUT_COPY;
	return count;
}

static void broadcasts_are_copied_without_a_limit_where_none_is_set_fragments_too(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const struct mip_ip whole = {0}, first = {.more_fragments = true}, later = {.fragment_offset = 8};

	/* Beside the home network one of two addresses, which has no broadcast. */
	world->networks[2] = (struct ha_network_settings){{mip_address_of(0x0a010200), 31}, "home0"};
	world->settings.network_count = 3;
	world->settings.broadcasts = true;
	world->settings.copy_rate = 0;
	assert_int_equal(configure(world, &world->settings), 0);
	ha_world_link(world, true);
	ha_world_address(world, HA_ADDRESS, 24, true);
	ask.flags |= MIP_REQUEST_B;
	ha_ask_send(world, &ask);
	assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	for (int i = 0; i < 500; i++)
		assert_int_equal(say(world, HOME_BROADCAST, whole, 137), 1);
	assert_int_equal(say(world, HOME_BROADCAST, first, 137), 1);
	assert_int_equal(say(world, HOME_BROADCAST, later, 137), 1);
	/* What is for the agent, or for nobody here, is not. */
	assert_int_equal(say(world, HOME_BROADCAST, whole, MIP_REGISTRATION_PORT), 0);
	assert_int_equal(say(world, mip_address_of(0x0a010201), whole, 137), 0);
	assert_int_equal(say(world, mip_address_of(0x0a0200ff), whole, 137), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_that_contradict_themselves_are_refused_and_change_nothing),
		TEST(two_nodes_of_one_address_are_refused),
		TEST(a_code_that_is_not_the_home_agents_has_no_counter),
		TEST(what_is_no_keepalive_is_left_to_the_data_plane),
		TEST(a_binding_without_an_end_lasts_over_a_restart_unless_the_settings_now_bound_it),
		TEST(broadcasts_are_copied_without_a_limit_where_none_is_set_fragments_too),
		TEST(without_a_pool_or_with_an_empty_one_no_address_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

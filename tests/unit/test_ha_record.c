/*
 * What survives a restart of the home agent, and what a reload of its configuration keeps.
 */
#include "ha_test.h"

#include <errno.h>
#include <string.h>

#include "replay.h"

enum {
	KEPT_MAX = 4096,
};

/* A store, as the shell has one. */
struct kept {
	char key[MIP_RECORD_KEY];
	uint8_t octets[600];
	size_t length;
};
static struct kept kept[KEPT_MAX];
static size_t kept_count;

static struct kept *find_kept(const char *key)
{
	for (size_t i = 0; i < kept_count; i++) {
		if (strcmp(kept[i].key, key) == 0)
			return &kept[i];
	}
	return NULL;
}

static void keep(const struct mip_output *output)
{
	struct kept *record = find_kept(output->key);

	if (!record)
		record = &kept[kept_count++];
	assert_true(kept_count < KEPT_MAX && output->length < sizeof(record->octets));
	strcpy(record->key, output->key);
	memcpy(record->octets, output->octets, output->length);
	record->length = output->length;
}

static void store(struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		struct kept *record;

		if (world->outputs[i].kind == MIP_OUTPUT_KEEP)
			keep(&world->outputs[i]);
		if (world->outputs[i].kind != MIP_OUTPUT_FORGET)
			continue;
		record = find_kept(world->outputs[i].key);
		if (record)
			*record = kept[--kept_count];
	}
	ha_world_clear_outputs(world);
}

/* The daemon stops and starts again, after a reboot of the host: the boot-time clock begins anew. */
static void restart(struct world *world, mip_time away)
{
	ha_world_collect(world);
	store(world);
	ha_core_free(world->core);
	world->now.boot = 5 * MIP_SECOND;
	world->now.wall += away;
	ha_world_make(world);
	for (size_t i = 0; i < kept_count; i++)
		ha_core_record(world->core, kept[i].key, kept[i].octets, kept[i].length, world->now);
	ha_world_begin(world);
}

static int setup_empty(void **state)
{
	kept_count = 0;
	return setup(state);
}

static void a_binding_survives_a_restart_with_what_is_left_of_its_lifetime(void **state)
{
	/* rfc5944-3.8.1-3 */
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	struct ha_binding_view view;

	ha_ask_send(world, &ask);
	restart(world, 100 * MIP_SECOND);
	view = ha_only_binding(world);
	assert_address_equal(view.home_address, NODE_ADDRESS);
	assert_address_equal(view.care_of_address, OTHER_AGENT);
	assert_int_equal(view.source_port, 434);
	assert_int_equal(view.lifetime, 600);
	assert_true(view.reverse_tunnel);
	assert_int_equal((view.expires - world->now.boot) / MIP_SECOND, 500);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PEER, 0) >= 0);
	assert_true(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0) >= 0);
	assert_true(ha_find_gratuitous(world, NODE_ADDRESS, ha_link_address, 0) >= 0);
	ha_answer_expect_none(world);
	assert_int_equal(ha_counter_value(world, "bindings_restored"), 1);
	ha_world_pass(world, 501 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void a_tunnel_in_gre_or_minimal_encapsulation_survives_a_restart(void **state)
{
	static const struct {
		uint8_t flag;
		enum mip_encapsulation encapsulation;
	} cases[] = {
		{MIP_REQUEST_G, MIP_ENCAPSULATION_GRE},
		{MIP_REQUEST_M, MIP_ENCAPSULATION_MINIMAL},
	};
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	const struct mip_want *want;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		ask.flags = MIP_REQUEST_T | cases[i].flag;
		ha_ask_send(world, &ask);
		restart(world, MIP_SECOND);
		want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0));
		assert_int_equal(want->tunnel.encapsulation, cases[i].encapsulation);
		assert_int_equal(ha_only_binding(world).encapsulation, cases[i].encapsulation);
		ha_world_pass(world, MIP_SECOND);
	}
}

static void a_tunnel_in_udp_survives_a_restart_with_its_ports(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const struct mip_want *want;

	ask.care_of = PRIVATE;
	ask.source = NAT_ADDRESS;
	ask.source_port = 61000;
	ask.tunnel_request = true;
	ha_ask_send(world, &ask);
	restart(world, MIP_SECOND);
	want = ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0));
	assert_int_equal(want->tunnel.encapsulation, MIP_ENCAPSULATION_UDP);
	assert_address_equal(want->tunnel.remote, NAT_ADDRESS);
	assert_int_equal(want->tunnel.remote_port, 61000);
	assert_int_equal(want->tunnel.local_port, 434);
	assert_address_equal(want->tunnel.local, HA_ADDRESS);
}

static void a_tunnel_whose_port_a_keepalive_told_survives_a_restart(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();
	const uint8_t echo[8] = {MIP_ICMP_ECHO_REQUEST};
	struct mip_ip ip = {
		.ttl = 64, .protocol = MIP_PROTOCOL_ICMP, .source = NODE_ADDRESS, .destination = HA_ADDRESS};
	uint8_t message[64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_input_datagram datagram = {
		.source = NAT_ADDRESS, .source_port = 62000, .destination = HA_ADDRESS, .octets = message};

	ask.care_of = PRIVATE;
	ask.source = NAT_ADDRESS;
	ask.tunnel_request = ask.tunnel_through_agent = true;
	ha_ask_send(world, &ask);
	restart(world, MIP_SECOND);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0), -1);
	mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	mip_ip_packet_write(&writer, &ip, echo, sizeof(echo));
	datagram.length = writer.length;
	assert_true(ha_core_tunnel_data(world->core, &datagram, world->now));
	restart(world, MIP_SECOND);
	assert_int_equal(ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 0))
				 ->tunnel.remote_port,
		62000);
}

static void a_binding_that_ended_while_the_daemon_was_away_is_forgotten(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	restart(world, 601 * MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_ROUTE, 0), -1);
}

static void a_wall_clock_that_was_set_back_does_not_lengthen_a_binding(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	restart(world, -100000 * MIP_SECOND);
	assert_int_equal((ha_only_binding(world).expires - world->now.boot) / MIP_SECOND, 600);
}

/* As over a reload: the node was promised its lifetime, and renews by it. */
static void a_smaller_maximum_does_not_shorten_what_was_granted(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	world->settings.max_lifetime = 60;
	restart(world, 100 * MIP_SECOND);
	assert_int_equal((ha_only_binding(world).expires - world->now.boot) / MIP_SECOND, 500);
}

static void a_time_that_no_clock_can_show_ends_a_binding(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	static const uint8_t least[8] = {0x80}; /* of all numbers of 64 bits */

	ha_ask_send(world, &ask);
	store(world);
	for (size_t i = 0; i < kept_count; i++) {
		if (strcmp(kept[i].key, "binding/10.1.0.50") == 0)
			memcpy(kept[i].octets + 5, least, sizeof(least));
	}
	restart(world, MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void a_removed_binding_does_not_come_back(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	restart(world, MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

static void a_binding_of_a_node_that_is_no_longer_configured_is_forgotten(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_send(world, &ask);
	world->nodes[0].home_address = mip_address_of(0x0a010033);
	restart(world, MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "replay/10.1.0.50") >= 0);
}

static void a_request_recorded_before_a_restart_is_still_a_replay_after_it(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(world, &ask, message, sizeof(message));

	ha_ask_deliver(world, &ask, message, length);
	ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	restart(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_deliver(world, &ask, message, length);
	ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void the_replay_state_never_moves_back(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	struct kept old;

	ask.identification = mip_ntp_of(world->now.wall - MIP_SECOND);
	ha_ask_send(world, &ask);
	store(world);
	old = *find_kept("replay/10.1.0.50");
	ask.identification = mip_ntp_of(world->now.wall);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_core_record(world->core, old.key, old.octets, old.length, world->now);
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void the_nonce_survives_a_restart(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.home_address = NONCE_ADDRESS;
	ask.identification = 1;
	ha_ask_send(world, &ask);
	ask.identification =
		(ha_answer_expect(world, MIP_CODE_HA_IDENTIFICATION_MISMATCH)->fields.identification &
			0xffffffff00000000) |
		5;
	restart(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void an_address_given_out_survives_a_restart_without_a_binding_too(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.no_home_address = true;
	ask.nai = "bob@example.org";
	ha_ask_send(world, &ask);
	assert_address_equal(ha_answer_take(world)->fields.home_address, POOL_FIRST);
	ha_world_pass(world, 700 * MIP_SECOND);
	restart(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	/* Alice, who comes first, does not get what is bob's. */
	ask.nai = "alice@example.org";
	ha_ask_send(world, &ask);
	assert_address_equal(ha_answer_take(world)->fields.home_address, POOL_LAST);
}

static void damaged_records_are_forgotten(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	struct kept *record;

	ha_ask_send(world, &ask);
	store(world);
	ha_core_free(world->core);
	ha_world_make(world);
	record = find_kept("binding/10.1.0.50");
	for (size_t length = 0; length < record->length; length++)
		ha_core_record(world->core, record->key, record->octets, length, world->now);
	record->octets[2] = 4; /* an encapsulation that nobody knows */
	ha_core_record(world->core, record->key, record->octets, record->length, world->now);
	ha_core_record(world->core, "binding/nonsense", record->octets, record->length, world->now);
	ha_core_record(world->core, "nonsense", record->octets, record->length, world->now);
	record = find_kept("replay/10.1.0.50");
	ha_core_record(world->core, record->key, record->octets, 3, world->now);
	ha_world_collect(world);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "binding/10.1.0.50") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "nonsense") >= 0);
	assert_true(ha_find_record(world, MIP_OUTPUT_FORGET, "replay/10.1.0.50") >= 0);
	ha_world_begin(world);
}

static void many_bindings_come_back_in_batches(void **state)
{
	enum { MANY = 1500 };
	static struct ha_node_settings nodes[MANY];
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();
	size_t wanted = 0;

	for (int i = 0; i < MANY; i++)
		nodes[i] = (struct ha_node_settings){
			mip_address_of(0xac141000 + (uint32_t)i), NULL, world->node, NULL};
	world->settings.nodes = nodes;
	world->settings.node_count = MANY;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
	for (int i = 0; i < MANY; i++) {
		ask.home_address = nodes[i].home_address;
		ask.security = world->node;
		ha_ask_send(world, &ask);
		ha_answer_expect(world, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
		store(world);
	}
	restart(world, MIP_SECOND);
	assert_int_equal(ha_core_binding_count(world->core), MANY);
	assert_int_equal(ha_core_pending_count(world->core), MANY - 256);
	for (int i = 0; i < 100; i++) {
		wanted += ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL, 255) >= 0 ? 256 : 0;
		if (ha_core_pending_count(world->core) == 0)
			break;
		ha_world_clear_outputs(world);
		world->now.boot += 10 * MIP_MILLISECOND;
		ha_core_advance(world->core, world->now);
		ha_world_collect(world);
	}
	assert_int_equal(ha_core_pending_count(world->core), 0);
	assert_true(wanted >= 1280);
}

/* --- a reload --------------------------------------------------------------------------------- */

static int reload(struct world *world)
{
	int status = ha_core_configure(world->core, &world->settings, world->now);

	ha_world_collect(world);
	return status;
}

static void a_reload_keeps_the_bindings_of_nodes_that_remain(void **state)
{
	struct world *world = *state;
	struct ask one = ha_ask_by_agent(), other = ha_ask_by_agent();

	other.home_address = VIRTUAL_NODE;
	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_expect(world, &other, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* The virtual node goes, and the others stand at other places. */
	world->nodes[2] = world->nodes[0];
	world->nodes[0] = world->nodes[3];
	world->nodes[3] = world->nodes[4];
	world->settings.node_count = 4;
	assert_int_equal(reload(world), 0);
	assert_address_equal(ha_only_binding(world).home_address, NODE_ADDRESS);
	assert_true(ha_find_event(world, "binding_removed") >= 0);
	assert_address_equal(ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 0))
				     ->tunnel.home_address,
		VIRTUAL_NODE);
	assert_int_equal(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL, 1), -1);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ha_ask_expect(world, &one, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ha_ask_send(world, &other);
	ha_answer_expect_none(world);
}

static void a_reload_does_not_forget_what_was_accepted(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.identification = mip_ntp_of(world->now.wall);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	assert_int_equal(reload(world), 0);
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_HA_IDENTIFICATION_MISMATCH);
}

static void a_reload_that_contradicts_itself_changes_nothing(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	world->nodes[1].home_address = NODE_ADDRESS;
	assert_int_equal(reload(world), -EEXIST);
	world->nodes[1].home_address = mip_address_of(0x0a090909);
	assert_int_equal(reload(world), -EINVAL);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_network_that_becomes_virtual_loses_its_proxies_and_gets_them_back(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	world->networks[0].interface = NULL;
	assert_int_equal(reload(world), 0);
	assert_int_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_PROXY, 0))->proxy.link,
		HOME_LINK);
	assert_true(ha_find_want(world, MIP_OUTPUT_UNWANT, MIP_WANT_GROUP, 0) >= 0);
	assert_int_equal(ha_core_binding_count(world->core), 1);
	world->networks[0].interface = "home0";
	assert_int_equal(reload(world), 0);
	ha_world_clear_outputs(world);
	ha_world_link(world, true);
	ha_core_advance(world->core, world->now);
	ha_world_collect(world);
	assert_int_equal(
		ha_want_at(world, ha_find_want(world, MIP_OUTPUT_WANT, MIP_WANT_PROXY, 0))->proxy.link,
		HOME_LINK);
	assert_true(ha_find_gratuitous(world, NODE_ADDRESS, ha_link_address, 0) >= 0);
}

static void a_reload_with_a_smaller_pool_takes_back_what_is_outside_of_it(void **state)
{
	struct world *world = *state;
	struct ask ask = ha_ask_by_agent();

	ask.no_home_address = true;
	ask.nai = "alice@example.org";
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	world->settings.pool_first = POOL_LAST;
	assert_int_equal(reload(world), 0);
	assert_int_equal(ha_core_binding_count(world->core), 0);
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ha_ask_send(world, &ask);
	assert_address_equal(ha_answer_take(world)->fields.home_address, POOL_LAST);
}

#define KEEPING(name) cmocka_unit_test_setup_teardown(name, setup_empty, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEEPING(a_binding_survives_a_restart_with_what_is_left_of_its_lifetime),
		KEEPING(a_tunnel_in_gre_or_minimal_encapsulation_survives_a_restart),
		KEEPING(a_tunnel_in_udp_survives_a_restart_with_its_ports),
		KEEPING(a_tunnel_whose_port_a_keepalive_told_survives_a_restart),
		KEEPING(a_binding_that_ended_while_the_daemon_was_away_is_forgotten),
		KEEPING(a_wall_clock_that_was_set_back_does_not_lengthen_a_binding),
		KEEPING(a_smaller_maximum_does_not_shorten_what_was_granted),
		KEEPING(a_time_that_no_clock_can_show_ends_a_binding),
		KEEPING(a_removed_binding_does_not_come_back),
		KEEPING(a_binding_of_a_node_that_is_no_longer_configured_is_forgotten),
		KEEPING(a_request_recorded_before_a_restart_is_still_a_replay_after_it),
		KEEPING(the_replay_state_never_moves_back),
		KEEPING(the_nonce_survives_a_restart),
		KEEPING(an_address_given_out_survives_a_restart_without_a_binding_too),
		KEEPING(damaged_records_are_forgotten),
		KEEPING(many_bindings_come_back_in_batches),
		KEEPING(a_reload_keeps_the_bindings_of_nodes_that_remain),
		KEEPING(a_reload_does_not_forget_what_was_accepted),
		KEEPING(a_reload_that_contradicts_itself_changes_nothing),
		KEEPING(a_network_that_becomes_virtual_loses_its_proxies_and_gets_them_back),
		KEEPING(a_reload_with_a_smaller_pool_takes_back_what_is_outside_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The home agent's machine without memory: registrations of all kinds, renewals, a handover, simultaneous bindings,
 * revocation, records and a restart, other settings. Whatever fails: a binding is one that was asked for, in its bounds;
 * and once there is memory again, a node registers and has its tunnel.
 */
#include "fault.h"

#include <errno.h>
#include <string.h>

#include "ha_world.h"
#include "igmp.h"

enum {
	RECORDS_MOST = 64,
	RECORD_MOST = 2048,
};

struct record {
	char key[MIP_RECORD_KEY];
	uint8_t octets[RECORD_MOST];
	size_t length;
};

static struct world world;
static struct record records[RECORDS_MOST];
static size_t record_count;
static bool has_tunnel, has_route; /* of the usual node */

static void remember(const struct mip_output *output)
{
	size_t i = 0;

	while (i < record_count && strcmp(records[i].key, output->key) != 0)
		i++;
	if (output->kind == MIP_OUTPUT_FORGET) {
		if (i < record_count)
			records[i] = records[--record_count];
		return;
	}
	FAULT_CHECK(i < RECORDS_MOST && output->length <= RECORD_MOST);
	memcpy(records[i].key, output->key, sizeof(records[i].key));
	memcpy(records[i].octets, output->octets, output->length);
	records[i].length = output->length;
	record_count += i == record_count;
}

static void see(const struct mip_output *output)
{
	const struct mip_want *want = &output->want;

	if (output->kind == MIP_OUTPUT_KEEP || output->kind == MIP_OUTPUT_FORGET)
		remember(output);
	if (output->kind != MIP_OUTPUT_WANT && output->kind != MIP_OUTPUT_UNWANT)
		return;
	if (want->kind == MIP_WANT_TUNNEL && mip_address_equal(want->tunnel.home_address, NODE_ADDRESS))
		has_tunnel = output->kind == MIP_OUTPUT_WANT;
	if (want->kind == MIP_WANT_ROUTE && mip_address_equal(want->route.destination.address, NODE_ADDRESS))
		has_route = output->kind == MIP_OUTPUT_WANT;
}

static void look_at(void *context, const struct ha_binding_view *binding)
{
	(void)context;
	FAULT_CHECK(binding->lifetime > 0 && binding->lifetime <= 1800);
	FAULT_CHECK(binding->expires <= world.now.boot + binding->lifetime * MIP_SECOND);
	FAULT_CHECK(mip_address_is_unicast(binding->care_of_address));
	FAULT_CHECK(!mip_address_is_none(binding->home_address));
}

static void look(void)
{
	ha_world_collect(&world);
	for (size_t i = 0; i < world.count; i++)
		see(&world.outputs[i]);
	ha_world_clear_outputs(&world);
	ha_core_bindings(world.core, look_at, NULL);
}

static void pass(mip_time time)
{
	ha_world_pass(&world, time);
	look();
}

static void send(const struct ask *ask)
{
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(&world, ask, message, sizeof(message));

	ha_ask_deliver(&world, ask, message, length);
	look();
	pass(10 * MIP_MILLISECOND);
}

/* Out of the node's tunnel: it joins a group, by IGMP version 2. */
static void join(struct mip_address node, uint32_t group)
{
	struct mip_ip ip = {.ttl = 1,
		.protocol = MIP_PROTOCOL_IGMP,
		.source = node,
		.destination = mip_address_of(group)};
	uint8_t report[8] = {MIP_IGMP_REPORT_V2}, packet[64];
	struct mip_writer writer = mip_writer_of(report + 4, 4);
	uint16_t sum;

	mip_write_address(&writer, ip.destination);
	sum = mip_checksum_finish(mip_checksum_add(0, report, sizeof(report)));
	report[2] = (uint8_t)(sum >> 8);
	report[3] = (uint8_t)sum;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_ip_packet_write(&writer, &ip, report, sizeof(report));
	ha_core_group(world.core, node, packet, writer.length, world.now);
	look();
}

static void change_settings(void)
{
	int r;

	world.settings.max_simultaneous_bindings = 3;
	world.settings.broadcasts = true;
	world.settings.multicast = true;
	world.settings.groups = 4;
	world.settings.groups_per_node = 2;
	world.settings.query_interval = 10 * MIP_SECOND;
	world.settings.copy_rate = 20;
	world.settings.revocation = (struct mip_revocation_settings){true, true, true, 8, 2, 5};
	r = ha_core_configure(world.core, &world.settings, world.now);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	ha_world_link(&world, true);
	ha_world_address(&world, HA_ADDRESS, 24, true);
	look();
}

static void registrations(void)
{
	static const struct mip_revocation_support support = {true, 77};
	struct ask ask = ha_ask_by_agent(), co_located = ha_ask_co_located(), home = ha_ask_from_home();

	send(&ask);
	send(&co_located);
	co_located.flags |= MIP_REQUEST_S | MIP_REQUEST_B;
	co_located.source_port = 4000;
	send(&co_located);
	co_located.care_of = mip_address_of(0x0a040008);
	send(&co_located);
	join(NODE_ADDRESS, 0xef000001);
	join(NODE_ADDRESS, 0xef000002);
	pass(MIP_SECOND);
	ask.home_address = VIRTUAL_NODE;
	ask.security = world.virtual_node;
	send(&ask);
	ask = ha_ask_by_agent();
	ask.no_home_address = true;
	ask.nai = "alice@example.org";
	ask.security = world.alice;
	send(&ask);
	ask = ha_ask_by_agent();
	ask.care_of = AGENT_ADDRESS;
	ask.foreign_home = world.agent;
	ask.support = &support;
	send(&ask);
	ask.security = world.wrong;
	send(&ask);
	pass(20 * MIP_SECOND);
	(void)ha_core_revoke(world.core, NODE_ADDRESS, world.now);
	look();
	pass(30 * MIP_SECOND);
	send(&home);
	co_located = ha_ask_co_located();
	co_located.tunnel_request = true;
	co_located.source = NAT_ADDRESS;
	co_located.care_of = PRIVATE;
	send(&co_located);
}

/* False when there is no machine then. */
static bool restart(void)
{
	int r;

	ha_core_free(world.core);
	world.core = NULL;
	has_tunnel = has_route = false;
	r = ha_world_try(&world);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	if (r < 0)
		return false;
	for (size_t i = 0; i < record_count; i++)
		ha_core_record(world.core, records[i].key, records[i].octets, records[i].length, world.now);
	ha_world_begin(&world);
	look();
	return true;
}

/* There is memory again: what was bound runs out or is renewed, and a request does what it always does. */
static void go_on(void)
{
	struct ask ask = ha_ask_co_located();

	fault_pause();
	ha_world_link(&world, true);
	ha_world_address(&world, HA_ADDRESS, 24, true);
	look();
	pass(5 * MIP_SECOND);
	ha_ask_send(&world, &ask);
	FAULT_CHECK(ha_find_kind(&world, MIP_OUTPUT_DATAGRAM, 0) >= 0);
	FAULT_CHECK(mip_code_is_accepted(ha_answer_take(&world)->fields.code));
	look();
	pass(MIP_SECOND);
	FAULT_CHECK(ha_has_binding(&world, NODE_ADDRESS));
	FAULT_CHECK(has_tunnel && has_route);
	pass(2000 * MIP_SECOND);
	FAULT_CHECK(ha_core_binding_count(world.core) == 0);
	FAULT_CHECK(!has_tunnel && !has_route);
}

static void run(bool with_restart)
{
	int r;

	fault_pause();
	record_count = 0;
	has_tunnel = has_route = false;
	ha_world_prepare(&world);
	fault_resume();
	r = ha_world_try(&world);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	if (r == 0) {
		ha_world_begin(&world);
		change_settings();
		registrations();
		if (!with_restart || restart())
			go_on();
	}
	fault_pause();
	ha_world_end(&world);
}

static void life(void)
{
	run(false);
}

static void life_with_restart(void)
{
	run(true);
}

int main(void)
{
	fault_run("home agent", life);
	fault_run("home agent, restarted", life_with_restart);
	return 0;
}

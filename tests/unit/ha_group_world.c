#include "ha_group_world.h"

#include <string.h>

#include "igmp.h"
#include "packet.h"

int group_setup(void **state)
{
	static struct world world;

	ha_world_prepare(&world);
	world.settings.broadcasts = true;
	world.settings.multicast = true;
	world.settings.groups_per_node = GROUPS_EACH;
	world.settings.groups = GROUPS_ALL;
	world.settings.query_interval = 100 * MIP_SECOND;
	world.settings.copy_rate = RATE;
	ha_world_start(&world);
	*state = &world;
	return 0;
}

int group_teardown(void **state)
{
	ha_world_end(*state);
	return 0;
}

struct group_datagram group_datagram_of(
	struct mip_address source, struct mip_address destination, uint16_t port)
{
	struct group_datagram datagram;
	struct mip_writer writer = mip_writer_of(datagram.octets, sizeof(datagram.octets));

	mip_udp_packet_write(&writer,
		&(struct mip_ip){.ttl = 1, .source = source, .destination = destination},
		&(struct mip_udp){.source_port = 5000, .destination_port = port}, "hello", 5);
	datagram.length = writer.length;
	return datagram;
}

void group_take_frame(struct world *world, const struct group_datagram *datagram, bool unicast)
{
	ha_core_frame(world->core,
		&(struct mip_input_frame){
			.link = HOME_LINK,
			.source = ha_node_link_address,
			.unicast = unicast,
			.ethertype = MIP_ETHERTYPE_IPV4,
			.octets = datagram->octets,
			.length = datagram->length,
		},
		world->now);
	ha_world_collect(world);
}

/* Said on the home link. */
void group_say(struct world *world, struct mip_address source, struct mip_address destination, uint16_t port)
{
	struct group_datagram datagram = group_datagram_of(source, destination, port);

	ha_world_clear_outputs(world);
	group_take_frame(world, &datagram, false);
}

/* Out of a node's tunnel. */
void group_tunnel(struct world *world, struct mip_address node, const uint8_t *octets, size_t length)
{
	ha_world_clear_outputs(world);
	ha_core_group(world->core, node, octets, length, world->now);
	ha_world_collect(world);
}

void group_tunnel_datagram(
	struct world *world, struct mip_address node, struct mip_address destination, uint16_t port)
{
	struct group_datagram datagram = group_datagram_of(node, destination, port);

	group_tunnel(world, node, datagram.octets, datagram.length);
}

void group_report(struct world *world, struct mip_address node, uint8_t type, struct mip_address group)
{
	uint8_t message[8] = {type}, packet[64];
	struct mip_writer writer = mip_writer_of(packet, sizeof(packet));
	uint16_t sum;

	memcpy(message + 4, &group.value, 4);
	sum = mip_checksum_finish(mip_checksum_add(0, message, sizeof(message)));
	message[2] = (uint8_t)(sum >> 8);
	message[3] = (uint8_t)sum;
	mip_ip_packet_write(&writer,
		&(struct mip_ip){
			.ttl = 1, .protocol = MIP_PROTOCOL_IGMP, .source = node, .destination = group},
		message, sizeof(message));
	group_tunnel(world, node, packet, writer.length);
}

size_t group_copies(const struct world *world)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += world->outputs[i].kind == MIP_OUTPUT_COPY;
	return count;
}

const struct mip_output *group_copy_at(const struct world *world, int n)
{
	int place = ha_find_kind(world, MIP_OUTPUT_COPY, n);

	assert_true(place >= 0);
	return &world->outputs[place];
}

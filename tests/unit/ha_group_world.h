/*
 * For the tests of broadcasts and multicasts at a home agent: what is said on the home link, what comes out of the nodes'
 * tunnels, and the copies that go into them.
 *
 *   neighbour 10.1.0.20 ── home0 ── home agent ── tunnels ── 10.1.0.50 (by a foreign agent, or co-located), 10.1.0.60
 */
#ifndef HA_GROUP_WORLD_H
#define HA_GROUP_WORLD_H

#include "ha_world.h"

#define NEIGHBOUR mip_address_of(0x0a010014) /* 10.1.0.20 */
#define GROUP	  mip_address_of(0xef010203) /* 239.1.2.3 */
#define OTHER	  mip_address_of(0xef010204)
#define EVERYONE  mip_address_of(0xffffffff)

enum {
	PORT = 7000,
	GROUPS_EACH = 2,
	GROUPS_ALL = 3,
	RATE = 5,
};

struct group_datagram {
	uint8_t octets[128];
	size_t length;
};

int group_setup(void **state);
int group_teardown(void **state);
struct group_datagram group_datagram_of(
	struct mip_address source, struct mip_address destination, uint16_t port);
/* A frame of the home link. */
void group_take_frame(struct world *world, const struct group_datagram *datagram, bool unicast);
/* Said on the home link. */
void group_say(struct world *world, struct mip_address source, struct mip_address destination, uint16_t port);
/* Out of a node's tunnel. */
void group_tunnel(struct world *world, struct mip_address node, const uint8_t *octets, size_t length);
void group_tunnel_datagram(
	struct world *world, struct mip_address node, struct mip_address destination, uint16_t port);
/* An IGMP report of this type. */
void group_report(struct world *world, struct mip_address node, uint8_t type, struct mip_address group);
/* Among the outputs. */
size_t group_copies(const struct world *world);
const struct mip_output *group_copy_at(const struct world *world, int n);

#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, group_teardown)

#endif

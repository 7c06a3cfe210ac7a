/*
 * For the tests of revocation at a home agent: registrations by a foreign agent that offers it, the messages that
 * leave, and those of the foreign agent.
 */
#ifndef HA_REVOCATION_WORLD_H
#define HA_REVOCATION_WORLD_H

#include "ha_world.h"

#define AGENT_CLOCK 5000 /* the foreign agent's timestamps: its clock is far from ours */

extern const struct mip_revocation_settings home_usual;
extern const struct mip_revocation_support home_offer, home_offer_without_i;

/* A message of RFC 3543 that left. The octets are a view into the world's outputs. */
struct sent {
	struct mip_output_datagram datagram;
	const uint8_t *octets;
	size_t length;
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;
};

int home_setup(void **state);
int home_teardown(void **state);
/* Other settings from now on: a reload. */
void home_use(struct world *world, struct mip_revocation_settings settings);
/* By the foreign agent with which there is an association. */
struct ask home_by_agent(const struct world *world, const struct mip_revocation_support *support);
/* By a co-located node itself. */
struct ask home_direct(const struct mip_revocation_support *support);
/* Sends it, expects that it is accepted, and forgets the outputs; a millisecond passes. */
void home_accept(struct world *world, const struct ask *ask);
/* A binding by the agent that is agreed to be revocable, a while ago. */
void home_registered(struct world *world);
/* Datagrams of this message type among the outputs. */
size_t home_count_of(const struct world *world, int type);
/* The n-th of its type. */
struct sent home_sent_of(const struct world *world, int type, size_t n);
/* The only one. */
struct sent home_revocation_sent(const struct world *world);
struct sent home_ack_sent(const struct world *world);
/* Its last extension is this one, and it is right. */
bool home_is_authentic(
	const struct sent *sent, enum mip_slot slot, const struct mip_association *association);
void home_deliver_from(
	struct world *world, struct mip_address source, const struct mip_writer *message, uint16_t port);
/* What the foreign agent sends to revoke the usual binding. */
struct mip_revocation home_agents_revocation(void);
void home_deliver_revocation(struct world *world, const struct mip_revocation *revocation,
	const struct mip_association *association);
void home_deliver_ack(struct world *world, struct mip_address source, const struct mip_revocation_ack *ack,
	uint8_t type, const struct mip_association *association);
/* What acknowledges it. */
struct mip_revocation_ack home_ack_of(const struct sent *sent);
void home_deliver_agents_ack(struct world *world, const struct mip_revocation_ack *ack);
/* A record, as it was kept last. */
struct kept {
	char key[MIP_RECORD_KEY];
	uint8_t octets[1024];
	size_t length;
};
struct kept home_kept(const struct world *world, const char *key);
/* Another machine with the same settings, that is given these records; what it says at its beginning … */
void home_restart_with(struct world *world, const struct kept *kept, size_t count);
/* … is thrown away. */
void home_restart(struct world *world, const struct kept *kept);
/* As `ha revoke` does. */
void home_revoke(struct world *world);
/* Registers with this offer, revokes, and says whether the revocation had I. */
bool home_asks_to_inform(struct world *world, const struct mip_revocation_support *support);

#define TEST(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

#endif

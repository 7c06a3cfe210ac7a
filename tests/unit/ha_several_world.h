/*
 * For the tests of revocation (RFC 3543) of a node with several bindings at a time (RFC 5944 3.8.2.2, the S bit): a
 * home agent that shares associations with two foreign agents, and lets a node have two bindings.
 *
 *   10.1.0.50 ── first binding ──> 10.2.0.1, or the node itself    the copy goes where the tunnel does not,
 *             ── with S ─────────> 10.3.0.1                        and becomes the tunnel when that ends
 */
#ifndef HA_SEVERAL_WORLD_H
#define HA_SEVERAL_WORLD_H

#include "ha_revocation_world.h"

int several_setup(void **state);

/* --- registrations ------------------------------------------------------------------------------ */

const struct mip_association *several_association(const struct world *world, struct mip_address agent);
/* By an agent that offers revocation. */
struct ask several_ask(const struct world *world, struct mip_address agent, uint8_t flags);
/* Ten seconds later sends it and sees that it is accepted; what the home agent says to it stays to be looked at. */
void several_register(struct world *world, const struct ask *ask);
void several_register_by(struct world *world, struct mip_address agent, uint8_t flags);
/* A while ago: first by 10.2.0.1, then by 10.3.0.1 too … */
void several_registered_by_both(struct world *world);
/* … or first by the node itself. */
void several_registered_directly_and_by_an_agent(struct world *world);
bool several_is_bound_at(const struct world *world, struct mip_address care_of_address);
/* It is, and may be revoked by either side. */
bool several_is_agreed_at(const struct world *world, struct mip_address care_of_address);

/* --- revocations --------------------------------------------------------------------------------- */

/* From the n-th on, the next to this peer; false: there is none. */
bool several_next_to(const struct world *world, struct mip_address peer, size_t *n, struct sent *ret_sent);
size_t several_count_to(const struct world *world, struct mip_address peer);
/* The last one to this peer. */
struct sent several_sent_to(const struct world *world, struct mip_address peer);
void several_acknowledge(struct world *world, struct mip_address agent, const struct sent *sent);
/* What this agent sends to revoke its binding. */
struct mip_revocation several_revocation_by(struct mip_address agent);
void several_revoked_by(struct world *world, struct mip_address agent);

#define SEVERAL(name) cmocka_unit_test_setup_teardown(name, several_setup, home_teardown)

#endif

/*
 * Addresses for nodes that are known by their NAI only (RFC 2794; RFC 5944 3.8.1). A node keeps the address
 * that it was given, over registrations and restarts, until the pool is used up and somebody else needs one:
 * then the node that has been without a binding for longest loses its own. Those that have come home use theirs
 * there, and are the last.
 */
#include "ha_internal.h"

#include <errno.h>

bool ha_pool_contains(const struct ha_settings *settings, struct mip_address address)
{
	uint32_t number = mip_address_number(address);

	return !mip_address_is_none(settings->pool_first) &&
	       number >= mip_address_number(settings->pool_first) &&
	       number <= mip_address_number(settings->pool_last);
}

void ha_pool_release(struct ha_tables *tables, struct ha_node *node)
{
	if (mip_address_is_none(node->assigned))
		return;
	HASH_DELETE(by_assigned, tables->by_assigned, node);
	node->assigned = (struct mip_address){0};
}

int ha_pool_put(struct ha_tables *tables, struct ha_node *node, struct mip_address address)
{
	ha_pool_release(tables, node);
	node->assigned = address;
	HASH_ADD(by_assigned, tables->by_assigned, assigned, sizeof(node->assigned), node);
	if (node->by_assigned.tbl)
		return 0;
	node->assigned = (struct mip_address){0};
	return -ENOMEM;
}

/* Whether the address may be anybody's: in the pool and a home network, and not the network's or ours. */
static bool can_be_given(const struct ha_core *core, struct mip_address address)
{
	const struct ha_network *network = ha_network_of(&core->tables, address);

	if (!network || !ha_pool_contains(&core->settings, address) || ha_is_own_address(core, address))
		return false;
	return network->prefix.length >= 31 ||
	       (!mip_address_equal(address, network->prefix.address) &&
		       !mip_address_equal(address, mip_prefix_broadcast(network->prefix)));
}

/* Begins after the last one given, so that giving out a whole pool takes one walk through it. */
static struct mip_address find_free(const struct ha_core *core)
{
	uint32_t first = mip_address_number(core->settings.pool_first);
	uint64_t size = (uint64_t)mip_address_number(core->settings.pool_last) - first + 1;

	if (HASH_CNT(by_assigned, core->tables.by_assigned) >= size)
		return (struct mip_address){0};
	for (uint64_t i = 0; i < size; i++) {
		uint64_t offset = (core->pool_next + i) % size;
		struct mip_address address = mip_address_of((uint32_t)(first + offset));

		if (can_be_given(core, address) && !ha_node_by_address(&core->tables, address))
			return address;
	}
	return (struct mip_address){0};
}

static bool is_needed_less(const struct ha_node *a, const struct ha_node *b)
{
	return a->seeded != b->seeded ? !a->seeded : a->idle_since < b->idle_since;
}

static struct ha_node *find_idle(const struct ha_core *core)
{
	struct ha_node *longest = NULL;

	for (struct ha_node *node = core->tables.by_assigned; node; node = node->by_assigned.next) {
		if (!node->binding && (!longest || is_needed_less(node, longest)))
			longest = node;
	}
	return longest;
}

static struct mip_address find_any(const struct ha_core *core)
{
	struct mip_address address = {0};
	struct ha_node *idle;

	if (mip_address_is_none(core->settings.pool_first))
		return address;
	address = find_free(core);
	if (!mip_address_is_none(address))
		return address;
	idle = find_idle(core);
	return idle ? idle->assigned : address;
}

int ha_pool_choose(const struct ha_core *core, struct mip_address wanted, struct mip_address *ret_address)
{
	struct mip_address address = mip_address_is_none(wanted) ? find_any(core) : wanted;

	if (mip_address_is_none(address))
		return -ENOSPC;
	if (!mip_address_is_none(wanted) && !can_be_given(core, wanted))
		return -EADDRNOTAVAIL;
	if (!mip_address_is_none(wanted) && ha_node_by_address(&core->tables, wanted))
		return -EADDRINUSE;
	*ret_address = address;
	return 0;
}

/* rfc3024-A.4-11: "Also, the home agent SHOULD be able to assign private addresses out of its …" */
int ha_pool_assign(struct ha_core *core, struct ha_node *node, struct mip_address address)
{
	struct ha_node *idle = ha_node_by_address(&core->tables, address);
	int status;

	if (idle) {
		ha_node_unseed(core, idle);
		ha_record_forget_pool(core, idle);
		ha_pool_release(&core->tables, idle);
	} else {
		core->pool_next = (uint64_t)mip_address_number(address) -
				  mip_address_number(core->settings.pool_first) + 1;
	}
	status = ha_pool_put(&core->tables, node, address);
	if (status == 0)
		ha_record_keep_pool(core, node);
	return status;
}

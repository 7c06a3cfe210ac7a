/*
 * Which nexthop a tunnel has: one for all tunnels with the same ends, so that a million nodes behind a thousand foreign
 * agents take a thousand, and routes that lead to the same nexthop share what the kernel has for them.
 */
#include <errno.h>
#include <stdlib.h>

#include "address.h"
#include "kernel.h"

enum {
	IDENTIFIERS = 1 << 24, /* of each daemon */
};

/* --- numbers ---------------------------------------------------------------------------------- */

static int take_identifier(struct mip_kernel_identifiers *identifiers, uint32_t *ret_id)
{
	if (identifiers->free_count > 0) {
		*ret_id = identifiers->free[--identifiers->free_count];
		return 0;
	}
	if (identifiers->next - identifiers->base >= IDENTIFIERS)
		return -ENOSPC;
	*ret_id = identifiers->next++;
	return 0;
}

/* A number that is not given back is lost, no more. */
static void give_back(struct mip_kernel_identifiers *identifiers, uint32_t id)
{
	size_t size = identifiers->free_size ? 2 * identifiers->free_size : 64;
	uint32_t *grown;

	if (identifiers->free_count == identifiers->free_size) {
		grown = reallocarray(identifiers->free, size, sizeof(*grown));
		if (!grown)
			return;
		identifiers->free = grown;
		identifiers->free_size = size;
	}
	identifiers->free[identifiers->free_count++] = id;
}

static int retire(struct mip_kernel_identifiers *identifiers, const struct mip_kernel_nexthop *nexthop)
{
	size_t size = identifiers->retired_size ? 2 * identifiers->retired_size : 64;
	struct mip_kernel_retired *grown;

	if (identifiers->retired_count == identifiers->retired_size) {
		grown = reallocarray(identifiers->retired, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		identifiers->retired = grown;
		identifiers->retired_size = size;
	}
	identifiers->retired[identifiers->retired_count++] =
		(struct mip_kernel_retired){nexthop->id, nexthop->has_table};
	return 0;
}

void mip_kernel_ways_bury(struct mip_kernel *kernel)
{
	struct mip_kernel_identifiers *identifiers = &kernel->identifiers;

	for (size_t i = 0; i < identifiers->retired_count; i++) {
		if (identifiers->retired[i].has_table)
			mip_kernel_table_remove(kernel, identifiers->retired[i].id);
		mip_kernel_nexthop_remove(kernel, identifiers->retired[i].id);
		give_back(identifiers, identifiers->retired[i].id);
	}
	identifiers->retired_count = 0;
	(void)mip_kernel_send(kernel->route, NULL);
}

/* --- nexthops --------------------------------------------------------------------------------- */

static void forget(struct mip_kernel *kernel, struct mip_kernel_nexthop *nexthop)
{
	HASH_DELETE(hh_id, kernel->nexthops_by_id, nexthop);
	HASH_DEL(kernel->nexthops, nexthop);
	free(nexthop);
}

static struct mip_kernel_nexthop *enter(struct mip_kernel *kernel, struct mip_kernel_nexthop *nexthop)
{
	HASH_ADD(hh, kernel->nexthops, key, sizeof(nexthop->key), nexthop);
	if (!nexthop->hh.tbl)
		goto failed;
	HASH_ADD(hh_id, kernel->nexthops_by_id, id, sizeof(nexthop->id), nexthop);
	if (nexthop->hh_id.tbl)
		return nexthop;
	HASH_DEL(kernel->nexthops, nexthop);

failed:
	give_back(&kernel->identifiers, nexthop->id);
	free(nexthop);
	return NULL;
}

static struct mip_kernel_nexthop *get_nexthop(
	struct mip_kernel *kernel, const struct mip_kernel_nexthop_key *key)
{
	struct mip_kernel_nexthop *nexthop;

	HASH_FIND(hh, kernel->nexthops, key, sizeof(*key), nexthop);
	if (nexthop)
		return nexthop;
	nexthop = calloc(1, sizeof(*nexthop));
	if (!nexthop)
		return NULL;
	nexthop->key = *key;
	if (take_identifier(&kernel->identifiers, &nexthop->id) != 0) {
		free(nexthop);
		return NULL;
	}
	nexthop = enter(kernel, nexthop);
	if (nexthop)
		mip_kernel_nexthop_put(kernel, nexthop->id, key);
	return nexthop;
}

static struct mip_kernel_nexthop_key key_of(
	const struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	if (!mip_kernel_is_taken(kernel, tunnel))
		return (struct mip_kernel_nexthop_key){.link = kernel->user->tun.link};
	return (struct mip_kernel_nexthop_key){
		.local = tunnel->tunnel.local,
		.remote = tunnel->tunnel.remote,
		.link = mip_kernel_device_of(kernel, tunnel->tunnel.encapsulation)->link,
	};
}

int mip_kernel_way_leave(struct mip_kernel *kernel, struct mip_kernel_tunnel *tunnel)
{
	struct mip_kernel_nexthop *nexthop = tunnel->nexthop;
	int error = 0;

	tunnel->nexthop = NULL;
	if (!nexthop || --nexthop->tunnels > 0)
		return 0;
	error = retire(&kernel->identifiers, nexthop);
	forget(kernel, nexthop);
	return error;
}

/* What leads to this tunnel has to be led elsewhere: its route at the home end, by its rule or its source the other. */
static int note_moved(struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	size_t size = kernel->moved_size ? 2 * kernel->moved_size : 64;
	struct mip_address *grown;

	if (tunnel->key.end != MIP_TUNNEL_HOME || !kernel->user->options.route_changed) {
		kernel->translation_changed = true;
		return 0;
	}
	if (kernel->moved_count == kernel->moved_size) {
		grown = reallocarray(kernel->moved, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		kernel->moved = grown;
		kernel->moved_size = size;
	}
	kernel->moved[kernel->moved_count++] = tunnel->key.home_address;
	return 0;
}

int mip_kernel_way_take(struct mip_kernel *kernel, struct mip_kernel_tunnel *tunnel)
{
	struct mip_kernel_nexthop_key key = key_of(kernel, tunnel);
	struct mip_kernel_nexthop *nexthop = get_nexthop(kernel, &key);
	int error = 0;

	if (!nexthop)
		return -ENOMEM;
	if (nexthop == tunnel->nexthop)
		return 0;
	nexthop->tunnels++;
	if (tunnel->nexthop) {
		error = note_moved(kernel, tunnel);
		if (!error)
			error = mip_kernel_way_leave(kernel, tunnel);
	}
	tunnel->nexthop = nexthop;
	return error;
}

void mip_kernel_ways_forget(struct mip_kernel *kernel)
{
	struct mip_kernel_nexthop *nexthop;

	while ((nexthop = kernel->nexthops) != NULL) {
		if (nexthop->has_table)
			mip_kernel_table_remove(kernel, nexthop->id);
		mip_kernel_nexthop_remove(kernel, nexthop->id);
		forget(kernel, nexthop);
	}
}

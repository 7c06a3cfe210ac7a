/*
 * Tunnels and peers by home address. uthash with its fields made part of the entries: one allocation each,
 * and the table grows as it fills. A table that cannot grow for want of memory refuses the new entry
 * (HASH_NONFATAL_OOM) and says so in hh.tbl.
 */
#include "plane_table.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

static void free_copies(struct mip_plane_home *home)
{
	struct mip_plane_home *copy, *next;

	for (copy = home->copies; copy; copy = next) {
		next = copy->copies;
		free(copy);
	}
	home->copies = NULL;
}

void mip_plane_table_clear(struct mip_plane_table *table)
{
	struct mip_plane_home *home, *next_home;
	struct mip_plane_peer *peer, *next_peer;

	HASH_ITER (hh, table->peers, peer, next_peer) {
		HASH_DEL(table->peers, peer);
		free(peer);
	}
	HASH_ITER (hh, table->homes, home, next_home) {
		HASH_DEL(table->homes, home);
		free_copies(home);
		free(home);
	}
}

struct mip_plane_home *mip_plane_table_home(
	const struct mip_plane_table *table, struct mip_address home_address, enum mip_tunnel_end end)
{
	struct mip_plane_home_key key = {.home_address = home_address, .end = end};
	struct mip_plane_home *home;

	HASH_FIND(hh, table->homes, &key, sizeof(key), home);
	return home;
}

struct mip_plane_peer *mip_plane_table_peer(const struct mip_plane_table *table,
	struct mip_address home_address, struct mip_address remote, uint16_t remote_port)
{
	struct mip_plane_peer_key key = {
		.home_address = home_address,
		.remote = remote,
		.remote_port = remote_port,
	};
	struct mip_plane_peer *peer;

	HASH_FIND(hh, table->peers, &key, sizeof(key), peer);
	return peer;
}

/* The entry of a home address, made if there is none; NULL without memory. */
static struct mip_plane_home *get_home(
	struct mip_plane_table *table, struct mip_address home_address, enum mip_tunnel_end end)
{
	struct mip_plane_home *home = mip_plane_table_home(table, home_address, end);

	if (home)
		return home;
	home = calloc(1, sizeof(*home));
	if (!home)
		return NULL;
	home->key.home_address = home_address;
	home->key.end = end;
	HASH_ADD(hh, table->homes, key, sizeof(home->key), home);
	if (!home->hh.tbl) {
		free(home);
		return NULL;
	}
	return home;
}

static void drop_home_if_idle(struct mip_plane_table *table, struct mip_plane_home *home)
{
	if (home->has_tunnel || home->copies || home->peers || home->led)
		return;
	HASH_DEL(table->homes, home);
	free(home);
}

static void set_tunnel(struct mip_plane_home *home, const struct mip_want_tunnel *tunnel)
{
	home->tunnel = *tunnel;
	home->has_tunnel = true;
	home->path_mtu = 0;
	home->path_mtu_asked = 0;
	home->no_offload = false;
}

int mip_plane_table_set_tunnel(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel)
{
	struct mip_plane_home *home = get_home(table, tunnel->home_address, tunnel->end);

	if (!home)
		return -ENOMEM;
	set_tunnel(home, tunnel);
	return 0;
}

/* Where the copy with this key hangs, or would. */
static struct mip_plane_home **copy_place(struct mip_plane_home *home, const struct mip_want_tunnel *tunnel)
{
	struct mip_plane_home **place = &home->copies;

	while (*place && (!mip_address_equal((*place)->tunnel.remote, tunnel->remote) ||
				 (*place)->tunnel.remote_port != tunnel->remote_port))
		place = &(*place)->copies;
	return place;
}

int mip_plane_table_set_copy(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel)
{
	struct mip_plane_home *home = get_home(table, tunnel->home_address, tunnel->end);
	struct mip_plane_home **place;

	if (!home)
		return -ENOMEM;
	place = copy_place(home, tunnel);
	if (!*place)
		*place = calloc(1, sizeof(**place));
	if (!*place) {
		drop_home_if_idle(table, home);
		return -ENOMEM;
	}
	(*place)->key = home->key;
	set_tunnel(*place, tunnel);
	return 0;
}

void mip_plane_table_remove_copy(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel)
{
	struct mip_plane_home *home = mip_plane_table_home(table, tunnel->home_address, tunnel->end);
	struct mip_plane_home **place, *copy;

	if (!home)
		return;
	place = copy_place(home, tunnel);
	copy = *place;
	if (!copy)
		return;
	*place = copy->copies;
	free(copy);
	drop_home_if_idle(table, home);
}

struct mip_plane_home *mip_plane_home_toward(struct mip_plane_home *home, struct mip_address remote)
{
	while (home && (!home->has_tunnel || !mip_address_equal(home->tunnel.remote, remote)))
		home = home->copies;
	return home;
}

struct mip_plane_home *mip_plane_home_by(
	struct mip_plane_home *home, struct mip_address remote, uint16_t remote_port)
{
	home = mip_plane_home_toward(home, remote);
	while (home && home->tunnel.remote_port != remote_port)
		home = mip_plane_home_toward(home->copies, remote);
	return home;
}

static struct mip_plane_peer *add_peer(struct mip_plane_table *table, const struct mip_want_peer *want)
{
	struct mip_plane_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->key.home_address = want->home_address;
	peer->key.remote = want->remote;
	peer->key.remote_port = want->remote_port;
	HASH_ADD(hh, table->peers, key, sizeof(peer->key), peer);
	if (!peer->hh.tbl) {
		free(peer);
		return NULL;
	}
	return peer;
}

static void join_home(struct mip_plane_home *home, struct mip_plane_peer *peer)
{
	peer->home = home;
	DL_PREPEND2(home->peers, peer, previous, next);
}

static void leave_home(struct mip_plane_table *table, struct mip_plane_peer *peer, bool drop)
{
	struct mip_plane_home *home = peer->home;

	DL_DELETE2(home->peers, peer, previous, next);
	peer->home = NULL;
	if (drop)
		drop_home_if_idle(table, home);
}

int mip_plane_table_set_peer(struct mip_plane_table *table, const struct mip_want_peer *want)
{
	struct mip_plane_peer *peer =
		mip_plane_table_peer(table, want->home_address, want->remote, want->remote_port);
	struct mip_plane_home *home = get_home(table, want->home_address, want->end);

	if (!home)
		return -ENOMEM;
	if (peer)
		leave_home(table, peer, peer->home != home);
	else
		peer = add_peer(table, want);
	if (!peer) {
		drop_home_if_idle(table, home);
		return -ENOMEM;
	}
	join_home(home, peer);
	peer->local = want->local;
	return 0;
}

int mip_plane_table_set_led(struct mip_plane_table *table, struct mip_address home_address, bool led,
	struct mip_plane_home **ret_home)
{
	struct mip_plane_home *home = led ? get_home(table, home_address, MIP_TUNNEL_HOME)
					  : mip_plane_table_home(table, home_address, MIP_TUNNEL_HOME);

	if (led && !home)
		return -ENOMEM;
	*ret_home = home;
	if (!home)
		return 0;
	home->led = led;
	if (!led && !home->has_tunnel && !home->copies && !home->peers)
		*ret_home = NULL;
	drop_home_if_idle(table, home);
	return 0;
}

void mip_plane_table_remove_tunnel(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel)
{
	struct mip_plane_home *home = mip_plane_table_home(table, tunnel->home_address, tunnel->end);

	if (!home)
		return;
	home->has_tunnel = false;
	drop_home_if_idle(table, home);
}

void mip_plane_table_remove_peer(struct mip_plane_table *table, const struct mip_want_peer *want)
{
	struct mip_plane_peer *peer =
		mip_plane_table_peer(table, want->home_address, want->remote, want->remote_port);

	if (!peer)
		return;
	leave_home(table, peer, true);
	HASH_DEL(table->peers, peer);
	free(peer);
}

struct mip_plane_home *mip_plane_table_tunnel(
	const struct mip_plane_table *table, struct mip_address source, struct mip_address destination)
{
	struct mip_plane_home *home = mip_plane_table_home(table, destination, MIP_TUNNEL_HOME);

	if (home && home->has_tunnel)
		return home;
	home = mip_plane_table_home(table, source, MIP_TUNNEL_VISITED);
	return home && home->has_tunnel ? home : NULL;
}

/*
 * rfc3024-4.3.2-3: "if the packet uses an encapsulation mechanism that was not negotiated at registration the
 * home agent MUST silently discard the packet". Fragments, which cannot have minimal encapsulation, come by
 * IP-in-IP; and of a care-of address that the node has left it is not known any more what was negotiated.
 */
static bool is_negotiated(struct mip_plane_home *home, const struct mip_plane_arrival *arrival)
{
	const struct mip_plane_home *way = mip_plane_home_toward(home, arrival->remote);

	if (!way || way->tunnel.encapsulation == arrival->encapsulation)
		return true;
	return way->tunnel.encapsulation == MIP_ENCAPSULATION_MINIMAL &&
	       arrival->encapsulation == MIP_ENCAPSULATION_IPIP;
}

static const struct mip_plane_peer *fitting_peer(const struct mip_plane_table *table,
	const struct mip_plane_arrival *arrival, struct mip_address home_address, enum mip_tunnel_end end)
{
	const struct mip_plane_peer *peer =
		mip_plane_table_peer(table, home_address, arrival->remote, arrival->remote_port);

	if (!peer || peer->home->key.end != end)
		return NULL;
	/* rfc3519-4.3-1: "the decapsulating node MUST verify that the outer IP addresses and UDP port numbers
	 * exactly match the values used for the tunnel" – ours too, where the tunnel names it. */
	if (!mip_address_is_none(peer->local) && !mip_address_equal(peer->local, arrival->local))
		return NULL;
	if (end == MIP_TUNNEL_HOME && !is_negotiated(peer->home, arrival))
		return NULL;
	return peer;
}

static bool is_bound(
	const struct mip_plane_table *table, struct mip_address home_address, enum mip_tunnel_end end)
{
	const struct mip_plane_home *home = mip_plane_table_home(table, home_address, end);

	return home && (home->has_tunnel || home->peers);
}

/* rfc2003-6.2-1: "SHOULD admit only those datagrams" that a binding, or a registration, has announced. */
int mip_plane_table_admit(const struct mip_plane_table *table, const struct mip_plane_arrival *arrival,
	struct mip_plane_home **ret_home)
{
	const struct mip_plane_peer *peer =
		fitting_peer(table, arrival, arrival->inner_source, MIP_TUNNEL_HOME);

	if (!peer)
		peer = fitting_peer(table, arrival, arrival->inner_destination, MIP_TUNNEL_VISITED);
	if (peer) {
		*ret_home = peer->home;
		return 0;
	}
	if (is_bound(table, arrival->inner_source, MIP_TUNNEL_HOME) ||
		is_bound(table, arrival->inner_destination, MIP_TUNNEL_VISITED))
		return -EACCES;
	return -ENOENT;
}

/*
 * The kernel accelerator: the kernel's own tunnel devices carry the packets, and the routes lead there.
 *
 *             told by the front            commit()                         what the machines want
 *   TUNNEL ──> mip_kernel_tunnel ──queue──> nexthop N, an element     <──── ROUTE into mip0: nhid N
 *                                                                     <──── RULE of a visitor: table N
 *   PEER   ──> mip_kernel_peer   ──queue──> an element of nftables
 *
 * What changes is queued by item and made true in one go, so that a hundred registrations, or a million at the
 * start, make a few batches. All tunnels with the same ends have one nexthop; those that the devices cannot make
 * (UDP, minimal encapsulation) have one that leads to mip0, where the user plane has them. When a tunnel gets other
 * ends, its route is led to another nexthop, in one step. (The nexthop could be replaced under the route, but then
 * the kernel walks through all routes there are, to announce those that lead there: 39 ms at a hundred thousand.)
 * The nexthop that it had stays until the next commit: the routes to it go after this one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "address.h"
#include "kernel.h"
#include "text.h"

enum {
	NOBODYS_PROTOCOL = 80, /* of routes, where the caller names none */
	IDENTIFIER_SHIFT = 24, /* each daemon has 16 million numbers: kernel_way.c */
};

static struct mip_kernel *kernel_of(struct mip_accelerator *accelerator)
{
	return MIP_CONTAINER(accelerator, struct mip_kernel, accelerator);
}

/* --- what is told ----------------------------------------------------------------------------- */

struct mip_kernel_tunnel *mip_kernel_find_tunnel(
	const struct mip_kernel *kernel, struct mip_address home_address, enum mip_tunnel_end end)
{
	struct mip_plane_home_key key = {.home_address = home_address, .end = end};
	struct mip_kernel_tunnel *tunnel;

	HASH_FIND(hh, kernel->tunnels, &key, sizeof(key), tunnel);
	return tunnel;
}

static struct mip_kernel_tunnel *new_tunnel(struct mip_kernel *kernel, const struct mip_plane_home_key *key)
{
	struct mip_kernel_tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (!tunnel)
		return NULL;
	tunnel->key = *key;
	HASH_ADD(hh, kernel->tunnels, key, sizeof(tunnel->key), tunnel);
	if (!tunnel->hh.tbl) {
		free(tunnel);
		return NULL;
	}
	return tunnel;
}

struct mip_kernel_peer_key mip_kernel_peer_key_of(const struct mip_plane_peer *peer)
{
	return (struct mip_kernel_peer_key){
		.home_address = peer->key.home_address,
		.remote = peer->key.remote,
		.local = peer->local,
		.end = peer->home->key.end,
	};
}

struct mip_kernel_peer *mip_kernel_find_peer(
	const struct mip_kernel *kernel, const struct mip_kernel_peer_key *key)
{
	struct mip_kernel_peer *peer;

	HASH_FIND(hh, kernel->peers, key, sizeof(*key), peer);
	return peer;
}

static void queue_peer(struct mip_kernel *kernel, struct mip_kernel_peer *peer)
{
	if (!peer->queued)
		DL_APPEND(kernel->peer_queue, peer);
	peer->queued = true;
}

/* What was negotiated is another now, and with it what its peers may come by. */
static void queue_peers(struct mip_kernel *kernel, const struct mip_plane_home *home)
{
	for (const struct mip_plane_peer *told = home->peers; told; told = told->next) {
		struct mip_kernel_peer_key key = mip_kernel_peer_key_of(told);
		struct mip_kernel_peer *peer =
			told->key.remote_port == 0 ? mip_kernel_find_peer(kernel, &key) : NULL;

		if (peer)
			queue_peer(kernel, peer);
	}
}

static int tell_tunnel(struct mip_accelerator *accelerator, const struct mip_plane_home *home, bool present)
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	struct mip_kernel_tunnel *tunnel =
		mip_kernel_find_tunnel(kernel, home->key.home_address, home->key.end);

	if (!tunnel && !present)
		return 0;
	if (!tunnel)
		tunnel = new_tunnel(kernel, &home->key);
	if (!tunnel)
		return -ENOMEM; /* it goes by mip0 */
	tunnel->present = present;
	tunnel->tunnel = home->tunnel;
	tunnel->copied = home->copies != NULL;
	if (!tunnel->queued)
		DL_APPEND(kernel->tunnel_queue, tunnel);
	tunnel->queued = true;
	queue_peers(kernel, home);
	return 0;
}

static struct mip_kernel_peer *new_peer(struct mip_kernel *kernel, const struct mip_kernel_peer_key *key)
{
	struct mip_kernel_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->key = *key;
	HASH_ADD(hh, kernel->peers, key, sizeof(peer->key), peer);
	if (!peer->hh.tbl) {
		free(peer);
		return NULL;
	}
	return peer;
}

static int tell_peer(struct mip_accelerator *accelerator, const struct mip_plane_peer *told, bool present)
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	struct mip_kernel_peer_key key = mip_kernel_peer_key_of(told);
	struct mip_kernel_peer *peer;

	if (told->key.remote_port != 0)
		return -EOPNOTSUPP; /* UDP: by the user plane */
	peer = mip_kernel_find_peer(kernel, &key);
	if (!peer && !present)
		return 0;
	if (!peer)
		peer = new_peer(kernel, &key);
	if (!peer) {
		kernel->error = -ENOMEM; /* nobody else takes its packets */
		return -ENOMEM;
	}
	peer->present = present;
	queue_peer(kernel, peer);
	return 0;
}

/* The rules have them. */
static void note_everyones(struct mip_accelerator *accelerator, struct mip_address address, bool present)
{
	(void)address, (void)present;
	kernel_of(accelerator)->everyones_changed = true;
}

static void steer(struct mip_accelerator *accelerator, const struct mip_want *want)
{
	mip_kernel_steer(kernel_of(accelerator), want);
}

/* --- commit ----------------------------------------------------------------------------------- */

static bool is_missed(const struct mip_kernel *kernel, struct mip_address source)
{
	for (size_t i = 0; i < kernel->missed_count; i++) {
		if (mip_address_equal(kernel->missed[i], source))
			return true;
	}
	return false;
}

static int take_way(struct mip_kernel *kernel, struct mip_kernel_tunnel *tunnel)
{
	int error = 0;

	if (!tunnel->present)
		return 0;
	error = mip_kernel_way_take(kernel, tunnel);
	if (!error && !tunnel->by_source && tunnel->key.end == MIP_TUNNEL_VISITED &&
		is_missed(kernel, tunnel->key.home_address))
		kernel->translation_changed = true;
	return error;
}

static int commit_ways(struct mip_kernel *kernel)
{
	struct mip_kernel_tunnel *tunnel;
	int error = 0, sent;

	DL_FOREACH (kernel->tunnel_queue, tunnel)
		error = error ? error : take_way(kernel, tunnel);
	sent = mip_kernel_send(kernel->route, NULL);
	return error ? error : sent;
}

/* The queues are worked off: what is no longer there is forgotten. */
static int finish(struct mip_kernel *kernel)
{
	struct mip_kernel_tunnel *tunnel, *next_tunnel;
	struct mip_kernel_peer *peer, *next_peer;
	int error = 0;

	/* In place of DL_FOREACH_SAFE, which cppcheck does not see through. */
	for (tunnel = kernel->tunnel_queue; tunnel; tunnel = next_tunnel) {
		next_tunnel = tunnel->next;
		tunnel->queued = false;
		if (tunnel->present)
			continue;
		if (tunnel->by_source)
			kernel->translation_changed = true;
		if (mip_kernel_way_leave(kernel, tunnel) != 0)
			error = -ENOMEM;
		HASH_DEL(kernel->tunnels, tunnel);
		free(tunnel);
	}
	kernel->tunnel_queue = NULL;
	for (peer = kernel->peer_queue; peer; peer = next_peer) {
		next_peer = peer->next;
		peer->queued = false;
		if (peer->present)
			continue;
		HASH_DEL(kernel->peers, peer);
		free(peer);
	}
	kernel->peer_queue = NULL;
	return error;
}

static void tell_of_translation(struct mip_kernel *kernel)
{
	const struct mip_plane_options *options = &kernel->user->options;

	for (size_t i = 0; i < kernel->moved_count && options->route_changed; i++)
		options->route_changed(options->context, kernel->moved[i]);
	kernel->moved_count = 0;
	if (!kernel->translation_changed)
		return;
	kernel->translation_changed = false;
	kernel->missed_count = 0;
	if (options->translation_changed)
		options->translation_changed(options->context);
}

/* The devices take the packets: the user plane's sockets would take them once more. What has no device it takes still, and
 * what is steered. */
static int set_receiving(struct mip_kernel *kernel, bool receiving)
{
	int error = mip_user_set_receiving(kernel->user, MIP_ENCAPSULATION_IPIP, receiving);

	if (!error && kernel->devices[MIP_KERNEL_GRE].link != MIP_LINK_NONE)
		error = mip_user_set_receiving(kernel->user, MIP_ENCAPSULATION_GRE, receiving);
	return error;
}

static int commit(struct mip_accelerator *accelerator)
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	int error = kernel->error;

	mip_kernel_ways_bury(kernel);
	if (!error)
		error = commit_ways(kernel);
	if (!error)
		error = mip_kernel_elements_commit(kernel);
	if (!error)
		error = finish(kernel);
	if (!error && !kernel->has_silenced)
		error = set_receiving(kernel, false);
	if (error)
		return error;
	kernel->has_silenced = true;
	tell_of_translation(kernel);
	return 0;
}

/* --- translation ------------------------------------------------------------------------------ */

static void miss(struct mip_kernel *kernel, struct mip_address source)
{
	size_t size = kernel->missed_size ? 2 * kernel->missed_size : 8;
	struct mip_address *grown;

	if (is_missed(kernel, source))
		return;
	if (kernel->missed_count == kernel->missed_size) {
		grown = reallocarray(kernel->missed, size, sizeof(*grown));
		if (!grown)
			return;
		kernel->missed = grown;
		kernel->missed_size = size;
	}
	kernel->missed[kernel->missed_count++] = source;
}

static bool is_usable(const struct mip_kernel_tunnel *tunnel)
{
	return tunnel && tunnel->present && tunnel->nexthop;
}

static bool translate_route(struct mip_kernel *kernel, struct mip_want_route *route)
{
	struct mip_kernel_tunnel *tunnel = NULL;

	if (route->link != MIP_LINK_TUNNEL || route->type != MIP_ROUTE_UNICAST)
		return false;
	if (route->destination.length == 32)
		tunnel = mip_kernel_find_tunnel(kernel, route->destination.address, MIP_TUNNEL_HOME);
	if (!is_usable(tunnel) && !mip_address_is_none(route->source)) {
		tunnel = mip_kernel_find_tunnel(kernel, route->source, MIP_TUNNEL_VISITED);
		if (is_usable(tunnel))
			tunnel->by_source = true;
		else
			miss(kernel, route->source);
	}
	if (!is_usable(tunnel))
		return false;
	route->nexthop = tunnel->nexthop->id;
	route->link = MIP_LINK_NONE;
	return true;
}

/* What comes from a visitor is led to a table that has the way into its tunnel: the common one has the default
 * route to mip0, where the user plane chooses by source. */
static bool translate_rule(struct mip_kernel *kernel, struct mip_want_rule *rule)
{
	struct mip_kernel_tunnel *tunnel;
	struct mip_kernel_nexthop *nexthop;

	if (rule->from.length != 32 || rule->incoming == MIP_LINK_NONE)
		return false;
	tunnel = mip_kernel_find_tunnel(kernel, rule->from.address, MIP_TUNNEL_VISITED);
	if (!is_usable(tunnel))
		return false;
	nexthop = tunnel->nexthop;
	if (!nexthop->has_table) {
		mip_kernel_table_put(kernel, nexthop->id);
		nexthop->has_table = mip_kernel_send(kernel->route, NULL) == 0;
	}
	if (!nexthop->has_table)
		return false;
	rule->table = nexthop->id;
	return true;
}

/*
 * What comes out of the tunnels comes in by mip0, and the way back is by another device: strict filtering of
 * reverse paths would drop it, and the loose kind costs a look-up or two for nothing. Who may come is checked
 * before. But the kernel takes the larger value of this and the host's own, and loose is the largest.
 */
static bool translate_setting(const struct mip_kernel *kernel, struct mip_want_setting *setting)
{
	if (setting->link != MIP_LINK_TUNNEL || setting->setting != MIP_SETTING_RP_FILTER ||
		kernel->host_filters != 0)
		return false;
	setting->value = 0;
	return true;
}

static bool translate(struct mip_accelerator *accelerator, struct mip_want *want)
{
	if (want->kind == MIP_WANT_ROUTE)
		return translate_route(kernel_of(accelerator), &want->route);
	if (want->kind == MIP_WANT_RULE)
		return translate_rule(kernel_of(accelerator), &want->rule);
	if (want->kind == MIP_WANT_SETTING)
		return translate_setting(kernel_of(accelerator), &want->setting);
	return false;
}

/* --- counts ----------------------------------------------------------------------------------- */

static void add_traffic(struct mip_accelerator *accelerator, const struct mip_plane_home *home,
	struct mip_plane_traffic *traffic)
{
	mip_kernel_traffic_add(kernel_of(accelerator), home, traffic);
}

static struct mip_counter_table counters(struct mip_accelerator *accelerator)
{
	struct mip_kernel *kernel = kernel_of(accelerator);

	if (mip_kernel_filter_count(kernel) == 0)
		mip_kernel_devices_count(kernel);
	return mip_kernel_filter_counters(kernel);
}

/* --- life ------------------------------------------------------------------------------------- */

static int clamp(struct mip_accelerator *accelerator, bool clamp_mss)
{
	return mip_kernel_filter_clamp(kernel_of(accelerator), clamp_mss);
}

static int look_at_elements(struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel,
	char reason[static MIP_PLANE_REASON])
{
	enum mip_kernel_set set = mip_kernel_elements_look(kernel, tunnel);
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

	if (set == MIP_KERNEL_NO_SET)
		return 0;
	mip_text_add(&text, "an element of the nftables set ");
	mip_text_add(&text, mip_kernel_set_name(set));
	mip_text_add(&text, " was removed");
	return -ENOENT;
}

/* What is of one tunnel, in each check of the next: what somebody removes alone is found in time, all of it at
 * once. */
static int look_at_one(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	struct mip_kernel_tunnel *tunnel = mip_kernel_find_tunnel(
		kernel, kernel->looked_at.home_address, (enum mip_tunnel_end)kernel->looked_at.end);

	tunnel = tunnel && tunnel->hh.next ? tunnel->hh.next : kernel->tunnels;
	if (tunnel)
		kernel->looked_at = tunnel->key;
	return look_at_elements(kernel, tunnel, reason);
}

static int check(struct mip_accelerator *accelerator, char ret_reason[static MIP_PLANE_REASON])
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	int error = mip_kernel_devices_check(kernel, ret_reason);

	if (!error)
		error = mip_kernel_filter_check(kernel, ret_reason);
	if (!error)
		error = mip_kernel_watch_check(kernel, ret_reason);
	if (!error)
		error = look_at_one(kernel, ret_reason);
	if (error)
		return error;
	mip_kernel_ways_bury(kernel);
	if (mip_kernel_host_filters(kernel) != kernel->host_filters) {
		kernel->host_filters = mip_kernel_host_filters(kernel);
		kernel->translation_changed = true;
		tell_of_translation(kernel);
	}
	return 0;
}

static void forget_all(struct mip_kernel *kernel)
{
	struct mip_kernel_tunnel *tunnel, *next_tunnel;
	struct mip_kernel_peer *peer, *next_peer;

	HASH_ITER (hh, kernel->tunnels, tunnel, next_tunnel) {
		HASH_DEL(kernel->tunnels, tunnel);
		free(tunnel);
	}
	HASH_ITER (hh, kernel->peers, peer, next_peer) {
		HASH_DEL(kernel->peers, peer);
		free(peer);
	}
}

static void free_kernel(struct mip_accelerator *accelerator)
{
	struct mip_kernel *kernel = kernel_of(accelerator);

	if (kernel->has_silenced)
		(void)set_receiving(kernel, true);
	if (kernel->has_table)
		mip_kernel_traffic_keep(kernel);
	mip_kernel_exits_forget(kernel);
	mip_kernel_steerings_forget(kernel);
	mip_kernel_watch_end(kernel);
	if (kernel->route) {
		mip_kernel_ways_bury(kernel);
		mip_kernel_ways_forget(kernel);
		(void)mip_kernel_send(kernel->route, NULL);
		mip_kernel_devices_remove(kernel);
	}
	forget_all(kernel);
	mip_kernel_filter_remove(kernel);
	mip_kernel_socket_free(kernel->filter);
	mip_kernel_socket_free(kernel->route);
	free(kernel->identifiers.free);
	free(kernel->identifiers.retired);
	free(kernel->moved);
	free(kernel->missed);
	free(kernel);
}

static const struct mip_accelerator_operations operations = {
	.free = free_kernel,
	.tunnel = tell_tunnel,
	.peer = tell_peer,
	.everyones = note_everyones,
	.rest = steer,
	.commit = commit,
	.clamp = clamp,
	.check = check,
	.translate = translate,
	.traffic = add_traffic,
	.counters = counters,
};

static int name_table(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	struct mip_text name = mip_text_of(kernel->table, sizeof(kernel->table));
	const char *device = kernel->user->device;

	mip_text_add(&name, "mip-");
	mip_text_add(&name, device);
	if (device[strspn(device, letters)] == 0)
		return 0;
	mip_text_add(&text, "an nftables table cannot be named after the device ");
	mip_text_add(&text, device);
	return -EINVAL;
}

static int make(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	int error = mip_kernel_socket_new(NETLINK_ROUTE, &kernel->route);

	if (error) {
		mip_text_add(&text, "netlink: ");
		mip_text_add(&text, strerror(-error));
		return error;
	}
	error = mip_kernel_watch_begin(kernel);
	if (error) {
		mip_text_add(&text, "netlink, to follow nexthops: ");
		mip_text_add(&text, strerror(-error));
		return error;
	}
	error = name_table(kernel, reason);
	if (error)
		return error;
	error = mip_kernel_devices_make(kernel, reason);
	if (!error)
		error = mip_kernel_nexthop_try(kernel, reason);
	if (!error)
		error = mip_kernel_filter_make(kernel, reason);
	if (!error)
		kernel->host_filters = mip_kernel_host_filters(kernel);
	return error;
}

static struct mip_kernel *allocate(struct mip_user *user)
{
	struct mip_kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return NULL;
	kernel->accelerator.operations = &operations;
	kernel->watch_descriptor = -1;
	kernel->user = user;
	kernel->protocol = user->options.protocol ? user->options.protocol : NOBODYS_PROTOCOL;
	kernel->identifiers.base = (uint32_t)kernel->protocol << IDENTIFIER_SHIFT;
	kernel->identifiers.next = kernel->identifiers.base + 1;
	return kernel;
}

int mip_kernel_new(struct mip_user *user, struct mip_accelerator **ret_accelerator,
	char ret_reason[static MIP_PLANE_REASON])
{
	struct mip_kernel *kernel = allocate(user);
	struct mip_text text = mip_text_of(ret_reason, MIP_PLANE_REASON);
	int error;

	if (!kernel) {
		mip_text_add(&text, "there is no memory");
		return -ENOMEM;
	}
	error = make(kernel, ret_reason);
	if (error) {
		free_kernel(&kernel->accelerator);
		return error;
	}
	*ret_accelerator = &kernel->accelerator;
	return 0;
}

/* The devices stand for all: where they are not, there is nothing else. */
void mip_kernel_sweep(struct mip_user *user)
{
	struct mip_kernel *kernel = allocate(user);
	char reason[MIP_PLANE_REASON];

	if (!kernel)
		return;
	if (mip_kernel_socket_new(NETLINK_ROUTE, &kernel->route) == 0 && name_table(kernel, reason) == 0 &&
		mip_kernel_devices_are_left(kernel)) {
		(void)mip_kernel_nexthop_sweep(kernel->route, kernel->protocol);
		mip_kernel_devices_sweep(kernel);
		kernel->has_table = true;
		mip_kernel_filter_remove(kernel);
		kernel->has_table = false;
		mip_log(user->options.log, MIP_LOG_NOTICE,
			"tunnel devices beside %s removed that a predecessor left", user->device);
	}
	free_kernel(&kernel->accelerator);
}

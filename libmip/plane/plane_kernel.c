/*
 * The kernel accelerator: the kernel's own tunnel devices carry the packets, and the routes lead there.
 *
 *             told by the front            commit()                         what the machines want
 *   TUNNEL ──> mip_kernel_tunnel ──queue──> nexthop N, an element     <──── ROUTE into mip0: nhid N
 *                                                                     <──── RULE of a visitor: table N
 *   PEER   ──> mip_kernel_peer   ──queue──> an element of nftables
 *
 * What changes is queued by item and made true in one go, so that a hundred registrations, or a million at the
 * start, make a few batches. A tunnel keeps its number as long as it lives, whatever it changes to; one that
 * the devices cannot make (UDP, minimal encapsulation) has a nexthop that leads to mip0, where the user plane
 * has it. When a tunnel goes, its nexthop stays until the next commit: the routes to it go after this one, and
 * a nexthop that had to take them along would cost a walk through all of them.
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
	IDENTIFIER_SHIFT = 24, /* each daemon has 16 million numbers */
	GRE_HEADER = 4,
};

static struct mip_kernel *kernel_of(struct mip_accelerator *accelerator)
{
	return MIP_CONTAINER(accelerator, struct mip_kernel, accelerator);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int take_identifier(struct mip_kernel_identifiers *identifiers, uint32_t *ret_id)
{
	if (identifiers->free_count > 0) {
		*ret_id = identifiers->free[--identifiers->free_count];
		return 0;
	}
	if (identifiers->next - identifiers->base >= 1u << IDENTIFIER_SHIFT)
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

static int retire(struct mip_kernel_identifiers *identifiers, const struct mip_kernel_tunnel *tunnel)
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
		(struct mip_kernel_retired){tunnel->id, tunnel->has_table};
	return 0;
}

/* Removes the nexthops that were retired before. What somebody else has removed meanwhile is no loss. */
static void bury(struct mip_kernel *kernel)
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

/* --- what is told ----------------------------------------------------------------------------- */

static struct mip_kernel_tunnel *find_tunnel(
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
	if (take_identifier(&kernel->identifiers, &tunnel->id) != 0) {
		free(tunnel);
		return NULL;
	}
	HASH_ADD(hh, kernel->tunnels, key, sizeof(tunnel->key), tunnel);
	if (!tunnel->hh.tbl) {
		give_back(&kernel->identifiers, tunnel->id);
		free(tunnel);
		return NULL;
	}
	return tunnel;
}

static struct mip_kernel_peer_key peer_key(const struct mip_plane_peer *peer)
{
	return (struct mip_kernel_peer_key){
		.home_address = peer->key.home_address,
		.remote = peer->key.remote,
		.local = peer->local,
		.end = peer->home->key.end,
	};
}

static struct mip_kernel_peer *find_peer(
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
		struct mip_kernel_peer_key key = peer_key(told);
		struct mip_kernel_peer *peer = told->key.remote_port == 0 ? find_peer(kernel, &key) : NULL;

		if (peer)
			queue_peer(kernel, peer);
	}
}

static int tell_tunnel(struct mip_accelerator *accelerator, const struct mip_plane_home *home, bool present)
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	struct mip_kernel_tunnel *tunnel = find_tunnel(kernel, home->key.home_address, home->key.end);

	if (!tunnel && !present)
		return 0;
	if (!tunnel)
		tunnel = new_tunnel(kernel, &home->key);
	if (!tunnel)
		return -ENOMEM; /* it goes by mip0 */
	tunnel->present = present;
	tunnel->tunnel = home->tunnel;
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
	struct mip_kernel_peer_key key = peer_key(told);
	struct mip_kernel_peer *peer;

	if (told->key.remote_port != 0)
		return -EOPNOTSUPP; /* UDP: by the user plane */
	peer = find_peer(kernel, &key);
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

/* --- elements --------------------------------------------------------------------------------- */

static struct mip_kernel_element peer_element(
	const struct mip_kernel_peer_key *key, enum mip_kernel_device_kind kind)
{
	static const enum mip_kernel_set exact[] = {MIP_KERNEL_HOME_PEERS, MIP_KERNEL_HOME_PEERS_GRE};
	static const enum mip_kernel_set any[] = {MIP_KERNEL_HOME_PEERS_ANY, MIP_KERNEL_HOME_PEERS_GRE_ANY};
	bool home = key->end == MIP_TUNNEL_HOME;

	if (mip_address_is_none(key->local))
		return (struct mip_kernel_element){
			.set = home ? any[kind] : MIP_KERNEL_VISITED_PEERS_ANY,
			.addresses = {key->remote, key->home_address},
		};
	return (struct mip_kernel_element){
		.set = home ? exact[kind] : MIP_KERNEL_VISITED_PEERS,
		.addresses = {key->remote, key->local, key->home_address},
	};
}

/*
 * Whether the peer is to come by this encapsulation: the rule of is_negotiated() in plane_table.c. Of a care-of
 * address that the node has left it is not known any more what was negotiated.
 */
static bool may_come(
	const struct mip_kernel *kernel, const struct mip_kernel_peer *peer, enum mip_kernel_device_kind kind)
{
	const struct mip_kernel_tunnel *tunnel;

	if (!peer->present)
		return false;
	if (peer->key.end != MIP_TUNNEL_HOME)
		return kind == MIP_KERNEL_IPIP;
	tunnel = find_tunnel(kernel, peer->key.home_address, MIP_TUNNEL_HOME);
	if (!tunnel || !tunnel->present || !mip_address_equal(tunnel->tunnel.remote, peer->key.remote))
		return true;
	if (kind == MIP_KERNEL_GRE)
		return tunnel->tunnel.encapsulation == MIP_ENCAPSULATION_GRE;
	return tunnel->tunnel.encapsulation == MIP_ENCAPSULATION_IPIP ||
	       tunnel->tunnel.encapsulation == MIP_ENCAPSULATION_MINIMAL;
}

static struct mip_kernel_element count_element(const struct mip_plane_home_key *key)
{
	return (struct mip_kernel_element){
		.set = key->end == MIP_TUNNEL_HOME ? MIP_KERNEL_HOMES : MIP_KERNEL_VISITORS,
		.addresses = {key->home_address},
	};
}

static void add_into(struct mip_plane_traffic *traffic, bool to, const struct mip_kernel_count *count)
{
	if (to) {
		traffic->packets_to += count->packets;
		traffic->bytes_to += count->bytes;
	} else {
		traffic->packets_from += count->packets;
		traffic->bytes_from += count->bytes;
	}
}

static size_t outer_header(enum mip_encapsulation encapsulation)
{
	return MIP_IP_HEADER + (encapsulation == MIP_ENCAPSULATION_GRE ? GRE_HEADER : 0);
}

static void take_off(struct mip_kernel_count *count, uint64_t overhead)
{
	count->bytes -= count->bytes < count->packets * overhead ? count->bytes : count->packets * overhead;
}

/* What a peer's element counted, less the outer headers that were still on. */
static void add_arrived(struct mip_plane_traffic *traffic, const struct mip_plane_home *home,
	enum mip_kernel_set set, struct mip_kernel_count count)
{
	bool gre = home->has_tunnel && home->tunnel.encapsulation == MIP_ENCAPSULATION_GRE;

	if (home->key.end == MIP_TUNNEL_HOME)
		gre = set == MIP_KERNEL_HOME_PEERS_GRE || set == MIP_KERNEL_HOME_PEERS_GRE_ANY;
	take_off(&count, outer_header(gre ? MIP_ENCAPSULATION_GRE : MIP_ENCAPSULATION_IPIP));
	add_into(traffic, home->key.end == MIP_TUNNEL_VISITED, &count);
}

/* Likewise of a tunnel's. */
static void add_departed(const struct mip_kernel *kernel, struct mip_plane_traffic *traffic,
	const struct mip_plane_home *home, struct mip_kernel_count count)
{
	const struct mip_kernel_tunnel *tunnel =
		find_tunnel(kernel, home->key.home_address, (enum mip_tunnel_end)home->key.end);

	take_off(&count, tunnel ? tunnel->count_overhead : MIP_IP_HEADER);
	add_into(traffic, home->key.end == MIP_TUNNEL_HOME, &count);
}

/* An element goes, and what it counted with it: unless its home goes too, that is kept. */
static void keep_count(struct mip_kernel *kernel, const struct mip_kernel_element *element,
	struct mip_address home_address, uint32_t end)
{
	struct mip_plane_home *home =
		mip_plane_table_home(&kernel->user->table, home_address, (enum mip_tunnel_end)end);
	bool departed = element->set == MIP_KERNEL_HOMES || element->set == MIP_KERNEL_VISITORS;
	struct mip_kernel_count count;

	if (!home || mip_kernel_element_count(kernel, element, &count) != 0)
		return;
	if (departed)
		add_departed(kernel, &home->traffic, home, count);
	else
		add_arrived(&home->traffic, home, element->set, count);
}

/* Whether one of the devices makes this tunnel. A home address that is one of the ends would go round. */
static bool is_taken(const struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	const struct mip_want_tunnel *want = &tunnel->tunnel;

	return tunnel->present && mip_kernel_device_of(kernel, want->encapsulation) &&
	       !mip_address_equal(want->home_address, want->local) &&
	       !mip_address_equal(want->home_address, want->remote);
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

static void put_nexthop(struct mip_kernel *kernel, struct mip_kernel_tunnel *tunnel)
{
	const struct mip_kernel_device *device =
		is_taken(kernel, tunnel) ? mip_kernel_device_of(kernel, tunnel->tunnel.encapsulation) : NULL;

	if (!tunnel->present)
		return;
	mip_kernel_nexthop_put(kernel, tunnel->id, &tunnel->tunnel, device);
	tunnel->has_nexthop = true;
	if (!tunnel->by_source && tunnel->key.end == MIP_TUNNEL_VISITED &&
		is_missed(kernel, tunnel->key.home_address))
		kernel->translation_changed = true;
}

static struct mip_kernel_element loop_element(const struct mip_kernel_tunnel *tunnel)
{
	return (struct mip_kernel_element){
		.set = MIP_KERNEL_LOOPS,
		.addresses = {tunnel->loop, tunnel->key.home_address},
	};
}

static void change_loop(struct mip_kernel_elements *elements, struct mip_kernel_tunnel *tunnel, bool taken)
{
	struct mip_address exit = {0};
	struct mip_kernel_element element;

	if (taken && tunnel->key.end == MIP_TUNNEL_HOME)
		exit = tunnel->tunnel.remote;
	if (mip_address_equal(exit, tunnel->loop))
		return;
	element = loop_element(tunnel);
	if (!mip_address_is_none(tunnel->loop))
		mip_kernel_elements_add(elements, &element, true);
	tunnel->loop = exit;
	element = loop_element(tunnel);
	if (!mip_address_is_none(exit))
		mip_kernel_elements_add(elements, &element, false);
}

/* Whether the element that counts has to go: with the tunnel, or because what is counted with each packet is
 * another now. */
static bool count_ends(const struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	return tunnel->has_count &&
	       (!is_taken(kernel, tunnel) ||
		       tunnel->count_overhead != outer_header(tunnel->tunnel.encapsulation));
}

/* Only of the devices' packets: the user plane counts its own. */
static void change_count(struct mip_kernel_elements *elements, struct mip_kernel_tunnel *tunnel)
{
	struct mip_kernel_element element = count_element(&tunnel->key);

	if (count_ends(elements->kernel, tunnel)) {
		mip_kernel_elements_add(elements, &element, true);
		tunnel->has_count = false;
	}
	if (tunnel->has_count || !is_taken(elements->kernel, tunnel))
		return;
	mip_kernel_elements_add(elements, &element, false);
	tunnel->has_count = true;
	tunnel->count_overhead = outer_header(tunnel->tunnel.encapsulation);
}

/* Counts are read before anything is written: the socket is one. */
static void keep_counts(struct mip_kernel *kernel)
{
	const struct mip_kernel_tunnel *tunnel;
	const struct mip_kernel_peer *peer;

	DL_FOREACH (kernel->tunnel_queue, tunnel) {
		struct mip_kernel_element element = count_element(&tunnel->key);

		if (count_ends(kernel, tunnel))
			keep_count(kernel, &element, tunnel->key.home_address, tunnel->key.end);
	}
	DL_FOREACH (kernel->peer_queue, peer) {
		for (unsigned kind = 0; kind < MIP_KERNEL_DEVICES; kind++) {
			struct mip_kernel_element element =
				peer_element(&peer->key, (enum mip_kernel_device_kind)kind);

			if (peer->made[kind] && !may_come(kernel, peer, (enum mip_kernel_device_kind)kind))
				keep_count(kernel, &element, peer->key.home_address, peer->key.end);
		}
	}
}

static void change_peer(struct mip_kernel *kernel, struct mip_kernel_elements *elements,
	struct mip_kernel_peer *peer, enum mip_kernel_device_kind kind)
{
	struct mip_kernel_element element = peer_element(&peer->key, kind);
	bool comes = may_come(kernel, peer, kind);

	if (peer->made[kind] != comes)
		mip_kernel_elements_add(elements, &element, !comes);
	peer->made[kind] = comes;
}

static int commit_elements(struct mip_kernel *kernel)
{
	struct mip_kernel_elements elements = mip_kernel_elements_begin(kernel);
	struct mip_kernel_tunnel *tunnel;
	struct mip_kernel_peer *peer;

	keep_counts(kernel);
	/* By kind, so that a message has many. */
	DL_FOREACH (kernel->peer_queue, peer)
		change_peer(kernel, &elements, peer, MIP_KERNEL_IPIP);
	DL_FOREACH (kernel->peer_queue, peer)
		change_peer(kernel, &elements, peer, MIP_KERNEL_GRE);
	DL_FOREACH (kernel->tunnel_queue, tunnel)
		change_count(&elements, tunnel);
	DL_FOREACH (kernel->tunnel_queue, tunnel)
		change_loop(&elements, tunnel, is_taken(kernel, tunnel));
	return mip_kernel_elements_send(&elements);
}

static int commit_nexthops(struct mip_kernel *kernel)
{
	struct mip_kernel_tunnel *tunnel;
	bool replaces = false, silenced = false;
	int error;

	DL_FOREACH (kernel->tunnel_queue, tunnel)
		replaces = replaces || tunnel->has_nexthop;
	if (replaces)
		silenced = mip_kernel_nexthop_announce(false);
	DL_FOREACH (kernel->tunnel_queue, tunnel)
		put_nexthop(kernel, tunnel);
	error = mip_kernel_send(kernel->route, NULL);
	if (silenced)
		(void)mip_kernel_nexthop_announce(true);
	return error;
}

/* The queues are worked off: what is no longer there is forgotten. */
static int finish(struct mip_kernel *kernel)
{
	struct mip_kernel_tunnel *tunnel, *next_tunnel;
	struct mip_kernel_peer *peer, *next_peer;
	int error = 0;

	DL_FOREACH_SAFE(kernel->tunnel_queue, tunnel, next_tunnel)
	{
		tunnel->queued = false;
		if (tunnel->present)
			continue;
		if (tunnel->by_source)
			kernel->translation_changed = true;
		if (tunnel->has_nexthop && retire(&kernel->identifiers, tunnel) != 0)
			error = -ENOMEM;
		if (!tunnel->has_nexthop)
			give_back(&kernel->identifiers, tunnel->id);
		HASH_DEL(kernel->tunnels, tunnel);
		free(tunnel);
	}
	kernel->tunnel_queue = NULL;
	DL_FOREACH_SAFE(kernel->peer_queue, peer, next_peer)
	{
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

	if (!kernel->translation_changed)
		return;
	kernel->translation_changed = false;
	kernel->missed_count = 0;
	if (options->translation_changed)
		options->translation_changed(options->context);
}

/* The devices take the packets: the user plane's sockets would take them once more. What has no device it takes still. */
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

	bury(kernel);
	if (!error)
		error = commit_nexthops(kernel);
	if (!error)
		error = commit_elements(kernel);
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
	return tunnel && tunnel->present && tunnel->has_nexthop;
}

static bool translate_route(struct mip_kernel *kernel, struct mip_want_route *route)
{
	struct mip_kernel_tunnel *tunnel = NULL;

	if (route->link != MIP_LINK_TUNNEL || route->type != MIP_ROUTE_UNICAST)
		return false;
	if (route->destination.length == 32)
		tunnel = find_tunnel(kernel, route->destination.address, MIP_TUNNEL_HOME);
	if (!is_usable(tunnel) && !mip_address_is_none(route->source)) {
		tunnel = find_tunnel(kernel, route->source, MIP_TUNNEL_VISITED);
		if (is_usable(tunnel))
			tunnel->by_source = true;
		else
			miss(kernel, route->source);
	}
	if (!is_usable(tunnel))
		return false;
	route->nexthop = tunnel->id;
	route->link = MIP_LINK_NONE;
	return true;
}

/* What comes from a visitor is led to a table that has the way into its tunnel: the common one has the default
 * route to mip0, where the user plane chooses by source. */
static bool translate_rule(struct mip_kernel *kernel, struct mip_want_rule *rule)
{
	struct mip_kernel_tunnel *tunnel;

	if (rule->from.length != 32 || rule->incoming == MIP_LINK_NONE)
		return false;
	tunnel = find_tunnel(kernel, rule->from.address, MIP_TUNNEL_VISITED);
	if (!is_usable(tunnel))
		return false;
	if (!tunnel->has_table) {
		mip_kernel_table_put(kernel, tunnel->id);
		tunnel->has_table = mip_kernel_send(kernel->route, NULL) == 0;
	}
	if (!tunnel->has_table)
		return false;
	rule->table = tunnel->id;
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

static void add_from_peer(struct mip_kernel *kernel, const struct mip_plane_home *home,
	const struct mip_kernel_peer_key *key, struct mip_plane_traffic *traffic)
{
	const struct mip_kernel_peer *peer = find_peer(kernel, key);
	struct mip_kernel_count count;

	for (unsigned kind = 0; peer && kind < MIP_KERNEL_DEVICES; kind++) {
		struct mip_kernel_element element = peer_element(key, (enum mip_kernel_device_kind)kind);

		if (peer->made[kind] && mip_kernel_element_count(kernel, &element, &count) == 0)
			add_arrived(traffic, home, element.set, count);
	}
}

/* `last_sent` is that of the user plane: it is for keep-alives, and only tunnels by UDP have those. */
static void add_traffic(struct mip_accelerator *accelerator, const struct mip_plane_home *home,
	struct mip_plane_traffic *traffic)
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	const struct mip_kernel_tunnel *tunnel = find_tunnel(kernel, home->key.home_address, home->key.end);
	struct mip_kernel_element element = count_element(&home->key);
	struct mip_kernel_count count;

	if (tunnel && tunnel->has_count && mip_kernel_element_count(kernel, &element, &count) == 0)
		add_departed(kernel, traffic, home, count);
	for (const struct mip_plane_peer *told = home->peers; told; told = told->next) {
		struct mip_kernel_peer_key key = peer_key(told);

		if (told->key.remote_port == 0)
			add_from_peer(kernel, home, &key, traffic);
	}
}

/* For all at the end. */
static void keep_listed(
	void *context, const struct mip_kernel_element *element, const struct mip_kernel_count *count)
{
	struct mip_kernel *kernel = context;
	struct mip_address address = element->addresses[mip_kernel_set_width(element->set) - 1];
	bool home_end = element->set != MIP_KERNEL_VISITED_PEERS &&
			element->set != MIP_KERNEL_VISITED_PEERS_ANY && element->set != MIP_KERNEL_VISITORS;
	struct mip_plane_home *home = mip_plane_table_home(
		&kernel->user->table, address, home_end ? MIP_TUNNEL_HOME : MIP_TUNNEL_VISITED);

	if (!home)
		return;
	if (element->set == MIP_KERNEL_HOMES || element->set == MIP_KERNEL_VISITORS)
		add_departed(kernel, &home->traffic, home, *count);
	else
		add_arrived(&home->traffic, home, element->set, *count);
}

static struct mip_counter_table counters(struct mip_accelerator *accelerator)
{
	struct mip_kernel *kernel = kernel_of(accelerator);

	(void)mip_kernel_filter_count(kernel);
	return mip_kernel_filter_counters(kernel);
}

/* --- life ------------------------------------------------------------------------------------- */

static int clamp(struct mip_accelerator *accelerator, bool clamp_mss)
{
	return mip_kernel_filter_clamp(kernel_of(accelerator), clamp_mss);
}

/* One tunnel's nexthop in each check: those that somebody removes alone are found in time, all of them at
 * once. */
static int look_at_nexthop(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	struct mip_kernel_tunnel *tunnel = find_tunnel(
		kernel, kernel->looked_at.home_address, (enum mip_tunnel_end)kernel->looked_at.end);
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

	tunnel = tunnel && tunnel->hh.next ? tunnel->hh.next : kernel->tunnels;
	if (!tunnel || !tunnel->has_nexthop)
		return 0;
	kernel->looked_at = tunnel->key;
	if (mip_kernel_nexthop_look(kernel, tunnel->id) == 0)
		return 0;
	mip_text_add(&text, "nexthop ");
	mip_text_add_number(&text, tunnel->id);
	mip_text_add(&text, " was removed");
	return -ENOENT;
}

static int check(struct mip_accelerator *accelerator, char ret_reason[static MIP_PLANE_REASON])
{
	struct mip_kernel *kernel = kernel_of(accelerator);
	int error = mip_kernel_devices_check(kernel, ret_reason);

	if (!error)
		error = mip_kernel_filter_check(kernel, ret_reason);
	if (!error)
		error = look_at_nexthop(kernel, ret_reason);
	if (error)
		return error;
	bury(kernel);
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
		if (tunnel->has_table)
			mip_kernel_table_remove(kernel, tunnel->id);
		if (tunnel->has_nexthop)
			mip_kernel_nexthop_remove(kernel, tunnel->id);
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
	for (unsigned set = 0; kernel->has_table && set < MIP_KERNEL_LOOPS; set++)
		(void)mip_kernel_elements_list(kernel, (enum mip_kernel_set)set, keep_listed, kernel);
	if (kernel->route) {
		bury(kernel);
		forget_all(kernel);
		(void)mip_kernel_send(kernel->route, NULL);
		mip_kernel_devices_remove(kernel);
	}
	mip_kernel_filter_remove(kernel);
	mip_kernel_socket_free(kernel->filter);
	mip_kernel_socket_free(kernel->route);
	free(kernel->identifiers.free);
	free(kernel->identifiers.retired);
	free(kernel->missed);
	free(kernel);
}

static const struct mip_accelerator_operations operations = {
	.free = free_kernel,
	.tunnel = tell_tunnel,
	.peer = tell_peer,
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

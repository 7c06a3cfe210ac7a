/*
 * What of the tunnels and peers is in the sets of the nftables table, and what the elements counted there.
 *
 * Who may come from where and by what, which exits must not be their own packets' sources, and a count for each
 * home address: out of its tunnel by the elements of its peers, into it by one of its own. The counts are of
 * packets with their outer headers on, which are taken off here.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "address.h"
#include "kernel.h"

enum {
	GRE_HEADER = 4,
};

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

/* The tunnel that leads to the peer, of several with simultaneous bindings; NULL: none does. */
static const struct mip_want_tunnel *tunnel_toward(
	const struct mip_kernel *kernel, const struct mip_kernel_peer_key *key)
{
	const struct mip_kernel_tunnel *tunnel =
		mip_kernel_find_tunnel(kernel, key->home_address, MIP_TUNNEL_HOME);
	struct mip_plane_home *home;

	if (!tunnel || !tunnel->present)
		return NULL;
	if (mip_address_equal(tunnel->tunnel.remote, key->remote))
		return &tunnel->tunnel;
	if (!tunnel->copied)
		return NULL;
	home = mip_plane_table_home(&kernel->user->table, key->home_address, MIP_TUNNEL_HOME);
	home = home ? mip_plane_home_toward(home, key->remote) : NULL;
	return home ? &home->tunnel : NULL;
}

/*
 * Whether the peer is to come by this encapsulation: the rule of is_negotiated() in plane_table.c. Of a care-of
 * address that the node has left it is not known any more what was negotiated.
 */
static bool may_come(
	const struct mip_kernel *kernel, const struct mip_kernel_peer *peer, enum mip_kernel_device_kind kind)
{
	const struct mip_want_tunnel *tunnel;

	if (!peer->present)
		return false;
	if (peer->key.end != MIP_TUNNEL_HOME)
		return kind == MIP_KERNEL_IPIP;
	tunnel = tunnel_toward(kernel, &peer->key);
	if (!tunnel)
		return true;
	if (kind == MIP_KERNEL_GRE)
		return tunnel->encapsulation == MIP_ENCAPSULATION_GRE;
	return tunnel->encapsulation == MIP_ENCAPSULATION_IPIP ||
	       tunnel->encapsulation == MIP_ENCAPSULATION_MINIMAL;
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
		mip_kernel_find_tunnel(kernel, home->key.home_address, (enum mip_tunnel_end)home->key.end);

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
bool mip_kernel_is_taken(const struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	const struct mip_want_tunnel *want = &tunnel->tunnel;

	return tunnel->present && !tunnel->copied && mip_kernel_device_of(kernel, want->encapsulation) &&
	       !mip_address_equal(want->home_address, want->local) &&
	       !mip_address_equal(want->home_address, want->remote);
}

/* --- changes --------------------------------------------------------------------------------- */

static void change_loop(struct mip_kernel_elements *elements, struct mip_address exit, bool removal)
{
	struct mip_kernel_element element = {.set = MIP_KERNEL_LOOPS, .addresses = {exit, exit}};

	mip_kernel_elements_add(elements, &element, removal);
}

static int enter_exit(struct mip_kernel_elements *elements, struct mip_address address)
{
	struct mip_kernel *kernel = elements->kernel;
	struct mip_kernel_exit *known;

	HASH_FIND(hh, kernel->exits, &address, sizeof(address), known);
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return -ENOMEM;
		known->address = address;
		HASH_ADD(hh, kernel->exits, address, sizeof(known->address), known);
		if (!known->hh.tbl) {
			free(known);
			return -ENOMEM;
		}
		change_loop(elements, address, false);
	}
	known->tunnels++;
	return 0;
}

static void leave_exit(struct mip_kernel_elements *elements, struct mip_address address)
{
	struct mip_kernel *kernel = elements->kernel;
	struct mip_kernel_exit *known;

	HASH_FIND(hh, kernel->exits, &address, sizeof(address), known);
	if (!known || --known->tunnels > 0)
		return;
	change_loop(elements, address, true);
	HASH_DEL(kernel->exits, known);
	free(known);
}

static int change_exit(struct mip_kernel_elements *elements, struct mip_kernel_tunnel *tunnel)
{
	struct mip_address exit = {0};
	int error = 0;

	if (mip_kernel_is_taken(elements->kernel, tunnel) && tunnel->key.end == MIP_TUNNEL_HOME)
		exit = tunnel->tunnel.remote;
	if (mip_address_equal(exit, tunnel->exit))
		return 0;
	if (!mip_address_is_none(exit))
		error = enter_exit(elements, exit);
	if (error)
		return error;
	if (!mip_address_is_none(tunnel->exit))
		leave_exit(elements, tunnel->exit);
	tunnel->exit = exit;
	return 0;
}

/* Whether the element that counts has to go: with the tunnel, or because what is counted with each packet is
 * another now. */
static bool count_ends(const struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	return tunnel->has_count &&
	       (!mip_kernel_is_taken(kernel, tunnel) ||
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
	if (tunnel->has_count || !mip_kernel_is_taken(elements->kernel, tunnel))
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

int mip_kernel_elements_commit(struct mip_kernel *kernel)
{
	struct mip_kernel_elements elements = mip_kernel_elements_begin(kernel);
	struct mip_kernel_tunnel *tunnel;
	struct mip_kernel_peer *peer;
	int error = 0, sent;

	keep_counts(kernel);
	/* By kind, so that a message has many. */
	DL_FOREACH (kernel->peer_queue, peer)
		change_peer(kernel, &elements, peer, MIP_KERNEL_IPIP);
	DL_FOREACH (kernel->peer_queue, peer)
		change_peer(kernel, &elements, peer, MIP_KERNEL_GRE);
	DL_FOREACH (kernel->tunnel_queue, tunnel)
		change_count(&elements, tunnel);
	DL_FOREACH (kernel->tunnel_queue, tunnel)
		error = error ? error : change_exit(&elements, tunnel);
	mip_kernel_steer_commit(kernel, &elements);
	sent = mip_kernel_elements_send(&elements);
	return error ? error : sent;
}

bool mip_kernel_element_is_gone(struct mip_kernel *kernel, const struct mip_kernel_element *element)
{
	struct mip_kernel_count count;

	return mip_kernel_element_count(kernel, element, &count) == -ENOENT;
}

static bool peer_is_gone(struct mip_kernel *kernel, const struct mip_kernel_peer *peer)
{
	for (unsigned kind = 0; kind < MIP_KERNEL_DEVICES; kind++) {
		struct mip_kernel_element element =
			peer_element(&peer->key, (enum mip_kernel_device_kind)kind);

		if (peer->made[kind] && mip_kernel_element_is_gone(kernel, &element))
			return true;
	}
	return false;
}

enum mip_kernel_set mip_kernel_elements_look(
	struct mip_kernel *kernel, const struct mip_kernel_tunnel *tunnel)
{
	struct mip_kernel_peer *peer = mip_kernel_find_peer(kernel, &kernel->looked_at_peer);
	struct mip_kernel_element element;

	peer = peer && peer->hh.next ? peer->hh.next : kernel->peers;
	if (peer) {
		kernel->looked_at_peer = peer->key;
		if (peer_is_gone(kernel, peer))
			return peer_element(&peer->key, MIP_KERNEL_IPIP).set;
	}
	if (!tunnel)
		return mip_kernel_steer_look(kernel);
	element = count_element(&tunnel->key);
	if (tunnel->has_count && mip_kernel_element_is_gone(kernel, &element))
		return element.set;
	element = (struct mip_kernel_element){
		.set = MIP_KERNEL_LOOPS, .addresses = {tunnel->exit, tunnel->exit}};
	if (!mip_address_is_none(tunnel->exit) && mip_kernel_element_is_gone(kernel, &element))
		return element.set;
	return mip_kernel_steer_look(kernel);
}

/* --- counts ---------------------------------------------------------------------------------- */

static void add_from_peer(struct mip_kernel *kernel, const struct mip_plane_home *home,
	const struct mip_kernel_peer_key *key, struct mip_plane_traffic *traffic)
{
	const struct mip_kernel_peer *peer = mip_kernel_find_peer(kernel, key);
	struct mip_kernel_count count;

	for (unsigned kind = 0; peer && kind < MIP_KERNEL_DEVICES; kind++) {
		struct mip_kernel_element element = peer_element(key, (enum mip_kernel_device_kind)kind);

		if (peer->made[kind] && mip_kernel_element_count(kernel, &element, &count) == 0)
			add_arrived(traffic, home, element.set, count);
	}
}

/* `last_sent` is that of the user plane: it is for keep-alives, and only tunnels by UDP have those. */
void mip_kernel_traffic_add(
	struct mip_kernel *kernel, const struct mip_plane_home *home, struct mip_plane_traffic *traffic)
{
	const struct mip_kernel_tunnel *tunnel =
		mip_kernel_find_tunnel(kernel, home->key.home_address, home->key.end);
	struct mip_kernel_element element = count_element(&home->key);
	struct mip_kernel_count count;

	if (tunnel && tunnel->has_count && mip_kernel_element_count(kernel, &element, &count) == 0)
		add_departed(kernel, traffic, home, count);
	for (const struct mip_plane_peer *told = home->peers; told; told = told->next) {
		struct mip_kernel_peer_key key = mip_kernel_peer_key_of(told);

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

void mip_kernel_traffic_keep(struct mip_kernel *kernel)
{
	for (unsigned set = 0; set < MIP_KERNEL_LOOPS; set++)
		(void)mip_kernel_elements_list(kernel, (enum mip_kernel_set)set, keep_listed, kernel);
}

void mip_kernel_exits_forget(struct mip_kernel *kernel)
{
	struct mip_kernel_exit *known, *next;

	HASH_ITER (hh, kernel->exits, known, next) {
		HASH_DEL(kernel->exits, known);
		free(known);
	}
}

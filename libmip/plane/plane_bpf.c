/*
 * The bpf accelerator: programs in the kernel (bpf/tunnel.c) carry what they can, by a table that this file
 * fills.
 *
 *   plane_bpf.c      made, tried, told, freed
 *   bpf_table.c      the table of tunnels, mapped here and there
 *   bpf_links.c      where the programs hang
 *   bpf_programs.c   the programs, loaded
 *   bpf_firewall.c   whether somebody is to be asked about packets, or IPsec about the tunnels
 *   bpf_trial.c      one packet each way through the programs, before any real one
 *   bpf/tunnel.c     the programs; their object file is part of this binary
 *
 * The programs know one way for each home address: its tunnel, and the peer at the tunnel's other end. What
 * has more (a second peer during a handover, copies for simultaneous bindings) or is more than they do
 * (bpf/tunnel.c says what) goes by the user plane.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "accelerator.h"
#include "address.h"
#include "bpf_firewall.h"
#include "bpf_links.h"
#include "bpf_programs.h"
#include "bpf_table.h"
#include "bpf_trial.h"
#include "text.h"
#include "tunnel.h"

_Static_assert((int)MIP_BPF_IPIP == MIP_ENCAPSULATION_IPIP && (int)MIP_BPF_GRE == MIP_ENCAPSULATION_GRE &&
		       (int)MIP_BPF_MINIMAL == MIP_ENCAPSULATION_MINIMAL &&
		       (int)MIP_BPF_UDP == MIP_ENCAPSULATION_UDP,
	"the programs and the daemon have the same names for encapsulations");
_Static_assert((int)MIP_BPF_OVERHEAD_IPIP == MIP_OVERHEAD_IPIP &&
		       (int)MIP_BPF_OVERHEAD_GRE == MIP_OVERHEAD_GRE &&
		       (int)MIP_BPF_OVERHEAD_MINIMAL == MIP_MINIMAL_HEADER_MAX &&
		       (int)MIP_BPF_OVERHEAD_UDP == MIP_OVERHEAD_UDP,
	"the programs and the daemon put the same around a packet");

enum counter {
	ENCAPSULATED,
	DECAPSULATED,
	LEFT_SIZE,
	LEFT_ROUTE,
	LEFT_ENCAPSULATION,
	LEFT_DECAPSULATION,
	DROPPED,
	LINKS,
	EARLY_LINKS,
	REFUSED,
	COUNTERS,
};
_Static_assert((int)MIP_BPF_COUNTERS <= MIP_BPF_COUNTER_ROOM, "the counters have room");
_Static_assert((int)DROPPED == MIP_BPF_DROPPED, "the first are the programs' own");

static const struct mip_counter_name counter_names[COUNTERS] = {
	[ENCAPSULATED] = {"bpf_packets_out",
		"packets sent into tunnels by the bpf programs, large ones counted once"},
	[DECAPSULATED] = {"bpf_packets_in",
		"packets taken out of tunnels by the bpf programs, large ones counted once"},
	[LEFT_SIZE] = {"bpf_left_size", "packets left to the daemon because the outer path is too narrow"},
	[LEFT_ROUTE] = {"bpf_left_route",
		"packets left to the daemon because no way was known for the outer packet"},
	[LEFT_ENCAPSULATION] = {"bpf_left_out", "packets for a tunnel left to the daemon for what they are"},
	[LEFT_DECAPSULATION] = {"bpf_left_in", "packets in a tunnel left to the daemon for what they are"},
	[DROPPED] = {"bpf_dropped", "packets that the kernel had no memory for"},
	[LINKS] = {"bpf_links", "links that have a bpf program"},
	[EARLY_LINKS] = {"bpf_links_encapsulating",
		"those of them whose packets go into tunnels at once; no rules of netfilter's forbid it"},
	[REFUSED] = {"bpf_refused",
		"tunnels that found no room in the programs' table, and go by the daemon"},
};

struct bpf {
	struct mip_accelerator accelerator;
	struct mip_user *user;
	struct mip_bpf_programs programs;
	struct mip_bpf_table table;
	struct mip_bpf_links links;
	int own; /* the map of the host's own addresses */
	/* Home addresses whose tunnel or peers changed since the last commit. */
	struct mip_plane_home_key *dirty;
	size_t dirty_count, dirty_size;
	uint64_t refused;
	uint64_t counters[COUNTERS];
};

static struct bpf *bpf_of(struct mip_accelerator *accelerator)
{
	return MIP_CONTAINER(accelerator, struct bpf, accelerator);
}

static uint8_t end_of(enum mip_tunnel_end end)
{
	return end == MIP_TUNNEL_VISITED ? MIP_BPF_VISITED : 0;
}

/* --- what the table says of a home address ---------------------------------------------------- */

/* A home address that is an end of its own tunnel would go round in it. */
static bool is_sane(const struct mip_want_tunnel *tunnel)
{
	return !mip_address_equal(tunnel->home_address, tunnel->remote) &&
	       !mip_address_equal(tunnel->home_address, tunnel->local);
}

static void describe_tunnel(const struct mip_want_tunnel *tunnel, struct mip_bpf_slot *slot)
{
	bool udp = tunnel->encapsulation == MIP_ENCAPSULATION_UDP;

	slot->remote = tunnel->remote.value;
	slot->local = tunnel->local.value;
	slot->remote_port = udp ? htons(tunnel->remote_port) : 0;
	slot->local_port = udp ? htons(tunnel->local_port) : 0;
	slot->link = (uint32_t)tunnel->link;
	slot->kind_and_flags |= (uint8_t)(tunnel->encapsulation << MIP_BPF_KIND_SHIFT);
	if (is_sane(tunnel))
		slot->kind_and_flags |= MIP_BPF_HAS_TUNNEL;
}

static bool is_other_end(const struct mip_plane_peer *peer, const struct mip_bpf_slot *slot)
{
	return peer->key.remote.value == slot->remote &&
	       htons((uint16_t)peer->key.remote_port) == slot->remote_port &&
	       (mip_address_is_none(peer->local) || peer->local.value == slot->local);
}

/* Of several peers that is in the table which is where the tunnel leads to; without a tunnel, the newest. */
static void describe_peer(const struct mip_plane_home *home, struct mip_bpf_slot *slot)
{
	const struct mip_plane_peer *peer = home->peers;

	if (!home->has_tunnel) {
		slot->remote = peer->key.remote.value;
		slot->remote_port = htons((uint16_t)peer->key.remote_port);
		slot->local = peer->local.value;
	}
	while (peer && !is_other_end(peer, slot))
		peer = peer->next;
	if (!peer)
		return;
	slot->kind_and_flags |= MIP_BPF_HAS_PEER;
	if (mip_address_is_none(peer->local))
		slot->kind_and_flags |= MIP_BPF_PEER_ANY_LOCAL;
}

static int update(struct bpf *bpf, const struct mip_plane_home_key *key)
{
	const struct mip_plane_home *home =
		mip_plane_table_home(&bpf->user->table, key->home_address, (enum mip_tunnel_end)key->end);
	uint8_t end = end_of((enum mip_tunnel_end)key->end);
	struct mip_bpf_slot slot = {.home = key->home_address.value, .kind_and_flags = end};

	if (!home || (!home->has_tunnel && !home->peers)) {
		mip_bpf_table_remove(&bpf->table, slot.home, end);
		return 0;
	}
	if (home->has_tunnel)
		describe_tunnel(&home->tunnel, &slot);
	if (home->led)
		slot.kind_and_flags |= MIP_BPF_LED;
	if (home->peers)
		describe_peer(home, &slot);
	/* Simultaneous bindings: the programs send no copies. The slot stays, for its counts, and the packets
	 * pass it by. */
	if (home->copies)
		slot.kind_and_flags &= (uint8_t) ~(MIP_BPF_HAS_TUNNEL | MIP_BPF_HAS_PEER);
	return mip_bpf_table_put(&bpf->table, &slot);
}

static int mark(struct bpf *bpf, const struct mip_plane_home_key *key)
{
	size_t size = bpf->dirty_size ? 2 * bpf->dirty_size : 64;
	struct mip_plane_home_key *grown;

	/* A node's peer and tunnel come one after the other. */
	if (bpf->dirty_count > 0 && memcmp(&bpf->dirty[bpf->dirty_count - 1], key, sizeof(*key)) == 0)
		return 0;
	if (bpf->dirty_count == bpf->dirty_size) {
		grown = reallocarray(bpf->dirty, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		bpf->dirty = grown;
		bpf->dirty_size = size;
	}
	bpf->dirty[bpf->dirty_count++] = *key;
	return 0;
}

/* What cannot be put off is done at once: the table of the user plane is a step behind only when something
 * goes, and then the entry goes whole. */
static int note(struct bpf *bpf, const struct mip_plane_home_key *key)
{
	if (mark(bpf, key) == 0)
		return 0;
	mip_bpf_table_remove(&bpf->table, key->home_address.value, end_of((enum mip_tunnel_end)key->end));
	return -ENOMEM;
}

static int bpf_tunnel(struct mip_accelerator *accelerator, const struct mip_plane_home *home, bool present)
{
	(void)present;
	return note(bpf_of(accelerator), &home->key);
}

static int bpf_peer(struct mip_accelerator *accelerator, const struct mip_plane_peer *peer, bool present)
{
	(void)present;
	return note(bpf_of(accelerator), &peer->home->key);
}

static int bpf_commit(struct mip_accelerator *accelerator)
{
	struct bpf *bpf = bpf_of(accelerator);

	for (size_t i = 0; i < bpf->dirty_count; i++) {
		const struct mip_plane_home_key *key = &bpf->dirty[i];

		if (update(bpf, key) == 0)
			continue;
		/* The daemon carries it. An old entry must not. */
		mip_bpf_table_remove(
			&bpf->table, key->home_address.value, end_of((enum mip_tunnel_end)key->end));
		bpf->refused++;
	}
	if (bpf->dirty_count > 0)
		bpf->programs.shared->settings.generation++;
	bpf->dirty_count = 0;
	return 0;
}

/* --- the rest of its duties ------------------------------------------------------------------- */

static int bpf_clamp(struct mip_accelerator *accelerator, bool clamp_mss)
{
	bpf_of(accelerator)->programs.shared->settings.clamp_mss = clamp_mss;
	return 0;
}

static void bpf_follow(struct mip_accelerator *accelerator, const struct mip_input_link *link)
{
	struct bpf *bpf = bpf_of(accelerator);

	mip_bpf_links_follow(&bpf->links, link);
	bpf->programs.shared->settings.generation++;
}

/* One that the programs could not be told of must not be tunnelled from: then the stack sees every packet
 * first. */
static void bpf_follow_address(struct mip_accelerator *accelerator, struct mip_address address, bool present)
{
	struct bpf *bpf = bpf_of(accelerator);
	uint8_t value = MIP_BPF_OURS;

	if (!present)
		(void)bpf_map_delete_elem(bpf->own, &address.value);
	else if (bpf_map_update_elem(bpf->own, &address.value, &value, BPF_ANY) != 0)
		bpf->links.blind = true;
}

static void bpf_everyones(struct mip_accelerator *accelerator, struct mip_address address, bool present)
{
	struct bpf *bpf = bpf_of(accelerator);
	uint8_t value = MIP_BPF_EVERYONES;

	if (!present)
		(void)bpf_map_delete_elem(bpf->own, &address.value);
	else if (bpf_map_update_elem(bpf->own, &address.value, &value, BPF_ANY) != 0)
		bpf->refused++;
}

static const char for_ipsec[] = "the host has policies of IPsec, which the programs would go past";

static int bpf_check(struct mip_accelerator *accelerator, char ret_reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(ret_reason, MIP_PLANE_REASON);
	char name[MIP_LINK_NAME] = "";
	int error;

	if (mip_bpf_ipsec_is_there()) {
		mip_text_add(&text, for_ipsec);
		return -EOPNOTSUPP;
	}
	error = mip_bpf_links_check(&bpf_of(accelerator)->links, name);
	if (!error)
		return 0;
	mip_text_add(&text, "the program at ");
	mip_text_add(&text, name);
	mip_text_add(&text, error == -ENOENT ? " has been taken away"
					     : " does not suit the host's rules, and cannot be replaced");
	return error;
}

static mip_time boot_time_of(uint32_t seconds)
{
	return seconds * MIP_SECOND;
}

static void bpf_traffic(struct mip_accelerator *accelerator, const struct mip_plane_home *home,
	struct mip_plane_traffic *traffic)
{
	const struct mip_bpf_slot *slot = mip_bpf_table_find(&bpf_of(accelerator)->table,
		home->key.home_address.value, end_of((enum mip_tunnel_end)home->key.end));

	if (!slot)
		return;
	traffic->packets_to += slot->packets_to;
	traffic->bytes_to += slot->bytes_to;
	traffic->packets_from += slot->packets_from;
	traffic->bytes_from += slot->bytes_from;
	if (boot_time_of(slot->last_sent) > traffic->last_sent)
		traffic->last_sent = boot_time_of(slot->last_sent);
}

static struct mip_counter_table bpf_counters(struct mip_accelerator *accelerator)
{
	struct bpf *bpf = bpf_of(accelerator);

	memset(bpf->counters, 0, sizeof(bpf->counters));
	for (size_t set = 0; set < MIP_BPF_COUNTER_SETS; set++) {
		for (size_t i = 0; i < MIP_BPF_COUNTERS; i++)
			bpf->counters[i] += bpf->programs.shared->counters[set].values[i];
	}
	bpf->counters[LINKS] = bpf->links.attached;
	bpf->counters[EARLY_LINKS] = bpf->links.early;
	bpf->counters[REFUSED] = bpf->refused;
	return (struct mip_counter_table){counter_names, bpf->counters, COUNTERS};
}

/* A socket that joins datagrams would get what a program at the link did not see as one packet. */
static void set_joining(const struct bpf *bpf, int on)
{
	int udp = bpf->user->options.udp_descriptor;

	if (udp >= 0)
		(void)setsockopt(udp, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
}

static void keep_counts(struct bpf *bpf)
{
	struct mip_plane_home *home;

	for (home = bpf->user->table.homes; home; home = home->hh.next)
		bpf_traffic(&bpf->accelerator, home, &home->traffic);
}

static void bpf_free(struct mip_accelerator *accelerator)
{
	struct bpf *bpf = bpf_of(accelerator);

	mip_bpf_links_close(&bpf->links);
	if (bpf->table.slots)
		keep_counts(bpf);
	set_joining(bpf, 1);
	if (bpf->table.slots)
		mip_bpf_table_close(&bpf->table);
	mip_bpf_programs_unload(&bpf->programs);
	free(bpf->dirty);
	free(bpf);
}

static const struct mip_accelerator_operations operations = {
	.free = bpf_free,
	.tunnel = bpf_tunnel,
	.peer = bpf_peer,
	.commit = bpf_commit,
	.clamp = bpf_clamp,
	.follow = bpf_follow,
	.follow_address = bpf_follow_address,
	.everyones = bpf_everyones,
	.check = bpf_check,
	.traffic = bpf_traffic,
	.counters = bpf_counters,
};

/* --- made ------------------------------------------------------------------------------------- */

static uint16_t port_of(int udp_descriptor)
{
	struct sockaddr_in name = {0};
	socklen_t size = sizeof(name);

	if (udp_descriptor < 0 || getsockname(udp_descriptor, (struct sockaddr *)&name, &size) < 0)
		return 0;
	return name.sin_port;
}

static void fill_in_settings(struct bpf *bpf)
{
	struct mip_bpf_settings *settings = &bpf->programs.shared->settings;

	settings->tunnel = (uint32_t)bpf->user->tun.link;
	settings->udp_port = port_of(bpf->user->options.udp_descriptor);
	settings->clamp_mss = bpf->user->options.clamp_mss;
	settings->mtu = mip_user_mtu(bpf->user);
}

/* The handle by which a daemon knows its filters again: two on a host have different tunnel devices. */
static uint32_t handle_of(const char *device)
{
	uint32_t handle = 2166136261u; /* FNV-1a */

	for (; *device; device++)
		handle = (handle ^ (uint8_t)*device) * 16777619u;
	return handle | 1;
}

static int hang(struct bpf *bpf)
{
	bpf->links = (struct mip_bpf_links){
		.log = bpf->user->options.log,
		.tunnel = bpf->user->tun.link,
		.handle = handle_of(bpf->user->device),
		.programs = {[MIP_BPF_ETHERNET] = {[MIP_BPF_BOTH_WAYS] =
							   mip_bpf_program(&bpf->programs, "link_ethernet"),
				     [MIP_BPF_DECAPSULATE] =
					     mip_bpf_program(&bpf->programs, "exit_ethernet")},
			[MIP_BPF_BARE] = {[MIP_BPF_BOTH_WAYS] = mip_bpf_program(&bpf->programs, "link_bare"),
				[MIP_BPF_DECAPSULATE] = mip_bpf_program(&bpf->programs, "exit_bare")}},
		.egress_program = mip_bpf_program(&bpf->programs, "egress_tunnel"),
	};
	return mip_bpf_links_open(&bpf->links);
}

/* What is wrong, in words, by the step that failed. */
static void explain(char reason[static MIP_PLANE_REASON], const char *step, int error)
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

	mip_text_add(&text, step);
	mip_text_add(&text, ": ");
	mip_text_add(&text, strerror(-error));
	if (error == -EPERM)
		mip_text_add(&text, " (CAP_BPF and CAP_NET_ADMIN are needed)");
	else if (error == -ENOSYS)
		mip_text_add(&text, " (the kernel has no CONFIG_BPF_SYSCALL)");
}

int mip_bpf_new(struct mip_user *user, struct mip_accelerator **ret_accelerator,
	char ret_reason[static MIP_PLANE_REASON])
{
	struct bpf *bpf = calloc(1, sizeof(*bpf));
	const char *step = "memory";
	int error;

	if (!bpf)
		return -ENOMEM;
	bpf->accelerator.operations = &operations;
	bpf->user = user;
	bpf->table.descriptor = -1;
	step = "the kernel does not take the programs";
	error = mip_bpf_programs_load(&bpf->programs);
	if (error)
		goto failed;
	step = for_ipsec;
	error = mip_bpf_ipsec_is_there() ? -EOPNOTSUPP : 0;
	if (error)
		goto failed;
	fill_in_settings(bpf);
	bpf->own = mip_bpf_map(&bpf->programs, "own");
	step = "the programs' table cannot be had";
	error = mip_bpf_table_open(&bpf->table, mip_bpf_map(&bpf->programs, "table"),
		mip_bpf_map(&bpf->programs, "slots"), MIP_BPF_FIRST_SLOTS, &bpf->programs.shared->settings);
	if (error)
		goto failed;
	step = "the programs do not do here what they should";
	error = mip_bpf_try(
		mip_bpf_program(&bpf->programs, "link_ethernet"), &bpf->table, bpf->programs.shared);
	if (error)
		goto failed;
	step = "the programs cannot be hung to the tunnel device (tc with clsact and cls_bpf is needed)";
	error = hang(bpf);
	if (error)
		goto failed;
	set_joining(bpf, 0);
	*ret_accelerator = &bpf->accelerator;
	return 0;

failed:
	explain(ret_reason, step, error);
	bpf_free(&bpf->accelerator);
	return error;
}

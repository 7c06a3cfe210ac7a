/*
 * What has more than one reader, and what is passed on from tunnel to tunnel.
 *
 *   at home      machine ── copy ──> [ outer | outer to the home address | packet ] ──> foreign agent's visitor
 *                                    [ outer | packet ] ──> node with a co-located care-of address
 *                machine <── group ── [ outer | packet of the node ]
 *   away         mip0 <── GROUPS ── the packet without what was around it
 *   foreign agent   [ home address > agent | packet ] ── RELAY ──> [ care-of > home agent | packet ]
 *
 * A destination that is a group names no home address, so the tables of tunnels and peers cannot say whose it is; here
 * are those that can. None of this is on the way of other packets: a look at an empty table is all that they meet.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "address.h"
#include "user.h"

/* --- the tables ------------------------------------------------------------------------------- */

static struct mip_user_groups_key key_of(const struct mip_want_groups *groups)
{
	return (struct mip_user_groups_key){
		.home_address = groups->home_address,
		.end = groups->end,
		.remote = groups->remote,
		.remote_port = groups->remote_port,
	};
}

static struct mip_user_groups *find_groups(const struct mip_user *user, const struct mip_user_groups_key *key)
{
	struct mip_user_groups *groups;

	HASH_FIND(hh, user->groups, key, sizeof(*key), groups);
	return groups;
}

static int set_groups(struct mip_user *user, const struct mip_want_groups *want)
{
	struct mip_user_groups_key key = key_of(want);
	struct mip_user_groups *groups = find_groups(user, &key);

	if (!groups) {
		groups = calloc(1, sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		groups->key = key;
		HASH_ADD(hh, user->groups, key, sizeof(key), groups);
		if (!groups->hh.tbl) {
			free(groups);
			return -ENOMEM;
		}
		if (want->end == MIP_TUNNEL_VISITED)
			DL_APPEND2(user->visited_groups, groups, previous, next);
	}
	groups->local = want->local;
	return 0;
}

static void remove_groups(struct mip_user *user, struct mip_user_groups *groups)
{
	if (!groups)
		return;
	if (groups->key.end == MIP_TUNNEL_VISITED)
		DL_DELETE2(user->visited_groups, groups, previous, next);
	HASH_DEL(user->groups, groups);
	free(groups);
}

static struct mip_user_relay *find_relay(const struct mip_user *user, struct mip_address home_address)
{
	struct mip_user_relay *relay;

	HASH_FIND(hh, user->relays, &home_address, sizeof(home_address), relay);
	return relay;
}

/* The raw sockets say by which link a packet came: a visitor's own must have come by the visited one. */
static void ask_links(const struct mip_user *user, int on)
{
	for (size_t i = 0; i < MIP_USER_RAWS; i++)
		(void)setsockopt(user->raw_descriptors[i], IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
}

static int set_relay(struct mip_user *user, const struct mip_want_relay *want)
{
	struct mip_user_relay *relay = find_relay(user, want->home_address);

	if (!relay) {
		relay = calloc(1, sizeof(*relay));
		if (!relay)
			return -ENOMEM;
		relay->home_address = want->home_address;
		HASH_ADD(hh, user->relays, home_address, sizeof(relay->home_address), relay);
		if (!relay->hh.tbl) {
			free(relay);
			return -ENOMEM;
		}
		if (HASH_COUNT(user->relays) == 1)
			ask_links(user, 1);
	}
	relay->local = want->local;
	relay->link = want->link;
	relay->encapsulation = want->encapsulation;
	return 0;
}

static void remove_relay(struct mip_user *user, struct mip_user_relay *relay)
{
	if (!relay)
		return;
	HASH_DEL(user->relays, relay);
	free(relay);
	if (!user->relays)
		ask_links(user, 0);
}

static struct mip_user_broadcast *find_broadcast(const struct mip_user *user, struct mip_address address)
{
	struct mip_user_broadcast *broadcast;

	HASH_FIND(hh, user->broadcasts, &address, sizeof(address), broadcast);
	return broadcast;
}

static int set_broadcast(struct mip_user *user, struct mip_address address)
{
	struct mip_user_broadcast *broadcast;

	if (find_broadcast(user, address))
		return 0;
	broadcast = calloc(1, sizeof(*broadcast));
	if (!broadcast)
		return -ENOMEM;
	broadcast->address = address;
	HASH_ADD(hh, user->broadcasts, address, sizeof(address), broadcast);
	if (!broadcast->hh.tbl) {
		free(broadcast);
		return -ENOMEM;
	}
	return 0;
}

static void remove_broadcast(struct mip_user *user, struct mip_user_broadcast *broadcast)
{
	if (!broadcast)
		return;
	HASH_DEL(user->broadcasts, broadcast);
	free(broadcast);
}

int mip_user_group_want(struct mip_user *user, const struct mip_want *want)
{
	switch (want->kind) {
	case MIP_WANT_GROUPS:
		return set_groups(user, &want->groups);
	case MIP_WANT_RELAY:
		return set_relay(user, &want->relay);
	case MIP_WANT_BROADCAST:
		return set_broadcast(user, want->broadcast.address);
	default:
		return -EINVAL;
	}
}

void mip_user_group_unwant(struct mip_user *user, const struct mip_want *want)
{
	struct mip_user_groups_key key;

	switch (want->kind) {
	case MIP_WANT_GROUPS:
		key = key_of(&want->groups);
		remove_groups(user, find_groups(user, &key));
		break;
	case MIP_WANT_RELAY:
		remove_relay(user, find_relay(user, want->relay.home_address));
		break;
	case MIP_WANT_BROADCAST:
		remove_broadcast(user, find_broadcast(user, want->broadcast.address));
		break;
	default:
		break;
	}
}

void mip_user_group_clear(struct mip_user *user)
{
	struct mip_user_groups *groups, *next_groups;
	struct mip_user_relay *relay, *next_relay;
	struct mip_user_broadcast *broadcast, *next_broadcast;

	HASH_ITER (hh, user->groups, groups, next_groups)
		remove_groups(user, groups);
	HASH_ITER (hh, user->relays, relay, next_relay)
		remove_relay(user, relay);
	HASH_ITER (hh, user->broadcasts, broadcast, next_broadcast)
		remove_broadcast(user, broadcast);
}

bool mip_user_is_group(const struct mip_user *user, struct mip_address address)
{
	return mip_address_is_multicast(address) || mip_address_is_broadcast(address) ||
	       (user->broadcasts && find_broadcast(user, address));
}

struct mip_plane_home *mip_user_group_tunnel(const struct mip_user *user, struct mip_address source)
{
	struct mip_plane_home *home = mip_plane_table_home(&user->table, source, MIP_TUNNEL_VISITED_GROUPS);

	if (!home || !home->has_tunnel)
		home = mip_plane_table_home(&user->table, source, MIP_TUNNEL_VISITED);
	return home && home->has_tunnel ? home : NULL;
}

/* --- out of tunnels --------------------------------------------------------------------------- */

/* rfc5944-4.4-7: a node may tunnel a multicast datagram from its home address, outside too; the machine says which. */
static bool is_from_home_address(const struct mip_user *user, const struct mip_plane_arrival *arrival,
	struct mip_address source, struct mip_plane_home **ret_home)
{
	struct mip_user_groups_key key = {
		.home_address = source,
		.end = MIP_TUNNEL_HOME,
		.remote = arrival->remote,
		.remote_port = arrival->remote_port,
	};
	const struct mip_user_groups *groups = find_groups(user, &key);

	if (!groups ||
		(!mip_address_is_none(groups->local) && !mip_address_equal(groups->local, arrival->local)))
		return false;
	*ret_home = mip_plane_table_home(&user->table, source, MIP_TUNNEL_HOME);
	return true;
}

static const struct mip_user_groups *visited_groups(
	const struct mip_user *user, const struct mip_plane_arrival *arrival)
{
	const struct mip_user_groups *groups;

	/* In place of DL_FOREACH2, which cppcheck does not see through. */
	for (groups = user->visited_groups; groups; groups = groups->next) {
		if (mip_address_equal(groups->key.remote, arrival->remote) &&
			groups->key.remote_port == arrival->remote_port &&
			(mip_address_is_none(groups->local) ||
				mip_address_equal(groups->local, arrival->local)))
			return groups;
	}
	return NULL;
}

int mip_user_admit_group(struct mip_user *user, const struct mip_plane_arrival *arrival,
	struct mip_address source, struct mip_plane_home **ret_home, enum mip_tunnel_end *ret_end)
{
	const struct mip_user_groups *groups = visited_groups(user, arrival);
	int error;

	if (groups) {
		/* It has been everywhere, and comes back to where it is from. */
		if (mip_address_equal(source, groups->key.home_address))
			return -ELOOP;
		*ret_home = mip_plane_table_home(&user->table, groups->key.home_address, MIP_TUNNEL_VISITED);
		*ret_end = MIP_TUNNEL_VISITED;
		return 0;
	}
	*ret_end = MIP_TUNNEL_HOME;
	/* A group is no home address, so what is admitted is from one (rfc3024-4.3.2-2). */
	error = mip_plane_table_admit(&user->table, arrival, ret_home);
	return error && is_from_home_address(user, arrival, source, ret_home) ? 0 : error;
}

/* --- the Encapsulating Delivery Style ---------------------------------------------------------- */

/* rfc3024-3.3: "encapsulation is done according to what was negotiated for the forward tunnel". Fragments, which cannot
 * have minimal encapsulation, come by IP-in-IP. */
static bool is_negotiated(const struct mip_user_relay *relay, enum mip_encapsulation encapsulation)
{
	return relay->encapsulation == encapsulation ||
	       (relay->encapsulation == MIP_ENCAPSULATION_MINIMAL && encapsulation == MIP_ENCAPSULATION_IPIP);
}

int mip_user_admit_relay(struct mip_user *user, const struct mip_plane_arrival *arrival,
	struct mip_address source, struct mip_plane_home **ret_home)
{
	const struct mip_user_relay *relay;
	struct mip_plane_home *home;

	/* rfc3024-5.2.2-1: "IP Source Address: the mobile node's home address", in both headers. */
	if (!mip_address_equal(arrival->remote, source) || arrival->encapsulation == MIP_ENCAPSULATION_UDP)
		return -ENOENT;
	relay = find_relay(user, source);
	home = relay ? mip_plane_table_home(&user->table, source, MIP_TUNNEL_VISITED) : NULL;
	if (!home || !home->has_tunnel)
		return -ENOENT;
	/* RFC 3024 5.2.1: "after verifying that it was sent by the mobile node": by the link where that is. */
	if (arrival->link != relay->link || !is_negotiated(relay, arrival->encapsulation) ||
		(!mip_address_is_none(relay->local) && !mip_address_equal(relay->local, arrival->local)))
		return -EACCES;
	*ret_home = home;
	return 0;
}

/* rfc3024-5.2.2-2: "These fields of the encapsulating IP header MUST be chosen as follows:" */
/* From the coalescer, which knows what of it the kernel had joined. Nothing of mip0's is in the arena now. */
void mip_user_relay(void *context, const uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	struct mip_user *user = context;
	struct mip_plane_home *home;
	struct mip_inner inner;

	memcpy(user->arena, packet, length);
	if (mip_inner_read(user->arena, length, &inner) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	home = mip_plane_table_home(&user->table, inner.ip.source, MIP_TUNNEL_VISITED);
	if (!home || !home->has_tunnel) {
		user->counters[MIP_USER_DROP_NO_TUNNEL]++;
		return;
	}
	user->counters[MIP_USER_RELAYED]++;
	mip_user_send_into(user, home, user->arena, length, offload);
}

/* --- copies ----------------------------------------------------------------------------------- */

/* What a sender on this machine left to a card. Fragments have nothing to be completed. */
void mip_user_complete_checksum(uint8_t *packet, const struct mip_inner *inner)
{
	struct mip_offload offload = {
		.needs_checksum = true, .checksum_start = (uint16_t)inner->ip.header_length};

	if (inner->transport_header == 0 || mip_inner_check(inner) != MIP_CHECKSUM_PARTIAL)
		return;
	offload.checksum_offset = (uint16_t)mip_inner_checksum_place(inner);
	(void)mip_complete_checksum(packet, inner->length, &offload);
}

static void send_copy(
	struct mip_user *user, const struct mip_output_copy *copy, struct mip_plane_home *home, size_t length)
{
	struct mip_offload nothing = {0};

	user->counters[MIP_USER_COPIES_OUT]++;
	if (mip_address_is_none(copy->remote))
		mip_user_send_into(user, home, user->arena, length, &nothing);
	else
		mip_user_send_by(user, home, user->arena, length);
}

int mip_user_copy(
	struct mip_user *user, const struct mip_output_copy *copy, const uint8_t *packet, size_t length)
{
	struct mip_plane_home *home = mip_plane_table_home(&user->table, copy->home_address, MIP_TUNNEL_HOME);
	size_t around = copy->nested ? MIP_IP_HEADER : 0;
	struct mip_writer writer;
	struct mip_inner inner;

	if (home && !mip_address_is_none(copy->remote))
		home = mip_plane_home_by(home, copy->remote, copy->remote_port);
	if (!home || !home->has_tunnel) {
		user->counters[MIP_USER_DROP_NO_TUNNEL]++;
		return -ENOENT;
	}
	if (length + around > MIP_INNER_MAX || mip_inner_read(packet, length, &inner) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return -EBADMSG;
	}
	mip_user_clock(user);
	memcpy(user->arena + around, packet, inner.length);
	(void)mip_inner_read(user->arena + around, inner.length, &inner);
	if (copy->checksum_unfilled)
		mip_user_complete_checksum(user->arena + around, &inner);
	if (copy->nested) {
		/* rfc5944-4.4-4: "the home agent MUST first encapsulate the datagram in a unicast datagram addressed to the
		 * mobile node's home address and then MUST tunnel the resulting datagram". */
		struct mip_ip ip = {
			.tos = inner.ip.tos,
			.total_length = (uint16_t)(MIP_IP_HEADER + inner.length),
			.identification = (uint16_t)user->counters[MIP_USER_COPIES_OUT],
			.dont_fragment = inner.ip.dont_fragment, /* rfc2003-3.1-1 */
			.ttl = MIP_OUTER_TTL,
			.protocol = MIP_PROTOCOL_IPIP,
			.source = copy->source,
			.destination = copy->home_address,
		};

		writer = mip_writer_of(user->arena, MIP_IP_HEADER);
		mip_ip_write(&writer, &ip);
	}
	send_copy(user, copy, home, inner.length + around);
	return 0;
}

/*
 * What is for everyone or for a group on the home link, and the nodes that are away from it (RFC 5944 4.3, 4.4).
 *
 *   home link ── frame ──> who asked? ──┬── a copy to each node with the 'B' bit        (broadcast)
 *                                       └── a copy to each member of the group          (multicast)
 *   a node's tunnel ── packet ──┬── IGMP: membership of the node
 *                               └── onto the home link, and copies to the other nodes that asked
 *
 * The home agent is the multicast router of the tunnels: it asks the nodes (General Queries through the tunnel: when a
 * binding is new, and again while there are members), and is itself a member on the home link of the groups that they
 * are members of. A membership ends with a report that says so, with silence, or with the binding.
 *
 * The link is listened to only while a node is away that asked for something; a packet that nobody asked for is not
 * seen at all. Copies are limited in number, so that a storm on the home link does not become one in the tunnels.
 */
#define NDEBUG /* utlist.h has assertions; a machine does not abort */
#include "ha_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "igmp.h"
#include "packet.h"

enum {
	PORT_DHCP_SERVER = 67,
	PORT_DHCP_CLIENT = 68,
	ALL_SYSTEMS = 0xe0000001, /* 224.0.0.1: nobody reports it, and what is said to it is the link's own */
	ROBUSTNESS = 2,		  /* RFC 3376 8.1: queries that may be lost */
	RESPONSE_TENTHS = 100,	  /* RFC 3376 8.3: a node may take ten seconds to answer … */
	FIRST_RESPONSE_TENTHS = 10, /* … but one when the binding is new */
	FIRST_QUERIES = 2,	    /* RFC 3376 8.7: Startup Query Count, for one of them may be lost */
};

/* A new binding's reply is on its way to the foreign agent first. */
#define FIRST_QUERY_AFTER (200 * MIP_MILLISECOND)

/* A group with members among the nodes, on one home link (NULL: on virtual networks). */
struct ha_group {
	struct ha_group_key {
		struct ha_home_link *home_link;
		struct mip_address address;
		uint32_t zero;
	} key;
	struct ha_member *members;
	UT_hash_handle hh;
};

struct ha_member {
	struct ha_group *group;
	struct ha_binding *binding;
	struct ha_member *previous, *next;	   /* of the group */
	struct ha_member *previous_own, *next_own; /* of the node */
	struct mip_deadline deadline;
};

static struct ha_home_link *home_link_of(const struct ha_core *core, const struct ha_binding *binding)
{
	const struct ha_network *network = ha_network_of(&core->tables, binding->home_address);
	struct ha_home_link *home_link = network ? network->home_link : NULL;

	return home_link && home_link->link != MIP_LINK_NONE ? home_link : NULL;
}

/* --- listening to the home link --------------------------------------------------------------- */

static void tell_listening(struct ha_core *core, const struct ha_home_link *home_link, bool wanted)
{
	struct mip_want want = {.kind = MIP_WANT_LISTEN, .listen = {home_link->link}};

	if (wanted)
		mip_outbox_want(&core->outbox, &want);
	else
		mip_outbox_unwant(&core->outbox, &want);
}

/* The link that is listened to for this binding's sake. */
static void set_heard(struct ha_core *core, struct ha_binding *binding, struct ha_home_link *home_link)
{
	struct ha_home_link *before = binding->heard;

	if (before == home_link)
		return;
	binding->heard = home_link;
	if (home_link && home_link->listeners++ == 0)
		tell_listening(core, home_link, true);
	if (before && --before->listeners == 0)
		tell_listening(core, before, false);
}

static void listen_as_needed(struct ha_core *core, struct ha_binding *binding)
{
	bool needed = binding->listed || binding->members;

	set_heard(core, binding, needed ? home_link_of(core, binding) : NULL);
}

/* rfc5944-4.3-1: those that have asked are in a list of their own: nobody else is looked at. */
static void set_broadcast(struct ha_core *core, struct ha_binding *binding, bool broadcast)
{
	if (broadcast == binding->listed)
		return;
	binding->listed = broadcast;
	if (broadcast)
		DL_APPEND2(core->broadcast_first, binding, broadcast_previous, broadcast_next);
	else
		DL_DELETE2(core->broadcast_first, binding, broadcast_previous, broadcast_next);
}

/* --- membership ------------------------------------------------------------------------------- */

static void emit(struct ha_core *core, const char *name, const struct ha_member *member, const char *reason)
{
	struct mip_event event = mip_event_of(name);

	mip_event_address(&event, "home_address", member->binding->home_address);
	mip_event_address(&event, "group", member->group->key.address);
	if (reason)
		mip_event_string(&event, "reason", reason);
	mip_outbox_event(&core->outbox, &event);
}

static void tell_group(struct ha_core *core, const struct ha_group *group, bool wanted)
{
	struct mip_want want = {.kind = MIP_WANT_GROUP};

	if (!group->key.home_link)
		return;
	want.group = (struct mip_want_group){group->key.home_link->link, group->key.address};
	if (wanted)
		mip_outbox_want(&core->outbox, &want);
	else
		mip_outbox_unwant(&core->outbox, &want);
}

static struct ha_group *find_group(
	const struct ha_core *core, struct ha_home_link *home_link, struct mip_address address)
{
	struct ha_group_key key;
	struct ha_group *group;

	memset(&key, 0, sizeof(key));
	key.home_link = home_link;
	key.address = address;
	HASH_FIND(hh, core->groups, &key, sizeof(key), group);
	return group;
}

static struct ha_group *new_group(
	struct ha_core *core, struct ha_home_link *home_link, struct mip_address address)
{
	struct ha_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->key.home_link = home_link;
	group->key.address = address;
	HASH_ADD(hh, core->groups, key, sizeof(group->key), group);
	if (!group->hh.tbl) {
		free(group);
		return NULL;
	}
	/* RFC 5944 4.4 assumes "that its home agent is a multicast router": other routers and bridges of the home link
	 * learn from its own membership that somebody here wants the group. */
	tell_group(core, group, true);
	return group;
}

static struct ha_member *member_of(const struct ha_binding *binding, struct mip_address address)
{
	struct ha_member *member = binding->members;

	while (member && !mip_address_equal(member->group->key.address, address))
		member = member->next_own;
	return member;
}

static void leave(struct ha_core *core, struct ha_member *member, const char *reason)
{
	struct ha_binding *binding = member->binding;
	struct ha_group *group = member->group;

	emit(core, "group_left", member, reason);
	mip_deadline_cancel(&core->deadlines, &member->deadline);
	DL_DELETE2(group->members, member, previous, next);
	DL_DELETE2(binding->members, member, previous_own, next_own);
	binding->member_count--;
	free(member);
	if (group->members)
		return;
	tell_group(core, group, false);
	HASH_DEL(core->groups, group);
	free(group);
}

static void leave_all(struct ha_core *core, struct ha_binding *binding, const char *reason)
{
	struct ha_member *member, *next;

	for (member = binding->members; member; member = next) {
		next = member->next_own;
		leave(core, member, reason);
	}
}

/* RFC 3376 8.4: Group Membership Interval. */
static mip_time expiry(const struct ha_core *core, struct mip_now now)
{
	return now.boot + ROBUSTNESS * core->settings.query_interval + RESPONSE_TENTHS / 10 * MIP_SECOND;
}

static struct ha_member *new_member(
	struct ha_core *core, struct ha_binding *binding, struct mip_address address)
{
	struct ha_home_link *home_link = home_link_of(core, binding);
	struct ha_group *group = find_group(core, home_link, address);
	struct ha_member *member;

	/* What a node can make us keep, and the kernel too, has its bounds. */
	if (binding->member_count >= core->settings.groups_per_node ||
		(!group && HASH_COUNT(core->groups) >= core->settings.groups))
		return NULL;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	if (!group)
		group = new_group(core, home_link, address);
	if (!group) {
		free(member);
		return NULL;
	}
	member->group = group;
	member->binding = binding;
	member->deadline.kind = HA_DEADLINE_MEMBER;
	DL_APPEND2(group->members, member, previous, next);
	DL_APPEND2(binding->members, member, previous_own, next_own);
	binding->member_count++;
	return member;
}

static void schedule_query(struct ha_core *core, struct ha_binding *binding, mip_time at)
{
	binding->query.kind = HA_DEADLINE_QUERY;
	(void)mip_deadline_set(&core->deadlines, &binding->query, at);
}

static void join(
	struct ha_core *core, struct ha_binding *binding, struct mip_address address, struct mip_now now)
{
	struct ha_member *member = member_of(binding, address);
	bool is_new = !member;

	if (is_new)
		member = new_member(core, binding, address);
	if (!member) {
		ha_count(core, HA_COUNTER_GROUPS_REFUSED);
		return;
	}
	if (mip_deadline_set(&core->deadlines, &member->deadline, expiry(core, now)) < 0) {
		leave(core, member, "no memory");
		return;
	}
	if (!is_new)
		return;
	ha_count(core, HA_COUNTER_GROUPS_JOINED);
	emit(core, "group_joined", member, NULL);
	listen_as_needed(core, binding);
	if (!mip_deadline_is_set(&binding->query))
		schedule_query(core, binding, now.boot + core->settings.query_interval);
}

static void take_record(struct ha_core *core, struct ha_binding *binding,
	const struct mip_igmp_record *record, struct mip_now now)
{
	struct ha_member *member;

	if (mip_address_number(record->group) == ALL_SYSTEMS)
		return;
	if (record->joins) {
		join(core, binding, record->group, now);
		return;
	}
	/* The tunnel has one host at its other end: nobody else needs to be asked (RFC 3376 6.4.2). */
	member = member_of(binding, record->group);
	if (member)
		leave(core, member, "report");
	listen_as_needed(core, binding);
}

/* rfc5944-4.4-1: "… multicasts, a mobile node MUST join the multicast group in one of two ways." */
static void take_igmp(
	struct ha_core *core, struct ha_binding *binding, struct mip_reader message, struct mip_now now)
{
	struct mip_igmp_report report;
	struct mip_igmp_record record;
	int status;

	if (!core->settings.multicast) {
		ha_count(core, HA_COUNTER_DROP_GROUP);
		return;
	}
	status = mip_igmp_report_read(message, &report);
	if (status == 0) {
		ha_count(core, HA_COUNTER_IGMP_REPORTS_RECEIVED);
		while ((status = mip_igmp_record_next(&report, &record)) > 0)
			take_record(core, binding, &record, now);
	}
	if (status == -EBADMSG)
		ha_count(core, HA_COUNTER_DROP_MALFORMED);
	else if (status == -ENOMSG) /* a query, say: the node is no router here */
		ha_count(core, HA_COUNTER_DROP_GROUP);
}

/* --- copies ----------------------------------------------------------------------------------- */

/* A bucket that is filled at the rate of the settings and holds a second's worth. */
static bool may_copy(struct ha_core *core, struct mip_now now)
{
	uint64_t rate = core->settings.copy_rate;
	mip_time since = now.boot - core->copies_filled;
	uint64_t more;

	if (rate == 0)
		return true;
	more = since >= MIP_SECOND ? rate : (uint64_t)since * rate / MIP_SECOND;
	if (more > 0) {
		core->copies_left = core->copies_left + more < rate ? core->copies_left + more : rate;
		core->copies_filled = now.boot;
	}
	if (core->copies_left == 0) {
		ha_count(core, HA_COUNTER_DROP_COPY_LIMIT);
		return false;
	}
	core->copies_left--;
	return true;
}

struct packet {
	const uint8_t *octets;
	size_t length;
	struct mip_ip ip;
	struct mip_reader payload;
	bool checksum_unfilled;
};

/* Into this binding's own tunnel: each has its own way of encapsulation. */
static void send_copy(struct ha_core *core, const struct ha_binding *binding, const struct packet *packet)
{
	struct mip_output_copy copy = {
		.home_address = binding->home_address,
		/* rfc5944-4.4-4, 4.3: 'D' set: to the care-of address; otherwise "MUST first encapsulate the datagram in a
		 * unicast datagram addressed to the mobile node's home address". */
		.nested = !binding->co_located,
		.source = binding->home_agent,
		.checksum_unfilled = packet->checksum_unfilled,
	};

	if (ha_binding_way(binding, &copy.remote, &copy.remote_port))
		mip_outbox_copy(&core->outbox, &copy, packet->octets, packet->length);
}

/* Not to the node that it is from; and not to one on another home link. */
static void copy_to(struct ha_core *core, const struct ha_binding *binding, struct ha_home_link *home_link,
	const struct packet *packet, struct mip_now now)
{
	if (mip_address_equal(packet->ip.source, binding->home_address) ||
		home_link_of(core, binding) != home_link)
		return;
	if (!home_link && ha_network_of(&core->tables, binding->home_address) !=
				  ha_network_of(&core->tables, packet->ip.source))
		return;
	if (!may_copy(core, now))
		return;
	ha_count(core, HA_COUNTER_COPIES_SENT);
	send_copy(core, binding, packet);
}

/* rfc5944-3.6.1.2-3: "… the mobile node, the home agent MUST tunnel it to this care-of address." */
/* rfc5944-3.6.1.2-4: "… the mobile node, the home agent MUST first encapsulate the broadcast datagram in a unicast …" */
static void copy_broadcast(
	struct ha_core *core, struct ha_home_link *home_link, const struct packet *packet, struct mip_now now)
{
	const struct ha_binding *binding;

	ha_count(core, HA_COUNTER_BROADCASTS_TAKEN);
	/* rfc5944-4.3-2: to each that asked the home agent SHOULD forward it; which kinds is a matter of configuration. */
	DL_FOREACH2(core->broadcast_first, binding, broadcast_next)
	copy_to(core, binding, home_link, packet, now);
}

/* rfc5944-4.2.3-8 and 3.6.1.2: the node is the member, and has one or several care-of addresses. */
static void copy_to_member(struct ha_core *core, const struct ha_member *member,
	struct ha_home_link *home_link, const struct packet *packet, struct mip_now now)
{
	const struct ha_binding *binding;

	for (binding = member->binding->node->binding; binding; binding = binding->sibling)
		copy_to(core, binding, home_link, packet, now);
}

static void copy_multicast(
	struct ha_core *core, struct ha_home_link *home_link, const struct packet *packet, struct mip_now now)
{
	struct ha_group *group = find_group(core, home_link, packet->ip.destination);
	const struct ha_member *member;

	if (!group)
		return;
	ha_count(core, HA_COUNTER_MULTICASTS_TAKEN);
	DL_FOREACH2(group->members, member, next)
	copy_to_member(core, member, home_link, packet, now);
}

/* 255.255.255.255, or all ones on a network of the link. */
static bool is_broadcast_on(
	const struct ha_core *core, const struct ha_home_link *home_link, struct mip_address address)
{
	if (mip_address_is_broadcast(address))
		return true;
	for (size_t i = 0; i < core->tables.network_count; i++) {
		const struct ha_network *network = &core->tables.networks[i];

		if (network->home_link == home_link && network->prefix.length < 31 &&
			mip_address_equal(address, mip_prefix_broadcast(network->prefix)))
			return true;
	}
	return false;
}

static void copy(
	struct ha_core *core, struct ha_home_link *home_link, const struct packet *packet, struct mip_now now)
{
	if (mip_address_is_multicast(packet->ip.destination))
		copy_multicast(core, home_link, packet, now);
	else if (is_broadcast_on(core, home_link, packet->ip.destination))
		copy_broadcast(core, home_link, packet, now);
}

/* --- what it is ------------------------------------------------------------------------------- */

enum kind {
	DATA,
	SIGNALLING, /* of mobility agents: it is said on a link, and is true on that link only */
	LINK_OWN,   /* of the link: who is here, who has which address */
};

static enum kind kind_of_udp(const struct ha_core *core, struct mip_reader payload)
{
	uint16_t source = mip_read16(&payload), destination = mip_read16(&payload);

	if (source == MIP_REGISTRATION_PORT || destination == MIP_REGISTRATION_PORT)
		return SIGNALLING;
	if (!core->settings.broadcast_dhcp &&
		(destination == PORT_DHCP_SERVER || destination == PORT_DHCP_CLIENT))
		return LINK_OWN;
	return DATA;
}

static enum kind kind_of(const struct ha_core *core, const struct packet *packet)
{
	struct mip_reader payload = packet->payload;
	uint8_t type;

	if (packet->ip.protocol == MIP_PROTOCOL_IGMP)
		return LINK_OWN;
	if (packet->ip.fragment_offset > 0)
		return DATA;
	if (packet->ip.protocol == MIP_PROTOCOL_UDP)
		return kind_of_udp(core, payload);
	if (packet->ip.protocol != MIP_PROTOCOL_ICMP)
		return DATA;
	type = mip_read8(&payload);
	return type == MIP_ICMP_ROUTER_ADVERTISEMENT || type == MIP_ICMP_ROUTER_SOLICITATION ? SIGNALLING
											     : DATA;
}

static int read_packet(const uint8_t *octets, size_t length, struct packet *ret_packet)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct packet packet = {.octets = octets};

	if (mip_ip_read(&reader, &packet.ip, &packet.payload) < 0)
		return -EBADMSG;
	packet.length = packet.ip.total_length;
	*ret_packet = packet;
	return 0;
}

/* --- from the home link ----------------------------------------------------------------------- */

bool ha_group_frame(struct ha_core *core, struct ha_home_link *home_link, const struct mip_input_frame *frame,
	struct mip_now now)
{
	struct packet packet;

	if (home_link->listeners == 0 || frame->unicast ||
		read_packet(frame->octets, frame->length, &packet) < 0)
		return false;
	packet.checksum_unfilled = frame->checksum_unfilled;
	/* Unreachable branch: the enumeration has no other value. */
	switch (kind_of(core, &packet)) {
	case SIGNALLING:
		return false;
	case LINK_OWN:
		ha_count(core, HA_COUNTER_COPIES_WITHHELD);
		return true;
	case DATA:
		break;
	}
	if (packet.ip.ttl > 0)
		copy(core, home_link, &packet, now);
	return true;
}

/* --- from a node ------------------------------------------------------------------------------ */

/* RFC 1112 6.4: 01-00-5e and the low-order 23 bits of the group. */
static struct mip_link_address link_address_of(struct mip_address destination)
{
	uint32_t number = mip_address_number(destination);

	if (!mip_address_is_multicast(destination))
		return (struct mip_link_address){0}; /* everyone */
	return (struct mip_link_address){
		.length = MIP_ETHERNET_ADDRESS,
		.octets = {0x01, 0x00, 0x5e, (uint8_t)(number >> 16 & 0x7f), (uint8_t)(number >> 8),
			(uint8_t)number},
	};
}

/* As if the node were there: the tunnel is its cable, so the TTL stays, which is 1 for what is to stay on the link. */
static void put_on_link(
	struct ha_core *core, const struct ha_home_link *home_link, const struct packet *packet)
{
	struct mip_output_frame frame = {
		.link = home_link->link,
		.destination = link_address_of(packet->ip.destination),
		.ethertype = MIP_ETHERTYPE_IPV4,
	};

	ha_count(core, HA_COUNTER_GROUP_PACKETS_FORWARDED);
	mip_outbox_frame(&core->outbox, &frame, packet->octets, packet->length);
}

void ha_core_group(struct ha_core *core, struct mip_address home_address, const uint8_t *octets,
	size_t length, struct mip_now now)
{
	struct ha_binding *binding = ha_binding_find(core, home_address);
	struct ha_home_link *home_link;
	struct packet packet;

	if (!binding || read_packet(octets, length, &packet) < 0) {
		ha_count(core, HA_COUNTER_DROP_GROUP);
		return;
	}
	if (packet.ip.protocol == MIP_PROTOCOL_IGMP) {
		take_igmp(core, binding, packet.payload, now);
		return;
	}
	/* Nobody's agent advertisements, and nobody's registrations, come out of a tunnel. */
	if (kind_of(core, &packet) == SIGNALLING) {
		ha_count(core, HA_COUNTER_DROP_GROUP);
		return;
	}
	home_link = home_link_of(core, binding);
	if (home_link)
		put_on_link(core, home_link, &packet);
	copy(core, home_link, &packet, now);
}

/* --- queries ---------------------------------------------------------------------------------- */

void ha_group_query_due(struct ha_core *core, struct mip_deadline *deadline, struct mip_now now)
{
	struct ha_binding *binding = MIP_CONTAINER(deadline, struct ha_binding, query);
	uint8_t octets[MIP_IGMP_QUERY_PACKET];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	bool first = binding->queries < FIRST_QUERIES;
	struct packet packet = {.octets = octets, .length = sizeof(octets)};

	mip_igmp_query_write(&writer, binding->home_agent, core->query_identification++,
		first ? FIRST_RESPONSE_TENTHS : RESPONSE_TENTHS,
		(uint8_t)(core->settings.query_interval / MIP_SECOND < UINT8_MAX
				  ? core->settings.query_interval / MIP_SECOND
				  : UINT8_MAX),
		ROBUSTNESS);
	send_copy(core, binding, &packet);
	ha_count(core, HA_COUNTER_IGMP_QUERIES_SENT);
	if (first)
		binding->queries++;
	if (binding->queries <
		FIRST_QUERIES) /* RFC 3376 8.6: Startup Query Interval, a quarter of the usual one */
		schedule_query(core, binding, now.boot + core->settings.query_interval / 4);
	else if (binding->members)
		schedule_query(core, binding, now.boot + core->settings.query_interval);
}

void ha_group_member_due(struct ha_core *core, struct mip_deadline *deadline)
{
	struct ha_member *member = MIP_CONTAINER(deadline, struct ha_member, deadline);
	struct ha_binding *binding = member->binding;

	ha_count(core, HA_COUNTER_GROUPS_EXPIRED);
	leave(core, member, "expired");
	listen_as_needed(core, binding);
}

/* --- bindings and links as they come and go --------------------------------------------------- */

/*
 * rfc5944-4.4-7: a mobile node "MUST use its home address as the IP source address of both the (inner) multicast datagram
 * and the (outer) encapsulating datagram". With a reverse tunnel the outer source is the care-of address instead (RFC
 * 3024 5.1.2), and nothing else is taken (rfc3024-4.3.2-3); without one this is the only way that a node may send them.
 */
static bool another_is_from_home(const struct ha_binding *binding)
{
	const struct ha_binding *other = binding->node->binding;

	while (other && (other == binding || !other->from_home_told))
		other = other->sibling;
	return other != NULL;
}

static void set_from_home(struct ha_core *core, struct ha_binding *binding, bool wanted)
{
	struct mip_want want = {
		.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = binding->home_address,
			.end = MIP_TUNNEL_HOME,
			.remote = binding->home_address},
	};

	if (wanted == binding->from_home_told)
		return;
	binding->from_home_told = wanted;
	if (wanted)
		mip_outbox_want(&core->outbox, &want);
	else if (!another_is_from_home(binding))
		mip_outbox_unwant(&core->outbox, &want);
}

void ha_group_follow(struct ha_core *core, struct ha_binding *binding, struct mip_now now)
{
	struct ha_home_link *home_link = home_link_of(core, binding);

	/* The network is on another link now. */
	if (binding->members && binding->members->group->key.home_link != home_link) {
		leave_all(core, binding, "network");
		binding->queries = 0;
	}
	if (!core->settings.multicast) {
		leave_all(core, binding, "configuration");
		mip_deadline_cancel(&core->deadlines, &binding->query);
		binding->queries = 0;
	}
	set_from_home(core, binding, core->settings.multicast && !binding->reverse_tunnel);
	/* rfc5944-3.8.2-3: "… support broadcasts (see Section 4.3), it MUST ignore the 'B' bit (as opposed to rejecting the …" */
	set_broadcast(core, binding, binding->broadcast && core->settings.broadcasts);
	listen_as_needed(core, binding);
	/* RFC 5944 4.4: groups are joined "via a bidirectional tunnel to its home agent". What a node is a member of since
	 * before, it says when it is asked. */
	if (core->settings.multicast && binding->reverse_tunnel && binding->queries < FIRST_QUERIES &&
		!mip_deadline_is_set(&binding->query))
		schedule_query(core, binding, now.boot + FIRST_QUERY_AFTER);
}

void ha_group_forget(struct ha_core *core, struct ha_binding *binding, const char *reason)
{
	leave_all(core, binding, reason);
	set_from_home(core, binding, false);
	set_broadcast(core, binding, false);
	set_heard(core, binding, NULL);
	mip_deadline_cancel(&core->deadlines, &binding->query);
	binding->queries = 0;
}

void ha_group_bequeath(
	struct ha_core *core, struct ha_binding *binding, struct ha_binding *heir, struct mip_now now)
{
	struct ha_member *member;

	DL_FOREACH2(binding->members, member, next_own)
	member->binding = heir;
	DL_CONCAT2(heir->members, binding->members, previous_own, next_own);
	heir->member_count += binding->member_count;
	binding->members = NULL;
	binding->member_count = 0;
	listen_as_needed(core, heir);
	if (heir->members && !mip_deadline_is_set(&heir->query))
		schedule_query(core, heir, now.boot + core->settings.query_interval);
}

void ha_group_detach(struct ha_core *core, struct ha_home_link *home_link)
{
	for (struct ha_binding *binding = core->bindings; binding && home_link->listeners > 0;
		binding = binding->hh.next) {
		if (binding->heard == home_link)
			ha_group_forget(core, binding, "link");
	}
}

/* --- addresses that are everyone's ------------------------------------------------------------ */

static void tell_broadcast(struct ha_core *core, const struct ha_network *network, bool wanted)
{
	struct mip_want want = {
		.kind = MIP_WANT_BROADCAST,
		.broadcast = {mip_prefix_broadcast(network->prefix)},
	};

	if (network->prefix.length >= 31)
		return;
	if (wanted)
		mip_outbox_want(&core->outbox, &want);
	else
		mip_outbox_unwant(&core->outbox, &want);
}

static bool has_network(const struct ha_tables *tables, const struct ha_network *network)
{
	for (size_t i = 0; i < tables->network_count; i++) {
		if (mip_prefix_equal(tables->networks[i].prefix, network->prefix))
			return true;
	}
	return false;
}

void ha_group_networks(struct ha_core *core, const struct ha_tables *old, const struct ha_tables *tables)
{
	for (size_t i = 0; old && i < old->network_count; i++) {
		if (!has_network(tables, &old->networks[i]))
			tell_broadcast(core, &old->networks[i], false);
	}
	for (size_t i = 0; i < tables->network_count; i++) {
		if (!old || !has_network(old, &tables->networks[i]))
			tell_broadcast(core, &tables->networks[i], true);
	}
}

/*
 * The kernel state that the node's situation amounts to. It is worked out whole, as a list, and compared with
 * the list before: first everything that is new or changed, in the list's order, then what is no longer
 * wanted, in reverse. So the home address is on some interface at every instant, and a route is replaced in
 * one step.
 *
 *   away      home address on mip0
 *             table T: default by mip0 (co-located) or by the foreign agent (a permanent neighbour: no ARP)
 *             table C of an interface: what leaves from its co-located care-of address
 *             groups and broadcasts by mip0: into the tunnel, or nowhere
 *   at home   home address on the home link, table T: default by the home network's router
 *
 *   rules, from rule_priority on
 *     +0  from HOME          lookup T       away: what is from the home address, whatever main says
 *     +1  from CARE-OF       lookup C       the registrations and the tunnel's outer packets themselves
 *     +2  all                lookup main, but not its default routes: what is near stays near
 *     +3  all                lookup T       and all else goes by the home address
 */
#include "mn_machine.h"

#include <stdlib.h>
#include <string.h>

enum {
	RULE_HOME = 0,
	RULE_CARE_OF = 1,
	RULE_NEAR = 2,
	RULE_ALL = 3,
	MTU_LEAST = 68, /* RFC 791 3.2: what every link carries */
	/* arp_ignore: 1, answers for addresses of the link itself; 8, for none */
	ARP_OF_THIS_LINK = 1,
	ARP_OF_NONE = 8,
};

static const struct mip_want *find(const struct mn_wants *wants, const struct mip_want *item)
{
	for (size_t i = 0; i < wants->count; i++)
		if (mip_want_same_key(&wants->items[i], item))
			return &wants->items[i];
	return NULL;
}

/* The same, where most of it stands in the same place. */
static const struct mip_want *find_near(
	const struct mn_wants *wants, size_t place, const struct mip_want *item)
{
	if (place < wants->count && mip_want_same_key(&wants->items[place], item))
		return &wants->items[place];
	return find(wants, item);
}

/* The first to want a thing says how it shall be. */
static void add(struct mn_wants *wants, struct mip_want item)
{
	size_t size = wants->size > 0 ? wants->size * 2 : 32;
	struct mip_want *grown;

	if (find(wants, &item))
		return;
	if (wants->count == wants->size) {
		grown = reallocarray(wants->items, size, sizeof(*grown));
		if (!grown)
			return;
		wants->items = grown;
		wants->size = size;
	}
	wants->items[wants->count++] = item;
}

static void add_setting(struct mn_wants *wants, mip_link link, enum mip_kernel_setting setting, int value)
{
	add(wants, (struct mip_want){.kind = MIP_WANT_SETTING,
			   .setting = {.link = link, .setting = setting, .value = value}});
}

static void add_rule(const struct mn_core *core, struct mn_wants *wants, unsigned number,
	struct mip_address from, uint32_t table)
{
	struct mip_prefix source = {.address = from, .length = mip_address_is_none(from) ? 0 : 32};

	add(wants, (struct mip_want){.kind = MIP_WANT_RULE,
			   .rule = {.priority = core->settings.rule_priority + number,
				   .from = source,
				   .table = table,
				   .suppress_prefix_length = number == RULE_NEAR ? 0 : -1}});
}

static void add_default(struct mn_wants *wants, struct mip_want_route route)
{
	add(wants, (struct mip_want){.kind = MIP_WANT_ROUTE, .route = route});
}

static bool is_home(const struct mn_place *place)
{
	return place->mode == MN_MODE_HOME;
}

/* The place where the node is at home, or that it is coming home to; NULL: it is away. */
static const struct mn_place *home_place(const struct mn_core *core)
{
	if (core->attempt.active && is_home(&core->attempt.place))
		return &core->attempt.place;
	return is_home(&core->binding.place) ? &core->binding.place : NULL;
}

static bool is_leaving_home(const struct mn_core *core)
{
	return is_home(&core->binding.place) && core->attempt.active && !is_home(&core->attempt.place);
}

/* --- the host's settings ---------------------------------------------------------------------- */

/* rfc5944-4.6-15: an ARP Request for the co-located care-of address: SHOULD reply. */
static bool uses_co_located(const struct mn_core *core, mip_link link)
{
	return (core->binding.place.mode == MN_MODE_CO_LOCATED && core->binding.place.link == link) ||
	       (core->attempt.active && core->attempt.place.mode == MN_MODE_CO_LOCATED &&
		       core->attempt.place.link == link);
}

/*
 * rfc5944-4.6-13, rfc5944-4.6-16: away from home, and from before the request that leaves it, no answer to
 * ARP Requests for the home address; back home, from before the request, again. On mip0 the home address is
 * not answered for by other links; but on the home link it may still be (while leaving), or always be
 * (someone else's).
 */
static int arp_ignore_of(const struct mn_core *core, const struct mn_interface *interface)
{
	const struct mn_place *home = home_place(core);
	bool here = mn_interface_address(interface, core->home_address) != NULL ||
		    (home && home->link == interface->link);
	bool at_home = home && home->link == interface->link && !is_leaving_home(core);
	bool away = core->bound_once || (core->attempt.active && !is_home(&core->attempt.place));

	return here && !at_home && away && !uses_co_located(core, interface->link) ? ARP_OF_NONE
										   : ARP_OF_THIS_LINK;
}

static void add_settings(const struct mn_core *core, struct mn_wants *wants)
{
	/*
	 * Packets for the home address come in by whichever way the home agent last knew, also by links that
	 * have no address and that the way back no longer uses; reverse path filtering, the loose kind too,
	 * drops them there. The kernel takes the larger of the link's setting and the host's.
	 */
	add_setting(wants, MIP_LINK_NONE, MIP_SETTING_RP_FILTER, 0);
	add_setting(wants, MIP_LINK_TUNNEL, MIP_SETTING_RP_FILTER, 0);
	/* rfc5944-4.2.1-4: the mobile node MUST ignore redirects on foreign networks. */
	add_setting(wants, MIP_LINK_NONE, MIP_SETTING_ACCEPT_REDIRECTS, 0);
	for (const struct mn_interface *interface = core->interfaces; interface;
		interface = interface->next) {
		if (interface->link == MIP_LINK_NONE)
			continue;
		add_setting(wants, interface->link, MIP_SETTING_RP_FILTER, 0);
		add_setting(wants, interface->link, MIP_SETTING_ACCEPT_REDIRECTS, 0);
		add_setting(wants, interface->link, MIP_SETTING_ARP_ANNOUNCE, 2);
		add_setting(wants, interface->link, MIP_SETTING_ARP_IGNORE, arp_ignore_of(core, interface));
	}
}

/* --- at home ---------------------------------------------------------------------------------- */

static uint8_t home_prefix_length(const struct mn_core *core)
{
	struct mip_prefix prefix = core->settings.home_prefix;

	/* An address that was assigned may be of another network. */
	return prefix.length > 0 && mip_prefix_contains(prefix, core->home_address) ? prefix.length : 32;
}

static void add_home(const struct mn_core *core, struct mn_wants *wants, const struct mn_place *home)
{
	const struct mn_interface *interface = mn_interface_at(core, home->link);
	struct mip_address gateway = home->gateway;
	bool has_gateway = !mip_address_is_none(gateway);

	if (!interface)
		return;
	/* The contract: "on the home link's interface while at home unless someone else has put it there". */
	if (!mn_interface_is_home_of_others(core, interface))
		add(wants, (struct mip_want){.kind = MIP_WANT_ADDRESS,
				   .address = {.link = home->link,
					   .address = core->home_address,
					   .prefix_length = home_prefix_length(core)}});
	/* The router that someone has set there goes before the one that is advertised. */
	for (size_t i = 0; i < interface->route_count; i++)
		if (i == 0 || interface->routes[i].metric < interface->routes[0].metric) {
			gateway = interface->routes[i].gateway;
			has_gateway = true;
		}
	if (!has_gateway)
		return;
	add_default(wants, (struct mip_want_route){.table = core->settings.routing_table,
				   .link = home->link,
				   .gateway = gateway,
				   .source = core->home_address,
				   .onlink = !mip_address_is_none(gateway)});
	add_rule(core, wants, RULE_NEAR, (struct mip_address){0}, MIP_TABLE_MAIN);
	add_rule(core, wants, RULE_ALL, (struct mip_address){0}, core->settings.routing_table);
}

/* --- away ------------------------------------------------------------------------------------- */

/* What the tunnel carries, or less where the interface takes less; through an agent too, whose tunnel it is. */
static uint32_t mtu_of(const struct mn_core *core, const struct mn_binding *binding)
{
	const struct mn_interface *interface = mn_interface_at(core, binding->place.link);
	uint32_t tunnel = core->settings.tunnel_mtu ? core->settings.tunnel_mtu : MIP_TUNNEL_MTU;
	bool narrow = interface && interface->mtu >= MTU_LEAST + MIP_OVERHEAD_MOST &&
		      interface->mtu < tunnel + MIP_OVERHEAD_MOST;

	return narrow ? interface->mtu - MIP_OVERHEAD_MOST : tunnel;
}

/* A gateway that is gone is not what the next registration, or the tunnel until then, can leave by. */
static struct mip_address gateway_of(const struct mn_core *core, const struct mn_place *place)
{
	const struct mn_interface *interface = mn_interface_at(core, place->link);

	return interface ? mn_interface_gateway(interface, place) : place->gateway;
}

/* What leaves from the care-of address, the registration first of all, leaves by its own link. */
static void add_care_of(const struct mn_core *core, struct mn_wants *wants, const struct mn_place *place)
{
	const struct mn_interface *interface = mn_interface_at(core, place->link);
	const struct mn_address *address =
		interface ? mn_interface_address(interface, place->care_of_address) : NULL;
	struct mip_address gateway = gateway_of(core, place);

	if (place->mode != MN_MODE_CO_LOCATED || !address)
		return;
	if (address->prefix_length < 32)
		add_default(
			wants, (struct mip_want_route){.table = interface->table,
				       .destination = mip_prefix_of(address->address, address->prefix_length),
				       .link = place->link,
				       .source = address->address});
	add_default(wants, (struct mip_want_route){.table = interface->table,
				   .link = place->link,
				   .gateway = gateway,
				   .source = address->address,
				   .onlink = !mip_address_is_none(gateway)});
	add_rule(core, wants, RULE_CARE_OF, address->address, interface->table);
}

static void add_tunnel(const struct mn_core *core, struct mn_wants *wants, const struct mn_binding *binding)
{
	bool udp = binding->encapsulation == MIP_ENCAPSULATION_UDP;
	struct mip_want_tunnel tunnel = {
		.home_address = core->home_address,
		.end = MIP_TUNNEL_VISITED,
		.local = binding->place.care_of_address,
		.remote = core->home_agent,
		.encapsulation = binding->encapsulation,
		/* rfc3519-4.4-4: the same UDP source port as for the registration request. */
		/* rfc3519-4.4-5: SHOULD use the same port again: there is one for all. */
		.local_port = udp ? core->port : 0,
		.remote_port = udp ? MIP_REGISTRATION_PORT : 0,
		.link = binding->place.link,
	};
	/* Any of our own addresses: the one before this one too, for what is still on its way. */
	struct mip_want_peer peer = {
		.home_address = core->home_address,
		.end = MIP_TUNNEL_VISITED,
		.remote = core->home_agent,
		.remote_port = tunnel.remote_port,
	};

	if (binding->place.mode != MN_MODE_CO_LOCATED)
		return;
	add(wants, (struct mip_want){.kind = MIP_WANT_PEER, .peer = peer});
	add(wants, (struct mip_want){.kind = MIP_WANT_TUNNEL, .tunnel = tunnel});
	if (binding->reverse_tunnel)
		return; /* RFC 3024 5.1.2: the outer source of a reverse tunnel is the care-of address */
	/* rfc5944-4.4-7: "MUST use its home address as the IP source address of both the (inner) multicast datagram and the
	 * (outer) encapsulating datagram". */
	tunnel.end = MIP_TUNNEL_VISITED_GROUPS;
	tunnel.local = core->home_address;
	add(wants, (struct mip_want){.kind = MIP_WANT_TUNNEL, .tunnel = tunnel});
}

/* All of the home network have an address of their own to be called by. */
static bool has_broadcast(const struct mn_core *core)
{
	return core->settings.home_prefix.length > 0 && core->settings.home_prefix.length <= 30;
}

/* A co-located place that is asked for. The home agent sends by it from the moment it accepts, and its first packets may
 * be read before its reply. */
static const struct mn_place *welcome_place(const struct mn_core *core)
{
	const struct mn_attempt *attempt = &core->attempt;

	return attempt->active && !attempt->ending && attempt->place.mode == MN_MODE_CO_LOCATED
		       ? &attempt->place
		       : NULL;
}

/* Whether groups may come to a care-of address, now, by the way before this one, or soon. */
static bool takes_plain_groups(const struct mn_core *core)
{
	return core->binding.place.mode == MN_MODE_CO_LOCATED || core->old.place.mode == MN_MODE_CO_LOCATED ||
	       welcome_place(core);
}

/*
 * RFC 5944 4.3, 4.4: what the home agent sends to groups and to everyone. Co-located it comes as it is; through a foreign
 * agent in a second tunnel to the home address (rfc5944-4.4-5: "MUST be capable of decapsulating packets sent to its home
 * address"), and nothing but that is taken while there is no other way.
 */
static void add_groups(const struct mn_core *core, struct mn_wants *wants, const struct mn_place *place,
	enum mip_encapsulation encapsulation)
{
	struct mip_want_groups groups = {
		.home_address = core->home_address,
		.end = MIP_TUNNEL_VISITED,
		.remote = core->home_agent,
	};

	if (mip_address_is_none(core->home_agent) ||
		(place->mode != MN_MODE_CO_LOCATED && place->mode != MN_MODE_FOREIGN_AGENT))
		return;
	if (!takes_plain_groups(core))
		groups.local = core->home_address;
	add(wants, (struct mip_want){.kind = MIP_WANT_GROUPS, .groups = groups});
	if (has_broadcast(core))
		add(wants, (struct mip_want){.kind = MIP_WANT_BROADCAST,
				   .broadcast = {mip_prefix_broadcast(core->settings.home_prefix)}});
	if (encapsulation != MIP_ENCAPSULATION_UDP)
		return;
	groups.remote_port = MIP_REGISTRATION_PORT;
	add(wants, (struct mip_want){.kind = MIP_WANT_GROUPS, .groups = groups});
}

/* Whoever asks for a tunnel is ready for it from before the request. */
static void add_welcome(const struct mn_core *core, struct mn_wants *wants)
{
	const struct mn_place *place = welcome_place(core);
	struct mip_want_peer peer = {
		.home_address = core->home_address,
		.end = MIP_TUNNEL_VISITED,
		.remote = core->home_agent,
	};

	if (!place || mip_address_is_none(core->home_agent))
		return;
	add(wants, (struct mip_want){.kind = MIP_WANT_PEER, .peer = peer});
	peer.remote_port = MIP_REGISTRATION_PORT;
	add(wants, (struct mip_want){.kind = MIP_WANT_PEER, .peer = peer});
	add_groups(core, wants, place, MIP_ENCAPSULATION_UDP); /* if there is a NAT, and if not */
}

/*
 * RFC 3024 5.2, the Encapsulating Delivery Style: a tunnel from the home address to the foreign agent, whose outer packets
 * go straight to it (the table's default route would lead them into the tunnel again).
 */
static void add_delivery(const struct mn_core *core, struct mn_wants *wants, const struct mn_binding *binding)
{
	struct mip_want_tunnel tunnel = {
		.home_address = core->home_address,
		.end = MIP_TUNNEL_VISITED,
		.local = core->home_address,
		.remote = binding->delivery_agent,
		.encapsulation = binding->encapsulation,
		.link = binding->place.link,
		.delivery = true,
	};

	if (mip_address_is_none(binding->delivery_agent))
		return;
	/* rfc5944-4.2.1-3: no ARP: its link address is the advertisement's. */
	add(wants, (struct mip_want){.kind = MIP_WANT_NEIGHBOUR,
			   .neighbour = {.link = binding->place.link,
				   .address = binding->delivery_agent,
				   .link_address = binding->place.agent_link_address}});
	add_default(wants, (struct mip_want_route){.table = core->settings.routing_table,
				   .destination = {binding->delivery_agent, 32},
				   .link = binding->place.link,
				   .source = core->home_address});
	add(wants, (struct mip_want){.kind = MIP_WANT_TUNNEL, .tunnel = tunnel});
}

/* rfc5944-1.7-3: a mobile node and a foreign agent MUST be able to exchange datagrams without relying on
 * standard IP routing: by a neighbour that is none by any prefix. */
static void add_agent_neighbour(struct mn_wants *wants, const struct mn_place *place)
{
	/* rfc5944-4.2.1-3: MUST NOT broadcast ARP: the link address is the advertisement's. */
	if (place->mode == MN_MODE_FOREIGN_AGENT)
		add(wants, (struct mip_want){.kind = MIP_WANT_NEIGHBOUR,
				   .neighbour = {.link = place->link,
					   .address = place->agent,
					   .link_address = place->agent_link_address}});
}

/* Table T's default route: where packets from the home address go. Without a binding into mip0, where nothing
 * takes them further: a pause for the connections, not an error. */
static void add_way_out(const struct mn_core *core, struct mn_wants *wants)
{
	const struct mn_binding *binding = &core->binding;
	struct mip_want_route route = {
		.table = core->settings.routing_table,
		.link = MIP_LINK_TUNNEL,
		.source = core->home_address,
		.mtu = mtu_of(core, binding),
	};

	if ((binding->place.mode == MN_MODE_FOREIGN_AGENT && mip_address_is_none(binding->delivery_agent)) ||
		(binding->place.mode == MN_MODE_CO_LOCATED && !binding->reverse_tunnel)) {
		/* rfc5944-4.2.1-1: "Otherwise, the mobile node MUST choose its default router from among …" */
		/* rfc3024-5.1.1-1: "The mobile node MUST designate the foreign agent as its default router." */
		route.link = binding->place.link;
		route.gateway = binding->place.mode == MN_MODE_FOREIGN_AGENT
					? binding->place.agent
					: gateway_of(core, &binding->place);
		route.onlink = !mip_address_is_none(route.gateway);
	}
	add_default(wants, route);
}

enum {
	ALL_GROUPS = 0xe0000000, /* 224.0.0.0/4 */
	GROUPS_LENGTH = 4,
};

/* rfc5944-4.4-3: "… address in the IP header SHOULD be the mobile node's home address." */
/* rfc5944-4.4-2: "… co-located care-of address, it SHOULD use this address as the source IP …" */
/*
 * rfc5944-4.4-6: multicasts sent directly on the visited network MUST have a co-located care-of address as source, so those
 * from the home address are not; rfc5944-4.4-7: they go through the tunnel. rfc3024-5.2-1: by a foreign agent in the
 * Encapsulating Delivery Style only; without that there is no tunnel, and the data plane counts what it drops. Programs
 * that name the interface are not kept from it.
 */
static void add_groups_way(const struct mn_core *core, struct mn_wants *wants)
{
	struct mip_want_route route = {
		.table = core->settings.routing_table,
		.destination = {mip_address_of(ALL_GROUPS), GROUPS_LENGTH},
		.link = MIP_LINK_TUNNEL,
	};

	add_default(wants, route);
	route.destination = (struct mip_prefix){mip_address_of(UINT32_MAX), 32};
	add_default(wants, route);
	/* What is said to all of the home network, so that this host is one of them. */
	if (!has_broadcast(core))
		return;
	route.destination = (struct mip_prefix){mip_prefix_broadcast(core->settings.home_prefix), 32};
	route.type = MIP_ROUTE_BROADCAST;
	add_default(wants, route);
}

/* A host whose home address someone else has set up goes on as it is until it has been away once. */
static bool is_home_of_others(const struct mn_core *core)
{
	for (const struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		if (interface->up && mn_interface_is_home_of_others(core, interface))
			return true;
	return false;
}

static void add_away_rules(const struct mn_core *core, struct mn_wants *wants)
{
	if (core->bound_once || !is_home_of_others(core))
		add_rule(core, wants, RULE_HOME, core->home_address, core->settings.routing_table);
	/* Before there was a binding, and when the home agent does not answer, the host's own routes serve
	 * whatever does not insist on the home address. */
	if (!core->bound_once || core->resting || (core->silent && !mn_binding_is_live(core)))
		return;
	add_rule(core, wants, RULE_NEAR, (struct mip_address){0}, MIP_TABLE_MAIN);
	add_rule(core, wants, RULE_ALL, (struct mip_address){0}, core->settings.routing_table);
}

static void add_away(const struct mn_core *core, struct mn_wants *wants)
{
	add(wants, (struct mip_want){.kind = MIP_WANT_ADDRESS,
			   .address = {.link = MIP_LINK_TUNNEL,
				   .address = core->home_address,
				   .prefix_length = 32}});
	add_agent_neighbour(wants, &core->binding.place);
	add_tunnel(core, wants, &core->binding);
	add_delivery(core, wants, &core->binding);
	add_groups(core, wants, &core->binding.place, core->binding.encapsulation);
	add_way_out(core, wants);
	add_groups_way(core, wants);
	add_away_rules(core, wants);
}

/* Coming home, the binding still brings packets until the home agent has confirmed. */
static void add_what_still_comes(const struct mn_core *core, struct mn_wants *wants)
{
	add_tunnel(core, wants, &core->binding);
	add_groups(core, wants, &core->binding.place, core->binding.encapsulation);
	if (core->binding.place.mode == MN_MODE_CO_LOCATED ||
		core->binding.place.mode == MN_MODE_FOREIGN_AGENT)
		add(wants, (struct mip_want){.kind = MIP_WANT_ADDRESS,
				   .address = {.link = MIP_LINK_TUNNEL,
					   .address = core->home_address,
					   .prefix_length = 32}});
}

static void build(const struct mn_core *core, struct mn_wants *wants)
{
	const struct mn_place *home = home_place(core);

	add_settings(core, wants);
	add_care_of(core, wants, &core->binding.place);
	if (core->attempt.active)
		add_care_of(core, wants, &core->attempt.place);
	if (mip_address_is_none(core->home_address))
		return;
	if (home) {
		add_home(core, wants, home);
		add_what_still_comes(core, wants);
	} else {
		add_away(core, wants);
	}
	add_tunnel(core, wants, &core->old);
	add_groups(core, wants, &core->old.place, core->old.encapsulation);
	add_welcome(core, wants);
}

/* --- from the list before to the list now ----------------------------------------------------- */

bool mn_routing_wants_address(
	const struct mn_core *core, mip_link link, struct mip_address address, uint8_t prefix_length)
{
	struct mip_want item = {.kind = MIP_WANT_ADDRESS,
		.address = {.link = link, .address = address, .prefix_length = prefix_length}};

	return find(&core->wants, &item) != NULL;
}

/* rfc5944-3.6.2.2-1: accepted: SHOULD configure its routing table appropriately for its current point of
 * attachment. */
void mn_routing_apply(struct mn_core *core)
{
	struct mn_wants wants = {0}, before = core->wants;

	if (!core->begun)
		return;
	build(core, &wants);
	for (size_t i = 0; i < wants.count; i++) {
		const struct mip_want *was = find_near(&before, i, &wants.items[i]);

		if (!was || !mip_want_equal(was, &wants.items[i]))
			(void)mip_outbox_want(&core->outbox, &wants.items[i]);
	}
	for (size_t i = before.count; i-- > 0;)
		if (!find_near(&wants, i, &before.items[i]))
			(void)mip_outbox_unwant(&core->outbox, &before.items[i]);
	core->wants = wants;
	free(before.items);
}

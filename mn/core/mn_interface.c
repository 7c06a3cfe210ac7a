/*
 * Links, addresses and default routes as they come and go, whoever set them. Only the interfaces of the
 * configuration count. A link that comes up is searched at once; one that goes down is left at once.
 */
#include "mn_machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mn_interface *mn_interface_at(const struct mn_core *core, mip_link link)
{
	if (link == MIP_LINK_NONE)
		return NULL;
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		if (interface->link == link)
			return interface;
	return NULL;
}

struct mn_interface *mn_interface_named(const struct mn_core *core, const char *name)
{
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		if (strcmp(interface->settings.name, name) == 0)
			return interface;
	return NULL;
}

const char *mn_interface_name(const struct mn_core *core, mip_link link)
{
	const struct mn_interface *interface = mn_interface_at(core, link);

	return interface ? interface->settings.name : NULL;
}

const struct mn_address *mn_interface_address(
	const struct mn_interface *interface, struct mip_address address)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (mip_address_equal(interface->addresses[i].address, address))
			return &interface->addresses[i];
	return NULL;
}

bool mn_interface_is_home_of_others(const struct mn_core *core, const struct mn_interface *interface)
{
	for (size_t i = 0; i < interface->address_count; i++)
		if (mip_address_equal(interface->addresses[i].address, core->home_address) &&
			!interface->addresses[i].ours)
			return true;
	return false;
}

static bool is_link_local(struct mip_address address)
{
	return mip_address_number(address) >> 16 == 0xa9fe; /* 169.254/16, RFC 3927 */
}

/* An address of the home network is no care-of address: there the node is at home. */
static bool is_co_located(const struct mn_core *core, struct mip_address address)
{
	return mip_address_is_unicast(address) && !is_link_local(address) &&
	       !mip_address_equal(address, core->home_address) &&
	       !(core->settings.home_prefix.length > 0 &&
		       mip_prefix_contains(core->settings.home_prefix, address));
}

static const struct mn_default_route *best_route(const struct mn_interface *interface)
{
	const struct mn_default_route *best = NULL;

	for (size_t i = 0; i < interface->route_count; i++)
		if (!best || interface->routes[i].metric < best->metric)
			best = &interface->routes[i];
	return best;
}

/* With several addresses, one in the gateway's network is what the gateway will answer to; among those the
 * one that is in use stays. */
static unsigned rank_of(const struct mn_core *core, const struct mn_interface *interface,
	const struct mn_address *address, const struct mn_default_route *route)
{
	const struct mn_place *bound = &core->binding.place;
	bool is_in_use = bound->mode == MN_MODE_CO_LOCATED && bound->link == interface->link &&
			 mip_address_equal(bound->care_of_address, address->address);
	bool is_near =
		mip_prefix_contains(mip_prefix_of(address->address, address->prefix_length), route->gateway);

	return 2U * is_near + is_in_use;
}

/* rfc5944-1.7-4: the mobile node MUST be located on the link identified by the network prefix of its
 * co-located care-of address: it is an address of that interface. */
bool mn_interface_co_located(const struct mn_core *core, const struct mn_interface *interface,
	struct mip_address *ret_address, struct mip_address *ret_gateway)
{
	const struct mn_default_route *route = best_route(interface);
	const struct mn_address *found = NULL;
	unsigned found_rank = 0;

	if (!route)
		return false;
	for (size_t i = 0; i < interface->address_count; i++) {
		const struct mn_address *address = &interface->addresses[i];
		unsigned rank = rank_of(core, interface, address, route);

		if (!is_co_located(core, address->address) || (found && rank <= found_rank))
			continue;
		found = address;
		found_rank = rank;
	}
	if (!found)
		return false;
	*ret_address = found->address;
	*ret_gateway = route->gateway;
	return true;
}

struct mip_address mn_interface_gateway(const struct mn_interface *interface, const struct mn_place *place)
{
	const struct mn_default_route *best = best_route(interface);

	for (size_t i = 0; i < interface->route_count; i++)
		if (mip_address_equal(interface->routes[i].gateway, place->gateway))
			return place->gateway;
	return best ? best->gateway : place->gateway;
}

/* --- what is told ----------------------------------------------------------------------------- */

static void report_link(struct mn_core *core, const struct mn_interface *interface)
{
	struct mip_event event = mip_event_of("link");

	mip_event_string(&event, "interface", interface->settings.name);
	mip_event_boolean(&event, "up", interface->up);
	mn_report(core, &event);
}

static void came_up(struct mn_core *core, struct mn_interface *interface, struct mip_now now)
{
	interface->up_since = now.boot;
	interface->solicited_at = MIP_NEVER;
	interface->backoff = (struct mn_backoff){0};
	interface->home_shun = (struct mn_shun){0};
	mn_agents_forgive(core, interface->link);
	core->moved = true;
	core->silent = false;
	report_link(core, interface);
	mn_attempt_hurry(core, now);
	if (core->begun && !core->resting)
		mn_solicit_begin(core, interface, now);
}

static void went_down(struct mn_core *core, struct mn_interface *interface)
{
	core->moved = true;
	report_link(core, interface);
	mn_solicit_stop(core, interface);
	mn_agents_forget(core, interface->link);
	if (core->preferred == interface->link)
		core->preferred = MIP_LINK_NONE;
	if (core->attempt.active && core->attempt.place.link == interface->link)
		mn_attempt_end(core);
	if (core->binding.place.mode != MN_MODE_NONE && core->binding.place.link == interface->link)
		mn_binding_drop(core);
	if (core->old.place.link == interface->link)
		mn_binding_grace_over(core);
}

static void forget(struct mn_core *core, struct mn_interface *interface)
{
	if (interface->up) {
		interface->up = false;
		went_down(core, interface);
	}
	interface->link = MIP_LINK_NONE;
	interface->address_count = 0;
	interface->route_count = 0;
}

void mn_core_link(struct mn_core *core, const struct mip_input_link *link, struct mip_now now)
{
	struct mn_interface *interface = mn_interface_at(core, link->link);
	bool was_up;

	/* Gone, or renamed into something else. */
	if (interface && (!link->present || strcmp(interface->settings.name, link->name) != 0))
		forget(core, interface);
	interface = link->present ? mn_interface_named(core, link->name) : NULL;
	if (interface) {
		if (interface->link != MIP_LINK_NONE && interface->link != link->link)
			forget(core, interface); /* made anew under its name */
		was_up = interface->up;
		interface->link = link->link;
		interface->up = link->up;
		interface->link_address = link->link_address;
		interface->mtu = link->mtu;
		if (!was_up && link->up)
			came_up(core, interface, now);
		if (was_up && !link->up)
			went_down(core, interface);
	}
	mn_decide(core, now);
}

/* A place in a growing array for one more. */
static void *append(void **array, size_t count, size_t size)
{
	char *grown = reallocarray(*array, count + 1, size);

	if (!grown)
		return NULL;
	*array = grown;
	return grown + count * size;
}

/* Someone has found out where the link leads to now: as good an indication as the link's own, and what was
 * denied or not answered there before says nothing about it. */
static void change_of_network(struct mn_core *core, struct mn_interface *interface)
{
	core->moved = true;
	interface->backoff = (struct mn_backoff){0};
}

static void add_address(
	struct mn_core *core, struct mn_interface *interface, const struct mip_input_address *told)
{
	void *array = interface->addresses;
	struct mn_address *added;

	for (size_t i = 0; i < interface->address_count; i++)
		if (mip_address_equal(interface->addresses[i].address, told->address) &&
			interface->addresses[i].prefix_length == told->prefix_length)
			return;
	added = append(&array, interface->address_count, sizeof(*added));
	if (!added)
		return;
	interface->addresses = array;
	interface->address_count++;
	*added = (struct mn_address){
		.address = told->address,
		.prefix_length = told->prefix_length,
		.ours = mn_routing_wants_address(core, told->link, told->address, told->prefix_length),
	};
	if (!added->ours)
		change_of_network(core, interface);
}

static void remove_address(struct mn_interface *interface, const struct mip_input_address *told)
{
	for (size_t i = 0; i < interface->address_count; i++) {
		if (!mip_address_equal(interface->addresses[i].address, told->address) ||
			interface->addresses[i].prefix_length != told->prefix_length)
			continue;
		interface->addresses[i] = interface->addresses[--interface->address_count];
		return;
	}
}

/* The co-located care-of address that is in use, or being registered, has gone: it is left at once. */
static void check_co_located(struct mn_core *core, struct mn_interface *interface)
{
	const struct mn_place *bound = &core->binding.place, *next = &core->attempt.place;

	if (bound->mode == MN_MODE_CO_LOCATED && bound->link == interface->link &&
		(!mn_interface_address(interface, bound->care_of_address) || interface->route_count == 0))
		mn_binding_drop(core);
	if (core->attempt.active && next->mode == MN_MODE_CO_LOCATED && next->link == interface->link &&
		!mn_interface_address(interface, next->care_of_address))
		mn_attempt_end(core);
}

void mn_core_address(struct mn_core *core, const struct mip_input_address *address, struct mip_now now)
{
	struct mn_interface *interface = mn_interface_at(core, address->link);

	if (!interface)
		return;
	if (address->present)
		add_address(core, interface, address);
	else
		remove_address(interface, address);
	check_co_located(core, interface);
	mn_decide(core, now);
}

static struct mn_default_route *find_route(
	const struct mn_interface *interface, const struct mip_input_default_route *told)
{
	for (size_t i = 0; i < interface->route_count; i++)
		if (mip_address_equal(interface->routes[i].gateway, told->gateway) &&
			interface->routes[i].metric == told->metric)
			return &interface->routes[i];
	return NULL;
}

static void add_route(
	struct mn_core *core, struct mn_interface *interface, const struct mip_input_default_route *told)
{
	void *array = interface->routes;
	struct mn_default_route *added = append(&array, interface->route_count, sizeof(*added));

	if (!added)
		return;
	interface->routes = array;
	interface->route_count++;
	*added = (struct mn_default_route){.gateway = told->gateway, .metric = told->metric};
	change_of_network(core, interface);
}

void mn_core_default_route(
	struct mn_core *core, const struct mip_input_default_route *route, struct mip_now now)
{
	struct mn_interface *interface = mn_interface_at(core, route->link);
	struct mn_default_route *known = interface ? find_route(interface, route) : NULL;

	if (!interface)
		return;
	if (route->present && !known)
		add_route(core, interface, route);
	if (!route->present && known)
		*known = interface->routes[--interface->route_count];
	check_co_located(core, interface);
	mn_decide(core, now);
}

/* --- the configuration ------------------------------------------------------------------------ */

static void interface_free(struct mn_interface *interface)
{
	free(interface->addresses);
	free(interface->routes);
	free(interface);
}

void mn_interfaces_free(struct mn_core *core)
{
	struct mn_interface *interface, *next;

	for (interface = core->interfaces; interface; interface = next) {
		next = interface->next;
		mip_deadline_cancel(&core->deadlines, &interface->solicit);
		interface_free(interface);
	}
	core->interfaces = NULL;
}

/* Takes the interface of this name out of the list, as it is; a new one when there is none. */
static struct mn_interface *take(struct mn_core *core, const char *name)
{
	for (struct mn_interface **at = &core->interfaces; *at; at = &(*at)->next) {
		struct mn_interface *interface = *at;

		if (strcmp(interface->settings.name, name) == 0) {
			*at = interface->next;
			return interface;
		}
	}
	return calloc(1, sizeof(struct mn_interface));
}

/* Gives every named interface its place in the order of the configuration; those no longer named are left. */
int mn_interfaces_configure(struct mn_core *core, const struct mn_settings *settings, struct mip_now now)
{
	struct mn_interface *list = NULL, **end = &list;
	int result = 0;

	(void)now;
	for (size_t i = 0; i < settings->interface_count; i++) {
		struct mn_interface *interface = take(core, settings->interfaces[i].name);

		if (!interface) {
			result = -ENOMEM;
			break;
		}
		interface->settings = settings->interfaces[i];
		interface->table = settings->routing_table + 1 + (uint32_t)i;
		interface->next = NULL;
		*end = interface;
		end = &interface->next;
	}
	for (struct mn_interface *left = core->interfaces; left; left = left->next)
		forget(core, left);
	mn_interfaces_free(core);
	core->interfaces = list;
	return result;
}

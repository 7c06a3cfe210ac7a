/*
 * What befalls: nodes move, sleep and wake; daemons die, alone or with the power of their machines; clocks jump; links go
 * down and ways get worse; people give commands.
 */
#include "sim.h"

#include <string.h>

enum {
	FIRST_LEASE = 100,
};

static int64_t between(struct sim_world *world, int64_t least, int64_t most)
{
	return sim_between(&world->random, least, most);
}

static bool chance(struct sim_world *world, unsigned parts)
{
	return sim_chance(&world->random, parts);
}

static struct sim_host *any_host(struct sim_world *world)
{
	return &world->hosts[between(world, 0, world->host_count - 1)];
}

static struct sim_host *any_of(struct sim_world *world, enum sim_role role)
{
	struct sim_host *host = any_host(world);

	for (int i = 0; i < world->host_count; i++) {
		if (host->role == role)
			return host;
		host = &world->hosts[(host->number + 1) % world->host_count];
	}
	return NULL;
}

/* --- where a node is -------------------------------------------------------------------------------------------- */

static void detach(struct sim_world *world, struct sim_host *host, int interface)
{
	struct sim_interface *at = &host->interfaces[interface];

	at->attachments++;
	if (at->link == SIM_NONE)
		return;
	at->link = SIM_NONE;
	if (host->running) {
		sim_host_tell_link(world, host, interface);
		sim_host_tell_address(world, host, interface, false);
	}
	at->address = (struct mip_address){0};
	if (host->running)
		sim_host_settle(world, host);
}

void sim_attach(struct sim_world *world, struct sim_host *host, int interface, int link)
{
	struct sim_interface *at = &host->interfaces[interface];

	detach(world, host, interface);
	at->link = link;
	if (link == SIM_NONE)
		return;
	sim_note(world, host, "%s is on link %d now", at->name, link);
	if (host->running) {
		sim_host_tell_link(world, host, interface);
		sim_host_settle(world, host);
	}
	if (world->links[link].leases)
		sim_at(world, (struct sim_event){
				      .at = world->now + between(world, 10, 3000) * MIP_MILLISECOND,
				      .kind = SIM_EVENT_LEASES,
				      .host = host->number,
				      .interface = interface,
				      .link = (int)at->attachments,
			      });
}

void sim_lease(struct sim_world *world, struct sim_host *host, int interface, unsigned attachment)
{
	struct sim_interface *at = &host->interfaces[interface];

	if (at->attachments != attachment || at->link < 0 || !mip_address_is_none(at->address))
		return;
	at->address = mip_address_of(mip_address_number(world->links[at->link].prefix.address) + FIRST_LEASE +
				     (unsigned)host->number + SIM_HOSTS * (unsigned)interface);
	at->length = world->links[at->link].prefix.length;
	sim_note(world, host, "%s is given %s", at->name, MIP_TEXT(at->address));
	if (host->running) {
		sim_host_tell_address(world, host, interface, true);
		sim_host_settle(world, host);
	}
}

/* A foreign agent that takes part in revocation denies co-located nodes. */
static bool takes_co_located(const struct sim_world *world, const struct sim_link *link)
{
	return link->leases && !world->hosts[link->agent].foreign_agent->settings.revocation.enabled;
}

/* Where it can register: its own home link, a visited link if it goes to agents, one that gives addresses. */
static bool suits(const struct sim_world *world, const struct sim_host *host, int link)
{
	const struct sim_link *at = &world->links[link];

	if (at->kind == SIM_LINK_HOME)
		return at->agent == host->node->home_agent;
	if (at->kind == SIM_LINK_OPEN)
		return true;
	return host->node->settings.care_of != MN_CARE_OF_CO_LOCATED || takes_co_located(world, at);
}

static int link_that_suits(struct sim_world *world, const struct sim_host *host)
{
	int link = (int)between(world, 0, world->link_count - 1);

	for (int i = 0; i < world->link_count && !suits(world, host, link); i++)
		link = (link + 1) % world->link_count;
	return link;
}

static void moves(struct sim_world *world)
{
	struct sim_host *host = any_of(world, SIM_NODE);
	int interface = (int)between(world, 0, (int64_t)host->interface_count - 1);

	if (chance(world, 300)) {
		detach(world, host, interface);
		return;
	}
	sim_attach(world, host, interface,
		chance(world, 700) ? link_that_suits(world, host)
				   : (int)between(world, 0, world->link_count - 1));
}

static void flaps(struct sim_world *world)
{
	struct sim_host *host = chance(world, 700) ? any_of(world, SIM_NODE) : any_host(world);
	int interface = (int)between(world, 0, (int64_t)host->interface_count - 1);
	struct sim_interface *at = &host->interfaces[interface];

	for (int64_t times = between(world, 1, 6); times > 0; times--) {
		at->up = !at->up;
		if (host->running) {
			sim_host_tell_link(world, host, interface);
			sim_host_settle(world, host);
		}
	}
}

/* --- life and death --------------------------------------------------------------------------------------------- */

static void rises_later(struct sim_world *world, struct sim_host *host, mip_time most)
{
	sim_at(world, (struct sim_event){
			      .at = world->now + between(world, 1, most / MIP_MILLISECOND) * MIP_MILLISECOND,
			      .kind = SIM_EVENT_WAKES,
			      .host = host->number,
		      });
}

/* A machine's boot clock begins when its power is back, its daemon some time after. */
static void loses_power(struct sim_world *world, struct sim_host *host)
{
	host->boot_base = world->now + between(world, 5, 60) * MIP_SECOND;
	sim_note(world, host, "has no power");
}

void sim_fate_dies(struct sim_world *world, struct sim_host *host)
{
	bool power = host->power_lost;

	host->asleep = false;
	sim_host_kill(world, host);
	if (power) {
		loses_power(world, host);
		sim_at(world, (struct sim_event){
				      .at = host->boot_base + between(world, 1, 10000) * MIP_MILLISECOND,
				      .kind = SIM_EVENT_WAKES,
				      .host = host->number,
			      });
	} else {
		rises_later(world, host, chance(world, 700) ? 2 * MIP_SECOND : 120 * MIP_SECOND);
	}
}

static void dies(struct sim_world *world, bool power)
{
	struct sim_host *host = chance(world, 500) ? any_of(world, SIM_HOME_AGENT) : any_host(world);

	if (!host->running || host->dies_after != SIM_NONE)
		return;
	host->power_lost = power;
	if (!power && !host->asleep && chance(world, 300)) {
		sim_host_stop(world, host);
		rises_later(world, host, 10 * MIP_SECOND);
	} else if (chance(world, 500))
		host->dies_after = (int)between(world, 0, 6); /* in the middle of what it says next */
	else
		sim_fate_dies(world, host);
}

static void sleeps(struct sim_world *world)
{
	struct sim_host *host = any_of(world, SIM_NODE);

	if (!host->running || host->asleep)
		return;
	host->asleep = true;
	sim_note(world, host, "falls asleep");
	sim_at(world, (struct sim_event){
			      .at = world->now +
				    (chance(world, 200) ? 8 * 3600 : between(world, 1, 60)) * MIP_SECOND,
			      .kind = SIM_EVENT_WAKES,
			      .host = host->number,
		      });
}

/* --- clocks ----------------------------------------------------------------------------------------------------- */

static mip_time jump_draw(struct sim_world *world, const struct sim_host *host)
{
	static const int64_t jumps[] = {
		3600, -3600, 5, -5, 86400, -86400, 10LL * 365 * 86400, -10LL * 365 * 86400};
	mip_time wall = sim_now(world, host).wall;
	mip_time jump = jumps[between(world, 0, MIP_ARRAY_SIZE(jumps) - 1)] * MIP_SECOND;

	if (chance(world, 150))
		return between(world, 0, 100) * MIP_SECOND - wall; /* 1970 */
	if (chance(world, 150))
		return (2085978496 - between(world, 0, 60)) * MIP_SECOND -
		       wall; /* the end of the era of NTP */
	return wall + jump > 0 ? jump : -jump;
}

static void clock_jumps(struct sim_world *world)
{
	struct sim_host *host = chance(world, 600) ? any_of(world, SIM_NODE) : any_host(world);
	mip_time jump = jump_draw(world, host);

	host->wall_ahead += jump;
	sim_note(world, host, "has its clock moved by %lld s", (long long)(jump / MIP_SECOND));
	if (host->role != SIM_HOME_AGENT)
		return;
	for (size_t i = 0; i < host->home_agent->bound_count; i++)
		host->home_agent->bound[i].clock_stepped = true;
}

/* --- people ----------------------------------------------------------------------------------------------------- */

static void node_is_told(struct sim_world *world, struct sim_host *host)
{
	struct mip_now now = sim_now(world, host);
	const char *reason;

	if (!host->running || host->asleep)
		return;
	switch (between(world, 0, 3)) {
	case 0:
		sim_note(world, host, "is told to deregister");
		mn_core_deregister(host->node->core, now, &reason);
		break;
	case 1:
		mn_core_register(host->node->core, now, &reason);
		break;
	default:
		mn_core_handover(host->node->core,
			host->interfaces[between(world, 0, (int64_t)host->interface_count - 1)].name, now,
			&reason);
		break;
	}
	sim_host_settle(world, host);
}

static void agent_is_told(struct sim_world *world, struct sim_host *host, struct mip_address home_address)
{
	if (!host->running || mip_address_is_none(home_address))
		return;
	sim_note(world, host, "is told to revoke %s", MIP_TEXT(home_address));
	if (host->role == SIM_HOME_AGENT) {
		host->home_agent->may_revoke = true;
		ha_core_revoke(host->home_agent->core, home_address, sim_now(world, host));
	} else {
		fa_core_revoke(host->foreign_agent->core, home_address, (struct mip_address){0},
			sim_now(world, host));
	}
	sim_host_settle(world, host);
}

static void commands(struct sim_world *world)
{
	struct sim_host *host = any_host(world);

	if (host->role == SIM_NODE)
		node_is_told(world, host);
	else
		agent_is_told(world, host, sim_home_address(world, any_of(world, SIM_NODE)));
}

static void reloads(struct sim_world *world)
{
	struct sim_host *host = any_host(world);

	if (host->running && !host->asleep)
		sim_host_reload(world, host);
}

/* --- ways ------------------------------------------------------------------------------------------------------- */

static void ways_change(struct sim_world *world)
{
	struct sim_link *link = &world->links[between(world, 0, world->link_count - 1)];

	if (chance(world, 300)) {
		link->down = true;
		sim_at(world, (struct sim_event){
				      .at = world->now + between(world, 1, 30) * MIP_SECOND,
				      .kind = SIM_EVENT_LINK_UP,
				      .link = (int)(link - world->links),
			      });
	} else if (chance(world, 300)) {
		world->internet_down = true;
		sim_at(world, (struct sim_event){
				      .at = world->now + between(world, 1, 30) * MIP_SECOND,
				      .kind = SIM_EVENT_LINK_UP,
				      .link = SIM_UPLINK,
			      });
	} else {
		link->way.loss = (unsigned)between(world, 0, 750);
	}
}

/* --- breaks ----------------------------------------------------------------------------------------------------- */

static void break_early(struct sim_world *world)
{
	struct sim_host *host = any_of(world, SIM_HOME_AGENT);

	if (world->options.broken != SIM_BREAK_EARLY || !host->running || host->home_agent->bound_count == 0)
		return;
	ha_core_revoke(host->home_agent->core, host->home_agent->bound[0].home_address, sim_now(world, host));
	sim_host_settle(world, host);
}

/* --- one thing -------------------------------------------------------------------------------------------------- */

void sim_fate(struct sim_world *world)
{
	const struct sim_scenario *scenario = &world->scenario;
	const struct {
		bool can;
		unsigned weight;
	} fates[] = {{scenario->moves, 6}, {scenario->flaps, 2}, {scenario->restarts, 4},
		{scenario->power_losses, 2}, {scenario->sleeps, 2}, {scenario->clocks, 3},
		{scenario->commands, 3}, {scenario->partitions, 3}, {scenario->reloads, 2}};
	int64_t drawn = between(world, 1, 27);
	size_t which = 0;

	break_early(world);
	while (which < MIP_ARRAY_SIZE(fates) && drawn > fates[which].weight)
		drawn -= fates[which++].weight;
	if (which == MIP_ARRAY_SIZE(fates) || !fates[which].can)
		return;
	switch (which) {
	case 0:
		moves(world);
		break;
	case 1:
		flaps(world);
		break;
	case 2:
	case 3:
		dies(world, which == 3);
		break;
	case 4:
		sleeps(world);
		break;
	case 5:
		clock_jumps(world);
		break;
	case 6:
		commands(world);
		break;
	case 7:
		ways_change(world);
		break;
	default:
		reloads(world);
		break;
	}
}

/* --- calm ------------------------------------------------------------------------------------------------------- */

static void wake(struct sim_world *world, struct sim_host *host)
{
	host->dies_after = SIM_NONE;
	if (host->running)
		host->power_lost = false;
	if (!host->running && host->boot_base > world->now)
		host->boot_base = world->now;
	if (!host->running)
		sim_host_start(world, host);
	host->asleep = false;
	for (size_t i = 0; i < host->interface_count; i++) {
		if (!host->interfaces[i].up) {
			host->interfaces[i].up = true;
			sim_host_tell_link(world, host, (int)i);
			sim_host_settle(world, host);
		}
	}
}

static void settle_node(struct sim_world *world, struct sim_host *host)
{
	const char *reason;

	for (size_t i = 0; i < host->interface_count; i++) {
		struct sim_interface *at = &host->interfaces[i];

		if (at->link == SIM_NONE || !suits(world, host, at->link))
			sim_attach(world, host, (int)i, link_that_suits(world, host));
		else if (world->links[at->link].leases && mip_address_is_none(at->address))
			sim_lease(world, host, (int)i, at->attachments);
	}
	mn_core_register(host->node->core, sim_now(world, host), &reason);
	sim_host_settle(world, host);
}

void sim_calm_down(struct sim_world *world)
{
	const struct sim_way calm = {.delay_least = MIP_MILLISECOND, .delay_most = 10 * MIP_MILLISECOND};

	world->internet_down = false;
	world->scenario.internet = calm;
	for (int i = 0; i < world->link_count; i++) {
		world->links[i].down = false;
		world->links[i].way = calm;
		if (world->links[i].kind != SIM_LINK_HOME)
			world->links[i].way.loss = world->scenario.calm_loss;
	}
	for (int i = 0; i < world->host_count; i++)
		wake(world, &world->hosts[i]);
	for (int i = 0; i < world->host_count; i++) {
		if (world->hosts[i].role == SIM_NODE)
			settle_node(world, &world->hosts[i]);
	}
	sim_note(world, NULL, "all is calm");
}

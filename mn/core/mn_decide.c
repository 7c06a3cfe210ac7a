/*
 * Where to be. From what is up and what is heard come the places where the node could be attached; the best
 * of them is compared with where it is, and a move begins when they differ. The order, from the first that
 * decides:
 *
 *   the interface that a person asked for; not failed lately; at home; with newest_first the interface where
 *   there is something newer; the interface's priority; a foreign agent before a co-located care-of address;
 *   an agent that is a sign of having moved; where it is already; not failed yet; where it is going already
 *
 * So a second agent on the same link changes nothing (rfc5944-3.6-5) unless the settings make it such a sign,
 * and nothing flaps between equals: of two agents that are both heard, the one that was found last stays. Nor does
 * it flap between who lets the node register and who only says so: the latter is left alone for longer each time.
 */
#include "mn_machine.h"

struct candidate {
	struct mn_place place;
	bool preferred;
	bool avoided;
	bool failed;
	unsigned interface_order;
	int64_t priority;
	uint64_t moved_to; /* by its agent the node has moved: the newest of them counts; 0: it has not */
	mip_time found;	   /* with newest_first: since when there is this place; otherwise 0 */
	bool current;
	bool coming;
};

bool mn_place_same(const struct mn_place *a, const struct mn_place *b)
{
	if (a->mode != b->mode || a->link != b->link)
		return false;
	if (a->mode == MN_MODE_HOME || a->mode == MN_MODE_NONE)
		return true;
	return mip_address_equal(a->care_of_address, b->care_of_address) &&
	       mip_address_equal(a->agent, b->agent) &&
	       (a->mode != MN_MODE_CO_LOCATED || mip_address_equal(a->gateway, b->gateway));
}

static struct mn_shun *shun_of(const struct mn_core *core, const struct mn_place *place)
{
	struct mn_interface *interface = mn_interface_at(core, place->link);
	struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);

	if (place->mode == MN_MODE_HOME)
		return interface ? &interface->home_shun : NULL;
	return agent ? &agent->shun : NULL;
}

/* Another place serves the node. */
static bool is_served_elsewhere(const struct mn_core *core, const struct mn_place *place)
{
	return mn_binding_is_live(core) && !mn_place_same(&core->binding.place, place);
}

void mn_place_disappointed(struct mn_core *core, const struct mn_place *place, struct mip_now now)
{
	struct mn_shun *shun = shun_of(core, place);

	if (!shun || !is_served_elsewhere(core, place))
		return;
	shun->until = now.boot + (MN_SHUN_LEAST * MIP_SECOND << shun->failures);
	if (shun->failures < MN_SHUN_DOUBLINGS)
		shun->failures++;
}

void mn_place_served(struct mn_core *core, const struct mn_place *place)
{
	struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);
	struct mn_backoff *backoff = mn_place_backoff(core, place);
	struct mn_shun *shun = shun_of(core, place);

	if (backoff)
		*backoff = (struct mn_backoff){0};
	if (shun)
		*shun = (struct mn_shun){0};
	if (agent)
		agent->served = true;
}

/* The time until which others come before it; 0: none do. */
static mip_time avoided_until(const struct mn_core *core, const struct mn_place *place)
{
	const struct mn_backoff *backoff = mn_place_backoff(core, place);
	const struct mn_shun *shun = shun_of(core, place);
	mip_time until = backoff && backoff->avoid ? backoff->until : 0;

	return shun && shun->until > until && is_served_elsewhere(core, place) ? shun->until : until;
}

struct mn_backoff *mn_place_backoff(const struct mn_core *core, const struct mn_place *place)
{
	struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);
	struct mn_interface *interface = mn_interface_at(core, place->link);

	if (agent)
		return &agent->backoff;
	return interface ? &interface->backoff : NULL;
}

static bool before(const struct candidate *a, const struct candidate *b)
{
	if (a->preferred != b->preferred)
		return a->preferred;
	if (a->avoided != b->avoided)
		return !a->avoided;
	if ((a->place.mode == MN_MODE_HOME) != (b->place.mode == MN_MODE_HOME))
		return a->place.mode == MN_MODE_HOME;
	if (a->place.link != b->place.link && a->found != b->found)
		return a->found > b->found;
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a->interface_order != b->interface_order)
		return a->interface_order < b->interface_order;
	if (a->place.mode != b->place.mode)
		return a->place.mode < b->place.mode;
	if (a->moved_to != b->moved_to)
		return a->moved_to > b->moved_to;
	if (a->current != b->current)
		return a->current;
	if (a->failed != b->failed)
		return !a->failed;
	return a->coming && !b->coming;
}

static void schedule(struct mn_core *core, mip_time at)
{
	core->decide.kind = MN_DEADLINE_DECIDE;
	if (!mip_deadline_is_set(&core->decide) || at < core->decide.at)
		(void)mip_deadline_set(&core->deadlines, &core->decide, at);
}

static bool networks_differ(struct mip_prefix a, struct mip_prefix b)
{
	/* rfc5944-2.4.2.2-1: SHOULD NOT be used unless both the current agent and the new agent include the
	 * Prefix-Lengths Extension. */
	return a.length > 0 && b.length > 0 &&
	       (a.length != b.length || !mip_address_equal(a.address, b.address));
}

/*
 * RFC 5944 2.4.2.2: whether this agent, new on the link of the one that is in use, says that the node has
 * moved: its order, or 0. rfc5944-2.4.2.2-2: with a co-located care-of address prefixes are not used at all:
 * its own address and route tell. rfc5944-2.4.2.2-3: the advertisement MUST NOT have expired: then the agent
 * is forgotten, and not offered.
 */
static uint64_t moved_to(const struct mn_core *core, const struct mn_place *place)
{
	const struct mn_place *bound = &core->binding.place;
	const struct mn_agent *current = mn_agent_find(core, bound->link, bound->agent);
	const struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);

	if (core->settings.move_detection == MN_MOVE_DETECTION_LIFETIME || !agent || !current ||
		place->mode != MN_MODE_FOREIGN_AGENT || bound->mode != MN_MODE_FOREIGN_AGENT ||
		place->link != bound->link || agent->order <= current->order)
		return 0;
	if (core->settings.move_detection == MN_MOVE_DETECTION_PREFIX &&
		!networks_differ(current->prefix, agent->prefix))
		return 0;
	return agent->order;
}

/* Eager: a new way comes into sight before the old one is lost, and what was left behind is no longer new. */
static mip_time found_at(
	const struct mn_core *core, const struct mn_interface *interface, const struct mn_place *place)
{
	const struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);

	if (!core->settings.newest_first)
		return 0;
	return agent ? agent->found : interface->up_since;
}

static void offer(struct mn_core *core, const struct mn_interface *interface, unsigned order,
	const struct mn_place *place, struct candidate *best, struct mip_now now)
{
	const struct mn_backoff *backoff = mn_place_backoff(core, place);
	mip_time avoided = avoided_until(core, place);
	struct candidate offered = {
		.place = *place,
		.preferred = core->preferred == place->link,
		.avoided = now.boot < avoided,
		.failed = backoff && backoff->failures > 0,
		.interface_order = order,
		.priority = interface->settings.priority,
		.moved_to = moved_to(core, place),
		.found = found_at(core, interface, place),
		.current = !core->binding.lost && mn_place_same(place, &core->binding.place),
		.coming = core->attempt.active && mn_place_same(place, &core->attempt.place),
	};

	if (offered.avoided)
		schedule(core, avoided);
	if (best->place.mode == MN_MODE_NONE || before(&offered, best))
		*best = offered;
}

static struct mn_place place_at_agent(const struct mn_agent *agent, enum mn_mode mode)
{
	return (struct mn_place){
		.mode = mode,
		.link = agent->key.link,
		.agent = agent->key.address,
		.agent_link_address = agent->link_address,
		.flags = agent->flags,
		.registration_lifetime = agent->registration_lifetime,
	};
}

/* rfc5944-2.4-13: the first advertised care-of address; after a failure each of the others in turn. The one
 * that is in use stays. */
static struct mip_address care_of_address_of(const struct mn_core *core, const struct mn_agent *agent)
{
	const struct mn_place *bound = &core->binding.place;

	if (bound->mode == MN_MODE_FOREIGN_AGENT && bound->link == agent->key.link &&
		mip_address_equal(bound->agent, agent->key.address))
		for (size_t i = 0; i < agent->care_of_address_count; i++)
			if (mip_address_equal(agent->care_of_addresses[i], bound->care_of_address))
				return bound->care_of_address;
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): mn_agent_usable() has seen that there is one */
	return agent->care_of_addresses[agent->backoff.failures % agent->care_of_address_count];
}

static void offer_agent(struct mn_core *core, const struct mn_interface *interface, unsigned order,
	const struct mn_agent *agent, struct candidate *best, struct mip_now now)
{
	struct mn_place place;

	/* rfc5944-2.4.3-1: it has returned home: SHOULD deregister with its home agent. 3.6.1.1: a node
	 * without a home address asks for one at home too, from 0.0.0.0. */
	if (agent->home) {
		place = place_at_agent(agent, MN_MODE_HOME);
		place.care_of_address = core->home_address;
		place.gateway = agent->router;
		offer(core, interface, order, &place, best, now);
	} else if (core->settings.care_of != MN_CARE_OF_CO_LOCATED && mn_agent_usable(core, agent)) {
		place = place_at_agent(agent, MN_MODE_FOREIGN_AGENT);
		place.care_of_address = care_of_address_of(core, agent);
		offer(core, interface, order, &place, best, now);
	}
}

/* rfc5944-2.4.1-1: an agent with the R bit SHOULD be registered through, with a co-located care-of address
 * too. rfc5944-3.1-2: SHOULD register via that foreign agent if the 'R' bit is set. */
static const struct mn_agent *insisting_agent(const struct mn_core *core, mip_link link)
{
	struct mn_agent *agent, *next;

	HASH_ITER (hh, core->agents, agent, next)
		if (agent->key.link == link && (agent->flags & MIP_AGENT_R) && mn_agent_usable(core, agent))
			return agent;
	return NULL;
}

/* A link that has just come up may have an agent, whose answer to the solicitation is on its way.
 * rfc5944-2.4-14: the mobile node SHOULD first attempt registration with agents that have Mobility Agent
 * Advertisement Extensions. */
static bool must_wait(struct mn_core *core, const struct mn_interface *interface,
	const struct mn_place *place, struct mip_now now)
{
	mip_time until = interface->up_since + core->settings.agent_wait;

	if (core->settings.care_of == MN_CARE_OF_CO_LOCATED || now.boot >= until ||
		mn_place_same(place, &core->binding.place))
		return false;
	schedule(core, until);
	return true;
}

/* rfc5944-AppA-2: the peer's own address MUST NOT be assumed to be a foreign agent care-of address or a
 * home agent's: the gateway is but a gateway. */
static void offer_co_located(struct mn_core *core, const struct mn_interface *interface, unsigned order,
	struct candidate *best, struct mip_now now)
{
	const struct mn_agent *agent = insisting_agent(core, interface->link);
	struct mn_place place = {0};

	if (core->settings.care_of == MN_CARE_OF_FOREIGN_AGENT)
		return;
	if (agent)
		place = place_at_agent(agent, MN_MODE_CO_LOCATED);
	place.mode = MN_MODE_CO_LOCATED;
	place.link = interface->link;
	if (!mn_interface_co_located(core, interface, &place.care_of_address, &place.gateway) ||
		!mn_home_agent_can_be_asked(core, &place) || must_wait(core, interface, &place, now))
		return;
	offer(core, interface, order, &place, best, now);
}

static struct mn_place best_place(struct mn_core *core, struct mip_now now)
{
	struct candidate best = {0};
	unsigned order = 0;

	for (const struct mn_interface *interface = core->interfaces; interface;
		interface = interface->next) {
		struct mn_agent *agent, *next;

		order++;
		if (!interface->up)
			continue;
		HASH_ITER (hh, core->agents, agent, next)
			if (agent->key.link == interface->link)
				offer_agent(core, interface, order, agent, &best, now);
		offer_co_located(core, interface, order, &best, now);
	}
	return best.place;
}

static void search(struct mn_core *core, struct mip_now now)
{
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		if (interface->up && !mip_deadline_is_set(&interface->solicit))
			mn_solicit_begin(core, interface, now);
}

/* The state is what the binding and the attempt amount to. */
static enum mn_state state_of(const struct mn_core *core)
{
	const struct mn_binding *binding = &core->binding;

	if (binding->place.mode == MN_MODE_HOME && !(binding->lost && core->attempt.active))
		return MN_STATE_HOME;
	if (binding->place.mode != MN_MODE_NONE && !binding->lost)
		return MN_STATE_REGISTERED;
	if (core->attempt.active && !core->attempt.ending)
		return core->silent ? MN_STATE_UNREACHABLE : MN_STATE_REGISTERING;
	return MN_STATE_SEARCHING;
}

/*
 * In place already: what the agent's newest advertisement says of it is taken over. If a request from elsewhere may have been
 * accepted meanwhile, the home agent is told where the node is.
 */
static void stay(struct mn_core *core, const struct mn_place *place, struct mip_now now)
{
	core->binding.place = *place;
	if (core->attempt.active && !core->attempt.ending) {
		if (mn_place_same(&core->attempt.place, place))
			core->attempt.place = *place;
		else
			mn_attempt_end(core);
	}
	if (core->astray && !core->attempt.active)
		mn_attempt_begin(core, place, false, now);
}

/* rfc5944-2.4.2-1: when it detects that it has moved, it SHOULD register with a suitable care-of
 * address. */
static void move(struct mn_core *core, const struct mn_place *place, struct mip_now now)
{
	if (mn_binding_is_urgent(core, now))
		return;
	if (core->attempt.active && mn_place_same(&core->attempt.place, place))
		core->attempt.place = *place;
	else
		mn_attempt_begin(core, place, false, now);
}

/* rfc5944-3.6-3: SHOULD initiate a registration whenever it detects a change in its network
 * connectivity. */
void mn_decide(struct mn_core *core, struct mip_now now)
{
	struct mn_place best;

	if (!core->begun)
		return;
	if (!core->resting && !core->attempt.withdrawing) {
		mn_simultaneous_resume(core, now);
		best = best_place(core, now);
		if (best.mode == MN_MODE_NONE)
			mn_attempt_end(core);
		else if (!core->binding.lost && mn_place_same(&best, &core->binding.place))
			stay(core, &best, now);
		else
			move(core, &best, now);
		mn_binding_watch(core, now);
		mn_simultaneous_watch(core, now);
	}
	mn_state_set(core, state_of(core));
	if (!core->resting && core->state == MN_STATE_SEARCHING)
		search(core, now);
	mn_routing_apply(core);
}

/*
 * The mobile node: a host that keeps its home address while it moves (RFC 5944).
 *
 * It hears agents and learns addresses on its interfaces (mn_interface.c, mn_agent.c), judges after each such
 * event which place is the best (mn_decide.c), and registers from there with its home agent (mn_attempt.c).
 * One binding is in use and at most one attempt is under way: the binding, its routes and its tunnel stay as
 * they are until the attempt is accepted, unless their link is gone. What the state machine shows follows
 * from the two:
 *
 *                       a place is found                accepted, away
 *       ┌─> searching ──────────────────> registering ──────────────────> registered ─┐
 *       │       ▲                           │  ▲   │                        │   ▲     │ moves, renews:
 *       │       │       nobody answers      │  │   │ accepted, at home      │   │     │ stays registered
 *       │       │   unreachable <───────────┘  │   ▼                        │   └─────┘
 *       │       └── link gone, nothing else ───┴─ home <── accepted, home ──┘
 *       └── the binding's link or agent is gone, and there is no other place
 *
 * RFC 5944 2.4 (discovery, move detection), 3.6 (registration), 4.2.1 (routing), 4.6 (ARP), 5.7 (replay
 * protection); RFC 3024 (reverse tunnels), RFC 3519 (NAT), RFC 2794 (NAI), RFC 4721 (challenges).
 */
#include "mn_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "mn_machine.h"

int mn_core_new(const struct mn_settings *settings, const struct mip_random *random,
	const struct mip_log *log, struct mn_core **ret_core)
{
	struct mn_core *core = calloc(1, sizeof(*core));
	int result;

	if (!core)
		return -ENOMEM;
	core->random = random;
	core->log = log;
	core->last_code = -1;
	core->state = MN_STATE_SEARCHING;
	core->port = MIP_REGISTRATION_PORT;
	random->fill(random->context, &core->ip_identification, sizeof(core->ip_identification));
	result = mip_outbox_reserve(&core->outbox, MIP_OUTBOX_USUAL);
	if (result == 0)
		result = mn_settings_copy(settings, &core->settings);
	if (result == 0)
		result = mn_interfaces_configure(core, settings, (struct mip_now){0});
	if (result < 0) {
		mn_core_free(core);
		return result;
	}
	core->log_limit.burst = settings->log_lines;
	core->log_limit.withheld = &core->counters[MN_COUNT_LOG_LINES_WITHHELD];
	core->home_address = settings->home_address;
	core->home_agent = mn_home_agent_configured(settings);
	*ret_core = core;
	return 0;
}

void mn_core_free(struct mn_core *core)
{
	if (!core)
		return;
	mn_agents_forget(core, MIP_LINK_NONE);
	mn_interfaces_free(core);
	free(core->attempt.message);
	free(core->wants.items);
	mip_outbox_clear(&core->outbox);
	mip_deadlines_clear(&core->deadlines);
	mn_settings_clear(&core->settings);
	free(core);
}

struct mip_outbox *mn_core_outbox(struct mn_core *core)
{
	return &core->outbox;
}

void mn_core_udp_port(struct mn_core *core, uint16_t port)
{
	core->port = port;
}

mip_time mn_jitter(struct mn_core *core, mip_time most)
{
	uint64_t number = 0;

	core->random->fill(core->random->context, &number, sizeof(number));
	return most > 0 ? (mip_time)(number % (uint64_t)most) : 0;
}

void mn_core_begin(struct mn_core *core, struct mip_now now)
{
	core->begun = true;
	mn_routing_apply(core);
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		if (interface->up) {
			/* The time that an agent has to answer runs from the question. */
			interface->up_since = now.boot;
			mn_solicit_begin(core, interface, now);
		}
	mn_decide(core, now);
}

/* --- time ------------------------------------------------------------------------------------- */

mip_time mn_core_deadline(const struct mn_core *core)
{
	return mip_deadlines_next(&core->deadlines);
}

static void due(struct mn_core *core, struct mip_deadline *deadline, struct mip_now now)
{
	/* Unreachable branch: the enumeration has no other value. */
	switch ((enum mn_deadline)deadline->kind) {
	case MN_DEADLINE_AGENT_SILENT:
	case MN_DEADLINE_AGENT_LOST:
		mn_agent_due(core, MIP_CONTAINER(deadline, struct mn_agent, silence), now);
		break;
	case MN_DEADLINE_SOLICIT:
		mn_solicit_due(core, MIP_CONTAINER(deadline, struct mn_interface, solicit), now);
		break;
	case MN_DEADLINE_DECIDE:
		mn_decide(core, now);
		break;
	case MN_DEADLINE_ATTEMPT:
		mn_attempt_due(core, now);
		break;
	case MN_DEADLINE_RENEW:
		mn_binding_renew(core, now);
		break;
	case MN_DEADLINE_EXPIRE:
		mn_binding_expired(core, now);
		break;
	case MN_DEADLINE_GRACE:
		mn_binding_grace_over(core);
		mn_routing_apply(core);
		break;
	case MN_DEADLINE_GRATUITOUS_ARP:
		mn_arp_due(core, now);
		break;
	case MN_DEADLINE_KEEPALIVE:
		mn_binding_keepalive(core, now);
		break;
	case MN_DEADLINE_SETTLE:
		mn_simultaneous_settle(core, now);
		break;
	}
}

void mn_core_advance(struct mn_core *core, struct mip_now now)
{
	struct mip_deadline *deadline;

	while ((deadline = mip_deadlines_pop(&core->deadlines, now.boot)))
		due(core, deadline, now);
}

/* --- what a person asks for ------------------------------------------------------------------- */

static int refuse(int result, const char *reason, const char **ret_reason)
{
	*ret_reason = reason;
	return result;
}

static void forgive_all(struct mn_core *core)
{
	struct mn_agent *agent, *next;

	HASH_ITER (hh, core->agents, agent, next) {
		agent->backoff = (struct mn_backoff){0};
		agent->shun = (struct mn_shun){0};
	}
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next) {
		interface->backoff = (struct mn_backoff){0};
		interface->home_shun = (struct mn_shun){0};
	}
	core->silent = false;
}

/* Ends what `deregister` began. Whether the home agent has heard of it is not known: the binding, if it is
 * still there, is made anew. */
static void rise(struct mn_core *core)
{
	if (!core->resting)
		return;
	core->resting = false;
	if (core->assignment.looped)
		core->assignment = (struct mn_assignment_state){.last = core->assignment.last};
	mn_attempt_end(core);
	core->binding.lost = core->binding.place.mode != MN_MODE_NONE;
}

int mn_core_register(struct mn_core *core, struct mip_now now, const char **ret_reason)
{
	struct mn_place place;

	rise(core);
	forgive_all(core);
	place = core->binding.place;
	if (core->attempt.active)
		mn_attempt_hurry(core, now);
	else if (mn_binding_is_live(core))
		mn_attempt_begin(core, &place, false, now); /* at home too: that deregisters again */
	mn_decide(core, now);
	if (core->state == MN_STATE_SEARCHING)
		return refuse(-ENETUNREACH, "no agent and no care-of address is there yet", ret_reason);
	return 0;
}

int mn_core_deregister(struct mn_core *core, struct mip_now now, const char **ret_reason)
{
	struct mn_place place = core->binding.place;

	if (place.mode == MN_MODE_HOME)
		return refuse(-EINVAL, "the node is at home, there is no binding", ret_reason);
	if (core->resting && !core->assignment.looped)
		return refuse(-EALREADY, "deregistered already", ret_reason);
	core->resting = true;
	core->assignment.looped = false; /* it rests by a person's wish now */
	core->moved = true;		 /* a person's word is as good as a link's */
	for (struct mn_interface *interface = core->interfaces; interface; interface = interface->next)
		mn_solicit_stop(core, interface);
	if (place.mode == MN_MODE_NONE) {
		mn_attempt_end(core);
		mn_home_agent_session_over(core);
	} else {
		mn_attempt_begin(core, &place, true, now);
	}
	mn_decide(core, now);
	return 0;
}

int mn_core_handover(struct mn_core *core, const char *name, struct mip_now now, const char **ret_reason)
{
	struct mn_interface *interface = mn_interface_named(core, name);

	if (!interface)
		return refuse(-ENOENT, "no such interface in the configuration", ret_reason);
	if (!interface->up)
		return refuse(-ENETDOWN, "that interface is down", ret_reason);
	core->preferred = interface->link;
	rise(core);
	core->moved = true;
	forgive_all(core);
	mn_solicit_once(core, interface, now);
	mn_decide(core, now);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

int mn_core_reconfigure(
	struct mn_core *core, const struct mn_settings *settings, struct mip_now now, const char **ret_reason)
{
	struct mip_address hint = core->settings.home_agent;
	struct mn_settings copy;
	int result;

	if (!mip_address_equal(settings->home_address, core->settings.home_address) ||
		!mip_prefix_equal(settings->home_prefix, core->settings.home_prefix) ||
		!same_text(settings->nai, core->settings.nai) ||
		settings->assignment != core->settings.assignment)
		return refuse(-EBUSY, "another home address, prefix, NAI or assignment needs a restart",
			ret_reason);
	result = mn_settings_copy(settings, &copy);
	if (result < 0)
		return refuse(result, "out of memory", ret_reason);
	result = mn_interfaces_configure(core, &copy, now);
	mn_settings_clear(&core->settings);
	core->settings = copy;
	core->log_limit.burst = copy.log_lines;
	core->reverse_mandatory = core->reverse_refused = false;
	core->refused = 0;
	if (core->assignment.looped)
		rise(core);
	mn_home_agent_hinted(core, hint);
	if (!mip_address_is_none(mn_home_agent_configured(&copy)) &&
		!mip_address_equal(copy.home_agent, core->home_agent)) {
		core->home_agent = copy.home_agent;
		mn_agents_judge_home(core);
	}
	/* Whatever is asked for otherwise now, the home agent hears at once. A request that is under way asks
	 * for what was wanted before, and its answer would pass for one to this. */
	core->moved = true;
	forgive_all(core);
	if (core->attempt.active && !core->attempt.ending)
		mn_attempt_end(core);
	mn_decide(core, now);
	mn_binding_renew(core, now);
	mn_decide(core, now);
	return result < 0 ? refuse(result, "out of memory", ret_reason) : 0;
}

void mn_core_farewell(struct mn_core *core, struct mip_now now)
{
	struct mn_place place = core->binding.place;

	if (!core->settings.deregister_on_exit || core->resting || place.mode == MN_MODE_NONE ||
		place.mode == MN_MODE_HOME)
		return;
	core->resting = true;
	core->moved = true;
	mn_attempt_begin(core, &place, true, now);
	/* Nobody will be here to hear the answer; the session ends with the binding. */
	mn_record_forget_session(core);
}

/* --- what can be seen ------------------------------------------------------------------------- */

static mip_time remaining(const struct mn_binding *binding, struct mip_now now)
{
	if (binding->expires == MIP_NEVER)
		return MIP_NEVER;
	return binding->expires > now.boot ? binding->expires - now.boot : 0;
}

struct mn_status mn_core_status(const struct mn_core *core, struct mip_now now)
{
	const struct mn_binding *binding = &core->binding;
	bool bound =
		binding->place.mode == MN_MODE_FOREIGN_AGENT || binding->place.mode == MN_MODE_CO_LOCATED;
	const struct mn_place *place = binding->place.mode == MN_MODE_NONE && core->attempt.active
					       ? &core->attempt.place
					       : &binding->place;
	struct mip_address none = {0};

	return (struct mn_status){
		.state = core->state,
		.home_address = core->home_address,
		.home_agent = core->home_agent,
		.care_of_address = place->mode == MN_MODE_HOME ? none : place->care_of_address,
		.mode = place->mode,
		.interface = mn_interface_name(core, place->link),
		.agent = place->agent,
		.bound = bound,
		.lifetime = binding->lifetime,
		.remaining = bound ? remaining(binding, now) : MIP_NEVER,
		.encapsulation = binding->encapsulation,
		.last_code = core->last_code,
		.simultaneous = core->others,
	};
}

size_t mn_core_agent_count(const struct mn_core *core)
{
	return HASH_COUNT(core->agents);
}

struct mn_agent_view mn_core_agent(const struct mn_core *core, size_t index, struct mip_now now)
{
	const struct mn_agent *agent = core->agents;

	while (agent && index-- > 0)
		agent = agent->hh.next;
	if (!agent)
		return (struct mn_agent_view){0};
	return (struct mn_agent_view){
		.address = agent->key.address,
		.interface = mn_interface_name(core, agent->key.link),
		.care_of_addresses = agent->care_of_addresses,
		.care_of_address_count = agent->care_of_address_count,
		.flags = agent->flags,
		.home = agent->home,
		.sequence = agent->sequence,
		.age = now.boot - agent->heard,
		.lifetime = agent->lifetime,
		.registration_lifetime = agent->registration_lifetime,
	};
}

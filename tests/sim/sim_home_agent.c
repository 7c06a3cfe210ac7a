/*
 * The bindings that a home agent should have, worked out from what its nodes have asked for and what it has answered,
 * and compared with those that it has.
 */
#include "sim.h"

#include "extension.h"
#include "replay.h"

#include <string.h>

static const char unasked[] = "no binding without an authenticated request";
static const char replayed[] = "no replay is accepted";
static const char too_long[] = "no binding past its lifetime";
static const char too_short[] = "no binding is dropped before its lifetime is over";

struct sim_bound *sim_bound_find(
	struct sim_home_agent *agent, struct mip_address home_address, struct mip_address care_of_address)
{
	for (size_t i = 0; i < agent->bound_count; i++) {
		if (mip_address_equal(agent->bound[i].home_address, home_address) &&
			mip_address_equal(agent->bound[i].care_of_address, care_of_address))
			return &agent->bound[i];
	}
	return NULL;
}

static void forget(struct sim_home_agent *agent, struct sim_bound *bound)
{
	*bound = agent->bound[--agent->bound_count];
}

/* All of the home address but the one of this care-of address. */
static void forget_others(
	struct sim_home_agent *agent, struct mip_address home_address, struct mip_address but)
{
	for (size_t i = agent->bound_count; i-- > 0;) {
		if (mip_address_equal(agent->bound[i].home_address, home_address) &&
			!mip_address_equal(agent->bound[i].care_of_address, but))
			forget(agent, &agent->bound[i]);
	}
}

/* --- what comes in ---------------------------------------------------------------------------------------------- */

static bool is_own_revocation(const struct sim_world *world, const uint8_t *octets, size_t length)
{
	uint64_t digest = sim_digest(octets, length);

	for (int i = 0; i < world->host_count; i++) {
		const struct sim_foreign_agent *agent = world->hosts[i].foreign_agent;

		if (world->hosts[i].role != SIM_FOREIGN_AGENT)
			continue;
		for (size_t k = 0; k < MIP_ARRAY_SIZE(agent->revocations) && k < agent->revocation_count;
			k++) {
			if (agent->revocations[k] == digest)
				return true;
		}
	}
	return false;
}

void sim_home_agent_expects(
	struct sim_world *world, struct sim_host *host, const uint8_t *octets, size_t length)
{
	struct sim_home_agent *agent = host->home_agent;
	int type = mip_message_type(octets, length);

	agent->request = NULL;
	agent->may_revoke = false;
	if (type == MIP_MESSAGE_REGISTRATION_REQUEST)
		agent->request = sim_ledger_find(world, octets, length);
	else if (type == MIP_MESSAGE_REVOCATION)
		agent->may_revoke = is_own_revocation(world, octets, length);
}

/* --- what it answers -------------------------------------------------------------------------------------------- */

/* RFC 5944 3.6.3: with nonces the unanswered request is repeated unchanged, and its answer says what is so already. */
static bool is_repetition(const struct sim_world *world, struct sim_home_agent *agent,
	const struct sim_request *request, struct mip_address home_address)
{
	const struct sim_bound *bound = sim_bound_find(agent, home_address, request->fields.care_of_address);

	return world->hosts[request->node].node->nonces && bound &&
	       bound->identification == request->fields.identification;
}

static void bind(struct sim_world *world, struct sim_host *host, const struct sim_request *request,
	const struct mip_registration_reply *reply)
{
	struct sim_home_agent *agent = host->home_agent;
	bool adds = (request->fields.flags & MIP_REQUEST_S) && agent->settings.max_simultaneous_bindings > 1;
	struct mip_now now = sim_now(world, host);
	struct sim_bound *bound;

	if (!adds)
		forget_others(agent, reply->home_address, request->fields.care_of_address);
	bound = sim_bound_find(agent, reply->home_address, request->fields.care_of_address);
	if (!bound && agent->bound_count < SIM_BOUND)
		bound = &agent->bound[agent->bound_count++];
	if (!bound)
		return;
	*bound = (struct sim_bound){
		.node = request->node,
		.home_address = reply->home_address,
		.care_of_address = request->fields.care_of_address,
		.identification = request->fields.identification,
		.lifetime = reply->lifetime,
		.expires = reply->lifetime == MIP_LIFETIME_INFINITE ? MIP_NEVER
								    : now.boot + reply->lifetime * MIP_SECOND,
		.granted = world->now,
	};
}

static void unbind(struct sim_home_agent *agent, const struct sim_request *request,
	const struct mip_registration_reply *reply)
{
	struct mip_address care_of = request->fields.care_of_address;
	struct sim_bound *bound = sim_bound_find(agent, reply->home_address, care_of);

	if (mip_address_is_none(care_of) || mip_address_equal(care_of, reply->home_address))
		forget_others(agent, reply->home_address, (struct mip_address){0});
	else if (bound)
		forget(agent, bound);
}

static void accepted(struct sim_world *world, struct sim_host *host, struct sim_request *request,
	const struct mip_registration_reply *reply)
{
	struct sim_home_agent *agent = host->home_agent;
	struct sim_node *node = world->hosts[request->node].node;

	if (request->accepted_by == host->number) {
		if (!is_repetition(world, agent, request, reply->home_address))
			sim_fail(world, replayed,
				"%s has accepted a request of %s once more, %lld ms after it was made",
				host->name, world->hosts[request->node].name,
				(long long)((world->now - request->made) / MIP_MILLISECOND));
		return;
	}
	if (reply->lifetime > request->fields.lifetime)
		sim_fail(world, too_long, "%s grants %u s to %s, which asked for %u", host->name,
			reply->lifetime, world->hosts[request->node].name, request->fields.lifetime);
	request->accepted_by = host->number;
	request->accepted = world->now;
	request->told = false;
	world->registrations++;
	if (!node->nonces) {
		node->latest = request->fields.identification;
		node->latest_any = true;
	}
	if (request->fields.lifetime > 0)
		bind(world, host, request, reply);
	else
		unbind(agent, request, reply);
}

void sim_home_agent_replied(
	struct sim_world *world, struct sim_host *host, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_reply reply;

	if (mip_message_type(octets, length) != MIP_MESSAGE_REGISTRATION_REPLY ||
		mip_reply_read(&reader, &reply) < 0 || !mip_code_is_accepted(reply.code))
		return;
	if (!host->home_agent->request) {
		sim_fail(world, unasked, "%s accepts what no node has made, for %s", host->name,
			MIP_TEXT(reply.home_address));
		return;
	}
	accepted(world, host, host->home_agent->request, &reply);
}

/* --- what it drops ---------------------------------------------------------------------------------------------- */

static struct mip_address address_in(const struct mip_event *event, const char *name)
{
	for (size_t i = 0; i < event->count; i++) {
		if (strcmp(event->fields[i].name, name) == 0 && event->fields[i].type == MIP_FIELD_ADDRESS)
			return event->fields[i].address;
	}
	return (struct mip_address){0};
}

static const char *string_in(const struct mip_event *event, const char *name)
{
	for (size_t i = 0; i < event->count; i++) {
		if (strcmp(event->fields[i].name, name) == 0 && event->fields[i].type == MIP_FIELD_STRING)
			return event->fields[i].string;
	}
	return "";
}

/* What a request replaces or ends is accounted for by its reply, which follows. */
void sim_home_agent_event(struct sim_world *world, struct sim_host *host, const struct mip_event *event)
{
	struct sim_home_agent *agent = host->home_agent;
	const char *reason = string_in(event, "reason");
	struct sim_bound *bound;

	if (strncmp(event->name, "binding_", 8) == 0)
		agent->changed = sim_now(world, host).boot;
	if (strcmp(event->name, "binding_removed") != 0)
		return;
	bound = sim_bound_find(
		agent, address_in(event, "home_address"), address_in(event, "care_of_address"));
	if (strcmp(reason, "replaced") == 0 || strcmp(reason, "deregistered") == 0) {
		if (!agent->request)
			sim_fail(world, too_short, "%s: %s is %s, though nobody has asked", host->name,
				MIP_TEXT(address_in(event, "home_address")), reason);
		return;
	}
	if (!bound)
		return;
	if (strcmp(reason, "expired") == 0 && bound->expires > sim_now(world, host).boot)
		sim_fail(world, too_short, "%s: the binding of %s has %lld ms left", host->name,
			MIP_TEXT(bound->home_address),
			(long long)((bound->expires - sim_now(world, host).boot) / MIP_MILLISECOND));
	if (strncmp(reason, "revoked", 7) == 0 && !agent->may_revoke)
		sim_fail(world, too_short, "%s: the binding of %s is %s, though nobody has said so",
			host->name, MIP_TEXT(bound->home_address), reason);
	forget(agent, bound);
}

/* --- compared --------------------------------------------------------------------------------------------------- */

struct comparison {
	struct sim_world *world;
	struct sim_host *host;
	size_t found;
};

static void compare(void *context, const struct ha_binding_view *view)
{
	struct comparison *comparison = context;
	struct sim_world *world = comparison->world;
	struct sim_host *host = comparison->host;
	mip_time now = sim_now(world, host).boot;
	const struct sim_bound *bound =
		sim_bound_find(host->home_agent, view->home_address, view->care_of_address);

	comparison->found++;
	if (!bound)
		sim_fail(world, unasked, "%s has %s bound to %s", host->name, MIP_TEXT(view->home_address),
			MIP_TEXT(view->care_of_address));
	else if (view->expires <= now)
		sim_fail(world, too_long, "%s has %s bound %lld ms after the end", host->name,
			MIP_TEXT(view->home_address), (long long)((now - view->expires) / MIP_MILLISECOND));
	else if (view->expires > bound->expires)
		sim_fail(world, too_long, "%s has %s bound for %lld ms more than it granted", host->name,
			MIP_TEXT(view->home_address),
			(long long)((view->expires - bound->expires) / MIP_MILLISECOND));
	else if (view->expires < bound->expires)
		sim_fail(world, too_short, "%s has %s bound for %lld ms less than it granted", host->name,
			MIP_TEXT(view->home_address),
			(long long)((bound->expires - view->expires) / MIP_MILLISECOND));
}

struct presence {
	const struct sim_bound *bound;
	bool found;
};

static void look(void *context, const struct ha_binding_view *view)
{
	struct presence *presence = context;

	if (mip_address_equal(view->home_address, presence->bound->home_address) &&
		mip_address_equal(view->care_of_address, presence->bound->care_of_address))
		presence->found = true;
}

static bool has(const struct sim_home_agent *agent, const struct sim_bound *bound)
{
	struct presence presence = {.bound = bound};

	ha_core_bindings(agent->core, look, &presence);
	return presence.found;
}

void sim_home_agent_check(struct sim_world *world, struct sim_host *host)
{
	struct sim_home_agent *agent = host->home_agent;
	struct comparison comparison = {.world = world, .host = host};

	agent->request = NULL;
	agent->may_revoke = false;
	ha_core_bindings(agent->core, compare, &comparison);
	for (size_t i = 0; comparison.found < agent->bound_count && i < agent->bound_count; i++) {
		if (!has(agent, &agent->bound[i]))
			sim_fail(world, too_short, "%s has dropped the binding of %s to %s", host->name,
				MIP_TEXT(agent->bound[i].home_address),
				MIP_TEXT(agent->bound[i].care_of_address));
	}
}

/* --- a restart -------------------------------------------------------------------------------------------------- */

/*
 * The rule of ha_record.c: a binding ends at the wall time at which it was to end, but not later than a lifetime from
 * now. While the wall clock has gone like the boot clock, that is the time that was promised.
 */
static void move_to_new_clock(struct sim_home_agent *agent, mip_time boot_before, mip_time boot_now)
{
	for (size_t i = agent->bound_count; i-- > 0;) {
		struct sim_bound *bound = &agent->bound[i];

		if (bound->expires == MIP_NEVER)
			continue;
		bound->expires += boot_now - boot_before;
		if (bound->expires <= boot_now && !bound->clock_stepped)
			forget(agent, bound);
	}
}

struct adoption {
	struct sim_world *world;
	struct sim_host *host;
	struct sim_bound bound[SIM_BOUND];
	size_t count;
};

static bool is_of(const struct sim_node *node, const struct ha_binding_view *view)
{
	if (mip_address_is_none(node->settings.home_address))
		return view->nai && strcmp(view->nai, node->nai) == 0;
	return mip_address_equal(node->settings.home_address, view->home_address);
}

static const struct sim_request *that_made(
	struct sim_world *world, const struct sim_host *host, const struct ha_binding_view *view)
{
	const struct sim_ledger *ledger = &world->ledger;
	size_t known = ledger->count < SIM_REQUESTS ? ledger->count : SIM_REQUESTS;

	for (size_t i = 1; i <= known; i++) {
		const struct sim_request *request = &ledger->requests[(ledger->count - i) % SIM_REQUESTS];

		if (request->accepted_by == host->number && request->fields.lifetime > 0 &&
			is_of(world->hosts[request->node].node, view) &&
			mip_address_equal(request->fields.care_of_address, view->care_of_address))
			return request;
	}
	return NULL;
}

/* What its clock has made uncertain is as it says, within what there was. */
static void adopt(void *context, const struct ha_binding_view *view)
{
	struct adoption *adoption = context;
	struct sim_bound *old =
		sim_bound_find(adoption->host->home_agent, view->home_address, view->care_of_address);
	const struct sim_request *request = that_made(adoption->world, adoption->host, view);
	struct sim_bound *bound;

	if (adoption->count == SIM_BOUND || !old)
		return;
	bound = &adoption->bound[adoption->count++];
	*bound = *old;
	if (old->clock_stepped) {
		bound->home_address = view->home_address;
		bound->care_of_address = view->care_of_address;
		bound->expires = view->expires;
		bound->lifetime = view->lifetime;
		if (request)
			bound->identification = request->fields.identification;
	}
}

void sim_home_agent_restarted(struct sim_world *world, struct sim_host *host, mip_time boot_before)
{
	struct sim_home_agent *agent = host->home_agent;
	struct adoption adoption = {.world = world, .host = host};

	move_to_new_clock(agent, boot_before, sim_now(world, host).boot);
	ha_core_bindings(agent->core, adopt, &adoption);
	for (size_t i = agent->bound_count; i-- > 0;) {
		struct sim_bound *bound = &agent->bound[i];

		if (bound->clock_stepped)
			forget(agent, bound);
	}
	for (size_t i = 0; i < adoption.count; i++) {
		const struct sim_bound *bound = &adoption.bound[i];

		if (!sim_bound_find(agent, bound->home_address, bound->care_of_address) &&
			agent->bound_count < SIM_BOUND)
			agent->bound[agent->bound_count++] = *bound;
	}
}

/*
 * The agents that the node hears (RFC 5944 2.4). Each is remembered for the lifetime of its last
 * advertisement (move detection by algorithm 1); one that has been silent for most of it is asked once, and
 * one that has restarted (2.4.4) is registered with again.
 *
 * An agent is identified by its link and address, so a node moves when its own agent is lost or a better
 * place is heard, and not because a second agent speaks on the same link (RFC 5944 3.6); unless the settings
 * say that this is a sign of having moved, for one of another network (algorithm 2) or for any (mn_decide.c).
 */
#include "mn_machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void agent_free(struct mn_core *core, struct mn_agent *agent)
{
	mip_deadline_cancel(&core->deadlines, &agent->silence);
	HASH_DEL(core->agents, agent);
	free(agent->care_of_addresses);
	free(agent->challenge);
	free(agent->challenge_sent);
	free(agent->challenge_used);
	free(agent);
}

static struct mn_agent_key key_of(mip_link link, struct mip_address address)
{
	struct mn_agent_key key;

	memset(&key, 0, sizeof(key));
	key.link = link;
	key.address = address;
	return key;
}

struct mn_agent *mn_agent_find(const struct mn_core *core, mip_link link, struct mip_address address)
{
	struct mn_agent_key key = key_of(link, address);
	struct mn_agent *agent;

	HASH_FIND(hh, core->agents, &key, sizeof(key), agent);
	return agent;
}

void mn_agents_forget(struct mn_core *core, mip_link link)
{
	struct mn_agent *agent, *next;

	for (size_t i = 0; i < MN_MEMORIES; i++)
		if (link == MIP_LINK_NONE || core->memories[i].key.link == link)
			core->memories[i] = (struct mn_memory){0};

	HASH_ITER (hh, core->agents, agent, next)
		if (link == MIP_LINK_NONE || agent->key.link == link)
			agent_free(core, agent);
}

void mn_agents_forgive(struct mn_core *core, mip_link link)
{
	struct mn_agent *agent, *next;

	HASH_ITER (hh, core->agents, agent, next)
		if (agent->key.link == link)
			agent->shun = (struct mn_shun){0};
}

/* --- what is remembered of those that are lost ------------------------------------------------- */

#define MEMORY (300 * MIP_SECOND)

static void remember(struct mn_core *core, const struct mn_agent *agent, struct mip_now now)
{
	core->memories[core->memory_next++ % MN_MEMORIES] = (struct mn_memory){
		.key = agent->key,
		.until = now.boot + MEMORY,
		.lifetime_most = agent->lifetime_most,
		.reverse_mandatory = agent->reverse_mandatory,
		.delivery_refused = agent->delivery_refused,
		.refused = agent->refused,
	};
}

static void recall(struct mn_core *core, struct mn_agent *agent, struct mip_now now)
{
	for (size_t i = 0; i < MN_MEMORIES; i++) {
		struct mn_memory *memory = &core->memories[i];

		if (now.boot >= memory->until || memory->key.link != agent->key.link ||
			!mip_address_equal(memory->key.address, agent->key.address))
			continue;
		agent->lifetime_most = memory->lifetime_most;
		agent->reverse_mandatory = memory->reverse_mandatory;
		agent->delivery_refused = memory->delivery_refused;
		agent->refused = memory->refused;
		*memory = (struct mn_memory){0};
	}
}

bool mn_agents_on(const struct mn_core *core, mip_link link)
{
	struct mn_agent *agent, *next;

	HASH_ITER (hh, core->agents, agent, next)
		if (agent->key.link == link)
			return true;
	return false;
}

static bool is_place_of(const struct mn_agent *agent, const struct mn_place *place)
{
	return place->mode != MN_MODE_NONE && place->link == agent->key.link &&
	       mip_address_equal(place->agent, agent->key.address);
}

static bool in_use(const struct mn_core *core, const struct mn_agent *agent)
{
	return is_place_of(agent, &core->binding.place) ||
	       (core->attempt.active && is_place_of(agent, &core->attempt.place));
}

bool mn_agent_usable(const struct mn_core *core, const struct mn_agent *agent)
{
	/* A busy agent (B) goes on serving those that it has. */
	return (agent->flags & MIP_AGENT_F) && agent->care_of_address_count > 0 &&
	       mn_agent_answerable(core, agent) &&
	       (!(agent->flags & MIP_AGENT_B) || is_place_of(agent, &core->binding.place));
}

static void report(struct mn_core *core, const char *name, const struct mn_agent *agent)
{
	struct mip_event event = mip_event_of(name);
	char flags[MIP_AGENT_FLAGS_TEXT];

	mip_event_address(&event, "address", agent->key.address);
	mip_event_string(&event, "interface", mn_interface_name(core, agent->key.link));
	mip_event_string(&event, "flags", mip_agent_flags_text(agent->flags, flags));
	mip_event_boolean(&event, "home", agent->home);
	mn_report(core, &event);
}

/* --- taking an advertisement in --------------------------------------------------------------- */

/* Whether `a` is to be forgotten rather than `b`. */
static bool is_worth_less(const struct mn_agent *a, const struct mn_agent *b)
{
	if (a->served != b->served)
		return !a->served;
	return a->heard < b->heard;
}

/* A flood of forged advertisements must not take all memory and time, nor push out what is in use or has been,
 * nor what is heard on other links. */
static void make_room(struct mn_core *core, mip_link link)
{
	size_t most = core->settings.agents_per_link ? core->settings.agents_per_link : MN_AGENTS_PER_LINK;
	struct mn_agent *agent, *next, *least = NULL;
	size_t count = 0;

	HASH_ITER (hh, core->agents, agent, next) {
		if (agent->key.link != link)
			continue;
		count++;
		if (!in_use(core, agent) && (!least || is_worth_less(agent, least)))
			least = agent;
	}
	if (count < most || !least)
		return;
	mn_count(core, MN_COUNT_AGENTS_DISPLACED);
	agent_free(core, least);
}

static struct mn_agent *agent_new(struct mn_core *core, mip_link link, struct mip_address address)
{
	struct mn_agent *agent;
	bool added = true;

	make_room(core, link);
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return NULL;
	agent->key = key_of(link, address);
	agent->order = ++core->agent_order;
	HASH_ADD(hh, core->agents, key, sizeof(agent->key), agent);
	added = agent->hh.tbl != NULL;
	if (!added) {
		free(agent);
		return NULL;
	}
	return agent;
}

static bool advertises(const struct mip_agent_advertisement *advertisement, struct mip_address address)
{
	for (size_t i = 0; i < advertisement->router_count; i++)
		if (mip_address_equal(advertisement->routers[i].address, address))
			return true;
	return false;
}

/* RFC 5944 2.1.2: the lengths are those of the router addresses, in their order, and not of the care-of
 * addresses. The agent's own address among them says best which network this is. */
static struct mip_prefix prefix_of(
	const struct mip_agent_advertisement *advertisement, struct mip_address address)
{
	size_t place = 0;

	if (advertisement->prefix_length_count == 0)
		return (struct mip_prefix){0};
	for (size_t i = 0; i < advertisement->prefix_length_count; i++)
		if (mip_address_equal(advertisement->routers[i].address, address))
			place = i;
	return mip_prefix_of(advertisement->routers[place].address, advertisement->prefix_lengths[place]);
}

/*
 * RFC 5944 2.4.3: home is where its own home agent advertises, on the link of the home network. The home
 * agent may serve other links too; there, and for a virtual home network, the node is away. So the agent's
 * address must belong to the home network as well, if that is known.
 */
static bool is_home(const struct mn_core *core, const struct mn_agent *agent, bool is_home_agent)
{
	struct mip_prefix prefix = core->settings.home_prefix;

	/* The network has given an address of another one: that is home, wherever the settings say. */
	if (prefix.length == 0 ||
		!(mip_address_is_none(core->home_address) || mip_prefix_contains(prefix, core->home_address)))
		return is_home_agent && (agent->flags & MIP_AGENT_H);
	return (is_home_agent || (agent->flags & MIP_AGENT_H)) &&
	       (mip_prefix_contains(prefix, agent->key.address) ||
		       mip_prefix_contains(prefix, agent->router));
}

void mn_agents_judge_home(struct mn_core *core)
{
	struct mn_agent *agent, *next;

	HASH_ITER (hh, core->agents, agent, next)
		agent->home = is_home(core, agent,
			!mip_address_is_none(core->home_agent) &&
				(mip_address_equal(agent->key.address, core->home_agent) ||
					mip_address_equal(agent->router, core->home_agent)));
}

/* --- challenges (RFC 4721) -------------------------------------------------------------------- */

static struct mn_challenge *challenge_new(const uint8_t *octets, size_t length)
{
	struct mn_challenge *challenge = malloc(sizeof(*challenge) + length);

	if (!challenge)
		return NULL;
	challenge->length = length;
	memcpy(challenge->octets, octets, length);
	return challenge;
}

static bool is_challenge(const struct mn_challenge *challenge, const uint8_t *octets, size_t length)
{
	return challenge && challenge->length == length && memcmp(challenge->octets, octets, length) == 0;
}

/*
 * rfc4721-3.3-9: MUST be prepared to use one from an advertisement in lieu of one from a reply: whatever came
 * last. rfc4721-4-1: but none that was advertised before the one of the last request. A multicast that
 * somebody solicited brings that one itself once more (2.1).
 */
int mn_agent_challenge(struct mn_agent *agent, const uint8_t *octets, size_t length)
{
	struct mn_challenge *copy;

	if (length == 0 || is_challenge(agent->challenge, octets, length) ||
		is_challenge(agent->challenge_used, octets, length))
		return 0;
	copy = challenge_new(octets, length);
	if (!copy)
		return -ENOMEM;
	free(agent->challenge);
	agent->challenge = copy;
	return 0;
}

int mn_agent_challenge_send(struct mn_agent *agent)
{
	struct mn_challenge *copy = challenge_new(agent->challenge->octets, agent->challenge->length);

	if (!copy)
		return -ENOMEM;
	free(agent->challenge_sent);
	agent->challenge_sent = copy;
	return 0;
}

void mn_agent_challenge_spend(struct mn_agent *agent)
{
	if (!agent->challenge_sent)
		return;
	free(agent->challenge_used);
	agent->challenge_used = agent->challenge_sent;
	agent->challenge_sent = NULL;
}

bool mn_agent_challenge_is_newer(const struct mn_agent *agent)
{
	return agent->challenge &&
	       !is_challenge(agent->challenge_sent, agent->challenge->octets, agent->challenge->length);
}

bool mn_agent_lacks_challenge(const struct mn_agent *agent)
{
	return agent->challenge &&
	       is_challenge(agent->challenge_used, agent->challenge->octets, agent->challenge->length);
}

/* rfc4721-3.1-1, -6: without a security association with the foreign agent the challenge MUST be in the
 * request, and Mobile-AAA authentication with it. */
bool mn_agent_answerable(const struct mn_core *core, const struct mn_agent *agent)
{
	return !agent->challenge || core->settings.aaa ||
	       mn_settings_foreign_agent(&core->settings, agent->key.address);
}

/* --- taking in, continued --------------------------------------------------------------------- */

/* The agent advertises no challenges (any more): what could not serve for a request is of no use. One that
 * its reply gave to this node may be what it wants. */
static void drop_challenge(const struct mn_core *core, struct mn_agent *agent)
{
	if (!mn_agent_lacks_challenge(agent) && mn_agent_answerable(core, agent))
		return;
	free(agent->challenge);
	agent->challenge = NULL;
}

static int take_lists(const struct mn_core *core, struct mn_agent *agent,
	const struct mip_agent_advertisement *advertisement)
{
	size_t size = advertisement->care_of_address_count * sizeof(struct mip_address);
	struct mip_address *addresses = malloc(size > 0 ? size : 1);

	if (!addresses)
		return -ENOMEM;
	free(agent->care_of_addresses);
	agent->care_of_addresses = addresses;
	agent->care_of_address_count = 0;
	/* No tunnel can end at the others: an agent that has only such is of no use. */
	for (size_t i = 0; i < advertisement->care_of_address_count; i++)
		if (mip_address_is_unicast(advertisement->care_of_addresses[i]))
			addresses[agent->care_of_address_count++] = advertisement->care_of_addresses[i];
	if (advertisement->challenge_length > 0)
		return mn_agent_challenge(agent, advertisement->challenge, advertisement->challenge_length);
	drop_challenge(core, agent);
	return 0;
}

/* rfc5944-2.4.4-1, rfc5944-2.4.4-2: less than the one before and below 256 is a restart; otherwise it has
 * rolled over. */
static bool has_restarted(const struct mn_agent *agent, uint16_t sequence, bool to_us)
{
	/* RFC 3543 4.1: "a unicast agent advertisement with the sequence number reset to 0 could indicate a
	 * revocation": also when the agent has not got beyond 0 yet. */
	if (sequence == 0 && to_us)
		return true;
	return sequence < agent->sequence && sequence < 256;
}

static void take(struct mn_core *core, struct mn_agent *agent,
	const struct mip_agent_advertisement *advertisement, struct mip_link_address link_address,
	struct mip_now now)
{
	mip_time lifetime = advertisement->lifetime * MIP_SECOND;

	agent->link_address = link_address;
	agent->heard = now.boot;
	agent->sequence = advertisement->sequence;
	/* rfc5944-2.4.2.1-1: SHOULD record the Lifetime received in any Agent Advertisements, until it
	 * expires. */
	agent->lifetime = advertisement->lifetime;
	agent->registration_lifetime = advertisement->registration_lifetime;
	agent->flags = advertisement->flags;
	agent->router =
		advertisement->router_count > 0 ? advertisement->routers[0].address : agent->key.address;
	agent->prefix = prefix_of(advertisement, agent->key.address);
	agent->home = is_home(core, agent,
		!mip_address_is_none(core->home_agent) &&
			(mip_address_equal(agent->key.address, core->home_agent) ||
				advertises(advertisement, core->home_agent)));
	agent->silence.kind = MN_DEADLINE_AGENT_SILENT;
	(void)mip_deadline_set(&core->deadlines, &agent->silence, now.boot + lifetime * 2 / 3);
}

/* The agent has said that it stops (RFC 1256: a lifetime of zero). */
static void farewell(struct mn_core *core, mip_link link, struct mip_address address, struct mip_now now)
{
	struct mn_agent *agent = mn_agent_find(core, link, address);

	if (!agent)
		return;
	agent->silence.kind = MN_DEADLINE_AGENT_LOST;
	mn_agent_due(core, agent, now);
}

/*
 * It is new, or says that it has begun anew. Then what was denied or not answered may do better now (the back-off begins
 * again), but for a stranger's word: who has never let the node register does not make good by a restart what it has
 * not kept, and a new one does not keep the node from giving up what nobody answers.
 */
static void begins_anew(struct mn_core *core, struct mn_agent *agent, bool found, struct mip_now now)
{
	mn_count(core, found ? MN_COUNT_AGENTS_FOUND : MN_COUNT_AGENTS_RESTARTED);
	report(core, found ? "agent_found" : "agent_restarted", agent);
	if (!found) {
		agent->lifetime_most = 0;
		agent->reverse_mandatory = false;
		agent->refused = 0;
	}
	if (!mn_agent_answerable(core, agent))
		mn_warn(core, now, "there is no association to answer the challenges of an agent with",
			agent->key.address);
	if (!found && !agent->served)
		return;
	agent->backoff = (struct mn_backoff){0};
	mn_decide(core, now); /* the new one may be where to go */
	if (!found || mn_attempt_is_waiting(core))
		mn_attempt_hurry(core, now);
}

static void heard(struct mn_core *core, struct mn_interface *interface, const struct mip_input_frame *frame,
	const struct mip_ip *ip, const struct mip_agent_advertisement *advertisement, struct mip_now now)
{
	struct mn_agent *agent = mn_agent_find(core, interface->link, ip->source);
	bool to_us = frame->unicast && mip_address_equal(ip->destination, core->home_address);
	bool found = !agent, restarted = agent && has_restarted(agent, advertisement->sequence, to_us);

	if (found)
		agent = agent_new(core, interface->link, ip->source);
	if (!agent)
		return;
	if (take_lists(core, agent, advertisement) < 0) {
		if (found)
			agent_free(core, agent);
		return;
	}
	take(core, agent, advertisement, frame->source, now);
	mn_count(core, MN_COUNT_ADVERTISEMENTS_RECEIVED);
	if (found) {
		agent->found = now.boot;
		recall(core, agent, now);
	}
	if (found || restarted)
		begins_anew(core, agent, found, now);
	mn_attempt_challenged(core, agent, now);
	if (restarted)
		mn_simultaneous_agent_gone(core, agent);
	/* rfc5944-2.4.4-1: the agent with which it is registered has lost its visitors: register again;
	 * rfc3543-4.1-1: so says one that has revoked this node.
	 * rfc5944-3.6-4: SHOULD register when it detects that the foreign agent has rebooted. */
	if (restarted && core->binding.place.mode != MN_MODE_HOME && is_place_of(agent, &core->binding.place))
		mn_binding_renew(core, now);
	mn_decide(core, now);
}

/*
 * RFC 3543 6.1: "any agent advertisement which doesn't conform to a strict adherence to [1], specifically those
 * whose TTL is not 1, or which do not emanate from the same link-address (when present) as other agent
 * advertisements supposedly from the same agent, […] be silently discarded". An agent with a new card is heard
 * again when the lifetime of what it said before is over; or at once, if nothing came of what was said before: who has not
 * let the node register has no claim to the address.
 */
static bool is_credible(const struct mn_core *core, const struct mn_interface *interface,
	const struct mip_input_frame *frame, const struct mip_ip *ip)
{
	const struct mn_agent *agent = mn_agent_find(core, interface->link, ip->source);

	if (ip->ttl != 1)
		return false;
	return !agent || mip_link_address_equal(agent->link_address, frame->source) ||
	       (agent->backoff.failures > 0 && !is_place_of(agent, &core->binding.place));
}

void mn_agent_input(struct mn_core *core, struct mn_interface *interface, const struct mip_input_frame *frame,
	const struct mip_ip *ip, struct mip_reader *icmp, struct mip_now now)
{
	struct mip_agent_advertisement advertisement;
	int result = mip_advertisement_read(icmp, &advertisement);

	/* rfc5944-3.6-7: MUST NOT consider an ICMP Redirect as reason to register with a new foreign
	 * agent. */
	if (result == -ENOMSG)
		return; /* another node's solicitation, or an echo: nothing of ours */
	if (result < 0 || !mip_address_is_unicast(ip->source) ||
		mip_address_equal(ip->source, core->home_address)) {
		mn_count(core, MN_COUNT_DROP_MALFORMED);
		return;
	}
	/* rfc5944-2.4-12: what has no Mobility Agent Advertisement Extension is a plain router's. */
	if (!advertisement.is_agent) {
		mn_count(core, MN_COUNT_DROP_NOT_AN_AGENT);
		return;
	}
	if (!is_credible(core, interface, frame, ip)) {
		mn_count(core, MN_COUNT_DROP_ADVERTISEMENT);
		return;
	}
	if (advertisement.lifetime == 0)
		farewell(core, interface->link, ip->source, now);
	else
		heard(core, interface, frame, ip, &advertisement, now);
}

/* --- silence ---------------------------------------------------------------------------------- */

static void lost(struct mn_core *core, struct mn_agent *agent, struct mip_now now)
{
	struct mn_interface *interface = mn_interface_at(core, agent->key.link);
	bool was_in_use = in_use(core, agent);

	mn_count(core, MN_COUNT_AGENTS_LOST);
	report(core, "agent_lost", agent);
	/* rfc5944-2.4.2.1-2: it SHOULD assume that it has lost contact. The old way stays until there is a
	 * new one, for what it is worth. */
	if (is_place_of(agent, &core->binding.place))
		core->binding.lost = true;
	if (core->attempt.active && is_place_of(agent, &core->attempt.place) &&
		(!core->attempt.ending || core->attempt.withdrawing))
		mn_attempt_end(core);
	mn_simultaneous_agent_gone(core, agent);
	remember(core, agent, now);
	agent_free(core, agent);
	/* rfc5944-2.4.2.1-3: otherwise it SHOULD attempt to discover a new agent. The loss of one that was
	 * not in use is no reason to solicit (rfc5944-2.4-2), nor to solicit more often (rfc5944-2.4-8). */
	if (was_in_use && interface && interface->up && !core->resting)
		mn_solicit_begin(core, interface, now);
	mn_decide(core, now);
}

void mn_agent_due(struct mn_core *core, struct mn_agent *agent, struct mip_now now)
{
	struct mn_interface *interface = mn_interface_at(core, agent->key.link);

	if (agent->silence.kind == MN_DEADLINE_AGENT_LOST) {
		lost(core, agent, now);
		return;
	}
	if (interface && in_use(core, agent))
		mn_solicit_once(core, interface, now);
	agent->silence.kind = MN_DEADLINE_AGENT_LOST;
	(void)mip_deadline_set(
		&core->deadlines, &agent->silence, agent->heard + agent->lifetime * MIP_SECOND);
}

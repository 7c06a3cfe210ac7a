/*
 * A registration under way: the request is sent, and sent again after 1, 2, 4 … 32 s while no answer comes
 * (RFC 5944 3.6.3); after a denial it waits as long as its place's back-off says. There is one attempt at a
 * time; what it replaces is forgotten, and a late answer to that matches nothing.
 *
 *              begin ──> sent ──(accepted)──> the binding
 *                        │  ▲
 *              (denied)  │  │ back-off, or time-out, or an agent's new challenge
 *                        └──┘
 *
 * What the home agent accepted and the foreign agent does not honour (RFC 4636) is withdrawn: one deregistration, and
 * for as long as its answer may take nothing else.
 */
#include "mn_machine.h"

#include <stdlib.h>

/* rfc5944-3.6-6: without a link-layer indication the node MUST NOT register more than once a second.
 * rfc5944-2.4.2-2: MUST NOT register more frequently than once per second on average. */
static mip_time earliest(const struct mn_core *core, struct mip_now now)
{
	mip_time second_later = core->requested_at + MIP_SECOND;

	return core->requested && !core->moved && second_later > now.boot ? second_later : now.boot;
}

static mip_time later_of(mip_time a, mip_time b)
{
	return a > b ? a : b;
}

/* rfc5944-3.6.3-4: each timeout at least twice the previous; rfc5944-3.6.3-2: a second is large enough
 * for the round trip. */
static mip_time exponential(unsigned count)
{
	unsigned seconds = count > 6 ? MN_BACKOFF_MOST : 1U << (count > 0 ? count - 1 : 0);

	return (seconds > MN_BACKOFF_MOST ? MN_BACKOFF_MOST : seconds) * MIP_SECOND;
}

static void set_timer(struct mn_core *core, mip_time at)
{
	core->attempt.timer.kind = MN_DEADLINE_ATTEMPT;
	(void)mip_deadline_set(&core->deadlines, &core->attempt.timer, at);
}

void mn_attempt_end(struct mn_core *core)
{
	const struct mn_attempt *attempt = &core->attempt;

	if (attempt->active && attempt->awaiting && mn_binding_is_live(core) &&
		!mn_place_same(&attempt->place, &core->binding.place))
		core->astray = true;
	mip_deadline_cancel(&core->deadlines, &core->attempt.timer);
	free(core->attempt.message);
	core->attempt = (struct mn_attempt){0};
}

/* rfc4721-3.5-1, rfc4721-3.3-9: a registration after an error MUST use a new challenge, and the node MUST
 * solicit for one if it has none. */
static bool must_wait_for_challenge(const struct mn_core *core)
{
	const struct mn_place *place = &core->attempt.place;
	const struct mn_agent *agent = mn_agent_find(core, place->link, place->agent);

	return agent && place->mode != MN_MODE_HOME && mn_agent_lacks_challenge(agent);
}

static void wait_for_challenge(struct mn_core *core, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;
	struct mn_interface *interface = mn_interface_at(core, attempt->place.link);

	mn_count(core, MN_COUNT_CHALLENGES_AWAITED);
	attempt->wants_challenge = true;
	if (++attempt->unanswered >= MN_UNANSWERED_MOST && !attempt->ending) {
		/* It is heard, but gives nothing new: another place may do better. */
		mn_attempt_denied(core, true, now);
		return;
	}
	if (interface)
		mn_solicit_once(core, interface, now);
	set_timer(core, now.boot + exponential(attempt->unanswered));
}

void mn_attempt_challenged(struct mn_core *core, const struct mn_agent *agent, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;

	if (!attempt->active || !attempt->wants_challenge || attempt->place.link != agent->key.link ||
		!mip_address_equal(attempt->place.agent, agent->key.address) ||
		mn_agent_lacks_challenge(agent))
		return;
	attempt->wants_challenge = false;
	attempt->unanswered = 0;
	set_timer(core, earliest(core, now));
}

static void transmit(struct mn_core *core, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;
	struct mip_event event = mn_place_event(core, "request", &attempt->place);
	bool again = attempt->unanswered > 0;
	mip_time wait;

	if (attempt->unanswered == 0)
		attempt->began = now.boot;
	if (must_wait_for_challenge(core)) {
		wait_for_challenge(core, now);
		return;
	}
	attempt->wants_challenge = false;
	if (mn_home_agent_unanswered(core, attempt))
		attempt->awaiting = false; /* an answer to the other request is not one to this */
	attempt->unanswered++;
	wait = exponential(attempt->unanswered + attempt->turns);
	if (mn_request_send(core, attempt, again, now) == 0) {
		mip_event_number(&event, "lifetime", attempt->lifetime);
		mip_event_number(&event, "transmission", attempt->unanswered);
		mn_report(core, &event);
		/* rfc5944-3.6.3-1: no longer than the lifetime that is asked for; rfc5944-3.6.3-3: no less
		 * than 1 s. */
		if (attempt->lifetime > 0 && wait > attempt->lifetime * MIP_SECOND)
			wait = attempt->lifetime * MIP_SECOND;
	}
	set_timer(core, now.boot + wait);
}

static void announce(struct mn_core *core, const struct mn_place *place)
{
	struct mip_event event = mn_place_event(core, "handover", place);

	if (mn_place_same(place, &core->binding.place))
		return;
	mn_count(core, MN_COUNT_HANDOVERS);
	mn_report(core, &event);
	mip_log(core->log, MIP_LOG_INFO, "handover to %s on %s, care-of address %s",
		mip_name_of(mn_mode_names, place->mode, "?"), mn_interface_name(core, place->link),
		MIP_TEXT(place->care_of_address));
}

void mn_attempt_begin(struct mn_core *core, const struct mn_place *place, bool ending, struct mip_now now)
{
	const struct mn_backoff *backoff = mn_place_backoff(core, place);
	struct mn_place wanted = *place;
	mip_time at;

	mn_attempt_end(core);
	core->attempt.active = true;
	core->attempt.ending = ending;
	core->attempt.place = wanted;
	core->attempt.began = now.boot;
	if (!ending)
		announce(core, &wanted);
	/* The order of RFC 5944 4.6: the host's own ARP and routes, the gratuitous ARP, then the request.
	 * rfc5944-2.4.3-2: before attempting to deregister, the mobile node SHOULD configure its routing
	 * table appropriately for its home network; rfc5944-2.4.3-3: MUST follow the procedures of Section
	 * 4.6. */
	mn_routing_apply(core);
	if (wanted.mode == MN_MODE_HOME)
		/* rfc5944-3.6.2.2-2: MUST follow the procedures of 4.6; rfc5944-4.6-8: before
		 * transmitting the Request it MUST transmit this gratuitous ARP; rfc5944-4.6-17: in this
		 * order. */
		mn_arp_announce(core, now);
	at = earliest(core, now);
	if (backoff && !ending)
		at = later_of(at, backoff->until);
	if (at <= now.boot)
		transmit(core, now);
	else
		set_timer(core, at);
}

/* Nobody answers at this place: any other comes first, for as long as it stays so. */
static void doubt(struct mn_core *core, struct mip_now now)
{
	struct mn_backoff *backoff = mn_place_backoff(core, &core->attempt.place);

	if (!backoff)
		return;
	backoff->avoid = true;
	/* It has cost seven seconds to find out: give the others their time. */
	backoff->until = now.boot + exponential(++backoff->failures + MN_UNANSWERED_MOST);
}

/* Another home agent may be found, another place may do better. */
static void give_up(struct mn_core *core, struct mip_now now)
{
	mn_warn(core, now, "the home agent does not answer", core->attempt.place.agent);
	doubt(core, now);
	mn_place_disappointed(core, &core->attempt.place, now);
	core->silent = true;
	/* As long as there is a binding, its tunnel leads to the home agent that made it. */
	if (core->binding.place.mode == MN_MODE_NONE)
		mn_home_agent_forget(core, now);
}

void mn_attempt_due(struct mn_core *core, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;

	if (!attempt->active)
		return;
	if (attempt->withdrawing && (attempt->awaiting || attempt->unanswered >= MN_UNANSWERED_MOST)) {
		mn_attempt_end(core);
		mn_decide(core, now);
		return;
	}
	if (attempt->ending && attempt->unanswered >= MN_UNANSWERED_MOST) {
		mn_attempt_end(core);
		mn_binding_drop(core);
		mn_home_agent_session_over(core);
		mn_decide(core, now);
		return;
	}
	if (attempt->unanswered == MN_UNANSWERED_MOST && !attempt->ending) {
		give_up(core, now);
		mn_decide(core, now); /* may have gone elsewhere with the attempt, or back to what works */
		if (!attempt->active || mip_deadline_is_set(&attempt->timer))
			return;
	} else if (attempt->unanswered > MN_UNANSWERED_MOST && !attempt->ending) {
		doubt(core, now);
		if (!mn_home_agent_is_open(core) && core->binding.place.mode == MN_MODE_NONE)
			mn_home_agent_forget(core, now); /* its session may have ended since */
	}
	transmit(core, now);
	mn_decide(core, now);
}

void mn_attempt_denied(struct mn_core *core, bool avoid, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;
	struct mn_backoff *backoff = mn_place_backoff(core, &attempt->place);
	mip_time wait = MIP_SECOND;

	attempt->awaiting = false;
	attempt->unanswered = attempt->turns = 0;
	if (backoff) {
		wait = exponential(++backoff->failures);
		backoff->until = now.boot + wait;
		backoff->avoid = avoid;
	}
	if (avoid)
		mn_place_disappointed(core, &attempt->place, now);
	set_timer(core, now.boot + wait);
}

void mn_attempt_again(struct mn_core *core, struct mip_now now)
{
	core->attempt.awaiting = false;
	core->attempt.unanswered = core->attempt.turns = 0;
	set_timer(core, later_of(earliest(core, now), now.boot));
}

/* rfc4636-5-1: "the mobile node SHOULD then send a deregistration message to the home agent." */
void mn_attempt_withdraw(struct mn_core *core, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;

	mn_attempt_denied(core, true, now);
	attempt->ending = true;
	attempt->withdrawing = true;
	transmit(core, now);
}

bool mn_attempt_is_waiting(const struct mn_core *core)
{
	const struct mn_attempt *attempt = &core->attempt;

	return attempt->active && (!attempt->awaiting || attempt->unanswered >= MN_UNANSWERED_MOST);
}

void mn_attempt_hurry(struct mn_core *core, struct mip_now now)
{
	struct mn_attempt *attempt = &core->attempt;
	struct mn_backoff *backoff;
	mip_time at = earliest(core, now);

	if (!attempt->active || attempt->withdrawing)
		return;
	backoff = mn_place_backoff(core, &attempt->place);
	if (backoff)
		*backoff = (struct mn_backoff){0};
	if (attempt->awaiting && attempt->unanswered <= 1)
		return; /* it has only just been sent */
	attempt->unanswered = attempt->turns = 0;
	if (mip_deadline_is_set(&attempt->timer) && at < attempt->timer.at)
		set_timer(core, later_of(at, now.boot));
}

/*
 * Handover with simultaneous bindings (the S bit, RFC 5944 3.6.1.2), where the settings ask for it.
 *
 *               handover, with S               the overlap is over, no S
 *     one ───────────────────────────> both ──────────────────────────────> the new one
 *      binding     the new one is added  ▲ │   it is registered once more, and
 *                                        └─┘   the others are replaced by it
 *                               another handover, with S
 *
 * While there are both, the home agent sends a copy of each packet to either, and whichever link is the first
 * to die takes nothing with it: if it is the new one, the node is at the old place again without a word.
 * Packets come twice meanwhile, which IP allows.
 *
 * The old binding is let go by a registration of the new care-of address without S, not by a deregistration
 * of the old one: it goes by the link that works, needs nothing of an old agent that may be out of reach,
 * says nothing to the new agent that could make it forget the node (rfc5944-3.7.3.2-3), and whatever else the
 * home agent still has is replaced with it.
 */
#include "mn_machine.h"

static bool is_away(const struct mn_place *place)
{
	return place->mode == MN_MODE_FOREIGN_AGENT || place->mode == MN_MODE_CO_LOCATED;
}

static mip_time overlap_of(const struct mn_core *core)
{
	/* RFC 5944 3.6: no more than one registration a second. */
	return core->settings.grace > MIP_SECOND ? core->settings.grace : MIP_SECOND;
}

static void settle_at(struct mn_core *core, mip_time at)
{
	core->settle.kind = MN_DEADLINE_SETTLE;
	(void)mip_deadline_set(&core->deadlines, &core->settle, at);
}

/* RFC 5944 3.6.1.2: "A mobile node MAY set the 'S' bit in order to request that the home agent maintain prior
 * mobility binding(s). Otherwise, the home agent deletes any previous binding(s)". So with a move from a
 * place that works, and with every renewal until the overlap is over. */
uint8_t mn_simultaneous_flag(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_binding *binding = &core->binding;

	if (!core->settings.simultaneous || core->crowded || attempt->ending || !is_away(&attempt->place) ||
		!mn_binding_is_live(core) || !is_away(&binding->place))
		return 0;
	if (mn_place_same(&attempt->place, &binding->place) && !mip_deadline_is_set(&core->settle))
		return 0;
	return MIP_REQUEST_S;
}

bool mn_simultaneous_ends_all(const struct mn_core *core, const struct mn_attempt *attempt)
{
	/* What a foreign agent does not honour is withdrawn by itself: the others are in use. */
	return attempt->ending && !attempt->withdrawing && core->others;
}

void mn_simultaneous_accepted(struct mn_core *core, bool retained, bool moved, struct mip_now now)
{
	core->crowded = false;
	core->others = retained;
	if (!retained)
		mip_deadline_cancel(&core->deadlines, &core->settle);
	else if (moved)
		settle_at(core, now.boot + overlap_of(core));
}

/* Code 135: the home agent has too many of this node. The next request replaces them. */
void mn_simultaneous_refused(struct mn_core *core)
{
	core->crowded = true;
}

void mn_simultaneous_settle(struct mn_core *core, struct mip_now now)
{
	struct mn_place place = core->binding.place;

	if (!core->others || core->resting || !mn_binding_is_live(core) || !is_away(&place))
		return;
	/* Something better is being tried, or a renewal with S is on its way. */
	if (core->attempt.active)
		settle_at(core, now.boot + MIP_SECOND);
	else
		mn_attempt_begin(core, &place, false, now);
}

static bool is_of_use(const struct mn_core *core, const struct mn_binding *binding, struct mip_now now)
{
	const struct mn_interface *interface = mn_interface_at(core, binding->place.link);
	const struct mn_place *place = &binding->place;

	if (!interface || !interface->up || !is_away(place) || binding->expires <= now.boot)
		return false;
	return place->mode == MN_MODE_FOREIGN_AGENT
		       ? mn_agent_find(core, place->link, place->agent) != NULL
		       : mn_interface_address(interface, place->care_of_address) != NULL;
}

/* An agent that has forgotten or ended what it had, or is not heard any more, is no way to go back to. */
void mn_simultaneous_agent_gone(struct mn_core *core, const struct mn_agent *agent)
{
	const struct mn_place *place = &core->old.place;

	if (place->mode == MN_MODE_FOREIGN_AGENT && place->link == agent->key.link &&
		mip_address_equal(place->agent, agent->key.address))
		mn_binding_grace_over(core);
}

/* What the home agent has of the link that died is replaced at once: a link-layer indication allows it. */
void mn_simultaneous_resume(struct mn_core *core, struct mip_now now)
{
	struct mip_event event;

	if (!core->others || core->binding.place.mode != MN_MODE_NONE || !is_of_use(core, &core->old, now))
		return;
	mn_attempt_end(core);
	mn_binding_resume(core, now);
	mn_count(core, MN_COUNT_RESUMED);
	event = mn_place_event(core, "resumed", &core->binding.place);
	mn_report(core, &event);
	settle_at(core, now.boot);
}

/* One that came to nothing is due again. */
void mn_simultaneous_watch(struct mn_core *core, struct mip_now now)
{
	if (core->others && !core->attempt.active && !core->resting && mn_binding_is_live(core) &&
		is_away(&core->binding.place) && !mip_deadline_is_set(&core->settle))
		settle_at(core, now.boot + MIP_SECOND);
}

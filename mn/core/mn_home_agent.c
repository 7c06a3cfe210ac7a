/*
 * Which home agent the node registers with: the one in the settings; or one that it finds in its home network
 * by dynamic home agent address resolution (RFC 5944 3.6.1.2); or one that the network assigns to it, for a
 * session (RFC 4433).
 *
 *   resolution   unknown ──(133 or 136 from one that is there)──> known ──(no answer, or it is said not to be
 *                                                                    there or has no room; no binding)──> unknown
 *
 *   assignment   open ──────────────(accepted)───────────────> assigned ──(the session is over)──> open
 *                │  ▲
 *                └──┘ 143: ask the one that it names, but not one that has redirected us before
 *                     70, 136, 194, no answer: ask in the way that old agents understand
 *
 * While it is open, the Home Agent field is ALL-ZERO-ONE-ADDR and a Requested HA extension names the home
 * agent that is asked, where the node knows one. From the reply that accepts, until the session is over, the
 * assigned home agent is the node's as if it stood in the settings. A session lasts as long as its last
 * lifetime.
 */
#include "mn_machine.h"

#include <errno.h>

#include "extension.h"

enum {
	LIMITED_BROADCAST = 0xffffffff,
	TRIES = 2, /* unanswered, until an old foreign agent is suspected (RFC 4433 10) */
};

static bool is_assigning(const struct mn_core *core)
{
	return core->settings.assignment != MN_ASSIGNMENT_OFF;
}

bool mn_home_agent_is_open(const struct mn_core *core)
{
	return is_assigning(core) && mip_address_is_none(core->home_agent);
}

struct mip_address mn_home_agent_configured(const struct mn_settings *settings)
{
	return settings->assignment == MN_ASSIGNMENT_OFF ? settings->home_agent : (struct mip_address){0};
}

/* One that could be a home agent's own. */
static bool is_usable(const struct mn_core *core, struct mip_address address)
{
	struct mip_prefix prefix = core->settings.home_prefix;

	return mip_address_is_unicast(address) &&
	       !(prefix.length > 0 && prefix.length < 31 &&
		       mip_address_equal(address, mip_prefix_broadcast(prefix)));
}

/* Another one is asked from now on: what was sent before is not repeated to it (rfc4433-5.1.2-8), and nothing is known
 * of how it likes to be asked. */
static void ask_anew(struct mn_core *core)
{
	struct mn_attempt *attempt = &core->attempt;

	if (!attempt->active)
		return;
	attempt->turns += attempt->unanswered > 0;
	attempt->awaiting = false;
	attempt->legacy = false;
	attempt->unanswered = 0;
}

static void set(struct mn_core *core, struct mip_address address)
{
	if (!mip_address_equal(core->home_agent, address))
		ask_anew(core);
	core->home_agent = address;
	mn_agents_judge_home(core);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool is_direct(const struct mn_place *place)
{
	return place->mode == MN_MODE_CO_LOCATED && mip_address_is_none(place->agent);
}

/*
 * rfc4433-5.1.1-4, rfc4433-5.1.2-5: after a redirection the one that was named MUST be requested;
 * rfc4433-5.1.1-5, rfc4433-5.1.2-6: the hint in the settings SHOULD be. RFC 4433 5.1.3: without one, a new
 * session is begun where the network thinks best; a node on its own has to know whom it asks.
 */
static struct mip_address requested(const struct mn_core *core, const struct mn_place *place)
{
	if (place->mode == MN_MODE_HOME)
		return place->agent;
	if (!mip_address_is_none(core->assignment.next))
		return core->assignment.next;
	if (!mip_address_is_none(core->settings.home_agent) &&
		(!core->assignment.hintless || is_direct(place)))
		return core->settings.home_agent;
	return is_direct(place) ? core->assignment.last : (struct mip_address){0};
}

bool mn_home_agent_can_be_asked(const struct mn_core *core, const struct mn_place *place)
{
	return !mn_home_agent_is_open(core) || !is_direct(place) ||
	       !mip_address_is_none(requested(core, place));
}

static struct mip_address all_zero_one(const struct mn_core *core)
{
	/* RFC 4433 2: 255.255.255.255 indicates a preference for one in the home domain, 0.0.0.0 none. */
	return core->settings.assignment == MN_ASSIGNMENT_HOME ? mip_address_of(LIMITED_BROADCAST)
							       : (struct mip_address){0};
}

struct mip_address mn_home_agent_field(const struct mn_core *core, const struct mn_attempt *attempt)
{
	const struct mn_place *place = &attempt->place;

	/* rfc5944-3.6.1.2-11: the home agent if it is known; rfc4433-5.1-4, rfc4433-5.1.2-3: MUST use the one
	 * that was assigned in subsequent requests. */
	if (!mip_address_is_none(core->home_agent))
		return core->home_agent;
	/* rfc4433-5.1-2, rfc4433-5.1.1-1, rfc4433-5.1.2-1: MUST be ALL-ZERO-ONE-ADDR while the node has not
	 * anchored at a home agent; 4.1 step 2: but for legacy agents the address that is requested. */
	if (is_assigning(core))
		return attempt->legacy ? requested(core, place) : all_zero_one(core);
	if (place->mode == MN_MODE_HOME)
		return place->agent;
	/* rfc5944-3.6.1.2-12: otherwise the broadcast of the home network. */
	return mip_prefix_broadcast(core->settings.home_prefix);
}

struct mip_address mn_home_agent_destination(const struct mn_core *core, const struct mn_attempt *attempt)
{
	/* rfc4433-5.1.2-8: the address in the Requested HA extension MUST match the destination of the
	 * request. */
	return mn_home_agent_is_open(core) ? requested(core, &attempt->place)
					   : mn_home_agent_field(core, attempt);
}

void mn_home_agent_write(
	const struct mn_core *core, const struct mn_attempt *attempt, struct mip_writer *writer)
{
	struct mip_address address = requested(core, &attempt->place);

	/* rfc4433-5.1.2-7: MUST be included when the node registers with the home agent itself, and has the
	 * address that the request is sent to. rfc4433-3.4.1-1, rfc4433-6-1: a valid unicast address. */
	if (mn_home_agent_is_open(core) && mip_address_is_unicast(address))
		mip_dynamic_home_agent_write(writer, MIP_REQUESTED_HOME_AGENT, address);
}

struct mip_association *mn_home_agent_asking(const struct mn_core *core, const struct mn_attempt *attempt)
{
	return mn_settings_home_agent(&core->settings, mn_home_agent_destination(core, attempt));
}

struct mip_association *mn_home_agent_answering(const struct mn_core *core, struct mip_address home_agent)
{
	/* rfc4433-5.1.1-3, rfc4433-5.1.2-4: the reply is authenticated based on the address in its Home Agent
	 * field. A home agent that is known is the only one to answer. */
	return mn_settings_home_agent(
		&core->settings, mip_address_is_none(core->home_agent) ? home_agent : core->home_agent);
}

/* Old agents cannot do what is asked, but with the address in the field they may. */
static bool fall_back(struct mn_core *core, struct mn_attempt *attempt)
{
	if (attempt->legacy || !mip_address_is_unicast(requested(core, &attempt->place)))
		return false;
	attempt->legacy = true;
	mip_log(core->log, MIP_LOG_INFO, "asking for a home agent in the way that old agents understand");
	return true;
}

bool mn_home_agent_unanswered(struct mn_core *core, struct mn_attempt *attempt)
{
	/* RFC 4433 10: after a few requests without a reply it can be assumed that they have been dropped. */
	return mn_home_agent_is_open(core) && attempt->unanswered >= TRIES && fall_back(core, attempt);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool has_redirected_us(const struct mn_core *core, struct mip_address address)
{
	for (size_t i = 0; i < core->assignment.redirector_count; i++)
		if (mip_address_equal(core->assignment.redirectors[i], address))
			return true;
	return false;
}

/* RFC 4433 4.2 step 5: if the redirected home agent is one that had already directed the node elsewhere, it
 * stops sending requests, and tells of it. */
static enum mn_next looped(struct mn_core *core, const struct mip_event *event)
{
	core->resting = true;
	core->assignment.looped = true;
	mn_count(core, MN_COUNT_REDIRECTION_LOOPS);
	mn_report(core, event);
	mip_log(core->log, MIP_LOG_ERROR,
		"the home agents redirect in a circle: no registration until somebody asks for it");
	return MN_NEXT_STOP;
}

static enum mn_next redirected(struct mn_core *core, struct mip_address from, struct mip_address to)
{
	struct mn_assignment_state *assignment = &core->assignment;
	struct mip_event event = mip_event_of("redirected"), loop = mip_event_of("redirection_loop");

	if (!is_usable(core, to))
		return MN_NEXT_REPAIR;
	if (assignment->redirector_count < MN_REDIRECTORS)
		assignment->redirectors[assignment->redirector_count++] = from;
	else
		to = from; /* more than can be remembered: as good as a circle */
	mip_event_address(&event, "from", from);
	mip_event_address(&event, "to", to);
	mip_event_address(&loop, "home_agent", to);
	if (has_redirected_us(core, to) || mip_address_equal(to, from))
		return looped(core, &loop);
	/* rfc4433-5.1.1-3, rfc4433-5.1.2-4: MUST attempt registration with it. */
	assignment->next = to;
	core->attempt.legacy = false;
	mn_count(core, MN_COUNT_REDIRECTIONS);
	mn_report(core, &event);
	mip_log(core->log, MIP_LOG_NOTICE, "the home agent %s redirects to %s", MIP_TEXT(from), MIP_TEXT(to));
	return MN_NEXT_AGAIN;
}

/* RFC 4433 10: legacy home agents reject with code 136, and tell their address as they always did. */
static enum mn_next refused_by_legacy(struct mn_core *core, struct mip_address home_agent)
{
	if (!is_usable(core, home_agent) || core->attempt.legacy)
		return MN_NEXT_REPAIR;
	core->assignment.next = home_agent;
	(void)fall_back(core, &core->attempt);
	return MN_NEXT_AGAIN;
}

/* Who was asked is not there: it is the turn of another one. One that somebody else has named is forgotten;
 * the one in the settings is only a hint to a foreign agent (RFC 4433 4.1), which may know better. */
static void silent(struct mn_core *core)
{
	struct mn_assignment_state *assignment = &core->assignment;
	struct mip_address before = requested(core, &core->attempt.place);

	if (mip_address_is_none(assignment->next))
		assignment->hintless = !assignment->hintless;
	assignment->next = (struct mip_address){0};
	assignment->redirector_count = 0;
	if (!mip_address_equal(requested(core, &core->attempt.place), before))
		ask_anew(core);
}

/* The foreign agent says that it is not there. */
static bool says_absent(uint8_t code)
{
	switch (code) {
	case MIP_CODE_FA_TIMEOUT:
	case MIP_CODE_FA_HOME_NETWORK_UNREACHABLE:
	case MIP_CODE_FA_HOME_AGENT_HOST_UNREACHABLE:
	case MIP_CODE_FA_HOME_AGENT_PORT_UNREACHABLE:
	case MIP_CODE_FA_HOME_AGENT_UNREACHABLE:
		return true;
	default:
		return false;
	}
}

/* Neither will another request to it be accepted, as far as one can tell. */
static bool says_no(uint8_t code)
{
	return code == MIP_CODE_HA_UNSPECIFIED || code == MIP_CODE_HA_PROHIBITED ||
	       code == MIP_CODE_HA_INSUFFICIENT_RESOURCES || code == MIP_CODE_HA_UNKNOWN_HOME_AGENT;
}

bool mn_home_agent_refuses(int code)
{
	return code >= 0 && (says_absent((uint8_t)code) || says_no((uint8_t)code));
}

static enum mn_next assignment_denied(
	struct mn_core *core, uint8_t code, struct mip_address home_agent, struct mip_address redirected_to)
{
	if (says_absent(code)) {
		silent(core);
		return MN_NEXT_REPAIR;
	}
	switch (code) {
	case MIP_CODE_HA_REDIRECT:
		return redirected(core, home_agent, redirected_to);
	case MIP_CODE_HA_UNKNOWN_HOME_AGENT:
		return refused_by_legacy(core, home_agent);
	case MIP_CODE_FA_POORLY_FORMED_REQUEST:
	case MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS:
		return fall_back(core, &core->attempt) ? MN_NEXT_AGAIN : MN_NEXT_REPAIR;
	default:
		return MN_NEXT_REPAIR;
	}
}

/*
 * RFC 5944 3.6.2.3, code 136: the Home Agent field has the address of the one that answers, which MAY be
 * tried. Code 133 comes before that where the clocks differ, or nonces are not known yet; what it teaches of
 * the identification is that home agent's too.
 */
static enum mn_next resolution_denied(struct mn_core *core, uint8_t code, struct mip_address home_agent)
{
	bool unknown = mip_address_is_none(core->home_agent);

	/* The tunnel of a binding leads to the home agent that made it. */
	if (mn_binding_is_live(core))
		return MN_NEXT_REPAIR;
	/* It has no room, or is not there: another one of the home network may. */
	if (code == MIP_CODE_HA_INSUFFICIENT_RESOURCES || says_absent(code)) {
		set(core, (struct mip_address){0});
		return MN_NEXT_REPAIR;
	}
	if (!is_usable(core, home_agent) ||
		(code != MIP_CODE_HA_UNKNOWN_HOME_AGENT &&
			!(unknown && code == MIP_CODE_HA_IDENTIFICATION_MISMATCH)))
		return MN_NEXT_REPAIR;
	set(core, home_agent);
	mip_log(core->log, MIP_LOG_NOTICE, "the home agent is %s", MIP_TEXT(home_agent));
	return unknown ? MN_NEXT_AGAIN : MN_NEXT_REPAIR;
}

enum mn_next mn_home_agent_denied(struct mn_core *core, uint8_t code, struct mip_address home_agent,
	struct mip_address redirected_to, struct mip_now now)
{
	if (mn_home_agent_is_open(core))
		return assignment_denied(core, code, home_agent, redirected_to);
	if (is_assigning(core) && mn_home_agent_refuses(code) && !mn_binding_is_live(core))
		mn_home_agent_forget(core, now);
	if (!is_assigning(core) && mip_address_is_none(core->settings.home_agent))
		return resolution_denied(core, code, home_agent);
	return MN_NEXT_REPAIR;
}

bool mn_home_agent_accepted(struct mn_core *core, struct mip_address home_agent)
{
	struct mip_event event = mip_event_of("home_agent_assigned");

	if (!mip_address_is_none(core->home_agent))
		return true;
	if (!is_usable(core, home_agent))
		return false;
	/* rfc4433-5.1.2-2: MUST cache the assigned HA for the length of the session. */
	set(core, home_agent);
	if (!is_assigning(core))
		return true;
	core->assignment = (struct mn_assignment_state){.last = home_agent};
	mip_event_address(&event, "home_agent", home_agent);
	mn_report(core, &event);
	mip_log(core->log, MIP_LOG_NOTICE, "the home agent is %s", MIP_TEXT(home_agent));
	return true;
}

/* --- the end ---------------------------------------------------------------------------------- */

void mn_home_agent_session(struct mn_core *core, mip_time ends, struct mip_now now)
{
	core->assignment.session_ends = ends;
	if (is_assigning(core))
		mn_record_keep_session(core, now);
}

/* rfc4433-5.1.2-2: "MUST cache the Assigned HA address for the length of the Mobile IP session", also when the daemon
 * did not last that long. */
int mn_home_agent_resume(
	struct mn_core *core, struct mip_address home_agent, struct mip_address home_address, mip_time ends)
{
	if (!is_assigning(core) || !is_usable(core, home_agent) || !mip_address_is_unicast(home_address) ||
		!mn_settings_home_agent(&core->settings, home_agent))
		return -ESTALE;
	core->assignment = (struct mn_assignment_state){.last = home_agent, .session_ends = ends};
	core->home_address = home_address;
	set(core, home_agent);
	mip_log(core->log, MIP_LOG_NOTICE, "the session with the home agent %s goes on",
		MIP_TEXT(home_agent));
	return 0;
}

void mn_home_agent_session_over(struct mn_core *core)
{
	if (!is_assigning(core))
		return;
	core->assignment = (struct mn_assignment_state){.last = core->assignment.last};
	mn_record_forget_session(core);
	/* Another home agent gives another home address; of this one's bindings none is of use any more. */
	mn_binding_grace_over(core);
	core->home_address = (struct mip_address){0};
	set(core, (struct mip_address){0});
}

/* What was to last for ever, as being at home does, lasts as long as its binding. */
static bool session_has_ended(const struct mn_core *core, struct mip_now now)
{
	mip_time ends = core->assignment.session_ends;

	return ends <= now.boot || (ends == MIP_NEVER && !mn_binding_is_live(core));
}

void mn_home_agent_forget(struct mn_core *core, struct mip_now now)
{
	/* rfc4433-5.1-4: the remaining session MUST be maintained with the assigned HA. */
	if (mn_home_agent_is_open(core)) {
		silent(core);
	} else if (is_assigning(core)) {
		if (session_has_ended(core, now))
			mn_home_agent_session_over(core);
	} else if (mip_address_is_none(core->settings.home_agent)) {
		set(core, (struct mip_address){0});
	}
}

void mn_home_agent_hinted(struct mn_core *core, struct mip_address before)
{
	if (!mn_home_agent_is_open(core) || mip_address_equal(core->settings.home_agent, before))
		return;
	core->assignment = (struct mn_assignment_state){.last = core->assignment.last};
	ask_anew(core);
}

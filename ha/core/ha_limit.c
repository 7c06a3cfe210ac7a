/*
 * What strangers can make the home agent say.
 *
 * Whoever sends a request gets an answer to the source address that it names, and needs no key for the denials of
 * those that fail authentication, nor for that of one that is replayed. So these are limited: to one source, so that
 * nobody is hit by what a stranger asks in its name; in all, so that the home agent has its time for others; and for
 * replays, to one node. Only answers are withheld. Each authenticator is checked, from wherever it comes: a limit on
 * that would let strangers, in the name of a node's address, keep the node away.
 */
#include "ha_internal.h"

/* 3.8.2.1: failed authentication, and no key is needed for that. rfc5944-3.8.2.1-8: with a valid Foreign-Home
 * authentication the home agent MUST reply with code 131; then the agent is known. */
static bool is_by_a_stranger(const struct ha_request *request, int code)
{
	switch (code) {
	case MIP_CODE_HA_NODE_FAILED_AUTHENTICATION:
	case MIP_CODE_HA_BAD_AAA_AUTHENTICATION:
		return !request->agent;
	case MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION:
		return true;
	default:
		return false;
	}
}

bool ha_limit_allows(struct ha_core *core, const struct ha_request *request, int code)
{
	const struct ha_limit_settings *limits = &core->settings.limits;
	mip_time now = request->now.boot;

	if (code == MIP_CODE_HA_IDENTIFICATION_MISMATCH) {
		if (mip_rate_take(&request->node->stale, limits->replayed_per_node, now))
			return true;
		ha_count(core, HA_COUNTER_DROP_REPLAY_LIMIT);
		return false;
	}
	if (!is_by_a_stranger(request, code))
		return true;
	if (!mip_rate_table_take(&core->failed_by_source, &request->source, sizeof(request->source),
		    limits->failed_per_source, now)) {
		ha_count(core, HA_COUNTER_DROP_SOURCE_LIMIT);
		return false;
	}
	if (!mip_rate_take(&core->failed, limits->failed, now)) {
		ha_count(core, HA_COUNTER_DROP_FAILED_LIMIT);
		return false;
	}
	return true;
}

/*
 * Several bindings of one mobile node at a time (the S bit, RFC 5944 3.6.1.2, 3.8.2.2).
 *
 * A node's bindings hang in a list, in the order in which they were added; each has its own care-of address,
 * lifetime and tunnel. The data plane carries packets for the home address in one tunnel, that of the binding
 * that leads (the TUNNEL item), and copies in those of the others (COPY items); all of their PEERs are taken.
 * The one that leads does so as long as it has a tunnel, so that a handover only adds a copy and later takes
 * one away.
 *
 *     S clear   the node's bindings become the one that is asked for
 *     S set     it is added, or renewed if its care-of address is there already
 *     either    code 0; where the limit is a single one code 1, and S is not looked at; code 135 beyond it
 */
#include "ha_internal.h"

/* --- the list of a node's bindings ------------------------------------------------------------ */

void ha_binding_join(struct ha_node *node, struct ha_binding *binding)
{
	struct ha_binding **place = &node->binding;

	while (*place)
		place = &(*place)->sibling;
	*place = binding;
	binding->sibling = NULL;
	binding->node = node;
}

void ha_binding_leave(struct ha_binding *binding)
{
	struct ha_binding **place = &binding->node->binding;

	while (*place && *place != binding)
		place = &(*place)->sibling;
	if (*place)
		*place = binding->sibling;
	binding->sibling = NULL;
}

size_t ha_binding_count_of(const struct ha_node *node)
{
	size_t count = 0;

	for (const struct ha_binding *binding = node->binding; binding; binding = binding->sibling)
		count++;
	return count;
}

struct ha_binding *ha_binding_at(const struct ha_node *node, struct mip_address care_of_address)
{
	struct ha_binding *binding = node->binding;

	while (binding && !mip_address_equal(binding->care_of_address, care_of_address))
		binding = binding->sibling;
	return binding;
}

/* --- what is granted -------------------------------------------------------------------------- */

size_t ha_binding_limit(const struct ha_core *core)
{
	return core->settings.max_simultaneous_bindings > 1 ? core->settings.max_simultaneous_bindings : 1;
}

uint8_t ha_accepting_code(const struct ha_core *core)
{
	/* rfc5944-3.8.2.2-1: "0 if the home agent supports simultaneous mobility bindings, or 1 if it does
	 * not"; rfc5944-3.8.3.2-1: SHOULD respond with code 1 if it does not support simultaneous
	 * registrations. */
	return ha_binding_limit(core) > 1 ? MIP_CODE_ACCEPTED : MIP_CODE_ACCEPTED_NO_SIMULTANEOUS;
}

bool ha_request_adds(const struct ha_core *core, const struct ha_request *request)
{
	/* RFC 5944 3.8.2.2: "If the 'S' bit is set and the home agent supports simultaneous mobility
	 * bindings, the previous mobility binding entries are retained." */
	return (request->fields.flags & MIP_REQUEST_S) && ha_binding_limit(core) > 1;
}

struct ha_binding *ha_binding_to_change(const struct ha_core *core, const struct ha_request *request)
{
	struct ha_binding *binding = ha_binding_at(request->node, request->fields.care_of_address);

	return binding || ha_request_adds(core, request) ? binding : request->node->binding;
}

bool ha_binding_exceeds(const struct ha_core *core, const struct ha_request *request)
{
	/* RFC 5944 3.8.2.3: "by rejecting any registrations that would cause its limit to be exceeded, and
	 * returning a Registration Reply with a Code of 135". One without S exceeds nothing: it replaces. */
	return request->node->binding && !ha_binding_to_change(core, request) &&
	       ha_binding_count_of(request->node) >= ha_binding_limit(core);
}

void ha_binding_remove_others(
	struct ha_core *core, const struct ha_binding *binding, const char *reason, struct mip_now now)
{
	struct ha_binding *other, *next;

	for (other = binding->node->binding; other; other = next) {
		next = other->sibling;
		if (other == binding)
			continue;
		/* RFC 3543 4.2.2.1: its foreign agent, which the node has left. */
		if (!other->direct)
			ha_revocation_begin(core, other, false, now);
		ha_binding_remove(core, other, true, reason, now);
	}
}

void ha_binding_remove_all(
	struct ha_core *core, struct ha_node *node, bool grace, const char *reason, struct mip_now now)
{
	while (node->binding)
		ha_binding_remove(core, node->binding, grace, reason, now);
}

/* --- a request's own -------------------------------------------------------------------------- */

/* A tunnel for packets to `end` that leads back to the home address, through whichever of the bindings of the
 * nodes that are on the way. What is more than `budget` look-ups away counts as a loop too. */
bool ha_leads_back(
	const struct ha_core *core, struct mip_address end, struct mip_address home_address, unsigned *budget)
{
	const struct ha_binding *binding = ha_binding_find(core, end);

	for (; binding; binding = binding->sibling) {
		struct mip_address next = binding->encapsulation == MIP_ENCAPSULATION_UDP
						  ? binding->source
						  : binding->care_of_address;

		if (mip_address_equal(next, home_address) || *budget == 0)
			return true;
		(*budget)--;
		if (ha_leads_back(core, next, home_address, budget))
			return true;
	}
	return false;
}

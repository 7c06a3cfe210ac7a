/*
 * Dynamic home agent assignment (RFC 4433): who gets a home agent at all, and which.
 *
 * A node that leaves the choice of its home agent open says so with ALL-ZERO-ONE-ADDR in the Home Agent field
 * (4.1 step 1), or, where an old foreign agent is on the way, with the address of the one that it asks there
 * and in a Requested HA extension (step 2). Whichever home agent gets such a request becomes the node's, or
 * names another one (4.2), by its own policy: always, from a number of bindings on, when it is full.
 *
 *                         names another as requested ──> 136
 *   request ──> checks ──<
 *                         leaves it open ──> is there a reason to redirect? ──> 143, Redirected HA
 *                                                                         └──> a binding
 */
#include "ha_internal.h"

#include <errno.h>
#include <stdlib.h>

static bool has_requested(const struct ha_request *request)
{
	return request->extensions.present[MIP_SLOT_REQUESTED_HOME_AGENT];
}

bool ha_assignment_is_asked(const struct ha_request *request)
{
	return mip_address_is_all_zero_one(request->fields.home_agent) || has_requested(request);
}

bool ha_assignment_fits(const struct ha_request *request)
{
	const struct mip_extension *requested =
		mip_extension_of(&request->extensions, MIP_SLOT_REQUESTED_HOME_AGENT);

	/* rfc4433-5.3-1: the address in the Requested HA extension must match the destination of the request:
	 * if it does not, MUST reject with code 136. */
	return !requested || mip_address_equal(mip_dynamic_home_agent_read(requested), request->destination);
}

int ha_assignment_build(struct ha_tables *tables, const struct ha_settings *settings)
{
	tables->alternates = calloc(settings->alternate_count + 1, sizeof(*tables->alternates));
	if (!tables->alternates)
		return -ENOMEM;
	for (size_t i = 0; i < settings->alternate_count; i++) {
		struct mip_address address = settings->alternates[i];

		/* A node must be able to send there, and would come back here for ever. */
		if (!mip_address_is_unicast(address) || mip_address_equal(address, settings->address))
			return -EINVAL;
		tables->alternates[tables->alternate_count++] = address;
	}
	return 0;
}

/* What this home agent has no room for, and what its policy sends elsewhere. */
static bool has_reason(const struct ha_core *core, const struct ha_request *request)
{
	size_t bindings = ha_core_binding_count(core);

	return request->home_address_denial == MIP_CODE_HA_INSUFFICIENT_RESOURCES ||
	       bindings >= core->settings.redirect_at ||
	       (core->settings.max_bindings > 0 && bindings >= core->settings.max_bindings);
}

bool ha_assignment_redirects(const struct ha_core *core, const struct ha_request *request)
{
	/* RFC 4433 1: during initial registration only. A node that has its binding here keeps it. */
	return core->tables.alternate_count > 0 && request->fields.lifetime > 0 && !request->node->binding &&
	       ha_assignment_is_asked(request) && has_reason(core, request);
}

int ha_assignment_redirect(struct ha_core *core, struct ha_request *request)
{
	size_t next = core->redirect_next++ % core->tables.alternate_count;

	request->redirected = core->tables.alternates[next];
	return MIP_CODE_HA_REDIRECT;
}

void ha_assignment_write(const struct ha_request *request, uint8_t code, struct mip_writer *writer)
{
	/* rfc4433-3.4.2-1: the Redirected HA extension MUST be included when the code is REDIRECT-HA-REQ. */
	if (code == MIP_CODE_HA_REDIRECT)
		mip_dynamic_home_agent_write(writer, MIP_REDIRECTED_HOME_AGENT, request->redirected);
}

/*
 * Where a request goes (RFC 4433 5.2): to the home agent that it names in a Requested HA extension, else to
 * the one in its Home Agent field, else, when that leaves the choice open (ALL-ZERO-ONE-ADDR), to one of
 * those that the settings know: by the realm of the node's NAI, or the default.
 */
#include <string.h>

#include "fa_private.h"

enum {
	LINK_LOCAL = 0xa9fe0000, /* 169.254.0.0/16, RFC 3927: never forwarded */
	LINK_LOCAL_LENGTH = 16,
};

/* The address of all hosts of a link of ours. */
static bool is_broadcast_here(struct fa_core *core, struct mip_address address)
{
	struct fa_own_address *own, *next;

	HASH_ITER (hh, core->own_addresses, own, next) {
		struct mip_prefix prefix = mip_prefix_of(own->key.address, own->prefix_length);

		if (prefix.length < 31 && mip_address_equal(mip_prefix_broadcast(prefix), address))
			return true;
	}
	return false;
}

static bool is_routable(struct fa_core *core, struct mip_address address)
{
	struct mip_prefix link_local = mip_prefix_of(mip_address_of(LINK_LOCAL), LINK_LOCAL_LENGTH);

	return mip_address_is_unicast(address) && !mip_prefix_contains(link_local, address) &&
	       !is_broadcast_here(core, address);
}

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* RFC 4282 2.1, 2.4: user@realm, the realm without regard to case. The NAI is a peer's and may hold anything.
 */
static bool is_of_realm(const struct fa_nai *nai, const char *realm)
{
	size_t length = strlen(realm);
	const char *place = nai && nai->length > length ? nai->text + nai->length - length : NULL;

	if (!place || length == 0 || place[-1] != '@')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (lower(place[i]) != lower(realm[i]))
			return false;
	}
	return true;
}

static struct mip_address choose(const struct fa_core *core, const struct fa_registration *registration)
{
	const struct fa_home_agent *agent, *next;

	/* RFC 4433 2: 255.255.255.255 prefers a home agent in the home domain, 0.0.0.0 has no preference: one
	 * of the node's own domain suits both. */
	HASH_ITER (hh, core->settings.home_agents, agent, next) {
		if (agent->realm && is_of_realm(registration->nai, agent->realm))
			return agent->address;
	}
	return core->settings.values.default_home_agent;
}

/* One that stands after what the home agent can check is removed before the request is relayed. */
static const struct mip_extension *requested(const struct mip_extensions *extensions, size_t authorized)
{
	const struct mip_extension *extension = mip_extension_of(extensions, MIP_SLOT_REQUESTED_HOME_AGENT);

	return extension && extension->offset < authorized ? extension : NULL;
}

struct mip_address fa_assignment_choose(const struct fa_core *core,
	const struct fa_registration *registration, const struct mip_extensions *extensions,
	size_t authorized)
{
	const struct mip_extension *extension = requested(extensions, authorized);
	struct mip_address home_agent = registration->request.home_agent;

	/* rfc4433-5.2-2, rfc4433-3.4.1-2: if the node has included the Requested HA extension, MUST forward
	 * the request to the address in it. */
	if (extension)
		return mip_dynamic_home_agent_read(extension);
	return mip_address_is_all_zero_one(home_agent) ? choose(core, registration) : home_agent;
}

uint8_t fa_assignment_check(struct fa_core *core, const struct fa_registration *registration,
	const struct mip_extensions *extensions, size_t authorized)
{
	bool open = mip_address_is_all_zero_one(registration->request.home_agent);

	/* rfc4433-5.2-1: if it cannot obtain the Requested HA, MUST reject with NONZERO-HA-REQD;
	 * rfc4433-5.2-3, and if the address in the extension is not a routable unicast one (rfc4433-6-1). */
	if ((requested(extensions, authorized) || open) && !is_routable(core, registration->relayed_to))
		return MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED;
	return 0;
}

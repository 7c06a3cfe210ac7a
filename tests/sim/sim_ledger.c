/*
 * Every request that a node has made. A request is known by what its node's own authenticator covers, and that
 * authenticator itself: what agents add behind it does not change it, and nobody else can make it.
 */
#include "sim.h"

#include "extension.h"

#include <string.h>

uint64_t sim_digest(const void *octets, size_t length)
{
	const uint8_t *at = octets;
	uint64_t digest = 0xcbf29ce484222325U; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		digest = (digest ^ at[i]) * 0x100000001b3U;
	return digest;
}

/* The octets up to the end of the Mobile-Home authentication; 0: there is none. */
static size_t own_part(const uint8_t *octets, size_t length, struct mip_registration_request *ret_fields)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extensions extensions;
	const struct mip_extension *home;

	if (mip_request_read(&reader, ret_fields) < 0 || mip_extensions_read(&reader, &extensions) < 0)
		return 0;
	home = mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
	return home ? home->offset + home->length : 0;
}

struct sim_request *sim_ledger_find(struct sim_world *world, const uint8_t *octets, size_t length)
{
	struct sim_ledger *ledger = &world->ledger;
	struct mip_registration_request fields;
	size_t own = own_part(octets, length, &fields);
	uint64_t digest = own > 0 ? sim_digest(octets, own) : 0;
	size_t known = ledger->count < SIM_REQUESTS ? ledger->count : SIM_REQUESTS;

	for (size_t i = 1; own > 0 && i <= known; i++) {
		struct sim_request *request = &ledger->requests[(ledger->count - i) % SIM_REQUESTS];

		if (request->digest == digest)
			return request;
	}
	return NULL;
}

void sim_ledger_sent(
	struct sim_world *world, const struct sim_host *host, const uint8_t *octets, size_t length)
{
	struct sim_ledger *ledger = &world->ledger;
	struct mip_registration_request fields;
	size_t own;

	if (mip_message_type(octets, length) != MIP_MESSAGE_REGISTRATION_REQUEST)
		return;
	own = own_part(octets, length, &fields);
	if (own == 0 || sim_ledger_find(world, octets, length))
		return; /* with nonces a request is repeated unchanged */
	ledger->requests[ledger->count++ % SIM_REQUESTS] = (struct sim_request){
		.digest = sim_digest(octets, own),
		.node = host->number,
		.fields = fields,
		.made = world->now,
		.accepted_by = SIM_NONE,
	};
}

struct mip_address sim_home_address(const struct sim_world *world, const struct sim_host *node)
{
	struct mn_status status;

	if (!node->node->core)
		return node->node->settings.home_address;
	status = mn_core_status(node->node->core, sim_now(world, node));
	return status.home_address;
}

/*
 * Visitors with one and the same home address (RFC 3024 A.4): each private, each of another home agent.
 *
 *          10.10.1.2 ──> namesakes ──┬── visitor of home agent 1, on visit0 at 02:…:01
 *                                    └── visitor of home agent 2, on visit0 at 02:…:02, or on visit1
 *
 * A home address with one visitor, which is nearly every one, is what it always was. When a second one comes, both are
 * told apart: what comes out of a tunnel by the tunnel's other end (A.2), what comes by a link by the link and the link
 * address (A.3). So no two of them have the same home agent, nor the same link and link address; who comes with one of
 * these is the node that has it, moves, or changes its home agent.
 */
#include <errno.h>
#include <stdlib.h>

#include "fa_private.h"

static struct fa_namesakes *namesakes_find(const struct fa_core *core, struct mip_address home_address)
{
	struct fa_namesakes *namesakes;

	HASH_FIND(hh, core->namesakes, &home_address, sizeof(home_address), namesakes);
	return namesakes;
}

static struct fa_visitor *first_of(const struct fa_core *core, struct mip_address home_address)
{
	const struct fa_namesakes *namesakes = namesakes_find(core, home_address);

	return namesakes ? namesakes->visitors : NULL;
}

size_t fa_namesakes_count(const struct fa_core *core, struct mip_address home_address)
{
	const struct fa_namesakes *namesakes = namesakes_find(core, home_address);

	return namesakes ? namesakes->count : 0;
}

static struct fa_namesakes *namesakes_new(struct fa_core *core, struct mip_address home_address)
{
	struct fa_namesakes *namesakes = calloc(1, sizeof(*namesakes));

	if (!namesakes)
		return NULL;
	namesakes->home_address = home_address;
	HASH_ADD(hh, core->namesakes, home_address, sizeof(home_address), namesakes);
	if (!namesakes->hh.tbl) {
		free(namesakes);
		return NULL;
	}
	return namesakes;
}

int fa_namesakes_join(struct fa_core *core, struct fa_visitor *visitor)
{
	struct fa_namesakes *namesakes = namesakes_find(core, visitor->home_address);

	if (!namesakes)
		namesakes = namesakes_new(core, visitor->home_address);
	if (!namesakes)
		return -ENOMEM;
	visitor->namesakes = namesakes;
	visitor->namesake = namesakes->visitors;
	namesakes->visitors = visitor;
	namesakes->count++;
	return 0;
}

struct fa_namesakes *fa_namesakes_leave(struct fa_core *core, struct fa_visitor *visitor)
{
	struct fa_namesakes *namesakes = visitor->namesakes;
	struct fa_visitor **place = &namesakes->visitors;

	while (*place != visitor)
		place = &(*place)->namesake;
	*place = visitor->namesake;
	visitor->namesakes = NULL;
	if (--namesakes->count > 0)
		return namesakes;
	HASH_DEL(core->namesakes, namesakes);
	free(namesakes);
	return NULL;
}

/* --- whose a registration is ------------------------------------------------------------------ */

struct fa_visitor *fa_visitor_find(
	const struct fa_core *core, struct mip_address home_address, struct mip_address home_agent)
{
	struct fa_visitor *visitor = first_of(core, home_address);

	while (visitor && !mip_address_equal(visitor->home_agent, home_agent))
		visitor = visitor->namesake;
	return visitor;
}

struct fa_visitor *fa_visitor_only(const struct fa_core *core, struct mip_address home_address)
{
	struct fa_visitor *visitor = first_of(core, home_address);

	return visitor && !visitor->namesake ? visitor : NULL;
}

/* RFC 1918 3. */
bool fa_address_is_private(struct mip_address address)
{
	uint32_t number = mip_address_number(address);

	return number >> 24 == 10 || number >> 20 == 0xac1 || number >> 16 == 0xc0a8;
}

static bool is_co_located(const struct fa_visitor *visitor)
{
	return visitor->registration.request.flags & MIP_REQUEST_D;
}

/* rfc3024-A.4-1: "Mobile nodes intending to use private addresses with Mobile IP MUST set the 'T' bit". */
static bool can_be_told_apart(const struct fa_core *core, const struct fa_visitor *visitor)
{
	return core->tells_apart && fa_address_is_private(visitor->home_address) &&
	       (visitor->reverse_tunnel || is_co_located(visitor));
}

/* rfc3024-A.4-3: "there must be some link-layer information that is distinct for each mobile node": the link and the link
 * address. An address that cannot be another's as well is the node's, wherever it has gone. */
static bool is_same_node(const struct fa_core *core, const struct fa_visitor *visitor,
	const struct fa_registration *registration)
{
	return mip_link_address_equal(visitor->registration.link_address, registration->link_address) &&
	       (visitor->registration.link == registration->link || !can_be_told_apart(core, visitor));
}

/* Whether a node may take the place that a visitor has: it is the same, or has the same home agent. Else anyone with a
 * home agent of their own could take a visitor's address from it (RFC 3024 6.1). */
static bool may_replace(const struct fa_core *core, const struct fa_visitor *visitor,
	const struct fa_registration *registration)
{
	return mip_address_equal(visitor->home_agent, registration->relayed_to) ||
	       is_same_node(core, visitor, registration);
}

struct fa_visitor *fa_visitor_of(const struct fa_core *core, struct mip_address home_address,
	struct mip_address home_agent, const struct fa_registration *registration)
{
	struct fa_visitor *visitor = fa_visitor_find(core, home_address, home_agent);

	if (visitor)
		return visitor;
	visitor = first_of(core, home_address);
	while (visitor && !may_replace(core, visitor, registration))
		visitor = visitor->namesake;
	return visitor;
}

struct fa_visitor *fa_visitor_replaced(const struct fa_core *core, const struct fa_visitor *by)
{
	struct fa_visitor *visitor = by->namesakes->visitors;

	while (visitor && (visitor == by || !may_replace(core, visitor, &by->registration)))
		visitor = visitor->namesake;
	return visitor;
}

/* rfc3024-A.4-8: "If a foreign agent supports reverse tunneling, then it MUST support the simple scenario of private
 * address support described in this section." */
enum fa_claim fa_visitor_claim(const struct fa_core *core, struct mip_address home_address,
	struct mip_address home_agent, const struct fa_registration *registration)
{
	uint8_t flags = registration->request.flags;
	enum fa_claim claim = FA_CLAIM_FREE;

	for (const struct fa_visitor *visitor = first_of(core, home_address); visitor;
		visitor = visitor->namesake) {
		if (may_replace(core, visitor, registration))
			continue;
		/* A home agent of the claimant's own may say in its reply that it is another. */
		if (!can_be_told_apart(core, visitor) || mip_address_equal(visitor->home_agent, home_agent))
			return FA_CLAIM_TAKEN;
		claim = flags & (MIP_REQUEST_T | MIP_REQUEST_D) ? FA_CLAIM_SHARED : FA_CLAIM_NEEDS_TUNNEL;
	}
	return claim;
}

bool fa_namesakes_are_many(const struct fa_namesakes *namesakes)
{
	size_t count = 0;

	/* A co-located node takes its packets out of the tunnel itself: nothing here is ambiguous for it. */
	for (const struct fa_visitor *visitor = namesakes->visitors; visitor; visitor = visitor->namesake)
		count += !is_co_located(visitor);
	return count > 1;
}

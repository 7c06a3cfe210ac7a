/*
 * Registration revocation at a mobile node (RFC 3543). Through a foreign agent the node takes no part in it: what
 * it hears is an advertisement with sequence number 0 (4.1, mn_agent.c). With a co-located care-of address that
 * it registers directly, it offers to be told; then the home agent's Revocation ends the binding, and the node
 * registers anew at once, as the home agent's services may have changed.
 *
 * It never sends a Revocation itself (rfc3543-4-1, rfc3543-4.2.4-1): it deregisters.
 */
#include "mn_machine.h"

#include <string.h>

#include "address.h"
#include "revoker.h"

bool mn_revocation_is_for(const struct mn_core *core, const struct mn_attempt *attempt)
{
	/* rfc3543-3.2-2, rfc3543-4.2.1-8: "A mobile node which is not co-located MUST NOT include a Revocation Support
	 * Extension". 4.3.2: nor is there any through a foreign agent with the D bit. */
	return core->settings.revocation && !attempt->ending && attempt->place.mode == MN_MODE_CO_LOCATED &&
	       mip_address_is_none(attempt->place.agent);
}

void mn_revocation_offer(struct mip_writer *writer, struct mip_now now)
{
	/* rfc3543-3.2-1, rfc3543-4.2.1-6: "If a 'direct' co-located mobile node wishes to be informed of a released binding by
	 * its home agent, it MUST insert a revocation support extension". I is set so that the home agent may
	 * set it in the revocation (3.3), which says nothing to us. */
	struct mip_revocation_support support = {
		.inform = true,
		.timestamp = (uint32_t)(mip_ntp_of(now.wall) >> 32),
	};

	mip_revocation_support_write(writer, &support);
}

static void acknowledge(
	struct mn_core *core, const struct mn_received *received, const struct mip_revocation *revocation)
{
	/* rfc3543-4.2.2.2-9: it "MUST be sent to the IP source address of the revocation message". */
	struct mip_input_datagram datagram = {
		.link = received->link,
		.source = received->source,
		.source_port = received->source_port,
		.destination = received->destination,
		.destination_port = core->port,
	};
	struct mip_revocation_ack ack = {
		.inform = revocation->inform,
		.home_address = revocation->home_address,
		.identifier = revocation->identifier,
	};

	if (mip_revocation_acknowledge(&core->outbox, mn_home_agent_answering(core, revocation->home_domain),
		    MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, &datagram, &ack) == 0)
		mn_count(core, MN_COUNT_REVOCATION_ACKS_SENT);
}

/* rfc3543-4.2.2.2-8: "the mobile node MUST verify that the information […] identifies the home agent with which
 * it has a current binding, that this binding identifies correctly this mobile node and any foreign domain address
 * it is currently using". */
static bool is_about(const struct mn_core *core, const struct mip_revocation *revocation,
	struct mip_address home_agent, struct mip_address care_of_address)
{
	return mip_address_equal(revocation->home_address, core->home_address) &&
	       mip_address_equal(revocation->home_domain, home_agent) &&
	       mip_address_equal(revocation->foreign_domain, care_of_address);
}

/* Of the bindings that the home agent may have of this node: the one in use, or the one before that is kept beside it
 * (S). NULL: it is about neither. */
static struct mn_binding *binding_about(struct mn_core *core, const struct mip_revocation *revocation)
{
	struct mn_binding *bindings[] = {&core->binding, &core->old};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(bindings); i++)
		if (bindings[i]->revocable &&
			is_about(core, revocation, core->home_agent, bindings[i]->place.care_of_address))
			return bindings[i];
	return NULL;
}

/* --- those that are over ------------------------------------------------------------------------ */

static struct mn_revoked *revoked_about(struct mn_core *core, const struct mip_revocation *revocation)
{
	for (size_t i = 0; i < MN_REVOKED; i++)
		if (core->revoked[i].any && is_about(core, revocation, core->revoked[i].home_agent,
						    core->revoked[i].care_of_address))
			return &core->revoked[i];
	return NULL;
}

/* In the place of what was said of it before, or of what is longest ago. */
static void remember(struct mn_core *core, const struct mip_revocation *revocation)
{
	struct mn_revoked *revoked = revoked_about(core, revocation);

	if (!revoked) {
		memmove(&core->revoked[1], &core->revoked[0],
			sizeof(core->revoked) - sizeof(core->revoked[0]));
		revoked = &core->revoked[0];
	}
	*revoked = (struct mn_revoked){
		.any = true,
		.home_agent = revocation->home_domain,
		.care_of_address = revocation->foreign_domain,
		.identifier = revocation->identifier,
	};
}

bool mn_revocation_remembers(const struct mn_core *core, struct mip_address care_of_address)
{
	for (size_t i = 0; i < MN_REVOKED; i++)
		if (core->revoked[i].any &&
			mip_address_equal(core->revoked[i].care_of_address, care_of_address))
			return true;
	return false;
}

void mn_revocation_registered(struct mn_core *core, const struct mn_place *place)
{
	for (size_t i = 0; i < MN_REVOKED; i++)
		if (mip_address_equal(core->revoked[i].care_of_address, place->care_of_address))
			core->revoked[i] = (struct mn_revoked){0};
}

/* --- the home agent's revocation, 4.2.2.3 --------------------------------------------------------- */

static void end_binding(struct mn_core *core, struct mn_binding *binding, const struct mn_received *received,
	const struct mip_revocation *revocation, struct mip_now now)
{
	struct mip_event event = mn_place_event(core, "revoked", &binding->place);

	remember(core, revocation);
	mip_event_address(&event, "home_agent", revocation->home_domain);
	mn_report(core, &event);
	mip_log(core->log, MIP_LOG_NOTICE, "the home agent %s has revoked the binding",
		MIP_TEXT(revocation->home_domain));
	/* "SHOULD first generate a revocation acknowledgment message". */
	acknowledge(core, received, revocation);
	if (binding == &core->old)
		mn_binding_grace_over(core);
	else
		mn_binding_drop(core);
	/* A request that is under way may have been denied by the same decision, or not: it goes on. */
	mn_decide(core, now);
}

static void act(struct mn_core *core, const struct mn_received *received,
	const struct mip_revocation *revocation, struct mip_now now)
{
	struct mn_binding *binding = binding_about(core, revocation);
	struct mn_revoked *revoked = revoked_about(core, revocation);
	uint32_t least;

	if (!binding && !revoked) {
		mn_count(core, MN_COUNT_DROP_REVOCATION_UNKNOWN);
		return;
	}
	least = binding ? binding->home_agent_timestamp : revoked->identifier;
	/* rfc3543-4.2.2.2-7, rfc3543-3.5-4: "check the home address and identifier […] for replay": "silently
	 * discarded". */
	if (!mip_revocation_is_later(revocation->identifier, least)) {
		mn_count(core, MN_COUNT_DROP_REVOCATION_REPLAY);
		return;
	}
	mn_count(core, MN_COUNT_REVOCATIONS_RECEIVED);
	if (binding) {
		end_binding(core, binding, received, revocation, now);
		return;
	}
	revoked->identifier = revocation->identifier;
	acknowledge(core, received, revocation);
}

void mn_revocation_input(struct mn_core *core, const struct mn_received *received, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(received->octets, received->length);
	struct mip_revocation revocation;
	struct mip_extensions extensions;
	const struct mip_association *association;

	if (mip_revocation_read(&reader, &revocation) < 0 || mip_extensions_read(&reader, &extensions) < 0) {
		mn_count(core, MN_COUNT_DROP_MALFORMED);
		return;
	}
	if (extensions.unknown_not_skippable) {
		mn_count(core, MN_COUNT_DROP_UNKNOWN_EXTENSION);
		return;
	}
	/* rfc3543-3.5-1, rfc3543-3.3-8, rfc3543-4.2.2.2-7: without a valid authenticator "MUST be ignored, and silently discarded". */
	association = mn_home_agent_answering(core, revocation.home_domain);
	if (!association || mip_revocation_authenticate(association, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION,
				    received->octets, &extensions) < 0) {
		mn_warn(core, now, "security exception: a Revocation without the right authenticator",
			received->source);
		mn_count(core, MN_COUNT_DROP_AUTHENTICATOR);
		return;
	}
	/* rfc3543-3.5-2: the 'A' bit: it comes from a home agent, or it is no revocation for us. */
	if (!revocation.from_home_agent)
		mn_count(core, MN_COUNT_DROP_REVOCATION_REPLAY);
	else
		act(core, received, &revocation, now);
}

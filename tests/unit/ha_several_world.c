#include "ha_several_world.h"

#include "address.h"

int several_setup(void **state)
{
	static struct world world;

	ha_world_prepare(&world);
	world.agents[1] = (struct ha_foreign_agent_settings){OTHER_AGENT, world.wrong};
	world.settings.foreign_agent_count = 2;
	world.settings.max_simultaneous_bindings = 2;
	world.settings.revocation = home_usual;
	ha_world_start(&world);
	*state = &world;
	return 0;
}

const struct mip_association *several_association(const struct world *world, struct mip_address agent)
{
	return mip_address_equal(agent, AGENT_ADDRESS) ? world->agent : world->wrong;
}

struct ask several_ask(const struct world *world, struct mip_address agent, uint8_t flags)
{
	return (struct ask){.care_of = agent,
		.flags = MIP_REQUEST_T | flags,
		.source_port = MIP_REGISTRATION_PORT,
		.foreign_home = several_association(world, agent),
		.support = &home_offer};
}

void several_register(struct world *world, const struct ask *ask)
{
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_send(world, ask);
	assert_int_equal(ha_answer_take(world)->fields.code, MIP_CODE_ACCEPTED);
}

void several_register_by(struct world *world, struct mip_address agent, uint8_t flags)
{
	struct ask ask = several_ask(world, agent, flags);

	several_register(world, &ask);
}

void several_registered_by_both(struct world *world)
{
	several_register_by(world, AGENT_ADDRESS, 0);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	assert_int_equal(ha_core_binding_count(world->core), 2);
	ha_world_pass(world, 10 * MIP_SECOND);
}

struct search {
	struct mip_address care_of_address;
	bool found, agreed;
};

static void look(void *context, const struct ha_binding_view *binding)
{
	struct search *search = context;

	if (mip_address_equal(binding->care_of_address, search->care_of_address)) {
		search->found = true;
		search->agreed = binding->revocation;
	}
}

bool several_is_bound_at(const struct world *world, struct mip_address care_of_address)
{
	struct search search = {.care_of_address = care_of_address};

	ha_core_bindings(world->core, look, &search);
	return search.found;
}

bool several_is_agreed_at(const struct world *world, struct mip_address care_of_address)
{
	struct search search = {.care_of_address = care_of_address};

	ha_core_bindings(world->core, look, &search);
	return search.agreed;
}

bool several_next_to(const struct world *world, struct mip_address peer, size_t *n, struct sent *ret_sent)
{
	for (; *n < home_count_of(world, MIP_MESSAGE_REVOCATION); (*n)++) {
		*ret_sent = home_sent_of(world, MIP_MESSAGE_REVOCATION, *n);
		if (mip_address_equal(ret_sent->datagram.destination, peer))
			return true;
	}
	return false;
}

size_t several_count_to(const struct world *world, struct mip_address peer)
{
	size_t count = 0;
	struct sent sent;

	for (size_t n = 0; several_next_to(world, peer, &n, &sent); n++)
		count++;
	return count;
}

struct sent several_sent_to(const struct world *world, struct mip_address peer)
{
	struct sent sent, last = {0};

	for (size_t n = 0; several_next_to(world, peer, &n, &sent); n++)
		last = sent;
	assert_non_null(last.octets);
	return last;
}

void several_acknowledge(struct world *world, struct mip_address agent, const struct sent *sent)
{
	struct mip_revocation_ack ack = home_ack_of(sent);

	home_deliver_ack(world, agent, &ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION,
		several_association(world, agent));
}

struct mip_revocation several_revocation_by(struct mip_address agent)
{
	struct mip_revocation revocation = home_agents_revocation();

	revocation.foreign_domain = agent;
	return revocation;
}

void several_revoked_by(struct world *world, struct mip_address agent)
{
	struct mip_revocation revocation = several_revocation_by(agent);

	home_deliver_revocation(world, &revocation, several_association(world, agent));
}

void several_registered_directly_and_by_an_agent(struct world *world)
{
	struct ask ask = home_direct(&home_offer);

	several_register(world, &ask);
	several_register_by(world, OTHER_AGENT, MIP_REQUEST_S);
	ha_world_pass(world, 10 * MIP_SECOND);
}

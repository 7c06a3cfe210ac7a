#include "ha_revocation_world.h"

#include <string.h>

#include "address.h"
#include "authenticator.h"
#include "replay.h"
#include "revocation.h"

const struct mip_revocation_settings home_usual = {
	.enabled = true, .inform_bit = true, .inform = true, .attempts = 8, .most = 100};
const struct mip_revocation_support home_offer = {.inform = true, .timestamp = AGENT_CLOCK};
const struct mip_revocation_support home_offer_without_i = {.timestamp = AGENT_CLOCK};

static int setup_with(void **state, const struct mip_revocation_settings *settings)
{
	static struct world world;

	ha_world_prepare(&world);
	world.settings.revocation = *settings;
	ha_world_start(&world);
	*state = &world;
	return 0;
}

int home_setup(void **state)
{
	return setup_with(state, &home_usual);
}

int home_teardown(void **state)
{
	ha_world_end(*state);
	return 0;
}

void home_use(struct world *world, struct mip_revocation_settings settings)
{
	world->settings.revocation = settings;
	assert_int_equal(ha_core_configure(world->core, &world->settings, world->now), 0);
}

struct ask home_by_agent(const struct world *world, const struct mip_revocation_support *support)
{
	return (struct ask){.care_of = AGENT_ADDRESS,
		.flags = MIP_REQUEST_T,
		.source_port = 434,
		.foreign_home = world->agent,
		.support = support};
}

struct ask home_direct(const struct mip_revocation_support *support)
{
	struct ask ask = ha_ask_co_located();

	ask.support = support;
	ask.support_by_node = true;
	return ask;
}

void home_accept(struct world *world, const struct ask *ask)
{
	ha_ask_expect(world, ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

void home_registered(struct world *world)
{
	struct ask ask = home_by_agent(world, &home_offer);

	home_accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
}

/* --- messages among the outputs ---------------------------------------------------------------- */

size_t home_count_of(const struct world *world, int type)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += world->outputs[i].kind == MIP_OUTPUT_DATAGRAM &&
			 mip_message_type(world->outputs[i].octets, world->outputs[i].length) == type;
	return count;
}

struct sent home_sent_of(const struct world *world, int type, size_t n)
{
	struct sent sent = {0};
	struct mip_reader reader;

	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];

		if (output->kind != MIP_OUTPUT_DATAGRAM ||
			mip_message_type(output->octets, output->length) != type || n-- > 0)
			continue;
		sent.datagram = output->datagram;
		sent.octets = output->octets;
		sent.length = output->length;
		reader = mip_reader_of(sent.octets, sent.length);
		if (type == MIP_MESSAGE_REVOCATION)
			assert_int_equal(mip_revocation_read(&reader, &sent.revocation), 0);
		else
			assert_int_equal(mip_revocation_ack_read(&reader, &sent.ack), 0);
		assert_int_equal(mip_extensions_read(&reader, &sent.extensions), 0);
		return sent;
	}
	fail_msg("there is no such message");
	return sent;
}

struct sent home_revocation_sent(const struct world *world)
{
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION), 1);
	return home_sent_of(world, MIP_MESSAGE_REVOCATION, 0);
}

struct sent home_ack_sent(const struct world *world)
{
	assert_int_equal(home_count_of(world, MIP_MESSAGE_REVOCATION_ACK), 1);
	return home_sent_of(world, MIP_MESSAGE_REVOCATION_ACK, 0);
}

bool home_is_authentic(const struct sent *sent, enum mip_slot slot, const struct mip_association *association)
{
	const struct mip_extension *extension = mip_extension_of(&sent->extensions, slot);

	return extension && extension->offset + extension->length == sent->length &&
	       mip_authenticator_check(association, sent->octets, extension) == 0;
}

/* --- messages of the foreign agent ------------------------------------------------------------- */

void home_deliver_from(
	struct world *world, struct mip_address source, const struct mip_writer *message, uint16_t port)
{
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = source,
		.source_port = port,
		.destination = HA_ADDRESS,
		.destination_port = MIP_REGISTRATION_PORT,
		.octets = message->octets,
		.length = message->length,
	};

	assert_false(mip_writer_failed(message));
	ha_core_datagram(world->core, &datagram, world->now);
	ha_world_collect(world);
}

struct mip_revocation home_agents_revocation(void)
{
	return (struct mip_revocation){
		.inform = true,
		.home_address = NODE_ADDRESS,
		.home_domain = HA_ADDRESS,
		.foreign_domain = AGENT_ADDRESS,
		.identifier = AGENT_CLOCK + 10,
	};
}

void home_deliver_revocation(struct world *world, const struct mip_revocation *revocation,
	const struct mip_association *association)
{
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	mip_revocation_write(&writer, revocation);
	if (association)
		assert_int_equal(mip_authenticator_append(
					 &writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, association),
			0);
	home_deliver_from(world, revocation->foreign_domain, &writer, 5434);
}

void home_deliver_ack(struct world *world, struct mip_address source, const struct mip_revocation_ack *ack,
	uint8_t type, const struct mip_association *association)
{
	uint8_t octets[128];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	mip_revocation_ack_write(&writer, ack);
	assert_int_equal(mip_authenticator_append(&writer, type, 0, association), 0);
	home_deliver_from(world, source, &writer, MIP_REGISTRATION_PORT);
}

struct mip_revocation_ack home_ack_of(const struct sent *sent)
{
	return (struct mip_revocation_ack){.inform = sent->revocation.inform,
		.home_address = sent->revocation.home_address,
		.identifier = sent->revocation.identifier};
}

void home_deliver_agents_ack(struct world *world, const struct mip_revocation_ack *ack)
{
	home_deliver_ack(world, AGENT_ADDRESS, ack, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, world->agent);
}

void home_revoke(struct world *world)
{
	assert_int_equal(ha_core_revoke(world->core, NODE_ADDRESS, world->now), 0);
	ha_world_collect(world);
}

bool home_asks_to_inform(struct world *world, const struct mip_revocation_support *support)
{
	struct ask ask = home_by_agent(world, support);
	bool inform;

	home_accept(world, &ask);
	ha_world_pass(world, 10 * MIP_SECOND);
	ha_world_clear_outputs(world);
	home_revoke(world);
	inform = home_revocation_sent(world).revocation.inform;
	ha_world_clear_outputs(world);
	return inform;
}

/* --- a restart --------------------------------------------------------------------------------- */

struct kept home_kept(const struct world *world, const char *key)
{
	struct kept kept = {0};
	const struct mip_output *last = NULL;

	for (size_t i = 0; i < world->count; i++) {
		if (world->outputs[i].kind == MIP_OUTPUT_KEEP && strcmp(world->outputs[i].key, key) == 0)
			last = &world->outputs[i];
	}
	assert_non_null(last);
	assert_true(strlen(key) < sizeof(kept.key));
	assert_in_range(last->length, 1, sizeof(kept.octets));
	memcpy(kept.key, key, strlen(key));
	kept.length = last->length;
	memcpy(kept.octets, last->octets, kept.length);
	return kept;
}

void home_restart_with(struct world *world, const struct kept *kept, size_t count)
{
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	ha_world_make(world);
	for (size_t i = 0; i < count; i++)
		ha_core_record(world->core, kept[i].key, kept[i].octets, kept[i].length, world->now);
	ha_world_begin(world);
}

void home_restart(struct world *world, const struct kept *kept)
{
	home_restart_with(world, kept, 1);
	ha_world_clear_outputs(world);
}

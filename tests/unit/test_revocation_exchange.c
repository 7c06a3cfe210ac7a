/*
 * The home agent's machine and the foreign agent's, with a network between them that loses, repeats, delays and
 * so reorders what they say, in virtual time: whoever revokes (RFC 3543), in the end both know it; and nothing that
 * is still on its way ends what the node has registered meanwhile.
 *
 *   node 172.20.0.50 ── visit0 [ foreign agent 10.2.0.1 ] ── lossy ── [ home agent 10.1.0.1 ]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "advertisement.h"
#include "authenticator.h"
#include "counter_value.h"
#include "fa_core.h"
#include "ha_core.h"
#include "packet.h"
#include "registration.h"
#include "replay.h"
#include "revocation.h"

enum {
	VISITED = 5,
	UPLINK = 3,
	RUNS = 400,
	LIFETIME = 1800,
};

#define HOME_AGENT    mip_address_of(0x0a010001)
#define FOREIGN_AGENT mip_address_of(0x0a020001)
#define NODE	      mip_address_of(0xac140032)
#define FOREVER	      (600 * MIP_SECOND) /* long after the last retransmission, well before the lifetime */

struct packet {
	mip_time at;
	struct mip_output_datagram datagram;
	uint8_t *octets;
	size_t length;
	struct packet *next; /* by time */
};

struct sim {
	uint64_t random;
	unsigned loss, copies; /* of 100 */
	mip_time delay;	       /* at most */
	struct mip_now now;
	struct mip_association *node, *agents;
	struct ha_core *home;
	struct fa_core *foreign;
	struct mip_outbox foreign_outbox;
	struct packet *packets;
	bool accepted;		     /* the node has got an accepting reply since it last asked */
	size_t told;		     /* unicast advertisements with number 0 */
	mip_time revocation_sent[2]; /* by each agent, the last; rfc3543-3.3-10 */
	mip_time registration_sent[2];
};

static uint32_t draw(struct sim *sim, uint32_t below)
{
	sim->random = sim->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(sim->random >> 33) % below;
}

static void fill(void *context, void *octets, size_t length)
{
	uint8_t *out = octets;

	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)draw(context, 256);
}

/* --- the network -------------------------------------------------------------------------------- */

static void enqueue(struct sim *sim, const struct mip_output *output)
{
	struct packet *packet = calloc(1, sizeof(*packet)), **at = &sim->packets;

	assert_non_null(packet);
	packet->at = sim->now.boot + MIP_MILLISECOND + (mip_time)draw(sim, 1000) * sim->delay / 1000;
	packet->datagram = output->datagram;
	packet->length = output->length;
	packet->octets = malloc(output->length);
	assert_non_null(packet->octets);
	memcpy(packet->octets, output->octets, output->length);
	while (*at && (*at)->at <= packet->at)
		at = &(*at)->next;
	packet->next = *at;
	*at = packet;
}

/* rfc3543-3.3-10, rfc3543-3.3-11: no agent sends two messages about the binding within a second, if one is a
 * revocation; a request that is relayed anew is of another binding. */
static void watch_rate(struct sim *sim, const struct mip_output *output, unsigned agent)
{
	int type = mip_message_type(output->octets, output->length);

	if (type == MIP_MESSAGE_REVOCATION) {
		assert_true(sim->now.boot - sim->revocation_sent[agent] >= MIP_SECOND);
		assert_true(sim->now.boot - sim->registration_sent[agent] >= MIP_SECOND);
		sim->revocation_sent[agent] = sim->now.boot;
	} else if (type == MIP_MESSAGE_REGISTRATION_REQUEST || type == MIP_MESSAGE_REGISTRATION_REPLY) {
		sim->registration_sent[agent] = sim->now.boot;
	}
}

static void look_at_frame(struct sim *sim, const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;
	static struct mip_agent_advertisement advertisement;
	struct mip_registration_reply reply;
	struct mip_ip ip;
	struct mip_udp udp;

	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	if (ip.protocol == MIP_PROTOCOL_ICMP) {
		assert_int_equal(mip_advertisement_read(&payload, &advertisement), 0);
		if (mip_address_equal(ip.destination, NODE)) {
			assert_int_equal(advertisement.sequence, 0);
			sim->told++;
		}
		return;
	}
	assert_int_equal(mip_udp_packet_read(output->octets, output->length, false, &ip, &udp, &payload), 0);
	assert_int_equal(mip_reply_read(&payload, &reply), 0);
	sim->accepted = mip_code_is_accepted(reply.code);
}

static void collect_from(struct sim *sim, struct mip_outbox *outbox, unsigned agent)
{
	struct mip_output output;

	while (mip_outbox_take(outbox, &output)) {
		if (output.kind == MIP_OUTPUT_DATAGRAM) {
			watch_rate(sim, &output, agent);
			if (draw(sim, 100) >= sim->loss)
				enqueue(sim, &output);
			if (draw(sim, 100) < sim->copies)
				enqueue(sim, &output);
		} else if (output.kind == MIP_OUTPUT_FRAME && output.frame.ethertype == MIP_ETHERTYPE_IPV4) {
			look_at_frame(sim, &output);
		}
		mip_output_clear(&output);
	}
}

static void collect(struct sim *sim)
{
	collect_from(sim, ha_core_outbox(sim->home), 0);
	collect_from(sim, &sim->foreign_outbox, 1);
}

static void deliver(struct sim *sim, const struct packet *packet)
{
	struct mip_input_datagram datagram = {
		.link = UPLINK,
		.source = packet->datagram.source,
		.source_port =
			packet->datagram.source_port ? packet->datagram.source_port : MIP_REGISTRATION_PORT,
		.destination = packet->datagram.destination,
		.destination_port = packet->datagram.destination_port,
		.ttl = 60,
		.octets = packet->octets,
		.length = packet->length,
	};

	if (mip_address_equal(datagram.destination, HOME_AGENT))
		ha_core_datagram(sim->home, &datagram, sim->now);
	else
		fa_core_datagram(sim->foreign, &datagram, sim->now);
}

static void go_to(struct sim *sim, mip_time at)
{
	if (at <= sim->now.boot)
		return;
	sim->now.wall += at - sim->now.boot;
	sim->now.boot = at;
}

static mip_time sooner_of(mip_time a, mip_time b)
{
	return a < b ? a : b;
}

static void pass(struct sim *sim, mip_time duration)
{
	mip_time end = sim->now.boot + duration;

	for (;;) {
		mip_time next = sooner_of(ha_core_deadline(sim->home), fa_core_deadline(sim->foreign));
		struct packet *packet = sim->packets;

		if (packet)
			next = sooner_of(next, packet->at);
		if (next > end)
			break;
		go_to(sim, next);
		if (packet && packet->at <= sim->now.boot) {
			sim->packets = packet->next;
			deliver(sim, packet);
			free(packet->octets);
			free(packet);
		}
		ha_core_advance(sim->home, sim->now);
		fa_core_advance(sim->foreign, sim->now);
		collect(sim);
	}
	go_to(sim, end);
}

/* --- the node ------------------------------------------------------------------------------------ */

static void ask(struct sim *sim)
{
	struct mip_registration_request request = {
		.flags = MIP_REQUEST_T,
		.lifetime = LIFETIME,
		.home_address = NODE,
		.home_agent = HOME_AGENT,
		.care_of_address = FOREIGN_AGENT,
		.identification = mip_ntp_of(sim->now.wall),
	};
	struct mip_ip ip = {.ttl = 255, .source = NODE, .destination = FOREIGN_AGENT};
	struct mip_udp udp = {.source_port = 4340, .destination_port = MIP_REGISTRATION_PORT};
	uint8_t message[512], packet[600];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct mip_writer outer = mip_writer_of(packet, sizeof(packet));
	struct mip_input_frame frame = {
		.link = VISITED,
		.source = {6, {2, 0, 0, 0, 0, 0x50}},
		.unicast = true,
		.ethertype = MIP_ETHERTYPE_IPV4,
		.octets = packet,
	};

	mip_request_write(&writer, &request);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, sim->node), 0);
	mip_udp_packet_write(&outer, &ip, &udp, message, writer.length);
	frame.length = outer.length;
	sim->accepted = false;
	fa_core_frame(sim->foreign, &frame, sim->now);
	collect(sim);
}

/* Until it is accepted. */
static void register_node(struct sim *sim)
{
	for (int i = 0; i < 100; i++) {
		ask(sim);
		pass(sim, 8 * MIP_SECOND);
		if (sim->accepted)
			return;
	}
	fail_msg("the node does not get through");
}

/* --- a run --------------------------------------------------------------------------------------- */

static struct mip_association *associate(uint32_t spi)
{
	uint8_t key[16] = {(uint8_t)spi, 1, 2};
	struct mip_association_settings settings = {.spi = spi, .key = {key, sizeof(key)}};
	struct mip_association *association;

	assert_int_equal(mip_association_new(&settings, &association), 0);
	return association;
}

static void make_home(struct sim *sim, const struct mip_random *random)
{
	struct ha_network_settings network = {{mip_address_of(0xac140000), 16}, NULL};
	struct ha_node_settings node = {NODE, NULL, sim->node, NULL};
	struct ha_foreign_agent_settings agent = {FOREIGN_AGENT, sim->agents};
	struct ha_settings settings = {
		.address = HOME_AGENT,
		.networks = &network,
		.network_count = 1,
		.nodes = &node,
		.node_count = 1,
		.foreign_agents = &agent,
		.foreign_agent_count = 1,
		.max_lifetime = LIFETIME,
		.revocation = {true, true, true, 8, 10, 0},
	};
	struct mip_input_address address = {UPLINK, HOME_AGENT, 24, true};

	assert_int_equal(ha_core_new(&settings, random, NULL, &sim->home), 0);
	ha_core_address(sim->home, &address, sim->now);
	ha_core_begin(sim->home, sim->now);
}

static void make_foreign(struct sim *sim, const struct mip_random *random)
{
	struct fa_core_environment environment = {.outbox = &sim->foreign_outbox, .random = random};
	struct fa_link_settings link = {"visit0"};
	struct fa_home_agent_settings home_agent = {.address = HOME_AGENT, .association = sim->agents};
	struct fa_core_settings settings = {
		.care_of_address = FOREIGN_AGENT,
		.links = &link,
		.link_count = 1,
		.registration_lifetime = LIFETIME,
		.reverse_tunnel = true,
		.advertise_interval = 60 * MIP_SECOND,
		.advertise_lifetime = 180 * MIP_SECOND,
		.request_timeout = 7 * MIP_SECOND,
		.pending_most = 100,
		.pending_per_node_most = 5,
		.table = 79,
		.rule_priority = 790,
		.home_agents = &home_agent,
		.home_agent_count = 1,
		.revocation = {true, true, true, 8, 10, 0},
	};
	struct mip_input_link input = {.link = VISITED, .name = "visit0", .present = true, .up = true};
	struct mip_input_address address = {VISITED, FOREIGN_AGENT, 24, true};

	assert_int_equal(fa_core_new(&environment, &settings, &sim->foreign), 0);
	fa_core_link(sim->foreign, &input, sim->now);
	fa_core_address(sim->foreign, &address, sim->now);
	fa_core_begin(sim->foreign, sim->now);
}

static void begin(struct sim *sim, struct mip_random *random, uint64_t seed)
{
	*sim = (struct sim){
		.random = seed * 77 + 5,
		.now = {1000 * MIP_SECOND, 1700000000 * MIP_SECOND},
		.revocation_sent = {-MIP_SECOND, -MIP_SECOND},
		.delay = 50 * MIP_MILLISECOND,
	};
	*random = (struct mip_random){.fill = fill, .context = sim};
	sim->now.wall += (mip_time)draw(sim, 1000) * MIP_MILLISECOND;
	sim->node = associate(1000);
	sim->agents = associate(2000);
	make_home(sim, random);
	make_foreign(sim, random);
	collect(sim);
}

static void end(struct sim *sim)
{
	while (sim->packets) {
		struct packet *packet = sim->packets;

		sim->packets = packet->next;
		free(packet->octets);
		free(packet);
	}
	ha_core_free(sim->home);
	fa_core_free(sim->foreign);
	mip_outbox_clear(&sim->foreign_outbox);
	mip_association_unref(sim->node);
	mip_association_unref(sim->agents);
}

static size_t bindings(const struct sim *sim)
{
	return ha_core_binding_count(sim->home);
}

static size_t visitors(const struct sim *sim)
{
	return fa_core_visitor_count(sim->foreign);
}

static uint64_t unanswered(const struct sim *sim)
{
	return counter_value(ha_core_counters(sim->home), "revocations_unanswered") +
	       counter_value(fa_core_counters(sim->foreign), "revocations_unanswered");
}

/* By the home agent, by the foreign agent, by both at once. */
static void revoke(struct sim *sim, unsigned who)
{
	if (who != 1)
		(void)ha_core_revoke(sim->home, NODE, sim->now);
	if (who != 0)
		(void)fa_core_revoke(sim->foreign, NODE, (struct mip_address){0}, sim->now);
	collect(sim);
}

static void make_bad(struct sim *sim)
{
	sim->loss = draw(sim, 70);
	sim->copies = draw(sim, 40);
	sim->delay = (mip_time)(50 + draw(sim, 4000)) * MIP_MILLISECOND;
}

/* rfc3543-4.2.2.1-6, rfc3543-4.2.3.1-6, rfc3543-3.4-5, rfc3543-3.3-10 */
static void whoever_revokes_both_know_it_in_the_end(void **state)
{
	static struct sim sim;
	struct mip_random random;
	unsigned known = 0;

	(void)state;
	for (uint64_t run = 0; run < RUNS; run++) {
		begin(&sim, &random, run);
		register_node(&sim);
		assert_int_equal(bindings(&sim) + visitors(&sim), 2);
		make_bad(&sim);
		pass(&sim, (mip_time)draw(&sim, 3000) * MIP_MILLISECOND);
		revoke(&sim, (unsigned)run % 3);
		pass(&sim, FOREVER);
		/* Eight lost messages in a row are said, not hidden. */
		if (bindings(&sim) + visitors(&sim) == 0)
			known++;
		else
			assert_true(unanswered(&sim) > 0);
		/* I was agreed on, and both want the node to know: it hears of it once. */
		if (bindings(&sim) + visitors(&sim) == 0)
			assert_in_range(sim.told, 1, 2);
		end(&sim);
	}
	assert_true(known > RUNS * 95 / 100);
}

/* rfc3543-4.2.2.2-2, rfc3543-4.2.3.2-3: "the timestamp of a registration MUST precede the revocation message" */
static void what_was_revoked_before_does_not_end_what_is_registered_after(void **state)
{
	static struct sim sim;
	struct mip_random random;

	(void)state;
	for (uint64_t run = 0; run < RUNS; run++) {
		begin(&sim, &random, run + 1000000);
		register_node(&sim);
		make_bad(&sim);
		for (unsigned round = 0; round < 1 + draw(&sim, 3); round++) {
			pass(&sim, (mip_time)draw(&sim, 3000) * MIP_MILLISECOND);
			revoke(&sim, draw(&sim, 3));
			pass(&sim, (mip_time)draw(&sim, 20000) * MIP_MILLISECOND);
		}
		register_node(&sim);
		pass(&sim, FOREVER);
		assert_int_equal(bindings(&sim), 1);
		assert_int_equal(visitors(&sim), 1);
		end(&sim);
	}
}

/* Without loss it is one message each way, and the node hears of it within a tenth of a second. */
static void without_loss_it_takes_one_message_each_way(void **state)
{
	static struct sim sim;
	struct mip_random random;

	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		begin(&sim, &random, who);
		register_node(&sim);
		revoke(&sim, who);
		pass(&sim, 150 * MIP_MILLISECOND);
		assert_int_equal(bindings(&sim) + visitors(&sim), 0);
		assert_int_equal(sim.told, 1);
		pass(&sim, FOREVER);
		assert_int_equal(counter_value(ha_core_counters(sim.home), "revocations_sent") +
					 counter_value(fa_core_counters(sim.foreign), "revocations_sent"),
			1);
		assert_int_equal(unanswered(&sim), 0);
		end(&sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_loss_it_takes_one_message_each_way),
		cmocka_unit_test(whoever_revokes_both_know_it_in_the_end),
		cmocka_unit_test(what_was_revoked_before_does_not_end_what_is_registered_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

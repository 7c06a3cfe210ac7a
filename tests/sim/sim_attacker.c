/*
 * The attacker: on every link and on the internet, he hears all that is said and says what he likes, as often and as late as
 * he likes; but he has no keys. (With SIM_BREAK_SPY he has.)
 */
#include "sim.h"

#include "advertisement.h"
#include "authenticator.h"
#include "replay.h"
#include "sim_memory.h"

#include <string.h>

enum {
	ADDRESS = 0xcb007106, /* his own: 203.0.113.6 */
	PACKET_MAX = 1024,
	LIARS_LIFETIME = 10, /* seconds, of his advertisements */
	HEADERS = MIP_IP_HEADER + MIP_UDP_HEADER,
};

static int64_t between(struct sim_world *world, int64_t least, int64_t most)
{
	return sim_between(&world->random, least, most);
}

static bool chance(struct sim_world *world, unsigned parts)
{
	return sim_chance(&world->random, parts);
}

void sim_overhear(struct sim_world *world, const struct sim_packet *packet, int link)
{
	struct sim_heard *heard;

	if (!world->scenario.attacks || packet->length > PACKET_MAX ||
		(packet->kind == SIM_FRAME && packet->length <= HEADERS))
		return; /* a solicitation teaches nothing */
	heard = &world->attacker.heard[world->attacker.count++ % SIM_HEARD];
	sim_own_free(heard->packet);
	heard->packet = sim_packet_new(packet, packet->octets, packet->length);
	heard->link = link;
}

void sim_attacker_clear(struct sim_world *world)
{
	for (size_t i = 0; i < SIM_HEARD; i++)
		sim_own_free(world->attacker.heard[i].packet);
	mip_association_unref(world->attacker.own_key);
}

static const struct sim_heard *any_heard(struct sim_world *world)
{
	size_t known = world->attacker.count < SIM_HEARD ? world->attacker.count : SIM_HEARD;

	return known > 0 ? &world->attacker.heard[between(world, 0, (int64_t)known - 1)] : NULL;
}

/* --- what was heard, again -------------------------------------------------------------------------------------- */

static void flip(struct sim_world *world, struct sim_packet *packet)
{
	packet->octets[between(world, 0, (int64_t)packet->length - 1)] ^=
		(uint8_t)(1U << between(world, 0, 7));
}

/* In a frame, the IP header's length and the checksums no longer fit: most of it ends there, and is to. */
static void cut(struct sim_world *world, struct sim_packet *packet)
{
	packet->length = (size_t)between(world, 0, (int64_t)packet->length);
}

static void say_later(struct sim_world *world, const struct sim_heard *heard)
{
	struct sim_packet *packet =
		sim_packet_new(heard->packet, heard->packet->octets, heard->packet->length);

	packet->attackers = true;
	if (packet->kind == SIM_FRAME)
		packet->host = SIM_NONE; /* nobody's: everyone on the link hears it */
	if (packet->kind == SIM_DATAGRAM && chance(world, 300))
		packet->source = mip_address_of(ADDRESS);
	if (packet->length > 0 && chance(world, 250))
		flip(world, packet);
	else if (packet->length > 0 && chance(world, 150))
		cut(world, packet);
	if (packet->kind == SIM_FRAME) {
		sim_put(world,
			chance(world, 900) ? heard->link : (int)between(world, 0, world->link_count - 1),
			packet);
		sim_own_free(packet);
		return;
	}
	sim_at(world, (struct sim_event){
			      .at = world->now +
				    between(world, 0, chance(world, 800) ? 8000 : 120000) * MIP_MILLISECOND,
			      .kind = SIM_EVENT_ARRIVES,
			      .packet = packet,
		      });
}

static void replay(struct sim_world *world)
{
	for (int64_t times = between(world, 1, 6); times > 0; times--) {
		const struct sim_heard *heard = any_heard(world);

		if (heard)
			say_later(world, heard);
	}
}

/* --- made up ---------------------------------------------------------------------------------------------------- */

static struct mip_association *key_of(struct sim_world *world, const struct sim_host *victim)
{
	uint8_t octets[16];
	struct mip_association_settings settings = {
		.spi = mip_association_spi(victim->node->settings.home), .key = {octets, sizeof(octets)}};

	if (world->options.broken == SIM_BREAK_SPY || world->options.broken == SIM_BREAK_IMPOSTOR)
		return victim->node->settings.home;
	if (world->attacker.own_key)
		return world->attacker.own_key;
	sim_random_fill(&world->random, octets, sizeof(octets));
	if (mip_association_new(&settings, &world->attacker.own_key) < 0)
		sim_fail(world, "the scenario can be", "no key");
	return world->attacker.own_key;
}

static struct sim_host *any_node(struct sim_world *world)
{
	struct sim_host *host = &world->hosts[between(world, 0, world->host_count - 1)];

	while (host->role != SIM_NODE)
		host = &world->hosts[(host->number + 1) % world->host_count];
	return host;
}

/* "The victim is where I am now." */
static void forge_request(struct sim_world *world)
{
	struct sim_host *victim = any_node(world);
	const struct sim_host *agent = &world->hosts[victim->node->home_agent];
	struct mip_registration_request request = {
		.flags = MIP_REQUEST_D | (chance(world, 300) ? MIP_REQUEST_S : 0),
		.lifetime = (uint16_t)between(world, 0, 600),
		.home_address = sim_home_address(world, victim),
		.home_agent = agent->home_agent->settings.address,
		.care_of_address = mip_address_of(ADDRESS),
		.identification = sim_random_next(&world->random),
	};
	struct sim_packet like = {
		.kind = SIM_DATAGRAM,
		.attackers = true,
		.source = request.care_of_address,
		.source_port = MIP_REGISTRATION_PORT,
		.destination = request.home_agent,
		.destination_port = MIP_REGISTRATION_PORT,
		.ttl = 64,
	};
	uint8_t octets[PACKET_MAX];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct sim_packet *packet;

	/* The clock of the home agent is no secret. */
	if (!victim->node->nonces)
		request.identification = mip_ntp_of(sim_now(world, agent).wall + MIP_SECOND);
	mip_request_write(&writer, &request);
	if (mip_authenticator_append(
		    &writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, key_of(world, victim)) < 0)
		return;
	packet = sim_packet_new(&like, octets, writer.length);
	sim_put(world, SIM_UPLINK, packet);
	sim_own_free(packet);
}

/* "You are registered": only who has the key can say so. */
static void forge_reply(struct sim_world *world)
{
	const struct sim_heard *heard = any_heard(world);
	struct sim_host *victim = any_node(world);
	struct mip_registration_request request;
	struct mip_registration_reply reply;
	struct sim_packet like = {.kind = SIM_DATAGRAM, .attackers = true};
	struct mip_reader reader;
	uint8_t octets[PACKET_MAX];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct sim_packet *packet;

	if (!heard || heard->packet->kind != SIM_DATAGRAM)
		return;
	reader = mip_reader_of(heard->packet->octets, heard->packet->length);
	if (mip_request_read(&reader, &request) < 0)
		return;
	reply = (struct mip_registration_reply){.lifetime = request.lifetime,
		.home_address = request.home_address,
		.home_agent = request.home_agent,
		.identification = request.identification};
	mip_reply_write(&writer, &reply);
	if (mip_authenticator_append(
		    &writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, key_of(world, victim)) < 0)
		return;
	like.source = heard->packet->destination;
	like.source_port = MIP_REGISTRATION_PORT;
	like.destination = heard->packet->source;
	like.destination_port = heard->packet->source_port;
	like.ttl = 64;
	packet = sim_packet_new(&like, octets, writer.length);
	sim_put(world, SIM_UPLINK, packet);
	sim_own_free(packet);
}

/* The payload of a message that was heard: of a datagram whole, of a frame behind its headers. */
static uint8_t *payload_of(struct sim_packet *packet, size_t *ret_length)
{
	size_t headers = packet->kind == SIM_FRAME ? HEADERS : 0;

	*ret_length = packet->length > headers ? packet->length - headers : 0;
	return packet->octets + headers;
}

/* A reply with another code, a request with another care-of address: in datagrams nothing but authenticators tells. */
static void forge_heard(struct sim_world *world)
{
	const struct sim_heard *heard = any_heard(world);
	struct sim_packet *packet;
	uint8_t *octets;
	size_t length;

	if (!heard || heard->packet->kind != SIM_DATAGRAM)
		return;
	packet = sim_packet_new(heard->packet, heard->packet->octets, heard->packet->length);
	packet->attackers = true;
	octets = payload_of(packet, &length);
	if (length >= MIP_REQUEST_LENGTH)
		octets[between(world, 0, MIP_REQUEST_LENGTH - 1)] = (uint8_t)between(world, 0, UINT8_MAX);
	sim_put(world, SIM_UPLINK, packet);
	sim_own_free(packet);
}

/* --- a liar who calls himself a foreign agent ------------------------------------------------------------------- */

static void advertise(struct sim_world *world)
{
	struct mip_agent_advertisement *advertisement = sim_own_alloc(sizeof(*advertisement));
	int link = (int)between(world, 0, world->link_count - 1);
	struct mip_ip ip = {.ttl = 1,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = mip_address_of(mip_address_number(world->links[link].prefix.address) + 66),
		.destination = mip_address_of(0xe0000001)};
	struct sim_packet like = {.kind = SIM_FRAME,
		.host = SIM_NONE,
		.card_source = {.length = MIP_ETHERNET_ADDRESS, .octets = {2, 0x66, 0, 0, 0, 0x66}},
		.ethertype = MIP_ETHERTYPE_IPV4};
	uint8_t message[PACKET_MAX], octets[PACKET_MAX];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct sim_packet *packet;
	size_t length;

	advertisement->lifetime = LIARS_LIFETIME;
	advertisement->router_count = 1;
	advertisement->routers[0].address = ip.source;
	advertisement->is_agent = true;
	advertisement->sequence = world->attacker.sequence++;
	advertisement->registration_lifetime = (uint16_t)between(world, 1, UINT16_MAX);
	advertisement->flags =
		MIP_AGENT_F | (chance(world, 500) ? MIP_AGENT_T : 0) | (chance(world, 300) ? MIP_AGENT_R : 0);
	advertisement->care_of_address_count = 1;
	advertisement->care_of_addresses[0] = ip.source;
	mip_advertisement_write(&writer, advertisement);
	length = writer.length;
	sim_own_free(advertisement);
	writer = mip_writer_of(octets, sizeof(octets));
	mip_ip_packet_write(&writer, &ip, message, length);
	packet = sim_packet_new(&like, octets, writer.length);
	sim_put(world, link, packet);
	sim_own_free(packet);
}

/* --- a flood of requests from nobody, to fill the tables of a foreign agent ------------------- */

static void flood_one(struct sim_world *world, const struct sim_host *agent)
{
	struct mip_registration_request request = {
		.lifetime = 60,
		.home_address = mip_address_of(0x0a630000 + (unsigned)between(world, 1, UINT16_MAX)),
		.home_agent = world->hosts[0].home_agent->settings.address,
		.care_of_address = agent->foreign_agent->settings.care_of_address,
		.identification = sim_random_next(&world->random),
	};
	struct mip_ip ip = {.ttl = UINT8_MAX,
		.source = request.home_address,
		.destination = agent->interfaces[0].address};
	struct mip_udp udp = {
		.source_port = MIP_REGISTRATION_PORT, .destination_port = MIP_REGISTRATION_PORT};
	struct sim_packet like = {.kind = SIM_FRAME,
		.attackers = true,
		.host = SIM_NONE,
		.card_source = {.length = MIP_ETHERNET_ADDRESS, .octets = {2, 0x66, 1}},
		.card_destination = agent->interfaces[0].card,
		.ethertype = MIP_ETHERTYPE_IPV4};
	uint8_t message[PACKET_MAX], octets[PACKET_MAX];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	struct sim_packet *packet;
	size_t length;

	sim_random_fill(&world->random, &like.card_source.octets[3], 3);
	mip_request_write(&writer, &request);
	if (mip_authenticator_append(
		    &writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, key_of(world, any_node(world))) < 0)
		return;
	length = writer.length;
	writer = mip_writer_of(octets, sizeof(octets));
	mip_udp_packet_write(&writer, &ip, &udp, message, length);
	packet = sim_packet_new(&like, octets, writer.length);
	sim_put(world, agent->interfaces[0].link, packet);
	sim_own_free(packet);
}

static void flood(struct sim_world *world)
{
	const struct sim_host *agent = &world->hosts[between(world, 0, world->host_count - 1)];

	if (agent->role != SIM_FOREIGN_AGENT)
		return;
	for (int64_t times = between(world, 1, 80); times > 0; times--)
		flood_one(world, agent);
}

void sim_attack(struct sim_world *world)
{
	if (world->options.broken == SIM_BREAK_IMPOSTOR)
		forge_reply(world);
	switch (between(world, 0, 10)) {
	case 0:
		advertise(world);
		break;
	case 1:
		forge_reply(world);
		break;
	case 2:
		if (world->options.broken != SIM_BREAK_IMPOSTOR)
			forge_request(world);
		break;
	case 3:
	case 4:
		forge_heard(world);
		break;
	case 5:
		if (chance(world, 200))
			flood(world);
		break;
	default:
		replay(world);
		break;
	}
}

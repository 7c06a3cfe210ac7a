/*
 * Links, NATs and the internet. A frame goes to every station of its link that its card is for; a UDP datagram goes
 * over the sender's link, through the NAT there if there is one, over the internet, and by the receiver's link.
 */
#include "sim.h"

#include "sim_memory.h"

#include <string.h>

enum {
	FIRST_NAT_PORT = 20000,
	PACKET_MAX = 2048,
};

struct sim_packet *sim_packet_new(const struct sim_packet *like, const void *octets, size_t length)
{
	struct sim_packet *packet = sim_own_alloc(sizeof(*packet) + length);

	*packet = *like;
	packet->length = length;
	if (length > 0)
		memcpy(packet->octets, octets, length);
	return packet;
}

void sim_packet_free(struct sim_packet *packet)
{
	sim_own_free(packet);
}

/* --- fates of messages ------------------------------------------------------------------------------------------ */

static void corrupt(struct sim_world *world, struct sim_packet *packet)
{
	if (packet->length > 0)
		packet->octets[sim_between(&world->random, 0, (int64_t)packet->length - 1)] ^=
			(uint8_t)(1U << sim_between(&world->random, 0, 7));
}

static void deliver_later(struct sim_world *world, const struct sim_way *way, const struct sim_packet *packet)
{
	struct sim_packet *copy = sim_packet_new(packet, packet->octets, packet->length);

	if (sim_chance(&world->random, way->corrupt))
		corrupt(world, copy);
	sim_at(world,
		(struct sim_event){
			.at = world->now + sim_between(&world->random, way->delay_least, way->delay_most),
			.kind = SIM_EVENT_ARRIVES,
			.packet = copy,
		});
}

static void travel(struct sim_world *world, const struct sim_way *way, const struct sim_packet *packet)
{
	world->messages++;
	if (sim_chance(&world->random, way->loss))
		return;
	deliver_later(world, way, packet);
	if (sim_chance(&world->random, way->repeat))
		deliver_later(world, way, packet);
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

static bool is_for(const struct sim_interface *interface, struct mip_link_address destination)
{
	return destination.length == 0 || (destination.octets[0] & 1) ||
	       mip_link_address_equal(interface->card, destination);
}

static void put_on_link(struct sim_world *world, int link, const struct sim_packet *packet)
{
	if (world->links[link].down)
		return;
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		for (size_t k = 0; k < host->interface_count; k++) {
			struct sim_packet copy = *packet;
			struct sim_packet *one;

			if (host->interfaces[k].link != link || !host->interfaces[k].up ||
				(i == packet->host && (int)k == packet->interface) ||
				!is_for(&host->interfaces[k], packet->card_destination))
				continue;
			copy.host = i;
			copy.interface = (int)k;
			copy.link = link;
			one = sim_packet_new(&copy, packet->octets, packet->length);
			travel(world, &world->links[link].way, one);
			sim_own_free(one);
		}
	}
}

void sim_put(struct sim_world *world, int link, const struct sim_packet *packet)
{
	if (link >= 0)
		put_on_link(world, link, packet);
	else if (link == SIM_UPLINK && !world->internet_down)
		travel(world, &world->scenario.internet, packet);
}

void sim_send_frame(struct sim_world *world, struct sim_host *host, const struct mip_output_frame *frame,
	const uint8_t *octets, size_t length)
{
	struct sim_interface *interface = sim_interface_at(host, frame->link);
	struct sim_packet like = {.kind = SIM_FRAME, .host = host->number};
	struct sim_packet *packet;

	if (!interface || interface->link < 0 || !interface->up)
		return;
	like.interface = (int)(interface - host->interfaces);
	like.card_source = interface->card;
	like.card_destination = frame->destination;
	like.ethertype = frame->ethertype;
	packet = sim_packet_new(&like, octets, length);
	sim_overhear(world, packet, interface->link);
	sim_put(world, interface->link, packet);
	sim_own_free(packet);
}

/* --- NATs ------------------------------------------------------------------------------------------------------- */

static bool is_alive(
	const struct sim_world *world, const struct sim_nat *nat, const struct sim_mapping *mapping)
{
	return mapping->used + nat->timeout > world->now;
}

static struct sim_mapping *mapping_new(struct sim_nat *nat)
{
	struct sim_mapping *oldest = &nat->mappings[0];

	if (nat->count < SIM_MAPPINGS)
		return &nat->mappings[nat->count++];
	for (size_t i = 1; i < nat->count; i++) {
		if (nat->mappings[i].used < oldest->used)
			oldest = &nat->mappings[i];
	}
	return oldest;
}

static uint16_t map(
	struct sim_world *world, struct sim_nat *nat, int host, struct mip_address address, uint16_t port)
{
	struct sim_mapping *mapping;

	for (size_t i = 0; i < nat->count; i++) {
		mapping = &nat->mappings[i];
		if (mapping->host == host && mip_address_equal(mapping->address, address) &&
			mapping->port == port && is_alive(world, nat, mapping)) {
			mapping->used = world->now;
			return mapping->outer_port;
		}
	}
	mapping = mapping_new(nat);
	*mapping = (struct sim_mapping){
		.host = host,
		.address = address,
		.port = port,
		.outer_port = (uint16_t)(FIRST_NAT_PORT + nat->next_port++ % FIRST_NAT_PORT),
		.used = world->now,
	};
	return mapping->outer_port;
}

static struct sim_host *behind(struct sim_world *world, const struct sim_nat *nat, uint16_t port,
	struct mip_address *ret_inside, uint16_t *ret_port)
{
	for (size_t i = 0; i < nat->count; i++) {
		const struct sim_mapping *mapping = &nat->mappings[i];

		if (mapping->outer_port == port && is_alive(world, nat, mapping)) {
			*ret_inside = mapping->address;
			*ret_port = mapping->port;
			return &world->hosts[mapping->host];
		}
	}
	return NULL;
}

/* The NAT that hides what is at this interface; NULL: none. */
static struct sim_nat *nat_of(
	struct sim_world *world, struct sim_host *host, const struct sim_interface *interface)
{
	struct sim_nat *nat = NULL;

	if (interface->link >= 0)
		nat = &world->links[interface->link].nat;
	else if (host->role == SIM_FOREIGN_AGENT)
		nat = &host->foreign_agent->nat;
	return nat && !mip_address_is_none(nat->outer) ? nat : NULL;
}

/* --- whose an address is ---------------------------------------------------------------------------------------- */

static bool has_address(
	struct sim_host *host, const struct sim_interface *interface, struct mip_address address)
{
	if (host->role == SIM_HOME_AGENT && host->home_agent->network.prefix.length > 0 &&
		mip_address_equal(address, mip_prefix_broadcast(host->home_agent->network.prefix)))
		return true;
	return interface->up && interface->link != SIM_NONE && mip_address_equal(interface->address, address);
}

static struct sim_host *owner_with_port(struct sim_world *world, struct mip_address address, uint16_t port,
	struct mip_address *ret_inside, uint16_t *ret_port)
{
	*ret_inside = address;
	*ret_port = port;
	for (int i = 0; i < world->link_count; i++) {
		struct sim_host *host =
			mip_address_equal(world->links[i].nat.outer, address)
				? behind(world, &world->links[i].nat, port, ret_inside, ret_port)
				: NULL;

		if (host)
			return host;
	}
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		if (host->role == SIM_FOREIGN_AGENT &&
			mip_address_equal(host->foreign_agent->nat.outer, address))
			return behind(world, &host->foreign_agent->nat, port, ret_inside, ret_port);
		for (size_t k = 0; k < host->interface_count; k++) {
			if (has_address(host, &host->interfaces[k], address) &&
				!nat_of(world, host, &host->interfaces[k]))
				return host;
		}
	}
	return NULL;
}

struct sim_host *sim_owner_of(
	struct sim_world *world, struct mip_address address, uint16_t port, struct mip_address *ret_inside)
{
	uint16_t inside_port;

	return mip_address_is_none(address) ? NULL
					    : owner_with_port(world, address, port, ret_inside, &inside_port);
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

static struct sim_interface *with_address(struct sim_host *host, struct mip_address address)
{
	for (size_t i = 0; i < host->interface_count; i++) {
		if (mip_address_equal(host->interfaces[i].address, address))
			return &host->interfaces[i];
	}
	return NULL;
}

static bool leads_to(
	const struct sim_world *world, const struct sim_interface *interface, struct mip_address address)
{
	return interface->link >= 0 && mip_prefix_contains(world->links[interface->link].prefix, address);
}

/* By the link that is asked for; a node's by its source; else as the destination says. */
static struct sim_interface *way_out(
	struct sim_world *world, struct sim_host *host, const struct mip_output_datagram *datagram)
{
	if (datagram->link > 0)
		return sim_interface_at(host, datagram->link);
	for (size_t i = 0; i < host->interface_count; i++) {
		if (leads_to(world, &host->interfaces[i], datagram->destination))
			return &host->interfaces[i];
	}
	if (host->role == SIM_NODE)
		return with_address(host, datagram->source);
	return &host->interfaces[host->interface_count - 1];
}

static uint16_t port_of(const struct sim_host *host)
{
	return host->role == SIM_NODE ? host->node->port : MIP_REGISTRATION_PORT;
}

/* As a frame, for a station that has the destination's address. */
static void put_as_frame(struct sim_world *world, int link, struct sim_host *to, int interface,
	const struct sim_packet *datagram, struct mip_link_address card)
{
	struct sim_packet like = {
		.kind = SIM_FRAME,
		.host = to->number,
		.interface = interface,
		.link = link,
		.card_source = card,
		.card_destination = to->interfaces[interface].card,
		.ethertype = MIP_ETHERTYPE_IPV4,
	};
	struct mip_ip ip = {
		.ttl = datagram->ttl, .source = datagram->source, .destination = datagram->destination};
	struct mip_udp udp = {
		.source_port = datagram->source_port, .destination_port = datagram->destination_port};
	uint8_t octets[PACKET_MAX];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct sim_packet *frame;

	mip_udp_packet_write(&writer, &ip, &udp, datagram->octets, datagram->length);
	if (mip_writer_failed(&writer) || world->links[link].down)
		return;
	frame = sim_packet_new(&like, octets, writer.length);
	travel(world, &world->links[link].way, frame);
	sim_own_free(frame);
}

static void put_on_own_link(
	struct sim_world *world, const struct sim_interface *from, const struct sim_packet *datagram)
{
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		for (size_t k = 0; k < host->interface_count; k++) {
			if (host->interfaces[k].link == from->link && &host->interfaces[k] != from &&
				has_address(host, &host->interfaces[k], datagram->destination))
				put_as_frame(world, from->link, host, (int)k, datagram, from->card);
		}
	}
}

/* A router on the way may say so. */
static void tell_unreachable(
	struct sim_world *world, const struct sim_host *host, const struct sim_packet *datagram)
{
	if (sim_chance(&world->random, 300))
		sim_at(world, (struct sim_event){
				      .at = world->now + 10 * MIP_MILLISECOND,
				      .kind = SIM_EVENT_UNREACHABLE,
				      .host = host->number,
				      .packet = sim_packet_new(datagram, datagram->octets, datagram->length),
			      });
}

/* The sender's own link may lose it before the internet does. */
static void put_on_internet(struct sim_world *world, struct sim_host *host, struct sim_interface *from,
	struct sim_packet *datagram)
{
	struct sim_nat *nat = nat_of(world, host, from);

	if (from->link >= 0 &&
		(world->links[from->link].down ||
			(world->links[from->link].kind != SIM_LINK_HOME && host->role == SIM_NODE &&
				sim_chance(&world->random, world->links[from->link].way.loss))))
		return;
	if (nat) {
		datagram->source_port =
			map(world, nat, host->number, datagram->source, datagram->source_port);
		datagram->source = nat->outer;
	}
	sim_overhear(world, datagram, SIM_UPLINK);
	sim_put(world, SIM_UPLINK, datagram);
	if (world->internet_down)
		tell_unreachable(world, host, datagram);
}

void sim_send_datagram(struct sim_world *world, struct sim_host *host,
	const struct mip_output_datagram *datagram, const uint8_t *octets, size_t length)
{
	struct sim_interface *from = way_out(world, host, datagram);
	struct sim_packet like = {
		.kind = SIM_DATAGRAM,
		.source = datagram->source,
		.source_port = datagram->source_port > 0 ? datagram->source_port : port_of(host),
		.destination = datagram->destination,
		.destination_port = datagram->destination_port,
		.ttl = datagram->ttl > 0 ? datagram->ttl : 64,
	};
	struct sim_packet *packet;

	if (!from || !from->up || from->link == SIM_NONE)
		return;
	if (mip_address_is_none(like.source))
		like.source = from->address;
	packet = sim_packet_new(&like, octets, length);
	if (leads_to(world, from, like.destination))
		put_on_own_link(world, from, packet);
	else
		put_on_internet(world, host, from, packet);
	sim_own_free(packet);
}

/* --- arrivals --------------------------------------------------------------------------------------------------- */

static struct mip_link_address gateway_card(int link)
{
	return (struct mip_link_address){
		.length = MIP_ETHERNET_ADDRESS, .octets = {2, 0xfe, 0, 0, 0, (uint8_t)link}};
}

static void arrive_from_internet(struct sim_world *world, struct sim_packet *packet)
{
	struct mip_address inside;
	uint16_t port;
	struct sim_host *host =
		owner_with_port(world, packet->destination, packet->destination_port, &inside, &port);
	struct sim_interface *interface;

	if (!host)
		return;
	packet->destination = inside;
	packet->destination_port = port;
	if (host->role != SIM_NODE) {
		sim_host_hears_datagram(world, host, packet);
		return;
	}
	interface = with_address(host, inside);
	if (interface && interface->up && interface->link >= 0)
		put_as_frame(world, interface->link, host, (int)(interface - host->interfaces), packet,
			gateway_card(interface->link));
}

void sim_arrive(struct sim_world *world, struct sim_packet *packet)
{
	struct sim_host *host = &world->hosts[packet->host];

	if (packet->attackers && world->calm)
		return;
	if (packet->kind == SIM_DATAGRAM)
		arrive_from_internet(world, packet);
	else if (host->interfaces[packet->interface].link == packet->link &&
		 host->interfaces[packet->interface].up)
		sim_host_hears_frame(world, host, packet); /* it has not gone elsewhere meanwhile */
}

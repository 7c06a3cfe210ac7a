/*
 * A kernel and a data plane that do what the wants say, and nothing else: a table, the keep-alives of UDP tunnels, and
 * where a packet would go.
 */
#include "sim.h"

#include "tunnel.h"

#include <string.h>

static struct mip_want *find(struct sim_kernel *kernel, const struct mip_want *like)
{
	for (size_t i = 0; i < kernel->count; i++) {
		if (mip_want_same_key(&kernel->wants[i], like))
			return &kernel->wants[i];
	}
	return NULL;
}

const struct mip_want *sim_kernel_find(const struct sim_kernel *kernel, const struct mip_want *like)
{
	for (size_t i = 0; i < kernel->count; i++) {
		if (mip_want_same_key(&kernel->wants[i], like))
			return &kernel->wants[i];
	}
	return NULL;
}

void sim_kernel_want(struct sim_kernel *kernel, const struct mip_want *want, bool wanted)
{
	struct mip_want *place = find(kernel, want);

	if (wanted && place)
		*place = *want;
	else if (wanted && kernel->count < SIM_WANTS)
		kernel->wants[kernel->count++] = *want;
	else if (wanted)
		kernel->overflowed = true;
	else if (place)
		*place = kernel->wants[--kernel->count];
}

/* --- keep-alives (RFC 3519 4.9) --------------------------------------------------------------------------------- */

static bool is_from_peer(const struct sim_host *host, enum mip_tunnel_end end,
	struct mip_address home_address, const struct sim_packet *packet)
{
	struct mip_want like = {
		.kind = MIP_WANT_PEER,
		.peer = {.home_address = home_address,
			.end = end,
			.remote = packet->source,
			.remote_port = packet->source_port},
	};
	const struct mip_want *peer = sim_kernel_find(&host->kernel, &like);

	return peer && (mip_address_is_none(peer->peer.local) ||
			       mip_address_equal(peer->peer.local, packet->destination));
}

/* The home agent's host answers an echo request by the tunnel of the home address that it came from. */
static void answer(struct sim_world *world, struct sim_host *host, const struct mip_ip *ip,
	const struct mip_icmp_echo *echo)
{
	struct mip_want like = {
		.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = ip->source, .end = MIP_TUNNEL_HOME},
	};
	const struct mip_want *tunnel = sim_kernel_find(&host->kernel, &like);
	struct mip_icmp_echo reply = {
		.type = MIP_ICMP_ECHO_REPLY, .identifier = echo->identifier, .sequence = echo->sequence};
	struct mip_ip inner = {.ttl = 64,
		.protocol = MIP_PROTOCOL_ICMP,
		.source = ip->destination,
		.destination = ip->source};
	struct mip_output_datagram datagram;
	uint8_t message[16], octets[64];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	if (!tunnel || tunnel->tunnel.encapsulation != MIP_ENCAPSULATION_UDP)
		return;
	mip_icmp_echo_write(&writer, &reply, NULL, 0);
	size_t length = writer.length;
	writer = mip_writer_of(octets, sizeof(octets));
	mip_tunnel_data_write(&writer, MIP_PROTOCOL_IPIP);
	mip_ip_packet_write(&writer, &inner, message, length);
	datagram = (struct mip_output_datagram){
		.source = tunnel->tunnel.local,
		.source_port = tunnel->tunnel.local_port,
		.destination = tunnel->tunnel.remote,
		.destination_port = tunnel->tunnel.remote_port,
	};
	sim_send_datagram(world, host, &datagram, octets, writer.length);
}

static bool is_own(const struct sim_host *host, struct mip_address address)
{
	for (size_t i = 0; i < host->interface_count; i++) {
		if (mip_address_equal(host->interfaces[i].address, address))
			return true;
	}
	return false;
}

void sim_kernel_tunnel_data(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet)
{
	struct mip_reader reader = mip_reader_of(packet->octets, packet->length), payload, whole;
	struct mip_icmp_echo echo;
	uint8_t next_header;
	struct mip_ip ip;

	if (mip_tunnel_data_read(&reader, &next_header) < 0 || next_header != MIP_PROTOCOL_IPIP)
		return;
	whole = reader;
	if (mip_ip_read(&reader, &ip, &payload) < 0)
		return;
	if (host->role == SIM_HOME_AGENT) {
		if (is_from_peer(host, MIP_TUNNEL_HOME, ip.source, packet) && is_own(host, ip.destination) &&
			mip_icmp_echo_read(&payload, &echo) == 0 && echo.type == MIP_ICMP_ECHO_REQUEST)
			answer(world, host, &ip, &echo);
		return;
	}
	if (!is_from_peer(host, MIP_TUNNEL_VISITED, ip.destination, packet))
		return;
	if (host->role == SIM_NODE)
		mn_core_tunnelled(host->node->core, whole.octets + whole.position, mip_reader_left(&whole),
			sim_now(world, host));
	else
		fa_core_tunnelled(host->foreign_agent->core, whole.octets + whole.position,
			mip_reader_left(&whole), sim_now(world, host));
}

/* --- where a packet would go ------------------------------------------------------------------------------------ */

static bool takes_out(
	const struct sim_host *host, const struct mip_want_tunnel *tunnel, struct mip_address inside)
{
	struct sim_packet outer = {
		.source = tunnel->local, .source_port = tunnel->local_port, .destination = inside};

	return is_from_peer(host, MIP_TUNNEL_VISITED, tunnel->home_address, &outer);
}

static struct sim_host *station_with(struct sim_world *world, int link, struct mip_link_address card)
{
	for (int i = 0; i < world->host_count; i++) {
		for (size_t k = 0; k < world->hosts[i].interface_count; k++) {
			const struct sim_interface *interface = &world->hosts[i].interfaces[k];

			if (interface->link == link && interface->up &&
				mip_link_address_equal(interface->card, card))
				return &world->hosts[i];
		}
	}
	return NULL;
}

const struct mip_want *sim_kernel_visitor(
	const struct sim_host *host, struct mip_address home_address, struct mip_address home_agent)
{
	for (size_t i = 0; i < host->kernel.count; i++) {
		const struct mip_want *item = &host->kernel.wants[i];

		if (item->kind == MIP_WANT_VISITOR &&
			mip_address_equal(item->visitor.tunnel.home_address, home_address) &&
			mip_address_equal(item->visitor.tunnel.remote, home_agent))
			return item;
	}
	return NULL;
}

/* To its card, without a look at routes or neighbours. */
static struct sim_host *deliver_to_card(
	struct sim_world *world, struct sim_host *agent, const struct mip_want_visitor *visitor)
{
	const struct sim_interface *interface = sim_interface_at(agent, visitor->link);

	return interface ? station_with(world, interface->link, visitor->link_address) : NULL;
}

/* What has come out at a foreign agent: by its table of deliveries to a link, and there to a card. */
static struct sim_host *deliver(
	struct sim_world *world, struct sim_host *agent, struct mip_address home_address)
{
	struct mip_want route = {
		.kind = MIP_WANT_ROUTE,
		.route = {.table = agent->foreign_agent->settings.table + 1,
			.destination = {home_address, 32}},
	};
	const struct mip_want *way = sim_kernel_find(&agent->kernel, &route), *neighbour;
	struct mip_want like = {.kind = MIP_WANT_NEIGHBOUR};
	const struct sim_interface *interface;

	if (!way)
		return NULL;
	like.neighbour.link = way->route.link;
	like.neighbour.address = home_address;
	neighbour = sim_kernel_find(&agent->kernel, &like);
	interface = sim_interface_at(agent, way->route.link);
	if (!neighbour || !interface)
		return NULL;
	return station_with(world, interface->link, neighbour->neighbour.link_address);
}

/* UDP goes through a NAT that knows the port; other tunnels do not. */
static struct sim_host *far_end(
	struct sim_world *world, const struct mip_want_tunnel *tunnel, struct mip_address *ret_inside)
{
	struct sim_host *host = sim_owner_of(world, tunnel->remote, tunnel->remote_port, ret_inside);

	if (host && tunnel->encapsulation != MIP_ENCAPSULATION_UDP &&
		!mip_address_equal(*ret_inside, tunnel->remote))
		return NULL;
	return host;
}

static struct sim_host *walk_tunnel(struct sim_world *world, const struct mip_want_tunnel *tunnel)
{
	struct mip_address inside;
	struct sim_host *end = far_end(world, tunnel, &inside);
	const struct mip_want *visitor;

	if (!end || !end->running)
		return NULL;
	visitor = sim_kernel_visitor(end, tunnel->home_address, tunnel->local);
	if (visitor)
		return deliver_to_card(world, end, &visitor->visitor);
	if (!takes_out(end, tunnel, inside))
		return NULL;
	return end->role == SIM_FOREIGN_AGENT ? deliver(world, end, tunnel->home_address) : end;
}

/* By several bindings it may come to several: one that is not whom it is for is the more telling answer. */
struct sim_host *sim_walk(struct sim_world *world, struct sim_host *agent, struct mip_address home_address,
	const struct sim_host *whom, bool *ret_tunnelled)
{
	struct mip_want route = {.kind = MIP_WANT_ROUTE, .route = {.destination = {home_address, 32}}};
	struct sim_host *found = NULL;

	*ret_tunnelled = sim_kernel_find(&agent->kernel, &route) != NULL;
	for (size_t i = 0; *ret_tunnelled && i < agent->kernel.count; i++) {
		const struct mip_want *want = &agent->kernel.wants[i];
		struct sim_host *end;

		if ((want->kind != MIP_WANT_TUNNEL && want->kind != MIP_WANT_COPY) ||
			want->tunnel.end != MIP_TUNNEL_HOME ||
			!mip_address_equal(want->tunnel.home_address, home_address))
			continue;
		end = walk_tunnel(world, &want->tunnel);
		if (end && (!found || end != whom))
			found = end;
	}
	return found;
}

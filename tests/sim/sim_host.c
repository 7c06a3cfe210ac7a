/*
 * A machine with a core on it: its clocks, its daemon's life, what it hears, and what its core says, carried out as
 * libmip/host does it.
 */
#include "sim.h"

#include <string.h>

enum {
	FRAMES_HEADER = MIP_IP_HEADER + MIP_UDP_HEADER,
};

struct mip_now sim_now(const struct sim_world *world, const struct sim_host *host)
{
	return (struct mip_now){
		.boot = world->now - host->boot_base,
		.wall = world->wall_base + world->now + host->wall_ahead,
	};
}

struct sim_interface *sim_interface_at(struct sim_host *host, mip_link index)
{
	for (size_t i = 0; i < host->interface_count; i++) {
		if (host->interfaces[i].index == index)
			return &host->interfaces[i];
	}
	return NULL;
}

/* --- what it is told of itself ---------------------------------------------------------------------------------- */

void sim_host_tell_link(struct sim_world *world, struct sim_host *host, int interface)
{
	const struct sim_interface *at = &host->interfaces[interface];
	struct mip_now now = sim_now(world, host);
	struct mip_input_link link = {
		.link = at->index,
		.present = true,
		.up = at->up && at->link != SIM_NONE,
		.link_address = at->card,
		.mtu = 1500,
	};

	memcpy(link.name, at->name, sizeof(link.name));
	if (host->role == SIM_NODE)
		mn_core_link(host->node->core, &link, now);
	else if (host->role == SIM_HOME_AGENT)
		ha_core_link(host->home_agent->core, &link, now);
	else
		fa_core_link(host->foreign_agent->core, &link, now);
}

static void tell_route(
	struct sim_world *world, struct sim_host *host, const struct sim_interface *at, bool present)
{
	struct mip_input_default_route route = {
		.link = at->index,
		/* The last host address of the network is the router's. */
		.gateway = mip_address_of(
			mip_address_number(mip_prefix_broadcast(mip_prefix_of(at->address, at->length))) - 1),
		.metric = 100,
		.present = present,
	};

	if (host->role == SIM_NODE)
		mn_core_default_route(host->node->core, &route, sim_now(world, host));
	else if (host->role == SIM_FOREIGN_AGENT)
		fa_core_default_route(host->foreign_agent->core, &route, sim_now(world, host));
}

static void tell_address(
	struct sim_world *world, struct sim_host *host, const struct mip_input_address *address)
{
	struct mip_now now = sim_now(world, host);

	if (host->role == SIM_NODE)
		mn_core_address(host->node->core, address, now);
	else if (host->role == SIM_HOME_AGENT)
		ha_core_address(host->home_agent->core, address, now);
	else
		fa_core_address(host->foreign_agent->core, address, now);
}

void sim_host_tell_address(struct sim_world *world, struct sim_host *host, int interface, bool present)
{
	const struct sim_interface *at = &host->interfaces[interface];
	struct mip_input_address address = {
		.link = at->index, .address = at->address, .prefix_length = at->length, .present = present};

	if (mip_address_is_none(at->address))
		return;
	tell_address(world, host, &address);
	if (host->role == SIM_NODE || at->link == SIM_UPLINK)
		tell_route(world, host, at, present);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static int core_new(struct sim_world *world, struct sim_host *host)
{
	struct sim_foreign_agent *agent = host->foreign_agent;
	struct fa_core_environment environment;

	if (host->role == SIM_NODE)
		return mn_core_new(&host->node->settings, &host->random, &world->log, &host->node->core);
	if (host->role == SIM_HOME_AGENT)
		return ha_core_new(
			&host->home_agent->settings, &host->random, &world->log, &host->home_agent->core);
	environment = (struct fa_core_environment){
		.outbox = &agent->outbox, .random = &host->random, .log = &world->log};
	return fa_core_new(&environment, &agent->settings, &agent->core);
}

static void begin(struct sim_world *world, struct sim_host *host)
{
	struct mip_now now = sim_now(world, host);

	if (host->role == SIM_NODE)
		mn_core_begin(host->node->core, now);
	else if (host->role == SIM_HOME_AGENT)
		ha_core_begin(host->home_agent->core, now);
	else
		fa_core_begin(host->foreign_agent->core, now);
}

void sim_host_start(struct sim_world *world, struct sim_host *host)
{
	int error = core_new(world, host);

	if (error < 0) {
		sim_fail(world, "the scenario can be", "%s does not begin: %d", host->name, error);
		return;
	}
	host->running = true;
	host->kernel.count = 0;
	host->dies_after = SIM_NONE;
	if (host->role == SIM_NODE) {
		host->node->had_home = false;
		mn_core_udp_port(host->node->core, host->node->port);
	}
	if (host->role == SIM_HOME_AGENT)
		sim_store_read(world, host);
	for (size_t i = 0; i < host->interface_count; i++) {
		sim_host_tell_link(world, host, (int)i);
		sim_host_tell_address(world, host, (int)i, true);
	}
	begin(world, host);
	sim_note(world, host, "begins");
	if (host->role == SIM_HOME_AGENT)
		sim_home_agent_restarted(world, host, world->now - host->boot_base_before);
	host->power_lost = false;
	host->boot_base_before = host->boot_base;
	sim_host_settle(world, host);
}

void sim_host_kill(struct sim_world *world, struct sim_host *host)
{
	if (!host->running)
		return;
	host->running = false;
	if (host->role == SIM_NODE) {
		mn_core_free(host->node->core);
		host->node->core = NULL;
	} else if (host->role == SIM_HOME_AGENT) {
		ha_core_free(host->home_agent->core);
		host->home_agent->core = NULL;
	} else {
		fa_core_free(host->foreign_agent->core);
		mip_outbox_clear(&host->foreign_agent->outbox);
		host->foreign_agent->core = NULL;
	}
	sim_note(world, host, "is killed");
}

void sim_host_stop(struct sim_world *world, struct sim_host *host)
{
	struct mip_now now = sim_now(world, host);

	sim_note(world, host, "is told to end");
	if (host->role == SIM_NODE)
		mn_core_farewell(host->node->core, now);
	else if (host->role == SIM_FOREIGN_AGENT)
		fa_core_farewell(host->foreign_agent->core, now);
	sim_host_settle(world, host);
	sim_host_kill(world, host);
}

/* As the shells do it: the settings, then everything that there is, once more. */
void sim_host_reload(struct sim_world *world, struct sim_host *host)
{
	struct mip_now now = sim_now(world, host);
	const char *reason = "";
	int error;

	if (host->role == SIM_NODE)
		error = mn_core_reconfigure(host->node->core, &host->node->settings, now, &reason);
	else if (host->role == SIM_HOME_AGENT)
		error = ha_core_configure(host->home_agent->core, &host->home_agent->settings, now);
	else
		error = fa_core_configure(host->foreign_agent->core, &host->foreign_agent->settings, now);
	if (error < 0)
		sim_fail(world, "a reload changes nothing", "%s refuses its own settings: %d %s", host->name,
			error, reason);
	sim_note(world, host, "reloads");
	for (size_t i = 0; i < host->interface_count; i++) {
		sim_host_tell_link(world, host, (int)i);
		sim_host_tell_address(world, host, (int)i, true);
	}
	sim_host_settle(world, host);
}

/* --- what it hears ---------------------------------------------------------------------------------------------- */

static bool is_listening(const struct sim_host *host)
{
	return host->running && !host->asleep;
}

/* The UDP payload of a frame, for those that must know what it is before the core does. */
static bool payload_of(const struct sim_packet *packet, struct mip_ip *ret_ip, struct mip_udp *ret_udp,
	const uint8_t **ret_octets, size_t *ret_length)
{
	struct mip_reader payload;

	if (packet->ethertype != MIP_ETHERTYPE_IPV4 ||
		mip_udp_packet_read(packet->octets, packet->length, false, ret_ip, ret_udp, &payload) < 0)
		return false;
	*ret_length = mip_reader_left(&payload);
	*ret_octets = payload.octets + payload.position;
	return true;
}

/* Tunnel data in a frame: the socket of the daemon, not that of the link, takes it. */
static bool take_tunnel_data(struct sim_world *world, struct sim_host *host, const struct mip_ip *ip,
	const struct mip_udp *udp, const uint8_t *octets, size_t length)
{
	struct sim_packet like = {
		.kind = SIM_DATAGRAM,
		.source = ip->source,
		.source_port = udp->source_port,
		.destination = ip->destination,
		.destination_port = udp->destination_port,
	};
	struct sim_packet *packet;

	if (mip_message_type(octets, length) != MIP_MESSAGE_TUNNEL_DATA)
		return false;
	packet = sim_packet_new(&like, octets, length);
	sim_host_hears_datagram(world, host, packet);
	sim_packet_free(packet);
	return true;
}

/* The card of another node on the link, if there is one. */
static struct mip_link_address mistaken(const struct sim_world *world, int link, struct mip_link_address card)
{
	for (int i = 0; i < world->host_count; i++) {
		const struct sim_interface *interface = &world->hosts[i].interfaces[0];

		if (world->hosts[i].role == SIM_NODE && interface->link == link && interface->up &&
			!mip_link_address_equal(interface->card, card))
			return interface->card;
	}
	return card;
}

void sim_host_hears_frame(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet)
{
	struct sim_interface *interface = &host->interfaces[packet->interface];
	struct mip_now now = sim_now(world, host);
	struct mip_input_frame frame = {
		.link = interface->index,
		.source = packet->card_source,
		.unicast = mip_link_address_equal(packet->card_destination, interface->card),
		.ethertype = packet->ethertype,
		.octets = packet->octets,
		.length = packet->length,
	};
	const uint8_t *octets;
	struct mip_udp udp;
	struct mip_ip ip;
	size_t length;

	if (!is_listening(host))
		return;
	if (world->options.broken == SIM_BREAK_WRONG_CARD && host->role == SIM_FOREIGN_AGENT)
		frame.source = mistaken(world, packet->link, frame.source);
	if (payload_of(packet, &ip, &udp, &octets, &length)) {
		if (take_tunnel_data(world, host, &ip, &udp, octets, length))
			return;
		sim_note_message(world, host, "hears", octets, length);
		if (host->role == SIM_HOME_AGENT)
			sim_home_agent_expects(world, host, octets, length);
		if (host->role == SIM_NODE && sim_is_deaf(world, host))
			return;
	}
	if (host->role == SIM_NODE)
		mn_core_frame(host->node->core, &frame, now);
	else if (host->role == SIM_HOME_AGENT)
		ha_core_frame(host->home_agent->core, &frame, now);
	else
		fa_core_frame(host->foreign_agent->core, &frame, now);
	sim_host_settle(world, host);
}

static struct mip_input_datagram datagram_of(struct sim_host *host, const struct sim_packet *packet)
{
	return (struct mip_input_datagram){
		.link = host->interfaces[host->interface_count - 1].index,
		.source = packet->source,
		.source_port = packet->source_port,
		.destination = packet->destination,
		.destination_port = packet->destination_port,
		.ttl = packet->ttl,
		.octets = packet->octets,
		.length = packet->length,
	};
}

void sim_host_hears_datagram(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet)
{
	struct mip_input_datagram datagram = datagram_of(host, packet);
	struct mip_now now = sim_now(world, host);

	if (!is_listening(host))
		return;
	if (mip_message_type(packet->octets, packet->length) == MIP_MESSAGE_TUNNEL_DATA) {
		if (host->role == SIM_HOME_AGENT &&
			ha_core_tunnel_data(host->home_agent->core, &datagram, now))
			sim_host_settle(world, host);
		if (host->running)
			sim_kernel_tunnel_data(world, host, packet);
	} else if (packet->destination_port == MIP_REGISTRATION_PORT) {
		sim_note_message(world, host, "hears", packet->octets, packet->length);
		if (host->role == SIM_HOME_AGENT) {
			sim_home_agent_expects(world, host, packet->octets, packet->length);
			ha_core_datagram(host->home_agent->core, &datagram, now);
		} else if (host->role == SIM_FOREIGN_AGENT) {
			fa_core_datagram(host->foreign_agent->core, &datagram, now);
		}
	}
	sim_host_settle(world, host);
}

void sim_host_hears_error(struct sim_world *world, struct sim_host *host, const struct sim_packet *packet)
{
	static const uint8_t codes[] = {0, 1, 3}; /* network, host, port */
	const struct mip_input_icmp_error error = {
		.destination = packet->destination,
		.destination_port = packet->destination_port,
		.type = MIP_ICMP_UNREACHABLE,
		.code = codes[sim_between(&world->random, 0, MIP_ARRAY_SIZE(codes) - 1)],
		.octets = packet->octets,
		.length = packet->length,
	};

	if (!is_listening(host) || host->role == SIM_HOME_AGENT)
		return;
	if (host->role == SIM_NODE)
		mn_core_icmp_error(host->node->core, &error, sim_now(world, host));
	else
		fa_core_icmp_error(host->foreign_agent->core, &error, sim_now(world, host));
	sim_host_settle(world, host);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

mip_time sim_host_deadline(const struct sim_world *world, const struct sim_host *host)
{
	mip_time deadline;

	if (!is_listening(host))
		return MIP_NEVER;
	if (host->role == SIM_NODE)
		deadline = mn_core_deadline(host->node->core);
	else if (host->role == SIM_HOME_AGENT)
		deadline = world->options.broken == SIM_BREAK_LATE ? MIP_NEVER
								   : ha_core_deadline(host->home_agent->core);
	else
		deadline = fa_core_deadline(host->foreign_agent->core);
	return deadline == MIP_NEVER ? MIP_NEVER : deadline + host->boot_base;
}

static void advance(struct sim_world *world, struct sim_host *host)
{
	struct mip_now now = sim_now(world, host);

	if (host->role == SIM_NODE)
		mn_core_advance(host->node->core, now);
	else if (host->role == SIM_HOME_AGENT)
		ha_core_advance(host->home_agent->core, now);
	else
		fa_core_advance(host->foreign_agent->core, now);
}

void sim_host_advance(struct sim_world *world, struct sim_host *host)
{
	advance(world, host);
	sim_host_settle(world, host);
}

/* --- what its core says ----------------------------------------------------------------------------------------- */

static struct mip_outbox *outbox_of(struct sim_host *host)
{
	if (host->role == SIM_NODE)
		return mn_core_outbox(host->node->core);
	if (host->role == SIM_HOME_AGENT)
		return ha_core_outbox(host->home_agent->core);
	return &host->foreign_agent->outbox;
}

/* Its kernel has the address now, and its monitor says so. */
static void follow_address(
	struct sim_world *world, struct sim_host *host, const struct mip_want *want, bool wanted)
{
	struct mip_input_address address = {
		.link = want->address.link,
		.address = want->address.address,
		.prefix_length = want->address.prefix_length,
		.present = wanted,
	};

	if (want->address.link > 0)
		tell_address(world, host, &address);
}

static bool is_left_out(
	struct sim_world *world, struct sim_host *host, const struct mip_want *want, bool wanted)
{
	bool matters =
		want->kind == MIP_WANT_TUNNEL || want->kind == MIP_WANT_PEER || want->kind == MIP_WANT_ROUTE;

	return host->role != SIM_NODE && matters &&
	       ((wanted && world->options.broken == SIM_BREAK_LOST_WANT) ||
		       (!wanted && world->options.broken == SIM_BREAK_LOST_UNWANT));
}

static void carry_out_want(struct sim_world *world, struct sim_host *host, struct mip_want *want, bool wanted)
{
	char text[MIP_WANT_TEXT];

	if (world->timeline)
		sim_note(world, host, "%s %s", wanted ? "wants" : "no longer wants",
			mip_want_text(want, text));
	host->kernel_changed = true;
	if (is_left_out(world, host, want, wanted))
		return;
	sim_kernel_want(&host->kernel, want, wanted);
	if (host->role == SIM_NODE && want->kind == MIP_WANT_ADDRESS)
		follow_address(world, host, want, wanted);
}

/* Requests are entered into the ledger as they leave their node. */
static void send_frame(struct sim_world *world, struct sim_host *host, const struct mip_output *output)
{
	if (host->role == SIM_NODE && output->frame.ethertype == MIP_ETHERTYPE_IPV4 &&
		output->length > FRAMES_HEADER)
		sim_ledger_sent(world, host, output->octets + FRAMES_HEADER, output->length - FRAMES_HEADER);
	if (host->role == SIM_HOME_AGENT && output->frame.ethertype == MIP_ETHERTYPE_IPV4 &&
		output->length > FRAMES_HEADER)
		sim_home_agent_replied(
			world, host, output->octets + FRAMES_HEADER, output->length - FRAMES_HEADER);
	if (output->frame.ethertype == MIP_ETHERTYPE_IPV4 && output->length > FRAMES_HEADER)
		sim_note_message(
			world, host, "sends", output->octets + FRAMES_HEADER, output->length - FRAMES_HEADER);
	if (host->running)
		sim_send_frame(world, host, &output->frame, output->octets, output->length);
}

static void send_datagram(struct sim_world *world, struct sim_host *host, const struct mip_output *output)
{
	struct sim_foreign_agent *agent = host->foreign_agent;

	sim_note_message(world, host, "sends", output->octets, output->length);
	if (host->role == SIM_NODE)
		sim_ledger_sent(world, host, output->octets, output->length);
	else if (host->role == SIM_HOME_AGENT)
		sim_home_agent_replied(world, host, output->octets, output->length);
	else if (mip_message_type(output->octets, output->length) == MIP_MESSAGE_REVOCATION)
		agent->revocations[agent->revocation_count++ % MIP_ARRAY_SIZE(agent->revocations)] =
			sim_digest(output->octets, output->length);
	if (host->running)
		sim_send_datagram(world, host, &output->datagram, output->octets, output->length);
}

static void note_event(struct sim_world *world, struct sim_host *host, const struct mip_event *event)
{
	if (host->role == SIM_HOME_AGENT)
		sim_home_agent_event(world, host, event);
	if (host->role == SIM_NODE && strcmp(event->name, "registered") == 0)
		sim_node_registered(world, host);
	sim_note_event(world, host, event);
}

static void carry_out(struct sim_world *world, struct sim_host *host, struct mip_output *output)
{
	switch (output->kind) {
	case MIP_OUTPUT_DATAGRAM:
		send_datagram(world, host, output);
		break;
	case MIP_OUTPUT_FRAME:
		send_frame(world, host, output);
		break;
	case MIP_OUTPUT_WANT:
	case MIP_OUTPUT_UNWANT:
		carry_out_want(world, host, &output->want, output->kind == MIP_OUTPUT_WANT);
		break;
	case MIP_OUTPUT_EVENT:
		note_event(world, host, &output->event);
		break;
	case MIP_OUTPUT_COPY:
	case MIP_OUTPUT_KEEP:
	case MIP_OUTPUT_FORGET:
	case MIP_OUTPUT_NONE:
		break;
	}
}

/* The daemon dies while it carries this out. What was committed is known to its successor, though nobody hears of it:
 * the rest is gone through without a word leaving. */
static void die(struct sim_world *world, struct sim_host *host)
{
	struct mip_outbox *outbox = outbox_of(host);
	int left = host->dies_after;
	struct mip_output output;

	host->dies_after = SIM_NONE;
	if (left > 0 && host->role == SIM_HOME_AGENT)
		sim_store_write(&host->home_agent->records, outbox);
	for (; left > 0 && mip_outbox_take(outbox, &output); left--) {
		carry_out(world, host, &output);
		mip_output_clear(&output);
		if (left == 1)
			host->running = false;
	}
	while (!host->running && mip_outbox_take(outbox, &output)) {
		if (host->role == SIM_HOME_AGENT && output.kind != MIP_OUTPUT_WANT &&
			output.kind != MIP_OUTPUT_UNWANT)
			carry_out(world, host, &output);
		mip_output_clear(&output);
	}
	host->running = true;
	sim_fate_dies(world, host);
}

void sim_host_settle(struct sim_world *world, struct sim_host *host)
{
	struct mip_outbox *outbox;
	struct mip_output output;

	if (!host->running)
		return;
	/* As libmip/host does: what is due, then what there is to say. */
	if (sim_host_deadline(world, host) <= world->now)
		advance(world, host);
	outbox = outbox_of(host);
	if (outbox->count > 0 && host->dies_after != SIM_NONE) {
		die(world, host);
		return;
	}
	if (outbox->count > 0 && host->role == SIM_HOME_AGENT)
		sim_store_write(&host->home_agent->records, outbox);
	while (mip_outbox_take(outbox, &output)) {
		carry_out(world, host, &output);
		if (world->options.broken != SIM_BREAK_LEAK || host->role != SIM_FOREIGN_AGENT)
			mip_output_clear(&output);
	}
	if (outbox->lost > 0)
		sim_fail(world, "nothing is lost for want of memory", "%s has lost an output", host->name);
	sim_check_host(world, host);
}

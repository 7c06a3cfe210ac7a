/*
 * What there is: drawn from the seed. Whatever is drawn can work: every node has places where its home agent accepts it,
 * for "registered in time" is to hold in every run.
 */
#include "sim.h"

#include "sim_memory.h"

#include <stdio.h>
#include <string.h>

enum {
	HOME_LINK = 2, /* indices of interfaces, as kernels give them */
	UPLINK = 3,
	NODE_PORT = 40434,
	KEY = 16,
	FIRST_SPI = 1000,
	AGENTS_SPI = 2000,
	AAA_SPI = 3000,
	FIRST_HOST = 50, /* home addresses: .50 and up; leases: .100 and up; a pool: .200 and up */
	FIRST_POOL = 200,
	VISITED_TABLE = 79,
	NODES_NAT_PORTS = 10000,
};

static struct sim_random *chance_of(struct sim_world *world)
{
	return &world->random;
}

static bool chance(struct sim_world *world, unsigned parts)
{
	return sim_chance(chance_of(world), parts);
}

static int64_t between(struct sim_world *world, int64_t least, int64_t most)
{
	return sim_between(chance_of(world), least, most);
}

static struct mip_address address_of(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return mip_address_of(a << 24 | b << 16 | c << 8 | d);
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

static struct mip_association *association_of(
	struct sim_world *world, uint32_t spi, bool nonces, enum mip_algorithm algorithm)
{
	uint8_t octets[KEY];
	struct mip_association_settings settings = {
		.spi = spi,
		.algorithm = algorithm,
		.replay = nonces ? MIP_REPLAY_NONCE : MIP_REPLAY_TIMESTAMP,
		.key = {octets, sizeof(octets)},
	};
	struct mip_association *association = NULL;

	sim_random_fill(chance_of(world), octets, sizeof(octets));
	if (mip_association_new(&settings, &association) < 0)
		sim_fail(world, "the scenario can be", "no association");
	return association;
}

static struct mip_association *association_new(struct sim_world *world, uint32_t spi, bool nonces)
{
	static const enum mip_algorithm algorithms[] = {MIP_ALGORITHM_HMAC_MD5, MIP_ALGORITHM_HMAC_SHA1,
		MIP_ALGORITHM_HMAC_SHA256, MIP_ALGORITHM_KEYED_MD5};

	return association_of(
		world, spi, nonces, algorithms[between(world, 0, MIP_ARRAY_SIZE(algorithms) - 1)]);
}

/* RFC 4721: of the node with whoever speaks for its home domain. NULL: there is none. */
static struct mip_association *aaa_draw(struct sim_world *world)
{
	if (!world->scenario.challenges || !chance(world, 400))
		return NULL;
	return chance(world, 500) ? association_of(world, MIP_CHAP_SPI, false, MIP_ALGORITHM_CHAP_MD5)
				  : association_new(world, AAA_SPI, false);
}

/* --- hosts and links -------------------------------------------------------------------------------------------- */

static struct mip_link_address card_of(int host, int interface)
{
	return (struct mip_link_address){
		.length = MIP_ETHERNET_ADDRESS, .octets = {2, 0, 0, 0, (uint8_t)host, (uint8_t)interface}};
}

static struct sim_host *host_new(
	struct sim_world *world, enum sim_role role, unsigned index, const char *name)
{
	struct sim_host *host = &world->hosts[world->host_count];

	host->role = role;
	host->number = world->host_count++;
	host->index = index;
	(void)snprintf(host->name, sizeof(host->name), "%s%u", name, index);
	host->random_state = sim_random_of(world->seed, 100 + (uint64_t)host->number);
	host->random = (struct mip_random){.fill = sim_random_fill, .context = &host->random_state};
	/* Machines have been up for different times, and their clocks differ a little. */
	host->boot_base = -between(world, 1, 1000000) * MIP_MILLISECOND;
	host->boot_base_before = host->boot_base;
	host->wall_ahead = between(world, -2000, 2000) * MIP_MILLISECOND;
	host->dies_after = SIM_NONE;
	return host;
}

static struct sim_interface *interface_new(struct sim_host *host, const char *name, mip_link index, int link)
{
	struct sim_interface *interface = &host->interfaces[host->interface_count];

	*interface = (struct sim_interface){
		.index = index,
		.link = link,
		.up = true,
		.card = card_of(host->number, (int)host->interface_count),
	};
	memcpy(interface->name, name, strlen(name) + 1);
	host->interface_count++;
	return interface;
}

static struct sim_way way_draw(struct sim_world *world, unsigned loss_most)
{
	struct sim_way way = {
		.loss = chance(world, 500) ? 0 : (unsigned)between(world, 0, loss_most),
		.repeat = chance(world, 600) ? 0 : (unsigned)between(world, 0, 200),
		.corrupt = chance(world, 600) ? 0 : (unsigned)between(world, 0, 100),
		.delay_least = between(world, 0, 20) * MIP_MILLISECOND,
	};

	way.delay_most =
		way.delay_least + (chance(world, 300) ? 0 : between(world, 0, 300) * MIP_MILLISECOND);
	if (world->options.loss_only)
		way = (struct sim_way){.delay_least = MIP_MILLISECOND, .delay_most = 20 * MIP_MILLISECOND};
	return way;
}

static struct sim_link *link_new(
	struct sim_world *world, enum sim_link_kind kind, int agent, struct mip_address network)
{
	struct sim_link *link = &world->links[world->link_count++];

	*link = (struct sim_link){
		.kind = kind,
		.agent = agent,
		.prefix = mip_prefix_of(network, 24),
		.way = way_draw(world, 400),
	};
	if (world->options.loss_only)
		link->way.loss = kind == SIM_LINK_HOME ? 0 : world->options.loss;
	return link;
}

/* --- home agents ------------------------------------------------------------------------------------------------ */

static uint16_t lifetime_draw(struct sim_world *world)
{
	static const uint16_t lifetimes[] = {5, 10, 20, 30, 60, 60, 120, 300, 600, 1800};

	return chance(world, 30) ? MIP_LIFETIME_INFINITE
				 : lifetimes[between(world, 0, MIP_ARRAY_SIZE(lifetimes) - 1)];
}

static struct mip_revocation_settings revocation_draw(struct sim_world *world, bool enabled)
{
	return (struct mip_revocation_settings){
		.enabled = enabled,
		.inform_bit = chance(world, 500),
		.inform = chance(world, 500),
		.attempts = (unsigned)between(world, 1, 5),
		.most = 16,
	};
}

static enum ha_reverse_tunnel reverse_tunnel_draw(struct sim_world *world)
{
	if (world->scenario.without_reverse)
		return HA_REVERSE_TUNNEL_REFUSED;
	return chance(world, 150) ? HA_REVERSE_TUNNEL_REQUIRED : HA_REVERSE_TUNNEL_ALLOWED;
}

static void home_agent_settings_draw(struct sim_world *world, struct sim_host *host)
{
	struct sim_home_agent *agent = host->home_agent;

	agent->settings = (struct ha_settings){
		.address = host->interfaces[0].address,
		.networks = &agent->network,
		.network_count = 1,
		.nodes = agent->nodes,
		.foreign_agents = agent->foreign_agents,
		.pool_first = mip_address_of(mip_address_number(agent->network.prefix.address) + FIRST_POOL),
		.pool_last = mip_address_of(
			mip_address_number(agent->network.prefix.address) + FIRST_POOL + 1 + SIM_NODES),
		.max_lifetime = lifetime_draw(world),
		.udp_max_lifetime = chance(world, 300) ? (uint16_t)between(world, 10, 120) : 0,
		.max_simultaneous_bindings = chance(world, 500) ? 0 : SIM_SIMULTANEOUS,
		.reverse_tunnel = reverse_tunnel_draw(world),
		.gre = chance(world, 700),
		.minimal = chance(world, 700),
		.keepalive_interval = chance(world, 500) ? 0 : (uint16_t)between(world, 10, 60),
		.broadcasts = chance(world, 300),
		.multicast = false,
		.grace = world->scenario.grace,
		.advertise = {.enabled = true,
			.interval = world->scenario.advertise_interval,
			.lifetime = 3 * world->scenario.advertise_interval,
			.broadcast = chance(world, 300),
			.prefix_lengths = chance(world, 500)},
		.revocation = revocation_draw(world, world->scenario.revocation),
	};
}

static void home_agent_draw(struct sim_world *world, unsigned index)
{
	struct sim_host *host = host_new(world, SIM_HOME_AGENT, index, "ha");
	bool is_virtual = chance(world, 250);
	struct sim_interface *interface;
	struct sim_link *link;

	host->home_agent = sim_own_alloc(sizeof(*host->home_agent));
	(void)snprintf(host->home_agent->realm, sizeof(host->home_agent->realm), "home%u.example", index);
	if (is_virtual) {
		host->home_agent->network = (struct ha_network_settings){
			.prefix = mip_prefix_of(address_of(172, 20, index, 0), 24), .interface = ""};
	} else {
		link = link_new(world, SIM_LINK_HOME, host->number, address_of(10, 1 + index, 0, 0));
		interface = interface_new(host, "home0", HOME_LINK, (int)(link - world->links));
		interface->address = address_of(10, 1 + index, 0, 1);
		interface->length = 24;
		host->home_agent->network =
			(struct ha_network_settings){.prefix = link->prefix, .interface = "home0"};
	}
	interface = interface_new(host, "wan0", UPLINK, SIM_UPLINK);
	interface->address = address_of(198, 51, 100, 1 + index);
	interface->length = 24;
	home_agent_settings_draw(world, host);
	world->home_agent_count++;
}

/* --- foreign agents --------------------------------------------------------------------------------------------- */

static void foreign_agent_settings_draw(struct sim_world *world, struct sim_host *host, bool behind_nat)
{
	struct sim_foreign_agent *agent = host->foreign_agent;

	memcpy(agent->link_settings.name, "visit0", sizeof("visit0"));
	agent->settings = (struct fa_core_settings){
		.care_of_address = host->interfaces[behind_nat || chance(world, 500) ? 1 : 0].address,
		.links = &agent->link_settings,
		.link_count = 1,
		.registration_lifetime = lifetime_draw(world),
		.registration_required = world->links[host->interfaces[0].link].leases && chance(world, 250),
		.reverse_tunnel = true,
		.reverse_tunnel_required = !world->scenario.without_reverse && chance(world, 150),
		.encapsulating_delivery = chance(world, 400),
		.behind_nat = behind_nat,
		.keepalive_interval = between(world, 10, 60) * MIP_SECOND,
		.gre = chance(world, 600),
		.minimal = chance(world, 600),
		.advertise_interval = world->scenario.advertise_interval,
		.advertise_lifetime = 3 * world->scenario.advertise_interval,
		.advertise_prefix = chance(world, 500),
		.advertise_broadcast = chance(world, 300),
		.challenge = world->scenario.challenges,
		.challenge_window = (size_t)between(world, 2, 5),
		.challenges_most = 64,
		.request_timeout = between(world, 3, 10) * MIP_SECOND,
		.pending_most = 50,
		.pending_per_node_most = 5,
		.table = VISITED_TABLE,
		.rule_priority = 790,
		.revocation = revocation_draw(world, world->scenario.revocation && chance(world, 700)),
		.home_agents = agent->home_agents,
		.mobile_nodes = agent->mobile_nodes,
	};
}

static void foreign_agent_draw(struct sim_world *world, unsigned index)
{
	struct sim_host *host = host_new(world, SIM_FOREIGN_AGENT, index, "fa");
	bool behind_nat = chance(world, 200) && !world->options.loss_only && !world->scenario.without_reverse;
	struct sim_link *link =
		link_new(world, SIM_LINK_VISITED, host->number, address_of(10, 40 + index, 0, 0));
	struct sim_interface *interface;

	host->foreign_agent = sim_own_alloc(sizeof(*host->foreign_agent));
	link->leases = chance(world, 400) && !world->options.loss_only;
	interface = interface_new(host, "visit0", HOME_LINK, (int)(link - world->links));
	interface->address = address_of(10, 40 + index, 0, 1);
	interface->length = 24;
	interface = interface_new(host, "wan0", UPLINK, SIM_UPLINK);
	interface->address = behind_nat ? address_of(192, 168, index, 2) : address_of(192, 0, 2, 10 + index);
	interface->length = 24;
	/* One box, one address outside; the ports of the agent and of the nodes are far apart. */
	if (behind_nat && link->leases)
		link->nat = (struct sim_nat){.outer = address_of(203, 0, 113, 50 + index),
			.timeout = between(world, 90, 300) * MIP_SECOND,
			.next_port = NODES_NAT_PORTS};
	if (behind_nat)
		host->foreign_agent->nat = (struct sim_nat){.outer = address_of(203, 0, 113, 50 + index),
			.timeout = between(world, 90, 300) * MIP_SECOND};
	foreign_agent_settings_draw(world, host, behind_nat);
	world->foreign_agent_count++;
}

static void open_link_draw(struct sim_world *world, unsigned index)
{
	bool nat = chance(world, 500);
	struct sim_link *link = link_new(world, SIM_LINK_OPEN, SIM_NONE,
		nat ? address_of(192, 168, 100 + index, 0) : address_of(10, 60 + index, 0, 0));

	link->leases = true;
	if (nat)
		link->nat = (struct sim_nat){.outer = address_of(203, 0, 113, 1 + index),
			.timeout = between(world, 90, 300) * MIP_SECOND};
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

static struct sim_host *home_agent_at(struct sim_world *world, int number)
{
	return &world->hosts[number];
}

static enum mn_assignment assignment_draw(struct sim_world *world)
{
	return chance(world, 600)   ? MN_ASSIGNMENT_OFF
	       : chance(world, 500) ? MN_ASSIGNMENT_ANY
				    : MN_ASSIGNMENT_HOME;
}

static void node_settings_draw(struct sim_world *world, struct sim_host *host, bool pool, bool open_links)
{
	struct sim_node *node = host->node;
	const struct ha_network_settings *network =
		&home_agent_at(world, node->home_agent)->home_agent->network;
	const struct ha_settings *agent = &home_agent_at(world, node->home_agent)->home_agent->settings;
	bool discovers = !pool && chance(world, 200);

	node->settings = (struct mn_settings){
		.home_address = pool ? (struct mip_address){0}
				     : mip_address_of(mip_address_number(network->prefix.address) +
						      FIRST_HOST + host->index),
		.home_prefix = network->prefix,
		.home_agent = discovers ? (struct mip_address){0} : agent->address,
		/* RFC 4433: the network is to assign one, and this is whom the node would like. */
		.assignment = pool ? assignment_draw(world) : MN_ASSIGNMENT_OFF,
		.nai = pool || chance(world, 200) ? node->nai : NULL,
		.interfaces = node->interfaces,
		.interface_count = host->interface_count,
		.care_of = open_links && chance(world, 150) ? MN_CARE_OF_CO_LOCATED : MN_CARE_OF_ANY,
		.move_detection = (enum mn_move_detection)between(world, 0, 2),
		.reverse_tunnel = !world->scenario.without_reverse && chance(world, 600),
		.delivery = chance(world, 300) ? MN_DELIVERY_ENCAPSULATING : MN_DELIVERY_DIRECT,
		.broadcast = chance(world, 200),
		.encapsulation = (enum mip_encapsulation)between(world, 0, 2),
		.nat_traversal = true,
		.force_udp = chance(world, 100),
		.revocation = agent->revocation.enabled && chance(world, 500),
		.lifetime = lifetime_draw(world),
		.simultaneous = chance(world, 300),
		.newest_first = chance(world, 300),
		.agent_wait = between(world, 0, 2000) * MIP_MILLISECOND,
		.keepalive_interval = between(world, 15, 60) * MIP_SECOND,
		.grace = world->scenario.grace,
		.rule_priority = 1000,
		.routing_table = 434,
		.home = association_new(world, FIRST_SPI + host->index, node->nonces),
		.aaa = aaa_draw(world),
		.foreign_agents = node->foreign_agents,
	};
	/* With a revocation a node listens where one is sent to. */
	node->port = node->settings.revocation ? MIP_REGISTRATION_PORT : (uint16_t)(NODE_PORT + host->index);
}

static void enter_at_home(struct sim_world *world, struct sim_host *host)
{
	struct sim_home_agent *agent = home_agent_at(world, host->node->home_agent)->home_agent;

	agent->nodes[agent->settings.node_count++] = (struct ha_node_settings){
		.home_address = host->node->settings.home_address,
		.nai = host->node->settings.nai,
		.association = host->node->settings.home,
		.aaa = chance(world, 500) ? host->node->settings.aaa : NULL,
	};
}

/* Every foreign agent whose challenges it must answer knows the node; others may. */
static void enter_at_foreign_agents(struct sim_world *world, struct sim_host *host)
{
	struct sim_node *node = host->node;

	for (int i = 0; i < world->host_count; i++) {
		struct sim_foreign_agent *agent = world->hosts[i].foreign_agent;
		struct mip_association *association;

		if (world->hosts[i].role != SIM_FOREIGN_AGENT ||
			!(agent->settings.challenge || chance(world, 200)))
			continue;
		association =
			node->settings.aaa ? NULL : association_new(world, FIRST_SPI + host->index, false);
		agent->mobile_nodes[agent->settings.mobile_node_count++] = (struct fa_mobile_node_settings){
			.home_address =
				node->settings.nai ? (struct mip_address){0} : node->settings.home_address,
			.nai = node->settings.nai,
			.association = association,
			.aaa = node->settings.aaa,
		};
		if (!association)
			continue;
		node->foreign_agents[node->settings.foreign_agent_count++] =
			(struct mn_foreign_agent_settings){
				.address = world->hosts[i].interfaces[0].address, .association = association};
	}
}

static void node_draw(struct sim_world *world, unsigned index, bool open_links)
{
	struct sim_host *host = host_new(world, SIM_NODE, index, "mn");
	bool pool = chance(world, 250) && !world->options.loss_only;
	unsigned interfaces = chance(world, 500) && !world->options.loss_only ? 2 : 1;
	static const char *const names[] = {"wlan0", "wwan0"};

	host->node = sim_own_alloc(sizeof(*host->node));
	host->node->home_agent = (int)between(world, 0, world->home_agent_count - 1);
	host->node->nonces = chance(world, 400);
	(void)snprintf(host->node->nai, sizeof(host->node->nai), "node%u@%s", index,
		world->hosts[host->node->home_agent].home_agent->realm);
	for (unsigned i = 0; i < interfaces; i++) {
		interface_new(host, names[i], HOME_LINK + (mip_link)i, SIM_NONE);
		memcpy(host->node->interfaces[i].name, names[i], strlen(names[i]) + 1);
		host->node->interfaces[i].priority = between(world, 1, 2) * 10;
	}
	node_settings_draw(world, host, pool, open_links);
	enter_at_home(world, host);
	enter_at_foreign_agents(world, host);
	world->node_count++;
}

/* --- associations between agents -------------------------------------------------------------------------------- */

/* Not with one behind a NAT: the home agent knows it by the address that its requests come from. */
static void agents_associate(struct sim_world *world, struct sim_host *home, struct sim_host *foreign)
{
	struct sim_home_agent *at_home = home->home_agent;
	struct sim_foreign_agent *abroad = foreign->foreign_agent;
	struct mip_association *association = NULL;
	bool share =
		!abroad->settings.behind_nat && (chance(world, 400) || abroad->settings.revocation.enabled ||
							at_home->settings.revocation.enabled);

	if (share) {
		association = association_new(world, AGENTS_SPI + foreign->index, false);
		at_home->foreign_agents[at_home->settings.foreign_agent_count++] =
			(struct ha_foreign_agent_settings){
				.address = abroad->settings.care_of_address, .association = association};
	}
	world->agents[home->index][foreign->index] = association;
	abroad->home_agents[abroad->settings.home_agent_count++] = (struct fa_home_agent_settings){
		.address = at_home->settings.address, .association = association, .realm = at_home->realm};
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

/* Wall times around which clocks go wrong: today, 1970, and the seconds of NTP running over in February 2036. */
static mip_time wall_base_draw(struct sim_world *world)
{
	static const int64_t bases[] = {
		1795000000, 1795000000, 100, 2085978496 - 100, 2085978496 - 3000, 4102444800};

	return bases[between(world, 0, MIP_ARRAY_SIZE(bases) - 1)] * MIP_SECOND;
}

static void scenario_draw(struct sim_world *world)
{
	static const unsigned calm_losses[] = {0, 0, 0, 0, 0, 0, 50, 100, 250, 500, 750};
	struct sim_scenario *scenario = &world->scenario;

	*scenario = (struct sim_scenario){
		.turmoil = !chance(world, 100),
		.rounds = (unsigned)between(world, 1, 3),
		.turmoil_most = between(world, 10, 120) * MIP_SECOND,
		.fate_interval = between(world, 500, 15000) * MIP_MILLISECOND,
		.attack_interval = between(world, 100, 3000) * MIP_MILLISECOND,
		.calm_loss = calm_losses[between(world, 0, MIP_ARRAY_SIZE(calm_losses) - 1)],
		.internet = way_draw(world, 300),
		.advertise_interval = between(world, 1, 5) * MIP_SECOND,
		.grace = between(world, 0, 5) * MIP_SECOND,
		.challenges = chance(world, 200),
		.revocation = chance(world, 350),
		.without_reverse = chance(world, 60),
		.sleeps = chance(world, 500),
		.moves = chance(world, 900),
		.restarts = chance(world, 600),
		.power_losses = chance(world, 300),
		.clocks = chance(world, 400),
		.flaps = chance(world, 500),
		.attacks = chance(world, 600),
		.commands = chance(world, 400),
		.partitions = chance(world, 400),
		.reloads = chance(world, 300),
	};
	if (!world->options.loss_only)
		return;
	scenario->turmoil = false;
	scenario->rounds = 1;
	scenario->calm_loss = world->options.loss;
	scenario->internet = way_draw(world, 0);
	scenario->advertise_interval = MIP_SECOND;
}

static void place_nodes(struct sim_world *world)
{
	for (int i = 0; i < world->host_count; i++) {
		for (size_t k = 0; world->hosts[i].role == SIM_NODE && k < world->hosts[i].interface_count;
			k++)
			sim_attach(world, &world->hosts[i], (int)k,
				world->options.loss_only ? world->link_count - 1
							 : (int)between(world, 0, world->link_count - 1));
	}
}

void sim_scenario_draw(struct sim_world *world)
{
	bool few = world->options.loss_only;
	int home_agents = few ? 1 : (int)between(world, 1, SIM_HOME_AGENTS);
	int foreign_agents = few ? 1 : (int)between(world, 0, SIM_FOREIGN_AGENTS);
	int open_links = few ? 0 : (int)between(world, foreign_agents > 0 ? 0 : 1, 3);
	int nodes = few ? 1 : (int)between(world, 1, SIM_NODES);

	world->wall_base = wall_base_draw(world);
	scenario_draw(world);
	for (int i = 0; i < home_agents; i++)
		home_agent_draw(world, (unsigned)i);
	for (int i = 0; i < foreign_agents; i++)
		foreign_agent_draw(world, (unsigned)i);
	for (int i = 0; i < open_links; i++)
		open_link_draw(world, (unsigned)i);
	for (int i = 0; i < nodes; i++)
		node_draw(world, (unsigned)i, open_links > 0);
	for (int i = 0; i < world->host_count; i++) {
		for (int k = 0; k < world->host_count; k++) {
			if (world->hosts[i].role == SIM_HOME_AGENT &&
				world->hosts[k].role == SIM_FOREIGN_AGENT)
				agents_associate(world, &world->hosts[i], &world->hosts[k]);
		}
	}
	for (int i = 0; i < world->host_count; i++)
		sim_host_start(world, &world->hosts[i]);
	place_nodes(world);
}

static void node_clear(struct sim_node *node)
{
	mip_association_unref(node->settings.home);
	mip_association_unref(node->settings.aaa);
	for (size_t i = 0; i < node->settings.foreign_agent_count; i++)
		mip_association_unref(node->foreign_agents[i].association);
}

void sim_scenario_clear(struct sim_world *world)
{
	for (int i = 0; i < world->host_count; i++) {
		struct sim_host *host = &world->hosts[i];

		sim_host_kill(world, host);
		if (host->role == SIM_NODE)
			node_clear(host->node);
		else if (host->role == SIM_HOME_AGENT)
			sim_store_clear(&host->home_agent->records);
		sim_own_free(host->node);
	}
	for (size_t i = 0; i < SIM_HOME_AGENTS; i++) {
		for (size_t k = 0; k < SIM_FOREIGN_AGENTS; k++)
			mip_association_unref(world->agents[i][k]);
	}
}

/*
 * The glue of mip-mn: the configuration as the machine's settings, the machine in its host.
 */
#include "mn_shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "link_socket.h"
#include "packet.h"
#include "reconciler.h"

/* --- settings --------------------------------------------------------------------------------- */

/* The lists and associations are the settings' own; strings are the configuration's. */
static void settings_clear(struct mn_settings *settings)
{
	settings->nai = NULL;
	mn_settings_clear(settings);
}

static struct mn_settings values_of(const struct mn_config *config)
{
	const struct mn_config_node *node = &config->node;

	return (struct mn_settings){
		.home_address = node->home_address,
		.home_prefix = node->home_prefix,
		.home_agent = node->home_agent,
		.assignment = (enum mn_assignment)node->dynamic_home_agent,
		.nai = node->nai,
		.care_of = (enum mn_care_of)node->care_of,
		.move_detection = (enum mn_move_detection)node->move_detection,
		.reverse_tunnel = node->reverse_tunnel,
		.tunnel_mtu = (uint32_t)config->tunnel_mtu,
		.delivery = (enum mn_delivery)node->delivery,
		.broadcast = node->broadcast,
		.encapsulation = (enum mip_encapsulation)node->encapsulation,
		.nat_traversal = node->nat_traversal,
		.force_udp = node->force_udp,
		.revocation = node->revocation,
		.simultaneous = node->simultaneous,
		.newest_first = node->newest_first,
		.lifetime = (uint16_t)(node->lifetime / MIP_SECOND),
		.deregister_on_exit = node->deregister_on_exit,
		.agent_wait = node->agent_wait,
		.keepalive_interval = node->keepalive_interval,
		.grace = node->grace,
		.agents_per_link = (uint32_t)node->limits.agents_per_link,
		.log_lines = (uint32_t)node->limits.log_lines,
		.rule_priority = (uint32_t)node->rule_priority,
		.routing_table = (uint32_t)node->routing_table,
	};
}

static int fill_interfaces(struct mn_settings *settings, const struct mn_config_node *node)
{
	settings->interfaces = calloc(node->interface_count + 1, sizeof(settings->interfaces[0]));
	if (!settings->interfaces)
		return -ENOMEM;
	settings->interface_count = node->interface_count;
	for (size_t i = 0; i < node->interface_count; i++) {
		struct mn_interface_settings *interface = &settings->interfaces[i];
		const char *name = node->interfaces[i].name;

		memcpy(interface->name, name, strnlen(name, sizeof(interface->name) - 1));
		interface->priority = node->interfaces[i].priority;
	}
	return 0;
}

static int fill_foreign_agents(struct mn_settings *settings, const struct mn_config *config)
{
	int result = 0;

	settings->foreign_agents =
		calloc(config->foreign_agent_count + 1, sizeof(settings->foreign_agents[0]));
	if (!settings->foreign_agents)
		return -ENOMEM;
	for (size_t i = 0; i < config->foreign_agent_count && result == 0; i++) {
		struct mn_foreign_agent_settings *agent = &settings->foreign_agents[i];

		agent->address = config->foreign_agents[i].address;
		result = mip_security_association(&config->foreign_agents[i].security, &agent->association);
		if (result == 0)
			settings->foreign_agent_count++;
	}
	return result;
}

static int fill_home_agents(struct mn_settings *settings, const struct mn_config *config)
{
	int result = 0;

	settings->home_agents = calloc(config->home_agent_count + 1, sizeof(settings->home_agents[0]));
	if (!settings->home_agents)
		return -ENOMEM;
	for (size_t i = 0; i < config->home_agent_count && result == 0; i++) {
		struct mn_home_agent_settings *agent = &settings->home_agents[i];

		agent->address = config->home_agents[i].address;
		result = mip_security_association(&config->home_agents[i].security, &agent->association);
		if (result == 0)
			settings->home_agent_count++;
	}
	return result;
}

/* To be freed with settings_clear(), also after a failure. */
static int settings_of(const struct mn_config *config, struct mn_settings *settings)
{
	int result;

	*settings = values_of(config);
	result = fill_interfaces(settings, &config->node);
	if (result == 0)
		result = fill_foreign_agents(settings, config);
	if (result == 0)
		result = fill_home_agents(settings, config);
	if (result == 0)
		result = mip_security_association(&config->node.security, &settings->home);
	if (result == 0)
		result = mip_security_association(&config->node.aaa, &settings->aaa);
	return result;
}

/* The names for the host, in an array to be freed; NULL without memory. */
static const char **names_of(const struct mn_config *config)
{
	const char **names = calloc(config->node.interface_count + 1, sizeof(*names));

	for (size_t i = 0; names && i < config->node.interface_count; i++)
		names[i] = config->node.interfaces[i].name;
	return names;
}

/* --- the machine's functions, with its type taken off ----------------------------------------- */

static void on_datagram(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	mn_core_datagram(core, datagram, now);
}

static void on_frame(void *core, const struct mip_input_frame *frame, struct mip_now now)
{
	mn_core_frame(core, frame, now);
}

static void on_link(void *core, const struct mip_input_link *link, struct mip_now now)
{
	mn_core_link(core, link, now);
}

static void on_address(void *core, const struct mip_input_address *address, struct mip_now now)
{
	mn_core_address(core, address, now);
}

static void on_default_route(void *core, const struct mip_input_default_route *route, struct mip_now now)
{
	mn_core_default_route(core, route, now);
}

static void on_icmp_error(void *core, const struct mip_input_icmp_error *error, struct mip_now now)
{
	mn_core_icmp_error(core, error, now);
}

static bool on_tunnelled(void *core, const uint8_t *packet, size_t length, struct mip_now now)
{
	return mn_core_tunnelled(core, packet, length, now);
}

static void on_udp_port(void *core, uint16_t port)
{
	mn_core_udp_port(core, port);
}

static void on_record(void *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now)
{
	mn_core_record(core, key, octets, length, now);
}

static void on_begin(void *core, struct mip_now now)
{
	mn_core_begin(core, now);
}

static void on_advance(void *core, struct mip_now now)
{
	mn_core_advance(core, now);
}

static mip_time on_deadline(const void *core)
{
	return mn_core_deadline(core);
}

static struct mip_counter_table on_counters(const void *core)
{
	return mn_core_counters(core);
}

static struct mip_machine machine_of(struct mn_core *core)
{
	return (struct mip_machine){
		.core = core,
		.outbox = mn_core_outbox(core),
		.datagram = on_datagram,
		.frame = on_frame,
		.link = on_link,
		.address = on_address,
		.default_route = on_default_route,
		.icmp_error = on_icmp_error,
		.tunnelled = on_tunnelled,
		.udp_port = on_udp_port,
		.record = on_record,
		.begin = on_begin,
		.advance = on_advance,
		.deadline = on_deadline,
		.counters = on_counters,
	};
}

/* --- the role --------------------------------------------------------------------------------- */

static void shell_free(struct mn_shell *shell)
{
	mip_host_free(shell->host);
	mn_core_free(shell->core);
	free(shell);
}

/* RFC 3543 3.3: a home agent's revocation comes to port 434, wherever requests were sent from. */
static uint16_t udp_port_of(const struct mn_config *config)
{
	return config->node.port == 0 && config->node.revocation ? MIP_REGISTRATION_PORT
								 : (uint16_t)config->node.port;
}

static int start_host(struct mn_shell *shell, const struct mn_config *config)
{
	const char **names = names_of(config);
	struct mip_host_options options = {
		.daemon = shell->daemon,
		.machine = machine_of(shell->core),
		.protocol = MIP_ROUTE_PROTOCOL_MN,
		.plane = (enum mip_plane_kind)config->data_plane,
		.clamp_mss = config->clamp_mss,
		.tunnel_device = config->tunnel_interface,
		.tunnel_mtu = (uint32_t)config->tunnel_mtu,
		.state_folder = config->state,
		.udp_port = udp_port_of(config),
		/* A foreign agent may ask by ARP for the home address, which the kernel does not answer. */
		.link_flags = MIP_LINK_SOCKET_ARP,
		.links = names,
		.link_count = config->node.interface_count,
	};
	int result = names ? mip_host_new(&options, &shell->host) : -ENOMEM;

	if (result == 0)
		mip_plane_set_icmp_rate(mip_host_plane(shell->host), (uint32_t)config->icmp_rate);
	free(names);
	return result;
}

int mn_shell_start(struct mip_daemon *daemon)
{
	const struct mn_config *config = daemon->configuration;
	struct mn_shell *shell = calloc(1, sizeof(*shell));
	struct mn_settings settings;
	int result;

	if (!shell)
		return -ENOMEM;
	shell->daemon = daemon;
	result = settings_of(config, &settings);
	if (result == 0)
		result = mn_core_new(&settings, &mip_system_random, daemon->log, &shell->core);
	settings_clear(&settings);
	if (result < 0)
		mip_log(daemon->log, MIP_LOG_ERROR, "cannot begin: %s", strerror(-result));
	else
		result = start_host(shell, config);
	if (result < 0) {
		shell_free(shell);
		return result;
	}
	daemon->state = shell;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* What a running daemon cannot take over. All that a machine would refuse is here too: it is asked last, when the data
 * plane is another already. */
static const char *needs_restart(const struct mn_config *old, const struct mn_config *new)
{
	if (strcmp(old->tunnel_interface, new->tunnel_interface) != 0)
		return "another tunnel_interface takes a restart";
	if (old->tunnel_mtu != new->tunnel_mtu)
		return "another tunnel_mtu takes a restart";
	if (!same_text(old->state, new->state))
		return "another state folder takes a restart";
	if (udp_port_of(old) != udp_port_of(new))
		return "another port takes a restart";
	if (!mip_address_equal(old->node.home_address, new->node.home_address) ||
		!mip_prefix_equal(old->node.home_prefix, new->node.home_prefix) ||
		!same_text(old->node.nai, new->node.nai) ||
		old->node.dynamic_home_agent != new->node.dynamic_home_agent)
		return "another home address, prefix, NAI or dynamic_home_agent needs a restart";
	return NULL;
}

int mn_shell_reload(struct mip_daemon *daemon, void *configuration, const char **ret_reason)
{
	struct mn_shell *shell = daemon->state;
	const struct mn_config *config = configuration;
	const char **names = names_of(config);
	struct mn_settings settings;
	int result;

	*ret_reason = needs_restart(daemon->configuration, config);
	result = settings_of(config, &settings);
	if (*ret_reason)
		result = -EBUSY;
	else if (result < 0 || !names)
		*ret_reason = "there is no memory for it";
	if (*ret_reason == NULL)
		result = mip_host_set_plane(
			shell->host, (enum mip_plane_kind)config->data_plane, config->clamp_mss, ret_reason);
	if (*ret_reason == NULL)
		result = mn_core_reconfigure(shell->core, &settings, mip_clock_now(), ret_reason);
	if (result == 0 && names) {
		mip_plane_set_icmp_rate(mip_host_plane(shell->host), (uint32_t)config->icmp_rate);
		mip_host_deliver(shell->host);
		(void)mip_host_set_links(shell->host, names, config->node.interface_count);
		mip_host_tell(shell->host);
		mip_host_deliver(shell->host);
	}
	settings_clear(&settings);
	free(names);
	return result;
}

void mn_shell_stop(struct mip_daemon *daemon)
{
	struct mn_shell *shell = daemon->state;

	mn_core_farewell(shell->core, mip_clock_now());
	shell_free(shell);
	daemon->state = NULL;
}

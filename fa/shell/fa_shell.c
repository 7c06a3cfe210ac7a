/*
 * The glue of mip-fa: the configuration as the machine's settings, the machine in its host.
 */
#include "fa_shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "reconciler.h"

/* The machine's settings with the lists that they point to; the associations are ours until it has its own
 * references. */
struct settings {
	struct fa_core_settings values;
	struct fa_link_settings *links;
	struct fa_home_agent_settings *home_agents;
	struct fa_mobile_node_settings *mobile_nodes;
	const char **link_names;
};

static void settings_clear(struct settings *settings)
{
	for (size_t i = 0; settings->home_agents && i < settings->values.home_agent_count; i++)
		mip_association_unref(settings->home_agents[i].association);
	for (size_t i = 0; settings->mobile_nodes && i < settings->values.mobile_node_count; i++) {
		mip_association_unref(settings->mobile_nodes[i].association);
		mip_association_unref(settings->mobile_nodes[i].aaa);
	}
	free(settings->links);
	free(settings->home_agents);
	free(settings->mobile_nodes);
	free(settings->link_names);
}

static struct fa_core_settings values_of(const struct fa_config *config)
{
	const struct fa_config_agent *agent = &config->agent;

	return (struct fa_core_settings){
		.care_of_address = agent->care_of_address,
		.link_count = agent->interface_count,
		.registration_lifetime = (uint16_t)(agent->registration_lifetime / MIP_SECOND),
		.revocation =
			{
				.enabled = agent->revocation.enabled,
				.inform_bit = agent->revocation.inform_bit,
				.inform = agent->revocation.inform,
				.attempts = (unsigned)agent->revocation.attempts,
				.most = (size_t)agent->revocation.most,
				.acknowledgments = (uint32_t)agent->revocation.acknowledgments,
			},
		.limits =
			{
				.requests_per_node = (uint32_t)agent->limits.requests_per_node,
				.denials = (uint32_t)agent->limits.denials,
				.icmp_errors = (uint32_t)agent->limits.icmp_errors,
				.solicited = (uint32_t)agent->limits.solicited,
				.log_lines = (uint32_t)agent->limits.log_lines,
			},
		.registration_required = agent->registration_required,
		.reverse_tunnel = agent->reverse_tunnel,
		.reverse_tunnel_required = agent->reverse_tunnel_required,
		.encapsulating_delivery = agent->encapsulating_delivery,
		.private_needs_reverse_tunnel = agent->reverse_tunnel_for_private,
		.behind_nat = agent->behind_nat,
		.nat_keeps_sources = agent->nat_keeps_sources,
		.keepalive_interval = agent->keepalive_interval,
		.gre = agent->gre_encapsulation,
		.minimal = agent->minimal_encapsulation,
		.home_agents_only = agent->home_agents_only,
		.mobile_nodes_only = agent->mobile_nodes_only,
		.advertise_interval = agent->advertise.interval,
		.advertise_lifetime = agent->advertise.lifetime,
		.advertise_prefix = agent->advertise.prefix,
		.advertise_solicited_only = agent->advertise.solicited_only,
		.advertise_broadcast = agent->advertise.broadcast,
		.challenge = agent->advertise.challenge,
		.challenge_window = (size_t)agent->advertise.challenge_window,
		.challenges_most = (size_t)agent->advertise.challenges_most,
		.request_timeout = agent->request_timeout,
		.pending_most = (size_t)agent->pending_most,
		.pending_per_node_most = (size_t)agent->pending_per_node_most,
		.visitors_most = (size_t)agent->visitors_most,
		.default_home_agent = agent->default_home_agent,
		.table = (uint32_t)agent->routing_table,
		.rule_priority = (uint32_t)agent->rule_priority,
		.home_agent_count = config->home_agent_count,
		.mobile_node_count = config->mobile_node_count,
	};
}

static int allocate(struct settings *settings)
{
	/* One more than needed: an empty list is no failure. */
	settings->links = calloc(settings->values.link_count + 1, sizeof(settings->links[0]));
	settings->link_names = calloc(settings->values.link_count + 1, sizeof(settings->link_names[0]));
	settings->home_agents =
		calloc(settings->values.home_agent_count + 1, sizeof(settings->home_agents[0]));
	settings->mobile_nodes =
		calloc(settings->values.mobile_node_count + 1, sizeof(settings->mobile_nodes[0]));
	if (!settings->links || !settings->link_names || !settings->home_agents || !settings->mobile_nodes)
		return -ENOMEM;
	settings->values.links = settings->links;
	settings->values.home_agents = settings->home_agents;
	settings->values.mobile_nodes = settings->mobile_nodes;
	return 0;
}

static int fill_peers(struct settings *settings, const struct fa_config *config)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->home_agent_count; i++) {
		settings->home_agents[i].address = config->home_agents[i].address;
		settings->home_agents[i].realm = config->home_agents[i].realm;
		r = mip_security_association(
			&config->home_agents[i].security, &settings->home_agents[i].association);
	}
	for (size_t i = 0; r == 0 && i < config->mobile_node_count; i++) {
		settings->mobile_nodes[i].home_address = config->mobile_nodes[i].home_address;
		settings->mobile_nodes[i].home_agent = config->mobile_nodes[i].home_agent;
		settings->mobile_nodes[i].nai = config->mobile_nodes[i].nai;
		r = mip_security_association(
			&config->mobile_nodes[i].security, &settings->mobile_nodes[i].association);
		if (r == 0)
			r = mip_security_association(
				&config->mobile_nodes[i].aaa, &settings->mobile_nodes[i].aaa);
	}
	return r;
}

/* The names and strings in the result are the configuration's. To be freed with settings_clear(), also after
 * a failure. */
static int settings_of(const struct fa_config *config, struct settings *settings)
{
	int r;

	*settings = (struct settings){.values = values_of(config)};
	r = allocate(settings);
	if (r < 0)
		return r;
	for (size_t i = 0; i < config->agent.interface_count; i++) {
		const char *name = config->agent.interfaces[i].name;

		settings->link_names[i] = name;
		memcpy(settings->links[i].name, name, strnlen(name, sizeof(settings->links[i].name) - 1));
	}
	return fill_peers(settings, config);
}

/* --- the machine's functions, with its type taken off ----------------------------------------- */

static void on_datagram(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	fa_core_datagram(core, datagram, now);
}

static void on_frame(void *core, const struct mip_input_frame *frame, struct mip_now now)
{
	fa_core_frame(core, frame, now);
}

static void on_link(void *core, const struct mip_input_link *link, struct mip_now now)
{
	fa_core_link(core, link, now);
}

static void on_address(void *core, const struct mip_input_address *address, struct mip_now now)
{
	fa_core_address(core, address, now);
}

static void on_default_route(void *core, const struct mip_input_default_route *route, struct mip_now now)
{
	fa_core_default_route(core, route, now);
}

static void on_icmp_error(void *core, const struct mip_input_icmp_error *error, struct mip_now now)
{
	fa_core_icmp_error(core, error, now);
}

static bool on_tunnelled(void *core, const uint8_t *packet, size_t length, struct mip_now now)
{
	return fa_core_tunnelled(core, packet, length, now);
}

static void on_plane(void *core, enum mip_plane_kind kind)
{
	fa_core_plane(core, mip_plane_tells_apart(kind));
}

static void on_begin(void *core, struct mip_now now)
{
	fa_core_begin(core, now);
}

static void on_advance(void *core, struct mip_now now)
{
	fa_core_advance(core, now);
}

static mip_time on_deadline(const void *core)
{
	return fa_core_deadline(core);
}

static struct mip_counter_table on_counters(const void *core)
{
	return fa_core_counters(core);
}

static struct mip_machine machine_of(struct fa_shell *shell)
{
	return (struct mip_machine){
		.core = shell->core,
		.outbox = &shell->outbox,
		.datagram = on_datagram,
		.frame = on_frame,
		.link = on_link,
		.address = on_address,
		.default_route = on_default_route,
		.icmp_error = on_icmp_error,
		.tunnelled = on_tunnelled,
		.plane = on_plane,
		.begin = on_begin,
		.advance = on_advance,
		.deadline = on_deadline,
		.counters = on_counters,
	};
}

/* --- the role --------------------------------------------------------------------------------- */

static void shell_free(struct fa_shell *shell)
{
	mip_host_free(shell->host);
	fa_core_free(shell->core);
	mip_outbox_clear(&shell->outbox);
	free(shell);
}

static int start_host(struct fa_shell *shell, const struct fa_config *config, const struct settings *settings)
{
	struct mip_host_options options = {
		.daemon = shell->daemon,
		.machine = machine_of(shell),
		.protocol = MIP_ROUTE_PROTOCOL_FA,
		.plane = (enum mip_plane_kind)config->data_plane,
		.clamp_mss = config->clamp_mss,
		.tunnel_device = config->tunnel_interface,
		.tunnel_mtu = (uint32_t)config->tunnel_mtu,
		/* Only this address, so that a home agent on this host can have the others. */
		.udp_address = config->agent.care_of_address,
		.udp_port = MIP_REGISTRATION_PORT,
		.links = settings->link_names,
		.link_count = settings->values.link_count,
	};

	int r = mip_host_new(&options, &shell->host);

	if (r == 0)
		mip_plane_set_icmp_rate(mip_host_plane(shell->host), (uint32_t)config->icmp_rate);
	return r;
}

int fa_shell_start(struct mip_daemon *daemon)
{
	const struct fa_config *config = daemon->configuration;
	struct fa_shell *shell = calloc(1, sizeof(*shell));
	struct settings settings;
	int r;

	if (!shell)
		return -ENOMEM;
	shell->daemon = daemon;
	r = settings_of(config, &settings);
	if (r == 0) {
		struct fa_core_environment environment = {
			.outbox = &shell->outbox, .random = &mip_system_random, .log = daemon->log};

		r = fa_core_new(&environment, &settings.values, &shell->core);
	}
	if (r < 0)
		mip_log(daemon->log, MIP_LOG_ERROR, "cannot begin: %s", strerror(-r));
	else
		r = start_host(shell, config, &settings);
	settings_clear(&settings);
	if (r < 0) {
		shell_free(shell);
		return r;
	}
	daemon->state = shell;
	return 0;
}

/* What a running daemon cannot take over. */
static const char *needs_restart(const struct fa_config *old, const struct fa_config *new)
{
	if (strcmp(old->tunnel_interface, new->tunnel_interface) != 0)
		return "another tunnel_interface takes a restart";
	if (old->tunnel_mtu != new->tunnel_mtu)
		return "another tunnel_mtu takes a restart";
	if (!mip_address_equal(old->agent.care_of_address, new->agent.care_of_address))
		return "another care_of_address takes a restart";
	return NULL;
}

int fa_shell_reload(struct mip_daemon *daemon, void *configuration, const char **ret_reason)
{
	struct fa_shell *shell = daemon->state;
	const struct fa_config *config = configuration;
	struct settings settings;
	int r;

	*ret_reason = needs_restart(daemon->configuration, configuration);
	if (*ret_reason)
		return -EBUSY;
	r = mip_host_set_plane(
		shell->host, (enum mip_plane_kind)config->data_plane, config->clamp_mss, ret_reason);
	if (r < 0)
		return r;
	mip_plane_set_icmp_rate(mip_host_plane(shell->host), (uint32_t)config->icmp_rate);
	r = settings_of(config, &settings);
	if (r == 0)
		r = fa_core_configure(shell->core, &settings.values, mip_clock_now());
	if (r == 0) {
		/* The farewell of a link that goes needs its socket still. */
		mip_host_deliver(shell->host);
		(void)mip_host_set_links(shell->host, settings.link_names, settings.values.link_count);
		mip_host_tell(shell->host);
		mip_host_deliver(shell->host);
	} else {
		*ret_reason = "there is no memory for it";
	}
	settings_clear(&settings);
	return r;
}

void fa_shell_stop(struct mip_daemon *daemon)
{
	struct fa_shell *shell = daemon->state;

	fa_core_farewell(shell->core, mip_clock_now());
	shell_free(shell);
	daemon->state = NULL;
}

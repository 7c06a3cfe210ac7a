/*
 * The shell around the home agent's machine: start, reload, stop. What comes in and what goes out is
 * libmip/host's; here the machine gets its settings, and the host gets to know which links are home links.
 */
#include "ha_shell.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler.h"
#include "packet.h"

/* --- the machine, as its host calls it -------------------------------------------------------- */

static void on_datagram(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	ha_core_datagram(core, datagram, now);
}

static bool on_tunnel_data(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	return ha_core_tunnel_data(core, datagram, now);
}

static void on_frame(void *core, const struct mip_input_frame *frame, struct mip_now now)
{
	ha_core_frame(core, frame, now);
}

static void on_group(
	void *core, struct mip_address home_address, const uint8_t *packet, size_t length, struct mip_now now)
{
	ha_core_group(core, home_address, packet, length, now);
}

static void on_link(void *core, const struct mip_input_link *link, struct mip_now now)
{
	ha_core_link(core, link, now);
}

static void on_address(void *core, const struct mip_input_address *address, struct mip_now now)
{
	ha_core_address(core, address, now);
}

static void on_record(void *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now)
{
	ha_core_record(core, key, octets, length, now);
}

static void on_begin(void *core, struct mip_now now)
{
	ha_core_begin(core, now);
}

static void on_advance(void *core, struct mip_now now)
{
	ha_core_advance(core, now);
}

static mip_time on_deadline(const void *core)
{
	return ha_core_deadline(core);
}

static bool on_restoring(const void *core)
{
	return ha_core_is_restoring(core);
}

static struct mip_counter_table on_counters(const void *core)
{
	return ha_core_counters(core);
}

static struct mip_machine machine_of(struct ha_core *core)
{
	return (struct mip_machine){
		.core = core,
		.outbox = ha_core_outbox(core),
		.datagram = on_datagram,
		.tunnel_data = on_tunnel_data,
		.frame = on_frame,
		.group = on_group,
		.link = on_link,
		.address = on_address,
		.record = on_record,
		.begin = on_begin,
		.advance = on_advance,
		.deadline = on_deadline,
		.restoring = on_restoring,
		.counters = on_counters,
	};
}

/* --- home links ------------------------------------------------------------------------------- */

static bool is_named(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* The names of the home links, each once; views into the configuration. NULL: no memory. */
static const char **home_links(const struct ha_config *config, size_t *ret_count)
{
	const char **names = calloc(config->home_agent.network_count + 1, sizeof(*names));
	size_t count = 0;

	if (!names)
		return NULL;
	for (size_t i = 0; i < config->home_agent.network_count; i++) {
		const char *name = config->home_agent.networks[i].interface;

		if (name && !is_named(names, count, name))
			names[count++] = name;
	}
	*ret_count = count;
	return names;
}

/* --- advice ----------------------------------------------------------------------------------- */

static bool is_on_this_host(struct mip_address address)
{
	struct ifaddrs *addresses = NULL;
	bool found = false;

	if (getifaddrs(&addresses) < 0)
		return true;
	for (const struct ifaddrs *each = addresses; each && !found; each = each->ifa_next) {
		struct sockaddr_in in;

		if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&in, each->ifa_addr, sizeof(in));
		found = in.sin_addr.s_addr == address.value;
	}
	freeifaddrs(addresses);
	return found;
}

/* What is not wrong, but seldom meant. */
static void advise(const struct mip_daemon *daemon, const struct ha_config *config)
{
	const struct ha_advertise_config *advertise = &config->home_agent.advertise;

	if (!is_on_this_host(config->home_agent.address))
		mip_log(daemon->log, MIP_LOG_WARNING,
			"no interface of this host has the home agent's address %s: tunnels will not work",
			MIP_TEXT(config->home_agent.address));
	/* rfc5944-2.1-6: the interval SHOULD be no longer than 1/3 of the lifetime. */
	if (advertise->enabled && advertise->lifetime < 3 * advertise->interval)
		mip_log(daemon->log, MIP_LOG_WARNING,
			"advertisements live for less than three intervals: one that is lost looks like an "
			"agent that is gone");
}

/* --- life ------------------------------------------------------------------------------------- */

static int start_core(struct ha_shell *shell, const struct ha_config *config)
{
	struct ha_made_settings made;
	int status = ha_settings_make(config, &made);

	if (status == 0)
		status = ha_core_new(&made.settings, &mip_system_random, shell->daemon->log, &shell->core);
	ha_settings_clear(&made);
	if (status < 0)
		mip_log(shell->daemon->log, MIP_LOG_ERROR, "the home agent's settings: %s",
			strerror(-status));
	return status;
}

static int start_host(struct ha_shell *shell, const struct ha_config *config)
{
	struct mip_host_options options = {
		.daemon = shell->daemon,
		.machine = machine_of(shell->core),
		.protocol = MIP_ROUTE_PROTOCOL_HA,
		.plane = (enum mip_plane_kind)config->data_plane,
		.clamp_mss = config->clamp_mss,
		.tunnel_device = config->tunnel_interface,
		.tunnel_mtu = (uint32_t)config->tunnel_mtu,
		.udp_port = MIP_REGISTRATION_PORT,
		.state_folder = config->state,
		.stays = config->state && config->state[0] != '\0',
	};
	const char **links = home_links(config, &options.link_count);
	int status = -ENOMEM;

	if (links) {
		options.links = links;
		status = mip_host_new(&options, &shell->host);
	}
	if (status == 0)
		mip_plane_set_icmp_rate(mip_host_plane(shell->host), (uint32_t)config->icmp_rate);
	free(links);
	return status;
}

static void shell_free(struct ha_shell *shell)
{
	if (!shell)
		return;
	mip_host_free(shell->host);
	ha_core_free(shell->core);
	free(shell);
}

static int start(struct mip_daemon *daemon)
{
	const struct ha_config *config = daemon->configuration;
	struct ha_shell *shell = calloc(1, sizeof(*shell));
	int status;

	if (!shell)
		return -ENOMEM;
	shell->daemon = daemon;
	daemon->state = shell;
	advise(daemon, config);
	status = start_core(shell, config);
	if (status == 0)
		status = start_host(shell, config);
	if (status < 0) {
		daemon->state = NULL;
		shell_free(shell);
	}
	return status;
}

static void stop(struct mip_daemon *daemon)
{
	shell_free(daemon->state);
	daemon->state = NULL;
}

static bool differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

/* What a running daemon cannot take over; NULL: nothing. */
static const char *needs_restart(const struct ha_config *old, const struct ha_config *new)
{
	if (differs(old->tunnel_interface, new->tunnel_interface))
		return "another tunnel_interface takes a restart";
	if (old->tunnel_mtu != new->tunnel_mtu)
		return "another tunnel_mtu takes a restart";
	if (differs(old->state, new->state))
		return "another state folder takes a restart";
	return NULL;
}

static int take_over_links(struct ha_shell *shell, const struct ha_config *config)
{
	size_t count = 0;
	const char **links = home_links(config, &count);
	int status = links ? mip_host_set_links(shell->host, links, count) : -ENOMEM;

	free(links);
	return status;
}

static int reload(struct mip_daemon *daemon, void *configuration, const char **ret_reason)
{
	struct ha_shell *shell = daemon->state;
	const struct ha_config *config = configuration;
	struct ha_made_settings made;
	int status;

	*ret_reason = needs_restart(daemon->configuration, config);
	if (*ret_reason)
		return -EBUSY;
	status = mip_host_set_plane(
		shell->host, (enum mip_plane_kind)config->data_plane, config->clamp_mss, ret_reason);
	if (status < 0)
		return status;
	mip_plane_set_icmp_rate(mip_host_plane(shell->host), (uint32_t)config->icmp_rate);
	status = ha_settings_make(config, &made);
	if (status == 0)
		status = ha_core_configure(shell->core, &made.settings, mip_clock_now());
	ha_settings_clear(&made);
	if (status < 0) {
		*ret_reason = strerror(-status);
		return status;
	}
	advise(daemon, config);
	/* The machine has gone over already; a link without a socket is tried again when it comes up. */
	if (take_over_links(shell, config) < 0)
		mip_log(daemon->log, MIP_LOG_ERROR, "no memory for the home links");
	mip_host_tell(shell->host);
	mip_host_deliver(shell->host);
	return 0;
}

const struct mip_daemon_role ha_role = {
	.name = "ha",
	.program = "mip-ha",
	.summary = "home agent for Mobile IPv4",
	.schema = &ha_schema,
	.control_path_offset = offsetof(struct ha_config, control),
	.user_offset = offsetof(struct ha_config, user),
	.state_folder_offset = offsetof(struct ha_config, state),
	.check = ha_config_check,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = ha_control,
};

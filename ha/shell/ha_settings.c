/*
 * From ha.conf to the machine's settings: durations to seconds, keys to associations.
 */
#include "ha_shell.h"

#include <errno.h>
#include <stdlib.h>

static int make_networks(const struct ha_config *config, struct ha_made_settings *made)
{
	size_t count = config->home_agent.network_count;

	made->networks = calloc(count + 1, sizeof(*made->networks));
	if (!made->networks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		made->networks[i].prefix = config->home_agent.networks[i].prefix;
		made->networks[i].interface = config->home_agent.networks[i].interface;
	}
	made->settings.networks = made->networks;
	made->settings.network_count = count;
	return 0;
}

static int make_node(const struct ha_node_config *config, struct ha_node_settings *node)
{
	int status = mip_security_association(&config->security, &node->association);

	node->home_address = config->home_address;
	node->nai = config->nai;
	if (status == 0 && config->aaa.present)
		status = mip_security_association(&config->aaa, &node->aaa);
	return status;
}

static int make_nodes(const struct ha_config *config, struct ha_made_settings *made)
{
	int status = 0;

	made->nodes = calloc(config->mobile_node_count + 1, sizeof(*made->nodes));
	if (!made->nodes)
		return -ENOMEM;
	made->settings.nodes = made->nodes;
	made->settings.node_count = config->mobile_node_count;
	for (size_t i = 0; i < config->mobile_node_count && status == 0; i++)
		status = make_node(&config->mobile_nodes[i], &made->nodes[i]);
	return status;
}

static int make_foreign_agents(const struct ha_config *config, struct ha_made_settings *made)
{
	int status = 0;

	made->foreign_agents = calloc(config->foreign_agent_count + 1, sizeof(*made->foreign_agents));
	if (!made->foreign_agents)
		return -ENOMEM;
	made->settings.foreign_agents = made->foreign_agents;
	made->settings.foreign_agent_count = config->foreign_agent_count;
	for (size_t i = 0; i < config->foreign_agent_count && status == 0; i++) {
		made->foreign_agents[i].address = config->foreign_agents[i].address;
		status = mip_security_association(
			&config->foreign_agents[i].security, &made->foreign_agents[i].association);
	}
	return status;
}

/* As messages have them. Less than one is one: 0 has a meaning of its own. */
static uint16_t whole_seconds(mip_time time)
{
	return time > 0 && time < MIP_SECOND ? 1 : (uint16_t)(time / MIP_SECOND);
}

static int make_alternates(const struct ha_config *config, struct ha_made_settings *made)
{
	const struct ha_redirect_config *redirect = &config->home_agent.redirect;

	made->alternates = calloc(redirect->home_agent_count + 1, sizeof(*made->alternates));
	if (!made->alternates)
		return -ENOMEM;
	for (size_t i = 0; i < redirect->home_agent_count; i++)
		made->alternates[i] = redirect->home_agents[i].address;
	made->settings.alternates = made->alternates;
	made->settings.alternate_count = redirect->home_agent_count;
	return 0;
}

int ha_settings_make(const struct ha_config *config, struct ha_made_settings *made)
{
	const struct ha_agent_config *agent = &config->home_agent;
	int status;

	*made = (struct ha_made_settings){
		.settings = {
			.address = agent->address,
			.pool_first = config->address_pool.first,
			.pool_last = config->address_pool.last,
			.max_lifetime = whole_seconds(agent->max_lifetime),
			.udp_max_lifetime = whole_seconds(agent->nat_traversal.max_lifetime),
			.max_bindings = (size_t)agent->max_bindings,
			.max_simultaneous_bindings = (size_t)agent->max_simultaneous_bindings,
			.reverse_tunnel = (enum ha_reverse_tunnel)agent->reverse_tunnel,
			.udp_tunnel = (enum ha_udp_tunnel)agent->nat_traversal.udp_tunnel,
			.gre = agent->gre_encapsulation,
			.minimal = agent->minimal_encapsulation,
			.keepalive_interval = whole_seconds(agent->nat_traversal.keepalive_interval),
			.broadcasts = agent->broadcast.enabled,
			.broadcast_dhcp = agent->broadcast.dhcp,
			.multicast = agent->multicast.enabled,
			.groups_per_node = (size_t)agent->multicast.groups_per_node,
			.groups = (size_t)agent->multicast.groups,
			.query_interval = agent->multicast.query_interval,
			.copy_rate = (uint32_t)agent->copy_rate,
			.grace = agent->grace,
			.redirect_at = (size_t)agent->redirect.bindings,
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
					.failed_per_source = (uint32_t)agent->limits.failed_per_source,
					.failed = (uint32_t)agent->limits.failed,
					.replayed_per_node = (uint32_t)agent->limits.replayed_per_node,
					.log_lines = (uint32_t)agent->limits.log_lines,
				},
			.advertise =
				{
					.solicited = (unsigned)agent->limits.solicited,
					.enabled = agent->advertise.enabled,
					.interval = agent->advertise.interval,
					.lifetime = agent->advertise.lifetime,
					.solicited_only = agent->advertise.solicited_only,
					.broadcast = agent->advertise.broadcast,
					.prefix_lengths = agent->advertise.prefix_lengths,
				},
		}};
	status = make_networks(config, made);
	if (status == 0)
		status = make_nodes(config, made);
	if (status == 0)
		status = make_foreign_agents(config, made);
	if (status == 0)
		status = make_alternates(config, made);
	return status;
}

void ha_settings_clear(struct ha_made_settings *made)
{
	for (size_t i = 0; made->nodes && i < made->settings.node_count; i++) {
		mip_association_unref(made->nodes[i].association);
		mip_association_unref(made->nodes[i].aaa);
	}
	for (size_t i = 0; made->foreign_agents && i < made->settings.foreign_agent_count; i++)
		mip_association_unref(made->foreign_agents[i].association);
	free(made->networks);
	free(made->nodes);
	free(made->foreign_agents);
	free(made->alternates);
	*made = (struct ha_made_settings){0};
}

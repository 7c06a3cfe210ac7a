/*
 * The table of the settings in ha.conf.
 */
#include "ha_schema.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "ha_core.h"
#include "plane.h"

enum {
	NAI_MAX = 253,			    /* RFC 4282 2.2 */
	ADVERTISEMENT_LIFETIME_MOST = 9000, /* s; RFC 1256 4.1 */
};

static const struct mip_name reverse_tunnel_names[] = {
	{HA_REVERSE_TUNNEL_ALLOWED, "allowed"},
	{HA_REVERSE_TUNNEL_REQUIRED, "required"},
	{HA_REVERSE_TUNNEL_REFUSED, "refused"},
	{0, NULL},
};

static const struct mip_name udp_tunnel_names[] = {
	{HA_UDP_TUNNEL_ALLOWED, "allowed"},
	{HA_UDP_TUNNEL_NAT_ONLY, "nat-only"},
	{HA_UDP_TUNNEL_REFUSED, "refused"},
	{0, NULL},
};

/* --- home_agent.networks ---------------------------------------------------------------------- */

static const struct mip_setting network_settings[] = {
	/* rfc5944-3.8.1-1: MUST be configured with an IP address and with the prefix size for the home
	 * network. */
	{.name = "prefix",
		.type = MIP_SETTING_TYPE_PREFIX,
		.offset = offsetof(struct ha_network_config, prefix),
		.required = true,
		.help = "The addresses of the home network."},
	{.name = "interface",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct ha_network_config, interface),
		.help = "The link that it is; left out for a virtual home network."},
};

static const struct mip_schema network_schema = {
	.size = sizeof(struct ha_network_config),
	.settings = network_settings,
	.count = MIP_ARRAY_SIZE(network_settings),
};

/* --- home_agent.advertise --------------------------------------------------------------------- */

static const struct mip_setting advertise_settings[] = {
	{.name = "enabled",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_advertise_config, enabled),
		.otherwise = "true",
		.help = "Whether Agent Advertisements are sent on home links at all."},
	{.name = "interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_advertise_config, interval),
		.otherwise = "1.0",
		.least = 100 * MIP_MILLISECOND,
		.most = 1800 * MIP_SECOND,
		.unit = "s",
		.help = "The longest time between two advertisements on a link."},
	{.name = "lifetime",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_advertise_config, lifetime),
		.otherwise = "3.0",
		.least = 100 * MIP_MILLISECOND,
		.most = ADVERTISEMENT_LIFETIME_MOST * MIP_SECOND,
		.unit = "s",
		.help = "How long an advertisement holds; at least three intervals is advised."},
	{.name = "solicited_only",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_advertise_config, solicited_only),
		.otherwise = "false",
		.help = "Advertise only in answer to solicitations."},
	{.name = "broadcast",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_advertise_config, broadcast),
		.otherwise = "false",
		.help = "Send to 255.255.255.255 in place of 224.0.0.1."},
	{.name = "prefix_lengths",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_advertise_config, prefix_lengths),
		.otherwise = "true",
		.help = "With the Prefix-Lengths extension, which all agents of a link must have, or none."},
};

/* The router's advertisement would be over before the next. */
static int check_advertise(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct ha_advertise_config *advertise = object;

	if (advertise->lifetime >= advertise->interval)
		return 0;
	return mip_config_error(
		config, group, "lifetime", "'lifetime' of advertisements is shorter than their 'interval'");
}

static const struct mip_schema advertise_schema = {
	.size = sizeof(struct ha_advertise_config),
	.settings = advertise_settings,
	.count = MIP_ARRAY_SIZE(advertise_settings),
	.check = check_advertise,
};

/* --- home_agent.nat_traversal ----------------------------------------------------------------- */

static const struct mip_setting nat_settings[] = {
	{.name = "udp_tunnel",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct ha_nat_config, udp_tunnel),
		.otherwise = "allowed",
		.choices = udp_tunnel_names,
		.help = "Tunnels in UDP (RFC 3519): for nodes behind a NAT and those that force it; for the "
			"former only; or for none."},
	{.name = "keepalive_interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_nat_config, keepalive_interval),
		.otherwise = "110",
		.least = 0,
		.most = UINT16_MAX * MIP_SECOND,
		.unit = "s",
		.help = "What nodes behind a NAT are told to keep the NAT's mapping alive with; 0 leaves it "
			"to "
			"them."},
	{.name = "max_lifetime",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_nat_config, max_lifetime),
		.otherwise = "0",
		.least = 0,
		.most = UINT16_MAX * MIP_SECOND,
		.unit = "s",
		.help = "The longest lifetime that is granted to a tunnel in UDP; 0: the home agent's "
			"max_lifetime."},
};

static const struct mip_schema nat_schema = {
	.size = sizeof(struct ha_nat_config),
	.settings = nat_settings,
	.count = MIP_ARRAY_SIZE(nat_settings),
};

/* --- home_agent.broadcast, home_agent.multicast ----------------------------------------------- */

static const struct mip_setting broadcast_settings[] = {
	{.name = "enabled",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_broadcast_config, enabled),
		.otherwise = "true",
		.help = "Whether nodes that ask for it (B) get the broadcasts of their home link."},
	{.name = "dhcp",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_broadcast_config, dhcp),
		.otherwise = "false",
		.help = "Those of DHCP too."},
};

static const struct mip_schema broadcast_schema = {
	.size = sizeof(struct ha_broadcast_config),
	.settings = broadcast_settings,
	.count = MIP_ARRAY_SIZE(broadcast_settings),
};

static const struct mip_setting multicast_settings[] = {
	{.name = "enabled",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_multicast_config, enabled),
		.otherwise = "true",
		.help = "Whether nodes may join multicast groups of their home link through the tunnel "
			"(IGMP)."},
	{.name = "groups_per_node",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_multicast_config, groups_per_node),
		.otherwise = "32",
		.least = 1,
		.most = 65535,
		.help = "Groups that one node may be a member of at once."},
	{.name = "groups",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_multicast_config, groups),
		.otherwise = "256",
		.least = 1,
		.most = 65535,
		.help = "Groups of all nodes together; each takes a socket."},
	{.name = "query_interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_multicast_config, query_interval),
		.otherwise = "125",
		.least = 1 * MIP_SECOND,
		.most = 3600 * MIP_SECOND,
		.unit = "s",
		.help = "How often a node with memberships is asked whether it still has them."},
};

static const struct mip_schema multicast_schema = {
	.size = sizeof(struct ha_multicast_config),
	.settings = multicast_settings,
	.count = MIP_ARRAY_SIZE(multicast_settings),
};

/* --- home_agent.redirect ---------------------------------------------------------------------- */

static const struct mip_setting alternate_settings[] = {
	{.name = "address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = offsetof(struct ha_alternate_config, address),
		.required = true,
		.help = "Another home agent, which knows the nodes too."},
};

static const struct mip_schema alternate_schema = {
	.size = sizeof(struct ha_alternate_config),
	.settings = alternate_settings,
	.count = MIP_ARRAY_SIZE(alternate_settings),
};

static const struct mip_setting redirect_settings[] = {
	{.name = "home_agents",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = offsetof(struct ha_redirect_config, home_agents),
		.count_offset = offsetof(struct ha_redirect_config, home_agent_count),
		.schema = &alternate_schema,
		.help = "The home agents that nodes are sent to, each in turn."},
	{.name = "bindings",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_redirect_config, bindings),
		.otherwise = "0",
		.least = 0,
		.most = INT32_MAX,
		.help = "With this many bindings here, or more, nodes are sent on; 0: always."},
};

static const struct mip_schema redirect_schema = {
	.size = sizeof(struct ha_redirect_config),
	.settings = redirect_settings,
	.count = MIP_ARRAY_SIZE(redirect_settings),
};

/* --- revocation ------------------------------------------------------------------------------- */

static const struct mip_setting revocation_settings[] = {
	{.name = "enabled",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct mip_revocation_config, enabled),
		.otherwise = "true",
		.help = "Agrees to revocation (RFC 3543) with foreign agents that share an association and "
			"offer it, and with "
			"co-located nodes."},
	{.name = "inform_bit",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct mip_revocation_config, inform_bit),
		.otherwise = "true",
		.help = "Lets this home agent decide whether a node that is revoked is informed (I), where "
			"the foreign agent "
			"offers that."},
	{.name = "inform",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct mip_revocation_config, inform),
		.otherwise = "true",
		.help = "What it decides."},
	{.name = "attempts",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mip_revocation_config, attempts),
		.otherwise = "8",
		.least = 1,
		.most = MIP_REVOKER_ATTEMPTS_MAX,
		.help = "Transmissions of a revocation that is not acknowledged, after 1, 2, 4 … s."},
	{.name = "most",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mip_revocation_config, most),
		.otherwise = "100000",
		.least = 1,
		.most = 10000000,
		.help = "Revocations under way or remembered at once; beyond, nobody is told."},
	{.name = "acknowledgments",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mip_revocation_config, acknowledgments),
		.otherwise = "1000",
		.least = 0,
		.most = 1000000,
		.help = "Revocations of one foreign agent that are acknowledged in a second (counter "
			"drop_revocation_limit); 0: no limit."},
};

static const struct mip_schema revocation_schema = {
	.size = sizeof(struct mip_revocation_config),
	.settings = revocation_settings,
	.count = MIP_ARRAY_SIZE(revocation_settings),
};

/* --- home_agent.limits ------------------------------------------------------------------------ */

static const struct mip_setting limit_settings[] = {
	{.name = "failed_per_source",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_limits_config, failed_per_source),
		.otherwise = "5",
		.least = 0,
		.most = 1000000,
		.help = "Answers a second to requests that fail authentication, to one address (counter "
			"drop_source_limit); 0: no limit."},
	{.name = "failed",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_limits_config, failed),
		.otherwise = "200",
		.least = 0,
		.most = 1000000,
		.help = "The same in all (counter drop_failed_limit)."},
	{.name = "replayed_per_node",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_limits_config, replayed_per_node),
		.otherwise = "10",
		.least = 0,
		.most = 1000000,
		.help = "Answers a second to requests of one node that are not fresh, with code 133 (counter "
			"drop_replay_limit); 0: no limit."},
	{.name = "solicited",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_limits_config, solicited),
		.otherwise = "50",
		.least = 0,
		.most = 1000000,
		.help = "Unicast advertisements a second in answer to solicitations, on a link; beyond, one "
			"multicast "
			"answers all (counter solicitations_limited); 0: no limit."},
	{.name = "log_lines",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_limits_config, log_lines),
		.otherwise = "10",
		.least = 1,
		.most = 1000000,
		.help = "Lines in 10 s, in the log, about what anybody can cause (counter "
			"log_lines_withheld)."},
};

static const struct mip_schema limits_schema = {
	.size = sizeof(struct ha_limits_config),
	.settings = limit_settings,
	.count = MIP_ARRAY_SIZE(limit_settings),
};

/* --- home_agent ------------------------------------------------------------------------------- */

static const struct mip_setting agent_settings[] = {
	{.name = "address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = offsetof(struct ha_agent_config, address),
		.required = true,
		.help = "The home agent's own address: where requests go to, and the tunnels' end."},
	{.name = "networks",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = offsetof(struct ha_agent_config, networks),
		.count_offset = offsetof(struct ha_agent_config, network_count),
		.required = true,
		.schema = &network_schema,
		.help = "The home networks."},
	{.name = "max_lifetime",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_agent_config, max_lifetime),
		.otherwise = "1800",
		.least = MIP_SECOND,
		.most = UINT16_MAX * MIP_SECOND,
		.unit = "s",
		.help = "The longest lifetime that is granted; 65535 is infinite."},
	{.name = "max_bindings",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_agent_config, max_bindings),
		.otherwise = "0",
		.least = 0,
		.most = INT32_MAX,
		.help = "How many bindings there may be at once, of all nodes; 0: no limit."},
	{.name = "max_simultaneous_bindings",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_agent_config, max_simultaneous_bindings),
		.otherwise = "4",
		.least = 1,
		.most = HA_SIMULTANEOUS_MOST,
		.help = "How many simultaneous bindings (S) one node may have, each of which gets a copy of "
			"every "
			"packet; code 135 beyond. 1: none but the one (code 1)."},
	{.name = "reverse_tunnel",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct ha_agent_config, reverse_tunnel),
		.otherwise = "allowed",
		.choices = reverse_tunnel_names,
		.help = "Whether nodes may, must or must not ask for a reverse tunnel (RFC 3024)."},
	{.name = "gre_encapsulation",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_agent_config, gre_encapsulation),
		.otherwise = "true",
		.help = "Grant GRE tunnels to nodes that ask for them (G); they get code 139 otherwise."},
	{.name = "minimal_encapsulation",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_agent_config, minimal_encapsulation),
		.otherwise = "true",
		.help = "The same for minimal encapsulation (M, RFC 2004)."},
	{.name = "grace",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct ha_agent_config, grace),
		.otherwise = "3",
		.least = 0,
		.most = 60 * MIP_SECOND,
		.unit = "s",
		.help = "How long packets by the way before a handover are still taken."},
	{.name = "advertise",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, advertise),
		.schema = &advertise_schema,
		.help = "Agent Advertisements on the home links."},
	{.name = "revocation",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, revocation),
		.schema = &revocation_schema,
		.help = "How bindings that end early are told to foreign agents (RFC 3543)."},
	{.name = "nat_traversal",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, nat_traversal),
		.schema = &nat_schema,
		.help = "Nodes and foreign agents behind a NAT."},
	{.name = "broadcast",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, broadcast),
		.schema = &broadcast_schema,
		.help = "Broadcasts of the home links for nodes that are away."},
	{.name = "multicast",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, multicast),
		.schema = &multicast_schema,
		.help = "Multicasts of the home links for nodes that are away."},
	{.name = "copy_rate",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_agent_config, copy_rate),
		.otherwise = "1000",
		.least = 0,
		.most = 10000000,
		.help = "Copies of broadcasts and multicasts that are sent in a second, to all nodes "
			"together; 0: no "
			"limit."},
	{.name = "limits",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, limits),
		.schema = &limits_schema,
		.help = "How much strangers can cause."},
	{.name = "redirect",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_agent_config, redirect),
		.schema = &redirect_schema,
		.help = "Sends nodes that leave the choice of their home agent open to others (RFC 4433)."},
};

static int check_redirect(
	struct mip_config *config, const struct mip_config_group *group, const struct ha_agent_config *agent)
{
	const struct mip_config_group *redirect = mip_config_group_at(config, group, "redirect", 0);

	for (size_t i = 0; i < agent->redirect.home_agent_count; i++) {
		struct mip_address address = agent->redirect.home_agents[i].address;

		if (mip_address_is_unicast(address) && !mip_address_equal(address, agent->address))
			continue;
		return mip_config_error(config, mip_config_group_at(config, redirect, "home_agents", i),
			"address", "'address' = \"%s\" is no other home agent's", MIP_TEXT(address));
	}
	return 0;
}

static int check_agent(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct ha_agent_config *agent = object;

	if (agent->network_count == 0)
		return mip_config_error(config, group, "networks", "'networks' names no home network");
	return check_redirect(config, group, agent);
}

static const struct mip_schema agent_schema = {
	.size = sizeof(struct ha_agent_config),
	.settings = agent_settings,
	.count = MIP_ARRAY_SIZE(agent_settings),
	.check = check_agent,
};

/* --- mobile_nodes, foreign_agents ------------------------------------------------------------- */

static const struct mip_setting node_settings[] = {
	{.name = "home_address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = offsetof(struct ha_node_config, home_address),
		.present_offset = offsetof(struct ha_node_config, has_home_address),
		.help = "The node's home address, within one of the home networks."},
	{.name = "nai",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct ha_node_config, nai),
		.help = "The name that the node gives itself (RFC 2794); without a home_address it gets one "
			"from "
			"the address_pool."},
	/* rfc5944-3.8.1-2: MUST be configured with the Mobility Security Association of each authorized
	 * mobile node. */
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_node_config, security),
		.required = true,
		.schema = &mip_security_schema,
		.help = "The association between the node and its home agent."},
	{.name = "aaa",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_node_config, aaa),
		.present_offset =
			offsetof(struct ha_node_config, aaa) + offsetof(struct mip_security_config, present),
		.schema = &mip_aaa_schema,
		.help = "The Mobile-AAA association (RFC 4721), which authorizes a request too."},
};

static int check_node(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct ha_node_config *node = object;
	size_t length = node->nai ? strlen(node->nai) : 0;

	if (!node->has_home_address && length == 0)
		return mip_config_error(config, group, NULL, "a mobile node has a 'home_address' or a 'nai'");
	if (node->nai && (length == 0 || length > NAI_MAX))
		return mip_config_error(config, group, "nai",
			"'nai' has %zu characters; it must have from 1 to %d", length, NAI_MAX);
	return 0;
}

static const struct mip_schema node_schema = {
	.size = sizeof(struct ha_node_config),
	.settings = node_settings,
	.count = MIP_ARRAY_SIZE(node_settings),
	.check = check_node,
};

static const struct mip_setting foreign_agent_settings[] = {
	{.name = "address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = offsetof(struct ha_foreign_agent_config, address),
		.required = true,
		.help = "The address that its requests come from: its care-of address."},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_foreign_agent_config, security),
		.required = true,
		.schema = &mip_security_schema,
		.help = "The association between the foreign agent and this home agent."},
};

static const struct mip_schema foreign_agent_schema = {
	.size = sizeof(struct ha_foreign_agent_config),
	.settings = foreign_agent_settings,
	.count = MIP_ARRAY_SIZE(foreign_agent_settings),
};

/* --- the file --------------------------------------------------------------------------------- */

static const struct mip_setting settings[] = {
	{.name = "control",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct ha_config, control),
		.otherwise = "/run/mip/ha.sock",
		.help = "The control socket, for mipctl."},
	{.name = "user",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct ha_config, user),
		.help = "The user that it becomes, USER or USER:GROUP, names or numbers; left out: mip, if "
			"there is "
			"one."},
	{.name = "state",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct ha_config, state),
		.otherwise = "/var/lib/mip/ha",
		.help = "The folder for what survives a restart; \"\" keeps nothing."},
	{.name = "data_plane",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct ha_config, data_plane),
		.otherwise = "auto",
		.choices = mip_plane_names,
		.help = "What carries the tunnelled packets."},
	{.name = "clamp_mss",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct ha_config, clamp_mss),
		.otherwise = "false",
		.help = "Lower TCP's maximum segment size to what fits into the tunnel."},
	{.name = "icmp_rate",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_config, icmp_rate),
		.otherwise = "100",
		.least = 1,
		.most = 1000000,
		.help = "ICMP errors a second to senders of what a tunnel does not take (counter "
			"drop_icmp_limit)."},
	{.name = "tunnel_interface",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = offsetof(struct ha_config, tunnel_interface),
		.otherwise = "mip0",
		.help = "The name of the tunnel device."},
	{.name = "tunnel_mtu",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct ha_config, tunnel_mtu),
		.otherwise = "1468",
		.least = MIP_TUNNEL_MTU_LEAST,
		.most = MIP_TUNNEL_MTU_MOST,
		.help = "The largest packet inside the tunnel."},
	{.name = "home_agent",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = offsetof(struct ha_config, home_agent),
		.required = true,
		.schema = &agent_schema,
		.help = "The home agent itself."},
	{.name = "mobile_nodes",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = offsetof(struct ha_config, mobile_nodes),
		.count_offset = offsetof(struct ha_config, mobile_node_count),
		.schema = &node_schema,
		.help = "The mobile nodes that have their home here."},
	{.name = "address_pool",
		.type = MIP_SETTING_TYPE_RANGE,
		.offset = offsetof(struct ha_config, address_pool),
		.present_offset = offsetof(struct ha_config, has_address_pool),
		.help = "Home addresses for nodes that have an NAI only."},
	{.name = "foreign_agents",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = offsetof(struct ha_config, foreign_agents),
		.count_offset = offsetof(struct ha_config, foreign_agent_count),
		.schema = &foreign_agent_schema,
		.help = "Foreign agents that share an association with this home agent."},
};

static int check_top(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct ha_config *ha = object;

	return mip_config_check_interface(config, group, "tunnel_interface", ha->tunnel_interface);
}

const struct mip_schema ha_schema = {
	.size = sizeof(struct ha_config),
	.settings = settings,
	.count = MIP_ARRAY_SIZE(settings),
	.check = check_top,
};

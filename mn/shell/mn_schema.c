/*
 * The table of the settings in mn.conf, and what the table cannot tell.
 */
#include "mn_schema.h"

#include <errno.h>
#include <string.h>
#include "monitor.h"
#include "packet.h"
#include "plane.h"
#include "privilege.h"
#include "registration.h"

enum {
	NAI_MAX = 253,		    /* RFC 4282 2.2 */
	RULES = 4,		    /* mn_routing.c */
	LAST_RULE_PRIORITY = 32765, /* the main table's rule has 32766 */
	FIRST_KERNEL_TABLE = 253,   /* default, main, local */
	LAST_KERNEL_TABLE = 255,
};

#define IN_INTERFACE(member)  offsetof(struct mn_config_interface, member)
#define IN_NODE(member)	      offsetof(struct mn_config_node, member)
#define IN_AGENT(member)      offsetof(struct mn_config_foreign_agent, member)
#define IN_HOME_AGENT(member) offsetof(struct mn_config_home_agent, member)
#define IN_CONFIG(member)     offsetof(struct mn_config, member)
#define PRESENT		      offsetof(struct mip_security_config, present)

/* That in UDP is not chosen here: it is asked for with each of them. */
static const struct mip_name encapsulation_names[] = {
	{MIP_ENCAPSULATION_IPIP, "ipip"},
	{MIP_ENCAPSULATION_GRE, "gre"},
	{MIP_ENCAPSULATION_MINIMAL, "minimal"},
	{0, NULL},
};

static const struct mip_name delivery_names[] = {
	{MN_DELIVERY_DIRECT, "direct"},
	{MN_DELIVERY_ENCAPSULATING, "encapsulating"},
	{0, NULL},
};

static const struct mip_name assignment_names[] = {
	{MN_ASSIGNMENT_OFF, "off"},
	{MN_ASSIGNMENT_ANY, "any"},
	{MN_ASSIGNMENT_HOME, "home"},
	{0, NULL},
};

/* --- mobile_node.interfaces ------------------------------------------------------------------- */

static const struct mip_setting interface_settings[] = {
	{.name = "name",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_INTERFACE(name),
		.required = true,
		.help = "The interface."},
	{.name = "priority",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_INTERFACE(priority),
		.otherwise = "100",
		.least = 0,
		.most = 1000000,
		.help = "The interface with the lowest number is preferred; among equals the first."},
	{.name = "optional",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_INTERFACE(optional),
		.otherwise = "false",
		.help = "The interface may be missing when the node starts, and appear later."},
};

static int check_interface(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct mn_config_interface *interface = object;

	return mip_config_check_interface(config, group, "name", interface->name);
}

static const struct mip_schema interface_schema = {
	.size = sizeof(struct mn_config_interface),
	.settings = interface_settings,
	.count = MIP_ARRAY_SIZE(interface_settings),
	.check = check_interface,
};

/* --- mobile_node ------------------------------------------------------------------------------ */

static const struct mip_setting limit_settings[] = {
	{.name = "agents_per_link",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mn_config_limits, agents_per_link),
		.otherwise = "64",
		.least = 1,
		.most = 10000,
		.help = "Agents that are remembered of one link; beyond, one that never served the node "
			"makes room "
			"(counter agents_displaced)."},
	{.name = "log_lines",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mn_config_limits, log_lines),
		.otherwise = "10",
		.least = 1,
		.most = 1000000,
		.help = "Lines in 10 s, in the log, about what anybody can cause (counter "
			"log_lines_withheld)."},
};

static const struct mip_schema limits_schema = {
	.size = sizeof(struct mn_config_limits),
	.settings = limit_settings,
	.count = MIP_ARRAY_SIZE(limit_settings),
};

static const struct mip_setting node_settings[] = {
	{.name = "home_address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_NODE(home_address),
		.help = "The address that the node keeps wherever it is; left out, the home agent gives one "
			"to "
			"the node of this nai."},
	{.name = "nai",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_NODE(nai),
		.help = "The Network Access Identifier, user@realm."},
	{.name = "home_prefix",
		.type = MIP_SETTING_TYPE_PREFIX,
		.offset = IN_NODE(home_prefix),
		.help = "The home network; needed unless the home agent gives the home address."},
	{.name = "home_agent",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_NODE(home_agent),
		.help = "The home agent; left out, it is found by dynamic home agent address resolution."},
	{.name = "dynamic_home_agent",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = IN_NODE(dynamic_home_agent),
		.otherwise = "off",
		.choices = assignment_names,
		.help = "Leaves the choice of the home agent to the network (RFC 4433): any, or preferably "
			"one of "
			"the home domain; home_agent is the one to ask first, then."},
	{.name = "interfaces",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = IN_NODE(interfaces),
		.count_offset = IN_NODE(interface_count),
		.required = true,
		.schema = &interface_schema,
		.help = "The interfaces that the node moves among."},
	{.name = "care_of",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = IN_NODE(care_of),
		.otherwise = "any",
		.choices = mn_care_of_names,
		.help = "Which kind of care-of address is used; with any, a foreign agent is preferred on "
			"the "
			"same interface."},
	{.name = "move_detection",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = IN_NODE(move_detection),
		.otherwise = "lifetime",
		.choices = mn_move_detection_names,
		.help = "What makes the node leave its foreign agent for another on the same link: silence "
			"for "
			"the lifetime of its advertisements; also a new agent of another network; or any new "
			"agent."},
	{.name = "reverse_tunnel",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(reverse_tunnel),
		.otherwise = "true",
		.help = "Send packets from the home address back through the home agent."},
	{.name = "delivery",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = IN_NODE(delivery),
		.otherwise = "direct",
		.choices = delivery_names,
		.help = "How packets for the reverse tunnel go to a foreign agent (RFC 3024 5): as they are, "
			"or in a tunnel of "
			"their own. Broadcasts and multicasts, and joining groups of the home link, need the "
			"latter; where an "
			"agent does not have it, it is direct."},
	{.name = "broadcast",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(broadcast),
		.otherwise = "false",
		.help = "Ask the home agent for the broadcasts of the home link (B)."},
	{.name = "encapsulation",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = IN_NODE(encapsulation),
		.otherwise = "ipip",
		.choices = encapsulation_names,
		.help = "The encapsulation that is asked for, where the foreign agent offers it; elsewhere, "
			"and where it is refused, IP in IP is used."},
	{.name = "nat_traversal",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(nat_traversal),
		.otherwise = "true",
		.help = "Offer to tunnel in UDP when there is a NAT on the way."},
	{.name = "force_udp",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(force_udp),
		.otherwise = "false",
		.help = "Ask for the tunnel in UDP also when no NAT is seen."},
	{.name = "revocation",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(revocation),
		.otherwise = "false",
		.help = "With a co-located care-of address, ask to be told when the home agent ends the "
			"binding "
			"(RFC 3543); takes UDP port 434."},
	{.name = "simultaneous",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(simultaneous),
		.otherwise = "false",
		.help = "Keep the binding before a handover beside the new one (S) for as long as grace "
			"says, so that "
			"nothing is lost when a link dies; packets come twice meanwhile."},
	{.name = "newest_first",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(newest_first),
		.otherwise = "false",
		.help = "Go eagerly to the interface where an agent, or a link, was found last, whatever the "
			"priorities: before the link that the node comes from is lost."},
	{.name = "lifetime",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_NODE(lifetime),
		.otherwise = "600",
		.least = MIP_SECOND,
		.most = MIP_LIFETIME_INFINITE * MIP_SECOND,
		.unit = "s",
		.help = "The registration lifetime that is asked for; 65535 is without an end."},
	{.name = "deregister_on_exit",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_NODE(deregister_on_exit),
		.otherwise = "true",
		.help = "Tell the home agent when the daemon is stopped away from home."},
	{.name = "agent_wait",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_NODE(agent_wait),
		.otherwise = "0.05",
		.least = 0,
		.most = 10 * MIP_SECOND,
		.unit = "s",
		.help = "How long an agent on a link that has come up may take to answer, before a "
			"co-located "
			"care-of address there is registered."},
	{.name = "keepalive_interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_NODE(keepalive_interval),
		.otherwise = "110",
		.least = 10 * MIP_SECOND,
		.most = 86400 * MIP_SECOND,
		.unit = "s",
		.help = "How often a NAT's mapping is refreshed, unless the home agent names another "
			"interval."},
	{.name = "grace",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_NODE(grace),
		.otherwise = "3",
		.least = 0,
		.most = 60 * MIP_SECOND,
		.unit = "s",
		.help = "How long packets by the tunnel before a move are still taken."},
	{.name = "limits",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_NODE(limits),
		.schema = &limits_schema,
		.help = "How much strangers on the links can cause."},
	{.name = "port",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_NODE(port),
		.otherwise = "0",
		.least = 0,
		.most = UINT16_MAX,
		.help = "The UDP port that requests are sent from; 0 lets the kernel choose one."},
	{.name = "rule_priority",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_NODE(rule_priority),
		.otherwise = "1000",
		.least = 1,
		.most = LAST_RULE_PRIORITY - RULES + 1,
		.help = "The priority of the first of four routing rules; the others follow it."},
	{.name = "routing_table",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_NODE(routing_table),
		.otherwise = "434",
		.least = 1,
		.most = INT32_MAX,
		.help = "The number of the first routing table; one more for each interface follows it."},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_NODE(security),
		.present_offset = IN_NODE(security) + PRESENT,
		.required = true,
		.schema = &mip_security_schema,
		.help = "The security association with the home agent."},
	{.name = "aaa",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_NODE(aaa),
		.present_offset = IN_NODE(aaa) + PRESENT,
		.schema = &mip_aaa_schema,
		.help = "The Mobile-AAA association, for foreign agents that send challenges."},
};

static bool is_reserved(struct mip_prefix prefix, struct mip_address address)
{
	return prefix.length < 31 && (mip_address_equal(address, prefix.address) ||
					     mip_address_equal(address, mip_prefix_broadcast(prefix)));
}

/* rfc5944-3.6-1: MUST be configured with a netmask and a Mobility Security Association. */
static int check_home(
	struct mip_config *config, const struct mip_config_group *group, const struct mn_config_node *node)
{
	bool has_address = !mip_address_is_none(node->home_address);
	char text[MIP_PREFIX_TEXT];
	bool assigned = node->dynamic_home_agent != MN_ASSIGNMENT_OFF;

	/* rfc4433-1-1, rfc4433-3.3-1, rfc4433-5.1-1: MUST use the NAI, and obtain a home address. */
	if (assigned && (has_address || !node->nai))
		return mip_config_error(config, group, "dynamic_home_agent",
			"'dynamic_home_agent' needs a 'nai', and no 'home_address'");
	if (node->home_prefix.length == 0 &&
		(has_address || (mip_address_is_none(node->home_agent) && !assigned)))
		return mip_config_error(config, group, NULL, "'home_prefix' is missing");
	if (!assigned && mip_address_is_none(node->home_agent) && node->home_prefix.length >= 31)
		return mip_config_error(config, group, "home_prefix",
			"'home_prefix' has no broadcast address, by which a 'home_agent' could be found");
	if (!has_address)
		return 0;
	if (!mip_prefix_contains(node->home_prefix, node->home_address) ||
		is_reserved(node->home_prefix, node->home_address))
		return mip_config_error(config, group, "home_address",
			"'home_address' = \"%s\" is no node's address in 'home_prefix' = \"%s\"",
			MIP_TEXT(node->home_address), mip_prefix_text(node->home_prefix, text));
	if (mip_address_equal(node->home_address, node->home_agent))
		return mip_config_error(
			config, group, "home_agent", "'home_agent' is the same as 'home_address'");
	return 0;
}

static int check_nai(
	struct mip_config *config, const struct mip_config_group *group, const struct mn_config_node *node)
{
	size_t length = node->nai ? strlen(node->nai) : 0;

	if (!node->nai && mip_address_is_none(node->home_address))
		return mip_config_error(config, group, NULL, "a 'home_address' or a 'nai' is needed");
	if (node->nai && (length == 0 || length > NAI_MAX))
		return mip_config_error(
			config, group, "nai", "'nai' must have from 1 to %d characters", NAI_MAX);
	return 0;
}

static int check_interfaces(
	struct mip_config *config, const struct mip_config_group *group, const struct mn_config_node *node)
{
	if (node->interface_count == 0)
		return mip_config_error(config, group, "interfaces", "'interfaces' is empty");
	for (size_t i = 0; i < node->interface_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(node->interfaces[i].name, node->interfaces[j].name) == 0)
				return mip_config_error(config,
					mip_config_group_at(config, group, "interfaces", i), "name",
					"the interface '%s' is named twice", node->interfaces[i].name);
	return 0;
}

static int check_tables(
	struct mip_config *config, const struct mip_config_group *group, const struct mn_config_node *node)
{
	int64_t first = node->routing_table, last = first + (int64_t)node->interface_count;

	if (last < FIRST_KERNEL_TABLE || first > LAST_KERNEL_TABLE)
		return 0;
	return mip_config_error(config, group, "routing_table",
		"the routing tables %lld to %lld overlap with the kernel's own, %d to %d", (long long)first,
		(long long)last, FIRST_KERNEL_TABLE, LAST_KERNEL_TABLE);
}

static int check_node(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct mn_config_node *node = object;
	int result = check_nai(config, group, node);

	if (result == 0)
		result = check_home(config, group, node);
	if (result == 0)
		result = check_interfaces(config, group, node);
	if (result == 0)
		result = check_tables(config, group, node);
	if (result == 0 && node->revocation && node->port != 0 && node->port != MIP_REGISTRATION_PORT)
		result = mip_config_error(config, group, "port",
			"'port' must be %d with 'revocation': that is where a home agent sends to",
			MIP_REGISTRATION_PORT);
	if (result == 0 && node->force_udp && !node->nat_traversal)
		result = mip_config_error(
			config, group, "force_udp", "'force_udp' needs 'nat_traversal' to be true");
	return result;
}

static const struct mip_schema node_schema = {
	.size = sizeof(struct mn_config_node),
	.settings = node_settings,
	.count = MIP_ARRAY_SIZE(node_settings),
	.check = check_node,
};

/* --- foreign_agents --------------------------------------------------------------------------- */

static const struct mip_setting agent_settings[] = {
	{.name = "address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_AGENT(address),
		.required = true,
		.help = "The foreign agent, as its advertisements' source address."},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_AGENT(security),
		.present_offset = IN_AGENT(security) + PRESENT,
		.required = true,
		.schema = &mip_security_schema,
		.help = "The security association with it (Mobile-Foreign authentication)."},
};

static const struct mip_schema agent_schema = {
	.size = sizeof(struct mn_config_foreign_agent),
	.settings = agent_settings,
	.count = MIP_ARRAY_SIZE(agent_settings),
};

/* --- home_agents ------------------------------------------------------------------------------ */

static const struct mip_setting home_agent_settings[] = {
	{.name = "address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_HOME_AGENT(address),
		.required = true,
		.help = "A home agent that may be assigned or found."},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_HOME_AGENT(security),
		.present_offset = IN_HOME_AGENT(security) + PRESENT,
		.required = true,
		.schema = &mip_security_schema,
		.help = "The security association with it, in place of the mobile_node's."},
};

static const struct mip_schema home_agent_schema = {
	.size = sizeof(struct mn_config_home_agent),
	.settings = home_agent_settings,
	.count = MIP_ARRAY_SIZE(home_agent_settings),
};

/* --- the whole -------------------------------------------------------------------------------- */

static const struct mip_setting settings[] = {
	{.name = "control",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_CONFIG(control),
		.otherwise = "/run/mip/mn.sock",
		.help = "The control socket."},
	{.name = "state",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_CONFIG(state),
		.otherwise = "",
		.help = "The folder for what survives a restart; \"\" keeps nothing."},
	{.name = "user",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_CONFIG(user),
		.help = "The user that it becomes, USER or USER:GROUP, names or numbers; left out: mip, if "
			"there is "
			"one."},
	{.name = "data_plane",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = IN_CONFIG(data_plane),
		.otherwise = "auto",
		.choices = mip_plane_names,
		.help = "What carries the tunnelled packets."},
	{.name = "clamp_mss",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_CONFIG(clamp_mss),
		.otherwise = "false",
		.help = "Lower TCP's maximum segment size to what fits into the tunnel."},
	{.name = "icmp_rate",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_CONFIG(icmp_rate),
		.otherwise = "100",
		.least = 1,
		.most = 1000000,
		.help = "ICMP errors a second to senders of what a tunnel does not take (counter "
			"drop_icmp_limit)."},
	{.name = "tunnel_interface",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_CONFIG(tunnel_interface),
		.otherwise = "mip0",
		.help = "The name of the tunnel device."},
	{.name = "tunnel_mtu",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_CONFIG(tunnel_mtu),
		.otherwise = "1468",
		.least = MIP_TUNNEL_MTU_LEAST,
		.most = MIP_TUNNEL_MTU_MOST,
		.help = "The largest packet inside the tunnel."},
	{.name = "mobile_node",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_CONFIG(node),
		.required = true,
		.schema = &node_schema,
		.help = "The node itself."},
	{.name = "foreign_agents",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = IN_CONFIG(foreign_agents),
		.count_offset = IN_CONFIG(foreign_agent_count),
		.schema = &agent_schema,
		.help = "Foreign agents with which a security association is shared."},
	{.name = "home_agents",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = IN_CONFIG(home_agents),
		.count_offset = IN_CONFIG(home_agent_count),
		.schema = &home_agent_schema,
		.help = "Home agents with which an association of their own is shared."},
};

static int check_home_agents(
	struct mip_config *config, const struct mip_config_group *group, const struct mn_config *all)
{
	for (size_t i = 0; i < all->home_agent_count; i++)
		for (size_t j = 0; j < i; j++)
			if (mip_address_equal(all->home_agents[i].address, all->home_agents[j].address))
				return mip_config_error(config,
					mip_config_group_at(config, group, "home_agents", i), "address",
					"the home agent %s is named twice",
					MIP_TEXT(all->home_agents[i].address));
	return 0;
}

static int check_all(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct mn_config *all = object;
	int result = mip_config_check_interface(config, group, "tunnel_interface", all->tunnel_interface);

	if (result == 0)
		result = check_home_agents(config, group, all);
	if (result < 0)
		return result;
	for (size_t i = 0; i < all->foreign_agent_count; i++)
		for (size_t j = 0; j < i; j++)
			if (mip_address_equal(all->foreign_agents[i].address, all->foreign_agents[j].address))
				return mip_config_error(config,
					mip_config_group_at(config, group, "foreign_agents", i), "address",
					"the foreign agent %s is named twice",
					MIP_TEXT(all->foreign_agents[i].address));
	return 0;
}

const struct mip_schema mn_schema = {
	.size = sizeof(struct mn_config),
	.settings = settings,
	.count = MIP_ARRAY_SIZE(settings),
	.check = check_all,
};

int mn_schema_check_system(struct mip_config *config, void *configuration)
{
	const struct mn_config *all = configuration;
	const struct mip_config_group *node =
		mip_config_group_at(config, mip_config_top(config), "mobile_node", 0);
	int result = mip_privilege_check(config, all->user);

	for (size_t i = 0; i < all->node.interface_count; i++) {
		const struct mn_config_interface *interface = &all->node.interfaces[i];

		if (interface->optional || mip_link_index(interface->name) != MIP_LINK_NONE)
			continue;
		result = mip_config_error(config, mip_config_group_at(config, node, "interfaces", i), "name",
			"there is no interface '%s'", interface->name);
	}
	return result;
}

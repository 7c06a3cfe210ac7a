/*
 * The settings of mip-fa: a table for each group, and what the types alone cannot tell.
 */
#include "fa_schema.h"

#include <errno.h>
#include <string.h>

#include "monitor.h"
#include "plane.h"
#include "privilege.h"

#define IN_INTERFACE(member)  offsetof(struct fa_config_interface, member)
#define IN_ADVERTISE(member)  offsetof(struct fa_config_advertise, member)
#define IN_AGENT(member)      offsetof(struct fa_config_agent, member)
#define IN_HOME_AGENT(member) offsetof(struct fa_config_home_agent, member)
#define IN_NODE(member)	      offsetof(struct fa_config_mobile_node, member)
#define IN_CONFIG(member)     offsetof(struct fa_config, member)

enum {
	TABLE_LOCAL = 255, /* and main, default below: tables that the host has itself */
	TABLE_DEFAULT = 253,
	TABLES_BEHIND = 2,	    /* that are used beside the one that is named */
	RULE_PRIORITY_MAIN = 32766, /* where the host looks into its main table */
	/* Seconds that the lifetime field of an advertisement, or of a registration, can hold. */
	ADVERTISEMENT_LIFETIME_MOST = 9000, /* RFC 1256 4.1 */
};

static const struct mip_setting interface_settings[] = {
	{.name = "name",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_INTERFACE(name),
		.required = true,
		.help = "A link on which visitors are served."},
};

static int check_interface(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct fa_config_interface *interface = object;

	return mip_config_check_interface(config, group, "name", interface->name);
}

static const struct mip_schema interface_schema = {
	.size = sizeof(struct fa_config_interface),
	.settings = interface_settings,
	.count = MIP_ARRAY_SIZE(interface_settings),
	.check = check_interface,
};

static const struct mip_setting advertise_settings[] = {
	{.name = "interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_ADVERTISE(interval),
		.otherwise = "1.0",
		.least = 50 * MIP_MILLISECOND,
		.most = 1800 * MIP_SECOND,
		.unit = "s",
		.help = "The longest time between two advertisements on a link."},
	{.name = "lifetime",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_ADVERTISE(lifetime),
		.otherwise = "3.0",
		.least = MIP_SECOND,
		.most = ADVERTISEMENT_LIFETIME_MOST * MIP_SECOND,
		.unit = "s",
		.help = "How long a node may rely on an advertisement; three intervals or more."},
	{.name = "challenge",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_ADVERTISE(challenge),
		.otherwise = "false",
		.help = "Challenges (RFC 4721) in advertisements and replies, which requests must answer; "
			"needs a "
			"'security' or 'aaa' association of a node under mobile_nodes."},
	/* rfc4721-9-1, -2: CHALLENGE_WINDOW SHOULD be configurable, is 2 by default and SHOULD be no less. */
	{.name = "challenge_window",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_ADVERTISE(challenge_window),
		.otherwise = "2",
		.least = FA_CHALLENGE_WINDOW_LEAST,
		.most = FA_CHALLENGE_WINDOW_MOST,
		.help = "How many of a link's last advertised challenges are accepted (CHALLENGE_WINDOW)."},
	{.name = "challenges_most",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_ADVERTISE(challenges_most),
		.otherwise = "10000",
		.least = 1,
		.most = 10000000,
		.help = "Nodes whose challenges are remembered; when none can be forgotten, more get code "
			"66."},
	{.name = "prefix",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_ADVERTISE(prefix),
		.otherwise = "false",
		.help = "Tells the prefix length of the link; all agents of a link must, or none (RFC 5944 "
			"2.3)."},
	{.name = "solicited_only",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_ADVERTISE(solicited_only),
		.otherwise = "false",
		.help = "Advertises only when a node asks."},
	{.name = "broadcast",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_ADVERTISE(broadcast),
		.otherwise = "false",
		.help = "Advertises to 255.255.255.255 in place of 224.0.0.1."},
};

static int check_advertise(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct fa_config_advertise *advertise = object;

	/* rfc4721-2.1-1: what is solicited and multicast MUST NOT have a new challenge; there would be no
	 * other. */
	if (advertise->challenge && advertise->solicited_only)
		return mip_config_error(
			config, group, "challenge", "'challenge' = true needs 'solicited_only' = false");
	/* RFC 5944 2.1: an agent that is silent for longer than it promised is taken for lost. */
	if (advertise->lifetime < advertise->interval)
		return mip_config_error(
			config, group, "lifetime", "'lifetime' must not be shorter than 'interval'");
	return 0;
}

static const struct mip_schema advertise_schema = {
	.size = sizeof(struct fa_config_advertise),
	.settings = advertise_settings,
	.count = MIP_ARRAY_SIZE(advertise_settings),
	.check = check_advertise,
};

/* --- revocation ------------------------------------------------------------------------------- */

static const struct mip_setting revocation_settings[] = {
	{.name = "enabled",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct mip_revocation_config, enabled),
		.otherwise = "false",
		.help = "Agrees to revocation (RFC 3543) with home agents that share an association; "
			"advertises X and R, and denies "
			"co-located nodes with code 65."},
	{.name = "inform_bit",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct mip_revocation_config, inform_bit),
		.otherwise = "true",
		.help = "Offers home agents the decision whether a node that is revoked is informed (I)."},
	{.name = "inform",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = offsetof(struct mip_revocation_config, inform),
		.otherwise = "true",
		.help = "What is done where the home agent does not decide: a node is told by an "
			"advertisement."},
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
		.help = "Revocations of one home agent that are acknowledged in a second (counter "
			"drop_revocation_limit); 0: no limit."},
};

static const struct mip_schema revocation_schema = {
	.size = sizeof(struct mip_revocation_config),
	.settings = revocation_settings,
	.count = MIP_ARRAY_SIZE(revocation_settings),
};

#define IN_LIMITS(member) offsetof(struct fa_config_limits, member)

static const struct mip_setting limit_settings[] = {
	{.name = "requests_per_node",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_LIMITS(requests_per_node),
		.otherwise = "20",
		.least = 0,
		.most = 1000000,
		.help = "Requests a second that are relayed of one link address (counter "
			"drop_request_limit); "
			"0: no limit."},
	{.name = "denials",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_LIMITS(denials),
		.otherwise = "1000",
		.least = 1,
		.most = 1000000,
		.help = "Denials a second in all, of which one node gets one (counter drop_denial_limit)."},
	{.name = "icmp_errors",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_LIMITS(icmp_errors),
		.otherwise = "100",
		.least = 0,
		.most = 1000000,
		.help = "ICMP errors about relayed requests that are looked at in a second (counter "
			"drop_icmp_error_limit); 0: no limit."},
	{.name = "solicited",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_LIMITS(solicited),
		.otherwise = "50",
		.least = 0,
		.most = 1000000,
		.help = "Unicast advertisements a second in answer to solicitations, on a link; beyond, one "
			"multicast answers "
			"all (counter solicitations_limited); 0: no limit."},
	{.name = "log_lines",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_LIMITS(log_lines),
		.otherwise = "10",
		.least = 1,
		.most = 1000000,
		.help = "Lines in 10 s, in the log, about what anybody can cause (counter "
			"log_lines_withheld)."},
};

static const struct mip_schema limits_schema = {
	.size = sizeof(struct fa_config_limits),
	.settings = limit_settings,
	.count = MIP_ARRAY_SIZE(limit_settings),
};

static const struct mip_setting agent_settings[] = {
	/* rfc5944-3.7.1-1: each foreign agent MUST be configured with a care-of address. */
	{.name = "care_of_address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_AGENT(care_of_address),
		.required = true,
		.help = "The address of this host at which the tunnels to the visitors end."},
	{.name = "interfaces",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = IN_AGENT(interfaces),
		.count_offset = IN_AGENT(interface_count),
		.required = true,
		.schema = &interface_schema,
		.help = "The links on which visitors are served."},
	{.name = "registration_lifetime",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_AGENT(registration_lifetime),
		.otherwise = "1800",
		.least = MIP_SECOND,
		.most = UINT16_MAX * MIP_SECOND,
		.unit = "s",
		.help = "The longest lifetime that a node may ask for; 65535 is without end."},
	{.name = "advertise",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_AGENT(advertise),
		.schema = &advertise_schema,
		.help = "How the agent makes itself known."},
	{.name = "revocation",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_AGENT(revocation),
		.schema = &revocation_schema,
		.help = "How registrations that end early are told to home agents and nodes (RFC 3543)."},
	{.name = "registration_required",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(registration_required),
		.otherwise = "false",
		.help = "Asks nodes with an address of their own to register here too (R)."},
	{.name = "reverse_tunnel",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(reverse_tunnel),
		.otherwise = "true",
		.help = "Offers reverse tunnels (T, RFC 3024); requests for one get code 74 otherwise."},
	{.name = "reverse_tunnel_required",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(reverse_tunnel_required),
		.otherwise = "false",
		.help = "Denies requests without a reverse tunnel with code 75."},
	{.name = "reverse_tunnel_for_private",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(reverse_tunnel_for_private),
		.otherwise = "false",
		.help = "The same for nodes with a private home address (RFC 1918) only, whose packets would "
			"find no way."},
	{.name = "encapsulating_delivery",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(encapsulating_delivery),
		.otherwise = "true",
		.help = "Takes packets from visitors in tunnels of their own, if they ask for that (RFC 3024 "
			"5.2), which "
			"broadcasts and multicasts need; requests for it get code 79 otherwise."},
	{.name = "behind_nat",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(behind_nat),
		.otherwise = "false",
		.help = "There is a NAT between the care-of address and the home agents: asks them for "
			"tunnels in UDP (RFC "
			"3519), and says so to nodes (U)."},
	{.name = "nat_keeps_sources",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(nat_keeps_sources),
		.otherwise = "false",
		.help = "That NAT leaves public source addresses alone: without it, requests without a "
			"reverse tunnel get "
			"code 75."},
	{.name = "keepalive_interval",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_AGENT(keepalive_interval),
		.otherwise = "110",
		.least = 10 * MIP_SECOND,
		.most = 3600 * MIP_SECOND,
		.unit = "s",
		.help = "The longest time between keep-alives for the NAT; the home agent may name a shorter "
			"one."},
	{.name = "gre_encapsulation",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(gre_encapsulation),
		.otherwise = "true",
		.help = "Offers GRE tunnels (G); requests for one get code 72 otherwise."},
	{.name = "minimal_encapsulation",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(minimal_encapsulation),
		.otherwise = "true",
		.help = "The same for minimal encapsulation (M, RFC 2004)."},
	{.name = "home_agents_only",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(home_agents_only),
		.otherwise = "false",
		.help = "Relays to the home agents under home_agents only; others get code 65."},
	{.name = "mobile_nodes_only",
		.type = MIP_SETTING_TYPE_BOOLEAN,
		.offset = IN_AGENT(mobile_nodes_only),
		.otherwise = "false",
		.help = "Serves the nodes under mobile_nodes only; others get code 65."},
	{.name = "default_home_agent",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_AGENT(default_home_agent),
		.help = "The home agent of nodes that leave the choice open (RFC 4433); without one for them "
			"they "
			"get code 90."},
	{.name = "request_timeout",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = IN_AGENT(request_timeout),
		.otherwise = "7",
		.least = 100 * MIP_MILLISECOND,
		.most = 300 * MIP_SECOND,
		.unit = "s",
		.help = "How long a relayed request waits for its reply before code 78."},
	{.name = "pending_most",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_AGENT(pending_most),
		.otherwise = "1000",
		.least = 1,
		.most = 1000000,
		.help = "Requests that may wait for their replies at once; more get code 66."},
	{.name = "pending_per_node_most",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_AGENT(pending_per_node_most),
		.otherwise = "5",
		.least = 1,
		.most = 1000000,
		.help = "The same for one link address."},
	{.name = "visitors_most",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_AGENT(visitors_most),
		.otherwise = "10000",
		.least = 0,
		.most = 10000000,
		.help = "Visitors at once; when full the agent says busy (B), and more get code 66. 0: no "
			"limit."},
	{.name = "limits",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_AGENT(limits),
		.schema = &limits_schema,
		.help = "How much strangers on the visited links can cause."},
	{.name = "routing_table",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_AGENT(routing_table),
		.otherwise = "79",
		.least = 1,
		.most = UINT32_MAX - TABLES_BEHIND,
		.help = "The routing table that leads visitors' packets into the reverse tunnels; the one "
			"after it leads to the visitors, the next one nowhere."},
	{.name = "rule_priority",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = IN_AGENT(rule_priority),
		.otherwise = "790",
		.least = 1,
		.most = RULE_PRIORITY_MAIN - 1,
		.help = "The priority of the routing rules that choose that table."},
};

/* The same value twice in a list? `same` compares two elements; the later one is complained about. */
static int check_unique(struct mip_config *config, const struct mip_config_group *group, const char *list,
	const char *name, const void *elements, size_t size, size_t count,
	bool (*same)(const void *a, const void *b))
{
	const char *first = elements;

	for (size_t i = 1; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (same(first + i * size, first + j * size))
				return mip_config_error(config, mip_config_group_at(config, group, list, i),
					name, "'%s' is the same as that of element %zu of '%s'", name, j + 1,
					list);
		}
	}
	return 0;
}

static bool same_interface(const void *a, const void *b)
{
	return strcmp(((const struct fa_config_interface *)a)->name,
		       ((const struct fa_config_interface *)b)->name) == 0;
}

static int check_agent(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct fa_config_agent *agent = object;

	if (agent->interface_count == 0)
		return mip_config_error(config, group, "interfaces", "'interfaces' names none");
	if (agent->reverse_tunnel_required && !agent->reverse_tunnel)
		return mip_config_error(config, group, "reverse_tunnel_required",
			"'reverse_tunnel_required' = true needs 'reverse_tunnel' = true");
	if (agent->reverse_tunnel_for_private && !agent->reverse_tunnel)
		return mip_config_error(config, group, "reverse_tunnel_for_private",
			"'reverse_tunnel_for_private' = true needs 'reverse_tunnel' = true");
	if (agent->behind_nat && !agent->nat_keeps_sources && !agent->reverse_tunnel)
		return mip_config_error(config, group, "behind_nat",
			"'behind_nat' = true needs 'reverse_tunnel' = true, or 'nat_keeps_sources' = true");
	if (agent->routing_table + TABLES_BEHIND >= TABLE_DEFAULT && agent->routing_table <= TABLE_LOCAL)
		return mip_config_error(config, group, "routing_table",
			"'routing_table' = %lld, or one of the two after it, is one of the host's own tables",
			(long long)agent->routing_table);
	return check_unique(config, group, "interfaces", "name", agent->interfaces,
		sizeof(agent->interfaces[0]), agent->interface_count, same_interface);
}

static const struct mip_schema agent_schema = {
	.size = sizeof(struct fa_config_agent),
	.settings = agent_settings,
	.count = MIP_ARRAY_SIZE(agent_settings),
	.check = check_agent,
};

static const struct mip_setting home_agent_settings[] = {
	{.name = "address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_HOME_AGENT(address),
		.required = true,
		.help = "A home agent."},
	{.name = "realm",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_HOME_AGENT(realm),
		.help = "It serves nodes of this realm (nai = user@realm) that leave the choice open (RFC "
			"4433)."},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_HOME_AGENT(security),
		.present_offset = IN_HOME_AGENT(security) + offsetof(struct mip_security_config, present),
		.schema = &mip_security_schema,
		.help = "The security association with it (Foreign-Home authentication)."},
};

static int check_home_agent(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct fa_config_home_agent *agent = object;

	if (agent->realm && (agent->realm[0] == '\0' || strchr(agent->realm, '@')))
		return mip_config_error(config, group, "realm",
			"'realm' is what stands behind the @ of a name: \"%s\" is not", agent->realm);
	return 0;
}

static const struct mip_schema home_agent_schema = {
	.size = sizeof(struct fa_config_home_agent),
	.settings = home_agent_settings,
	.count = MIP_ARRAY_SIZE(home_agent_settings),
	.check = check_home_agent,
};

static const struct mip_setting mobile_node_settings[] = {
	{.name = "home_address",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_NODE(home_address),
		.help = "The node's home address …"},
	{.name = "home_agent",
		.type = MIP_SETTING_TYPE_ADDRESS,
		.offset = IN_NODE(home_agent),
		.help = "Of several nodes with this home address, that of this home agent. Left out: any."},
	{.name = "nai",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_NODE(nai),
		.help = "… or its network access identifier, as in user@realm."},
	{.name = "security",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_NODE(security),
		.present_offset = IN_NODE(security) + offsetof(struct mip_security_config, present),
		.schema = &mip_security_schema,
		.help = "The security association with it (Mobile-Foreign authentication)."},
	{.name = "aaa",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_NODE(aaa),
		.present_offset = IN_NODE(aaa) + offsetof(struct mip_security_config, present),
		.schema = &mip_aaa_schema,
		.help = "Its Mobile-AAA association (RFC 4721), to be checked here."},
};

static int check_mobile_node(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct fa_config_mobile_node *node = object;
	bool has_nai = node->nai && node->nai[0] != '\0';

	if (node->nai && (!has_nai || strlen(node->nai) > UINT8_MAX))
		return mip_config_error(config, group, "nai", "'nai' must have from 1 to 255 characters");
	if (has_nai && !mip_address_is_none(node->home_agent))
		return mip_config_error(config, group, "home_agent",
			"'home_agent' is for a node that is named by 'home_address'");
	if (has_nai == mip_address_is_none(node->home_address))
		return 0;
	return mip_config_error(config, group, NULL,
		has_nai ? "a node is named by 'home_address' or by 'nai', not by both"
			: "a node needs a 'home_address' or a 'nai'");
}

static const struct mip_schema mobile_node_schema = {
	.size = sizeof(struct fa_config_mobile_node),
	.settings = mobile_node_settings,
	.count = MIP_ARRAY_SIZE(mobile_node_settings),
	.check = check_mobile_node,
};

static const struct mip_setting settings[] = {
	{.name = "control",
		.type = MIP_SETTING_TYPE_STRING,
		.offset = IN_CONFIG(control),
		.otherwise = "/run/mip/fa.sock",
		.help = "The control socket."},
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
	{.name = "foreign_agent",
		.type = MIP_SETTING_TYPE_GROUP,
		.offset = IN_CONFIG(agent),
		.required = true,
		.schema = &agent_schema,
		.help = "The agent itself."},
	{.name = "home_agents",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = IN_CONFIG(home_agents),
		.count_offset = IN_CONFIG(home_agent_count),
		.schema = &home_agent_schema,
		.help = "Home agents with which something is agreed."},
	{.name = "mobile_nodes",
		.type = MIP_SETTING_TYPE_LIST,
		.offset = IN_CONFIG(mobile_nodes),
		.count_offset = IN_CONFIG(mobile_node_count),
		.schema = &mobile_node_schema,
		.help = "Mobile nodes with which something is agreed."},
};

static bool same_home_agent(const void *a, const void *b)
{
	return mip_address_equal(((const struct fa_config_home_agent *)a)->address,
		((const struct fa_config_home_agent *)b)->address);
}

static bool same_mobile_node(const void *a, const void *b)
{
	const struct fa_config_mobile_node *first = a, *second = b;

	if (first->nai && second->nai)
		return strcmp(first->nai, second->nai) == 0;
	return !first->nai && !second->nai && mip_address_equal(first->home_address, second->home_address) &&
	       mip_address_equal(first->home_agent, second->home_agent);
}

/* The contract: `true` needs a Mobile-Foreign or Mobile-AAA association, or no answer could be told from
 * any other. */
static int check_challenge(
	struct mip_config *config, const struct mip_config_group *group, const struct fa_config *all)
{
	const struct mip_config_group *agent = mip_config_group_at(config, group, "foreign_agent", 0);

	if (!all->agent.advertise.challenge)
		return 0;
	for (size_t i = 0; i < all->mobile_node_count; i++) {
		if (all->mobile_nodes[i].security.present || all->mobile_nodes[i].aaa.present)
			return 0;
	}
	return mip_config_error(config, mip_config_group_at(config, agent, "advertise", 0), "challenge",
		"'challenge' = true needs a 'security' or 'aaa' association of a node under 'mobile_nodes'");
}

static bool is_a_home_agent(const struct fa_config *all, struct mip_address address)
{
	for (size_t i = 0; i < all->home_agent_count; i++)
		if (mip_address_equal(all->home_agents[i].address, address))
			return true;
	return false;
}

/* One that every request to it would be denied for. */
static int check_default_home_agent(
	struct mip_config *config, const struct mip_config_group *group, const struct fa_config *all)
{
	const struct mip_config_group *agent = mip_config_group_at(config, group, "foreign_agent", 0);
	struct mip_address address = all->agent.default_home_agent;

	if (mip_address_is_none(address))
		return 0;
	if (!mip_address_is_unicast(address))
		return mip_config_error(config, agent, "default_home_agent",
			"'default_home_agent' = \"%s\" is no host's address", MIP_TEXT(address));
	if (all->agent.home_agents_only && !is_a_home_agent(all, address))
		return mip_config_error(config, agent, "default_home_agent",
			"'home_agents_only' = true needs 'default_home_agent' = \"%s\" to be under "
			"'home_agents'",
			MIP_TEXT(address));
	return 0;
}

static int check_all(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct fa_config *all = object;
	int r = mip_config_check_interface(config, group, "tunnel_interface", all->tunnel_interface);

	if (r == 0)
		r = check_challenge(config, group, all);
	if (r == 0)
		r = check_default_home_agent(config, group, all);
	if (r < 0)
		return r;
	r = check_unique(config, group, "home_agents", "address", all->home_agents,
		sizeof(all->home_agents[0]), all->home_agent_count, same_home_agent);
	if (r < 0)
		return r;
	return check_unique(config, group, "mobile_nodes", "home_address", all->mobile_nodes,
		sizeof(all->mobile_nodes[0]), all->mobile_node_count, same_mobile_node);
}

const struct mip_schema fa_schema = {
	.size = sizeof(struct fa_config),
	.settings = settings,
	.count = MIP_ARRAY_SIZE(settings),
	.check = check_all,
};

int fa_schema_check_system(struct mip_config *config, void *configuration)
{
	const struct fa_config *all = configuration;
	const struct mip_config_group *agent =
		mip_config_group_at(config, mip_config_top(config), "foreign_agent", 0);
	int r = mip_privilege_check(config, all->user);

	for (size_t i = 0; i < all->agent.interface_count; i++) {
		if (mip_link_index(all->agent.interfaces[i].name) != MIP_LINK_NONE)
			continue;
		r = mip_config_error(config, mip_config_group_at(config, agent, "interfaces", i), "name",
			"there is no interface '%s'", all->agent.interfaces[i].name);
	}
	return r;
}

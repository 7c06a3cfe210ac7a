/*
 * What the table of settings cannot tell: whether the parts of ha.conf fit together, and the host. Every
 * complaint is one line, FILE:LINE, and all of them are made.
 */
#include "ha_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "privilege.h"

static const struct ha_network_config *network_of(const struct ha_config *ha, struct mip_address address)
{
	for (size_t i = 0; i < ha->home_agent.network_count; i++) {
		if (mip_prefix_contains(ha->home_agent.networks[i].prefix, address))
			return &ha->home_agent.networks[i];
	}
	return NULL;
}

/* The network's own address and its broadcast address belong to no node. */
static bool is_reserved(struct mip_prefix prefix, struct mip_address address)
{
	return prefix.length < 31 && (mip_address_equal(address, prefix.address) ||
					     mip_address_equal(address, mip_prefix_broadcast(prefix)));
}

static bool overlap(struct mip_prefix a, struct mip_prefix b)
{
	return mip_prefix_contains(a, b.address) || mip_prefix_contains(b, a.address);
}

static int check_network(
	struct mip_config *config, const struct mip_config_group *agent, const struct ha_config *ha, size_t i)
{
	const struct mip_config_group *group = mip_config_group_at(config, agent, "networks", i);
	const struct ha_network_config *network = &ha->home_agent.networks[i];
	char text[MIP_PREFIX_TEXT];

	for (size_t j = 0; j < i; j++) {
		if (overlap(network->prefix, ha->home_agent.networks[j].prefix))
			return mip_config_error(config, group, "prefix",
				"'%s' overlaps with another home network",
				mip_prefix_text(network->prefix, text));
	}
	if (!network->interface)
		return 0;
	if (network->interface[0] == '\0' || mip_link_index(network->interface) == 0)
		return mip_config_error(config, group, "interface", "there is no interface '%s' on this host",
			network->interface);
	return 0;
}

static int check_node(struct mip_config *config, const struct ha_config *ha, size_t i)
{
	const struct mip_config_group *group =
		mip_config_group_at(config, mip_config_top(config), "mobile_nodes", i);
	const struct ha_node_config *node = &ha->mobile_nodes[i];
	const struct ha_network_config *network;

	if (!node->has_home_address)
		return ha->has_address_pool
			       ? 0
			       : mip_config_error(config, group, "nai",
					 "'%s' has no 'home_address', and there is no 'address_pool'",
					 node->nai);
	network = network_of(ha, node->home_address);
	if (!network)
		return mip_config_error(config, group, "home_address", "%s is in none of the home networks",
			MIP_TEXT(node->home_address));
	if (is_reserved(network->prefix, node->home_address))
		return mip_config_error(config, group, "home_address",
			"%s is the network's own or its broadcast address", MIP_TEXT(node->home_address));
	if (mip_address_equal(node->home_address, ha->home_agent.address))
		return mip_config_error(config, group, "home_address", "%s is the home agent's address",
			MIP_TEXT(node->home_address));
	return 0;
}

/* --- the same twice --------------------------------------------------------------------------- */

/* Something that must not stand in the file twice, and where it stands. */
struct name {
	const char *text; /* NULL: an address */
	struct mip_address address;
	size_t index;
};

static int compare(const void *a, const void *b)
{
	const struct name *one = a, *other = b;
	uint32_t number = mip_address_number(one->address), other_number = mip_address_number(other->address);
	int order = one->text && other->text ? strcasecmp(one->text, other->text) : 0;

	if (order == 0)
		order = number < other_number ? -1 : number > other_number;
	if (order == 0)
		order = one->index < other->index ? -1 : one->index > other->index;
	return order;
}

static bool same(const struct name *a, const struct name *b)
{
	if (a->text)
		return strcasecmp(a->text, b->text) == 0;
	return mip_address_equal(a->address, b->address);
}

static int complain_twice(
	struct mip_config *config, const char *list, const char *setting, const struct name *name)
{
	const struct mip_config_group *group =
		mip_config_group_at(config, mip_config_top(config), list, name->index);

	return mip_config_error(config, group, setting, "'%s' stands here a second time",
		name->text ? name->text : MIP_TEXT(name->address));
}

static int check_twice(
	struct mip_config *config, const char *list, const char *setting, struct name *names, size_t count)
{
	int status = 0;

	qsort(names, count, sizeof(*names), compare);
	for (size_t i = 1; i < count; i++) {
		if (same(&names[i - 1], &names[i]))
			status = complain_twice(config, list, setting, &names[i]);
	}
	return status;
}

static int check_all_once(struct mip_config *config, const struct ha_config *ha)
{
	size_t most = ha->mobile_node_count > ha->foreign_agent_count ? ha->mobile_node_count
								      : ha->foreign_agent_count;
	struct name *names = calloc(most + 1, sizeof(*names));
	size_t count = 0;
	int status = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < ha->mobile_node_count; i++) {
		if (ha->mobile_nodes[i].has_home_address)
			names[count++] =
				(struct name){.address = ha->mobile_nodes[i].home_address, .index = i};
	}
	if (check_twice(config, "mobile_nodes", "home_address", names, count) < 0)
		status = -EINVAL;
	count = 0;
	for (size_t i = 0; i < ha->mobile_node_count; i++) {
		if (ha->mobile_nodes[i].nai)
			names[count++] = (struct name){.text = ha->mobile_nodes[i].nai, .index = i};
	}
	if (check_twice(config, "mobile_nodes", "nai", names, count) < 0)
		status = -EINVAL;
	for (count = 0; count < ha->foreign_agent_count; count++)
		names[count] = (struct name){.address = ha->foreign_agents[count].address, .index = count};
	if (check_twice(config, "foreign_agents", "address", names, count) < 0)
		status = -EINVAL;
	free(names);
	return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int check_pool(struct mip_config *config, const struct ha_config *ha)
{
	const struct ha_network_config *first, *last;

	if (!ha->has_address_pool)
		return 0;
	first = network_of(ha, ha->address_pool.first);
	last = network_of(ha, ha->address_pool.last);
	if (first && first == last)
		return 0;
	return mip_config_error(config, mip_config_top(config), "address_pool",
		"'address_pool' is not within one of the home networks");
}

int ha_config_check(struct mip_config *config, void *configuration)
{
	const struct ha_config *ha = configuration;
	const struct mip_config_group *agent =
		mip_config_group_at(config, mip_config_top(config), "home_agent", 0);
	int status = check_pool(config, ha);

	for (size_t i = 0; i < ha->home_agent.network_count; i++) {
		if (check_network(config, agent, ha, i) < 0)
			status = -EINVAL;
	}
	for (size_t i = 0; i < ha->mobile_node_count; i++) {
		if (check_node(config, ha, i) < 0)
			status = -EINVAL;
	}
	if (mip_privilege_check(config, ha->user) < 0)
		status = -EINVAL;
	return check_all_once(config, ha) < 0 ? -EINVAL : status;
}

/*
 * Who and what is configured, indexed: networks, mobile nodes by home address and by NAI, foreign agents.
 * Built whole and swapped in whole, so that a reload that fails changes nothing.
 */
#include "ha_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nai.h"
#include "text.h"

static const char nai_identity[] = "nai/";

static int copy_string(const char *string, size_t size, char *ret_copy)
{
	size_t length = string ? strlen(string) : 0;

	if (length >= size)
		return -EINVAL;
	memset(ret_copy, 0, size);
	if (string)
		memcpy(ret_copy, string, length + 1);
	return 0;
}

static int build_networks(struct ha_tables *tables, const struct ha_settings *settings)
{
	int status = 0;

	tables->networks = calloc(settings->network_count + 1, sizeof(*tables->networks));
	if (!tables->networks)
		return -ENOMEM;
	tables->network_count = settings->network_count;
	for (size_t i = 0; i < settings->network_count && status == 0; i++) {
		tables->networks[i].prefix = settings->networks[i].prefix;
		status = copy_string(
			settings->networks[i].interface, MIP_LINK_NAME, tables->networks[i].interface);
	}
	return status;
}

static int index_by_nai(struct ha_tables *tables, struct ha_node *node, const char *nai)
{
	size_t length = strlen(nai);

	if (length == 0 || length > HA_NAI_MAX)
		return -EINVAL;
	node->nai = calloc(length + 1, 1);
	if (!node->nai)
		return -ENOMEM;
	mip_nai_normalize(node->nai, nai, length);
	if (ha_node_by_nai(tables, (const uint8_t *)node->nai, length))
		return -EEXIST;
	HASH_ADD_KEYPTR(by_nai, tables->by_nai, node->nai, length, node);
	return node->by_nai.tbl ? 0 : -ENOMEM;
}

static int index_by_address(struct ha_tables *tables, struct ha_node *node)
{
	if (ha_node_by_address(tables, node->home_address))
		return -EEXIST;
	/* A home agent that is no router for the address could not intercept anything (3.8.1). */
	if (!ha_network_of(tables, node->home_address))
		return -EINVAL;
	HASH_ADD(by_address, tables->by_address, home_address, sizeof(node->home_address), node);
	return node->by_address.tbl ? 0 : -ENOMEM;
}

static int build_node(struct ha_tables *tables, struct ha_node *node, const struct ha_node_settings *settings)
{
	int status;

	if (!settings->association || (mip_address_is_none(settings->home_address) && !settings->nai))
		return -EINVAL;
	node->home_address = settings->home_address;
	node->association = mip_association_ref(settings->association);
	node->aaa = settings->aaa ? mip_association_ref(settings->aaa) : NULL;
	if (!mip_address_is_none(node->home_address)) {
		status = index_by_address(tables, node);
		if (status < 0)
			return status;
	}
	return settings->nai ? index_by_nai(tables, node, settings->nai) : 0;
}

static int build_nodes(struct ha_tables *tables, const struct ha_settings *settings)
{
	int status = 0;

	tables->nodes = calloc(settings->node_count + 1, sizeof(*tables->nodes));
	if (!tables->nodes)
		return -ENOMEM;
	tables->node_count = settings->node_count;
	for (size_t i = 0; i < settings->node_count && status == 0; i++)
		status = build_node(tables, &tables->nodes[i], &settings->nodes[i]);
	return status;
}

static int build_foreign_agents(struct ha_tables *tables, const struct ha_settings *settings)
{
	tables->foreign_agents = calloc(settings->foreign_agent_count + 1, sizeof(*tables->foreign_agents));
	if (!tables->foreign_agents)
		return -ENOMEM;
	tables->foreign_agent_count = settings->foreign_agent_count;
	for (size_t i = 0; i < settings->foreign_agent_count; i++) {
		struct ha_foreign_agent *agent = &tables->foreign_agents[i];

		if (!settings->foreign_agents[i].association)
			return -EINVAL;
		if (ha_foreign_agent_by_address(tables, settings->foreign_agents[i].address))
			return -EEXIST;
		agent->address = settings->foreign_agents[i].address;
		agent->association = mip_association_ref(settings->foreign_agents[i].association);
		HASH_ADD(hh, tables->agents, address, sizeof(agent->address), agent);
		if (!agent->hh.tbl)
			return -ENOMEM;
	}
	return 0;
}

/* rfc3024-A.4-2: "Mobile node's private addresses within a given address space MUST be unique." */
int ha_tables_build(struct ha_tables *tables, const struct ha_settings *settings)
{
	int status;

	*tables = (struct ha_tables){0};
	status = build_networks(tables, settings);
	if (status == 0)
		status = build_nodes(tables, settings);
	if (status == 0)
		status = build_foreign_agents(tables, settings);
	if (status == 0)
		status = ha_assignment_build(tables, settings);
	if (status < 0)
		ha_tables_clear(tables);
	return status;
}

void ha_tables_clear(struct ha_tables *tables)
{
	HASH_CLEAR(by_address, tables->by_address);
	HASH_CLEAR(by_nai, tables->by_nai);
	HASH_CLEAR(by_assigned, tables->by_assigned);
	HASH_CLEAR(hh, tables->agents);
	for (size_t i = 0; i < tables->node_count; i++) {
		mip_association_unref(tables->nodes[i].association);
		mip_association_unref(tables->nodes[i].aaa);
		free(tables->nodes[i].nai);
	}
	for (size_t i = 0; i < tables->foreign_agent_count; i++)
		mip_association_unref(tables->foreign_agents[i].association);
	free(tables->networks);
	free(tables->nodes);
	free(tables->foreign_agents);
	free(tables->alternates);
	*tables = (struct ha_tables){0};
}

struct ha_network *ha_network_of(const struct ha_tables *tables, struct mip_address home_address)
{
	struct ha_network *best = NULL;

	for (size_t i = 0; i < tables->network_count; i++) {
		struct ha_network *network = &tables->networks[i];

		if (mip_prefix_contains(network->prefix, home_address) &&
			(!best || network->prefix.length > best->prefix.length))
			best = network;
	}
	return best;
}

struct ha_node *ha_node_by_address(const struct ha_tables *tables, struct mip_address home_address)
{
	struct ha_node *node = NULL;

	HASH_FIND(by_address, tables->by_address, &home_address, sizeof(home_address), node);
	if (!node)
		HASH_FIND(by_assigned, tables->by_assigned, &home_address, sizeof(home_address), node);
	return node;
}

struct ha_node *ha_node_by_nai(const struct ha_tables *tables, const uint8_t *nai, size_t length)
{
	char normalized[HA_NAI_MAX];
	struct ha_node *node = NULL;

	if (length == 0 || length > HA_NAI_MAX)
		return NULL;
	mip_nai_normalize(normalized, (const char *)nai, length);
	HASH_FIND(by_nai, tables->by_nai, normalized, length, node);
	return node;
}

struct ha_foreign_agent *ha_foreign_agent_by_address(
	const struct ha_tables *tables, struct mip_address address)
{
	struct ha_foreign_agent *agent = NULL;

	HASH_FIND(hh, tables->agents, &address, sizeof(address), agent);
	return agent;
}

const char *ha_node_identity(const struct ha_node *node, char text[static MIP_RECORD_KEY])
{
	struct mip_text identity = mip_text_of(text, MIP_RECORD_KEY);

	if (!mip_address_is_none(node->home_address)) {
		mip_text_add_address(&identity, node->home_address);
	} else {
		mip_text_add(&identity, nai_identity);
		mip_text_add(&identity, node->nai);
	}
	return text;
}

struct ha_node *ha_node_by_identity(const struct ha_tables *tables, const char *identity)
{
	size_t prefix = sizeof(nai_identity) - 1;
	struct mip_address address;
	struct ha_node *node = NULL;

	if (strncmp(identity, nai_identity, prefix) == 0) {
		node = ha_node_by_nai(tables, (const uint8_t *)identity + prefix, strlen(identity + prefix));
		return node && mip_address_is_none(node->home_address) ? node : NULL;
	}
	if (mip_address_read(identity, &address) < 0)
		return NULL;
	HASH_FIND(by_address, tables->by_address, &address, sizeof(address), node);
	return node;
}

struct mip_address ha_node_address(const struct ha_node *node)
{
	return mip_address_is_none(node->home_address) ? node->assigned : node->home_address;
}

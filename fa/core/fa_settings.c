/*
 * The settings of a running machine: a copy of what the shell gave, with the associations in hash tables, so
 * that ten thousand mobile nodes cost no more than one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fa_private.h"
#include "nai.h"

static void nodes_clear(struct fa_mobile_node **table)
{
	struct fa_mobile_node *node, *next;

	HASH_ITER (hh, *table, node, next) {
		HASH_DEL(*table, node);
		mip_association_unref(node->association);
		mip_association_unref(node->aaa);
		free(node->nai);
		free(node);
	}
}

void fa_settings_clear(struct fa_settings *settings)
{
	struct fa_home_agent *agent, *next;

	HASH_ITER (hh, settings->home_agents, agent, next) {
		HASH_DEL(settings->home_agents, agent);
		mip_association_unref(agent->association);
		free(agent->realm);
		free(agent);
	}
	nodes_clear(&settings->nodes_by_address);
	nodes_clear(&settings->nodes_by_nai);
}

static struct mip_association *association_ref(struct mip_association *association)
{
	return association ? mip_association_ref(association) : NULL;
}

static char *text_copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static int home_agent_add(struct fa_settings *settings, const struct fa_home_agent_settings *from)
{
	struct fa_home_agent *agent;

	HASH_FIND(hh, settings->home_agents, &from->address, sizeof(from->address), agent);
	if (agent)
		return -EINVAL;
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -ENOMEM;
	agent->address = from->address;
	agent->realm = from->realm ? text_copy(from->realm) : NULL;
	if (!from->realm || agent->realm)
		HASH_ADD(hh, settings->home_agents, address, sizeof(agent->address), agent);
	if (!agent->hh.tbl) {
		free(agent->realm);
		free(agent);
		return -ENOMEM;
	}
	agent->association = association_ref(from->association);
	return 0;
}

static void node_insert(struct fa_settings *settings, struct fa_mobile_node *node)
{
	if (node->nai)
		HASH_ADD_KEYPTR(hh, settings->nodes_by_nai, node->nai, strlen(node->nai), node);
	else
		HASH_ADD(hh, settings->nodes_by_address, home_address, sizeof(node->home_address), node);
}

static const struct fa_mobile_node *node_by_nai(
	const struct fa_settings *settings, const char *text, size_t length)
{
	char normalized[UINT8_MAX]; /* as long as the extension can be */
	struct fa_mobile_node *node;

	if (length > sizeof(normalized))
		return NULL;
	mip_nai_normalize(normalized, text, length);
	HASH_FIND(hh, settings->nodes_by_nai, normalized, length, node);
	return node;
}

static const struct fa_mobile_node *node_by_address(
	const struct fa_settings *settings, struct mip_address home_address)
{
	struct fa_mobile_node *node;

	HASH_FIND(hh, settings->nodes_by_address, &home_address, sizeof(home_address), node);
	return node;
}

static int mobile_node_add(struct fa_settings *settings, const struct fa_mobile_node_settings *from)
{
	struct fa_mobile_node *node;

	if (from->nai ? node_by_nai(settings, from->nai, strlen(from->nai)) != NULL
		      : node_by_address(settings, from->home_address) != NULL)
		return -EINVAL;
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->home_address = from->home_address;
	if (from->nai)
		node->nai = text_copy(from->nai);
	if (from->nai && !node->nai)
		goto no_memory;
	if (node->nai)
		mip_nai_normalize(node->nai, node->nai, strlen(node->nai));
	node_insert(settings, node);
	if (!node->hh.tbl)
		goto no_memory;
	node->association = association_ref(from->association);
	node->aaa = association_ref(from->aaa);
	return 0;
no_memory:
	free(node->nai);
	free(node);
	return -ENOMEM;
}

static bool challenge_is_sound(const struct fa_core_settings *settings)
{
	/* rfc4721-9-2: CHALLENGE_WINDOW SHOULD be at least 2. */
	return !settings->challenge ||
	       (settings->challenge_window >= FA_CHALLENGE_WINDOW_LEAST &&
		       settings->challenge_window <= FA_CHALLENGE_WINDOW_MOST &&
		       settings->challenges_most > 0 && !settings->advertise_solicited_only);
}

static bool values_are_sound(const struct fa_core_settings *settings)
{
	/* rfc5944-3.7.1-1: each foreign agent MUST be configured with a care-of address. */
	return mip_address_is_unicast(settings->care_of_address) && settings->registration_lifetime > 0 &&
	       settings->request_timeout > 0 && settings->advertise_interval > 0 &&
	       settings->advertise_lifetime > 0 && settings->pending_most > 0 &&
	       settings->pending_per_node_most > 0 &&
	       (!settings->behind_nat || settings->keepalive_interval > 0) && challenge_is_sound(settings) &&
	       (settings->reverse_tunnel || !fa_nat_requires_reverse_tunnel(settings));
}

int fa_settings_copy(const struct fa_core_settings *settings, struct fa_settings *ret_settings)
{
	struct fa_settings copy = {.values = *settings};
	int r = values_are_sound(settings) ? 0 : -EINVAL;

	copy.values.links = NULL;
	copy.values.home_agents = NULL;
	copy.values.mobile_nodes = NULL;
	for (size_t i = 0; r == 0 && i < settings->home_agent_count; i++)
		r = home_agent_add(&copy, &settings->home_agents[i]);
	for (size_t i = 0; r == 0 && i < settings->mobile_node_count; i++)
		r = mobile_node_add(&copy, &settings->mobile_nodes[i]);
	if (r < 0) {
		fa_settings_clear(&copy);
		return r;
	}
	*ret_settings = copy;
	return 0;
}

static const struct fa_home_agent *home_agent_find(
	const struct fa_settings *settings, struct mip_address home_agent)
{
	struct fa_home_agent *agent;

	HASH_FIND(hh, settings->home_agents, &home_agent, sizeof(home_agent), agent);
	return agent;
}

struct mip_association *fa_home_agent_association(
	const struct fa_settings *settings, struct mip_address home_agent)
{
	const struct fa_home_agent *agent = home_agent_find(settings, home_agent);

	return agent ? agent->association : NULL;
}

bool fa_home_agent_is_named(const struct fa_settings *settings, struct mip_address home_agent)
{
	return home_agent_find(settings, home_agent) != NULL;
}

const struct fa_mobile_node *fa_mobile_node_find(
	const struct fa_settings *settings, struct mip_address home_address, const struct fa_nai *nai)
{
	const struct fa_mobile_node *node = NULL;

	if (!mip_address_is_none(home_address))
		node = node_by_address(settings, home_address);
	if (!node && nai)
		node = node_by_nai(settings, nai->text, nai->length);
	return node;
}

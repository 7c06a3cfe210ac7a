/*
 * The machine's own copy of its settings.
 */
#include "mn_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "address.h"

static void *copy_of(const void *octets, size_t length)
{
	void *copy = calloc(1, length > 0 ? length : 1);

	if (copy && length > 0)
		memcpy(copy, octets, length);
	return copy;
}

int mn_settings_copy(const struct mn_settings *settings, struct mn_settings *ret_settings)
{
	struct mn_settings copy = *settings;

	copy.interfaces =
		copy_of(settings->interfaces, settings->interface_count * sizeof(*settings->interfaces));
	copy.foreign_agents = copy_of(
		settings->foreign_agents, settings->foreign_agent_count * sizeof(*settings->foreign_agents));
	copy.home_agents =
		copy_of(settings->home_agents, settings->home_agent_count * sizeof(*settings->home_agents));
	copy.nai = settings->nai ? copy_of(settings->nai, strlen(settings->nai) + 1) : NULL;
	if (!copy.interfaces || !copy.foreign_agents || !copy.home_agents || (settings->nai && !copy.nai)) {
		free(copy.interfaces);
		free(copy.foreign_agents);
		free(copy.home_agents);
		free(copy.nai);
		return -ENOMEM;
	}
	for (size_t i = 0; i < copy.foreign_agent_count; i++)
		mip_association_ref(copy.foreign_agents[i].association);
	for (size_t i = 0; i < copy.home_agent_count; i++)
		mip_association_ref(copy.home_agents[i].association);
	if (copy.home)
		mip_association_ref(copy.home);
	if (copy.aaa)
		mip_association_ref(copy.aaa);
	*ret_settings = copy;
	return 0;
}

void mn_settings_clear(struct mn_settings *settings)
{
	for (size_t i = 0; i < settings->foreign_agent_count; i++)
		mip_association_unref(settings->foreign_agents[i].association);
	for (size_t i = 0; i < settings->home_agent_count; i++)
		mip_association_unref(settings->home_agents[i].association);
	mip_association_unref(settings->home);
	mip_association_unref(settings->aaa);
	free(settings->interfaces);
	free(settings->foreign_agents);
	free(settings->home_agents);
	free(settings->nai);
	*settings = (struct mn_settings){0};
}

struct mip_association *mn_settings_home_agent(
	const struct mn_settings *settings, struct mip_address home_agent)
{
	for (size_t i = 0; i < settings->home_agent_count; i++)
		if (mip_address_equal(settings->home_agents[i].address, home_agent))
			return settings->home_agents[i].association;
	return settings->home;
}

struct mip_association *mn_settings_foreign_agent(
	const struct mn_settings *settings, struct mip_address agent)
{
	for (size_t i = 0; i < settings->foreign_agent_count; i++)
		if (mip_address_equal(settings->foreign_agents[i].address, agent))
			return settings->foreign_agents[i].association;
	return NULL;
}

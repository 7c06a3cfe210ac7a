/*
 * What the files of mip-ha's shell share: the daemon's state, and its parts.
 */
#ifndef HA_SHELL_H
#define HA_SHELL_H

#include "ha_core.h"
#include "ha_schema.h"
#include "host.h"

/* daemon->state. */
struct ha_shell {
	struct mip_daemon *daemon;
	struct ha_core *core;
	struct mip_host *host;
};

/* The machine's settings with what they point to, made from a configuration that stays the caller's. */
struct ha_made_settings {
	struct ha_settings settings;
	struct ha_network_settings *networks;
	struct ha_node_settings *nodes;
	struct ha_foreign_agent_settings *foreign_agents;
	struct mip_address *alternates;
};

/* 0, -ENOMEM, -ENOTSUP (libcrypto lacks an algorithm). To be cleared in any case. */
int ha_settings_make(const struct ha_config *config, struct ha_made_settings *made);
void ha_settings_clear(struct ha_made_settings *made);

extern const struct mip_daemon_role ha_role;
mip_control_function ha_control;

#endif

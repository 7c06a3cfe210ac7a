/*
 * The mobile node's shell: what is in daemon->state, and the functions of its role.
 */
#ifndef MN_SHELL_H
#define MN_SHELL_H

#include "host.h"
#include "mn_core.h"
#include "mn_schema.h"

struct mn_shell {
	struct mip_daemon *daemon;
	struct mn_core *core;
	struct mip_host *host;
};

/* As in mip_daemon_role. */
int mn_shell_start(struct mip_daemon *daemon);
int mn_shell_reload(struct mip_daemon *daemon, void *configuration, const char **ret_reason);
void mn_shell_stop(struct mip_daemon *daemon);

/* mip_control_function: status, agents, counters, metrics, register, deregister, handover. */
int mn_control(void *context, const char *command, const char *argument, json_t **ret_result,
	const char **ret_error);

#endif

/*
 * The foreign agent's shell: what is in daemon->state, and the functions of its role.
 */
#ifndef FA_SHELL_H
#define FA_SHELL_H

#include "fa_core.h"
#include "fa_schema.h"
#include "host.h"

struct fa_shell {
	struct mip_daemon *daemon;
	struct mip_outbox outbox;
	struct fa_core *core;
	struct mip_host *host;
	char answer[512]; /* to mipctl, where it is not always the same */
};

/* As in mip_daemon_role. */
int fa_shell_start(struct mip_daemon *daemon);
int fa_shell_reload(struct mip_daemon *daemon, void *configuration, const char **ret_reason);
void fa_shell_stop(struct mip_daemon *daemon);

/* mip_control_function: visitors, status, counters, metrics, revoke. */
int fa_control(void *context, const char *command, const char *argument, json_t **ret_result,
	const char **ret_error);

#endif

/*
 * The table of commands.
 */
#include "command.h"

#include <string.h>

enum {
	AGENTS = MIPCTL_ROLE_HA | MIPCTL_ROLE_FA,
	ALL = AGENTS | MIPCTL_ROLE_MN,
};

const struct mipctl_command mipctl_commands[] = {
	{"status", ALL, NULL, MIPCTL_FORM_FACTS, "what the daemon is doing"},
	{"bindings", MIPCTL_ROLE_HA, NULL, MIPCTL_FORM_TABLE, "the mobile nodes that are away, and where"},
	{"visitors", MIPCTL_ROLE_FA, NULL, MIPCTL_FORM_TABLE, "the mobile nodes that are here"},
	{"agents", MIPCTL_ROLE_MN, NULL, MIPCTL_FORM_TABLE, "the mobility agents that are heard"},
	{"counters", ALL, NULL, MIPCTL_FORM_COUNTERS, "messages, reply codes, reasons for drops"},
	{"metrics", ALL, NULL, MIPCTL_FORM_TEXT, "the counters as OpenMetrics text"},
	{"watch", ALL, NULL, MIPCTL_FORM_EVENTS, "events as they happen, until interrupted"},
	{"reload", ALL, NULL, MIPCTL_FORM_FACTS, "read the configuration again"},
	{"revoke", AGENTS, "HOME_ADDRESS", MIPCTL_FORM_FACTS, "end a registration now, and say so"},
	{"register", MIPCTL_ROLE_MN, NULL, MIPCTL_FORM_FACTS, "register now"},
	{"deregister", MIPCTL_ROLE_MN, NULL, MIPCTL_FORM_FACTS, "end the binding now"},
	{"handover", MIPCTL_ROLE_MN, "INTERFACE", MIPCTL_FORM_FACTS, "move to this interface now"},
};
const size_t mipctl_command_count = sizeof(mipctl_commands) / sizeof(mipctl_commands[0]);

enum mipctl_role mipctl_role_of(const char *name)
{
	if (strcmp(name, "ha") == 0)
		return MIPCTL_ROLE_HA;
	if (strcmp(name, "fa") == 0)
		return MIPCTL_ROLE_FA;
	if (strcmp(name, "mn") == 0)
		return MIPCTL_ROLE_MN;
	return 0;
}

const struct mipctl_command *mipctl_command_of(enum mipctl_role role, const char *name)
{
	for (size_t i = 0; i < mipctl_command_count; i++) {
		if ((mipctl_commands[i].roles & role) && strcmp(mipctl_commands[i].name, name) == 0)
			return &mipctl_commands[i];
	}
	return NULL;
}

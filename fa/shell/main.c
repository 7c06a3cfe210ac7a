/*
 * mip-fa: the foreign agent of Mobile IPv4 (RFC 5944 3.7).
 */
#include "daemon.h"
#include "fa_shell.h"

static const struct mip_daemon_role role = {
	.name = "fa",
	.program = "mip-fa",
	.summary = "foreign agent for Mobile IPv4",
	.schema = &fa_schema,
	.control_path_offset = offsetof(struct fa_config, control),
	.user_offset = offsetof(struct fa_config, user),
	.check = fa_schema_check_system,
	.start = fa_shell_start,
	.reload = fa_shell_reload,
	.stop = fa_shell_stop,
	.control = fa_control,
};

int main(int argc, char **argv)
{
	return mip_daemon_main(&role, argc, argv);
}

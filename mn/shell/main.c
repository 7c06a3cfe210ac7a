/*
 * mip-mn: the mobile node of Mobile IPv4 (RFC 5944 3.6).
 */
#include "daemon.h"
#include "mn_shell.h"

static const struct mip_daemon_role role = {
	.name = "mn",
	.program = "mip-mn",
	.summary = "mobile node for Mobile IPv4",
	.schema = &mn_schema,
	.control_path_offset = offsetof(struct mn_config, control),
	.user_offset = offsetof(struct mn_config, user),
	.state_folder_offset = offsetof(struct mn_config, state),
	.check = mn_schema_check_system,
	.start = mn_shell_start,
	.reload = mn_shell_reload,
	.stop = mn_shell_stop,
	.control = mn_control,
};

int main(int argc, char **argv)
{
	return mip_daemon_main(&role, argc, argv);
}

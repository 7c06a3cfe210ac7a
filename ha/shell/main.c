/* mip-ha: a home agent for Mobile IPv4. */
#include "ha_shell.h"

int main(int argc, char **argv)
{
	return mip_daemon_main(&ha_role, argc, argv);
}

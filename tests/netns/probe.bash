#!/usr/bin/env bash
# Whether the data plane that LAB_PLANE names can be had here: exit status 0, or 77 and the daemon's reason as the last line.
#
#   one host with one link, and a home agent on it
set -euo pipefail
# shellcheck source=tests/netns/lab.bash
source "$(dirname "$0")/lab.bash"
lab_begin probe
node host other
cable host home0 other eth0
ipn host address add 10.1.0.1/24 dev home0
config ha host <<-CONF
	state = "";
	home_agent: { address = "10.1.0.1"; networks = ( { prefix = "10.1.0.0/24"; interface = "home0"; } ); };
	mobile_nodes = ( { home_address = "10.1.0.50"; security: { spi = 1000; key = "text:only to be started with"; }; } );
CONF
daemon ha host
value ha host status 'd["data_plane_reason"]'

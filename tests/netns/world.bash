# shellcheck shell=bash
# The world that the story and most scenarios play in. Source lab.bash first, then this; then world_make.
#
#                        cn 198.51.100.10                    a correspondent host
#                            │
#        ┌──────────┬─────  net  ─────┬───────────┐         the Internet: drops packets whose source does not
#        │          │        │        │           │         belong where they come from (rp_filter strict)
#   10.0.1.2    10.0.2.2  10.0.3.2  10.0.4.2  10.0.5.2
#       ha         fa1      fa2       spot      hotel (NAT)
#   10.1.0.1    10.2.0.1  10.3.0.1  10.4.0.1  192.168.7.1
#     home0      visit0    visit0     lan0      lan0
#        │          │        │          │         │
#        └──────────┴─── air: a bridge for each network ────┘
#                            │
#                           mn  10.1.0.50      eth0, wwan0, wlan0: plugged into one network or another
#
# attach IFACE NETWORK plugs an interface of mn into office, cell, cell2, spot or hotel; detach IFACE cuts it (the carrier goes).

WORLD_HOME=10.1.0.50
WORLD_HA=10.1.0.1
WORLD_CN=198.51.100.10
# Read by the scenarios that source this.
# shellcheck disable=SC2034
WORLD_KEY="hex:00112233445566778899aabbccddeeff"

world_make() {
	local network side number=1 host iface

	node net cn ha fa1 fa2 spot hotel air mn
	cable net cn0 cn eth0
	ipn net address add 198.51.100.1/24 dev cn0
	ipn cn address add "$WORLD_CN/24" dev eth0
	ipn cn route add default via 198.51.100.1
	for host in ha fa1 fa2 spot hotel; do
		cable net "$host" "$host" up0
		ipn net address add "10.0.$number.1/24" dev "$host"
		ipn "$host" address add "10.0.$number.2/24" dev up0
		ipn "$host" route add default via "10.0.$number.1"
		number=$((number + 1))
	done
	on net sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=1
	for side in "10.1.0.0/24 10.0.1.2" "10.2.0.0/24 10.0.2.2" "10.3.0.0/24 10.0.3.2" "10.4.0.0/24 10.0.4.2"; do
		ipn net route add "${side% *}" via "${side#* }"
	done
	# The daemons turn forwarding on where they run; plain routers are the lab's.
	on spot sysctl -qw net.ipv4.ip_forward=1
	on hotel sysctl -qw net.ipv4.ip_forward=1

	for network in office:ha:home0:10.1.0.1 cell:fa1:visit0:10.2.0.1 cell2:fa2:visit0:10.3.0.1 \
		spot:spot:lan0:10.4.0.1 hotel:hotel:lan0:192.168.7.1; do
		IFS=: read -r network host iface side <<<"$network"
		ipn air link add "$network" type bridge forward_delay 0 stp_state 0 mcast_snooping 0
		ipn air link set "$network" up
		cable air "to-$host" "$host" "$iface"
		ipn air link set "to-$host" master "$network"
		ipn "$host" address add "$side/24" dev "$iface"
	done
	on hotel nft -f - <<-NFT
		table ip nat {
			chain postrouting {
				type nat hook postrouting priority srcnat;
				oifname "up0" masquerade
			}
		}
	NFT
	for iface in eth0 wwan0 wlan0; do
		ip link add name "$iface" netns "$LAB_ID-mn" type veth peer name "mn-$iface" netns "$LAB_ID-air"
		ipn mn link set "$iface" up
	done
}

attach() {
	ipn air link set "mn-$1" master "$2"
	ipn air link set "mn-$1" up
}

# The radio is out of reach or the cable is pulled: the interface loses its carrier, and with it what a DHCP client
# would have taken away.
detach() {
	ipn air link set "mn-$1" down
	ipn mn address flush dev "$1" scope global 2>/dev/null || true
}

# What a DHCP client does on these networks.
lease() {
	case $2 in
	spot) ipn mn address add 10.4.0.20/24 dev "$1" && ipn mn route add default via 10.4.0.1 dev "$1" metric "${3:-600}" ;;
	hotel) ipn mn address add 192.168.7.33/24 dev "$1" && ipn mn route add default via 192.168.7.1 dev "$1" metric "${3:-600}" ;;
	*) echo "no addresses are given out on $2" >&2 && return 1 ;;
	esac
}

# The configurations of the story. Each takes further lines for its main group on standard input, if there are any.
world_ha() {
	config ha ha <<-CONF
		state = "$LAB_DIR/state";
		home_agent: {
		  address = "$WORLD_HA";
		  networks = ( { prefix = "10.1.0.0/24"; interface = "home0"; }, { prefix = "172.20.0.0/16"; } );
		  max_lifetime = 1800;
		  advertise: { interval = 1.0; lifetime = 3.0; };
		};
		mobile_nodes = (
		  { home_address = "$WORLD_HOME";
		    security: { spi = 1000; algorithm = "hmac-md5"; key = "$WORLD_KEY"; replay = "timestamp"; }; },
		  { home_address = "172.20.0.50";
		    security: { spi = 1001; algorithm = "hmac-sha256"; key = "$WORLD_KEY"; replay = "timestamp"; }; }
		);
	CONF
}

# world_fa fa1 10.2.0.1
world_fa() {
	config fa "$1" <<-CONF
		foreign_agent: {
		  care_of_address = "$2";
		  interfaces = ( { name = "visit0"; } );
		  registration_lifetime = 1800;
		  advertise: { interval = 1.0; lifetime = 3.0; challenge = false; };
		  reverse_tunnel = true;
		};
	CONF
}

# world_mn [LIFETIME [CARE_OF [ENCAPSULATION]]]
world_mn() {
	config mn mn <<-CONF
		mobile_node: {
		  home_address = "$WORLD_HOME";
		  home_prefix = "10.1.0.0/24";
		  home_agent = "$WORLD_HA";
		  interfaces = ( { name = "eth0"; priority = 5; }, { name = "wlan0"; priority = 10; }, { name = "wwan0"; priority = 20; } );
		  care_of = "${2:-any}";
		  encapsulation = "${3:-ipip}";
		  reverse_tunnel = true;
		  lifetime = ${1:-600};
		  security: { spi = 1000; algorithm = "hmac-md5"; key = "$WORLD_KEY"; replay = "timestamp"; };
		};
	CONF
}

# The call: 50 packets a second each way between the home address and the correspondent; CALL_INTERVAL seconds between
# packets where something finer is needed.
call_begin() {
	start voice-mn mn python3 "$LAB_ROOT/tests/netns/traffic.py" voice --bind "${1:-$WORLD_HOME}:5004" --peer "$WORLD_CN:5004" --log "$LAB_DIR/voice-mn.json" --interval "${CALL_INTERVAL:-0.02}"
	start voice-cn cn python3 "$LAB_ROOT/tests/netns/traffic.py" voice --bind "$WORLD_CN:5004" --peer "${1:-$WORLD_HOME}:5004" --log "$LAB_DIR/voice-cn.json" --interval "${CALL_INTERVAL:-0.02}"
	# From here on, what is said is heard: both ends have their sockets.
	wait_until 20 call_listens mn && wait_until 20 call_listens cn
}

call_listens() {
	[[ -n $(on "$1" ss -Huan "sport = 5004") ]]
}

call_end() {
	# What is on its way arrives before the listeners go: the far end stops sending first, the near one hears the rest.
	finish voice-cn
	finish voice-mn
}

# heard FROM TO WHAT…: of the stream to the node in that stretch of time: sent, lost, repeated, gap_ms.
heard() {
	python3 "$LAB_ROOT/tests/netns/traffic.py" report --voice-sent "$LAB_DIR/voice-cn.json" --voice-received "$LAB_DIR/voice-mn.json" \
		--from "$1" --to "$2" "${@:3}"
}

# spoken FROM TO WHAT…: of the stream from the node.
spoken() {
	python3 "$LAB_ROOT/tests/netns/traffic.py" report --voice-sent "$LAB_DIR/voice-mn.json" --voice-received "$LAB_DIR/voice-cn.json" \
		--from "$1" --to "$2" "${@:3}"
}

at_most() {
	local most=$1 found
	shift
	found=$("$@")
	awk -v found="$found" -v most="$most" 'BEGIN { exit !(found != "" && found + 0 <= most + 0) }' || { echo "is $found, at most $most was wanted"; return 1; }
}

# shellcheck shell=bash
# A lab of network namespaces: source this, then lab_begin. What it makes carries the lab's own prefix and is removed
# when the shell ends, whatever the reason; what it started is ended by process id.
#
#   lab_begin NAME                 makes the lab's folder and sets the trap
#   node NAME…                     hosts (namespaces), with loopback up
#   cable A IFACE-A B IFACE-B      a veth between two hosts, both ends up
#   on NAME COMMAND…               runs there
#   start LABEL NAME COMMAND…      in the background, its output in $LAB_DIR/LABEL.log
#   finish LABEL [SIGNAL]          ends it, and waits for it; $LAB_STATUS is its exit status
#   wait_until SECONDS COMMAND…    until the command succeeds; fails after that time
#   expect "SENTENCE" COMMAND…     a check: prints it, counts it
#   lab_end                        the exit status: 0 when all checks held
#
# The daemons run on the data plane that LAB_PLANE in the environment names: user, bpf, kernel or auto (the default). One that
# is refused here skips the scenario, with the daemon's reason.

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_BUILD=${BUILD:-$LAB_ROOT/build}
LAB_PLANE=${LAB_PLANE:-auto}
LAB_HELD=0
LAB_BROKEN=0
declare -A LAB_PIDS=()
LAB_NODES=()
LAB_STATUS=0

lab_begin() {
	[[ $EUID -eq 0 ]] || { echo "this needs root: it makes network namespaces" >&2; exit 77; }
	LAB_ID="mip$$"
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
	# libconfig 1.5 forgets strings of a configuration that it refuses.
	echo "leak:libconfig.so" >"$LAB_DIR/leaks"
	export LSAN_OPTIONS="suppressions=$LAB_DIR/leaks:print_suppressions=0" ASAN_OPTIONS="quarantine_size_mb=4"
	trap lab_clean EXIT
	trap 'exit 130' INT TERM
	# With these modules come devices into every namespace, which nobody can delete: they are there before anything is compared.
	[[ $LAB_PLANE != kernel ]] || modprobe -aq ipip ip_gre || true
}

lab_clean() {
	local status=$? label name
	trap - EXIT
	set +e
	for label in "${!LAB_PIDS[@]}"; do
		kill -TERM "${LAB_PIDS[$label]}" 2>/dev/null
	done
	for label in "${!LAB_PIDS[@]}"; do
		# A daemon that does not end by itself must not keep the lab's namespaces alive.
		wait_until 5 gone "${LAB_PIDS[$label]}" || kill -KILL "${LAB_PIDS[$label]}" 2>/dev/null
	done
	for name in "${LAB_NODES[@]}"; do
		ip netns delete "$LAB_ID-$name" 2>/dev/null
	done
	if [[ $status -ne 0 && -n ${LAB_KEEP_LOGS:-} ]]; then
		mkdir -p "$LAB_KEEP_LOGS" && cp -r "$LAB_DIR" "$LAB_KEEP_LOGS/"
	fi
	rm -rf "$LAB_DIR"
	exit "$status"
}

gone() {
	! kill -0 "$1" 2>/dev/null || [[ $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) == Z ]]
}

node() {
	local name
	for name in "$@"; do
		ip netns add "$LAB_ID-$name"
		LAB_NODES+=("$name")
		ip -n "$LAB_ID-$name" link set lo up
		on "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
}

on() {
	local name=$1
	shift
	ip netns exec "$LAB_ID-$name" "$@"
}

# `ip` inside a host, without the cost of ip netns exec.
ipn() {
	local name=$1
	shift
	ip -n "$LAB_ID-$name" "$@"
}

cable() {
	ip link add name "$2" netns "$LAB_ID-$1" type veth peer name "$4" netns "$LAB_ID-$3"
	ipn "$1" link set "$2" up
	ipn "$3" link set "$4" up
}

start() {
	local label=$1 name=$2
	shift 2
	# What the one before said is kept.
	[[ ! -e $LAB_DIR/$label.log ]] || mv "$LAB_DIR/$label.log" "$LAB_DIR/$label.$EPOCHREALTIME.log"
	ip netns exec "$LAB_ID-$name" "$@" >"$LAB_DIR/$label.log" 2>&1 </dev/null &
	LAB_PIDS[$label]=$!
}

running() {
	! gone "${LAB_PIDS[$1]}"
}

finish() {
	local label=$1 signal=${2:-TERM} pid=${LAB_PIDS[$1]}
	kill "-$signal" "$pid" 2>/dev/null || true
	wait_until 10 gone "$pid" || { echo "$label does not end" >&2; kill -KILL "$pid"; }
	# shellcheck disable=SC2034
	LAB_STATUS=0
	# shellcheck disable=SC2034
	wait "$pid" 2>/dev/null || LAB_STATUS=$?
	unset "LAB_PIDS[$label]"
}

wait_until() {
	local until=$((${EPOCHREALTIME/./} + ${1%.*} * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[[ ${EPOCHREALTIME/./} -lt $until ]] || return 1
		sleep 0.02
	done
}

# CLOCK_MONOTONIC in seconds, as the traffic programs log it.
monotonic() {
	python3 -c 'import time; print(time.monotonic())'
}

expect() {
	local sentence=$1
	shift
	if "$@" >"$LAB_DIR/expect.out" 2>&1; then
		echo "  ok      $sentence"
		LAB_HELD=$((LAB_HELD + 1))
	else
		echo "  BROKEN  $sentence"
		sed 's/^/          | /' "$LAB_DIR/expect.out" | tail -n 20
		LAB_BROKEN=$((LAB_BROKEN + 1))
	fi
}

# Whether the daemons are built with SANITIZE=1.
lab_is_sanitized() {
	[[ $(ldd "$LAB_BUILD/mip-ha") == *libasan* ]]
}

# What a sanitizer has to say is in the log of the program that it was linked into.
lab_is_clean() {
	! grep -HE -A 20 'ERROR: AddressSanitizer|runtime error:|LeakSanitizer' "$LAB_DIR"/*.log
}

lab_end() {
	local label
	if lab_is_sanitized; then
		# Leaks are told at the end of a program.
		for label in "${!LAB_PIDS[@]}"; do
			finish "$label"
		done
		expect "no sanitizer has found anything" lab_is_clean
	fi
	echo "  $LAB_HELD held, $LAB_BROKEN broken"
	[[ $LAB_BROKEN -eq 0 && $LAB_HELD -gt 0 ]]
}

# What a daemon must leave as it found it: links, addresses, routes, rules, nexthops, neighbours, filters, settings.
kernel_state() {
	local name=$1
	ipn "$name" -o link show | sed -E 's/(qlen|promiscuity) [0-9]+//; s/^[0-9]+: //; s/ state UNKNOWN / state UP /' | sort
	ipn "$name" -o address show | sed -E 's/(valid|preferred)_lft [a-z0-9]+//g' | sort
	ipn "$name" route show table all | sort
	ipn "$name" rule show
	ipn "$name" nexthop show
	ipn "$name" neigh show nud permanent
	ipn "$name" neigh show proxy
	ipn "$name" maddress show | sed -E 's/users [0-9]+//'
	tc -n "$LAB_ID-$name" qdisc show | sort
	on "$name" nft list ruleset
	on "$name" sysctl -a --pattern '^net\.ipv4\.(conf|ip_forward|nexthop_compat_mode|neigh\.[^.]*\.proxy_delay)' 2>/dev/null | grep -v '\.mip0\.' | sort
}

mipctl() {
	local role=$1 name=$2
	shift 2
	on "$name" "$LAB_BUILD/mipctl" -s "$LAB_DIR/$name-$role.sock" "$role" "$@"
}

json() {
	local role=$1 name=$2
	shift 2
	on "$name" "$LAB_BUILD/mipctl" -j -s "$LAB_DIR/$name-$role.sock" "$role" "$@"
}

# One value of a JSON answer: value ROLE NODE COMMAND PYTHON-EXPRESSION-OF-d
value() {
	json "$1" "$2" "$3" | python3 -c "import json,sys; d=json.load(sys.stdin); print($4)"
}

is() {
	local wanted=$1 found
	shift
	found=$("$@")
	[[ $found == "$wanted" ]] || { echo "is '$found', not '$wanted'"; return 1; }
}

# daemon ROLE NODE: starts it with the configuration $LAB_DIR/NODE-ROLE.conf (made by the caller), and waits until it answers.
daemon() {
	local role=$1 name=$2
	shift 2
	start "$name-$role" "$name" "$LAB_BUILD/mip-$role" -c "$LAB_DIR/$name-$role.conf" -s "$LAB_DIR/$name-$role.sock" "$@"
	if ! wait_until 10 answers_or_ended "$role" "$name" || gone "${LAB_PIDS[$name-$role]}"; then
		lab_skip_refused "$LAB_DIR/$name-$role.log"
		echo "mip-$role on $name does not answer:" >&2
		cat "$LAB_DIR/$name-$role.log" >&2
		return 1
	fi
}

answers_or_ended() {
	mipctl "$1" "$2" status || gone "${LAB_PIDS[$2-$1]}"
}

# A machine that cannot have the plane says so at the first daemon; later on it is an error like others.
lab_skip_refused() {
	local refusal
	refusal=$(sed -n "s/^[^ ]* \(.*data plane $LAB_PLANE, device\)/\1/p" "$1")
	if [[ -n $refusal && ${#LAB_PIDS[@]} -eq 1 && $LAB_HELD -eq 0 ]]; then
		echo "$refusal"
		exit 77
	fi
}

# config ROLE NODE <<EOF: a configuration file, readable by root alone because keys are in it. It gets the plane that is tested,
# unless it names one, and stays root as the lab's folder is root's.
config() {
	local text
	text=$(cat)
	[[ $text == *data_plane* ]] || text+=$'\n'"data_plane = \"$LAB_PLANE\";"
	[[ $text =~ (^|$'\n')user\ = ]] || text+=$'\nuser = "root";'
	(umask 077 && echo "$text" >"$LAB_DIR/$2-$1.conf")
}

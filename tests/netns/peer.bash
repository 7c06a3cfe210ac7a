# shellcheck shell=bash
# The other implementation against one of our daemons. Source lab.bash first, then this.
#
#   judge ROLE NODE SCRIPT   runs the Python scenario in the namespace `peer`, of which every interface is played by hand
#
# The scenario tells, a line each: `found SENTENCE DETAIL` (a check; it held when there is no detail), or
# `run FUNCTION ARGUMENTS…` (of the wrapper; the scenario goes on when it has returned).

judge() {
	local role=$1 name=$2 script=$3 verdict rest sentence detail
	coproc JUDGE { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$LAB_ROOT/tests/judge" on peer python3 "$LAB_ROOT/tests/netns/$script" \
		"$LAB_BUILD/mipctl" "$LAB_DIR/$name-$role.sock" 2>"$LAB_DIR/judge.log"; }
	local in=${JUDGE[0]} out=${JUDGE[1]} player=$!
	while IFS=$'\t' read -r verdict rest <&"$in"; do
		case $verdict in
		found)
			IFS=$'\t' read -r sentence detail <<<"$rest"
			expect "$sentence" holds "$detail"
			;;
		run)
			# Words that the scenario sends are this file's own functions and numbers.
			# shellcheck disable=SC2086
			${rest//$'\t'/ } >&2 || echo "  the wrapper's '$rest' failed" >&2
			echo "done" >&"$out"
			;;
		esac
	done
	expect "the other implementation played to the end" wait "$player"
	[[ ! -s $LAB_DIR/judge.log ]] || sed 's/^/          | /' "$LAB_DIR/judge.log"
}

holds() {
	[[ -z $1 ]] || { echo "$1"; return 1; }
}

# A host whose interfaces Python plays: its kernel has no addresses and says nothing.
peer_make() {
	node peer
	on peer sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.arp_ignore=8 net.ipv4.conf.default.arp_ignore=8
}

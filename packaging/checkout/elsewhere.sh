#!/bin/sh
# packaging/checkout/elsewhere.sh COMMAND ARGUMENT...: run a command as if on another host, for the instance of a
# checkout; its first call makes that host, `elsewhere.sh stop` takes it away.
#
# The other host is a network namespace with a cable to this one; the instance's nginx then listens at this end of
# the cable, too. The word "here" as the host of a URL in the arguments becomes this end's address:
#	packaging/checkout/elsewhere.sh curl http://here:8080/healthz
# Where none can be made (it takes root), curl says X-Forwarded-For instead: who comes through somebody's proxy
# comes from elsewhere, too. PORT, RUN_DIR and B as for instance.sh.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib.sh"

PORT=${PORT:-8080}
RUN_DIR=$(absolute "${RUN_DIR:-${B:-$HERE/../../build}/run}")
NAME=clario-$PORT
CONF=$RUN_DIR/servers/elsewhere.conf
# Of the addresses for tests of this kind (RFC 2544), four for each port.
NET=198.18.$((PORT / 64 % 256))
THIS=$NET.$((PORT % 64 * 4 + 1))
OTHER=$NET.$((PORT % 64 * 4 + 2))

is_made() {
	[ -e "/run/netns/$NAME" ]
}

stop() {
	rm -f "$CONF"
	ip link del "$NAME" 2>/dev/null || true
	! is_made || ip netns del "$NAME"
}

answers() {
	ip netns exec "$NAME" curl -s --noproxy '*' --max-time 2 -o /dev/null "http://$THIS:$PORT/healthz"
}

lay_cable() {
	ip netns add "$NAME" &&
		ip link add "$NAME" type veth peer name "p$PORT" netns "$NAME" &&
		ip addr add "$THIS/30" dev "$NAME" &&
		ip link set "$NAME" up &&
		ip -n "$NAME" addr add "$OTHER/30" dev "p$PORT" &&
		ip -n "$NAME" link set "p$PORT" up &&
		ip -n "$NAME" link set lo up
}

# The instance's own snippets, on one more address.
listen_here() {
	cat >"$CONF" <<-EOF
		server {
			listen $THIS:$PORT;
			access_log $RUN_DIR/elsewhere.log clario;
			include snippets/clario-workflow.conf;
			include snippets/clario-workflow-root.conf;
		}
	EOF
	kill -s HUP "$(cat "$RUN_DIR/nginx.pid")"
	wait_until 10 answers
}

create() {
	if ! lay_cable 2>/dev/null; then
		stop
		return 1
	fi
	listen_here || {
		stop
		die 1 "nginx does not answer on $THIS:$PORT; see $RUN_DIR/nginx-error.log"
	}
}

# run WORD REPLACEMENT COMMAND...: with WORD as the host of a URL replaced.
run() {
	word=$1 replacement=$2
	shift 2
	for argument; do
		set -- "$@" "$(printf '%s\n' "$argument" | sed "s|^\(https*://\)$word\([:/]\)|\1$replacement\2|")"
		shift
	done
	"$@"
}

[ $# -gt 0 ] || die 2 "usage: ${0##*/} COMMAND ARGUMENT... | stop"
if [ "$*" = stop ]; then
	stop
	exit 0
fi
[ -s "$RUN_DIR/nginx.pid" ] || die 1 "no instance is running in $RUN_DIR: make start"
if is_made || create; then
	run here "$THIS" ip netns exec "$NAME" "$@"
elif [ "$1" = curl ]; then
	warn "no network namespace can be made here: curl says X-Forwarded-For instead"
	shift
	run here 127.0.0.1 curl -H 'X-Forwarded-For: 203.0.113.9' "$@"
else
	warn "no network namespace can be made here: $1 is run on this host"
	run here 127.0.0.1 "$@"
fi

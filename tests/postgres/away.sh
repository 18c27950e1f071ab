#!/bin/sh
# tests/postgres/away.sh: while no primary answers: what callers and monitors are told through nginx, and how soon;
# and that all goes on by itself when it is back.
set -eu
. tests/support/tap.sh
. packaging/checkout/lib.sh
. tests/postgres/server.sh

if ! pg_is_there; then
	skip "a primary that is away" "no PostgreSQL server is installed (Debian: postgresql-15)"
	done_testing
	exit
fi

B=${B:-build}
PORT=$(free_ports $((18800 + $$ % 50 * 2)) 2)
RUN_DIR=$SCRATCH/run
CLARIO_SET="spool.store=postgres spool.database=postgresql://clario@/postgres?host=$PG_DIR"
export B PORT RUN_DIR CLARIO_SET

post() {
	ask /api/v1/workflow/phase/2 -o "$SCRATCH/body" -D "$SCRATCH/head" -w '%{http_code} %{time_total}' \
		-H 'Content-Type: application/json' -d "{\"user_id\":\"u1\",\"sync_id\":\"$1\"}" >"$SCRATCH/told"
	read -r code took <"$SCRATCH/told"
	cat "$SCRATCH/told" "$SCRATCH/body"
}

# In seconds.
refused_within() {
	post "$2" && [ "$code" = 503 ] && grep -qi '^retry-after: [1-9]' "$SCRATCH/head" &&
		grep -q '"code":"spool_unavailable"' "$SCRATCH/body" &&
		awk -v took="$took" -v most="$1" 'BEGIN { exit !(took <= most) }'
}

taken() {
	post "$1" && [ "$code" = 200 ]
}

readyz_says() {
	[ "$(ask /readyz -o "$SCRATCH/ready" -w '%{http_code}')" = "$1" ] || {
		cat "$SCRATCH/ready"
		return 1
	}
}

# Of all that were taken each is completed.
all_done() {
	[ "$(ask /api/v1/workflow/queue/stats | jq -c '.stats.orchestration | [.completed, .waiting + .active + .delayed]')" = "[$1,0]" ]
}

daemons_live() {
	for daemon in clario-fcgi clario-events clario-worker; do
		is_alive "$(cat "$RUN_DIR/$daemon.pid")" || return 1
	done
}

check "the server starts" pg_start
trap 'packaging/checkout/instance.sh stop >/dev/null 2>&1; pg_stop; rm -rf "$SCRATCH" "$PG_DIR"' EXIT
check "an instance on it" packaging/checkout/instance.sh start
check "a trigger is taken" taken before
check "and done" wait_until 20 all_done 1

# Another host: its directory is its own, the database the same. No worker lives there.
sed "s|^path = .*|path = $SCRATCH/other|" "$RUN_DIR/clario.conf" >"$SCRATCH/other.conf"
TOOL="$B/clario-spool -c $SCRATCH/other.conf"
other_host_is_ready() {
	CLARIO_ALLOW_ROOT=1 $TOOL init --if-missing
}
sees_no_death() {
	$TOOL workers && $TOOL status >"$SCRATCH/status" && cat "$SCRATCH/status" &&
		grep -q '^room: [0-9.]* MiB used' "$SCRATCH/status" && ! grep -q 'no worker lives' "$SCRATCH/status"
}
has_no_map() {
	$TOOL doctor --json "$RUN_DIR" >"$SCRATCH/doctor" || true
	cat "$SCRATCH/doctor"
	jq -se 'map(select(.check == "spool" and .level == "ok")) | length == 1' "$SCRATCH/doctor" &&
		jq -se 'map(select(.check == "map" or .check == "readers" or .check == "backup")) | length == 0' "$SCRATCH/doctor" &&
		jq -se 'map(select(.check == "workers"))[0].level == "note"' "$SCRATCH/doctor"
}
check "another host on the same database" other_host_is_ready
check "workers of others are not taken for dead" sees_no_death
check "doctor speaks of no map, and calls nobody dead" has_no_map

pg_kill
# It takes two seconds, and then milliseconds; a busy machine more.
check "the primary is gone: 503 with Retry-After" refused_within 10 meanwhile
check "and from then on at once" refused_within 1.9 meanwhile
check "readyz says so" readyz_says 503
sleep 3 # the worker has met it, too
check "nobody has ended for it" daemons_live
check "the server starts again" pg_again
check "readyz says so" wait_until 10 readyz_says 200
check "a trigger is taken again" taken meanwhile
check "and done by the worker that was there before" wait_until 20 all_done 2
done_testing

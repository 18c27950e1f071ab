# tests/postgres/server.sh: a PostgreSQL of the tests' own, in a private directory, on a socket alone, with
# fsync on; in memory where there is room for it, for then a sync costs nothing, and what is tested does not
# depend on how long one takes. Sourced; needs tap.sh's SCRATCH.
# shellcheck shell=sh
#
#	pg_is_there		whether the server's programs are installed
#	pg_start		PG_SERVER is then what connects to it; ended with the test
#	pg_kill; pg_again	kill -9 all of it; start it once more, on the same data
#	pg_signal SIGNAL	to all of it: STOP makes it silent, CONT wakes it up

PG_BIN=$(pg_config --bindir 2>/dev/null || true)
PG_DIR=$SCRATCH/postgres
if [ "$(df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -ge 512 ] 2>/dev/null && [ -w /dev/shm ]; then
	PG_DIR=/dev/shm/${SCRATCH##*/}
fi
# shellcheck disable=SC2034
PG_SERVER="host=$PG_DIR user=clario dbname=postgres"

pg_is_there() {
	[ -x "$PG_BIN/initdb" ] && command -v psql >/dev/null
}

# The server does not run as root.
pg_as() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
	else
		"$@"
	fi
}

# What a killed server's processes hold in common is free only when the last of them has noticed.
pg_again() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		pg_try && return
		sleep 0.5
	done
	cat "$PG_DIR/log"
	return 1
}

pg_try() {
	pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -w -t 60 -l "$PG_DIR/log" \
		-o "-k $PG_DIR -c listen_addresses= -c max_connections=50 -c max_wal_size=96MB -c shared_buffers=64MB" start >/dev/null 2>&1
}

pg_start() {
	mkdir "$PG_DIR"
	chmod 755 "$SCRATCH"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$PG_DIR"
	(cd "$PG_DIR" && pg_as "$PG_BIN/initdb" -D "$PG_DIR/data" -A trust -U clario >/dev/null)
	pg_again
	trap 'pg_stop; rm -rf "$SCRATCH" "$PG_DIR"' EXIT
}

pg_stop() {
	pg_as "$PG_BIN/pg_ctl" -D "$PG_DIR/data" -m immediate stop >/dev/null 2>&1 || true
}

# The first line of postmaster.pid is the postmaster's; its children end when they notice.
pg_signal() {
	pg_pid=$(sed -n 1p "$PG_DIR/data/postmaster.pid")
	pg_children=$(ps -o pid= --ppid "$pg_pid")
	# shellcheck disable=SC2086
	kill "-$1" "$pg_pid" $pg_children 2>/dev/null || true
}

pg_kill() {
	pg_signal KILL
}

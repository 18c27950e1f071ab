#!/bin/sh
# tests/bench/bench.sh: submits a second and deliveries a second, beside a handler that does nothing.
#
# Everything goes through one nginx: clario-fcgi on one port, on another a FastCGI handler that answers at once
# (noop.c). Rounds of both take turns, so that a busy moment of the machine hits both; medians are compared. An
# answer that is not 2xx makes a figure void. Prints a table, writes B/bench.json, judges nothing. Settings:
#   BENCH_SECONDS (5) for each figure   BENCH_ROUNDS (3)   BENCH_CONNECTIONS ("1 16 64")   KEEP_CONN (off)
set -eu

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT"
. packaging/checkout/lib.sh

B=$(absolute "${B:-build}")
SECONDS_EACH=${BENCH_SECONDS:-5}
ROUNDS=${BENCH_ROUNDS:-3}
CONNECTIONS=${BENCH_CONNECTIONS:-1 16 64}
KEEP_CONN=${KEEP_CONN:-off}
RUN_DIR=$B/bench-run
FIGURES=$RUN_DIR/figures
THREADS=64
unset INTEGRATIONS_URL PYTHON_API_URL
export B RUN_DIR KEEP_CONN
export CLARIO_SET="http.threads=$THREADS ${CLARIO_SET:-}"

# A second server in the instance's nginx, the same but for the handler behind it.
add_noop_server() {
	snippets=$RUN_DIR/snippets
	sed 's/fastcgi_pass clario_workflow/fastcgi_pass bench_noop/' "$snippets/clario-workflow-pass.conf" \
		>"$RUN_DIR/servers/noop-pass.inc"
	{
		sed -n '/^upstream/,/^}/p' "$snippets/clario-workflow-http.conf" |
			sed -e 's/clario_workflow/bench_noop/' -e 's/fcgi\.sock/noop.sock/'
		say "server {"
		say "listen 127.0.0.1:$((PORT + 2)) backlog=1024;"
		say "access_log $RUN_DIR/noop-access.log clario buffer=32k flush=1s;"
		sed 's|snippets/clario-workflow-pass.conf|servers/noop-pass.inc|' "$snippets/clario-workflow.conf"
		say "}"
	} >"$RUN_DIR/servers/noop.conf"
}

start_all() {
	packaging/checkout/instance.sh stop >/dev/null 2>&1 || true
	rm -rf "$RUN_DIR"
	PORT=$(free_ports 8280 3) || die 1 "no three free ports from 8280 on"
	export PORT
	trap stop_all EXIT
	trap 'exit 130' INT TERM HUP
	packaging/checkout/instance.sh configure
	add_noop_server
	mkdir "$FIGURES"
	"$B/bench-noop" "$RUN_DIR/noop.sock" "$THREADS" >"$RUN_DIR/noop.log" 2>&1 &
	noop=$!
	packaging/checkout/instance.sh start >/dev/null
}

stop_all() {
	kill "${noop:-0}" 2>/dev/null || true
	packaging/checkout/instance.sh stop >/dev/null || true
}

spool() {
	"$B/clario-spool" -c "$RUN_DIR/clario.conf" "$@"
}

completed() {
	ask /api/v1/workflow/queue/stats | jq .stats.orchestration.completed
}

# measure NAME PORT CONNECTIONS ROUND: one figure, appended to FIGURES/NAME-CONNECTIONS.
measure() {
	threads=$(nproc)
	[ "$3" -ge "$threads" ] || threads=$3
	figure=$(wrk -t "$threads" -c "$3" -d "${SECONDS_EACH}s" --timeout 10s -s tests/bench/submit.lua \
		"http://127.0.0.1:$2" -- "$1-$3-$4" | tail -n 1)
	case $figure in
	'{'*) say "$figure" >>"$FIGURES/$1-$3" ;;
	*) die 1 "wrk had no figure for $1 at $3 connections: $figure" ;;
	esac
}

measure_submits() {
	for round in $(seq "$ROUNDS"); do
		for connections in $CONNECTIONS; do
			measure noop $((PORT + 2)) "$connections" "$round"
			measure submit "$PORT" "$connections" "$round"
		done
	done
}

# What was submitted waited; now the worker delivers it to the demo receiver. The first second is not counted.
measure_drain() {
	spool resume >/dev/null
	sleep 1
	for round in $(seq "$ROUNDS"); do
		before=$(completed)
		began=$(date +%s%N)
		sleep "$SECONDS_EACH"
		after=$(completed)
		ended=$(date +%s%N)
		say "$before $after $began $ended" |
			awk '{ printf "{\"jobs\":%d,\"seconds\":%.3f}\n", $2 - $1, ($4 - $3) / 1e9 }' >>"$FIGURES/drain"
	done
}

# All figures as one JSON document. A figure is void when an answer was not 2xx, or when the spool holds fewer
# jobs than were acknowledged.
gather() {
	for connections in $CONNECTIONS; do
		jq -s --argjson connections "$connections" --slurpfile noop "$FIGURES/noop-$connections" '
			def median: sort | if length % 2 == 1 then .[length / 2 | floor]
				else (.[length / 2 - 1] + .[length / 2]) / 2 end;
			def figure: {per_second: (map(.requests / .seconds) | median),
				p50_ms: (map(.p50_ms) | median), p99_ms: (map(.p99_ms) | median),
				requests: (map(.requests) | add), void: (map(.errors) | add > 0)};
			{connections: $connections, noop: ($noop | figure), submit: figure}
			| .ratio = .submit.per_second / .noop.per_second' "$FIGURES/submit-$connections"
	done | jq -s --slurpfile drain "$FIGURES/drain" --argjson jobs "$1" --arg keep_conn "$KEEP_CONN" \
		--argjson seconds "$SECONDS_EACH" --argjson rounds "$ROUNDS" --argjson processors "$(nproc)" '
		{processors: $processors, keep_conn: $keep_conn, seconds: $seconds, rounds: $rounds, submits: .,
			jobs_stored: $jobs,
			drain: {per_second: (($drain | map(.jobs) | add) / ($drain | map(.seconds) | add)),
				jobs: ($drain | map(.jobs) | add)},
			void: (any(.[]; .noop.void or .submit.void) or (map(.submit.requests) | add) > $jobs)}'
}

tell() {
	say "Durable submits through nginx beside a handler that does nothing (keep_conn $KEEP_CONN, $(nproc)" \
		"processors, medians of $ROUNDS x ${SECONDS_EACH} s):"
	jq -r '.submits[] | [.connections, .noop.per_second, .noop.p99_ms, .submit.per_second, .submit.p99_ms,
		.ratio] | @tsv' "$B/bench.json" | awk -F '\t' '
		BEGIN { printf "%12s %12s %10s %12s %10s %8s\n", "connections", "no-op/s", "p99 ms", "submit/s",
			"p99 ms", "ratio" }
		{ printf "%12d %12.0f %10.2f %12.0f %10.2f %8.2f\n", $1, $2, $3, $4, $5, $6 }'
	jq -r '"Drain: \(.drain.per_second | floor) jobs/s (\(.drain.jobs) jobs, each one call to the demo receiver)"' \
		"$B/bench.json"
	say "Written to $B/bench.json"
}

start_all
spool pause >/dev/null
measure_submits
stored=$(ask /api/v1/workflow/queue/stats | jq '.stats.orchestration | .waiting + .delayed + .active + .completed')
measure_drain
gather "$stored" >"$B/bench.json"
tell
! jq -e .void "$B/bench.json" >/dev/null ||
	die 1 "void: an answer was not 2xx, or an acknowledged job is not in the spool; see $RUN_DIR"

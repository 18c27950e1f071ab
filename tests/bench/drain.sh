# tests/bench/drain.sh: jobs delivered, each one POST to the same nginx that answers at once. Sourced.
# shellcheck shell=sh

DRAIN_JOBS=${BENCH_DRAIN_JOBS:-50000}
WARM_MS=5000
SINK_PATH=/api/detections/run

sink() { say "http://127.0.0.1:$((PORT + 1))$SINK_PATH"; }
completed() { ask /api/v1/workflow/queue/stats | jq .stats.orchestration.completed; }
spool() { "$B/clario-spool" -c "$RUN_DIR/clario.conf" "$@"; }

# wait_drained FROM: until so many jobs were completed since; asked seldom, for asking costs processor time, too.
wait_drained() {
	for _ in $(seq 600); do
		[ $(($(completed) - $1)) -lt "$DRAIN_JOBS" ] || return 0
		sleep 0.5
	done
	return 1
}

drain_real() {
	"$B/bench-spool" fill "$RUN_DIR/clario.conf" $((DRAIN_JOBS * 2))
	spool resume >/dev/null
	sleep 1
	from=$(completed)
	began=$(date +%s%N)
	wait_drained "$from" || die 1 "the worker did not drain $DRAIN_JOBS jobs within 300 s"
	to=$(completed)
	ended=$(date +%s%N)
	spool pause >/dev/null
	say "$from $to $began $ended" |
		awk '{ printf "{\"jobs\":%d,\"seconds\":%.3f,\"errors\":0}", $2 - $1, ($4 - $3) / 1e9 }'
}

# drain_peer KIND: filled first; its first five seconds are not counted.
drain_peer() {
	redis flushall >/dev/null
	node_run "$1-fill" fill.js "$1" "$(redis_port)" $((DRAIN_JOBS * 3))
	used=$(redis info memory | awk -F: '$1 == "used_memory" { print $2 + 0 }')
	figure redis "{\"subject\":\"$1\",\"jobs\":$((DRAIN_JOBS * 3)),\"bytes\":$used}"
	node_run "$1-worker" worker.js "$1" "$(redis_port)" "$(sink)" 64 "$WARM_MS" "$DRAIN_JOBS"
	tail -n 1 "$RUN_DIR/$1-worker.log"
	redis flushall >/dev/null
}

drain_one() {
	case $1 in
	real) drain_real ;;
	loop) "$B/bench-loop" "$(sink)" 64 "$DRAIN_JOBS" ;;
	*) drain_peer "$1" ;;
	esac
}

measure_drains() {
	for round in $(seq "$DRAIN_ROUNDS"); do
		for subject in loop real $PEER_KINDS; do
			run=$(drain_one "$subject")
			figure drain "$(say "$run" | jq -c --arg subject "$subject" --argjson round "$round" '. + {$subject, $round}')"
		done
		progress "drains: round $round of $DRAIN_ROUNDS"
	done
}

# Submits alone and submits while the worker drains at full speed, in turns.
measure_mixed() {
	for round in $(seq "$ROUNDS"); do
		figure mixed "$(submit_with real 64 "alone-$round" | jq -c --argjson round "$round" '. + {subject: "alone", $round}')"
		"$B/bench-spool" fill "$RUN_DIR/clario.conf" $((SECONDS_EACH * 30000))
		spool resume >/dev/null
		sleep 0.5
		from=$(completed)
		run=$(submit_with real 64 "draining-$round")
		to=$(completed)
		left=$(ask /api/v1/workflow/queue/stats | jq '.stats.orchestration | .waiting + .active')
		spool pause >/dev/null
		figure mixed "$(say "$run" | jq -c --argjson round "$round" --argjson drained $((to - from)) --argjson left "$left" \
			'. + {subject: "draining", $round, $drained} | .errors += (if $left > 0 then 0 else 1 end)')"
	done
	progress "submits while draining: $ROUNDS rounds"
}

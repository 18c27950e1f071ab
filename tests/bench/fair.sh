# tests/bench/fair.sh: how long a new user's job waits behind another user's backlog. Sourced.
# shellcheck shell=sh
#
# 10,000 users are queued, one of them with 100,000 jobs, the others with one each among those. While the worker drains
# them at full speed, jobs of users that are new come in through nginx: the first at once, behind the 9,999 jobs of the
# others too, whose turn is before it by any rule; when it has ended, only the crowded user's are left, and 20 more come.

CROWD_JOBS=100000
CROWD_USERS=10000
NEWCOMERS=20
NEWCOMER_EVERY=0.1

# submit_newcomer TAG: its job's id.
submit_newcomer() {
	ask /api/v1/workflow/phase/2 -H 'Content-Type: application/json' \
		-d "{\"user_id\":\"bench-new-$1\",\"sync_id\":\"bench-new-sync-$1\"}" | jq -r .job_id
}

milliseconds() { date -d "$1" +%s%3N; }

# wait_of ID: one line of JSON.
wait_of() {
	ask "/api/v1/workflow/jobs/$1" >"$RUN_DIR/newcomer.json"
	jq -r '.job // . | [.accepted_at, .started_at, .finished_at] | map(. // "none") | join(" ")' "$RUN_DIR/newcomer.json" |
		while read -r accepted started finished; do
			if [ "$started" = none ] || [ "$finished" = none ]; then
				say '{"errors":1}'
			else
				from=$(milliseconds "$accepted")
				say "{\"start_ms\":$(($(milliseconds "$started") - from)),\"end_ms\":$(($(milliseconds "$finished") - from))}"
			fi
		done
}

has_ended() { [ "$(ask "/api/v1/workflow/jobs/$1" | jq -r '.job // . | .finished_at // empty')" ]; }
has_completed() { [ "$(completed)" -ge "$1" ]; }

# wait_for_first ID: asked twice a second.
wait_for_first() {
	for _ in $(seq 120); do
		! has_ended "$1" || return 0
		sleep 0.5
	done
	return 1
}

submit_newcomers() {
	for nth in $(seq "$NEWCOMERS"); do
		submit_newcomer "$1-$nth"
		sleep "$NEWCOMER_EVERY"
	done >"$RUN_DIR/newcomers"
}

# run_fair ROUND: the jobs of newcomers are looked at when it is over, for asking costs processor time. What the crowded
# user completed meanwhile is at least what is not the others'.
run_fair() {
	others=$((CROWD_USERS + NEWCOMERS))
	began=$(date +%s%N)
	spool resume >/dev/null
	first=$(submit_newcomer "$1-first")
	wait_for_first "$first" || die 1 "a new user's job did not start within 60 s"
	submit_newcomers "$1"
	sleep 0.5
	stats=$(ask /api/v1/workflow/queue/stats | jq -c .stats.orchestration)
	ended=$(date +%s%N)
	wait_until 10 has_completed "$others" || true
	spool pause >/dev/null
	first=$(wait_of "$first")
	while read -r id; do
		wait_of "$id"
	done <"$RUN_DIR/newcomers" | jq -cs --argjson round "$1" --argjson stats "$stats" --argjson ns $((ended - began)) \
		--argjson others "$others" --argjson newcomers "$NEWCOMERS" --argjson first "$first" '
		($stats.completed - $others) as $crowd
		| {$round, $crowd, left: $stats.waiting, seconds: ($ns / 1e9), first_ms: $first.start_ms,
			start_ms: map(.start_ms), end_ms: map(.end_ms),
			errors: ((map(.errors // 0) | add // 0) + $newcomers - length + $stats.failed + $stats.delayed
				+ (if $crowd > 0 then 0 else 1 end) + (if $stats.waiting > 0 then 0 else 1 end))}'
}

measure_fair() {
	for round in $(seq "$ROUNDS"); do
		stop_servers
		start_servers
		spool pause >/dev/null
		"$B/bench-spool" crowd "$RUN_DIR/clario.conf" "$CROWD_USERS" "$CROWD_JOBS"
		figure fair "$(run_fair "$round")"
		progress "fair: round $round of $ROUNDS"
	done
}

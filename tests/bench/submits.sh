# tests/bench/submits.sh: triggers posted by wrk, and what they cost. Sourced.
# shellcheck shell=sh

# figure PART JSON: one more line for the report.
figure() {
	say "$2" | jq -c --arg part "$1" '{part: $part} + .' >>"$FIGURES"
}

# cpu_ticks PID: user and system time of a process; 0 for none.
cpu_ticks() {
	[ -z "$1" ] || awk '{ print $14 + $15 }' "/proc/$1/stat" 2>/dev/null
}

handler_of() {
	case $1 in
	real | real-kept) pid_of fcgi ;;
	*) pid_of "$1" ;;
	esac
}

# submit_with SUBJECT CONNECTIONS TAG [TOKEN]: one run of wrk, as JSON with the handler's processor time for each request.
submit_with() {
	threads=$(nproc)
	[ "$2" -ge "$threads" ] || threads=$2
	handler=$(handler_of "$1")
	before=$(cpu_ticks "$handler")
	run=$(wrk -t "$threads" -c "$2" -d "${SECONDS_EACH}s" --timeout 10s -s tests/bench/submit.lua \
		"http://127.0.0.1:$(port_of "$1")" -- "$3" "${4:-}" | tail -n 1)
	after=$(cpu_ticks "$handler")
	case $run in
	'{'*) ;;
	*) die 1 "wrk had no figure for $1 at $2 connections: $run" ;;
	esac
	say "$run" | jq -c --argjson ticks "$((${after:-0} - ${before:-0}))" --argjson hz "$(getconf CLK_TCK)" \
		'. + {cpu_us: (if .requests > 0 then $ticks * 1e6 / $hz / .requests else 0 end)}'
}

# All subjects take turns within a round, so that a busy moment of the machine hits all alike.
measure_submits() {
	for round in $(seq "$ROUNDS"); do
		for connections in $CONNECTION_COUNTS; do
			for subject in $SUBJECTS; do
				run=$(submit_with "$subject" "$connections" "$subject-$connections-$round")
				figure submit "$(say "$run" | jq -c --arg subject "$subject" --argjson round "$round" \
					--argjson connections "$connections" '. + {$subject, $connections, $round}')"
			done
		done
		progress "submits: round $round of $ROUNDS"
	done
}

# The spool must hold what was acknowledged; more (wrk's last requests, whose answers it did not wait for) is fine.
check_submits() {
	acknowledged=$(jq -s '[.[] | select(.part == "submit" and (.subject | startswith("real"))) | .requests] | add // 0' \
		"$FIGURES")
	stored=$(ask /api/v1/workflow/queue/stats | jq '.stats.orchestration | .waiting + .delayed + .active + .completed')
	figure stored "{\"acknowledged\":$acknowledged,\"stored\":$stored}"
}

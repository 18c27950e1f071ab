# tests/bench/receivers.sh: what one dead receiver of four costs the others. Sourced.
# shellcheck shell=sh
#
# Four phases, each with one call to a receiver of its own, have as many jobs each, in turns. Each run has a fresh
# instance and counts what phases 2, 3 and 4 complete from the worker's first moment on, so that what it costs to find
# out that the fourth is dead is in it, too.
#   well      all four answer at once         hang, refused   the fourth never answers; is not there
#   absent    the fourth has no jobs: the most that the others could do

RECEIVER_SUBJECTS='well hang refused absent'
OTHER_PHASES='2 3 4'
DEAD_PHASE=5
RECEIVER_JOBS_A_SECOND=15000

# dead_url SUBJECT
dead_url() {
	case $1 in
	well | absent) say "http://127.0.0.1:$((PORT + 1))" ;;
	*) say "http://127.0.0.1:$(dead_port)" ;;
	esac
}

# own_call NAME PHASE URL
own_call() {
	say "receiver.$1.url=$3 call.$1.phase=$2 call.$1.receiver=$1 call.$1.path=$SINK_PATH" \
		"call.$1.timeout=1s call.$1.connect-timeout=1s"
}

# receiver_rows SUBJECT: phases 2 and 3 make the calls that are built in, to integrations and python.
receiver_rows() {
	say "receiver.python-jwt-secret=bench"
	own_call third 4 "http://127.0.0.1:$((PORT + 1))"
	own_call fourth "$DEAD_PHASE" "$(dead_url "$1")"
}

# What the others and the fourth have completed, what failed, and the least that one of the others has left.
receiver_counts() {
	ask /api/v1/workflow/queue/stats | jq -c --argjson dead "$DEAD_PHASE" --arg others "$OTHER_PHASES" '
		($others | split(" ") | map(tonumber)) as $others | .stats.phases
		| [.[] | select(.phase | IN($others[]))] as $them
		| {jobs: ([$them[].completed] | add), dead: ([.[] | select(.phase == $dead).completed] | add),
			failed: ([.[].failed] | add), left: ([$them[].waiting] | min), delayed: ([$them[].delayed] | add)}'
}

# sample_receivers: how many the others had completed every half second, one a line.
sample_receivers() {
	for _ in $(seq $((SECONDS_EACH * 2))); do
		sleep 0.5
		receiver_counts | jq .jobs
	done
}

# run_receivers SUBJECT: errors are a job of the others that failed or is delayed, others without jobs before the end,
# and a dead receiver that is not.
run_receivers() {
	began=$(date +%s%N)
	spool resume >/dev/null
	samples=$(sample_receivers | jq -cs .)
	counts=$(receiver_counts)
	ended=$(date +%s%N)
	spool pause >/dev/null
	say "$counts" | jq -c --arg subject "$1" --argjson samples "$samples" --argjson ns $((ended - began)) '
		($subject | IN("hang", "refused")) as $is_dead
		| . + {$subject, $samples, seconds: ($ns / 1e9),
			errors: (.failed + .delayed + (if .left > 0 then 0 else 1 end)
				+ (if $is_dead then .dead elif $subject == "well" and .dead == 0 then 1 else 0 end))}'
}

# fill_receivers SUBJECT: more than is completed within the time.
fill_receivers() {
	each=$((SECONDS_EACH * RECEIVER_JOBS_A_SECOND))
	if [ "$1" = absent ]; then
		# shellcheck disable=SC2086 # a list of numbers
		"$B/bench-spool" fill "$RUN_DIR/clario.conf" $((each * 3)) $OTHER_PHASES
	else
		# shellcheck disable=SC2086
		"$B/bench-spool" fill "$RUN_DIR/clario.conf" $((each * 4)) $OTHER_PHASES "$DEAD_PHASE"
	fi
}

start_receivers() {
	stop_servers
	start_servers receiver_rows "$1"
	spool pause >/dev/null
	[ "$1" = hang ] || return 0
	"$B/bench-hang" "$(dead_port)" >"$RUN_DIR/hang.log" 2>&1 &
	remember hang $!
}

measure_receivers() {
	for round in $(seq "$DRAIN_ROUNDS"); do
		for subject in $RECEIVER_SUBJECTS; do
			start_receivers "$subject"
			fill_receivers "$subject"
			figure receivers "$(run_receivers "$subject" | jq -c --argjson round "$round" '. + {$round}')"
		done
		progress "receivers: round $round of $DRAIN_ROUNDS"
	done
}

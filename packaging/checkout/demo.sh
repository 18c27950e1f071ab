#!/bin/sh
# packaging/checkout/demo.sh: the main job, end to end, told as a story; exit 0 only if all went as it should.
#
# A fresh instance in B/demo on a free port: a workflow's seven phases, two duplicates, a bad request and a
# payout whose receiver fails twice first. Waits until every job has ended, shows jobs, timeline and calls,
# then judges them. Everything is stopped at the end; the files stay for a look.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
. "$HERE/lib.sh"

B=$(absolute "${B:-$ROOT/build}")
RUN_DIR=$B/demo
ANSWERS=$RUN_DIR/answers
USER_ID=seller-7
SYNC_ID=sync-demo-1
unset INTEGRATIONS_URL PYTHON_API_URL PYTHON_API_JWT_SECRET INTERNAL_API_KEY NODE_ENV AMAZON_SPAPI_BASE_URL
# The waits between attempts are real, only shorter: 0.3 s and 0.9 s in place of 2 s and 6 s.
export CLARIO_SET="retry.base=300ms"
export B RUN_DIR

spool() {
	"$B/clario-spool" -c "$RUN_DIR/clario.conf" "$@"
}

indented() {
	sed 's/^/  /'
}

heading() {
	printf '\n%s\n' "$*"
}

fresh_instance() {
	"$HERE/instance.sh" stop >/dev/null 2>&1 || true
	rm -rf "$RUN_DIR"
	PORT=$(free_ports 8180 2) || die 1 "no two free ports from 8180 on"
	export PORT
	trap '"$HERE/instance.sh" stop >/dev/null' EXIT
	trap 'exit 130' INT TERM HUP
	"$HERE/instance.sh" start
	mkdir "$ANSWERS"
}

# post NAME WHAT PHASE BODY: send one trigger, keep the answer as ANSWERS/NAME.json, show it in a line.
post() {
	code=$(ask "/api/v1/workflow/phase/$3" -H 'Content-Type: application/json' -d "$4" \
		-o "$ANSWERS/$1.json" -w '%{http_code}')
	say "$code" >"$ANSWERS/$1.status"
	answer=$(jq -r '
		if .success | not then .error + "  [" + .code + "]"
		elif .duplicate then "the job is there already: " + .job_id + " " + .state
		else "accepted: " + .job_id end' "$ANSWERS/$1.json")
	printf '  %-36s %s  %s\n' "$2" "$code" "$answer"
}

send_triggers() {
	who="\"user_id\":\"$USER_ID\",\"sync_id\":\"$SYNC_ID\""
	heading "Triggers, sent through nginx:"
	post phase1 "phase 1  seller connected" 1 "{$who,\"seller_id\":\"A1DEMOSELLER\"}"
	post phase2 "phase 2  data synced" 2 "{$who,\"orders_count\":1250,\"inventory_items\":340}"
	post phase3 "phase 3  claims detected" 3 "{$who,\"claims\":[
		{\"claim_id\":\"claim-1\",\"amount\":120.50,\"confidence\":0.93},
		{\"claim_id\":\"claim-2\",\"amount\":48.00,\"confidence\":0.61}]}"
	post phase4 "phase 4  evidence matched" 4 "{$who,\"matches\":[
		{\"claim_id\":\"claim-1\",\"confidence\":0.93},{\"claim_id\":\"claim-2\",\"confidence\":0.61}]}"
	post phase5 "phase 5  claim submitted" 5 "{$who,\"claim_id\":\"claim-1\",\"amazon_case_id\":\"CASE-1001\"}"
	post phase6 "phase 6  claim rejected" 6 "{$who,\"claim_id\":\"claim-2\",\"amazon_case_id\":\"CASE-1002\",
		\"rejection_reason\":\"Proof of delivery is missing\"}"
	post phase7 "phase 7  payout received" 7 "{$who,\"claim_id\":\"claim-1\",\"amount\":120.50}"
	post again2 "phase 2  the same again" 2 "{$who,\"orders_count\":1250,\"inventory_items\":340}"
	post again7 "phase 7  the same again" 7 "{$who,\"claim_id\":\"claim-1\",\"amount\":120.50}"
	post bad "phase 6  without a reason" 6 "{$who,\"claim_id\":\"claim-2\"}"
	post flaky "phase 7  its receiver fails twice" 7 \
		"{\"user_id\":\"$USER_ID\",\"claim_id\":\"flaky-3\",\"amount\":\"80.00\"}"
}

# Keeps all jobs, as the spool has them, in RUN_DIR/jobs.json.
all_have_ended() {
	spool --json list --limit 100 >"$RUN_DIR/jobs.json" || return 1
	jq -es 'length >= 8 and all(.[]; .state | IN("completed", "failed", "cancelled"))' \
		"$RUN_DIR/jobs.json" >/dev/null
}

tell_outcomes() {
	heading "Jobs (clario-spool list):"
	spool list --order asc | indented
	heading "Their outcomes:"
	jq -rs 'sort_by(.accepted_at)[] |
		"  \(.workflow_id), phase \(.phase): \(.outcome.message)\n      \(.outcome.data | tojson)"' "$RUN_DIR/jobs.json"
	heading "The workflow $SYNC_ID, step by step (clario-spool workflow):"
	spool workflow "$SYNC_ID" | indented
	heading "The payout whose receiver failed twice (clario-spool workflow):"
	spool workflow payout_flaky-3 | indented
	heading "What the receivers were asked:"
	jq -rs 'group_by(.path)[] | "\(.[0].path)\t\(map("try \(.attempt): \(.status)") | join(", "))"' \
		"$RUN_DIR/receiver.log" | awk -F '\t' '{ printf "  %-58s %s\n", $1, $2 }'
}

failures=0
# verify WHAT COMMAND...
verify() {
	what=$1
	shift
	if "$@" >/dev/null; then
		say "  ok      $what"
	else
		failures=$((failures + 1))
		say "  WRONG   $what"
	fi
}

answered() {
	[ "$(cat "$ANSWERS/$1.status")" = "$2" ] && jq -e "$3" "$ANSWERS/$1.json"
}

phases_are_accepted() {
	for n in 1 2 3 4 5 6 7; do
		answered "phase$n" 200 ".success and .phase == $n and .duplicate == false and (.job_id | length == 36)" ||
			return 1
	done
}

is_duplicate_of() {
	answered "$1" 200 '.success and .duplicate and (.body_differs | not)' &&
		[ "$(jq -r .job_id "$ANSWERS/$1.json")" = "$(jq -r .job_id "$ANSWERS/$2.json")" ]
}

jobs_are() {
	jq -es "$1" "$RUN_DIR/jobs.json"
}

calls_are() {
	jq -es "$1" "$RUN_DIR/receiver.log"
}

verify_all() {
	heading "Is all as it should be?"
	verify "seven phases were accepted" phases_are_accepted
	verify "a trigger sent again is answered with its first job (phase 2)" is_duplicate_of again2 phase2
	verify "a trigger sent again is answered with its first job (phase 7)" is_duplicate_of again7 phase7
	verify "a bad request is refused and says why" answered bad 400 \
		'.success == false and .error == "claim_id and rejection_reason are required for Phase 6"'
	verify "eight jobs, all completed" jobs_are 'length == 8 and all(.[]; .state == "completed")'
	verify "seven at the first attempt" jobs_are 'map(select(.attempts_made == 1)) | length == 7'
	verify "one at the third, after two failures" jobs_are \
		'map(select(.attempts_made == 3)) | length == 1 and .[0].workflow_id == "payout_flaky-3"'
	verify "the workflow ran in the order accepted" jobs_are \
		"map(select(.workflow_id == \"$SYNC_ID\")) | sort_by(.started_at) | map(.phase) == [1, 2, 3, 4, 5, 6, 7]"
	verify "the payout was split exactly: 24.10 fee, 96.40 for the seller" jobs_are \
		"map(select(.phase == 7 and .workflow_id == \"$SYNC_ID\"))[0].outcome.data |
			.platform_fee == 24.10 and .seller_payout == 96.40"
	verify "each receiver was called once per job, the failing one three times" calls_are \
		'group_by(.path) | map(length) | sort == [1, 1, 1, 1, 1, 2, 3]'
	verify "all attempts of a call carry one Idempotency-Key" calls_are \
		'map(select(.path | contains("flaky-"))) | length == 3 and (map(.key) | unique | length == 1) and
			(map(.attempt) | sort == ["1", "2", "3"])'
	verify "the spool is sound (clario-spool verify)" spool verify
}

fresh_instance
send_triggers
if ! wait_until 15 all_have_ended; then
	warn "not every job has ended after 15 s"
	failures=1
fi
tell_outcomes
verify_all
trap - EXIT
"$HERE/instance.sh" stop >/dev/null || failures=$((failures + 1))
heading "Stopped; $RUN_DIR keeps the spool, the configuration and the logs."
if [ "$failures" -gt 0 ]; then
	warn "$failures of these are not as they should be; the logs are in $RUN_DIR"
	exit 1
fi
say "All as it should be."
say "To look at it in a browser: make start, then http://127.0.0.1:8080/workflow/"

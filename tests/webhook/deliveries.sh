#!/bin/sh
# tests/webhook/deliveries.sh: deliveries of both kinds through the real nginx, signed by openssl(1), which knows
# nothing of how we do it: let in, refused, sent again, after a restart and after a clean; and clario-spool webhook
# test.
set -eu
. tests/support/tap.sh
. packaging/checkout/lib.sh

B=${B:-build}
PORT=$(free_ports 18520 2)
RUN_DIR=$SCRATCH/run
API=http://127.0.0.1:$PORT/api/v1/workflow
OLD=$(head -c 24 /dev/urandom | base64) NEW=$(head -c 24 /dev/urandom | base64)
PLAIN=canary-$(od -An -tx1 -N 12 /dev/urandom | tr -d ' \n')
REJECTED=packaging/examples/claim-rejected.json
PAID=packaging/examples/payout-received.json
export B PORT RUN_DIR
trap 'packaging/checkout/instance.sh stop >/dev/null 2>&1; rm -rf "$SCRATCH"' EXIT

printf 'whsec_%s\nwhsec_%s\n' "$NEW" "$OLD" >"$SCRATCH/standard"
printf '%s\n' "$PLAIN" >"$SCRATCH/plain"

start() {
	CLARIO_SET="spool.map-size=256M
		webhook.cases.secret-file=$SCRATCH/standard webhook.cases.type=/type webhook.cases.rejected=claim.rejected
		webhook.cases.user-id=/data/seller_id webhook.cases.claim-id=/data/claim_id
		webhook.cases.case-id=/data/case_id webhook.cases.reason=/data/reason
		webhook.pay.signature=hmac webhook.pay.header=X-Bank-Signature webhook.pay.prefix=sha256=
		webhook.pay.secret-file=$SCRATCH/plain webhook.pay.type=/event webhook.pay.paid=payout.received
		webhook.pay.user-id=/payout/user webhook.pay.claim-id=/payout/claim webhook.pay.amount=/payout/amount
		webhook.pay.amount-scale=2 webhook.pay.currency=/payout/currency
		webhook.timed.signature=hmac webhook.timed.header=X-Sig webhook.timed.encoding=base64
		webhook.timed.timestamp-header=X-Sent-At webhook.timed.content=v0:{timestamp}:{body}
		webhook.timed.secret-file=$SCRATCH/plain webhook.timed.id=/id webhook.timed.phase=7
		webhook.timed.user-id=/payout/user webhook.timed.claim-id=/payout/claim
		webhook.timed.amount=/payout/amount webhook.timed.keep-event=no" \
		packaging/checkout/instance.sh start
}

# mac KEY-IN-HEX FILE: raw bytes.
mac() {
	openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary "$2"
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

# standard ID TIME SECRET FILE: the signature.
standard() {
	{ printf '%s.%s.' "$1" "$2" && cat "$4"; } >"$SCRATCH/signed"
	printf 'v1,%s' "$(mac "$(printf %s "$3" | base64 -d | hex)" "$SCRATCH/signed" | base64)"
}

plain() {
	printf 'sha256=%s' "$(mac "$(printf %s "$PLAIN" | hex)" "$1" | hex)"
}

now() {
	echo $(($(date +%s) + ${1:-0}))
}

# deliver STATUS SOURCE FILE [HEADER...]: the answer is in $SCRATCH/answer.
deliver() {
	want=$1 source=$2 file=$3
	shift 3
	for header; do
		set -- "$@" -H "$header"
		shift
	done
	got=$(curl -s -o "$SCRATCH/answer" -w '%{http_code}' -H 'Content-Type: application/json' "$@" \
		--data-binary "@$file" "$API/webhooks/$source")
	[ "$got" = "$want" ] || {
		printf '%s, not %s: ' "$got" "$want"
		cat "$SCRATCH/answer"
		return 1
	}
}

# sent STATUS ID [SECRET [SECONDS [FILE]]]: as source cases, signed for just that.
sent() {
	time=$(now "${4:-0}")
	file=${5:-$REJECTED}
	deliver "$1" cases "$file" "webhook-id: $2" "webhook-timestamp: $time" \
		"webhook-signature: $(standard "$2" "$time" "${3:-$NEW}" "$file")"
}

has() {
	jq -e "$1" "$SCRATCH/answer" >/dev/null || {
		cat "$SCRATCH/answer"
		return 1
	}
}

listed() {
	"$B/clario-spool" -c "$RUN_DIR/clario.conf" list --json "$@"
}

several_signatures() {
	time=$(now)
	deliver 200 cases "$REJECTED" 'webhook-id: several' "webhook-timestamp: $time" \
		"webhook-signature: v1a,AAAA $(standard other "$time" "$NEW" "$REJECTED") $(standard several "$time" "$NEW" "$REJECTED")"
}

# What a header says that comes twice nobody knows; nginx passes both on, or joins them.
duplicate_id() {
	time=$(now)
	deliver 401 cases "$REJECTED" 'webhook-id: twice' 'webhook-id: other' "webhook-timestamp: $time" \
		"webhook-signature: $(standard twice "$time" "$NEW" "$REJECTED")"
}

without() {
	time=$(now)
	for absent in webhook-id webhook-timestamp webhook-signature; do
		set -- "webhook-id: absent" "webhook-timestamp: $time" \
			"webhook-signature: $(standard absent "$time" "$NEW" "$REJECTED")"
		for header; do
			shift
			case $header in
			"$absent":*) ;;
			*) set -- "$@" "$header" ;;
			esac
		done
		deliver 401 cases "$REJECTED" "$@" || return 1
	done
}

# Either nginx or clario-fcgi finds it too much; nobody lets it in.
huge_header() {
	time=$(now)
	huge=$(head -c "$1" /dev/zero | tr '\0' 'A')
	deliver "$2" cases "$REJECTED" 'webhook-id: huge' "webhook-timestamp: $time" "webhook-signature: v1,$huge"
}

wrong_body() {
	time=$(now)
	sed 's/seller-7/seller-8/' "$REJECTED" >"$SCRATCH/other.json"
	deliver 401 cases "$SCRATCH/other.json" 'webhook-id: body' "webhook-timestamp: $time" \
		"webhook-signature: $(standard body "$time" "$NEW" "$REJECTED")"
}

first_job() {
	sent 200 again && has '.duplicate == false and .phase == 6 and .workflow_id == "rejection_claim-4711"' &&
		jq -r .job_id "$SCRATCH/answer" >"$SCRATCH/first"
}

same_job_again() {
	sent 200 again "${1:-$NEW}" "${2:-0}" && has ".duplicate == true and .job_id == \"$(cat "$SCRATCH/first")\""
}

restart() {
	packaging/checkout/instance.sh stop >/dev/null && start
}

clean_all() {
	wait_until 10 is_completed &&
		curl -s -X POST "$API/queue/clean?grace=0&status=completed" >"$SCRATCH/answer" && has .success
}

is_completed() {
	listed --state completed | grep -q "$(cat "$SCRATCH/first")"
}

other_content() {
	sed 's/4711/4712/' "$REJECTED" >"$SCRATCH/other.json"
	sent 422 again "$NEW" 0 "$SCRATCH/other.json" &&
		has '.code == "idempotency_key_reused" and .field == "webhook-id"'
}

# A caller's key that looks the same is another one.
forged_key() {
	curl -s -o "$SCRATCH/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
		-H "Idempotency-Key: $1" -d '{"user_id":"u","claim_id":"c","rejection_reason":"r"}' "$API/phase/6" |
		grep -q "$2"
}

wrong_event() {
	echo '{"type":"claim.rejected","data":{"seller_id":"s","claim_id":"c"}}' >"$SCRATCH/event.json"
	before=$(listed --limit 1000 | wc -l)
	sent 422 wrong "$NEW" 0 "$SCRATCH/event.json" &&
		has '.code == "bad_event" and .field == "rejection_reason" and .pointer == "/data/reason"' &&
		[ "$(listed --limit 1000 | wc -l)" = "$before" ]
}

# Large ones go another way than small ones.
large_event() {
	jq -c --arg more "$(head -c 100000 /dev/zero | tr '\0' 'x')" '.more = $more' "$REJECTED" >"$SCRATCH/event.json"
	sent 200 large "$NEW" 0 "$SCRATCH/event.json" && has '.duplicate == false' &&
		sent 200 large "$NEW" 0 "$SCRATCH/event.json" && has '.duplicate == true' &&
		head -c 1048577 /dev/zero >"$SCRATCH/event.json" && sent 413 larger "$NEW" 0 "$SCRATCH/event.json"
}

ignored_event() {
	echo '{"type":"claim.opened"}' >"$SCRATCH/event.json"
	sent 200 ignored "$NEW" 0 "$SCRATCH/event.json" && has '.ignored == true and .type == "claim.opened"' &&
		grep -q 'event=webhook_ignored source=cases type=claim.opened' "$RUN_DIR/clario-fcgi.log"
}

paid() {
	deliver 200 pay "$PAID" "X-Bank-Signature: $(plain "$PAID")" && has "$1" &&
		listed --user seller-7 --phase 7 | jq -e '.source == "webhook:pay"' >/dev/null
}

amount_is_exact() {
	"$B/clario-spool" -c "$RUN_DIR/clario.conf" show --json "$(listed --phase 7 --limit 1 | jq -r .id)" |
		jq -e '.job.payload // .payload | .amount == "120.50" and .event.payout.amount == 12050' >/dev/null
}

timed() {
	time=$(now "$2")
	{ printf 'v0:%s:' "$time" && cat "$PAID"; } >"$SCRATCH/signed"
	deliver "$1" timed "$PAID" "X-Sent-At: $time" \
		"X-Sig: $(mac "$(printf %s "$PLAIN" | hex)" "$SCRATCH/signed" | base64)"
}

tool() {
	"$B/clario-spool" -c "$RUN_DIR/clario.conf" webhook test "$@" --url "$API" >"$SCRATCH/answer"
}

# The command that is printed is one that works.
printed_command() {
	tool cases --file "$REJECTED" --id printed --print && sh "$SCRATCH/answer" >"$SCRATCH/answer.2" &&
		mv "$SCRATCH/answer.2" "$SCRATCH/answer" && has '.success == true and .duplicate == false'
}

no_secret_is_told() {
	"$B/clario-spool" -c "$RUN_DIR/clario.conf" export >"$SCRATCH/export"
	"$B/clario-fcgi" -t -c "$RUN_DIR/clario.conf" >"$SCRATCH/effective"
	for secret in "$OLD" "$NEW" "$PLAIN"; do
		! grep -rnF -e "$secret" "$RUN_DIR"/*.log "$SCRATCH/answer" "$SCRATCH/export" "$SCRATCH/effective" || return 1
	done
}

same_answers() {
	deliver 401 cases "$REJECTED" && mv "$SCRATCH/answer" "$SCRATCH/known" && deliver 401 nobody "$REJECTED" &&
		cmp "$SCRATCH/known" "$SCRATCH/answer"
}

check "an instance with three sources starts" start
check "standard: a delivery becomes a job" first_job
check "standard: the same again is the same job" same_job_again
check "standard: and under the older secret" same_job_again "$OLD"
check "standard: and signed 290 s ago" same_job_again "$NEW" -290
check "standard: and after a restart" restart
check "standard: ... it is the same job" same_job_again
check "standard: cleaning what has ended" clean_all
check "standard: ... leaves it known" same_job_again
check "standard: other content under its id is refused" other_content
check "standard: one good signature of three will do" several_signatures
check "standard: too old" sent 401 old "$NEW" -310
check "standard: too new" sent 401 new "$NEW" 310
check "standard: another's secret" sent 401 stranger "$(head -c 24 /dev/urandom | base64)"
check "standard: another body" wrong_body
check "standard: each header is needed" without
check "standard: two ids are none" duplicate_id
check "standard: a signature of 7000 bytes" huge_header 7000 401
check "standard: a header of 20000 bytes" huge_header 20000 400
check "standard: a field that is not there is named, and nothing stored" wrong_event
check "standard: a large event, and one too large" large_event
check "standard: an event of another type is ignored" ignored_event
check "a key of a caller's that looks the same is another" forged_key 'webhook:cases' 200
check "a key with a blank is none" forged_key 'webhook:cases id=again' 400
check "plain: a delivery becomes a job" paid '.duplicate == false and .phase == 7'
check "plain: the amount is exact, and the event is kept" amount_is_exact
check "plain: the same bytes again are the same job" paid '.duplicate == true'
check "plain: without its signature" deliver 401 pay "$PAID"
check "plain: another's signature" deliver 401 pay "$PAID" "X-Bank-Signature: $(plain "$REJECTED")"
check "timed: a delivery becomes a job" timed 200 0
check "timed: and again, at another time" timed 200 -100
check "timed: ... is the same job" has '.duplicate == true'
check "timed: too old" timed 401 -310
check "timed: too new" timed 401 310
check "strangers cannot tell which sources there are" same_answers
check "tool: a delivery is taken" tool cases --file "$REJECTED" --id tool
check "tool: ... and told" has '.success == true and .duplicate == false'
check "tool: the same id again" tool cases --file "$REJECTED" --id tool
check "tool: ... is the same job" has '.duplicate == true'
check "tool: the plain kind" tool pay --file "$PAID"
check "tool: the kind with a time" tool timed --file "$PAID"
check "tool: the command for curl works" printed_command
check "tool: a refusal is a no" exits 1 tool cases --file "$PAID"
check "tool: an unknown source is a no" exits 1 tool nobody --file "$PAID"
check "tool: a file is needed" exits 2 tool cases
check "tool: the plain kind has no id" exits 2 tool pay --file "$PAID" --id x
check "tool: a file that is not there" exits 69 tool cases --file "$SCRATCH/nothing"
check "tool: https is left to curl" exits 2 "$B/clario-spool" -c "$RUN_DIR/clario.conf" webhook test cases --file "$PAID" --url https://127.0.0.1
check "tool: nobody listens" exits 71 "$B/clario-spool" -c "$RUN_DIR/clario.conf" webhook test cases --file "$PAID" --url http://127.0.0.1:9
check "no secret is in a log, an answer, the spool or what -t prints" no_secret_is_told
check "the daemons' logs hold no sanitizer's report" no_reports "$RUN_DIR"/clario-*.log
done_testing

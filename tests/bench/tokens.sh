# tests/bench/tokens.sh: what a token costs: submits with one and without, in turns. Sourced.
# shellcheck shell=sh
#
# Through nginx with connections kept, which is where a little shows most; the header's way through nginx is in it. Each
# round has both in both orders. And the processor time of a check alone, with as many tokens as a large place may have.

TOKEN_CONNECTIONS=64
TOKENS=1000

# submit_as SUBJECT ROUND TURN TOKEN
submit_as() {
	run=$(submit_with real-kept "$TOKEN_CONNECTIONS" "tokens-$1-$2-$3" "$4")
	figure tokens "$(say "$run" | jq -c --arg subject "$1" --argjson round "$2$3" \
		--argjson connections "$TOKEN_CONNECTIONS" '. + {$subject, $connections, $round}')"
}

measure_tokens() {
	stop_servers
	start_servers
	spool pause >/dev/null
	text=$(spool token add bench --scope submit 2>/dev/null)
	sleep 1
	submit_with real-kept "$TOKEN_CONNECTIONS" tokens-warm "$text" >/dev/null
	for round in $(seq "$ROUNDS"); do
		submit_as none "$round" 1 ''
		submit_as token "$round" 1 "$text"
		submit_as token "$round" 2 "$text"
		submit_as none "$round" 2 ''
		progress "tokens: round $round of $ROUNDS"
	done
	figure check "$("$B/bench-token" "$RUN_DIR/bench-token" "$TOKENS")"
}

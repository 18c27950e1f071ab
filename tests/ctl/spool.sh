# tests/ctl/spool.sh: a spool that is the same each time, and the tool on it. Sourced after tap.sh.
# shellcheck shell=sh

B=${B:-build}
TOOL=$B/clario-spool
CONF=$SCRATCH/clario.conf
unset SUDO_USER NO_COLOR COLUMNS
export USER=ann TZ=UTC LC_ALL=C.UTF-8

tool() {
	"$TOOL" -c "$CONF" "$@"
}

# Eight jobs of two users: waiting, behind another, delayed, held and cancelled.
make_spool() {
	printf '[spool]\npath = %s\nmap-size = 16M\n[events]\nsource = https://ops.example.net/clario\n' \
		"$SCRATCH/spool" >"$CONF"
	cat >"$SCRATCH/jobs.jsonl" <<-'END'
		{"phase":2,"user_id":"seller-1","sync_id":"sync-1","access_token":"hush"}
		{"phase":3,"user_id":"seller-1","sync_id":"sync-1","claims":[{"id":1}]}
		{"phase":2,"user_id":"seller-2","sync_id":"sync-2"}
		{"phase":7,"user_id":"seller-2","claim_id":"c-1","amount":"80","delay_ms":3600000,"idempotency_key":"pay-1"}
		{"phase":7,"user_id":"seller-2","claim_id":"c-2","amount":"120.50","delay_ms":3600000,"priority":1}
		{"phase":5,"user_id":"seller-1","claim_id":"c-3"}
		{"phase":6,"user_id":"seller-1","claim_id":"c-4","rejection_reason":"late"}
		{"step":12,"user_id":"seller-2","sync_id":"sync-3"}
	END
	tool init >/dev/null
	tool enqueue --file "$SCRATCH/jobs.jsonl" 2>/dev/null
	tool hold --where phase=6 --reason 'they look at it' 2>/dev/null
	tool cancel --where phase=5 --reason 'sent twice' 2>/dev/null
	tool pause --phase 3 >/dev/null
	tool pause --receiver shop --for 2h --reason 'they migrate' >/dev/null 2>&1
	tool token add page --scope read >/dev/null 2>&1
}

# The id of the nth job, from the oldest.
nth() {
	tool list --json --order asc | sed -n "$1"'s/.*"id":"\([^"]*\)".*/\1/p'
}

# What differs from run to run gets a name, and columns that it made wide their blanks back.
plain() {
	sed -E \
		-e 's/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/ID/g' \
		-e 's/(plan|operation)-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}/\1-NAME/g' \
		-e 's/clw_[0-9a-f]{12}/clw_PREFIX/g' \
		-e 's/20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(\.[0-9]+)?Z?/TIME/g' \
		-e 's/_us":[1-9][0-9]+/_us":N/g' \
		-e 's/"bytes_(used|cap|before|after)":[0-9]+/"bytes_\1":N/g; s/"bytes":[0-9]+/"bytes":N/g' \
		-e 's/room: [0-9.]+ of/room: N of/' \
		-e "s|$SCRATCH|DIR|g; s|$TOOL|clario-spool|g" \
		-e 's/ +$//'
}

#!/bin/sh
# tests/checkout/instance.sh: make start's instance: its files, its settings, two side by side, its nginx's own
# errors, and a stop that leaves nothing running.
set -eu
. tests/support/tap.sh
. packaging/checkout/lib.sh

INSTANCE=packaging/checkout/instance.sh
TRIGGER='{"user_id":"u1","sync_id":"s1"}'
trap 'stop_all; rm -rf "$SCRATCH"' EXIT

# on NAME COMMAND...: with the settings of instance NAME.
on() {
	RUN_DIR=$SCRATCH/$1
	PORT=$(cat "$SCRATCH/$1.port")
	export RUN_DIR PORT
	shift
	"$@"
}

stop_all() {
	for port in "$SCRATCH"/*.port; do
		name=${port##*/}
		on "${name%.port}" "$INSTANCE" stop >/dev/null 2>&1 || true
	done
}

files_are_there() {
	for file in clario.conf nginx.conf spool nginx.pid clario-fcgi.pid clario-events.pid clario-worker.pid \
		clario-fcgi.log clario-events.log clario-worker.log; do
		[ -e "$RUN_DIR/$file" ] || {
			say "$file is missing"
			return 1
		}
	done
}

# answers STATUS PATH CURL-OPTIONS...: the answer is kept in SCRATCH/body and SCRATCH/head.
answers() {
	wanted_status=$1
	shift
	got=$(ask "$@" -o "$SCRATCH/body" -D "$SCRATCH/head" -w '%{http_code}')
	cat "$SCRATCH/head" "$SCRATCH/body"
	[ "$got" = "$wanted_status" ]
}

# refuses STATUS CODE PATH CURL-OPTIONS...: in the API's shape, with a request id.
refuses() {
	wanted_code=$2
	wanted_status=$1
	shift 2
	answers "$wanted_status" "$@" && grep -qi '^x-request-id: [0-9a-f]\{32\}' "$SCRATCH/head" &&
		grep -qi '^content-type: application/json' "$SCRATCH/head" &&
		jq -e --arg code "$wanted_code" '.success == false and (.error | length > 0) and .code == $code' \
			"$SCRATCH/body"
}

# What is sent is not HTTP enough for curl.
refuses_bytes() {
	printf '%b' "$2" | curl -s --noproxy '*' --max-time 5 -T - "telnet://127.0.0.1:$PORT" >"$SCRATCH/raw" || true
	cat "$SCRATCH/raw"
	grep -q "^HTTP/1.1 $1 " "$SCRATCH/raw" && grep -q '{"success":false,"error":".*","code":"' "$SCRATCH/raw"
}

jobs_of() {
	on "$1" ask "/api/v1/workflow/jobs?user_id=u1" | jq '.jobs | length'
}

second_instance_is_apart() {
	on one answers 200 /api/v1/workflow/phase/2 -H 'Content-Type: application/json' -d "$TRIGGER" &&
		[ "$(jobs_of one)" -eq 1 ] && [ "$(jobs_of two)" -eq 0 ]
}

settings_arrive() {
	grep -q '^fee-rate = 0.10$' "$RUN_DIR/clario.conf" && grep -q '^base = 70ms$' "$RUN_DIR/clario.conf" &&
		[ "$(grep -c '^python-url' "$RUN_DIR/clario.conf")" -eq 1 ] &&
		grep -q '^python-url = http://127.0.0.1:9$' "$RUN_DIR/clario.conf"
}

unreachable_is_told() {
	kill -9 "$(cat "$RUN_DIR/clario-fcgi.pid")" &&
		refuses 503 upstream_unavailable /api/v1/workflow/phase/2 -d "$TRIGGER" &&
		grep -qi '^retry-after: [1-9]' "$SCRATCH/head"
}

queries_are_not_logged() {
	wait_until 5 grep -q '"path":"/nothing/here"' "$RUN_DIR/nginx-access.log" && ! grep -n 'token=x' "$RUN_DIR"/*.log
}

nothing_runs() {
	! pgrep -f "$SCRATCH/" -a
}

free_ports 18310 2 >"$SCRATCH/one.port"
free_ports 18350 2 >"$SCRATCH/two.port"
head -c 10600000 /dev/zero >"$SCRATCH/big"
long=$(head -c 9000 /dev/zero | tr '\0' a)

check "start" on one "$INSTANCE" start
check "readyz says 200 as soon as start has returned" on one answers 200 /readyz
check "its files are where they should be" on one files_are_there
check "status" on one "$INSTANCE" status
check "starting again with the same settings is no mistake" on one "$INSTANCE" start
check "starting again with others is refused" \
	env CLARIO_SET=http.threads=8 RUN_DIR="$SCRATCH/one" PORT="$(cat "$SCRATCH/one.port")" \
	sh -c "! $INSTANCE start"
check "a second instance beside it, with other settings" on two env PYTHON_API_URL=http://127.0.0.1:9 \
	CLARIO_SET="phase.7.fee-rate=0.20 retry.base=70ms phase.7.fee-rate=0.10" "$INSTANCE" start
check "the settings are in its configuration, each once" on two settings_arrive
check "what is sent to one is not in the other" second_instance_is_apart
check "health at the root" on one answers 200 /health
check "the ops page" on one answers 200 /workflow/
check "the ops page without its slash" on one answers 308 /workflow
check "the ops page takes no POST" on one refuses 405 method_not_allowed /workflow/ -d x
check "an unknown file of the ops page" on one refuses 404 not_found /workflow/none.js
check "an unknown path" on one refuses 404 not_found /nothing/here?token=x
check "an unknown path below the API" on one refuses 404 not_found /api/v1/workflow/nothing
check "a body far too large" on one refuses 413 body_too_large /api/v1/workflow/phase/2 \
	-H 'Content-Type: application/json' --data-binary "@$SCRATCH/big"
check "a path too long" on one refuses 414 bad_query "/api/v1/workflow/$long"
check "headers too large" on one refuses 400 bad_header /health -H "X-Long: $long"
check "TRACE" on one refuses 405 method_not_allowed /api/v1/workflow/health -X TRACE
check "no query string is logged" on one queries_are_not_logged
check "a request line that is none" on one refuses_bytes 400 'NONSENSE\r\n\r\n'
check "two lengths" on one refuses_bytes 400 \
	'POST /api/v1/workflow/phase/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'
check "clario-fcgi gone: 503 with Retry-After" on one unreachable_is_told
check "status tells it" on one exits 3 "$INSTANCE" status
check "a port in use: start says so and gives up" env RUN_DIR="$SCRATCH/three" PORT="$(cat "$SCRATCH/two.port")" \
	sh -c "! $INSTANCE start"
check "a malformed CLARIO_SET" env RUN_DIR="$SCRATCH/three" CLARIO_SET=nonsense sh -c "$INSTANCE start; [ \$? -eq 2 ]"
check "an unknown row in CLARIO_SET" env RUN_DIR="$SCRATCH/three" CLARIO_SET=http.nonsense=1 \
	sh -c "$INSTANCE start; [ \$? -eq 78 ]"
check "stop" on one "$INSTANCE" stop
check "stop the other" on two "$INSTANCE" stop
check "stopped is stopped" on one exits 3 "$INSTANCE" status
check "stopping again is no mistake" on one "$INSTANCE" stop
check "nothing is left running" nothing_runs
check "the daemons' logs hold no sanitizer's report" no_reports "$SCRATCH"/*/clario-*.log
done_testing

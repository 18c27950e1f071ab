#!/bin/sh
# tests/openapi/openapi.sh: fcgi/openapi.json is a document of OpenAPI 3.1 whose examples fit, and each of them, sent
# through nginx to an instance, is answered as it says.
set -eu
. tests/support/tap.sh
. packaging/checkout/lib.sh

B=${B:-build}
PORT=$(free_ports 18720 2)
RUN_DIR=$SCRATCH/run
TOOL="$B/clario-spool -c $RUN_DIR/clario.conf"
KEY=0123456789abcdef0123456789abcdef
DOCUMENT=fcgi/openapi.json
export B PORT RUN_DIR
trap 'packaging/checkout/instance.sh stop >/dev/null 2>&1; rm -rf "$SCRATCH"' EXIT

# Everybody needs a token, so that what is refused without one is seen.
start() {
	printf '%s\n' "$KEY" >"$SCRATCH/key"
	CLARIO_SET="spool.map-size=256M http.trusted-networks=192.0.2.1
		webhook.bank.signature=hmac webhook.bank.header=X-Bank-Signature webhook.bank.prefix=sha256=
		webhook.bank.secret-file=$SCRATCH/key webhook.bank.type=/event webhook.bank.paid=payout.received
		webhook.bank.id=/id webhook.bank.user-id=/payout/user webhook.bank.claim-id=/payout/claim
		webhook.bank.amount=/payout/amount" packaging/checkout/instance.sh start
}

# shellcheck disable=SC2086 # TOOL is a command and its options
make_tokens() {
	printf '{"all":"%s","submit":"%s","read":"%s","operate":"%s"}\n' \
		"$($TOOL token add all --scope submit,read,operate)" "$($TOOL token add submit --scope submit)" \
		"$($TOOL token add read --scope read)" "$($TOOL token add operate --scope operate)" >"$SCRATCH/tokens"
	sleep 1.2 # a token counts within a second
}

python() {
	/usr/bin/python3 -W ignore tests/openapi/openapi.py "$@"
}

# Its lines are a TAP of their own; here they are one check each, in two runs.
run_all() {
	python "$@" >"$SCRATCH/out" || true
	sed -n 's/^\(ok\|not ok\) [0-9]* - /\1\t/p; s/^#/more\t#/p' "$SCRATCH/out" >"$SCRATCH/lines"
	while IFS='	' read -r verdict what; do
		case $verdict in
		ok) tell ok "$what" ;;
		"not ok") tell "not ok" "$what" && tap_failed=$((tap_failed + 1)) ;;
		*) printf '%s\n' "$what" ;;
		esac
	done <"$SCRATCH/lines"
	check "$1 ran to its end" grep -q '^1[.][.]' "$SCRATCH/out"
}

if [ "${1:-}" = record ]; then
	start >/dev/null && make_tokens && python record "$DOCUMENT" "http://127.0.0.1:$PORT" "$SCRATCH/tokens" "$KEY"
	exit
fi
run_all document "$DOCUMENT" tests/openapi/oas-3.1.schema.json
check "an instance starts" start
make_tokens
run_all run "$DOCUMENT" "http://127.0.0.1:$PORT" "$SCRATCH/tokens" "$KEY"
check "it stops" packaging/checkout/instance.sh stop
done_testing

#!/bin/sh
# tests/page/page.sh: the ops page, driven in a real Chromium against a whole instance (page.mjs says what). Screenshots
# of every view are left in B/screens. PAGE_JOBS (10000): how many jobs the page is to bear.
set -eu

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT"
. packaging/checkout/lib.sh

B=$(absolute "${B:-build}")
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/clario-test.XXXXXX")
RUN_DIR=$SCRATCH/run
PAGE=$B/page
export B RUN_DIR
trap '[ -z "${PORT:-}" ] || packaging/checkout/instance.sh stop >/dev/null 2>&1; rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT TERM HUP

give_up() {
	printf 'not ok 1 - %s\n1..1\n' "$1"
	exit 1
}

# The packages are the locked ones; they are fetched once, into the build directory.
install_driver() {
	mkdir -p "$PAGE"
	cp tests/page/package.json tests/page/package-lock.json "$PAGE"
	! cmp -s "$PAGE/package-lock.json" "$PAGE/node_modules/.installed" || return 0
	(cd "$PAGE" && npm ci --no-audit --no-fund --loglevel=error >"$B/page-npm.log" 2>&1) || return 1
	cp "$PAGE/package-lock.json" "$PAGE/node_modules/.installed"
}

command -v chromium >/dev/null || give_up "chromium is there (packaging/checkout/deps.sh page)"
install_driver || give_up "npm ci, see $B/page-npm.log"
PORT=$(free_ports 18640 2) || give_up "two free ports"
export PORT
# What fails does so at once, and a breaker does not hide it.
CLARIO_SET="spool.map-size=512M retry.base=50ms retry.jitter=off phase.7.attempts=2 phase.3.service-level=3m phase.4.service-level=0s receiver.python.breaker-calls=10000" \
	packaging/checkout/instance.sh start >"$SCRATCH/start" 2>&1 || {
	sed 's/^/# /' "$SCRATCH/start"
	give_up "the instance starts"
}
mkdir -p "$B/screens"
status=0
PAGE_BASE=http://127.0.0.1:$PORT PAGE_SPOOL="$B/clario-spool -c $RUN_DIR/clario.conf" PAGE_SCREENS=$B/screens \
	PAGE_DRIVER=$PAGE/node_modules/playwright-core/index.mjs PAGE_CHROMIUM=$(command -v chromium) HOME=$SCRATCH \
	node tests/page/page.mjs || status=$?
exit "$status"

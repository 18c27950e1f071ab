#!/bin/sh
# tests/bench/bench.sh: everything that section "Performance" of README tells, measured side by side in one run.
#
# Through one nginx, in turns: nginx alone, a FastCGI handler that does nothing, clario-fcgi, and Express with Bull and
# with BullMQ on a Redis that syncs each write. Machines differ and are noisy: only ratios within a run count, and a run
# with any error is void. Prints a table, writes B/bench.json and B/bench.svg. Exit: 0 measured, 1 void or failed.
#   BENCH_ROUNDS (3)   BENCH_SECONDS (5) for each figure   BENCH_CONNECTIONS ("1 16 64 256")
#   BENCH_ONLY   of "submit drain mixed receivers fair tokens depth memory"; all when empty
#   BENCH_DEPTH (1000000) deepest queue
set -eu

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT"
. packaging/checkout/lib.sh

B=$(absolute "${B:-build}")
SECONDS_EACH=${BENCH_SECONDS:-5}
ROUNDS=${BENCH_ROUNDS:-3}
DRAIN_ROUNDS=$(((ROUNDS + 1) / 2))
CONNECTION_COUNTS=${BENCH_CONNECTIONS:-1 16 64 256}
DEPTH_MAX=${BENCH_DEPTH:-1000000}
ONLY=${BENCH_ONLY:-submit drain mixed receivers fair tokens depth memory}
SUBJECTS='static noop real noop-kept real-kept bull bullmq'
PEER_KINDS='bull bullmq'
RUN_DIR=$B/bench-run
FIGURES=$B/bench-figures.json
unset INTEGRATIONS_URL PYTHON_API_URL
export B RUN_DIR

. tests/bench/servers.sh
. tests/bench/peers.sh
. tests/bench/submits.sh
. tests/bench/drain.sh
. tests/bench/receivers.sh
. tests/bench/fair.sh
. tests/bench/tokens.sh
. tests/bench/depth.sh

progress() { warn "$*"; }

# wanted PART
wanted() {
	case " $ONLY " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

wanted_peers() { wanted submit || wanted drain || wanted mixed; }

measure() {
	! wanted depth || measure_depth
	if wanted_peers; then
		start_servers
		spool pause >/dev/null
		start_peers
		! wanted submit || { measure_submits && check_submits; }
		! wanted drain || measure_drains
		! wanted mixed || measure_mixed
	fi
	! wanted receivers || measure_receivers
	! wanted fair || measure_fair
	! wanted tokens || measure_tokens
	! wanted memory || measure_memory
}

: >"$FIGURES"
trap stop_servers EXIT
trap 'exit 130' INT TERM HUP
! wanted_peers || install_peers
measure
node tests/bench/report.mjs "$FIGURES" "$B/bench.json" "$B/bench.svg" "$ROUNDS" "$SECONDS_EACH"

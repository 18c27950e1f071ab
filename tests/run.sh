#!/bin/sh
# tests/run.sh PROGRAM...: run test programs that print TAP (cmocka's or a script's), and count.
#
# TEST_JOBS programs run at a time (one per processor); each may take TEST_SECONDS (600), and runs under
# TEST_UNDER where that names a command (valgrind). A failing program's whole output is shown; of a passing one
# the lines `report: ...`, the rest is kept in B/test-results. A program that crashes, runs out of time, prints
# no plan or other than it planned is one failure more. The last line is `N passed, N failed`; the exit status
# is 0 if nothing failed.
set -eu

B=${B:-build}
RESULTS=$B/test-results
ROOT=$(cd "$(dirname "$0")/.." && pwd)
export B
REPORT='^\(# \)\{0,1\}report: '

# Counts one program's output: `passed failed skipped reason`.
count_tap() {
	awk -v status="$1" '
		/^1\.\.[0-9]+/ { planned += substr($1, 4); plans++ }
		/^ok [0-9]+/ { if (/# SKIP/) skipped++; else passed++ }
		/^not ok [0-9]+/ { failed++ }
		END {
			ran = passed + failed + skipped
			if (status == 124 || status == 137)
				reason = "ran out of time"
			else if (status > 128)
				reason = "ended by signal " status - 128
			else if (!plans)
				reason = "printed no plan (exit " status ")"
			else if (ran != planned)
				reason = "planned " planned " tests, ran " ran
			else if (status && !failed)
				reason = "exit " status
			printf "%d %d %d %s\n", passed, failed + (reason != ""), skipped, reason
		}' "$2"
}

# Runs one program and tells how it went in one write, for others run beside it.
run_program() {
	name=$(printf '%s' "${1#"$B/"}" | tr / -)
	out=$RESULTS/$name
	began=$(date +%s%N)
	status=0
	# shellcheck disable=SC2086 # a command and its options
	timeout -k 10 "${TEST_SECONDS:-600}" ${TEST_UNDER:-} "$1" >"$out.out" 2>&1 </dev/null || status=$?
	count_tap "$status" "$out.out" >"$out.count"
	read -r passed failed skipped reason <"$out.count"
	took=$((($(date +%s%N) - began) / 100000000))
	line="$name: $passed passed, $failed failed"
	[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
	[ -z "$reason" ] || line="$line; $reason"
	line="$line ($((took / 10)).$((took % 10)) s)"
	if [ "$failed" -ne 0 ]; then
		line="$(sed 's/^/    /' "$out.out")
$line"
	elif grep -q "$REPORT" "$out.out"; then
		line="$line
$(sed -n "s/$REPORT/    /p" "$out.out")"
	fi
	printf '%s\n' "$line"
}

# What the sanitizers and cmocka need to know; the programs hand it on to the daemons they start.
set_environment() {
	export CMOCKA_MESSAGE_OUTPUT=TAP
	export CLARIO_ALLOW_ROOT=1
	export CLARIO_BUILD_DIR="$B"
	export ASAN_OPTIONS="abort_on_error=0:detect_leaks=1:strict_string_checks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
	export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
	export TSAN_OPTIONS="suppressions=$ROOT/tests/support/tsan.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
	unset INTEGRATIONS_URL PYTHON_API_URL PYTHON_API_JWT_SECRET INTERNAL_API_KEY CLARIO_SET NODE_ENV
	unset AMAZON_SPAPI_BASE_URL http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
}

if [ "${1:-}" = --one ]; then
	run_program "$2"
	exit 0
fi

cd "$ROOT"
rm -rf "$RESULTS"
mkdir -p "$RESULTS"
set_environment
printf '%s\0' "$@" | xargs -0 -r -n 1 -P "${TEST_JOBS:-$(nproc)}" tests/run.sh --one
find "$RESULTS" -name '*.count' -exec cat {} + | awk -v programs=$# '
	{ passed += $1; failed += $2 }
	END {
		if (NR != programs)
			failed += programs - NR
		printf "%d passed, %d failed\n", passed, failed
		exit failed != 0
	}'

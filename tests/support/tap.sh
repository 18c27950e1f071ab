# tests/support/tap.sh: TAP for shell tests. Sourced from the root's tests/*/*.sh, which run in the root.
# shellcheck shell=sh
#
#	check "what must hold" COMMAND...	ok if the command succeeds; its output is shown if it does not
#	skip "what was not looked at" "why"
#	done_testing				the plan, last; false if a check failed

tap_n=0
tap_failed=0
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/clario-test.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT
trap 'exit 130' INT TERM HUP

tell() {
	tap_n=$((tap_n + 1))
	printf '%s %d - %s\n' "$1" "$tap_n" "$2"
}

check() {
	what=$1
	shift
	if "$@" >"$SCRATCH/tap.out" 2>&1 </dev/null; then
		tell ok "$what"
	else
		tap_failed=$((tap_failed + 1))
		tell "not ok" "$what"
		awk '{ print "# " $0 }' "$SCRATCH/tap.out"
	fi
}

skip() {
	tell ok "$1 # SKIP $2"
}

done_testing() {
	printf '1..%d\n' "$tap_n"
	[ "$tap_failed" -eq 0 ]
}

# no_reports FILE...: whether the sanitizers had nothing to say in these logs.
no_reports() {
	! grep -n -A 20 -e 'Sanitizer' -e 'runtime error:' "$@"
}

# exits STATUS COMMAND...: whether the command ends with just this status.
exits() {
	wanted=$1
	shift
	status=0
	"$@" || status=$?
	[ "$status" -eq "$wanted" ] || {
		printf 'exit %d, not %d: %s\n' "$status" "$wanted" "$*"
		return 1
	}
}

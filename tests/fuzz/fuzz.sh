#!/bin/sh
# tests/fuzz/fuzz.sh: each target for FUZZ_SECONDS (2), by the driver that comes with it.
set -eu
. tests/support/tap.sh

FUZZ_SECONDS=${FUZZ_SECONDS:-2}
FUZZ_SEED=${FUZZ_SEED:-$(date +%s)}
export FUZZ_SECONDS FUZZ_SEED

# The input that it died of, if it did, as bytes to put into a test.
run() {
	FUZZ_LAST=$SCRATCH/last "${B:-build}/tests/fuzz/fuzz_$1" >"$SCRATCH/$1.txt" && return
	cat "$SCRATCH/$1.txt"
	od -An -v -tu8 -N8 "$SCRATCH/last"
	od -An -v -c -j8 -N256 "$SCRATCH/last"
	return 1
}

for target in bearer request record wire conf dump spool webhook; do
	check "$target stands whatever comes" run "$target"
	sed "s/^/# report: $target: /" "$SCRATCH/$target.txt"
done
done_testing

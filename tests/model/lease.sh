#!/bin/sh
# tests/model/lease.sh: spin searches every history of lease.pml and finds nothing wrong; each mutant is caught.
set -eu
. tests/support/tap.sh

MODEL=$PWD/tests/model/lease.pml
MEMORY_MIB=1024

# search NAME FLAG...: the whole space of states; the report is SCRATCH/NAME/report.
search() {
	name=$1
	shift
	mkdir -p "$SCRATCH/$name"
	(
		cd "$SCRATCH/$name"
		spin -a "$@" "$MODEL" && cc -O1 -DSAFETY -DMEMLIM=$MEMORY_MIB -o pan pan.c && timeout 300 ./pan -m1000000 >report
		grep -E 'errors:|states, stored|never|pan:' report
	)
}

holds() {
	search right && grep -q 'errors: 0' "$SCRATCH/right/report" && ! grep -q 'max search depth' "$SCRATCH/right/report"
}

is_caught() {
	search "$1" "-D$1" && grep -qE 'errors: [1-9]' "$SCRATCH/$1/report"
}

check "every history of two jobs, two workers, deaths told or not, expiry, cancel, retry, release ends as promised" holds
sed -n 's/^ *\([0-9.e+]*\) states, stored.*/# report: \1 states searched/p' "$SCRATCH/right/report"
for mutant in NO_TOKEN SAME_TOKEN NO_STATE NO_REAP NO_TURN DROP_TURN OLD_MARK CHARGE_DEATH NO_HOLD; do
	check "the mutant $mutant is caught" is_caught "$mutant"
done
done_testing

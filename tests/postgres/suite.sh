#!/bin/sh
# tests/postgres/suite.sh: the suite that every engine passes, and the simulation, on PostgreSQL; and what only
# a server can do: die in the middle. The short form, unless CLARIO_TEST_LONG is set: without the tests of sheer
# numbers. CLARIO_SIM_SEEDS histories (3; 50).
set -eu
. tests/support/tap.sh
. tests/postgres/server.sh

if ! pg_is_there; then
	skip "the engine postgres" "no PostgreSQL server is installed (Debian: postgresql)"
	done_testing
	exit
fi

CLARIO_STORE_DIR=$B
CLARIO_TEST_STORE=postgres
CLARIO_TEST_DATABASE=$PG_SERVER
CLARIO_SIM_SEEDS=${CLARIO_SIM_SEEDS:-${CLARIO_TEST_LONG:+50}}
CLARIO_SIM_SEEDS=${CLARIO_SIM_SEEDS:-3}
printf 'SCRATCH=%s; . tests/postgres/server.sh; pg_kill\n' "$SCRATCH" >"$SCRATCH/kill.sh"
printf 'SCRATCH=%s; . tests/postgres/server.sh; pg_again\n' "$SCRATCH" >"$SCRATCH/again.sh"
# shellcheck disable=SC2016 # $1 is for the written script
printf 'SCRATCH=%s; . tests/postgres/server.sh; pg_signal "$1"\n' "$SCRATCH" >"$SCRATCH/signal.sh"
CLARIO_PG_SIGNAL="sh $SCRATCH/signal.sh"
CLARIO_PG_KILL="sh $SCRATCH/kill.sh"
CLARIO_PG_AGAIN="sh $SCRATCH/again.sh"
export CLARIO_STORE_DIR CLARIO_TEST_STORE CLARIO_TEST_DATABASE CLARIO_SIM_SEEDS CLARIO_PG_KILL CLARIO_PG_AGAIN CLARIO_PG_SIGNAL

no_dependency() {
	! ldd "$B/clario-fcgi" "$B/clario-worker" "$B/clario-spool" "$B/clario-events" | grep libpq
}

check "the server starts" pg_start
for name in store store_reads life store_receivers store_tokens store_callers forget figures due where claims \
	dump await purge undo simulation ${CLARIO_TEST_LONG:+plan}; do
	check "test_$name" "$B/tests/unit/test_$name"
done
check "several processes write beside each other" "$B/tests/postgres/test_beside"
check "a server that is killed loses nothing, and does nothing twice" "$B/tests/postgres/test_primary"
check "no program depends on libpq" no_dependency
done_testing

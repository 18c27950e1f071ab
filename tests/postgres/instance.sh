#!/bin/sh
# tests/postgres/instance.sh: what callers, receivers and operators see through nginx, with the spool on
# PostgreSQL: the conformance tests that do nothing to LMDB's own file; a few of them, unless CLARIO_TEST_LONG is set.
set -eu
. tests/support/tap.sh
. tests/postgres/server.sh

if ! pg_is_there; then
	skip "instances on PostgreSQL" "no PostgreSQL server is installed (Debian: postgresql)"
	done_testing
	exit
fi

CLARIO_TEST_SERVER=$PG_DIR
export CLARIO_TEST_SERVER
check "the server starts" pg_start
for name in intake flow ${CLARIO_TEST_LONG:+phases retry queue bulk events}; do
	check "test_$name" "$B/tests/conformance/test_$name"
done
done_testing

#!/bin/sh
# tests/postgres/instance.sh: what callers, receivers and operators see through nginx, with the spool on
# PostgreSQL: the conformance tests that do nothing to LMDB's own file.
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
for name in intake phases retry queue flow bulk events; do
	check "test_$name" "$B/tests/conformance/test_$name"
done
done_testing

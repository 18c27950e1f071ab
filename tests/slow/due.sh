#!/bin/sh
# tests/slow/due.sh: the part of tests/unit/test_due.c that needs the real clock and time: with 1,000,000 delayed jobs,
# one that comes due is claimed within 100 ms, and thousands that come due at once can be.
set -eu
CLARIO_DUE_DEPTH=${CLARIO_DUE_DEPTH:-1000000}
export CLARIO_DUE_DEPTH
exec "${B:-build}/tests/unit/test_due"

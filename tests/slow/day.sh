#!/bin/sh
# tests/slow/day.sh: the long form of tests/unit/test_day.c: 500 days that were not run before.
set -eu
SIM_DAY_SEEDS=${SIM_DAY_SEEDS:-500}
SIM_DAY_SEED=${SIM_DAY_SEED:-$(date +%s)000}
export SIM_DAY_SEEDS SIM_DAY_SEED
exec "${B:-build}/tests/unit/test_day"

#!/bin/sh
# tests/slow/simulation.sh: the long form of tests/unit/test_simulation.c: 200,000 histories that were not run before.
set -eu
CLARIO_SIM_SEEDS=${CLARIO_SIM_SEEDS:-200000}
CLARIO_SIM_SEED=${CLARIO_SIM_SEED:-$(date +%s)000000}
export CLARIO_SIM_SEEDS CLARIO_SIM_SEED
exec "${B:-build}/tests/unit/test_simulation"

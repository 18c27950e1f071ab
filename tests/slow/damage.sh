#!/bin/sh
# tests/slow/damage.sh: the long form of the damage campaign in tests/unit/test_repair.c: 1,000 damaged copies.
set -eu
CLARIO_DAMAGE_COPIES=${CLARIO_DAMAGE_COPIES:-1000}
CLARIO_DAMAGE_SEED=${CLARIO_DAMAGE_SEED:-$(date +%s)}
export CLARIO_DAMAGE_COPIES CLARIO_DAMAGE_SEED
echo "# seed $CLARIO_DAMAGE_SEED"
exec "${B:-build}/tests/unit/test_repair"

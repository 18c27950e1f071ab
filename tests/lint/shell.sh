#!/bin/sh
# tests/lint/shell.sh: shellcheck finds nothing in the shell scripts.
set -eu
. tests/support/tap.sh

for script in .ci/run packaging/checkout/*.sh packaging/debian/*.p[or]* packaging/debian/tests/[a-z]*[a-z]; do
	head -n 3 "$script" | grep -q '^#!/bin/sh\|shell=sh' || continue
	check "$script" shellcheck -x -P SCRIPTDIR -P . -P packaging "$script"
done
for script in tests/*.sh tests/*/*.sh; do
	check "$script" shellcheck -x -P SCRIPTDIR -P . "$script"
done
done_testing

#!/bin/sh
# tests/lint/shell.sh: shellcheck finds nothing in the shell scripts.
set -eu
. tests/support/tap.sh

for script in .ci/run packaging/checkout/*.sh tests/*.sh tests/*/*.sh; do
	check "$script" shellcheck -x -P SCRIPTDIR -P . "$script"
done
done_testing

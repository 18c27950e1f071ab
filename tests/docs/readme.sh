#!/bin/sh
# tests/docs/readme.sh: README's commands work, in its order, and print what it shows; its configuration table
# tells the rows that there are.
#
# Blocks after `<!-- run -->` are run with another port and directory; a block after `<!-- output -->` is
# compared with what the one before it printed, once ids, times and column widths are levelled.
# With --print the real output is printed, ready to be taken over into README.
set -eu
. tests/support/tap.sh
. packaging/checkout/lib.sh

B=${B:-build}
# It is bound only after the demo: another run of this test must not have found the same.
PORT=$(free_ports $((10200 + $$ % 3000 * 2)) 2)
RUN_DIR=$SCRATCH/run
BLOCKS=$SCRATCH/blocks
trap 'elsewhere stop; make_here stop >/dev/null 2>&1; rm -rf "$SCRATCH"' EXIT

# The settings of the make that runs this test are not those of the makes that README's commands are.
unset MAKEFLAGS MFLAGS MAKELEVEL

make_here() {
	make --no-print-directory B="$B" SAN="${SAN:-}" PORT="$PORT" RUN_DIR="$RUN_DIR" "$@"
}

elsewhere() {
	PORT=$PORT RUN_DIR=$RUN_DIR packaging/checkout/elsewhere.sh "$@"
}

# BLOCKS/N.sh and BLOCKS/N.out from README.
extract_blocks() {
	mkdir "$BLOCKS"
	awk -v dir="$BLOCKS" '
		/^<!-- run -->$/ { file = sprintf("%s/%02d.sh", dir, ++n); next }
		/^<!-- output -->$/ { file = sprintf("%s/%02d.out", dir, n); next }
		/^```/ && inside { inside = 0; close(file); file = ""; next }
		/^```/ && file { inside = 1; printf "" >file; next }
		inside { print >file }' README.md
}

# As README's reader types it, but for this test's port, directory and build.
localise() {
	sed -e "s|\(127\.0\.0\.1\):8080|\1:$PORT|g" -e "s|//here:8080|//here:$PORT|g" \
		-e "s|packaging/checkout/elsewhere\.sh|env PORT=$PORT RUN_DIR=$RUN_DIR &|g" -e "s|build/run|$RUN_DIR|g" -e "s|build/|$B/|g" \
		-e "s|make \([a-z]\)|make --no-print-directory B=$B SAN=${SAN:-} PORT=$PORT RUN_DIR=$RUN_DIR \1|" "$1"
}

run_block() {
	localise "$1" >"$1.here"
	timeout 60 sh -eu "$1.here" >"${1%.sh}.got" 2>"$1.err" || {
		status=$?
		cat "${1%.sh}.got" "$1.err"
		return "$status"
	}
}

# Ids, times, spans, who it was and column widths differ from run to run; of receivers, how many calls were made
# before a breaker opened, and so the numbers of the events after it.
level() {
	sed -E -e 's/(plan|operation)-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}/\1-NAME/g' -e 's/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/ID/g' \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]//g' -e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z?/TIME/g' \
		-e 's/\[(worker|operator):[^]]*/[\1/g' -e 's/[0-9.]+ ?m?s\b/SPAN/g' -e 's/_ms=[0-9]+/_ms=N/g' -e 's/[[:blank:]]+/ /g' -e 's/ $//' \
		-e 's/clw_[0-9a-f]{12}/clw_PREFIX/g' -e 's/span=[0-9a-f]{16}$/span=ID/' -e 's/ operator:[^ ]+/ operator/' \
		-e 's/^[^ ]+:[0-9]+ (yes|no) /WORKER \1 /' \
		-e 's/^((integrations|python) .*) [0-9]+ [0-9]+ (-|[0-9]+ of [0-9]+ \([0-9]+ %\)) (-|SPAN)$/\1 CALLS/' \
		-e 's/^ [0-9]+ TIME / N TIME /' -e 's/[0-9]+ of [0-9]+ calls/N calls/' "$1"
}

output_is_as_shown() {
	level "$1" >"$SCRATCH/shown"
	level "${1%.out}.got" >"$SCRATCH/printed"
	diff -u "$SCRATCH/shown" "$SCRATCH/printed"
}

configuration_table_is_right() {
	tests/docs/configuration-table.sh >"$SCRATCH/table" &&
		sed -n '/^<!-- configuration -->$/,/^<!-- end of configuration -->$/p' README.md |
		sed '1d;$d' | diff -u - "$SCRATCH/table"
}

every_library_is_explained() {
	libraries=$(awk '$1 == "build" && $2 ~ /^lib/ && $2 != "libc6-dev" { print $2 }' packaging/checkout/packages)
	for package in $libraries; do
		grep -q "^| .*\`$package\`" README.md || {
			say "$package is not in README's table"
			return 1
		}
	done
}

first_line() {
	grep -v '^#' "$1" | head -n 1 | cut -c 1-60
}

extract_blocks
for block in "$BLOCKS"/*.sh; do
	check "runs: $(first_line "$block")" run_block "$block"
	shown=${block%.sh}.out
	[ ! -e "$shown" ] || check "prints what is shown: $(first_line "$block")" output_is_as_shown "$shown"
	[ "${1:-}" != --print ] || sed 's/^/> /' "${block%.sh}.got"
done
check "the daemons' logs hold no sanitizer's report" no_reports "$RUN_DIR"/clario-*.log "$B"/demo/clario-*.log
check "the configuration table is that of the schema" configuration_table_is_right
check "every library is explained" every_library_is_explained
done_testing

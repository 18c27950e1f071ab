#!/bin/sh
# tests/ctl/terminal.sh: clario-spool on a terminal, which script(1) gives it: colour, width, a bar; and none of that
# elsewhere, nor colour under NO_COLOR.
set -eu
. tests/support/tap.sh
. tests/ctl/spool.sh

ESCAPE=$(printf '\033')

# on COLUMNS COMMAND: what comes out of a terminal so wide, without its carriage returns at ends of lines.
on() {
	script -qec "stty cols $1 rows 24; $2" /dev/null </dev/null | sed 's/\r$//' >"$SCRATCH/screen"
}

LIST="$TOOL -c $CONF list"

has() {
	grep -qF -e "$1" "$SCRATCH/screen" || {
		cat -v "$SCRATCH/screen"
		return 1
	}
}

has_not() {
	! has "$1" >/dev/null
}

# No line is wider than so many characters.
fits() {
	awk -v most="$1" 'length > most { print length ": " $0; bad = 1 } END { exit bad }' "$SCRATCH/screen"
}

no_escapes() {
	! grep -q "$ESCAPE" "$1"
}

held_is_coloured() {
	on 200 "$LIST" && has "${ESCAPE}[1;33mheld"
}

no_color_is_obeyed() {
	on 200 "NO_COLOR=1 $LIST" && has held && no_escapes "$SCRATCH/screen"
}

# https://no-color.org: "when present and not an empty string".
empty_no_color_is_none() {
	on 200 "NO_COLOR= $LIST" && has "${ESCAPE}[1;33mheld"
}

a_pipe_gets_no_colour() {
	tool list >"$SCRATCH/piped" && grep -q held "$SCRATCH/piped" && no_escapes "$SCRATCH/piped"
}

narrow_is_cut() {
	on 200 "NO_COLOR=1 $LIST" && ! fits 126 >/dev/null && on 126 "NO_COLOR=1 $LIST" && has held && fits 126
}

a_pipe_is_not_cut() {
	COLUMNS=60 tool list >"$SCRATCH/piped" && grep -q 'payout_c-2  *seller-2' "$SCRATCH/piped"
}

json_is_json_there_too() {
	on 80 "$LIST --json --state held" && has '"state":"held"' && no_escapes "$SCRATCH/screen"
}

many() {
	awk 'BEGIN { for (i = 0; i < 60; i++) printf "{\"phase\":2,\"user_id\":\"many\",\"sync_id\":\"many-%d\"}\n", i }' >"$SCRATCH/many"
}

# A bar while it works, wiped before what it came to.
a_bar_shows() {
	many && on 80 "$TOOL -c $CONF enqueue --file $SCRATCH/many --rate 100/s" &&
		has 'bytes read [###' && has "${ESCAPE}[K" && has 'enqueue: 60 accepted, 0 duplicates, 0 refused'
}

a_file_gets_no_bar() {
	many && tool enqueue --file "$SCRATCH/many" --rate 100/s 2>"$SCRATCH/stderr" && no_escapes "$SCRATCH/stderr" &&
		[ "$(cat "$SCRATCH/stderr")" = "enqueue: 0 accepted, 60 duplicates, 0 refused" ]
}

# Text of others cannot steer the terminal.
hostile_text_is_text() {
	printf '{"phase":2,"user_id":"\\u001b[2Jbad","sync_id":"hostile"}\n' | tool enqueue --file - 2>/dev/null
	on 200 "NO_COLOR=1 $LIST --workflow hostile" && has '\x1b[2Jbad' && no_escapes "$SCRATCH/screen"
}

make_spool
check "a state has its colour on a terminal" held_is_coloured
check "no colour under NO_COLOR" no_color_is_obeyed
check "an empty NO_COLOR is none" empty_no_color_is_none
check "no colour in a pipe" a_pipe_gets_no_colour
check "a table is cut to the terminal's width" narrow_is_cut
check "and not in a pipe" a_pipe_is_not_cut
check "JSON is JSON on a terminal, too" json_is_json_there_too
check "what takes long has a bar" a_bar_shows
check "and none in a file" a_file_gets_no_bar
check "control characters are shown, not sent" hostile_text_is_text
done_testing

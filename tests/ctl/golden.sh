#!/bin/sh
# tests/ctl/golden.sh: what each command of clario-spool prints, as a table and as JSON, byte for byte as in
# tests/golden/ctl: programs and people read it. `tests/ctl/golden.sh write` makes the files anew; look at the diff.
set -eu
. tests/support/tap.sh
. tests/ctl/spool.sh

GOLDEN=tests/golden/ctl
WRITE=${1:-}

# as NAME STATUS ARGUMENT...: both outputs and the exit status.
as() {
	name=$1
	shift
	status=0
	tool "$@" >"$SCRATCH/stdout" 2>"$SCRATCH/stderr" </dev/null || status=$?
	{
		plain <"$SCRATCH/stdout"
		sed 's/^/2> /' "$SCRATCH/stderr" | plain
		echo "exit $status"
	} >"$SCRATCH/$name"
	if [ "$WRITE" = write ]; then
		cp "$SCRATCH/$name" "$GOLDEN/$name"
	else
		check "$name" diff -u "$GOLDEN/$name" "$SCRATCH/$name"
	fi
}

# both NAME ARGUMENT...: as a table, and as JSON.
both() {
	base=$1
	shift
	as "$base.txt" "$@"
	as "$base.json" "$@" --json
}

# Commands that have --json and no file of their own: tests of theirs compare what they print.
elsewhere='status explain shape stalled workers top doctor restore compact repair import apply undo release run-now'

every_command_has_its_file() {
	tool completion bash >"$SCRATCH/completion"
	# shellcheck disable=SC2013 # words
	for command in $(sed -n 's/^\t\([a-z-]*\)) options="--help.* --json.*/\1/p' "$SCRATCH/completion"); do
		case " $elsewhere " in
		*" $command "*) continue ;;
		esac
		[ -e "$GOLDEN/$command.json" ] || {
			echo "$GOLDEN has no $command.json"
			return 1
		}
	done
	[ "$command" ] # it found some
}

make_spool
[ "$WRITE" != write ] || mkdir -p "$GOLDEN"
both list list --order asc
both list-where list --where 'phase=7 body.amount>100'
as list-none.txt list --state failed
both show show "$(nth 1)"
as show-reveal.txt show --reveal "$(nth 1)"
both workflow workflow sync-1
both stats stats
both events events
as events-cloudevents.json events --format cloudevents --kinds held,paused,token
both receivers receivers
both callers callers
both token-list token list
both hold-dry-run hold --where phase=7 --dry-run
both plans plans
both operations operations
both enqueue enqueue --file "$SCRATCH/jobs.jsonl"
both enqueue-dry-run enqueue --file "$SCRATCH/jobs.jsonl" --dry-run
as hold.json hold --json --reason x "$(nth 4)" "$(nth 6)"
as retry.json retry --json "$(nth 6)"
as cancel.json cancel --json "$(nth 3)"
as purge.json purge --json --reason 'a test' "$(nth 3)" "$(nth 1)"
as purge-events.json events --json --kinds removed
both verify verify
as backup.json backup --json "$SCRATCH/copy.mdb"
as forget.json forget --json --user seller-2 --cancel
as no-spool.txt -s "$SCRATCH/nowhere" list
as usage.txt list --nonsense
[ "$WRITE" = write ] || check "every command that prints JSON has its file" every_command_has_its_file
done_testing

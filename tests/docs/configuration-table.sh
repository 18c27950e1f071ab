#!/bin/sh
# tests/docs/configuration-table.sh: README's configuration table, made from packaging/clario.conf.
#
# The rows of retry that each phase can have are told in one row; the rows that each call and each receiver has are
# told once, as call.NAME and receiver.NAME, and what differs between the calls in a table of its own.
set -eu

# Every row as `section<TAB>key<TAB>default<TAB>help`.
rows() {
	awk '
		/^#?\[.*\]/ { section = substr($0, index($0, "[") + 1, index($0, "]") - index($0, "[") - 1); help = ""; next }
		/^#? ?[a-z][a-z-]* *=/ && section {
			line = $0
			sub(/^#? ?/, "", line)
			key = line
			sub(/ *=.*/, "", key)
			sub(/^[^=]*= */, "", line)
			print section "\t" key "\t" line "\t" help
			help = ""
			next
		}
		/^# / { help = help (help ? " " : "") substr($0, 3); next }
		/^$/ { help = "" }' packaging/clario.conf
}

table() {
	printf '| row | default | |\n| --- | --- | --- |\n'
	rows | awk -F '\t' '
		{ section = $1 }
		section ~ /^phase[.]/ && ($2 == "concurrency" || $2 == "service-level" || $2 == "awaited") {
			if (told["phase " $2]++)
				next
			section = "phase.N"
			if ($2 == "service-level") {
				$3 = ""
				$4 = $4 " (30s, 1m, 2m, 90s, 10s, 15s, 1m for phases 1-7, 0s for steps)"
			}
			if ($2 == "awaited") {
				$3 = ""
				$4 = $4 " (phases 2-5 only: yes for 2 and 3, no for 4 and 5, whose callers use other workflow ids)"
			}
		}
		section ~ /^phase[.][0-9]/ && $2 != "fee-rate" {
			if (!phases++)
				print "| `phase.N.attempts` ... `phase.N.jitter` | as `retry` | the rows of `retry` for" \
					" phase N (1-7) or step N (10-14) alone |"
			next
		}
		section ~ /^call[.]/ {
			if (told["call " $2]++)
				next
			section = "call.NAME"
			$3 = $2 ~ /connect-timeout|required/ ? $3 : ""
		}
		section ~ /^caller[.]/ {
			section = "caller.NAME"
		}
		section ~ /^receiver[.]/ {
			if (told["receiver " $2]++)
				next
			section = "receiver.NAME"
		}
		{
			default_text = $3 == "" ? "" : "`" $3 "`"
			printf "| `%s.%s` | %s | %s |\n", section, $2, default_text, $4
		}'
}

calls() {
	printf '\n| call | phase | receiver | request | timeout | auth | success |\n'
	printf '| --- | --- | --- | --- | --- | --- | --- |\n'
	rows | awk -F '\t' '
		$1 ~ /^call[.]/ {
			name = substr($1, 6)
			if (!(name in seen)) { seen[name] = 1; order[++n] = name }
			value[name, $2] = $3
		}
		END {
			for (i = 1; i <= n; i++) {
				name = order[i]
				printf "| %s | %s | %s | `%s %s` | %s | %s | %s |\n", name, value[name, "phase"],
					value[name, "receiver"], value[name, "method"], value[name, "path"],
					value[name, "timeout"], value[name, "auth"], value[name, "success"]
			}
		}'
}

table
calls

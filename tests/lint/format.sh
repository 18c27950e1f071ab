#!/bin/sh
# tests/lint/format.sh: the form of the sources: .clang-format, sizes, and nothing left to do.
set -eu
. tests/support/tap.sh

sources() {
	find fcgi spool worker tests -name '*.[ch]'
}

formatted() {
	sources | xargs clang-format --dry-run -Werror
}

no_long_files() {
	sources | xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines"; bad = 1 } END { exit bad }'
}

# From a brace alone in the first column to the one that closes it.
no_long_functions() {
	sources | xargs awk '
		/^{/ { began = FNR }
		/^}/ {
			if (began && FNR - began > 70) {
				print FILENAME ":" began ": " FNR - began " lines"
				bad = 1
			}
			began = 0
		}
		END { exit bad }'
}

nothing_left_to_do() {
	! grep -rnE --exclude=package-lock.json '(TO''DO|FIX''ME|X''XX)([^X]|$)' Makefile README.md fcgi nginx packaging spool worker tests |
		grep -v 'XXXXXX' | grep .
}

no_unbounded_functions() {
	! sources | xargs grep -nE '(^|[^a-zA-Z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok)[(]' | grep .
}

check "the sources are formatted as .clang-format says" formatted
check "no file is longer than 600 lines" no_long_files
check "no function is longer than 70 lines" no_long_functions
check "nothing is left to do" nothing_left_to_do
check "no function without bounds is called" no_unbounded_functions
done_testing

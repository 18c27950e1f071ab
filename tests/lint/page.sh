#!/bin/sh
# tests/lint/page.sh: the ops page makes no markup out of text, names no other host, and has nothing inline.
set -eu
. tests/support/tap.sh

no_markup_out_of_text() {
	! grep -rnE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function' nginx/www
}

# The name of SVG's elements is no address that anybody asks.
no_other_host() {
	! grep -rnE '(https?:)?//[a-z0-9.-]+\.[a-z]' nginx/www | grep -v 'http://www\.w3\.org/2000/svg'
}

nothing_inline() {
	! grep -nEi '<style|style=|<script>|[^a-z-]on[a-z]+=|javascript:' nginx/www/index.html
}

every_module_is_there() {
	for file in nginx/www/*.js nginx/www/views/*.js; do
		sed -n "s/^import .*from '\(.*\)';/\1/p" "$file" | while read -r module; do
			[ -f "${file%/*}/$module" ] || echo "$file: there is no $module"
		done
	done >"$SCRATCH/missing"
	cat "$SCRATCH/missing"
	! grep -q . "$SCRATCH/missing"
}

short_enough() {
	! wc -l nginx/www/*.js nginx/www/views/*.js | awk '$1 > 600 && $2 != "total"' | grep .
}

check "no markup is made out of text" no_markup_out_of_text
check "no other host is named" no_other_host
check "nothing is inline" nothing_inline
check "every module that is imported is there" every_module_is_there
check "no module is longer than 600 lines" short_enough
done_testing

#!/bin/sh
# tests/lint/manuals.sh: the manual pages are correct mdoc.
set -eu
. tests/support/tap.sh

clean_mdoc() {
	mandoc -T lint -W warning "$1"
}

for page in fcgi/*.8 fcgi/events/*.8 worker/*.8 spool/ctl/*.8 packaging/*.[57]; do
	[ -e "$page" ] || continue
	check "$page" clean_mdoc "$page"
done
done_testing

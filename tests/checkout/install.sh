#!/bin/sh
# tests/checkout/install.sh: make install puts everything where it belongs and leaves an operator's
# configuration alone.
set -eu
. tests/support/tap.sh

B=${B:-build}
STAGE=$SCRATCH/stage
unset MAKEFLAGS MFLAGS MAKELEVEL

install_to() {
	make --no-print-directory B="$B" SAN="${SAN:-}" DESTDIR="$1" PREFIX=/usr install
}

is_installed() {
	while read -r file; do
		[ -s "$STAGE/$file" ] || {
			echo "$file is missing"
			return 1
		}
	done <<-END
		usr/sbin/clario-fcgi
		usr/sbin/clario-events
		usr/sbin/clario-worker
		usr/sbin/clario-spool
		usr/share/man/man8/clario-fcgi.8
		usr/share/man/man8/clario-events.8
		usr/share/man/man8/clario-worker.8
		usr/share/man/man8/clario-spool.8
		usr/share/man/man5/clario.conf.5
		usr/share/man/man7/clario-workflow.7
		usr/share/bash-completion/completions/clario-spool
		usr/share/clario-workflow/site.conf
		usr/share/clario-workflow/monitoring/clario.rules.yml
		usr/share/clario-workflow/monitoring/runbook.md
		usr/share/clario-workflow/monitoring/clario-dashboard.json
		usr/share/clario-workflow/examples/claim-rejected.json
		usr/share/clario-workflow/examples/payout-received.json
		usr/share/clario-workflow/www/index.html
		etc/clario-workflow/clario.conf
		etc/nginx/snippets/clario-workflow-page.conf
		etc/nginx/snippets/clario-workflow.conf
		etc/nginx/snippets/clario-workflow-http.conf
		etc/nginx/snippets/clario-workflow-headers.conf
		etc/nginx/snippets/clario-workflow-events.conf
		etc/nginx/snippets/clario-workflow-pass.conf
		etc/nginx/snippets/clario-workflow-params.conf
		etc/nginx/snippets/clario-workflow-root.conf
	END
}

# All of it, and where the snippet says.
page_is_installed() {
	diff -r nginx/www "$STAGE/usr/share/clario-workflow/www" && page_is_found_in "$STAGE" /usr &&
		make --no-print-directory B="$B" SAN="${SAN:-}" DESTDIR="$SCRATCH/local" install >/dev/null &&
		page_is_found_in "$SCRATCH/local" /usr/local
}

page_is_found_in() {
	grep -q "alias \"$2/share/clario-workflow/www/\";" "$1/etc/nginx/snippets/clario-workflow-page.conf"
}

# The shipped configuration is the defaults: it is read without a complaint.
configuration_is_accepted() {
	"$STAGE/usr/sbin/clario-fcgi" -t -c "$STAGE/etc/clario-workflow/clario.conf" &&
		"$STAGE/usr/sbin/clario-events" -t -c "$STAGE/etc/clario-workflow/clario.conf" &&
		"$STAGE/usr/sbin/clario-worker" -t -c "$STAGE/etc/clario-workflow/clario.conf"
}

operators_file_stays() {
	echo '# mine' >"$STAGE/etc/clario-workflow/clario.conf" && install_to "$STAGE" &&
		[ "$(cat "$STAGE/etc/clario-workflow/clario.conf")" = '# mine' ]
}

check "make install" install_to "$STAGE"
check "everything is where it belongs" is_installed
check "the ops page is whole, and nginx's snippet finds it" page_is_installed
check "the shipped configuration is accepted" configuration_is_accepted
check "a configuration that is there already stays" operators_file_stays
done_testing

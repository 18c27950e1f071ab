# debian/tests/lib.sh: what the package's tests share. Sourced; they run in the source's root, as root, on a machine
# that they may change: its nginx gets a site for clario-workflow, and one that plays the receivers.
# shellcheck shell=sh
set -eu

API=http://127.0.0.1:3001/api/v1/workflow
RECEIVER=8091

[ -d /run/systemd/system ] || {
	echo "systemd does not run here"
	exit 77
}

say() { printf '%s\n' "$*"; }
die() {
	printf 'FAILED: %s\n' "$*" >&2
	systemctl --no-pager --lines=5 status 'clario-*' >&2 || true
	exit 1
}

# within SECONDS COMMAND...
within() {
	polls=$(($1 * 10))
	shift
	until "$@"; do
		polls=$((polls - 1))
		[ "$polls" -gt 0 ] || return 1
		sleep 0.1
	done
}

set_up_nginx() {
	cp /usr/share/doc/clario-workflow/examples/site.conf /etc/nginx/sites-enabled/clario-workflow
	sed -e "s|@RECEIVER_PORT@|$RECEIVER|" -e "s|@RUN_DIR@|/var/log/nginx|" nginx/receiver.conf.in \
		>/etc/nginx/sites-enabled/clario-receiver
	rm -f /etc/nginx/sites-enabled/default
	nginx -t -q
	systemctl restart nginx
}

set_up_receivers() {
	grep -q '^# of the test' /etc/clario-workflow/clario.conf || cat >>/etc/clario-workflow/clario.conf <<-END

		# of the test
		[receiver.integrations]
		url = http://127.0.0.1:$RECEIVER
		[receiver.python]
		url = http://127.0.0.1:$RECEIVER
		[retry]
		base = 300ms
	END
	systemctl restart clario-worker
}

is_ready() {
	[ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 2 http://127.0.0.1:3001/readyz)" = 200 ]
}

# post PHASE BODY: the answer.
post() {
	curl -sS --fail-with-body --max-time 30 "$API/phase/$1" -H 'Content-Type: application/json' -d "$2"
}

post_all_phases() {
	who="\"user_id\":\"$1\",\"sync_id\":\"$2\""
	post 1 "{$who,\"seller_id\":\"A1SELLER\"}" &&
		post 2 "{$who,\"orders_count\":1250,\"inventory_items\":340}" &&
		post 3 "{$who,\"claims\":[{\"claim_id\":\"claim-1\",\"amount\":120.50,\"confidence\":0.93}]}" &&
		post 4 "{$who,\"matches\":[{\"claim_id\":\"claim-1\",\"confidence\":0.93}]}" &&
		post 5 "{$who,\"claim_id\":\"claim-1\",\"amazon_case_id\":\"CASE-1001\"}" &&
		post 6 "{$who,\"claim_id\":\"claim-2\",\"amazon_case_id\":\"CASE-1002\",\"rejection_reason\":\"No proof\"}" &&
		post 7 "{$who,\"claim_id\":\"claim-1\",\"amount\":120.50}"
}

# count OPTIONS...: how many jobs the tool lists.
count() {
	clario-spool list --json "$@" | wc -l
}

all_completed() {
	[ "$(count --state completed --workflow "$1")" -eq "$2" ]
}

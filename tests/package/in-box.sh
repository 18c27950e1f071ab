# tests/package/in-box.sh: what container.sh does inside a box. Sourced there, with the source's tree in /root/source
# and packages in /var/lib/clario-debs.
# shellcheck shell=sh
cd /root/source || exit 1
# shellcheck source=packaging/debian/tests/lib.sh
. debian/tests/lib.sh

DEBS=/var/lib/clario-debs
SPOOL=/var/spool/clario-workflow

apt() {
	apt-get -q -y -o Dpkg::Use-Pty=0 "$@"
}

install_current() {
	apt install nginx "$DEBS/current.deb" && set_up_nginx && set_up_receivers && within 20 is_ready
}

# No room for a spool: what is missing is told, nothing runs, and it goes on when there is room.
full_disk_at_first() {
	mkdir -p $SPOOL
	mount -t tmpfs -o size=16k none $SPOOL
	said 100 'the spool could not be made' apt install nginx "$DEBS/current.deb"
	! systemctl -q is-active clario-fcgi || die "clario-fcgi runs without a spool"
	[ ! -e $SPOOL/lmdb ] || die "half a spool is there"
	umount $SPOOL
	dpkg --configure clario-workflow && systemctl -q is-active clario-fcgi clario-events clario-worker
}

# Nginx is as it was; doctor says so, and on a machine that is as it should be it has no complaint.
doctor() {
	! grep -r clario /etc/nginx/sites-enabled /etc/nginx/conf.d /etc/nginx/nginx.conf || die "nginx was changed"
	said 1 'no site in /etc/nginx includes the snippets' clario-spool doctor
	install_current
	systemctl start clario-workflow-backup
	said 0 'nginx includes the snippets' clario-spool doctor
}

# The example site with TLS, with a certificate that is nobody's: it answers there, and not in the clear.
tls_site() {
	site=workflow.example.com
	rm /etc/nginx/sites-enabled/clario-workflow
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=$site -addext "subjectAltName=DNS:$site" -days 2 \
		-keyout /etc/ssl/private/$site.key -out /etc/ssl/certs/$site.pem 2>/dev/null
	cp /usr/share/doc/clario-workflow/examples/site-tls.conf /etc/nginx/sites-enabled/clario-tls
	nginx -t -q && systemctl reload nginx
	within 10 tls_curl -o /dev/null https://$site/readyz
	tls_curl https://$site/api/v1/workflow/phase/4 -H 'Content-Type: application/json' \
		-d '{"user_id":"seller-1","sync_id":"tls-1","matches":[]}' | grep -q '"success":true'
	[ "$(curl -s -o /dev/null -w '%{http_code}' --resolve $site:80:127.0.0.1 http://$site/readyz)" = 403 ] ||
		die "it answers in the clear"
	rm /etc/nginx/sites-enabled/clario-tls
	set_up_nginx && within 20 is_ready && within 10 all_completed tls-1 1
}

tls_curl() {
	curl -sS --fail --max-time 10 --cacert "/etc/ssl/certs/$site.pem" --resolve "$site:443:127.0.0.1" "$@"
}

# README's tour has been run; now there is a receiver, too, and what was posted is delivered to it.
toured() {
	set_up_nginx
	within 60 all_completed payout_claim-1 1 || die "not delivered: $(clario-spool workflow payout_claim-1)"
}

# What is in the spool, to the byte.
spool_sum() {
	sha256sum "$SPOOL/lmdb/data.mdb"
}

main_pids() {
	systemctl show -P MainPID clario-fcgi clario-events clario-worker
}

# The processes that were there, and they answer.
run_still() {
	[ "$(main_pids)" = "$1" ] || die "what ran does not run any more"
	is_ready || die "what ran does not answer any more"
}

# said STATUS TEXT COMMAND...: it ends so, and says so.
said() {
	wanted=$1 text=$2
	shift 2
	status=0
	"$@" >/tmp/said 2>&1 || status=$?
	cat /tmp/said
	[ "$status" -eq "$wanted" ] || die "exit $status, not $wanted: $*"
	grep -q "$text" /tmp/said || die "does not say: $text"
}

restart_under_load() {
	for n in $(seq 1 400); do
		curl -s -o /dev/null -w '%{http_code}\n' --max-time 20 "$API/phase/4" -H 'Content-Type: application/json' \
			-d "{\"user_id\":\"seller-$n\",\"sync_id\":\"restart-$n\",\"matches\":[]}"
		sleep 0.01
	done >/tmp/codes &
	caller=$!
	restarts=0
	while kill -0 "$caller" 2>/dev/null; do
		systemctl reset-failed clario-fcgi
		systemctl restart clario-fcgi
		restarts=$((restarts + 1))
		sleep 0.3
	done
	say "$restarts restarts"
	[ "$restarts" -ge 5 ] && [ "$(grep -c '^200$' /tmp/codes)" -eq 400 ] && within 30 all_of restart- 400
}

all_of() {
	[ "$(clario-spool list --state completed --json | grep -c "\"workflow_id\":\"$1")" -eq "$2" ]
}

drop_in() {
	mkdir -p "/run/systemd/system/$1.service.d"
	printf '%s\n' "$2" >"/run/systemd/system/$1.service.d/test.conf"
	systemctl daemon-reload
}

no_drop_ins() {
	rm -rf /run/systemd/system/clario-*.service.d
	systemctl daemon-reload
}

watchdog() {
	for daemon in clario-fcgi clario-events clario-worker; do
		drop_in $daemon '[Service]
WatchdogSec=2'
		systemctl reset-failed $daemon
		systemctl restart $daemon
	done
	pids=$(main_pids)
	sleep 7
	[ "$(main_pids)" = "$pids" ] || die "a daemon was ended though it got on: $(journalctl -n 20 -u 'clario-*')"
}

# The first thread, whose turns are told, stands still: the others of that process do not help.
hang() {
	for daemon in clario-fcgi clario-events clario-worker; do
		pid=$(systemctl show -P MainPID $daemon)
		kill -STOP "$pid"
		within 20 changed $daemon "$pid" || die "$daemon hangs, and nobody minds"
	done
	no_drop_ins
	systemctl restart clario-fcgi clario-events clario-worker
	within 20 is_ready
}

changed() {
	pid=$(systemctl show -P MainPID "$1")
	[ "$pid" != "$2" ] && [ "$pid" != 0 ] && [ "$(systemctl show -P ActiveState "$1")" = active ]
}

break_configuration() {
	cp -p /etc/clario-workflow/clario.conf /root/clario.conf
	printf '[queue]\nordering = sideways\n' >>/etc/clario-workflow/clario.conf
	line=$(grep -n sideways /etc/clario-workflow/clario.conf | cut -d : -f 1)
}

mend_configuration() {
	cp -p /root/clario.conf /etc/clario-workflow/clario.conf
}

broken_configuration() {
	break_configuration
	for daemon in clario-fcgi clario-events clario-worker; do
		! systemctl restart $daemon || die "$daemon starts with it"
		sleep 0.5
		said 3 "clario.conf:$line:.*sideways" systemctl --no-pager -n 20 status $daemon
	done
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$API/health")" = 503 ] || die "nginx does not say 503"
	mend_configuration
	systemctl reset-failed
	systemctl restart clario-workflow.target
	within 20 is_ready
}

broken_configuration_at_upgrade() {
	break_configuration
	pids=$(main_pids)
	said 100 "clario.conf:$line:.*sideways" apt install --reinstall "$DEBS/current.deb"
	run_still "$pids"
	mend_configuration
	dpkg --configure clario-workflow && within 20 is_ready
	[ "$(main_pids)" != "$pids" ] || die "it was not started again when all was well"
}

# The files of the new version have no room: dpkg puts back what was there.
full_disk() {
	share=/usr/share/clario-workflow
	size=$(du -sk $share | cut -f 1)
	cp -a $share /root/share
	mount -t tmpfs -o "size=$((size + 16))k" none $share
	cp -a /root/share/. $share
	pids=$(main_pids)
	said 100 'No space left' apt install --reinstall "$DEBS/current.deb"
	umount $share
	run_still "$pids"
	[ "$(dpkg-query -W -f '${db:Status-Status}' clario-workflow)" = installed ] || die "it is no longer installed"
	rm -r /root/share
	post 4 '{"user_id":"seller-1","sync_id":"full-1","matches":[]}' >/dev/null && within 10 all_completed full-1 1
}

# No room when it is there and has yet to be set up, either: what runs goes on, and it is set up later.
full_disk_at_setup() {
	pids=$(main_pids)
	mount -t tmpfs -o nr_inodes=1 none /tmp
	status=0
	dpkg -i "$DEBS/current.deb" >/root/full 2>&1 || status=$?
	umount /tmp
	[ "$status" -eq 1 ] || die "exit $status: $(cat /root/full)"
	grep 'No space left' /root/full || die "it does not say why: $(cat /root/full)"
	run_still "$pids"
	dpkg --configure clario-workflow && within 20 is_ready
	[ "$(main_pids)" != "$pids" ] || die "it was not started again when there was room"
}

refuse_next() {
	sum=$(spool_sum)
	pids=$(main_pids)
	programs=$(sha256sum /usr/sbin/clario-*)
	said 100 'not installed: the spool of version' apt install "$DEBS/next.deb"
	run_still "$pids"
	[ "$(sha256sum /usr/sbin/clario-*)" = "$programs" ] || die "programs were replaced"
	[ "$(spool_sum)" = "$sum" ] || die "the spool was touched"
	[ "$(dpkg-query -W -f '${db:Status-Status} ${Version}' clario-workflow)" = "installed $(version_of current)" ]
}

version_of() {
	dpkg-deb -f "$DEBS/$1.deb" Version
}

downgrade() {
	jobs=$(count)
	apt install --allow-downgrades "$DEBS/previous.deb" && within 20 is_ready
	[ "$(count)" -eq "$jobs" ] && apt install "$DEBS/current.deb" && within 20 is_ready && [ "$(count)" -eq "$jobs" ]
}

reinstall() {
	jobs=$(count)
	apt remove clario-workflow
	sum=$(spool_sum)
	[ ! -e /run/clario-workflow/fcgi.sock ] || die "the socket was left"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$API/health")" = 503 ] || die "nginx does not say 503"
	[ "$(spool_sum)" = "$sum" ] && apt install "$DEBS/current.deb" && within 20 is_ready && [ "$(count)" -eq "$jobs" ]
}

missing_spool() {
	systemctl stop clario-workflow.target
	mv $SPOOL/lmdb /root/lmdb
	apt install --reinstall "$DEBS/current.deb" || true
	[ ! -e $SPOOL/lmdb ] || die "an empty spool took its place"
	! systemctl -q is-active clario-fcgi || die "clario-fcgi runs without a spool"
	mv /root/lmdb $SPOOL/lmdb
	systemctl reset-failed
	dpkg --configure -a
	systemctl restart clario-workflow.target && within 20 is_ready
}

purge_keeps() {
	said 0 "jobs are kept in $SPOOL" apt purge clario-workflow
	[ -e $SPOOL/lmdb/data.mdb ] && [ ! -e /etc/clario-workflow ] && [ ! -e /etc/nginx/snippets/clario-workflow.conf ]
	rm -f /etc/nginx/sites-enabled/clario-*
	nginx -t -q
	apt install "$DEBS/current.deb"
	[ "$(count --workflow full-1)" -eq 1 ] || die "jobs are gone"
	CLARIO_PURGE_SPOOL=yes apt purge clario-workflow
	[ ! -e $SPOOL ]
}

purge_unused() {
	apt install "$DEBS/current.deb" && [ -e $SPOOL/lmdb/data.mdb ] && apt purge clario-workflow
	[ ! -e $SPOOL ] || die "a spool that was never used is kept"
}

refuse_downgrade() {
	apt install nginx "$DEBS/next.deb"
	set_up_nginx
	set_up_receivers
	within 20 is_ready
	post 4 '{"user_id":"seller-1","sync_id":"later-1","matches":[]}' >/dev/null
	within 10 all_completed later-1 1
	pids=$(main_pids)
	said 100 'not installed: the spool was written by version' apt install --allow-downgrades "$DEBS/current.deb"
	run_still "$pids"
	[ "$(count)" -eq 1 ] || die "the job is gone"
}

refuse_foreign() {
	apt remove clario-workflow
	sum=$(spool_sum)
	said 100 'has format [0-9]*, this program knows format [0-9]*; upgrade' apt install "$DEBS/current.deb"
	! systemctl -q is-active clario-fcgi || die "clario-fcgi runs with it"
	[ "$(spool_sum)" = "$sum" ] || die "the spool was touched"
	apt install "$DEBS/next.deb" && within 20 is_ready && [ "$(count)" -eq 1 ]
}

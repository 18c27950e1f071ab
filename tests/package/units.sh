#!/bin/sh
# tests/package/units.sh: what is installed is what the package ships; systemd understands the units, and they confine
# what they start. Those of the backup and the check are held to the same as the daemons'.
set -eu
. tests/support/tap.sh

B=${B:-build}
STAGE=$SCRATCH/stage
UNITS=$STAGE/lib/systemd/system
unset MAKEFLAGS MFLAGS MAKELEVEL

stage() {
	make --no-print-directory B="$B" SAN="${SAN:-}" DESTDIR="$STAGE" PREFIX=/usr UNITDIR=/lib/systemd/system install
}

# As dh_install and dh_missing will have it: nothing is installed that is named nowhere, nothing named that is not there.
all_is_shipped() {
	debian=$PWD/packaging/debian
	(
		cd "$STAGE"
		find . -type f | sed 's|^\./||' | sort >"$SCRATCH/installed"
		# shellcheck disable=SC2046 # patterns, to be split and matched
		find $(cat "$debian"/*.install) -type f >"$SCRATCH/named" && sort "$SCRATCH/named" | diff "$SCRATCH/installed" -
	)
}

# As installed, but for where the programs are.
verified() {
	mkdir -p "$SCRATCH/units" && cp "$UNITS"/clario-* "$SCRATCH/units" &&
		sed -i "s|=/usr/sbin/|=$STAGE/usr/sbin/|" "$SCRATCH"/units/*.service &&
		systemd-analyze verify --man=no --recursive-errors=no "$SCRATCH"/units/clario-* 2>"$SCRATCH/complaints" &&
		! grep "$SCRATCH" "$SCRATCH/complaints"
}

# In tenths, as systemd counts.
is_confined() {
	systemd-analyze security --offline=true --threshold=15 "$UNITS/$1" >"$SCRATCH/exposure" && tail -n 1 "$SCRATCH/exposure" &&
		awk '/exposure level/ { found = 1; exit !($(NF - 2) <= 1.5) } END { exit !found }' "$SCRATCH/exposure"
}

# What ProcSubset=pid would break silently.
boot_id_stays() {
	[ -s "$UNITS/clario-worker.service" ] && ! grep -l '^ProcSubset=' "$UNITS"/*.service
}

# Without a word of its own the standard error goes where the standard output goes: nowhere.
log_is_kept() {
	for daemon in clario-fcgi clario-events clario-worker; do
		grep -qx 'StandardError=journal' "$UNITS/$daemon.service" || return 1
	done
}

# Nobody but nginx connects, and no restart of a daemon takes the socket down.
sockets_are_narrow() {
	for socket in clario-fcgi clario-events; do
		grep -qx 'SocketMode=0660' "$UNITS/$socket.socket" && grep -qx 'SocketGroup=www-data' "$UNITS/$socket.socket" &&
			grep -qx "Requires=$socket.socket" "$UNITS/$socket.service" || return 1
	done
}

# The paths of the sockets are those that nginx is told, and the programs' own.
sockets_are_where_nginx_looks() {
	for socket in fcgi events; do
		path=$(sed -n 's/^ListenStream=//p' "$UNITS/clario-$socket.socket")
		grep -q "unix:$path;" nginx/clario-workflow-http.conf || return 1
	done
}

prefix_is_followed() {
	make --no-print-directory B="$B" SAN="${SAN:-}" DESTDIR="$SCRATCH/local" NGINX_GROUP=nginx install >/dev/null &&
		local=$SCRATCH/local/usr/local/lib &&
		! grep -h '/usr/sbin\|www-data' "$local"/systemd/system/*.socket "$local"/tmpfiles.d/*.conf &&
		! grep -h '^Exec.*/usr/sbin' "$local"/systemd/system/*.service &&
		grep -q '^ExecStart=/usr/local/sbin/clario-fcgi$' "$local/systemd/system/clario-fcgi.service" &&
		grep -q '^SocketGroup=nginx$' "$local/systemd/system/clario-fcgi.socket"
}

check "make install" stage
check "the package ships all of it" all_is_shipped
check "systemd understands the units" verified
for unit in clario-fcgi clario-events clario-worker clario-workflow-backup clario-workflow-verify; do
	check "$unit is exposed 1.5 at most" is_confined "$unit.service"
done
check "the boot's id can be read" boot_id_stays
check "the log goes to the journal" log_is_kept
check "only nginx may connect" sockets_are_narrow
check "the sockets are where nginx looks" sockets_are_where_nginx_looks
check "another prefix and another group" prefix_is_followed
done_testing

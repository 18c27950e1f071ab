#!/bin/sh
# tests/package/container.sh: the package's life in a booted Debian: README's tour on a fresh machine, upgrades and
# what must not be upgraded, confinement, removal. `make check-package`; as root, in some ten minutes.
#
# CLARIO_PREVIOUS_DEB: a package of the previous version (built from this tree, with a lower version, when not given).
set -eu
. tests/support/tap.sh
. tests/package/box.sh

[ "$(id -u)" -eq 0 ] || {
	echo "containers are booted: make check-package is for root"
	exit 77
}
DEBS=$SCRATCH/debs
RESULTS=${B:-build}/test-results
ARCH=$(dpkg --print-architecture)
VERSION=$(sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)
BOX=
trap '[ -z "$BOX" ] || box_drop; rm -rf "$SCRATCH"' EXIT

# --- packages ---

build() {
	name=$1
	shift
	mkdir -p "$DEBS"
	env DEB_DIR="$SCRATCH/$name" "$@" packaging/checkout/deb.sh >"$SCRATCH/built" &&
		cp "$(cat "$SCRATCH/built")" "$DEBS/$name.deb"
}

build_elsewhere() (
	umask 077
	build again TZ=Pacific/Auckland LC_ALL=C.UTF-8
)

is_reproducible() {
	for file in "clario-workflow_${VERSION}_$ARCH.deb" "clario-workflow-dbgsym_${VERSION}_$ARCH.deb" \
		"clario-workflow_$VERSION.tar.xz" "clario-workflow_$VERSION.dsc"; do
		cmp "$SCRATCH/current/$file" "$SCRATCH/again/$file" || return 1
	done
}

lintian_is_content() {
	lintian --allow-root -I --pedantic --fail-on error,warning,info,pedantic "$SCRATCH"/current/*.changes
}

previous() {
	if [ -n "${CLARIO_PREVIOUS_DEB:-}" ]; then
		cp "$CLARIO_PREVIOUS_DEB" "$DEBS/previous.deb"
	else
		build previous DEB_VERSION="$VERSION~previous"
	fi
}

# A later version whose spool has another form, and which reads no other.
next() {
	# shellcheck disable=SC2016 # for the shell of the copied tree
	build next DEB_VERSION=99.0 DEB_EDIT='
		n=$(sed -n "s/^format //p" packaging/spool-format)
		sed -i "s/^format .*/format $((n + 1))/; s/^oldest-format .*/oldest-format $((n + 1))/" packaging/spool-format
		sed -i "s/SPOOL_FORMAT = $n,/SPOOL_FORMAT = $((n + 1)),/" spool/store/lmdb/init.h'
}

# --- in a box ---

boot() {
	box_up "$1" && mkdir -p "$BOX/root/var/lib/clario-debs" && cp "$DEBS"/*.deb "$BOX/root/var/lib/clario-debs" &&
		box_put "$SCRATCH/current/clario-workflow-$VERSION" /root/source
}

# README's blocks for a fresh machine, as they stand there.
tour() {
	mkdir -p "$BOX/root/root/tour" && cp "$DEBS/current.deb" "$BOX/root/root/tour/clario-workflow_${VERSION}_$ARCH.deb"
	awk '/^<!-- run: fresh machine -->$/ { run = 1; next } /^```/ && run == 1 { run = 2; next }
		/^```/ && run == 2 { run = 0; next } run == 2' README.md >"$SCRATCH/tour"
	[ -s "$SCRATCH/tour" ] || return 1
	# The receivers of README are nowhere; one of the tests' is.
	sed 's|http://10[0-9.]*:[0-9]*|http://127.0.0.1:8091|' "$SCRATCH/tour" >"$BOX/root/root/tour.sh"
	box_sh 'cd /root/tour; sh -eux ../tour.sh' >"$SCRATCH/told" 2>&1 || {
		cat "$SCRATCH/told"
		return 1
	}
	tail -n 8 "$SCRATCH/told"
	grep -q '"success":true' "$SCRATCH/told" && grep -q ' payout_claim-1 ' "$SCRATCH/told" && in_box toured
}

in_box() {
	box_sh ". /root/in-box.sh; $1"
}

autopkgtests() {
	log=$RESULTS/autopkgtest.log
	status=0
	box_sh 'cd /root && autopkgtest -o /root/adt /var/lib/clario-debs/current.deb source/ -- null' >"$log" 2>&1 || status=$?
	sed -n '/^autopkgtest .*summary$/,$p' "$log"
	passed=$(grep -cE '^(install|confine|upgrade|purge) +PASS' "$log") || true
	[ "$status:$passed" = 0:4 ] || {
		grep -aE '^(install|confine|upgrade|purge) |FAILED|WRONG' "$log"
		echo "exit $status; all of it: $log"
		return 1
	}
}

fresh() {
	boot "$1" && cp tests/package/in-box.sh "$BOX/root/root/in-box.sh"
}

check "the package builds" build current
check "lintian has nothing to say" lintian_is_content
check "built elsewhere, under another umask and in another time zone" build_elsewhere
check "it is the same to the last byte" is_reproducible
check "a previous version's package" previous
check "a later version's package" next
check "the image of a Debian" box_image

check "a fresh machine boots" fresh tour
check "README's tour" tour
box_drop

check "a fresh machine boots" fresh adt
check "autopkgtest: install, confine, upgrade, purge" autopkgtests
box_drop

check "a fresh machine boots" fresh life
check "a full disk at the first installation: nothing is started, and it goes on when there is room" in_box full_disk_at_first
check "doctor tells that nginx does not include the snippets, and nothing when all is well" in_box doctor
check "the example site with TLS" in_box tls_site
check "requests wait while daemons are restarted, and none is refused" in_box restart_under_load
check "the watchdog is fed" in_box watchdog
check "a daemon that hangs is started anew" in_box hang
check "a wrong configuration: systemctl status has the line, nothing is started" in_box broken_configuration
check "a wrong configuration at an upgrade: what runs goes on" in_box broken_configuration_at_upgrade
check "a full disk at an upgrade: what runs goes on" in_box full_disk
check "a full disk when an upgrade is set up: what runs goes on" in_box full_disk_at_setup
check "a version that cannot read the spool is refused, and nothing is touched" in_box refuse_next
check "back to the previous version, which has the same form" in_box downgrade
check "removed and installed again: jobs are there, and no new spool is made" in_box reinstall
check "a spool that is gone is not made anew" in_box missing_spool
check "purge keeps jobs, unless it is told" in_box purge_keeps
check "purge takes a spool that was never used" in_box purge_unused
box_drop

check "a fresh machine boots" fresh later
check "a later version's spool: this version is refused, and nothing is touched" in_box refuse_downgrade
check "found where no package tells of it: nothing is started, and it is not touched" in_box refuse_foreign
box_drop
done_testing

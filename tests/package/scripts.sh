#!/bin/sh
# tests/package/scripts.sh: the package's own rules, without building it: what preinst refuses and postrm keeps, that
# version, dependencies and the spool's form are told alike everywhere.
set -eu
. tests/support/tap.sh

DEBIAN=packaging/debian
SPOOL=$SCRATCH/root/var/spool/clario-workflow
THERE=$SCRATCH/root/usr/share/clario-workflow/spool-format
export DPKG_ROOT="$SCRATCH/root"

# A preinst of a version that reads formats 2 to 3, records up to 1.
make_preinst() {
	sed -e 's/@FORMAT@/3/' -e 's/@RECORD@/1/' -e 's/@OLDEST@/2/' -e 's/@VERSION@/5.0/' -e 's/#DEBHELPER#//' \
		"$DEBIAN/clario-workflow.preinst" >"$SCRATCH/preinst"
}

# installed FORMAT RECORD: what is there says so.
installed() {
	mkdir -p "$SPOOL/lmdb" "${THERE%/*}"
	printf '# of a test\nformat %s\nrecord %s\noldest-format 1\n' "$1" "$2" >"$THERE"
}

takes() {
	installed "$1" "$2" && sh "$SCRATCH/preinst" upgrade 4.0
}

# refuses FORMAT RECORD WORDS
refuses() {
	installed "$1" "$2" && exits 1 sh "$SCRATCH/preinst" upgrade 6.0 2>"$SCRATCH/said" && grep -q "$3" "$SCRATCH/said" &&
		grep -qx 'Nothing was changed.' "$SCRATCH/said"
}

without_a_spool_takes_all() {
	installed 9 9 && rm -r "$SPOOL" && sh "$SCRATCH/preinst" upgrade 6.0 && sh "$SCRATCH/preinst" install
}

# The spool refuses what is installed (exit 78): then that says nothing of it.
takes_what_the_spool_refused() {
	installed 1 1 && mkdir -p "$DPKG_ROOT/usr/sbin" && printf '#!/bin/sh\nexit 78\n' >"$DPKG_ROOT/usr/sbin/clario-spool" &&
		chmod 755 "$DPKG_ROOT/usr/sbin/clario-spool" && sh "$SCRATCH/preinst" upgrade 1.0 &&
		printf '#!/bin/sh\nexit 0\n' >"$DPKG_ROOT/usr/sbin/clario-spool" && exits 1 sh "$SCRATCH/preinst" upgrade 1.0
}

purge() {
	sed 's/#DEBHELPER#//' "$DEBIAN/clario-workflow.postrm" >"$SCRATCH/postrm"
	mkdir -p "$SPOOL/lmdb" "$DPKG_ROOT/etc/clario-workflow/secrets/intake" "$DPKG_ROOT/var/backups/clario-workflow"
	sh "$SCRATCH/postrm" "${1:-purge}" 2>"$SCRATCH/said"
}

purge_keeps_jobs() {
	purge && [ -d "$SPOOL/lmdb" ] && [ ! -e "$DPKG_ROOT/etc/clario-workflow" ] && grep -q 'jobs are kept in' "$SCRATCH/said"
}

purge_keeps_backups() {
	mkdir -p "$DPKG_ROOT/var/backups/clario-workflow" && touch "$DPKG_ROOT/var/backups/clario-workflow/one.mdb" &&
		CLARIO_PURGE_SPOOL=yes purge && [ -e "$DPKG_ROOT/var/backups/clario-workflow/one.mdb" ] && [ ! -e "$SPOOL" ]
}

purge_takes_what_was_never_used() {
	mkdir -p "$SPOOL" && touch "$SPOOL/never-used" && purge && [ ! -e "$SPOOL" ]
}

remove_keeps_all() {
	purge remove && [ -d "$SPOOL/lmdb" ] && [ -d "$DPKG_ROOT/etc/clario-workflow" ]
}

# --- told alike ---

version_is_one() {
	version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$DEBIAN/changelog")
	grep -qx "VERSION := $version" Makefile
}

# The list that a checkout is built by is the package's.
build_dependencies_are_one() {
	awk '$1 == "build" && $2 !~ /^(gcc|libc6-dev)$/ { print $2 }' packaging/checkout/packages | sort >"$SCRATCH/listed"
	sed -n '/^Build-Depends:/,/^[A-Z]/p' "$DEBIAN/control" | grep -oE 'lib[a-z0-9-]+-dev' | sort | diff "$SCRATCH/listed" -
}

spool_format_is_one() {
	says() { sed -n "s/^$1 //p" packaging/spool-format; }
	grep -q "SPOOL_FORMAT = $(says format)[,; ]" spool/store/lmdb/init.h &&
		grep -q "RECORD_VERSION = $(says record)[,; ]" spool/store/common/record.h &&
		[ "$(says oldest-format)" -le "$(says format)" ]
}

scripts_are_good() {
	for script in preinst postinst prerm postrm; do
		sh -n "$DEBIAN/clario-workflow.$script" && grep -q '^#DEBHELPER#$' "$DEBIAN/clario-workflow.$script" || return 1
	done
}

make_preinst
check "the same form" takes 3 1
check "an older form that can be read" takes 2 1
check "a newer form is refused" refuses 4 1 'was written by version 6.0, and version 5.0 cannot read it'
check "newer records are refused" refuses 3 2 'was written by version 6.0, and version 5.0 cannot read it'
check "a form that is too old is refused" refuses 1 1 'Upgrade to a version between the two first'
check "without a spool there is nothing to refuse" without_a_spool_takes_all
check "what was installed by mistake tells nothing of the spool" takes_what_the_spool_refused
check "remove keeps all" remove_keeps_all
check "purge keeps jobs, and says where" purge_keeps_jobs
check "purge takes a spool that was never used" purge_takes_what_was_never_used
check "purge that is told so takes jobs, and no backup" purge_keeps_backups
check "one version" version_is_one
check "one list of what it is built with" build_dependencies_are_one
check "one form of the spool" spool_format_is_one
check "maintainer scripts are whole" scripts_are_good
done_testing

#!/bin/sh
# packaging/checkout/deb.sh: build the Debian package from this tree, into B/deb.
#
# dpkg wants debian/ at the root of the source, where ours is not: the tree is copied to B/deb/NAME-VERSION, with
# packaging/debian as debian/ there. Settings from the environment:
#   DEB_DIR       where to build (B/deb); it is emptied first
#   DEB_VERSION   another version than that of debian/changelog: for tests of upgrades
#   DEB_EDIT      a command that is run in the copied tree before it is built: for tests, too
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
. "$HERE/lib.sh"

cd "$ROOT"
DEB_DIR=$(absolute "${DEB_DIR:-${B:-build}/deb}")

# What belongs to the source: what git tracks or would, and out of an archive everything but what was built.
sources() {
	if [ -e .git ]; then
		# Those that were removed and not committed yet are not there.
		# shellcheck disable=SC2016 # $f is the inner shell's
		git ls-files -z --cached --others --exclude-standard |
			xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\\0" "$f"; done' list
	else
		find . -path ./build -prune -o -type f -print0
	fi
}

copy_sources() {
	mkdir -p "$1"
	tar -c --null --no-recursion -T "$2" | tar -x -C "$1"
	cp -R "$1/packaging/debian" "$1/debian"
	rm -rf "$1/packaging/debian"
	# As in a checkout under any umask.
	chmod -R u=rwX,go=rX "$1"
}

set_version() {
	[ -n "${DEB_VERSION:-}" ] || return 0
	sed -i "1s/(.*)/($DEB_VERSION)/" debian/changelog
	sed -i "s/^VERSION := .*/VERSION := $DEB_VERSION/" Makefile
}

rm -rf "$DEB_DIR"
mkdir -p "$DEB_DIR"
version=${DEB_VERSION:-$(sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)}
tree=$DEB_DIR/clario-workflow-$version
list=$DEB_DIR/sources.list
sources >"$list"
[ -s "$list" ] || die 1 "no source files found in $ROOT (git ls-files says nothing)"
copy_sources "$tree" "$list"
rm "$list"
cd "$tree"
set_version
[ -z "${DEB_EDIT:-}" ] || sh -euc "$DEB_EDIT"
# The settings of a make that this runs under are not those of the package's.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B -u SAN -u PORT -u RUN_DIR -u CFLAGS -u LDFLAGS \
	dpkg-buildpackage -us -uc >"$DEB_DIR/build.log" 2>&1 || {
	tail -n 40 "$DEB_DIR/build.log" >&2
	die 1 "the package could not be built; all of it: $DEB_DIR/build.log"
}
say "$DEB_DIR/clario-workflow_${version}_$(dpkg --print-architecture).deb"

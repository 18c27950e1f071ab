#!/bin/sh
# tests/checkout/deps.sh: packaging/checkout/deps.sh finds what is missing and never installs where it may not.
set -eu
. tests/support/tap.sh

DEPS=packaging/checkout/deps.sh

silent() {
	"$@" >"$SCRATCH/said" 2>&1 && ! grep . "$SCRATCH/said"
}

names_what_is_missing() {
	exits 77 "$@" >"$SCRATCH/said" 2>&1 && grep -q 'apt-get install .*clario-no-such-package' "$SCRATCH/said" &&
		! grep -q ' dpkg' "$SCRATCH/said"
}

every_group_of_the_makefile_is_listed() {
	sed -n 's|.*CHECKOUT)/deps[.]sh||p' Makefile | tr ' ' '\n' | grep . | sort -u >"$SCRATCH/used"
	cut -s -f 1 packaging/checkout/packages | sort -u >"$SCRATCH/listed"
	diff "$SCRATCH/used" "$SCRATCH/listed"
}

printf '# as packages\nthere\tdpkg\nmixed\tdpkg\nmixed\tclario-no-such-package\n' >"$SCRATCH/packages"
export CLARIO_PACKAGES="$SCRATCH/packages" CLARIO_NO_INSTALL=1

check "nothing missing: silence" silent "$DEPS" there
check "something missing and not allowed: says what it would install" names_what_is_missing "$DEPS" there mixed
check "an unknown group is a mistake" exits 2 "$DEPS" nonsense
check "no group is a mistake" exits 2 "$DEPS"
check "every group that the Makefile names is listed, and the reverse" every_group_of_the_makefile_is_listed
done_testing

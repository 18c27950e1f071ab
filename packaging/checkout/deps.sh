#!/bin/sh
# packaging/checkout/deps.sh GROUP...: see that the Debian packages of these groups are installed.
#
# Groups and packages stand in the file packages beside this one. Nothing missing: a quick look without network,
# and silence. Otherwise it installs what is missing, as root or by sudo without a password; where it may not
# (neither of the two, or CLARIO_NO_INSTALL=1) it says what it would install. Installing does not start Debian's
# own nginx on port 80, nor its prometheus or PostgreSQL. Exit: 0 all there, 1 could not install, 2 usage, 77 may not install.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib.sh"

PACKAGES=${CLARIO_PACKAGES:-$HERE/packages}
POLICY=/usr/sbin/policy-rc.d

wanted_packages() {
	for group in "$@"; do
		grep -q "^$group	" "$PACKAGES" || die 2 "no such group of packages: $group"
		awk -v group="$group" '$1 == group { print $2 }' "$PACKAGES"
	done
}

# Those of the given packages that are not installed.
missing_packages() {
	dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
		awk -v wanted="$*" '
			$2 == "installed" { there[$1] = 1 }
			END {
				n = split(wanted, name, " ")
				for (i = 1; i <= n; i++)
					if (!(name[i] in there) && !told[name[i]]++)
						printf "%s ", name[i]
			}'
}

# The words to put before a command that needs root: none, "sudo -n", or failure.
root_prefix() {
	[ "${CLARIO_NO_INSTALL:-0}" != 1 ] || return 1
	[ "$(id -u)" -ne 0 ] || return 0
	sudo -n true 2>/dev/null || return 1
	say "sudo -n"
}

# As long as it is there, Debian's maintainer scripts do not start nginx, prometheus or PostgreSQL; other services are not touched.
# A policy that the machine has already is its administrator's and stays as it is.
keep_nginx_down() {
	[ ! -e "$POLICY" ] || return 0
	trap '$prefix rm -f "$POLICY"' EXIT
	trap 'exit 130' INT TERM HUP
	# shellcheck disable=SC2016 # $* is for the written script
	printf '#!/bin/sh\ncase " $*" in *nginx* | *prometheus* | *postgresql*) exit 101 ;; esac\nexit 0\n' | $prefix tee "$POLICY" >/dev/null
	$prefix chmod 755 "$POLICY"
}

apt() {
	$prefix env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 "$@" >&2
}

# The package lists may be absent or too old: then, and only then, they are fetched.
install_packages() {
	apt install --no-install-recommends "$@" || {
		apt update && apt install --no-install-recommends "$@"
	}
}

[ $# -gt 0 ] || die 2 "usage: ${0##*/} GROUP..."
command -v dpkg-query >/dev/null || {
	warn "not a Debian system: nothing checked or installed; $PACKAGES lists what is needed"
	exit 0
}
wanted=$(wanted_packages "$@")
# shellcheck disable=SC2086 # names, to be split
missing=$(missing_packages $wanted)
[ -n "$missing" ] || exit 0

prefix=$(root_prefix) || die 77 "these Debian packages are missing; install them, then try again:
  apt-get install --no-install-recommends $missing"
warn "installing: $missing"
keep_nginx_down
# shellcheck disable=SC2086 # names, to be split
install_packages $missing || die 1 "could not install: $missing"

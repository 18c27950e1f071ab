# tests/package/box.sh: a Debian of its own that is booted, for tests of the package. Sourced; needs root.
# shellcheck shell=sh
#
# The image is made once (mmdebstrap, into BOX_DIR) and kept; each box is a layer over it and is gone with it. A box
# has no network but its own loopback: without --private-network its nginx would open ports of the host's. What it
# installs comes from the image's apt cache.

BOX_DIR=${BOX_DIR:-$PWD/build/container}
BOX_SUITE=${BOX_SUITE:-bookworm}
# To be there from the start; to be had when they are installed.
BOX_HAS=systemd,systemd-sysv,dbus,ca-certificates,curl,jq,openssl,python3-minimal,procps,autopkgtest,dpkg-dev,iproute2
BOX_OFFERS="nginx libcurl4 libfcgi0ldbl libinih1 libjansson4 liblmdb0 libsmartcols1 libssl3 libsystemd0 libxxhash0 libpq5"

# The host's own mirrors of this suite; mmdebstrap's, where apt has none.
box_mirrors() {
	# shellcheck disable=SC2016 # apt's, not the shell's
	apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
		awk -v suite="$BOX_SUITE" '$3 == suite || index($3, suite "-") == 1' | sort -u
}

# One that was made for other packages is made anew. No service of the image's starts while it is made.
box_image() {
	if [ "$(cat "$BOX_DIR/made-of" 2>/dev/null)" = "$BOX_SUITE $BOX_HAS $BOX_OFFERS" ]; then
		return 0
	fi
	rm -rf "$BOX_DIR"
	mkdir -p "$BOX_DIR"
	box_mirrors >"$BOX_DIR/mirrors"
	set -- "$BOX_DIR/mirrors"
	[ -s "$1" ] || set --
	# shellcheck disable=SC2016 # $1 is the hook's
	mmdebstrap --quiet --variant=minbase --include="$BOX_HAS" --skip=cleanup/apt \
		--customize-hook='chroot "$1" apt-get -q -y update' \
		--customize-hook='chroot "$1" apt-get -q -y -o APT::Install-Recommends=yes --download-only install '"$BOX_OFFERS" \
		--customize-hook='rm -f "$1/etc/resolv.conf"' \
		"$BOX_SUITE" "$BOX_DIR/image" "$@" || return 1
	echo "$BOX_SUITE $BOX_HAS $BOX_OFFERS" >"$BOX_DIR/made-of"
}

# box_up NAME: boot a fresh one, and wait until it has. From here on `box` and the like mean this one.
box_up() {
	BOX=$BOX_DIR/$1
	box_drop
	mkdir -p "$BOX/upper" "$BOX/work" "$BOX/root"
	mount -t overlay overlay -o "lowerdir=$BOX_DIR/image,upperdir=$BOX/upper,workdir=$BOX/work" "$BOX/root" || return 1
	# Only with a cgroup tree of today are addresses filtered (IPAddressDeny, SocketBindDeny).
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid systemd-nspawn --quiet --register=no --keep-unit --private-network \
		--link-journal=no -D "$BOX/root" -M "clario-$1" -b </dev/null >"$BOX/console" 2>&1 &
	echo $! >"$BOX/pid"
	polls=300
	until box_has_booted; do
		polls=$((polls - 1))
		if [ "$polls" -eq 0 ] || ! kill -0 "$(cat "$BOX/pid")" 2>/dev/null; then
			tail -n 20 "$BOX/console"
			return 1
		fi
		sleep 0.2
	done
}

box_leader() {
	pgrep -P "$(cat "$BOX/pid")" | head -n 1
}

box_has_booted() {
	[ -n "$(box_leader)" ] || return 1
	case $(box systemctl is-system-running 2>/dev/null) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

# box COMMAND...: run it in there, as root, with an environment of its own.
box() {
	nsenter -t "$(box_leader)" -m -u -i -n -p -C -r -w -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# box_sh TEXT: a script, every line of which must succeed.
box_sh() {
	box sh -euc "$1"
}

box_put() {
	cp -R "$1" "$BOX/root$2"
}

box_drop() {
	if [ -s "$BOX/pid" ]; then
		pid=$(cat "$BOX/pid")
		leader=$(pgrep -P "$pid" | head -n 1)
		[ -z "$leader" ] || kill -KILL "$leader" 2>/dev/null || true
		polls=100
		while kill -0 "$pid" 2>/dev/null && [ "$polls" -gt 0 ] && ! grep -qs "^State:.*Z" "/proc/$pid/status"; do
			polls=$((polls - 1))
			sleep 0.1
		done
	fi
	! mountpoint -q "$BOX/root" || umount -l "$BOX/root"
	rm -rf "$BOX"
}

# packaging/checkout/lib.sh: what the checkout's scripts share. Sourced, not run.
# shellcheck shell=sh

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die STATUS TEXT...
die() {
	status=$1
	shift
	warn "$*"
	exit "$status"
}

# The path made absolute; it need not exist.
absolute() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$PWD" "$1" ;;
	esac
}

# wait_until SECONDS COMMAND...: true as soon as the command is, false when the time is over.
wait_until() {
	polls=$(($1 * 20))
	shift
	while [ "$polls" -gt 0 ]; do
		"$@" && return 0
		sleep 0.05
		polls=$((polls - 1))
	done
	return 1
}

# Whether the process is there and not a zombie, which kill -0 does not tell apart.
is_alive() {
	[ -r "/proc/$1/status" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

# ask PATH [curl's options...]: one request to the instance, by no proxy and never for ever.
ask() {
	path=$1
	shift
	curl -sS --noproxy '*' --max-time 30 "$@" "http://127.0.0.1:$PORT$path"
}

port_is_free() {
	curl -s --noproxy '*' --max-time 1 -o /dev/null "http://127.0.0.1:$1/"
	[ $? -eq 7 ]
}

# free_ports FIRST N: the first port from FIRST on that, with the N-1 after it, nobody listens on.
free_ports() {
	candidate=$1
	while [ "$candidate" -lt $(($1 + 500)) ]; do
		offset=0
		while [ "$offset" -lt "$2" ] && port_is_free $((candidate + offset)); do
			offset=$((offset + 1))
		done
		if [ "$offset" -eq "$2" ]; then
			say "$candidate"
			return 0
		fi
		candidate=$((candidate + offset + 1))
	done
	return 1
}

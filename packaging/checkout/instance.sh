#!/bin/sh
# packaging/checkout/instance.sh configure|start|stop|status: an instance of clario-workflow out of a checkout.
#
# Everything it reads and writes lies in RUN_DIR: clario.conf, nginx.conf, spool/, *.pid, *.log. Instances with
# different PORT and RUN_DIR do not meet. Settings come from the environment:
#   B                 where the programs were built (build)
#   PORT              nginx listens on 127.0.0.1:PORT, the demo receiver on PORT+1 (8080)
#   RUN_DIR           (B/run)
#   INTEGRATIONS_URL, PYTHON_API_URL   receivers; each is the demo receiver when not given
#   CLARIO_SET        "section.key=value ...": any other configuration row
#   KEEP_CONN         on: nginx keeps its connections to clario-fcgi, the snippets' commented variant (off)
# start returns once /readyz says 200. Exit: 0 done, 1 could not, 2 usage, 3 (status) not running, 78 configuration.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
. "$HERE/lib.sh"

B=$(absolute "${B:-$ROOT/build}")
PORT=${PORT:-8080}
RUN_DIR=$(absolute "${RUN_DIR:-$B/run}")
RECEIVER_PORT=$((PORT + 1))
NGINX=${NGINX:-$(PATH=$PATH:/usr/sbin:/sbin command -v nginx || echo nginx)}
CONF=$RUN_DIR/clario.conf
DAEMONS="nginx clario-fcgi clario-events clario-worker"

check_settings() {
	case $PORT in
	'' | *[!0-9]*) die 2 "PORT must be a number: $PORT" ;;
	esac
	case $RUN_DIR in
	*[!A-Za-z0-9._,/@+-]*) die 2 "RUN_DIR may hold only letters, digits and . _ , / @ + -: $RUN_DIR" ;;
	esac
	# The system's limit for the path of a socket is 107 bytes.
	[ ${#RUN_DIR} -le 90 ] || die 2 "RUN_DIR is too long for a socket in it: $RUN_DIR"
}

# All configuration rows as section.key=value; of two for the same key the later one counts.
configuration_rows() {
	receiver=http://127.0.0.1:$RECEIVER_PORT
	say "http.socket=$RUN_DIR/fcgi.sock"
	say "events.socket=$RUN_DIR/events.sock"
	say "events.key-file=$RUN_DIR/events.key"
	say "spool.path=$RUN_DIR/spool"
	say "receiver.integrations-url=${INTEGRATIONS_URL:-$receiver}"
	say "receiver.python-url=${PYTHON_API_URL:-$receiver}"
	say "${CLARIO_SET:-}" | tr -s '[:blank:]' '\n'
}

write_clario_conf() {
	configuration_rows | awk '
		/^$/ { next }
		!/^[^=]*\.[^.=]+=/ { print "CLARIO_SET: not section.key=value: " $0 > "/dev/stderr"; failed = 1; exit }
		{
			name = substr($0, 1, index($0, "=") - 1)
			value[name] = substr($0, index($0, "=") + 1)
			section = name
			sub(/\.[^.]*$/, "", section)
			if (!(section in keys))
				order[++sections] = section
			key = substr(name, length(section) + 2)
			if (!((section, key) in seen))
				keys[section] = keys[section] " " key
			seen[section, key] = 1
		}
		END {
			if (failed)
				exit 2
			for (i = 1; i <= sections; i++) {
				print "[" order[i] "]"
				n = split(keys[order[i]], key_of, " ")
				for (k = 1; k <= n; k++)
					print key_of[k] " = " value[order[i] "." key_of[k]]
			}
		}' >"$CONF"
}

# fill TEMPLATE FILE: put this instance's values in. As root, nginx's workers stay root: they must reach the
# socket and the files of a checkout that may be nobody else's to read.
fill() {
	user=
	[ "$(id -u)" -ne 0 ] || user='user root;'
	sed -e "s|@PORT@|$PORT|g" -e "s|@RECEIVER_PORT@|$RECEIVER_PORT|g" -e "s|@RUN_DIR@|$RUN_DIR|g" \
		-e "s|@USER@|$user|g" "$1" >"$2"
}

# The installed snippets themselves, with this instance's socket and the checkout's page in place of the installed ones.
write_nginx_conf() {
	edits="s|unix:/run/clario-workflow/fcgi.sock|unix:$RUN_DIR/fcgi.sock|"
	edits="$edits;s|unix:/run/clario-workflow/events.sock|unix:$RUN_DIR/events.sock|"
	edits="$edits;s|/usr/share/clario-workflow/www|$ROOT/nginx/www|"
	[ "${KEEP_CONN:-off}" = off ] || edits="$edits;s|#keepalive|keepalive|;s|keep_conn off|keep_conn on|"
	for snippet in "$ROOT"/nginx/clario-workflow*.conf; do
		sed "$edits" "$snippet" >"$RUN_DIR/snippets/${snippet##*/}"
	done
	fill "$ROOT/nginx/instance.conf.in" "$RUN_DIR/nginx.conf"
	fill "$ROOT/nginx/receiver.conf.in" "$RUN_DIR/receiver.conf"
}

configure() {
	check_settings
	mkdir -p "$RUN_DIR/snippets" "$RUN_DIR/servers" "$RUN_DIR/tmp"
	write_clario_conf || exit 2
	write_nginx_conf
}

# What the daemons have been told by their configuration, or is theirs alone, stays out of the environments that
# others may read.
launch_nginx() {
	# shellcheck disable=SC2094 # nothing here reads the log
	env -u CLARIO_SET -u PYTHON_API_JWT_SECRET -u INTERNAL_API_KEY "$NGINX" -p "$RUN_DIR/" -c "$RUN_DIR/nginx.conf" -e "$RUN_DIR/nginx-error.log" 2>>"$RUN_DIR/nginx-error.log"
}

# The process named in NAME's pid file, if it is alive and still that program.
pid_of() {
	pid=$(cat "$RUN_DIR/$1.pid" 2>/dev/null) && [ -n "$pid" ] && is_alive "$pid" || return 1
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] || return 1
	say "$pid"
}

launch() {
	# A checkout may be root's: in a container there is often nobody else.
	env -u CLARIO_SET CLARIO_ALLOW_ROOT=1 setsid "$B/$1" -c "$CONF" -p "$RUN_DIR/$1.pid" </dev/null >>"$RUN_DIR/$1.log" 2>&1 &
	launched="${launched:-} $!"
}

is_ready() {
	[ "$(ask /readyz --max-time 2 -o /dev/null -w '%{http_code}' 2>/dev/null)" = 200 ]
}

# Ready, and each daemon has written its pid: only then can stop find it.
is_started() {
	for daemon in $DAEMONS; do
		pid_of "$daemon" >/dev/null || return 1
	done
	is_ready
}

# Ends the wait when a daemon is gone, so that its reason is told at once.
is_started_or_dead() {
	is_started && return 0
	for pid in $launched; do
		is_alive "$pid" || return 0
	done
	return 1
}

tell_failure() {
	for log in clario-fcgi clario-events clario-worker nginx-error; do
		[ -s "$RUN_DIR/$log.log" ] || continue
		warn "the end of $RUN_DIR/$log.log:"
		tail -n 5 "$RUN_DIR/$log.log" >&2
	done
}

# What the instance was started with; a start with other settings is not done by one that runs already.
settings() {
	say "PORT=$PORT B=$B KEEP_CONN=${KEEP_CONN:-off}"
	configuration_rows
}

start_again() {
	if is_ready && settings | cmp -s - "$RUN_DIR/settings"; then
		say "clario-workflow is running already on http://127.0.0.1:$PORT ($RUN_DIR)"
		exit 0
	fi
	die 1 "an instance is running in $RUN_DIR, with other settings or not ready: stop it first"
}

check_configuration() {
	for daemon in clario-fcgi clario-events clario-worker; do
		[ -x "$B/$daemon" ] || die 1 "$B/$daemon is not built: run make"
		"$B/$daemon" -t -c "$CONF" >/dev/null || exit 78
	done
}

start() {
	check_settings
	for daemon in $DAEMONS; do
		! pid_of "$daemon" >/dev/null || start_again
	done
	configure
	check_configuration
	"$B/clario-spool" -c "$CONF" init --if-missing >/dev/null || die 1 "the spool could not be created"
	# shellcheck disable=SC3045 # dash, bash and busybox know it
	ulimit -n "$(ulimit -H -n)"
	launch clario-fcgi
	launch clario-events
	launch clario-worker
	if ! launch_nginx || ! wait_until 20 is_started_or_dead || ! is_started; then
		tell_failure
		stop >/dev/null
		die 1 "the instance did not become ready"
	fi
	settings >"$RUN_DIR/settings"
	say "clario-workflow answers on http://127.0.0.1:$PORT/api/v1/workflow (files in $RUN_DIR)"
	say "the ops page is http://127.0.0.1:$PORT/workflow/"
}

is_gone() {
	! pid_of "$1" >/dev/null
}

# stop_daemon NAME SIGNAL SECONDS: ask, wait, and in the end insist.
stop_daemon() {
	pid=$(pid_of "$1") || return 0
	kill -s "$2" "$pid" 2>/dev/null || return 0
	wait_until "$3" is_gone "$1" && return 0
	warn "$1 ($pid) did not end within $3 s: killed"
	kill -s KILL "$pid" 2>/dev/null || true
	wait_until 5 is_gone "$1" || true
	stopped_hard=1
}

# From the outside in: nothing new arrives while the inner ones finish. The worker has its worker.stop-grace. Streams
# are ended first: nginx would wait for them.
stop() {
	stopped_hard=0
	stop_daemon clario-events TERM 10
	stop_daemon nginx QUIT 8
	stop_daemon clario-fcgi TERM 10
	stop_daemon clario-worker TERM 30
	for daemon in $DAEMONS; do
		rm -f "$RUN_DIR/$daemon.pid"
	done
	say "clario-workflow is stopped ($RUN_DIR)"
	return "$stopped_hard"
}

status() {
	running=0
	for daemon in $DAEMONS; do
		if pid=$(pid_of "$daemon"); then
			say "$daemon: running, pid $pid"
			running=$((running + 1))
		else
			say "$daemon: not running"
		fi
	done
	if [ "$running" -eq 4 ] && is_ready; then
		say "ready on http://127.0.0.1:$PORT/api/v1/workflow"
		return 0
	fi
	say "not ready"
	return 3
}

case ${1:-} in
configure | start | stop | status) "$1" ;;
*) die 2 "usage: ${0##*/} configure|start|stop|status" ;;
esac

# tests/bench/servers.sh: what is measured side by side, as servers of the instance's one nginx. Sourced.
# shellcheck shell=sh
#
#   static    nginx alone: return 200            noop, noop-kept   nginx and libfcgi with a handler that does nothing
#   real, real-kept   clario-fcgi                bull, bullmq      Express and a queue on Redis
# "kept": nginx keeps its connections to the handler open (fastcgi_keep_conn). The peers' are always kept.

CLARIO_THREADS=16   # as shipped
NOOP_THREADS=64     # what measured best for libfcgi's thread per request
NOOP_KEPT_THREADS=544 # one for each connection that nginx may keep
KEEPALIVE=256

# port_of SUBJECT
port_of() {
	case $1 in
	real) say "$PORT" ;;
	noop) say $((PORT + 2)) ;;
	static) say $((PORT + 3)) ;;
	real-kept) say $((PORT + 4)) ;;
	noop-kept) say $((PORT + 5)) ;;
	bull) say $((PORT + 6)) ;;
	bullmq) say $((PORT + 7)) ;;
	esac
}
PORTS=12 # and four more: Redis, Express with Bull, Express with BullMQ, a receiver that is dead
redis_port() { say $((PORT + 8)); }
dead_port() { say $((PORT + 11)); }
# web_port KIND
web_port() {
	case $1 in
	bull) say $((PORT + 9)) ;;
	bullmq) say $((PORT + 10)) ;;
	esac
}

# add_fcgi_server SUBJECT UPSTREAM SOCKET KEEP: as the instance's own server, but for the handler behind it.
add_fcgi_server() {
	snippets=$RUN_DIR/snippets
	edits="s/fastcgi_pass clario_workflow/fastcgi_pass $2/"
	keepalive=
	[ "$4" = off ] || edits="$edits;s/keep_conn off/keep_conn on/" keepalive="keepalive $KEEPALIVE;"
	sed "$edits" "$snippets/clario-workflow-pass.conf" >"$RUN_DIR/servers/$1-pass.inc"
	{
		say "upstream $2 { server unix:$RUN_DIR/$3; $keepalive }"
		say "server {"
		say "listen 127.0.0.1:$(port_of "$1") backlog=1024;"
		say "access_log $RUN_DIR/$1-access.log clario buffer=32k flush=1s;"
		sed "s|snippets/clario-workflow-pass.conf|servers/$1-pass.inc|" "$snippets/clario-workflow.conf"
		say "}"
	} >"$RUN_DIR/servers/$1.conf"
}

# add_peer_server KIND
add_peer_server() {
	{
		say "upstream bench_$1 { server 127.0.0.1:$(web_port "$1"); keepalive $KEEPALIVE; }"
		say "server {"
		say "listen 127.0.0.1:$(port_of "$1") backlog=1024;"
		say "access_log $RUN_DIR/$1-access.log clario buffer=32k flush=1s;"
		say "location / { proxy_pass http://bench_$1; proxy_http_version 1.1; proxy_set_header Connection \"\"; }"
		say "}"
	} >"$RUN_DIR/servers/$1.conf"
}

add_static_server() {
	{
		say "server {"
		say "listen 127.0.0.1:$(port_of static) backlog=1024;"
		say "access_log $RUN_DIR/static-access.log clario buffer=32k flush=1s;"
		say "location / { default_type application/json; return 200 '{\"success\":true,\"phase\":2}'; }"
		say "}"
	} >"$RUN_DIR/servers/static.conf"
}

# instance COMMAND ROWS
instance() {
	CLARIO_SET="http.threads=$CLARIO_THREADS worker.in-flight=64 phase.2.awaited=no phase.3.awaited=no $2 ${CLARIO_SET:-}" packaging/checkout/instance.sh "$1"
}

# configure_servers ROWS
configure_servers() {
	instance configure "$1"
	add_static_server
	add_fcgi_server noop bench_noop noop.sock off
	add_fcgi_server noop-kept bench_noop_kept noop-kept.sock on
	add_fcgi_server real-kept bench_real_kept fcgi.sock on
	add_peer_server bull
	add_peer_server bullmq
}

# remember NAME PID: stop_all ends it.
remember() {
	say "$2" >"$RUN_DIR/$1.bench-pid"
}

pid_of() {
	cat "$RUN_DIR/$1.bench-pid" "$RUN_DIR/clario-$1.pid" 2>/dev/null | head -n 1
}

start_noop() {
	"$B/bench-noop" "$RUN_DIR/noop.sock" "$NOOP_THREADS" >"$RUN_DIR/noop.log" 2>&1 &
	remember noop $!
	"$B/bench-noop" "$RUN_DIR/noop-kept.sock" "$NOOP_KEPT_THREADS" >"$RUN_DIR/noop-kept.log" 2>&1 &
	remember noop-kept $!
}

# start_servers [COMMAND...]: the command, run when the ports are known, says further configuration rows.
start_servers() {
	packaging/checkout/instance.sh stop >/dev/null 2>&1 || true
	rm -rf "$RUN_DIR"
	PORT=$(free_ports 8280 "$PORTS") || die 1 "no $PORTS free ports from 8280 on"
	export PORT
	rows=$("$@")
	configure_servers "$rows"
	start_noop
	instance start "$rows" >/dev/null
}

stop_servers() {
	for file in "$RUN_DIR"/*.bench-pid; do
		[ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
		rm -f "$file"
	done
	packaging/checkout/instance.sh stop >/dev/null 2>&1 || true
}

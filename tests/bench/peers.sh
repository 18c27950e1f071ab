# tests/bench/peers.sh: Redis and the Node programs of peers/. Sourced.
# shellcheck shell=sh

PEERS=$B/bench-peers

# The packages are the locked ones; they are fetched once, into the build directory.
install_peers() {
	mkdir -p "$PEERS"
	cp tests/bench/peers/* "$PEERS"
	! cmp -s "$PEERS/package-lock.json" "$PEERS/node_modules/.installed" || return 0
	(cd "$PEERS" && npm ci --omit=optional --no-audit --no-fund --loglevel=error >"$B/bench-npm.log" 2>&1) ||
		die 1 "npm ci failed, see $B/bench-npm.log"
	cp "$PEERS/package-lock.json" "$PEERS/node_modules/.installed"
}

# Every write is synced before it is answered: nothing less could be compared with a durable spool.
start_redis() {
	mkdir -p "$RUN_DIR/redis"
	redis-server --port "$(redis_port)" --bind 127.0.0.1 --dir "$RUN_DIR/redis" --save '' --appendonly yes \
		--appendfsync always --daemonize no >"$RUN_DIR/redis.log" 2>&1 &
	remember redis $!
	wait_until 10 redis_answers || die 1 "redis-server did not start, see $RUN_DIR/redis.log"
}

redis() { redis-cli -p "$(redis_port)" "$@"; }
redis_answers() { [ "$(redis ping 2>/dev/null)" = PONG ]; }

# node_run NAME SCRIPT ARGUMENT...
node_run() {
	script=$2
	name=$1
	shift 2
	NODE_ENV=production node "$PEERS/$script" "$@" >"$RUN_DIR/$name.log" 2>&1
}

# start_web KIND: its Express; warm after five seconds of load.
start_web() {
	NODE_ENV=production node "$PEERS/web.js" "$1" "$(web_port "$1")" "$(redis_port)" >"$RUN_DIR/$1-web.log" 2>&1 &
	remember "$1" $!
	wait_until 20 grep -qs listening "$RUN_DIR/$1-web.log" || die 1 "$1 did not start, see $RUN_DIR/$1-web.log"
	wrk -t 2 -c 64 -d 5s -s tests/bench/submit.lua "http://127.0.0.1:$(port_of "$1")" -- "$1-warm" >/dev/null
}

start_peers() {
	start_redis
	start_web bull
	start_web bullmq
}

# tests/bench/depth.sh: what depth costs: processor time and disk for each job, memory, a scrape, a cold start. Sourced.
# shellcheck shell=sh

MEMORY_JOBS=${BENCH_MEMORY_JOBS:-1000000}

measure_depth() {
	depths=
	for depth in 1000 10000 100000 1000000 10000000; do
		[ "$depth" -gt "$DEPTH_MAX" ] || depths="$depths $depth"
	done
	rm -rf "$B/bench-depth"
	# shellcheck disable=SC2086 # a list of numbers
	"$B/bench-spool" depth "$B/bench-depth" $depths >"$B/bench-depth.json"
	while read -r line; do
		figure depth "$line"
	done <"$B/bench-depth.json"
	rm -rf "$B/bench-depth"
	progress "depth: up to $DEPTH_MAX jobs"
}

# private_kib PID: memory of its own. The spool's file is mapped, shared with everybody and the kernel's to drop: it is
# left out, also where this process is the only one that has a page of it. The daemons let nobody but root look that
# closely; others get the nearest that everybody may read.
private_kib() {
	if ! head -c 1 "/proc/$1/smaps" >/dev/null 2>&1; then
		awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"
		return
	fi
	awk '/^[0-9a-f]+-[0-9a-f]+ / { counts = $0 !~ /data\.mdb/ }
		counts && /^Private_(Clean|Dirty):/ { sum += $2 }
		END { print sum + 0 }' "/proc/$1/smaps"
}

deliveries() { wc -l <"$RUN_DIR/receiver.log" 2>/dev/null || say 0; }
has_delivered() { [ "$(deliveries)" -gt "$1" ]; }
is_gone() { ! is_alive "$1"; }

# From the start of the worker's process to the first line in the receiver's log.
measure_cold_start() {
	worker=$(pid_of worker)
	kill "$worker"
	wait_until 30 is_gone "$worker" || die 1 "clario-worker did not stop"
	spool resume >/dev/null
	before=$(deliveries)
	began=$(date +%s%N)
	CLARIO_ALLOW_ROOT=1 "$B/clario-worker" -c "$RUN_DIR/clario.conf" -p "$RUN_DIR/clario-worker.pid" >>"$RUN_DIR/clario-worker.log" 2>&1 &
	remember cold-worker $!
	wait_until 60 has_delivered "$before" || die 1 "clario-worker delivered nothing within 60 s"
	ended=$(date +%s%N)
	spool pause >/dev/null
	figure cold "{\"jobs\":$MEMORY_JOBS,\"seconds\":$(say "$began $ended" | awk '{ print ($2 - $1) / 1e9 }')}"
}

# How long /metrics takes, through nginx: 300 scrapes one after the other, the first hundred not counted.
measure_scrape() {
	curl -s -o /dev/null -w '%{http_code} %{time_total}\n' "http://127.0.0.1:$PORT/metrics?[1-300]" |
		awk 'NR > 100 { print $2 * 1000; bad += $1 != 200 } END { exit bad > 0 }' | sort -n >"$B/bench-scrape.txt" ||
		die 1 "a scrape failed"
	figure scrape "{\"jobs\":$MEMORY_JOBS,\"p50_ms\":$(sed -n 100p "$B/bench-scrape.txt"),\"p99_ms\":$(sed -n 198p "$B/bench-scrape.txt")}"
}

# An instance of its own, so that the spool holds exactly so many jobs.
measure_memory() {
	stop_servers
	start_servers
	spool pause >/dev/null
	"$B/bench-spool" fill "$RUN_DIR/clario.conf" "$MEMORY_JOBS"
	measure_scrape
	submit_with real 64 memory >/dev/null
	for daemon in fcgi worker; do
		figure memory "{\"daemon\":\"clario-$daemon\",\"jobs\":$MEMORY_JOBS,\"kib\":$(private_kib "$(pid_of $daemon)")}"
	done
	measure_cold_start
	worker=$(pid_of cold-worker)
	figure memory "{\"daemon\":\"clario-worker, draining\",\"jobs\":$MEMORY_JOBS,\"kib\":$(private_kib "$worker")}"
	progress "memory and cold start at $MEMORY_JOBS jobs"
}

#!/bin/sh
# tests/slow/libfuzzer.sh: the fuzz targets by libFuzzer for LIBFUZZER_SECONDS (60) each, with jansson and LMDB from
# Debian's source packages instrumented like our own code.
set -eu
. tests/support/tap.sh

SECONDS_EACH=${LIBFUZZER_SECONDS:-60}
BUILD=${B:-build}/libfuzzer
SOURCES=$BUILD/src
INSTRUMENT=fuzzer-no-link,address,undefined

# Source packages need a deb-src entry: one for this fetch alone, so that the machine's own lists stay as they are.
fetch() {
	mkdir -p "$SCRATCH/apt/parts" "$SCRATCH/apt/lists/partial" "$SCRATCH/apt/cache/archives/partial" "$SOURCES"
	cat >"$SCRATCH/apt/parts/src.sources" <<-END
		Types: deb-src
		URIs: http://deb.debian.org/debian
		Suites: $(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	apt_here update && (cd "$SOURCES" && apt_here source --download-only jansson lmdb)
}

apt_here() {
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$SCRATCH/apt/parts" \
		-o Dir::State::lists="$SCRATCH/apt/lists" -o Dir::Cache="$SCRATCH/apt/cache" -o APT::Sandbox::User="" "$@"
}

# What jansson's configure finds on this Debian.
configure_jansson() {
	for feature in HAVE_ENDIAN_H HAVE_FCNTL_H HAVE_LOCALE_H HAVE_LOCALECONV HAVE_STDINT_H HAVE_STRTOLL HAVE_SYS_PARAM_H \
		HAVE_SYS_STAT_H HAVE_SYS_TIME_H HAVE_SYS_TYPES_H HAVE_UNISTD_H HAVE_ATOMIC_BUILTINS HAVE_SYNC_BUILTINS USE_URANDOM; do
		echo "#define $feature 1"
	done
	echo "#define INITIAL_HASHTABLE_ORDER 3"
}

compile() {
	for name in jansson lmdb; do
		mkdir -p "$SOURCES/$name"
		tar -xf "$(find "$SOURCES" -maxdepth 1 -name "${name}_*.orig.tar.*" ! -name '*.asc' | head -n 1)" \
			-C "$SOURCES/$name" --strip-components 1 || return
	done
	configure_jansson >"$SOURCES/jansson/src/jansson_private_config.h"
	mkdir -p "$BUILD/obj"
	for file in "$SOURCES"/jansson/src/*.c $(find "$SOURCES/lmdb" -name mdb.c -o -name midl.c); do
		case $file in */lmdb/*) from=lmdb ;; *) from=jansson ;; esac
		clang -std=gnu11 -g -O1 -w -fsanitize=fuzzer-no-link,address -I "$SOURCES/jansson/src" -DHAVE_CONFIG_H \
			-c -o "$BUILD/obj/$from-$(basename "$file" .c).o" "$file" || return
	done
	objects=$(echo "$BUILD"/obj/*.o)
	for target in $TARGETS; do
		set -- "$@" "$BUILD/tests/fuzz/libfuzzer_$target"
	done
	# Adding 0 to NULL, which C17 leaves open and C2y defines, is all that this one check would find.
	make --no-print-directory -j"$(nproc)" CC=clang CFLAGS=-fno-sanitize=pointer-overflow SAN=$INSTRUMENT B="$BUILD" FUZZ_OBJS="$objects" "$@"
}

run() {
	mkdir -p "$SCRATCH/corpus-$1"
	FUZZ_CORPUS=$SCRATCH/corpus-$1 ASAN_OPTIONS=detect_leaks=1 "$BUILD/tests/fuzz/libfuzzer_$1" -max_total_time="$SECONDS_EACH" -max_len=8192 -timeout=20 \
		-rss_limit_mb=2048 -artifact_prefix="$BUILD/died-$1-" -print_final_stats=1 "$SCRATCH/corpus-$1" >"$SCRATCH/$1.txt" 2>&1 &&
		return
	tail -n 60 "$SCRATCH/$1.txt"
	return 1
}

tell_counts() {
	awk -v target="$1" '
		/^stat::number_of_executed_units/ { n = $2 }
		/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
		/^INFO: Seed:/ { seed = $3 }
		END { printf "# report: %s: seed %s, %s executions, %s edges covered\n", target, seed, n, cov }' "$SCRATCH/$1.txt"
}

rm -rf "$BUILD"
TARGETS="bearer request record wire conf dump spool webhook"
if ! fetch >"$SCRATCH/fetch.txt" 2>&1; then
	sed 's/^/# /' "$SCRATCH/fetch.txt"
	skip "libFuzzer" "the source packages of jansson and LMDB cannot be had here"
	done_testing
	exit
fi
check "jansson, LMDB and the targets are built with instrumentation" compile
for target in $TARGETS; do
	check "$target stands whatever libFuzzer thinks of" run "$target"
	tell_counts "$target"
done
done_testing

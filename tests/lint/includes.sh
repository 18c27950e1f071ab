#!/bin/sh
# tests/lint/includes.sh: who may include whom. fcgi -> spool <- worker, spool/ctl -> spool, and inside spool
# base <- model <- store <- spool (and inside store, common <- each engine, none of which knows another); a library's header is included by the one room that hides it.
set -eu
. tests/support/tap.sh

# FILES (regex) may include only HEADERS (regex). The first row that matches the file counts.
cat >"$SCRATCH/edges" <<'END'
^spool/base/       ^spool/base/
^spool/model/      ^spool/(base|model)/
^spool/store/common/    ^spool/(base|model|store/common)/
^spool/store/lmdb/      ^spool/(base|model|store/common|store/lmdb)/|^spool/store/store[.]h$|^spool/spool[.]h$
^spool/store/postgres/  ^spool/(base|model|store/common|store/postgres)/|^spool/store/store[.]h$|^spool/spool[.]h$
^spool/store/      ^spool/(base|model)/|^spool/store/store[.]h$|^spool/spool[.]h$
^spool/dump/       ^spool/(base|model|dump)/
^spool/ctl/        ^spool/(base|model|dump|ctl)/|^spool/[^/]*$
^spool/[^/]*$      ^spool/(base|model)/|^spool/store/store[.]h$|^spool/[^/]*$
^fcgi/             ^spool/(base|model)/|^spool/[^/]*$|^fcgi/
^worker/           ^spool/(base|model)/|^spool/[^/]*$|^worker/
^tests/            .
END

# A library's HEADERS (regex) are included only by FILES (regex).
cat >"$SCRATCH/libraries" <<'END'
^lmdb[.]h$              ^spool/store/lmdb/|^tests/
^fcgi_stdio[.]h$        ^$
^(fcgiapp|fastcgi)[.]h$ ^fcgi/|^tests/
^curl/                  ^worker/|^tests/
^libsmartcols/          ^spool/ctl/
^openssl/               ^(worker|fcgi)/|^spool/(secret|webhook_sign)[.]c$|^tests/
^libpq-(fe|events)[.]h$  ^spool/store/postgres/|^tests/
^ini[.]h$               ^spool/base/
END

sources() {
	find fcgi spool worker tests -name '*.[ch]'
}

# Every include as `FILE KIND HEADER`.
includes() {
	sources | xargs sed -n -E 's/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]*).*/\1 \2/;T;F;p' | paste -d ' ' - -
}

inner_edges() {
	includes | awk -v rules="$SCRATCH/edges" '
		BEGIN { while ((getline row <rules) > 0) { split(row, part, " "); from[++n] = part[1]; to[n] = part[2] } }
		$2 == "\"" {
			for (i = 1; i <= n && $1 !~ from[i]; i++)
				;
			if (i > n || $3 !~ to[i]) {
				print $1 " may not include " $3
				bad = 1
			}
		}
		END { exit bad }'
}

library_edges() {
	includes | awk -v rules="$SCRATCH/libraries" '
		BEGIN { while ((getline row <rules) > 0) { split(row, part, " "); name[++n] = part[1]; by[n] = part[2] } }
		{
			for (i = 1; i <= n; i++)
				if ($3 ~ name[i] && $1 !~ by[i]) {
					print $1 " may not include " $3
					bad = 1
				}
		}
		END { exit bad }'
}

nobody_includes_tests() {
	! includes | awk '$1 !~ /^tests\// && $3 ~ /^tests\//' | grep .
}

every_header_is_guarded() {
	! sources | grep '[.]h$' | xargs grep -L '^#ifndef [A-Z0-9_]*_H$' | grep .
}

check "each room includes only what is below it" inner_edges
check "a library's headers stay in the room that hides it" library_edges
check "nothing includes tests" nobody_includes_tests
check "every header is guarded" every_header_is_guarded
done_testing

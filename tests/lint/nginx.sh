#!/bin/sh
# tests/lint/nginx.sh: nginx accepts the configurations: the checkout's instance, and the installed site.
set -eu
. tests/support/tap.sh

nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx)

instance_is_accepted() {
	PORT=18399 RUN_DIR=$SCRATCH/run packaging/checkout/instance.sh configure &&
		"$nginx" -t -p "$SCRATCH/run/" -c "$SCRATCH/run/nginx.conf" -e "$SCRATCH/error.log"
}

# As on a machine where it was installed: the site within an http block, the snippets beside it.
site_is_accepted() {
	mkdir -p "$SCRATCH/etc/snippets" &&
		cp nginx/clario-workflow*.conf "$SCRATCH/etc/snippets" &&
		sed "s|/var/log/nginx|$SCRATCH|" nginx/site.conf >"$SCRATCH/etc/site.conf" &&
		printf 'pid %s/pid;\nevents {}\nhttp {\n\tinclude site.conf;\n}\n' "$SCRATCH" >"$SCRATCH/etc/nginx.conf" &&
		"$nginx" -t -p "$SCRATCH/etc/" -c "$SCRATCH/etc/nginx.conf" -e "$SCRATCH/error.log"
}

# With a certificate that is nobody's.
tls_site_is_accepted() {
	sed -e "s|/var/log/nginx|$SCRATCH|" -e "s|/etc/ssl/[a-z]*/|$SCRATCH/|" nginx/site-tls.conf >"$SCRATCH/etc/site.conf" &&
		openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=workflow.example.com -days 2 \
			-keyout "$SCRATCH/workflow.example.com.key" -out "$SCRATCH/workflow.example.com.pem" &&
		"$nginx" -t -p "$SCRATCH/etc/" -c "$SCRATCH/etc/nginx.conf" -e "$SCRATCH/error.log"
}

kept_alive_is_accepted() {
	sed -i 's/^\([ \t]*\)#keepalive/\1keepalive/' "$SCRATCH/etc/snippets/clario-workflow-http.conf" &&
		sed -i 's/fastcgi_keep_conn off/fastcgi_keep_conn on/' "$SCRATCH/etc/snippets/clario-workflow-pass.conf" &&
		"$nginx" -t -p "$SCRATCH/etc/" -c "$SCRATCH/etc/nginx.conf" -e "$SCRATCH/error.log"
}

# Each location that hands requests on says so; that of webhooks alone passes headers that have no line of their own.
no_header_passes_by_itself() {
	awk '
		/^location/ { location = $0; said = 0 }
		/fastcgi_pass_request_headers off;/ { said = 1 }
		/fastcgi_pass_request_headers on;/ { said = 1; ok = location ~ /workflow\/webhooks\// && !n++; bad = bad || !ok }
		/clario-workflow-pass[.]conf;/ && !/^#/ && !said { print FILENAME ": " location; bad = 1 }
		END { exit bad || n != 1 }' nginx/*.conf nginx/*.in &&
		! grep -rn 'include fastcgi_params\|include fastcgi.conf' nginx
}

check "the checkout's instance" instance_is_accepted
check "the example site" site_is_accepted
check "the example site, kept alive" kept_alive_is_accepted
check "the example site with TLS" tls_site_is_accepted
check "no header passes by itself" no_header_passes_by_itself
done_testing

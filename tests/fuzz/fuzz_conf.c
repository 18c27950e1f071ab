/* tests/fuzz/fuzz_conf.c: the configuration file: it is taken whole, or refused with words. */
#include "tests/fuzz/fuzz.h"

#include "spool/opts.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const fuzz_seeds[] = {
	"[http]\nsocket = /run/x.sock\ntrusted-networks = 10.0.0.0/8, ::1\nmax-body = 1M\nthreads = 4\n",
	"[spool]\npath = /var/spool/x\nmap-size = 1G\nfull-at = 80\nmax-depth = 0\n",
	"[queue]\nordering = none\ndedupe-window = 7d\nkeep-completed = 1h30m\n",
	"[retry]\nattempts = 15\nbase = 2s\nfactor = 2.5\ncap = 1h\njitter = off\n[phase.7]\nfee-rate = "
	"0.20\n",
	"[call.sync]\nurl = /a/{user}\nmethod = POST\ntimeout = 30s\nrequired = no\n; comment\n# other\n",
	"[receiver.a]\nurl = http://a/\nrate = 0.5\nburst = 2\nbreaker-share = 0\n[call.b]\nphase = 3\n"
	"receiver = a\npath = /{payload.x}?u={user_id}\nsuccess = 2xx,200-204\nauth = header\n"
	"auth-header = X-Key\nsecret-file = k\nbody = {\"a\": ${payload},\n \"b\":[${payload.c}]}\n",
	"[webhook.a]\nsecret = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nphase = 6\nuser-id = /u\nclaim-id = "
	"/c\n"
	"reason = /r~1\n[webhook.b]\nsignature = hmac\nheader = X-S\nprefix = sha256=\nencoding = base64\n"
	"timestamp-header = X-T\ncontent = v0:{timestamp}:{body}\nsecret = 0123456789abcdef\ntype = /t\n"
	"paid = a, b\nuser-id = /u\nclaim-id = /c\namount = /a\namount-scale = 2\n",
	NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct opts opts;
	struct why why = WHY_INIT;
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (opts_load(path, &opts, &why) == ST_OK)
		opts_release(&opts);
	else
		must(why.text[0] != '\0');
	close(fd);
	return 0;
}

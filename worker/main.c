/* worker/main.c: clario-worker: from the command line to delivering and back. */
#include "spool/base/jx.h"
#include "spool/base/log.h"
#include "spool/daemon.h"
#include "spool/meter.h"
#include "worker/loop.h"
#include "worker/policy.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static void tell_ready(void)
{
	log_info("event=started version=%s pid=%ld", CLARIO_VERSION, (long)getpid());
	sd_notify(0, "READY=1");
}

/* Before any thread exists, so that all inherit it and the signals are only read from the descriptor. */
static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* libcurl is told not to handle signals, so this is ours */
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static enum status deliver(
	const struct opts *opts, const struct daemon_args *args, int signal_fd, struct why *why)
{
	struct spool_conf conf = opts_spool_conf(opts);
	struct spool *spool;
	enum status st = spool_open(&conf, &spool, why);
	if (st != ST_OK)
		return st;
	daemon_open_meter(opts->spool.path, METER_WORKER);
	for (size_t i = 0; i < opts->receivers_n; i++)
		meter_expect(METER_RECEIVERS, opts->receivers[i].name);
	st = daemon_write_pid(args->pid_file, why);
	if (st == ST_OK)
		st = loop_run(opts, spool, signal_fd, tell_ready, why);
	sd_notify(0, "STOPPING=1");
	if (st == ST_IO && spool_is_broken(spool))
		st = ST_BUSY; /* opened anew it may work: ask to be restarted */
	spool_close(spool);
	meter_close();
	if (args->pid_file)
		unlink(args->pid_file);
	return st;
}

/* What libraries would take from there, beyond what the calls are told: proxies (each call also says none),
 * the file that session keys of TLS are written to, other names for hosts. */
static void clean_environment(void)
{
	static const char *const names[] = {"SSLKEYLOGFILE", "HOSTALIASES", "http_proxy", "https_proxy",
		"all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy", "NO_PROXY"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

static int run(const struct opts *opts, const struct daemon_args *args)
{
	struct why why = WHY_INIT;
	int signal_fd = open_signals();
	clean_environment();
	srandom((unsigned)(clock_mono_us() ^ getpid()));
	jx_init();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	enum status st = deliver(opts, args, signal_fd, &why);
	curl_global_cleanup();
	close(signal_fd);
	if (st == ST_OK)
		log_info("event=stopped");
	else
		log_err("event=stopped status=%s err=%s", status_name(st), LOG_QT(why.text));
	return daemon_exit_code(st);
}

int main(int argc, char **argv)
{
	static const struct daemon_command commands[] = {
		{"policy", "--phase N [--outage DURATION] [--rate N]",
			"print what the retry rules come to: every try, and the load after an outage",
			policy_main},
	};
	return daemon_main_with("clario-worker", argc, argv, opts_load_for_calls, run, commands,
		sizeof commands / sizeof *commands);
}

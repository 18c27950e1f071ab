/* fcgi/main.c: clario-fcgi: from the command line to serving and back. The order is: configuration, signals,
 * spool, socket, threads, READY=1; and the reverse to stop. */
#include "fcgi/app.h"
#include "fcgi/server.h"
#include "fcgi/tokens.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"
#include "spool/daemon.h"
#include "spool/spool.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum { TEND_MS = 250, ARENAS_MAX = 4, MMAP_THRESHOLD = 256 << 10, COUNTS_SHARE = 4 };

/* Before any thread exists, so that all inherit it and only the main thread hears the signals. libfcgi takes
 * SIGTERM and SIGUSR1 for itself where they are at their default, and would only set a flag that nobody
 * reads. */
static void block_signals(sigset_t *set)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Tend the threads until a signal says stop, or the spool is beyond help. Returns the exit code. */
static int wait_for_end(struct app *app, struct server *server, const sigset_t *signals)
{
	const struct timespec step = {0, TEND_MS * 1000000L};
	struct watchdog dog;
	watchdog_init(&dog);
	for (;;) {
		int signo = sigtimedwait(signals, NULL, &step);
		if (signo == SIGTERM || signo == SIGINT) {
			log_info("event=stopping signal=%s", signo == SIGTERM ? "TERM" : "INT");
			return DAEMON_STOPPED;
		}
		if (spool_is_broken(app->spool)) {
			log_err("event=stopping err=\"the spool must be opened anew\"");
			return DAEMON_RESTART;
		}
		tokens_tend(app->tokens, app->spool);
		server_tend(server);
		if (watchdog_is_alive(&dog, server_pulse(server)))
			watchdog_feed(&dog);
	}
}

/* The socket is there before READY=1, and threads serve it. */
static int serve(struct app *app, const struct daemon_args *args, const sigset_t *signals)
{
	struct listener listener;
	struct server *server;
	struct why why = WHY_INIT;
	const struct http_opts *http = &app->opts->http;
	enum status st = listener_open(http->socket, (int)http->backlog, &listener, &why);
	if (st == ST_OK)
		st = daemon_write_pid(args->pid_file, &why);
	if (st == ST_OK)
		st = server_start(app, &listener, &server, &why);
	if (st != ST_OK) {
		log_err("event=start err=%s", LOG_QT(why.text));
		listener_retire(&listener);
		_exit(daemon_exit_code(st));
	}
	log_info("event=started version=%s pid=%ld threads=%lld socket=%s spool=%s", CLARIO_VERSION,
		(long)getpid(), (long long)http->threads, listener.is_shared ? "systemd" : http->socket,
		app->opts->spool.path);
	sd_notify(0, "READY=1");
	int code = wait_for_end(app, server, signals);
	sd_notify(0, "STOPPING=1");
	listener_retire(&listener);
	if (!server_stop(server)) {
		log_err("event=stopped err=\"a thread did not end\"");
		_exit(DAEMON_RESTART);
	}
	listener_close(&listener);
	if (args->pid_file)
		unlink(args->pid_file);
	log_info("event=stopped");
	return code;
}

/* Before the first request: whoever has a token is to be known from the start. */
static enum status open_tokens(struct app *app, struct why *why)
{
	app->tokens = tokens_new();
	if (!app->tokens)
		return why_set(why, ST_NOMEM, "out of memory");
	enum status st = tokens_renew(app->tokens, app->spool, why);
	if (st != ST_OK) {
		tokens_free(app->tokens);
		app->tokens = NULL;
	}
	return st;
}

static int run(const struct opts *opts, const struct daemon_args *args)
{
	sigset_t signals;
	struct why why = WHY_INIT;
	struct spool_conf conf = opts_spool_conf(opts);
	struct app app = {.opts = opts, .large_parse = PTHREAD_MUTEX_INITIALIZER};
	budget_init(&app.bodies, opts->http.body_budget);
	budget_init(&app.counts, (opts->http.threads + COUNTS_SHARE - 1) / COUNTS_SHARE);
	block_signals(&signals);
	/* One arena per thread would hold on to far more than is used; large buffers go back when they are
	 * freed. */
	mallopt(M_ARENA_MAX, ARENAS_MAX);
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	tzset(); /* it would read its file at the first time that is told */
	jx_init();
	if (opts_has_rates(opts) && !(app.rate = rate_new())) {
		log_err("event=start err=\"out of memory\"");
		return daemon_exit_code(ST_NOMEM);
	}
	enum status st = spool_open(&conf, &app.spool, &why);
	if (st == ST_OK)
		st = open_tokens(&app, &why);
	if (st != ST_OK) {
		rate_free(app.rate);
		log_err("event=start err=%s", LOG_QT(why.text));
		spool_close(app.spool);
		return daemon_exit_code(st);
	}
	daemon_open_meter(opts->spool.path, METER_FCGI);
	for (enum problem p = PROBLEM_NONE + 1; p < PROBLEM_N; p++)
		meter_expect(METER_CODES, problem_code(p)); /* so that the first of each is an increase */
	int code = serve(&app, args, &signals);
	meter_close();
	tokens_free(app.tokens);
	spool_close(app.spool);
	rate_free(app.rate);
	return code;
}

int main(int argc, char **argv)
{
	return daemon_main("clario-fcgi", argc, argv, opts_load_for_intake, run);
}

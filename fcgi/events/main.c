/* fcgi/events/main.c: clario-events: from the command line to serving and back. A process of its own, so that
 * thousands of streams that wait never stand in the way of a trigger that is to be taken. It only reads the
 * spool. */
#include "fcgi/events/hub.h"
#include "spool/base/clock.h"
#include "spool/base/jx.h"
#include "spool/base/log.h"
#include "spool/daemon.h"
#include "spool/spool.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum { FILES_BESIDE = 1024, ARENAS_MAX = 1, TRIM_THRESHOLD = 1 << 20, MMAP_THRESHOLD = 256 << 10 };

static enum status open_signals(int *fd, struct why *why)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigdelset(&set, SIGHUP); /* blocked, and not heard: as in clario-fcgi */
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd >= 0 ? ST_OK : why_errno(why, errno, "cannot hear signals");
}

/* A descriptor for each stream. */
static void raise_files(int64_t streams)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)streams + FILES_BESIDE;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < want)
		log_warning("event=few_files limit=%llu wanted=%llu", (unsigned long long)limit.rlim_cur,
			(unsigned long long)want);
}

static enum status open_all(const struct opts *opts, const struct daemon_args *args, struct spool *spool,
	struct listener *listener, struct hub **hub, struct why *why)
{
	enum status st = listener_open(opts->events.socket, (int)opts->http.backlog, listener, why);
	if (st == ST_OK)
		st = daemon_write_pid(args->pid_file, why);
	return st == ST_OK ? hub_new(opts, spool, listener, hub, why) : st;
}

static int serve(const struct opts *opts, const struct daemon_args *args, struct spool *spool, int signal_fd)
{
	struct listener listener;
	struct hub *hub = NULL;
	struct why why = WHY_INIT;
	enum status st = open_all(opts, args, spool, &listener, &hub, &why);
	if (st != ST_OK) {
		log_err("event=start err=%s", LOG_QT(why.text));
		listener_retire(&listener);
		listener_close(&listener);
		return daemon_exit_code(st);
	}
	log_info("event=started version=%s pid=%ld socket=%s spool=%s", CLARIO_VERSION, (long)getpid(),
		listener.is_shared ? "systemd" : opts->events.socket, opts->spool.path);
	sd_notify(0, "READY=1");
	bool is_told = hub_run(hub, signal_fd);
	sd_notify(0, "STOPPING=1");
	if (is_told)
		log_info("event=stopping");
	else
		log_err("event=stopping err=\"the spool must be opened anew\"");
	listener_retire(&listener);
	hub_end(hub);
	hub_free(hub);
	listener_close(&listener);
	if (args->pid_file)
		unlink(args->pid_file);
	log_info("event=stopped");
	return is_told ? DAEMON_STOPPED : DAEMON_RESTART;
}

static int run(const struct opts *opts, const struct daemon_args *args)
{
	int signal_fd = -1;
	struct spool *spool;
	struct why why = WHY_INIT;
	struct spool_conf conf = opts_spool_conf(opts);
	conf.read_only = true;
	mallopt(M_ARENA_MAX, ARENAS_MAX);
	mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	tzset();
	srandom((unsigned)(clock_mono_us() ^ getpid()));
	jx_init();
	raise_files(opts->events.max_listeners);
	enum status st = open_signals(&signal_fd, &why);
	if (st == ST_OK)
		st = spool_open(&conf, &spool, &why);
	if (st != ST_OK) {
		log_err("event=start err=%s", LOG_QT(why.text));
		return daemon_exit_code(st);
	}
	int code = serve(opts, args, spool, signal_fd);
	spool_close(spool);
	close(signal_fd);
	return code;
}

int main(int argc, char **argv)
{
	return daemon_main("clario-events", argc, argv, opts_load, run);
}

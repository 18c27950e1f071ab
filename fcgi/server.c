/* fcgi/server.c: see server.h.
 *
 * The accepting is done here and not by libfcgi, whose own ends the thread at EMFILE, waits two seconds on a
 * silent newcomer, and can only be woken by shutting down the listener, which under socket activation is not
 * ours to shut down. So a connection is accepted first, put under watch, and handed to FCGX_Accept_r() as one
 * that it kept from an earlier request (ipcFd set, keepConnection 1): it then goes straight to reading. With
 * no listener of its own (-1) it comes back when that connection has ended. */
#include "fcgi/server.h"

#include "fcgi/watch.h"
#include "fcgi/wire.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	STACK_SIZE = 256 << 10, /* the JSON parser recurses at most 64 levels deep */
	SILENCE_MS = 10000,     /* longest time for a whole request to be read, or an answer to be written */
	KEPT_IDLE_MS = 75000,   /* a kept connection without a request; nginx closes its own after 60 s */
	ACCEPT_PAUSE_MS = 10,
	DRAIN_MS = 1000,      /* at stop: what has connected already is still accepted for this long */
	STOP_GRACE_MS = 2500, /* then what is being read or written is shut down */
	STOP_LIMIT_MS = 4500,
	LOG_EVERY_MS = 5000,
};

struct seat {
	struct server *server;
	pthread_t thread;
	struct watch watch;
	struct wire wire;
};

struct server {
	struct app *app;
	const struct listener *listener;
	int stop_fd; /* readable from the moment of stopping on */
	int64_t stopped_mono_us;
	struct log_limit accept_limit, silence_limit;
	size_t n;
	struct seat seats[];
};

static void accept_failed(struct server *s, int err)
{
	unsigned long suppressed;
	if (log_allowed(&s->accept_limit, LOG_EVERY_MS, &suppressed))
		log_warning("event=accept_failed err=%s suppressed=%lu", LOG_QT(strerror(err)), suppressed);
	clock_sleep_ms(ACCEPT_PAUSE_MS);
}

/* A newcomer that went away again before it was accepted; there is nothing wrong with us. */
static bool is_passing(int err)
{
	return err == EINTR || err == ECONNABORTED || err == EPROTO;
}

static bool may_accept(const struct server *s)
{
	if (!atomic_load(&s->app->stopping))
		return true;
	return !s->listener->is_shared && clock_mono_us() - s->stopped_mono_us < DRAIN_MS * INT64_C(1000);
}

/* The next connection, or -1 when the server is stopping. epoll_fd waits for the listener and for the stop.
 */
static int next_connection(struct server *s, int epoll_fd)
{
	struct epoll_event event;
	while (may_accept(s)) {
		int fd = accept4(s->listener->fd, NULL, NULL, SOCK_CLOEXEC);
		int err = errno;
		if (fd >= 0)
			return fd;
		if (err != EAGAIN && !is_passing(err))
			accept_failed(s, err);
		else if (err == EAGAIN && atomic_load(&s->app->stopping))
			return -1;
		else if (err == EAGAIN)
			epoll_wait(epoll_fd, &event, 1, -1);
	}
	return -1;
}

/* Wait for the next request on a kept connection. */
static bool has_next_request(struct server *s, int fd)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
	int n;
	do
		n = poll(fds, 2, KEPT_IDLE_MS);
	while (n < 0 && errno == EINTR);
	return n > 0 && (fds[0].revents & POLLIN);
}

/* Detached: when libfcgi closes the connection it does so at once, without lingering for the peer to close
 * first. There is nothing to linger for: bytes written to a UNIX socket stay readable. */
static bool accept_request(struct seat *seat, FCGX_Request *fcgi)
{
	fcgi->keepConnection = 1;
	FCGX_Detach(fcgi);
	watch_set(&seat->watch, WATCH_READING);
	bool ok = FCGX_Accept_r(fcgi) == 0;
	FCGX_Detach(fcgi);
	return ok;
}

static void serve_connection(struct seat *seat, int fd)
{
	struct server *s = seat->server;
	FCGX_Request fcgi;
	if (!watch_open(&seat->watch, fd)) {
		accept_failed(s, errno);
		close(fd);
		return;
	}
	FCGX_InitRequest(&fcgi, -1, 0);
	fcgi.ipcFd = fd;
	while (fcgi.ipcFd >= 0 && accept_request(seat, &fcgi)) {
		int keeps = fcgi.keepConnection;
		wire_serve(&seat->wire, s->app, &fcgi, &seat->watch);
		watch_set(&seat->watch, WATCH_IDLE);
		FCGX_Finish_r(&fcgi);
		if (!keeps || fcgi.ipcFd < 0 || !has_next_request(s, fcgi.ipcFd))
			break;
	}
	if (fcgi.ipcFd >= 0)
		FCGX_Free(&fcgi, 1);
	watch_close(&seat->watch);
}

static int open_epoll(const struct server *s)
{
	struct epoll_event listener = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	struct epoll_event stop = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd >= 0 && (epoll_ctl(fd, EPOLL_CTL_ADD, s->listener->fd, &listener) != 0 ||
			       epoll_ctl(fd, EPOLL_CTL_ADD, s->stop_fd, &stop) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void *serve(void *arg)
{
	struct seat *seat = arg;
	struct server *s = seat->server;
	int epoll_fd, fd;
	while ((epoll_fd = open_epoll(s)) < 0 && !atomic_load(&s->app->stopping))
		accept_failed(s, errno);
	while (epoll_fd >= 0 && (fd = next_connection(s, epoll_fd)) >= 0)
		serve_connection(seat, fd);
	if (epoll_fd >= 0)
		close(epoll_fd);
	return NULL;
}

static enum status start_threads(struct server *s, size_t wanted, struct why *why)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);
	if (err == 0)
		err = pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (err == 0 && s->n < wanted) {
		struct seat *seat = &s->seats[s->n];
		seat->server = s;
		watch_init(&seat->watch);
		wire_init(&seat->wire, s->app->opts->http.max_body);
		err = pthread_create(&seat->thread, &attr, serve, seat);
		if (err == 0)
			s->n++;
		else
			watch_destroy(&seat->watch);
	}
	pthread_attr_destroy(&attr);
	return err ? why_errno(why, err, "cannot start thread %zu of %zu", s->n + 1, wanted) : ST_OK;
}

enum status server_start(
	struct app *app, const struct listener *listener, struct server **out, struct why *why)
{
	size_t n = (size_t)app->opts->http.threads;
	*out = NULL;
	if (FCGX_Init() != 0)
		return why_set(why, ST_IO, "libfcgi cannot be initialised");
	struct server *s = calloc(1, sizeof *s + n * sizeof s->seats[0]);
	if (!s)
		return why_set(why, ST_NOMEM, "out of memory");
	s->app = app;
	s->listener = listener;
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	enum status st = s->stop_fd >= 0 ? start_threads(s, n, why) : why_errno(why, errno, "eventfd");
	if (st == ST_OK)
		*out = s;
	else
		server_stop(s);
	return st;
}

static void sweep(struct server *s, int64_t limit_ms)
{
	unsigned long suppressed;
	int64_t now = clock_mono_us();
	for (size_t i = 0; i < s->n; i++)
		if (watch_sweep(&s->seats[i].watch, now, limit_ms) &&
			log_allowed(&s->silence_limit, LOG_EVERY_MS, &suppressed))
			log_warning("event=silent_peer limit_ms=%lld suppressed=%lu", (long long)limit_ms,
				suppressed);
}

void server_tend(struct server *server)
{
	sweep(server, SILENCE_MS);
}

static bool join_until(struct seat *seat, int64_t limit_mono_us)
{
	int64_t left_us = limit_mono_us - clock_mono_us();
	struct timespec at;
	clock_gettime(CLOCK_REALTIME, &at);
	int64_t ns = at.tv_nsec + (left_us > 0 ? left_us : 0) * 1000;
	at.tv_sec += ns / 1000000000;
	at.tv_nsec = ns % 1000000000;
	return pthread_timedjoin_np(seat->thread, NULL, &at) == 0;
}

bool server_stop(struct server *server)
{
	uint64_t one = 1;
	size_t joined = 0;
	int64_t begin = clock_mono_us();
	server->stopped_mono_us = begin;
	atomic_store(&server->app->stopping, true);
	if (server->stop_fd >= 0 && write(server->stop_fd, &one, sizeof one) < 0)
		log_err("event=stop err=%s", LOG_QT(strerror(errno)));
	while (joined < server->n &&
		join_until(&server->seats[joined], begin + STOP_GRACE_MS * INT64_C(1000)))
		joined++;
	sweep(server, 0);
	while (joined < server->n &&
		join_until(&server->seats[joined], begin + STOP_LIMIT_MS * INT64_C(1000)))
		joined++;
	if (joined < server->n)
		return false;
	for (size_t i = 0; i < server->n; i++) {
		watch_destroy(&server->seats[i].watch);
		wire_release(&server->seats[i].wire);
	}
	if (server->stop_fd >= 0)
		close(server->stop_fd);
	free(server);
	return true;
}

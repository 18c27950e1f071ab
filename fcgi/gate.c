/* fcgi/gate.c: see gate.h.
 *
 * The accepting is done here and not by libfcgi, whose own ends the thread at EMFILE, waits two seconds on a
 * silent newcomer, and can only be woken by shutting down the listener, which under socket activation is not
 * ours to shut down. */
#include "fcgi/gate.h"

#include "fcgi/dispatch.h"
#include "fcgi/thread.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	ACCEPT_TURN = 64, /* newcomers at a time, so that kept connections are heard, too */
	TICK_MS = 250,
	RETRY_MS = 5,         /* when there is no room or no descriptor for a newcomer, and while stopping */
	SILENCE_MS = 10000,   /* a newcomer that sends nothing */
	KEPT_IDLE_MS = 75000, /* a kept connection without a request; nginx closes its own after 60 s */
	KEPT_CROWDED_MS = 1000, /* the same when there is no room for newcomers */
	DRAIN_MS = 1000,        /* at stop: what has connected already is still accepted for this long */
	LOG_EVERY_MS = 5000,
};

struct gate {
	struct app *app;
	const struct listener *listener;
	struct conns *conns;
	struct desks *desks;
	struct committer *committer;
	int stop_fd; /* readable from the moment of stopping on */
	_Atomic int64_t stopped_us, grace_until_us;
	bool has_backlog; /* the listener may hold newcomers that were not accepted yet */
	bool is_crowded;  /* and they cannot be accepted now */
	int64_t swept_us;
	struct log_limit accept_limit, silence_limit;
	pthread_t thread;
	pulse pulse;
};

static bool is_stopping(const struct gate *g)
{
	return atomic_load(&g->app->stopping);
}

/* A request that is there whole: it is taken without waiting, and so is all that can be. */
static void begin(struct gate *g, struct conn *c)
{
	if (!wire_take(&c->wire)) {
		conn_close(c);
		return;
	}
	switch (dispatch_begin(g->app, &c->wire.request, &c->intake, &c->wire.reply)) {
	case DISPATCH_ANSWERED:
		conn_answer(c);
		break;
	case DISPATCH_SUBMIT:
		committer_add(g->committer, c);
		break;
	case DISPATCH_MAY_BLOCK:
		c->is_taken = true;
		desks_add(g->desks, c);
		break;
	}
}

static void receive(struct gate *g, struct conn *c)
{
	enum conn_state state = conn_wake(c);
	switch (wire_look(&c->wire)) {
	case WIRE_NOTHING:
		conn_wait(c, state);
		break;
	case WIRE_ENDED:
	case WIRE_BROKEN:
		conn_close(c);
		break;
	case WIRE_WHOLE:
		conn_begin(c);
		begin(g, c);
		break;
	case WIRE_PARTIAL:
	case WIRE_BODY:
		conn_begin(c);
		desks_add(g->desks, c);
		break;
	}
}

/* A newcomer that went away again before it was accepted; there is nothing wrong with us. */
static bool is_passing(int err)
{
	return err == EINTR || err == ECONNABORTED || err == EPROTO;
}

static void accept_failed(struct gate *g, int err)
{
	unsigned long suppressed;
	g->has_backlog = err != EAGAIN;
	g->is_crowded = err != EAGAIN && !is_passing(err);
	if (g->is_crowded && log_allowed(&g->accept_limit, LOG_EVERY_MS, &suppressed))
		log_warning("event=accept_failed err=%s suppressed=%lu", LOG_QT(strerror(err)), suppressed);
}

static bool has_room(struct gate *g)
{
	if (!conns_full(g->conns))
		return true;
	conns_sweep(g->conns, INT64_MAX, KEPT_CROWDED_MS * INT64_C(1000));
	return !conns_full(g->conns);
}

static void accept_some(struct gate *g)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		g->is_crowded = !has_room(g);
		if (g->is_crowded)
			return;
		int fd = accept4(g->listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			accept_failed(g, errno);
			return;
		}
		receive(g, conn_open(g->conns, fd));
	}
}

static void sweep(struct gate *g)
{
	unsigned long suppressed;
	int64_t now = clock_mono_us(), fresh_ms = SILENCE_MS, kept_ms = KEPT_IDLE_MS;
	if (is_stopping(g)) {
		fresh_ms = now >= atomic_load(&g->grace_until_us) ? 0 : SILENCE_MS;
		kept_ms = 0;
	} else if (now - g->swept_us < TICK_MS * INT64_C(1000)) {
		return;
	}
	g->swept_us = now;
	if (conns_sweep(g->conns, fresh_ms * 1000, kept_ms * 1000) > 0 &&
		log_allowed(&g->silence_limit, LOG_EVERY_MS, &suppressed))
		log_warning(
			"event=silent_peer limit_ms=%lld suppressed=%lu", (long long)fresh_ms, suppressed);
}

/* Whether newcomers are still let in. */
static bool is_open(const struct gate *g)
{
	if (!is_stopping(g))
		return true;
	return !g->listener->is_shared &&
	       clock_mono_us() - atomic_load(&g->stopped_us) < DRAIN_MS * INT64_C(1000);
}

static bool is_over(const struct gate *g)
{
	if (!is_stopping(g) || (g->has_backlog && is_open(g)))
		return false;
	return conns_waiting(g->conns) == 0;
}

static int wait_ms(const struct gate *g)
{
	if (g->has_backlog && !g->is_crowded)
		return 0;
	return g->has_backlog || is_stopping(g) ? RETRY_MS : TICK_MS;
}

static void *run(void *arg)
{
	struct gate *g = arg;
	struct epoll_event events[EVENTS];
	while (!is_over(g)) {
		pulse_beat(&g->pulse);
		int n = epoll_wait(g->conns->epoll_fd, events, EVENTS, wait_ms(g));
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == g)
				g->has_backlog = true;
			else
				receive(g, events[i].data.ptr);
		}
		if (g->has_backlog && is_open(g))
			accept_some(g);
		sweep(g);
	}
	return NULL;
}

/* Edge-triggered: each says once that there is something to look at. */
static bool watch_both(struct gate *g)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = g};
	int epoll_fd = g->conns->epoll_fd;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, g->listener->fd, &event) == 0 &&
	       epoll_ctl(epoll_fd, EPOLL_CTL_ADD, g->stop_fd, &event) == 0;
}

static void release(struct gate *g)
{
	if (g->stop_fd >= 0)
		close(g->stop_fd);
	free(g);
}

enum status gate_start(struct app *app, const struct listener *listener, struct conns *conns,
	struct desks *desks, struct committer *committer, struct gate **out, struct why *why)
{
	struct gate *g = calloc(1, sizeof *g);
	*out = NULL;
	if (!g)
		return why_set(why, ST_NOMEM, "out of memory");
	g->app = app;
	g->listener = listener;
	g->conns = conns;
	g->desks = desks;
	g->committer = committer;
	g->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	enum status st = g->stop_fd >= 0 && watch_both(g) ? ST_OK : why_errno(why, errno, "epoll");
	if (st == ST_OK)
		st = thread_start(&g->thread, run, g, "gate", why);
	if (st == ST_OK)
		*out = g;
	else
		release(g);
	return st;
}

pulse *gate_pulse(struct gate *g)
{
	return &g->pulse;
}

bool gate_end(struct gate *g, int64_t grace_until_us, int64_t until_mono_us)
{
	uint64_t one = 1;
	atomic_store(&g->grace_until_us, grace_until_us);
	atomic_store(&g->stopped_us, clock_mono_us());
	atomic_store(&g->app->stopping, true);
	if (write(g->stop_fd, &one, sizeof one) < 0)
		log_err("event=stop err=%s", LOG_QT(strerror(errno)));
	if (!thread_join(g->thread, until_mono_us))
		return false;
	release(g);
	return true;
}

/* fcgi/server.c: see server.h. What starts last ends first: the gate, which brings the work in, then the
 * desks, then the committer, to which both bring theirs. */
#include "fcgi/server.h"

#include "fcgi/gate.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	SILENCE_MS = 10000,   /* longest time for a whole request to be read, or an answer to be written */
	STOP_GRACE_MS = 2500, /* at stop: then what is being read or written is shut down */
	STOP_LIMIT_MS = 4500,
	STOP_POLL_MS = 2,
	LOG_EVERY_MS = 5000,
};

struct server {
	struct app *app;
	struct conns conns;
	struct desks *desks;
	struct committer *committer;
	struct gate *gate;
	struct log_limit silence_limit;
};

enum status server_start(
	struct app *app, const struct listener *listener, struct server **out, struct why *why)
{
	const struct http_opts *http = &app->opts->http;
	*out = NULL;
	if (FCGX_Init() != 0)
		return why_set(why, ST_IO, "libfcgi cannot be initialised");
	struct server *s = calloc(1, sizeof *s);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!s || epoll_fd < 0)
		return why_errno(why, errno, "cannot start the server");
	s->app = app;
	enum status st = conns_init(&s->conns, app, (size_t)http->connections, epoll_fd, why);
	if (st == ST_OK)
		st = desks_start(app, (size_t)http->threads, &s->desks, why);
	if (st == ST_OK)
		st = committer_start(app, &s->committer, why);
	if (st == ST_OK)
		st = gate_start(app, listener, &s->conns, s->desks, s->committer, &s->gate, why);
	if (st == ST_OK)
		*out = s;
	else
		server_stop(s);
	return st;
}

static void sweep_desks(struct server *s, int64_t limit_ms)
{
	unsigned long suppressed;
	if (s->desks && desks_sweep(s->desks, limit_ms * 1000) > 0 &&
		log_allowed(&s->silence_limit, LOG_EVERY_MS, &suppressed))
		log_warning(
			"event=silent_peer limit_ms=%lld suppressed=%lu", (long long)limit_ms, suppressed);
}

void server_tend(struct server *server)
{
	sweep_desks(server, SILENCE_MS);
}

pulse *server_pulse(struct server *server)
{
	return gate_pulse(server->gate);
}

/* What the committer was given last is answered by its threads, which are not waited for one by one. */
static bool wait_for_answers(struct server *s, int64_t until_us)
{
	while (atomic_load(&s->conns.busy) > 0) {
		if (clock_mono_us() > until_us)
			return false;
		clock_sleep_ms(STOP_POLL_MS);
	}
	return true;
}

static bool end_desks(struct server *s, int64_t grace_until_us, int64_t until_us)
{
	if (!s->desks)
		return true;
	desks_end(s->desks);
	if (!desks_join(s->desks, grace_until_us)) {
		sweep_desks(s, 0);
		if (!desks_join(s->desks, until_us))
			return false;
	}
	desks_free(s->desks);
	return true;
}

bool server_stop(struct server *s)
{
	int64_t now = clock_mono_us();
	int64_t grace_until = now + STOP_GRACE_MS * INT64_C(1000),
		until = now + STOP_LIMIT_MS * INT64_C(1000);
	if (s->gate && !gate_end(s->gate, grace_until, until))
		return false;
	if (!end_desks(s, grace_until, until) || !wait_for_answers(s, until))
		return false;
	if (s->committer && !committer_end(s->committer, until))
		return false;
	int epoll_fd = s->conns.epoll_fd;
	conns_release(&s->conns);
	close(epoll_fd);
	free(s);
	return true;
}

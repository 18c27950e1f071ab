/* fcgi/desk.c: see desk.h. */
#include "fcgi/desk.h"

#include "fcgi/dispatch.h"
#include "fcgi/thread.h"
#include "fcgi/watch.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"
#include "spool/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

enum { PARAMS_MS = 10000, LOOK_AGAIN_MS = 5 };

struct desk {
	struct desks *all;
	pthread_t thread;
	struct watch watch;
};

struct desks {
	struct app *app;
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	struct conn *first, **last;
	bool is_ending;
	size_t n, joined;
	struct desk items[];
};

static bool set_blocking(int fd, bool blocks)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && fcntl(fd, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

/* Until all of the parameters are there: libfcgi must not be let at them before they have been looked at.
 * What is there already stays readable, so only the passing of time, or the peer's end, can be waited for. */
static bool has_params(const struct desk *desk, const struct conn *c)
{
	int64_t until = clock_mono_us() + PARAMS_MS * INT64_C(1000);
	enum wire_sight sight;
	while ((sight = wire_look(&c->wire)) == WIRE_PARTIAL || sight == WIRE_NOTHING) {
		struct pollfd end = {.fd = c->wire.fcgi.ipcFd, .events = POLLRDHUP};
		if (clock_mono_us() > until || atomic_load(&desk->all->app->stopping) ||
			poll(&end, 1, LOOK_AGAIN_MS) > 0)
			return false;
	}
	return sight == WIRE_BODY || sight == WIRE_WHOLE;
}

/* A request that another thread has taken is ready to be worked on. */
static bool take(struct desk *desk, struct conn *c)
{
	if (c->is_taken)
		return true;
	if (!has_params(desk, c))
		return false;
	watch_set(&desk->watch, WATCH_READING);
	bool is_taken = wire_take(&c->wire);
	watch_set(&desk->watch, WATCH_IDLE);
	return is_taken;
}

static void serve(struct desk *desk, struct conn *c)
{
	struct app *app = desk->all->app;
	int fd = c->wire.fcgi.ipcFd;
	bool stays = false;
	if (!watch_open(&desk->watch, fd) || !set_blocking(fd, true)) {
		log_warning("event=connection_dropped err=%s", LOG_QT(strerror(errno)));
	} else if (take(desk, c)) {
		dispatch(app, &c->wire.request, &c->wire.reply);
		watch_set(&desk->watch, WATCH_WRITING);
		stays = wire_answer(&c->wire) && set_blocking(fd, false);
	}
	watch_close(&desk->watch);
	c->is_taken = false;
	if (stays)
		conn_wait(c, CONN_KEPT);
	else
		conn_close(c);
}

/* NULL: the end. */
static struct conn *next_in_line(struct desks *all)
{
	pthread_mutex_lock(&all->lock);
	while (!all->first && !all->is_ending)
		pthread_cond_wait(&all->arrived, &all->lock);
	struct conn *c = all->first;
	if (c)
		all->first = c->next;
	if (!all->first)
		all->last = &all->first;
	pthread_mutex_unlock(&all->lock);
	return c;
}

static void *run(void *arg)
{
	struct desk *desk = arg;
	struct conn *c;
	meter_add(METER_THREADS, 1);
	while ((c = next_in_line(desk->all))) {
		meter_add(METER_THREADS_BUSY, 1);
		serve(desk, c);
		meter_add(METER_THREADS_BUSY, -1);
	}
	meter_add(METER_THREADS, -1);
	return NULL;
}

enum status desks_start(struct app *app, size_t n, struct desks **out, struct why *why)
{
	enum status st = ST_OK;
	struct desks *all = calloc(1, sizeof *all + n * sizeof all->items[0]);
	*out = NULL;
	if (!all)
		return why_set(why, ST_NOMEM, "out of memory");
	all->app = app;
	all->last = &all->first;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->arrived, NULL);
	while (st == ST_OK && all->n < n) {
		struct desk *desk = &all->items[all->n];
		desk->all = all;
		watch_init(&desk->watch);
		st = thread_start(&desk->thread, run, desk, "desk", why);
		all->n += st == ST_OK;
	}
	if (st == ST_OK) {
		*out = all;
		return ST_OK;
	}
	desks_end(all);
	if (desks_join(all, INT64_MAX))
		desks_free(all);
	return st;
}

void desks_add(struct desks *all, struct conn *c)
{
	c->next = NULL;
	pthread_mutex_lock(&all->lock);
	*all->last = c;
	all->last = &c->next;
	pthread_mutex_unlock(&all->lock);
	pthread_cond_signal(&all->arrived);
}

size_t desks_sweep(struct desks *all, int64_t limit_us)
{
	int64_t now = clock_mono_us();
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++)
		n += watch_sweep(&all->items[i].watch, now, limit_us / 1000);
	return n;
}

void desks_end(struct desks *all)
{
	pthread_mutex_lock(&all->lock);
	all->is_ending = true;
	pthread_mutex_unlock(&all->lock);
	pthread_cond_broadcast(&all->arrived);
}

bool desks_join(struct desks *all, int64_t until_mono_us)
{
	while (all->joined < all->n && thread_join(all->items[all->joined].thread, until_mono_us))
		all->joined++;
	return all->joined == all->n;
}

void desks_free(struct desks *all)
{
	for (size_t i = 0; i < all->n; i++)
		watch_destroy(&all->items[i].watch);
	pthread_cond_destroy(&all->arrived);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* spool/store/postgres/links.c: see links.h. */
#include "spool/store/postgres/links.h"

#include "spool/base/clock.h"
#include "spool/base/log.h"
#include "spool/store/postgres/link.h"

#include <libpq-events.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { IDLE_MAX = 8, PAUSE_MS = 20, PAUSE_MAX_MS = 640, AWAY_MS = 100, AWAY_MAX_MS = 500 };
/* A connection that takes longer than this is none to wait for, while a server is silent. */
enum { ASK_MAX_US = 1500000 };

struct links {
	char *conninfo;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	PGconn *idle[IDLE_MAX];
	size_t idle_n, wanted;
	uint64_t begun, ended; /* attempts to connect, by number */
	int64_t asked_at_us;
	bool is_away, is_asked, is_ending, has_keeper;
	int users;       /* the store and the keeper: the last one frees it */
	unsigned chance; /* of a wait */
	struct why why;  /* of the last attempt */
};

enum status links_new(struct links **out, const char *conninfo, struct why *why)
{
	pthread_condattr_t mono;
	struct links *l = calloc(1, sizeof *l);
	*out = l;
	if (l)
		l->conninfo = strdup(conninfo);
	if (!l || !l->conninfo) {
		free(l);
		*out = NULL;
		return why_set(why, ST_NOMEM, "out of memory");
	}
	if (getrandom(&l->chance, sizeof l->chance, 0) != sizeof l->chance)
		l->chance = (unsigned)clock_mono_us();
	l->users = 1;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&l->changed, &mono);
	pthread_condattr_destroy(&mono);
	return ST_OK;
}

static void leave(struct links *l)
{
	pthread_mutex_lock(&l->lock);
	bool is_last = --l->users == 0;
	pthread_mutex_unlock(&l->lock);
	if (!is_last)
		return;
	while (l->idle_n)
		PQfinish(l->idle[--l->idle_n]);
	explicit_bzero(l->conninfo, strlen(l->conninfo)); /* there may be a password in it */
	free(l->conninfo);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* The keeper may be in the middle of an attempt: it is not waited for. */
void links_free(struct links *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->is_ending = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	leave(l);
}

/* With the lock held. */
static int roll_ms(struct links *l, int ms)
{
	l->chance = l->chance * 1664525u + 1013904223u; /* Numerical Recipes: it only spreads them */
	return ms / 2 + (int)((l->chance >> 16) % (unsigned)ms);
}

/* With the lock held: until something changes, or then. */
static void wait_until(struct links *l, int64_t until_mono_us)
{
	struct timespec until = {
		.tv_sec = until_mono_us / 1000000, .tv_nsec = until_mono_us % 1000000 * 1000};
	pthread_cond_timedwait(&l->changed, &l->lock, &until);
}

/* --- the keeper --- */

static int on_event(PGEventId id, void *info, void *arg)
{
	(void)id;
	(void)info;
	(void)arg;
	return 1;
}

struct links *links_of(const PGconn *conn)
{
	return PQinstanceData(conn, on_event);
}

static bool has_work(const struct links *l)
{
	return l->is_away || l->is_asked || l->wanted > l->idle_n;
}

static void note_away(struct links *l, bool is_away)
{
	if (is_away && !l->is_away)
		log_warning("event=primary_away why=%s", LOG_QT(l->why.text));
	if (!is_away && l->is_away)
		log_info("event=primary_back");
	l->is_away = is_away;
}

/* An attempt is still under way, but nobody shall wait for it. */
static void give_up(struct links *l, const char *what)
{
	why_set(&l->why, ST_BUSY, "no primary answers: %s", what);
	note_away(l, true);
}

/* With the lock held, which it lets go meanwhile. */
static void try_once(struct links *l)
{
	PGconn *conn;
	struct why why = WHY_INIT;
	uint64_t number = ++l->begun;
	l->is_asked = false;
	pthread_mutex_unlock(&l->lock);
	enum status st = link_connect(l->conninfo, &conn, &why);
	if (st == ST_OK && PQregisterEventProc(conn, on_event, "clario", NULL))
		PQsetInstanceData(conn, on_event, l);
	pthread_mutex_lock(&l->lock);
	l->ended = number;
	l->why = why;
	note_away(l, st != ST_OK);
	if (st == ST_OK && l->idle_n < IDLE_MAX && !l->is_ending) {
		l->idle[l->idle_n++] = conn;
		conn = NULL;
	}
	pthread_cond_broadcast(&l->changed);
	if (st == ST_OK && conn) {
		pthread_mutex_unlock(&l->lock);
		PQfinish(conn);
		pthread_mutex_lock(&l->lock);
	}
}

static void *keep(void *arg)
{
	struct links *l = arg;
	int away_ms = AWAY_MS;
	pthread_mutex_lock(&l->lock);
	while (!l->is_ending) {
		if (!has_work(l)) {
			pthread_cond_wait(&l->changed, &l->lock);
			continue;
		}
		try_once(l);
		if (!l->is_away) {
			away_ms = AWAY_MS;
			continue;
		}
		int64_t until_us = clock_mono_us() + roll_ms(l, away_ms) * INT64_C(1000);
		while (!l->is_ending && clock_mono_us() < until_us)
			wait_until(l, until_us);
		away_ms = away_ms * 2 < AWAY_MAX_MS ? away_ms * 2 : AWAY_MAX_MS;
	}
	pthread_mutex_unlock(&l->lock);
	leave(l);
	return NULL;
}

/* Signals are for the program's own threads. With the lock held. */
static void start_keeper(struct links *l)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, before;
	if (l->has_keeper)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	l->users++;
	l->has_keeper = pthread_create(&thread, &attr, keep, l) == 0;
	if (!l->has_keeper) {
		l->users--;
		why_set(&l->why, ST_NOMEM, "no thread could be started");
	}
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- its callers --- */

static enum status refuse(const struct links *l, struct why *why)
{
	if (why)
		*why = l->why;
	return ST_BUSY;
}

enum status links_take(struct links *l, int wait_ms, PGconn **out, struct why *why)
{
	int64_t until_us = clock_mono_us() + wait_ms * INT64_C(1000);
	enum status st = ST_OK;
	*out = NULL;
	pthread_mutex_lock(&l->lock);
	start_keeper(l);
	l->wanted++;
	pthread_cond_broadcast(&l->changed);
	while (l->has_keeper && !l->idle_n && !l->is_away && clock_mono_us() < until_us)
		wait_until(l, until_us);
	l->wanted--;
	if (!l->idle_n && l->has_keeper && !l->is_away)
		give_up(l, "nothing was heard in time");
	if (l->idle_n)
		*out = l->idle[--l->idle_n];
	else
		st = refuse(l, why);
	pthread_mutex_unlock(&l->lock);
	return st;
}

bool links_are_away(struct links *l)
{
	pthread_mutex_lock(&l->lock);
	bool are = l->is_away;
	pthread_mutex_unlock(&l->lock);
	return are;
}

/* After a fail-over all of them lead nowhere. With the lock held. */
static size_t drop_idle(struct links *l, PGconn *old[IDLE_MAX])
{
	size_t n = l->idle_n;
	memcpy(old, l->idle, n * sizeof *old);
	l->idle_n = 0;
	return n;
}

void links_give(struct links *l, PGconn *conn, bool is_good)
{
	PGconn *old[IDLE_MAX + 1];
	size_t n = 0;
	is_good = is_good && PQstatus(conn) == CONNECTION_OK && PQtransactionStatus(conn) == PQTRANS_IDLE;
	pthread_mutex_lock(&l->lock);
	if (!is_good)
		n = drop_idle(l, old);
	if (is_good && l->idle_n < IDLE_MAX)
		l->idle[l->idle_n++] = conn;
	else
		old[n++] = conn;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	while (n)
		PQfinish(old[--n]);
}

void links_pause(struct links *l, int attempt)
{
	int ms = PAUSE_MS;
	for (int i = 0; i < attempt && ms < PAUSE_MAX_MS; i++)
		ms *= 2;
	pthread_mutex_lock(&l->lock);
	ms = roll_ms(l, ms);
	pthread_mutex_unlock(&l->lock);
	clock_sleep_ms(ms);
}

uint64_t links_ask(struct links *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t asked = l->begun;
	l->is_asked = true;
	l->asked_at_us = clock_mono_us();
	start_keeper(l);
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return asked;
}

enum link_life links_answer(struct links *l, uint64_t asked, struct why *why)
{
	pthread_mutex_lock(&l->lock);
	if (l->ended <= asked && clock_mono_us() - l->asked_at_us > ASK_MAX_US)
		give_up(l, "a connection is not to be had either");
	enum link_life life = l->is_away ? LINK_IS_AWAY : l->ended > asked ? LINK_LIVES : LINK_UNKNOWN;
	if (life == LINK_IS_AWAY)
		refuse(l, why);
	pthread_mutex_unlock(&l->lock);
	return life;
}

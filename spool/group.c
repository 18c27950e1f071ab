/* spool/group.c: see group.h. */
#include "spool/group.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* A batch is bounded so that its transaction's dirty pages are (LMDB holds 131072 of them) and latency stays
 * even. */
enum { BATCH_TRIGGERS_MAX = 2048, BATCH_BYTES_MAX = 64 << 20 };

/* One caller. It lives on the caller's stack until the caller has been woken. */
struct waiter {
	struct waiter *next;
	const struct trigger *triggers;
	struct receipt *receipts;
	size_t n, bytes;
	struct moment now;
	enum status status;
	struct why why;
	bool leads; /* woken to lead the next batch, not because it is done */
	sem_t woken;
};

struct group {
	const struct store_ops *ops;
	struct store *store;
	pthread_mutex_t lock;
	struct waiter *first, **last; /* in order of arrival */
	bool busy;                    /* somebody leads */
	struct submission *list;      /* the leader's */
	size_t list_cap;
};

struct group *group_new(const struct store_ops *ops, struct store *store)
{
	struct group *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->ops = ops;
	g->store = store;
	g->last = &g->first;
	pthread_mutex_init(&g->lock, NULL);
	return g;
}

void group_free(struct group *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g->list);
	free(g);
}

/* Take waiters from the front until the batch is large enough. Called with the lock held. */
static struct waiter *take_batch(struct group *g, size_t *n)
{
	struct waiter *batch = g->first, **end = &batch;
	size_t bytes = 0;
	*n = 0;
	while (*end && (*n == 0 || (*n + (*end)->n <= BATCH_TRIGGERS_MAX &&
					   bytes + (*end)->bytes <= BATCH_BYTES_MAX))) {
		*n += (*end)->n;
		bytes += (*end)->bytes;
		end = &(*end)->next;
	}
	g->first = *end;
	if (!g->first)
		g->last = &g->first;
	*end = NULL;
	return batch;
}

static enum status lay_out(struct group *g, const struct waiter *batch, size_t n)
{
	if (n > g->list_cap) {
		struct submission *list = reallocarray(g->list, n, sizeof *list);
		if (!list)
			return ST_NOMEM;
		g->list = list;
		g->list_cap = n;
	}
	size_t at = 0;
	for (const struct waiter *w = batch; w; w = w->next)
		for (size_t i = 0; i < w->n; i++)
			g->list[at++] = (struct submission){&w->triggers[i], &w->receipts[i]};
	return ST_OK;
}

static void refuse_all(struct waiter *w, enum status st, const struct why *why)
{
	w->status = st;
	w->why = *why;
	for (size_t i = 0; i < w->n; i++)
		w->receipts[i] = (struct receipt){.verdict = SUBMIT_REFUSED, .status = st, .why = *why};
}

/* Commit a batch and fill in each waiter's verdict. Without the lock. */
static void commit_batch(struct group *g, struct waiter *batch, size_t n, struct moment now)
{
	struct why why = WHY_INIT;
	enum status st = lay_out(g, batch, n);
	if (st == ST_OK)
		st = g->ops->submit(g->store, now, g->list, n, &why);
	else
		why_set(&why, st, "out of memory while gathering a batch");
	for (struct waiter *w = batch; w; w = w->next) {
		w->status = ST_OK;
		if (st != ST_OK)
			refuse_all(w, st, &why);
	}
}

/* Wake all of a batch but self. A waiter's memory is gone as soon as it has been woken. */
static void wake_batch(struct waiter *batch, const struct waiter *self)
{
	while (batch) {
		struct waiter *w = batch;
		batch = w->next;
		if (w != self)
			sem_post(&w->woken);
	}
}

static void lead(struct group *g, struct waiter *self)
{
	size_t n;
	pthread_mutex_lock(&g->lock);
	struct waiter *batch = take_batch(g, &n);
	pthread_mutex_unlock(&g->lock);
	commit_batch(g, batch, n, self->now);
	pthread_mutex_lock(&g->lock);
	struct waiter *heir = g->first;
	g->busy = heir != NULL;
	if (heir)
		heir->leads = true;
	pthread_mutex_unlock(&g->lock);
	/* The heir first: its commit can begin while the others are being woken. */
	if (heir)
		sem_post(&heir->woken);
	wake_batch(batch, self);
}

enum status group_submit(struct group *g, struct moment now, const struct trigger *triggers, size_t n,
	struct receipt *receipts, struct why *why)
{
	struct waiter self = {.triggers = triggers, .receipts = receipts, .n = n, .now = now};
	for (size_t i = 0; i < n; i++)
		self.bytes += triggers[i].payload.len;
	sem_init(&self.woken, 0, 0);
	pthread_mutex_lock(&g->lock);
	*g->last = &self;
	g->last = &self.next;
	bool leads = !g->busy;
	g->busy = true;
	pthread_mutex_unlock(&g->lock);
	if (!leads)
		while (sem_wait(&self.woken) != 0)
			; /* EINTR */
	/* The first in line leads, and a batch always takes the first: whoever leads is in its own batch. */
	if (leads || self.leads)
		lead(g, &self);
	sem_destroy(&self.woken);
	if (self.status != ST_OK && why)
		*why = self.why;
	return self.status;
}

/* spool/group.c: see group.h. */
#include "spool/group.h"

#include "spool/base/clock.h"
#include "spool/meter.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* A batch is bounded so that its transaction's dirty pages are (LMDB holds 131072 of them) and latency stays
 * even. */
enum { BATCH_TRIGGERS_MAX = 2048, BATCH_BYTES_MAX = 64 << 20 };

struct group {
	const struct store_ops *ops;
	struct store *store;
	pthread_mutex_t lock;
	struct submit *first, **last; /* in order of arrival */
	bool busy;                    /* somebody leads, or was told to */
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

/* Take submits from the front until the batch is large enough. Called with the lock held. */
static struct submit *take_batch(struct group *g, size_t *n)
{
	struct submit *batch = g->first, **end = &batch;
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

static enum status lay_out(struct group *g, const struct submit *batch, size_t n)
{
	if (n > g->list_cap) {
		struct submission *list = reallocarray(g->list, n, sizeof *list);
		if (!list)
			return ST_NOMEM;
		g->list = list;
		g->list_cap = n;
	}
	size_t at = 0;
	for (const struct submit *s = batch; s; s = s->next)
		for (size_t i = 0; i < s->n; i++)
			g->list[at++] = (struct submission){&s->triggers[i], &s->receipts[i]};
	return ST_OK;
}

static void refuse_all(struct submit *s, enum status st, const struct why *why)
{
	s->status = st;
	s->why = *why;
	for (size_t i = 0; i < s->n; i++)
		s->receipts[i] = (struct receipt){.verdict = SUBMIT_REFUSED, .status = st, .why = *why};
}

/* Without the lock. */
static enum status commit_batch(struct group *g, struct submit *batch, size_t n, struct why *why)
{
	enum status st = lay_out(g, batch, n);
	if (st != ST_OK)
		return why_set(why, st, "out of memory while gathering a batch");
	return g->ops->submit(g->store, batch->now, g->list, n, why);
}

static void give_verdict(struct submit *s, enum status st, const struct why *why)
{
	s->status = ST_OK;
	if (st != ST_OK)
		refuse_all(s, st, why);
	for (size_t i = 0; i < s->n; i++)
		meter_submitted(&s->triggers[i], &s->receipts[i]);
}

void group_lead(struct group *g)
{
	struct why why = WHY_INIT;
	size_t n;
	pthread_mutex_lock(&g->lock);
	struct submit *batch = take_batch(g, &n);
	pthread_mutex_unlock(&g->lock);
	int64_t began_us = clock_mono_us();
	enum status st = commit_batch(g, batch, n, &why);
	pthread_mutex_lock(&g->lock);
	struct submit *heir = g->first;
	g->busy = heir != NULL;
	pthread_mutex_unlock(&g->lock);
	/* The heir first: its commit can begin while this one is made lasting and answered. It stays in line,
	 * and in place, until somebody leads, which nobody does before this. */
	if (heir)
		heir->lead(heir);
	if (st == ST_OK)
		st = g->ops->sync(g->store, &why);
	meter_committed(METER_SUBMIT, clock_mono_us() - began_us, n);
	while (batch) {
		struct submit *s = batch;
		batch = s->next; /* s is gone as soon as it is done */
		give_verdict(s, st, &why);
		s->done(s);
	}
}

void group_begin(struct group *g, struct submit *s)
{
	s->next = NULL;
	s->bytes = 0;
	for (size_t i = 0; i < s->n; i++)
		s->bytes += s->triggers[i].payload.len;
	pthread_mutex_lock(&g->lock);
	*g->last = s;
	g->last = &s->next;
	bool leads = !g->busy;
	g->busy = true;
	pthread_mutex_unlock(&g->lock);
	if (leads)
		s->lead(s);
}

/* A submit whose caller waits for it. It lives on the caller's stack until it is done. */
struct waiter {
	struct submit submit;
	bool leads, is_done; /* why it was woken; each is written before woken is posted */
	sem_t woken;
};

static void wake_to_lead(struct submit *s)
{
	struct waiter *w = (struct waiter *)s;
	w->leads = true;
	sem_post(&w->woken);
}

static void wake_done(struct submit *s)
{
	struct waiter *w = (struct waiter *)s;
	w->is_done = true;
	sem_post(&w->woken);
}

enum status group_submit(struct group *g, struct moment now, const struct trigger *triggers, size_t n,
	struct receipt *receipts, struct why *why)
{
	struct waiter self = {.submit = {.triggers = triggers,
				      .n = n,
				      .receipts = receipts,
				      .now = now,
				      .done = wake_done,
				      .lead = wake_to_lead}};
	sem_init(&self.woken, 0, 0);
	group_begin(g, &self.submit);
	do {
		while (sem_wait(&self.woken) != 0)
			; /* EINTR */
		/* Who heads the line is in the batch that it leads. */
		if (self.leads && !self.is_done) {
			self.leads = false;
			group_lead(g);
		}
	} while (!self.is_done);
	sem_destroy(&self.woken);
	if (self.submit.status != ST_OK && why)
		*why = self.submit.why;
	return self.submit.status;
}

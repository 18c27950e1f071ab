/* fcgi/committer.c: see committer.h. */
#include "fcgi/committer.h"

#include "fcgi/dispatch.h"
#include "fcgi/thread.h"

#include <semaphore.h>
#include <stdlib.h>

enum { THREADS = 3 }; /* one commits, one syncs, one answers */

struct committer {
	struct spool *spool;
	sem_t leads; /* how many times spool_lead() is asked for */
	atomic_bool is_ending;
	size_t n;
	pthread_t threads[THREADS];
};

static void *run(void *arg)
{
	struct committer *committer = arg;
	for (;;) {
		if (sem_wait(&committer->leads) != 0)
			continue; /* EINTR */
		if (atomic_load(&committer->is_ending))
			return NULL;
		spool_lead(committer->spool);
	}
}

/* A submit and its committer, found again from the submit. */
static struct conn *conn_of(struct submit *submit)
{
	return (struct conn *)((char *)submit - offsetof(struct conn, intake.submit));
}

static void ask_to_lead(struct submit *submit)
{
	sem_post(&conn_of(submit)->committer->leads);
}

static void answer(struct submit *submit)
{
	struct conn *c = conn_of(submit);
	dispatch_end(&c->wire.request, &c->intake, &c->wire.reply);
	conn_answer(c);
}

void committer_add(struct committer *committer, struct conn *conn)
{
	struct submit *submit = &conn->intake.submit;
	conn->committer = committer;
	submit->lead = ask_to_lead;
	submit->done = answer;
	spool_submit_begin(committer->spool, submit);
}

enum status committer_start(struct app *app, struct committer **out, struct why *why)
{
	enum status st = ST_OK;
	struct committer *committer = calloc(1, sizeof *committer);
	*out = NULL;
	if (!committer)
		return why_set(why, ST_NOMEM, "out of memory");
	committer->spool = app->spool;
	sem_init(&committer->leads, 0, 0);
	while (st == ST_OK && committer->n < THREADS) {
		st = thread_start(&committer->threads[committer->n], run, committer, "committer", why);
		committer->n += st == ST_OK;
	}
	if (st == ST_OK)
		*out = committer;
	else
		committer_end(committer, INT64_MAX);
	return st;
}

bool committer_end(struct committer *committer, int64_t until_mono_us)
{
	atomic_store(&committer->is_ending, true);
	for (size_t i = 0; i < committer->n; i++)
		sem_post(&committer->leads);
	for (size_t i = 0; i < committer->n; i++)
		if (!thread_join(committer->threads[i], until_mono_us))
			return false;
	sem_destroy(&committer->leads);
	free(committer);
	return true;
}

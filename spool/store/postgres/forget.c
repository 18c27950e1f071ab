/* spool/store/postgres/forget.c: a person leaves the spool, and the jobs stay: a bounded number of jobs, or
 * of events, in each transaction. */
#include "spool/store/postgres/verbs.h"

enum { JOBS_MAX = 64, EVENTS_MAX = 512, LOOK_MAX = 4096 };

struct step {
	const struct forget_ask *ask;
	struct forget *forget;
	uint64_t jobs, events, records, live;
};

/* A changed event takes the place of the old one. */
static void put_event(struct tx *tx, const struct event *event)
{
	struct args args = ARGS_INIT;
	record_encode_event(event, &tx->scratch);
	arg_int(&args, (int64_t)event->seq);
	arg_bytes(&args, buf_slice(&tx->scratch));
	tx_exec(tx, "UPDATE clario_event SET record = $2 WHERE seq = $1", &args);
	args_release(&args);
}

/* --- jobs --- */

static bool is_shared(struct tx *tx, const struct job *job)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, job->workflow_id);
	arg_bytes(&args, job->user_id);
	PGresult *r =
		tx_query(tx, "SELECT 1 FROM clario_job WHERE workflow = $1 AND person <> $2 LIMIT 1", &args);
	bool is = r && PQntuples(r);
	PQclear(r);
	args_release(&args);
	return is;
}

static void forget_history(struct tx *tx, struct step *s, struct job_id id)
{
	struct args args = ARGS_INIT;
	arg_id(&args, id);
	PGresult *r = tx_query(tx, "SELECT seq, record FROM clario_event WHERE job = $1 ORDER BY seq", &args);
	for (int i = 0; r && i < PQntuples(r) && tx->st == ST_OK; i++) {
		struct event event;
		if (event_decode(r, i, 0, 1, &event) != ST_OK)
			continue; /* `verify` names it */
		if (forget_event(&event)) {
			put_event(tx, &event);
			s->events++;
		}
		event_release(&event);
	}
	PQclear(r);
	args_release(&args);
}

static void forget_one(struct tx *tx, struct step *s, struct row *row)
{
	struct forget_names names;
	if (!job_state_is_ended(row->job.state)) {
		s->live++;
		return;
	}
	bool shared = is_shared(tx, &row->job);
	forget_job(&row->job, s->ask, shared, &names);
	row_rewrite(tx, row);
	tx_flush(tx); /* while the names last */
	forget_history(tx, s, row->job.id);
	s->jobs++;
}

static void forget_jobs(struct tx *tx, struct step *s)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, s->ask->user_id);
	arg_id(&args, s->forget->after);
	arg_int(&args, JOBS_MAX);
	PGresult *r = tx_query(tx,
		"SELECT " ROW_WHOLE
		" FROM clario_job j WHERE j.person = $1 AND j.id > $2 ORDER BY j.id LIMIT $3",
		&args);
	for (int i = 0; r && i < PQntuples(r) && tx->st == ST_OK; i++) {
		struct row *row = row_of(tx, r, i, false);
		s->forget->after = col_id(r, i, 0);
		if (row)
			forget_one(tx, s, row);
	}
	s->forget->jobs_done = r && PQntuples(r) < JOBS_MAX;
	PQclear(r);
	args_release(&args);
}

/* --- events of jobs that are gone --- */

static bool is_to_forget(const struct step *s, const struct event *event, bool has_job)
{
	struct event bare = *event;
	if (event->kind == EVENT_FORGOTTEN || event->kind == EVENT_REMOVED || !forget_event(&bare))
		return false;
	return !has_job && forget_is_named(event, s->ask->user_id);
}

static void forget_events(struct tx *tx, struct step *s)
{
	struct args args = ARGS_INIT;
	arg_int(&args, (int64_t)s->forget->seen);
	arg_int(&args, LOOK_MAX);
	PGresult *r = tx_query(tx,
		"SELECT e.seq, e.record, j.id IS NOT NULL FROM clario_event e LEFT JOIN clario_job j ON j.id "
		"= e.job"
		" WHERE e.seq > $1 ORDER BY e.seq LIMIT $2",
		&args);
	int n = r ? PQntuples(r) : 0, i = 0;
	for (; i < n && tx->st == ST_OK && s->events < EVENTS_MAX; i++) {
		struct event event;
		s->forget->seen = (uint64_t)col_int(r, i, 0);
		if (event_decode(r, i, 0, 1, &event) != ST_OK)
			continue;
		if (is_to_forget(s, &event, col_int(r, i, 2)) && forget_event(&event)) {
			put_event(tx, &event);
			s->events++;
		}
		event_release(&event);
	}
	s->forget->events_done = r && i == n && n < LOOK_MAX;
	PQclear(r);
	args_release(&args);
}

/* --- records that were set aside: the id can be seen in them --- */

static void forget_records(struct tx *tx, struct step *s)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, s->ask->user_id);
	PGresult *r = tx_query(tx,
		"UPDATE clario_aside SET value = '' WHERE position($1 IN value) > 0 RETURNING key", &args);
	s->records = r ? (uint64_t)PQntuples(r) : 0;
	s->forget->is_done = r;
	PQclear(r);
	args_release(&args);
}

/* --- one step --- */

static void append_forgotten(struct tx *tx, const struct step *s)
{
	char data[FORGET_DATA_MAX];
	struct event event = forget_told(s->ask, s->jobs, s->events, s->records, tx->now, data);
	event_append(tx, &event, NULL);
}

struct forgetting {
	struct step step;
	const struct forget *before;
	struct forget next;
};

static void forget_some(struct tx *tx, void *arg)
{
	struct forgetting *f = arg;
	f->next = *f->before;
	f->step = (struct step){.ask = f->step.ask, .forget = &f->next};
	if (!f->next.jobs_done)
		forget_jobs(tx, &f->step);
	else if (!f->next.events_done)
		forget_events(tx, &f->step);
	else
		forget_records(tx, &f->step);
	if (f->step.jobs || f->step.events || f->step.records)
		append_forgotten(tx, &f->step);
}

enum status pg_forget(struct store *store, struct moment now, const struct forget_ask *ask,
	struct forget *forget, struct why *why)
{
	struct forgetting f = {.step = {.ask = ask}, .before = forget};
	if (ask->user_id.len == 0)
		return why_set(why, ST_INVALID, "whom to forget is not said");
	enum status st = tx_write(store, now, forget_some, &f, why);
	if (st != ST_OK)
		return st;
	*forget = f.next;
	forget->jobs += f.step.jobs;
	forget->events += f.step.events;
	forget->records += f.step.records;
	forget->live += f.step.live;
	return ST_OK;
}

/* spool/store/postgres/read.c: one job, events, counters. */
#include "spool/store/postgres/verbs.h"

#include <stdlib.h>

/* Events looked at per call when a filter passes most of them over. */
enum { EVENTS_SCAN_MAX = 20000, EVENT_MEM_MAX = 1 << 20 };

/* --- one job --- */

struct one {
	struct job_id id;
	struct job *out;
	enum status verdict;
};

static void find_behind(struct tx *tx, struct job *job)
{
	struct args args = ARGS_INIT;
	if (rules_place(job) != PLACE_BEHIND)
		return;
	arg_bytes(&args, job->workflow_id);
	PGresult *r = tx_query(tx,
		"SELECT j.id FROM clario_job j WHERE j.workflow = $1 AND j.is_ordered AND j.has_turn "
		"AND " ROW_LIVE " ORDER BY j.id LIMIT 1",
		&args);
	if (r && PQntuples(r))
		job->behind = col_id(r, 0, 0);
	PQclear(r);
	args_release(&args);
}

static void get_one(struct tx *tx, void *arg)
{
	struct one *one = arg;
	struct args args = ARGS_INIT;
	struct job_hashes hashes;
	job_release(one->out);
	arg_id(&args, one->id);
	PGresult *r = tx_query(tx, "SELECT " ROW_WHOLE " FROM clario_job j WHERE j.id = $1", &args);
	one->verdict = r && PQntuples(r) ? job_decode(r, 0, one->out, tx->store->seed, &hashes) : ST_NOTFOUND;
	if (one->verdict == ST_OK)
		find_behind(tx, one->out);
	PQclear(r);
	args_release(&args);
}

enum status pg_get(struct store *store, struct job_id id, struct job *out, struct why *why)
{
	struct one one = {.id = id, .out = out};
	*out = (struct job)JOB_INIT;
	enum status st = tx_read(store, get_one, &one, why);
	if (st != ST_OK) {
		job_release(out);
		return st;
	}
	if (one.verdict != ST_OK)
		why_set(why, one.verdict,
			one.verdict == ST_NOTFOUND ? "there is no such job"
						   : "the job's record cannot be read");
	return one.verdict;
}

/* --- events --- */

struct events_ask {
	const struct event_filter *filter;
	size_t max;
	struct event *events;
	size_t n;
	uint64_t last_seen;
};

static const char caller[] = "caller:";

static struct slice take(const char **at, size_t len)
{
	struct slice text = slice_of(*at, len);
	*at += len;
	return text;
}

/* Who and what it was about, from its job's trigger while that is retained. */
static void add_ids(struct event *event, struct slice ask)
{
	struct job job = {.id = event->job};
	if (!ask.len || record_decode_trigger(ask, true, &job) != ST_OK)
		return;
	struct slice record = buf_slice(&event->mem);
	struct buf mem = BUF_INIT(EVENT_MEM_MAX);
	size_t said = token_is_proved(job.source) ? 0 : sizeof caller - 1;
	buf_add_slice(&mem, record);
	buf_add_slice(&mem, job.workflow_id);
	buf_add_slice(&mem, job.user_id);
	buf_add_slice(&mem, job.traceparent);
	buf_add(&mem, caller, said);
	buf_add_slice(&mem, job.source);
	struct event whole = {.seq = event->seq};
	if (buf_status(&mem) != ST_OK || record_decode_event(slice_of(mem.p, record.len), &whole) != ST_OK) {
		buf_release(&mem);
		return;
	}
	const char *at = mem.p + record.len;
	whole.workflow_id = take(&at, job.workflow_id.len);
	whole.user_id = take(&at, job.user_id.len);
	whole.traceparent = take(&at, job.traceparent.len);
	if (whole.kind == EVENT_ACCEPTED)
		whole.actor = take(&at, said + job.source.len);
	event_release(event);
	*event = whole;
	event->mem = mem;
}

static void keep_events(struct events_ask *ask, const PGresult *r)
{
	for (int i = 0; i < PQntuples(r) && ask->n < ask->max; i++) {
		struct event *event = &ask->events[ask->n];
		ask->last_seen = (uint64_t)col_int(r, i, 0);
		if (event_decode(r, i, 0, 1, event) != ST_OK)
			continue; /* damaged: `check` names it */
		add_ids(event, col_bytes(r, i, 2));
		ask->n++;
	}
}

#define EVENT_COLUMNS "e.seq, e.record, j.ask"
/* What a filter asks: its workflow, user, job and kinds, as $4 to $7. */
#define MATCHES                                                                                              \
	" AND ($4 = ''::bytea OR j.workflow = $4) AND ($5 = ''::bytea OR j.person = $5)"                     \
	" AND $6 IS NOT NULL AND ($7 = 0 OR $7 >> e.kind::integer & 1 = 1)"

static void read_some(struct tx *tx, struct events_ask *ask, const char *sql, uint64_t until)
{
	const struct event_filter *f = ask->filter;
	struct args args = ARGS_INIT;
	arg_int(&args, (int64_t)f->after_seq);
	arg_int(&args, (int64_t)ask->max);
	arg_int(&args, (int64_t)until);
	arg_bytes(&args, f->workflow_id);
	arg_bytes(&args, f->user_id);
	arg_id(&args, f->job);
	arg_int(&args, (int64_t)f->kinds);
	PGresult *r = tx_query(tx, sql, &args);
	if (r)
		keep_events(ask, r);
	PQclear(r);
	args_release(&args);
}

static void read_history(struct tx *tx, struct events_ask *ask)
{
	read_some(tx, ask,
		id_is_zero(ask->filter->job)
			? "SELECT " EVENT_COLUMNS " FROM clario_job j JOIN clario_event e ON e.job = j.id"
			  " WHERE j.workflow = $4 AND e.seq > $1 AND e.seq <= $3" MATCHES
			  " ORDER BY e.seq LIMIT $2"
			: "SELECT " EVENT_COLUMNS " FROM clario_job j JOIN clario_event e ON e.job = j.id"
			  " WHERE j.id = $6 AND e.seq > $1 AND e.seq <= $3" MATCHES
			  " ORDER BY e.seq LIMIT $2",
		INT64_MAX);
}

/* The stream: bounded in what is looked at; where it ended is known even if nothing was found. */
static void read_stream(struct tx *tx, struct events_ask *ask)
{
	const struct event_filter *f = ask->filter;
	uint64_t until = f->after_seq + EVENTS_SCAN_MAX, newest = tx->head.next_seq - 1;
	until = until < newest ? until : newest;
	read_some(tx, ask,
		f->user_id.len ? "SELECT " EVENT_COLUMNS
				 " FROM clario_event e JOIN clario_job j ON j.id = e.job"
				 " WHERE e.seq > $1 AND e.seq <= $3" MATCHES " ORDER BY e.seq LIMIT $2"
			       : "SELECT " EVENT_COLUMNS " FROM clario_event e LEFT JOIN clario_job j"
				 " ON j.id = e.job WHERE e.seq > $1 AND e.seq <= $3" MATCHES
				 " ORDER BY e.seq LIMIT $2",
		until);
	if (tx->st == ST_OK && ask->n < ask->max && until > ask->last_seen)
		ask->last_seen = until;
}

static void read_events(struct tx *tx, void *arg)
{
	struct events_ask *ask = arg;
	for (size_t i = 0; i < ask->n; i++)
		event_release(&ask->events[i]);
	ask->n = 0;
	ask->last_seen = ask->filter->after_seq;
	if (id_is_zero(ask->filter->job) && !ask->filter->workflow_id.len)
		read_stream(tx, ask);
	else
		read_history(tx, ask);
}

enum status pg_events(struct store *store, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why)
{
	struct events_ask ask = {.filter = filter, .max = max, .events = events};
	enum status st = tx_read(store, read_events, &ask, why);
	if (st != ST_OK) {
		for (size_t i = 0; i < ask.n; i++)
			event_release(&events[i]);
		ask.n = 0;
		ask.last_seen = filter->after_seq;
	}
	*n = ask.n;
	*last_seen = ask.last_seen;
	return st;
}

/* --- counters --- */

/* bytes_cap stays 0: the database has no size of its own. */
static void read_stats(struct tx *tx, void *arg)
{
	struct stats *out = arg;
	*out = (struct stats){0};
	head_tell(&tx->head, out);
	PGresult *r = tx_query(tx,
		"SELECT (pg_total_relation_size('clario_job') + pg_total_relation_size('clario_event')"
		" + pg_total_relation_size('clario_meta') + pg_total_relation_size('clario_head'))::bigint",
		NULL);
	if (r)
		out->bytes_used = (uint64_t)col_int(r, 0, 0);
	PQclear(r);
}

enum status pg_stats(struct store *store, struct stats *out, struct why *why)
{
	return tx_read(store, read_stats, out, why);
}

/* The first of each phase and priority by an index: the cost does not grow with what is stored. */
static void read_oldest(struct tx *tx, struct figures *out)
{
	static const char sql[] =
		"WITH RECURSIVE q(place, phase, priority, crowd) AS ("
		"(SELECT j.place, j.phase, j.priority, j.crowd FROM clario_job j WHERE j.place <= 3"
		" ORDER BY j.place, j.phase, j.priority, j.crowd LIMIT 1)"
		" UNION ALL SELECT n.* FROM q, LATERAL ("
		"SELECT j.place, j.phase, j.priority, j.crowd FROM clario_job j WHERE j.place <= 3"
		" AND (j.place, j.phase, j.priority, j.crowd) > (q.place, q.phase, q.priority, q.crowd)"
		" ORDER BY j.place, j.phase, j.priority, j.crowd LIMIT 1) n)"
		" SELECT q.place, q.phase, min(e.at_us), count(*) FROM (SELECT * FROM q LIMIT 1024) q, "
		"LATERAL ("
		"SELECT j.at_us FROM clario_job j WHERE j.place = q.place AND j.phase = q.phase"
		" AND j.priority = q.priority AND j.crowd = q.crowd ORDER BY j.at_us LIMIT 1) e GROUP BY 1, "
		"2";
	static const enum figures_place places[] = {
		[PLACE_READY] = FIGURES_WAITING,
		[PLACE_BEHIND] = FIGURES_BEHIND,
		[PLACE_DELAYED] = FIGURES_DELAYED,
		[PLACE_ACTIVE] = FIGURES_ACTIVE,
	};
	for (int place = 0; place < FIGURES_PLACE_N; place++)
		for (int slot = 0; slot < PHASE_SLOTS; slot++)
			out->oldest_at_us[place][slot] = INT64_MAX;
	PGresult *r = tx_query(tx, sql, NULL);
	for (int i = 0; r && i < PQntuples(r); i++) {
		int slot = phase_slot((int)col_int(r, i, 1));
		int64_t place = col_int(r, i, 0);
		out->looked_at += (uint64_t)col_int(r, i, 3);
		if (slot >= 0 && place >= 0 && place <= PLACE_ACTIVE)
			out->oldest_at_us[places[place]][slot] = col_int(r, i, 2);
	}
	PQclear(r);
}

/* One whose phase has come since is counted until a worker tidies up. */
static void count_stalled(struct tx *tx, struct figures *out)
{
	struct args args = ARGS_INIT;
	arg_int(&args, FIGURES_STALLED_MAX);
	PGresult *r =
		tx_query(tx, "SELECT count(*) FROM (SELECT 1 FROM clario_stalled LIMIT $1) AS s", &args);
	if (r)
		out->stalled = (uint64_t)col_int(r, 0, 0);
	PQclear(r);
	args_release(&args);
	out->looked_at += out->stalled;
}

static void read_figures(struct tx *tx, void *arg)
{
	struct figures *out = arg;
	const struct head *head = &tx->head;
	*out = (struct figures){0};
	read_stats(tx, &out->stats);
	read_oldest(tx, out);
	count_stalled(tx, out);
	out->unaccounted =
		(int64_t)(head->accepted_total - head_present(head) - head->removed_total - head->set_aside);
	out->file_bytes = out->stats.bytes_used;
}

enum status pg_figures(struct store *store, struct figures *out, struct why *why)
{
	return tx_read(store, read_figures, out, why);
}

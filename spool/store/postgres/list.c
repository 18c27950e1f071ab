/* spool/store/postgres/list.c: pages of jobs, in the LMDB engine's orders: of states by (priority, time, id),
 * those in the crowd behind the others, by user; else by id, which ascends with time. The cursor is that of
 * the last job looked at. */
#include "spool/store/postgres/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_MAX = 512, LOOKS_MAX = 10000, PLACES_MAX = PLACE_N, SQL_MAX = 4096 };

struct listing {
	const struct job_filter *filter;
	bool by_place, resumes, with_payload;
	int64_t priority, crowd, at_us; /* with id: behind this */
	struct job_id id;
	struct job *jobs;
	size_t max, n;
	bool has_more;
	uint64_t looked;
};

static bool wants_state(const struct job_filter *f, enum job_state state)
{
	return (!f->has_state || f->state == state) && (!f->states || f->states & 1u << state);
}

static bool wants_phase(const struct job_filter *f, int phase)
{
	return (!f->phase || f->phase == phase) && (!f->phases || f->phases & 1u << phase_slot(phase));
}

static void add_terms(const struct job_filter *f, struct list *places, struct list *phases)
{
	for (int place = 0; place < PLACE_N; place++)
		if (wants_state(f, rules_state_of((enum place)place)))
			list_int(places, place);
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (wants_phase(f, phase_of_slot(slot)))
			list_int(phases, phase_of_slot(slot));
}

/* $1 places, $2 phases, $3 workflow, $4 person, $5 since, $6 until, $7 how many, $8 id, $9.. the place of it.
 */
static void write_sql(const struct listing *l, char out[SQL_MAX])
{
	const struct job_filter *f = l->filter;
	const char *way = f->oldest_first ? "ASC" : "DESC", *beyond = f->oldest_first ? ">" : "<";
	char where[1024], after[160] = "", order[160];
	if (l->resumes)
		snprintf(after, sizeof after,
			l->by_place ? " AND (j.priority, j.crowd, j.at_us, j.id) %s ($9, $10, $11, $8)"
				    : " AND j.id %s $8",
			beyond);
	snprintf(order, sizeof order,
		l->by_place ? "j.priority %s, j.crowd %s, j.at_us %s, j.id %s" : "j.id %s%.0s%.0s%.0s", way,
		way, way, way);
	snprintf(where, sizeof where,
		"%s%s AND ($5 = 0 OR j.accepted_us >= $5) AND ($6 = 0 OR j.accepted_us < $6)"
		" AND ($3 = ''::bytea OR j.workflow = $3) AND ($4 = ''::bytea OR j.person = $4)"
		" AND $8 IS NOT NULL AND $9 IS NOT NULL AND $10 IS NOT NULL AND $11 IS NOT NULL%s",
		f->workflow_id.len ? " AND j.workflow = $3" : "", f->user_id.len ? " AND j.person = $4" : "",
		after);
#define COLUMNS ROW_WHOLE ", j.priority, j.crowd, j.at_us"
	if (l->by_place && !f->workflow_id.len && !f->user_id.len)
		snprintf(out, SQL_MAX,
			"SELECT " COLUMNS
			" FROM unnest($1) p, unnest($2) f, LATERAL (SELECT * FROM clario_job j"
			" WHERE j.place = p AND j.phase = f%s ORDER BY %s LIMIT $7) j ORDER BY %s LIMIT $7",
			where, order, order);
	else
		snprintf(out, SQL_MAX,
			"SELECT " COLUMNS " FROM clario_job j WHERE j.place = ANY($1) AND j.phase = ANY($2)%s"
			" ORDER BY %s LIMIT $7",
			where, order);
}

static PGresult *fetch(struct tx *tx, const struct listing *l, size_t want)
{
	const struct job_filter *f = l->filter;
	struct list places = LIST_INIT(LIST_INT), phases = LIST_INIT(LIST_INT);
	struct args args = ARGS_INIT;
	char sql[SQL_MAX];
	add_terms(f, &places, &phases);
	write_sql(l, sql);
	arg_list(&args, &places);
	arg_list(&args, &phases);
	arg_bytes(&args, f->workflow_id);
	arg_bytes(&args, f->user_id);
	arg_int(&args, f->since_us);
	arg_int(&args, f->until_us);
	arg_int(&args, (int64_t)want);
	arg_id(&args, l->id);
	arg_int(&args, l->priority);
	arg_int(&args, l->crowd);
	arg_int(&args, l->at_us);
	PGresult *r = tx_query(tx, sql, &args);
	args_release(&args);
	list_release(&places);
	list_release(&phases);
	return r;
}

/* The payload was needed for the test alone, or only stood in the record. */
static void drop_payload(struct job *job)
{
	job->payload = (struct slice)SLICE_INIT;
}

static void look_at(struct tx *tx, struct listing *l, const PGresult *r, int i)
{
	const struct job_filter *f = l->filter;
	struct job *job = &l->jobs[l->n];
	struct job_hashes hashes;
	l->id = col_id(r, i, 0);
	l->priority = col_int(r, i, 8);
	l->crowd = col_int(r, i, 9);
	l->at_us = col_int(r, i, 10);
	l->looked++;
	if (f->scanned)
		++*f->scanned;
	if (job_decode(r, i, job, tx->store->seed, &hashes) != ST_OK)
		return; /* damaged: `check` names it */
	if (!l->with_payload && !(f->test && f->test_payload))
		drop_payload(job);
	if (f->test && !f->test(f->test_arg, job)) {
		job_release(job);
		return;
	}
	if (!l->with_payload)
		drop_payload(job);
	l->n++;
}

/* Who has the turn before each that waits for it. */
static void add_behind(struct tx *tx, struct listing *l)
{
	struct list workflows = LIST_INIT(LIST_BYTES);
	struct args args = ARGS_INIT;
	for (size_t i = 0; i < l->n; i++)
		if (rules_place(&l->jobs[i]) == PLACE_BEHIND)
			list_bytes(&workflows, l->jobs[i].workflow_id);
	arg_list(&args, &workflows);
	PGresult *r = workflows.n
			      ? tx_query(tx,
					"SELECT j.workflow, j.id FROM clario_job j WHERE j.workflow = ANY($1)"
					" AND j.is_ordered AND j.has_turn AND " ROW_LIVE,
					&args)
			      : NULL;
	for (int row = 0; r && row < PQntuples(r); row++)
		for (size_t i = 0; i < l->n; i++)
			if (rules_place(&l->jobs[i]) == PLACE_BEHIND &&
				slice_eq(l->jobs[i].workflow_id, col_bytes(r, row, 0)))
				l->jobs[i].behind = col_id(r, row, 1);
	PQclear(r);
	args_release(&args);
	list_release(&workflows);
}

static void forget_page(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		job_release(&l->jobs[i]);
	l->n = 0;
}

static void read_page(struct tx *tx, void *arg)
{
	struct listing *l = arg;
	forget_page(l);
	l->has_more = true;
	l->looked = 0;
	while (tx->st == ST_OK && l->has_more && l->n < l->max && l->looked < LOOKS_MAX) {
		size_t room = l->max - l->n, want = l->filter->test && room < CHUNK_MAX ? CHUNK_MAX : room;
		PGresult *r = fetch(tx, l, want + 1);
		int n = r ? PQntuples(r) : 0, i = 0;
		for (; i < n && l->n < l->max; i++)
			look_at(tx, l, r, i);
		l->has_more = i < n || (size_t)n > want;
		l->resumes = true;
		PQclear(r);
	}
	add_behind(tx, l);
}

/* --- cursors --- */

static void cursor_write(const struct listing *l, struct cursor *out)
{
	char id[JOB_ID_TEXT_LEN];
	id_text(l->id, id);
	if (l->by_place)
		snprintf(out->text, sizeof out->text, "q.%" PRId64 ".%" PRId64 ".%" PRId64 ".%s", l->priority,
			l->crowd, l->at_us, id);
	else
		snprintf(out->text, sizeof out->text, "i.%s", id);
}

static bool cursor_read(const struct cursor *cursor, struct listing *l)
{
	int at = 0;
	if (l->by_place && (sscanf(cursor->text, "q.%" SCNd64 ".%" SCNd64 ".%" SCNd64 ".%n", &l->priority,
				    &l->crowd, &l->at_us, &at) != 3 ||
				   at == 0))
		return false;
	if (!l->by_place && strncmp(cursor->text, "i.", 2) != 0)
		return false;
	return id_parse(slice_text(cursor->text + (l->by_place ? at : 2)), &l->id) == ST_OK;
}

enum status pg_list(struct store *store, const struct job_filter *filter, const struct cursor *from,
	size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next, struct why *why)
{
	struct listing l = {.filter = filter,
		.by_place = !filter->workflow_id.len && (filter->has_state || filter->states),
		.resumes = from && from->text[0],
		.with_payload = with_payload,
		.jobs = jobs,
		.max = max};
	*n = 0;
	next->text[0] = '\0';
	if (filter->nothing)
		return ST_OK;
	if (l.resumes && !cursor_read(from, &l))
		return why_set(why, ST_INVALID, "the cursor does not belong to this listing");
	enum status st = tx_read(store, read_page, &l, why);
	if (st != ST_OK) {
		forget_page(&l);
		return st;
	}
	*n = l.n;
	if (l.has_more)
		cursor_write(&l, next);
	return ST_OK;
}

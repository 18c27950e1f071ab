/* spool/store/postgres/await.c: workflows whose next phase did not come in time: told of once each, and
 * listed. The jobs that completed are looked at in order of time, when their time has passed, as the LMDB
 * engine does (lmdb/await_tell.c); only what did not come gets a row in clario_stalled. */
#include "spool/store/common/codec.h"
#include "spool/store/postgres/verbs.h"

#include <stdio.h>

enum { LOOK_MAX = 512, TELL_MAX = 256, OVER_MAX = 64, PAGE = 64 };

/* Whether the workflow of a job awaits the phase after it still (await_is_met(); steps stand from 10 on), and
 * whether it was told of. In a list of columns, so that it is asked of each row and not of the whole table.
 */
#define IS_OPEN                                                                                              \
	"j.place = 4 AND NOT EXISTS (SELECT 1 FROM clario_job m WHERE m.workflow = j.workflow"               \
	" AND m.id > j.id AND m.phase > j.phase AND m.phase < 10)"
#define IS_TOLD "EXISTS (SELECT 1 FROM clario_stalled s WHERE s.job = j.id)"

/* One phase: what is over, and whom to tell of. */
struct telling {
	int phase;
	int64_t end_us;
	struct await_at at; /* how far this look comes */
	struct job_id due[TELL_MAX], over[OVER_MAX], over_next;
	size_t due_n, over_n, told;
	bool is_cut, saves;
};

/* --- what has come, or will never --- */

/* The next of the rows, round again behind the last. */
static void collect_over(struct tx *tx, struct telling *t)
{
	struct args args = ARGS_INIT;
	arg_id(&args, tx->store->await_over);
	arg_int(&args, OVER_MAX + 1);
	PGresult *r = tx_query(tx,
		"SELECT s.job, (SELECT " IS_OPEN " FROM clario_job j WHERE j.id = s.job), s.record"
		" FROM clario_stalled s WHERE s.job >= $1 ORDER BY s.job LIMIT $2",
		&args);
	t->over_n = 0;
	t->over_next = (struct job_id){{0}};
	for (int i = 0; r && i < PQntuples(r); i++) {
		struct stalled stalled;
		if (i == OVER_MAX)
			t->over_next = col_id(r, i, 0);
		else if (!col_int(r, i, 1) || await_decode(col_bytes(r, i, 2), &stalled) != ST_OK)
			t->over[t->over_n++] = col_id(r, i, 0);
	}
	PQclear(r);
	args_release(&args);
}

/* --- whom to tell of --- */

static void look(struct tx *tx, struct telling *t)
{
	struct args args = ARGS_INIT;
	arg_int(&args, t->phase - 1);
	arg_int(&args, t->at.at_us);
	arg_id(&args, t->at.id);
	arg_int(&args, t->end_us);
	arg_int(&args, LOOK_MAX + 1);
	PGresult *r = tx_query(tx,
		"SELECT j.id, j.at_us, " IS_OPEN ", " IS_TOLD " FROM clario_job j WHERE j.place = 4"
		" AND j.phase = $1 AND j.priority = 0 AND j.crowd = -1 AND (j.at_us, j.id) > ($2, $3)"
		" AND j.at_us <= $4 ORDER BY j.at_us, j.id LIMIT $5",
		&args);
	t->due_n = 0;
	t->is_cut = false;
	for (int i = 0; r && i < PQntuples(r); i++) {
		t->is_cut = i == LOOK_MAX || t->due_n == TELL_MAX;
		if (t->is_cut)
			break;
		t->at.id = col_id(r, i, 0);
		t->at.at_us = col_int(r, i, 1);
		t->at.is_news = true;
		if (col_int(r, i, 2) && !col_int(r, i, 3))
			t->due[t->due_n++] = t->at.id;
	}
	if (r && !t->is_cut) {
		t->at.at_us = t->end_us;
		memset(t->at.id.b, 0xff, sizeof t->at.id.b);
	}
	PQclear(r);
	args_release(&args);
}

static void look_around(struct tx *tx, void *arg)
{
	struct telling *t = arg;
	t->at = tx->store->await_at[t->phase];
	collect_over(tx, t);
	look(tx, t);
}

/* --- telling --- */

static void drop_over(struct tx *tx, const struct telling *t)
{
	struct list ids = LIST_INIT(LIST_ID);
	struct args args = ARGS_INIT;
	for (size_t i = 0; i < t->over_n; i++)
		list_id(&ids, t->over[i]);
	arg_list(&args, &ids);
	if (t->over_n)
		tx_exec(tx, "DELETE FROM clario_stalled WHERE job = ANY($1)", &args);
	args_release(&args);
	list_release(&ids);
}

static void tell_one(
	struct tx *tx, struct telling *t, struct row *row, struct list *ids, struct list *records)
{
	char reason[AWAIT_REASON_MAX];
	struct event event;
	struct stalled stalled = {.phase = t->phase,
		.since_us = row->job.finished_at_us,
		.due_us = row->job.finished_at_us + tx->store->await_us[t->phase]};
	await_event(&row->job, &stalled, tx->now, reason, &event);
	event_append(tx, &event, &row->job);
	row_update(tx, row);
	await_encode(&stalled, &tx->scratch);
	list_id(ids, row->job.id);
	list_bytes(records, buf_slice(&tx->scratch));
	t->told++;
}

/* The phase may have come since they were looked at, or another worker has told; and of a forgotten job
 * nobody knows the workflow. */
static PGresult *ask_again(struct tx *tx, const struct telling *t)
{
	struct list ids = LIST_INIT(LIST_ID);
	struct args args = ARGS_INIT;
	for (size_t i = 0; i < t->due_n; i++)
		list_id(&ids, t->due[i]);
	arg_list(&args, &ids);
	rows_load(tx, t->due, t->due_n, false);
	PGresult *r = t->due_n ? tx_query(tx,
					 "SELECT j.id, " IS_OPEN ", " IS_TOLD
					 " FROM clario_job j WHERE j.id = ANY($1) ORDER BY j.id",
					 &args)
			       : NULL;
	args_release(&args);
	list_release(&ids);
	return r;
}

static void tell_due(struct tx *tx, struct telling *t)
{
	struct list ids = LIST_INIT(LIST_ID), records = LIST_INIT(LIST_BYTES);
	struct args args = ARGS_INIT;
	PGresult *r = ask_again(tx, t);
	tx_expect(tx, t->due_n);
	for (int i = 0; r && i < PQntuples(r) && tx->st == ST_OK; i++) {
		struct row *row = row_find(tx, col_id(r, i, 0));
		if (row && !row->job.is_forgotten && col_int(r, i, 1) && !col_int(r, i, 2))
			tell_one(tx, t, row, &ids, &records);
	}
	arg_list(&args, &ids);
	arg_list(&args, &records);
	if (ids.n)
		tx_exec(tx,
			"INSERT INTO clario_stalled (job, record) SELECT u.job, u.record"
			" FROM unnest($1::uuid[], $2::bytea[]) AS u(job, record)",
			&args);
	PQclear(r);
	args_release(&args);
	list_release(&ids);
	list_release(&records);
}

static void write_down(struct tx *tx, void *arg)
{
	struct telling *t = arg;
	char name[AWAIT_BOOKMARK_MAX];
	t->told = 0;
	drop_over(tx, t);
	tell_due(tx, t);
	if (t->saves)
		bookmark_put(tx, await_bookmark(t->phase, name), (uint64_t)t->at.at_us);
}

static enum status find_place(struct store *store, const struct telling *t, struct why *why)
{
	struct await_at *at = &store->await_at[t->phase];
	char name[AWAIT_BOOKMARK_MAX];
	uint64_t saved = 0;
	enum status st = ST_OK;
	if (!at->is_known)
		st = pg_bookmark_get(store, await_bookmark(t->phase, name), &saved, why);
	if (st == ST_OK)
		await_begin(at, saved, t->end_us);
	return st;
}

static enum status tell_phase(struct store *store, struct moment now, struct telling *t, struct why *why)
{
	t->end_us = await_end_us(store->await_us[t->phase], now);
	if (t->end_us <= 0)
		return ST_OK;
	enum status st = find_place(store, t, why);
	if (st == ST_OK)
		st = tx_read(store, look_around, t, why);
	if (st != ST_OK)
		return st;
	t->saves = t->due_n > 0 || await_is_to_save(&t->at);
	if (t->saves || t->over_n)
		st = tx_write(store, now, write_down, t, why);
	if (st != ST_OK)
		return st;
	if (t->saves) {
		t->at.saved_us = t->at.at_us;
		t->at.is_news = false;
	}
	store->await_at[t->phase] = t->at;
	store->await_over = t->over_next;
	return ST_OK;
}

enum status pg_await_tell(
	struct store *store, struct moment now, size_t *told, bool *has_more, struct why *why)
{
	enum status st = ST_OK;
	*told = 0;
	*has_more = false;
	for (int phase = AWAIT_FIRST; phase <= AWAIT_LAST && st == ST_OK; phase++) {
		struct telling t = {.phase = phase};
		if (store->await_us[phase] <= 0)
			continue;
		st = tell_phase(store, now, &t, why);
		if (st == ST_OK) {
			*told += t.told;
			*has_more |= t.is_cut;
		}
	}
	return st;
}

/* --- listing --- */

struct page {
	struct job_id from, at;
	struct stalled *out;
	size_t cap, n;
};

static void copy_text(char out[JOB_TEXT_MAX + 1], struct slice text)
{
	snprintf(out, JOB_TEXT_MAX + 1, "%.*s", SLICE_ARG(text));
}

/* What is over stands there until somebody tidies up. */
static void take(struct page *page, const PGresult *r, int i)
{
	struct stalled *out = &page->out[page->n];
	page->at = col_id(r, i, 0);
	if (!col_int(r, i, 4) || await_decode(col_bytes(r, i, 1), out) != ST_OK)
		return;
	out->job = page->at;
	copy_text(out->workflow_id, col_bytes(r, i, 2));
	copy_text(out->user_id, col_bytes(r, i, 3));
	page->n++;
}

static void read_page(struct tx *tx, void *arg)
{
	struct page *page = arg;
	page->n = 0;
	page->at = page->from;
	for (int found = PAGE; found == PAGE && page->n < page->cap && tx->st == ST_OK;) {
		struct args args = ARGS_INIT;
		arg_id(&args, page->at);
		arg_int(&args, PAGE);
		PGresult *r = tx_query(tx,
			"SELECT s.job, s.record, j.workflow, j.person, " IS_OPEN
			" FROM clario_stalled s JOIN clario_job j ON j.id = s.job WHERE s.job > $1"
			" ORDER BY s.job LIMIT $2",
			&args);
		found = r ? PQntuples(r) : 0;
		for (int i = 0; i < found && page->n < page->cap; i++)
			take(page, r, i);
		PQclear(r);
		args_release(&args);
	}
}

enum status pg_stalled(
	struct store *store, struct job_id *at, struct stalled *out, size_t cap, size_t *n, struct why *why)
{
	struct page page = {.from = *at, .out = out, .cap = cap};
	*n = 0;
	enum status st = tx_read(store, read_page, &page, why);
	if (st != ST_OK)
		return st;
	*at = page.at;
	*n = page.n;
	return ST_OK;
}

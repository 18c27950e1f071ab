/* spool/store/postgres/submit.c: a batch of triggers becomes jobs in one transaction (promises 1, 4, 6): a
 * few questions for the whole batch, then one statement that stores it. */
#include "spool/store/common/hashes.h"
#include "spool/store/postgres/locks.h"
#include "spool/store/postgres/verbs.h"

#include <stdlib.h>

struct batch {
	const struct submission *list;
	size_t n;
	uint64_t *any, *key; /* each trigger's natural keys */
	PGresult *lines;     /* workflows with a live ordered job, before this batch */
	struct slice *busy;  /* those and the batch's own */
	size_t busy_n;
};

/* --- what the batch meets --- */

static void load_matches(struct tx *tx, const char *sql, const struct list *keys)
{
	struct args args = ARGS_INIT;
	arg_list(&args, keys);
	PGresult *r = keys->n ? tx_query(tx, sql, &args) : NULL;
	for (int i = 0; r && i < PQntuples(r); i++)
		row_of(tx, r, i, false);
	PQclear(r);
	args_release(&args);
}

/* Of an explicit key there is one job; one that cannot be read makes way. */
static void load_explicit(struct tx *tx, const struct list *keys)
{
	struct args args = ARGS_INIT;
	arg_list(&args, keys);
	PGresult *r =
		keys->n ? tx_query(tx, "SELECT " ROW_WHOLE " FROM clario_job j WHERE j.idem_key = ANY($1)",
				  &args)
			: NULL;
	for (int i = 0; r && i < PQntuples(r); i++)
		row_of(tx, r, i, true);
	PQclear(r);
	args_release(&args);
}

/* The newest under the same natural key, and the newest with another payload. */
static const char natural_sql[] =
	"SELECT " ROW_WHOLE
	" FROM (SELECT DISTINCT u.a, u.k FROM unnest($1::bigint[], $2::bigint[]) AS u(a, k)) w,"
	" LATERAL ((SELECT * FROM clario_job s WHERE s.natural_any = w.a AND s.natural_key = w.k"
	" ORDER BY s.id DESC LIMIT 16) UNION ALL (SELECT * FROM clario_job o WHERE o.natural_any = w.a"
	" AND o.natural_key <> w.k ORDER BY o.id DESC LIMIT 16)) j";

static void load_natural(struct tx *tx, const struct list *any, const struct list *keys)
{
	struct args args = ARGS_INIT;
	arg_list(&args, any);
	arg_list(&args, keys);
	PGresult *r = any->n ? tx_query(tx, natural_sql, &args) : NULL;
	for (int i = 0; r && i < PQntuples(r); i++)
		row_of(tx, r, i, false);
	PQclear(r);
	args_release(&args);
}

/* Which workflows have a live ordered job; and behind which ids theirs must come. */
static void load_lines(struct tx *tx, struct batch *b, const struct list *workflows)
{
	struct args args = ARGS_INIT;
	arg_list(&args, workflows);
	b->lines = workflows->n ? tx_query(tx,
					  "SELECT w.name, EXISTS (SELECT 1 FROM clario_job j"
					  " WHERE j.workflow = w.name AND j.is_ordered AND " ROW_LIVE "),"
					  " (SELECT j.id FROM clario_job j WHERE j.workflow = w.name"
					  " ORDER BY j.id DESC LIMIT 1)"
					  " FROM (SELECT DISTINCT u.name FROM unnest($1) AS u(name)) w",
					  &args)
				: NULL;
	for (int i = 0; b->lines && i < PQntuples(b->lines); i++) {
		struct job_id newest = col_id(b->lines, i, 2);
		if (col_int(b->lines, i, 1) && tx->store->ordering)
			b->busy[b->busy_n++] = col_bytes(b->lines, i, 0);
		if (id_cmp(newest, tx->last_id) > 0) /* from a host whose clock is ahead */
			tx->last_id = newest;
	}
	args_release(&args);
}

/* Two who submit to the same workflow, under the same key or for the same account come one after the other.
 */
static void lock_all(struct tx *tx, const struct batch *b)
{
	enum { EACH = 4 };
	uint64_t *keys = calloc(b->n * EACH + 1, sizeof *keys);
	size_t n = 0;
	if (!keys) {
		tx_fail(tx, ST_NOMEM, "out of memory");
		return;
	}
	for (size_t i = 0; i < b->n; i++) {
		const struct trigger *t = b->list[i].trigger;
		if (rules_check_trigger(t, NULL) != ST_OK)
			continue;
		keys[n++] = lock_key(tx, LOCK_WORKFLOW, t->workflow_id);
		if (t->idempotency_key.len)
			keys[n++] = lock_key(tx, LOCK_KEY, t->idempotency_key);
		if (t->solo_user)
			keys[n++] = lock_key(tx, LOCK_USER, t->user_id);
		if (t->max_jobs || t->max_bytes)
			keys[n++] = lock_key(tx, LOCK_ACCOUNT, t->source);
	}
	locks_take(tx, keys, n);
	free(keys);
}

static void look_around(struct tx *tx, struct batch *b)
{
	struct list any = LIST_INIT(LIST_INT), keys = LIST_INIT(LIST_INT), explicit = LIST_INIT(LIST_BYTES),
		    solo = LIST_INIT(LIST_BYTES), workflows = LIST_INIT(LIST_BYTES);
	for (size_t i = 0; i < b->n; i++) {
		const struct trigger *t = b->list[i].trigger;
		struct job as_job = {.phase = t->phase,
			.workflow_id = t->workflow_id,
			.user_id = t->user_id,
			.payload = t->payload};
		if (rules_check_trigger(t, NULL) != ST_OK)
			continue;
		natural_keys(tx->store->seed, &as_job, &b->any[i], &b->key[i]);
		list_bytes(&workflows, t->workflow_id);
		if (t->idempotency_key.len) {
			list_bytes(&explicit, t->idempotency_key);
		} else if (t->solo_user) {
			list_bytes(&solo, t->user_id);
		} else {
			list_int(&any, (int64_t)b->any[i]);
			list_int(&keys, (int64_t)b->key[i]);
		}
	}
	load_explicit(tx, &explicit);
	load_matches(tx,
		"SELECT " ROW_WHOLE " FROM clario_job j WHERE j.person = ANY($1) AND j.is_solo AND " ROW_LIVE,
		&solo);
	load_natural(tx, &any, &keys);
	load_lines(tx, b, &workflows);
	list_release(&any);
	list_release(&keys);
	list_release(&explicit);
	list_release(&solo);
	list_release(&workflows);
}

/* --- one trigger --- */

struct answer {
	enum submit_verdict verdict;
	const struct row *first;
	bool body_differs;
	const struct row *earlier;
};

static bool is_newer(const struct row *row, const struct row *than)
{
	return !than || id_cmp(row->job.id, than->job.id) > 0;
}

static void ask_natural(struct tx *tx, const struct trigger *t, uint64_t any, struct answer *out)
{
	for (size_t i = 0; i < tx->rows_n; i++) {
		const struct row *row = tx->rows[i];
		if (row->natural_any != any || !row->is_asked || row->is_gone)
			continue;
		enum dedupe is = rules_dedupe(&row->job, t, &tx->store->dedupe, tx->now);
		if (is == DEDUPE_SAME && is_newer(row, out->first))
			out->first = row;
		if (is == DEDUPE_OTHER_BODY && is_newer(row, out->earlier))
			out->earlier = row;
	}
	if (out->first)
		out->verdict = SUBMIT_DUPLICATE;
}

static void ask_explicit(struct tx *tx, const struct trigger *t, struct answer *out)
{
	for (size_t i = 0; i < tx->rows_n; i++) {
		const struct row *row = tx->rows[i];
		if (!row->is_asked || row->is_gone || !slice_eq(row->job.idempotency_key, t->idempotency_key))
			continue;
		out->first = row;
		out->verdict = rules_same_request(&row->job, t) ? SUBMIT_DUPLICATE : SUBMIT_KEY_REUSED;
	}
}

static void ask_solo(struct tx *tx, const struct trigger *t, struct answer *out)
{
	for (size_t i = 0; i < tx->rows_n; i++) {
		const struct row *row = tx->rows[i];
		if (!row->is_asked || row->is_gone || !row->job.solo_user)
			continue;
		enum dedupe is = rules_dedupe(&row->job, t, &tx->store->dedupe, tx->now);
		if (is == DEDUPE_NONE || !is_newer(row, out->first))
			continue;
		out->first = row;
		out->verdict = SUBMIT_DUPLICATE;
		out->body_differs = is == DEDUPE_OTHER_BODY;
	}
}

static bool take_place(struct tx *tx, struct batch *b, struct slice workflow)
{
	if (!tx->store->ordering)
		return true;
	for (size_t i = 0; i < b->busy_n; i++)
		if (slice_eq(b->busy[i], workflow))
			return false;
	b->busy[b->busy_n++] = workflow;
	return true;
}

static void accept(struct tx *tx, struct batch *b, const struct trigger *t, const struct answer *answer,
	struct receipt *receipt)
{
	struct job job;
	struct event event;
	struct job_id id = id_next(tx->last_id, tx->now.wall_us);
	rules_accept(&job, t, id, tx->now, tx->store->ordering, take_place(tx, b, t->workflow_id), &event);
	job.in_crowd = crowd_note(&tx->store->crowd, key_user_hash(tx->store->seed, t->user_id), tx->now);
	event_append(tx, &event, &job);
	row_insert(tx, &job);
	receipt_of_new(receipt, &job);
	if (answer->earlier) {
		receipt->has_earlier = true;
		receipt->earlier = answer->earlier->job.id;
	}
}

static uint64_t depth(const struct head *head)
{
	return head_place(head, PLACE_READY) + head_place(head, PLACE_BEHIND) +
	       head_place(head, PLACE_DELAYED) + head_place(head, PLACE_ACTIVE) +
	       head_place(head, PLACE_HELD);
}

static void submit_one(struct tx *tx, struct batch *b, size_t i)
{
	const struct trigger *t = b->list[i].trigger;
	struct receipt *receipt = b->list[i].receipt;
	struct answer answer = {.verdict = SUBMIT_ACCEPTED};
	*receipt = (struct receipt){.verdict = SUBMIT_REFUSED};
	receipt->status = rules_check_trigger(t, &receipt->why);
	if (receipt->status != ST_OK)
		return;
	if (t->idempotency_key.len)
		ask_explicit(tx, t, &answer);
	else if (t->solo_user)
		ask_solo(tx, t, &answer);
	else
		ask_natural(tx, t, b->any[i], &answer);
	if (answer.verdict != SUBMIT_ACCEPTED)
		receipt_of_first(receipt, &answer.first->job, answer.verdict, answer.body_differs);
	else if (tx->store->max_depth && depth(&tx->head) >= (uint64_t)tx->store->max_depth)
		receipt->status =
			why_set(&receipt->why, ST_DEEP, "the backlog is as deep as spool.max-depth allows");
	else if (!account_has_room(tx, t, &receipt->why))
		receipt->status = ST_QUOTA;
	else
		accept(tx, b, t, &answer, receipt);
}

static void submit_all(struct tx *tx, void *arg)
{
	struct batch *b = arg;
	b->busy_n = 0;
	lock_all(tx, b);
	look_around(tx, b);
	tx_expect(tx, b->n);
	for (size_t i = 0; i < b->n && tx->st == ST_OK; i++)
		submit_one(tx, b, i);
	PQclear(b->lines);
	b->lines = NULL;
}

enum status pg_submit(
	struct store *store, struct moment now, const struct submission *list, size_t n, struct why *why)
{
	struct batch b = {.list = list, .n = n};
	b.any = calloc(2 * n, sizeof *b.any);
	b.key = b.any + n;
	b.busy = calloc(2 * n, sizeof *b.busy);
	enum status st = b.any && b.busy ? tx_write_beside(store, now, submit_all, &b, why)
					 : why_set(why, ST_NOMEM, "out of memory");
	free(b.any);
	free(b.busy);
	return st;
}

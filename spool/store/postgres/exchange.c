/* spool/store/postgres/exchange.c: outcomes in, claims out, one transaction (promises 2, 3, 5, 7, 8). */
#include "spool/model/claim.h"
#include "spool/store/postgres/locks.h"
#include "spool/store/postgres/verbs.h"
#include "spool/store/postgres/wake.h"

#include <stdio.h>
#include <stdlib.h>

/* Leases are looked at four times a second, in bounded portions. */
enum { REAP_EVERY_US = 250000, REAP_MAX = 256, DUE_MAX = 1024 };

struct exchange {
	struct settlement *settlements;
	size_t n;
	const struct claim_ask *ask;
	struct job *jobs;
	size_t claimed, expired;
	int64_t soonest_us;
	struct list left; /* workflows whose turn is free */
	bool is_kept;
	uint64_t passed; /* reports, by bits, that somebody else's were before */
};

static void append_notices(struct tx *tx, struct job *job, const struct settlement *s)
{
	for (size_t i = 0; i < s->notices_n; i++) {
		struct event event = rules_notice(job, &s->notices[i], tx->now);
		event_append(tx, &event, job);
	}
}

static void after_change(struct tx *tx, struct exchange *x, struct row *row)
{
	const struct job *job = &row->job;
	if (!job_state_is_ended(job->state))
		return;
	if (job->state == JOB_COMPLETED)
		head_completed(&tx->own, (job->finished_at_us - job->claimed_at_us) / 1000);
	line_leave(row, &x->left);
}

static void settle_one(struct tx *tx, struct exchange *x, struct settlement *s)
{
	char actor[JOB_OWNER_MAX + 8];
	struct event event;
	struct row *row = row_find(tx, s->id);
	if (!row) {
		if (s->verdict == ST_OK)
			s->verdict = ST_NOTFOUND;
		return;
	}
	snprintf(actor, sizeof actor, "worker:%s", row->job.lease.owner);
	s->verdict = rules_settle(&row->job, s, tx->now, &event, NULL);
	if (s->verdict == ST_CONFLICT && s->kind == SETTLE_ORPHAN)
		return; /* no late result: what the dead worker held is not known to the moment */
	if (s->verdict == ST_CONFLICT)
		event_append(tx, &event, &row->job);
	if (s->verdict == ST_CONFLICT)
		row_update(tx, row);
	if (s->verdict != ST_OK)
		return;
	event.actor = slice_text(actor);
	append_notices(tx, &row->job, s);
	if (s->kind != SETTLE_RENEW)
		event_append(tx, &event, &row->job);
	row_update(tx, row);
	after_change(tx, x, row);
}

/* Which of those that were asked for are there but cannot be read: they were set aside by the loading. */
static void mark_missing(struct tx *tx, struct exchange *x, uint64_t aside_before)
{
	struct args args = ARGS_INIT;
	struct list keys = LIST_INIT(LIST_BYTES);
	if (tx->head.set_aside == aside_before)
		return;
	for (size_t i = 0; i < x->n; i++) {
		char key[1 + sizeof(struct job_id)] = "j";
		memcpy(key + 1, x->settlements[i].id.b, sizeof(struct job_id));
		list_bytes(&keys, slice_of(key, sizeof key));
	}
	arg_list(&args, &keys);
	PGresult *r = tx_query(tx, "SELECT key FROM clario_aside WHERE key = ANY($1)", &args);
	for (int row = 0; r && row < PQntuples(r); row++)
		for (size_t i = 0; i < x->n; i++)
			if (memcmp(col_bytes(r, row, 0).p + 1, x->settlements[i].id.b,
				    sizeof(struct job_id)) == 0)
				x->settlements[i].verdict = ST_CORRUPT;
	PQclear(r);
	args_release(&args);
	list_release(&keys);
}

/* Workflows may lose the one that has the turn, and accounts a job. */
static void lock_all(struct tx *tx, const struct job_id *ids, size_t n)
{
	struct list list = LIST_INIT(LIST_ID);
	struct args args = ARGS_INIT;
	size_t keys_n = 0;
	for (size_t i = 0; i < n; i++)
		list_id(&list, ids[i]);
	arg_list(&args, &list);
	PGresult *r =
		n && !tx->is_alone
			? tx_query(tx, "SELECT j.workflow, j.charged FROM clario_job j WHERE j.id = ANY($1)",
				  &args)
			: NULL;
	uint64_t *keys = r ? calloc(2 * (size_t)PQntuples(r) + 1, sizeof *keys) : NULL;
	if (r && !keys)
		tx_fail(tx, ST_NOMEM, "out of memory");
	for (int i = 0; keys && i < PQntuples(r); i++) {
		keys[keys_n++] = lock_key(tx, LOCK_WORKFLOW, col_bytes(r, i, 0));
		if (!PQgetisnull(r, i, 1))
			keys[keys_n++] = lock_key(tx, LOCK_ACCOUNT, col_bytes(r, i, 1));
	}
	locks_take(tx, keys, keys_n);
	free(keys);
	PQclear(r);
	args_release(&args);
	list_release(&list);
}

static void load_settled(struct tx *tx, struct exchange *x)
{
	struct job_id *ids = calloc(x->n + 1, sizeof *ids);
	size_t ending = 0, events = 0;
	if (!ids) {
		tx_fail(tx, ST_NOMEM, "out of memory");
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		const struct settlement *s = &x->settlements[i];
		if (s->kind != SETTLE_RENEW) {
			ids[ending++] = s->id;
			events += 1 + s->notices_n;
		}
	}
	lock_all(tx, ids, ending);
	for (size_t i = 0; i < x->n; i++)
		ids[i] = x->settlements[i].id;
	rows_load(tx, ids, x->n, false);
	tx_expect(tx, events);
	free(ids);
}

static void settle_all(struct tx *tx, struct exchange *x)
{
	uint64_t aside_before = tx->head.set_aside;
	for (size_t i = 0; i < x->n; i++)
		x->settlements[i].verdict = ST_OK;
	load_settled(tx, x);
	mark_missing(tx, x, aside_before);
	for (size_t i = 0; i < x->n && tx->st == ST_OK; i++)
		settle_one(tx, x, &x->settlements[i]);
}

/* --- leases that are over --- */

static void expire(struct tx *tx, struct exchange *x, struct job_id id)
{
	struct event event;
	struct row *row = row_find(tx, id);
	if (!row || row->job.state != JOB_ACTIVE || !row_lease_is_over(tx, row) ||
		rules_expire_lease(&row->job, tx->now, &event, NULL) != ST_OK)
		return;
	event_append(tx, &event, &row->job);
	row_update(tx, row);
	after_change(tx, x, row);
	x->expired++;
}

/* Whose lease is over, or whose record cannot be read; and what must be had for them: two keys of each. */
static size_t find_over(
	struct tx *tx, const PGresult *r, struct job_id ids[REAP_MAX], uint64_t keys[2 * REAP_MAX])
{
	size_t n = 0;
	for (int i = 0; i < PQntuples(r); i++) {
		struct row row = {.lease_us = col_int(r, i, 3)};
		bool is_over = job_decode(r, i, &row.job, tx->store->seed, &row.hashes) != ST_OK ||
			       row_lease_is_over(tx, &row);
		job_release(&row.job);
		tx->store->next_reap = col_id(r, i, 0);
		if (!is_over)
			continue;
		keys[2 * n] = lock_key(tx, LOCK_WORKFLOW, col_bytes(r, i, 5));
		keys[2 * n + 1] = lock_key(tx, PQgetisnull(r, i, 6) ? LOCK_WORKFLOW : LOCK_ACCOUNT,
			col_bytes(r, i, PQgetisnull(r, i, 6) ? 5 : 6));
		ids[n++] = col_id(r, i, 0);
	}
	return n;
}

/* Nobody is waited for who settles one of them just now. */
static void expire_all(struct tx *tx, struct exchange *x, const PGresult *r)
{
	struct job_id ids[REAP_MAX];
	uint64_t keys[2 * REAP_MAX];
	bool got[2 * REAP_MAX];
	size_t n = find_over(tx, r, ids, keys), had = 0;
	locks_try(tx, keys, 2 * n, got);
	for (size_t i = 0; i < n; i++)
		if (got[2 * i] && got[2 * i + 1])
			ids[had++] = ids[i];
	rows_load_free(tx, ids, had, false, PLACE_ACTIVE);
	tx_expect(tx, had);
	for (size_t i = 0; i < had && tx->st == ST_OK; i++)
		expire(tx, x, ids[i]);
}

/* The next ones by id, from where the last call ended; behind the last it begins again. */
static void reap_leases(struct tx *tx, struct exchange *x)
{
	struct store *store = tx->store;
	struct args args = ARGS_INIT;
	if (tx->now.boot_us < store->next_reap_boot_us || head_place(&tx->head, PLACE_ACTIVE) == 0)
		return;
	store->next_reap_boot_us = tx->now.boot_us + REAP_EVERY_US;
	arg_id(&args, store->next_reap);
	arg_int(&args, REAP_MAX);
	PGresult *r = tx_query(tx,
		"SELECT " ROW_STATE " FROM clario_job j WHERE j.place = 3 ORDER BY j.id <= $1, j.id LIMIT $2",
		&args);
	if (r)
		expire_all(tx, x, r);
	PQclear(r);
	args_release(&args);
}

/* --- what comes due --- */

static void due_one(struct tx *tx, struct row *row)
{
	if (row->job.state != JOB_DELAYED || rules_due(&row->job, tx->now, NULL) != ST_OK)
		return;
	struct event event = {
		.at_us = tx->now.wall_us,
		.kind = EVENT_DUE,
		.job = row->job.id,
		.phase = row->job.phase,
		.from = JOB_DELAYED,
		.to = JOB_WAITING,
		.attempt = row->job.attempts_made,
		.actor = slice_text("system"),
	};
	event_append(tx, &event, &row->job);
	row_update(tx, row);
}

static void due_move(struct tx *tx)
{
	struct args args = ARGS_INIT;
	if (head_place(&tx->head, PLACE_DELAYED) == 0)
		return;
	arg_int(&args, tx->now.wall_us);
	arg_int(&args, DUE_MAX);
	PGresult *r = tx_query(tx,
		"SELECT " ROW_STATE " FROM clario_job j WHERE j.place = 2 AND j.at_us <= $1"
		" ORDER BY j.at_us, j.id LIMIT $2 FOR UPDATE SKIP LOCKED",
		&args);
	for (int i = 0; r && i < PQntuples(r); i++)
		row_of(tx, r, i, true);
	tx_expect(tx, r ? (size_t)PQntuples(r) : 0);
	for (int i = 0; r && i < PQntuples(r) && tx->st == ST_OK; i++) {
		struct row *row = row_find(tx, col_id(r, i, 0));
		if (row)
			due_one(tx, row);
	}
	PQclear(r);
	args_release(&args);
}

static int64_t due_next(struct tx *tx)
{
	int64_t at_us = INT64_MAX;
	if (head_place(&tx->head, PLACE_DELAYED) == 0)
		return at_us;
	PGresult *r = tx_query(tx,
		"SELECT j.at_us FROM clario_job j WHERE j.place = 2 ORDER BY j.at_us, j.id LIMIT 1", NULL);
	if (r && PQntuples(r))
		at_us = col_int(r, 0, 0);
	PQclear(r);
	return at_us;
}

/* --- all of it --- */

static void run(struct tx *tx, void *arg)
{
	struct exchange *x = arg;
	for (size_t i = 0; i < x->claimed; i++) /* of an attempt that came to nothing */
		job_release(&x->jobs[i]);
	x->claimed = x->expired = 0;
	list_release(&x->left);
	tx->is_changed = x->n > 0; /* what is told of receivers goes with it */
	settle_all(tx, x);
	reap_leases(tx, x);
	lines_hand_on(tx, &x->left);
	due_move(tx);
	receivers_report(tx, x->ask, &x->passed);
	if (x->ask && x->ask->max)
		claim_jobs(tx, x->ask, x->jobs, &x->claimed);
	x->soonest_us = due_next(tx);
	bool is_news = claim_leaves_news(tx, x->claimed);
	/* Without room of its own the caller may not come back when the next job is due. */
	bool left_over = is_news || (tx->wakes && (!x->ask || x->claimed == x->ask->max));
	tx_flush(tx);
	tx->rings = left_over;
	tx->wakes = false;
	x->is_kept = tx->is_changed;
}

enum status pg_exchange(struct store *store, struct moment now, struct settlement *settlements, size_t n,
	const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us, struct why *why)
{
	struct exchange x = {
		.settlements = settlements, .n = n, .ask = ask, .jobs = jobs, .left = LIST_INIT(LIST_BYTES)};
	*jobs_n = 0;
	*next_due_us = INT64_MAX;
	enum status st = claim_check(ask, why);
	if (st == ST_OK)
		st = tx_write_beside(store, now, run, &x, why);
	list_release(&x.left);
	if (st != ST_OK) {
		for (size_t i = 0; i < x.claimed; i++)
			job_release(&jobs[i]);
		return st;
	}
	if (receivers_reported(ask, now, x.is_kept ? ~x.passed : 0, &x.soonest_us))
		wake_ring(store->wake);
	if (ask && ask->expired)
		*ask->expired = x.expired;
	*jobs_n = x.claimed;
	*next_due_us = x.soonest_us;
	return ST_OK;
}

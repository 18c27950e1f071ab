/* spool/store/postgres/accounts.c: callers whose jobs count: one record each in clario_meta, under caller.
 * and the name, as the LMDB engine has it. */
#include "spool/store/common/codec.h"
#include "spool/store/postgres/tx.h"
#include "spool/store/postgres/verbs.h"

#include <stdio.h>
#include <stdlib.h>

static const char prefix[] = "caller.";
enum { PREFIX_LEN = sizeof prefix - 1 };

/* What a transaction knows of one. */
struct account_row {
	struct account account;
	bool is_dirty;
	struct account_row *next;
};

static struct slice key_of(const char *name, char out[PREFIX_LEN + JOB_TEXT_MAX + 1])
{
	int len = snprintf(out, PREFIX_LEN + JOB_TEXT_MAX + 1, "%s%s", prefix, name);
	return slice_of(out, (size_t)len);
}

static struct account_row *load(struct tx *tx, struct slice source)
{
	static _Thread_local struct account_row spare; /* after a failure: nothing comes of it */
	char key[PREFIX_LEN + JOB_TEXT_MAX + 1];
	struct buf record = BUF_INIT(1 << 12);
	for (struct account_row *a = tx->accounts; a; a = a->next)
		if (slice_is(source, a->account.name))
			return a;
	struct account_row *a = calloc(1, sizeof *a);
	if (!a) {
		tx_fail(tx, ST_NOMEM, "out of memory");
		return &spare;
	}
	char name[JOB_TEXT_MAX + 1];
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(source));
	if (meta_get(tx, key_of(name, key), &record) == ST_OK)
		(void)account_decode(buf_slice(&record), &a->account);
	memcpy(a->account.name, name, sizeof name);
	buf_release(&record);
	a->next = tx->accounts;
	tx->accounts = a;
	return a;
}

bool account_has_room(struct tx *tx, const struct trigger *t, struct why *why)
{
	if (t->max_jobs == 0 && t->max_bytes == 0)
		return true;
	return account_takes(&load(tx, t->source)->account, t, why);
}

void account_count(struct tx *tx, const struct job *job, int by)
{
	if (!job->is_charged || by == 0)
		return;
	struct account_row *a = load(tx, job->source);
	a->is_dirty = true;
	account_add(&a->account, job->charged_bytes, by);
}

void accounts_flush(struct tx *tx)
{
	char key[PREFIX_LEN + JOB_TEXT_MAX + 1];
	for (struct account_row *a = tx->accounts; a; a = a->next) {
		if (!a->is_dirty)
			continue;
		a->is_dirty = false;
		account_encode(&a->account, &tx->scratch);
		if (a->account.jobs)
			meta_put(tx, key_of(a->account.name, key), buf_slice(&tx->scratch));
		else
			meta_del(tx, key_of(a->account.name, key));
	}
}

void accounts_release(struct tx *tx)
{
	while (tx->accounts) {
		struct account_row *a = tx->accounts;
		tx->accounts = a->next;
		free(a);
	}
}

/* Anew from the jobs, when one has gone of which it is not known whose it was. */
void accounts_recount(struct tx *tx)
{
	struct job job;
	struct job_hashes hashes;
	PGresult *r = tx_query(tx, "SELECT " ROW_WHOLE " FROM clario_job j WHERE " ROW_LIVE, NULL);
	if (!r)
		return;
	accounts_release(tx);
	tx_exec(tx, "DELETE FROM clario_meta WHERE key >= 'caller.'::bytea AND key < 'caller/'::bytea", NULL);
	for (int i = 0; i < PQntuples(r); i++)
		if (job_decode(r, i, &job, tx->store->seed, &hashes) == ST_OK) {
			account_count(tx, &job, 1);
			job_release(&job);
		}
	PQclear(r);
}

/* --- all of them, a page at a time --- */

struct accounts_ask {
	uint64_t *after;
	struct account *out;
	size_t cap, *n;
};

static void read_page(struct tx *tx, void *arg)
{
	struct accounts_ask *ask = arg;
	struct args args = ARGS_INIT;
	*ask->n = 0;
	arg_int(&args, (int64_t)*ask->after);
	arg_int(&args, (int64_t)ask->cap);
	PGresult *r = tx_query(tx,
		"SELECT value FROM clario_meta WHERE key >= 'caller.'::bytea AND key < 'caller/'::bytea"
		" ORDER BY key OFFSET $1 LIMIT $2",
		&args);
	for (int i = 0; r && i < PQntuples(r); i++)
		if (account_decode(col_bytes(r, i, 0), &ask->out[*ask->n]) == ST_OK)
			(*ask->n)++;
	if (r)
		*ask->after += (uint64_t)PQntuples(r);
	PQclear(r);
	args_release(&args);
}

enum status pg_accounts(
	struct store *store, uint64_t *after, struct account *out, size_t cap, size_t *n, struct why *why)
{
	uint64_t at = *after;
	struct accounts_ask ask = {&at, out, cap, n};
	enum status st = tx_read(store, read_page, &ask, why);
	if (st == ST_OK)
		*after = at;
	return st;
}

/* spool/store/lmdb/account_io.c: see account_io.h. */
#include "spool/store/lmdb/account_io.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/verbs.h"

#include <inttypes.h>
#include <stdio.h>

static const char prefix[] = "caller.";
enum { PREFIX_LEN = sizeof prefix - 1, DIGITS = 16 };

/* --- key and record --- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool account_of_key(struct slice key, uint64_t *hash)
{
	*hash = 0;
	if (key.len != PREFIX_LEN + DIGITS || memcmp(key.p, prefix, PREFIX_LEN) != 0)
		return false;
	for (size_t i = PREFIX_LEN; i < key.len; i++) {
		if (digit(key.p[i]) < 0)
			return false;
		*hash = *hash << 4 | (unsigned)digit(key.p[i]);
	}
	return *hash != 0;
}

struct key account_key(uint64_t hash)
{
	char text[PREFIX_LEN + DIGITS + 1];
	struct key key = {.len = PREFIX_LEN + DIGITS};
	snprintf(text, sizeof text, "%s%016" PRIx64, prefix, hash);
	memcpy(key.b, text, key.len);
	return key;
}

static void load(struct tx *tx, uint64_t hash, struct account *out)
{
	struct key key = account_key(hash);
	struct slice record;
	*out = (struct account){0};
	if (tx_get(tx, TREE_META, key_slice(&key), &record) == ST_OK)
		(void)account_decode(record, out);
}

static void put(struct tx *tx, uint64_t hash, const struct account *account)
{
	struct key key = account_key(hash);
	if (account->jobs == 0) {
		tx_del_if_there(tx, TREE_META, key_slice(&key));
		return;
	}
	account_encode(account, &tx->scratch);
	tx_put(tx, TREE_META, key_slice(&key), buf_slice(&tx->scratch));
}

/* --- one job more or less --- */

bool account_has_room(struct tx *tx, const struct trigger *t, struct why *why)
{
	struct account has;
	if (t->max_jobs == 0 && t->max_bytes == 0)
		return true;
	load(tx, key_account_hash(tx->store->seed, t->source), &has);
	return account_takes(&has, t, why);
}

void account_count(struct tx *tx, const struct job *job, uint64_t hash, int by)
{
	struct account account;
	if (!job->is_charged || by == 0)
		return;
	load(tx, hash, &account);
	if (by > 0)
		account_set_name(&account, job->source);
	account_add(&account, job->charged_bytes, by);
	put(tx, hash, &account);
}

/* --- all of them --- */

bool account_tally(struct tally *tally, struct slice id, struct slice record, int by, bool *is_readable)
{
	struct job job = {.id = key_get_id(id, 0)};
	struct job_hashes hashes;
	if (!record_peek_charged(record))
		return true;
	if (record_decode_job(record, &job, &hashes) != ST_OK) {
		*is_readable = false;
		return true;
	}
	if (!job.is_charged || job_state_is_ended(job.state))
		return true;
	return tally_add(tally, hashes.account, by, by * (int64_t)job.charged_bytes, job.id);
}

static void tally_jobs(struct tx *tx, struct tally *tally)
{
	struct walk w;
	bool is_readable, ok = true;
	bool more = walk_open(&w, tx, TREE_JOB) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more && ok; more = walk_next(&w))
		ok = account_tally(tally, w.key, w.value, 1, &is_readable);
	walk_close(&w);
	if (!ok)
		tx_fail_status(tx, ST_NOMEM, "out of memory while counting the callers' jobs");
}

/* The first account whose hash is not less. */
static bool next_account(struct tx *tx, uint64_t from, uint64_t *hash, struct account *out)
{
	struct key key = account_key(from);
	struct walk w;
	bool is =
		walk_open(&w, tx, TREE_META) && walk_from(&w, key_slice(&key)) && account_of_key(w.key, hash);
	if (is)
		(void)account_decode(w.value, out);
	walk_close(&w);
	return is;
}

static void put_tallied(struct tx *tx, const struct tally_row *row)
{
	struct loaded l;
	struct account account = {.jobs = (uint64_t)row->jobs, .bytes = (uint64_t)row->bytes};
	if (job_load(tx, row->job, JOB_WITHOUT_PAYLOAD, &l) == ST_OK) {
		account_set_name(&account, l.job.source);
		loaded_release(&l);
	}
	put(tx, row->account, &account);
}

void account_recount(struct tx *tx)
{
	struct tally tally = TALLY_INIT;
	struct account gone;
	uint64_t hash;
	if (!next_account(tx, 0, &hash, &gone))
		return;
	tally_jobs(tx, &tally);
	do {
		struct key key = account_key(hash);
		tx_del(tx, TREE_META, key_slice(&key));
	} while (tx->st == ST_OK && next_account(tx, hash, &hash, &gone));
	for (size_t i = 0; i < tally.cap && tx->st == ST_OK; i++)
		if (tally.rows[i].account)
			put_tallied(tx, &tally.rows[i]);
	tally_release(&tally);
}

enum status lmdb_accounts(
	struct store *store, uint64_t *after, struct account *out, size_t cap, size_t *n, struct why *why)
{
	struct tx tx;
	*n = 0;
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	while (*n < cap && *after < UINT64_MAX && next_account(&tx, *after + 1, after, &out[*n]))
		(*n)++;
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

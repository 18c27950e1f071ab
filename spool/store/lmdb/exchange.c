/* spool/store/lmdb/exchange.c: outcomes in, claims out, one transaction (promises 2, 3, 5, 7, 8). */
#include "spool/model/claim.h"
#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/claim.h"
#include "spool/store/lmdb/due.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/receiver_io.h"
#include "spool/store/lmdb/verbs.h"
#include "spool/store/lmdb/wake.h"

#include <stdio.h>

/* Leases are looked at four times a second, in bounded portions. */
enum { REAP_EVERY_US = 250000, REAP_MAX = 256 };

static void append_notices(struct tx *tx, struct job *job, const struct settlement *s)
{
	for (size_t i = 0; i < s->notices_n; i++) {
		struct event event = rules_notice(job, &s->notices[i], tx->now);
		event_append(tx, &event, job);
	}
}

/* A job that has ended or lost its lease: place in the line, durations. */
static void after_change(struct tx *tx, struct loaded *l)
{
	if (!job_state_is_ended(l->job.state))
		return;
	if (l->job.state == JOB_COMPLETED)
		head_completed(&tx->head, (l->job.finished_at_us - l->job.claimed_at_us) / 1000);
	line_leave(tx, l);
}

/* Its record is to be written afterwards: true. */
static bool settle_loaded(struct tx *tx, struct loaded *l, struct settlement *s)
{
	char actor[JOB_OWNER_MAX + 8];
	struct event event;
	snprintf(actor, sizeof actor, "worker:%s", l->job.lease.owner);
	s->verdict = rules_settle(&l->job, s, tx->now, &event, NULL);
	if (s->verdict == ST_CONFLICT && s->kind == SETTLE_ORPHAN)
		return false; /* no late result: what the dead worker held is not known to the moment */
	if (s->verdict == ST_CONFLICT)
		event_append(tx, &event, &l->job);
	if (s->verdict != ST_OK)
		return s->verdict == ST_CONFLICT;
	event.actor = slice_text(actor);
	append_notices(tx, &l->job, s);
	if (s->kind != SETTLE_RENEW)
		event_append(tx, &event, &l->job);
	return true;
}

/* All of them are of one job, which is read and written once. */
static void settle_job(struct tx *tx, struct settlement *s, size_t n)
{
	struct loaded l;
	bool is_changed = false, is_settled = false;
	enum status st = job_load(tx, s->id, JOB_STATE_ONLY, &l);
	if (st == ST_CORRUPT)
		aside_job(tx, s->id, NULL);
	for (size_t i = 0; i < n; i++) {
		s[i].verdict = st;
		if (st == ST_OK)
			is_changed |= settle_loaded(tx, &l, &s[i]);
		is_settled |= s[i].verdict == ST_OK;
	}
	if (is_changed)
		job_update(tx, &l);
	if (is_settled)
		after_change(tx, &l);
	if (st == ST_OK)
		loaded_release(&l);
}

static void settle_all(struct tx *tx, struct settlement *settlements, size_t n)
{
	for (size_t i = 0, same; i < n && tx->st == ST_OK; i += same) {
		for (same = 1; i + same < n; same++)
			if (id_cmp(settlements[i + same].id, settlements[i].id) != 0)
				break;
		settle_job(tx, &settlements[i], same);
	}
}

static void copy_key(struct key *out, struct slice key)
{
	out->len = QUEUE_LEN;
	memcpy(out->b, key.p, QUEUE_LEN);
}

/* The next keys of active jobs, from where the last call ended, round again behind the last, each once.
 * Copies, so that they may be changed after. */
static size_t collect_active(struct tx *tx, struct key keys[REAP_MAX])
{
	const struct key all = {.len = 1, .b = {PLACE_ACTIVE}};
	struct key *next = &tx->store->next_reap;
	struct walk w;
	size_t n = 0;
	bool more = walk_open(&w, tx, TREE_QUEUE) && walk_from(&w, key_slice(next->len ? next : &all));
	for (int rounds = 0; n < REAP_MAX && rounds < 2;) {
		if (!more || !key_has_prefix(w.key, &all)) {
			more = walk_from(&w, key_slice(&all));
			rounds++;
			continue;
		}
		if (n && slice_eq(w.key, key_slice(&keys[0])))
			break;
		if (w.key.len == QUEUE_LEN)
			copy_key(&keys[n++], w.key);
		more = walk_next(&w);
	}
	next->len = 0;
	if (more && w.key.len == QUEUE_LEN)
		copy_key(next, w.key);
	walk_close(&w);
	return n;
}

static bool expire_one(struct tx *tx, struct loaded *l)
{
	struct event event;
	if (!rules_lease_is_over(&l->job, tx->now) ||
		rules_expire_lease(&l->job, tx->now, &event, NULL) != ST_OK)
		return false;
	event_append(tx, &event, &l->job);
	job_update(tx, l);
	after_change(tx, l);
	return true;
}

/* How many were over. */
static size_t reap_leases(struct tx *tx)
{
	struct store *store = tx->store;
	struct key keys[REAP_MAX];
	size_t expired = 0;
	if (tx->now.boot_us < atomic_load(&store->next_reap_boot_us) ||
		head_place(&tx->head, PLACE_ACTIVE) == 0)
		return 0;
	atomic_store(&store->next_reap_boot_us, tx->now.boot_us + REAP_EVERY_US);
	size_t n = collect_active(tx, keys);
	for (size_t i = 0; i < n; i++) {
		struct loaded l;
		struct job_id id = key_get_id(key_slice(&keys[i]), QUEUE_ID);
		enum status st = job_load(tx, id, JOB_STATE_ONLY, &l);
		if (st == ST_OK) {
			expired += expire_one(tx, &l);
			loaded_release(&l);
		} else {
			aside_job(tx, id, &keys[i]);
		}
	}
	return expired;
}

enum status lmdb_exchange(struct store *store, struct moment now, struct settlement *settlements, size_t n,
	const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us, struct why *why)
{
	struct tx tx;
	size_t claimed = 0;
	*jobs_n = 0;
	*next_due_us = INT64_MAX;
	enum status st = claim_check(ask, why);
	if (st == ST_OK)
		st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	settle_all(&tx, settlements, n);
	size_t expired = reap_leases(&tx);
	due_move(&tx);
	receivers_report(&tx, ask);
	if (ask && ask->max)
		claim_jobs(&tx, ask, jobs, &claimed);
	int64_t soonest = due_next(&tx);
	bool is_news = claim_leaves_news(&tx, claimed);
	/* Without room of its own the caller may not come back when the next job is due. */
	bool left_over = is_news || (tx.wakes && (!ask || claimed == ask->max));
	if (tx.st == ST_OK && !tx.head_changed && n == 0)
		tx_end(&tx); /* nothing happened: no commit, no sync */
	else
		st = tx_commit(&tx, why);
	if (st != ST_OK) {
		for (size_t i = 0; i < claimed; i++)
			job_release(&jobs[i]);
		return st;
	}
	receivers_reported(&tx, ask, n > 0 || tx.head_changed, &soonest);
	if (left_over)
		wake_ring(store);
	if (ask && ask->expired)
		*ask->expired = expired;
	*jobs_n = claimed;
	*next_due_us = soonest;
	return ST_OK;
}

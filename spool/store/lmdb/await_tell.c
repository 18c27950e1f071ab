/* spool/store/lmdb/await_tell.c: telling of workflows whose next phase did not come in time, and listing
 * them. The jobs that completed are looked at once each, in order of time, when their time has passed; how
 * far that has come is remembered in a bookmark. */
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/bookmark.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>

enum { LOOK_MAX = 512, TELL_MAX = 256, OVER_MAX = 64 };
/* --- what has come, or will never --- */

static bool is_over(struct tx *tx, struct job_id id, struct slice record)
{
	struct stalled stalled;
	struct loaded l;
	if (await_decode(record, &stalled) != ST_OK || job_load(tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return true;
	bool is_open = await_is_open(tx, &l, stalled.phase);
	loaded_release(&l);
	return !is_open;
}

/* The next of the records, round again behind the last. */
static size_t collect_over(struct tx *tx, struct job_id ids[OVER_MAX])
{
	struct key all = await_prefix(), from = await_key(tx->store->await_over);
	struct walk w;
	size_t n = 0;
	int looked = 0;
	bool more = walk_open(&w, tx, TREE_META) && walk_from(&w, key_slice(&from));
	tx->store->await_over = (struct job_id){{0}};
	for (; more && key_has_prefix(w.key, &all); more = walk_next(&w)) {
		struct job_id id;
		if (!await_of_key(w.key, &id))
			continue;
		if (looked++ == OVER_MAX) {
			tx->store->await_over = id;
			break;
		}
		if (is_over(tx, id, w.value))
			ids[n++] = id;
	}
	walk_close(&w);
	return n;
}

/* --- whom to tell of --- */

struct due {
	struct await_at at; /* how far this look comes */
	struct job_id jobs[TELL_MAX];
	size_t n;
	bool is_cut; /* by its own bounds */
};

static bool is_due(struct tx *tx, struct job_id id, int phase)
{
	struct key told = await_key(id);
	struct loaded l;
	if (job_load(tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return false;
	bool is_open = await_is_open(tx, &l, phase) && !tx_has(tx, TREE_META, key_slice(&told));
	loaded_release(&l);
	return is_open;
}

/* The jobs that completed since those looked at before, until end_us. */
static void look(struct tx *tx, int phase, int64_t end_us, struct due *due)
{
	struct key all = key_queue_prefix(PLACE_COMPLETED, phase - 1), from = all;
	struct walk w;
	int looked = 0;
	key_add(&from, 0, 1);
	key_add(&from, (uint64_t)due->at.at_us, 8);
	key_add_id(&from, due->at.id);
	bool more = walk_open(&w, tx, TREE_QUEUE) && walk_from(&w, key_slice(&from));
	if (more && slice_eq(w.key, key_slice(&from)))
		more = walk_next(&w);
	for (; more && key_has_prefix(w.key, &all) && key_queue_at(w.key) <= end_us; more = walk_next(&w)) {
		due->is_cut = looked++ == LOOK_MAX || due->n == TELL_MAX;
		if (due->is_cut)
			break;
		due->at.at_us = key_queue_at(w.key);
		due->at.id = key_queue_id(w.key);
		due->at.is_news = true;
		if (is_due(tx, due->at.id, phase))
			due->jobs[due->n++] = due->at.id;
	}
	walk_close(&w);
	if (!due->is_cut) {
		due->at.at_us = end_us;
		memset(due->at.id.b, 0xff, sizeof due->at.id.b);
	}
}

/* How far it has come. */
static enum status find_place(
	struct store *store, int phase, int64_t end_us, struct await_at *at, struct why *why)
{
	char name[AWAIT_BOOKMARK_MAX];
	uint64_t saved = 0;
	enum status st = ST_OK;
	*at = store->await_at[phase];
	if (!at->is_known)
		st = lmdb_bookmark_get(store, await_bookmark(phase, name), &saved, why);
	if (st == ST_OK)
		await_begin(at, saved, end_us);
	return st;
}

/* --- telling --- */

static void append_event(struct tx *tx, struct loaded *l, const struct stalled *stalled)
{
	char reason[AWAIT_REASON_MAX];
	struct event event;
	await_event(&l->job, stalled, tx->now, reason, &event);
	event_append(tx, &event, &l->job);
	job_update(tx, l);
}

/* The phase may have come since it was looked at, or another worker has told. */
static bool tell_one(struct tx *tx, struct job_id id, int phase)
{
	struct key key = await_key(id);
	struct loaded l;
	if (!is_due(tx, id, phase) || job_load(tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return false;
	struct stalled stalled = {.phase = phase,
		.since_us = l.job.finished_at_us,
		.due_us = l.job.finished_at_us + tx->store->await_us[phase]};
	append_event(tx, &l, &stalled);
	loaded_release(&l);
	await_encode(&stalled, &tx->scratch);
	tx_put(tx, TREE_META, key_slice(&key), buf_slice(&tx->scratch));
	return true;
}

/* One commit, if there is anything to write. */
static enum status write_down(struct store *store, struct moment now, int phase, struct due *due,
	const struct job_id *over, size_t over_n, size_t *told, struct why *why)
{
	struct tx tx;
	size_t n = 0;
	bool saves = due->n > 0 || await_is_to_save(&due->at);
	if (!saves && over_n == 0)
		return ST_OK;
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < over_n; i++)
		await_forget(&tx, over[i]);
	for (size_t i = 0; i < due->n && tx.st == ST_OK; i++)
		n += tell_one(&tx, due->jobs[i], phase);
	if (saves) {
		char name[AWAIT_BOOKMARK_MAX];
		bookmark_put(&tx, await_bookmark(phase, name), (uint64_t)due->at.at_us);
	}
	st = tx_commit(&tx, why);
	if (st != ST_OK)
		return st;
	*told += n;
	if (saves) {
		due->at.saved_us = due->at.at_us;
		due->at.is_news = false;
	}
	return ST_OK;
}

static enum status tell_phase(
	struct store *store, struct moment now, int phase, size_t *told, bool *has_more, struct why *why)
{
	struct tx tx;
	struct due due = {.n = 0};
	struct job_id over[OVER_MAX];
	int64_t end_us = await_end_us(store->await_us[phase], now);
	if (end_us <= 0)
		return ST_OK;
	enum status st = find_place(store, phase, end_us, &due.at, why);
	if (st == ST_OK)
		st = tx_begin(&tx, store, TX_READ, now, why);
	if (st != ST_OK)
		return st;
	size_t over_n = collect_over(&tx, over);
	look(&tx, phase, end_us, &due);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	if (st == ST_OK)
		st = write_down(store, now, phase, &due, over, over_n, told, why);
	if (st != ST_OK)
		return st;
	store->await_at[phase] = due.at;
	*has_more |= due.is_cut;
	return ST_OK;
}

enum status lmdb_await_tell(
	struct store *store, struct moment now, size_t *told, bool *has_more, struct why *why)
{
	enum status st = ST_OK;
	*told = 0;
	*has_more = false;
	for (int phase = AWAIT_FIRST; phase <= AWAIT_LAST && st == ST_OK; phase++)
		if (store->await_us[phase] > 0)
			st = tell_phase(store, now, phase, told, has_more, why);
	return st;
}

/* --- listing --- */

static void copy_text(char out[JOB_TEXT_MAX + 1], struct slice text)
{
	snprintf(out, JOB_TEXT_MAX + 1, "%.*s", SLICE_ARG(text));
}

/* false: it is over, and stands there until somebody tidies up. */
static bool read_one(struct tx *tx, struct job_id id, struct slice record, struct stalled *out)
{
	struct loaded l;
	if (await_decode(record, out) != ST_OK || job_load(tx, id, JOB_WITHOUT_PAYLOAD, &l) != ST_OK)
		return false;
	bool is_open = await_is_open(tx, &l, out->phase);
	out->job = id;
	copy_text(out->workflow_id, l.job.workflow_id);
	copy_text(out->user_id, l.job.user_id);
	loaded_release(&l);
	return is_open;
}

enum status lmdb_stalled(
	struct store *store, struct job_id *at, struct stalled *out, size_t cap, size_t *n, struct why *why)
{
	struct tx tx;
	struct walk w;
	struct key all = await_prefix(), from = await_key(*at);
	*n = 0;
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	bool more = walk_open(&w, &tx, TREE_META) && walk_from(&w, key_slice(&from));
	if (more && slice_eq(w.key, key_slice(&from)))
		more = walk_next(&w);
	for (; more && *n < cap && key_has_prefix(w.key, &all); more = walk_next(&w))
		if (await_of_key(w.key, at))
			*n += read_one(&tx, *at, w.value, &out[*n]);
	walk_close(&w);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

/* spool/store/lmdb/await_tell.c: telling of workflows whose next phase did not come in time, and listing
 * them. Both go by the entries in time, so that their cost does not depend on how many wait. */
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>

enum { TELL_MAX = 256 };

/* --- telling --- */

static size_t collect_due(struct tx *tx, struct key *keys, size_t max)
{
	struct key waiting = await_time_prefix(false);
	struct await now = {.deadline_us = tx->now.wall_us};
	struct key end = await_time_key(&now, UINT64_MAX);
	struct walk w;
	size_t n = 0;
	bool more = walk_open(&w, tx, TREE_META) && walk_from(&w, key_slice(&waiting));
	for (; more && n < max && key_has_prefix(w.key, &waiting); more = walk_next(&w)) {
		if (w.key.len != end.len || memcmp(w.key.p, end.b, end.len) > 0)
			break;
		keys[n].len = w.key.len;
		memcpy(keys[n++].b, w.key.p, w.key.len);
	}
	walk_close(&w);
	return n;
}

static void append_event(struct tx *tx, struct loaded *l, const struct await *await)
{
	char reason[120];
	snprintf(reason, sizeof reason, "phase %d did not come within %lld s after phase %d had completed",
		await->phase, (long long)((await->deadline_us - await->since_us) / 1000000), l->job.phase);
	struct event event = {
		.at_us = tx->now.wall_us,
		.kind = EVENT_STALLED,
		.job = l->job.id,
		.phase = l->job.phase,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.attempt = l->job.attempts_made,
		.actor = slice_text("system"),
		.reason = slice_text(reason),
	};
	event_append(tx, &event, &l->job);
	job_update(tx, l);
}

/* An entry by time that leads nowhere, which only damage makes, goes; so does what waits because of a job
 * that cannot be read: nobody is left to tell of. */
static bool tell_one(struct tx *tx, const struct key *key)
{
	struct await await;
	struct loaded l;
	uint64_t hash = 0;
	bool leads = await_of_key(key_slice(key), &hash) && await_load(tx, hash, &await) == ST_OK;
	struct key of = leads ? await_time_key(&await, hash) : (struct key){0};
	if (!slice_eq(key_slice(&of), key_slice(key))) {
		tx_del_if_there(tx, TREE_META, key_slice(key));
		tx->head_changed = true;
		return false;
	}
	await_delete(tx, hash, &await);
	if (job_load(tx, await.job, JOB_STATE_ONLY, &l) != ST_OK)
		return false;
	append_event(tx, &l, &await);
	loaded_release(&l);
	await.is_told = true;
	await_put(tx, hash, &await);
	return true;
}

static bool is_any_due(struct store *store, struct moment now, enum status *st, struct why *why)
{
	struct tx tx;
	struct key key;
	*st = tx_begin(&tx, store, TX_READ, now, why);
	if (*st != ST_OK)
		return false;
	bool is_any = collect_due(&tx, &key, 1) > 0;
	*st = tx.st;
	tx_end(&tx);
	return is_any;
}

enum status lmdb_await_tell(
	struct store *store, struct moment now, size_t *told, bool *has_more, struct why *why)
{
	struct tx tx;
	struct key keys[TELL_MAX];
	enum status st;
	*told = 0;
	*has_more = false;
	if (!is_any_due(store, now, &st, why))
		return st;
	st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	size_t n = collect_due(&tx, keys, TELL_MAX);
	for (size_t i = 0; i < n && tx.st == ST_OK; i++)
		*told += tell_one(&tx, &keys[i]);
	*has_more = n == TELL_MAX;
	return tx_commit(&tx, why);
}

/* --- listing --- */

static void copy_text(char out[JOB_TEXT_MAX + 1], struct slice text)
{
	snprintf(out, JOB_TEXT_MAX + 1, "%.*s", SLICE_ARG(text));
}

static bool read_one(struct tx *tx, uint64_t hash, struct stalled *out)
{
	struct loaded l;
	*out = (struct stalled){0};
	if (await_load(tx, hash, &out->await) != ST_OK)
		return false;
	if (job_load(tx, out->await.job, JOB_WITHOUT_PAYLOAD, &l) == ST_OK) {
		copy_text(out->workflow_id, l.job.workflow_id);
		copy_text(out->user_id, l.job.user_id);
		loaded_release(&l);
	}
	return true;
}

/* Those that were told, or those that are late but were not told yet. */
static void list_part(
	struct tx *tx, bool is_told, struct stalled_at *at, struct stalled *out, size_t cap, size_t *n)
{
	struct key part = await_time_prefix(is_told), from = part;
	struct walk w;
	if (at->is_set && at->is_told == is_told) {
		struct await last = {.is_told = is_told, .deadline_us = at->deadline_us};
		from = await_time_key(&last, at->workflow_hash);
	}
	bool more = walk_open(&w, tx, TREE_META) && walk_from(&w, key_slice(&from));
	if (more && slice_eq(w.key, key_slice(&from)))
		more = walk_next(&w);
	for (; more && *n < cap && key_has_prefix(w.key, &part); more = walk_next(&w)) {
		uint64_t hash;
		if (!await_of_key(w.key, &hash))
			continue;
		int64_t deadline_us = (int64_t)key_get(w.key, part.len, 8);
		if (!is_told && deadline_us > tx->now.wall_us)
			break;
		*at = (struct stalled_at){true, is_told, deadline_us, hash};
		*n += read_one(tx, hash, &out[*n]);
	}
	walk_close(&w);
}

enum status lmdb_stalled(struct store *store, struct moment now, struct stalled_at *at, struct stalled *out,
	size_t cap, size_t *n, struct why *why)
{
	struct tx tx;
	*n = 0;
	enum status st = tx_begin(&tx, store, TX_READ, now, why);
	if (st != ST_OK)
		return st;
	if (!at->is_set || at->is_told)
		list_part(&tx, true, at, out, cap, n);
	if (*n < cap)
		list_part(&tx, false, at, out, cap, n);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

/* spool/store/lmdb/remove.c: jobs leave the spool, by retention or by an operator's clean, and so do events
 * of no job; a bounded number at a time. */
#include "spool/store/common/record.h"
#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/verbs.h"

enum { KEYS_MAX = 256, EVENTS_MAX = 512 };

static const enum place places_of_state[JOB_STATE_N][2] = {
	[JOB_WAITING] = {PLACE_READY, PLACE_BEHIND},
	[JOB_DELAYED] = {PLACE_DELAYED, PLACE_DELAYED},
	[JOB_ACTIVE] = {PLACE_ACTIVE, PLACE_ACTIVE},
	[JOB_COMPLETED] = {PLACE_COMPLETED, PLACE_COMPLETED},
	[JOB_FAILED] = {PLACE_FAILED, PLACE_FAILED},
	[JOB_HELD] = {PLACE_HELD, PLACE_HELD},
	[JOB_CANCELLED] = {PLACE_CANCELLED, PLACE_CANCELLED},
};

/* Does the entry's job belong to those that go? For ended jobs the key tells; a live one is sorted by when it
 * is due, so its id tells when it was accepted. */
static bool is_old(struct slice key, enum job_state state, int64_t before_us)
{
	if (job_state_is_ended(state))
		return key_queue_at(key) < before_us;
	return id_time_ms(key_queue_id(key)) * 1000 < before_us;
}

/* Must the entry's job stay, old or not? Its id tells of most that it need not. */
static bool is_remembered(struct tx *tx, struct job_id id)
{
	struct loaded l;
	int64_t keep_us = tx->store->keep_reserved_us;
	if ((id_time_ms(id) + 1) * 1000 + keep_us <= tx->now.wall_us ||
		job_load(tx, id, JOB_WITHOUT_PAYLOAD, &l) != ST_OK)
		return false;
	bool stays = rules_is_remembered(&l.job, tx->now, keep_us);
	loaded_release(&l);
	return stays;
}

static size_t collect_old(struct tx *tx, enum place place, int phase, enum job_state state, int64_t before_us,
	struct key *out, size_t max)
{
	struct key prefix = key_queue_prefix(place, phase);
	struct walk w;
	size_t n = 0;
	bool more = walk_open(&w, tx, TREE_QUEUE) && walk_from(&w, key_slice(&prefix));
	for (; more && n < max && key_has_prefix(w.key, &prefix); more = walk_next(&w)) {
		if (w.key.len != key_queue_len(w.key))
			break;
		if (is_old(w.key, state, before_us)) {
			if (is_remembered(tx, key_queue_id(w.key)))
				continue;
			out[n].len = w.key.len;
			memcpy(out[n++].b, w.key.p, w.key.len);
		} else if (job_state_is_ended(state)) {
			break; /* sorted by when they ended: the rest is younger */
		}
	}
	walk_close(&w);
	return n;
}

static bool remove_one(struct tx *tx, const struct key *queue_key)
{
	struct loaded l;
	struct job_id id = key_queue_id(key_slice(queue_key));
	if (job_load(tx, id, JOB_WHOLE, &l) != ST_OK) {
		aside_job(tx, id, queue_key);
		return false;
	}
	job_delete(tx, &l);
	loaded_release(&l);
	return true;
}

/* Those that go, and those that could not be read, which are set aside instead. */
struct gone {
	size_t removed, aside;
};

static size_t all_gone(const struct gone *gone)
{
	return gone->removed + gone->aside;
}

static void remove_from(struct tx *tx, enum place place, int phase, enum job_state state, int64_t before_us,
	size_t max, struct gone *gone)
{
	struct key keys[KEYS_MAX];
	size_t n = collect_old(tx, place, phase, state, before_us, keys, max < KEYS_MAX ? max : KEYS_MAX);
	for (size_t i = 0; i < n; i++) {
		bool is_removed = remove_one(tx, &keys[i]);
		gone->removed += is_removed;
		gone->aside += !is_removed;
	}
}

static void append_removed(struct tx *tx, enum job_state state, size_t removed, struct slice actor)
{
	char data[RULES_REMOVED_MAX];
	struct event event = rules_removed(state, removed, actor, tx->now, data);
	event_append(tx, &event, NULL);
}

static void remove_once(struct tx *tx, enum job_state state, int64_t before_us, size_t max, struct gone *gone)
{
	const enum place *places = places_of_state[state];
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int i = 0; i < (places[0] == places[1] ? 1 : 2); i++)
			if (all_gone(gone) < max && tx->head.jobs[slot][places[i]])
				remove_from(tx, places[i], phase_of_slot(slot), state, before_us,
					max - all_gone(gone), gone);
}

/* Until none is found: one that goes may have let a follower pass to where was looked already, and a phase
 * may have more than are collected at a time. */
static size_t remove_jobs(struct tx *tx, enum job_state state, int64_t before_us, size_t max)
{
	struct gone gone = {0, 0};
	size_t before;
	do {
		before = all_gone(&gone);
		remove_once(tx, state, before_us, max, &gone);
	} while (all_gone(&gone) > before && all_gone(&gone) < max && tx->st == ST_OK);
	return gone.removed;
}

enum status lmdb_remove(struct store *store, struct moment now, enum job_state state, int64_t before_us,
	size_t max, struct slice actor, size_t *removed, struct why *why)
{
	struct tx tx;
	*removed = 0;
	if ((unsigned)state >= JOB_STATE_N || state == JOB_ACTIVE)
		return why_set(why, ST_INVALID, "jobs that are %s are not removed", job_state_name(state));
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	size_t n = remove_jobs(&tx, state, before_us, max);
	if (n > 0)
		append_removed(&tx, state, n, actor);
	if (!tx.head_changed && tx.st == ST_OK) {
		tx_end(&tx);
		return ST_OK;
	}
	st = tx_commit(&tx, why);
	*removed = st == ST_OK ? n : 0;
	return st;
}

/* --- events of no job --- */

static bool has_job(struct tx *tx, const struct event *event)
{
	struct key key = key_of_id(event->job);
	return !id_is_zero(event->job) && tx_has(tx, TREE_JOB, key_slice(&key));
}

struct sweep {
	uint64_t seen;
	bool has_more;
	uint64_t seqs[EVENTS_MAX]; /* that go */
	size_t n;
};

static void find_orphans(struct tx *tx, int64_t before_us, struct sweep *s)
{
	struct key from = key_of_seq(s->seen + 1);
	struct walk w;
	if (!walk_open(&w, tx, TREE_EVENT))
		return;
	bool more = walk_from(&w, key_slice(&from));
	for (size_t looked = 0; more && looked < EVENTS_MAX; looked++, more = walk_next(&w)) {
		struct event event = {.seq = key_get(w.key, 0, 8)};
		/* One that cannot be read stays: `verify` names it. */
		bool is_read = record_decode_event(w.value, &event) == ST_OK;
		if (is_read && event.at_us >= before_us)
			break;
		s->seen = event.seq;
		s->has_more = looked + 1 == EVENTS_MAX;
		if (is_read && !has_job(tx, &event))
			s->seqs[s->n++] = event.seq;
	}
	walk_close(&w);
}

static enum status find_in_snapshot(
	struct store *store, struct moment now, int64_t before_us, struct sweep *s, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_READ, now, why);
	if (st != ST_OK)
		return st;
	find_orphans(&tx, before_us, s);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

/* Found in a read transaction, for mostly there is nothing to write: a job that is gone stays so, and an
 * event of none gets none. */
enum status lmdb_remove_events(struct store *store, struct moment now, int64_t before_us, uint64_t *seen,
	bool *has_more, struct why *why)
{
	struct tx tx;
	struct sweep s = {.seen = *seen};
	*has_more = false;
	enum status st = find_in_snapshot(store, now, before_us, &s, why);
	if (st == ST_OK && s.n) {
		st = tx_begin(&tx, store, TX_WRITE, now, why);
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < s.n; i++) {
			struct key key = key_of_seq(s.seqs[i]);
			tx_del_if_there(&tx, TREE_EVENT, key_slice(&key));
		}
		st = tx_commit(&tx, why);
	}
	if (st == ST_OK) {
		*seen = s.seen;
		*has_more = s.has_more;
	}
	return st;
}

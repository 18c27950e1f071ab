/* spool/store/lmdb/due.c: see due.h. */
#include "spool/store/lmdb/due.h"

#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"

/* At some microseconds each, a transaction of this size does not hold up intake for long, and a few of them
 * do for thousands that come due at once. */
enum { DUE_MAX = 1024 };

static void due_one(struct tx *tx, const struct key *queue_key)
{
	struct loaded l;
	struct job_id id = key_get_id(key_slice(queue_key), QUEUE_ID);
	if (job_load(tx, id, JOB_STATE_ONLY, &l) != ST_OK) {
		aside_job(tx, id, queue_key);
		return;
	}
	if (rules_due(&l.job, tx->now, NULL) == ST_OK) {
		struct event event = {
			.at_us = tx->now.wall_us,
			.kind = EVENT_DUE,
			.job = id,
			.phase = l.job.phase,
			.from = JOB_DELAYED,
			.to = JOB_WAITING,
			.attempt = l.job.attempts_made,
			.actor = slice_text("system"),
		};
		event_append(tx, &event, &l.job);
		job_update(tx, &l);
	}
	loaded_release(&l);
}

/* One walk for each phase that has something delayed; the smallest (time, id) of all goes first. */
struct merge {
	struct walk walks[PHASE_SLOTS];
	bool live[PHASE_SLOTS];
};

/* The walk has moved. Only damage makes a key of another length: it is passed over. */
static void merge_stand(struct merge *m, int slot, bool more)
{
	struct key prefix = key_queue_prefix(PLACE_DELAYED, phase_of_slot(slot));
	while (more && m->walks[slot].key.len != QUEUE_LEN && key_has_prefix(m->walks[slot].key, &prefix))
		more = walk_next(&m->walks[slot]);
	m->live[slot] = more && key_has_prefix(m->walks[slot].key, &prefix);
}

static void merge_open(struct merge *m, struct tx *tx)
{
	*m = (struct merge){0};
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		struct key prefix = key_queue_prefix(PLACE_DELAYED, phase_of_slot(slot));
		if (tx->head.jobs[slot][PLACE_DELAYED] == 0)
			continue;
		bool more = walk_open(&m->walks[slot], tx, TREE_QUEUE) &&
			    walk_from(&m->walks[slot], key_slice(&prefix));
		merge_stand(m, slot, more);
	}
}

/* The walk at the first, or NULL. */
static struct walk *merge_first(struct merge *m)
{
	struct walk *best = NULL;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (m->live[slot] && (!best || memcmp(m->walks[slot].key.p + QUEUE_AT, best->key.p + QUEUE_AT,
						       QUEUE_LEN - QUEUE_AT) < 0))
			best = &m->walks[slot];
	return best;
}

static void merge_step(struct merge *m, struct walk *w)
{
	merge_stand(m, (int)(w - m->walks), walk_next(w));
}

static void merge_close(struct merge *m)
{
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		walk_close(&m->walks[slot]);
}

void due_move(struct tx *tx)
{
	struct key keys[DUE_MAX];
	struct merge m;
	struct walk *w;
	size_t n = 0;
	merge_open(&m, tx);
	for (; n < DUE_MAX && (w = merge_first(&m)); merge_step(&m, w)) {
		if (key_queue_at(w->key) > tx->now.wall_us)
			break;
		keys[n].len = QUEUE_LEN;
		memcpy(keys[n++].b, w->key.p, QUEUE_LEN);
	}
	merge_close(&m);
	for (size_t i = 0; i < n; i++)
		due_one(tx, &keys[i]);
}

int64_t due_next(struct tx *tx)
{
	struct merge m;
	merge_open(&m, tx);
	struct walk *w = merge_first(&m);
	int64_t at_us = w ? key_queue_at(w->key) : INT64_MAX;
	merge_close(&m);
	return at_us;
}

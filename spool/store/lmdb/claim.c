/* spool/store/lmdb/claim.c: see claim.h. */
#include "spool/store/lmdb/claim.h"

#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"

#include <stdio.h>

/* One open walk per phase that has something ready; the smallest (priority, time, id) over all goes first. */
struct merge {
	struct walk walks[PHASE_SLOTS];
	bool live[PHASE_SLOTS];
};

static void merge_step(struct merge *m, int slot, bool more)
{
	struct key prefix = key_queue_prefix(PLACE_READY, phase_of_slot(slot));
	m->live[slot] = more && key_has_prefix(m->walks[slot].key, &prefix);
}

static void merge_open(struct merge *m, struct tx *tx, uint32_t phases)
{
	*m = (struct merge){0};
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		struct key prefix = key_queue_prefix(PLACE_READY, phase_of_slot(slot));
		if (!(phases & 1u << slot) || tx->head.jobs[slot][PLACE_READY] == 0)
			continue;
		bool more = walk_open(&m->walks[slot], tx, TREE_QUEUE) &&
			    walk_from(&m->walks[slot], key_slice(&prefix));
		merge_step(m, slot, more);
	}
}

static bool merge_next(struct merge *m, struct key *out)
{
	int best = -1;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (m->live[slot] && (best < 0 || memcmp(m->walks[slot].key.p + 2, m->walks[best].key.p + 2,
							  QUEUE_LEN - 2) < 0))
			best = slot;
	if (best < 0)
		return false;
	out->len = QUEUE_LEN;
	memcpy(out->b, m->walks[best].key.p, QUEUE_LEN);
	merge_step(m, best, walk_next(&m->walks[best]));
	return true;
}

static void merge_close(struct merge *m)
{
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		walk_close(&m->walks[slot]);
}

/* false: it could not be claimed (set aside). */
static bool claim_one(
	struct tx *tx, const struct key *queue_key, const struct claim_ask *ask, struct job *out)
{
	struct loaded l;
	struct event event;
	struct job_id id = key_get_id(key_slice(queue_key), QUEUE_ID);
	if (job_load(tx, id, JOB_WHOLE, &l) != ST_OK) {
		aside_job(tx, id, queue_key);
		return false;
	}
	if (!rules_is_claimable(&l.job) || rules_claim(&l.job, ask, tx->now, &event, NULL) != ST_OK) {
		tx_fail_status(
			tx, ST_CORRUPT, "the queue names a job that is not waiting; run clario-spool verify");
		loaded_release(&l);
		return false;
	}
	char actor[JOB_OWNER_MAX + 8];
	snprintf(actor, sizeof actor, "worker:%s", ask->owner);
	event.actor = slice_text(actor);
	event_append(tx, &event, &l.job);
	job_update(tx, &l);
	*out = l.job; /* the caller owns it from here */
	return true;
}

enum { CLAIM_CHUNK = 64 };

void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n)
{
	uint32_t phases = (ask->phases ? ask->phases : UINT32_MAX) & ~tx->head.paused_phases;
	size_t bytes = 0;
	bool more = true;
	while (more && *jobs_n < ask->max && tx->st == ST_OK) {
		struct key keys[CLAIM_CHUNK];
		struct merge m;
		size_t n = 0, want = ask->max - *jobs_n;
		merge_open(&m, tx, phases);
		while (n < want && n < CLAIM_CHUNK && merge_next(&m, &keys[n]))
			n++;
		merge_close(&m);
		more = n == CLAIM_CHUNK;
		for (size_t i = 0; i < n; i++) {
			if (ask->max_bytes && bytes >= ask->max_bytes)
				return;
			if (claim_one(tx, &keys[i], ask, &jobs[*jobs_n]))
				bytes += jobs[(*jobs_n)++].payload.len;
		}
	}
}

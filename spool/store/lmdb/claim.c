/* spool/store/lmdb/claim.c: see claim.h. */
#include "spool/store/lmdb/claim.h"
#include "spool/model/claim.h"

#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/lanes.h"

#include <stdio.h>

/* false: it could not be claimed (set aside). */
static bool claim_one(
	struct tx *tx, const struct key *queue_key, const struct claim_ask *ask, struct job *out)
{
	struct loaded l;
	struct event event;
	struct job_id id = key_queue_id(key_slice(queue_key));
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

static int slot_of(const struct key *queue_key)
{
	return phase_slot(queue_key->b[1]);
}

/* Keys first, claims after: what is claimed moves the entries that are walked over. */
static size_t pick(struct tx *tx, struct claim_room *room, struct key *keys, size_t max)
{
	struct lanes lanes;
	size_t n = 0;
	lanes_open(&lanes, tx, room->open);
	for (; n < max && lanes_pick(&lanes, room->open, &keys[n]); n++)
		claim_room_take(room, slot_of(&keys[n]));
	lanes_close(&lanes);
	return n;
}

void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n)
{
	struct claim_room room;
	size_t bytes = 0;
	bool more = true;
	claim_room_init(&room, ask, tx->head.paused_phases);
	while (more && *jobs_n < ask->max && tx->st == ST_OK) {
		struct key keys[LANES_PICKS];
		size_t want = ask->max - *jobs_n;
		size_t n = pick(tx, &room, keys, want < LANES_PICKS ? want : LANES_PICKS);
		more = n == LANES_PICKS;
		for (size_t i = 0; i < n; i++) {
			if (ask->max_bytes && bytes >= ask->max_bytes)
				return;
			if (claim_one(tx, &keys[i], ask, &jobs[*jobs_n])) {
				bytes += jobs[(*jobs_n)++].payload.len;
				lanes_taken(&tx->store->turns, &keys[i]);
			} else {
				claim_room_give_back(&room, slot_of(&keys[i]));
				more = true;
			}
		}
	}
}

bool claim_leaves_news(struct tx *tx, size_t claimed)
{
	struct store *store = tx->store;
	const struct head *head = &tx->head;
	uint64_t left = 0;
	bool is_news = tx->wakes || claimed > 0 || head->accepted_total != store->accepted_told;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (!(head->paused_phases & 1u << slot))
			left += head->jobs[slot][PLACE_READY];
	store->accepted_told = head->accepted_total;
	return left > 0 && is_news;
}

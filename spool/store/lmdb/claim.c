/* spool/store/lmdb/claim.c: see claim.h. */
#include "spool/store/lmdb/claim.h"

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

enum status claim_check(const struct claim_ask *ask, struct why *why)
{
	if (ask && ask->limits_n > CLAIM_LIMITS_MAX)
		return why_set(why, ST_INVALID, "%zu limits of a claim, there may be %d", ask->limits_n,
			CLAIM_LIMITS_MAX);
	return ST_OK;
}

/* What the limits leave. A phase is open while each limit that names it has room. */
struct quota {
	uint32_t asked, open;
	struct claim_limit limits[CLAIM_LIMITS_MAX];
	size_t n;
};

static void quota_settle(struct quota *q)
{
	q->open = q->asked;
	for (size_t i = 0; i < q->n; i++)
		if (q->limits[i].room == 0)
			q->open &= ~q->limits[i].phases;
}

static void quota_init(struct quota *q, const struct tx *tx, const struct claim_ask *ask)
{
	q->asked = (ask->phases ? ask->phases : UINT32_MAX) & ~tx->head.paused_phases;
	q->n = ask->limits_n;
	if (q->n)
		memcpy(q->limits, ask->limits, q->n * sizeof *q->limits);
	quota_settle(q);
}

static void quota_change(struct quota *q, const struct key *queue_key, size_t by)
{
	uint32_t phase = 1u << phase_slot(queue_key->b[1]);
	for (size_t i = 0; i < q->n; i++)
		if (q->limits[i].phases & phase)
			q->limits[i].room += by;
	quota_settle(q);
}

static void quota_take(struct quota *q, const struct key *queue_key)
{
	quota_change(q, queue_key, (size_t)-1);
}

static void quota_give_back(struct quota *q, const struct key *queue_key)
{
	quota_change(q, queue_key, 1);
}

/* Keys first, claims after: what is claimed moves the entries that are walked over. */
static size_t pick(struct tx *tx, struct quota *q, struct key *keys, size_t max)
{
	struct lanes lanes;
	size_t n = 0;
	lanes_open(&lanes, tx, q->open);
	for (; n < max && lanes_pick(&lanes, q->open, &keys[n]); n++)
		quota_take(q, &keys[n]);
	lanes_close(&lanes);
	return n;
}

void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n)
{
	struct quota quota;
	size_t bytes = 0;
	bool more = true;
	quota_init(&quota, tx, ask);
	while (more && *jobs_n < ask->max && tx->st == ST_OK) {
		struct key keys[LANES_PICKS];
		size_t want = ask->max - *jobs_n;
		size_t n = pick(tx, &quota, keys, want < LANES_PICKS ? want : LANES_PICKS);
		more = n == LANES_PICKS;
		for (size_t i = 0; i < n; i++) {
			if (ask->max_bytes && bytes >= ask->max_bytes)
				return;
			if (claim_one(tx, &keys[i], ask, &jobs[*jobs_n])) {
				bytes += jobs[(*jobs_n)++].payload.len;
				lanes_taken(&tx->store->turns, &keys[i]);
			} else {
				quota_give_back(&quota, &keys[i]);
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

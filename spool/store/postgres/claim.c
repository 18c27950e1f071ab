/* spool/store/postgres/claim.c: which jobs are handed out next: the rules are those of spool_exchange(), and
 * the order is the LMDB engine's (lmdb/lanes.c) over the same places in the queue.
 *
 * A lane is the ready jobs of one phase and one priority; the crowd has lanes of its own, in which each of
 * its users has a queue. One statement skips from queue to queue and gives the first few jobs of each. */
#include "spool/model/claim.h"
#include "spool/store/postgres/verbs.h"

#include <stdio.h>
#include <stdlib.h>

/* PASSED_MAX: jobs that others are about to claim, after which one may come again. */
enum { PICKS = 64, QUEUES_MAX = 1024, PASSED_MAX = 1024 };

/* A job that may be picked. */
struct entry {
	int slot, urgency;
	bool of_crowd, is_taken;
	uint32_t user;
	int64_t at_us;
	struct job_id id;
};

struct round {
	struct entry *entries; /* by phase, priority, user, time */
	size_t n;
	struct turns turns;
};

static const char queues_sql[] =
	"WITH RECURSIVE q(phase, priority, crowd) AS ("
	"(SELECT j.phase, j.priority, j.crowd FROM clario_job j WHERE j.place = 0"
	" ORDER BY j.phase, j.priority, j.crowd LIMIT 1)"
	" UNION ALL SELECT n.phase, n.priority, n.crowd FROM q, LATERAL ("
	"SELECT j.phase, j.priority, j.crowd FROM clario_job j WHERE j.place = 0"
	" AND (j.phase, j.priority, j.crowd) > (q.phase, q.priority, q.crowd)"
	" ORDER BY j.phase, j.priority, j.crowd LIMIT 1) n)"
	" SELECT q.phase, q.priority, q.crowd, e.at_us, e.id FROM (SELECT * FROM q LIMIT $2) q, LATERAL ("
	"SELECT j.at_us, j.id FROM clario_job j WHERE j.place = 0 AND j.phase = q.phase"
	" AND j.priority = q.priority AND j.crowd = q.crowd AND j.id <> ALL ($3)"
	" ORDER BY j.at_us, j.id LIMIT $1) e"
	" ORDER BY 1, 2, 3, 4, 5";

static bool round_open(struct round *round, struct tx *tx, size_t want, const struct list *passed)
{
	struct args args = ARGS_INIT;
	*round = (struct round){.turns = tx->store->turns};
	arg_int(&args, (int64_t)want);
	arg_int(&args, QUEUES_MAX);
	arg_list(&args, passed);
	PGresult *r = tx_query(tx, queues_sql, &args);
	args_release(&args);
	if (!r)
		return false;
	round->entries = calloc((size_t)PQntuples(r) + 1, sizeof *round->entries);
	for (int i = 0; round->entries && i < PQntuples(r); i++) {
		int priority = (int)col_int(r, i, 1), slot = phase_slot((int)col_int(r, i, 0));
		if (slot < 0)
			continue;
		round->entries[round->n++] = (struct entry){.slot = slot,
			.urgency = priority & ~CROWD_BIT,
			.of_crowd = priority & CROWD_BIT,
			.user = (uint32_t)col_int(r, i, 2),
			.at_us = col_int(r, i, 3),
			.id = col_id(r, i, 4)};
	}
	PQclear(r);
	if (!round->entries)
		tx_fail(tx, ST_NOMEM, "out of memory");
	return round->entries;
}

/* --- order --- */

static bool is_older(const struct entry *a, const struct entry *b)
{
	if (a->at_us != b->at_us)
		return a->at_us < b->at_us;
	return a->urgency != b->urgency ? a->urgency < b->urgency : id_cmp(a->id, b->id) < 0;
}

static bool is_more_urgent(const struct entry *a, const struct entry *b)
{
	return a->urgency != b->urgency ? a->urgency < b->urgency : is_older(a, b);
}

/* Of two of one priority in the crowd: whose user is nearer behind the one who had the last turn? */
static bool is_nearer(struct round *round, const struct entry *a, const struct entry *b)
{
	uint32_t first = *turn_of_priority(&round->turns, a->urgency) + 1;
	uint32_t x = a->user - first, y = b->user - first;
	return x != y ? x < y : is_older(a, b);
}

static bool is_open(const struct entry *e, uint32_t phases)
{
	return !e->is_taken && phases & 1u << e->slot;
}

static struct entry *best_ordinary(struct round *round, uint32_t phases)
{
	bool by_age = turn_is_by_age(&round->turns, false);
	struct entry *best = NULL;
	for (size_t i = 0; i < round->n; i++) {
		struct entry *e = &round->entries[i];
		if (e->of_crowd || !is_open(e, phases))
			continue;
		if (!best || (by_age ? is_older(e, best) : is_more_urgent(e, best)))
			best = e;
	}
	return best;
}

static struct entry *best_of_crowd(struct round *round, uint32_t phases)
{
	bool by_age = turn_is_by_age(&round->turns, true);
	struct entry *first[TURN_PRIORITIES] = {NULL}, *best = NULL;
	for (size_t i = 0; i < round->n; i++) {
		struct entry *e = &round->entries[i], **at = &first[e->urgency % TURN_PRIORITIES];
		if (e->of_crowd && is_open(e, phases) && (!*at || is_nearer(round, e, *at)))
			*at = e;
	}
	for (size_t i = 0; i < TURN_PRIORITIES; i++)
		if (first[i] && (!best || (by_age && is_older(first[i], best))))
			best = first[i];
	return best;
}

static struct entry *pick(struct round *round, uint32_t phases)
{
	struct entry *ordinary = best_ordinary(round, phases), *crowd = best_of_crowd(round, phases);
	struct entry *e = crowd && (!ordinary || turn_is_crowds(&round->turns)) ? crowd : ordinary;
	if (!e)
		return NULL;
	e->is_taken = true;
	turn_taken(&round->turns, e->urgency, e->of_crowd, e->user);
	return e;
}

/* --- claims --- */

/* false: it could not be claimed: somebody else is about to, or it was set aside. */
static bool claim_one(struct tx *tx, struct job_id id, const struct claim_ask *ask, struct job *out)
{
	char actor[JOB_OWNER_MAX + 8];
	struct event event;
	struct row *row = row_find(tx, id);
	if (!row || !row->is_asked || row->is_dirty)
		return false;
	if (!rules_is_claimable(&row->job) || rules_claim(&row->job, ask, tx->now, &event, NULL) != ST_OK) {
		tx_fail(tx, ST_CORRUPT, "the queue names a job that is not waiting; run clario-spool verify");
		return false;
	}
	snprintf(actor, sizeof actor, "worker:%s", ask->owner);
	event.actor = slice_text(actor);
	event_append(tx, &event, &row->job);
	row_update(tx, row);
	*out = row->job; /* the caller owns its memory from here; the row only looks at it */
	row->job.mem = (struct buf)BUF_INIT(0);
	return true;
}

/* One round: keys first, claims after; passed: whom to pass over. *more: there may be further ones. */
static void claim_round(struct tx *tx, const struct claim_ask *ask, struct claim_room *room,
	struct list *passed, struct job *jobs, size_t *jobs_n, size_t *bytes, bool *more)
{
	struct entry *picked[PICKS];
	struct job_id ids[PICKS];
	struct round round;
	size_t n = 0, want = ask->max - *jobs_n;
	want = want < PICKS ? want : PICKS;
	*more = false;
	if (!round_open(&round, tx, want, passed))
		return;
	for (; n < want && (picked[n] = pick(&round, room->open)); n++) {
		claim_room_take(room, picked[n]->slot);
		ids[n] = picked[n]->id;
	}
	*more = n == PICKS;
	rows_load_free(tx, ids, n, true, PLACE_READY);
	tx_expect(tx, n);
	for (size_t i = 0; i < n && tx->st == ST_OK; i++) {
		if (ask->max_bytes && *bytes >= ask->max_bytes) {
			*more = false;
			break;
		}
		if (claim_one(tx, ids[i], ask, &jobs[*jobs_n])) {
			*bytes += jobs[(*jobs_n)++].payload.len;
			turn_taken(
				&tx->store->turns, picked[i]->urgency, picked[i]->of_crowd, picked[i]->user);
		} else {
			claim_room_give_back(room, picked[i]->slot);
			list_id(passed, ids[i]);
			*more = true;
		}
	}
	free(round.entries);
}

void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n)
{
	struct claim_room room;
	size_t bytes = 0;
	struct list passed = LIST_INIT(LIST_ID);
	bool more = true;
	claim_room_init(&room, ask, tx->head.paused_phases);
	while (more && *jobs_n < ask->max && tx->st == ST_OK && passed.n < PASSED_MAX) {
		uint64_t ready = 0;
		for (int slot = 0; slot < PHASE_SLOTS; slot++)
			if (room.open & 1u << slot)
				ready += tx->head.jobs[slot][PLACE_READY];
		if (!ready)
			break;
		claim_round(tx, ask, &room, &passed, jobs, jobs_n, &bytes, &more);
	}
	list_release(&passed);
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

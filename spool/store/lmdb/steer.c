/* spool/store/lmdb/steer.c: operators' acts on jobs and on the queue, each with its event. */
#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/verbs.h"
#include "spool/store/lmdb/wake.h"

/* A job that comes back to life answers for its keys and joins its workflow's line again; the turn is free
 * only if nobody else is alive. */
static void rejoin(struct tx *tx, struct loaded *l)
{
	job_revive_keys(tx, &l->job);
	if (!l->job.ordered)
		return;
	l->job.has_turn = line_join(tx, l->hashes.workflow, l->job.id);
}

static void steer_loaded(struct tx *tx, struct loaded *l, enum steer_verb verb, struct slice actor,
	struct slice reason, struct steer_result *result)
{
	struct event event;
	result->status = rules_steer(&l->job, verb, tx->now, actor, reason, &event, NULL);
	result->state = l->job.state;
	if (result->status != ST_OK)
		return;
	if (verb == STEER_RETRY || verb == STEER_REPLAY)
		rejoin(tx, l);
	event_append(tx, &event, &l->job);
	job_update(tx, l);
	if (job_state_is_ended(l->job.state))
		line_leave(tx, l);
}

static void steer_one(struct tx *tx, struct job_id id, enum steer_verb verb, struct slice actor,
	struct slice reason, struct steer_result *result)
{
	struct loaded l;
	*result = (struct steer_result){0};
	result->status = job_load(tx, id, JOB_WITHOUT_PAYLOAD, &l); /* a retry grants what the trigger says */
	if (result->status == ST_CORRUPT)
		aside_job(tx, id, NULL);
	if (result->status != ST_OK)
		return;
	steer_loaded(tx, &l, verb, actor, reason, result);
	loaded_release(&l);
}

static enum status commit_and_ring(struct tx *tx, struct why *why)
{
	struct store *store = tx->store;
	bool wakes = tx->wakes;
	enum status st = tx_commit(tx, why);
	if (st == ST_OK && wakes)
		wake_ring(store);
	return st;
}

enum status lmdb_steer(struct store *store, struct moment now, enum steer_verb verb, const struct job_id *ids,
	size_t n, struct slice actor, struct slice reason, struct steer_result *results, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < n && tx.st == ST_OK; i++)
		steer_one(&tx, ids[i], verb, actor, reason, &results[i]);
	return commit_and_ring(&tx, why);
}

enum status lmdb_pause(struct store *store, struct moment now, uint32_t phases, bool pause,
	struct slice actor, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	uint32_t was = tx.head.paused_phases;
	tx.head.paused_phases = pause ? was | phases : was & ~phases;
	if (tx.head.paused_phases == was) {
		tx_end(&tx);
		return ST_OK;
	}
	bool is_one = (phases & (phases - 1)) == 0;
	struct event event = {
		.at_us = now.wall_us,
		.kind = pause ? EVENT_PAUSED : EVENT_RESUMED,
		.phase = is_one ? phase_of_slot(__builtin_ctz(phases)) : 0,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.actor = actor,
	};
	event_append(&tx, &event, NULL);
	tx.wakes = !pause;
	return commit_and_ring(&tx, why);
}

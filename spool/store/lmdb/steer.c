/* spool/store/lmdb/steer.c: operators' acts on jobs and on the queue, each with its event. */
#include "spool/model/act.h"
#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/purge.h"
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

static enum status load_event(void *tx, uint64_t seq, struct event *out)
{
	return event_load(tx, seq, out);
}

static void steer_loaded(
	struct tx *tx, struct loaded *l, const struct steer_ask *ask, size_t i, struct steer_result *result)
{
	struct event event;
	char note[UNDO_NOTE_MAX];
	bool was_ended = job_state_is_ended(l->job.state);
	if (!act_apply(&l->job, ask, i, tx->now, load_event, tx, result, &event, note))
		return;
	bool is_ended = job_state_is_ended(l->job.state);
	if (was_ended && !is_ended)
		rejoin(tx, l);
	event_append(tx, &event, &l->job);
	job_update(tx, l);
	if (is_ended)
		line_leave(tx, l);
}

static void steer_one(struct tx *tx, const struct steer_ask *ask, size_t i, struct steer_result *result)
{
	struct loaded l;
	*result = (struct steer_result){0};
	/* A retry grants what the trigger says. */
	result->status = job_load(tx, ask->ids[i], JOB_WITHOUT_PAYLOAD, &l);
	if (result->status == ST_CORRUPT)
		aside_job(tx, ask->ids[i], NULL);
	if (result->status != ST_OK)
		return;
	steer_loaded(tx, &l, ask, i, result);
	loaded_release(&l);
}

static void steer_all(struct tx *tx, const struct steer_ask *ask, struct steer_result *results)
{
	for (size_t i = 0; i < ask->n && tx->st == ST_OK; i++)
		steer_one(tx, ask, i, &results[i]);
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

enum status lmdb_steer(struct store *store, struct moment now, const struct steer_ask *ask,
	struct steer_result *results, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	if (ask->verb == STEER_PURGE && !ask->undoes)
		purge_all(&tx, ask, results);
	else
		steer_all(&tx, ask, results);
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
	struct event event = rules_paused(phases, pause, actor, now);
	event_append(&tx, &event, NULL);
	tx.wakes = !pause;
	return commit_and_ring(&tx, why);
}

/* spool/store/lmdb/steer.c: operators' acts on jobs and on the queue, each with its event. */
#include "spool/model/undo.h"
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

/* The newest event, but for that its time came: nothing has been done with the job by that. */
static enum status newest_act(struct tx *tx, const struct job *job, struct event *out)
{
	enum status st = event_load(tx, job->last_event, out);
	while (st == ST_OK && out->kind == EVENT_DUE) {
		uint64_t before = out->prev;
		event_release(out);
		st = event_load(tx, before, out);
	}
	return st;
}

/* What its newest event tells of is taken back, if that was this operation's doing. */
static enum status undo_loaded(
	struct tx *tx, struct loaded *l, const struct steer_ask *ask, struct event *event, bool *is_changed)
{
	struct event act;
	enum status st = newest_act(tx, &l->job, &act);
	if (st != ST_OK)
		return st;
	bool is_its = event_is_operators(act.kind) && slice_eq(act.name, ask->operation);
	*is_changed = !is_its;
	if (!is_its)
		st = ST_CONFLICT;
	else if (act.kind == EVENT_UNDONE)
		st = ST_EXISTS;
	else
		st = rules_undo(&l->job, &act, tx->now, ask, event, NULL);
	event_release(&act);
	return st;
}

static bool is_done_already(struct tx *tx, const struct loaded *l, struct slice operation)
{
	struct event act;
	if (!operation.len || event_load(tx, l->job.last_event, &act) != ST_OK)
		return false;
	bool is_done = event_is_operators(act.kind) && slice_eq(act.name, operation);
	event_release(&act);
	return is_done;
}

static enum status apply_rule(struct tx *tx, struct loaded *l, const struct steer_ask *ask, size_t i,
	struct event *event, bool *is_changed)
{
	if (ask->undoes)
		return undo_loaded(tx, l, ask, event, is_changed);
	*is_changed = ask->last_events && ask->last_events[i] != l->job.last_event;
	if (*is_changed && is_done_already(tx, l, ask->operation)) {
		*is_changed = false;
		return ST_EXISTS;
	}
	if (*is_changed)
		return ST_CONFLICT;
	return rules_steer(&l->job, ask->verb, tx->now, ask->actor, ask->reason, event, NULL);
}

static void steer_loaded(
	struct tx *tx, struct loaded *l, const struct steer_ask *ask, size_t i, struct steer_result *result)
{
	const struct job before = l->job;
	struct event event;
	char note[UNDO_NOTE_MAX];
	result->status = apply_rule(tx, l, ask, i, &event, &result->is_changed);
	result->state = l->job.state;
	if (result->status != ST_OK)
		return;
	event.name = ask->operation;
	if (ask->operation.len && !ask->undoes)
		event.data = undo_note(&before, note);
	bool was_ended = job_state_is_ended(before.state), is_ended = job_state_is_ended(l->job.state);
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

/* spool/model/act.c: see act.h. */
#include "spool/model/act.h"

/* The newest event, but for that its time came: nothing has been done with the job by that. */
static enum status newest_act(const struct job *job, act_event_fn load, void *arg, struct event *out)
{
	enum status st = load(arg, job->last_event, out);
	while (st == ST_OK && out->kind == EVENT_DUE) {
		uint64_t before = out->prev;
		event_release(out);
		st = load(arg, before, out);
	}
	return st;
}

static bool is_of(const struct event *event, struct slice operation)
{
	return event_is_operators(event->kind) && slice_eq(event->name, operation);
}

/* What its newest event tells of is taken back, if that was this operation's doing. */
static enum status undo(struct job *job, const struct steer_ask *ask, struct moment now, act_event_fn load,
	void *arg, struct event *event, bool *is_changed)
{
	struct event act;
	enum status st = newest_act(job, load, arg, &act);
	if (st != ST_OK)
		return st;
	*is_changed = !is_of(&act, ask->operation);
	if (*is_changed)
		st = ST_CONFLICT;
	else if (act.kind == EVENT_UNDONE)
		st = ST_EXISTS;
	else
		st = rules_undo(job, &act, now, ask, event, NULL);
	event_release(&act);
	return st;
}

static bool is_done_already(const struct job *job, struct slice operation, act_event_fn load, void *arg)
{
	struct event act;
	if (!operation.len || load(arg, job->last_event, &act) != ST_OK)
		return false;
	bool is_done = is_of(&act, operation);
	event_release(&act);
	return is_done;
}

static enum status apply(struct job *job, const struct steer_ask *ask, size_t i, struct moment now,
	act_event_fn load, void *arg, struct event *event, bool *is_changed)
{
	if (ask->undoes)
		return undo(job, ask, now, load, arg, event, is_changed);
	*is_changed = ask->last_events && ask->last_events[i] != job->last_event;
	if (*is_changed && is_done_already(job, ask->operation, load, arg)) {
		*is_changed = false;
		return ST_EXISTS;
	}
	if (*is_changed)
		return ST_CONFLICT;
	return rules_steer(job, ask->verb, now, ask->actor, ask->reason, event, NULL);
}

bool act_apply(struct job *job, const struct steer_ask *ask, size_t i, struct moment now, act_event_fn load,
	void *arg, struct steer_result *result, struct event *event, char note[UNDO_NOTE_MAX])
{
	const struct job before = *job;
	result->status = apply(job, ask, i, now, load, arg, event, &result->is_changed);
	result->state = job->state;
	if (result->status != ST_OK)
		return false;
	event->name = ask->operation;
	if (ask->operation.len && !ask->undoes)
		event->data = undo_note(&before, note);
	return true;
}

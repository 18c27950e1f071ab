/* spool/model/undo.c: see undo.h. */
#include "spool/model/undo.h"

#include "spool/base/jx.h"

#include <stdio.h>

struct note {
	int64_t run_at_us, give_up_at_us, finished_at_us;
	uint32_t attempts_allowed, crashes;
};

struct slice undo_note(const struct job *before, char out[UNDO_NOTE_MAX])
{
	int len = snprintf(out, UNDO_NOTE_MAX,
		"{\"run_at_us\":%lld,\"give_up_at_us\":%lld,\"finished_at_us\":%lld,\"attempts_allowed\":%u,"
		"\"crashes\":%u}",
		(long long)before->run_at_us, (long long)before->give_up_at_us,
		(long long)before->finished_at_us, before->attempts_allowed, before->crashes);
	return slice_of(out, (size_t)len);
}

static int64_t number(const json_t *note, const char *name)
{
	return json_integer_value(jx_get(note, name));
}

static bool read_note(struct slice data, struct note *out)
{
	json_t *note;
	if (!data.len || jx_parse(data, 2, &note, NULL) != ST_OK)
		return false;
	*out = (struct note){
		.run_at_us = number(note, "run_at_us"),
		.give_up_at_us = number(note, "give_up_at_us"),
		.finished_at_us = number(note, "finished_at_us"),
		.attempts_allowed = (uint32_t)number(note, "attempts_allowed"),
		.crashes = (uint32_t)number(note, "crashes"),
	};
	json_decref(note);
	return true;
}

static enum job_state state_by_time(const struct job *job, struct moment now)
{
	return job->run_at_us > now.wall_us ? JOB_DELAYED : JOB_WAITING;
}

static enum status undo_cancel(struct job *job, enum job_state from, struct moment now, struct why *why)
{
	enum status st = job_move_back(job, from == JOB_HELD ? JOB_HELD : state_by_time(job, now), why);
	if (st != ST_OK)
		return st;
	job->finished_at_us = 0;
	if (job->attempts_allowed <= job->attempts_made) /* the last one was cut short */
		job->attempts_allowed = job->attempts_made + 1;
	return ST_OK;
}

static enum status undo_retry(struct job *job, enum job_state from, const struct note *note, struct why *why)
{
	enum status st = job_move_back(job, from, why);
	if (st != ST_OK)
		return st;
	job->run_at_us = note->run_at_us;
	job->give_up_at_us = note->give_up_at_us;
	job->finished_at_us = note->finished_at_us;
	job->attempts_allowed = note->attempts_allowed;
	job->crashes = note->crashes;
	job->has_turn = !job->ordered;
	return ST_OK;
}

static enum status undo_run_now(struct job *job, const struct note *note, struct moment now, struct why *why)
{
	if (note->run_at_us <= now.wall_us)
		return why_set(why, ST_CONFLICT, "it would be due by now anyhow");
	enum status st = job_move_back(job, JOB_DELAYED, why);
	if (st == ST_OK)
		job->run_at_us = note->run_at_us;
	return st;
}

static enum status undo(
	struct job *job, const struct event *act, const struct note *note, struct moment now, struct why *why)
{
	enum status st;
	switch (act->kind) {
	case EVENT_HELD:
		return job_move_back(job, state_by_time(job, now), why);
	case EVENT_UNHELD:
		st = job_move_back(job, JOB_HELD, why);
		if (st == ST_OK)
			job->crashes = note->crashes;
		return st;
	case EVENT_CANCELLED:
		return undo_cancel(job, (enum job_state)act->from, now, why);
	case EVENT_RETRIED:
		return undo_retry(job, (enum job_state)act->from, note, why);
	case EVENT_RUN_NOW:
		return undo_run_now(job, note, now, why);
	default:
		return why_set(why, ST_CONFLICT, "%s cannot be undone", event_kind_name(act->kind));
	}
}

enum status rules_undo(struct job *job, const struct event *act, struct moment now,
	const struct steer_ask *ask, struct event *event, struct why *why)
{
	enum job_state was = job->state;
	struct note note;
	if (job->is_forgotten)
		return why_set(why, ST_CONFLICT, "the job's person was forgotten, and what it was to do");
	if (!read_note(act->data, &note))
		return why_set(why, ST_CONFLICT, "its event does not tell what it was before");
	enum status st = undo(job, act, &note, now, why);
	if (st != ST_OK)
		return st;
	size_t reason = ask->reason.len < EVENT_REASON_MAX ? ask->reason.len : EVENT_REASON_MAX;
	*event = (struct event){
		.at_us = now.wall_us,
		.kind = EVENT_UNDONE,
		.job = job->id,
		.phase = job->phase,
		.from = (int)was,
		.to = (int)job->state,
		.attempt = job->attempts_made,
		.actor = ask->actor,
		.reason = slice_of(ask->reason.p, reason),
	};
	return ST_OK;
}

/* spool/model/purge.c: see purge.h. */
#include "spool/model/purge.h"

#include <inttypes.h>

void purge_begin(struct purge *purge)
{
	*purge = (struct purge){0};
	buf_init(&purge->ids, PURGE_NAMED_MAX * (JOB_ID_TEXT_LEN + 3));
}

void purge_end(struct purge *purge)
{
	buf_release(&purge->ids);
}

static enum status check(const struct job *job, const struct steer_ask *ask, size_t i, struct moment now,
	int64_t keep_reserved_us, struct steer_result *r)
{
	r->is_changed = ask->last_events && ask->last_events[i] != job->last_event;
	if (!ask->reason.len)
		return ST_INVALID;
	if (r->is_changed || !rules_steer_allows(STEER_PURGE, job->state))
		return ST_CONFLICT;
	r->is_remembered = rules_is_remembered(job, now, keep_reserved_us);
	return r->is_remembered ? ST_CONFLICT : ST_OK;
}

void purge_judge(const struct job *job, const struct steer_ask *ask, size_t i, struct moment now,
	int64_t keep_reserved_us, struct steer_result *out)
{
	*out = (struct steer_result){.state = job->state};
	out->status = check(job, ask, i, now, keep_reserved_us, out);
}

void purge_note(struct purge *purge, const struct job *job)
{
	char id[JOB_ID_TEXT_LEN];
	purge->removed[job->state]++;
	if (purge->n++ >= PURGE_NAMED_MAX)
		return;
	id_text(job->id, id);
	buf_fmt(&purge->ids, "%s\"%s\"", purge->ids.len ? "," : "", id);
}

bool purge_event(const struct purge *purge, const struct steer_ask *ask, struct moment now, struct buf *data,
	struct event *event)
{
	if (!purge->n)
		return false;
	buf_fmt(data, "{\"removed\":%" PRIu64, purge->n);
	for (int state = 0; state < JOB_STATE_N; state++)
		if (purge->removed[state])
			buf_fmt(data, ",\"%s\":%" PRIu64, job_state_name((enum job_state)state),
				purge->removed[state]);
	buf_fmt(data, ",\"job_ids\":[%.*s]}", SLICE_ARG(buf_slice(&purge->ids)));
	*event = (struct event){
		.at_us = now.wall_us,
		.kind = EVENT_REMOVED,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.actor = ask->actor,
		.reason = slice_of(ask->reason.p,
			ask->reason.len < EVENT_REASON_MAX ? ask->reason.len : EVENT_REASON_MAX),
		.name = ask->operation,
		.data = buf_slice(data),
	};
	return true;
}

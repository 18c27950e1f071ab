/* spool/store/lmdb/purge.c: see purge.h. */
#include "spool/store/lmdb/purge.h"

#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"

#include <inttypes.h>

void purge_begin(struct purge *purge)
{
	*purge = (struct purge){0};
	buf_init(&purge->ids, PURGE_NAMED_MAX * (JOB_ID_TEXT_LEN + 3));
}

static enum status check(const struct tx *tx, const struct job *job, const struct steer_ask *ask, size_t i,
	struct steer_result *r)
{
	r->is_changed = ask->last_events && ask->last_events[i] != job->last_event;
	if (!ask->reason.len)
		return ST_INVALID;
	if (r->is_changed || !rules_steer_allows(STEER_PURGE, job->state))
		return ST_CONFLICT;
	r->is_remembered = rules_is_remembered(job, tx->now, tx->store->keep_reserved_us);
	return r->is_remembered ? ST_CONFLICT : ST_OK;
}

static void note(struct purge *purge, const struct job *job)
{
	char id[JOB_ID_TEXT_LEN];
	purge->removed[job->state]++;
	if (purge->n++ >= PURGE_NAMED_MAX)
		return;
	id_text(job->id, id);
	buf_fmt(&purge->ids, "%s\"%s\"", purge->ids.len ? "," : "", id);
}

void purge_one(struct tx *tx, struct purge *purge, const struct steer_ask *ask, size_t i,
	struct steer_result *result)
{
	struct loaded l;
	*result = (struct steer_result){0};
	result->status = job_load(tx, ask->ids[i], JOB_WHOLE, &l);
	if (result->status == ST_CORRUPT)
		aside_job(tx, ask->ids[i], NULL);
	if (result->status != ST_OK)
		return;
	result->state = l.job.state;
	result->status = check(tx, &l.job, ask, i, result);
	if (result->status == ST_OK) {
		note(purge, &l.job);
		job_delete(tx, &l);
	}
	loaded_release(&l);
}

void purge_end(struct tx *tx, struct purge *purge, const struct steer_ask *ask)
{
	struct buf data = BUF_INIT(EVENT_DATA_MAX);
	if (purge->n) {
		buf_fmt(&data, "{\"removed\":%" PRIu64, purge->n);
		for (int state = 0; state < JOB_STATE_N; state++)
			if (purge->removed[state])
				buf_fmt(&data, ",\"%s\":%" PRIu64, job_state_name((enum job_state)state),
					purge->removed[state]);
		buf_fmt(&data, ",\"job_ids\":[%.*s]}", SLICE_ARG(buf_slice(&purge->ids)));
		struct event event = {
			.at_us = tx->now.wall_us,
			.kind = EVENT_REMOVED,
			.from = EVENT_NO_STATE,
			.to = EVENT_NO_STATE,
			.actor = ask->actor,
			.reason = slice_of(ask->reason.p,
				ask->reason.len < EVENT_REASON_MAX ? ask->reason.len : EVENT_REASON_MAX),
			.name = ask->operation,
			.data = buf_slice(&data),
		};
		event_append(tx, &event, NULL);
	}
	buf_release(&data);
	buf_release(&purge->ids);
}

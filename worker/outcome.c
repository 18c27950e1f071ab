/* worker/outcome.c: see outcome.h. */
#include "worker/outcome.h"

#include "spool/meter.h"

#include <stdlib.h>

enum { TEXT_KEPT = 2 << 10 };

struct outcome *outcome_new(const struct job *job, enum settle_kind kind)
{
	struct outcome *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	buf_init(&o->error, JOB_ERROR_MAX);
	buf_init(&o->body, JOB_OUTCOME_MAX);
	buf_init(&o->checkpoint, JOB_OUTCOME_MAX);
	outcome_renew(o, job, kind);
	return o;
}

void outcome_renew(struct outcome *o, const struct job *job, enum settle_kind kind)
{
	o->settlement = (struct settlement){.id = job->id, .token = job->lease.token, .kind = kind};
	o->phase = job->phase;
	o->accepted_at_us = job->accepted_at_us;
	o->claimed_at_us = job->claimed_at_us;
	o->receiver = NULL;
	o->wants_answer = false;
}

void outcome_empty(struct outcome *o)
{
	for (size_t i = 0; i < o->settlement.notices_n; i++)
		run_notice_reuse(&o->kept[i]);
	buf_reuse(&o->error, TEXT_KEPT);
	buf_reuse(&o->body, TEXT_KEPT);
	buf_reuse(&o->checkpoint, TEXT_KEPT);
}

void outcome_free(struct outcome *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < RUN_NOTICES_MAX; i++)
		run_notice_release(&o->kept[i]);
	buf_release(&o->error);
	buf_release(&o->body);
	buf_release(&o->checkpoint);
	free(o);
}

void outcome_free_all(struct outcome *first)
{
	while (first) {
		struct outcome *o = first;
		first = o->next;
		outcome_free(o);
	}
}

void outcome_take_notices(struct outcome *o, struct run *run)
{
	for (size_t i = 0; i < run->notices_n; i++) {
		struct run_notice empty = o->kept[i];
		o->kept[i] = run->notices[i];
		run->notices[i] = empty;
	}
	o->settlement.notices_n = run->notices_n;
	run->notices_n = 0;
}

static bool is_whole(const struct outcome *o)
{
	bool lacks = o->error.fail == ST_NOMEM || o->body.fail == ST_NOMEM || o->checkpoint.fail == ST_NOMEM;
	for (size_t i = 0; i < o->settlement.notices_n; i++) {
		const struct run_notice *n = &o->kept[i];
		lacks |= n->name.fail == ST_NOMEM || n->room.fail == ST_NOMEM || n->data.fail == ST_NOMEM ||
			 n->reason.fail == ST_NOMEM;
	}
	return !lacks;
}

enum status outcome_seal(struct outcome *o)
{
	struct settlement *s = &o->settlement;
	s->error = buf_slice(&o->error);
	s->outcome = buf_slice(&o->body);
	s->checkpoint = buf_slice(&o->checkpoint);
	for (size_t i = 0; i < s->notices_n; i++)
		o->notices[i] = (struct notice){
			.kind = o->kept[i].kind,
			.name = buf_slice(&o->kept[i].name),
			.room = buf_slice(&o->kept[i].room),
			.data = buf_slice(&o->kept[i].data),
			.reason = buf_slice(&o->kept[i].reason),
		};
	s->notices = o->notices;
	return is_whole(o) ? ST_OK : ST_NOMEM;
}

/* Those that end an attempt. */
static bool outcome_of(enum settle_kind kind, enum meter_outcome *out)
{
	static const struct {
		bool ends;
		enum meter_outcome outcome;
	} table[] = {
		[SETTLE_COMPLETE] = {true, METER_COMPLETED},
		[SETTLE_RETRY] = {true, METER_RETRY},
		[SETTLE_FAIL] = {true, METER_FAILED},
		[SETTLE_RELEASE] = {true, METER_RELEASED},
		[SETTLE_CHECKPOINT] = {false, 0},
		[SETTLE_RENEW] = {false, 0},
		[SETTLE_CRASH] = {true, METER_CRASHED},
		[SETTLE_ORPHAN] = {true, METER_ORPHANED},
	};
	*out = table[kind].outcome;
	return table[kind].ends;
}

void outcome_count(const struct outcome *o, enum status verdict, int64_t now_us)
{
	enum meter_outcome outcome;
	if (!outcome_of(o->settlement.kind, &outcome))
		return;
	if (verdict == ST_CONFLICT && outcome != METER_ORPHANED)
		meter_attempt(METER_FENCED, o->receiver);
	if (verdict != ST_OK)
		return;
	meter_attempt(outcome, o->receiver);
	if (outcome == METER_COMPLETED || outcome == METER_RETRY || outcome == METER_FAILED)
		meter_spent(METER_RUN, o->phase, now_us - o->claimed_at_us);
	if (outcome == METER_COMPLETED || outcome == METER_FAILED)
		meter_spent(METER_WHOLE, o->phase, now_us - o->accepted_at_us);
}

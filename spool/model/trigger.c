/* spool/model/trigger.c: see trigger.h. */
#include "spool/model/trigger.h"

static void set_workflow_id(struct receipt *receipt, struct slice id)
{
	size_t len = id.len < sizeof receipt->workflow_id ? id.len : sizeof receipt->workflow_id - 1;
	if (len)
		memcpy(receipt->workflow_id, id.p, len);
	receipt->workflow_id[len] = '\0';
}

void receipt_of_new(struct receipt *receipt, const struct job *job)
{
	receipt->verdict = SUBMIT_ACCEPTED;
	receipt->status = ST_OK;
	receipt->id = job->id;
	receipt->state = job->state;
	set_workflow_id(receipt, job->workflow_id);
}

void receipt_of_first(
	struct receipt *receipt, const struct job *first, enum submit_verdict verdict, bool body_differs)
{
	receipt->verdict = verdict;
	receipt->status = ST_OK;
	if (verdict == SUBMIT_KEY_REUSED)
		receipt->status = why_set(&receipt->why, ST_CONFLICT,
			"the idempotency key was used before for another request");
	receipt->id = first->id;
	receipt->state = first->state;
	receipt->body_differs = body_differs;
	set_workflow_id(receipt, first->workflow_id);
}

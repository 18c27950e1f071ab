/* spool/model/trigger.h: what comes in and what is answered: struct trigger -> struct receipt. Pure. */
#ifndef SPOOL_MODEL_TRIGGER_H
#define SPOOL_MODEL_TRIGGER_H
#include "spool/model/job.h"

/* A checked request to run one phase. All slices are borrowed for the length of the call.
 * The intake has validated it; spool_submit checks bounds again and refuses the impossible with ST_INVALID.
 */
struct trigger {
	int phase;
	int priority;      /* 0: JOB_PRIORITY_DEFAULT */
	int64_t run_at_us; /* 0: now */
	uint32_t attempts_allowed;
	int64_t give_up_after_us;
	bool solo_user; /* phase 1 without sync_id: workflow_id was made up, the user is the key (D10) */
	struct slice workflow_id, user_id, payload, source;
	struct slice idempotency_key; /* empty: the natural key (phase, workflow_id, user_id) applies */
	struct slice traceparent, tracestate;
	/* What its source may have in the spool with it: jobs that have not ended, bytes of their payloads.
	 * 0: no bound; both 0: this job does not count either. */
	uint64_t max_jobs, max_bytes;
};

enum submit_verdict {
	SUBMIT_REFUSED = 0, /* receipt.status and .why say what kept it out; nothing was written */
	SUBMIT_ACCEPTED,    /* on disk */
	SUBMIT_DUPLICATE,   /* id, state, workflow_id are the first job's; nothing was written */
	SUBMIT_KEY_REUSED,  /* the explicit key names a job with another phase, workflow, user or payload: 422
			     */
};

struct receipt {
	enum submit_verdict verdict;
	enum status status;    /* ST_OK for accepted and duplicate; CONFLICT for key reused */
	struct job_id id;      /* accepted: the new job; duplicate, key reused: the first job */
	enum job_state state;  /* of that job now */
	bool body_differs;     /* duplicate: its payload is not this one (only possible for solo_user) */
	bool has_earlier;      /* accepted beside a job with the same natural key and another payload: */
	struct job_id earlier; /* that job */
	char workflow_id[JOB_TEXT_MAX + 1];
	struct why why;
};

/* The answer for a new job, and for one that was there: DUPLICATE, or KEY_REUSED. */
void receipt_of_new(struct receipt *receipt, const struct job *job);
void receipt_of_first(
	struct receipt *receipt, const struct job *first, enum submit_verdict verdict, bool body_differs);

#endif

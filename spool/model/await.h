/* spool/model/await.h: the phase that should follow: a workflow whose phase has completed awaits the next
 * one, within that one's service level (contract.md 5.5). Pure.
 *
 * 1 -> 2 -> 3 -> 4 -> 5. What follows 5 is a rejection or a payout, which may take weeks, and nothing follows
 * those: nobody awaits them. The next phase counts only if it comes in the same workflow. */
#ifndef SPOOL_MODEL_AWAIT_H
#define SPOOL_MODEL_AWAIT_H
#include "spool/model/job.h"
#include "spool/model/phase.h"

/* The phase that follows; 0: none is awaited. */
int await_next(int phase);

struct await {
	struct job_id job; /* the one that completed */
	int phase; /* that should come; does not always follow from the job, which may have been replayed */
	bool is_told; /* the time has passed, and an event says so */
	int64_t since_us, deadline_us;
};

/* Whether a job of this phase ends the waiting. */
bool await_is_over(const struct await *await, int phase);

/* A workflow whose next phase did not come in time. */
struct stalled {
	struct await await;
	char workflow_id[JOB_TEXT_MAX + 1], user_id[JOB_TEXT_MAX + 1]; /* "": its job cannot be read */
};
/* A place in their list: all zero is the beginning. */
struct stalled_at {
	bool is_set, is_told;
	int64_t deadline_us;
	uint64_t workflow_hash;
};

#endif

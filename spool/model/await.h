/* spool/model/await.h: the phase that should follow: a workflow whose phase has completed awaits the next
 * one, in the same workflow, where the configuration says so. Pure.
 *
 * 1 -> 2 -> 3 -> 4 -> 5. What follows 5 is a rejection or a payout, which may take weeks, and nothing follows
 * those: nobody can await them. */
#ifndef SPOOL_MODEL_AWAIT_H
#define SPOOL_MODEL_AWAIT_H
#include "spool/model/job.h"
#include "spool/model/phase.h"

enum { AWAIT_FIRST = 2, AWAIT_LAST = 5 }; /* the phases that can be awaited */

/* A workflow whose next phase did not come in time. */
struct stalled {
	struct job_id job; /* the one that completed */
	int phase;         /* that should have come */
	int64_t since_us, due_us;
	char workflow_id[JOB_TEXT_MAX + 1], user_id[JOB_TEXT_MAX + 1];
};

/* The phase that follows; 0: none can be awaited. */
int await_next(int phase);

/* Whether a job of this phase is what was awaited: a later phase will do, a step will not. */
bool await_is_met(int awaited, int phase);

#endif

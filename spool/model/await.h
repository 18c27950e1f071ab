/* spool/model/await.h: the phase that should follow: a workflow whose phase has completed awaits the next
 * one, in the same workflow, where the configuration says so. Pure.
 *
 * 1 -> 2 -> 3 -> 4 -> 5. What follows 5 is a rejection or a payout, which may take weeks, and nothing follows
 * those: nobody can await them. */
#ifndef SPOOL_MODEL_AWAIT_H
#define SPOOL_MODEL_AWAIT_H
#include "spool/base/clock.h"
#include "spool/model/event.h"
#include "spool/model/phase.h"

enum { AWAIT_FIRST = 2, AWAIT_LAST = 5 }; /* the phases that can be awaited */

/* A workflow whose next phase did not come in time. */
struct stalled {
	struct job_id job; /* the one that completed */
	int phase;         /* that should have come */
	int64_t since_us, due_us;
	char workflow_id[JOB_TEXT_MAX + 1], user_id[JOB_TEXT_MAX + 1];
};

/* How far the jobs that completed were looked at for a next phase that did not come. */
struct await_at {
	bool is_known, is_news /* it has come further than what is saved */;
	int64_t at_us, saved_us;
	struct job_id id;
};

/* The phase that follows; 0: none can be awaited. */
int await_next(int phase);

/* Whether a job of this phase is what was awaited: a later phase will do, a step will not. */
bool await_is_met(int awaited, int phase);

/* Whose phase should have come by now completed until then; <= 0: nobody's. An outcome bears the time at
 * which its commit was asked for, and nobody is told before that must be over. */
int64_t await_end_us(int64_t level_us, struct moment now);
/* Where the next look begins, given what was saved (0: nothing). What completed before anybody looked for the
 * first time is history; and should the clock have been put back, what completes from then on is looked at.
 */
void await_begin(struct await_at *at, uint64_t saved, int64_t end_us);
/* Not at each look: what is looked at again after a restart was told already. */
bool await_is_to_save(const struct await_at *at);

/* Where it is kept. */
enum { AWAIT_BOOKMARK_MAX = 24 };
const char *await_bookmark(int phase, char out[AWAIT_BOOKMARK_MAX]);

/* What is told of a job that completed. reason: the event's, as long as that lasts. */
enum { AWAIT_REASON_MAX = 120 };
void await_event(const struct job *job, const struct stalled *stalled, struct moment now,
	char reason[AWAIT_REASON_MAX], struct event *out);

#endif

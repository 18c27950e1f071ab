/* spool/explain.h: why a job does not run, what it waits for, when it moves next, and what to do: one
 * sentence, the same in the tool and in the API.
 *
 * It is found by what the scheduler itself decides by: rules_is_claimable(), rules_lease_is_over(), the
 * pauses of phases, receiver_may_run(), and the bounds that the worker lays out its claims by. So the two
 * cannot come apart. Pure but for explain_job(): no I/O, no clock. */
#ifndef SPOOL_EXPLAIN_H
#define SPOOL_EXPLAIN_H
#include "spool/base/jx.h"
#include "spool/model/receiver.h"
#include "spool/opts.h"

/* The words are promised (explain_cause_name()): programs read them. */
enum explain_cause {
	EXPLAIN_COMPLETED,
	EXPLAIN_FAILED,
	EXPLAIN_CANCELLED,
	EXPLAIN_FORGOTTEN,       /* ended, and its person was forgotten: it cannot be run again */
	EXPLAIN_HELD,            /* by an operator */
	EXPLAIN_CRASHED,         /* held after JOB_CRASHES_MAX deaths of its worker */
	EXPLAIN_RUNNING,         /* under a lease that lasts */
	EXPLAIN_LEASE_OVER,      /* its worker is gone; it is handed out again when another looks */
	EXPLAIN_SCHEDULED,       /* its first attempt is not due */
	EXPLAIN_RETRYING,        /* the wait after an attempt that failed */
	EXPLAIN_BEHIND,          /* another job of its workflow has the turn */
	EXPLAIN_PHASE_PAUSED,    /* by an operator */
	EXPLAIN_NO_WORKER,       /* there is none */
	EXPLAIN_RECEIVER_PAUSED, /* by an operator */
	EXPLAIN_RECEIVER_OPEN,   /* its breaker is open, or being probed */
	EXPLAIN_PHASE_FULL,      /* as many of its phase run as phase.N.concurrency lets */
	EXPLAIN_RECEIVER_FULL,   /* the same of a receiver that it needs */
	EXPLAIN_CROWD,           /* its user submits far more than others: these take turns */
	EXPLAIN_READY,           /* nothing keeps it: a worker's next claim */
	EXPLAIN_CAUSE_N
};
const char *explain_cause_name(enum explain_cause cause); /* "behind", "phase_paused", ... */

/* What there is to see besides the job. */
struct explain_view {
	const struct opts *opts;
	struct moment now;
	struct stats stats;
	const struct receiver_state *receivers;
	size_t receivers_n;
	const struct job *holder; /* who has the turn in its workflow; NULL: not known, or not to be told */
	int workers;              /* that live; -1: not known */
	const struct mask *mask;  /* of its error; NULL: all is shown */
};

enum { EXPLAIN_TEXT_MAX = 1023, EXPLAIN_ADVICE_MAX = 255 };
struct explanation {
	enum explain_cause cause;
	int64_t next_at_us;              /* when it can move by time alone; 0: not by time alone */
	char text[EXPLAIN_TEXT_MAX + 1]; /* the sentence */
	char todo[EXPLAIN_ADVICE_MAX +
		  1]; /* the command that moves it, or what to see to; "": nothing need be done */
};

void explain(const struct job *job, const struct explain_view *view, struct explanation *out);

/* The same of a job as spool_get() gave it, with a look around in the spool. job->behind zero: who has the
 * turn is not told. */
NODISCARD enum status explain_job(struct spool *sp, const struct opts *opts, struct moment now,
	const struct job *job, const struct mask *mask, struct explanation *out, struct why *why);

/* {"cause", "text", "next_at", "todo"}; next_at and todo may be null. */
void explain_json(struct jx_writer *w, const char *key, const struct explanation *explanation);

#endif

/* worker/outcome.h: one settlement with the memory behind it, on its way from the loop to the feed. */
#ifndef WORKER_OUTCOME_H
#define WORKER_OUTCOME_H
#include "worker/phases/phases.h"

struct outcome {
	struct outcome *next;
	struct settlement settlement; /* its slices point into the buffers below */
	struct buf error, body, checkpoint;
	struct run_notice kept[RUN_NOTICES_MAX];
	struct notice notices[RUN_NOTICES_MAX];
	bool wants_answer; /* a checkpoint that the next call waits for */
	/* For the meter. */
	int phase; /* 0: not known */
	int64_t accepted_at_us, claimed_at_us;
	const char *receiver; /* of the last call; NULL: none was made. Lives as long as the configuration */
};

/* NULL: no memory. The buffers are empty and bounded. */
NODISCARD struct outcome *outcome_new(const struct job *job, enum settle_kind kind);
void outcome_free(struct outcome *outcome);   /* accepts NULL */
void outcome_free_all(struct outcome *first); /* and those behind it */
/* One that is done with: emptied, and made into another one. Its memory is kept, but for what large texts
 * took. */
void outcome_empty(struct outcome *outcome);
void outcome_renew(struct outcome *outcome, const struct job *job, enum settle_kind kind);
/* Take over the run's notices (the run has none afterwards, but the memory of those that were here). */
void outcome_take_notices(struct outcome *outcome, struct run *run);
/* Point the settlement at the buffers: last act before it is given away. NOMEM: they do not hold all that was
 * put into them. */
NODISCARD enum status outcome_seal(struct outcome *outcome);
/* The spool has given its verdict: count what came of the attempt. */
void outcome_count(const struct outcome *outcome, enum status verdict, int64_t now_us);

#endif

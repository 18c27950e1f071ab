/* worker/retain.h: jobs that ended leave the spool after their configured age, a few at a time, and after the
 * longest of these ages the events that belong to no job. And workflows whose next phase did not come within
 * its service level are told of. */
#ifndef WORKER_RETAIN_H
#define WORKER_RETAIN_H
#include "spool/opts.h"

struct retain {
	struct spool *spool;
	int64_t keep_us[JOB_STATE_N];                         /* 0: not removed by age */
	int64_t next_round_us, next_tend_us, next_portion_us; /* since boot */
	int64_t next_await_us;                                /* INT64_MAX: nothing is awaited */
	int part;             /* of the round: a state whose jobs go, RETAIN_EVENTS, or RETAIN_OVER */
	uint64_t events_seen; /* events of no job up to here are gone */
};
enum { RETAIN_EVENTS = JOB_STATE_N, RETAIN_OVER };

void retain_init(struct retain *retain, const struct opts *opts, struct spool *spool);
/* At most one small transaction; cheap when nothing is due. Also looks for readers that died. */
void retain_step(struct retain *retain, struct moment now);
/* How long until a step has something to do, in milliseconds: short while a round is under way. */
int retain_wait_ms(const struct retain *retain, struct moment now);

#endif

/* worker/retain.h: jobs that ended leave the spool after their configured age, a few at a time. */
#ifndef WORKER_RETAIN_H
#define WORKER_RETAIN_H
#include "spool/opts.h"

struct retain {
	struct spool *spool;
	int64_t keep_us[JOB_STATE_N]; /* 0: not removed by age */
	int64_t next_round_us, next_tend_us, next_portion_us;
	int state; /* whose turn it is in this round; JOB_STATE_N: the round is over */
};

void retain_init(struct retain *retain, const struct opts *opts, struct spool *spool);
/* At most one small transaction; cheap when nothing is due. Also looks for readers that died. */
void retain_step(struct retain *retain);
/* How long until a step has something to do, in milliseconds: short while a round is under way. */
int retain_wait_ms(const struct retain *retain);

#endif

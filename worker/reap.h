/* worker/reap.h: from time to time look for workers that died in a job's code, and settle that job. On the
 * feed's thread. */
#ifndef WORKER_REAP_H
#define WORKER_REAP_H
#include "worker/feed.h"

/* *next_us: when it is time again, by clock_mono_us(); 0: at once. Cheap until then. */
void reap_step(int64_t *next_us, const struct opts *opts, struct feed *feed);

#endif

/* spool/ctl/pace.h: acts on many jobs at a given rate, and their end at a signal: after the batch that is
 * under way, so that what was done is known. */
#ifndef SPOOL_CTL_PACE_H
#define SPOOL_CTL_PACE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM only ask; a second one ends the process at once. */
void stop_install(void);
bool stop_is_wanted(void);

struct pace {
	int64_t us; /* a job in so long; 0: as fast as it goes */
	int64_t from_mono_us;
	uint64_t done;
};
/* How many jobs a batch should have: at a slow rate few, so that they do not come in bursts. */
size_t pace_batch(const struct pace *pace);
/* n more are done: sleep until that many may be. false: it was asked to stop. */
bool pace_wait(struct pace *pace, size_t n);

#endif

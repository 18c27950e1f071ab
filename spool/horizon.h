/* spool/horizon.h: what is still to come for a job that waits: its next tries and when they end, by the
 * configuration's policy as the worker applies it. Each is taken to fail at once. */
#ifndef SPOOL_HORIZON_H
#define SPOOL_HORIZON_H
#include "spool/base/jx.h"
#include "spool/retry.h"

enum { HORIZON_SHOWN = 5 }; /* tries that are told one by one */

struct horizon {
	struct retry_try tries[HORIZON_SHOWN]; /* the first n of them */
	struct retry_try last;
	size_t n;
	int64_t sure_us;
};

/* false: it does not wait, or waits for somebody to let it go. */
bool horizon_look(const struct opts *opts, const struct job *job, struct horizon *out);
/* The member "horizon" of an open object; null for a job that does not wait. */
void horizon_json(struct jx_writer *w, const struct opts *opts, const struct job *job);

#endif

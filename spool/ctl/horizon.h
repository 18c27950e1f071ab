/* spool/ctl/horizon.h: the next tries of a job that waits, and when it gives up, for people and for programs.
 */
#ifndef SPOOL_CTL_HORIZON_H
#define SPOOL_CTL_HORIZON_H
#include "spool/base/jx.h"
#include "spool/opts.h"

/* Nothing for a job in another state. */
void horizon_print(const struct opts *opts, const struct job *job);
/* The member "horizon" of an open object; null for a job in another state. */
void horizon_json(struct jx_writer *w, const struct opts *opts, const struct job *job);

#endif

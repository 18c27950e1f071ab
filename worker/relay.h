/* worker/relay.h: notifications and progress events, which are records in the spool first, are also sent to
 * notify.url as {"room","event","payload"}: some at a time, those of one user in order, each until it is
 * taken or the rules of [retry] give it up, never delaying a job. */
#ifndef WORKER_RELAY_H
#define WORKER_RELAY_H
#include "spool/opts.h"

struct relay;

/* ST_OK with *out NULL when notify.url is empty. A thread of its own, which stops within a second. */
NODISCARD enum status relay_start(
	const struct opts *opts, struct spool *spool, struct relay **out, struct why *why);
void relay_stop(struct relay *relay); /* accepts NULL */

#endif

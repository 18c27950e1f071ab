/* spool/retry.h: what a failed attempt leads to. Pure: time and chance come in as arguments. */
#ifndef SPOOL_RETRY_H
#define SPOOL_RETRY_H
#include "spool/opts.h"

enum failure { FAILURE_NONE, FAILURE_PASSING, FAILURE_PERMANENT };

/* An HTTP status as a verdict: 2xx none; 408, 425, 429 and 5xx passing; everything else permanent. 0 (no
 * answer): passing. */
enum failure retry_classify(long http_status);

struct retry_case {
	uint32_t attempts_made, attempts_allowed; /* this one included */
	int64_t give_up_at_us, now_us;
	int64_t retry_after_s; /* the receiver's wish; 0: none */
	double chance;         /* [0, 1): how much of the jitter is taken */
};

/* true: try again at *run_at_us. Waits base, base*factor, base*factor^2 ... up to cap, less up to a quarter
 * of jitter; a Retry-After may lengthen a wait up to cap, never shorten it. false: attempts or time are used
 * up. */
bool retry_decide(const struct retry_opts *policy, const struct retry_case *c, int64_t *run_at_us);

#endif

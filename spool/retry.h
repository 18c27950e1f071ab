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
 * of jitter; a Retry-After may lengthen a wait up to cap, never shorten it, and never beyond the time to give
 * up: then there is one last try. false: attempts or time are used up. */
bool retry_decide(const struct retry_opts *policy, const struct retry_case *c, int64_t *run_at_us);

/* --- a policy's tries, all of them, for people to see. Each is taken to fail at once. --- */

enum { RETRY_TRIES_MAX = 1024 }; /* more than retry.attempts allows */

/* What is left to a job whose next try comes at first_us. */
struct retry_start {
	uint32_t attempts_made, attempts_allowed;
	int64_t first_us, give_up_at_us;
};

struct retry_try {
	uint32_t attempt;
	int64_t wait_us;     /* since the try before; 0: the first */
	int64_t at_us;       /* without jitter */
	int64_t earliest_us; /* when jitter takes all it may from every wait */
};

/* The tries that are left, until attempts or time end them, at most max of them; how many. There is always
 * the first. */
size_t retry_tries(
	const struct retry_opts *policy, const struct retry_start *start, struct retry_try *out, size_t max);
/* Whatever jitter takes, there is a try at this time or later, and this is the latest such time. */
int64_t retry_sure_us(const struct retry_opts *policy, const struct retry_start *start);
/* The first try at least span_us after the first; n: there is none. */
size_t retry_first_after(const struct retry_try *tries, size_t n, int64_t span_us);
/* A receiver is back after outage_us, during which one job a second came, evenly: the tries a second that
 * reach it between from_us and until_us after that, without jitter. Tries of jobs that come
 * later are not counted. */
double retry_load(
	const struct retry_try *tries, size_t n, int64_t outage_us, int64_t from_us, int64_t until_us);

#endif

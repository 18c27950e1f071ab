/* spool/retry.c: see retry.h. */
#include "spool/retry.h"

enum { FACTOR_ONE = 1000, JITTER_PARTS = 4 };

enum failure retry_classify(long status)
{
	if (status >= 200 && status < 300)
		return FAILURE_NONE;
	if (status == 0 || status == 408 || status == 425 || status == 429 || status >= 500)
		return FAILURE_PASSING;
	return FAILURE_PERMANENT;
}

static int64_t wait_ms(const struct retry_opts *policy, uint32_t attempts_made)
{
	int64_t wait = policy->base_ms;
	for (uint32_t i = 1; i < attempts_made && wait < policy->cap_ms; i++)
		wait = wait * policy->factor_milli / FACTOR_ONE; /* cap (30 d) times factor (100) fits */
	return wait < policy->cap_ms ? wait : policy->cap_ms;
}

bool retry_decide(const struct retry_opts *policy, const struct retry_case *c, int64_t *run_at_us)
{
	int64_t wait = wait_ms(policy, c->attempts_made);
	if (policy->jitter)
		wait -= (int64_t)((double)(wait / JITTER_PARTS) * c->chance);
	int64_t asked = c->retry_after_s > policy->cap_ms / 1000 ? policy->cap_ms : c->retry_after_s * 1000;
	if (asked > wait)
		wait = asked;
	*run_at_us = c->now_us + wait * 1000;
	return c->attempts_made < c->attempts_allowed && *run_at_us <= c->give_up_at_us;
}

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

/* Whether there is a try is for the policy's own wait to say: a receiver that asks for more time than is left
 * gets what is left. */
bool retry_decide(const struct retry_opts *policy, const struct retry_case *c, int64_t *run_at_us)
{
	int64_t wait = wait_ms(policy, c->attempts_made);
	if (policy->jitter)
		wait -= (int64_t)((double)(wait / JITTER_PARTS) * c->chance);
	int64_t asked = c->retry_after_s > policy->cap_ms / 1000 ? policy->cap_ms : c->retry_after_s * 1000;
	int64_t own_us = c->now_us + wait * 1000, asked_us = c->now_us + asked * 1000;
	if (asked_us > c->give_up_at_us)
		asked_us = c->give_up_at_us;
	*run_at_us = asked_us > own_us ? asked_us : own_us;
	return c->attempts_made < c->attempts_allowed && own_us <= c->give_up_at_us;
}

static int64_t least_us(const struct retry_opts *policy, int64_t wait)
{
	return (policy->jitter ? wait - wait / JITTER_PARTS : wait) * 1000;
}

size_t retry_tries(
	const struct retry_opts *policy, const struct retry_start *start, struct retry_try *out, size_t max)
{
	struct retry_try at = {.attempt = start->attempts_made + 1,
		.at_us = start->first_us,
		.earliest_us = start->first_us};
	size_t n = 0;
	while (n < max) {
		out[n++] = at;
		int64_t wait = wait_ms(policy, at.attempt);
		at.wait_us = wait * 1000;
		at.at_us += at.wait_us;
		at.earliest_us += least_us(policy, wait);
		if (at.attempt++ >= start->attempts_allowed || at.at_us > start->give_up_at_us)
			break;
	}
	return n;
}

/* Jitter can place try k anywhere between `early` and `late`. It can be the last one if no attempt is left,
 * or if the next would come after the end of time, which needs k to stand within its wait of that end. */
int64_t retry_sure_us(const struct retry_opts *policy, const struct retry_start *start)
{
	int64_t early = start->first_us, late = start->first_us, end = start->give_up_at_us, sure = INT64_MAX;
	for (uint32_t made = start->attempts_made + 1; made == start->attempts_made + 1 || early <= end;
		made++) {
		int64_t wait = wait_ms(policy, made), could_end = end - wait * 1000;
		if (made >= start->attempts_allowed)
			return early < sure ? early : sure;
		int64_t last = could_end > early ? could_end : early;
		if (late > could_end && last < sure)
			sure = last;
		early += least_us(policy, wait);
		late += wait * 1000;
	}
	return sure;
}

size_t retry_first_after(const struct retry_try *tries, size_t n, int64_t span_us)
{
	size_t i = 0;
	while (i < n && tries[i].at_us - tries[0].at_us < span_us)
		i++;
	return i;
}

/* A job that came at x has its first try after the end D with its k-th if x + T(k-1) < D <= x + T(k). Seen
 * from time t after the end, for each k there is one such job a second: x = D + t - T(k), if that lies in the
 * outage and t is less than the wait before k. */
double retry_load(
	const struct retry_try *tries, size_t n, int64_t outage_us, int64_t from_us, int64_t until_us)
{
	int64_t sum_us = 0;
	for (size_t k = 1; k < n; k++) {
		int64_t begin = tries[k].at_us - tries[0].at_us - outage_us, end = tries[k].wait_us;
		begin = begin > from_us ? begin : from_us;
		end = end < until_us ? end : until_us;
		sum_us += end > begin ? end - begin : 0;
	}
	return (double)sum_us / (double)(until_us - from_us);
}

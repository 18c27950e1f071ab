/* spool/model/await.c: see await.h. */
#include "spool/model/await.h"

#include <stdio.h>

static const int64_t least_wait_us = 2000000, save_after_us = 60000000;

int await_next(int phase)
{
	return phase >= AWAIT_FIRST - 1 && phase < AWAIT_LAST ? phase + 1 : 0;
}

bool await_is_met(int awaited, int phase)
{
	return !phase_is_step(phase) && phase >= awaited;
}

int64_t await_end_us(int64_t level_us, struct moment now)
{
	return now.wall_us - (level_us > least_wait_us ? level_us : least_wait_us);
}

void await_begin(struct await_at *at, uint64_t saved, int64_t end_us)
{
	bool was_saved = saved > 0 && saved <= INT64_MAX;
	if (!at->is_known)
		*at = (struct await_at){.is_known = true,
			.at_us = was_saved ? (int64_t)saved : end_us,
			.saved_us = was_saved ? (int64_t)saved : 0,
			.is_news = !was_saved};
	if (at->at_us > end_us) {
		at->at_us = end_us;
		at->id = (struct job_id){{0}};
	}
}

bool await_is_to_save(const struct await_at *at)
{
	return at->is_news && at->at_us - at->saved_us >= save_after_us;
}

const char *await_bookmark(int phase, char out[AWAIT_BOOKMARK_MAX])
{
	snprintf(out, AWAIT_BOOKMARK_MAX, "awaited-%d", phase);
	return out;
}

void await_event(const struct job *job, const struct stalled *stalled, struct moment now,
	char reason[AWAIT_REASON_MAX], struct event *out)
{
	snprintf(reason, AWAIT_REASON_MAX, "phase %d did not come within %lld s after phase %d had completed",
		stalled->phase, (long long)((stalled->due_us - stalled->since_us) / 1000000), job->phase);
	*out = event_beside(job, EVENT_STALLED, now);
	out->actor = slice_text("system");
	out->reason = slice_text(reason);
}

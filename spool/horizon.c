/* spool/horizon.c: see horizon.h. */
#include "spool/horizon.h"

#include "spool/base/clock.h"

#include <string.h>

bool horizon_look(const struct opts *opts, const struct job *job, struct horizon *out)
{
	struct retry_opts policy = opts_retry(opts, job->phase);
	int64_t now_us = clock_now().wall_us;
	if (job->state != JOB_WAITING && job->state != JOB_DELAYED)
		return false;
	struct retry_start start = {
		.attempts_made = job->attempts_made,
		.attempts_allowed = job->attempts_allowed,
		.first_us = job->run_at_us > now_us ? job->run_at_us : now_us,
		.give_up_at_us = job->give_up_at_us,
	};
	struct retry_try tries[RETRY_TRIES_MAX];
	out->n = retry_tries(&policy, &start, tries, RETRY_TRIES_MAX);
	memcpy(out->tries, tries, (out->n < HORIZON_SHOWN ? out->n : HORIZON_SHOWN) * sizeof *tries);
	out->last = tries[out->n - 1];
	out->sure_us = retry_sure_us(&policy, &start);
	return true;
}

void horizon_json(struct jx_writer *w, const struct opts *opts, const struct job *job)
{
	struct horizon h;
	if (!horizon_look(opts, job, &h)) {
		jx_null(w, "horizon");
		return;
	}
	jx_open_object(w, "horizon");
	jx_int(w, "tries_left", (int64_t)h.n);
	jx_open_array(w, "next_tries");
	for (size_t i = 0; i < h.n && i < HORIZON_SHOWN; i++) {
		jx_open_object(w, NULL);
		jx_int(w, "attempt", h.tries[i].attempt);
		jx_time(w, "at", h.tries[i].at_us);
		jx_time(w, "earliest", h.tries[i].earliest_us);
		jx_close_object(w);
	}
	jx_close_array(w);
	jx_time(w, "last_try_at", h.last.at_us);
	jx_time(w, "sure_until", h.sure_us);
	jx_close_object(w);
}

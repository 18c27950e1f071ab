/* spool/ctl/horizon.c: what is still to come for a job that waits: its next tries and when they end, by the
 * configuration's policy as the worker applies it. See horizon.h. */
#include "spool/ctl/horizon.h"

#include "spool/base/clock.h"
#include "spool/ctl/out.h"
#include "spool/retry.h"

#include <stdio.h>

enum { SHOWN = 5 };

struct horizon {
	struct retry_try tries[RETRY_TRIES_MAX];
	size_t n;
	int64_t sure_us;
};

/* false: it does not wait, or waits for somebody to let it go. */
static bool look(const struct opts *opts, const struct job *job, struct horizon *out)
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
	out->n = retry_tries(&policy, &start, out->tries, RETRY_TRIES_MAX);
	out->sure_us = retry_sure_us(&policy, &start);
	return true;
}

void horizon_print(const struct opts *opts, const struct job *job)
{
	struct horizon h;
	char at[32], sure[32];
	if (!look(opts, job, &h))
		return;
	for (size_t i = 0; i < h.n && i < SHOWN; i++)
		printf("%-17stry %u, %s\n", i ? "" : "next tries", h.tries[i].attempt,
			out_time(at, h.tries[i].at_us));
	if (h.n > SHOWN)
		printf("%-17sand %zu more\n", "", h.n - SHOWN);
	printf("%-17stry %u, %s; not before %s, whatever jitter takes\n", "last", h.tries[h.n - 1].attempt,
		out_time(at, h.tries[h.n - 1].at_us), out_time(sure, h.sure_us));
}

void horizon_json(struct jx_writer *w, const struct opts *opts, const struct job *job)
{
	struct horizon h;
	if (!look(opts, job, &h)) {
		jx_null(w, "horizon");
		return;
	}
	jx_open_object(w, "horizon");
	jx_int(w, "tries_left", (int64_t)h.n);
	jx_open_array(w, "next_tries");
	for (size_t i = 0; i < h.n && i < SHOWN; i++) {
		jx_open_object(w, NULL);
		jx_int(w, "attempt", h.tries[i].attempt);
		jx_time(w, "at", h.tries[i].at_us);
		jx_time(w, "earliest", h.tries[i].earliest_us);
		jx_close_object(w);
	}
	jx_close_array(w);
	jx_time(w, "last_try_at", h.tries[h.n - 1].at_us);
	jx_time(w, "sure_until", h.sure_us);
	jx_close_object(w);
}

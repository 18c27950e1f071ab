/* spool/explain_job.c: the look around that explain() needs. */
#include "spool/crew.h"
#include "spool/explain.h"

/* Who has the turn; *holder is the caller's to release. One that cannot be read, or has just gone, is not
 * told. */
static enum status find_holder(struct spool *sp, const struct job *job, struct job *holder, struct why *why)
{
	enum status st = spool_get(sp, job->behind, holder, why);
	return st == ST_NOTFOUND || st == ST_CORRUPT ? ST_OK : st;
}

enum status explain_job(struct spool *sp, const struct opts *opts, struct moment now, const struct job *job,
	const struct mask *mask, struct explanation *out, struct why *why)
{
	struct receiver_state receivers[RECEIVERS_MAX * 2];
	struct job holder = JOB_INIT;
	struct explain_view view = {
		.opts = opts, .now = now, .receivers = receivers, .workers = -1, .mask = mask};
	*out = (struct explanation){0};
	if (!job_state_is_ended(job->state)) {
		enum status st = spool_stats(sp, &view.stats, why);
		if (st == ST_OK)
			st = spool_receivers(
				sp, receivers, sizeof receivers / sizeof *receivers, &view.receivers_n, why);
		if (st == ST_OK && !id_is_zero(job->behind))
			st = find_holder(sp, job, &holder, why);
		if (st != ST_OK)
			return st;
		if (view.receivers_n > sizeof receivers / sizeof *receivers)
			view.receivers_n = sizeof receivers / sizeof *receivers;
		view.workers = crew_count_of(opts->spool.store, opts->spool.path);
	}
	if (!id_is_zero(holder.id))
		view.holder = &holder;
	explain(job, &view, out);
	job_release(&holder);
	return ST_OK;
}

/* worker/retain.c: see retain.h. A round every ten seconds goes through the ended states; each step removes
 * one portion, with a pause after it, so that intake and deliveries commit in between. */
#include "worker/retain.h"

#include "spool/base/log.h"

enum {
	PORTION = 200,
	ROUND_US = 10000000,
	TEND_US = 30000000,
	PAUSE_US = 20000,
	AWAIT_US = 1000000,
	TOLD_US = 400 /* for each that was told of: thousands at a time must not hold up deliveries */
};

void retain_init(struct retain *r, const struct opts *opts, struct spool *spool)
{
	*r = (struct retain){.spool = spool, .part = RETAIN_OVER};
	r->keep_us[JOB_COMPLETED] = opts->queue.keep_completed_ms * 1000;
	r->keep_us[JOB_FAILED] = opts->queue.keep_failed_ms * 1000;
	r->keep_us[JOB_CANCELLED] = opts->queue.keep_cancelled_ms * 1000;
	r->next_await_us = INT64_MAX;
	for (int phase = AWAIT_FIRST; phase <= AWAIT_LAST; phase++)
		if (opts->phase[phase_slot(phase)].is_awaited &&
			opts->phase[phase_slot(phase)].service_level_ms)
			r->next_await_us = 0;
}

static int64_t longest(const struct retain *r)
{
	int64_t keep_us = 0;
	for (int state = 0; state < JOB_STATE_N; state++)
		if (r->keep_us[state] > keep_us)
			keep_us = r->keep_us[state];
	return keep_us;
}

/* Whether this part of the round has more to remove. */
static bool remove_jobs(struct retain *r, struct moment now)
{
	struct why why = WHY_INIT;
	enum job_state state = (enum job_state)r->part;
	size_t removed = 0;
	enum status st = spool_remove(r->spool, now, state, now.wall_us - r->keep_us[state], PORTION,
		slice_text("system"), &removed, &why);
	if (st != ST_OK)
		log_warning("event=retention_failed status=%s why=%s", status_name(st), LOG_QT(why.text));
	else if (removed)
		log_info("event=removed state=%s n=%zu", job_state_name(state), removed);
	return st == ST_OK && removed == PORTION;
}

static bool remove_events(struct retain *r, struct moment now)
{
	struct why why = WHY_INIT;
	bool has_more = false;
	enum status st = spool_remove_events(
		r->spool, now, now.wall_us - longest(r), &r->events_seen, &has_more, &why);
	if (st != ST_OK)
		log_warning("event=retention_failed status=%s why=%s", status_name(st), LOG_QT(why.text));
	return st == ST_OK && has_more;
}

static void tell_stalled(struct retain *r, struct moment now)
{
	struct why why = WHY_INIT;
	size_t told;
	bool has_more;
	if (now.boot_us < r->next_await_us)
		return;
	enum status st = spool_await_tell(r->spool, now, &told, &has_more, &why);
	if (st != ST_OK)
		log_warning("event=stalled_failed status=%s why=%s", status_name(st), LOG_QT(why.text));
	else if (told)
		log_warning("event=stalled workflows=%zu", told);
	r->next_await_us =
		now.boot_us + (st == ST_OK && has_more ? PAUSE_US + (int64_t)told * TOLD_US : AWAIT_US);
}

void retain_step(struct retain *r, struct moment now)
{
	if (now.boot_us >= r->next_tend_us) {
		r->next_tend_us = now.boot_us + TEND_US;
		spool_tend(r->spool);
	}
	tell_stalled(r, now);
	if (now.boot_us >= r->next_round_us) {
		r->next_round_us = now.boot_us + ROUND_US;
		r->part = 0;
	}
	while (r->part < RETAIN_EVENTS && r->keep_us[r->part] == 0)
		r->part++;
	if (r->part == RETAIN_OVER || now.boot_us < r->next_portion_us)
		return;
	r->next_portion_us = now.boot_us + PAUSE_US;
	bool has_more = r->part == RETAIN_EVENTS ? remove_events(r, now) : remove_jobs(r, now);
	if (!has_more)
		r->part++;
}

int retain_wait_ms(const struct retain *r, struct moment now)
{
	int64_t next = r->part < RETAIN_OVER ? r->next_portion_us : r->next_round_us;
	if (r->next_await_us < next)
		next = r->next_await_us;
	int64_t left_us = next - now.boot_us;
	return left_us <= 0 ? 0 : (int)(left_us / 1000) + 1;
}

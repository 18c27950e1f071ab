/* worker/retain.c: see retain.h. A round every ten seconds goes through the ended states; each step removes
 * one portion, with a pause after it, so that intake and deliveries commit in between. */
#include "worker/retain.h"

#include "spool/base/log.h"

enum { PORTION = 200, ROUND_US = 10000000, TEND_US = 30000000, PAUSE_US = 20000 };

void retain_init(struct retain *r, const struct opts *opts, struct spool *spool)
{
	*r = (struct retain){.spool = spool, .state = JOB_STATE_N};
	r->keep_us[JOB_COMPLETED] = opts->queue.keep_completed_ms * 1000;
	r->keep_us[JOB_FAILED] = opts->queue.keep_failed_ms * 1000;
	r->keep_us[JOB_CANCELLED] = opts->queue.keep_cancelled_ms * 1000;
}

static void remove_portion(struct retain *r)
{
	struct why why = WHY_INIT;
	struct moment now = clock_now();
	size_t removed = 0;
	enum status st = spool_remove(r->spool, now, (enum job_state)r->state,
		now.wall_us - r->keep_us[r->state], PORTION, slice_text("system"), &removed, &why);
	if (st != ST_OK)
		log_warning("event=retention_failed status=%s why=%s", status_name(st), LOG_QT(why.text));
	else if (removed)
		log_info("event=removed state=%s n=%zu", job_state_name((enum job_state)r->state), removed);
	if (st != ST_OK || removed < PORTION)
		r->state++;
}

void retain_step(struct retain *r)
{
	int64_t now = clock_mono_us();
	if (now >= r->next_tend_us) {
		r->next_tend_us = now + TEND_US;
		spool_tend(r->spool);
	}
	if (now >= r->next_round_us) {
		r->next_round_us = now + ROUND_US;
		r->state = 0;
	}
	while (r->state < JOB_STATE_N && r->keep_us[r->state] == 0)
		r->state++;
	if (r->state == JOB_STATE_N || now < r->next_portion_us)
		return;
	r->next_portion_us = now + PAUSE_US;
	remove_portion(r);
}

int retain_wait_ms(const struct retain *r)
{
	int64_t next = r->state < JOB_STATE_N ? r->next_portion_us : r->next_round_us;
	int64_t left_us = next - clock_mono_us();
	return left_us <= 0 ? 0 : (int)(left_us / 1000) + 1;
}

/* worker/reap.c: see reap.h. */
#include "worker/reap.h"

#include "spool/base/log.h"
#include "worker/mark.h"

enum { EVERY_US = 10000000 };

/* Often enough to come before the lease runs out, after which the mark is only a late word. */
static int64_t interval_us(const struct opts *opts)
{
	int64_t third_us = opts->worker.lease_ms * 1000 / 3;
	return third_us < EVERY_US ? third_us : EVERY_US;
}

static void found(void *arg, struct job_id id, uint64_t token, bool in_its_code)
{
	char text[JOB_ID_TEXT_LEN];
	id_text(id, text);
	if (in_its_code)
		log_err("job=%s event=crashed token=%llu err=\"its worker died while running it\"", text,
			(unsigned long long)token);
	feed_crashed(arg, id, token, in_its_code);
}

void reap_step(int64_t *next_us, const struct opts *opts, struct feed *feed)
{
	int64_t now_us = clock_mono_us();
	if (now_us < *next_us)
		return;
	*next_us = now_us + interval_us(opts);
	mark_reap(opts->spool.path, found, feed);
}

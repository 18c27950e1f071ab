/* tests/unit/sim_callers.c: the part of the simulation that concerns callers and their quotas; see sim.h. */
#include "tests/unit/sim.h"

enum { SIM_MAX_JOBS = 7, SIM_MAX_BYTES = 40 };
static const char *const names[SIM_CALLERS] = {"alice", "token:bob"};

/* Some triggers come without a bound: those jobs count for nobody. */
void sim_bind(struct sim *s, struct trigger *t, struct model_job *like)
{
	uint64_t bounds = sim_roll(s, 4);
	like->caller = (int)sim_roll(s, SIM_CALLERS);
	like->bytes = t->payload.len;
	like->is_charged = bounds != 0;
	t->source = slice_text(names[like->caller]);
	t->max_jobs = bounds & 1 ? SIM_MAX_JOBS : 0;
	t->max_bytes = bounds & 2 ? SIM_MAX_BYTES : 0;
}

static struct account has(const struct sim *s, int caller)
{
	struct account sum = {0};
	for (size_t i = 0; i < s->n; i++) {
		const struct model_job *j = &s->jobs[i];
		if (j->caller != caller || !j->is_charged || job_state_is_ended(j->state))
			continue;
		sum.jobs++;
		sum.bytes += j->bytes;
	}
	return sum;
}

bool sim_is_over(const struct sim *s, const struct trigger *t, const struct model_job *like)
{
	struct account sum = has(s, like->caller);
	return (t->max_jobs && sum.jobs + 1 > t->max_jobs) ||
	       (t->max_bytes && sum.bytes + like->bytes > t->max_bytes);
}

void sim_compare_callers(struct sim *s)
{
	struct account stored[SIM_CALLERS + 1];
	uint64_t after = 0;
	size_t n, want_n = 0;
	CHECK(s, s->f->ops->accounts(s->f->store, &after, stored, SIM_CALLERS + 1, &n, NULL) == ST_OK);
	for (int caller = 0; caller < SIM_CALLERS; caller++) {
		struct account want = has(s, caller), is = {0};
		want_n += want.jobs > 0;
		for (size_t i = 0; i < n; i++)
			if (strcmp(stored[i].name, names[caller]) == 0)
				is = stored[i];
		CHECK(s, is.jobs == want.jobs && is.bytes == want.bytes);
	}
	CHECK(s, n == want_n);
}

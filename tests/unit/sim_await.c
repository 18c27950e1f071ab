/* tests/unit/sim_await.c: the part of the simulation that concerns what workflows await; see sim.h. */
#include "tests/unit/sim.h"

#include <stdlib.h>

enum { LEVEL_US = 20000000, LISTED_MAX = 64 };

void sim_await_conf(struct spool_conf *conf)
{
	conf->service_level_us[phase_slot(2)] = LEVEL_US;
	conf->service_level_us[phase_slot(3)] = 2 * LEVEL_US;
	conf->service_level_us[phase_slot(5)] = LEVEL_US; /* nobody awaits phase 4 */
}

void sim_await_completed(struct sim *s, const struct model_job *j)
{
	struct model_await *a = &s->awaits[j->workflow];
	int64_t level_us = j->phase < 5 ? s->f->conf.service_level_us[phase_slot(j->phase + 1)] : 0;
	if (level_us == 0 || a->phase > j->phase + 1)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->jobs[i].workflow == j->workflow && s->jobs[i].phase == j->phase + 1 &&
			id_cmp(s->jobs[i].id, j->id) > 0)
			return;
	*a = (struct model_await){j->phase + 1, j->id, s->f->now.wall_us + level_us, false};
}

void sim_await_came(struct sim *s, const struct model_job *j)
{
	struct model_await *a = &s->awaits[j->workflow];
	if (a->phase && j->phase >= a->phase)
		a->phase = 0;
}

void sim_await_gone(struct sim *s, struct job_id id)
{
	for (int w = 0; w < SHARED + ALONE; w++)
		if (s->awaits[w].phase && id_cmp(s->awaits[w].job, id) == 0)
			s->awaits[w].phase = 0;
}

void sim_tell(struct sim *s)
{
	size_t told, want = 0;
	bool has_more;
	assert_int_equal(s->f->ops->await_tell(s->f->store, s->f->now, &told, &has_more, NULL), ST_OK);
	for (int w = 0; w < SHARED + ALONE; w++) {
		struct model_await *a = &s->awaits[w];
		if (a->phase && !a->is_told && a->deadline_us <= s->f->now.wall_us) {
			a->is_told = true;
			want++;
		}
	}
	CHECK(s, told == want && !has_more);
}

/* Listed two at a time, each once, and in the order promised. */
void sim_compare_await(struct sim *s)
{
	struct stalled_at at = {0};
	struct stalled page[2], last = {0};
	size_t n, listed = 0, want = 0;
	do {
		assert_int_equal(s->f->ops->stalled(s->f->store, s->f->now, &at, page, 2, &n, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			long w = strtol(page[i].workflow_id + 1, NULL, 10);
			const struct model_await *a = &s->awaits[w];
			CHECK(s, page[i].workflow_id[0] == 'w' && a->phase == page[i].await.phase);
			CHECK(s, a->deadline_us == page[i].await.deadline_us &&
					 a->is_told == page[i].await.is_told &&
					 id_cmp(a->job, page[i].await.job) == 0);
			CHECK(s, listed + i == 0 || last.await.is_told > page[i].await.is_told ||
					 last.await.deadline_us <= page[i].await.deadline_us);
			last = page[i];
		}
		listed += n;
	} while (n == 2 && listed < LISTED_MAX);
	for (int w = 0; w < SHARED + ALONE; w++)
		want += s->awaits[w].phase &&
			(s->awaits[w].is_told || s->awaits[w].deadline_us <= s->f->now.wall_us);
	CHECK(s, listed == want);
}

/* tests/unit/sim_await.c: the part of the simulation that concerns what workflows await; see sim.h. */
#include "tests/unit/sim.h"

#include <stdlib.h>

static const int64_t level_us = 20000000;

void sim_await_conf(struct spool_conf *conf)
{
	conf->await_us[2] = level_us;
	conf->await_us[3] = 2 * level_us;
	conf->await_us[5] = level_us; /* nobody awaits phase 4 */
}

/* Does its workflow await the next phase? */
static bool is_open(const struct sim *s, const struct model_job *j)
{
	if (j->state != JOB_COMPLETED || j->is_forgotten || j->phase >= AWAIT_LAST ||
		s->f->conf.await_us[j->phase + 1] == 0)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->jobs[i].workflow == j->workflow && s->jobs[i].phase > j->phase &&
			!phase_is_step(s->jobs[i].phase) && id_cmp(s->jobs[i].id, j->id) > 0)
			return false;
	return true;
}

/* Listed two at a time, each once, in the order promised: bits of the model's jobs. */
static void list(struct sim *s, bool is_listed[JOBS_MAX])
{
	struct job_id at = {{0}}, last = {{0}};
	struct stalled page[2];
	size_t n;
	memset(is_listed, 0, JOBS_MAX * sizeof *is_listed);
	do {
		assert_int_equal(s->f->ops->stalled(s->f->store, &at, page, 2, &n, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			size_t k = 0;
			while (k < s->n && id_cmp(s->jobs[k].id, page[i].job) != 0)
				k++;
			CHECK(s, k < s->n && id_cmp(page[i].job, last) > 0);
			CHECK(s, page[i].phase == s->jobs[k].phase + 1);
			CHECK(s, page[i].workflow_id[0] == 'w' &&
					 strtol(page[i].workflow_id + 1, NULL, 10) == s->jobs[k].workflow);
			last = page[i].job;
			is_listed[k] = true;
		}
	} while (n == 2);
}

/* A job is looked at when its time has passed; and perhaps again after a restart. */
void sim_tell(struct sim *s)
{
	bool was_told[JOBS_MAX] = {false}, is_listed[JOBS_MAX];
	size_t told, n = 0;
	bool has_more;
	for (size_t i = 0; i < s->n; i++)
		was_told[i] = s->jobs[i].is_told && is_open(s, &s->jobs[i]);
	assert_int_equal(s->f->ops->await_tell(s->f->store, s->f->now, &told, &has_more, NULL), ST_OK);
	list(s, is_listed);
	for (size_t i = 0; i < s->n; i++) {
		struct model_job *j = &s->jobs[i];
		bool open = is_open(s, j);
		int64_t due_us = open ? j->finished_at_us + s->f->conf.await_us[j->phase + 1] : INT64_MAX;
		CHECK(s, !is_listed[i] || was_told[i] || due_us <= s->f->now.wall_us);
		if (was_told[i] || (due_us <= s->f->now.wall_us && due_us > s->awaits_told_us))
			CHECK(s, is_listed[i]);
		n += is_listed[i] && !was_told[i];
		j->is_told = is_listed[i];
	}
	CHECK(s, told == n && !has_more);
	s->awaits_told_us = s->f->now.wall_us;
}

void sim_compare_await(struct sim *s)
{
	bool is_listed[JOBS_MAX];
	list(s, is_listed);
	for (size_t i = 0; i < s->n; i++)
		CHECK(s, is_listed[i] == (s->jobs[i].is_told && is_open(s, &s->jobs[i])));
}

/* tests/unit/test_plan.c: acts on many jobs: planned, applied to what has not changed, undone; cut short at
 * any batch and begun again. */
#include "tests/unit/plan_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plan make_plan(struct fixture *f, enum steer_verb verb, struct job_filter filter)
{
	static struct plan_writer w;
	struct cursor at = {""};
	struct why why = WHY_INIT;
	w = (struct plan_writer){.plan = {.verb = verb, .where = "x", .actor = "operator:tests"}};
	if (plan_begin(&w, f->path, f->now, &why) != ST_OK ||
		plan_select(&w, f->sp, &filter, &at, 1000000, NULL, NULL, &why) != ST_OK ||
		plan_end(&w, &why) != ST_OK)
		fail_msg("%s", why.text);
	return w.plan;
}

static enum status open_plan(struct fixture *f, const struct plan *plan, struct plan_run *run)
{
	return plan_open(run, f->sp, f->path, slice_text(plan->name), f->now, slice_text("operator:tests"),
		slice_text("is back"), NULL);
}

static void apply_all(struct fixture *f, struct plan_run *run)
{
	struct why why = WHY_INIT;
	while (!plan_is_over(run))
		if (plan_step(run, f->now, STEER_BATCH, &why) != ST_OK)
			fail_msg("%s", why.text);
}

static void plan__counts_applies_undoes(void **state)
{
	struct fixture *f = *state;
	static struct plan_run run;
	fill_failed(f, 500);
	accept_job(f, 1, 9000, 0);
	struct plan plan = make_plan(f, STEER_RETRY, (struct job_filter){0});
	assert_int_equal(plan.jobs, 500);
	assert_int_equal(plan.unfit, 1);
	assert_int_equal(plan.by_phase[phase_slot(3)], 250);
	assert_int_equal(plan.by_phase[phase_slot(7)], 250);
	assert_false(plan.is_partial);
	spool_close(f->sp); /* it outlives restarts */
	plan_open_spool(f);
	struct plan found;
	size_t n;
	assert_int_equal(plans_list(f->path, f->now, &found, 1, &n, NULL), ST_OK);
	assert_int_equal(n, 1);
	assert_string_equal(found.name, plan.name);
	assert_int_equal(found.jobs, 500);
	assert_int_equal(found.by_phase[phase_slot(7)], 250);
	assert_int_equal(open_plan(f, &plan, &run), ST_OK);
	apply_all(f, &run);
	assert_int_equal(run.plan.done, 500);
	plan_close(&run);
	assert_int_equal(count(f, JOB_WAITING), 501);
	assert_int_equal(work(f, 7, SETTLE_COMPLETE, true), 7);
	struct operation op;
	assert_int_equal(operation_load(f->path, slice_text(run.op.name), f->now, &op, NULL), ST_OK);
	assert_int_equal(op.done, 500);
	assert_string_equal(op.reason, "is back");
	assert_string_equal(op.plan, plan.name);
	undo_all(f, &op);
	assert_int_equal(count(f, JOB_FAILED), op.undone);
	assert_int_equal(op.undone + op.kept, 500);
	assert_in_range(op.kept, 6, 7); /* one of the seven may be the one that was never retried */
	/* Again is nothing. */
	assert_int_equal(open_plan(f, &plan, &run), ST_OK);
	assert_true(plan_is_over(&run));
	plan_close(&run);
}

static void plan__skips_what_changed(void **state)
{
	struct fixture *f = *state;
	static struct plan_run run;
	struct job_id ids[4];
	for (int i = 0; i < 4; i++)
		ids[i] = job_in(f, JOB_FAILED);
	struct plan plan = make_plan(f, STEER_RETRY, (struct job_filter){0});
	struct steer_result r;
	/* Retried and failed once more: the same state, another job than was looked at. */
	assert_int_equal(spool_steer(f->sp, f->now, STEER_RETRY, &ids[0], 1, slice_text("x"), slice_text(""),
				 &r, NULL),
		ST_OK);
	work(f, 1, SETTLE_FAIL, true);
	assert_int_equal(spool_steer(f->sp, f->now, STEER_RETRY, &ids[1], 1, slice_text("x"), slice_text(""),
				 &r, NULL),
		ST_OK);
	work(f, 1, SETTLE_COMPLETE, true);
	pass(f, 1000000);
	size_t removed;
	assert_int_equal(spool_remove(f->sp, f->now, JOB_COMPLETED, f->now.wall_us, 10, slice_text("system"),
				 &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(open_plan(f, &plan, &run), ST_OK);
	apply_all(f, &run);
	assert_int_equal(run.plan.done, 2);
	assert_int_equal(run.plan.changed, 1);
	assert_int_equal(run.plan.gone, 1);
	assert_int_equal(run.op.skipped, 2);
	plan_close(&run);
	assert_int_equal(state_of(f, ids[0]), JOB_FAILED);
	assert_int_equal(state_of(f, ids[2]), JOB_WAITING);
}

static void plan__is_for_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	static struct plan_run run, other;
	fill_failed(f, 3);
	struct plan plan = make_plan(f, STEER_RETRY, (struct job_filter){0});
	assert_int_equal(open_plan(f, &plan, &run), ST_OK);
	assert_int_equal(open_plan(f, &plan, &other), ST_BUSY);
	plan_close(&run);
	assert_int_equal(open_plan(f, &plan, &other), ST_OK);
	plan_close(&other);
}

/* As a kill leaves it: the commit was made, the notes were not written. */
static void plan__cut_short_goes_on(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	static struct plan_run run;
	fill_failed(f, 450);
	struct plan plan = make_plan(f, STEER_RETRY, (struct job_filter){0});
	spool_close(f->sp);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		plan_open_spool(f);
		if (open_plan(f, &plan, &run) != ST_OK || plan_step(&run, f->now, 200, NULL) != ST_OK)
			_exit(1);
		char note[300];
		snprintf(note, sizeof note, "%s/plans/%s.json", f->path, plan.name);
		char kept[310];
		snprintf(kept, sizeof kept, "%s.kept", note);
		if (link(note, kept) != 0 || plan_step(&run, f->now, 100, NULL) != ST_OK ||
			rename(kept, note) != 0)
			_exit(2);
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	plan_open_spool(f);
	assert_int_equal(count(f, JOB_WAITING), 300);
	assert_int_equal(open_plan(f, &plan, &run), ST_OK);
	assert_int_equal(run.plan.at, 200);
	apply_all(f, &run);
	assert_int_equal(run.plan.done, 450);
	assert_int_equal(run.plan.changed, 0);
	assert_int_equal(run.op.done, 450);
	plan_close(&run);
	assert_int_equal(count(f, JOB_WAITING), 450);
	struct operation op = run.op;
	undo_all(f, &op);
	assert_int_equal(op.undone, 450);
	assert_int_equal(count(f, JOB_FAILED), 450);
}

static bool stop_at_once(void *arg, const struct plan *plan)
{
	(void)arg;
	(void)plan;
	return false;
}

static void plan__bounds(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	static struct plan_writer w;
	static struct plan_run run;
	struct cursor at = {""};
	fill_failed(f, 150);
	for (int stops = 0; stops < 2; stops++) {
		w = (struct plan_writer){.plan = {.verb = STEER_RETRY}};
		at.text[0] = '\0';
		assert_int_equal(plan_begin(&w, f->path, f->now, NULL), ST_OK);
		assert_int_equal(plan_select(&w, f->sp, &(struct job_filter){0}, &at, stops ? 1000 : 50,
					 stops ? stop_at_once : NULL, NULL, NULL),
			ST_OK);
		assert_true(w.plan.is_partial);
		assert_int_equal(w.plan.jobs, 100);
		assert_int_not_equal(at.text[0], '\0');
		assert_int_equal(
			plan_select(&w, f->sp, &(struct job_filter){0}, &at, 1000, NULL, NULL, NULL), ST_OK);
		assert_int_equal(w.plan.jobs, 150); /* it was left where it can go on */
		plan_drop(&w);
	}
	/* The oldest go, and what is a day old is not there. */
	struct plan first = make_plan(f, STEER_RETRY, (struct job_filter){0}), plans[PLANS_MAX + 5];
	for (int i = 0; i < PLANS_MAX; i++) {
		pass(f, 1000000);
		(void)make_plan(f, STEER_RETRY, (struct job_filter){0});
	}
	size_t n;
	assert_int_equal(plans_list(f->path, f->now, plans, PLANS_MAX + 5, &n, NULL), ST_OK);
	assert_int_equal(n, PLANS_MAX);
	assert_int_equal(open_plan(f, &first, &run), ST_NOTFOUND);
	pass(f, 25 * HOUR_US);
	assert_int_equal(open_plan(f, &plans[0], &run), ST_NOTFOUND);
	assert_int_equal(plans_list(f->path, f->now, plans, PLANS_MAX, &n, NULL), ST_OK);
	assert_int_equal(n, 0);
}

static void plan__damage_is_told(void **state)
{
	struct fixture *f = *state;
	static struct plan_run run;
	char file[300];
	fill_failed(f, 3);
	struct plan plan = make_plan(f, STEER_RETRY, (struct job_filter){0});
	snprintf(file, sizeof file, "%s/plans/%s.jobs", f->path, plan.name);
	assert_int_equal(truncate(file, 30), 0);
	assert_int_equal(open_plan(f, &plan, &run), ST_CORRUPT);
	snprintf(file, sizeof file, "%s/plans/%s.json", f->path, plan.name);
	assert_int_equal(truncate(file, 30), 0);
	assert_int_equal(open_plan(f, &plan, &run), ST_CORRUPT);
	assert_int_equal(count(f, JOB_FAILED), 3);
}

static void operations__are_listed(void **state)
{
	struct fixture *f = *state;
	struct operation ops[5];
	size_t n;
	assert_int_equal(operations_list(f->path, f->now, ops, 5, &n, NULL), ST_OK);
	assert_int_equal(n, 0);
	for (int i = 0; i < 3; i++, pass(f, 1000000))
		act_on(f, STEER_HOLD, job_in(f, JOB_WAITING));
	assert_int_equal(operations_list(f->path, f->now, ops, 5, &n, NULL), ST_OK);
	assert_int_equal(n, 3);
	assert_true(ops[0].at_us > ops[2].at_us);
	assert_int_equal(ops[0].verb, STEER_HOLD);
	assert_int_equal(ops[0].done, 1);
	assert_true(ops[0].last_seq > ops[0].first_seq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(plan__counts_applies_undoes),
		CASE(plan__skips_what_changed),
		CASE(plan__is_for_one_at_a_time),
		CASE(plan__cut_short_goes_on),
		CASE(plan__bounds),
		CASE(plan__damage_is_told),
		CASE(operations__are_listed),
	};
	jx_init();
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

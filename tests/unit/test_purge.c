/* tests/unit/test_purge.c: jobs that have ended are removed for good by an operator, and only those; what an
 * event tells of it; nothing is lost count of. */
#include "tests/unit/plan_fixture.h"

#include <stdio.h>
#include <string.h>

static enum status purge(struct fixture *f, const struct job_id *ids, size_t n, const char *reason,
	struct steer_result *results)
{
	return spool_steer(f->sp, f->now, STEER_PURGE, ids, n, slice_text("operator:tests"),
		slice_text(reason), results, NULL);
}

static bool is_there(struct fixture *f, struct job_id id)
{
	struct job job;
	enum status st = spool_get(f->sp, id, &job, NULL);
	if (st == ST_OK)
		job_release(&job);
	return st == ST_OK;
}

static struct job_id completed(struct fixture *f)
{
	struct job_id id = accept_job(f, 3, 77, 0);
	assert_int_equal(work(f, 1, SETTLE_COMPLETE, true), 1);
	assert_int_equal(state_of(f, id), JOB_COMPLETED);
	return id;
}

static void assert_all_accounted_for(struct fixture *f, uint64_t removed)
{
	struct figures figures;
	assert_int_equal(spool_figures(f->sp, &figures, NULL), ST_OK);
	assert_int_equal(figures.unaccounted, 0);
	assert_int_equal(figures.stats.removed_total, removed);
}

static struct event removal(struct fixture *f)
{
	struct event_filter filter = {.kinds = UINT64_C(1) << EVENT_REMOVED};
	struct event event;
	uint64_t seen;
	size_t n;
	assert_int_equal(spool_events(f->sp, &filter, 1, &event, &n, &seen, NULL), ST_OK);
	assert_int_equal(n, 1);
	return event;
}

static void purge__takes_what_has_ended_and_tells_of_it(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[] = {completed(f), job_in(f, JOB_FAILED), job_in(f, JOB_CANCELLED)};
	char id[JOB_ID_TEXT_LEN], want[300];
	struct steer_result results[3];
	assert_int_equal(purge(f, ids, 3, "they asked", results), ST_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(results[i].status, ST_OK);
		assert_false(is_there(f, ids[i]));
	}
	assert_all_accounted_for(f, 3);
	struct event event = removal(f);
	id_text(ids[0], id);
	snprintf(want, sizeof want,
		"{\"removed\":3,\"completed\":1,\"failed\":1,\"cancelled\":1,\"job_ids\":[\"%s\",", id);
	assert_true(event.data.len > strlen(want) && memcmp(event.data.p, want, strlen(want)) == 0);
	assert_true(slice_is(event.actor, "operator:tests"));
	assert_true(slice_is(event.reason, "they asked"));
	assert_true(id_is_zero(event.job));
	event_release(&event);
}

static void purge__never_takes_what_is_alive(void **state)
{
	struct fixture *f = *state;
	static const enum job_state alive[] = {JOB_ACTIVE, JOB_WAITING, JOB_DELAYED, JOB_HELD};
	for (size_t i = 0; i < sizeof alive / sizeof *alive; i++) {
		struct steer_result result;
		struct job_id id = job_in(f, alive[i]);
		assert_int_equal(purge(f, &id, 1, "x", &result), ST_OK);
		assert_int_equal(result.status, ST_CONFLICT);
		assert_int_equal(result.state, alive[i]);
		assert_int_equal(state_of(f, id), alive[i]);
	}
	assert_all_accounted_for(f, 0);
}

static void purge__needs_a_reason_and_a_job(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[] = {completed(f), {{9}}};
	struct steer_result results[2];
	assert_int_equal(purge(f, ids, 2, "", results), ST_OK);
	assert_int_equal(results[0].status, ST_INVALID);
	assert_int_equal(results[1].status, ST_NOTFOUND);
	assert_true(is_there(f, ids[0]));
}

/* A delivery that is signed can be sent again by anybody who has seen it: its job stays as long as that. */
static void purge__leaves_what_is_known_by_a_reserved_key(void **state)
{
	struct fixture *f = *state;
	struct trigger t = {.phase = 3,
		.attempts_allowed = 1,
		.give_up_after_us = HOUR_US,
		.workflow_id = slice_text("w"),
		.user_id = slice_text("u"),
		.payload = slice_text("{}"),
		.source = slice_text("webhook:x"),
		.idempotency_key = slice_text("webhook:x id=1")};
	struct receipt receipt;
	struct steer_result result;
	spool_close(f->sp);
	struct spool_conf conf = plan_conf(f);
	conf.keep_reserved_us = HOUR_US;
	assert_int_equal(spool_open(&conf, &f->sp, NULL), ST_OK);
	assert_int_equal(spool_submit(f->sp, f->now, &t, 1, &receipt, NULL), ST_OK);
	work(f, 1, SETTLE_COMPLETE, true);
	assert_int_equal(purge(f, &receipt.id, 1, "x", &result), ST_OK);
	assert_int_equal(result.status, ST_CONFLICT);
	assert_true(result.is_remembered);
	pass(f, HOUR_US + 1000000);
	assert_int_equal(purge(f, &receipt.id, 1, "x", &result), ST_OK);
	assert_int_equal(result.status, ST_OK);
}

/* The key of a job that is gone names nothing any more. */
static void purge__frees_keys_and_lines(void **state)
{
	struct fixture *f = *state;
	struct job_id id = completed(f);
	struct steer_result result;
	assert_int_equal(purge(f, &id, 1, "x", &result), ST_OK);
	struct job_id again = accept_job(f, 3, 77, 0); /* within the window that its like answers in */
	assert_true(memcmp(&id, &again, sizeof id) != 0);
	assert_int_equal(work(f, 1, SETTLE_COMPLETE, true), 1);
}

static void purge__of_many_is_an_operation_that_is_not_undone(void **state)
{
	struct fixture *f = *state;
	struct why why = WHY_INIT;
	fill_failed(f, 3);
	struct job_id id = completed(f);
	struct operation op = act_on(f, STEER_PURGE, id);
	struct event event = removal(f);
	assert_true(slice_is(event.name, op.name));
	event_release(&event);
	assert_int_equal(operation_load(f->path, slice_text(op.name), f->now, &op, NULL), ST_OK);
	assert_int_equal(op.done, 1);
	assert_int_equal(operation_undo(f->sp, f->path, f->now, &op, slice_text("x"), slice_text("y"), &why),
		ST_CONFLICT);
	assert_non_null(strstr(why.text, "cannot be undone"));
	assert_int_equal(count(f, JOB_FAILED), 3);
	assert_all_accounted_for(f, 1);
}

static void purge__of_a_plan_leaves_what_has_changed_since(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	static struct plan_writer w;
	static struct plan_run run;
	struct cursor at = {""};
	struct job_filter all = {0};
	struct steer_result result;
	fill_failed(f, 250);
	struct job_id changed = job_in(f, JOB_CANCELLED), live = job_in(f, JOB_HELD);
	w = (struct plan_writer){.plan = {.verb = STEER_PURGE, .where = "x", .actor = "operator:tests"}};
	assert_int_equal(plan_begin(&w, f->path, f->now, NULL), ST_OK);
	assert_int_equal(plan_select(&w, f->sp, &all, &at, 1000, NULL, NULL, NULL), ST_OK);
	assert_int_equal(plan_end(&w, NULL), ST_OK);
	assert_int_equal(w.plan.jobs, 251);
	assert_int_equal(w.plan.unfit, 1);
	assert_int_equal(spool_steer(f->sp, f->now, STEER_RETRY, &changed, 1, slice_text("x"), slice_text(""),
				 &result, NULL),
		ST_OK);
	assert_int_equal(plan_open(&run, f->sp, f->path, slice_text(w.plan.name), f->now,
				 slice_text("operator:tests"), slice_text("old"), NULL),
		ST_OK);
	while (!plan_is_over(&run))
		assert_int_equal(plan_step(&run, f->now, STEER_BATCH, NULL), ST_OK);
	assert_int_equal(run.plan.done, 250);
	assert_int_equal(run.plan.changed, 1);
	plan_close(&run);
	assert_true(is_there(f, changed) && is_there(f, live));
	assert_int_equal(count(f, JOB_FAILED), 0);
	assert_all_accounted_for(f, 250);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(purge__takes_what_has_ended_and_tells_of_it),
		CASE(purge__never_takes_what_is_alive),
		CASE(purge__needs_a_reason_and_a_job),
		CASE(purge__leaves_what_is_known_by_a_reserved_key),
		CASE(purge__frees_keys_and_lines),
		CASE(purge__of_many_is_an_operation_that_is_not_undone),
		CASE(purge__of_a_plan_leaves_what_has_changed_since),
	};
	return cmocka_run_group_tests_name("purge", tests, NULL, NULL);
}

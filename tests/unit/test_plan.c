/* tests/unit/test_plan.c: acts on many jobs: planned, applied to what has not changed, undone where nothing
 * has happened since; cut short at any batch and begun again. */
#include "spool/plan.h"
#include "spool/spool.h"
#include "tests/support/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR_US INT64_C(3600000000)

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct fixture {
	char dir[64], path[80];
	struct spool *sp;
	struct moment now;
};

static void open_spool(struct fixture *f)
{
	struct why why = WHY_INIT;
	struct spool_conf conf = {.store = "lmdb",
		.path = f->path,
		.map_size = 64 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.audits = true,
		.dedupe_window_us = HOUR_US};
	enum status st = access(f->path, F_OK) == 0 ? ST_OK : spool_init(&conf, &why);
	if (st == ST_OK)
		st = spool_open(&conf, &f->sp, &why);
	if (st != ST_OK)
		fail_msg("%s", why.text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "%s/clario-plan-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/spool", f->dir);
	f->now = clock_now();
	open_spool(f);
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void print_finding(void *arg, const char *finding)
{
	(void)arg;
	print_error("%s\n", finding);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(spool_check(f->sp, print_finding, NULL, NULL), ST_OK);
	spool_close(f->sp);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void pass(struct fixture *f, int64_t us)
{
	f->now.wall_us += us;
	f->now.boot_us += us;
}

static struct job_id accept_job(struct fixture *f, int phase, int i, int64_t delay_us)
{
	char workflow[24];
	struct receipt r;
	snprintf(workflow, sizeof workflow, "w-%d", i);
	struct trigger t = {.phase = phase,
		.attempts_allowed = 3,
		.give_up_after_us = 24 * HOUR_US,
		.run_at_us = delay_us ? f->now.wall_us + delay_us : 0,
		.workflow_id = slice_text(workflow),
		.user_id = slice_text("u"),
		.payload = slice_text("{}"),
		.source = slice_text("tests")};
	assert_int_equal(spool_submit(f->sp, f->now, &t, 1, &r, NULL), ST_OK);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	return r.id;
}

/* Claim up to n and settle them so; 0: leave them. */
static size_t work(struct fixture *f, size_t n, enum settle_kind kind, bool settles)
{
	struct job jobs[300];
	struct claim_ask ask = {.owner = "tests:1", .max = n, .lease_ms = 60000};
	size_t got, none;
	int64_t due;
	assert_true(n <= 300);
	assert_int_equal(spool_exchange(f->sp, f->now, NULL, 0, &ask, jobs, &got, &due, NULL), ST_OK);
	for (size_t i = 0; i < got; i++) {
		struct settlement s = {.id = jobs[i].id,
			.token = jobs[i].lease.token,
			.kind = kind,
			.run_at_us = f->now.wall_us + HOUR_US,
			.error = slice_text("answered 503"),
			.outcome = slice_text("{\"x\":1}"),
			.checkpoint = slice_text("{\"fee\":\"done\"}")};
		if (settles)
			assert_int_equal(
				spool_exchange(f->sp, f->now, &s, 1, NULL, NULL, &none, &due, NULL), ST_OK);
		job_release(&jobs[i]);
	}
	return got;
}

/* n failed jobs of phases 3 and 7, by turns. */
static void fill_failed(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++) {
		accept_job(f, i % 2 ? 7 : 3, i, 0);
		pass(f, 1000);
	}
	while (work(f, 100, SETTLE_FAIL, true) > 0)
		pass(f, 1000);
}

static struct job get(struct fixture *f, struct job_id id)
{
	struct job job;
	assert_int_equal(spool_get(f->sp, id, &job, NULL), ST_OK);
	return job;
}

static enum job_state state_of(struct fixture *f, struct job_id id)
{
	struct job job = get(f, id);
	enum job_state state = job.state;
	job_release(&job);
	return state;
}

static uint64_t count(struct fixture *f, enum job_state state)
{
	struct stats stats;
	assert_int_equal(spool_stats(f->sp, &stats, NULL), ST_OK);
	return stats_state(&stats, state);
}

static struct operation begin(struct fixture *f, enum steer_verb verb)
{
	struct operation op = {.verb = verb, .actor = "operator:tests", .reason = "because"};
	struct why why = WHY_INIT;
	if (operation_begin(f->sp, f->path, f->now, &op, &why) != ST_OK)
		fail_msg("%s", why.text);
	return op;
}

static enum status act(struct fixture *f, struct operation *op, struct job_id id)
{
	struct steer_result result;
	assert_int_equal(operation_steer(f->sp, f->path, f->now, op, &id, NULL, 1, &result, NULL), ST_OK);
	return result.status;
}

static struct operation act_on(struct fixture *f, enum steer_verb verb, struct job_id id)
{
	struct operation op = begin(f, verb);
	assert_int_equal(act(f, &op, id), ST_OK);
	assert_int_equal(operation_end(f->sp, f->path, &op, NULL), ST_OK);
	return op;
}

static void undo_all(struct fixture *f, struct operation *op)
{
	struct why why = WHY_INIT;
	assert_int_equal(operation_load(f->path, slice_text(op->name), f->now, op, NULL), ST_OK);
	do {
		if (operation_undo(f->sp, f->path, f->now, op, slice_text("operator:tests"),
			    slice_text("oops"), &why) != ST_OK)
			fail_msg("%s", why.text);
	} while (!op->is_undone);
}

/* Bring a job into a state. */
static struct job_id job_in(struct fixture *f, enum job_state state)
{
	static int number = 1000;
	struct job_id id = accept_job(f, 5, number++, state == JOB_DELAYED ? HOUR_US : 0);
	struct steer_result r;
	switch (state) {
	case JOB_ACTIVE:
		work(f, 1, SETTLE_FAIL, false);
		break;
	case JOB_FAILED:
		work(f, 1, SETTLE_FAIL, true);
		break;
	case JOB_CANCELLED:
	case JOB_HELD:
		assert_int_equal(spool_steer(f->sp, f->now, state == JOB_HELD ? STEER_HOLD : STEER_CANCEL,
					 &id, 1, slice_text("x"), slice_text(""), &r, NULL),
			ST_OK);
		break;
	default:
		break;
	}
	assert_int_equal(state_of(f, id), state);
	return id;
}

static void undo__brings_each_back(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum steer_verb verb;
		enum job_state before, between, after;
	} rows[] = {
		{STEER_HOLD, JOB_WAITING, JOB_HELD, JOB_WAITING},
		{STEER_HOLD, JOB_DELAYED, JOB_HELD, JOB_DELAYED},
		{STEER_RELEASE, JOB_HELD, JOB_WAITING, JOB_HELD},
		{STEER_CANCEL, JOB_WAITING, JOB_CANCELLED, JOB_WAITING},
		{STEER_CANCEL, JOB_DELAYED, JOB_CANCELLED, JOB_DELAYED},
		{STEER_CANCEL, JOB_HELD, JOB_CANCELLED, JOB_HELD},
		{STEER_CANCEL, JOB_ACTIVE, JOB_CANCELLED, JOB_WAITING},
		{STEER_RETRY, JOB_FAILED, JOB_WAITING, JOB_FAILED},
		{STEER_RETRY, JOB_CANCELLED, JOB_WAITING, JOB_CANCELLED},
		{STEER_RUN_NOW, JOB_DELAYED, JOB_WAITING, JOB_DELAYED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job_id id = job_in(f, rows[i].before);
		struct job before = get(f, id);
		pass(f, 1000000);
		struct operation op = act_on(f, rows[i].verb, id);
		assert_int_equal(state_of(f, id), rows[i].between);
		pass(f, 1000000);
		undo_all(f, &op);
		struct job after = get(f, id);
		if (after.state != rows[i].after || op.undone != 1 || op.kept != 0)
			fail_msg("%s of %s: %s", steer_verb_name(rows[i].verb),
				job_state_name(rows[i].before), job_state_name(after.state));
		assert_int_equal(after.run_at_us, before.run_at_us);
		assert_int_equal(after.finished_at_us, before.finished_at_us);
		assert_int_equal(after.give_up_at_us, before.give_up_at_us);
		assert_int_equal(after.attempts_allowed, before.attempts_allowed);
		assert_true(slice_eq(after.error, before.error));
		assert_int_equal(after.has_turn, before.has_turn);
		job_release(&before);
		job_release(&after);
		assert_int_equal(spool_check(f->sp, print_finding, NULL, NULL), ST_OK);
		struct operation cleanup = begin(f, STEER_CANCEL);
		(void)act(f, &cleanup, id);
	}
}

/* An attempt that was cut short is made anew, also when it was the last. */
static void undo__of_the_last_attempt(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 5, 1, 0);
	for (int attempt = 1; attempt <= 3; attempt++, pass(f, 2 * HOUR_US))
		assert_int_equal(work(f, 1, SETTLE_RETRY, attempt < 3), 1);
	struct operation op = act_on(f, STEER_CANCEL, id);
	undo_all(f, &op);
	struct job job = get(f, id);
	assert_int_equal(job.attempts_made, 3);
	assert_int_equal(job.attempts_allowed, 4);
	job_release(&job);
	assert_int_equal(work(f, 1, SETTLE_COMPLETE, true), 1);
}

static void undo__leaves_what_moved_on(void **state)
{
	struct fixture *f = *state;
	struct job_id id = job_in(f, JOB_FAILED);
	struct operation op = act_on(f, STEER_RETRY, id);
	work(f, 1, SETTLE_RETRY, true); /* an attempt was made */
	undo_all(f, &op);
	assert_int_equal(op.undone, 0);
	assert_int_equal(op.kept, 1);
	assert_int_equal(state_of(f, id), JOB_DELAYED);
	/* A replay cannot be undone, nor what would be due by now. */
	id = job_in(f, JOB_FAILED);
	op = act_on(f, STEER_REPLAY, id);
	undo_all(f, &op);
	assert_int_equal(op.kept, 1);
	id = job_in(f, JOB_DELAYED);
	op = act_on(f, STEER_RUN_NOW, id);
	pass(f, 2 * HOUR_US);
	undo_all(f, &op);
	assert_int_equal(op.kept, 1);
	assert_int_equal(state_of(f, id), JOB_WAITING);
}

/* That its time has come is nothing that was done with it. */
static void undo__of_what_became_due(void **state)
{
	struct fixture *f = *state;
	struct job_id id = job_in(f, JOB_DELAYED);
	struct steer_result r;
	assert_int_equal(
		spool_steer(f->sp, f->now, STEER_HOLD, &id, 1, slice_text("x"), slice_text(""), &r, NULL),
		ST_OK);
	struct operation op = act_on(f, STEER_RELEASE, id);
	assert_int_equal(state_of(f, id), JOB_DELAYED);
	assert_int_equal(work(f, 0, SETTLE_FAIL, false), 0);
	pass(f, 2 * HOUR_US);
	struct claim_ask none = {.owner = "tests:1", .max = 0, .lease_ms = 1000};
	size_t n;
	int64_t due;
	assert_int_equal(spool_exchange(f->sp, f->now, NULL, 0, &none, NULL, &n, &due, NULL), ST_OK);
	undo_all(f, &op);
	assert_int_equal(op.undone, 1);
	assert_int_equal(state_of(f, id), JOB_HELD);
}

/* The line of a workflow: one that is taken back to its end gives up the turn. */
static void undo__keeps_the_line(void **state)
{
	struct fixture *f = *state;
	struct job_id first = accept_job(f, 2, 1, 0), second;
	work(f, 1, SETTLE_FAIL, true);
	pass(f, 1000);
	second = accept_job(f, 3, 1, 0);
	struct operation hold = act_on(f, STEER_HOLD, second);
	struct operation op = act_on(f, STEER_RETRY, first);
	assert_int_equal(work(f, 9, SETTLE_FAIL, false), 0); /* it waits behind the held one */
	undo_all(f, &op);
	undo_all(f, &hold);
	assert_int_equal(state_of(f, first), JOB_FAILED);
	assert_int_equal(work(f, 9, SETTLE_COMPLETE, true), 1);
	assert_int_equal(state_of(f, second), JOB_COMPLETED);
}

static void undo__twice_and_of_strangers(void **state)
{
	struct fixture *f = *state;
	struct job_id id = job_in(f, JOB_WAITING);
	struct operation op = act_on(f, STEER_HOLD, id);
	undo_all(f, &op);
	struct steer_result r;
	struct steer_ask ask = {.undoes = true,
		.ids = &id,
		.n = 1,
		.operation = slice_text(op.name),
		.actor = slice_text("x")};
	assert_int_equal(spool_steer_many(f->sp, f->now, &ask, &r, NULL), ST_OK);
	assert_int_equal(r.status, ST_EXISTS);
	ask.operation = slice_text("operation-20260101-000000-000000");
	assert_int_equal(spool_steer_many(f->sp, f->now, &ask, &r, NULL), ST_OK);
	assert_int_equal(r.status, ST_CONFLICT);
	assert_true(r.is_changed);
	static const char *const strangers[] = {"", "operation-", "../operation-20260101-000000-000000",
		"operation-20260101-000000-000000", "operation-20260101-000000-00000G",
		"operation-20260101-000000/00000a"};
	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		assert_int_equal(
			operation_load(f->path, slice_text(strangers[i]), f->now, &op, NULL), ST_NOTFOUND);
}

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
	open_spool(f);
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
	static struct plan_run run;
	fill_failed(f, 450);
	struct plan plan = make_plan(f, STEER_RETRY, (struct job_filter){0});
	spool_close(f->sp);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_spool(f);
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
	open_spool(f);
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
		CASE(undo__brings_each_back),
		CASE(undo__of_the_last_attempt),
		CASE(undo__leaves_what_moved_on),
		CASE(undo__of_what_became_due),
		CASE(undo__keeps_the_line),
		CASE(undo__twice_and_of_strangers),
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

/* tests/unit/test_undo.c: what an operator did is taken back where nothing has happened since, for each act
 * and each state it was done in. */
#include "spool/model/undo.h"
#include "tests/unit/plan_fixture.h"

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

static uint64_t counted(struct fixture *f)
{
	struct account account;
	uint64_t after = 0;
	size_t n;
	assert_int_equal(spool_accounts(f->sp, &after, &account, 1, &n, NULL), ST_OK);
	return n ? account.jobs : 0;
}

/* For the account of its source; the fixture's jobs are all charged. */
static void undo__counts_a_job_again(void **state)
{
	struct fixture *f = *state;
	struct job_id id = job_in(f, JOB_WAITING);
	assert_int_equal(counted(f), 1);
	struct operation op = act_on(f, STEER_CANCEL, id);
	assert_int_equal(counted(f), 0);
	undo_all(f, &op);
	assert_int_equal(counted(f), 1);
	(void)job_in(f, JOB_WAITING);
	assert_int_equal(counted(f), 2);
	op = act_on(f, STEER_CANCEL, id);
	op = act_on(f, STEER_RETRY, id);
	assert_int_equal(counted(f), 2);
	undo_all(f, &op);
	assert_int_equal(counted(f), 1);
}

/* What it was to do is not known any more, whatever its event says. */
static void undo__not_of_a_forgotten(void **state)
{
	struct fixture *f = *state;
	struct job_id id = job_in(f, JOB_WAITING);
	struct operation op = act_on(f, STEER_CANCEL, id);
	struct forget forget = {0};
	struct forget_ask ask;
	assert_int_equal(spool_forget_begin(&ask, NULL), ST_OK);
	ask.user_id = slice_text("u");
	ask.actor = slice_text("operator:tests");
	ask.reason = slice_text("");
	while (!forget.is_done)
		assert_int_equal(spool_forget(f->sp, f->now, &ask, &forget, NULL), ST_OK);
	assert_int_equal(forget.jobs, 1);
	undo_all(f, &op);
	assert_int_equal(op.undone, 0);
	assert_int_equal(op.kept, 1);
	assert_int_equal(state_of(f, id), JOB_CANCELLED);
	struct job job = {.state = JOB_CANCELLED, .is_forgotten = true};
	char note[UNDO_NOTE_MAX];
	struct event undone,
		act = {.kind = EVENT_CANCELLED, .from = JOB_WAITING, .data = undo_note(&job, note)};
	struct steer_ask why_not = {.undoes = true};
	assert_int_equal(rules_undo(&job, &act, f->now, &why_not, &undone, NULL), ST_CONFLICT);
	job.is_forgotten = false;
	assert_int_equal(rules_undo(&job, &act, f->now, &why_not, &undone, NULL), ST_OK);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(undo__brings_each_back),
		CASE(undo__counts_a_job_again),
		CASE(undo__not_of_a_forgotten),
		CASE(undo__of_the_last_attempt),
		CASE(undo__leaves_what_moved_on),
		CASE(undo__of_what_became_due),
		CASE(undo__keeps_the_line),
		CASE(undo__twice_and_of_strangers),
	};
	jx_init();
	return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}

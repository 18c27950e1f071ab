/* tests/unit/plan_fixture.c: see plan_fixture.h. */
#include "tests/unit/plan_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

struct spool_conf plan_conf(const struct fixture *f)
{
	return (struct spool_conf){.store = server_engine(),
		.path = f->path,
		.database = f->database,
		.map_size = 64 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.audits = true,
		.dedupe_window_us = HOUR_US};
}

void plan_open_spool(struct fixture *f)
{
	struct why why = WHY_INIT;
	struct spool_conf conf = plan_conf(f);
	enum status st = access(f->path, F_OK) == 0 ? ST_OK : spool_init(&conf, &why);
	if (st == ST_OK)
		st = spool_open(&conf, &f->sp, &why);
	if (st != ST_OK)
		fail_msg("%s", why.text);
}

int plan_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "%s/clario-plan-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/spool", f->dir);
	f->now = clock_now();
	if (strcmp(server_engine(), "postgres") == 0)
		server_schema(f->database);
	plan_open_spool(f);
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

void print_finding(void *arg, const char *finding)
{
	(void)arg;
	print_error("%s\n", finding);
}

int plan_teardown(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(spool_check(f->sp, print_finding, NULL, NULL), ST_OK);
	spool_close(f->sp);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

void pass(struct fixture *f, int64_t us)
{
	f->now.wall_us += us;
	f->now.boot_us += us;
}

struct job_id accept_job(struct fixture *f, int phase, int i, int64_t delay_us)
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
		.source = slice_text("tests"),
		.max_jobs = 100000};
	assert_int_equal(spool_submit(f->sp, f->now, &t, 1, &r, NULL), ST_OK);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	return r.id;
}

/* Claim up to n and settle them so; 0: leave them. */
size_t work(struct fixture *f, size_t n, enum settle_kind kind, bool settles)
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
void fill_failed(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++) {
		accept_job(f, i % 2 ? 7 : 3, i, 0);
		pass(f, 1000);
	}
	while (work(f, 100, SETTLE_FAIL, true) > 0)
		pass(f, 1000);
}

struct job get(struct fixture *f, struct job_id id)
{
	struct job job;
	assert_int_equal(spool_get(f->sp, id, &job, NULL), ST_OK);
	return job;
}

enum job_state state_of(struct fixture *f, struct job_id id)
{
	struct job job = get(f, id);
	enum job_state state = job.state;
	job_release(&job);
	return state;
}

uint64_t count(struct fixture *f, enum job_state state)
{
	struct stats stats;
	assert_int_equal(spool_stats(f->sp, &stats, NULL), ST_OK);
	return stats_state(&stats, state);
}

struct operation begin(struct fixture *f, enum steer_verb verb)
{
	struct operation op = {.verb = verb, .actor = "operator:tests", .reason = "because"};
	struct why why = WHY_INIT;
	if (operation_begin(f->sp, f->path, f->now, &op, &why) != ST_OK)
		fail_msg("%s", why.text);
	return op;
}

enum status act(struct fixture *f, struct operation *op, struct job_id id)
{
	struct steer_result result;
	assert_int_equal(operation_steer(f->sp, f->path, f->now, op, &id, NULL, 1, &result, NULL), ST_OK);
	return result.status;
}

struct operation act_on(struct fixture *f, enum steer_verb verb, struct job_id id)
{
	struct operation op = begin(f, verb);
	assert_int_equal(act(f, &op, id), ST_OK);
	assert_int_equal(operation_end(f->sp, f->path, &op, NULL), ST_OK);
	return op;
}

void undo_all(struct fixture *f, struct operation *op)
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
struct job_id job_in(struct fixture *f, enum job_state state)
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

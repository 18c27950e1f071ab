/* tests/unit/store_fixture.c: see store_fixture.h. */
#include "tests/unit/store_fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void open_store(struct fixture *f)
{
	struct why why = WHY_INIT;
	if (f->ops->open(&f->conf, &f->store, &why) != ST_OK)
		fail_msg("open: %s", why.text);
}

bool store_is(const struct fixture *f, const char *engine)
{
	return strcmp(f->ops->name, engine) == 0;
}

void store_sql(const struct fixture *f, const char *fmt, ...)
{
	char sql[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sql, sizeof sql, fmt, ap);
	va_end(ap);
	server_sql(f->database, sql);
}

int store_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct why why = WHY_INIT;
	f->ops = store_find(server_engine());
	assert_non_null(f->ops);
	/* In memory where that is possible: what is tested here does not depend on how long a sync takes. */
	snprintf(f->dir, sizeof f->dir, "%s/clario-store-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	f->conf = (struct spool_conf){
		.store = f->ops->name,
		.path = f->dir,
		.host = "host", /* as claim() says */
		.map_size = 64 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.audits = true,
		.crowd_at = 8, /* users of a lived-in spool crowd */
		.dedupe_window_us = INT64_C(7) * 86400 * 1000000,
	};
	if (store_is(f, "postgres"))
		f->conf.database = server_schema(f->database);
	f->now = (struct moment){INT64_C(1790000000000000), 1000000, 42};
	if (f->ops->init(&f->conf, &why) != ST_OK)
		fail_msg("init: %s", why.text);
	open_store(f);
	*state = f;
	return 0;
}

static void release_held(struct fixture *f)
{
	for (size_t i = 0; i < f->held_n; i++)
		job_release(&f->held[i]);
	f->held_n = 0;
}

static void print_finding(void *arg, const char *finding)
{
	(void)arg;
	print_error("%s\n", finding);
}

void store_check(struct fixture *f)
{
	struct why why = WHY_INIT;
	if (f->ops->check(f->store, print_finding, NULL, &why) != ST_OK)
		fail_msg("check: %s", why.text);
}

int store_teardown(void **state)
{
	struct fixture *f = *state;
	release_held(f);
	if (f->store) {
		store_check(f);
		f->ops->close(f->store);
	}
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

void store_reopen(struct fixture *f)
{
	f->ops->close(f->store);
	open_store(f);
}

void pass_ms(struct fixture *f, int64_t ms)
{
	f->now.wall_us += ms * 1000;
	f->now.boot_us += ms * 1000;
}

struct trigger make_trigger(int phase, const char *workflow, const char *user, const char *payload)
{
	return (struct trigger){
		.phase = phase,
		.attempts_allowed = 3,
		.give_up_after_us = INT64_C(86400000000),
		.workflow_id = slice_text(workflow),
		.user_id = slice_text(user),
		.payload = slice_text(payload),
		.source = slice_text("tests"),
	};
}

struct receipt submit(struct fixture *f, const struct trigger *trigger)
{
	struct receipt receipt = {0};
	struct submission one = {trigger, &receipt};
	struct why why = WHY_INIT;
	if (store_submit(f->ops, f->store, f->now, &one, 1, &why) != ST_OK)
		fail_msg("submit: %s", why.text);
	return receipt;
}

struct job_id accept_job(
	struct fixture *f, int phase, const char *workflow, const char *user, const char *payload)
{
	struct trigger t = make_trigger(phase, workflow, user, payload);
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	return r.id;
}

size_t claim(struct fixture *f, size_t max)
{
	struct claim_ask ask = {.owner = "host:1", .max = max, .lease_ms = 60000};
	return claim_as(f, &ask);
}

size_t claim_as(struct fixture *f, const struct claim_ask *ask)
{
	struct why why = WHY_INIT;
	release_held(f);
	assert_true(ask->max <= sizeof f->held / sizeof *f->held);
	if (f->ops->exchange(f->store, f->now, NULL, 0, ask, f->held, &f->held_n, &f->next_due_us, &why) !=
		ST_OK)
		fail_msg("claim: %s", why.text);
	return f->held_n;
}

enum status settle(struct fixture *f, struct job_id id, uint64_t token, enum settle_kind kind)
{
	struct settlement s = {
		.id = id,
		.token = token,
		.kind = kind,
		.run_at_us = f->now.wall_us + 2000000,
		.lease_ms = 60000,
		.error = slice_text("answered 503"),
		.outcome = slice_text("{\"success\":true}"),
		.checkpoint = slice_text("{\"fee\":\"done\"}"),
		.http_status = 503,
	};
	struct why why = WHY_INIT;
	size_t n;
	if (f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &n, &f->next_due_us, &why) != ST_OK)
		fail_msg("settle: %s", why.text);
	return s.verdict;
}

enum status settle_held(struct fixture *f, size_t i, enum settle_kind kind)
{
	return settle(f, f->held[i].id, f->held[i].lease.token, kind);
}

enum status steer(struct fixture *f, struct job_id id, enum steer_verb verb)
{
	struct steer_result result;
	struct why why = WHY_INIT;
	struct steer_ask ask = {.verb = verb,
		.ids = &id,
		.n = 1,
		.actor = slice_text("operator:tests"),
		.reason = slice_text("because")};
	if (f->ops->steer(f->store, f->now, &ask, &result, &why) != ST_OK)
		fail_msg("steer: %s", why.text);
	return result.status;
}

enum job_state state_of(struct fixture *f, struct job_id id)
{
	struct job job;
	struct why why = WHY_INIT;
	if (f->ops->get(f->store, id, &job, &why) != ST_OK)
		fail_msg("get: %s", why.text);
	enum job_state state = job.state;
	job_release(&job);
	return state;
}

struct stats stats_of(struct fixture *f)
{
	struct stats stats;
	assert_int_equal(f->ops->stats(f->store, &stats, NULL), ST_OK);
	return stats;
}

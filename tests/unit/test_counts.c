/* tests/unit/test_counts.c: what is counted over jobs: failed ones in groups by their errors, and how old
 * what has not ended is; each as the API answers it, to whom, and within which bounds. */
#include "spool/failures.h"
#include "spool/survey.h"
#include "tests/unit/gate_fixture.h"

#include <stdio.h>
#include <string.h>

enum { ERROR_ROOM = 8 * JOB_ERROR_MAX };

static void fail_job(struct fixture *f, int phase, const char *user, const char *error)
{
	static int n;
	char workflow[32];
	struct claim_ask ask = {.owner = "tests:1", .max = 1, .lease_ms = 60000};
	struct job job;
	size_t got, none;
	int64_t due;
	snprintf(workflow, sizeof workflow, "failed-%d", n++);
	accept_job(f, phase, workflow, user);
	f->now.wall_us += 1000;
	assert_int_equal(spool_exchange(f->app.spool, f->now, NULL, 0, &ask, &job, &got, &due, NULL), ST_OK);
	assert_int_equal(got, 1);
	struct settlement s = {
		.id = job.id, .token = job.lease.token, .kind = SETTLE_FAIL, .error = slice_text(error)};
	assert_int_equal(spool_exchange(f->app.spool, f->now, &s, 1, NULL, NULL, &none, &due, NULL), ST_OK);
	job_release(&job);
}

static struct failures look(struct fixture *f, size_t most)
{
	struct failures_ask ask = {.opts = &f->opts, .mask = f->opts.privacy.mask, .most = most};
	struct failures out;
	struct why why = WHY_INIT;
	if (failures_look(f->app.spool, &ask, &out, &why) != ST_OK)
		fail_msg("%s", why.text);
	return out;
}

static int64_t number(const json_t *json, const char *name)
{
	json_t *value = jx_get(json, name);
	if (!json_is_integer(value))
		fail_msg("%s is no number", name);
	return json_integer_value(value);
}

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(jx_get(json, name));
	return value ? value : "(none)";
}

/* As a query has it. */
static const char *encoded(const char *raw, char out[3 * WHERE_TEXT_MAX + 64])
{
	size_t at = (size_t)snprintf(out, 64, "limit=500&where=");
	for (; *raw; raw++)
		at += (size_t)snprintf(out + at, 4, "%%%02X", (unsigned char)*raw);
	return out;
}

static json_t *ask_json(struct fixture *f, const char *path, const char *query, const char *header)
{
	struct reply reply = ask(f, "GET", path, query, header, "");
	json_t *json = json_of(&reply);
	if (reply.http_status != 200)
		fail_msg("%s?%s: %d %s", path, query, reply.http_status, text(json, "error"));
	reply_release(&reply);
	return json;
}

/* Jobs that a group's own selection finds. */
static size_t selected(struct fixture *f, const json_t *group)
{
	char query[3 * WHERE_TEXT_MAX + 64];
	json_t *json = ask_json(f, BASE "/jobs", encoded(text(group, "where"), query), NULL);
	size_t n = json_array_size(jx_get(json, "jobs"));
	json_decref(json);
	return n;
}

static void errors__of_one_kind(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *error, *kind, *receiver;
		int status;
	} rows[] = {
		{"call proof-packet: answered 503 (attempts used up)",
			"call proof-packet: answered 503 (attempts used up)", "python", 503},
		{"call sync: timed out after 30001 milliseconds", "call sync: timed out after … milliseconds",
			"integrations", 0},
		{"call no-more: answered 404", "call no-more: answered 404", NULL, 404},
		{"call sync: answered 4040", "call sync: answered …", "integrations", 0},
		{"job 01a211e5-a177-7000-8000-0001bdd32cde is gone", "job … is gone", NULL, 0},
		{"claim 4711 of 12 is odd", "claim … of 12 is odd", NULL, 0},
		{"late by 7 ms, 12ms", "late by … ms, …", NULL, 0},
		{"feedface deadbeef01 0x1f", "feedface … 0x1f", NULL, 0},
		{"sent Bearer s3cr3t-and-long away", "sent Bearer … away", NULL, 0},
		{"say \"no\\yes\"\n\tor", "say \"no\\yes\"\n\tor", NULL, 0},
		{"aaa\001bbb", "aaa…bbb", NULL, 0},
		{"caf\xc3\xa9", "caf\xc3\xa9", NULL, 0},
		{"not \xff\xfe text", "not … text", NULL, 0},
		{"", "", NULL, 0},
	};
	enum { ROWS = sizeof rows / sizeof *rows };
	for (size_t i = 0; i < ROWS; i++)
		fail_job(f, 2, "u", rows[i].error);
	struct failures found = look(f, 1000);
	assert_int_equal(found.n, ROWS);
	assert_int_equal(found.jobs, ROWS);
	assert_false(found.is_cut);
	for (size_t i = 0; i < ROWS; i++) {
		const struct failure_group *g =
			&found.groups[ROWS - 1 - i]; /* those that failed last first */
		if (strcmp(g->error, rows[i].kind) != 0)
			fail_msg("%s: %s", rows[i].error, g->error);
		const char *receiver = failure_receiver(g, &f->opts);
		if (g->status != rows[i].status ||
			strcmp(receiver ? receiver : "-", rows[i].receiver ? rows[i].receiver : "-"))
			fail_msg("%s: %s, %d", rows[i].error, receiver, g->status);
	}
	failures_release(&found);
	/* Each by its own selection, and no other. */
	json_t *json = ask_json(f, BASE "/failures", "", NULL), *group;
	size_t i;
	json_array_foreach(jx_get(json, "groups"), i, group) if (selected(f, group) != 1)
		fail_msg("%s selects %zu", text(group, "where"), selected(f, group));
	assert_int_equal(i, ROWS);
	json_decref(json);
}

/* However long, and however much of it is no text that can be selected by. */
static void errors__of_any_length(void **state)
{
	struct fixture *f = *state;
	char *error = calloc(1, ERROR_ROOM);
	memset(error, '"', JOB_ERROR_MAX);
	fail_job(f, 2, "u", error);
	for (size_t i = 0; i < JOB_ERROR_MAX; i += 2)
		memcpy(error + i, i % 4 ? " \001" : "\xc3\xa9", 2);
	fail_job(f, 3, "u", error);
	fail_job(f, 4, "u", "471147114711");
	free(error);
	json_t *json = ask_json(f, BASE "/failures", "", NULL), *groups = jx_get(json, "groups");
	assert_int_equal(json_array_size(groups), 3);
	assert_true(json_is_null(jx_get(json_array_get(groups, 0), "where")));
	assert_string_equal(text(json_array_get(groups, 0), "error"), "…");
	for (size_t i = 0; i < 3; i++) {
		struct slice shown = jx_text(jx_get(json_array_get(groups, i), "error"));
		assert_true(shown.len <= FAILURE_ERROR_MAX && shown.len > 0);
	}
	json_decref(json);
}

static void failures__one_then_the_rest(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		char error[80];
		snprintf(error, sizeof error, "call proof-packet: answered 503 to request %d", 10000 + i);
		fail_job(f, 7, i ? "ann" : "bob", error);
		fail_job(f, 7, "ann", "call proof-packet: answered 404");
	}
	fail_job(f, 3, "bob", "call proof-packet: answered 503 to request 12345");
	json_t *json = ask_json(f, BASE "/failures", "", NULL), *groups = jx_get(json, "groups");
	json_t *first =
		json_array_get(groups, 1); /* of two with as many, the one that failed last is before it */
	assert_int_equal(json_array_size(groups), 3);
	assert_int_equal(number(json, "jobs"), 7);
	assert_int_equal(number(json, "looked_at"), 7);
	assert_true(json_is_true(jx_get(json, "complete")));
	assert_int_equal(number(first, "phase"), 7);
	assert_int_equal(number(first, "jobs"), 3);
	assert_int_equal(number(first, "status"), 503);
	assert_string_equal(text(first, "receiver"), "python");
	assert_string_equal(text(first, "call"), "proof-packet");
	assert_string_equal(text(first, "error"), "call proof-packet: answered 503 to request …");
	assert_string_equal(text(first, "where"),
		"state=failed phase=7 error~\"call proof-packet: answered 503 to request \"");
	assert_string_not_equal(text(first, "first_at"), text(first, "last_at"));
	assert_int_equal(selected(f, first), 3);
	char path[100];
	snprintf(path, sizeof path, BASE "/jobs/%s/retry", text(first, "newest"));
	struct reply reply = ask(f, "POST", path, "", NULL, "");
	assert_int_equal(reply.http_status, 200);
	reply_release(&reply);
	assert_int_equal(selected(f, first), 2);
	json_decref(json);
}

/* A selection, a phase and a user: each group is within them, and so is what selects it. */
static void failures__within_a_selection(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *query, *where;
		int64_t jobs;
	} rows[] = {
		{"phase=7", "state=failed phase=7 error=\"x\"", 2},
		{"step=12", "state=failed step=12 error=\"x\"", 1},
		{"user_id=a%22b", "state=failed phase=7 user=\"a\\\"b\" error=\"x\"", 1},
		{"where=attempts%3D1&phase=7", "state=failed phase=7 attempts=1 error=\"x\"", 2},
		{"where=age%3C1d&user_id=u&step=12", "state=failed step=12 age<1d user=\"u\" error=\"x\"", 1},
		{"where=state%3Dcompleted", NULL, 0},
		{"phase=1", NULL, 0},
	};
	static const char *const wrong[] = {"state=failed", "phase=8", "where=state%3Dlate", "limit=0",
		"limit=1001", "cursor=x", "nonsense=1", "phase=1&phase=1"};
	fail_job(f, 7, "a\"b", "x");
	fail_job(f, 7, "u", "x");
	fail_job(f, 12, "u", "x");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *json = ask_json(f, BASE "/failures", rows[i].query, NULL);
		json_t *group = json_array_get(jx_get(json, "groups"), 0);
		assert_int_equal(json_array_size(jx_get(json, "groups")), rows[i].jobs > 0);
		if (group) {
			assert_string_equal(text(group, "where"), rows[i].where);
			assert_int_equal(number(group, "jobs"), rows[i].jobs);
			assert_int_equal(selected(f, group), rows[i].jobs);
		}
		json_decref(json);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct reply reply = ask(f, "GET", BASE "/failures", wrong[i], NULL, "");
		if (reply.http_status != 400)
			fail_msg("%s: %d", wrong[i], reply.http_status);
		reply_release(&reply);
	}
}

static void tokens__count_their_own(void **state)
{
	struct fixture *f = *state;
	fail_job(f, 2, "seller-1", "x");
	fail_job(f, 3, "seller-2", "x");
	fail_job(f, 2, "buyer-1", "x");
	accept_job(f, 2, "w1", "seller-1");
	accept_job(f, 3, "w2", "buyer-1");
	static const struct {
		const char *name, *user;
		uint32_t phases;
		int64_t failed, open;
	} rows[] = {{"all", "", TOKEN_ALL_PHASES, 3, 2}, {"sellers", "seller-*", TOKEN_ALL_PHASES, 2, 1},
		{"one", "seller-2", TOKEN_ALL_PHASES, 1, 0}, {"second", "", 1u << 1, 2, 1},
		{"nobody", "x*", TOKEN_ALL_PHASES, 0, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *header = token_for(f, rows[i].name, SCOPE_READ, rows[i].phases, rows[i].user);
		json_t *failed = ask_json(f, BASE "/failures", "", header);
		json_t *shape = ask_json(f, BASE "/shape", "by=user", header);
		assert_int_equal(number(failed, "looked_at"), rows[i].failed);
		assert_int_equal(number(shape, "looked_at"), rows[i].open);
		assert_int_equal(number(jx_get(shape, "all"), "total"), rows[i].open);
		assert_int_equal(json_is_null(jx_get(failed, "jobs")), i > 0);
		assert_int_equal(json_is_null(jx_get(shape, "jobs")), i > 0);
		json_decref(failed);
		json_decref(shape);
	}
	/* Another's phase is as one that nobody has. */
	const char *header = token_for(f, "third", SCOPE_READ, 1u << 2, "");
	json_t *json = ask_json(f, BASE "/shape", "phase=2", header);
	assert_int_equal(number(json, "looked_at"), 0);
	json_decref(json);
	json = ask_json(f, BASE "/failures", "phase=2", header);
	assert_int_equal(json_array_size(jx_get(json, "groups")), 0);
	json_decref(json);
	header = token_for(f, "steers", SCOPE_OPERATE, TOKEN_ALL_PHASES, "");
	struct reply reply = ask(f, "GET", BASE "/shape", "", header, "");
	assert_int_equal(reply.http_status, 403);
	reply_release(&reply);
}

static void shape__by_each(void **state)
{
	struct fixture *f = *state;
	static const char *const wrong[] = {
		"by=colour", "state=failed", "state=x", "limit=0", "where=x", "phase=0", "by=user&by=user"};
	f->now.wall_us -= 7200 * S;
	accept_job(f, 1, "w1", "ann");
	f->now.wall_us += 7200 * S;
	accept_job(f, 1, "w2", "bob");
	accept_job(f, 4, "w3", "bob");
	json_t *json = ask_json(f, BASE "/shape", "", NULL), *row = json_array_get(jx_get(json, "rows"), 0);
	assert_string_equal(text(json, "by"), "phase");
	assert_int_equal(json_array_size(jx_get(json, "buckets")), SURVEY_BUCKETS);
	assert_int_equal(number(json, "jobs"), 3);
	assert_int_equal(number(json, "rows_total"), 2);
	assert_string_equal(text(row, "name"), "1");
	assert_int_equal(number(row, "total"), 2);
	assert_int_equal(number(jx_get(row, "younger_than"), "1m"), 1);
	assert_int_equal(number(jx_get(row, "younger_than"), "4h"), 1);
	assert_int_equal(number(row, "older"), 0);
	json_decref(json);
	json = ask_json(f, BASE "/shape", "by=user&limit=1&state=waiting&phase=1", NULL);
	assert_int_equal(json_array_size(jx_get(json, "rows")), 1);
	assert_int_equal(number(json, "rows_total"), 2);
	assert_int_equal(number(json, "jobs"), 2);
	json_decref(json);
	json = ask_json(f, BASE "/shape", "by=receiver&phase=4", NULL);
	assert_string_equal(text(json_array_get(jx_get(json, "rows"), 0), "name"), "-"); /* it calls nobody */
	json_decref(json);
	json = ask_json(f, BASE "/shape", "state=held", NULL);
	assert_int_equal(number(json, "jobs"), 0);
	json_decref(json);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct reply reply = ask(f, "GET", BASE "/shape", wrong[i], NULL, "");
		if (reply.http_status != 400)
			fail_msg("%s: %d", wrong[i], reply.http_status);
		reply_release(&reply);
	}
}

/* A walk ends where it is told to, and says so: by jobs, and by time after the page that it is at. */
static void walks__are_bounded(void **state)
{
	struct fixture *f = *state;
	enum { JOBS = 250, PAGE = 100 };
	struct survey survey;
	struct failures found;
	for (int i = 0; i < JOBS; i++)
		fail_job(f, 2, "u", i < JOBS / 2 ? "old" : "new");
	found = look(f, 3);
	assert_true(found.is_cut && found.jobs == 3 && found.n == 1);
	assert_string_equal(found.groups[0].error, "new");
	failures_release(&found);
	found = look(f, JOBS);
	assert_true(found.jobs == JOBS && found.n == 2);
	failures_release(&found);
	struct failures_ask late = {.opts = &f->opts, .most = 1000000, .until_mono_us = 1};
	assert_int_equal(failures_look(f->app.spool, &late, &found, NULL), ST_OK);
	assert_true(found.is_cut && found.jobs == PAGE);
	failures_release(&found);
	for (int i = 0; i < JOBS; i++) {
		char workflow[32];
		snprintf(workflow, sizeof workflow, "w-%d", i);
		accept_job(f, 2, workflow, "u");
	}
	struct survey_ask ask = {.by = SURVEY_PHASE, .most = 1000000, .until_mono_us = 1};
	assert_int_equal(survey_look(f->app.spool, &f->opts, f->now, &ask, &survey, NULL), ST_OK);
	assert_true(survey.is_cut && survey.all.total == PAGE);
	survey_release(&survey);
	ask.until_mono_us = 0;
	assert_int_equal(survey_look(f->app.spool, &f->opts, f->now, &ask, &survey, NULL), ST_OK);
	assert_true(!survey.is_cut && survey.all.total == JOBS);
	survey_release(&survey);
}

/* Errors that are all different: some have no group, and are counted. */
static void groups__are_bounded(void **state)
{
	struct fixture *f = *state;
	enum { MORE = 5 };
	for (int i = 0; i < FAILURES_GROUPS_MAX + MORE; i++) {
		char error[16];
		snprintf(error, sizeof error, "e%c%c%c", 'a' + i / 100, 'a' + i / 10 % 10, 'a' + i % 10);
		fail_job(f, 2, "u", error);
	}
	struct failures found = look(f, 100000);
	assert_int_equal(found.n, FAILURES_GROUPS_MAX);
	assert_int_equal(found.outside, MORE);
	assert_int_equal(found.jobs, FAILURES_GROUPS_MAX + MORE);
	failures_release(&found);
}

static void counting__leaves_threads_for_the_rest(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = {BASE "/shape", BASE "/failures"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		assert_true(budget_take(&f->app.counts, 1));
		struct reply reply = ask(f, "GET", paths[i], "", NULL, "");
		assert_int_equal(reply.http_status, 503);
		json_t *json = json_of(&reply);
		assert_string_equal(text(json, "code"), "counts_busy");
		json_decref(json);
		reply_release(&reply);
		budget_give(&f->app.counts, 1);
		json_decref(ask_json(f, paths[i], "", NULL));
		assert_int_equal(atomic_load(&f->app.counts.used), 0);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(errors__of_one_kind),
		CASE(errors__of_any_length),
		CASE(failures__one_then_the_rest),
		CASE(failures__within_a_selection),
		CASE(tokens__count_their_own),
		CASE(shape__by_each),
		CASE(walks__are_bounded),
		CASE(groups__are_bounded),
		CASE(counting__leaves_threads_for_the_rest),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/test_forget.c: a person leaves the spool: what goes, what stays, what it leaves in the file. */
#include "spool/base/jx.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "tests/unit/care_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static struct forget forget_user(struct fixture *f, const char *user)
{
	struct forget_ask ask = {.user_id = slice_text(user),
		.actor = slice_text("operator:tests"),
		.reason = slice_text("asked in writing")};
	struct forget forget = {0};
	struct why why = WHY_INIT;
	assert_int_equal(spool_forget_begin(&ask, &why), ST_OK);
	while (!forget.is_done)
		if (f->ops->forget(f->store, f->now, &ask, &forget, &why) != ST_OK)
			fail_msg("forget: %s", why.text);
	return forget;
}

static struct job job_of(struct fixture *f, struct job_id id)
{
	struct job job;
	assert_int_equal(f->ops->get(f->store, id, &job, NULL), ST_OK);
	return job;
}

/* A job with everything that a person could stand in, ended in this way. */
static struct job_id live_through(
	struct fixture *f, const char *workflow, const char *user, enum settle_kind kind)
{
	char payload[200], room[80], data[100], key[64];
	snprintf(payload, sizeof payload, "{\"user_id\":\"%s\",\"iban\":\"CANARY-payload\"}", user);
	snprintf(room, sizeof room, "user_%s", user);
	snprintf(data, sizeof data, "{\"to\":\"%s\",\"text\":\"CANARY-data\"}", user);
	snprintf(key, sizeof key, "CANARY-key-%s-%s-%d", workflow, user, (int)kind);
	struct trigger t = make_trigger(3, workflow, user, payload);
	t.idempotency_key = slice_text(key);
	t.traceparent = slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(id_cmp(f->held[0].id, r.id), 0);
	struct notice notice = {.kind = EVENT_NOTIFICATION,
		.name = slice_text("notification"),
		.room = slice_text(room),
		.data = slice_text(data),
		.reason = slice_text("CANARY-reason")};
	struct settlement s = {.id = r.id,
		.token = 1,
		.kind = SETTLE_CHECKPOINT,
		.checkpoint = slice_text("{\"x\":\"CANARY-checkpoint\"}"),
		.notices = &notice,
		.notices_n = 1};
	size_t n;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &n, &f->next_due_us, NULL), ST_OK);
	s.kind = kind;
	s.checkpoint = (struct slice)SLICE_INIT;
	s.error = slice_text("CANARY-error");
	s.outcome = slice_text("{\"x\":\"CANARY-outcome\"}");
	s.notices_n = 0;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &n, &f->next_due_us, NULL), ST_OK);
	assert_int_equal(s.verdict, ST_OK);
	return r.id;
}

static size_t events_with(struct fixture *f, const char *text)
{
	struct event events[500];
	struct event_filter filter = {0};
	size_t n, found = 0;
	uint64_t last;
	assert_int_equal(f->ops->events(f->store, &filter, 500, events, &n, &last, NULL), ST_OK);
	for (size_t i = 0; i < n; i++) {
		const struct slice parts[] = {events[i].reason, events[i].room, events[i].data,
			events[i].workflow_id, events[i].user_id, events[i].name, events[i].traceparent};
		for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
			found += parts[k].len && memmem(parts[k].p, parts[k].len, text, strlen(text));
		event_release(&events[i]);
	}
	return found;
}

static size_t events_of_kind(struct fixture *f, enum event_kind kind, char *data, size_t cap)
{
	struct event events[500];
	struct event_filter filter = {0};
	size_t n, found = 0;
	uint64_t last;
	assert_int_equal(f->ops->events(f->store, &filter, 500, events, &n, &last, NULL), ST_OK);
	for (size_t i = 0; i < n; i++) {
		if (events[i].kind == kind) {
			found++;
			assert_true(slice_is(events[i].actor, "operator:tests"));
			assert_true(slice_is(events[i].reason, "asked in writing"));
			snprintf(data, cap, "%.*s", SLICE_ARG(events[i].data));
		}
		event_release(&events[i]);
	}
	return found;
}

static void forgotten__nothing_of_the_person_is_left(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[] = {live_through(f, "sync-ann-17", "ann-17", SETTLE_COMPLETE),
		live_through(f, "sync-ann-17", "ann-17", SETTLE_FAIL),
		live_through(f, "plain", "ann-17", SETTLE_COMPLETE)};
	struct job_id other = live_through(f, "sync-bob", "bob", SETTLE_FAIL);
	struct stats was = stats_of(f);
	size_t others = 0;
	struct forget done = forget_user(f, "ann-17");
	assert_int_equal(done.jobs, 3);
	assert_int_equal(done.live, 0);
	struct stats is = stats_of(f);
	assert_memory_equal(is.jobs, was.jobs, sizeof is.jobs);
	assert_int_equal(is.accepted_total, was.accepted_total);
	assert_int_equal(is.removed_total, was.removed_total);
	char user[JOB_TEXT_MAX], workflow[JOB_TEXT_MAX];
	for (int i = 0; i < 3; i++) {
		struct job job = job_of(f, ids[i]);
		assert_true(slice_is(job.payload, "{}"));
		assert_int_equal(job.outcome.len + job.error.len + job.checkpoint.len, 0);
		assert_int_equal(job.idempotency_key.len + job.traceparent.len + job.tracestate.len, 0);
		assert_true(job.is_forgotten && job.finished_at_us && job.attempts_made == 1);
		if (i == 0) {
			snprintf(user, sizeof user, "%.*s", SLICE_ARG(job.user_id));
			snprintf(workflow, sizeof workflow, "%.*s", SLICE_ARG(job.workflow_id));
		}
		assert_true(slice_is(job.user_id, user)); /* one name for all of them */
		assert_true(slice_is(job.workflow_id, workflow) == (i < 2));
		job_release(&job);
	}
	assert_non_null(strstr(user, "forgotten-"));
	assert_non_null(strstr(workflow, "forgotten-"));
	assert_string_not_equal(user, workflow);
	assert_int_equal(events_with(f, "ann-17"), 0);
	/* The other one's four still stand: reason and data of the notice, error of the failure. */
	others = events_with(f, "CANARY");
	assert_int_equal(others, 3);
	struct job job = job_of(f, other);
	assert_true(slice_is(job.user_id, "bob") && slice_is(job.error, "CANARY-error"));
	job_release(&job);
	char data[100];
	assert_int_equal(events_of_kind(f, EVENT_FORGOTTEN, data, sizeof data), 1);
	assert_string_equal(data, "{\"jobs\":3,\"events\":6,\"records\":0}");
	/* Histories are whole: each job's events can be read by it, and by its workflow's new name. */
	struct event events[50];
	struct event_filter filter = {.workflow_id = slice_text(workflow)};
	size_t n;
	uint64_t last;
	assert_int_equal(f->ops->events(f->store, &filter, 50, events, &n, &last, NULL), ST_OK);
	assert_int_equal(n, 10);
	for (size_t i = 0; i < n; i++)
		event_release(&events[i]);
}

static void forgotten__keys_are_free_and_names_new(void **state)
{
	struct fixture *f = *state;
	struct job_id first = live_through(f, "w", "carla", SETTLE_COMPLETE);
	struct trigger t =
		make_trigger(3, "w", "carla", "{\"user_id\":\"carla\",\"iban\":\"CANARY-payload\"}");
	assert_int_equal(submit(f, &t).verdict, SUBMIT_DUPLICATE);
	forget_user(f, "carla");
	struct job job = job_of(f, first);
	char name[JOB_TEXT_MAX];
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(job.user_id));
	job_release(&job);
	/* The same person comes again: nothing of before answers. */
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
	assert_int_equal(claim(f, 1), 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	struct trigger again = t;
	again.idempotency_key = slice_text("CANARY-key-w-carla-0");
	again.workflow_id = slice_text("w2");
	struct receipt second = submit(f, &again);
	assert_int_equal(second.verdict, SUBMIT_ACCEPTED);
	assert_int_equal(claim(f, 1), 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(forget_user(f, "carla").jobs, 2);
	job = job_of(f, second.id);
	assert_false(
		slice_is(job.user_id, name)); /* two acts, two names: nothing leads from one to the other */
	job_release(&job);
	assert_int_equal(forget_user(f, "carla").jobs, 0);
	/* And it is nobody's to run again. */
	assert_int_equal(steer(f, first, STEER_REPLAY), ST_CONFLICT);
}

static void forgotten__solo_user_begins_anew(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(1, "made-up", "dora", "{}");
	t.solo_user = true;
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	assert_int_equal(claim(f, 1), 1);
	settle_held(f, 0, SETTLE_FAIL);
	assert_int_equal(forget_user(f, "dora").jobs, 1);
	struct job job = job_of(f, r.id);
	assert_false(job.solo_user);
	job_release(&job);
	t.workflow_id = slice_text("made-up-2");
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
}

/* A workflow of several: its name stays for the others, unless the id stands in it. */
static void forgotten__shared_workflows_keep_their_names(void **state)
{
	struct fixture *f = *state;
	struct job_id mine = live_through(f, "shared", "emil", SETTLE_COMPLETE);
	struct job_id others = live_through(f, "shared", "fritz", SETTLE_COMPLETE);
	struct job_id named = live_through(f, "of-emil", "emil", SETTLE_COMPLETE);
	live_through(f, "of-emil", "fritz", SETTLE_COMPLETE);
	accept_job(f, 4, "shared", "fritz", "{\"live\":true}");
	forget_user(f, "emil");
	struct job job = job_of(f, mine);
	assert_true(slice_is(job.workflow_id, "shared"));
	job_release(&job);
	job = job_of(f, named);
	assert_false(slice_is(job.workflow_id, "of-emil"));
	job_release(&job);
	job = job_of(f, others);
	assert_true(slice_is(job.workflow_id, "shared") && slice_is(job.user_id, "fritz") && job.outcome.len);
	job_release(&job);
	assert_int_equal(claim(f, 1), 1);
}

static void live_jobs__are_left_alone_and_counted(void **state)
{
	struct fixture *f = *state;
	struct job_id ended = live_through(f, "w", "gina", SETTLE_COMPLETE);
	struct job_id waiting = accept_job(f, 2, "w", "gina", "{\"x\":\"CANARY-live\"}");
	accept_job(f, 3, "w", "gina", "{}");
	struct forget done = forget_user(f, "gina");
	assert_int_equal(done.jobs, 1);
	assert_int_equal(done.live, 2);
	struct job job = job_of(f, waiting);
	assert_true(slice_is(job.user_id, "gina") && job.payload.len > 2);
	job_release(&job);
	job = job_of(f, ended);
	assert_true(job.is_forgotten);
	job_release(&job);
	/* They run as before, and go the next time. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(claim(f, 1), 1);
		settle_held(f, 0, SETTLE_COMPLETE);
	}
	done = forget_user(f, "gina");
	assert_int_equal(done.jobs, 2);
	assert_int_equal(events_with(f, "gina"), 0);
}

/* What no job leads to: events of one that was set aside, and its bytes. */
static void set_aside__goes_too(void **state)
{
	struct fixture *f = *state;
	struct job_id id = live_through(f, "w", "hanna-9", SETTLE_FAIL);
	struct job_id other = live_through(f, "w9", "otto", SETTLE_FAIL);
	spoil(f, TREE_JOB, id);
	spoil(f, TREE_JOB, other);
	assert_int_equal(steer(f, id, STEER_RETRY), ST_CORRUPT); /* which sets it aside */
	assert_int_equal(steer(f, other, STEER_RETRY), ST_CORRUPT);
	assert_true(events_with(f, "hanna-9") > 0);
	struct forget done = forget_user(f, "hanna-9");
	assert_int_equal(done.jobs, 0);
	assert_true(done.events > 0);
	assert_int_equal(done.records, 1); /* the trigger: the job's record has no id in it */
	assert_int_equal(events_with(f, "hanna-9"), 0);
	assert_true(events_with(f, "otto") > 0);
	assert_int_equal(stats_of(f).set_aside, 2);
}

/* Cut short anywhere, and begun anew: it ends the same. */
static void cut_short__a_second_act_finishes(void **state)
{
	struct fixture *f = *state;
	fill(f, 500);
	uint64_t all = 0, left = 0;
	for (int i = 0; i < 500; i++)
		all += i % 17 == 3;
	for (int steps = 0; steps < 3; steps++) {
		struct forget_ask ask = {
			.user_id = slice_text("user-3"), .actor = slice_text("operator:tests")};
		struct forget forget = {0};
		assert_int_equal(spool_forget_begin(&ask, NULL), ST_OK);
		for (int i = 0; i < steps && !forget.is_done; i++)
			assert_int_equal(f->ops->forget(f->store, f->now, &ask, &forget, NULL), ST_OK);
		left += forget.jobs;
		store_reopen(f);
		store_check(f);
	}
	struct forget done = forget_user(f, "user-3");
	assert_int_equal(left + done.jobs + done.live, all);
	assert_true(done.live > 0 && left > 0);
}

static bool file_has(struct fixture *f, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t cap = 80 << 20;
	char *bytes = malloc(cap);
	assert_non_null(bytes);
	size_t len = fread(bytes, 1, cap, file);
	fclose(file);
	bool has = memmem(bytes, len, text, strlen(text)) != NULL;
	free(bytes);
	return has;
}

/* Everything under "ann" goes; what is the others' stays, so that the search is known to find something. */
static void compacted__no_byte_is_left(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct care_result result;
	struct why why = WHY_INIT;
	struct care_ask ask = {.verb = CARE_COMPACT, .path = ""};
	static char big[3000];
	memset(big, 'b', sizeof big - 1);
	for (int i = 0; i < 40; i++) {
		char workflow[40], payload[3200];
		snprintf(workflow, sizeof workflow, "sync-zoe-canary-%d", i);
		live_through(f, workflow, "zoe-canary", i % 2 ? SETTLE_COMPLETE : SETTLE_FAIL);
		/* Payloads of each size: in the leaf, and on pages of their own. */
		snprintf(payload, sizeof payload, "{\"pad\":\"%.*s\",\"iban\":\"CANARY-zoe\"}", i * 70, big);
		struct job_id id = accept_job(f, 5, workflow, "zoe-canary", payload);
		steer(f, id, STEER_CANCEL);
		snprintf(workflow, sizeof workflow, "else-%d", i);
		live_through(f, workflow, i % 2 ? "bob-canary" : "carl", SETTLE_COMPLETE);
		/* LMDB writes a page whole, with what its memory held before. */
		snprintf(payload, sizeof payload, "{\"pad\":\"%.*s\"}", 2100 + i * 20, big);
		steer(f, accept_job(f, 6, workflow, "carl", payload), STEER_CANCEL);
	}
	assert_true(file_has(f, "CANARY-zoe") && file_has(f, "zoe-canary"));
	assert_int_equal(forget_user(f, "zoe-canary").jobs, 80);
	f->ops->close(f->store);
	f->store = NULL;
	if (f->ops->care(&f->conf, &ask, NULL, &result, &why) != ST_OK)
		fail_msg("compact: %s", why.text);
	f->ops->open(&f->conf, &f->store, NULL);
	assert_non_null(f->store);
	assert_true(file_has(f, "bob-canary"));
	assert_true(file_has(f, "CANARY-payload")); /* bob's */
	assert_false(file_has(f, "zoe"));
	assert_false(file_has(f, "CANARY-zoe"));
	assert_false(file_has(f, "CANARY-key-sync"));
	struct told told;
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	jx_init();
	const struct CMUnitTest tests[] = {
		CASE(forgotten__nothing_of_the_person_is_left),
		CASE(forgotten__keys_are_free_and_names_new),
		CASE(forgotten__solo_user_begins_anew),
		CASE(forgotten__shared_workflows_keep_their_names),
		CASE(live_jobs__are_left_alone_and_counted),
		CASE(set_aside__goes_too),
		CASE(cut_short__a_second_act_finishes),
		CASE(compacted__no_byte_is_left),
	};
	return cmocka_run_group_tests_name("forget", tests, NULL, NULL);
}

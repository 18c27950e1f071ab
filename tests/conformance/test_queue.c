/* tests/conformance/test_queue.c: the queue as callers and operators see it: duplicates, order, delays,
 * priorities, listings, counts, pauses, cleaning, and who may come in. */
#include "tests/support/instance.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	*state = instance_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static struct answer post_with(struct instance *in, const char *path, const char *header, const char *body)
{
	char headers[300], whole[200];
	snprintf(headers, sizeof headers, "Content-Type: application/json\n%s", header);
	snprintf(whole, sizeof whole, API "%s", path);
	return request(in, "POST", whole, headers, body);
}

static bool flag(const struct answer *a, const char *member)
{
	return json_is_true(json_object_get(a->json, member));
}

static void duplicate__names_the_first_job(void **state)
{
	struct instance *in = *state;
	static const char body[] = "{\"user_id\":\"d\",\"sync_id\":\"dup\"}";
	char id[40];
	submit_job(in, "/phase/2", body, id);
	struct answer a = post(in, "/phase/2", body);
	assert_int_equal(a.status, 200);
	assert_true(flag(&a, "duplicate"));
	assert_false(flag(&a, "body_differs"));
	assert_string_equal(answer_text(&a, "job_id"), id);
	assert_string_equal(answer_text(&a, "message"), "Phase 2 orchestration triggered");
	answer_release(&a);
	json_decref(wait_state(in, id, "completed"));
	a = post(in, "/phase/2", body); /* within queue.dedupe-window */
	assert_true(flag(&a, "duplicate"));
	assert_string_equal(answer_text(&a, "state"), "completed");
	answer_release(&a);
	assert_int_equal(receiver_count(in->receiver, NULL, "\"dup\""), 1);
}

static void other_payload__is_a_job_of_its_own(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"d\",\"sync_id\":\"other\",\"orders_count\":1}", id);
	struct answer a =
		post(in, "/phase/2", "{\"user_id\":\"d\",\"sync_id\":\"other\",\"orders_count\":2}");
	assert_false(flag(&a, "duplicate"));
	assert_string_equal(answer_text(&a, "earlier_job_id"), id);
	json_decref(wait_state(in, answer_text(&a, "job_id"), "completed"));
	answer_release(&a);
	assert_int_equal(receiver_count(in->receiver, NULL, "\"other\""), 2);
}

static void explicit_key__is_honoured(void **state)
{
	struct instance *in = *state;
	static const char body[] = "{\"user_id\":\"k\",\"claim_id\":\"k\",\"amount\":5}";
	struct answer a = post_with(in, "/phase/7", "Idempotency-Key: pay-1", body);
	char id[40];
	snprintf(id, sizeof id, "%s", answer_text(&a, "job_id"));
	answer_release(&a);
	a = post_with(in, "/phase/7", "Idempotency-Key: pay-1", body);
	assert_true(flag(&a, "duplicate"));
	assert_string_equal(answer_text(&a, "job_id"), id);
	answer_release(&a);
	a = post_with(in, "/phase/7", "Idempotency-Key: pay-1",
		"{\"user_id\":\"k\",\"claim_id\":\"k\",\"amount\":6}");
	assert_int_equal(a.status, 422);
	assert_string_equal(answer_text(&a, "code"), "idempotency_key_reused");
	assert_string_equal(answer_text(&a, "job_id"), id);
	answer_release(&a);
	a = post_with(in, "/phase/7", "Idempotency-Key: pay-2", body); /* a second, equal payout */
	assert_false(flag(&a, "duplicate"));
	answer_release(&a);
}

static void phase_1_without_sync_id__one_live_job_per_user(void **state)
{
	struct instance *in = *state;
	receiver_rule(in->receiver,
		(struct rule){.path_has = "/amazon/sync", .body_has = "solo", .delay_ms = 300, .times = 1});
	struct answer first = post(in, "/phase/1", "{\"user_id\":\"solo\"}");
	struct answer again = post(in, "/phase/1", "{\"user_id\":\"solo\"}");
	assert_true(flag(&again, "duplicate"));
	assert_string_equal(answer_text(&again, "job_id"), answer_text(&first, "job_id"));
	assert_string_equal(answer_text(&again, "workflow_id"), answer_text(&first, "workflow_id"));
	answer_release(&again);
	again = post(in, "/phase/1", "{\"user_id\":\"solo\",\"seller_id\":\"other\"}");
	assert_true(flag(&again, "duplicate"));
	assert_true(flag(&again, "body_differs"));
	answer_release(&again);
	json_decref(wait_state(in, answer_text(&first, "job_id"), "completed"));
	answer_release(&first);
	again = post(in, "/phase/1", "{\"user_id\":\"solo\"}");
	assert_false(flag(&again, "duplicate"));
	answer_release(&again);
}

struct shot {
	struct instance *in;
	struct answer answer;
};

static void *shoot(void *arg)
{
	struct shot *s = arg;
	s->answer =
		post(s->in, "/phase/1", "{\"user_id\":\"five\",\"seller_id\":\"five\",\"sync_id\":\"five\"}");
	return NULL;
}

static void parallel__five_equal_posts_make_one_job(void **state)
{
	enum { SHOTS = 5 };
	struct shot shots[SHOTS];
	pthread_t threads[SHOTS];
	int fresh = 0;
	for (int i = 0; i < SHOTS; i++) {
		shots[i].in = *state;
		assert_int_equal(pthread_create(&threads[i], NULL, shoot, &shots[i]), 0);
	}
	for (int i = 0; i < SHOTS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SHOTS; i++) {
		assert_int_equal(shots[i].answer.status, 200);
		assert_string_equal(
			answer_text(&shots[i].answer, "job_id"), answer_text(&shots[0].answer, "job_id"));
		fresh += !flag(&shots[i].answer, "duplicate");
	}
	assert_int_equal(fresh, 1);
	for (int i = 0; i < SHOTS; i++)
		answer_release(&shots[i].answer);
}

static void order__a_workflow_runs_one_at_a_time(void **state)
{
	struct instance *in = *state;
	char first[40], last[40];
	receiver_rule(in->receiver, (struct rule){.body_has = "\"line\"", .status = 503, .times = 1});
	receiver_rule(in->receiver, (struct rule){.body_has = "\"line\"", .delay_ms = 100, .times = 1});
	submit_job(in, "/phase/2", "{\"user_id\":\"line\",\"sync_id\":\"line\"}", first);
	submit_job(in, "/phase/3", "{\"user_id\":\"line\",\"sync_id\":\"line\",\"claims\":[]}", last);
	char path[100];
	snprintf(path, sizeof path, API "/jobs/%s", last);
	struct answer a = request(in, "GET", path, NULL, NULL);
	json_t *job = json_object_get(a.json, "job");
	assert_string_equal(json_string_value(json_object_get(job, "state")), "waiting");
	assert_string_equal(json_string_value(json_object_get(job, "behind")), first);
	assert_string_equal(json_string_value(jx_path(job, "explanation.cause")), "behind");
	assert_non_null(strstr(json_string_value(jx_path(job, "explanation.text")), first));
	answer_release(&a);
	json_decref(wait_state(in, last, "completed"));
	struct call detection, matching;
	assert_int_equal(
		receiver_count(in->receiver, "detections", "\"line\""), 2); /* the retry kept its place */
	assert_true(receiver_get(in->receiver, "detections", "\"line\"", 1, &detection));
	assert_true(receiver_get(in->receiver, "matching", "\"line\"", 0, &matching));
	assert_true(matching.at_ms >= detection.at_ms + 100);
}

static void order__workflows_run_side_by_side(void **state)
{
	struct instance *in = *state;
	char slow[40], quick[40];
	receiver_rule(in->receiver, (struct rule){.body_has = "slowpoke", .delay_ms = 1000});
	submit_job(in, "/phase/2", "{\"user_id\":\"x\",\"sync_id\":\"slowpoke\"}", slow);
	assert_true(receiver_wait(in->receiver, NULL, "slowpoke", 1, 5000));
	submit_job(in, "/phase/2", "{\"user_id\":\"x\",\"sync_id\":\"hare\"}", quick);
	json_decref(wait_state(in, quick, "completed"));
	json_decref(wait_state(in, slow, "active"));
	json_decref(wait_state(in, slow, "completed"));
}

static void delayed__comes_when_it_is_due(void **state)
{
	struct instance *in = *state;
	int64_t before = clock_mono_us() / 1000;
	struct call call;
	struct answer a =
		post_with(in, "/phase/2", "X-Delay: 400", "{\"user_id\":\"x\",\"sync_id\":\"later\"}");
	assert_string_equal(answer_text(&a, "state"), "delayed");
	json_decref(wait_state(in, answer_text(&a, "job_id"), "completed"));
	answer_release(&a);
	assert_true(receiver_get(in->receiver, NULL, "\"later\"", 0, &call));
	assert_in_range(call.at_ms - before, 400, 5000);
}

static void waiting__tells_the_tries_to_come(void **state)
{
	struct instance *in = *state;
	char path[160], cancel[180];
	struct answer a =
		post_with(in, "/phase/2", "X-Delay: 3600000", "{\"user_id\":\"x\",\"sync_id\":\"horizon\"}");
	snprintf(path, sizeof path, API "/jobs/%s", answer_text(&a, "job_id"));
	answer_release(&a);
	a = request(in, "GET", path, NULL, NULL);
	json_t *horizon = jx_path(a.json, "job.horizon");
	int64_t left = json_integer_value(json_object_get(horizon, "tries_left"));
	assert_true(left >= 1);
	assert_int_equal(left, json_integer_value(jx_path(a.json, "job.attempts_allowed")));
	assert_string_equal(
		json_string_value(jx_path(json_array_get(json_object_get(horizon, "next_tries"), 0), "at")),
		json_string_value(jx_path(a.json, "job.run_at")));
	assert_true(json_is_false(jx_path(a.json, "job.in_crowd")));
	assert_string_equal(json_string_value(jx_path(a.json, "job.explanation.cause")), "scheduled");
	assert_string_equal(json_string_value(jx_path(a.json, "job.explanation.next_at")),
		json_string_value(jx_path(a.json, "job.run_at")));
	answer_release(&a);
	snprintf(cancel, sizeof cancel, "%s/cancel", path + strlen(API));
	a = post(in, cancel, "");
	assert_int_equal(a.status, 200);
	answer_release(&a);
	a = request(in, "GET", path, NULL, NULL);
	assert_true(json_is_null(jx_path(a.json, "job.horizon")));
	answer_release(&a);
}

static void pause__keeps_jobs_and_priority_decides_after(void **state)
{
	struct instance *in = *state;
	char low[40], high[40];
	struct answer a = post(in, "/queue/pause", "");
	assert_int_equal(a.status, 200);
	answer_release(&a);
	a = post_with(in, "/phase/2", "X-Priority: 9", "{\"user_id\":\"x\",\"sync_id\":\"prio-low\"}");
	snprintf(low, sizeof low, "%s", answer_text(&a, "job_id"));
	answer_release(&a);
	a = post_with(in, "/phase/2", "X-Priority: 1", "{\"user_id\":\"x\",\"sync_id\":\"prio-high\"}");
	snprintf(high, sizeof high, "%s", answer_text(&a, "job_id"));
	answer_release(&a);
	a = request(in, "GET", API "/queue/stats", NULL, NULL);
	json_t *queue = jx_path(a.json, "stats.orchestration");
	assert_int_equal(json_integer_value(json_object_get(queue, "paused")) +
				 json_integer_value(json_object_get(queue, "waiting")),
		2);
	answer_release(&a);
	assert_false(receiver_wait(in->receiver, NULL, "prio-", 1, 300));
	a = post(in, "/queue/resume", "");
	assert_int_equal(a.status, 200);
	answer_release(&a);
	json_t *first = wait_state(in, high, "completed"), *second = wait_state(in, low, "completed");
	assert_true(strcmp(json_string_value(json_object_get(first, "started_at")),
			    json_string_value(json_object_get(second, "started_at"))) <= 0);
	json_decref(first);
	json_decref(second);
}

static void receivers__are_paused_and_shown(void **state)
{
	struct instance *in = *state;
	struct answer a = post(in, "/queue/pause?receiver=bank&for=2h&reason=they%20migrate", "");
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "message"), "Paused");
	assert_true(json_is_true(jx_path(a.json, "receiver.paused")));
	assert_true(json_is_string(jx_path(a.json, "receiver.paused_until")));
	assert_int_equal(strncmp(json_string_value(jx_path(a.json, "receiver.paused_by")), "caller:", 7), 0);
	answer_release(&a);
	a = request(in, "GET", API "/receivers", NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "{\"name\":\"bank\",\"breaker\":\"closed\",\"paused\":true,"));
	answer_release(&a);
	a = request(in, "GET", API "/queue/stats", NULL, NULL);
	assert_int_equal(json_array_size(jx_path(a.json, "stats.paused_phases")), 0);
	answer_release(&a);
	a = post(in, "/queue/resume?receiver=bank", "");
	assert_int_equal(a.status, 200);
	assert_true(json_is_false(jx_path(a.json, "receiver.paused")));
	answer_release(&a);
	a = request(in, "GET", API "/receivers", NULL, NULL);
	assert_null(strstr(a.body, "bank"));
	answer_release(&a);
	static const struct {
		const char *path, *field;
	} rows[] = {{"/queue/pause?receiver=", "receiver"}, {"/queue/pause?receiver=a%20b", "receiver"},
		{"/queue/pause?receiver=bank&phase=3", "receiver"},
		{"/queue/pause?receiver=bank&for=", "for"}, {"/queue/pause?receiver=bank&for=0", "for"},
		{"/queue/resume?receiver=bank&for=1h", "for"}, {"/queue/pause?for=1h", "for"},
		{"/queue/pause?reason=x", "reason"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = post(in, rows[i].path, "");
		if (a.status != 400 || strcmp(answer_text(&a, "field"), rows[i].field) != 0)
			fail_msg("%s: %d %s", rows[i].path, a.status, a.body);
		answer_release(&a);
	}
}

static void stats__keep_their_old_fields_in_order(void **state)
{
	static const char *const fields[] = {"{\"success\":true,\"stats\":{\"orchestration\":{\"waiting\":",
		",\"active\":", ",\"completed\":", ",\"failed\":", ",\"delayed\":", ",\"paused\":",
		"\"syncProgress\":{\"waiting\":0,\"active\":0,\"completed\":0,\"failed\":0,\"delayed\":0,"
		"\"paused\":0},"
		"\"connectedClients\":0,\"metrics\":{\"recentJobCount\":",
		",\"averageJobDuration\":", ",\"successRate\":\""};
	struct answer a = request(*state, "GET", API "/queue/stats", NULL, NULL);
	const char *at = a.body;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const char *found = strstr(at, fields[i]);
		if (!found)
			fail_msg("%s: no %s in %s", a.body, fields[i], at);
		at = found + 1;
	}
	answer_release(&a);
}

static size_t page_through(struct instance *in, const char *filter, int limit)
{
	char path[600], cursor[200] = "";
	size_t total = 0;
	do {
		snprintf(path, sizeof path, API "/jobs?%s&limit=%d%s%s", filter, limit,
			cursor[0] ? "&cursor=" : "", cursor);
		struct answer a = request(in, "GET", path, NULL, NULL);
		if (a.status != 200)
			fail_msg("%s: %ld %s", path, a.status, a.body);
		total += json_array_size(json_object_get(a.json, "jobs"));
		snprintf(cursor, sizeof cursor, "%s", answer_text(&a, "next_cursor"));
		answer_release(&a);
	} while (cursor[0]);
	return total;
}

static void list__filters_and_pages(void **state)
{
	struct instance *in = *state;
	for (int i = 0; i < 7; i++) {
		char body[100], id[40];
		snprintf(body, sizeof body, "{\"user_id\":\"lister\",\"sync_id\":\"list-%d\"}", i);
		struct answer a = post_with(in, i % 2 ? "/phase/2" : "/phase/3", "X-Delay: 1h", body);
		snprintf(id, sizeof id, "%s", answer_text(&a, "job_id"));
		answer_release(&a);
	}
	for (int limit = 1; limit < 9; limit += 3) {
		assert_int_equal(page_through(in, "user_id=lister", limit), 7);
		assert_int_equal(page_through(in, "user_id=lister&phase=3", limit), 4);
		assert_int_equal(page_through(in, "user_id=lister&state=delayed&phase=2", limit), 3);
		assert_int_equal(page_through(in, "user_id=lister&state=failed", limit), 0);
		assert_int_equal(page_through(in, "workflow_id=list-3", limit), 1);
	}
	static const char *const bad[] = {
		"state=bogus", "phase=8", "limit=0", "limit=x", "cursor=zz", "since=never", "what=1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char path[100];
		snprintf(path, sizeof path, API "/jobs?%s", bad[i]);
		struct answer a = request(in, "GET", path, NULL, NULL);
		if (a.status != 400 || strcmp(answer_text(&a, "code"), "bad_query") != 0)
			fail_msg("%s: %ld %s", path, a.status, a.body);
		answer_release(&a);
	}
}

static void clean__removes_what_is_old(void **state)
{
	struct instance *in = *state;
	char id[40], path[128];
	static const struct {
		const char *query;
		long status;
	} rows[] = {
		{"grace=0&status=bogus", 400},
		{"grace=0&status=active", 409},
		{"grace=3600000&status=completed", 200},
		{"grace=0&status=failed", 200},
		{"status=paused", 200},
	};
	submit_job(in, "/phase/4", "{\"user_id\":\"c\",\"sync_id\":\"clean\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(path, sizeof path, API "/queue/clean?%s", rows[i].query);
		struct answer a = request(in, "POST", path, NULL, NULL);
		if (a.status != rows[i].status)
			fail_msg("%s: %ld %s", path, a.status, a.body);
		answer_release(&a);
	}
	snprintf(path, sizeof path, API "/jobs/%s", id);
	struct answer a = request(in, "GET", path, NULL, NULL);
	assert_int_equal(a.status, 200); /* younger than an hour */
	answer_release(&a);
	clock_sleep_ms(2);
	a = request(in, "POST", API "/queue/clean?grace=0&status=completed", NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_memory_equal(answer_text(&a, "message"), "Cleaned ", 8);
	assert_true(json_integer_value(jx_path(a.json, "result.orchestration")) >= 1);
	assert_int_equal(json_integer_value(jx_path(a.json, "result.syncProgress")), 0);
	answer_release(&a);
	a = request(in, "GET", path, NULL, NULL);
	assert_int_equal(a.status, 404);
	answer_release(&a);
}

static void workflow__progress_and_timeline(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"wf\",\"sync_id\":\"wf-1\"}", id);
	submit_job(in, "/phase/4", "{\"user_id\":\"wf\",\"sync_id\":\"wf-1\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	struct answer a = request(in, "GET", API "/workflows/wf-1", NULL, NULL);
	assert_string_equal(answer_text(&a, "status"), "completed");
	assert_string_equal(answer_text(&a, "user_id"), "wf");
	assert_string_equal(answer_text(&a, "current_step"), "Phase 4: Predictive Refund Orchestration");
	assert_int_equal(json_integer_value(json_object_get(a.json, "step")), 4);
	assert_int_equal(json_integer_value(json_object_get(a.json, "percent")), 57);
	assert_int_equal(json_array_size(json_object_get(a.json, "jobs")), 2);
	assert_true(json_array_size(json_object_get(a.json, "events")) >= 8);
	answer_release(&a);
	/* In the order accepted, whatever their phases. */
	submit_job(in, "/phase/4", "{\"user_id\":\"wf\",\"sync_id\":\"wf-2\",\"matches\":[]}", id);
	submit_job(in, "/phase/2", "{\"user_id\":\"wf\",\"sync_id\":\"wf-2\"}", id);
	json_decref(wait_state(in, id, "completed"));
	a = request(in, "GET", API "/workflows/wf-2", NULL, NULL);
	const json_t *jobs = json_object_get(a.json, "jobs");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 0), "phase")), 4);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 1), "phase")), 2);
	answer_release(&a);
	a = request(in, "GET", API "/workflows/unheard-of", NULL, NULL);
	assert_int_equal(a.status, 404);
	assert_string_equal(answer_text(&a, "code"), "workflow_not_found");
	answer_release(&a);
}

static void access__forwarded_requests_are_not_trusted(void **state)
{
	static const char *const headers[] = {
		"X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1"};
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		char value[512];
		struct answer a = post_with(*state, "/phase/1", headers[i], "{\"user_id\":\"fw\"}");
		if (a.status != 401 || strcmp(answer_text(&a, "code"), "unauthorized") != 0)
			fail_msg("%s: %ld %s", headers[i], a.status, a.body ? a.body : "");
		assert_memory_equal(answer_header(&a, "WWW-Authenticate", value), "Bearer", 6);
		answer_release(&a);
	}
	struct answer a = request(*state, "GET", API "/health", "X-Forwarded-For: 10.0.0.1", NULL);
	assert_int_equal(a.status, 200);
	answer_release(&a);
}

static void access__networks_and_proxies_are_configured(void **state)
{
	(void)state;
	struct instance *in =
		instance_start("http.trusted-networks=10.0.0.0/8 http.trusted-proxies=127.0.0.1");
	static const struct {
		const char *header;
		long status;
	} rows[] = {
		{"X-Nothing: 1", 401},
		{"X-Forwarded-For: 10.1.2.3", 200},
		{"X-Forwarded-For: 10.1.2.3, 127.0.0.1", 200},
		{"X-Forwarded-For: 10.1.2.3, 192.0.2.1", 401},
		{"X-Forwarded-For: 192.0.2.1", 401},
		{"X-Forwarded-For: nonsense", 401},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[100];
		snprintf(body, sizeof body, "{\"user_id\":\"net\",\"sync_id\":\"net-%zu\"}", i);
		struct answer a = post_with(in, "/phase/2", rows[i].header, body);
		if (a.status != rows[i].status)
			fail_msg("%s: %ld %s", rows[i].header, a.status, a.body ? a.body : "");
		answer_release(&a);
	}
	instance_stop(in);
}

static void retention__removes_after_the_configured_age(void **state)
{
	(void)state;
	struct instance *in = instance_start("queue.keep-completed=1s");
	char id[40], path[100];
	long status = 200;
	submit_job(in, "/phase/4", "{\"user_id\":\"r\",\"sync_id\":\"r\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	snprintf(path, sizeof path, API "/jobs/%s", id);
	for (int i = 0; i < 2000 && status == 200; i++) {
		struct answer a = request(in, "GET", path, NULL, NULL);
		status = a.status;
		answer_release(&a);
		clock_sleep_ms(10);
	}
	assert_int_equal(status, 404);
	instance_stop(in);
}

static void backlog__is_refused_with_retry_after(void **state)
{
	(void)state;
	struct instance *in = instance_start("spool.max-depth=2");
	char value[512];
	for (int i = 0; i < 3; i++) {
		char body[100];
		snprintf(body, sizeof body, "{\"user_id\":\"b\",\"sync_id\":\"b-%d\"}", i);
		struct answer a = post_with(in, "/phase/2", "X-Delay: 1h", body);
		assert_int_equal(a.status, i < 2 ? 200 : 503);
		if (i == 2) {
			assert_string_equal(answer_text(&a, "code"), "backlog_full");
			assert_true(answer_header(&a, "Retry-After", value)[0] != '\0');
		}
		answer_release(&a);
	}
	instance_stop(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicate__names_the_first_job),
		cmocka_unit_test(other_payload__is_a_job_of_its_own),
		cmocka_unit_test(explicit_key__is_honoured),
		cmocka_unit_test(phase_1_without_sync_id__one_live_job_per_user),
		cmocka_unit_test(parallel__five_equal_posts_make_one_job),
		cmocka_unit_test(order__a_workflow_runs_one_at_a_time),
		cmocka_unit_test(order__workflows_run_side_by_side),
		cmocka_unit_test(delayed__comes_when_it_is_due),
		cmocka_unit_test(waiting__tells_the_tries_to_come),
		cmocka_unit_test(pause__keeps_jobs_and_priority_decides_after),
		cmocka_unit_test(receivers__are_paused_and_shown),
		cmocka_unit_test(stats__keep_their_old_fields_in_order),
		cmocka_unit_test(list__filters_and_pages),
		cmocka_unit_test(clean__removes_what_is_old),
		cmocka_unit_test(workflow__progress_and_timeline),
		cmocka_unit_test(access__forwarded_requests_are_not_trusted),
		cmocka_unit_test(access__networks_and_proxies_are_configured),
		cmocka_unit_test(retention__removes_after_the_configured_age),
		cmocka_unit_test(backlog__is_refused_with_retry_after),
	};
	return cmocka_run_group_tests_name("queue", tests, setup, teardown);
}

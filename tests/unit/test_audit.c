/* tests/unit/test_audit.c: GET /audit, page by page. */
#include "tests/unit/gate_fixture.h"

#include <stdio.h>

static json_t *page(struct fixture *f, const char *query)
{
	struct reply reply = ask(f, "GET", BASE "/audit", query, NULL, "");
	assert_int_equal(reply.http_status, 200);
	json_t *json = json_of(&reply);
	reply_release(&reply);
	return json;
}

static void steer(struct fixture *f, enum steer_verb verb, struct job_id id, const char *actor)
{
	struct steer_result result;
	struct why why = WHY_INIT;
	assert_int_equal(spool_steer(f->app.spool, f->now, verb, &id, 1, slice_text(actor),
				 slice_text("because"), &result, &why),
		ST_OK);
	assert_int_equal(result.status, ST_OK);
}

static const json_t *event_at(const json_t *json, size_t i)
{
	return json_array_get(json_object_get(json, "events"), i);
}

static const char *text_of(const json_t *event, const char *key)
{
	return json_string_value(json_object_get(event, key));
}

static void audit__newest_first_page_by_page(void **state)
{
	struct fixture *f = *state;
	char query[64] = "limit=7";
	json_int_t last = INT64_MAX, next;
	int seen = 0, pages = 0;
	for (int i = 0; i < 450; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w-%d", i);
		accept_job(f, 2, workflow, "u");
	}
	do {
		json_t *json = page(f, query);
		size_t i, n = json_array_size(json_object_get(json, "events"));
		for (i = 0; i < n; i++) {
			json_int_t seq = json_integer_value(json_object_get(event_at(json, i), "seq"));
			assert_true(seq < last);
			last = seq;
			seen++;
		}
		next = json_integer_value(json_object_get(json, "next_before"));
		snprintf(query, sizeof query, "limit=100&before=%lld", (long long)next);
		json_decref(json);
		assert_true(++pages < 20);
	} while (next);
	assert_int_equal(seen, 450);
}

/* An operator who brings a trigger in by hand has acted; a caller who says that he is one has not. */
static void audit__a_trigger_that_was_enqueued_is_an_act(void **state)
{
	struct fixture *f = *state;
	struct trigger t = {.phase = 2,
		.attempts_allowed = 1,
		.give_up_after_us = 1000000,
		.workflow_id = slice_text("w"),
		.user_id = slice_text("u"),
		.payload = slice_text("{}"),
		.source = slice_text("operator:anna")};
	struct receipt receipt;
	assert_int_equal(spool_submit(f->app.spool, f->now, &t, 1, &receipt, NULL), ST_OK);
	t.source = slice_text("operators");
	t.workflow_id = slice_text("v");
	assert_int_equal(spool_submit(f->app.spool, f->now, &t, 1, &receipt, NULL), ST_OK);
	json_t *json = page(f, "acts=1");
	assert_int_equal(json_array_size(json_object_get(json, "events")), 1);
	assert_string_equal(text_of(event_at(json, 0), "actor"), "operator:anna");
	json_decref(json);
}

static void audit__acts_are_what_people_did(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w-1", "u");
	steer(f, STEER_HOLD, id, "operator:anna");
	accept_job(f, 3, "w-2", "u");
	steer(f, STEER_RELEASE, id, "token:night");
	steer(f, STEER_HOLD, id, "system");
	json_t *json = page(f, "acts=1");
	assert_int_equal(json_array_size(json_object_get(json, "events")), 2);
	assert_string_equal(text_of(event_at(json, 0), "actor"), "token:night");
	assert_string_equal(text_of(event_at(json, 1), "actor"), "operator:anna");
	assert_string_equal(text_of(event_at(json, 1), "kind"), "held");
	assert_string_equal(text_of(event_at(json, 1), "reason"), "because");
	assert_true(json_is_null(json_object_get(json, "next_before")));
	json_decref(json);
}

/* More than one request looks at lies between: the page is empty, and goes on. */
static void audit__looks_at_so_many_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w-1", "u");
	char query[64] = "acts=1";
	int pages = 0;
	steer(f, STEER_HOLD, id, "operator:anna");
	for (int i = 0; i < 10100; i += 100) {
		struct trigger triggers[100];
		struct receipt receipts[100];
		char workflows[100][16];
		struct why why = WHY_INIT;
		for (int k = 0; k < 100; k++) {
			snprintf(workflows[k], sizeof workflows[k], "w-%d", i + k);
			triggers[k] = (struct trigger){.phase = 3,
				.attempts_allowed = 1,
				.give_up_after_us = 3600 * S,
				.workflow_id = slice_text(workflows[k]),
				.user_id = slice_text("u"),
				.payload = slice_text("{}"),
				.source = slice_text("tests")};
		}
		assert_int_equal(spool_submit(f->app.spool, f->now, triggers, 100, receipts, &why), ST_OK);
	}
	for (;;) {
		json_t *json = page(f, query);
		size_t n = json_array_size(json_object_get(json, "events"));
		json_int_t next = json_integer_value(json_object_get(json, "next_before"));
		json_decref(json);
		pages++;
		if (n == 1)
			break;
		assert_int_equal(n, 0);
		assert_true(next > 0);
		snprintf(query, sizeof query, "acts=1&before=%lld", (long long)next);
	}
	assert_int_equal(pages, 2);
}

/* All of them once and in order, whatever is left out on the way. */
static void audit__after_goes_on_from_the_oldest(void **state)
{
	struct fixture *f = *state;
	char query[80] = "after=0&limit=7&kinds=held,accepted";
	json_int_t last = 0;
	size_t seen = 0, n;
	for (int i = 0; i < 300; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w-%d", i);
		struct job_id id = accept_job(f, 2, workflow, "u");
		if (i % 100 == 0) {
			steer(f, STEER_HOLD, id, "operator:anna");
			steer(f, STEER_RELEASE, id, "operator:anna");
		}
	}
	do {
		json_t *json = page(f, query);
		n = json_array_size(json_object_get(json, "events"));
		for (size_t i = 0; i < n; i++) {
			json_int_t seq = json_integer_value(json_object_get(event_at(json, i), "seq"));
			assert_true(seq > last);
			last = seq;
			assert_string_not_equal(text_of(event_at(json, i), "kind"), "unheld");
		}
		seen += n;
		snprintf(query, sizeof query, "after=%lld&limit=100&kinds=held,accepted",
			(long long)json_integer_value(json_object_get(json, "next_after")));
		json_decref(json);
	} while (n);
	assert_int_equal(seen, 303);
	json_t *json = page(f, "kinds=held&limit=500"); /* newest first, too */
	assert_int_equal(json_array_size(json_object_get(json, "events")), 3);
	json_decref(json);
}

static void audit__cloud_events_are_a_batch_and_tell_where_to_go_on(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u");
	char text[JOB_ID_TEXT_LEN], subject[80];
	steer(f, STEER_HOLD, id, "operator:anna");
	id_text(id, text);
	snprintf(subject, sizeof subject, "jobs/%s", text);
	struct reply reply = ask(f, "GET", BASE "/audit", "format=cloudevents&after=1", NULL, "");
	assert_int_equal(reply.http_status, 200);
	assert_string_equal(reply.content_type, "application/cloudevents-batch+json");
	assert_true(memmem(reply.head.p, reply.head.len, "X-Clario-Next-After: 2\r\n", 24));
	json_t *json = json_of(&reply);
	const json_t *event = json_array_get(json, 0);
	assert_int_equal(json_array_size(json), 1);
	assert_string_equal(text_of(event, "specversion"), "1.0");
	assert_string_equal(text_of(event, "id"), "2");
	assert_string_equal(text_of(event, "type"), "clario.workflow.held");
	assert_string_equal(text_of(event, "subject"), subject);
	assert_string_equal(text_of(event, "datacontenttype"), "application/json");
	assert_true(strlen(text_of(event, "source")) > strlen("///clario-workflow"));
	assert_string_equal(text_of(json_object_get(event, "data"), "reason"), "because");
	assert_string_equal(text_of(event, "time"), text_of(json_object_get(event, "data"), "at"));
	json_decref(json);
	reply_release(&reply);
}

static void audit__an_empty_spool_has_none(void **state)
{
	json_t *json = page(*state, "");
	assert_int_equal(json_array_size(json_object_get(json, "events")), 0);
	assert_true(json_is_null(json_object_get(json, "next_before")));
	json_decref(json);
}

static void audit__bad_queries_are_told(void **state)
{
	static const char *const bad[] = {"before=0", "before=x", "before=-1", "before=99999999999999999999",
		"limit=0", "limit=501", "limit=", "acts=2", "acts=", "reveal=3", "nonsense=1",
		"after=", "after=x", "after=9223372036854775808", "after=1&before=2",
		"format=cloudevents&before=2", "format=xml", "format=", "kinds=", "kinds=failed,nonsense"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct reply reply = ask(*state, "GET", BASE "/audit", bad[i], NULL, "");
		if (reply.http_status != 400)
			fail_msg("%s: %d", bad[i], reply.http_status);
		reply_release(&reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(audit__newest_first_page_by_page, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(
			audit__a_trigger_that_was_enqueued_is_an_act, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(
			audit__after_goes_on_from_the_oldest, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(
			audit__cloud_events_are_a_batch_and_tell_where_to_go_on, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(audit__acts_are_what_people_did, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(
			audit__looks_at_so_many_and_goes_on, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(audit__an_empty_spool_has_none, gate_setup, gate_teardown),
		cmocka_unit_test_setup_teardown(audit__bad_queries_are_told, gate_setup, gate_teardown),
	};
	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}

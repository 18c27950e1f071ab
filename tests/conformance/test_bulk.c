/* tests/conformance/test_bulk.c: selections, plans, operations and their undoing through the whole of it, as
 * the ops page uses them; and the tool beside the API. */
#include "tests/support/instance.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	struct instance *in = instance_start("phase.2.attempts=1");
	*state = in;
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static struct answer call(struct instance *in, const char *method, const char *path, const char *body)
{
	char whole[400];
	snprintf(whole, sizeof whole, API "%s", path);
	return request(in, method, whole, body ? "Content-Type: application/json\n" : NULL, body);
}

/* n jobs that are not due for an hour. */
static void post_delayed(struct instance *in, const char *name, int n)
{
	for (int i = 0; i < n; i++) {
		char body[300];
		snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"%s-%d\",\"orders_count\":%d}",
			name, name, i, i);
		struct answer a = request(in, "POST", i % 2 ? API "/phase/2" : API "/phase/3",
			"Content-Type: application/json\nX-Delay: 1h\n", body);
		assert_int_equal(a.status, 200);
		answer_release(&a);
	}
}

static json_int_t number(const struct answer *a, const char *path)
{
	return json_integer_value(jx_path(a->json, path));
}

static void assert_status(const struct answer *a, long status)
{
	if (a->status != status)
		fail_msg("%ld in place of %ld: %s", a->status, status, a->body ? a->body : "");
}

static size_t count_where(struct instance *in, const char *where)
{
	char path[300];
	snprintf(path, sizeof path, "/jobs?limit=500&where=%s", where);
	struct answer a = call(in, "GET", path, NULL);
	assert_status(&a, 200);
	size_t n = json_array_size(json_object_get(a.json, "jobs"));
	answer_release(&a);
	return n;
}

static void where__selects(void **state)
{
	struct instance *in = *state;
	post_delayed(in, "sel", 10);
	assert_int_equal(count_where(in, "user%3Dsel"), 10);
	assert_int_equal(count_where(in, "user=sel+phase=3"), 5);
	assert_int_equal(count_where(in, "user=sel+state=delayed,held+phase!=3"), 5);
	assert_int_equal(count_where(in, "user=sel+body.orders_count%3E=7"), 3);
	assert_int_equal(count_where(in, "user=sel+age%3E1h"), 0);
	struct answer a = call(in, "GET", "/jobs?where=user=sel+body.orders_count%3E=7&limit=2", NULL);
	assert_int_equal(number(&a, "scanned"), 2); /* newest first: as many as the page needed */
	assert_int_equal(json_array_size(json_object_get(a.json, "jobs")), 2);
	assert_true(answer_text(&a, "next_cursor")[0]);
	answer_release(&a);
	a = call(in, "GET", "/jobs?where=user=sel", NULL);
	assert_null(json_object_get(a.json, "scanned"));
	answer_release(&a);
}

static void where__mistakes_have_a_position(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *method, *path, *body;
		json_int_t position;
	} rows[] = {
		{"GET", "/jobs?where=phase=9", NULL, 6},
		{"GET", "/jobs?where=state=failed+phse=7", NULL, 13},
		{"GET", "/jobs?where=body.access_token~a", NULL, 0},
		{"POST", "/jobs/retry?where=phase", NULL, 5},
		{"POST", "/jobs/retry", "{\"where\":\"phase=1 phase~2\"}", 13},
		{"POST", "/jobs/cancel", "{\"where\":\"receiver=nobody\"}", 9},
		{"POST", "/plans", "{\"verb\":\"retry\",\"where\":\"error~\\\"a\"}", 6},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = call(in, rows[i].method, rows[i].path, rows[i].body);
		assert_status(&a, 400);
		assert_string_equal(answer_text(&a, "code"), "bad_query");
		assert_string_equal(answer_text(&a, "field"), "where");
		assert_int_equal(number(&a, "position"), rows[i].position);
		answer_release(&a);
	}
}

static void bodies__are_checked(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *path, *body, *code;
		long status;
	} rows[] = {
		{"/plans", "{}", "missing_field", 400},
		{"/plans", "{\"verb\":\"retry\"}", "missing_field", 400},
		{"/plans", "{\"verb\":\"smash\",\"where\":\"\"}", "bad_field", 400},
		{"/plans", "{\"verb\":7,\"where\":\"\"}", "bad_field", 400},
		{"/plans", "{\"verb\":\"retry\",\"where\":\"\",\"x\":1}", "bad_field", 400},
		{"/plans", "[]", "body_not_object", 400},
		{"/plans/plan-20260101-000000-000000/apply", "{\"reason\":\"x\"}", "not_found", 404},
		{"/plans/plan-20260101-000000-000000/apply", "{}", "missing_field", 400},
		{"/plans/x/apply", "{\"reason\":\"x\"}", "not_found", 404},
		{"/plans/plan-20260101-000000-000000/apply", "{\"reason\":\"x\",\"limit\":0}", "bad_field",
			400},
		{"/operations/operation-20260101-000000-000000/undo", "{}", "not_found", 404},
		{"/operations/..%2fx/undo", NULL, "not_found", 404},
		{"/jobs/cancel", "{}", "bad_field", 400}, /* all there are */
		{"/jobs/hold?where=", NULL, "bad_query", 400},
		{"/jobs/release?state=failed", NULL, "bad_query", 400},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = call(in, "POST", rows[i].path, rows[i].body);
		if (a.status != rows[i].status || strcmp(answer_text(&a, "code"), rows[i].code) != 0)
			fail_msg("%s: %ld %s", rows[i].path, a.status, a.body);
		answer_release(&a);
	}
}

static void plan__apply__undo(void **state)
{
	struct instance *in = *state;
	char path[200], body[200], out[8192];
	post_delayed(in, "plan", 8);
	struct answer a = call(in, "POST", "/plans", "{\"verb\":\"run-now\",\"where\":\"user=nobody\"}");
	assert_status(&a, 200);
	assert_int_equal(number(&a, "plan.jobs"), 0);
	assert_true(slice_is(jx_text(jx_path(a.json, "plan.plan")), ""));
	answer_release(&a);
	a = call(in, "POST", "/plans", "{\"verb\":\"hold\",\"where\":\"user=plan\"}");
	assert_status(&a, 200);
	assert_int_equal(number(&a, "plan.jobs"), 8);
	assert_int_equal(number(&a, "plan.phases.2"), 4);
	assert_int_equal(number(&a, "plan.phases.3"), 4);
	assert_true(json_object_size(jx_path(a.json, "plan.receivers")) > 0);
	assert_true(json_is_true(jx_path(a.json, "plan.complete")));
	char plan[64];
	struct slice name = jx_text(jx_path(a.json, "plan.plan"));
	snprintf(plan, sizeof plan, "%.*s", SLICE_ARG(name));
	answer_release(&a);
	/* One changes meanwhile, by the tool, which knows the plan, too. */
	assert_int_equal(instance_tool(in, "cancel --where 'workflow=plan-3'", out, sizeof out), 0);
	assert_int_equal(instance_tool(in, "plans --json", out, sizeof out), 0);
	assert_non_null(strstr(out, plan));
	snprintf(path, sizeof path, "/plans/%s/apply", plan);
	for (int left = 5; left >= 0; left -= 3) {
		a = call(in, "POST", path, "{\"reason\":\"migration\",\"limit\":3}");
		assert_status(&a, 200);
		assert_int_equal(number(&a, "plan.left"), left < 2 ? 2 : left);
		answer_release(&a);
	}
	a = call(in, "POST", path, "{\"reason\":\"migration\"}");
	assert_int_equal(number(&a, "plan.left"), 0);
	assert_int_equal(number(&a, "plan.done"), 7);
	assert_int_equal(number(&a, "plan.changed"), 1);
	char operation[64];
	name = jx_text(jx_path(a.json, "plan.operation"));
	snprintf(operation, sizeof operation, "%.*s", SLICE_ARG(name));
	answer_release(&a);
	assert_int_equal(count_where(in, "user=plan+state=held"), 7);
	a = call(in, "GET", "/operations?limit=1", NULL);
	assert_status(&a, 200);
	assert_true(slice_is(
		jx_text(jx_get(json_array_get(jx_get(a.json, "operations"), 0), "operation")), operation));
	answer_release(&a);
	snprintf(path, sizeof path, "/operations/%s", operation);
	a = call(in, "GET", path, NULL);
	assert_true(slice_is(jx_text(jx_path(a.json, "operation.reason")), "migration"));
	answer_release(&a);
	snprintf(body, sizeof body, "/operations/%s/undo", operation);
	for (bool is_over = false; !is_over;) {
		a = call(in, "POST", body, "{\"reason\":\"oops\",\"limit\":2}");
		assert_status(&a, 200);
		is_over = json_is_true(jx_path(a.json, "operation.undo_ended"));
		if (is_over)
			assert_int_equal(number(&a, "operation.undone"), 7);
		answer_release(&a);
	}
	a = call(in, "POST", body, NULL); /* again is nothing */
	assert_status(&a, 200);
	assert_int_equal(number(&a, "operation.undone"), 7);
	assert_int_equal(number(&a, "events_left"), 0);
	answer_release(&a);
	assert_int_equal(count_where(in, "user=plan+state=delayed"), 7);
	assert_int_equal(count_events(in, "plan-0", "undone", NULL), 1);
}

static void by_filter__each_verb(void **state)
{
	struct instance *in = *state;
	char path[200];
	post_delayed(in, "many", 6);
	struct answer a = call(in, "POST", "/jobs/hold?where=user=many+body.orders_count%3C4", NULL);
	assert_status(&a, 200);
	assert_int_equal(number(&a, "done"), 4);
	assert_true(number(&a, "scanned") >= 6);
	char operation[64];
	snprintf(operation, sizeof operation, "%s", answer_text(&a, "operation"));
	answer_release(&a);
	a = call(in, "POST", "/jobs/release", "{\"where\":\"workflow=many-0\"}");
	assert_int_equal(number(&a, "done"), 1);
	answer_release(&a);
	snprintf(path, sizeof path, "/operations/%s/undo", operation);
	a = call(in, "POST", path, "{}");
	assert_int_equal(number(&a, "operation.undone"), 3);
	assert_int_equal(number(&a, "operation.kept"), 1); /* released by hand */
	answer_release(&a);
	a = call(in, "POST", "/jobs/cancel?user_id=many&phase=3", NULL);
	assert_int_equal(number(&a, "done"), 3);
	answer_release(&a);
	a = call(in, "POST", "/jobs/run-now?user_id=many", NULL);
	assert_int_equal(number(&a, "done"), 3);
	answer_release(&a);
	a = call(in, "POST", "/jobs/retry?state=cancelled&user_id=many&limit=2", NULL);
	assert_int_equal(number(&a, "retried"), 2);
	assert_true(answer_text(&a, "next_cursor")[0]);
	answer_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where__selects),
		cmocka_unit_test(where__mistakes_have_a_position),
		cmocka_unit_test(bodies__are_checked),
		cmocka_unit_test(plan__apply__undo),
		cmocka_unit_test(by_filter__each_verb),
	};
	jx_init();
	return cmocka_run_group_tests_name("bulk", tests, setup, teardown);
}

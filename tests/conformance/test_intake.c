/* tests/conformance/test_intake.c: what callers of the replaced service know, and what got better, request by
 * request: phase numbers, bodies, fields, error texts, answers and headers, through the real nginx. */
#include "tests/support/instance.h"

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

struct row {
	const char *path, *body;
	long status;
	const char *has; /* the answer's body contains this */
};

static void check_rows(struct instance *in, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct answer a = post(in, rows[i].path, rows[i].body);
		if (a.status != rows[i].status || (rows[i].has && !strstr(a.body ? a.body : "", rows[i].has)))
			fail_msg("POST %s %s: %ld %s, wanted %ld %s", rows[i].path, rows[i].body, a.status,
				a.body ? a.body : "", rows[i].status, rows[i].has ? rows[i].has : "");
		bool success = json_is_true(json_object_get(a.json, "success"));
		assert_int_equal(success, a.status == 200);
		if (a.status != 200)
			assert_true(answer_text(&a, "error")[0] && answer_text(&a, "code")[0]);
		answer_release(&a);
	}
}
#define CHECK_ROWS(in, rows) check_rows(in, rows, sizeof(rows) / sizeof *(rows))

static void phase_number__decimal_digits_only(void **state)
{
#define BAD(raw) "\"error\":\"Invalid phase number: " raw ". Must be 1-7.\",\"code\":\"bad_phase\""
	static const struct row rows[] = {
		{"/phase/0", "{}", 400, BAD("0")},
		{"/phase/8", "{}", 400, BAD("8")},
		{"/phase/10", "{}", 400, BAD("10")},
		{"/phase/-1", "{}", 400, BAD("-1")},
		{"/phase/abc", "{}", 400, BAD("abc")},
		{"/phase/0x1", "{}", 400, BAD("0x1")},
		{"/phase/3abc", "{}", 400, BAD("3abc")},
		{"/phase/1.9", "{}", 400, BAD("1.9")},
		{"/phase/1e9", "{}", 400, BAD("1e9")},
		{"/phase/+2", "{}", 400, BAD("+2")},
		{"/phase/%201", "{}", 400, BAD(" 1")},
		{"/phase/%E2%82%AC", "{}", 400, BAD("\xe2\x82\xac")},
		{"/phase/%3Cb%3E%22", "{}", 400, BAD("<b>\\\"")},
		{"/phase/99999999999999999999", "{}", 400, BAD("99999999999999999999")},
		{"/step/9", "{}", 400, "Invalid step number: 9. Must be 10-14."},
		{"/step/15", "{}", 400, "Invalid step number: 15. Must be 10-14."},
		/* The body is parsed before the phase is looked at, its content after. */
		{"/phase/9", "{", 400, "\"code\":\"bad_json\""},
		{"/phase/9", "{\"user_id\":\"\"}", 400, "\"code\":\"bad_phase\""},
	};
	CHECK_ROWS(*state, rows);
}

static void body__malformed_is_refused_with_its_kind(void **state)
{
	static const struct row rows[] = {
		{"/phase/1", "", 400, "\"error\":\"user_id is required\""},
		{"/phase/1", "{}", 400,
			"\"error\":\"user_id is required\",\"code\":\"missing_field\",\"field\":\"user_id\""},
		{"/phase/1", "[]", 400, "user_id is required"},
		{"/phase/1", "[{\"user_id\":\"u\"}]", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":", 400, "bad_json"},
		{"/phase/1", "{\"user_id\":\"u\",}", 400, "bad_json"},
		{"/phase/1", "{'user_id':'u'}", 400, "bad_json"},
		{"/phase/1", "{\"user_id\":NaN}", 400, "bad_json"},
		{"/phase/1", "{\"user_id\":\"\\u0000\"}", 400, NULL},
		{"/phase/1", "{\"user_id\":\"\xff\"}", 400, "bad_json"},
		{"/phase/1", "{\"user_id\":\"u\"} x", 400, "bad_json"},
		{"/phase/1", "null", 400, NULL},
		{"/phase/1", "7", 400, NULL},
		{"/phase/1", "\"text\"", 400, NULL},
		{"/phase/1", "true", 400, NULL},
		{"/phase/1", "\xef\xbb\xbf {\"user_id\":\"bom\"}", 200, "\"phase\":1"},
		{"/phase/1", " \n\t{\"user_id\":\"blank\"}\n", 200, NULL},
		{"/phase/2", "{\"user_id\":\"a\",\"user_id\":\"dup\",\"sync_id\":\"d\"}", 200, NULL},
		{"/phase/1", "{\"userId\":\"camel\"}", 400, "user_id is required"},
		{"/phase/1", "{\"__proto__\":{\"user_id\":\"u\"}}", 400, "user_id is required"},
	};
	CHECK_ROWS(*state, rows);
}

static void user_id__text_or_number(void **state)
{
	static const struct row rows[] = {
		{"/phase/1", "{\"user_id\":\"\"}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":null}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":false}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":true}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":{}}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":[]}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":\"  \"}", 400, "user_id is required"},
		{"/phase/1", "{\"user_id\":\"0\"}", 200, NULL},
		{"/phase/1", "{\"user_id\":7,\"sync_id\":\"number\"}", 200, "\"workflow_id\":\"number\""},
		{"/phase/2", "{\"user_id\":\"u\",\"sync_id\":42}", 200, "\"workflow_id\":\"42\""},
	};
	CHECK_ROWS(*state, rows);
}

static void id__longer_than_256_bytes_is_refused(void **state)
{
	char body[600], id[300];
	memset(id, 'x', 257);
	id[257] = '\0';
	snprintf(body, sizeof body, "{\"user_id\":\"%s\"}", id);
	struct answer a = post(*state, "/phase/1", body);
	assert_int_equal(a.status, 400);
	assert_string_equal(answer_text(&a, "field"), "user_id");
	answer_release(&a);
	id[256] = '\0';
	snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"long\"}", id);
	a = post(*state, "/phase/1", body);
	assert_int_equal(a.status, 200);
	answer_release(&a);
}

static void fields__required_per_phase(void **state)
{
#define U "\"user_id\":\"f\""
	static const struct row rows[] = {
		{"/phase/2", "{" U "}", 400, "\"error\":\"sync_id is required for Phase 2\""},
		{"/phase/3", "{" U "}", 400, "\"error\":\"sync_id is required for Phase 3\""},
		{"/phase/4", "{" U ",\"sync_id\":\"\"}", 400,
			"\"error\":\"sync_id is required for Phase 4\""},
		{"/phase/5", "{" U "}", 400, "\"error\":\"claim_id is required for Phase 5\""},
		{"/phase/6", "{" U ",\"claim_id\":\"c\"}", 400,
			"\"error\":\"claim_id and rejection_reason are required for Phase 6\""},
		{"/phase/6", "{" U ",\"reason\":\"r\"}", 400,
			"claim_id and rejection_reason are required for Phase 6"},
		{"/phase/7", "{" U ",\"claim_id\":\"c\"}", 400,
			"\"error\":\"claim_id and amount are required for Phase 7\""},
		{"/phase/7", "{" U ",\"amount\":1}", 400, "claim_id and amount are required for Phase 7"},
		{"/phase/7", "{" U ",\"claim_id\":\"c\",\"amount\":0}", 400,
			"claim_id and amount are required for Phase 7"},
		{"/phase/7", "{" U ",\"claim_id\":\"c\",\"amount\":-5}", 400, "\"field\":\"amount\""},
		{"/phase/7", "{" U ",\"claim_id\":\"c\",\"amount\":true}", 400, "\"field\":\"amount\""},
		{"/phase/7", "{" U ",\"claim_id\":\"c\",\"amount\":\"abc\"}", 400, "\"field\":\"amount\""},
		{"/phase/7", "{" U ",\"claim_id\":\"c\",\"amount\":1e14}", 400, "\"field\":\"amount\""},
		{"/phase/7", "{" U ",\"claim_id\":\"c\",\"amount\":[1]}", 400, "\"field\":\"amount\""},
		{"/phase/3", "{" U ",\"sync_id\":\"f3\",\"claims\":7}", 400, "\"field\":\"claims\""},
		{"/phase/3", "{" U ",\"sync_id\":\"f3\",\"claims\":[1]}", 400, "\"field\":\"claims\""},
		{"/phase/4", "{" U ",\"sync_id\":\"f4\",\"matches\":{}}", 400, "\"field\":\"matches\""},
		{"/phase/4", "{" U ",\"sync_id\":\"f4\",\"matches\":[null]}", 400, "\"field\":\"matches\""},
		{"/phase/2", "{" U ",\"sync_id\":\"f2\"}", 200,
			"\"message\":\"Phase 2 orchestration triggered\""},
		{"/phase/3", "{" U ",\"sync_id\":\"f3\",\"claims_found\":[{}]}", 200, NULL},
		{"/phase/3", "{" U ",\"sync_id\":\"f3n\",\"claims\":null,\"claims_found\":[{}]}", 200, NULL},
		{"/phase/4", "{" U ",\"sync_id\":\"f4\",\"matching_results\":[]}", 200, NULL},
		{"/phase/5", "{" U ",\"claim_id\":\"c5\"}", 200, "\"workflow_id\":\"claim_c5\""},
		{"/phase/5", "{" U ",\"claim_id\":\"c5b\",\"case_id\":\"k\",\"sync_id\":\"own\"}", 200,
			"\"workflow_id\":\"own\""},
		{"/phase/6", "{" U ",\"claim_id\":\"c6\",\"reason\":\"r\"}", 200,
			"\"workflow_id\":\"rejection_c6\""},
		{"/phase/6", "{" U ",\"claim_id\":66,\"rejection_reason\":\"r\"}", 200,
			"\"workflow_id\":\"rejection_66\""},
		{"/phase/7", "{" U ",\"claim_id\":\"c7\",\"amount\":\"12.5\"}", 200,
			"\"workflow_id\":\"payout_c7\""},
		{"/phase/7", "{" U ",\"claim_id\":\"c7b\",\"amount\":1e2}", 200, NULL},
		{"/step/10", "{" U ",\"sync_id\":\"legacy\"}", 200, "\"step\":10"},
	};
	CHECK_ROWS(*state, rows);
}

static void answer__members_and_their_order(void **state)
{
	char location[512], want[128];
	struct answer a =
		post(*state, "/phase/4", "{\"user_id\":\"order\",\"sync_id\":\"order-1\",\"matches\":[]}");
	static const char begin[] =
		"{\"success\":true,\"phase\":4,\"message\":\"Phase 4 orchestration triggered\",\"job_id\":\"";
	assert_int_equal(a.status, 200);
	assert_memory_equal(a.body, begin, sizeof begin - 1);
	assert_non_null(
		strstr(a.body, "\",\"workflow_id\":\"order-1\",\"duplicate\":false,\"state\":\"waiting\"}"));
	snprintf(want, sizeof want, API "/jobs/%s", answer_text(&a, "job_id"));
	assert_string_equal(answer_header(&a, "Location", location), want);
	assert_string_equal(answer_header(&a, "Content-Type", location), "application/json; charset=utf-8");
	assert_int_equal(strlen(answer_header(&a, "X-Request-Id", location)), 32);
	answer_release(&a);
}

static void phase_1__makes_up_a_workflow_id(void **state)
{
	struct answer a = post(*state, "/phase/1", "{\"user_id\":\"oauth-user\"}");
	assert_int_equal(a.status, 200);
	assert_memory_equal(answer_text(&a, "workflow_id"), "oauth_oauth-user_1", 18);
	answer_release(&a);
}

static void content_type__only_json(void **state)
{
	static const struct {
		const char *headers, *body;
		long status;
		const char *code;
	} rows[] = {
		{"Content-Type: application/json", "{\"user_id\":\"ct1\"}", 200, ""},
		{"Content-Type: APPLICATION/JSON; charset=utf-8", "{\"user_id\":\"ct2\"}", 200, ""},
		{"Content-Type: application/json;charset=UTF-8", "{\"user_id\":\"ct3\"}", 200, ""},
		{"Content-Type: text/plain", "{\"user_id\":\"u\"}", 415, "unsupported_media_type"},
		{"Content-Type: application/vnd.api+json", "{\"user_id\":\"u\"}", 415,
			"unsupported_media_type"},
		{"Content-Type: application/x-www-form-urlencoded", "user_id=u", 415,
			"unsupported_media_type"},
		{"Content-Type: application/json; charset=latin1", "{\"user_id\":\"u\"}", 415,
			"unsupported_media_type"},
		{"Content-Type:", "{\"user_id\":\"u\"}", 415, "unsupported_media_type"},
		{"Content-Type: application/json\nContent-Encoding: gzip", "\x1f\x8b", 415,
			"unsupported_media_type"},
		{"Content-Type: text/plain", NULL, 400, "missing_field"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = request(*state, "POST", API "/phase/1", rows[i].headers, rows[i].body);
		if (a.status != rows[i].status || strcmp(answer_text(&a, "code"), rows[i].code) != 0)
			fail_msg("%s: %ld %s", rows[i].headers, a.status, a.body ? a.body : "");
		answer_release(&a);
	}
}

static void path__case_slashes_methods(void **state)
{
	static const struct {
		const char *method, *path;
		long status;
		const char *code, *allow;
	} rows[] = {
		{"GET", API "/health", 200, "", ""},
		{"GET", API "/HEALTH", 200, "", ""},
		{"GET", "/API/V1/Workflow/health", 200, "", ""},
		{"GET", "/" API "/health", 200, "", ""},
		{"GET", API "/health/", 200, "", ""},
		{"HEAD", API "/health", 200, "", ""},
		{"GET", API "/healthz", 200, "", ""},
		{"GET", API "/readyz", 200, "", ""},
		{"GET", "/health", 200, "", ""},
		{"GET", "/healthz", 200, "", ""},
		{"GET", "/readyz", 200, "", ""},
		{"GET", API "/openapi.json", 200, "", ""},
		{"GET", API "/queue/stats", 200, "", ""},
		{"OPTIONS", API "/phase/1", 204, "", "POST, OPTIONS"},
		{"GET", API "/phase/1", 405, "method_not_allowed", "POST, OPTIONS"},
		{"PUT", API "/phase/1", 405, "method_not_allowed", "POST, OPTIONS"},
		{"DELETE", API "/phase/1", 405, "method_not_allowed", "POST, OPTIONS"},
		{"FOO", API "/phase/1", 405, "method_not_allowed", "POST, OPTIONS"},
		{"POST", API "/health", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
		{"POST", API "/queue/stats", 405, "method_not_allowed", "GET, HEAD, OPTIONS"},
		{"GET", API "/queue/clean", 405, "method_not_allowed", "POST, OPTIONS"},
		{"GET", API "/", 404, "not_found", ""},
		{"GET", API, 404, "not_found", ""},
		{"POST", API "/phase/", 404, "not_found", ""},
		{"POST", API "/phase/1/2", 404, "not_found", ""},
		{"GET", API "/nothing?x=1", 404, "not_found", ""},
		{"POST", API "/phase/%zz", 400, "bad_header", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char allow[512];
		struct answer a =
			request(*state, rows[i].method, rows[i].path, "Content-Type: application/json", NULL);
		if (a.status != rows[i].status || strcmp(answer_text(&a, "code"), rows[i].code) != 0 ||
			strcmp(answer_header(&a, "Allow", allow), rows[i].allow) != 0)
			fail_msg("%s %s: %ld %s Allow: %s", rows[i].method, rows[i].path, a.status,
				a.body ? a.body : "", allow);
		answer_release(&a);
	}
}

static void health__answers_as_before(void **state)
{
	struct answer a = request(*state, "GET", API "/health", NULL, NULL);
	assert_string_equal(a.body, "{\"status\":\"ok\",\"service\":\"workflow-routes\",\"message\":"
				    "\"Workflow routes are active\"}");
	answer_release(&a);
	a = request(*state, "GET", "/health", NULL, NULL);
	assert_string_equal(answer_text(&a, "status"), "ok");
	assert_string_equal(answer_text(&a, "service"), "integrations-backend");
	assert_int_equal(strlen(answer_text(&a, "timestamp")), 24);
	answer_release(&a);
}

static struct answer post_of_size(struct instance *in, size_t size, const char *user)
{
	char *body = malloc(size + 1);
	int head = snprintf(body, size, "{\"user_id\":\"%s\",\"sync_id\":\"%s\",\"pad\":\"", user, user);
	memset(body + head, 'x', size - (size_t)head);
	memcpy(body + size - 2, "\"}", 3);
	struct answer a =
		request_bytes(in, "POST", API "/phase/2", "Content-Type: application/json", body, size);
	free(body);
	return a;
}

static void body__exactly_10_mib_and_one_byte_more(void **state)
{
	struct answer a = post_of_size(*state, 10485760, "big");
	assert_int_equal(a.status, 200);
	answer_release(&a);
	a = post_of_size(*state, 10485761, "bigger");
	assert_int_equal(a.status, 413);
	assert_string_equal(answer_text(&a, "code"), "body_too_large");
	answer_release(&a);
	a = post_of_size(*state, 12000000, "biggest");
	assert_int_equal(a.status, 413);
	assert_string_equal(answer_text(&a, "code"), "body_too_large");
	answer_release(&a);
}

static void body__deep_nesting_is_refused(void **state)
{
	enum { DEEP = 5000 };
	char *body = malloc(DEEP * 2 + 100);
	int at = snprintf(body, 100, "{\"user_id\":\"u\",\"sync_id\":\"deep\",\"x\":");
	memset(body + at, '[', DEEP);
	memset(body + at + DEEP, ']', DEEP);
	memcpy(body + at + 2 * DEEP, "}", 2);
	struct answer a = post(*state, "/phase/2", body);
	assert_int_equal(a.status, 400);
	assert_string_equal(answer_text(&a, "code"), "too_deep");
	answer_release(&a);
	free(body);
}

static void headers__delay_run_at_priority(void **state)
{
	static const struct {
		const char *headers;
		long status;
		const char *field, *state;
	} rows[] = {
		{"X-Delay: 3600000", 200, "", "delayed"},
		{"X-Delay: 1h", 200, "", "delayed"},
		{"X-Delay: 0", 200, "", "waiting"},
		{"X-Delay: soon", 400, "X-Delay", ""},
		{"X-Delay: -1", 400, "X-Delay", ""},
		{"X-Run-At: 2099-01-01T00:00:00Z", 200, "", "delayed"},
		{"X-Run-At: 4070908800000", 200, "", "delayed"},
		{"X-Run-At: 2001-01-01T00:00:00Z", 200, "", "waiting"},
		{"X-Run-At: tomorrow", 400, "X-Run-At", ""},
		{"X-Priority: 1", 200, "", "waiting"},
		{"X-Priority: 10", 400, "X-Priority", ""},
		{"X-Priority: high", 400, "X-Priority", ""},
		{"Idempotency-Key: a\tb", 400, "Idempotency-Key", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char headers[256], body[128];
		snprintf(headers, sizeof headers, "Content-Type: application/json\n%s", rows[i].headers);
		snprintf(body, sizeof body, "{\"user_id\":\"h\",\"sync_id\":\"header-%zu\"}", i);
		struct answer a = request(*state, "POST", API "/phase/2", headers, body);
		if (a.status != rows[i].status || strcmp(answer_text(&a, "field"), rows[i].field) != 0 ||
			strcmp(answer_text(&a, "state"), rows[i].state) != 0)
			fail_msg("%s: %ld %s", rows[i].headers, a.status, a.body ? a.body : "");
		answer_release(&a);
	}
}

static void batch__a_verdict_each(void **state)
{
	static const char body[] =
		"{\"triggers\":[{\"phase\":2,\"user_id\":\"b\",\"sync_id\":\"batch\"},"
		"{\"phase\":2,\"user_id\":\"b\",\"sync_id\":\"batch\"},{\"phase\":9},"
		"{\"phase\":3,\"user_id\":\"b\"},{\"step\":11,\"user_id\":\"b\",\"sync_id\":\"batch\"}]}";
	struct answer a = post(*state, "/batch", body);
	static const long want[] = {200, 200, 400, 400, 200};
	assert_int_equal(a.status, 200);
	json_t *results = json_object_get(a.json, "results");
	assert_int_equal(json_array_size(results), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(results, i), "status")), want[i]);
	answer_release(&a);
	static const struct row rows[] = {
		{"/batch", "{\"triggers\":[]}", 400, "bad_batch"},
		{"/batch", "{}", 400, "bad_batch"},
		{"/batch", "{\"triggers\":7}", 400, "bad_batch"},
	};
	CHECK_ROWS(*state, rows);
}

static void openapi__names_every_route(void **state)
{
	static const char *const paths[] = {"/phase/{", "/step/{", "/batch", "/jobs", "/jobs/{",
		"/workflows/{", "/queue/stats", "/queue/clean", "/queue/pause", "/queue/resume", "/health",
		"/healthz", "/readyz", "/jobs/retry", "/receivers", "/events", "/events/ticket", "/metrics",
		"/audit", "/shape", "/failures"};
	struct answer a = request(*state, "GET", API "/openapi.json", NULL, NULL);
	assert_non_null(a.json);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (!strstr(a.body, paths[i]))
			fail_msg("openapi.json does not name %s", paths[i]);
	answer_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_number__decimal_digits_only),
		cmocka_unit_test(body__malformed_is_refused_with_its_kind),
		cmocka_unit_test(user_id__text_or_number),
		cmocka_unit_test(id__longer_than_256_bytes_is_refused),
		cmocka_unit_test(fields__required_per_phase),
		cmocka_unit_test(answer__members_and_their_order),
		cmocka_unit_test(phase_1__makes_up_a_workflow_id),
		cmocka_unit_test(content_type__only_json),
		cmocka_unit_test(path__case_slashes_methods),
		cmocka_unit_test(health__answers_as_before),
		cmocka_unit_test(body__exactly_10_mib_and_one_byte_more),
		cmocka_unit_test(body__deep_nesting_is_refused),
		cmocka_unit_test(headers__delay_run_at_priority),
		cmocka_unit_test(batch__a_verdict_each),
		cmocka_unit_test(openapi__names_every_route),
	};
	return cmocka_run_group_tests_name("intake", tests, setup, teardown);
}

/* tests/unit/test_dispatch.c: what happens around the handlers (access, methods, bodies that were not taken),
 * and that the API's document and the table of routes tell the same. Nothing here reaches the spool. */
#include "tests/support/unit.h"

#include "fcgi/dispatch.h"
#include "fcgi/handlers.h"
#include "spool/base/log.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BASE "/api/v1/workflow"

static char networks[] = "127.0.0.0/8", proxies[] = "";
static struct opts opts = {
	.http = {.trusted_networks = networks, .trusted_proxies = proxies, .max_body = 1 << 20}};
static struct app app = {.opts = &opts, .large_parse = PTHREAD_MUTEX_INITIALIZER};

static struct request request_for(const char *method, const char *path)
{
	struct request request = {.now = clock_now()};
	request.param[PARAM_METHOD] = slice_text(method);
	request.param[PARAM_PATH] = slice_text(path);
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	request.param[PARAM_CONTENT_TYPE] = slice_text("application/json");
	return request;
}

static bool head_has(const struct reply *reply, const char *line)
{
	struct buf head = BUF_INIT(8192);
	reply_head_text(reply, &head);
	bool has = strstr(head.p, line) != NULL;
	buf_release(&head);
	return has;
}

/* What waits for nothing is answered the same way at once; what may wait is left alone. */
static void begin_and_compare(struct request request, const struct reply *whole)
{
	struct intake intake;
	struct reply begun;
	reply_init(&begun);
	enum dispatched done = dispatch_begin(&app, &request, &intake, &begun);
	assert_int_not_equal(done, DISPATCH_SUBMIT);
	if (done == DISPATCH_ANSWERED) {
		assert_int_equal(begun.http_status, whole->http_status);
		assert_int_equal(begun.problem, whole->problem);
	} else {
		assert_int_equal(begun.body.len, 0);
	}
	reply_release(&begun);
}

static void answers__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *type, *body;
		int status;
		const char *code; /* NULL: not compared */
	} rows[] = {
		{"GET", BASE "/health", "", "", 200, NULL},
		{"HEAD", "/health", "", "", 200, NULL},
		{"GET", "/healthz", "", "", 200, NULL},
		{"GET", "/nope", "", "", 404, "not_found"},
		{"GET", BASE, "", "", 404, "not_found"},
		{"GET", BASE "/phase/1", "", "", 405, "method_not_allowed"},
		{"TRACE", BASE "/jobs", "", "", 405, "method_not_allowed"},
		{"OPTIONS", BASE "/phase/1", "", "", 204, NULL},
		{"OPTIONS", "/nope", "", "", 404, "not_found"},
		{"POST", BASE "/phase/1", "text/plain", "{}", 415, "unsupported_media_type"},
		{"POST", BASE "/phase/1", "application/jsonp", "{}", 415, "unsupported_media_type"},
		{"POST", BASE "/phase/1", "application/json; charset=latin1", "{}", 415,
			"unsupported_media_type"},
		{"POST", BASE "/phase/1", "", "", 400, "missing_field"},
		{"POST", BASE "/phase/1", "Application/JSON ; charset=\"UTF-8\"", "{}", 400, "missing_field"},
		{"POST", BASE "/phase/9", "application/json", "{", 400, "bad_json"},
		{"POST", BASE "/phase/9", "application/json", "7", 400, "body_not_object"},
		{"POST", BASE "/phase/9", "application/json", "{}", 400, "bad_phase"},
		{"POST", BASE "/step/9", "application/json", "{}", 400, "bad_step"},
		{"POST", BASE "/batch", "application/json", "{}", 400, "bad_batch"},
		{"POST", BASE "/jobs/7/hold", "", "", 400, "bad_id"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = request_for(rows[i].method, rows[i].path);
		struct reply reply;
		reply_init(&reply);
		request.param[PARAM_CONTENT_TYPE] = slice_text(rows[i].type);
		request.body = slice_text(rows[i].body);
		dispatch(&app, &request, &reply);
		begin_and_compare(request, &reply);
		if (reply.http_status != rows[i].status)
			fail_msg("%s %s: %d", rows[i].method, rows[i].path, reply.http_status);
		if (rows[i].code)
			assert_string_equal(problem_info(reply.problem)->code, rows[i].code);
		reply_release(&reply);
	}
}

static void strangers__learn_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		int status;
	} rows[] = {{BASE "/jobs", 401}, {"/nope", 401}, {BASE "/phase/1", 401}, {BASE "/health", 200},
		{"/healthz", 200}, {BASE "/openapi.json", 200}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = request_for("GET", rows[i].path);
		struct reply reply;
		reply_init(&reply);
		request.param[PARAM_REMOTE_ADDR] = slice_text("192.0.2.1");
		dispatch(&app, &request, &reply);
		assert_int_equal(reply.http_status, rows[i].status);
		if (rows[i].status == 401)
			assert_true(head_has(&reply, "WWW-Authenticate: Bearer"));
		reply_release(&reply);
	}
}

static void bodies__that_were_not_taken(void **state)
{
	(void)state;
	struct request request = request_for("POST", BASE "/phase/1");
	struct reply reply;
	reply_init(&reply);
	fault_set(&request.body_fault, PROBLEM_BODY_BUDGET, NULL, "later");
	dispatch(&app, &request, &reply);
	assert_int_equal(reply.http_status, 503);
	assert_true(head_has(&reply, "Retry-After: 1\r\n"));
	/* and the buffers serve the next request */
	reply_reset(&reply);
	request = request_for("GET", BASE "/health");
	dispatch(&app, &request, &reply);
	assert_int_equal(reply.http_status, 200);
	assert_false(head_has(&reply, "Retry-After"));
	reply_release(&reply);
}

/* An array of n numbers as the member x of a body that lacks its user. */
static struct buf body_of_values(size_t n)
{
	struct buf body = BUF_INIT(8 << 20);
	buf_text(&body, "{\"x\":[0");
	for (size_t i = 1; i < n; i++)
		buf_text(&body, ",0");
	buf_text(&body, "]}");
	return body;
}

static void bodies__with_too_many_values(void **state)
{
	(void)state;
	static const struct {
		size_t n;
		enum problem problem;
	} rows[] = {{999998, PROBLEM_MISSING_FIELD}, {999999, PROBLEM_BAD_JSON}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = request_for("POST", BASE "/phase/1");
		struct buf body = body_of_values(rows[i].n);
		struct reply reply;
		reply_init(&reply);
		request.body = buf_slice(&body);
		dispatch(&app, &request, &reply);
		assert_int_equal(reply.problem, rows[i].problem);
		assert_int_equal(pthread_mutex_trylock(&app.large_parse), 0);
		pthread_mutex_unlock(&app.large_parse);
		reply_release(&reply);
		buf_release(&body);
	}
}

/* "/jobs/{id}" as the table writes it: "/jobs/{}". Returns out. */
static const char *without_names(const char *path, char *out, size_t cap)
{
	size_t n = 0;
	bool inside = false;
	for (; *path && n + 1 < cap; path++) {
		inside = inside && *path != '}';
		if (!inside)
			out[n++] = *path;
		inside = inside || *path == '{';
	}
	out[n] = '\0';
	return out;
}

static bool table_has(const char *path, const char *method)
{
	char upper[16], pattern[128], whole[160];
	size_t len = strlen(method);
	assert_true(len < sizeof upper);
	for (size_t i = 0; i <= len; i++)
		upper[i] = (char)toupper((unsigned char)method[i]);
	for (size_t i = 0; i < routes_n; i++) {
		snprintf(whole, sizeof whole, "%s%s", routes[i].flags & ROUTE_ROOT ? "" : BASE,
			routes[i].pattern);
		if (strcmp(without_names(whole, pattern, sizeof pattern), path) == 0 &&
			strcmp(routes[i].method, upper) == 0)
			return true;
	}
	return false;
}

static void document__tells_the_routes(void **state)
{
	(void)state;
	struct request request = request_for("GET", BASE "/openapi.json");
	struct reply reply;
	json_t *document, *item, *operation;
	const char *path, *method;
	char pattern[128];
	size_t n = 0;
	reply_init(&reply);
	dispatch(&app, &request, &reply);
	assert_int_equal(jx_parse(reply_body(&reply), 64, &document, NULL), ST_OK);
	json_object_foreach(jx_get(document, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			if (!table_has(without_names(path, pattern, sizeof pattern), method))
				fail_msg("%s %s is in the document alone", method, path);
			n++;
		}
	}
	assert_int_equal(n, routes_n);
	json_decref(document);
	reply_release(&reply);
}

/* Who may read is not shown secrets; and what is misspelt is not taken for no. */
static void reveal__takes_the_scope_operate(void **state)
{
	(void)state;
	static const struct {
		void (*handle)(struct app *, const struct request *, struct reply *);
		const char *capture, *query;
		int status;
		const char *code;
	} rows[] = {
		{lookup_job, "01a2103f-d904-7000-8000-00005cac7b5c", "reveal=1", 403, "forbidden"},
		{lookup_jobs, "", "state=failed&reveal=1", 403, "forbidden"},
		{workflow_show, "w", "after=7&reveal=1", 403, "forbidden"},
		{lookup_job, "01a2103f-d904-7000-8000-00005cac7b5c", "reveal=yes", 400, "bad_query"},
		{lookup_jobs, "", "reveal=2", 400, "bad_query"},
		{workflow_show, "w", "reveal", 400, "bad_query"},
		{lookup_job, "01a2103f-d904-7000-8000-00005cac7b5c", "revael=1", 400, "bad_query"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = request_for("GET", BASE "/jobs");
		struct reply reply;
		reply_init(&reply);
		request.caller.scopes = SCOPE_READ | SCOPE_SUBMIT;
		request.capture = slice_text(rows[i].capture);
		request.param[PARAM_QUERY] = slice_text(rows[i].query);
		rows[i].handle(&app, &request, &reply);
		if (reply.http_status != rows[i].status ||
			strcmp(problem_info(reply.problem)->code, rows[i].code) != 0)
			fail_msg("row %zu: %d %s", i, reply.http_status, problem_info(reply.problem)->code);
		reply_release(&reply);
	}
	/* It selects no jobs, so it is no parameter of an act on them. */
	struct request request = request_for("POST", BASE "/jobs/retry");
	struct reply reply;
	reply_init(&reply);
	request.param[PARAM_QUERY] = slice_text("reveal=1");
	dispatch(&app, &request, &reply);
	assert_int_equal(reply.http_status, 400);
	reply_release(&reply);
}

static void document__tells_the_codes(void **state)
{
	(void)state;
	struct request request = request_for("GET", BASE "/openapi.json");
	struct reply reply;
	json_t *document, *codes, *code;
	size_t i;
	reply_init(&reply);
	dispatch(&app, &request, &reply);
	assert_int_equal(jx_parse(reply_body(&reply), 64, &document, NULL), ST_OK);
	codes = jx_path(document, "components.schemas.Error.properties.code.enum");
	for (int p = PROBLEM_NONE + 1; p < PROBLEM_N; p++) {
		bool found = false;
		json_array_foreach(codes, i, code) found =
			found || slice_is(jx_text(code), problem_info((enum problem)p)->code);
		if (!found)
			fail_msg("%s is not in the document", problem_info((enum problem)p)->code);
	}
	json_decref(document);
	reply_release(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers__as_a_table),
		cmocka_unit_test(strangers__learn_nothing),
		cmocka_unit_test(bodies__that_were_not_taken),
		cmocka_unit_test(bodies__with_too_many_values),
		cmocka_unit_test(reveal__takes_the_scope_operate),
		cmocka_unit_test(document__tells_the_routes),
		cmocka_unit_test(document__tells_the_codes),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}

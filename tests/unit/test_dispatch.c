/* tests/unit/test_dispatch.c: what happens around the handlers (access, methods, bodies that were not taken),
 * and that the API's document and the table of routes tell the same. Nothing here reaches the spool. */
#include "tests/support/unit.h"

#include "fcgi/dispatch.h"
#include "fcgi/handlers.h"
#include "fcgi/limit.h"
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
			assert_string_equal(problem_code(reply.problem), rows[i].code);
		reply_release(&reply);
	}
}

/* Before anything else is looked at, alone, and not where it would hurt: probes, and looking. */
static void rate__is_told_before_the_body(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *source, *body;
		int status;
	} rows[] = {
		{"POST", BASE "/phase/1", "slow", "{", 400},
		{"POST", BASE "/phase/1", "slow", "{", 429},
		{"POST", BASE "/batch", "slow", "{", 429},
		{"POST", BASE "/phase/1", "other", "{", 400},
		{"GET", BASE "/jobs/7", "slow", "", 400},
		{"GET", BASE "/jobs/7", "slow", "", 429},
		{"GET", BASE "/healthz", "slow", "", 200},
		{"GET", "/health", "slow", "", 200},
		{"GET", BASE "/nope", "slow", "", 404},
	};
	struct limit_counts before = limit_counts();
	opts.callers_n = 1;
	opts.caller[0] = (struct caller_opts){"slow", 1000, CONF_UNSET, CONF_UNSET, CONF_UNSET};
	opts.http.rate_burst = CONF_UNSET;
	app.rate = rate_new();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = request_for(rows[i].method, rows[i].path);
		struct reply reply;
		reply_init(&reply);
		request.param[PARAM_SOURCE] = slice_text(rows[i].source);
		request.body = slice_text(rows[i].body);
		dispatch(&app, &request, &reply);
		if (reply.http_status != rows[i].status)
			fail_msg("row %zu: %d", i, reply.http_status);
		assert_true(head_has(&reply, "Retry-After: 1\r\n") == (rows[i].status == 429));
		if (rows[i].status == 429)
			assert_true(head_has(&reply, "Status: 429 Too Many Requests\r\n"));
		reply_release(&reply);
	}
	assert_int_equal(limit_counts().rate_limited, before.rate_limited + 3);
	rate_free(app.rate);
	app.rate = NULL;
	opts.callers_n = 0;
}

/* A request that begins on one thread and goes on on another is one. */
static void rate__counts_once_what_is_handed_on(void **state)
{
	(void)state;
	struct intake intake;
	opts.http.rate_milli = 1000;
	opts.http.rate_burst = 1;
	app.rate = rate_new();
	struct request request = request_for("GET", BASE "/jobs/7");
	struct reply reply;
	reply_init(&reply);
	assert_int_equal(dispatch_begin(&app, &request, &intake, &reply), DISPATCH_MAY_BLOCK);
	dispatch(&app, &request, &reply);
	assert_int_equal(reply.http_status, 400);
	reply_reset(&reply);
	request = request_for("POST", BASE "/phase/1");
	request.body = slice_text("{");
	assert_int_equal(dispatch_begin(&app, &request, &intake, &reply), DISPATCH_ANSWERED);
	assert_int_equal(reply.http_status, 400);
	reply_reset(&reply);
	assert_int_equal(dispatch_begin(&app, &request, &intake, &reply), DISPATCH_ANSWERED);
	assert_int_equal(reply.http_status, 429);
	reply_release(&reply);
	rate_free(app.rate);
	app.rate = NULL;
	opts.http.rate_milli = 0;
}

/* One that makes up a name for each request is, in the end, its address. */
static void rate__of_made_up_names_is_that_of_their_peer(void **state)
{
	(void)state;
	size_t let_in = 0;
	opts.http.rate_milli = 1;
	opts.http.rate_burst = 1;
	app.rate = rate_new();
	for (int i = 0; i < 20000; i++) {
		char name[32];
		struct request request = request_for("GET", BASE "/jobs/7");
		struct reply reply;
		reply_init(&reply);
		snprintf(name, sizeof name, "made-up-%d", i);
		request.param[PARAM_SOURCE] = slice_text(name);
		dispatch(&app, &request, &reply);
		let_in += reply.http_status == 400;
		reply_release(&reply);
	}
	assert_int_equal(let_in, RATE_SETS * RATE_SAID_WAYS + 1);
	rate_free(app.rate);
	app.rate = NULL;
	opts.http.rate_milli = 0;
}

static void strangers__learn_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		int status;
	} rows[] = {{BASE "/jobs", 401}, {"/nope", 401}, {BASE "/phase/1", 401}, {BASE "/metrics", 401},
		{"/metrics", 401}, {BASE "/health", 200}, {"/healthz", 200}, {BASE "/openapi.json", 200}};
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

/* A page can make any browser send a GET: by an image, a link, a form. */
static void routes__that_change_something_are_posts(void **state)
{
	(void)state;
	size_t changing = 0;
	for (size_t i = 0; i < routes_n; i++) {
		bool changes =
			routes[i].scope & (SCOPE_SUBMIT | SCOPE_OPERATE) || routes[i].flags & ROUTE_SIGNED;
		changing += changes;
		if (changes && strcmp(routes[i].method, "POST") != 0)
			fail_msg("%s %s", routes[i].method, routes[i].pattern);
		/* A ticket changes nothing, but is for nobody else's page to ask for. */
		if (!changes && strcmp(routes[i].method, "GET") != 0 &&
			strcmp(routes[i].pattern, "/events/ticket") != 0)
			fail_msg("%s %s needs a scope that says that it changes something", routes[i].method,
				routes[i].pattern);
	}
	assert_true(changing >= 12);
}

/* Every route that changes something, asked for by a stranger's page through a browser on this very host. */
static void pages__of_others_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_n; i++) {
		char path[128];
		struct reply reply;
		if (strcmp(routes[i].method, "POST") != 0 || routes[i].flags & ROUTE_SIGNED)
			continue; /* no page can sign */
		snprintf(path, sizeof path, BASE "%s", routes[i].pattern);
		struct request request = request_for("POST", path);
		request.param[PARAM_HOST] = slice_text("127.0.0.1:8080");
		request.param[PARAM_ORIGIN] = slice_text("https://evil.example");
		reply_init(&reply);
		dispatch(&app, &request, &reply);
		assert_int_equal(reply.http_status, 403);
		assert_string_equal(problem_code(reply.problem), "cross_origin");
		begin_and_compare(request, &reply);
		reply_release(&reply);
	}
}

static void pages__that_are_listed(void **state)
{
	(void)state;
	static char origins[] = "https://app.example.com";
	static const struct {
		const char *method, *peer, *path, *origin, *asks;
		int status;
		bool is_shared;
	} rows[] = {
		/* a browser asks first, without credentials, and is told nothing of paths */
		{"OPTIONS", "192.0.2.1", BASE "/phase/1", "https://app.example.com", "POST", 204, true},
		{"OPTIONS", "192.0.2.1", "/nope", "https://app.example.com", "POST", 204, true},
		{"OPTIONS", "192.0.2.1", BASE "/phase/1", "https://evil.example", "POST", 401, false},
		{"OPTIONS", "192.0.2.1", BASE "/phase/1", "https://app.example.com", "", 401, true},
		{"OPTIONS", "127.0.0.1", BASE "/phase/1", "https://evil.example", "POST", 204, false},
		/* then it may read what comes, refusals too */
		{"POST", "127.0.0.1", BASE "/phase/1", "https://app.example.com", "", 400, true},
		{"POST", "192.0.2.1", BASE "/phase/1", "https://app.example.com", "", 401, true},
		{"GET", "127.0.0.1", BASE "/health", "https://app.example.com", "", 200, true},
		{"GET", "127.0.0.1", BASE "/health", "https://evil.example", "", 200, false},
		{"GET", "127.0.0.1", BASE "/health", "", "", 200, false},
	};
	opts.http.cors_origins = origins;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = request_for(rows[i].method, rows[i].path);
		struct reply reply;
		reply_init(&reply);
		request.param[PARAM_REMOTE_ADDR] = slice_text(rows[i].peer);
		request.param[PARAM_HOST] = slice_text("127.0.0.1:8080");
		request.param[PARAM_ORIGIN] = slice_text(rows[i].origin);
		request.param[PARAM_ACCESS_CONTROL_REQUEST_METHOD] = slice_text(rows[i].asks);
		dispatch(&app, &request, &reply);
		if (reply.http_status != rows[i].status)
			fail_msg("row %zu: %d", i, reply.http_status);
		assert_int_equal(head_has(&reply, "Access-Control-Allow-Origin: https://app.example.com\r\n"),
			rows[i].is_shared);
		assert_int_equal(head_has(&reply, "Access-Control-Allow-Methods: "),
			rows[i].status == 204 && rows[i].is_shared);
		assert_true(head_has(&reply, "Vary: Origin\r\n"));
		assert_false(head_has(&reply, "Allow-Credentials"));
		reply_release(&reply);
	}
	opts.http.cors_origins = NULL;
}

/* None is listed by default, and then nothing is said to any page. */
static void pages__none_is_listed(void **state)
{
	(void)state;
	struct request request = request_for("OPTIONS", BASE "/phase/1");
	struct reply reply;
	reply_init(&reply);
	request.param[PARAM_ORIGIN] = slice_text("https://app.example.com");
	request.param[PARAM_ACCESS_CONTROL_REQUEST_METHOD] = slice_text("POST");
	request.param[PARAM_HOST] = slice_text("localhost");
	dispatch(&app, &request, &reply);
	assert_int_equal(reply.http_status, 204);
	assert_false(head_has(&reply, "Access-Control"));
	assert_false(head_has(&reply, "Vary"));
	reply_release(&reply);
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

static const struct route *find_row(const char *path, const char *method)
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
			return &routes[i];
	}
	return NULL;
}

/* A route that needs a scope names it, and is open to who needs no token; it tells of both refusals. */
static void assert_tells_scope(const json_t *operation, const struct route *row, const char *path)
{
	json_t *security = jx_get(operation, "security"), *responses = jx_get(operation, "responses");
	json_t *scopes = jx_get(json_array_get(security, 0), "bearer");
	if (row->scope == SCOPE_NONE) {
		if (!json_is_array(security) || json_array_size(security) != 0)
			fail_msg("%s is for everybody", path);
		return;
	}
	if (!slice_is(jx_text(json_array_get(scopes, 0)), scope_name(row->scope)) ||
		json_array_size(scopes) != 1 || json_array_size(security) != 2 ||
		json_object_size(json_array_get(security, 1)) != 0)
		fail_msg("%s: wanted the scope %s", path, scope_name(row->scope));
	if (!jx_get(responses, "401") || !jx_get(responses, "403"))
		fail_msg("%s does not tell of its refusals", path);
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
			const struct route *row =
				find_row(without_names(path, pattern, sizeof pattern), method);
			if (!row)
				fail_msg("%s %s is in the document alone", method, path);
			assert_tells_scope(operation, row, path);
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
			strcmp(problem_code(reply.problem), rows[i].code) != 0)
			fail_msg("row %zu: %d %s", i, reply.http_status, problem_code(reply.problem));
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
			found || slice_is(jx_text(code), problem_code((enum problem)p));
		if (!found)
			fail_msg("%s is not in the document", problem_code((enum problem)p));
	}
	json_decref(document);
	reply_release(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers__as_a_table),
		cmocka_unit_test(rate__is_told_before_the_body),
		cmocka_unit_test(rate__counts_once_what_is_handed_on),
		cmocka_unit_test(rate__of_made_up_names_is_that_of_their_peer),
		cmocka_unit_test(strangers__learn_nothing),
		cmocka_unit_test(routes__that_change_something_are_posts),
		cmocka_unit_test(pages__of_others_change_nothing),
		cmocka_unit_test(pages__that_are_listed),
		cmocka_unit_test(pages__none_is_listed),
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

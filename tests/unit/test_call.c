/* tests/unit/test_call.c: how a row of configuration and a job become a request, and the token it carries. */
#include "tests/support/unit.h"
#include "worker/call.h"
#include "worker/jwt.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	struct opts opts;
	struct job job;
	struct run run;
};

/* The configuration anew, from this text and two URLs. */
static void configure(struct fixture *f, const char *text)
{
	char path[] = "/tmp/clario-call-XXXXXX";
	struct why why = WHY_INIT;
	FILE *out = fdopen(mkstemp(path), "w");
	assert_non_null(out);
	fprintf(out,
		"[receiver.python]\nurl = http://py:8000/base/\n[receiver.integrations]\nurl = "
		"http://node:3001\n%s",
		text);
	fclose(out);
	opts_release(&f->opts);
	if (opts_load(path, &f->opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	unlink(path);
}

static int setup(void **state)
{
	static const char *const names[] = {
		"INTEGRATIONS_URL", "PYTHON_API_URL", "PYTHON_API_JWT_SECRET", "INTERNAL_API_KEY"};
	struct fixture *f = calloc(1, sizeof *f);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	configure(f, "");
	f->job = (struct job){
		.id = {{1, 2, 3}},
		.phase = 7,
		.attempts_made = 2,
		.lease = {.token = 3},
		.workflow_id = slice_text("payout_c"),
		.user_id = slice_text("user-1"),
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	opts_release(&f->opts);
	free(f);
	return 0;
}

static enum status build_why(
	struct fixture *f, const char *payload, int call, struct call_request *out, struct why *why)
{
	f->job.payload = slice_text(payload);
	assert_int_equal(run_open(&f->run, &f->opts, &f->job, (struct moment){1000000, 0, 0}), ST_OK);
	enum status st = call_build(out, &f->run, phase_handler(7), call, why);
	run_release(&f->run);
	return st;
}

static enum status build(struct fixture *f, const char *payload, int call, struct call_request *out)
{
	struct why why = WHY_INIT;
	return build_why(f, payload, call, out, &why);
}

static const char *header(const struct call_request *r, const char *name)
{
	for (size_t i = 0; i < r->headers_n; i++)
		if (strncmp(r->headers[i], name, strlen(name)) == 0 && r->headers[i][strlen(name)] == ':')
			return r->headers[i] + strlen(name) + 2;
	return "";
}

static void url__claim_ids_cannot_leave_their_place(void **state)
{
	static const struct {
		const char *claim, *segment;
	} rows[] = {
		{"\"c-1\"", "c-1"},
		{"\"a/../../x?y=1\"", "a%2F..%2F..%2Fx%3Fy%3D1"},
		{"\"..\"", "%2E%2E"},
		{"\".\"", "%2E"},
		{"\"a b#c%d\"", "a%20b%23c%25d"},
		{"\"\xc3\xa9\"", "%C3%A9"},
		{"42", "42"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char payload[200], want[300];
		struct call_request r = {0};
		snprintf(payload, sizeof payload, "{\"claim_id\":%s,\"amount\":1}", rows[i].claim);
		snprintf(want, sizeof want, "http://py:8000/base/api/v1/evidence/proof-packets/%s/generate",
			rows[i].segment);
		assert_int_equal(build(*state, payload, CALL_PROOF_PACKET, &r), ST_OK);
		assert_string_equal(r.request.url, want);
		call_release(&r);
	}
}

static void headers__by_kind_of_credentials(void **state)
{
	struct fixture *f = *state;
	struct call_request r = {0};
	struct why why = WHY_INIT;
	assert_int_equal(build(f, "{\"claim_id\":\"c\",\"amount\":1}", CALL_FEE, &r), ST_OK);
	assert_string_equal(header(&r, "Idempotency-Key"), "01020300-0000-0000-0000-000000000000:fee");
	assert_string_equal(header(&r, "X-Clario-Attempt"), "2");
	assert_string_equal(header(&r, "X-Clario-Lease"), "3");
	assert_string_equal(header(&r, "X-User-Id"), "user-1");
	assert_string_equal(header(&r, "X-Internal-Api-Key"), ""); /* none is configured */
	assert_string_equal(header(&r, "Authorization"), "");
	call_release(&r);
	assert_int_equal(
		conf_set(opts_rows, opts_rows_n, &f->opts, "receiver", "internal-api-key", "k", &why), 0);
	assert_int_equal(
		conf_set(opts_rows, opts_rows_n, &f->opts, "receiver", "python-jwt-secret", "s", &why), 0);
	assert_int_equal(build(f, "{\"claim_id\":\"c\",\"amount\":1}", CALL_FEE, &r), ST_OK);
	assert_string_equal(header(&r, "X-Internal-Api-Key"), "k");
	call_release(&r);
	assert_int_equal(build(f, "{\"claim_id\":\"c\",\"amount\":1}", CALL_PROOF_PACKET, &r), ST_OK);
	assert_memory_equal(header(&r, "Authorization"), "Bearer eyJ", 10);
	assert_string_equal(header(&r, "X-User-Id"), "");
	call_release(&r);
}

static void receiver__that_is_not_configured_is_for_later(void **state)
{
	struct fixture *f = *state;
	struct call_request r = {0};
	struct why why = WHY_INIT;
	assert_int_equal(conf_set(opts_rows, opts_rows_n, &f->opts, "receiver.python", "url", "", &why), 0);
	assert_int_equal(build(f, "{\"claim_id\":\"c\",\"amount\":1}", CALL_PROOF_PACKET, &r), ST_BUSY);
	call_release(&r);
}

#define OWN "[receiver.shop]\nurl = https://shop\n[call.own]\nphase = 7\nreceiver = shop\nmethod = PUT\n"

static void own__path_holds_what_the_job_has(void **state)
{
	static const struct {
		const char *path, *payload, *url; /* NULL: the call is impossible */
	} rows[] = {
		{"/x?y=1", "{}", "https://shop/x?y=1"},
		{"/{workflow_id}/{user_id}", "{}", "https://shop/payout_c/user-1"},
		{"/{job_id}", "{}", "https://shop/01020300-0000-0000-0000-000000000000"},
		{"/{payload.sku}/end", "{\"sku\":\"a/b\"}", "https://shop/a%2Fb/end"},
		{"/{payload.sku}", "{\"sku\":\"..\"}", "https://shop/%2E%2E"},
		{"/{payload.n}", "{\"n\": 1.50e+2 }", "https://shop/1.50e%2B2"},
		{"/{payload.a.b}", "{\"a.b\":7,\"a\":{\"b\":8}}", "https://shop/7"},
		{"/{payload.n}", "{\"n\":1,\"\\u006e\":2}", "https://shop/2"},
		{"/{claim_id}?k={payload.k}", "{\"claim_id\":5,\"k\":\"a&b=c#\\r\\n\"}",
			"https://shop/5?k=a%26b%3Dc%23%0D%0A"},
		{"/{payload.sku}", "{}", NULL},
		{"/{payload.sku}", "{\"sku\":\"\"}", NULL},
		{"/{payload.sku}", "{\"sku\":null}", NULL},
		{"/{payload.sku}", "{\"sku\":true}", NULL},
		{"/{payload.sku}", "{\"sku\":{\"a\":1}}", NULL},
		{"/{payload.sku}", "{\"sku\":[\"a\"]}", NULL},
		{"/{claim_id}", "{}", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[300];
		struct call_request r = {0};
		struct why why = WHY_INIT;
		snprintf(text, sizeof text, OWN "path = %s\n", rows[i].path);
		configure(*state, text);
		enum status st = build_why(*state, rows[i].payload, CALL_N, &r, &why);
		if (rows[i].url) {
			assert_int_equal(st, ST_OK);
			assert_string_equal(r.request.url, rows[i].url);
			assert_string_equal(r.request.method, "PUT");
		} else {
			assert_int_equal(st, ST_INVALID);
			assert_non_null(strstr(why.text, "in its path: the job has no such text or number"));
		}
		call_release(&r);
	}
}

static void assert_is_json(struct slice text)
{
	json_t *json;
	struct why why = WHY_INIT;
	if (jx_parse(text, 64, &json, &why) != ST_OK)
		fail_msg("%s: %.*s", why.text, SLICE_ARG(text));
	json_decref(json);
}

/* Whatever a value holds, it cannot leave its place; what is no text of ours keeps its bytes. */
static void own__body_holds_values_byte_for_byte(void **state)
{
	static const struct {
		const char *template, *payload, *body;
	} rows[] = {
		{"", "{\"a\": 1.10}", "{\"a\": 1.10}"},
		{"", "\xef\xbb\xbf{\"a\":1}", "{\"a\":1}"},
		{"{}", "{\"a\":1}", "{}"},
		{"[${user_id},${workflow_id},${job_id}]", "{}",
			"[\"user-1\",\"payout_c\",\"01020300-0000-0000-0000-000000000000\"]"},
		{"{\"p\":${payload}}", "\xef\xbb\xbf {\"a\": 1e2} ", "{\"p\":{\"a\": 1e2} }"},
		{"{\"c\":${claim_id}}", "{\"claim_id\":\"c\\u0022\\\"},{\"}", "{\"c\":\"c\\u0022\\\"},{\"}"},
		{"{\"c\":${claim_id}}", "{\"claim_id\":12}", "{\"c\":12}"},
		{"{\"c\":${claim_id}}", "{}", "{\"c\":null}"},
		{"{\"a\":${payload.amount},\"b\":${payload.b},\"c\":${payload.none}}",
			"{\"amount\":120.50,\"b\":[{\"x\":\"]}\"}, -0]}",
			"{\"a\":120.50,\"b\":[{\"x\":\"]}\"}, -0],\"c\":null}"},
		{"{\"a\":${payload.a}}", "{\"a\":1,\"a\":2}", "{\"a\":2}"},
		/* A name is the same however it is written. */
		{"{\"a\":${payload.a}}", "{\"a\":1,\"\\u0061\":2}", "{\"a\":2}"},
		{"{\"c\":${claim_id}}", "{\"cl\\u0061im_\\u0069d\":7,\"claim_i\":8}", "{\"c\":7}"},
		{"{\"a\":${payload.\xf0\x9f\x98\x80\xc3\xa9/\xe2\x82\xac}}",
			"{\"\\ud83d\\ude00\\u00E9\\/\\u20ac\":3,\"\\n\":4}", "{\"a\":3}"},
		{"{\"$\":\"{user_id}\",\"t\":${payload.t}}", "{\"t\":true}",
			"{\"$\":\"{user_id}\",\"t\":true}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400];
		struct call_request r = {0};
		snprintf(text, sizeof text, OWN "path = /x\nbody = %s\n", rows[i].template);
		configure(*state, text);
		assert_int_equal(build(*state, rows[i].payload, CALL_N, &r), ST_OK);
		assert_is_json(r.request.body);
		if (!slice_is(r.request.body, rows[i].body))
			fail_msg("%s: %.*s", rows[i].body, SLICE_ARG(r.request.body));
		call_release(&r);
	}
}

static void own__user_ids_are_escaped_in_bodies(void **state)
{
	struct fixture *f = *state;
	struct call_request r = {0};
	configure(f, OWN "path = /x\nbody = {\"u\":${user_id}}\n");
	f->job.user_id = slice_text("a\",\"admin\":\"\\\n");
	assert_int_equal(build(f, "{}", CALL_N, &r), ST_OK);
	assert_string_equal(r.request.body.p, "{\"u\":\"a\\\",\\\"admin\\\":\\\"\\\\\\n\"}");
	call_release(&r);
}

static void template__in_place_of_a_handlers_body(void **state)
{
	struct call_request r = {0};
	configure(*state, "[call.fee]\nbody = {\"of\": ${payload.amount}}\n");
	assert_int_equal(build(*state, "{\"claim_id\":\"c\",\"amount\":1.0}", CALL_FEE, &r), ST_OK);
	assert_string_equal(r.request.body.p, "{\"of\": 1.0}");
	assert_string_equal(r.request.url, "http://node:3001/api/v1/stripe/process-fee");
	call_release(&r);
}

static void auth__of_each_kind(void **state)
{
	static const struct {
		const char *rows, *name, *value; /* value: how it begins */
		const char *absent;
	} rows[] = {
		{"auth = none\n", "Idempotency-Key", "01020300-0000-0000-0000-000000000000:own",
			"Authorization"},
		{"auth = header\nauth-header = X-Api-Key\nsecret = v1 x\n", "X-Api-Key", "v1 x", "X-User-Id"},
		{"auth = header\nauth-header = Authorization\nsecret = Basic abc=\n", "Authorization",
			"Basic abc=", "X-Internal-Api-Key"},
		{"auth = api-key\n", "X-Internal-Api-Key", "general", "Authorization"},
		{"auth = api-key\nsecret = own\n", "X-Internal-Api-Key", "own", "Authorization"},
		{"auth = api-key\nsecret = own\n", "X-User-Id", "user-1", "Authorization"},
		{"auth = jwt\n", "Authorization", "Bearer eyJ", "X-User-Id"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400];
		struct call_request r = {0};
		snprintf(text, sizeof text,
			OWN "path = /x\n%s[receiver]\ninternal-api-key = general\npython-jwt-secret = s\n",
			rows[i].rows);
		configure(*state, text);
		assert_int_equal(build(*state, "{}", CALL_N, &r), ST_OK);
		assert_memory_equal(header(&r, rows[i].name), rows[i].value, strlen(rows[i].value));
		assert_string_equal(header(&r, rows[i].absent), "");
		call_release(&r);
	}
}

/* A call's own secret signs its token: the same job, another signature. */
static void auth__token_by_the_calls_own_secret(void **state)
{
	char tokens[3][600];
	static const char *const rows[] = {"", "secret = other\n", "secret = s\n"};
	for (size_t i = 0; i < 3; i++) {
		char text[400];
		struct call_request r = {0};
		snprintf(text, sizeof text,
			OWN "path = /x\nauth = jwt\n%s[receiver]\npython-jwt-secret = s\n", rows[i]);
		configure(*state, text);
		assert_int_equal(build(*state, "{}", CALL_N, &r), ST_OK);
		snprintf(tokens[i], sizeof tokens[i], "%s", header(&r, "Authorization"));
		call_release(&r);
	}
	assert_string_not_equal(tokens[0], tokens[1]);
	assert_string_equal(tokens[0], tokens[2]);
}

static void traceparent__new_span_same_trace(void **state)
{
	(void)state;
	static const char given[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	char one[56], two[56];
	assert_true(call_traceparent(slice_text(given), 1, one));
	assert_true(call_traceparent(slice_text(given), UINT64_MAX, two));
	assert_memory_equal(one, given, 36);
	assert_string_equal(one + 52, "-01");
	assert_string_not_equal(one, given);
	assert_string_not_equal(one, two);
	assert_false(call_traceparent(slice_text("00-short"), 1, one));
	assert_false(call_traceparent((struct slice)SLICE_INIT, 1, one));
}

static void base64url__each_length(void **state)
{
	(void)state;
	static const char *const want[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
	for (size_t len = 0; len <= 6; len++) {
		struct buf out = BUF_INIT(64);
		jwt_base64url(slice_of("foobar", len), &out);
		assert_string_equal(out.p ? out.p : "", want[len]);
		buf_release(&out);
	}
}

static void jwt__is_signed_as_rfc_7515_says(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(4096);
	assert_int_equal(jwt_sign(slice_text("secret"), slice_text("u\"1"), 1700000000, &out), ST_OK);
	/* Made with another implementation: header, claims, HMAC-SHA256 under "secret". */
	assert_string_equal(out.p,
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
		"eyJ1c2VyX2lkIjoidVwiMSIsInJvbGUiOiJzZXJ2aWNlX3dvcmtlciIsImlzcyI6ImludGVncmF0aW9ucy1iYWNrZW5k"
		"IiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDAzMDB9."
		"jI6lRgXeGg1yggqnr8n23zZ61dUgkWLQqnLwK7v7Wu8");
	buf_release(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(url__claim_ids_cannot_leave_their_place),
		CASE(headers__by_kind_of_credentials),
		CASE(receiver__that_is_not_configured_is_for_later),
		CASE(own__path_holds_what_the_job_has),
		CASE(own__body_holds_values_byte_for_byte),
		CASE(own__user_ids_are_escaped_in_bodies),
		CASE(template__in_place_of_a_handlers_body),
		CASE(auth__of_each_kind),
		CASE(auth__token_by_the_calls_own_secret),
		cmocka_unit_test(traceparent__new_span_same_trace),
		cmocka_unit_test(base64url__each_length),
		cmocka_unit_test(jwt__is_signed_as_rfc_7515_says),
	};
	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}

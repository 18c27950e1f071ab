/* tests/unit/test_call.c: how a row of configuration and a job become a request, and the token it carries. */
#include "tests/support/unit.h"
#include "worker/call.h"
#include "worker/jwt.h"

#include <string.h>

struct fixture {
	struct opts opts;
	struct job job;
	struct run run;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct why why = WHY_INIT;
	if (opts_load("/dev/null", &f->opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(conf_set(opts_rows, opts_rows_n, &f->opts, "receiver", "python-url",
				 "http://py:8000/base/", &why),
		0);
	assert_int_equal(conf_set(opts_rows, opts_rows_n, &f->opts, "receiver", "integrations-url",
				 "http://node:3001", &why),
		0);
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

static enum status build(
	struct fixture *f, const char *payload, enum call_name call, struct call_request *out)
{
	struct why why = WHY_INIT;
	f->job.payload = slice_text(payload);
	assert_int_equal(run_open(&f->run, &f->opts, &f->job, (struct moment){1000000, 0, 0}), ST_OK);
	enum status st = call_build(out, &f->run, phase_handler(7), call, &why);
	run_release(&f->run);
	return st;
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
		struct call_request r;
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
	struct call_request r;
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
	struct call_request r;
	struct why why = WHY_INIT;
	assert_int_equal(conf_set(opts_rows, opts_rows_n, &f->opts, "receiver", "python-url", "", &why), 0);
	assert_int_equal(build(f, "{\"claim_id\":\"c\",\"amount\":1}", CALL_PROOF_PACKET, &r), ST_BUSY);
	call_release(&r);
}

static void traceparent__new_span_same_trace(void **state)
{
	(void)state;
	static const char given[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	char one[56], two[56];
	assert_true(call_traceparent(slice_text(given), one));
	assert_true(call_traceparent(slice_text(given), two));
	assert_memory_equal(one, given, 36);
	assert_string_equal(one + 52, "-01");
	assert_string_not_equal(one, given);
	assert_string_not_equal(one, two);
	assert_false(call_traceparent(slice_text("00-short"), one));
	assert_false(call_traceparent((struct slice)SLICE_INIT, one));
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
		cmocka_unit_test(traceparent__new_span_same_trace),
		cmocka_unit_test(base64url__each_length),
		cmocka_unit_test(jwt__is_signed_as_rfc_7515_says),
	};
	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}

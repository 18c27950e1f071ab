/* tests/wire/test_refusals.c: one caller after the other that is refused, of every kind that there is, and by
 * the thousands: nothing of it stays, neither memory nor threads nor descriptors nor a job.
 *
 * WIRE_REFUSALS: of each kind. */
#include "tests/wire/wire.h"

#include <stdio.h>
#include <string.h>

/* One of each kind that there is; the body is BIG, or a trigger that is right unless another is given, or
 * none. Of the headers "@NAME" is that token. */
enum { BIG = 64 << 10 };
static const struct refusal_kind {
	const char *name, *method, *path, *headers;
	bool is_big;
	int status;
	const char *code;
	const char *body;
} kinds[] = {
	{"no credentials", "POST", API "/phase/2", "X-Forwarded-For: 192.0.2.1\n", false, 401, "unauthorized",
		NULL},
	{"a token that is none", "POST", API "/phase/2", "Authorization: Bearer abc\n", false, 401,
		"unauthorized", NULL},
	{"a token that is not known", "POST", API "/phase/2",
		"Authorization: Bearer clw_0123456789ab_"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		false, 401, "unauthorized", NULL},
	{"a token without the scope", "POST", API "/phase/2", "@reader", false, 403, "forbidden", NULL},
	{"a token for another phase", "POST", API "/phase/2", "@other", false, 403, "forbidden", NULL},
	{"a wrong signature", "POST", API "/webhooks/cases",
		"webhook-id: x\nwebhook-timestamp: 1790000000\nwebhook-signature: v1,AAAA v1,BBBB\n", false,
		401, "unauthorized", NULL},
	{"no signature", "POST", API "/webhooks/cases", "", false, 401, "unauthorized", NULL},
	{"no such source", "POST", API "/webhooks/nobody", "", false, 401, "unauthorized", NULL},
	{"too fast", "POST", API "/phase/2", "X-Clario-Source: fast\n", false, 429, "rate_limited", NULL},
	{"too many", "POST", API "/phase/2", "X-Clario-Source: full\n", false, 429, "quota_exceeded", NULL},
	{"a body that is no JSON", "POST", API "/phase/2", "", false, 400, "bad_json", "{\"user_id\":"},
	{"a field that is absent", "POST", API "/phase/2", "", false, 400, "missing_field", "{}"},
	{"no credentials, large", "POST", API "/phase/2", "X-Real-IP: 192.0.2.1\n", true, 401, "unauthorized",
		NULL},
	{"another origin's page", "POST", API "/phase/2", "Origin: https://evil.example\n", false, 403,
		"cross_origin", NULL},
	{"a name turned around", "GET", API "/jobs", "Host: evil.example\nSec-Fetch-Site: same-origin\n",
		false, 403, "unknown_host", NULL},
	{"no such path", "GET", API "/nothing", "", false, 404, "not_found", NULL},
	{"no such path, of nginx", "GET", "/nothing", "", false, 404, "not_found", NULL},
	{"no such method", "PUT", API "/phase/2", "", false, 405, "method_not_allowed", NULL},
	{"too large", "POST", API "/phase/2", "", true, 413, "body_too_large", NULL},
	{"another type", "POST", API "/phase/2", "Content-Type: text/xml\n", false, 415,
		"unsupported_media_type", NULL},
	{"a bad header", "POST", API "/phase/2", "X-Priority: nonsense\n", false, 400, "bad_header", NULL},
	{"a bad query", "GET", API "/jobs?limit=x", "", false, 400, "bad_query", NULL},
};

static struct {
	const char *name, *limits;
	char header[128];
} tokens[] = {{"@reader", "--scope read", ""}, {"@other", "--scope submit --phase 3", ""}};
enum { TOKENS = sizeof tokens / sizeof *tokens };

static void make_tokens(struct instance *in)
{
	for (size_t i = 0; i < TOKENS; i++) {
		char args[128], out[128];
		snprintf(args, sizeof args, "token add %s %s 2>/dev/null", tokens[i].name + 1,
			tokens[i].limits);
		assert_int_equal(instance_tool(in, args, out, sizeof out), 0);
		snprintf(tokens[i].header, sizeof tokens[i].header, "Authorization: Bearer %.*s\n",
			(int)strcspn(out, "\n"), out);
	}
	clock_sleep_ms(1000);
}

/* One caller has all that it may have in the spool, one has come as often as it may. */
static void use_up(struct instance *in)
{
	static const char *const callers[] = {"full\nX-Delay: 1h", "fast"};
	for (size_t i = 0; i < 2; i++) {
		char headers[200], body[100];
		snprintf(headers, sizeof headers, "Content-Type: application/json\nX-Clario-Source: %s\n",
			callers[i]);
		snprintf(body, sizeof body, "{\"user_id\":\"u\",\"sync_id\":\"used-up-%zu\"}", i);
		struct answer a = request(in, "POST", API "/phase/2", headers, body);
		assert_int_equal(a.status, 200);
		answer_release(&a);
	}
}

static int setup_small(void **state)
{
	*state = instance_start("http.max-body=1k caller.fast.rate=0.001 caller.fast.burst=1 "
				"caller.full.max-jobs=1 "
				"webhook.cases.secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "
				"webhook.cases.phase=6 webhook.cases.user-id=/u webhook.cases.claim-id=/c "
				"webhook.cases.reason=/r");
	make_tokens(*state);
	use_up(*state);
	return 0;
}

static const char *headers_of(const struct refusal_kind *kind)
{
	for (size_t i = 0; i < TOKENS; i++)
		if (strcmp(kind->headers, tokens[i].name) == 0)
			return tokens[i].header;
	return kind->headers;
}

static void refuse(struct instance *in, const struct refusal_kind *kind, unsigned long n)
{
	static char big[BIG + 1];
	char headers[300];
	memset(big, ' ', BIG);
	snprintf(headers, sizeof headers, "%s%s", headers_of(kind),
		strstr(kind->headers, "Content-Type") ? "" : "Content-Type: application/json\n");
	const char *body = kind->is_big ? big
			   : kind->body ? kind->body
					: "{\"user_id\":\"u\",\"sync_id\":\"refused\"}";
	if (strcmp(kind->method, "GET") == 0)
		body = NULL;
	for (unsigned long i = 0; i < n; i++) {
		struct answer a = request(in, kind->method, kind->path, headers, body);
		wire_expect(&a, kind->status, kind->code, kind->name, i);
		answer_release(&a);
	}
}

static void refusals__of_every_kind_cost_nothing_that_stays(void **state)
{
	enum { KINDS = sizeof kinds / sizeof *kinds };
	struct instance *in = *state;
	pid_t pid = instance_pid(in, FCGI);
	unsigned long n = wire_setting("WIRE_REFUSALS", 1000);
	uint64_t accepted = wire_accepted(in);
	for (size_t i = 0; i < KINDS; i++)
		refuse(in, &kinds[i], 50);
	clock_sleep_ms(100);
	size_t descriptors = process_descriptors(pid);
	long threads = process_number(pid, "status", "Threads:"), most = 0;
	for (size_t i = 0; i < KINDS; i++) {
		long memory = process_memory(pid);
		refuse(in, &kinds[i], n);
		long grown = process_memory(pid) - memory;
		most = grown > most ? grown : most;
		assert_int_equal(process_number(pid, "status", "Threads:"), threads);
		process_expect_descriptors(pid, descriptors, kinds[i].name);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		if (grown >= 1024)
			fail_msg("%s: private memory %+ld KiB", kinds[i].name, grown);
#endif
	}
	report("%d kinds of refusals, %lu of each: private memory %+ld KiB at most\n", (int)KINDS, n, most);
	assert_int_equal(instance_pid(in, FCGI), pid);
	assert_int_equal(wire_accepted(in), accepted);
}

/* clario-fcgi reads what it refuses to the end: nginx loses the answer of a peer that closed on it. */
static void bodies__far_too_large_are_told_so(void **state)
{
	enum { MIB = 1 << 20 };
	static const struct {
		size_t size;
		unsigned times;
	} rows[] = {{2 * MIB, 60}, {MIB + 1024, 60}, {9 * MIB, 5}};
	struct instance *in = *state;
	char *body = malloc(9 * MIB);
	memset(body, ' ', 9 * MIB);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (unsigned n = 0; n < rows[i].times; n++) {
			struct answer a = request_bytes(in, "POST", API "/phase/2",
				"Content-Type: application/json\n", body, rows[i].size);
			wire_expect(&a, 413, "body_too_large", "far too large", n);
			answer_release(&a);
		}
	free(body);
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			refusals__of_every_kind_cost_nothing_that_stays, setup_small, teardown),
		cmocka_unit_test_setup_teardown(bodies__far_too_large_are_told_so, setup_small, teardown),
	};
	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}

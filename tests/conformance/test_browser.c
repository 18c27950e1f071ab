/* tests/conformance/test_browser.c: what pages can do to an instance through the real nginx, and what every
 * answer tells browsers, whoever gives it. */
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PAGE "https://app.example.com"

static int setup(void **state)
{
	*state = instance_start("http.cors-origins=" PAGE " http.max-body=1M");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void expect(struct instance *in, const char *method, const char *path, const char *headers, int status,
	const char *code)
{
	struct answer a = request(in, method, path, headers,
		strcmp(method, "POST") == 0 ? "{\"user_id\":\"u\",\"sync_id\":\"s\"}" : NULL);
	if (a.status != status || (code && strcmp(answer_text(&a, "code"), code) != 0))
		fail_msg("%s %s with %s: %ld %s", method, path, headers, a.status, a.body ? a.body : "");
	answer_release(&a);
}

#define JSON_TYPE "Content-Type: application/json\n"

/* All from an address that needs no credentials, as the browser of somebody who works on this host. */
static void pages__of_others_are_refused(void **state)
{
	struct instance *in = *state;
	static const char *const posts[] = {"/phase/2", "/batch", "/queue/pause", "/queue/resume",
		"/queue/clean?status=failed&grace=0", "/jobs/retry?state=failed",
		"/jobs/01a2103f-d904-7000-8000-00005cac7b5c/cancel"};
	static const char *const signs[] = {
		"Origin: https://evil.example",
		"Origin: null",
		"Origin: http://127.0.0.1:1",
		"Sec-Fetch-Site: cross-site",
		"Sec-Fetch-Site: same-site",
	};
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++)
		for (size_t k = 0; k < sizeof signs / sizeof *signs; k++) {
			char path[160], headers[200];
			snprintf(path, sizeof path, API "%s", posts[i]);
			snprintf(headers, sizeof headers, JSON_TYPE "%s", signs[k]);
			expect(in, "POST", path, headers, 403, "cross_origin");
		}
	/* its name made to lead here */
	expect(in, "POST", API "/phase/2", JSON_TYPE "Host: evil.example\nOrigin: http://evil.example", 403,
		"unknown_host");
	expect(in, "GET", API "/jobs", "Host: evil.example\nSec-Fetch-Site: same-origin", 403,
		"unknown_host");
	/* and what goes on as ever */
	expect(in, "POST", API "/phase/2", JSON_TYPE, 200, NULL);
	expect(in, "POST", API "/phase/2", JSON_TYPE "Sec-Fetch-Mode: cors\nUser-Agent: node", 200, NULL);
	expect(in, "POST", API "/phase/2", JSON_TYPE "Host: clario.example.com", 200, NULL);
	expect(in, "GET", API "/jobs", "Sec-Fetch-Site: none", 200, NULL);
}

static void pages__that_are_listed_may_call(void **state)
{
	struct instance *in = *state;
	char value[512], own[200];
	struct answer a = request(in, "OPTIONS", API "/phase/2",
		"Origin: " PAGE "\nAccess-Control-Request-Method: POST\n"
		"Access-Control-Request-Headers: content-type,idempotency-key",
		NULL);
	assert_int_equal(a.status, 204);
	assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin", value), PAGE);
	assert_non_null(strstr(answer_header(&a, "Access-Control-Allow-Methods", value), "POST"));
	assert_non_null(strstr(answer_header(&a, "Access-Control-Allow-Headers", value), "Idempotency-Key"));
	assert_string_equal(answer_header(&a, "Access-Control-Allow-Credentials", value), "");
	answer_release(&a);
	a = request(in, "POST", API "/phase/2", JSON_TYPE "Sec-Fetch-Site: cross-site\nOrigin: " PAGE,
		"{\"user_id\":\"u\",\"sync_id\":\"listed\"}");
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin", value), PAGE);
	assert_string_equal(answer_header(&a, "Vary", value), "Origin");
	answer_release(&a);
	/* a page that this host itself shows */
	snprintf(own, sizeof own, JSON_TYPE "Sec-Fetch-Site: same-origin\nOrigin: http://127.0.0.1:%d",
		in->port);
	expect(in, "POST", API "/phase/2", own, 200, NULL);
}

static void assert_strict(struct answer *a, int status, const char *what)
{
	static const struct {
		const char *name, *value;
	} wanted[] = {
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Referrer-Policy", "no-referrer"},
		{"Cache-Control", "no-store"},
	};
	char value[512];
	if (a->status != status)
		fail_msg("%s: %ld", what, a->status);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (strcmp(answer_header(a, wanted[i].name, value), wanted[i].value) != 0)
			fail_msg("%s: %s is \"%s\"", what, wanted[i].name, value);
	assert_int_equal(strlen(answer_header(a, "X-Request-Id", value)), 32);
	answer_release(a);
}

/* clario-fcgi's and nginx's own, refusals before there is a location among them. */
static void answers__are_strict(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *method, *path, *headers;
		int status;
	} rows[] = {
		{"GET", API "/jobs", NULL, 200},
		{"GET", API "/openapi.json", NULL, 200},
		{"GET", "/health", NULL, 200},
		{"OPTIONS", API "/jobs", NULL, 204},
		{"GET", API "/nothing", NULL, 404},
		{"GET", API "/phase/1", NULL, 405},
		{"GET", API "/jobs", "X-Forwarded-For: 8.8.8.8", 401},
		{"GET", "/nothing", NULL, 404},
		{"TRACE", API "/jobs", NULL, 405},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = request(in, rows[i].method, rows[i].path, rows[i].headers, NULL);
		assert_strict(&a, rows[i].status, rows[i].path);
	}
	char *large = calloc(1, 11 << 20), long_header[9000] = "X-Long: ";
	memset(large, ' ', (11 << 20) - 1);
	struct answer a = request(in, "POST", API "/phase/1", JSON_TYPE, large);
	assert_strict(&a, 413, "too large for nginx");
	large[2 << 20] = '\0';
	a = request(in, "POST", API "/phase/1", JSON_TYPE, large);
	assert_strict(&a, 413, "too large for clario-fcgi");
	free(large);
	memset(long_header + 8, 'a', sizeof long_header - 9);
	long_header[sizeof long_header - 1] = '\0';
	a = request(in, "GET", API "/jobs", long_header, NULL);
	assert_strict(&a, 400, "a header too long");
	instance_kill(in, FCGI, SIGTERM);
	a = request(in, "GET", API "/jobs", NULL, NULL);
	assert_strict(&a, 503, "clario-fcgi is away");
	instance_launch(in, FCGI);
	instance_wait_ready(in);
}

static void configuration__refuses_what_is_no_origin(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *row, *has;
	} rows[] = {
		{"cors-origins = *", "conf:2: http.cors-origins = *: expected origins such as "
				     "https://app.example.com, separated by commas; there is no *"},
		{"cors-origins = https://app.example.com/", "conf:2: http.cors-origins = "},
		{"hosts = https://clario.example.com", "conf:2: http.hosts = "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[128], command[400], said[1000];
		snprintf(path, sizeof path, "%s/bad.conf", in->dir);
		FILE *conf = fopen(path, "we");
		assert_non_null(conf);
		fprintf(conf, "[http]\n%s\n", rows[i].row);
		fclose(conf);
		snprintf(command, sizeof command, "'%s/clario-fcgi' -t -c '%s' 2>&1; echo \"exit $?\"",
			getenv("B") ? getenv("B") : "build", path);
		FILE *pipe = popen(command, "r");
		assert_non_null(pipe);
		said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
		pclose(pipe);
		if (!strstr(said, rows[i].has) || !strstr(said, "exit 78\n"))
			fail_msg("%s: %s", rows[i].row, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages__of_others_are_refused),
		cmocka_unit_test(pages__that_are_listed_may_call),
		cmocka_unit_test(answers__are_strict),
		cmocka_unit_test(configuration__refuses_what_is_no_origin),
	};
	return cmocka_run_group_tests_name("browser", tests, setup, teardown);
}

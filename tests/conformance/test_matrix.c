/* tests/conformance/test_matrix.c: every way in which a receiver can answer, and what must come of the job:
 * its outcome, the attempts, what is recorded of the first that failed, and the waits between them.
 *
 * One instance and one receiver; each row is a job of its own workflow that the receiver knows by its name.
 * All are under way at the same time; then each is looked at as a test of its own. Whatever the row, a job
 * has one outcome, no more calls than attempts, one Idempotency-Key, and attempts and lease tokens that rise.
 * No row closes a connection that it said it would keep: that might cost another row an attempt
 * (test_connect.c). */
#include "tests/support/instance.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TIMEOUT_MS = 5000 };
#else
enum { TIMEOUT_MS = 2500 };
#endif
/* attempts, waits and cap as setup() configures them; LATE_MS: how much longer than told a wait may be on a
 * machine that has other things to do. */
enum { ATTEMPTS = 4, BASE_MS = 50, FACTOR = 3, CAP_MS = 2000, RESPONSE_MAX = 65536, LATE_MS = 10000 };

struct row {
	const char *name;
	struct rule rule;
	const char *state;
	unsigned attempts;
	unsigned status;  /* recorded of the first attempt that failed; 0: no answer came */
	const char *says; /* what its reason contains */
	int wait_ms;      /* least wait after it; 0: base */
	bool leads_away;  /* rule.headers is the name of a header that is to lead elsewhere */
};

/* How a row ends: at the first attempt; at the second, as the first one fails with this status and reason;
 * for good at the first one; for good when all attempts are used up. */
#define GOOD                  .state = "completed", .attempts = 1
#define AGAIN(status_, says_) .state = "completed", .attempts = 2, .status = status_, .says = says_
#define BAD(status_, says_)   .state = "failed", .attempts = 1, .status = status_, .says = says_
#define SPENT(status_, says_) .state = "failed", .attempts = ATTEMPTS, .status = status_, .says = says_
#define OK_HEAD               "HTTP/1.1 200 OK\r\n"

static const struct row rows[] = {
	{"answers at once", {.status = 200}, GOOD},
	{"answers late", {.delay_ms = 600}, GOOD},
	{"fails always", {.status = 503}, SPENT(503, "answered 503")},
	{"fails twice", {.status = 500, .times = 2}, .state = "completed", .attempts = 3, .status = 500,
		.says = "answered 500"},

	{"hangs before the answer", {.how = HANG, .times = 1}, AGAIN(0, "timed out")},
	{"hangs in the headers", {.how = HANG_IN_HEAD, .times = 1}, AGAIN(0, "timed out")},
	{"hangs after the headers", {.how = HANG_AFTER_HEAD, .times = 1}, AGAIN(0, "timed out")},
	{"hangs in the body", {.how = HANG_IN_BODY, .times = 1}, AGAIN(0, "timed out")},
	{"drips headers in time", {.how = DRIP_HEAD, .delay_ms = 2}, GOOD},
	{"drips headers too slowly", {.how = DRIP_HEAD, .delay_ms = 200, .times = 1}, AGAIN(0, "timed out")},
	{"drips the body in time", {.how = DRIP_BODY, .delay_ms = 100, .body = "{\"a\":1}"}, GOOD},
	{"drips the body too slowly",
		{.how = DRIP_BODY, .delay_ms = 400, .times = 1, .body = "{\"long\":\"0123456789abcdef\"}"},
		AGAIN(0, "timed out")},

	{"closes without an answer", {.how = CLOSE_AT_ONCE, .times = 1}, AGAIN(0, "call detection: ")},
	{"closes in the headers", {.how = CLOSE_IN_HEAD, .times = 1},
		AGAIN(0, "closed within the answer's headers")},
	{"closes in the body", {.how = CLOSE_IN_BODY, .times = 1}, AGAIN(0, "call detection: ")},
	{"resets without an answer", {.how = RESET, .times = 1}, AGAIN(0, "call detection: ")},
	{"resets in the body", {.how = RESET_IN_BODY, .times = 1}, AGAIN(0, "call detection: ")},
	{"closes always", {.how = CLOSE_AT_ONCE}, SPENT(0, "call detection: ")},
	{"resets always", {.how = RESET}, SPENT(0, "call detection: ")},
	{"answers in no HTTP", {.how = GARBAGE, .times = 1}, AGAIN(0, "call detection: ")},
	{"answers in no HTTP always", {.how = GARBAGE}, SPENT(0, "call detection: ")},

	{"length too long", {.how = RAW, .body = OK_HEAD "Content-Length: 200\r\n\r\n{}", .times = 1},
		AGAIN(0, "call detection: ")},
	{"length too short",
		{.how = RAW, .body = OK_HEAD "Connection: close\r\nContent-Length: 1\r\n\r\n{\"a\":1}"},
		GOOD},
	{"length negative", {.how = RAW, .body = OK_HEAD "Content-Length: -5\r\n\r\n{}", .times = 1},
		AGAIN(0, "call detection: ")},
	{"length is text", {.how = RAW, .body = OK_HEAD "Content-Length: two\r\n\r\n{}", .times = 1},
		AGAIN(0, "call detection: ")},
	{"two lengths",
		{.how = RAW,
			.body = OK_HEAD "Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}",
			.times = 1},
		AGAIN(0, "call detection: ")},
	{"no length, then close", {.how = RAW, .body = OK_HEAD "\r\n{}"}, GOOD},
	{"good chunks",
		{.how = RAW,
			.body = OK_HEAD
			"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
		GOOD},
	{"chunks of garbage",
		{.how = RAW, .body = OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", .times = 1},
		AGAIN(0, "call detection: ")},
	{"chunks without an end",
		{.how = RAW, .body = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", .times = 1},
		AGAIN(0, "call detection: ")},
	{"a chunk of absurd length",
		{.how = RAW,
			.body = OK_HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
			.times = 1},
		AGAIN(0, "call detection: ")},

	{"endless headers", {.how = ENDLESS_HEADERS, .times = 1},
		AGAIN(0, "larger than worker.max-response")},
	{"endless early hints", {.how = ENDLESS_HINTS, .times = 1},
		AGAIN(0, "larger than worker.max-response")},
	{"an endless header line", {.how = ENDLESS_LINE, .times = 1}, AGAIN(0, "a header line is too long")},
	{"an endless body", {.how = ENDLESS_BODY, .times = 1}, AGAIN(0, "larger than worker.max-response")},
	{"endless chunks", {.how = ENDLESS_CHUNKS, .times = 1}, AGAIN(0, "larger than worker.max-response")},

	{"100 before the answer", {.how = RAW, .body = "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "\r\n{}"},
		GOOD},
	{"103 before the answer",
		{.how = RAW,
			.body = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" OK_HEAD
				"\r\n{}"},
		GOOD},
	{"100 and 103 before a 503",
		{.how = RAW,
			.body = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 "
				"No\r\n\r\n",
			.times = 1},
		AGAIN(503, "answered 503")},
	{"100 and nothing more", {.how = RAW, .body = "HTTP/1.1 100 Continue\r\n\r\n", .times = 1},
		AGAIN(0, "call detection: ")},
	{"101, which nobody asked for",
		{.how = RAW,
			.body = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: "
				"Upgrade\r\n\r\n",
			.times = 1},
		AGAIN(0, "call detection: ")},
	{"HTTP/1.0 without a length", {.how = RAW, .body = "HTTP/1.0 200 OK\r\n\r\n{}"}, GOOD},
	{"HTTP/1.0 503", {.how = RAW, .body = "HTTP/1.0 503 No\r\n\r\n", .times = 1},
		AGAIN(503, "answered 503")},
	{"HTTP/0.9", {.how = RAW, .body = "{\"success\":true}", .times = 1}, AGAIN(0, "call detection: ")},
	{"HTTP/3, or so it says", {.how = RAW, .body = "HTTP/3 200 OK\r\n\r\n{}", .times = 1},
		AGAIN(0, "call detection: ")},
	{"204 without a body", {.how = RAW, .body = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		GOOD},
	{"an empty body", {.body = ""}, GOOD},
	{"a body that is no JSON", {.body = "<html>"}, GOOD},
	{"status 999", {.how = RAW, .body = "HTTP/1.1 999 Request denied\r\n\r\n", .times = 1},
		AGAIN(999, "answered 999")},

	{"301 to itself", {.status = 301, .headers = "Location: /api/detections/run\r\n"},
		BAD(301, "answered 301")},
	{"301 elsewhere", {.status = 301, .headers = "Location"}, BAD(301, "answered 301"),
		.leads_away = true},
	{"302 elsewhere", {.status = 302, .headers = "Location"}, BAD(302, "answered 302"),
		.leads_away = true},
	{"303 elsewhere", {.status = 303, .headers = "Location"}, BAD(303, "answered 303"),
		.leads_away = true},
	{"307 elsewhere", {.status = 307, .headers = "Location"}, BAD(307, "answered 307"),
		.leads_away = true},
	{"308 elsewhere", {.status = 308, .headers = "Location"}, BAD(308, "answered 308"),
		.leads_away = true},
	{"201 that names another place", {.status = 201, .headers = "Location"}, GOOD, .leads_away = true},
	{"200 with Refresh", {.headers = "Refresh"}, GOOD, .leads_away = true},
	{"307 to a file", {.status = 307, .headers = "Location: file:///etc/passwd\r\n"},
		BAD(307, "answered 307")},
	{"401 that asks for a password",
		{.status = 401, .headers = "WWW-Authenticate: Basic realm=\"x\"\r\n"},
		BAD(401, "answered 401")},
	{"a cookie to bring along", {.status = 503, .headers = "Set-Cookie: a=b; Path=/\r\n", .times = 1},
		AGAIN(503, "answered 503")},

	{"Retry-After 1", {.status = 503, .headers = "Retry-After: 1\r\n", .times = 1}, AGAIN(503, "503"),
		1000},
	{"429, Retry-After 1", {.status = 429, .headers = "Retry-After: 1\r\n", .times = 1},
		AGAIN(429, "429"), .wait_ms = 1000},
	{"Retry-After 0", {.status = 503, .headers = "Retry-After: 0\r\n", .times = 1}, AGAIN(503, "503")},
	{"Retry-After -5", {.status = 503, .headers = "Retry-After: -5\r\n", .times = 1}, AGAIN(503, "503")},
	{"Retry-After soon", {.status = 503, .headers = "Retry-After: soon\r\n", .times = 1},
		AGAIN(503, "503")},
	{"Retry-After 1.5", {.status = 503, .headers = "Retry-After: 1.5\r\n", .times = 1}, AGAIN(503, "503"),
		1000},
	{"Retry-After of 20 digits",
		{.status = 503, .headers = "Retry-After: 12345678901234567890\r\n", .times = 1},
		AGAIN(503, "503")},
	{"Retry-After of a week", {.status = 503, .headers = "Retry-After: 604800\r\n", .times = 1},
		AGAIN(503, "503"), .wait_ms = CAP_MS},
	{"Retry-After in 2099",
		{.status = 503, .headers = "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n", .times = 1},
		AGAIN(503, "503"), .wait_ms = CAP_MS},
	{"Retry-After in 2015",
		{.status = 503, .headers = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", .times = 1},
		AGAIN(503, "503")},
	{"Retry-After of a success", {.status = 200, .headers = "Retry-After: 604800\r\n"}, GOOD},
	{"Retry-After of a refusal", {.status = 404, .headers = "Retry-After: 1\r\n"},
		BAD(404, "answered 404")},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* Statuses whose answer is otherwise as it should be; each becomes a row. */
static const struct {
	unsigned status;
	enum { WELL, PASSES, STAYS } means;
} statuses[] = {
	{200, WELL},
	{201, WELL},
	{202, WELL},
	{203, WELL},
	{206, WELL},
	{226, WELL},
	{299, WELL},
	{300, STAYS},
	{305, STAYS},
	{400, STAYS},
	{402, STAYS},
	{403, STAYS},
	{404, STAYS},
	{405, STAYS},
	{406, STAYS},
	{407, STAYS},
	{408, PASSES},
	{409, STAYS},
	{410, STAYS},
	{411, STAYS},
	{412, STAYS},
	{413, STAYS},
	{414, STAYS},
	{415, STAYS},
	{417, STAYS},
	{418, STAYS},
	{421, STAYS},
	{422, STAYS},
	{423, STAYS},
	{425, PASSES},
	{426, STAYS},
	{428, STAYS},
	{429, PASSES},
	{431, STAYS},
	{451, STAYS},
	{499, STAYS},
	{500, PASSES},
	{501, PASSES},
	{502, PASSES},
	{504, PASSES},
	{505, PASSES},
	{507, PASSES},
	{508, PASSES},
	{511, PASSES},
	{520, PASSES},
	{599, PASSES},
};
enum { STATUSES = sizeof statuses / sizeof *statuses, CASES = ROWS + STATUSES };

struct trial {
	struct row row;
	char name[40], says[32], headers[160];
	char workflow[16], fit[20]; /* how the receiver knows it */
	char id[40];
};

static struct trial trials[CASES];
static struct instance *in;
static struct receiver *elsewhere;

static void set_row(struct trial *t, const struct row *row)
{
	t->row = *row;
	if (row->leads_away) {
		bool refreshes = strcmp(row->rule.headers, "Refresh") == 0;
		snprintf(t->headers, sizeof t->headers, "%s: %s%s/taken\r\n", row->rule.headers,
			refreshes ? "0; url=" : "", receiver_url(elsewhere));
		t->row.rule.headers = t->headers;
	}
}

static void set_status(struct trial *t, size_t i)
{
	unsigned status = statuses[i].status;
	snprintf(t->name, sizeof t->name, "status %u", status);
	snprintf(t->says, sizeof t->says, "answered %u", status);
	t->row = (struct row){.name = t->name, .rule = {.status = (int)status}, GOOD};
	if (statuses[i].means == WELL)
		return;
	bool passes = statuses[i].means == PASSES;
	t->row.rule.times = passes;
	t->row.state = passes ? "completed" : "failed";
	t->row.attempts = passes ? 2 : 1;
	t->row.status = status;
	t->row.says = t->says;
}

static void lay_out_trials(void)
{
	for (size_t i = 0; i < CASES; i++) {
		struct trial *t = &trials[i];
		snprintf(t->workflow, sizeof t->workflow, "row-%zu", i);
		snprintf(t->fit, sizeof t->fit, "\"row-%zu\"", i);
		if (i < ROWS)
			set_row(t, &rows[i]);
		else
			set_status(t, i - ROWS);
		t->row.rule.body_has = t->fit;
		receiver_rule(in->receiver, t->row.rule);
	}
}

static int setup(void **state)
{
	char settings[400];
	(void)state;
	snprintf(settings, sizeof settings,
		"retry.attempts=%d retry.base=%dms retry.factor=%d retry.cap=%dms worker.in-flight=256 "
		"worker.max-response=%d call.detection.timeout=%dms call.detection.connect-timeout=%dms",
		ATTEMPTS, BASE_MS, FACTOR, CAP_MS, RESPONSE_MAX, TIMEOUT_MS, TIMEOUT_MS);
	in = instance_start(settings);
	elsewhere = receiver_start();
	lay_out_trials();
	for (size_t i = 0; i < CASES; i++) {
		char body[128];
		snprintf(body, sizeof body, "{\"user_id\":\"matrix-%zu\",\"sync_id\":\"%s\"}", i,
			trials[i].workflow);
		submit_job(in, "/phase/2", body, trials[i].id);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	instance_stop(in);
	receiver_stop(elsewhere);
	return 0;
}

static const char *text(json_t *object, const char *member)
{
	const char *value = json_string_value(json_object_get(object, member));
	return value ? value : "";
}

static int64_t number(json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

/* "2026-11-24T02:18:55.123Z" */
static int64_t event_ms(json_t *event)
{
	struct tm tm = {0};
	const char *at = text(event, "at"), *fraction = strptime(at, "%Y-%m-%dT%H:%M:%S.", &tm);
	if (!fraction)
		fail_msg("no time: %s", at);
	return timegm(&tm) * INT64_C(1000) + strtol(fraction, NULL, 10);
}

static int least_wait_ms(const struct row *row, unsigned attempt)
{
	int wait = BASE_MS;
	for (unsigned i = 1; i < attempt; i++)
		wait *= FACTOR;
	return attempt == 1 && row->wait_ms ? row->wait_ms : wait;
}

/* What the receiver saw: calls[0..n) of one job. */
static void check_calls(const struct trial *t, int64_t attempts)
{
	size_t n = receiver_count(in->receiver, NULL, t->fit);
	struct call call, before;
	char value[512], key[512];
	long last_attempt = 0, last_lease = 0;
	if (n != t->row.attempts || (int64_t)n > attempts)
		fail_msg("%zu calls, %lld attempts", n, (long long)attempts);
	for (size_t i = 0; i < n; i++) {
		assert_true(receiver_get(in->receiver, NULL, t->fit, i, &call));
		long attempt = strtol(call_header(&call, "X-Clario-Attempt", value), NULL, 10);
		long lease = strtol(call_header(&call, "X-Clario-Lease", value), NULL, 10);
		assert_true(attempt > last_attempt && attempt <= attempts && lease > last_lease);
		last_attempt = attempt;
		last_lease = lease;
		call_header(&call, "Idempotency-Key", value);
		if (i == 0)
			memcpy(key, value, sizeof key);
		assert_string_equal(value, key);
		assert_non_null(strstr(key, ":detection"));
		assert_string_equal(call_header(&call, "Cookie", value), "");
		assert_string_equal(call_header(&call, "Expect", value), "");
		if (i > 0 && call.at_ms - before.at_ms < least_wait_ms(&t->row, (unsigned)i) - 1)
			fail_msg("call %zu came %lld ms after the one before", i + 1,
				(long long)(call.at_ms - before.at_ms));
		before = call;
	}
}

static bool is_kind(json_t *event, const char *kind)
{
	return strcmp(text(event, "kind"), kind) == 0;
}

static void check_first_failure(const struct row *row, json_t *event)
{
	if (number(event, "http_status") != row->status || !row->says ||
		!strstr(text(event, "reason"), row->says))
		fail_msg("recorded: status %lld, \"%s\"", (long long)number(event, "http_status"),
			text(event, "reason"));
}

/* What the spool recorded. */
static void check_events(const struct trial *t, json_t *events)
{
	size_t i;
	json_t *event;
	unsigned claims = 0, failures = 0, endings = 0;
	int64_t failed_ms = 0;
	json_array_foreach(events, i, event)
	{
		bool ends = is_kind(event, "completed") || is_kind(event, "failed");
		endings += ends;
		if (is_kind(event, "claimed")) {
			claims++;
			int64_t waited = event_ms(event) - failed_ms;
			if (claims > 1 && waited > least_wait_ms(&t->row, claims - 1) + LATE_MS)
				fail_msg("attempt %u came %lld ms after the one before", claims,
					(long long)waited);
		}
		if (is_kind(event, "retry") || is_kind(event, "failed")) {
			if (failures++ == 0)
				check_first_failure(&t->row, event);
			failed_ms = event_ms(event);
		}
	}
	assert_int_equal(claims, t->row.attempts);
	assert_int_equal(failures, t->row.attempts - (strcmp(t->row.state, "completed") == 0));
	assert_int_equal(endings, 1);
}

/* Why each attempt of a row failed that has another number of them than it should. */
static void tell_attempts(const struct trial *t, int64_t attempts, json_t *events)
{
	size_t i;
	json_t *event;
	print_error("%lld attempts, not %u\n", (long long)attempts, t->row.attempts);
	json_array_foreach(events, i, event) print_error("%s %s: %lld %s\n", text(event, "at"),
		text(event, "kind"), (long long)number(event, "http_status"), text(event, "reason"));
}

static void check_row(void **state)
{
	const struct trial *t = *state;
	char path[128];
	json_t *job = wait_state(in, t->id, t->row.state);
	int64_t attempts = number(job, "attempts_made");
	json_decref(job);
	snprintf(path, sizeof path, API "/workflows/%s", t->workflow);
	struct answer a = request(in, "GET", path, NULL, NULL);
	json_t *events = json_object_get(a.json, "events");
	if (attempts != t->row.attempts)
		tell_attempts(t, attempts, events);
	assert_int_equal(attempts, t->row.attempts);
	check_calls(t, attempts);
	check_events(t, events);
	answer_release(&a);
}

static void nobody_was_led_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(receiver_met(elsewhere), 0);
}

static const char *name_of(size_t i)
{
	static char names[STATUSES][40];
	if (i < ROWS)
		return rows[i].name;
	snprintf(names[i - ROWS], sizeof names[0], "status %u", statuses[i - ROWS].status);
	return names[i - ROWS];
}

int main(void)
{
	static struct CMUnitTest tests[CASES + 1];
	for (size_t i = 0; i < CASES; i++)
		tests[i] = (struct CMUnitTest){name_of(i), check_row, NULL, NULL, &trials[i]};
	tests[CASES] = (struct CMUnitTest)cmocka_unit_test(nobody_was_led_elsewhere);
	return cmocka_run_group_tests_name("matrix", tests, setup, teardown);
}

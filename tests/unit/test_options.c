/* tests/unit/test_options.c: headers and members that say how a trigger is taken in; times and spans. */
#include "tests/support/unit.h"

#include "fcgi/options.h"
#include "spool/when.h"

#include <string.h>

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static const struct moment NOW = {.wall_us = 1700000000000000};

static void times__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t us; /* -1: no time */
	} rows[] = {
		{"0", 0},
		{"1700000000123", 1700000000123000},
		{"253402300799999", 253402300799999000},
		{"253402300800000", -1},
		{"99999999999999999999", -1},
		{"1970-01-01T00:00:00Z", 0},
		{"2023-11-14T22:13:20Z", 1700000000000000},
		{"2023-11-14T22:13:20.123456Z", 1700000000123456},
		{"2023-11-14T22:13:20.1234567Z", 1700000000123456},
		{"2023-11-14T22:13:20.5+00:00", 1700000000500000},
		{"2023-11-15T00:13:20+02:00", 1700000000000000},
		{"2023-11-14T17:13:20-0500", 1700000000000000},
		{"2023-11-14t22:13z", 1699999980000000},
		{"2023-11-14 22:13:20Z", 1700000000000000},
		{"2024-02-29T00:00:00Z", 1709164800000000},
		{"2023-02-29T00:00:00Z", -1},
		{"2023-04-31T00:00:00Z", -1},
		{"2023-13-01T00:00:00Z", -1},
		{"2023-00-01T00:00:00Z", -1},
		{"2023-11-14T24:00:00Z", -1},
		{"2023-11-14T22:60:00Z", -1},
		{"2023-11-14T22:13:20", -1},
		{"2023-11-14", -1},
		{"2023-11-14T22:13:20.Z", -1},
		{"2023-11-14T22:13:20Zx", -1},
		{"1969-12-31T23:59:59Z", -1},
		{"1970-01-01T00:00:00+01:00", -1},
		{"-1", -1},
		{"1e3", -1},
		{"now", -1},
		{"", -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t us;
		bool ok = when_parse(slice_text(rows[i].text), &us);
		if (ok != (rows[i].us >= 0) || (ok && us != rows[i].us))
			fail_msg("%s: %lld", rows[i].text, (long long)us);
	}
}

static void spans__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t us; /* -1: no span */
	} rows[] = {
		{"0", 0},
		{"1500", 1500000},
		{"1500ms", 1500000},
		{"90s", 90000000},
		{"5m", 300000000},
		{"2h", 7200000000},
		{"1d", 86400000000},
		{"3650d", 315360000000000},
		{"3651d", -1},
		{"315360000001", -1},
		{"9223372036854775807d", -1},
		{"1w", -1},
		{"s", -1},
		{"-1", -1},
		{"1.5s", -1},
		{"1 s", -1},
		{"", -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t us;
		bool ok = when_parse_span(slice_text(rows[i].text), &us);
		if (ok != (rows[i].us >= 0) || (ok && us != rows[i].us))
			fail_msg("%s: %lld", rows[i].text, (long long)us);
	}
}

static void headers__as_a_table(void **state)
{
	(void)state;
	static const struct {
		enum param param;
		const char *value;
		const char *field; /* at fault; NULL: it is good */
	} rows[] = {
		{PARAM_IDEMPOTENCY_KEY, "k", NULL},
		{PARAM_IDEMPOTENCY_KEY, "\"k\"", NULL},
		{PARAM_IDEMPOTENCY_KEY, "a\\b\"c", NULL},
		{PARAM_IDEMPOTENCY_KEY, "\"\"", "Idempotency-Key"},
		{PARAM_IDEMPOTENCY_KEY, "\"a\\\"b\"", "Idempotency-Key"},
		{PARAM_IDEMPOTENCY_KEY, "a b", "Idempotency-Key"},
		{PARAM_IDEMPOTENCY_KEY, "\xc3\xa9", "Idempotency-Key"},
		{PARAM_IDEMPOTENCY_KEY, "a\x7f", "Idempotency-Key"},
		{PARAM_PRIORITY, "1", NULL},
		{PARAM_PRIORITY, "9", NULL},
		{PARAM_PRIORITY, "0", "X-Priority"},
		{PARAM_PRIORITY, "10", "X-Priority"},
		{PARAM_PRIORITY, "+1", "X-Priority"},
		{PARAM_RUN_AT, "1700000000000", NULL},
		{PARAM_RUN_AT, "soon", "X-Run-At"},
		{PARAM_DELAY, "1s", NULL},
		{PARAM_DELAY, "1 second", "X-Delay"},
		{PARAM_SOURCE, "the importer", NULL},
		{PARAM_SOURCE, "a\nb", "X-Clario-Source"},
		{PARAM_SOURCE, "token", NULL},
		{PARAM_SOURCE, "token:shop", "X-Clario-Source"}, /* nobody says that of himself */
		{PARAM_SOURCE, " Token:", "X-Clario-Source"},
		{PARAM_SOURCE, "webhook:", "X-Clario-Source"},
		{PARAM_SOURCE, "operator:ann", "X-Clario-Source"},
		{PARAM_SOURCE, "tokens: shop", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = {.now = NOW};
		struct options options;
		struct fault fault;
		request.param[rows[i].param] = slice_text(rows[i].value);
		bool ok = options_from_headers(&request, &options, &fault);
		if (ok != !rows[i].field)
			fail_msg("%s", rows[i].value);
		if (!ok) {
			assert_int_equal(fault.problem, PROBLEM_BAD_HEADER);
			assert_string_equal(fault.field, rows[i].field);
		}
	}
}

/* Whose a request is, which is also whose limits it meets. */
static void source__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *name, *said, *want;
		bool is_said;
	} rows[] = {
		{"", "", "10.0.0.9", false},
		{"", "importer", "importer", true},
		{"", "token:x", "10.0.0.9", false},
		{"", "a\nb", "10.0.0.9", false},
		{"", "0123456789012345678901234567890123456789012345678901234567890123x", "10.0.0.9", false},
		{"token:ops", "", "token:ops", false},
		{"token:ops", "importer", "token:ops", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request request = {.now = NOW};
		bool is_said;
		snprintf(request.caller.name, sizeof request.caller.name, "%s", rows[i].name);
		request.param[PARAM_SOURCE] = slice_text(rows[i].said);
		request.param[PARAM_REMOTE_ADDR] = slice_text("10.0.0.9");
		assert_true(slice_is(options_source(&request, &is_said), rows[i].want));
		assert_int_equal(is_said, rows[i].is_said);
	}
}

static void headers__reach_the_trigger(void **state)
{
	(void)state;
	struct request request = {.now = NOW};
	struct options options;
	struct fault fault;
	struct trigger trigger = {0};
	request.param[PARAM_IDEMPOTENCY_KEY] = slice_text("\"key\"");
	request.param[PARAM_DELAY] = slice_text("2s");
	request.param[PARAM_PRIORITY] = slice_text("2");
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	request.param[PARAM_TRACEPARENT] = slice_text("00-" TRACE "-" PARENT "-01");
	request.param[PARAM_TRACESTATE] = slice_text("a=1");
	assert_true(options_from_headers(&request, &options, &fault));
	options_apply(&options, &trigger);
	assert_true(slice_is(trigger.idempotency_key, "key"));
	assert_int_equal(trigger.run_at_us, NOW.wall_us + 2000000);
	assert_int_equal(trigger.priority, 2);
	assert_true(slice_is(trigger.source, "127.0.0.1"));
	assert_true(slice_is(trigger.tracestate, "a=1"));
	request.param[PARAM_RUN_AT] = slice_text("1");
	assert_false(options_from_headers(&request, &options, &fault));
}

static void headers__key_length(void **state)
{
	(void)state;
	char key[JOB_TEXT_MAX + 2];
	struct request request = {.now = NOW};
	struct options options;
	struct fault fault;
	memset(key, 'k', sizeof key);
	request.param[PARAM_IDEMPOTENCY_KEY] = slice_of(key, JOB_TEXT_MAX);
	assert_true(options_from_headers(&request, &options, &fault));
	request.param[PARAM_IDEMPOTENCY_KEY] = slice_of(key, JOB_TEXT_MAX + 1);
	assert_false(options_from_headers(&request, &options, &fault));
}

static void trace__kept_or_dropped(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool want;
	} rows[] = {
		{"00-" TRACE "-" PARENT "-01", true},
		{"00-" TRACE "-" PARENT "-ff", true},
		{"cc-" TRACE "-" PARENT "-01", true},
		{"cc-" TRACE "-" PARENT "-01-more", true},
		{"cc-" TRACE "-" PARENT "-01.more", false},
		{"00-" TRACE "-" PARENT "-01-more", false},
		{"ff-" TRACE "-" PARENT "-01", false},
		{"00-00000000000000000000000000000000-" PARENT "-01", false},
		{"00-" TRACE "-0000000000000000-01", false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false},
		{"00-" TRACE "-" PARENT "-0", false},
		{"00_" TRACE "-" PARENT "-01", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (options_traceparent_is_valid(slice_text(rows[i].text)) != rows[i].want)
			fail_msg("%s", rows[i].text);
}

static void members__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *body, *field;
	} rows[] = {
		{"{}", NULL},
		{"{\"priority\":null,\"run_at\":null}", NULL},
		{"{\"priority\":3}", NULL},
		{"{\"priority\":0}", "priority"},
		{"{\"priority\":\"3\"}", "priority"},
		{"{\"delay_ms\":0}", NULL},
		{"{\"delay_ms\":-1}", "delay_ms"},
		{"{\"delay_ms\":1.5}", "delay_ms"},
		{"{\"delay_ms\":\"1s\"}", "delay_ms"},
		{"{\"run_at\":1700000000000}", NULL},
		{"{\"run_at\":\"2023-11-14T22:13:20Z\"}", NULL},
		{"{\"run_at\":-1}", "run_at"},
		{"{\"run_at\":true}", "run_at"},
		{"{\"run_at\":1,\"delay_ms\":1}", "delay_ms"},
		{"{\"idempotency_key\":\"k\"}", NULL},
		{"{\"idempotency_key\":\"\"}", "idempotency_key"},
		{"{\"idempotency_key\":7}", "idempotency_key"},
		{"{\"idempotency_key\":\"a b\"}", "idempotency_key"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *json;
		struct options options = {0};
		struct fault fault;
		assert_int_equal(jx_parse(slice_text(rows[i].body), 8, &json, NULL), ST_OK);
		bool ok = options_from_members(json, NOW, &options, &fault);
		if (ok != !rows[i].field)
			fail_msg("%s", rows[i].body);
		if (!ok)
			assert_string_equal(fault.field, rows[i].field);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times__as_a_table),
		cmocka_unit_test(spans__as_a_table),
		cmocka_unit_test(headers__as_a_table),
		cmocka_unit_test(source__as_a_table),
		cmocka_unit_test(headers__reach_the_trigger),
		cmocka_unit_test(headers__key_length),
		cmocka_unit_test(trace__kept_or_dropped),
		cmocka_unit_test(members__as_a_table),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}

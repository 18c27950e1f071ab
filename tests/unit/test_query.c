/* tests/unit/test_query.c: query strings, listings asked for by them, and the spans of raw JSON. */
#include "tests/support/unit.h"

#include "fcgi/listing.h"
#include "fcgi/span.h"

#include <string.h>

static const char *const NAMES[] = {"a", "b", NULL};

static void query__decodes(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *a, *b;
	} rows[] = {
		{"", "", ""},
		{"a=1", "1", ""},
		{"a=1&b=2", "1", "2"},
		{"&&a=1&", "1", ""},
		{"a", "", ""},
		{"a=x%20y+z", "x y z", ""},
		{"a=%C3%a9", "\xc3\xa9", ""},
		{"a==&b=%26", "=", "&"},
		{"%61=1", "1", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct query q;
		struct fault fault;
		if (!query_parse(slice_text(rows[i].raw), NAMES, &q, &fault))
			fail_msg("%s: %s", rows[i].raw, fault.why.text);
		assert_true(slice_is(query_get(&q, "a"), rows[i].a));
		assert_true(slice_is(query_get(&q, "b"), rows[i].b));
	}
}

static void query__faults(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *field;
	} rows[] = {
		{"a=1&a=1", "a"},
		{"c=1", NULL},
		{"A=1", NULL},
		{"a=%", NULL},
		{"a=%1", NULL},
		{"a=%zz", NULL},
		{"a=%00", NULL},
		{"=1", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct query q;
		struct fault fault;
		if (query_parse(slice_text(rows[i].raw), NAMES, &q, &fault))
			fail_msg("%s", rows[i].raw);
		assert_int_equal(fault.problem, PROBLEM_BAD_QUERY);
		if (rows[i].field)
			assert_string_equal(fault.field, rows[i].field);
	}
}

static void query__length(void **state)
{
	(void)state;
	static char raw[QUERY_TEXT_MAX + 2];
	struct query q;
	struct fault fault;
	memset(raw, 'x', sizeof raw);
	memcpy(raw, "a=", 2);
	assert_true(query_parse(slice_of(raw, QUERY_TEXT_MAX), NAMES, &q, &fault));
	assert_int_equal(query_get(&q, "a").len, QUERY_TEXT_MAX - 2);
	assert_false(query_parse(slice_of(raw, QUERY_TEXT_MAX + 1), NAMES, &q, &fault));
}

static void listing__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *field; /* at fault; NULL: it is good */
	} rows[] = {
		{"", NULL},
		{"state=failed&phase=3&user_id=u&workflow_id=w&since=1&until=2023-11-14T22:13:20Z&order=asc&"
		 "limit=5",
			NULL},
		{"step=14", NULL},
		{"cursor=1.abcd", NULL},
		{"where=state%3Dfailed+age%3E1h", NULL},
		{"state=Failed", "state"},
		{"state=", "state"},
		{"phase=0", "phase"},
		{"phase=8", "phase"},
		{"phase=1x", "phase"},
		{"step=9", "step"},
		{"step=15", "step"},
		{"phase=1&step=10", "step"},
		{"user_id=", "user_id"},
		{"since=x", "since"},
		{"until=", "until"},
		{"order=ASC", "order"},
		{"limit=0", "limit"},
		{"limit=501", "limit"},
		{"limit=-1", "limit"},
		{"limit=99999999999999999999", "limit"},
		{"cursor=", "cursor"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct query q;
		struct listing ask = {.limit = 50, .limit_max = 500};
		struct fault fault;
		bool ok = listing_from_query(slice_text(rows[i].raw), &q, &ask, &fault);
		if (ok != !rows[i].field)
			fail_msg("%s", rows[i].raw);
		if (!ok)
			assert_string_equal(fault.field, rows[i].field);
	}
}

static void listing__fills_the_filter(void **state)
{
	(void)state;
	struct query q;
	struct listing ask = {.limit = 50, .limit_max = 500};
	struct fault fault;
	assert_true(listing_from_query(
		slice_text("state=held&step=11&user_id=a%2Fb&until=5&limit=7&cursor=c"), &q, &ask, &fault));
	assert_true(ask.filter.has_state);
	assert_int_equal(ask.filter.state, JOB_HELD);
	assert_int_equal(ask.filter.phase, 11);
	assert_true(slice_is(ask.filter.user_id, "a/b"));
	assert_int_equal(ask.filter.until_us, 5000);
	assert_false(ask.filter.oldest_first);
	assert_int_equal(ask.limit, 7);
	assert_string_equal(ask.cursor.text, "c");
}

static void listing__from_json(void **state)
{
	(void)state;
	static const struct {
		const char *body, *field;
		bool want;
	} rows[] = {
		{"{}", NULL, true},
		{"{\"state\":\"failed\",\"phase\":7,\"limit\":10,\"since\":1700000000000}", NULL, true},
		{"{\"phase\":\"7\"}", NULL, true},
		{"{\"phase\":7.5}", "phase", false},
		{"{\"phase\":-7}", "phase", false},
		{"{\"state\":null}", "state", false},
		{"{\"stat\":\"failed\"}", NULL, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char scratch[LISTING_SCRATCH];
		json_t *json;
		struct listing ask = {.limit = 100, .limit_max = 1000};
		struct fault fault = {0};
		assert_int_equal(jx_parse(slice_text(rows[i].body), 4, &json, NULL), ST_OK);
		if (listing_from_json(json, scratch, &ask, &fault) != rows[i].want)
			fail_msg("%s: %s", rows[i].body, fault.why.text);
		if (rows[i].field)
			assert_string_equal(fault.field, rows[i].field);
		json_decref(json);
	}
}

static void span__finds_every_part(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *parts[4]; /* keys and values in turn for objects, values for arrays */
	} rows[] = {
		{"[]", {NULL}},
		{"{}", {NULL}},
		{" [ 1 ,\"a,]\" , {\"x\":[1,2]} ] ", {"1", "\"a,]\"", "{\"x\":[1,2]}", NULL}},
		{"[[],[[\"]\"]],null]", {"[]", "[[\"]\"]]", "null", NULL}},
		{"[\"\\\\\",\"\\\"]\"]", {"\"\\\\\"", "\"\\\"]\"", NULL}},
		{"{\"a\" : -1.5e3 ,\"b\":{\"}\":true}}", {"\"a\"", "-1.5e3", "\"b\"", "{\"}\":true}"}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct span span;
		struct slice key, value;
		size_t at = 0;
		assert_true(span_open(slice_text(rows[i].text), &span));
		while (span_next(&span, &key, &value)) {
			if (key.len)
				assert_true(slice_is(key, rows[i].parts[at++]));
			assert_true(slice_is(value, rows[i].parts[at++]));
		}
		assert_true(at == 4 || !rows[i].parts[at]);
	}
}

/* It is never given such text, but must not run out of its bounds. */
static void span__survives_what_is_cut_off(void **state)
{
	(void)state;
	static const char whole[] = " [{\"a\":\"\\\"x\",\"b\":[1,{}]},\"\\\\\",2]";
	for (size_t len = 0; len < sizeof whole; len++) {
		char *text = malloc(len ? len : 1); /* exactly as long, for the sanitizer */
		struct span span;
		struct slice key, value;
		memcpy(text, whole, len);
		size_t parts = 0;
		if (span_open(slice_of(text, len), &span))
			while (span_next(&span, &key, &value) && parts < sizeof whole)
				parts++;
		assert_true(parts < sizeof whole);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query__decodes),
		cmocka_unit_test(query__faults),
		cmocka_unit_test(query__length),
		cmocka_unit_test(listing__as_a_table),
		cmocka_unit_test(listing__fills_the_filter),
		cmocka_unit_test(listing__from_json),
		cmocka_unit_test(span__finds_every_part),
		cmocka_unit_test(span__survives_what_is_cut_off),
	};
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}

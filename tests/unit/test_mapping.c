/* tests/unit/test_mapping.c: from an event to the body of a phase: pointers, amounts in minor units, and what
 * is said of what is not there. */
#include "fcgi/amount.h"
#include "fcgi/mapping.h"
#include "fcgi/pointer.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static void pointers__as_in_rfc_6901(void **state)
{
	(void)state;
	static const char event[] =
		"{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
		"\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,\"x\":{\"y\":{\"z\":12.50}},"
		"\"\\u00fc\":9,\"twice\":1,\"twice\":[2],\"01\":10,\"esc\\/aped\":11}";
	static const struct {
		const char *pointer, *value; /* NULL: nothing is there */
	} rows[] = {
		{"/foo", "[\"bar\",\"baz\"]"},
		{"/foo/0", "\"bar\""},
		{"/foo/1", "\"baz\""},
		{"/foo/2", NULL},
		{"/foo/00", NULL},
		{"/foo/-", NULL},
		{"/foo/-1", NULL},
		{"/foo/", NULL},
		{"/foo/0/0", NULL},
		{"/foo/99999999999", NULL},
		{"/", "0"},
		{"/a~1b", "1"},
		{"/a/b", NULL},
		{"/c%d", "2"},
		{"/e^f", "3"},
		{"/g|h", "4"},
		{"/i\\j", "5"},
		{"/k\"l", "6"},
		{"/ ", "7"},
		{"/m~0n", "8"},
		{"/x/y/z", "12.50"},
		{"/x/y", "{\"z\":12.50}"},
		{"/x//z", NULL},
		{"/\xc3\xbc", "9"},
		{"/twice", "[2]"},
		{"/twice/0", "2"},
		{"/01", "10"},
		{"/esc~1aped", "11"},
		{"/nope", NULL},
		{"/fo", NULL},
		{"/x/y/z/", NULL},
		{"", event},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice value;
		bool found = pointer_find(slice_text(event), rows[i].pointer, &value);
		if (found != (rows[i].value != NULL) || (found && !slice_is(value, rows[i].value)))
			fail_msg("%s: %.*s", rows[i].pointer, found ? (int)value.len : 0, value.p);
	}
	struct slice value;
	assert_true(pointer_find(slice_text("\xef\xbb\xbf [1, {\"a\" : true }]"), "/1/a", &value));
	assert_true(slice_is(value, "true"));
	assert_false(pointer_find(slice_text("7"), "/a", &value));
	assert_false(pointer_find(slice_text("{}"), "/a", &value));
}

static void amounts__digit_by_digit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int scale;
		const char *want; /* NULL: refused */
	} rows[] = {
		{"12050", 2, "120.50"},
		{"5", 2, "0.05"},
		{"50", 2, "0.50"},
		{"0", 2, "0.00"},
		{"-12050", 2, "-120.50"},
		{"-5", 2, "-0.05"},
		{"12050", 1, "1205.0"},
		{"12345", 3, "12.345"},
		{"1", 6, "0.000001"},
		{"100000000000000000001", 2, "1000000000000000000.01"}, /* no double has that */
		{"123456789012345678901234567890", 2, "1234567890123456789012345678.90"},
		{"1234567890123456789012345678901", 2, NULL},
		{"12050.0", 2, "120.50"},
		{"12050.00", 2, "120.50"},
		{"12050.5", 2, NULL},
		{"0.5", 2, NULL},
		{"0.0", 2, "0.00"},
		{"1205e1", 2, "120.50"},
		{"1.205E+4", 2, "120.50"},
		{"120500e-1", 2, "120.50"},
		{"12050e-1", 2, "12.05"},
		{"12055e-1", 2, NULL},
		{"1e29", 2, "1000000000000000000000000000.00"},
		{"1e30", 2, NULL},
		{"1e99", 2, NULL},
		{"1e100", 2, NULL},
		{"0e99", 2, "0.00"},
		{"1e-99", 2, NULL},
		{"1e999999999999", 2, NULL},
		{"", 2, NULL},
		{"-", 2, NULL},
		{"+5", 2, NULL},
		{"05", 2, NULL},
		{"5.", 2, NULL},
		{".5", 2, NULL},
		{"5e", 2, NULL},
		{"5e+", 2, NULL},
		{" 5", 2, NULL},
		{"5 ", 2, NULL},
		{"1,205", 2, NULL},
		{"$5", 2, NULL},
		{"0x10", 2, NULL},
		{"NaN", 2, NULL},
		{"--5", 2, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[AMOUNT_TEXT_MAX];
		bool ok = amount_from_minor(slice_text(rows[i].text), rows[i].scale, out);
		if (ok != (rows[i].want != NULL) || (ok && strcmp(out, rows[i].want) != 0))
			fail_msg("%s, %d: %s", rows[i].text, rows[i].scale, ok ? out : "refused");
	}
	char text[300], out[AMOUNT_TEXT_MAX];
	memset(text, '9', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_false(amount_from_minor(slice_text(text), 2, out));
	memset(text, '0', sizeof text - 1);
	text[1] = '.';
	assert_false(amount_from_minor(slice_text(text), 2, out));
}

#define ROW(name, value) static char name[] = value
ROW(at_type, "/type");
ROW(rejected, "claim.rejected, claim.denied");
ROW(paid, "payout.received");
ROW(at_user, "/data/user");
ROW(at_claim, "/data/claim");
ROW(at_reason, "/data/reason");
ROW(at_amount, "/data/amount");
ROW(at_currency, "/data/currency");
ROW(at_case, "/data/case");
ROW(at_id, "/id");

static struct webhook_opts source_with(int scale, bool keeps)
{
	return (struct webhook_opts){.name = "s",
		.type = at_type,
		.rejected = rejected,
		.paid = paid,
		.user_id = at_user,
		.claim_id = at_claim,
		.reason = at_reason,
		.amount = at_amount,
		.amount_scale = scale,
		.currency = at_currency,
		.case_id = at_case,
		.id = at_id,
		.keep_event = keeps};
}

static void phases__by_type(void **state)
{
	(void)state;
	static const struct {
		const char *event;
		int phase; /* -1: refused */
	} rows[] = {
		{"{\"type\":\"claim.rejected\"}", 6},
		{"{\"type\":\"claim.denied\"}", 6},
		{"{\"type\":\"claim.\\u0064enied\"}", 6},
		{"{\"type\":\"payout.received\"}", 7},
		{"{\"type\":\"payout.received \"}", 0},
		{"{\"type\":\"claim.rejected, claim.denied\"}", 0},
		{"{\"type\":\"claim\"}", 0},
		{"{\"type\":\"\"}", 0},
		{"{\"type\":7}", 0},
		{"{\"type\":null}", -1},
		{"{\"type\":true}", -1},
		{"{\"type\":[\"claim.rejected\"]}", -1},
		{"{}", -1},
		{"[]", -1},
	};
	struct webhook_opts source = source_with(0, true);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mapping_fault fault;
		char type[MAPPING_TYPE_MAX];
		int phase;
		bool ok = mapping_phase(&source, slice_text(rows[i].event), &phase, type, &fault);
		if ((ok ? phase : -1) != rows[i].phase)
			fail_msg("%s: %d", rows[i].event, ok ? phase : -1);
		if (!ok) {
			assert_int_equal(fault.fault.problem, PROBLEM_BAD_EVENT);
			assert_string_equal(fault.fault.field, "type");
			assert_string_equal(fault.pointer, "/type");
		}
	}
	struct mapping_fault fault;
	char type[MAPPING_TYPE_MAX];
	int phase;
	source.phase = 7;
	assert_true(mapping_phase(&source, slice_text("{}"), &phase, type, &fault));
	assert_int_equal(phase, 7);
	assert_string_equal(type, "");
}

struct row {
	int phase, scale;
	bool keeps;
	const char *event;
	const char *want; /* the body; NULL: refused, and then: */
	const char *field, *pointer;
};

static void check_row(const struct row *row)
{
	struct webhook_opts source = source_with(row->scale, row->keeps);
	struct buf body = BUF_INIT(JOB_PAYLOAD_MAX);
	struct draft draft;
	struct mapping_fault fault;
	bool ok = mapping_body(&source, row->phase, slice_text(row->event), 1, &body, &draft, &fault);
	if (ok != (row->want != NULL) || (ok && strcmp(body.p, row->want) != 0))
		fail_msg("%s: %s", row->event, ok ? body.p : fault.fault.why.text);
	if (ok) {
		assert_int_equal(draft.trigger.phase, row->phase);
		assert_true(draft.trigger.user_id.len && draft.trigger.workflow_id.len);
	} else {
		assert_int_equal(fault.fault.problem, PROBLEM_BAD_EVENT);
		assert_string_equal(fault.fault.field, row->field);
		assert_string_equal(fault.pointer, row->pointer);
		assert_non_null(strstr(fault.fault.why.text, row->pointer));
	}
	buf_release(&body);
}

static void bodies__as_a_table(void **state)
{
	(void)state;
#define DATA(members) "{\"data\":{\"user\":\"u\",\"claim\":\"c\"," members "}}"
#define BODY(members) "{\"user_id\":\"u\",\"claim_id\":\"c\"," members "}"
	static const struct row rows[] = {
		{6, 0, false, DATA("\"reason\":\"r\\u0021\""), BODY("\"rejection_reason\":\"r\\u0021\""),
			NULL, NULL},
		{6, 0, false, DATA("\"reason\":\"r\",\"case\":\"k\""),
			BODY("\"rejection_reason\":\"r\",\"amazon_case_id\":\"k\""), NULL, NULL},
		{6, 0, false, DATA("\"reason\":\"r\",\"case\":null"), BODY("\"rejection_reason\":\"r\""),
			NULL, NULL},
		{6, 0, false, DATA("\"reason\":\"r\",\"case\":{}"), NULL, "amazon_case_id", "/data/case"},
		{6, 2, true, DATA("\"reason\":\"r\",\"amount\":\"x\""),
			BODY("\"rejection_reason\":\"r\",\"event\":" DATA(
				"\"reason\":\"r\",\"amount\":\"x\"")),
			NULL, NULL},
		{6, 0, false, DATA("\"reason\":\"\""), NULL, "rejection_reason", "/data/reason"},
		{6, 0, false, DATA("\"reason\":null"), NULL, "rejection_reason", "/data/reason"},
		{6, 0, false, DATA("\"reason\":[\"r\"]"), NULL, "rejection_reason", "/data/reason"},
		{6, 0, false, DATA("\"other\":1"), NULL, "rejection_reason", "/data/reason"},
		{6, 0, false, "{\"data\":{\"claim\":\"c\",\"reason\":\"r\"}}", NULL, "user_id", "/data/user"},
		{6, 0, false, "{\"data\":{\"user\":\" \",\"claim\":\"c\",\"reason\":\"r\"}}", NULL, "user_id",
			"/data/user"},
		{6, 0, false, "{\"data\":{\"user\":\"u\",\"reason\":\"r\"}}", NULL, "claim_id",
			"/data/claim"},
		{6, 0, false, "{\"data\":{\"user\":7,\"claim\":8.50,\"reason\":9}}",
			"{\"user_id\":7,\"claim_id\":8.50,\"rejection_reason\":9}", NULL, NULL},
		{6, 0, false, "{\"data\":[]}", NULL, "user_id", "/data/user"},
		{7, 0, false, DATA("\"amount\":120.50,\"currency\":\"usd\""),
			BODY("\"amount\":120.50,\"currency\":\"usd\""), NULL, NULL},
		{7, 0, false, DATA("\"amount\":\"120.50\",\"currency\":\"usd\""),
			BODY("\"amount\":\"120.50\",\"currency\":\"usd\""), NULL, NULL},
		{7, 2, false, DATA("\"amount\":12050,\"currency\":\"usd\""),
			BODY("\"amount\":\"120.50\",\"currency\":\"usd\""), NULL, NULL},
		{7, 2, false, DATA("\"amount\":\"12050\",\"currency\":\"usd\""),
			BODY("\"amount\":\"120.50\",\"currency\":\"usd\""), NULL, NULL},
		{7, 2, false, DATA("\"amount\":12050"), NULL, "currency", "/data/currency"},
		{7, 2, false, DATA("\"amount\":12050,\"currency\":null"), NULL, "currency", "/data/currency"},
		{7, 2, false, DATA("\"amount\":120.5,\"currency\":\"usd\""), NULL, "amount", "/data/amount"},
		{7, 2, false, DATA("\"amount\":0,\"currency\":\"usd\""), NULL, "amount", "/data/amount"},
		{7, 2, false, DATA("\"amount\":-12050,\"currency\":\"usd\""), NULL, "amount", "/data/amount"},
		{7, 2, false, DATA("\"amount\":true,\"currency\":\"usd\""), NULL, "amount", "/data/amount"},
		{7, 2, false, DATA("\"amount\":\"12,50\",\"currency\":\"usd\""), NULL, "amount",
			"/data/amount"},
		{7, 2, false, DATA("\"amount\":100000000000000001,\"currency\":\"usd\""), NULL, "amount",
			"/data/amount"},
		{7, 0, false, DATA("\"amount\":0,\"currency\":\"usd\""), NULL, "amount", "/data/amount"},
		{7, 0, false, DATA("\"amount\":-1,\"currency\":\"usd\""), NULL, "amount", "/data/amount"},
		{7, 0, false, DATA("\"amount\":\"12 EUR\",\"currency\":\"usd\""), NULL, "amount",
			"/data/amount"},
		{7, 0, true, DATA("\"amount\":1e2,\"currency\":\"usd\""),
			BODY("\"amount\":1e2,\"currency\":\"usd\",\"event\":" DATA(
				"\"amount\":1e2,\"currency\":\"usd\"")),
			NULL, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(&rows[i]);
}

static void bodies__ids_that_are_too_long(void **state)
{
	(void)state;
	char event[1000], id[300];
	memset(id, 'x', 257);
	id[257] = '\0';
	snprintf(event, sizeof event, "{\"data\":{\"user\":\"%s\",\"claim\":\"c\",\"reason\":\"r\"}}", id);
	const struct row row = {6, 0, true, event, NULL, "user_id", "/data/user"};
	check_row(&row);
}

/* An event that stands in a payload must be one that the worker takes. */
static void bodies__events_that_are_nested_deep(void **state)
{
	(void)state;
	for (int depth = 61; depth <= 62; depth++)
		for (int keeps = 0; keeps <= 1; keeps++) {
			struct webhook_opts source = source_with(0, keeps);
			struct buf event = BUF_INIT(4096), body = BUF_INIT(4096);
			struct draft draft;
			struct mapping_fault fault;
			json_t *json;
			buf_text(&event,
				"{\"data\":{\"user\":\"u\",\"claim\":\"c\",\"reason\":\"r\",\"deep\":");
			for (int i = 0; i < depth; i++)
				buf_byte(&event, '[');
			for (int i = 0; i < depth; i++)
				buf_byte(&event, ']');
			buf_text(&event, "}}");
			bool ok = mapping_body(&source, 6, buf_slice(&event), 1, &body, &draft, &fault);
			assert_int_equal(ok, !keeps || depth == 61);
			if (!ok)
				assert_int_equal(fault.fault.problem, PROBLEM_TOO_DEEP);
			else
				assert_int_equal(jx_parse(buf_slice(&body), 64, &json, NULL), ST_OK);
			if (ok)
				json_decref(json);
			buf_release(&event);
			buf_release(&body);
		}
}

static void ids__of_deliveries(void **state)
{
	(void)state;
	static const struct {
		const char *event, *want;
	} rows[] = {{"{\"id\":\"evt_\\u00fc\"}", "evt_\xc3\xbc"}, {"{\"id\":12.0}", "12.0"},
		{"{\"id\":\"\"}", NULL}, {"{\"id\":null}", NULL}, {"{\"id\":{}}", NULL}, {"{}", NULL}};
	struct webhook_opts source = source_with(0, true);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf id = BUF_INIT(256);
		struct mapping_fault fault;
		bool ok = mapping_id(&source, slice_text(rows[i].event), &id, &fault);
		assert_int_equal(ok, rows[i].want != NULL);
		if (ok)
			assert_string_equal(id.p, rows[i].want);
		else
			assert_string_equal(fault.fault.field, "id");
		buf_release(&id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers__as_in_rfc_6901),
		cmocka_unit_test(amounts__digit_by_digit),
		cmocka_unit_test(phases__by_type),
		cmocka_unit_test(bodies__as_a_table),
		cmocka_unit_test(bodies__ids_that_are_too_long),
		cmocka_unit_test(bodies__events_that_are_nested_deep),
		cmocka_unit_test(ids__of_deliveries),
	};
	jx_init();
	return cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
}

/* tests/unit/test_validate.c: what bodies and phase numbers are taken, and what is said about the others. */
#include "tests/support/unit.h"

#include "spool/validate.h"

#include <stdio.h>
#include <string.h>

static const int64_t NOW_US = 1700000000123456;

struct row {
	int phase;
	const char *body;
	enum problem problem; /* NONE: it is good */
	const char *field;
	const char *error; /* NULL: not compared */
};

static const char *const NO_USER = "user_id is required";
static const char *const NO_2 = "sync_id is required for Phase 2";
static const char *const NO_6 = "claim_id and rejection_reason are required for Phase 6";
static const char *const NO_7 = "claim_id and amount are required for Phase 7";

static bool validate(int phase, const char *body, struct draft *draft, struct fault *fault)
{
	json_t *json;
	assert_int_equal(jx_parse(slice_text(body), 64, &json, NULL), ST_OK);
	bool ok = validate_body(phase, json, NOW_US, draft, fault);
	json_decref(json); /* the draft must not need it any more */
	return ok;
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct draft draft;
		struct fault fault = {0};
		bool ok = validate(rows[i].phase, rows[i].body, &draft, &fault);
		if (ok != (rows[i].problem == PROBLEM_NONE))
			fail_msg("phase %d %s: %s", rows[i].phase, rows[i].body, fault.why.text);
		assert_int_equal(fault.problem, rows[i].problem);
		if (rows[i].field)
			assert_string_equal(fault.field, rows[i].field);
		if (rows[i].error)
			assert_string_equal(fault.why.text, rows[i].error);
	}
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void ids__what_counts_as_missing(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{1, "{}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "[]", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "[{\"user_id\":\"u\"}]", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":null}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":\"\"}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":\" \\t\\n\"}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":0}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":false}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":true}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":{}}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":[\"u\"]}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"userId\":\"u\"}", PROBLEM_MISSING_FIELD, "user_id", NO_USER},
		{1, "{\"user_id\":\"0\"}", PROBLEM_NONE, NULL, NULL},
		{1, "{\"user_id\":-7}", PROBLEM_NONE, NULL, NULL},
		{2, "{\"user_id\":\"u\"}", PROBLEM_MISSING_FIELD, "sync_id", NO_2},
		{2, "{\"user_id\":\"u\",\"sync_id\":\" \"}", PROBLEM_MISSING_FIELD, "sync_id", NO_2},
		{2, "{\"user_id\":\"u\",\"sync_id\":{}}", PROBLEM_MISSING_FIELD, "sync_id", NO_2},
		{3, "{\"user_id\":\"u\"}", PROBLEM_MISSING_FIELD, "sync_id",
			"sync_id is required for Phase 3"},
		{4, "{\"user_id\":\"u\"}", PROBLEM_MISSING_FIELD, "sync_id",
			"sync_id is required for Phase 4"},
		{5, "{\"user_id\":\"u\"}", PROBLEM_MISSING_FIELD, "claim_id",
			"claim_id is required for Phase 5"},
		{10, "{\"user_id\":\"u\"}", PROBLEM_MISSING_FIELD, "sync_id",
			"sync_id is required for Step 10"},
		{14, "{\"user_id\":\"u\",\"sync_id\":1}", PROBLEM_NONE, NULL, NULL},
	};
	CHECK_ROWS(rows);
}

static void claims__reason_and_amount(void **state)
{
	(void)state;
#define CLAIM "{\"user_id\":\"u\",\"claim_id\":\"c\""
	static const struct row rows[] = {
		{5, CLAIM "}", PROBLEM_NONE, NULL, NULL},
		{6, CLAIM "}", PROBLEM_MISSING_FIELD, "rejection_reason", NO_6},
		{6, "{\"user_id\":\"u\",\"reason\":\"r\"}", PROBLEM_MISSING_FIELD, "claim_id", NO_6},
		{6, CLAIM ",\"reason\":\"r\"}", PROBLEM_NONE, NULL, NULL},
		{6, CLAIM ",\"rejection_reason\":\"r\"}", PROBLEM_NONE, NULL, NULL},
		{6, CLAIM ",\"rejection_reason\":\"\",\"reason\":null}", PROBLEM_MISSING_FIELD,
			"rejection_reason", NO_6},
		{7, CLAIM "}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, "{\"user_id\":\"u\",\"amount\":1}", PROBLEM_MISSING_FIELD, "claim_id", NO_7},
		{7, CLAIM ",\"amount\":0}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, CLAIM ",\"amount\":0.00}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, CLAIM ",\"amount\":\"0\"}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, CLAIM ",\"amount\":\"-0.0\"}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, CLAIM ",\"amount\":false}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, CLAIM ",\"amount\":\"\"}", PROBLEM_MISSING_FIELD, "amount", NO_7},
		{7, CLAIM ",\"amount\":1}", PROBLEM_NONE, NULL, NULL},
		{7, CLAIM ",\"amount\":0.01}", PROBLEM_NONE, NULL, NULL},
		{7, CLAIM ",\"amount\":\"12.50\"}", PROBLEM_NONE, NULL, NULL},
		{7, CLAIM ",\"amount\":\"1e2\"}", PROBLEM_NONE, NULL, NULL},
		{7, CLAIM ",\"amount\":-5}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\"-5\"}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":true}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":[]}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\"abc\"}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\" 5\"}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\"5 \"}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\"5,0\"}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\"0x10\"}", PROBLEM_BAD_FIELD, "amount", NULL},
		{7, CLAIM ",\"amount\":\"1e999\"}", PROBLEM_BAD_FIELD, "amount", NULL},
	};
#undef CLAIM
	CHECK_ROWS(rows);
}

static void lists__must_hold_objects(void **state)
{
	(void)state;
#define SYNC "{\"user_id\":\"u\",\"sync_id\":\"s\""
	static const struct row rows[] = {
		{3, SYNC "}", PROBLEM_NONE, NULL, NULL},
		{3, SYNC ",\"claims\":[]}", PROBLEM_NONE, NULL, NULL},
		{3, SYNC ",\"claims\":[{},{}]}", PROBLEM_NONE, NULL, NULL},
		{3, SYNC ",\"claims\":0,\"claims_found\":[{}]}", PROBLEM_NONE, NULL, NULL},
		{3, SYNC ",\"claims\":[],\"claims_found\":[1]}", PROBLEM_NONE, NULL, NULL},
		{3, SYNC ",\"claims\":null,\"claims_found\":[1]}", PROBLEM_BAD_FIELD, "claims_found", NULL},
		{3, SYNC ",\"claims\":[{},null]}", PROBLEM_BAD_FIELD, "claims",
			"claims must be an array of objects; element 1 is none"},
		{3, SYNC ",\"claims\":{}}", PROBLEM_BAD_FIELD, "claims",
			"claims must be an array of objects"},
		{3, SYNC ",\"claims\":3}", PROBLEM_BAD_FIELD, "claims", NULL},
		{4, SYNC ",\"matches\":\"x\"}", PROBLEM_BAD_FIELD, "matches", NULL},
		{4, SYNC ",\"matching_results\":[[]]}", PROBLEM_BAD_FIELD, "matching_results", NULL},
		{4, SYNC ",\"matches\":[{\"confidence\":\"x\"}]}", PROBLEM_NONE, NULL, NULL},
		{2, SYNC ",\"claims\":3}", PROBLEM_NONE, NULL, NULL},
	};
#undef SYNC
	CHECK_ROWS(rows);
}

static void numbers__digits_only(void **state)
{
	(void)state;
	static const struct {
		const char *segment;
		bool is_step;
		int phase; /* 0: refused */
	} rows[] = {
		{"1", false, 1},
		{"7", false, 7},
		{"01", false, 1},
		{"0", false, 0},
		{"8", false, 0},
		{"10", false, 0},
		{"-1", false, 0},
		{"+2", false, 0},
		{" 1", false, 0},
		{"3abc", false, 0},
		{"1.9", false, 0},
		{"0x1", false, 0},
		{"", false, 0},
		{"4294967297", false, 0},
		{"99999999999999999999999", false, 0},
		{"10", true, 10},
		{"14", true, 14},
		{"15", true, 0},
		{"9", true, 0},
		{"1", true, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int phase;
		struct fault fault;
		bool ok = validate_number(slice_text(rows[i].segment), rows[i].is_step, &phase, &fault);
		if (ok != (rows[i].phase != 0))
			fail_msg("segment %s", rows[i].segment);
		if (ok)
			assert_int_equal(phase, rows[i].phase);
	}
}

static void numbers__the_text_shows_the_segment(void **state)
{
	(void)state;
	int phase;
	struct fault fault;
	assert_false(validate_number(slice_text("<b>\""), false, &phase, &fault));
	assert_string_equal(fault.why.text, "Invalid phase number: <b>\". Must be 1-7.");
	assert_false(validate_number(slice_text("9"), true, &phase, &fault));
	assert_string_equal(fault.why.text, "Invalid step number: 9. Must be 10-14.");
}

static void assert_slice(struct slice got, const char *want)
{
	if (!slice_is(got, want))
		fail_msg("got %.*s, want %s", SLICE_ARG(got), want);
}

static void workflow_ids__given_or_made_up(void **state)
{
	(void)state;
	static const struct {
		int phase;
		const char *body, *workflow_id;
		bool solo_user;
	} rows[] = {
		{1, "{\"user_id\":\"u\"}", "oauth_u_1700000000123", true},
		{1, "{\"user_id\":\"u\",\"sync_id\":{}}", "oauth_u_1700000000123", true},
		{1, "{\"user_id\":\"u\",\"sync_id\":\"s\"}", "s", false},
		{2, "{\"user_id\":\"u\",\"sync_id\":12}", "12", false},
		{2, "{\"user_id\":\"u\",\"sync_id\":0.1}", "0.1", false},
		{5, "{\"user_id\":\"u\",\"claim_id\":\"C\"}", "claim_C", false},
		{5, "{\"user_id\":\"u\",\"claim_id\":\"C\",\"sync_id\":\"s\"}", "s", false},
		{6, "{\"user_id\":\"u\",\"claim_id\":\"C\",\"reason\":1}", "rejection_C", false},
		{7, "{\"user_id\":\"u\",\"claim_id\":9,\"amount\":1}", "payout_9", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct draft draft;
		struct fault fault;
		assert_true(validate(rows[i].phase, rows[i].body, &draft, &fault));
		assert_slice(draft.trigger.workflow_id, rows[i].workflow_id);
		assert_slice(draft.trigger.user_id, "u");
		assert_int_equal(draft.trigger.solo_user, rows[i].solo_user);
		assert_int_equal(draft.trigger.phase, rows[i].phase);
	}
}

/* body with claim_id of `len` letters, of which the last is `last` */
static void claim_body(char *out, size_t cap, int len, char last)
{
	int at = snprintf(out, cap, "{\"user_id\":\"u\",\"claim_id\":\"");
	memset(out + at, 'c', (size_t)len - 1);
	out[at + len - 1] = last;
	snprintf(out + at + len, cap - (size_t)(at + len), "\"}");
}

static void workflow_ids__long_ones_fit_and_differ(void **state)
{
	(void)state;
	char body[512];
	struct draft a, b;
	struct fault fault;
	claim_body(body, sizeof body, JOB_TEXT_MAX, 'x');
	assert_true(validate(5, body, &a, &fault));
	claim_body(body, sizeof body, JOB_TEXT_MAX, 'y');
	assert_true(validate(5, body, &b, &fault));
	assert_true(a.trigger.workflow_id.len <= JOB_TEXT_MAX);
	assert_false(slice_eq(a.trigger.workflow_id, b.trigger.workflow_id));
	claim_body(body, sizeof body, JOB_TEXT_MAX + 1, 'x');
	assert_false(validate(5, body, &a, &fault));
	assert_int_equal(fault.problem, PROBLEM_BAD_FIELD);
	assert_string_equal(fault.field, "claim_id");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids__what_counts_as_missing),
		cmocka_unit_test(claims__reason_and_amount),
		cmocka_unit_test(lists__must_hold_objects),
		cmocka_unit_test(numbers__digits_only),
		cmocka_unit_test(numbers__the_text_shows_the_segment),
		cmocka_unit_test(workflow_ids__given_or_made_up),
		cmocka_unit_test(workflow_ids__long_ones_fit_and_differ),
	};
	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}

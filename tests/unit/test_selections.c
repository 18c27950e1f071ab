/* tests/unit/test_selections.c: selections by where= at the API: what limited tokens find and steer by them,
 * and what nobody may search for. */
#include "tests/unit/gate_fixture.h"

#include <stdio.h>

static const struct where_env env = {.now_us = INT64_C(1790000000000000)};

static void secrets__are_not_searched_for(void **state)
{
	(void)state;
	struct where_env hiding = env;
	struct where w;
	size_t at;
	struct why why = WHY_INIT;
	struct mask *mask;
	assert_int_equal(mask_new(MASK_DEFAULT_FIELDS ", /card/number, /list/0", &mask, NULL), ST_OK);
	hiding.mask = mask;
	assert_int_equal(where_parse(slice_text("body.api_key~a"), &env, &w, &at, &why), ST_OK);
	assert_int_equal(where_parse(slice_text("body.api_key~a"), &hiding, &w, &at, &why), ST_INVALID);
	assert_int_equal(
		where_parse(slice_text("phase=1 body.x.Token.y=a"), &hiding, &w, &at, &why), ST_INVALID);
	assert_int_equal(at, 8);
	assert_int_equal(where_parse(slice_text("body.x~a"), &hiding, &w, &at, &why), ST_OK);
	/* Places, and what is in them; the same element under another number. */
	static const char *const hidden[] = {
		"card.number", "card.number.last", "list.0", "list.00", "list.0.x"};
	static const char *const open[] = {
		"card", "card.name", "number", "x.card.number", "list.1", "list.10"};
	char text[40];
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		snprintf(text, sizeof text, "body.%s=1", hidden[i]);
		if (where_parse(slice_text(text), &hiding, &w, &at, &why) != ST_INVALID)
			fail_msg("%s", text);
	}
	for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
		snprintf(text, sizeof text, "body.%s=1", open[i]);
		if (where_parse(slice_text(text), &hiding, &w, &at, &why) != ST_OK)
			fail_msg("%s: %s", text, why.text);
	}
	mask_free(mask);
}

/* What one who sees all has asked for, as others see it. */
static void secrets__in_selections_of_others(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"state=failed body.amount>3", "state=failed body.amount>3"},
		{"state=failed body.api_key=x1", "***"},
		{"error~\"Bearer s3cr3t\"", "error~\"Bearer ***\""},
		{"receiver=that-was-there", "***"},
		{"", ""},
	};
	struct where_env asker = env;
	struct mask *mask;
	assert_int_equal(mask_new(MASK_DEFAULT_FIELDS, &mask, NULL), ST_OK);
	for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
		char text[WHERE_TEXT_MAX + 1];
		asker.mask = i % 2 ? mask : NULL;
		snprintf(text, sizeof text, "%s", rows[i / 2][0]);
		where_hide(text, &asker);
		assert_string_equal(text, rows[i / 2][i % 2]);
	}
	mask_free(mask);
}

/* Else it could be guessed letter by letter. */
static void secrets__in_texts_are_not_found(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool seen, hidden; /* with all shown; with a mask */
	} rows[] = {
		{"error~s3cr", true, false},
		{"error~\"Bearer ***\"", false, true},
		{"error~503", true, true},
		{"error!=x", true, true},
		{"key=k-1", true, false},
		{"idempotency_key~k", true, false},
		{"source~hush", true, false},
		{"user~u", true, true},
	};
	struct job job = {.phase = 7,
		.user_id = slice_text("u-1"),
		.idempotency_key = slice_text("k-1"),
		.source = slice_text("password=hushhush"),
		.error = slice_text("answered 503 to Bearer s3cr3t-and-long")};
	struct mask *mask;
	assert_int_equal(mask_new(MASK_DEFAULT_FIELDS ", *_key", &mask, NULL), ST_OK);
	for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
		struct where_env asker = env;
		struct where w;
		size_t at;
		struct why why = WHY_INIT;
		asker.mask = i % 2 ? mask : NULL;
		assert_int_equal(where_parse(slice_text(rows[i / 2].text), &asker, &w, &at, &why), ST_OK);
		if (where_matches(&w, &job) != (i % 2 ? rows[i / 2].hidden : rows[i / 2].seen))
			fail_msg("%s, %s", rows[i / 2].text, i % 2 ? "masked" : "shown");
	}
	mask_free(mask);
}

static void assert_number(json_t *json, const char *name, int64_t want)
{
	if (json_integer_value(jx_get(json, name)) != want || !json_is_integer(jx_get(json, name)))
		fail_msg("%s: %lld, not %lld", name, (long long)json_integer_value(jx_get(json, name)),
			(long long)want);
}

/* A selection by terms that no index knows: each job is read, and others' are not even counted. */
static void selections__are_of_the_own(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name, *user;
		uint32_t phases;
		int64_t scanned, found;
	} rows[] = {{"all", "", TOKEN_ALL_PHASES, 4, 4}, {"sellers", "seller-*", TOKEN_ALL_PHASES, 2, 2},
		{"one", "seller-2", TOKEN_ALL_PHASES, 1, 1}, {"nobody", "x*", TOKEN_ALL_PHASES, 0, 0},
		{"phases", "", 1u << 1 | 1u << 3, 3, 3}, {"both", "seller-*", 1u << 2, 1, 1}};
	accept_job(f, 2, "w1", "seller-1");
	accept_job(f, 3, "w2", "seller-2");
	accept_job(f, 2, "w3", "buyer-1");
	accept_job(f, 4, "w4", "buyer-2");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *header = token_for(f, rows[i].name, SCOPE_ALL, rows[i].phases, rows[i].user);
		struct reply reply = ask(f, "GET", BASE "/jobs", "where=attempts%3C9", header, "");
		json_t *json = json_of(&reply);
		assert_number(json, "scanned", rows[i].scanned);
		assert_int_equal(json_array_size(jx_get(json, "jobs")), rows[i].found);
		json_decref(json);
		reply_release(&reply);
		reply = ask(f, "POST", BASE "/jobs/hold", "", header, "{\"where\":\"attempts<9 body.x!=1\"}");
		json = json_of(&reply);
		assert_number(json, "done", rows[i].found);
		assert_number(json, "skipped", 0);
		assert_number(json, "scanned", rows[i].scanned);
		assert_int_equal(json_is_string(jx_get(json, "operation")), rows[i].found > 0);
		json_decref(json);
		reply_release(&reply);
		reply = ask(f, "POST", BASE "/jobs/release", "", NULL, "{\"state\":\"held\"}");
		json = json_of(&reply);
		assert_number(json, "done", rows[i].found);
		json_decref(json);
		reply_release(&reply);
	}
	/* Others' phases and users, named: nothing, and nothing to count. */
	const char *header = token_for(f, "s", SCOPE_ALL, 1u << 1, "seller-*");
	static const char *const foreign[] = {"where=user%3Dbuyer-1%20attempts%3C9",
		"where=phase%3D4%20attempts%3C9", "where=attempts%3C9&phase=4",
		"where=workflow%3Dw3%20attempts%3C9"};
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		struct reply reply = ask(f, "GET", BASE "/jobs", foreign[i], header, "");
		json_t *json = json_of(&reply);
		assert_number(json, "scanned", 0);
		assert_int_equal(json_array_size(jx_get(json, "jobs")), 0);
		assert_true(json_is_null(jx_get(json, "next_cursor")));
		json_decref(json);
		reply_release(&reply);
	}
}

/* privacy.secret-fields, for tokens and for trusted networks: in lists, in acts, in plans. */
static void selections__do_not_search_secrets(void **state)
{
	struct fixture *f = *state;
	static const char *const asks[][4] = {
		{"GET", BASE "/jobs", "where=body.card.number~4", ""},
		{"GET", BASE "/jobs", "where=body.api_key~4", ""},
		{"POST", BASE "/jobs/cancel", "", "{\"where\":\"body.card.number~4\"}"},
		{"POST", BASE "/plans", "", "{\"verb\":\"hold\",\"where\":\"phase=1 body.api_key~4\"}"},
	};
	mask_free(f->opts.privacy.mask);
	assert_int_equal(mask_new("api_key, /card/number", &f->opts.privacy.mask, NULL), ST_OK);
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		struct reply reply = ask(f, asks[i][0], asks[i][1], asks[i][2], NULL, asks[i][3]);
		json_t *json = json_of(&reply);
		assert_int_equal(reply.http_status, 400);
		assert_string_equal(json_string_value(jx_get(json, "field")), "where");
		assert_number(json, "position", i == 3 ? 8 : 0);
		json_decref(json);
		reply_release(&reply);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets__are_not_searched_for),
		cmocka_unit_test(secrets__in_texts_are_not_found),
		cmocka_unit_test(secrets__in_selections_of_others),
		CASE(selections__are_of_the_own),
		CASE(selections__do_not_search_secrets),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests_name("selections", tests, NULL, NULL);
}

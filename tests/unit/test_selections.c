/* tests/unit/test_selections.c: selections by where= at the API: what limited tokens find and steer by them,
 * and what nobody may search for. */
#include "tests/unit/gate_fixture.h"

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
	mask_free(f->opts.privacy.mask);
	f->opts.privacy.mask = NULL;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(selections__are_of_the_own),
		CASE(selections__do_not_search_secrets),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests_name("selections", tests, NULL, NULL);
}

/* tests/unit/test_access.c: who is let in without credentials. */
#include "tests/support/unit.h"

#include "fcgi/access.h"

#include <stdio.h>

static const char *const LOCAL = "127.0.0.0/8, ::1";
static const char *const PROXIES = "10.0.0.1, 10.0.0.2, 127.0.0.1";

static void access__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *peer, *x_forwarded_for, *forwarded, *x_real_ip, *proxies;
		bool want;
	} rows[] = {
		{"127.0.0.1", "", "", "", "", true},
		{"127.8.9.1", "", "", "", "", true},
		{"::1", "", "", "", "", true},
		{"::ffff:127.0.0.1", "", "", "", "", true},
		{"10.0.0.9", "", "", "", "", false},
		{"", "", "", "", "", false},
		{"unix:", "", "", "", "", false},
		{"localhost", "", "", "", "", false},
		/* forwarded by a peer that is no proxy of ours */
		{"127.0.0.1", "127.0.0.1", "", "", "", false},
		{"127.0.0.1", "", "for=127.0.0.1", "", "", false},
		{"127.0.0.1", "", "", "127.0.0.1", "", false},
		/* forwarded by one that is */
		{"10.0.0.1", "127.0.0.1", "", "", "10.0.0.1", true},
		{"10.0.0.1", "127.0.0.1, 10.0.0.2", "", "", "10.0.0.1, 10.0.0.2", true},
		{"10.0.0.1", " 127.0.0.1 ,10.0.0.2,10.0.0.2", "", "", "10.0.0.1 10.0.0.2", true},
		{"10.0.0.1", "8.8.8.8", "", "", "10.0.0.1", false},
		/* what the client itself put in front is not believed */
		{"10.0.0.1", "127.0.0.1, 8.8.8.8", "", "", "10.0.0.1", false},
		{"10.0.0.1", "127.0.0.1, 8.8.8.8, 10.0.0.2", "", "", "10.0.0.1, 10.0.0.2", false},
		{"10.0.0.1", "127.0.0.1, unknown", "", "", "10.0.0.1", false},
		{"10.0.0.1", "127.0.0.1,", "", "", "10.0.0.1", false},
		{"10.0.0.1", ",", "", "", "10.0.0.1", false},
		/* only X-Forwarded-For can tell the client */
		{"10.0.0.1", "", "for=127.0.0.1", "", "10.0.0.1", false},
		{"10.0.0.1", "", "", "127.0.0.1", "10.0.0.1", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct access_rules rules = {LOCAL, rows[i].proxies, NULL};
		struct request request = {0};
		request.param[PARAM_REMOTE_ADDR] = slice_text(rows[i].peer);
		request.param[PARAM_X_FORWARDED_FOR] = slice_text(rows[i].x_forwarded_for);
		request.param[PARAM_FORWARDED] = slice_text(rows[i].forwarded);
		request.param[PARAM_X_REAL_IP] = slice_text(rows[i].x_real_ip);
		if (access_allows(&rules, &request) != rows[i].want)
			fail_msg("row %zu: peer %s, forwarded for %s", i, rows[i].peer,
				rows[i].x_forwarded_for);
	}
}

static void access__all_proxies_is_the_first(void **state)
{
	(void)state;
	const struct access_rules rules = {LOCAL, PROXIES, NULL};
	struct request request = {0};
	request.param[PARAM_REMOTE_ADDR] = slice_text("10.0.0.1");
	request.param[PARAM_X_FORWARDED_FOR] = slice_text("127.0.0.1, 10.0.0.2");
	assert_true(access_allows(&rules, &request));
	request.param[PARAM_X_FORWARDED_FOR] = slice_text("10.0.0.2");
	assert_false(access_allows(&rules, &request));
}

static void access__no_networks_is_nobody(void **state)
{
	(void)state;
	const struct access_rules none = {"", "", NULL}, null = {NULL, NULL, NULL};
	struct request request = {0};
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	assert_false(access_allows(&none, &request));
	assert_false(access_allows(&null, &request));
}

static void identify__trusted_or_nobody(void **state)
{
	(void)state;
	const struct access_rules rules = {LOCAL, "", NULL};
	struct request request = {0};
	struct caller caller;
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	access_identify(&rules, &request, &caller);
	assert_int_equal(caller.scopes, SCOPE_ALL);
	assert_true(caller_may(&caller, 7, slice_text("anybody")));
	assert_true(caller_may(&caller, 14, slice_text("anybody")));
	request.param[PARAM_REMOTE_ADDR] = slice_text("10.0.0.9");
	access_identify(&rules, &request, &caller);
	assert_int_equal(caller.scopes, SCOPE_NONE);
	assert_false(caller_may(&caller, 7, slice_text("anybody")));
}

/* Without a token that is known, one that is shown shuts out whoever it is. */
static void identify__a_token_decides_alone(void **state)
{
	(void)state;
	static const struct {
		const char *header, *peer;
		unsigned scopes;
		bool complains;
	} rows[] = {
		{"", "127.0.0.1", SCOPE_ALL, false},
		{"Basic dXNlcjpwYXNz", "127.0.0.1", SCOPE_ALL, false}, /* nginx's own, say: nothing of ours */
		{"Basic dXNlcjpwYXNz", "10.0.0.9", SCOPE_NONE, false},
		{"Bearer abc", "127.0.0.1", SCOPE_NONE, true},
		{"bearer abc", "10.0.0.9", SCOPE_NONE, true},
		{"Bearer", "127.0.0.1", SCOPE_NONE, true},
		{"Bearers abc", "127.0.0.1", SCOPE_ALL, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct access_rules rules = {LOCAL, "", NULL};
		struct request request = {0};
		struct caller caller;
		request.param[PARAM_REMOTE_ADDR] = slice_text(rows[i].peer);
		request.param[PARAM_AUTHORIZATION] = slice_text(rows[i].header);
		const char *complaint = access_identify(&rules, &request, &caller);
		if (caller.scopes != rows[i].scopes || !complaint == rows[i].complains)
			fail_msg("row %zu: %s", i, complaint ? complaint : "no complaint");
	}
}

static void caller__of_a_token(void **state)
{
	(void)state;
	struct token token = {.name = "abcdefghijklmnopqrstuvwxyz012345", .scopes = SCOPE_READ, .phases = 2};
	struct caller caller;
	caller_init_token(&caller, &token);
	assert_string_equal(caller.name, "token:abcdefghijklmnopqrstuvwxyz012345");
	assert_int_equal(caller.scopes, SCOPE_READ);
	assert_true(caller_is_limited(&caller));
	assert_true(caller_may(&caller, 2, slice_text("u")));
	assert_false(caller_may(&caller, 1, slice_text("u")));
	token.phases = TOKEN_ALL_PHASES;
	memcpy(token.user, "*", 2);
	caller_init_token(&caller, &token);
	assert_false(caller_is_limited(&caller));
	memcpy(token.user, "u*", 3);
	caller_init_token(&caller, &token);
	assert_true(caller_is_limited(&caller));
	caller_init_trusted(&caller);
	assert_false(caller_is_limited(&caller));
}

static void caller__may_as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *pattern;
		int phase;
		const char *user;
		bool want;
	} rows[] = {
		{"", 1, "u", true},
		{"", 4, "u", true},
		{"", 2, "u", false}, /* not one of its phases */
		{"", 10, "u", false},
		{"", 0, "u", false},
		{"seller-7", 1, "seller-7", true},
		{"seller-7", 1, "seller-77", false},
		{"seller-7", 1, "seller-", false},
		{"seller-*", 1, "seller-77", true},
		{"seller-*", 1, "seller-", true},
		{"seller-*", 1, "seller", false},
		{"seller-*", 1, "buyer-7", false},
		{"*", 1, "", true},
		{"a*b", 1, "a*b", true}, /* only the last one stands for anything */
		{"a*b", 1, "aXb", false},
	};
	struct caller caller = {.scopes = SCOPE_SUBMIT, .phases = 1 << 0 | 1 << 3};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct trigger trigger = {.phase = rows[i].phase, .user_id = slice_text(rows[i].user)};
		struct fault fault = {.problem = PROBLEM_NONE};
		snprintf(caller.user_pattern, sizeof caller.user_pattern, "%s", rows[i].pattern);
		if (caller_may(&caller, rows[i].phase, slice_text(rows[i].user)) != rows[i].want)
			fail_msg("row %zu", i);
		assert_int_equal(caller_may_submit(&caller, &trigger, &fault), rows[i].want);
		assert_int_equal(fault.problem, rows[i].want ? PROBLEM_NONE : PROBLEM_FORBIDDEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access__as_a_table),
		cmocka_unit_test(access__all_proxies_is_the_first),
		cmocka_unit_test(access__no_networks_is_nobody),
		cmocka_unit_test(identify__trusted_or_nobody),
		cmocka_unit_test(identify__a_token_decides_alone),
		cmocka_unit_test(caller__of_a_token),
		cmocka_unit_test(caller__may_as_a_table),
	};
	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}

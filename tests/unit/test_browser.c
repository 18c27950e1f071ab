/* tests/unit/test_browser.c: which requests of browsers are taken, and the origins and hosts that this rests
 * on. */
#include "tests/support/unit.h"

#include "fcgi/browser.h"
#include "spool/base/origin.h"

static void lists__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		bool is_origins, is_hosts;
	} rows[] = {
		{"", true, true},
		{" , ", true, true},
		{"https://app.example.com", true, false},
		{"https://app.example.com, http://[::1]:3000 http://localhost:5173", true, false},
		{"HTTPS://App.Example.com:443", true, false},
		{"*", false, false},
		{"null", false, true}, /* as a host it is a name like another */
		{"https://*.example.com", false, false},
		{"https://app.example.com/", false, false},
		{"https://app.example.com/page", false, false},
		{"https://user@app.example.com", false, false},
		{"https://app.example.com?x", false, false},
		{"https://", false, false},
		{"https://:443", false, false},
		{"https://app.example.com:", false, false},
		{"https://app.example.com:0", false, false},
		{"https://app.example.com:65536", false, false},
		{"https://app.example.com:99999999999999999999", false, false},
		{"https://app.example.com:44x", false, false},
		{"https://[::1", false, false},
		{"https://[::1]x", false, false},
		{"https://[nonsense]", false, false},
		{"ftp://app.example.com", false, false},
		{"app.example.com", false, true},
		{"app.example.com:8080, [2001:db8::1]:80 10.0.0.1", false, true},
		{"*.example.com", false, false},
		{"app.example.com:x", false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (origins_valid(rows[i].list) != rows[i].is_origins ||
			hosts_valid(rows[i].list) != rows[i].is_hosts)
			fail_msg("%s", rows[i].list);
}

static void origins__are_exact(void **state)
{
	(void)state;
	static const char list[] = "https://app.example.com, http://localhost:5173 http://[::1]:80";
	static const struct {
		const char *origin;
		bool want;
	} rows[] = {
		{"https://app.example.com", true},
		{"https://APP.example.com:443", true},
		{"http://localhost:5173", true},
		{"http://[::1]", true},
		{"http://app.example.com", false}, /* another scheme */
		{"http://app.example.com:443", false},
		{"https://app.example.com:8443", false},
		{"https://app.example.com.evil.example", false},
		{"https://evil-app.example.com", false},
		{"https://example.com", false},
		{"https://app.example.com/", false},
		{"https://app.example.com, https://evil.example", false}, /* a header sent twice */
		{"http://localhost", false},
		{"http://::1", false},
		{"null", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (origins_contain(list, slice_text(rows[i].origin)) != rows[i].want)
			fail_msg("%s", rows[i].origin);
	assert_false(origins_contain(NULL, slice_text("https://app.example.com")));
}

static void hosts__fixed_as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		bool want;
	} rows[] = {
		{"127.0.0.1:8080", true},
		{"10.1.2.3", true},
		{"[::1]:8080", true},
		{"localhost", true},
		{"LOCALHOST:3001", true},
		{"clario", true},
		{"shop.localhost", true},
		{"evil.example", false},
		{"localhost.evil.example", false},
		{"127.0.0.1.evil.example", false},
		{"127.0.0.1.", false},
		{".localhost", false},
		{"notlocalhost.example:80", false},
		{"localhost.", false},
		{"a b", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (host_is_fixed(slice_text(rows[i].host)) != rows[i].want)
			fail_msg("%s", rows[i].host);
}

static void requests__as_a_table(void **state)
{
	(void)state;
	static const char app[] = "https://app.example.com", evil[] = "https://evil.example", none[] = "",
			  local[] = "127.0.0.1:8080";
	static const struct {
		const char *method, *host, *origin, *site, *hosts;
		enum problem want;
	} rows[] = {
		/* programs */
		{"POST", local, none, none, none, PROBLEM_NONE},
		{"POST", "clario.example.com", none, none, none, PROBLEM_NONE},
		{"POST", "", none, none, none, PROBLEM_NONE},
		/* this host's own pages */
		{"POST", local, "http://127.0.0.1:8080", none, none, PROBLEM_NONE},
		{"POST", local, "http://127.0.0.1:8080", "same-origin", none, PROBLEM_NONE},
		{"POST", "localhost", "http://localhost", "same-origin", none, PROBLEM_NONE},
		{"POST", local, none, "same-origin", none, PROBLEM_NONE},
		{"POST", local, none, "none", none, PROBLEM_NONE},
		/* listed pages */
		{"POST", local, app, "cross-site", none, PROBLEM_NONE},
		{"POST", "api.example.com", app, "same-site", none, PROBLEM_NONE},
		/* pages of others: another host, port, scheme, or a document without an origin */
		{"POST", local, evil, none, none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, evil, "cross-site", none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, "http://127.0.0.1:8081", "same-site", none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, "http://localhost:8080", none, none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, "null", none, none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, none, "cross-site", none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, none, "same-site", none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, none, "new-word", none, PROBLEM_CROSS_ORIGIN},
		{"POST", local, "http://127.0.0.1:8080", "cross-site", none, PROBLEM_CROSS_ORIGIN},
		{"DELETE", local, evil, none, none, PROBLEM_CROSS_ORIGIN},
		{"POST", "", evil, none, none, PROBLEM_CROSS_ORIGIN},
		/* reading changes nothing, and the page does not get to see it */
		{"GET", local, evil, "cross-site", none, PROBLEM_NONE},
		{"HEAD", local, none, "cross-site", none, PROBLEM_NONE},
		{"OPTIONS", local, evil, "cross-site", none, PROBLEM_NONE},
		/* a page whose name was made to lead here: to its browser it is of this host, and reads */
		{"POST", "evil.example:8080", "http://evil.example:8080", "same-origin", none,
			PROBLEM_UNKNOWN_HOST},
		{"POST", "evil.example:8080", "http://evil.example:8080", none, none, PROBLEM_UNKNOWN_HOST},
		{"GET", "evil.example:8080", none, "same-origin", none, PROBLEM_UNKNOWN_HOST},
		{"POST", "clario.example.com", "https://clario.example.com", "same-origin",
			"clario.example.com", PROBLEM_NONE},
		{"GET", "Clario.Example.com:8443", none, "none", "clario.example.com", PROBLEM_NONE},
		{"GET", "clario.example.com:8443", none, "none", "clario.example.com:443",
			PROBLEM_UNKNOWN_HOST},
		/* with a list, also where the browser says nothing */
		{"GET", "evil.example:8080", none, none, "clario.example.com", PROBLEM_UNKNOWN_HOST},
		{"GET", "clario.example.com", none, none, "clario.example.com", PROBLEM_NONE},
		{"GET", local, none, none, "clario.example.com", PROBLEM_NONE},
		{"GET", "", none, none, "clario.example.com", PROBLEM_NONE},
		{"POST", "api.example.com", app, "same-site", "clario.example.com", PROBLEM_UNKNOWN_HOST},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct browser_rules rules = {app, rows[i].hosts};
		struct request request = {0};
		struct fault fault = {.problem = PROBLEM_NONE};
		request.param[PARAM_METHOD] = slice_text(rows[i].method);
		request.param[PARAM_HOST] = slice_text(rows[i].host);
		request.param[PARAM_ORIGIN] = slice_text(rows[i].origin);
		request.param[PARAM_SEC_FETCH_SITE] = slice_text(rows[i].site);
		bool is_allowed = browser_allows(&rules, &request, &fault);
		if (fault.problem != rows[i].want || is_allowed != (fault.problem == PROBLEM_NONE))
			fail_msg("row %zu: %s", i, problem_code(fault.problem));
	}
}

static void rules__that_were_never_set(void **state)
{
	(void)state;
	const struct browser_rules rules = {NULL, NULL};
	struct request request = {0};
	struct reply reply;
	struct fault fault;
	reply_init(&reply);
	request.param[PARAM_METHOD] = slice_text("POST");
	request.param[PARAM_HOST] = slice_text("localhost");
	assert_true(browser_allows(&rules, &request, &fault));
	request.param[PARAM_ORIGIN] = slice_text("https://app.example.com");
	assert_false(browser_allows(&rules, &request, &fault));
	browser_share(&rules, &request, &reply);
	assert_int_equal(reply.readable_by.len, 0);
	assert_false(reply.varies_by_origin);
	reply_release(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists__as_a_table),
		cmocka_unit_test(origins__are_exact),
		cmocka_unit_test(hosts__fixed_as_a_table),
		cmocka_unit_test(requests__as_a_table),
		cmocka_unit_test(rules__that_were_never_set),
	};
	return cmocka_run_group_tests_name("browser", tests, NULL, NULL);
}

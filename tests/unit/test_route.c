/* tests/unit/test_route.c: method and path to a row of the table. */
#include "tests/support/unit.h"

#include "fcgi/route.h"

static void handle(struct app *app, const struct request *request, struct reply *reply)
{
	(void)app;
	(void)request;
	(void)reply;
}

enum { PHASE = 1, LIST, RETRY_MANY, ONE, RETRY, WORKFLOW, HEALTH, ROOT_HEALTH };

static const struct route table[] = {
	{"POST", "/phase/{}", handle, PHASE, SCOPE_SUBMIT, 0},
	{"GET", "/jobs", handle, LIST, SCOPE_READ, 0},
	{"POST", "/jobs/retry", handle, RETRY_MANY, SCOPE_OPERATE, 0},
	{"GET", "/jobs/{}", handle, ONE, SCOPE_READ, 0},
	{"POST", "/jobs/{}/retry", handle, RETRY, SCOPE_OPERATE, 0},
	{"GET", "/workflows/{*}", handle, WORKFLOW, SCOPE_READ, 0},
	{"GET", "/health", handle, HEALTH, SCOPE_NONE, 0},
	{"GET", "/health", handle, ROOT_HEALTH, SCOPE_NONE, ROUTE_ROOT},
};

#define BASE "/api/v1/workflow"

static void find(const char *method, const char *path, struct route_match *match)
{
	route_find(table, sizeof table / sizeof *table, slice_text(method), slice_text(path), match);
}

static void paths__that_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		int arg;
		const char *capture;
	} rows[] = {
		{"POST", BASE "/phase/3", PHASE, "3"},
		{"POST", BASE "/phase/3/", PHASE, "3"},
		{"POST", "/" BASE "/phase/3", PHASE, "3"},
		{"POST", "/API/V1/Workflow/PHASE/<b>", PHASE, "<b>"},
		{"GET", BASE "/jobs", LIST, ""},
		{"HEAD", BASE "/jobs", LIST, ""},
		{"GET", BASE "/jobs/aBc", ONE, "aBc"},
		{"GET", BASE "/jobs/retry", ONE, "retry"},
		{"POST", BASE "/jobs/retry", RETRY_MANY, ""},
		{"POST", BASE "/jobs/x/retry", RETRY, "x"},
		{"GET", BASE "/workflows/a/b c", WORKFLOW, "a/b c"},
		{"GET", BASE "/health", HEALTH, ""},
		{"GET", "/HEALTH", ROOT_HEALTH, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route_match match;
		find(rows[i].method, rows[i].path, &match);
		if (!match.row || match.row->arg != rows[i].arg || !slice_is(match.capture, rows[i].capture))
			fail_msg("%s %s", rows[i].method, rows[i].path);
	}
}

static void paths__that_are_not(void **state)
{
	(void)state;
	static const char *const rows[] = {"", "/", BASE, BASE "/", BASE "/phase", BASE "/phase/",
		BASE "/phase/1/2", BASE "/jobs/x/y", BASE "/jobs//retry", BASE "x/jobs", BASE "/workflows/",
		"/api/v1/jobs", BASE "/healthy", "/phase/1"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route_match match;
		find("GET", rows[i], &match);
		if (match.known_path || match.row || match.is_open)
			fail_msg("%s", rows[i]);
	}
}

static void methods__are_told(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *allow;
	} rows[] = {
		{"GET", BASE "/phase/1", "POST, OPTIONS"},
		{"post", BASE "/phase/1", "POST, OPTIONS"},
		{"DELETE", BASE "/jobs", "GET, HEAD, OPTIONS"},
		{"PUT", BASE "/jobs/retry", "POST, GET, HEAD, OPTIONS"},
		{"", BASE "/health", "GET, HEAD, OPTIONS"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route_match match;
		find(rows[i].method, rows[i].path, &match);
		assert_true(match.known_path);
		assert_null(match.row);
		assert_string_equal(match.allow, rows[i].allow);
	}
}

static void open__only_if_all_rows_are(void **state)
{
	(void)state;
	struct route_match match;
	find("POST", BASE "/health", &match);
	assert_true(match.is_open);
	find("GET", BASE "/jobs", &match);
	assert_false(match.is_open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths__that_are_found),
		cmocka_unit_test(paths__that_are_not),
		cmocka_unit_test(methods__are_told),
		cmocka_unit_test(open__only_if_all_rows_are),
	};
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}

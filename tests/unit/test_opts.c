/* tests/unit/test_opts.c: the configuration as a whole: environment, inheritance, checks between rows. */
#include "spool/opts.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum status load(const char *text, struct opts *out, struct why *why)
{
	char path[] = "/tmp/clario-opts-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	enum status st = opts_load(path, out, why);
	unlink(path);
	return st;
}

static int clean_environment(void **state)
{
	static const char *const names[] = {"INTEGRATIONS_URL", "PYTHON_API_URL", "PYTHON_API_JWT_SECRET",
		"INTERNAL_API_KEY", "NODE_ENV", "AMAZON_SPAPI_BASE_URL"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	return 0;
}

static void assert_bounds(
	const struct opts *o, const char *name, int64_t rate, int64_t burst, uint64_t jobs, uint64_t bytes)
{
	struct caller_bounds b = opts_caller(o, slice_text(name));
	if (b.rate_milli != rate || b.burst != burst || b.max_jobs != jobs || b.max_bytes != bytes)
		fail_msg("%s: %lld, %lld, %llu, %llu", name, (long long)b.rate_milli, (long long)b.burst,
			(unsigned long long)b.max_jobs, (unsigned long long)b.max_bytes);
}

static void callers__have_bounds_of_their_own_where_told(void **state)
{
	(void)state;
	struct opts o;
	struct why why = WHY_INIT;
	assert_int_equal(load("", &o, NULL), ST_OK);
	assert_bounds(&o, "anybody", 0, 1, 0, 0);
	assert_false(opts_has_rates(&o));
	opts_release(&o);
	if (load("[http]\nrate = 2.5\ncaller-max-jobs = 9\n[caller.token:ops]\nrate = 0\nmax-jobs = 0\n"
		 "[caller.10.0.0.7]\nrate = 0.5\n[caller.fd00::1]\nburst = 7\nmax-bytes = 1M\n"
		 "[caller.a@b.example/c_d]\nrate = 1000.001\n",
		    &o, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_bounds(&o, "anybody", 2500, 3, 9, 0);
	assert_bounds(&o, "token:ops", 0, 1, 0, 0);
	assert_bounds(&o, "10.0.0.7", 500, 1, 9, 0);
	assert_bounds(&o, "fd00::1", 2500, 7, 9, 1 << 20);
	assert_bounds(&o, "a@b.example/c_d", 1000001, 1001, 9, 0);
	assert_true(opts_has_rates(&o));
	opts_release(&o);
	assert_int_equal(load("[caller.x]\nrate = 1\n", &o, &why), ST_OK);
	assert_true(opts_has_rates(&o));
	opts_release(&o);
	assert_int_equal(load("[caller.a b]\nrate = 1\n", &o, &why), ST_INVALID);
	assert_non_null(strstr(
		why.text, "[caller.a b]: a name has 1 to 32 letters, digits and dashes, or any of .:_@/"));
}

static void defaults__are_those_promised(void **state)
{
	(void)state;
	struct opts o;
	assert_int_equal(load("", &o, NULL), ST_OK);
	assert_int_equal(o.http.max_body, 10485760);
	assert_int_equal(o.http.body_budget, 64 << 20);
	assert_int_equal(o.queue.dedupe_window_ms, INT64_C(7) * 86400000);
	assert_int_equal(o.queue.keep_failed_ms, INT64_C(30) * 86400000);
	assert_int_equal(o.queue.crowd_at, 64);
	assert_int_equal(opts_spool_conf(&o).crowd_at, 64);
	assert_int_equal(o.worker.in_flight, 64);
	assert_int_equal(o.worker.lease_ms, 60000);
	assert_int_equal(o.fee_rate_micro, 200000);
	struct retry_opts r = opts_retry(&o, 7);
	assert_int_equal(r.attempts, 15);
	assert_int_equal(r.base_ms, 2000);
	assert_int_equal(r.factor_milli, 3000);
	assert_int_equal(r.cap_ms, 3600000);
	assert_int_equal(r.give_up_after_ms, 86400000);
	assert_int_equal(r.jitter, 1);
	assert_true(opts_spool_conf(&o).ordering);
	assert_int_equal(o.calls_n, CALL_N);
	for (int call = 0; call < CALL_N; call++)
		assert_true(o.call[call].required);
	assert_int_equal(o.receivers_n, RECEIVER_N);
	for (int i = 0; i < RECEIVER_N; i++) {
		assert_int_equal(o.receivers[i].concurrency, 48); /* three quarters of 64 */
		assert_int_equal(o.receivers[i].rate_milli, 0);
		assert_int_equal(o.receivers[i].breaker_share, 50);
		assert_int_equal(o.receivers[i].breaker_calls, 10);
		assert_int_equal(o.receivers[i].breaker_window_ms, 30000);
		assert_int_equal(o.receivers[i].breaker_open_ms, 5000);
		assert_int_equal(o.receivers[i].breaker_open_max_ms, 300000);
		assert_null(o.receivers[i].ca_file);
	}
	assert_int_equal(o.phase[2].concurrency, 0);
	assert_string_equal(o.worker.allowed_networks, "");
	opts_release(&o);
}

static void phase__inherits_what_it_does_not_set(void **state)
{
	(void)state;
	struct opts o;
	assert_int_equal(load("[retry]\nattempts = 5\njitter = off\n[phase.7]\nattempts = 30\njitter = "
			      "on\n[phase.14]\nbase = 1s\n",
				 &o, NULL),
		ST_OK);
	assert_int_equal(opts_retry(&o, 7).attempts, 30);
	assert_int_equal(opts_retry(&o, 7).jitter, 1);
	assert_int_equal(opts_retry(&o, 7).base_ms, 2000);
	assert_int_equal(opts_retry(&o, 3).attempts, 5);
	assert_int_equal(opts_retry(&o, 3).jitter, 0);
	assert_int_equal(opts_retry(&o, 14).base_ms, 1000);
	opts_release(&o);
}

static void environment__overrides_the_file(void **state)
{
	(void)state;
	struct opts o;
	struct why why = WHY_INIT;
	setenv("INTEGRATIONS_URL", "http://node:3001/", 1);
	setenv("PYTHON_API_URL", "", 1); /* empty is as good as absent */
	setenv("PYTHON_API_JWT_SECRET", "hush", 1);
	setenv("AMAZON_SPAPI_BASE_URL", "https://sandbox.example", 1);
	assert_int_equal(
		load("[receiver]\nintegrations-url = http://file\npython-url = http://py\n", &o, &why),
		ST_OK);
	assert_string_equal(o.receivers[RECEIVER_INTEGRATIONS].url, "http://node:3001");
	assert_string_equal(o.receivers[RECEIVER_PYTHON].url, "http://py");
	assert_string_equal(o.receiver.python_jwt_secret, "hush");
	assert_true(o.worker.sandbox);
	char *printed = NULL;
	size_t len;
	FILE *out = open_memstream(&printed, &len);
	opts_print(&o, out, false);
	fclose(out);
	assert_null(strstr(printed, "hush"));
	assert_non_null(strstr(printed, "# python-jwt-secret (set)"));
	free(printed);
	opts_release(&o);
	setenv("INTEGRATIONS_URL", "node:3001", 1);
	assert_int_equal(load("", &o, &why), ST_INVALID);
	assert_non_null(strstr(why.text, "INTEGRATIONS_URL"));
}

static void environment__turns_sandbox_on(void **state)
{
	(void)state;
	static const struct {
		const char *variable, *value;
		bool on;
	} rows[] = {
		{"NODE_ENV", "development", true},
		{"NODE_ENV", "production", false},
		{"NODE_ENV", "", false},
		{"AMAZON_SPAPI_BASE_URL", "https://sandbox.sellingpartnerapi-na.amazon.com", true},
		{"AMAZON_SPAPI_BASE_URL", "https://sellingpartnerapi-na.amazon.com", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct opts o;
		setenv(rows[i].variable, rows[i].value, 1);
		assert_int_equal(load("", &o, NULL), ST_OK);
		assert_int_equal(o.worker.sandbox, rows[i].on);
		opts_release(&o);
		assert_int_equal(load("[worker]\nsandbox = yes\n", &o, NULL), ST_OK);
		assert_true(o.worker.sandbox); /* the environment never turns it off */
		opts_release(&o);
		unsetenv(rows[i].variable);
	}
}

/* Every phase and step has rows of its own, and no two share a place. */
static void phase__each_has_its_own_policy(void **state)
{
	(void)state;
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		char text[80];
		struct opts o;
		snprintf(text, sizeof text, "[phase.%d]\nattempts = 99\n", phase_of_slot(slot));
		assert_int_equal(load(text, &o, NULL), ST_OK);
		for (int other = 0; other < PHASE_SLOTS; other++)
			assert_int_equal(
				opts_retry(&o, phase_of_slot(other)).attempts, other == slot ? 99 : 15);
		opts_release(&o);
	}
}

static void secrets__stay_out_of_messages(void **state)
{
	(void)state;
	struct opts o;
	struct why why = WHY_INIT;
	assert_int_equal(
		load("[receiver]\ninternal-api-key = hush\ninternal-api-key = hush\n", &o, &why), ST_INVALID);
	assert_non_null(strstr(why.text, ":3: receiver.internal-api-key is set twice"));
	assert_null(strstr(why.text, "hush"));
}

static void rows__are_checked_against_each_other(void **state)
{
	(void)state;
	static const struct {
		const char *text, *has;
	} cases[] = {
		{"[http]\nmax-body = 2M\nbody-budget = 1M\n", "body-budget must be at least"},
		{"[spool]\nmap-size = 1048577\n", "multiple of the page size"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct opts o;
		struct why why = WHY_INIT;
		if (load(cases[i].text, &o, &why) != ST_INVALID || !strstr(why.text, cases[i].has))
			fail_msg("%s: %s", cases[i].text, why.text);
	}
}

static void file__that_is_not_there(void **state)
{
	(void)state;
	struct opts o;
	struct why why = WHY_INIT;
	assert_int_equal(opts_load("/nonexistent/clario.conf", &o, &why), ST_NOTFOUND);
	assert_non_null(strstr(why.text, "/nonexistent/clario.conf"));
}

#define CASE(name) cmocka_unit_test_setup(name, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(callers__have_bounds_of_their_own_where_told),
		CASE(defaults__are_those_promised),
		CASE(phase__inherits_what_it_does_not_set),
		CASE(environment__overrides_the_file),
		CASE(environment__turns_sandbox_on),
		CASE(phase__each_has_its_own_policy),
		CASE(secrets__stay_out_of_messages),
		CASE(rows__are_checked_against_each_other),
		CASE(file__that_is_not_there),
	};
	return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}

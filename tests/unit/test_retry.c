/* tests/unit/test_retry.c: the retry policy, as tables. */
#include "spool/retry.h"
#include "tests/support/unit.h"

static const struct retry_opts POLICY = {.attempts = 15,
	.base_ms = 2000,
	.factor_milli = 3000,
	.cap_ms = 3600000,
	.give_up_after_ms = 86400000};

#define START_US INT64_C(1790000000000000)

static void classify__every_status(void **state)
{
	(void)state;
	for (long status = 0; status < 700; status++) {
		bool passing =
			status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
		enum failure want = status >= 200 && status < 300 ? FAILURE_NONE
				    : passing                     ? FAILURE_PASSING
								  : FAILURE_PERMANENT;
		assert_int_equal(retry_classify(status), want);
	}
}

static int64_t wait_after(
	uint32_t attempts, const struct retry_opts *policy, int64_t retry_after_s, double chance)
{
	struct retry_case c = {.attempts_made = attempts,
		.attempts_allowed = 100000,
		.give_up_at_us = INT64_MAX,
		.now_us = 1000,
		.retry_after_s = retry_after_s,
		.chance = chance};
	int64_t run_at_us;
	assert_true(retry_decide(policy, &c, &run_at_us));
	return (run_at_us - 1000) / 1000;
}

static void wait__grows_by_the_factor_to_the_cap(void **state)
{
	(void)state;
	static const int64_t want[] = {2000, 6000, 18000, 54000, 162000, 486000, 1458000, 3600000, 3600000};
	for (uint32_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_int_equal(wait_after(i + 1, &POLICY, 0, 0), want[i]);
	assert_int_equal(wait_after(1000, &POLICY, 0, 0), 3600000);
	struct retry_opts steep = {
		.base_ms = 30 * INT64_C(86400000), .factor_milli = 100000, .cap_ms = 30 * INT64_C(86400000)};
	assert_int_equal(wait_after(1000, &steep, 0, 0), steep.cap_ms);
}

static void jitter__takes_up_to_a_quarter(void **state)
{
	(void)state;
	struct retry_opts policy = POLICY;
	policy.jitter = 1;
	assert_int_equal(wait_after(2, &policy, 0, 0), 6000);
	assert_int_equal(wait_after(2, &policy, 0, 0.5), 5250);
	assert_in_range(wait_after(2, &policy, 0, 0.999999), 4500, 4502);
	assert_int_equal(wait_after(2, &POLICY, 0, 0.9), 6000); /* switched off */
}

static void retry_after__lengthens_up_to_the_cap_and_never_shortens(void **state)
{
	(void)state;
	assert_int_equal(wait_after(1, &POLICY, 1, 0), 2000);
	assert_int_equal(wait_after(1, &POLICY, 120, 0), 120000);
	assert_int_equal(wait_after(1, &POLICY, 86400, 0), 3600000);
	assert_int_equal(wait_after(1, &POLICY, INT64_MAX, 0), 3600000);
	assert_int_equal(wait_after(1, &POLICY, -5, 0), 2000);
}

static void give_up__by_attempts_and_by_time(void **state)
{
	(void)state;
	int64_t run_at_us;
	struct retry_case c = {.attempts_made = 14, .attempts_allowed = 15, .give_up_at_us = INT64_MAX};
	assert_true(retry_decide(&POLICY, &c, &run_at_us));
	c.attempts_made = 15;
	assert_false(retry_decide(&POLICY, &c, &run_at_us));
	c = (struct retry_case){.attempts_made = 1, .attempts_allowed = 15, .give_up_at_us = 2000000};
	assert_true(retry_decide(&POLICY, &c, &run_at_us)); /* 2 s: just in time */
	c.give_up_at_us = 1999999;
	assert_false(retry_decide(&POLICY, &c, &run_at_us));
}

/* A receiver that asks for more time than the job has left gets all of it, for one last try. */
static void give_up__a_retry_after_beyond_it_leaves_one_last_try(void **state)
{
	(void)state;
	enum { NONE = -1 };
	static const struct {
		uint32_t attempts_made;
		int64_t give_up_at_s, retry_after_s, want_at_s;
	} rows[] = {
		{1, 60, 59, 59}, {1, 60, 60, 60}, {1, 60, 61, 60}, /* until then */
		{1, 60, INT64_MAX, 60}, {1, 7200, 10000, 3600},    /* the cap comes first */
		{1, 3600, 10000, 3600},                            /* both at once */
		{1, 2, 120, 2},                                    /* its own wait just fits */
		{1, 1, 120, NONE},   /* its own does not: no try, as without the wish */
		{1, 0, 120, NONE},   /* the last try itself */
		{14, 60, 120, NONE}, /* its own wait is an hour by now */
		{14, 3600, 7200, 3600}, {15, 60, 120, NONE}, /* no attempt is left */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct retry_case c = {.attempts_made = rows[i].attempts_made,
			.attempts_allowed = 15,
			.now_us = START_US,
			.give_up_at_us = START_US + rows[i].give_up_at_s * 1000000,
			.retry_after_s = rows[i].retry_after_s};
		int64_t run_at_us;
		bool again = retry_decide(&POLICY, &c, &run_at_us);
		int64_t at_s = again ? (run_at_us - START_US) / 1000000 : NONE;
		if (at_s != rows[i].want_at_s)
			fail_msg("row %zu: %lld s", i, (long long)at_s);
	}
}

static const struct retry_opts policies[] = {
	{15, 2000, 3000, 3600000, 86400000, 1},                              /* the default */
	{15, 2000, 3000, 3600000, 86400000, 0}, {1000, 1, 1000, 1, 1000, 1}, /* as many as there may be */
	{1, 2000, 3000, 3600000, 86400000, 1}, {100, 2000, 3000, 3600000, 3 * 3600000, 1}, /* time ends it */
	{7, 500, 1500, 10000, 20000, 1}, {40, 1000, 2000, 8000, 60000, 1},
	{6, 3, 100000, 30 * INT64_C(86400000), 365 * INT64_C(86400000), 1},
	{9, 5000, 1000, 1000, 1000, 1}, /* no second one */
};
enum { POLICIES_N = sizeof policies / sizeof *policies };

static struct retry_start start_of(const struct retry_opts *policy)
{
	return (struct retry_start){.attempts_allowed = (uint32_t)policy->attempts,
		.first_us = START_US,
		.give_up_at_us = START_US + policy->give_up_after_ms * 1000};
}

/* Every try fails at once; chance says how much each jitter takes. How many there are; *last: when the last
 * is. */
static size_t simulate(
	const struct retry_opts *policy, double (*chance)(void), struct retry_try *out, int64_t *last)
{
	struct retry_start start = start_of(policy);
	struct retry_case c = {.attempts_allowed = start.attempts_allowed,
		.give_up_at_us = start.give_up_at_us,
		.now_us = start.first_us};
	int64_t next_us = start.first_us;
	size_t n = 0;
	do {
		c.now_us = *last = next_us;
		if (out)
			out[n] = (struct retry_try){.attempt = ++c.attempts_made, .at_us = next_us};
		else
			c.attempts_made++;
		n++;
		c.chance = chance();
	} while (retry_decide(policy, &c, &next_us));
	return n;
}

static double none(void)
{
	return 0;
}

static double most(void)
{
	return 0.9999999;
}

static double some(void)
{
	double chance = (double)random() / ((double)RAND_MAX + 1);
	return random() % 4 == 0 ? 0 : random() % 3 == 0 ? 0.9999999 : chance;
}

static void tries__are_those_that_the_worker_decides_on(void **state)
{
	(void)state;
	static struct retry_try tries[RETRY_TRIES_MAX], want[RETRY_TRIES_MAX];
	for (size_t p = 0; p < POLICIES_N; p++) {
		struct retry_start start = start_of(&policies[p]);
		int64_t last;
		size_t n = retry_tries(&policies[p], &start, tries, RETRY_TRIES_MAX);
		assert_int_equal(n, simulate(&policies[p], none, want, &last));
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(tries[i].attempt, want[i].attempt);
			assert_int_equal(tries[i].at_us, want[i].at_us);
			assert_int_equal(tries[i].wait_us, i ? want[i].at_us - want[i - 1].at_us : 0);
		}
		size_t early_n = simulate(&policies[p], most, want, &last);
		for (size_t i = 0; i < n && i < early_n; i++) /* a millisecond a try is lost in rounding */
			assert_in_range(want[i].at_us - tries[i].earliest_us, 0, (i + 1) * 2000);
		assert_int_equal(retry_tries(&policies[p], &start, tries, 1), 1);
	}
}

static void tries__of_a_job_under_way(void **state)
{
	(void)state;
	struct retry_try tries[RETRY_TRIES_MAX];
	struct retry_start start = {
		.attempts_made = 12, .attempts_allowed = 15, .first_us = 50, .give_up_at_us = INT64_MAX};
	assert_int_equal(retry_tries(&POLICY, &start, tries, RETRY_TRIES_MAX), 3);
	assert_int_equal(tries[0].attempt, 13);
	assert_int_equal(tries[0].at_us, 50);
	assert_int_equal(tries[2].attempt, 15);
	assert_int_equal(tries[2].at_us, 50 + 2 * INT64_C(3600000000));
	start.attempts_made = 15; /* due all the same: a claim asks for no allowance */
	assert_int_equal(retry_tries(&POLICY, &start, tries, RETRY_TRIES_MAX), 1);
	start.attempts_made = 1;
	start.give_up_at_us = 40;
	assert_int_equal(retry_tries(&POLICY, &start, tries, RETRY_TRIES_MAX), 1);
	assert_int_equal(retry_sure_us(&POLICY, &start), 50);
}

/* No luck with jitter makes the last try come before the time that is called sure; and some nearly does. */
static void sure__is_the_worst_that_jitter_can_do(void **state)
{
	(void)state;
	srandom(4711);
	for (size_t p = 0; p < POLICIES_N; p++) {
		struct retry_start start = start_of(&policies[p]);
		int64_t sure = retry_sure_us(&policies[p], &start), worst = INT64_MAX, last;
		for (int round = 0; round < (policies[p].attempts > 100 ? 200 : 50000); round++) {
			simulate(&policies[p], round == 0 ? most : round == 1 ? none : some, NULL, &last);
			worst = last < worst ? last : worst;
		}
		if (worst < sure)
			fail_msg("policy %zu: sure %lld, but %lld", p, (long long)(sure - START_US),
				(long long)(worst - START_US));
		if (worst - sure > (worst - START_US) / 10 + policies[p].attempts * 2000)
			fail_msg("policy %zu: sure %lld, and never before %lld", p,
				(long long)(sure - START_US), (long long)(worst - START_US));
	}
}

static void first_after__at_the_edges(void **state)
{
	(void)state;
	struct retry_try tries[RETRY_TRIES_MAX];
	struct retry_start start = start_of(&POLICY);
	size_t n = retry_tries(&POLICY, &start, tries, RETRY_TRIES_MAX);
	assert_int_equal(n, 15);
	assert_int_equal(retry_first_after(tries, n, 0), 0);
	assert_int_equal(retry_first_after(tries, n, 1), 1);
	assert_int_equal(retry_first_after(tries, n, 2000000), 1);
	assert_int_equal(retry_first_after(tries, n, 2000001), 2);
	assert_int_equal(retry_first_after(tries, n, INT64_C(27386000000)), 14);
	assert_int_equal(retry_first_after(tries, n, INT64_C(27386000001)), 15);
}

/* Against jobs that are followed one by one. */
static void load__as_jobs_that_are_counted(void **state)
{
	(void)state;
	static const int64_t outages_s[] = {1, 3, 60, 600, 7200, 30000};
	static const int edges_s[] = {0, 5, 60, 600, 3600};
	enum { EDGES_N = sizeof edges_s / sizeof *edges_s, PER_S = 20 };
	for (size_t p = 0; p < POLICIES_N; p++)
		for (size_t o = 0; o < sizeof outages_s / sizeof *outages_s; o++) {
			static struct retry_try tries[RETRY_TRIES_MAX];
			struct retry_start start = start_of(&policies[p]);
			int64_t outage_us = outages_s[o] * 1000000, counted[EDGES_N] = {0};
			size_t n = retry_tries(&policies[p], &start, tries, RETRY_TRIES_MAX);
			for (int64_t i = 0; i < outages_s[o] * PER_S; i++) {
				int64_t left = outage_us - i * 1000000 / PER_S - 500000 / PER_S;
				size_t k = retry_first_after(tries, n, left);
				int64_t after = k < n ? tries[k].at_us - START_US - left : INT64_MAX;
				for (size_t e = 0; e + 1 < EDGES_N; e++)
					counted[e] += after >= edges_s[e] * INT64_C(1000000) &&
						      after < edges_s[e + 1] * INT64_C(1000000);
			}
			for (size_t e = 0; e + 1 < EDGES_N; e++) {
				int64_t width = edges_s[e + 1] - edges_s[e];
				double got = retry_load(tries, n, outage_us, edges_s[e] * INT64_C(1000000),
					edges_s[e + 1] * INT64_C(1000000));
				double want = (double)counted[e] / PER_S / (double)width;
				double slack = (double)(n < 30 ? n : 30) / PER_S / (double)width + 0.001;
				if (got - want > slack || want - got > slack)
					fail_msg("policy %zu, outage %zu, from %d s: %g, counted %g", p, o,
						edges_s[e], got, want);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classify__every_status),
		cmocka_unit_test(wait__grows_by_the_factor_to_the_cap),
		cmocka_unit_test(jitter__takes_up_to_a_quarter),
		cmocka_unit_test(retry_after__lengthens_up_to_the_cap_and_never_shortens),
		cmocka_unit_test(give_up__by_attempts_and_by_time),
		cmocka_unit_test(give_up__a_retry_after_beyond_it_leaves_one_last_try),
		cmocka_unit_test(tries__are_those_that_the_worker_decides_on),
		cmocka_unit_test(tries__of_a_job_under_way),
		cmocka_unit_test(sure__is_the_worst_that_jitter_can_do),
		cmocka_unit_test(first_after__at_the_edges),
		cmocka_unit_test(load__as_jobs_that_are_counted),
	};
	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}

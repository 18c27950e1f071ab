/* tests/unit/test_retry.c: the retry policy, as tables. */
#include "spool/retry.h"
#include "tests/support/unit.h"

static const struct retry_opts POLICY = {.attempts = 15,
	.base_ms = 2000,
	.factor_milli = 3000,
	.cap_ms = 3600000,
	.give_up_after_ms = 86400000};

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classify__every_status),
		cmocka_unit_test(wait__grows_by_the_factor_to_the_cap),
		cmocka_unit_test(jitter__takes_up_to_a_quarter),
		cmocka_unit_test(retry_after__lengthens_up_to_the_cap_and_never_shortens),
		cmocka_unit_test(give_up__by_attempts_and_by_time),
	};
	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}

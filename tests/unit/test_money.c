/* tests/unit/test_money.c: amounts as integer cents. */
#include "tests/support/unit.h"
#include "worker/money.h"

static void parse__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		int64_t cents;
	} rows[] = {
		{"0", true, 0},
		{"1", true, 100},
		{"12.5", true, 1250},
		{"12.50", true, 1250},
		{"0.01", true, 1},
		{"0.004", true, 0},
		{"0.005", true, 1}, /* half up */
		{"1.005", true, 101},
		{"1.00499999999", true, 100},
		{"1e2", true, 10000},
		{"1E+2", true, 10000},
		{"1.5e1", true, 1500},
		{"125e-2", true, 125},
		{"5e-3", true, 1},
		{"4e-9", true, 0},
		{"10000000000000", true, INT64_C(1000000000000000)},
		{"10000000000000.01", false, 0},
		{"99999999999999999999", false, 0},
		{"1e40", false, 0},
		{"1e41", false, 0},
		{"", false, 0},
		{"-5", false, 0},
		{"+5", false, 0},
		{".5", false, 0},
		{"5.", false, 0},
		{"1e", false, 0},
		{"1e+", false, 0},
		{"1 ", false, 0},
		{"abc", false, 0},
		{"0x10", false, 0},
		{"1,5", false, 0},
		{"NaN", false, 0},
		{"11111111111111111111111111111111111111111", false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t cents;
		bool ok = money_parse(slice_text(rows[i].text), &cents);
		if (ok != rows[i].ok || (ok && cents != rows[i].cents))
			fail_msg("%s: %d %lld", rows[i].text, ok, (long long)cents);
	}
}

static void share__rounds_half_up_and_does_not_overflow(void **state)
{
	(void)state;
	assert_int_equal(money_share(12050, 200000), 2410);
	assert_int_equal(money_share(3, 200000), 1); /* 0.6 */
	assert_int_equal(money_share(2, 200000), 0); /* 0.4 */
	assert_int_equal(money_share(5, 100000), 1); /* 0.5 */
	assert_int_equal(money_share(101, 0), 0);
	assert_int_equal(money_share(101, 1000000), 101);
	assert_int_equal(money_share(INT64_C(1000000000000000), 999999), INT64_C(999999000000000));
	for (int64_t cents = 0; cents < 2000; cents++)
		assert_in_range(money_share(cents, 333333), 0, cents);
}

static void text__has_two_decimals(void **state)
{
	(void)state;
	char out[MONEY_TEXT_LEN];
	static const struct {
		int64_t cents;
		const char *text;
	} rows[] = {{0, "0.00"}, {5, "0.05"}, {100, "1.00"}, {12345, "123.45"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		money_text(rows[i].cents, out);
		assert_string_equal(out, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__as_a_table),
		cmocka_unit_test(share__rounds_half_up_and_does_not_overflow),
		cmocka_unit_test(text__has_two_decimals),
	};
	return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}

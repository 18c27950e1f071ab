/* tests/unit/test_rate.c: token buckets with a clock of the test's own, and the table they stand in: bounded,
 * fair to those who are known, right under many threads. */
#include "fcgi/rate.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define MS INT64_C(1000000)
#define S  (1000 * MS)

/* --- one bucket --- */

static void bucket__as_a_table(void **state)
{
	(void)state;
	static const struct {
		int64_t rate_milli, burst;
		struct {
			int64_t at_ns;
			uint64_t n;
			int64_t wait_ns; /* 0: it may come */
		} steps[6];
	} rows[] = {
		/* One a second, none beside it. */
		{1000, 1, {{S, 1, 0}, {S, 1, S}, {S + 400 * MS, 1, 600 * MS}, {2 * S, 1, 0}, {2 * S, 1, S}}},
		/* A burst, then the rate; a refusal costs nothing. */
		{2000, 3,
			{{S, 1, 0}, {S, 1, 0}, {S, 1, 0}, {S, 1, 500 * MS}, {S + 500 * MS, 1, 0},
				{S + 500 * MS, 1, 500 * MS}}},
		/* What was not used is kept, up to the burst and no further. */
		{1000, 2, {{S, 1, 0}, {1000 * S, 1, 0}, {1000 * S, 1, 0}, {1000 * S, 1, S}}},
		/* What counts more than the burst comes, and is owed. */
		{10000, 5, {{S, 20, 0}, {S, 1, 1600 * MS}, {2 * S, 1, 600 * MS}, {S + 2600 * MS, 1, 0}}},
		/* One in 1000 seconds. */
		{1, 1, {{S, 1, 0}, {2 * S, 1, 999 * S}, {1001 * S, 1, 0}}},
		/* A million a second; a third of a nanosecond is nobody's. */
		{300000000, 1, {{S, 1, 0}, {S, 1, 3333}, {S + 3333, 1, 0}}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rate_bound bound = {rows[i].rate_milli, rows[i].burst};
		struct bucket bucket = {0};
		for (size_t k = 0; k < 6 && rows[i].steps[k].n; k++) {
			int64_t wait;
			bool ok = bucket_take(
				&bucket, &bound, rows[i].steps[k].at_ns, rows[i].steps[k].n, &wait);
			if (wait != rows[i].steps[k].wait_ns || ok != (wait == 0))
				fail_msg("row %zu, step %zu: waits %lld", i, k, (long long)wait);
		}
	}
}

/* Threads read the clock and then wait for the lock: the earlier time may come second. */
static void bucket__bears_a_time_that_steps_back(void **state)
{
	(void)state;
	struct rate_bound bound = {1000, 2};
	struct bucket bucket = {0};
	int64_t wait;
	assert_true(bucket_take(&bucket, &bound, 10 * S, 1, &wait));
	assert_true(bucket_take(&bucket, &bound, 10 * S - 5, 1, &wait) || wait <= 5);
	assert_false(bucket_take(&bucket, &bound, 10 * S - 5, 1, &wait));
	assert_in_range(wait, 1, S + 10);
}

/* Nobody waits for ever, whatever it owes; and no number overflows. */
static void bucket__owes_within_bounds(void **state)
{
	(void)state;
	static const struct rate_bound bounds[] = {
		{1, 1}, {1, 1000000}, {1000000000, 1}, {1000000000, 1000000}};
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		struct bucket bucket = {0};
		int64_t wait, now = INT64_C(86400) * 365 * 10 * S;
		for (int k = 0; k < 100; k++)
			bucket_owe(&bucket, &bounds[i], now, UINT64_MAX);
		assert_false(bucket_take(&bucket, &bounds[i], now, 1, &wait));
		assert_in_range(wait, 1, 3600 * S + 1000 * S + S);
		assert_true(bucket_take(&bucket, &bounds[i], now + wait, 1, &wait));
	}
}

/* --- the table --- */

static const struct rate_bound slow = {1000, 1};

static enum rate_verdict take(struct rate *rate, const char *name, bool is_said, int64_t now_us)
{
	int64_t wait;
	return rate_take(rate, slice_text(name), is_said, RATE_SUBMIT, &slow, now_us, &wait);
}

static void callers__are_apart_and_so_are_kinds(void **state)
{
	(void)state;
	struct rate *rate = rate_new();
	int64_t wait;
	assert_int_equal(take(rate, "alice", true, 1000), RATE_OK);
	assert_int_equal(take(rate, "alice", true, 1000), RATE_OVER);
	assert_int_equal(take(rate, "bob", true, 1000), RATE_OK);
	assert_int_equal(take(rate, "alice", false, 1000), RATE_OK); /* who is called so is not who says so */
	assert_int_equal(rate_take(rate, slice_text("alice"), true, RATE_OTHER, &slow, 1000, &wait), RATE_OK);
	assert_int_equal(take(rate, "alice", true, 1001000), RATE_OK);
	struct rate_bound none = {0, 1};
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			rate_take(rate, slice_text("root"), false, RATE_SUBMIT, &none, 1000, &wait), RATE_OK);
	assert_true(rate_owe(rate, slice_text("carol"), true, RATE_SUBMIT, &slow, 1000, 3));
	assert_int_equal(take(rate, "carol", true, 1000 + 2999999), RATE_OVER);
	assert_int_equal(take(rate, "carol", true, 1000 + 3000000), RATE_OK);
	rate_free(rate);
}

/* A million made-up names find no more room than half the table, drive nobody out, and are forgotten when
 * they are idle. */
static void said_names__cannot_drive_out_the_known(void **state)
{
	(void)state;
	struct rate *rate = rate_new();
	char name[32];
	size_t ok = 0, no_room = 0;
	assert_int_equal(take(rate, "10.0.0.1", false, 1000), RATE_OK);
	for (int i = 0; i < 1000000; i++) {
		snprintf(name, sizeof name, "made-up-%d", i);
		enum rate_verdict verdict = take(rate, name, true, 1000);
		ok += verdict == RATE_OK;
		no_room += verdict == RATE_NO_ROOM;
	}
	assert_int_equal(ok, RATE_SETS * RATE_SAID_WAYS);
	assert_int_equal(no_room, 1000000 - ok);
	assert_int_equal(take(rate, "10.0.0.1", false, 1000), RATE_OVER);
	assert_int_equal(take(rate, "token:bob", false, 1000), RATE_OK);
	assert_int_equal(take(rate, "token:bob", false, 1000), RATE_OVER);
	assert_false(rate_owe(rate, slice_text("another"), true, RATE_SUBMIT, &slow, 1000, 1));
	assert_int_equal(take(rate, "another", true, 1000 + 1000000), RATE_OK);
	rate_free(rate);
}

/* There may be more addresses than the table has places: the newcomer gets that of who was not seen for
 * longest, and whoever comes again and again stays. */
static void known_names__always_get_a_place(void **state)
{
	(void)state;
	struct rate *rate = rate_new();
	char name[32];
	int64_t now_us = 1000;
	assert_int_equal(take(rate, "busy", false, now_us), RATE_OK);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof name, "2001:db8::%x", (unsigned)i);
		assert_int_equal(take(rate, name, false, ++now_us), RATE_OK);
		if (i % 16 == 0)
			assert_int_equal(take(rate, "busy", false, now_us), RATE_OVER);
	}
	rate_free(rate);
}

enum { THREADS = 8, TRIES = 20000 };

struct crew {
	struct rate *rate;
	atomic_int ok;
};

static void *hammer(void *arg)
{
	static const struct rate_bound bound = {1000000, 500};
	struct crew *crew = arg;
	int64_t wait;
	for (int i = 0; i < TRIES; i++) /* a microsecond each: 20 ms in all, 20 tokens */
		if (rate_take(crew->rate, slice_text("alice"), true, RATE_SUBMIT, &bound, 1000 + i, &wait) ==
			RATE_OK)
			atomic_fetch_add(&crew->ok, 1);
	return NULL;
}

static void threads__together_are_no_faster_than_one(void **state)
{
	(void)state;
	struct crew crew = {.rate = rate_new()};
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &crew), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&crew.ok), 500, 500 + 20);
	rate_free(crew.rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bucket__as_a_table),
		cmocka_unit_test(bucket__bears_a_time_that_steps_back),
		cmocka_unit_test(bucket__owes_within_bounds),
		cmocka_unit_test(callers__are_apart_and_so_are_kinds),
		cmocka_unit_test(said_names__cannot_drive_out_the_known),
		cmocka_unit_test(known_names__always_get_a_place),
		cmocka_unit_test(threads__together_are_no_faster_than_one),
	};
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}

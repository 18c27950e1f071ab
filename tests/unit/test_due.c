/* tests/unit/test_due.c: delayed jobs come due in order, all of them, in bounded portions, and in time.
 *
 * CLARIO_DUE_DEPTH=N holds N delayed jobs against the real clock and 100 ms (tests/slow/due.sh); without it
 * they are few, and a machine that is busy with other tests may take longer. */
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { PORTION_MAX = 1024, BATCH = 1000, BURST = 3000, SINGLES = 50 };
enum { SHALLOW = 10000, LATE_MAX_MS = 100, LATE_WHEN_BUSY_MS = 5000 };

struct batch {
	char workflow[BATCH][24];
	struct trigger triggers[BATCH];
	struct receipt receipts[BATCH];
	struct submission list[BATCH];
};

/* n jobs due at from_us, from_us + step_us, ... over all phases. */
static void delay_many(struct fixture *f, size_t n, int64_t from_us, int64_t step_us)
{
	static unsigned long serial;
	struct batch *b = calloc(1, sizeof *b);
	assert_non_null(b);
	for (size_t done = 0, k; done < n; done += k) {
		for (k = 0; k < BATCH && done + k < n; k++, serial++) {
			snprintf(b->workflow[k], sizeof b->workflow[k], "d%lu", serial);
			b->triggers[k] = make_trigger(2 + (int)(serial % 6), b->workflow[k], "u", "{}");
			b->triggers[k].run_at_us = from_us + (int64_t)(done + k) * step_us;
			b->list[k] = (struct submission){&b->triggers[k], &b->receipts[k]};
		}
		assert_int_equal(f->ops->submit(f->store, f->now, b->list, k, NULL), ST_OK);
		for (size_t i = 0; i < k; i++)
			assert_int_equal(b->receipts[i].verdict, SUBMIT_ACCEPTED);
	}
	free(b);
}

static size_t delayed(struct fixture *f)
{
	struct stats stats = stats_of(f);
	return (size_t)stats_state(&stats, JOB_DELAYED);
}

static void due__not_a_microsecond_early(void **state)
{
	struct fixture *f = *state;
	int64_t at = f->now.wall_us + 5000000;
	delay_many(f, 3, at, 10);
	assert_int_equal(claim(f, 10), 0);
	assert_int_equal(f->next_due_us, at);
	f->now.wall_us = at - 1;
	assert_int_equal(claim(f, 10), 0);
	f->now.wall_us = at + 10;
	assert_int_equal(claim(f, 10), 2);
	assert_int_equal(f->next_due_us, at + 20);
	f->now.wall_us = at + 20;
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(f->next_due_us, INT64_MAX);
}

/* The caller comes back while next_due_us is not in the future: that must be so until all are there, and each
 * time a bounded number of them moves, of all phases those that are due longest. */
static void due__thousands_at_once_move_in_order_and_in_portions(void **state)
{
	struct fixture *f = *state;
	int64_t at = f->now.wall_us + 1000000, newest = 0;
	size_t n = 3 * PORTION_MAX + 500, later = 100, left = n + later, rounds = 0;
	delay_many(f, n, at, 7);
	delay_many(f, later, at + 3600000000, 1);
	f->now.wall_us = at + (int64_t)n * 7;
	for (; left > later; rounds++) {
		assert_int_equal(claim(f, 500), 500);
		size_t now = delayed(f);
		assert_in_range(left - now, 1, PORTION_MAX);
		left = now;
		for (size_t i = 0; i < f->held_n; i++)
			newest = f->held[i].run_at_us > newest ? f->held[i].run_at_us : newest;
		/* What is delayed still is due later than all that has moved. */
		assert_true(f->next_due_us > newest);
		assert_int_equal(
			f->next_due_us, at + (left > later ? (int64_t)(n + later - left) * 7 : 3600000000));
	}
	assert_int_equal(rounds, 4);
	for (size_t total = rounds * 500, got; total < n; total += got) {
		got = claim(f, 500);
		assert_in_range(got, 1, 500);
	}
	assert_int_equal(claim(f, 500), 0);
	assert_int_equal(delayed(f), later);
}

/* One phase full of jobs that are due does not keep another's waiting. */
static void due__a_burst_of_one_phase_leaves_room_for_others(void **state)
{
	struct fixture *f = *state;
	int64_t at = f->now.wall_us + 1000000;
	delay_many(f, 4 * PORTION_MAX, at + 1000, 1);
	struct trigger t = make_trigger(7, "mine", "other", "{}");
	t.run_at_us = at;
	t.priority = 1;
	struct job_id id = submit(f, &t).id;
	f->now.wall_us = at + 1000000;
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(id_cmp(f->held[0].id, id), 0);
}

/* --- against the real clock --- */

static struct fixture *set_up_deep(void)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->ops = store_find("lmdb");
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-due-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->conf = (struct spool_conf){.store = f->ops->name,
		.path = f->dir,
		.map_size = INT64_C(8) << 30,
		.full_at_percent = 85,
		.ordering = true,
		.crowd_at = 64,
		.dedupe_window_us = INT64_C(86400000000)};
	assert_int_equal(f->ops->init(&f->conf, NULL), ST_OK);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
	f->now = clock_now();
	return f;
}

/* As the worker does it: settle what is held, claim, and sleep until something is due. */
static size_t work(struct fixture *f, struct settlement *settlements, int64_t *latest_us)
{
	struct claim_ask ask = {.owner = "host:1", .max = 128, .lease_ms = 60000};
	size_t held = f->held_n, got;
	for (size_t i = 0; i < held; i++)
		settlements[i] = (struct settlement){.id = f->held[i].id,
			.token = f->held[i].lease.token,
			.kind = SETTLE_COMPLETE,
			.outcome = slice_text("{}")};
	struct job *jobs = calloc(ask.max, sizeof *jobs);
	f->now = clock_now();
	assert_int_equal(f->ops->exchange(f->store, f->now, settlements, held, &ask, jobs, &got,
				 &f->next_due_us, NULL),
		ST_OK);
	int64_t now_us = clock_now().wall_us;
	for (size_t i = 0; i < held; i++)
		job_release(&f->held[i]);
	for (size_t i = 0; i < got; i++) {
		f->held[i] = jobs[i];
		if (now_us - jobs[i].run_at_us > *latest_us)
			*latest_us = now_us - jobs[i].run_at_us;
	}
	f->held_n = got;
	free(jobs);
	if (got == 0 && held == 0 && f->next_due_us > now_us) {
		int64_t ms = (f->next_due_us - now_us) / 1000 + 1;
		clock_sleep_ms(ms < 1000 ? ms : 1000);
	}
	return got;
}

static void due__within_100_ms_at_depth(void **state)
{
	ONLY_IF_LONG();
	(void)state;
	const char *text = getenv("CLARIO_DUE_DEPTH");
	struct fixture *f = set_up_deep();
	void *as_state = f;
	size_t depth = text ? strtoull(text, NULL, 10) : SHALLOW, claimed = 0;
	int64_t late_max_ms = text ? LATE_MAX_MS : LATE_WHEN_BUSY_MS;
	struct settlement *settlements = calloc(512, sizeof *settlements);
	int64_t single_us = 0, burst_us = 0, moved_us = 0;
	delay_many(f, depth, f->now.wall_us + 36000000000, 1000);
	int64_t at = clock_now().wall_us + 3000000;
	delay_many(f, SINGLES, at, 20000);
	int64_t burst_at = at + SINGLES * 20000 + 1000000;
	delay_many(f, BURST, burst_at, 0);
	while (claimed < SINGLES)
		claimed += work(f, settlements, &single_us);
	while (claimed < SINGLES + BURST) {
		claimed += work(f, settlements, &burst_us);
		if (moved_us == 0 && delayed(f) == depth)
			moved_us = clock_now().wall_us - burst_at;
	}
	report("%zu delayed: one of %d was claimed %lld ms after it was due, %d at once could be after "
	       "%lld ms, and all had been after %lld ms\n",
		depth, SINGLES, (long long)single_us / 1000, BURST, (long long)moved_us / 1000,
		(long long)burst_us / 1000);
	assert_in_range(single_us / 1000, 0, late_max_ms);
	assert_in_range(moved_us / 1000, 0, late_max_ms);
	free(settlements);
	store_teardown(&as_state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(due__not_a_microsecond_early),
		CASE(due__thousands_at_once_move_in_order_and_in_portions),
		CASE(due__a_burst_of_one_phase_leaves_room_for_others),
		cmocka_unit_test(due__within_100_ms_at_depth),
	};
	return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}

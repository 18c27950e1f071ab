/* tests/unit/test_figures.c: what monitors are told of a store: right, and at a cost that does not grow. */
#include "tests/unit/store_fixture.h"

#include <stdio.h>

static struct figures figures_of(struct fixture *f)
{
	struct figures figures;
	assert_int_equal(f->ops->figures(f->store, &figures, NULL), ST_OK);
	assert_int_equal(figures.unaccounted, 0);
	return figures;
}

static int64_t oldest(struct fixture *f, enum figures_place place, int phase)
{
	return figures_of(f).oldest_at_us[place][phase_slot(phase)];
}

static struct receipt submit_at(struct fixture *f, const char *workflow, int priority, int64_t run_at_us)
{
	struct trigger t = make_trigger(2, workflow, "u", "{}");
	t.priority = priority;
	t.run_at_us = run_at_us;
	return submit(f, &t);
}

static void oldest__is_that_of_any_priority(void **state)
{
	struct fixture *f = *state;
	assert_true(oldest(f, FIGURES_WAITING, 2) == INT64_MAX);
	pass_ms(f, 10);
	int64_t first = f->now.wall_us;
	submit_at(f, "a", 9, 0);
	pass_ms(f, 10);
	submit_at(f, "b", 1, 0);
	pass_ms(f, 10);
	submit_at(f, "c", 5, 0);
	assert_true(oldest(f, FIGURES_WAITING, 2) == first);
	assert_true(oldest(f, FIGURES_WAITING, 3) == INT64_MAX);
}

static void oldest__of_each_place(void **state)
{
	struct fixture *f = *state;
	int64_t begin = f->now.wall_us, later = begin + 3600 * INT64_C(1000000);
	submit_at(f, "a", 5, 0);
	submit_at(f, "d", 5, later);
	assert_int_equal(claim(f, 1), 1);
	pass_ms(f, 20);
	struct trigger second = make_trigger(2, "a", "u", "{\"n\":2}");
	submit(f, &second);
	assert_true(oldest(f, FIGURES_ACTIVE, 2) == begin);
	assert_true(oldest(f, FIGURES_BEHIND, 2) == f->now.wall_us);
	assert_true(oldest(f, FIGURES_DELAYED, 2) == later);
	assert_true(oldest(f, FIGURES_WAITING, 2) == INT64_MAX);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	assert_true(oldest(f, FIGURES_ACTIVE, 2) == INT64_MAX);
	assert_true(oldest(f, FIGURES_WAITING, 2) == f->now.wall_us);
}

static void submit_many(struct fixture *f, int from, int to)
{
	for (int i = from; i < to; i++) {
		char name[32], user[32];
		snprintf(name, sizeof name, "w%d", i);
		snprintf(user, sizeof user, "u%d", i % 3);
		struct trigger t = make_trigger(1 + i % 7, name, user, "{}");
		t.priority = 1 + i % 9;
		submit(f, &t);
	}
}

/* Of whoever crowds: in order of users, so their oldest is none of the first entries. */
static void oldest__is_found_in_the_crowd(void **state)
{
	struct fixture *f = *state;
	f->conf.crowd_at = 2;
	store_reopen(f);
	int64_t first = f->now.wall_us;
	for (int i = 0; i < 60; i++) {
		char workflow[32], user[16];
		snprintf(workflow, sizeof workflow, "w%d", i);
		snprintf(user, sizeof user, "u%d", i % 5);
		accept_job(f, 4, workflow, user, "{}");
		pass_ms(f, 1);
	}
	assert_true(oldest(f, FIGURES_WAITING, 4) == first);
	assert_int_equal(claim(f, 40), 40);
	int64_t by_hand = INT64_MAX;
	struct job_filter filter = {.has_state = true, .state = JOB_WAITING};
	struct job jobs[64];
	struct cursor at = {""}, next;
	size_t n;
	assert_int_equal(f->ops->list(f->store, &filter, &at, 64, false, jobs, &n, &next, NULL), ST_OK);
	assert_int_equal(n, 20);
	for (size_t i = 0; i < n; i++) {
		by_hand = jobs[i].run_at_us < by_hand ? jobs[i].run_at_us : by_hand;
		job_release(&jobs[i]);
	}
	assert_true(oldest(f, FIGURES_WAITING, 4) == by_hand);
}

/* For each phase: a seek for each priority, of ordinary users and of the crowd, one for each user of the
 * crowd and the end of each lane of its, and one for the end of the phase. */
enum { COST_MAX = 7 * (9 + 9 + 9 * (3 + 1) + 1) };

static void cost__does_not_grow(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	submit_many(f, 0, 1000);
	uint64_t few = figures_of(f).looked_at;
	submit_many(f, 1000, 6000);
	uint64_t many = figures_of(f).looked_at;
	report("%llu entries looked at of 1000 jobs, %llu of 6000\n", (unsigned long long)few,
		(unsigned long long)many);
	assert_true(many <= few);
	assert_true(many <= COST_MAX);
}

static void room__is_told(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	submit_many(f, 0, 10);
	struct figures figures = figures_of(f);
	assert_true(figures.file_bytes > 0);
	assert_true(figures.disk_bytes > figures.disk_free_bytes && figures.disk_free_bytes > 0);
	assert_true(figures.full_at_bytes > 0 && figures.full_at_bytes < figures.stats.bytes_cap);
	assert_int_equal(figures.stats.accepted_total, 10);
}

/* Within an export, which reads one state for as long as it lasts. */
static enum status look_meanwhile(void *arg, const struct item *item, struct why *why)
{
	struct fixture *f = arg;
	struct figures figures = figures_of(f);
	(void)item;
	(void)why;
	assert_true(figures.readers >= 1 && figures.readers < figures.readers_max);
	assert_int_equal(figures.reader_lag, 0);
	submit_many(f, 100, 103);
	assert_int_equal(figures_of(f).reader_lag, 3);
	return ST_BUSY; /* that is enough */
}

static void readers__are_told(void **state)
{
	static const struct spool_watch nobody = {0};
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	submit_many(f, 0, 10);
	assert_int_equal(f->ops->export(f->store, f->now, look_meanwhile, f, &nobody, NULL), ST_BUSY);
	assert_int_equal(figures_of(f).readers, 0);
	assert_int_equal(figures_of(f).reader_lag, 0);
}

static void books__balance_through_a_life(void **state)
{
	struct fixture *f = *state;
	size_t removed;
	submit_many(f, 0, 30);
	size_t n = claim(f, 20);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(settle_held(f, i, i % 2 ? SETTLE_FAIL : SETTLE_COMPLETE), ST_OK);
	figures_of(f);
	pass_ms(f, 1000);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_FAILED, f->now.wall_us, 100,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_true(removed > 0);
	figures_of(f);
}

/* Leases that were over are told to who claims. */
static void expiry__is_counted(void **state)
{
	struct fixture *f = *state;
	size_t expired = 7, got;
	struct job jobs[8];
	submit_many(f, 0, 3);
	assert_int_equal(claim(f, 3), 3);
	pass_ms(f, 3600 * 1000);
	struct claim_ask ask = {.owner = "other:1", .lease_ms = 1000, .expired = &expired};
	assert_int_equal(
		f->ops->exchange(f->store, f->now, NULL, 0, &ask, jobs, &got, &f->next_due_us, NULL), ST_OK);
	assert_int_equal(expired, 3);
	pass_ms(f, 1000);
	assert_int_equal(
		f->ops->exchange(f->store, f->now, NULL, 0, &ask, jobs, &got, &f->next_due_us, NULL), ST_OK);
	assert_int_equal(expired, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(oldest__is_that_of_any_priority, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(oldest__of_each_place, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(oldest__is_found_in_the_crowd, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(cost__does_not_grow, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(room__is_told, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(readers__are_told, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(books__balance_through_a_life, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(expiry__is_counted, store_setup, store_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

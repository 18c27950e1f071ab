/* tests/unit/test_claims.c: what may be claimed, and in which order: limits, users who crowd, priorities that
 * wait, leases of many jobs, and who is told of what was left. */
#include "spool/store/common/crowd.h"
#include "tests/unit/care_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { PHASES = 3 }; /* 2, 3, 4 */

static uint32_t bit(int phase)
{
	return 1u << phase_slot(phase);
}

static struct job_id one_more(struct fixture *f, int phase, const char *user, int priority)
{
	static unsigned n;
	char workflow[24];
	snprintf(workflow, sizeof workflow, "w%u", n++);
	struct trigger t = make_trigger(phase, workflow, user, "{}");
	t.priority = priority;
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	return r.id;
}

static void many(struct fixture *f, size_t n, int phase, const char *user, int priority)
{
	for (size_t i = 0; i < n; i++)
		one_more(f, phase, user, priority);
}

static void never_crowd(struct fixture *f)
{
	f->conf.crowd_at = 0;
	store_reopen(f);
}

static size_t claim_within(struct fixture *f, size_t max, const struct claim_limit *limits, size_t n)
{
	struct claim_ask ask = {
		.owner = "host:1", .max = max, .lease_ms = 60000, .limits = limits, .limits_n = n};
	return claim_as(f, &ask);
}

static size_t held_of(const struct fixture *f, int phase)
{
	size_t n = 0;
	for (size_t i = 0; i < f->held_n; i++)
		n += f->held[i].phase == phase;
	return n;
}

static size_t held_by(const struct fixture *f, size_t from, size_t to, const char *user)
{
	size_t n = 0;
	for (size_t i = from; i < to && i < f->held_n; i++)
		n += slice_is(f->held[i].user_id, user);
	return n;
}

static void complete_all(struct fixture *f)
{
	for (size_t i = 0; i < f->held_n; i++)
		assert_int_equal(settle_held(f, i, SETTLE_COMPLETE), ST_OK);
}

/* The user crowds: what it submits from here on is in the crowd, and nothing of before is left. */
static void make_crowd(struct fixture *f, const char *user)
{
	many(f, (size_t)f->conf.crowd_at, 2, user, 5);
	assert_int_equal(claim(f, (size_t)f->conf.crowd_at), f->conf.crowd_at);
	complete_all(f);
}

/* --- limits --- */

static void limits__bound_each_phase_and_several_together(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct claim_limit limits[3];
		size_t n, max, want[PHASES], want_all;
	} rows[] = {
		{{{0, 0}}, 0, 300, {100, 100, 100}, 300},
		{{{1u << 1, 3}}, 1, 300, {3, 100, 100}, 203},
		{{{1u << 1, 0}}, 1, 300, {0, 100, 100}, 200},
		{{{1u << 1, 3}, {1u << 2, 70}, {1u << 3, 0}}, 3, 300, {3, 70, 0}, 73},
		{{{1u << 1 | 1u << 2, 1}}, 1, 300, {1, 0, 100}, 101},
		/* Each of those that name a phase counts, the narrowest decides. */
		{{{1u << 1, 90}, {1u << 1 | 1u << 3, 80}, {UINT32_MAX, 200}}, 3, 300, {80, 100, 0}, 180},
		{{{UINT32_MAX, 5}}, 1, 300, {5, 0, 0}, 5},
		{{{UINT32_MAX, 0}}, 1, 300, {0, 0, 0}, 0},
		{{{UINT32_MAX, SIZE_MAX}}, 1, 10, {10, 0, 0}, 10},
	};
	never_crowd(f);
	for (int phase = 2; phase < 2 + PHASES; phase++) {
		many(f, 100, phase, "u", 5);
		pass_ms(f, 1);
	}
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		assert_int_equal(
			claim_within(f, rows[row].max, rows[row].limits, rows[row].n), rows[row].want_all);
		for (int i = 0; i < PHASES; i++)
			if (held_of(f, 2 + i) != rows[row].want[i])
				fail_msg("row %zu, phase %d: %zu", row, 2 + i, held_of(f, 2 + i));
		for (size_t i = 0; i < f->held_n; i++)
			settle_held(f, i, SETTLE_RELEASE);
	}
}

static void limits__more_than_there_may_be_are_refused(void **state)
{
	struct fixture *f = *state;
	struct claim_limit limits[CLAIM_LIMITS_MAX + 1];
	struct claim_ask ask = {.owner = "o", .max = 1, .lease_ms = 1000, .limits = limits};
	size_t n;
	accept_job(f, 2, "w", "u", "{}");
	for (size_t i = 0; i <= CLAIM_LIMITS_MAX; i++)
		limits[i] = (struct claim_limit){bit(2), 1};
	ask.limits_n = CLAIM_LIMITS_MAX + 1;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, NULL, 0, &ask, f->held, &n, &f->next_due_us, NULL),
		ST_INVALID);
	assert_int_equal(n, 0);
	ask.limits_n = CLAIM_LIMITS_MAX;
	assert_int_equal(claim_as(f, &ask), 1);
}

static void limits__a_job_that_cannot_be_read_takes_no_room(void **state)
{
	struct fixture *f = *state;
	struct claim_limit limit = {bit(2), 1};
	struct job_id bad = one_more(f, 2, "u", 5), good = one_more(f, 2, "u", 5);
	spoil(f, TREE_JOB, bad);
	assert_int_equal(claim_within(f, 10, &limit, 1), 1);
	assert_int_equal(id_cmp(f->held[0].id, good), 0);
	assert_int_equal(stats_of(f).set_aside, 1);
}

/* --- those who are told --- */

static bool is_rung(struct fixture *f)
{
	struct pollfd fd = {.fd = f->ops->wake_fd(f->store), .events = POLLIN};
	bool is = poll(&fd, 1, 0) == 1;
	f->ops->wake_drain(f->store);
	return is;
}

static void wake__once_for_what_full_limits_leave(void **state)
{
	struct fixture *f = *state;
	struct claim_limit none = {bit(2), 0}, one = {bit(2), 1};
	many(f, 3, 2, "u", 5);
	assert_true(is_rung(f));
	/* The hint is taken, but not by one who has room: the others must hear of it, once. */
	assert_int_equal(claim_within(f, 10, &none, 1), 0);
	assert_true(is_rung(f));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(claim_within(f, 10, &none, 1), 0);
		assert_false(is_rung(f));
	}
	one_more(f, 2, "u", 5);
	assert_true(is_rung(f));
	assert_int_equal(claim_within(f, 10, &none, 1), 0);
	assert_true(is_rung(f));
	assert_int_equal(claim_within(f, 10, &one, 1), 1);
	assert_true(is_rung(f));
	assert_int_equal(claim_within(f, 10, &none, 1), 0);
	assert_false(is_rung(f));
}

static void wake__not_for_what_nobody_may_claim(void **state)
{
	struct fixture *f = *state;
	many(f, 3, 2, "u", 5);
	one_more(f, 3, "u", 5);
	assert_int_equal(
		f->ops->pause(f->store, f->now, bit(2), true, slice_text("operator:t"), NULL), ST_OK);
	is_rung(f);
	assert_int_equal(claim(f, 10), 1);
	assert_false(is_rung(f));
}

/* --- priorities --- */

static void priority__the_least_urgent_job_does_not_wait_for_ever(void **state)
{
	struct fixture *f = *state;
	never_crowd(f);
	struct job_id low = one_more(f, 3, "u", 9);
	for (size_t claimed = 0;; claimed += 4) {
		assert_in_range(claimed, 0, 7);
		pass_ms(f, 1000);
		many(f, 5, 2 + (int)claimed % 3, "u", 1); /* more than is taken */
		claim(f, 4);
		complete_all(f);
		if (state_of(f, low) == JOB_COMPLETED)
			break;
		/* Nobody goes before a more urgent job out of turn. */
		assert_int_equal(held_of(f, 3) == 0 || f->held[0].priority == 1, true);
	}
}

static void priority__seven_of_eight_claims_are_by_it(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	never_crowd(f);
	many(f, 100, 2, "u", 9);
	pass_ms(f, 1);
	many(f, 100, 3, "u", 1);
	assert_int_equal(claim(f, 80), 80);
	for (size_t i = 0; i < 80; i++)
		assert_int_equal(f->held[i].priority, i % 8 == 7 ? 9 : 1);
}

/* --- the crowd --- */

/* 10,000 users of whom one submits in bulk, an injected day of them: only that one crowds, and where all are
 * busy alike nobody does. */
static void crowd__is_who_submits_far_more_than_others(void **state)
{
	(void)state;
	static const struct {
		int users, bulk_of_100, jobs;
		int64_t us_apart;
		bool bulk_crowds;
	} rows[] = {
		{10000, 50, 200000, 50, true}, {10000, 5, 100000, 1000, true}, {10000, 0, 400000, 50, false},
		{1000000, 0, 1000000, 10, false}, {200, 0, 100000, 100, false},
		{2, 0, 1000, 2000000, false}, /* fewer than `at` in any half-life */
	};
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		struct crowd *c = calloc(1, sizeof *c);
		struct moment now = {.boot_us = 123456789};
		uint64_t random = 88172645463325252;
		int others = 0, bulk = 0, since = 0;
		c->at = 64;
		for (int i = 0; i < rows[row].jobs; i++, now.boot_us += rows[row].us_apart) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bool is_bulk = (int)(random % 100) < rows[row].bulk_of_100;
			uint32_t user =
				is_bulk ? 0 : 1 + (uint32_t)(random >> 32) % (uint32_t)rows[row].users;
			bool crowds = crowd_note(c, user * UINT32_C(2654435761), now);
			others += crowds && !is_bulk;
			bulk += crowds && is_bulk;
			since += !crowds && is_bulk;
		}
		if ((bulk > 0) != rows[row].bulk_crowds || since > 2000 || others > rows[row].jobs / 1000)
			fail_msg("row %zu: bulk %d, not %d, others %d", row, bulk, since, others);
		free(c);
	}
}

static void crowd__ends_when_its_user_is_quiet(void **state)
{
	(void)state;
	struct crowd *c = calloc(1, sizeof *c);
	struct moment now = {.boot_us = 1};
	c->at = 64;
	for (int i = 0; i < 64; i++)
		assert_false(crowd_note(c, 7, now));
	assert_true(crowd_note(c, 7, now));
	now.boot_us -= 1; /* another thread's clock */
	assert_true(crowd_note(c, 7, now));
	now.boot_us += INT64_C(2) * CROWD_HALF_LIFE_US;
	assert_false(crowd_note(c, 7, now));
	now.boot_us += INT64_C(1000) * CROWD_HALF_LIFE_US;
	for (int i = 0; i < 64; i++)
		assert_false(crowd_note(c, 7, now));
	assert_true(crowd_note(c, 7, now));
	free(c);
}

static void crowd__does_not_keep_others_waiting(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	many(f, 400, 2, "bulk", 5);
	pass_ms(f, 1000);
	struct job_id other = one_more(f, 2, "other", 5);
	/* Before it stand those 8 that were not of the crowd yet, and a quarter of others. */
	assert_int_equal(claim(f, 16), 16);
	size_t at = 0;
	while (at < 16 && id_cmp(f->held[at].id, other) != 0)
		at++;
	assert_in_range(at, 8, 12);
}

static void crowd__has_one_claim_in_four_where_others_wait(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	make_crowd(f, "bulk");
	many(f, 192, 2, "bulk", 5);
	for (int i = 0; i < 200; i++) {
		char user[16];
		snprintf(user, sizeof user, "u%d", i);
		one_more(f, 2, user, 5);
	}
	assert_int_equal(claim(f, 80), 80);
	assert_int_equal(held_by(f, 0, 80, "bulk"), 20);
	for (size_t i = 0; i + 4 <= 80; i += 4)
		assert_int_equal(held_by(f, i, i + 4, "bulk"), 1);
	complete_all(f);
	/* Whoever is alone takes all. */
	size_t got = 0;
	for (size_t n; (n = claim(f, 100)) > 0; got += n)
		complete_all(f);
	assert_int_equal(got, 400 - 8 - 80);
}

static void crowd__shares_alike_whatever_each_has_and_where(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	make_crowd(f, "a");
	make_crowd(f, "b");
	make_crowd(f, "c");
	many(f, 200, 2, "a", 5);
	many(f, 30, 2, "b", 5);
	many(f, 30, 3, "c", 5);
	many(f, 30, 3, "a", 5);
	assert_int_equal(claim(f, 75), 75);
	for (size_t i = 0; i < 75; i += 3) {
		assert_int_equal(held_by(f, i, i + 3, "a"), 1);
		assert_int_equal(held_by(f, i, i + 3, "b"), 1);
		assert_int_equal(held_by(f, i, i + 3, "c"), 1);
	}
	complete_all(f);
	assert_int_equal(claim(f, 200), 200);
	/* Of one user those due longest go first, in whichever phase. */
	for (size_t i = 1; i < f->held_n; i++)
		if (held_by(f, i - 1, i + 1, "a") == 2)
			assert_true(id_cmp(f->held[i - 1].id, f->held[i].id) < 0);
}

/* The turn goes round also from one exchange to the next, and over more than one round of picks. */
static void crowd__goes_on_where_it_was(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	static const char *const users[] = {"a", "b", "c", "d", "e"};
	size_t had[5] = {0};
	for (size_t u = 0; u < 5; u++)
		make_crowd(f, users[u]);
	for (size_t u = 0; u < 5; u++)
		many(f, 100, 2, users[u], 5);
	for (size_t n = 1; n <= 30; n++) {
		claim(f, n);
		for (size_t u = 0; u < 5; u++) {
			had[u] += held_by(f, 0, n, users[u]);
			assert_in_range(had[u], n * (n + 1) / 10, n * (n + 1) / 10 + 1); /* of 1 + ... + n */
		}
		complete_all(f);
	}
}

static void crowd__priorities_do_not_wait_for_ever_in_it(void **state)
{
	struct fixture *f = *state;
	make_crowd(f, "bulk");
	many(f, 3, 3, "bulk", 9);
	pass_ms(f, 1);
	many(f, 200, 2, "bulk", 1);
	size_t low = 0;
	assert_int_equal(claim(f, 64), 64);
	for (size_t i = 0; i < 64; i++)
		low += f->held[i].priority == 9;
	assert_int_equal(low, 3);
	assert_int_equal(f->held[0].priority, 1);
}

/* Nor where others leave it only its share. */
static void crowd__priorities_do_not_wait_for_ever_beside_others(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	make_crowd(f, "bulk");
	struct job_id low = one_more(f, 3, "bulk", 9);
	pass_ms(f, 1);
	many(f, 60, 2, "bulk", 1);
	for (int i = 0; i < 100; i++) {
		char user[16];
		snprintf(user, sizeof user, "u%d", i);
		one_more(f, 2, user, 5);
	}
	assert_int_equal(claim(f, 16), 16);
	assert_int_equal(held_by(f, 0, 16, "bulk"), 4);
	assert_int_equal(state_of(f, low), JOB_ACTIVE);
}

static bool is_in_crowd(struct fixture *f, struct job_id id)
{
	struct job job;
	assert_int_equal(f->ops->get(f->store, id, &job, NULL), ST_OK);
	bool is = job.in_crowd;
	job_release(&job);
	return is;
}

static void crowd__a_job_stays_in_it(void **state)
{
	struct fixture *f = *state;
	make_crowd(f, "bulk");
	struct job_id id = one_more(f, 2, "bulk", 5);
	assert_true(is_in_crowd(f, id));
	store_reopen(f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(claim(f, 1), 1);
		store_check(f);
		settle_held(f, 0, i == 0 ? SETTLE_RETRY : i == 1 ? SETTLE_RELEASE : SETTLE_FAIL);
		store_check(f);
		pass_ms(f, 2000);
	}
	assert_int_equal(state_of(f, id), JOB_FAILED);
	assert_int_equal(steer(f, id, STEER_RETRY), ST_OK);
	assert_true(is_in_crowd(f, id));
	/* The count, but not the crowd, is forgotten at a restart. */
	assert_false(is_in_crowd(f, one_more(f, 2, "bulk", 5)));
	assert_int_equal(claim(f, 10), 2);
}

static void crowd__is_never_where_it_is_switched_off(void **state)
{
	struct fixture *f = *state;
	never_crowd(f);
	many(f, 100, 2, "bulk", 5);
	assert_false(is_in_crowd(f, one_more(f, 2, "bulk", 5)));
}

static void crowd__is_listed_and_removed_as_others_are(void **state)
{
	struct fixture *f = *state;
	struct job_filter filter = {.has_state = true, .state = JOB_WAITING};
	many(f, 30, 2, "a", 5);
	many(f, 30, 3, "b", 1);
	many(f, 3, 3, "c", 5);
	for (int oldest_first = 0; oldest_first < 2; oldest_first++) {
		struct cursor at = {""}, next;
		struct job jobs[7];
		struct job_id seen[63];
		size_t total = 0, n;
		filter.oldest_first = oldest_first;
		do {
			assert_int_equal(
				f->ops->list(f->store, &filter, &at, 7, true, jobs, &n, &next, NULL), ST_OK);
			for (size_t i = 0; i < n; i++) {
				assert_in_range(total, 0, 62);
				for (size_t k = 0; k < total; k++)
					assert_int_not_equal(id_cmp(seen[k], jobs[i].id), 0);
				seen[total++] = jobs[i].id;
				job_release(&jobs[i]);
			}
			at = next;
		} while (next.text[0]);
		assert_int_equal(total, 63);
	}
	size_t removed;
	pass_ms(f, 10000);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_WAITING, f->now.wall_us, 100,
				 slice_text("operator:t"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 63);
}

static void crowd__a_damaged_job_in_it_is_set_aside(void **state)
{
	struct fixture *f = *state;
	many(f, 20, 2, "bulk", 5);
	struct job_id bad = one_more(f, 2, "bulk", 5);
	many(f, 5, 2, "bulk", 5);
	spoil(f, TREE_TRIGGER, bad);
	assert_int_equal(claim(f, 100), 25);
	assert_int_equal(stats_of(f).set_aside, 1);
}

/* --- leases --- */

/* Leases are looked at in portions, and all of them in turn, however many live ones there are. */
static void lease__of_the_last_of_many_is_taken_back(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	never_crowd(f);
	many(f, 450, 2, "u", 5);
	struct job_id last = one_more(f, 3, "u", 5);
	assert_int_equal(claim(f, 451), 451);
	pass_ms(f, 59000);
	for (size_t i = 0; i < 450; i++)
		assert_int_equal(settle_held(f, i, SETTLE_RENEW), ST_OK);
	for (int i = 0; i < 8; i++) { /* one more second, and a second to notice */
		struct claim_ask nothing = {.owner = "o", .lease_ms = 1000};
		pass_ms(f, 250);
		claim_as(f, &nothing);
	}
	assert_int_equal(state_of(f, last), JOB_WAITING);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(limits__bound_each_phase_and_several_together),
		CASE(limits__more_than_there_may_be_are_refused),
		CASE(limits__a_job_that_cannot_be_read_takes_no_room),
		CASE(wake__once_for_what_full_limits_leave),
		CASE(wake__not_for_what_nobody_may_claim),
		CASE(priority__the_least_urgent_job_does_not_wait_for_ever),
		CASE(priority__seven_of_eight_claims_are_by_it),
		cmocka_unit_test(crowd__is_who_submits_far_more_than_others),
		cmocka_unit_test(crowd__ends_when_its_user_is_quiet),
		CASE(crowd__does_not_keep_others_waiting),
		CASE(crowd__has_one_claim_in_four_where_others_wait),
		CASE(crowd__shares_alike_whatever_each_has_and_where),
		CASE(crowd__goes_on_where_it_was),
		CASE(crowd__priorities_do_not_wait_for_ever_in_it),
		CASE(crowd__priorities_do_not_wait_for_ever_beside_others),
		CASE(crowd__a_job_stays_in_it),
		CASE(crowd__is_never_where_it_is_switched_off),
		CASE(crowd__is_listed_and_removed_as_others_are),
		CASE(crowd__a_damaged_job_in_it_is_set_aside),
		CASE(lease__of_the_last_of_many_is_taken_back),
	};
	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}

/* tests/unit/test_ahead.c: how many jobs may be held ahead of a receiver's calls. */
#include "tests/support/unit.h"

#include "spool/model/phase.h"
#include "worker/flow.h"

#include <stdlib.h>
#include <unistd.h>

struct fixture {
	struct opts opts;
	struct flow *flow;
};

/* Phase 2 calls integrations alone; with 64 in flight each may have 48 calls. */
static int setup(void **state)
{
	char path[] = "/tmp/clario-ahead-XXXXXX";
	struct why why = WHY_INIT;
	struct fixture *f = calloc(1, sizeof *f);
	FILE *out = fdopen(mkstemp(path), "w");
	assert_non_null(out);
	fprintf(out, "[receiver.python]\nurl = http://py:8000\nrate = 10\nburst = 5\n"
		     "[receiver.integrations]\nurl = http://node:3001\n");
	fclose(out);
	if (opts_load(path, &f->opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	unlink(path);
	f->flow = flow_new(&f->opts);
	assert_non_null(f->flow);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	flow_free(f->flow);
	opts_release(&f->opts);
	free(f);
	return 0;
}

/* The least room that any limit leaves this phase. */
static size_t room_of(struct fixture *f, int phase, size_t held, size_t pace)
{
	struct flow_stock stock = {0};
	struct claim_limit limits[FLOW_LIMITS_MAX];
	size_t least = SIZE_MAX;
	stock.held[phase_slot(phase)] = held;
	stock.pace[phase_slot(phase)] = pace;
	size_t n = flow_limits(f->flow, &stock, limits);
	for (size_t i = 0; i < n; i++)
		if (limits[i].phases & 1u << phase_slot(phase) && limits[i].room < least)
			least = limits[i].room;
	return least;
}

static void ahead__twice_what_may_run_before_the_pace_is_known(void **state)
{
	assert_int_equal(room_of(*state, 2, 0, 0), 96);
	assert_int_equal(room_of(*state, 2, 90, 10), 6);
	assert_int_equal(room_of(*state, 2, 200, 0), 0);
}

/* Or a commit that takes long is waited for with nothing to do. */
static void ahead__two_commits_of_a_fast_receiver(void **state)
{
	assert_int_equal(room_of(*state, 2, 0, 100), 48 + 200);
	assert_int_equal(room_of(*state, 2, 148, 100), 100);
}

/* Should it hang now, there must be leases for the others' jobs: 16 for each call in flight, in all. */
static void ahead__never_more_than_leaves_room_for_others(void **state)
{
	assert_int_equal(room_of(*state, 2, 0, 5000), 48 + 4 * 64);
}

static void ahead__no_more_than_a_rate_lets_through(void **state)
{
	struct fixture *f = *state;
	int phase = 0;
	for (size_t i = 0; i < f->opts.calls_n; i++)
		if (f->opts.call[i].receiver == RECEIVER_PYTHON && f->opts.call[i].phase)
			phase = (int)f->opts.call[i].phase;
	assert_true(room_of(f, phase, 0, 500) <= 5 + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			ahead__twice_what_may_run_before_the_pace_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(ahead__two_commits_of_a_fast_receiver, setup, teardown),
		cmocka_unit_test_setup_teardown(
			ahead__never_more_than_leaves_room_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(ahead__no_more_than_a_rate_lets_through, setup, teardown),
	};
	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}

/* tests/unit/test_flow.c: what one worker tells of its calls, against the receiver as it is stored. */
#include "tests/support/unit.h"

#include "worker/flow.h"

#include <stdio.h>

#define S    INT64_C(1000000)
#define NOON (INT64_C(1790000000) * S)

static struct opts opts;

static struct flow *one_receiver(void)
{
	opts = (struct opts){.receivers_n = 1, .calls_n = 1};
	opts.worker.in_flight = 64;
	opts.call[0].phase = 2;
	opts.call[0].timeout_ms = 30000;
	snprintf(opts.receivers[0].name, sizeof opts.receivers[0].name, "shop");
	opts.receivers[0].concurrency = 8;
	opts.receivers[0].breaker_window_ms = 60000;
	opts.receivers[0].breaker_calls = 1;
	opts.receivers[0].breaker_share = 50;
	opts.receivers[0].breaker_open_ms = 10000;
	opts.receivers[0].breaker_open_max_ms = 60000;
	return flow_new(&opts);
}

static void exchange(struct flow *f, struct receiver_state *r, int64_t at_s, bool is_kept)
{
	size_t n;
	struct receiver_change change;
	struct receiver_report *reports = flow_reports(f, &n);
	struct receiver_state next = *r;
	assert_int_equal(n, 1);
	receiver_take(&next, reports, NOON + at_s * S, &change);
	assert_true(is_kept || !change.is_lasting);
	if (is_kept)
		*r = next;
	receiver_taken(reports, is_kept);
	flow_told(f);
}

static void one_call(struct flow *f, enum flow_end how)
{
	struct flow_waiter w = {0};
	assert_int_equal(flow_begin(f, 0, &w), FLOW_GO);
	flow_end(f, &w, how);
}

/* Two calls of one worker hang from before the opening on, while the other one finds the receiver well again:
 * one ends while it ramps up, one when it is closed again. */
static void hanging_calls__do_not_open_it_again(void **state)
{
	(void)state;
	struct flow *f = one_receiver(), *other = one_receiver();
	struct receiver_state r;
	struct flow_waiter hanging[2] = {{0}};
	receiver_init(&r, slice_text("shop"));
	assert_int_equal(flow_begin(other, 0, &hanging[0]), FLOW_GO);
	assert_int_equal(flow_begin(other, 0, &hanging[1]), FLOW_GO);
	one_call(f, FLOW_FAILED);
	exchange(f, &r, 0, true);
	assert_int_equal(r.breaker, BREAKER_OPEN);
	exchange(f, &r, 10, true);
	one_call(f, FLOW_OK); /* the probe */
	exchange(f, &r, 11, true);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	exchange(other, &r, 12, true);
	flow_end(other, &hanging[0], FLOW_FAILED);
	exchange(other, &r, 12, true);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	for (int ramp = 1; ramp < 8; ramp *= 2) {
		assert_int_equal(r.ramp, ramp);
		for (int i = 0; i < ramp; i++)
			one_call(f, FLOW_OK);
		exchange(f, &r, 13, true);
	}
	assert_int_equal(r.breaker, BREAKER_CLOSED);
	flow_end(other, &hanging[1], FLOW_FAILED);
	exchange(other, &r, 14, true);
	assert_int_equal(r.breaker, BREAKER_CLOSED);
	assert_int_equal(r.failed_total, 3); /* counted all the same */
	one_call(other, FLOW_FAILED);
	exchange(other, &r, 15, true);
	assert_int_equal(r.breaker, BREAKER_OPEN);
	flow_free(f);
	flow_free(other);
}

/* It ended in the era it began in, between report and answer, and the answer begins the next: told later, it
 * is of the past. */
static void ended_before_the_answer__is_of_the_era_before(void **state)
{
	(void)state;
	struct flow *f = one_receiver();
	struct receiver_state r;
	struct receiver_change change;
	struct flow_waiter w = {0};
	size_t n;
	receiver_init(&r, slice_text("shop"));
	assert_int_equal(flow_begin(f, 0, &w), FLOW_GO);
	struct receiver_report *reports = flow_reports(f, &n);
	r.probe = 5; /* others have been through an opening */
	r.calls_total = 1;
	flow_end(f, &w, FLOW_FAILED);
	receiver_take(&r, reports, NOON, &change);
	receiver_taken(reports, true);
	flow_told(f);
	exchange(f, &r, 1, true);
	assert_int_equal(r.breaker, BREAKER_CLOSED);
	assert_int_equal(r.failed_total, 1);
	flow_free(f);
}

/* What no commit took is told again, and is not mixed with calls of the era that was heard of meanwhile. */
static void told_again__stays_of_its_era(void **state)
{
	(void)state;
	struct flow *f = one_receiver();
	struct receiver_state r;
	receiver_init(&r, slice_text("shop"));
	one_call(f, FLOW_FAILED);
	r.probe = 5;
	r.calls_total = 1;
	exchange(f, &r, 0, false);
	one_call(f, FLOW_OK);
	exchange(f, &r, 1, true);
	assert_int_equal(r.breaker, BREAKER_CLOSED);
	assert_int_equal(r.now.ok, 1);
	assert_int_equal(r.now.failed, 0);
	assert_int_equal(r.failed_total, 1);
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hanging_calls__do_not_open_it_again),
		cmocka_unit_test(ended_before_the_answer__is_of_the_era_before),
		cmocka_unit_test(told_again__stays_of_its_era),
	};
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}

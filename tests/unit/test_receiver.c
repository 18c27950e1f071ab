/* tests/unit/test_receiver.c: the breaker of a receiver, as tables. */
#include "spool/model/receiver.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define S    INT64_C(1000000)
#define NOON (INT64_C(1790000000) * S)

static const struct breaker_policy policy = {.window_us = 60 * S,
	.least_calls = 10,
	.failed_percent = 50,
	.open_us = 10 * S,
	.open_max_us = 60 * S,
	.probe_us = 30 * S,
	.in_flight = 8};

/* A worker, and the receiver as it is stored. */
static struct receiver_report worker_of(const struct breaker_policy *p)
{
	return (struct receiver_report){.name = "shop", .policy = p};
}

static struct receiver_state fresh(void)
{
	struct receiver_state r;
	receiver_init(&r, slice_text("shop"));
	return r;
}

static struct receiver_change exchange(struct receiver_state *r, struct receiver_report *w, int64_t at_s)
{
	struct receiver_change change;
	receiver_take(r, w, NOON + at_s * S, &change);
	assert_true(change.is_any || !change.is_lasting);
	assert_true(change.events_n == 0 || change.is_lasting);
	receiver_taken(w, true);
	return change;
}

static struct receiver_change calls(
	struct receiver_state *r, struct receiver_report *w, int64_t at_s, uint32_t ok, uint32_t failed)
{
	w->ok = ok;
	w->failed = failed;
	return exchange(r, w, at_s);
}

static void assert_told(const struct receiver_change *change, const char *reason)
{
	if (change->events_n != 1 || strcmp(change->events[0].reason, reason) != 0)
		fail_msg("%zu events, \"%s\", not \"%s\"", change->events_n,
			change->events_n ? change->events[0].reason : "", reason);
	assert_int_equal(change->events[0].kind, EVENT_BREAKER);
}

static void life__as_a_table(void **state)
{
	(void)state;
	static const struct {
		int at_s;
		uint32_t ok, failed;
		bool wants;
		enum probe_result result;
		enum breaker want;
		uint32_t may_run;
		bool has_probe;
		const char *told;
	} rows[] = {
		{0, 5, 0, false, 0, BREAKER_CLOSED, UINT32_MAX, false, NULL},
		{1, 0, 4, false, 0, BREAKER_CLOSED, UINT32_MAX, false, NULL}, /* 4 of 9: too few calls */
		{2, 0, 1, false, 0, BREAKER_OPEN, 0, false,
			"opened: 5 of 10 calls failed; a probe follows after 10 s"},
		{5, 0, 0, true, 0, BREAKER_OPEN, 0, false, NULL},
		{6, 3, 3, false, 0, BREAKER_OPEN, 0, false, NULL},  /* they began before */
		{12, 0, 0, false, 0, BREAKER_OPEN, 0, false, NULL}, /* nothing to probe with */
		{12, 0, 0, true, 0, BREAKER_PROBING, 1, true, "probing"},
		{13, 0, 0, false, 0, BREAKER_PROBING, 1, true, NULL},
		{13, 2, 2, false, 0, BREAKER_PROBING, 1, true, NULL},
		{14, 0, 0, false, PROBE_FAILED, BREAKER_OPEN, 0, false,
			"opened: the probe failed; a probe follows after 20 s"},
		{33, 0, 0, true, 0, BREAKER_OPEN, 0, false, NULL},
		{34, 0, 0, true, 0, BREAKER_PROBING, 1, true, "probing"},
		{35, 0, 0, false, PROBE_FAILED, BREAKER_OPEN, 0, false,
			"opened: the probe failed; a probe follows after 40 s"},
		{75, 0, 0, true, 0, BREAKER_PROBING, 1, true, "probing"},
		{76, 0, 0, true, PROBE_FAILED, BREAKER_OPEN, 0, false,
			"opened: the probe failed; a probe follows after 60 s"}, /* the most */
		{136, 0, 0, true, 0, BREAKER_PROBING, 1, true, "probing"},
		{137, 0, 0, true, PROBE_OK, BREAKER_RAMPING, 1, false, "ramping: the probe went well"},
		{138, 1, 0, true, 0, BREAKER_RAMPING, 2, false, NULL},
		{139, 1, 0, true, 0, BREAKER_RAMPING, 2, false, NULL},
		{140, 1, 0, true, 0, BREAKER_RAMPING, 4, false, NULL},
		{141, 3, 1, true, 0, BREAKER_CLOSED, UINT32_MAX, false, "closed"},
		{142, 0, 9, true, 0, BREAKER_CLOSED, UINT32_MAX, false, NULL}, /* counted from there */
		{143, 1, 0, true, 0, BREAKER_OPEN, 0, false,
			"opened: 9 of 10 calls failed; a probe follows after 10 s"}, /* the first again */
	};
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&policy);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		w.wants_probe = rows[i].wants;
		w.probe_result = rows[i].result;
		struct receiver_change change = calls(&r, &w, rows[i].at_s, rows[i].ok, rows[i].failed);
		if (r.breaker != rows[i].want || w.may_run != rows[i].may_run ||
			w.has_probe != rows[i].has_probe)
			fail_msg("row %zu: %s, %u at a time, %s", i, breaker_name(r.breaker), w.may_run,
				w.has_probe ? "with the probe" : "without a probe");
		if (rows[i].told)
			assert_told(&change, rows[i].told);
		else
			assert_int_equal(change.events_n, 0);
		assert_memory_equal(&w.state, &r, sizeof r);
	}
	assert_int_equal(r.calls_total, 5 + 4 + 1 + 6 + 4 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 4 + 9 + 1);
	assert_int_equal(r.failed_total, 4 + 1 + 3 + 2 + 1 + 1 + 1 + 1 + 9);
}

static void window__slides_by_halves(void **state)
{
	(void)state;
	static const struct {
		int first_s, second_s;
		bool opens;
	} rows[] = {
		{0, 29, true},                                   /* the same half */
		{0, 59, true},                                   /* the half after */
		{0, 60, false},                                  /* the one after that */
		{20, 59, true}, {0, 1000, false}, {29, 0, true}, /* the clock was set back */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct receiver_state r = fresh();
		struct receiver_report w = worker_of(&policy);
		calls(&r, &w, 0, 1, 0); /* here the first half begins */
		calls(&r, &w, rows[i].first_s, 0, 5);
		struct call_count seen = receiver_window(&r, NOON + rows[i].second_s * S);
		assert_int_equal(seen.failed, rows[i].opens ? 5 : 0);
		calls(&r, &w, rows[i].second_s, 0, 5);
		if ((r.breaker == BREAKER_OPEN) != rows[i].opens)
			fail_msg("row %zu is %s", i, breaker_name(r.breaker));
	}
}

static void share__opens_at_the_percentage(void **state)
{
	(void)state;
	static const struct {
		uint32_t percent, least, ok, failed;
		bool opens;
	} rows[] = {
		{50, 10, 6, 5, false},
		{50, 10, 5, 5, true},
		{50, 10, 4, 5, false}, /* too few */
		{1, 1, 100, 1, false},
		{1, 1, 99, 1, true},
		{100, 1, 1, 99, false},
		{100, 1, 0, 1, true},
		{0, 0, 0, 1000, false}, /* never by itself */
		{1, 0, 0, 0, false},
		{50, 0, UINT32_MAX, UINT32_MAX, true},
		{51, 0, UINT32_MAX, UINT32_MAX, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct breaker_policy p = policy;
		struct receiver_state r = fresh();
		struct receiver_report w = worker_of(&p);
		p.failed_percent = rows[i].percent;
		p.least_calls = rows[i].least;
		struct receiver_change change = calls(&r, &w, 0, rows[i].ok, rows[i].failed);
		if ((r.breaker == BREAKER_OPEN) != rows[i].opens)
			fail_msg("row %zu is %s", i, breaker_name(r.breaker));
		assert_int_equal(change.is_any, rows[i].ok + rows[i].failed > 0);
		assert_int_equal(change.is_lasting, rows[i].opens);
	}
}

static void open_it(struct receiver_state *r, struct receiver_report *w, int64_t at_s)
{
	calls(r, w, at_s, 0, 10);
	assert_int_equal(r->breaker, BREAKER_OPEN);
}

/* b's calls began before the opening, and end (a receiver that hung) when others are made again. */
static void ramp__counts_only_calls_that_began_since(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report a = worker_of(&policy), b = a, c = a;
	open_it(&r, &a, 0);
	a.wants_probe = true;
	exchange(&r, &a, 10);
	a.probe_result = PROBE_OK;
	exchange(&r, &a, 11);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	calls(&r, &b, 12, 0, 30); /* it has not been told yet */
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	b.old_failed = 30; /* it has */
	exchange(&r, &b, 13);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	calls(&r, &c, 14, 30, 0);
	assert_int_equal(r.ramp, 1); /* nor does what went well before bring it further */
	assert_int_equal(r.calls_total, 10 + 1 + 90);
	assert_int_equal(r.failed_total, 70);
	calls(&r, &b, 15, 3, 0);
	calls(&r, &b, 16, 3, 0);
	calls(&r, &b, 17, 4, 0);
	assert_int_equal(r.breaker, BREAKER_CLOSED);
	b.old_failed = 100;
	exchange(&r, &b, 18);
	assert_int_equal(r.breaker, BREAKER_CLOSED);
	calls(&r, &b, 19, 0, 30); /* these are new */
	assert_int_equal(r.breaker, BREAKER_OPEN);
}

static void resume__begins_an_era(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report a = worker_of(&policy), b = a;
	struct receiver_change change;
	open_it(&r, &a, 0);
	receiver_resume(&r, &change);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	calls(&r, &b, 1, 0, 30);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	calls(&r, &b, 2, 0, 1);
	assert_int_equal(r.breaker, BREAKER_OPEN);
}

static void report__keeps_the_eras_apart(void **state)
{
	(void)state;
	struct receiver_report w = worker_of(&policy);
	receiver_report_calls(&w, 0, 1, 2);
	receiver_report_calls(&w, 3, 10, 20); /* an exchange told of it, and had no commit */
	receiver_report_calls(&w, 3, 1, 1);
	receiver_report_calls(&w, 2, 100, 200);
	assert_int_equal(w.era, 3);
	assert_int_equal(w.ok, 11);
	assert_int_equal(w.failed, 21);
	assert_int_equal(w.old_ok, 101);
	assert_int_equal(w.old_failed, 202);
}

static void probe__goes_to_one_of_two(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report a = worker_of(&policy), b = a;
	a.wants_probe = b.wants_probe = true;
	open_it(&r, &a, 0);
	exchange(&r, &a, 10);
	exchange(&r, &b, 10);
	assert_true(a.has_probe && !b.has_probe && b.may_run == 0);
	b.probe_result = PROBE_OK; /* of another time */
	exchange(&r, &b, 11);
	b.probe = r.probe + 1;
	b.probe_result = PROBE_OK;
	exchange(&r, &b, 12);
	assert_int_equal(r.breaker, BREAKER_PROBING);
	a.probe_result = PROBE_OK;
	exchange(&r, &a, 13);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
	exchange(&r, &b, 13);
	assert_int_equal(b.may_run, 1); /* each may ramp up */
}

static void probe__that_nobody_reports_goes_to_another(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report a = worker_of(&policy), b = a;
	a.wants_probe = b.wants_probe = true;
	open_it(&r, &a, 0);
	exchange(&r, &a, 10);
	exchange(&r, &b, 39);
	assert_false(b.has_probe);
	struct receiver_change change = exchange(&r, &b, 40);
	assert_true(b.has_probe && b.probe == 2);
	assert_told(&change, "probing again: nobody told what became of the last probe");
	a.wants_probe = false;
	a.probe_result = PROBE_FAILED; /* too late: an ordinary call from before */
	exchange(&r, &a, 41);
	assert_int_equal(r.breaker, BREAKER_PROBING);
	assert_true(!a.has_probe && a.probe == 0);
	b.probe_result = PROBE_OK;
	exchange(&r, &b, 42);
	assert_int_equal(r.breaker, BREAKER_RAMPING);
}

static void probe__is_kept_renewed_and_given_back(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report a = worker_of(&policy), b = a;
	a.wants_probe = b.wants_probe = true;
	open_it(&r, &a, 0);
	exchange(&r, &a, 10);
	struct receiver_change change = exchange(&r, &a, 39);
	assert_true(a.has_probe && a.probe == 1 && !change.is_any);
	change = exchange(&r, &a, 41); /* still no call to make */
	assert_true(a.has_probe && a.probe == 2 && change.is_lasting && change.events_n == 0);
	a.wants_probe = false; /* its call is under way, for longer than it may */
	exchange(&r, &a, 72);
	assert_true(!a.has_probe && a.probe == 2);
	a.probe_result = PROBE_UNUSED;
	change = exchange(&r, &a, 73);
	assert_true(change.is_lasting && change.events_n == 0 && a.allows_more && a.probe == 0);
	change = exchange(&r, &b, 73);
	assert_true(b.has_probe && b.probe == 3 && change.events_n == 0 && !b.allows_more);
}

static void ramp__opens_again_where_a_step_fails(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&policy);
	w.wants_probe = true;
	open_it(&r, &w, 0);
	exchange(&r, &w, 10);
	w.probe_result = PROBE_OK;
	exchange(&r, &w, 11);
	calls(&r, &w, 12, 1, 0);
	struct receiver_change change = calls(&r, &w, 13, 0, 1);
	assert_true(r.breaker == BREAKER_RAMPING && !change.is_lasting);
	change = calls(&r, &w, 14, 1, 0);
	assert_told(&change, "opened: 1 of 2 calls failed while ramping up; a probe follows after 20 s");
	assert_int_equal(w.may_run, 0);
}

static void ramp__of_one_call_is_closed_at_once(void **state)
{
	(void)state;
	for (uint32_t in_flight = 0; in_flight < 2; in_flight++) {
		struct breaker_policy p = policy;
		struct receiver_state r = fresh();
		struct receiver_report w = worker_of(&p);
		p.in_flight = in_flight;
		w.wants_probe = true;
		open_it(&r, &w, 0);
		exchange(&r, &w, 10);
		w.probe_result = PROBE_OK;
		struct receiver_change change = exchange(&r, &w, 11);
		assert_int_equal(r.breaker, BREAKER_CLOSED);
		assert_int_equal(change.events_n, 2);
		assert_true(w.allows_more && w.may_run == UINT32_MAX);
	}
}

static void policy__without_a_breaker_closes_what_is_open(void **state)
{
	(void)state;
	struct breaker_policy p = policy;
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&p);
	open_it(&r, &w, 0);
	p.failed_percent = 0;
	struct receiver_change change = exchange(&r, &w, 1);
	assert_told(&change, "closed: the policy has no breaker");
	assert_true(w.allows_more && w.may_run == UINT32_MAX);
}

static void clock__that_jumps_does_no_lasting_harm(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&policy);
	w.wants_probe = true;
	open_it(&r, &w, 100000);
	struct receiver_change change = exchange(&r, &w, 0); /* back by a day */
	assert_true(change.is_lasting && change.events_n == 0);
	assert_int_equal(r.open_until_us, NOON + 10 * S);
	assert_int_equal(r.opened_at_us, NOON);
	change = exchange(&r, &w, 5);
	assert_false(change.is_any); /* once */
	exchange(&r, &w, 10);
	assert_true(w.has_probe);
	w = worker_of(&policy);
	w.wants_probe = true;
	exchange(&r, &w, -100000); /* and once more while a probe is under way: it is lost after all */
	assert_int_equal(r.probe_until_us, NOON - 100000 * S + 30 * S);
	exchange(&r, &w, -100000 + 30);
	assert_true(w.has_probe);
	w.probe_result = PROBE_FAILED;
	exchange(&r, &w, -99000);
	exchange(&r, &w, 100000); /* forward: a probe comes early */
	assert_true(w.has_probe);
}

static struct receiver_change pause(struct receiver_state *r, int64_t until_s, int64_t at_s)
{
	struct receiver_change change;
	receiver_pause(
		r, until_s ? NOON + until_s * S : 0, slice_text("operator:ann"), NOON + at_s * S, &change);
	assert_int_equal(change.events_n, 0);
	return change;
}

static void pause__nothing_runs_and_nothing_probes(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&policy);
	assert_true(pause(&r, 0, 0).is_lasting);
	assert_false(pause(&r, 0, 1).is_any);
	assert_string_equal(r.paused_by, "operator:ann");
	struct receiver_change change = calls(&r, &w, 2, 3, 0); /* what was under way counts */
	assert_true(w.may_run == 0 && !change.is_lasting && r.now.ok == 3);
	calls(&r, &w, 3, 0, 10);
	assert_int_equal(r.breaker, BREAKER_OPEN);
	w.wants_probe = true;
	exchange(&r, &w, 50);
	assert_true(w.may_run == 0 && !w.has_probe && r.breaker == BREAKER_OPEN);
	receiver_resume(&r, &change);
	assert_told(&change, "ramping: resumed by hand");
	exchange(&r, &w, 51);
	assert_true(w.may_run == 1 && !w.has_probe && r.paused_by[0] == '\0');
	receiver_resume(&r, &change);
	assert_false(change.is_any);
	calls(&r, &w, 52, 0, 1); /* it was resumed too soon: the first opening again */
	assert_int_equal(r.open_until_us, NOON + 62 * S);
}

static void pause__ends_by_itself(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&policy);
	pause(&r, 60, 0);
	assert_true(pause(&r, 90, 0).is_any); /* another end */
	assert_int_equal(receiver_next_us(&r, NOON), NOON + 90 * S);
	exchange(&r, &w, 89);
	assert_true(w.may_run == 0 && !w.allows_more);
	assert_true(receiver_is_paused(&r, NOON + 89 * S) && !receiver_is_paused(&r, NOON + 90 * S));
	struct receiver_change change = exchange(&r, &w, 90);
	assert_true(w.may_run == UINT32_MAX && w.allows_more && change.is_lasting);
	assert_int_equal(change.events_n, 1);
	assert_int_equal(change.events[0].kind, EVENT_RESUMED);
	assert_false(r.is_paused);
	assert_int_equal(receiver_next_us(&r, NOON), INT64_MAX);
}

/* The probe that is under way when it is paused still tells something. */
static void pause__lets_the_probe_under_way_end(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&policy);
	w.wants_probe = true;
	open_it(&r, &w, 0);
	exchange(&r, &w, 10);
	pause(&r, 0, 11);
	exchange(&r, &w, 12);
	assert_true(!w.has_probe && w.may_run == 0 && w.probe == 1);
	w.probe_result = PROBE_OK;
	exchange(&r, &w, 13);
	assert_true(r.breaker == BREAKER_RAMPING && w.may_run == 0);
	/* Resumed while one probes: its result is one of the ramp's calls. */
	r = fresh();
	w = worker_of(&policy);
	struct receiver_change change;
	w.wants_probe = true;
	open_it(&r, &w, 0);
	exchange(&r, &w, 10);
	receiver_resume(&r, &change);
	w.probe_result = PROBE_OK;
	exchange(&r, &w, 12);
	assert_true(r.breaker == BREAKER_RAMPING && r.ramp == 2 && w.probe == 0);
}

static void taken__only_what_is_kept(void **state)
{
	(void)state;
	struct receiver_state r = fresh();
	struct receiver_change change;
	struct receiver_report w = worker_of(&policy);
	w.ok = 2;
	receiver_take(&r, &w, NOON, &change);
	receiver_taken(&w, false);
	assert_int_equal(w.ok, 2);
	receiver_taken(&w, true);
	assert_int_equal(w.ok, 0);
	w.probe_result = PROBE_FAILED;
	receiver_taken(&w, false);
	assert_int_equal(w.probe_result, PROBE_FAILED);
	/* The probe became another's meanwhile: there was nothing to keep, and it is none. */
	w = worker_of(&policy);
	w.wants_probe = true;
	open_it(&r, &w, 1);
	exchange(&r, &w, 11);
	assert_int_equal(w.probe, 1);
	w.wants_probe = false;
	r.probe++;
	receiver_take(&r, &w, NOON + 12 * S, &change);
	assert_false(change.is_any);
	receiver_taken(&w, false);
	assert_int_equal(w.probe, 0);
}

static void names__read_back_and_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < BREAKER_N; i++) {
		enum breaker back;
		assert_true(breaker_parse(slice_text(breaker_name((enum breaker)i)), &back));
		assert_int_equal(back, i);
	}
	assert_string_equal(breaker_name(BREAKER_N), "unknown");
	static const struct {
		const char *name;
		bool is_valid;
	} rows[] = {{"integrations", true}, {"api.example.com:443", true}, {"", false}, {"a b", false},
		{"a\n", false}, {"\xc3\xa4", false}, {"12345678901234567890123456789012", true},
		{"123456789012345678901234567890123", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(receiver_name_is_valid(slice_text(rows[i].name)), rows[i].is_valid);
	/* A long actor is cut between characters. */
	struct receiver_state r = fresh();
	struct receiver_change change;
	char actor[100];
	memset(actor, 'a', sizeof actor);
	memcpy(actor + RECEIVER_ACTOR_MAX - 1, "\xc3\xa4", 2);
	receiver_pause(&r, 0, slice_of(actor, sizeof actor), NOON, &change);
	assert_int_equal(strlen(r.paused_by), RECEIVER_ACTOR_MAX - 1);
	assert_false(receiver_is_blank(&r));
	receiver_resume(&r, &change);
	assert_true(receiver_is_blank(&r));
}

/* Nothing that a record may hold makes it run long or overflow (the sanitizers look). */
static void extremes__are_borne(void **state)
{
	(void)state;
	static const int64_t times[] = {0, 1, NOON, INT64_MAX / 4};
	for (int i = 0; i < 4 * 4 * BREAKER_N; i++) {
		struct receiver_state r = fresh();
		struct receiver_report w = worker_of(&policy);
		r.breaker = (enum breaker)(i % BREAKER_N);
		r.opened_times = r.ramp = r.now.ok = r.before.failed = r.step.ok = UINT32_MAX;
		r.probe = r.calls_total = UINT64_MAX;
		r.window_at_us = r.open_until_us = r.probe_until_us = r.opened_at_us = times[i / 4 % 4];
		r.window_us = times[i / 16 % 4];
		w.ok = w.failed = UINT32_MAX;
		w.wants_probe = true;
		receiver_window(&r, NOON);
		exchange(&r, &w, 0);
		assert_true(r.breaker != BREAKER_OPEN || r.open_until_us <= NOON + 60 * S);
	}
	struct breaker_policy none = {.failed_percent = 1};
	struct receiver_state r = fresh();
	struct receiver_report w = worker_of(&none);
	r.opened_times = UINT32_MAX;
	w.wants_probe = true;
	struct receiver_change change = calls(&r, &w, 0, 0, 1); /* open for no time: it probes at once */
	assert_true(w.has_probe);
	assert_int_equal(change.events_n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life__as_a_table),
		cmocka_unit_test(window__slides_by_halves),
		cmocka_unit_test(share__opens_at_the_percentage),
		cmocka_unit_test(ramp__counts_only_calls_that_began_since),
		cmocka_unit_test(resume__begins_an_era),
		cmocka_unit_test(report__keeps_the_eras_apart),
		cmocka_unit_test(probe__goes_to_one_of_two),
		cmocka_unit_test(probe__that_nobody_reports_goes_to_another),
		cmocka_unit_test(probe__is_kept_renewed_and_given_back),
		cmocka_unit_test(ramp__opens_again_where_a_step_fails),
		cmocka_unit_test(ramp__of_one_call_is_closed_at_once),
		cmocka_unit_test(policy__without_a_breaker_closes_what_is_open),
		cmocka_unit_test(clock__that_jumps_does_no_lasting_harm),
		cmocka_unit_test(pause__nothing_runs_and_nothing_probes),
		cmocka_unit_test(pause__ends_by_itself),
		cmocka_unit_test(pause__lets_the_probe_under_way_end),
		cmocka_unit_test(taken__only_what_is_kept),
		cmocka_unit_test(names__read_back_and_are_bounded),
		cmocka_unit_test(extremes__are_borne),
	};
	return cmocka_run_group_tests_name("receiver", tests, NULL, NULL);
}

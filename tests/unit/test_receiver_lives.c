/* tests/unit/test_receiver_lives.c: random lives of several workers that share a receiver's breaker, held
 * against what must always be so. CLARIO_SIM_SEED=N repeats the life that a failure names. */
#include "spool/model/receiver.h"
#include "tests/support/unit.h"

#define S    INT64_C(1000000)
#define NOON (INT64_C(1790000000) * S)

static const struct breaker_policy policy = {.window_us = 60 * S,
	.failed_percent = 50,
	.open_us = 10 * S,
	.open_max_us = 60 * S,
	.probe_us = 30 * S};

static struct receiver_report worker_of(const struct breaker_policy *p)
{
	return (struct receiver_report){.name = "shop", .policy = p};
}

enum { LIVES = 3000, STEPS = 400, WORKERS = 3 };

struct worker {
	struct receiver_report report;
	uint32_t running, old_running; /* begun in the era it knows, and before */
	uint64_t era;
	bool probe_runs;
};

struct sim {
	struct receiver_state r;
	struct breaker_policy policy;
	struct worker workers[WORKERS];
	uint64_t random, seed, calls, failed;
	uint64_t granted; /* number of the last probe */
	int64_t granted_until_us, now_us;
	bool is_well, is_lost_to_crash;
	int step;
};

#define CHECK(s, condition)                                                                                  \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("seed %llu, step %d: %s", (unsigned long long)(s)->seed, (s)->step,         \
				#condition);                                                                 \
	} while (0)

static uint64_t roll(struct sim *s, uint64_t below)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (s->random * UINT64_C(2685821657736338717) >> 32) % below;
}

static void check_answer(struct sim *s, const struct worker *w, const struct receiver_state *was)
{
	const struct receiver_report *p = &w->report;
	const struct receiver_state *r = &p->state;
	bool is_paused = receiver_is_paused(r, s->now_us);
	CHECK(s, !is_paused || (p->may_run == 0 && !p->has_probe));
	CHECK(s, is_paused || r->breaker != BREAKER_CLOSED || p->may_run == UINT32_MAX);
	CHECK(s, r->breaker != BREAKER_OPEN || p->may_run == 0);
	CHECK(s, r->breaker != BREAKER_OPEN || r->open_until_us <= s->now_us + s->policy.open_max_us);
	CHECK(s, r->breaker != BREAKER_PROBING || p->may_run == p->has_probe);
	CHECK(s, r->breaker != BREAKER_RAMPING || is_paused ||
			 (p->may_run == r->ramp && (r->ramp == 1 || r->ramp < s->policy.in_flight)));
	CHECK(s, r->breaker != BREAKER_OPEN || was->breaker == BREAKER_OPEN || r->failed_total > 0);
}

/* A new probe is given only when the one before was told of, given back, or its time is over. */
static void check_probe(struct sim *s, const struct worker *w, const struct receiver_state *was)
{
	const struct receiver_report *p = &w->report;
	if (p->has_probe && p->state.probe != s->granted) {
		CHECK(s, was->breaker != BREAKER_PROBING || was->probe_until_us == 0 ||
				 s->now_us >= s->granted_until_us);
		CHECK(s, p->state.probe > s->granted);
		s->granted = p->state.probe;
	}
	if (p->state.breaker == BREAKER_PROBING)
		s->granted_until_us = p->state.probe_until_us;
	int holders = 0;
	for (int i = 0; i < WORKERS; i++)
		holders += s->workers[i].report.probe && s->workers[i].report.probe == s->granted;
	CHECK(s, holders <= 1);
}

/* What opens a breaker, but for a probe, are calls that began in the present era. */
static void check_opening(
	struct sim *s, const struct receiver_report *p, const struct receiver_state *was, bool is_open)
{
	bool is_probe = p->probe == was->probe && p->probe_result != PROBE_UNDER_WAY;
	CHECK(s, !is_open || was->breaker == BREAKER_OPEN || is_probe ||
			 (p->era == was->probe && p->ok + p->failed > 0));
}

static void told(struct worker *w)
{
	if (w->era == w->report.state.probe)
		return;
	w->era = w->report.state.probe;
	w->old_running += w->running;
	w->running = 0;
}

static void exchange_one(struct sim *s, struct worker *w)
{
	struct receiver_state was = s->r, next = s->r;
	struct receiver_report before = w->report;
	struct receiver_change change;
	w->report.wants_probe = !w->probe_runs && w->report.probe_result != PROBE_UNUSED && roll(s, 2);
	receiver_take(&next, &w->report, s->now_us, &change);
	if (roll(s, 10) == 0) { /* the commit failed: all of it as it was, to be said again */
		CHECK(s, w->report.ok == before.ok && w->report.failed == before.failed &&
				 w->report.probe == before.probe &&
				 w->report.probe_result == before.probe_result);
		before.wants_probe = w->report.wants_probe;
		w->report = before;
		return;
	}
	bool is_kept = change.is_lasting || roll(s, 2);
	check_answer(s, w, &was);
	check_opening(s, &before, &was, next.breaker == BREAKER_OPEN);
	if (is_kept) {
		s->r = next;
		s->calls += w->report.ok + w->report.failed + w->report.old_ok + w->report.old_failed +
			    (w->report.probe_result == PROBE_OK) + (w->report.probe_result == PROBE_FAILED);
	}
	receiver_taken(&w->report, is_kept);
	told(w);
	check_probe(s, w, &was);
	CHECK(s, s->r.calls_total == s->calls);
}

static void start_calls(struct sim *s, struct worker *w)
{
	if (w->report.has_probe && !w->probe_runs && roll(s, 3))
		w->probe_runs = true;
	while (!w->report.has_probe && w->running < 20 && w->running < w->report.may_run && roll(s, 4))
		w->running++;
}

static void end_calls(struct sim *s, struct worker *w)
{
	while (w->running + w->old_running && roll(s, 3)) {
		bool is_old = w->old_running && (!w->running || roll(s, 2)),
		     is_ok = s->is_well || roll(s, 5) == 0;
		*(is_old ? &w->old_running : &w->running) -= 1;
		if (!is_old)
			receiver_report_calls(&w->report, w->era, is_ok, !is_ok);
		else
			*(is_ok ? &w->report.old_ok : &w->report.old_failed) += 1;
	}
	if (w->probe_runs && roll(s, 2)) {
		w->probe_runs = false;
		w->report.probe_result = s->is_well ? PROBE_OK : PROBE_FAILED;
	} else if (w->report.probe && !w->probe_runs && roll(s, 10) == 0 && !w->report.probe_result) {
		w->report.probe_result = PROBE_UNUSED;
	}
	w->report.has_probe = false; /* until it is said again */
}

static void by_hand(struct sim *s)
{
	struct receiver_change change;
	if (roll(s, 2))
		receiver_pause(&s->r, roll(s, 2) ? 0 : s->now_us + (int64_t)roll(s, 50) * S + 1,
			slice_text("operator:sim"), s->now_us, &change);
	else
		receiver_resume(&s->r, &change);
}

static void one_step(struct sim *s)
{
	struct worker *w = &s->workers[roll(s, WORKERS)];
	s->now_us += (int64_t)roll(s, 8000) * 1000;
	if (roll(s, 40) == 0)
		s->is_well = !s->is_well;
	if (roll(s, 60) == 0)
		s->now_us += ((int64_t)roll(s, 2001) - 1000) * 10 * S; /* the clock is set */
	if (roll(s, 30) == 0)
		*w = (struct worker){.report = worker_of(&s->policy)}; /* killed and begun again */
	if (roll(s, 50) == 0)
		by_hand(s);
	start_calls(s, w);
	end_calls(s, w);
	exchange_one(s, w);
}

/* With a receiver that is well and workers that have work it closes again, in bounded time. */
static void recover(struct sim *s)
{
	struct receiver_change change;
	int64_t end_us = s->now_us + 400 * S;
	receiver_resume(&s->r, &change);
	s->is_well = true;
	for (; s->now_us < end_us; s->step++) {
		struct worker *w = &s->workers[roll(s, WORKERS)];
		s->now_us += S / 2;
		start_calls(s, w);
		end_calls(s, w);
		exchange_one(s, w);
	}
	CHECK(s, s->r.breaker == BREAKER_CLOSED);
}

static void lives__keep_what_must_always_be(void **state)
{
	(void)state;
	const char *text = getenv("CLARIO_SIM_SEED");
	uint64_t first = text ? strtoull(text, NULL, 10) : 1, opened = 0, probes = 0;
	for (uint64_t seed = first; seed < first + (text ? 1 : LIVES); seed++) {
		struct sim s = {.seed = seed, .now_us = NOON};
		receiver_init(&s.r, slice_text("shop"));
		s.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		s.policy = policy;
		s.policy.in_flight = 1u << roll(&s, 5);
		s.policy.least_calls = (uint32_t)roll(&s, 8);
		for (int i = 0; i < WORKERS; i++)
			s.workers[i].report = worker_of(&s.policy);
		for (; s.step < STEPS; s.step++)
			one_step(&s);
		recover(&s);
		opened += s.r.opened_at_us > 0;
		probes += s.r.probe;
	}
	assert_true(text || (opened > LIVES / 2 && probes > LIVES));
	report("%d lives of %d steps: %llu were opened, %llu probes\n", text ? 1 : LIVES, STEPS,
		(unsigned long long)opened, (unsigned long long)probes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lives__keep_what_must_always_be)};
	return cmocka_run_group_tests_name("receiver lives", tests, NULL, NULL);
}

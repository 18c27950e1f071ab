/* tests/unit/sim_receivers.c: the part of the simulation that concerns receivers; see sim.h. */
#include "tests/unit/sim.h"

static const struct breaker_policy breaker_policy = {.window_us = 60000000,
	.least_calls = 4,
	.failed_percent = 50,
	.open_us = 10000000,
	.open_max_us = 60000000,
	.probe_us = 30000000,
	.in_flight = 4};

static void make_report(struct sim *s, struct receiver_report *w)
{
	receiver_report_calls(w, w->state.probe, (uint32_t)sim_roll(s, 3), (uint32_t)sim_roll(s, 3));
	w->old_failed += (uint32_t)sim_roll(s, 2);
	if (w->probe && sim_roll(s, 2))
		w->probe_result = (enum probe_result)sim_roll(s, PROBE_UNUSED + 1);
	w->wants_probe = w->probe_result != PROBE_UNUSED && sim_roll(s, 3);
}

/* The pure rules say what must come of a report, and whether it may wait for another commit. */
void sim_report(struct sim *s)
{
	struct receiver_report *w = &s->reporters[sim_roll(s, REPORTERS)], alike;
	struct claim_ask ask = {.owner = "host:2", .reports = w, .reports_n = 1};
	struct receiver_state next = s->receiver;
	struct receiver_change change;
	size_t none;
	int holders = 0;
	make_report(s, w);
	alike = *w;
	receiver_take(&next, &alike, s->f->now.wall_us, &change);
	CHECK(s, s->f->ops->exchange(s->f->store, s->f->now, NULL, 0, &ask, NULL, &none, &s->f->next_due_us,
			 NULL) == ST_OK);
	sim_reap(s);
	sim_due(s);
	CHECK(s, w->may_run == alike.may_run && w->has_probe == alike.has_probe);
	bool is_kept =
		w->ok + w->failed + w->old_ok + w->old_failed == 0 && w->probe_result == PROBE_UNDER_WAY;
	CHECK(s, is_kept || !change.is_lasting);
	if (is_kept)
		s->receiver = next;
	receiver_taken(&alike, is_kept);
	CHECK(s, w->probe == alike.probe && w->ok == alike.ok && w->failed == alike.failed &&
			 w->era == alike.era);
	for (int i = 0; i < REPORTERS; i++)
		holders += s->receiver.breaker == BREAKER_PROBING && s->reporters[i].probe &&
			   s->reporters[i].probe == s->receiver.probe;
	CHECK(s, holders <= 1);
}

void sim_pause_receiver(struct sim *s)
{
	struct receiver_change change;
	int64_t now_us = s->f->now.wall_us,
		until_us = sim_roll(s, 2) ? 0 : now_us + 1 + (int64_t)sim_roll(s, 60000000);
	bool pause = sim_roll(s, 2);
	struct slice actor = slice_text("operator:sim");
	CHECK(s, s->f->ops->receiver_pause(s->f->store, s->f->now, s->receiver.name, pause, until_us, actor,
			 actor, NULL) == ST_OK);
	if (pause)
		receiver_pause(&s->receiver, until_us, actor, now_us, &change);
	else
		receiver_resume(&s->receiver, &change);
}

void sim_compare_receiver(struct sim *s)
{
	struct receiver_state is;
	size_t n;
	CHECK(s, s->f->ops->receivers(s->f->store, &is, 1, &n, NULL) == ST_OK);
	if (n == 0)
		receiver_init(&is, slice_text(s->receiver.name));
	CHECK(s, is.breaker == s->receiver.breaker && is.is_paused == s->receiver.is_paused);
	CHECK(s, is.calls_total == s->receiver.calls_total && is.failed_total == s->receiver.failed_total);
	CHECK(s, is.probe == s->receiver.probe && is.ramp == s->receiver.ramp);
	CHECK(s, is.open_until_us == s->receiver.open_until_us &&
			 is.paused_until_us == s->receiver.paused_until_us);
	CHECK(s, is.now.failed == s->receiver.now.failed && is.before.ok == s->receiver.before.ok);
}

void sim_begin_reporter(struct sim *s, size_t i)
{
	s->reporters[i] = (struct receiver_report){.name = s->receiver.name, .policy = &breaker_policy};
}

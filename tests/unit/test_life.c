/* tests/unit/test_life.c: jobs that outlive what should have been their end: those whose worker died in their
 * code, and those that are replayed, in the store with all that hangs on them. */
#include "tests/unit/store_fixture.h"

static struct job get(struct fixture *f, struct job_id id)
{
	struct job job;
	assert_int_equal(f->ops->get(f->store, id, &job, NULL), ST_OK);
	return job;
}

static struct event newest_event(struct fixture *f, struct job_id id)
{
	struct event events[64];
	struct event_filter filter = {.job = id};
	size_t n;
	uint64_t last;
	assert_int_equal(f->ops->events(f->store, &filter, 64, events, &n, &last, NULL), ST_OK);
	assert_in_range(n, 1, 63);
	for (size_t i = 0; i + 1 < n; i++)
		event_release(&events[i]);
	return events[n - 1];
}

static void assert_newest(struct fixture *f, struct job_id id, enum event_kind kind, enum job_state to,
	const char *actor, const char *reason)
{
	struct event event = newest_event(f, id);
	assert_int_equal(event.kind, kind);
	assert_int_equal(event.to, to);
	assert_true(slice_is(event.actor, actor));
	assert_true(slice_is(event.reason, reason));
	event_release(&event);
}

static void crash__comes_back_and_is_held_at_the_third(void **state)
{
	struct fixture *f = *state;
	struct job_id bad = accept_job(f, 2, "w", "u", "{}"), after = accept_job(f, 3, "w", "u", "{}");
	struct job_id other = accept_job(f, 2, "x", "u", "{}");
	for (uint64_t token = 1; token <= 3; token++) {
		assert_int_equal(claim(f, 10), token == 1 ? 2 : 1);
		assert_int_equal(settle(f, bad, token + 1, SETTLE_CRASH), ST_CONFLICT);
		assert_int_equal(settle(f, bad, token, SETTLE_CRASH), ST_OK);
		assert_int_equal(settle(f, bad, token, SETTLE_CRASH), ST_CONFLICT); /* told once */
		store_reopen(f);
	}
	assert_int_equal(claim(f, 10), 0); /* its workflow stays behind it */
	assert_int_equal(settle(f, other, 1, SETTLE_COMPLETE), ST_OK);
	struct job job = get(f, bad);
	assert_int_equal(job.state, JOB_HELD);
	assert_int_equal(job.crashes, 3);
	assert_int_equal(job.attempts_made, 3);
	assert_int_equal(job.attempts_allowed, 6);
	assert_true(
		slice_is(job.error, "its worker died while running it (3 of 3): held until it is released"));
	job_release(&job);
	assert_int_equal(stats_of(f).behind, 1);
	assert_int_equal(steer(f, bad, STEER_RELEASE), ST_OK);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(f->held[0].crashes, 0);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, after), 0);
}

/* What a dead worker held is not known to the moment: a word that comes too late leaves no event. */
static void orphan__told_too_late_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u", "{}");
	claim(f, 1);
	assert_int_equal(settle_held(f, 0, SETTLE_ORPHAN), ST_OK);
	assert_newest(f, id, EVENT_LEASE_EXPIRED, JOB_WAITING, "worker:host:1",
		"its worker died while running another job");
	uint64_t last = stats_of(f).last_seq;
	assert_int_equal(settle(f, id, 1, SETTLE_ORPHAN), ST_CONFLICT);
	assert_int_equal(stats_of(f).last_seq, last);
	claim(f, 1);
	assert_int_equal(f->held[0].attempts_made, 2);
	assert_int_equal(f->held[0].attempts_allowed, 4);
}

static void crash__has_an_event_that_names_the_dead(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u", "{}");
	for (int i = 0; i < 3; i++) {
		claim(f, 1);
		settle_held(f, 0, SETTLE_CRASH);
		assert_newest(f, id, EVENT_CRASHED, i < 2 ? JOB_WAITING : JOB_HELD, "worker:host:1",
			i == 0   ? "its worker died while running it (1 of 3)"
			: i == 1 ? "its worker died while running it (2 of 3)"
				 : "its worker died while running it (3 of 3): held until it is released");
	}
}

/* What waits already goes first: a job that kills does not keep a worker from all others. */
static void crash__goes_behind_what_waits(void **state)
{
	struct fixture *f = *state;
	struct job_id bad = accept_job(f, 2, "w", "u", "{}");
	claim(f, 1);
	pass_ms(f, 5);
	struct job_id good = accept_job(f, 2, "x", "u", "{}");
	pass_ms(f, 5);
	assert_int_equal(settle(f, bad, 1, SETTLE_CRASH), ST_OK);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(id_cmp(f->held[0].id, good), 0);
}

static void span__and_trace_are_read_back(void **state)
{
	struct fixture *f = *state;
	static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct trigger t = make_trigger(2, "w", "u", "{}");
	t.traceparent = slice_text(parent);
	struct job_id id = submit(f, &t).id;
	claim(f, 1);
	struct settlement s = {.id = id, .token = 1, .kind = SETTLE_COMPLETE, .span = UINT64_MAX};
	size_t n;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &n, &f->next_due_us, NULL), ST_OK);
	struct event event = newest_event(f, id);
	assert_true(event.span == UINT64_MAX);
	assert_true(slice_is(event.traceparent, parent));
	assert_true(slice_is(event.workflow_id, "w") && slice_is(event.user_id, "u"));
	event_release(&event);
}

/* In one transaction the record is written once, but each of them is judged and told as if it came alone. */
static void settle__of_one_job_several_in_one_exchange(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u", "{}"), next = accept_job(f, 2, "w", "u", "{\"n\":2}"),
		      other = accept_job(f, 2, "x", "u", "{}");
	claim(f, 9);
	struct notice notice = {
		.kind = EVENT_NOTIFICATION, .name = {"n", 1}, .room = {"r", 1}, .data = {"{}", 2}};
	struct settlement s[] = {
		{.id = id,
			.token = 1,
			.kind = SETTLE_CHECKPOINT,
			.checkpoint = {"{\"a\":1}", 7},
			.notices = &notice,
			.notices_n = 1},
		{.id = id,
			.token = 1,
			.kind = SETTLE_COMPLETE,
			.outcome = {"{}", 2},
			.notices = &notice,
			.notices_n = 1},
		{.id = id, .token = 1, .kind = SETTLE_CHECKPOINT, .checkpoint = {"{\"b\":1}", 7}},
		{.id = other, .token = 9, .kind = SETTLE_COMPLETE},
		{.id = other, .token = 1, .kind = SETTLE_CHECKPOINT, .checkpoint = {"{\"c\":1}", 7}},
	};
	static const enum status verdicts[] = {ST_OK, ST_OK, ST_CONFLICT, ST_CONFLICT, ST_OK};
	static const enum event_kind kinds[] = {EVENT_ACCEPTED, EVENT_CLAIMED, EVENT_NOTIFICATION,
		EVENT_CHECKPOINT, EVENT_NOTIFICATION, EVENT_COMPLETED, EVENT_FENCED};
	struct event events[20];
	struct job job;
	size_t n;
	uint64_t last;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, s, 5, NULL, NULL, &n, &f->next_due_us, NULL), ST_OK);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(s[i].verdict, verdicts[i]);
	struct event_filter filter = {.job = id};
	assert_int_equal(f->ops->events(f->store, &filter, 20, events, &n, &last, NULL), ST_OK);
	assert_int_equal(n, sizeof kinds / sizeof *kinds);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].kind, kinds[i]);
		event_release(&events[i]);
	}
	assert_int_equal(f->ops->get(f->store, id, &job, NULL), ST_OK);
	assert_int_equal(job.state, JOB_COMPLETED);
	assert_true(slice_is(job.checkpoint, "{\"a\":1}") && slice_is(job.outcome, "{}"));
	job_release(&job);
	assert_int_equal(f->ops->get(f->store, other, &job, NULL), ST_OK);
	assert_int_equal(job.state, JOB_ACTIVE);
	assert_true(slice_is(job.checkpoint, "{\"c\":1}"));
	job_release(&job);
	assert_int_equal(claim(f, 9), 1); /* the next of its workflow has its turn */
	assert_int_equal(id_cmp(f->held[0].id, next), 0);
}

/* Completed once, with a checkpoint on the way. */
static struct job_id completed(struct fixture *f, const struct trigger *t)
{
	struct job_id id = submit(f, t).id;
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle(f, id, 1, SETTLE_CHECKPOINT), ST_OK);
	assert_int_equal(settle(f, id, 1, SETTLE_COMPLETE), ST_OK);
	return id;
}

static void replay__runs_again_with_nothing_done(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(7, "w", "u", "{}");
	struct job_id id = completed(f, &t);
	pass_ms(f, 1000);
	assert_int_equal(steer(f, id, STEER_RETRY), ST_CONFLICT);
	assert_int_equal(steer(f, id, STEER_REPLAY), ST_OK);
	assert_int_equal(steer(f, id, STEER_REPLAY), ST_CONFLICT);
	assert_newest(f, id, EVENT_REPLAYED, JOB_WAITING, "operator:tests", "because");
	struct stats stats = stats_of(f);
	assert_int_equal(stats_state(&stats, JOB_COMPLETED), 0);
	assert_int_equal(stats_state(&stats, JOB_WAITING), 1);
	assert_int_equal(stats.accepted_total, 1);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(f->held[0].attempts_made, 2);
	assert_int_equal(f->held[0].lease.token, 2);
	assert_int_equal(f->held[0].attempts_allowed, 4);
	assert_int_equal(f->held[0].checkpoint.len + f->held[0].outcome.len, 0);
	assert_int_equal(f->held[0].finished_at_us, 0);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	assert_int_equal(state_of(f, id), JOB_COMPLETED);
}

static void replay__without_a_reason_is_refused(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(7, "w", "u", "{}");
	struct job_id id = completed(f, &t);
	struct steer_result result;
	struct steer_ask ask = {
		.verb = STEER_REPLAY, .ids = &id, .n = 1, .actor = slice_text("operator:tests")};
	assert_int_equal(f->ops->steer(f->store, f->now, &ask, &result, NULL), ST_OK);
	assert_int_equal(result.status, ST_INVALID);
	assert_int_equal(state_of(f, id), JOB_COMPLETED);
}

/* It has its own place, before what came later, but takes the turn from nobody. */
static void replay__stands_in_line(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "w", "u", "{}");
	struct job_id first = completed(f, &t), second = accept_job(f, 3, "w", "u", "{}");
	struct job_id third = accept_job(f, 4, "w", "u", "{}");
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(steer(f, first, STEER_REPLAY), ST_OK);
	assert_int_equal(claim(f, 10), 0);
	assert_int_equal(stats_of(f).behind, 2);
	settle(f, second, 1, SETTLE_COMPLETE);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, first), 0);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, third), 0);
}

/* Even where the first outcome is so old that it would not answer any more. */
static void replay__answers_for_its_key_again(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "w", "u", "{}");
	struct job_id id = completed(f, &t);
	pass_ms(f, f->conf.dedupe_window_us / 1000 + 1000);
	assert_int_equal(steer(f, id, STEER_REPLAY), ST_OK);
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_DUPLICATE);
	assert_int_equal(id_cmp(r.id, id), 0);
	assert_int_equal(r.state, JOB_WAITING);
}

static void replay__of_a_solo_users_job_answers_for_the_user(void **state)
{
	struct fixture *f = *state;
	static const enum steer_verb verbs[] = {STEER_REPLAY, STEER_RETRY};
	static const enum settle_kind ends[] = {SETTLE_COMPLETE, SETTLE_FAIL};
	for (size_t i = 0; i < 2; i++) {
		const char *user = i ? "bob" : "ann";
		struct trigger t = make_trigger(1, "oauth_1", user, "{}");
		t.solo_user = true;
		struct job_id first = submit(f, &t).id;
		claim(f, 1);
		settle_held(f, 0, ends[i]);
		t.workflow_id = slice_text("oauth_2");
		struct job_id second = submit(f, &t).id;
		claim(f, 1);
		assert_int_equal(id_cmp(f->held[0].id, second), 0);
		/* As long as the later one is alive, it answers. */
		assert_int_equal(steer(f, first, verbs[i]), ST_OK);
		assert_int_equal(id_cmp(submit(f, &t).id, second), 0);
		assert_int_equal(steer(f, first, STEER_CANCEL), ST_OK);
		assert_int_equal(settle(f, second, 1, SETTLE_COMPLETE), ST_OK);
		assert_int_equal(steer(f, first, verbs[i]), ST_OK);
		struct receipt r = submit(f, &t);
		assert_int_equal(r.verdict, SUBMIT_DUPLICATE);
		assert_int_equal(id_cmp(r.id, first), 0);
		assert_int_equal(steer(f, first, STEER_CANCEL), ST_OK);
		t.workflow_id = slice_text("oauth_3");
		assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
		claim(f, 10);
		settle_held(f, 0, SETTLE_COMPLETE);
	}
}

/* Retention counts from the end that it comes to then. */
static void replay__is_kept_from_its_new_end(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "w", "u", "{}");
	struct job_id id = completed(f, &t);
	int64_t ended_us = f->now.wall_us;
	size_t removed;
	pass_ms(f, 1000);
	assert_int_equal(steer(f, id, STEER_REPLAY), ST_OK);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 0);
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, ended_us + 1, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us + 1, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(crash__comes_back_and_is_held_at_the_third),
		CASE(orphan__told_too_late_changes_nothing),
		CASE(crash__has_an_event_that_names_the_dead),
		CASE(crash__goes_behind_what_waits),
		CASE(span__and_trace_are_read_back),
		CASE(settle__of_one_job_several_in_one_exchange),
		CASE(replay__runs_again_with_nothing_done),
		CASE(replay__without_a_reason_is_refused),
		CASE(replay__stands_in_line),
		CASE(replay__answers_for_its_key_again),
		CASE(replay__of_a_solo_users_job_answers_for_the_user),
		CASE(replay__is_kept_from_its_new_end),
	};
	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}

/* tests/unit/test_store.c: the suite that every engine passes, written against struct store_ops. */
#include "tests/unit/store_fixture.h"

#include <stdio.h>

static void submit__is_read_back_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	const char *payload = "{ \"user_id\" : \"user-1\",\t\"sync_id\":\"sync-1\", \"amount\": 1.10 }";
	struct trigger t = make_trigger(7, "sync-1", "user-1", payload);
	t.idempotency_key = slice_text("key-1");
	t.traceparent = slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	t.priority = 2;
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	assert_string_equal(r.workflow_id, "sync-1");
	store_reopen(f);
	struct job job;
	assert_int_equal(f->ops->get(f->store, r.id, &job, NULL), ST_OK);
	assert_int_equal(job.phase, 7);
	assert_int_equal(job.priority, 2);
	assert_int_equal(job.state, JOB_WAITING);
	assert_true(slice_is(job.payload, payload));
	assert_true(slice_is(job.workflow_id, "sync-1"));
	assert_true(slice_is(job.user_id, "user-1"));
	assert_true(slice_is(job.idempotency_key, "key-1"));
	assert_true(slice_eq(job.traceparent, t.traceparent));
	assert_true(slice_is(job.source, "tests"));
	assert_int_equal(job.accepted_at_us, f->now.wall_us);
	assert_int_equal(job.attempts_allowed, 3);
	assert_int_equal(job.give_up_at_us, f->now.wall_us + t.give_up_after_us);
	job_release(&job);
}

static void submit__ids_ascend_even_when_the_clock_steps_back(void **state)
{
	struct fixture *f = *state;
	struct job_id last = {{0}};
	for (int i = 0; i < 50; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w%d", i);
		f->now.wall_us -= 1000000;
		struct job_id id = accept_job(f, 2, workflow, "u", "{}");
		assert_true(id_cmp(last, id) < 0);
		last = id;
	}
}

static void submit__batch_has_a_verdict_each(void **state)
{
	struct fixture *f = *state;
	struct trigger t[4] = {make_trigger(2, "w", "u", "{}"), make_trigger(9, "w", "u", "{}"),
		make_trigger(2, "w", "u", "{}"), make_trigger(3, "w", "u", "{}")};
	struct receipt r[4];
	struct submission list[4];
	for (int i = 0; i < 4; i++)
		list[i] = (struct submission){&t[i], &r[i]};
	assert_int_equal(f->ops->submit(f->store, f->now, list, 4, NULL), ST_OK);
	assert_int_equal(r[0].verdict, SUBMIT_ACCEPTED);
	assert_int_equal(r[1].verdict, SUBMIT_REFUSED);
	assert_int_equal(r[1].status, ST_INVALID);
	assert_int_equal(r[2].verdict, SUBMIT_DUPLICATE);
	assert_int_equal(id_cmp(r[2].id, r[0].id), 0);
	assert_int_equal(r[3].verdict, SUBMIT_ACCEPTED);
	assert_int_equal(stats_of(f).accepted_total, 2);
}

static void natural_key__same_trigger_gives_the_first_job(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "w", "u", "{\"a\":1}");
	struct job_id first = submit(f, &t).id;
	struct receipt again = submit(f, &t);
	assert_int_equal(again.verdict, SUBMIT_DUPLICATE);
	assert_int_equal(again.state, JOB_WAITING);
	assert_int_equal(id_cmp(again.id, first), 0);
	assert_false(again.body_differs);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(submit(f, &t).state, JOB_ACTIVE);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(submit(f, &t).state, JOB_COMPLETED);
	pass_ms(f, INT64_C(7) * 86400 * 1000);
	struct receipt anew = submit(f, &t);
	assert_int_equal(anew.verdict, SUBMIT_ACCEPTED);
	assert_int_not_equal(id_cmp(anew.id, first), 0);
}

static void natural_key__other_payload_is_a_job_of_its_own_behind_the_first(void **state)
{
	struct fixture *f = *state;
	struct job_id first = accept_job(f, 2, "w", "u", "{\"orders\":1}");
	struct trigger t = make_trigger(2, "w", "u", "{\"orders\":2}");
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	assert_true(r.has_earlier);
	assert_int_equal(id_cmp(r.earlier, first), 0);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_DUPLICATE);
	struct job job;
	assert_int_equal(f->ops->get(f->store, r.id, &job, NULL), ST_OK);
	assert_int_equal(id_cmp(job.behind, first), 0);
	job_release(&job);
}

static void natural_key__failed_and_cancelled_do_not_block(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "w", "u", "{}");
	struct job_id first = submit(f, &t).id;
	claim(f, 1);
	settle_held(f, 0, SETTLE_FAIL);
	struct receipt second = submit(f, &t);
	assert_int_equal(second.verdict, SUBMIT_ACCEPTED);
	assert_int_not_equal(id_cmp(first, second.id), 0);
	assert_int_equal(steer(f, second.id, STEER_CANCEL), ST_OK);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
}

static void natural_key__joined_texts_do_not_collide(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "c", "a_2_b", "{}");
	struct trigger t = make_trigger(2, "b_2_c", "a", "{}");
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
}

static void explicit_key__same_or_reused(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(7, "w", "u", "{\"amount\":5}");
	t.idempotency_key = slice_text("k1");
	struct job_id first = submit(f, &t).id;
	struct receipt again = submit(f, &t);
	assert_int_equal(again.verdict, SUBMIT_DUPLICATE);
	assert_int_equal(id_cmp(again.id, first), 0);
	t.payload = slice_text("{\"amount\":6}");
	struct receipt reused = submit(f, &t);
	assert_int_equal(reused.verdict, SUBMIT_KEY_REUSED);
	assert_int_equal(reused.status, ST_CONFLICT);
	assert_int_equal(id_cmp(reused.id, first), 0);
	/* Another key says that it is another payout, equal as it may look. */
	t.payload = slice_text("{\"amount\":5}");
	t.idempotency_key = slice_text("k2");
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
	/* A failed job still answers for its key. */
	claim(f, 1);
	settle_held(f, 0, SETTLE_FAIL);
	t.idempotency_key = slice_text("k1");
	assert_int_equal(submit(f, &t).state, JOB_FAILED);
}

static void solo_user__one_live_job(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(1, "oauth_u_1", "u", "{\"user_id\":\"u\"}");
	t.solo_user = true;
	struct job_id first = submit(f, &t).id;
	t.workflow_id = slice_text("oauth_u_2");
	struct receipt r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_DUPLICATE);
	assert_string_equal(r.workflow_id, "oauth_u_1");
	assert_false(r.body_differs);
	t.payload = slice_text("{\"user_id\":\"u\",\"seller_id\":\"s\"}");
	r = submit(f, &t);
	assert_int_equal(r.verdict, SUBMIT_DUPLICATE);
	assert_true(r.body_differs);
	/* With a workflow id of its own it is no solo trigger. */
	struct trigger named = make_trigger(1, "mine", "u", "{}");
	assert_int_equal(submit(f, &named).verdict, SUBMIT_ACCEPTED);
	claim(f, 1);
	assert_int_equal(id_cmp(f->held[0].id, first), 0);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
}

static void order__one_at_a_time_in_the_order_accepted(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[4];
	for (int i = 0; i < 4; i++)
		ids[i] = accept_job(f, 2 + i, "w", "u", "{}");
	accept_job(f, 2, "other", "u", "{}");
	assert_int_equal(claim(f, 10), 2); /* the first of each workflow */
	assert_int_equal(stats_of(f).behind, 3);
	settle_held(f, 1, SETTLE_COMPLETE);
	settle_held(f, 0, SETTLE_COMPLETE);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(claim(f, 10), 1);
		assert_int_equal(id_cmp(f->held[0].id, ids[i]), 0);
		settle_held(f, 0, i == 2 ? SETTLE_FAIL : SETTLE_COMPLETE);
	}
	assert_int_equal(claim(f, 10), 0);
}

static void order__a_retrying_job_keeps_its_place(void **state)
{
	struct fixture *f = *state;
	struct job_id first = accept_job(f, 2, "w", "u", "{}");
	struct job_id second = accept_job(f, 3, "w", "u", "{}");
	claim(f, 1);
	settle_held(f, 0, SETTLE_RETRY);
	assert_int_equal(claim(f, 10), 0);
	assert_int_equal(f->next_due_us, f->now.wall_us + 2000000);
	pass_ms(f, 2000);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, first), 0);
	settle_held(f, 0, SETTLE_COMPLETE);
	claim(f, 10);
	assert_int_equal(id_cmp(f->held[0].id, second), 0);
}

static void order__held_and_delayed_jobs_keep_their_place(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "w", "u", "{}");
	t.run_at_us = f->now.wall_us + 5000000;
	struct job_id first = submit(f, &t).id;
	struct job_id second = accept_job(f, 3, "w", "u", "{}");
	assert_int_equal(claim(f, 10), 0);
	assert_int_equal(steer(f, first, STEER_HOLD), ST_OK);
	pass_ms(f, 10000);
	assert_int_equal(claim(f, 10), 0);
	assert_int_equal(steer(f, first, STEER_RELEASE), ST_OK);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, first), 0);
	assert_int_equal(steer(f, first, STEER_CANCEL), ST_OK); /* active: the turn passes on */
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, second), 0);
}

static void order__a_delayed_job_behind_another_waits_for_both(void **state)
{
	struct fixture *f = *state;
	struct job_id first = accept_job(f, 2, "w", "u", "{}");
	struct trigger t = make_trigger(3, "w", "u", "{}");
	t.run_at_us = f->now.wall_us + 1000;
	struct job_id second = submit(f, &t).id;
	pass_ms(f, 5);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(state_of(f, second), JOB_WAITING);
	assert_int_equal(stats_of(f).behind, 1);
	settle(f, first, 1, SETTLE_COMPLETE);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, second), 0);
}

static void order__an_operators_retry_waits_for_the_turn(void **state)
{
	struct fixture *f = *state;
	struct job_id first = accept_job(f, 2, "w", "u", "{}");
	struct job_id second = accept_job(f, 3, "w", "u", "{}");
	struct job_id third = accept_job(f, 4, "w", "u", "{}");
	claim(f, 1);
	settle_held(f, 0, SETTLE_FAIL);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(steer(f, first, STEER_RETRY), ST_OK);
	assert_int_equal(state_of(f, first), JOB_WAITING);
	settle(f, second, 1, SETTLE_COMPLETE);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, first), 0);
	settle_held(f, 0, SETTLE_COMPLETE);
	claim(f, 10);
	assert_int_equal(id_cmp(f->held[0].id, third), 0);
}

static void order__none_runs_a_workflow_side_by_side(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "w", "u", "{}");
	accept_job(f, 3, "w", "u", "{}");
	f->conf.ordering = false;
	store_reopen(f);
	accept_job(f, 4, "w", "u", "{}");
	accept_job(f, 5, "w", "u", "{}");
	assert_int_equal(claim(f, 10), 3); /* those accepted in order stay in order */
}

static void claim__by_priority_then_time(void **state)
{
	struct fixture *f = *state;
	static const int priorities[] = {5, 9, 1, 5, 1};
	static const int want[] = {2, 4, 0, 3, 1};
	struct job_id ids[5];
	for (int i = 0; i < 5; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i);
		struct trigger t = make_trigger(2 + i % 3, workflow, "u", "{}");
		t.priority = priorities[i];
		ids[i] = submit(f, &t).id;
		pass_ms(f, 1);
	}
	assert_int_equal(claim(f, 10), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(id_cmp(f->held[i].id, ids[want[i]]), 0);
}

static void claim__is_bounded_by_bytes_but_gives_at_least_one(void **state)
{
	struct fixture *f = *state;
	char *big = calloc(1, 300001);
	memset(big, ' ', 300000);
	accept_job(f, 2, "a", "u", big);
	accept_job(f, 2, "b", "u", big);
	struct claim_ask ask = {.owner = "o", .max = 10, .max_bytes = 1000, .lease_ms = 1000};
	size_t n;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, NULL, 0, &ask, f->held, &n, &f->next_due_us, NULL), ST_OK);
	f->held_n = n;
	assert_int_equal(n, 1);
	assert_int_equal(f->held[0].payload.len, 300000);
	free(big);
}

static void claim__only_the_phases_asked_for(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "a", "u", "{}");
	accept_job(f, 7, "b", "u", "{}");
	struct claim_ask ask = {.owner = "o", .max = 10, .lease_ms = 1000, .phases = 1u << phase_slot(7)};
	assert_int_equal(
		f->ops->exchange(f->store, f->now, NULL, 0, &ask, f->held, &f->held_n, &f->next_due_us, NULL),
		ST_OK);
	assert_int_equal(f->held_n, 1);
	assert_int_equal(f->held[0].phase, 7);
}

static void lease__expires_and_the_late_result_is_fenced(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 3, "w", "u", "{}");
	claim(f, 1);
	pass_ms(f, 30000);
	assert_int_equal(settle_held(f, 0, SETTLE_RENEW), ST_OK);
	pass_ms(f, 59000);
	assert_int_equal(claim(f, 1), 0);
	pass_ms(f, 1000);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(f->held[0].lease.token, 2);
	assert_int_equal(f->held[0].attempts_made, 2);
	assert_int_equal(settle(f, id, 1, SETTLE_COMPLETE), ST_CONFLICT);
	assert_int_equal(state_of(f, id), JOB_ACTIVE);
	assert_int_equal(settle(f, id, 2, SETTLE_COMPLETE), ST_OK);
	assert_int_equal(settle(f, id, 2, SETTLE_COMPLETE), ST_CONFLICT);
	assert_int_equal(state_of(f, id), JOB_COMPLETED);
}

static void lease__of_an_earlier_boot_is_over(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 3, "w", "u", "{}");
	claim(f, 1);
	store_reopen(f);
	f->now.boot_id++;
	f->now.boot_us = 10;
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(f->held[0].lease.token, 2);
}

static void release__gives_the_attempt_back_at_once(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 3, "w", "u", "{}");
	claim(f, 1);
	settle_held(f, 0, SETTLE_RELEASE);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(f->held[0].attempts_made, 1);
	assert_int_equal(f->held[0].lease.token, 2);
}

static void checkpoint__is_there_for_the_next_attempt(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 7, "w", "u", "{}");
	claim(f, 1);
	assert_int_equal(settle_held(f, 0, SETTLE_CHECKPOINT), ST_OK);
	assert_int_equal(state_of(f, id), JOB_ACTIVE);
	pass_ms(f, 60000);
	claim(f, 1);
	assert_true(slice_is(f->held[0].checkpoint, "{\"fee\":\"done\"}"));
}

static void exchange__settles_and_claims_the_follower_in_one_commit(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "w", "u", "{}");
	struct job_id second = accept_job(f, 3, "w", "u", "{}");
	claim(f, 1);
	struct settlement s = {.id = f->held[0].id,
		.token = 1,
		.kind = SETTLE_COMPLETE,
		.outcome = slice_text("{\"success\":true}")};
	struct claim_ask ask = {.owner = "o", .max = 10, .lease_ms = 1000};
	struct job next[10];
	size_t n;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, &ask, next, &n, &f->next_due_us, NULL), ST_OK);
	assert_int_equal(s.verdict, ST_OK);
	assert_int_equal(n, 1);
	assert_int_equal(id_cmp(next[0].id, second), 0);
	job_release(&next[0]);
}

static void settle__unknown_job(void **state)
{
	struct fixture *f = *state;
	struct job_id nobody = {{1}};
	assert_int_equal(settle(f, nobody, 1, SETTLE_COMPLETE), ST_NOTFOUND);
}

static void pause__keeps_phases_from_being_claimed(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "a", "u", "{}");
	accept_job(f, 3, "b", "u", "{}");
	uint32_t phase_2 = 1u << phase_slot(2);
	assert_int_equal(
		f->ops->pause(f->store, f->now, phase_2, true, slice_text("operator:t"), NULL), ST_OK);
	assert_int_equal(
		f->ops->pause(f->store, f->now, phase_2, true, slice_text("operator:t"), NULL), ST_OK);
	store_reopen(f);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(f->held[0].phase, 3);
	assert_int_equal(stats_of(f).paused_phases, phase_2);
	assert_int_equal(
		f->ops->pause(f->store, f->now, UINT32_MAX, false, slice_text("operator:t"), NULL), ST_OK);
	assert_int_equal(claim(f, 10), 1);
}

static void events__tell_the_whole_story(void **state)
{
	struct fixture *f = *state;
	static const enum event_kind want[] = {EVENT_ACCEPTED, EVENT_CLAIMED, EVENT_RETRY, EVENT_DUE,
		EVENT_CLAIMED, EVENT_NOTIFICATION, EVENT_COMPLETED};
	struct job_id id = accept_job(f, 3, "w", "u", "{}");
	accept_job(f, 2, "other", "someone", "{}");
	claim(f, 1);
	settle(f, id, 1, SETTLE_RETRY);
	pass_ms(f, 2000);
	claim(f, 2);
	struct notice notice = {EVENT_NOTIFICATION, slice_text("notification"), slice_text("user_u"),
		slice_text("{\"type\":\"info\"}"), slice_text("")};
	struct settlement s = {.id = id, .token = 2, .kind = SETTLE_COMPLETE, .outcome = slice_text("{}")};
	size_t n;
	s.notices = &notice;
	s.notices_n = 1;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &n, &f->next_due_us, NULL), ST_OK);
	struct event events[32];
	uint64_t last = 0;
	struct event_filter by_workflow = {.workflow_id = slice_text("w")};
	assert_int_equal(f->ops->events(f->store, &by_workflow, 32, events, &n, &last, NULL), ST_OK);
	assert_int_equal(n, sizeof want / sizeof *want);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].kind, want[i]);
		assert_int_equal(id_cmp(events[i].job, id), 0);
		assert_true(
			i == 0 || (events[i].seq > events[i - 1].seq && events[i].prev == events[i - 1].seq));
		assert_true(slice_is(events[i].workflow_id, "w"));
		assert_true(slice_is(events[i].user_id, "u"));
	}
	assert_true(slice_is(events[0].actor, "caller:tests"));
	assert_true(slice_is(events[1].actor, "worker:host:1"));
	assert_int_equal(events[2].http_status, 503);
	assert_true(slice_is(events[5].room, "user_u"));
	assert_true(slice_is(events[5].data, "{\"type\":\"info\"}"));
	for (size_t i = 0; i < n; i++)
		event_release(&events[i]);
}

static void events__stream_by_seq_and_filter_by_user(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i);
		accept_job(f, 2, workflow, i % 2 ? "odd" : "even", "{}");
	}
	struct event events[8];
	struct event_filter filter = {.user_id = slice_text("odd")};
	size_t n, seen = 0;
	uint64_t last = 0;
	do {
		assert_int_equal(f->ops->events(f->store, &filter, 8, events, &n, &last, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			assert_true(slice_is(events[i].user_id, "odd"));
			assert_true(events[i].seq > filter.after_seq);
			event_release(&events[i]);
		}
		seen += n;
		filter.after_seq = last;
	} while (n);
	assert_int_equal(seen, 10);
	assert_int_equal(last, stats_of(f).last_seq);
}

static size_t list_all(struct fixture *f, const struct job_filter *filter, size_t page, struct job_id *ids)
{
	struct cursor at = {""}, next;
	struct job jobs[16];
	size_t total = 0, n;
	do {
		assert_int_equal(
			f->ops->list(f->store, filter, &at, page, false, jobs, &n, &next, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			if (ids)
				ids[total] = jobs[i].id;
			total++;
			assert_int_equal(jobs[i].payload.len, 0);
			job_release(&jobs[i]);
		}
		at = next;
	} while (at.text[0]);
	return total;
}

static void list__pages_by_every_index(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[30], got[30];
	for (int i = 0; i < 30; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i % 10);
		ids[i] = accept_job(f, 2 + i % 3, workflow, i % 2 ? "odd" : "even", "{}");
		pass_ms(f, 1);
	}
	for (size_t page = 1; page <= 16; page += 5) {
		struct job_filter all = {0}, user = {.user_id = slice_text("odd")};
		struct job_filter workflow = {.workflow_id = slice_text("w3")};
		struct job_filter waiting = {.has_state = true, .state = JOB_WAITING, .phase = 2};
		assert_int_equal(list_all(f, &all, page, got), 30);
		for (int i = 0; i < 30; i++)
			assert_int_equal(id_cmp(got[i], ids[29 - i]), 0);
		all.oldest_first = true;
		assert_int_equal(list_all(f, &all, page, got), 30);
		for (int i = 0; i < 30; i++)
			assert_int_equal(id_cmp(got[i], ids[i]), 0);
		assert_int_equal(list_all(f, &user, page, NULL), 15);
		assert_int_equal(list_all(f, &workflow, page, NULL), 3);
		assert_int_equal(list_all(f, &waiting, page, NULL), 10);
		struct job_filter since = {.since_us = f->now.wall_us - 5000};
		assert_int_equal(list_all(f, &since, page, NULL), 5);
	}
	struct job_filter failed = {.has_state = true, .state = JOB_FAILED};
	assert_int_equal(list_all(f, &failed, 5, NULL), 0);
}

static void list__ended_jobs_by_when_they_ended(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[9], got[9];
	for (int i = 0; i < 9; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i);
		ids[i] = accept_job(f, 2 + i % 3, workflow, "u", "{}");
	}
	claim(f, 9);
	for (int i = 8; i >= 0; i--) {
		pass_ms(f, 10);
		settle(f, ids[i], 1, SETTLE_FAIL);
	}
	struct job_filter failed = {.has_state = true, .state = JOB_FAILED};
	for (size_t page = 1; page < 5; page++) {
		assert_int_equal(list_all(f, &failed, page, got), 9);
		for (int i = 0; i < 9; i++)
			assert_int_equal(id_cmp(got[i], ids[i]), 0);
	}
}

static void list__a_foreign_cursor_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {
		"x", "2.", "2.zz", "99.00", "5.0011", "2.00112233445566778899aabbccddee"};
	struct job_filter all = {0};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct cursor from = {""}, next;
		struct job jobs[1];
		size_t n;
		strncpy(from.text, bad[i], sizeof from.text - 1);
		assert_int_equal(
			f->ops->list(f->store, &all, &from, 1, false, jobs, &n, &next, NULL), ST_INVALID);
	}
}

static void remove__only_what_is_old_and_all_that_belongs_to_it(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "old", "u", "{}");
	t.idempotency_key = slice_text("k");
	submit(f, &t);
	accept_job(f, 3, "young", "u", "{}");
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	pass_ms(f, 1000);
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	size_t removed;
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us - 500000, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	struct stats stats = stats_of(f);
	assert_int_equal(stats.removed_total, 1);
	assert_int_equal(stats_state(&stats, JOB_COMPLETED), 1);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED); /* its key went with it */
	assert_int_equal(
		f->ops->remove(f->store, f->now, JOB_ACTIVE, INT64_MAX, 10, slice_text("x"), &removed, NULL),
		ST_INVALID);
	store_check(f);
}

static void remove__waiting_jobs_let_their_followers_pass(void **state)
{
	struct fixture *f = *state;
	size_t removed;
	accept_job(f, 2, "w", "u", "{}");
	pass_ms(f, 1000);
	struct job_id second = accept_job(f, 3, "w", "u", "{}");
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_WAITING, f->now.wall_us - 500000, 10,
				 slice_text("operator:x"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, second), 0);
}

static void depth__is_refused_and_outcomes_still_work(void **state)
{
	struct fixture *f = *state;
	f->conf.max_depth = 2;
	store_reopen(f);
	accept_job(f, 2, "a", "u", "{}");
	struct trigger t = make_trigger(2, "b", "u", "{}"), more = make_trigger(2, "c", "u", "{}");
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
	struct receipt r = submit(f, &more);
	assert_int_equal(r.verdict, SUBMIT_REFUSED);
	assert_int_equal(r.status, ST_FULL);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_DUPLICATE); /* what is in already is still answered */
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(submit(f, &more).verdict, SUBMIT_ACCEPTED);
}

static void full__refuses_intake_settles_and_recovers(void **state)
{
	struct fixture *f = *state;
	char *big = calloc(1, 400001);
	memset(big, ' ', 400000);
	int accepted = 0;
	for (; accepted < 1000; accepted++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w%d", accepted);
		struct trigger t = make_trigger(2, workflow, "u", big);
		struct receipt r = submit(f, &t);
		if (r.verdict == SUBMIT_REFUSED) {
			assert_int_equal(r.status, ST_FULL);
			break;
		}
	}
	free(big);
	assert_in_range(accepted, 20, 200);
	assert_true(stats_of(f).intake_full);
	size_t removed = 1;
	for (int done = 0; done < accepted; done++) {
		assert_int_equal(claim(f, 1), 1);
		assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	}
	pass_ms(f, 1);
	while (removed)
		assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us, 50,
					 slice_text("x"), &removed, NULL),
			ST_OK);
	struct trigger t = make_trigger(2, "after", "u", "{}");
	for (int tries = 0; tries < 400; tries++) { /* the share in use is measured anew every 200 ms */
		if (submit(f, &t).verdict == SUBMIT_ACCEPTED)
			return;
		clock_sleep_ms(5);
	}
	fail_msg("intake did not come back");
}

static void bookmark__is_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 9;
	assert_int_equal(f->ops->bookmark_get(f->store, "relay", &value, NULL), ST_OK);
	assert_int_equal(value, 0);
	assert_int_equal(f->ops->bookmark_set(f->store, "relay", 77, NULL), ST_OK);
	store_reopen(f);
	assert_int_equal(f->ops->bookmark_get(f->store, "relay", &value, NULL), ST_OK);
	assert_int_equal(value, 77);
}

static void open__refuses_with_a_clear_message(void **state)
{
	struct fixture *f = *state;
	struct why why = WHY_INIT;
	struct store *other;
	struct spool_conf conf = f->conf;
	assert_int_equal(f->ops->init(&conf, &why), ST_EXISTS);
	f->ops->close(f->store);
	f->store = NULL;
	conf.map_size *= 2;
	assert_int_equal(f->ops->open(&conf, &other, &why), ST_VERSION);
	assert_non_null(strstr(why.text, "map-size"));
	conf = f->conf;
	conf.path = "/tmp/clario-there-is-none";
	assert_int_equal(f->ops->open(&conf, &other, &why), ST_NOTFOUND);
	assert_non_null(strstr(why.text, "clario-spool init"));
	assert_null(other);
}

static void read_only__looks_and_does_not_touch(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u", "{}");
	f->conf.read_only = true;
	store_reopen(f);
	assert_int_equal(state_of(f, id), JOB_WAITING);
	struct trigger t = make_trigger(2, "x", "u", "{}");
	struct receipt r;
	struct submission one = {&t, &r};
	assert_int_equal(f->ops->submit(f->store, f->now, &one, 1, NULL), ST_DENIED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(submit__is_read_back_byte_for_byte),
		CASE(submit__ids_ascend_even_when_the_clock_steps_back),
		CASE(submit__batch_has_a_verdict_each),
		CASE(natural_key__same_trigger_gives_the_first_job),
		CASE(natural_key__other_payload_is_a_job_of_its_own_behind_the_first),
		CASE(natural_key__failed_and_cancelled_do_not_block),
		CASE(natural_key__joined_texts_do_not_collide),
		CASE(explicit_key__same_or_reused),
		CASE(solo_user__one_live_job),
		CASE(order__one_at_a_time_in_the_order_accepted),
		CASE(order__a_retrying_job_keeps_its_place),
		CASE(order__held_and_delayed_jobs_keep_their_place),
		CASE(order__a_delayed_job_behind_another_waits_for_both),
		CASE(order__an_operators_retry_waits_for_the_turn),
		CASE(order__none_runs_a_workflow_side_by_side),
		CASE(claim__by_priority_then_time),
		CASE(claim__is_bounded_by_bytes_but_gives_at_least_one),
		CASE(claim__only_the_phases_asked_for),
		CASE(lease__expires_and_the_late_result_is_fenced),
		CASE(lease__of_an_earlier_boot_is_over),
		CASE(release__gives_the_attempt_back_at_once),
		CASE(checkpoint__is_there_for_the_next_attempt),
		CASE(exchange__settles_and_claims_the_follower_in_one_commit),
		CASE(settle__unknown_job),
		CASE(pause__keeps_phases_from_being_claimed),
		CASE(events__tell_the_whole_story),
		CASE(events__stream_by_seq_and_filter_by_user),
		CASE(list__pages_by_every_index),
		CASE(list__ended_jobs_by_when_they_ended),
		CASE(list__a_foreign_cursor_is_refused),
		CASE(remove__only_what_is_old_and_all_that_belongs_to_it),
		CASE(remove__waiting_jobs_let_their_followers_pass),
		CASE(depth__is_refused_and_outcomes_still_work),
		CASE(full__refuses_intake_settles_and_recovers),
		CASE(bookmark__is_kept),
		CASE(open__refuses_with_a_clear_message),
		CASE(read_only__looks_and_does_not_touch),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

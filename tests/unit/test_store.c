/* tests/unit/test_store.c: the suite that every engine passes, written against struct store_ops; see also
 * test_store_reads.c. */
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
	assert_int_equal(store_submit(f->ops, f->store, f->now, list, 4, NULL), ST_OK);
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

/* A live job that is alone in its workflow is found by whoever joins next, however many ended jobs there are.
 */
static void order__alone_among_many_that_ended(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 12; i++) {
		char body[32];
		snprintf(body, sizeof body, "{\"n\":%d}", i);
		struct job_id first = accept_job(f, 2, "w", "u", body);
		store_check(f);
		struct job_id second = accept_job(f, 3, "w", "u", body);
		store_check(f);
		assert_int_equal(claim(f, 10), 1);
		assert_int_equal(id_cmp(f->held[0].id, first), 0);
		assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
		assert_int_equal(claim(f, 10), 1);
		assert_int_equal(id_cmp(f->held[0].id, second), 0);
		assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
		store_check(f);
	}
}

/* Jobs that came while order was switched off do not hide one from before. */
static void order__switched_off_and_on_again(void **state)
{
	struct fixture *f = *state;
	struct job_id first = accept_job(f, 2, "w", "u", "{}");
	f->conf.ordering = false;
	store_reopen(f);
	for (int i = 0; i < 12; i++) {
		char user[32];
		snprintf(user, sizeof user, "u%d", i);
		accept_job(f, 3, "w", user, "{}");
	}
	f->conf.ordering = true;
	store_reopen(f);
	accept_job(f, 4, "w", "u", "{}");
	assert_int_equal(stats_of(f).behind, 1);
	assert_int_equal(claim(f, 20), 13);
	assert_int_equal(id_cmp(f->held[0].id, first), 0);
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
		CASE(order__alone_among_many_that_ended),
		CASE(order__switched_off_and_on_again),
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
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

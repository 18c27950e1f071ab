/* tests/conformance/test_retry.c: receivers that fail, and what becomes of the job: retries, permanent
 * failures, rollback notices, operators' acts. */
#include "tests/support/instance.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	*state = instance_start(
		"retry.attempts=4 call.matching.timeout=700ms call.matching.connect-timeout=300ms "
		"worker.max-response=64k");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void matching_job(struct instance *in, const char *name, char id[40])
{
	char body[200];
	snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"%s\",\"claims\":[]}", name, name);
	submit_job(in, "/phase/3", body, id);
}

static json_int_t number(json_t *job, const char *member)
{
	return json_integer_value(json_object_get(job, member));
}

static void fails_twice__then_succeeds_under_one_key(void **state)
{
	struct instance *in = *state;
	char id[40], first[512], value[512], want[16];
	receiver_rule(in->receiver,
		(struct rule){.path_has = "matching", .body_has = "twice", .status = 503, .times = 2});
	matching_job(in, "twice", id);
	json_t *job = wait_state(in, id, "completed");
	assert_int_equal(number(job, "attempts_made"), 3);
	assert_true(json_is_null(json_object_get(job, "error")));
	json_decref(job);
	assert_int_equal(receiver_count(in->receiver, "matching", "twice"), 3);
	for (int i = 0; i < 3; i++) {
		struct call call;
		assert_true(receiver_get(in->receiver, "matching", "twice", (size_t)i, &call));
		snprintf(want, sizeof want, "%d", i + 1);
		assert_string_equal(call_header(&call, "X-Clario-Attempt", value), want);
		assert_string_equal(call_header(&call, "X-Clario-Lease", value), want);
		call_header(&call, "Idempotency-Key", value);
		if (i == 0)
			memcpy(first, value, sizeof first);
		assert_string_equal(value, first);
	}
	assert_int_equal(count_events(in, "twice", "retry", NULL), 2);
	assert_int_equal(count_events(in, "twice", "notification", NULL), 1); /* told once, not per attempt */
}

/* How one attempt's failure ends: retried to completion, or failed for good at once. */
static void failure__each_kind(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *name;
		struct rule rule;
		const char *state;
		int attempts;
	} rows[] = {
		{"k408", {.status = 408, .times = 1}, "completed", 2},
		{"k425", {.status = 425, .times = 1}, "completed", 2},
		{"k429", {.status = 429, .times = 1, .headers = "Retry-After: 0\r\n"}, "completed", 2},
		{"k500", {.status = 500, .times = 1}, "completed", 2},
		{"k599", {.status = 599, .times = 1}, "completed", 2},
		{"kclose", {.how = CLOSE_AT_ONCE, .times = 2}, "completed", 3},
		{"kreset", {.how = RESET, .times = 2}, "completed", 3},
		{"kgarbage", {.how = GARBAGE, .times = 2}, "completed", 3},
		{"khang", {.how = HANG, .times = 1}, "completed", 2},
		{"kbody", {.how = ENDLESS_BODY, .times = 1}, "completed", 2},
		{"kheaders", {.how = ENDLESS_HEADERS, .times = 1}, "completed", 2},
		{"k400", {.status = 400}, "failed", 1},
		{"k401", {.status = 401}, "failed", 1},
		{"k404", {.status = 404}, "failed", 1},
		{"k409", {.status = 409}, "failed", 1},
		{"k301", {.status = 301, .headers = "Location: /elsewhere\r\n"}, "failed", 1},
		{"k307", {.status = 307, .headers = "Location: file:///etc/passwd\r\n"}, "failed", 1},
		{"kall", {.status = 503}, "failed", 4},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rule rule = rows[i].rule;
		char id[40];
		rule.body_has = rows[i].name;
		receiver_clear_rules(in->receiver);
		receiver_rule(in->receiver, rule);
		matching_job(in, rows[i].name, id);
		json_t *job = wait_state(in, id, rows[i].state);
		if (number(job, "attempts_made") != rows[i].attempts)
			fail_msg("%s: %lld attempts", rows[i].name, (long long)number(job, "attempts_made"));
		json_decref(job);
	}
	assert_int_equal(receiver_count(in->receiver, "elsewhere", NULL), 0);
	receiver_clear_rules(in->receiver);
}

static void failed__says_why(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.body_has = "why", .status = 404});
	matching_job(in, "why", id);
	json_t *job = wait_state(in, id, "failed");
	assert_string_equal(json_string_value(json_object_get(job, "error")), "call matching: answered 404");
	char *outcome = json_dumps(json_object_get(job, "outcome"), JSON_COMPACT);
	assert_string_equal(outcome,
		"{\"success\":false,\"step\":3,\"message\":\"Failed to trigger evidence matching\","
		"\"error\":\"call matching: answered 404\"}");
	free(outcome);
	json_decref(job);
	assert_int_equal(count_events(in, "why", "progress", "workflow.phase.3.failed"), 1);
	assert_int_equal(count_events(in, "why", "rolled_back", NULL), 0); /* nothing to go back to */
	receiver_clear_rules(in->receiver);
}

static void retry_after__lengthens_the_wait(void **state)
{
	struct instance *in = *state;
	char id[40];
	struct call first, second;
	receiver_rule(in->receiver,
		(struct rule){
			.body_has = "after", .status = 503, .times = 1, .headers = "Retry-After: 1\r\n"});
	matching_job(in, "after", id);
	json_decref(wait_state(in, id, "completed"));
	assert_true(receiver_get(in->receiver, NULL, "after", 0, &first));
	assert_true(receiver_get(in->receiver, NULL, "after", 1, &second));
	assert_in_range(second.at_ms - first.at_ms, 990, 5000);
	receiver_clear_rules(in->receiver);
}

static void receiver_down__the_post_is_not_affected(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_close(in->receiver);
	matching_job(in, "down", id);
	json_t *job = wait_state(in, id, "delayed");
	assert_non_null(strstr(json_string_value(json_object_get(job, "error")), "call matching: "));
	json_decref(job);
	receiver_reopen(in->receiver);
	json_decref(wait_state(in, id, "completed"));
}

static void rollback__names_the_last_completed_phase(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"rb\",\"sync_id\":\"rb\"}", id);
	submit_job(in, "/phase/4", "{\"user_id\":\"rb\",\"sync_id\":\"rb\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	receiver_rule(in->receiver, (struct rule){.path_has = "rejections", .status = 400});
	submit_job(in, "/phase/6",
		"{\"user_id\":\"rb\",\"sync_id\":\"rb\",\"claim_id\":\"c\",\"reason\":\"r\"}", id);
	json_decref(wait_state(in, id, "failed"));
	json_t *event = find_event(in, "rb", "rolled_back", NULL, 0);
	assert_non_null(event);
	assert_string_equal(json_string_value(json_object_get(event, "reason")), "rolled back to phase 4");
	json_decref(event);
	size_t notices = count_events(in, "rb", "notification", NULL);
	event = find_event(in, "rb", "notification", NULL, notices - 1);
	char *data = json_dumps(json_object_get(event, "data"), JSON_COMPACT);
	assert_string_equal(data, "{\"type\":\"warning\",\"title\":\"Workflow Rollback\",\"message\":\"Phase "
				  "6 failed - rolled back to Phase 4\","
				  "\"data\":{\"failed_phase\":6,\"rollback_to_phase\":4,\"error\":\"call "
				  "rejection: answered 400\"}}");
	free(data);
	json_decref(event);
	receiver_clear_rules(in->receiver);
}

static struct answer act(struct instance *in, const char *id, const char *verb)
{
	char path[128];
	snprintf(path, sizeof path, "/jobs/%s/%s", id, verb);
	return post(in, path, "");
}

static void act_ok(struct instance *in, const char *id, const char *verb)
{
	struct answer a = act(in, id, verb);
	if (a.status != 200)
		fail_msg("%s: %ld %s", verb, a.status, a.body ? a.body : "");
	answer_release(&a);
}

static void operator__retries_a_failed_job(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.body_has = "oper", .status = 503, .times = 4});
	matching_job(in, "oper", id);
	json_decref(wait_state(in, id, "failed"));
	struct answer a = act(in, id, "hold");
	assert_int_equal(a.status, 409);
	assert_string_equal(answer_text(&a, "code"), "state_conflict");
	assert_string_equal(answer_text(&a, "state"), "failed");
	answer_release(&a);
	act_ok(in, id, "retry");
	json_t *job = wait_state(in, id, "completed");
	assert_int_equal(number(job, "attempts_made"), 5);
	json_decref(job);
	assert_int_equal(count_events(in, "oper", "retried", NULL), 1);
	a = act(in, id, "retry");
	assert_int_equal(a.status, 409);
	answer_release(&a);
	a = act(in, "00000000-0000-7000-8000-000000000000", "retry");
	assert_int_equal(a.status, 404);
	assert_string_equal(answer_text(&a, "code"), "job_not_found");
	answer_release(&a);
	receiver_clear_rules(in->receiver);
}

static void assert_refused(
	struct instance *in, const char *id, const char *act_and_query, long status, const char *code)
{
	struct answer a = act(in, id, act_and_query);
	if (a.status != status || strcmp(answer_text(&a, "code"), code) != 0)
		fail_msg("%s: %ld %s", act_and_query, a.status, a.body ? a.body : "");
	answer_release(&a);
}

static void operator__replays_a_completed_job(void **state)
{
	struct instance *in = *state;
	char id[40], first[512], value[512];
	struct call calls[2];
	submit_job(in, "/phase/7", "{\"user_id\":\"replay\",\"claim_id\":\"again\",\"amount\":5}", id);
	json_decref(wait_state(in, id, "completed"));
	assert_refused(in, id, "retry", 409, "state_conflict");
	assert_refused(in, id, "retry?again=0&reason=x", 409, "state_conflict");
	assert_refused(in, id, "retry?again=1", 400, "bad_query");
	assert_refused(in, id, "retry?again=yes&reason=x", 400, "bad_query");
	assert_refused(in, id, "hold?again=1&reason=x", 400, "bad_query");
	act_ok(in, id, "retry?again=1&reason=they%20lost%20it");
	assert_true(receiver_wait(in->receiver, "proof-packets/again/", NULL, 2, 10000));
	json_t *job = wait_state(in, id, "completed");
	assert_int_equal(number(job, "attempts_made"), 2);
	json_decref(job);
	/* Both calls are made again, as another attempt under the same key. */
	assert_int_equal(receiver_count(in->receiver, "process-fee", "\"again\""), 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(receiver_get(in->receiver, "proof-packets/again/", NULL, i, &calls[i]));
	assert_string_equal(call_header(&calls[0], "Idempotency-Key", first),
		call_header(&calls[1], "Idempotency-Key", value));
	assert_string_equal(call_header(&calls[1], "X-Clario-Attempt", value), "2");
	json_t *event = find_event(in, "payout_again", "replayed", NULL, 0);
	assert_non_null(event);
	assert_string_equal(json_string_value(json_object_get(event, "reason")), "they lost it");
	assert_string_equal(json_string_value(json_object_get(event, "from")), "completed");
	json_decref(event);
}

static void operator__holds_releases_and_cancels(void **state)
{
	struct instance *in = *state;
	char id[40], headers[] = "Content-Type: application/json\nX-Delay: 1h";
	struct answer a =
		request(in, "POST", API "/phase/2", headers, "{\"user_id\":\"hold\",\"sync_id\":\"hold\"}");
	snprintf(id, sizeof id, "%s", answer_text(&a, "job_id"));
	assert_string_equal(answer_text(&a, "state"), "delayed");
	answer_release(&a);
	act_ok(in, id, "hold");
	json_decref(wait_state(in, id, "held"));
	act_ok(in, id, "release");
	json_decref(wait_state(in, id, "delayed"));
	act_ok(in, id, "run-now");
	json_decref(wait_state(in, id, "completed"));
	a = request(in, "POST", API "/phase/2", headers, "{\"user_id\":\"hold\",\"sync_id\":\"hold2\"}");
	snprintf(id, sizeof id, "%s", answer_text(&a, "job_id"));
	answer_release(&a);
	act_ok(in, id, "cancel");
	json_decref(wait_state(in, id, "cancelled"));
	assert_int_equal(receiver_count(in->receiver, NULL, "hold2"), 0);
}

static void operator__cancels_what_is_under_way(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.body_has = "slow", .delay_ms = 600});
	matching_job(in, "slow", id);
	assert_true(receiver_wait(in->receiver, NULL, "slow", 1, 5000));
	act_ok(in, id, "cancel");
	int64_t ended = 0;
	while (count_events(in, "slow", "fenced", NULL) == 0 && ended++ < 500)
		clock_sleep_ms(10);
	json_decref(wait_state(in, id, "cancelled")); /* the late result changed nothing */
	assert_int_equal(count_events(in, "slow", "fenced", NULL), 1);
	assert_int_equal(count_events(in, "slow", "completed", NULL), 0);
	receiver_clear_rules(in->receiver);
}

static void not_configured__waits_for_the_configuration(void **state)
{
	(void)state;
	struct instance *in = instance_start("receiver.python-url= retry.attempts=100");
	char id[40];
	matching_job(in, "nourl", id);
	json_t *job = wait_state(in, id, "delayed");
	assert_string_equal(json_string_value(json_object_get(job, "error")),
		"call matching: receiver.python-url is not configured");
	json_decref(job);
	instance_stop(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fails_twice__then_succeeds_under_one_key),
		cmocka_unit_test(failure__each_kind),
		cmocka_unit_test(failed__says_why),
		cmocka_unit_test(retry_after__lengthens_the_wait),
		cmocka_unit_test(receiver_down__the_post_is_not_affected),
		cmocka_unit_test(rollback__names_the_last_completed_phase),
		cmocka_unit_test(operator__retries_a_failed_job),
		cmocka_unit_test(operator__replays_a_completed_job),
		cmocka_unit_test(operator__holds_releases_and_cancels),
		cmocka_unit_test(operator__cancels_what_is_under_way),
		cmocka_unit_test(not_configured__waits_for_the_configuration),
	};
	return cmocka_run_group_tests_name("retry", tests, setup, teardown);
}

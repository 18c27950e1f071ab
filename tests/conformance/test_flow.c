/* tests/conformance/test_flow.c: bounds on calls: at one time and a second, by phase and by receiver;
 * breakers that open, are tried and ramp up; receivers paused by hand. */
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SLOW_MS = 60 };

static int setup_bounds(void **state)
{
	*state = instance_start("receiver.integrations.concurrency=3 phase.3.concurrency=2 "
				"receiver.python.rate=20 receiver.python.burst=2");
	return 0;
}

static int setup_breaker(void **state)
{
	*state = instance_start("receiver.python.breaker-share=50 receiver.python.breaker-calls=5 "
				"receiver.python.breaker-open=300ms receiver.python.breaker-open-max=300ms");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void submit(struct instance *in, int phase, const char *name, int i, char id[40])
{
	char path[32], body[200];
	snprintf(path, sizeof path, "/phase/%d", phase);
	snprintf(body, sizeof body, "{\"user_id\":\"%s-%d\",\"sync_id\":\"%s-%d\"}", name, i, name, i);
	submit_job(in, path, body, id);
}

static json_int_t attempts(struct instance *in, const char *id)
{
	json_t *job = wait_state(in, id, "completed");
	json_int_t made = json_integer_value(json_object_get(job, "attempts_made"));
	json_decref(job);
	return made;
}

/* Calls that began within `ms` of each other, at most. */
static size_t most_within(struct instance *in, const char *path, size_t n, int64_t ms)
{
	size_t most = 0;
	for (size_t i = 0; i < n; i++) {
		struct call first, other;
		size_t together = 0;
		assert_true(receiver_get(in->receiver, path, NULL, i, &first));
		for (size_t k = i; k < n; k++) {
			assert_true(receiver_get(in->receiver, path, NULL, k, &other));
			together += other.at_ms - first.at_ms < ms;
		}
		most = together > most ? together : most;
	}
	return most;
}

static void concurrency__of_a_receiver_and_of_a_phase(void **state)
{
	enum { JOBS = 12 };
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "detections", .delay_ms = SLOW_MS});
	receiver_rule(in->receiver, (struct rule){.path_has = "matching", .delay_ms = 3 * SLOW_MS});
	for (int i = 0; i < JOBS; i++) {
		submit(in, 2, "conc", i, id);
		submit(in, 3, "conc3", i, id);
	}
	assert_true(receiver_wait(in->receiver, "detections", NULL, JOBS, 15000));
	assert_true(receiver_wait(in->receiver, "matching", NULL, JOBS, 15000));
	assert_in_range(most_within(in, "detections", JOBS, SLOW_MS), 2, 3);
	assert_in_range(most_within(in, "matching", JOBS, 3 * SLOW_MS), 1, 2);
	receiver_clear_rules(in->receiver);
}

/* "Analyzing your orders" is said of a job whose call begins, not of one that waits for it. */
static void waiting__is_not_announced(void **state)
{
	enum { JOBS = 6, MAY_RUN = 3 };
	struct instance *in = *state;
	char id[40];
	size_t before = receiver_count(in->receiver, "detections", NULL);
	receiver_rule(in->receiver, (struct rule){.path_has = "detections", .delay_ms = 1500});
	for (int i = 0; i < JOBS; i++)
		submit(in, 2, "line", i, id);
	assert_true(receiver_wait(in->receiver, "detections", NULL, before + MAY_RUN, 15000));
	json_decref(wait_state(in, id, "active"));
	int64_t until = clock_mono_us() + 10000000;
	while (count_events(in, "line-0", "notification", NULL) == 0 && clock_mono_us() < until)
		clock_sleep_ms(2);
	assert_int_equal(receiver_count(in->receiver, "detections", NULL), before + MAY_RUN);
	assert_int_equal(count_events(in, "line-0", "notification", NULL), 1);
	assert_int_equal(count_events(in, "line-5", "notification", NULL), 0);
	receiver_clear_rules(in->receiver);
	json_decref(wait_state(in, id, "completed"));
	assert_int_equal(count_events(in, "line-5", "notification", NULL), 1);
}

static void rate__of_a_receiver(void **state)
{
	enum { JOBS = 20, BURST = 2, EACH_MS = 50 };
	struct instance *in = *state;
	struct call first, last;
	char id[40];
	size_t before = receiver_count(in->receiver, "rejections", NULL);
	for (int i = 0; i < JOBS; i++) {
		char body[200];
		snprintf(body, sizeof body,
			"{\"user_id\":\"r\",\"claim_id\":\"rate-%d\",\"reason\":\"x\","
			"\"rejection_reason\":\"x\"}",
			i);
		submit_job(in, "/phase/6", body, id);
	}
	assert_true(receiver_wait(in->receiver, "rejections", NULL, before + JOBS, 15000));
	assert_true(receiver_get(in->receiver, "rejections", NULL, before, &first));
	assert_true(receiver_get(in->receiver, "rejections", NULL, before + JOBS - 1, &last));
	assert_in_range(last.at_ms - first.at_ms, (JOBS - BURST - 1) * EACH_MS, 10000);
}

/* A receiver that hangs takes no more than its share of what the worker can do. */
static void hanging_receiver__holds_up_no_other(void **state)
{
	enum { STUCK = 400, JOBS = 300 };
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "matching", .how = HANG});
	for (int i = 0; i < STUCK; i++)
		submit(in, 3, "stuck", i, id);
	assert_true(receiver_wait(in->receiver, "matching", "stuck", 1, 10000));
	int64_t began = clock_mono_us();
	for (int i = 0; i < JOBS; i++)
		submit(in, 2, "free", i, id);
	assert_true(receiver_wait(in->receiver, "detections", "free", JOBS, 15000));
	assert_in_range(
		clock_mono_us() - began, 0, 15000000); /* long before the first of the others times out */
	assert_int_equal(
		instance_tool(in, "cancel --all --phase 3 --reason over >/dev/null 2>&1", id, sizeof id), 0);
	receiver_clear_rules(in->receiver);
}

static json_t *python_receiver(struct instance *in)
{
	char out[4096];
	json_t *line = NULL;
	assert_int_equal(instance_tool(in, "receivers --json", out, sizeof out), 0);
	for (char *at = out; *at && !line;) {
		size_t len = strcspn(at, "\n");
		json_t *value = json_loadb(at, len, 0, NULL);
		if (value && strcmp(json_string_value(json_object_get(value, "name")), "python") == 0)
			line = json_incref(value);
		json_decref(value);
		at += len + (at[len] == '\n');
	}
	assert_non_null(line);
	return line;
}

/* One of the two. */
static void wait_breaker(struct instance *in, const char *want, const char *or_else)
{
	int64_t until = clock_mono_us() + 15000000;
	bool is_there = false;
	while (!is_there && clock_mono_us() < until) {
		json_t *line = python_receiver(in);
		const char *breaker = json_string_value(json_object_get(line, "breaker"));
		is_there = strcmp(breaker, want) == 0 || strcmp(breaker, or_else) == 0;
		json_decref(line);
		clock_sleep_ms(20);
	}
	if (!is_there)
		fail_msg("the breaker is not %s", want);
}

/* It opens on failures, parks what waits without charging it, lets one call try, and closes when all is well;
 * calls to others go on meanwhile. */
static void breaker__opens_parks_and_recovers(void **state)
{
	enum { JOBS = 30 };
	struct instance *in = *state;
	char ids[JOBS][40], other[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "matching", .status = 503});
	for (int i = 0; i < JOBS; i++)
		submit(in, 3, "brk", i, ids[i]);
	wait_breaker(in, "open", "probing");
	submit(in, 2, "other", 0, other);
	assert_int_equal(attempts(in, other), 1);
	clock_sleep_ms(1500); /* several probes, each of which fails */
	size_t called = receiver_count(in->receiver, "matching", NULL);
	assert_in_range(called, 5, JOBS + 15);
	receiver_clear_rules(in->receiver);
	json_int_t made = 0;
	for (int i = 0; i < JOBS; i++)
		made += attempts(in, ids[i]);
	assert_int_equal(
		made, receiver_count(in->receiver, "matching", NULL)); /* no attempt without a call */
	wait_breaker(in, "closed", "ramping");
}

/* Shared by all workers, and kept when they restart. */
static void breaker__outlives_the_worker(void **state)
{
	struct instance *in = *state;
	char ids[8][40];
	receiver_rule(in->receiver, (struct rule){.path_has = "matching", .status = 500});
	for (int i = 0; i < 8; i++)
		submit(in, 3, "live", i, ids[i]);
	wait_breaker(in, "open", "probing");
	instance_kill(in, WORKER, SIGKILL);
	json_t *line = python_receiver(in);
	assert_string_not_equal(json_string_value(json_object_get(line, "breaker")), "closed");
	json_decref(line);
	receiver_clear_rules(in->receiver);
	instance_launch(in, WORKER);
	for (int i = 0; i < 8; i++)
		assert_true(attempts(in, ids[i]) > 0);
	wait_breaker(in, "closed", "ramping");
}

static void pause__by_hand_holds_calls_back(void **state)
{
	struct instance *in = *state;
	char id[40], other[40], out[2000];
	assert_int_equal(instance_tool(in, "pause --receiver python --reason down 2>&1", out, sizeof out), 0);
	size_t before = receiver_count(in->receiver, "matching", NULL);
	clock_sleep_ms(1200); /* an idle worker asks once a second */
	submit(in, 3, "hand", 0, id);
	submit(in, 2, "hand2", 0, other);
	assert_int_equal(attempts(in, other), 1);
	clock_sleep_ms(300);
	assert_int_equal(receiver_count(in->receiver, "matching", NULL), before);
	json_decref(wait_state(in, id, "waiting"));
	assert_int_equal(instance_tool(in, "resume --receiver python 2>&1", out, sizeof out), 0);
	assert_int_equal(attempts(in, id), 1);
	wait_breaker(in, "closed", "ramping");
}

static int setup_hanging(void **state)
{
	*state = instance_start("call.matching.timeout=60s");
	return 0;
}

int main(void)
{
	const struct CMUnitTest hanging[] = {
		cmocka_unit_test(hanging_receiver__holds_up_no_other),
	};
	const struct CMUnitTest bounds[] = {
		cmocka_unit_test(concurrency__of_a_receiver_and_of_a_phase),
		cmocka_unit_test(waiting__is_not_announced),
		cmocka_unit_test(rate__of_a_receiver),
	};
	const struct CMUnitTest breakers[] = {
		cmocka_unit_test(breaker__opens_parks_and_recovers),
		cmocka_unit_test(breaker__outlives_the_worker),
		cmocka_unit_test(pause__by_hand_holds_calls_back),
	};
	int failed = cmocka_run_group_tests_name("bounds", bounds, setup_bounds, teardown);
	failed += cmocka_run_group_tests_name("hanging", hanging, setup_hanging, teardown);
	return failed + cmocka_run_group_tests_name("breakers", breakers, setup_breaker, teardown);
}

/* tests/crash/test_poison.c: a job that kills every worker that runs it is held after three deaths, and costs
 * the jobs beside it nothing; a worker that dies otherwise puts the blame on no job. Attempts are scarce here
 * (one), so that each that is charged wrongly fails a job. */
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BESIDE = 12, DEATH_MS = 15000 };

static int setup(void **state)
{
	char library[256];
	snprintf(library, sizeof library, "%s/tests/crash/poison.so", getenv("B") ? getenv("B") : "build");
	char *full = realpath(library, NULL);
	assert_non_null(full);
	setenv("LD_PRELOAD", full, 1);
	free(full);
	*state = instance_start("retry.attempts=1 worker.lease=60s");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	unsetenv("LD_PRELOAD");
	return 0;
}

static void wait_death(struct instance *in)
{
	int64_t until = clock_mono_us() + DEATH_MS * INT64_C(1000);
	while (instance_is_running(in, WORKER) && clock_mono_us() < until)
		clock_sleep_ms(2);
	assert_false(instance_is_running(in, WORKER));
}

static json_int_t number(json_t *job, const char *member)
{
	return json_integer_value(json_object_get(job, member));
}

static const char *text(json_t *object, const char *member)
{
	const char *value = json_string_value(json_object_get(object, member));
	return value ? value : "";
}

/* A tool's output, which must be exit code 0. */
static void tool(struct instance *in, const char *verb, const char *id)
{
	char args[200], out[4096];
	snprintf(args, sizeof args, "%s %s 2>&1", verb, id);
	if (instance_tool(in, args, out, sizeof out) != 0)
		fail_msg("%s: %s", args, out);
}

static void poison__is_held_and_the_rest_goes_on(void **state)
{
	struct instance *in = *state;
	char bad[40], behind[40], beside[BESIDE][40], body[200];
	instance_kill(in, WORKER, SIGTERM);
	/* All are claimed in one go, and these answers take their time: they are under way when the worker
	 * dies. */
	receiver_rule(in->receiver, (struct rule){.body_has = "beside", .delay_ms = 300});
	for (int i = 0; i < BESIDE; i++) {
		snprintf(body, sizeof body, "{\"user_id\":\"beside\",\"sync_id\":\"beside-%d\"}", i);
		submit_job(in, "/phase/2", body, beside[i]);
		if (i == BESIDE / 2)
			submit_job(in, "/phase/2", "{\"user_id\":\"poison\",\"sync_id\":\"bad\"}", bad);
	}
	submit_job(in, "/phase/4", "{\"user_id\":\"u\",\"sync_id\":\"bad\",\"matches\":[]}", behind);
	for (int i = 0; i < 3; i++) {
		instance_launch(in, WORKER);
		wait_death(in);
	}
	instance_launch(in, WORKER);
	json_t *job = wait_state(in, bad, "held"); /* by what the fourth one finds */
	assert_string_equal(
		text(job, "error"), "its worker died while running it (3 of 3): held until it is released");
	assert_int_equal(number(job, "crashes"), 3);
	assert_int_equal(number(job, "attempts_made"), 3);
	assert_int_equal(number(job, "attempts_allowed"), 4);
	json_decref(job);
	assert_int_equal(count_events(in, "bad", "crashed", NULL), 3);
	json_t *event = find_event(in, "bad", "crashed", NULL, 2);
	assert_string_equal(text(event, "to"), "held");
	assert_int_equal(strncmp(text(event, "actor"), "worker:", 7), 0);
	json_decref(event);
	for (int i = 0; i < BESIDE; i++) { /* at once: their leases of a minute have not run out */
		job = wait_state(in, beside[i], "completed");
		assert_int_equal(number(job, "attempts_allowed"), number(job, "attempts_made"));
		assert_int_equal(number(job, "crashes"), 0);
		json_decref(job);
	}
	json_decref(wait_state(in, behind, "waiting")); /* its workflow stays behind it */
	tool(in, "cancel", bad);
	json_decref(wait_state(in, behind, "completed"));
	receiver_clear_rules(in->receiver);
}

static void release__gives_three_more(void **state)
{
	struct instance *in = *state;
	char bad[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"poison\",\"sync_id\":\"again\"}", bad);
	for (int i = 0; i < 3; i++) {
		wait_death(in);
		instance_launch(in, WORKER);
	}
	json_decref(wait_state(in, bad, "held"));
	tool(in, "release", bad);
	wait_death(in);
	instance_launch(in, WORKER);
	wait_death(in);
	tool(in, "cancel", bad); /* before the next worker takes it */
	instance_launch(in, WORKER);
	assert_int_equal(count_events(in, "again", "unheld", NULL), 1);
	assert_in_range(count_events(in, "again", "crashed", NULL), 4, 5);
}

/* How many jobs were ever said to have been in the way of a worker. */
static size_t all_crashes(struct instance *in)
{
	static char out[1 << 20];
	size_t n = 0;
	assert_int_equal(instance_tool(in, "events --json", out, sizeof out), 0);
	for (const char *at = out; (at = strstr(at, "\"kind\":\"crashed\"")); at++)
		n++;
	return n;
}

static void killed_otherwise__blames_nobody(void **state)
{
	(void)state;
	struct instance *in = instance_start("retry.attempts=1 worker.lease=2s");
	char id[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"quiet\",\"sync_id\":\"quiet\"}", id);
	json_decref(wait_state(in, id, "completed"));
	clock_sleep_ms(100);
	instance_kill(in, WORKER, SIGKILL); /* idle */
	instance_launch(in, WORKER);
	receiver_rule(in->receiver, (struct rule){.body_has = "\"late\"", .how = HANG, .times = 1});
	submit_job(in, "/phase/2", "{\"user_id\":\"late\",\"sync_id\":\"late\"}", id);
	assert_true(receiver_wait(in->receiver, NULL, "\"late\"", 1, 10000));
	clock_sleep_ms(100);
	instance_kill(in, WORKER, SIGKILL); /* while it waits for the answer */
	instance_launch(in, WORKER);
	/* The lease runs out, and that was its attempt. */
	json_t *job = wait_state(in, id, "failed");
	assert_int_equal(number(job, "crashes"), 0);
	assert_string_equal(text(job, "error"), "the lease ran out and no attempt is left");
	json_decref(job);
	assert_int_equal(all_crashes(in), 0);
	instance_stop(in);
}

/* The files of the living and of the dead, but for those that were never finished. */
static size_t count_marks(struct instance *in)
{
	char command[200];
	unsigned n = 0;
	snprintf(command, sizeof command, "ls %s/spool | grep -c '^running[.]'", in->dir);
	FILE *pipe = popen(command, "re");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &n), 1);
	pclose(pipe);
	return n;
}

/* A worker has a file as soon as it runs, and takes those of the dead away soon after. */
static void wait_marks(struct instance *in, size_t n)
{
	int64_t until = clock_mono_us() + DEATH_MS * INT64_C(1000);
	while (count_marks(in) != n && clock_mono_us() < until)
		clock_sleep_ms(5);
	assert_int_equal(count_marks(in), n);
}

/* Whoever looks after the spool passes over the files, of the living and of the dead. */
static void care__passes_over_marks(void **state)
{
	struct instance *in = *state;
	char args[200], out[4096];
	wait_marks(in, 1);
	instance_kill(in, WORKER, SIGKILL);
	assert_int_equal(count_marks(in), 1);
	snprintf(args, sizeof args, "backup %s/copy.mdb 2>&1", in->dir);
	if (instance_tool(in, args, out, sizeof out) != 0)
		fail_msg("%s", out);
	assert_int_equal(instance_tool(in, "verify", out, sizeof out), 0);
	instance_kill(in, FCGI, SIGTERM);
	instance_kill(in, EVENTS, SIGTERM);
	assert_int_equal(instance_tool(in, "compact", out, sizeof out), 0);
	assert_int_equal(instance_tool(in, "repair", out, sizeof out), 0);
	instance_launch(in, FCGI);
	instance_launch(in, EVENTS);
	instance_launch(in, WORKER);
	instance_wait_ready(in);
	wait_marks(in, 1);
	instance_kill(in, WORKER, SIGTERM); /* a clean end leaves none */
	assert_int_equal(count_marks(in), 0);
	instance_launch(in, WORKER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poison__is_held_and_the_rest_goes_on),
		cmocka_unit_test(release__gives_three_more),
		cmocka_unit_test(care__passes_over_marks),
		cmocka_unit_test(killed_otherwise__blames_nobody),
	};
	return cmocka_run_group_tests_name("poison", tests, setup, teardown);
}

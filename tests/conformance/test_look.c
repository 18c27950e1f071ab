/* tests/conformance/test_look.c: what the tool tells of a whole instance: a workflow whose next phase does
 * not come, workers that live and die, and why a job waits. */
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 16384 };

static int setup(void **state)
{
	*state = instance_start("phase.2.service-level=1s");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void assert_tool(struct instance *in, const char *args, int code, const char *has)
{
	char out[ROOM];
	int got = instance_tool(in, args, out, sizeof out);
	if (got != code || !strstr(out, has))
		fail_msg("clario-spool %s: exit %d, wanted %d with \"%s\": %s", args, got, code, has, out);
}

/* At /metrics. */
static void assert_told(struct instance *in, const char *line)
{
	struct answer a = request(in, "GET", API "/metrics", NULL, NULL);
	assert_int_equal(a.status, 200);
	if (!strstr(a.body, line))
		fail_msg("/metrics does not tell:%s", line);
	answer_release(&a);
}

static void stalled__is_told_by_the_worker_and_ends_with_the_next_phase(void **state)
{
	struct instance *in = *state;
	char id[40], out[ROOM];
	submit_job(in, "/phase/1", "{\"user_id\":\"u\",\"seller_id\":\"u\",\"sync_id\":\"late\"}", id);
	json_decref(wait_state(in, id, "completed"));
	int64_t until = clock_mono_us() + 15000000;
	while (count_events(in, "late", "stalled", NULL) == 0 && clock_mono_us() < until)
		clock_sleep_ms(50);
	assert_int_equal(count_events(in, "late", "stalled", NULL), 1);
	assert_tool(
		in, "stalled --json", 0, "\"workflow_id\":\"late\",\"user_id\":\"u\",\"awaits_phase\":2,");
	assert_told(in, "\nclario_stalled_workflows 1\n");
	assert_told(in, "\nclario_service_level_seconds{phase=\"2\"} 1\n");
	assert_tool(in, "status", 1, "1 workflows wait for a phase that did not come");
	submit_job(in, "/phase/2", "{\"user_id\":\"u\",\"sync_id\":\"late\"}", id);
	assert_int_equal(instance_tool(in, "stalled", out, sizeof out), 1);
	json_decref(wait_state(in, id, "completed"));
	assert_int_equal(count_events(in, "late", "stalled", NULL), 1);
}

static void workers__live_until_they_are_killed(void **state)
{
	struct instance *in = *state;
	char id[40], args[80], name[32];
	snprintf(name, sizeof name, ":%d\",\"alive\":true", (int)instance_pid(in, WORKER));
	assert_tool(in, "workers --json", 0, name);
	instance_kill(in, WORKER, SIGKILL);
	assert_tool(in, "workers --json", 1, "\"alive\":false");
	submit_job(in, "/phase/6",
		"{\"user_id\":\"u\",\"claim_id\":\"c\",\"rejection_reason\":\"no\",\"amazon_case_id\":\"k\"}",
		id);
	snprintf(args, sizeof args, "explain %s", id);
	assert_tool(in, args, 0, "It is its turn, but no worker lives.");
	assert_tool(in, "status", 1, "no worker lives, and 1 jobs want one");
	assert_tool(in, "doctor", 1, "no worker lives");
	assert_tool(in, "doctor", 1, "ok       socket ");
	instance_launch(in, WORKER);
	json_decref(wait_state(in, id, "completed"));
	assert_tool(in, args, 0, "It ended well at ");
}

/* The page measures by them. */
static void levels__are_told_as_configured(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/1", "{\"user_id\":\"u\",\"seller_id\":\"u\",\"sync_id\":\"levels\"}", id);
	struct answer a = request(in, "GET", API "/workflows/levels", NULL, NULL);
	assert_int_equal(json_integer_value(jx_path(a.json, "service_levels_ms.2")), 1000);
	assert_int_equal(json_integer_value(jx_path(a.json, "service_levels_ms.3")), 120000);
	answer_release(&a);
	a = request(in, "GET", API "/queue/stats", NULL, NULL);
	json_t *second = json_array_get(jx_path(a.json, "stats.phases"), 1);
	assert_int_equal(json_integer_value(json_object_get(second, "service_level_ms")), 1000);
	answer_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stalled__is_told_by_the_worker_and_ends_with_the_next_phase),
		cmocka_unit_test(levels__are_told_as_configured),
		cmocka_unit_test(workers__live_until_they_are_killed),
	};
	return cmocka_run_group_tests_name("look", tests, setup, teardown);
}

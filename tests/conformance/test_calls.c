/* tests/conformance/test_calls.c: receivers and calls of the operator's own, through a whole instance. */
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET "t0p-s3cret"

/* "http://127.0.0.1:1" refuses. */
#define AUDIT                                                                                                \
	"receiver.shop.url=%s call.audit.phase=3 call.audit.receiver=shop call.audit.method=PUT "            \
	"call.audit.path=/w/{workflow_id} call.audit.auth=header call.audit.auth-header=X-Api-Key "          \
	"call.audit.secret-file=audit-key call.audit.success=2xx,409 "                                       \
	"call.audit.body={\"user\":${user_id},\"claims\":${payload.claims}} "

static char credentials[64];

static int setup(void **state)
{
	char path[128];
	(void)state;
	snprintf(credentials, sizeof credentials, "/tmp/clario-credentials-XXXXXX");
	assert_non_null(mkdtemp(credentials));
	snprintf(path, sizeof path, "%s/audit-key", credentials);
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	fputs(SECRET "\n", out);
	fclose(out);
	setenv("CREDENTIALS_DIRECTORY", credentials, 1);
	return 0;
}

static int teardown(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof path, "%s/audit-key", credentials);
	unlink(path);
	rmdir(credentials);
	return 0;
}

static const char *build_dir(void)
{
	const char *b = getenv("B");
	return b && *b ? b : "build";
}

static struct instance *start(struct receiver *shop, const char *more)
{
	char rows[900];
	snprintf(rows, sizeof rows, AUDIT "%s", receiver_url(shop), more);
	return instance_start(rows);
}

static void assert_outcome_has(struct instance *in, const char *id, const char *part)
{
	json_t *job = wait_state(in, id, "completed");
	char *text = json_dumps(json_object_get(job, "outcome"), JSON_COMPACT);
	if (!strstr(text, part))
		fail_msg("%s does not contain %s", text, part);
	free(text);
	json_decref(job);
}

/* In no log, no spool and no configuration, nor on a command line or in what -t prints. */
static void assert_is_nowhere(struct instance *in, const char *secret)
{
	char command[600];
	snprintf(command, sizeof command,
		"! grep -raF '%s' '%s' '%s.log' && ! tr '\\0' ' ' </proc/%d/cmdline | grep -F '%s' && "
		"! '%s'/clario-worker -t -c '%s/clario.conf' | grep -F '%s'",
		secret, in->dir, in->dir, (int)instance_pid(in, WORKER), secret, build_dir(), in->dir,
		secret);
	assert_int_equal(system(command), 0);
}

static void own_call__follows_the_built_in_one(void **state)
{
	(void)state;
	char id[40], key[80], value[512];
	struct receiver *shop = receiver_start();
	receiver_rule(shop, (struct rule){.status = 503, .times = 1});
	receiver_rule(shop, (struct rule){.status = 409});
	struct instance *in = start(shop, "");
	submit_job(in, "/phase/3",
		"{\"user_id\":\"u\\\"1\",\"sync_id\":\"w/3\",\"claims\":[{\"amount\":1.10}, {}]}", id);
	assert_outcome_has(in, id,
		"\"data\":{\"claims_found\":2,\"evidence_matching_triggered\":true,"
		"\"calls\":{\"audit\":{\"ok\":true,\"status\":409}}}");
	struct call built_in, own[2];
	assert_int_equal(receiver_count(in->receiver, "matching", NULL), 1); /* not again by the retry */
	assert_int_equal(receiver_count(shop, NULL, NULL), 2);
	assert_true(receiver_get(in->receiver, "matching", NULL, 0, &built_in));
	snprintf(key, sizeof key, "%s:audit", id);
	for (size_t i = 0; i < 2; i++) {
		assert_true(receiver_get(shop, NULL, NULL, i, &own[i]));
		assert_string_equal(own[i].method, "PUT");
		assert_string_equal(own[i].path, "/w/w%2F3");
		assert_string_equal(own[i].body, "{\"user\":\"u\\\"1\",\"claims\":[{\"amount\":1.10}, {}]}");
		assert_string_equal(call_header(&own[i], "X-Api-Key", value), SECRET);
		assert_string_equal(call_header(&own[i], "Idempotency-Key", value), key);
		assert_string_equal(call_header(&own[i], "X-Clario-Attempt", value), i ? "2" : "1");
		assert_string_equal(call_header(&own[i], "Authorization", value), "");
	}
	assert_true(built_in.at_ms <= own[0].at_ms);
	assert_is_nowhere(in, SECRET);
	instance_stop(in);
	receiver_stop(shop);
}

/* The built-in call was done before the worker died in the middle of the own one. */
static void own_call__has_a_checkpoint_before_it(void **state)
{
	(void)state;
	char id[40];
	struct receiver *shop = receiver_start();
	receiver_rule(shop, (struct rule){.how = HANG, .times = 1});
	struct instance *in = start(shop, "");
	submit_job(in, "/phase/3", "{\"user_id\":\"u\",\"sync_id\":\"k\",\"claims\":[]}", id);
	assert_true(receiver_wait(shop, "/w/k", NULL, 1, 10000));
	instance_kill(in, WORKER, SIGKILL);
	instance_launch(in, WORKER);
	assert_outcome_has(in, id, "\"calls\":{\"audit\":{\"ok\":true,\"status\":200}}");
	assert_int_equal(receiver_count(shop, NULL, NULL), 2);
	assert_int_equal(receiver_count(in->receiver, "matching", NULL), 1);
	instance_stop(in);
	receiver_stop(shop);
}

static void own_call__that_fails_for_good(void **state)
{
	(void)state;
	char id[40];
	struct receiver *shop = receiver_start();
	struct instance *in =
		start(shop, "call.strict.phase=4 call.strict.receiver=shop call.strict.path=/strict "
			    "call.strict.success=204");
	receiver_rule(shop, (struct rule){.path_has = "/w/", .status = 404});
	submit_job(in, "/phase/3", "{\"user_id\":\"u\",\"sync_id\":\"f\",\"claims\":[]}", id);
	json_t *job = wait_state(in, id, "failed");
	assert_string_equal(json_string_value(json_object_get(job, "error")), "call audit: answered 404");
	json_decref(job);
	assert_int_equal(receiver_count(shop, "/w/", NULL), 1);
	/* 200 is not what was asked for, and no reason to ask again. */
	submit_job(in, "/phase/4", "{\"user_id\":\"u\",\"sync_id\":\"f4\",\"matches\":[]}", id);
	job = wait_state(in, id, "failed");
	assert_string_equal(json_string_value(json_object_get(job, "error")), "call strict: answered 200");
	json_decref(job);
	assert_int_equal(receiver_count(shop, "/strict", NULL), 1);
	instance_stop(in);
	receiver_stop(shop);
}

static void calls__left_out_tolerated_and_without_a_body(void **state)
{
	(void)state;
	char id[40];
	struct receiver *shop = receiver_start();
	struct instance *in = start(shop,
		"call.matching.phase=0 call.audit.required=no retry.attempts=1 "
		"receiver.gone.url=http://127.0.0.1:1 "
		"call.gone.phase=3 call.gone.receiver=gone call.gone.path=/ call.gone.required=no "
		"call.step.phase=12 call.step.receiver=shop call.step.path=/step/{payload.n}");
	receiver_rule(shop, (struct rule){.path_has = "/w/", .status = 404});
	submit_job(in, "/phase/3", "{\"user_id\":\"u\",\"sync_id\":\"t\",\"claims\":[]}", id);
	assert_outcome_has(in, id,
		"\"evidence_matching_triggered\":false,\"calls\":{\"audit\":{\"ok\":false,\"status\":404},"
		"\"gone\":{\"ok\":false,\"status\":null}}}");
	assert_int_equal(receiver_count(in->receiver, NULL, NULL), 0);
	static const char payload[] = "{\"user_id\":\"u\", \"sync_id\":\"s\",\"n\":1.50}";
	submit_job(in, "/step/12", payload, id);
	assert_outcome_has(
		in, id, "\"ledgerEntriesCreated\":1,\"calls\":{\"step\":{\"ok\":true,\"status\":200}}");
	struct call call;
	assert_true(receiver_get(shop, "/step/", NULL, 0, &call));
	assert_string_equal(call.path, "/step/1.50");
	assert_string_equal(call.body, payload);
	/* Without what its path needs there is nothing to call. */
	submit_job(in, "/step/12", "{\"user_id\":\"u\",\"sync_id\":\"s2\"}", id);
	json_t *job = wait_state(in, id, "failed");
	assert_string_equal(json_string_value(json_object_get(job, "error")),
		"call step: {payload.n} in its path: the job has no such text or number");
	json_decref(job);
	assert_int_equal(receiver_count(shop, "/step/", NULL), 1);
	instance_stop(in);
	receiver_stop(shop);
}

/* The worker does not start without a secret that it is to have; intake, which has no right to it, does. */
static void secret_file__that_is_missing(void **state)
{
	(void)state;
	char command[600], dir[] = "/tmp/clario-conf-XXXXXX";
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command,
		"printf '%%s\\n' '[call.fee]' 'secret-file = gone' >%s/conf; "
		"'%s'/clario-fcgi -t -c %s/conf >%s/out && ! '%s'/clario-worker -t -c %s/conf 2>%s/err && "
		"grep -q 'call.fee.secret-file: cannot read .*/gone: No such file' %s/err",
		dir, build_dir(), dir, dir, build_dir(), dir, dir, dir);
	int code = system(command);
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_call__follows_the_built_in_one),
		cmocka_unit_test(own_call__has_a_checkpoint_before_it),
		cmocka_unit_test(own_call__that_fails_for_good),
		cmocka_unit_test(calls__left_out_tolerated_and_without_a_body),
		cmocka_unit_test(secret_file__that_is_missing),
	};
	return cmocka_run_group_tests_name("calls", tests, setup, teardown);
}

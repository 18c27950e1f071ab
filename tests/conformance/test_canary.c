/* tests/conformance/test_canary.c: secrets go into payloads, headers, queries and the configuration of a
 * whole instance that is told to log all it can, through jobs that succeed, fail and are tried again, and
 * through requests that are wrong in many ways. Then everything that comes out is searched for them. In the
 * spool's file they stand by right, and so do they in what the receiver got. */
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All begin so: one search finds any. */
#define CANARY "cAnArY7"
enum { ROOM = 4 << 20 };

/* The names are those of privacy.secret-fields and one more; the values are the canaries. */
#define SECRETS                                                                                              \
	"\"token\":\"" CANARY "-token\",\"refresh_token\":\"" CANARY                                         \
	"-refresh\",\"deep\":[{\"Password\":[\"" CANARY "-pw\"]}],\"client-secret\":{\"x\":\"" CANARY        \
	"-secret\"},\"apiKey\":\"" CANARY "-key\",\"cookie\":\"" CANARY                                      \
	"-cookie\",\"bank\":{\"iban\":\"" CANARY "-iban\"}"

static const char headers[] = "Authorization: Bearer " CANARY "-bearer\nCookie: session=" CANARY "-session\n"
			      "Proxy-Authorization: Basic " CANARY "-basic\nX-Api-Key: " CANARY "-x\n"
			      "tracestate: v=" CANARY "-state\n";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char secret_path[64];

static int setup(void **state)
{
	char rows[900];
	snprintf(secret_path, sizeof secret_path, "/tmp/clario-canary-%ld", (long)getpid());
	write_file(secret_path, CANARY "-of-a-file\n");
	setenv("INTERNAL_API_KEY", CANARY "-of-the-environment", 1);
	snprintf(rows, sizeof rows,
		"retry.attempts=2 worker.max-response=64k receiver.python-jwt-secret=" CANARY "-jwt-secret "
		"call.fee.auth=header call.fee.auth-header=X-Fee-Key call.fee.secret=" CANARY "-fee "
		"call.proof-packet.auth=header call.proof-packet.auth-header=Authorization "
		"call.proof-packet.secret-file=%s "
		"privacy.secret-fields=*token*,*password*,*secret*,*apikey*,*cookie*,/bank/"
		"iban,idempotency_key",
		secret_path);
	*state = instance_start(rows);
	unsetenv("INTERNAL_API_KEY");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	unlink(secret_path);
	return 0;
}

/* --- searching --- */

static void assert_clean(const char *where, const char *bytes, size_t len)
{
	const char *at = memmem(bytes, len, CANARY, sizeof CANARY - 1);
	if (at)
		fail_msg("%s tells: %.*s", where, (int)(bytes + len - at < 200 ? bytes + len - at : 200), at);
}

static size_t assert_file_clean(const char *path)
{
	static char bytes[ROOM];
	FILE *file = fopen(path, "re");
	if (!file)
		fail_msg("cannot read %s", path);
	size_t len = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	assert_true(len < sizeof bytes);
	assert_clean(path, bytes, len);
	return len;
}

static void assert_answer_clean(const char *what, struct answer a, long status)
{
	if (a.status != status)
		fail_msg("%s: %ld, wanted %ld: %s", what, a.status, status, a.body ? a.body : "");
	if (a.body)
		assert_clean(what, a.body, a.len);
	assert_clean(what, a.headers, strlen(a.headers));
	answer_release(&a);
}

static void assert_tool_clean(struct instance *in, const char *args)
{
	static char out[ROOM];
	char both[300];
	snprintf(both, sizeof both, "%s 2>&1", args);
	instance_tool(in, both, out, sizeof out);
	assert_true(strlen(out) > 0);
	assert_clean(args, out, strlen(out));
}

/* --- what goes in --- */

static void submit_with(struct instance *in, const char *path, const char *rest, char id[40])
{
	char body[2000], all[800];
	static int n;
	snprintf(body, sizeof body, "{\"user_id\":\"ann\",%s," SECRETS "}", rest);
	snprintf(all, sizeof all, "%sIdempotency-Key: " CANARY "-idem-%d\nContent-Type: application/json\n",
		headers, n++);
	struct answer a = request(in, "POST", path, all, body);
	snprintf(id, 40, "%s", answer_text(&a, "job_id"));
	assert_answer_clean(path, a, 200);
}

/* A receiver that gives back what it was sent, in its body and its headers. */
static void echo(struct instance *in, const char *path, int status)
{
	receiver_rule(in->receiver,
		(struct rule){.path_has = path,
			.times = 1,
			.status = status,
			.headers = "X-Echo: Bearer " CANARY "-echo\r\nSet-Cookie: a=" CANARY "-set\r\n",
			.body = "{\"error\":\"no\",\"token\":\"" CANARY
				"-echoed\",\"syncId\":\"Bearer " CANARY "-sync\",\"packet_id\":\"" CANARY
				"-of-a-file\"}"});
}

static void run_jobs(struct instance *in, char ids[5][40])
{
	echo(in, "/amazon/sync", 200);
	submit_with(in, API "/phase/1", "\"sync_id\":\"s-1\"", ids[0]);
	echo(in, "/proof-packets", 200);
	submit_with(in, API "/phase/7", "\"claim_id\":\"c-1\",\"amount\":5", ids[1]);
	echo(in, "/matching", 400);
	submit_with(in, API "/phase/3", "\"sync_id\":\"s-2\",\"claims\":[]", ids[2]);
	echo(in, "/detections", 500);
	submit_with(in, API "/phase/2", "\"sync_id\":\"s-3\"", ids[3]);
	echo(in, "/process-fee", 422);
	submit_with(in, API "/phase/7", "\"claim_id\":\"c-2\",\"amount\":\"7.50\"", ids[4]);
	static const char *const ends[] = {"completed", "completed", "failed", "completed", "failed"};
	for (int i = 0; i < 5; i++)
		json_decref(wait_state(in, ids[i], ends[i]));
}

/* Wrong in every way that quotes what it got. */
static void ask_wrongly(struct instance *in)
{
	static const struct {
		const char *method, *path, *headers, *body;
		long status;
	} rows[] = {
		{"POST", API "/phase/3", "Content-Type: application/json\n", "{\"token\":\"" CANARY "\",}",
			400},
		{"POST", API "/phase/3", "Content-Type: application/json\n", "{\"token\": " CANARY "}", 400},
		{"POST", API "/phase/3", "Content-Type: application/json\n", CANARY, 400},
		{"POST", API "/phase/3", "Content-Type: application/json\n",
			"{\"user_id\":{\"token\":\"" CANARY "\"}}", 400},
		{"POST", API "/phase/3", "Content-Type: text/" CANARY "\n", "{}", 415},
		{"POST", API "/phase/3", "Content-Type: application/json\nX-Delay: " CANARY "\n",
			"{\"user_id\":\"u\"}", 400},
		{"POST", API "/phase/3", "Content-Type: application/json\nX-Run-At: " CANARY "\n",
			"{\"user_id\":\"u\"}", 400},
		{"POST", API "/phase/3", "Content-Type: application/json\nX-Priority: " CANARY "\n",
			"{\"user_id\":\"u\"}", 400},
		{"POST", API "/batch", "Content-Type: application/json\n",
			"[{\"phase\":3,\"token\":\"" CANARY "\"}]", 200},
		{"POST", API "/phase/7", "Content-Type: application/json\n",
			"{\"user_id\":\"u\",\"claim_id\":\"c\",\"amount\":\"" CANARY "\"}", 400},
		{"GET", API "/jobs?state=" CANARY, NULL, NULL, 400},
		{"GET", API "/jobs?cursor=" CANARY, NULL, NULL, 400},
		{"GET", API "/jobs?since=" CANARY, NULL, NULL, 400},
		{"GET", API "/jobs?limit=1&limit=" CANARY, NULL, NULL, 400},
		{"GET", API "/jobs?reveal=" CANARY, NULL, NULL, 400},
		{"GET", API "/jobs?user_id=%zz" CANARY, NULL, NULL, 400},
		{"GET", API "/queue/stats?token=" CANARY, NULL, NULL, 200},
		{"GET", API "/nothing?token=" CANARY, NULL, NULL, 404},
		{"PUT", API "/jobs?token=" CANARY, NULL, NULL, 405},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char all[800];
		snprintf(all, sizeof all, "%s%s", headers, rows[i].headers ? rows[i].headers : "");
		assert_answer_clean(rows[i].path,
			request(in, rows[i].method, rows[i].path, all, rows[i].body), rows[i].status);
	}
}

/* --- what comes out --- */

static void look_everywhere(struct instance *in, char ids[5][40])
{
	static const char *const paths[] = {API "/jobs", API "/jobs?limit=500&state=failed",
		API "/workflows/s-1", API "/workflows/s-2", API "/workflows/s-3", API "/workflows/payout_c-1",
		API "/workflows/payout_c-2", API "/queue/stats", API "/receivers", API "/health", "/readyz"};
	static const char *const commands[] = {"list", "list --json", "workflow s-1", "workflow s-2 --json",
		"workflow payout_c-1 --json", "stats --json", "events", "events --json", "receivers",
		"export"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_answer_clean(paths[i], request(in, "GET", paths[i], headers, NULL), 200);
	for (int i = 0; i < 5; i++) {
		char text[200];
		snprintf(text, sizeof text, API "/jobs/%.39s", ids[i]);
		assert_answer_clean(text, request(in, "GET", text, NULL, NULL), 200);
		snprintf(text, sizeof text, "show %.39s", ids[i]);
		assert_tool_clean(in, text);
		snprintf(text, sizeof text, "show --json %.39s", ids[i]);
		assert_tool_clean(in, text);
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		assert_tool_clean(in, commands[i]);
}

static void check_logs(struct instance *in)
{
	static const char *const logs[] = {
		"nginx-access.log", "nginx-error.log", "clario-fcgi.log", "clario-worker.log"};
	clock_sleep_ms(1200); /* nginx writes its access log once a second */
	for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", in->dir, logs[i]);
		size_t len = assert_file_clean(path);
		assert_true(len > 0 || strcmp(logs[i], "nginx-error.log") == 0);
	}
}

static void check_processes(struct instance *in)
{
	static const enum daemon daemons[] = {NGINX, FCGI, WORKER};
	for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/cmdline", (int)instance_pid(in, daemons[i]));
		assert_true(assert_file_clean(path) > 0);
		snprintf(path, sizeof path, "/proc/%d/environ", (int)instance_pid(in, daemons[i]));
		assert_true(assert_file_clean(path) > 0);
	}
}

/* Both daemons again, with all that they can log. */
static void restart_verbosely(struct instance *in)
{
	char command[600];
	instance_kill(in, WORKER, SIGTERM);
	instance_kill(in, FCGI, SIGTERM);
	setenv("INTERNAL_API_KEY", CANARY "-of-the-environment", 1);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "clario-worker" : "clario-fcgi";
		const char *b = getenv("B");
		snprintf(command, sizeof command,
			"setsid '%s/%s' -v -c '%s/clario.conf' -p '%s/%s.pid' </dev/null >>'%s/%s.log' 2>&1 "
			"&",
			b && *b ? b : "build", name, in->dir, in->dir, name, in->dir, name);
		assert_int_equal(system(command), 0);
	}
	unsetenv("INTERNAL_API_KEY");
	instance_wait_ready(in);
}

static void nothing__tells_a_secret(void **state)
{
	struct instance *in = *state;
	char ids[5][40], out[8192];
	struct call call;
	restart_verbosely(in);
	run_jobs(in, ids);
	ask_wrongly(in);
	look_everywhere(in, ids);
	check_logs(in);
	check_processes(in);
	/* The secrets were there: the receiver got them, and who asks is shown them. */
	assert_true(receiver_get(in->receiver, "/amazon/sync", NULL, 0, &call));
	assert_non_null(strstr(call.headers, CANARY "-of-the-environment"));
	assert_true(receiver_get(in->receiver, "/process-fee", NULL, 0, &call));
	assert_non_null(strstr(call.headers, CANARY "-fee"));
	assert_true(receiver_get(in->receiver, "/proof-packets", NULL, 0, &call));
	assert_non_null(strstr(call.headers, CANARY "-of-a-file"));
	char args[100];
	snprintf(args, sizeof args, "show --reveal %.39s", ids[1]);
	instance_tool(in, args, out, sizeof out);
	static const char *const there[] = {
		"-token", "-refresh", "-pw", "-secret", "-key", "-cookie", "-iban", "-idem"};
	for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
		char text[40];
		snprintf(text, sizeof text, CANARY "%s", there[i]);
		if (!strstr(out, text))
			fail_msg("%s is not in %s", text, out);
	}
}

static void reveal__is_answered_and_logged(void **state)
{
	struct instance *in = *state;
	char id[40], path[100], log[200];
	submit_with(in, API "/phase/5", "\"sync_id\":\"s-9\",\"claim_id\":\"x\"", id);
	snprintf(path, sizeof path, API "/jobs/%.39s?reveal=1", id);
	struct answer a = request(in, "GET", path, NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"token\":\"" CANARY "-token\""));
	answer_release(&a);
	snprintf(log, sizeof log,
		"grep -q 'event=revealed actor=caller:.* path=.*%.39s peer=127' '%s/clario-fcgi.log'", id,
		in->dir);
	assert_int_equal(system(log), 0);
	a = request(in, "GET", API "/workflows/s-9?reveal=1", NULL, NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, CANARY "-idem"));
	answer_release(&a);
	a = request(in, "GET", API "/workflows/s-9?reveal=0", NULL, NULL);
	assert_answer_clean("reveal=0", a, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing__tells_a_secret),
		cmocka_unit_test(reveal__is_answered_and_logged),
	};
	return cmocka_run_group_tests_name("canary", tests, setup, teardown);
}

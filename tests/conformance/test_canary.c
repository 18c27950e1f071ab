/* tests/conformance/test_canary.c: secrets go into payloads, headers, queries and the configuration of a
 * whole instance that is told to log all it can, through jobs that succeed, fail and are tried again, through
 * webhooks, and through requests that are wrong in many ways. Then everything that comes out is searched for
 * them. In the spool's file they stand by right, and so do they in what the receiver got. */
#include "spool/model/token.h"
#include "tests/support/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All begin so, and in base64 so: one search finds any. Beside them, the secrets of three tokens. */
#define CANARY    "cAnArY7"
#define CANARY_64 "Y0FuQXJZN"
enum { ROOM = 4 << 20, NEEDLES = 5 };
static char needles[NEEDLES][TOKEN_TEXT_LEN + 1] = {CANARY, CANARY_64};

/* The names are those of privacy.secret-fields and one more; the values are the canaries. */
#define SECRETS                                                                                              \
	"\"token\":\"" CANARY "-token\",\"refresh_token\":\"" CANARY                                         \
	"-refresh\",\"deep\":[{\"Password\":[\"" CANARY "-pw\"]}],\"client-secret\":{\"x\":\"" CANARY        \
	"-secret\"},\"apiKey\":\"" CANARY "-key\",\"cookie\":\"" CANARY                                      \
	"-cookie\",\"bank\":{\"iban\":\"" CANARY "-iban\"}"

static const char headers[] =
	"Authorization: Basic " CANARY "-and-password\nCookie: session=" CANARY "-session\n"
	"Proxy-Authorization: Basic " CANARY "-basic\nX-Api-Key: " CANARY "-x\n"
	"tracestate: v=" CANARY "-state\n";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char secret_path[64], source_path[64];

static int setup(void **state)
{
	char rows[1400];
	snprintf(secret_path, sizeof secret_path, "/tmp/clario-canary-%ld", (long)getpid());
	snprintf(source_path, sizeof source_path, "/tmp/clario-canary-source-%ld", (long)getpid());
	write_file(secret_path, CANARY "-of-a-file\n");
	/* cAnArY7-the-older-one-of-two, cAnArY7-the-newer-one-of-two */
	write_file(source_path, "whsec_" CANARY_64 "y10aGUtb2xkZXItb25lLW9mLXR3bw==\n"
				"whsec_" CANARY_64 "y10aGUtbmV3ZXItb25lLW9mLXR3bw==\n");
	setenv("INTERNAL_API_KEY", CANARY "-of-the-environment", 1);
	snprintf(rows, sizeof rows,
		"retry.attempts=2 worker.max-response=64k receiver.python-jwt-secret=" CANARY "-jwt-secret "
		"call.fee.auth=header call.fee.auth-header=X-Fee-Key call.fee.secret=" CANARY "-fee "
		"call.proof-packet.auth=header call.proof-packet.auth-header=Authorization "
		"call.proof-packet.secret-file=%s "
		"webhook.cases.secret-file=%s webhook.cases.phase=6 webhook.cases.user-id=/user "
		"webhook.cases.claim-id=/claim webhook.cases.reason=/reason "
		"webhook.pay.signature=hmac webhook.pay.secret=" CANARY "-of-a-source "
		"webhook.pay.header=X-Signature webhook.pay.phase=7 webhook.pay.user-id=/user "
		"webhook.pay.claim-id=/claim webhook.pay.amount=/amount webhook.pay.amount-scale=2 "
		"webhook.pay.currency=/currency webhook.pay.id=/id "
		"privacy.secret-fields=*token*,*password*,*secret*,*apikey*,*cookie*,/bank/"
		"iban,/event/bank/iban,/event/id,idempotency_key",
		secret_path, source_path);
	*state = instance_start(rows);
	unsetenv("INTERNAL_API_KEY");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	unlink(secret_path);
	unlink(source_path);
	return 0;
}

/* --- searching --- */

static void assert_clean(const char *where, const char *bytes, size_t len)
{
	for (size_t i = 0; i < NEEDLES; i++) {
		const char *at = needles[i][0] ? memmem(bytes, len, needles[i], strlen(needles[i])) : NULL;
		if (at)
			fail_msg("%s tells: %.*s", where,
				(int)(bytes + len - at < 200 ? bytes + len - at : 200), at);
	}
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

/* Its exit code. */
static int assert_tool_clean(struct instance *in, const char *args)
{
	static char out[ROOM];
	char both[500];
	snprintf(both, sizeof both, "%s 2>&1", args);
	int code = instance_tool(in, both, out, sizeof out);
	if (!out[0])
		fail_msg("clario-spool %s says nothing", args);
	assert_clean(args, out, strlen(out));
	return code;
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

/* A token: printed once, and searched for from then on. The header to show it with. */
static void make_token(struct instance *in, size_t i, const char *name, char header[TOKEN_TEXT_LEN + 40])
{
	char args[100], out[256];
	snprintf(args, sizeof args, "token add %s --scope submit,read,operate 2>/dev/null", name);
	assert_int_equal(instance_tool(in, args, out, sizeof out), 0);
	out[strcspn(out, "\n")] = '\0';
	assert_int_equal(strlen(out), TOKEN_TEXT_LEN);
	snprintf(needles[2 + i], sizeof needles[0], "%s", strrchr(out, '_') + 1);
	snprintf(header, TOKEN_TEXT_LEN + 40, "Authorization: Bearer %s\n", out);
}

/* Good ones and bad ones, with the right to do it and without. */
static void show_tokens(struct instance *in)
{
	char good[TOKEN_TEXT_LEN + 40], ended[TOKEN_TEXT_LEN + 40], cut[TOKEN_TEXT_LEN + 40], out[512];
	static const struct {
		const char *method, *path;
		long status;
	} rows[] = {{"GET", API "/jobs", 200}, {"GET", API "/jobs?token=" CANARY, 400},
		{"POST", API "/jobs/retry?state=failed&phase=5", 200}, {"POST", API "/phase/9", 400},
		{"GET", API "/nothing?ticket=" CANARY, 404}};
	make_token(in, 0, "canary", good);
	make_token(in, 1, "ended", ended);
	assert_int_equal(instance_tool(in, "token revoke ended 2>&1", out, sizeof out), 0);
	clock_sleep_ms(1000);
	memcpy(cut, good, sizeof cut);
	cut[strlen(cut) - 2] = '\n'; /* all but its last character */
	cut[strlen(cut) - 1] = '\0';
	const char *const bad[] = {ended, cut, "Authorization: Bearer " CANARY "\n",
		"Authorization: Bearer a " CANARY "\n", "Authorization: bearer \"" CANARY "\"\n"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_answer_clean(
			rows[i].path, request(in, rows[i].method, rows[i].path, good, NULL), rows[i].status);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_answer_clean("a token that is no good",
			request(in, "GET", API "/jobs?ticket=" CANARY, bad[i], NULL), 401);
}

/* A delivery by the tool, whose words are searched, too. */
static void deliver(struct instance *in, const char *source, const char *more, const char *body, int code)
{
	char args[400], path[128];
	snprintf(path, sizeof path, "%s/event.json", in->dir);
	write_file(path, body);
	snprintf(args, sizeof args, "webhook test %s --file %s %s --url http://127.0.0.1:%d" API, source,
		path, more, in->port);
	if (assert_tool_clean(in, args) != code)
		fail_msg("%s", args);
	snprintf(args, sizeof args, "webhook test %s --file %s --print", source, path);
	assert_int_equal(assert_tool_clean(in, args), 0);
}

/* Events that are taken, that lack something, and that nobody signed. */
static void deliver_events(struct instance *in)
{
	static const char *const unsigned_ones[] = {"webhook-signature: v1," CANARY "\nwebhook-id: " CANARY
						    "\nwebhook-timestamp: " CANARY "\n",
		"X-Signature: " CANARY "\n", "Authorization: Basic " CANARY "\nCookie: " CANARY "\n", ""};
	deliver(in, "cases", "--id " CANARY "-1",
		"{\"user\":\"ann\",\"claim\":\"w-1\",\"reason\":\"no\"," SECRETS "}", 0);
	deliver(in, "cases", "--id " CANARY "-1",
		"{\"user\":\"bob\",\"claim\":\"w-1\",\"reason\":\"no\"," SECRETS "}", 1);
	deliver(in, "cases", "", "{\"user\":\"ann\",\"claim\":{\"x\":\"" CANARY "\"},\"reason\":\"no\"}", 1);
	deliver(in, "cases", "", "{\"user\":\"ann\" " CANARY, 1);
	deliver(in, "pay", "",
		"{\"id\":\"" CANARY
		"-2\",\"user\":\"ann\",\"claim\":\"w-2\",\"amount\":700,\"currency\":\"usd\"," SECRETS "}",
		0);
	deliver(in, "pay", "",
		"{\"id\":\"" CANARY "-3\",\"user\":\"ann\",\"claim\":\"w-3\",\"amount\":\"" CANARY
		"\",\"currency\":\"usd\"}",
		1);
	for (size_t i = 0; i < sizeof unsigned_ones / sizeof *unsigned_ones; i++) {
		char all[400];
		snprintf(all, sizeof all, "Content-Type: application/json\n%s", unsigned_ones[i]);
		for (int k = 0; k < 2; k++)
			assert_answer_clean("an event that nobody signed",
				request(in, "POST",
					k ? API "/webhooks/pay?ticket=" CANARY : API "/webhooks/cases", all,
					"{\"token\":\"" CANARY "\"}"),
				401);
	}
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

/* One after the other: each rule is for the next call of its path. */
static void run_jobs(struct instance *in, char ids[5][40])
{
	static const struct {
		const char *call;
		int status;
		const char *path, *rest, *ends;
	} rows[5] = {
		{"/amazon/sync", 200, API "/phase/1", "\"sync_id\":\"s-1\"", "completed"},
		{"/proof-packets", 200, API "/phase/7", "\"claim_id\":\"c-1\",\"amount\":5", "completed"},
		{"/matching", 400, API "/phase/3", "\"sync_id\":\"s-2\",\"claims\":[]", "failed"},
		{"/detections", 500, API "/phase/2", "\"sync_id\":\"s-3\"", "completed"},
		{"/process-fee", 422, API "/phase/7", "\"claim_id\":\"c-2\",\"amount\":\"7.50\"", "failed"},
	};
	for (int i = 0; i < 5; i++) {
		echo(in, rows[i].call, rows[i].status);
		submit_with(in, rows[i].path, rows[i].rest, ids[i]);
		json_decref(wait_state(in, ids[i], rows[i].ends));
	}
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
		{"GET", API "/audit?kinds=" CANARY, NULL, NULL, 400},
		{"GET", API "/audit?format=" CANARY, NULL, NULL, 400},
		{"GET", API "/audit?after=" CANARY, NULL, NULL, 400},
		{"GET", API "/events?all=1&kinds=" CANARY, NULL, NULL, 400},
		{"GET", API "/jobs?user_id=%zz" CANARY, NULL, NULL, 400},
		{"GET", API "/queue/stats?token=" CANARY, NULL, NULL, 200},
		{"GET", API "/nothing?token=" CANARY, NULL, NULL, 404},
		{"GET", API "/jobs?ticket=" CANARY, NULL, NULL, 400},
		{"GET", "/?ticket=" CANARY, NULL, NULL, 404},
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
		API "/workflows/payout_c-2", API "/workflows/rejection_w-1", API "/workflows/payout_w-2",
		API "/queue/stats", API "/receivers", API "/health", "/readyz", "/metrics",
		API "/audit?limit=500", API "/audit?limit=500&after=0&format=cloudevents", API "/plans",
		API "/operations"};
	static const char *const commands[] = {"list", "list --json", "workflow s-1", "workflow s-2 --json",
		"workflow payout_c-1 --json", "workflow rejection_w-1", "workflow payout_w-2 --json",
		"token list", "token list --json", "stats --json", "status", "status --json", "shape user",
		"shape receiver --json", "stalled --json --limit 1 || echo none", "workers", "workers --json",
		"top", "doctor", "doctor --json", "events", "events --json", "receivers", "export",
		"events --format cloudevents", "callers; echo", "plans; echo", "operations --json; echo"};
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
		snprintf(text, sizeof text, "explain %.39s", ids[i]);
		assert_tool_clean(in, text);
		snprintf(text, sizeof text, "explain --json %.39s", ids[i]);
		assert_tool_clean(in, text);
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		assert_tool_clean(in, commands[i]);
}

/* What the programs say of their configuration, also of one whose secrets are no good. */
static void check_configuration(struct instance *in)
{
	static const char *const wrong[] = {"[webhook.a]\nsecret = whsec_" CANARY "!\n",
		"[webhook.a]\nsecret = " CANARY "\n",
		"[webhook.a]\nsignature = hmac\nsecret = " CANARY "\nsecret-file = x\n",
		"[receiver]\ninternal-api-key = " CANARY "\x01\n",
		"[receiver]\npython-jwt-secret = " CANARY "\npython-jwt-secret-file = x\n",
		"[call.own]\nsecret = " CANARY "\n"};
	static const char *const programs[] = {"clario-fcgi", "clario-worker"};
	const char *b = getenv("B");
	static char out[ROOM];
	char path[128], command[400];
	snprintf(path, sizeof path, "%s/wrong.conf", in->dir);
	for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
		bool is_wrong = i < sizeof wrong / sizeof *wrong;
		if (is_wrong)
			write_file(path, wrong[i]);
		for (size_t k = 0; k < 2; k++) {
			snprintf(command, sizeof command, "'%s/%s' -t -c '%s/%s.conf' 2>&1",
				b && *b ? b : "build", programs[k], in->dir, is_wrong ? "wrong" : "clario");
			FILE *pipe = popen(command, "re");
			assert_non_null(pipe);
			size_t len = fread(out, 1, sizeof out, pipe);
			assert_true(len > 0);
			assert_true((pclose(pipe) == 0) == !is_wrong);
			assert_clean(command, out, len);
		}
	}
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

/* All that the spool holds: what was sent to it, and of credentials nothing. */
static void check_all(struct instance *in)
{
	static char all[ROOM];
	assert_int_equal(instance_tool(in, "export --reveal", all, sizeof all), 0);
	assert_non_null(strstr(all, CANARY "-1"));
	assert_non_null(strstr(all, CANARY "-2"));
	assert_null(strstr(all, CANARY "-of-a-source"));
	for (size_t i = 1; i < NEEDLES; i++) {
		assert_true(strlen(needles[i]) > 8);
		assert_null(strstr(all, needles[i]));
	}
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* The bytes of one line of /proc/PID/maps: memory of the process's own. Returns how many were searched. */
static size_t search_range(FILE *mem, const char *line, const char *const *secrets)
{
	unsigned long from, to;
	char rights[8], path[256] = "";
	if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &from, &to, rights, path) < 3 || path[0] == '/' ||
		strncmp(rights, "rw", 2) != 0)
		return 0;
	char *bytes = malloc(to - from);
	assert_non_null(bytes);
	size_t len = fseek(mem, (long)from, SEEK_SET) == 0 ? fread(bytes, 1, to - from, mem) : 0;
	for (; *secrets; secrets++)
		if (memmem(bytes, len, *secrets, strlen(*secrets)))
			fail_msg("%s is in clario-fcgi's memory: %s", *secrets, line);
	free(bytes);
	return len;
}

/* What came in headers is gone once it was answered: from our buffers, libfcgi's, the stacks and the heap. */
static void check_memory(struct instance *in)
{
	const char *const secrets[] = {
		needles[2], needles[3], needles[4], CANARY "-and-password", CANARY "-session", NULL};
	char header[TOKEN_TEXT_LEN + 40];
	char path[64], line[512];
	size_t searched = 0;
	/* The last of all, so that nothing else is written over it; to threads of both kinds. */
	make_token(in, 2, "memory", header);
	clock_sleep_ms(1000);
	for (int i = 0; i < 4; i++) {
		assert_answer_clean("a token", request(in, "POST", API "/phase/2", header, "{"), 415);
		assert_answer_clean("a token", request(in, "GET", API "/jobs", header, NULL), 200);
	}
	snprintf(path, sizeof path, "/proc/%d/mem", (int)instance_pid(in, FCGI));
	FILE *mem = fopen(path, "re");
	if (!mem) {
		report("the memory was not looked at: that takes root\n");
		return;
	}
	memcpy(strrchr(path, '/'), "/maps", sizeof "/maps");
	FILE *maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof line, maps))
		searched += search_range(mem, line, secrets);
	fclose(maps);
	fclose(mem);
	report("%zu KiB of clario-fcgi's memory hold no credential that was shown\n", searched / 1024);
	assert_true(searched > 64 << 10);
}
#else
/* Theirs is full of copies. */
static void check_memory(struct instance *in)
{
	char header[TOKEN_TEXT_LEN + 40];
	make_token(in, 2, "memory", header);
}
#endif

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
	show_tokens(in);
	deliver_events(in);
	ask_wrongly(in);
	look_everywhere(in, ids);
	check_configuration(in);
	check_logs(in);
	check_processes(in);
	check_memory(in);
	/* The secrets were there: the receiver got them, and who asks is shown them. */
	assert_true(receiver_get(in->receiver, "/amazon/sync", NULL, 0, &call));
	assert_non_null(strstr(call.headers, CANARY "-of-the-environment"));
	assert_true(receiver_get(in->receiver, "/process-fee", NULL, 0, &call));
	assert_non_null(strstr(call.headers, CANARY "-fee"));
	assert_true(receiver_get(in->receiver, "/proof-packets", NULL, 0, &call));
	assert_non_null(strstr(call.headers, CANARY "-of-a-file"));
	check_all(in);
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

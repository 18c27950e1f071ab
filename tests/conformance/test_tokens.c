/* tests/conformance/test_tokens.c: who may come in, through the real nginx: open on loopback, refused from
 * elsewhere (a second address, in a network namespace of its own), let in with a token within a second of its
 * making, and out again within a second of its end. */
#include "spool/model/token.h"
#include "tests/support/instance.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = instance_start("");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

/* Run the tool, which prints a token; the header to show it with. */
static void make_token(struct instance *in, const char *args, char header[TOKEN_TEXT_LEN + 32])
{
	char out[256], quiet[256];
	snprintf(quiet, sizeof quiet, "%s 2>/dev/null", args);
	assert_int_equal(instance_tool(in, quiet, out, sizeof out), 0);
	out[strcspn(out, "\n")] = '\0';
	assert_int_equal(strlen(out), TOKEN_TEXT_LEN);
	snprintf(header, TOKEN_TEXT_LEN + 32, "Authorization: Bearer %s", out);
}

static long status_of(struct instance *in, const char *method, const char *path, const char *header)
{
	struct answer a = request(in, method, path, header, NULL);
	long status = a.status;
	answer_release(&a);
	return status;
}

/* Until the header has this status; how long it took. */
static int64_t wait_status(struct instance *in, const char *header, long status)
{
	int64_t from = clock_mono_us(), until = from + 10 * INT64_C(1000000);
	while (status_of(in, "GET", API "/queue/stats", header) != status) {
		assert_true(clock_mono_us() < until);
		clock_sleep_ms(5);
	}
	return (clock_mono_us() - from) / 1000;
}

static void changes__count_within_a_second(void **state)
{
	struct instance *in = *state;
	char header[TOKEN_TEXT_LEN + 32], newer[TOKEN_TEXT_LEN + 32], out[256];
	pid_t pid = instance_pid(in, FCGI);
	make_token(in, "token add shop --scope read", header);
	int64_t added_ms = wait_status(in, header, 200);
	make_token(in, "token rotate shop --overlap 1h", newer);
	int64_t rotated_ms = wait_status(in, newer, 200);
	assert_int_equal(status_of(in, "GET", API "/queue/stats", header), 200);
	assert_int_equal(instance_tool(in, "token revoke shop 2>&1", out, sizeof out), 0);
	int64_t revoked_ms = wait_status(in, newer, 401);
	assert_int_equal(status_of(in, "GET", API "/queue/stats", header), 401);
	report("a token counts after %lld ms, rotated after %lld ms, revoked after %lld ms\n",
		(long long)added_ms, (long long)rotated_ms, (long long)revoked_ms);
	assert_true(added_ms < 1000 && rotated_ms < 1000 && revoked_ms < 1000);
	assert_int_equal(instance_pid(in, FCGI), pid);
}

static void tokens__are_what_they_allow(void **state)
{
	struct instance *in = *state;
	char header[TOKEN_TEXT_LEN + 32], with_type[TOKEN_TEXT_LEN + 80], id[40], path[100], value[512];
	make_token(in, "token add seller --scope submit,read --phase 2,3 --user 'seller-*'", header);
	snprintf(with_type, sizeof with_type, "%s\nContent-Type: application/json", header);
	submit_job(in, "/phase/2", "{\"user_id\":\"buyer-1\",\"sync_id\":\"tok-b\"}", id);
	while (status_of(in, "GET", API "/jobs", header) != 200)
		clock_sleep_ms(5);
	struct answer a = request(
		in, "POST", API "/phase/2", with_type, "{\"user_id\":\"seller-1\",\"sync_id\":\"tok-s\"}");
	assert_int_equal(a.status, 200);
	snprintf(path, sizeof path, API "/jobs/%s", answer_text(&a, "job_id"));
	answer_release(&a);
	a = request(in, "GET", path, header, NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(a.json, "job"), "source")), "token:seller");
	answer_release(&a);
	a = request(in, "POST", API "/phase/2", with_type, "{\"user_id\":\"buyer-1\",\"sync_id\":\"tok-x\"}");
	assert_int_equal(a.status, 403);
	answer_release(&a);
	a = request(in, "POST", API "/phase/7", with_type,
		"{\"user_id\":\"seller-1\",\"claim_id\":\"c\",\"amount\":1}");
	assert_int_equal(a.status, 403);
	assert_string_equal(answer_text(&a, "field"), "phase");
	answer_release(&a);
	snprintf(path, sizeof path, API "/jobs/%s", id);
	assert_int_equal(status_of(in, "GET", path, header), 404);
	assert_int_equal(status_of(in, "GET", path, NULL), 200);
	assert_int_equal(status_of(in, "GET", API "/queue/stats", header), 403);
	snprintf(path, sizeof path, API "/jobs/%s/cancel", id);
	a = request(in, "POST", path, header, NULL);
	assert_int_equal(a.status, 403);
	assert_non_null(strstr(answer_header(&a, "WWW-Authenticate", value), "scope=\"operate\""));
	answer_release(&a);
}

static void broken_ones__are_refused_from_everywhere(void **state)
{
	struct instance *in = *state;
	static char huge[9000];
	static const char *const headers[] = {"Authorization: Bearer", "Authorization: Bearer abc",
		"Authorization: Bearer a b", "Authorization: bearer clw_0123456789ab_"};
	char value[512];
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct answer a = request(in, "GET", API "/jobs", headers[i], NULL);
		assert_int_equal(a.status, 401);
		assert_string_equal(answer_text(&a, "code"), "unauthorized");
		assert_non_null(
			strstr(answer_header(&a, "WWW-Authenticate", value), "error=\"invalid_token\""));
		answer_release(&a);
	}
	assert_int_equal(status_of(in, "GET", API "/jobs", "Authorization: Basic dXNlcjpwYXNz"), 200);
	memset(huge, 'a', 8000);
	memcpy(huge, "Authorization: Bearer ", 22);
	assert_int_equal(status_of(in, "GET", API "/jobs", huge), 401);
	memset(huge, 'a', sizeof huge - 1);
	memcpy(huge, "Authorization: Bearer ", 22);
	assert_int_equal(status_of(in, "GET", API "/jobs", huge), 400); /* nginx's own */
}

/* What has been shown is in no log of ours or nginx's. */
static void logs__hold_no_token(void **state)
{
	struct instance *in = *state;
	char header[TOKEN_TEXT_LEN + 32], command[400];
	make_token(in, "token add canary --scope read", header);
	wait_status(in, header, 200);
	assert_int_equal(status_of(in, "POST", API "/phase/2", header), 403);
	assert_int_equal(status_of(in, "GET", API "/nope", header), 404);
	clock_sleep_ms(1200); /* nginx writes its access log once a second */
	const char *secret = strrchr(header, '_') + 1;
	snprintf(command, sizeof command, "grep -rqF '%s' '%s'", secret, in->dir);
	assert_int_not_equal(system(command), 0);
	snprintf(command, sizeof command, "grep -qF 'caller=token:canary' '%s/clario-fcgi.log'", in->dir);
	assert_int_equal(system(command), 0);
}

/* --- many --- */

static long proc_number(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	long value = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *from = fopen(path, "re");
	assert_non_null(from);
	while (value < 0 && fgets(line, sizeof line, from))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name), NULL, 10);
	fclose(from);
	return value;
}

static void send_refused(struct instance *in, unsigned long n)
{
	static const char *const headers[] = {"Authorization: Bearer abc",
		"Authorization: Bearer "
		"clw_0123456789ab_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"X-Forwarded-For: 127.0.0.1", "Authorization: Bearer"};
	for (unsigned long i = 0; i < n; i++)
		if (status_of(in, i % 2 ? "GET" : "POST", i % 2 ? API "/jobs" : API "/phase/2",
			    headers[i % 4]) != 401)
			fail_msg("%s", headers[i % 4]);
}

static void refusals__cost_nothing_that_stays(void **state)
{
	struct instance *in = *state;
	pid_t pid = instance_pid(in, FCGI);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	unsigned long n = 1000;
#else
	unsigned long n = 10000;
#endif
	send_refused(in, 500); /* what is allocated once is allocated */
	long memory = proc_number(pid, "smaps_rollup", "Private_Dirty:"),
	     threads = proc_number(pid, "status", "Threads:"), slots = proc_number(pid, "status", "FDSize:");
	send_refused(in, n);
	long grown = proc_number(pid, "smaps_rollup", "Private_Dirty:") - memory;
	report("%lu refused requests in a row: private memory %+ld KiB\n", n, grown);
	assert_int_equal(instance_pid(in, FCGI), pid);
	assert_int_equal(proc_number(pid, "status", "Threads:"), threads);
	assert_int_equal(proc_number(pid, "status", "FDSize:"), slots);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(grown < 1024);
#endif
}

/* --- from elsewhere --- */

/* A process that does nothing, in a network of its own, which ends with it. 0: that cannot be had here. */
static pid_t start_elsewhere(void)
{
	int ready[2];
	char byte = 0;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = unshare(CLONE_NEWNET) == 0;
		if (write(ready[1], &byte, 1) != 1 || !byte)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	bool is_ready = read(ready[0], &byte, 1) == 1 && byte;
	close(ready[0]);
	if (is_ready)
		return pid;
	waitpid(pid, NULL, 0);
	return 0;
}

static void end_elsewhere(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Two addresses with a cable between them, one of which is elsewhere. Of the addresses for tests of this kind
 * (RFC 2544); which, follows from the process, for several tests may run at a time. */
static bool join_elsewhere(pid_t pid, char here[32])
{
	char command[600];
	int net = (int)(pid % 64) * 4, third = (int)(pid / 64 % 256);
	snprintf(here, 32, "198.18.%d.%d", third, net + 1);
	snprintf(command, sizeof command,
		"exec >/dev/null 2>&1; set -e; n=clt%d; ip link add $n type veth peer name p$n; "
		"ip link set p$n netns %d; ip addr add %s/30 dev $n; ip link set $n up; "
		"nsenter -t %d -n ip addr add 198.18.%d.%d/30 dev p$n; nsenter -t %d -n ip link set p$n up",
		(int)(pid % 100000), (int)pid, here, (int)pid, third, net + 2, (int)pid);
	return system(command) == 0;
}

/* nginx also listens on that address, as a server of its own. */
static void listen_here(struct instance *in, const char *here)
{
	char path[128];
	snprintf(path, sizeof path, "%s/servers/elsewhere.conf", in->dir);
	FILE *conf = fopen(path, "we");
	assert_non_null(conf);
	fprintf(conf,
		"server {\n\tlisten %s:%d;\n\taccess_log %s/elsewhere.log clario;\n"
		"\tinclude snippets/clario-workflow.conf;\n}\n",
		here, in->port, in->dir);
	fclose(conf);
	assert_int_equal(kill(instance_pid(in, NGINX), SIGHUP), 0);
}

/* The status of a request from there, as curl has it; 0: no answer. */
static long from_elsewhere(struct instance *in, pid_t pid, const char *here, const char *header)
{
	char command[600], out[64] = "";
	snprintf(command, sizeof command,
		"nsenter -t %d -n curl -s -m 5 --noproxy '*' -o /dev/null -w '%%{http_code}' -H '%s' "
		"http://%s:%d" API "/jobs",
		(int)pid, header, here, in->port);
	FILE *pipe = popen(command, "re");
	assert_non_null(pipe);
	if (!fgets(out, sizeof out, pipe))
		out[0] = '\0';
	pclose(pipe);
	return strtol(out, NULL, 10);
}

static void check_elsewhere(struct instance *in, pid_t pid, const char *here)
{
	char header[TOKEN_TEXT_LEN + 32], out[256];
	int64_t until = clock_mono_us() + 10 * INT64_C(1000000);
	listen_here(in, here);
	while (from_elsewhere(in, pid, here, "X-Nothing: 1") == 0 && clock_mono_us() < until)
		clock_sleep_ms(20);
	assert_int_equal(from_elsewhere(in, pid, here, "X-Nothing: 1"), 401);
	assert_int_equal(from_elsewhere(in, pid, here, "X-Forwarded-For: 127.0.0.1"), 401);
	assert_int_equal(from_elsewhere(in, pid, here, "X-Real-IP: 127.0.0.1"), 401);
	assert_int_equal(from_elsewhere(in, pid, here, "Forwarded: for=127.0.0.1"), 401);
	assert_int_equal(from_elsewhere(in, pid, here, "Remote-Addr: 127.0.0.1"), 401);
	assert_int_equal(from_elsewhere(in, pid, here, "Authorization: Bearer abc"), 401);
	assert_int_equal(status_of(in, "GET", API "/jobs", NULL), 200);
	make_token(in, "token add away --scope read", header);
	clock_sleep_ms(1000);
	assert_int_equal(from_elsewhere(in, pid, here, header), 200);
	assert_int_equal(instance_tool(in, "token revoke away 2>&1", out, sizeof out), 0);
	clock_sleep_ms(1000);
	assert_int_equal(from_elsewhere(in, pid, here, header), 401);
}

static void elsewhere__needs_a_token(void **state)
{
	char here[32];
	pid_t pid = start_elsewhere();
	bool is_joined = pid && join_elsewhere(pid, here);
	if (is_joined)
		check_elsewhere(*state, pid, here);
	if (pid)
		end_elsewhere(pid);
	if (!is_joined) {
		print_message("report: no network namespace can be made here\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes__count_within_a_second),
		cmocka_unit_test(tokens__are_what_they_allow),
		cmocka_unit_test(broken_ones__are_refused_from_everywhere),
		cmocka_unit_test(logs__hold_no_token),
		cmocka_unit_test(elsewhere__needs_a_token),
		cmocka_unit_test(refusals__cost_nothing_that_stays),
	};
	return cmocka_run_group_tests_name("tokens through nginx", tests, setup, teardown);
}

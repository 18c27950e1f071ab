/* tests/conformance/test_monitor.c: /metrics through the real nginx: its forms, who may see it, what it tells
 * of a job's way, that nothing falls when daemons are killed; and a real Prometheus that scrapes the instance
 * and sees an alert come and go. */
#include "spool/model/token.h"
#include "tests/support/instance.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_S = 30 };

static int setup(void **state)
{
	*state = instance_start("worker.stop-grace=1s");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

/* One sample of one scrape, -1: there is no such. */
static double sample(struct instance *in, const char *name)
{
	char line[300];
	struct answer a = request(in, "GET", API "/metrics", NULL, NULL);
	assert_int_equal(a.status, 200);
	snprintf(line, sizeof line, "\n%s ", name);
	const char *at = strstr(a.body, line);
	double value = at ? strtod(at + strlen(line), NULL) : -1;
	answer_release(&a);
	return value;
}

static void wait_sample(struct instance *in, const char *name, double value)
{
	int64_t until = clock_mono_us() + WAIT_S * INT64_C(1000000);
	double got;
	while ((got = sample(in, name)) != value) {
		if (clock_mono_us() > until)
			fail_msg("%s: %g, not %g", name, got, value);
		clock_sleep_ms(20);
	}
}

static void expect_form(struct instance *in, const char *method, const char *path, const char *accept,
	const char *type, bool is_open_metrics)
{
	char value[512];
	struct answer a = request(in, method, path, accept, NULL);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_header(&a, "Content-Type", value), type);
	assert_string_equal(answer_header(&a, "Cache-Control", value), "no-store");
	if (strcmp(method, "GET") == 0) {
		assert_true(a.len > 6);
		assert_int_equal(strcmp(a.body + a.len - 6, "# EOF\n") == 0, is_open_metrics);
		assert_int_equal(strstr(a.body, "# TYPE clario_build info\n") != NULL, is_open_metrics);
		assert_int_equal(
			strstr(a.body, "# TYPE clario_build_info gauge\n") != NULL, !is_open_metrics);
	}
	answer_release(&a);
}

#define OPEN  "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PLAIN "text/plain; version=0.0.4; charset=utf-8"

static void forms__are_as_asked_for(void **state)
{
	struct instance *in = *state;
	expect_form(in, "GET", "/metrics", "Accept:", OPEN, true);
	expect_form(in, "GET", API "/metrics", "Accept: */*", OPEN, true);
	expect_form(in, "HEAD", "/metrics", NULL, OPEN, true);
	expect_form(in, "GET", "/metrics", "Accept: text/plain", PLAIN, false);
	expect_form(in, "GET", "/metrics", "Accept: TEXT/PLAIN;version=0.0.4;q=0.9", PLAIN, false);
	expect_form(in, "GET", "/metrics",
		"Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", OPEN,
		true);
	struct answer a = request(in, "POST", "/metrics", NULL, "{}");
	assert_int_equal(a.status, 405);
	answer_release(&a);
}

static long status_with(struct instance *in, const char *headers)
{
	struct answer a = request(in, "GET", "/metrics", headers, NULL);
	long status = a.status;
	answer_release(&a);
	return status;
}

static void strangers__need_a_token(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *args;
		long status;
	} rows[] = {
		{"--scope read", 200},
		{"--scope submit", 403},
		{"--scope read --phase 2", 403},
	};
	assert_int_equal(status_with(in, "X-Forwarded-For: 192.0.2.1"), 401);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char args[128], out[256], header[400];
		snprintf(args, sizeof args, "token add m%zu %s 2>/dev/null", i, rows[i].args);
		assert_int_equal(instance_tool(in, args, out, sizeof out), 0);
		out[strcspn(out, "\n")] = '\0';
		snprintf(header, sizeof header, "X-Forwarded-For: 192.0.2.1\nAuthorization: Bearer %s", out);
		int64_t until = clock_mono_us() + WAIT_S * INT64_C(1000000);
		while (status_with(in, header) == 401 && clock_mono_us() < until)
			clock_sleep_ms(20);
		assert_int_equal(status_with(in, header), rows[i].status);
	}
}

static void send_trigger(struct instance *in, const char *key, const char *body, long status)
{
	char headers[200];
	snprintf(headers, sizeof headers, "Content-Type: application/json\nX-Clario-Source: shop%s%s",
		key ? "\nIdempotency-Key: " : "", key ? key : "");
	struct answer a = request(in, "POST", API "/phase/2", headers, body);
	if (a.status != status)
		fail_msg("%s: %ld %s", body, a.status, a.body);
	answer_release(&a);
}

#define SUBMITS(status) "clario_submits_total{phase=\"2\",source=\"shop\",status=\"" status "\"}"
#define REPEATS(data)   "clario_repeated_submits_total{source=\"shop\",data=\"" data "\"}"

static void numbers__follow_the_jobs(void **state)
{
	struct instance *in = *state;
	static const char first[] = "{\"user_id\":\"u\",\"sync_id\":\"m-1\"}";
	send_trigger(in, NULL, first, 200);
	send_trigger(in, NULL, first, 200);
	send_trigger(in, NULL, "{\"user_id\":\"u\",\"sync_id\":\"m-1\",\"n\":2}", 200);
	send_trigger(in, "k", "{\"user_id\":\"u\",\"sync_id\":\"m-2\"}", 200);
	send_trigger(in, "k", "{\"user_id\":\"u\",\"sync_id\":\"m-3\"}", 422);
	send_trigger(in, NULL, "{", 400);
	assert_true(sample(in, SUBMITS("accepted")) == 3);
	assert_true(sample(in, SUBMITS("duplicate")) == 1);
	assert_true(sample(in, SUBMITS("key_reused")) == 1);
	assert_true(sample(in, REPEATS("same")) == 1);
	assert_true(sample(in, REPEATS("different")) == 2);
	assert_true(sample(in, "clario_submit_bytes_total{source=\"shop\"}") == 2 * 31 + 37);
	assert_true(sample(in, "clario_refused_total{code=\"bad_json\"}") == 1);
	assert_true(sample(in, "clario_refused_total{code=\"idempotency_key_reused\"}") == 1);
	wait_sample(in, "clario_jobs{phase=\"2\",state=\"completed\"}", 3);
	wait_sample(in, "clario_job_wait_seconds_count{phase=\"2\"}", 3);
	wait_sample(in, "clario_job_run_seconds_count{phase=\"2\"}", 3);
	wait_sample(in, "clario_job_end_to_end_seconds_count{phase=\"2\"}", 3);
	assert_true(sample(in, "clario_job_run_seconds_bucket{phase=\"2\",le=\"+Inf\"}") == 3);
	assert_true(sample(in, "clario_accepted_jobs_total") == 3);
	assert_true(sample(in, "clario_unaccounted_jobs") == 0);
	assert_true(sample(in, "clario_processes{program=\"clario-fcgi\"}") == 1);
	assert_true(sample(in, "clario_processes{program=\"clario-worker\"}") == 1);
	assert_true(sample(in, "clario_threads_busy") >= 1);
	assert_true(sample(in, "clario_threads") >= 1);
	assert_true(sample(in, "clario_commit_seconds_count{kind=\"submit\"}") >= 4);
	assert_true(sample(in, "clario_commit_seconds_count{kind=\"exchange\"}") >= 2);
	assert_true(
		sample(in, "clario_attempts_total{outcome=\"completed\",receiver=\"integrations\"}") == 3);
	assert_true(sample(in, "clario_service_level_seconds{phase=\"2\"}") == 60);
	assert_true(sample(in, "clario_receiver_call_seconds_count{receiver=\"integrations\"}") == 3);
}

/* By the API and by the tool. */
static void calls__are_timed(void **state)
{
	struct instance *in = *state;
	char out[4096];
	send_trigger(in, NULL, "{\"user_id\":\"u\",\"sync_id\":\"timed\"}", 200);
	wait_sample(in, "clario_receiver_call_seconds_count{receiver=\"integrations\"}", 1);
	struct answer a = {0};
	for (int i = 0; i < 100 * WAIT_S && json_array_size(jx_get(a.json, "receivers")) == 0; i++) {
		answer_release(&a);
		clock_sleep_ms(10); /* a worker reports its calls with what it writes next */
		a = request(in, "GET", API "/receivers", NULL, NULL);
		assert_int_equal(a.status, 200);
	}
	json_t *receiver = json_array_get(jx_get(a.json, "receivers"), 0);
	assert_true(slice_is(jx_text(jx_get(receiver, "name")), "integrations"));
	json_int_t half = json_integer_value(jx_get(receiver, "call_p50_ms")),
		   most = json_integer_value(jx_get(receiver, "call_p95_ms"));
	assert_true(half <= most && most > 0);
	answer_release(&a);
	assert_int_equal(instance_tool(in, "receivers --json", out, sizeof out), 0);
	assert_non_null(strstr(out, "\"call_p95_ms\":"));
	assert_null(strstr(out, "\"call_p95_ms\":null"));
	assert_int_equal(instance_tool(in, "breakers", out, sizeof out), 0);
	assert_non_null(strstr(out, "P95"));
	assert_non_null(strstr(out, "ms\n"));
}

/* A phase that is paused: how long its oldest job waits is told. */
static void oldest__is_told(void **state)
{
	struct instance *in = *state;
	assert_int_equal(instance_tool(in, "pause --phase 3", (char[256]){0}, 256), 0);
	char id[40];
	submit_job(in, "/phase/3", "{\"user_id\":\"u\",\"sync_id\":\"old\"}", id);
	clock_sleep_ms(300);
	double age = sample(in, "clario_job_oldest_seconds{phase=\"3\",state=\"waiting\"}");
	assert_true(age >= 0.3 && age < WAIT_S);
	assert_true(sample(in, "clario_phase_paused{phase=\"3\"}") == 1);
	assert_int_equal(instance_tool(in, "resume --phase 3", (char[256]){0}, 256), 0);
	json_decref(wait_state(in, id, "completed"));
	wait_sample(in, "clario_job_oldest_seconds{phase=\"3\",state=\"waiting\"}", 0);
}

static void backup__is_noted(void **state)
{
	struct instance *in = *state;
	char args[160], out[512];
	assert_true(sample(in, "clario_backup_time_seconds") == 0);
	snprintf(args, sizeof args, "backup %s/copy.mdb", in->dir);
	assert_int_equal(instance_tool(in, args, out, sizeof out), 0);
	double now = (double)clock_now().wall_us / 1e6, at = sample(in, "clario_backup_time_seconds");
	assert_true(at > now - WAIT_S && at <= now);
}

static void nothing__falls_when_daemons_are_killed(void **state)
{
	struct instance *in = *state;
	static const char *const names[] = {SUBMITS("accepted"), "clario_refused_total{code=\"bad_json\"}",
		"clario_attempts_total{outcome=\"completed\",receiver=\"integrations\"}",
		"clario_job_run_seconds_count{phase=\"2\"}"};
	double before[sizeof names / sizeof *names];
	send_trigger(in, NULL, "{\"user_id\":\"u\",\"sync_id\":\"f-1\"}", 200);
	send_trigger(in, NULL, "{", 400);
	wait_sample(in, "clario_job_run_seconds_count{phase=\"2\"}", 1);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		before[i] = sample(in, names[i]);
	for (int round = 0; round < 2; round++) {
		instance_kill(in, WORKER, SIGKILL);
		wait_sample(in, "clario_processes{program=\"clario-worker\"}", 0);
		instance_kill(in, FCGI, SIGKILL);
		instance_launch(in, FCGI);
		instance_launch(in, WORKER);
		instance_wait_ready(in);
		wait_sample(in, "clario_processes{program=\"clario-worker\"}", 1);
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (sample(in, names[i]) != before[i])
				fail_msg("%s was %g", names[i], before[i]);
	}
	send_trigger(in, NULL, "{\"user_id\":\"u\",\"sync_id\":\"f-2\"}", 200);
	assert_true(sample(in, SUBMITS("accepted")) == 2);
}

/* --- Prometheus --- */

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* The rules that are shipped, but that alerts come at once. */
static void configure(struct instance *in, char path[128])
{
	char text[1024];
	snprintf(text, sizeof text,
		"sed 's/^\\( *for:\\).*/\\1 0s/' packaging/monitoring/clario.rules.yml > %s/rules.yml",
		in->dir);
	assert_int_equal(system(text), 0);
	snprintf(path, 128, "%s/prometheus.yml", in->dir);
	snprintf(text, sizeof text,
		"global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}\n"
		"rule_files: [rules.yml]\n"
		"scrape_configs: [{job_name: clario, static_configs: [{targets: ['127.0.0.1:%d']}]}]\n",
		in->port);
	write_file(path, text);
}

static pid_t start_prometheus(struct instance *in, int port)
{
	char conf[128], file[160], data[160], listen[80], log[160];
	configure(in, conf);
	snprintf(file, sizeof file, "--config.file=%s", conf);
	snprintf(data, sizeof data, "--storage.tsdb.path=%s/tsdb", in->dir);
	snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", port);
	snprintf(log, sizeof log, "%s/prometheus.log", in->dir);
	pid_t parent = getpid(), pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || !freopen(log, "w", stderr))
			_exit(1);
		execlp("prometheus", "prometheus", file, data, listen, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* Its answer to a query, as text; the caller frees it. */
static char *ask(const struct instance *in, int port, const char *path)
{
	struct instance at = *in;
	at.port = port;
	struct answer a = request(&at, "GET", path, NULL, NULL);
	char *text = strdup(a.body ? a.body : "");
	answer_release(&a);
	return text;
}

static void wait_answer(const struct instance *in, int port, const char *path, const char *has, bool is_there)
{
	int64_t until = clock_mono_us() + WAIT_S * INT64_C(1000000);
	for (;;) {
		char *text = ask(in, port, path);
		bool found = strstr(text, has) != NULL;
		if (*text && found == is_there) {
			free(text);
			return;
		}
		if (clock_mono_us() > until)
			fail_msg("%s: %s \"%s\": %.600s", path, is_there ? "lacks" : "still has", has, text);
		free(text);
		clock_sleep_ms(50);
	}
}

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

#define QUERY "/api/v1/query?query="

static void look_with_prometheus(struct instance *in, int port)
{
	wait_answer(in, port, "/api/v1/targets", "\"health\":\"up\"", true);
	wait_answer(in, port, QUERY "clario_accepted_jobs_total", ",\"1\"]", true);
	wait_answer(in, port, QUERY "clario_build_info", "\"version\":\"", true);
	/* Only OpenMetrics tells units: that form it is. */
	wait_answer(
		in, port, "/api/v1/metadata?metric=clario_job_wait_seconds", "\"unit\":\"seconds\"", true);
	wait_answer(in, port, "/api/v1/rules", "\"name\":\"ClarioUnaccounted\"", true);
	wait_answer(in, port, "/api/v1/rules", "\"lastError\"", false);
	wait_answer(in, port, "/api/v1/rules", "\"health\":\"unknown\"", false);
	wait_answer(in, port, "/api/v1/alerts", "ClarioNoWorker", false);
	instance_kill(in, WORKER, SIGKILL);
	wait_answer(in, port, QUERY "ALERTS%7Balertname%3D%22ClarioNoWorker%22%7D", "\"firing\"", true);
	instance_launch(in, WORKER);
	wait_answer(in, port, "/api/v1/alerts", "ClarioNoWorker", false);
}

static void prometheus__sees_it(void **state)
{
	struct instance *in = *state;
	int port = free_port(), status;
	char id[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"u\",\"sync_id\":\"p-1\"}", id);
	json_decref(wait_state(in, id, "completed"));
	pid_t pid = start_prometheus(in, port);
	look_with_prometheus(in, port);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forms__are_as_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers__need_a_token, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers__follow_the_jobs, setup, teardown),
		cmocka_unit_test_setup_teardown(calls__are_timed, setup, teardown),
		cmocka_unit_test_setup_teardown(oldest__is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(backup__is_noted, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing__falls_when_daemons_are_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(prometheus__sees_it, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/conformance/test_limits.c: one caller that is beyond its limits is refused, alone and for as long as
 * it is: by rate, by what it has in the spool, and by nginx when it comes from elsewhere. */
#include "tests/support/instance.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
	*state =
		instance_start("http.rate=2000 http.rate-burst=2000 caller.slow.rate=0.5 caller.slow.burst=3 "
			       "caller.bulky.rate=10 caller.bulky.burst=2 caller.small.max-jobs=2 "
			       "caller.thin.max-bytes=100");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static struct answer post_as(struct instance *in, const char *caller, const char *path, const char *body)
{
	char headers[200], whole[200];
	snprintf(headers, sizeof headers, "Content-Type: application/json\nX-Clario-Source: %s", caller);
	snprintf(whole, sizeof whole, API "%s", path);
	return request(in, "POST", whole, headers, body);
}

static struct answer submit_as(struct instance *in, const char *caller, const char *workflow)
{
	char body[200];
	snprintf(body, sizeof body, "{\"user_id\":\"u\",\"sync_id\":\"%s\"}", workflow);
	return post_as(in, caller, "/phase/2", body);
}

static void assert_taken(struct instance *in, const char *caller, const char *workflow)
{
	struct answer a = submit_as(in, caller, workflow);
	if (a.status != 200)
		fail_msg("%s: %ld %s", caller, a.status, a.body ? a.body : "");
	answer_release(&a);
}

/* 429 with this code; Retry-After in seconds. */
static int refused(struct answer a, const char *code)
{
	char value[512];
	if (a.status != 429)
		fail_msg("%ld %s", a.status, a.body ? a.body : "");
	assert_string_equal(answer_text(&a, "code"), code);
	assert_true(json_is_false(json_object_get(a.json, "success")));
	assert_non_null(strstr(answer_header(&a, "Content-Type", value), "application/json"));
	int wait = (int)strtol(answer_header(&a, "Retry-After", value), NULL, 10);
	answer_release(&a);
	return wait;
}

static int64_t refused_so_far(struct instance *in, const char *which)
{
	char path[64];
	struct answer a = request(in, "GET", API "/queue/stats", NULL, NULL);
	snprintf(path, sizeof path, "stats.refused.%s", which);
	int64_t n = json_integer_value(jx_path(a.json, path));
	answer_release(&a);
	return n;
}

static bool is_known(struct instance *in, const char *workflow)
{
	char path[100];
	snprintf(path, sizeof path, API "/workflows/%s", workflow);
	struct answer a = request(in, "GET", path, NULL, NULL);
	bool is = a.status == 200;
	answer_release(&a);
	return is;
}

static void rate__of_one_caller_alone(void **state)
{
	struct instance *in = *state;
	int64_t before = refused_so_far(in, "rate_limited");
	for (int i = 0; i < 3; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "slow-%d", i);
		assert_taken(in, "slow", workflow);
	}
	int wait = refused(submit_as(in, "slow", "slow-3"), "rate_limited");
	assert_in_range(wait, 1, 2);
	/* Before the body is looked at. */
	refused(post_as(in, "slow", "/phase/2", "{"), "rate_limited");
	refused(post_as(in, "slow", "/batch", "{"), "rate_limited");
	assert_false(is_known(in, "slow-3"));
	assert_taken(in, "quick", "quick-0");
	struct answer a = request(in, "GET", API "/jobs", "X-Clario-Source: slow", NULL);
	assert_int_equal(a.status, 200); /* it may still look */
	answer_release(&a);
	a = request(in, "GET", API "/healthz", "X-Clario-Source: slow", NULL);
	assert_int_equal(a.status, 200);
	answer_release(&a);
	assert_int_equal(refused_so_far(in, "rate_limited"), before + 3);
	clock_sleep_ms(wait * 1000 + 100);
	assert_taken(in, "slow", "slow-3");
}

static void run_in(struct instance *in, const char *command)
{
	char whole[700];
	snprintf(whole, sizeof whole, "cd '%s' && %s", in->dir, command);
	assert_int_equal(system(whole), 0);
}

/* A caller that does not give up does not fill the log. */
static void refusals__are_logged_at_a_bounded_rate(void **state)
{
	struct instance *in = *state;
	int64_t before = refused_so_far(in, "rate_limited"), since = clock_mono_us();
	char command[200];
	struct answer a = submit_as(in, "slow", "slow-4");
	answer_release(&a);
	for (int i = 0; i < 50; i++)
		refused(submit_as(in, "slow", "slow-5"), "rate_limited");
	assert_in_range(refused_so_far(in, "rate_limited"), before + 50, before + 51);
	int64_t may_be = 2 + (clock_mono_us() - since) / 200000;
	snprintf(command, sizeof command, "test $(grep -c code=rate_limited clario-fcgi.log) -le %d",
		8 + (int)may_be);
	run_in(in, command);
}

/* A batch comes as a whole and is paid for afterwards. */
static void rate__each_trigger_of_a_batch_counts(void **state)
{
	struct instance *in = *state;
	char body[2000] = "";
	for (int i = 0; i < 14; i++) {
		size_t len = strlen(body);
		snprintf(body + len, sizeof body - len,
			"%s{\"phase\":2,\"user_id\":\"u\",\"sync_id\":\"bulk-%d\"}%s", i ? "," : "[", i,
			i == 13 ? "]" : "");
	}
	struct answer a = post_as(in, "bulky", "/batch", body);
	assert_int_equal(a.status, 200);
	assert_int_equal(json_integer_value(jx_path(a.json, "accepted")), 14);
	answer_release(&a);
	assert_in_range(refused(submit_as(in, "bulky", "bulk-x"), "rate_limited"), 1, 2);
	clock_sleep_ms(1400);
	assert_taken(in, "bulky", "bulk-x");
}

static void hold_queue(struct instance *in, bool on)
{
	struct answer a = post(in, on ? "/queue/pause" : "/queue/resume", "");
	assert_int_equal(a.status, 200);
	answer_release(&a);
}

static json_t *caller_as_told(struct instance *in, const char *name)
{
	char out[8192], *rest = out;
	assert_int_equal(instance_tool(in, "callers --json", out, sizeof out), 0);
	for (char *line; (line = strsep(&rest, "\n"));) {
		json_t *told = json_loads(line, 0, NULL);
		if (told && slice_is(jx_text(jx_get(told, "name")), name))
			return told;
		json_decref(told);
	}
	fail_msg("callers does not tell of %s", name);
	return NULL;
}

static void assert_told(struct instance *in, const char *name, const char *member, int64_t want)
{
	json_t *told = caller_as_told(in, name);
	assert_int_equal(json_integer_value(jx_get(told, member)), want);
	json_decref(told);
}

#define SMALL_0 "{\"phase\":2,\"user_id\":\"u\",\"sync_id\":\"small-0\"}"

static void batch_of_small(struct instance *in)
{
	int64_t before = refused_so_far(in, "quota_exceeded");
	struct answer a = post_as(in, "small", "/batch",
		"[" SMALL_0 ",{\"phase\":2,\"user_id\":\"u\",\"sync_id\":\"small-2\"}]");
	assert_int_equal(a.status, 200);
	json_t *second = json_array_get(jx_path(a.json, "results"), 1);
	assert_int_equal(json_integer_value(jx_path(a.json, "duplicates")), 1);
	assert_int_equal(json_integer_value(jx_get(second, "status")), 429);
	assert_true(slice_is(jx_text(jx_get(second, "code")), "quota_exceeded"));
	answer_release(&a);
	assert_int_equal(refused_so_far(in, "quota_exceeded"), before + 1);
	refused(post_as(in, "small", "/batch", "[{\"phase\":2,\"user_id\":\"u\",\"sync_id\":\"small-2\"}]"),
		"quota_exceeded");
}

/* Through a crash, until its jobs have ended. */
static void quota__of_one_caller_alone(void **state)
{
	struct instance *in = *state;
	char id[40];
	hold_queue(in, true);
	struct answer a = post_as(in, "small", "/batch", "[" SMALL_0 "]");
	assert_int_equal(a.status, 200);
	answer_release(&a);
	a = submit_as(in, "small", "small-1");
	assert_int_equal(a.status, 200);
	snprintf(id, sizeof id, "%s", answer_text(&a, "job_id"));
	answer_release(&a);
	assert_true(refused(submit_as(in, "small", "small-2"), "quota_exceeded") >= 1);
	assert_taken(in, "quick", "quick-1");
	a = submit_as(in, "small", "small-1");
	assert_int_equal(a.status, 200);
	assert_true(json_is_true(json_object_get(a.json, "duplicate")));
	answer_release(&a);
	batch_of_small(in);
	assert_told(in, "small", "jobs", 2);
	assert_told(in, "small", "max_jobs", 2);
	instance_kill(in, FCGI, SIGKILL);
	instance_launch(in, FCGI);
	instance_wait_ready(in);
	refused(submit_as(in, "small", "small-2"), "quota_exceeded");
	assert_false(is_known(in, "small-2"));
	hold_queue(in, false);
	json_decref(wait_state(in, id, "completed"));
	assert_taken(in, "small", "small-2");
}

static void quota__of_bytes(void **state)
{
	struct instance *in = *state;
	hold_queue(in, true);
	assert_taken(in, "thin", "thin-0");
	assert_taken(in, "thin", "thin-1");
	assert_told(in, "thin", "bytes", 2 * (int64_t)strlen("{\"user_id\":\"u\",\"sync_id\":\"thin-0\"}"));
	refused(submit_as(in, "thin", "thin-long-long-long-long-long-long"), "quota_exceeded");
	hold_queue(in, false);
}

static void names__that_are_given_cannot_be_said(void **state)
{
	struct instance *in = *state;
	static const char *const names[] = {"token:ops", "webhook:shop"};
	for (size_t i = 0; i < 2; i++) {
		struct answer a = submit_as(in, names[i], "impostor");
		assert_int_equal(a.status, 400);
		assert_string_equal(answer_text(&a, "field"), "X-Clario-Source");
		answer_release(&a);
	}
}

/* --- the outer ring --- */

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static long status_for(struct instance *in, const char *peer, const char *method, const char *path)
{
	char header[64];
	snprintf(header, sizeof header, "X-Test-Peer: %s", peer);
	struct answer a = request(in, method, path, header, NULL);
	long status = a.status;
	if (status == 429)
		assert_int_equal(refused(a, "rate_limited"), 1);
	else
		answer_release(&a);
	return status;
}

/* A server of the same snippets that takes a header for its peer's address; the limits with numbers that a
 * test can reach. */
static struct instance strangers_door(struct instance *in)
{
	struct instance door = *in;
	char command[500];
	door.port = free_port();
	run_in(in, "sed -i 's|rate=1000r/s|rate=1r/s|' snippets/clario-workflow-http.conf");
	run_in(in, "sed -i 's/burst=2000/burst=30/;s/clario_conns 512/clario_conns 2/' "
		   "snippets/clario-workflow-pass.conf");
	snprintf(command, sizeof command,
		"printf 'server {\\nlisten 127.0.0.1:%d;\\nset_real_ip_from 127.0.0.0/8;\\nreal_ip_header "
		"X-Test-Peer;\\ninclude snippets/clario-workflow.conf;\\n}\\n' >servers/stranger.conf",
		door.port);
	run_in(in, command);
	assert_int_equal(kill(instance_pid(in, NGINX), SIGHUP), 0);
	int64_t until = clock_mono_us() + 10000000;
	while (status_for(&door, "127.0.0.1", "GET", API "/healthz") != 200 && clock_mono_us() < until)
		clock_sleep_ms(20);
	return door;
}

static int connect_to(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

/* A request whose body does not come. */
static int hold_open(const struct instance *door, const char *peer)
{
	char text[300];
	int len = snprintf(text, sizeof text,
		"POST " API "/phase/2 HTTP/1.1\r\nHost: x\r\nX-Test-Peer: %s\r\n"
		"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
		peer);
	int fd = connect_to(door->port);
	assert_int_equal(write(fd, text, (size_t)len), len);
	return fd;
}

/* Ask until it answers so: a few times at once, and then no more often than the rate of 1/s allows, so that a
 * 429 is never the rate's. */
static bool comes_to_status(struct instance *door, const char *peer, long status, int tries)
{
	for (int i = 0; i < tries; i++) {
		if (status_for(door, peer, "GET", API "/jobs") == status)
			return true;
		clock_sleep_ms(i < 3 ? 20 : 1100);
	}
	return false;
}

/* One that nginx has ended by itself does not count any more: what it was told is shown, and another one is
 * opened. All its requests are fewer than the burst that the rate allows. */
static void hold_until_refused(struct instance *door, const char *peer)
{
	enum { HELD_MAX = 6 };
	int held[HELD_MAX], n = 0;
	bool is_refused = false;
	held[n++] = hold_open(door, peer);
	while (n < HELD_MAX && !is_refused) {
		held[n++] = hold_open(door, peer);
		is_refused = comes_to_status(door, peer, 429, 4);
	}
	for (int i = 0; i < n; i++) {
		char told[100] = "";
		if (n > 2 && recv(held[i], told, sizeof told - 1, MSG_DONTWAIT) >= 0)
			report("held connection %d of %d was told: %.*s\n", i + 1, n,
				(int)strcspn(told, "\r\n"), told);
	}
	assert_true(is_refused);
	assert_int_equal(status_for(door, "192.0.2.78", "GET", API "/jobs"), 401);
	for (int i = 0; i < n; i++)
		close(held[i]);
}

static void strangers__meet_nginx_first(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *method, *path;
		long status; /* of those that come through */
	} rows[] = {{"GET", API "/jobs?ticket=hush", 401}, {"POST", API "/webhooks/shop", 0},
		{"POST", API "/batch", 401}};
	struct instance door = strangers_door(in);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char peer[32];
		int refusals = 0;
		snprintf(peer, sizeof peer, "192.0.2.%zu", i + 1);
		for (int k = 0; k < 60; k++) {
			long status = status_for(&door, peer, rows[i].method, rows[i].path);
			if (k == 0 && rows[i].status)
				assert_int_equal(status, rows[i].status);
			refusals += status == 429;
		}
		assert_in_range(refusals, 10, 60 - 30);
	}
	assert_int_equal(status_for(&door, "192.0.2.77", "GET", API "/jobs"), 401);
	hold_until_refused(&door, "192.0.2.8");
	assert_true(comes_to_status(&door, "192.0.2.8", 401, 20));
	run_in(in, "! grep -q hush nginx-*.log"); /* not even what was too much is quoted */
	for (int k = 0; k < 60; k++)              /* who is of this host is not counted */
		assert_int_equal(status_for(&door, "127.0.0.1", "GET", API "/jobs"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate__of_one_caller_alone),
		cmocka_unit_test(refusals__are_logged_at_a_bounded_rate),
		cmocka_unit_test(rate__each_trigger_of_a_batch_counts),
		cmocka_unit_test(quota__of_one_caller_alone),
		cmocka_unit_test(quota__of_bytes),
		cmocka_unit_test(names__that_are_given_cannot_be_said),
		cmocka_unit_test(strangers__meet_nginx_first),
	};
	return cmocka_run_group_tests_name("limits", tests, setup, teardown);
}

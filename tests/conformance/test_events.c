/* tests/conformance/test_events.c: streams of events through the real nginx: what stands in them, who gets
 * them, that they go on after any process was killed, and what thousands of them cost.
 *
 * EVENTS_LISTENERS (streams at one time, 300). */
#include "tests/support/sse.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 15000 };

/* --- instances --- */

static int setup(void **state)
{
	*state = instance_start("events.heartbeat=300ms");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void submit_for(struct instance *in, const char *user, const char *workflow)
{
	char body[200], id[40];
	snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"%s\",\"matches\":[]}", user, workflow);
	submit_job(in, "/phase/4", body, id);
}

static json_t *payload_posted(struct receiver *sink, size_t i, char name[64], char room[64])
{
	struct call call;
	json_t *body = NULL;
	assert_true(receiver_get(sink, "/emit", NULL, i, &call));
	assert_int_equal(jx_parse(slice_text(call.body), 16, &body, NULL), ST_OK);
	snprintf(name, 64, "%s", json_string_value(json_object_get(body, "event")));
	snprintf(room, 64, "%s", json_string_value(json_object_get(body, "room")));
	json_t *payload = json_incref(json_object_get(body, "payload"));
	json_decref(body);
	return payload;
}

/* The stream and notify.url are told the same, in the same order. */
static void names_and_payloads__are_those_of_the_relay(void **state)
{
	(void)state;
	struct receiver *sink = receiver_start();
	char rows[200], id[40], name[64], room[64];
	snprintf(rows, sizeof rows, "notify.url=%s/emit", receiver_url(sink));
	struct instance *in = instance_start(rows);
	struct tap tap = tap_open(in, "?user_id=np", NULL);
	tap_must(&tap, "\nretry: ");
	assert_non_null(strstr(tap_text(&tap), "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(tap_text(&tap), "Cache-Control: no-store\r\n"));
	submit_job(in, "/phase/7", "{\"user_id\":\"np\",\"claim_id\":\"c 1\",\"amount\":10}", id);
	tap_must(&tap, "event: sync_completed\n");
	submit_job(in, "/phase/3",
		"{\"user_id\":\"np\",\"sync_id\":\"n3\",\"claims\":[{\"confidence\":0.9}]}", id);
	tap_must(&tap, "event: workflow.phase.3.completed\n");
	const char *at = strstr(tap_text(&tap), "\r\n\r\n");
	size_t n = 0;
	struct piece piece;
	while (next_piece(&at, &piece)) {
		json_t *data = NULL;
		if (!piece.name[0])
			continue; /* the beginning, or a sign of life */
		assert_true(receiver_wait(sink, "/emit", NULL, n + 1, WAIT_MS));
		json_t *posted = payload_posted(sink, n++, name, room);
		assert_int_equal(jx_parse(slice_of(piece.data, piece.data_len), 16, &data, NULL), ST_OK);
		assert_string_equal(piece.name, name);
		assert_true(json_equal(data, posted));
		json_decref(data);
		json_decref(posted);
	}
	assert_true(n >= 7);
	tap_close(&tap);
	instance_stop(in);
	receiver_stop(sink);
}

static void filters__show_a_user_or_a_workflow(void **state)
{
	struct instance *in = *state;
	struct tap user = tap_open(in, "?user_id=fu", NULL),
		   workflow = tap_open(in, "?workflow_id=fw2", NULL),
		   both = tap_open(in, "?workflow_id=fw1&user_id=fu", NULL), all = tap_open(in, "", NULL),
		   audit = tap_open(in, "?all=1&workflow_id=fw3", NULL);
	struct tap *taps[] = {&user, &workflow, &both, &all, &audit};
	for (size_t i = 0; i < 5; i++)
		tap_must(taps[i], "\nretry: ");
	submit_for(in, "fu", "fw1");
	submit_for(in, "fu", "fw2");
	submit_for(in, "other", "fw3");
	tap_must(&user, "\"syncId\":\"fw1\"");
	tap_must(&user, "\"syncId\":\"fw2\"");
	tap_must(&workflow, "\"syncId\":\"fw2\"");
	tap_must(&both, "\"syncId\":\"fw1\"");
	tap_must(&audit, "\"kind\":\"completed\"");
	static const char *const each[] = {"\"syncId\":\"fw1\"", "\"syncId\":\"fw2\"", "\"syncId\":\"fw3\""};
	for (size_t i = 0; i < 3; i++)
		tap_must(&all, each[i]);
	assert_null(strstr(tap_text(&user), "fw3"));
	assert_null(strstr(tap_text(&workflow), "fw1"));
	assert_null(strstr(tap_text(&workflow), "fw3"));
	assert_null(strstr(tap_text(&both), "fw2"));
	assert_null(strstr(tap_text(&all), "event: audit"));
	assert_non_null(strstr(tap_text(&audit), "event: audit\ndata: {\"seq\":"));
	assert_non_null(strstr(tap_text(&audit), "\"kind\":\"accepted\""));
	assert_null(strstr(tap_text(&audit), "\"fw1\""));
	for (size_t i = 0; i < 5; i++)
		tap_close(taps[i]);
}

/* --- goes on after anything --- */

static uint64_t last_seq(struct instance *in)
{
	struct answer a = request(in, "GET", API "/queue/stats", NULL, NULL);
	json_t *seq = jx_path(a.json, "stats.totals.last_seq");
	uint64_t n = (uint64_t)json_integer_value(seq);
	answer_release(&a);
	return n;
}

static void resume__after_kill_9_of_every_process(void **state)
{
	struct instance *in = *state;
	static const enum daemon order[] = {EVENTS, WORKER, EVENTS, FCGI, EVENTS};
	struct follower f = {0};
	follow_open(in, &f);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 10; i++) {
			char workflow[32];
			snprintf(workflow, sizeof workflow, "re-%d-%d", round, i);
			submit_for(in, "re", workflow);
			follow(in, &f);
		}
		if (round % 2 == 0) {
			instance_kill(in, order[round / 2], SIGKILL);
			follow(in, &f);
			instance_launch(in, order[round / 2]);
			instance_wait_ready(in);
		}
	}
	for (int round = 0; round < 10; round++) {
		char workflow[32], id[40], body[120];
		snprintf(workflow, sizeof workflow, "re-last-%d", round);
		snprintf(body, sizeof body, "{\"user_id\":\"re\",\"sync_id\":\"%s\",\"matches\":[]}",
			workflow);
		submit_job(in, "/phase/4", body, id);
		json_decref(wait_state(in, id, "completed"));
	}
	int64_t until = clock_mono_us() + WAIT_MS * INT64_C(1000);
	while (f.last < last_seq(in) && clock_mono_us() < until)
		follow(in, &f);
	assert_int_equal(f.last, last_seq(in));
	assert_true(f.last > 500);
	assert_in_range(f.breaks, 3, 20);
	tap_close(&f.tap);
}

/* Jobs are removed by hand, and so are their events: who was away is told. */
static void gap__when_events_are_gone(void **state)
{
	(void)state;
	struct instance *in = instance_start("");
	char id[40], path[100];
	submit_job(in, "/phase/4", "{\"user_id\":\"ga\",\"sync_id\":\"ga\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	uint64_t before = last_seq(in);
	submit_job(in, "/phase/4", "{\"user_id\":\"ga\",\"sync_id\":\"gb\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	struct answer a = request(in, "POST", API "/queue/clean?grace=0&status=completed", NULL, NULL);
	assert_int_equal(a.status, 200);
	answer_release(&a);
	snprintf(path, sizeof path, "?user_id=ga&last_event_id=%llu", (unsigned long long)before);
	struct tap tap = tap_open(in, path, NULL);
	tap_must(&tap, "event: gap\n");
	snprintf(path, sizeof path, "data: {\"after\":%llu,\"before\":", (unsigned long long)before);
	assert_non_null(strstr(tap_text(&tap), path));
	tap_close(&tap);
	tap = tap_open(in, "?user_id=ga&last_event_id=99999999", NULL); /* of a spool that was restored */
	tap_must(&tap, "event: gap\n");
	tap_close(&tap);
	instance_stop(in);
}

/* --- signs of life --- */

static void heartbeat__comes_and_moves_the_place(void **state)
{
	struct instance *in = *state;
	struct tap tap = tap_open(in, "?user_id=nobody", NULL);
	tap_must(&tap, "\n\n:\nid: ");
	submit_for(in, "hb", "hb");
	uint64_t seq = 0;
	int64_t until = clock_mono_us() + WAIT_MS * INT64_C(1000);
	char want[64];
	do {
		seq = last_seq(in);
		snprintf(want, sizeof want, ":\nid: %llu\n\n", (unsigned long long)seq);
	} while (!tap_wait(&tap, want, 1000) && clock_mono_us() < until);
	assert_non_null(strstr(tap_text(&tap), want));
	assert_null(strstr(tap_text(&tap), "event:"));
	tap_close(&tap);
}

/* A number of /proc/PID/FILE; -1: it is not there, or not for us to read. */
static long proc_number(struct instance *in, const char *name, const char *label)
{
	char path[64], line[256];
	long n = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)instance_pid(in, EVENTS), name);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, label, strlen(label)) == 0)
			n = strtol(line + strlen(label), NULL, 10);
	if (file)
		fclose(file);
	return n;
}

static long switches(struct instance *in)
{
	return proc_number(in, "status", "voluntary_ctxt_switches:");
}

static void nobody__costs_nothing(void **state)
{
	struct instance *in = *state;
	struct tap tap = tap_open(in, "", NULL);
	tap_must(&tap, "\nretry: ");
	tap_close(&tap);
	long before = 0, after = 1;
	int64_t until = clock_mono_us() + WAIT_MS * INT64_C(1000);
	while (before != after && clock_mono_us() < until) { /* once it has noticed that the reader is gone */
		before = switches(in);
		clock_sleep_ms(500);
		after = switches(in);
	}
	submit_for(in, "idle", "idle");
	clock_sleep_ms(500);
	assert_int_equal(switches(in), after);
}

/* --- who gets in --- */

static void assert_refused(
	struct instance *in, const char *path, const char *headers, long status, const char *code)
{
	struct answer a = request(in, "GET", path, headers, NULL);
	if (a.status != status || strcmp(answer_text(&a, "code"), code) != 0)
		fail_msg("%s: %ld %s", path, a.status, a.body ? a.body : "");
	answer_release(&a);
}

static int count_in_logs(struct instance *in, const char *text)
{
	char command[4096];
	int n = -1;
	snprintf(command, sizeof command, "cat '%s'/*.log | grep -cF '%s'", in->dir, text);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%d", &n), 1);
	pclose(pipe);
	return n;
}

#define FORWARDED "X-Forwarded-For: 127.0.0.1\r\n"

static void strangers__need_a_ticket(void **state)
{
	struct instance *in = *state;
	char ticket[2048], query[2100];
	assert_refused(in, API "/events", "X-Forwarded-For: 127.0.0.1", 401, "unauthorized");
	assert_refused(in, API "/events?ticket=00", "X-Forwarded-For: 127.0.0.1", 401, "unauthorized");
	struct answer a = request(in, "POST", API "/events/ticket", "X-Forwarded-For: 127.0.0.1", NULL);
	assert_int_equal(a.status, 401);
	answer_release(&a);
	get_ticket(in, "?workflow_id=st", NULL, ticket);
	snprintf(query, sizeof query, "?ticket=%s", ticket);
	struct tap tap = tap_open(in, query, FORWARDED);
	tap_must(&tap, "\nretry: ");
	submit_for(in, "st", "other");
	submit_for(in, "st", "st");
	tap_must(&tap, "\"syncId\":\"st\"");
	assert_null(strstr(tap_text(&tap), "\"syncId\":\"other\""));
	tap_close(&tap);
}

static void wait_status(struct instance *in, const char *path, const char *header, long status)
{
	struct answer a = {0};
	for (int tries = 0; a.status != status && tries < 200; tries++) {
		answer_release(&a);
		clock_sleep_ms(10);
		a = request(in, "GET", path, header, NULL);
	}
	assert_int_equal(a.status, status);
	answer_release(&a);
}

/* With a token, and with a ticket got by one: what it allows, and only as long as it does. */
static void tokens__limit_and_end_streams(void **state)
{
	struct instance *in = *state;
	char token[256], header[300], lines[400], ticket[2048], query[2100], out[256];
	assert_int_equal(instance_tool(in, "token add live --scope read --user 'shop-*' 2>/dev/null", token,
				 sizeof token),
		0);
	token[strcspn(token, "\n")] = '\0';
	snprintf(header, sizeof header, "Authorization: Bearer %s", token);
	wait_status(in, API "/events", header, 403); /* each program hears of it within a second */
	wait_status(in, API "/jobs", header, 200);
	assert_refused(in, API "/events?user_id=other", header, 403, "forbidden");
	assert_refused(in, API "/events?all=1&user_id=shop-1", header, 403, "forbidden");
	assert_refused(in, API "/events", "Authorization: Bearer clw_nonsense", 401, "unauthorized");
	snprintf(lines, sizeof lines, "%s\r\n", header);
	struct tap shown = tap_open(in, "?workflow_id=tk", lines);
	get_ticket(in, "?user_id=shop-1", header, ticket);
	snprintf(query, sizeof query, "?ticket=%s", ticket);
	struct tap begun = tap_open(in, query, FORWARDED);
	tap_must(&shown, "\nretry: ");
	tap_must(&begun, "\nretry: ");
	submit_for(in, "other", "tk");
	submit_for(in, "shop-1", "tk");
	tap_must(&shown, "event: workflow.phase.4.completed\n");
	tap_must(&begun, "event: workflow.phase.4.completed\n");
	assert_null(strstr(strstr(tap_text(&shown), "phase.4.completed\n") + 1, "phase.4.completed\n"));
	assert_int_equal(instance_tool(in, "token revoke live 2>&1", out, sizeof out), 0);
	assert_true(tap_wait_end(&shown, 5000) && tap_wait_end(&begun, 5000));
	snprintf(query, sizeof query, API "/events?ticket=%s", ticket);
	assert_refused(in, query, NULL, 401, "unauthorized");
	assert_int_equal(count_in_logs(in, token), 0);
	tap_close(&shown);
	tap_close(&begun);
}

/* Not even while nginx has something to say about errors. */
static void ticket__gets_into_no_log(void **state)
{
	struct instance *in = *state;
	char ticket[2048], query[2100];
	get_ticket(in, "?user_id=lg", NULL, ticket);
	snprintf(query, sizeof query, API "/events?ticket=%s&nonsense=1", ticket);
	assert_refused(in, query, NULL, 400, "bad_query");
	instance_kill(in, EVENTS, SIGKILL);
	assert_refused(in, query, NULL, 503, "upstream_unavailable");
	instance_launch(in, EVENTS);
	int64_t until = clock_mono_us() + WAIT_MS * INT64_C(1000);
	while (count_in_logs(in, "\"path\":\"" API "/events\"") < 2 && clock_mono_us() < until)
		clock_sleep_ms(50);
	assert_true(count_in_logs(in, "\"path\":\"" API "/events\"") >= 2);
	assert_int_equal(count_in_logs(in, ticket), 0);
	ticket[60] = '\0';
	assert_int_equal(count_in_logs(in, ticket), 0);
	assert_int_equal(count_in_logs(in, "ticket="), 0);
}

static void ticket__ends(void **state)
{
	(void)state;
	struct instance *in = instance_start("events.ticket-life=1s events.max-age=2s");
	char ticket[2048], query[2100];
	get_ticket(in, "?user_id=te", NULL, ticket);
	snprintf(query, sizeof query, "?ticket=%s", ticket);
	struct tap tap = tap_open(in, query, NULL);
	tap_must(&tap, "\nretry: ");
	clock_sleep_ms(1100);
	snprintf(query, sizeof query, API "/events?ticket=%s", ticket);
	assert_refused(in, query, NULL, 401, "unauthorized");
	tap_read(&tap, 10);
	assert_false(tap.has_ended);           /* what has begun goes on, */
	assert_true(tap_wait_end(&tap, 5000)); /* until its age is reached */
	tap_close(&tap);
	instance_stop(in);
}

static void limits__503_and_429(void **state)
{
	(void)state;
	struct instance *in = instance_start("events.max-listeners=4 events.max-per-caller=3");
	struct tap taps[3];
	char header[512];
	for (size_t i = 0; i < 3; i++) {
		taps[i] = tap_open(in, "", NULL);
		tap_must(&taps[i], "\nretry: ");
	}
	struct answer a = request(in, "GET", API "/events", NULL, NULL);
	assert_int_equal(a.status, 429);
	assert_string_equal(answer_text(&a, "code"), "too_many_streams");
	assert_true(strtol(answer_header(&a, "Retry-After", header), NULL, 10) > 0);
	answer_release(&a);
	tap_close(&taps[0]); /* and there is room again, as soon as it has been noticed */
	int64_t until = clock_mono_us() + WAIT_MS * INT64_C(1000);
	do {
		taps[0] = tap_open(in, "", NULL);
		if (tap_wait(&taps[0], "\nretry: ", 1000))
			break;
		tap_close(&taps[0]);
	} while (clock_mono_us() < until);
	for (size_t i = 0; i < 3; i++)
		tap_close(&taps[i]);
	instance_stop(in);
	in = instance_start("events.max-listeners=2");
	for (size_t i = 0; i < 2; i++) {
		taps[i] = tap_open(in, "", NULL);
		tap_must(&taps[i], "\nretry: ");
	}
	a = request(in, "GET", API "/events", NULL, NULL);
	assert_int_equal(a.status, 503);
	assert_string_equal(answer_text(&a, "code"), "streams_full");
	assert_true(strtol(answer_header(&a, "Retry-After", header), NULL, 10) > 0);
	answer_release(&a);
	tap_close(&taps[0]);
	tap_close(&taps[1]);
	instance_stop(in);
}

static void requests__as_a_table(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *method, *path;
		long status;
		const char *code;
	} rows[] = {
		{"HEAD", API "/events", 200, ""},
		{"OPTIONS", API "/events", 204, ""},
		{"POST", API "/events", 405, "method_not_allowed"},
		{"DELETE", API "/events/", 405, "method_not_allowed"},
		{"GET", API "/events?nonsense=1", 400, "bad_query"},
		{"GET", API "/Events?user_id=", 400, "bad_query"},
		{"GET", API "/events/ticket", 405, "method_not_allowed"},
		{"GET", API "/events/more", 404, "not_found"},
		{"POST", API "/events/ticket?nonsense=1", 400, "bad_query"},
		{"POST", API "/events/ticket?all=1&user_id=u", 200, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer a = request(in, rows[i].method, rows[i].path, NULL, NULL);
		if (a.status != rows[i].status || strcmp(answer_text(&a, "code"), rows[i].code) != 0)
			fail_msg("%s %s: %ld %s", rows[i].method, rows[i].path, a.status,
				a.body ? a.body : "");
		answer_release(&a);
	}
}

/* --- a slow reader, as nginx would be one --- */

static void submit_batch(struct instance *in, const char *user, int n)
{
	struct buf body = BUF_INIT(1 << 20);
	buf_text(&body, "{\"triggers\":[");
	for (int i = 0; i < n; i++)
		buf_fmt(&body, "%s{\"phase\":4,\"user_id\":\"%s\",\"sync_id\":\"%s-%d\",\"matches\":[]}",
			i ? "," : "", user, user, i);
	buf_text(&body, "]}");
	struct answer a = post(in, "/batch", body.p);
	if (a.status != 200)
		fail_msg("%ld %s", a.status, a.body ? a.body : "");
	answer_release(&a);
	buf_release(&body);
}

/* Whether the other side has closed, without reading more than the buffers hold. */
static bool is_ended(int fd, int ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLRDHUP};
	return poll(&wait, 1, ms) == 1 && (wait.revents & (POLLRDHUP | POLLHUP));
}

static void slow_reader__is_dropped_and_others_go_on(void **state)
{
	(void)state;
	struct instance *in = instance_start("events.slow-after=500ms");
	int slow = ask_directly(in, "all=1", 0);
	int half = ask_directly(in, "all=1", 60); /* a request that never comes to its end harms nobody */
	struct follower f = {0};
	follow_open(in, &f);
	tap_must(&f.tap, "\nretry: ");
	submit_batch(in, "slow", 500);
	int64_t until = clock_mono_us() + 2 * WAIT_MS * INT64_C(1000);
	while ((f.last < 2500 || f.last < last_seq(in)) && clock_mono_us() < until)
		follow(in, &f);
	assert_true(f.last >= 2500);
	assert_int_equal(f.breaks, 0);
	assert_true(is_ended(slow, 5000));
	assert_int_equal(count_in_logs(in, "event=slow_reader"), 1);
	close(slow);
	close(half);
	tap_close(&f.tap);
	instance_stop(in);
}

/* --- many --- */

static size_t listeners(void)
{
	const char *text = getenv("EVENTS_LISTENERS");
	return text && *text ? strtoul(text, NULL, 10) : 300;
}

static void raise_files(size_t n)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < n ? limit.rlim_max : n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void many__within_32_mib(void **state)
{
	(void)state;
	size_t n = listeners();
	struct instance *in = instance_start("");
	struct tap *taps = calloc(n, sizeof *taps);
	raise_files(n + 256);
	for (size_t i = 0; i < n; i++)
		taps[i] = tap_open(in, i % 2 ? "?user_id=many" : "?workflow_id=many-0", NULL);
	for (size_t i = 0; i < n; i++)
		tap_must(&taps[i], "\nretry: ");
	int64_t began = clock_mono_us();
	submit_for(in, "many", "many-0");
	for (size_t i = 0; i < n; i++)
		tap_must(&taps[i], "event: workflow.phase.4.completed\n");
	int64_t took_ms = (clock_mono_us() - began) / 1000;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	long exact = proc_number(in, "smaps_rollup", "Private_Dirty:"); /* for root alone to see */
	long kib = exact > 0 ? exact : proc_number(in, "status", "RssAnon:");
	report("events: %zu listeners: %ld KiB private, one job's 5 events to all of them in %lld ms\n", n,
		kib, (long long)took_ms);
	assert_in_range(kib, 1, 32 << 10);
#endif
	assert_true(took_ms < WAIT_MS);
	int64_t stop = clock_mono_us();
	instance_kill(in, EVENTS, SIGTERM);
	assert_true(clock_mono_us() - stop < 5000000);
	for (size_t i = 0; i < n; i++) {
		assert_true(tap_wait_end(&taps[i], 5000));
		tap_close(&taps[i]);
	}
	assert_refused(in, API "/events", NULL, 503, "upstream_unavailable");
	instance_launch(in, EVENTS);
	free(taps);
	instance_stop(in);
}

static void stop__with_listeners(void **state)
{
	(void)state;
	struct instance *in = instance_start("");
	struct tap taps[20];
	for (size_t i = 0; i < 20; i++) {
		taps[i] = tap_open(in, "", NULL);
		tap_must(&taps[i], "\nretry: ");
	}
	int64_t began = clock_mono_us();
	instance_stop(in);
	assert_true(clock_mono_us() - began < 5000000);
	for (size_t i = 0; i < 20; i++) {
		assert_true(tap_wait_end(&taps[i], 1000));
		tap_close(&taps[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_payloads__are_those_of_the_relay),
		cmocka_unit_test(filters__show_a_user_or_a_workflow),
		cmocka_unit_test(requests__as_a_table),
		cmocka_unit_test(resume__after_kill_9_of_every_process),
		cmocka_unit_test(heartbeat__comes_and_moves_the_place),
		cmocka_unit_test(strangers__need_a_ticket),
		cmocka_unit_test(tokens__limit_and_end_streams),
		cmocka_unit_test(ticket__gets_into_no_log),
		cmocka_unit_test(nobody__costs_nothing),
		cmocka_unit_test(gap__when_events_are_gone),
		cmocka_unit_test(ticket__ends),
		cmocka_unit_test(limits__503_and_429),
		cmocka_unit_test(slow_reader__is_dropped_and_others_go_on),
		cmocka_unit_test(many__within_32_mib),
		cmocka_unit_test(stop__with_listeners),
	};
	return cmocka_run_group_tests_name("events", tests, setup, teardown);
}

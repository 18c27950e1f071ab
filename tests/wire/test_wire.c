/* tests/wire/test_wire.c: what strangers and fools may send: forged records in bodies, two hundred kinds of
 * bad input, thousands of slow senders. All through the real nginx; nothing that is refused is stored, and
 * nobody else notices.
 *
 * WIRE_SLOW (slow senders at one time), WIRE_BAD (bad requests in a row). */
#include "tests/wire/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = instance_start("");
	return 0;
}

static int setup_kept(void **state)
{
	setenv("KEEP_CONN", "on", 1);
	*state = instance_start("");
	unsetenv("KEEP_CONN");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

/* --- a body that is a request of its own --- */

static void add_record(struct buf *out, int type, const void *content, size_t len)
{
	const unsigned char header[8] = {
		1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len, 0, 0};
	buf_add(out, header, sizeof header);
	buf_add(out, content, len);
}

static void add_param(struct buf *out, const char *name, const char *value)
{
	buf_byte(out, (unsigned char)strlen(name));
	buf_byte(out, (unsigned char)strlen(value));
	buf_text(out, name);
	buf_text(out, value);
}

/* As nginx would send it, from a peer that needs no credentials. */
static void add_forged(struct buf *out)
{
	static const char body[] = "{\"user_id\":\"forged\",\"sync_id\":\"forged\"}";
	const unsigned char begin[8] = {0, 1, 1};
	char length[16];
	struct buf params = BUF_INIT(4096);
	snprintf(length, sizeof length, "%zu", sizeof body - 1);
	add_param(&params, "REQUEST_METHOD", "POST");
	add_param(&params, "DOCUMENT_URI", API "/phase/2");
	add_param(&params, "CONTENT_TYPE", "application/json");
	add_param(&params, "REMOTE_ADDR", "127.0.0.1");
	add_param(&params, "CONTENT_LENGTH", length);
	add_record(out, 1, begin, sizeof begin);
	add_record(out, 4, params.p, params.len);
	add_record(out, 4, NULL, 0);
	add_record(out, 5, body, sizeof body - 1);
	add_record(out, 5, NULL, 0);
	buf_release(&params);
}

/* Each is refused, most before anybody has looked at the body. */
static const struct refusal {
	const char *method, *path, *headers;
} refusals[] = {
	{"POST", API "/phase/2", "Content-Type: application/json\n"},
	{"POST", API "/phase/2", "Content-Type: text/plain\n"},
	{"POST", API "/phase/2", "Content-Type: application/json\nContent-Encoding: gzip\n"},
	{"POST", API "/phase/99", "Content-Type: application/json\n"},
	{"POST", API "/nothing-here", "Content-Type: application/json\n"},
	{"PUT", API "/phase/2", "Content-Type: application/json\n"},
	{"DELETE", API "/jobs", "Content-Type: application/json\n"},
	{"POST", API "/phase/2", "Content-Type: application/json\nX-Priority: nonsense\n"},
	{"POST", API "/jobs/not-an-id/cancel", "Content-Type: application/json\n"},
	{"POST", API "/batch", "Content-Type: application/json\nX-Run-At: yesterday\n"},
};

/* Where the forged records begin in the body: at, before and behind the borders of every buffer on the way.
 */
static const size_t alignments[] = {0, 1, 2, 7, 8, 9, 255, 4088, 4095, 4096, 8152, 8160, 8176, 8183, 8184,
	8185, 8191, 8192, 8193, 16375, 16376, 16384, 32759, 32760, 32767, 32768, 65527, 65528, 65535, 65536};

static void smuggle(struct instance *in)
{
	size_t n = 0;
	uint64_t before = wire_accepted(in);
	for (size_t r = 0; r < sizeof refusals / sizeof *refusals; r++)
		for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++, n++) {
			struct buf body = BUF_INIT(1 << 20);
			for (size_t k = 0; k < alignments[i]; k++)
				buf_byte(&body, ' ');
			add_forged(&body);
			struct answer a = request_bytes(in, refusals[r].method, refusals[r].path,
				refusals[r].headers, body.p, body.len);
			if (a.status < 400 || a.status > 499)
				fail_msg("refusal %zu, alignment %zu: %ld", r, alignments[i], a.status);
			answer_release(&a);
			buf_release(&body);
			a = request(
				in, "GET", API "/health", NULL, NULL); /* often over the same connection */
			assert_int_equal(a.status, 200);
			answer_release(&a);
		}
	assert_int_equal(wire_accepted(in), before);
	report("%zu bodies with a request in them, none was taken for one\n", n);
}

static void smuggling__connections_closed(void **state)
{
	smuggle(*state);
}

static void smuggling__connections_kept(void **state)
{
	smuggle(*state);
}

/* --- bad input --- */

struct row {
	const char *body;
	int status;
	const char *code;
};

/* Wrong for every phase, whatever it wants. */
static const struct row bad_bodies[] = {
	{"{", 400, "bad_json"},
	{"}", 400, "bad_json"},
	{"{\"user_id\":\"u\"", 400, "bad_json"},
	{"{\"user_id\":\"u\",}", 400, "bad_json"},
	{"{\"user_id\" \"u\"}", 400, "bad_json"},
	{"{user_id:\"u\"}", 400, "bad_json"},
	{"{'user_id':'u'}", 400, "bad_json"},
	{"{\"user_id\":\"u\"}{}", 400, "bad_json"},
	{"{\"user_id\":\"u\"} x", 400, "bad_json"},
	{"{\"user_id\":\"u\",\"n\":01}", 400, "bad_json"},
	{"{\"user_id\":\"u\",\"n\":1.}", 400, "bad_json"},
	{"{\"user_id\":\"u\",\"n\":NaN}", 400, "bad_json"},
	{"{\"user_id\":\"u\",\"n\":1e999}", 400, "bad_json"},
	{"{\"user_id\":\"\xff\"}", 400, "bad_json"},
	{"{\"user_id\":\"\xc0\xaf\"}", 400, "bad_json"},
	{"{\"user_id\":\"\xed\xa0\x80\"}", 400, "bad_json"},
	{"{\"user_id\":\"\\ud800\"}", 400, "bad_json"},
	{"{\"user_id\":\"a\nb\"}", 400, "bad_json"},
	{"// comment\n{}", 400, "bad_json"},
	{"[1,2", 400, "bad_json"},
	{"7", 400, NULL},
	{"\"text\"", 400, NULL},
	{"null", 400, NULL},
	{"true", 400, NULL},
	{"{}", 400, "missing_field"},
	{"{\"user_id\":null}", 400, NULL},
	{"{\"user_id\":{}}", 400, NULL},
	{"{\"user_id\":[]}", 400, NULL},
	{"{\"user_id\":true}", 400, NULL},
};

/* Everything else that can be wrong with a request. */
static const struct {
	const char *method, *path, *headers, *body;
	int status;
} bad_requests[] = {
	{"POST", "/phase/0", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/phase/8", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/phase/-1", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/phase/1.5", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/phase/one", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/phase/99999999999999999999", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/step/1", NULL, "{\"user_id\":\"u\"}", 400},
	{"POST", "/step/15", NULL, "{\"user_id\":\"u\"}", 400},
	{"GET", "/phase/1", NULL, NULL, 405},
	{"PATCH", "/phase/1", NULL, "{}", 405},
	{"POST", "/jobs", NULL, "{}", 405},
	{"GET", "/jobs/nonsense", NULL, NULL, 400},
	{"GET", "/jobs/00000000-0000-0000-0000-000000000000", NULL, NULL, 404},
	{"GET", "/jobs?limit=0", NULL, NULL, 400},
	{"GET", "/jobs?limit=x", NULL, NULL, 400},
	{"GET", "/jobs?state=nonsense", NULL, NULL, 400},
	{"GET", "/jobs?phase=99", NULL, NULL, 400},
	{"GET", "/jobs?cursor=zzz", NULL, NULL, 400},
	{"GET", "/jobs?unknown=1", NULL, NULL, 400},
	{"GET", "/workflows/never-was", NULL, NULL, 404},
	{"GET", "/nothing", NULL, NULL, 404},
	{"POST", "/batch", NULL, "{\"triggers\":7}", 400},
	{"POST", "/batch", NULL, "{\"triggers\":[]}", 400},
	{"POST", "/phase/2", "Content-Type: text/xml\n", "{\"user_id\":\"u\",\"sync_id\":\"s\"}", 415},
	{"POST", "/phase/2", "Content-Type: application/json; charset=utf-16\n",
		"{\"user_id\":\"u\",\"sync_id\":\"s\"}", 415},
	{"POST", "/phase/2", "X-Priority: 11\n", "{\"user_id\":\"u\",\"sync_id\":\"s\"}", 400},
	{"POST", "/phase/2", "X-Delay: -5\n", "{\"user_id\":\"u\",\"sync_id\":\"s\"}", 400},
	{"POST", "/phase/2", "X-Run-At: never\n", "{\"user_id\":\"u\",\"sync_id\":\"s\"}", 400},
	{"POST", "/phase/2", "X-Run-At: 2030-13-01T00:00:00Z\n", "{\"user_id\":\"u\",\"sync_id\":\"s\"}",
		400},
	{"POST", "/phase/2", "Idempotency-Key: \"\"\n", "{\"user_id\":\"u\",\"sync_id\":\"s\"}", 400},
};

static void bad_input__is_refused_with_words(void **state)
{
	struct instance *in = *state;
	size_t rows = 0, bodies = sizeof bad_bodies / sizeof *bad_bodies;
	uint64_t before = wire_accepted(in);
	for (int phase = 1; phase <= 7; phase++)
		for (size_t i = 0; i < bodies; i++, rows++) {
			char path[64];
			snprintf(path, sizeof path, API "/phase/%d", phase);
			struct answer a = request(
				in, "POST", path, "Content-Type: application/json\n", bad_bodies[i].body);
			wire_expect(&a, bad_bodies[i].status, bad_bodies[i].code, "body", i);
			answer_release(&a);
		}
	for (size_t i = 0; i < sizeof bad_requests / sizeof *bad_requests; i++, rows++) {
		char path[160], headers[300];
		const char *own = bad_requests[i].headers ? bad_requests[i].headers : "";
		snprintf(path, sizeof path, API "%s", bad_requests[i].path);
		snprintf(headers, sizeof headers, "%s%s",
			strstr(own, "Content-Type") ? "" : "Content-Type: application/json\n", own);
		struct answer a = request(in, bad_requests[i].method, path, headers, bad_requests[i].body);
		wire_expect(&a, bad_requests[i].status, NULL, "request", i);
		answer_release(&a);
	}
	assert_int_equal(wire_accepted(in), before);
	report("%zu kinds of bad input, each refused as documented\n", rows);
}

static void send_bad(struct instance *in, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		const struct row *row = &bad_bodies[i % (sizeof bad_bodies / sizeof *bad_bodies)];
		struct answer a =
			request(in, "POST", API "/phase/3", "Content-Type: application/json\n", row->body);
		assert_int_equal(a.status, row->status);
		answer_release(&a);
	}
}

static void bad_input__in_a_row_costs_nothing_that_stays(void **state)
{
	struct instance *in = *state;
	pid_t pid = instance_pid(in, FCGI);
	unsigned long n = wire_setting("WIRE_BAD", 3000);
	send_bad(in, 500); /* what is allocated once is allocated */
	long memory = process_memory(pid), threads = process_number(pid, "status", "Threads:"),
	     slots = process_number(pid, "status", "FDSize:");
	send_bad(in, n);
	long grown = process_memory(pid) - memory;
	report("%lu bad requests in a row: private memory %+ld KiB\n", n, grown);
	assert_int_equal(instance_pid(in, FCGI), pid);
	assert_int_equal(process_number(pid, "status", "Threads:"), threads);
	assert_int_equal(process_number(pid, "status", "FDSize:"), slots);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(grown < 1024);
#endif
}

/* --- slow and many --- */

static int dial(struct instance *in)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)in->port)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	close(fd);
	return -1;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Senders that have promised a body and send a byte now and then; good ones in between do not notice. */
static void slow__senders_delay_nobody(void **state)
{
	enum { GOOD = 300 };
	static const char head[] =
		"POST " API "/phase/2 HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
		"Content-Length: 4000\r\n\r\n{";
	struct instance *in = *state;
	struct rlimit limit;
	unsigned long want = wire_setting("WIRE_SLOW", 400), n = 0;
	int64_t took[GOOD];
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	int *slow = calloc(want, sizeof *slow);
	for (; n < want && (slow[n] = dial(in)) >= 0; n++)
		assert_int_equal(
			send(slow[n], head, sizeof head - 1, MSG_NOSIGNAL), (ssize_t)sizeof head - 1);
	for (int i = 0; i < GOOD; i++) {
		char body[128], id[40];
		int64_t began = clock_mono_us();
		for (int k = 0; k < 20 && n > 0; k++)
			send(slow[(size_t)(i * 20 + k) % n], " ", 1, MSG_NOSIGNAL);
		snprintf(body, sizeof body, "{\"user_id\":\"g\",\"sync_id\":\"good-%d\"}", i);
		submit_job(in, "/phase/2", body, id);
		took[i] = clock_mono_us() - began;
	}
	qsort(took, GOOD, sizeof *took, by_value);
	report("%lu slow senders: good requests took %lld us (median), %lld us (p99; asked for: 50000)\n", n,
		(long long)took[GOOD / 2], (long long)took[GOOD * 99 / 100]);
	for (unsigned long i = 0; i < n; i++)
		close(slow[i]);
	free(slow);
	assert_int_equal(n, want);
}

/* More than nginx and clario-fcgi take at one time: whoever is turned away is told so in JSON, and when to
 * come back. */
static void overload__is_told_politely(void **state)
{
	enum { AT_ONCE = 64, ROUNDS = 20 };
	static const char head[] =
		"POST " API "/phase/2 HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s";
	struct instance *in = *state;
	size_t taken = 0, refused = 0;
	instance_kill(in, FCGI, SIGTERM); /* nobody is there: the worst kind of overload */
	for (int round = 0; round < ROUNDS; round++) {
		int fds[AT_ONCE];
		if (round == ROUNDS / 2) {
			instance_launch(in, FCGI);
			instance_wait_ready(in);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			char body[100], text[600];
			snprintf(body, sizeof body, "{\"user_id\":\"o\",\"sync_id\":\"over-%d-%d\"}", round,
				i);
			int len = snprintf(text, sizeof text, head, strlen(body), body);
			fds[i] = dial(in);
			assert_true(fds[i] >= 0);
			assert_int_equal(send(fds[i], text, (size_t)len, MSG_NOSIGNAL), len);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			char answer[4096] = "";
			for (ssize_t got, len = 0;
				len < 4095 && (got = recv(fds[i], answer + len, 4095 - (size_t)len, 0)) > 0;)
				len += got;
			close(fds[i]);
			bool is_taken = strstr(answer, " 200 ") != NULL;
			taken += is_taken;
			refused += !is_taken;
			if (!is_taken && !(strstr(answer, " 503 ") && strstr(answer, "Retry-After:") &&
						 strstr(answer, "\"code\"")))
				fail_msg("%s", answer);
		}
	}
	report("%zu taken, %zu told to come back\n", taken, refused);
	assert_int_equal(taken, AT_ONCE * ROUNDS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(smuggling__connections_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(smuggling__connections_kept, setup_kept, teardown),
		cmocka_unit_test_setup_teardown(bad_input__is_refused_with_words, setup, teardown),
		cmocka_unit_test_setup_teardown(
			bad_input__in_a_row_costs_nothing_that_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(slow__senders_delay_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(overload__is_told_politely, setup, teardown),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

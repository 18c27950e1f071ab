/* tests/unit/test_server.c: the socket and the threads behind it, spoken to in FastCGI records, well formed
 * and not. Each test begins with a server of two desks, so that one that is lost shows. */
#include "tests/support/unit.h"

#include "fcgi/server.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"
#include "spool/spool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BEGIN = 1, ABORT = 2, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };
enum { ANSWER_MS = 8000, CONNECTIONS = 64 };

struct fixture {
	char dir[64], socket[96], spool_path[96];
	struct opts opts;
	struct app app;
	struct listener listener;
	struct server *server;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct why why = WHY_INIT;
	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-server-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->socket, sizeof f->socket, "%s/fcgi.sock", f->dir);
	snprintf(f->spool_path, sizeof f->spool_path, "%s/spool", f->dir);
	assert_int_equal(opts_load(NULL, &f->opts, &why), ST_OK);
	free(f->opts.spool.path);
	f->opts.spool.path = strdup(f->spool_path);
	f->opts.spool.map_size = 16 << 20;
	f->opts.http.threads = 2;
	f->opts.http.connections = CONNECTIONS;
	f->opts.http.max_body = 64 << 10;
	struct spool_conf conf = opts_spool_conf(&f->opts);
	assert_int_equal(spool_init(&conf, &why), ST_OK);
	f->app.opts = &f->opts;
	pthread_mutex_init(&f->app.large_parse, NULL);
	budget_init(&f->app.bodies, 64 << 10);
	assert_int_equal(spool_open(&conf, &f->app.spool, &why), ST_OK);
	assert_int_equal(listener_open(f->socket, 64, &f->listener, &why), ST_OK);
	assert_int_equal(server_start(&f->app, &f->listener, &f->server, &why), ST_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[160];
	struct why why = WHY_INIT;
	listener_retire(&f->listener);
	if (f->server)
		assert_true(server_stop(f->server));
	listener_close(&f->listener);
	assert_int_equal(atomic_load(&f->app.bodies.used), 0);
	assert_int_equal(spool_check(f->app.spool, NULL, NULL, &why), ST_OK);
	spool_close(f->app.spool);
	pthread_mutex_destroy(&f->app.large_parse);
	opts_release(&f->opts);
	snprintf(command, sizeof command, "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* A request under construction. */
static void add_record(struct buf *out, int type, const void *content, size_t len)
{
	const unsigned char header[8] = {
		1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len, 0, 0};
	buf_add(out, header, sizeof header);
	buf_add(out, content, len);
}

static void add_begin(struct buf *out, bool keep)
{
	const unsigned char body[8] = {0, 1, keep};
	add_record(out, BEGIN, body, sizeof body);
}

static void add_param(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_byte(out, (unsigned char)strlen(name));
	buf_byte(out, (unsigned char)strlen(value));
	buf_text(out, name);
	buf_text(out, value);
}

static void add_params(struct buf *out, const char *peer, const char *length)
{
	struct buf params = BUF_INIT(4096);
	add_param(&params, "REQUEST_METHOD", "POST");
	add_param(&params, "DOCUMENT_URI", "/api/v1/workflow/phase/2");
	add_param(&params, "CONTENT_TYPE", "application/json");
	add_param(&params, "REMOTE_ADDR", peer);
	add_param(&params, "CONTENT_LENGTH", length);
	add_record(out, PARAMS, params.p, params.len);
	add_record(out, PARAMS, NULL, 0);
	buf_release(&params);
}

static void add_request(struct buf *out, bool keep, const char *peer, const char *length, struct slice body)
{
	add_begin(out, keep);
	add_params(out, peer, length);
	if (body.len)
		add_record(out, STDIN, body.p, body.len);
	add_record(out, STDIN, NULL, 0);
}

static int dial(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, f->socket, strlen(f->socket) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void send_all(int fd, struct slice bytes)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* the server may have had enough of it */
		bytes = slice_of(bytes.p + n, bytes.len - (size_t)n);
	}
}

/* Read answers until the connection ends, or `ends` requests have been ended. Returns how many were. */
static int receive(int fd, int ends, struct buf *text)
{
	unsigned char in[65536];
	size_t len = 0, at = 0;
	int ended = 0;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		while (len - at >= 8 &&
			len - at >= 8u + (size_t)(in[at + 4] << 8 | in[at + 5]) + in[at + 6]) {
			size_t content = (size_t)(in[at + 4] << 8 | in[at + 5]);
			if (in[at + 1] == STDOUT)
				buf_add(text, in + at + 8, content);
			ended += in[at + 1] == END;
			at += 8 + content + in[at + 6];
		}
		if (ended >= ends)
			return ended;
		assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
		ssize_t n = recv(fd, in + len, sizeof in - len, 0);
		if (n <= 0)
			return ended;
		len += (size_t)n;
	}
}

/* The status of the one answer to these bytes; 0: the connection was ended without one. */
static int ask(const struct fixture *f, const struct buf *bytes, bool half_close)
{
	struct buf text = BUF_INIT(1 << 20);
	int status = 0;
	int fd = dial(f);
	send_all(fd, buf_slice(bytes));
	if (half_close)
		shutdown(fd, SHUT_WR);
	if (receive(fd, 1, &text) == 1)
		assert_int_equal(sscanf(text.p, "Status: %d", &status), 1);
	close(fd);
	buf_release(&text);
	return status;
}

static const char GOOD[] = "{\"user_id\":\"u1\",\"sync_id\":\"s\"}";

static uint64_t accepted(const struct fixture *f)
{
	struct stats stats;
	assert_int_equal(spool_stats(f->app.spool, &stats, NULL), ST_OK);
	return stats.accepted_total;
}

static int ask_good(const struct fixture *f)
{
	char length[24];
	struct buf bytes = BUF_INIT(8192);
	snprintf(length, sizeof length, "%zu", sizeof GOOD - 1);
	add_request(&bytes, false, "127.0.0.1", length, slice_text(GOOD));
	int status = ask(f, &bytes, false);
	buf_release(&bytes);
	return status;
}

static void lengths__must_agree_with_the_body(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *length, *body;
		int status;
	} rows[] = {
		{NULL, GOOD, 411},
		{"", GOOD, 411},
		{"0", GOOD, 411},
		{NULL, "", 400},
		{"31", GOOD, 400},
		{"29", GOOD, 400},
		{"abc", GOOD, 400},
		{"-30", GOOD, 400},
		{"+30", GOOD, 400},
		{" 30", GOOD, 400},
		{"0x1e", GOOD, 400},
		{"99999999999999999999999999", GOOD, 400},
		{"65537", GOOD, 413},
		{"2147483648", GOOD, 413},
		{"18446744073709551", GOOD, 413},
	};
	assert_int_equal(strlen(GOOD), 30);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf bytes = BUF_INIT(8192);
		add_request(&bytes, false, "127.0.0.1", rows[i].length, slice_text(rows[i].body));
		int status = ask(f, &bytes, false);
		if (status != rows[i].status)
			fail_msg("length %s: %d", rows[i].length ? rows[i].length : "absent", status);
		buf_release(&bytes);
	}
	assert_int_equal(accepted(f), 0);
	assert_int_equal(ask_good(f), 200);
	assert_int_equal(accepted(f), 1);
}

static void bodies__cut_off_are_not_stored(void **state)
{
	struct fixture *f = *state;
	struct buf whole = BUF_INIT(8192);
	add_request(&whole, false, "127.0.0.1", "30", slice_text(GOOD));
	/* without the empty record at the end the body has not ended, however much of it is there; libfcgi
	 * takes parameters that are cut off for all there are, and a request without a peer is a stranger's
	 */
	for (size_t len = 0; len < whole.len; len++) {
		struct buf part = BUF_INIT(8192);
		buf_add(&part, whole.p, len);
		int status = ask(f, &part, true);
		if (status != 0 && status != 400 && status != 401)
			fail_msg("%zu of %zu bytes: %d", len, whole.len, status);
		buf_release(&part);
	}
	struct buf aborted = BUF_INIT(8192);
	add_begin(&aborted, false);
	add_params(&aborted, "127.0.0.1", "30");
	add_record(&aborted, STDIN, GOOD, 30);
	add_record(&aborted, ABORT, NULL, 0);
	assert_int_equal(ask(f, &aborted, false), 400);
	assert_int_equal(accepted(f), 0);
	assert_int_equal(ask(f, &whole, true), 200);
	buf_release(&aborted);
	buf_release(&whole);
}

static void garbage__ends_the_connection_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	uint32_t random = 12345;
	for (int i = 0; i < 200; i++) {
		struct buf bytes = BUF_INIT(8192);
		for (int k = 0; k < 16 * (1 + i % 40); k++) {
			random = random * 1103515245 + 12345;
			buf_byte(&bytes, (unsigned char)(random >> 16));
		}
		/* not a name-value query of ours to answer, and not the start of a request */
		bytes.p[0] = i % 2 ? 1 : bytes.p[0];
		bytes.p[1] = i % 2 ? (char)(20 + i % 50) : bytes.p[1];
		bytes.p[2] = bytes.p[3] = 1;
		assert_int_equal(ask(f, &bytes, true), 0);
		buf_release(&bytes);
	}
	assert_int_equal(ask_good(f), 200);
}

/* libfcgi would add such lengths up to an int, and ask malloc for the sum. */
static void params__that_lie_end_the_connection(void **state)
{
	struct fixture *f = *state;
	static const unsigned char lies[][8] = {
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 1},
		{0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe},
		{4, 0xff, 0xff, 0xff, 0xff, 'a', 'b', 'c'},
		{200, 200, 'a', 'b', 'c', 'd', 'e', 'f'},
	};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct buf bytes = BUF_INIT(8192);
		add_begin(&bytes, false);
		add_record(&bytes, PARAMS, lies[i], sizeof lies[i]);
		add_record(&bytes, PARAMS, NULL, 0);
		add_record(&bytes, STDIN, NULL, 0);
		assert_int_equal(ask(f, &bytes, false), 0);
		buf_release(&bytes);
	}
	assert_int_equal(ask_good(f), 200);
}

static void refusals__do_not_let_the_body_speak(void **state)
{
	struct fixture *f = *state;
	static const char *const lengths[] = {"", "10", "300", "99999999", "x"};
	struct buf forged = BUF_INIT(8192);
	add_request(&forged, true, "127.0.0.1", "30", slice_text(GOOD));
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct buf bytes = BUF_INIT(8192), text = BUF_INIT(1 << 20);
		add_request(&bytes, true, "192.0.2.1", lengths[i], buf_slice(&forged));
		int fd = dial(f);
		send_all(fd, buf_slice(&bytes));
		shutdown(fd, SHUT_WR);
		assert_int_equal(receive(fd, 99, &text), 1);
		assert_non_null(strstr(text.p, "Status: 401"));
		close(fd);
		buf_release(&bytes);
		buf_release(&text);
	}
	assert_int_equal(accepted(f), 0);
	buf_release(&forged);
}

static void kept__connections_serve_again(void **state)
{
	struct fixture *f = *state;
	struct buf bytes = BUF_INIT(8192);
	add_request(&bytes, true, "127.0.0.1", "30", slice_text(GOOD));
	int fd = dial(f);
	for (int i = 0; i < 5; i++) {
		struct buf text = BUF_INIT(1 << 20);
		send_all(fd, buf_slice(&bytes));
		assert_int_equal(receive(fd, 1, &text), 1);
		assert_non_null(strstr(text.p, "Status: 200"));
		buf_release(&text);
	}
	close(fd);
	buf_release(&bytes);
	assert_int_equal(accepted(f), 1);
}

static void too_large__is_drained_then_cut(void **state)
{
	struct fixture *f = *state;
	static char block[32768];
	struct buf bytes = BUF_INIT(8 << 20);
	add_begin(&bytes, true);
	add_params(&bytes, "127.0.0.1", "4194304");
	for (int i = 0; i < 128; i++)
		add_record(&bytes, STDIN, block, sizeof block);
	add_record(&bytes, STDIN, NULL, 0);
	int status = ask(f, &bytes, false);
	assert_true(status == 413 || status == 0); /* beyond the bound the answer may meet a broken pipe */
	assert_int_equal(ask_good(f), 200);
	buf_release(&bytes);
}

/* Two desks, both taken by requests that do not come to their end: submits need none. */
static void silent__peers_delay_no_submit(void **state)
{
	struct fixture *f = *state;
	int silent[16];
	for (int i = 0; i < 16; i++) {
		silent[i] = dial(f);
		send_all(silent[i], slice_of("\1\1\0", i % 2 ? 3 : 0));
	}
	int64_t begin = clock_mono_us();
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_good(f), 200);
	assert_true(clock_mono_us() - begin < 5000000); /* far less than such a peer is waited for */
	for (int i = 0; i < 16; i++)
		close(silent[i]);
}

/* As many kept connections as there may be: the idle ones make room for a newcomer. */
static void kept__make_room(void **state)
{
	struct fixture *f = *state;
	struct buf bytes = BUF_INIT(8192), text = BUF_INIT(1 << 20);
	int kept[CONNECTIONS];
	add_request(&bytes, true, "127.0.0.1", "30", slice_text(GOOD));
	for (int i = 0; i < CONNECTIONS; i++) {
		kept[i] = dial(f);
		send_all(kept[i], buf_slice(&bytes));
		assert_int_equal(receive(kept[i], 1, &text), 1);
	}
	assert_int_equal(ask_good(f), 200);
	for (int i = 0; i < CONNECTIONS; i++)
		close(kept[i]);
	buf_release(&bytes);
	buf_release(&text);
}

static void stop__does_not_wait_for_idle_peers(void **state)
{
	struct fixture *f = *state;
	int kept = dial(f), silent = dial(f);
	struct buf bytes = BUF_INIT(8192), text = BUF_INIT(1 << 20);
	add_request(&bytes, true, "127.0.0.1", "30", slice_text(GOOD));
	send_all(kept, buf_slice(&bytes));
	assert_int_equal(receive(kept, 1, &text), 1);
	send_all(silent, slice_of("\1\1\0", 3));
	int64_t begin = clock_mono_us();
	listener_retire(&f->listener);
	assert_true(server_stop(f->server));
	f->server = NULL;
	assert_true(clock_mono_us() - begin < 5000000);
	close(kept);
	close(silent);
	buf_release(&bytes);
	buf_release(&text);
}

static void listener__is_not_stolen(void **state)
{
	struct fixture *f = *state;
	struct listener second;
	struct why why = WHY_INIT;
	struct stat st;
	assert_int_equal(stat(f->socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(listener_open(f->socket, 64, &second, &why), ST_BUSY);
	assert_int_equal(second.fd, -1);
	listener_retire(&second);
	assert_int_equal(ask_good(f), 200);
}

static void listener__replaces_a_leftover_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	struct listener l;
	struct why why = WHY_INIT;
	char path[128], file[128];
	snprintf(path, sizeof path, "%s/other.sock", f->dir);
	assert_int_equal(listener_open(path, 64, &l, &why), ST_OK);
	listener_close(&l); /* as a kill would leave it */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(listener_open(path, 64, &l, &why), ST_OK);
	listener_retire(&l);
	listener_close(&l);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(file, sizeof file, "%s/file", f->dir);
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	fclose(out);
	assert_int_equal(listener_open(file, 64, &l, &why), ST_INVALID);
	assert_int_equal(access(file, F_OK), 0);
	memset(file, 'x', sizeof file - 1);
	file[0] = '/';
	file[sizeof file - 1] = '\0';
	assert_int_equal(listener_open(file, 64, &l, &why), ST_INVALID);
}

static void budget__is_for_all_together(void **state)
{
	(void)state;
	struct budget b;
	budget_init(&b, 100);
	assert_true(budget_take(&b, 60));
	assert_false(budget_take(&b, 41));
	assert_true(budget_take(&b, 40));
	assert_true(budget_take(&b, 0));
	assert_false(budget_take(&b, 1));
	budget_give(&b, 60);
	assert_true(budget_take(&b, 60));
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(lengths__must_agree_with_the_body),
		SERVED(bodies__cut_off_are_not_stored),
		SERVED(garbage__ends_the_connection_and_nothing_else),
		SERVED(params__that_lie_end_the_connection),
		SERVED(refusals__do_not_let_the_body_speak),
		SERVED(kept__connections_serve_again),
		SERVED(too_large__is_drained_then_cut),
		SERVED(silent__peers_delay_no_submit),
		SERVED(kept__make_room),
		SERVED(stop__does_not_wait_for_idle_peers),
		SERVED(listener__is_not_stolen),
		SERVED(listener__replaces_a_leftover_and_nothing_else),
		cmocka_unit_test(budget__is_for_all_together),
	};
	log_open("test", LOG_LEVEL_ERR);
	signal(SIGPIPE, SIG_IGN);
	jx_init();
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}

/* tests/support/sse.c: see sse.h. */
#include "tests/support/sse.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 15000, TEXT_MAX = 8 << 20 };

static int connect_to(struct instance *in)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)in->port)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

struct tap tap_open(struct instance *in, const char *query, const char *headers)
{
	char request[4096];
	struct tap tap = {.fd = connect_to(in), .text = BUF_INIT(TEXT_MAX)};
	int len = snprintf(request, sizeof request,
		"GET " API "/events%s HTTP/1.0\r\nHost: localhost\r\n%s\r\n", query, headers ? headers : "");
	assert_int_equal(send(tap.fd, request, (size_t)len, MSG_NOSIGNAL), len);
	return tap;
}

void tap_close(struct tap *tap)
{
	close(tap->fd);
	buf_release(&tap->text);
}

void tap_read(struct tap *tap, int ms)
{
	char bytes[65536];
	struct pollfd wait = {.fd = tap->fd, .events = POLLIN};
	if (tap->has_ended || poll(&wait, 1, ms) <= 0)
		return;
	ssize_t n = recv(tap->fd, bytes, sizeof bytes, 0);
	tap->has_ended = n <= 0;
	buf_add(&tap->text, bytes, n > 0 ? (size_t)n : 0);
}

const char *tap_text(const struct tap *tap)
{
	return tap->text.p ? tap->text.p : "";
}

bool tap_wait(struct tap *tap, const char *what, int ms)
{
	int64_t until = clock_mono_us() + ms * INT64_C(1000);
	while (!strstr(tap_text(tap), what) && !tap->has_ended && clock_mono_us() < until)
		tap_read(tap, 50);
	return strstr(tap_text(tap), what) != NULL;
}

void tap_must(struct tap *tap, const char *what)
{
	if (!tap_wait(tap, what, WAIT_MS))
		fail_msg("no %s in: %s", what, tap_text(tap));
}

bool tap_wait_end(struct tap *tap, int ms)
{
	int64_t until = clock_mono_us() + ms * INT64_C(1000);
	while (!tap->has_ended && clock_mono_us() < until)
		tap_read(tap, 50);
	return tap->has_ended;
}

bool next_piece(const char **at, struct piece *out)
{
	const char *id = strstr(*at, "\nid: "), *end = id ? strstr(id + 1, "\n\n") : NULL;
	if (!end)
		return false;
	*out = (struct piece){.id = strtoull(id + 5, NULL, 10)};
	const char *name = strstr(id, "\nevent: "), *data = strstr(id, "\ndata: ");
	if (name && name < end)
		sscanf(name + 8, "%63[^\n]", out->name);
	if (data && data < end) {
		out->data = data + 7;
		out->data_len = (size_t)(end - out->data);
	}
	*at = end + 1;
	return true;
}

void follow_open(struct instance *in, struct follower *f)
{
	char query[64], header[64];
	snprintf(query, sizeof query, "?all=1%s", f->breaks ? "" : "&last_event_id=0");
	snprintf(header, sizeof header, "Last-Event-ID: %llu\r\n", f->last);
	f->tap = tap_open(in, query, f->breaks ? header : NULL);
	f->at = 0;
}

void follow(struct instance *in, struct follower *f)
{
	struct piece piece;
	tap_read(&f->tap, 20);
	const char *at = tap_text(&f->tap) + f->at;
	while (next_piece(&at, &piece)) {
		if (strcmp(piece.name, "gap") == 0)
			fail_msg("a gap after %llu", f->last);
		if (strcmp(piece.name, "audit") != 0)
			continue;
		if (piece.id != f->last + 1)
			fail_msg("%llu came after %llu", piece.id, f->last);
		f->last = piece.id;
	}
	f->at = (size_t)(at - tap_text(&f->tap));
	if (f->tap.has_ended) {
		tap_close(&f->tap);
		f->breaks++;
		clock_sleep_ms(20);
		follow_open(in, f);
	}
}

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

int ask_directly(struct instance *in, const char *query, size_t cut)
{
	static const unsigned char begin[8] = {0, 1};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct buf params = BUF_INIT(4096), out = BUF_INIT(8192);
	snprintf(at.sun_path, sizeof at.sun_path, "%s/events.sock", in->dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	add_param(&params, "REQUEST_METHOD", "GET");
	add_param(&params, "DOCUMENT_URI", API "/events");
	add_param(&params, "QUERY_STRING", query);
	add_param(&params, "REMOTE_ADDR", "127.0.0.1");
	add_record(&out, 1, begin, sizeof begin);
	add_record(&out, 4, params.p, params.len);
	add_record(&out, 4, NULL, 0);
	add_record(&out, 5, NULL, 0);
	size_t len = cut && cut < out.len ? cut : out.len;
	assert_int_equal(send(fd, out.p, len, MSG_NOSIGNAL), len);
	buf_release(&params);
	buf_release(&out);
	return fd;
}

void get_ticket(struct instance *in, const char *query, const char *header, char out[2048])
{
	char path[512];
	snprintf(path, sizeof path, API "/events/ticket%s", query);
	struct answer a = request(in, "POST", path, header, NULL);
	assert_int_equal(a.status, 200);
	snprintf(out, 2048, "%s", answer_text(&a, "ticket"));
	assert_true(strlen(out) > 64);
	answer_release(&a);
}

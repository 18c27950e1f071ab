/* fcgi/wire.c: see wire.h. */
#include "fcgi/wire.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

enum {
	DRAIN_BLOCK = 16 << 10,
	KEEP_MAX = 4 << 10, /* a connection does not hold on to a larger body buffer */
	HEAD_MAX = 8 << 10,
};

void wire_init(struct wire *wire, struct app *app)
{
	wire->app = app;
	wire->budget = 0;
	FCGX_InitRequest(&wire->fcgi, -1, 0);
	buf_init(&wire->body, (size_t)app->opts->http.max_body);
	buf_init(&wire->head, HEAD_MAX);
	reply_init(&wire->reply);
}

void wire_release(struct wire *wire)
{
	buf_release(&wire->body);
	buf_release(&wire->head);
	reply_release(&wire->reply);
}

void wire_open(struct wire *wire, int fd)
{
	wire->fcgi.ipcFd = fd;
}

/* The raw records, in the buffer that libfcgi reads them into and frees as it is. What a stream has in data
 * is its own affair, but begins with that buffer and its length in all versions (2.4); they are taken for
 * what they seem only if the stream's public pointers lie in there. */
static void wipe_records(FCGX_Stream *in)
{
	struct {
		unsigned char *buffer;
		int len;
	} head;
	if (!in || !in->data)
		return;
	memcpy(&head, in->data, sizeof head);
	if (head.buffer && head.len > 0 && head.len <= RECORDS_LOOK_MAX && in->rdNext >= head.buffer &&
		in->rdNext <= in->stop && in->stop <= head.buffer + head.len)
		explicit_bzero(head.buffer, (size_t)head.len);
}

/* Credentials, in what libfcgi holds until the request ends; between two requests envp points nowhere. */
static void wipe_params(const FCGX_Request *fcgi)
{
	static const char *const names[] = {"HTTP_AUTHORIZATION=", "HTTP_COOKIE="};
	for (char **envp = fcgi->paramsPtr ? fcgi->envp : NULL; envp && *envp; envp++)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			size_t len = strlen(names[i]);
			if (strncmp(*envp, names[i], len) == 0)
				explicit_bzero(*envp + len, strlen(*envp + len));
		}
}

/* What one request held. A body may hold secrets. */
static void let_go(struct wire *wire)
{
	if (wire->body.cap > KEEP_MAX)
		buf_wipe(&wire->body);
	else if (wire->body.len)
		explicit_bzero(wire->body.p, wire->body.len);
	buf_clear(&wire->body);
	reply_reset(&wire->reply);
	budget_give(&wire->app->bodies, wire->budget);
	wire->budget = 0;
}

void wire_close(struct wire *wire)
{
	if (wire->fcgi.ipcFd < 0)
		return;
	wipe_params(&wire->fcgi);
	wipe_records(wire->fcgi.in);
	FCGX_Free(&wire->fcgi, 1);
	let_go(wire);
}

/* Read and forget, to the end: a socket that is closed with bytes unread resets its peer, and nginx then
 * gives the client a part of the answer, or another one (503), or none. How much comes is for nginx to bound
 * (client_max_body_size), how long it may take for the server (SILENCE_MS). true: the end was seen, no error.
 */
static bool drain(FCGX_Stream *in)
{
	char block[DRAIN_BLOCK];
	int got;
	do
		got = FCGX_GetStr(block, DRAIN_BLOCK, in);
	while (got == DRAIN_BLOCK);
	explicit_bzero(block, sizeof block);
	return got < DRAIN_BLOCK && FCGX_GetError(in) == 0;
}

/* Whether a body of this length is wanted; *taken bytes of the budget are then held. */
static bool admit(struct app *app, struct request *request, uint64_t *length, size_t *taken)
{
	struct fault *fault = &request->body_fault;
	uint64_t max = (uint64_t)app->opts->http.max_body;
	*taken = 0;
	if (!request_length(request, length))
		return fault_set(
			fault, PROBLEM_BAD_HEADER, "Content-Length", "Content-Length must be a number");
	if (*length > max)
		return fault_set(fault, PROBLEM_BODY_TOO_LARGE, NULL,
			"the body has %llu bytes, the limit is %llu", (unsigned long long)*length,
			(unsigned long long)max);
	if (fault->problem != PROBLEM_NONE)
		return false;
	if (!budget_take(&app->bodies, (size_t)*length))
		return fault_set(
			fault, PROBLEM_BODY_BUDGET, NULL, "too many request bodies are in work; try again");
	*taken = (size_t)*length;
	return true;
}

static bool incomplete(struct request *request, uint64_t got, uint64_t length)
{
	return fault_set(&request->body_fault, PROBLEM_BODY_INCOMPLETE, NULL,
		"the body ended after %llu of %llu bytes", (unsigned long long)got,
		(unsigned long long)length);
}

/* The body, whole or not at all: exactly as long as was said, and then the end. */
static bool read_body(FCGX_Stream *in, struct request *request, struct buf *body, uint64_t length)
{
	char extra;
	char *to = length ? buf_room(body, (size_t)length) : NULL;
	if (length && !to)
		return fault_set(&request->body_fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "out of memory");
	int got = to ? FCGX_GetStr(to, (int)length, in) : 0;
	if (got < 0 || (uint64_t)got != length)
		return incomplete(request, got > 0 ? (uint64_t)got : 0, length);
	bool has_more = FCGX_GetStr(&extra, 1, in) != 0;
	if (FCGX_GetError(in) != 0)
		return incomplete(request, length, length);
	if (has_more && length == 0)
		return fault_set(&request->body_fault, PROBLEM_LENGTH_REQUIRED, "Content-Length",
			"a body needs a Content-Length");
	if (has_more)
		return fault_set(&request->body_fault, PROBLEM_BODY_INCOMPLETE, NULL,
			"the body is longer than its Content-Length");
	request->body = buf_slice(body);
	return true;
}

/* Take the body, or drain what there is of it. */
static void take_body(struct wire *wire)
{
	struct app *app = wire->app;
	uint64_t length;
	FCGX_Stream *in = wire->fcgi.in;
	if (admit(app, &wire->request, &length, &wire->budget) &&
		read_body(in, &wire->request, &wire->body, length))
		return;
	if (!drain(in))
		wire->fcgi.keepConnection = 0;
}

/* Detached: when libfcgi closes the connection it does so at once, without lingering for the peer to close
 * first. There is nothing to linger for: bytes written to a UNIX socket stay readable, if all that came was
 * read. With a descriptor and keepConnection set, libfcgi goes straight to reading; with no listener of its
 * own it comes back when that connection has ended. */
bool wire_take(struct wire *wire)
{
	wire->fcgi.keepConnection = 1;
	FCGX_Detach(&wire->fcgi);
	if (FCGX_Accept_r(&wire->fcgi) != 0)
		return false;
	FCGX_Detach(&wire->fcgi);
	wire->request = (struct request){.now = clock_now(), .env = wire->fcgi.envp};
	for (char **pair = wire->fcgi.envp; *pair; pair++)
		request_take(&wire->request, *pair, &wire->request.body_fault);
	take_body(wire);
	return true;
}

static void put(FCGX_Stream *out, struct slice text)
{
	while (text.len) {
		int n = text.len < INT_MAX ? (int)text.len : INT_MAX;
		if (FCGX_PutStr(text.p, n, out) != n)
			return;
		text = slice_of(text.p + n, text.len - (size_t)n);
	}
}

bool wire_answer(struct wire *wire)
{
	FCGX_Request *fcgi = &wire->fcgi;
	buf_clear(&wire->head);
	reply_head_text(&wire->reply, &wire->head);
	put(fcgi->out, buf_slice(&wire->head));
	if (!slice_is(wire->request.param[PARAM_METHOD], "HEAD"))
		put(fcgi->out, reply_body(&wire->reply));
	if (atomic_load(&wire->app->stopping))
		fcgi->keepConnection = 0;
	wipe_params(fcgi);
	wipe_records(fcgi->in);
	FCGX_Finish_r(fcgi);
	let_go(wire);
	return fcgi->ipcFd >= 0;
}

enum wire_sight wire_look(const struct wire *wire)
{
	uint8_t bytes[RECORDS_LOOK_MAX];
	ssize_t n;
	do
		n = recv(wire->fcgi.ipcFd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? WIRE_NOTHING : WIRE_ENDED;
	enum wire_sight sight = n == 0 ? WIRE_ENDED : records_look(bytes, (size_t)n, NULL, NULL);
	explicit_bzero(bytes, (size_t)n);
	return sight;
}

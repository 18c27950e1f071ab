/* fcgi/wire.c: see wire.h. */
#include "fcgi/wire.h"

#include "fcgi/handlers.h"

#include <limits.h>

enum {
	DRAIN_BLOCK = 16 << 10,
	DRAIN_MARGIN =
		1 << 20,     /* how far beyond the largest body one is still read, to be answered politely */
	KEEP_MAX = 64 << 10, /* a thread does not hold on to a larger body buffer */
	HEAD_MAX = 8 << 10,
};

void wire_init(struct wire *wire, int64_t max_body)
{
	buf_init(&wire->body, (size_t)max_body);
	buf_init(&wire->head, HEAD_MAX);
	reply_init(&wire->reply);
}

void wire_release(struct wire *wire)
{
	buf_release(&wire->body);
	buf_release(&wire->head);
	reply_release(&wire->reply);
}

static void take_params(FCGX_Request *fcgi, struct request *request)
{
	struct fault *fault = &request->body_fault;
	for (char **pair = fcgi->envp; *pair; pair++)
		request_take(request, *pair, fault);
}

/* Read and forget, until the end or max bytes. *n counts them. true: the end was seen, and no error. */
static bool drain(FCGX_Stream *in, uint64_t max, uint64_t *n)
{
	char block[DRAIN_BLOCK];
	int got = DRAIN_BLOCK;
	*n = 0;
	while (got == DRAIN_BLOCK && *n < max) {
		got = FCGX_GetStr(block, DRAIN_BLOCK, in);
		*n += got > 0 ? (uint64_t)got : 0;
	}
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

/* Take the body, or drain what there is of it. Returns the bytes of the budget that are held. */
static size_t take_body(struct app *app, FCGX_Request *fcgi, struct request *request, struct buf *body)
{
	uint64_t length, drained;
	uint64_t bound = (uint64_t)app->opts->http.max_body + DRAIN_MARGIN;
	size_t taken;
	if (admit(app, request, &length, &taken) && read_body(fcgi->in, request, body, length))
		return taken;
	if (!drain(fcgi->in, bound, &drained))
		fcgi->keepConnection = 0;
	return taken;
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

/* Closing the streams sends the last records here, while the connection is still watched. */
static void send_reply(struct wire *wire, FCGX_Request *fcgi, const struct request *request)
{
	buf_clear(&wire->head);
	reply_head_text(&wire->reply, &wire->head);
	put(fcgi->out, buf_slice(&wire->head));
	if (!slice_is(request->param[PARAM_METHOD], "HEAD"))
		put(fcgi->out, reply_body(&wire->reply));
	FCGX_FClose(fcgi->err);
	FCGX_FClose(fcgi->out);
}

void wire_serve(struct wire *wire, struct app *app, FCGX_Request *fcgi, struct watch *watch)
{
	struct request request = {.now = clock_now()};
	take_params(fcgi, &request);
	size_t taken = take_body(app, fcgi, &request, &wire->body);
	watch_set(watch, WATCH_IDLE);
	dispatch(app, &request, &wire->reply);
	watch_set(watch, WATCH_WRITING);
	send_reply(wire, fcgi, &request);
	if (wire->body.cap > KEEP_MAX)
		buf_release(&wire->body);
	buf_clear(&wire->body);
	reply_reset(&wire->reply);
	budget_give(&app->bodies, taken);
	if (atomic_load(&app->stopping))
		fcgi->keepConnection = 0;
}

/* worker/call.c: see call.h. */
#include "worker/call.h"

#include "worker/jwt.h"

#include <stdio.h>
#include <sys/random.h>

enum { URL_MAX = 8192, HEADER_MAX = 4096, TRACEPARENT_LEN = 55, SPAN_AT = 36, SPAN_LEN = 16 };

void call_percent_encode(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     c == '-' || c == '.' || c == '_' || c == '~';
		if (plain)
			buf_byte(out, c);
		else
			buf_fmt(out, "%%%02X", c);
	}
}

/* A claim id is a text or a number; either way its text goes into the path. */
static void add_hole(struct run *run, struct slice name, struct buf *url)
{
	if (slice_is(name, "user_id")) {
		call_percent_encode(run->job->user_id, url);
	} else if (slice_is(name, "workflow_id")) {
		call_percent_encode(run->job->workflow_id, url);
	} else if (slice_is(name, "claim_id")) {
		const json_t *value = jx_get(run->payload, "claim_id");
		struct slice text = json_is_string(value) ? jx_text(value) : run_raw(run, "claim_id");
		/* "." and ".." would be dot segments, encoded or not: their dots are encoded. */
		bool dots = slice_is(text, ".") || slice_is(text, "..");
		for (size_t i = 0; dots && i < text.len; i++)
			buf_text(url, "%2E");
		if (!dots)
			call_percent_encode(text, url);
	}
}

static void build_url(struct run *run, const char *base, const char *path, struct buf *url)
{
	buf_text(url, base);
	while (*path) {
		size_t len = strcspn(path, "{");
		buf_add(url, path, len);
		path += len;
		const char *end = *path ? strchr(path, '}') : NULL;
		if (!end) {
			buf_text(url, path);
			return;
		}
		add_hole(run, slice_of(path + 1, (size_t)(end - path - 1)), url);
		path = end + 1;
	}
}

static struct buf *new_header(struct call_request *r, const char *name)
{
	struct buf *h = &r->header[r->headers_n++];
	buf_init(h, HEADER_MAX);
	buf_fmt(h, "%s: ", name);
	return h;
}

static bool is_lower_hex(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	return true;
}

bool call_traceparent(struct slice given, char out[56])
{
	unsigned char span[SPAN_LEN / 2];
	if (given.len < TRACEPARENT_LEN || !is_lower_hex(given.p + 3, 32) ||
		getrandom(span, sizeof span, 0) != sizeof span)
		return false;
	span[0] |= 1; /* all zero is not a span id */
	memcpy(out, given.p, TRACEPARENT_LEN);
	out[TRACEPARENT_LEN] = '\0';
	for (size_t i = 0; i < sizeof span; i++) {
		char hex[3];
		snprintf(hex, sizeof hex, "%02x", span[i]);
		memcpy(out + SPAN_AT + 2 * i, hex, 2);
	}
	return true;
}

static void add_job_headers(struct call_request *r, const struct run *run, enum call_name call)
{
	const struct job *job = run->job;
	char id[JOB_ID_TEXT_LEN], traceparent[56];
	id_text(job->id, id);
	buf_text(new_header(r, "Content-Type"), "application/json");
	buf_text(new_header(r, "User-Agent"), "clario-workflow/" CLARIO_VERSION);
	buf_fmt(new_header(r, "Idempotency-Key"), "%s:%s", id, opts_call_name(call));
	buf_text(new_header(r, "X-Clario-Job"), id);
	buf_fmt(new_header(r, "X-Clario-Attempt"), "%u", job->attempts_made);
	buf_fmt(new_header(r, "X-Clario-Lease"), "%llu", (unsigned long long)job->lease.token);
	if (!call_traceparent(job->traceparent, traceparent))
		return;
	buf_text(new_header(r, "traceparent"), traceparent);
	if (job->tracestate.len)
		buf_add_slice(new_header(r, "tracestate"), job->tracestate);
}

static enum status add_credentials(struct call_request *r, const struct run *run, int auth)
{
	const char *secret = run->opts->receiver.python_jwt_secret,
		   *key = run->opts->receiver.internal_api_key;
	if (auth == AUTH_JWT && *secret) {
		struct buf *h = new_header(r, "Authorization");
		buf_text(h, "Bearer ");
		return jwt_sign(slice_text(secret), run->job->user_id, run->now.wall_us / 1000000, h);
	}
	if (auth != AUTH_API_KEY)
		return ST_OK;
	buf_add_slice(new_header(r, "X-User-Id"), run->job->user_id);
	if (*key)
		buf_text(new_header(r, "X-Internal-Api-Key"), key);
	return ST_OK;
}

static void build_body(
	struct call_request *r, struct run *run, const struct phase_handler *handler, enum call_name call)
{
	struct jx_writer w;
	jx_begin(&w, &r->body);
	jx_open_object(&w, NULL);
	handler->body(run, call, &w);
	jx_close_object(&w);
}

static enum status check_buffers(struct call_request *r, struct why *why)
{
	enum status st = buf_status(&r->url) != ST_OK ? buf_status(&r->url) : buf_status(&r->body);
	for (size_t i = 0; st == ST_OK && i < r->headers_n; i++) {
		st = buf_status(&r->header[i]);
		r->headers[i] = r->header[i].p;
	}
	if (st == ST_NOMEM)
		return why_set(why, ST_NOMEM, "out of memory while building the request");
	return st == ST_OK ? ST_OK
			   : why_set(why, ST_INVALID, "the request's URL, a header or its body is too long");
}

enum status call_build(struct call_request *r, struct run *run, const struct phase_handler *handler,
	enum call_name call, struct why *why)
{
	const struct call_opts *row = &run->opts->call[call];
	bool python = row->receiver == RECEIVER_PYTHON;
	const char *base = python ? run->opts->receiver.python_url : run->opts->receiver.integrations_url;
	*r = (struct call_request){.url = BUF_INIT(URL_MAX), .body = BUF_INIT(RUN_TEXT_MAX)};
	if (!*base)
		return why_set(why, ST_BUSY, "receiver.%s is not configured",
			python ? "python-url" : "integrations-url");
	build_url(run, base, row->path, &r->url);
	add_job_headers(r, run, call);
	if (add_credentials(r, run, row->auth) != ST_OK)
		return why_set(
			why, ST_INVALID, "the credentials of call %s cannot be built", opts_call_name(call));
	build_body(r, run, handler, call);
	enum status st = check_buffers(r, why);
	r->request = (struct http_request){
		.method = row->method,
		.url = r->url.p,
		.headers = r->headers,
		.headers_n = r->headers_n,
		.body = buf_slice(&r->body),
		.timeout_ms = row->timeout_ms,
		.connect_timeout_ms = row->connect_timeout_ms,
	};
	return st;
}

void call_release(struct call_request *r)
{
	for (size_t i = 0; i < r->headers_n; i++)
		buf_release(&r->header[i]);
	buf_release(&r->url);
	buf_release(&r->body);
}

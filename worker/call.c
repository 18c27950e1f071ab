/* worker/call.c: see call.h. */
#include "worker/call.h"

#include "spool/template.h"
#include "worker/jwt.h"

#include <stdio.h>

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

/* A text's bytes, a number as it was written; empty: it is neither. */
static struct slice member_text(struct run *run, struct slice member)
{
	const json_t *value = json_object_getn(run->payload, member.p, member.len);
	if (json_is_string(value))
		return jx_text(value);
	return json_is_number(value) ? run_raw(run, member) : (struct slice)SLICE_INIT;
}

static struct slice hole_text(struct run *run, const struct template_part *part, const char *job_id)
{
	switch (part->hole) {
	case HOLE_USER_ID:
		return run->job->user_id;
	case HOLE_WORKFLOW_ID:
		return run->job->workflow_id;
	case HOLE_JOB_ID:
		return slice_text(job_id);
	case HOLE_CLAIM_ID:
		return member_text(run, slice_text("claim_id"));
	case HOLE_MEMBER:
		return member_text(run, part->member);
	default:
		return (struct slice)SLICE_INIT;
	}
}

static void add_to_path(struct slice text, struct buf *url)
{
	/* "." and ".." would be dot segments, encoded or not: their dots are encoded. */
	bool dots = slice_is(text, ".") || slice_is(text, "..");
	for (size_t i = 0; dots && i < text.len; i++)
		buf_text(url, "%2E");
	if (!dots)
		call_percent_encode(text, url);
}

/* A hole that stays empty would make the URL another one. */
static enum status build_url(
	struct run *run, const char *base, const char *path, struct buf *url, struct why *why)
{
	struct template_part part;
	char job_id[JOB_ID_TEXT_LEN];
	id_text(run->job->id, job_id);
	buf_text(url, base);
	while (template_next(TEMPLATE_PATH, &path, &part)) {
		struct slice text = hole_text(run, &part, job_id);
		buf_add_slice(url, part.text);
		if (part.hole != HOLE_NONE && text.len == 0)
			return why_set(why, ST_INVALID,
				"{%.*s} in its path: the job has no such text or number",
				SLICE_ARG(part.name));
		add_to_path(text, url);
	}
	return ST_OK;
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

bool call_traceparent(struct slice given, uint64_t span, char out[56])
{
	if (given.len < TRACEPARENT_LEN || !is_lower_hex(given.p + 3, 32) || span == 0)
		return false;
	snprintf(out, TRACEPARENT_LEN + 1, "%.*s%016llx%.*s", SPAN_AT, given.p, (unsigned long long)span,
		TRACEPARENT_LEN - SPAN_AT - SPAN_LEN, given.p + SPAN_AT + SPAN_LEN);
	return true;
}

static void add_job_headers(struct call_request *r, const struct run *run, const struct call_opts *row)
{
	const struct job *job = run->job;
	char id[JOB_ID_TEXT_LEN], traceparent[56];
	id_text(job->id, id);
	buf_text(new_header(r, "Content-Type"), "application/json");
	buf_text(new_header(r, "User-Agent"), "clario-workflow/" CLARIO_VERSION);
	buf_fmt(new_header(r, "Idempotency-Key"), "%s:%s", id, row->name);
	buf_text(new_header(r, "X-Clario-Job"), id);
	buf_fmt(new_header(r, "X-Clario-Attempt"), "%u", job->attempts_made);
	buf_fmt(new_header(r, "X-Clario-Lease"), "%llu", (unsigned long long)job->lease.token);
	if (!call_traceparent(job->traceparent, run->span, traceparent))
		return;
	buf_text(new_header(r, "traceparent"), traceparent);
	if (job->tracestate.len)
		buf_add_slice(new_header(r, "tracestate"), job->tracestate);
}

static enum status add_credentials(struct call_request *r, const struct run *run, const struct call_opts *row)
{
	const char *secret = opts_call_secret(run->opts, row, NULL);
	if (row->auth == AUTH_JWT && *secret) {
		struct buf *h = new_header(r, "Authorization");
		buf_text(h, "Bearer ");
		return jwt_sign(slice_text(secret), run->job->user_id, run->now.wall_us / 1000000, h);
	}
	if (row->auth == AUTH_API_KEY)
		buf_add_slice(new_header(r, "X-User-Id"), run->job->user_id);
	if (row->auth == AUTH_API_KEY && *secret)
		buf_text(new_header(r, "X-Internal-Api-Key"), secret);
	if (row->auth == AUTH_HEADER)
		buf_text(new_header(r, row->auth_header), secret);
	return ST_OK;
}

/* The payload's bytes but for a byte order mark, which may not stand within JSON. */
static struct slice whole_payload(const struct run *run)
{
	struct slice json = run->job->payload;
	const char *begin = json.len ? memchr(json.p, '{', json.len) : NULL;
	return begin ? slice_of(begin, json.len - (size_t)(begin - json.p)) : json;
}

/* A JSON value, whatever the job holds. */
static void add_to_body(struct run *run, const struct template_part *part, struct buf *body)
{
	char job_id[JOB_ID_TEXT_LEN];
	struct slice raw = SLICE_INIT;
	switch (part->hole) {
	case HOLE_NONE:
		return;
	case HOLE_USER_ID:
		jx_escape(body, run->job->user_id);
		return;
	case HOLE_WORKFLOW_ID:
		jx_escape(body, run->job->workflow_id);
		return;
	case HOLE_JOB_ID:
		id_text(run->job->id, job_id);
		jx_escape(body, slice_text(job_id));
		return;
	case HOLE_PAYLOAD:
		raw = whole_payload(run);
		break;
	case HOLE_CLAIM_ID:
		raw = run_raw(run, slice_text("claim_id"));
		break;
	case HOLE_MEMBER:
		raw = run_raw(run, part->member);
		break;
	case HOLE_UNKNOWN:
		break;
	}
	buf_add_slice(body, raw.len ? raw : slice_text("null"));
}

static void fill_body(struct run *run, const char *template, struct buf *body)
{
	struct template_part part;
	while (template_next(TEMPLATE_BODY, &template, &part)) {
		buf_add_slice(body, part.text);
		add_to_body(run, &part, body);
	}
}

static void build_body(struct call_request *r, struct run *run, const struct phase_handler *handler, int call)
{
	const char *template = run->opts->call[call].body;
	struct jx_writer w;
	if (*template) {
		fill_body(run, template, &r->body);
	} else if (call >= CALL_N) {
		buf_add_slice(&r->body, whole_payload(run));
	} else {
		jx_begin(&w, &r->body);
		jx_open_object(&w, NULL);
		handler->body(run, (enum call_name)call, &w);
		jx_close_object(&w);
	}
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

static enum status receiver_url(
	const struct opts *opts, const struct call_opts *row, const char **url, struct why *why)
{
	*url = opts->receivers[row->receiver].url;
	if (**url)
		return ST_OK;
	/* Only the built-in ones can be without. */
	return why_set(why, ST_BUSY, "receiver.%s-url is not configured", row->receiver_name);
}

enum status call_build(struct call_request *r, struct run *run, const struct phase_handler *handler, int call,
	struct why *why)
{
	const struct call_opts *row = &run->opts->call[call];
	const char *base;
	*r = (struct call_request){.url = BUF_INIT(URL_MAX), .body = BUF_INIT(RUN_TEXT_MAX)};
	enum status st = receiver_url(run->opts, row, &base, why);
	if (st == ST_OK)
		st = build_url(run, base, row->path, &r->url, why);
	if (st != ST_OK)
		return st;
	add_job_headers(r, run, row);
	if (add_credentials(r, run, row) != ST_OK)
		return why_set(why, ST_INVALID, "the credentials of call %s cannot be built", row->name);
	build_body(r, run, handler, call);
	st = check_buffers(r, why);
	r->request = (struct http_request){
		.method = row->method,
		.url = r->url.p,
		.headers = r->headers,
		.headers_n = r->headers_n,
		.body = buf_slice(&r->body),
		.timeout_ms = row->timeout_ms,
		.connect_timeout_ms = row->connect_timeout_ms,
		.ca_file = run->opts->receivers[row->receiver].ca_file,
	};
	return st;
}

/* Headers carry secrets, and a payload may. */
void call_release(struct call_request *r)
{
	for (size_t i = 0; i < r->headers_n; i++)
		buf_wipe(&r->header[i]);
	buf_release(&r->url);
	buf_wipe(&r->body);
}

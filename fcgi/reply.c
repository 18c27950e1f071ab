/* fcgi/reply.c: see reply.h. Every answer is JSON unless its handler says otherwise, is never
 * cached, and names its length. */
#include "fcgi/reply.h"

#include <stdarg.h>
#include <stdio.h>

enum { KEEP_MAX = 4 << 10 }; /* a connection does not hold on to a buffer larger than this */

static const struct {
	int code;
	const char *words;
} reasons[] = {
	{200, "OK"},
	{204, "No Content"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
};

static const char *reason_of(int code)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == code)
			return reasons[i].words;
	return "Unknown";
}

void reply_init(struct reply *reply)
{
	*reply = (struct reply){.http_status = 200};
	buf_init(&reply->head, REPLY_HEAD_MAX);
	buf_init(&reply->body, REPLY_BODY_MAX);
}

void reply_reset(struct reply *reply)
{
	struct buf head = reply->head, body = reply->body;
	if (body.cap > KEEP_MAX)
		buf_release(&body);
	buf_clear(&head);
	buf_clear(&body);
	*reply = (struct reply){.http_status = 200, .head = head, .body = body};
}

void reply_release(struct reply *reply)
{
	buf_release(&reply->head);
	buf_release(&reply->body);
}

struct jx_writer reply_open(struct reply *reply)
{
	struct jx_writer w;
	buf_clear(&reply->body);
	jx_begin(&w, &reply->body);
	jx_open_object(&w, NULL);
	jx_bool(&w, "success", true);
	return w;
}

void reply_close(struct reply *reply, struct jx_writer *w)
{
	struct fault fault;
	jx_close_object(w);
	if (buf_status(&reply->body) == ST_OK)
		return;
	fault_set(&fault, PROBLEM_INTERNAL, NULL, "the answer could not be built: %s",
		status_name(buf_status(&reply->body)));
	buf_release(&reply->body);
	reply_fault(reply, &fault);
}

struct jx_writer reply_fault_open(struct reply *reply, const struct fault *fault)
{
	const struct problem_info *info = problem_info(fault->problem);
	struct jx_writer w;
	reply->http_status = info->http_status;
	reply->problem = fault->problem;
	reply->field = fault->field;
	reply->detail = fault->detail;
	int retry_after_s = fault->retry_after_s ? fault->retry_after_s : info->retry_after_s;
	if (retry_after_s)
		reply_header(reply, "Retry-After", "%d", retry_after_s);
	buf_clear(&reply->body);
	jx_begin(&w, &reply->body);
	jx_open_object(&w, NULL);
	fault_members(&w, fault);
	return w;
}

void reply_fault(struct reply *reply, const struct fault *fault)
{
	struct jx_writer w = reply_fault_open(reply, fault);
	jx_close_object(&w);
}

void reply_status(struct reply *reply, enum status st, const struct why *why, enum problem not_found)
{
	struct fault fault;
	fault_of_status(&fault, st, why, not_found);
	reply_fault(reply, &fault);
}

void reply_header(struct reply *reply, const char *name, const char *fmt, ...)
{
	char value[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	buf_fmt(&reply->head, "%s: %s\r\n", name, value);
}

struct slice reply_body(const struct reply *reply)
{
	return reply->fixed_body.len ? reply->fixed_body : buf_slice(&reply->body);
}

/* What a page may read beside the headers that every page may. */
#define EXPOSED "Location, Retry-After, X-Request-Id"

static void add_sharing(const struct reply *reply, struct buf *out)
{
	struct slice origin = reply->readable_by;
	if (reply->varies_by_origin)
		buf_text(out, "Vary: Origin\r\n");
	if (origin.len)
		buf_fmt(out,
			"Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Expose-Headers: " EXPOSED "\r\n",
			(int)origin.len, origin.p);
}

void reply_head_text(const struct reply *reply, struct buf *out)
{
	struct slice body = reply_body(reply);
	buf_fmt(out, "Status: %d %s\r\n", reply->http_status, reason_of(reply->http_status));
	if (body.len)
		buf_fmt(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			reply->content_type ? reply->content_type : "application/json; charset=utf-8",
			body.len);
	buf_text(out, "Cache-Control: no-store\r\n");
	add_sharing(reply, out);
	buf_add_slice(out, buf_slice(&reply->head));
	buf_text(out, "\r\n");
}

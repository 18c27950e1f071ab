/* fcgi/reply.h: one answer, built in memory and then sent whole, so that its length is known and a failure
 * half-way can still become a clean 500. */
#ifndef FCGI_REPLY_H
#define FCGI_REPLY_H
#include "fcgi/problem.h"
#include "spool/base/id.h"

enum { REPLY_BODY_MAX = 64 << 20, REPLY_HEAD_MAX = 4096 };

struct reply {
	int http_status;
	enum problem problem;     /* NONE: it went well. For the log */
	const char *field;        /* at fault, static; NULL: none. For the log */
	struct why detail;        /* for the log alone */
	struct job_id job;        /* the job concerned; zero: none. For the log */
	struct buf head;          /* further header lines, each with CRLF */
	struct buf body;          /* JSON, unless fixed_body is set */
	const char *content_type; /* static; NULL: JSON */
	struct slice fixed_body;  /* static text sent in place of body */
	struct slice readable_by; /* the origin whose pages may read the answer; empty: none. Borrowed */
	bool varies_by_origin;    /* another origin may get another answer */
};

void reply_init(struct reply *reply);
void reply_reset(struct reply *reply); /* ready for the next request; small buffers are kept */
void reply_release(struct reply *reply);

/* An answer that is an object beginning with "success":true. The caller adds members and then ends it. */
struct jx_writer reply_open(struct reply *reply);
void reply_close(struct reply *reply, struct jx_writer *w);

/* The answer becomes this fault; what was written before is dropped. */
void reply_fault(struct reply *reply, const struct fault *fault);
/* As reply_fault, with the object left open for more members (then reply_close). */
struct jx_writer reply_fault_open(struct reply *reply, const struct fault *fault);
/* A verdict of the spool that is not ST_OK. */
void reply_status(struct reply *reply, enum status st, const struct why *why, enum problem not_found);

void reply_header(struct reply *reply, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The whole of it as CGI header block; the body goes after it. */
void reply_head_text(const struct reply *reply, struct buf *out);
struct slice reply_body(const struct reply *reply);

#endif

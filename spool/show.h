/* spool/show.h: a job, an event and a receiver as JSON, the same in the API and in the ops tool. Keys and
 * their order are promised: programs read them; members may be added, and readers ignore what they do not
 * know. */
#ifndef SPOOL_SHOW_H
#define SPOOL_SHOW_H
#include "spool/base/jx.h"
#include "spool/model/receiver.h"

/* An object inside whatever is open. whole: with the payload. */
void show_job(struct jx_writer *w, const struct job *job, bool whole);
/* The same, left open for more members. */
void show_job_open(struct jx_writer *w, const struct job *job, bool whole);
/* Members that do not apply are left out. */
void show_event(struct jx_writer *w, const struct event *event);

/* As it is at now_us: a pause that is over is none. key NULL: in an array, or at the top. */
void show_receiver(struct jx_writer *w, const char *key, const struct receiver_state *r, int64_t now_us);
/* The 32 digits of the trace in a W3C traceparent; empty: there are none. */
struct slice show_trace_id(struct slice traceparent);
/* 16 hexadecimal digits. */
enum { SHOW_SPAN_LEN = 17 };
const char *show_span(uint64_t span, char out[SHOW_SPAN_LEN]);

/* Whether a member of that name looks like a secret. */
bool show_is_secret(const char *name);
/* The JSON with the values of members whose name looks like a secret (token, password, authorization, secret,
 * api_key; in any case, anywhere in the name) replaced by "***", at any depth. What is not JSON is shown as
 * it is. */
void show_masked(struct slice json, struct buf *out);

#endif

/* spool/show.h: a job, an event, a receiver and a token as JSON, the same in the API and in the ops tool.
 * Keys and their order are promised: programs read them; members may be added, and readers ignore what they
 * do not know. */
#ifndef SPOOL_SHOW_H
#define SPOOL_SHOW_H
#include "spool/base/jx.h"
#include "spool/base/mask.h"
#include "spool/model/receiver.h"
#include "spool/model/token.h"

/* An object inside whatever is open. whole: with the payload. Where mask hides something, it stands as "***";
 * NULL: all is shown. */
void show_job(struct jx_writer *w, const struct job *job, bool whole, const struct mask *mask);
/* The same, left open for more members. */
void show_job_open(struct jx_writer *w, const struct job *job, bool whole, const struct mask *mask);
/* Members that do not apply are left out. */
void show_event(struct jx_writer *w, const struct event *event, const struct mask *mask);
/* The same as a member. */
void show_event_as(struct jx_writer *w, const char *key, const struct event *event, const struct mask *mask);

/* As it is at now_us: a pause that is over is none. key NULL: in an array, or at the top. */
void show_receiver(struct jx_writer *w, const char *key, const struct receiver_state *r, int64_t now_us);
/* As it is at now_us; neither a secret nor a digest. */
void show_token(struct jx_writer *w, const struct token *t, int64_t now_us);
/* The 32 digits of the trace in a W3C traceparent; empty: there are none. */
struct slice show_trace_id(struct slice traceparent);
/* 16 hexadecimal digits. */
enum { SHOW_SPAN_LEN = 17 };
const char *show_span(uint64_t span, char out[SHOW_SPAN_LEN]);

#endif

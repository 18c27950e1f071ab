/* fcgi/options.h: how a trigger is to be taken in: key, due time, priority, trace, caller's name. Pure.
 *
 * From the headers of a request, and for each trigger of a batch from its members. Everything is borrowed
 * from the request. */
#ifndef FCGI_OPTIONS_H
#define FCGI_OPTIONS_H
#include "fcgi/request.h"
#include "spool/model/trigger.h"

struct options {
	struct slice idempotency_key; /* without its quotes */
	int64_t run_at_us;            /* 0: now */
	int priority;                 /* 0: default */
	struct slice source;
	struct slice traceparent, tracestate;
};

/* Idempotency-Key, X-Run-At or X-Delay, X-Priority, X-Clario-Source, traceparent, tracestate. A fault names
 * the header; a traceparent that is none is dropped, as the W3C asks. */
bool options_from_headers(const struct request *request, struct options *out, struct fault *fault);

/* idempotency_key, run_at or delay_ms, priority, over what *out holds. A fault names the member. */
bool options_from_members(const json_t *body, struct moment now, struct options *out, struct fault *fault);

/* Whose a request is: its caller's name, else what it says of itself, if that can be a name (then *is_said),
 * else its address. */
struct slice options_source(const struct request *request, bool *is_said);

void options_apply(const struct options *options, struct trigger *trigger);

/* version 00 of https://www.w3.org/TR/trace-context/ in full, later ones as far as they are laid down. */
bool options_traceparent_is_valid(struct slice text);

#endif

/* fcgi/options.h: how a trigger is to be taken in (spool/trigger_options.h), from the headers of a request.
 * Pure. Everything is borrowed from the request. */
#ifndef FCGI_OPTIONS_H
#define FCGI_OPTIONS_H
#include "fcgi/request.h"
#include "spool/trigger_options.h"

/* Idempotency-Key, X-Run-At or X-Delay, X-Priority, X-Clario-Source, traceparent, tracestate. A fault names
 * the header; a traceparent that is none is dropped, as the W3C asks. */
bool options_from_headers(const struct request *request, struct options *out, struct fault *fault);

/* Whose a request is: its caller's name, else what it says of itself, if that can be a name (then *is_said),
 * else its address. */
struct slice options_source(const struct request *request, bool *is_said);

/* version 00 of https://www.w3.org/TR/trace-context/ in full, later ones as far as they are laid down. */
bool options_traceparent_is_valid(struct slice text);

#endif

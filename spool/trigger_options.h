/* spool/trigger_options.h: how a trigger is to be taken in: key, due time, priority, trace, caller's name.
 * Pure.
 *
 * Here from the trigger's own members, as a batch and a file of triggers have them; from the headers of a
 * request in fcgi/options.h. Everything is borrowed from where it stood. */
#ifndef SPOOL_TRIGGER_OPTIONS_H
#define SPOOL_TRIGGER_OPTIONS_H
#include "spool/base/clock.h"
#include "spool/base/jx.h"
#include "spool/fault.h"
#include "spool/model/trigger.h"

struct options {
	struct slice idempotency_key; /* without its quotes */
	int64_t run_at_us;            /* 0: now */
	int priority;                 /* 0: default */
	struct slice source;
	struct slice traceparent, tracestate;
};

/* 1 to JOB_TEXT_MAX visible ASCII characters. */
bool options_key_is_valid(struct slice key);

/* idempotency_key, run_at or delay_ms, priority, over what *out holds. A fault names the member. */
bool options_from_members(const json_t *body, struct moment now, struct options *out, struct fault *fault);

void options_apply(const struct options *options, struct trigger *trigger);

#endif

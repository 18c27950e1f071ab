/* spool/trigger_options.c: see trigger_options.h. */
#include "spool/trigger_options.h"

#include "spool/when.h"

bool options_key_is_valid(struct slice key)
{
	for (size_t i = 0; i < key.len; i++)
		if ((unsigned char)key.p[i] < 0x21 || (unsigned char)key.p[i] > 0x7e)
			return false;
	return key.len >= 1 && key.len <= JOB_TEXT_MAX;
}

static bool member_key(const json_t *value, struct options *out, struct fault *fault)
{
	if (!options_key_is_valid(jx_text(value)))
		return fault_set(fault, PROBLEM_BAD_FIELD, "idempotency_key",
			"idempotency_key must be a string of 1 to %d visible ASCII characters", JOB_TEXT_MAX);
	out->idempotency_key = jx_text(value);
	return true;
}

static bool member_run_at(const json_t *value, struct options *out, struct fault *fault)
{
	bool ok = json_is_integer(value) ? when_from_ms(json_integer_value(value), &out->run_at_us)
					 : when_parse(jx_text(value), &out->run_at_us);
	return ok ||
	       fault_set(fault, PROBLEM_BAD_FIELD, "run_at",
		       "run_at must be a time such as 2026-11-24T02:18:55Z, or milliseconds since 1970");
}

static bool member_delay(const json_t *value, int64_t now_us, struct options *out, struct fault *fault)
{
	int64_t span_us = 0;
	if (!json_is_integer(value) || !when_span_from_ms(json_integer_value(value), &span_us))
		return fault_set(fault, PROBLEM_BAD_FIELD, "delay_ms",
			"delay_ms must be a whole number of milliseconds, of at most ten years");
	out->run_at_us = now_us + span_us;
	return true;
}

static bool member_priority(const json_t *value, struct options *out, struct fault *fault)
{
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
	if (n < JOB_PRIORITY_FIRST || n > JOB_PRIORITY_LAST)
		return fault_set(fault, PROBLEM_BAD_FIELD, "priority",
			"priority must be a number from %d (most urgent) to %d", JOB_PRIORITY_FIRST,
			JOB_PRIORITY_LAST);
	out->priority = (int)n;
	return true;
}

/* A member that is null is as good as absent. */
static json_t *member(const json_t *body, const char *name)
{
	json_t *value = jx_get(body, name);
	return json_is_null(value) ? NULL : value;
}

bool options_from_members(const json_t *body, struct moment now, struct options *out, struct fault *fault)
{
	json_t *key = member(body, "idempotency_key"), *run_at = member(body, "run_at");
	json_t *delay = member(body, "delay_ms"), *priority = member(body, "priority");
	if (run_at && delay)
		return fault_set(
			fault, PROBLEM_BAD_FIELD, "delay_ms", "run_at and delay_ms exclude each other");
	return (!key || member_key(key, out, fault)) && (!run_at || member_run_at(run_at, out, fault)) &&
	       (!delay || member_delay(delay, now.wall_us, out, fault)) &&
	       (!priority || member_priority(priority, out, fault));
}

void options_apply(const struct options *options, struct trigger *trigger)
{
	trigger->idempotency_key = options->idempotency_key;
	trigger->run_at_us = options->run_at_us;
	trigger->priority = options->priority;
	trigger->source = options->source;
	trigger->traceparent = options->traceparent;
	trigger->tracestate = options->tracestate;
}

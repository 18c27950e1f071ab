/* spool/fault.c: see fault.h. */
#include "spool/fault.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const codes[PROBLEM_N] = {
	[PROBLEM_NONE] = "ok",
	[PROBLEM_BAD_JSON] = "bad_json",
	[PROBLEM_TOO_DEEP] = "too_deep",
	[PROBLEM_BODY_NOT_OBJECT] = "body_not_object",
	[PROBLEM_MISSING_FIELD] = "missing_field",
	[PROBLEM_BAD_FIELD] = "bad_field",
	[PROBLEM_BAD_PHASE] = "bad_phase",
	[PROBLEM_BAD_STEP] = "bad_step",
	[PROBLEM_BAD_ID] = "bad_id",
	[PROBLEM_BAD_QUERY] = "bad_query",
	[PROBLEM_BAD_HEADER] = "bad_header",
	[PROBLEM_BAD_BATCH] = "bad_batch",
	[PROBLEM_BODY_INCOMPLETE] = "body_incomplete",
	[PROBLEM_UNAUTHORIZED] = "unauthorized",
	[PROBLEM_FORBIDDEN] = "forbidden",
	[PROBLEM_CROSS_ORIGIN] = "cross_origin",
	[PROBLEM_UNKNOWN_HOST] = "unknown_host",
	[PROBLEM_NOT_FOUND] = "not_found",
	[PROBLEM_JOB_NOT_FOUND] = "job_not_found",
	[PROBLEM_WORKFLOW_NOT_FOUND] = "workflow_not_found",
	[PROBLEM_METHOD_NOT_ALLOWED] = "method_not_allowed",
	[PROBLEM_STATE_CONFLICT] = "state_conflict",
	[PROBLEM_LENGTH_REQUIRED] = "length_required",
	[PROBLEM_BODY_TOO_LARGE] = "body_too_large",
	[PROBLEM_UNSUPPORTED_MEDIA_TYPE] = "unsupported_media_type",
	[PROBLEM_KEY_REUSED] = "idempotency_key_reused",
	[PROBLEM_BAD_EVENT] = "bad_event",
	[PROBLEM_RATE_LIMITED] = "rate_limited",
	[PROBLEM_QUOTA_EXCEEDED] = "quota_exceeded",
	[PROBLEM_INTERNAL] = "internal",
	[PROBLEM_SPOOL_FULL] = "spool_full",
	[PROBLEM_DISK_FULL] = "disk_full",
	[PROBLEM_BACKLOG_FULL] = "backlog_full",
	[PROBLEM_BODY_BUDGET] = "body_budget",
	[PROBLEM_SPOOL_UNAVAILABLE] = "spool_unavailable",
	[PROBLEM_STOPPING] = "stopping",
	[PROBLEM_CALLER_STREAMS] = "too_many_streams",
	[PROBLEM_STREAMS_FULL] = "streams_full",
	[PROBLEM_EVENTS_UNAVAILABLE] = "events_unavailable",
	[PROBLEM_COUNTS_BUSY] = "counts_busy",
};
static_assert(sizeof codes / sizeof *codes == PROBLEM_N, "every problem has its word");

const char *problem_code(enum problem problem)
{
	return codes[(unsigned)problem < PROBLEM_N ? problem : PROBLEM_INTERNAL];
}

bool fault_set(struct fault *fault, enum problem problem, const char *field, const char *fmt, ...)
{
	va_list ap;
	fault->problem = problem;
	fault->field = field;
	fault->retry_after_s = 0;
	fault->place = 0;
	fault->detail.text[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(fault->why.text, sizeof fault->why.text, fmt, ap);
	va_end(ap);
	return false;
}

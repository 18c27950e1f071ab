/* fcgi/problem.c: the table behind every answer that is not a success. */
#include "fcgi/problem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { SOON_S = 1, LATER_S = 5 };

static const struct problem_info table[] = {
	[PROBLEM_NONE] = {"ok", 200, 0},
	[PROBLEM_BAD_JSON] = {"bad_json", 400, 0},
	[PROBLEM_TOO_DEEP] = {"too_deep", 400, 0},
	[PROBLEM_BODY_NOT_OBJECT] = {"body_not_object", 400, 0},
	[PROBLEM_MISSING_FIELD] = {"missing_field", 400, 0},
	[PROBLEM_BAD_FIELD] = {"bad_field", 400, 0},
	[PROBLEM_BAD_PHASE] = {"bad_phase", 400, 0},
	[PROBLEM_BAD_STEP] = {"bad_step", 400, 0},
	[PROBLEM_BAD_ID] = {"bad_id", 400, 0},
	[PROBLEM_BAD_QUERY] = {"bad_query", 400, 0},
	[PROBLEM_BAD_HEADER] = {"bad_header", 400, 0},
	[PROBLEM_BAD_BATCH] = {"bad_batch", 400, 0},
	[PROBLEM_BODY_INCOMPLETE] = {"body_incomplete", 400, 0},
	[PROBLEM_UNAUTHORIZED] = {"unauthorized", 401, 0},
	[PROBLEM_FORBIDDEN] = {"forbidden", 403, 0},
	[PROBLEM_CROSS_ORIGIN] = {"cross_origin", 403, 0},
	[PROBLEM_UNKNOWN_HOST] = {"unknown_host", 403, 0},
	[PROBLEM_NOT_FOUND] = {"not_found", 404, 0},
	[PROBLEM_JOB_NOT_FOUND] = {"job_not_found", 404, 0},
	[PROBLEM_WORKFLOW_NOT_FOUND] = {"workflow_not_found", 404, 0},
	[PROBLEM_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405, 0},
	[PROBLEM_STATE_CONFLICT] = {"state_conflict", 409, 0},
	[PROBLEM_LENGTH_REQUIRED] = {"length_required", 411, 0},
	[PROBLEM_BODY_TOO_LARGE] = {"body_too_large", 413, 0},
	[PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type", 415, 0},
	[PROBLEM_KEY_REUSED] = {"idempotency_key_reused", 422, 0},
	[PROBLEM_BAD_EVENT] = {"bad_event", 422, 0},
	[PROBLEM_RATE_LIMITED] = {"rate_limited", 429, SOON_S},
	[PROBLEM_QUOTA_EXCEEDED] = {"quota_exceeded", 429, LATER_S},
	[PROBLEM_INTERNAL] = {"internal", 500, 0},
	[PROBLEM_SPOOL_FULL] = {"spool_full", 503, LATER_S},
	[PROBLEM_DISK_FULL] = {"disk_full", 503, LATER_S},
	[PROBLEM_BACKLOG_FULL] = {"backlog_full", 503, LATER_S},
	[PROBLEM_BODY_BUDGET] = {"body_budget", 503, SOON_S},
	[PROBLEM_SPOOL_UNAVAILABLE] = {"spool_unavailable", 503, LATER_S},
	[PROBLEM_STOPPING] = {"stopping", 503, SOON_S},
};
static_assert(sizeof table / sizeof *table == PROBLEM_N, "every problem has its row");

const struct problem_info *problem_info(enum problem problem)
{
	return &table[(unsigned)problem < PROBLEM_N ? problem : PROBLEM_INTERNAL];
}

static enum problem problem_of(enum status st, enum problem not_found)
{
	switch (st) {
	case ST_NOTFOUND:
		return not_found;
	case ST_INVALID:
		return PROBLEM_BAD_FIELD;
	case ST_CONFLICT:
		return PROBLEM_STATE_CONFLICT;
	case ST_FULL:
		return PROBLEM_SPOOL_FULL;
	case ST_NOSPACE:
		return PROBLEM_DISK_FULL;
	case ST_DEEP:
		return PROBLEM_BACKLOG_FULL;
	case ST_QUOTA:
		return PROBLEM_QUOTA_EXCEEDED;
	case ST_BUSY:
	case ST_NOMEM:
	case ST_IO:
	case ST_CORRUPT:
	case ST_VERSION:
	case ST_DENIED:
		return PROBLEM_SPOOL_UNAVAILABLE;
	case ST_OK:
	case ST_EXISTS:
	case ST_N:
		break;
	}
	return PROBLEM_INTERNAL;
}

/* What callers are told where the spool's own words may name our paths. */
static const struct {
	enum problem problem;
	const char *text;
} own_words[] = {
	{PROBLEM_SPOOL_FULL, "the spool is full; try again later"},
	{PROBLEM_DISK_FULL, "the disk is full; try again later"},
	{PROBLEM_BACKLOG_FULL, "the backlog is as deep as it may be; try again later"},
	{PROBLEM_SPOOL_UNAVAILABLE, "the spool cannot be used now; try again later"},
	{PROBLEM_INTERNAL, "something went wrong here"},
};

void fault_of_status(struct fault *fault, enum status st, const struct why *why, enum problem not_found)
{
	const char *text = why && why->text[0] ? why->text : status_name(st);
	enum problem problem = problem_of(st, not_found);
	const char *said = text;
	for (size_t i = 0; i < sizeof own_words / sizeof *own_words; i++)
		if (own_words[i].problem == problem)
			said = own_words[i].text;
	fault_set(fault, problem, NULL, "%s", said);
	if (problem_info(problem)->http_status >= 500 || problem == PROBLEM_QUOTA_EXCEEDED)
		why_set(&fault->detail, st, "%s", text);
}

bool fault_set(struct fault *fault, enum problem problem, const char *field, const char *fmt, ...)
{
	va_list ap;
	fault->problem = problem;
	fault->field = field;
	fault->retry_after_s = 0;
	fault->detail.text[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(fault->why.text, sizeof fault->why.text, fmt, ap);
	va_end(ap);
	return false;
}

void fault_members(struct jx_writer *w, const struct fault *fault)
{
	jx_bool(w, "success", false);
	jx_cstring(w, "error", fault->why.text);
	jx_cstring(w, "code", problem_info(fault->problem)->code);
	if (fault->field)
		jx_cstring(w, "field", fault->field);
}

/* fcgi/problem.c: the table behind every answer that is not a success. */
#include "fcgi/problem.h"

#include <assert.h>

enum { SOON_S = 1, LATER_S = 5 };

static const struct problem_info table[] = {
	[PROBLEM_NONE] = {200, 0},
	[PROBLEM_BAD_JSON] = {400, 0},
	[PROBLEM_TOO_DEEP] = {400, 0},
	[PROBLEM_BODY_NOT_OBJECT] = {400, 0},
	[PROBLEM_MISSING_FIELD] = {400, 0},
	[PROBLEM_BAD_FIELD] = {400, 0},
	[PROBLEM_BAD_PHASE] = {400, 0},
	[PROBLEM_BAD_STEP] = {400, 0},
	[PROBLEM_BAD_ID] = {400, 0},
	[PROBLEM_BAD_QUERY] = {400, 0},
	[PROBLEM_BAD_HEADER] = {400, 0},
	[PROBLEM_BAD_BATCH] = {400, 0},
	[PROBLEM_BODY_INCOMPLETE] = {400, 0},
	[PROBLEM_UNAUTHORIZED] = {401, 0},
	[PROBLEM_FORBIDDEN] = {403, 0},
	[PROBLEM_CROSS_ORIGIN] = {403, 0},
	[PROBLEM_UNKNOWN_HOST] = {403, 0},
	[PROBLEM_NOT_FOUND] = {404, 0},
	[PROBLEM_JOB_NOT_FOUND] = {404, 0},
	[PROBLEM_WORKFLOW_NOT_FOUND] = {404, 0},
	[PROBLEM_METHOD_NOT_ALLOWED] = {405, 0},
	[PROBLEM_STATE_CONFLICT] = {409, 0},
	[PROBLEM_LENGTH_REQUIRED] = {411, 0},
	[PROBLEM_BODY_TOO_LARGE] = {413, 0},
	[PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, 0},
	[PROBLEM_KEY_REUSED] = {422, 0},
	[PROBLEM_BAD_EVENT] = {422, 0},
	[PROBLEM_RATE_LIMITED] = {429, SOON_S},
	[PROBLEM_QUOTA_EXCEEDED] = {429, LATER_S},
	[PROBLEM_INTERNAL] = {500, 0},
	[PROBLEM_SPOOL_FULL] = {503, LATER_S},
	[PROBLEM_DISK_FULL] = {503, LATER_S},
	[PROBLEM_BACKLOG_FULL] = {503, LATER_S},
	[PROBLEM_BODY_BUDGET] = {503, SOON_S},
	[PROBLEM_SPOOL_UNAVAILABLE] = {503, LATER_S},
	[PROBLEM_STOPPING] = {503, SOON_S},
	[PROBLEM_CALLER_STREAMS] = {429, LATER_S},
	[PROBLEM_STREAMS_FULL] = {503, LATER_S},
	[PROBLEM_EVENTS_UNAVAILABLE] = {503, LATER_S},
	[PROBLEM_COUNTS_BUSY] = {503, SOON_S},
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

void fault_members(struct jx_writer *w, const struct fault *fault)
{
	jx_bool(w, "success", false);
	jx_cstring(w, "error", fault->why.text);
	jx_cstring(w, "code", problem_code(fault->problem));
	if (fault->field)
		jx_cstring(w, "field", fault->field);
	if (fault->place)
		jx_int(w, "position", (int64_t)fault->place - 1);
}

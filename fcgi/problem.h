/* fcgi/problem.h: everything that can be wrong with a request, as one vocabulary: the API's `code` words and
 * the HTTP status each has. Pure. */
#ifndef FCGI_PROBLEM_H
#define FCGI_PROBLEM_H
#include "spool/base/jx.h"
#include "spool/base/status.h"

enum problem {
	PROBLEM_NONE,
	PROBLEM_BAD_JSON,
	PROBLEM_TOO_DEEP,
	PROBLEM_BODY_NOT_OBJECT,
	PROBLEM_MISSING_FIELD,
	PROBLEM_BAD_FIELD,
	PROBLEM_BAD_PHASE,
	PROBLEM_BAD_STEP,
	PROBLEM_BAD_ID,
	PROBLEM_BAD_QUERY,
	PROBLEM_BAD_HEADER,
	PROBLEM_BAD_BATCH,
	PROBLEM_BODY_INCOMPLETE,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_FORBIDDEN,
	PROBLEM_CROSS_ORIGIN,
	PROBLEM_UNKNOWN_HOST,
	PROBLEM_NOT_FOUND,
	PROBLEM_JOB_NOT_FOUND,
	PROBLEM_WORKFLOW_NOT_FOUND,
	PROBLEM_METHOD_NOT_ALLOWED,
	PROBLEM_STATE_CONFLICT,
	PROBLEM_LENGTH_REQUIRED,
	PROBLEM_BODY_TOO_LARGE,
	PROBLEM_UNSUPPORTED_MEDIA_TYPE,
	PROBLEM_KEY_REUSED,
	PROBLEM_BAD_EVENT,
	PROBLEM_RATE_LIMITED,
	PROBLEM_QUOTA_EXCEEDED,
	PROBLEM_INTERNAL,
	PROBLEM_SPOOL_FULL,
	PROBLEM_DISK_FULL,
	PROBLEM_BACKLOG_FULL,
	PROBLEM_BODY_BUDGET,
	PROBLEM_SPOOL_UNAVAILABLE,
	PROBLEM_STOPPING,
	PROBLEM_N
};

struct problem_info {
	const char *code;
	int http_status;
	int retry_after_s; /* 0: no Retry-After */
};
const struct problem_info *problem_info(enum problem problem);

/* One wrong thing: what it is, which field, header or parameter is at fault (static text, NULL: none), and
 * the sentence for the caller. */
struct fault {
	enum problem problem;
	const char *field;
	struct why why;
	int retry_after_s; /* 0: as its row says */
	struct why
		detail; /* for the log alone: it may name what is ours, such as paths; empty: nothing more */
};

/* Fill *fault and return false, so that a check is one line: return fault_set(...). */
bool fault_set(struct fault *fault, enum problem problem, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The one place where the spool's verdicts become answers. why may be NULL; not_found: which of the problems
 * of that kind it is. */
void fault_of_status(struct fault *fault, enum status st, const struct why *why, enum problem not_found);

/* The members success, error, code and field of an object that is open. */
void fault_members(struct jx_writer *w, const struct fault *fault);

#endif

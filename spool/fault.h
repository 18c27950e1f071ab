/* spool/fault.h: what can be wrong with what somebody asks for, as one vocabulary: the `code` words, which
 * the API and the tool share, and one fault with its sentence. What HTTP makes of it is fcgi/problem.h. Pure.
 */
#ifndef SPOOL_FAULT_H
#define SPOOL_FAULT_H
#include "spool/base/status.h"

#include <stdbool.h>
#include <stddef.h>

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
	PROBLEM_CALLER_STREAMS,
	PROBLEM_STREAMS_FULL,
	PROBLEM_EVENTS_UNAVAILABLE,
	PROBLEM_COUNTS_BUSY,
	PROBLEM_N
};

/* The stable word: "bad_field". */
const char *problem_code(enum problem problem);

/* One wrong thing: what it is, which field, header or parameter is at fault (static text, NULL: none), and
 * the sentence for the caller. */
struct fault {
	enum problem problem;
	const char *field;
	size_t place; /* where in the field's text, counted from 1; 0: nowhere in particular */
	struct why why;
	int retry_after_s; /* 0: as its row says */
	struct why
		detail; /* for the log alone: it may name what is ours, such as paths; empty: nothing more */
};

/* Fill *fault and return false, so that a check is one line: return fault_set(...). */
bool fault_set(struct fault *fault, enum problem problem, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif

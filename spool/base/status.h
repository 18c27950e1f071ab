/* spool/base/status.h: one code space for every verdict, and the human half beside it.
 *
 * A status has one meaning per edge, kept in one table each: HTTP (fcgi/reply.c), worker (worker/attempt.c),
 * exit code (spool/ctl/exit.c). Libraries never print and never exit: they return a status and fill a struct
 * why. */
#ifndef SPOOL_BASE_STATUS_H
#define SPOOL_BASE_STATUS_H

#define NODISCARD __attribute__((warn_unused_result))

enum status {
	ST_OK,       /* done */
	ST_NOTFOUND, /* no such job, workflow, file, key */
	ST_EXISTS,   /* it is there already */
	ST_INVALID,  /* the caller's input is wrong; trying again as it is will not help */
	ST_CONFLICT, /* the input is right but the job's state, or a newer lease, forbids it */
	ST_BUSY,     /* somebody else holds what this needs; try again */
	ST_FULL,     /* no room in what has a size of its own: the map, a buffer; nothing was written */
	ST_NOSPACE,  /* no room on the file system; nothing was promised */
	ST_DEEP, /* more than is allowed at one time: jobs that have not ended, levels of nesting; nothing was
		    written */
	ST_NOMEM,   /* malloc failed; nothing was written */
	ST_IO,      /* the operating system refused; nothing was promised. Try again with the same key */
	ST_CORRUPT, /* bytes that cannot be trusted */
	ST_VERSION, /* a format, store or size that this program was not configured or built for */
	ST_DENIED,  /* permission */
	ST_QUOTA,   /* this caller has as much as it may have; others are served. Nothing was written */
	ST_N
};

/* Stable lower-case word for a status ("ok", "not_found", ...); used in logs and as an API code's fallback.
 */
const char *status_name(enum status st);

/* What went wrong in words for a person. text is always terminated. */
struct why {
	char text[320];
};
#define WHY_INIT ((struct why){{0}})

/* Fill *why (may be NULL) from a printf format and return st, so that a failure is one
 * line: return why_set(...). */
enum status why_set(struct why *why, enum status st, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As why_set, with ": " and the text of errno value err appended; the status follows from err
 * (ENOSPC, EDQUOT -> NOSPACE; ENOMEM -> NOMEM; EACCES, EPERM, EROFS -> DENIED; ENOENT -> NOTFOUND; others ->
 * IO). */
enum status why_errno(struct why *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif

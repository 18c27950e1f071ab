/* spool/base/status.c: names of statuses, and the mapping of errno into them, at one spot. */
#include "spool/base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[ST_N] = {
	[ST_OK] = "ok",
	[ST_NOTFOUND] = "not_found",
	[ST_EXISTS] = "exists",
	[ST_INVALID] = "invalid",
	[ST_CONFLICT] = "conflict",
	[ST_BUSY] = "busy",
	[ST_FULL] = "full",
	[ST_NOSPACE] = "no_space",
	[ST_DEEP] = "too_deep",
	[ST_NOMEM] = "no_memory",
	[ST_IO] = "io_error",
	[ST_CORRUPT] = "corrupt",
	[ST_VERSION] = "version",
	[ST_DENIED] = "denied",
	[ST_QUOTA] = "quota",
};

const char *status_name(enum status st)
{
	return st >= 0 && st < ST_N ? names[st] : "unknown";
}

enum status why_set(struct why *why, enum status st, const char *fmt, ...)
{
	if (!why)
		return st;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return st;
}

static enum status status_of_errno(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return ST_NOSPACE;
	case ENOMEM:
		return ST_NOMEM;
	case EACCES:
	case EPERM:
	case EROFS:
		return ST_DENIED;
	case ENOENT:
		return ST_NOTFOUND;
	default:
		return ST_IO;
	}
}

enum status why_errno(struct why *why, int err, const char *fmt, ...)
{
	if (why) {
		va_list ap;
		va_start(ap, fmt);
		int len = vsnprintf(why->text, sizeof why->text, fmt, ap);
		va_end(ap);
		char text[96];
		if (len >= 0 && (size_t)len < sizeof why->text)
			snprintf(why->text + len, sizeof why->text - (size_t)len, ": %s",
				strerror_r(err, text, sizeof text));
	}
	return status_of_errno(err);
}

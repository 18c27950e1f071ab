/* spool/model/account.c: see account.h. */
#include "spool/model/account.h"

#include <inttypes.h>

enum { TOLD_MAX = 64 };

void account_set_name(struct account *account, struct slice name)
{
	size_t len = name.len <= JOB_TEXT_MAX ? name.len : JOB_TEXT_MAX;
	if (len)
		memcpy(account->name, name.p, len);
	account->name[len] = '\0';
}

bool account_takes(const struct account *has, const struct trigger *t, struct why *why)
{
	uint64_t bytes = t->payload.len;
	int name_len = t->source.len < TOLD_MAX ? (int)t->source.len : TOLD_MAX;
	const char *name = t->source.len ? t->source.p : "";
	if (t->max_jobs && has->jobs >= t->max_jobs)
		why_set(why, ST_QUOTA,
			"caller %.*s has %" PRIu64 " jobs that have not ended, and may have %" PRIu64,
			name_len, name, has->jobs, t->max_jobs);
	else if (t->max_bytes && bytes > t->max_bytes)
		why_set(why, ST_QUOTA,
			"the payload has %" PRIu64 " bytes, and all jobs of caller %.*s may have %" PRIu64,
			bytes, name_len, name, t->max_bytes);
	else if (t->max_bytes && has->bytes > t->max_bytes - bytes)
		why_set(why, ST_QUOTA,
			"jobs of caller %.*s that have not ended have %" PRIu64 " bytes; with these %" PRIu64
			" it would be more than %" PRIu64,
			name_len, name, has->bytes, bytes, t->max_bytes);
	else
		return true;
	return false;
}

static uint64_t less(uint64_t from, uint64_t by)
{
	return from > by ? from - by : 0;
}

void account_add(struct account *account, uint64_t bytes, int by)
{
	if (by > 0) {
		account->jobs++;
		account->bytes += bytes;
	} else {
		/* No outcome is refused for a count that is wrong; verify tells of it. */
		account->jobs = less(account->jobs, 1);
		account->bytes = less(account->bytes, bytes);
	}
}

/* spool/model/account.h: what one caller has in the spool: its jobs that have not ended, and the bytes of
 * their payloads. A caller is known by the source of its triggers. Pure. */
#ifndef SPOOL_MODEL_ACCOUNT_H
#define SPOOL_MODEL_ACCOUNT_H
#include "spool/model/trigger.h"

/* Only jobs count whose triggers came with a bound (struct trigger: max_jobs, max_bytes). */
struct account {
	char name[JOB_TEXT_MAX + 1];
	uint64_t jobs, bytes;
};

/* Whether it has room for one more job like this; otherwise *why says what it has (QUOTA). */
bool account_takes(const struct account *has, const struct trigger *trigger, struct why *why);
/* A charged job of so many bytes comes to life (by 1), or ends or goes (by -1). */
void account_add(struct account *account, uint64_t bytes, int by);
/* Cut at JOB_TEXT_MAX bytes. */
void account_set_name(struct account *account, struct slice name);

#endif

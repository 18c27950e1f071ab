/* spool/model/account.h: what one caller has in the spool: its jobs that have not ended, and the bytes of
 * their payloads. A caller is known by the source of its triggers. Pure. */
#ifndef SPOOL_MODEL_ACCOUNT_H
#define SPOOL_MODEL_ACCOUNT_H
#include "spool/model/job.h"

/* Only jobs count whose triggers came with a bound (struct trigger: max_jobs, max_bytes). */
struct account {
	char name[JOB_TEXT_MAX + 1];
	uint64_t jobs, bytes;
};

/* Cut at JOB_TEXT_MAX bytes. */
void account_set_name(struct account *account, struct slice name);

#endif

/* spool/store/common/tally.h: sums of jobs and bytes by account, in memory: what the jobs say, to hold what
 * is stored against or to put in its place. */
#ifndef SPOOL_STORE_COMMON_TALLY_H
#define SPOOL_STORE_COMMON_TALLY_H
#include "spool/base/id.h"

#include <stdbool.h>
#include <stddef.h>

struct tally_row {
	uint64_t account; /* its hash, never 0; 0: this row is free */
	int64_t jobs, bytes;
	struct job_id job; /* the last one that was added */
};

struct tally {
	struct tally_row *rows; /* cap of them, in no order */
	size_t n, cap;
};
#define TALLY_INIT                                                                                           \
	{                                                                                                    \
		0                                                                                            \
	}

/* false: out of memory. */
bool tally_add(struct tally *tally, uint64_t account, int64_t jobs, int64_t bytes, struct job_id job);
void tally_release(struct tally *tally);

#endif

/* worker/held.h: the leases that this worker holds, findable by job and token. Not shared between threads. */
#ifndef WORKER_HELD_H
#define WORKER_HELD_H
#include "spool/model/job.h"

struct outcome;

struct held_lease {
	struct job_id id;
	uint64_t token;
	int phase;
	size_t bytes;         /* of the job's payload, in memory as long as it is held */
	bool is_ending;       /* an outcome that ends it is on its way to the disk */
	struct outcome *last; /* of its outcomes that are on their way; NULL: none is */
};

struct held {
	struct held_lease *items; /* n of them, in no order */
	size_t n, cap;
	size_t ending_n, bytes; /* of all */
	uint32_t *slots;        /* open addressing: 1 + index in items; 0: free */
	size_t mask;
};

NODISCARD bool held_init(struct held *held, size_t cap); /* false: no memory */
void held_release(struct held *held);
/* There must be room. */
void held_add(struct held *held, const struct job *job);
/* An outcome is on its way that ends it. */
void held_end(struct held *held, struct job_id id, uint64_t token);
/* NULL: not held. Valid until the next add or remove. */
struct held_lease *held_find(const struct held *held, struct job_id id, uint64_t token);
/* Where it stood in items, which the last one now has; HELD_NONE: it is not held. */
#define HELD_NONE SIZE_MAX
size_t held_remove(struct held *held, struct job_id id, uint64_t token);

#endif

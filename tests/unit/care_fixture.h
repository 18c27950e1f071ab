/* tests/unit/care_fixture.h: a spool that has lived, and what verify says of one. */
#ifndef TESTS_UNIT_CARE_FIXTURE_H
#define TESTS_UNIT_CARE_FIXTURE_H
#include "spool/store/lmdb/tx.h"
#include "tests/unit/store_fixture.h"

/* Jobs in every state, some with keys, some with payloads of several pages. */
void fill(struct fixture *f, int jobs);

/* Changes a byte of the job's record in a tree. */
void spoil(struct fixture *f, enum tree tree, struct job_id id);

/* The same of a record of the tree meta. */
void spoil_meta(struct fixture *f, const char *key);

struct told {
	uint64_t findings;
	char all[8192];
};
void hear(void *arg, const struct spool_finding *finding); /* arg: a struct told */
/* OK or CORRUPT, with its findings. */
enum status verify(struct fixture *f, const char *path, struct told *told);

#endif

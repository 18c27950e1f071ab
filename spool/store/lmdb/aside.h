/* spool/store/lmdb/aside.h: a record that cannot be read leaves the queue, is kept, counted and reported
 * (promise 8). */
#ifndef SPOOL_STORE_LMDB_ASIDE_H
#define SPOOL_STORE_LMDB_ASIDE_H
#include "spool/store/lmdb/job_io.h"

/* Move what is left of job id into the aside tree and remove every index entry that leads to it. queue_key
 * (may be NULL): its entry, where the caller has it. Costs a scan of whole trees only if the job's trigger
 * cannot be read. */
void aside_job(struct tx *tx, struct job_id id, const struct key *queue_key);

#endif

/* spool/store/lmdb/await_io.h: the records of workflows that have stalled.
 *
 * What a workflow awaits is written nowhere, so that it costs outcomes and submits nothing: it follows from
 * the queue, where the jobs of each phase that have completed stand in order of time, and from the workflow's
 * members. Only what did not come in time gets a record: meta, stalled. | id of the job that completed. It
 * goes when the awaited phase has come, or the job has gone, was forgotten or was run again. */
#ifndef SPOOL_STORE_LMDB_AWAIT_IO_H
#define SPOOL_STORE_LMDB_AWAIT_IO_H
#include "spool/store/common/codec.h"
#include "spool/store/lmdb/job_io.h"

struct key await_prefix(void);
struct key await_key(struct job_id id);
/* Whether a key of meta is that of such a record. */
bool await_of_key(struct slice key, struct job_id *id);

/* Whether the workflow of a job awaits this phase still: the job has completed the one before it, and none
 * that will do was accepted after it. */
bool await_is_open(struct tx *tx, const struct loaded *l, int phase);
/* A job goes, or its workflow's name does. */
void await_forget(struct tx *tx, struct job_id id);

#endif

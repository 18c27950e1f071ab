/* spool/store/lmdb/purge.h: an operator's removal of jobs that have ended, one by one. No job is left that an
 * event could belong to, so one event in each transaction tells of all of them. */
#ifndef SPOOL_STORE_LMDB_PURGE_H
#define SPOOL_STORE_LMDB_PURGE_H
#include "spool/store/lmdb/tx.h"

enum { PURGE_NAMED_MAX = 1000 }; /* ids that its event names */

struct purge {
	uint64_t removed[JOB_STATE_N];
	uint64_t n;
	struct buf ids;
};
void purge_begin(struct purge *purge);
/* Ask number i. CONFLICT: it has not ended, something has happened to it, or it stays for its key. */
void purge_one(struct tx *tx, struct purge *purge, const struct steer_ask *ask, size_t i,
	struct steer_result *result);
/* The event, if there is anything to tell. */
void purge_end(struct tx *tx, struct purge *purge, const struct steer_ask *ask);

#endif

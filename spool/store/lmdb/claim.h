/* spool/store/lmdb/claim.h: due jobs out to a worker, as part of an exchange. */
#ifndef SPOOL_STORE_LMDB_CLAIM_H
#define SPOOL_STORE_LMDB_CLAIM_H
#include "spool/store/lmdb/tx.h"

/* Lease up to ask->max ready jobs into jobs[*jobs_n..). */
void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n);

#endif

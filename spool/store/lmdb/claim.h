/* spool/store/lmdb/claim.h: due jobs out to a worker, as part of an exchange. */
#ifndef SPOOL_STORE_LMDB_CLAIM_H
#define SPOOL_STORE_LMDB_CLAIM_H
#include "spool/store/lmdb/tx.h"

/* Lease ready jobs into jobs[*jobs_n..ask->max), in the order of lanes.h and within the ask's limits. */
void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n);

/* Is there something ready that this exchange leaves and that others, who may have room for it, have not been
 * told of? Once for each change: two that are both full would wake each other for ever. */
bool claim_leaves_news(struct tx *tx, size_t claimed);

#endif

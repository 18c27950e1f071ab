/* spool/store/lmdb/purge.h: model/purge.h on LMDB. */
#ifndef SPOOL_STORE_LMDB_PURGE_H
#define SPOOL_STORE_LMDB_PURGE_H
#include "spool/store/lmdb/tx.h"

/* All of what is asked, and the event that tells of it. */
void purge_all(struct tx *tx, const struct steer_ask *ask, struct steer_result *results);

#endif

/* spool/store/lmdb/due.h: delayed jobs whose time comes, as part of an exchange. */
#ifndef SPOOL_STORE_LMDB_DUE_H
#define SPOOL_STORE_LMDB_DUE_H
#include "spool/store/lmdb/tx.h"

/* Make a bounded number of those that are due waiting: of all phases those first that are due longest. */
void due_move(struct tx *tx);

/* When the next one is due; in the past when due_move() left some, so that the caller comes back at once.
 * INT64_MAX: there is none. */
int64_t due_next(struct tx *tx);

#endif

/* spool/store/lmdb/bookmark.h: durable numbers under names, in meta (spool.h, spool_bookmark_get()). */
#ifndef SPOOL_STORE_LMDB_BOOKMARK_H
#define SPOOL_STORE_LMDB_BOOKMARK_H
#include "spool/store/lmdb/tx.h"

/* Set one along with what else the transaction writes. */
void bookmark_put(struct tx *tx, const char *name, uint64_t value);

#endif

/* spool/store/lmdb/wake.h: the hint between processes that there may be something to claim: one byte in
 * PATH/wake, a FIFO. Whoever polls it sees work without polling the store; a lost hint costs at most the
 * poller's own time-out. */
#ifndef SPOOL_STORE_LMDB_WAKE_H
#define SPOOL_STORE_LMDB_WAKE_H
#include "spool/store/lmdb/env.h"

void wake_open(struct store *store); /* without the FIFO there are no hints, nothing else */
void wake_ring(struct store *store); /* never blocks */
void wake_drain(struct store *store);

#endif

/* spool/store/lmdb/receiver_io.h: receivers in and out of the tree meta, one record each under
 * receiver.NAME. A record that cannot be read is as good as none: the breaker is closed and nothing is
 * paused, until the next report writes it anew. */
#ifndef SPOOL_STORE_LMDB_RECEIVER_IO_H
#define SPOOL_STORE_LMDB_RECEIVER_IO_H
#include "spool/store/common/codec.h"
#include "spool/store/lmdb/tx.h"

/* Whether a key of meta is a receiver's: *name borrows from it. */
bool receiver_of_key(struct slice key, struct slice *name);
/* ST_OK, NOTFOUND, CORRUPT, VERSION; *out as above. Or the sticky failure. */
enum status receiver_load(struct tx *tx, struct slice name, struct receiver_state *out);
void receiver_put(struct tx *tx, const struct receiver_state *r);

/* Of an exchange. Before its claims: what the reports make of their receivers, with the events; ask may be
 * NULL. */
void receivers_report(struct tx *tx, const struct claim_ask *ask);
/* After its end, which was good: the reports are set back as far as they are in the spool (is_kept: there was
 * a commit), others are told that more calls are allowed, and *next_due_us becomes less where one will be. */
void receivers_reported(const struct tx *tx, const struct claim_ask *ask, bool is_kept, int64_t *next_due_us);

#endif

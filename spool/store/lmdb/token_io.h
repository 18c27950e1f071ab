/* spool/store/lmdb/token_io.h: tokens in and out of the tree meta, one record each under token.NAME. One that
 * cannot be read lets nobody in. */
#ifndef SPOOL_STORE_LMDB_TOKEN_IO_H
#define SPOOL_STORE_LMDB_TOKEN_IO_H
#include "spool/store/common/codec.h"
#include "spool/store/lmdb/tx.h"

/* Whether a key of meta is a token's: *name borrows from it. */
bool token_of_key(struct slice key, struct slice *name);
/* ST_OK, NOTFOUND, CORRUPT, VERSION; *out as above. Or the sticky failure. name must be valid. */
enum status token_load(struct tx *tx, struct slice name, struct token *out);
void token_put(struct tx *tx, const struct token *t);

#endif

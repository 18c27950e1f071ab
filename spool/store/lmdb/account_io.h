/* spool/store/lmdb/account_io.h: accounts in and out of the tree meta, one record each under caller.HASH,
 * next to the head, so that a submit that is counted writes no further page.
 *
 * Invariant: a record says what the charged jobs of its account that have not ended sum up to; an account
 * without such a job has none. So there are never more records than live jobs, whatever names callers make
 * up. A record that cannot be read is as good as none. */
#ifndef SPOOL_STORE_LMDB_ACCOUNT_IO_H
#define SPOOL_STORE_LMDB_ACCOUNT_IO_H
#include "spool/model/account.h"
#include "spool/store/common/codec.h"
#include "spool/store/common/tally.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/tx.h"

/* Whether a key of meta is an account's. */
bool account_of_key(struct slice key, uint64_t *hash);
struct key account_key(uint64_t hash);

/* Whether its account has room for one more job like this; otherwise *why says what it has. */
bool account_has_room(struct tx *tx, const struct trigger *trigger, struct why *why);
/* A charged job comes to life (by 1), or ends or goes (by -1); others are nobody's. For 1 the job has its
 * source. */
void account_count(struct tx *tx, const struct job *job, uint64_t hash, int by);
/* Add what a job's record (id: its key) says, times by; one that is not charged, not alive or cannot be read
 * adds nothing. *is_readable may become false. false: out of memory. */
bool account_tally(struct tally *tally, struct slice id, struct slice record, int by, bool *is_readable);
/* All of them anew from the jobs, when one has gone of which it is not known whose it was. Walks the tree of
 * jobs if there is any account. */
void account_recount(struct tx *tx);

#endif
